package duckdb
import ("testing";"context";"fmt";"time";"os";"io";"strings";"github.com/engine-build/engine/engine/warehouse")
func TestZZ(t *testing.T){
 ctx:=context.Background()
 c,_:=openPath(t.TempDir(),map[string]string{"memory_limit":"1GB"}); defer c.Close()
 f:=warehouse.File{Path:"/tmp/exp/big.csv",Format:"csv",Open:func()(io.ReadCloser,error){return os.Open("/tmp/exp/big.csv")}}
 rss:=func(){ b,_:=os.ReadFile("/proc/self/status"); for _,l:=range strings.Split(string(b),"\n"){ if strings.HasPrefix(l,"VmHWM"){fmt.Println(l)}} }
 s:=time.Now(); cols,err:=c.(warehouse.Sniffer).Sniff(ctx,f); fmt.Println("sniff",time.Since(s),cols,err)
 mustExec(t,c,"create schema core")
 s=time.Now(); st,err:=c.(warehouse.Loader).Load(ctx,rel("x"),cols,f); fmt.Println("load",time.Since(s),st,err); rss()
 cols[3].Type="DATE"
 s=time.Now(); st,err=c.(warehouse.Loader).Load(ctx,rel("y"),cols,f); fmt.Printf("bad last %v %+v\n",time.Since(s),err); rss()
 cols[3].Type="UUID"
 s=time.Now(); st,err=c.(warehouse.Loader).Load(ctx,rel("y"),cols,f); fmt.Println("bad uuid",time.Since(s),err,err.(*warehouse.LoadError).More); rss()
}

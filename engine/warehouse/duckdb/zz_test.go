package duckdb
import ("testing";"context";"fmt";"time";"os";"io";"strings";"github.com/engine-build/engine/engine/warehouse")
func TestZZ(t *testing.T){
 ctx:=context.Background()
 c,_:=openPath(t.TempDir(),map[string]string{"memory_limit":"1GB"}); defer c.Close()
 f:=warehouse.File{Path:"/tmp/exp/big.csv",Format:"csv",Open:func()(io.ReadCloser,error){return os.Open("/tmp/exp/big.csv")}}
 s:=time.Now(); cols,err:=c.(warehouse.Sniffer).Sniff(ctx,f); fmt.Println("sniff",time.Since(s),cols,err)
 s=time.Now(); st,err:=c.(warehouse.Loader).Load(ctx,rel("x"),cols,f); fmt.Println("load no schema",time.Since(s),st,err!=nil)
 mustExec(t,c,"create schema core")
 s=time.Now(); st,err=c.(warehouse.Loader).Load(ctx,rel("x"),cols,f); fmt.Println("load",time.Since(s),st,err)
 cols[3].Type="INTEGER"
 s=time.Now(); st,err=c.(warehouse.Loader).Load(ctx,rel("y"),cols,f); fmt.Println("bad ints",time.Since(s),err)
 cols[3].Type="UUID"
 s=time.Now(); st,err=c.(warehouse.Loader).Load(ctx,rel("y"),cols,f); fmt.Println("bad uuid",time.Since(s),err)
 b,_:=os.ReadFile("/proc/self/status"); for _,l:=range strings.Split(string(b),"\n"){ if strings.HasPrefix(l,"VmHWM"){fmt.Println(l)}}
}

package isolation_test
import ("testing";"fmt";"time";"strings";"github.com/engine-build/engine/engine/isolation")
func TestScratch(t *testing.T){
 s:=open(t)
 var b strings.Builder
 b.WriteString("select t0.tenant_id from t as t0")
 for i:=1;i<400;i++ { fmt.Fprintf(&b," join u as t%d on t%d.id = t%d.id and t%d.tenant_id = t%d.tenant_id",i,i,i-1,i,i-1) }
 c := strings.ReplaceAll(b.String(), " and ", " or ")
 for _, q := range []string{b.String(), c} {
 a,err:=s.Analyze(q); if err!=nil {t.Fatal(err)}
 at:=time.Now(); v:=isolation.Of(a.Stmt, isolation.Options{Tables: tables}); fmt.Println(v.State, len(v.Reasons), time.Since(at))
 }
 b.Reset(); b.WriteString("with ")
 for i:=0;i<300;i++ { if i>0 {b.WriteString(", "); fmt.Fprintf(&b,"c%d as (select a.tenant_id, a.x from c%d as a join c%d as b using (tenant_id))",i,i-1,i-1)} else {b.WriteString("c0 as (select tenant_id, x from t)")} }
 b.WriteString(" select * from c299")
 for _, q := range []string{b.String(), strings.ReplaceAll(b.String(),"using (tenant_id)","on a.x = b.x"), strings.ReplaceAll(b.String(),"join","left join")} {
 a,err:=s.Analyze(q); if err!=nil {t.Fatal(err)}
 at:=time.Now(); v:=isolation.Of(a.Stmt, isolation.Options{Tables: tables}); fmt.Println(v.State, len(v.Reasons), time.Since(at))
 }
}

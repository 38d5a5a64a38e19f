package tenant_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
)

func TestTsliceBench(t *testing.T) {
	for _, name := range []string{"duckdb", "postgres"} {
		p := openDuckDB(t)
		doc := `'{"f0":"x' || i || '","f1":"2024-01-0' || (1 + i % 9) || '","f2":' || i || ',"f3":"' || i || '.5","f4":true,"f5":["a","b' || i || '"],"f6":"2024-01-02T03:04:05Z","f7":"03.02.2024"}'`
		if name == "duckdb" {
			p.exec(t, `CREATE TABLE big AS SELECT i AS id, CAST(`+doc+` AS JSON) AS cf FROM range(500000) AS t(i)`)
		} else {
			p = openPostgres(t)
			p.exec(t, `CREATE TABLE big AS SELECT i::bigint AS id, (`+doc+`)::jsonb AS cf FROM generate_series(1,500000) AS t(i)`)
		}
		for i, typ := range []warehouse.FieldType{str, date, integer, num, boolean, several, stamp, date} {
			rule := tenant.Rule{Relation: p.named("big"), As: "big", All: true, Columns: []tenant.Column{{Name: "id", Type: p.integer, Number: true}, {Name: "cf", Type: p.json}}, Fields: &tenant.FieldSource{Column: "cf", Formats: dateFormats}}
			c := tenant.Customer{Name: "c", Fields: map[string][]tenant.Field{"big": {{ID: fmt.Sprintf("f%d", i), Type: typ, Column: "x"}}}}
			q, _ := tenant.Slice(p.d, rule, c, tenant.Frozen{}, tenant.From{})
			at := time.Now()
			p.exec(t, "CREATE TABLE s AS "+q)
			fmt.Println(name, typ, time.Since(at).Round(time.Millisecond))
			at = time.Now()
			for _, pr := range tenant.Proofs(p.d, rule, c, tenant.Frozen{}, tenant.From{}, tenant.Staged{Relation: p.named("s")}) {
				p.query(t, pr.Query)
			}
			fmt.Println(name, typ, "proofs", time.Since(at).Round(time.Millisecond))
			p.exec(t, "DROP TABLE s")
		}
	}
}

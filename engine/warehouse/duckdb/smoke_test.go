package duckdb

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

func TestSmoke(t *testing.T) {
	ctx := context.Background()
	a, err := Driver{}.Analyzer(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	rel := func(n string) addr.Relation { return addr.Relation{Schema: "s", Name: n} }
	fmt.Println(a.Declare(ctx, rel("src"), []warehouse.Column{{Name: "id", Type: "BIGINT"}, {Name: "n", Type: "DECIMAL(18,3)"}}))
	for _, q := range []string{
		"select id, n*2 as x, 'ä' as ä from s.src -- c", "select 'ä', foo from s.src", "select * from s.nope", "select 1 +", "select 1 as a, 2 as a, 3 as A", "select 1) from (select 2",
		"select * from read_csv('/etc/passwd')", "select * from 'x.parquet'", "select st_point(1,2) p", "pivot s.src on id using sum(n)", "pivot s.src on id in (1,2) using sum(n)",
		"select error('boo') as e, 'abc'::int as b, 1/0 as c", "select ?", "select row(1,2) as r", "with x as (select 1 a) select * from x order by 1 limit 3", "from s.src", "values (1,2)",
		"", "-- only", "select [1,2] l, {'a': 1} s, 'x'::enum('x','y') e, '{}'::json j, null n", "select lowr('x')", "select sum(id) from s.src group by 2", "insert into s.src values (1,2)", "select * from db2.s.x",
		"select count(*) as c, c + 1 as d from s.src", "select s.src.idd from s.src", "select * from (select 'ä'; select 1)", "select * from (select 'a' from s.src\n order by 1", "select sqrt(-1) as x, cast('x' as date) as y", "select * from http_get('x')", "select * from read_json('http://x')",
	} {
		start := time.Now()
		an, err := a.Analyze(ctx, rel("m"), q)
		d := time.Since(start)
		off, l, ok := Dialect{}.ErrorAt(warehouse.Statement{SQL: q}, err)
		tok := ""
		if ok {
			tok = q[off : off+l]
		}
		ex := ""
		if err != nil {
			ex = fmt.Sprintf("%+v", Dialect{}.Explain(err))
		}
		fmt.Printf("%q\n   %v cols=%v unknown=%q\n   err=%v %d %d %v %q\n", q, d, an.Columns, an.Unknown, ex, off, l, ok, tok)
	}
}

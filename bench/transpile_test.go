package bench

import (
	"database/sql"
	"fmt"
	"math"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"

	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
	"github.com/engine-build/engine/engine/transpile/duckdb"
)

// transpiled are queries after TPC-H, in GoogleSQL and as a DuckDB user would write
// them, with the same rows as the result.
var transpiled = []struct{ name, google, native string }{
	{
		"pricing summary",
		`SELECT flag, status, SUM(quantity) AS q, SUM(price) AS p, SUM(price * (1 - discount)) AS d, AVG(price) AS a, COUNT(*) AS n
		 FROM lineitem WHERE shipped <= DATE '1998-09-02' GROUP BY flag, status ORDER BY flag, status`,
		`SELECT flag, status, sum(quantity)::BIGINT AS q, sum(price) AS p, sum(price * (1 - discount)) AS d, avg(price) AS a, count(*) AS n
		 FROM lineitem WHERE shipped <= DATE '1998-09-02' GROUP BY flag, status ORDER BY flag, status`,
	},
	{
		"shipping priority",
		`SELECT l.orderkey, SUM(l.price * (1 - l.discount)) AS revenue, o.ordered FROM customer c JOIN orders o ON c.custkey = o.custkey
		 JOIN lineitem l ON l.orderkey = o.orderkey WHERE c.segment = 'BUILDING' AND o.ordered < DATE '1995-03-15' AND l.shipped > DATE '1995-03-15'
		 GROUP BY l.orderkey, o.ordered ORDER BY revenue DESC, l.orderkey LIMIT 10`,
		`SELECT l.orderkey, sum(l.price * (1 - l.discount)) AS revenue, o.ordered FROM customer c JOIN orders o ON c.custkey = o.custkey
		 JOIN lineitem l ON l.orderkey = o.orderkey WHERE c.segment = 'BUILDING' AND o.ordered < DATE '1995-03-15' AND l.shipped > DATE '1995-03-15'
		 GROUP BY l.orderkey, o.ordered ORDER BY revenue DESC NULLS LAST, l.orderkey NULLS FIRST LIMIT 10`,
	},
	{
		"order priority checking",
		`SELECT priority, COUNT(*) AS n FROM orders o WHERE ordered >= DATE '1993-07-01' AND ordered < DATE '1994-10-01'
		 AND EXISTS (SELECT 1 FROM lineitem l WHERE l.orderkey = o.orderkey AND l.shipped < l.received) GROUP BY priority ORDER BY priority`,
		`SELECT priority, count(*) AS n FROM orders o WHERE ordered >= DATE '1993-07-01' AND ordered < DATE '1994-10-01'
		 AND EXISTS (SELECT 1 FROM lineitem l WHERE l.orderkey = o.orderkey AND l.shipped < l.received) GROUP BY priority ORDER BY priority`,
	},
	{
		"revenue change",
		`SELECT SUM(price * discount) AS revenue FROM lineitem WHERE shipped >= DATE '1994-01-01' AND shipped < DATE '1996-01-01' AND discount BETWEEN 0.02 AND 0.07 AND quantity < 24`,
		`SELECT sum(price * discount) AS revenue FROM lineitem WHERE shipped >= DATE '1994-01-01' AND shipped < DATE '1996-01-01' AND discount BETWEEN 0.02e0 AND 0.07e0 AND quantity < 24`,
	},
	{
		"volume by month",
		`SELECT DATE_TRUNC(shipped, MONTH) AS m, EXTRACT(YEAR FROM shipped) AS y, SUM(quantity) AS q FROM lineitem GROUP BY m, y ORDER BY m`,
		`SELECT date_trunc('month', shipped)::DATE AS m, year(shipped) AS y, sum(quantity)::BIGINT AS q FROM lineitem GROUP BY ALL ORDER BY m`,
	},
	{
		"share by condition",
		`SELECT shipmode, SUM(CASE WHEN priority IN ('1-URGENT', '2-HIGH') THEN 1 ELSE 0 END) AS high, SAFE_DIVIDE(COUNTIF(priority = '1-URGENT'), COUNT(*)) AS share
		 FROM orders JOIN lineitem USING (orderkey) WHERE shipmode IN ('MAIL', 'SHIP') GROUP BY shipmode ORDER BY shipmode`,
		`SELECT shipmode, sum(CASE WHEN priority IN ('1-URGENT', '2-HIGH') THEN 1 ELSE 0 END)::BIGINT AS high, count(*) FILTER (WHERE priority = '1-URGENT') / nullif(count(*), 0) AS share
		 FROM orders JOIN lineitem USING (orderkey) WHERE shipmode IN ('MAIL', 'SHIP') GROUP BY shipmode ORDER BY shipmode`,
	},
	{
		"latest line of each order",
		`SELECT orderkey, shipped, price FROM lineitem WHERE quantity > 40 QUALIFY ROW_NUMBER() OVER (PARTITION BY orderkey ORDER BY shipped DESC, price) = 1 ORDER BY price DESC, orderkey LIMIT 100`,
		`SELECT orderkey, shipped, price FROM lineitem WHERE quantity > 40 QUALIFY row_number() OVER (PARTITION BY orderkey ORDER BY shipped DESC NULLS LAST, price NULLS FIRST) = 1 ORDER BY price DESC NULLS LAST, orderkey NULLS FIRST LIMIT 100`,
	},
	{
		"running total",
		`WITH daily AS (SELECT shipped, SUM(price) AS p FROM lineitem GROUP BY shipped) SELECT shipped, p, SUM(p) OVER (ORDER BY shipped) AS total FROM daily ORDER BY shipped`,
		`WITH daily AS (SELECT shipped, sum(price) AS p FROM lineitem GROUP BY shipped) SELECT shipped, p, sum(p) OVER (ORDER BY shipped NULLS FIRST) AS total FROM daily ORDER BY shipped NULLS FIRST`,
	},
	{
		"large orders",
		`SELECT o.orderkey, o.ordered, q FROM orders o JOIN (SELECT orderkey, SUM(quantity) AS q FROM lineitem GROUP BY orderkey HAVING SUM(quantity) > 200) USING (orderkey) ORDER BY q DESC, o.orderkey LIMIT 100`,
		`SELECT o.orderkey, o.ordered, q FROM orders o JOIN (SELECT orderkey, sum(quantity)::BIGINT AS q FROM lineitem GROUP BY orderkey HAVING sum(quantity) > 200) USING (orderkey) ORDER BY q DESC NULLS LAST, o.orderkey NULLS FIRST LIMIT 100`,
	},
	{
		"cleaning",
		`SELECT UPPER(TRIM(shipmode)) AS mode, COALESCE(flag, '?') AS flag, IF(quantity > 25, 'big', 'small') AS size, COUNT(DISTINCT orderkey) AS orders, MAX(price) AS most
		 FROM lineitem WHERE shipmode LIKE '%I%' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`,
		`SELECT upper(trim(shipmode)) AS mode, coalesce(flag, '?') AS flag, CASE WHEN quantity > 25 THEN 'big' ELSE 'small' END AS size, count(DISTINCT orderkey) AS orders, max(price) AS most
		 FROM lineitem WHERE shipmode LIKE '%I%' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`,
	},
}

// BenchmarkTranspiled compares both texts of each query over a million lines, turn by
// turn, and reports the ratio of the fastest times; target: 1.1 in the geometric mean.
func BenchmarkTranspiled(b *testing.B) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	session, err := googlesql.Open(googlesql.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer session.Close()
	exec := func(text string) {
		if _, err := db.Exec(text); err != nil {
			b.Fatalf("%s: %v", text, err)
		}
	}
	exec("SET TimeZone = 'UTC'")
	exec("SET disabled_optimizers = 'common_subexpressions'")
	exec("CREATE SCHEMA " + duckdb.Schema)
	exec("SELECT setseed(0.5)")
	for _, t := range []struct{ name, columns, query string }{
		{
			"lineitem", "orderkey INT64, flag STRING, status STRING, shipmode STRING, quantity INT64, price FLOAT64, discount FLOAT64, shipped DATE, received DATE",
			`SELECT (i // 4)::BIGINT, ['A', 'N', 'R'][CAST(1 + hash(i) % 3 AS BIGINT)], ['O', 'F'][CAST(1 + hash(i * 7) % 2 AS BIGINT)], ['MAIL', 'SHIP', 'AIR', 'RAIL', 'TRUCK'][CAST(1 + hash(i * 3) % 5 AS BIGINT)],
			 (1 + hash(i * 5) % 50)::BIGINT, (hash(i * 11) % 100000)::DOUBLE / 7, (hash(i * 13) % 11)::DOUBLE / 100,
			 DATE '1992-01-01' + (hash(i * 17) % 2500)::INTEGER, DATE '1992-01-10' + (hash(i * 19) % 2500)::INTEGER FROM range(1000000) AS r(i)`,
		},
		{
			"orders", "orderkey INT64, custkey INT64, ordered DATE, priority STRING",
			`SELECT i, (hash(i) % 25000)::BIGINT, DATE '1992-01-01' + (hash(i * 3) % 2400)::INTEGER, ['1-URGENT', '2-HIGH', '3-MEDIUM', '4-LOW'][CAST(1 + hash(i * 5) % 4 AS BIGINT)] FROM range(250000) AS r(i)`,
		},
		{"customer", "custkey INT64, segment STRING", `SELECT i, ['BUILDING', 'MACHINERY', 'AUTOMOBILE'][CAST(1 + hash(i) % 3 AS BIGINT)] FROM range(25000) AS r(i)`},
	} {
		typ, _, err := googlesql.ParseType("STRUCT<" + t.columns + ">")
		if err != nil {
			b.Fatal(err)
		}
		table := googlesql.Table{Name: t.name}
		columns := ""
		for i, f := range typ.Fields {
			table.Columns = append(table.Columns, googlesql.Column{Name: f.Name, Type: f.Type})
			x, err := duckdb.Type(f.Type)
			if err != nil {
				b.Fatal(err)
			}
			if i > 0 {
				columns += ", "
			}
			columns += f.Name + " " + x
		}
		if err := session.Declare(table); err != nil {
			b.Fatal(err)
		}
		exec("CREATE TABLE " + t.name + " (" + columns + ")")
		exec("INSERT INTO " + t.name + " " + t.query)
	}
	run := func(text string) (time.Duration, string) {
		start := time.Now() //nolint:forbidigo // a benchmark measures time
		rows, err := db.Query(text)
		if err != nil {
			b.Fatalf("%s: %v", text, err)
		}
		defer rows.Close()
		columns, _ := rows.Columns()
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		n, last := 0, ""
		for rows.Next() {
			if err := rows.Scan(values...); err != nil {
				b.Fatal(err)
			}
			n++
		}
		if err := rows.Err(); err != nil {
			b.Fatal(err)
		}
		for _, v := range values {
			last += fmt.Sprintf("%.9v ", *v.(*any))
		}
		return time.Since(start), fmt.Sprintf("%d rows, last %s", n, last) //nolint:forbidigo // a benchmark measures time
	}
	for range b.N {
		logs := 0.0
		for _, q := range transpiled {
			a, err := session.Analyze(q.google)
			if err != nil {
				b.Fatalf("%s: %v", q.name, err)
			}
			r, err := duckdb.Statement(a.Stmt, transpile.Options{Table: func(t *ir.Table) (string, error) { return t.Name, nil }})
			if err != nil {
				b.Fatalf("%s: %v", q.name, err)
			}
			for _, m := range duckdb.Close(r.Needs) {
				exec(m.SQL)
			}
			ours, theirs := time.Hour, time.Hour
			for range 15 {
				d, x := run(r.SQL)
				ours = min(ours, d)
				d, y := run(q.native)
				theirs = min(theirs, d)
				if x != y {
					b.Fatalf("%s: %s, natively %s\n%s", q.name, x, y, r.SQL)
				}
			}
			ratio := float64(ours) / float64(theirs)
			logs += math.Log(ratio)
			b.Logf("%-28s %8.2f ms, native %8.2f ms, ratio %.2f", q.name, ours.Seconds()*1e3, theirs.Seconds()*1e3, ratio)
		}
		b.ReportMetric(math.Exp(logs/float64(len(transpiled))), "ratio")
	}
}

package lineage

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/origin"
	"github.com/google/go-cmp/cmp"
)

// span is where a text stands in a query; the test fails if it does not.
func span(t *testing.T, sql, part string) ir.Span {
	t.Helper()
	i := strings.Index(sql, part)
	if i < 0 {
		t.Fatalf("%q is not in %q", part, sql)
	}
	return ir.Span{Start: i, End: i + len(part)}
}

// source takes "table.column.field".
func gives(path string, kind origin.Kind, via ...ir.Span) origin.Source {
	parts := strings.Split(path, ".")
	return origin.Source{Table: parts[0], Path: parts[1:], Kind: kind, Via: via}
}

func reads(path string, use origin.Use, at ir.Span) origin.Effect {
	parts := strings.Split(path, ".")
	return origin.Effect{Table: parts[0], Path: parts[1:], Use: use, At: at}
}

// sales is a project of a source, three models, one that was not analyzed, and one that reads itself.
func sales(t *testing.T) *Columns {
	t.Helper()
	tables := map[string]addr.Node{
		"raw": {Kind: addr.Source, Name: "app.raw"}, "stg": model("stg"), "fct": model("fct"), "report": model("report"), "loop": model("loop"),
	}
	find := func(name string) (addr.Node, bool) { id, ok := tables[name]; return id, ok }
	stg := "select id, amount / 100 as total, s, when from raw where deleted = 0"
	fct := "select id, sum(total) as revenue, s.city as city, count(*) as n,\n  row_number() over (order by when) as rn from stg group by id"
	line := func(sql, path string) func(int, int) (string, int) {
		return func(start, _ int) (string, int) { return path, 1 + strings.Count(sql[:start], "\n") }
	}
	return columnsOf(map[addr.Node]Described{
		tables["raw"]: {Columns: []string{"id", "amount"}, Path: "models/sources.yml"},
		tables["stg"]: {
			Path: "models/stg.sql", Table: find, Tone: "stg", Relation: "main.stg",
			Texts: []Text{{SQL: stg, Place: line(stg, "models/stg.sql"), Lineage: &origin.Lineage{
				Columns: []origin.Column{
					{Name: "id", Sources: []origin.Source{gives("raw.id", origin.Identity)}},
					{Name: "Total", Sources: []origin.Source{gives("raw.amount", origin.Transformed, span(t, stg, "amount / 100"))}},
					{Name: "s", Sources: []origin.Source{gives("raw.s", origin.Identity)}},
					{Name: "when", Sources: []origin.Source{gives("raw.when", origin.Identity)}},
				},
				Rows:   []origin.Effect{reads("raw.deleted", origin.Filter, span(t, stg, "deleted = 0"))},
				Tables: []string{"raw"},
			}}},
		},
		tables["fct"]: {
			Path: "models/fct.sql", Table: find,
			Texts: []Text{{SQL: fct, Place: line(fct, "models/fct.sql"), Lineage: &origin.Lineage{
				Columns: []origin.Column{
					{Name: "id", Sources: []origin.Source{gives("stg.ID", origin.Identity)}},
					{Name: "revenue", Sources: []origin.Source{gives("stg.total", origin.Aggregated, span(t, fct, "sum(total)"))}},
					{Name: "city", Sources: []origin.Source{gives("stg.s.city", origin.Identity)}},
					{Name: "n"},
					{Name: "rn", Indirect: []origin.Effect{reads("stg.when", origin.Window, span(t, fct, "when"))}},
				},
				Rows:   []origin.Effect{reads("stg.id", origin.Group, span(t, fct, "id"))},
				Tables: []string{"stg"},
			}}},
		},
		{Kind: addr.Test, Name: "not_null_fct_n"}: {Path: "models/fct.yml", Tests: []addr.Column{{Node: tables["fct"], Name: "N"}}},
		tables["report"]: {NotAnalyzed: "it calls ML.PREDICT", Parents: []addr.Node{tables["fct"]}, Path: "models/report.sql", Columns: []string{"x"}},
		tables["loop"]: {
			Path: "models/loop.sql", Table: find,
			Texts: []Text{{Lineage: &origin.Lineage{
				Columns: []origin.Column{{Name: "a", Sources: []origin.Source{gives("loop.a", origin.Transformed), gives("fct.revenue", origin.Identity)}}},
				Tables:  []string{"fct", "loop"},
			}}, {SQL: "where b > c", Lineage: &origin.Lineage{
				Columns: []origin.Column{{Name: "a", Sources: []origin.Source{gives("fct.revenue", origin.Identity)}}},
				Rows:    []origin.Effect{reads("loop.a", origin.Filter, ir.Span{Start: 6, End: 11})},
				Tables:  []string{"fct", "loop"},
			}}},
		},
	})
}

func text(t *testing.T, c *Columns, column string, o TraceOptions) string {
	t.Helper()
	parts := strings.Split(column, ".")
	id := model(parts[0])
	if parts[0] == "raw" {
		id = addr.Node{Kind: addr.Source, Name: "app.raw"}
	}
	trace, ok := c.Trace(addr.Column{Node: id, Name: parts[1]}, parts[2:], o)
	if !ok {
		t.Fatalf("no %s", column)
	}
	var b bytes.Buffer
	if err := writeTraceText(&b, trace); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTrace(t *testing.T) {
	c := sales(t)
	for _, x := range []struct {
		name, column string
		o            TraceOptions
		want         string
	}{
		{"up", "fct.revenue", TraceOptions{}, `
fct.revenue  models/fct.sql
└─ stg.Total  aggregated  models/fct.sql:1  sum(total)
   └─ app.raw.amount  transformed  models/stg.sql:1  amount / 100
2 more columns decide which rows there are; --indirect shows them.
`},
		{"up with rows", "fct.revenue", TraceOptions{Indirect: true}, `
fct.revenue  models/fct.sql
├─ stg.Total  aggregated  models/fct.sql:1  sum(total)
│  ├─ app.raw.amount  transformed  models/stg.sql:1  amount / 100
│  └─ app.raw.deleted  [filter]  models/stg.sql:1  deleted = 0
└─ stg.id  [group]  models/fct.sql:1  id
   ├─ app.raw.id  identity  models/stg.sql
   └─ app.raw.deleted  [filter]  models/stg.sql:1  deleted = 0
`},
		{"one hop", "fct.revenue", TraceOptions{Depth: 1}, `
fct.revenue  models/fct.sql
└─ stg.Total  aggregated  models/fct.sql:1  sum(total)
1 more column decides which rows there are; --indirect shows it.
`},
		{"window", "fct.rn", TraceOptions{}, `
fct.rn  models/fct.sql
└─ stg.when  [window]  models/fct.sql:2  when
1 more column decides which rows there are; --indirect shows it.
`},
		{"a field", "fct.city", TraceOptions{}, `
fct.city  models/fct.sql
└─ stg.s.city  identity  models/fct.sql
   └─ app.raw.s.city  identity  models/stg.sql
2 more columns decide which rows there are; --indirect shows them.
`},
		{"no source", "fct.N", TraceOptions{}, `
fct.n  models/fct.sql
└─ no column gives its value
1 more column decides which rows there are; --indirect shows it.
`},
		{"down", "raw.id", TraceOptions{Down: true}, `
app.raw.id  models/sources.yml
└─ stg.id  identity  models/stg.sql
   ├─ fct.id  identity  models/fct.sql
   │  └─ report (all rows)  [unknown]  models/report.sql
   │        not analyzed: it calls ML.PREDICT
   └─ fct (all rows)  [group]  models/fct.sql:1  id
`},
		{"down a field", "raw.s.city", TraceOptions{Down: true}, `
app.raw.s.city  models/sources.yml
└─ stg.s.city  identity  models/stg.sql
   └─ fct.city  identity  models/fct.sql
      └─ report (all rows)  [unknown]  models/report.sql
            not analyzed: it calls ML.PREDICT
`},
		{"down another field", "raw.s.street", TraceOptions{Down: true}, `
app.raw.s.street  models/sources.yml
└─ stg.s.street  identity  models/stg.sql
`},
		{"down a filter", "raw.deleted", TraceOptions{Down: true}, `
app.raw.deleted  models/sources.yml
└─ stg (all rows)  [filter]  models/stg.sql:1  deleted = 0
`},
		{"down through rows", "raw.deleted", TraceOptions{Down: true, Indirect: true}, `
app.raw.deleted  models/sources.yml
└─ stg (all rows)  [filter]  models/stg.sql:1  deleted = 0
   └─ fct (all rows)  [rows]  models/fct.sql
      ├─ loop (all rows)  [rows]  models/loop.sql
      └─ report (all rows)  [rows]  models/report.sql
            not analyzed: it calls ML.PREDICT
`},
		{"a test", "fct.n", TraceOptions{Down: true}, `
fct.n  models/fct.sql
├─ not_null_fct_n  [test]  models/fct.yml
└─ report (all rows)  [unknown]  models/report.sql
      not analyzed: it calls ML.PREDICT
`},
		{"the incremental text", "loop.a", TraceOptions{Down: true}, `
loop.a  models/loop.sql
├─ loop.a  transformed  models/loop.sql  (see above)
└─ loop (all rows)  [filter]  models/loop.sql  b > c
`},
		{"a circle", "loop.a", TraceOptions{Depth: 2}, `
loop.a  models/loop.sql
├─ fct.revenue  identity  models/loop.sql
│  └─ stg.Total  aggregated  models/fct.sql:1  sum(total)
└─ loop.a  transformed  models/loop.sql  (see above)
2 more columns decide which rows there are; --indirect shows them.
`},
	} {
		t.Run(x.name, func(t *testing.T) {
			if d := cmp.Diff(strings.TrimPrefix(x.want, "\n"), text(t, c, x.column, x.o)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestTraceOfUnknown(t *testing.T) {
	c := sales(t)
	if _, ok := c.Trace(addr.Column{Node: model("nobody"), Name: "x"}, nil, TraceOptions{}); ok {
		t.Error("an unknown model has a column")
	}
	if _, ok := c.Trace(addr.Column{Node: model("stg"), Name: "x"}, nil, TraceOptions{}); ok {
		t.Error("an unknown column has lineage")
	}
	if d := cmp.Diff([]string{"id", "Total", "s", "when"}, first(c.Of(model("stg")))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"id", "amount", "s", "when", "deleted"}, first(c.Of(addr.Node{Kind: addr.Source, Name: "app.raw"}))); d != "" {
		t.Error(d)
	}
	if direct, indirect := c.Readers(addr.Column{Node: model("stg"), Name: "id"}); direct != 1 || indirect != 1 {
		t.Errorf("stg.id has %d direct and %d indirect readers", direct, indirect)
	}
}

func first[T any](x T, _ bool) T { return x }

func TestTraceWritersGolden(t *testing.T) {
	for _, w := range TraceWriters {
		for _, down := range []bool{false, true} {
			way, col := "up", addr.Column{Node: model("fct"), Name: "revenue"}
			if down {
				way, col = "down", addr.Column{Node: addr.Node{Kind: addr.Source, Name: "app.raw"}, Name: "id"}
			}
			t.Run(w.Name+" "+way, func(t *testing.T) {
				trace, _ := sales(t).Trace(col, nil, TraceOptions{Down: down, Indirect: !down})
				var got bytes.Buffer
				if err := w.Write(&got, trace); err != nil {
					t.Fatal(err)
				}
				if w.Name == "svg" {
					wellFormed(t, got.Bytes())
				}
				golden(t, filepath.Join("testdata", "trace-"+way+"."+w.Name), got.Bytes())
			})
		}
	}
}

// wide is a project of models in a chain of lanes, ten columns each.
func wide(models int) map[addr.Node]Described {
	out := map[addr.Node]Described{}
	name := func(i int) string { return fmt.Sprintf("m%05d", i) }
	find := func(table string) (addr.Node, bool) { return model(table), true }
	for i := range models {
		l := &origin.Lineage{}
		for c := range 10 {
			col := origin.Column{Name: fmt.Sprintf("c%d", c)}
			for _, back := range []int{1, 7, 100} {
				if i >= back {
					col.Sources = append(col.Sources, gives(fmt.Sprintf("%s.c%d", name(i-back), (c+back)%10), origin.Transformed))
				}
			}
			l.Columns = append(l.Columns, col)
		}
		if i > 0 {
			l.Tables = []string{name(i - 1)}
			l.Rows = []origin.Effect{reads(name(i-1)+".c0", origin.Filter, ir.Span{})}
		}
		out[model(name(i))] = Described{Texts: []Text{{Lineage: l}}, Table: find, Path: "models/" + name(i) + ".sql"}
	}
	return out
}

// TestTraceOfHundredThousandColumns: the budget is 100 ms for a question about any column.
func TestTraceOfHundredThousandColumns(t *testing.T) {
	project := wide(10_000)
	start := time.Now()
	c := columnsOf(project)
	load := time.Since(start)
	columns, edges := c.Size()
	for _, q := range []struct {
		of   string
		o    TraceOptions
		most time.Duration
	}{
		{"m05000", TraceOptions{Down: true, Depth: 5}, 100 * time.Millisecond},
		{"m00000", TraceOptions{Down: true}, 10 * time.Second},
		{"m09999", TraceOptions{}, 10 * time.Second},
	} {
		start = time.Now()
		trace, ok := c.Trace(addr.Column{Node: model(q.of), Name: "c3"}, nil, q.o)
		took := time.Since(start)
		t.Logf("%d columns, %d edges in %v; %s: %d columns in %v", columns, edges, load, q.of, len(trace.Spots), took)
		if !ok || took > q.most {
			t.Errorf("%s took %v", q.of, took)
		}
	}
}

func BenchmarkTrace(b *testing.B) {
	c := columnsOf(wide(10_000))
	b.ReportAllocs()
	for b.Loop() {
		c.Trace(addr.Column{Node: model("m09900"), Name: "c3"}, nil, TraceOptions{Depth: 20})
	}
}

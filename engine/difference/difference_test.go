package difference

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/google/go-cmp/cmp"
)

func open(t *testing.T) warehouse.Conn {
	t.Helper()
	c, err := duckdb.Driver{}.Open(t.Context(), warehouse.Config{Fields: map[string]string{"path": ":memory:"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func tell(r *Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "rows %d %d only %d %d matched %d equal %d", r.RowsA, r.RowsB, r.OnlyA, r.OnlyB, r.Matched, r.Equal)
	for _, c := range r.Schema {
		fmt.Fprintf(&b, "; %s %s", c.What, c.Column)
	}
	for _, c := range r.Columns {
		if c.Differ > 0 {
			fmt.Fprintf(&b, "; %s differs %d", c.Column, c.Differ)
		}
	}
	for _, row := range r.Changed {
		fmt.Fprintf(&b, "; %v:", row.Key[0].V)
		for _, v := range row.Values {
			fmt.Fprintf(&b, " %s %v/%v", v.Column, shown(v.A), shown(v.B))
		}
	}
	for _, n := range r.Notes {
		b.WriteString("; " + n)
	}
	return b.String()
}

func shown(v Value) any {
	if v.Hidden {
		return "hidden"
	}
	return v.V
}

func TestRun(t *testing.T) {
	for _, c := range []struct {
		name, a, b string
		o          Options
		want       string
	}{
		{"equal by key", "select 1 as id, null as v union all select 2, 'x'", "select 2 as id, 'x' as v union all select 1, null", Options{Key: []string{"ID"}}, "rows 2 2 only 0 0 matched 2 equal 2"},
		{"null is a value", "select 1 as id, cast(null as varchar) as v", "select 1 as id, '' as v", Options{Key: []string{"id"}, Sample: 1}, "rows 1 1 only 0 0 matched 1 equal 0; v differs 1; 1: v <nil>/"},
		{"one side", "select 1 as id, 1 as v union all select 2, 2", "select 2 as id, 2 as v union all select 3, 3", Options{Key: []string{"id"}}, "rows 2 2 only 1 1 matched 1 equal 1"},
		{"columns", "select 1 as id, 1 as gone, 2 as v", "select 1 as id, 'x' as new, 2.0 as v", Options{Key: []string{"id"}}, "rows 1 1 only 0 0 matched 1 equal 1; only_a gone; retyped v; only_b new"},
		{"retyped to text", "select 1 as id, 7 as v", "select 1 as id, '7' as v", Options{Key: []string{"id"}}, "rows 1 1 only 0 0 matched 1 equal 1; retyped v"},
		{"tolerance", "select 1 as id, 1.0::double as v union all select 2, 5 union all select 3, null", "select 1 as id, 1.05::double as v union all select 2, 6 union all select 3, 0", Options{Key: []string{"id"}, Tolerance: 0.1, Sample: 5}, "rows 3 3 only 0 0 matched 3 equal 1; v differs 2; 2: v 5/6; 3: v <nil>/0"},
		{"hidden", "select 1 as id, 'a' as mail", "select 1 as id, 'b' as mail", Options{Key: []string{"id"}, Sample: 1, Hidden: map[string]bool{"mail": true}}, "rows 1 1 only 0 0 matched 1 equal 0; mail differs 1; 1: mail hidden/hidden"},
		{"null keys", "select null::int as id, 1 as v union all select 1, 1", "select null::int as id, 1 as v union all select 1, 1", Options{Key: []string{"id"}}, "rows 2 2 only 1 1 matched 1 equal 1; 1 rows of a have NULL in the key and match nothing; 1 rows of b have NULL in the key and match nothing"},
		{"two columns", "select 1 as x, 1 as y, 1 as v union all select 1, 2, 2", "select 1 as x, 1 as y, 1 as v union all select 1, 2, 3", Options{Key: []string{"x", "y"}}, "rows 2 2 only 0 0 matched 2 equal 1; v differs 1"},
		{"no key", "select 1 as v union all select 1 union all select null", "select 1 as v union all select null union all select 2", Options{Sample: 2}, "rows 3 3 only 1 1 matched 2 equal 2"},
		{"a key that is none", "select 1 as id, 1 as v union all select 1, 2", "select 1 as id, 1 as v", Options{Key: []string{"id"}}, "rows 2 1 only 1 0 matched 1 equal 1; id is no key of a: 1 of its values occur more than once; rows are compared as a whole"},
		{"where", "select 1 as id, 1 as v union all select 2, 2", "select 1 as id, 1 as v", Options{Key: []string{"id"}, Where: "id = 1 -- only"}, "rows 1 1 only 0 0 matched 1 equal 1"},
		{"only some columns", "select 1 as id, 1 as v, 1 as w", "select 1 as id, 2 as v, 1 as w", Options{Key: []string{"id"}, Columns: []string{"w"}}, "rows 1 1 only 0 0 matched 1 equal 1"},
		{"nothing in common", "select 1 as a", "select 1 as b", Options{}, "rows 1 1 only 1 1 matched 0 equal 0; only_a a; only_b b; there is no column to compare"},
		{"nested", "select 1 as id, {'a': [1, null]} as v", "select 1 as id, {'a': [1, 2]} as v", Options{Key: []string{"id"}}, "rows 1 1 only 0 0 matched 1 equal 0; v differs 1"},
		{"empty", "select 1 as id, 1 as v where false", "select 1 as id, 1 as v where false", Options{Key: []string{"id"}}, "rows 0 0 only 0 0 matched 0 equal 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := open(t)
			side := func(name, query string) Side {
				rel := addr.Relation{Schema: "main", Name: name}
				if _, err := conn.Exec(t.Context(), warehouse.Statement{SQL: "create table " + name + " as " + query}); err != nil {
					t.Fatal(err)
				}
				found, err := conn.Inspect(t.Context(), []addr.Relation{rel})
				if err != nil || len(found) != 1 {
					t.Fatal(found, err)
				}
				return Side{Label: name, Relation: rel, Columns: found[0].Columns}
			}
			got, err := Run(t.Context(), conn, side("a", c.a), side("b", c.b), c.o)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, tell(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestWide: more columns than fit into one query are compared in several.
func TestWide(t *testing.T) {
	conn := open(t)
	var cols []string
	for i := range 2*columnsAtOnce + 5 {
		cols = append(cols, fmt.Sprintf("%d as c%d", i, i))
	}
	query := "select 1 as id, " + strings.Join(cols, ", ")
	for name, text := range map[string]string{"a": query, "b": strings.Replace(query, "404 as c404", "0 as c404", 1)} {
		if _, err := conn.Exec(t.Context(), warehouse.Statement{SQL: "create table " + name + " as " + text}); err != nil {
			t.Fatal(err)
		}
	}
	ctx := context.Background()
	a, b := addr.Relation{Schema: "main", Name: "a"}, addr.Relation{Schema: "main", Name: "b"}
	found, err := conn.Inspect(ctx, []addr.Relation{a, b})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(ctx, conn, Side{"a", a, found[0].Columns}, Side{"b", b, found[1].Columns}, Options{Key: []string{"id"}, Sample: 3})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Columns) != len(cols) || len(r.Changed) != 1 || len(r.Changed[0].Values) != 1 || r.Changed[0].Values[0].Column != "c404" {
		t.Errorf("%d columns, changed %+v", len(r.Columns), r.Changed)
	}
}

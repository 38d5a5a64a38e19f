package sql

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/source"
)

func TestShowCommon(t *testing.T) {
	const two = "-- what is paid\nwith paid as (\n  select * from orders\n),\ntotals as (select sum(x) as x from paid)\nselect * from totals"
	for _, c := range []struct {
		name, text, cte string
		lexis           Lexis
		want            string // the query, or «refused: reason; help»
	}{
		{"first", two, "paid", Standard, "-- what is paid\nwith paid as (\n  select * from orders\n)\nselect * from paid"},
		{"second", two, "TOTALS", Standard, strings.TrimSuffix(two, "\nselect * from totals") + "\nselect * from totals"},
		{"unknown", two, "piad", Standard, `refused: no common table expression "piad"; did you mean "paid"?`},
		{"far", two, "zzzzzzzz", Standard, `refused: no common table expression "zzzzzzzz"; there are paid, totals`},
		{"none", "select 1", "a", Standard, `refused: no common table expression "a": the query has none; it is written with name as (select …) select …`},
		{"recursive", "with recursive a as (select 1 union all select * from b), b as (select 2) select * from a", "a", GoogleSQL, "with recursive a as (select 1 union all select * from b), b as (select 2)\nselect * from a"},
		{"cycle", "with recursive e(a, b) as (select 1, 2), g(a, n) as (select 1, 1 union all select b, n from e) cycle a set is_cycle using path, h as (select * from g) select * from h", "g", Standard, "with recursive e(a, b) as (select 1, 2), g(a, n) as (select 1, 1 union all select b, n from e) cycle a set is_cycle using path, h as (select * from g)\nselect * from g"},
		{"search", "with recursive g(a) as (select 1 union all select a from g) search depth first by a set o, h as (select * from g) select 1", "h", Standard, "with recursive g(a) as (select 1 union all select a from g) search depth first by a set o, h as (select * from g)\nselect * from h"},
		{"using key", "with recursive g(a, b) using key (a) as (select 1, 2) select 1", "g", Standard, "with recursive g(a, b) using key (a) as (select 1, 2)\nselect * from g"},
		{"named recursive", "with recursive as (select 1) select * from recursive", "recursive", Standard, "with recursive as (select 1)\nselect * from recursive"},
		{"quoted", "with `A b` as (select 1), c as (select 2) select 1", "a B", GoogleSQL, "with `A b` as (select 1)\nselect * from `A b`"},
		{"columns", "with a(x, y) as not materialized (select 1, 2) select 1", "a", Standard, "with a(x, y) as not materialized (select 1, 2)\nselect * from a"},
		{"nested first", "with a as (with b as (select 1), c as (select 2) select * from b) select 1", "b", Standard, "with b as (select 1)\nselect * from b"},
		{"nested after another", "with z as (select 0), a as (with b as (select * from z) select * from b) select 1", "a.b", Standard, "with z as (select 0)\nselect * from (\nwith b as (select * from z)\nselect * from b\n) as q"},
		{"nested twice", "with z as (select 0), a as (with y as (select 1), b as (with c as (select * from y, z) select 1) select * from b) select 1", "c", Standard, "with z as (select 0)\nselect * from (\nwith y as (select 1)\nselect * from (\nwith c as (select * from y, z)\nselect * from c\n) as q\n) as q"},
		{"the outer one of a name", "with a as (with a as (select 1) select * from a) select 1", "a", Standard, "with a as (with a as (select 1) select * from a)\nselect * from a"},
		{"two inner ones of a name", "with a as (with x as (select 1) select 1), b as (with x as (select 2) select 1) select 1", "x", Standard, `refused: 2 common table expressions are named "x"; write a.x or b.x`},
		{"one of them", "with a as (with x as (select 1) select 1), b as (with x as (select 2) select 1) select 1", "b.x", Standard, "with a as (with x as (select 1) select 1)\nselect * from (\nwith x as (select 2)\nselect * from x\n) as q"},
		{"subquery", "with a as (select 1) select * from (with b as (select 1) select * from b) q", "b", Standard, `refused: the common table expression "b" stands in a subquery, and may read what only that knows; move it to the WITH at the beginning of the query`},
		{"in a recursive one", "with recursive a as (with b as (select * from a) select * from b) select 1", "b", Standard, `refused: "b" stands in "a", which is recursive and may be read by it; move it to the WITH at the beginning of the query`},
		{"other with", "select * from unnest([1]) with offset as a", "a", GoogleSQL, `refused: no common table expression "a": the query has none; it is written with name as (select …) select …`},
		{"with expression", "select with(a as (1), a + 1)", "a", GoogleSQL, `refused: no common table expression "a": the query has none; it is written with name as (select …) select …`},
		{"texts and comments", "with a as (select ')' /* ) */ -- )\n), b as (select 1) select 1", "a", Standard, "with a as (select ')' /* ) */ -- )\n)\nselect * from a"},
		{"not closed", "with a as (select 1", "a", Standard, "with a as (select 1\nselect * from a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := source.NewFile("m.sql", []byte(c.text))
			m := &source.Map{}
			m.Append(source.Segment{Start: 0, End: len(c.text), Src: f.Whole(), Verbatim: true})
			got, back, err := c.lexis.ShowCommon(c.text, m, c.cte)
			if no := (*NoCommon)(nil); errors.As(err, &no) {
				got = "refused: " + no.Reason + "; " + no.Help
			} else if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if err != nil {
				return
			}
			for _, s := range back.Segments() {
				if want := c.text[s.Src.Start:s.Src.End]; s.Verbatim && got[s.Start:s.End] != want {
					t.Errorf("the map leads from %q to %q", got[s.Start:s.End], want)
				}
			}
		})
	}
}

// FuzzCommons: any text is read without a panic, what is found lies within it, and what can be
// shown is there again in the query that shows it.
func FuzzCommons(f *testing.F) {
	for _, text := range []string{"with a as (select 1), b as (with c as (select 2) select 3) select 4", "with recursive a(x) as (", "with a as (select 1) , ", "((with a as (select 1)))", "with `a` as not materialized (select `"} {
		f.Add(text, false)
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, text string, google bool) {
		l := Standard
		if google {
			l = GoogleSQL
		}
		paths := map[string]int{}
		for _, c := range l.Commons(text) {
			paths[c.Path]++
		}
		for _, c := range l.Commons(text) {
			if c.Start > c.NameEnd || c.NameEnd > c.BodyStart || c.BodyStart > c.BodyEnd || c.BodyEnd > c.End || c.End > len(text) {
				t.Fatalf("%+v", c)
			}
			query, _, err := l.ShowCommon(text, nil, c.Path)
			if err == nil && paths[c.Path] == 1 && !strings.Contains(query, text[c.BodyStart:c.BodyEnd]) && !c.Recursive {
				t.Fatalf("the query of %s is not in %q", c.Path, query)
			}
		}
	})
}

func TestOrdered(t *testing.T) {
	for text, want := range map[string][2]bool{
		"select 1":                                                  {},
		"select a from t order by a":                                {true},
		"select 'order by' -- order by":                             {},
		"select row_number() over (order by a) from t":              {},
		"select a from (select a from t order by a) q":              {},
		"with q as (select 1) select * from q ORDER /**/ BY 1 desc": {true},
		"select a from t order by a limit 3":                        {true, true},
		"select a from t limit 3":                                   {},
		"from t |> order by a":                                      {},
		"select a from t order by a fetch first 1 rows only":        {true, true},
	} {
		ordered, bounded := GoogleSQL.Ordered(text)
		if got := [2]bool{ordered, bounded}; got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

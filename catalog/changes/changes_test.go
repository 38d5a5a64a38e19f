package changes

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/content/contenttest"
	"github.com/engine-build/engine/engine/addr"
)

// TestSame: nothing differs from itself.
func TestSame(t *testing.T) {
	for name, c := range map[string]func() *content.Catalog{"small": contenttest.Small, "hostile": contenttest.Hostile, "large": func() *content.Catalog { return contenttest.Large(300) }} {
		got := Between(c(), c())
		if len(got.Nodes) > 0 || !got.Empty() {
			t.Errorf("%s differs from itself: %+v", name, got.Nodes[0])
		}
	}
	got := Between(&content.Catalog{}, contenttest.Small())
	if got.Count(Added) != 11 || len(got.Nodes) != 11 || got.Empty() {
		t.Errorf("against nothing %d nodes are new, want all 11", got.Count(Added))
	}
	got = Between(contenttest.Small(), &content.Catalog{})
	if got.Count(Removed) != 11 {
		t.Errorf("against nothing %d nodes are gone, want all 11", got.Count(Removed))
	}
}

// TestBetween: every sort of change is told once, and as what it is.
func TestBetween(t *testing.T) {
	for _, x := range []struct {
		name   string
		change func(c *content.Catalog)
		want   []string
	}{
		{"description", func(c *content.Catalog) { c.Nodes[6].Description = "New." }, []string{"changed model.fct_order readers 2", `  description: "One row per order, with its customer." → "New."`}},
		{"settings", func(c *content.Catalog) {
			n := c.Nodes[7]
			n.Owner, n.Materialized, n.Contract, n.Tags, n.Meta = "x", "view", true, []string{"b", "a"}, []content.Pair{{Name: "review", Value: "2027"}}
			n.Facts = []content.Fact{{Name: "Lookback", Value: "3"}}
		}, []string{"changed model.mart_sales readers 1",
			`  owner: "finance@example.com" → "x"`, `  contract: "no" → "yes"`, `  materialized: "table" → "view"`, `  tags: "daily" → "a, b"`,
			`  meta review: "2026-01" → "2027"`, `  meta steward: "{\"name\":\"Ann\"}" → ""`, `  Lookback: "" → "3"`}},
		{"columns", func(c *content.Catalog) {
			n := c.Nodes[6]
			n.Columns[2].Type, n.Columns[1].Description = "NUMERIC", ""
			n.Columns[0].Name = "order_key"
		}, []string{"changed model.fct_order readers 2",
			"  column renamed order_id → order_key BIGINT readers 0", `  column changed customer_id BIGINT readers 0 description: "Who ordered." → ""`, "  column changed amount DOUBLE → NUMERIC readers 1"}},
		{"column replaced", func(c *content.Catalog) {
			c.Nodes[6].Columns[0] = &content.Column{Name: "other", Type: "TEXT"}
		}, []string{"changed model.fct_order readers 2", "  column added other TEXT readers 0", "  column removed order_id BIGINT readers 0"}},
		{"renamed", func(c *content.Catalog) { c.Nodes[7].ID.Name = "mart_revenue" }, []string{"renamed model.mart_revenue was mart_sales readers 1"}},
		{"renamed parent", func(c *content.Catalog) { c.Nodes[3].ID.Name = "stg_order" }, []string{"renamed model.stg_order was stg_orders readers 4"}},
		{"replaced", func(c *content.Catalog) {
			c.Nodes[7].ID.Name = "mart_revenue"
			c.Nodes[7].Template.Text = "select 1"
		}, []string{"added model.mart_revenue readers 1", "removed model.mart_sales readers 1", "changed exposure.sales_board readers 0", "  parent added model.mart_revenue", "  parent removed model.mart_sales"}},
		{"lineage", func(c *content.Catalog) {
			n := c.Nodes[7]
			n.Parents = []int{4, 6}
			i := slices.IndexFunc(c.Flow.Edges, func(e content.Edge) bool { return e.To == c.Flow.First[7]+1 })
			c.Flow.Edges[i].From, c.Flow.Edges[i].Way = c.Flow.First[4]+2, content.Transformed
		}, []string{"changed model.mart_sales readers 1", "  parent removed model.dim_customer", "  parent added model.stg_customers",
			"  flow removed country ← model.dim_customer.country i", "  flow added country ← model.stg_customers.country_code t"}},
		{"template", func(c *content.Catalog) { c.Nodes[8].Template.Text += "\nwhere x" }, []string{"changed model.fct_order_v1 readers 0", "  template 1/1 select *", "  template 2/2 from {{ ref('stg_orders') }}", "  template 0/3 where x"}},
		{"macro", func(c *content.Catalog) { c.Nodes[8].SQL.Text += "\nwhere x"; c.Macros[0].Text = "x" }, []string{"changed model.fct_order_v1 readers 0", "  SQL 1/1 select *", "  SQL 2/2 from main.stg_orders", "  SQL 0/3 where x", "macro changed cents"}},
		{"other target", func(c *content.Catalog) {
			c.Target = "prod"
			for _, n := range c.Nodes {
				n.Relation = strings.ReplaceAll(n.Relation, "main.", "prod.")
				n.SQL.Text = strings.ReplaceAll(n.SQL.Text, "main.", "prod.")
			}
		}, nil},
		{"tests", func(c *content.Catalog) {
			c.Tests[0].Severity, c.Tests[1].Sentence, c.Tests[2].Status = "warn", "order_id is one of a kind", content.Passed
		}, []string{"changed model.fct_order readers 2", "  test added order_id is one of a kind", "  test same customer_id exists in dim_customer.customer_id warned → passed", "  test removed order_id is unique",
			"changed model.stg_orders readers 4", "  test changed order_id is never null (error → warn)"}},
		{"data", func(c *content.Catalog) { c.Nodes[6].Data.Rows = 1300; c.Nodes[5].Status = content.Errored }, []string{"same model.dim_customer readers 3 built → error", "same model.fct_order readers 2 rows 1200 → 1300"}},
		{"rows unknown", func(c *content.Catalog) { c.Nodes[6].Data.Rows = -1 }, nil},
		{"glossary", func(c *content.Catalog) { c.Terms[0].Name = "purchase"; c.Groups = nil }, []string{"term removed order", "term added purchase", "group removed finance"}},
	} {
		c := contenttest.Small()
		x.change(c)
		if got := told(Between(contenttest.Small(), c)); !slices.Equal(got, x.want) {
			t.Errorf("%s (-want +got):\n%s", x.name, cmp.Diff(x.want, got))
		}
	}
}

// told are changes as lines.
func told(c *Changes) (out []string) {
	say := func(format string, args ...any) {
		out = append(out, strings.TrimRight(fmt.Sprintf(format, args...), " "))
	}
	for _, n := range c.Nodes {
		was, status, rows := "", "", ""
		if n.Was != (addr.Node{}) {
			was = " was " + n.Was.Name
		}
		if n.Sort == Same && n.StatusBefore != n.StatusAfter {
			status = fmt.Sprintf(" %s → %s", n.StatusBefore, n.StatusAfter)
		}
		if n.Sort == Same && n.RowsBefore != n.RowsAfter {
			rows = fmt.Sprintf(" rows %d → %d", n.RowsBefore, n.RowsAfter)
		}
		say("%s %s%s readers %d%s%s", n.Sort, n.ID, was, n.Readers, status, rows)
		if n.Sort == Added || n.Sort == Removed {
			for _, x := range n.Tests {
				if x.Sort == Added {
					say("  test %s %s", x.Sort, x.Sentence)
				}
			}
			continue
		}
		for _, f := range n.Fields {
			say("  %s: %q → %q", f.Name, f.Before, f.After)
		}
		for _, x := range n.Columns {
			name, typ, more := x.Name, x.Type, ""
			if x.Was != "" {
				name = x.Was + " → " + name
			}
			if x.TypeBefore != "" {
				typ = x.TypeBefore + " → " + typ
			}
			for _, f := range x.Fields {
				more += fmt.Sprintf(" %s: %q → %q", f.Name, f.Before, f.After)
			}
			say("  column %s %s %s readers %d%s", x.Sort, name, typ, x.Readers, more)
		}
		for _, x := range n.Tests {
			status := ""
			if x.Sort == Same {
				status = fmt.Sprintf(" %s → %s", x.Before, x.After)
			}
			say("  test %s %s%s", x.Sort, x.Sentence, status)
		}
		for _, e := range n.Parents {
			say("  parent %s %s", e.Sort, e.Parent)
		}
		for _, w := range n.Flow {
			say("  flow %s %s ← %s.%s %c %s", w.Sort, w.Column, w.From, w.Name, w.Way, w.Text)
		}
		for _, l := range n.Code {
			say("  %s %d/%d %s", n.What, l.Old, l.New, l.Text)
		}
	}
	for _, list := range []struct {
		what string
		of   []Named
	}{{"macro", c.Macros}, {"term", c.Terms}, {"group", c.Groups}} {
		for _, x := range list.of {
			say("%s %s %s", list.what, x.Sort, x.Name)
		}
	}
	return out
}

// TestLines: the script leads from one text to the other, whatever they are, and says no more
// than it has to.
func TestLines(t *testing.T) {
	for _, x := range []struct {
		before, after string
		want          []string
	}{
		{"", "", nil},
		{"a\nb", "a\nb\n", nil},
		{"a\r\nb", "a\nb", nil},
		{"", "a", []string{"0/1 a"}},
		{"a", "", []string{"1/0 a"}},
		{"a\nb\nc", "a\nx\nc", []string{"1/1 a", "2/0 b", "0/2 x", "3/3 c"}},
		{"1\n2\n3\n4\n5\n6\n7\n8\n9", "1\n2\n3\n4\n5\n6\n7\n8\nx", []string{"0/0 ", "6/6 6", "7/7 7", "8/8 8", "9/0 9", "0/9 x"}},
	} {
		var got []string
		for _, l := range Lines(x.before, x.after) {
			got = append(got, fmt.Sprintf("%d/%d %s", l.Old, l.New, l.Text))
		}
		if !slices.Equal(got, x.want) {
			t.Errorf("%q → %q: %q, want %q", x.before, x.after, got, x.want)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	text := func(n int) string {
		var b strings.Builder
		for range r.IntN(n) {
			fmt.Fprintf(&b, "%d\n", r.IntN(6))
		}
		return b.String()
	}
	for i := range 3000 {
		n := 12
		if i%500 == 0 {
			n = 4000 // beyond the bound of work
		}
		replay(t, text(n), text(n))
	}
	if c := reflect.TypeFor[Line]().NumField(); c != 3 {
		t.Error("Line has changed: look at replay")
	}
}

// replay puts a change onto the text before and compares with the one after.
func replay(t *testing.T, before, after string) {
	t.Helper()
	a := split(before)
	var got []string
	at := 0
	for _, l := range Lines(before, after) {
		switch {
		case l.Old == 0 && l.New == 0:
			continue
		case l.Old > 0:
			got = append(got, a[at:l.Old-1]...)
			at = l.Old
			if a[l.Old-1] != l.Text {
				t.Fatalf("line %d of %q is not %q", l.Old, before, l.Text)
			}
			if l.New > 0 {
				got = append(got, l.Text)
			}
		default:
			// What stands between the last change and this one is the same on both sides.
			for len(got) < l.New-1 && at < len(a) {
				got = append(got, a[at])
				at++
			}
			got = append(got, l.Text)
		}
		if l.New > 0 && len(got) != l.New {
			t.Fatalf("%q → %q: line %d stands at %d", before, after, l.New, len(got))
		}
	}
	got = append(got, a[at:]...)
	if !slices.Equal(got, split(after)) {
		t.Fatalf("%q → %q leads to %q", before, after, got)
	}
}

// TestIndependentOfOrder: the result is the same however often it is made.
func TestIndependentOfOrder(t *testing.T) {
	before, after := contenttest.Large(300), contenttest.Large(300)
	for i, n := range after.Nodes {
		if i%3 == 0 {
			n.ID.Name += "_renamed"
			n.Columns = n.Columns[:len(n.Columns)]
		}
		if i%4 == 0 && len(n.Columns) > 0 {
			n.Columns[0].Name += "_x"
		}
	}
	want := told(Between(before, after))
	for range 3 {
		if d := cmp.Diff(want, told(Between(before, after))); d != "" {
			t.Fatalf("two comparisons differ:\n%s", d)
		}
	}
}

func BenchmarkBetween(b *testing.B) {
	before, after := contenttest.Large(10_000), contenttest.Large(10_000)
	for i, n := range after.Nodes {
		if i%10 == 0 {
			n.Description += " And more."
			n.Template.Text += "\nwhere true"
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		Between(before, after)
	}
}

package audience

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/content/contenttest"
	"github.com/engine-build/engine/engine/addr"
)

// TestMentions: what becomes of texts that name hidden things. Of the shop, only the marts are
// shown; orders is a word of people as well, and the table of a hidden source.
func TestMentions(t *testing.T) {
	for _, x := range []struct{ in, want, warned string }{
		{"", "", ""},
		{"One row per day.", "One row per day.", ""},
		{"Made of stg_orders and fct_order.", "Made of … and fct_order.", "stg_orders"},
		{"Made of `stg_orders`.", "Made of `…`.", "stg_orders"},
		{"See STG_ORDERS!", "See …!", "STG_ORDERS"},
		{"See main.stg_orders.amount, stg_orders.amount", "See ….amount, ….amount", "main.stg_orders stg_orders"},
		{`Made of stg\_orders, STG&#95;Orders and main\.stg&lowbar;orders.`, "Made of …, … and ….", "stg_orders STG_Orders main.stg_orders"},
		{"Made of stg_\u200borders and stg\u00ad_orders.", "Made of … and ….", "stg_orders"},
		{"Of stg&ZeroWidthSpace;_orders &amp; `a\\.b`, \\*not\\* a\\_b &lt;b&gt;.", "Of … &amp; `a\\.b`, \\*not\\* a_b &lt;b&gt;.", "stg_orders"},
		{"All orders of a day.", "All orders of a day.", "orders?"},
		{"All `orders` of a day.", "All `…` of a day.", "orders"},
		{"From shop.orders.", "From ….", "shop.orders"},
		{"See [the staging](ref:stg_orders) first.", "See … first.", "stg_orders"},
		{"See [the staging](model.stg_orders \"title\") first.", "See … first.", "model.stg_orders"},
		{"See [the amount](ref:stg_orders.amount) first.", "See … first.", "stg_orders.amount"},
		{"See [the amount](ref:fct_order.amount), [a](term:order), [b](#x), [c]().", "See [the amount](ref:fct_order.amount), [a](term:order), [b](#x), [c]().", ""},
		{"See [the fact](ref:fct_order) first.", "See [the fact](ref:fct_order) first.", ""},
		{"See [it][x] and [x].\n\n[x]: ref:stg_orders\n", "See … and ….\n\n\n", "stg_orders"},
		{"See [it][x].\n\n[x]: ref:fct_order\n", "See [it][x].\n\n[x]: ref:fct_order\n", ""},
		{"[web](https://example.com/stg_orders.sql)", "[web](https://example.com/….sql)", "stg_orders"},
		{"On the Sales board, every week.", "On the …, every week.", "sales board"},
		{"Ask finance@example.com.", "Ask ….", "finance@example.com"},
		{"For Acme Ltd and acme.", "For … and ….", "acme ltd acme"},
		{"xstg_orders stg_ordersx", "xstg_orders stg_ordersx", ""},
		{"The amount is the sum.", "The amount is the sum.", ""},
	} {
		c := contenttest.Small()
		c.Nodes[7].Description = x.in
		out, warnings := For(c, Audience{Name: "a", Nodes: []int{5, 6, 7}})
		got := out.Nodes[slices.IndexFunc(out.Nodes, func(n *content.Node) bool { return n.ID.Name == "mart_sales" })].Description
		var names []string
		for _, w := range warnings {
			if w.Node.Name == "mart_sales" && w.Part == "the description" {
				name := w.Name
				if w.Left {
					name += "?"
				}
				names = append(names, name)
			}
		}
		slices.Sort(names)
		want := strings.Fields(x.warned)
		slices.Sort(want)
		if got != x.want || !slices.Equal(strings.Fields(strings.Join(names, " ")), sorted(x.warned, names)) {
			t.Errorf("%q\n  becomes %q, want %q\n  warnings %q, want %q", x.in, got, x.want, names, want)
		}
	}
}

// sorted are the words of a list in the order in which the names stand that they make.
func sorted(words string, names []string) []string {
	if strings.Join(slices.Sorted(slices.Values(strings.Fields(words))), " ") == strings.Join(slices.Sorted(slices.Values(strings.Fields(strings.Join(names, " ")))), " ") {
		return strings.Fields(strings.Join(names, " "))
	}
	return strings.Fields(words)
}

// TestLineage: the three things that can become of lineage through what is hidden.
func TestLineage(t *testing.T) {
	type seen struct {
		Nodes   []string // name ← parents, «?» for withheld
		Columns []string // to ← from by way
	}
	look := func(c *content.Catalog) seen {
		var s seen
		column := func(n int32) string {
			for i := range c.Nodes {
				if n < c.Flow.First[i+1] {
					return c.Nodes[i].ID.Name + "." + c.Nodes[i].Columns[n-c.Flow.First[i]].Name
				}
			}
			return fmt.Sprint(n)
		}
		for _, n := range c.Nodes {
			text := n.ID.Name + " ←"
			for _, p := range n.Parents {
				text += " " + c.Nodes[p].ID.Name
			}
			if n.Withheld {
				text += " ?"
			}
			s.Nodes = append(s.Nodes, text)
		}
		for _, e := range c.Flow.Edges {
			s.Columns = append(s.Columns, fmt.Sprintf("%s ← %s by %c", column(e.To), column(e.From), e.Way))
		}
		return s
	}
	nodes := []int{0, 6, 7} // shop.orders, fct_order, mart_sales
	got := map[Lineage]seen{}
	for _, l := range Lineages() {
		out, _ := For(contenttest.Small(), Audience{Name: "a", Nodes: nodes, Lineage: l})
		got[l] = look(out)
	}
	direct := []string{"mart_sales.ordered_on ← fct_order.ordered_on by i", "mart_sales.amount ← fct_order.amount by a"}
	want := map[Lineage]seen{
		Contract: {[]string{"shop.orders ←", "fct_order ← ?", "mart_sales ← fct_order ?"}, direct},
		Hide:     {[]string{"shop.orders ←", "fct_order ←", "mart_sales ← fct_order"}, direct},
		Bridge: {[]string{"shop.orders ←", "fct_order ← shop.orders ?", "mart_sales ← fct_order ?"}, []string{
			"fct_order.order_id ← shop.orders.id by i", "fct_order.amount ← shop.orders.amount by c", "fct_order.ordered_on ← shop.orders.ordered_at by t",
			direct[0], direct[1],
		}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("lineage (-want +got):\n%s", d)
	}
}

// TestCustomer: names, schemas, an older contract, custom fields and masks are the customer's.
func TestCustomer(t *testing.T) {
	released := time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC)
	c := contenttest.Small()
	fct, mart := c.Nodes[6], c.Nodes[7]
	fct.Description = "Read by `mart_sales`; the amount, `amount`, is in euros, and customer_id is not there. See [sales](ref:mart_sales), from shop.orders."
	fct.Offer = &content.Offer{As: "orders", Columns: []content.Offered{{Column: "order_id", Type: "INT64"}, {Column: "amount", Type: "NUMERIC", Mask: "hash"}, {Column: "ordered_on", Type: "DATE"}}}
	mart.Offer = &content.Offer{As: "sales", Columns: []content.Offered{{Column: "ordered_on", Type: "DATE"}, {Column: "country", Type: "STRING"}, {Column: "amount", Type: "NUMERIC"}}}
	orders := c.Nodes[0]
	orders.Offer = &content.Offer{As: "orders", Source: "shop", Columns: []content.Offered{{Column: "id", Type: "INT64"}}}
	c.Contracts = []*content.Contract{{Version: 1, Old: []content.OldRelation{{Node: 6, As: "orders", Columns: []content.OldColumn{
		{Name: "order_id", Type: "INT64", From: "order_id"}, {Name: "sum", Type: "NUMERIC", From: "amount"}, {Name: "legacy", Type: "STRING"},
	}}}}}
	acme := c.Customers[0]
	acme.Schema, acme.Lakes, acme.Nodes, acme.Released = "dw_acme", []content.Pair{{Name: "shop", Value: "dl_acme_shop"}}, []int{0, 6, 7}, released
	acme.Fields = []content.CustomField{{Node: 6, Name: "cf_thc", Type: "NUMERIC", Title: "THC %"}}
	type relation struct {
		Name, Relation, Description, Grain string
		Columns                            []string
		Built                              time.Time
	}
	look := func(c *content.Catalog) (out []relation) {
		for _, n := range c.Nodes {
			r := relation{Name: n.ID.String(), Relation: n.Relation, Description: n.Description, Grain: n.Grain, Built: n.Data.BuiltAt}
			for _, x := range n.Columns {
				r.Columns = append(r.Columns, strings.TrimSpace(fmt.Sprintf("%s %s %s", x.Name, x.Type, strings.Join(append(slices.Clone(x.Constraints), x.Tags...), ", "))))
			}
			out = append(out, r)
		}
		return out
	}
	source := relation{"source.shop.orders", "dl_acme_shop.orders", "Orders as the shop writes them.", "", []string{"id INT64"}, released}
	sales := relation{"model.sales", "dw_acme.sales", "Sales per day and country, for the dashboard.", "ordered_on", []string{"ordered_on DATE", "country STRING", "amount NUMERIC"}, released}
	out, _ := For(c, Audience{Name: "customers", Customer: "acme", Show: []Facet{Tests, SQL, Stats}})
	want := []relation{
		source, {
			"model.orders", "dw_acme.orders", "Read by `sales`; the amount, `amount`, is in euros, and … is not there. See [sales](ref:sales), from shop.orders.", "order_id",
			[]string{"order_id INT64", "amount NUMERIC a hash in rows that you see in part", "ordered_on DATE", "cf_thc NUMERIC custom field"}, released,
		}, sales,
	}
	if d := cmp.Diff(want, look(out)); d != "" {
		t.Errorf("newest contract (-want +got):\n%s", d)
	}
	if out.Customer != "Acme Ltd" || len(out.Customers)+len(out.Runs)+len(out.Macros) > 0 || out.Nodes[0].SQL.Text != "" || out.Nodes[0].Data.Rows != -1 {
		t.Errorf("a customer is told more than it may know: %+v", out)
	}
	var tests []string
	for _, x := range out.Tests {
		tests = append(tests, x.ID.Name+": "+x.Sentence)
	}
	if d := cmp.Diff([]string{"unique_orders_order_id: order_id is unique"}, tests); d != "" {
		t.Errorf("tests (-want +got):\n%s", d)
	}
	acme.Contract = 1
	out, _ = For(c, Audience{Name: "customers", Customer: "acme"})
	want = []relation{
		source, {
			"model.orders", "dw_acme.orders", "Read by `…`; the amount, `sum`, is in euros, and … is not there. See …, from shop.orders.", "order_id",
			[]string{"order_id INT64", "sum NUMERIC a hash in rows that you see in part", "legacy STRING always NULL: newer contracts do not have it", "cf_thc NUMERIC custom field"}, released,
		},
	}
	if d := cmp.Diff(want, look(out)); d != "" {
		t.Errorf("contract 1 (-want +got):\n%s", d)
	}
	if out, _ := For(c, Audience{Name: "customers", Customer: "nobody"}); len(out.Nodes) > 0 {
		t.Errorf("a customer that does not exist is shown %d nodes", len(out.Nodes))
	}
}

// TestNothingIsShared: what is done to a narrowed catalog does not reach the whole one.
func TestNothingIsShared(t *testing.T) {
	c, want := contenttest.Offer(contenttest.Small()), contenttest.Offer(contenttest.Small())
	all := make([]int, len(c.Nodes))
	for i := range all {
		all[i] = i
	}
	out, _ := For(c, Audience{Name: "a", Nodes: all, Show: Facets()})
	for _, n := range out.Nodes {
		n.ID = addr.Node{}
		for _, list := range [][]string{n.Tags, n.Data.Clustered} {
			clear(list)
		}
		for _, list := range [][]int{n.Parents, n.Children, n.Tests, n.Macros, n.Customers} {
			clear(list)
		}
		clear(n.Meta)
		clear(n.History)
		clear(n.Template.Links)
		for _, x := range n.Columns {
			clear(x.Tags)
			if x.Profile != nil {
				clear(x.Profile.Top)
			}
			*x = content.Column{}
		}
	}
	for _, x := range out.Tests {
		if x.Sample != nil {
			for _, row := range x.Sample.Rows {
				clear(row)
			}
		}
		clear(x.History)
		clear(x.Reads)
	}
	clear(out.Flow.Edges)
	if d := cmp.Diff(want, c); d != "" {
		t.Errorf("the catalog has changed (-want +got):\n%s", d)
	}
}

// BenchmarkCustomers narrows a catalog of 10,000 models to a customer with 40 of them.
func BenchmarkCustomers(b *testing.B) {
	c := contenttest.Large(10_000)
	c.Customers = []*content.Customer{{Name: "one"}}
	for i := 0; i < len(c.Nodes) && len(c.Customers[0].Nodes) < 40; i += 200 {
		c.Customers[0].Nodes = append(c.Customers[0].Nodes, i)
	}
	contenttest.Offer(c)
	b.Run("prepare", func(b *testing.B) {
		for b.Loop() {
			Prepare(c)
		}
	})
	s := Prepare(c)
	b.Run("for", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.For(Audience{Name: "customers", Customer: "one"})
		}
	})
	all := make([]int, len(c.Nodes))
	for i := range all {
		all[i] = i
	}
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			s.For(Audience{Name: "all", Nodes: all, Show: Facets()})
		}
	})
}

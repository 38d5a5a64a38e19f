package contenttest

import (
	"strings"
	"time"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/engine/addr"
)

// Small is a shop: two sources, a seed, five models (one of them an old version), a snapshot and
// an exposure, with everything that a page can show at least once: a failing test with its rows,
// a warning, a stale source, a profile, a column that is sensitive, advice, a customer, a unit
// test, a term, a macro, earlier runs.
func Small() *content.Catalog {
	c := &content.Catalog{
		Project: "shop", Title: "Shop", Target: "dev", Warehouse: "duckdb", Generated: day, Engine: "engine 1.0",
		Runs: []*content.Run{
			{ID: "run-3", Started: day.Add(-2 * time.Minute), Ended: day, Verdict: content.Failed},
			{ID: "run-2", Started: day.Add(-24*time.Hour - 2*time.Minute), Ended: day.Add(-24 * time.Hour), Verdict: content.Passed},
			{ID: "run-1", Started: day.Add(-48*time.Hour - 2*time.Minute), Ended: day.Add(-48 * time.Hour), Verdict: content.Passed},
		},
		Groups: []*content.Group{{Name: "finance", OwnerName: "Finance team", OwnerEmail: "finance@example.com", Description: "Numbers that are reported."}},
		Macros: []*content.Macro{
			{Name: "cents", Description: "Cents as an amount.", File: "macros/cents.sql", Line: 1, Text: "{% macro cents(x) %}\n  {{ x }} / 100.0\n{% endmacro %}\n", UsedBy: []int{3}},
			{Name: "unused", File: "macros/unused.sql", Line: 1, Text: "{% macro unused() %}1{% endmacro %}\n"},
		},
		Terms: []*content.Term{
			{Name: "order", Text: "What a customer asked for, **whether or not** it was paid.", File: "glossary/terms.md", UsedBy: []int{3, 6}},
			{Name: "churn", Text: "A customer who has bought nothing for a year.", File: "glossary/terms.md"},
		},
		Customers: []*content.Customer{
			{Name: "acme", Title: "Acme Ltd", Tier: 1, Mode: "tables", Tenants: 2, Nodes: []int{6, 7}, Released: day.Add(-time.Hour)},
			{Name: "umbrella", Title: "Umbrella", Tier: 2, Mode: "files", Tenants: 1, Nodes: []int{7}},
		},
	}
	column := func(name, typ, description string) *content.Column {
		return &content.Column{Name: name, Type: typ, Description: description, Written: description != ""}
	}
	sensitive := column("email", "VARCHAR", "Where receipts go.")
	sensitive.Sensitive, sensitive.Tags = true, []string{"pii"}
	orders := &content.Node{
		ID: addr.Node{Kind: addr.Source, Name: "shop.orders"}, Tone: "source", Folder: "sources/shop", Description: "Orders as the shop writes them.",
		Relation: "raw.orders", YAML: "models/sources.yml", Line: 5, Described: true, Tags: []string{"raw"}, Access: "protected",
		Columns: []*content.Column{column("id", "BIGINT", "Key."), column("customer_id", "BIGINT", ""), column("amount", "BIGINT", "In cents."), column("ordered_at", "TIMESTAMP", "")},
		Source: &content.Source{
			Name: "shop", Description: "The shop's own database.", Loader: "ingestion", LoadedAt: "ordered_at",
			WarnAfter: 12 * time.Hour, ErrorAfter: 24 * time.Hour, Loaded: day.Add(-15 * time.Hour), Checked: day, Fresh: "warn",
		},
		Data: content.Data{Rows: 1200, Bytes: 65_536},
	}
	customers := &content.Node{
		ID: addr.Node{Kind: addr.Source, Name: "shop.customers"}, Tone: "source", Folder: "sources/shop", Relation: "raw.customers",
		YAML: "models/sources.yml", Line: 14, Columns: []*content.Column{column("id", "BIGINT", ""), sensitive, column("country", "VARCHAR", "")},
		Source: &content.Source{Name: "shop", Description: "The shop's own database."}, Data: content.Data{Rows: -1, Bytes: -1},
	}
	countries := &content.Node{
		ID: addr.Node{Kind: addr.Seed, Name: "countries"}, Tone: "seed", Folder: "seeds", Description: "Countries and their currencies.", Relation: "main.countries",
		File: "seeds/countries.csv", YAML: "seeds/countries.yml", Line: 1, Described: true, Seed: &content.Seed{Format: "csv", Size: 4096},
		Columns: []*content.Column{column("code", "VARCHAR", "ISO 3166."), column("name", "VARCHAR", "")}, Status: content.Unchanged,
		Data: content.Data{Rows: 249, Bytes: 16_384, BuiltAt: day.Add(-48 * time.Hour)},
	}
	amount := column("amount", "DOUBLE", "In euros.")
	amount.Profile = &content.Profile{
		Rows: 1200, Nulls: 12, Distinct: 830, Min: "0.5", Max: "990.25", At: day,
		Top: []content.TopValue{{Value: "9.99", Rows: 60}, {Value: "19.99", Rows: 41}},
	}
	stgOrders := model(day, "stg_orders", "stg", "models/staging", "view", "One row per order, cleaned. [Order](https://example.com/order) of the shop.",
		column("order_id", "BIGINT", "Key of the order."), column("customer_id", "BIGINT", ""), amount, column("ordered_on", "DATE", ""))
	stgOrders.Advice = []content.Advice{{Level: "info", Text: "Prefer fct_order, which is made of it.", Prefer: 6}}
	stgOrders.Macros = []int{0}
	stgCustomers := model(day, "stg_customers", "stg", "models/staging", "view", "", column("customer_id", "BIGINT", ""), clone(sensitive), column("country_code", "VARCHAR", ""))
	dim := model(day, "dim_customer", "dim", "models/marts", "table", "One row per customer.\n\n- with country\n- without duplicates",
		column("customer_id", "BIGINT", "Key."), clone(sensitive), column("country", "VARCHAR", "Name of the country."))
	dim.Contract, dim.Access = true, "public"
	dim.Columns[0].Constraints = []string{"primary key", "not null"}
	fct := model(day, "fct_order", "fct", "models/marts", "incremental", "One row per order, with its customer.",
		column("order_id", "BIGINT", "Key of the order."), column("customer_id", "BIGINT", "Who ordered."), column("amount", "DOUBLE", "In euros."), column("ordered_on", "DATE", ""))
	fct.Customers, fct.Version, fct.Status = []int{0}, &content.Version{Model: "fct_order", Name: "2", Latest: true}, content.Failed
	fct.Data.Partitioned, fct.Data.Clustered = "ordered_on", []string{"customer_id"}
	mart := model(day, "mart_sales", "mart", "models/marts", "table", "Sales per day and country, for the dashboard.",
		column("ordered_on", "DATE", ""), column("country", "VARCHAR", ""), column("amount", "DOUBLE", "Sum in euros."))
	mart.Customers, mart.ForAll, mart.Meta = []int{0, 1}, true, []content.Pair{{Name: "review", Value: "2026-01"}, {Name: "steward", Value: `{"name":"Ann"}`}}
	old := model(day, "fct_order_v1", "fct", "models/marts", "table", "The first version.", column("order_id", "BIGINT", ""), column("amount", "DOUBLE", ""))
	old.Version, old.Deprecated = &content.Version{Model: "fct_order", Name: "1"}, day.AddDate(0, 1, 0)
	old.Advice = []content.Advice{{Level: "warn", Text: "Deprecated from 2026-04-02: use fct_order.", Prefer: 6}}
	snap := &content.Node{
		ID: addr.Node{Kind: addr.Snapshot, Name: "snap_customer"}, Tone: "snapshot", Folder: "snapshots", Relation: "main.snap_customer", Materialized: "snapshot",
		File: "snapshots/snap_customer.sql", YAML: "models/models.yml", Columns: []*content.Column{column("customer_id", "BIGINT", ""), column("dbt_valid_from", "TIMESTAMP", "")},
		NoTypes: "", Status: content.Built, Data: content.Data{Rows: 410, Bytes: -1, BuiltAt: day},
		Facts: []content.Fact{{Name: "Strategy", Value: "check"}},
	}
	board := &content.Node{
		ID: addr.Node{Kind: addr.Exposure, Name: "sales_board"}, Label: "Sales board", Tone: "exposure", Folder: "exposures", Description: "What the board looks at on Mondays.",
		YAML: "models/exposures.yml", Line: 3, Described: true, Owner: "Finance team", Data: content.Data{Rows: -1, Bytes: -1},
		Exposure: &content.Exposure{Type: "dashboard", URL: "https://bi.example.com/sales", Maturity: "high", OwnerName: "Finance team", Email: "finance@example.com"},
	}
	c.Nodes = []*content.Node{orders, customers, countries, stgOrders, stgCustomers, dim, fct, mart, old, snap, board}
	link(c, map[int][]int{3: {0}, 4: {1}, 5: {2, 4}, 6: {3, 5}, 7: {5, 6}, 8: {3}, 9: {4}, 10: {7}})
	for _, n := range c.Nodes {
		if len(n.Parents) > 0 && n.File != "" {
			write(c, n)
		}
	}
	history := func(s ...content.Status) (out []content.Outcome) {
		for i, x := range s {
			o := content.Outcome{At: c.Runs[i].Ended, Status: x}
			if x == content.Failed || x == content.Warned {
				o.Failures = 2
			}
			out = append(out, o)
		}
		return out
	}
	tests := []*content.Test{
		{Of: 3, Reads: []int{3}, Column: "order_id", Kind: "not_null", Sentence: "order_id is never null", Status: content.Passed, History: history(content.Passed, content.Passed, content.Passed)},
		{
			Of: 6, Reads: []int{6}, Column: "order_id", Kind: "unique", Sentence: "order_id is unique", Status: content.Failed, Failures: 2, History: history(content.Failed, content.Passed, content.Passed),
			Sample: &content.Sample{Columns: []string{"order_id", "n"}, Rows: [][]string{{"17", "2"}, {"18", "2"}}}, Stored: "main_tests.unique_fct_order",
		},
		{Of: 6, Reads: []int{5, 6}, Column: "customer_id", Kind: "relationships", Sentence: "customer_id exists in dim_customer.customer_id", Status: content.Warned, Failures: 2, Severity: "warn", History: history(content.Warned, content.Passed)},
		{Of: -1, Reads: []int{6, 7}, Kind: "singular", Sentence: "assert_sales_add_up returns no rows", Description: "Sales are what orders add up to.", Status: content.Errored, Problem: "division by zero"},
		{Of: 6, Reads: []int{6}, Kind: "unit", Sentence: "fct_order_joins", Status: content.Unknown, Expect: &content.Sample{Columns: []string{"order_id", "amount"}, Rows: [][]string{{"1", "9.99"}, {"2", "NULL"}}}},
	}
	for i, name := range []string{"not_null_stg_orders_order_id", "unique_fct_order_order_id", "relationships_fct_order_customer_id", "assert_sales_add_up", "fct_order_joins"} {
		t := tests[i]
		t.ID, t.Where, t.At = addr.Node{Kind: addr.Test, Name: name}, "models/models.yml:"+string(rune('1'+i)), day
		if t.Kind == "unit" {
			t.ID.Kind = addr.UnitTest
		} else {
			t.SQL = "select *\nfrom " + c.Nodes[t.Reads[0]].Relation + "\nwhere order_id is null"
		}
		if t.Severity == "" {
			t.Severity = "error"
		}
		for _, r := range t.Reads {
			c.Nodes[r].Tests = append(c.Nodes[r].Tests, i)
		}
		if t.Column != "" {
			for _, col := range c.Nodes[t.Of].Columns {
				if col.Name == t.Column {
					col.Tests = append(col.Tests, i)
				}
			}
		}
		c.Tests = append(c.Tests, t)
	}
	number(c)
	add := func(from, to int, way content.Way, text string) { edge(c, from, to, way, text) }
	at := func(node, col int) int { return int(c.Flow.First[node]) + col }
	add(at(0, 0), at(3, 0), content.Identity, "")
	add(at(0, 1), at(3, 1), content.Identity, "")
	add(at(0, 2), at(3, 2), content.Transformed, "amount / 100.0")
	add(at(0, 3), at(3, 3), content.Transformed, "cast(ordered_at as date)")
	add(at(1, 0), at(4, 0), content.Identity, "")
	add(at(1, 1), at(4, 1), content.Identity, "")
	add(at(1, 2), at(4, 2), content.Transformed, "upper(country)")
	add(at(4, 0), at(5, 0), content.Identity, "")
	add(at(4, 1), at(5, 1), content.Identity, "")
	add(at(2, 1), at(5, 2), content.Identity, "")
	add(at(3, 0), at(6, 0), content.Identity, "")
	add(at(5, 0), at(6, 1), content.Identity, "")
	add(at(3, 2), at(6, 2), content.Condition, "case when amount > 0 then amount end")
	add(at(3, 3), at(6, 3), content.Identity, "")
	add(at(6, 3), at(7, 0), content.Identity, "")
	add(at(5, 2), at(7, 1), content.Identity, "")
	add(at(6, 2), at(7, 2), content.Aggregated, "sum(amount)")
	add(at(3, 0), at(8, 0), content.Identity, "")
	add(at(3, 2), at(8, 1), content.Identity, "")
	add(at(4, 0), at(9, 0), content.Identity, "")
	c.Flow.Reads = []content.Read{
		{Column: int32(at(4, 2)), Node: 5, To: -1, Use: content.Join, Text: phrase(c, "country_code = code")},
		{Column: int32(at(3, 2)), Node: 6, To: -1, Use: content.Filter, Text: phrase(c, "amount is not null")},
		{Column: int32(at(6, 3)), Node: 7, To: -1, Use: content.Grouped},
	}
	return c
}

func clone(c *content.Column) *content.Column { x := *c; return &x }

func model(at time.Time, name, tier, folder, materialized, description string, columns ...*content.Column) *content.Node {
	n := &content.Node{
		ID: addr.Node{Kind: addr.Model, Name: name}, Tone: tier, Tier: tier, Folder: folder, Description: description, Relation: "main." + name,
		Materialized: materialized, Tags: []string{"daily"}, Owner: "finance@example.com", Group: "finance", Access: "protected", Grain: columns[0].Name,
		Columns: columns, File: folder + "/" + name + ".sql", YAML: "models/models.yml", Line: 8, Described: description != "",
		Status: content.Built, Data: content.Data{Rows: 1200, Bytes: 32_768, BuiltAt: at},
	}
	if materialized == "view" {
		n.Data.Rows, n.Data.Bytes = -1, -1
	}
	for i := range 3 {
		n.History = append(n.History, content.Build{
			Run: "run-" + string(rune('3'-i)), At: at.Add(-time.Duration(i) * 24 * time.Hour), Took: time.Duration(900-100*i) * time.Millisecond,
			Rows: int64(1200 - 100*i), Bytes: 32_768, Billed: -1,
		})
	}
	return n
}

// link sets the parents, and the children from them.
func link(c *content.Catalog, parents map[int][]int) {
	for i, n := range c.Nodes {
		n.Parents = parents[i]
		for _, p := range n.Parents {
			c.Nodes[p].Children = append(c.Nodes[p].Children, i)
		}
	}
}

// write makes a text that reads the parents, with links.
func write(c *content.Catalog, n *content.Node) {
	var tmpl, sql strings.Builder
	for i, p := range n.Parents {
		word := "from "
		if i > 0 {
			word = "\ncross join "
		} else {
			word = "select *\n" + word
		}
		tmpl.WriteString(word)
		sql.WriteString(word)
		ref := "{{ ref('" + c.Nodes[p].ID.Name + "') }}"
		n.Template.Links = append(n.Template.Links, content.Link{From: tmpl.Len(), To: tmpl.Len() + len(ref), Node: p})
		tmpl.WriteString(ref)
		n.SQL.Links = append(n.SQL.Links, content.Link{From: sql.Len(), To: sql.Len() + len(c.Nodes[p].Relation), Node: p})
		sql.WriteString(c.Nodes[p].Relation)
	}
	n.Template.Text, n.SQL.Text = tmpl.String(), sql.String()
}

// number gives every column its number.
func number(c *content.Catalog) {
	c.Flow = content.Flow{Known: true, Texts: []string{""}}
	next := int32(0)
	for _, n := range c.Nodes {
		c.Flow.First = append(c.Flow.First, next)
		next += int32(len(n.Columns))
	}
	c.Flow.First = append(c.Flow.First, next)
}

func phrase(c *content.Catalog, s string) int32 {
	for i, x := range c.Flow.Texts {
		if x == s {
			return int32(i)
		}
	}
	c.Flow.Texts = append(c.Flow.Texts, s)
	return int32(len(c.Flow.Texts) - 1)
}

// edge appends; callers go by To.
func edge(c *content.Catalog, from, to int, way content.Way, text string) {
	c.Flow.Edges = append(c.Flow.Edges, content.Edge{From: int32(from), To: int32(to), Way: way, Text: phrase(c, text)})
}

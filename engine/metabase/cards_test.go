package metabase

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	peer "github.com/engine-build/engine/internal/testpeer/metabase"
)

// sales is a peer with three tables in schema main, one of them in a second schema, too.
func sales(t *testing.T) (p *peer.Server, s *Server, b *peer.Base, read func(...Reading) ([]Exposure, int)) {
	t.Helper()
	p, s, _ = start(t)
	b = p.AddBase("Warehouse", "postgres")
	p.Do(func() { b.Details["dbname"] = "shop" })
	for _, name := range []string{"orders", "customers", "items"} {
		p.AddTable(b, "main", name, "id", "other_id")
	}
	p.AddTable(b, "raw", "orders", "id")
	p.AddTable(b, "a", "both", "id")
	p.AddTable(b, "b", "both", "id")
	tables := []Table{
		{Node: model("orders"), Schema: "main", Name: "orders"}, {Node: model("customers"), Schema: "main", Name: "customers"}, {Node: model("items"), Schema: "main", Name: "items"},
		{Node: addr.Node{Kind: addr.Source, Name: "app.orders"}, Schema: "raw", Name: "orders"},
		{Node: model("both_a"), Schema: "a", Name: "both"}, {Node: model("both_b"), Schema: "b", Name: "both"},
	}
	read = func(r ...Reading) ([]Exposure, int) {
		t.Helper()
		f, err := s.Metadata(t.Context(), Base{ID: b.ID, Name: b.Name, Engine: b.Engine, Details: b.Details})
		if err != nil {
			t.Fatal(err)
		}
		list, others, err := s.Exposures(t.Context(), []Side{{Found: f, Tables: tables}}, append(r, Reading{})[0])
		if err != nil {
			t.Fatal(err)
		}
		return list, others
	}
	return p, s, b, read
}

func depends(list []Exposure) map[string]string {
	out := map[string]string{}
	for _, e := range list {
		var names []string
		for _, n := range e.DependsOn {
			names = append(names, strings.TrimPrefix(n.String(), "model."))
		}
		out[e.Name] = strings.Join(names, " ")
	}
	return out
}

func TestExposures(t *testing.T) {
	p, _, b, read := sales(t)
	db := b.ID
	orders, customers, items := b.Tables[0].ID, b.Tables[1].ID, b.Tables[2].ID
	itemOrder := b.Tables[2].Field("other_id").ID
	native := func(sql string) string {
		return fmt.Sprintf(`{"database": %d, "type": "native", "native": {"query": %q, "template-tags": {}}}`, db, sql)
	}
	four := p.AddCard("root", "Four", fmt.Sprintf(`{"database": %d, "type": "query", "query": {"source-table": %d, "joins": [{"source-table": %d, "condition": ["=", 1, 2]}], "breakout": [["field", %d, {"source-field": 1}]]}}`, db, orders, customers, itemOrder))
	p.AddCard("root", "Five", fmt.Sprintf(`{"lib/type": "mbql/query", "database": %d, "stages": [{"lib/type": "mbql.stage/mbql", "source-table": %d, "joins": [{"lib/type": "mbql/join", "stages": [{"lib/type": "mbql.stage/mbql", "source-table": %d}]}], "filters": [["=", {}, ["field", {"join-alias": "I"}, %d], 3]]}]}`, db, customers, orders, itemOrder))
	p.AddCard("root", "Five SQL", fmt.Sprintf(`{"lib/type": "mbql/query", "database": %d, "stages": [{"lib/type": "mbql.stage/native", "native": "select * from main.items where {{x}} [[and y = {{y}}]]", "template-tags": {"x": {"type": "dimension", "dimension": ["field", {}, %d]}}}]}`, db, b.Tables[0].Field("id").ID))
	p.AddCard("root", "On four", fmt.Sprintf(`{"database": %d, "type": "query", "query": {"source-table": "card__%d"}}`, db, four))
	p.AddCard("root", "On four, joined", fmt.Sprintf(`{"lib/type": "mbql/query", "database": %d, "stages": [{"source-table": %d, "joins": [{"stages": [{"source-card": %d}]}]}]}`, db, customers, four))
	p.AddCard("root", "Nested query", fmt.Sprintf(`{"database": %d, "type": "query", "query": {"source-query": {"source-query": {"native": "select * from main.customers"}}}}`, db))
	p.AddCard("root", "SQL on a card", native(fmt.Sprintf("with c as (select * from {{#%d-four}}) select * from c join \"main\".\"items\" i on true", four)))
	p.AddCard("root", "CTE", native("with customers as (select 1), o as (select * from shop.main.orders) select * from customers, o -- from main.items"))
	p.AddSnippet("paid", "select * from main.orders where {{snippet: deep}}")
	p.AddSnippet("deep", "exists (select 1 from main.items)")
	p.AddCard("root", "Snippet", native("select * from ({{snippet: paid}}) x"))
	p.AddCard("root", "Plain names", native("select * from customers, Items"))
	p.AddCard("root", "Source", native("select * from raw.orders"))
	p.AddCard("root", "Unclear", native("select * from both, customers"))
	p.AddCard("root", "Elsewhere", native("select * from other.main.orders"))
	p.AddCard("root", "Another database", `{"database": 9, "type": "native", "native": {"query": "select * from main.orders"}}`)
	p.AddCard("root", "Circle", fmt.Sprintf(`{"database": %d, "type": "query", "query": {"source-table": "card__%d", "joins": [{"source-table": %d}]}}`, db, 999, orders))
	circle := p.AddCard("root", "Round", `{}`)
	p.SetCard(circle, "dataset_query", map[string]any{"database": db, "type": "query", "query": map[string]any{"source-table": fmt.Sprintf("card__%d", circle), "joins": []any{map[string]any{"source-table": items}}}})
	p.AddCard("root", "Metric", fmt.Sprintf(`{"lib/type": "mbql/query", "database": %d, "stages": [{"source-table": %d, "aggregation": [["metric", {}, %d]]}]}`, db, customers, four))

	list, others := read()
	want := map[string]string{
		"four": "customers items orders", "five": "customers items orders", "five_sql": "items orders", "on_four": "customers items orders", "on_four_joined": "customers items orders",
		"nested_query": "customers", "sql_on_a_card": "customers items orders", "cte": "orders", "snippet": "items orders", "plain_names": "customers items",
		"source": "source.app.orders", "unclear": "customers", "circle": "orders", "round": "items", "metric": "customers items orders",
	}
	if d := cmp.Diff(want, depends(list)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if others != 2 {
		t.Errorf("%d others, want 2", others)
	}
	for _, e := range list {
		if (e.Name == "circle") != e.Partial || (e.Name == "unclear") != (len(e.Unclear) == 1) {
			t.Errorf("%+v", e)
		}
	}
}

// TestMetrics: ["metric", 5] is a card where cards have types and that one is a metric.
func TestMetrics(t *testing.T) {
	p, _, b, read := sales(t)
	ask := func(aggregation string) string {
		return fmt.Sprintf(`{"database": %d, "type": "query", "query": {"source-table": %d, "aggregation": [%s]}}`, b.ID, b.Tables[1].ID, aggregation)
	}
	plain := p.AddCard("root", "Plain", fmt.Sprintf(`{"database": %d, "type": "query", "query": {"source-table": %d}}`, b.ID, b.Tables[0].ID))
	count := p.AddCard("root", "Count", fmt.Sprintf(`{"database": %d, "type": "query", "query": {"source-table": %d}}`, b.ID, b.Tables[2].ID))
	p.SetCard(count, "type", "metric")
	p.AddCard("root", "On a metric", ask(fmt.Sprintf(`["metric", %d]`, count)))
	p.AddCard("root", "On no metric", ask(fmt.Sprintf(`["metric", %d]`, plain)))
	p.AddCard("root", "On a hidden metric", ask(`["metric", 9999]`))
	p.AddCard("root", "On a metric inside", ask(fmt.Sprintf(`["+", 1, ["metric", %d]]`, count)))
	p.AddCard("root", "On five", ask(fmt.Sprintf(`["metric", {"lib/uuid": "x"}, %d]`, plain)))
	old := p.AddCard("root", "Before 50", ask(fmt.Sprintf(`["metric", %d], ["metric", 9999]`, count)))
	p.SetCard(old, "type", nil)
	list, _ := read()
	want := map[string]string{
		"plain": "orders", "count": "items", "on_a_metric": "customers items", "on_no_metric": "customers", "on_a_hidden_metric": "customers",
		"on_a_metric_inside": "customers items", "on_five": "customers orders", "before_50": "customers",
	}
	if d := cmp.Diff(want, depends(list)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, e := range list {
		if (e.Name == "on_a_hidden_metric") != e.Partial {
			t.Errorf("%+v", e)
		}
	}
}

// TestCircles: two cards that read each other end, and both read what either reads.
func TestCircles(t *testing.T) {
	p, _, b, read := sales(t)
	ask := func(table, card int) map[string]any {
		return map[string]any{"database": b.ID, "type": "query", "query": map[string]any{"source-table": table, "joins": []any{map[string]any{"source-table": fmt.Sprintf("card__%d", card)}}}}
	}
	one := p.AddCard("root", "One", `{}`)
	two := p.AddCard("root", "Two", `{}`)
	p.SetCard(one, "dataset_query", ask(b.Tables[0].ID, two))
	p.SetCard(two, "dataset_query", ask(b.Tables[1].ID, one))
	list, _ := read()
	if d := cmp.Diff(map[string]string{"one": "customers orders", "two": "customers orders"}, depends(list)); d != "" {
		t.Error(d)
	}
	asked := map[string]int{}
	for _, r := range p.Requests() {
		asked[r.Path]++
	}
	if n := asked[fmt.Sprintf("/api/card/%d", one)]; n > 2 { // by two workers at once
		t.Errorf("a card was asked for %d times", n)
	}
}

func TestCollections(t *testing.T) {
	for _, wrapped := range []bool{false, true} {
		p, _, b, read := sales(t)
		p.Do(func() { p.Wrapped = wrapped })
		query := fmt.Sprintf(`{"database": %d, "type": "query", "query": {"source-table": %d}}`, b.ID, b.Tables[0].ID)
		finance, mine := p.AddCollection("Finance", 0), p.AddCollection("Ada's own", 1)
		p.AddCollection("Grace's own", 2)
		card := p.AddCard("root", "Über «all»: {{x}}", query)
		p.AddCard(finance, "über all x", query)
		p.AddCard(finance, "数字", query)
		p.AddCard(finance, "2026 plan", query)
		p.AddCard(mine, "Private", query)
		p.AddDashboard(finance, "Board", false, card)
		p.AddDashboard(finance, "Old board", true, card)
		gone := p.AddCard(finance, "Archived", query)
		p.SetCard(gone, "archived", true)
		p.SetCard(card, "moderated_status", "verified")
		all, _ := read()
		if d := cmp.Diff(map[string]string{"ber_all_x": "orders", fmt.Sprintf("ber_all_x_%d", card+1): "orders", fmt.Sprintf("metabase_analysis_%d", card+2): "orders", "metabase_2026_plan": "orders", "board": "orders", "old_board": "orders"}, depends(all)); d != "" {
			t.Errorf("wrapped %v (-want +got):\n%s", wrapped, d)
		}
		some, _ := read(Reading{Collections: []string{"Fin*"}, Verified: true})
		if d := cmp.Diff(map[string]string{"board": "orders", "old_board": "orders"}, depends(some)); d != "" {
			t.Error(d)
		}
		some, _ = read(Reading{Without: []string{"Finance", "Our analytics"}, Personal: true})
		if d := cmp.Diff(map[string]string{"private": "orders"}, depends(some)); d != "" {
			t.Error(d)
		}
		text, err := YAML(all, func(n addr.Node) string { return "ref('" + n.Name + "')" })
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(text), Header) || strings.Contains(string(text), "{{") || !strings.Contains(string(text), "name: Grace Hopper") || !strings.Contains(string(text), "email: ada@example.com") {
			t.Errorf("%s", text)
		}
		again, _ := read()
		if same, _ := YAML(again, func(n addr.Node) string { return "ref('" + n.Name + "')" }); string(same) != string(text) {
			t.Error("the second file differs")
		}
	}
}

func TestCardsThatFail(t *testing.T) {
	p, s, b, _ := sales(t)
	p.AddCard("root", "One", fmt.Sprintf(`{"database": %d, "type": "query", "query": {"source-table": %d}}`, b.ID, b.Tables[0].ID))
	p.AddCard("root", "Two", fmt.Sprintf(`{"database": %d, "type": "query", "query": {"source-table": %d}}`, b.ID, b.Tables[0].ID))
	p.Break(&peer.Fault{Path: "/api/card", Status: 400, Times: 1, Body: "bad"})
	_, _, err := s.Exposures(t.Context(), nil, Reading{})
	if statusOf(err) != 400 {
		t.Errorf("got %v", err)
	}
}

// TestDocumented reads answers in the shapes that the documentation and users' recordings have,
// with all the keys that we know nothing of.
func TestDocumented(t *testing.T) {
	p, s, _ := start(t)
	for path, file := range map[string]string{"/api/database/2/metadata": "metadata.json", "/api/card/27": "card_mbql4.json", "/api/card/28": "card_mbql5.json", "/api/card/29": "card_native.json", "/api/dashboard/2": "dashboard.json"} {
		text, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		p.Break(&peer.Fault{Path: path, Status: 200, Times: 1, Body: string(text)})
	}
	f, err := s.Metadata(t.Context(), Base{ID: 2, Name: "shop", Engine: "postgres"})
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Tables) != 2 || f.Tables[0].Name != "customers" || f.Tables[1].Fields[1].Values[fkTarget] != float64(94) || f.Tables[0].Fields[0].Path != "customer_id" {
		t.Errorf("%+v", f)
	}
	tr := newTracer(s, []Side{{Found: f, Tables: []Table{{Node: model("customers"), Schema: "public", Name: "customers"}, {Node: model("orders"), Schema: "public", Name: "orders"}}}})
	for id, want := range map[int]string{27: "customers orders", 28: "customers orders", 29: "orders"} {
		u := newUses()
		if err := tr.follow(t.Context(), id, u); err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(len(u.nodes), u.nodes[model("orders")], u.nodes[model("customers")])
		if exp := fmt.Sprint(len(strings.Fields(want)), strings.Contains(want, "orders"), strings.Contains(want, "customers")); got != exp {
			t.Errorf("card %d: %s, want %s", id, got, exp)
		}
	}
	e, err := tr.exposure(t.Context(), item{ID: 2, Model: "dashboard"})
	if err != nil || e == nil || e.Label != "The board" || len(e.DependsOn) != 2 || e.OwnerName != "Ada Lovelace" {
		t.Errorf("%+v, %v", e, err)
	}
}

// TestHarmless: nothing that people wrote is a template in the file.
func TestHarmless(t *testing.T) {
	for in, want := range map[string]string{"{{{ x }}}": "{ { { x }}}", "{{% if %}": "{ { % if %}", "{#": "{ #", "a\r\nb {": "a\nb {"} {
		if got := harmless(in); got != want {
			t.Errorf("harmless(%q) is %q, want %q", in, got, want)
		}
	}
	text, err := YAML([]Exposure{{Name: "a", Label: "{{{a", Type: "analysis", OwnerName: "{%b", OwnerEmail: "{{c", Collection: "{#d", Description: "{{%e"}}, addr.Node.String)
	if err != nil || strings.Contains(string(text), "{{") || strings.Contains(string(text), "{%") || strings.Contains(string(text), "{#") {
		t.Errorf("%v\n%s", err, text)
	}
}

package editor

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/source"
)

// placesShop is a small project with something of everything that has a name.
var placesShop = map[string]string{
	"engine.yml": `name: shop
vars:
  first_day: "2026-01-01"
`,
	"seeds/countries.csv":   "code,title\nde,Germany\n",
	"models/raw_orders.sql": "select 1 as id, 2 as customer_id, 3.5 as amount, 'de' as country, date '2026-01-01' as placed_on",
	"models/orders.sql": `{{ config "materialized" "table" }}
with paid as (
    select * from {{ ref "raw_orders" }}
    where placed_on >= '{{ var "first_day" }}'
),
totals as (
    select customer_id, sum(amount) as total
    from paid
    group by customer_id
)
select
    p.id,
    p.customer_id,
    {{ include "cents" "p.amount" }} as amount_cents,
    t.total,
    c.title as country_title
from paid as p
join totals as t using (customer_id)
left join {{ ref "countries" }} as c on c.code = p.country
order by amount_cents
`,
	"models/customers.sql": `select customer_id, max(total) as most, max(o.amount_cents) as cents
from {{ ref "orders" }} as o
group by customer_id
`,
	"models/events.sql": `select event_id from {{ source "app" "events" }}`,
	"macros/money.tmpl": `{{ define "cents" }}cast({{ . }} * 100 as int64){{ end }}`,
	"models/docs.md":    "{% docs total %}\nThe sum.\n{% enddocs %}\n",
	"models/shop.yml": `version: 2
models:
  - name: orders
    description: Orders that are paid.
    columns:
      - name: id
        data_tests: [unique, not_null]
      - name: total
        description: '{{ doc "total" }}'
  - name: customers
    columns:
      - name: customer_id
        data_tests:
          - relationships: {to: ref('orders'), field: customer_id}
sources:
  - name: app
    schema: app_raw
    tables:
      - name: events
        columns:
          - name: event_id
            data_type: int64
unit_tests:
  - name: cents_are_counted
    model: customers
    given:
      - input: ref('orders')
        rows:
          - {customer_id: 1, total: 2.5, amount_cents: 250}
    expect:
      rows:
        - {customer_id: 1, most: 2.5, cents: 250}
exposures:
  - name: board
    type: dashboard
    owner: {name: ann}
    depends_on: [ref('customers')]
`,
}

// cursor finds «before|after» in a file.
func cursor(t testing.TB, files map[string]string, at string) (string, int) {
	t.Helper()
	path, mark, _ := strings.Cut(at, ": ")
	before, after, ok := strings.Cut(mark, "|")
	text := files[path]
	i := strings.Index(text, before+after)
	if !ok || i < 0 {
		t.Fatalf("no %q in %s", mark, path)
	}
	return path, i + len(before)
}

// at says where a span is, and what stands there.
func placeText(s source.Span) string {
	if s.File == nil {
		return "nowhere"
	}
	pos := s.Position()
	return fmt.Sprintf("%s:%d:%d %s", s.File.Path, pos.Line, pos.Column, s.Text())
}

func TestDefinition(t *testing.T) {
	v := viewOf(t, placesShop)
	if len(v.Paths()) > 0 {
		t.Fatal(v.Diagnostics(v.Paths()[0]))
	}
	for _, c := range []struct{ at, want string }{
		{`models/customers.sql: ref "ord|ers"`, "models/orders.sql:1:1 "},
		{`models/customers.sql: o.amount_c|ents`, "models/orders.sql:14:41 amount_cents"},
		{`models/customers.sql: max(tot|al)`, "models/orders.sql:15:7 total"},
		{`models/customers.sql: max(o|.amount`, "models/customers.sql:2:28 o"},
		{`models/orders.sql: p.am|ount`, "models/raw_orders.sql:1:42 amount"},
		{`models/orders.sql: t.tot|al`, "models/orders.sql:7:40 total"},
		{`models/orders.sql: p.i|d,`, "models/raw_orders.sql:1:13 id"},
		{`models/orders.sql: c.tit|le`, "seeds/countries.csv:1:6 title"},
		{`models/orders.sql: from pa|id as`, "models/orders.sql:2:6 paid"},
		{`models/orders.sql: join tot|als as`, "models/orders.sql:6:1 totals"},
		{`models/orders.sql: order by amo|unt_cents`, "models/orders.sql:14:41 amount_cents"},
		{`models/orders.sql: include "ce|nts"`, "macros/money.tmpl:1:12 cents"},
		{`models/orders.sql: var "first|_day"`, "engine.yml:3:3 first_day"},
		{`models/orders.sql: "count|ries"`, "seeds/countries.csv:1:1 "},
		{`models/orders.sql: {{ con|fig`, "models/shop.yml:3:11 orders"},
		{`models/events.sql: event|_id`, "models/shop.yml:21:19 event_id"},
		{`models/events.sql: "app" "ev|ents"`, "models/shop.yml:19:15 events"},
		{`models/events.sql: "ap|p"`, "models/shop.yml:16:11 app"},
		{`models/shop.yml: name: ord|ers`, "models/orders.sql:1:1 "},
		{`models/shop.yml: - name: i|d`, "models/orders.sql:12:7 id"},
		{`models/shop.yml: doc "to|tal"`, "models/docs.md:1:9 total"},
		{`models/shop.yml: to: ref('ord|ers')`, "models/orders.sql:1:1 "},
		{`models/shop.yml: field: custo|mer_id`, "models/orders.sql:13:7 customer_id"},
		{`models/shop.yml: model: custo|mers`, "models/customers.sql:1:1 "},
		{`models/shop.yml: amount_|cents: 250`, "models/orders.sql:14:41 amount_cents"},
		{`models/shop.yml: depends_on: [ref('cust|omers')]`, "models/customers.sql:1:1 "},
	} {
		path, at := cursor(t, placesShop, c.at)
		var got []string
		for _, p := range v.Definition(path, at) {
			got = append(got, placeText(p.At))
		}
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%s: %s, want %s", c.at, strings.Join(got, "; "), c.want)
		}
	}
}

func TestReferences(t *testing.T) {
	v := viewOf(t, placesShop)
	for _, c := range []struct {
		at   string
		want []string
	}{
		{`models/shop.yml: name: ord|ers`, []string{
			`models/customers.sql:2:14 orders`, `models/shop.yml:3:11 orders`, `models/shop.yml:14:38 orders`, `models/shop.yml:27:21 orders`,
		}},
		{`models/customers.sql: o.amount_c|ents`, []string{
			`models/customers.sql:1:47 amount_cents`, `models/orders.sql:14:41 amount_cents`, `models/orders.sql:20:10 amount_cents`, `models/shop.yml:29:42 amount_cents`,
		}},
		{`models/raw_orders.sql: as am|ount`, []string{
			`models/orders.sql:7:29 amount`, `models/orders.sql:14:27 amount`, `models/raw_orders.sql:1:42 amount`,
		}},
		{`models/orders.sql: pai|d as (`, []string{`models/orders.sql:2:6 paid`, `models/orders.sql:8:10 paid`, `models/orders.sql:17:6 paid`}},
		{`models/orders.sql: include "ce|nts"`, []string{`macros/money.tmpl:1:12 cents`, `models/orders.sql:14:17 cents`}},
		{`engine.yml: first|_day`, []string{`engine.yml:3:3 first_day`, `models/orders.sql:4:33 first_day`}},
		{`models/events.sql: "app" "ev|ents"`, []string{`models/events.sql:1:39 events`, `models/shop.yml:19:15 events`}},
		{`models/shop.yml: doc "to|tal"`, []string{`models/docs.md:1:9 total`, `models/shop.yml:9:31 total`}},
	} {
		path, at := cursor(t, placesShop, c.at)
		var got []string
		for _, p := range v.References(path, at, true) {
			got = append(got, placeText(p.At))
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.at, d)
		}
	}
}

func TestSymbols(t *testing.T) {
	v := viewOf(t, placesShop)
	var lines func(list []Symbol, indent string) []string
	lines = func(list []Symbol, indent string) []string {
		var out []string
		for _, s := range list {
			out = append(out, indent+string(s.Kind)+" "+s.Name)
			out = append(out, lines(s.Children, indent+"  ")...)
		}
		return out
	}
	want := []string{"cte paid", "  column *", "cte totals", "  column customer_id", "  column total", "column id", "column customer_id", "column amount_cents", "column total", "column country_title"}
	if d := cmp.Diff(want, lines(v.Symbols("models/orders.sql"), "")); d != "" {
		t.Errorf("orders.sql (-want +got):\n%s", d)
	}
	want = []string{
		"model orders", "  column id", "    test unique", "    test not_null", "  column total",
		"model customers", "  column customer_id", "    test relationships",
		"source app.events", "  column event_id", "unit test cents_are_counted", "exposure board",
	}
	if d := cmp.Diff(want, lines(v.Symbols("models/shop.yml"), "")); d != "" {
		t.Errorf("shop.yml (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"macro cents"}, lines(v.Symbols("macros/money.tmpl"), "")); d != "" {
		t.Errorf("money.tmpl (-want +got):\n%s", d)
	}
	var names []string
	for _, s := range v.WorkspaceSymbols("ordrs") {
		names = append(names, s.Name)
	}
	if d := cmp.Diff([]string{"orders", "raw_orders"}, names); d != "" {
		t.Errorf("symbols of the project (-want +got):\n%s", d)
	}
}

func TestPreview(t *testing.T) {
	v := viewOf(t, placesShop)
	p, err := v.Compiled("models/orders.sql")
	if err != nil || !strings.Contains(p.Text, "cast(p.amount * 100 as int64)") || p.SQL == "" || p.Target != "duckdb" || p.Stale {
		t.Errorf("%+v, %v", p, err)
	}
	path, at := cursor(t, placesShop, "models/orders.sql: sum(am|ount)")
	p, err = v.CTE(path, at)
	if err != nil || p.CTE != "totals" || !strings.Contains(p.Text, "sum(amount)") || strings.Contains(p.Text, "countries") {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := v.CTE("models/customers.sql", 0); err == nil {
		t.Error("a query without common table expressions shows one")
	}
	if _, err := v.Compiled("models/shop.yml"); err == nil {
		t.Error("YAML compiles")
	}
}

// TestEveryPlace asks for everything at every place of texts, and of texts that are cut off:
// there is always an answer.
func TestEveryPlace(t *testing.T) {
	ref := viewIn(t, reference(t))
	for path, f := range ref.files {
		text := string(f.Data)
		for i := 0; i <= len(text); i += 61 {
			ref.Definition(path, i)
			cut := ref.with(path, since{file: source.NewFile(path, []byte(text[:i]))})
			cut.Definition(path, i)
			cut.References(path, i, true)
			cut.Rename(path, i, "renamed")
			cut.Actions(path, 0, i)
			cut.Symbols(path)
			_, _ = cut.CTE(path, i)
		}
	}
	v := viewOf(t, placesShop)
	for path, text := range placesShop {
		for _, whole := range []bool{true, false} {
			for i := 0; i <= len(text); i++ {
				if !whole {
					if i%3 > 0 {
						continue
					}
					cut := v.with(path, since{file: source.NewFile(path, []byte(text[:i]))})
					cut.Definition(path, i)
					cut.Actions(path, i, i)
					cut.Symbols(path)
					_, _ = cut.CTE(path, i)
					continue
				}
				v.Definition(path, i)
				v.References(path, i, true)
				if _, _, err := v.Renamable(path, i); err == nil {
					v.Rename(path, i, "renamed")
				}
			}
		}
	}
}

// TestWideQueries: common table expressions that read each other twice do not take for ever.
func TestWideQueries(t *testing.T) {
	text := "with c0 as (select 1 as id)"
	for i := range 60 {
		text += fmt.Sprintf(",\nc%d as (select * from c%d as a, c%d as b)", i+1, i, i)
	}
	text += ",\nr as (select * from r as a, r as b union all select * from r)\nselect a.id, nothing from c60 as a, r as b"
	v := viewOf(t, map[string]string{"engine.yml": "name: shop\n", "models/a.sql": "select 1 as id\n"})
	v = v.with("models/a.sql", since{file: source.NewFile("models/a.sql", []byte(text))})
	at := strings.LastIndex(text, "a.id") + 3
	v.Definition("models/a.sql", at)
	v.Definition("models/a.sql", at+5)
	v.References("models/a.sql", strings.Index(text, "as id")+4, true)
	v.Rename("models/a.sql", strings.Index(text, "as id")+4, "renamed")
}

package search_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/engine-build/engine/catalog"
	"github.com/engine-build/engine/catalog/browse"
	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/content/contenttest"
	"github.com/engine-build/engine/engine/addr"
)

var chromium browse.Chromium

func TestMain(m *testing.M) {
	code := m.Run()
	chromium.Close()
	os.Exit(code)
}

// site writes the site of a catalog.
func site(t *testing.T, c *content.Catalog) string {
	t.Helper()
	dir := t.TempDir()
	if err := catalog.Build(c, catalog.Options{}).Write(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// ask types a question into the box of the open page and waits for the answer.
func ask(tab *browse.Tab, query string) {
	browse.Call[bool](tab, `q => { const i = document.getElementById('q'); i.focus(); i.value = q; i.dispatchEvent(new Event('input')); return true }`, query)
	tab.Wait(`document.getElementById('hits').dataset.query === document.getElementById('q').value`)
}

// hits are the results below the box: «kind title», filters and what leads to more not.
func hits(tab *browse.Tab) []string {
	return browse.Value[[]string](tab, `[...document.querySelectorAll('#hit-list [data-key]')].map(o => o.dataset.key)`)
}

// shop is a project whose names compete for the same words.
func shop() *content.Catalog {
	c := &content.Catalog{Project: "shop", Title: "Shop"}
	node := func(kind addr.Kind, name, tier, folder, description string, columns ...string) *content.Node {
		n := &content.Node{ID: addr.Node{Kind: kind, Name: name}, Tone: tier, Tier: tier, Folder: folder, Description: description, Access: "protected", Data: content.Data{Rows: -1, Bytes: -1}}
		switch kind {
		case addr.Source:
			n.Tone, n.Tier = "source", ""
			n.Source = &content.Source{Name: "app"}
		case addr.Seed:
			n.Tone, n.Tier = "seed", ""
		case addr.Exposure:
			n.Tone, n.Tier = "exposure", ""
			n.Exposure = &content.Exposure{Type: "dashboard"}
		case addr.Model:
			n.SQL = content.Code{Text: "select * from upstream_of_" + name + " where zebra_flag = 1"}
		}
		for _, col := range columns {
			name, about, _ := strings.Cut(col, ": ")
			n.Columns = append(n.Columns, &content.Column{Name: name, Type: "VARCHAR", Description: about})
		}
		c.Nodes = append(c.Nodes, n)
		return n
	}
	node(addr.Source, "app.orders", "", "sources/app", "Orders of the shop.", "id", "customer_id", "amount")
	node(addr.Source, "app.customers", "", "sources/app", "", "id", "email: Address for receipts.", "country")
	node(addr.Seed, "countries", "", "seeds", "ISO codes.", "code", "name")
	stg := node(addr.Model, "stg_orders", "stg", "models/staging", "One row per order, cleaned.", "order_id", "customer_id", "amount")
	stg.Tags = []string{"daily"}
	node(addr.Model, "stg_customers", "stg", "models/staging", "", "customer_id", "email", "country")
	dim := node(addr.Model, "dim_customer", "dim", "models/marts/core", "Customers with their **segment**.", "customer_id", "email", "country", "lifetime_value: Sum of all payments.")
	dim.Owner, dim.Group = "Ann Smith", "crm"
	fct := node(addr.Model, "fct_orders", "fct", "models/marts/finance", "Orders that were [paid](https://example.com/paid) and shipped.", "order_id", "customer_id", "amount", "amount_eur: Converted with the day's rate.", "Größe")
	fct.Owner, fct.Tags = "finance", []string{"daily", "pii"}
	node(addr.Model, "fct_order_lines", "fct", "models/marts/finance", "One row per line; refunds are negative.", "order_id", "line_no", "amount").Owner = "finance"
	old := node(addr.Model, "fct_order_lines_old", "fct", "models/marts/finance", "", "order_id")
	old.Deprecated = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	private := node(addr.Model, "int_payments", "int", "models/intermediate", "Helper of the marts.", "payment_id", "amount")
	private.Access = "private"
	node(addr.Model, "payments", "model", "models", "", "payment_id", "order_id").Status = content.Errored
	node(addr.Model, "revenue_daily", "mart", "models/reports", "Revenue per day.", "day", "revenue")
	node(addr.Exposure, "weekly", "", "exposures", "What the board reads.").Label = "Weekly board report"
	for i, parents := range map[int][]int{3: {0}, 4: {1}, 5: {2, 4}, 6: {3, 5}, 7: {6}, 8: {3}, 9: {0}, 10: {9}, 11: {6, 7}, 12: {11}} {
		c.Nodes[i].Parents = parents
	}
	for i := range c.Nodes {
		for _, p := range c.Nodes[i].Parents {
			c.Nodes[p].Children = append(c.Nodes[p].Children, i)
		}
	}
	test := func(kind, name, column string, of int) {
		c.Nodes[of].Tests = append(c.Nodes[of].Tests, len(c.Tests))
		c.Tests = append(c.Tests, &content.Test{ID: addr.Node{Kind: addr.Test, Name: name}, Of: of, Reads: []int{of}, Column: column, Kind: kind, Status: content.Passed})
	}
	test("not_null", "not_null_stg_orders_order_id", "order_id", 3)
	test("unique", "unique_dim_customer_customer_id", "customer_id", 5)
	c.Tests = append(c.Tests, &content.Test{ID: addr.Node{Kind: addr.Test, Name: "assert_revenue_positive"}, Of: -1, Kind: "singular", Description: "Nothing is negative but refunds.", SQL: "select 1 where walrus < 0", Status: content.Failed})
	c.Macros = []*content.Macro{{Name: "cents_to_euros", Description: "Money in euros.", Text: "{{ x }} / 100"}}
	c.Groups = []*content.Group{{Name: "crm"}}
	c.Terms = []*content.Term{{Name: "churn", Text: "A customer who has left."}, {Name: "order", Text: "What a customer asked for."}}
	c.Customers = []*content.Customer{{Name: "acme", Title: "Acme Ltd", Nodes: []int{5, 6}}}
	flow := content.Flow{}
	for _, n := range c.Nodes {
		flow.First = append(flow.First, int32(len(n.Columns)))
	}
	first := int32(0)
	for i, n := range flow.First {
		flow.First[i] = first
		first += n
	}
	flow.First = append(flow.First, first)
	c.Flow = flow
	return c
}

// TestRanking: what comes first for each of many questions, in the box of a page.
func TestRanking(t *testing.T) {
	tests := []struct {
		query string
		want  []string // the first hits
	}{
		// Names.
		{"dim_customer", []string{"model dim_customer"}},
		{"DIM_Customer", []string{"model dim_customer"}},
		{"customer", []string{"model dim_customer", "model stg_customers"}},
		{"customers", []string{"model stg_customers", "model dim_customer"}},
		{"orders", []string{"model fct_orders", "model stg_orders"}},
		{"fct_o", []string{"model fct_orders", "model fct_order_lines", "model fct_order_lines_old"}},
		{"order_lines", []string{"model fct_order_lines", "model fct_order_lines_old"}},
		{"lines", []string{"model fct_order_lines", "model fct_order_lines_old"}},
		{"ines", []string{"model fct_order_lines", "model fct_order_lines_old"}},
		{"payments", []string{"model payments", "model int_payments"}},
		{"app.orders", []string{"source app.orders"}},
		{"app", []string{"source app.orders", "source app.customers"}},
		{"countries", []string{"seed countries"}},
		{"revenue", []string{"column revenue_daily.revenue", "model revenue_daily"}},
		{"board", []string{"exposure Weekly board report"}},
		{"weekly", []string{"exposure Weekly board report"}},
		// Columns.
		{"amount", []string{"column amount"}},
		{"lifetime", []string{"column dim_customer.lifetime_value"}},
		{"customer_id", []string{"column customer_id"}},
		{"groesse", nil},
		{"große", []string{"column fct_orders.Größe"}},
		{"größe", []string{"column fct_orders.Größe"}},
		{"grosse", nil},
		{"GRÖßE", []string{"column fct_orders.Größe"}},
		{"groß", []string{"column fct_orders.Größe"}},
		// Several words.
		{"orders amount", []string{"column fct_orders.amount", "column stg_orders.amount", "column app.orders.amount"}},
		{"amount fct_orders", []string{"column fct_orders.amount"}},
		{"order lines", []string{"model fct_order_lines", "model fct_order_lines_old"}},
		{"lines order", []string{"model fct_order_lines"}},
		{"orders shipped", []string{"model fct_orders"}},
		{"finance orders", []string{"model fct_orders"}},
		{"orders xyzzy", nil},
		// What nodes are sorted by, glossary, macros, tests.
		{"daily", []string{"tag daily", "model revenue_daily"}},
		{"pii", []string{"tag pii"}},
		{"finance", []string{"owner finance"}},
		{"ann smith", []string{"owner Ann Smith"}},
		{"crm", []string{"group crm"}},
		{"acme", []string{"customer Acme Ltd"}},
		{"churn", []string{"term churn"}},
		{"cents", []string{"macro cents_to_euros"}},
		{"not_null", []string{"test not_null_stg_orders_order_id"}},
		{"assert_revenue", []string{"test assert_revenue_positive"}},
		{"fct", []string{"tier fct", "model fct_orders", "model fct_order_lines"}},
		// Descriptions and SQL.
		{"shipped", []string{"model fct_orders"}},
		{"refunds", []string{"model fct_order_lines", "test assert_revenue_positive"}},
		{"segment", []string{"model dim_customer"}},
		{"receipts", []string{"source app.customers"}},
		{"convert", []string{"model fct_orders"}},
		{"left", []string{"term churn"}},
		{"euros", []string{"macro cents_to_euros"}},
		// Slips of the hand.
		{"custmer", []string{"model dim_customer"}},
		{"paymets", []string{"model payments", "model int_payments"}},
		{"cuontries", []string{"seed countries"}},
		{"revenuee", []string{"model revenue_daily"}},
		{"abc", nil},
		{"zzzz", nil},
		// Filters.
		{"tier:fct", []string{"model fct_orders", "model fct_order_lines", "model fct_order_lines_old"}},
		{"tier:fct -is:deprecated", []string{"model fct_orders", "model fct_order_lines"}},
		{"owner:finance lines", []string{"model fct_order_lines"}},
		{`owner:"ann smith"`, []string{"model dim_customer"}},
		{"tag:pii", []string{"model fct_orders"}},
		{"group:crm", []string{"model dim_customer"}},
		{"kind:source", []string{"source app.orders", "source app.customers"}},
		{"kind:seed", []string{"seed countries"}},
		{"kind:column email", []string{"column dim_customer.email", "column stg_customers.email", "column app.customers.email"}},
		{"kind:test", []string{"test assert_revenue_positive", "test not_null_stg_orders_order_id", "test unique_dim_customer_customer_id"}},
		{"kind:term", []string{"term churn", "term order"}},
		{"folder:models/marts", []string{"model dim_customer", "model fct_orders", "model fct_order_lines", "model fct_order_lines_old"}},
		{"folder:models/marts/core", []string{"model dim_customer"}},
		{"customer:acme tier:dim", []string{"model dim_customer"}},
		{"col:lifetime_value", []string{"model dim_customer.lifetime_value"}},
		{"col:email kind:model", []string{"model dim_customer.email", "model stg_customers.email"}},
		{"col:*_no", []string{"model fct_order_lines.line_no"}},
		{"sql:walrus", nil},
		{"sql:upstream_of_payments", []string{"model payments"}},
		{`sql:"zebra_flag where" tier:dim`, []string{"model dim_customer"}},
		{"is:failing", []string{"model payments"}},
		{"is:deprecated", []string{"model fct_order_lines_old"}},
		{"is:private", []string{"model int_payments"}},
		{"has:tests", []string{"model dim_customer", "model stg_orders"}},
		{"has:owner tier:dim", []string{"model dim_customer"}},
		{"tier:nothing", nil},
	}
	c := shop()
	tab := chromium.Tab(t, browse.File(t, site(t, c)))
	tab.Open("index.html")
	for _, tt := range tests {
		ask(tab, tt.query)
		got := hits(tab)
		if tt.want == nil && len(got) > 0 || tt.want != nil && (len(got) < len(tt.want) || !slices.Equal(got[:len(tt.want)], tt.want)) {
			t.Errorf("%q finds %q, want first %q", tt.query, got[:min(len(got), 6)], tt.want)
		}
	}
}

// TestEveryNameIsFound: each name of a catalog, hostile ones too, finds its page; what is
// listed is text.
func TestEveryNameIsFound(t *testing.T) {
	for _, tt := range []struct {
		name string
		c    *content.Catalog
	}{{"small", contenttest.Small()}, {"hostile", contenttest.Hostile()}} {
		t.Run(tt.name, func(t *testing.T) {
			tab := chromium.Tab(t, browse.File(t, site(t, tt.c)))
			tab.Open("index.html")
			count := 0
			for _, n := range tt.c.Nodes {
				name := flat(n.ID.Name)
				if strings.ContainsAny(name, "\":") || strings.TrimSpace(name) != name {
					continue // the language of questions has its own use for these
				}
				count++
				ask(tab, name)
				if !browse.Call[bool](tab, `name => [...document.querySelectorAll('#hit-list b, #hits .preview h3')].some(b => b.textContent === name) || [...document.querySelectorAll('#hit-list b')].length > 5`, flat(cmpOr(n.Label, n.ID.Name))) {
					t.Errorf("%q is not among %q", name, hits(tab))
				}
			}
			if count < 5 {
				t.Errorf("only %d names", count)
			}
			if n := browse.Value[int](tab, `document.querySelectorAll('#hits img, #hits script, #hits iframe, #hits svg, #hits style').length`); n != 0 {
				t.Errorf("%d elements came out of names", n)
			}
		})
	}
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// TestKeys: the box by keyboard alone, over a file and from a server.
func TestKeys(t *testing.T) {
	dir := site(t, shop())
	for _, place := range browse.Places(t, dir) {
		t.Run(place.Name, func(t *testing.T) {
			tab := chromium.Tab(t, place)
			tab.Open("index.html")
			tab.Press("/")
			tab.Type("customer")
			tab.Wait(`document.getElementById('hits').dataset.query === 'customer'`)
			first := browse.Value[string](tab, `document.getElementById('q').getAttribute('aria-activedescendant')`)
			if got := browse.Call[string](tab, `id => document.getElementById(id).dataset.key`, first); got != "model dim_customer" {
				t.Errorf("%q is chosen", got)
			}
			if got := browse.Value[string](tab, `document.getElementById('q').getAttribute('aria-expanded')`); got != "true" {
				t.Errorf("aria-expanded is %q", got)
			}
			tab.Accessible("results")
			tab.Press("ArrowDown", "ArrowDown", "ArrowUp")
			chosen := func() string {
				return browse.Value[string](tab, `[...document.querySelectorAll('#hit-list [aria-selected=true]')].map(o => o.dataset.key || o.textContent).join()`)
			}
			if got := chosen(); got != "model stg_customers" {
				t.Errorf("after two down and one up %q is chosen", got)
			}
			tab.Press("End")
			if got := chosen(); !strings.HasPrefix(got, "customer:") {
				t.Errorf("the last is %q", got)
			}
			tab.Press("Home")
			if got := chosen(); got != "model dim_customer" {
				t.Errorf("the first is %q", got)
			}
			tab.Press("Enter")
			tab.At("model/dim_customer.html")
			tab.Press("Ctrl+k")
			tab.Wait(`document.activeElement.id === 'q'`)
			tab.Wait(`document.querySelector('#hit-list') && document.querySelector('#hit-list').textContent.includes('customer')`)
			tab.Press("Escape")
			tab.Wait(`document.activeElement.id !== 'q' && document.getElementById('hits').hidden`)
			tab.Press("g", "h")
			tab.At("index.html")
			tab.Press("?")
			tab.See("dialog[open]")
			tab.Accessible("keys")
			tab.Press("Escape")
			tab.Gone("dialog[open]")
			// A column leads to its row.
			tab.Press("/")
			tab.Type("lifetime")
			tab.Wait(`document.getElementById('hits').dataset.query === 'lifetime'`)
			tab.Press("Enter")
			tab.At("model/dim_customer.html#c-lifetime_value")
			if !browse.Value[bool](tab, `!!document.querySelector(':target')`) {
				t.Error("the column's row is not there")
			}
		})
	}
}

// TestCompletion: values of a filter are offered with their counts, and taken by Enter.
func TestCompletion(t *testing.T) {
	tab := chromium.Tab(t, browse.File(t, site(t, shop())))
	tab.Open("index.html")
	ask(tab, "tier:")
	got := browse.Value[[]string](tab, `[...document.querySelectorAll('#hit-list div[role=option] b')].map(b => b.textContent)`)
	if want := []string{"tier:fct", "tier:stg", "tier:dim", "tier:int", "tier:mart", "tier:model"}; !slices.Equal(got, want) {
		t.Errorf("offered are %q, want %q", got, want)
	}
	tab.Press("ArrowDown", "Enter")
	tab.Wait(`document.getElementById('q').value === 'tier:fct '`)
	tab.Type("lines")
	tab.Wait(`document.getElementById('hits').dataset.query === 'tier:fct lines'`)
	if got := hits(tab); len(got) < 1 || got[0] != "model fct_order_lines" {
		t.Errorf("found are %q", got)
	}
	ask(tab, "foo:bar")
	if got := tab.Text("#hits .said"); !strings.Contains(got, "no filter foo:") {
		t.Errorf("an unknown filter says %q", got)
	}
	ask(tab, `owner:ann`)
	if got := browse.Value[string](tab, `document.querySelector('#hit-list div[role=option] b').textContent`); got != "owner:Ann Smith" {
		t.Errorf("offered is %q", got)
	}
}

// TestPage: the page of all results holds its state in its address, and facets narrow it.
func TestPage(t *testing.T) {
	dir := site(t, shop())
	for _, place := range browse.Places(t, dir) {
		t.Run(place.Name, func(t *testing.T) {
			tab := chromium.Tab(t, place)
			tab.Open("search.html#q=order")
			answered := func(q string) {
				t.Helper()
				tab.Wait(fmt.Sprintf(`document.getElementById('search-page').dataset.query === %q`, q))
			}
			answered("order")
			if got := tab.Text("#search-page > .said"); !strings.Contains(got, "results") {
				t.Errorf("it says %q", got)
			}
			tab.Accessible("all results")
			tab.Click(`[data-filter="tier:fct"]`)
			answered("order tier:fct")
			tab.At("search.html#q=order%20tier%3Afct")
			if got := browse.Value[string](tab, `document.querySelector('[data-filter="tier:fct"]').getAttribute('aria-pressed')`); got != "true" {
				t.Errorf("the facet is pressed: %q", got)
			}
			tab.Click(`[data-filter="tier:fct"]`)
			answered("order")
			tab.Back()
			answered("order tier:fct")
			tab.Reload()
			answered("order tier:fct")
			tab.Open("search.html#q=sql%3Azebra_flag")
			answered("sql:zebra_flag")
			if n := tab.Count(".found li"); n != 9 {
				t.Errorf("%d models have SQL with zebra_flag, want 9", n)
			}
		})
	}
	// Without scripts it says so, and where else to look.
	tab := chromium.Tab(t, browse.File(t, dir))
	tab.WithoutScripts()
	tab.Open("search.html")
	if got := tab.Text("#search-page"); !strings.Contains(got, "Columns from A to Z") {
		t.Errorf("without scripts it says %q", got)
	}
}

// TestWidgets: theme, tabs, filters and order of lists.
func TestWidgets(t *testing.T) {
	tab := chromium.Tab(t, browse.File(t, site(t, contenttest.Large(60))))
	tab.Open("index.html")
	for _, want := range []string{"light", "dark", ""} {
		tab.Click("#theme")
		if got := browse.Value[string](tab, `document.documentElement.dataset.theme || ''`); got != want {
			t.Errorf("the theme is %q, want %q", got, want)
		}
	}
	tab.Click("#theme")
	tab.Reload()
	if got := browse.Value[string](tab, `document.documentElement.dataset.theme || ''`); got != "light" {
		t.Errorf("after a reload the theme is %q", got)
	}
	tab.Open("columns.html")
	page := browse.Value[string](tab, `[...document.querySelectorAll('.letters a')].map(a => a.getAttribute('href'))[0] || 'columns.html'`)
	tab.Open(page)
	if !tab.Has("input[data-filter]") {
		t.Fatalf("%s has no filter", page)
	}
	order := func() []string {
		return browse.Value[[]string](tab, `[...document.querySelectorAll('.listing tbody tr:not([hidden]) td:first-child')].map(x => x.textContent)`)
	}
	before := order()
	tab.Click(".listing th:first-child button")
	tab.Click(".listing th:first-child button")
	after := order()
	if len(before) < 3 || before[0] == after[0] {
		t.Errorf("the order was %q and is %q", before[:min(3, len(before))], after[:min(3, len(after))])
	}
	if got := browse.Value[string](tab, `document.querySelector('.listing th').getAttribute('aria-sort')`); got != "descending" {
		t.Errorf("aria-sort is %q", got)
	}
	tab.Click("input[data-filter]")
	tab.Type(before[0])
	tab.Wait(fmt.Sprintf(`[...document.querySelectorAll('.listing tbody tr:not([hidden])')].length < %d`, len(before)))
	for _, row := range order() {
		if !strings.Contains(row, before[0]) {
			t.Errorf("%q is shown for %q", row, before[0])
		}
	}
	tab.Accessible("a filtered list")
}

// TestScripts: words of any script are found as they are indexed, however accents are written.
func TestScripts(t *testing.T) {
	tests := []struct{ text, query string }{
		{"Straße nach Köln", "koln"},
		{"İstanbul", "istanbul"},
		{"ΟΔΟΣ", "οδος"},
		{"東京タワー", "京"},
		{"cafe\u0301 au lait", "café"},
		{"naïve", "NAIVE"},
		{"Привет мир", "привет"},
		{"한국어 설명", "한국"},
		{"हिन्दी में", "हिन्दी"},
		{"\U0001D4B3word", "\U0001D4B3word"},
		{"snake_case_term", "snake_case"},
		{"ends-with-hyphens", "hyphens"},
		{strings.Repeat("long", 20), strings.Repeat("long", 20)},
	}
	c := &content.Catalog{Project: "scripts", Title: "Scripts", Flow: content.Flow{First: make([]int32, len(tests)+1)}}
	for i, tt := range tests {
		c.Nodes = append(c.Nodes, &content.Node{ID: addr.Node{Kind: addr.Model, Name: fmt.Sprintf("n%d", i)}, Tone: "model", Folder: "models", Description: tt.text, Data: content.Data{Rows: -1, Bytes: -1}})
	}
	tab := chromium.Tab(t, browse.File(t, site(t, c)))
	tab.Open("index.html")
	for i, tt := range tests {
		ask(tab, tt.query)
		want := fmt.Sprintf("model n%d", i)
		if got := hits(tab); !slices.Contains(got, want) {
			t.Errorf("%q finds %q, want %q", tt.query, got, want)
		}
	}
	ask(tab, "term")
	if got := hits(tab); !slices.Equal(got, []string{"model n10"}) {
		t.Errorf("a part of a word finds %q", got)
	}
}

package tenant_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
)

// digest looks like a hash mask and is a value of the model.
const digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// smallWorld has one model and two customers that share a tenant, with links and transfers
// that overlap what they see anyway.
func smallWorld(t *testing.T, p *peer) *world {
	number := func(n int64) tenant.Key { return tenant.Key{Int: n, Number: true, Text: fmt.Sprint(n)} }
	w := &world{frozen: tenant.Frozen{Tenants: p.named("tenants"), Links: p.named("links"), Transfers: p.named("transfers")}}
	fields := map[string][]tenant.Field{"material": {{ID: "exp date", Type: date, Column: "cf_exp_date"}, {ID: "grade", Type: str, Column: "cf_grade"}}}
	w.customers = []tenant.Customer{
		{Name: "acme", Tenants: []tenant.Key{number(1), number(2)}, Fields: fields,
			Links: map[string]tenant.Keys{"material": {Count: 2}, "order": {Count: 1}}, Transfers: map[string]tenant.Keys{"material": {Count: 3}, "order": {Count: 1}}},
		{Name: "globex", Tenants: []tenant.Key{number(2), number(3)}, Fields: fields,
			Links: map[string]tenant.Keys{"material": {Count: 1}}, Transfers: map[string]tenant.Keys{"material": {Count: 2}}},
	}
	customer, entity := warehouse.Column{Name: "customer", Type: p.text}, warehouse.Column{Name: "entity", Type: p.text}
	keys := []warehouse.Column{{Name: "key_int", Type: p.integer}, {Name: "key_text", Type: p.text}}
	line := func(key int64, words ...any) []any { return append(words, key, fmt.Sprint(key)) }
	p.table(t, w.frozen.Tenants, append([]warehouse.Column{customer}, keys...), [][]any{
		line(1, "acme"), line(2, "acme"), line(2, "acme"), line(2, "globex"), line(3, "globex")})
	p.table(t, w.frozen.Links, append([]warehouse.Column{customer, entity}, keys...), [][]any{
		line(101, "acme", "material"), line(301, "acme", "material"), line(301, "acme", "material"), line(302, "acme", "order"), line(101, "globex", "material")})
	p.table(t, w.frozen.Transfers, append([]warehouse.Column{customer, entity}, keys...), [][]any{
		line(102, "acme", "material"), line(303, "acme", "material"), line(304, "acme", "material"), line(305, "acme", "order"), line(102, "globex", "material"), line(103, "globex", "material")})

	m := model{rule: tenant.Rule{Relation: p.named("material"), As: "material", Tenant: "tenant_id", Key: []string{"id"},
		Links: []tenant.Link{{Entity: "material", Column: "id"}}, Via: []tenant.Link{{Entity: "material", Column: "id"}},
		Columns: []tenant.Column{
			{Name: "id", Type: p.integer, Number: true, Visible: true}, {Name: "tenant_id", Type: p.integer, Number: true, Visible: true},
			{Name: "name", Type: p.text, Text: true, Visible: true}, {Name: "cost", Type: p.integer, Number: true},
			{Name: "sku", Type: p.text, Text: true, Mask: tenant.Mask{Kind: tenant.MaskHash}},
			{Name: "supplier", Type: p.text, Text: true, Mask: tenant.Mask{Kind: tenant.MaskConstant, Constant: "redacted"}},
			{Name: "custom", Type: p.json},
		},
		Fields: &tenant.FieldSource{Column: "custom", Prefix: "cf_"}}}
	var columns []warehouse.Column
	for _, c := range m.rule.Columns {
		columns = append(columns, warehouse.Column{Name: c.Name, Type: c.Type})
	}
	var rows [][]any
	for i := range int64(8) {
		for _, of := range []any{int64(1), int64(2), int64(3), int64(4), nil} {
			tenant := int64(5)
			if of != nil {
				tenant = of.(int64)
			}
			sku := any(fmt.Sprintf("sku%d", i))
			if i == 3 {
				sku = digest
			}
			rows = append(rows, []any{100*tenant + i, of, fmt.Sprintf("name %d", i), 7 * i, sku, "supplier", fmt.Sprintf(`{"exp date": "2024-02-0%d", "grade": "g%d", "other": "o%d"}`, i+1, i, tenant)})
		}
	}
	p.table(t, m.rule.Relation, columns, rows)
	w.models = []model{m}
	return w
}

// mutation is a fault of the generator, and the proofs that catch it.
type mutation struct {
	name string
	// text changes the query; or else slice makes another one.
	text  func(query string) string
	split bool // the query is that of Split, or of a slice of it with of
	slice func(d tenant.Dialect, w *world, from tenant.From) (string, []warehouse.Column)
	of    func(query string) string
	want  []string // proofs that see it
	says  string   // one of the sentences
}

func mutations(p *peer) []mutation {
	replace := func(old, new string) func(string) string {
		return func(q string) string { return strings.ReplaceAll(q, old, new) }
	}
	// of makes the slice by a changed rule, or of a changed customer.
	of := func(change func(*tenant.Rule, *tenant.Customer)) func(tenant.Dialect, *world, tenant.From) (string, []warehouse.Column) {
		return func(d tenant.Dialect, w *world, from tenant.From) (string, []warehouse.Column) {
			rule, c := w.models[0].rule, w.customers[0]
			rule.Columns = slices.Clone(rule.Columns)
			change(&rule, &c)
			return tenant.Slice(d, rule, c, w.frozen, from)
		}
	}
	i := p.d.Ident
	r := func(column string) string { return "_engine_r." + i(column) }
	hidden := func(column string) string { return "CASE WHEN " + r("_engine_level") + " = 2 THEN " + r(column) }
	return []mutation{
		{name: "the filter is lost", text: replace(r("_engine_level")+" > 0", "1 = 1"), want: []string{"rows"}},
		{name: "a tenant too many", text: replace("IN (1, 2)", "IN (1, 2, 3)"), want: []string{"rows", "masks"}},
		{name: "a tenant too few", text: replace("IN (1, 2)", "IN (1)"), want: []string{"completeness"}},
		{name: "NULL is everybody's tenant", text: replace(r("tenant_id")+" IN", "coalesce("+r("tenant_id")+", 1) IN"), want: []string{"rows"}},
		{name: "IN became NOT IN", text: replace(r("tenant_id")+" IN", r("tenant_id")+" NOT IN"), want: []string{"rows", "completeness"}},
		{name: "OR became AND", text: replace(" OR ", " AND "), want: []string{"completeness"}},
		{name: "a mask is lost", text: replace(hidden("cost")+" END", r("cost")), want: []string{"masks"}},
		{name: "a digest is lost", text: func(q string) string {
			return replace("ELSE "+p.d.Digest(r("sku")), "ELSE "+r("sku"))(q)
		}, want: []string{"masks"}, says: "sku: 2 rows that are seen in part only show what is to be hidden"}, // one of them looks like a digest
		{name: "a constant is lost", text: replace("ELSE "+p.d.Words().Cast(p.d.Literal("redacted"), p.text), "ELSE "+r("supplier")), want: []string{"masks"}},
		{name: "the mask is on another column", slice: of(func(r *tenant.Rule, _ *tenant.Customer) { r.Columns[2].Visible, r.Columns[3].Visible = false, true }), want: []string{"masks", "completeness"}},
		{name: "masks are on the wrong rows", text: replace(r("_engine_level")+" = 2", r("_engine_level")+" = 1"), want: []string{"masks", "completeness"}},
		{name: "rows of another customer", slice: func(d tenant.Dialect, w *world, from tenant.From) (string, []warehouse.Column) {
			return tenant.Slice(d, w.models[0].rule, w.customers[1], w.frozen, from)
		}, want: []string{"rows", "completeness"}},
		{name: "lists of another customer", text: replace("customer = 'acme'", "customer = 'globex'"), want: []string{"completeness"}},
		{name: "a link of another entity", slice: of(func(r *tenant.Rule, _ *tenant.Customer) { r.Links = []tenant.Link{{Entity: "order", Column: "id"}} }), want: []string{"rows", "completeness"}},
		{name: "a transfer of another entity", slice: of(func(r *tenant.Rule, _ *tenant.Customer) { r.Via = []tenant.Link{{Entity: "order", Column: "id"}} }), want: []string{"rows", "completeness"}},
		{name: "a link by another column", slice: of(func(r *tenant.Rule, _ *tenant.Customer) {
			r.Links = []tenant.Link{{Entity: "material", Column: "cost"}}
		}), want: []string{"completeness"}},
		{name: "transfers are seen whole", text: replace("THEN 1 ELSE 0", "THEN 2 ELSE 0"), want: []string{"masks"}},
		{name: "all rows are seen in part", slice: of(func(_ *tenant.Rule, c *tenant.Customer) { c.Tenants = nil }), want: []string{"completeness"}},
		{name: "rows are lost", text: func(q string) string { return q + " AND " + r("id") + " <> 101" }, want: []string{"completeness"}},
		{name: "rows are there twice", text: func(q string) string { return q + "\nUNION ALL " + q }, want: []string{"completeness", "keys"}},
		{name: "the raw JSON is kept", slice: of(func(r *tenant.Rule, _ *tenant.Customer) {
			f := *r.Fields
			f.KeepRaw = true
			r.Fields = &f
		}), want: []string{"columns"}},
		{name: "an internal column goes along", text: func(q string) string {
			return strings.Replace(q, "SELECT ", "SELECT "+r("_engine_level")+" AS "+i("_engine_level")+", ", 1)
		}, want: []string{"columns"}},
		{name: "a field has another's id", slice: of(func(_ *tenant.Rule, c *tenant.Customer) {
			c.Fields = map[string][]tenant.Field{"material": {{ID: "exp date", Type: date, Column: "cf_exp_date"}, {ID: "other", Type: str, Column: "cf_grade"}}}
		}), want: []string{"fields"}},
		{name: "fields are shown in part", slice: of(func(r *tenant.Rule, _ *tenant.Customer) { r.Columns[6].Visible = true }), want: []string{"masks"}},
		{name: "fields are lost", slice: of(func(r *tenant.Rule, c *tenant.Customer) {
			c.Fields = map[string][]tenant.Field{"material": {{ID: "exp date", Type: date, Column: "cf_exp_date"}, {ID: "nothing", Type: str, Column: "cf_grade"}}}
		}), want: []string{"fields"}},
		{name: "split: a branch gives what an earlier one gave", split: true, text: replace("WHERE _engine_x0.holder IS NULL", "WHERE 1 = 1"), want: []string{"completeness", "keys"}},
		{name: "split: a list is not distinct", split: true, text: replace("SELECT DISTINCT", "SELECT"), want: []string{"completeness", "keys"}},
		{name: "split: keys of all customers", split: true, text: func(q string) string {
			return replace("_engine_k.holder AS "+i(tenant.CustomerColumn), "'acme' AS "+i(tenant.CustomerColumn))(q)
		}, want: []string{"rows", "completeness"}},
		{name: "split: everything is seen whole", split: true, text: replace("false AS "+i(tenant.FullColumn), "true AS "+i(tenant.FullColumn)), want: []string{"masks"}},
		{name: "split: a lost branch", split: true, text: func(q string) string { q, _, _ = strings.Cut(q, "\nUNION ALL"); return q }, want: []string{"completeness"}},
		{name: "split: outer instead of inner", split: true, text: replace("\nJOIN _engine_t AS _engine_k ON _engine_k.id = "+r("tenant_id"), "\nJOIN _engine_t AS _engine_k ON 1 = 1"), want: []string{"rows", "completeness"}},
		{name: "split: the slice of another", split: true, of: replace("= 'acme'", "= 'globex'"), want: []string{"rows", "completeness"}},
		{name: "split: the slice of all", split: true, of: replace(r(tenant.CustomerColumn)+" = 'acme'", "1 = 1"), want: []string{"rows", "completeness"}},
	}
}

// TestMutations: each deliberate fault of the generator is caught by the proofs named.
func TestMutations(t *testing.T) {
	for _, peerOf := range []struct {
		name string
		open func(testing.TB) *peer
	}{{"duckdb", openDuckDB}, {"postgres", openPostgres}} {
		t.Run(peerOf.name, func(t *testing.T) {
			p := peerOf.open(t)
			w := smallWorld(t, p)
			rule, c := w.models[0].rule, w.customers[0]
			expected := map[string]tenant.Counts{}
			for _, row := range p.query(t, tenant.Expected(p.d, rule, w.frozen, nil)) {
				counts, err := tenant.CountsOf(rule, row)
				if err != nil {
					t.Fatal(err)
				}
				expected[counts.Customer] = counts
			}
			// 8 rows each of two tenants and one by a link; 2 by transfers that are not seen whole.
			if e := expected["acme"]; e.Full != 17 || e.Partial != 2 {
				t.Fatalf("acme is to see %+v", e)
			}
			catch := func(t *testing.T, from tenant.From, query string) (caught, sentences []string) {
				staged := tenant.Staged{Relation: p.named("staged")}
				p.exec(t, "CREATE TABLE "+p.d.Quote(staged.Relation)+" AS "+query)
				defer p.drop(t, staged.Relation)
				for name, s := range prove(t, p, w, rule, c, from, staged, expected).errors {
					caught, sentences = append(caught, name), append(sentences, s...)
				}
				found, err := p.conn.Inspect(t.Context(), []addr.Relation{staged.Relation})
				if err != nil || len(found) != 1 {
					t.Fatal(found, err)
				}
				if len(tenant.CheckColumns(rule, c, false, found[0].Columns)) > 0 {
					caught = append(caught, "columns")
				}
				slices.Sort(caught)
				return caught, sentences
			}
			split := tenant.From{Split: p.named("split"), Inline: 500}
			for _, m := range append(mutations(p), mutation{name: "no fault"}, mutation{name: "no fault of a split", split: true}) {
				t.Run(m.name, func(t *testing.T) {
					changed := func(q string, change func(string) string) string {
						if change == nil {
							return q
						}
						out := change(q)
						if out == q && m.slice == nil {
							t.Fatalf("nothing was changed:\n%s", q)
						}
						return out
					}
					from := tenant.From{Inline: 500}
					if m.split {
						from = split
						p.exec(t, "CREATE TABLE "+p.d.Quote(split.Split)+" AS "+changed(tenant.Split(p.d, rule, w.frozen, nil).Query, m.text))
						defer p.drop(t, split.Split)
					}
					query, _ := tenant.Slice(p.d, rule, c, w.frozen, from)
					switch {
					case m.slice != nil:
						query, _ = m.slice(p.d, w, from)
					case m.split:
						query = changed(query, m.of)
					default:
						query = changed(query, m.text)
					}
					caught, sentences := catch(t, from, query)
					t.Logf("caught by %v", caught)
					for _, name := range m.want {
						if !slices.Contains(caught, name) {
							t.Errorf("%s did not catch it\n%s", name, query)
						}
					}
					if m.says != "" && !slices.Contains(sentences, m.says) {
						t.Errorf("the proofs say %q", sentences)
					}
					if len(m.want) == 0 && len(caught) > 0 {
						t.Errorf("found %v where nothing is wrong", caught)
					}
				})
			}
		})
	}
}

// TestCollation: where a column's collation takes another tenant for the customer's, a slice
// has rows too many, and the proofs, which compare bytes, say so.
func TestCollation(t *testing.T) {
	p := openDuckDB(t)
	text := tenant.Key{Text: "acme"}
	frozen := tenant.Frozen{Tenants: p.named("tenants")}
	p.table(t, frozen.Tenants, []warehouse.Column{{Name: "customer", Type: p.text}, {Name: "key_int", Type: p.integer}, {Name: "key_text", Type: p.text}}, [][]any{{"acme", nil, "acme"}})
	rule := tenant.Rule{Relation: p.named("orders"), As: "orders", Tenant: "tenant_id", Columns: []tenant.Column{{Name: "tenant_id", Type: p.text, Text: true, Visible: true}}}
	p.table(t, rule.Relation, []warehouse.Column{{Name: "tenant_id", Type: "VARCHAR COLLATE NOCASE"}}, [][]any{{"acme"}, {"ACME"}, {"other"}})
	c := tenant.Customer{Name: "acme", Tenants: []tenant.Key{text}}
	query, _ := tenant.Slice(p.d, rule, c, frozen, tenant.From{Inline: 10})
	p.exec(t, "CREATE TABLE staged AS "+query)
	proof := tenant.Proofs(p.d, rule, c, frozen, tenant.From{}, tenant.Staged{Relation: p.named("staged")})[0]
	wrong, sentences, err := proof.Read(p.query(t, proof.Query)[0])
	if err != nil || proof.Name != "rows" || wrong != 1 {
		t.Errorf("%s found %d wrong: %v %v", proof.Name, wrong, sentences, err)
	}
}

// TestCanary: a marker is found in any column, whatever its type.
func TestCanary(t *testing.T) {
	for _, tc := range []struct {
		name string
		open func(testing.TB) *peer
	}{{"duckdb", openDuckDB}, {"postgres", openPostgres}} {
		t.Run(tc.name, func(t *testing.T) {
			p := tc.open(t)
			columns := []warehouse.Column{{Name: `a "text`, Type: p.text}, {Name: "json", Type: p.json}, {Name: "n", Type: p.integer}}
			p.table(t, p.named("theirs"), columns, [][]any{
				{"nothing", `{"a": "b"}`, int64(1)}, {"a canary's 100% marker", nil, nil}, {nil, `{"deep": ["a canary's 100% marker"]}`, nil}, {"x", nil, int64(4711)}})
			for marker, want := range map[string]int64{"canary's 100% marker": 2, "4711": 1, "CANARY": 0, "%": 2, "_": 0, "'; --": 0} {
				q, _ := tenant.Canary(p.d, p.named("theirs"), columns, []tenant.Marker{{Text: "no such"}, {Text: marker}}, false)
				if got := p.query(t, q)[0][0]; got != want {
					t.Errorf("%q is in %v rows instead of %d", marker, got, want)
				}
			}
			if q, _ := tenant.Canary(p.d, p.named("theirs"), columns, []tenant.Marker{{}}, false); q != "" {
				t.Errorf("looks for nothing: %s", q)
			}
			// In a table of several customers a marker may be in the rows of its own.
			whose := warehouse.Column{Name: tenant.CustomerColumn, Type: p.text}
			p.table(t, p.named("shared"), append(columns[:1:1], whose), [][]any{{"A's marker", "a"}, {"B's marker", "b"}, {"A's marker", "c"}, {"A's marker", "c"}, {nil, "d"}})
			q, who := tenant.Canary(p.d, p.named("shared"), columns[:1], []tenant.Marker{{Customer: "a", Text: "A's marker"}, {Customer: "b", Text: "B's marker"}}, true)
			if got := p.query(t, q)[0][0]; got != int64(2) {
				t.Errorf("%v rows have the marker of another customer", got)
			}
			if got := p.query(t, who); len(got) != 1 || got[0][0] != "c" {
				t.Errorf("they are the rows of %v", got)
			}
		})
	}
}

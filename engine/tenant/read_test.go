package tenant_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
)

var none source.Span

// distribution is a section with the defaults that Load fills in.
func distribution() *project.Distribution {
	text := func(s string) project.Value[string] { return project.Value[string]{V: s} }
	number := func(n int64) project.Value[int64] { return project.Value[int64]{V: n} }
	return &project.Distribution{
		CustomerSchema: text("dw_{customer}"), LakeSchema: text("dl_{customer}_{source}"), WorkspaceSchema: text("ws_{customer}"), WorkshopSchema: text("dw__publish"),
		Path: text("target/customers"), TenantColumn: text("tenant_id"), Mode: text("table"), Split: text("auto"),
		MaxInline: number(500), MaxCustomers: number(20_000), Parts: map[string]*project.Part{},
	}
}

func material() tenant.Rule {
	return tenant.Rule{
		Node: addr.Node{Kind: addr.Model, Name: "material"}, As: "material", Tenant: "tenant_id",
		Links:   []tenant.Link{{Entity: "material", Column: "id"}},
		Via:     []tenant.Link{{Entity: "material", Column: "id"}},
		Columns: []tenant.Column{{Name: "id", Type: "BIGINT", Number: true}, {Name: "tenant_id", Type: "BIGINT", Number: true}, {Name: "name", Type: "VARCHAR", Text: true}, {Name: "extra", Type: "JSON"}},
		Fields:  &tenant.FieldSource{Column: "extra", Prefix: "cf_"},
	}
}

func relation(part string, columns string, rows ...[]any) tenant.Table {
	return tenant.Table{Part: part, Columns: strings.Fields(columns), Rows: rows, From: "relation cfg_" + part}
}

func parts(tables ...tenant.Table) tenant.Parts {
	p := tenant.Parts{Tables: map[string]tenant.Table{}}
	for _, t := range tables {
		p.Tables[t.Part] = t
	}
	return p
}

func said(list diag.List) []string {
	var out []string
	for _, d := range list {
		out = append(out, fmt.Sprintf("%s %s: %s", d.Severity, d.Code, d.Message))
	}
	return out
}

// testRelations: what is wrong in relations names the row, and what gives nobody anything
// is left out.
func testRelations(t *testing.T) {
	cfg, list := tenant.Read(distribution(), tenant.Parts{
		Tables: parts(
			relation(project.Customers, "customer title tier contract enabled canary markers principals",
				[]any{"acme", "Acme Inc.", int64(2), nil, true, nil, nil, "bi; sales"},
				[]any{"bmw", nil, int64(1), int64(1), "false", nil, nil, nil},
				[]any{"Birch & Sons", nil, nil, nil, nil, nil, nil, nil},
			),
			relation(project.CustomerTenants, "customer tenant",
				[]any{"acme", int64(476)}, []any{"acme", int64(512)}, []any{"bmw", int64(512)}, []any{"acme", nil}, []any{nil, int64(1)},
				[]any{"gone", int64(4)}, []any{"acme", "476"}, []any{"bmw", "x"}, []any{"bmw", 1.5},
			),
		).Tables,
		Summaries: map[string][]tenant.Summary{
			project.Links:     {{Customer: "acme", Entity: "material", Keys: tenant.Keys{Count: 2, Hash: "h"}, Nulls: 3, Odd: 1}, {Customer: "gone", Entity: "material", Keys: tenant.Keys{Count: 1}}, {Customer: "acme", Entity: "product"}},
			project.Transfers: {{Customer: "bmw", Entity: "material", Keys: tenant.Keys{Count: 1, Hash: "t"}}, {Customer: "bmw"}},
		},
	}, tenant.Options{Rules: []tenant.Rule{material()}, Contracts: []tenant.Contract{{Version: 1}}})
	note(t, list)
	want := []string{
		`warning customer-key: a row of customer_tenants has no customer in relation cfg_customer_tenants`,
		`warning customer-key: a row of customer_tenants has no tenant in relation cfg_customer_tenants`,
		`warning customer-key: no model finds rows by the entity "product" of links in links`,
		`warning customer-key: 3 rows of links have no key in links`,
		`warning customer-key: rows of transfers have no entity in transfers`,
		`error customer-key: "x" cannot be a tenant: the column in "material" is a whole number in relation cfg_customer_tenants`,
		`error customer-key: 1 keys of links are no whole numbers, and the column in "material" is one in links`,
		`error customer-key: 1.5 cannot be a tenant in relation cfg_customer_tenants`,
		`error customer-invalid: "Birch & Sons" cannot be the name of a customer in relation cfg_customers`,
		`warning customer-twice: tenant 476 of customer "acme" is there twice in relation cfg_customer_tenants`,
		`warning customer-unknown: there is no customer "gone" in links`,
		`warning customer-unknown: there is no customer "gone" in relation cfg_customer_tenants`,
	}
	got := said(list)
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("said (-want +got):\n%s", diff)
	}
	if i := slices.IndexFunc(list, func(d diag.Diagnostic) bool { return strings.Contains(d.Message, "1.5") }); i < 0 || !cmp.Equal(list[i].Notes, []string{`the row is customer "bmw", tenant 1.5`}) {
		t.Errorf("the row of a mistake in a relation is not named: %v", list[i].Notes)
	}
	wantCustomers := []tenant.Customer{
		{Name: "acme", Title: "Acme Inc.", Tier: 2, Mode: tenant.Tables, Contract: 1, Enabled: true, Principals: []string{"bi", "sales"}, Tenants: keys(476, 512), Links: map[string]tenant.Keys{"material": {Count: 2, Hash: "h"}}},
		{Name: "bmw", Tier: 1, Mode: tenant.Tables, Contract: 1, Tenants: keys(512), Transfers: map[string]tenant.Keys{"material": {Count: 1, Hash: "t"}}},
	}
	if diff := cmp.Diff(wantCustomers, cfg.Customers); diff != "" {
		t.Errorf("customers (-want +got):\n%s", diff)
	}
	if cfg.Tenants != 2 || len(cfg.Hash) != 64 {
		t.Errorf("%d tenants, hash %q", cfg.Tenants, cfg.Hash)
	}
}

func keys(numbers ...int64) []tenant.Key {
	var out []tenant.Key
	for _, n := range numbers {
		k, _ := tenant.ParseKey(n)
		out = append(out, k)
	}
	return out
}

// TestReadDoesNotDependOnOrder: the rows of a relation come in any order.
func TestReadDoesNotDependOnOrder(t *testing.T) {
	customers := relation(project.Customers, "customer", []any{"a"}, []any{"b"}, []any{"c"})
	tenants := relation(project.CustomerTenants, "customer tenant", []any{"a", int64(1)}, []any{"a", int64(2)}, []any{"b", int64(2)}, []any{"c", int64(2)})
	links := relation(project.Links, "customer entity key", []any{"a", "material", int64(10)}, []any{"a", "material", int64(9)}, []any{"b", "material", int64(9)})
	fields := relation(project.CustomFieldRows, "tenant model id name type", []any{int64(2), "material", "x", "X", "date"}, []any{int64(1), "material", "x", "Ix", "number"}, []any{int64(2), "material", "y", "x", "text"})
	o := tenant.Options{Rules: []tenant.Rule{material()}, Contracts: []tenant.Contract{{Version: 1}}}
	read := func(ts ...tenant.Table) (*tenant.Config, []string) {
		cfg, list := tenant.Read(distribution(), parts(ts...), o)
		return cfg, said(list)
	}
	first, words := read(customers, tenants, links, fields)
	for _, table := range []tenant.Table{customers, tenants, links, fields} {
		slices.Reverse(table.Rows)
	}
	second, other := read(customers, tenants, links, fields)
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("another order is another configuration:\n%s", diff)
	}
	if diff := cmp.Diff(words, other); diff != "" {
		t.Errorf("another order, other words:\n%s", diff)
	}
	want := map[string][]tenant.Field{
		"a": {{ID: "x", Name: "Ix", Type: warehouse.FieldText, Column: "cf_ix"}, {ID: "y", Name: "x", Type: warehouse.FieldText, Column: "cf_x"}},
		"b": {{ID: "x", Name: "X", Type: warehouse.FieldDate, Column: "cf_x"}, {ID: "y", Name: "x", Type: warehouse.FieldText, Column: "cf_x_y"}},
	}
	for _, c := range first.Customers[:2] {
		if diff := cmp.Diff(want[c.Name], c.Fields["material"]); diff != "" {
			t.Errorf("fields of %s (-want +got):\n%s", c.Name, diff)
		}
	}
}

// TestHash: every part of a customer's configuration is in the hash.
func TestHash(t *testing.T) {
	o := tenant.Options{Rules: []tenant.Rule{material()}, Contracts: []tenant.Contract{{Version: 1}, {Version: 2}}}
	base := func() map[string]tenant.Table {
		return parts(
			relation(project.Customers, "customer title tier mode contract enabled canary markers", []any{"a", "A", int64(2), "table", int64(2), true, true, "marker"}),
			relation(project.CustomerTenants, "customer tenant", []any{"a", int64(1)}),
			relation(project.Links, "customer entity key", []any{"a", "material", int64(10)}),
			relation(project.Transfers, "customer entity key", []any{"a", "material", int64(10)}),
			relation(project.CustomFieldRows, "customer model id name type", []any{"a", "material", "x", "X", "date"}),
			relation(project.Principals, "customer principal", []any{"a", "p"}),
		).Tables
	}
	hash := func(tables map[string]tenant.Table) string {
		cfg, list := tenant.Read(distribution(), tenant.Parts{Tables: tables}, o)
		if list.HasErrors() {
			t.Fatalf("%v", said(list))
		}
		return cfg.Hash
	}
	was := hash(base())
	changes := map[string][]any{
		project.Customers:       {"b", "B", int64(1), "view", int64(1), false, false, "other marker"},
		project.CustomerTenants: {nil, int64(2)},
		project.Links:           {nil, nil, int64(11)},
		project.Transfers:       {nil, nil, int64(11)},
		project.CustomFieldRows: {nil, nil, "y", "Y", "number"},
		project.Principals:      {nil, "q"},
	}
	for part, values := range changes {
		for i, v := range values {
			tables := base()
			if v == nil || part == project.Customers && i == 0 {
				continue
			}
			tables[part].Rows[0][i] = v
			if hash(tables) == was {
				t.Errorf("%s %v is not in the hash", tables[part].Columns[i], v)
			}
		}
	}
	if again := hash(base()); again != was {
		t.Error("the same configuration has another hash")
	}
}

// TestHashKeys: lists of other keys have other hashes, whatever is in the keys, and their order and
// repetitions do not count.
func TestHashKeys(t *testing.T) {
	keys := func(texts ...string) []tenant.Key {
		out := make([]tenant.Key, len(texts))
		for i, text := range texts {
			var ok bool
			if out[i], ok = tenant.ParseKey(text); !ok {
				t.Fatalf("%q is no key", text)
			}
		}
		return out
	}
	seen := map[string][]tenant.Key{}
	for _, list := range [][]tenant.Key{nil, keys("a"), keys("b"), keys("a", "b"), keys("a\nb"), keys("a\n"), keys("a\n", "b"), keys("a1:b"), keys("1:a1:b"), keys("a", "1:b"), keys("12"), keys("1", "2")} {
		h := tenant.HashKeys(list)
		if was, had := seen[h]; had {
			t.Errorf("%v and %v have one hash", was, list)
		}
		seen[h] = list
	}
	if tenant.HashKeys(keys("b", "a", "b")) != tenant.HashKeys(keys("a", "b")) {
		t.Error("the hash depends on the order or on repetitions")
	}
}

// TestMany: what is wrong a thousand times is told a few times, and quickly.
func TestMany(t *testing.T) {
	var customers, rows, fields [][]any
	for i := range 10_000 {
		customers = append(customers, []any{fmt.Sprintf("customer_%d", i)})
		rows = append(rows, []any{fmt.Sprintf("customer_%d", i), int64(i)}, []any{fmt.Sprintf("gone_%d", i), int64(i)})
		fields = append(fields, []any{int64(i), "material", "x", "X", "date"}, []any{int64(i), "material", "y", "X", "number"})
	}
	began := time.Now()
	cfg, list := tenant.Read(distribution(), parts(
		relation(project.Customers, "customer", customers...), relation(project.CustomerTenants, "customer tenant", rows...), relation(project.CustomFieldRows, "tenant model id name type", fields...),
	), tenant.Options{Rules: []tenant.Rule{material()}})
	if d := time.Since(began); d > 15*time.Second { // 0.4 s alone
		t.Errorf("10,000 customers took %v", d)
	}
	if len(cfg.Customers) != 10_000 || cfg.Customers[0].Fields["material"][1].Column != "cf_x_y" {
		t.Error("not all customers are there with their fields")
	}
	if n := len(list); n > 25 {
		t.Errorf("%d diagnostics for one mistake", n)
	}
}

func TestParseKey(t *testing.T) {
	tests := []struct {
		in   any
		want tenant.Key
		ok   bool
	}{
		{int64(476), tenant.Key{Int: 476, Text: "476", Number: true}, true},
		{"476", tenant.Key{Int: 476, Text: "476", Number: true}, true},
		{"0476", tenant.Key{Text: "0476"}, true},
		{"-1", tenant.Key{Int: -1, Text: "-1", Number: true}, true},
		{"+1", tenant.Key{Text: "+1"}, true},
		{" 1", tenant.Key{Text: " 1"}, true},
		{"9223372036854775808", tenant.Key{Text: "9223372036854775808"}, true},
		{4.0, tenant.Key{Int: 4, Text: "4", Number: true}, true},
		{4.5, tenant.Key{}, false},
		{true, tenant.Key{}, false},
		{nil, tenant.Key{}, false},
		{"", tenant.Key{}, false},
		{"a\x00b", tenant.Key{}, false},
		{"\xff", tenant.Key{}, false},
		{"'; drop table x; --", tenant.Key{Text: "'; drop table x; --"}, true},
		{strings.Repeat("x", 2000), tenant.Key{}, false},
	}
	for _, tt := range tests {
		if got, ok := tenant.ParseKey(tt.in); ok != tt.ok || got != tt.want {
			t.Errorf("ParseKey(%v) = %+v, %v", tt.in, got, ok)
		}
	}
}

func testSunsets(t *testing.T) {
	contracts := []tenant.Contract{{Version: 1, Sunset: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)}, {Version: 2}}
	cfg := &tenant.Config{Customers: []tenant.Customer{{Name: "a", Contract: 1, Enabled: true}, {Name: "b", Contract: 1, Enabled: true}, {Name: "c", Contract: 1}, {Name: "d", Contract: 2, Enabled: true}}}
	for day, want := range map[string][]string{
		"2026-04-01": nil,
		"2026-05-15": {"warning customer-contract-sunset: contract 1, which a and b read, ends on 2026-06-01"},
		"2026-06-01": {"warning customer-contract-sunset: contract 1, which a and b read, ended on 2026-06-01"},
	} {
		now, _ := time.Parse(time.DateOnly, day)
		list := tenant.Sunsets(contracts, cfg, now)
		note(t, list)
		if diff := cmp.Diff(want, said(list)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", day, diff)
		}
	}
}

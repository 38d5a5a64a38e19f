package tenant_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
)

// TestSlices: what a customer gets, read from the model or from a split, is what a short
// reference says, and the proofs find nothing wrong with it.
func TestSlices(t *testing.T) {
	for _, tc := range []struct {
		name   string
		open   func(testing.TB) *peer
		worlds int
	}{
		{"duckdb", openDuckDB, 50},
		{"postgres", openPostgres, 100},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := tc.open(t)
			seed := uint64(7)
			if s, err := strconv.ParseUint(os.Getenv("ENGINE_TENANT_SEED"), 10, 64); err == nil {
				seed = s
			}
			cases, rows := 0, 0
			for i := range tc.worlds {
				n, r := checkWorld(t, p, rand.New(rand.NewPCG(seed, uint64(i))), i)
				cases, rows = cases+n, rows+r
				if t.Failed() {
					t.Fatalf("world %d of seed %d", i, seed)
				}
			}
			t.Logf("%d customers × models, each read in four ways, %d rows seen", cases, rows)
			if cases < 10*tc.worlds || rows < cases {
				t.Error("the worlds are too empty to show anything")
			}
		})
	}
}

// checkWorld makes a world and compares all that is in it.
func checkWorld(t *testing.T, p *peer, r *rand.Rand, number int) (cases, rows int) {
	w := makeWorld(t, p, r, number)
	drop := []addr.Relation{w.frozen.Tenants, w.frozen.Links, w.frozen.Transfers}
	for _, m := range w.models {
		drop = append(drop, m.rule.Relation)
		split := tenant.From{}
		var due []string
		if r.IntN(2) == 0 {
			for _, c := range w.customers {
				due = append(due, c.Name)
			}
		}
		if s := tenant.Split(p.d, m.rule, w.frozen, due); s.Query != "" {
			split.Split = p.named(fmt.Sprintf("w%d_%s_split", number, m.rule.As))
			drop = append(drop, split.Split)
			p.exec(t, "CREATE TABLE "+p.d.Quote(split.Split)+" AS "+s.Query)
		}
		expected := map[string]tenant.Counts{}
		for _, row := range p.query(t, tenant.Expected(p.d, m.rule, w.frozen, due)) {
			c, err := tenant.CountsOf(m.rule, row)
			if err != nil {
				t.Fatal(err)
			}
			expected[c.Customer] = c
		}
		shared := p.named(fmt.Sprintf("w%d_%s_shared", number, m.rule.As))
		drop = append(drop, shared)
		query, columns := tenant.SharedTable(p.d, m.rule, w.customers, w.frozen, split)
		if r.IntN(2) == 0 {
			query, columns = tenant.SharedTable(p.d, m.rule, w.customers, w.frozen, tenant.From{})
		}
		p.exec(t, "CREATE TABLE "+p.d.Quote(shared)+" AS "+query)
		sharedColumns := columns

		for i, c := range w.customers {
			cases++
			want, uncast := reference(w, m, c)
			rows += len(want)
			froms := []tenant.From{{Inline: 500}, {Inline: 0}, split}
			for _, from := range froms {
				query, columns := tenant.Slice(p.d, m.rule, c, w.frozen, from)
				if diff := cmp.Diff(want, have(t, p, query, columns)); diff != "" {
					t.Errorf("%s of %s from %v: -want +have\n%s\n%s", m.rule.As, c.Name, from, diff, query)
					return cases, rows
				}
			}
			from := froms[r.IntN(len(froms))]
			staged := tenant.Staged{Relation: p.named(fmt.Sprintf("w%d_%s_staged%d", number, m.rule.As, i))}
			drop = append(drop, staged.Relation)
			query, columns := tenant.Slice(p.d, m.rule, c, w.frozen, from)
			p.exec(t, "CREATE TABLE "+p.d.Quote(staged.Relation)+" AS "+query)
			if wrong := tenant.CheckColumns(m.rule, c, false, columns); wrong != nil {
				t.Errorf("columns of %s of %s: %v", m.rule.As, c.Name, wrong)
			}
			find := prove(t, p, w, m.rule, c, from, staged, expected)
			if len(find.errors) > 0 || find.uncast != int64(uncast) {
				t.Errorf("proofs of %s of %s from %v: %v, %d uncast instead of %d\n%s", m.rule.As, c.Name, from, find.errors, find.uncast, uncast, query)
				return cases, rows
			}

			// Its rows in the table that it shares with others are the same.
			bare := c
			bare.Fields = nil
			want, _ = reference(w, m, bare)
			mine := "SELECT * FROM " + p.d.Quote(shared)
			if !m.rule.All {
				mine += " WHERE " + p.d.Ident(tenant.CustomerColumn) + " = " + p.d.Literal(c.Name)
				for i := range want {
					want[i] += " ¦ " + c.Name
				}
				slices.Sort(want)
			}
			if m.rule.All && m.rule.Only != nil {
				continue // who may read such a table is a matter of grants
			}
			if diff := cmp.Diff(want, have(t, p, mine, sharedColumns)); diff != "" {
				t.Errorf("%s of %s in a shared table: -want +have\n%s\n%s", m.rule.As, c.Name, diff, query)
				return cases, rows
			}
			if wrong := tenant.CheckColumns(m.rule, c, true, sharedColumns); wrong != nil {
				t.Errorf("columns of the shared %s of %s: %v", m.rule.As, c.Name, wrong)
			}
			if cases%4 > 0 {
				continue
			}
			if find := prove(t, p, w, m.rule, c, from, tenant.Staged{Relation: shared, Shared: true}, expected); len(find.errors) > 0 {
				t.Errorf("proofs of %s of %s in a shared table: %v", m.rule.As, c.Name, find.errors)
				return cases, rows
			}
		}
	}
	p.drop(t, drop...)
	return cases, rows
}

// findings are what proofs found, by their names.
type findings struct {
	errors map[string][]string
	uncast int64
}

// prove runs all proofs of what was made for a customer.
func prove(t testing.TB, p *peer, w *world, rule tenant.Rule, c tenant.Customer, from tenant.From, staged tenant.Staged, expected map[string]tenant.Counts) findings {
	t.Helper()
	f := findings{errors: map[string][]string{}}
	for _, proof := range tenant.Proofs(p.d, rule, c, w.frozen, from, staged) {
		found := p.query(t, proof.Query)
		if len(found) != 1 {
			t.Fatalf("proof %s gave %d rows\n%s", proof.Name, len(found), proof.Query)
		}
		wrong, sentences, err := proof.Read(found[0])
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case proof.Severity == diag.Warning:
			f.uncast += wrong
		case wrong > 0:
			f.errors[proof.Name] = sentences
		}
	}
	found := p.query(t, tenant.Measured(p.d, rule, c, w.frozen, staged))
	have, err := tenant.CountsOf(rule, found[0])
	if err != nil {
		t.Fatal(err)
	}
	key := c.Name
	if rule.All {
		key = ""
	}
	want, ok := expected[key]
	if !ok || rule.Only != nil && !slices.Contains(rule.Only, c.Name) {
		want = tenant.NoCounts(rule, c.Name)
	}
	if d := have.Differ(rule, want); len(d) > 0 {
		f.errors["completeness"] = d
	}
	return f
}

// TestSlicesOfBigQuery are a few worlds as far as the emulator goes.
func TestSlicesOfBigQuery(t *testing.T) {
	p := openBigQuery(t)
	for i := range 2 {
		checkWorld(t, p, rand.New(rand.NewPCG(7, uint64(i))), i)
		if t.Failed() {
			t.Fatalf("world %d", i)
		}
	}
}

// TestWideSlices: 500 custom fields of one customer are a query that each warehouse takes.
func TestWideSlices(t *testing.T) {
	for _, tc := range []struct {
		name string
		open func(testing.TB) *peer
	}{{"duckdb", openDuckDB}, {"postgres", openPostgres}} {
		t.Run(tc.name, func(t *testing.T) {
			p := tc.open(t)
			types := []warehouse.FieldType{str, num, integer, date, stamp, boolean, several}
			rule := tenant.Rule{Relation: p.named("wide"), As: "wide", Tenant: "tenant_id", Columns: []tenant.Column{
				{Name: "tenant_id", Type: p.integer, Number: true}, {Name: "custom", Type: p.text, Text: true}}, Fields: &tenant.FieldSource{Column: "custom", Formats: dateFormats}}
			c := tenant.Customer{Name: "acme", Tenants: []tenant.Key{{Int: 1, Number: true, Text: "1"}}, Fields: map[string][]tenant.Field{}}
			json := "{"
			for i := range 500 {
				id := fmt.Sprintf("field %d '\"", i)
				c.Fields["wide"] = append(c.Fields["wide"], tenant.Field{ID: id, Type: types[i%len(types)], Column: fmt.Sprintf("cf_%d", i)})
				json += fmt.Sprintf(`"field %d '\"": "%d", `, i, i)
			}
			json += `"end": 0}`
			frozen := tenant.Frozen{Tenants: p.named("tenants")}
			p.table(t, frozen.Tenants, []warehouse.Column{{Name: "customer", Type: p.text}, {Name: "key_int", Type: p.integer}, {Name: "key_text", Type: p.text}}, [][]any{{"acme", int64(1), "1"}})
			p.table(t, rule.Relation, []warehouse.Column{{Name: "tenant_id", Type: p.integer}, {Name: "custom", Type: p.text}}, [][]any{{int64(1), json}, {int64(1), "{}"}, {int64(2), json}})
			query, columns := tenant.Slice(p.d, rule, c, frozen, tenant.From{Inline: 1})
			staged := tenant.Staged{Relation: p.named("staged")}
			p.exec(t, "CREATE TABLE "+p.d.Quote(staged.Relation)+" AS "+query)
			none := shown(nil)
			want := []string{strings.Join([]string{"0", "1", "2", none, none, none}, " ¦ "), strings.Join([]string{none, none, none, none, none, none}, " ¦ ")}
			if diff := cmp.Diff(want, have(t, p, "SELECT cf_0, cf_1, cf_2, cf_3, cf_4, cf_5 FROM "+p.d.Quote(staged.Relation), columns[1:7])); diff != "" {
				t.Error(diff)
			}
			w := &world{frozen: frozen}
			expected := map[string]tenant.Counts{"acme": {Customer: "acme", Full: 2, Values: []int64{2}}}
			find := prove(t, p, w, rule, c, tenant.From{Inline: 1}, staged, expected)
			// 71 fields each of four types are neither days nor truth values nor lists.
			if len(find.errors) > 0 || find.uncast != 284 {
				t.Errorf("%v, %d uncast", find.errors, find.uncast)
			}
		})
	}
}

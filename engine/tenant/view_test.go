package tenant_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
)

// TestBarrierView: a view gives what a slice gives after the frozen configuration is gone, and
// nothing of a reader's query sees other rows.
func TestBarrierView(t *testing.T) {
	for _, tc := range []struct {
		name string
		open func(testing.TB) *peer
	}{{"duckdb", openDuckDB}, {"postgres", openPostgres}} {
		t.Run(tc.name, func(t *testing.T) {
			p := tc.open(t)
			w := smallWorld(t, p)
			rule, c := w.models[0].rule, w.customers[0]
			rule.Fields, rule.Columns = nil, rule.Columns[:6]
			query, columns := tenant.Slice(p.d, rule, c, w.frozen, tenant.From{Inline: 500})
			want := have(t, p, query, columns)
			for _, l := range tenant.Lists(p.d, c, w.frozen) {
				p.exec(t, "CREATE TABLE "+p.d.Quote(p.named(l.Name))+" AS "+l.Query)
			}
			for _, r := range []addr.Relation{w.frozen.Tenants, w.frozen.Links, w.frozen.Transfers} {
				p.exec(t, "DROP TABLE "+p.d.Quote(r))
			}
			for _, inline := range []int{0, 500} {
				v, columns := tenant.BarrierView(p.d, rule, c, tenant.ListsIn(p.schema), inline, p.named("mine"))
				if wrong := tenant.CheckView(rule, v); wrong != nil || len(v.Reads) != 1 || v.Reads[0] != rule.Relation {
					t.Errorf("%v, reads %v", wrong, v.Reads)
				}
				open := v
				open.Barrier = false
				if tenant.CheckView(rule, open) == nil {
					t.Error("a view without a barrier goes unnoticed")
				}
				with := ""
				if tc.name == "postgres" {
					with = " WITH (security_barrier)"
				}
				create := func(with string) {
					p.exec(t, "DROP VIEW IF EXISTS "+p.d.Quote(v.Name))
					p.exec(t, "CREATE VIEW "+p.d.Quote(v.Name)+with+" AS "+v.Query)
				}
				create(with)
				if diff := cmp.Diff(want, have(t, p, "SELECT * FROM "+p.d.Quote(v.Name), columns)); diff != "" {
					t.Errorf("-slice +view\n%s", diff)
				}
				if tc.name != "postgres" {
					if q := p.d.Unguarded(v.Name); q != "" {
						t.Errorf("asks %s", q)
					}
					continue
				}
				// A function of the reader's query, which looks cheap, tells of rows that it is shown.
				var ids []string
				for _, row := range want {
					id, _, _ := strings.Cut(row, " ¦ ")
					ids = append(ids, id)
				}
				p.exec(t, "CREATE OR REPLACE FUNCTION spy(n bigint) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$BEGIN IF n NOT IN ("+strings.Join(ids, ", ")+") THEN RAISE EXCEPTION 'saw %', n; END IF; RETURN true; END$$")
				spy := func() error {
					_, err := p.try("SELECT count(*) FROM " + p.d.Quote(v.Name) + " WHERE spy(id)")
					return err
				}
				if got := p.query(t, p.d.Unguarded(v.Name))[0][0]; got != int64(0) {
					t.Errorf("%v unguarded views", got)
				}
				if err := spy(); err != nil {
					t.Errorf("a function of the reader's %v", err)
				}
				create("")
				if err := spy(); err == nil || !strings.Contains(err.Error(), "saw ") {
					t.Errorf("the attack does not work without a barrier either: %v", err)
				}
				if got := p.query(t, p.d.Unguarded(v.Name))[0][0]; got != int64(1) {
					t.Errorf("an unguarded view goes unnoticed: %v", got)
				}
				if got := p.query(t, p.d.Unguarded(p.named("nothing")))[0][0]; got != int64(1) {
					t.Errorf("a view that is not there goes unnoticed: %v", got)
				}
			}
		})
	}
}

// TestOldView: a view of an older contract has its names and types.
func TestOldView(t *testing.T) {
	for _, tc := range []struct {
		name string
		open func(testing.TB) *peer
	}{{"duckdb", openDuckDB}, {"postgres", openPostgres}} {
		t.Run(tc.name, func(t *testing.T) {
			p := tc.open(t)
			table := p.named(`new "material`)
			p.table(t, table, []warehouse.Column{{Name: "id", Type: p.integer}, {Name: `quantity "g`, Type: p.text}, {Name: "unit_count", Type: p.integer}, {Name: "day", Type: p.text}},
				[][]any{{int64(1), "12", int64(5), "2024-02-29"}, {int64(2), "-7", nil, "2024-02-30"}, {int64(3), "x", int64(7), nil}, {int64(4), "9223372036854775808", int64(8), "2024-1-1"}, {nil, nil, nil, nil}})
			columns := []tenant.OldColumn{
				{Name: "id", Type: p.integer, From: "id"}, {Name: "quantity", Type: p.integer, From: `quantity "g`, Cast: true},
				{Name: "legacy; code", Type: p.text}, {Name: "unit_count", Type: p.text, From: "unit_count", Cast: true}, {Name: "day", Type: "DATE", From: "day", Cast: true},
			}
			var types []warehouse.Column
			for _, c := range columns {
				types = append(types, warehouse.Column{Name: c.Name, Type: c.Type})
			}
			v := tenant.OldView(p.d, p.named("material"), table, columns)
			p.exec(t, "CREATE VIEW "+p.d.Quote(v.Name)+" AS "+v.Query)
			day := "2024-01-01T00:00:00Z" // both read a month of one digit
			want := []string{
				"1 ¦ 12 ¦ ∅NULL ¦ 5 ¦ 2024-02-29T00:00:00Z", "2 ¦ -7 ¦ ∅NULL ¦ ∅NULL ¦ ∅NULL", "3 ¦ ∅NULL ¦ ∅NULL ¦ 7 ¦ ∅NULL",
				"4 ¦ ∅NULL ¦ ∅NULL ¦ 8 ¦ " + day, "∅NULL ¦ ∅NULL ¦ ∅NULL ¦ ∅NULL ¦ ∅NULL",
			}
			if diff := cmp.Diff(want, have(t, p, "SELECT * FROM "+p.d.Quote(v.Name), types)); diff != "" {
				t.Errorf("-want +have\n%s\n%s", diff, v.Query)
			}
			found, err := p.conn.Inspect(t.Context(), []addr.Relation{v.Name})
			if err != nil || len(found) != 1 {
				t.Fatal(found, err)
			}
			for i, c := range found[0].Columns {
				if !strings.EqualFold(c.Name, columns[i].Name) || !strings.EqualFold(c.Type, columns[i].Type) {
					t.Errorf("column %d is %s %s, want %s %s", i, c.Name, c.Type, columns[i].Name, columns[i].Type)
				}
			}
			gone := tenant.OldView(p.d, p.named("gone"), addr.Relation{}, columns)
			p.exec(t, "CREATE VIEW "+p.d.Quote(gone.Name)+" AS "+gone.Query)
			if rows := have(t, p, "SELECT * FROM "+p.d.Quote(gone.Name), types); rows != nil {
				t.Errorf("a model that is gone has %v", rows)
			}
		})
	}
}

package bigquery

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// TestStock lists a customer's datasets: a table that somebody has dropped is not
// there, and without ReleaseTable nothing is.
func TestStock(t *testing.T) {
	ctx := context.Background()
	o := newOutlet(t)
	table := func(name string) addr.Relation { return addr.Relation{Schema: "dw_acme", Name: name} }
	r := o.begin()
	h := warehouse.Handover{Run: "r1"}
	for _, name := range []string{"a", "b"} {
		o.do("create table " + Dialect{}.Quote(r.Staged(table(name))) + " as select 1 as n")
		h.Tables = append(h.Tables, table(name))
	}
	if _, err := r.Publish(ctx, h); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(ctx); err != nil {
		t.Fatal(err)
	}
	nobody := o.spec
	nobody.Customer, nobody.Schemas = "nobody", []string{"dw_nobody"}
	want := func(what string, want map[string]warehouse.Stock) {
		t.Helper()
		got, err := o.c.Stock(ctx, []warehouse.ReleaseSpec{o.spec, nobody})
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", what, err, diff)
		}
	}
	of := func(names ...addr.Relation) map[addr.Relation]bool {
		out := map[addr.Relation]bool{}
		for _, n := range names {
			out[n] = true
		}
		return out
	}
	want("after a release", map[string]warehouse.Stock{"acme": {Relations: of(table("a"), table("b")), Hidden: of()}})
	o.do("drop table dw_acme.a")
	want("a table less", map[string]warehouse.Stock{"acme": {Relations: of(table("b")), Hidden: of()}})
	o.enter("dw_acme", map[string]any{"role": "READER", "userByEmail": "stranger@else.test"})
	o.spec.Readers = []string{"user:bi@acme.test"}
	want("a reader without access", map[string]warehouse.Stock{"acme": {Relations: of(table("b")), Hidden: of(table("b")), Strangers: []string{"user:stranger@else.test (READER on dw_acme)"}}})
	o.enter("dw_acme", map[string]any{"role": "roles/bigquery.dataViewer", "userByEmail": "BI@acme.test"})
	want("a reader with access", map[string]warehouse.Stock{"acme": {Relations: of(table("b")), Hidden: of(), Strangers: []string{"user:stranger@else.test (READER on dw_acme)"}}})
	o.do("drop table dw_acme._engine_release")
	want("without its mark", map[string]warehouse.Stock{})
}

package postgres

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// TestStock looks at customers' schemas in which somebody has dropped a table, made another of
// its name, taken a right, and written over ReleaseTable; and at what a role can read beyond.
func TestStock(t *testing.T) {
	ctx := context.Background()
	o := newOutlet(t)
	reader := o.role("reader")
	readers := o.readers("reader")
	tables := map[string]string{"a": "select 1 as n", "b": "select 2 as n"}
	first := map[string]string{} // stamps after the release
	for _, customer := range []string{"acme", "bmw"} {
		o.must(customer, tables, warehouse.Handover{Readers: readers})
	}
	acme, bmw := o.spec("acme"), o.spec("bmw")
	acme.Readers, bmw.Readers = readers, readers
	for _, spec := range []warehouse.ReleaseSpec{acme, bmw} {
		r := &release{c: o.c, spec: spec}
		if first[spec.Customer] = r.Stamp(ctx); first[spec.Customer] == "" {
			t.Errorf("%s has no stamp", spec.Customer)
		}
	}
	name := func(customer, table string) addr.Relation {
		return addr.Relation{Schema: "dw_" + customer, Name: table}
	}
	want := func(what string, relations, hidden []addr.Relation) {
		t.Helper()
		got, err := o.c.Stock(ctx, []warehouse.ReleaseSpec{acme, bmw, o.spec("nobody")})
		if err != nil {
			t.Fatal(err)
		}
		for name, have := range got {
			again := acme
			if name == "bmw" {
				again = bmw
			}
			again.Stamp = have.Stamp
			same, err := o.c.Stock(ctx, []warehouse.ReleaseSpec{again})
			if err != nil {
				t.Fatal(err)
			}
			untouched := have
			untouched.Relations = nil
			if diff := cmp.Diff(map[string]warehouse.Stock{name: untouched}, same); diff != "" || have.Stamp == "" {
				t.Errorf("%s: nothing has changed since with %s, stamp %q:\n%s", what, name, have.Stamp, diff)
			}
			again.Stamp = first[name]
			changed, err := o.c.Stock(ctx, []warehouse.ReleaseSpec{again})
			if err != nil {
				t.Fatal(err)
			}
			// Only relations are looked at: a right is no other relation.
			if looked := changed[name].Relations != nil; looked != (first[name] != have.Stamp) {
				t.Errorf("%s: the relations of %s are looked at: %v; the stamp after the release was %q, and is %q", what, name, looked, first[name], have.Stamp)
			}
			have.Stamp = ""
			got[name] = have
		}
		run := "r1"
		of := func(list ...addr.Relation) map[addr.Relation]bool {
			out := map[addr.Relation]bool{}
			for _, r := range list {
				out[r] = true
			}
			return out
		}
		if diff := cmp.Diff(map[string]warehouse.Stock{
			"acme": {Run: &run, Relations: of(relations...), Guarded: map[addr.Relation]bool{}, Hidden: of(hidden...)},
			"bmw":  {Run: &run, Relations: of(name("bmw", "a"), name("bmw", "b")), Guarded: map[addr.Relation]bool{}, Hidden: of()},
		}, got); diff != "" {
			t.Errorf("%s:\n%s", what, diff)
		}
	}
	want("after a release", []addr.Relation{name("acme", "a"), name("acme", "b")}, nil)
	o.exec(o.c, "revoke select on dw_acme.b from "+reader)
	want("a right less", []addr.Relation{name("acme", "a"), name("acme", "b")}, []addr.Relation{name("acme", "b")})
	o.exec(o.c, "drop table dw_acme.b")
	o.exec(o.c, "drop table dw_acme.a")
	o.exec(o.c, "create table dw_acme.a as select 1 as n")
	o.exec(o.c, "grant select on dw_acme.a to "+reader)
	want("another table of the name", nil, nil)
	if now := (&release{c: o.c, spec: acme}).Stamp(ctx); now == first["acme"] {
		t.Error("acme has the stamp that it had before two tables were dropped")
	}
	o.exec(o.c, "drop table dw_acme._engine_release")
	o.exec(o.c, "create table dw_acme._engine_release as select 1 as n")
	if got, err := o.c.Stock(ctx, []warehouse.ReleaseSpec{acme, bmw}); err != nil || len(got) != 1 {
		t.Errorf("somebody's table of that name: %v, %v", got, err)
	}
	beyond := func(customers ...string) []addr.Relation {
		t.Helper()
		got, err := o.c.ReadsBeyond(ctx, readers[0], "shop", customers)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := beyond("acme", "bmw"); len(got) > 0 {
		t.Errorf("its own are beyond: %v", got)
	}
	if diff := cmp.Diff([]addr.Relation{name("bmw", "_engine_release"), name("bmw", "a"), name("bmw", "b")}, beyond("acme")); diff != "" {
		t.Error(diff)
	}
}

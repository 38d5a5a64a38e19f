package duckdb

import (
	"context"
	"os"
	"testing"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// TestStock looks at a customer's file that somebody has changed: a table is gone, a view has
// taken its place, an old copy is back, it belongs to another, it is no database.
func TestStock(t *testing.T) {
	ctx := context.Background()
	o := newOutlet(t, nil)
	table := func(name string) addr.Relation { return addr.Relation{Schema: "dw_acme", Name: name} }
	look := func() (warehouse.Stock, bool) {
		t.Helper()
		got, err := o.c.Stock(ctx, []warehouse.ReleaseSpec{o.spec})
		if err != nil {
			t.Fatal(err)
		}
		have, there := got[o.spec.Customer]
		return have, there
	}
	if _, there := look(); there {
		t.Error("something is there before the first release")
	}
	o.must(1, warehouse.Handover{}, "a", "b")
	first, _ := look()
	if !first.Relations[table("a")] || !first.Relations[table("b")] || len(first.Relations) != 2 || first.Run == nil {
		t.Fatalf("after a release: %+v", first)
	}
	old, err := os.ReadFile(o.file())
	if err != nil {
		t.Fatal(err)
	}
	change := func(list ...string) {
		t.Helper()
		c, err := Driver{}.Open(ctx, warehouse.Config{Dir: t.TempDir(), Fields: map[string]string{"path": o.file()}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for _, sql := range list {
			o.do(c.(*conn), sql)
		}
	}
	change("drop table dw_acme.a")
	if have, there := look(); !there || have.Relations[table("a")] || !have.Relations[table("b")] {
		t.Errorf("without a: %+v", have)
	}
	change("create view dw_acme.a as select 1 as n")
	if have, _ := look(); have.Relations[table("a")] {
		t.Errorf("a view in a table's place counts as the table: %+v", have)
	}
	change("drop view dw_acme.a")
	o.must(2, warehouse.Handover{}, "a", "b")
	second, _ := look()
	if *second.Run == *first.Run {
		t.Errorf("both releases are of run %q", *first.Run)
	}
	if err := os.WriteFile(o.file(), old, 0o600); err != nil {
		t.Fatal(err)
	}
	if back, _ := look(); back.Run == nil || *back.Run != *first.Run {
		t.Errorf("an old copy is of run %v", back.Run)
	}
	other := o.spec
	other.Owner = "another"
	if got, err := o.c.Stock(ctx, []warehouse.ReleaseSpec{other}); err != nil || len(got) != 0 {
		t.Errorf("what is another's: %v, %v", got, err)
	}
	if err := os.WriteFile(o.file(), []byte("no database at all, but a text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, there := look(); there {
		t.Error("a text counts as there")
	}
}

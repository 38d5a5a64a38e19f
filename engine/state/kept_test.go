package state

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// What is kept, held and about to be published is read as it was written, each scope's own.
func TestKeptHeldAndPublishing(t *testing.T) {
	c := open(t)
	apply(t, c, Setup(c.Dialect(), "")...)
	apply(t, c, Tables{}.ExtraSetup(c.Dialect(), "")...)
	at := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	theirs := Scope{Project: "other", Schema: "elsewhere"}
	kept := Kept{
		Node: orders, Relation: addr.Relation{Schema: "dev_ada", Name: "orders"}, Kind: warehouse.Table, As: addr.Relation{Schema: "dev_ada", Name: "_engine_old__orders__r2"},
		Run: "r2", At: at, Policy: "7d", Record: record("r1", at.Add(-time.Hour)),
	}
	foreign := kept
	foreign.As.Name = "_engine_old__orders__r9"
	view := Kept{Node: raw, Relation: addr.Relation{Schema: "dev_ada", Name: "raw"}, Kind: warehouse.View, SQL: "select 'it''s'\nfrom t", Run: "r2", At: at.Add(-time.Minute), Policy: "2", Record: record("r1", at)}
	hold := Hold{Node: orders, Fingerprint: "f2", Inputs: map[addr.Node]string{raw: "i"}, Definition: true, Run: "r3", Of: "r2", At: at}
	intent := Publication{Run: "r4", At: at, Parts: []Part{
		{Node: raw, Steps: []warehouse.Op{warehouse.Swap{New: addr.Relation{Schema: "dev_ada", Name: "_engine_new__raw"}, NewKind: warehouse.Table, Target: addr.Relation{Schema: "dev_ada", Name: "raw"}}}},
		{Node: orders, Steps: []warehouse.Op{BuiltOp(c.Dialect(), mine, "r4", record("r4", at))}},
	}}
	wanted, err := PublicationOp(c.Dialect(), mine, intent)
	if err != nil {
		t.Fatal(err)
	}
	broken, err := PublicationOp(c.Dialect(), mine, Publication{Run: "r5", At: at.Add(time.Minute), Parts: intent.Parts})
	if err != nil {
		t.Fatal(err)
	}
	half := broken.(warehouse.InsertValues)
	half.Rows = half.Rows[:1] // the process died between two statements
	staged := func(name string) addr.Relation { return addr.Relation{Schema: "dev_ada", Name: name} }
	elsewhere, err := PublicationOp(c.Dialect(), theirs, Publication{Run: "r6", At: at, Parts: []Part{
		{Node: raw, Steps: []warehouse.Op{warehouse.Swap{New: staged("_engine_copy__theirs"), NewKind: warehouse.Table, Target: staged("theirs"), Keep: staged("_engine_old__theirs__r6")}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	apply(t, c, elsewhere, KeptOp(c.Dialect(), mine, kept, view), KeptOp(c.Dialect(), theirs, foreign), HoldOp(c.Dialect(), mine, hold), HoldOp(c.Dialect(), theirs, Hold{Node: orders, Run: "x", At: at}), wanted, half)

	snap := snapshot(t, c, mine)
	if diff := cmp.Diff([]Kept{kept, view}, snap.Kept); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[addr.Relation]bool{kept.As: true, foreign.As: true}, snap.KeptNames); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[addr.Node]Hold{orders: hold}, snap.Holds); diff != "" {
		t.Error(diff)
	}
	if !hold.Holds(Record{At: at}) || hold.Holds(Record{At: at.Add(time.Second)}) || (Hold{}).Holds(Record{}) {
		t.Error("a hold counts until the next build of the node")
	}
	if diff := cmp.Diff(map[addr.Relation]bool{staged("_engine_new__raw"): true, staged("_engine_copy__theirs"): true, staged("_engine_old__theirs__r6"): true}, snap.PublishingNames); diff != "" {
		t.Errorf("what open publications need, of all scopes:\n%s", diff)
	}
	if len(snap.Publishing) != 2 || snap.Publishing[1].Parts != nil {
		t.Fatalf("open are %v", snap.Publishing)
	}
	if len(snap.Publishing[0].Parts) != 2 || !cmp.Equal(snap.Publishing[0].Parts[0], intent.Parts[0]) || snap.Publishing[0].Run != "r4" {
		t.Errorf("the intent is %v", snap.Publishing[0])
	}
	for _, stmt := range []warehouse.Statement{Published(c.Dialect(), mine, "r4"), Published(c.Dialect(), mine, "r5"), Forget(c.Dialect(), mine, kept)} {
		if _, err := c.Exec(context.Background(), stmt); err != nil {
			t.Fatal(err)
		}
	}
	if snap = snapshot(t, c, mine); len(snap.Publishing) > 0 || len(snap.Kept) != 1 || snap.Kept[0].Node != raw {
		t.Errorf("left are %v, %v", snap.Publishing, snap.Kept)
	}
}

// Names of kept tables fit, no two runs and relations have the same, and each says whose it is.
func TestKeptName(t *testing.T) {
	caps := warehouse.Caps{MaxIdentifier: 63}
	at := func(name string) addr.Relation { return addr.Relation{Schema: "s", Name: name} }
	names := []string{"o", "o__x", "o__2026", strings.Repeat("o", 24), strings.Repeat("o", 25), strings.Repeat("ö", 40), strings.Repeat("ö", 41), strings.Repeat("o_", 30)}
	seen := map[addr.Relation]bool{}
	for _, run := range []string{"20260314T021500Z-9c41d2aa", "20260314T021500Z-9c41d2ab"} {
		for _, name := range names {
			got := KeptName(at(name), run, caps)
			if len(got.Name) > 63 || seen[got] || !strings.HasPrefix(got.Name, "_engine_old__") {
				t.Errorf("%s is kept as %q", name, got.Name)
			}
			seen[got] = true
			for _, other := range names {
				if KeptOf(at(other), got, caps) != (other == name) {
					t.Errorf("%q is kept of %s: %v", got.Name, other, other != name)
				}
			}
			got.Schema = "other"
			if KeptOf(at(name), got, caps) {
				t.Errorf("%v is in another schema", got)
			}
		}
	}
	for _, name := range []string{"_engine_old__o", "_engine_old__o__x", "_engine_old__o__2026", "_engine_old__", "o__20260314t021500z-9c41d2aa", "_engine_new__o__20260314t021500z-9c41d2aa"} {
		if KeptOf(at("o"), at(name), caps) {
			t.Errorf("%q is taken for a version of o", name)
		}
	}
	if folded := at("_engine_old__O__20260314t021500z-9c41d2aa"); KeptOf(at("o"), folded, caps) || !KeptOf(at("o"), folded, warehouse.Caps{FoldsCase: true}) {
		t.Error("the case of names counts where the warehouse says so")
	}
}

// TestForgetScope: nothing of a scope stays, and everything of others.
func TestForgetScope(t *testing.T) {
	c := open(t)
	if err := ForgetScope(t.Context(), c, mine); err != nil {
		t.Fatalf("where there is nothing: %v", err)
	}
	apply(t, c, Setup(c.Dialect(), "")...)
	if err := ForgetScope(t.Context(), c, mine); err != nil {
		t.Fatalf("without the tables that are made later: %v", err)
	}
	apply(t, c, Tables{}.ExtraSetup(c.Dialect(), "")...)
	at := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	for _, s := range []Scope{mine, yours} {
		intent, err := PublicationOp(c.Dialect(), s, Publication{Run: "r1", At: at, Parts: []Part{{Node: orders, Steps: []warehouse.Op{warehouse.Drop{Relation: addr.Relation{Schema: "x", Name: "y"}, Kind: warehouse.View}}}}})
		if err != nil {
			t.Fatal(err)
		}
		apply(t, c, BuiltOp(c.Dialect(), s, "r1", record("r1", at)), KeptOp(c.Dialect(), s, Kept{Node: orders, Run: "r1", At: at}), HoldOp(c.Dialect(), s, Hold{Node: orders, Run: "r1", At: at}), intent)
	}
	if err := ForgetScope(t.Context(), c, mine); err != nil {
		t.Fatal(err)
	}
	if left := snapshot(t, c, mine); len(left.Nodes)+len(left.Kept)+len(left.Holds)+len(left.Publishing) > 0 {
		t.Errorf("left are %v", left)
	}
	if theirs := snapshot(t, c, yours); len(theirs.Nodes) != 1 || len(theirs.Kept) != 1 || len(theirs.Holds) != 1 || len(theirs.Publishing) != 1 {
		t.Errorf("of the other scope there is %v", theirs)
	}
}

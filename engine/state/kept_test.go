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
	apply(t, c, KeptOp(c.Dialect(), mine, kept, view), KeptOp(c.Dialect(), theirs, foreign), HoldOp(c.Dialect(), mine, hold), HoldOp(c.Dialect(), theirs, Hold{Node: orders, Run: "x", At: at}), wanted, half)

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

// Names of kept tables fit, and no two runs and relations have the same.
func TestKeptName(t *testing.T) {
	seen := map[addr.Relation]bool{}
	for _, run := range []string{"20260314T021500Z-9c41d2aa", "20260314T021500Z-9c41d2ab"} {
		for _, name := range []string{"o", strings.Repeat("ö", 40), strings.Repeat("ö", 41)} {
			got := KeptName(addr.Relation{Schema: "s", Name: name}, run, warehouse.Caps{MaxIdentifier: 63})
			if len(got.Name) > 63 || seen[got] || !strings.HasPrefix(got.Name, "_engine_old__") {
				t.Errorf("%s is kept as %q", name, got.Name)
			}
			seen[got] = true
		}
	}
}

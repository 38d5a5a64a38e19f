package state

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

func release(customer, run string, at time.Time) Release {
	return Release{
		Customer: customer, Run: run, At: at.Truncate(time.Microsecond), Contract: 2, Mode: "table",
		Pairs:  map[addr.Node]ReleasedPair{orders: {Fingerprint: "d.r's.\"c", Shape: "s", Rows: 7}, raw: {Fingerprint: "x", Rows: -1}},
		Fields: map[string]map[string]string{"orders": {"best before": "cf_best_before"}},
		Views:  map[string]ReleasedPair{"old orders": {Fingerprint: "v", Shape: "s", Rows: -1}}, Published: run, Stamp: "1 2 3", Members: []string{"acme"}, PublishedAt: at.Truncate(time.Microsecond),
		Granted: []string{"reader", "user:ann@example.com"}, Markers: "m", Rows: 7, Bytes: 4096, Millis: 12,
	}
}

func TestReleases(t *testing.T) {
	c := open(t)
	d := c.Dialect()
	got, shapes, err := ReadReleases(ctx, c, mine)
	if err != nil || len(got)+len(shapes) > 0 {
		t.Fatalf("an empty warehouse has %v, %v, %v", got, shapes, err)
	}
	columns := []warehouse.Column{{Name: "id", Type: "BIGINT"}, {Name: "a \"b\"", Type: "DECIMAL(18,3)"}}
	hash := ShapeOf(columns)
	if other := ShapeOf([]warehouse.Column{columns[1], columns[0]}); other == hash {
		t.Error("the order of columns does not matter to their shape")
	}
	apply(t, c, ReleaseTables(d, "")...)
	apply(t, c, ReleaseTables(d, "")...)
	apply(t, c, ShapesOp(d, mine, noon, Shapes{hash: columns})...)
	if ops := ShapesOp(d, mine, noon, nil); len(ops) > 0 {
		t.Errorf("no shapes are %d operations", len(ops))
	}
	begun := release("acme", "r2", noon.Add(time.Hour))
	begun.Begun, begun.Pairs = true, map[addr.Node]ReleasedPair{raw: {Fingerprint: "x", Rows: -1}}
	ended := release("acme", "r2", noon.Add(time.Hour)) // at the very same time
	apply(t, c, ReleaseOp(d, mine, release("acme", "r1", noon)), ReleaseOp(d, mine, release("bmw", "r1", noon)), ReleaseOp(d, mine, begun), ReleaseOp(d, yours, release("acme", "r9", noon.Add(2*time.Hour))))
	got, shapes, err = ReadReleases(ctx, c, mine)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]Release{"acme": begun, "bmw": release("bmw", "r1", noon)}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Shapes{hash: columns}, shapes); diff != "" {
		t.Error(diff)
	}
	apply(t, c, ReleaseOp(d, mine, ended))
	if got, _, err = ReadReleases(ctx, c, mine); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ended, got["acme"]); diff != "" {
		t.Errorf("what has ended comes after what has begun at the same time:\n%s", diff)
	}
}

func TestCompactReleases(t *testing.T) {
	c := open(t)
	d := c.Dialect()
	apply(t, c, ReleaseTables(d, "")...)
	for i := range 5 {
		apply(t, c, ReleaseOp(d, mine, release("acme", fmt.Sprint("r", i), noon.Add(time.Duration(i)*time.Hour))))
	}
	apply(t, c, ReleaseOp(d, mine, release("bmw", "r0", noon)), ReleaseOp(d, yours, release("acme", "r0", noon)))
	if left, err := CompactReleases(ctx, c, mine, 2, 6); err != nil || left != 6 {
		t.Errorf("few records: %d left, %v", left, err)
	}
	if left, err := CompactReleases(ctx, c, mine, 2, 5); err != nil || left != 3 {
		t.Errorf("%d left, %v, want 3", left, err)
	}
	got, _, err := ReadReleases(ctx, c, mine)
	if err != nil || got["acme"].Run != "r4" || got["bmw"].Run != "r0" {
		t.Errorf("got %v, %v", got, err)
	}
	if other, _, err := ReadReleases(ctx, c, yours); err != nil || len(other) != 1 {
		t.Errorf("another scope has %v, %v", other, err)
	}
}

// TestReleaseNext: a record counts though the clock of the one before was ahead.
func TestReleaseNext(t *testing.T) {
	c := open(t)
	apply(t, c, ReleaseTables(c.Dialect(), "")...)
	first := release("acme", "z", noon.Add(time.Hour)) // in the order of words the last one
	second := release("acme", "a", first.Next(noon))
	apply(t, c, ReleaseOp(c.Dialect(), mine, first), ReleaseOp(c.Dialect(), mine, second))
	got, _, err := ReadReleases(ctx, c, mine)
	if err != nil || got["acme"].Run != "a" {
		t.Errorf("the newest record is of run %q, %v", got["acme"].Run, err)
	}
	if at := first.Next(noon.Add(2 * time.Hour)); !at.Equal(noon.Add(2 * time.Hour)) {
		t.Errorf("an honest clock is set to %v", at)
	}
	if at := (Release{}).Next(noon); !at.Equal(noon) {
		t.Errorf("the first record is of %v", at)
	}
}

// TestReleasesOfAnEarlierEngine: a table without the newest columns is read, and gets them.
func TestReleasesOfAnEarlierEngine(t *testing.T) {
	c := open(t)
	d := c.Dialect()
	apply(t, c, ReleaseTables(d, "")...)
	full := release("acme", "r1", noon)
	apply(t, c, ReleaseOp(d, mine, full))
	for _, column := range releases.added {
		if _, err := c.Exec(ctx, warehouse.Statement{SQL: "alter table " + d.Quote(releases.relation("")) + " drop column " + d.Ident(column)}); err != nil {
			t.Fatal(err)
		}
	}
	got, _, err := ReadReleases(ctx, c, mine)
	old := full
	old.Views, old.Published, old.Members, old.Stamp = nil, "", nil, ""
	if diff := cmp.Diff(map[string]Release{"acme": old}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	ops, err := LackingOps(ctx, c, "")
	if err != nil {
		t.Fatal(err)
	}
	apply(t, c, ops...)
	if ops, err = LackingOps(ctx, c, ""); err != nil || len(ops) > 0 {
		t.Errorf("still lacking: %v, %v", ops, err)
	}
	apply(t, c, ReleaseOp(d, mine, release("bmw", "r2", noon)))
}

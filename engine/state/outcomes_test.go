package state

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/profile"
	"github.com/engine-build/engine/engine/warehouse"
)

// TestPast: what is remembered of a scope, newest first and no more than asked for.
func TestPast(t *testing.T) {
	c := open(t)
	d := c.Dialect()
	if past, err := ReadPast(ctx, c, mine, 3); err != nil || len(past.Runs)+len(past.Builds)+len(past.Tests) > 0 {
		t.Fatalf("of an empty warehouse: %+v, %v", past, err)
	}
	apply(t, c, Setup(d, "")...)
	check := addr.Node{Kind: addr.Test, Name: "not_null_orders_id"}
	other := mine
	other.Project = "other"
	var list []Outcome
	for i := range 5 {
		id, at := fmt.Sprintf("r%d", i), noon.Add(time.Duration(i)*time.Hour)
		apply(t, c, RunOp(d, mine, Run{ID: id, Start: at, End: at.Add(time.Minute), Verdict: "done", Engine: "1", Target: "dev"}))
		apply(t, c, BuiltOp(d, mine, id, record(id, at)))
		o := Outcome{Test: check, Status: "passed", At: stamp(at), Run: id}
		if i == 3 {
			o.Status, o.Failures = "failed", 7
		}
		list = append(list, o)
		apply(t, c, OutcomeOps(d, mine, []Outcome{o})...)
		apply(t, c, OutcomeOps(d, other, []Outcome{{Test: check, Status: "error", Failures: -1, At: at, Run: id}})...)
	}
	past, err := ReadPast(ctx, c, mine, 3)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[addr.Node][]Outcome{check: {list[4], list[3], list[2]}}, past.Tests); diff != "" {
		t.Error(diff)
	}
	var runs, builds []string
	for _, r := range past.Runs {
		runs = append(runs, r.ID+" "+r.Verdict)
	}
	for _, r := range past.Builds[orders] {
		builds = append(builds, fmt.Sprintf("%s %d %d", r.Version, r.Rows, r.Millis))
		if r.Content.Rows != "" || r.Inputs != nil || r.Checksum != "" {
			t.Errorf("%s has what nobody asks for: %+v", r.Version, r)
		}
	}
	if diff := cmp.Diff([]string{"r4 done", "r3 done", "r2 done"}, runs); diff != "" {
		t.Error(diff)
	}
	want := record("r0", noon)
	line := func(id string) string { return fmt.Sprintf("%s %d %d", id, want.Rows, want.Millis) }
	if diff := cmp.Diff([]string{line("r4"), line("r3"), line("r2")}, builds); diff != "" {
		t.Error(diff)
	}
	// What is skipped is decided by the passes alone.
	if got := snapshot(t, c, mine).Passed; len(got) != 0 {
		t.Errorf("outcomes count as passes: %v", got)
	}
}

// TestOutcomesOfAnEarlierEngine: a target without the table gets it like the others.
func TestOutcomesOfAnEarlierEngine(t *testing.T) {
	c := open(t)
	d := c.Dialect()
	apply(t, c, Setup(d, "")...)
	apply(t, c, warehouse.Drop{Relation: outcomes.relation(""), Kind: warehouse.Table})
	have, err := Look(ctx, c, "")
	if err != nil {
		t.Fatal(err)
	}
	ops := have.Missing(d, "")
	if len(ops) != 1 {
		t.Fatalf("want the table and nothing else, got %v", ops)
	}
	apply(t, c, ops...)
	apply(t, c, OutcomeOps(d, mine, []Outcome{{Test: orders, Status: "passed", At: noon, Run: "r"}})...)
}

// TestOutcomesInParts: no statement is larger than a warehouse takes.
func TestOutcomesInParts(t *testing.T) {
	var list []Outcome
	for i := range 2*outcomesTogether + 1 {
		list = append(list, Outcome{Test: addr.Node{Kind: addr.Test, Name: fmt.Sprint("t", i)}, Status: "passed", At: noon, Run: "r"})
	}
	rows := 0
	ops := OutcomeOps(open(t).Dialect(), mine, list)
	for _, op := range ops {
		rows += len(op.(warehouse.InsertValues).Rows)
	}
	if len(ops) != 3 || rows != len(list) {
		t.Errorf("%d outcomes make %d statements with %d rows", len(list), len(ops), rows)
	}
}

// TestProfiles: the newest of each node is there, and no other.
func TestProfiles(t *testing.T) {
	c := open(t)
	d := c.Dialect()
	apply(t, c, Setup(d, "")...)
	apply(t, c, ProfileSetup(d, "")...)
	apply(t, c, ProfileSetup(d, "")...) // once is enough
	made := func(rows int64) profile.Table {
		return profile.Table{Node: orders, Rows: rows, At: stamp(noon), Columns: []profile.Column{{Name: "it's", Nulls: 1, Distinct: 2, Min: "a", Top: []profile.Value{{Value: "'", Rows: 3}}}}}
	}
	apply(t, c, ProfileOps(d, mine, "r1", []profile.Table{made(1)})...)
	apply(t, c, ProfileOps(d, mine, "r2", []profile.Table{made(2)})...)
	past, err := ReadPast(ctx, c, mine, 3)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[addr.Node]profile.Table{orders: made(2)}, past.Profiles); diff != "" {
		t.Error(diff)
	}
	var list []profile.Table
	for range 20 {
		p := made(1)
		p.Columns[0].Min = strings.Repeat("x", profileBytes/10)
		list = append(list, p)
	}
	if n := len(ProfileOps(d, mine, "r", list)); n < 4 || n > 8 {
		t.Errorf("%d operations for two megabytes", n)
	}
}

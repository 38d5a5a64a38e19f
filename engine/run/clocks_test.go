package run_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/run"
)

// behind is a machine whose clock is that much behind those of others.
func behind(by time.Duration) func(*run.Options) {
	return func(o *run.Options) { o.Now = func() time.Time { return time.Now().Add(-by) } }
}

// TestRecordsOfASlowClockCount: the last record of a node counts, whatever the clock of the
// machine says that has written it.
func TestRecordsOfASlowClockCount(t *testing.T) {
	model := func(n string) map[string]string {
		return map[string]string{"models/m.sql": "{{ config \"materialized\" \"table\" }}select " + n + " as id"}
	}
	s := newShop(t, model("1"))
	s.write(map[string]string{"models/props.yml": uniqueID})
	s.build(nil)
	s.write(model("2"))
	want(t, s.build(behind(time.Hour)), "m done", "  unique_m_id done")
	want(t, s.build(nil))
	want(t, s.build(behind(time.Hour)))
	// The record of the first build says that this is there. It is not.
	s.write(model("1"))
	s.build(behind(2 * time.Hour))
	if got := s.rows("select id from dev.m"); !slices.Equal(got, []string{"1"}) {
		t.Errorf("m has %v", got)
	}
	want(t, s.build(nil))
}

// TestRollbackByASlowClock: what is put back and held counts, and so does what is built
// after that; the versions that are kept are in the order in which they were replaced.
func TestRollbackByASlowClock(t *testing.T) {
	model := func(n string) map[string]string {
		return map[string]string{"models/m.sql": "{{ config \"materialized\" \"table\" \"keep_previous\" \"5\" }}select " + n + " as id"}
	}
	s := newShop(t, model("0"))
	apply := func(change func(*run.Options)) {
		t.Helper()
		if r, err := s.apply(context.Background(), s.plan(nil), change); err != nil || !r.OK() {
			t.Fatal(err, outcome(r))
		}
	}
	holds := func(id string) {
		t.Helper()
		if got := s.rows("select id from dev.m"); !slices.Equal(got, []string{id}) {
			t.Fatalf("m has %v, want %s", got, id)
		}
	}
	rollback := func(change func(*run.Options)) {
		t.Helper()
		pl, cannot, _, err := engine.Rollback(context.Background(), s.compile(), s.conn, "", nil)
		if err != nil || len(cannot) > 0 {
			t.Fatal(err, cannot)
		}
		if r, err := s.apply(context.Background(), pl, change); err != nil || !r.OK() {
			t.Fatal(err, outcome(r))
		}
	}
	for i, n := range []string{"1", "2", "3"} {
		s.write(model(n))
		apply(behind(time.Duration(i) * time.Hour))
	}
	version := func(of string) {
		t.Helper()
		snapshot, err := engine.Snapshot(context.Background(), s.compile(), s.conn)
		if err != nil {
			t.Fatal(err)
		}
		if got := snapshot.Nodes[addr.Node{Kind: addr.Model, Name: "m"}].Version; got != of {
			t.Fatalf("the record is of %s, want %s", got, of)
		}
	}
	rollback(behind(3 * time.Hour))
	holds("2")
	version("run2")
	apply(nil)
	holds("2") // held
	rollback(behind(4 * time.Hour))
	holds("3")
	version("run3")
	s.write(model("4"))
	apply(behind(5 * time.Hour))
	holds("4")
	if pl := s.plan(nil); len(pl.Actions) > 0 {
		t.Errorf("it would be built again: %v", pl.Actions[0].Reasons)
	}
}

// TestKeptVersionOutlivesAFailure: a publication that fails replaces nothing, so it does not
// count against the versions that are kept.
func TestKeptVersionOutlivesAFailure(t *testing.T) {
	model := func(n, more string) map[string]string {
		return map[string]string{"models/m.sql": "{{ config \"materialized\" \"table\" \"keep_previous\" \"1\" " + more + "}}select " + n + " as id"}
	}
	s := newShop(t, model("0", ""))
	ctx := context.Background()
	for _, n := range []string{"1", "2"} {
		s.write(model(n, ""))
		if r, err := s.apply(ctx, s.plan(nil), nil); err != nil || !r.OK() {
			t.Fatal(err, outcome(r))
		}
	}
	kept := func() []string {
		return s.rows("select table_name from information_schema.tables where starts_with(table_name, '_engine_old__')")
	}
	before := kept()
	if len(before) != 1 {
		t.Fatalf("kept are %v", before)
	}
	s.write(model("3", "\"post_hook\" \"select 1 / no_such_column\" "))
	r, err := s.apply(ctx, s.plan(nil), nil)
	if err != nil || r.OK() {
		t.Fatal(err, outcome(r))
	}
	if got := s.rows("select id from dev.m"); !slices.Equal(got, []string{"2"}) {
		t.Fatalf("m has %v", got)
	}
	if got := kept(); !slices.Equal(got, before) {
		t.Errorf("kept are %v, and were %v", got, before)
	}
	pl, cannot, _, err := engine.Rollback(ctx, s.compile(), s.conn, "", nil)
	if err != nil || len(cannot) > 0 || len(pl.Actions) != 1 {
		t.Fatal(err, cannot)
	}
	if r, err := s.apply(ctx, pl, nil); err != nil || !r.OK() {
		t.Fatal(err, outcome(r))
	}
	if got := s.rows("select id from dev.m"); !slices.Equal(got, []string{"1"}) {
		t.Errorf("after a rollback m has %v", got)
	}
}

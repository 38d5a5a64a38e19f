package run_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/state"
)

// together is a plan for everything that publishes in one step.
func (s *shop) together() *plan.Plan {
	s.t.Helper()
	ctx := context.Background()
	p := s.compile()
	sel := plan.Selection{Nodes: map[addr.Node]bool{}, Tests: map[addr.Node]bool{}}
	for _, n := range p.Order {
		sel.Nodes[n] = true
	}
	for _, t := range p.Tests {
		sel.Tests[t.ID] = true
	}
	snapshot, err := engine.Snapshot(ctx, p, s.conn)
	if err != nil {
		s.t.Fatal(err)
	}
	pl, found, err := engine.PlanOn(ctx, p, s.conn, snapshot, sel)
	if err != nil || found.HasErrors() {
		s.t.Fatal(err, found)
	}
	pl, found, err = engine.Together(ctx, pl, p, s.conn, snapshot, sel, s.options)
	if err != nil || found.HasErrors() {
		s.t.Fatal(err, found)
	}
	return pl
}

var chain = map[string]string{
	"models/a.sql": "{{ config \"materialized\" \"table\" }}select 1 as id",
	"models/b.sql": "{{ config \"materialized\" \"table\" }}select id from {{ ref \"a\" }}",
	"models/p.yml": "models: [{name: a, columns: [{name: id, data_tests: [unique]}]}]\n",
}

// Nodes that were built and passed are told from the one to blame, and what reads that one
// is built while its tests run.
func TestUnpublished(t *testing.T) {
	s := newShop(t, chain)
	if r, err := s.apply(context.Background(), s.together(), nil); err != nil || !r.OK() {
		t.Fatal(r, err)
	}
	s.write(map[string]string{"models/a.sql": "{{ config \"materialized\" \"table\" }}select 2 as id union all select 2"})
	r, err := s.apply(context.Background(), s.together(), nil)
	if err != nil {
		t.Fatal(err)
	}
	want(t, r, "a failed", "  unique_a_id failed 1", "b unpublished because of unique_a_id")
	if r.OK() {
		t.Error("the run counts as done")
	}
	for _, name := range []string{"a", "b"} {
		if got := s.rows("select id from dev." + name); !slices.Equal(got, []string{"1"}) {
			t.Errorf("%s has %v", name, got)
		}
	}
	s.noStaging()
}

// The step itself may be refused; then nothing is published.
func TestRunNotPublished(t *testing.T) {
	s := newShop(t, chain)
	if r, err := s.apply(context.Background(), s.together(), nil); err != nil || !r.OK() {
		t.Fatal(r, err)
	}
	s.write(map[string]string{"models/a.sql": "{{ config \"materialized\" \"table\" }}select 2 as id"})
	pl, conn := s.together(), s.conn
	s.conn = withoutTransactions{conn}
	r, err := s.apply(context.Background(), pl, nil)
	s.conn = conn
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(saidBy(r), func(d diag.Diagnostic) bool { return d.Code == "run-not-published" }) {
		t.Errorf("it is not said: %v", saidBy(r))
	}
	for _, name := range []string{"a", "b"} {
		if got := s.rows("select id from dev." + name); !slices.Equal(got, []string{"1"}) {
			t.Errorf("%s has %v", name, got)
		}
	}
	s.noStaging()
}

func TestExpired(t *testing.T) {
	at := func(hours int) time.Time { return time.Date(2026, 3, 1, hours, 0, 0, 0, time.UTC) }
	a, b := addr.Node{Kind: addr.Model, Name: "a"}, addr.Node{Kind: addr.Model, Name: "b"}
	kept := func(n addr.Node, hour int, now string) plan.Previous {
		return plan.Previous{Kept: state.Kept{Node: n, At: at(hour)}, Now: now}
	}
	for _, c := range []struct {
		name string
		list []plan.Previous
		want []int // hours
	}{
		{"nothing", nil, nil},
		{"two versions", []plan.Previous{kept(a, 1, "2"), kept(a, 3, "2"), kept(a, 2, "2"), kept(b, 0, "2")}, []int{1}},
		{"a time", []plan.Previous{kept(a, 1, "5h"), kept(a, 4, "5h"), kept(a, 5, "5h")}, []int{1, 4}},
		{"a day", []plan.Previous{kept(a, 1, "1d")}, nil},
		{"none any more", []plan.Previous{kept(a, 9, "0"), kept(b, 9, "1")}, []int{9}},
		{"a policy of a newer engine", []plan.Previous{kept(a, 1, "for ever")}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []int
			for _, k := range run.Expired(c.list, at(9)) {
				got = append(got, k.At.Hour())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

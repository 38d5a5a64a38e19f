package run_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

var scope = state.Scope{Project: "shop", Schema: "dev"}

// hold takes the lease for a run of process pid, with a quick heartbeat.
func (s *shop) hold(id string, pid int, change func(*run.Tenure)) (*run.Lease, error) {
	s.t.Helper()
	t := run.Tenure{Holder: warehouse.Holder{Run: id, PID: pid, Host: "here", User: "ada"}, TTL: time.Minute, Beat: 100 * time.Millisecond, Now: time.Now}
	if change != nil {
		change(&t)
	}
	l, err := run.Hold(context.Background(), s.conn, scope, t)
	if err == nil {
		s.t.Cleanup(func() {
			if err := l.Release(context.Background()); err != nil {
				s.t.Error(err)
			}
		})
	}
	return l, err
}

func hasCode(l diag.List, code diag.Code) bool {
	return slices.ContainsFunc(l, func(d diag.Diagnostic) bool { return d.Code == code })
}

// TestLeaseTurns: one run has the lease; another is told so, waits, or takes it.
func TestLeaseTurns(t *testing.T) {
	s := newShop(t, map[string]string{"models/m.sql": "select 1 as id"})
	first, err := s.hold("one", 7, nil)
	if err != nil {
		t.Fatal(err)
	}
	var held *warehouse.HeldError
	if _, err := s.hold("two", 7, nil); !errors.As(err, &held) || held.Lease.Holder.Run != "one" {
		t.Fatalf("a second run got the lease, or %v", err)
	}
	start, told := time.Now(), 0
	if _, err := s.hold("two", 7, func(u *run.Tenure) {
		u.Wait, u.Waiting = 300*time.Millisecond, func(l warehouse.Lease) { told++ }
	}); !errors.As(err, &held) || time.Since(start) < 300*time.Millisecond || told != 1 {
		t.Fatalf("after waiting %v, told %d times: %v", time.Since(start), told, err)
	}
	if l, err := run.Holding(context.Background(), s.conn, scope); err != nil || l == nil || l.Holder.Run != "one" {
		t.Fatalf("holding: %+v, %v", l, err)
	}
	time.AfterFunc(300*time.Millisecond, func() { _ = first.Release(context.Background()) })
	second, err := s.hold("two", 7, func(u *run.Tenure) { u.Wait = -1 })
	if err != nil {
		t.Fatal(err)
	}
	if before, how := second.Before(); before != nil {
		t.Errorf("a lease that was given back counts as %s", how)
	}
	// Another process cannot have this database open any more.
	third, err := s.hold("three", 8, nil)
	if err != nil {
		t.Fatal(err)
	}
	if before, how := third.Before(); before == nil || before.Holder.Run != "two" || how != run.TakenDead {
		t.Errorf("taken over from %+v, %s", before, how)
	}
	for start := time.Now(); second.Lost() == nil; time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > 10*time.Second {
			t.Fatal("the second run does not notice that its lease was taken")
		}
	}
	from := ""
	fourth, err := s.hold("four", 8, func(u *run.Tenure) {
		u.Steal, u.Stealing = true, func(l warehouse.Lease, grace time.Duration) { from = l.Holder.Run + " " + grace.String() }
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, how := fourth.Before(); how != run.TakenStolen || from != "three 150ms" {
		t.Errorf("%s, told of %q", how, from)
	}
	var none *run.Lease
	if before, _ := none.Before(); before != nil || none.Lost() != nil || none.Release(context.Background()) != nil {
		t.Error("no lease is one that is lost")
	}
}

const endless = "{{ config \"materialized\" \"table\" }}select count(*) as n from range(100000) a, range(100000) b, range(1000) c where hash(a.range, b.range, c.range) % 7 = 1"

// TestLeaseLost: what runs is canceled, nothing is published or recorded any more.
func TestLeaseLost(t *testing.T) {
	s := newShop(t, map[string]string{"models/a.sql": "{{ config \"materialized\" \"table\" }}select 1 as id", "models/b.sql": "-- {{ ref \"a\" }}\n" + endless})
	lease, err := s.hold("one", 7, nil)
	if err != nil {
		t.Fatal(err)
	}
	pl := s.plan(nil)
	r, err := s.apply(context.Background(), pl, func(o *run.Options) {
		o.RunID, o.Lease = "one", lease
		o.Sink = func(e run.Event) {
			if e.Kind == run.NodeStarted && e.Node.Name == "b" {
				go func() { _, _ = s.hold("two", 8, nil) }()
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.OK() || r.Stopped != run.StoppedLease || !hasCode(r.Diags, "lease-lost") || !strings.Contains(r.Diags[0].Message, "run two of ada@here") {
		t.Errorf("stopped %q: %v", r.Stopped, r.Diags)
	}
	want(t, r, "a done", "b canceled")
	if got := s.rows("select run_id from _engine.runs"); len(got) > 0 {
		t.Errorf("recorded as ended: %v", got)
	}
}

// TestLeaseFence: a lease that is lost before the heartbeat tells of it keeps the publication
// back.
func TestLeaseFence(t *testing.T) {
	s := newShop(t, map[string]string{"models/a.sql": "{{ config \"materialized\" \"table\" }}select 1 as id"})
	s.build(nil)
	s.write(map[string]string{"models/a.sql": "{{ config \"materialized\" \"table\" }}select 2 as id"})
	pl := s.plan(nil)
	lease, err := s.hold("one", 7, func(u *run.Tenure) { u.Beat = time.Hour })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.hold("two", 8, nil); err != nil {
		t.Fatal(err)
	}
	r, err := s.apply(context.Background(), pl, func(o *run.Options) { o.RunID, o.Lease = "one", lease })
	if err != nil {
		t.Fatal(err)
	}
	want(t, r, "a canceled")
	if r.Stopped != run.StoppedLease || !hasCode(r.Diags, "lease-lost") {
		t.Errorf("stopped %q: %v", r.Stopped, r.Diags)
	}
	if got := s.rows("select id from dev.a"); !slices.Equal(got, []string{"1"}) {
		t.Errorf("published: %v", got)
	}
}

// TestDeadline: what runs is canceled when the time is over, nothing else begins, and the
// next build does the rest.
func TestDeadline(t *testing.T) {
	s := newShop(t, map[string]string{"models/a.sql": "{{ config \"materialized\" \"table\" }}select 1 as id", "models/b.sql": "-- {{ ref \"a\" }}\n" + endless, "models/c.sql": "select * from {{ ref \"b\" }}"})
	start := time.Now()
	r := s.build(func(o *run.Options) { o.Deadline = time.Second })
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	if r.OK() || r.Stopped != run.StoppedDeadline || !hasCode(r.Diags, "deadline-reached") {
		t.Errorf("stopped %q: %v", r.Stopped, r.Diags)
	}
	want(t, r, "a done", "b canceled", "c skipped because of b")
	if got := s.rows("select verdict from _engine.runs"); !slices.Equal(got, []string{run.StoppedDeadline}) {
		t.Errorf("recorded: %v", got)
	}
	s.write(map[string]string{"models/b.sql": "-- {{ ref \"a\" }}\n{{ config \"materialized\" \"table\" }}select 1 as n"})
	want(t, s.build(func(o *run.Options) { o.Deadline = time.Hour }), "b done", "c done")
}

package run

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/plan"
)

// TestOutlook plays a run of a chain a → b beside c, expected to take 10, 4 and 3 seconds.
func TestOutlook(t *testing.T) {
	node := func(name string) addr.Node { return addr.Node{Kind: addr.Model, Name: name} }
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p := &plan.Plan{Actions: []*plan.Action{
		{Node: node("a"), Verb: plan.Replace, Millis: 10_000},
		{Node: node("b"), Verb: plan.Replace, Millis: 4_000, Deps: []addr.Node{node("a")}},
		{Node: node("c"), Verb: plan.Replace, Millis: 3_000},
	}}
	o := NewOutlook(p, 1)
	at := func(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }
	rest := func(s float64, want float64, path ...string) {
		t.Helper()
		r := o.Rest(at(s))
		if got := r.Time.Round(10 * time.Millisecond).Seconds(); !r.Known && want > 0 || got != want {
			t.Errorf("after %v s: %v s are left (known: %v), want %v", s, got, r.Known, want)
		}
		var names []string
		for _, n := range r.Path {
			names = append(names, n.Name)
		}
		if d := cmp.Diff(path, names); d != "" {
			t.Errorf("after %v s: %s", s, d)
		}
	}
	rest(0, 17, "a", "b")
	o.Event(Event{Kind: NodeStarted, Node: node("a"), At: at(0)})
	rest(4, 13, "a", "b")
	// It takes twice as long: so, to a part, will the others.
	o.Event(Event{Kind: NodeEnded, Node: node("a"), At: at(20), Result: &NodeResult{Status: Done, Start: at(0), End: at(20)}})
	rest(20, 9.59, "b") // 7 s × (20+17)/(10+17): the expectation of the three counts beside what was seen
	o.Event(Event{Kind: NodeEnded, Node: node("b"), At: at(20), Result: &NodeResult{Status: Skipped}})
	o.Event(Event{Kind: NodeEnded, Node: node("b"), At: at(20), Result: &NodeResult{Status: Skipped}})
	o.Event(Event{Kind: NodeStarted, Node: node("c"), At: at(20)})
	if d, ok := o.Expected(node("c")); !ok || d != 3*time.Second {
		t.Errorf("Expected(c) = %v, %v", d, ok)
	}
	if _, ok := o.Expected(node("x")); ok {
		t.Error("Expected knows a node that the plan has not")
	}
	o.Event(Event{Kind: NodeEnded, Node: node("c"), At: at(23), Result: &NodeResult{Status: Done, Start: at(20), End: at(23)}})
	if r := o.Rest(at(23)); r.Known || r.Time != 0 || r.Path != nil {
		t.Errorf("at the end %+v is left", r)
	}
}

// TestOutlookOfTheUnknown: without history nothing is said until some actions are over; then
// their pace counts.
func TestOutlookOfTheUnknown(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p := &plan.Plan{}
	for i := range 100 {
		p.Actions = append(p.Actions, &plan.Action{Node: addr.Node{Kind: addr.Model, Name: fmt.Sprint(i)}, Verb: plan.Create})
	}
	o := NewOutlook(p, 4)
	if r := o.Rest(start); r.Known {
		t.Errorf("%v is left of a run of which nothing is known", r.Time)
	}
	now := start
	for i := range 40 {
		id := p.Actions[i].Node
		o.Event(Event{Kind: NodeStarted, Node: id, At: now})
		end := now.Add(2 * time.Second)
		o.Event(Event{Kind: NodeEnded, Node: id, At: end, Result: &NodeResult{Status: Done, Start: now, End: end}})
	}
	if r := o.Rest(now.Add(2 * time.Second)); !r.Known || r.Time < 27*time.Second || r.Time > 31*time.Second {
		t.Errorf("60 actions of about two seconds in four slots: %v is left (known: %v), want about 29 s", r.Time, r.Known)
	}
}

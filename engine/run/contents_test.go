package run

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/state"
)

// TestLaddersOfViews: views over views over views are named once each, however many ways
// lead through them, and anew when what they read changes.
func TestLaddersOfViews(t *testing.T) {
	model := func(name string, i int) addr.Node {
		return addr.Node{Kind: addr.Model, Name: fmt.Sprint(name, i)}
	}
	all := compile.Reading{All: true}
	base := model("base", 0)
	p := &plan.Plan{Contents: map[addr.Node]state.Content{base: {Rows: "h"}}, Live: map[addr.Node]*plan.Naming{}}
	below := map[addr.Node]compile.Reading{base: all}
	const rungs = 40
	for i := range rungs {
		left, right := model("left", i), model("right", i)
		p.Live[left] = &plan.Naming{Rows: plan.Part{Hash: "l", Reads: below}, Made: "r1"}
		p.Live[right] = &plan.Naming{Rows: plan.Part{Hash: "r", Reads: below}, Made: "r1"}
		below = map[addr.Node]compile.Reading{left: all, right: all}
	}
	c := newContents(p, "r2")
	top := model("left", rungs-1)
	read := func() string {
		t.Helper()
		out := make(chan string, 1)
		go func() { out <- c.digest(top, all) }()
		select {
		case d := <-out:
			return d
		case <-time.After(20 * time.Second):
			t.Fatal("40 diamonds take more than 20 seconds")
			return ""
		}
	}
	first := read()
	if first == "" || read() != first {
		t.Errorf("the name is %q, then %q", first, read())
	}
	c.put(base, state.Content{Rows: "other"})
	if got := read(); got == first || got == "" {
		t.Errorf("the name stays %q when what is below changes", got)
	}
	c.put(base, state.Content{Rows: "h"})
	if got := read(); got != first {
		t.Errorf("the name is %q, and was %q", got, first)
	}
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for range 50 {
				if i == 0 {
					c.put(base, state.Content{Rows: "h"})
				} else if c.digest(top, all) != first {
					t.Error("the name changes with nothing below")
				}
			}
		})
	}
	wait.Wait()
}

// TestMoments: records about a node get later times, one after the other, whatever the
// clock says.
func TestMoments(t *testing.T) {
	at := time.Date(2026, 3, 14, 12, 0, 0, 123456789, time.UTC)
	r := &runner{options: Options{Now: func() time.Time { return at }}}
	node, other := addr.Node{Kind: addr.Model, Name: "m"}, addr.Node{Kind: addr.Model, Name: "n"}
	for _, c := range []struct {
		of    *plan.Action
		clock time.Time
		want  time.Time
	}{
		{&plan.Action{Node: other}, at, at.Truncate(time.Microsecond)},
		{&plan.Action{Node: node, After: at.Add(time.Hour)}, at, at.Add(time.Hour).Truncate(time.Microsecond).Add(time.Microsecond)},
		{&plan.Action{Node: node, After: at.Add(time.Hour)}, at, at.Add(time.Hour).Truncate(time.Microsecond).Add(2 * time.Microsecond)},
		{&plan.Action{Node: node, After: at.Add(time.Hour)}, at.Add(2 * time.Hour), at.Add(2 * time.Hour).Truncate(time.Microsecond)},
		{&plan.Action{Node: other}, at, at.Truncate(time.Microsecond).Add(time.Microsecond)},
	} {
		r.options.Now = func() time.Time { return c.clock }
		if got := r.moment(c.of); !got.Equal(c.want) {
			t.Errorf("%s is %s, want %s", c.of.Node.Name, got, c.want)
		}
	}
}

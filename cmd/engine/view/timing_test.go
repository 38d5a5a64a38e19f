package view

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/schedule"
)

// timed is a run of 46 seconds in four slots.
func timed() *run.Timing {
	step := func(name string, ready, start, end int) run.TimingStep {
		return run.TimingStep{Node: model(name), Ready: time.Duration(ready) * time.Second, Start: time.Duration(start) * time.Second, End: time.Duration(end) * time.Second, Warehouse: time.Duration(end-start) * time.Second}
	}
	stg, orders, report, side := step("stg_orders", 0, 0, 12), step("orders", 12, 15, 35), step("report", 35, 37, 46), step("side", 0, 0, 15)
	orders.Wait, orders.Behind, orders.Expected = schedule.Slot, side.Node, 18*time.Second
	report.Wait = schedule.BackOff
	late := step("orders", 35, 35, 36)
	late.Late = true
	return &run.Timing{
		Makespan: 46 * time.Second, Slots: 2, Peak: 2, Busy: 57 * time.Second, Idle: 35 * time.Second, Warehouse: 56 * time.Second, Own: time.Second,
		Longest: 41 * time.Second, Bound: 41 * time.Second, Waiting: map[schedule.Reason]time.Duration{schedule.Slot: 3 * time.Second, schedule.BackOff: 2 * time.Second}, Bursts: 1,
		Path: []run.TimingStep{stg, orders, report}, Steps: []run.TimingStep{stg, orders, late, report, side},
	}
}

func TestTimingLine(t *testing.T) {
	got := Screen{Unicode: true}.timing(timed(), false)
	want := "critical path 41.0s of 46.0s: stg_orders 12.0s → orders 20.0s → report 9.00s; slots busy 62 %; waiting for a slot 3.00s; waiting because the warehouse asked for it 2.00s\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name, change := range map[string]func(*run.Timing) *run.Timing{
		"nothing":  func(*run.Timing) *run.Timing { return nil },
		"no nodes": func(t *run.Timing) *run.Timing { t.Steps = nil; return t },
		"one node": func(t *run.Timing) *run.Timing { t.Steps = t.Steps[:1]; return t },
		"a moment": func(t *run.Timing) *run.Timing { t.Makespan = time.Second / 2; return t },
	} {
		if got := (Screen{}).timing(change(timed()), false); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestTimingOfALongPath(t *testing.T) {
	tm := timed()
	tm.Path = nil
	for i, took := range []int{1, 9, 2, 8, 8, 3, 7, 8} {
		tm.Path = append(tm.Path, run.TimingStep{Node: model(string(rune('a' + i))), End: time.Duration(took) * time.Second})
	}
	got, _, _ := strings.Cut(Screen{}.timing(tm, false), ";")
	if want := "critical path 46.0s of 46.0s: ... -> b 9.00s -> ... -> d 8.00s -> e 8.00s -> ... -> g 7.00s -> h 8.00s"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestFullTiming(t *testing.T) {
	want := `
where the time went
  time      46.0s from the first node to the last; in as many slots at least 41.0s
  path      41.0s of 46.0s: stg_orders 12.0s -> orders 20.0s -> report 9.00s
            waiting for a slot 3.00s, waiting because the warehouse asked for it 2.00s
  chain     the longest chain of dependencies took 41.0s: no number of slots makes the run shorter
  slots     2, at most 2 taken; busy 62 %, free 38 %
  busy      57.0s: the warehouse 98 %, the engine 2 %
  queue     waiting for a slot 3.00s, waiting because the warehouse asked for it 2.00s, all nodes together
  limits    the warehouse asked 1 time for less at once

    | node            |  from |  took | expected | warehouse | waited | for
 ---+-----------------+-------+-------+----------+-----------+--------+---------------------
  * | stg_orders      | 0.00s | 12.0s |          |     12.0s |        |
    | side            | 0.00s | 15.0s |          |     15.0s |        |
  * | orders          | 15.0s | 20.0s |    18.0s |     20.0s |  3.00s | a slot, behind side
    | tests of orders | 35.0s | 1.00s |          |     1.00s |        |
  * | report          | 37.0s | 9.00s |          |     9.00s |  2.00s | the warehouse
`
	if diff := cmp.Diff(want, Screen{}.timing(timed(), true)); diff != "" {
		t.Error(diff)
	}
}

func TestTimingDocument(t *testing.T) {
	b, err := json.Marshal(timingOf(timed(), false))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"makespan_seconds":46,"best_seconds":41,"longest_path_seconds":41,"slots":2,"slots_used":2,"busy_seconds":57,"warehouse_seconds":56,"engine_seconds":1,"idle_seconds":35,` +
		`"waiting_seconds":{"back_off":2,"slot":3},"rate_limits":1,"critical_path":[{"node":"model.stg_orders","ready":0,"start":0,"seconds":12,"warehouse_seconds":12,"slot":0},` +
		`{"node":"model.orders","ready":12,"start":15,"seconds":20,"expected_seconds":18,"warehouse_seconds":20,"waited_for":"slot","behind":"model.side","slot":0},` +
		`{"node":"model.report","ready":35,"start":37,"seconds":9,"warehouse_seconds":9,"waited_for":"back_off","slot":0}]}`
	if diff := cmp.Diff(want, string(b)); diff != "" {
		t.Error(diff)
	}
	if full := timingOf(timed(), true); len(full.Nodes) != 5 || !full.Nodes[2].Tests {
		t.Errorf("%+v", full.Nodes)
	}
	if timingOf(nil, true) != nil || timingOf(&run.Timing{}, true) != nil {
		t.Error("a run in which nothing ran has a timing")
	}
}

// TestLateTest: what a test finds after its node was shown stands in a line of its own.
func TestLateTest(t *testing.T) {
	a := &plan.Action{Node: model("orders"), Tests: []plan.Test{{ID: addr.Node{Kind: addr.Test, Name: "late"}, Late: true}, {ID: addr.Node{Kind: addr.Test, Name: "early"}}}}
	var out bytes.Buffer
	h := NewHuman(Screen{Out: &out}, RunOptions{Jobs: 1}, &plan.Plan{Actions: []*plan.Action{a}})
	for _, name := range []string{"late", "early"} {
		h.Event(run.Event{Kind: run.TestEnded, Action: a, Test: &run.TestResult{ID: addr.Node{Kind: addr.Test, Name: name}, Status: run.Warned, Failures: 3}})
	}
	if got := strings.TrimSpace(out.String()); !strings.Contains(got, "test late  3 failing rows of orders") || strings.Contains(got, "early") {
		t.Errorf("%q", got)
	}
}

package run

import (
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/schedule"
)

// Timing says where the time of a run went, from its first action to its last: what comes
// before (schemas, hooks) and after (hooks, records) is not in it. Times of several slots
// together are slot times: twice as long where two are busy.
type Timing struct {
	// Makespan is the time of the clock, in Slots slots, of which at most Peak were taken.
	Makespan    time.Duration
	Slots, Peak int
	// Busy is the slot time in which actions and their tests ran, Idle the rest.
	Busy, Idle time.Duration
	// Warehouse is how much of Busy the engine waited for the warehouse, Own the rest of it.
	Warehouse, Own time.Duration
	// Longest is the longest chain of dependencies, as long as its actions took: no number of
	// slots could have made the run shorter.
	Longest time.Duration
	// Bound is the least that the same actions could have taken in the same slots: Longest, or
	// Busy by Slots.
	Bound time.Duration
	// Waiting is the time that actions were ready and did not run, by reason.
	Waiting map[schedule.Reason]time.Duration
	// Bursts counts how often the warehouse asked for less at once.
	Bursts int
	// Path is the chain that ended last: each action became ready with the end of the one
	// before. Its durations and the times that it waited make up the makespan.
	Path []TimingStep
	// Steps are all actions that ran, in the order of the plan, each followed by its late tests.
	Steps []TimingStep
}

// TimingStep is one action, or the late tests of one.
type TimingStep struct {
	Node addr.Node
	Late bool // its late tests
	// Ready, Start and End are since the beginning of the first action.
	Ready, Start, End time.Duration
	// Wait says what it waited for from Ready to Start, and Behind which action had it before.
	Wait   schedule.Reason
	Behind addr.Node
	// Expected is how long it was expected to take, 0 if nothing had been learned.
	Expected time.Duration
	// Warehouse is how long the engine waited for the warehouse, statements that ran side by
	// side added up.
	Warehouse time.Duration
	Slot      int
}

// Took is how long the step ran.
func (s TimingStep) Took() time.Duration { return s.End - s.Start }

// Waited is how long the step was ready before.
func (s TimingStep) Waited() time.Duration { return s.Start - s.Ready }

// timing sums up the schedule. Nothing runs any more.
func (r *runner) timing(result *Result) *Timing {
	g := r.agenda
	report := r.board.of.Report()
	spans := r.board.of.Spans()
	t := &Timing{
		Makespan: report.Makespan, Slots: report.Slots, Peak: report.Peak, Busy: report.Busy, Idle: report.Idle,
		Longest: report.Longest, Bound: report.Bound(), Waiting: report.Waiting, Bursts: report.Bursts,
	}
	step := func(task int) TimingStep {
		span, i := spans[task], g.action[task]
		out := TimingStep{Node: r.plan.Actions[i].Node, Late: g.late(task), Ready: span.Ready, Start: span.Start, End: span.End, Wait: span.Wait, Slot: span.Slot}
		if span.Behind >= 0 {
			out.Behind = r.plan.Actions[g.action[span.Behind]].Node
		}
		if g.known[task] {
			out.Expected = g.tasks[task].Expected
		}
		late := map[addr.Node]bool{}
		for _, test := range r.plan.Actions[i].Tests {
			late[test.ID] = test.Late
		}
		if !out.Late {
			out.Warehouse = result.Nodes[i].Usage.Time
		}
		for _, test := range result.Nodes[i].Tests {
			if late[test.ID] == out.Late {
				out.Warehouse += test.Usage.Time
			}
		}
		return out
	}
	behind := make(map[int]int, len(g.tasks)-len(r.plan.Actions)) // the late tests of an action
	for task := len(r.plan.Actions); task < len(g.tasks); task++ {
		behind[g.action[task]] = task
	}
	for i := range r.plan.Actions {
		if spans[i].Ran {
			t.Steps = append(t.Steps, step(i))
		}
		if late, ok := behind[i]; ok && spans[late].Ran {
			t.Steps = append(t.Steps, step(late))
		}
	}
	for _, s := range t.Steps {
		t.Warehouse += s.Warehouse
	}
	t.Warehouse = min(t.Warehouse, t.Busy)
	t.Own = t.Busy - t.Warehouse
	for _, task := range report.Path {
		t.Path = append(t.Path, step(task))
	}
	return t
}

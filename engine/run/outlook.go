package run

import (
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/schedule"
)

// Outlook follows a run by its events and says how long the rest will take. It is not safe
// for concurrent use.
type Outlook struct {
	plan     *plan.Plan
	agenda   *agenda
	index    map[addr.Node]int // of actions
	progress []schedule.Progress
	since    []time.Time
	left     int // actions that are not over

	// Of actions that ran to their end: how long they took, and were expected to.
	ended          int
	took, expected time.Duration
	// known and all are the expected work of which something was learned, and the whole.
	known, all time.Duration
}

// NewOutlook is that of a run of p with jobs workers that has not begun.
func NewOutlook(p *plan.Plan, jobs int) *Outlook {
	g := agendaOf(p, jobs)
	o := &Outlook{plan: p, agenda: g, index: make(map[addr.Node]int, len(p.Actions)), progress: make([]schedule.Progress, len(g.tasks)), since: make([]time.Time, len(g.tasks)), left: len(p.Actions)}
	for i, a := range p.Actions {
		o.index[a.Node] = i
		o.all += g.tasks[i].Expected
		if g.known[i] {
			o.known += g.tasks[i].Expected
		}
	}
	// Nothing is known of how long late tests take, and nothing waits for them.
	for i := len(p.Actions); i < len(g.tasks); i++ {
		o.progress[i].Over = true
	}
	return o
}

// Event takes note of an event of the run.
func (o *Outlook) Event(e Event) {
	i, ok := o.index[e.Node]
	if !ok {
		return
	}
	switch e.Kind {
	case NodeStarted:
		o.progress[i].Running, o.since[i] = true, e.At
	case NodeEnded:
		if o.progress[i].Over {
			return
		}
		o.progress[i] = schedule.Progress{Over: true}
		o.left--
		if n := e.Result; n != nil && (n.Status == Done || n.Status == Warned || n.Status == Failed) {
			o.ended++
			o.took += n.End.Sub(n.Start)
			o.expected += o.agenda.tasks[i].Expected
		}
	case RunStarted, TestEnded, RunEnded, HookStarted, HookEnded:
	}
}

// Expected is how long a node is expected to take by what earlier runs have taught; ok is
// false where they have taught nothing of it.
func (o *Outlook) Expected(n addr.Node) (d time.Duration, ok bool) {
	i, ok := o.index[n]
	if !ok || !o.agenda.known[i] {
		return 0, false
	}
	return o.agenda.tasks[i].Expected, true
}

// Rest is what is left of a run.
type Rest struct {
	// Time is until the end of the last action. Known is false while it would be a guess out
	// of nothing: no durations of earlier runs, and hardly an action over.
	Time  time.Duration
	Known bool
	// Path is the chain of dependencies that takes longest of what is left.
	Path []addr.Node
}

const (
	// enough is how many actions have to be over before their pace alone counts as knowledge.
	enough = 5
	// prior is for how many actions the expectation counts beside what this run has shown.
	prior = 3
	// Other loads of the machine, or data that has grown, make a whole run slower; a factor
	// beyond these is a few odd actions.
	slowest, fastest = 8.0, 0.125
)

// Rest simulates what is left, at the pace that this run has shown so far. It takes time by
// the size of the plan: about ten milliseconds for ten thousand actions.
func (o *Outlook) Rest(now time.Time) Rest {
	for i := range o.progress {
		if o.progress[i].Running {
			o.progress[i].Elapsed = max(now.Sub(o.since[i]), 0)
		}
	}
	pace := o.pace()
	tasks := make([]schedule.Task, len(o.agenda.tasks))
	copy(tasks, o.agenda.tasks)
	for i := range tasks {
		tasks[i].Expected = time.Duration(float64(tasks[i].Expected) * pace)
	}
	f, err := schedule.Rest(tasks, o.agenda.limits, o.progress)
	if err != nil {
		return Rest{} // a circle, which Apply reports
	}
	r := Rest{Time: f.Makespan, Known: o.left > 0 && (2*o.known >= o.all || o.ended >= enough)}
	for _, task := range f.LongestPath {
		r.Path = append(r.Path, o.plan.Actions[o.agenda.action[task]].Node)
	}
	return r
}

// pace is how much longer actions take than expected.
func (o *Outlook) pace() float64 {
	if len(o.index) == 0 || o.all <= 0 {
		return 1
	}
	weight := prior * float64(o.all) / float64(len(o.index))
	return min(max((float64(o.took)+weight)/(float64(o.expected)+weight), fastest), slowest)
}

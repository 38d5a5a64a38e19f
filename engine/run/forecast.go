package run

import (
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/schedule"
)

// Forecast is how long a plan is expected to take.
type Forecast struct {
	// Makespan is the time from the first action to the end of the last, with Jobs workers.
	Makespan time.Duration
	// Critical is the longest chain of dependencies: what the run would take with any number
	// of workers.
	Critical time.Duration
	// Work is the sum over all actions.
	Work time.Duration
	Jobs int
	// Path is the longest chain, in order.
	Path []ForecastStep
	// Guessed counts the actions of which nothing was learned: they are taken for as long as
	// what they read suggests, or as others of their kind.
	Guessed int
	Actions int
}

// ForecastStep is one action of the longest chain.
type ForecastStep struct {
	Node    addr.Node
	Took    time.Duration // as expected
	Guessed bool
}

// Predict simulates a run of p with jobs workers: the durations are those of earlier runs,
// the order is that of Apply. A plan whose actions wait for each other in a circle has no
// makespan; Apply reports it.
func Predict(p *plan.Plan, jobs int) Forecast {
	g := agendaOf(p, jobs)
	f := Forecast{Jobs: g.limits.Slots, Actions: len(p.Actions)}
	for i := range p.Actions {
		f.Work += g.tasks[i].Expected
		if !g.known[i] {
			f.Guessed++
		}
	}
	made, err := schedule.Predict(g.tasks, g.limits)
	if err != nil {
		return f
	}
	f.Makespan, f.Critical = made.Makespan, made.Longest
	for _, i := range made.LongestPath {
		if !g.late(i) {
			f.Path = append(f.Path, ForecastStep{Node: p.Actions[i].Node, Took: g.tasks[i].Expected, Guessed: !g.known[i]})
		}
	}
	return f
}

package view

import (
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
)

// estimate guesses the time left from what nodes took in earlier runs; nodes that never
// ran are taken for average.
type estimate struct {
	waiting map[addr.Node]time.Duration // not finished; 0 where nothing was learned
	jobs    int
	sum     time.Duration // of the nodes finished in this run
	count   int
}

func newEstimate(p *plan.Plan, jobs int) estimate {
	e := estimate{waiting: make(map[addr.Node]time.Duration, len(p.Actions)), jobs: max(jobs, 1)}
	for _, a := range p.Actions {
		e.waiting[a.Node] = time.Duration(a.Millis) * time.Millisecond
	}
	return e
}

func (e *estimate) finished(n *run.NodeResult) {
	delete(e.waiting, n.Node)
	if n.Status == run.Done || n.Status == run.Warned || n.Status == run.Failed {
		e.sum += n.End.Sub(n.Start)
		e.count++
	}
}

// left is the time left; ok is false while there is nothing to guess from.
func (e *estimate) left(now time.Time, active []running) (time.Duration, bool) {
	if len(e.waiting) == 0 {
		return 0, false
	}
	average, known := e.average()
	if !known {
		return 0, false
	}
	var total, longest time.Duration
	for _, d := range e.waiting {
		if d == 0 {
			d = average
		}
		total += d
	}
	for _, r := range active {
		d, elapsed := e.waiting[r.node], now.Sub(r.since)
		if d == 0 {
			d = average
		}
		total -= min(d, elapsed)
		longest = max(longest, d-elapsed)
	}
	return max(total/time.Duration(e.jobs), longest), true
}

// average is the mean duration of this run's finished nodes, or of what was learned.
func (e *estimate) average() (time.Duration, bool) {
	if e.count >= 3 {
		return e.sum / time.Duration(e.count), true
	}
	var sum time.Duration
	n := 0
	for _, d := range e.waiting {
		if d > 0 {
			sum += d
			n++
		}
	}
	if n == 0 {
		return 0, false
	}
	return sum / time.Duration(n), true
}

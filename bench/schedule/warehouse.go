package main

import (
	"container/heap"
	"time"

	"github.com/engine-build/engine/engine/schedule"
)

// policy decides what to start next.
type policy interface {
	next(now time.Duration) (task int, ok bool)
	finish(task int, now time.Duration)
	// limited hears that the warehouse refused a statement, which is sent again after wait.
	limited(now, wait time.Duration)
	wake(now time.Duration) (at time.Duration, ok bool)
}

// warehouse is what statements are sent to.
type warehouse struct {
	latency time.Duration // between the decision to start and the beginning of the work, and back
	// most is how many statements it takes at once; another one is refused, and its sender
	// tries again later, each time after twice as long. 0 takes all.
	most int
	// shared: the slots are shared by all statements that run, each having at most one.
	shared int
}

// outcome is what a run came to.
type outcome struct {
	makespan time.Duration
	refused  int
	peak     int
}

type eventKind int

const (
	arrives eventKind = iota // a statement, or another try of it
	ends
	asks // the policy wanted to be asked
)

type event struct {
	at   time.Duration
	kind eventKind
	task int
	try  int
	seq  int
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	if e[i].at != e[j].at {
		return e[i].at < e[j].at
	}
	return e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// run lets a policy build a project. It panics when a node begins before its parents are
// over, or never: then the policy, or the simulation, is wrong.
func (w warehouse) run(p *project, by policy) outcome {
	if w.shared > 0 {
		return w.fair(p, by)
	}
	var queue events
	var out outcome
	seq, running, over := 0, 0, 0
	done := make([]bool, len(p.tasks))
	push := func(e event) { seq++; e.seq = seq; heap.Push(&queue, e) }
	ask := func(now time.Duration) {
		for {
			i, ok := by.next(now)
			if !ok {
				break
			}
			for _, parent := range p.tasks[i].After {
				if !done[parent] {
					panic("a node begins before its parents are over")
				}
			}
			push(event{at: now + w.latency, kind: arrives, task: i})
		}
		if at, ok := by.wake(now); ok {
			push(event{at: at, kind: asks})
		}
	}
	ask(0)
	for len(queue) > 0 {
		e := heap.Pop(&queue).(event)
		switch e.kind {
		case arrives:
			if w.most > 0 && running >= w.most {
				wait := min(time.Second<<min(e.try, 10), 32*time.Second)
				out.refused++
				by.limited(e.at, wait)
				push(event{at: e.at + wait, kind: arrives, task: e.task, try: e.try + 1})
				continue
			}
			running++
			out.peak = max(out.peak, running)
			push(event{at: e.at + p.actual[e.task], kind: ends, task: e.task})
			continue
		case ends:
			running--
			over++
			done[e.task] = true
			out.makespan = e.at + w.latency
			by.finish(e.task, e.at+w.latency)
			// Ends of the same moment are heard together.
			for len(queue) > 0 && queue[0].kind == ends && queue[0].at == e.at {
				e = heap.Pop(&queue).(event)
				running--
				over++
				done[e.task] = true
				by.finish(e.task, e.at+w.latency)
			}
			ask(e.at + w.latency)
			continue
		case asks:
		}
		ask(e.at)
	}
	if over != len(p.tasks) {
		panic("a node never begins")
	}
	return out
}

// fair shares the slots among all statements that run: with n of them and fewer slots, each
// goes on at slots/n of its speed.
func (w warehouse) fair(p *project, by policy) outcome {
	left := map[int]float64{}
	var out outcome
	now, over := 0.0, 0
	ask := func() {
		for {
			i, ok := by.next(time.Duration(now))
			if !ok {
				return
			}
			left[i] = float64(p.actual[i] + 2*w.latency)
		}
	}
	for ask(); len(left) > 0; ask() {
		out.peak = max(out.peak, len(left))
		speed := min(1, float64(w.shared)/float64(len(left)))
		first, least := -1, 0.0
		for i, l := range left {
			if first < 0 || l < least || l == least && i < first {
				first, least = i, l
			}
		}
		now += least / speed
		for i := range left {
			left[i] -= least
		}
		delete(left, first)
		over++
		by.finish(first, time.Duration(now))
	}
	if over != len(p.tasks) {
		panic("a node never begins")
	}
	out.makespan = time.Duration(now)
	return out
}

// engine is the engine's own scheduler.
type engine struct{ *schedule.Schedule }

func newEngine(p *project) policy {
	s, err := schedule.New(p.tasks, schedule.Limits{Slots: p.slots})
	if err != nil {
		panic(err) // the graphs here have no cycles
	}
	return engine{s}
}

func (e engine) next(now time.Duration) (int, bool)           { return e.Next(now) }
func (e engine) finish(task int, now time.Duration)           { e.Finish(task, now) }
func (e engine) limited(now, wait time.Duration)              { e.Limited(now, wait) }
func (e engine) wake(now time.Duration) (time.Duration, bool) { return e.Wake(now) }

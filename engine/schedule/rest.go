package schedule

import (
	"fmt"
	"time"
)

// Progress is how far a task has come.
type Progress struct {
	Over    bool          // it has ended, or will never run
	Running bool          // it has begun
	Elapsed time.Duration // how long it has been running
}

// overrun is the part of its time so far that a task is taken to need still when it runs for
// longer than expected: what took long will, as a rule, not end this moment.
const overrun = 8

// Rest simulates what is left of a run, as Predict does with a whole one. Times in the answer
// are since now, and indexes are those of tasks; spans of tasks that are over are zero. Tasks
// that run go on running: they have their slots already. The error is that of New, or a list
// of another length.
func Rest(tasks []Task, l Limits, at []Progress) (Forecast, error) {
	if len(at) != len(tasks) {
		return Forecast{}, fmt.Errorf("the progress of %d tasks is given for %d", len(at), len(tasks))
	}
	index := make([]int, len(tasks)) // in left
	var names []int                  // the task of each of left
	for i := range tasks {
		index[i] = -1
		if !at[i].Over {
			index[i] = len(names)
			names = append(names, i)
		}
	}
	left := make([]Task, len(names))
	for k, i := range names {
		t := tasks[i]
		after := make([]int, 0, len(t.After))
		if at[i].Running {
			t.Expected = max(t.Expected-at[i].Elapsed, at[i].Elapsed/overrun)
			t.Late = false
		} else {
			for _, p := range t.After {
				if p < 0 || p >= len(tasks) {
					return Forecast{}, fmt.Errorf("task %d comes after %d, which is not one of %d", i, p, len(tasks))
				}
				if index[p] >= 0 {
					after = append(after, index[p])
				}
			}
		}
		t.After = after
		left[k] = t
	}
	s, err := New(left, l)
	if err != nil {
		return Forecast{}, err
	}
	for k, i := range names {
		if at[i].Running {
			s.rank[k] -= len(names)
		}
	}
	ready := s.ready.items
	s.ready.items = nil
	for _, k := range ready {
		s.ready.push(k)
	}
	simulate(s)
	out := Forecast{Report: s.Report(), Spans: make([]Span, len(tasks))}
	for k, i := range names {
		out.Spans[i] = s.spans[k]
		for _, ref := range []*int{&out.Spans[i].Previous, &out.Spans[i].Behind} {
			if *ref >= 0 {
				*ref = names[*ref]
			}
		}
	}
	for _, path := range [][]int{out.Path, out.LongestPath} {
		for k := range path {
			path[k] = names[path[k]]
		}
	}
	return out, nil
}

package schedule

import (
	"slices"
	"time"
)

// Report says where the time of a run went. Times are slot times where they are sums over
// several slots, and times of the clock otherwise.
type Report struct {
	Slots    int
	Peak     int           // most slots taken at once
	Makespan time.Duration // from the beginning to the end of the last task
	// Busy is the time that tasks held slots, Idle the rest of Slots × Makespan.
	Busy, Idle time.Duration
	// Longest is the longest path by the durations that the tasks really had: with any number
	// of slots the run could not have been shorter.
	Longest time.Duration
	// LongestPath is that path, from its beginning.
	LongestPath []int
	// Waiting sums up the time that tasks were ready and did not run, by reason.
	Waiting map[Reason]time.Duration
	// Bursts counts how often the warehouse asked for less.
	Bursts int
	// Path is the chain that ended last: each task was made ready by the end of the one before.
	// The time between is that in which it waited.
	Path []int
}

// Bound is the least time in which the same tasks could have run in the same slots, as far
// as can be told without trying: the longest path, or the work divided by the slots.
func (r Report) Bound() time.Duration {
	return max(r.Longest, r.Busy/time.Duration(max(r.Slots, 1)))
}

// Report sums up what happened so far.
func (s *Schedule) Report() Report {
	r := Report{Slots: s.limits.Slots, Peak: s.peak, Busy: s.borrowed, Waiting: map[Reason]time.Duration{}, Bursts: s.bursts}
	last, longest := -1, -1
	tail, before := make([]time.Duration, len(s.tasks)), make([]int, len(s.tasks)) // of the longest path that ends with a task
	for _, i := range s.order {
		span := &s.spans[i]
		before[i] = -1
		for _, p := range s.tasks[i].After {
			if before[i] < 0 || tail[p] > tail[i] || tail[p] == tail[i] && p < before[i] {
				before[i], tail[i] = p, tail[p]
			}
		}
		if !span.Ran {
			continue
		}
		tail[i] += span.End - span.Start
		if longest < 0 || tail[i] > r.Longest || tail[i] == r.Longest && i < longest {
			r.Longest, longest = tail[i], i
		}
		r.Busy += span.End - span.Start
		if wait := span.Start - span.Ready; wait > 0 {
			r.Waiting[span.Wait] += wait
		}
		if last < 0 || span.End > s.spans[last].End || span.End == s.spans[last].End && i < last {
			last = i
		}
	}
	if last >= 0 {
		r.Makespan = s.spans[last].End
	}
	r.Idle = max(time.Duration(r.Slots)*r.Makespan-r.Busy, 0)
	for i := last; i >= 0; i = s.spans[i].Previous {
		r.Path = append(r.Path, i)
	}
	for i := longest; i >= 0; i = before[i] {
		if s.spans[i].Ran {
			r.LongestPath = append(r.LongestPath, i)
		}
	}
	slices.Reverse(r.Path)
	slices.Reverse(r.LongestPath)
	return r
}

// Forecast is what a simulation with the expected durations says of a run.
type Forecast struct {
	Report
	Spans []Span
}

// Predict simulates tasks within limits. The error is that of New.
func Predict(tasks []Task, l Limits) (Forecast, error) {
	s, err := New(tasks, l)
	if err != nil {
		return Forecast{}, err
	}
	simulate(s)
	return Forecast{Report: s.Report(), Spans: s.spans}, nil
}

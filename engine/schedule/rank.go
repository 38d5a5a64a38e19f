package schedule

import (
	"cmp"
	"slices"
	"time"
)

// ranks is the order of preference: each task's position in it. A task goes before
// another if more time follows it: the longest path that begins with it, which is what has
// to happen one after the other (HLFET: highest level first, estimated times), plus the work
// behind it spread over the slots, so that of two tasks with paths of one length the one
// goes first that makes more others ready. Among equals the lower number goes first.
func (g *graph) ranks(slots int) []int {
	path, behind := make([]float64, len(g.tasks)), make([]float64, len(g.tasks))
	weight := make([]float64, len(g.tasks))
	for _, i := range slices.Backward(g.order) {
		own := float64(g.tasks[i].expected())
		for _, c := range g.children[i] {
			path[i] = max(path[i], path[c])
		}
		path[i] += own
		behind[i] += own
		// What several tasks have behind them counts for each in equal parts: the exact sets
		// would take the square of the graph.
		for _, p := range g.tasks[i].After {
			behind[p] += behind[i] / float64(len(g.tasks[i].After))
		}
		weight[i] = path[i] + behind[i]/float64(max(slots, 1))
	}
	order := make([]int, len(g.tasks))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(weight[b], weight[a]), cmp.Compare(a, b))
	})
	rank := make([]int, len(order))
	for at, i := range order {
		rank[i] = at
	}
	return rank
}

// simulate lets the tasks take what they are expected to take.
func simulate(s *Schedule) {
	var running ending
	now := time.Duration(0)
	for {
		for {
			i, ok := s.Next(now)
			if !ok {
				break
			}
			running.push(end{now + s.tasks[i].expected(), i})
		}
		if len(running) == 0 {
			return
		}
		first := running.pop()
		now = first.at
		s.Finish(first.task, now)
		for len(running) > 0 && running[0].at == now {
			s.Finish(running.pop().task, now)
		}
	}
}

// end is when a running task will be over.
type end struct {
	at   time.Duration
	task int
}

func (a end) before(b end) bool { return a.at < b.at || a.at == b.at && a.task < b.task }

// ending is a heap of running tasks, the one that ends first at the top.
type ending []end

func (h *ending) push(e end) {
	*h = append(*h, e)
	s := *h
	for at := len(s) - 1; at > 0; {
		up := (at - 1) / 2
		if !s[at].before(s[up]) {
			return
		}
		s[up], s[at] = s[at], s[up]
		at = up
	}
}

func (h *ending) pop() end {
	s := *h
	top, last := s[0], len(s)-1
	s[0] = s[last]
	s = s[:last]
	*h = s
	for at := 0; ; {
		least := at
		for _, down := range [2]int{2*at + 1, 2*at + 2} {
			if down < len(s) && s[down].before(s[least]) {
				least = down
			}
		}
		if least == at {
			return top
		}
		s[least], s[at] = s[at], s[least]
		at = least
	}
}

package main

import (
	"slices"
	"time"
)

// peer is a policy of another tool: a list of what is ready, and which of it goes next.
type peer struct {
	slots    int // 0: as many as are ready
	pending  []int
	children [][]int
	ready    []int // in the order in which it became so
	running  int
	pick     func(ready []int) int // index in ready
	layer    []int                 // only tasks of the lowest layer that is not over begin
	left     []int                 // tasks of each layer that are not over
}

func newPeer(p *project, slots int) *peer {
	out := &peer{slots: slots, pending: make([]int, len(p.tasks)), children: make([][]int, len(p.tasks))}
	for i, t := range p.tasks {
		for _, parent := range t.After {
			out.children[parent] = append(out.children[parent], i)
		}
		if out.pending[i] = len(t.After); out.pending[i] == 0 {
			out.ready = append(out.ready, i)
		}
	}
	return out
}

// levels are the depths of nodes: one more than that of the deepest parent.
func levels(p *project) []int {
	out := make([]int, len(p.tasks))
	for i, t := range p.tasks { // parents have lower numbers
		for _, parent := range t.After {
			out[i] = max(out[i], out[parent]+1)
		}
	}
	return out
}

func (p *peer) next(time.Duration) (int, bool) {
	if p.slots > 0 && p.running >= p.slots || len(p.ready) == 0 {
		return 0, false
	}
	at := p.pick(p.ready)
	i := p.ready[at]
	if p.layer != nil {
		if now := slices.IndexFunc(p.left, func(n int) bool { return n > 0 }); p.layer[i] != now {
			return 0, false
		}
	}
	p.ready = slices.Delete(p.ready, at, at+1)
	p.running++
	return i, true
}

func (p *peer) finish(task int, _ time.Duration) {
	p.running--
	if p.layer != nil {
		p.left[p.layer[task]]--
	}
	for _, c := range p.children[task] {
		if p.pending[c]--; p.pending[c] == 0 {
			p.ready = append(p.ready, c)
		}
	}
}

func (p *peer) limited(time.Duration, time.Duration) {}

func (p *peer) wake(time.Duration) (time.Duration, bool) { return 0, false }

func first([]int) int      { return 0 }
func last(ready []int) int { return len(ready) - 1 }

// least picks by a number of each task, then by the task's own.
func least(by []int) func([]int) int {
	return func(ready []int) int {
		best := 0
		for at, i := range ready {
			if by[i] < by[ready[best]] || by[i] == by[ready[best]] && i < ready[best] {
				best = at
			}
		}
		return best
	}
}

// tool is a named policy on its warehouse.
type tool struct {
	name string
	make func(*project) policy
	// shared: it sends all that is ready, and the warehouse shares its slots.
	shared bool
}

// tools are the engine and its peers. Where the facts come from is in docs/scheduling.md.
var tools = []tool{
	{name: "engine", make: newEngine},
	{name: "dbt 1.x", make: func(p *project) policy { // a priority queue by depth
		out := newPeer(p, p.slots)
		out.pick = least(levels(p))
		return out
	}},
	{name: "dbt v2", make: func(p *project) policy { // the last one that became ready
		out := newPeer(p, p.slots)
		out.pick = last
		return out
	}},
	{name: "Bruin, SQLMesh", make: func(p *project) policy { // the first one
		out := newPeer(p, p.slots)
		out.pick = first
		return out
	}},
	{name: "Rocky", make: func(p *project) policy { // layer by layer
		out := newPeer(p, p.slots)
		out.layer = levels(p)
		out.left = make([]int, slices.Max(out.layer)+1)
		for _, l := range out.layer {
			out.left[l]++
		}
		out.pick = least(out.layer)
		return out
	}},
	{name: "Dataform", shared: true, make: func(p *project) policy { // all at once
		out := newPeer(p, 0)
		out.pick = first
		return out
	}},
}

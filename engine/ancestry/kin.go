package ancestry

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// Kin is a part of the result by things: row i is about Thing[i]. All columns have the
// same length.
type Kin struct {
	Thing []int32
	// Ancestors and Descendants of a thing, nearest first, then by number. Roots are the
	// ancestors that have no ancestors themselves, Leaves the descendants without
	// descendants, in the same order.
	Ancestors, Descendants, Roots, Leaves Lists
	// Depth is the length of the longest path that ends in the thing, Height that of the
	// longest one that begins there, in edges; no more than Options.MaxDepth, if that is
	// set. The edges of a cycle do not count.
	Depth, Height []int32
	// InCycle marks the members of a cycle, under either policy.
	InCycle []bool
}

// Len is the number of rows.
func (k *Kin) Len() int { return len(k.Thing) }

// Lists are as many lists as there are rows: that of row i is Nodes[Offsets[i]:Offsets[i+1]].
type Lists struct {
	Offsets []int
	Nodes   []int32
}

func (l *Lists) reset() { l.Offsets, l.Nodes = append(l.Offsets[:0], 0), l.Nodes[:0] }
func (l *Lists) end()   { l.Offsets = append(l.Offsets, len(l.Nodes)) }

// LimitError says that there are more pairs than Options.MaxPairs.
type LimitError struct {
	Pairs int64 // found so far
	Limit int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("there are more pairs than the limit of %d", e.Limit)
}

// A batch of Kin is sent when it has so many rows or so many elements of lists.
const (
	kinRows     = 1 << 11
	kinElements = 1 << 17
)

// Kin calls emit with a row for every node, by partition, parents before children, under
// the rules of Walk; Options.Paths and Only are not looked at.
//
// The lists of descendants are those of ancestors in the reversed graph. That is walked
// first, from the last node of a partition to its first; the lists are put on a stack, from
// which the walk in the other direction takes them in its own order. So nothing is sorted
// or looked up, and the stack may lie on a disk: 4 bytes for each pair of a partition.
func (g *Graph) Kin(ctx context.Context, o Options, emit func(*Kin) error) error {
	o = o.within()
	o.Paths, o.Only = false, nil
	up := g
	if g.share != nil {
		bare := *g
		bare.share = nil
		up = &bare
	}
	f := &facts{down: up.reversed(), root: make([]bool, g.nodes), leaf: make([]bool, g.nodes)}
	f.depth, f.height = up.longest(o.MaxDepth)
	for v := range int32(g.nodes) {
		u := v
		if g.unit != nil {
			u = g.unit[v]
		}
		alone := g.members[u] == nil
		f.root[v] = alone && len(up.parentsOf(u)) == 0
		f.leaf[v] = alone && len(f.down.parentsOf(u)) == 0
	}
	for _, c := range g.cycles {
		if f.round == nil {
			f.round = make([]bool, g.nodes)
		}
		for _, m := range c.Members {
			f.round[m] = true
		}
	}
	pool := &sync.Pool{New: func() any { return &Kin{} }}
	pairs := new(atomic.Int64)
	return inTurn(ctx, up.parts(o), o.Workers, func() func(context.Context, []int32, chan<- *Kin) error {
		k := &kinWalker{facts: f, up: up, walker: newWalker(up, o, nil), stack: newStack(o), pool: pool, pairs: pairs, limit: o.MaxPairs}
		return k.walk
	}, func(b *Kin) error {
		defer pool.Put(b)
		return emit(b)
	})
}

// longest finds the lengths of the longest path to and from every unit, at most so long.
func (g *Graph) longest(most int) (depth, height []int32) {
	depth, height = make([]int32, g.nodes), make([]int32, g.nodes)
	order := g.inOrder()
	for _, v := range order {
		for _, p := range g.parentsOf(v) {
			depth[v] = max(depth[v], depth[p]+1)
		}
	}
	for _, v := range slices.Backward(order) {
		for _, p := range g.parentsOf(v) {
			height[p] = max(height[p], height[v]+1)
		}
	}
	if most > 0 {
		for v := range depth {
			depth[v], height[v] = min(depth[v], int32(most)), min(height[v], int32(most))
		}
	}
	return depth, height
}

// facts are what all workers know of the nodes.
type facts struct {
	down          *Graph
	root, leaf    []bool
	depth, height []int32 // of units
	round         []bool  // members of cycles; nil: there are none
}

// kinWalker is the memory of one worker.
type kinWalker struct {
	*facts
	up     *Graph
	walker *walker
	stack  *stack
	pool   *sync.Pool
	pairs  *atomic.Int64 // of all workers, counted on the way down
	limit  int64
	out    *Kin
	keys   []uint64 // of the list being sorted
	list   []int32
	below  []int32
}

// walk sends the rows of one part.
func (k *kinWalker) walk(ctx context.Context, wanted []int32, out chan<- *Kin) error {
	defer k.stack.empty()
	var failed error
	w := k.walker
	w.g = k.down
	if !w.visit(ctx, wanted, func(v int32, l list) bool {
		below := k.nearestFirst(l)
		if failed = k.count(v, below); failed == nil {
			failed = k.stack.push(below)
		}
		return failed == nil
	}) {
		return failed
	}
	w.g = k.up
	k.out = k.fresh()
	if !w.visit(ctx, wanted, func(v int32, l list) bool {
		if k.below, failed = k.stack.pop(k.below); failed != nil {
			return false
		}
		above := k.nearestFirst(l)
		members := k.up.members[v]
		if members == nil {
			k.row(v, v, nil, above)
			return k.sendFull(ctx, out)
		}
		for _, m := range members {
			// Each member has all others in its lists, so a cycle is the square of its size.
			if k.row(v, m, members, above); !k.sendFull(ctx, out) {
				return false
			}
		}
		return true
	}) {
		return failed
	}
	if k.out.Len() > 0 {
		k.send(ctx, out)
	}
	return nil
}

func (k *kinWalker) fresh() *Kin {
	b := k.pool.Get().(*Kin)
	b.Thing, b.Depth, b.Height, b.InCycle = b.Thing[:0], b.Depth[:0], b.Height[:0], b.InCycle[:0]
	for _, l := range []*Lists{&b.Ancestors, &b.Descendants, &b.Roots, &b.Leaves} {
		l.reset()
	}
	return b
}

// count adds the pairs of the members of unit v with their descendants, which below are and
// the other members. Over all things they are as many as those with ancestors.
func (k *kinWalker) count(v int32, below []int32) error {
	members := int64(max(len(k.up.members[v]), 1))
	pairs := k.pairs.Add(members * (int64(len(below)) + members - 1))
	if k.limit > 0 && pairs > k.limit {
		return &LimitError{Pairs: pairs, Limit: k.limit}
	}
	return nil
}

// sendFull sends the batch if it is full, false when the walk was stopped.
func (k *kinWalker) sendFull(ctx context.Context, out chan<- *Kin) bool {
	if k.out.Len() < kinRows && len(k.out.Ancestors.Nodes)+len(k.out.Descendants.Nodes) < kinElements {
		return true
	}
	return k.send(ctx, out)
}

func (k *kinWalker) send(ctx context.Context, out chan<- *Kin) bool {
	select {
	case out <- k.out:
		k.out = k.fresh()
		return true
	case <-ctx.Done():
		return false
	}
}

// nearestFirst are the nodes of a list by depth and number. It is valid until the next call.
func (k *kinWalker) nearestFirst(l list) []int32 {
	keys, cone, members := k.keys[:0], k.walker.cone, k.up.members
	sorted := true
	last := uint64(0)
	for _, e := range l.entries {
		node, depth := cone[e.node], uint64(e.min)<<32
		if ms := members[node]; ms != nil {
			for _, m := range ms {
				keys = append(keys, depth|uint64(m))
			}
			sorted = false
			continue
		}
		key := depth | uint64(node)
		sorted = sorted && key >= last
		last = key
		keys = append(keys, key)
	}
	if !sorted {
		slices.Sort(keys)
	}
	list := slices.Grow(k.list[:0], len(keys))[:len(keys)]
	for i, key := range keys {
		list[i] = int32(uint32(key))
	}
	k.keys, k.list = keys, list
	return list
}

// row adds the row of thing m of unit v, whose members come before all others.
func (k *kinWalker) row(v, m int32, members, above []int32) {
	b := k.out
	b.Thing = append(b.Thing, m)
	for _, l := range []*Lists{&b.Ancestors, &b.Descendants} {
		for _, other := range members {
			if other != m {
				l.Nodes = append(l.Nodes, other)
			}
		}
	}
	b.Ancestors.Nodes = append(b.Ancestors.Nodes, above...)
	b.Descendants.Nodes = append(b.Descendants.Nodes, k.below...)
	for _, a := range above {
		if k.root[a] {
			b.Roots.Nodes = append(b.Roots.Nodes, a)
		}
	}
	for _, d := range k.below {
		if k.leaf[d] {
			b.Leaves.Nodes = append(b.Leaves.Nodes, d)
		}
	}
	b.Ancestors.end()
	b.Descendants.end()
	b.Roots.end()
	b.Leaves.end()
	b.Depth, b.Height = append(b.Depth, k.depth[v]), append(b.Height, k.height[v])
	b.InCycle = append(b.InCycle, k.round != nil && k.round[m])
}

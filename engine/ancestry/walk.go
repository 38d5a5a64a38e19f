package ancestry

import (
	"context"
	"math"
	"runtime"
	"slices"
	"sync"
)

// Batch is a part of the result, by columns: row i says that Ancestor[i] went into
// Descendant[i]. All columns that are there have the same length.
type Batch struct {
	Ancestor, Descendant []int32
	// Min and Max are the lengths of the shortest and of the longest path, in edges. The
	// edges of a cycle do not count; between its members both are 0.
	Min, Max []int32
	// Paths is the number of different paths, exact up to 2^53, rounded above; only with
	// Options.Paths.
	Paths []float64
	// Share is the part of the ancestor's quantity that reached the descendant: the sum over
	// all paths of the product of their edges' shares; NaN where it is not known. Only for
	// edges with shares.
	Share []float64
	// Direct is the share of the edge between the two, NaN where there is none or it is not
	// known. Only for edges with shares.
	Direct []float64
}

// Len is the number of rows.
func (b *Batch) Len() int { return len(b.Ancestor) }

// batchRows is about how many rows a full batch has.
const batchRows = 1 << 13

// Options of Walk and Kin.
type Options struct {
	// Workers walk partitions at the same time; 0: one for each processor.
	Workers int
	// Paths asks for the number of paths.
	Paths bool
	// MaxDepth leaves out pairs whose shortest path is longer; 0: none. Max, Paths and Share
	// then count only paths over pairs that are not left out.
	MaxDepth int
	// MaxPairs ends Kin with a *LimitError as soon as it has found more pairs, before it has
	// made room for their lists; 0: none. Walk does not look at it.
	MaxPairs int64
	// Only limits the result to the rows of some descendants, in any order; nil: all.
	Only []int32
	// Spill makes room for lists that Kin has to keep, beyond Kept bytes for each worker
	// (0: 64 MiB, at least 2 MiB); nil: all are kept in memory.
	Spill func() (Spill, error)
	Kept  int64
}

// furthest is the greatest MaxDepth that has a meaning: no path has more edges than there are
// numbers for its nodes.
const furthest = math.MaxInt32 - 1

// within are the options with a MaxDepth that the numbers of the lists can hold.
func (o Options) within() Options {
	o.MaxDepth = min(o.MaxDepth, furthest)
	return o
}

// Walk calls emit with all pairs, by partition and, within one, parents before children
// (ascending, if nodes are numbered so). Rows of one descendant stand together. The same
// graph and options give the same rows in the same order with any number of workers. emit is called
// by one goroutine at a time, and may keep the batch only until it returns.
//
// Each node's list of ancestors is that of its parents put together, one deeper; a list is
// given up as soon as the last child has used it. A partition is walked together with the
// nodes of others that lead to it. The work is proportional to the rows of all lists.
func (g *Graph) Walk(ctx context.Context, o Options, emit func(*Batch) error) error {
	o = o.within()
	pool := &sync.Pool{New: func() any { return newBatch(o, g.share != nil) }}
	return inTurn(ctx, g.parts(o), o.Workers, func() func(context.Context, []int32, chan<- *Batch) error {
		w := newWalker(g, o, pool)
		return func(ctx context.Context, part []int32, out chan<- *Batch) error {
			w.walk(ctx, part, out)
			return nil
		}
	}, func(b *Batch) error {
		defer pool.Put(b)
		return emit(b)
	})
}

// inTurn has workers (0: one for each processor) do parts at the same time, and emits what
// they send by part, in order. worker makes what one of them does with a part; when the
// context ends it returns, and so it does when it cannot go on, with an error.
func inTurn[B any](ctx context.Context, parts [][]int32, workers int, worker func() func(context.Context, []int32, chan<- B) error, emit func(B) error) error {
	if workers < 1 {
		workers = runtime.GOMAXPROCS(0)
	}
	workers = min(workers, len(parts))
	if workers < 1 {
		return ctx.Err()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Each part has a queue of its own; they are emptied in order. A worker that is ahead
	// waits when its queue is full, so memory is bounded.
	queues := make([]chan B, len(parts))
	for i := range queues {
		queues[i] = make(chan B, 8)
	}
	next := make(chan int, len(parts))
	for i := range parts {
		next <- i
	}
	close(next)
	// Few parts are begun before the one that is being emptied, however small they are.
	// A token is taken before a part is, so the part in front always has one.
	ahead := make(chan struct{}, 2*workers)
	ended := make([]error, len(parts))
	var group sync.WaitGroup
	for range workers {
		group.Add(1)
		go func() {
			defer group.Done()
			do := worker()
			for {
				ahead <- struct{}{}
				i, more := <-next
				if !more {
					<-ahead
					return
				}
				ended[i] = do(ctx, parts[i], queues[i])
				close(queues[i])
			}
		}()
	}
	var failed error
	for i, q := range queues {
		for b := range q {
			if failed == nil {
				if failed = emit(b); failed != nil {
					cancel()
				}
			}
		}
		if failed == nil && ended[i] != nil {
			failed = ended[i]
			cancel()
		}
		<-ahead
	}
	group.Wait()
	if failed != nil {
		return failed
	}
	return ctx.Err()
}

func newBatch(o Options, shares bool) *Batch {
	const n = batchRows + batchRows/8
	b := &Batch{Ancestor: make([]int32, 0, n), Descendant: make([]int32, 0, n), Min: make([]int32, 0, n), Max: make([]int32, 0, n)}
	if o.Paths {
		b.Paths = make([]float64, 0, n)
	}
	if shares {
		b.Share, b.Direct = make([]float64, 0, n), make([]float64, 0, n)
	}
	return b
}

func (b *Batch) reset() {
	b.Ancestor, b.Descendant, b.Min, b.Max = b.Ancestor[:0], b.Descendant[:0], b.Min[:0], b.Max[:0]
	b.Paths, b.Share, b.Direct = b.Paths[:0], b.Share[:0], b.Direct[:0]
}

// parts are the units whose rows are wanted, by partition.
func (g *Graph) parts(o Options) [][]int32 {
	wanted := o.Only
	if wanted == nil {
		wanted = make([]int32, g.nodes)
		for v := range wanted {
			wanted[v] = int32(v)
		}
	}
	// A unit is walked in the partition of its smallest member; its members' rows stand
	// there together.
	units := make([]int32, 0, len(wanted))
	for _, v := range wanted {
		if g.unit != nil {
			v = g.unit[v]
		}
		units = append(units, v)
	}
	if g.unit != nil || o.Only != nil {
		slices.Sort(units)
		units = slices.Compact(units)
	}
	if g.partition == nil {
		if len(units) == 0 {
			return nil
		}
		return [][]int32{units}
	}
	count := int32(0)
	for _, p := range g.partition {
		count = max(count, p+1)
	}
	parts := make([][]int32, count)
	for _, u := range units {
		parts[g.partition[u]] = append(parts[g.partition[u]], u)
	}
	return slices.DeleteFunc(parts, func(p []int32) bool { return len(p) == 0 })
}

// entry is one ancestor in a list.
type entry struct{ node, min, max int32 }

// weight goes along with an entry where paths or shares are asked for.
type weight struct{ paths, share float64 }

// list is what is known of a node's ancestors.
type list struct {
	entries []entry
	weights []weight
}

// walker is the memory of one worker. Within a part nodes go by their places in its cone,
// so that what belongs together lies together.
type walker struct {
	g      *Graph
	o      Options
	pool   *sync.Pool
	weighs bool
	own    []int32 // stamp of the part that wants the node's rows
	seen   []int32 // stamp of the part whose cone has the node
	at     []int32 // the node's place in that cone
	stamp  int32
	// Of the part being walked, by place:
	cone  []int32
	lists []list  // only of live ones
	uses  []int32 // how many children have yet to use the list
	slots []slot
	// making numbers the lists being made.
	making  uint32
	free    [][]list // given up lists by the logarithm of their capacity
	out     *Batch
	members map[int32]bool // only with Only and cycles: nodes whose rows are wanted
}

// slot is where the entry of a node is in the list being made, if mark says that it is of
// that list.
type slot struct {
	mark uint32
	at   int32
}

func newWalker(g *Graph, o Options, pool *sync.Pool) *walker {
	w := &walker{g: g, o: o, pool: pool, weighs: o.Paths || g.share != nil,
		own: make([]int32, g.nodes), seen: make([]int32, g.nodes), at: make([]int32, g.nodes), free: make([][]list, 32)}
	if o.Only != nil && g.unit != nil {
		w.members = map[int32]bool{}
		for _, v := range o.Only {
			w.members[v] = true
		}
	}
	return w
}

// walk sends the rows of one part.
func (w *walker) walk(ctx context.Context, wanted []int32, out chan<- *Batch) {
	w.out = w.fresh()
	if w.visit(ctx, wanted, func(v int32, l list) bool { return w.emit(ctx, v, l, out) }) {
		w.send(ctx, out)
	}
}

// lookedAfter is after how many nodes, elements of lists made and elements read for them a
// walk looks at its context: a millisecond or less.
const lookedAfter = 1 << 16

// visit closes the units of a part in topological order and calls each with the list of
// every one that is wanted. It is false when each or the context has ended it.
func (w *walker) visit(ctx context.Context, wanted []int32, each func(v int32, l list) bool) bool {
	w.stamp++
	w.enter(wanted)
	work := 0 // since the context was last looked at
	for i, v := range w.cone {
		if work >= lookedAfter || i == 0 {
			if ctx.Err() != nil {
				return false
			}
			work = 0
		}
		l := w.close(v)
		work += 1 + len(l.entries)
		if w.own[v] == w.stamp && !each(v, l) {
			return false
		}
		if w.uses[i] > 0 {
			w.lists[i] = l
		} else {
			w.giveUp(l)
		}
		for _, p := range w.g.parentsOf(v) {
			p = w.at[p]
			work += len(w.lists[p].entries)
			if w.uses[p]--; w.uses[p] == 0 {
				w.giveUp(w.lists[p])
				w.lists[p] = list{}
			}
		}
	}
	return true
}

func (w *walker) fresh() *Batch {
	b := w.pool.Get().(*Batch)
	b.reset()
	return b
}

// enter takes wanted and all that leads to it as the cone, in topological order, and
// counts how many times each list will be used.
func (w *walker) enter(wanted []int32) {
	g := w.g
	cone := w.cone[:0]
	for _, v := range wanted {
		w.own[v], w.seen[v] = w.stamp, w.stamp
		cone = append(cone, v)
	}
	for i := 0; i < len(cone); i++ {
		for _, p := range g.parentsOf(cone[i]) {
			if w.seen[p] != w.stamp {
				w.seen[p] = w.stamp
				cone = append(cone, p)
			}
		}
	}
	switch {
	case g.place != nil:
		slices.SortFunc(cone, func(a, b int32) int { return int(g.place[a]) - int(g.place[b]) })
	case len(cone) == g.nodes:
		for v := range cone {
			cone[v] = int32(v)
		}
	case len(cone) > len(wanted) || w.o.Only != nil:
		slices.Sort(cone) // wanted alone is in order
	}
	if g.place == nil && g.falls {
		slices.Reverse(cone)
	}
	for i, v := range cone {
		w.at[v] = int32(i)
	}
	w.cone = cone
	// What the part before left, if it was given up, goes.
	w.lists = slices.Grow(w.lists[:0], len(cone))[:len(cone)]
	w.uses = slices.Grow(w.uses[:0], len(cone))[:len(cone)]
	clear(w.lists)
	clear(w.uses)
	if len(w.slots) < len(cone) {
		w.slots = make([]slot, len(cone)+len(cone)/4)
	}
	for _, v := range cone {
		for _, p := range g.parentsOf(v) {
			w.uses[w.at[p]]++
		}
	}
}

// close puts the list of v together from those of its parents.
func (w *walker) close(v int32) list {
	parents := w.g.parentsOf(v)
	if len(parents) == 0 {
		return list{}
	}
	size := 0
	for _, p := range parents {
		size += len(w.lists[w.at[p]].entries) + 1
	}
	l := w.take(size)
	first := w.g.start[v]
	deepest := int32(furthest)
	if w.o.MaxDepth > 0 {
		deepest = int32(w.o.MaxDepth)
	}
	if len(parents) == 1 {
		// Nothing can meet: the parent's list, one deeper.
		p := w.at[parents[0]]
		from := w.lists[p]
		if w.o.MaxDepth == 0 && !w.weighs {
			l.entries = l.entries[:size]
			for i, e := range from.entries {
				l.entries[i] = entry{e.node, e.min + 1, e.max + 1}
			}
			l.entries[size-1] = entry{p, 1, 1}
			return l
		}
		for i, e := range from.entries {
			if e.min >= deepest {
				continue
			}
			l.entries = append(l.entries, entry{e.node, e.min + 1, e.max + 1})
			if w.weighs {
				l.weights = append(l.weights, w.along(from.weights[i], first))
			}
		}
		l.entries = append(l.entries, entry{p, 1, 1})
		if w.weighs {
			l.weights = append(l.weights, w.along(weight{1, 1}, first))
		}
		return l
	}
	if w.making++; w.making == 0 {
		clear(w.slots)
		w.making = 1
	}
	if !w.weighs {
		l.entries = w.merge(l.entries[:size], parents, deepest)
		return l
	}
	add := func(e entry, of weight, edge int32) {
		if s := &w.slots[e.node]; s.mark != w.making {
			*s = slot{w.making, int32(len(l.entries))}
			l.entries = append(l.entries, e)
			l.weights = append(l.weights, w.along(of, edge))
			return
		}
		at := w.slots[e.node].at
		have := &l.entries[at]
		have.min, have.max = min(have.min, e.min), max(have.max, e.max)
		more := w.along(of, edge)
		l.weights[at].paths += more.paths
		l.weights[at].share += more.share
	}
	for k, p := range parents {
		edge := first + int32(k)
		p = w.at[p]
		from := w.lists[p]
		for i, e := range from.entries {
			if e.min < deepest {
				add(entry{e.node, e.min + 1, e.max + 1}, from.weights[i], edge)
			}
		}
		add(entry{p, 1, 1}, weight{1, 1}, edge)
	}
	return l
}

// merge puts the lists of several parents together, without weights. out has room for all.
func (w *walker) merge(out []entry, parents []int32, deepest int32) []entry {
	n, making, slots := int32(0), w.making, w.slots
	for _, p := range parents {
		p = w.at[p]
		for _, e := range w.lists[p].entries {
			if e.min >= deepest {
				continue
			}
			s := &slots[e.node]
			if s.mark != making {
				*s = slot{making, n}
				out[n] = entry{e.node, e.min + 1, e.max + 1}
				n++
				continue
			}
			have := &out[s.at]
			have.min, have.max = min(have.min, e.min+1), max(have.max, e.max+1)
		}
		s := &slots[p]
		if s.mark != making {
			*s = slot{making, n}
			out[n] = entry{p, 1, 1}
			n++
			continue
		}
		have := &out[s.at]
		have.min, have.max = 1, max(have.max, 1)
	}
	return out[:n]
}

// along is a weight carried over an edge.
func (w *walker) along(of weight, edge int32) weight {
	if w.g.share == nil {
		return weight{paths: of.paths}
	}
	return weight{of.paths, of.share * w.g.share[edge]}
}

// emit writes the rows of a unit, false when the walk was stopped.
func (w *walker) emit(ctx context.Context, v int32, l list, out chan<- *Batch) bool {
	members := w.g.members[v]
	if members == nil {
		return w.rows(ctx, v, v, l, out)
	}
	for _, m := range members {
		if w.members != nil && !w.members[m] {
			continue
		}
		for _, other := range members {
			if other != m {
				w.row(other, m, entry{min: 0, max: 0}, weight{math.NaN(), math.NaN()}, math.NaN())
			}
		}
		if !w.rows(ctx, v, m, l, out) {
			return false
		}
	}
	return true
}

// rows writes the list of unit v as ancestors of descendant d.
func (w *walker) rows(ctx context.Context, v, d int32, l list, out chan<- *Batch) bool {
	b := w.out
	if w.g.members == nil && !w.weighs {
		at, n := len(b.Ancestor), len(l.entries)
		b.Ancestor, b.Descendant = extend(b.Ancestor, n), extend(b.Descendant, n)
		b.Min, b.Max = extend(b.Min, n), extend(b.Max, n)
		ancestor, descendant, least, most := b.Ancestor[at:][:n], b.Descendant[at:][:n], b.Min[at:][:n], b.Max[at:][:n]
		for i, e := range l.entries {
			ancestor[i], descendant[i], least[i], most[i] = w.cone[e.node], d, e.min, e.max
		}
	} else {
		for i, e := range l.entries {
			of, direct := weight{}, math.NaN()
			e.node = w.cone[e.node]
			if w.weighs {
				of = l.weights[i]
			}
			if w.g.share != nil && e.min == 1 {
				direct = w.directShare(v, e.node)
			}
			if ms := w.g.members[e.node]; ms != nil {
				for _, m := range ms {
					w.row(m, d, e, of, direct)
				}
				continue
			}
			w.row(e.node, d, e, of, direct)
		}
	}
	if len(b.Ancestor) >= batchRows {
		return w.send(ctx, out)
	}
	return true
}

// extend makes room for n more elements.
func extend(s []int32, n int) []int32 { return slices.Grow(s, n)[:len(s)+n] }

func (w *walker) directShare(v, parent int32) float64 {
	ps := w.g.parentsOf(v)
	if i, ok := slices.BinarySearch(ps, parent); ok {
		return w.g.share[int(w.g.start[v])+i]
	}
	return math.NaN()
}

func (w *walker) row(a, d int32, e entry, of weight, direct float64) {
	b := w.out
	b.Ancestor, b.Descendant = append(b.Ancestor, a), append(b.Descendant, d)
	b.Min, b.Max = append(b.Min, e.min), append(b.Max, e.max)
	if w.o.Paths {
		b.Paths = append(b.Paths, of.paths)
	}
	if w.g.share != nil {
		b.Share, b.Direct = append(b.Share, of.share), append(b.Direct, direct)
	}
}

// send hands the batch over and begins another, false when the walk was stopped.
func (w *walker) send(ctx context.Context, out chan<- *Batch) bool {
	if w.out.Len() == 0 {
		return true
	}
	select {
	case out <- w.out:
		w.out = w.fresh()
		return true
	case <-ctx.Done():
		return false
	}
}

// take is an empty list with room for n entries.
func (w *walker) take(n int) list {
	class := 4
	for 1<<class < n {
		class++
	}
	if have := w.free[class]; len(have) > 0 {
		l := have[len(have)-1]
		w.free[class] = have[:len(have)-1]
		return l
	}
	l := list{entries: make([]entry, 0, 1<<class)}
	if w.weighs {
		l.weights = make([]weight, 0, 1<<class)
	}
	return l
}

// giveUp keeps the memory of a list for another.
func (w *walker) giveUp(l list) {
	if cap(l.entries) == 0 {
		return
	}
	class := 4
	for 1<<(class+1) <= cap(l.entries) {
		class++
	}
	const enough = 64
	if len(w.free[class]) < enough {
		w.free[class] = append(w.free[class], list{l.entries[:0], l.weights[:0]})
	}
}

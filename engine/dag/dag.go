package dag

import (
	"container/heap"
	"errors"
	"slices"

	"github.com/dominikbraun/graph"
)

// Graph is a directed graph over K. It is immutable after New and safe for concurrent use.
// Every listing is sorted by the compare function, so results are deterministic.
type Graph[K comparable] struct {
	compare  func(a, b K) int
	nodes    []K
	parents  map[K][]K
	children map[K][]K
	g        graph.Graph[K, K]
}

// New builds the graph of nodes whose edges lead from each parent to its child. Parents
// that are not nodes, and repeated ones, are ignored. Cycles are allowed; Order and
// Cycles find them. Building is linear in nodes and edges: edges are not checked for
// cycles one by one.
func New[K comparable](compare func(a, b K) int, nodes []K, parents func(K) []K) *Graph[K] {
	d := &Graph[K]{
		compare:  compare,
		nodes:    slices.Clone(nodes),
		parents:  make(map[K][]K, len(nodes)),
		children: make(map[K][]K, len(nodes)),
		g:        graph.New(func(k K) K { return k }, graph.Directed()),
	}
	slices.SortFunc(d.nodes, compare)
	d.nodes = slices.Compact(d.nodes)
	for _, n := range d.nodes {
		must(d.g.AddVertex(n))
		d.parents[n] = nil
	}
	for _, n := range d.nodes {
		ps := slices.Clone(parents(n))
		slices.SortFunc(ps, compare)
		for _, p := range slices.Compact(ps) {
			if _, known := d.parents[p]; !known {
				continue
			}
			must(d.g.AddEdge(p, n))
			d.parents[n] = append(d.parents[n], p)
			d.children[p] = append(d.children[p], n)
		}
	}
	return d
}

// must panics on an error that New's own bookkeeping rules out.
func must(err error) {
	if err != nil && !errors.Is(err, graph.ErrEdgeAlreadyExists) {
		panic("dag: " + err.Error())
	}
}

// Nodes lists all nodes. The caller must not change the slice.
func (d *Graph[K]) Nodes() []K { return d.nodes }

// Has reports whether k is a node.
func (d *Graph[K]) Has(k K) bool { _, ok := d.parents[k]; return ok }

// Parents lists the direct parents of k.
func (d *Graph[K]) Parents(k K) []K { return d.parents[k] }

// Children lists the direct children of k.
func (d *Graph[K]) Children(k K) []K { return d.children[k] }

// Order is the topological order, parents first; among nodes that are ready together
// the smallest by compare comes first. Nodes on or behind a cycle are left out, and ok
// is false then.
func (d *Graph[K]) Order() (order []K, ok bool) {
	pending := make(map[K]int, len(d.nodes))
	ready := &minHeap[K]{compare: d.compare}
	for _, n := range d.nodes {
		if pending[n] = len(d.parents[n]); pending[n] == 0 {
			ready.keys = append(ready.keys, n)
		}
	}
	heap.Init(ready)
	order = make([]K, 0, len(d.nodes))
	for ready.Len() > 0 {
		n := heap.Pop(ready).(K)
		order = append(order, n)
		for _, c := range d.children[n] {
			if pending[c]--; pending[c] == 0 {
				heap.Push(ready, c)
			}
		}
	}
	return order, len(order) == len(d.nodes)
}

// Cycles lists one shortest cycle for each strongly connected component that has one, as
// the nodes along the edges beginning with the smallest; the last one leads back to the
// first. Cycles are sorted by their first node.
func (d *Graph[K]) Cycles() [][]K {
	components, err := graph.StronglyConnectedComponents(d.g)
	must(err)
	var cycles [][]K
	for _, c := range components {
		slices.SortFunc(c, d.compare)
		if len(c) > 1 || slices.Contains(d.children[c[0]], c[0]) {
			cycles = append(cycles, d.cycleThrough(c[0], c))
		}
	}
	slices.SortFunc(cycles, func(a, b []K) int { return d.compare(a[0], b[0]) })
	return cycles
}

// cycleThrough is a shortest cycle through start inside its component, found breadth first.
func (d *Graph[K]) cycleThrough(start K, component []K) []K {
	inside := make(map[K]bool, len(component))
	for _, k := range component {
		inside[k] = true
	}
	from := map[K]K{}
	for queue := []K{start}; len(queue) > 0; queue = queue[1:] {
		for _, c := range d.children[queue[0]] {
			if c == start {
				path := []K{queue[0]}
				for path[0] != start {
					path = slices.Insert(path, 0, from[path[0]])
				}
				return path
			}
			if _, seen := from[c]; inside[c] && !seen {
				from[c] = queue[0]
				queue = append(queue, c)
			}
		}
	}
	return []K{start}
}

// Ancestors are all nodes that lead to any of from within depth edges (depth < 0: no
// limit), from itself left out unless it is its own ancestor's descendant.
func (d *Graph[K]) Ancestors(depth int, from ...K) map[K]bool {
	return reach(from, depth, d.parents)
}

// Descendants are all nodes reached from any of from within depth edges.
func (d *Graph[K]) Descendants(depth int, from ...K) map[K]bool {
	return reach(from, depth, d.children)
}

func reach[K comparable](from []K, depth int, next map[K][]K) map[K]bool {
	seen := map[K]bool{}
	frontier := from
	for step := 0; len(frontier) > 0 && (depth < 0 || step < depth); step++ {
		var found []K
		for _, k := range frontier {
			for _, n := range next[k] {
				if !seen[n] {
					seen[n] = true
					found = append(found, n)
				}
			}
		}
		frontier = found
	}
	return seen
}

// Tails gives for each node the weight of the heaviest path that begins with it: the
// time that is left when it starts. Its maximum is the critical path. Nodes of cycles
// have none.
func (d *Graph[K]) Tails(weight func(K) float64) map[K]float64 {
	order, _ := d.Order()
	tails := make(map[K]float64, len(order))
	for _, n := range slices.Backward(order) {
		longest := 0.0
		for _, c := range d.children[n] {
			longest = max(longest, tails[c])
		}
		tails[n] = weight(n) + longest
	}
	return tails
}

type minHeap[K any] struct {
	keys    []K
	compare func(a, b K) int
}

func (h *minHeap[K]) Len() int           { return len(h.keys) }
func (h *minHeap[K]) Less(i, j int) bool { return h.compare(h.keys[i], h.keys[j]) < 0 }
func (h *minHeap[K]) Swap(i, j int)      { h.keys[i], h.keys[j] = h.keys[j], h.keys[i] }
func (h *minHeap[K]) Push(k any)         { h.keys = append(h.keys, k.(K)) }
func (h *minHeap[K]) Pop() any {
	last := h.keys[len(h.keys)-1]
	h.keys = h.keys[:len(h.keys)-1]
	return last
}

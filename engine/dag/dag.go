package dag

import (
	"errors"
	"slices"

	"github.com/dominikbraun/graph"
)

// Graph is a directed graph over K. It is immutable after New and safe for concurrent use.
// Every listing is sorted by the compare function, so results are deterministic.
type Graph[K comparable] struct {
	compare  func(a, b K) int
	nodes    []K // sorted: a node's index is its rank
	index    map[K]int
	parents  [][]K // by index
	children [][]K // by index
}

// New builds the graph of nodes whose edges lead from each parent to its child. Parents
// that are not nodes, and repeated ones, are ignored. Cycles are allowed; Order and
// Cycles find them. Building is linear in nodes and edges: edges are not checked for
// cycles one by one.
func New[K comparable](compare func(a, b K) int, nodes []K, parents func(K) []K) *Graph[K] {
	d := &Graph[K]{compare: compare, nodes: slices.Clone(nodes)}
	slices.SortFunc(d.nodes, compare)
	d.nodes = slices.Compact(d.nodes)
	d.index = make(map[K]int, len(d.nodes))
	for i, n := range d.nodes {
		d.index[n] = i
	}
	d.parents, d.children = make([][]K, len(d.nodes)), make([][]K, len(d.nodes))
	for i, n := range d.nodes {
		ps := slices.Clone(parents(n))
		slices.SortFunc(ps, compare)
		ps = slices.DeleteFunc(slices.Compact(ps), func(p K) bool { _, known := d.index[p]; return !known })
		d.parents[i] = slices.Clip(ps)
		for _, p := range ps {
			at := d.index[p]
			d.children[at] = append(d.children[at], n)
		}
	}
	return d
}

// must panics on an error that the graph's own bookkeeping rules out.
func must(err error) {
	if err != nil && !errors.Is(err, graph.ErrEdgeAlreadyExists) {
		panic("dag: " + err.Error())
	}
}

// Parents lists the direct parents of k. The caller must not change the slice.
func (d *Graph[K]) Parents(k K) []K { return d.next(d.parents, k) }

// Children lists the direct children of k. The caller must not change the slice.
func (d *Graph[K]) Children(k K) []K { return d.next(d.children, k) }

func (d *Graph[K]) next(edges [][]K, k K) []K {
	if i, ok := d.index[k]; ok {
		return edges[i]
	}
	return nil
}

// Order is the topological order, parents first; among nodes that are ready together
// the smallest by compare comes first. Nodes on or behind a cycle are left out, and ok
// is false then.
func (d *Graph[K]) Order() (order []K, ok bool) {
	pending := make([]int, len(d.nodes))
	ready := &minHeap{}
	for i := range d.nodes {
		if pending[i] = len(d.parents[i]); pending[i] == 0 {
			*ready = append(*ready, i) // ascending, which is a heap
		}
	}
	order = make([]K, 0, len(d.nodes))
	for len(*ready) > 0 {
		i := ready.pop()
		order = append(order, d.nodes[i])
		for _, c := range d.children[i] {
			at := d.index[c]
			if pending[at]--; pending[at] == 0 {
				ready.push(at)
			}
		}
	}
	return order, len(order) == len(d.nodes)
}

// library is the graph in the form of the library that knows components. Only projects
// with a cycle need it.
func (d *Graph[K]) library() graph.Graph[K, K] {
	g := graph.New(func(k K) K { return k }, graph.Directed())
	for _, n := range d.nodes {
		must(g.AddVertex(n))
	}
	for i, n := range d.nodes {
		for _, p := range d.parents[i] {
			must(g.AddEdge(p, n))
		}
	}
	return g
}

// Cycles lists one shortest cycle for each strongly connected component that has one, as
// the nodes along the edges beginning with the smallest; the last one leads back to the
// first. Cycles are sorted by their first node.
func (d *Graph[K]) Cycles() [][]K {
	components, err := graph.StronglyConnectedComponents(d.library())
	must(err)
	var cycles [][]K
	for _, c := range components {
		slices.SortFunc(c, d.compare)
		if len(c) > 1 || slices.Contains(d.Children(c[0]), c[0]) {
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
		for _, c := range d.Children(queue[0]) {
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

// minHeap holds indices, whose order is that of the nodes.
type minHeap []int

func (h *minHeap) push(x int) {
	*h = append(*h, x)
	s := *h
	for i := len(s) - 1; i > 0; {
		up := (i - 1) / 2
		if s[up] <= s[i] {
			return
		}
		s[up], s[i] = s[i], s[up]
		i = up
	}
}

func (h *minHeap) pop() int {
	s := *h
	top, last := s[0], len(s)-1
	s[0] = s[last]
	s = s[:last]
	for i := 0; ; {
		least := i
		for _, down := range [2]int{2*i + 1, 2*i + 2} {
			if down < len(s) && s[down] < s[least] {
				least = down
			}
		}
		if least == i {
			break
		}
		s[least], s[i] = s[i], s[least]
		i = least
	}
	*h = s
	return top
}

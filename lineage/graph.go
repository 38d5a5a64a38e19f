package lineage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
)

// Graph is what reads what: sources, seeds, models, snapshots and exposures, with tests
// attached to the nodes they read. It is immutable and safe for concurrent use.
type Graph struct {
	// Project is the project's name.
	Project string
	// Nodes are in topological order, parents first; exposures come last, by name.
	Nodes []*Node

	index    map[addr.Node]int
	up, down [][]int32
}

// Node is one node of the graph.
type Node struct {
	ID           addr.Node
	Materialized string // view, table, …; empty for sources, seeds, snapshots and exposures
	Relation     addr.Relation
	Path         string // file, relative to the project directory
	Description  string
	Tags         []string
	Owner        string
	Tier         string
	Group        string
	// Tests are the data tests that read the node and the unit tests written for it, sorted.
	Tests []addr.Node
	// Parents and Children are the direct neighbours inside this graph, in graph order.
	Parents, Children []addr.Node
}

// Edge says that To reads From.
type Edge struct{ From, To addr.Node }

// Hop is a node at a distance.
type Hop struct {
	Node addr.Node
	Hops int
}

// From builds the graph of a program.
func From(p *compile.Program) *Graph {
	g := &Graph{Project: projectName(p)}
	tests := testsByNode(p)
	parents := map[addr.Node][]addr.Node{}
	for _, id := range p.Order {
		n := p.Nodes[id]
		if n == nil {
			continue
		}
		parents[id] = n.Parents
		g.Nodes = append(g.Nodes, &Node{
			ID: id, Materialized: materialized(n), Relation: n.Relation, Path: n.Path, Description: n.Description,
			Tags: tagsOf(n), Owner: n.Config.Owner, Tier: n.Config.Tier, Group: n.Config.Group, Tests: tests[id],
		})
	}
	for _, e := range p.Exposures {
		parents[e.ID] = e.Parents
		n := &Node{ID: e.ID}
		if x := e.Props; x != nil {
			n.Description, n.Tags, n.Owner, n.Path = x.Description, x.Tags, cmp.Or(x.OwnerName, x.OwnerEmail), spanPath(x.At)
		}
		g.Nodes = append(g.Nodes, n)
	}
	g.link(func(n *Node) []addr.Node { return parents[n.ID] })
	return g
}

func materialized(n *compile.Node) string {
	if n.ID.Kind != addr.Model {
		return ""
	}
	return n.Config.Materialized
}

func tagsOf(n *compile.Node) []string {
	tags := slices.Clone(n.Config.Tags)
	if n.Source != nil {
		tags = append(tags, n.Source.Tags...)
		if more, ok := n.Source.Config["tags"].V.([]any); ok {
			for _, tag := range more {
				tags = append(tags, fmt.Sprint(tag))
			}
		} else if tag, ok := n.Source.Config["tags"].V.(string); ok {
			tags = append(tags, tag)
		}
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

func testsByNode(p *compile.Program) map[addr.Node][]addr.Node {
	m := map[addr.Node][]addr.Node{}
	for _, t := range p.Tests {
		for _, parent := range t.Parents {
			m[parent] = append(m[parent], t.ID)
		}
	}
	for _, t := range p.UnitTests {
		m[t.Node] = append(m[t.Node], t.ID)
	}
	for id, tests := range m {
		slices.SortFunc(tests, addr.Node.Compare)
		m[id] = slices.Compact(tests)
	}
	return m
}

// link fills the adjacency from each node's parents, dropping those outside the graph.
func (g *Graph) link(parents func(*Node) []addr.Node) {
	g.index = make(map[addr.Node]int, len(g.Nodes))
	for i, n := range g.Nodes {
		g.index[n.ID] = i
	}
	g.up, g.down = make([][]int32, len(g.Nodes)), make([][]int32, len(g.Nodes))
	for i, n := range g.Nodes {
		for _, p := range parents(n) {
			if j, ok := g.index[p]; ok && j != i {
				g.up[i] = append(g.up[i], int32(j))
			}
		}
		slices.Sort(g.up[i])
		g.up[i] = slices.Compact(g.up[i])
		for _, j := range g.up[i] {
			g.down[j] = append(g.down[j], int32(i))
		}
	}
	for i, n := range g.Nodes {
		n.Parents, n.Children = g.ids(g.up[i]), g.ids(g.down[i])
	}
}

func (g *Graph) ids(at []int32) []addr.Node {
	var out []addr.Node
	for _, i := range at {
		out = append(out, g.Nodes[i].ID)
	}
	return out
}

// Node is the node of that identity, or nil.
func (g *Graph) Node(id addr.Node) *Node {
	if i, ok := g.index[id]; ok {
		return g.Nodes[i]
	}
	return nil
}

// Edges lists every edge, by the order of its reader and then of what it reads.
func (g *Graph) Edges() []Edge {
	var out []Edge
	for i, n := range g.Nodes {
		for _, j := range g.up[i] {
			out = append(out, Edge{From: g.Nodes[j].ID, To: n.ID})
		}
	}
	return out
}

// Ancestors lists what id reads, directly or through others, nearest first. depth limits
// the number of hops; 0 means no limit. An unknown id has none.
func (g *Graph) Ancestors(id addr.Node, depth int) []Hop { return g.walk(id, g.up, depth) }

// Descendants lists what reads id, directly or through others, nearest first. depth limits
// the number of hops; 0 means no limit. An unknown id has none.
func (g *Graph) Descendants(id addr.Node, depth int) []Hop { return g.walk(id, g.down, depth) }

func (g *Graph) walk(id addr.Node, next [][]int32, depth int) []Hop {
	start, ok := g.index[id]
	if !ok {
		return nil
	}
	var out []Hop
	seen := make([]bool, len(g.Nodes))
	seen[start] = true
	front := []int32{int32(start)}
	for hops := 1; len(front) > 0 && (depth == 0 || hops <= depth); hops++ {
		var reached []int32
		for _, i := range front {
			for _, j := range next[i] {
				if !seen[j] {
					seen[j] = true
					reached = append(reached, j)
				}
			}
		}
		slices.Sort(reached)
		for _, j := range reached {
			out = append(out, Hop{Node: g.Nodes[j].ID, Hops: hops})
		}
		front = reached
	}
	return out
}

// Sizes counts all ancestors and all descendants of id.
func (g *Graph) Sizes(id addr.Node) (ancestors, descendants int) {
	start, ok := g.index[id]
	if !ok {
		return 0, 0
	}
	return g.size(start, g.up), g.size(start, g.down)
}

func (g *Graph) size(start int, next [][]int32) int {
	seen := make([]bool, len(g.Nodes))
	seen[start] = true
	stack, n := []int32{int32(start)}, 0
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, j := range next[i] {
			if !seen[j] {
				seen[j] = true
				n++
				stack = append(stack, j)
			}
		}
	}
	return n
}

// Sub is the graph of the kept nodes and the edges between them. Nodes keep their facts;
// an edge that led through a dropped node is gone.
func (g *Graph) Sub(keep func(addr.Node) bool) *Graph {
	var at []int
	for i, n := range g.Nodes {
		if keep(n.ID) {
			at = append(at, i)
		}
	}
	return g.pick(at)
}

// Pick is Sub for a few nodes; it does not look at the others. Unknown ids are ignored.
func (g *Graph) Pick(ids ...addr.Node) *Graph {
	var at []int
	for _, id := range ids {
		if i, ok := g.index[id]; ok {
			at = append(at, i)
		}
	}
	slices.Sort(at)
	return g.pick(slices.Compact(at))
}

func (g *Graph) pick(at []int) *Graph {
	out := &Graph{Project: g.Project}
	for _, i := range at {
		c := *g.Nodes[i]
		out.Nodes = append(out.Nodes, &c)
	}
	out.link(func(n *Node) []addr.Node { return n.Parents })
	return out
}

// Label is the name a reader knows the node by: «app.material» for sources.
func (n *Node) Label() string { return n.ID.Name }

// Tone groups nodes for colours: the kind, and for models the tier where one is set.
func (n *Node) Tone() string {
	if n.ID.Kind != addr.Model {
		return string(n.ID.Kind)
	}
	switch strings.ToLower(n.Tier) {
	case "base", "stg", "staging", "bronze", "raw":
		return "stg"
	case "int", "intermediate", "silver":
		return "int"
	case "dim", "dimension":
		return "dim"
	case "fct", "fact":
		return "fct"
	case "mart", "marts", "report", "reports", "rpt", "gold", "agg":
		return "mart"
	}
	return "model"
}

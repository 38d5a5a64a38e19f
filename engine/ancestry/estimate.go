package ancestry

import (
	"math"
	"math/rand/v2"
)

// Rounds of Estimate: the error of a sum is well below 1/√rounds. Large graphs get fewer,
// since there errors of single nodes even out.
const (
	roundsOfSmall = 64
	roundsOfLarge = 16
	largeGraph    = 200_000
)

// Estimate predicts how many pairs Walk would emit, within a few percent, in time
// proportional to the edges: each node takes a random number, and the smallest one among a
// node and its ancestors tells how many they are (Cohen 1997, «Size-estimation framework
// with applications to transitive closure and reachability»). The same graph gives the
// same answer. MaxDepth and Only are not looked at.
func (g *Graph) Estimate() int64 {
	order := g.inOrder()
	rounds := roundsOfSmall
	if g.nodes > largeGraph {
		rounds = roundsOfLarge
	}
	r := rand.New(rand.NewPCG(1, 2))
	sums := make([]float64, g.nodes)
	least := make([]float64, g.nodes)
	for range rounds {
		for _, v := range order {
			// A unit of k members takes the smallest of k exponential numbers.
			least[v] = r.ExpFloat64() / float64(max(len(g.members[v]), 1))
			for _, p := range g.parentsOf(v) {
				least[v] = min(least[v], least[p])
			}
			sums[v] += least[v]
		}
	}
	pairs := 0.0
	for _, v := range order {
		own := float64(max(len(g.members[v]), 1))
		pairs += own * (own - 1)
		if len(g.parentsOf(v)) > 0 {
			// (k-1)/Σ estimates the number of nodes without bias.
			pairs += own * max(float64(rounds-1)/sums[v]-own, 1)
		}
	}
	return int64(math.Round(pairs))
}

// AtMost is a number of pairs that Walk never exceeds, found in one pass: a node has no more
// ancestors than its parents have together, and no more than come before it. Where nodes
// have one or two parents it is a good one; where paths are many it is the square.
func (g *Graph) AtMost() float64 {
	order := g.inOrder()
	most := make([]float64, g.nodes)
	sum, before := 0.0, 0.0
	for _, v := range order {
		own := float64(max(len(g.members[v]), 1))
		for _, p := range g.parentsOf(v) {
			most[v] += most[p] + float64(max(len(g.members[p]), 1))
		}
		most[v] = min(most[v], before)
		before += own
		sum += own * (most[v] + own - 1)
	}
	return sum
}

// inOrder lists the units in topological order.
func (g *Graph) inOrder() []int32 {
	out := make([]int32, g.nodes)
	for v := range int32(g.nodes) {
		at := v
		if g.place != nil {
			at = g.place[v]
		}
		out[at] = v
	}
	if g.unit == nil {
		return out
	}
	units := out[:0]
	for _, v := range out {
		if g.unit[v] == v {
			units = append(units, v)
		}
	}
	return units
}

// Reached are the nodes that can be reached from any of from over the edges, those of from
// among them, ascending: whose lists change when the lists of from do.
func (g *Graph) Reached(from []int32) []int32 {
	start, child := g.children()
	seen := make([]bool, g.nodes)
	var todo []int32
	visit := func(v int32) {
		if g.unit != nil {
			v = g.unit[v]
		}
		if !seen[v] {
			seen[v] = true
			todo = append(todo, v)
		}
	}
	for _, v := range from {
		visit(v)
	}
	for i := 0; i < len(todo); i++ {
		for _, c := range child[start[todo[i]]:start[todo[i]+1]] {
			visit(c)
		}
	}
	var out []int32
	for v := range int32(g.nodes) {
		u := v
		if g.unit != nil {
			u = g.unit[v]
		}
		if seen[u] {
			out = append(out, v)
		}
	}
	return out
}

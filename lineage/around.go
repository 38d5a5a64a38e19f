package lineage

import (
	"cmp"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/origin"
)

// Neighbour is a column one step away; without a Name all rows of a node.
type Neighbour struct {
	addr.Column
	Word       string // as in Step
	Direct     bool
	Expression string // the SQL nearest to the result, if there is any
}

// Around lists what gives a column its value and who reads it, one step away, direct
// ones first and then by name; each neighbour once in the way that says most. What
// decides all rows of the column's own node is left out, and so are tests. Both are nil for an unknown column.
func (c *Columns) Around(col addr.Column) (up, down []Neighbour) {
	node, ok := c.at[col.Node]
	if !ok {
		return nil, nil
	}
	number, ok := c.nodes[node].byName[fold(col.Name)]
	if !ok {
		return nil, nil
	}
	for _, e := range c.up[number] {
		x := &c.edges[e]
		up = append(up, c.neighbour(c.owner[x.from], x.from, x.kind.String(), true, node, x.text, x.via))
	}
	for _, r := range c.readFor[number] {
		x := &c.reads[r]
		up = append(up, c.neighbour(c.owner[x.from], x.from, useWord(x.use), false, node, x.text, []ir.Span{x.at}))
	}
	for _, e := range c.down[number] {
		x := &c.edges[e]
		down = append(down, c.neighbour(c.owner[x.to], x.to, x.kind.String(), true, c.owner[x.to], x.text, x.via))
	}
	for _, r := range c.readBy[number] {
		if x := &c.reads[r]; x.use != origin.Unused && x.use != tested {
			down = append(down, c.neighbour(x.node, x.to, useWord(x.use), false, x.node, x.text, []ir.Span{x.at}))
		}
	}
	for _, n := range c.blind[node] {
		down = append(down, c.neighbour(n, -1, "unknown", false, n, 0, nil))
	}
	return tidy(up), tidy(down)
}

func (c *Columns) neighbour(node, column int32, word string, direct bool, reader int32, text int, spans []ir.Span) Neighbour {
	n := Neighbour{Column: addr.Column{Node: c.nodes[node].id}, Word: word, Direct: direct}
	if column >= 0 {
		n.Name = c.names[column]
	}
	for _, at := range spans {
		if x, ok := c.nodes[reader].known.expression(text, at); ok {
			n.Expression = x
			break
		}
	}
	return n
}

func tidy(list []Neighbour) []Neighbour {
	slices.SortStableFunc(list, func(a, b Neighbour) int {
		if a.Direct != b.Direct {
			if a.Direct {
				return -1
			}
			return 1
		}
		return cmp.Or(a.Node.Compare(b.Node), strings.Compare(a.Name, b.Name))
	})
	seen := make(map[addr.Column]bool, len(list))
	return slices.DeleteFunc(list, func(n Neighbour) bool {
		had := seen[n.Column]
		seen[n.Column] = true
		return had
	})
}

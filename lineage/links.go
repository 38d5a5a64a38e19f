package lineage

import (
	"iter"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/origin"
)

// Link says that the column To takes its value from the column From. Where a field of a
// struct takes it, or from a field, the columns are those that hold the fields.
type Link struct {
	From, To addr.Column
	Kind     origin.Kind
	// Expression is the SQL nearest to the result, empty for a plain copy and where the text
	// is not at hand.
	Expression string
}

// Purpose says that Node reads the column From without taking its value: for its own column
// To, or (with To empty) for all of its rows.
type Purpose struct {
	From       addr.Column
	Node       addr.Node
	To         string
	Use        origin.Use
	Expression string
}

// Links are all steps of values, in the order of the nodes' kinds and names. The same columns
// may be linked more than once: by several kinds, and by several fields.
func (c *Columns) Links() iter.Seq[Link] {
	return func(yield func(Link) bool) {
		for i := range c.edges {
			e := &c.edges[i]
			if !yield(Link{From: c.column(e.from), To: c.column(e.to), Kind: e.kind, Expression: c.nearest(c.owner[e.to], e.text, e.via...)}) {
				return
			}
		}
	}
}

// Purposes are all reads that give no value, but those of tests.
func (c *Columns) Purposes() iter.Seq[Purpose] {
	return func(yield func(Purpose) bool) {
		for i := range c.reads {
			r := &c.reads[i]
			if r.use == tested {
				continue
			}
			p := Purpose{From: c.column(r.from), Node: c.nodes[r.node].id, Use: r.use, Expression: c.nearest(r.node, r.text, r.at)}
			if r.to >= 0 {
				p.To = c.names[r.to]
			}
			if !yield(p) {
				return
			}
		}
	}
}

func (c *Columns) column(n int32) addr.Column {
	return addr.Column{Node: c.nodes[c.owner[n]].id, Name: c.names[n]}
}

// nearest is the SQL of the first of the spans whose text is at hand.
func (c *Columns) nearest(reader int32, text int, spans ...ir.Span) string {
	for _, at := range spans {
		if x, ok := c.nodes[reader].known.expression(text, at); ok {
			return x
		}
	}
	return ""
}

// NotAnalyzed says why it is not known where the columns of a node come from; empty where it is.
func (c *Columns) NotAnalyzed(id addr.Node) string {
	if i, ok := c.at[id]; ok && len(c.nodes[i].known.Texts) == 0 {
		return c.nodes[i].known.NotAnalyzed
	}
	return ""
}

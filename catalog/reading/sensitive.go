package reading

import (
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/origin"
	"github.com/engine-build/engine/lineage"
)

// numbers are the types of numbers and truth values.
var numbers = []ir.Kind{ir.Bool, ir.Int64, ir.Int32, ir.Uint32, ir.Uint64, ir.Float64, ir.Float32, ir.Numeric, ir.BigNumeric}

// Sensitive tells the columns whose values are nobody's business: those that are marked (see
// compile.Node.Sensitive) and, as far as the graph of columns is known, those that take their
// values from one of them, unless they only choose by it, or are numbers or truth values that
// something else was made into, as a count of addresses is.
func Sensitive(p *compile.Program, columns *lineage.Columns) func(node addr.Node, column string) bool {
	marked, plain := map[addr.Column]bool{}, map[addr.Column]bool{}
	var queue []addr.Column
	mark := func(c addr.Column) {
		c.Name = strings.ToLower(c.Name)
		if !marked[c] {
			marked[c] = true
			queue = append(queue, c)
		}
	}
	for _, id := range p.Order {
		n := p.Nodes[id]
		for _, c := range n.Columns {
			if c.Google != nil && slices.Contains(numbers, c.Google.Kind) {
				plain[addr.Column{Node: id, Name: strings.ToLower(c.Name)}] = true
			}
		}
		for _, name := range n.SensitiveNames() {
			mark(addr.Column{Node: id, Name: name})
		}
	}
	if columns != nil && len(queue) > 0 {
		next := map[addr.Column][]addr.Column{}
		for l := range columns.Links() {
			from := addr.Column{Node: l.From.Node, Name: strings.ToLower(l.From.Name)}
			to := addr.Column{Node: l.To.Node, Name: strings.ToLower(l.To.Name)}
			if l.Kind == origin.Condition || l.Kind != origin.Identity && plain[to] && !plain[from] {
				continue
			}
			next[from] = append(next[from], to)
		}
		for len(queue) > 0 {
			c := queue[0]
			queue = queue[1:]
			for _, to := range next[c] {
				mark(to)
			}
		}
	}
	return func(node addr.Node, column string) bool {
		if len(marked) == 0 {
			return false
		}
		name := strings.ToLower(column)
		if marked[addr.Column{Node: node, Name: name}] {
			return true
		}
		// A field of a struct is as sensitive as the struct.
		head, _, nested := strings.Cut(name, ".")
		return nested && marked[addr.Column{Node: node, Name: head}]
	}
}

// anySensitive reports whether a node has a sensitive column.
func (r *reader) anySensitive(id addr.Node) bool {
	n := r.p.Nodes[id]
	if n == nil {
		return false
	}
	if len(n.SensitiveNames()) > 0 {
		return true
	}
	return slices.ContainsFunc(n.Columns, func(c compile.Column) bool { return r.secret(id, c.Name) })
}

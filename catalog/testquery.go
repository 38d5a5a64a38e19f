package catalog

import (
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/datatest"
)

// query is a test in the words and the SQL of its target. ok is false for a program that
// has no dialect, or a kind of test that does not exist.
func (b *book) query(t *compile.Test) (q datatest.Query, ok bool) {
	d := b.in.Program.Target.Dialect
	if d == nil {
		return datatest.Query{}, false
	}
	read := func(id addr.Node) string {
		n := b.in.Program.Nodes[id]
		switch {
		case n == nil:
			return d.Ident(id.Name)
		case n.Config.Materialized == "ephemeral":
			return "(\n" + n.SQL + "\n)"
		}
		return d.Quote(n.Relation)
	}
	in := datatest.In{Dialect: d, Read: read}
	if t.SQL != "" {
		in.Bound, in.Map = compile.Bind(t.SQL, t.Map, read)
	}
	q, diags := datatest.Render(t, in)
	return q, !diags.HasErrors()
}

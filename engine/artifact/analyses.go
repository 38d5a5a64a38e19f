package artifact

import (
	"slices"

	"github.com/engine-build/engine/engine/compile"
)

// analyses are nodes of the manifest: queries that are compiled and never run. dbt gives them
// the configuration of a view and a schema, though nothing of them is in the warehouse.
func (w *writer) analyses(o *object) {
	nodes := slices.Clone(w.p.Analyses)
	slices.SortFunc(nodes, func(a, b *compile.Node) int { return a.ID.Compare(b.ID) })
	for _, n := range nodes {
		c := w.common(n)
		c.Database, c.Schema, c.Alias, c.RelationName = w.database(n.Relation), w.p.Target.Schema, n.ID.Name, nil
		c.Config["materialized"] = "view"
		o.put(w.ids[n.ID], singularNode{common: c, code: w.code(n)})
	}
}

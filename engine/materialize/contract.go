package materialize

import (
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/warehouse"
)

// contract looks at what was built before anybody reads it, where the columns are not
// known for sure: those of a query that was not analyzed, and those of a table that is
// older than the query.
func contract(n *compile.Node, out Out) []warehouse.Op {
	if len(n.Promised) == 0 || n.Unanalyzed == "" && out.Verb != Update {
		return nil
	}
	op := warehouse.RequireColumns{Relation: out.Tested, Written: map[string]string{}, Ordered: n.Config.Contract.Ordered && n.Unanalyzed != ""}
	for _, p := range n.Promised {
		op.Columns = append(op.Columns, warehouse.Column{Name: p.Name, Type: p.Type})
		op.Written[p.Name] = p.Written
	}
	return []warehouse.Op{op}
}

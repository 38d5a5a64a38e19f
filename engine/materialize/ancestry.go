package materialize

import (
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/warehouse"
)

var ancestry = Kind{
	Name:  compile.Ancestry,
	Help:  "all pairs of an ancestor and a descendant, or all things with the lists of both, of a query that returns edges",
	check: checkAncestry,
	plan:  planAncestry,
}

func checkAncestry(n *compile.Node, _ warehouse.Caps) diag.List {
	ds := checkLayout(n)
	if n.Closure == nil {
		ds.Add(ancestryUnanalyzed(n))
	}
	return ds
}

// planAncestry writes the edges aside and closes them. As long as the query is the same,
// only what differs from the last edges is written anew.
func planAncestry(in In) (Out, diag.List) {
	n := in.Node
	if in.Staged == n.Relation {
		// The tables in between must not outlive a failure, so there is something to clean up.
		in.Staged = StagedName(n.Relation, in.Caps)
	}
	edges := asideName(n.Relation, "edges", in.Caps)
	read := warehouse.CreateTableAs{Target: edges, Query: n.SQL}
	done := warehouse.Drop{Relation: edges, Kind: warehouse.Table}
	columns := make([]warehouse.Column, len(n.Columns))
	for i, c := range n.Columns {
		columns[i] = warehouse.Column{Name: c.Name, Type: c.Type, Nullable: true}
	}
	full, reason := fullBuild(in)
	same := in.Recorded != "" && compile.Content(in.Recorded) == compile.Content(n.Fingerprint)
	var scratch []addr.Relation
	for _, purpose := range []string{"arcs", "nodes", "walk", "step", "next"} {
		scratch = append(scratch, asideName(n.Relation, purpose, in.Caps))
	}
	things := n.Closure.Result == warehouse.Things
	if full || !same || respread(in) || n.Closure.MaxDepth > 0 || n.Closure.Method == warehouse.InSQL || things {
		out := aside(in, warehouse.Table, read,
			warehouse.CloseEdges{Target: in.Staged, From: edges, Closure: *n.Closure, Columns: columns, Layout: layoutOf(in, warehouse.Table), Scratch: scratch}, done)
		for _, rel := range append(scratch, edges) {
			out.Cleanup = append(out.Cleanup, warehouse.Drop{Relation: rel, Kind: warehouse.Table})
		}
		if things && reason == "" && !full && same {
			reason = "every thing is computed anew: one new edge changes the lists of many"
		}
		out.SQL, out.Map, out.Reason = n.SQL, n.Map, reason
		return out, nil
	}
	target := n.Relation
	if !in.Caps.TransactionalDDL || in.copies() {
		target = in.Scratch
	}
	fresh := asideName(n.Relation, "fresh", in.Caps)
	temporary := []addr.Relation{edges, fresh}
	var steps []addr.Relation
	if n.Closure.Method == compile.Auto {
		// The edges may have become too many for memory: then the warehouse makes it anew.
		steps, temporary = scratch, append(temporary, scratch...)
	}
	out := change(in, target, []warehouse.Op{read, warehouse.UpdateClosure{Target: target, From: edges, Closure: *n.Closure, Columns: columns, Layout: layoutOf(in, warehouse.Table), Scratch: fresh, Steps: steps}, done}, temporary...)
	out.SQL, out.Map = n.SQL, n.Map
	return out, nil
}

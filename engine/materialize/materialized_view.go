package materialize

import (
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/warehouse"
)

var materializedView = Kind{
	Name:  "materialized_view",
	Help:  "the query's rows, kept by the warehouse and refreshed by it or by later builds",
	check: checkMaterializedView,
	plan:  planMaterializedView,
}

func checkMaterializedView(n *compile.Node, caps warehouse.Caps) diag.List {
	ds := checkLayout(n)
	if !caps.MaterializedViews {
		ds.Add(materializedViewUnsupported(n))
	}
	return ds
}

// planMaterializedView refreshes what is there as long as the query is the same. A changed
// query is always made anew: rows of an earlier one would be wrong.
func planMaterializedView(in In) (Out, diag.List) {
	cfg := in.Node.Config
	fresh := in.FullRefresh
	if cfg.FullRefresh != nil {
		fresh = *cfg.FullRefresh
	}
	same := in.Recorded != "" && compile.Content(in.Recorded) == compile.Content(in.Node.Fingerprint)
	if in.Existing.Kind == warehouse.MaterializedView && same && !fresh {
		switch {
		case in.Recorded != in.Node.Fingerprint && cfg.OnConfigurationChange == "fail":
			return Out{}, diag.List{configurationChanged(in.Node)}
		case in.Aside:
			// A refresh would be seen at once, so it is made anew, as it is configured today.
		case in.Recorded == in.Node.Fingerprint:
			return refresh(in), nil
		case cfg.OnConfigurationChange == "continue":
			out := refresh(in)
			out.Fingerprint = in.Recorded
			return out, diag.List{configurationKept(in.Node)}
		}
	}
	out := aside(in, warehouse.MaterializedView, warehouse.CreateMaterializedViewAs{Target: in.Staged, Query: in.Node.SQL, Layout: stagedLayout(in, warehouse.MaterializedView)})
	out.SQL, out.Map = in.Node.SQL, in.Node.Map
	out.Reason = kindChange(in, warehouse.MaterializedView)
	return out, nil
}

// refresh brings the rows up to date, in one transaction with the tests where there is one.
func refresh(in In) Out {
	rel, kind := in.Node.Relation, warehouse.MaterializedView
	return Out{
		Verb: Update, Tested: rel, Kind: kind, InTx: in.Caps.TransactionalDDL,
		Build:   before(in, warehouse.RefreshMaterializedView{Target: rel}),
		Publish: after(in, kind, comments(in, rel, kind)...),
		SQL:     in.Node.SQL, Map: in.Node.Map,
	}
}

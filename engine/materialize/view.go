package materialize

import (
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/warehouse"
)

var view = Kind{
	Name: "view",
	Help: "the query itself, run anew by every reader",
	plan: planView,
}

func planView(in In) (Out, diag.List) {
	out := aside(in, warehouse.View, warehouse.CreateViewAs{Target: in.Staged, Query: in.Node.SQL})
	out.SQL, out.Map = in.Node.SQL, in.Node.Map
	out.Reason = kindChange(in, warehouse.View)
	return out, nil
}

// kindChange words that a relation becomes something else than it is.
func kindChange(in In, kind warehouse.Kind) string {
	if old := in.Existing.Kind; old != warehouse.None && old != kind {
		return "it is a " + string(old) + " and becomes a " + string(kind)
	}
	return ""
}

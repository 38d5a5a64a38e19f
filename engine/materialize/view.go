package materialize

import (
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/warehouse"
)

var view = Kind{
	Name: "view",
	Help: "the query itself, run anew by every reader",
	plan: planView,
}

func planView(in In) (Out, diag.List) {
	out := aside(in, warehouse.View, warehouse.CreateViewAs{Target: in.Staged, Query: in.Node.SQL, Layout: stagedLayout(in, warehouse.View)})
	out.SQL, out.Map = in.Node.SQL, in.Node.Map
	out.Reason = kindChange(in, warehouse.View)
	return out, nil
}

// kindChange words that a relation becomes something else than it is.
func kindChange(in In, kind warehouse.Kind) string {
	if old := in.Existing.Kind; old != warehouse.None && old != kind {
		return "it is a " + kindWord(old) + " and becomes a " + kindWord(kind)
	}
	return ""
}

func kindWord(k warehouse.Kind) string { return strings.ReplaceAll(string(k), "_", " ") }

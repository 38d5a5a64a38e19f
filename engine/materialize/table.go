package materialize

import (
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/warehouse"
)

var table = Kind{
	Name: "table",
	Help: "the query's rows, written anew by every build",
	plan: planTable,
}

const respreadReason = "its partitions or clusters change"

func planTable(in In) (Out, diag.List) {
	out := aside(in, warehouse.Table, warehouse.CreateTableAs{Target: in.Staged, Query: in.Node.SQL, Layout: stagedLayout(in, warehouse.Table)})
	out.SQL, out.Map = in.Node.SQL, in.Node.Map
	out.Reason = kindChange(in, warehouse.Table)
	if respread(in) {
		out.Reason = respreadReason
	}
	return out, nil
}

package materialize

import (
	"strings"

	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/warehouse"
)

var seed = Kind{
	Name:  "seed",
	Help:  "a table loaded from a CSV or Parquet file of the project",
	check: checkSeed,
	plan:  planSeed,
}

func checkSeed(n *compile.Node, _ warehouse.Caps) diag.List {
	ds := checkLayout(n)
	if len(n.Config.ColumnTypes) > 0 && n.Unanalyzed != "" {
		ds.Add(seedUnread(n))
	}
	return ds
}

func planSeed(in In) (Out, diag.List) {
	out := aside(in, warehouse.Table, warehouse.Load{
		Target:    in.Staged,
		Columns:   seedColumns(in.Node),
		Path:      in.Node.Path,
		Format:    in.Node.Seed.Format,
		Delimiter: in.Node.Config.Delimiter,
		Layout:    stagedLayout(in, warehouse.Table),
	})
	out.Reason = kindChange(in, warehouse.Table)
	if respread(in) {
		out.Reason = respreadReason
	}
	return out, nil
}

// seedColumns are the columns to create, in file order; nil leaves them to the loader.
func seedColumns(n *compile.Node) []warehouse.Column {
	if n.Unanalyzed != "" || len(n.Columns) == 0 {
		return nil
	}
	out := make([]warehouse.Column, len(n.Columns))
	for i, c := range n.Columns {
		out[i] = warehouse.Column{Name: c.Name, Type: c.Type, Nullable: true}
		for name, typ := range n.Config.ColumnTypes {
			if strings.EqualFold(name, c.Name) {
				out[i].Type = typ
			}
		}
	}
	return out
}

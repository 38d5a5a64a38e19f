package materialize

import (
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

var snapshot = Kind{
	Name:  "snapshot",
	Help:  "the history of a query: a row for every version, with the time it was valid",
	check: checkSnapshot,
	plan:  planSnapshot,
}

func checkSnapshot(n *compile.Node, _ warehouse.Caps) diag.List {
	ds := checkLayout(n)
	ds.Add(checkKey(n)...)
	if byTime(n) {
		ds.Add(checkColumns(n, "updated_at", []string{n.Config.UpdatedAt})...)
	} else if !checksAll(n) {
		ds.Add(checkColumns(n, "check_cols", n.Config.CheckCols)...)
	}
	// The columns of a snapshot are the query's and then, once, the snapshot's own.
	for _, name := range n.Config.SnapshotNames.List() {
		count := 0
		for _, c := range n.Columns {
			if strings.EqualFold(c.Name, name) {
				count++
			}
		}
		if n.Unanalyzed == "" && count > 1 {
			ds.Add(snapshotColumnTaken(n, name))
		}
	}
	return ds
}

func byTime(n *compile.Node) bool { return n.Config.Strategy != "check" }

func checksAll(n *compile.Node) bool {
	return len(n.Config.CheckCols) == 1 && strings.EqualFold(n.Config.CheckCols[0], "all")
}

func planSnapshot(in In) (Out, diag.List) {
	if d, foreign := foreignTable(in); foreign {
		return Out{}, diag.List{d}
	}
	query, m := snapshotQuery(in)
	create := warehouse.CreateTableAs{Target: in.Staged, Query: query}
	if in.Existing.Kind != warehouse.Table || in.Anew {
		create.Layout = stagedLayout(in, warehouse.Table)
	}
	stage := []warehouse.Op{create, requireUnique(in, in.Staged)}
	if in.Existing.Kind != warehouse.Table || in.Anew {
		out := aside(in, warehouse.Table, stage...)
		out.SQL, out.Map = query, m
		out.Reason = kindChange(in, warehouse.Table)
		return out, nil
	}
	// History cannot be made again, so a full refresh does not touch a snapshot.
	target := in.Node.Relation
	fresh, closing := asideName(target, "fresh", in.Caps), asideName(target, "closing", in.Caps)
	target = changed(in)
	cfg := in.Node.Config
	own := cfg.SnapshotNames.Full()
	diff := warehouse.StageSnapshot{
		Target: target, From: in.Staged, Fresh: fresh, Closing: closing,
		Key: cfg.UniqueKey, Deletes: cfg.HardDeletes, Names: cfg.SnapshotNames, Current: cfg.ValidToCurrent,
	}
	if !byTime(in.Node) {
		diff.CheckAll = checksAll(in.Node)
		if !diff.CheckAll {
			diff.Check = cfg.CheckCols
		}
	}
	ops := append(stage,
		warehouse.SyncColumns{Target: target, From: in.Staged, Policy: "append_new_columns", Keep: own.List()},
		diff,
		warehouse.CloseRows{Target: target, From: closing, Key: own.ID, To: own.To, At: own.To, Current: in.Node.Config.ValidToCurrent},
		warehouse.InsertSelect{Target: target, From: fresh},
		warehouse.Drop{Relation: closing, Kind: warehouse.Table},
		warehouse.Drop{Relation: fresh, Kind: warehouse.Table},
		warehouse.Drop{Relation: in.Staged, Kind: warehouse.Table},
	)
	out := change(in, target, ops, closing, fresh, in.Staged)
	out.SQL, out.Map = query, m
	return out, storedLater(in, out)
}

// snapshotQuery adds the snapshot columns to the node's query, as a first build has them.
func snapshotQuery(in In) (string, *source.Map) {
	cfg, w := in.Node.Config, in.Words
	own, to := cfg.SnapshotNames.Full(), "null"
	if cfg.ValidToCurrent != "" {
		to = "(" + cfg.ValidToCurrent + "\n)"
	}
	at := w.Cast(w.Now(), w.Timestamp())
	if byTime(in.Node) {
		at = w.Cast("q."+in.Dialect.Ident(cfg.UpdatedAt), w.Timestamp())
	}
	var id []string
	for _, k := range cfg.UniqueKey {
		id = append(id, "q."+in.Dialect.Ident(k))
	}
	columns := []string{
		"q.*",
		w.Hash(append(id, at)) + " as " + in.Dialect.Ident(own.ID),
		at + " as " + in.Dialect.Ident(own.UpdatedAt),
		at + " as " + in.Dialect.Ident(own.From),
		w.Cast(to, w.Timestamp()) + " as " + in.Dialect.Ident(own.To),
	}
	if cfg.HardDeletes == "new_record" {
		columns = append(columns, in.Dialect.Literal("False")+" as "+in.Dialect.Ident(own.Deleted))
	}
	head := "select\n  " + strings.Join(columns, ",\n  ") + "\nfrom (\n"
	return head + in.Node.SQL + "\n) as q", in.Node.Map.Splice(0, 0, len(head))
}

// foreignTable finds a table under the snapshot's name that no snapshot made.
func foreignTable(in In) (diag.Diagnostic, bool) {
	if in.Existing.Kind != warehouse.Table || len(in.Existing.Columns) == 0 {
		return diag.Diagnostic{}, false
	}
	for _, name := range in.Node.Config.SnapshotNames.List()[:4] {
		if !slices.ContainsFunc(in.Existing.Columns, func(c warehouse.Column) bool { return strings.EqualFold(c.Name, name) }) {
			return notASnapshot(in.Node, name), true
		}
	}
	return diag.Diagnostic{}, false
}

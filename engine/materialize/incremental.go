package materialize

import (
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/warehouse"
)

var incremental = Kind{
	Name:  "incremental",
	Help:  "a table that later builds only add to or correct",
	check: checkIncremental,
	plan:  planIncremental,
}

// Incremental strategies.
const (
	strategyAppend       = "append"
	strategyMerge        = "merge"
	strategyDeleteInsert = "delete+insert"
)

// strategy is the strategy in force: a key means that rows replace earlier ones.
func strategy(n *compile.Node, caps warehouse.Caps) string {
	switch {
	case n.Config.IncrementalStrategy != "":
		return n.Config.IncrementalStrategy
	case len(n.Config.UniqueKey) == 0:
		return strategyAppend
	case caps.Merge:
		return strategyMerge
	}
	return strategyDeleteInsert
}

func checkIncremental(n *compile.Node, caps warehouse.Caps) diag.List {
	var ds diag.List
	ds.Add(checkKey(n)...)
	way := strategy(n, caps)
	if way == strategyMerge && !caps.Merge {
		ds.Add(mergeUnsupported(n))
	}
	if way != strategyAppend && len(n.Config.UniqueKey) == 0 {
		ds.Add(strategyWithoutKey(n, way))
	}
	if len(n.Config.MergeUpdateColumns) > 0 && len(n.Config.MergeExcludeColumns) > 0 {
		ds.Add(mergeColumnsTwice(n))
	}
	for _, key := range []string{"merge_update_columns", "merge_exclude_columns"} {
		if way != strategyMerge && n.Raw[key].V != nil {
			ds.Add(onlyForMerge(n, key, way))
		}
	}
	if way == strategyAppend && len(n.Config.IncrementalPredicates) > 0 {
		ds.Add(onlyForMerge(n, "incremental_predicates", way))
	}
	ds.Add(checkColumns(n, "merge_update_columns", n.Config.MergeUpdateColumns)...)
	ds.Add(checkColumns(n, "merge_exclude_columns", n.Config.MergeExcludeColumns)...)
	return ds
}

func planIncremental(in In) (Out, diag.List) {
	if full, reason := fullBuild(in); full {
		out, ds := planTable(in)
		if reason != "" {
			out.Reason = reason
		}
		return out, ds
	}
	target := in.Node.Relation
	if !in.Caps.TransactionalDDL {
		target = in.Scratch
	}
	ops := []warehouse.Op{warehouse.CreateTableAs{Target: in.Staged, Query: in.Node.IncrementalSQL}}
	if policy := in.Node.Config.OnSchemaChange; policy != "" && policy != "ignore" {
		ops = append(ops, warehouse.SyncColumns{Target: target, From: in.Staged, Policy: policy})
	}
	ops = append(ops, apply(in, target)...)
	ops = append(ops, warehouse.Drop{Relation: in.Staged, Kind: warehouse.Table})
	out := change(in, target, ops, in.Staged)
	out.SQL, out.Map = in.Node.IncrementalSQL, in.Node.IncrementalMap
	return out, nil
}

// fullBuild reports whether the model starts from nothing, and why if that is unusual.
// A full_refresh in the configuration outranks the command line, as in dbt.
func fullBuild(in In) (bool, string) {
	if in.Existing.Kind != warehouse.Table {
		return true, kindChange(in, warehouse.Table)
	}
	if own := in.Node.Config.FullRefresh; own != nil {
		if *own {
			return true, "full refresh, as its configuration says"
		}
		return false, ""
	}
	if in.FullRefresh {
		return true, "" // who asked for it says so
	}
	return false, ""
}

// change is the plan of everything that changes a table instead of replacing it: in place
// inside a transaction where the warehouse has those, otherwise on a copy that is swapped
// in. ops work on target; temporary are the tables that they make and drop again.
func change(in In, target addr.Relation, ops []warehouse.Op, temporary ...addr.Relation) Out {
	out := Out{Verb: Update, Tested: target, Kind: warehouse.Table, InTx: in.Caps.TransactionalDDL}
	if out.InTx {
		out.Build = before(in, ops...)
		out.Publish = after(in, comments(in.Node, target, warehouse.Table)...)
		return out
	}
	out.Build = before(in, warehouse.CloneTable{From: in.Node.Relation, To: target})
	out.Build = append(out.Build, ops...)
	out.Build = append(out.Build, comments(in.Node, target, warehouse.Table)...)
	out.Publish = after(in, warehouse.Swap{New: target, NewKind: warehouse.Table, Target: in.Node.Relation, Old: warehouse.Table})
	for _, rel := range append(temporary, target) {
		out.Cleanup = append(out.Cleanup, warehouse.Drop{Relation: rel, Kind: warehouse.Table})
	}
	return out
}

// apply brings the staged rows into target.
func apply(in In, target addr.Relation) []warehouse.Op {
	cfg := in.Node.Config
	way := strategy(in.Node, in.Caps)
	if len(cfg.UniqueKey) == 0 {
		// Without a key there is nothing to find earlier rows by: every strategy appends.
		way = strategyAppend
	}
	insert := warehouse.InsertSelect{Target: target, From: in.Staged}
	switch way {
	case strategyMerge:
		// Two new rows of one key are an error of the operation: which one wins is chance.
		return []warehouse.Op{warehouse.MergeInto{
			Target: target, From: in.Staged, Key: cfg.UniqueKey,
			Update: cfg.MergeUpdateColumns, Exclude: cfg.MergeExcludeColumns, Predicates: cfg.IncrementalPredicates,
		}}
	case strategyDeleteInsert:
		return []warehouse.Op{
			warehouse.DeleteMatching{Target: target, From: in.Staged, Key: cfg.UniqueKey, Predicates: cfg.IncrementalPredicates},
			insert,
		}
	}
	return []warehouse.Op{insert}
}

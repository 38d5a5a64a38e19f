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
	strategyOverwrite    = "insert_overwrite"
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
	ds := checkLayout(n)
	ds.Add(checkKey(n)...)
	way := strategy(n, caps)
	if way == compile.Microbatch {
		ds.Add(checkMicrobatch(n, caps)...)
		for _, key := range []string{"unique_key", "incremental_predicates", "merge_update_columns", "merge_exclude_columns", "partitions"} {
			if n.Raw[key].V != nil {
				ds.Add(onlyFor(n, key, way, strategyMerge))
			}
		}
		return ds
	}
	if way == strategyMerge && !caps.Merge {
		ds.Add(mergeUnsupported(n))
	}
	switch {
	case way == strategyOverwrite:
		ds.Add(checkOverwrite(n)...)
		if len(n.Config.UniqueKey) > 0 {
			ds.Add(onlyFor(n, "unique_key", way, strategyMerge))
		}
	case way != strategyAppend && len(n.Config.UniqueKey) == 0:
		ds.Add(strategyWithoutKey(n, way))
	}
	if way != strategyOverwrite && n.Raw["partitions"].V != nil {
		ds.Add(onlyFor(n, "partitions", way, strategyOverwrite))
	}
	if len(n.Config.MergeUpdateColumns) > 0 && len(n.Config.MergeExcludeColumns) > 0 {
		ds.Add(mergeColumnsTwice(n))
	}
	for _, key := range []string{"merge_update_columns", "merge_exclude_columns"} {
		if way != strategyMerge && n.Raw[key].V != nil {
			ds.Add(onlyFor(n, key, way, strategyMerge))
		}
	}
	if (way == strategyAppend || way == strategyOverwrite) && len(n.Config.IncrementalPredicates) > 0 {
		ds.Add(onlyFor(n, "incremental_predicates", way, strategyMerge))
	}
	ds.Add(checkColumns(n, "merge_update_columns", n.Config.MergeUpdateColumns)...)
	ds.Add(checkColumns(n, "merge_exclude_columns", n.Config.MergeExcludeColumns)...)
	return ds
}

func planIncremental(in In) (Out, diag.List) {
	if batched(in.Node) {
		return planMicrobatch(in)
	}
	if full, reason := fullBuild(in); full {
		out, ds := planTable(in)
		if reason != "" {
			out.Reason = reason
		}
		return out, ds
	}
	in.update = true
	target := changed(in)
	stage := warehouse.CreateTableAs{Target: in.Staged, Query: in.Node.IncrementalSQL}
	if strategy(in.Node, in.Caps) == strategyOverwrite && in.Node.Config.CopyPartitions && in.Caps.CopyPartitions {
		// Whole partitions can be copied only from a table that has them.
		stage.Layout = &warehouse.Layout{Partition: partitionOf(in.Node)}
	}
	ops := []warehouse.Op{stage}
	if policy := in.Node.Config.OnSchemaChange; policy != "" && policy != "ignore" {
		ops = append(ops, warehouse.SyncColumns{Target: target, From: in.Staged, Policy: policy})
	}
	ops = append(ops, apply(in, target)...)
	ops = append(ops, warehouse.Drop{Relation: in.Staged, Kind: warehouse.Table})
	out := change(in, target, ops, in.Staged)
	out.SQL, out.Map = in.Node.IncrementalSQL, in.Node.IncrementalMap
	return out, storedLater(in, out)
}

// storedLater warns where the table stays and its storage was to change: indexes and
// constraints are made with a table.
func storedLater(in In, out Out) diag.List {
	stays := out.InTx || in.copies() && in.Caps.TransactionalDDL
	if !stays || in.Recorded == "" || compile.Stored(in.Recorded) == compile.Stored(in.Node.Fingerprint) {
		return nil
	}
	return diag.List{layoutLater(in.Node)}
}

// fullBuild reports whether the model starts from nothing, and why if that is unusual.
// A full_refresh in the configuration outranks the command line, as in dbt.
func fullBuild(in In) (bool, string) {
	if in.Existing.Kind != warehouse.Table {
		return true, kindChange(in, warehouse.Table)
	}
	if in.Anew {
		return true, ""
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
	if respread(in) {
		return true, respreadReason + ", so it is built from nothing"
	}
	return false, ""
}

// changed is the table that a change works on: the node's own, or a copy where changes
// cannot be taken back, where it must stay as it is, or where the rows have to be spread anew.
func changed(in In) addr.Relation {
	if in.Caps.TransactionalDDL && !respread(in) && !in.copies() {
		return in.Node.Relation
	}
	return in.Scratch
}

// change is the plan of everything that changes a table instead of replacing it: in place
// inside a transaction where the warehouse has those, otherwise on a copy that is swapped
// in. ops work on target; temporary are the tables that they make and drop again.
func change(in In, target addr.Relation, ops []warehouse.Op, temporary ...addr.Relation) Out {
	out := Out{Verb: Update, Tested: target, Kind: warehouse.Table, InTx: target == in.Node.Relation}
	if out.InTx {
		out.Build = before(in, ops...)
		out.Publish = after(in, warehouse.Table, comments(in, target, warehouse.Table)...)
		return out
	}
	layout := layoutOf(in, warehouse.Table)
	swap := warehouse.Swap{New: target, NewKind: warehouse.Table, Target: in.Node.Relation, Old: warehouse.Table, Layout: layout, Keep: in.kept()}
	// Where tables are not copied otherwise, the copy has to get all that the table has.
	swap.Copied = in.Caps.TransactionalDDL
	out.Build = before(in, warehouse.CloneTable{From: in.Node.Relation, To: target, Whole: swap.Copied})
	if respread(in) {
		// Rows that cannot be made again are spread anew from the table itself.
		swap.Respread, swap.Copied, out.Reason = true, false, respreadReason
		out.Build = before(in, warehouse.CreateTableAs{Target: target, Query: copyOf(in), Layout: stagedLayout(in, warehouse.Table)})
	}
	out.Build = append(out.Build, ops...)
	out.Build = append(out.Build, comments(in, target, warehouse.Table)...)
	out.Publish = after(in, warehouse.Table, swap)
	for _, rel := range append(temporary, target) {
		out.Cleanup = append(out.Cleanup, warehouse.Drop{Relation: rel, Kind: warehouse.Table})
	}
	return out
}

// apply brings the staged rows into target.
func apply(in In, target addr.Relation) []warehouse.Op {
	cfg := in.Node.Config
	way := strategy(in.Node, in.Caps)
	if len(cfg.UniqueKey) == 0 && way != strategyOverwrite {
		// Without a key there is nothing to find earlier rows by: every strategy appends.
		way = strategyAppend
	}
	insert := warehouse.InsertSelect{Target: target, From: in.Staged}
	switch way {
	case strategyMerge:
		// Two new rows of one key are an error of the operation: which one wins is chance.
		merge := warehouse.MergeInto{
			Target: target, From: in.Staged, Key: cfg.UniqueKey,
			Update: cfg.MergeUpdateColumns, Exclude: cfg.MergeExcludeColumns, Predicates: cfg.IncrementalPredicates,
		}
		if p := partitionOf(in.Node); p != nil && p.Column != "" && in.Caps.Partitions {
			merge.Partition = p
		}
		return []warehouse.Op{merge}
	case strategyOverwrite:
		return []warehouse.Op{overwrite(in, warehouse.ReplacePartitions{Target: target, From: in.Staged})}
	case strategyDeleteInsert:
		return []warehouse.Op{
			warehouse.DeleteMatching{Target: target, From: in.Staged, Key: cfg.UniqueKey, Predicates: cfg.IncrementalPredicates},
			insert,
		}
	}
	return []warehouse.Op{insert}
}

package materialize

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
)

// mostBatches bounds the batches of one build.
const mostBatches = 20_000

// batched reports whether a model is built batch by batch. Texts that read only a part of their
// inputs are not: what they make is thrown away soon.
func batched(n *compile.Node) bool {
	return n.Config.Materialized == "incremental" && n.Config.IncrementalStrategy == compile.Microbatch && !compile.Limited(n.Fingerprint)
}

// batchPartition are the batches as partitions of the table.
func batchPartition(n *compile.Node) warehouse.Partition {
	p := warehouse.Partition{Column: n.Config.EventTime, Granularity: n.Config.BatchSize, Type: "timestamp"}
	if t := columnType(n, p.Column); t != nil {
		p.Type = cmp.Or(partitionTypes[t.Kind], p.Type)
	} else if own := partitionOf(n); own != nil {
		p.Type = own.Type
	}
	return p
}

func checkMicrobatch(n *compile.Node, caps warehouse.Caps) diag.List {
	ds := checkColumns(n, "event_time", []string{n.Config.EventTime})
	p, own := batchPartition(n), partitionOf(n)
	switch {
	case p.Type == "int64" || p.Type == "date" && p.Granularity == warehouse.Hour:
		ds.Add(batchesUnfit(n, "event_time", fmt.Sprintf("event_time %q is %s, which has no %ss", p.Column, strings.ToUpper(p.Type), p.Granularity), "set a larger batch_size, or another column"))
	case caps.Partitions && (own == nil || !strings.EqualFold(own.Column, p.Column) || own.Granularity != p.Granularity):
		// Rows of a batch are replaced as a partition: with others, each batch would read the whole table.
		ds.Add(batchesUnfit(n, "incremental_strategy", "its partitions are not its batches", fmt.Sprintf(`set "partition_by" to field: %s, granularity: %s`, p.Column, p.Granularity)))
	}
	return ds
}

// batchEdge is the begin of the batch that at is in, moved by a number of batches.
func batchEdge(at time.Time, size string, move int) time.Time {
	at = truncate(at.UTC(), size)
	switch size {
	case warehouse.Hour:
		return at.Add(time.Duration(move) * time.Hour)
	case warehouse.Month:
		return at.AddDate(0, move, 0)
	case warehouse.Year:
		return at.AddDate(move, 0, 0)
	}
	return at.AddDate(0, 0, move)
}

// batchCeiling is the end of the batch that at is in; a time between two batches is its own.
func batchCeiling(at time.Time, size string) time.Time {
	if edge := batchEdge(at, size, 0); edge.Equal(at) {
		return edge
	}
	return batchEdge(at, size, 1)
}

// batchesOf are the begins of the batches to build, ascending.
//
// What is asked for with a command comes first. Else a table from nothing begins where
// configuration says, and one that exists lookback batches before the one in which the last
// build was: that is dbt's rule where builds follow each other in one batch, and leaves no gap
// where they do not. An existing table gets those besides what is asked for, because they are
// due: the build is recorded as having read all that its inputs have. So does a table whose
// rows are only a part because of --empty or --sample.
func batchesOf(in In, full bool) []time.Time {
	cfg := in.Node.Config
	size := cfg.BatchSize
	begin, _ := project.Moment(cfg.Begin)
	begin = batchEdge(begin, size, 0)
	due := batchEdge(begin, size, 0)
	if !full {
		at := in.At
		if !in.Since.IsZero() && in.Since.Before(at) {
			at = in.Since
		}
		back := cfg.Lookback
		if batchEdge(at, size, 0).Equal(at) {
			back++ // the batch before ended just now, and is the last one that has rows
		}
		if due = batchEdge(at, size, -back); due.Before(begin) {
			due = begin
		}
	}
	var out []time.Time
	span := func(from, to time.Time) {
		for at := from; at.Before(to) && len(out) <= mostBatches; at = batchEdge(at, size, 1) {
			if len(out) == 0 || at.After(out[len(out)-1]) {
				out = append(out, at)
			}
		}
	}
	now := batchCeiling(in.At, size)
	if in.From.IsZero() && in.To.IsZero() {
		span(due, now)
		return out
	}
	from, to := due, now
	if !in.From.IsZero() {
		from = batchEdge(in.From, size, 0)
	}
	if !in.To.IsZero() {
		to = batchCeiling(in.To, size)
	}
	if full && (!in.Anew || in.FullRefresh || in.Existing.Kind == warehouse.None) {
		span(from, to)
		return out
	}
	// Two spans, in order, that may overlap.
	if due.Before(from) {
		span(due, minTime(from, now))
		span(from, to)
		span(to, now)
		return out
	}
	span(from, to)
	span(due, now)
	return out
}

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// batchQuery is the query of one batch. Begin and end are as long as what stands for them, so
// the source map of the text is that of every batch.
func batchQuery(sql string, from, to time.Time) string {
	const layout = "2006-01-02 15:04:05.000000"
	return strings.NewReplacer(compile.BatchStart.Format(layout), from.Format(layout), compile.BatchEnd.Format(layout), to.Format(layout)).Replace(sql)
}

// planMicrobatch builds batch after batch: each replaces the rows of its time. All of them are
// one build, published when all are right.
func planMicrobatch(in In) (Out, diag.List) {
	full, reason := fullBuild(in)
	begins := batchesOf(in, full)
	if len(begins) > mostBatches {
		return Out{}, diag.List{batchesUnfit(in.Node, "begin", fmt.Sprintf("the build would have more than %d batches", mostBatches), "set a later begin or a larger batch_size, or give --event-time-start and --event-time-end")}
	}
	p := batchPartition(in.Node)
	sql, size := in.Node.IncrementalSQL, in.Node.Config.BatchSize
	batch := func(target, from addr.Relation, sync bool) (ops []warehouse.Op) {
		for _, begin := range begins {
			ops = append(ops, warehouse.CreateTableAs{Target: from, Query: batchQuery(sql, begin, batchEdge(begin, size, 1))})
			if sync {
				ops = append(ops, warehouse.SyncColumns{Target: target, From: from, Policy: in.Node.Config.OnSchemaChange})
				sync = false // all batches have the same columns
			}
			text := begin.Format(map[string]string{"date": "2006-01-02", "datetime": "2006-01-02 15:04:05", "timestamp": "2006-01-02 15:04:05+00:00"}[p.Type])
			ops = append(ops,
				warehouse.ReplacePartitions{Target: target, From: from, Partition: p, Only: []string{in.Dialect.Literal(text)}},
				warehouse.Drop{Relation: from, Kind: warehouse.Table})
		}
		return ops
	}
	words := fmt.Sprintf("%d batches", len(begins))
	switch len(begins) {
	case 0:
		words = "no batch"
	case 1:
		words = "1 batch"
	}
	if len(begins) > 0 {
		words += fmt.Sprintf(" from %s to %s", shortTime(begins[0]), shortTime(batchEdge(begins[len(begins)-1], size, 1)))
	}
	if full {
		fresh := asideName(in.Node.Relation, "batch", in.Caps)
		none := "select * from (\n" + batchQuery(sql, batchEdge(in.At, size, 0), batchEdge(in.At, size, 0)) + "\n) as q where 1 = 0"
		build := append([]warehouse.Op{warehouse.CreateTableAs{Target: in.Staged, Query: none, Layout: stagedLayout(in, warehouse.Table)}}, batch(in.Staged, fresh, false)...)
		out := aside(in, warehouse.Table, build...)
		out.Cleanup = append(out.Cleanup, warehouse.Drop{Relation: fresh, Kind: warehouse.Table})
		out.SQL, out.Map = sql, in.Node.IncrementalMap
		out.Reason = words
		if reason = cmp.Or(reason, kindChange(in, warehouse.Table)); reason != "" {
			out.Reason = reason + ", " + words
		}
		return out, nil
	}
	target := changed(in)
	policy := in.Node.Config.OnSchemaChange
	out := change(in, target, batch(target, in.Staged, policy != "" && policy != "ignore"), in.Staged)
	out.SQL, out.Map, out.Reason = sql, in.Node.IncrementalMap, words
	return out, storedLater(in, out)
}

// shortTime leaves out what is zero.
func shortTime(t time.Time) string {
	if t.Hour() == 0 {
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02 15:04")
}

package materialize

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
)

// layoutOf is how the node is stored as kind in a warehouse with these Caps, complete; nil
// leaves all to the warehouse.
func layoutOf(in In, kind warehouse.Kind) *warehouse.Layout {
	l := in.Node.Config.Layout
	l.Partition = partitionOf(in.Node)
	l.Constraints = in.Node.Constraints
	return l.For(kind, in.Caps)
}

// stagedLayout is layoutOf for what is built aside. It may be read without a condition on
// the partition, as tests do: Swap asks that of readers of the published relation.
func stagedLayout(in In, kind warehouse.Kind) *warehouse.Layout {
	l := layoutOf(in, kind)
	if l != nil && in.Staged != in.Node.Relation {
		l.RequirePartitionFilter = false // l is a copy, and has a partition besides
	}
	return l
}

// partitionOf is partition_by with what configuration leaves to the column: its type, and
// a day of granularity. It is nil without partition_by.
func partitionOf(n *compile.Node) *warehouse.Partition {
	if n.Config.Layout.Partition == nil {
		return nil
	}
	p := *n.Config.Layout.Partition
	if p.Type == "" {
		p.Type = "date"
		if t := columnType(n, p.Column); t != nil {
			p.Type = cmp.Or(partitionTypes[t.Kind], p.Type)
		}
	}
	if p.Type != "int64" {
		p.Granularity = cmp.Or(p.Granularity, warehouse.Day)
	}
	return &p
}

// partitionTypes are the types of columns that divide a table, in the words of partition_by.
var partitionTypes = map[ir.Kind]string{ir.Date: "date", ir.Timestamp: "timestamp", ir.Datetime: "datetime", ir.Int64: "int64"}

// clusterTypes are the types of columns that rows can be clustered by (BigQuery's list, the
// only warehouse with clusters):
// https://cloud.google.com/bigquery/docs/clustered-tables#cluster_column_types
var clusterTypes = []ir.Kind{ir.BigNumeric, ir.Bool, ir.Date, ir.Datetime, ir.Geography, ir.Int64, ir.Numeric, ir.Range, ir.String, ir.Timestamp}

// columnType is the type of a column, nil where it is not known.
func columnType(n *compile.Node, name string) *ir.Type {
	if n.Unanalyzed != "" {
		return nil
	}
	if i := slices.IndexFunc(n.Columns, func(c compile.Column) bool { return strings.EqualFold(c.Name, name) }); i >= 0 {
		return n.Columns[i].Google
	}
	return nil
}

// checkLayout finds columns of the layout that the query does not return, or that have
// types which cannot be stored so. All targets check all of it, so that what passes on one
// passes on the others.
func checkLayout(n *compile.Node) diag.List {
	if k := n.Kind(); k != warehouse.Table && k != warehouse.MaterializedView {
		return nil
	}
	var ds diag.List
	if p := n.Config.Layout.Partition; p != nil && p.Column != "" {
		missing := checkColumns(n, "partition_by", []string{p.Column})
		ds.Add(missing...)
		if t := columnType(n, p.Column); len(missing) == 0 && t != nil {
			ds.Add(checkPartitionType(n, *p, t)...)
		}
	}
	ds.Add(checkColumns(n, "cluster_by", n.Config.Layout.Cluster)...)
	for i, name := range n.Config.Layout.Cluster {
		if t := columnType(n, name); t != nil && !slices.Contains(clusterTypes, t.Kind) {
			ds.Add(columnUnfit(n, "cluster_by", name, t, "rows are not clustered by it", "remove it"))
		}
		if slices.ContainsFunc(n.Config.Layout.Cluster[:i], func(s string) bool { return strings.EqualFold(s, name) }) {
			ds.Add(columnTwice(n, "cluster_by", name))
		}
	}
	for _, index := range n.Config.Layout.Indexes {
		ds.Add(checkColumns(n, "indexes", index.Columns)...)
	}
	ds.Add(checkPrimaryKeys(n)...)
	return ds
}

func checkPartitionType(n *compile.Node, p warehouse.Partition, t *ir.Type) diag.List {
	is, fits := partitionTypes[t.Kind]
	// A TIMESTAMP of other languages is what GoogleSQL calls DATETIME.
	alike := n.Dialect != project.GoogleSQL && strings.Contains("timestamp datetime", is) && strings.Contains("timestamp datetime", p.Type)
	switch {
	case !fits:
		return diag.List{columnUnfit(n, "partition_by", p.Column, t, "tables are divided by a DATE, TIMESTAMP, DATETIME or INT64", "divide by another column, or convert this one")}
	case p.Type != "" && p.Type != is && !alike:
		return diag.List{columnUnfit(n, "partition_by", p.Column, t, `"data_type" says `+p.Type, `write "data_type: `+is+`", or leave it out`)}
	case is == "int64" && p.Interval == 0:
		return diag.List{columnUnfit(n, "partition_by", p.Column, t, `and there is no "range"`, "for example range: {start: 0, end: 1000, interval: 10}")}
	case is == "int64" && p.Granularity != "":
		return diag.List{columnUnfit(n, "partition_by", p.Column, t, `"granularity" is of dates and times`, `remove it, "interval" of "range" says how large a partition is`)}
	case is == "date" && p.Granularity == warehouse.Hour:
		return diag.List{columnUnfit(n, "partition_by", p.Column, t, "a date has no hours", `use "day", "month" or "year"`)}
	}
	return nil
}

func checkPrimaryKeys(n *compile.Node) diag.List {
	var keys int
	for _, c := range n.Constraints {
		if c.Type == "primary_key" {
			keys++
		}
	}
	if keys > 1 {
		return diag.List{primaryKeyTwice(n)}
	}
	return nil
}

// respread reports whether the table that exists is divided or ordered in another way than
// the node is to be. Where the warehouse does not report how a table is stored nothing is known.
func respread(in In) bool {
	return in.Existing.Kind == warehouse.Table && in.Existing.Layout != nil && !layoutOf(in, warehouse.Table).SameSpread(in.Existing.Layout)
}

// access gives and takes the rights on the published relation.
func access(in In, kind warehouse.Kind) []warehouse.Op {
	var ops []warehouse.Op
	cfg := in.Node.Config
	if in.Caps.Grants {
		for _, privilege := range slices.Sorted(maps.Keys(cfg.Grants)) {
			ops = append(ops, warehouse.Grant{Relation: in.Node.Relation, Kind: kind, Privilege: privilege, Grantees: cfg.Grants[privilege]})
		}
	}
	if in.Caps.Authorize && kind != warehouse.Table {
		for _, a := range cfg.GrantAccessTo {
			ops = append(ops, warehouse.Authorize{View: in.Node.Relation, Database: cmp.Or(a.Database, in.Node.Relation.Database), Schema: a.Schema})
		}
	}
	return ops
}

// copyOf is the query of all rows of the node's table, of whatever partition.
func copyOf(in In) string {
	query := "select * from " + in.Dialect.Quote(in.Node.Relation)
	if was := in.Existing.Layout; was != nil && was.RequirePartitionFilter && was.Partition != nil {
		column := in.Dialect.Ident(cmp.Or(was.Partition.Column, "_PARTITIONTIME"))
		query += "\nwhere " + column + " is null or " + column + " is not null"
	}
	return query
}

// atOnce reports whether one statement makes all of the relation, so that it may have its
// own name from the begin.
func atOnce(in In, kind warehouse.Kind) bool {
	l := layoutOf(in, kind)
	return len(access(in, kind)) == 0 && (l == nil || len(l.Indexes)+len(l.Constraints) == 0)
}

// Described gives a node's view its comments and rights, as its configuration has them.
func Described(n *compile.Node, caps warehouse.Caps) []warehouse.Op {
	in := In{Node: n, Caps: caps}
	return append(comments(in, n.Relation, warehouse.View), access(in, warehouse.View)...)
}

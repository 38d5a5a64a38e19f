package warehouse

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
)

// Layout is how a relation is stored and managed, beyond its rows and columns. Nothing in
// it changes the rows that a reader sees. The zero value leaves all to the warehouse.
// A dialect applies the parts that its Caps name (Partitions, Clusters, Indexes …); a
// planner leaves out what the warehouse does not have.
type Layout struct {
	Partition *Partition `json:"partition,omitempty"`
	// Cluster lists the columns by which rows are kept together, most significant first.
	Cluster []string `json:"cluster,omitempty"`
	// RequirePartitionFilter refuses queries that would read all partitions.
	RequirePartitionFilter bool `json:"require_partition_filter,omitempty"`
	// PartitionDays is how long a partition lives, in days; 0 for ever.
	PartitionDays float64 `json:"partition_days,omitempty"`
	// Hours is how long the relation lives from when it is made; 0 for ever.
	Hours float64 `json:"hours,omitempty"`
	// KMSKey is the full resource name of the key that encrypts the rows.
	KMSKey string            `json:"kms_key,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
	// PolicyTags are full resource names of tags, by column path («customer.email»).
	PolicyTags map[string][]string `json:"policy_tags,omitempty"`
	Indexes    []Index             `json:"indexes,omitempty"`
	// Unlogged keeps the rows out of the write-ahead log: quick, and gone after a crash.
	Unlogged    bool         `json:"unlogged,omitempty"`
	Constraints []Constraint `json:"constraints,omitempty"`
	// Refresh is how a materialized view is kept up to date.
	Refresh *Refresh `json:"refresh,omitempty"`
}

// For is the part of l that a relation of this kind can have in a warehouse with these
// Caps; nil if nothing is left.
func (l Layout) For(kind Kind, c Caps) *Layout {
	var out Layout
	stored := kind == Table || kind == MaterializedView
	if c.Partitions && stored && l.Partition != nil && (l.Partition.Column != "" || c.ArrivalTime) {
		out.Partition = l.Partition
		out.RequirePartitionFilter = l.RequirePartitionFilter && kind == Table
		if c.Expiration && kind == Table {
			out.PartitionDays = l.PartitionDays
		}
	}
	if c.Clusters && stored {
		out.Cluster = l.Cluster
	}
	if c.Expiration {
		out.Hours = l.Hours
	}
	if c.Labels {
		out.Labels = l.Labels
		if stored {
			out.KMSKey = l.KMSKey
		}
		if kind == Table {
			out.PolicyTags = l.PolicyTags
		}
	}
	if c.Indexes && stored {
		out.Indexes = l.Indexes
	}
	if kind == Table {
		out.Unlogged = l.Unlogged && c.Unlogged
		if c.Constraints {
			out.Constraints = l.Constraints
			if !c.Enforces {
				out.Constraints = promised(l.Constraints)
			}
		}
	}
	if kind == MaterializedView && c.MaterializedViews {
		out.Refresh = l.Refresh
	}
	if reflect.ValueOf(out).IsZero() {
		return nil
	}
	return &out
}

// promised are the constraints that a warehouse has which enforces not_null alone: keys are
// information for its readers, and others it does not know.
func promised(list []Constraint) []Constraint {
	var out []Constraint
	for _, c := range list {
		switch c.Type {
		case "not_null":
		case "primary_key", "foreign_key":
			c.Enforced = false
		default:
			continue
		}
		out = append(out, c)
	}
	return out
}

// SameSpread reports whether rows are divided and ordered in the same way by both: what
// decides whether the rows of one table can be copied over another. Names are compared
// without regard to case, as warehouses with partitions do.
func (l *Layout) SameSpread(other *Layout) bool {
	var a, b Layout
	if l != nil {
		a = *l
	}
	if other != nil {
		b = *other
	}
	return samePartition(a.Partition, b.Partition) && slices.EqualFunc(a.Cluster, b.Cluster, strings.EqualFold)
}

func samePartition(a, b *Partition) bool {
	if a == nil || b == nil {
		return a == b
	}
	if !strings.EqualFold(a.Column, b.Column) || (a.Type == "int64") != (b.Type == "int64") {
		return false
	}
	if a.Type == "int64" {
		return a.Start == b.Start && a.End == b.End && a.Interval == b.Interval
	}
	return cmp.Or(a.Granularity, Day) == cmp.Or(b.Granularity, Day)
}

// Granularities of a Partition.
const (
	Hour  = "hour"
	Day   = "day"
	Month = "month"
	Year  = "year"
)

// Partition divides a table by the value of a column.
type Partition struct {
	// Column is empty when rows are divided by the time at which they arrive.
	Column string `json:"column,omitempty"`
	// Type is date, timestamp, datetime or int64.
	Type string `json:"type"`
	// Granularity is Hour, Day, Month or Year; empty for int64.
	Granularity string `json:"granularity,omitempty"`
	// Start (included), End (excluded) and Interval are of int64.
	Start    int64 `json:"start,omitempty"`
	End      int64 `json:"end,omitempty"`
	Interval int64 `json:"interval,omitempty"`
}

// Index is an index of a table.
type Index struct {
	Columns []string `json:"columns"`
	Unique  bool     `json:"unique,omitempty"`
	// Type is the warehouse's word for the sort of index («btree», «gin»); empty: its default.
	Type string `json:"type,omitempty"`
}

// Constraint is a promise about the rows of a table. Enforced says that the warehouse
// shall refuse rows that break it; otherwise it only informs readers and optimizers.
type Constraint struct {
	// Type is not_null, primary_key, foreign_key, unique or check.
	Type    string   `json:"type"`
	Name    string   `json:"name,omitempty"`
	Columns []string `json:"columns,omitempty"`
	// To and ToColumns are of foreign_key.
	To        addr.Relation `json:"to,omitzero"`
	ToColumns []string      `json:"to_columns,omitempty"`
	// Expression is of check, in the warehouse's SQL.
	Expression string `json:"expression,omitempty"`
	Enforced   bool   `json:"enforced,omitempty"`
}

// Refresh says how the warehouse keeps a materialized view up to date.
type Refresh struct {
	// Automatic: the warehouse refreshes by itself, at most every Minutes.
	Automatic bool    `json:"automatic,omitempty"`
	Minutes   float64 `json:"minutes,omitempty"`
	// MaxStaleness is an interval in the warehouse's spelling; readers may get rows that old.
	MaxStaleness string `json:"max_staleness,omitempty"`
}

type (
	// CreateMaterializedViewAs makes a new materialized view and fills it. The target must
	// not exist.
	CreateMaterializedViewAs struct {
		Target addr.Relation
		Query  string
		Layout *Layout
	}

	// RefreshMaterializedView brings a materialized view up to date with what it reads.
	RefreshMaterializedView struct{ Target addr.Relation }

	// ReplacePartitions puts the rows of From in place of all rows of the partitions of
	// Target that From has rows for (Only empty), or of exactly the partitions Only, whose
	// rows are gone even when From has none for them. Rows of From outside of Only are an
	// error. Rows whose partition column is NULL are one partition more. On a warehouse
	// without partitions they are ranges of values. Columns nil means: the columns of Target
	// that From has too, found when the operation runs.
	ReplacePartitions struct {
		Target    addr.Relation
		From      addr.Relation
		Partition Partition
		// Only are literals in the warehouse's SQL, each the begin of a partition.
		Only    []string
		Columns []string
		// Copy asks for copies of whole partitions instead of a statement, where the
		// warehouse can: they cost no query.
		Copy bool
	}

	// Grant makes exactly Grantees have Privilege on a relation: others that have it as a
	// direct grant lose it, owners and inherited rights excepted.
	Grant struct {
		Relation  addr.Relation
		Kind      Kind
		Privilege string // the warehouse's word: «select», «roles/bigquery.dataViewer»
		Grantees  []string
	}

	// Authorize lets a view read the relations of a schema on behalf of readers who may
	// not read them themselves.
	Authorize struct {
		View addr.Relation
		// Database and Schema hold what the view reads.
		Database string
		Schema   string
	}
)

func (CreateMaterializedViewAs) op() {}
func (RefreshMaterializedView) op()  {}
func (ReplacePartitions) op()        {}
func (Grant) op()                    {}
func (Authorize) op()                {}

// Expand fills Columns with what both relations have.
func (o ReplacePartitions) Expand(inspect func(addr.Relation) (Relation, error)) ([]Op, error) {
	if !NeedsExpand(o) {
		return []Op{o}, nil
	}
	target, from, err := both(inspect, o.Target, o.From)
	if err != nil {
		return nil, err
	}
	if o.Partition.Column != "" {
		for _, r := range []Relation{from, target} {
			if _, ok := find(r.Columns, o.Partition.Column); !ok {
				return nil, &ColumnError{Relation: r.Name, Column: o.Partition.Column, Have: names(r.Columns)}
			}
		}
	}
	o.Columns, err = shared(target, from)
	return []Op{o}, err
}

package bigquery

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/warehouse"
)

// asideHours is how long relations that are built aside live, should their run die.
const asideHours = 12

// asidePattern are the names of relations that the engine builds aside.
var asidePattern = regexp.MustCompile(`^_engine_[a-z]+__.`)

// aside reports whether a relation of this name belongs to one build only: nobody but the
// build reads it, and a later build removes what is left of it.
func aside(name string) bool { return asidePattern.MatchString(name) }

// partitionBy writes the PARTITION BY expression of a table's definition.
func (d Dialect) partitionBy(p warehouse.Partition) (string, error) {
	if err := checkPartition(p); err != nil {
		return "", err
	}
	if p.Column == "" {
		if p.Granularity == warehouse.Day {
			return "_PARTITIONDATE", nil
		}
		return "timestamp_trunc(_PARTITIONTIME, " + strings.ToUpper(p.Granularity) + ")", nil
	}
	column := d.Ident(p.Column)
	switch {
	case p.Type == "int64":
		return fmt.Sprintf("range_bucket(%s, generate_array(%d, %d, %d))", column, p.Start, p.End, p.Interval), nil
	case p.Type == "date" && p.Granularity == warehouse.Day:
		return column, nil
	}
	return p.Type + "_trunc(" + column + ", " + strings.ToUpper(p.Granularity) + ")", nil
}

// checkPartition refuses what BigQuery has no partitions for.
func checkPartition(p warehouse.Partition) error {
	switch p.Type {
	case "int64":
		if p.Column == "" || p.Interval <= 0 || p.End <= p.Start {
			return fmt.Errorf("partition by %q: an int64 partition needs a column, a start before its end and an interval above 0", p.Column)
		}
		if p.Granularity != "" {
			return fmt.Errorf("partition by %q: int64 has no granularity", p.Column)
		}
		return nil
	case "date", "timestamp", "datetime":
	default:
		return fmt.Errorf("partition by %q: %q is not date, timestamp, datetime or int64", p.Column, p.Type)
	}
	switch p.Granularity {
	case warehouse.Day, warehouse.Month, warehouse.Year:
	case warehouse.Hour:
		if p.Type == "date" && p.Column != "" {
			return fmt.Errorf("partition by %q: a date has no hours: set the granularity to day, month or year", p.Column)
		}
	default:
		return fmt.Errorf("partition by %q: granularity %q is not hour, day, month or year", p.Column, p.Granularity)
	}
	return nil
}

// storage writes PARTITION BY and CLUSTER BY, a line each.
func (d Dialect) storage(l *warehouse.Layout) (string, error) {
	if l == nil {
		return "", nil
	}
	var b strings.Builder
	if l.Partition != nil {
		expr, err := d.partitionBy(*l.Partition)
		if err != nil {
			return "", err
		}
		b.WriteString("\npartition by " + expr)
	}
	if len(l.Cluster) > 0 {
		b.WriteString("\ncluster by " + d.idents("", l.Cluster))
	}
	return b.String(), nil
}

// optionsOf says which options a kind of relation takes.
type optionsOf struct {
	table, view, materialized bool
}

// options writes the OPTIONS clause on a line of its own, empty where there is none.
func (d Dialect) options(name string, l *warehouse.Layout, of optionsOf) (string, error) {
	var out []string
	add := func(key, value string) { out = append(out, key+" = "+value) }
	hours := 0.0
	if aside(name) {
		hours = asideHours
	}
	if l != nil {
		if l.Hours < 0 || l.PartitionDays < 0 {
			return "", fmt.Errorf("%s: a life time below 0", name)
		}
		if hours == 0 {
			hours = l.Hours
		}
		if of.table && l.RequirePartitionFilter {
			add("require_partition_filter", "true")
		}
		if of.table && l.PartitionDays > 0 {
			if l.Partition == nil || l.Partition.Type == "int64" {
				return "", fmt.Errorf("%s: partitions expire only in a table that is partitioned by time", name)
			}
			add("partition_expiration_days", strconv.FormatFloat(l.PartitionDays, 'f', -1, 64))
		}
		if !of.view && l.KMSKey != "" {
			add("kms_key_name", d.Literal(l.KMSKey))
		}
	}
	if hours > 0 {
		add("expiration_timestamp", fmt.Sprintf("timestamp_add(current_timestamp(), interval %d second)", int64(hours*3600)))
	}
	if l != nil {
		if len(l.Labels) > 0 {
			add("labels", d.labels(l.Labels))
		}
		if r := l.Refresh; of.materialized && r != nil {
			add("enable_refresh", strconv.FormatBool(r.Automatic))
			if r.Automatic && r.Minutes > 0 {
				add("refresh_interval_minutes", strconv.FormatFloat(r.Minutes, 'f', -1, 64))
			}
			if r.MaxStaleness != "" {
				add("max_staleness", r.MaxStaleness)
			}
		}
	}
	if len(out) == 0 {
		return "", nil
	}
	return "\noptions (" + strings.Join(out, ", ") + ")", nil
}

func (d Dialect) labels(labels map[string]string) string {
	var pairs []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		pairs = append(pairs, "("+d.Literal(k)+", "+d.Literal(labels[k])+")")
	}
	return "[" + strings.Join(pairs, ", ") + "]"
}

// definition writes the column list of a table with its constraints, empty where nothing
// asks for one. typed says that every column has a type.
func (d Dialect) definition(columns []warehouse.Column, l *warehouse.Layout) (text string, err error) {
	var constraints []warehouse.Constraint
	if l != nil {
		constraints = l.Constraints
	}
	notNull := map[string]bool{}
	var promises []string
	for _, c := range constraints {
		switch c.Type {
		case "not_null":
			for _, name := range c.Columns {
				if !slices.ContainsFunc(columns, func(col warehouse.Column) bool { return strings.EqualFold(col.Name, name) }) {
					return "", fmt.Errorf("not_null names the column %q, which is not among %s", name, d.idents("", columnNames(columns)))
				}
				notNull[strings.ToLower(name)] = true
			}
		case "primary_key", "foreign_key":
			text, err := d.promise(c)
			if err != nil {
				return "", err
			}
			promises = append(promises, text)
		default:
			return "", fmt.Errorf("BigQuery has no constraint %s: leave it out and test the column instead", c.Type)
		}
	}
	parts := make([]string, 0, len(columns)+len(promises))
	for _, c := range columns {
		part := d.Ident(c.Name) + " " + c.Type
		if notNull[strings.ToLower(c.Name)] {
			part += " not null"
		}
		parts = append(parts, part)
	}
	return strings.Join(append(parts, promises...), ",\n  "), nil
}

// promise writes a key that BigQuery believes and does not check.
func (d Dialect) promise(c warehouse.Constraint) (string, error) {
	if c.Enforced {
		return "", fmt.Errorf("BigQuery does not enforce a %s: leave enforced out and test the column instead", strings.ReplaceAll(c.Type, "_", " "))
	}
	if len(c.Columns) == 0 {
		return "", fmt.Errorf("a %s needs columns", strings.ReplaceAll(c.Type, "_", " "))
	}
	if c.Type == "primary_key" {
		return "primary key (" + d.idents("", c.Columns) + ") not enforced", nil
	}
	name := ""
	if c.Name != "" {
		name = "constraint " + d.Ident(c.Name) + " "
	}
	if c.To.IsZero() || len(c.ToColumns) != len(c.Columns) {
		return "", fmt.Errorf("a foreign key on %s needs as many columns of another table", d.idents("", c.Columns))
	}
	return name + "foreign key (" + d.idents("", c.Columns) + ") references " + d.Quote(c.To) + " (" + d.idents("", c.ToColumns) + ") not enforced", nil
}

// needsTypes reports whether a layout can be written only together with column types.
func needsTypes(l *warehouse.Layout) bool { return l != nil && len(l.Constraints) > 0 }

// sameSpread reports whether two layouts divide and order rows alike.
func sameSpread(a, b *warehouse.Layout) bool {
	var x, y warehouse.Layout
	if a != nil {
		x = *a
	}
	if b != nil {
		y = *b
	}
	if (x.Partition == nil) != (y.Partition == nil) || x.Partition != nil && !samePartition(*x.Partition, *y.Partition) {
		return false
	}
	return slices.EqualFunc(x.Cluster, y.Cluster, strings.EqualFold)
}

func samePartition(a, b warehouse.Partition) bool {
	if !strings.EqualFold(a.Column, b.Column) || a.Granularity != b.Granularity {
		return false
	}
	if (a.Type == "int64") != (b.Type == "int64") {
		return false
	}
	return a.Type != "int64" || a.Start == b.Start && a.End == b.End && a.Interval == b.Interval
}

package duckdb

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/warehouse"
)

// replacePartitions deletes and inserts: DuckDB has no partitions, so they are ranges of
// the partition column's values. The caller runs all of it in one transaction.
func (d Dialect) replacePartitions(o warehouse.ReplacePartitions) ([]warehouse.Statement, error) {
	of, err := d.partitionOf(o.Partition)
	if err != nil {
		return nil, fmt.Errorf("replace partitions of %s: %w", o.Target, err)
	}
	target, from, columns := d.Quote(o.Target), d.Quote(o.From), d.idents("", o.Columns)
	insert := warehouse.Statement{SQL: "insert into " + target + " (" + columns + ")\nselect " + columns + " from " + from}
	if len(o.Only) == 0 {
		return append(plain("delete from "+target+" as t\nwhere exists (select 1 from (select distinct "+of("s.")+" as part from "+from+
			" as s) as p where p.part is not distinct from "+of("t.")+")"), insert), nil
	}
	only, err := d.partitionsOnly(o)
	if err != nil {
		return nil, fmt.Errorf("replace partitions of %s: %w", o.Target, err)
	}
	column := d.Ident(o.Partition.Column)
	outside, err := d.Render(warehouse.Require{Query: "select " + text("a new row is outside of the partitions to replace: "+o.Partition.Column+" = ") +
		" || coalesce(cast(s." + column + " as varchar), 'NULL') as message from " + from + " as s where (" + of("s.") + " in (" + only + ")) is not true limit 1"})
	if err != nil {
		return nil, err
	}
	outside[0].BodyStart, outside[0].BodyEnd = 0, 0
	return append(outside, warehouse.Statement{SQL: "delete from " + target + " as t\nwhere " + of("t.") + " in (" + only + ")"}, insert), nil
}

// partitionOf is the expression for the partition that a row is in, the row's columns being
// behind an alias with its dot. Values outside of a range are one partition, and NULL is one.
func (d Dialect) partitionOf(p warehouse.Partition) (func(alias string) string, error) {
	column := d.Ident(p.Column)
	switch {
	case p.Column == "":
		return nil, fmt.Errorf("duckdb does not know when a row arrived")
	case p.Type == "int64" && p.Interval > 0:
		return func(alias string) string {
			c := alias + column
			return fmt.Sprintf("case when %s >= %d and %s < %d then (cast(%s as hugeint) - (%d)) // %d when %s is not null then -1 end", c, p.Start, c, p.End, c, p.Start, p.Interval, c)
		}, nil
	}
	switch p.Granularity {
	case warehouse.Hour, warehouse.Day, warehouse.Month, warehouse.Year:
		return func(alias string) string { return "date_trunc(" + text(p.Granularity) + ", " + alias + column + ")" }, nil
	}
	return nil, fmt.Errorf("there is no partition by %s of %s", p.Granularity, p.Type)
}

// partitionsOnly are the values of partitionOf for Only.
func (d Dialect) partitionsOnly(o warehouse.ReplacePartitions) (string, error) {
	p := o.Partition
	if p.Type != "int64" {
		return strings.Join(o.Only, ", "), nil
	}
	out := make([]string, len(o.Only))
	for i, begin := range o.Only {
		v, err := strconv.ParseInt(begin, 10, 64)
		if err != nil {
			return "", fmt.Errorf("%q is no begin of a partition", begin)
		}
		out[i] = strconv.FormatInt((v-p.Start)/p.Interval, 10)
	}
	return strings.Join(out, ", "), nil
}

package materialize

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
)

// checkOverwrite checks the configuration of insert_overwrite.
func checkOverwrite(n *compile.Node) diag.List {
	p := partitionOf(n)
	switch {
	case p == nil:
		return diag.List{overwriteNothing(n, "it has no partitions", `set "partition_by"`)}
	case p.Column == "":
		return diag.List{overwriteNothing(n, "its partitions are those of the time of arrival, so new rows are never of an earlier one", `divide by a column: "partition_by" with "field"`)}
	}
	var ds diag.List
	for _, written := range n.Config.Partitions {
		if _, _, why, help := partitionBegin(*p, written); why != "" {
			ds.Add(partitionLiteral(n, written, why, help))
		}
	}
	return ds
}

// overwrite is the operation that puts the staged rows in place of their partitions.
func overwrite(in In, op warehouse.ReplacePartitions) warehouse.ReplacePartitions {
	op.Partition = *partitionOf(in.Node)
	op.Copy = in.Node.Config.CopyPartitions && in.Caps.CopyPartitions
	type begin struct {
		text  string
		order int64
	}
	var begins []begin
	for _, written := range in.Node.Config.Partitions {
		text, order, _, _ := partitionBegin(op.Partition, written)
		if op.Partition.Type != "int64" {
			text = in.Dialect.Literal(text)
		}
		begins = append(begins, begin{text, order})
	}
	slices.SortFunc(begins, func(a, b begin) int { return cmp.Compare(a.order, b.order) })
	for _, b := range slices.Compact(begins) {
		op.Only = append(op.Only, b.text)
	}
	return op
}

// typedLiteral is «date '2024-01-31'» and «date('2024-01-31')» around the text.
var typedLiteral = regexp.MustCompile(`(?is)^(?:(?:date|timestamp|datetime)\s*(\()?\s*)?(?:'([^']*)'|"([^"]*)")\s*(\))?$`)

// partitionBegin reads one entry of partitions: its text without quotes in the form that
// ReplacePartitions documents, and its place among others. why says what is wrong with it.
func partitionBegin(p warehouse.Partition, written string) (text string, order int64, why, help string) {
	bare := strings.TrimSpace(written)
	if m := typedLiteral.FindStringSubmatch(bare); m != nil && (m[1] == "") == (m[4] == "") {
		bare = m[2] + m[3]
	}
	if p.Type == "int64" {
		v, err := strconv.ParseInt(bare, 10, 64)
		switch {
		case err != nil:
			return "", 0, "it is no whole number", "list the first value of each partition"
		case v < p.Start || v >= p.End:
			return "", 0, "it is outside of the range", "the range is from " + strconv.FormatInt(p.Start, 10) + " to " + strconv.FormatInt(p.End-1, 10)
		}
		if off := (v - p.Start) % p.Interval; off != 0 {
			return "", 0, "no partition begins there", "the partition begins at " + strconv.FormatInt(v-off, 10)
		}
		return strconv.FormatInt(v, 10), v, "", ""
	}
	at, ok := project.Moment(bare)
	if !ok {
		return "", 0, "it is no " + p.Type, `write a value, for example "2024-01-31"; one that depends on the day of the run can come from a variable`
	}
	layout := map[string]string{"date": "2006-01-02", "datetime": "2006-01-02 15:04:05", "timestamp": "2006-01-02 15:04:05+00:00"}[p.Type]
	if begin := truncate(at, p.Granularity); !begin.Equal(at) {
		return "", 0, "no partition begins there", "the partition begins at " + strconv.Quote(begin.Format(layout))
	}
	return at.Format(layout), at.Unix(), "", ""
}

// truncate is the begin of the hour, day, month or year of a time in UTC.
func truncate(at time.Time, granularity string) time.Time {
	year, month, day := at.Date()
	switch granularity {
	case warehouse.Hour:
		return time.Date(year, month, day, at.Hour(), 0, 0, 0, time.UTC)
	case warehouse.Month:
		return time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
	case warehouse.Year:
		return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

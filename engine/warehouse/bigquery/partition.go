package bigquery

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	bq "google.golang.org/api/bigquery/v2"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// maxRanges is how many partitions or ranges of them a merge names. With more of them
// neighbours are joined over the smallest gaps: the merge then reads a little more.
const maxRanges = 1000

// partitions are some partitions of a table.
type partitions struct {
	of     warehouse.Partition
	begins []int64 // microseconds since 1970, or the integers; ascending, each once
	null   bool    // rows whose column is NULL
	beyond bool    // int64 only: rows below Start or from End on
}

func (p partitions) empty() bool { return len(p.begins) == 0 && !p.null && !p.beyond }

// column is the partitioning column behind an alias.
func (d Dialect) column(alias string, p warehouse.Partition) string {
	if p.Column == "" {
		return alias + "._PARTITIONTIME"
	}
	return alias + "." + d.Ident(p.Column)
}

// begin is the expression for the begin of the partition of a row, NULL for rows without one.
func (d Dialect) begin(alias string, p warehouse.Partition) string {
	col := d.column(alias, p)
	if p.Type == "int64" {
		return fmt.Sprintf("if(%s >= %d and %s < %d, %s - mod(%s - %d, %d), null)", col, p.Start, col, p.End, col, col, p.Start, p.Interval)
	}
	return truncOf(p) + "_trunc(" + col + ", " + strings.ToUpper(granularityOf(p)) + ")"
}

// partitionQuery asks for the partitions of the rows of a relation that fulfil where.
func (d Dialect) partitionQuery(from addr.Relation, alias string, p warehouse.Partition, where string) string {
	beyond := "false"
	if p.Type == "int64" {
		beyond = fmt.Sprintf("%s is not null and %s is null", d.column(alias, p), d.begin(alias, p))
	}
	return "select distinct " + d.begin(alias, p) + " as part, " + beyond + " as beyond from " + d.Quote(from) + " as " + alias + where
}

// add takes over one row of partitionQuery.
func (p *partitions) add(part, beyond any) error {
	if b, _ := beyond.(bool); b {
		p.beyond = true
		return nil
	}
	switch v := part.(type) {
	case nil:
		p.null = true
	case int64:
		p.begins = append(p.begins, v)
	case time.Time:
		p.begins = append(p.begins, v.UnixMicro())
	default:
		return fmt.Errorf("partition %v is a %T", part, part)
	}
	return nil
}

func (p *partitions) sort() {
	slices.Sort(p.begins)
	p.begins = slices.Compact(p.begins)
}

// end is where the partition that begins at b ends.
func (p partitions) end(b int64) int64 {
	if p.of.Type == "int64" {
		return min(b+p.of.Interval, p.of.End)
	}
	at := time.UnixMicro(b).UTC()
	switch granularityOf(p.of) {
	case warehouse.Hour:
		at = at.Add(time.Hour)
	case warehouse.Month:
		at = at.AddDate(0, 1, 0)
	case warehouse.Year:
		at = at.AddDate(1, 0, 0)
	default:
		at = at.AddDate(0, 0, 1)
	}
	return at.UnixMicro()
}

func granularityOf(p warehouse.Partition) string {
	if p.Granularity == "" {
		return warehouse.Day
	}
	return p.Granularity
}

// truncOf is the type whose TRUNC and literals fit the partition.
func truncOf(p warehouse.Partition) string {
	if p.Column == "" {
		return "timestamp"
	}
	return p.Type
}

// literal writes a begin or an end.
func (p partitions) literal(v int64) string {
	if p.of.Type == "int64" {
		return strconv.FormatInt(v, 10)
	}
	at := time.UnixMicro(v).UTC()
	switch truncOf(p.of) {
	case "date":
		return "date '" + at.Format("2006-01-02") + "'"
	case "datetime":
		return "datetime '" + at.Format("2006-01-02 15:04:05") + "'"
	}
	return "timestamp '" + at.Format("2006-01-02 15:04:05") + "+00'"
}

type span struct{ from, to int64 }

// spans joins partitions that follow each other, and more of them over the smallest gaps
// until there are most of them (0: never).
func (p partitions) spans(most int) []span {
	var out []span
	for _, b := range p.begins {
		if n := len(out); n > 0 && out[n-1].to >= b {
			out[n-1].to = max(out[n-1].to, p.end(b))
			continue
		}
		out = append(out, span{b, p.end(b)})
	}
	if most <= 0 || len(out) <= most {
		return out
	}
	gaps := make([]int64, 0, len(out)-1)
	for i := 1; i < len(out); i++ {
		gaps = append(gaps, out[i].from-out[i-1].to)
	}
	slices.Sort(gaps)
	// So many gaps are closed, the smallest ones; of equal ones the first.
	limit := gaps[len(out)-most-1]
	equal := len(out) - most - slices.Index(gaps, limit)
	joined := []span{out[0]}
	for _, s := range out[1:] {
		last := &joined[len(joined)-1]
		gap := s.from - last.to
		if gap < limit || gap == limit && equal > 0 {
			if gap == limit {
				equal--
			}
			last.to = s.to
			continue
		}
		joined = append(joined, s)
	}
	return joined
}

// predicate is true for the rows of these partitions, and with most above 0 perhaps for
// those of some between them. It has constants only, so that the service reads nothing of
// other partitions.
func (d Dialect) predicate(alias string, p partitions, most int) string {
	col := d.column(alias, p.of)
	var conds []string
	if p.of.Type == "date" && p.of.Column != "" && granularityOf(p.of) == warehouse.Day && len(p.begins) > 0 && (most <= 0 || len(p.begins) <= most) {
		days := make([]string, len(p.begins))
		for i, b := range p.begins {
			days[i] = p.literal(b)
		}
		conds = append(conds, col+" in ("+strings.Join(days, ", ")+")")
	} else {
		for _, s := range p.spans(most) {
			conds = append(conds, "("+col+" >= "+p.literal(s.from)+" and "+col+" < "+p.literal(s.to)+")")
		}
	}
	if p.beyond {
		conds = append(conds, col+" < "+p.literal(p.of.Start), col+" >= "+p.literal(p.of.End))
	}
	if p.null {
		conds = append(conds, col+" is null")
	}
	if len(conds) == 0 {
		return "false"
	}
	return "(" + strings.Join(conds, " or ") + ")"
}

// named is true for the rows of partitions given as literals in SQL, each the begin of one.
func (d Dialect) named(alias string, p warehouse.Partition, only []string) string {
	col := d.column(alias, p)
	var conds, days []string
	for _, text := range only {
		text = strings.TrimSpace(text)
		switch {
		case strings.EqualFold(text, "null"):
			conds = append(conds, col+" is null")
		case p.Type == "int64":
			b := "cast(" + text + " as INT64)"
			conds = append(conds, "("+col+" >= "+b+" and "+col+" < "+b+" + "+strconv.FormatInt(p.Interval, 10)+")")
		case truncOf(p) == "date" && granularityOf(p) == warehouse.Day:
			days = append(days, "cast("+text+" as DATE)")
		default:
			b := d.namedBegin(p, text)
			conds = append(conds, "("+col+" >= "+b+" and "+col+" < "+d.following(p, b)+")")
		}
	}
	if len(days) > 0 {
		conds = append([]string{col + " in (" + strings.Join(days, ", ") + ")"}, conds...)
	}
	if len(conds) == 0 {
		return "false"
	}
	return "(" + strings.Join(conds, " or ") + ")"
}

func (d Dialect) namedBegin(p warehouse.Partition, text string) string {
	typ := truncOf(p)
	return typ + "_trunc(cast(" + text + " as " + strings.ToUpper(typ) + "), " + strings.ToUpper(granularityOf(p)) + ")"
}

// following is the begin of the partition after the one that begins at expr. Timestamps
// have no months, so those are counted in UTC without a zone.
func (d Dialect) following(p warehouse.Partition, expr string) string {
	unit := strings.ToUpper(granularityOf(p))
	if typ := truncOf(p); typ != "timestamp" {
		return typ + "_add(" + expr + ", interval 1 " + unit + ")"
	}
	if unit == "HOUR" || unit == "DAY" {
		return "timestamp_add(" + expr + ", interval 1 " + unit + ")"
	}
	return "timestamp(datetime_add(datetime(" + expr + "), interval 1 " + unit + "))"
}

// replacePartitions writes the replacement of given partitions as one MERGE. Those that the
// new rows have become known only when the connection does it; what is rendered for them
// comes to the same in two statements.
func (d Dialect) replacePartitions(o warehouse.ReplacePartitions) ([]warehouse.Statement, error) {
	if err := checkPartition(normal(o.Partition)); err != nil {
		return nil, fmt.Errorf("replace partitions of %s: %w", o.Target, err)
	}
	if len(o.Only) > 0 {
		out, err := d.onlyWithin(o)
		return append(out, d.replaceMerge(o, d.named("t", o.Partition, o.Only))), err
	}
	beyond := ""
	if o.Partition.Type == "int64" {
		// Rows outside of the range and rows without a value are two partitions.
		beyond = " and (" + d.column("s", o.Partition) + " is null) = (" + d.column("t", o.Partition) + " is null)"
	}
	columns := d.insertColumns(o, "")
	return plain("delete from "+d.Quote(o.Target)+" as t\nwhere exists (select 1 from "+d.Quote(o.From)+" as s where "+
		d.begin("s", o.Partition)+" is not distinct from "+d.begin("t", o.Partition)+beyond+")",
		"insert into "+d.Quote(o.Target)+" ("+columns+")\nselect "+columns+" from "+d.Quote(o.From)), nil
}

// normal is a partition with its granularity spelled out.
func normal(p warehouse.Partition) warehouse.Partition {
	if p.Type != "int64" {
		p.Granularity = granularityOf(p)
		if p.Type == "" {
			p.Type = truncOf(p)
		}
	}
	return p
}

// onlyWithin stops where rows would land outside of the partitions to replace.
func (d Dialect) onlyWithin(o warehouse.ReplacePartitions) ([]warehouse.Statement, error) {
	message := "concat(" + d.Literal("rows of "+o.From.String()+" lie outside of the partitions to replace, for example one with "+firstOf(o.Partition.Column, "_PARTITIONTIME")+" = ") +
		", coalesce(cast(" + d.column("s", o.Partition) + " as string), 'NULL'))"
	stmts, err := d.Render(warehouse.Require{Query: "select " + message + " as message from " + d.Quote(o.From) + " as s where not coalesce(" + d.named("s", o.Partition, o.Only) + ", false) limit 1"})
	for i := range stmts {
		stmts[i].BodyStart, stmts[i].BodyEnd = 0, 0
	}
	return stmts, err
}

// replaceMerge is one statement, so that readers see all partitions before or after it.
func (d Dialect) replaceMerge(o warehouse.ReplacePartitions, which string) warehouse.Statement {
	return warehouse.Statement{SQL: "merge into " + d.Quote(o.Target) + " as t\nusing " + d.Quote(o.From) + " as s\non false\n" +
		"when not matched by source and " + which + " then delete\n" +
		"when not matched then insert (" + d.insertColumns(o, "") + ") values (" + d.insertColumns(o, "s.") + ")"}
}

// insertColumns lists the columns to copy; the partition of a row that is known by its
// arrival only has to be said.
func (d Dialect) insertColumns(o warehouse.ReplacePartitions, alias string) string {
	out := d.idents(alias, o.Columns)
	if o.Partition.Column == "" {
		out = alias + "_PARTITIONTIME, " + out
	}
	return out
}

// mergePruned merges and looks only at the partitions that the new rows match: those they
// are in themselves, and where the key does not hold the partitioning column, those that
// hold rows with their keys. The latter are found by reading key and partitioning column.
func (c *conn) mergePruned(ctx context.Context, o warehouse.MergeInto) (warehouse.JobStats, warehouse.Statement, error) {
	var d Dialect
	// Full names, because a dataset may have the name of an alias.
	o.Target, o.From = c.full(o.Target), c.full(o.From)
	p := normal(*o.Partition)
	if err := checkPartition(p); err != nil {
		return warehouse.JobStats{}, warehouse.Statement{}, fmt.Errorf("merge into %s: %w", o.Target, err)
	}
	unique, err := d.uniqueKey(o)
	if err != nil {
		return warehouse.JobStats{}, warehouse.Statement{}, err
	}
	all := totals{}
	for _, s := range unique {
		got, err := c.Exec(ctx, s)
		if all.add(got); err != nil {
			return all.sum, s, &warehouse.UnmetError{Err: err}
		}
	}
	keyed := p.Column != "" && slices.ContainsFunc(o.Key, func(k string) bool { return strings.EqualFold(k, p.Column) })
	var which partitions
	query := warehouse.Statement{}
	if keyed {
		// Rows that match have the same key, so the same partition. NULL matches nothing.
		query.SQL = d.partitionQuery(o.From, "s", p, "")
	} else {
		query.SQL = d.partitionQuery(o.Target, "t", p, d.matching(o, p))
	}
	if which, err = c.partitionsOf(ctx, query, p, &all); err != nil {
		return all.sum, query, err
	}
	if keyed {
		which.null = false
	}
	stmts, err := d.merge(o, d.predicate("t", which, maxRanges))
	if err != nil {
		return all.sum, warehouse.Statement{}, err
	}
	last := stmts[len(stmts)-1]
	got, err := c.Exec(ctx, last)
	all.add(got)
	return all.sum, last, err
}

// matching selects the rows of the target whose key a new row has. The condition on the
// partitioning column is always true; a table may refuse to be read without one.
func (d Dialect) matching(o warehouse.MergeInto, p warehouse.Partition) string {
	col := d.column("t", p)
	keys, _ := d.equalKeys(o.Key, nil)
	return "\nwhere (" + col + " is null or " + col + " is not null)\n  and exists (select 1 from " + d.Quote(o.From) + " as s where " + keys + ")"
}

// partitionsOf runs a query of partitionQuery.
func (c *conn) partitionsOf(ctx context.Context, query warehouse.Statement, p warehouse.Partition, all *totals) (partitions, error) {
	out := partitions{of: p}
	r, err := c.Query(ctx, query)
	if err != nil {
		return out, err
	}
	defer r.Close()
	for r.Next() {
		v, err := r.Values()
		if err == nil && len(v) == 2 {
			err = out.add(v[0], v[1])
		}
		if err != nil {
			return out, fmt.Errorf("read partitions: %w", err)
		}
	}
	all.add(warehouse.StatsOf(r))
	out.sort()
	return out, r.Err()
}

// totals adds up what the statements of one operation took; rows and id are the last one's.
type totals struct {
	mu  sync.Mutex
	sum warehouse.JobStats
}

func (t *totals) add(s warehouse.JobStats) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum.JobID, t.sum.Rows, t.sum.Project, t.sum.Location = firstOf(s.JobID, t.sum.JobID), s.Rows, firstOf(s.Project, t.sum.Project), firstOf(s.Location, t.sum.Location)
	t.sum.Bytes += max(s.Bytes, 0)
	t.sum.Billed += s.Billed
	t.sum.SlotMillis += s.SlotMillis
	t.sum.Duration += s.Duration
	t.sum.Retries = append(t.sum.Retries, s.Retries...)
}

// replaceFound puts the rows of From in place of the partitions they are in.
func (c *conn) replaceFound(ctx context.Context, o warehouse.ReplacePartitions) (warehouse.JobStats, warehouse.Statement, error) {
	var d Dialect
	p := normal(o.Partition)
	if err := checkPartition(p); err != nil {
		return warehouse.JobStats{}, warehouse.Statement{}, fmt.Errorf("replace partitions of %s: %w", o.Target, err)
	}
	o.Partition = p
	all := &totals{}
	if len(o.Only) > 0 {
		within, err := d.onlyWithin(o)
		if err != nil {
			return all.sum, warehouse.Statement{}, err
		}
		for _, s := range within {
			got, err := c.Exec(ctx, s)
			if all.add(got); err != nil {
				return all.sum, s, err
			}
		}
	}
	if len(o.Only) > 0 && !o.Copy {
		stmt := d.replaceMerge(o, d.named("t", p, o.Only))
		got, err := c.Exec(ctx, stmt)
		all.add(got)
		return all.sum, stmt, err
	}
	query := warehouse.Statement{SQL: d.partitionQuery(o.From, "s", p, "")}
	which, err := c.partitionsOf(ctx, query, p, all)
	if err != nil {
		return all.sum, query, err
	}
	if o.Copy {
		stmt, err := c.copyPartitions(ctx, o, which, all)
		return all.sum, stmt, err
	}
	if which.empty() {
		return all.sum, warehouse.Statement{}, nil
	}
	stmt := d.replaceMerge(o, d.predicate("t", which, 0))
	got, err := c.Exec(ctx, stmt)
	all.add(got)
	return all.sum, stmt, err
}

// decorator is the id of a partition behind «$».
func (p partitions) decorator(b int64) string {
	if p.of.Type == "int64" {
		return strconv.FormatInt(b, 10)
	}
	layout := map[string]string{warehouse.Hour: "2006010215", warehouse.Day: "20060102", warehouse.Month: "200601", warehouse.Year: "2006"}[granularityOf(p.of)]
	return time.UnixMicro(b).UTC().Format(layout)
}

// copyPartitions copies whole partitions, several at once: jobs that cost nothing, each of
// which replaces one partition at once. Rows that are in no proper partition, and
// partitions to be emptied, have no such copy and take a statement, which comes last.
func (c *conn) copyPartitions(ctx context.Context, o warehouse.ReplacePartitions, which partitions, all *totals) (warehouse.Statement, error) {
	within, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wg sync.WaitGroup
	places := make(chan struct{}, c.limit.allowed())
	for _, b := range which.begins {
		places <- struct{}{}
		if within.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-places }()
			from, to := c.ref(o.From), c.ref(o.Target)
			id := which.decorator(b)
			from.TableId += "$" + id
			to.TableId += "$" + id
			_, got, err := c.run(within, work{ours: true, config: &bq.JobConfiguration{Copy: &bq.JobConfigurationTableCopy{
				SourceTable: from, DestinationTable: to, CreateDisposition: "CREATE_NEVER", WriteDisposition: "WRITE_TRUNCATE",
			}}})
			all.add(got)
			if err != nil {
				stop(fmt.Errorf("copy partition %s: %w", id, err))
			}
		})
	}
	wg.Wait()
	if cause := context.Cause(within); cause != nil {
		return warehouse.Statement{}, cause
	}
	all.sum.Rows = -1
	return c.copyRest(ctx, o, which, all)
}

// copyRest does what copies of partitions cannot.
func (c *conn) copyRest(ctx context.Context, o warehouse.ReplacePartitions, which partitions, all *totals) (warehouse.Statement, error) {
	var d Dialect
	odd := partitions{of: which.of, null: which.null, beyond: which.beyond}
	var stmts []warehouse.Statement
	if !odd.empty() {
		columns := d.insertColumns(o, "")
		stmts = append(stmts, warehouse.Statement{SQL: "merge into " + d.Quote(o.Target) + " as t\nusing (select " + columns + " from " + d.Quote(o.From) + " as s where " + d.predicate("s", odd, 0) +
			") as s\non false\nwhen not matched by source and " + d.predicate("t", odd, 0) + " then delete\nwhen not matched then insert (" + columns + ") values (" + d.insertColumns(o, "s.") + ")"})
	}
	if len(o.Only) > 0 {
		// What was copied has been replaced; of the rest of Only there are no new rows.
		where := d.named("t", o.Partition, o.Only)
		if !which.empty() {
			where += "\nand not coalesce(" + d.predicate("t", which, 0) + ", false)"
		}
		stmts = append(stmts, warehouse.Statement{SQL: "delete from " + d.Quote(o.Target) + " as t\nwhere " + where})
	}
	for _, s := range stmts {
		got, err := c.Exec(ctx, s)
		if all.add(got); err != nil {
			return s, err
		}
	}
	return warehouse.Statement{}, nil
}

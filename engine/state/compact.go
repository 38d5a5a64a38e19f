package state

import (
	"context"
	"fmt"

	"github.com/engine-build/engine/engine/warehouse"
)

// Limits say how much history Compact leaves.
type Limits struct {
	Keep  int   // newest records kept per node and per test, at least 1
	Runs  int   // newest runs kept, at least 1
	Above int64 // tables with fewer rows in the scope are left alone
}

// DefaultLimits keep some months of daily builds of a project of middle size.
var DefaultLimits = Limits{Keep: 20, Runs: 1000, Above: 100_000}

// Compact removes old records of a scope and returns how many. have are the tables as they
// were a short while ago: those with few rows are not looked at again. Each table is cleaned by one
// DELETE, which a warehouse does entirely or not at all, so a crash loses no record that
// Read would return.
func Compact(ctx context.Context, c warehouse.Conn, s Scope, l Limits, have Tables) (int64, error) {
	var removed int64
	for _, t := range tables {
		rel, ok := have[t.name]
		if !ok || rel.Rows >= 0 && rel.Rows <= l.Above {
			continue // the scope cannot have more than all of them have
		}
		before, err := t.count(ctx, c, s)
		if err != nil {
			return removed, err
		}
		if before <= l.Above {
			continue
		}
		keep := l.Keep
		if t.name == runs.name {
			keep = l.Runs
		}
		if _, err := c.Exec(ctx, warehouse.Statement{SQL: t.forget(c.Dialect(), s, max(keep, 1))}); err != nil {
			return removed, fmt.Errorf("compact %s.%s: %w", Schema, t.name, err)
		}
		after, err := t.count(ctx, c, s)
		if err != nil {
			return removed, err
		}
		removed += max(before-after, 0)
	}
	return removed, nil
}

func (t table) count(ctx context.Context, c warehouse.Conn, s Scope) (int64, error) {
	d := c.Dialect()
	sql := fmt.Sprintf("SELECT count(*) FROM %s WHERE %s = %s", d.Quote(t.relation(s.Database)), d.Ident("scope"), d.Literal(s.String()))
	var n int64
	err := query(ctx, c, sql, "count "+Schema+"."+t.name, func(v []any) { n = number(v[0]) })
	return n, err
}

// forget deletes all but the newest rows of each subject. Rows are told apart by subject
// and run; joining both with a line break is safe, names have none.
func (t table) forget(d warehouse.Dialect, s Scope, keep int) string {
	key := d.Ident(t.subject) + " || " + d.Literal("\n") + " || " + d.Ident(t.id)
	return fmt.Sprintf("DELETE FROM %s WHERE %s = %s AND %s NOT IN (SELECT %s FROM (%s) AS kept WHERE engine_rank <= %d)",
		d.Quote(t.relation(s.Database)), d.Ident("scope"), d.Literal(s.String()), key, key, t.ranked(d, s), keep)
}

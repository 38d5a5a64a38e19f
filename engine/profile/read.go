package profile

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/engine-build/engine/engine/warehouse"
)

// DefaultRows is how many rows of a relation are read where nothing else is said.
const DefaultRows = 100_000

// Timeout bounds the scan of one relation.
const Timeout = time.Minute

// Read scans a relation by one statement. At most about limit rows are read: of a larger
// relation a sample, of one whose size is not known the first that come. ok is false for a
// relation of which no column may be read; the error wraps warehouse.ErrUnsupported where the
// warehouse has no words for it.
func Read(ctx context.Context, conn warehouse.Conn, s Scan, limit int64, at time.Time) (out Table, ok bool, err error) {
	d := conn.Dialect()
	summarizer, can := d.(warehouse.Summarizer)
	if !can {
		return Table{}, false, fmt.Errorf("profile %s: %w", s.Relation, warehouse.ErrUnsupported)
	}
	if len(s.Columns) == 0 {
		return Table{}, false, nil
	}
	limit = max(limit, 1)
	sql, sampled := statement(d, summarizer.Summary(), &s, limit)
	job := warehouse.JobOf(ctx)
	job.Node = s.Node
	if s.MaxBytes > 0 {
		job.MaxBytes = s.MaxBytes
	}
	ctx, stop := context.WithTimeout(warehouse.WithJob(ctx, job), Timeout)
	defer stop()
	rows, err := conn.Query(ctx, warehouse.Statement{SQL: sql})
	if err != nil {
		return Table{}, false, fmt.Errorf("profile %s: %w", s.Relation, err)
	}
	defer rows.Close()
	out = Table{Node: s.Node, At: at, Sampled: sampled, Columns: make([]Column, len(s.Columns))}
	seen := 0
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return Table{}, false, fmt.Errorf("profile %s: %w", s.Relation, err)
		}
		if len(v) != 7 {
			return Table{}, false, fmt.Errorf("profile %s: a row has %d values, want 7", s.Relation, len(v))
		}
		i := whole(v[0])
		if i < 0 || i >= int64(len(s.Columns)) {
			return Table{}, false, fmt.Errorf("profile %s: there is no column %d", s.Relation, i)
		}
		seen++
		out.Rows = whole(v[1])
		c := &out.Columns[i]
		c.Name, c.Nulls = s.Columns[i].Name, out.Rows-whole(v[2])
		if c.Distinct = whole(v[3]); c.Distinct > whole(v[2]) {
			c.Distinct = whole(v[2]) // it is about right
		}
		c.Min, c.Max, c.Top = word(v[4]), word(v[5]), topOf(word(v[6]))
	}
	if err := rows.Err(); err != nil {
		return Table{}, false, fmt.Errorf("profile %s: %w", s.Relation, err)
	}
	if seen != len(s.Columns) {
		return Table{}, false, fmt.Errorf("profile %s: %d of %d columns came back", s.Relation, seen, len(s.Columns))
	}
	if s.Rows < 0 || s.Kind == warehouse.View {
		out.Sampled = out.Rows >= s.sampleRows(limit) // the first that came
	}
	return out, true, nil
}

// topOf are the most frequent values. Those that one row has say nothing.
func topOf(text string) []Value {
	var list []struct {
		Value       *string
		Rows, Count int64
	}
	if text == "" || json.Unmarshal([]byte(text), &list) != nil {
		return nil
	}
	var out []Value
	for _, v := range list {
		if rows := max(v.Rows, v.Count); v.Value != nil && rows > 1 {
			out = append(out, Value{Value: *v.Value, Rows: rows})
		}
	}
	// Not every warehouse puts values that are as frequent as each other in an order.
	slices.SortStableFunc(out, func(a, b Value) int { return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Value, b.Value)) })
	return out[:min(len(out), topValues)]
}

func whole(v any) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case int32:
		return int64(v)
	case float64:
		return int64(v)
	}
	return -1
}

func word(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return ""
}

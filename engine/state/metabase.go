package state

import (
	"context"
	"fmt"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// Shown is what was last written to one table of a BI tool, so that a later run knows what
// somebody has changed there by hand since.
type Shown struct {
	// Table names the table: server, database, schema, name.
	Table string
	// Values are by what they are of («description», «fields/id/semantic_type»). They are
	// hashes or short words, never secrets.
	Values map[string]string
}

// shown is made when it is first written to.
var shown = table{
	name:    "metabase_values",
	columns: []string{"scope", "table_id", "values_json", "at", "run_id"},
	subject: "table_id", at: "at", id: "run_id",
}

// shownSize is about how much text one statement has, unless one row has more: rows are added
// until it is passed. BigQuery takes statements of one megabyte.
const shownSize = 200_000

// ReadShown reads what was last written, by table. There is nothing where nothing was ever.
func ReadShown(ctx context.Context, c warehouse.Conn, s Scope) (map[string]Shown, error) {
	found, err := c.Inspect(ctx, []addr.Relation{shown.relation(s.Database)})
	if err != nil {
		return nil, fmt.Errorf("inspect schema %s: %w", Schema, err)
	}
	out := map[string]Shown{}
	for _, rel := range found {
		err := query(ctx, c, shown.latest(c.Dialect(), s, rel), "read "+Schema+"."+shown.name, func(v []any) {
			r := Shown{Table: text(v[1])}
			unmarshal(v[2], &r.Values)
			out[r.Table] = r
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// WriteShown records what was written. The newest record of a table counts, earlier ones are
// removed.
func WriteShown(ctx context.Context, c warehouse.Conn, s Scope, runID string, at time.Time, list []Shown) error {
	if len(list) == 0 {
		return nil
	}
	d := c.Dialect()
	target := shown.relation(s.Database)
	columns := shown.typed(d)
	ops := []warehouse.Op{
		warehouse.CreateSchema{Database: s.Database, Schema: Schema},
		warehouse.CreateTable{Target: target, Columns: columns, IfNotExists: true},
	}
	var rows [][]any
	size := 0
	for i, r := range list {
		values := marshaled(r.Values)
		rows = append(rows, []any{s.String(), r.Table, values, stamp(at), runID})
		size += len(values) + len(r.Table)
		if i+1 == len(list) || size > shownSize {
			ops = append(ops, warehouse.InsertValues{Target: target, Columns: columns, Rows: rows})
			rows, size = nil, 0
		}
	}
	for _, op := range ops {
		statements, err := d.Render(op)
		if err != nil {
			return fmt.Errorf("write %s.%s: %w", Schema, shown.name, err)
		}
		for _, stmt := range statements {
			if _, err := c.Exec(ctx, stmt); err != nil {
				return fmt.Errorf("write %s.%s: %w", Schema, shown.name, err)
			}
		}
	}
	if _, err := c.Exec(ctx, warehouse.Statement{SQL: shown.forget(d, s, 1)}); err != nil {
		return fmt.Errorf("remove earlier rows of %s.%s: %w", Schema, shown.name, err)
	}
	return nil
}

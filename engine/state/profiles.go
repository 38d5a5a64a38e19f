package state

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-json"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/profile"
	"github.com/engine-build/engine/engine/warehouse"
)

// profiles has the newest profile of each node. It is made when it is first written to.
var profiles = table{
	name:    "profiles",
	columns: []string{"scope", "node", "profile", "at", "run_id"},
	subject: "node", at: "at", id: "run_id",
}

// profileBytes is the most text of profiles in one statement.
const profileBytes = 600_000

// ProfileSetup makes the table that ProfileOps write to, unless it exists.
func ProfileSetup(d warehouse.Dialect, database string) []warehouse.Op {
	return []warehouse.Op{
		warehouse.CreateSchema{Database: database, Schema: Schema},
		warehouse.CreateTable{Target: profiles.relation(database), Columns: profiles.typed(d), IfNotExists: true},
	}
}

// ProfileOps record profiles, each in the place of the node's earlier one; none, no operation.
func ProfileOps(d warehouse.Dialect, s Scope, runID string, list []profile.Table) []warehouse.Op {
	var ops []warehouse.Op
	var rows [][]any
	var names []string
	size := 0
	flush := func() {
		if len(rows) == 0 {
			return
		}
		ops = append(ops,
			warehouse.SQL{Text: fmt.Sprintf("DELETE FROM %s WHERE %s = %s AND %s IN (%s)", d.Quote(profiles.relation(s.Database)), d.Ident("scope"), d.Literal(s.String()), d.Ident("node"), strings.Join(names, ", "))},
			warehouse.InsertValues{Target: profiles.relation(s.Database), Columns: profiles.typed(d), Rows: rows})
		rows, names, size = nil, nil, 0
	}
	for _, p := range list {
		text := marshaled(p)
		if size+len(text) > profileBytes {
			flush()
		}
		size += len(text)
		names = append(names, d.Literal(p.Node.String()))
		rows = append(rows, []any{s.String(), p.Node.String(), text, stamp(p.At), runID})
	}
	flush()
	return ops
}

// WriteProfiles records profiles, and makes the table where it is missing. Nothing is written
// where there are none.
func WriteProfiles(ctx context.Context, c warehouse.Conn, s Scope, runID string, list []profile.Table) error {
	d := c.Dialect()
	ops := ProfileOps(d, s, runID, list)
	if len(ops) > 0 {
		ops = append(ProfileSetup(d, s.Database), ops...)
	}
	for _, op := range ops {
		statements, err := d.Render(op)
		if err != nil {
			return fmt.Errorf("write %s.%s: %w", Schema, profiles.name, err)
		}
		for _, stmt := range statements {
			if _, err := c.Exec(ctx, stmt); err != nil {
				return fmt.Errorf("write %s.%s: %w", Schema, profiles.name, err)
			}
		}
	}
	return nil
}

// readProfiles reads the newest profile of every node; one that cannot be read is unknown.
func readProfiles(ctx context.Context, c warehouse.Conn, s Scope, rel warehouse.Relation, into map[addr.Node]profile.Table) error {
	return query(ctx, c, profiles.latest(c.Dialect(), s, rel), "read "+Schema+"."+profiles.name, func(v []any) {
		var p profile.Table
		if node, err := addr.ParseNode(text(v[1])); err == nil && json.Unmarshal([]byte(text(v[2])), &p) == nil {
			p.Node = node
			p.Columns = slices.Clip(p.Columns)
			into[node] = p
		}
	})
}

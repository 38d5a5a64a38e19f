package postgres

import (
	"context"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

var _ warehouse.Stocktaker = (*conn)(nil)

// Stock implements warehouse.Stocktaker with one look at the catalog.
func (c *conn) Stock(ctx context.Context, specs []warehouse.ReleaseSpec) (map[string]warehouse.Stock, error) {
	out := make(map[string]warehouse.Stock, len(specs))
	owner := map[string]string{} // of schemas
	var d Dialect
	var names []string
	for _, s := range specs {
		for _, schema := range s.Schemas {
			owner[schema] = s.Customer
			names = append(names, d.Literal(schema))
		}
	}
	if len(names) == 0 {
		return out, nil
	}
	rows, err := c.Query(ctx, warehouse.Statement{SQL: `SELECT n.nspname::text, c.relname::text
FROM pg_catalog.pg_namespace AS n JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid
WHERE n.nspname IN (` + strings.Join(names, ", ") + `) AND c.relkind IN ('r', 'p', 'v', 'm')`})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return nil, err
		}
		schema, _ := v[0].(string)
		name, _ := v[1].(string)
		customer := owner[schema]
		if out[customer].Relations == nil {
			out[customer] = warehouse.Stock{Relations: map[addr.Relation]bool{}}
		}
		out[customer].Relations[addr.Relation{Schema: schema, Name: name}] = true
	}
	return out, rows.Err()
}

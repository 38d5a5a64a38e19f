package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

var (
	_ warehouse.Impersonator = (*conn)(nil)
	_ warehouse.Policed      = (*conn)(nil)
)

// Policed implements warehouse.Policed: tables have row level security.
func (c *conn) Policed() bool { return true }

// insufficientPrivilege is the SQLSTATE of what a role must not do.
const insufficientPrivilege = "42501"

// Reads implements warehouse.Impersonator: in a transaction that takes the principal's role and
// is rolled back. Privileges are asked for all relations at once; those that seem readable are
// then read, no row of them, since a view's owner may lack what its readers have.
func (c *conn) Reads(ctx context.Context, principal string, rels []addr.Relation) (map[addr.Relation]bool, error) {
	out := make(map[addr.Relation]bool, len(rels))
	if len(rels) == 0 {
		return out, nil
	}
	tx, err := c.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer tx.Close()
	d := c.Dialect()
	do := func(sql string) error {
		_, err := tx.Exec(ctx, warehouse.Statement{SQL: sql})
		return err
	}
	if err := do("SET LOCAL ROLE " + d.Ident(principal)); err != nil {
		if refused(err) {
			return nil, fmt.Errorf("act as %s: %w", principal, warehouse.ErrUnsupported)
		}
		return nil, err
	}
	names := make([]string, 0, len(rels))
	asked := map[[2]string][]addr.Relation{}
	for _, r := range rels {
		k := [2]string{r.Schema, r.Name}
		if asked[k] == nil {
			names = append(names, "("+d.Literal(r.Schema)+", "+d.Literal(r.Name)+")")
		}
		asked[k] = append(asked[k], r)
	}
	rows, err := tx.Query(ctx, warehouse.Statement{SQL: `SELECT n.nspname::text, c.relname::text
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE (n.nspname::text, c.relname::text) IN (` + strings.Join(names, ", ") + `)
  AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT')
ORDER BY 1, 2`})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var seen []addr.Relation
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return nil, err
		}
		schema, _ := v[0].(string)
		name, _ := v[1].(string)
		seen = append(seen, asked[[2]string{schema, name}]...)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	rows.Close()
	if len(seen) == 0 {
		return out, nil
	}
	read := func(rels ...addr.Relation) error {
		parts := make([]string, len(rels))
		for i, r := range rels {
			parts[i] = "(SELECT NULL::integer AS n FROM " + d.Quote(r) + " LIMIT 0)"
		}
		if err := do("SAVEPOINT engine_reads"); err != nil {
			return err
		}
		failed := do(strings.Join(parts, "\nUNION ALL "))
		if err := do("ROLLBACK TO SAVEPOINT engine_reads"); err != nil {
			return err
		}
		return failed
	}
	if err := read(seen...); err == nil {
		for _, r := range seen {
			out[r] = true
		}
		return out, nil
	} else if !refused(err) {
		return nil, err
	}
	for _, r := range seen {
		err := read(r)
		if err != nil && !refused(err) {
			return nil, err
		}
		out[r] = err == nil
	}
	return out, nil
}

// refused reports whether an error is about a privilege.
func refused(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == insufficientPrivilege
}

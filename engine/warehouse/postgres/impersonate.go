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
	tx, err := c.become(ctx, principal)
	if err != nil {
		return nil, err
	}
	defer tx.Close()
	d := c.Dialect()
	do := func(sql string) error {
		_, err := tx.Exec(ctx, warehouse.Statement{SQL: sql})
		return err
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

// become begins a transaction in which the principal asks.
func (c *conn) become(ctx context.Context, principal string) (warehouse.Tx, error) {
	tx, err := c.Begin(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, warehouse.Statement{SQL: "SET LOCAL ROLE " + c.Dialect().Ident(principal)}); err != nil {
		_ = tx.Close()
		if refused(err) {
			return nil, fmt.Errorf("act as %s: %w", principal, warehouse.ErrUnsupported)
		}
		return nil, err
	}
	return tx, nil
}

// Answers implements warehouse.Impersonator.
func (c *conn) Answers(ctx context.Context, principal string, queries []string) ([]int64, error) {
	if len(queries) == 0 {
		return nil, nil
	}
	tx, err := c.become(ctx, principal)
	if err != nil {
		return nil, err
	}
	defer tx.Close()
	out := make([]int64, 0, len(queries))
	for _, query := range queries {
		n, err := numberOf(ctx, tx, query)
		if err != nil {
			return nil, fmt.Errorf("ask as %s: %w", principal, err)
		}
		out = append(out, n)
	}
	return out, nil
}

// numberOf is the one whole number of a query.
func numberOf(ctx context.Context, tx warehouse.Tx, query string) (n int64, err error) {
	rows, err := tx.Query(ctx, warehouse.Statement{SQL: query})
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	found := false
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return 0, err
		}
		if found || len(v) != 1 {
			return 0, errors.New("the query gives more than one number")
		}
		if n, found = v[0].(int64); !found {
			return 0, fmt.Errorf("the query gives %T and no whole number", v[0])
		}
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	if !found {
		return 0, errors.New("the query gives no number")
	}
	return n, nil
}

// refused reports whether an error is about a privilege.
func refused(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == insufficientPrivilege
}

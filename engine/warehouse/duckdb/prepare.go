package duckdb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
	target "github.com/engine-build/engine/engine/transpile/duckdb"
	"github.com/engine-build/engine/engine/warehouse"
)

// Prepare makes the macros that translated statements need, in the database's schema
// _engine: all there are as soon as one is missing, so that queries to come find theirs.
// Macros that are there in their present form are left alone. The Go functions are part of
// every connection.
func (c *conn) Prepare(ctx context.Context, needs []string) error {
	needed := target.Close(needs)
	if len(needed) == 0 {
		return nil
	}
	present, err := c.macros(ctx)
	if err != nil {
		return fmt.Errorf("look up the macros of schema %s: %w", target.Schema, err)
	}
	if !slices.ContainsFunc(needed, func(m target.Macro) bool { return present[m.Name] != markOf(m.SQL) }) {
		return nil
	}
	var statements []string
	for _, m := range target.Macros() {
		if mark := markOf(m.SQL); present[m.Name] != mark {
			statements = append(statements, m.SQL, "COMMENT ON MACRO "+target.Schema+"."+m.Name+" IS '"+mark+"'")
		}
	}
	if len(statements) == 0 {
		return nil
	}
	tx, err := c.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Close()
	for _, s := range append([]string{"CREATE SCHEMA IF NOT EXISTS " + target.Schema}, statements...) {
		if _, err := tx.Exec(ctx, warehouse.Statement{SQL: s}); err != nil {
			return fmt.Errorf("make the macros of schema %s: %w", target.Schema, err)
		}
	}
	return tx.Commit(ctx)
}

// macros are the marks of the macros that the database has, by name.
func (c *conn) macros(ctx context.Context) (map[string]string, error) {
	rows, err := c.Query(ctx, warehouse.Statement{SQL: "SELECT function_name, comment FROM duckdb_functions() WHERE schema_name = '" + target.Schema + "' AND database_name = current_database()"})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return nil, err
		}
		name, _ := v[0].(string)
		out[name], _ = v[1].(string)
	}
	return out, rows.Err()
}

// markOf tells one form of a macro from another.
func markOf(sql string) string {
	sum := sha256.Sum256([]byte(sql))
	return "engine " + hex.EncodeToString(sum[:8])
}

// Translator writes GoogleSQL anew for DuckDB.
func (Driver) Translator() transpile.Target { return translator{} }

type translator struct{}

// Name is «duckdb».
func (translator) Name() string { return Dialect{}.Name() }

// Version of the translation.
func (translator) Version() string { return target.Version }

// Statement writes a statement.
func (translator) Statement(s ir.Stmt, o transpile.Options) (transpile.Result, error) {
	return target.Statement(s, o)
}

// Type is DuckDB's type for values of t.
func (translator) Type(t *ir.Type) (string, error) { return target.Type(t) }

// Parse is the GoogleSQL type that holds the values of a DuckDB type.
func (translator) Parse(native string) (*ir.Type, bool) { return googleType(native) }

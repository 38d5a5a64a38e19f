package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
	target "github.com/engine-build/engine/engine/transpile/postgres"
	"github.com/engine-build/engine/engine/warehouse"
)

// prepareLock is the key of the advisory lock under which the run time is made, so that
// two builds do not make it at once: the bytes of «_engine» as a number.
const prepareLock = 0x5f656e67696e65

// Prepare makes the named functions and types of the run time, and all functions as soon as
// one is missing.
func (c *conn) Prepare(ctx context.Context, needs []string) error { return prepare(ctx, c, needs) }

// prepare makes the functions and types that translated statements need, in the schema
// _engine of the database: all functions as soon as one is missing, so that queries to
// come find theirs, and of the types those that are needed. What is there in its present
// form is left alone, and nothing is sent but one query. Each function carries a mark in
// its comment that tells its form.
//
// Everybody may call the functions: they read nothing but their arguments, and whoever
// reads a view of a translated model calls them.
func prepare(ctx context.Context, c warehouse.Conn, needs []string) error {
	needed := target.Close(needs)
	if len(needed) == 0 {
		return nil
	}
	state, err := lookUpRuntime(ctx, c)
	if err != nil {
		return err
	}
	if state.holds(needed) {
		return nil
	}
	if err := state.allowed(); err != nil {
		return err
	}
	tx, err := warehouse.Begin(ctx, c)
	if err != nil {
		return fmt.Errorf("make the functions of schema %s: %w", target.Schema, err)
	}
	defer tx.Close()
	// Another build may have made them since; the lock ends with the transaction.
	if _, err := tx.Exec(ctx, warehouse.Statement{SQL: "SELECT pg_advisory_xact_lock(" + strconv.FormatInt(prepareLock, 10) + ")"}); err != nil {
		return fmt.Errorf("wait for another build to make the functions of schema %s: %w", target.Schema, err)
	}
	if state, err = lookUpRuntime(ctx, tx); err != nil {
		return err
	}
	if text := state.script(needed); text != "" {
		if _, err := tx.Exec(ctx, warehouse.Statement{SQL: text}); err != nil {
			return fmt.Errorf("make the functions of schema %s: %w", target.Schema, err)
		}
	}
	return tx.Commit(ctx)
}

// runtimeState is what a database has of the run time.
type runtimeState struct {
	database, role string
	encoding       string
	schema         bool // exists
	may            bool // the role may make it, or things in it
	marks          map[string]bool
}

// lookUpQuery finds the schema, what the role may do, and the functions and types with
// their marks.
const lookUpQuery = `SELECT 'database', current_database()::text, has_database_privilege(current_database(), 'CREATE')::text
UNION ALL
SELECT 'role', current_user::text, NULL
UNION ALL
SELECT 'encoding', current_setting('server_encoding'), NULL
UNION ALL
SELECT 'schema', nspname::text, has_schema_privilege(oid, 'CREATE')::text FROM pg_catalog.pg_namespace WHERE nspname = '` + target.Schema + `'
UNION ALL
SELECT 'function', p.proname::text, pg_catalog.obj_description(p.oid, 'pg_proc')
FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = '` + target.Schema + `'
UNION ALL
SELECT 'type', t.typname::text, NULL
FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace WHERE n.nspname = '` + target.Schema + `' AND t.typtype = 'c'`

func lookUpRuntime(ctx context.Context, c warehouse.Conn) (runtimeState, error) {
	s := runtimeState{marks: map[string]bool{}}
	rows, err := c.Query(ctx, warehouse.Statement{SQL: lookUpQuery})
	if err != nil {
		return s, fmt.Errorf("look up the functions of schema %s: %w", target.Schema, err)
	}
	defer rows.Close()
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return s, fmt.Errorf("look up the functions of schema %s: %w", target.Schema, err)
		}
		kind, _ := v[0].(string)
		name, _ := v[1].(string)
		rest, _ := v[2].(string)
		switch kind {
		case "database":
			s.database = name
			s.may = s.may || !s.schema && rest == "true"
		case "role":
			s.role = name
		case "encoding":
			s.encoding = name
		case "schema":
			s.schema, s.may = true, rest == "true"
		case "function":
			s.marks[name+" "+rest] = true
		case "type":
			s.marks[name] = true
		}
	}
	if err := rows.Err(); err != nil {
		return s, fmt.Errorf("look up the functions of schema %s: %w", target.Schema, err)
	}
	return s, nil
}

// mark names a function in its present form, or a type.
func mark(f target.Function) string {
	if f.Signature == "" {
		return f.Name
	}
	return f.Name + " " + formOf(f.SQL)
}

// formOf tells one form of a function from another.
func formOf(sql string) string {
	sum := sha256.Sum256([]byte(sql))
	return "engine " + hex.EncodeToString(sum[:8])
}

func (s runtimeState) holds(list []target.Function) bool {
	for _, f := range list {
		if !s.marks[mark(f)] {
			return false
		}
	}
	return true
}

// allowed is an error where the role lacks the right that the making needs, or the
// database cannot have what GoogleSQL calls a STRING.
func (s runtimeState) allowed() error {
	if s.encoding != "UTF8" {
		return fmt.Errorf("make the functions of schema %s: the database %s is in the encoding %s, and the strings of translated models are Unicode; make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0", target.Schema, s.database, s.encoding)
	}
	if s.may {
		return nil
	}
	name := Dialect{}.Ident
	if s.schema {
		return fmt.Errorf("make the functions of schema %s, which translated models need: %s may not create anything in it; let its owner run GRANT CREATE ON SCHEMA %s TO %s", target.Schema, s.role, target.Schema, name(s.role))
	}
	return fmt.Errorf("make the schema %s with the functions that translated models need: %s may not create schemas in the database %s; let its owner run CREATE SCHEMA %s AUTHORIZATION %s", target.Schema, s.role, s.database, target.Schema, name(s.role))
}

// script is one statement that makes what is missing, "" if nothing is.
func (s runtimeState) script(needed []target.Function) string {
	var b strings.Builder
	add := func(sql string) { b.WriteString(strings.TrimRight(sql, "; \n") + ";\n") }
	if !s.schema {
		add("CREATE SCHEMA " + target.Schema)
		add("GRANT USAGE ON SCHEMA " + target.Schema + " TO PUBLIC")
	}
	list := target.Functions()
	for _, f := range needed {
		if f.Signature == "" {
			list = append(list, f)
		}
	}
	for _, f := range list {
		if s.marks[mark(f)] {
			continue
		}
		add(f.SQL)
		if f.Signature != "" {
			add("GRANT EXECUTE ON FUNCTION " + f.Signature + " TO PUBLIC")
			add("COMMENT ON FUNCTION " + f.Signature + " IS '" + formOf(f.SQL) + "'")
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "DO $prepare$\nBEGIN\n" + b.String() + "END\n$prepare$"
}

// Translator writes GoogleSQL anew for PostgreSQL.
func (Driver) Translator() transpile.Target { return translator{} }

type translator struct{}

// Name is «postgres».
func (translator) Name() string { return Dialect{}.Name() }

// Version of the translation.
func (translator) Version() string { return target.Version }

// Statement writes a statement.
func (translator) Statement(s ir.Stmt, o transpile.Options) (transpile.Result, error) {
	return target.Statement(s, o)
}

// Type is PostgreSQL's type for values of t.
func (translator) Type(t *ir.Type) (string, error) { return target.Type(t) }

// Parse is the GoogleSQL type that holds the values of a PostgreSQL type.
func (translator) Parse(native string) (*ir.Type, bool) { return googleType(native) }

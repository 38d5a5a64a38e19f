package conformance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
	duckdbsql "github.com/engine-build/engine/engine/transpile/duckdb"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

// DuckDB runs cases on the embedded DuckDB, through the engine's own warehouse
// driver, so that its functions and session settings are the ones users get.
type DuckDB struct {
	// MemoryLimit bounds one database, for example «1GB».
	MemoryLimit string
}

// Name implements Target.
func (DuckDB) Name() string { return "duckdb" }

// Open implements Target.
func (d DuckDB) Open(ctx context.Context) (Database, error) {
	fields := map[string]string{"path": ":memory:", "query_threads": "1"}
	if d.MemoryLimit != "" {
		fields["memory_limit"] = d.MemoryLimit
	}
	conn, err := duckdb.Driver{}.Open(ctx, warehouse.Config{Fields: fields})
	if err != nil {
		return nil, fmt.Errorf("open duckdb: %w", err)
	}
	return &duckDatabase{conn: conn, on: conn, macros: map[string]bool{}}, nil
}

type duckDatabase struct {
	conn   warehouse.Conn
	on     warehouse.Conn    // conn, or a transaction on it
	macros map[string]bool   // those that exist
	values map[string]string // SQL of parameters
	schema string            // what the statement transpiled last creates something in, "" if nothing
}

func (d *duckDatabase) Close() error { return d.conn.Close() }

// duckName makes the last part of a name the table and what comes before the schema:
// projects and datasets need no databases of their own.
func duckName(name string) string {
	schema, table := duckParts(name)
	if schema == "" {
		return duckdb.Dialect{}.Ident(table)
	}
	return duckdb.Dialect{}.Ident(schema) + "." + duckdb.Dialect{}.Ident(table)
}

func duckParts(name string) (schema, table string) {
	name = strings.ReplaceAll(name, "`", "")
	i := strings.LastIndexByte(name, '.')
	return name[:max(i, 0)], name[i+1:]
}

func (d *duckDatabase) Transpile(stmt ir.Stmt, zone string) (transpile.Result, error) {
	// Datasets come into being with their first table.
	d.schema = ""
	switch n := stmt.(type) {
	case *ir.CreateTable:
		d.schema, _ = duckParts(strings.Join(n.Name, "."))
	case *ir.CreateView:
		d.schema, _ = duckParts(strings.Join(n.Name, "."))
	}
	return duckdbsql.Statement(stmt, transpile.Options{
		Zone: zone,
		Table: func(t *ir.Table) (string, error) {
			return duckName(t.Name), nil
		},
	})
}

// prepare creates the macros a statement needs.
func (d *duckDatabase) prepare(ctx context.Context, needs []string) error {
	for _, m := range duckdbsql.Close(needs) {
		if d.macros[m.Name] {
			continue
		}
		if len(d.macros) == 0 {
			if _, err := d.on.Exec(ctx, warehouse.Statement{SQL: "create schema if not exists " + duckdbsql.Schema}); err != nil {
				return fmt.Errorf("create the schema of macros: %w", err)
			}
		}
		if _, err := d.on.Exec(ctx, warehouse.Statement{SQL: m.SQL}); err != nil {
			return fmt.Errorf("create the macro %s: %w", m.Name, err)
		}
		d.macros[m.Name] = true
	}
	return nil
}

var parameterMark = regexp.MustCompile(`\$([A-Za-z_][A-Za-z_0-9]*)`)

// bound puts the values of parameters where the text names them, outside of quotes.
func (d *duckDatabase) bound(sql string) string {
	if len(d.values) == 0 {
		return sql
	}
	var b strings.Builder
	for i := 0; i < len(sql); {
		switch c := sql[i]; {
		case c == '\'' || c == '"':
			end := i + 1
			for end < len(sql) && sql[end] != c {
				end++
			}
			end = min(end+1, len(sql))
			b.WriteString(sql[i:end])
			i = end
		case c == '$':
			if m := parameterMark.FindStringSubmatch(sql[i:]); m != nil && strings.HasPrefix(sql[i:], m[0]) {
				if v, ok := d.values[strings.ToLower(m[1])]; ok {
					b.WriteString(v)
					i += len(m[0])
					continue
				}
			}
			b.WriteByte(c)
			i++
		default:
			b.WriteByte(c)
			i++
		}
	}
	return b.String()
}

func (d *duckDatabase) Exec(ctx context.Context, r transpile.Result) (int64, error) {
	if err := d.prepare(ctx, r.Needs); err != nil {
		return 0, duckError(ctx, err)
	}
	if d.schema != "" {
		if _, err := d.on.Exec(ctx, warehouse.Statement{SQL: "create schema if not exists " + duckdb.Dialect{}.Ident(d.schema)}); err != nil {
			return 0, duckError(ctx, err)
		}
	}
	stats, err := d.on.Exec(ctx, warehouse.Statement{SQL: d.bound(r.SQL)})
	if err != nil {
		return 0, duckError(ctx, err)
	}
	return stats.Rows, nil
}

func (d *duckDatabase) Query(ctx context.Context, r transpile.Result, out []ir.Output) ([][]Value, error) {
	if err := d.prepare(ctx, r.Needs); err != nil {
		return nil, duckError(ctx, err)
	}
	text := exactText(d.bound(r.SQL), out)
	rows, err := d.on.Query(ctx, warehouse.Statement{SQL: text})
	if err != nil {
		return nil, duckError(ctx, err)
	}
	defer rows.Close()
	columns := rows.Columns()
	if len(columns) != len(out) {
		return nil, &RunError{Class: Engine, Message: fmt.Sprintf("the query yields %d columns instead of %d", len(columns), len(out))}
	}
	shapes := make([]*shape, len(columns))
	for i, c := range columns {
		shapes[i] = readShape(c.Type)
	}
	var result [][]Value
	for rows.Next() {
		cells, err := rows.Values()
		if err != nil {
			return nil, duckError(ctx, err)
		}
		row := make([]Value, len(cells))
		for i, v := range cells {
			if row[i], err = convert(v, out[i].Column.Type, shapes[i]); err != nil {
				return nil, &RunError{Class: Engine, Message: err.Error(), Err: err}
			}
		}
		result = append(result, row)
	}
	if err := rows.Err(); err != nil {
		return nil, duckError(ctx, err)
	}
	return result, nil
}

// exactText makes JSON come as the text it is: the driver would read it into
// numbers and write it anew.
func exactText(sql string, out []ir.Output) string {
	has := false
	for _, o := range out {
		has = has || o.Column.Type.Has(ir.JSON)
	}
	if !has {
		return sql
	}
	var names, cells []string
	for i, o := range out {
		name := fmt.Sprintf("c%d", i+1)
		names = append(names, name)
		if o.Column.Type.Has(ir.JSON) {
			if typ, err := duckdbsql.Type(o.Column.Type); err == nil {
				cells = append(cells, "cast("+name+" as "+jsonWord.ReplaceAllString(typ, "VARCHAR")+") as "+name)
				continue
			}
		}
		cells = append(cells, name)
	}
	return "select " + strings.Join(cells, ", ") + " from (" + strings.TrimRight(strings.TrimSpace(sql), ";") + "\n) as t(" + strings.Join(names, ", ") + ")"
}

// jsonWord is the type JSON outside of quoted names, which are upper case only by chance.
var jsonWord = regexp.MustCompile(`\bJSON\b`)

// Bind implements Database. The value is a variable of the session, which
// DuckDB folds like a literal.
func (d *duckDatabase) Bind(ctx context.Context, name string, query transpile.Result) error {
	if err := d.prepare(ctx, query.Needs); err != nil {
		return duckError(ctx, err)
	}
	name = strings.ToLower(name)
	variable := "p_" + name
	text := "set variable " + variable + " = (" + strings.TrimRight(strings.TrimSpace(query.SQL), ";") + "\n)"
	if _, err := d.on.Exec(ctx, warehouse.Statement{SQL: text}); err != nil {
		return duckError(ctx, err)
	}
	d.values[name] = "getvariable('" + variable + "')"
	return nil
}

// Isolated implements Database by a transaction that is rolled back.
func (d *duckDatabase) Isolated(ctx context.Context, f func(Database) error) error {
	tx, err := warehouse.Begin(ctx, d.conn)
	if err != nil {
		return duckError(ctx, err)
	}
	// Macros that the transaction creates are undone with it.
	inner := &duckDatabase{conn: d.conn, on: tx, macros: maps.Clone(d.macros), values: map[string]string{}}
	err = f(inner)
	if e := tx.Rollback(context.WithoutCancel(ctx)); e != nil && err == nil {
		err = duckError(ctx, e)
	}
	if e := tx.Close(); e != nil && err == nil {
		err = duckError(ctx, e)
	}
	return err
}

// duckError sorts an error of DuckDB.
func duckError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	e := &RunError{Class: Engine, Message: err.Error(), Err: err}
	if ctx.Err() != nil {
		e.Class, e.Message = Limit, "the statement took too long"
		return e
	}
	switch duckdb.Classify(err) {
	case duckdb.Data, duckdb.Conversion, duckdb.Constraint:
		e.Class = Evaluation
	case duckdb.OOM, duckdb.Interrupted, duckdb.Disk:
		e.Class = Limit
	}
	var full *duckdb.Error
	if errors.As(err, &full) {
		e.Message = full.Error()
	}
	return e
}

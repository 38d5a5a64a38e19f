package duckdb

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	driver "github.com/duckdb/duckdb-go/v2"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// Analyzer binds queries in a database in memory in which relations are empty tables.
// Queries are bound only, never run: functions are not called, and files, the network and
// extensions are out of reach.
type Analyzer struct {
	mu       sync.RWMutex // held for writing while the database is made anew
	open     sync.Once    // opens c; see database
	c        *conn
	openErr  error
	declared sync.Map // addr.Relation → []warehouse.Column
	spaces   sync.Map // database and schema names that exist

	files     sync.Once // opens reader
	reader    *conn
	readerErr error
	trials    atomic.Int64 // tables made by Try
}

// Analyzer makes an offline analyzer. Its database is opened when it is first asked
// something, because that takes longer than a compilation of which everything is kept.
func (Driver) Analyzer(context.Context) (warehouse.Analyzer, error) { return &Analyzer{}, nil }

// database is the one that queries are bound in. The caller holds mu.
func (a *Analyzer) database(ctx context.Context) (*conn, error) {
	a.open.Do(func() {
		if a.c, a.openErr = openAnalysis(ctx); a.openErr != nil {
			a.openErr = fmt.Errorf("open duckdb in memory: %w", a.openErr)
		}
	})
	return a.c, a.openErr
}

// Statements for the analysis database, and for each of its connections. Without the
// optimizer constants are not folded: binding alone finds the types.
const (
	analysisSQL     = "set global threads = 1; set global autoinstall_known_extensions = false; set global autoload_known_extensions = false; set global enable_external_access = false"
	analysisEachSQL = onConnectSQL + "; pragma disable_optimizer"
)

func openAnalysis(ctx context.Context) (*conn, error) {
	connector, err := driver.NewConnector(memory, func(e sqldriver.ExecerContext) error { return execAll(e, analysisEachSQL) })
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxIdleConns(64)
	if _, err := db.ExecContext(ctx, analysisSQL); err != nil {
		db.Close()
		return nil, err
	}
	if err := RegisterFunctions(ctx, db); err != nil {
		db.Close()
		return nil, err
	}
	return newConn(db), nil
}

// Close frees the databases.
func (a *Analyzer) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	closed := errors.New("the analyzer is closed")
	a.open.Do(func() { a.openErr = closed })
	a.files.Do(func() { a.readerErr = closed })
	var err error
	for _, c := range []*conn{a.c, a.reader} {
		if c != nil {
			err = errors.Join(err, c.Close())
		}
	}
	return err
}

// Declare makes an empty table. Every column needs a type.
func (a *Analyzer) Declare(ctx context.Context, rel addr.Relation, columns []warehouse.Column) error {
	if len(columns) == 0 {
		return fmt.Errorf("declare %s: it has no columns", rel)
	}
	for _, c := range columns {
		if c.Type == "" {
			return fmt.Errorf("declare %s: column %q has no type", rel, c.Name)
		}
	}
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.declare(ctx, rel, columns)
}

func (a *Analyzer) declare(ctx context.Context, rel addr.Relation, columns []warehouse.Column) error {
	if err := a.space(ctx, rel); err != nil {
		return err
	}
	var d Dialect
	stmt := d.createTable(warehouse.CreateTable{Target: rel, Columns: columns})[0]
	stmt.SQL = "create or replace" + strings.TrimPrefix(stmt.SQL, "create")
	db, err := a.database(ctx)
	if err != nil {
		return err
	}
	if _, err := db.Exec(ctx, stmt); err != nil {
		return err
	}
	a.declared.Store(rel, columns)
	return nil
}

// space makes the database and the schema of a relation.
func (a *Analyzer) space(ctx context.Context, rel addr.Relation) error {
	key := addr.Relation{Database: rel.Database, Schema: rel.Schema}
	if _, ok := a.spaces.Load(key); ok {
		return nil
	}
	var d Dialect
	var statements []string
	if rel.Database != "" {
		statements = append(statements, "attach if not exists ':memory:' as "+d.Ident(rel.Database))
	}
	if rel.Schema != "" {
		schema, _ := d.Render(warehouse.CreateSchema{Database: rel.Database, Schema: rel.Schema})
		statements = append(statements, schema[0].SQL)
	}
	db, err := a.database(ctx)
	if err != nil {
		return err
	}
	for _, s := range statements {
		if _, err := db.Exec(ctx, warehouse.Statement{SQL: s}); err != nil {
			return err
		}
	}
	a.spaces.Store(key, true)
	return nil
}

const (
	describeHead = "describe (\n"
	describeTail = "\n)"
)

// Analyze binds a query. A name that is neither declared nor DuckDB's is an error.
func (a *Analyzer) Analyze(ctx context.Context, rel addr.Relation, query string) (warehouse.Analysis, error) {
	if err := checkText(warehouse.Statement{SQL: query}); err != nil {
		return warehouse.Analysis{}, err
	}
	if i, found := stray(query); found {
		message := `syntax error at or near "` + query[i:i+1] + `"`
		return warehouse.Analysis{}, &Error{Kind: Syntax, Class: "Parser Error", Message: message, Word: query[i : i+1], Offset: i, Err: errors.New(message)}
	}
	if saysPivot(query) && a.dynamicPivot(ctx, query) {
		return warehouse.Analysis{Unknown: "it pivots on values, which only the data know"}, nil
	}
	columns, err := a.bind(ctx, rel, query)
	if err == nil {
		return warehouse.Analysis{Columns: columns}, nil
	}
	if why := unknowable(err); why != "" {
		return warehouse.Analysis{Unknown: why}, nil
	}
	if Classify(err) == Fatal && ctx.Err() == nil {
		if err := a.reset(ctx); err != nil {
			return warehouse.Analysis{}, fmt.Errorf("open duckdb in memory again: %w", err)
		}
		return warehouse.Analysis{Unknown: "DuckDB fails to analyze it: " + Dialect{}.Explain(err).Message}, nil
	}
	return warehouse.Analysis{}, err
}

// dynamicPivot reports whether the columns of a PIVOT are values of a table: DuckDB then
// makes several statements of the query, and the first collects the values.
func (a *Analyzer) dynamicPivot(ctx context.Context, query string) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	db, err := a.database(ctx)
	if err != nil {
		return false
	}
	c, err := db.db.Conn(ctx)
	if err != nil {
		return false
	}
	defer c.Close()
	err = c.Raw(func(raw any) error {
		stmt, err := raw.(*driver.Conn).Prepare("create temp table _pivot as (\n" + query + "\n) with no data")
		if err != nil {
			return err
		}
		return stmt.Close()
	})
	// The driver prepares single statements only and has no exported error for others.
	return err != nil && strings.Contains(err.Error(), "multi-statement")
}

func (a *Analyzer) bind(ctx context.Context, rel addr.Relation, query string) ([]warehouse.Column, error) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	stmt := around(describeHead, query, describeTail)
	db, err := a.database(ctx)
	if err != nil {
		return nil, err
	}
	columns, err := db.describe(ctx, stmt)
	if err != nil {
		if e := (*Error)(nil); errors.As(err, &e) && e.Offset >= 0 {
			shifted := *e
			shifted.Offset = min(max(e.Offset-len(describeHead), 0), len(query))
			return nil, &shifted
		}
		return nil, err
	}
	if rel.IsZero() {
		return columns, nil
	}
	columns = uniqueNames(columns)
	err = a.declare(ctx, rel, columns)
	if err != nil && Classify(err) != Interrupted {
		// A type without a spelling, such as a struct whose fields have no names.
		err = a.declareAs(ctx, rel, query, columns)
	}
	return columns, err
}

func (a *Analyzer) declareAs(ctx context.Context, rel addr.Relation, query string, columns []warehouse.Column) error {
	db, err := a.database(ctx)
	if err != nil {
		return err
	}
	var d Dialect
	stmt := around("create or replace table "+d.Quote(rel)+" as (\n", query, "\n) with no data")
	if _, err := db.Exec(ctx, stmt); err != nil {
		return err
	}
	a.declared.Store(rel, columns)
	return nil
}

// uniqueNames renames repeated columns as CREATE TABLE AS does: a, a_1, a_2.
func uniqueNames(columns []warehouse.Column) []warehouse.Column {
	seen := make(map[string]bool, len(columns))
	for i, c := range columns {
		name := c.Name
		for n := 1; seen[strings.ToLower(name)]; n++ {
			name = fmt.Sprintf("%s_%d", c.Name, n)
		}
		seen[strings.ToLower(name)] = true
		columns[i].Name = name
	}
	return columns
}

// unknowable says why a query that cannot be bound here may be right all the same.
func unknowable(err error) string {
	e := (*Error)(nil)
	if !errors.As(err, &e) {
		return ""
	}
	switch e.Kind {
	case Permission, IO:
		return "it reads files or the network"
	case Extension:
		return "it needs an extension of DuckDB"
	}
	return ""
}

// reset opens a new database after a failure that made the old one useless, and declares
// everything again.
func (a *Analyzer) reset(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	old, err := a.database(ctx)
	if err != nil {
		return err
	}
	if old.db.PingContext(ctx) == nil {
		if _, err := old.Exec(ctx, warehouse.Statement{SQL: "select 1"}); err == nil {
			return nil // another goroutine was here, or the failure was not fatal after all
		}
	}
	old.Close()
	c, err := openAnalysis(ctx)
	if err != nil {
		return err
	}
	a.c = c
	a.spaces.Clear()
	a.declared.Range(func(rel, columns any) bool {
		// What cannot be declared by its columns is missing from now on; see declareAs.
		if e := a.declare(ctx, rel.(addr.Relation), columns.([]warehouse.Column)); e != nil && ctx.Err() != nil {
			err = e
			return false
		}
		return true
	})
	return err
}

// Sniff finds the columns of a file, in a database of its own that may read files.
func (a *Analyzer) Sniff(ctx context.Context, f warehouse.File, known ...warehouse.Column) ([]warehouse.Column, error) {
	reader, err := a.fileReader()
	if err != nil {
		return nil, err
	}
	return reader.Sniff(ctx, f, known...)
}

// Try finds out whether a CSV file would load with these types. The values are looked at
// first (a few milliseconds per megabyte); only where one of them does not look like its
// type is the file really loaded, into a database of its own.
func (a *Analyzer) Try(ctx context.Context, columns []warehouse.Column, f warehouse.File) error {
	if f.Format == "parquet" {
		return nil
	}
	if _, err := csvColumns(ctx, columns, f); err != nil {
		return err
	}
	looks, err := sniffCSV(ctx, f)
	if err != nil || plausible(looks, columns) {
		return err
	}
	reader, err := a.fileReader()
	if err != nil {
		return err
	}
	name := addr.Relation{Schema: "main", Name: fmt.Sprintf("trial_%d", a.trials.Add(1))}
	if _, err := reader.Load(ctx, name, columns, f); err != nil {
		return err
	}
	_, err = reader.Exec(ctx, warehouse.Statement{SQL: "drop table " + Dialect{}.Quote(name)})
	return err
}

// plausible reports whether all values look like something that the wanted types take.
func plausible(looks, wanted []warehouse.Column) bool {
	for _, w := range wanted {
		i := slices.IndexFunc(looks, func(c warehouse.Column) bool { return strings.EqualFold(c.Name, w.Name) })
		if i < 0 || !takes(w.Type, looks[i].Type) {
			return false
		}
	}
	return true
}

// takes reports whether a column of type wanted surely reads text that looks like a value
// of type looks. Whole numbers have been checked digit by digit before.
func takes(wanted, looks string) bool {
	base, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(wanted)), "(")
	switch base = strings.TrimSpace(base); base {
	case "", "VARCHAR", "TEXT", "STRING", "CHAR", "BPCHAR", looks:
		return true
	case "DOUBLE", "FLOAT", "REAL", "FLOAT8", "FLOAT4":
		return looks == "BIGINT" || looks == "DOUBLE"
	case "BOOL":
		return looks == "BOOLEAN"
	case "DATETIME", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE":
		return looks == "DATE" || looks == "TIMESTAMP" || looks == "TIMESTAMP WITH TIME ZONE"
	case "DECIMAL", "NUMERIC":
		return looks == "BIGINT" || looks == "DOUBLE"
	}
	return wholeType(base) && looks == "BIGINT"
}

func (a *Analyzer) fileReader() (*conn, error) {
	a.files.Do(func() {
		connector, err := driver.NewConnector(memory, onConnect)
		if err != nil {
			a.readerErr = fmt.Errorf("open duckdb in memory: %w", err)
			return
		}
		a.reader = newConn(sql.OpenDB(connector))
	})
	return a.reader, a.readerErr
}

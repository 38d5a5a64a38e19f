package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	// The contestant: the driver as anyone would use it.
	_ "github.com/duckdb/duckdb-go/v2"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

// load makes the program of a project: names, templates and order, or with analyzed also the
// SQL of the target.
func load(ctx context.Context, dir string, analyzed bool) (*compile.Program, error) {
	o := engine.Options{
		Dir: dir, Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{duckdb.Driver{}}, SkipAnalysis: !analyzed,
	}
	p, ds := engine.Load(o)
	if ds.HasErrors() {
		return nil, ds[0]
	}
	program, ds := engine.Compile(ctx, p, o)
	if ds.HasErrors() {
		return nil, ds[0]
	}
	return program, nil
}

// runChild does what a measured process is asked for.
func runChild(ctx context.Context, what string, args []string) error {
	arg := func(i int) string {
		if i < len(args) {
			return args[i]
		}
		return ""
	}
	switch what {
	case "load":
		_, err := load(ctx, arg(0), false)
		return err
	case "phases":
		return childPhases(ctx, arg(0))
	case "statements":
		return childStatements(ctx, arg(0), arg(1))
	case "bare":
		return childBare(ctx, arg(0), arg(1))
	}
	return fmt.Errorf("a process cannot be asked for %q", what)
}

// childStatements writes the statements that make the project's tables: what one would
// send by hand.
func childStatements(ctx context.Context, dir, out string) error {
	p, err := load(ctx, dir, true)
	if err != nil {
		return err
	}
	d := duckdb.Dialect{}
	ops := []warehouse.Op{warehouse.CreateSchema{Schema: p.Target.Schema}}
	for _, id := range p.Order {
		n := p.Nodes[id]
		ops = append(ops, warehouse.CreateTableAs{Target: n.Relation, Query: n.SQL})
	}
	var texts []string
	for _, op := range ops {
		statements, err := d.Render(op)
		if err != nil {
			return err
		}
		for _, s := range statements {
			texts = append(texts, s.SQL)
		}
	}
	data, err := json.Marshal(texts)
	if err != nil {
		return err
	}
	return os.WriteFile(out, data, 0o644)
}

// childBare sends the statements one by one on one connection to a database file.
func childBare(ctx context.Context, statements, database string) (err error) {
	data, err := os.ReadFile(statements)
	if err != nil {
		return err
	}
	var texts []string
	if err := json.Unmarshal(data, &texts); err != nil {
		return err
	}
	db, err := sql.Open("duckdb", database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	for _, text := range texts {
		if _, err := conn.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("%w\n%s", err, text)
		}
	}
	return nil
}

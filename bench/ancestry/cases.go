package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/genealogy"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/engine/warehouse/postgres"
)

// task is what a process is asked to measure.
type task struct {
	Case  string
	Graph string
	// File is the database; of PostgreSQL Fields say where it is.
	File   string
	Fields map[string]string
	// Pairs is how many rows the case series writes.
	Pairs int64
}

// result is what it found.
type result struct {
	Wall, CPU time.Duration
	Memory    int64 // bytes, the most the process had
	Sums      sums
	// Full is how long it took to close the same edges anew, after an update.
	Full time.Duration
}

// sums are of the table that was made.
type sums struct{ Pairs, Min, Max int64 }

// Names of cases.
const (
	caseEdges    = "edges" // makes the file that others start from
	caseEngine   = "engine"
	caseCopy     = "copy"
	caseSeries   = "series"
	caseDepths   = "recursive"
	casePairs    = "recursive-pairs"
	caseSQL      = "sql"
	caseUpdate   = "update"
	casePostgres = "postgres"
)

func relation(name string) addr.Relation { return addr.Relation{Schema: "g", Name: name} }

func closure(method string) warehouse.Closure {
	return warehouse.Closure{Parent: "parent", Child: "child", Partition: "tenant", Method: method, MaxPairs: 2_000_000_000}
}

var pairColumns = []warehouse.Column{
	{Name: warehouse.AncestorID, Type: "BIGINT"}, {Name: warehouse.DescendantID, Type: "BIGINT"}, {Name: "tenant", Type: "BIGINT"},
	{Name: warehouse.MinDepth, Type: "BIGINT"}, {Name: warehouse.MaxDepth, Type: "BIGINT"}, {Name: warehouse.InCycle, Type: "BOOLEAN"},
}

// The recursive queries. Paths of the same length between the same two are one row, so that
// the work is bounded by pairs and depths; with UNION ALL it is by paths. USING KEY visits
// the same rows in the same rounds, and looks each up besides.
const (
	recursive = `create table g.pairs as with recursive w(a, d, tenant, k) as (
	select parent, child, tenant, 1 from g.edges
	union select w.a, e.child, e.tenant, w.k + 1 from w join g.edges e on e.parent = w.d
) select a as ancestor_id, d as descendant_id, tenant, min(k)::bigint as min_depth, max(k)::bigint as max_depth, false as in_cycle from w group by a, d, tenant`
	recursivePairs = `create table g.pairs as with recursive w(a, d, tenant) as (
	select parent, child, tenant from g.edges
	union select w.a, e.child, e.tenant from w join g.edges e on e.parent = w.d
) select a as ancestor_id, d as descendant_id, tenant from w`
)

// measure does a task.
func measure(ctx context.Context, t task) (out result, err error) {
	s, err := shapeOf(t.Graph)
	if err != nil {
		return out, err
	}
	var driver warehouse.Driver = duckdb.Driver{}
	config := warehouse.Config{Type: "duckdb", Fields: map[string]string{"path": t.File}}
	if t.Case == casePostgres {
		driver, config = postgres.Driver{}, warehouse.Config{Type: "postgres", Fields: t.Fields}
	}
	c, err := driver.Open(ctx, config)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	exec := func(sql string) error {
		_, err := c.Exec(ctx, warehouse.Statement{SQL: sql})
		return err
	}
	switch t.Case {
	case caseEdges:
		return out, load(ctx, c, s.make())
	case casePostgres:
		if err := load(ctx, c, s.make()); err != nil {
			return out, err
		}
		for _, sql := range []string{"create index on g.edges (parent)", "analyze g.edges"} {
			if err := exec(sql); err != nil {
				return out, err
			}
		}
	case caseUpdate:
		if err := grow(ctx, c, s.make()); err != nil {
			return out, err
		}
	}
	runtime.GC()
	table := "g.pairs"
	full := func(name, method string) error {
		op := warehouse.CloseEdges{Target: relation(name), From: relation("edges"), Closure: closure(method), Columns: pairColumns}
		for i := range genealogy.Scratches {
			op.Scratch = append(op.Scratch, relation(fmt.Sprint("scratch", i)))
		}
		_, err := genealogy.Close(ctx, c, op)
		return err
	}
	before, start := used(), time.Now()
	switch t.Case {
	case caseEngine:
		err = full("pairs", warehouse.InMemory)
	case caseSQL:
		err = full("pairs", warehouse.InSQL)
	case caseCopy:
		table = "g.copied"
		err = exec("create table g.copied as select * from g.pairs")
	case caseSeries:
		table = "g.series"
		err = exec(fmt.Sprintf("create table g.series as select i // 42 - i %% 42 as ancestor_id, i // 42 as descendant_id, i // 200000 as tenant, i %% 12 as min_depth, i %% 14 as max_depth, false as in_cycle from range(%d) as t(i)", t.Pairs))
	case caseDepths, casePostgres:
		err = exec(recursive)
	case casePairs:
		err = exec(recursivePairs)
	case caseUpdate:
		err = update(ctx, c)
	default:
		err = fmt.Errorf("there is no case %q", t.Case)
	}
	if err != nil {
		return out, err
	}
	out.Wall = time.Since(start)
	after := used()
	out.CPU, out.Memory = after.cpu-before.cpu, after.memory
	depths := "sum(min_depth)::bigint, sum(max_depth)::bigint"
	if t.Case == casePairs || t.Case == caseSeries {
		depths = "0, 0"
	}
	count := func(table string) (s sums, err error) {
		rows, err := c.Query(ctx, warehouse.Statement{SQL: "select count(*), " + depths + " from " + table})
		if err != nil {
			return s, err
		}
		defer rows.Close()
		for rows.Next() {
			v, err := rows.Values()
			if err != nil {
				return s, err
			}
			for i, into := range []*int64{&s.Pairs, &s.Min, &s.Max} {
				*into, _ = v[i].(int64)
			}
		}
		return s, rows.Err()
	}
	if out.Sums, err = count(table); err != nil || t.Case != caseUpdate {
		return out, err
	}
	start = time.Now()
	if err := full("anew", warehouse.InMemory); err != nil {
		return out, err
	}
	out.Full = time.Since(start)
	anew, err := count("g.anew")
	if err == nil && anew != out.Sums {
		err = fmt.Errorf("the update made %+v, closing anew %+v", out.Sums, anew)
	}
	return out, err
}

// update is what a build does to a closure whose edges grew.
func update(ctx context.Context, c warehouse.Conn) error {
	tx, err := warehouse.Begin(ctx, c)
	if err != nil {
		return err
	}
	defer tx.Close()
	op := warehouse.UpdateClosure{Target: relation("pairs"), From: relation("edges"), Closure: closure(warehouse.InMemory), Columns: pairColumns, Scratch: relation("scratch")}
	if _, err := genealogy.Update(ctx, tx, op); err != nil {
		return errors.Join(err, tx.Rollback(ctx))
	}
	return tx.Commit(ctx)
}

// load makes the table of edges.
func load(ctx context.Context, c warehouse.Conn, g *graph) error {
	if _, err := c.Exec(ctx, warehouse.Statement{SQL: "create schema g"}); err != nil {
		return err
	}
	return fill(ctx, c, "edges", g)
}

func fill(ctx context.Context, c warehouse.Conn, name string, g *graph) error {
	f, ok := c.(warehouse.Filler)
	if !ok {
		return fmt.Errorf("load edges: %w", warehouse.ErrUnsupported)
	}
	batch := &warehouse.Batch{Rows: len(g.parent), Columns: []warehouse.Vector{{Ints: g.parent}, {Ints: g.child}, {Ints: g.tenant}}}
	_, err := f.Fill(ctx, relation(name), []warehouse.Column{{Name: "parent", Type: "BIGINT"}, {Name: "child", Type: "BIGINT"}, {Name: "tenant", Type: "BIGINT"}}, nil, func() (*warehouse.Batch, error) {
		b := batch
		batch = nil
		return b, nil
	})
	return err
}

// grow adds one edge for each hundred: new materials, made of the newest ones.
func grow(ctx context.Context, c warehouse.Conn, g *graph) error {
	more := &graph{}
	n := len(g.parent)
	for i := range n / 100 {
		at := n - 1 - i*3%(n/20)
		more.add(int(g.child[at]), g.nodes+i, int(g.tenant[at]))
	}
	if err := fill(ctx, c, "more", more); err != nil {
		return err
	}
	_, err := c.Exec(ctx, warehouse.Statement{SQL: "insert into g.edges select * from g.more"})
	return err
}

// usage of the process so far.
type usage struct {
	cpu    time.Duration
	memory int64
}

func used() usage {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return usage{}
	}
	return usage{time.Duration(r.Utime.Nano() + r.Stime.Nano()), r.Maxrss << 10}
}

// child is the process of one measurement: a task on its arguments, a result on its output.
func child(ctx context.Context, text string) error {
	var t task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return err
	}
	r, err := measure(ctx, t)
	if err != nil {
		return fmt.Errorf("%s of %s: %w", t.Case, t.Graph, err)
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

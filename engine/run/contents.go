package run

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// contents are the names of what nodes hold while a run goes on. Safe for concurrent use.
type contents struct {
	run string

	mu    sync.Mutex
	of    map[addr.Node]state.Content
	live  map[addr.Node]*plan.Naming
	known map[addr.Node]state.Content // what followed for live views from of as it is
}

func newContents(p *plan.Plan, run string) *contents {
	c := &contents{run: run, of: make(map[addr.Node]state.Content, len(p.Contents)), live: p.Live, known: map[addr.Node]state.Content{}}
	for n, content := range p.Contents {
		c.of[n] = content
	}
	return c
}

// at is what n holds now, with nothing known where it is not. c.mu is held.
func (c *contents) at(n addr.Node) state.Content {
	if content, ok := c.of[n]; ok {
		return content
	}
	naming := c.live[n]
	if naming == nil {
		return state.Content{}
	}
	content, ok := c.known[n]
	if !ok { // each view once: there are as many ways through them as there are readers of readers
		content = naming.Content(naming.Made, func(p addr.Node, r compile.Reading) string { return c.at(p).Of(r) })
		c.known[n] = content
	}
	return content
}

func (c *contents) get(n addr.Node) state.Content {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at(n)
}

func (c *contents) put(n addr.Node, content state.Content) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[n] = content
	clear(c.known)
}

// digest names what is read of n, empty where that is not known.
func (c *contents) digest(n addr.Node, r compile.Reading) string { return c.get(n).Of(r) }

// inputs are the names of what an action reads.
func (c *contents) inputs(a *plan.Action) map[addr.Node]string {
	out := make(map[addr.Node]string, len(a.Parents))
	for _, p := range a.Parents {
		out[p] = a.Input(p, c.get(p))
	}
	return out
}

// reading is what is read of n; nothing said is everything.
func reading(reads map[addr.Node]compile.Reading, n addr.Node) compile.Reading {
	if r, ok := reads[n]; ok {
		return r
	}
	return compile.Reading{All: true}
}

// made names what an action has built. What it read without knowing its name gets that of
// the run.
func (c *contents) made(a *plan.Action) state.Content {
	if a.Naming == nil {
		return state.Content{Rows: c.run}
	}
	return a.Naming.Content(c.run, func(p addr.Node, r compile.Reading) string {
		if d := c.digest(p, r); d != "" {
			return d
		}
		return "run " + c.run
	})
}

// needless reports whether all that made an action due has turned out to be as it was.
func (r *runner) needless(a *plan.Action) bool {
	if len(a.Unless) == 0 {
		return false
	}
	now := r.contents.inputs(a)
	for n, want := range a.Unless {
		if want == "" || now[n] != want {
			return false
		}
	}
	held := r.contents.get(a.Node)
	for _, t := range a.Tests {
		if !t.Late && !r.passed(a, t.ID, held) {
			return false
		}
	}
	return len(now) == len(a.Unless)
}

// passed reports whether a test has passed on what it would read; made is what its node holds.
func (r *runner) passed(a *plan.Action, test addr.Node, made state.Content) bool {
	gate := a.Gates[test]
	if len(gate.Unless) == 0 {
		return false
	}
	for n, want := range gate.Unless {
		got := r.read(a, gate, n, made)
		if want == "" || got != want {
			return false
		}
	}
	return true
}

// read names what a test reads of n.
func (r *runner) read(a *plan.Action, gate plan.Gate, n addr.Node, made state.Content) string {
	if n == a.Node && made.Known() {
		return made.Of(reading(gate.Reads, n))
	}
	return r.contents.digest(n, reading(gate.Reads, n))
}

const keptMessage = "its inputs came out the same"

// keep files the result of an action that turned out to be needless.
func (r *runner) keep(a *plan.Action, res *NodeResult) {
	res.Status, res.Message = Kept, keptMessage
	r.spare(a, res, r.contents.get(a.Node), func(t *plan.Test) bool { return !t.Late })
}

// spare files those of some tests as kept that have passed on what they would read.
func (r *runner) spare(a *plan.Action, res *NodeResult, made state.Content, of func(*plan.Test) bool) (all bool) {
	all = true
	for i := range a.Tests {
		t := &a.Tests[i]
		if !of(t) {
			continue
		}
		if !r.passed(a, t.ID, made) {
			all = false
			continue
		}
		out := newTest(a, t, r.options.Now())
		out.Status = Kept
		r.endTest(a, res, *out)
	}
	return all
}

// compare finds out whether an action has built what was there before. Then that keeps its
// name, and whoever reads it is spared.
func (r *runner) compare(ctx context.Context, conn warehouse.Conn, a *plan.Action, res *NodeResult) {
	held := r.contents.get(a.Node)
	if !held.Known() {
		return
	}
	same := false
	switch a.Compare {
	case plan.CompareCount:
		same = res.changed == 0
		if same {
			res.checksum = a.Checksum
		}
	case plan.CompareRows:
		// What cannot be compared counts as changed.
		same, _ = r.sameRows(ctx, conn, a, res)
	}
	if same {
		res.content, res.Message = held, "the same as before"
	}
}

// sameRows compares what was built aside with what is published.
func (r *runner) sameRows(ctx context.Context, conn warehouse.Conn, a *plan.Action, res *NodeResult) (bool, error) {
	found, err := conn.Inspect(ctx, []addr.Relation{a.Staged, a.Relation})
	if err != nil {
		return false, fmt.Errorf("inspect %s: %w", a.Staged, err)
	}
	var staged, published []warehouse.Column
	for _, rel := range found {
		switch {
		case rel.Kind != warehouse.Table:
		case equalName(conn, rel.Name, a.Staged):
			staged = rel.Columns
		case equalName(conn, rel.Name, a.Relation):
			published = rel.Columns
		}
	}
	same := func(x, y warehouse.Column) bool { return x.Name == y.Name && x.Type == y.Type }
	if len(staged) == 0 || !slices.EqualFunc(staged, published, same) {
		return false, nil
	}
	if res.checksum, err = r.checksum(ctx, conn, a.Staged, staged, res); err != nil || res.checksum == "" {
		return false, err
	}
	before := a.Checksum
	if before == "" {
		if before, err = r.checksum(ctx, conn, a.Relation, published, res); err != nil {
			return false, err
		}
	}
	return before == res.checksum, nil
}

// checksum sums up the rows of a relation, empty where that cannot be done.
func (r *runner) checksum(ctx context.Context, conn warehouse.Conn, rel addr.Relation, columns []warehouse.Column, res *NodeResult) (string, error) {
	query, ok := warehouse.Checksum(conn.Dialect(), rel, columns)
	if !ok {
		return "", nil
	}
	got, err := r.rows(ctx, conn, query, 1, &account{of: &res.Usage, bounded: true})
	if err != nil {
		return "", fmt.Errorf("sum up %s: %w", rel, err)
	}
	if len(got.values) != 1 || len(got.values[0]) != 1 {
		return "", nil
	}
	text, _ := got.values[0][0].(string)
	return text, nil
}

// tally adds to res how many rows of a's table an operation changed, -1 from the first
// operation on of which nobody can tell.
func tally(a *plan.Action, op warehouse.Op, stats warehouse.JobStats, res *NodeResult) {
	if a.Compare != plan.CompareCount || res.changed < 0 {
		return
	}
	switch op := op.(type) {
	case warehouse.CreateTableAs, warehouse.CloneTable, warehouse.StageSnapshot, warehouse.Drop, warehouse.Require, warehouse.RequireColumns, warehouse.Comment:
		return // beside the table
	case warehouse.SyncColumns:
		return // see columnsStay
	case warehouse.InsertSelect:
		if stats.Rows >= 0 && op.Target == a.Staged {
			res.changed += stats.Rows
			return
		}
	case warehouse.DeleteMatching, warehouse.MergeInto, warehouse.CloseRows:
		if stats.Rows >= 0 {
			res.changed += stats.Rows
			return
		}
	}
	res.changed = -1
}

// columnsStay notes whether an operation is about to change the columns of a's table.
func columnsStay(ctx context.Context, conn warehouse.Conn, a *plan.Action, op warehouse.Op, res *NodeResult) {
	sync, ok := op.(warehouse.SyncColumns)
	if !ok || a.Compare != plan.CompareCount || res.changed < 0 {
		return
	}
	ops, err := sync.Expand(func(rel addr.Relation) (warehouse.Relation, error) { return warehouse.Probe(ctx, conn, rel) })
	if err != nil || len(ops) > 0 {
		res.changed = -1
	}
}

// equalName reports whether a warehouse means the relation asked by a name it reports: it may
// fold case and fill in the database.
func equalName(conn warehouse.Conn, reported, asked addr.Relation) bool {
	if asked.Database == "" {
		reported.Database = ""
	}
	if conn.Dialect().Caps().FoldsCase {
		return strings.EqualFold(reported.Database, asked.Database) && strings.EqualFold(reported.Schema, asked.Schema) && strings.EqualFold(reported.Name, asked.Name)
	}
	return reported == asked
}

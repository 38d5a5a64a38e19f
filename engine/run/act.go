package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

var errFailFast = errors.New("stopped after the first failure")

// cleanupTime bounds what is done after a failure or an interrupt.
const cleanupTime = 20 * time.Second

// act runs one action: unit tests, build aside, data tests, publish.
func (r *runner) act(ctx context.Context, a *plan.Action) (res *NodeResult) {
	res = newResult(a, r.options.Now())
	defer func() {
		if p := recover(); p != nil {
			res.Status = Errored
			res.Diags.Add(stumbled(a, p))
		}
		res.End = r.options.Now()
		if ctx.Err() != nil && res.Status == Errored {
			res.Status, res.Diags = Canceled, nil
		}
		r.fillTests(a, res)
	}()
	if !r.phase(res, "unit_tests", len(a.UnitTests) > 0, func() bool { return r.unitTests(ctx, a, res) }) {
		return res
	}
	conn := r.conn
	var tx warehouse.Tx
	if a.InTx {
		var err error
		if tx, err = warehouse.Begin(ctx, r.conn); err != nil {
			res.fail(a, publishRefused(a, r.conn.Dialect(), err))
			return res
		}
		defer tx.Close()
		conn = tx
	}
	ok := r.phase(res, "build", len(a.Build) > 0, func() bool { return r.ops(ctx, conn, a, a.Build, res) }) &&
		r.phase(res, "tests", len(a.Tests) > 0, func() bool { return r.tests(ctx, conn, a, res) }) &&
		r.phase(res, "publish", true, func() bool { return r.publish(ctx, tx, a, res) })
	if !ok {
		r.cleanup(ctx, tx, a)
		return res
	}
	res.Status = Done
	return res
}

// phase times a step and keeps its place in the result.
func (r *runner) phase(res *NodeResult, name string, any bool, f func() bool) bool {
	if !any {
		return true
	}
	start := r.options.Now()
	ok := f()
	res.Phases = append(res.Phases, Phase{Name: name, Start: start, End: r.options.Now()})
	return ok
}

func (res *NodeResult) fail(a *plan.Action, d diag.Diagnostic) {
	d.Model = a.Node
	res.Status = Errored
	res.Diags.Add(d)
}

// ops runs operations in order; the first one that fails ends the action.
func (r *runner) ops(ctx context.Context, conn warehouse.Conn, a *plan.Action, ops []warehouse.Op, res *NodeResult) bool {
	for _, op := range ops {
		stats, stmt, err := r.do(ctx, conn, op)
		if err != nil {
			r.explain(a, op, stmt, res, err)
			return false
		}
		switch op.(type) {
		case warehouse.CreateTableAs, warehouse.Load, warehouse.InsertSelect, warehouse.MergeInto:
			res.Rows = stats.Rows
		}
		if stats.Bytes > 0 {
			res.Bytes = max(res.Bytes, 0) + stats.Bytes
		}
	}
	return true
}

// explain words the failure of an operation in the user's terms.
func (r *runner) explain(a *plan.Action, op warehouse.Op, stmt warehouse.Statement, res *NodeResult, err error) {
	var load *warehouse.LoadError
	if _, isLoad := op.(warehouse.Load); isLoad && errors.As(err, &load) {
		for _, d := range seedErrors(r.options.Dir, a.Origin.Path, err) {
			res.fail(a, d)
		}
		return
	}
	var changed *warehouse.SchemaChangeError
	if errors.As(err, &changed) {
		res.fail(a, schemaChanged(a, changed))
		return
	}
	if hook, ok := op.(warehouse.SQL); ok {
		d := hookFailed("the model's", hook.Text, r.conn.Dialect(), err)
		d.At = a.Origin.At
		res.fail(a, d)
		return
	}
	if unmet := (requirementError{}); errors.As(err, &unmet) {
		res.fail(a, requirementUnmet(a, r.conn.Dialect(), err))
		return
	}
	m := a.Origin.Map
	if stmt.BodyEnd == 0 {
		m = nil
	}
	d := warehouse.Trace(r.conn.Dialect(), stmt, m, a.Origin.At, err)
	if m == nil {
		d.Notes = append(d.Notes, "while it was to "+warehouse.Describe(op))
	}
	res.fail(a, d)
}

// do runs one operation: late ones are expanded against the live relations first.
func (r *runner) do(ctx context.Context, conn warehouse.Conn, op warehouse.Op) (stats warehouse.JobStats, stmt warehouse.Statement, err error) {
	if load, ok := op.(warehouse.Load); ok {
		stats, err = r.load(ctx, conn, load)
		return stats, stmt, err
	}
	ops := []warehouse.Op{op}
	if late, ok := op.(warehouse.Late); ok && warehouse.NeedsExpand(op) {
		ops, err = late.Expand(func(rel addr.Relation) (warehouse.Relation, error) { return warehouse.Probe(ctx, conn, rel) })
		if err != nil {
			return stats, stmt, err
		}
	}
	for _, op := range ops {
		stmts, err := conn.Dialect().Render(op)
		if err != nil {
			return stats, stmt, fmt.Errorf("render %s: %w", warehouse.Describe(op), err)
		}
		got, last, err := r.send(ctx, conn, stmts)
		if err != nil && requires(op, stmts, last) {
			err = requirementError{err}
		}
		if err != nil {
			return stats, last, err
		}
		stats = got
	}
	return stats, stmt, nil
}

// requires reports whether the statement that failed only looks at rows: a Require, or what
// a merge asks of its key before it begins.
func requires(op warehouse.Op, stmts []warehouse.Statement, failed warehouse.Statement) bool {
	switch op.(type) {
	case warehouse.Require:
		return true
	case warehouse.MergeInto:
		return failed.SQL != "" && failed.SQL != stmts[len(stmts)-1].SQL
	}
	return false
}

// send executes the statements of one operation, together where readers could see the
// state in between.
func (r *runner) send(ctx context.Context, conn warehouse.Conn, stmts []warehouse.Statement) (stats warehouse.JobStats, last warehouse.Statement, err error) {
	if _, inTx := conn.(warehouse.Tx); !inTx && len(stmts) > 1 && conn.Dialect().Caps().TransactionalDDL {
		tx, err := warehouse.Begin(ctx, conn)
		if err != nil {
			return stats, last, err
		}
		defer tx.Close()
		if stats, last, err = r.send(ctx, tx, stmts); err != nil {
			return stats, last, err
		}
		return stats, last, tx.Commit(ctx)
	}
	for _, stmt := range stmts {
		got, err := conn.Exec(ctx, stmt)
		if err != nil {
			return stats, stmt, err
		}
		stats.Rows, stats.JobID = got.Rows, got.JobID
		stats.Bytes += max(got.Bytes, 0)
		stats.Duration += got.Duration
	}
	return stats, last, nil
}

func (r *runner) load(ctx context.Context, conn warehouse.Conn, op warehouse.Load) (warehouse.JobStats, error) {
	loader, ok := conn.(warehouse.Loader)
	if !ok {
		return warehouse.JobStats{}, fmt.Errorf("load %s: %w", op.Path, warehouse.ErrUnsupported)
	}
	path := filepath.Join(r.options.Dir, filepath.FromSlash(op.Path))
	f := warehouse.File{Path: path, Format: op.Format, Open: func() (io.ReadCloser, error) { return os.Open(path) }}
	if op.Delimiter != "" {
		f.Delimiter = []rune(op.Delimiter)[0]
	}
	return loader.Load(ctx, op.Target, op.Columns, f)
}

// publish makes the result visible and records it, in one transaction where the
// warehouse has them: after a crash the record and the relation agree.
func (r *runner) publish(ctx context.Context, tx warehouse.Tx, a *plan.Action, res *NodeResult) bool {
	records := r.records(a, res)
	if tx == nil && len(a.Publish) == 0 {
		// Nothing is replaced: without its record the node is simply built again.
		if err := r.later(ctx, records); err != nil {
			res.fail(a, publishRefused(a, r.conn.Dialect(), err))
			return false
		}
		r.published(a)
		return true
	}
	ops := slices.Concat([]warehouse.Op(a.Publish), records)
	if tx == nil && r.conn.Dialect().Caps().TransactionalDDL && len(ops) > 0 {
		own, err := warehouse.Begin(ctx, r.conn)
		if err != nil {
			res.fail(a, publishRefused(a, r.conn.Dialect(), err))
			return false
		}
		defer own.Close()
		tx = own
	}
	conn := r.conn
	if tx != nil {
		conn = tx
	}
	rows := res.Rows
	if !r.ops(ctx, conn, a, ops, res) {
		return false
	}
	res.Rows = rows
	if tx != nil {
		if err := tx.Commit(ctx); err != nil {
			res.fail(a, publishRefused(a, r.conn.Dialect(), err))
			return false
		}
	}
	r.published(a)
	return true
}

// published notes the new version of a node for those that read it.
func (r *runner) published(a *plan.Action) {
	if a.Verb == plan.Check {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.versions[a.Node] = r.options.RunID
}

// later keeps records back and writes them together: after recordsTogether of them, after
// recordsWait, or at the end of the run.
func (r *runner) later(ctx context.Context, records []warehouse.Op) error {
	r.mu.Lock()
	if len(r.waiting) == 0 {
		r.waitingSince = r.options.Now()
	}
	r.waiting = append(r.waiting, records...)
	due := len(r.waiting) >= recordsTogether || r.options.Now().Sub(r.waitingSince) > recordsWait
	r.mu.Unlock()
	if !due {
		return nil
	}
	return r.flush(ctx)
}

const (
	recordsTogether = 256
	recordsWait     = time.Second
)

// flush writes the records that wait, one statement per table.
func (r *runner) flush(ctx context.Context) error {
	r.mu.Lock()
	waiting := r.waiting
	r.waiting = nil
	r.mu.Unlock()
	var joined []warehouse.InsertValues
	for _, op := range waiting {
		insert := op.(warehouse.InsertValues)
		i := slices.IndexFunc(joined, func(j warehouse.InsertValues) bool { return j.Target == insert.Target })
		if i < 0 {
			joined = append(joined, insert)
			continue
		}
		joined[i].Rows = append(joined[i].Rows, insert.Rows...)
	}
	for _, insert := range joined {
		if _, _, err := r.do(ctx, r.conn, insert); err != nil {
			return fmt.Errorf("record %d rows in %s: %w", len(insert.Rows), insert.Target, err)
		}
	}
	return nil
}

// records are the state rows of an action that went well.
func (r *runner) records(a *plan.Action, res *NodeResult) []warehouse.Op {
	if r.options.Frozen {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var ops []warehouse.Op
	now := r.options.Now()
	version := func(n addr.Node) string {
		if n == a.Node && a.Verb != plan.Check {
			return r.options.RunID
		}
		return r.versions[n]
	}
	if a.Verb != plan.Check {
		inputs := map[addr.Node]string{}
		for _, p := range a.Parents {
			inputs[p] = version(p)
		}
		ops = append(ops, state.BuiltOp(r.conn.Dialect(), r.scope, r.options.RunID, state.Record{
			Node: a.Node, Relation: a.Relation, Kind: a.Kind, Materialized: a.Materialized, Fingerprint: a.Fingerprint,
			Version: r.options.RunID, Inputs: inputs, Rows: res.Rows, At: now, Millis: now.Sub(res.Start).Milliseconds(),
		}))
	}
	var passed []state.TestRecord
	results := map[addr.Node]TestResult{}
	for _, t := range res.Tests {
		results[t.ID] = t
	}
	for _, t := range a.UnitTests {
		if results[t.ID].Status == Done {
			passed = append(passed, state.TestRecord{Test: t.ID, Fingerprint: t.Fingerprint, At: now})
		}
	}
	for _, t := range a.Tests {
		got := results[t.ID]
		if got.Status != Done && got.Status != Warned {
			continue
		}
		inputs := map[addr.Node]string{}
		for _, p := range t.Parents {
			inputs[p] = version(p)
		}
		passed = append(passed, state.TestRecord{Test: t.ID, Fingerprint: t.Fingerprint, Inputs: inputs, Failures: got.Failures, At: now})
	}
	return append(ops, state.PassedOps(r.conn.Dialect(), r.scope, r.options.RunID, passed)...)
}

// cleanup undoes what a failed action left aside. It works even when ctx has ended.
func (r *runner) cleanup(ctx context.Context, tx warehouse.Tx, a *plan.Action) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer stop()
	if tx != nil {
		// What cannot be rolled back is gone with the connection.
		_ = tx.Rollback(ctx)
		return
	}
	for _, op := range a.Cleanup {
		// An object that stays is an orphan: the next build removes it.
		_, _, _ = r.do(ctx, r.conn, op)
	}
}

// fillTests gives tests that did not get their turn a result.
func (r *runner) fillTests(a *plan.Action, res *NodeResult) {
	have := map[addr.Node]bool{}
	for _, t := range res.Tests {
		have[t.ID] = true
	}
	rest := &plan.Action{Node: a.Node}
	for _, t := range a.UnitTests {
		if !have[t.ID] {
			rest.UnitTests = append(rest.UnitTests, t)
		}
	}
	for _, t := range a.Tests {
		if !have[t.ID] {
			rest.Tests = append(rest.Tests, t)
		}
	}
	skipped := r.skipTests(rest, &NodeResult{Because: a.Node, Start: res.End, End: res.End})
	res.Tests = append(res.Tests, skipped.Tests...)
}

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
	ctx = warehouse.WithJob(ctx, r.job(ctx, a))
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
	if r.needless(a) {
		r.keep(a, res)
		return res
	}
	if !r.phase(res, "unit_tests", len(a.UnitTests) > 0, func() bool { return r.unitTests(ctx, a, res) }) {
		return res
	}
	conn := r.conn
	acct := &account{of: &res.Usage, bounded: true}
	var tx warehouse.Tx
	first, build := alone(a.Build)
	if len(first) > 0 && !r.phase(res, "build", true, func() bool { return r.ops(ctx, conn, a, first, res, acct) }) {
		return res
	}
	if a.InTx {
		var err error
		if tx, err = warehouse.Begin(ctx, r.conn); err != nil {
			res.fail(a, publishRefused(a, r.conn.Dialect(), err))
			return res
		}
		defer tx.Close()
		conn = tx
	}
	if tx == nil {
		res.announced = r.announce(ctx, a)
		if a.Staged == a.Relation {
			// Readers see what is built at once.
			if err := res.announced(); err != nil {
				res.fail(a, publishRefused(a, r.conn.Dialect(), err))
				return res
			}
		}
	}
	if a.Verb != plan.Check {
		res.content = r.contents.made(a)
	}
	ok := r.phase(res, "build", len(build) > 0, func() bool { return r.ops(ctx, conn, a, build, res, acct) }) &&
		r.phase(res, "compare", a.Compare != "", func() bool { r.compare(ctx, conn, a, res); return true }) &&
		r.phase(res, "tests", gates(a), func() bool { return r.tests(ctx, conn, a, res) }) &&
		r.phase(res, "publish", true, func() bool { return r.publish(ctx, tx, a, res) })
	if !ok {
		r.cleanup(ctx, tx, a, res)
		return res
	}
	res.Status = Done
	return res
}

// job says whose the statements of an action are, and what bounds them.
func (r *runner) job(ctx context.Context, a *plan.Action) warehouse.Job {
	j := warehouse.JobOf(ctx)
	j.Node, j.MaxBytes, j.Timeout = a.Node, a.Limits.MaxBytes, a.Limits.Timeout
	j.Priority, j.Reservation, j.Labels = a.Limits.Priority, a.Limits.Reservation, a.Limits.Labels
	return j
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
func (r *runner) ops(ctx context.Context, conn warehouse.Conn, a *plan.Action, ops []warehouse.Op, res *NodeResult, acct *account) bool {
	var replaced int64 // rows of all batches
	for _, op := range ops {
		own := *acct
		own.bounded = acct.bounded && reads(op, conn.Dialect().Caps())
		if done, ok := r.closure(ctx, conn, a, op, res, &own); done {
			if !ok {
				return false
			}
			tally(a, op, warehouse.JobStats{Rows: -1}, res) // pairs may change without a change of their number
			continue
		}
		columnsStay(ctx, conn, a, op, res)
		stats, stmt, err := r.do(ctx, conn, op, &own)
		if err != nil {
			r.explain(a, op, stmt, res, err)
			return false
		}
		tally(a, op, stats, res)
		if word, rows := command(op); word != "" {
			res.Command, res.Job = word, stats.JobID
			if rows {
				res.Rows = stats.Rows
			}
			if _, batch := op.(warehouse.ReplacePartitions); batch && stats.Rows >= 0 {
				replaced += stats.Rows
				res.Rows = replaced
			}
		}
	}
	return true
}

// command is the SQL command of an operation that makes what readers see, and whether it
// makes rows that can be counted.
func command(op warehouse.Op) (word string, rows bool) {
	switch op.(type) {
	case warehouse.CreateTableAs:
		return "CREATE TABLE", true
	case warehouse.Load:
		return "LOAD", true
	case warehouse.InsertSelect:
		return "INSERT", true
	case warehouse.MergeInto, warehouse.ReplacePartitions:
		return "MERGE", true
	case warehouse.CreateViewAs:
		return "CREATE VIEW", false
	case warehouse.CreateMaterializedViewAs:
		return "CREATE MATERIALIZED VIEW", false
	case warehouse.RefreshMaterializedView:
		return "REFRESH MATERIALIZED VIEW", false
	}
	return "", false
}

// explain words the failure of an operation in the user's terms.
func (r *runner) explain(a *plan.Action, op warehouse.Op, stmt warehouse.Statement, res *NodeResult, err error) {
	if errors.Is(err, errSpent) {
		res.fail(a, budgetSpent(r.options.MaxBilled))
		return
	}
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
	var broken *warehouse.ContractError
	if errors.As(err, &broken) {
		res.fail(a, contractBroken(a, broken))
		return
	}
	if hook, ok := op.(warehouse.SQL); ok {
		d := hookFailed("the model's", hook.Text, r.conn.Dialect(), err)
		d.At = a.Origin.At
		res.fail(a, d)
		return
	}
	if unmet := (*warehouse.UnmetError)(nil); errors.As(err, &unmet) {
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
	var dependent *warehouse.DependentError
	if errors.As(err, &dependent) && r.comes(dependent.Dependent.Relation) {
		d.Help = "it is built anew in this run, too: engine build --publish run replaces it before what it reads, and all at the same moment"
	}
	res.fail(a, d)
}

// comes reports whether a relation is one that the run builds.
func (r *runner) comes(rel addr.Relation) bool {
	return slices.ContainsFunc(r.plan.Actions, func(a *plan.Action) bool {
		return (a.Verb == plan.Replace || a.Verb == plan.Create) && a.Relation.Schema == rel.Schema && a.Relation.Name == rel.Name
	})
}

// do runs one operation: late ones are expanded against the live relations first. A Conn
// that can do an operation in its own way does; the others get its statements.
func (r *runner) do(ctx context.Context, conn warehouse.Conn, op warehouse.Op, acct *account) (stats warehouse.JobStats, stmt warehouse.Statement, err error) {
	if load, ok := op.(warehouse.Load); ok {
		if stats, stmt, done, err := r.perform(ctx, conn, op, acct); done || err != nil {
			return stats, stmt, err
		}
		stats, err = r.load(ctx, conn, load)
		r.charge(acct, stats, err)
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
		got, last, done, err := r.perform(ctx, conn, op, acct)
		if err != nil {
			return stats, last, err
		}
		if done {
			stats = got
			continue
		}
		stmts, err := conn.Dialect().Render(op)
		if err != nil {
			return stats, stmt, fmt.Errorf("render %s: %w", warehouse.Describe(op), err)
		}
		got, last, err = r.send(ctx, conn, stmts, acct)
		if err != nil && requires(op, stmts, last) {
			err = &warehouse.UnmetError{Err: err}
		}
		if err != nil {
			return stats, last, err
		}
		stats = got
	}
	return stats, stmt, nil
}

// perform lets the connection do an operation in its own way, if it has one.
func (r *runner) perform(ctx context.Context, conn warehouse.Conn, op warehouse.Op, acct *account) (stats warehouse.JobStats, stmt warehouse.Statement, done bool, err error) {
	p, ok := conn.(warehouse.Performer)
	if !ok {
		return stats, stmt, false, nil
	}
	if ctx, err = r.within(ctx, acct); err != nil {
		return stats, stmt, false, err
	}
	stats, stmt, done, err = p.Perform(ctx, op)
	if done || err != nil {
		r.charge(acct, stats, err)
	}
	return stats, stmt, done, err
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
func (r *runner) send(ctx context.Context, conn warehouse.Conn, stmts []warehouse.Statement, acct *account) (stats warehouse.JobStats, last warehouse.Statement, err error) {
	if _, inTx := conn.(warehouse.Tx); !inTx && len(stmts) > 1 && conn.Dialect().Caps().TransactionalDDL {
		tx, err := warehouse.Begin(ctx, conn)
		if err != nil {
			return stats, last, err
		}
		defer tx.Close()
		if stats, last, err = r.send(ctx, tx, stmts, acct); err != nil {
			return stats, last, err
		}
		return stats, last, r.timed(acct, func() error { return tx.Commit(ctx) })
	}
	for _, stmt := range stmts {
		got, err := r.exec(ctx, conn, stmt, acct)
		if err != nil {
			return stats, stmt, err
		}
		stats = got
	}
	return stats, last, nil
}

func (r *runner) load(ctx context.Context, conn warehouse.Conn, op warehouse.Load) (warehouse.JobStats, error) {
	loader, ok := conn.(warehouse.Loader)
	if !ok {
		return warehouse.JobStats{}, fmt.Errorf("load %s: %w", op.Path, warehouse.ErrUnsupported)
	}
	path := filepath.Join(r.options.Dir, filepath.FromSlash(op.Path))
	f := warehouse.File{Path: path, Format: op.Format, Layout: op.Layout, Open: func() (io.ReadCloser, error) { return os.Open(path) }}
	if op.Delimiter != "" {
		f.Delimiter = []rune(op.Delimiter)[0]
	}
	return loader.Load(ctx, op.Target, op.Columns, f)
}

// publish makes the result visible and records it, in one transaction where the
// warehouse has them: after a crash the record and the relation agree.
//
// Without transactions, and where nothing is replaced, records are written later and many
// at once, since each statement may be a job that takes a second. A run that dies between
// the publication and the record is safe: before the publication the record of the last
// build was taken back (see announce), and a node that never had one is built again.
// Comparing with that record would not do: contents are named after what they follow from, so
// when an edit is taken back, or an input becomes what it was, the old record would look true
// again. Rows that a second build would append once more are recorded at once.
func (r *runner) publish(ctx context.Context, tx warehouse.Tx, a *plan.Action, res *NodeResult) bool {
	refuse := func(err error) bool {
		res.fail(a, publishRefused(a, r.conn.Dialect(), err))
		return false
	}
	if r.plan.PublishRun {
		// Those that read it read it aside; the end of the run publishes it (see together).
		r.published(a, res)
		return true
	}
	rows, word, job := res.Rows, res.Command, res.Job
	defer func() { res.Rows, res.Command, res.Job = rows, word, job }() // hooks and records are not its rows
	acct := &account{of: &res.Usage}
	atOnce := r.conn.Dialect().Caps().TransactionalDDL
	if tx == nil && (!atOnce || len(a.Publish) == 0) {
		if res.announced != nil {
			if err := res.announced(); err != nil {
				return refuse(err)
			}
		}
		if err := r.options.Lease.fence(ctx, nil); err != nil {
			return refuse(err)
		}
		publish, kept, err := r.keeping(ctx, r.conn, a)
		if err != nil {
			return refuse(err)
		}
		if !r.ops(ctx, r.conn, a, publish, res, acct) {
			return false
		}
		r.later(ctx, append(r.recordsOf(a, res), kept...))
		if appends(a) {
			_ = r.flush(ctx) // what cannot be written now is reported at the end
		}
		r.published(a, res)
		return true
	}
	last, _ := alone(a.Publish)
	ops := slices.Concat([]warehouse.Op(a.Publish), r.recordsOf(a, res))
	if tx == nil && len(ops) > 0 {
		own, err := warehouse.Begin(ctx, r.conn)
		if err != nil {
			return refuse(err)
		}
		defer own.Close()
		tx = own
	}
	conn := r.conn
	if tx != nil {
		conn = tx
	}
	publish, kept, err := r.keeping(ctx, conn, a)
	if err != nil {
		return refuse(err)
	}
	_, publish = alone(publish)
	records := r.recordsOf(a, res)
	if len(last) > 0 {
		// The node is as it should be when these are done, too: until then it has no record.
		records = r.withdrawn(a)
	}
	if !r.ops(ctx, conn, a, slices.Concat(publish, records, kept), res, acct) {
		return false
	}
	if tx != nil {
		if err := r.options.Lease.fence(ctx, tx); err != nil {
			return refuse(err)
		}
		if err := r.timed(acct, func() error { return tx.Commit(ctx) }); err != nil {
			return refuse(err)
		}
	}
	if len(last) > 0 && !r.ops(ctx, r.conn, a, slices.Concat(last, r.recordsOf(a, res)), res, acct) {
		return false
	}
	r.published(a, res)
	return true
}

// alone splits off the statements that stay outside of the transaction of the others.
func alone(ops []warehouse.Op) (outside, inside []warehouse.Op) {
	for _, op := range ops {
		if s, ok := op.(warehouse.SQL); ok && s.Alone {
			outside = append(outside, op)
		} else {
			inside = append(inside, op)
		}
	}
	return outside, inside
}

// withdrawn is the record of a node that is published and not finished: the next build builds it.
func (r *runner) withdrawn(a *plan.Action) []warehouse.Op {
	if r.options.Frozen {
		return nil
	}
	return []warehouse.Op{r.revocationOf(a)}
}

// appends reports whether doing an action twice would leave rows twice.
func appends(a *plan.Action) bool {
	inserts := false
	for _, op := range a.Build {
		switch op.(type) {
		case warehouse.InsertSelect:
			inserts = true
		case warehouse.DeleteMatching, warehouse.StageSnapshot:
			return false // rows are found by their key
		}
	}
	return inserts && a.Verb == plan.Update
}

// published notes what a node holds now for those that read it.
func (r *runner) published(a *plan.Action, res *NodeResult) {
	if a.Verb != plan.Check {
		r.contents.put(a.Node, res.content)
	}
}

// recordsOf are the state rows of an action that went well.
func (r *runner) recordsOf(a *plan.Action, res *NodeResult) []warehouse.Op {
	if r.options.Frozen {
		return nil
	}
	if a.Restore != nil {
		return r.restored(a)
	}
	var ops []warehouse.Op
	now := r.moment(a)
	if a.Verb != plan.Check {
		inputs := r.contents.inputs(a)
		spent := res.Total().spent()
		if a.Definition != nil {
			ops = append(ops, state.DefinedOp(r.conn.Dialect(), r.scope, r.options.RunID, now, a.Definition))
		}
		ops = append(ops, state.BuiltOp(r.conn.Dialect(), r.scope, r.options.RunID, state.Record{
			Node: a.Node, Relation: a.Relation, Kind: a.Kind, Materialized: a.Materialized, Fingerprint: a.Fingerprint,
			Version: r.options.RunID, Inputs: inputs, Rows: res.Rows, At: now, Millis: learned(a, r.options.Now().Sub(res.Start)),
			Bytes: spent.Bytes, Billed: spent.Billed, SlotMillis: spent.SlotMillis, Definition: a.DefinitionID,
			Content: res.content, Checksum: res.checksum, Tests: testsPassed(res),
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
		gate, inputs := a.Gates[t.ID], map[addr.Node]string{}
		for _, p := range t.Parents {
			inputs[p] = r.read(a, gate, p, res.content)
		}
		passed = append(passed, state.TestRecord{Test: t.ID, Fingerprint: t.Fingerprint, Inputs: inputs, Failures: got.Failures, At: now})
	}
	return append(ops, state.PassedOps(r.conn.Dialect(), r.scope, r.options.RunID, passed)...)
}

func testsPassed(res *NodeResult) (n int64) {
	for _, t := range res.Tests {
		if t.Status == Done || t.Status == Kept {
			n++
		}
	}
	return n
}

// cleanup undoes what a failed action left aside. It works even when ctx has ended.
func (r *runner) cleanup(ctx context.Context, tx warehouse.Tx, a *plan.Action, res *NodeResult) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer stop()
	if tx != nil {
		// What cannot be rolled back is gone with the connection.
		_ = tx.Rollback(ctx)
		return
	}
	if r.options.Lease.Lost() != nil {
		return // what has these names now may be another run's
	}
	for _, op := range a.Cleanup {
		// An object that stays is an orphan: the next build removes it.
		_, _, _ = r.do(ctx, r.conn, op, &account{of: &res.Usage})
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
		// Late tests have their turn after the publication.
		if late := t.Late && (res.Status == Done || res.Status == Kept); !have[t.ID] && !late {
			rest.Tests = append(rest.Tests, t)
		}
	}
	skipped := r.skipTests(rest, &NodeResult{Because: a.Node, Start: res.End, End: res.End})
	res.Tests = append(res.Tests, skipped.Tests...)
}

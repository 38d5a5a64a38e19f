package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/schedule"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// Apply does what p says. The error is trouble of the run as a whole (the state tables
// cannot be made, a hook fails); trouble of a node is in its result. When ctx ends,
// running statements are interrupted, staged objects removed, and the result says so.
func Apply(ctx context.Context, p *plan.Plan, conn warehouse.Conn, o Options) (*Result, error) {
	ctx = warehouse.WithJob(ctx, warehouse.Job{Run: o.RunID, Project: p.Project, Target: p.Target})
	ctx, release := bounded(ctx, o)
	defer release()
	asked := ctx // ends only when the user says so, not when failing fast
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &runner{plan: p, conn: conn, options: o, cancel: cancel, contents: newContents(p, o.RunID), agenda: agendaOf(p, o.Jobs), scope: state.Scope{Database: p.Database, Project: p.Project, Schema: p.Schema}}
	result := &Result{RunID: o.RunID, Start: o.Now(), Plan: p, Nodes: make([]*NodeResult, len(p.Actions)), Price: warehouse.PriceOf(conn)}
	r.emit(Event{Kind: RunStarted, At: result.Start, Total: len(p.Actions)})
	of, err := schedule.New(r.agenda.tasks, r.agenda.limits)
	if err != nil {
		return nil, fmt.Errorf("order the actions of the plan: %w", err)
	}
	r.board = &board{of: of, freed: make(chan struct{}, 1)}
	ctx = warehouse.WithThrottled(ctx, r.throttled)
	overhead := &account{of: &result.Overhead}
	if err := r.prepare(ctx, overhead); err != nil {
		if _, why := stoppedBy(ctx, o); why != nil {
			err = *why
		}
		return nil, err
	}
	r.atStart(ctx, result)
	if r.halted == "" {
		if err := warehouse.Prepare(ctx, r.conn, p.Needs); err != nil {
			return nil, fmt.Errorf("prepare the warehouse: %w", err)
		}
	}
	r.schedule(ctx, result)
	if p.PublishRun {
		r.together(ctx, result, overhead)
	}
	result.Timing = r.timing(result)
	if !r.canceled(ctx) {
		r.atEnd(asked, result)
	}
	if !r.canceled(ctx) {
		if err := r.retire(ctx, result, overhead); err != nil {
			result.Diags.Add(stateNotWritten(err))
		}
	}
	result.Canceled = r.canceled(ctx)
	result.stop(ctx, o)
	r.settle(ctx)
	result.End = o.Now()
	if err := r.recordRun(ctx, result, overhead); err != nil {
		result.Diags.Add(stateNotWritten(err))
	}
	r.emit(Event{Kind: RunEnded, At: result.End, Total: len(p.Actions)})
	return result, nil
}

type runner struct {
	plan     *plan.Plan
	conn     warehouse.Conn
	contents *contents
	options  Options
	cancel   context.CancelCauseFunc
	scope    state.Scope
	tables   state.Tables // as they were when the run began
	agenda   *agenda
	board    *board

	mu      sync.Mutex // guards what follows and the sink
	records records
	revoked revocations
	kept    []plan.Previous // what this run keeps, if it is published
	moments map[addr.Node]time.Time
	billed  atomic.Int64 // bytes that the statements of this run were billed for
	halted  string       // why no action may begin, empty if they may; set before the first
	over    atomic.Bool  // a statement was not sent, because the budget was used up
}

// moment is the time of a record about the node of an action: now, in microseconds, but later
// than all records that there are. Of several the last one counts, also where
// machines take turns whose clocks do not agree.
func (r *runner) moment(a *plan.Action) time.Time {
	now := r.options.Now().UTC().Truncate(time.Microsecond)
	r.mu.Lock()
	defer r.mu.Unlock()
	last, known := r.moments[a.Node]
	if !known || a.After.After(last) {
		last = a.After.UTC().Truncate(time.Microsecond)
	}
	if !now.After(last) {
		now = last.Add(time.Microsecond)
	}
	if r.moments == nil {
		r.moments = map[addr.Node]time.Time{}
	}
	r.moments[a.Node] = now
	return now
}

func (r *runner) emit(e Event) {
	if r.options.Sink == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.options.Sink(e)
}

func (r *runner) canceled(ctx context.Context) bool {
	return ctx.Err() != nil && !errors.Is(context.Cause(ctx), errFailFast)
}

// prepare makes the schemas and state tables, and removes what a dead run left.
func (r *runner) prepare(ctx context.Context, acct *account) error {
	var ops []warehouse.Op
	if !r.options.Frozen {
		var err error
		if r.tables, err = state.Look(ctx, r.conn, r.scope.Database); err != nil {
			return err
		}
		ops = r.tables.Missing(r.conn.Dialect(), r.scope.Database)
		if r.keeps() {
			ops = append(ops, r.tables.ExtraSetup(r.conn.Dialect(), r.scope.Database)...)
		}
	}
	for _, o := range r.plan.Orphans {
		ops = append(ops, warehouse.Drop{Relation: o.Relation, Kind: o.Kind})
	}
	for _, s := range r.plan.Schemas {
		ops = append(ops, s)
	}
	for _, op := range ops {
		if _, _, err := r.do(ctx, r.conn, op, acct); err != nil {
			return fmt.Errorf("%s: %w", warehouse.Describe(op), err)
		}
	}
	return nil
}

// board is the schedule of a run, with what guards it.
type board struct {
	mu      sync.Mutex
	of      *schedule.Schedule
	start   time.Time     // of the first action; zero before
	settled bool          // everything that could begin has
	freed   chan struct{} // a slot that was borrowed is free again
}

// borrow takes another slot for an action that runs, if nothing else could begin in it.
// giveBack ends that.
func (r *runner) borrow() bool {
	now := r.options.Now()
	r.board.mu.Lock()
	defer r.board.mu.Unlock()
	return r.board.settled && r.board.of.Borrow(now.Sub(r.board.start))
}

func (r *runner) giveBack(held time.Duration) {
	r.board.mu.Lock()
	r.board.of.Return(held)
	r.board.settled = false
	r.board.mu.Unlock()
	select {
	case r.board.freed <- struct{}{}:
	default: // the loop has been told, and has not looked yet
	}
}

// throttled hears that the warehouse has asked for less.
func (r *runner) throttled(retry warehouse.Retry) {
	now := r.options.Now()
	r.board.mu.Lock()
	defer r.board.mu.Unlock()
	if !r.board.start.IsZero() {
		r.board.of.Limited(now.Sub(r.board.start), retry.Wait)
	}
}

// schedule does the actions of the plan in the order in which engine/schedule names them.
// Nobody but this loop begins anything; there is a goroutine for each action that runs.
func (r *runner) schedule(ctx context.Context, result *Result) {
	b := r.board
	finished := make(chan int, r.agenda.limits.Slots)
	stopped := ctx.Done()
	begun := 0
	var over []int // tasks that have ended since the board was last looked at
	start := r.options.Now()
	b.mu.Lock()
	b.start = start
	b.mu.Unlock()
	now := time.Duration(0)
	for ; ; now = r.options.Now().Sub(start) {
		b.mu.Lock()
		for _, task := range over {
			if r.wentWrong(result, task) {
				b.of.Fail(task, now)
			} else {
				b.of.Finish(task, now)
			}
			b.settled = false
		}
		b.mu.Unlock()
		over = over[:0]
		for r.beginNext(ctx, result, now, finished, &begun) {
		}
		b.mu.Lock()
		at, paused := b.of.Wake(now)
		left := b.of.Left()
		b.mu.Unlock()
		if left == 0 {
			return
		}
		var passed <-chan time.Time // never, unless the warehouse has asked for a pause
		if paused {
			passed = time.After(at - now)
		}
		select {
		case task := <-finished:
			over = append(over, task)
			for more := true; more; {
				select {
				case task := <-finished:
					over = append(over, task)
				default:
					more = false
				}
			}
			if r.options.FailFast && slices.ContainsFunc(over, func(task int) bool { return r.wentWrong(result, task) }) {
				r.cancel(errFailFast)
			}
		case <-b.freed:
		case <-passed:
		case <-stopped:
			stopped = nil
			b.mu.Lock()
			b.of.Stop()
			b.mu.Unlock()
		}
	}
}

// wentWrong reports whether a task that has ended makes the run fail.
func (r *runner) wentWrong(result *Result, task int) bool {
	res := result.Nodes[r.agenda.action[task]]
	if !r.agenda.late(task) {
		return res.Status.Bad()
	}
	return slices.ContainsFunc(res.Tests, func(t TestResult) bool { return t.Status.Bad() })
}

// beginNext begins what is to be next, or files why it must not run. It is false when
// nothing can begin now.
func (r *runner) beginNext(ctx context.Context, result *Result, now time.Duration, finished chan<- int, begun *int) bool {
	b := r.board
	b.mu.Lock()
	task, ok := b.of.Next(now)
	b.settled = !ok
	worker := 0
	if ok {
		worker = b.of.Spans()[task].Slot
	}
	b.mu.Unlock()
	if !ok {
		return false
	}
	i := r.agenda.action[task]
	a, total := r.plan.Actions[i], len(r.plan.Actions)
	if r.agenda.late(task) {
		if r.skipLate(ctx, task, result) {
			r.skipped(task, now)
			return true
		}
		go func() {
			r.fileLate(a, result.Nodes[i], r.lateTests(ctx, a, result.Nodes[i]))
			finished <- task
		}()
		return true
	}
	*begun++
	position := *begun
	if res := r.skip(ctx, task, result); res != nil {
		result.Nodes[i] = res
		r.skipped(task, now)
		r.emit(Event{Kind: NodeEnded, At: res.End, Node: a.Node, Index: position, Total: total, Action: a, Result: res})
		return true
	}
	go func() {
		r.emit(Event{Kind: NodeStarted, At: r.options.Now(), Node: a.Node, Index: position, Total: total, Action: a})
		res := r.act(ctx, a)
		res.Worker = worker
		result.Nodes[i] = res
		r.emit(Event{Kind: NodeEnded, At: res.End, Node: a.Node, Index: position, Total: total, Action: a, Result: res})
		finished <- task
	}()
	return true
}

func (r *runner) skipped(task int, now time.Duration) {
	r.board.mu.Lock()
	defer r.board.mu.Unlock()
	r.board.of.Skip(task, now)
	r.board.settled = false
}

// skip answers the result of an action that must not run, nil if it may.
func (r *runner) skip(ctx context.Context, task int, result *Result) *NodeResult {
	a := r.plan.Actions[r.agenda.action[task]]
	res := newResult(a, r.options.Now())
	res.End = res.Start
	if !r.hindered(ctx, r.agenda.tasks[task].After, result, res) {
		return nil
	}
	return r.skipTests(a, res)
}

// skipLate files the results of late tests that must not run. It is false if they may.
func (r *runner) skipLate(ctx context.Context, task int, result *Result) bool {
	i := r.agenda.action[task]
	a, node := r.plan.Actions[i], result.Nodes[i]
	have := idsOf(node.Tests)
	rest := &plan.Action{Node: a.Node, Tests: slices.DeleteFunc(slices.Clone(a.Tests), func(t plan.Test) bool { return have[t.ID] })}
	if len(rest.Tests) == 0 {
		return true // they share the fate of the action
	}
	res := newResult(a, r.options.Now())
	res.End = res.Start
	if !r.hindered(ctx, r.agenda.tasks[task].After, result, res) {
		return false
	}
	r.fileLate(a, node, r.skipTests(rest, res).Tests)
	return true
}

// hindered says in res why a task must not run: an action that it depends on went wrong, or
// the run is being stopped. The cause is the root, not the nearest.
func (r *runner) hindered(ctx context.Context, after []int, result *Result, res *NodeResult) bool {
	for _, p := range after {
		switch parent := result.Nodes[p]; {
		case parent.Status == Skipped || parent.Status == Canceled && !parent.Because.IsZero():
			res.Status, res.Because, res.Message = parent.Status, parent.Because, parent.Message
		case parent.Status.Bad():
			res.Status, res.Because = Skipped, parent.Node
		default:
			continue
		}
		return true
	}
	switch {
	case ctx.Err() != nil && errors.Is(context.Cause(ctx), errFailFast):
		res.Status, res.Message = Skipped, "stopped after the first failure"
	case ctx.Err() != nil:
		res.Status = Canceled
	case r.halted != "":
		res.Status, res.Message = Skipped, r.halted
	case r.over.Load():
		res.Status, res.Message = Skipped, "stopped: the budget is used up"
	default:
		return false
	}
	return true
}

func (r *runner) skipTests(a *plan.Action, res *NodeResult) *NodeResult {
	for _, t := range a.UnitTests {
		res.Tests = append(res.Tests, TestResult{ID: t.ID, Of: a.Node, Kind: "unit", Status: Skipped, Because: res.Because, Start: res.Start, End: res.End, SQL: t.Actual})
	}
	for _, t := range a.Tests {
		res.Tests = append(res.Tests, TestResult{ID: t.ID, Of: a.Node, Kind: t.Kind, Status: Skipped, Because: res.Because, Severity: t.Severity, Sentence: t.Sentence, Start: res.Start, End: res.End, SQL: t.Rows})
	}
	return res
}

func newResult(a *plan.Action, now time.Time) *NodeResult {
	return &NodeResult{Node: a.Node, Verb: a.Verb, Materialized: a.Materialized, Relation: a.Relation, Start: now, Rows: -1}
}

func (r *runner) recordRun(ctx context.Context, result *Result, acct *account) error {
	if r.options.Frozen {
		return nil
	}
	verdict := "done"
	switch {
	case result.Stopped != "":
		verdict = result.Stopped
	case result.Canceled:
		verdict = "canceled"
	case !result.OK():
		verdict = "failed"
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer stop()
	err := r.flush(ctx)
	result.Overhead = result.Overhead.Plus(r.records.usage()).Plus(r.revoked.usage())
	if err != nil {
		return err
	}
	if r.options.Lease.Lost() != nil {
		return nil // the records are another run's to look after
	}
	told := r.tell(ctx, result)
	_, _, err = r.do(ctx, r.conn, state.RunOp(r.conn.Dialect(), r.scope, state.Run{ID: result.RunID, Start: result.Start, End: result.End, Verdict: verdict, Engine: r.options.Version, Target: r.plan.Target}), acct)
	if failed := told(); err == nil {
		err = failed
	}
	if err != nil {
		return err
	}
	_, err = state.Compact(ctx, r.conn, r.scope, state.DefaultLimits, r.tables)
	return err
}

// tell records how the tests of a run came out, for people. Where every statement is a job it
// does so beside what else is recorded: the function that it returns waits for the end.
func (r *runner) tell(ctx context.Context, result *Result) (wait func() error) {
	ops := state.OutcomeOps(r.conn.Dialect(), r.scope, outcomesOf(result))
	var used Usage
	write := func() error {
		for _, op := range ops {
			if _, _, err := r.do(ctx, r.conn, op, &account{of: &used}); err != nil {
				return fmt.Errorf("record the outcomes of tests: %w", err)
			}
		}
		return nil
	}
	done := make(chan error, 1)
	if len(ops) == 0 || r.conn.Dialect().Caps().TransactionalDDL {
		done <- write()
	} else {
		go func() { done <- write() }()
	}
	return func() error {
		err := <-done
		result.Overhead = result.Overhead.Plus(used)
		return err
	}
}

// outcomeWord is the status of a test that was run, as the state writes it; empty for others.
func outcomeWord(s Status) string {
	switch s {
	case Done:
		return "passed"
	case Warned:
		return "warned"
	case Failed:
		return "failed"
	case Errored:
		return "error"
	}
	return ""
}

// outcomesOf are the outcomes of the tests that were run, in the order of the plan.
func outcomesOf(result *Result) []state.Outcome {
	var out []state.Outcome
	for _, n := range result.Nodes {
		for i := range n.Tests {
			t := &n.Tests[i]
			word := outcomeWord(t.Status)
			if word == "" {
				continue
			}
			o := state.Outcome{Test: t.ID, Status: word, Failures: t.Failures, At: t.End, Run: result.RunID}
			if t.Status == Errored {
				o.Failures = -1
			}
			if o.At.IsZero() {
				o.At = result.End
			}
			out = append(out, o)
		}
	}
	return out
}

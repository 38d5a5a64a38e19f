package run

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/dag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// Apply does what p says. The error is trouble of the run as a whole (the state tables
// cannot be made, a hook fails); trouble of a node is in its result. When ctx ends,
// running statements are interrupted, staged objects removed, and the result says so.
func Apply(ctx context.Context, p *plan.Plan, conn warehouse.Conn, o Options) (*Result, error) {
	ctx = warehouse.WithJob(ctx, warehouse.Job{Run: o.RunID, Project: p.Project, Target: p.Target})
	asked := ctx // ends only when the user says so, not when failing fast
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &runner{plan: p, conn: conn, options: o, cancel: cancel, versions: map[addr.Node]string{}, scope: state.Scope{Database: p.Database, Project: p.Project, Schema: p.Schema}}
	for n, v := range p.Versions {
		r.versions[n] = v
	}
	result := &Result{RunID: o.RunID, Start: o.Now(), Plan: p, Nodes: make([]*NodeResult, len(p.Actions)), Price: warehouse.PriceOf(conn)}
	r.emit(Event{Kind: RunStarted, At: result.Start, Total: len(p.Actions)})
	overhead := &account{of: &result.Overhead}
	if err := r.prepare(ctx, overhead); err != nil {
		return nil, err
	}
	r.schedule(ctx, result)
	if !r.canceled(ctx) {
		for _, text := range p.OnRunEnd {
			if _, err := r.exec(asked, conn, warehouse.Statement{SQL: text}, overhead); err != nil {
				result.Diags.Add(hookFailed("on-run-end", text, conn.Dialect(), err))
			}
		}
	}
	result.Canceled = r.canceled(ctx)
	result.End = o.Now()
	if err := r.recordRun(ctx, result, overhead); err != nil {
		result.Diags.Add(stateNotWritten(err))
	}
	r.emit(Event{Kind: RunEnded, At: result.End, Total: len(p.Actions)})
	return result, nil
}

type runner struct {
	plan    *plan.Plan
	conn    warehouse.Conn
	options Options
	cancel  context.CancelCauseFunc
	scope   state.Scope
	tables  state.Tables // as they were when the run began

	mu       sync.Mutex // guards what follows and the sink
	versions map[addr.Node]string
	records  records
	billed   atomic.Int64 // bytes that the statements of this run were billed for
	over     atomic.Bool  // a statement was not sent, because the budget was used up
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

// prepare makes the schemas and state tables, removes what a dead run left, runs the
// start hooks.
func (r *runner) prepare(ctx context.Context, acct *account) error {
	var ops []warehouse.Op
	if !r.options.Frozen {
		var err error
		if r.tables, err = state.Look(ctx, r.conn, r.scope.Database); err != nil {
			return err
		}
		ops = r.tables.Missing(r.conn.Dialect(), r.scope.Database)
	}
	for _, o := range r.plan.Orphans {
		ops = append(ops, warehouse.Drop{Relation: o.Relation, Kind: o.Kind})
	}
	for _, s := range r.plan.Schemas {
		ops = append(ops, s)
	}
	for _, text := range r.plan.OnRunStart {
		ops = append(ops, warehouse.SQL{Text: text})
	}
	for _, op := range ops {
		if _, _, err := r.do(ctx, r.conn, op, acct); err != nil {
			return fmt.Errorf("%s: %w", warehouse.Describe(op), err)
		}
	}
	if err := warehouse.Prepare(ctx, r.conn, r.plan.Needs); err != nil {
		return fmt.Errorf("prepare the warehouse: %w", err)
	}
	return nil
}

// schedule runs the actions on N workers, the one with the longest way to go first.
func (r *runner) schedule(ctx context.Context, result *Result) {
	index := make(map[addr.Node]int, len(r.plan.Actions))
	nodes := make([]addr.Node, len(r.plan.Actions))
	for i, a := range r.plan.Actions {
		index[a.Node], nodes[i] = i, a.Node
	}
	graph := dag.New(addr.Node.Compare, nodes, func(n addr.Node) []addr.Node { return r.plan.Actions[index[n]].Deps })
	tails := graph.Tails(func(n addr.Node) float64 { return float64(max(r.plan.Actions[index[n]].Millis, 1)) })
	ready := &queue{before: func(a, b int) bool {
		if x, y := tails[nodes[a]], tails[nodes[b]]; x != y {
			return x > y
		}
		return a < b
	}}
	pending := make([]int, len(nodes))
	for i, n := range nodes {
		if pending[i] = len(graph.Parents(n)); pending[i] == 0 {
			heap.Push(ready, i)
		}
	}

	workers := max(r.options.Jobs, 1)
	finished := make(chan int)
	free := make([]int, 0, workers)
	for w := range workers {
		free = append(free, workers-1-w)
	}
	running, started := 0, 0
	end := func(i int) {
		if r.options.FailFast && result.Nodes[i].Status.Bad() {
			r.cancel(errFailFast)
		}
		for _, child := range graph.Children(nodes[i]) {
			if pending[index[child]]--; pending[index[child]] == 0 {
				heap.Push(ready, index[child])
			}
		}
	}
	for ready.Len() > 0 || running > 0 {
		for ready.Len() > 0 && len(free) > 0 {
			i := heap.Pop(ready).(int)
			started++
			if skipped := r.skip(ctx, i, graph, result, index); skipped != nil {
				result.Nodes[i] = skipped
				r.emit(Event{Kind: NodeEnded, At: skipped.End, Node: nodes[i], Index: started, Total: len(nodes), Action: r.plan.Actions[i], Result: skipped})
				end(i)
				continue
			}
			worker := free[len(free)-1]
			free = free[:len(free)-1]
			running++
			go func(position int) {
				a := r.plan.Actions[i]
				r.emit(Event{Kind: NodeStarted, At: r.options.Now(), Node: a.Node, Index: position, Total: len(nodes), Action: a})
				res := r.act(ctx, a)
				res.Worker = worker
				result.Nodes[i] = res
				r.emit(Event{Kind: NodeEnded, At: res.End, Node: a.Node, Index: position, Total: len(nodes), Action: a, Result: res})
				finished <- i
			}(started)
		}
		if running == 0 {
			continue
		}
		i := <-finished
		running--
		free = append(free, result.Nodes[i].Worker)
		end(i)
	}
}

// skip answers the result of an action that must not run: an action it depends on went
// wrong, or the run is being stopped. The cause is the root, not the nearest.
func (r *runner) skip(ctx context.Context, i int, graph *dag.Graph[addr.Node], result *Result, index map[addr.Node]int) *NodeResult {
	a := r.plan.Actions[i]
	res := newResult(a, r.options.Now())
	res.End = res.Start
	for _, p := range graph.Parents(a.Node) {
		switch parent := result.Nodes[index[p]]; {
		case parent.Status == Skipped || parent.Status == Canceled && !parent.Because.IsZero():
			res.Status, res.Because, res.Message = parent.Status, parent.Because, parent.Message
		case parent.Status.Bad():
			res.Status, res.Because = Skipped, p
		default:
			continue
		}
		return r.skipTests(a, res)
	}
	if ctx.Err() != nil {
		res.Status = Canceled
		if errors.Is(context.Cause(ctx), errFailFast) {
			res.Status, res.Message = Skipped, "stopped after the first failure"
		}
		return r.skipTests(a, res)
	}
	if r.over.Load() {
		res.Status, res.Message = Skipped, "stopped: the budget is used up"
		return r.skipTests(a, res)
	}
	return nil
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
	case result.Canceled:
		verdict = "canceled"
	case !result.OK():
		verdict = "failed"
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer stop()
	err := r.flush(ctx)
	result.Overhead = result.Overhead.Plus(r.records.usage())
	if err != nil {
		return err
	}
	if _, _, err := r.do(ctx, r.conn, state.RunOp(r.conn.Dialect(), r.scope, state.Run{ID: result.RunID, Start: result.Start, End: result.End, Verdict: verdict, Engine: r.options.Version, Target: r.plan.Target}), acct); err != nil {
		return err
	}
	_, err = state.Compact(ctx, r.conn, r.scope, state.DefaultLimits, r.tables)
	return err
}

// queue is a heap of action indexes.
type queue struct {
	items  []int
	before func(a, b int) bool
}

func (q *queue) Len() int           { return len(q.items) }
func (q *queue) Less(i, j int) bool { return q.before(q.items[i], q.items[j]) }
func (q *queue) Swap(i, j int)      { q.items[i], q.items[j] = q.items[j], q.items[i] }
func (q *queue) Push(x any)         { q.items = append(q.items, x.(int)) }
func (q *queue) Pop() any {
	last := q.items[len(q.items)-1]
	q.items = q.items[:len(q.items)-1]
	return last
}

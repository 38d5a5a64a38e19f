package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

const (
	// lockWait is how long a publication waits for the locks of all relations: as long wait
	// readers that come after it. Then it lets go of all, and tries again.
	lockWait = 700 * time.Millisecond
	// lockTries bounds how long it is tried again; firstPause and longestPause are between
	// two tries.
	lockTries    = 5 * time.Minute
	firstPause   = 250 * time.Millisecond
	longestPause = 10 * time.Second
	// swapsAtOnce is how many tables are published at once where each takes a job.
	swapsAtOnce = 16
)

// together publishes everything that the run has built, or nothing of it.
func (r *runner) together(ctx context.Context, result *Result, acct *account) {
	if because, message, ok := r.fit(ctx, result); !ok {
		r.withdraw(ctx, result, because, message)
		return
	}
	for i, a := range r.plan.Actions {
		if result.Nodes[i].Status == Done {
			r.published(a, result.Nodes[i])
		}
	}
	if !r.conn.Dialect().Caps().TransactionalDDL {
		r.burst(ctx, result, acct)
		return
	}
	if because, d := r.atOnce(ctx, result, acct); d != nil {
		result.Diags.Add(*d)
		r.withdraw(ctx, result, because, "")
	}
}

// fit reports whether all was built and has passed its tests; otherwise who is to blame, or
// what.
func (r *runner) fit(ctx context.Context, result *Result) (because addr.Node, message string, ok bool) {
	for _, n := range result.Nodes {
		if n.Status.Bad() && n.Status != Canceled {
			return n.Node, "", false
		}
		for _, t := range n.Tests {
			if t.Status.Bad() && t.Status != Canceled {
				return t.ID, "", false
			}
		}
	}
	for _, n := range result.Nodes {
		if n.Status != Done && n.Status != Kept {
			return n.Because, cmpText(n.Message, "the run was stopped"), false
		}
		for _, t := range n.Tests {
			if t.Status == Skipped || t.Status == Canceled {
				return addr.Node{}, "the run was stopped", false
			}
		}
	}
	if ctx.Err() != nil {
		return addr.Node{}, "the run was stopped", false
	}
	return addr.Node{}, "", true
}

func cmpText(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// withdraw removes what was built aside. It works even when ctx has ended.
func (r *runner) withdraw(ctx context.Context, result *Result, because addr.Node, message string) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 3*cleanupTime)
	defer stop()
	for i, a := range slices.Backward(r.plan.Actions) {
		res := result.Nodes[i]
		if res.Status != Done && a.Node != because { // what is to blame may have been built, too
			continue
		}
		for _, op := range a.Cleanup {
			if r.options.Lease.Lost() != nil {
				break // what has that name may be of the run that took the target over
			}
			// An object that stays is an orphan: the next build removes it.
			_, _, _ = r.do(ctx, r.conn, op, &account{of: &res.Usage})
		}
		switch {
		case res.Status != Done:
		case slices.ContainsFunc(res.Tests, func(t TestResult) bool { return t.Status.Bad() && t.Status != Canceled }):
			res.Status = Failed
		case a.Verb != plan.Check:
			res.Status, res.Because, res.Message = Unpublished, because, message
		}
	}
}

// step is one operation of a publication, and whose it is.
type step struct {
	action *plan.Action
	res    *NodeResult
	op     warehouse.Op
}

// atOnce publishes in one transaction. Others keep locks at times: it waits for each only
// for a moment, so that readers who come later do not wait for long, and tries again.
func (r *runner) atOnce(ctx context.Context, result *Result, acct *account) (because addr.Node, failed *diag.Diagnostic) {
	began := r.options.Now()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		at, err := r.tryAtOnce(ctx, result, acct)
		if err == nil {
			return addr.Node{}, nil
		}
		var again interface{ Conflict() bool }
		if errors.As(err, &again) && again.Conflict() && ctx.Err() == nil && r.options.Now().Sub(began) < lockTries {
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			continue
		}
		if at.action == nil {
			d := runUnpublished(r.conn.Dialect(), err)
			return addr.Node{}, &d
		}
		r.explain(at.action, at.op, warehouse.Statement{}, at.res, err)
		d := runUnpublished(r.conn.Dialect(), fmt.Errorf("%s: %w", warehouse.Describe(at.op), err))
		return at.action.Node, &d
	}
}

// tryAtOnce runs the transaction. at is the step that failed, if it was one.
//
// The last reader is swapped first: a view or a foreign key that was made aside is bound to
// the table that it reads, not to its name, so that what is replaced has no reader of ours
// left when its turn comes, and so that locks are taken in the order in which queries take
// them. Then views get their text in final names, parents first.
func (r *runner) tryAtOnce(ctx context.Context, result *Result, acct *account) (at step, err error) {
	tx, err := warehouse.Begin(ctx, r.conn)
	if err != nil {
		return at, err
	}
	defer tx.Close()
	if err := warehouse.Lock(ctx, tx, r.replaced(result), lockWait); err != nil {
		return at, err
	}
	var swaps, rest []step
	var records []warehouse.Op
	last := map[*plan.Action][]warehouse.Op{} // what follows the transaction
	for i, a := range r.plan.Actions {
		res := result.Nodes[i]
		if res.Status != Done {
			continue
		}
		publish, kept, err := r.keeping(ctx, tx, a)
		if err != nil {
			return step{a, res, warehouse.Swap{Target: a.Relation}}, err
		}
		if a.Verb == plan.Check {
			publish = slices.Concat(publish, a.Cleanup) // views that were made for their readers only
		}
		outside, publish := alone(publish)
		for _, op := range publish {
			switch op := op.(type) {
			case warehouse.Swap:
				swaps = append(swaps, step{a, res, op})
			case warehouse.Drop: // of a view that is made again
				swaps = append(swaps, step{a, res, op})
			default:
				rest = append(rest, step{a, res, op})
			}
		}
		own := r.recordsOf(a, res)
		if len(outside) > 0 {
			last[a], own = outside, r.withdrawn(a)
		}
		records = append(append(records, own...), kept...)
	}
	slices.Reverse(swaps)
	for _, s := range slices.Concat(swaps, rest) {
		if _, _, err := r.do(warehouse.WithJob(ctx, r.job(ctx, s.action)), tx, s.op, &account{of: &s.res.Usage}); err != nil {
			return s, err
		}
	}
	for _, insert := range join(records) {
		if _, _, err := r.do(ctx, tx, insert, acct); err != nil {
			return step{}, err
		}
	}
	if err := r.options.Lease.fence(ctx, tx); err != nil {
		return step{}, err
	}
	if err := tx.Commit(ctx); err != nil {
		return step{}, err
	}
	// All is published: what fails now is the trouble of its node alone.
	for i, a := range r.plan.Actions {
		if ops := last[a]; len(ops) > 0 {
			res := result.Nodes[i]
			r.ops(warehouse.WithJob(ctx, r.job(ctx, a)), r.conn, a, slices.Concat(ops, r.recordsOf(a, res)), res, &account{of: &res.Usage})
		}
	}
	return step{}, nil
}

// replaced are the relations that a publication replaces, readers before what they read.
func (r *runner) replaced(result *Result) []warehouse.Relation {
	var out []warehouse.Relation
	for i, a := range slices.Backward(r.plan.Actions) {
		for _, op := range a.Publish {
			switch op := op.(type) {
			case warehouse.Swap:
				if op.Old != warehouse.None && result.Nodes[i].Status == Done {
					out = append(out, warehouse.Relation{Name: op.Target, Kind: op.Old})
				}
			case warehouse.Drop:
				if result.Nodes[i].Status == Done {
					out = append(out, warehouse.Relation{Name: op.Relation, Kind: op.Kind})
				}
			}
		}
	}
	return out
}

// burst publishes where each relation takes a job of its own, one closely after the other.
// What is to be done is written down before, so that a run that dies in between is completed
// by the next one (see Complete): from the moment on at which that is written, all is
// published, and before it nothing.
func (r *runner) burst(ctx context.Context, result *Result, acct *account) {
	intent := state.Publication{Run: r.options.RunID, At: r.options.Now()}
	of := map[addr.Node]int{} // index of the action
	for i, a := range r.plan.Actions {
		res := result.Nodes[i]
		of[a.Node] = i
		if res.Status != Done {
			continue
		}
		publish, kept, err := r.keeping(ctx, r.conn, a)
		if err != nil {
			res.fail(a, publishRefused(a, r.conn.Dialect(), err))
			r.withdraw(ctx, result, a.Node, "")
			return
		}
		var steps []warehouse.Op
		for _, op := range a.Build {
			if c, ok := op.(warehouse.Comment); ok && c.Relation == a.Staged && a.Staged != a.Relation {
				steps = append(steps, op) // the connection knows them, another one would not
			}
		}
		intent.Parts = append(intent.Parts, state.Part{Node: a.Node, Steps: slices.Concat(steps, publish, r.recordsOf(a, res), kept)})
	}
	begin := func() error {
		if err := r.options.Lease.fence(ctx, nil); err != nil {
			return err
		}
		op, err := state.PublicationOp(r.conn.Dialect(), r.scope, intent)
		if err == nil {
			_, _, err = r.do(ctx, r.conn, op, acct)
		}
		return err
	}
	if err := begin(); err != nil {
		result.Diags.Add(runUnpublished(r.conn.Dialect(), err))
		// What was written of the intent must not be taken for all of it.
		if r.closeIntent(ctx, intent.Run, acct) == nil {
			r.withdraw(ctx, result, addr.Node{}, "")
		}
		return
	}
	c := &completion{runner: r, of: intent, level: map[addr.Node]int{}}
	for _, part := range intent.Parts {
		level := 0
		for _, p := range r.plan.Actions[of[part.Node]].Deps {
			if below, ok := c.level[p]; ok {
				level = max(level, below+1)
			}
		}
		c.level[part.Node] = level
	}
	failed, err := c.all(ctx, acct)
	for node, err := range failed {
		i := of[node]
		result.Nodes[i].fail(r.plan.Actions[i], publishRefused(r.plan.Actions[i], r.conn.Dialect(), err))
	}
	if err != nil {
		result.Diags.Add(publicationOpen(intent.Run, err))
		for i, a := range r.plan.Actions {
			if res := result.Nodes[i]; res.Status == Done && a.Verb != plan.Check && !c.did[a.Node] {
				res.Status, res.Message = Unpublished, "the next build completes the publication"
			}
		}
		return
	}
	for i, a := range r.plan.Actions {
		if res := result.Nodes[i]; a.Verb == plan.Check && res.Status == Done {
			for _, op := range a.Cleanup {
				_, _, _ = r.do(ctx, r.conn, op, acct) // what stays is removed by the next build
			}
		}
	}
}

func (r *runner) closeIntent(ctx context.Context, run string, acct *account) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer stop()
	_, err := r.exec(ctx, r.conn, state.Published(r.conn.Dialect(), r.scope, run), acct)
	return err
}

// completion does the parts of a publication whose intent is written.
type completion struct {
	*runner
	of    state.Publication
	level map[addr.Node]int // parts of a level read only relations of lower ones
	again bool              // another process had begun

	mu  sync.Mutex
	did map[addr.Node]bool
}

// all does what is left of the parts, tables first and at once, then views in the order in
// which they read each other, then rights, hooks and records. failed are nodes that are
// published and whose rights or hooks went wrong: they have no record, so the next build
// builds them again. After an error the intent stays for another try.
func (c *completion) all(ctx context.Context, acct *account) (failed map[addr.Node]error, err error) {
	c.did = map[addr.Node]bool{}
	levels := map[int][]state.Part{}
	deepest := 0
	for i, part := range c.of.Parts {
		level := 0
		for _, op := range part.Steps {
			if swap, ok := op.(warehouse.Swap); ok && swap.NewKind != warehouse.Table {
				level = 1 + c.level[part.Node]
				if c.again {
					level = 1 + i // one after the other: they are in the order of the plan
				}
			}
		}
		levels[level] = append(levels[level], part)
		deepest = max(deepest, level)
	}
	lost := map[addr.Node]bool{}
	for level := range deepest + 1 {
		var wait sync.WaitGroup
		slots := make(chan struct{}, swapsAtOnce)
		errs := make([]error, len(levels[level]))
		for i, part := range levels[level] {
			wait.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				var gone bool
				if gone, errs[i] = c.swaps(ctx, part); gone {
					c.mu.Lock()
					lost[part.Node] = true
					c.mu.Unlock()
				}
			})
		}
		wait.Wait()
		if err := errors.Join(errs...); err != nil {
			return nil, err
		}
	}
	failed = map[addr.Node]error{}
	var records []warehouse.Op
	for _, part := range c.of.Parts {
		if lost[part.Node] {
			continue
		}
		var own []warehouse.Op
		for _, op := range part.Steps {
			switch op.(type) {
			case warehouse.Swap, warehouse.Comment:
			case warehouse.InsertValues:
				own = append(own, op)
			default:
				if failed[part.Node] == nil {
					if _, _, err := c.do(ctx, c.conn, op, acct); err != nil {
						failed[part.Node] = fmt.Errorf("%s: %w", warehouse.Describe(op), err)
					}
				}
			}
		}
		if failed[part.Node] == nil {
			records = append(records, own...)
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	for _, insert := range join(records) {
		if _, _, err := c.do(ctx, c.conn, insert, acct); err != nil {
			return failed, fmt.Errorf("record %d rows in %s: %w", len(insert.Rows), insert.Target, err)
		}
	}
	return failed, c.closeIntent(ctx, c.of.Run, acct)
}

// swaps publishes the relation of a part. gone: what was to be published is not there any
// more, and was not published either.
func (c *completion) swaps(ctx context.Context, part state.Part) (gone bool, err error) {
	for _, op := range part.Steps {
		swap, isSwap := op.(warehouse.Swap)
		if isSwap && c.again {
			there, err := warehouse.Probe(ctx, c.conn, swap.New)
			if err != nil {
				return false, err
			}
			if there.Kind == warehouse.None {
				now, err := warehouse.Probe(ctx, c.conn, swap.Target)
				if err != nil {
					return false, err
				}
				// The staged relation goes last, so it was published, unless it died of age.
				if now.Kind != swap.NewKind || !now.Modified.IsZero() && now.Modified.Before(c.of.At.Add(-time.Minute)) {
					return true, nil
				}
				continue
			}
			if kind, err := warehouse.Probe(ctx, c.conn, swap.Target); err != nil {
				return false, err
			} else if kind.Kind != swap.Old {
				swap.Old = kind.Kind // the first try came as far as this
				op = swap
			}
		}
		switch op.(type) {
		case warehouse.Comment, warehouse.Swap:
		default:
			continue
		}
		var used Usage
		job := warehouse.JobOf(ctx)
		job.Node = part.Node
		if _, _, err := c.do(warehouse.WithJob(ctx, job), c.conn, op, &account{of: &used}); err != nil {
			return false, fmt.Errorf("%s: %w", warehouse.Describe(op), err)
		}
	}
	c.mu.Lock()
	c.did[part.Node] = true
	c.mu.Unlock()
	return false, nil
}

// Completed is a publication that an earlier run had begun and Complete has ended.
type Completed struct {
	Run string
	// Nodes are how many relations it publishes. Dropped: its intent was not whole, so that
	// it had not begun, and nothing is published.
	Nodes   int
	Dropped bool
	// Again are nodes that the next build builds again, because a hook or grant went wrong,
	// or because what was to be published is gone.
	Again []addr.Node
}

// Complete ends publications that earlier runs of a scope began and did not end. It has to
// be called before a plan is made, and changes nothing where there are none. Of the options
// RunID, Now, Jobs and Lease count.
func Complete(ctx context.Context, conn warehouse.Conn, s state.Scope, target string, o Options) ([]Completed, error) {
	if conn.Dialect().Caps().TransactionalDDL {
		return nil, nil
	}
	ctx = warehouse.WithJob(ctx, warehouse.Job{Run: o.RunID, Project: s.Project, Target: target})
	tables, err := state.Look(ctx, conn, s.Database)
	if err != nil {
		return nil, err
	}
	open, _, err := state.ReadPublications(ctx, conn, s, tables)
	if err != nil {
		return nil, err
	}
	var out []Completed
	var used Usage
	acct := &account{of: &used}
	for _, p := range open {
		r := &runner{plan: &plan.Plan{}, conn: conn, options: o, scope: s, tables: tables, contents: newContents(&plan.Plan{}, o.RunID)}
		if p.Parts == nil {
			if err := r.closeIntent(ctx, p.Run, acct); err != nil {
				return out, fmt.Errorf("give up the publication of run %s: %w", p.Run, err)
			}
			out = append(out, Completed{Run: p.Run, Dropped: true})
			continue
		}
		if err := o.Lease.fence(ctx, nil); err != nil {
			return out, err
		}
		c := &completion{runner: r, of: p, level: map[addr.Node]int{}, again: true}
		failed, err := c.all(ctx, acct)
		if err != nil {
			return out, fmt.Errorf("complete the publication of run %s: %w", p.Run, err)
		}
		done := Completed{Run: p.Run, Nodes: len(p.Parts)}
		for _, part := range p.Parts {
			if _, bad := failed[part.Node]; bad || !c.did[part.Node] {
				done.Again = append(done.Again, part.Node)
			}
		}
		out = append(out, done)
	}
	return out, nil
}

const codeRunUnpublished diag.Code = "run-not-published"

var togetherCodes = []diag.Entry{
	{Code: codeRunUnpublished, Title: "a run whose results could not be published together", Explain: "With publish: run everything is published in one step. The step was refused, so that nothing is published, or, on a warehouse that needs several jobs for it, it was begun and not ended: then the next build completes it before anything else.", Bad: "a table that somebody else keeps locked for five minutes", Good: "engine build # again, when the warehouse is free"},
}

func runUnpublished(d warehouse.Dialect, err error) diag.Diagnostic {
	return diag.Diagnostic{Code: codeRunUnpublished, Message: "everything is built and tested, but could not be published", Cause: err,
		Notes: []string{warehouse.Explain(d, err).Message}, Help: "readers see what they saw before; build again when that is mended"}
}

func publicationOpen(run string, err error) diag.Diagnostic {
	return diag.Diagnostic{Code: codeRunUnpublished, Message: fmt.Sprintf("the publication of run %s has begun and has not ended", run), Cause: err,
		Notes: []string{err.Error(), "what is not published yet is built, tested and kept aside"}, Help: "build again: the publication is completed before anything else"}
}

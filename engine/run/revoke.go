package run

import (
	"context"
	"fmt"
	"sync"

	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// revocations are records that take back those of nodes that are about to be published. Those
// that come while a statement is under way are written together by the next one.
type revocations struct {
	writing sync.Mutex // held while rows are being written

	mu      sync.Mutex
	waiting []*revocation
	used    Usage

	under sync.WaitGroup // goroutines of revoke
}

// settle waits until no revocation is being written any more, because who has stopped a run
// closes the connection, and what it took belongs to the run. Like all that is done after an
// interrupt it does not wait for ever. Nothing is announced after it has been called.
func (r *runner) settle(ctx context.Context) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer stop()
	q := &r.revoked
	over := make(chan struct{})
	go func() {
		defer close(over)
		q.under.Wait()
	}()
	select {
	case <-over:
	case <-ctx.Done():
	}
}

// revocation is one of them; done is closed when it is written or has failed with err.
type revocation struct {
	row  warehouse.InsertValues
	done chan struct{}
	err  error
}

// usage is what writing took so far.
func (q *revocations) usage() Usage {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.used
}

// revokes reports whether an action has a record to take back: its new one is not written
// with the publication.
func (r *runner) revokes(a *plan.Action) bool {
	return a.Revoke && !r.options.Frozen && !r.conn.Dialect().Caps().TransactionalDDL
}

// revocationOf is a record of a node that nothing is known of.
func (r *runner) revocationOf(a *plan.Action) warehouse.InsertValues {
	return state.BuiltOp(r.conn.Dialect(), r.scope, r.options.RunID, state.Record{
		Node: a.Node, Relation: a.Relation, Kind: a.Kind, Materialized: a.Materialized, Rows: -1, At: r.moment(a), Millis: a.Millis, Bytes: -1, Billed: -1,
	}).(warehouse.InsertValues)
}

// announce begins to take back the record of a node that is about to be built, while it is
// being built. announced waits until that is done.
func (r *runner) announce(ctx context.Context, a *plan.Action) (announced func() error) {
	if !r.revokes(a) {
		return func() error { return nil }
	}
	v := &revocation{done: make(chan struct{}), row: r.revocationOf(a)}
	r.revoked.mu.Lock()
	r.revoked.waiting = append(r.revoked.waiting, v)
	r.revoked.mu.Unlock()
	r.revoked.under.Go(func() { r.revoke(ctx) })
	return func() error {
		select {
		case <-v.done:
			return v.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// revoke writes the revocations that wait.
func (r *runner) revoke(ctx context.Context) {
	q := &r.revoked
	q.writing.Lock()
	defer q.writing.Unlock()
	q.mu.Lock()
	waiting := q.waiting
	q.waiting = nil
	q.mu.Unlock()
	if len(waiting) == 0 {
		return // the statement before had them
	}
	var err error
	var used Usage
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("take back %d records: %v", len(waiting), p)
		}
		q.mu.Lock()
		q.used = q.used.Plus(used)
		q.mu.Unlock()
		for _, v := range waiting {
			v.err = err
			close(v.done)
		}
	}()
	var ops []warehouse.Op
	for _, v := range waiting {
		ops = append(ops, v.row)
	}
	// The records of many nodes belong to none of them, and outlast the one that asks first.
	job := warehouse.JobOf(ctx)
	ctx = warehouse.WithJob(context.WithoutCancel(ctx), warehouse.Job{Run: job.Run, Project: job.Project, Target: job.Target})
	for _, insert := range join(ops) {
		if _, _, failed := r.do(ctx, r.conn, insert, &account{of: &used}); failed != nil {
			err = fmt.Errorf("take back %d records in %s: %w", len(insert.Rows), insert.Target, failed)
			return
		}
	}
}

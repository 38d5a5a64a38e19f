package run

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// records are rows of the state that wait to be written together.
type records struct {
	writing sync.Mutex // held while rows are being written: a batch goes after the one before

	mu      sync.Mutex
	waiting []warehouse.Op
	timer   *time.Timer // runs while rows wait
	used    Usage
}

const (
	// recordsTogether is how many operations wait at most.
	recordsTogether = 256
	// recordsWait is how long a record waits at most: as much work is lost with it when the
	// process dies. Where a statement is a job, jobsWait keeps their number down.
	recordsWait = time.Second
	jobsWait    = 5 * time.Second
)

// usage is what writing took so far.
func (r *records) usage() Usage {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.used
}

// later keeps records back, to be written after a while, when there are recordsTogether of
// them, or at the end of the run. Rows that cannot be written wait for the next
// time; the end of the run reports them.
func (r *runner) later(ctx context.Context, ops []warehouse.Op) {
	if len(ops) == 0 {
		return
	}
	ctx = context.WithoutCancel(ctx)
	r.records.mu.Lock()
	r.records.waiting = append(r.records.waiting, ops...)
	full := len(r.records.waiting) >= recordsTogether
	wait := recordsWait
	if !r.conn.Dialect().Caps().TransactionalDDL {
		wait = jobsWait
	}
	if !full && r.records.timer == nil {
		r.records.timer = time.AfterFunc(wait, func() { _ = r.flush(ctx) }) // see above
	}
	r.records.mu.Unlock()
	if full {
		_ = r.flush(ctx)
	}
}

// flush writes the records that wait, one statement per table.
func (r *runner) flush(ctx context.Context) error {
	r.records.writing.Lock()
	defer r.records.writing.Unlock()
	r.records.mu.Lock()
	waiting := r.records.waiting
	r.records.waiting = nil
	if r.records.timer != nil {
		r.records.timer.Stop()
		r.records.timer = nil
	}
	r.records.mu.Unlock()

	// The records of many nodes belong to none of them.
	job := warehouse.JobOf(ctx)
	ctx = warehouse.WithJob(ctx, warehouse.Job{Run: job.Run, Project: job.Project, Target: job.Target})
	var used Usage
	joined := join(waiting)
	var failed error
	for i, insert := range joined {
		err := r.fenced(ctx, func(conn warehouse.Conn) error {
			_, _, err := r.do(ctx, conn, insert, &account{of: &used})
			return err
		})
		if r.options.Lease.Lost() != nil {
			// What another run knows of these nodes counts from now on, as after a crash.
			return nil
		}
		if err != nil {
			failed = fmt.Errorf("record %d rows in %s: %w", len(insert.Rows), insert.Target, err)
			joined = joined[i:]
			break
		}
	}
	r.records.mu.Lock()
	defer r.records.mu.Unlock()
	r.records.used = r.records.used.Plus(used)
	if failed != nil {
		var again []warehouse.Op
		for _, insert := range joined {
			again = append(again, insert)
		}
		r.records.waiting = append(again, r.records.waiting...)
	}
	return failed
}

// join makes one operation per table, in the order of the first rows; definitions go before
// the records that name them.
func join(ops []warehouse.Op) []warehouse.InsertValues {
	var out []warehouse.InsertValues
	for _, op := range ops {
		insert := op.(warehouse.InsertValues)
		i := slices.IndexFunc(out, func(j warehouse.InsertValues) bool { return j.Target == insert.Target })
		if i < 0 {
			insert.Rows = slices.Clone(insert.Rows)
			out = append(out, insert)
			continue
		}
		out[i].Rows = append(out[i].Rows, insert.Rows...)
	}
	slices.SortStableFunc(out, func(a, b warehouse.InsertValues) int {
		switch x, y := state.HoldsDefinitions(a.Target), state.HoldsDefinitions(b.Target); {
		case x && !y:
			return -1
		case y && !x:
			return 1
		}
		return 0
	})
	return out
}

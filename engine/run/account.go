package run

import (
	"context"
	"errors"
	"time"

	"github.com/engine-build/engine/engine/warehouse"
)

// errSpent refuses a statement when the budget of the run is used up.
var errSpent = errors.New("the budget is used up")

// account is where the usage of statements is written to.
type account struct {
	of *Usage
	// bounded: the statements are held to the budget of the run before they are sent. Those
	// that cost nothing, and those that publish and record what is paid for, are not.
	bounded bool
	since   time.Time // when the statement that is under way was sent
}

// exec runs one statement on an account.
func (r *runner) exec(ctx context.Context, conn warehouse.Conn, stmt warehouse.Statement, acct *account) (warehouse.JobStats, error) {
	ctx, err := r.within(ctx, acct)
	if err != nil {
		return warehouse.JobStats{}, err
	}
	stats, err := conn.Exec(ctx, stmt)
	r.charge(acct, stats, err)
	return stats, err
}

// timed counts what f takes as time that the warehouse took.
func (r *runner) timed(acct *account, f func() error) error {
	start := r.options.Now()
	defer func() { acct.of.Time += r.options.Now().Sub(start) }()
	return f()
}

// within limits the next statement to what is left of the budget. When nothing is left no
// other action is begun; statements that are running go on.
func (r *runner) within(ctx context.Context, acct *account) (context.Context, error) {
	acct.since = r.options.Now()
	if err := r.options.Lease.fence(ctx, nil); err != nil {
		return ctx, err
	}
	if r.options.MaxBilled <= 0 || !acct.bounded {
		return ctx, nil
	}
	left := r.options.MaxBilled - r.billed.Load()
	if left <= 0 {
		r.over.Store(true)
		return ctx, errSpent
	}
	if j := warehouse.JobOf(ctx); j.MaxBytes <= 0 || left < j.MaxBytes {
		j.MaxBytes = left
		ctx = warehouse.WithJob(ctx, j)
	}
	return ctx, nil
}

// charge writes down what a statement took; a failed one may have been sent several times.
func (r *runner) charge(acct *account, stats warehouse.JobStats, err error) {
	if err != nil && len(stats.Retries) == 0 {
		stats.Retries = warehouse.RetriesOf(err)
	}
	acct.of.add(stats)
	if acct.since.IsZero() {
		acct.of.Time += stats.Duration
	} else {
		acct.of.Time += r.options.Now().Sub(acct.since)
	}
	acct.since = time.Time{}
	r.billed.Add(max(stats.Billed, 0))
}

package duckdb

import (
	"context"
	"errors"
	"time"

	"github.com/engine-build/engine/engine/warehouse"
)

// limit is the time that the job of a context gives to one statement.
type limit struct {
	job  time.Duration
	own  context.Context // with the limit
	from context.Context // without
	stop context.CancelFunc
}

// limited is ctx with the limit of its job.
func limited(ctx context.Context) (context.Context, limit) {
	l := limit{job: warehouse.JobOf(ctx).Timeout, own: ctx, from: ctx, stop: func() {}}
	if l.job > 0 {
		l.own, l.stop = context.WithTimeout(ctx, l.job)
	}
	return l.own, l
}

var errLimit = errors.New("time limit of the job")

// reached tells an error that is due to the limit from one that is due to who called.
func (l limit) reached(err error) error {
	if err == nil || l.job <= 0 || l.own.Err() == nil || l.from.Err() != nil {
		return err
	}
	return &Error{Kind: TimedOut, Message: "the statement took longer than the " + l.job.String() + " that it may", Offset: -1, Err: errLimit}
}

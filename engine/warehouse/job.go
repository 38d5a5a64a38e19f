package warehouse

import (
	"context"
	"errors"
	"time"

	"github.com/engine-build/engine/engine/addr"
)

// Job says on whose behalf statements are sent, and within which limits. Warehouses that
// name and label their jobs read it from the context; the others ignore the names.
type Job struct {
	Run     string // id of the run
	Project string // name of the project
	Target  string
	Node    addr.Node // zero for what belongs to no node
	// MaxBytes is the most that one statement may be billed for, in bytes; 0 leaves it to
	// the connection's own limit. A warehouse without such a limit ignores it.
	MaxBytes int64
	// Timeout bounds one statement; 0 leaves it to the connection.
	Timeout time.Duration
	// Priority and Reservation are the warehouse's words, empty for the connection's own.
	Priority    string
	Reservation string
	Labels      map[string]string
}

type jobKey struct{}

// WithJob is ctx for statements of the job.
func WithJob(ctx context.Context, j Job) context.Context { return context.WithValue(ctx, jobKey{}, j) }

// JobOf is the job that a context is for, zero without one.
func JobOf(ctx context.Context) Job {
	j, _ := ctx.Value(jobKey{}).(Job)
	return j
}

// Retry is one time that a statement, or a call for it, was sent again.
type Retry struct {
	At     time.Time     `json:"at"`
	Reason string        `json:"reason"` // the warehouse's word: «rateLimitExceeded»
	Wait   time.Duration `json:"wait"`   // how long was waited before
	// Resubmitted: the statement itself ran again as a new job, and not only a call about it.
	Resubmitted bool `json:"resubmitted,omitempty"`
}

// RetriesOf are those that an error carries: the statement was sent again, and failed in
// the end.
func RetriesOf(err error) []Retry {
	var r interface{ Resent() []Retry }
	if errors.As(err, &r) {
		return r.Resent()
	}
	return nil
}

// Performer is the optional power of a Conn to do some operations otherwise than by the
// statements that its Dialect renders: by a call of an interface, or with statements that
// depend on what an earlier one found.
type Performer interface {
	// Perform does op. done is false when op is to be rendered after all, and nothing
	// happened. On an error stmt is the statement that failed, if there was one.
	Perform(ctx context.Context, op Op) (stats JobStats, stmt Statement, done bool, err error)
}

// Estimate is what a warehouse says of a statement before it runs.
type Estimate struct {
	// Bytes that the statement will read; -1 where the warehouse does not say.
	Bytes int64
	// Billed is what will be charged for, if that is more than Bytes: smallest charges and
	// rounding.
	Billed int64
	// Upper: Bytes is an upper bound, not the exact figure.
	Upper bool
	// Columns of the result, where it has one.
	Columns []Column
}

// DryRunner is the optional power behind Caps.DryRun. A dry run changes nothing, costs
// nothing, and fails as the statement would when a name or a type in it is wrong.
type DryRunner interface {
	DryRun(context.Context, Statement) (Estimate, error)
}

// DryRun asks what a statement would read, where the warehouse can say.
func DryRun(ctx context.Context, c Conn, s Statement) (Estimate, error) {
	if d, ok := c.(DryRunner); ok {
		return d.DryRun(ctx, s)
	}
	return Estimate{Bytes: -1}, ErrUnsupported
}

// Price is what a warehouse takes for reading.
type Price struct {
	PerTiB   float64 // of 2^40 bytes billed; 0 where reading costs nothing by itself
	Currency string  // ISO 4217, for example «USD»
}

// Of is the amount for bytes, in Currency.
func (p Price) Of(bytes int64) float64 { return p.PerTiB * float64(max(bytes, 0)) / (1 << 40) }

// Pricer is the optional power of a Conn to know what its statements cost.
type Pricer interface{ Price() Price }

// PriceOf is what c takes for reading, the zero Price where it does not know.
func PriceOf(c Conn) Price {
	if p, ok := c.(Pricer); ok {
		return p.Price()
	}
	return Price{}
}

// Measured is the optional power of Rows to know what the query took. The figures are
// final once Next was false, or after Close.
type Measured interface{ Stats() JobStats }

// StatsOf is what a query took, with -1 for what is not known.
func StatsOf(r Rows) JobStats {
	if m, ok := r.(Measured); ok {
		return m.Stats()
	}
	return JobStats{Rows: -1, Bytes: -1}
}

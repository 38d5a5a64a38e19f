package run

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// Times of a lease. A build that died is waited for as long as its lease lasts at most.
const (
	LeaseTTL  = 2 * time.Minute
	LeaseBeat = 20 * time.Second
)

// Tenure says for whom a lease is taken, and what to do if another run has it.
type Tenure struct {
	Holder warehouse.Holder // Run is the run's id
	// TTL and Beat default to LeaseTTL and LeaseBeat.
	TTL, Beat time.Duration
	// Wait is how long to wait for a lease that another run holds; negative: until it is free.
	Wait time.Duration
	// Steal takes it from whoever has it.
	Steal bool
	// Dead reports whether a holder's process is certainly no more; may be nil.
	Dead func(warehouse.Holder) bool
	// Waiting is told now and then who is waited for; may be nil.
	Waiting func(warehouse.Lease)
	// Stealing is told from whom the lease was taken, and how long the run waits until the
	// other one has noticed; may be nil.
	Stealing func(from warehouse.Lease, grace time.Duration)
	Now      func() time.Time // clock
}

// Taken is how a lease came from a run that did not give it back.
type Taken string

const (
	TakenExpired Taken = "expired" // no heartbeat for as long as the lease lasts
	TakenDead    Taken = "dead"    // the process is no more
	TakenStolen  Taken = "stolen"  // asked for
)

// Lease is the right to build in one scope. Taken by Hold, it is kept by a heartbeat until
// Release. Safe for concurrent use.
type Lease struct {
	leaser warehouse.Leaser
	claim  warehouse.Claim
	tenure Tenure
	before *warehouse.Lease
	taken  Taken

	stop, ended chan struct{}
	once        sync.Once

	mu        sync.Mutex
	confirmed time.Time // when it was certainly ours
	lost      *warehouse.LostError
	watchers  map[int]context.CancelCauseFunc
	numbers   int
}

// leaseTable is where the leases of a scope are kept.
func leaseTable(s state.Scope) addr.Relation {
	return addr.Relation{Database: s.Database, Schema: state.Schema, Name: "leases"}
}

func claimOf(s state.Scope, h warehouse.Holder) warehouse.Claim {
	return warehouse.Claim{In: leaseTable(s), Name: s.String(), Holder: h}
}

// Holding is the lease of a scope, nil if nobody has it or the warehouse keeps none.
func Holding(ctx context.Context, c warehouse.Conn, s state.Scope) (*warehouse.Lease, error) {
	leaser, ok := c.(warehouse.Leaser)
	if !ok {
		return nil, nil
	}
	l, err := leaser.Holding(ctx, claimOf(s, warehouse.Holder{}))
	if err != nil {
		return nil, fmt.Errorf("ask who builds in %s: %w", s, err)
	}
	return l, nil
}

// Hold takes the lease of a scope. It belongs before the state is read for the plan, so that
// nobody changes what the plan goes by. Another's lease is *warehouse.HeldError, after the
// time to wait. On a warehouse that keeps no leases the answer is nil, which is a Lease that
// is never lost.
func Hold(ctx context.Context, c warehouse.Conn, s state.Scope, t Tenure) (*Lease, error) {
	leaser, ok := c.(warehouse.Leaser)
	if !ok {
		return nil, nil
	}
	if t.TTL <= 0 {
		t.TTL = LeaseTTL
	}
	if t.Beat <= 0 {
		t.Beat = LeaseBeat
	}
	l := &Lease{leaser: leaser, claim: claimOf(s, t.Holder), tenure: t, stop: make(chan struct{}), ended: make(chan struct{}), watchers: map[int]context.CancelCauseFunc{}}
	l.claim.TTL = t.TTL
	if err := l.acquire(ctx, c); err != nil {
		return nil, err
	}
	go l.beat(context.WithoutCancel(ctx))
	if err := l.settle(ctx); err != nil {
		return nil, errors.Join(err, l.Release(ctx))
	}
	return l, nil
}

// acquire asks until the lease is ours or the time to wait is over.
func (l *Lease) acquire(ctx context.Context, c warehouse.Conn) error {
	start := l.tenure.Now()
	told := ""
	toldAt := start
	for {
		asked := l.tenure.Now()
		before, err := l.leaser.Acquire(ctx, l.claim)
		if err == nil {
			l.confirmed = asked
			if l.before == nil {
				l.before = before
			}
			if l.before != nil && l.taken == "" {
				l.taken = TakenExpired
			}
			return nil
		}
		var held *warehouse.HeldError
		if !errors.As(err, &held) {
			return fmt.Errorf("take the lease of %s: %w", l.claim.Name, err)
		}
		switch who := held.Lease.Holder; {
		case who.Run == "": // it was free again when we looked who has it
		case l.dead(c, who) && l.claim.Take != who.Run:
			l.claim.Take, l.taken = who.Run, TakenDead
			continue
		case l.tenure.Steal && l.claim.Take != who.Run:
			l.claim.Take, l.taken = who.Run, TakenStolen
			continue
		}
		if waited := l.tenure.Now().Sub(start); l.tenure.Wait == 0 && held.Lease.Holder.Run != "" || l.tenure.Wait > 0 && waited >= l.tenure.Wait {
			return held
		}
		if l.tenure.Waiting != nil && held.Lease.Holder.Run != "" && (told != held.Lease.Holder.Run || l.tenure.Now().Sub(toldAt) >= tellAgain) {
			told, toldAt = held.Lease.Holder.Run, l.tenure.Now()
			l.tenure.Waiting(held.Lease)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(l.pause()):
		}
	}
}

// tellAgain is how often someone who waits hears of it.
const tellAgain = 30 * time.Second

// pause is how long to wait before asking again: a warehouse need not be asked more often
// than ten times per heartbeat.
func (l *Lease) pause() time.Duration {
	return min(max(l.tenure.Beat/10, 100*time.Millisecond), 5*time.Second)
}

// dead reports whether a holder cannot be at work any more.
func (l *Lease) dead(c warehouse.Conn, h warehouse.Holder) bool {
	if h.SameProcess(l.tenure.Holder) {
		return false
	}
	if g, ok := c.(warehouse.Guarded); ok && g.Guarded() {
		return true
	}
	return l.tenure.Dead != nil && l.tenure.Dead(h)
}

// grace is how old the last confirmation may be for a publication to begin, where the
// warehouse does not look at the lease itself.
func (l *Lease) grace() time.Duration { return l.tenure.Beat * 3 / 2 }

// settle waits until a run that the lease was stolen from has noticed and stopped: what it
// makes aside has the names that ours will have, and where the warehouse has no transactions
// nothing else keeps it from publishing.
func (l *Lease) settle(ctx context.Context) error {
	if l.taken != TakenStolen || l.before == nil {
		return nil
	}
	grace := l.grace()
	if l.before.Expired {
		grace = 0
	}
	if l.tenure.Stealing != nil {
		l.tenure.Stealing(*l.before, grace)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(grace):
		return nil
	}
}

// Before is the lease that was taken over, of a run that did not end as it should, and how;
// nil where there was none.
func (l *Lease) Before() (*warehouse.Lease, Taken) {
	if l == nil {
		return nil, ""
	}
	return l.before, l.taken
}

// beat renews the lease until it is released or lost. A warehouse that does not answer is
// asked again: what it does with the lease meanwhile is found out when it does.
func (l *Lease) beat(ctx context.Context) {
	defer close(l.ended)
	wait := l.tenure.Beat
	for {
		timer := time.NewTimer(wait)
		select {
		case <-l.stop:
			timer.Stop()
			return
		case <-timer.C:
		}
		wait = l.tenure.Beat
		if err := l.renew(ctx); err != nil {
			if l.Lost() != nil {
				return
			}
			wait = max(l.tenure.Beat/4, 100*time.Millisecond)
		}
	}
}

// renew sends one heartbeat.
func (l *Lease) renew(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, max(l.tenure.Beat, 5*time.Second))
	defer stop()
	asked := l.tenure.Now()
	err := l.leaser.Renew(ctx, l.claim)
	var lost *warehouse.LostError
	switch {
	case err == nil:
		l.mu.Lock()
		if asked.After(l.confirmed) {
			l.confirmed = asked
		}
		l.mu.Unlock()
	case errors.As(err, &lost):
		l.lose(lost)
	}
	return err
}

// lose ends everything that runs under the lease.
func (l *Lease) lose(by *warehouse.LostError) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost == nil {
		l.lost = by
	}
	for _, cancel := range l.watchers {
		cancel(l.lost)
	}
}

// Lost is set once another run has the lease.
func (l *Lease) Lost() *warehouse.LostError {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

// Context is ctx that ends, with a *warehouse.LostError for its cause, when the lease is lost.
func (l *Lease) Context(ctx context.Context) (context.Context, func()) {
	if l == nil {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.numbers++
	n := l.numbers
	l.watchers[n] = cancel
	if l.lost != nil {
		cancel(l.lost)
	}
	return ctx, func() {
		l.mu.Lock()
		delete(l.watchers, n)
		l.mu.Unlock()
		cancel(nil)
	}
}

// Release gives the lease back; it works after ctx has ended, too. Further calls do nothing.
func (l *Lease) Release(ctx context.Context) (err error) {
	if l == nil {
		return nil
	}
	l.once.Do(func() {
		close(l.stop)
		<-l.ended
		if l.Lost() != nil {
			return
		}
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
		defer stop()
		if err = l.leaser.Release(ctx, l.claim); err != nil {
			err = fmt.Errorf("give back the lease of %s: %w", l.claim.Name, err)
		}
	})
	return err
}

// fence makes sure that what follows is published only while the lease is the run's own: in
// the publishing transaction tx, to be committed next, where the warehouse has them, and
// otherwise by a confirmation that is young enough.
func (l *Lease) fence(ctx context.Context, tx warehouse.Tx) error {
	if l == nil {
		return nil
	}
	if lost := l.Lost(); lost != nil {
		return lost
	}
	if tx == nil {
		if l.age() < l.grace() {
			return nil
		}
		return l.renew(ctx)
	}
	f, ok := tx.(warehouse.Fencer)
	if !ok {
		return l.fence(ctx, nil)
	}
	err := f.Fence(ctx, l.claim)
	var lost *warehouse.LostError
	if errors.As(err, &lost) {
		l.lose(lost)
	}
	return err
}

// Within makes sure in a transaction, right before it is committed, that the lease is the
// run's own.
func (l *Lease) Within(ctx context.Context, tx warehouse.Tx) error { return l.fence(ctx, tx) }

// Confirm makes sure that the lease is the run's own, by a confirmation that is young enough,
// before something is published that no transaction ties to the lease.
func (l *Lease) Confirm(ctx context.Context) error { return l.fence(ctx, nil) }

// age is how long ago the lease was certainly ours. A machine that slept has a clock that
// stood still and one that did not: the longer time counts.
func (l *Lease) age() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.tenure.Now()
	return max(now.Sub(l.confirmed), now.Round(0).Sub(l.confirmed.Round(0)))
}

// fenced calls f with a connection whose effects are seen only if the lease is the run's
// own.
func (r *runner) fenced(ctx context.Context, f func(warehouse.Conn) error) error {
	lease := r.options.Lease
	if lease == nil || !r.conn.Dialect().Caps().TransactionalDDL {
		if err := lease.fence(ctx, nil); err != nil {
			return err
		}
		return f(r.conn)
	}
	tx, err := warehouse.Begin(ctx, r.conn)
	if err != nil {
		return err
	}
	defer tx.Close()
	if err := f(tx); err != nil {
		return err
	}
	if err := lease.fence(ctx, tx); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// errDeadline is the cause of a context that ended at the run's deadline.
var errDeadline = errors.New("the deadline of the run was reached")

// bounded is ctx that also ends with the lease and at the deadline.
func bounded(ctx context.Context, o Options) (context.Context, func()) {
	ctx, release := o.Lease.Context(ctx)
	if o.Deadline <= 0 {
		return ctx, release
	}
	ctx, stop := context.WithTimeoutCause(ctx, o.Deadline, errDeadline)
	return ctx, func() { stop(); release() }
}

// WithDeadline is ctx with an end: left is what is left of the time that a run may take, all
// of it is after. It is for what a run does beside Apply.
func WithDeadline(ctx context.Context, left, after time.Duration) (context.Context, func()) {
	ctx, stop := context.WithTimeoutCause(ctx, max(left, 1), deadlineError{after})
	return ctx, stop
}

// DeadlineReached words why a context of WithDeadline has ended, false where it was something
// else.
func DeadlineReached(ctx context.Context) (diag.Diagnostic, bool) {
	var end deadlineError
	if !errors.As(context.Cause(ctx), &end) {
		return diag.Diagnostic{}, false
	}
	return deadlineReached(end.after), true
}

// deadlineError is errDeadline with the time that the run had.
type deadlineError struct{ after time.Duration }

func (e deadlineError) Error() string { return errDeadline.Error() }
func (e deadlineError) Unwrap() error { return errDeadline }

// Why a run was ended before its time, other than by the user.
const (
	StoppedDeadline = "deadline"
	StoppedLease    = "lease-lost"
)

// stop notes why a run was ended before its time.
func (r *Result) stop(ctx context.Context, o Options) {
	if !r.Canceled {
		return
	}
	word, why := stoppedBy(ctx, o)
	if r.Stopped = word; why != nil {
		r.Diags.Add(*why)
	}
}

// stoppedBy words the cause of a context that has ended, empty where it was the user's wish.
func stoppedBy(ctx context.Context, o Options) (string, *diag.Diagnostic) {
	cause := context.Cause(ctx)
	var lost *warehouse.LostError
	switch {
	case cause == nil:
	case errors.Is(cause, errDeadline):
		d := deadlineReached(o.Deadline)
		return StoppedDeadline, &d
	case errors.As(cause, &lost):
		d := leaseLost(lost)
		return StoppedLease, &d
	}
	return "", nil
}

const (
	codeDeadline  diag.Code = "deadline-reached"
	codeLeaseLost diag.Code = "lease-lost"
)

var leaseCodes = []diag.Entry{
	{Code: codeDeadline, Title: "the deadline of the run was reached", Explain: "--deadline, or the target's deadline, says how long a run may take. When it is over, what runs is canceled and nothing else begins. What was published stays, and engine retry, or the next build, does the rest.", Bad: "engine build --deadline 1m # of an hour's work", Good: "engine build --deadline 2h"},
	{Code: codeLeaseLost, Title: "another run took the target over", Explain: "Only one run builds in a target's schema at a time. This one was stopped because another began with --steal, or because it did not give a sign of life for so long that it was taken for dead. It published nothing after that.", Bad: "engine build --steal # while another build is at work", Good: "engine build --wait"},
}

func deadlineReached(after time.Duration) diag.Diagnostic {
	return diag.Diagnostic{Code: codeDeadline, Message: fmt.Sprintf("the run was stopped after %s, its deadline", after), Help: "engine retry, or the next engine build, does the rest"}
}

// LeaseLost says that a run was stopped because another one has its lease.
func LeaseLost(lost *warehouse.LostError) diag.Diagnostic { return leaseLost(lost) }

func leaseLost(lost *warehouse.LostError) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeLeaseLost, Message: "the run was stopped because its lease of the target is gone", Help: "build again when nobody else does"}
	if by := lost.By; by != nil {
		d.Message = fmt.Sprintf("the run was stopped because run %s of %s took the target over", by.Holder.Run, by.Holder.Who())
		d.Help = "wait for that run with engine build --wait"
	}
	return d
}

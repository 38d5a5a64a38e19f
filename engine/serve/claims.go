package serve

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// Claims decides which of several instances does a run.
type Claims interface {
	// Claim gives the right to do a run of a job, once for each due time. It waits for a run of
	// another instance as Request says, until ctx ends.
	Claim(ctx context.Context, q Request) (Held, error)
}

// Request is what is claimed.
type Request struct {
	Job *Job
	Run string
	Due time.Time // zero: the run was asked for, and stands for no due time
	// Wait for another run of the job that is at work; otherwise *takenError. One for the same
	// due time is always waited for.
	Wait bool
}

// Held is a right that was claimed. End gives it back; done says that the run came to its
// end, so that no other instance does it again.
type Held interface {
	// Lost is closed when another instance has taken the right.
	Lost() <-chan struct{}
	End(ctx context.Context, done bool) error
}

// takenError is that of a run that is not to be done here.
type takenError struct {
	By warehouse.Holder
	// Done: what was due is done. Same: it is being done. Otherwise another run is at work.
	Done, Same bool
}

// errFaster is that of a lease that another instance took after this one had looked at it.
var errFaster = errors.New("another instance was faster")

func (e *takenError) Error() string {
	if e.Done {
		return fmt.Sprintf("run %s of %s stands for the same time", e.By.Run, e.By.Who())
	}
	return fmt.Sprintf("run %s of %s is at work", e.By.Run, e.By.Who())
}

// Leases keeps claims as leases in the job's target, one per schedule. The record of the
// lease stays after the run, expired: it says up to which due time runs are done.
type Leases struct {
	// Open connects to a target.
	Open func(ctx context.Context, target string) (warehouse.Conn, state.Scope, error)
	// Holder is this process; Dead reports whether another one is certainly no more.
	Holder warehouse.Holder
	Dead   func(warehouse.Holder) bool
	Clock  Clock
	// TTL and Beat default to 2 minutes and 20 seconds.
	TTL, Beat time.Duration

	mu sync.Mutex
	// opening lets one claim at a time be at a target: within a process nothing keeps a second
	// connection to a database file from being opened.
	opening map[string]*sync.Mutex
}

// open waits for its turn at a target; the function that it returns ends it.
func (l *Leases) open(target string) (end func()) {
	l.mu.Lock()
	turn := l.opening[target]
	if turn == nil {
		turn = &sync.Mutex{}
		if l.opening == nil {
			l.opening = map[string]*sync.Mutex{}
		}
		l.opening[target] = turn
	}
	l.mu.Unlock()
	turn.Lock()
	return turn.Unlock
}

const (
	claimTTL  = 2 * time.Minute
	claimBeat = 20 * time.Second
	// claimPause is how long to wait before asking again.
	claimPause = 2 * time.Second
	// endTime bounds giving a claim back.
	endTime = 30 * time.Second
	// doing and did are the commands of holders while a run is at work, and after it.
	doing = "serve"
	did   = "serve, done"
)

func (l *Leases) claim(scope state.Scope, job string) warehouse.Claim {
	return warehouse.Claim{
		In:   addr.Relation{Database: scope.Database, Schema: state.Schema, Name: "leases"},
		Name: scope.String() + " schedule " + job, Holder: l.Holder,
	}
}

// Claim is that of Claims.
func (l *Leases) Claim(ctx context.Context, q Request) (Held, error) {
	for {
		h, err := l.try(ctx, q)
		var held *takenError
		var file *warehouse.BusyError
		switch {
		case err == nil:
			return h, nil
		case errors.Is(err, errFaster): // what it does is to be seen
		case errors.As(err, &held) && !held.Done && (q.Wait || held.Same): // should that instance die, it is done here
		case errors.As(err, &file): // another process has the database file for itself
		default:
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-l.Clock.After(claimPause):
		}
	}
}

func (l *Leases) try(ctx context.Context, q Request) (Held, error) {
	defer l.open(q.Job.Target)()
	conn, scope, err := l.Open(ctx, q.Job.Target)
	if err != nil {
		return nil, err
	}
	keep := false
	defer func() {
		if !keep {
			_ = conn.Close() // what matters has been answered
		}
	}()
	leaser, ok := conn.(warehouse.Leaser)
	if !ok {
		return nil, fmt.Errorf("target %s keeps no leases, so that several instances could do the same", q.Job.Target)
	}
	c := l.claim(scope, q.Job.Name)
	c.Holder.Run, c.Holder.Command, c.Holder.Start = q.Run, doing, q.Due.UTC()
	guarded := false
	if g, ok := conn.(warehouse.Guarded); ok {
		guarded = g.Guarded()
	}
	c.TTL = l.TTL
	if c.TTL <= 0 {
		c.TTL = claimTTL
	}
	if guarded {
		// The file has to be closed for the run, so that there is no heartbeat: the lease lasts
		// as long as the run may, and a dead process is known by its number.
		c.TTL = max(q.Job.Deadline, c.TTL)
	}
	before, err := leaser.Holding(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("ask who does schedule %s: %w", q.Job.Name, err)
	}
	if before != nil {
		who := before.Holder
		over := who.Command == did
		idle := over || before.Expired || l.Dead != nil && l.Dead(who)
		switch {
		case q.Due.IsZero():
			c.Holder.Start = who.Start // the record of what was due stays
		case who.Start.After(q.Due), who.Start.Equal(q.Due) && over:
			return nil, &takenError{By: who, Done: true}
		}
		if !idle && who.Run != q.Run {
			return nil, &takenError{By: who, Same: !q.Due.IsZero() && who.Start.Equal(q.Due)}
		}
	}
	// Another instance may have done what is due since the answer, and be through with it.
	c.Exact, c.Seen = true, before
	if _, err := leaser.Acquire(ctx, c); err != nil {
		var held *warehouse.HeldError
		if errors.As(err, &held) {
			return nil, errFaster
		}
		return nil, fmt.Errorf("claim schedule %s: %w", q.Job.Name, err)
	}
	h := &held{leases: l, target: q.Job.Target, claim: c, lost: make(chan struct{}), stop: make(chan struct{}), ended: make(chan struct{})}
	if guarded {
		close(h.ended)
		return h, nil
	}
	keep, h.conn = true, conn
	go h.beat(context.WithoutCancel(ctx), leaser)
	return h, nil
}

// held is a claim as a lease.
type held struct {
	leases *Leases
	target string
	claim  warehouse.Claim
	conn   warehouse.Conn // nil where the file has to be free for the run

	lost, stop, ended chan struct{}
	once              sync.Once
}

func (h *held) Lost() <-chan struct{} { return h.lost }

// beat renews the lease until it ends or is lost.
func (h *held) beat(ctx context.Context, leaser warehouse.Leaser) {
	defer close(h.ended)
	every := h.leases.Beat
	if every <= 0 {
		every = claimBeat
	}
	wait := every
	for {
		select {
		case <-h.stop:
			return
		case <-h.leases.Clock.After(wait):
		}
		wait = every
		within, stop := context.WithTimeout(ctx, max(every, 5*time.Second))
		err := leaser.Renew(within, h.claim)
		stop()
		var lost *warehouse.LostError
		if errors.As(err, &lost) {
			close(h.lost)
			return
		}
		if err != nil { // the warehouse does not answer: ask again sooner
			wait = max(every/4, 100*time.Millisecond)
		}
	}
}

// End writes that the run has ended; the record stays.
func (h *held) End(ctx context.Context, done bool) (err error) {
	h.once.Do(func() {
		close(h.stop)
		<-h.ended
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), endTime)
		defer stop()
		select {
		case <-h.lost:
			if h.conn != nil {
				err = h.conn.Close()
			}
			return
		default:
		}
		c := h.claim
		c.TTL, c.Exact, c.Seen = time.Millisecond, false, nil
		if done {
			c.Holder.Command = did
		}
		if h.conn != nil {
			err = write(ctx, h.conn, c)
			return
		}
		for {
			var file *warehouse.BusyError
			if err = h.reopen(ctx, c); err == nil || !errors.As(err, &file) {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(200 * time.Millisecond):
			}
		}
	})
	return err
}

// reopen writes a claim into a file that was closed for the run.
func (h *held) reopen(ctx context.Context, c warehouse.Claim) error {
	defer h.leases.open(h.target)()
	conn, _, err := h.leases.Open(ctx, h.target)
	if err != nil {
		return err
	}
	return write(ctx, conn, c)
}

// write writes new words on a lease that the run has, and closes the connection.
func write(ctx context.Context, conn warehouse.Conn, c warehouse.Claim) error {
	leaser, ok := conn.(warehouse.Leaser)
	if !ok {
		return conn.Close()
	}
	_, err := leaser.Acquire(ctx, c) // a run that has a lease may take it again
	var other *warehouse.HeldError
	if errors.As(err, &other) {
		err = nil // taken meanwhile, by an instance that took this one for dead
	}
	return errors.Join(err, conn.Close())
}

package bigquery

import (
	"context"
	"sync"
	"time"
)

// limiter bounds how many jobs run at once: additive increase with every job that went
// well, half of it when the service asks for less (AIMD). All jobs of a connection share
// one pause after such an answer, so that the others do not run into it one by one.
type limiter struct {
	mu      sync.Mutex
	most    float64
	now     float64 // jobs allowed at present, from 1 to most
	running int
	until   time.Time     // nothing is sent before
	changed chan struct{} // closed and replaced when a waiter may have its turn
}

func newLimiter(most int) *limiter {
	return &limiter{most: float64(most), now: float64(most), changed: make(chan struct{})}
}

func (l *limiter) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// acquire waits for a place; release gives it back.
func (l *limiter) acquire(ctx context.Context) (release func(), err error) {
	for {
		l.mu.Lock()
		pause := time.Until(l.until)
		if pause <= 0 && l.running < int(l.now) {
			l.running++
			l.mu.Unlock()
			var once sync.Once
			return func() {
				once.Do(func() {
					l.mu.Lock()
					defer l.mu.Unlock()
					l.running--
					l.wake()
				})
			}, nil
		}
		changed := l.changed
		l.mu.Unlock()
		if err := waitFor(ctx, pause, changed); err != nil {
			return nil, err
		}
	}
}

// calm waits until nobody is asked to wait.
func (l *limiter) calm(ctx context.Context) error {
	for {
		l.mu.Lock()
		pause := time.Until(l.until)
		l.mu.Unlock()
		if pause <= 0 {
			return ctx.Err()
		}
		if err := waitFor(ctx, pause, nil); err != nil {
			return err
		}
	}
}

// waitFor waits for the pause to pass (0: for ever) or for changed.
func waitFor(ctx context.Context, pause time.Duration, changed <-chan struct{}) error {
	var passed <-chan time.Time
	if pause > 0 {
		t := time.NewTimer(pause)
		defer t.Stop()
		passed = t.C
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-passed:
	case <-changed:
	}
	return nil
}

// went notes that a job was accepted and done.
func (l *limiter) went() {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := int(l.now)
	l.now = min(l.most, l.now+1/l.now)
	if int(l.now) > before {
		l.wake()
	}
}

// slow halves the number of jobs and lets all of them wait. Several answers within one
// pause are one event.
func (l *limiter) slow(wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Now().After(l.until) {
		l.now = max(1, l.now/2)
	}
	if until := time.Now().Add(wait); until.After(l.until) {
		l.until = until
	}
}

// allowed is how many jobs may run at present.
func (l *limiter) allowed() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int(l.now)
}

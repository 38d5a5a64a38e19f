package warehousetest

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// testLease: one run has a lease, and the others learn who.
func testLease(h *harness) {
	leaser, ok := h.conn.(warehouse.Leaser)
	if !ok {
		return
	}
	in := h.rel("leases")
	start := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	claim := func(run string, ttl time.Duration) warehouse.Claim {
		return warehouse.Claim{In: in, Name: "shop/it's \\ «one»", TTL: ttl, Holder: warehouse.Holder{
			Run: run, Command: "build", User: "ada", Host: "laptop", PID: 7, Engine: "1.2", Start: start, Machine: "m", Process: "p",
		}}
	}
	holding := func() *warehouse.Lease {
		h.Helper()
		l, err := leaser.Holding(h.ctx, claim("", time.Minute))
		if err != nil {
			h.Fatal(err)
		}
		return l
	}
	acquire := func(c warehouse.Claim) *warehouse.Lease {
		h.Helper()
		before, err := leaser.Acquire(h.ctx, c)
		if err != nil {
			h.Fatalf("acquire for %s: %v", c.Holder.Run, err)
		}
		return before
	}
	lost := func(err error, by string) {
		h.Helper()
		var e *warehouse.LostError
		if !errors.As(err, &e) {
			h.Fatalf("the error is %v, want one of a lost lease", err)
		}
		got := ""
		if e.By != nil {
			got = e.By.Holder.Run
		}
		if got != by {
			h.Fatalf("the lease was lost to %q, want %q", got, by)
		}
	}
	if holding() != nil {
		h.Fatal("a lease is held that nobody took")
	}
	if err := leaser.Release(h.ctx, claim("a", time.Minute)); err != nil {
		h.Fatalf("release of what was never taken: %v", err)
	}
	lost(leaser.Renew(h.ctx, claim("a", time.Minute)), "")
	if before := acquire(claim("a", time.Minute)); before != nil {
		h.Fatalf("the first lease took over %+v", before)
	}
	if before := acquire(claim("a", time.Minute)); before != nil {
		h.Fatalf("taking one's own lease took over %+v", before)
	}

	// Another one is told by whom it is held, and since when by the warehouse's clock.
	_, err := leaser.Acquire(h.ctx, claim("b", time.Minute))
	var held *warehouse.HeldError
	if !errors.As(err, &held) {
		h.Fatalf("a second run got the lease, or %v", err)
	}
	if diff := cmp.Diff(claim("a", 0).Holder, held.Lease.Holder); diff != "" {
		h.Fatalf("holder (-want +got):\n%s", diff)
	}
	if l := held.Lease; l.Expired || l.Since.IsZero() || l.Renewed.Before(l.Since) || l.Now.Before(l.Renewed.Add(-2*time.Second)) || l.Now.Sub(l.Since) > time.Minute {
		h.Fatalf("times of the lease: %+v", l)
	}
	lost(leaser.Renew(h.ctx, claim("b", time.Minute)), "a")
	if err := leaser.Release(h.ctx, claim("b", time.Minute)); err != nil {
		h.Fatal(err)
	}
	if l := holding(); l == nil || l.Holder.Run != "a" {
		h.Fatalf("after another's release the lease is %+v", l)
	}

	// It can be taken from a run that is named, and only from that.
	steal := claim("b", time.Minute)
	steal.Take = "x"
	if _, err := leaser.Acquire(h.ctx, steal); !errors.As(err, &held) {
		h.Fatalf("the lease was taken from another run than the named one, or %v", err)
	}
	steal.Take = "a"
	if before := acquire(steal); before == nil || before.Holder.Run != "a" || before.Holder.User != "ada" {
		h.Fatalf("taken over from %+v, want run a", before)
	}
	lost(leaser.Renew(h.ctx, claim("a", time.Minute)), "b")

	// An exact claim takes what it has seen, and nothing that was taken since.
	exact := claim("c", time.Minute)
	exact.Exact = true
	if _, err := leaser.Acquire(h.ctx, exact); !errors.As(err, &held) {
		h.Fatalf("a lease was taken by a run that had seen none, or %v", err)
	}
	exact.Seen = holding()
	time.Sleep(5 * time.Millisecond)
	acquire(claim("b", time.Minute))
	if _, err := leaser.Acquire(h.ctx, exact); !errors.As(err, &held) {
		h.Fatalf("a lease was taken that had been taken since it was seen, or %v", err)
	}
	exact.Seen = holding()
	if before := acquire(exact); before == nil || before.Holder.Run != "b" {
		h.Fatalf("taken over from %+v, want run b", before)
	}
	exact = claim("b", time.Minute)
	exact.Exact, exact.Seen = true, holding()
	acquire(exact)

	// One that is not renewed expires; its own run may still renew it until another took it.
	acquire(claim("b", time.Second))
	time.Sleep(2500 * time.Millisecond)
	if l := holding(); l == nil || !l.Expired {
		h.Fatalf("the lease did not expire: %+v", l)
	}
	if err := leaser.Renew(h.ctx, claim("b", time.Second)); err != nil {
		h.Fatalf("renew what nobody took: %v", err)
	}
	time.Sleep(2500 * time.Millisecond)
	if before := acquire(claim("c", time.Minute)); before == nil || before.Holder.Run != "b" {
		h.Fatalf("taken over from %+v, want run b", before)
	}
	lost(leaser.Renew(h.ctx, claim("b", time.Second)), "c")
	if err := leaser.Release(h.ctx, claim("c", time.Minute)); err != nil {
		h.Fatal(err)
	}
	if l := holding(); l != nil {
		h.Fatalf("after its release the lease is %+v", l)
	}
	if before := acquire(claim("d", time.Minute)); before != nil {
		h.Fatalf("a lease that was given back was taken over: %+v", before)
	}
	if err := leaser.Release(h.ctx, claim("d", time.Minute)); err != nil {
		h.Fatal(err)
	}
	testLeaseAtOnce(h, leaser, claim, in)
	testFence(h, leaser, claim)
}

// testLeaseAtOnce: of many that want a lease at once one gets it, with no table there yet.
func testLeaseAtOnce(h *harness, leaser warehouse.Leaser, claim func(string, time.Duration) warehouse.Claim, in addr.Relation) {
	in.Name = "other_leases"
	var wait sync.WaitGroup
	var got atomic.Int64
	for i := range 8 {
		wait.Go(func() {
			c := claim(string(rune('a'+i)), time.Minute)
			c.In, c.Name = in, "at once"
			_, err := leaser.Acquire(h.ctx, c)
			var held *warehouse.HeldError
			switch {
			case err == nil:
				got.Add(1)
			case !errors.As(err, &held):
				h.Errorf("acquire at once: %v", err)
			}
		})
	}
	wait.Wait()
	if got.Load() != 1 {
		h.Fatalf("%d runs got one lease", got.Load())
	}
}

// testFence: a transaction ends well only while the lease is the run's own.
func testFence(h *harness, leaser warehouse.Leaser, claim func(string, time.Duration) warehouse.Claim) {
	tx, err := warehouse.Begin(h.ctx, h.conn)
	if errors.Is(err, warehouse.ErrUnsupported) {
		return
	}
	if err != nil {
		h.Fatal(err)
	}
	defer tx.Close()
	fence, ok := tx.(warehouse.Fencer)
	if !ok {
		return
	}
	mine := claim("f", time.Minute)
	if _, err := leaser.Acquire(h.ctx, mine); err != nil {
		h.Fatal(err)
	}
	tx.Close()
	if tx, err = warehouse.Begin(h.ctx, h.conn); err != nil {
		h.Fatal(err)
	}
	defer tx.Close()
	fence = tx.(warehouse.Fencer)
	if err := fence.Fence(h.ctx, mine); err != nil {
		h.Fatalf("fence of one's own lease: %v", err)
	}
	if g, ok := h.conn.(warehouse.Guarded); ok && g.Guarded() {
		if err := tx.Commit(h.ctx); err != nil {
			h.Fatal(err)
		}
	} else {
		// Whoever takes the lease waits for the transaction.
		taken := make(chan error, 1)
		go func() {
			c := claim("g", time.Minute)
			c.Take = "f"
			_, err := leaser.Acquire(h.ctx, c)
			taken <- err
		}()
		select {
		case err := <-taken:
			h.Fatalf("the lease was taken from a transaction that is about to commit: %v", err)
		case <-time.After(300 * time.Millisecond):
		}
		if err := tx.Commit(h.ctx); err != nil {
			h.Fatal(err)
		}
		if err := <-taken; err != nil {
			h.Fatal(err)
		}
	}
	tx.Close()
	late := claim("h", time.Minute)
	if tx, err = warehouse.Begin(h.ctx, h.conn); err != nil {
		h.Fatal(err)
	}
	defer tx.Close()
	var e *warehouse.LostError
	if err := tx.(warehouse.Fencer).Fence(h.ctx, late); !errors.As(err, &e) || e.By == nil {
		h.Fatalf("fence of another's lease: %v", err)
	}
}

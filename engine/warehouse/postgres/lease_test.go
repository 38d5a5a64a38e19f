package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// TestLeasesBegunAtOnce: sessions that want a lease where there is neither table nor schema
// meet in the server's catalogue in every way there is (42P07, 42710, 23505 of pg_class,
// pg_type and pg_namespace), and none of them hears of it.
func TestLeasesBegunAtOnce(t *testing.T) {
	s := pg.Shared(t)
	fields := s.Fields(s.Database(t))
	conns := make([]*conn, 6)
	for i := range conns {
		conns[i] = connect(t, fields)
		defer conns[i].Close()
	}
	for round := range 60 {
		in := addr.Relation{Schema: fmt.Sprint("s", round/2), Name: fmt.Sprint("leases", round)}
		var wait sync.WaitGroup
		var got atomic.Int64
		start := make(chan struct{})
		for i, c := range conns {
			wait.Go(func() {
				<-start
				_, err := c.Acquire(context.Background(), warehouse.Claim{In: in, Name: "x", Holder: warehouse.Holder{Run: fmt.Sprint("r", i)}, TTL: time.Minute})
				var held *warehouse.HeldError
				switch {
				case err == nil:
					got.Add(1)
				case !errors.As(err, &held):
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		close(start)
		wait.Wait()
		if got.Load() != 1 {
			t.Fatalf("round %d: %d sessions got one lease", round, got.Load())
		}
	}
}

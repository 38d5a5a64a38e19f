package duckdb

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestGate: nothing runs while it is closed, who closes it is next, and a statement that calls
// back may have others run for it meanwhile.
func TestGate(t *testing.T) {
	g := newGate()
	var running, closed atomic.Int64
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for range 500 {
				if i < 2 {
					open := g.close()
					if closed.Add(1) != 1 || running.Load() != 0 {
						t.Error("something runs while it is closed")
					}
					closed.Add(-1)
					open()
					continue
				}
				leave := g.enter(i < 5)
				running.Add(1)
				if closed.Load() != 0 {
					t.Error("a statement begins while it is closed")
				}
				if i < 5 {
					g.enter(false)()
				}
				running.Add(-1)
				leave()
			}
		})
	}
	all.Wait()

	leave := g.enter(false)
	got := make(chan string, 2)
	go func() {
		open := g.close()
		got <- "closed"
		open()
	}()
	for waiting := 0; waiting == 0; time.Sleep(time.Millisecond) {
		g.mu.Lock()
		waiting = g.waiting
		g.mu.Unlock()
	}
	go func() {
		g.enter(false)()
		got <- "ran"
	}()
	time.Sleep(20 * time.Millisecond)
	leave()
	if first := <-got; first != "closed" {
		t.Errorf("a statement that came later %s first", first)
	}
	<-got
}

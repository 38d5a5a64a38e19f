package duckdb

import "sync"

// gate keeps statements of a database apart from what attaches and detaches others. DuckDB 1.5
// does not stand the two at once: a statement that reads the catalog goes through all
// databases, also when it only looks for a name to propose in an error, and the process ends
// when one of them goes meanwhile.
//
// A statement that calls back into Go may need another one to end: a Fill whose rows come out
// of a query. While such a one is under way nobody who comes later waits for somebody who
// waits for it; otherwise whoever wants to attach something is next.
type gate struct {
	mu       sync.Mutex
	changed  *sync.Cond
	plain    int // statements under way
	calling  int // statements under way that call back
	waiting  int // who want to close it
	isClosed bool
}

func newGate() *gate {
	g := &gate{}
	g.changed = sync.NewCond(&g.mu)
	return g
}

// enter waits until a statement may run, and gives what to call when it has ended.
func (g *gate) enter(calls bool) (leave func()) {
	count := &g.plain
	if calls {
		count = &g.calling
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.isClosed || g.waiting > 0 && g.calling == 0 {
		g.changed.Wait()
	}
	*count++
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		*count--
		g.changed.Broadcast()
	}
}

// close waits until no statement runs, and lets none begin until what it gives is called.
func (g *gate) close() (open func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting++
	for g.isClosed || g.plain+g.calling > 0 {
		g.changed.Wait()
	}
	g.waiting--
	g.isClosed = true
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.isClosed = false
		g.changed.Broadcast()
	}
}

package run

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/bigquery"
)

// hanging is a connection whose statements do not come back until it is closed.
type hanging struct {
	warehouse.Conn
	closed chan struct{}
}

func (h hanging) Dialect() warehouse.Dialect { return bigquery.Dialect{} }

func (h hanging) Exec(context.Context, warehouse.Statement) (warehouse.JobStats, error) {
	<-h.closed
	return warehouse.JobStats{}, errors.New("closed")
}

// TestNobodyWaitsForARevocationAfterTheEnd: who stops a run does not wait for a statement that
// others of the run are to have, too.
func TestNobodyWaitsForARevocationAfterTheEnd(t *testing.T) {
	conn := hanging{closed: make(chan struct{})}
	r := &runner{plan: &plan.Plan{}, conn: conn, options: Options{Now: time.Now, RunID: "r2"}, contents: newContents(&plan.Plan{}, "r2")}
	ctx, stop := context.WithCancel(context.Background())
	announced := r.announce(ctx, &plan.Action{Node: addr.Node{Kind: addr.Model, Name: "m"}, Revoke: true})
	ended := make(chan error, 2)
	go func() { ended <- announced() }()
	select {
	case err := <-ended:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	stop()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it waits for the statement")
	}
	// The run itself does: who has its end may close the connection.
	settled := make(chan struct{})
	go func() {
		defer close(settled)
		r.settle(ctx)
	}()
	select {
	case <-settled:
		t.Error("the run ends while a revocation is being written")
	case <-time.After(50 * time.Millisecond):
	}
	close(conn.closed)
	select {
	case <-settled:
	case <-time.After(10 * time.Second):
		t.Error("the run waits for a revocation that has ended")
	}
	// What is known in the end is still said.
	announced = r.announce(context.Background(), &plan.Action{Node: addr.Node{Kind: addr.Model, Name: "n"}, Revoke: true})
	if err := announced(); err == nil {
		t.Error("a record that could not be taken back counts as taken back")
	}
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	contract "github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/postgres"
)

// TestMakespan keeps the engine near what is possible on each of the 20 projects. Time is
// simulated, so the figures are the same everywhere.
func TestMakespan(t *testing.T) {
	all := projects()
	if len(all) != 20 {
		t.Fatalf("%d projects", len(all))
	}
	for i, p := range all {
		if _, ratio := tools[0].run(p, usual); ratio > 1.05 || ratio < 1 {
			t.Errorf("%s with %d slots: %.3f", p.name, p.slots, ratio)
		}
		if _, ratio := tools[0].run(p.mistaken(0.3, uint64(i)), usual); ratio > 1.05 {
			t.Errorf("%s with %d slots, durations wrong by a third: %.3f", p.name, p.slots, ratio)
		}
		w := usual
		w.most = p.slots / 2
		if o, ratio := tools[0].run(p, w); ratio > 1.1 || o.refused > nodes/4 {
			t.Errorf("%s with %d slots, half of which are refused: %.3f, %d refused", p.name, p.slots, ratio, o.refused)
		}
	}
}

// TestHardestSlots: where the longest path and the work bound the run alike, order matters
// most.
func TestHardestSlots(t *testing.T) {
	for _, p := range projects() {
		for _, factor := range []float64{0.8, 1, 1.25} {
			hard := *p
			hard.slots = max(int(factor*float64(p.work(usual))/float64(p.longest(usual))), 1)
			if _, ratio := tools[0].run(&hard, usual); ratio > 1.05 {
				t.Errorf("%s with %d slots: %.3f", hard.name, hard.slots, ratio)
			}
		}
	}
}

// TestPeersAreNoStrawMen: no policy is below the bound, and the plainest ones are near it
// where any order is good.
func TestPeersAreNoStrawMen(t *testing.T) {
	for _, p := range projects() {
		for _, tool := range tools {
			o, ratio := tool.run(p, usual)
			if ratio < 0.9999 {
				t.Errorf("%s is below the bound on %s: %.3f", tool.name, p.name, ratio)
			}
			if !tool.shared && o.peak > p.slots {
				t.Errorf("%s runs %d at once in %d slots", tool.name, o.peak, p.slots)
			}
			// Chains with a slot for each leave nothing to decide, but for those who wait for
			// whole layers.
			if p.name == "chains" && p.slots >= 40 && tool.name != "Rocky" && ratio > 1.001 {
				t.Errorf("%s takes %.3f with a slot for each chain", tool.name, ratio)
			}
		}
	}
}

func TestSameTablesTwice(t *testing.T) {
	var one, two bytes.Buffer
	write(&one)
	write(&two)
	if !bytes.Equal(one.Bytes(), two.Bytes()) || one.Len() < 1000 {
		t.Errorf("%d and %d bytes", one.Len(), two.Len())
	}
}

// silent is a warehouse that does nothing: what is left of a run is the engine.
type silent struct{ sent atomic.Int64 }

func (s *silent) Dialect() contract.Dialect { return postgres.Dialect{} }

func (s *silent) Exec(context.Context, contract.Statement) (contract.JobStats, error) {
	s.sent.Add(1)
	return contract.JobStats{Rows: 1, Bytes: -1}, nil
}

func (s *silent) Query(context.Context, contract.Statement) (contract.Rows, error) {
	return nil, fmt.Errorf("nothing is asked here")
}

func (s *silent) Inspect(context.Context, []addr.Relation) ([]contract.Relation, error) {
	return nil, nil
}

func (s *silent) List(context.Context, string, string) ([]contract.Relation, error) { return nil, nil }
func (s *silent) Close() error                                                      { return nil }
func (s *silent) Begin(context.Context) (contract.Tx, error)                        { return silentTx{s}, nil }

type silentTx struct{ *silent }

func (silentTx) Commit(context.Context) error   { return nil }
func (silentTx) Rollback(context.Context) error { return nil }

// planOf is a plan of n tables in the shape of real projects.
func planOf(n int) *plan.Plan {
	r := rand.New(rand.NewPCG(3, 3))
	p := &plan.Plan{Format: plan.Format, Project: "large", Target: "dev", Schema: "dev"}
	nodes := make([]addr.Node, n)
	for i := range n {
		nodes[i] = addr.Node{Kind: addr.Model, Name: fmt.Sprintf("m%05d", i)}
		rel := addr.Relation{Schema: "dev", Name: nodes[i].Name}
		a := &plan.Action{
			Node: nodes[i], Verb: plan.Create, Materialized: "table", Kind: contract.Table, Relation: rel, Staged: rel, Millis: int64(1 + r.IntN(10000)), Fingerprint: "f",
			Build: plan.Steps{contract.CreateTableAs{Target: rel, Query: "select 1 as id"}},
		}
		if i >= n/4 {
			for range 1 + r.IntN(3) {
				a.Deps = append(a.Deps, nodes[r.IntN(i)])
			}
		}
		p.Actions = append(p.Actions, a)
	}
	return p
}

// TestTimeBetweenNodes bounds what the engine itself takes for a node of 30,000: the whole
// of Apply, records included, on a warehouse that answers at once.
func TestTimeBetweenNodes(t *testing.T) {
	const n = 30000
	p := planOf(n)
	conn := &silent{}
	start := time.Now()
	result, err := run.Apply(context.Background(), p, conn, run.Options{Jobs: 16, RunID: "r", Now: time.Now})
	took := time.Since(start)
	if err != nil || !result.OK() || conn.sent.Load() < n {
		t.Fatalf("%v, %d statements", err, conn.sent.Load())
	}
	t.Logf("%v for %d nodes: %v each; a forecast takes %v", took, n, took/n, forecast(p))
	if took/n > time.Millisecond {
		t.Errorf("%v for a node", took/n)
	}
}

func forecast(p *plan.Plan) time.Duration {
	start := time.Now()
	run.Predict(p, 16)
	return time.Since(start)
}

func BenchmarkApply30k(b *testing.B) {
	p := planOf(30000)
	for b.Loop() {
		if _, err := run.Apply(context.Background(), p, &silent{}, run.Options{Jobs: 16, RunID: "r", Now: time.Now}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/30000, "µs/node")
}

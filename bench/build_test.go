package bench

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/engine-build/engine/bench/gen"
	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

// BenchmarkBuild is plan and apply of trivial tables into a new database file.
func BenchmarkBuild(b *testing.B) {
	const models = 1000
	for _, jobs := range []int{1, 2} {
		b.Run(fmt.Sprintf("jobs=%d", jobs), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				dir := b.TempDir()
				if err := gen.Write(dir, gen.Options{Models: models, Seed: 42}); err != nil {
					b.Fatal(err)
				}
				o := engine.Options{
					Dir: dir, Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{duckdb.Driver{}},
				}
				p, ds := engine.Load(o)
				if ds.HasErrors() {
					b.Fatal(ds[0])
				}
				program, ds := engine.Compile(context.Background(), p, o)
				if ds.HasErrors() {
					b.Fatal(ds[0])
				}
				selection := plan.Selection{Nodes: map[addr.Node]bool{}}
				for _, id := range program.Order {
					selection.Nodes[id] = true
				}
				b.StartTimer()
				build(b, program, o, selection, jobs)
			}
		})
	}
}

func build(b *testing.B, program *compile.Program, o engine.Options, selection plan.Selection, jobs int) {
	ctx := context.Background()
	conn, err := engine.Open(ctx, program, o)
	if err != nil {
		b.Fatal(err)
	}
	pl, ds, err := engine.Plan(ctx, program, conn, selection)
	if err != nil || ds.HasErrors() {
		b.Fatal(err, ds)
	}
	result, err := engine.Apply(ctx, pl, conn, run.Options{Jobs: jobs, RunID: "bench", Now: time.Now, Dir: o.Dir})
	if err != nil {
		b.Fatal(err)
	}
	if !result.OK() {
		b.Fatal(result.Diags)
	}
	if err := conn.Close(); err != nil {
		b.Fatal(err)
	}
}

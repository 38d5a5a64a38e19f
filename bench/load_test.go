package bench

import (
	"context"
	"fmt"
	"testing"

	"github.com/engine-build/engine/bench/gen"
	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

// BenchmarkLoad is load, templates, refs and order, in a warm process.
func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := b.TempDir()
			if err := gen.Write(dir, gen.Options{Models: n, Seed: 42}); err != nil {
				b.Fatal(err)
			}
			o := engine.Options{
				Dir: dir, Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{duckdb.Driver{}}, SkipAnalysis: true,
			}
			b.ReportAllocs()
			for b.Loop() {
				p, ds := engine.Load(o)
				if ds.HasErrors() {
					b.Fatal(ds[0])
				}
				program, ds := engine.Compile(context.Background(), p, o)
				if ds.HasErrors() {
					b.Fatal(ds[0])
				}
				if len(program.Order) != n {
					b.Fatalf("%d nodes in order, want %d", len(program.Order), n)
				}
			}
		})
	}
}

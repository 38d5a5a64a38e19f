package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/engine-build/engine/bench/gen"
	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

// BenchmarkCheck is load, GoogleSQL analysis with lineage, and translation of 10,000
// models: with nothing kept, and after one edit.
func BenchmarkCheck(b *testing.B) {
	const models = 10_000
	dir := b.TempDir()
	if err := gen.Write(dir, gen.Options{Models: models, Seed: 42}); err != nil {
		b.Fatal(err)
	}
	kept := filepath.Join(dir, "target", "analysis.kept")
	if err := os.MkdirAll(filepath.Dir(kept), 0o755); err != nil {
		b.Fatal(err)
	}
	o := engine.Options{
		Dir: dir, Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{duckdb.Driver{}}, Version: "bench",
	}
	check := func(b *testing.B) *compile.Program {
		p, ds := engine.Load(o)
		if !ds.HasErrors() {
			var program *compile.Program
			if program, ds = engine.Compile(context.Background(), p, o); !ds.HasErrors() {
				return program
			}
		}
		b.Fatal(ds[0])
		return nil
	}
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			_ = os.Remove(kept)
			b.StartTimer()
			check(b)
		}
	})
	edited := ""
	for _, n := range check(b).Nodes {
		if n.File != nil && (edited == "" || n.Path < edited) {
			edited = n.Path
		}
	}
	b.Run("edited", func(b *testing.B) {
		path := filepath.Join(dir, filepath.FromSlash(edited))
		text, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for b.Loop() {
			b.StopTimer()
			n++
			if err := os.WriteFile(path, fmt.Appendf(nil, "%s\n-- edit %d\n", text, n), 0o644); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			check(b)
		}
	})
}

// BenchmarkAnalyze is one typical model through Google's analyzer, decoded: 40 lines, common table
// expressions, joins, a window.
func BenchmarkAnalyze(b *testing.B) {
	model, err := os.ReadFile("../engine/googlesql/testdata/typical.sql")
	if err != nil {
		b.Fatal(err)
	}
	s, err := googlesql.Open(googlesql.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	typ := func(k ir.Kind) *ir.Type { return &ir.Type{Kind: k} }
	for _, t := range []googlesql.Table{
		{Name: "shop.orders", Columns: []googlesql.Column{{Name: "order_id", Type: typ(ir.Int64)}, {Name: "customer_id", Type: typ(ir.Int64)}, {Name: "ordered_at", Type: typ(ir.Timestamp)}, {Name: "status", Type: typ(ir.String)}, {Name: "amount", Type: typ(ir.Numeric)}, {Name: "discount", Type: typ(ir.Numeric)}}},
		{Name: "shop.customers", Columns: []googlesql.Column{{Name: "customer_id", Type: typ(ir.Int64)}, {Name: "name", Type: typ(ir.String)}, {Name: "country", Type: typ(ir.String)}, {Name: "signed_up_on", Type: typ(ir.Date)}, {Name: "updated_at", Type: typ(ir.Timestamp)}}},
	} {
		if err := s.Declare(t); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if _, err := s.Analyze(string(model)); err != nil {
			b.Fatal(err)
		}
	}
}

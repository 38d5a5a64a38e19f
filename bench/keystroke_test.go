package bench

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/engine-build/engine/bench/gen"
	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/editor"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

// BenchmarkKeystroke is the time from a keystroke to the diagnostics of the file, in projects
// of 1,000 and of 10,000 models with tests: the text parses and is right, names a column that
// there is not, names a model that there is not, or does not parse, in turns. One is typed every
// 50 ms, and the whole project is checked in the pauses, as it is while somebody works; whole-s
// is how long that takes.
func BenchmarkKeystroke(b *testing.B) {
	for _, models := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(models), func(b *testing.B) {
			dir := b.TempDir()
			if err := gen.Write(dir, gen.Options{Models: models, Seed: 42, Tests: true}); err != nil {
				b.Fatal(err)
			}
			told := make(chan []string, 1024)
			w, err := editor.Open(context.Background(), dir, editor.Options{
				Options:   engine.Options{Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{duckdb.Driver{}}, Version: "bench"},
				Published: func(paths []string) { told <- paths },
			})
			if err != nil {
				b.Fatal(err)
			}
			defer w.Close()
			if err := w.Settled(context.Background()); err != nil {
				b.Fatal(err)
			}
			path := ""
			for _, n := range w.View().Program.Nodes {
				if len(n.Parents) > 2 && (path == "" || n.Path < path) {
					path = n.Path
				}
			}
			f, _ := w.View().File(path)
			texts := func(n int) []byte {
				switch n % 4 {
				case 0:
					return fmt.Appendf(nil, "%s\n-- %d\n", f.Data, n)
				case 1:
					return fmt.Appendf(nil, "select id, amount%d from (%s)\n", n, f.Data)
				case 2:
					return fmt.Appendf(nil, "select * from {{ ref \"nothing%d\" }}\n", n)
				}
				return fmt.Appendf(nil, "%s\nselect from from %d ,,", f.Data, n)
			}
			var took []time.Duration
			n, wrong := 0, 0
			for b.Loop() {
				b.StopTimer()
				if n%20 == 19 {
					time.Sleep(600 * time.Millisecond) // whoever types thinks now and then
				}
				time.Sleep(50 * time.Millisecond)
				for len(told) > 0 {
					<-told
				}
				b.StartTimer()
				begin := time.Now()
				w.Set(path, texts(n))
				for !slices.Contains(<-told, path) {
				}
				took = append(took, time.Since(begin))
				if w.View().Diagnostics(path).HasErrors() {
					wrong++
				}
				n++
			}
			b.StopTimer()
			begin := time.Now()
			if err := w.Settled(context.Background()); err != nil {
				b.Fatal(err)
			}
			if n >= 4 && (wrong < n/2 || wrong > n-n/4) {
				b.Fatalf("%d of %d texts are wrong", wrong, n)
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
			b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
			b.ReportMetric(time.Since(begin).Seconds(), "whole-s")
		})
	}
}

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/engine-build/engine/catalog/browse"
	"github.com/engine-build/engine/lineage/layout"
	"github.com/evanw/esbuild/pkg/api"
	"github.com/google/go-cmp/cmp"
)

var chromium browse.Chromium

func TestMain(m *testing.M) {
	code := m.Run()
	chromium.Close()
	os.Exit(code)
}

// drawn is a drawing as the browser gives it.
type drawn struct {
	Boxes  []box       `json:"boxes"`
	Routes [][]float64 `json:"routes"`
	W      float64     `json:"w"`
	H      float64     `json:"h"`
}

type box struct {
	X    float64 `json:"x"`
	Y    float64 `json:"y"`
	W    float64 `json:"w"`
	H    float64 `json:"h"`
	Rank int     `json:"rank"`
}

// input is a graph as the browser takes it.
type input struct {
	Boxes   [][2]float64 `json:"boxes"`
	Edges   [][2]int     `json:"edges"`
	Lanes   []int        `json:"lanes,omitempty"`
	RankGap float64      `json:"rankGap"`
	RowGap  float64      `json:"rowGap"`
}

// TestLayoutIsTheSameInTheBrowser draws more than two hundred graphs with package layout and
// with its twin in TypeScript: all numbers must be equal.
func TestLayoutIsTheSameInTheBrowser(t *testing.T) {
	dir := t.TempDir()
	r := api.Build(api.BuildOptions{
		EntryPoints: []string{"layout.ts"}, AbsWorkingDir: absolute(t, "../src"), Bundle: true,
		Format: api.FormatIIFE, GlobalName: "twin", Target: target, LogLevel: api.LogLevelSilent,
	})
	if len(r.Errors) > 0 {
		t.Fatal(join(r.Errors))
	}
	write(t, filepath.Join(dir, "twin.js"), r.OutputFiles[0].Contents)
	write(t, filepath.Join(dir, "index.html"), []byte(`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Twin</title><meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self'; img-src data:"><link rel="icon" href="data:,"><script src="twin.js"></script></head><body><h1>Twin</h1></body></html>`))
	tab := chromium.Tab(t, browse.File(t, dir))
	tab.Open("index.html")
	for name, in := range graphs() {
		want := layout.Layered(in)
		sent := input{Boxes: [][2]float64{}, Edges: in.Edges, Lanes: in.Lanes, RankGap: in.RankGap, RowGap: in.RowGap}
		if sent.Edges == nil {
			sent.Edges = [][2]int{}
		}
		for _, b := range in.Boxes {
			sent.Boxes = append(sent.Boxes, [2]float64{b.W, b.H})
		}
		got := browse.Call[drawn](tab, `g => twin.layered(g)`, sent)
		if diff := cmp.Diff(flat(want), got); diff != "" {
			if len(diff) > 2_000 {
				diff = diff[:2_000] + " …"
			}
			t.Errorf("%s differs (Go, browser):\n%s", name, diff)
		}
	}
}

func flat(d layout.Drawing) drawn {
	out := drawn{Boxes: []box{}, Routes: [][]float64{}, W: d.W, H: d.H}
	for _, b := range d.Boxes {
		out.Boxes = append(out.Boxes, box(b))
	}
	for _, r := range d.Routes {
		var points []float64
		for _, p := range r {
			points = append(points, p.X, p.Y)
		}
		out.Routes = append(out.Routes, points)
	}
	return out
}

// graphs are of all shapes: trees, nets, with hubs, cycles, parallel edges, loners, long
// edges, lanes, boxes of many heights, up to a thousand boxes.
func graphs() map[string]layout.Input {
	out := map[string]layout.Input{
		"nothing":  {RankGap: 50, RowGap: 10},
		"one":      {Boxes: boxes(1, 0), RankGap: 50, RowGap: 10},
		"loners":   {Boxes: boxes(41, 1), RankGap: 50, RowGap: 10},
		"cycle":    {Boxes: boxes(3, 0), Edges: [][2]int{{0, 1}, {1, 2}, {2, 0}}, RankGap: 60, RowGap: 10},
		"parallel": {Boxes: boxes(2, 0), Edges: [][2]int{{0, 1}, {0, 1}, {1, 0}}, RankGap: 60, RowGap: 10},
		"odd":      {Boxes: boxes(2, 0), Edges: [][2]int{{0, 0}, {0, 9}, {-1, 1}, {0, 1}}, RankGap: 60, RowGap: 10},
	}
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 9))
		n := 2 + r.IntN(60)
		switch {
		case seed == 199:
			n = 1_000
		case seed%20 == 19:
			n = 300
		}
		in := layout.Input{Boxes: boxes(n, int(seed%3)), RankGap: 84, RowGap: 13.5}
		for range int(float64(n) * (0.5 + r.Float64()*1.6)) {
			a, b := r.IntN(n), r.IntN(n)
			if seed%5 == 0 { // near ones, so that there are many ranks
				b = min(n-1, a+1+r.IntN(5))
			}
			if a > b && seed%7 != 0 {
				a, b = b, a
			}
			in.Edges = append(in.Edges, [2]int{a, b})
		}
		if seed%4 == 1 { // a hub
			for i := 1; i < n; i += 2 {
				in.Edges = append(in.Edges, [2]int{0, i})
			}
		}
		if seed%6 == 2 {
			for i := range n {
				in.Lanes = append(in.Lanes, i*5/n)
			}
		}
		out[fmt.Sprintf("%d boxes, seed %d", n, seed)] = in
	}
	return out
}

func boxes(n, kind int) []layout.Size {
	out := make([]layout.Size, n)
	for i := range out {
		out[i] = layout.Size{W: 84 + float64(i*37%140)*1.25, H: 30}
		if kind == 1 {
			out[i].H = 30 + float64(i%4)*20.5
		}
	}
	return out
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(abs, "/")
}

func write(t *testing.T, path string, body []byte) {
	t.Helper()
	if err := os.WriteFile(path, body, 0o644); err != nil {
		t.Fatal(err)
	}
}

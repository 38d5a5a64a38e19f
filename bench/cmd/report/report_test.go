package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRows: a budget that holds, one that does not, and one that is a least.
func TestRows(t *testing.T) {
	for want, l := range map[string]line{
		"| load | 0.70 s (0.60–0.90); CPU 0.5 | ≤ 0.80 s | pass |":       {what: "load", values: []float64{0.9, 0.6, 0.7}, unit: "s", budget: 0.8, note: "; CPU 0.5"},
		"| load | 1.04 s | ≤ 0.80 s | short ×1.30: many files |":         {what: "load", values: []float64{1.04}, unit: "s", budget: 0.8, because: "many files"},
		"| slower by | 4 × | ≥ 8 × | short ×2.00 |":                      {what: "slower by", values: []float64{4}, unit: "×", budget: 8, least: true},
		"| slower by | 8.90 × | ≥ 8 × | pass |":                          {what: "slower by", values: []float64{8.9}, unit: "×", budget: 8, least: true},
		"| start, CPU | 12.0 ms (10.5–20.0) | ≤ 15 ms | pass |":          (&bench{options: options{cpu: true}}).took("start", nil, []float64{0.0120001, 0.0105, 0.02001}, 0.015, ""),
		"| start | 12.0 ms (10.5–20.0); CPU 9 | ≤ 15 ms | pass |":        (&bench{}).took("start", []float64{0.0120001, 0.0105, 0.02001}, []float64{0.009}, 0.015, ""),
		"| edit | 0.36 s | ≤ 0.30 s | short ×1.20: it reads all files |": (&bench{}).took("edit", []float64{0.36}, nil, 0.3, "it reads all files"),
	} {
		if diff := cmp.Diff(want, l.row()); diff != "" {
			t.Error(diff)
		}
	}
}

// TestCells: numbers out of the tables that other benchmarks print.
func TestCells(t *testing.T) {
	text := "head\n\n| graph | engine | slower |\n|---|---:|---:|\n| d1m | **3.23 s** | > 14 × |\n\n| graph | engine | recursive | slower |\n|---|---:|---:|---:|\n| d1m | **4.68 s** | 41.7 s | 8.9 × |\n| making, wall | 1,234 MB (1–2) | – | x |\n"
	for _, c := range []struct {
		row, head string
		behind    int
		want      float64
	}{{"d1m", "engine", 0, 3.23}, {"d1m", "slower", 0, 14}, {"d1m", "recursive", 0, 41.7}, {"d1m", "recursive", 1, 8.9}, {"making, wall", "engine", 0, 1234}} {
		got, err := cell(text, c.row, c.head, c.behind)
		if err != nil || got != c.want {
			t.Errorf("%s, %s: %v, %v", c.row, c.head, got, err)
		}
	}
	for _, c := range [][2]string{{"d2m", "engine"}, {"d1m", "nothing"}, {"making, wall", "recursive"}, {"making, wall", "slower"}} {
		if got, err := cell(text, c[0], c[1], 0); err == nil {
			t.Errorf("%s has %v", c, got)
		}
	}
}

// TestMetrics: values out of what go test prints.
func TestMetrics(t *testing.T) {
	text := "goos: linux\nBenchmarkAnalyze-2   \t 500\t 2380000 ns/op\nBenchmarkAnalyze-2 600 2040000 ns/op 5 ratio\nBenchmarkOther 1 7 ns/op\nPASS\n"
	got, err := metric(text, "BenchmarkAnalyze", "ns/op")
	if diff := cmp.Diff([]float64{2380000, 2040000}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if got, err := metric(text, "BenchmarkNone", "ns/op"); err == nil {
		t.Error(got)
	}
	if got, err := metric(text, "BenchmarkOther", "ratio"); err == nil {
		t.Error(got)
	}
}

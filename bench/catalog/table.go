package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
)

// table has a row for each thing that is measured and a column for each size of project.
type table struct {
	sizes []int
	rows  []*row
}

type row struct {
	what, unit string
	budget     float64 // 0: none
	values     map[int][]float64
}

// add puts the values of one size into the row, which is made if it is new.
func (t *table) add(what, unit string, budget float64, models int, values []float64) {
	i := slices.IndexFunc(t.rows, func(r *row) bool { return r.what == what })
	if i < 0 {
		i = len(t.rows)
		t.rows = append(t.rows, &row{what, unit, budget, map[int][]float64{}})
	}
	t.rows[i].values[models] = append(t.rows[i].values[models], values...)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	switch {
	case n == 0:
		return 0
	case n%2 == 1:
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

// worst is the largest median of a row.
func (r *row) worst() float64 {
	worst := 0.0
	for _, v := range r.values {
		worst = max(worst, median(v))
	}
	return worst
}

func (t *table) print(w io.Writer) {
	fmt.Fprint(w, "| measured |")
	for _, n := range t.sizes {
		fmt.Fprintf(w, " %d models |", n)
	}
	fmt.Fprint(w, " budget | |\n|---|")
	for range t.sizes {
		fmt.Fprint(w, "---:|")
	}
	fmt.Fprint(w, "---:|---|\n")
	for _, r := range t.rows {
		fmt.Fprintf(w, "| %s |", r.what)
		for _, n := range t.sizes {
			v := r.values[n]
			switch {
			case len(v) == 0:
				fmt.Fprint(w, " |")
			case len(v) == 1 || slices.Min(v) == slices.Max(v):
				fmt.Fprintf(w, " %s %s |", number(median(v)), r.unit)
			default:
				fmt.Fprintf(w, " %s %s (%s–%s) |", number(median(v)), r.unit, number(slices.Min(v)), number(slices.Max(v)))
			}
		}
		switch {
		case r.budget == 0:
			fmt.Fprint(w, " | |\n")
		case r.worst() <= r.budget:
			fmt.Fprintf(w, " %s %s | pass |\n", number(r.budget), r.unit)
		default:
			fmt.Fprintf(w, " %s %s | FALLS SHORT |\n", number(r.budget), r.unit)
		}
	}
}

// short are the rows over their budget.
func (t *table) short() []string {
	var out []string
	for _, r := range t.rows {
		if r.budget > 0 && r.worst() > r.budget {
			out = append(out, fmt.Sprintf("%s: %s of %s %s", r.what, number(r.worst()), number(r.budget), r.unit))
		}
	}
	return out
}

// number prints three digits, or all before the point.
func number(f float64) string {
	switch {
	case f >= 100 || f == float64(int(f)):
		return strconv.FormatFloat(f, 'f', 0, 64)
	case f >= 10:
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'f', 2, 64)
}

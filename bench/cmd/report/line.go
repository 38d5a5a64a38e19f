package main

import (
	"fmt"
	"slices"
	"strconv"
)

// line is one budget: what was measured, in the unit that it is printed in.
type line struct {
	what   string
	values []float64
	unit   string // s, ms, MB, ×, calls
	budget float64
	least  bool // the budget is the least that is wanted, not the most
	// because is why a budget is known to be exceeded, or what a figure means.
	because string
	note    string // behind the value, as the CPU time
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

// over is how often the budget is taken; above 1 it is exceeded.
func (l line) over() float64 {
	if l.least {
		return l.budget / median(l.values)
	}
	return median(l.values) / l.budget
}

// row is the line of the table.
func (l line) row() string {
	verdict, sign := "pass", "≤"
	if l.least {
		sign = "≥"
	}
	if l.over() > 1 {
		verdict = fmt.Sprintf("short ×%.2f", l.over())
		if l.because != "" {
			verdict += ": " + l.because
		}
	}
	return fmt.Sprintf("| %s | %s | %s %s %s | %s |", l.what, l.measured(), sign, digits(l.budget), l.unit, verdict)
}

func (l line) measured() string {
	text := digits(median(l.values)) + " " + l.unit
	if low, high := slices.Min(l.values), slices.Max(l.values); low != high {
		text += " (" + digits(low) + "–" + digits(high) + ")"
	}
	return text + l.note
}

// digits prints three, or all before the point.
func digits(f float64) string {
	switch {
	case f >= 100 || f == float64(int(f)):
		return strconv.FormatFloat(f, 'f', 0, 64)
	case f >= 10:
		return strconv.FormatFloat(f, 'f', 1, 64)
	case f >= 0.1:
		return strconv.FormatFloat(f, 'f', 2, 64)
	}
	return strconv.FormatFloat(f, 'f', 3, 64)
}

package datatest

import (
	"fmt"
	"strings"
)

// Batch groups the indices of tests that run as one query: those that count over the same
// scan. Every other test is a group of its own. Groups and their members keep the order
// of tests.
func Batch(tests []Query) [][]int {
	var groups [][]int
	byScan := map[string]int{}
	for i, t := range tests {
		if t.Count == "" {
			groups = append(groups, []int{i})
			continue
		}
		if g, ok := byScan[t.Scan]; ok {
			groups[g] = append(groups[g], i)
			continue
		}
		byScan[t.Scan] = len(groups)
		groups = append(groups, []int{i})
	}
	return groups
}

// BatchQuery is the query of one group: a single row with the number of failures of each
// test in its order. A number may be NULL, which means 0.
func BatchQuery(tests []Query) string {
	if len(tests) == 1 && tests[0].Count == "" {
		return CountQuery(tests[0])
	}
	counts := make([]string, len(tests))
	for i, t := range tests {
		counts[i] = fmt.Sprintf("%s as t%d", t.Count, i)
	}
	return "select\n  " + strings.Join(counts, ",\n  ") + "\nfrom " + tests[0].Scan
}

// CountQuery is the number of failures of one test by its fail_calc: one row, one column.
func CountQuery(t Query) string {
	if t.Tally != "" {
		return t.Tally
	}
	return "select " + t.FailCalc + " as t0\nfrom (\n" + t.Rows + "\n) as failing"
}

package datatest

import (
	"fmt"
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
)

var rowCount = Kind{
	Name:  "row_count",
	Help:  "the number of rows is within bounds",
	Level: OnRelation,
	Args: []Arg{
		{Name: "min", Type: Integer, Help: "at least so many"},
		{Name: "max", Type: Integer, Help: "at most so many"},
		{Name: "equals", Type: Integer, Help: "exactly so many"},
		groupBy,
	},
	Aliases: []Alias{
		{Name: "dbt_expectations.expect_table_row_count_to_equal", Rename: map[string]string{"value": "equals", "group_by": "group_by_columns"}},
		{Name: "dbt_expectations.expect_table_row_count_to_be_between", Rename: map[string]string{"min_value": "min", "max_value": "max", "group_by": "group_by_columns"}, Args: []Arg{{Name: "strictly", Type: Bool, Help: "the bounds themselves are not allowed (default false)"}}},
	},
	check: func(t *project.Test, args map[string]any) diag.List {
		return needsOneOf(t, args, "min", "max", "equals")
	},
	render: func(r *renderer) {
		var conds, claims []string
		below, above := "<", ">"
		if r.flag("strictly", false) {
			below, above = "<=", ">="
		}
		for _, b := range []struct{ arg, wrong, word string }{{"min", below, "at least"}, {"max", above, "at most"}, {"equals", "<>", "exactly"}} {
			if n, ok := r.t.Args[b.arg].(int64); ok {
				conds = append(conds, fmt.Sprintf("count(*) %s %d", b.wrong, n))
				claims = append(claims, fmt.Sprintf("%s %d", b.word, n))
			}
		}
		r.aggregate("count(*) as row_count", "("+strings.Join(conds, " or ")+")", fmt.Sprintf("%s has %s rows", r.node(), strings.Join(claims, " and ")))
	},
}

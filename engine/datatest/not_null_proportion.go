package datatest

import (
	"fmt"
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
)

var notNullProportion = Kind{
	Name:  "not_null_proportion",
	Help:  "the share of rows that have a value is within bounds; a relation without rows passes",
	Level: OnColumn,
	Args: []Arg{
		{Name: "at_least", Type: Scalar, Help: "the least share, from 0 to 1"},
		{Name: "at_most", Type: Scalar, Help: "the greatest share (default 1)"},
		groupBy,
	},
	Aliases: []Alias{{Name: "dbt_utils.not_null_proportion"}},
	check: func(t *project.Test, args map[string]any) diag.List {
		return needsOneOf(t, args, "at_least", "at_most")
	},
	render: func(r *renderer) {
		share := "(1.0 * count(" + r.column() + ") / nullif(count(*), 0))"
		var conds, claims []string
		for _, b := range []struct{ arg, wrong, word string }{{"at_least", "<", "at least"}, {"at_most", ">", "at most"}} {
			if v, ok := r.t.Args[b.arg]; ok {
				conds = append(conds, share+" "+b.wrong+" "+r.limitSQL(v))
				claims = append(claims, fmt.Sprintf("%s %v", b.word, v))
			}
		}
		r.aggregate(share+" as not_null_proportion", "("+strings.Join(conds, " or ")+")", r.subject()+" has a value in "+strings.Join(claims, " and ")+" of the rows")
	},
}

var notConstant = Kind{
	Name:    "not_constant",
	Help:    "there are at least two different values, or none; NULL is not a value",
	Level:   OnColumn,
	Args:    []Arg{groupBy},
	Aliases: []Alias{{Name: "dbt_utils.not_constant"}},
	render: func(r *renderer) {
		count := "count(distinct " + r.column() + ")"
		r.aggregate(count+" as n_values", count+" = 1", r.subject()+" has more than one value")
	},
}

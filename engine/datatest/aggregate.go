package datatest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
)

// aggregates are the functions of the kind aggregate, over a column that takes the place of %s.
var aggregates = map[string]string{
	"max": "max(%s)", "min": "min(%s)", "sum": "sum(%s)", "mean": "avg(%s)", "stdev": "stddev(%s)",
	"distinct_count": "count(distinct %s)",
	// Of rows without a value none is unique, and no rows have no proportion.
	"unique_proportion": "(1.0 * count(distinct %[1]s) / nullif(count(%[1]s), 0))",
}

// aggregateAlias is a test of dbt_expectations about one function.
func aggregateAlias(name, function string) Alias {
	return Alias{
		Name:   expectations + name,
		Rename: map[string]string{"group_by": "group_by_columns", "strictly": "inclusive", "value": "equals"},
		adapt: func(args map[string]project.Value[any]) {
			negate("inclusive")(args)
			args["function"] = project.Value[any]{V: function}
			delete(args, "sigma")
		},
	}
}

var aggregate = Kind{
	Name:  "aggregate",
	Help:  "a figure over all values of a column is within bounds; NULL passes",
	Level: OnColumn,
	Args: []Arg{
		{Name: "function", Type: Text, Required: true, Help: "max, min, sum, mean, stdev, distinct_count or unique_proportion"},
		{Name: "min_value", Type: Scalar, Help: "lower bound: a number, a date, or an expression"},
		{Name: "max_value", Type: Scalar, Help: "upper bound"},
		{Name: "equals", Type: Scalar, Help: "the figure itself"},
		{Name: "inclusive", Type: Bool, Help: "whether the bounds are allowed (default true)"},
		groupBy,
	},
	Aliases: []Alias{
		aggregateAlias("expect_column_max_to_be_between", "max"),
		aggregateAlias("expect_column_min_to_be_between", "min"),
		aggregateAlias("expect_column_sum_to_be_between", "sum"),
		aggregateAlias("expect_column_mean_to_be_between", "mean"),
		aggregateAlias("expect_column_stdev_to_be_between", "stdev"),
		aggregateAlias("expect_column_unique_value_count_to_be_between", "distinct_count"),
		aggregateAlias("expect_column_distinct_count_to_equal", "distinct_count"),
		aggregateAlias("expect_column_proportion_of_unique_values_to_be_between", "unique_proportion"),
	},
	check: func(t *project.Test, args map[string]any) diag.List {
		if f := args["function"].(string); aggregates[f] == "" {
			return diag.List{argValue(t, "function", fmt.Sprintf("%q is not a figure", f), "use "+strings.Join(slices.Sorted(maps.Keys(aggregates)), ", "))}
		}
		return needsOneOf(t, args, "min_value", "max_value", "equals")
	},
	render: func(r *renderer) {
		function := r.text("function")
		figure := fmt.Sprintf(aggregates[function], r.column())
		var conds, claims []string
		bound := func(arg, op, word string) {
			v, ok := r.t.Args[arg]
			if !ok {
				return
			}
			if arg != "equals" && r.flag("inclusive", true) {
				op += "="
			}
			conds = append(conds, fmt.Sprintf("not (%s %s %s)", figure, op, r.limitSQL(v)))
			claims = append(claims, fmt.Sprintf("%s %v", word, v))
		}
		bound("min_value", ">", "at least")
		bound("max_value", "<", "at most")
		bound("equals", "=", "exactly")
		r.aggregate(figure+" as figure", "("+strings.Join(conds, " or ")+")", strings.ReplaceAll(function, "_", " ")+" of "+r.subject()+" is "+strings.Join(claims, " and "))
	},
}

var textLength = Kind{
	Name:  "text_length",
	Help:  "the length of every text is within bounds, in characters; NULL passes",
	Level: OnColumn,
	Args: []Arg{
		{Name: "min", Type: Integer, Help: "at least so many"},
		{Name: "max", Type: Integer, Help: "at most so many"},
		{Name: "equals", Type: Integer, Help: "exactly so many"},
	},
	Aliases: []Alias{
		{Name: expectations + "expect_column_value_lengths_to_equal", Rename: map[string]string{"value": "equals"}},
		{Name: expectations + "expect_column_value_lengths_to_be_between", Rename: map[string]string{"min_value": "min", "max_value": "max"}, Args: []Arg{{Name: "strictly", Type: Bool, Help: "the bounds themselves are not allowed (default false)"}}},
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
				conds = append(conds, fmt.Sprintf("length(%s) %s %d", r.column(), b.wrong, n))
				claims = append(claims, fmt.Sprintf("%s %d", b.word, n))
			}
		}
		r.rows("("+strings.Join(conds, " or ")+")", r.subject()+" has "+strings.Join(claims, " and ")+" characters")
	},
}

var like = Kind{
	Name:  "like",
	Help:  "every value is like a pattern of SQL, with % and _; NULL passes",
	Level: OnColumn,
	Args: []Arg{
		{Name: "pattern", Type: Text, Required: true, Help: "the pattern"},
		{Name: "not", Type: Bool, Help: "no value may be like it (default false)"},
	},
	Aliases: []Alias{
		{Name: expectations + "expect_column_values_to_match_like_pattern", Rename: map[string]string{"like_pattern": "pattern"}},
		{Name: expectations + "expect_column_values_to_not_match_like_pattern", Rename: map[string]string{"like_pattern": "pattern"}, adapt: func(args map[string]project.Value[any]) {
			args["not"] = project.Value[any]{V: true}
		}},
	},
	render: func(r *renderer) {
		cond := r.column() + " like " + r.d.Literal(r.text("pattern"))
		if r.flag("not", false) {
			r.rows(cond, fmt.Sprintf("%s is never like %s", r.subject(), r.text("pattern")))
			return
		}
		r.rows("not ("+cond+")", fmt.Sprintf("%s is like %s", r.subject(), r.text("pattern")))
	},
}

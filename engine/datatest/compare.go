package datatest

import (
	"fmt"
	"strings"
)

var fewerRows = Kind{
	Name:    "fewer_rows_than",
	Help:    "another model has more rows",
	Level:   OnRelation,
	Args:    []Arg{{Name: "compare_model", Type: Ref, Required: true, Help: "the other model: ref('x')"}},
	Aliases: []Alias{{Name: "dbt_utils.fewer_rows_than"}},
	render: func(r *renderer) {
		other := r.other("compare_model")
		r.q.Rows = "select a.n as count_our_model, b.n as count_comparison_model, a.n - b.n + 1 as row_count_delta\n" +
			"from (select count(*) as n from " + r.scan() + ") as a\n" +
			"cross join (select count(*) as n from " + r.in.Read(other) + " as o) as b\n" +
			"where a.n >= b.n"
		// Failures are the rows that are too many, as in dbt_utils.
		if r.q.FailCalc == "" || r.q.FailCalc == countAll {
			r.q.FailCalc = "sum(coalesce(row_count_delta, 0))"
		}
		r.say(r.node() + " has fewer rows than " + other.Name)
	},
}

var cardinalityEquality = Kind{
	Name:  "cardinality_equality",
	Help:  "each value occurs as often as in a column of another model",
	Level: OnColumn,
	Args: []Arg{
		{Name: "to", Type: Ref, Required: true, Help: "the other model: ref('x')"},
		{Name: "field", Type: SQL, Required: true, Help: "its column"},
	},
	Aliases: []Alias{{Name: "dbt_utils.cardinality_equality"}},
	render: func(r *renderer) {
		col, field, to := r.column(), r.name(r.text("field")), r.other("to")
		a := "select " + col + " as value_field, count(*) as num_rows from " + r.scan() + " group by " + col
		b := "select " + field + " as value_field, count(*) as num_rows from " + r.in.Read(to) + " as o group by " + field
		r.q.Rows = "select *\nfrom (\n" + both(a, b) + "\n) as differing"
		r.say(fmt.Sprintf("each value occurs as often in %s as in %q of %s", r.subject(), r.text("field"), to.Name))
	},
}

// both are the rows that only one of two queries has.
func both(a, b string) string {
	return "(" + a + "\nexcept distinct " + b + ")\nunion all\n(" + b + "\nexcept distinct " + a + ")"
}

var equality = Kind{
	Name:  "equality",
	Help:  "another model has the same rows in the columns that are compared; how often a row occurs does not count",
	Level: OnRelation,
	Args: []Arg{
		{Name: "compare_model", Type: Ref, Required: true, Help: "the other model: ref('x')"},
		{Name: "compare_columns", Type: Names, Required: true, Help: "the columns"},
	},
	Aliases: []Alias{{Name: "dbt_utils.equality"}},
	render: func(r *renderer) {
		other := r.other("compare_model")
		cols := r.names(r.strings("compare_columns"))
		a := "select " + cols + " from " + r.scan()
		b := "select " + cols + " from " + r.in.Read(other) + " as o"
		r.q.Rows = "select *\nfrom (\n" + both(a, b) + "\n) as differing"
		r.say(fmt.Sprintf("%s and %s have the same rows in %s", r.node(), other.Name, strings.Join(r.strings("compare_columns"), ", ")))
	},
}

package datatest

import (
	"fmt"

	"github.com/engine-build/engine/engine/project"
)

var expression = Kind{
	Name:  "expression",
	Help:  "an expression is true for every row; NULL passes",
	Level: OnEither,
	Args: []Arg{
		{Name: "expression", Type: SQL, Required: true, Help: "on a relation a whole condition (a + b = c), below a column what follows the column (>= 0)"},
	},
	Aliases: []Alias{
		{Name: "expression_is_true"}, {Name: "dbt_utils.expression_is_true"},
		{Name: expectations + "expression_is_true"},
		{Name: expectations + "expect_column_values_to_be_null", adapt: func(args map[string]project.Value[any]) {
			args["expression"] = project.Value[any]{V: "is null"}
		}},
		{Name: expectations + "expect_column_pair_values_to_be_equal", Args: pairArgs, adapt: pair("=", "=")},
		{Name: expectations + "expect_column_pair_values_A_to_be_greater_than_B", Args: pairArgs, adapt: pair(">", ">=")},
	},
	render: func(r *renderer) {
		text := r.text("expression")
		cond, claim := text, oneLine(text)+" in "+r.node()
		if r.t.Column != "" || r.text(columnName.Name) != "" {
			cond = r.column() + " " + text
			claim = r.subject() + " is " + oneLine(text)
		}
		r.rows("not ("+cond+"\n)", claim)
	},
}

var pairArgs = []Arg{
	{Name: "column_A", Type: SQL, Help: "the one column"},
	{Name: "column_B", Type: SQL, Help: "the other column"},
	{Name: "or_equal", Type: Bool, Help: "equal values pass (default false)"},
}

// pair makes a condition of two columns.
func pair(op, orEqual string) func(map[string]project.Value[any]) {
	return func(args map[string]project.Value[any]) {
		a, b := args["column_A"], args["column_B"]
		if a.V == nil || b.V == nil {
			return // the missing expression is reported
		}
		op := op
		if args["or_equal"].V == true {
			op = orEqual
		}
		args["expression"] = project.Value[any]{V: fmt.Sprintf("%v %s %v", a.V, op, b.V), At: a.At}
		delete(args, "column_A")
		delete(args, "column_B")
		delete(args, "or_equal")
	}
}

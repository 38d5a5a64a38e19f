package datatest

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
)

var valueRange = Kind{
	Name:  "range",
	Help:  "every value is between two bounds; NULL passes",
	Level: OnColumn,
	Args: []Arg{
		{Name: "min_value", Type: Scalar, Help: "lower bound: a number, a date, or an expression"},
		{Name: "max_value", Type: Scalar, Help: "upper bound"},
		{Name: "inclusive", Type: Bool, Help: "whether the bounds are allowed (default true)"},
	},
	Aliases: []Alias{
		{Name: "accepted_range"},
		{Name: "dbt_utils.accepted_range"},
		{Name: "dbt_expectations.expect_column_values_to_be_between", Rename: map[string]string{"strictly": "inclusive"}, adapt: negate("inclusive")},
	},
	check: func(t *project.Test, args map[string]any) diag.List {
		return needsOneOf(t, args, "min_value", "max_value")
	},
	render: func(r *renderer) {
		col := r.column()
		inclusive := r.flag("inclusive", true)
		var conds, claims []string
		bound := func(arg, op, word string) {
			v, ok := r.t.Args[arg]
			if !ok {
				return
			}
			if inclusive {
				op += "="
				word += " or equal to"
			}
			conds = append(conds, fmt.Sprintf("not (%s %s %s)", col, op, r.limitSQL(v)))
			claims = append(claims, fmt.Sprintf("%s %v", word, v))
		}
		bound("min_value", ">", "greater than")
		bound("max_value", "<", "less than")
		r.rows("("+strings.Join(conds, " or ")+")", r.subject()+" is "+strings.Join(claims, " and "))
	},
}

// negate turns a flag around, for aliases that ask the opposite question.
func negate(arg string) func(map[string]project.Value[any]) {
	return func(args map[string]project.Value[any]) {
		if v, ok := args[arg]; ok {
			if b, isBool := v.V.(bool); isBool {
				v.V = !b
				args[arg] = v
			}
		}
	}
}

var dateText = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$`)

// limitSQL writes a bound. Text is an expression, as in dbt, unless it is a bare date, which
// as an expression would be a subtraction.
func (r *renderer) limitSQL(v any) string {
	if s, ok := v.(string); ok {
		if dateText.MatchString(s) {
			return r.d.Literal(s)
		}
		return "(" + s + "\n)"
	}
	return r.d.Literal(v)
}

// needsOneOf reports a test that has none of the arguments.
func needsOneOf(t *project.Test, args map[string]any, of ...string) diag.List {
	for _, name := range of {
		if _, ok := args[name]; ok {
			return nil
		}
	}
	return diag.List{argOneOf(t, of)}
}

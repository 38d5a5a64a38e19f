package datatest

import (
	"fmt"
	"regexp"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
)

var regex = Kind{
	Name:  "regex",
	Help:  "every value has a part that matches a regular expression (RE2); NULL passes",
	Level: OnColumn,
	Args: []Arg{
		{Name: "pattern", Type: Text, Required: true, Help: "the expression; ^ and $ anchor it"},
		{Name: "not", Type: Bool, Help: "no value may match (default false)"},
	},
	Aliases: []Alias{
		{Name: "match_regex", Rename: map[string]string{"regex": "pattern"}},
		{Name: "dbt_expectations.expect_column_values_to_match_regex", Rename: map[string]string{"regex": "pattern"}},
		{Name: "dbt_expectations.expect_column_values_to_not_match_regex", Rename: map[string]string{"regex": "pattern"}, adapt: func(args map[string]project.Value[any]) {
			args["not"] = project.Value[any]{V: true}
		}},
	},
	check: func(t *project.Test, args map[string]any) diag.List {
		if _, err := regexp.Compile(args["pattern"].(string)); err != nil {
			return diag.List{argValue(t, "pattern", err.Error(), "write the pattern in RE2 syntax")}
		}
		return nil
	},
	render: func(r *renderer) {
		col, pattern := r.column(), r.text("pattern")
		match := r.w.Regexp(col, pattern)
		if r.flag("not", false) {
			r.rows(match, fmt.Sprintf("%s never matches %s", r.subject(), pattern))
			return
		}
		r.rows("not ("+match+")", fmt.Sprintf("%s matches %s", r.subject(), pattern))
	},
}

package datatest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
)

var uniqueCombination = Kind{
	Name:  "unique_combination",
	Help:  "no combination of values occurs twice; NULL counts as a value",
	Level: OnRelation,
	Args: []Arg{
		{Name: "combination_of_columns", Type: Names, Required: true, Help: "the columns"},
		{Name: "quote_columns", Type: Bool, Help: "take the names literally even where they look like expressions (default false)"},
		{Name: "ignore_row_if", Type: Text, Help: "never (default), any_value_is_missing or all_values_are_missing: rows that are not looked at"},
	},
	Aliases: []Alias{
		{Name: "unique_combination_of_columns"},
		{Name: "dbt_utils.unique_combination_of_columns"},
		{Name: expectations + "expect_compound_columns_to_be_unique", Rename: map[string]string{"column_list": "combination_of_columns"}, adapt: func(args map[string]project.Value[any]) {
			if args["ignore_row_if"].V == nil {
				args["ignore_row_if"] = project.Value[any]{V: "all_values_are_missing"}
			}
		}},
	},
	check: func(t *project.Test, args map[string]any) diag.List {
		known := []string{"never", "any_value_is_missing", "all_values_are_missing"}
		if s, ok := args["ignore_row_if"].(string); ok && !slices.Contains(known, s) {
			return diag.List{argValue(t, "ignore_row_if", fmt.Sprintf("%q is no rule", s), "use "+strings.Join(known, ", "))}
		}
		return nil
	},
	render: func(r *renderer) {
		list := r.strings("combination_of_columns")
		cols := make([]string, len(list))
		for i, name := range list {
			if r.flag("quote_columns", false) {
				cols[i] = r.d.Ident(name)
			} else {
				cols[i] = r.name(name)
			}
		}
		by := strings.Join(cols, ", ")
		only := ""
		switch r.text("ignore_row_if") {
		case "any_value_is_missing":
			only = strings.Join(cols, " is not null and ") + " is not null"
		case "all_values_are_missing":
			only = strings.Join(cols, " is not null or ") + " is not null"
		}
		r.q.Rows = "select " + by + ", count(*) as n_records\nfrom " + r.scanWhere(only) + "\ngroup by " + by + "\nhaving count(*) > 1"
		r.say("(" + strings.Join(list, ", ") + ") is unique in " + r.node())
	},
}

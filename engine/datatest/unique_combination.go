package datatest

import "strings"

var uniqueCombination = Kind{
	Name:  "unique_combination",
	Help:  "no combination of values occurs twice; NULL counts as a value",
	Level: OnRelation,
	Args: []Arg{
		{Name: "combination_of_columns", Type: Names, Required: true, Help: "the columns"},
		{Name: "quote_columns", Type: Bool, Help: "take the names literally even where they look like expressions (default false)"},
	},
	Aliases: []Alias{
		{Name: "unique_combination_of_columns"},
		{Name: "dbt_utils.unique_combination_of_columns"},
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
		r.q.Rows = "select " + by + ", count(*) as n_records\nfrom " + r.scan() + "\ngroup by " + by + "\nhaving count(*) > 1"
		r.say("(" + strings.Join(list, ", ") + ") is unique in " + r.node())
	},
}

package datatest

import (
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
)

var setArgs = []Arg{
	{Name: "values", Type: List, Required: true, Help: "the values"},
	{Name: "quote", Type: Bool, Help: "write the values as text (default true)"},
}

var setRename = map[string]string{"value_set": "values", "quote_values": "quote"}

var inSet = Kind{
	Name:    "in_set",
	Help:    "every row has one of the values; NULL is none of them, and each row counts",
	Level:   OnColumn,
	Args:    setArgs,
	Aliases: []Alias{{Name: expectations + "expect_column_values_to_be_in_set", Rename: setRename}},
	check:   checkValues,
	render: func(r *renderer) {
		col := r.column()
		written, shown := acceptedLiterals(r)
		r.rows("("+col+" is null or "+col+" not in ("+strings.Join(written, ", ")+"))", r.subject()+" is always one of "+strings.Join(shown, ", "))
	},
}

var notInSet = Kind{
	Name:  "not_in_set",
	Help:  "no row has one of the values; NULL passes",
	Level: OnColumn,
	Args:  setArgs,
	Aliases: []Alias{
		{Name: "not_accepted_values"}, {Name: "dbt_utils.not_accepted_values"},
		{Name: expectations + "expect_column_values_to_not_be_in_set", Rename: setRename},
	},
	check: checkValues,
	render: func(r *renderer) {
		written, shown := acceptedLiterals(r)
		r.rows(r.column()+" in ("+strings.Join(written, ", ")+")", r.subject()+" is none of "+strings.Join(shown, ", "))
	},
}

// checkValues is the check of accepted_values, whose argument these share.
func checkValues(t *project.Test, args map[string]any) diag.List {
	return acceptedValues.check(t, args)
}

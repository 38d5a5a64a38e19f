package datatest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
)

var acceptedValues = Kind{
	Name:  "accepted_values",
	Help:  "every value is one of a list; NULL passes",
	Level: OnColumn,
	Args: []Arg{
		{Name: "values", Type: List, Required: true, Help: "the accepted values"},
		{Name: "quote", Type: Bool, Help: "write the values as text (default true)"},
	},
	check: func(t *project.Test, args map[string]any) diag.List {
		for _, v := range args["values"].([]any) {
			switch v.(type) {
			case nil, string, bool, int64, float64:
			default:
				return diag.List{argValue(t, "values", fmt.Sprintf("%v is not a single value", v), "list numbers, texts, true or false")}
			}
		}
		if !slices.ContainsFunc(args["values"].([]any), func(v any) bool { return v != nil }) {
			return diag.List{argValue(t, "values", "the list has no value but null", "list the accepted values")}
		}
		return nil
	},
	render: func(r *renderer) {
		col := r.column()
		written, shown := acceptedLiterals(r)
		cond := col + " not in (" + strings.Join(written, ", ") + ")"
		r.q.Rows = "select " + col + " as value_field, count(*) as n_records\nfrom " + r.scan() + "\nwhere " + cond + "\ngroup by " + col
		// Failures are the distinct values, as in dbt.
		r.count("count(distinct case when "+cond+" then "+col+" end)", r.subject()+" is one of "+strings.Join(shown, ", "))
	},
}

// acceptedLiterals are the values in SQL and for people. NULL passes anyway.
func acceptedLiterals(r *renderer) (written, shown []string) {
	list, _ := r.t.Args["values"].([]any)
	for _, v := range list {
		if v == nil {
			continue
		}
		text := fmt.Sprint(v)
		if r.flag("quote", true) {
			written = append(written, r.d.Literal(text))
		} else {
			written = append(written, text)
		}
		if _, isText := v.(string); isText {
			text = fmt.Sprintf("%q", text)
		}
		shown = append(shown, text)
	}
	return written, shown
}

package datatest

var atLeastOne = Kind{
	Name:    "at_least_one",
	Help:    "at least one row has a value",
	Level:   OnColumn,
	Args:    []Arg{groupBy},
	Aliases: []Alias{{Name: "dbt_utils.at_least_one"}},
	render: func(r *renderer) {
		count := "count(" + r.column() + ")"
		r.aggregate(count+" as n_values", count+" = 0", r.subject()+" has at least one value")
	},
}

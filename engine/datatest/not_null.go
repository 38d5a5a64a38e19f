package datatest

var notNull = Kind{
	Name:    "not_null",
	Help:    "every row has a value",
	Level:   OnColumn,
	Aliases: []Alias{{Name: "dbt_expectations.expect_column_values_to_not_be_null"}},
	render: func(r *renderer) {
		r.rows(r.column()+" is null", r.subject()+" is never null")
	},
}

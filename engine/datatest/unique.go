package datatest

var unique = Kind{
	Name:    "unique",
	Help:    "no value occurs twice; NULL is not a value",
	Level:   OnColumn,
	Aliases: []Alias{{Name: expectations + "expect_column_values_to_be_unique"}},
	render: func(r *renderer) {
		col := r.column()
		r.q.Rows = "select " + col + " as unique_field, count(*) as n_records\nfrom " + r.scan() +
			"\nwhere " + col + " is not null\ngroup by " + col + "\nhaving count(*) > 1"
		r.say(r.subject() + " is unique")
	},
}

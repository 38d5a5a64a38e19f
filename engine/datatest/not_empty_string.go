package datatest

var notEmptyString = Kind{
	Name:  "not_empty_string",
	Help:  "no value is the empty text; NULL passes",
	Level: OnColumn,
	Args: []Arg{
		{Name: "trim_whitespace", Type: Bool, Help: "count text of nothing but spaces as empty (default true)"},
	},
	Aliases: []Alias{{Name: "dbt_utils.not_empty_string"}},
	render: func(r *renderer) {
		col := r.column()
		if r.flag("trim_whitespace", true) {
			col = "trim(" + col + ")"
		}
		r.rows(col+" = ''", r.subject()+" is never empty")
	},
}

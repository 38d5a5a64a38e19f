package datatest

var expression = Kind{
	Name:  "expression",
	Help:  "an expression is true for every row; NULL passes",
	Level: OnEither,
	Args: []Arg{
		{Name: "expression", Type: SQL, Required: true, Help: "on a relation a whole condition (a + b = c), below a column what follows the column (>= 0)"},
	},
	Aliases: []Alias{{Name: "expression_is_true"}, {Name: "dbt_utils.expression_is_true"}},
	render: func(r *renderer) {
		text := r.text("expression")
		cond, claim := text, oneLine(text)+" in "+r.node()
		if r.t.Column != "" {
			cond = r.column() + " " + text
			claim = r.subject() + " is " + oneLine(text)
		}
		r.rows("not ("+cond+"\n)", claim)
	},
}

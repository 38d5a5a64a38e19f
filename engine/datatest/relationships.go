package datatest

import "fmt"

var relationships = Kind{
	Name:  "relationships",
	Help:  "every value occurs in a column of another model; NULL passes",
	Level: OnColumn,
	Args: []Arg{
		{Name: "to", Type: Ref, Required: true, Help: "the other model: ref('x') or source('a', 'b')"},
		{Name: "field", Type: SQL, Required: true, Help: "its column"},
		{Name: "from_condition", Type: SQL, Help: "only these rows are looked at"},
		{Name: "to_condition", Type: SQL, Help: "only these rows of the other model count"},
	},
	Aliases: []Alias{{Name: "relationships_where"}, {Name: "dbt_utils.relationships_where"}},
	render: func(r *renderer) {
		col, to := r.column(), r.other("to")
		only := ""
		if c := r.text("to_condition"); c != "" {
			only = " where (" + c + "\n)"
		}
		r.q.Rows = "select child.from_field\n" +
			"from (select " + col + " as from_field from " + r.scanWhere(r.text("from_condition")) + " where " + col + " is not null) as child\n" +
			"left join (select " + r.name(r.text("field")) + " as to_field from " + r.in.Read(to) + " as p" + only + ") as parent\n" +
			"  on child.from_field = parent.to_field\n" +
			"where parent.to_field is null"
		r.say(fmt.Sprintf("%s occurs in %q of %s", r.subject(), r.text("field"), to.Name))
	},
}

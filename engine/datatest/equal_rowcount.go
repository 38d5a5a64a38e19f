package datatest

var equalRowcount = Kind{
	Name:    "equal_rowcount",
	Help:    "another model has the same number of rows",
	Level:   OnRelation,
	Args:    []Arg{{Name: "compare_model", Type: Ref, Required: true, Help: "the other model: ref('x')"}},
	Aliases: []Alias{{Name: "dbt_utils.equal_rowcount"}, {Name: expectations + "expect_table_row_count_to_equal_other_table"}},
	render: func(r *renderer) {
		other := r.other("compare_model")
		r.q.Rows = "select a.n as count_a, b.n as count_b, abs(a.n - b.n) as diff_count\n" +
			"from (select count(*) as n from " + r.scan() + ") as a\n" +
			"cross join (select count(*) as n from " + r.in.Read(other) + " as o) as b\n" +
			"where a.n <> b.n"
		// Failures are the rows that one of them lacks, as in dbt_utils.
		if r.q.FailCalc == "" || r.q.FailCalc == countAll {
			r.q.FailCalc = "sum(coalesce(diff_count, 0))"
		}
		r.say(r.node() + " has as many rows as " + other.Name)
	},
}

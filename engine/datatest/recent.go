package datatest

import "fmt"

var recent = Kind{
	Name:    "recent",
	Help:    "some row is recent; rows in the future do not count, and no rows are as old as 1970",
	Level:   OnColumn,
	Args:    recencyArgs[1:3],
	Clock:   true,
	Aliases: []Alias{{Name: expectations + "expect_row_values_to_have_recent_data"}},
	check:   checkDatepart,
	render: func(r *renderer) {
		unit, n := r.text("datepart"), r.t.Args["interval"].(int64)
		at := r.w.Cast(r.column(), r.w.Timestamp())
		newest := "max(case when " + at + " <= " + r.w.Now() + " then " + at + " end)"
		oldest := r.w.Ago(days(unit, n))
		r.aggregate(newest+" as max_timestamp", "coalesce("+newest+", "+r.w.Cast(r.d.Literal("1970-01-01 00:00:00"), r.w.Timestamp())+") < "+oldest, fmt.Sprintf("a row of %s is at most %d %s old by %q", r.node(), n, plural(n, unit), r.columnText()))
	},
}

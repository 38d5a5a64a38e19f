package datatest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
)

var sequentialValues = Kind{
	Name:  "sequential_values",
	Help:  "in the order of the column, each value is the one before it plus an interval; NULL passes",
	Level: OnColumn,
	Args: []Arg{
		{Name: "interval", Type: Integer, Help: "the step (default 1)"},
		{Name: "datepart", Type: Text, Help: "of times: second, minute, hour, day, week, month, quarter or year; without it the column is a number"},
		groupBy,
	},
	Aliases: []Alias{{Name: "dbt_utils.sequential_values"}},
	check: func(t *project.Test, args map[string]any) diag.List {
		if _, ok := args["interval"]; !ok {
			args["interval"] = int64(1)
		}
		if _, ok := args["datepart"]; ok {
			return checkDatepart(t, args)
		}
		return nil
	},
	render: func(r *renderer) {
		names, step := r.strings(groupBy.Name), r.t.Args["interval"].(int64)
		partition, unit := "", ""
		if len(names) > 0 {
			partition = "partition by " + r.names(names) + " "
		}
		col := r.column()
		steps := "this_value = previous_value + " + fmt.Sprint(step)
		if unit = r.text("datepart"); unit != "" {
			n, by := days(unit, step)
			steps = r.w.Cast("this_value", r.w.Timestamp()) + " = " + r.w.Later("previous_value", n, by)
			unit = " " + plural(step, unit)
		}
		r.q.Rows = "select *\nfrom (select " + col + " as this_value, lag(" + col + ") over (" + partition + "order by " + col + ") as previous_value from " + r.scan() + ") as windowed\nwhere not (" + steps + ")"
		claim := fmt.Sprintf("%s goes up by %d%s", r.subject(), step, unit)
		if len(names) > 0 {
			claim += " in each group of " + strings.Join(names, ", ")
		}
		r.say(claim)
	},
}

// gapRules are how the end of a range and the beginning of the next one compare.
var gapRules = map[string]string{"allowed": "<=", "not_allowed": "=", "required": "<"}

var mutuallyExclusiveRanges = Kind{
	Name:  "mutually_exclusive_ranges",
	Help:  "ranges from one column to another do not overlap, and each ends after it begins; NULL fails",
	Level: OnRelation,
	Args: []Arg{
		{Name: "lower_bound_column", Type: SQL, Required: true, Help: "where a range begins"},
		{Name: "upper_bound_column", Type: SQL, Required: true, Help: "where it ends"},
		{Name: "partition_by", Type: SQL, Help: "ranges with equal values here are compared with each other"},
		{Name: "gaps", Type: Text, Help: "allowed (default), not_allowed or required between two ranges"},
		{Name: "zero_length_range_allowed", Type: Bool, Help: "a range may end where it begins (default false)"},
	},
	Aliases: []Alias{{Name: "dbt_utils.mutually_exclusive_ranges"}},
	check: func(t *project.Test, args map[string]any) diag.List {
		known := []string{"allowed", "not_allowed", "required"}
		if s, ok := args["gaps"].(string); ok && !slices.Contains(known, s) {
			return diag.List{argValue(t, "gaps", fmt.Sprintf("%q is no rule", s), "use "+strings.Join(known, ", "))}
		}
		return nil
	},
	render: func(r *renderer) {
		low, high := r.name(r.text("lower_bound_column")), r.name(r.text("upper_bound_column"))
		gaps, length, partition := "<=", "<", ""
		if s := r.text("gaps"); s != "" {
			gaps = gapRules[s]
		}
		if r.flag("zero_length_range_allowed", false) {
			length = "<="
		}
		if s := r.text("partition_by"); s != "" {
			partition = "partition by " + s + " " // a list of expressions, too
		}
		r.q.Rows = "select *\nfrom (\n" +
			"  select " + low + " as lower_bound, " + high + " as upper_bound,\n" +
			"    lead(" + low + ") over (" + partition + "order by " + low + ", " + high + ") as next_lower_bound,\n" +
			"    row_number() over (" + partition + "order by " + low + " desc, " + high + " desc) = 1 as is_last_record\n" +
			"  from " + r.scan() + "\n) as ranges\n" +
			"where not (coalesce(lower_bound " + length + " upper_bound, false) and coalesce(upper_bound " + gaps + " next_lower_bound, is_last_record, false))"
		r.say(fmt.Sprintf("ranges from %q to %q of %s do not overlap", r.text("lower_bound_column"), r.text("upper_bound_column"), r.node()))
	},
}

package datatest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
)

var recencyArgs = []Arg{
	{Name: "field", Type: SQL, Required: true, Help: "the timestamp or date column"},
	{Name: "datepart", Type: Text, Required: true, Help: "second, minute, hour, day, week, month, quarter or year"},
	{Name: "interval", Type: Integer, Required: true, Help: "how many of them the newest row may be old"},
	{Name: "ignore_time_component", Type: Bool, Help: "compare days, without the time of the day (default false)"},
}

var recency = Kind{
	Name:    "recency",
	Help:    "the newest row is recent; a relation without rows passes",
	Level:   OnRelation,
	Args:    append(slices.Clone(recencyArgs), groupBy),
	Clock:   true,
	Aliases: []Alias{{Name: "dbt_utils.recency"}},
	check:   checkDatepart,
	render:  func(r *renderer) { r.newest("%s < %s") },
}

// freshness is recency for relations that must not be empty: dbt's test passes for those.
var freshness = Kind{
	Name:   "freshness",
	Help:   "there are rows, and the newest one is recent",
	Level:  OnRelation,
	Args:   recencyArgs,
	Clock:  true,
	check:  checkDatepart,
	render: func(r *renderer) { r.newest("%[1]s is null or %[1]s < %[2]s") },
}

// newest compares the newest value of field with the oldest allowed.
func (r *renderer) newest(stale string) {
	unit, n := r.text("datepart"), r.t.Args["interval"].(int64)
	newest := r.w.Cast("max("+r.name(r.text("field"))+")", r.w.Timestamp())
	oldest := r.w.Ago(days(unit, n))
	if r.flag("ignore_time_component", false) {
		newest, oldest = r.w.Cast(newest, "date"), r.w.Cast(oldest, "date")
	}
	claim := fmt.Sprintf("the newest %q of %s is at most %d %s old", r.text("field"), r.node(), n, plural(n, unit))
	r.aggregate(newest+" as most_recent, "+oldest+" as threshold", "("+fmt.Sprintf(stale, newest, oldest)+")", claim)
}

// days turns weeks, which not every warehouse can subtract, into days.
func days(unit string, n int64) (int, string) {
	if unit == "week" {
		return int(n) * 7, "day"
	}
	return int(n), unit
}

func plural(n int64, unit string) string {
	if n == 1 {
		return unit
	}
	return unit + "s"
}

func checkDatepart(t *project.Test, args map[string]any) diag.List {
	parts := []string{"second", "minute", "hour", "day", "week", "month", "quarter", "year"}
	part := strings.TrimSuffix(strings.ToLower(args["datepart"].(string)), "s")
	args["datepart"] = part
	for _, p := range parts {
		if p == part {
			if n := args["interval"].(int64); n < 0 || n > 1_000_000 {
				return diag.List{argValue(t, "interval", fmt.Sprintf("%d is not a sensible number of %ss", n, part), "write a number from 0 to 1000000")}
			}
			return nil
		}
	}
	return diag.List{argValue(t, "datepart", fmt.Sprintf("%q is not a date part", args["datepart"]), "use second, minute, hour, day, week, month, quarter or year")}
}

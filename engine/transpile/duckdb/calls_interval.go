package duckdb

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// Intervals and ranges.
//
// INTERVAL is DuckDB's INTERVAL, which has the same three parts (months, days and
// microseconds) and compares the same way (a month is 30 days, a day 24 hours). Nanoseconds
// do not exist there. What keeps the parts apart in arithmetic with fractions is a Go
// function over the three numbers, which gives a list of three.
//
// A RANGE is a struct of "start" and "end" whose NULL is unbounded.

func intervalMacros() []macro {
	return []macro{
		{"interval_months", "i", `year(i) * 12 + month(i)`},
		{"interval_micros", "i", `hour(i) * 3600000000 + minute(i) * 60000000 + microsecond(i)`},
		{"interval_of", "parts", `list_transform([parts], lambda p: CASE WHEN p IS NOT NULL THEN to_months(CAST(p[1] AS INTEGER)) + to_days(CAST(p[2] AS INTEGER)) + to_microseconds(p[3]) END)[1]`},
		// x if it is between -most and most, else an overflow.
		{"within", "x, most", `CAST((CAST(x + most AS UBIGINT) + (18446744073709551615::UBIGINT - CAST(2 * most AS UBIGINT))) - (18446744073709551615::UBIGINT - CAST(2 * most AS UBIGINT)) AS BIGINT) - most`},
		{"months_interval", "n", `to_months(CAST(_engine.within(n, 120000) AS INTEGER))`},
		{"days_interval", "n", `to_days(CAST(_engine.within(n, 3660000) AS INTEGER))`},
		{"micros_interval", "n", `to_microseconds(_engine.within(n, 316224000000000000))`},
		{"make_interval", "y, mo, d, h, mi, s", `_engine.months_interval(y * 12 + mo) + _engine.days_interval(d) + _engine.micros_interval(h * 3600000000 + mi * 60000000 + s * 1000000)`},
		{"cast_interval_string", "i", `engine_interval_text(_engine.interval_months(i), day(i), _engine.interval_micros(i))`},
		{"cast_string_interval", "s", `_engine.interval_of(engine_interval_of_string(s))`},
		{"safe_cast_string_interval", "s", `_engine.interval_of(engine_safe_interval_of_string(s))`},
		{"timestamp_plus_interval", "t, i", `CASE WHEN _engine.interval_months(i) <> 0 THEN make_timestamptz(CAST('TIMESTAMP +/- INTERVAL is not supported for intervals with non-zero MONTH or YEAR part: ' || i AS BIGINT)) ELSE _engine.timestamp_of_micros(epoch_us(t) + day(i) * 86400000000 + _engine.interval_micros(i)) END`},
		// A range whose start is not before its end fails by a cast: that is not volatile, so that TRY applies.
		{"range_of", "a, b", `CASE WHEN CASE WHEN a >= b THEN CAST('Range start element must be smaller than range end element: [' || a || ', ' || b || ')' AS BOOLEAN) ELSE TRUE END THEN {'start': a, 'end': b} END`},
		{"range_start_unbounded", "r", `CASE WHEN r IS NOT NULL THEN struct_extract(r, 'start') IS NULL END`},
		{"range_end_unbounded", "r", `CASE WHEN r IS NOT NULL THEN struct_extract(r, 'end') IS NULL END`},
		{"range_contains", "r, x", `CASE WHEN r IS NOT NULL AND x IS NOT NULL THEN coalesce(struct_extract(r, 'start') <= x, TRUE) AND coalesce(x < struct_extract(r, 'end'), TRUE) END`},
		{"range_covers", "r, s", `CASE WHEN r IS NOT NULL AND s IS NOT NULL THEN (struct_extract(r, 'start') IS NULL OR coalesce(struct_extract(r, 'start') <= struct_extract(s, 'start'), FALSE)) AND (struct_extract(r, 'end') IS NULL OR coalesce(struct_extract(s, 'end') <= struct_extract(r, 'end'), FALSE)) END`},
		{"range_overlaps", "r, s", `CASE WHEN r IS NOT NULL AND s IS NOT NULL THEN coalesce(struct_extract(r, 'start') < struct_extract(s, 'end'), TRUE) AND coalesce(struct_extract(s, 'start') < struct_extract(r, 'end'), TRUE) END`},
		{"range_intersect", "r, s", `CASE WHEN CASE WHEN NOT _engine.range_overlaps(r, s) THEN CAST('Provided RANGE inputs do not overlap: ' || r || ' and ' || s AS BOOLEAN) ELSE r IS NOT NULL AND s IS NOT NULL END THEN {'start': greatest(struct_extract(r, 'start'), struct_extract(s, 'start')), 'end': least(struct_extract(r, 'end'), struct_extract(s, 'end'))} END`},
	}
}

// intervalParts are the three numbers of an interval text.
func (c *Call) intervalParts(i string) []string {
	return []string{c.g.macro("interval_months", i), "day(" + i + ")", c.g.macro("interval_micros", i)}
}

// overParts calls a Go function over the parts of an interval that gives an interval.
func (c *Call) overParts(name, interval string, more ...string) string {
	return c.letText(interval, func(i string) string {
		return c.g.macro("interval_of", c.goFunc(name, append(c.intervalParts(i), more...)...))
	})
}

func intervalRules() map[string]Rule {
	return map[string]Rule{
		"$interval":        intervalOf,
		"make_interval":    makeInterval,
		"justify_hours":    func(c *Call) string { return c.overParts("justify_hours", c.Typed(0)) },
		"justify_days":     func(c *Call) string { return c.overParts("justify_days", c.Typed(0)) },
		"justify_interval": func(c *Call) string { return c.overParts("justify_interval", c.Typed(0)) },

		"range": func(c *Call) string { return c.g.macro("range_of", c.Typed(0), c.Typed(1)) },
		"range_start": func(c *Call) string {
			c.SafeDone()
			return "struct_extract(" + c.Typed(0) + ", 'start')"
		},
		"range_end": func(c *Call) string {
			c.SafeDone()
			return "struct_extract(" + c.Typed(0) + ", 'end')"
		},
		"range_is_start_unbounded": func(c *Call) string { c.SafeDone(); return c.g.macro("range_start_unbounded", c.Typed(0)) },
		"range_is_end_unbounded":   func(c *Call) string { c.SafeDone(); return c.g.macro("range_end_unbounded", c.Typed(0)) },
		"range_contains": func(c *Call) string {
			c.SafeDone()
			if c.Kind(1) == ir.Range {
				return c.g.macro("range_covers", c.Typed(0), c.Typed(1))
			}
			return c.g.macro("range_contains", c.Typed(0), c.Typed(1))
		},
		"range_overlaps": func(c *Call) string {
			c.SafeDone()
			return c.g.macro("range_overlaps", c.Typed(0), c.Typed(1))
		},
		"range_intersect":      func(c *Call) string { return c.g.macro("range_intersect", c.Typed(0), c.Typed(1)) },
		"generate_range_array": generateRanges,
	}
}

// intervalOf is INTERVAL n part, where n is not a literal.
func intervalOf(c *Call) string {
	if c.Kind(0) != ir.Int64 || c.Len() > 2 && !c.IsNull(2) {
		return c.Refuse("over " + c.Type(0).String())
	}
	part := c.part(1)
	if n, ok := monthUnits[part]; ok {
		return c.g.macro("months_interval", c.scaled(0, n))
	}
	n, ok := timeUnits[part]
	switch {
	case !ok:
		return c.refusePart(part)
	case n >= timeUnits["DAY"]:
		return c.g.macro("days_interval", c.scaled(0, n/timeUnits["DAY"]))
	}
	return c.g.macro("micros_interval", c.scaled(0, n))
}

func makeInterval(c *Call) string {
	args := c.typedArgs()
	for len(args) < 6 {
		args = append(args, "0")
	}
	return c.g.macro("make_interval", args...)
}

// intervalPart is EXTRACT(part FROM interval).
func (c *Call) intervalPart(x, part string) string {
	c.SafeDone()
	switch part {
	case "YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND":
		return strings.ToLower(part) + "(" + x + ")"
	case "MILLISECOND":
		return "millisecond(" + x + ") % 1000"
	case "MICROSECOND":
		return "microsecond(" + x + ") % 1000000"
	case "NANOSECOND":
		return "microsecond(" + x + ") % 1000000 * 1000"
	}
	return c.refusePart(part)
}

// plusInterval moves a date or time by an interval; the result is a TIMESTAMP of DuckDB for
// a DATE, as it is a DATETIME in GoogleSQL.
func (c *Call) plusInterval(x string, kind ir.Kind, interval, op string) string {
	switch kind {
	case ir.Date, ir.Datetime:
		return c.g.macro("datetime_in_range", operand(x, transpile.PrecAdd)+" "+op+" "+operand(interval, transpile.PrecMultiply))
	case ir.Timestamp:
		if op == "-" {
			interval = "-" + operand(interval, transpile.PrecAtom)
		}
		return c.letText(interval, func(i string) string { return c.g.macro("timestamp_plus_interval", x, i) })
	}
	return c.Refuse("over " + c.Type(0).String() + " and " + c.Type(1).String())
}

// overTime is the rule of an operator over dates, times, intervals and ranges
// ($add, $subtract, $multiply, $divide), nil if there is none.
func overTime(name string) Rule {
	switch name {
	case "$add", "$subtract":
		return timeSum
	case "$multiply", "$divide":
		return intervalProduct
	}
	return nil
}

func timeSum(c *Call) string {
	op, sign := "+", int64(1)
	if c.Node.Name == "$subtract" {
		op, sign = "-", -1
	}
	x, y := c.Kind(0), c.Kind(1)
	switch {
	case x == ir.Date && y == ir.Int64:
		return c.g.macro("date_plus_days", c.Typed(0), c.scaled(1, sign))
	case x == ir.Int64 && y == ir.Date && sign > 0:
		return c.g.macro("date_plus_days", c.Typed(1), c.scaled(0, 1))
	case x == ir.Interval && y == ir.Interval:
		return operand(c.Typed(0), transpile.PrecAdd) + " " + op + " " + operand(c.Typed(1), transpile.PrecMultiply)
	case y == ir.Interval:
		return c.plusInterval(c.Typed(0), x, c.Typed(1), op)
	case x == ir.Interval && sign > 0:
		return c.plusInterval(c.Typed(1), y, c.Typed(0), op)
	case sign < 0 && x == y && x == ir.Date:
		return "to_days(CAST(" + operand(c.Typed(0), transpile.PrecAdd) + " - " + operand(c.Typed(1), transpile.PrecMultiply) + " AS INTEGER))"
	case sign < 0 && x == y && (x == ir.Datetime || x == ir.Timestamp || x == ir.Time):
		return "to_microseconds(epoch_us(" + c.Typed(0) + ") - epoch_us(" + c.Typed(1) + "))"
	}
	return c.Refuse("over " + c.Type(0).String() + " and " + c.Type(1).String())
}

func intervalProduct(c *Call) string {
	i, n := 0, 1
	if c.Kind(0) != ir.Interval {
		i, n = 1, 0
	}
	if c.Kind(i) != ir.Interval {
		return c.Refuse("over " + c.Type(0).String() + " and " + c.Type(1).String())
	}
	switch {
	case c.Node.Name == "$divide" && i == 0 && isInt(c.Kind(1)):
		return c.overParts("interval_divide", c.Typed(0), c.Typed(1))
	case c.Node.Name == "$multiply" && isInt(c.Kind(n)):
		return c.overParts("interval_multiply", c.Typed(i), c.Typed(n))
	case c.Node.Name == "$multiply" && isFloat(c.Kind(n)):
		return c.overParts("interval_scale", c.Typed(i), Cast(c.Typed(n), "DOUBLE"))
	}
	return c.Refuse("over " + c.Type(0).String() + " and " + c.Type(1).String())
}

// generateRanges is GENERATE_RANGE_ARRAY(range, step [, include_last_partial_range]).
func generateRanges(c *Call) string {
	elem := c.Type(0).Elem
	if elem == nil {
		return c.Refuse("over " + c.Type(0).String())
	}
	last := "TRUE"
	if c.Len() > 2 {
		last = c.Typed(2)
	}
	made := map[ir.Kind]string{ir.Date: "CAST(make_timestamp(%) AS DATE)", ir.Datetime: "make_timestamp(%)", ir.Timestamp: "make_timestamptz(%)"}[elem.Kind]
	if made == "" {
		return c.Refuse("over " + c.Type(0).String())
	}
	bounds := c.letText(c.Typed(0), func(r string) string {
		return c.letText(c.Typed(1), func(i string) string {
			args := append([]string{
				"epoch_us(struct_extract(" + r + ", 'start'))", "epoch_us(struct_extract(" + r + ", 'end'))",
				quote(elem.String()), "coalesce(" + r + " IS NULL, FALSE)",
			}, c.intervalParts(i)...)
			return c.goFunc("range_bounds", append(args, last)...)
		})
	})
	at := func(index string) string { return strings.ReplaceAll(made, "%", "b["+index+"]") }
	return "list_transform([" + bounds + "], lambda b: list_transform(range(1, len(b)), lambda n: {'start': " + at("n") + ", 'end': " + at("n + 1") + "}))[1]"
}

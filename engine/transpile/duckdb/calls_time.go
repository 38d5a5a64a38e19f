package duckdb

import (
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/function"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// Dates and times.
//
// DATE is DATE, DATETIME is TIMESTAMP, TIMESTAMP is TIMESTAMPTZ. A TIMESTAMP is worked on
// as its microseconds (epoch_us and make_timestamptz): casts between TIMESTAMPTZ and
// TIMESTAMP go through the session's time zone, and are twenty times slower.
//
// DuckDB's ranges are wider than 0001-01-01 to 9999-12-31. Where a result may leave that
// range a macro checks it by arithmetic that overflows, so that the value is computed
// once, nothing is volatile, and TRY applies.
//
// The wall clock of a named zone is DuckDB's (ICU); the instant of a wall clock is a Go
// function, as ICU takes the second of two instants a clock shows twice, GoogleSQL the first.

// timeUnits are the lengths of date parts in microseconds, as far as they are fixed.
var timeUnits = map[string]int64{
	"MICROSECOND": 1, "MILLISECOND": 1e3, "SECOND": 1e6, "MINUTE": 60e6, "HOUR": 3600e6, "DAY": 86400e6, "WEEK": 7 * 86400e6,
}

// monthUnits are the lengths of date parts in months.
var monthUnits = map[string]int64{"MONTH": 1, "QUARTER": 3, "YEAR": 12}

// timeMacros are the macros of this file.
func timeMacros() []macro {
	return []macro{
		// Day and microsecond numbers, checked. 4291315237 is 2^32 less the 3652059 days from
		// 0001-01-01 to 9999-12-31; the other one is 2^64 less the microseconds of these days.
		{"date_of_day", "n", `DATE '0001-01-01' + CAST((CAST(n AS UINTEGER) + 4291315237::UINTEGER) - 4291315237::UINTEGER AS INTEGER)`},
		{"micros_in_range", "us", `CAST((CAST(us + 62135596800000000 AS UBIGINT) + 18131206176109551616::UBIGINT) - 18131206176109551616::UBIGINT AS BIGINT) - 62135596800000000`},
		{"date_in_range", "d", `_engine.date_of_day(d - DATE '0001-01-01')`},
		{"datetime_of_micros", "us", `make_timestamp(_engine.micros_in_range(us))`},
		{"timestamp_of_micros", "us", `make_timestamptz(_engine.micros_in_range(us))`},
		{"datetime_in_range", "t", `_engine.datetime_of_micros(epoch_us(t))`},
		{"date_plus_days", "d, n", `_engine.date_of_day((d - DATE '0001-01-01') + n)`},
		{"date_plus_months", "d, n", `_engine.date_in_range(CAST(d + to_months(CAST(n AS INTEGER)) AS DATE))`},
		{"datetime_plus", "t, us", `_engine.datetime_of_micros(epoch_us(t) + us)`},
		{"datetime_plus_months", "t, n", `_engine.datetime_in_range(t + to_months(CAST(n AS INTEGER)))`},
		{"timestamp_plus", "t, us", `_engine.timestamp_of_micros(epoch_us(t) + us)`},
		// The last day of a month is the last day of another one; any other day is kept.
		{"add_months", "d, n", `CASE WHEN d = last_day(d) THEN last_day(_engine.date_plus_months(d, n)) ELSE _engine.date_plus_months(d, n) END`},
		{"months_between", "a, b", `CASE WHEN day(a) = day(b) OR (CAST(a AS DATE) = last_day(a) AND CAST(b AS DATE) = last_day(b)) THEN CAST(date_diff('month', b, a) AS DOUBLE) ELSE (31 * date_diff('month', b, a) + (day(a) - day(b)) + ((epoch_us(a) + 62135596800000000) % 86400000000 - (epoch_us(b) + 62135596800000000) % 86400000000) / 86400000000) / 31 END`},
		// The number of the week of a day; weeks begin k days before a Monday.
		{"week_number", "d, k", `(d - DATE '0001-01-01' + k) // 7`},
		{"week_start", "d, k", `_engine.date_of_day(_engine.week_number(d, k) * 7 - k)`},
		{"week_end", "d, k", `_engine.date_of_day(_engine.week_number(d, k) * 7 - k + 6)`},
		{"isoyear_start", "d", `_engine.week_start(make_date(isoyear(d), 1, 4), 0)`},
		{"isoyear_end", "d", `_engine.date_of_day(_engine.week_number(make_date(isoyear(d) + 1, 1, 4), 0) * 7 - 1)`},
		// The week of a year: 0 before the year's first day of the week that k names, 0 for Sunday.
		{"week_of_year", "d, k", `(dayofyear(d) + 6 - (dayofweek(d) + 7 - k) % 7) // 7`},
		// How many whole units lie between 0001-01-01 and a time: rounds down before 1970, too.
		{"units", "us, unit", `(us + 62135596800000000) // unit`},
		{"datetime_trunc", "t, unit", `make_timestamp(_engine.units(epoch_us(t), unit) * unit - 62135596800000000)`},
		{"timestamp_trunc", "t, unit", `make_timestamptz(_engine.units(epoch_us(t), unit) * unit - 62135596800000000)`},
		{"time_trunc", "t, unit", `TIME '00:00:00' + to_microseconds(epoch_us(t) // unit * unit)`},
		{"epoch_units", "t, unit", `_engine.units(epoch_us(t), unit) - 62135596800000000 // unit`},
		{"datetime_of_timestamp", "t", `make_timestamp(epoch_us(t))`},
		{"timestamp_of_datetime", "t", `make_timestamptz(epoch_us(t))`},
		{"time_of_micros", "us", `TIME '00:00:00' + to_microseconds(us)`},
		{"date_of_epoch_day", "n", `DATE '1970-01-01' + CAST(n AS INTEGER)`},
		{"epoch_day", "d", `d - DATE '1970-01-01'`},
		// Texts: the fraction has 0, 3 or 6 digits. strftime does not vary with the session.
		{"datetime_text", "t", `CASE WHEN epoch_us(t) % 1000000 = 0 THEN strftime(t, '%Y-%m-%d %H:%M:%S') WHEN epoch_us(t) % 1000 = 0 THEN strftime(t, '%Y-%m-%d %H:%M:%S.%g') ELSE strftime(t, '%Y-%m-%d %H:%M:%S.%f') END`},
		{"cast_date_string", "d", `strftime(d, '%Y-%m-%d')`},
		{"cast_datetime_string", "t", `_engine.datetime_text(t)`},
		{"cast_time_string", "t", `substr(_engine.datetime_text(DATE '2000-01-01' + t), 12)`},
		{"cast_timestamp_string", "t, zone", `CASE WHEN zone = 'UTC' THEN _engine.datetime_text(make_timestamp(epoch_us(t))) || '+00' ELSE engine_timestamp_to_string(epoch_us(t), zone) END`},
		// Text of the usual form is read by DuckDB, which reads many others, too; the rest by Go.
		{"cast_string_date", "s", `CASE WHEN regexp_full_match(s, '[0-9]{4}-[0-9]{2}-[0-9]{2}') AND s >= '0001' THEN CAST(s AS DATE) ELSE _engine.date_of_epoch_day(engine_date_of_string(s)) END`},
		{"cast_string_datetime", "s", `CASE WHEN regexp_full_match(s, '[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}:[0-5][0-9]([.][0-9]{1,6})?)?') AND s >= '0001' AND substr(s, 12, 2) <> '24' THEN CAST(s AS TIMESTAMP) ELSE make_timestamp(engine_datetime_of_string(s)) END`},
		{"cast_string_time", "s", `_engine.time_of_micros(engine_time_of_string(s))`},
		{"cast_string_timestamp", "s, zone", `make_timestamptz(CASE WHEN zone = 'UTC' AND regexp_full_match(s, '[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-5][0-9]([.][0-9]{1,6})?(Z|[+]00| UTC)?') AND s >= '0001' AND substr(s, 12, 2) <> '24' THEN epoch_us(CAST(regexp_extract(s, '^[^Z+U]*[0-9]') AS TIMESTAMP)) ELSE engine_timestamp_of_string(s, zone) END)`},
		{"safe_cast_string_date", "s", `CASE WHEN regexp_full_match(s, '[0-9]{4}-[0-9]{2}-[0-9]{2}') AND s >= '0001' THEN TRY_CAST(s AS DATE) ELSE _engine.date_of_epoch_day(engine_safe_date_of_string(s)) END`},
		{"safe_cast_string_datetime", "s", `make_timestamp(engine_safe_datetime_of_string(s))`},
		{"safe_cast_string_time", "s", `_engine.time_of_micros(engine_safe_time_of_string(s))`},
		{"safe_cast_string_timestamp", "s, zone", `make_timestamptz(engine_safe_timestamp_of_string(s, zone))`},
		{"cast_date_datetime", "d", `CAST(d AS TIMESTAMP)`},
		{"cast_datetime_date", "t", `CAST(t AS DATE)`},
		{"cast_datetime_time", "t", `CAST(t AS TIME)`},
		{"cast_timestamp_datetime", "t, zone", `make_timestamp(CASE WHEN zone = 'UTC' THEN epoch_us(t) ELSE engine_timestamp_local(epoch_us(t), zone) END)`},
		{"cast_timestamp_date", "t, zone", `CAST(_engine.cast_timestamp_datetime(t, zone) AS DATE)`},
		{"cast_timestamp_time", "t, zone", `CAST(_engine.cast_timestamp_datetime(t, zone) AS TIME)`},
		{"cast_datetime_timestamp", "t, zone", `make_timestamptz(CASE WHEN zone = 'UTC' THEN epoch_us(t) ELSE engine_timestamp_instant(epoch_us(t), zone) END)`},
		{"cast_date_timestamp", "d, zone", `_engine.cast_datetime_timestamp(CAST(d AS TIMESTAMP), zone)`},
		{"datetime_of_parts", "y, mo, d, h, mi, s", `CASE WHEN s < 60 THEN make_timestamp(y, mo, d, h, mi, CAST(s AS DOUBLE)) ELSE make_timestamp(y, 13, d, h, mi, CAST(s AS DOUBLE)) END`},
	}
}

// timeRules are the functions on dates and times by the analyzer's names.
func timeRules() map[string]Rule {
	rules := map[string]Rule{
		"current_timestamp": func(c *Call) string { c.SafeDone(); return "current_timestamp" },
		"current_datetime":  func(c *Call) string { return c.local("current_timestamp", c.zoneAt(0)) },
		"current_date":      func(c *Call) string { return Cast(c.local("current_timestamp", c.zoneAt(0)), "DATE") },
		"current_time":      func(c *Call) string { return Cast(c.local("current_timestamp", c.zoneAt(0)), "TIME") },

		"date":      dateOf,
		"datetime":  datetimeOf,
		"time":      timeOf,
		"timestamp": timestampOf,

		"add_months": func(c *Call) string {
			switch c.Kind(0) {
			case ir.Date:
				return c.g.macro("add_months", c.Typed(0), c.Typed(1))
			case ir.Datetime:
				return c.Let(0, func(v string) string {
					return c.g.macro("add_months", "CAST("+v+" AS DATE)", c.Typed(1)) + " + CAST(" + v + " AS TIME)"
				})
			}
			return c.Refuse("over " + c.Type(0).String())
		},
		"months_between": func(c *Call) string {
			c.SafeDone()
			return c.g.macro("months_between", c.Typed(0), c.Typed(1))
		},
		"next_day": func(c *Call) string {
			day := c.Typed(0)
			if c.Kind(0) == ir.Datetime {
				day = Cast(day, "DATE")
			}
			return c.g.macro("date_of_epoch_day", c.Func("next_day", c.g.macro("epoch_day", day), c.Typed(1)))
		},
		"last_day": lastDay,

		"$extract":          extract,
		"$extract_date":     func(c *Call) string { return c.extractPart("DATE", 1) },
		"$extract_time":     func(c *Call) string { return c.extractPart("TIME", 1) },
		"$extract_datetime": func(c *Call) string { return c.extractPart("DATETIME", 1) },

		"unix_date":           func(c *Call) string { c.SafeDone(); return c.g.macro("epoch_day", c.Typed(0)) },
		"date_from_unix_date": func(c *Call) string { return c.g.macro("date_plus_days", "DATE '1970-01-01'", c.Args[0]) },
		"unix_seconds":        func(c *Call) string { c.SafeDone(); return c.g.macro("epoch_units", c.Typed(0), "1000000") },
		"unix_millis":         func(c *Call) string { c.SafeDone(); return c.g.macro("epoch_units", c.Typed(0), "1000") },
		"unix_micros":         func(c *Call) string { c.SafeDone(); return "epoch_us(" + c.Typed(0) + ")" },

		"string": func(c *Call) string {
			if c.Kind(0) == ir.JSON {
				return stringOfJSON(c)
			}
			return timeText(c)
		},

		"generate_date_array":      generateDates,
		"generate_timestamp_array": generateTimestamps,
		"generate_datetime_array":  generateTimestamps,
	}
	for name, unit := range map[string]string{"seconds": "1000000", "millis": "1000", "micros": "1"} {
		rule := func(c *Call) string {
			if c.Kind(0) == ir.Timestamp {
				c.SafeDone()
				return c.Typed(0)
			}
			if unit == "1" {
				return c.g.macro("timestamp_of_micros", c.Typed(0))
			}
			return c.g.macro("timestamp_of_micros", operand(c.Typed(0), transpile.PrecMultiply)+" * "+unit)
		}
		rules["timestamp_"+name] = rule
		rules["timestamp_from_unix_"+name] = rule
	}
	for _, kind := range []string{"date", "datetime", "time", "timestamp"} {
		rules[kind+"_add"] = func(c *Call) string { return c.shifted(1) }
		rules[kind+"_sub"] = func(c *Call) string { return c.shifted(-1) }
		rules[kind+"_diff"] = difference
		rules[kind+"_trunc"] = truncTime
		rules[kind+"_bucket"] = bucket
	}
	delete(rules, "time_bucket")
	return rules
}

// zoneRef is a time zone a call names, or the statement's own.
type zoneRef struct {
	text  string // as SQL
	name  string // if known
	known bool
}

// zoneAt is the zone the i-th argument names, the statement's own if there is no such argument.
func (c *Call) zoneAt(i int) zoneRef {
	if i >= c.Len() || c.Kind(i) != ir.String {
		return zoneRef{text: quote(c.Zone()), name: c.Zone(), known: true}
	}
	if name, ok := c.Text(i); ok {
		return zoneRef{text: quote(name), name: name, known: true}
	}
	return zoneRef{text: c.Typed(i)}
}

// offset is the zone's constant offset in microseconds.
func (z zoneRef) offset() (int64, bool) {
	if !z.known {
		return 0, false
	}
	seconds, ok := function.ZoneOffset(z.name)
	return seconds * 1e6, ok
}

// local is the wall clock, a DuckDB TIMESTAMP, of a TIMESTAMPTZ in a zone.
func (c *Call) local(ts string, z zoneRef) string {
	if offset, ok := z.offset(); ok {
		if offset == 0 {
			return c.g.macro("datetime_of_timestamp", ts)
		}
		return c.g.macro("datetime_of_micros", "epoch_us("+ts+") + "+number(offset))
	}
	if z.known && function.ValidZone(z.name) {
		return c.g.macro("datetime_in_range", "timezone("+z.text+", "+ts+")")
	}
	return "make_timestamp(" + c.goFunc("timestamp_local", "epoch_us("+ts+")", z.text) + ")"
}

// instant is the TIMESTAMPTZ of a wall clock in a zone.
func (c *Call) instant(dt string, z zoneRef) string {
	if offset, ok := z.offset(); ok {
		if offset == 0 {
			return c.g.macro("timestamp_of_datetime", dt)
		}
		return c.g.macro("timestamp_of_micros", "epoch_us("+dt+") - "+number(offset))
	}
	return "make_timestamptz(" + c.goFunc("timestamp_instant", "epoch_us("+dt+")", z.text) + ")"
}

// goFunc calls a Go function as a part of a text that may fail elsewhere, too: the
// safe variant in a SAFE call, without saying that the whole is safe.
func (c *Call) goFunc(name string, args ...string) string {
	if c.Safe {
		name = function.Safe + name
	}
	return c.g.function(name, args...)
}

// number writes an integer as an operand.
func number(n int64) string {
	if n < 0 {
		return "(" + strconv.FormatInt(n, 10) + ")"
	}
	return strconv.FormatInt(n, 10)
}

// part is the date part the i-th argument names: WEEK_MONDAY for WEEK(MONDAY).
func (c *Call) part(i int) string {
	if i >= c.Len() {
		return ""
	}
	name, _ := c.Text(i)
	name = strings.ToUpper(name)
	if rest, ok := strings.CutPrefix(name, "WEEK("); ok {
		name = "WEEK_" + strings.TrimSuffix(rest, ")")
	}
	return name
}

// weekShift is by how many days weeks of a part begin before a Monday.
func weekShift(part string) (days int, ok bool) {
	switch part {
	case "WEEK", "WEEK_SUNDAY":
		return 1, true
	case "ISOWEEK", "WEEK_MONDAY":
		return 0, true
	case "WEEK_TUESDAY":
		return 6, true
	case "WEEK_WEDNESDAY":
		return 5, true
	case "WEEK_THURSDAY":
		return 4, true
	case "WEEK_FRIDAY":
		return 3, true
	case "WEEK_SATURDAY":
		return 2, true
	}
	return 0, false
}

func (c *Call) refusePart(part string) string {
	return c.RefuseWhat(strings.ToUpper(strings.TrimPrefix(c.Node.Name, "$"))+" by "+part, "over "+c.Type(0).String())
}

// scaled is an INT64 argument times a constant.
func (c *Call) scaled(i int, by int64) string {
	if v, ok := c.Value(i); ok && !v.Null {
		if product := v.Int * by; by == 0 || product/by == v.Int && v.Int != -1<<63 {
			return strconv.FormatInt(product, 10)
		}
	}
	switch by {
	case 1:
		return c.Typed(i)
	case -1:
		return "-" + operand(c.Typed(i), transpile.PrecAtom)
	}
	return operand(c.Typed(i), transpile.PrecMultiply) + " * " + number(by)
}

// shifted is x_ADD and x_SUB: the first argument moved by the second times the part.
func (c *Call) shifted(sign int64) string {
	if c.Kind(1) == ir.Interval {
		op := "+"
		if sign < 0 {
			op = "-"
		}
		return c.plusInterval(c.Args[0], c.Kind(0), c.Args[1], op)
	}
	part := c.part(2)
	months, byMonths := monthUnits[part]
	micros, fixed := timeUnits[part]
	switch c.Kind(0) {
	case ir.Date:
		switch {
		case part == "DAY" || part == "WEEK":
			return c.g.macro("date_plus_days", c.Typed(0), c.scaled(1, sign*micros/timeUnits["DAY"]))
		case byMonths:
			return c.g.macro("date_plus_months", c.Typed(0), c.scaled(1, sign*months))
		}
	case ir.Datetime:
		switch {
		case fixed:
			return c.g.macro("datetime_plus", c.Typed(0), c.scaled(1, sign*micros))
		case byMonths:
			return c.g.macro("datetime_plus_months", c.Typed(0), c.scaled(1, sign*months))
		}
	case ir.Timestamp:
		if fixed && part != "WEEK" {
			return c.g.macro("timestamp_plus", c.Typed(0), c.scaled(1, sign*micros))
		}
	case ir.Time:
		if fixed && micros < timeUnits["DAY"] {
			// Times go around the clock; reduced first, as the product may overflow.
			c.SafeDone()
			return operand(c.Typed(0), transpile.PrecAdd) + " + to_microseconds(" + operand(c.Typed(1), transpile.PrecMultiply) + " % " + number(timeUnits["DAY"]/micros) + " * " + number(sign*micros) + ")"
		}
	}
	return c.refusePart(part)
}

// difference is x_DIFF. Between instants it is the whole units in between; between dates
// and wall clocks the boundaries of the part that are crossed.
func difference(c *Call) string {
	c.SafeDone()
	part := c.part(2)
	unit, fixed := timeUnits[part]
	subDay := fixed && unit < timeUnits["DAY"]
	minus := func(a, b string) string {
		return operand(a, transpile.PrecAdd) + " - " + operand(b, transpile.PrecMultiply)
	}
	switch c.Kind(0) {
	case ir.Timestamp:
		if !fixed || part == "WEEK" {
			break
		}
		text := minus("epoch_us("+c.Typed(0)+")", "epoch_us("+c.Typed(1)+")")
		if unit == 1 {
			return text
		}
		return "(" + text + ") // " + number(unit)
	case ir.Time:
		if !subDay {
			break
		}
		a, b := "epoch_us("+c.Typed(0)+")", "epoch_us("+c.Typed(1)+")"
		if unit == 1 {
			return minus(a, b)
		}
		return a + " // " + number(unit) + " - " + b + " // " + number(unit)
	case ir.Date, ir.Datetime:
		a, b := c.Typed(0), c.Typed(1)
		switch {
		case c.Kind(1) != c.Kind(0):
			return c.Refuse("over " + c.Type(0).String() + " and " + c.Type(1).String())
		case subDay && c.Kind(0) == ir.Datetime:
			if unit == 1 {
				return minus("epoch_us("+a+")", "epoch_us("+b+")")
			}
			return c.g.macro("units", "epoch_us("+a+")", number(unit)) + " - " + c.g.macro("units", "epoch_us("+b+")", number(unit))
		case subDay:
			return c.refusePart(part)
		}
		if c.Kind(0) == ir.Datetime {
			a, b = Cast(a, "DATE"), Cast(b, "DATE")
		}
		if part == "DAY" {
			return minus(a, b)
		}
		if _, ok := monthUnits[part]; ok {
			return "date_diff('" + strings.ToLower(part) + "', " + b + ", " + a + ")"
		}
		if part == "ISOYEAR" {
			return "isoyear(" + a + ") - isoyear(" + b + ")"
		}
		if shift, ok := weekShift(part); ok {
			return c.g.macro("week_number", a, itoa(shift)) + " - " + c.g.macro("week_number", b, itoa(shift))
		}
	}
	return c.refusePart(part)
}

// truncDate truncates a DATE text.
func (c *Call) truncDate(day, part string) (string, bool) {
	if part == "DAY" {
		return day, true
	}
	if _, ok := monthUnits[part]; ok {
		return Cast("date_trunc('"+strings.ToLower(part)+"', "+day+")", "DATE"), true
	}
	if part == "ISOYEAR" {
		return c.g.macro("isoyear_start", day), true
	}
	if shift, ok := weekShift(part); ok {
		return c.g.macro("week_start", day, itoa(shift)), true
	}
	return "", false
}

// truncClock truncates a DuckDB TIMESTAMP text.
func (c *Call) truncClock(t, part string) (string, bool) {
	if part == "MICROSECOND" {
		return t, true
	}
	if unit, ok := timeUnits[part]; ok && part != "WEEK" {
		return c.g.macro("datetime_trunc", t, number(unit)), true
	}
	if _, ok := monthUnits[part]; ok {
		return "date_trunc('" + strings.ToLower(part) + "', " + t + ")", true
	}
	day, ok := c.truncDate(Cast(t, "DATE"), part)
	return Cast(day, "TIMESTAMP"), ok
}

// truncTime is x_TRUNC.
func truncTime(c *Call) string {
	part := c.part(1)
	switch c.Kind(0) {
	case ir.Date:
		if text, ok := c.truncDate(c.Typed(0), part); ok {
			return text
		}
	case ir.Datetime:
		if text, ok := c.truncClock(c.Typed(0), part); ok {
			return text
		}
	case ir.Time:
		if part == "MICROSECOND" {
			return c.Typed(0)
		}
		if unit, ok := timeUnits[part]; ok && unit < timeUnits["DAY"] {
			return c.g.macro("time_trunc", c.Typed(0), number(unit))
		}
	case ir.Timestamp:
		if part == "MICROSECOND" && c.Len() < 3 {
			return c.Typed(0)
		}
		z := c.zoneAt(2)
		if offset, ok := z.offset(); ok && offset == 0 {
			if unit, ok := timeUnits[part]; ok && part != "WEEK" {
				return c.g.macro("timestamp_trunc", c.Typed(0), number(unit))
			}
			if text, ok := c.truncClock(c.local(c.Typed(0), z), part); ok {
				return c.instant(text, z)
			}
			break
		}
		if _, isWeek := weekShift(part); isWeek || timeUnits[part] > 0 || monthUnits[part] > 0 || part == "ISOYEAR" {
			return "make_timestamptz(" + c.goFunc("timestamp_trunc", "epoch_us("+c.Typed(0)+")", quote(part), z.text) + ")"
		}
	}
	return c.refusePart(part)
}

func lastDay(c *Call) string {
	part := "MONTH"
	if c.Len() > 1 {
		part = c.part(1)
	}
	day := c.Typed(0)
	if c.Kind(0) == ir.Datetime {
		day = Cast(day, "DATE")
	} else if c.Kind(0) != ir.Date {
		return c.Refuse("over " + c.Type(0).String())
	}
	switch part {
	case "MONTH":
		return "last_day(" + day + ")"
	case "QUARTER":
		return "last_day(date_trunc('quarter', " + day + ") + INTERVAL 2 MONTH)"
	case "YEAR":
		return "last_day(date_trunc('year', " + day + ") + INTERVAL 11 MONTH)"
	case "ISOYEAR":
		return c.g.macro("isoyear_end", day)
	}
	if shift, ok := weekShift(part); ok {
		return c.g.macro("week_end", day, itoa(shift))
	}
	return c.refusePart(part)
}

func extract(c *Call) string { return c.extractPart(c.part(1), 2) }

// extractPart is EXTRACT(part FROM x [AT TIME ZONE z]); the zone is argument zoneArg.
func (c *Call) extractPart(part string, zoneArg int) string {
	x, kind := c.Typed(0), c.Kind(0)
	if kind == ir.Timestamp {
		if part == "MICROSECOND" || part == "MILLISECOND" || part == "NANOSECOND" {
			x = c.g.macro("datetime_of_timestamp", x)
			if z := c.zoneAt(zoneArg); !z.known || !function.ValidZone(z.name) {
				x = c.local(c.Typed(0), z)
			}
		} else {
			x = c.local(x, c.zoneAt(zoneArg))
		}
		kind = ir.Datetime
	}
	if kind == ir.Interval {
		return c.intervalPart(x, part)
	}
	if kind != ir.Date && kind != ir.Datetime && kind != ir.Time {
		return c.Refuse("over " + c.Type(0).String())
	}
	if kind == ir.Date {
		c.SafeDone()
	}
	switch part {
	case "DATE":
		return Cast(x, "DATE")
	case "TIME":
		return Cast(x, "TIME")
	case "DATETIME":
		return Cast(x, "TIMESTAMP")
	case "YEAR", "QUARTER", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "DAYOFYEAR", "ISOYEAR":
		return strings.ToLower(part) + "(" + x + ")"
	case "DAYOFWEEK":
		return "dayofweek(" + x + ") + 1"
	case "ISOWEEK":
		return "week(" + x + ")"
	case "MILLISECOND":
		return "millisecond(" + x + ") % 1000"
	case "MICROSECOND":
		return "microsecond(" + x + ") % 1000000"
	case "NANOSECOND":
		return "microsecond(" + x + ") % 1000000 * 1000"
	}
	if shift, ok := weekShift(part); ok {
		return c.g.macro("week_of_year", x, itoa((8-shift)%7))
	}
	return c.refusePart(part)
}

func dateOf(c *Call) string {
	switch c.Kind(0) {
	case ir.Int64:
		return c.g.macro("date_in_range", "make_date("+strings.Join(c.typedArgs(), ", ")+")")
	case ir.Date:
		c.SafeDone()
		return c.Typed(0)
	case ir.Datetime:
		c.SafeDone()
		return Cast(c.Typed(0), "DATE")
	case ir.Timestamp:
		return Cast(c.local(c.Typed(0), c.zoneAt(1)), "DATE")
	case ir.String:
		return Cast(c.local(c.castTo(0, ir.Timestamp), c.zoneAt(1)), "DATE")
	}
	return c.Refuse("over " + c.Type(0).String())
}

func datetimeOf(c *Call) string {
	switch c.Kind(0) {
	case ir.Int64:
		return c.g.macro("datetime_in_range", c.g.macro("datetime_of_parts", c.typedArgs()...))
	case ir.Date:
		if c.Len() > 1 && c.Kind(1) == ir.Time {
			c.SafeDone()
			return operand(c.Typed(0), transpile.PrecAdd) + " + " + operand(c.Typed(1), transpile.PrecMultiply)
		}
		c.SafeDone()
		return Cast(c.Typed(0), "TIMESTAMP")
	case ir.Datetime:
		c.SafeDone()
		return c.Typed(0)
	case ir.Timestamp:
		return c.local(c.Typed(0), c.zoneAt(1))
	case ir.String:
		return c.castTo(0, ir.Datetime)
	}
	return c.Refuse("over " + c.Type(0).String())
}

func timeOf(c *Call) string {
	switch c.Kind(0) {
	case ir.Int64:
		args := c.typedArgs()
		if len(args) == 3 {
			args[2] = Cast(args[2], "DOUBLE")
		}
		return "CAST(make_timestamp(2000, 1, 1, " + strings.Join(args, ", ") + ") AS TIME)"
	case ir.Time:
		c.SafeDone()
		return c.Typed(0)
	case ir.Datetime:
		c.SafeDone()
		return Cast(c.Typed(0), "TIME")
	case ir.Timestamp:
		return Cast(c.local(c.Typed(0), c.zoneAt(1)), "TIME")
	case ir.String:
		return c.castTo(0, ir.Time)
	}
	return c.Refuse("over " + c.Type(0).String())
}

func timestampOf(c *Call) string {
	switch c.Kind(0) {
	case ir.String:
		if c.Len() > 1 {
			return "make_timestamptz(" + c.goFunc("timestamp_of_string_in", c.Typed(0), c.zoneAt(1).text) + ")"
		}
		return c.castTo(0, ir.Timestamp)
	case ir.Date:
		return c.instant(Cast(c.Typed(0), "TIMESTAMP"), c.zoneAt(1))
	case ir.Datetime:
		return c.instant(c.Typed(0), c.zoneAt(1))
	case ir.Timestamp:
		c.SafeDone()
		return c.Typed(0)
	}
	return c.Refuse("over " + c.Type(0).String())
}

// castTo is an argument cast to a kind.
func (c *Call) castTo(i int, k ir.Kind) string {
	return c.CastText(c.Typed(i), c.Type(i), &ir.Type{Kind: k})
}

func (c *Call) typedArgs() []string {
	args := make([]string, c.Len())
	for i := range args {
		args[i] = c.Typed(i)
	}
	return args
}

// timeText is STRING(x [, zone]) over a date or time.
func timeText(c *Call) string {
	if c.Kind(0) != ir.Timestamp || c.Len() < 2 {
		return c.ToText(0)
	}
	z := c.zoneAt(1)
	if offset, ok := z.offset(); ok && offset == 0 {
		return c.g.macro("cast_timestamp_string", c.Typed(0), "'UTC'")
	}
	return c.Func("timestamp_to_string", "epoch_us("+c.Typed(0)+")", z.text)
}

// bucket is x_BUCKET(x, interval [, origin]); the default origin is 1950-01-01.
func bucket(c *Call) string {
	at := func(i int) string {
		return "epoch_us(" + c.Typed(i) + ")"
	}
	switch c.Kind(0) {
	case ir.Date, ir.Datetime, ir.Timestamp:
	default:
		return c.Refuse("over " + c.Type(0).String())
	}
	origin := "-631152000000000" // 1950-01-01
	if c.Kind(0) == ir.Timestamp {
		if offset, ok := c.zoneAt(3).offset(); !ok || offset != 0 {
			origin = "epoch_us(" + c.instant("TIMESTAMP '1950-01-01 00:00:00'", c.zoneAt(3)) + ")"
		}
	}
	if c.Len() > 2 {
		origin = at(2)
	}
	us := c.letText(c.Typed(1), func(i string) string {
		return c.goFunc("bucket", append([]string{at(0), origin, quote(c.Type(0).String())}, c.intervalParts(i)...)...)
	})
	switch c.Kind(0) {
	case ir.Date:
		return Cast("make_timestamp("+us+")", "DATE")
	case ir.Datetime:
		return "make_timestamp(" + us + ")"
	}
	return "make_timestamptz(" + us + ")"
}

// generateDates is GENERATE_DATE_ARRAY(start, end [, step, part]).
func generateDates(c *Call) string {
	part := "DAY"
	if c.Len() > 3 {
		part = c.part(3)
	}
	first, last := c.g.macro("epoch_day", c.Typed(0)), c.g.macro("epoch_day", c.Typed(1))
	step := "1"
	literal := c.Len() < 3
	if c.Len() > 2 {
		v, ok := c.Value(2)
		literal = ok && !v.Null && v.Int != 0
	}
	var days string
	switch {
	case literal && (part == "DAY" || part == "WEEK"):
		by := timeUnits[part] / timeUnits["DAY"]
		step = number(by)
		if c.Len() > 2 {
			step = c.scaled(2, by)
		}
		days = "generate_series(" + first + ", " + last + ", " + step + ")"
	case part == "DAY" || part == "WEEK" || monthUnits[part] > 0:
		if c.Len() > 2 {
			step = c.Typed(2)
		}
		days = c.goFunc("generate_date_array", first, last, step, quote(part))
	default:
		return c.refusePart(part)
	}
	return "list_transform(" + days + ", lambda n: " + c.g.macro("date_of_epoch_day", "n") + ")"
}

// generateTimestamps is GENERATE_TIMESTAMP_ARRAY(start, end, step, part), and the same for DATETIME.
func generateTimestamps(c *Call) string {
	part := c.part(3)
	unit, fixed := timeUnits[part]
	first, last := "epoch_us("+c.Typed(0)+")", "epoch_us("+c.Typed(1)+")"
	kind := c.Kind(0)
	var micros string
	v, ok := c.Value(2)
	switch {
	case kind != ir.Timestamp && kind != ir.Datetime, kind == ir.Timestamp && !fixed, kind == ir.Timestamp && part == "WEEK", !fixed && monthUnits[part] == 0:
		return c.refusePart(part)
	case fixed && ok && !v.Null && v.Int != 0:
		micros = "generate_series(" + first + ", " + last + ", " + c.scaled(2, unit) + ")"
	default:
		micros = c.goFunc("generate_micros_array", first, last, c.Typed(2), quote(part))
	}
	make := "make_timestamp"
	if kind == ir.Timestamp {
		make = "make_timestamptz"
	}
	return "list_transform(" + micros + ", lambda n: " + make + "(n))"
}

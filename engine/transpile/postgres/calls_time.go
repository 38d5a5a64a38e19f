package postgres

import (
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/function"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// Dates and times.
//
// PostgreSQL's ranges are wider than 0001-01-01 to 9999-12-31: where a result may leave
// that range a function checks it. A timestamptz is worked on as the wall clock of UTC.
//
// The clock of a named zone is PostgreSQL's from 1920 on; before that zones had offsets
// with seconds, which the two read otherwise.

// timeUnits are the lengths of date parts in microseconds, as far as they are fixed.
var timeUnits = map[string]int64{
	"MICROSECOND": 1, "MILLISECOND": 1e3, "SECOND": 1e6, "MINUTE": 60e6, "HOUR": 3600e6, "DAY": 86400e6, "WEEK": 7 * 86400e6,
}

// monthUnits are the lengths of date parts in months.
var monthUnits = map[string]int64{"MONTH": 1, "QUARTER": 3, "YEAR": 12}

func timeRoutines() []routine {
	r := func(name, params, result, body string) routine {
		return routine{name: name, params: params, result: result, body: body}
	}
	block := func(name, params, result, body string) routine {
		return routine{name: name, params: params, result: result, block: true, body: body}
	}
	return []routine{
		block("in_range", "d date", "date", "BEGIN IF d NOT BETWEEN '0001-01-01' AND '9999-12-31' THEN "+raise("'date out of range'")+" END IF; RETURN d; END"),
		block("in_range", "t timestamp", "timestamp", "BEGIN IF t NOT BETWEEN '0001-01-01' AND '9999-12-31 23:59:59.999999' THEN "+raise("'datetime or timestamp out of range'")+" END IF; RETURN t; END"),
		block("date_of_day", "n bigint", "date", "BEGIN IF n NOT BETWEEN -719162 AND 2932896 THEN "+raise("'date out of range'")+" END IF; RETURN '1970-01-01'::date + n::integer; END"),
		r("day_of_date", "d date", "bigint", "(d - '1970-01-01'::date)::bigint"),
		// Microseconds since 1970: extract(epoch …) is inexact before PostgreSQL 14.
		r("micros", "t timestamp", "bigint", "(t::date - '1970-01-01'::date)::bigint * 86400000000 + (extract(hour FROM t)::bigint * 60 + extract(minute FROM t)::bigint) * 60000000 + extract(microseconds FROM t)::bigint"),
		r("micros", "t time", "bigint", "(extract(hour FROM t)::bigint * 60 + extract(minute FROM t)::bigint) * 60000000 + extract(microseconds FROM t)::bigint"),
		block("of_micros", "n numeric", "timestamp", "BEGIN IF n NOT BETWEEN -62135596800000000 AND 253402300799999999 THEN "+raise("'datetime or timestamp out of range'")+" END IF; RETURN '1970-01-01'::timestamp + div(n, 86400000000)::integer * '1 day'::interval + mod(n, 86400000000)::bigint * '1 microsecond'::interval; END"),
		r("floor_div", "a bigint, b bigint", "bigint", "a / b - CASE WHEN a % b < 0 THEN 1 ELSE 0 END"),
		block("plus_months", "t timestamp, n bigint", "timestamp", "BEGIN IF abs(n) > 120000 THEN "+raise("'datetime or timestamp out of range'")+" END IF; RETURN _engine.in_range(t + n::integer * '1 month'::interval); END"),
		// The number of the week of a day; weeks begin k days before a Monday. 1969-12-29 was one.
		r("week_number", "d date, k integer", "bigint", "_engine.floor_div((d - '0001-01-01'::date + k)::bigint, 7)"),
		r("week_start", "d date, k integer", "date", "_engine.date_of_day(_engine.week_number(d, k) * 7 - k - 719162)"),
		r("isoyear_start", "d date", "date", "_engine.in_range(date_trunc('week', make_date(extract(isoyear FROM d)::integer, 1, 4)::timestamp)::date)"),
		r("trunc_micros", "t timestamp, unit bigint", "timestamp", "_engine.of_micros((_engine.floor_div(_engine.micros(t) + 62135596800000000, unit) * unit - 62135596800000000)::numeric)"),
		r("trunc_time", "t time, unit bigint", "time", "'00:00'::time + _engine.micros(t) / unit * unit * '1 microsecond'::interval"),
		r("datetime_text", "t timestamp", "text", "to_char(t, 'YYYY-MM-DD HH24:MI:SS') || CASE WHEN extract(microseconds FROM t)::bigint % 1000000 = 0 THEN '' WHEN extract(microseconds FROM t)::bigint % 1000 = 0 THEN to_char(t, '.MS') ELSE to_char(t, '.US') END"),
		r("time_text", "t time", "text", "substr(_engine.datetime_text('2000-01-01'::date + t), 12)"),
		block("text_date", "s text", "date", "DECLARE m text[]; BEGIN IF s IS NULL THEN RETURN NULL; END IF; m := regexp_match(s, '^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})$'); IF m IS NULL OR m[1] = '0000' THEN "+raise("'Invalid date: ' || s")+" END IF; RETURN make_date(m[1]::integer, m[2]::integer, m[3]::integer); END"),
		block("text_datetime", "s text", "timestamp", "DECLARE m text[]; BEGIN IF s IS NULL THEN RETURN NULL; END IF; m := regexp_match(s, '^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[ Tt]([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2}(?:[.][0-9]{1,6})?))?$'); IF m IS NULL OR m[1] = '0000' OR m[4]::integer > 23 OR m[5]::integer > 59 THEN "+raise("'Invalid datetime string ' || s")+" END IF; IF left(m[6], 2) = '60' THEN RETURN _engine.refused('a leap second', NULL::timestamp); END IF; RETURN make_timestamp(m[1]::integer, m[2]::integer, m[3]::integer, coalesce(m[4], '0')::integer, coalesce(m[5], '0')::integer, 0) + coalesce(m[6], '0')::numeric * '1 second'::interval; END"),
		block("text_time", "s text", "time", "DECLARE m text[]; BEGIN IF s IS NULL THEN RETURN NULL; END IF; m := regexp_match(s, '^([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2}(?:[.][0-9]{1,6})?)$'); IF m IS NULL OR m[1]::integer > 23 OR m[2]::integer > 59 OR m[3]::numeric >= 61 THEN "+raise("'Invalid time string ' || s")+" END IF; IF left(m[3], 2) = '60' THEN RETURN _engine.refused('a leap second', NULL::time); END IF; RETURN s::time; END"),
		// UTC by default; a zone that is named is refused, as its text may be many things.
		block("text_timestamp", "s text", "timestamptz", "DECLARE m text[]; t timestamp; o integer; BEGIN IF s IS NULL THEN RETURN NULL; END IF; m := regexp_match(s, '^([0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[ Tt][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:[.][0-9]{1,6})?)?)(.*)$'); IF m IS NULL OR left(m[1], 4) = '0000' THEN IF s ~ '^[0-9]{5}' THEN RETURN _engine.refused('a year of five digits', NULL::timestamptz); END IF; "+raise("'Invalid timestamp: ' || s")+" END IF; t := _engine.text_datetime(m[1]); IF m[2] IN ('', 'Z', 'z', '+00', '-00', '+00:00', ' UTC') THEN RETURN t AT TIME ZONE 'UTC'; END IF; IF m[2] ~ '^ [A-Za-z_]+(/[A-Za-z0-9_+-]+)+$' THEN RETURN _engine.zone_instant(t, substr(m[2], 2)); END IF; IF m[2] !~ '^( UTC)?[+-]|^ [A-Za-z]' THEN "+raise("'Invalid timestamp: ' || s")+" END IF; m := regexp_match(m[2], '^(?: UTC)?([+-])([0-9]{2})(?::?([0-9]{2}))?$'); IF m IS NULL OR m[2]::integer > 13 OR m[3]::integer > 59 THEN RETURN _engine.refused('this form of a time zone in a text', NULL::timestamptz); END IF; o := (m[1] || '1')::integer * (m[2]::integer * 60 + coalesce(m[3], '0')::integer); RETURN _engine.in_range(t - o * '1 minute'::interval) AT TIME ZONE 'UTC'; END"),
		// The wall clock of a named zone, and the instant of one: the first of two where the
		// clock shows a time twice.
		r("zone_clock", "t timestamptz, zone text", "timestamp", "CASE WHEN t < '1920-01-02' OR t > '2037-01-01' THEN _engine.refused('a named time zone before 1920 or after 2036', NULL::timestamp) ELSE t AT TIME ZONE zone END"),
		block("zone_instant", "t timestamp, zone text", "timestamptz", "DECLARE r timestamptz; u timestamptz; BEGIN IF t IS NULL THEN RETURN NULL; END IF; IF t < '1920-01-02' OR t > '2037-01-01' THEN RETURN _engine.refused('a named time zone before 1920 or after 2036', NULL::timestamptz); END IF; r := t AT TIME ZONE zone; IF r AT TIME ZONE zone <> t THEN RETURN _engine.refused('a wall clock that its zone skips', r); END IF; FOR i IN REVERSE 12..1 LOOP u := r - i * '15 minutes'::interval; IF u AT TIME ZONE zone = t THEN RETURN u; END IF; END LOOP; RETURN r; END"),
		// A zone that is computed: UTC, an offset, or a name of the form Area/Place.
		block("zone_offset", "zone text", "interval", "DECLARE m text[] := regexp_match(zone, '^([+-])([0-9]{1,2})(?::([0-9]{2}))?$'); o integer; BEGIN IF zone = 'UTC' THEN RETURN '0'; END IF; IF m IS NULL THEN RETURN NULL; END IF; o := m[2]::integer * 60 + coalesce(m[3], '0')::integer; IF o > 840 OR m[3]::integer > 59 THEN "+raise("'Invalid time zone: ' || zone")+" END IF; RETURN (m[1] || o)::integer * '1 minute'::interval; END"),
		block("clock_in", "t timestamptz, zone text", "timestamp", "DECLARE o interval := _engine.zone_offset(zone); BEGIN IF o IS NOT NULL THEN RETURN _engine.in_range(t AT TIME ZONE 'UTC' + o); END IF; IF zone !~ '^[A-Za-z_]+(/[A-Za-z0-9_+-]+)+$' THEN RETURN _engine.refused('this form of a time zone', NULL::timestamp); END IF; RETURN _engine.zone_clock(t, zone); END"),
		block("instant_in", "t timestamp, zone text", "timestamptz", "DECLARE o interval := _engine.zone_offset(zone); BEGIN IF o IS NOT NULL THEN RETURN _engine.in_range(t - o) AT TIME ZONE 'UTC'; END IF; IF zone !~ '^[A-Za-z_]+(/[A-Za-z0-9_+-]+)+$' THEN RETURN _engine.refused('this form of a time zone', NULL::timestamptz); END IF; RETURN _engine.zone_instant(t, zone); END"),
		block("interval_text", "i interval", "text", `
DECLARE
  m integer := extract(year FROM i)::integer * 12 + extract(month FROM i)::integer; d integer := extract(day FROM i)::integer;
  us numeric := (extract(hour FROM i)::numeric * 60 + extract(minute FROM i)::numeric) * 60000000 + extract(microseconds FROM i)::numeric; n numeric; f text;
BEGIN
  n := abs(us);
  f := lpad(mod(n, 1000000)::integer::text, 6, '0');
  RETURN CASE WHEN m < 0 THEN '-' ELSE '' END || abs(m) / 12 || '-' || abs(m) % 12 || ' ' || d || ' ' || CASE WHEN us < 0 THEN '-' ELSE '' END ||
    div(n, 3600000000)::text || ':' || mod(div(n, 60000000), 60)::text || ':' || mod(div(n, 1000000), 60)::text ||
    CASE WHEN f = '000000' THEN '' WHEN right(f, 3) = '000' THEN '.' || left(f, 3) ELSE '.' || f END;
END`),
		block("time_of_parts", "h bigint, m bigint, s bigint", "time", "BEGIN IF h NOT BETWEEN 0 AND 23 OR m NOT BETWEEN 0 AND 59 OR s NOT BETWEEN 0 AND 59 THEN "+raise("'Input calculates to invalid time: ' || h || ':' || m || ':' || s")+" END IF; RETURN make_time(h::integer, m::integer, s); END"),
		block("date_of_parts", "y bigint, m bigint, d bigint", "date", "BEGIN IF y NOT BETWEEN 1 AND 9999 OR m NOT BETWEEN 1 AND 12 OR d NOT BETWEEN 1 AND 31 THEN "+raise("'Input calculates to invalid date: ' || y || '-' || m || '-' || d")+" END IF; RETURN make_date(y::integer, m::integer, d::integer); END"),
		// The bounds are 10000 years in months, days and microseconds.
		block("interval_of", "n bigint, months numeric, days numeric, us numeric", "interval", "BEGIN IF abs(n * months) > 120000 OR abs(n * days) > 3660000 OR abs(n * us) > 316224000000000000 THEN "+raise("'Interval field is out of range'")+" END IF; RETURN (n * months)::integer * '1 month'::interval + (n * days)::integer * '1 day'::interval + div(n * us, 86400000000)::integer * '24:00:00'::interval + mod(n * us, 86400000000)::bigint * '1 microsecond'::interval; END"),
		r("bucket_start", "n bigint, width bigint, origin bigint", "bigint", "origin + _engine.floor_div(n - origin, width) * width"),
	}
}

func timeRules() map[string]Rule {
	now := func(typ string) Rule {
		return func(c *Call) string {
			c.SafeDone()
			if typ == "timestamptz" {
				return "now()"
			}
			local := c.local("now()", c.zoneAt(0))
			if typ == "timestamp" {
				return local
			}
			return castTo(local, typ)
		}
	}
	rules := map[string]Rule{
		"current_timestamp": now("timestamptz"), "current_datetime": now("timestamp"), "current_date": now("date"), "current_time": now("time"),
		"date": dateOf, "datetime": datetimeOf, "time": timeOf, "timestamp": timestampOf,
		"last_day":          lastDay,
		"$interval":         intervalOf,
		"$extract":          extract,
		"$extract_date":     func(c *Call) string { return castTo(c.wall(0, 1), "date") },
		"$extract_time":     func(c *Call) string { return castTo(c.wall(0, 1), "time") },
		"$extract_datetime": func(c *Call) string { return c.wall(0, 1) },
		"unix_date":         func(c *Call) string { return c.total("day_of_date", c.Typed(0)) },
		"date_from_unix_date": func(c *Call) string {
			return c.Func("date_of_day", c.Typed(0))
		},
		"unix_seconds": func(c *Call) string { return c.total("floor_div", c.micros(0), "1000000") },
		"unix_millis":  func(c *Call) string { return c.total("floor_div", c.micros(0), "1000") },
		"unix_micros":  func(c *Call) string { c.SafeDone(); return c.micros(0) },
		"string": func(c *Call) string {
			if c.Kind(0) == ir.JSON {
				return stringOfJSON(c)
			}
			if c.Len() > 1 {
				z := c.zoneAt(1)
				if offset, ok := z.offset(); !ok || offset != 0 {
					return c.Refuse("in a zone other than UTC")
				}
			}
			return c.ToText(0)
		},
		"generate_date_array":      generateTimes,
		"generate_timestamp_array": generateTimes,
		"justify_hours":            justify("justify_hours"),
		"justify_days":             justify("justify_days"),
		"justify_interval":         justify("justify_interval"),
	}
	for name, unit := range map[string]string{"seconds": "1000000", "millis": "1000", "micros": "1"} {
		rule := func(c *Call) string {
			if c.Kind(0) != ir.Int64 {
				return c.Refuse("over " + c.Type(0).String())
			}
			return c.Func("of_micros", operand(c.Typed(0), transpile.PrecCast)+"::numeric * "+unit) + " AT TIME ZONE 'UTC'"
		}
		rules["timestamp_"+name] = rule
		rules["timestamp_from_unix_"+name] = rule
	}
	for _, kind := range []string{"date", "datetime", "time", "timestamp"} {
		rules[kind+"_add"] = func(c *Call) string { return c.shifted(1) }
		rules[kind+"_sub"] = func(c *Call) string { return c.shifted(-1) }
		rules[kind+"_diff"] = difference
		rules[kind+"_trunc"] = truncTime
		if kind != "time" {
			rules[kind+"_bucket"] = bucket
		}
	}
	return rules
}

// zoneRef is a time zone a call names, or the statement's own.
type zoneRef struct {
	text  string // of a zone that is computed
	name  string
	known bool
}

// zoneAt is the zone the i-th argument names, the statement's own if there is no such argument.
func (c *Call) zoneAt(i int) zoneRef {
	if i < 0 || i >= c.Len() || c.Kind(i) != ir.String {
		return zoneRef{name: c.g.zone(), known: true}
	}
	if name, ok := c.Text(i); ok {
		return zoneRef{name: name, known: true}
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

// named reports whether PostgreSQL has the zone by the name.
func (z zoneRef) named() bool {
	return z.known && strings.Contains(z.name, "/") && function.ValidZone(z.name)
}

// local is the wall clock of a timestamptz in a zone.
func (c *Call) local(ts string, z zoneRef) string {
	if offset, ok := z.offset(); ok {
		text := operand(ts, transpile.PrecCast) + " AT TIME ZONE 'UTC'"
		if offset == 0 {
			return text
		}
		return c.g.function("in_range", "("+text+") + "+micros(offset))
	}
	if z.text != "" {
		return c.g.function("clock_in", ts, z.text)
	}
	if !z.named() {
		return c.RefuseWhat("an unknown time zone", "")
	}
	return c.g.function("zone_clock", ts, quote(z.name))
}

// instant is the timestamptz of a wall clock in a zone.
func (c *Call) instant(dt string, z zoneRef) string {
	if offset, ok := z.offset(); ok {
		if offset != 0 {
			dt = c.g.function("in_range", operand(dt, transpile.PrecAdd)+" - "+micros(offset))
		}
		return operand(dt, transpile.PrecCast) + " AT TIME ZONE 'UTC'"
	}
	if z.text != "" {
		return c.g.function("instant_in", dt, z.text)
	}
	if !z.named() {
		return c.RefuseWhat("an unknown time zone", "")
	}
	return c.g.function("zone_instant", dt, quote(z.name))
}

func micros(n int64) string { return "'" + strconv.FormatInt(n, 10) + " microseconds'::interval" }

// wall is the i-th argument as a timestamp: the clock of a TIMESTAMP in the zone of the
// j-th argument, the midnight of a DATE.
func (c *Call) wall(i, j int) string {
	switch c.Kind(i) {
	case ir.Timestamp:
		return c.local(c.Typed(i), c.zoneAt(j))
	case ir.Datetime:
		return c.Typed(i)
	case ir.Date:
		return castTo(c.Typed(i), "timestamp")
	case ir.Time:
		return "('2000-01-01'::date + " + operand(c.Typed(i), transpile.PrecMultiply) + ")"
	}
	return c.Refuse("over " + c.Type(i).String())
}

// micros is the i-th argument, a TIMESTAMP, DATETIME or TIME, in microseconds.
func (c *Call) micros(i int) string {
	switch c.Kind(i) {
	case ir.Timestamp:
		return c.g.function("micros", operand(c.Typed(i), transpile.PrecCast)+" AT TIME ZONE 'UTC'")
	case ir.Datetime, ir.Time:
		return c.g.function("micros", c.Typed(i))
	}
	return c.Refuse("over " + c.Type(i).String())
}

// back is the TIMESTAMP or DATETIME of a wall clock in UTC, by the kind.
func back(text string, k ir.Kind) string {
	if k == ir.Timestamp {
		return operand(text, transpile.PrecCast) + " AT TIME ZONE 'UTC'"
	}
	return text
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

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
	days, ok = map[string]int{
		"WEEK": 1, "WEEK_SUNDAY": 1, "ISOWEEK": 0, "WEEK_MONDAY": 0, "WEEK_TUESDAY": 6, "WEEK_WEDNESDAY": 5,
		"WEEK_THURSDAY": 4, "WEEK_FRIDAY": 3, "WEEK_SATURDAY": 2,
	}[part]
	return days, ok
}

func (c *Call) refusePart(part string) string {
	return c.RefuseWhat(strings.ToUpper(strings.TrimPrefix(c.Node.Name, "$"))+" by "+part, "over "+c.Type(0).String())
}

// temporal is + and - where a date or an interval takes part.
func temporal(c *Call, op string) string {
	x, y := c.Kind(0), c.Kind(1)
	switch {
	case op != "+" && op != "-":
	case x == ir.Date && y == ir.Int64:
		return c.Func("date_of_day", c.Func("day_of_date", c.Typed(0))+" "+op+" "+operand(c.Typed(1), transpile.PrecMultiply))
	case x == ir.Int64 && y == ir.Date && op == "+":
		return c.Func("date_of_day", c.Func("day_of_date", c.Typed(1))+" + "+operand(c.Typed(0), transpile.PrecMultiply))
	case x == ir.Interval && y == ir.Interval:
		return operand(c.Typed(0), transpile.PrecAdd) + " " + op + " " + operand(c.Typed(1), transpile.PrecMultiply)
	case (x == ir.Datetime || x == ir.Date) && y == ir.Interval:
		return c.Func("in_range", castTo(c.Typed(0), "timestamp")+" "+op+" "+operand(c.Typed(1), transpile.PrecMultiply))
	}
	return c.Refuse("over " + c.Type(0).String() + " and " + c.Type(1).String())
}

// shifted is x_ADD and x_SUB: the first argument moved by the second times the part.
func (c *Call) shifted(sign int64) string {
	part := c.part(2)
	months, byMonths := monthUnits[part]
	unit, fixed := timeUnits[part]
	op := " + "
	if sign < 0 {
		op = " - "
	}
	if c.Kind(1) != ir.Int64 {
		return c.Refuse("by " + c.Type(1).String())
	}
	by := operand(c.Typed(1), transpile.PrecMultiply)
	moved := func(months int64) string {
		n := by
		if months*sign != 1 {
			n = by + " * " + strings.ReplaceAll("("+number(months*sign)+")", "(1)", "1")
		}
		return n
	}
	switch k := c.Kind(0); {
	case k == ir.Date && (part == "DAY" || part == "WEEK"):
		return c.Func("date_of_day", c.Func("day_of_date", c.Typed(0))+op+by+" * "+number(unit/timeUnits["DAY"]))
	case k == ir.Date && byMonths:
		return castTo(c.Func("plus_months", castTo(c.Typed(0), "timestamp"), moved(months)), "date")
	case k == ir.Datetime && byMonths:
		return c.Func("plus_months", c.Typed(0), moved(months))
	case (k == ir.Datetime || k == ir.Timestamp && part != "WEEK") && fixed:
		return back(c.Func("of_micros", c.micros(0)+op+by+"::numeric * "+number(unit)), k)
	case k == ir.Time && fixed && unit < timeUnits["DAY"]:
		c.SafeDone()
		return operand(c.Typed(0), transpile.PrecAdd) + op + by + " % " + number(timeUnits["DAY"]/unit) + " * " + micros(unit)
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
	k := c.Kind(0)
	if c.Kind(1) != k {
		return c.Refuse("over " + c.Type(0).String() + " and " + c.Type(1).String())
	}
	minus := func(a, b string) string { return a + " - " + operand(b, transpile.PrecMultiply) }
	switch {
	case k == ir.Timestamp:
		if !fixed || part == "WEEK" {
			return c.refusePart(part)
		}
		return "(" + minus(c.micros(0), c.micros(1)) + ") / " + number(unit)
	case k == ir.Time || k == ir.Datetime && subDay:
		if !subDay {
			return c.refusePart(part)
		}
		if unit == 1 {
			return minus(c.micros(0), c.micros(1))
		}
		return minus(c.g.function("floor_div", c.micros(0), number(unit)), c.g.function("floor_div", c.micros(1), number(unit)))
	case subDay:
		return c.refusePart(part)
	}
	a, b := c.Typed(0), c.Typed(1)
	if k == ir.Datetime {
		a, b = castTo(a, "date"), castTo(b, "date")
	}
	field := func(name, d string) string { return "extract(" + name + " FROM " + d + ")::bigint" }
	count := func(d string) string {
		switch part {
		case "MONTH":
			return "(" + field("year", d) + " * 12 + " + field("month", d) + ")"
		case "QUARTER":
			return "(" + field("year", d) + " * 4 + " + field("quarter", d) + ")"
		case "YEAR":
			return field("year", d)
		case "ISOYEAR":
			return field("isoyear", d)
		case "DAY":
			return c.g.function("day_of_date", d)
		}
		if shift, ok := weekShift(part); ok {
			return c.g.function("week_number", d, itoa(shift))
		}
		return c.refusePart(part)
	}
	return count(a) + " - " + count(b)
}

// truncDate truncates a date text.
func (c *Call) truncDate(day, part string) string {
	switch part {
	case "DAY":
		return day
	case "MONTH", "QUARTER", "YEAR":
		return castTo("date_trunc('"+strings.ToLower(part)+"', "+castTo(day, "timestamp")+")", "date")
	case "ISOYEAR":
		return c.g.function("isoyear_start", day)
	}
	if shift, ok := weekShift(part); ok {
		return c.g.function("week_start", day, itoa(shift))
	}
	return c.refusePart(part)
}

func truncTime(c *Call) string {
	part := c.part(1)
	unit, fixed := timeUnits[part]
	subDay := fixed && unit < timeUnits["DAY"]
	switch k := c.Kind(0); {
	case k == ir.Date && !subDay:
		return c.truncDate(c.Typed(0), part)
	case k == ir.Time && subDay:
		return c.total("trunc_time", c.Typed(0), number(unit))
	case k == ir.Datetime && subDay:
		return c.total("trunc_micros", c.Typed(0), number(unit))
	case k == ir.Datetime:
		return castTo(c.truncDate(castTo(c.Typed(0), "date"), part), "timestamp")
	case k == ir.Timestamp:
		z := c.zoneAt(2)
		if offset, ok := z.offset(); !ok || offset != 0 {
			switch {
			case !subDay:
				return c.instant(castTo(c.truncDate(castTo(c.local(c.Typed(0), z), "date"), part), "timestamp"), z)
			case unit >= timeUnits["HOUR"] && (!ok || offset%unit != 0):
				return c.Refuse("by HOUR in a zone of other hours than UTC's")
			}
			// Offsets are whole minutes.
			z = zoneRef{name: "UTC", known: true}
		}
		local := c.local(c.Typed(0), z)
		if subDay {
			return back(c.g.function("trunc_micros", local, number(unit)), k)
		}
		return back(castTo(c.truncDate(castTo(local, "date"), part), "timestamp"), k)
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
		day = castTo(day, "date")
	}
	switch part {
	case "MONTH", "QUARTER", "YEAR":
		months := map[string]string{"MONTH": "1 month", "QUARTER": "3 months", "YEAR": "1 year"}[part]
		return castTo("date_trunc('"+strings.ToLower(part)+"', "+castTo(day, "timestamp")+") + '"+months+"'::interval - '1 day'::interval", "date")
	}
	if shift, ok := weekShift(part); ok {
		return c.Func("in_range", c.Func("week_start", day, itoa(shift))+" + 6")
	}
	return c.refusePart(part)
}

// extract is EXTRACT(part FROM x AT TIME ZONE zone).
func extract(c *Call) string {
	part := c.part(1)
	if c.Kind(0) == ir.Interval {
		c.SafeDone()
		switch part {
		case "YEAR", "MONTH", "DAY", "HOUR", "MINUTE":
			return "extract(" + strings.ToLower(part) + " FROM " + c.Typed(0) + ")::bigint"
		}
		return c.refusePart(part)
	}
	t := c.wall(0, 2)
	c.SafeDone()
	if c.Kind(0) == ir.Timestamp {
		c.safe = false
	}
	field := func(name string) string { return "extract(" + name + " FROM " + t + ")::bigint" }
	switch part {
	case "YEAR", "MONTH", "DAY", "QUARTER", "ISOYEAR":
		return field(strings.ToLower(part))
	case "HOUR", "MINUTE":
		return field(strings.ToLower(part))
	case "SECOND":
		return field("microseconds") + " / 1000000"
	case "MILLISECOND":
		return field("microseconds") + " / 1000 % 1000"
	case "MICROSECOND":
		return field("microseconds") + " % 1000000"
	case "DAYOFWEEK":
		return field("dow") + " + 1"
	case "DAYOFYEAR":
		return field("doy")
	case "ISOWEEK":
		return field("week")
	case "DATE":
		return castTo(t, "date")
	case "TIME":
		return castTo(t, "time")
	case "DATETIME":
		return t
	}
	// The week of a year: 0 before the year's first day of the week.
	if first, ok := map[string]string{"WEEK": "0", "WEEK_SUNDAY": "0", "WEEK_MONDAY": "1", "WEEK_TUESDAY": "2", "WEEK_WEDNESDAY": "3", "WEEK_THURSDAY": "4", "WEEK_FRIDAY": "5", "WEEK_SATURDAY": "6"}[part]; ok {
		return "(" + field("doy") + " + 6 - (" + field("dow") + " + 7 - " + first + ") % 7) / 7"
	}
	return c.refusePart(part)
}

func dateOf(c *Call) string {
	switch {
	case c.Len() == 3 && c.Kind(0) == ir.Int64:
		return c.Func("date_of_parts", c.typed(0)...)
	case c.Kind(0) == ir.Timestamp:
		return castTo(c.local(c.Typed(0), c.zoneAt(1)), "date")
	case c.Kind(0) == ir.Datetime, c.Kind(0) == ir.Date:
		c.SafeDone()
		return castTo(c.Typed(0), "date")
	}
	return c.Refuse("over " + c.Type(0).String())
}

func datetimeOf(c *Call) string {
	switch {
	case c.Len() == 6 && c.Kind(0) == ir.Int64:
		return c.Func("date_of_parts", c.typed(0)[:3]...) + " + " + c.Func("time_of_parts", c.typed(3)...)
	case c.Kind(0) == ir.Timestamp:
		return c.local(c.Typed(0), c.zoneAt(1))
	case c.Kind(0) == ir.Date && c.Len() == 2 && c.Kind(1) == ir.Time:
		c.SafeDone()
		return operand(c.Typed(0), transpile.PrecAdd) + " + " + operand(c.Typed(1), transpile.PrecMultiply)
	case c.Len() == 1 && (c.Kind(0) == ir.Date || c.Kind(0) == ir.Datetime):
		c.SafeDone()
		return castTo(c.Typed(0), "timestamp")
	}
	return c.Refuse("over " + c.Type(0).String())
}

func timeOf(c *Call) string {
	switch {
	case c.Len() == 3 && c.Kind(0) == ir.Int64:
		return c.Func("time_of_parts", c.typed(0)...)
	case c.Kind(0) == ir.Timestamp:
		return castTo(c.local(c.Typed(0), c.zoneAt(1)), "time")
	case c.Kind(0) == ir.Datetime:
		c.SafeDone()
		return castTo(c.Typed(0), "time")
	}
	return c.Refuse("over " + c.Type(0).String())
}

func timestampOf(c *Call) string {
	switch c.Kind(0) {
	case ir.String:
		z := c.zoneAt(1)
		if offset, ok := z.offset(); !ok || offset != 0 {
			return c.Refuse("of a text in a zone other than UTC")
		}
		return c.Func("text_timestamp", c.Typed(0))
	case ir.Date:
		return c.instant(castTo(c.Typed(0), "timestamp"), c.zoneAt(1))
	case ir.Datetime:
		return c.instant(c.Typed(0), c.zoneAt(1))
	case ir.Timestamp:
		c.SafeDone()
		return c.Typed(0)
	}
	return c.Refuse("over " + c.Type(0).String())
}

// generateTimes is GENERATE_DATE_ARRAY and GENERATE_TIMESTAMP_ARRAY, both ends included.
func generateTimes(c *Call) string {
	step, ok := c.integer(2)
	part := c.part(3)
	if c.Len() == 2 {
		step, part, ok = 1, "DAY", true
	}
	unit, fixed := timeUnits[part]
	if !ok || step == 0 {
		return c.Refuse("with a computed step, or one of 0")
	}
	c.SafeDone()
	null := operand(c.Typed(0), transpile.PrecAdd) + " IS NOT NULL AND " + operand(c.Typed(1), transpile.PrecAdd) + " IS NOT NULL"
	v := c.g.name("_e")
	switch k := c.Kind(0); {
	case k == ir.Date && (part == "DAY" || part == "WEEK"):
		days := step * (unit / timeUnits["DAY"])
		return "CASE WHEN " + null + " THEN ARRAY(SELECT " + operand(c.Typed(0), transpile.PrecAdd) + " + " + v + ".i::integer FROM generate_series(0, " +
			operand(c.Typed(1), transpile.PrecAdd) + " - " + operand(c.Typed(0), transpile.PrecMultiply) + ", " + number(days) + ") AS " + v + "(i) ORDER BY " + v + ".i" + descending(days) + ") END"
	case k == ir.Timestamp && fixed:
		by := step * unit
		return "CASE WHEN " + null + " THEN ARRAY(SELECT " + c.Func("of_micros", v+".i::numeric") + " AT TIME ZONE 'UTC' FROM generate_series(" +
			c.micros(0) + ", " + c.micros(1) + ", " + number(by) + "::bigint) AS " + v + "(i) ORDER BY " + v + ".i" + descending(by) + ") END"
	}
	return c.refusePart(part)
}

func descending(step int64) string {
	if step < 0 {
		return " DESC"
	}
	return ""
}

// intervalOf is INTERVAL n PART.
func intervalOf(c *Call) string {
	if c.Kind(0) != ir.Int64 || c.Len() > 2 && !c.IsNull(2) {
		return c.Refuse("over " + c.Type(0).String())
	}
	part := c.part(1)
	if n, ok := monthUnits[part]; ok {
		return c.Func("interval_of", c.Typed(0), number(n), "0", "0")
	}
	n, ok := timeUnits[part]
	switch {
	case !ok:
		return c.refusePart(part)
	case n >= timeUnits["DAY"]:
		return c.Func("interval_of", c.Typed(0), "0", number(n/timeUnits["DAY"]), "0")
	}
	return c.Func("interval_of", c.Typed(0), "0", "0", number(n))
}

// constantInterval is the value of an INTERVAL literal, or of INTERVAL n PART with a
// literal n.
func constantInterval(e ir.Expr) (v ir.Value, ok bool) {
	switch n := e.(type) {
	case *ir.Literal:
		return n.Value, !n.Value.Null
	case *ir.Call:
		if n.Name != "$interval" || n.Safe || len(n.Args) < 2 {
			break
		}
		c := &Call{Node: n, Args: make([]string, len(n.Args))}
		by, ok := c.integer(0)
		if !ok || by < -1000000 || by > 1000000 {
			break
		}
		part := c.part(1)
		if m, ok := monthUnits[part]; ok {
			return ir.Value{Months: by * m}, true
		}
		if u, ok := timeUnits[part]; ok && u >= timeUnits["DAY"] {
			return ir.Value{Days: by * (u / timeUnits["DAY"])}, true
		} else if ok {
			return ir.Value{Int: by * u}, true
		}
	}
	return ir.Value{}, false
}

func justify(name string) Rule {
	return func(c *Call) string { return name + "(" + c.Typed(0) + ")" }
}

// bucket is x_BUCKET with a literal interval of one unit; 1950-01-01 is the origin.
func bucket(c *Call) string {
	w, ok := constantInterval(c.Expr(1))
	k := c.Kind(0)
	if !ok || w.Months != 0 || w.Nanos != 0 || (w.Days != 0) == (w.Int != 0) || w.Days < 0 || w.Int < 0 {
		return c.Refuse("with this interval")
	}
	origin := "-631152000000000"
	if k == ir.Date {
		if w.Days == 0 {
			return c.Refuse("with this interval")
		}
		origin = "-7305"
		if c.Len() > 2 {
			origin = c.Func("day_of_date", c.Typed(2))
		}
		return c.Func("date_of_day", c.Func("bucket_start", c.Func("day_of_date", c.Typed(0)), number(w.Days), origin))
	}
	if c.Len() > 2 {
		origin = c.micros(2)
	}
	width := w.Int + w.Days*timeUnits["DAY"]
	return back(c.Func("of_micros", c.Func("bucket_start", c.micros(0), number(width), origin)+"::numeric"), k)
}

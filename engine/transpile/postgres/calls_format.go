package postgres

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// FORMAT_DATE and PARSE_DATE and their like take a literal format: formatting becomes a
// concatenation, parsing a regular expression and the places of the parts in it.

func formatRules() map[string]Rule {
	rules := map[string]Rule{"format": format}
	for _, kind := range []string{"date", "datetime", "time", "timestamp"} {
		rules["format_"+kind] = formatTime
		rules["parse_"+kind] = parseTime
	}
	return rules
}

// formatElements are to_char patterns by element; those of a clock and of a day.
var (
	clockElements = map[byte]string{'H': "HH24", 'I': "HH12", 'M': "MI", 'S': "SS", 'T': "HH24:MI:SS", 'X': "HH24:MI:SS", 'R': "HH24:MI", 'p': "AM", 'r': "HH12:MI:SS AM"}
	dayElements   = map[byte]string{
		'm': "MM", 'd': "DD", 'j': "DDD", 'B': "FMMonth", 'b': "Mon", 'h': "Mon", 'A': "FMDay", 'a': "Dy", 'y': "YY", 'Q': "Q", 'u': "ID", 'V': "IW",
		'D': "MM/DD/YY", 'x': "MM/DD/YY",
	}
)

func formatTime(c *Call) string {
	f, ok := c.Text(0)
	if !ok {
		return c.Refuse("with a computed format")
	}
	t := c.wall(1, 2)
	utc := false
	if c.Kind(1) == ir.Timestamp {
		offset, ok := c.zoneAt(2).offset()
		utc = ok && offset == 0
	} else {
		c.SafeDone()
	}
	day, clock := c.Kind(1) != ir.Time, c.Kind(1) != ir.Date
	return c.g.let(t, func(v string) string {
		var parts []string
		plain := ""
		flush := func() {
			if plain != "" {
				parts = append(parts, quote(plain))
				plain = ""
			}
		}
		add := func(text string) { flush(); parts = append(parts, text) }
		char := func(p string) { add("to_char(" + v + ", '" + p + "')") }
		year := "extract(year FROM " + v + ")::integer::text"
		fraction := "rtrim(rtrim(to_char(" + v + ", '.US'), '0'), '.')"
		for i := 0; i < len(f); i++ {
			if f[i] != '%' || i+1 == len(f) {
				plain += f[i : i+1]
				continue
			}
			i++
			rest := f[i:]
			switch e := f[i]; {
			case e == '%':
				plain += "%"
			case e == 'n':
				plain += "\n"
			case e == 't':
				plain += "\t"
			case clock && clockElements[e] != "":
				char(clockElements[e])
			case day && dayElements[e] != "":
				char(dayElements[e])
			case day && e == 'Y':
				add(year)
			case day && e == 'F':
				add(year)
				char("-MM-DD")
			case day && e == 'G':
				add("extract(isoyear FROM " + v + ")::integer::text")
			case day && e == 'e':
				add("lpad(to_char(" + v + ", 'FMDD'), 2)")
			case clock && e == 'k':
				add("lpad(to_char(" + v + ", 'FMHH24'), 2)")
			case clock && e == 'l':
				add("lpad(to_char(" + v + ", 'FMHH12'), 2)")
			case clock && e == 'P':
				char("am")
			case day && strings.HasPrefix(rest, "E4Y"):
				char("YYYY")
				i += 2
			case clock && strings.HasPrefix(rest, "E*S"):
				char("SS")
				add(fraction)
				i += 2
			case clock && len(rest) >= 3 && e == 'E' && rest[1] >= '1' && rest[1] <= '6' && rest[2] == 'S':
				char("SS")
				add("left(to_char(" + v + ", '.US'), " + itoa(int(rest[1]-'0')+1) + ")")
				i += 2
			case utc && strings.HasPrefix(rest, "Ez"):
				plain += "+00:00"
				i++
			case utc && e == 'z':
				plain += "+0000"
			case utc && e == 'Z':
				plain += "UTC"
			case utc && e == 's':
				add(c.g.function("floor_div", c.g.function("micros", v), "1000000") + "::text")
			default:
				return c.RefuseWhat(display(c.Node.Name)+" with %"+rest[:1], "")
			}
		}
		flush()
		if len(parts) == 0 {
			parts = []string{"''"}
		}
		text := strings.Join(parts, " || ")
		if len(parts) == 1 && strings.HasPrefix(text, "'") {
			text = "CASE WHEN " + v + " IS NOT NULL THEN " + text + " END"
		}
		return text
	})
}

// parseTime is PARSE_DATE and its like for formats of numbers and separators: each part
// is read by a group of a regular expression as strptime reads it.
func parseTime(c *Call) string {
	f, ok := c.Text(0)
	if !ok {
		return c.Refuse("with a computed format")
	}
	if c.Len() > 2 {
		if offset, ok := c.zoneAt(2).offset(); !ok || offset != 0 {
			return c.Refuse("in a zone other than UTC")
		}
	} else if offset, ok := c.zoneAt(-1).offset(); c.Result().Kind == ir.Timestamp && (!ok || offset != 0) {
		return c.Refuse("in a zone other than UTC")
	}
	kind := c.Result().Kind
	day, clock := kind != ir.Time, kind != ir.Date
	f = strings.NewReplacer("%F", "%Y-%m-%d", "%T", "%H:%M:%S", "%X", "%H:%M:%S", "%R", "%H:%M", "%E4Y", "%Y").Replace(f)
	var re strings.Builder
	re.WriteString("^ *")
	groups := map[byte]int{}
	n := 0
	digits := false // the part before ends in digits
	group := func(e byte, text string) bool {
		if groups[e] != 0 {
			return false
		}
		n++
		groups[e] = n
		re.WriteString(text)
		return true
	}
	for i := 0; i < len(f); i++ {
		if f[i] != '%' || i+1 == len(f) {
			switch ch := f[i]; {
			case ch == ' ':
				re.WriteString(" *")
			case ch >= '0' && ch <= '9' || ch >= 'a' && ch <= 'z' || ch >= 'A' && ch <= 'Z':
				re.WriteByte(ch)
			case strings.IndexByte("-/:.,_T", ch) >= 0:
				re.WriteString(`\` + string(ch))
			default:
				return c.Refuse("with this format")
			}
			digits = false
			continue
		}
		i++
		rest := f[i:]
		ok := !digits
		digits = true
		switch e := f[i]; {
		case day && e == 'Y':
			ok = ok && group('Y', `([0-9]{4})(?![0-9])`)
		case day && (e == 'm' || e == 'd'):
			ok = ok && group(e, `([0-9]{1,2})(?![0-9])`)
		case clock && (e == 'H' || e == 'M' || e == 'S'):
			ok = ok && group(e, `([0-9]{1,2})(?![0-9])`)
		case clock && strings.HasPrefix(rest, "E*S"):
			ok = ok && group('S', `([0-9]{1,2}(?:\.[0-9]{1,6})?)[0-9]*(?![0-9.])`)
			i += 2
		case clock && len(rest) >= 3 && e == 'E' && rest[1] >= '1' && rest[1] <= '6' && rest[2] == 'S':
			ok = ok && group('S', `([0-9]{1,2}(?:\.[0-9]{1,`+rest[1:2]+`})?)(?![0-9.])`)
			i += 2
		case kind == ir.Timestamp && strings.HasPrefix(rest, "Ez"):
			ok = group('z', `([+-][0-9]{2}:[0-9]{2})(?![0-9])`)
			i++
		case kind == ir.Timestamp && e == 'z':
			ok = group('z', `([+-][0-9]{4})(?![0-9])`)
		default:
			return c.RefuseWhat(display(c.Node.Name)+" with %"+rest[:1], "")
		}
		if !ok {
			return c.Refuse("with parts that touch, or are said twice")
		}
	}
	re.WriteString(" *$")
	args := []string{c.Typed(1), quote(re.String())}
	for _, e := range []byte("YmdHMSz") {
		args = append(args, itoa(groups[e]))
	}
	text := c.Func("parse_parts", args...)
	switch kind {
	case ir.Date:
		return castTo(text, "date")
	case ir.Time:
		return castTo(text, "time")
	case ir.Timestamp:
		return operand(text, transpile.PrecCast) + " AT TIME ZONE 'UTC'"
	}
	return text
}

func formatRoutines() []routine {
	return []routine{
		// The groups of a match, by number, are year, month, day, hour, minute, second and
		// offset; 0 is a part that is not there.
		{name: "parse_parts", params: "s text, re text, y integer, mo integer, d integer, h integer, mi integer, sec integer, z integer", result: "timestamp", block: true, body: `
DECLARE m text[]; t timestamp; o integer;
BEGIN
  IF s IS NULL THEN RETURN NULL; END IF;
  m := regexp_match(s, re);
  IF m IS NULL THEN
    IF s ~ '[^ -~]|[ ][ ]|^ | $|[0-9]{5}' THEN RETURN _engine.refused('parsing this text', NULL::timestamp); END IF;
    ` + raise("'Failed to parse input string ' || quote_literal(s)") + `
  END IF;
  IF y > 0 AND m[y]::integer = 0 THEN ` + raise("'Failed to parse input string ' || quote_literal(s)") + ` END IF;
  IF h > 0 AND m[h]::integer > 23 OR mi > 0 AND m[mi]::integer > 59 THEN ` + raise("'Failed to parse input string ' || quote_literal(s)") + ` END IF;
  IF sec > 0 AND m[sec]::numeric >= 60 THEN
    IF m[sec]::numeric < 61 THEN RETURN _engine.refused('a leap second', NULL::timestamp); END IF;
    ` + raise("'Failed to parse input string ' || quote_literal(s)") + `
  END IF;
  t := make_timestamp(CASE WHEN y > 0 THEN m[y]::integer ELSE 1970 END, CASE WHEN mo > 0 THEN m[mo]::integer ELSE 1 END, CASE WHEN d > 0 THEN m[d]::integer ELSE 1 END,
    CASE WHEN h > 0 THEN m[h]::integer ELSE 0 END, CASE WHEN mi > 0 THEN m[mi]::integer ELSE 0 END, 0)
    + CASE WHEN sec > 0 THEN m[sec]::numeric ELSE 0 END * '1 second'::interval;
  IF z > 0 THEN
    o := substr(m[z], 2, 2)::integer * 60 + right(m[z], 2)::integer;
    IF o > 14 * 60 OR right(m[z], 2)::integer > 59 THEN RETURN _engine.refused('this offset', NULL::timestamp); END IF;
    t := t - (left(m[z], 1) || '1')::integer * o * '1 minute'::interval;
  END IF;
  RETURN _engine.in_range(t);
END`},
	}
}

// format is FORMAT for a literal format of %d, %0Nd, %s and %%.
func format(c *Call) string {
	f, ok := c.Text(0)
	if !ok {
		return c.Refuse("with a computed format")
	}
	var parts []string
	plain := ""
	flush := func() {
		if plain != "" {
			parts = append(parts, quote(plain))
			plain = ""
		}
	}
	arg := 1
	for i := 0; i < len(f); i++ {
		if f[i] != '%' {
			plain += f[i : i+1]
			continue
		}
		start := i
		i++
		width := 0
		zero := i < len(f) && f[i] == '0'
		for i < len(f) && f[i] >= '0' && f[i] <= '9' && width < 1000 {
			width = width*10 + int(f[i]-'0')
			i++
		}
		switch {
		case i == len(f):
			return c.Refuse("with this format")
		case f[i] == '%' && i == start+1:
			plain += "%"
			continue
		case arg >= c.Len():
			return c.Refuse("with this format")
		case f[i] == 'd' && c.Kind(arg) == ir.Int64 && (width == 0 || zero):
			flush()
			text := castTo(c.Typed(arg), "text")
			if width > 0 {
				text = c.g.let(c.Typed(arg), func(v string) string {
					return "CASE WHEN " + v + " < 0 THEN '-' || lpad(ltrim(" + v + "::text, '-'), greatest(" + itoa(width-1) + ", length(" + v + "::text) - 1), '0') ELSE lpad(" + v + "::text, greatest(" + itoa(width) + ", length(" + v + "::text)), '0') END"
				})
			}
			parts = append(parts, "("+text+")")
		case f[i] == 's' && c.Kind(arg) == ir.String && width == 0:
			flush()
			parts = append(parts, operand(c.Typed(arg), transpile.PrecOther))
		default:
			return c.RefuseWhat("FORMAT with "+f[start:i+1], "over "+c.Type(arg).String())
		}
		arg++
	}
	flush()
	if arg != c.Len() {
		return c.Refuse("with this format")
	}
	c.SafeDone()
	if len(parts) == 0 {
		return "''::text"
	}
	if len(parts) == 1 && strings.HasPrefix(parts[0], "'") {
		return parts[0] + "::text"
	}
	return strings.Join(parts, " || ")
}

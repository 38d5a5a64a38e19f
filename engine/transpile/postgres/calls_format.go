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

// parseTime is PARSE_DATE and its like for a literal format: each part is read by a group
// of a regular expression as strptime reads it. A part takes as many digits as it can, so
// that one that touches the next has all it may have.
func parseTime(c *Call) string {
	f, ok := c.Text(0)
	if !ok {
		return c.Refuse("with a computed format")
	}
	if n := c.Len(); n > 2 && c.Kind(n-1) != ir.String {
		return c.Refuse("with a precision")
	}
	kind := c.Result().Kind
	p := parseFormat{day: kind != ir.Time, clock: kind != ir.Date, zoned: kind == ir.Timestamp}
	if why := p.read(f); why != "" {
		if strings.HasPrefix(why, "%") {
			return c.RefuseWhat(display(c.Node.Name)+" with "+why, "")
		}
		return c.Refuse(why)
	}
	name := "parse_parts"
	if c.Safe {
		name = "safe_parse_parts"
	}
	text := c.Func(name, c.Typed(1), quote("^"+blank+p.re.String()+blank+"$"), quote(string(p.form)))
	switch kind {
	case ir.Date:
		text = castTo(text, "date")
	case ir.Time:
		text = castTo(text, "time")
	case ir.Timestamp:
		z := c.zoneAt(2)
		if c.Len() < 3 {
			z = c.zoneAt(-1)
		}
		offset, fixed := z.offset()
		switch {
		case fixed && offset == 0 || p.has('z'):
			text = operand(text, transpile.PrecCast) + " AT TIME ZONE 'UTC'"
		case c.Safe:
			return c.Refuse("with SAFE in a zone other than UTC")
		default:
			text = c.instant(text, z)
		}
	}
	if c.Safe {
		c.SafeDone()
	}
	return text
}

// TimeParts gives, for a format of days or of days and times as PARSE_TIMESTAMP has it, the
// regular expression and the parts of its groups that the run time's safe_parse_parts takes.
func TimeParts(format string) (re, parts string, ok bool) {
	p := parseFormat{day: true, clock: true, zoned: true}
	if p.read(format) != "" {
		return "", "", false
	}
	return "^" + blank + p.re.String() + blank + "$", string(p.form), true
}

// blank is white space where strptime skips it.
const blank = `[ \t\n\v\f\r]*`

// parseFormat turns a format into a regular expression; form names the part that each of
// its groups reads: Y, y, m, b, d, H, I, M, S, p, z.
type parseFormat struct {
	day, clock, zoned bool
	re                strings.Builder
	form              []byte
}

func (p *parseFormat) has(part byte) bool { return strings.IndexByte(string(p.form), part) >= 0 }

// exclusive are parts that say the same, of which a format has one.
var exclusive = []string{"Yy", "mb", "d", "HI", "M", "S", "p", "z"}

func (p *parseFormat) group(part byte, text string) bool {
	for _, parts := range exclusive {
		if strings.IndexByte(parts, part) < 0 {
			continue
		}
		for i := range parts {
			if p.has(parts[i]) {
				return false
			}
		}
	}
	p.form = append(p.form, part)
	p.re.WriteString("(" + text + ")")
	return true
}

// names is an expression for one of some names, whole or by three letters, in any case.
func names(list ...string) string {
	var alternatives []string
	for _, n := range list {
		var b strings.Builder
		for i, r := range n {
			if i == 3 {
				b.WriteString("(?:")
			}
			b.WriteString("[" + strings.ToUpper(string(r)) + strings.ToLower(string(r)) + "]")
		}
		if len(n) > 3 {
			b.WriteString(")?")
		}
		alternatives = append(alternatives, b.String())
	}
	return strings.Join(alternatives, "|")
}

var (
	monthName   = names("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
	weekdayName = names("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
)

// read reads a format; it gives the reason why it cannot be, or %x for an element.
func (p *parseFormat) read(f string) string {
	twice := "with a part that is said twice"
	for i := 0; i < len(f); i++ {
		ch := f[i]
		if ch != '%' {
			switch {
			case ch == ' ' || ch >= '\t' && ch <= '\r':
				p.re.WriteString(blank)
			case ch >= '0' && ch <= '9' || ch >= 'a' && ch <= 'z' || ch >= 'A' && ch <= 'Z':
				p.re.WriteByte(ch)
			case ch > ' ' && ch < 0x7f:
				p.re.WriteString(`\` + string(ch))
			default:
				return "with this format"
			}
			continue
		}
		i++
		if i == len(f) {
			return "with this format"
		}
		rest := f[i:]
		used := 1
		if rest[0] == 'E' {
			switch {
			case strings.HasPrefix(rest, "E4Y"), strings.HasPrefix(rest, "E*S"), len(rest) > 2 && rest[1] >= '1' && rest[1] <= '6' && rest[2] == 'S':
				used = 3
			case strings.HasPrefix(rest, "Ez"):
				used = 2
			default:
				return "%" + rest[:min(2, len(rest))]
			}
		}
		touches := digitElement(f[i+used:])
		// digits reads a number of at most n digits: all of them where a number follows.
		digits := func(n int) string {
			if touches {
				return "[0-9]{" + itoa(n) + "}"
			}
			return "[0-9]{1," + itoa(n) + "}(?![0-9])"
		}
		const number = "[0-9]{1,2}(?![0-9])"
		clock := func(seconds bool) bool {
			p.re.WriteString(blank)
			ok := p.group('H', number)
			p.re.WriteString(":" + blank)
			if !seconds {
				return ok && p.group('M', digits(2))
			}
			ok = ok && p.group('M', number)
			p.re.WriteString(":" + blank)
			return ok && p.group('S', digits(2))
		}
		ok := true
		switch e := rest[0]; {
		case e == '%':
			p.re.WriteString("%")
		case e == 'n' || e == 't':
			p.re.WriteString(blank)
		case p.day && e == 'E' && rest[1] == '4':
			ok = p.group('Y', "[0-9]{4}")
		case p.day && e == 'Y' && touches:
			ok = p.group('Y', "[0-9]{4}")
		case p.day && e == 'Y':
			ok = p.group('Y', "[0-9]{1,5}(?![0-9])")
		case p.day && e == 'y':
			ok = p.group('y', digits(2))
		case p.day && (e == 'm' || e == 'd'):
			ok = p.group(e, digits(2))
		case p.day && e == 'e':
			p.re.WriteString(blank)
			ok = p.group('d', digits(2))
		case p.day && (e == 'b' || e == 'B' || e == 'h'):
			ok = p.group('b', monthName)
		case p.day && (e == 'a' || e == 'A'):
			p.re.WriteString("(?:" + weekdayName + ")")
		case p.day && e == 'F':
			p.re.WriteString(blank)
			ok = p.group('Y', "[0-9]{1,4}")
			p.re.WriteString("-" + blank)
			ok = ok && p.group('m', number)
			p.re.WriteString("-" + blank)
			ok = ok && p.group('d', digits(2))
		case p.day && (e == 'D' || e == 'x'):
			p.re.WriteString(blank)
			ok = p.group('m', number)
			p.re.WriteString("/" + blank)
			ok = ok && p.group('d', number)
			p.re.WriteString("/" + blank)
			ok = ok && p.group('y', digits(2))
		case p.clock && (e == 'H' || e == 'M'):
			ok = p.group(e, digits(2))
		case p.clock && e == 'S':
			ok = p.group('S', digits(2))
		case p.clock && e == 'k':
			p.re.WriteString(blank)
			ok = p.group('H', digits(2))
		case p.clock && (e == 'I' || e == 'l'):
			p.re.WriteString(blank)
			ok = p.group('I', digits(2))
		case p.clock && (e == 'T' || e == 'X'):
			ok = clock(true)
		case p.clock && e == 'R':
			ok = clock(false)
		case p.clock && (e == 'p' || e == 'P'):
			ok = p.group('p', "[AaPp][Mm]")
		case p.clock && e == 'E' && rest[1] == '*' && !touches:
			ok = p.group('S', `[0-9]{1,2}(?:\.[0-9]+)?(?![0-9.])`)
		case p.clock && e == 'E' && used == 3 && !touches:
			ok = p.group('S', `[0-9]{1,2}(?:\.[0-9]{1,`+rest[1:2]+`})?(?![0-9.])`)
		case p.zoned && e == 'E' && rest[1] == 'z' && !touches:
			ok = p.group('z', `Z|[+-][0-9]{2}:?(?:[0-5][0-9])?(?![0-9:])`)
		case p.zoned && e == 'z' && !touches:
			ok = p.group('z', `[+-][0-9]{2}(?:[0-5][0-9])?(?![0-9])`)
		default:
			return "%" + rest[:used]
		}
		if !ok {
			return twice
		}
		i += used - 1
	}
	return ""
}

// digitElement reports whether what is left of a format begins with an element that reads
// a number, or with a digit.
func digitElement(rest string) bool {
	if rest == "" {
		return false
	}
	if rest[0] >= '0' && rest[0] <= '9' {
		return true
	}
	return rest[0] == '%' && len(rest) > 1 && strings.IndexByte("%ntaAbBhpPzZekIlFDxTXR", rest[1]) < 0 && !strings.HasPrefix(rest, "%Ez")
}

// formatted is an argument of FORMAT by a conversion, without its width; "" if it is not known.
func (c *Call) formatted(i int, conversion byte, flags string, precision int) string {
	t := c.Type(i)
	switch {
	case (conversion == 'd' || conversion == 'i') && isInt(t.Kind) && precision < 0:
		return castTo(c.Typed(i), "text")
	case (conversion == 'f' || conversion == 'F') && (t.Kind == ir.Float64 || t.Kind == ir.Numeric):
		if precision < 0 {
			precision = 6
		}
		if t.Kind == ir.Numeric {
			return castTo("round("+c.Typed(i)+", "+itoa(precision)+")", "text")
		}
		text := c.Func("format_float", c.Typed(i), itoa(precision))
		if conversion == 'F' {
			return "upper(" + text + ")"
		}
		return text
	case conversion == 's' && t.Kind == ir.String && strings.Trim(flags, "-") == "":
		if precision >= 0 {
			return "left(" + c.Typed(i) + ", " + itoa(precision) + ")"
		}
		return c.Typed(i)
	case conversion == 't' && precision < 0 && strings.Trim(flags, "-") == "":
		switch t.Kind {
		case ir.String, ir.Int64, ir.Bool, ir.Date, ir.Datetime, ir.Time, ir.Numeric:
			return "coalesce(" + c.ToText(i) + ", 'NULL')"
		}
	}
	return ""
}

func formatRoutines() []routine {
	bad := raise("'Failed to parse input string ' || quote_literal(s)")
	return []routine{
		// The number that a double is, rounded to digits, half to even.
		{name: "format_float", params: "x double precision, digits integer", result: "text", block: true, body: `
BEGIN
  IF x = 'NaN' THEN RETURN 'nan'; ELSIF abs(x) = 'Infinity' THEN RETURN CASE WHEN x < 0 THEN '-inf' ELSE 'inf' END; END IF;
  RETURN CASE WHEN x < 0 OR x::text = '-0' THEN '-' ELSE '' END || round(_engine.round_even(abs(_engine.exact(x)), digits), digits)::text;
END`},
		// A number as text with the flags and the width of printf.
		{name: "format_number", params: "t text, width integer, flags text", result: "text", block: true, body: `
DECLARE sign text := CASE WHEN left(t, 1) = '-' THEN '-' WHEN strpos(flags, '+') > 0 THEN '+' WHEN strpos(flags, ' ') > 0 THEN ' ' ELSE '' END; body text := ltrim(t, '-');
BEGIN
  IF strpos(flags, '''') > 0 AND body ~ '^[0-9]' THEN
    body := regexp_replace(split_part(body, '.', 1), '([0-9])(?=([0-9]{3})+$)', '\1,', 'g') || substr(body, char_length(split_part(body, '.', 1)) + 1);
  END IF;
  IF strpos(flags, '-') > 0 THEN RETURN _engine.format_right(sign || body, width); END IF;
  IF strpos(flags, '0') > 0 AND body ~ '^[0-9]' THEN RETURN sign || lpad(body, greatest(width - char_length(sign), char_length(body)), '0'); END IF;
  RETURN _engine.format_left(sign || body, width);
END`},
		{name: "format_left", params: "t text, width integer", result: "text", body: "lpad(t, greatest(width, char_length(t)))"},
		{name: "format_right", params: "t text, width integer", result: "text", body: "rpad(t, greatest(width, char_length(t)))"},
		// The groups of a match are the parts of form, each a letter: see parseFormat.
		{name: "parse_parts", params: "s text, re text, form text", result: "timestamp", block: true, body: `
DECLARE
  m text[]; v text; y integer := 1970; mo integer := 1; d integer := 1; h integer := 0; mi integer := 0; sec numeric := 0; o integer := 0;
  twelve boolean := FALSE; late boolean := FALSE; good boolean := TRUE; t timestamp;
BEGIN
  IF s IS NULL THEN RETURN NULL; END IF;
  m := regexp_match(s, re);
  IF m IS NULL AND form = '' AND s ~ re THEN m := '{}'; END IF;
  IF m IS NULL THEN ` + bad + ` END IF;
  FOR i IN 1..length(form) LOOP
    v := m[i];
    CASE substr(form, i, 1)
    WHEN 'Y' THEN y := v::integer;
    WHEN 'y' THEN y := v::integer + CASE WHEN v::integer < 69 THEN 2000 ELSE 1900 END;
    WHEN 'm' THEN mo := v::integer;
    WHEN 'b' THEN mo := (strpos('janfebmaraprmayjunjulaugsepoctnovdec', lower(left(v, 3))) + 2) / 3;
    WHEN 'd' THEN d := v::integer;
    WHEN 'H' THEN h := v::integer; good := good AND h < 24;
    WHEN 'I' THEN good := good AND v::integer BETWEEN 1 AND 12; h := v::integer % 12; twelve := TRUE;
    WHEN 'M' THEN mi := v::integer; good := good AND mi < 60;
    WHEN 'S' THEN sec := trunc(v::numeric, 6); good := good AND sec < 61;
    WHEN 'p' THEN late := lower(v) = 'pm';
    ELSE
      v := replace(v, ':', '');
      IF v <> 'Z' THEN o := substr(v, 2, 2)::integer * 60 + coalesce(nullif(substr(v, 4), ''), '0')::integer; good := good AND o <= 840; END IF;
      IF left(v, 1) = '-' THEN o := -o; END IF;
    END CASE;
  END LOOP;
  IF NOT good OR y NOT BETWEEN 1 AND 9999 OR mo NOT BETWEEN 1 AND 12 OR d NOT BETWEEN 1 AND 31 THEN ` + bad + ` END IF;
  IF sec >= 60 THEN RETURN _engine.refused('a leap second', NULL::timestamp); END IF;
  IF twelve AND late THEN h := h + 12; END IF;
  t := make_timestamp(y, mo, d, h, mi, 0) + sec * '1 second'::interval - o * '1 minute'::interval;
  RETURN _engine.in_range(t);
END`},
		safely("parse_parts", "s text, re text, form text", "timestamp", "_engine.parse_parts(s, re, form)"),
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
		end := i + 1
		for end < len(f) && strings.IndexByte("-+ 0'", f[end]) >= 0 {
			end++
		}
		flags := f[i+1 : end]
		width, precision := 0, -1
		for ; end < len(f) && f[end] >= '0' && f[end] <= '9' && width < 1000; end++ {
			width = width*10 + int(f[end]-'0')
		}
		if end < len(f) && f[end] == '.' {
			precision = 0
			for end++; end < len(f) && f[end] >= '0' && f[end] <= '9' && precision < 100; end++ {
				precision = precision*10 + int(f[end]-'0')
			}
		}
		switch {
		case end == len(f):
			return c.Refuse("with this format")
		case f[end] == '%' && end == i+1:
			plain += "%"
			i = end
			continue
		case arg >= c.Len():
			return c.Refuse("with this format")
		}
		text := c.formatted(arg, f[end], flags, precision)
		if text == "" {
			return c.RefuseWhat("FORMAT with "+f[i:end+1], "over "+c.Type(arg).String())
		}
		numeric := f[end] != 's' && f[end] != 't'
		switch {
		case numeric && (width > 0 || flags != ""):
			if strings.Contains(flags, "'") && strings.Contains(flags, "0") {
				return c.RefuseWhat("FORMAT with "+f[i:end+1], "")
			}
			text = c.Func("format_number", text, itoa(width), quote(flags))
		case width > 0 && strings.Contains(flags, "-"):
			text = c.Func("format_right", text, itoa(width))
		case width > 0:
			text = c.Func("format_left", text, itoa(width))
		}
		flush()
		parts = append(parts, operand(text, transpile.PrecOther))
		i = end
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

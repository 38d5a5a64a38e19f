package duckdb

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// Formats: FORMAT_DATE and its like, PARSE_DATE and its like, FORMAT, CAST with FORMAT.
//
// A literal format of FORMAT_… is written with strftime where all of its elements have an
// exact counterpart there; %Y, which GoogleSQL does not pad, is year(). Everything else is
// a Go function.

func formatRules() map[string]Rule {
	rules := map[string]Rule{"format": formatCall}
	for _, kind := range []string{"date", "datetime", "time", "timestamp"} {
		rules["format_"+kind] = formatTimeCall
		rules["parse_"+kind] = parseTimeCall
	}
	return rules
}

// strftimeElements are the elements of strftime that mean the same in GoogleSQL, by
// GoogleSQL's letter.
var strftimeElements = map[byte]string{
	'A': "%A", 'a': "%a", 'B': "%B", 'b': "%b", 'h': "%b", 'd': "%d", 'H': "%H", 'I': "%I", 'j': "%j", 'M': "%M", 'm': "%m", 'p': "%p",
	'S': "%S", 'U': "%U", 'W': "%W", 'w': "%w", 'y': "%y", 'V': "%V", 'u': "%u", 'T': "%H:%M:%S", 'X': "%H:%M:%S", 'R': "%H:%M",
	'D': "%m/%d/%y", 'x': "%m/%d/%y", 'r': "%I:%M:%S %p", 'n': "\n", 't': "\t", '%': "%%",
}

// The elements that do not apply to a type; GoogleSQL outputs them as they are.
var foreignElements = map[ir.Kind]string{
	ir.Date: "cHIklMPpRrSsTXZz", ir.Datetime: "Zz", ir.Time: "AaBbhCcDdeFGgJjmQsUuVWwxYyZz",
}

// strftime writes a format for a DATE or TIMESTAMP text of DuckDB; false if an element has
// no counterpart. utc says that the text is a clock in UTC, whose zone has a name.
func strftime(format string, kind ir.Kind, utc bool) (build func(x string) string, uses int, ok bool) {
	var parts []func(x string) string
	var run strings.Builder
	elements := false
	flush := func() {
		text := run.String()
		if text == "" {
			return
		}
		run.Reset()
		if !elements {
			text = quote(strings.ReplaceAll(text, "%%", "%"))
			parts = append(parts, func(string) string { return text })
			return
		}
		elements = false
		parts = append(parts, func(x string) string { return "strftime(" + x + ", " + quote(text) + ")" })
		uses++
	}
	call := func(before, after string) {
		flush()
		parts = append(parts, func(x string) string { return before + x + after })
		uses++
	}
	foreign := foreignElements[kind]
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			run.WriteByte(format[i])
			continue
		}
		i++
		if i == len(format) {
			return nil, 0, false
		}
		c := format[i]
		rest := format[i:]
		switch {
		case strings.HasPrefix(rest, "E4Y") && !strings.Contains(foreign, "Y"):
			run.WriteString("%Y")
			elements = true
			i += 2
		case strings.HasPrefix(rest, "E3S") && !strings.Contains(foreign, "S"):
			run.WriteString("%S.%g")
			elements = true
			i += 2
		case strings.HasPrefix(rest, "E6S") && !strings.Contains(foreign, "S"):
			run.WriteString("%S.%f")
			elements = true
			i += 2
		case strings.HasPrefix(rest, "Ez") && utc:
			run.WriteString("+00:00")
			i++
		case c == 'E' || c == 'O':
			return nil, 0, false
		case strings.IndexByte(foreign, c) >= 0:
			run.WriteString("%%" + string(c))
		case c == 'Z' && utc:
			run.WriteString("UTC")
		case c == 'z' && utc:
			run.WriteString("+0000")
		case c == 'Y' || c == 'F':
			call("year(", ")")
			if c == 'F' {
				run.WriteString("-%m-%d")
				elements = true
			}
		case c == 'G':
			call("isoyear(", ")")
		case c == 'Q':
			call("quarter(", ")")
		case c == 'e':
			call("lpad(CAST(day(", ") AS VARCHAR), 2, ' ')")
		case c == 'k':
			call("lpad(CAST(hour(", ") AS VARCHAR), 2, ' ')")
		case strftimeElements[c] != "":
			run.WriteString(strftimeElements[c])
			elements = true
		default:
			return nil, 0, false
		}
	}
	flush()
	return func(x string) string {
		texts := make([]string, len(parts))
		for i, p := range parts {
			texts[i] = p(x)
		}
		switch {
		case len(texts) == 0:
			return "''"
		case len(texts) == 1 && !strings.HasPrefix(texts[0], "strftime") && !strings.HasPrefix(texts[0], "lpad") && texts[0][0] != '\'':
			return Cast(texts[0], "VARCHAR")
		case len(texts) > 1 && texts[0][0] != '\'' && !strings.HasPrefix(texts[0], "strftime") && strings.HasSuffix(texts[1], ")") && !strings.HasPrefix(texts[1], "strftime") && texts[1][0] != '\'':
			texts[0] = Cast(texts[0], "VARCHAR")
		}
		return strings.Join(texts, " || ")
	}, uses, true
}

// formatTimeCall is FORMAT_DATE(format, x) and its like.
func formatTimeCall(c *Call) string {
	kind := c.Kind(1)
	z := c.zoneAt(2)
	offset, fixed := z.offset()
	if format, ok := c.Text(0); ok && (kind != ir.Timestamp || fixed) {
		if build, uses, ok := strftime(format, kind, kind == ir.Timestamp && offset == 0); ok && uses > 0 {
			x := c.Typed(1)
			switch kind {
			case ir.Timestamp:
				x = c.local(x, z)
			case ir.Time:
				x = "DATE '2000-01-01' + " + operand(x, transpile.PrecMultiply)
			}
			if offset == 0 {
				c.SafeDone()
			}
			if uses == 1 {
				return build(x)
			}
			return c.letText(x, build)
		}
	}
	switch kind {
	case ir.Date:
		return c.Func("format_date", c.Typed(0), c.g.macro("epoch_day", c.Typed(1)))
	case ir.Datetime:
		return c.Func("format_datetime", c.Typed(0), "epoch_us("+c.Typed(1)+")")
	case ir.Time:
		return c.Func("format_time", c.Typed(0), "epoch_us("+c.Typed(1)+")")
	case ir.Timestamp:
		return c.Func("format_timestamp", c.Typed(0), "epoch_us("+c.Typed(1)+")", z.text)
	}
	return c.Refuse("over " + c.Type(1).String())
}

// parseTimeCall is PARSE_DATE(format, text) and its like.
func parseTimeCall(c *Call) string {
	switch c.Result().Kind {
	case ir.Date:
		return c.g.macro("date_of_epoch_day", c.Func("parse_date", c.Typed(0), c.Typed(1)))
	case ir.Datetime:
		return "make_timestamp(" + c.Func("parse_datetime", c.Typed(0), c.Typed(1)) + ")"
	case ir.Time:
		return c.g.macro("time_of_micros", c.Func("parse_time", c.Typed(0), c.Typed(1)))
	case ir.Timestamp:
		for i := 2; i < c.Len(); i++ {
			if isInt(c.Kind(i)) && !c.IsNull(i) {
				return c.Refuse("with a precision")
			}
		}
		return "make_timestamptz(" + c.Func("parse_timestamp", c.Typed(0), c.Typed(1), c.zoneAt(2).text) + ")"
	}
	return c.Refuse("with result " + c.Result().String())
}

// formatCall is FORMAT(format, …): its arguments travel as texts that say their type (see
// package function).
func formatCall(c *Call) string {
	args := []string{c.Typed(0)}
	for i := 1; i < c.Len(); i++ {
		text, ok := c.typedText(c.Typed(i), c.Type(i))
		if !ok {
			return c.Refuse("over " + c.Type(i).String())
		}
		args = append(args, text)
	}
	return c.Func("format", args...)
}

// typedTag are the letters of the types.
var typedTag = map[ir.Kind]string{
	ir.Bool: "b", ir.Int64: "i", ir.Int32: "i", ir.Uint32: "i", ir.Uint64: "i", ir.Float64: "f", ir.Float32: "f", ir.Numeric: "n", ir.BigNumeric: "w", ir.String: "s",
	ir.Bytes: "y", ir.Date: "d", ir.Datetime: "t", ir.Time: "m", ir.Timestamp: "z", ir.Interval: "v", ir.JSON: "j", ir.UUID: "q",
}

// typedText writes a value as the typed text that FORMAT's Go function reads.
func (c *Call) typedText(x string, t *ir.Type) (string, bool) {
	framed := func(list string) string {
		c.g.names++
		v := "_v" + itoa(c.g.names)
		return "array_to_string(list_transform(" + list + ", lambda " + v + ": strlen(" + v + ") || ':' || " + v + "), '')"
	}
	switch t.Kind {
	case ir.Array:
		c.g.names++
		v := "_v" + itoa(c.g.names)
		elem, ok := c.typedText(v, t.Elem)
		if !ok || strings.Contains(x, "SELECT") {
			return "", false
		}
		return "coalesce('a' || " + framed("list_transform("+x+", lambda "+v+": "+elem+")") + ", 'N')", true
	case ir.Struct:
		if strings.Contains(x, "SELECT") || len(t.Fields) == 0 {
			return "", false
		}
		all := true
		text := c.letText(x, func(x string) string {
			parts := make([]string, len(t.Fields))
			for i, f := range t.Fields {
				p, ok := c.typedText(field(x, t, i), f.Type)
				all = all && ok
				parts[i] = p
			}
			return "CASE WHEN " + x + " IS NULL THEN 'N' ELSE 'r' || " + framed("["+strings.Join(parts, ", ")+"]") + " END"
		})
		return text, all
	}
	tag := typedTag[t.Kind]
	if tag == "" {
		return "", false
	}
	switch t.Kind {
	case ir.Bytes:
		x = "hex(" + x + ")"
	case ir.JSON:
		x = Cast(x, "VARCHAR")
	default:
		x = c.g.cast(x, t, &ir.Type{Kind: ir.String}, false, c.Node.At())
	}
	return "coalesce('" + tag + "' || " + operand(x, transpile.PrecMultiply) + ", 'N')", true
}

// castFunctions are the casts (see casts.go) that are Go functions, not macros.
func castFunctions() map[string]bool { return nil }

// castFormat writes CAST with a FORMAT or AT TIME ZONE clause.
func castFormat() func(g *generator, n *ir.Cast) string { return formattedCast }

func formattedCast(g *generator, n *ir.Cast) string {
	from, to := n.Arg.T(), n.T()
	x := g.Expr(n.Arg)
	zone := quote(g.zone())
	if n.Zone != nil {
		zone = g.Expr(n.Zone)
	}
	call := func(name string, args ...string) string {
		if n.Safe {
			name = "safe_" + name
		}
		return g.function(name, args...)
	}
	what := "CAST from " + from.String() + " to " + to.String() + " with FORMAT"
	if !n.Params.None() {
		return g.refuse(what+" and type parameters", "", n.At())
	}
	if n.Format == nil {
		// AT TIME ZONE alone.
		switch {
		case from.Kind == ir.Timestamp && to.Kind == ir.String:
			return call("timestamp_to_string", "epoch_us("+x+")", zone)
		case from.Kind == ir.String && to.Kind == ir.Timestamp:
			return "make_timestamptz(" + call("timestamp_of_string", x, zone) + ")"
		}
		return g.refuse("CAST from "+from.String()+" to "+to.String()+" AT TIME ZONE", "", n.At())
	}
	format := g.Expr(n.Format)
	kindOf := func(k ir.Kind) (string, bool) {
		switch k {
		case ir.Date, ir.Datetime, ir.Time, ir.Timestamp:
			return quote(k.String()), true
		}
		return "", false
	}
	switch {
	case to.Kind == ir.String:
		if kind, ok := kindOf(from.Kind); ok {
			if from.Kind != ir.Timestamp {
				zone = "'UTC'"
			}
			return call("cast_format", format, "epoch_us("+x+")", kind, zone)
		}
		switch k := from.Kind; {
		case k == ir.Bytes:
			return call("bytes_to_text", x, format)
		case k == ir.Float64, k == ir.Float32:
			return call("format_float", format, Cast(x, "DOUBLE"))
		case isInt(k), k == ir.Numeric, k == ir.BigNumeric:
			return call("format_decimal", format, Cast(x, "VARCHAR"))
		}
	case from.Kind == ir.String:
		if kind, ok := kindOf(to.Kind); ok {
			if to.Kind != ir.Timestamp {
				zone = "'UTC'"
			}
			today := g.macro("epoch_day", "CAST(make_timestamp(epoch_us(current_timestamp)) AS DATE)")
			us := call("cast_parse", format, x, today, kind, zone)
			switch to.Kind {
			case ir.Date:
				return "CAST(make_timestamp(" + us + ") AS DATE)"
			case ir.Time:
				return g.macro("time_of_micros", us)
			case ir.Datetime:
				return "make_timestamp(" + us + ")"
			}
			return "make_timestamptz(" + us + ")"
		}
		if to.Kind == ir.Bytes {
			return call("text_to_bytes", x, format)
		}
	}
	return g.refuse(what, "", n.At())
}

package duckdb

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// Casts between dates, times, intervals, ranges and text are macros (or, where listed
// in castFunctions, Go functions) by a convention: cast_<from>_<to>(x), with the kinds
// in lower case; safe_cast_<from>_<to>(x) yields NULL on errors, and may be left out
// where the cast cannot fail or TRY over the plain macro is right. Where TIMESTAMP is
// on one side and STRING, DATE, DATETIME or TIME on the other, the time zone is the
// second argument.

// castExpr writes a Cast node.
func (g *generator) castExpr(n *ir.Cast) string {
	if n.Extended {
		return g.refuse("CAST from "+n.Arg.T().String()+" to "+n.T().String(), "the conversion is not built in", n.At())
	}
	if n.Format != nil || n.Zone != nil {
		if r := castFormat(); r != nil {
			return r(g, n)
		}
		return g.refuse("CAST with FORMAT", "", n.At())
	}
	// The default type of a NULL or an empty array is the target's.
	if l, ok := n.Arg.(*ir.Literal); ok && l.Value.Null {
		return g.literal(ir.Value{Type: n.T(), Null: true}, false, n.At())
	}
	if l, ok := n.Arg.(*ir.Literal); ok && isInt(l.T().Kind) && isInt(n.T().Kind) && n.T().Kind != ir.Uint64 && n.Params.None() {
		return g.bare(l) + "::" + g.typ(n.T(), n.At())
	}
	text := g.cast(g.Expr(n.Arg), n.Arg.T(), n.T(), n.Safe, n.At())
	if n.Params.None() {
		return text
	}
	return g.limited(text, n.T(), n.Params, n.Safe, n.At())
}

// limited checks and applies type parameters.
func (g *generator) limited(text string, t *ir.Type, p ir.Params, safe bool, at ir.Span) string {
	if p.None() {
		return text
	}
	name := ""
	var args []string
	switch t.Kind {
	case ir.String, ir.Bytes:
		name, args = "max_length", []string{text, itoa(int(p.Length)), quote(t.Kind.String() + "(" + itoa(int(p.Length)) + ")")}
		if t.Kind == ir.Bytes {
			name = "max_bytes"
		}
	case ir.Numeric:
		whole := p.Precision - p.Scale
		typ := "DECIMAL(38," + itoa(int(p.Scale)) + ")"
		rounded := text
		if p.Scale < 9 {
			rounded = "CAST(CAST(" + text + " AS " + typ + ") AS DECIMAL(38,9))"
		}
		if whole >= 29 {
			return rounded
		}
		name, args = "max_numeric", []string{rounded, "1" + strings.Repeat("0", int(whole)), quote("NUMERIC(" + itoa(int(p.Precision)) + ", " + itoa(int(p.Scale)) + ")")}
	case ir.BigNumeric:
		return g.limitedBigNumeric(text, p, safe)
	case ir.Array:
		if len(p.Children) != 1 {
			break
		}
		g.names++
		v := "_v" + itoa(g.names)
		return "list_transform(" + text + ", lambda " + v + ": " + g.limited(v, t.Elem, p.Children[0], safe, at) + ")"
	case ir.Struct:
		if len(p.Children) != len(t.Fields) {
			break
		}
		return g.let(text, func(v string) string {
			names := fieldNames(t)
			parts := make([]string, len(names))
			for i, n := range names {
				parts[i] = quote(n) + ": " + g.limited(field(v, t, i), t.Fields[i].Type, p.Children[i], safe, at)
			}
			return "CASE WHEN " + v + " IS NOT NULL THEN {" + strings.Join(parts, ", ") + "} END"
		})
	}
	if name == "" {
		return g.refuse("type parameters of "+t.String(), "", at)
	}
	if safe {
		name, args = "safe_"+name, args[:2]
	}
	return g.macro(name, args...)
}

// cast converts a text of one type to another as CAST, or SAFE_CAST, does.
func (g *generator) cast(text string, from, to *ir.Type, safe bool, at ir.Span) string {
	if sameShape(from, to) {
		return text
	}
	if from == nil || to == nil {
		return g.refuse("a cast without types", "", at)
	}
	f, t := from.Kind, to.Kind
	switch {
	case f == ir.Array && t == ir.Array:
		g.names++
		v := "_v" + itoa(g.names)
		inner := g.cast(v, from.Elem, to.Elem, safe, at)
		if strings.Contains(inner, "SELECT") {
			return g.refuse("CAST from "+from.String()+" to "+to.String(), "", at)
		}
		return "list_transform(" + text + ", lambda " + v + ": " + inner + ")"
	case f == ir.Struct && t == ir.Struct:
		if len(from.Fields) != len(to.Fields) {
			break
		}
		return g.let(text, func(v string) string {
			names := fieldNames(to)
			parts := make([]string, len(names))
			for i, n := range names {
				parts[i] = quote(n) + ": " + g.cast(field(v, from, i), from.Fields[i].Type, to.Fields[i].Type, safe, at)
			}
			return "CASE WHEN " + v + " IS NOT NULL THEN {" + strings.Join(parts, ", ") + "} END"
		})
	case enum(from) && t == ir.String:
		return text
	case f == ir.String && enum(to) && strings.HasSuffix(to.Name, "ROUNDING_MODE") && !safe:
		return g.function("rounding_mode", text)
	case f == ir.BigNumeric || t == ir.BigNumeric:
		if text, ok := g.castBigNumeric(text, from, to, safe, at); ok {
			return text
		}
		if t != ir.JSON {
			break
		}
		return g.jsonCastTo(text, from, safe, at)
	case f == ir.Unknown || f == ir.Other && t == ir.Other:
		return text
	}
	typ := g.typ(to, at)
	native := func(arg string) string {
		if safe {
			return "TRY_CAST(" + arg + " AS " + typ + ")"
		}
		return "CAST(" + arg + " AS " + typ + ")"
	}
	either := func(name string, args ...string) string {
		if safe {
			return g.macro("safe_"+name, args...)
		}
		return g.macro(name, args...)
	}
	switch {
	case isInt(f) && isInt(t), isInt(f) && (isFloat(t) || t == ir.Numeric), isFloat(f) && isFloat(t),
		f == ir.Numeric && (isFloat(t) || isInt(t)), f == ir.Bool && isInt(t):
		if isFloat(f) && t == ir.Float32 {
			return native(text)
		}
		return native(text)
	case isInt(f) && t == ir.Bool:
		return operand(text, transpile.PrecAdd) + " <> 0"
	case (isInt(f) || f == ir.Bool || f == ir.UUID) && t == ir.String:
		return "CAST(" + text + " AS VARCHAR)"
	case isFloat(f) && isInt(t):
		return native("round(" + text + ")")
	case isFloat(f) && t == ir.Numeric:
		return native("format('{:.20f}', " + text + ")")
	case f == ir.Float64 && t == ir.String:
		return g.macro("float64_text", text)
	case f == ir.Float32 && t == ir.String:
		return g.macro("float32_text", text)
	case f == ir.Numeric && t == ir.String:
		return g.macro("numeric_text", text)
	case f == ir.String:
		switch t {
		case ir.Int64, ir.Int32, ir.Uint32, ir.Uint64:
			if safe {
				return "TRY_CAST(" + g.macro("safe_integer_digits", text) + " AS " + typ + ")"
			}
			return "CAST(" + g.macro("integer_digits", text, quote(strings.ToLower(to.String()))) + " AS " + typ + ")"
		case ir.Float64, ir.Float32:
			if safe {
				return "TRY_CAST(" + g.macro("safe_float_digits", text) + " AS " + typ + ")"
			}
			return "CAST(" + g.macro("float_digits", text, quote(map[ir.Kind]string{ir.Float64: "double", ir.Float32: "float"}[t])) + " AS " + typ + ")"
		case ir.Numeric:
			if safe {
				return "TRY_CAST(" + g.macro("safe_numeric_digits", text) + " AS " + typ + ")"
			}
			return "CAST(" + g.macro("numeric_digits", text) + " AS " + typ + ")"
		case ir.Bool:
			return either("text_bool", text)
		case ir.Bytes:
			return "encode(" + text + ")"
		case ir.UUID:
			return native(text)
		}
	case f == ir.Bytes && t == ir.String:
		if safe {
			return "TRY(decode(" + text + "))"
		}
		return "decode(" + text + ")"
	}
	if t == ir.JSON {
		return g.jsonCastTo(text, from, safe, at)
	}
	if text, ok := g.castNamed(text, f, t, safe); ok {
		return text
	}
	return g.refuse("CAST from "+from.String()+" to "+to.String(), "", at)
}

// castNamed casts by a macro or function named after the kinds.
func (g *generator) castNamed(text string, f, t ir.Kind, safe bool) (string, bool) {
	name := "cast_" + strings.ToLower(f.String()) + "_" + strings.ToLower(t.String())
	args := []string{text}
	zoned := func(k ir.Kind) bool {
		return k == ir.String || k == ir.Date || k == ir.Datetime || k == ir.Time
	}
	if f == ir.Timestamp && zoned(t) || t == ir.Timestamp && zoned(f) {
		args = append(args, quote(g.zone()))
	}
	if fn := castFunctions()[name]; fn {
		if safe {
			name = "safe_" + name
		}
		return g.function(name, args...), true
	}
	_, plain := macroNames()[name]
	_, safely := macroNames()["safe_"+name]
	switch {
	case safe && safely:
		return g.macro("safe_"+name, args...), true
	case safe && plain:
		out := g.macro(name, args...)
		if g.fails(out) {
			return "", false
		}
		return "TRY(" + out + ")", true
	case plain:
		return g.macro(name, args...), true
	}
	return "", false
}

func castMacros() []macro {
	return []macro{
		// FLOAT64 as text is %.15g if that reads back as the same number, else %.17g
		// (googlesql/public/functions/string_with_collation aside: common/floating point).
		{"float64_text", "x", `CASE WHEN isnan(x) THEN 'nan' WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'inf' ELSE '-inf' END WHEN CAST(printf('%.15g', x) AS DOUBLE) = x THEN printf('%.15g', x) ELSE printf('%.17g', x) END`},
		{"float32_text", "x", `CASE WHEN isnan(x) THEN 'nan' WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'inf' ELSE '-inf' END WHEN CAST(printf('%.6g', x::DOUBLE) AS FLOAT) = x THEN printf('%.6g', x::DOUBLE) ELSE printf('%.9g', x::DOUBLE) END`},
		{"numeric_text", "x", `rtrim(rtrim(CAST(x AS VARCHAR), '0'), '.')`},
		// Text to numbers: DuckDB reads more forms (1.5 as an integer, 1_000) than GoogleSQL.
		{"integer_digits", "s, t", `CASE WHEN regexp_full_match(s, '\s*[+-]?([0-9]+|0[xX][0-9a-fA-F]+)\s*') THEN trim(s, E' \t\n\r\f\x0b') WHEN s IS NULL THEN NULL ELSE ` + fail("VARCHAR", "'Bad ' || t || ' value: ' || s") + ` END`},
		{"safe_integer_digits", "s", `CASE WHEN regexp_full_match(s, '\s*[+-]?([0-9]+|0[xX][0-9a-fA-F]+)\s*') THEN trim(s, E' \t\n\r\f\x0b') END`},
		{"float_digits", "s, t", `CASE WHEN regexp_full_match(s, '(?i)\s*[+-]?(([0-9]+[.]?[0-9]*|[.][0-9]+)(e[+-]?[0-9]+)?|inf|infinity|nan)\s*') THEN trim(s, E' \t\n\r\f\x0b') WHEN s IS NULL THEN NULL ELSE ` + fail("VARCHAR", "'Bad ' || t || ' value: ' || s") + ` END`},
		{"safe_float_digits", "s", `CASE WHEN regexp_full_match(s, '(?i)\s*[+-]?(([0-9]+[.]?[0-9]*|[.][0-9]+)(e[+-]?[0-9]+)?|inf|infinity|nan)\s*') THEN trim(s, E' \t\n\r\f\x0b') END`},
		{"numeric_digits", "s", `CASE WHEN regexp_full_match(s, '(?i)\s*[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)(e[+-]?[0-9]+)?\s*') THEN trim(s, E' \t\n\r\f\x0b') WHEN s IS NULL THEN NULL ELSE ` + fail("VARCHAR", "'Invalid NUMERIC value: ' || s") + ` END`},
		{"safe_numeric_digits", "s", `CASE WHEN regexp_full_match(s, '(?i)\s*[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)(e[+-]?[0-9]+)?\s*') THEN trim(s, E' \t\n\r\f\x0b') END`},
		{"text_bool", "s", `CASE lower(s) WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE ELSE CASE WHEN s IS NOT NULL THEN ` + fail("BOOLEAN", "'Bad bool value: ' || s") + ` END END`},
		{"safe_text_bool", "s", `CASE lower(s) WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END`},
		// Type parameters.
		{"max_length", "s, n, t", `CASE WHEN length(s) > n THEN ` + fail("VARCHAR", "t || ' has maximum length ' || n || ' but got a value with length ' || length(s)") + ` ELSE s END`},
		{"safe_max_length", "s, n", `CASE WHEN length(s) <= n THEN s END`},
		{"max_bytes", "b, n, t", `CASE WHEN octet_length(b) > n THEN ` + fail("BLOB", "t || ' has maximum length ' || n || ' but got a value with length ' || octet_length(b)") + ` ELSE b END`},
		{"safe_max_bytes", "b, n", `CASE WHEN octet_length(b) <= n THEN b END`},
		{"max_numeric", "x, bound, t", `CASE WHEN abs(x) >= bound THEN ` + fail("DECIMAL(38,9)", "t || ' has maximum precision, but got a value that is out of range: ' || x") + ` ELSE x END`},
		{"safe_max_numeric", "x, bound", `CASE WHEN abs(x) < bound THEN x END`},
	}
}

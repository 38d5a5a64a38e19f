package postgres

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// castExpr writes a Cast node.
func (g *generator) castExpr(n *ir.Cast) string {
	name := "CAST from " + n.Arg.T().String() + " to " + n.T().String()
	if n.Extended {
		return g.refuse(name, "the conversion is not built in", n.At())
	}
	if n.Format != nil || n.Zone != nil {
		return g.castFormat(n)
	}
	// The default type of a NULL or an empty array is the target's.
	if l, ok := n.Arg.(*ir.Literal); ok && l.Value.Null {
		return g.literal(ir.Value{Type: n.T(), Null: true}, false, n.At())
	}
	from, to := n.Arg.T(), n.T()
	text := g.Expr(n.Arg)
	if sameShape(from, to) && n.Params.None() {
		return text
	}
	if name := safeReader(from, to); n.Safe && name != "" && n.Params.None() && (to.Kind != ir.Timestamp || g.zone() == "UTC") {
		text = g.function("safe_"+name, text)
		if isDecimal(to.Kind) {
			return castTo(text, g.typ(to, n.At()))
		}
		return text
	}
	if n.Safe && !harmlessCast(from, to) {
		var t trial
		arg := t.placeholder(text, g.typ(from, n.At()))
		out := g.limited(g.cast(arg, from, to, false, n.At()), to, n.Params, n.At())
		return g.try(&t, out, to, n.At())
	}
	return g.limited(g.cast(text, from, to, n.Safe, n.At()), to, n.Params, n.At())
}

// safeReader is the function that reads a value of a type from a STRING, for which there
// is one that gives NULL where it fails; "" if there is none.
func safeReader(from, to *ir.Type) string {
	if from.Kind != ir.String {
		return ""
	}
	return map[ir.Kind]string{
		ir.Int64: "text_int64", ir.Float64: "text_float64", ir.Numeric: "text_numeric38", ir.Bool: "text_bool",
		ir.Date: "text_date", ir.Datetime: "text_datetime", ir.Time: "text_time", ir.Timestamp: "text_timestamp",
	}[to.Kind]
}

// safely is a routine that gives NULL where another one fails for its data.
func safely(name, params, result, call string) routine {
	return routine{name: "safe_" + name, params: params, result: result, block: true, body: "BEGIN RETURN " + call + "; EXCEPTION WHEN data_exception THEN RETURN NULL; END"}
}

// harmlessCast reports whether a cast cannot fail.
func harmlessCast(from, to *ir.Type) bool {
	f, t := from.Kind, to.Kind
	switch {
	case isInt(f) && (t == ir.Int64 || t == ir.Float64 || t == ir.Numeric || t == ir.Bool || t == ir.String),
		f == ir.Bool && (isInt(t) || t == ir.String), f == ir.Numeric && (t == ir.Float64 || t == ir.String),
		f == ir.String && t == ir.Bytes, f == ir.Float64 && t == ir.String:
		return true
	}
	return false
}

// limited checks and applies type parameters.
func (g *generator) limited(text string, t *ir.Type, p ir.Params, at ir.Span) string {
	if p.None() {
		return text
	}
	switch {
	case t.Kind == ir.String && p.Length > 0:
		return g.function("max_length", text, itoa(int(p.Length)))
	case t.Kind == ir.Bytes && p.Length > 0:
		return g.function("max_bytes", text, itoa(int(p.Length)))
	case t.Kind == ir.BigNumeric && p.Precision > 0:
		return g.function("bignumeric", castTo(text, "numeric("+itoa(int(p.Precision))+","+itoa(int(p.Scale))+")"))
	case t.Kind == ir.Numeric && p.Precision > 0:
		return "CAST(" + castTo(text, "numeric("+itoa(int(p.Precision))+","+itoa(int(p.Scale))+")") + " AS numeric(38,9))"
	}
	return g.refuse("type parameters of "+t.String(), "", at)
}

// cast converts a text of one type to another as CAST does. safe is for elements of
// arrays and fields of structs, which are refused there.
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
		if safe || g.holdsGroup(transpile.Plain(text)) {
			break
		}
		return g.let(text, func(l string) string {
			v := g.name("_e")
			return "CASE WHEN " + l + " IS NOT NULL THEN ARRAY(SELECT " + g.cast(v+".v", from.Elem, to.Elem, false, at) + " FROM " +
				g.elements(l, v, from) + " ORDER BY " + v + ".i) END"
		})
	case f == ir.Struct && t == ir.Struct:
		if safe || len(from.Fields) != len(to.Fields) {
			break
		}
		return g.let(text, func(v string) string {
			parts := make([]string, len(to.Fields))
			for i := range parts {
				parts[i] = g.cast(field(v, from, i), from.Fields[i].Type, to.Fields[i].Type, false, at)
			}
			return "CASE WHEN " + notNull(v, from) + " THEN ROW(" + strings.Join(parts, ", ") + ")::" + g.typ(to, at) + " END"
		})
	case f == ir.Unknown || f == ir.Other && t == ir.Other:
		return text
	}
	typ := g.typ(to, at)
	native := castTo(text, typ)
	zone := &Call{g: g, Node: &ir.Call{Of: ir.Of{Span: at}}}
	z := zone.zoneAt(-1)
	switch {
	case enum(from) && t == ir.String:
		return text
	case isUnsigned(t) && (isInt(f) || isUnsigned(f) || isDecimal(f)):
		return g.unsigned(castTo(text, "numeric"), t)
	case isUnsigned(t) && f == ir.Bool:
		return castTo(castTo(text, "integer"), typ)
	case isUnsigned(f) && t == ir.Bool:
		return operand(text, transpile.PrecAdd) + " <> 0"
	case isInt(f) && (isInt(t) || isFloat(t) || isDecimal(t)), isFloat(f) && isFloat(t), isDecimal(f) && (isFloat(t) || isInt(t) || isDecimal(t)),
		isUnsigned(f) && (isInt(t) || isFloat(t) || isDecimal(t)):
		return native
	case isUnsigned(f) && t == ir.String:
		return castTo(text, "text")
	case f == ir.Bool && isInt(t):
		return castTo(castTo(text, "integer"), typ)
	case isInt(f) && t == ir.Bool:
		return operand(text, transpile.PrecAdd) + " <> 0"
	case (isInt(f) || f == ir.Bool || f == ir.UUID) && t == ir.String:
		return castTo(text, "text")
	case isFloat(f) && isInt(t):
		return castTo(g.function("round", castTo(text, "double precision")), typ)
	case isFloat(f) && isDecimal(t):
		return g.decimal(g.function("exact", castTo(text, "double precision")), t)
	case f == ir.Float64 && t == ir.String:
		return g.function("float64_text", text)
	case isDecimal(f) && t == ir.String:
		return "trim_scale(" + text + ")::text"
	case f == ir.String:
		switch t {
		case ir.Int64, ir.Int32:
			return castTo(g.function("text_int64", text), typ)
		case ir.Float64:
			return g.function("text_float64", text)
		case ir.Numeric, ir.BigNumeric:
			return g.decimal(g.function("text_numeric", text), t)
		case ir.Bool:
			return g.function("text_bool", text)
		case ir.Bytes:
			return "convert_to(" + text + ", 'UTF8')"
		case ir.Date:
			return g.function("text_date", text)
		case ir.Datetime:
			return g.function("text_datetime", text)
		case ir.Time:
			return g.function("text_time", text)
		case ir.Timestamp:
			if offset, ok := z.offset(); ok && offset == 0 {
				return g.function("text_timestamp", text)
			}
		}
	case f == ir.Bytes && t == ir.String:
		return "convert_from(" + text + ", 'UTF8')"
	case t == ir.String:
		switch f {
		case ir.Date:
			return "to_char(" + text + ", 'YYYY-MM-DD')"
		case ir.Datetime:
			return g.function("datetime_text", text)
		case ir.Interval:
			return g.function("interval_text", text)
		case ir.Time:
			return g.function("time_text", text)
		case ir.Timestamp:
			if offset, ok := z.offset(); ok && offset == 0 {
				return g.function("datetime_text", operand(text, transpile.PrecCast)+" AT TIME ZONE 'UTC'") + " || '+00'"
			}
		}
	case f == ir.Date && t == ir.Datetime, f == ir.Datetime && t == ir.Date, f == ir.Datetime && t == ir.Time:
		return native
	case f == ir.Timestamp && t == ir.Datetime:
		return zone.local(text, z)
	case f == ir.Timestamp && (t == ir.Date || t == ir.Time):
		return castTo(zone.local(text, z), typ)
	case f == ir.Datetime && t == ir.Timestamp:
		return zone.instant(text, z)
	case f == ir.Date && t == ir.Timestamp:
		return zone.instant(castTo(text, "timestamp"), z)
	}
	return g.refuse("CAST from "+from.String()+" to "+to.String(), "", at)
}

// unsigned makes a numeric an unsigned integer, half away from zero, in range.
func (g *generator) unsigned(text string, k ir.Kind) string {
	hi, typ := "18446744073709551615", "numeric(20,0)"
	if k == ir.Uint32 {
		hi, typ = "4294967295", "bigint"
	}
	return castTo(g.function("unsigned", text, hi), typ)
}

// elements is a FROM item that yields the elements of an array as v.v and their
// one-based positions as v.i.
func (g *generator) elements(list, v string, t *ir.Type) string {
	if t != nil && t.Elem != nil && t.Elem.Kind == ir.Struct {
		return "(SELECT unnest(" + list + "), generate_series(1, cardinality(" + list + ")::bigint)) AS " + v + "(v, i)"
	}
	return "unnest(" + list + ") WITH ORDINALITY AS " + v + "(v, i)"
}

// White space around numbers in text, as a regular expression.
const numberSpace = `[ \t\n\v\f\r]*`

func castRoutines() []routine {
	bad := func(kind string) string { return raise("'Bad " + kind + " value: ' || s") }
	return []routine{
		// round is half away from zero; the difference to the whole part is exact.
		{name: "round", params: "x double precision", result: "double precision", body: "CASE WHEN abs(x) < 4503599627370496 AND abs(x - trunc(x)) >= 0.5 THEN trunc(x) + sign(x) ELSE trunc(x) END"},
		// exact is the number that a double is, digit by digit: 52 bits and a power of two.
		{name: "exact", params: "x double precision", result: "numeric", block: true, body: `
DECLARE b bigint; e integer; v numeric;
BEGIN
  IF x IS NULL THEN RETURN NULL; END IF;
  IF x = 'NaN' OR x = 'Infinity' OR x = '-Infinity' THEN ` + raise("'Illegal conversion of non-finite floating point number to numeric: ' || x") + ` END IF;
  b := ('x' || encode(float8send(x), 'hex'))::bit(64)::bigint;
  e := ((b >> 52) & 2047)::integer;
  v := (b & 4503599627370495)::numeric;
  IF e > 0 THEN v := v + 4503599627370496; ELSE e := 1; END IF;
  e := e - 1075;
  WHILE e >= 30 LOOP v := v * 1073741824; e := e - 30; END LOOP;
  WHILE e > 0 LOOP v := v * 2; e := e - 1; END LOOP;
  WHILE e <= -20 LOOP v := v * 0.00000095367431640625; e := e + 20; END LOOP;
  WHILE e < 0 LOOP v := v * 0.5; e := e + 1; END LOOP;
  RETURN CASE WHEN b < 0 THEN -v ELSE v END;
END`},
		{name: "digits15", params: "x double precision", result: "text", block: true, set: "extra_float_digits = 0", body: "BEGIN RETURN x::text; END"},
		// float64_text is %.15g if that reads back as the same number, else %.17g.
		{name: "float64_text", params: "x double precision", result: "text", block: true, body: `
DECLARE t text; v numeric; e integer; d text;
BEGIN
  IF x IS NULL THEN RETURN NULL; END IF;
  IF x = 'NaN' THEN RETURN 'nan'; ELSIF x = 'Infinity' THEN RETURN 'inf'; ELSIF x = '-Infinity' THEN RETURN '-inf'; END IF;
  t := _engine.digits15(x);
  IF t NOT IN ('1.79769313486232e+308', '-1.79769313486232e+308') AND t::double precision = x THEN RETURN t; END IF;
  v := abs(_engine.exact(x));
  e := (regexp_match(to_char(v, '9.9EEEE'), 'e([+-][0-9]+)'))[1]::integer;
  IF v >= ('1e' || (e + 1))::numeric THEN e := e + 1; ELSIF v < ('1e' || e)::numeric THEN e := e - 1; END IF;
  v := round(v, 16 - e);
  IF v >= ('1e' || (e + 1))::numeric THEN e := e + 1; END IF;
  IF e < -4 OR e >= 17 THEN
    d := rtrim(left(ltrim(replace(v::text, '.', ''), '0'), 17), '0');
    t := left(d, 1) || CASE WHEN length(d) > 1 THEN '.' || substr(d, 2) ELSE '' END || 'e' || CASE WHEN e < 0 THEN '-' ELSE '+' END || CASE WHEN abs(e) < 10 THEN '0' ELSE '' END || abs(e);
  ELSE
    t := trim_scale(v)::text;
  END IF;
  RETURN CASE WHEN x < 0 THEN '-' ELSE '' END || t;
END`},
		{name: "text_int64", params: "s text", result: "bigint", block: true, body: `
DECLARE m text[]; v numeric := 0; h text;
BEGIN
  IF s IS NULL THEN RETURN NULL; END IF;
  m := regexp_match(s, '^` + numberSpace + `([+-]?)(?:0[xX]([0-9a-fA-F]+)|([0-9]+))` + numberSpace + `$');
  IF m IS NULL THEN ` + bad("int64") + ` END IF;
  IF m[3] IS NOT NULL THEN RETURN (m[1] || m[3])::numeric::bigint; END IF;
  FOREACH h IN ARRAY regexp_split_to_array(lower(m[2]), '') LOOP v := v * 16 + strpos('0123456789abcdef', h) - 1; END LOOP;
  RETURN (CASE WHEN m[1] = '-' THEN -v ELSE v END)::bigint;
END`},
		{name: "text_float64", params: "s text", result: "double precision", block: true, body: `
BEGIN
  IF s !~* '^` + numberSpace + `[+-]?(([0-9]+[.]?[0-9]*|[.][0-9]+)(e[+-]?[0-9]+)?|inf|infinity|nan)` + numberSpace + `$' THEN ` + bad("double") + ` END IF;
  IF s ~* 'nan' THEN RETURN 'NaN'; END IF;
  RETURN regexp_replace(s, '[ \t\n\v\f\r]', '', 'g')::double precision;
END`},
		{name: "text_numeric", params: "s text", result: "numeric", block: true, body: `
BEGIN
  IF s !~* '^` + numberSpace + `[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)(e[+-]?[0-9]+)?` + numberSpace + `$' THEN ` + raise("'Invalid NUMERIC value: ' || s") + ` END IF;
  RETURN regexp_replace(s, '[ \t\n\v\f\r]', '', 'g')::numeric;
END`},
		{name: "text_bool", params: "s text", result: "boolean", block: true, body: `
BEGIN
  IF lower(s) = 'true' THEN RETURN TRUE; ELSIF lower(s) = 'false' THEN RETURN FALSE; ELSIF s IS NULL THEN RETURN NULL; END IF;
  ` + bad("bool") + `
END`},
		safely("text_int64", "s text", "bigint", "_engine.text_int64(s)"),
		safely("text_float64", "s text", "double precision", "_engine.text_float64(s)"),
		safely("text_numeric38", "s text", "numeric", "_engine.text_numeric(s)::numeric(38,9)"),
		safely("text_bool", "s text", "boolean", "_engine.text_bool(s)"),
		safely("text_date", "s text", "date", "_engine.text_date(s)"),
		safely("text_datetime", "s text", "timestamp", "_engine.text_datetime(s)"),
		safely("text_time", "s text", "time", "_engine.text_time(s)"),
		safely("text_timestamp", "s text", "timestamptz", "_engine.text_timestamp(s)"),
		safely("text_jsonb", "s text", "jsonb", "s::jsonb"),
		{name: "unsigned", params: "x numeric, hi numeric", result: "numeric", block: true, body: "DECLARE r numeric := round(x); BEGIN IF r NOT BETWEEN 0 AND hi THEN " + raise("'unsigned integer out of range: ' || x") + " END IF; RETURN r; END"},
		// The bounds are 2^255 units of 10^-38.
		{name: "bignumeric", params: "x numeric", result: "numeric", block: true, body: "DECLARE r numeric := round(x, 38); BEGIN IF r NOT BETWEEN -578960446186580977117854925043439539266.34992332820282019728792003956564819968 AND 578960446186580977117854925043439539266.34992332820282019728792003956564819967 THEN " + raise("'BIGNUMERIC overflow'") + " END IF; RETURN r; END"},
		{name: "max_length", params: "s text, n integer", result: "text", block: true, body: "BEGIN IF char_length(s) > n THEN " + raise("'STRING(' || n || ') has maximum length ' || n || ' but got a value with length ' || char_length(s)") + " END IF; RETURN s; END"},
		{name: "max_bytes", params: "s bytea, n integer", result: "bytea", block: true, body: "BEGIN IF octet_length(s) > n THEN " + raise("'BYTES(' || n || ') has maximum length ' || n || ' but got a value with length ' || octet_length(s)") + " END IF; RETURN s; END"},
	}
}

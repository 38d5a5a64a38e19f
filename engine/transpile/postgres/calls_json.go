package postgres

import (
	"regexp"
	"sort"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// A JSON value is its text in GoogleSQL's canonical form: no spaces, keys sorted and
// unique. PostgreSQL's json keeps a text as it is, so that what is taken out of a value is
// canonical, too. What stands in a table may have been written by others, in any form: its
// text is made canonical where the form shows, and a name given twice is refused at run
// time. A STRING that holds JSON is read by functions that refuse, at run time, what the
// two read otherwise: names given twice, numbers with an exponent.

func jsonRules() map[string]Rule {
	rules := map[string]Rule{
		"parse_json": func(c *Call) string {
			if c.Len() > 1 {
				if mode, ok := c.Text(1); !ok || !strings.EqualFold(mode, "exact") {
					return c.Refuse("with a mode for wide numbers")
				}
			}
			return c.Func("json_canonical", c.Typed(0)) + "::json"
		},
		"to_json":        toJSON,
		"safe_to_json":   toJSON,
		"to_json_string": toJSONString,
		"json_type":      func(c *Call) string { c.SafeDone(); return "json_typeof(" + c.Typed(0) + ")" },
		"json_array": func(c *Call) string {
			c.SafeDone()
			parts := make([]string, c.Len())
			for i := range parts {
				parts[i] = c.g.json(c.Typed(i), c.Type(i), true, c.Node.At())
			}
			if len(parts) == 0 {
				return "'[]'::json"
			}
			return castTo("'[' || "+strings.Join(parts, " || ',' || ")+" || ']'", "json")
		},
		"json_object": jsonObject,
		"json_keys": func(c *Call) string {
			depth := "1000"
			if c.Len() > 1 && !c.IsNull(1) {
				depth = c.Typed(1)
			}
			if c.Len() > 2 {
				if mode, ok := c.Text(2); !ok || !strings.EqualFold(mode, "strict") {
					return c.Refuse("with a mode")
				}
			}
			return c.Func("json_keys", c.Typed(0), depth)
		},
		"$subscript": jsonSubscript,
	}
	for _, name := range []string{"json_query", "json_extract", "json_value", "json_extract_scalar", "json_query_array", "json_extract_array", "json_value_array", "json_extract_string_array"} {
		rules[name] = jsonExtract
	}
	for _, k := range jsonConversions {
		for _, lax := range []bool{false, true} {
			name := k.name
			if lax {
				name = "lax_" + name
			}
			if name != "string" { // an overload of the time functions, whose rule calls stringOfJSON
				rules[name] = func(c *Call) string {
					exact, ok := c.wideMode(1)
					if !ok {
						return c.Refuse("with a computed mode for wide numbers")
					}
					return c.fromJSON(k, lax, exact, c.Typed(0))
				}
			}
			rules[name+"_array"] = func(c *Call) string { return c.arrayFromJSON(k, lax) }
		}
	}
	return rules
}

// jsonConversion is a function that reads a SQL value from JSON. Those of integers have
// bounds.
type jsonConversion struct{ name, typ, lo, hi string }

var jsonConversions = []jsonConversion{
	{name: "bool", typ: "boolean"},
	{name: "string", typ: "text"},
	{name: "int64", typ: "bigint", lo: "-9223372036854775808", hi: "9223372036854775807"},
	{name: "int32", typ: "integer", lo: "-2147483648", hi: "2147483647"},
	{name: "uint32", typ: "bigint", lo: "0", hi: "4294967295"},
	{name: "uint64", typ: "numeric(20,0)", lo: "0", hi: "18446744073709551615"},
	{name: "float64", typ: "double precision"},
	{name: "double", typ: "double precision"},
	{name: "float32", typ: "real"},
	{name: "float", typ: "real"},
}

// wideMode reads the mode for numbers that FLOAT64 does not hold: «round» if it is absent.
func (c *Call) wideMode(i int) (exact, ok bool) {
	if i >= c.Len() || c.Args[i] == "" {
		return false, true
	}
	mode, ok := c.Text(i)
	return mode == "exact", ok && (mode == "exact" || mode == "round")
}

// fromJSON is a conversion of the JSON value j.
func (c *Call) fromJSON(k jsonConversion, lax, exact bool, j string) string {
	prefix := "json_"
	if lax {
		prefix = "json_lax_"
	}
	switch {
	case k.lo != "" && lax:
		return castTo(c.Func("json_lax_integer", j, k.lo, k.hi), k.typ)
	case k.lo != "":
		return castTo(c.Func("json_whole", j, k.lo, k.hi, quote(k.name)), k.typ)
	case k.typ == "double precision" || k.typ == "real":
		name := prefix + "float64"
		if k.typ == "real" {
			name = prefix + "float32"
		}
		if lax {
			return c.Func(name, j)
		}
		return c.Func(name, j, strings.ToUpper(strconv.FormatBool(exact)))
	}
	return c.Func(prefix+k.name, j)
}

// arrayFromJSON is a conversion of each element of a JSON array.
func (c *Call) arrayFromJSON(k jsonConversion, lax bool) string {
	exact, ok := c.wideMode(1)
	if !ok {
		return c.Refuse("with a computed mode for wide numbers")
	}
	return c.g.let(c.Typed(0), func(j string) string {
		v := c.g.name("_e")
		other := ""
		if !lax {
			other = " ELSE " + c.Func("fail", "'The provided JSON input is not an array'", "NULL::"+k.typ+"[]")
		}
		return "CASE WHEN " + j + " IS NULL THEN NULL WHEN json_typeof(" + j + ") = 'array' THEN ARRAY(SELECT " + c.fromJSON(k, lax, exact, v+".v") + " FROM json_array_elements(" + j + ") WITH ORDINALITY AS " + v + "(v, i) ORDER BY " + v + ".i)" + other + " END"
	})
}

// canonicalJSON reports whether the text of a JSON value is surely in the canonical form: one
// that a function made. Columns of tables hold what others wrote.
func canonicalJSON(text string) bool {
	plain := transpile.Plain(text)
	return strings.HasSuffix(plain, "::json") || strings.HasPrefix(plain, "CAST(") && strings.HasSuffix(plain, " AS json)") && transpile.Atomic(plain)
}

// stringOfJSON is STRING(json).
func stringOfJSON(c *Call) string { return c.Func("json_string", c.Typed(0)) }

func jsonRoutines() []routine {
	block := func(name, params, result, body string) routine {
		return routine{name: name, params: params, result: result, block: true, body: body}
	}
	return []routine{
		// quote_json escapes quotes, backslashes and control characters, as to_json does, and
		// for TO_JSON_STRING two line separators.
		{name: "json_quote", params: "s text", result: "text", body: "to_json(s)::text"},
		{name: "json_quote_text", params: "s text", result: "text", body: `replace(replace(to_json(s)::text, U&'\2028', '\u2028'), U&'\2029', '\u2029')`},
		// The shortest text of a double has an exponent from 1e15 on, as in GoogleSQL; a whole
		// number shows a fraction.
		{name: "json_float", params: "x double precision", result: "text", body: "CASE WHEN x = 'NaN' THEN '\"NaN\"' WHEN x = 'Infinity' THEN '\"Infinity\"' WHEN x = '-Infinity' THEN '\"-Infinity\"' WHEN x = 0 THEN '0.0' WHEN x::text ~ '^-?[0-9]+$' THEN x::text || '.0' ELSE x::text END"},
		{name: "json_float_text", params: "x double precision", result: "text", body: "CASE WHEN x = 'NaN' THEN '\"NaN\"' WHEN x = 'Infinity' THEN '\"Infinity\"' WHEN x = '-Infinity' THEN '\"-Infinity\"' ELSE _engine.float64_text(x) END"},
		{name: "json_integer", params: "x bigint", result: "text", body: `CASE WHEN x BETWEEN -9007199254740992 AND 9007199254740992 THEN x::text ELSE '"' || x::text || '"' END`},
		block("json_canonical", "s text", "text", `
BEGIN
  RETURN _engine.json_canonical(s::json);
END`),
		block("json_canonical", "j json", "text", `
DECLARE n numeric; t text;
BEGIN
  CASE json_typeof(j)
  WHEN 'object' THEN
    RETURN '{' || coalesce((SELECT string_agg(to_json(k)::text || ':' || _engine.json_canonical(v), ',' ORDER BY k COLLATE "C") FROM (SELECT DISTINCT ON (e.key COLLATE "C") e.key AS k, e.value AS v FROM json_each(j) WITH ORDINALITY AS e(key, value, i) ORDER BY e.key COLLATE "C", e.i) AS f), '') || '}';
  WHEN 'array' THEN
    RETURN '[' || coalesce((SELECT string_agg(_engine.json_canonical(e.v), ',' ORDER BY e.i) FROM json_array_elements(j) WITH ORDINALITY AS e(v, i)), '') || ']';
  WHEN 'string' THEN
    RETURN to_json(j #>> '{}')::text;
  WHEN 'number' THEN
    t := btrim(j::text, E' \t\n\r');
    IF t ~ '^-?[0-9]+$' AND t <> '-0' AND t::numeric BETWEEN -9223372036854775808 AND 18446744073709551615 THEN RETURN t; END IF;
    RETURN _engine.json_exact(t);
  ELSE
    RETURN btrim(j::text, E' \t\n\r');
  END CASE;
END`),
		// A number that a double does not hold exactly in as many digits is an error.
		block("json_exact", "t text", "text", `
DECLARE x double precision := t::double precision;
BEGIN
  IF x::text::numeric <> t::numeric THEN RETURN _engine.refused('a JSON number of more digits than FLOAT64 has', t); END IF;
  RETURN CASE WHEN x = 0 AND left(t, 1) = '-' THEN '-0.0' ELSE _engine.json_float(x) END;
END`),
		// A text as JSON, NULL if it is malformed. GoogleSQL is lenient there, and finds values
		// before the place that is malformed: such texts are refused, unless nothing can be
		// found in them.
		block("json_of_text", "s text, deep boolean", "json", `
BEGIN
  RETURN s::json;
EXCEPTION WHEN data_exception THEN
  IF s ~ '^[ \t\n\v\f\r]*[[{]' OR NOT deep AND s ~ '^[ \t\n\v\f\r]*(["''0-9-]|true|false|null)' THEN
    RETURN _engine.refused('a malformed JSON text', NULL::json);
  END IF;
  RETURN NULL;
END`),
		// The paths of names, one below the other, sorted; those in arrays do not count.
		block("json_paths", "j json, depth bigint, prefix text", "SETOF text", `
DECLARE k text; v json;
BEGIN
  IF depth < 1 OR json_typeof(j) <> 'object' THEN RETURN; END IF;
  FOR k, v IN SELECT e.key, e.value FROM json_each(j) AS e LOOP
    IF k !~ '^[A-Za-z_][A-Za-z0-9_]*$' THEN k := _engine.refused('JSON_KEYS of a name that is quoted in a path', k); END IF;
    RETURN NEXT prefix || k;
    RETURN QUERY SELECT _engine.json_paths(v, depth - 1, prefix || k || '.');
  END LOOP;
END`),
		block("json_keys", "j json, depth bigint", "text[]", "BEGIN IF depth < 1 THEN "+raise("'max_depth must be positive'")+" END IF; IF j IS NULL OR depth IS NULL THEN RETURN NULL; END IF; RETURN ARRAY(SELECT DISTINCT p COLLATE \"C\" FROM _engine.json_paths(j, depth, '') AS t(p) ORDER BY 1); END"),
		block("json_key", "j json, k text", "json", `
BEGIN
  IF json_typeof(j) <> 'object' THEN RETURN NULL; END IF;
  IF (SELECT count(*) FROM json_object_keys(j) AS t(n) WHERE n = k) > 1 THEN RETURN _engine.refused('a JSON text with a name given twice', j); END IF;
  RETURN j -> k;
END`),
		// The scalar in a JSON text; a number as it is written.
		block("json_scalar_of_text", "j json", "text", `
BEGIN
  CASE json_typeof(j)
  WHEN 'string', 'boolean' THEN RETURN j #>> '{}';
  WHEN 'number' THEN
    RETURN btrim(j::text, E' \t\n\r');
  ELSE RETURN NULL;
  END CASE;
END`),
		block("json_scalar", "j json", "text", "BEGIN RETURN CASE json_typeof(j) WHEN 'string' THEN j #>> '{}' WHEN 'boolean' THEN j #>> '{}' WHEN 'number' THEN _engine.json_canonical(j) END; END"),
		// A JSON text without spaces, names in the order they have.
		block("json_compact", "j json", "text", `
BEGIN
  CASE json_typeof(j)
  WHEN 'object' THEN
    IF (SELECT count(*) <> count(DISTINCT n COLLATE "C") FROM json_object_keys(j) AS t(n)) THEN RETURN _engine.refused('a JSON text with a name given twice', ''::text); END IF;
    RETURN '{' || coalesce((SELECT string_agg(_engine.json_quote_text(e.k) || ':' || _engine.json_compact(e.v), ',' ORDER BY e.i) FROM json_each(j) WITH ORDINALITY AS e(k, v, i)), '') || '}';
  WHEN 'array' THEN
    RETURN '[' || coalesce((SELECT string_agg(_engine.json_compact(e.v), ',' ORDER BY e.i) FROM json_array_elements(j) WITH ORDINALITY AS e(v, i)), '') || ']';
  WHEN 'number' THEN RETURN _engine.json_scalar_of_text(j);
  WHEN 'string' THEN
    RETURN _engine.json_quote_text(j #>> '{}');
  ELSE RETURN btrim(j::text, E' \t\n\r');
  END CASE;
END`),
		block("json_bool", "j json", "boolean", "BEGIN IF json_typeof(j) <> 'boolean' THEN "+raise("'The provided JSON input is not a boolean'")+" END IF; RETURN (j #>> '{}')::boolean; END"),
		block("json_whole", "j json, lo numeric, hi numeric, name text", "numeric", `
DECLARE n numeric;
BEGIN
  IF json_typeof(j) <> 'number' THEN `+raise("'The provided JSON input is not an integer'")+` END IF;
  n := (j #>> '{}')::numeric;
  IF n <> trunc(n) OR n NOT BETWEEN lo AND hi THEN `+raise("'The provided JSON number: ' || (j #>> '{}') || ' cannot be converted to an ' || name")+` END IF;
  RETURN n;
END`),
		block("json_float64", "j json, exact boolean", "double precision", `
DECLARE t text := j #>> '{}';
BEGIN
  IF json_typeof(j) <> 'number' THEN `+raise("'The provided JSON input is not a number'")+` END IF;
  IF exact AND t ~ '^-?[0-9]+$' AND abs(t::numeric) > 9007199254740992 THEN `+raise("'JSON number: ' || t || ' cannot be converted to FLOAT64 without loss of precision'")+` END IF;
  RETURN t::double precision;
END`),
		// Half of the least number above zero is 2^-150; halfway from the greatest one to the
		// next power of two are numbers that round to infinity.
		block("real_of", "x double precision", "real", "BEGIN IF abs(x) <= 7.006492321624085e-46 THEN RETURN 0; END IF; IF abs(x) >= 3.4028235677973366e38 AND abs(x) <> 'Infinity' THEN RETURN NULL; END IF; RETURN x::real; END"),
		block("json_float32", "j json, exact boolean", "real", `
DECLARE r real := _engine.real_of(_engine.json_float64(j, FALSE));
BEGIN
  IF r IS NULL OR exact AND _engine.exact(r::double precision) <> (j #>> '{}')::numeric THEN `+raise("'JSON number: ' || (j #>> '{}') || ' cannot be converted to FLOAT32'")+` END IF;
  RETURN r;
END`),
		block("json_string", "j json", "text", "BEGIN IF json_typeof(j) <> 'string' THEN "+raise("'The provided JSON input is not a string'")+" END IF; RETURN j #>> '{}'; END"),
		block("json_lax_bool", "j json", "boolean", "DECLARE t text := j #>> '{}'; BEGIN CASE json_typeof(j) WHEN 'boolean' THEN RETURN t::boolean; WHEN 'number' THEN RETURN t::numeric <> 0; WHEN 'string' THEN RETURN CASE lower(t) WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END; ELSE RETURN NULL; END CASE; END"),
		block("json_lax_integer", "j json, lo numeric, hi numeric", "numeric", `
DECLARE t text := j #>> '{}'; n numeric;
BEGIN
  CASE json_typeof(j)
  WHEN 'boolean' THEN n := t::boolean::integer;
  WHEN 'number' THEN n := round(t::numeric);
  WHEN 'string' THEN
    IF t !~* '^`+numberSpace+`[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)(e[+-]?[0-9]+)?`+numberSpace+`$' THEN RETURN NULL; END IF;
    IF t ~* 'e[+-]?0*[0-9]{4}' THEN RETURN _engine.refused('a JSON text with so large an exponent', 0::numeric); END IF;
    n := round(round(regexp_replace(t, '[ \t\n\v\f\r]', '', 'g')::numeric, 38));
  ELSE RETURN NULL;
  END CASE;
  RETURN CASE WHEN n BETWEEN lo AND hi THEN n END;
END`),
		block("json_lax_float64", "j json", "double precision", `
DECLARE t text := j #>> '{}';
BEGIN
  CASE json_typeof(j)
  WHEN 'number' THEN RETURN t::double precision;
  WHEN 'string' THEN
    t := btrim(t, E' \t\n\x0b\f\r');
    IF t ~* '^[+-]?nan$' THEN RETURN 'NaN'; END IF;
    IF t ~* '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)(e[+-]?[0-9]+)?$|^[+-]?inf(inity)?$' THEN RETURN t::double precision; END IF;
    RETURN NULL;
  ELSE RETURN NULL;
  END CASE;
EXCEPTION WHEN numeric_value_out_of_range THEN
  RETURN _engine.refused('LAX_FLOAT64 of a number out of range', 0::double precision);
END`),
		block("json_lax_float32", "j json", "real", "BEGIN RETURN _engine.real_of(_engine.json_lax_float64(j)); END"),
		block("json_lax_string", "j json", "text", "DECLARE t text := _engine.json_scalar(j); BEGIN IF json_typeof(j) <> 'number' OR t ~ '^-?[0-9]+$' THEN RETURN t; END IF; RETURN CASE WHEN t::double precision = 0 THEN '0' ELSE _engine.float64_text(t::double precision) END; END"),
	}
}

// json writes a value of a type as JSON text; NULL is null. canonical is TO_JSON, else it
// is TO_JSON_STRING: wide numbers are strings there, and fields in order.
func (g *generator) json(text string, t *ir.Type, canonical bool, at ir.Span) string {
	return "coalesce(" + g.jsonValue(text, t, canonical, at) + ", 'null')"
}

// jsonValue is json with NULL for NULL.
func (g *generator) jsonValue(text string, t *ir.Type, canonical bool, at ir.Span) string {
	quoted := func(s string) string { return `'"' || ` + s + ` || '"'` }
	textOf := func(from *ir.Type) string { return g.cast(text, from, ir.TypeOf(ir.String), false, at) }
	switch t.Kind {
	case ir.Bool, ir.Int32:
		return castTo(text, "text")
	case ir.Int64:
		if canonical {
			return castTo(text, "text")
		}
		return g.function("json_integer", text)
	case ir.Float64:
		if canonical {
			return g.function("json_float", text)
		}
		return g.function("json_float_text", text)
	case ir.String:
		if canonical {
			return g.function("json_quote", text)
		}
		return g.function("json_quote_text", text)
	case ir.Bytes:
		return quoted(`replace(encode(` + text + `, 'base64'), E'\n', '')`)
	case ir.Date, ir.Time, ir.UUID:
		return quoted(textOf(t))
	case ir.Datetime:
		return quoted("replace(" + textOf(t) + ", ' ', 'T')")
	case ir.Timestamp:
		return `'"' || replace(` + g.function("datetime_text", operand(text, transpile.PrecCast)+" AT TIME ZONE 'UTC'") + `, ' ', 'T') || 'Z"'`
	case ir.JSON:
		if !canonicalJSON(text) {
			return g.function("json_canonical", text)
		}
		return castTo(text, "text")
	case ir.Array:
		if g.holdsGroup(transpile.Plain(text)) {
			return g.refuse("JSON of an aggregated array", "", at)
		}
		return g.let(text, func(l string) string {
			v := g.name("_e")
			return "CASE WHEN " + l + " IS NOT NULL THEN '[' || coalesce((SELECT string_agg(" + g.json(v+".v", t.Elem, canonical, at) + ", ',' ORDER BY " + v + ".i) FROM " + g.elements(l, v, t) + "), '') || ']' END"
		})
	case ir.Struct:
		return g.jsonStruct(text, t, canonical, at)
	}
	return g.refuse("JSON of "+t.String(), "", at)
}

func (g *generator) jsonStruct(text string, t *ir.Type, canonical bool, at ir.Span) string {
	order := make([]int, 0, len(t.Fields))
	for i := range t.Fields {
		order = append(order, i)
	}
	if canonical {
		// A JSON value's keys are sorted, and the first field of a name is the one.
		sort.SliceStable(order, func(a, b int) bool { return t.Fields[order[a]].Name < t.Fields[order[b]].Name })
		kept := order[:0]
		for _, i := range order {
			if n := len(kept); n == 0 || t.Fields[kept[n-1]].Name != t.Fields[i].Name {
				kept = append(kept, i)
			}
		}
		order = kept
	}
	return g.let(text, func(v string) string {
		var b strings.Builder
		b.WriteString("CASE WHEN " + notNull(v, t) + " THEN ")
		for n, i := range order {
			lead := ","
			if n == 0 {
				lead = "{"
			} else {
				b.WriteString(" || ")
			}
			if strings.ContainsAny(t.Fields[i].Name, "\"\\\u2028\u2029") || strings.IndexFunc(t.Fields[i].Name, func(r rune) bool { return r < ' ' }) >= 0 {
				return g.refuse("JSON of the field "+t.Fields[i].Name, "", at)
			}
			b.WriteString(quote(lead+`"`+t.Fields[i].Name+`":`) + " || " + g.json(field(v, t, i), t.Fields[i].Type, canonical, at))
		}
		b.WriteString(" || '}' END")
		return b.String()
	})
}

// option reports whether an optional argument is absent or the literal given.
func (c *Call) option(i int, value int64) bool {
	if i >= c.Len() || c.Args[i] == "" {
		return true
	}
	v, ok := c.Value(i)
	return ok && !v.Null && v.Int == value
}

// toJSON is TO_JSON(value): NULL becomes the JSON null.
func toJSON(c *Call) string {
	if !c.option(1, 0) {
		return c.Refuse("with stringify_wide_numbers")
	}
	if c.Node.Name == "safe_to_json" && c.Kind(0) != ir.String && c.Kind(0) != ir.Int64 {
		return c.Refuse("over " + c.Type(0).String())
	}
	c.SafeDone()
	if c.Node.Name == "safe_to_json" {
		return castTo(c.g.jsonValue(c.Typed(0), c.Type(0), true, c.Node.At()), "json")
	}
	return castTo(c.g.json(c.Typed(0), c.Type(0), true, c.Node.At()), "json")
}

func toJSONString(c *Call) string {
	if !c.option(1, 0) {
		return c.Refuse("with pretty_print")
	}
	c.SafeDone()
	return c.g.json(c.Typed(0), c.Type(0), false, c.Node.At())
}

func jsonObject(c *Call) string {
	if c.Len()%2 != 0 || c.Len() == 0 || c.Kind(0) == ir.Array {
		return c.Refuse("these arguments")
	}
	type member struct{ key, value string }
	var list []member
	seen := map[string]bool{}
	for i := 0; i < c.Len(); i += 2 {
		k, ok := c.Text(i)
		if !ok || strings.ContainsAny(k, `"\`) || strings.IndexFunc(k, func(r rune) bool { return r < ' ' }) >= 0 {
			return c.Refuse("with a computed key")
		}
		value := c.g.json(c.Typed(i+1), c.Type(i+1), true, c.Node.At())
		if !seen[k] {
			list = append(list, member{k, value})
		}
		seen[k] = true
	}
	c.SafeDone()
	sort.Slice(list, func(i, j int) bool { return list[i].key < list[j].key })
	var parts []string
	for i, m := range list {
		lead := ","
		if i == 0 {
			lead = "{"
		}
		parts = append(parts, quote(lead+`"`+m.key+`":`)+" || "+m.value)
	}
	return castTo(strings.Join(parts, " || ")+" || '}'", "json")
}

func jsonSubscript(c *Call) string {
	c.SafeDone()
	if c.Kind(0) != ir.JSON {
		return c.Refuse("over " + c.Type(0).String())
	}
	if c.Kind(1) == ir.String && !canonicalJSON(c.Typed(0)) {
		return c.Func("json_key", c.Typed(0), c.Typed(1))
	}
	if c.Kind(1) == ir.String {
		return operand(c.Typed(0), transpile.PrecCast) + " -> " + operand(c.Typed(1), transpile.PrecCast)
	}
	if i, ok := c.integer(1); ok && i >= 0 && i < 1<<31 {
		return operand(c.Typed(0), transpile.PrecCast) + " -> " + number(i)
	}
	return c.Refuse("with a computed or negative position")
}

var (
	pathForm = regexp.MustCompile(`^\$((?:\.[A-Za-z_][A-Za-z0-9_]*|\."[^"\\.\[\]]*"|\[[0-9]{1,9}\])*)$`)
	pathStep = regexp.MustCompile(`\.([A-Za-z_][A-Za-z0-9_]*)|\."([^"]*)"|\[([0-9]+)\]`)
)

// jsonExtract is JSON_QUERY, JSON_VALUE, those of arrays, and their older names.
func jsonExtract(c *Call) string {
	path := "$"
	if c.Len() > 1 {
		var ok bool
		if path, ok = c.Text(1); !ok {
			return c.Refuse("with a computed path")
		}
	}
	m := pathForm.FindStringSubmatch(path)
	if m == nil {
		return c.Refuse("with this path")
	}
	text := c.Kind(0) == ir.String
	at := c.Typed(0)
	once := !text && canonicalJSON(at)
	if text {
		at = c.g.function("json_of_text", at, strings.ToUpper(strconv.FormatBool(m[1] != "")))
	}
	for _, s := range pathStep.FindAllStringSubmatch(m[1], -1) {
		switch {
		case s[3] != "":
			at = operand(at, transpile.PrecCast) + " -> " + strings.TrimLeft(s[3][:len(s[3])-1], "0") + s[3][len(s[3])-1:]
		case !once:
			at = c.g.function("json_key", at, quote(s[1]+s[2]))
		default:
			at = operand(at, transpile.PrecCast) + " -> " + quote(s[1]+s[2])
		}
	}
	scalar, whole := "json_scalar", func(j string) string { return j }
	if text {
		scalar = "json_scalar_of_text"
		whole = func(j string) string {
			return "CASE WHEN json_typeof(" + j + ") <> 'null' THEN " + c.g.function("json_compact", j) + " END"
		}
	}
	name := c.Node.Name
	switch name {
	case "json_value", "json_extract_scalar":
		return c.g.function(scalar, at)
	case "json_query", "json_extract":
		return c.g.let(at, whole)
	}
	return c.g.let(at, func(j string) string {
		v := c.g.name("_e")
		rows := " FROM json_array_elements(" + j + ") WITH ORDINALITY AS " + v + "(v, i)"
		if name == "json_value_array" || name == "json_extract_string_array" {
			return "CASE WHEN json_typeof(" + j + ") = 'array' AND NOT EXISTS (SELECT 1" + rows + " WHERE json_typeof(" + v + ".v) IN ('object', 'array')) THEN ARRAY(SELECT " + c.g.function(scalar, v+".v") + rows + " ORDER BY " + v + ".i) END"
		}
		item := v + ".v"
		if text {
			item = c.g.function("json_compact", item)
		}
		return "CASE WHEN json_typeof(" + j + ") = 'array' THEN ARRAY(SELECT " + item + rows + " ORDER BY " + v + ".i) END"
	})
}

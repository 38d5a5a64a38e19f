package duckdb

import (
	"sort"
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// A JSON value is its text in GoogleSQL's canonical form: no spaces, keys sorted and
// unique. DuckDB's own JSON functions print numbers otherwise, know other paths and fail
// on malformed text, so that extraction and mutation are Go functions; building JSON from
// SQL values is plain SQL by the value's type.

func jsonRules() map[string]Rule {
	rules := map[string]Rule{
		"parse_json":        parseJSON,
		"to_json":           toJSON,
		"safe_to_json":      toJSON,
		"to_json_string":    toJSONString,
		"json_type":         func(c *Call) string { return c.Func("json_type", c.Args[0]) },
		"json_array":        jsonArray,
		"json_object":       jsonObject,
		"json_keys":         jsonKeys,
		"json_flatten":      func(c *Call) string { return Cast(c.Func("json_flatten", c.Args[0]), "JSON[]") },
		"json_contains":     func(c *Call) string { return c.Func("json_contains", c.Args[0], c.Args[1]) },
		"$subscript":        jsonSubscript,
		"json_remove":       jsonRemove,
		"json_set":          jsonSet,
		"json_array_insert": func(c *Call) string { return jsonArrayAdd(c, "insert_each_element") },
		"json_array_append": func(c *Call) string { return jsonArrayAdd(c, "append_each_element") },
		"json_strip_nulls":  jsonStripNulls,
	}
	for _, name := range []string{"json_query", "json_extract"} {
		rules[name] = func(c *Call) string { return jsonExtract(c, name, "JSON") }
		rules[name+"_array"] = func(c *Call) string { return jsonExtract(c, name+"_array", "JSON[]") }
	}
	for _, name := range []string{"json_value", "json_extract_scalar", "json_value_array", "json_extract_string_array"} {
		rules[name] = func(c *Call) string { return jsonExtract(c, name, "") }
	}
	for name, kind := range map[string]string{
		"bool": "bool", "int64": "int64", "int32": "int32", "uint32": "uint32", "uint64": "uint64",
		"float64": "float64", "double": "float64", "float32": "float32", "float": "float32", "string": "string",
	} {
		rules[name] = func(c *Call) string { return jsonConvert(c, "json_to_"+kind, kind, false) }
		rules[name+"_array"] = func(c *Call) string { return jsonConvert(c, "json_to_"+kind+"_array", kind, true) }
		rules["lax_"+name] = func(c *Call) string { return jsonLax(c, "json_lax_"+kind, kind, false) }
		rules["lax_"+name+"_array"] = func(c *Call) string { return jsonLax(c, "json_lax_"+kind+"_array", kind, true) }
	}
	delete(rules, "string") // an overload of the time functions, whose rule calls stringOfJSON
	return rules
}

// stringOfJSON is STRING(json).
func stringOfJSON(c *Call) string { return c.Func("json_to_string", c.Args[0]) }

func jsonMacros() []macro {
	return []macro{
		// json_quote escapes quotes, backslashes and control characters; json_quote_text,
		// of TO_JSON_STRING, escapes U+2028 and U+2029 as well.
		{"json_quote", "s", `CASE WHEN regexp_matches(s, '[\x00-\x1f"\\]') THEN '"' || ` + jsonEscapes("s") + ` || '"' ELSE '"' || s || '"' END`},
		{"json_quote_text", "s", `replace(replace(_engine.json_quote(s), chr(8232), '\u2028'), chr(8233), '\u2029')`},
		// A FLOAT64 in JSON: DuckDB's shortest text is the same but from 1e15 to 1e16.
		{"json_float", "x", `CASE WHEN isnan(x) THEN '"NaN"' WHEN isinf(x) THEN CASE WHEN x > 0 THEN '"Infinity"' ELSE '"-Infinity"' END WHEN x = 0 THEN '0.0' WHEN abs(x) >= 1e15 AND abs(x) < 1e16 THEN replace(regexp_replace(CAST(x AS VARCHAR), '^(-?[0-9])([0-9]*?)0*[.]0$', '\1.\2e+15'), '.e', 'e') ELSE CAST(x AS VARCHAR) END`},
		{"json_float_cast", "x", `CASE WHEN isnan(x) THEN error('NaN is not a valid JSON number') WHEN isinf(x) THEN error(CASE WHEN x > 0 THEN 'Infinity' ELSE '-Infinity' END || ' is not a valid JSON number') ELSE _engine.json_float(x) END`},
		{"json_float_text", "x", `CASE WHEN isnan(x) THEN '"NaN"' WHEN isinf(x) THEN CASE WHEN x > 0 THEN '"Infinity"' ELSE '"-Infinity"' END ELSE _engine.float64_text(x) END`},
		{"json_integer", "x", `CASE WHEN x BETWEEN -9007199254740992 AND 9007199254740992 THEN CAST(x AS VARCHAR) ELSE '"' || CAST(x AS VARCHAR) || '"' END`},
		// An INTERVAL as ISO 8601 writes durations: P1Y2M3DT4H5M6.5S; each part has its own sign.
		{"json_interval", "i", `'"P' || _engine.json_interval_part(datepart('year', i), 'Y') || _engine.json_interval_part(datepart('month', i), 'M') || _engine.json_interval_part(datepart('day', i), 'D') || CASE WHEN datepart('hour', i) <> 0 OR datepart('minute', i) <> 0 OR datepart('microsecond', i) <> 0 THEN 'T' WHEN datepart('year', i) = 0 AND datepart('month', i) = 0 AND datepart('day', i) = 0 THEN '0Y' ELSE '' END || _engine.json_interval_part(datepart('hour', i), 'H') || _engine.json_interval_part(datepart('minute', i), 'M') || CASE WHEN datepart('microsecond', i) = 0 THEN '' ELSE CASE WHEN datepart('microsecond', i) < 0 THEN '-' ELSE '' END || CAST(abs(datepart('microsecond', i)) // 1000000 AS VARCHAR) || CASE WHEN datepart('microsecond', i) % 1000000 = 0 THEN '' ELSE '.' || rtrim(lpad(CAST(abs(datepart('microsecond', i)) % 1000000 AS VARCHAR), 6, '0'), '0') END || 'S' END || '"'`},
		{"json_interval_part", "n, unit", `CASE WHEN n = 0 THEN '' ELSE CAST(n AS VARCHAR) || unit END`},
	}
}

// jsonEscapes escapes a text that has something to escape: first what is common, then
// each other control character.
func jsonEscapes(s string) string {
	out := "replace(replace(" + s + `, '\', '\\'), '"', '\"')`
	for _, e := range [][2]string{{"8", `\b`}, {"12", `\f`}, {"10", `\n`}, {"13", `\r`}, {"9", `\t`}} {
		out = "replace(" + out + ", chr(" + e[0] + "), '" + e[1] + "')"
	}
	return "CASE WHEN regexp_matches(" + s + `, '[\x00-\x1f]') THEN array_to_string(list_transform(string_split(` + out +
		`, ''), lambda c: CASE WHEN ord(c) < 32 THEN printf('\u%04x', ord(c)) ELSE c END), '') ELSE ` + out + " END"
}

// jsonForm says what JSON text is for.
type jsonForm uint8

const (
	jsonText      jsonForm = iota // TO_JSON_STRING: wide numbers are strings, fields in order
	jsonCanonical                 // TO_JSON
	jsonWide                      // TO_JSON with stringify_wide_numbers
	jsonCast                      // CAST AS JSON: NaN and infinities fail
)

// json writes a value of a type as JSON text; NULL is null.
func (g *generator) json(text string, t *ir.Type, form jsonForm, at ir.Span) string {
	if text == "NULL" {
		return "'null'"
	}
	return "coalesce(" + g.jsonValue(text, t, form, at) + ", 'null')"
}

// jsonValue is json with NULL for NULL.
func (g *generator) jsonValue(text string, t *ir.Type, form jsonForm, at ir.Span) string {
	str := &ir.Type{Kind: ir.String}
	quoted := func(s string) string { return `'"' || ` + s + ` || '"'` }
	textOf := func(from *ir.Type) string { return g.cast(text, from, str, false, at) }
	switch t.Kind {
	case ir.Bool, ir.Int32, ir.Uint32:
		return "CAST(" + text + " AS VARCHAR)"
	case ir.Int64, ir.Uint64:
		if form == jsonText || form == jsonWide {
			return g.macro("json_integer", text)
		}
		return "CAST(" + text + " AS VARCHAR)"
	case ir.Float32:
		if form == jsonText {
			return "CASE WHEN isfinite(" + text + ") THEN " + textOf(t) + " ELSE " + g.macro("json_float_text", "CAST("+text+" AS DOUBLE)") + " END"
		}
		return g.jsonValue("CAST("+text+" AS DOUBLE)", &ir.Type{Kind: ir.Float64}, form, at)
	case ir.Float64:
		switch form {
		case jsonText:
			return g.macro("json_float_text", text)
		case jsonCast:
			return g.macro("json_float_cast", text)
		}
		return g.macro("json_float", text)
	case ir.Numeric, ir.BigNumeric:
		mode := map[jsonForm]string{jsonText: "'text'", jsonCanonical: "'round'", jsonWide: "'wide'", jsonCast: "'round'"}[form]
		return g.function("json_decimal", textOf(t), mode)
	case ir.String:
		if form == jsonText {
			return g.macro("json_quote_text", text)
		}
		return g.macro("json_quote", text)
	case ir.Bytes:
		return quoted("to_base64(" + text + ")")
	case ir.Date, ir.Time, ir.UUID:
		return quoted(textOf(t))
	case ir.Datetime:
		return quoted("replace(" + textOf(t) + ", ' ', 'T')")
	case ir.Timestamp:
		civil := "(" + text + " AT TIME ZONE 'UTC')"
		return `'"' || replace(` + g.cast(civil, &ir.Type{Kind: ir.Datetime}, str, false, at) + `, ' ', 'T') || 'Z"'`
	case ir.Interval:
		return g.macro("json_interval", text)
	case ir.JSON:
		return "CAST(" + text + " AS VARCHAR)"
	case ir.Range:
		return g.let(text, func(v string) string {
			start, end := g.json(v+`."start"`, t.Elem, form, at), g.json(v+`."end"`, t.Elem, form, at)
			if form == jsonText {
				return "CASE WHEN " + v + ` IS NOT NULL THEN '{"start":' || ` + start + ` || ',"end":' || ` + end + " || '}' END"
			}
			return "CASE WHEN " + v + ` IS NOT NULL THEN '{"end":' || ` + end + ` || ',"start":' || ` + start + " || '}' END"
		})
	case ir.Array:
		g.names++
		v := "_v" + itoa(g.names)
		return "'[' || array_to_string(list_transform(" + text + ", lambda " + v + ": " + g.json(v, t.Elem, form, at) + "), ',') || ']'"
	case ir.Struct:
		return g.jsonStruct(text, t, form, at)
	}
	return g.refuse("JSON of "+t.String(), "", at)
}

func (g *generator) jsonStruct(text string, t *ir.Type, form jsonForm, at ir.Span) string {
	order := make([]int, 0, len(t.Fields))
	for i := range t.Fields {
		order = append(order, i)
	}
	if form != jsonText {
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
	if len(order) == 0 {
		return "CASE WHEN " + text + " IS NOT NULL THEN '{}' END"
	}
	return g.let(text, func(v string) string {
		var b strings.Builder
		b.WriteString("CASE WHEN " + v + " IS NOT NULL THEN ")
		for n, i := range order {
			lead := ","
			if n == 0 {
				lead = "{"
			} else {
				b.WriteString(" || ")
			}
			b.WriteString(quote(lead+jsonKeyText(t.Fields[i].Name, form)+":") + " || " + g.json(field(v, t, i), t.Fields[i].Type, form, at))
		}
		b.WriteString(" || '}' END")
		return b.String()
	})
}

// jsonKeyText is a field's name as a JSON string.
func jsonKeyText(name string, form jsonForm) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range name {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20:
			if i := strings.IndexRune("\b\f\n\r\t", r); i >= 0 {
				b.WriteByte('\\')
				b.WriteByte("bfnrt"[i])
				continue
			}
			b.WriteString(`\u00`)
			b.WriteByte(hex[r>>4])
			b.WriteByte(hex[r&15])
		case form == jsonText && (r == 0x2028 || r == 0x2029):
			b.WriteString(`\u202` + string('8'+r-0x2028))
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// jsonArg is an argument of any type as JSON text, NULL as null.
func (c *Call) jsonArg(i int) string {
	return c.g.json(c.Typed(i), c.Type(i), jsonCanonical, c.Node.At())
}

// named finds a named argument's place, or the one at position if the signature does
// not say names; -1 if it is absent or was left out (its literal default counts as absent
// only where it is NULL).
func (c *Call) named(name string, position int) int {
	for i, n := range c.Node.Sig.Named {
		if strings.EqualFold(n, name) && i < len(c.Args) {
			position = i
		}
	}
	if position < 0 || position >= len(c.Args) || c.Args[position] == "" {
		return -1
	}
	return position
}

// option is the text of an optional argument, or its default.
func (c *Call) option(name string, position int, fallback string) string {
	if i := c.named(name, position); i >= 0 {
		return c.Args[i]
	}
	return fallback
}

// flag is the value of an optional BOOL literal. known is false if it is no literal.
func (c *Call) flag(name string, position int, fallback bool) (value, null, known bool) {
	i := c.named(name, position)
	if i < 0 {
		return fallback, false, true
	}
	v, ok := c.Value(i)
	return v.Int != 0, ok && v.Null, ok
}

func parseJSON(c *Call) string {
	return Cast(c.Func("parse_json", c.Args[0], c.option("wide_number_mode", 1, "'exact'")), "JSON")
}

// toJSON is TO_JSON(value, stringify_wide_numbers): NULL becomes the JSON null.
func toJSON(c *Call) string {
	c.SafeDone()
	wide, null, known := c.flag("stringify_wide_numbers", 1, false)
	if null {
		return "NULL::JSON"
	}
	write := func(form jsonForm) string { return c.g.json(c.Typed(0), c.Type(0), form, c.Node.At()) }
	switch {
	case !known:
		i := c.named("stringify_wide_numbers", 1)
		return Cast("CASE WHEN "+c.Op(i)+" THEN "+write(jsonWide)+" WHEN NOT "+c.Op(i)+" THEN "+write(jsonCanonical)+" END", "JSON")
	case wide:
		return Cast(write(jsonWide), "JSON")
	}
	return Cast(write(jsonCanonical), "JSON")
}

func toJSONString(c *Call) string {
	c.SafeDone()
	pretty, null, known := c.flag("pretty_print", 1, false)
	text := c.g.json(c.Typed(0), c.Type(0), jsonText, c.Node.At())
	switch {
	case null:
		return "NULL::VARCHAR"
	case !known:
		i := c.named("pretty_print", 1)
		return "CASE WHEN " + c.Op(i) + " THEN " + c.g.function("json_pretty", text) + " WHEN NOT " + c.Op(i) + " THEN " + text + " END"
	case pretty:
		return c.g.function("json_pretty", text)
	}
	return text
}

// jsonCastTo is CAST(value AS JSON).
func (g *generator) jsonCastTo(text string, from *ir.Type, safe bool, at ir.Span) string {
	value := g.jsonValue(text, from, jsonCast, at)
	if safe && from.Has(ir.Float64, ir.Float32) {
		value = g.let(text, func(v string) string {
			return "CASE WHEN NOT " + g.notFinite(v, from) + " THEN " + g.jsonValue(v, from, jsonCanonical, at) + " END"
		})
	}
	return "CAST(" + value + " AS JSON)"
}

// notFinite tells, never NULL, whether a value holds a NaN or an infinity.
func (g *generator) notFinite(text string, t *ir.Type) string {
	switch {
	case !t.Has(ir.Float64, ir.Float32):
		return "FALSE"
	case t.Kind == ir.Array:
		g.names++
		v := "_v" + itoa(g.names)
		return "coalesce(list_bool_or(list_transform(" + text + ", lambda " + v + ": " + g.notFinite(v, t.Elem) + ")), FALSE)"
	case t.Kind == ir.Struct:
		parts := []string{}
		for i, f := range t.Fields {
			if f.Type.Has(ir.Float64, ir.Float32) {
				parts = append(parts, g.notFinite(field(text, t, i), f.Type))
			}
		}
		return "(" + strings.Join(parts, " OR ") + ")"
	}
	return "coalesce(NOT isfinite(" + text + "), FALSE)"
}

func jsonArray(c *Call) string {
	c.SafeDone()
	if c.Len() == 0 {
		return "'[]'::JSON"
	}
	parts := make([]string, c.Len())
	for i := range parts {
		parts[i] = c.jsonArg(i)
	}
	return Cast("'[' || "+strings.Join(parts, " || ',' || ")+" || ']'", "JSON")
}

func jsonObject(c *Call) string {
	if c.Len() == 2 && c.Kind(0) == ir.Array && c.Kind(1) == ir.Array {
		c.g.names++
		v := "_v" + itoa(c.g.names)
		values := "list_transform(" + c.Typed(1) + ", lambda " + v + ": " + c.g.json(v, c.Type(1).Elem, jsonCanonical, c.Node.At()) + ")"
		return Cast(c.Func("json_object", c.Typed(0), values), "JSON")
	}
	if c.Len() == 0 {
		c.SafeDone()
		return "'{}'::JSON"
	}
	var keys, values []string
	for i := 0; i+1 < c.Len(); i += 2 {
		keys = append(keys, c.Typed(i))
		values = append(values, c.jsonArg(i+1))
	}
	return Cast(c.Func("json_object", "["+strings.Join(keys, ", ")+"]::VARCHAR[]", "["+strings.Join(values, ", ")+"]::VARCHAR[]"), "JSON")
}

func jsonKeys(c *Call) string {
	depth := "1000000"
	if i := c.named("max_depth", 1); i >= 0 && c.Kind(i) != ir.String && !c.IsNull(i) {
		depth = c.Args[i]
	}
	mode := "'strict'"
	if i := c.named("mode", 2); i >= 0 && !c.IsNull(i) {
		mode = c.Args[i]
	}
	return c.Func("json_keys", c.Args[0], depth, mode)
}

// jsonSubscript is json[…] with an INT64 or a STRING.
func jsonSubscript(c *Call) string {
	if c.Kind(0) != ir.JSON {
		return c.RefuseWhat("the subscript operator over "+c.Type(0).String(), "")
	}
	c.SafeDone()
	if c.Kind(1) == ir.String {
		return Cast(c.g.function("json_field", c.Args[0], c.Args[1]), "JSON")
	}
	return Cast(c.g.function("json_element", c.Args[0], c.Args[1]), "JSON")
}

// jsonExtract calls an extractor over JSON, or the one over STRING; only over JSON the
// parts of the result are JSON.
func jsonExtract(c *Call, name, typ string) string {
	path := "'$'"
	if c.Len() > 1 && c.Args[1] != "" {
		path = c.Args[1]
	}
	if c.Kind(0) != ir.JSON {
		return c.Func(name+"_text", c.Args[0], path)
	}
	text := c.Func(name, c.Args[0], path)
	if typ == "" {
		return text
	}
	return Cast(text, typ)
}

func jsonConvert(c *Call, function, kind string, list bool) string {
	args := []string{c.Args[0]}
	if strings.HasPrefix(kind, "float") {
		args = append(args, c.option("wide_number_mode", 1, "'round'"), quote(strings.ToUpper(kind)))
	}
	return narrow(c.Func(function, args...), kind, list)
}

func jsonLax(c *Call, function, kind string, list bool) string {
	return narrow(c.Func(function, c.Args[0]), kind, list)
}

// narrow gives the types that Go functions do not have.
func narrow(text, kind string, list bool) string {
	typ := map[string]string{"int32": "INTEGER", "uint32": "UINTEGER", "float32": "FLOAT"}[kind]
	if typ == "" {
		return text
	}
	if list {
		typ += "[]"
	}
	return Cast(text, typ)
}

func jsonRemove(c *Call) string {
	return Cast(c.Func("json_remove", c.Args...), "JSON")
}

// pairs are the path and value arguments of a mutator, the values as JSON text; each
// tells for every value how it is added (see function.mutator.add).
func (c *Call) pairs(last int, spread bool) (args []string, each string) {
	for i := 1; i+1 < last; i += 2 {
		value, letter := c.jsonArg(i+1), "v"
		if spread && c.Kind(i+1) == ir.Array {
			value, letter = c.g.jsonValue(c.Typed(i+1), c.Type(i+1), jsonCanonical, c.Node.At()), "e"
		}
		args = append(args, c.Args[i], value)
		each += letter
	}
	return args, each
}

// last is where a mutator's paths and values end, and the place of its named argument, -1
// if it is left out: the number of paths and values is even.
func (c *Call) last() (end, option int) {
	if c.Len()%2 == 0 {
		return c.Len() - 1, c.Len() - 1
	}
	return c.Len(), -1
}

func jsonSet(c *Call) string {
	end, option := c.last()
	create := "TRUE"
	if option >= 0 {
		create = c.Args[option]
	}
	args, _ := c.pairs(end, false)
	return Cast(c.Func("json_set", append([]string{c.Args[0], create}, args...)...), "JSON")
}

func jsonArrayAdd(c *Call, flag string) string {
	end, option := c.last()
	name := c.Node.Name
	write := func(spread bool) string {
		args, each := c.pairs(end, spread)
		return Cast(c.Func(name, append([]string{c.Args[0], quote(each)}, args...)...), "JSON")
	}
	if option < 0 {
		return write(true)
	}
	v, ok := c.Value(option)
	switch {
	case !ok:
		return "CASE WHEN " + c.Op(option) + " THEN " + write(true) + " WHEN NOT " + c.Op(option) + " THEN " + write(false) + " END"
	case v.Null:
		c.SafeDone()
		return "NULL::JSON"
	}
	return write(v.Int != 0)
}

func jsonStripNulls(c *Call) string {
	path := "'$'"
	if i := c.named("json_path", 1); i >= 0 && c.Kind(i) == ir.String {
		path = c.Args[i]
	}
	arrays, empty := "TRUE", "FALSE"
	flags := 0
	for i := 1; i < c.Len(); i++ {
		if c.Args[i] == "" || c.Kind(i) != ir.Bool {
			continue
		}
		if name := c.argName(i); name == "include_arrays" || name == "" && flags == 0 {
			arrays = c.Args[i]
		} else {
			empty = c.Args[i]
		}
		flags++
	}
	return Cast(c.Func("json_strip_nulls", c.Args[0], path, arrays, empty), "JSON")
}

func (c *Call) argName(i int) string {
	if i < len(c.Node.Sig.Named) {
		return strings.ToLower(c.Node.Sig.Named[i])
	}
	return ""
}

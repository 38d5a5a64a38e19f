package duckdb

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

func arrayRules() map[string]Rule {
	return map[string]Rule{
		"$make_array":            makeArray,
		"$array_at_offset":       func(c *Call) string { return c.element("offset", 1, false) },
		"$array_at_ordinal":      func(c *Call) string { return c.element("ordinal", 0, false) },
		"$safe_array_at_offset":  func(c *Call) string { return c.element("offset", 1, true) },
		"$safe_array_at_ordinal": func(c *Call) string { return c.element("ordinal", 0, true) },
		"array_length":           func(c *Call) string { c.SafeDone(); return "len(" + c.Typed(0) + ")" },
		"array_reverse":          func(c *Call) string { c.SafeDone(); return "list_reverse(" + c.Typed(0) + ")" },
		"array_concat":           arrayConcat,
		"array_to_string":        arrayToString,
		"generate_array":         generateArray,
		"array_first":            func(c *Call) string { return c.Macro("array_first", c.Typed(0)) },
		"array_last":             func(c *Call) string { return c.Macro("array_last", c.Typed(0)) },
		"array_slice":            func(c *Call) string { c.SafeDone(); return c.Macro("array_slice", c.Typed(0), c.Args[1], c.Args[2]) },
		"array_includes":         arrayIncludes,
		"array_includes_any":     arrayIncludesSet("list_has_any"),
		"array_includes_all":     arrayIncludesSet("list_has_all"),
		"array_filter":           arrayFilter,
		"array_transform":        arrayTransform,
		"array_is_distinct":      arrayIsDistinct,
		"array_find":             arrayFind,
		"array_find_all":         arrayFind,
		"array_offset":           arrayFind,
		"array_offsets":          arrayFind,
		"array_min":              arrayExtreme("min"),
		"array_max":              arrayExtreme("max"),
		"array_sum":              arraySum,
		"array_avg":              arrayAvg,
		"array_zip":              arrayZip,
		"flatten":                func(c *Call) string { return "flatten(" + c.Typed(0) + ")" },
		"$array_flatten":         func(c *Call) string { return "flatten(" + c.Typed(0) + ")" },
	}
}

func arrayMacros() []macro {
	return []macro{
		{"at_offset", "l, i", "CASE WHEN l IS NULL THEN NULL WHEN i < 0 OR i >= len(l) THEN " + outOfBounds("'Array index ' || i || ' is out of bounds'") + " ELSE l[i + 1] END"},
		{"at_ordinal", "l, i", "CASE WHEN l IS NULL THEN NULL WHEN i < 1 OR i > len(l) THEN " + outOfBounds("'Array index ' || i || ' is out of bounds'") + " ELSE l[i] END"},
		{"safe_at_offset", "l, i", "CASE WHEN i >= 0 THEN l[i + 1] END"},
		{"safe_at_ordinal", "l, i", "CASE WHEN i >= 1 THEN l[i] END"},
		{"array_first", "l", "CASE WHEN len(l) = 0 THEN " + outOfBounds("'ARRAY_FIRST cannot get the first element of an empty array'") + " ELSE l[1] END"},
		{"safe_array_first", "l", "l[1]"},
		{"array_last", "l", "CASE WHEN len(l) = 0 THEN " + outOfBounds("'ARRAY_LAST cannot get the last element of an empty array'") + " ELSE l[len(l)] END"},
		{"safe_array_last", "l", "l[len(l)]"},
		// Offsets below zero count from the end; the slice includes both ends.
		{"array_slice", "l, a, b", "CASE WHEN l IS NULL OR a IS NULL OR b IS NULL THEN NULL WHEN len(l) = 0 OR (CASE WHEN b < 0 THEN b + len(l) ELSE b END) < 0 OR (CASE WHEN a < 0 THEN a + len(l) ELSE a END) >= len(l) THEN l[2:1] ELSE list_slice(l, CAST(greatest(CASE WHEN a < 0 THEN a + len(l) ELSE a END, 0) + 1 AS BIGINT), CAST(least(CASE WHEN b < 0 THEN b + len(l) ELSE b END, len(l) - 1) + 1 AS BIGINT)) END"},
		{"array_distinct_count", "l", "len(list_distinct(l)) + CASE WHEN list_count(l) < len(l) THEN 1 ELSE 0 END"},
		{"generate_array", "a, b, s", "CASE WHEN s = 0 THEN CAST(CAST(NULLIF(CAST('" + Failure + "Sequence step cannot be 0.' AS BOOLEAN), TRUE) AS VARCHAR) AS BIGINT[]) ELSE generate_series(a, b, s) END"},
		{"any_true", "l", "list_reduce(l, lambda a, b: a OR b, FALSE)"},
		{"join_array", "l, sep, nulls", "array_to_string(list_transform(l, lambda e: coalesce(e, nulls)), sep)"},
	}
}

// outOfBounds fails in an expression of any type: NULL of the type would be typed,
// so the message is cast to an index of an empty list.
func outOfBounds(message string) string {
	return "l[CAST('" + Failure + "' || (" + message + ") AS BIGINT)]"
}

func makeArray(c *Call) string {
	c.SafeDone()
	if c.Len() == 0 {
		return "[]::" + c.SQLType(c.Result())
	}
	items := make([]string, c.Len())
	for i := range items {
		items[i] = c.Typed(i)
		if i > 0 && c.Kind(i) == ir.Int64 {
			items[i] = c.Args[i]
		}
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// element reads an element; shift is 1 for zero-based positions.
func (c *Call) element(name string, shift int64, safe bool) string {
	if safe || c.Safe {
		c.SafeDone()
		if v, ok := c.Value(1); ok && !v.Null && v.Int+shift >= 1 {
			return transpile.Operand(c.Typed(0)) + "[" + itoa(int(v.Int+shift)) + "]"
		}
		return c.Let(0, func(l string) string { return c.g.macro("safe_at_"+name, l, c.Args[1]) })
	}
	return c.Let(0, func(l string) string {
		return c.Let(1, func(i string) string { return c.g.macro("at_"+name, l, i) })
	})
}

func arrayConcat(c *Call) string {
	c.SafeDone()
	parts := make([]string, c.Len())
	for i := range parts {
		parts[i] = operand(c.Typed(i), transpile.PrecMultiply)
	}
	return strings.Join(parts, " || ")
}

func arrayToString(c *Call) string {
	if c.Kind(0) == ir.Array && c.Type(0).Elem.Kind != ir.String {
		return c.Refuse("over " + c.Type(0).String())
	}
	if c.Len() > 2 {
		return "CASE WHEN " + operand(c.Args[2], transpile.PrecAdd) + " IS NOT NULL THEN " + c.Macro("join_array", c.Typed(0), c.Typed(1), c.Typed(2)) + " END"
	}
	return "array_to_string(" + c.Typed(0) + ", " + c.Typed(1) + ")"
}

func generateArray(c *Call) string {
	if !isInt(c.Kind(0)) {
		return numericCall(c)
	}
	if c.Kind(0) != ir.Int64 {
		return c.Refuse("over " + c.Type(0).String())
	}
	if c.Len() == 2 {
		return "generate_series(" + c.Typed(0) + ", " + c.Typed(1) + ")"
	}
	if v, ok := c.Value(2); ok && !v.Null && v.Int != 0 {
		return "generate_series(" + c.Typed(0) + ", " + c.Typed(1) + ", " + c.Args[2] + ")"
	}
	return c.Macro("generate_array", c.Typed(0), c.Typed(1), c.Typed(2))
}

// lambda writes the i-th argument, a lambda, with its parameters as names, and
// calls the body with a text for each.
func (c *Call) lambda(i int) (params []string, body string, ok bool) {
	l := c.Node.Args[i].Lambda
	if l == nil {
		return nil, "", false
	}
	for _, p := range l.Args {
		c.g.names++
		name := "_v" + itoa(c.g.names)
		c.g.w.Bind(p.ID, name)
		params = append(params, name)
	}
	body = c.g.Expr(l.Body)
	if strings.Contains(body, "SELECT") {
		return params, c.Refuse("its lambda holds a subquery"), true
	}
	return params, body, true
}

// indexed makes DuckDB's one-based second parameter zero-based.
func indexed(params []string, body string) string {
	if len(params) < 2 {
		return body
	}
	return "list_transform([" + params[1] + "_ - 1], lambda " + params[1] + ": " + body + ")[1]"
}

func header(params []string) string {
	if len(params) < 2 {
		return "lambda " + params[0] + ": "
	}
	return "lambda " + params[0] + ", " + params[1] + "_: "
}

func arrayFilter(c *Call) string {
	params, body, ok := c.lambda(1)
	if !ok {
		return c.Refuse("without a lambda")
	}
	return "list_filter(" + c.Typed(0) + ", " + header(params) + indexed(params, body) + ")"
}

func arrayTransform(c *Call) string {
	params, body, ok := c.lambda(1)
	if !ok {
		return c.Refuse("without a lambda")
	}
	return "list_transform(" + c.Typed(0) + ", " + header(params) + indexed(params, body) + ")"
}

// equalTo is a test that an element equals a value, or the lambda's body.
func (c *Call) equalTo(i int) (head, body string) {
	if c.Node.Args[i].Lambda != nil {
		params, body, _ := c.lambda(i)
		return header(params), indexed(params, body)
	}
	elem := c.Type(0).Elem
	c.g.names++
	v := "_v" + itoa(c.g.names)
	x := c.g.compare("=", v, c.Args[i], placeholder(elem, c), c.Expr(i), c)
	return "lambda " + v + ": ", x
}

func arrayIncludes(c *Call) string {
	head, body := c.equalTo(1)
	test := "len(list_filter(" + c.Typed(0) + ", " + head + body + ")) > 0"
	if c.Node.Args[1].Lambda != nil {
		return test
	}
	return "CASE WHEN " + operand(c.Args[1], transpile.PrecAdd) + " IS NOT NULL THEN " + test + " END"
}

func arrayIncludesSet(name string) Rule {
	return func(c *Call) string {
		elem := c.Type(0).Elem
		if elem == nil || !plainIn(elem) {
			return c.Refuse("over " + c.Type(0).String())
		}
		return name + "(" + c.Typed(0) + ", " + c.Typed(1) + ")"
	}
}

// arrayIsDistinct takes NULLs for equal.
func arrayIsDistinct(c *Call) string {
	if c.Type(0).Has(ir.JSON) {
		return c.Refuse("over " + c.Type(0).String())
	}
	return c.Let(0, func(l string) string { return c.Macro("array_distinct_count", l) + " = len(" + l + ")" })
}

// findMode is the third argument of the functions that search: FIRST or LAST.
func (c *Call) findMode() (last, ok bool) {
	if c.Len() < 3 {
		return false, true
	}
	l, is := c.Expr(2).(*ir.Literal)
	if !is || l.Value.Null {
		return false, false
	}
	switch strings.ToUpper(l.Value.Text) {
	case "FIRST":
		return false, true
	case "LAST":
		return true, true
	}
	return false, false
}

func arrayFind(c *Call) string {
	all := strings.HasSuffix(c.Node.Name, "s") || strings.HasSuffix(c.Node.Name, "all")
	last, ok := c.findMode()
	if !ok {
		return c.Refuse("with a computed mode")
	}
	guard := func(text string) string {
		if c.Node.Args[1].Lambda != nil {
			return text
		}
		return "CASE WHEN " + operand(c.Args[1], transpile.PrecAdd) + " IS NOT NULL THEN " + text + " END"
	}
	end := func(list string) string {
		if all {
			return list
		}
		if last {
			return list + "[-1]"
		}
		return list + "[1]"
	}
	head, body := c.equalTo(1)
	if strings.HasPrefix(c.Node.Name, "array_find") {
		return guard(end("list_filter(" + c.Typed(0) + ", " + head + body + ")"))
	}
	if !strings.HasPrefix(head, "lambda _v") || strings.Contains(head, ",") {
		return c.Refuse("with a lambda of two parameters")
	}
	v := strings.TrimSuffix(strings.TrimPrefix(head, "lambda "), ": ")
	return c.Let(0, func(l string) string {
		i := v + "_i"
		inner := "list_transform([" + l + "[" + i + " + 1]], " + head + body + ")[1]"
		return guard(end("list_filter(range(0, len(" + l + ")), lambda " + i + ": " + inner + ")"))
	})
}

func arrayExtreme(name string) Rule {
	return func(c *Call) string {
		elem := c.Type(0).Elem
		if elem != nil && elem.Kind == ir.BigNumeric {
			return c.Func("bignumeric_"+name, c.Typed(0))
		}
		if elem == nil || elem.Has(ir.JSON, ir.BigNumeric, ir.Geography, ir.Range, ir.Struct) {
			return c.Refuse("over " + c.Type(0).String())
		}
		c.SafeDone()
		if isFloat(elem.Kind) && name == "min" {
			return c.Let(0, func(l string) string {
				return "CASE WHEN list_contains(" + l + ", 'nan'::" + c.SQLType(elem) + ") THEN 'nan'::" + c.SQLType(elem) + " ELSE list_min(" + l + ") END"
			})
		}
		return "list_" + name + "(" + c.Typed(0) + ")"
	}
}

func arraySum(c *Call) string {
	switch e := c.Type(0).Elem; {
	case e != nil && e.Kind == ir.BigNumeric:
		return c.Func("bignumeric_sum", c.Typed(0))
	case e != nil && (isInt(e.Kind) || e.Kind == ir.Float64 || e.Kind == ir.Numeric):
		return Cast("list_sum("+c.Typed(0)+")", c.SQLType(c.Result()))
	}
	return c.Refuse("over " + c.Type(0).String())
}

func arrayAvg(c *Call) string {
	switch e := c.Type(0).Elem; {
	case e != nil && e.Kind == ir.BigNumeric:
		return c.Func("bignumeric_avg", c.Typed(0))
	case e != nil && (isInt(e.Kind) || e.Kind == ir.Float64):
		return "list_avg(" + c.Typed(0) + ")"
	case e != nil && e.Kind == ir.Numeric:
		return c.Let(0, func(l string) string {
			return "CAST(" + c.g.macro("numeric_mean", "list_sum("+l+")", "list_count("+l+")") + " AS DECIMAL(38,9))"
		})
	}
	return c.Refuse("over " + c.Type(0).String())
}

// arrayZip pairs elements by position: structs of them, or the lambda's value.
func arrayZip(c *Call) string {
	var lists []string
	var types []*ir.Type
	mode := "STRICT"
	var lambda *ir.Lambda
	for i, a := range c.Node.Args {
		switch {
		case a.Lambda != nil:
			lambda = a.Lambda
		case a.Expr != nil && a.Expr.T().Kind == ir.Array:
			lists = append(lists, c.Typed(i))
			types = append(types, a.Expr.T())
		case a.Expr != nil:
			l, ok := a.Expr.(*ir.Literal)
			if !ok || l.Value.Null {
				return c.Refuse("with a computed mode")
			}
			mode = strings.ToUpper(l.Value.Text)
		}
	}
	lens := make([]string, len(lists))
	nulls := make([]string, len(lists))
	for i, l := range lists {
		if !simple(transpile.Plain(l)) && !strings.HasPrefix(l, "[") {
			return c.Refuse("over computed arrays")
		}
		lens[i] = "len(" + l + ")"
		nulls[i] = transpile.Operand(l) + " IS NULL"
	}
	c.g.names++
	i := "_v" + itoa(c.g.names)
	var item string
	if lambda != nil {
		for k, p := range lambda.Args {
			if k < len(lists) {
				c.g.w.Bind(p.ID, transpile.Operand(lists[k])+"["+i+"]")
			}
		}
		item = c.g.Expr(lambda.Body)
		if strings.Contains(item, "SELECT") {
			return c.Refuse("its lambda holds a subquery")
		}
	} else {
		names := fieldNames(c.Result().Elem)
		parts := make([]string, len(lists))
		for k := range parts {
			parts[k] = quote(names[k]) + ": " + transpile.Operand(lists[k]) + "[" + i + "]"
		}
		item = "{" + strings.Join(parts, ", ") + "}"
	}
	most, least := "greatest("+strings.Join(lens, ", ")+")", "least("+strings.Join(lens, ", ")+")"
	head := "CASE WHEN " + strings.Join(nulls, " OR ") + " THEN NULL "
	switch mode {
	case "PAD":
	case "TRUNCATE":
		most = least
	case "STRICT":
		most = "CASE WHEN " + most + " = " + least + " THEN " + most + " ELSE " + fail("BIGINT", "'Unnested arrays under STRICT mode must have equal lengths'") + " END"
	default:
		return c.Refuse("with mode " + mode)
	}
	return head + "ELSE list_transform(range(1, " + most + " + 1), lambda " + i + ": " + item + ") END"
}

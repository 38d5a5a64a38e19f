package duckdb

import (
	"math"
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// operatorRules are comparison, logic and arithmetic. NUMERIC arithmetic that plain
// DuckDB decimals do not do exactly is in calls_numeric.go, that of dates and
// intervals in calls_time.go and calls_interval.go: see arithmetic.
func operatorRules() map[string]Rule {
	m := map[string]Rule{
		// Errors of a deferred column are raised where it is computed: see transpile.Writer.
		"$with_side_effects":    func(c *Call) string { c.SafeDone(); return c.Typed(0) },
		"$equal":                func(c *Call) string { return c.compare("=") },
		"$not_equal":            func(c *Call) string { return c.compare("<>") },
		"$less":                 func(c *Call) string { return c.compare("<") },
		"$less_or_equal":        func(c *Call) string { return c.compare("<=") },
		"$greater":              func(c *Call) string { return c.compare(">") },
		"$greater_or_equal":     func(c *Call) string { return c.compare(">=") },
		"$is_distinct_from":     func(c *Call) string { return c.distinct("IS DISTINCT FROM") },
		"$is_not_distinct_from": func(c *Call) string { return c.distinct("IS NOT DISTINCT FROM") },
		"$between":              between,
		"$in":                   in,
		"$in_array":             inArray,
		"$and":                  func(c *Call) string { return c.chain(" AND ", transpile.PrecNot) },
		"$or":                   func(c *Call) string { return c.chain(" OR ", transpile.PrecAnd) },
		"$not": func(c *Call) string {
			c.SafeDone()
			if n, ok := c.Expr(0).(*ir.Call); ok && n.Name == "$is_null" && strings.HasSuffix(transpile.Plain(c.Args[0]), " IS NULL") {
				i := strings.LastIndex(c.Args[0], " IS NULL")
				return c.Args[0][:i] + " IS NOT NULL" + c.Args[0][i+len(" IS NULL"):]
			}
			return "NOT " + operand(c.Args[0], transpile.PrecAtom)
		},
		"$is_null":  func(c *Call) string { c.SafeDone(); return operand(c.Args[0], transpile.PrecAdd) + " IS NULL" },
		"$is_true":  func(c *Call) string { c.SafeDone(); return operand(c.Args[0], transpile.PrecAtom) + " IS TRUE" },
		"$is_false": func(c *Call) string { c.SafeDone(); return operand(c.Args[0], transpile.PrecAtom) + " IS FALSE" },
		"$add":      func(c *Call) string { return c.arithmetic("+") },
		"$subtract": func(c *Call) string { return c.arithmetic("-") },
		"$multiply": func(c *Call) string { return c.arithmetic("*") },
		"$divide":   func(c *Call) string { return c.arithmetic("/") },
		"$unary_minus": func(c *Call) string {
			switch c.Kind(0) {
			case ir.BigNumeric:
				return numericCall(c)
			case ir.Uint32, ir.Uint64:
				return c.Refuse("there is no negation of " + c.Type(0).String())
			}
			return "-" + operand(c.Typed(0), transpile.PrecAtom)
		},
		"safe_add":      func(c *Call) string { return c.safely("+") },
		"safe_subtract": func(c *Call) string { return c.safely("-") },
		"safe_multiply": func(c *Call) string { return c.safely("*") },
		"safe_divide":   safeDivide,
		"safe_negate": func(c *Call) string {
			if c.Kind(0) == ir.BigNumeric {
				return numericCall(c)
			}
			if isFloat(c.Kind(0)) {
				return "-" + operand(c.Typed(0), transpile.PrecAtom)
			}
			return "TRY(-" + operand(c.Typed(0), transpile.PrecAtom) + ")"
		},
		"div": func(c *Call) string {
			if !isInt(c.Kind(0)) {
				return numericCall(c)
			}
			return c.quotient("//", "div")
		},
		"mod": func(c *Call) string {
			if !isInt(c.Kind(0)) {
				return numericCall(c)
			}
			return c.quotient("%", "mod")
		},
		"$bitwise_and": func(c *Call) string { return c.bits("&") },
		"$bitwise_or":  func(c *Call) string { return c.bits("|") },
		"$bitwise_xor": func(c *Call) string {
			if c.Kind(0) == ir.Bytes {
				return c.Refuse("over BYTES")
			}
			return "xor(" + c.Typed(0) + ", " + c.Typed(1) + ")"
		},
		"$bitwise_not": func(c *Call) string {
			if c.Kind(0) == ir.Bytes {
				return c.Refuse("over BYTES")
			}
			return "~" + operand(c.Typed(0), transpile.PrecAtom)
		},
		"$bitwise_left_shift":  func(c *Call) string { return c.shift("shift_left") },
		"$bitwise_right_shift": func(c *Call) string { return c.shift("shift_right") },
		"bit_count": func(c *Call) string {
			if c.Kind(0) == ir.Bytes {
				return "CAST(bit_count(CAST(" + c.Args[0] + " AS BIT)) AS BIGINT)"
			}
			return "CAST(bit_count(" + c.Typed(0) + ") AS BIGINT)"
		},
	}
	for name, op := range map[string]string{"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="} {
		m["$"+name+"_any_array"] = quantified(op, false)
		m["$"+name+"_all_array"] = quantified(op, true)
	}
	return m
}

// quantified is x op ANY UNNEST(array), or ALL: the three-valued disjunction, or
// conjunction, of the comparisons. A NULL array is as an empty one.
func quantified(op string, all bool) Rule {
	return func(c *Call) string {
		c.SafeDone()
		elem := c.Type(1).Elem
		if elem == nil {
			return c.Refuse("over " + c.Type(1).String())
		}
		fold, none := "lambda a, b: a OR b, FALSE", "FALSE"
		if all {
			fold, none = "lambda a, b: a AND b, TRUE", "TRUE"
		}
		return c.Let(0, func(x string) string {
			c.g.names++
			v := "_v" + itoa(c.g.names)
			test := c.g.compare(op, x, v, c.Expr(0), placeholder(elem, c), c)
			return "coalesce(list_reduce(list_transform(" + c.Args[1] + ", lambda " + v + ": " + test + "), " + fold + "), CASE WHEN " + operand(c.Args[1], transpile.PrecAdd) + " IS NULL THEN " + none + " END)"
		})
	}
}

func operatorMacros() []macro {
	return []macro{
		{"divide", "x, y", `CASE WHEN y = 0 THEN ` + fail("DOUBLE", "'division by zero: ' || x || ' / ' || y") + ` WHEN isinf(x / y) AND isfinite(x) THEN ` + fail("DOUBLE", "'double overflow: ' || x || ' / ' || y") + ` ELSE x / y END`},
		{"safe_divide", "x, y", `CASE WHEN y = 0 OR isinf(x / y) AND isfinite(x) THEN NULL ELSE x / y END`},
		{"div", "x, y", `CASE WHEN y = 0 THEN ` + fail("BIGINT", "'division by zero: ' || x || ' / ' || y") + ` ELSE x // y END`},
		{"mod", "x, y", `CASE WHEN y = 0 THEN ` + fail("BIGINT", "'division by zero: MOD(' || x || ', ' || y || ')'") + ` WHEN y = -1 THEN x % 1 ELSE x % y END`},
		// The rest of a division by -1 is that by 1, for which DuckDB does not divide the least
		// integer by -1, which overflows.
		{"safe_divisor", "y", `CASE y WHEN 0 THEN NULL WHEN -1 THEN 1 ELSE y END`},
		// The comparisons of FLOAT64: NaN equals nothing and is neither below nor above
		// anything, and a NULL on either side is NULL. DuckDB takes NaN for the greatest
		// number, equal to itself.
		{"eq", "x, y", `(x = y AND (NOT isnan(x) OR y IS NULL))`},
		{"ne", "x, y", `(x <> y OR (isnan(x) AND y IS NOT NULL))`},
		{"lt", "x, y", `(x < y AND (NOT isnan(y) OR x IS NULL))`},
		{"le", "x, y", `(x <= y AND (NOT isnan(y) OR x IS NULL))`},
		{"gt", "x, y", `(x > y AND (NOT isnan(x) OR y IS NULL))`},
		{"ge", "x, y", `(x >= y AND (NOT isnan(x) OR y IS NULL))`},
		// Ranges sort by start, then end; NULL is unbounded.
		{"range_key", "r", `CASE WHEN r IS NOT NULL THEN {'s': coalesce(r."start", '-infinity'), 'e': coalesce(r."end", 'infinity')} END`},
		// Shifts are of 64 unsigned bits; a count above 63 leaves nothing.
		{"shift_left", "x, n", `CASE WHEN n < 0 THEN ` + fail("BIGINT", "'Bitwise shift by negative offset: ' || n") + ` WHEN n > 63 THEN 0 ELSE _engine.to_signed((_engine.to_unsigned(x) * CAST(pow(2, n) AS HUGEINT)) % 18446744073709551616::HUGEINT) END`},
		{"shift_right", "x, n", `CASE WHEN n < 0 THEN ` + fail("BIGINT", "'Bitwise shift by negative offset: ' || n") + ` WHEN n > 63 THEN 0 ELSE _engine.to_signed(_engine.to_unsigned(x) // CAST(pow(2, n) AS HUGEINT)) END`},
		{"to_unsigned", "x", `CASE WHEN x < 0 THEN CAST(x AS HUGEINT) + 18446744073709551616::HUGEINT ELSE CAST(x AS HUGEINT) END`},
		{"to_signed", "h", `CAST(CASE WHEN h > 9223372036854775807 THEN h - 18446744073709551616::HUGEINT ELSE h END AS BIGINT)`},
		{"in_array", "x, list", `CASE WHEN list_contains(list, x) THEN TRUE WHEN len(list) > 0 AND (x IS NULL OR len(list) > list_count(list)) THEN NULL ELSE FALSE END`},
	}
}

func isInt(k ir.Kind) bool {
	return k == ir.Int64 || k == ir.Int32 || k == ir.Uint32 || k == ir.Uint64
}

func isFloat(k ir.Kind) bool { return k == ir.Float64 || k == ir.Float32 }

func (c *Call) chain(op string, least int) string {
	c.SafeDone()
	parts := make([]string, len(c.Args))
	for i, a := range c.Args {
		parts[i] = operand(a, least)
	}
	return strings.Join(parts, op)
}

// compare writes a comparison of the first two arguments.
func (c *Call) compare(op string) string {
	c.SafeDone()
	return c.g.compare(op, c.compareArg(0), c.compareArg(1), c.Expr(0), c.Expr(1), c)
}

// compareArg is an argument as an operand of a comparison: a literal is bare if the
// other side gives the type.
func (c *Call) compareArg(i int) string {
	if _, both := c.Expr(1 - i).(*ir.Literal); both {
		return c.Typed(i)
	}
	return c.Args[i]
}

func (g *generator) compare(op, x, y string, ex, ey ir.Expr, c *Call) string {
	t := ex.T()
	least := transpile.PrecAdd
	switch k := t.Kind; {
	case isFloat(k) || isFloat(ey.T().Kind):
		nx, ny := g.finite(ex, 0), g.finite(ey, 0)
		if nx && ny {
			break
		}
		switch op {
		case "=":
			if nx || ny {
				break
			}
			return g.macro("eq", x, y)
		case "<>":
			if nx || ny {
				break
			}
			return g.macro("ne", x, y)
		case "<", "<=":
			if ny {
				break
			}
			return g.macro(map[string]string{"<": "lt", "<=": "le"}[op], x, y)
		default:
			if nx {
				break
			}
			return g.macro(map[string]string{">": "gt", ">=": "ge"}[op], x, y)
		}
	case k == ir.Struct:
		return g.compareStructs(op, x, y, ex, ey, c)
	case k == ir.Array:
		return g.compareArrays(op, x, y, t, ey.T(), c)
	case k == ir.Range:
		if op == "=" || op == "<>" {
			return operand(x, least) + " " + op + " " + operand(y, least)
		}
		return g.macro("range_key", x) + " " + op + " " + g.macro("range_key", y)
	case k == ir.JSON:
		return g.function("json_key", x) + " " + op + " " + g.function("json_key", y)
	case k == ir.BigNumeric && op != "=" && op != "<>":
		return g.bigKey(x) + " " + op + " " + g.bigKey(y)
	case k == ir.Geography || k == ir.Other || k == ir.Map || k == ir.Unknown:
		return c.Refuse("over " + t.String())
	}
	return operand(x, least) + " " + op + " " + operand(y, least)
}

// finite reports whether a value is surely no NaN or infinity.
func (g *generator) finite(e ir.Expr, depth int) bool {
	if depth > 4 {
		return false
	}
	switch n := e.(type) {
	case *ir.Literal:
		return !isFloat(n.T().Kind) || !math.IsNaN(n.Value.Float) && !math.IsInf(n.Value.Float, 0)
	case *ir.Cast:
		switch n.Arg.T().Kind {
		case ir.Int64, ir.Int32, ir.Uint32, ir.Uint64, ir.Numeric, ir.Bool:
			return true
		case ir.Float64, ir.Float32:
			return g.finite(n.Arg, depth+1)
		}
	case *ir.ColumnRef:
		if !isFloat(n.T().Kind) {
			return true
		}
		if o := g.w.Origin(n.Column.ID); o != nil {
			return g.finite(o, depth+1)
		}
	case *ir.AggregateCall:
		return n.Name == "avg" && len(n.Args) > 0 && n.Args[0].Expr != nil && g.finite(n.Args[0].Expr, depth+1)
	case *ir.Call:
		switch n.Name {
		case "$add", "$subtract", "$multiply", "$divide", "$unary_minus", "abs", "round", "ifnull", "coalesce", "safe_divide":
			for _, a := range n.Args {
				if a.Expr == nil || !g.finite(a.Expr, depth+1) {
					return false
				}
			}
			return true
		}
	default:
	}
	return !isFloat(e.T().Kind)
}

// whole reports whether a FLOAT64 is a converted integer, which is zero or at least one.
func (g *generator) whole(e ir.Expr) bool {
	c, ok := e.(*ir.Cast)
	return ok && isInt(c.Arg.T().Kind)
}

// compareStructs compares field by field, as a NULL field makes the result NULL
// unless another field decides.
func (g *generator) compareStructs(op, x, y string, ex, ey ir.Expr, c *Call) string {
	tx, ty := ex.T(), ey.T()
	if op != "=" && op != "<>" || len(tx.Fields) != len(ty.Fields) || len(tx.Fields) == 0 {
		return c.Refuse("over " + tx.String())
	}
	text := g.letFields(x, ex, func(left fieldOf) string {
		return g.letFields(y, ey, func(right fieldOf) string {
			parts := make([]string, len(tx.Fields))
			for i := range tx.Fields {
				x, ex := left(i, c)
				y, ey := right(i, c)
				parts[i] = operand(g.compare("=", x, y, ex, ey, c), transpile.PrecNot)
			}
			return strings.Join(parts, " AND ")
		})
	})
	if op == "<>" {
		return "NOT (" + text + ")"
	}
	return "(" + text + ")"
}

// fieldOf gives the i-th field of a struct as a text, and as a tree as far as it is known.
type fieldOf func(i int, c *Call) (string, ir.Expr)

// letFields reads the fields of a struct, each once: of one that is put together on the
// spot they are its parts.
func (g *generator) letFields(text string, e ir.Expr, body func(fieldOf) string) string {
	if m, ok := e.(*ir.MakeStruct); ok {
		return body(func(i int, _ *Call) (string, ir.Expr) { return g.Expr(m.Args[i]), m.Args[i] })
	}
	t := e.T()
	return g.let(text, func(v string) string {
		return body(func(i int, c *Call) (string, ir.Expr) { return field(v, t, i), placeholder(t.Fields[i].Type, c) })
	})
}

// placeholder stands for a value of which only the type is known.
func placeholder(t *ir.Type, c *Call) ir.Expr {
	return &ir.ColumnRef{Of: ir.Of{Type: t, Span: c.Node.At()}, Column: ir.Column{ID: -1, Type: t}}
}

// compareArrays compares element by element: unequal lengths are FALSE, else a
// FALSE pair decides, else a NULL pair makes the result NULL.
func (g *generator) compareArrays(op, x, y string, tx, ty *ir.Type, c *Call) string {
	if op != "=" && op != "<>" {
		return c.Refuse("over " + tx.String())
	}
	text := g.let(x, func(x string) string {
		return g.let(y, func(y string) string {
			g.names++
			v := "_v" + itoa(g.names)
			test := g.compare("=", x+"["+v+"]", y+"["+v+"]", placeholder(tx.Elem, c), placeholder(ty.Elem, c), c)
			return "CASE WHEN len(" + x + ") <> len(" + y + ") THEN FALSE WHEN " + y + " IS NULL OR " + x + " IS NULL THEN NULL ELSE list_reduce(list_transform(range(1, len(" + x + ") + 1), lambda " + v + ": " + test + "), lambda a, b: a AND b, TRUE) END"
		})
	})
	if op == "<>" {
		return "NOT (" + text + ")"
	}
	return text
}

// distinct compares with NULL as a value. DuckDB takes NaN for equal to itself there,
// as GoogleSQL does, and the parts of structs likewise.
func (c *Call) distinct(op string) string {
	c.SafeDone()
	switch c.Kind(0) {
	case ir.JSON:
		return c.g.function("json_key", c.Args[0]) + " " + op + " " + c.g.function("json_key", c.Args[1])
	case ir.Geography, ir.Other, ir.Map:
		return c.Refuse("over " + c.Type(0).String())
	case ir.Struct:
		if !sameShape(c.Type(0), c.Type(1)) {
			return operand(c.g.cast(c.Typed(0), c.Type(0), c.Type(1), false, c.Node.At()), transpile.PrecAdd) + " " + op + " " + operand(c.Typed(1), transpile.PrecAdd)
		}
	}
	return operand(c.Typed(0), transpile.PrecAdd) + " " + op + " " + operand(c.Typed(1), transpile.PrecAdd)
}

func between(c *Call) string {
	c.SafeDone()
	switch k := c.Kind(0); {
	case isFloat(k), k == ir.Struct, k == ir.Array, k == ir.Range, k == ir.JSON, k == ir.BigNumeric, isFloat(c.Kind(1)), isFloat(c.Kind(2)):
		if isFloat(k) && c.g.finite(c.Expr(0), 0) && c.g.finite(c.Expr(1), 0) && c.g.finite(c.Expr(2), 0) {
			break
		}
		if l, ok := c.Expr(2).(*ir.Literal); ok && isFloat(k) && !l.Value.Null && c.g.finite(l, 0) {
			break // NaN is not below the upper bound in DuckDB either
		}
		return c.Let(0, func(v string) string {
			return operand(c.g.compare(">=", v, c.Args[1], c.Expr(0), c.Expr(1), c), transpile.PrecNot) +
				" AND " + operand(c.g.compare("<=", v, c.Args[2], c.Expr(0), c.Expr(2), c), transpile.PrecNot)
		})
	}
	return operand(c.Args[0], transpile.PrecAdd) + " BETWEEN " + operand(c.Args[1], transpile.PrecAdd) + " AND " + operand(c.Args[2], transpile.PrecAdd)
}

// plainIn reports whether DuckDB's IN compares values of a type as GoogleSQL's =.
func plainIn(t *ir.Type) bool {
	switch t.Kind {
	case ir.Struct, ir.Array, ir.Range, ir.JSON, ir.Float64, ir.Float32, ir.Map:
		return false
	case ir.Other:
		return enum(t)
	}
	return true
}

func in(c *Call) string {
	c.SafeDone()
	plain := plainIn(c.Type(0))
	if isFloat(c.Kind(0)) {
		// One finite side is enough for =.
		plain = true
		for i := 1; i < c.Len(); i++ {
			plain = plain && (c.g.finite(c.Expr(i), 0) || c.g.finite(c.Expr(0), 0))
		}
	}
	if plain {
		return operand(c.Args[0], transpile.PrecAdd) + " IN (" + strings.Join(c.Args[1:], ", ") + ")"
	}
	return c.Let(0, func(v string) string {
		parts := make([]string, c.Len()-1)
		for i := range parts {
			parts[i] = operand(c.g.compare("=", v, c.Args[i+1], c.Expr(0), c.Expr(i+1), c), transpile.PrecNot)
		}
		return "(" + strings.Join(parts, " OR ") + ")"
	})
}

// inArray is x IN UNNEST(array): NULL if no element is equal but one, or x, is NULL.
// Over a NULL or empty array it is FALSE.
func inArray(c *Call) string {
	c.SafeDone()
	elem := c.Type(1).Elem
	if elem == nil {
		return c.Refuse("over " + c.Type(1).String())
	}
	if v, ok := c.Value(1); ok && !v.Null && len(v.Elems) > 0 && plainIn(elem) {
		items := make([]string, len(v.Elems))
		for i, e := range v.Elems {
			items[i] = c.g.literal(e, true, c.Node.At())
		}
		return operand(c.Args[0], transpile.PrecAdd) + " IN (" + strings.Join(items, ", ") + ")"
	}
	return c.Let(0, func(x string) string {
		return c.Let(1, func(list string) string {
			if plainIn(elem) {
				return c.Macro("in_array", x, list)
			}
			c.g.names++
			v := "_v" + itoa(c.g.names)
			test := c.g.compare("=", x, v, c.Expr(0), placeholder(elem, c), c)
			return "coalesce(len(" + list + "), 0) > 0 AND list_reduce(list_transform(" + list + ", lambda " + v + ": " + test + "), lambda a, b: a OR b, FALSE)"
		})
	})
}

// arithmetic writes + - * / by the types of the operands.
func (c *Call) arithmetic(op string) string {
	x, y := c.Kind(0), c.Kind(1)
	switch {
	case isInt(x) && isInt(y) && op != "/":
		if x == ir.Uint64 || y == ir.Uint64 {
			if op == "-" {
				return Cast("CAST("+c.Typed(0)+" AS HUGEINT) - CAST("+c.Typed(1)+" AS HUGEINT)", c.SQLType(c.Result()))
			}
		}
		return c.binary(op)
	case isFloat(x) && isFloat(y):
		if op != "/" {
			return c.binary(op)
		}
		// Dividing by a number of one or more can neither overflow nor divide by zero.
		if v, ok := c.Value(1); ok && !v.Null && math.Abs(v.Float) >= 1 {
			return c.binary(op)
		}
		if c.Safe {
			c.SafeDone()
			return c.g.macro("safe_divide", c.Args[0], c.Args[1])
		}
		return c.g.macro("divide", c.Args[0], c.Args[1])
	case x == ir.Numeric && y == ir.Numeric && (op == "+" || op == "-"):
		return "CAST(" + operand(c.Args[0], transpile.PrecAdd) + " " + op + " " + operand(c.Args[1], transpile.PrecMultiply) + " AS DECIMAL(38,9))"
	case x == ir.Numeric || x == ir.BigNumeric:
		return numericCall(c)
	}
	return temporalCall(c)
}

// binary writes an operator between the arguments. One typed side is enough.
func (c *Call) binary(op string) string {
	x, y := c.Args[0], c.Args[1]
	if _, ok := c.Expr(0).(*ir.Literal); ok {
		x = c.Typed(0)
		if c.Kind(0) == c.Kind(1) {
			if _, both := c.Expr(1).(*ir.Literal); !both {
				x = c.Args[0]
			}
		}
	} else if c.Kind(0) != c.Kind(1) {
		y = c.Typed(1)
	}
	left, right := transpile.PrecAdd, transpile.PrecMultiply
	if op == "*" || op == "/" {
		left, right = transpile.PrecMultiply, transpile.PrecUnary
	}
	text := operand(x, left) + " " + op + " " + operand(y, right)
	if !isFloat(c.Result().Kind) && c.Kind(0) != c.Kind(1) || c.Result().Kind != c.Kind(0) {
		return Cast(text, c.SQLType(c.Result()))
	}
	return text
}

func (c *Call) safely(op string) string {
	switch {
	case isFloat(c.Kind(0)):
		return c.binary(op)
	case isInt(c.Kind(0)) && isInt(c.Kind(1)):
		return c.g.try(c.arithmetic(op), c.Node)
	case c.Kind(0) == ir.Numeric && op != "*":
		return c.g.try(c.arithmetic(op), c.Node)
	}
	return numericCall(c)
}

func safeDivide(c *Call) string {
	if isFloat(c.Kind(0)) {
		if v, ok := c.Value(1); ok && !v.Null && math.Abs(v.Float) >= 1 {
			return c.binary("/")
		}
		if c.g.whole(c.Expr(1)) {
			return operand(c.Args[0], transpile.PrecMultiply) + " / nullif(" + c.Args[1] + ", 0)"
		}
		return c.g.macro("safe_divide", c.Args[0], c.Args[1])
	}
	return numericCall(c)
}

// quotient is integer division or its rest, with the check for zero unless the
// divisor is a literal.
func (c *Call) quotient(op, name string) string {
	if v, ok := c.Value(1); ok && !v.Null && v.Int != 0 && (op != "%" || v.Int != -1) {
		return Cast(operand(c.Typed(0), transpile.PrecMultiply)+" "+op+" "+operand(c.Typed(1), transpile.PrecUnary), c.SQLType(c.Result()))
	}
	if c.Safe {
		by := "nullif(" + c.Typed(1) + ", 0)"
		if op == "%" {
			by = c.g.macro("safe_divisor", c.Typed(1))
		}
		return Cast(operand(c.Typed(0), transpile.PrecMultiply)+" "+op+" "+by, c.SQLType(c.Result()))
	}
	return Cast(c.g.macro(name, c.Typed(0), c.Typed(1)), c.SQLType(c.Result()))
}

func (c *Call) bits(op string) string {
	if c.Kind(0) == ir.Bytes {
		return c.Refuse("over BYTES")
	}
	return "(" + operand(c.Typed(0), transpile.PrecAtom) + " " + op + " " + operand(c.Typed(1), transpile.PrecAtom) + ")"
}

// shift moves bits by the rules of unsigned numbers of the type's width.
func (c *Call) shift(name string) string {
	if c.Kind(0) != ir.Int64 {
		return c.Refuse("over " + c.Type(0).String())
	}
	return c.Macro(name, c.Typed(0), c.Typed(1))
}

// numericCall hands a call over NUMERIC or BIGNUMERIC to the rules of calls_numeric.go.
func numericCall(c *Call) string {
	if r := overNumeric(c.Node.Name); r != nil {
		return r(c)
	}
	return c.Refuse("over " + c.Type(0).String())
}

// temporalCall hands arithmetic over dates, times and intervals on.
func temporalCall(c *Call) string {
	if r := overTime(c.Node.Name); r != nil {
		return r(c)
	}
	return c.Refuse("over " + c.Type(0).String() + " and " + c.Type(1).String())
}

package postgres

import (
	"math"
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// operatorRules are comparison, logic and arithmetic; that of dates and intervals is in
// calls_time.go.
func operatorRules() map[string]Rule {
	return map[string]Rule{
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
			return "NOT " + operand(c.Args[0], transpile.PrecAtom)
		},
		"$is_null":            func(c *Call) string { c.SafeDone(); return isNull(c.Typed(0), c.Type(0)) },
		"$is_true":            func(c *Call) string { c.SafeDone(); return operand(c.Args[0], transpile.PrecAtom) + " IS TRUE" },
		"$is_false":           func(c *Call) string { c.SafeDone(); return operand(c.Args[0], transpile.PrecAtom) + " IS FALSE" },
		"$add":                func(c *Call) string { return c.arithmetic("+") },
		"$subtract":           func(c *Call) string { return c.arithmetic("-") },
		"$multiply":           func(c *Call) string { return c.arithmetic("*") },
		"$divide":             func(c *Call) string { return c.arithmetic("/") },
		"$unary_minus":        negate,
		"safe_add":            func(c *Call) string { return c.safely("$add") },
		"safe_subtract":       func(c *Call) string { return c.safely("$subtract") },
		"safe_multiply":       func(c *Call) string { return c.safely("$multiply") },
		"safe_divide":         safeDivide,
		"safe_negate":         func(c *Call) string { return c.safely("$unary_minus") },
		"div":                 quotient("/"),
		"mod":                 quotient("%"),
		"$bitwise_and":        func(c *Call) string { return c.bits("&") },
		"$bitwise_or":         func(c *Call) string { return c.bits("|") },
		"$bitwise_xor":        func(c *Call) string { return c.bits("#") },
		"$bitwise_not":        func(c *Call) string { return c.bits("~") },
		"$bitwise_left_shift": func(c *Call) string { return c.shift("shift_left") },
		"$bitwise_right_shift": func(c *Call) string {
			return c.shift("shift_right")
		},
		"bit_count": func(c *Call) string {
			if c.Kind(0) != ir.Int64 {
				return c.Refuse("over " + c.Type(0).String())
			}
			c.SafeDone()
			return "length(replace(" + operand(c.Typed(0), transpile.PrecCast) + "::bit(64)::text, '0', ''))::bigint"
		},
	}
}

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
	x, y := c.Args[0], c.Args[1]
	_, lx := c.Expr(0).(*ir.Literal)
	if _, ly := c.Expr(1).(*ir.Literal); lx && ly {
		x, y = c.Typed(0), c.Typed(1)
	}
	return c.g.compare(op, x, y, c.Expr(0), c.Expr(1), c)
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
			return g.function("eq", x, y)
		case "<>":
			if nx || ny {
				break
			}
			return g.function("ne", x, y)
		case "<", "<=":
			if ny {
				break
			}
			return g.function(map[string]string{"<": "lt", "<=": "le"}[op], x, y)
		default:
			if nx {
				break
			}
			return g.function(map[string]string{">": "lt", ">=": "le"}[op], y, x)
		}
	case k == ir.Struct:
		return g.compareStructs(op, x, y, t, ey.T(), c)
	case k == ir.Array:
		return g.compareArrays(op, x, y, t, ey.T(), c)
	case k == ir.String:
		if op != "=" && op != "<>" {
			if collated(x) || collated(y) {
				x = codePoints(x)
			}
			return operand(x, least) + " " + op + " " + codePoints(y)
		}
	case k == ir.Bool, isInt(k), isUnsigned(k), isDecimal(k), k == ir.Bytes, k == ir.Date, k == ir.Datetime, k == ir.Time,
		k == ir.Timestamp, k == ir.Interval, k == ir.UUID, k == ir.Range, enum(t):
	default:
		return c.Refuse("over " + t.String())
	}
	if ey.T().Kind != t.Kind && (isUnsigned(t.Kind) || isUnsigned(ey.T().Kind)) {
		x, y = castTo(x, "numeric"), castTo(y, "numeric")
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
		case ir.Int64, ir.Int32, ir.Numeric, ir.Bool:
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

// compareStructs compares field by field, as a NULL field makes the result NULL unless
// another field decides.
func (g *generator) compareStructs(op, x, y string, tx, ty *ir.Type, c *Call) string {
	if op != "=" && op != "<>" || len(tx.Fields) != len(ty.Fields) || len(tx.Fields) == 0 {
		return c.Refuse("over " + tx.String())
	}
	text := g.let(x, func(x string) string {
		return g.let(y, func(y string) string {
			parts := make([]string, len(tx.Fields))
			for i := range tx.Fields {
				ex, ey := placeholder(tx.Fields[i].Type, c), placeholder(ty.Fields[i].Type, c)
				parts[i] = operand(g.compare("=", field(x, tx, i), field(y, ty, i), ex, ey, c), transpile.PrecNot)
			}
			return strings.Join(parts, " AND ")
		})
	})
	if op == "<>" {
		return "NOT (" + text + ")"
	}
	return "(" + text + ")"
}

// placeholder stands for a value of which only the type is known.
func placeholder(t *ir.Type, c *Call) ir.Expr {
	return &ir.ColumnRef{Of: ir.Of{Type: t, Span: c.Node.At()}, Column: ir.Column{ID: -1, Type: t}}
}

// compareArrays compares element by element: unequal lengths are FALSE, else a FALSE pair
// decides, else a NULL pair makes the result NULL.
func (g *generator) compareArrays(op, x, y string, tx, ty *ir.Type, c *Call) string {
	if op != "=" && op != "<>" || tx.Elem.Kind == ir.Struct || ty.Elem.Kind == ir.Struct || g.holdsGroup(transpile.Plain(x+" "+y)) {
		return c.Refuse("over " + tx.String())
	}
	text := g.let(x, func(x string) string {
		return g.let(y, func(y string) string {
			v := g.name("_e")
			test := g.compare("=", v+".a", v+".b", placeholder(tx.Elem, c), placeholder(ty.Elem, c), c)
			return "CASE WHEN cardinality(" + x + ") <> cardinality(" + y + ") THEN FALSE WHEN " + y + " IS NULL OR " + x + " IS NULL THEN NULL ELSE (SELECT CASE WHEN bool_or(NOT (" + test + ")) THEN FALSE WHEN bool_or((" + test + ") IS NULL) THEN NULL ELSE TRUE END FROM unnest(" + x + ", " + y + ") AS " + v + "(a, b)) END"
		})
	})
	if op == "<>" {
		return "NOT (" + text + ")"
	}
	return text
}

// distinct compares with NULL as a value. PostgreSQL takes NaN for equal to itself there,
// as GoogleSQL does, and the parts of structs likewise.
func (c *Call) distinct(op string) string {
	c.SafeDone()
	if c.Type(0).Has(ir.JSON, ir.Geography, ir.Other, ir.Map) {
		return c.Refuse("over " + c.Type(0).String())
	}
	x := c.Typed(0)
	if !sameShape(c.Type(0), c.Type(1)) {
		x = c.g.cast(x, c.Type(0), c.Type(1), false, c.Node.At())
	}
	return operand(x, transpile.PrecAdd) + " " + op + " " + operand(c.Typed(1), transpile.PrecAdd)
}

func between(c *Call) string {
	c.SafeDone()
	plain := plainIn(c.Type(0)) && !isFloat(c.Kind(1)) && !isFloat(c.Kind(2)) && c.Kind(0) != ir.String
	if isFloat(c.Kind(0)) {
		plain = c.g.finite(c.Expr(0), 0) && c.g.finite(c.Expr(1), 0) && c.g.finite(c.Expr(2), 0)
	}
	if !plain {
		return c.Let(0, func(v string) string {
			return operand(c.g.compare(">=", v, c.Typed(1), c.Expr(0), c.Expr(1), c), transpile.PrecNot) +
				" AND " + operand(c.g.compare("<=", v, c.Typed(2), c.Expr(0), c.Expr(2), c), transpile.PrecNot)
		})
	}
	return operand(c.Typed(0), transpile.PrecAdd) + " BETWEEN " + operand(c.Args[1], transpile.PrecAdd) + " AND " + operand(c.Args[2], transpile.PrecAdd)
}

// plainIn reports whether PostgreSQL's = compares values of a type as GoogleSQL's.
func plainIn(t *ir.Type) bool {
	if enum(t) {
		return true
	}
	switch t.Kind {
	case ir.Struct, ir.Array, ir.JSON, ir.Float64, ir.Float32, ir.Map, ir.Other, ir.Unknown, ir.Geography:
		return false
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
		return operand(c.Typed(0), transpile.PrecAdd) + " IN (" + strings.Join(c.Args[1:], ", ") + ")"
	}
	return c.Let(0, func(v string) string {
		parts := make([]string, c.Len()-1)
		for i := range parts {
			parts[i] = operand(c.g.compare("=", v, c.Typed(i+1), c.Expr(0), c.Expr(i+1), c), transpile.PrecNot)
		}
		return "(" + strings.Join(parts, " OR ") + ")"
	})
}

// inArray is x IN UNNEST(array): NULL if no element is equal but one, or x, is NULL. Over a
// NULL or empty array it is FALSE.
func inArray(c *Call) string {
	c.SafeDone()
	elem := c.Type(1).Elem
	if elem == nil {
		return c.Refuse("over " + c.Type(1).String())
	}
	if plainIn(elem) {
		return "coalesce(" + operand(c.Typed(0), transpile.PrecAdd) + " = ANY (" + c.list(1) + "), CASE WHEN cardinality(" + c.Typed(1) + ") > 0 THEN NULL ELSE FALSE END)"
	}
	return c.overElements(1, func(v string) string {
		test := c.g.compare("=", c.Typed(0), v+".v", c.Expr(0), placeholder(elem, c), c)
		return "SELECT CASE WHEN bool_or(" + test + ") THEN TRUE WHEN bool_or((" + test + ") IS NULL) THEN NULL ELSE FALSE END"
	})
}

// list is the i-th argument, an array, as ANY takes it: a subquery in its place would be
// one of rows.
func (c *Call) list(i int) string {
	text := c.Typed(i)
	if strings.HasPrefix(strings.TrimLeft(transpile.Plain(text), "( \n"), "SELECT") {
		return castTo(text, c.SQLType(c.Type(i)))
	}
	return text
}

// overElements is a scalar subquery over the elements of the i-th argument, v.v and v.i.
func (c *Call) overElements(i int, head func(v string) string) string {
	v := c.g.name("_e")
	text := head(v)
	if c.g.holdsGroup(transpile.Plain(text + c.Args[i])) {
		return c.Refuse("over aggregates")
	}
	return "(" + text + " FROM " + c.g.elements(c.Typed(i), v, c.Type(i)) + ")"
}

func (c *Call) arithmetic(op string) string {
	x, y := c.Kind(0), c.Kind(1)
	switch {
	case isInt(x) && isInt(y):
		return c.binary(op)
	case isFloat(x) && isFloat(y):
		if op == "/" && !c.g.finite(c.Expr(0), 0) {
			return c.Func("divide", c.Typed(0), c.Typed(1))
		}
		return c.binary(op)
	case x == y && isDecimal(x):
		if op == "/" && x == ir.BigNumeric {
			return c.g.decimal(c.Func("bignumeric_divide", c.Typed(0), c.Typed(1)), x)
		} else if op == "/" {
			return castTo(c.Func("numeric_divide", c.Typed(0), c.Typed(1)), "numeric(38,9)")
		}
		return c.g.decimal(c.binary(op), x)
	}
	if isUnsigned(x) && isUnsigned(y) {
		return c.unsignedArithmetic(op)
	}
	return temporal(c, op)
}

// unsignedArithmetic works on numerics, which hold every result.
func (c *Call) unsignedArithmetic(op string) string {
	switch {
	case c.Result().Kind == ir.Float64 && op == "/":
		return castTo(c.Typed(0), "double precision") + " / " + castTo(c.Typed(1), "double precision")
	case op == "/":
		return c.Refuse("over " + c.Type(0).String())
	}
	text := castTo(c.Typed(0), "numeric") + " " + op + " " + castTo(c.Typed(1), "numeric")
	if isUnsigned(c.Result().Kind) {
		return c.g.unsigned(text, c.Result().Kind)
	}
	return castTo(text, c.SQLType(c.Result()))
}

// binary writes an operator between the arguments.
func (c *Call) binary(op string) string {
	left, right := transpile.PrecAdd, transpile.PrecMultiply
	if op == "*" || op == "/" || op == "%" {
		left, right = transpile.PrecMultiply, transpile.PrecUnary
	}
	x, y := c.Typed(0), c.Args[1]
	if _, ok := c.Expr(0).(*ir.Literal); ok {
		x, y = c.Args[0], c.Typed(1)
	}
	if c.Kind(0) != c.Kind(1) || isFloat(c.Kind(0)) {
		x, y = c.Typed(0), c.Typed(1)
	}
	text := operand(x, left) + " " + op + " " + operand(y, right)
	if c.Kind(0) != c.Kind(1) || c.Result().Kind != c.Kind(0) {
		return castTo(text, c.SQLType(c.Result()))
	}
	return text
}

func negate(c *Call) string {
	switch c.Kind(0) {
	case ir.Int64, ir.Int32, ir.Float64, ir.Float32, ir.Numeric, ir.BigNumeric, ir.Interval:
		if c.Kind(0) == ir.BigNumeric {
			return c.g.decimal("-"+operand(c.Typed(0), transpile.PrecAtom), ir.BigNumeric)
		}
		return "-" + operand(c.Typed(0), transpile.PrecAtom)
	}
	return c.Refuse("there is no negation of " + c.Type(0).String())
}

// safely is SAFE_ADD and its like: SAFE over the operator.
func (c *Call) safely(name string) string {
	if isFloat(c.Kind(0)) {
		return c.Refuse("an overflow is an error there")
	}
	n := *c.Node
	n.Name, n.Safe = name, true
	c.SafeDone()
	return c.g.call(&n)
}

// safeDivide yields NULL for a zero divisor, and for a quotient out of range.
func safeDivide(c *Call) string {
	if isFloat(c.Kind(0)) {
		if v, ok := c.Value(1); ok && !v.Null && math.Abs(v.Float) >= 1 && !math.IsInf(v.Float, 0) {
			c.SafeDone()
			return c.binary("/")
		}
	}
	n := *c.Node
	n.Name, n.Safe = "$divide", true
	c.SafeDone()
	return c.g.call(&n)
}

// quotient is integer division or its rest.
func quotient(op string) Rule {
	return func(c *Call) string {
		switch {
		case isInt(c.Kind(0)) && isInt(c.Kind(1)):
			return c.binary(op)
		case c.Kind(0) == c.Kind(1) && isDecimal(c.Kind(0)):
			if op == "/" {
				return c.g.decimal("div("+c.Typed(0)+", "+c.Typed(1)+")", c.Kind(0))
			}
			return c.g.decimal(c.binary(op), c.Kind(0))
		case isUnsigned(c.Kind(0)) && isUnsigned(c.Kind(1)):
			name := map[string]string{"/": "div", "%": "mod"}[op]
			return castTo(name+"("+castTo(c.Typed(0), "numeric")+", "+castTo(c.Typed(1), "numeric")+")", c.SQLType(c.Result()))
		}
		return c.Refuse("over " + c.Type(0).String())
	}
}

func (c *Call) bits(op string) string {
	if !isInt(c.Kind(0)) {
		return c.Refuse("over " + c.Type(0).String())
	}
	c.SafeDone()
	if op == "~" {
		return "~" + operand(c.Typed(0), transpile.PrecAtom)
	}
	return operand(c.Typed(0), transpile.PrecAdd) + " " + op + " " + operand(c.Typed(1), transpile.PrecAdd)
}

func (c *Call) shift(name string) string {
	if c.Kind(0) != ir.Int64 || !isInt(c.Kind(1)) {
		return c.Refuse("over " + c.Type(0).String())
	}
	return c.Func(name, c.Typed(0), c.Typed(1))
}

package duckdb

import (
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// NUMERIC is DECIMAL(38,9), which has the same range. Sums, remainders and rounding to a
// known digit are DuckDB's own. A product has 18 digits behind the point in DuckDB and so
// only 20 before it: it is rounded to nine where both factors are below 10^10, and computed
// by a Go function elsewhere; a factor that surely has no digits behind the point needs neither.
// Quotients and transcendental functions, which DuckDB computes in DOUBLE, are Go functions
// over decimal text.

const numericType = "DECIMAL(38,9)"

func numericMacros() []macro {
	return []macro{
		// Factors below 10^9 with at most four digits behind the point, the usual ones, are
		// multiplied as such: to round a decimal of more than 18 digits costs microseconds.
		{"numeric_short", "x", `TRY_CAST(TRY_CAST(x AS DECIMAL(18,9)) AS DECIMAL(18,4))`},
		{"numeric_multiply", "x, y", product("engine_numeric_multiply")},
		{"safe_numeric_multiply", "x, y", product("engine_safe_numeric_multiply")},
		{"safe_finite_sum", "s, tiny", `CASE WHEN isfinite(s) THEN s WHEN isfinite(tiny * 1267650600228229401496703205376e0) THEN tiny * 1267650600228229401496703205376e0 WHEN NOT isfinite(tiny) THEN tiny END`},
		{"numeric_mod", "x, y", `CASE WHEN y = 0 THEN ` + fail("DECIMAL(38,9)", `'division by zero: MOD(' || x || ', ' || y || ')'`) + ` ELSE x % y END`},
	}
}

// product is the text of a macro that multiplies; the Go function takes what is too large.
func product(function string) string {
	return `CASE WHEN _engine.numeric_short(x) = x AND _engine.numeric_short(y) = y THEN CAST(_engine.numeric_short(x) * _engine.numeric_short(y) AS DECIMAL(38,9)) WHEN abs(x) < 10000000000 AND abs(y) < 10000000000 THEN CAST(x * y AS DECIMAL(38,9)) ELSE CAST(` + function + `(CAST(x AS VARCHAR), CAST(y AS VARCHAR)) AS DECIMAL(38,9)) END`
}

func numericRules() map[string]Rule {
	return map[string]Rule{
		"parse_numeric":    func(c *Call) string { return Cast(c.Func("parse_numeric", c.Typed(0)), numericType) },
		"parse_bignumeric": func(c *Call) string { return c.Func("parse_bignumeric", c.Typed(0)) },
	}
}

// overNumeric is the rule of an operator or function over NUMERIC or BIGNUMERIC
// ($multiply, $divide, safe_multiply, div, mod, …), nil if there is none.
func overNumeric(name string) Rule {
	rule := numericOverloads()[name]
	big := bigNumericRule(name)
	if rule == nil && big == nil {
		return nil
	}
	return func(c *Call) string {
		for i := range c.Args {
			if c.Kind(i) == ir.BigNumeric {
				if big == nil {
					return c.Refuse("over BIGNUMERIC")
				}
				return big(c)
			}
		}
		if c.Kind(0) != ir.Numeric || rule == nil {
			return c.Refuse("over " + c.Type(0).String())
		}
		return rule(c)
	}
}

func numericOverloads() map[string]Rule {
	// native is a function that DuckDB computes exactly.
	native := func(name string) Rule {
		return func(c *Call) string { return Cast(name+"("+c.Typed(0)+")", numericType) }
	}
	rules := map[string]Rule{
		"$multiply":     numericProduct,
		"safe_multiply": func(c *Call) string { return c.safeNumeric(numericProduct) },
		"$divide":       func(c *Call) string { return c.numericFunc("divide", 2) },
		"safe_divide": func(c *Call) string {
			return c.safeNumeric(func(c *Call) string { return c.numericFunc("divide", 2) })
		},
		"div": func(c *Call) string { return c.numericFunc("div", 2) },
		"mod": func(c *Call) string {
			if v, ok := c.Value(1); ok && !v.Null && strings.Trim(v.Text, "-0.") != "" {
				return operand(c.Typed(0), transpile.PrecMultiply) + " % " + operand(c.Typed(1), transpile.PrecUnary)
			}
			return c.letText(c.Typed(0), func(x string) string {
				return c.letText(c.Typed(1), func(y string) string { return c.g.macro("numeric_mod", x, y) })
			})
		},
		"abs":  func(c *Call) string { return "abs(" + c.Typed(0) + ")" },
		"sign": native("sign"),
		"ceil": native("ceil"), "ceiling": native("ceil"), "floor": native("floor"),
		"round": numericRound,
		"trunc": numericTrunc,
	}
	for name, count := range map[string]int{"sqrt": 1, "cbrt": 1, "exp": 1, "ln": 1, "log10": 1, "radians": 1, "degrees": 1, "pow": 2, "power": 2} {
		target := strings.TrimSuffix(name, "er")
		rules[name] = func(c *Call) string { return c.numericFunc(target, count) }
	}
	rules["generate_array"] = func(c *Call) string {
		args := []string{Cast(c.Typed(0), "VARCHAR"), Cast(c.Typed(1), "VARCHAR"), "'1'"}
		if c.Len() > 2 {
			args[2] = Cast(c.Typed(2), "VARCHAR")
		}
		return Cast(c.Func("numeric_series", args...), numericType+"[]")
	}
	rules["log"] = func(c *Call) string {
		if c.Len() == 1 {
			return c.numericFunc("ln", 1)
		}
		return c.numericFunc("log", 2)
	}
	return rules
}

// safeNumeric writes a call as a SAFE one.
func (c *Call) safeNumeric(r Rule) string {
	safe := c.Safe
	c.Safe = true
	text := r(c)
	c.Safe = safe
	if c.safe {
		return text
	}
	return c.g.try(text, c.Node)
}

// numericFunc calls the Go function of a name over the first count arguments.
func (c *Call) numericFunc(name string, count int, more ...string) string {
	args := make([]string, 0, count+len(more))
	for i := range count {
		if c.Kind(i) != ir.Numeric {
			return c.Refuse("over " + c.Type(i).String())
		}
		args = append(args, Cast(c.Typed(i), "VARCHAR"))
	}
	return Cast(c.Func("numeric_"+name, append(args, more...)...), numericType)
}

// whole is an expression as a number without digits behind the point, if it surely is one.
func (c *Call) whole(i int) (string, bool) {
	switch n := c.Expr(i).(type) {
	case *ir.Literal:
		if !n.Value.Null && !strings.Contains(n.Value.Text, ".") && len(strings.TrimPrefix(n.Value.Text, "-")) <= 18 {
			return operand(n.Value.Text, transpile.PrecUnary) + "::BIGINT", n.Value.Text != ""
		}
	case *ir.Cast:
		if isInt(n.Arg.T().Kind) && n.Arg.T().Kind != ir.Uint64 && n.Params.None() && n.Format == nil {
			return c.g.Expr(n.Arg), true
		}
	}
	return "", false
}

func numericProduct(c *Call) string {
	for i := range 2 {
		if text, ok := c.whole(i); ok {
			parts := []string{operand(c.Typed(0), transpile.PrecMultiply), operand(c.Typed(1), transpile.PrecUnary)}
			parts[i] = operand(text, transpile.PrecUnary)
			return parts[0] + " * " + parts[1]
		}
	}
	name := "numeric_multiply"
	if c.Safe {
		c.SafeDone()
		name = "safe_numeric_multiply"
	}
	return c.letText(c.Typed(0), func(x string) string {
		return c.letText(c.Typed(1), func(y string) string { return c.g.macro(name, x, y) })
	})
}

func numericRound(c *Call) string {
	if c.Len() == 1 {
		return Cast("round("+c.Typed(0)+")", numericType)
	}
	name := "round"
	if c.Len() > 2 {
		mode, ok := c.Text(2)
		switch {
		case c.IsNull(2):
			return "NULL::" + numericType
		case ok && strings.EqualFold(mode, "ROUND_HALF_EVEN"):
			return c.numericFunc("round_even", 1, c.Typed(1))
		case !ok:
			return Cast(c.Func("numeric_round_mode", Cast(c.Typed(0), "VARCHAR"), c.Typed(1), c.Typed(2)), numericType)
		case !strings.EqualFold(mode, "ROUND_HALF_AWAY_FROM_ZERO"):
			return c.Refuse("with rounding mode " + mode)
		}
	}
	if v, ok := c.Value(1); ok && !v.Null {
		switch {
		case v.Int >= 9:
			return c.Typed(0)
		case v.Int >= -28:
			return Cast("round("+c.Typed(0)+", "+strconv.FormatInt(v.Int, 10)+")", numericType)
		}
	}
	return c.numericFunc(name, 1, c.Typed(1))
}

func numericTrunc(c *Call) string {
	if c.Len() == 1 {
		return Cast("trunc("+c.Typed(0)+")", numericType)
	}
	return c.numericFunc("trunc", 1, c.Typed(1))
}

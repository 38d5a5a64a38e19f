package duckdb

import (
	"math"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

func mathRules() map[string]Rule {
	// float is a function of FLOAT64 alone that DuckDB has with the same results and
	// with errors in the same places.
	float := func(name string) Rule {
		return func(c *Call) string {
			if c.Kind(0) != ir.Float64 {
				return numericCall(c)
			}
			return name + "(" + c.typedList(0) + ")"
		}
	}
	macro := func(name string) Rule {
		return func(c *Call) string {
			for i := range c.Args {
				if c.Kind(i) != ir.Float64 {
					return numericCall(c)
				}
			}
			return c.g.macro(name, c.Args...)
		}
	}
	total := func(r Rule) Rule { return func(c *Call) string { c.SafeDone(); return r(c) } }
	return map[string]Rule{
		"abs":      byKind("abs", false),
		"sign":     sign,
		"round":    round,
		"trunc":    truncateFloat,
		"ceil":     byKind("ceil", true),
		"ceiling":  byKind("ceil", true),
		"floor":    byKind("floor", true),
		"sqrt":     macro("sqrt"),
		"cbrt":     float("cbrt"),
		"pow":      macro("pow"),
		"power":    macro("pow"),
		"exp":      macro("exp"),
		"ln":       macro("ln"),
		"log10":    macro("log10"),
		"log":      logarithm,
		"greatest": greatestLeast("greatest"),
		"least":    greatestLeast("least"),
		"is_nan":   total(func(c *Call) string { return "isnan(" + c.Typed(0) + ")" }),
		"is_inf":   total(func(c *Call) string { return "isinf(" + c.Typed(0) + ")" }),
		"ieee_divide": total(func(c *Call) string {
			if c.Kind(0) == ir.Float32 {
				return Cast("CAST("+c.Typed(0)+" AS DOUBLE) / CAST("+c.Typed(1)+" AS DOUBLE)", "FLOAT")
			}
			return operand(c.Typed(0), transpile.PrecMultiply) + " / " + operand(c.Typed(1), transpile.PrecUnary)
		}),
		"rand": func(c *Call) string { c.SafeDone(); return "random()" },
		"pi":   func(c *Call) string { c.SafeDone(); return "pi()" },
		"sin":  macro("sin"), "cos": macro("cos"), "tan": macro("tan"),
		"asin": macro("asin"), "acos": macro("acos"),
		"atan": float("atan"), "atan2": float("atan2"),
		"sinh": macro("sinh"), "cosh": macro("cosh"), "tanh": float("tanh"),
		"asinh": float("asinh"), "acosh": macro("acosh"), "atanh": macro("atanh"),
		"cot": macro("cot"), "coth": macro("coth"), "csc": macro("csc"), "csch": macro("csch"),
		"sec": macro("sec"), "sech": macro("sech"),
		"radians": angle(math.Pi / 180), "degrees": angle(180 / math.Pi),
		"range_bucket": rangeBucket,
	}
}

func mathMacros() []macro {
	// over raises an error for a result that is infinite though the argument is not.
	over := func(name, call string) string {
		return "CASE WHEN isinf(" + call + ") AND isfinite(x) THEN " + fail("DOUBLE", "'Floating point error in function: "+name+"(' || x || ')'") + " ELSE " + call + " END"
	}
	domain := func(name, bad, call string) string {
		return "CASE WHEN " + bad + " THEN " + fail("DOUBLE", "'Floating point error in function: "+name+"(' || x || ')'") + " ELSE " + call + " END"
	}
	return []macro{
		{"sqrt", "x", domain("SQRT", "x < 0", "sqrt(x)")},
		{"exp", "x", over("EXP", "exp(x)")},
		{"ln", "x", domain("LN", "x <= 0", "ln(x)")},
		{"log10", "x", domain("LOG10", "x <= 0", "log10(x)")},
		{"log", "x, b", "CASE WHEN isnan(x) OR isnan(b) OR x = '-inf'::DOUBLE OR b = 'inf'::DOUBLE THEN 'nan'::DOUBLE WHEN x <= 0 OR b <= 0 OR b = 1 THEN " + fail("DOUBLE", "'Floating point error in function: LOG(' || x || ', ' || b || ')'") + " ELSE ln(x) / ln(b) END"},
		{"pow", "x, y", "CASE WHEN isfinite(pow(x, y)) OR NOT isfinite(x) OR NOT isfinite(y) THEN pow(x, y) WHEN x IS NOT NULL AND y IS NOT NULL THEN " + fail("DOUBLE", "'Floating point error in function: POW(' || x || ', ' || y || ')'") + " END"},
		{"sin", "x", domainless("sin")}, {"cos", "x", domainless("cos")}, {"tan", "x", domainless("tan")},
		{"asin", "x", domain("ASIN", "x < -1 OR x > 1 AND NOT isnan(x)", "asin(x)")},
		{"acos", "x", domain("ACOS", "x < -1 OR x > 1 AND NOT isnan(x)", "acos(x)")},
		{"sinh", "x", over("SINH", "sinh(x)")},
		{"cosh", "x", over("COSH", "cosh(x)")},
		{"acosh", "x", domain("ACOSH", "x < 1", "acosh(x)")},
		{"atanh", "x", domain("ATANH", "x <= -1 OR x >= 1 AND NOT isnan(x)", "atanh(x)")},
		{"cot", "x", domain("COT", "x = 0", "1 / tan(x)")},
		{"coth", "x", domain("COTH", "x = 0", "1 / tanh(x)")},
		{"csc", "x", domain("CSC", "x = 0", "1 / sin(x)")},
		{"csch", "x", domain("CSCH", "x = 0", "1 / sinh(x)")},
		{"sec", "x", "1 / cos(x)"},
		{"sech", "x", "1 / cosh(x)"},
		// Rounds half away from zero at a digit; beyond the digits a double has, the value stays.
		{"round_digits", "x, n", "CASE WHEN NOT isfinite(x) OR n > 323 THEN x WHEN n < -308 THEN 0 * x ELSE round(x, CAST(n AS INTEGER)) END"},
		{"range_bucket", "x, list", "CASE WHEN x IS NULL OR list IS NULL THEN NULL ELSE CAST(coalesce(list_reduce(list_transform(list, lambda e: CASE WHEN e <= x THEN 1 ELSE 0 END), lambda a, b: a + b, 0), 0) AS BIGINT) END"},
	}
}

// domainless is a function that DuckDB refuses for infinite arguments, where GoogleSQL
// gives NaN.
func domainless(name string) string {
	return "CASE WHEN isinf(x) THEN 'nan'::DOUBLE ELSE " + name + "(x) END"
}

// angle converts an angle by a factor: DuckDB's functions multiply first, and overflow.
func angle(factor float64) Rule {
	return func(c *Call) string {
		x := c.Typed(0)
		switch k := c.Kind(0); {
		case isInt(k):
			x = Cast(x, "DOUBLE")
		case k != ir.Float64:
			return numericCall(c)
		}
		return operand(x, transpile.PrecMultiply) + " * " + float(factor, 64, "DOUBLE")
	}
}

// byKind is a function DuckDB has for integers and floats.
func byKind(name string, floatsOnly bool) Rule {
	return func(c *Call) string {
		switch k := c.Kind(0); {
		case k == ir.Numeric || k == ir.BigNumeric:
			return numericCall(c)
		case isInt(k) && floatsOnly:
			return c.Refuse("over " + c.Type(0).String())
		case isInt(k), isFloat(k):
			return name + "(" + c.Typed(0) + ")"
		}
		return c.Refuse("over " + c.Type(0).String())
	}
}

// sign of a NaN is NaN.
func sign(c *Call) string {
	x := c.Typed(0)
	switch k := c.Kind(0); {
	case isFloat(k) && !c.g.finite(c.Expr(0), 0):
		return "CASE WHEN isnan(" + x + ") THEN " + x + " ELSE CAST(sign(" + x + ") AS " + c.SQLType(c.Result()) + ") END"
	case isInt(k), isFloat(k):
		return "CAST(sign(" + x + ") AS " + c.SQLType(c.Result()) + ")"
	}
	return numericCall(c)
}

func round(c *Call) string {
	if !isFloat(c.Kind(0)) || c.Len() > 2 {
		return numericCall(c)
	}
	if c.Len() == 1 {
		return "round(" + c.Typed(0) + ")"
	}
	if v, ok := c.Value(1); ok && !v.Null && v.Int >= 0 && v.Int <= 15 {
		return "round(" + c.Typed(0) + ", " + c.Args[1] + ")"
	}
	return Cast(c.Macro("round_digits", c.Typed(0), c.Typed(1)), c.SQLType(c.Result()))
}

// truncateFloat to digits has no exact counterpart for doubles.
func truncateFloat(c *Call) string {
	if !isFloat(c.Kind(0)) {
		return numericCall(c)
	}
	if c.Len() == 1 {
		return "trunc(" + c.Typed(0) + ")"
	}
	v, ok := c.Value(1)
	switch {
	case ok && !v.Null && v.Int == 0:
		return "trunc(" + c.Typed(0) + ")"
	case ok && !v.Null && v.Int > 0 && v.Int <= 15:
		p := float(math.Pow10(int(v.Int)), 64, "DOUBLE")
		return "trunc(" + operand(c.Typed(0), transpile.PrecMultiply) + " * " + p + ") / " + p
	case ok && !v.Null && v.Int < 0 && v.Int >= -300:
		p := float(math.Pow10(int(-v.Int)), 64, "DOUBLE")
		return "trunc(" + operand(c.Typed(0), transpile.PrecMultiply) + " / " + p + ") * " + p
	}
	return c.Refuse("with a computed number of digits")
}

func logarithm(c *Call) string {
	for i := range c.Args {
		if c.Kind(i) != ir.Float64 {
			return numericCall(c)
		}
	}
	if c.Len() == 1 {
		return c.g.macro("ln", c.Args[0])
	}
	return c.g.macro("log", c.Args...)
}

func rangeBucket(c *Call) string {
	if !plainIn(c.Type(0)) || c.Kind(0) == ir.BigNumeric {
		return c.Refuse("over " + c.Type(0).String())
	}
	return c.Macro("range_bucket", c.Args...)
}

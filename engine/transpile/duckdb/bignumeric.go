package duckdb

import (
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// BIGNUMERIC is its canonical decimal text, a VARCHAR: no exponent, no zeros at the end of
// the fraction, no sign of zero. Equality, grouping, joins and sets are those of the text;
// order goes over the function bignumeric_key, whose bytes sort as the numbers do; all
// arithmetic is done by Go functions over the text.

const bigNumericType = "VARCHAR"

// bigKey is a value of which DuckDB's order is that of a BIGNUMERIC.
func (g *generator) bigKey(text string) string { return g.function("bignumeric_key", text) }

// bigNumericRule is the rule of an operator or function with a BIGNUMERIC among its
// arguments, nil if there is none.
func bigNumericRule(name string) Rule {
	plain := map[string]string{
		"$add": "add", "$subtract": "subtract", "$multiply": "multiply", "$divide": "divide", "$unary_minus": "negate",
		"div": "div", "mod": "mod", "abs": "abs", "sign": "sign", "ceil": "ceil", "ceiling": "ceil", "floor": "floor",
		"sqrt": "sqrt", "cbrt": "cbrt", "exp": "exp", "ln": "ln", "log10": "log10", "pow": "pow", "power": "pow",
		"radians": "radians", "degrees": "degrees", "greatest": "greatest", "least": "least",
	}
	safe := map[string]string{
		"safe_add": "add", "safe_subtract": "subtract", "safe_multiply": "multiply", "safe_divide": "divide", "safe_negate": "negate",
	}
	if target, ok := plain[name]; ok {
		return func(c *Call) string { return c.bigNumericFunc(target) }
	}
	if target, ok := safe[name]; ok {
		return func(c *Call) string { return c.safeNumeric(func(c *Call) string { return c.bigNumericFunc(target) }) }
	}
	switch name {
	case "log":
		return func(c *Call) string {
			if c.Len() == 1 {
				return c.bigNumericFunc("ln")
			}
			return c.bigNumericFunc("log")
		}
	case "round":
		return func(c *Call) string { return c.bigNumericRound() }
	case "trunc":
		return func(c *Call) string {
			digits := "0"
			if c.Len() > 1 {
				digits = c.Typed(1)
			}
			return c.Func("bignumeric_trunc", c.Typed(0), Cast(digits, "BIGINT"))
		}
	case "generate_array":
		return func(c *Call) string {
			args := []string{c.Typed(0), c.Typed(1), "'1'"}
			if c.Len() > 2 {
				args[2] = c.Typed(2)
			}
			return c.Func("bignumeric_series", args...)
		}
	case "zeroifnull":
		return func(c *Call) string { c.SafeDone(); return "coalesce(" + c.Typed(0) + ", '0')" }
	case "nullifzero":
		return func(c *Call) string { c.SafeDone(); return "nullif(" + c.Typed(0) + ", '0')" }
	}
	return nil
}

// bigNumericFunc calls the Go function of a name over all arguments.
func (c *Call) bigNumericFunc(name string) string {
	args := make([]string, c.Len())
	for i := range args {
		if c.Kind(i) != ir.BigNumeric {
			return c.Refuse("over " + c.Type(i).String())
		}
		args[i] = c.Typed(i)
	}
	return c.Func("bignumeric_"+name, args...)
}

func (c *Call) bigNumericRound() string {
	digits := "0"
	if c.Len() > 1 {
		digits = c.Typed(1)
	}
	name := "bignumeric_round"
	if c.Len() > 2 {
		mode, ok := c.Text(2)
		switch {
		case c.IsNull(2):
			return "NULL::" + bigNumericType
		case ok && strings.EqualFold(mode, "ROUND_HALF_EVEN"):
			name = "bignumeric_round_even"
		case !ok:
			return c.Func("bignumeric_round_mode", c.Typed(0), Cast(digits, "BIGINT"), c.Typed(2))
		case !strings.EqualFold(mode, "ROUND_HALF_AWAY_FROM_ZERO"):
			return c.Refuse("with rounding mode " + mode)
		}
	}
	return c.Func(name, c.Typed(0), Cast(digits, "BIGINT"))
}

// castBigNumeric casts from or to BIGNUMERIC; false if there is no such cast.
func (g *generator) castBigNumeric(text string, from, to *ir.Type, safe bool, at ir.Span) (string, bool) {
	call := func(name string) string {
		if safe {
			name = "safe_" + name
		}
		return g.function(name, text)
	}
	native := func(text, typ string) string {
		if safe {
			return "TRY_CAST(" + text + " AS " + typ + ")"
		}
		return Cast(text, typ)
	}
	if to.Kind == ir.BigNumeric {
		switch k := from.Kind; {
		case isInt(k):
			return Cast(text, bigNumericType), true
		case k == ir.Numeric:
			return g.macro("numeric_text", text), true
		case k == ir.Float64:
			return call("bignumeric_of_float64"), true
		case k == ir.Float32:
			text = Cast(text, "DOUBLE")
			return call("bignumeric_of_float64"), true
		case k == ir.String:
			return call("bignumeric_of_string"), true
		}
		return "", false
	}
	switch k := to.Kind; {
	case k == ir.String:
		return text, true
	case isInt(k):
		return native(call("bignumeric_to_integer"), g.typ(to, at)), true
	case k == ir.Float64:
		return Cast(text, "DOUBLE"), true
	case k == ir.Float32:
		return native(Cast(text, "DOUBLE"), "FLOAT"), true
	case k == ir.Numeric:
		return native(call("bignumeric_to_numeric"), numericType), true
	}
	return "", false
}

// limitedBigNumeric applies the parameters of BIGNUMERIC(precision, scale).
func (g *generator) limitedBigNumeric(text string, p ir.Params, safe bool) string {
	name := "bignumeric_limit"
	if safe {
		name = "safe_" + name
	}
	return g.function(name, text, strconv.FormatInt(p.Precision, 10)+"::BIGINT", strconv.FormatInt(p.Scale, 10)+"::BIGINT")
}

// decimal writes an aggregate over NUMERIC or BIGNUMERIC that DuckDB has not, or not
// exactly: a Go function over the list of the values. false leaves it to the rules.
func (a *agg) decimal() (string, bool) {
	name := a.Node.Name
	if a.Len() == 0 {
		return "", false
	}
	x, kind := a.Typed(0), a.Kind(0)
	text := func(i int) string {
		if a.Kind(i) == ir.Numeric {
			return Cast(a.Typed(i), "VARCHAR")
		}
		return a.Typed(i)
	}
	statistic := map[string]string{
		"stddev": "stddev_samp", "stddev_samp": "stddev_samp", "stddev_pop": "stddev_pop",
		"variance": "var_samp", "var_samp": "var_samp", "var_pop": "var_pop",
	}
	isDecimal := func(k ir.Kind) bool { return k == ir.Numeric || k == ir.BigNumeric }
	switch name {
	case "stddev", "stddev_samp", "stddev_pop", "variance", "var_samp", "var_pop":
		if !isDecimal(kind) {
			return a.floatSpread(statistic[name])
		}
		return a.g.function("decimal_spread", a.fn("list", text(0)), quote(statistic[name])), true
	case "corr", "covar_pop", "covar_samp":
		if a.Len() != 2 || !isDecimal(kind) || !isDecimal(a.Kind(1)) {
			return a.floatRelation(name)
		}
		pair := operandText(text(0)) + " || ' ' || " + operandText(text(1))
		return a.g.function("decimal_relation", a.fn("list", pair), quote(name)), true
	case "percentile_cont":
		p, ok := a.Value(1)
		if !isDecimal(kind) || !ok || p.Null || !isDecimal(p.Type.Kind) {
			return "", false
		}
		out := a.g.function(strings.ToLower(kind.String())+"_percentile_cont", a.fn("list", text(0)), quote(p.Text), boolText(a.nulls == ir.RespectNulls))
		if kind == ir.Numeric {
			out = Cast(out, numericType)
		}
		return out, true
	}
	if p, ok := a.Value(1); ok && name == "percentile_disc" && p.Type.Kind == ir.BigNumeric && !p.Null && kind != ir.BigNumeric && !isFloat(kind) && a.nulls != ir.RespectNulls && !a.Type(0).Has(ir.JSON, ir.Geography) {
		// DuckDB's own percentages have fewer digits.
		a.notNull()
		return operandText(a.sortedList(0)) + "[" + a.g.function("decimal_rank", a.fn("count", x), quote(p.Text)) + "]", true
	}
	if kind != ir.BigNumeric {
		return "", false
	}
	switch name {
	case "sum", "avg":
		f := "bignumeric_" + name
		if a.Safe {
			f = "safe_" + f
		}
		return a.g.function(f, a.fn("list", x)), true
	case "min", "max":
		a.distinct = false
		return a.fn("arg_"+name, x, a.g.bigKey(x)), true
	case "percentile_disc":
		p, ok := a.Value(1)
		if !ok || p.Null {
			return "", false
		}
		at := p.Text
		if isFloat(p.Type.Kind) {
			at = strconv.FormatFloat(p.Float, 'g', -1, 64)
		}
		return a.g.function("bignumeric_percentile_disc", a.fn("list", x), quote(at), boolText(a.nulls == ir.RespectNulls)), true
	}
	return "", false
}

func boolText(b bool) string {
	if b {
		return "TRUE"
	}
	return "FALSE"
}

// operandText is a text as an operand of ||.
func operandText(text string) string { return "(" + text + ")" }

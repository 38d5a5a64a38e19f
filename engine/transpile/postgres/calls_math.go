package postgres

import (
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

func mathRules() map[string]Rule {
	// float is a function of FLOAT64 alone that PostgreSQL has, with errors in the same places.
	float := func(name string) Rule {
		return func(c *Call) string {
			args := c.typed(0)
			for i := range c.Args {
				switch {
				case isInt(c.Kind(i)) && c.Result().Kind == ir.Float64:
					args[i] = castTo(args[i], "double precision")
				case c.Kind(i) != ir.Float64:
					return c.Refuse("over " + c.Type(i).String())
				}
			}
			return name + "(" + join(args) + ")"
		}
	}
	// own is one of the run time.
	own := func(name string) Rule {
		return func(c *Call) string {
			for i := range c.Args {
				if c.Kind(i) != ir.Float64 {
					return c.Refuse("over " + c.Type(i).String())
				}
			}
			return c.Func(name, c.typed(0)...)
		}
	}
	whole := func(name string) Rule {
		return func(c *Call) string {
			switch c.Kind(0) {
			case ir.Float64:
				c.SafeDone()
				return name + "(" + c.Typed(0) + ")"
			case ir.Numeric, ir.BigNumeric:
				return c.g.decimal(name+"("+c.Typed(0)+")", c.Kind(0))
			}
			return c.Refuse("over " + c.Type(0).String())
		}
	}
	return map[string]Rule{
		"abs": func(c *Call) string {
			switch c.Kind(0) {
			case ir.Int64, ir.Float64, ir.Numeric, ir.Int32, ir.Float32:
				return "abs(" + c.Typed(0) + ")"
			}
			return c.Refuse("over " + c.Type(0).String())
		},
		"sign": func(c *Call) string {
			c.SafeDone()
			switch k := c.Kind(0); {
			case k == ir.Float64 && !c.g.finite(c.Expr(0), 0):
				return c.Func("sign", c.Typed(0))
			case k == ir.Float64 || isDecimal(k):
				return "sign(" + c.Typed(0) + ")"
			case isInt(k):
				return castTo("sign("+c.Typed(0)+")", c.SQLType(c.Result()))
			}
			return c.Refuse("over " + c.Type(0).String())
		},
		"round":   round,
		"trunc":   truncate,
		"ceil":    whole("ceil"),
		"ceiling": whole("ceil"),
		"floor":   whole("floor"),
		"sqrt": func(c *Call) string {
			if c.Kind(0) != ir.Float64 {
				return c.Refuse("over " + c.Type(0).String())
			}
			return "sqrt(" + c.Typed(0) + ")"
		},
		"cbrt": float("cbrt"),
		"pow":  own("pow"), "power": own("pow"),
		"exp": own("exp"),
		"ln":  float("ln"), "log10": float("log"),
		"log": func(c *Call) string {
			if c.Len() == 1 {
				return float("ln")(c)
			}
			return own("log")(c)
		},
		"is_nan": func(c *Call) string { c.SafeDone(); return c.g.isNaN(c.Typed(0), c.Type(0)) },
		"is_inf": func(c *Call) string {
			c.SafeDone()
			return "abs(" + c.Typed(0) + ") = 'Infinity'::" + c.SQLType(c.Type(0))
		},
		"ieee_divide": func(c *Call) string {
			if c.Kind(0) != ir.Float64 {
				return c.Refuse("over " + c.Type(0).String())
			}
			return c.Func("ieee_divide", c.typed(0)...)
		},
		"rand": func(c *Call) string { c.SafeDone(); return "random()" },
		"pi":   func(c *Call) string { c.SafeDone(); return "pi()" },
		"pi_numeric": func(c *Call) string {
			c.SafeDone()
			return "3.141592654::numeric(38,9)"
		},
		"sin": own("sin"), "cos": own("cos"), "tan": own("tan"),
		"asin": float("asin"), "acos": float("acos"), "atan": float("atan"), "atan2": float("atan2"),
		"sinh": own("sinh"), "cosh": own("cosh"), "tanh": float("tanh"),
		"asinh": float("asinh"), "acosh": float("acosh"), "atanh": own("atanh"),
		"cot": own("cot"), "coth": own("coth"), "csc": own("csc"), "csch": own("csch"), "sec": own("sec"), "sech": own("sech"),
		"radians": float("radians"), "degrees": float("degrees"),
		"bit_cast_to_int64": func(c *Call) string {
			if c.Kind(0) != ir.Int64 {
				return c.Refuse("over " + c.Type(0).String())
			}
			c.SafeDone()
			return c.Typed(0)
		},
		"range_bucket": func(c *Call) string {
			if !plainIn(c.Type(0)) || c.Kind(0) == ir.String {
				return c.Refuse("over " + c.Type(0).String())
			}
			return "CASE WHEN " + c.Op(0) + " IS NOT NULL AND " + operand(c.Typed(1), transpile.PrecAdd) + " IS NOT NULL THEN " +
				c.overElements(1, func(v string) string {
					return "SELECT count(*) FILTER (WHERE " + v + ".v <= " + operand(c.Typed(0), transpile.PrecAdd) + ")"
				}) + " END"
		},
	}
}

func mathRoutines() []routine {
	f := "double precision"
	one := func(name, body string) routine { return routine{name: name, params: "x " + f, result: f, body: body} }
	two := func(name, result, body string) routine {
		return routine{name: name, params: "x " + f + ", y " + f, result: result, body: body}
	}
	domain := func(name, text string) string {
		return "_engine.fail('Floating point error in function: " + name + "(' || " + text + " || ')', NULL::" + f + ")"
	}
	inverse := func(name, of string) routine {
		return routine{name: name, params: "x " + f, result: f, body: "CASE WHEN x = 0 THEN " + domain(name, "x") + " ELSE 1 / " + of + " END", volat: "VOLATILE"}
	}
	periodic := func(name string) routine {
		return one(name, "CASE WHEN abs(x) = 'Infinity' THEN 'NaN'::double precision ELSE "+name+"(x) END")
	}
	return []routine{
		// The comparisons of FLOAT64: NaN equals nothing and is neither below nor above
		// anything, and a NULL on either side is NULL. PostgreSQL takes NaN for the greatest
		// number, equal to itself.
		two("eq", "boolean", "(x = y AND (x <> 'NaN' OR y IS NULL))"),
		two("ne", "boolean", "(x <> y OR (x = 'NaN' AND y IS NOT NULL))"),
		two("lt", "boolean", "(x < y AND (y <> 'NaN' OR x IS NULL))"),
		two("le", "boolean", "(x <= y AND (y <> 'NaN' OR x IS NULL))"),
		// PostgreSQL gives NaN / 0 as NaN.
		{name: "divide", params: "x " + f + ", y " + f, result: f, block: true, body: "BEGIN IF y = 0 THEN " + raise("'division by zero: ' || x || ' / ' || y") + " END IF; RETURN x / y; END"},
		two("ieee_divide", f, "CASE WHEN y = 0 THEN CASE WHEN x = 0 OR x = 'NaN' THEN 'NaN'::double precision WHEN (x > 0) = (y::text <> '-0') THEN 'Infinity'::double precision WHEN x IS NOT NULL THEN '-Infinity'::double precision END ELSE x / y END"),
		// The quotient at nine digits, half away from zero: div is exact, / is not.
		{name: "numeric_divide", params: "a numeric, b numeric", result: "numeric", body: "CASE WHEN (a < 0) = (b < 0) THEN 1 ELSE -1 END * div(abs(a) * 2000000000 + abs(b), 2 * abs(b)) * 0.000000001"},
		{name: "bignumeric_divide", params: "a numeric, b numeric", result: "numeric", body: "CASE WHEN (a < 0) = (b < 0) THEN 1 ELSE -1 END * div(abs(a) * 200000000000000000000000000000000000000 + abs(b), 2 * abs(b)) * 0.00000000000000000000000000000000000001"},
		{name: "shift_left", params: "x bigint, n bigint", result: "bigint", block: true, body: "BEGIN IF n < 0 THEN " + raise("'Bitwise shift by negative offset: ' || n") + " END IF; RETURN CASE WHEN n > 63 THEN 0 ELSE x << n::integer END; END"},
		{name: "shift_right", params: "x bigint, n bigint", result: "bigint", block: true, body: "BEGIN IF n < 0 THEN " + raise("'Bitwise shift by negative offset: ' || n") + " END IF; RETURN CASE WHEN n > 63 THEN 0 WHEN n = 0 THEN x ELSE (x >> n::integer) & ~((-1)::bigint << (64 - n)::integer) END; END"},
		one("sign", "CASE WHEN x = 'NaN' THEN x ELSE sign(x) END"),
		{name: "pow", params: "x " + f + ", y " + f, result: f, block: true, body: "BEGIN IF x = 0 AND y < 0 THEN " + raise("'Floating point error in function: POW(' || x || ', ' || y || ')'") + " END IF; RETURN power(x, y); EXCEPTION WHEN numeric_value_out_of_range THEN IF abs(x) > 1 AND y < 0 OR abs(x) < 1 AND y > 0 THEN RETURN 0; END IF; RAISE; END"},
		{name: "exp", params: "x " + f, result: f, block: true, body: "BEGIN RETURN CASE WHEN x < -745.2 THEN 0 ELSE exp(x) END; EXCEPTION WHEN numeric_value_out_of_range THEN IF x < 0 THEN RETURN _engine.refused('EXP of a number whose result is denormal', x); END IF; RAISE; END"},
		{name: "log", params: "x " + f + ", b " + f, result: f, block: true, body: "BEGIN IF x <= 0 OR b <= 0 OR b = 1 THEN " + raise("'Floating point error in function: LOG(' || x || ', ' || b || ')'") + " END IF; IF x = 'NaN' OR b = 'NaN' OR b = 'Infinity' THEN RETURN 'NaN'; END IF; RETURN ln(x) / ln(b); END"},
		periodic("sin"), periodic("cos"), periodic("tan"),
		{name: "sinh", params: "x " + f, result: f, block: true, body: "DECLARE r double precision; BEGIN r := sinh(x); IF abs(r) = 'Infinity' AND abs(x) <> 'Infinity' THEN " + raise("'Floating point error in function: SINH(' || x || ')'") + " END IF; RETURN r; END"},
		{name: "cosh", params: "x " + f, result: f, block: true, body: "DECLARE r double precision; BEGIN r := cosh(x); IF abs(r) = 'Infinity' AND abs(x) <> 'Infinity' THEN " + raise("'Floating point error in function: COSH(' || x || ')'") + " END IF; RETURN r; END"},
		{name: "atanh", params: "x " + f, result: f, block: true, body: "BEGIN IF abs(x) = 1 THEN " + raise("'Floating point error in function: ATANH(' || x || ')'") + " END IF; RETURN atanh(x); END"},
		inverse("cot", "tan(x)"), inverse("coth", "tanh(x)"), inverse("csc", "sin(x)"), inverse("csch", "sinh(x)"),
		one("sec", "1 / cos(x)"), one("sech", "1 / cosh(x)"),
		// Rounding to digits is that of the product with a power of ten, half away from zero;
		// what would overflow on the way has no such digits.
		{name: "round", params: "x " + f + ", n bigint", result: f, block: true, body: `
DECLARE p double precision;
BEGIN
  IF x = 'NaN' OR x = 0 OR abs(x) = 'Infinity' OR n > 308 THEN RETURN x; END IF;
  IF n < -308 THEN RETURN 0 * x; END IF;
  p := power(10::double precision, abs(n));
  IF n >= 0 THEN
    RETURN CASE WHEN abs(x) > 1.7976931348623157e308 / p THEN x ELSE _engine.round(x * p) / p END;
  END IF;
  RETURN CASE WHEN abs(x) < p / 4 THEN 0 * x ELSE _engine.round(x / p) * p END;
END`},
		{name: "trunc", params: "x " + f + ", n bigint", result: f, block: true, body: `
DECLARE p double precision;
BEGIN
  IF x = 'NaN' OR x = 0 OR abs(x) = 'Infinity' OR n > 308 THEN RETURN x; END IF;
  IF n < -308 THEN RETURN 0 * x; END IF;
  p := power(10::double precision, abs(n));
  IF n >= 0 THEN
    RETURN CASE WHEN abs(x) > 1.7976931348623157e308 / p THEN x ELSE trunc(x * p) / p END;
  END IF;
  RETURN CASE WHEN abs(x) < p / 4 THEN 0 * x ELSE trunc(x / p) * p END;
END`},
		{name: "round_even", params: "x numeric, n integer", result: "numeric", block: true, body: "DECLARE r numeric := round(x, n); u numeric := power(10::numeric, -n); BEGIN IF abs(r - x) * 2 = u AND mod(r / u, 2) <> 0 THEN r := r - sign(x) * u; END IF; RETURN r; END"},
		{name: "refused", params: "what text, result anyelement", result: "anyelement", block: true, volat: "VOLATILE", body: "BEGIN RAISE EXCEPTION USING ERRCODE = '0A000', MESSAGE = '" + Failure + "' || what || ' is not available on postgres'; END"},
	}
}

// round is half away from zero.
func round(c *Call) string {
	if c.Len() > 2 {
		mode, ok := c.Text(2)
		switch {
		case !ok || !isDecimal(c.Kind(0)):
			return c.Refuse("with a mode")
		case mode == "ROUND_HALF_EVEN":
			return c.g.decimal(c.Func("round_even", c.Typed(0), castTo(c.Typed(1), "integer")), c.Kind(0))
		case mode != "ROUND_HALF_AWAY_FROM_ZERO":
			return c.Refuse("with a mode")
		}
	}
	n := "0"
	if c.Len() > 1 {
		n = c.Typed(1)
	}
	switch c.Kind(0) {
	case ir.Float64:
		if c.Len() == 1 {
			return c.total("round", c.Typed(0))
		}
		return c.Func("round", c.Typed(0), n)
	case ir.Numeric, ir.BigNumeric:
		return c.g.decimal("round("+c.Typed(0)+", "+castTo(n, "integer")+")", c.Kind(0))
	}
	return c.Refuse("over " + c.Type(0).String())
}

func truncate(c *Call) string {
	switch {
	case c.Kind(0) == ir.Float64 && c.Len() == 1:
		c.SafeDone()
		return "trunc(" + c.Typed(0) + ")"
	case c.Kind(0) == ir.Float64:
		return c.Func("trunc", c.Typed(0), c.Typed(1))
	case isDecimal(c.Kind(0)) && c.Len() == 1:
		c.SafeDone()
		return "trunc(" + c.Typed(0) + ")"
	case isDecimal(c.Kind(0)):
		return "trunc(" + c.Typed(0) + ", " + castTo(c.Typed(1), "integer") + ")"
	}
	return c.Refuse("these arguments")
}

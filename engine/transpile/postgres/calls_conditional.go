package postgres

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

func conditionalRules() map[string]Rule {
	return map[string]Rule{
		"$case_no_value":   caseNoValue,
		"$case_with_value": caseWithValue,
		"if": func(c *Call) string {
			c.SafeDone()
			return "CASE WHEN " + c.Args[0] + " THEN " + c.Typed(1) + " ELSE " + c.Typed(2) + " END"
		},
		"coalesce": coalesce,
		"ifnull":   coalesce,
		"nullif": func(c *Call) string {
			c.SafeDone()
			if !plainIn(c.Type(0)) {
				return c.Let(0, func(v string) string {
					return "CASE WHEN " + c.g.compare("=", v, c.Typed(1), c.Expr(0), c.Expr(1), c) + " THEN NULL ELSE " + v + " END"
				})
			}
			return "nullif(" + c.Typed(0) + ", " + c.Typed(1) + ")"
		},
		"zeroifnull": func(c *Call) string { c.SafeDone(); return "coalesce(" + c.Typed(0) + ", 0)" },
		"nullifzero": func(c *Call) string { c.SafeDone(); return "nullif(" + c.Typed(0) + ", 0)" },
		"error": func(c *Call) string {
			return c.Func("fail", c.Typed(0), "NULL::"+c.SQLType(c.Result()))
		},
		"iferror": func(c *Call) string {
			query, ok := c.g.tried(c.Expr(0), "IFERROR")
			if !ok {
				return "NULL"
			}
			return c.g.let(query, func(q string) string {
				return "CASE WHEN " + c.Func("fails", q) + " THEN " + c.Typed(1) + " ELSE " + c.Func("try", q, "NULL::"+c.SQLType(c.Result())) + " END"
			})
		},
		"iserror": func(c *Call) string {
			query, ok := c.g.tried(c.Expr(0), "ISERROR")
			if !ok {
				return "NULL"
			}
			c.SafeDone()
			return c.Func("fails", query)
		},
		"nulliferror": func(c *Call) string {
			query, ok := c.g.tried(c.Expr(0), "NULLIFERROR")
			if !ok {
				return "NULL"
			}
			c.SafeDone()
			return c.Func("try", query, "NULL::"+c.SQLType(c.Result()))
		},
		// What APPROX_TOP_SUM takes for a weight.
		"$top_weight": func(c *Call) string {
			return c.Let(0, func(w string) string {
				ok := operand(w, transpile.PrecAdd) + " >= 0"
				if isFloat(c.Kind(0)) {
					ok += " AND NOT " + c.g.isNaN(w, c.Type(0))
				}
				return c.Func("check_that", "coalesce("+ok+", TRUE)", quote("APPROX_TOP_SUM weights must be non-negative"), w)
			})
		},
		"greatest": greatestLeast("greatest"),
		"least":    greatestLeast("least"),
	}
}

// coalesce over structs tests each for NULL as a whole.
func coalesce(c *Call) string {
	c.SafeDone()
	if c.Result().Kind != ir.Struct {
		return "coalesce(" + strings.Join(c.typed(0), ", ") + ")"
	}
	parts := []string{"CASE"}
	for i := range c.Args {
		parts = append(parts, "WHEN "+notNull(c.Typed(i), c.Type(i))+" THEN "+c.Typed(i))
	}
	return strings.Join(parts, " ") + " END"
}

func caseNoValue(c *Call) string {
	c.SafeDone()
	parts := []string{"CASE"}
	for i := 0; i+1 < c.Len(); i += 2 {
		parts = append(parts, "WHEN "+c.Args[i]+" THEN "+c.Typed(i+1))
	}
	if c.Len()%2 == 1 && !c.IsNull(c.Len()-1) {
		parts = append(parts, "ELSE "+c.Typed(c.Len()-1))
	}
	return caseText(parts)
}

// caseText sets a long CASE on several lines.
func caseText(parts []string) string {
	one := strings.Join(parts, " ") + " END"
	if len(transpile.Plain(one)) <= 80 && !strings.Contains(one, "\n") {
		return one
	}
	return strings.Join(parts, "\n  ") + "\nEND"
}

// caseWithValue is CASE x WHEN y: x = y by GoogleSQL's rules.
func caseWithValue(c *Call) string {
	c.SafeDone()
	n := c.Len()
	last := n
	if n%2 == 0 {
		last = n - 1
	}
	tail := func(parts []string) string {
		if last < n && !c.IsNull(last) {
			parts = append(parts, "ELSE "+c.Typed(last))
		}
		return caseText(parts)
	}
	if plainIn(c.Type(0)) || isFloat(c.Kind(0)) && c.g.finite(c.Expr(0), 0) {
		parts := []string{"CASE " + operand(c.Typed(0), transpile.PrecAdd)}
		for i := 1; i+1 < n; i += 2 {
			parts = append(parts, "WHEN "+operand(c.Typed(i), transpile.PrecAdd)+" THEN "+c.Typed(i+1))
		}
		return tail(parts)
	}
	return c.Let(0, func(v string) string {
		parts := []string{"CASE"}
		for i := 1; i+1 < n; i += 2 {
			parts = append(parts, "WHEN "+c.g.compare("=", v, c.Typed(i), c.Expr(0), c.Expr(i), c)+" THEN "+c.Typed(i+1))
		}
		return tail(parts)
	})
}

// greatestLeast is NULL if an argument is, and NaN if one is: PostgreSQL passes NULLs
// over, and takes NaN for the greatest number.
func greatestLeast(name string) Rule {
	return func(c *Call) string {
		c.SafeDone()
		t := c.Type(0)
		switch t.Kind {
		case ir.Struct, ir.Array, ir.JSON, ir.Geography, ir.Range:
			return c.Refuse("over " + t.String())
		}
		if c.Len() == 1 {
			return c.Typed(0)
		}
		parts := []string{"CASE"}
		var nulls []string
		for i := range c.Args {
			if v, ok := c.Value(i); !ok || v.Null {
				nulls = append(nulls, isNull(c.Typed(i), c.Type(i)))
			}
		}
		if nulls != nil {
			parts = append(parts, "WHEN "+strings.Join(nulls, " OR ")+" THEN NULL")
		}
		if isFloat(t.Kind) && name == "least" {
			var nans []string
			for i := range c.Args {
				if !c.g.finite(c.Expr(i), 0) {
					nans = append(nans, c.g.isNaN(c.Typed(i), c.Type(i)))
				}
			}
			if nans != nil {
				parts = append(parts, "WHEN "+strings.Join(nans, " OR ")+" THEN 'NaN'::"+c.SQLType(t))
			}
		}
		args := c.typed(0)
		if t.Kind == ir.String {
			for i, a := range args {
				if i == 0 || collated(a) {
					args[i] = codePoints(a)
				}
			}
		}
		call := name + "(" + strings.Join(args, ", ") + ")"
		if t.Kind == ir.String {
			call = plainText(call)
		}
		if len(parts) == 1 {
			return call
		}
		return caseText(append(parts, "ELSE "+call))
	}
}

package duckdb

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
		"coalesce": func(c *Call) string { c.SafeDone(); return "coalesce(" + c.typedList(0) + ")" },
		"ifnull":   func(c *Call) string { c.SafeDone(); return "coalesce(" + c.typedList(0) + ")" },
		"nullif": func(c *Call) string {
			c.SafeDone()
			if !plainIn(c.Type(0)) {
				return c.Let(0, func(v string) string {
					return "CASE WHEN " + c.g.compare("=", v, c.Typed(1), c.Expr(0), c.Expr(1), c) + " THEN NULL ELSE " + v + " END"
				})
			}
			return "nullif(" + c.Typed(0) + ", " + c.Typed(1) + ")"
		},
		"zeroifnull": func(c *Call) string {
			if c.Kind(0) == ir.BigNumeric {
				return numericCall(c)
			}
			c.SafeDone()
			return "coalesce(" + c.Typed(0) + ", 0)"
		},
		"nullifzero": func(c *Call) string {
			if c.Kind(0) == ir.BigNumeric {
				return numericCall(c)
			}
			c.SafeDone()
			return "nullif(" + c.Typed(0) + ", 0)"
		},
		"error": func(c *Call) string {
			if c.Safe {
				c.SafeDone()
				return "NULL::" + c.SQLType(c.Result())
			}
			return "CAST(error(" + c.Typed(0) + ") AS " + c.SQLType(c.Result()) + ")"
		},
		"iferror": func(c *Call) string {
			x, ok := c.tried()
			if !ok {
				return c.Refuse("its first argument holds what TRY does not take there")
			}
			return c.letText(x, func(v string) string {
				return "CASE WHEN " + v + " IS NULL THEN " + c.Typed(1) + " ELSE " + v + "[1] END"
			})
		},
		"iserror": func(c *Call) string {
			x, ok := c.tried()
			if !ok {
				return c.Refuse("its argument holds what TRY does not take there")
			}
			c.SafeDone()
			return x + " IS NULL"
		},
		"nulliferror": func(c *Call) string {
			x, ok := c.tried()
			if !ok {
				return c.Refuse("its argument holds what TRY does not take there")
			}
			c.SafeDone()
			return x + "[1]"
		},
	}
}

// tried is TRY around a list of the first argument: NULL only if that fails, not if
// it is NULL. An ERROR(…) within is written as a failing cast.
func (c *Call) tried() (string, bool) {
	text := c.g.calm(c.Typed(0))
	plain := transpile.Plain(text)
	if volatile(plain) || strings.Contains(plain, "SELECT") || c.g.fails(text) {
		return "", false
	}
	return "TRY([" + text + "])", true
}

// calm replaces the calls of error() in a text: CAST(error(…) AS t) becomes a cast
// that fails, which TRY takes.
func (g *generator) calm(text string) string {
	const open = "CAST(error("
	for {
		i := strings.Index(text, open)
		if i < 0 {
			return text
		}
		end := matching(text, i+len(open)-1)
		if end < 0 || !strings.HasPrefix(text[end+1:], " AS ") {
			return text
		}
		message := text[i+len(open) : end]
		stop := matching(text, i+len("CAST"))
		if stop < 0 {
			return text
		}
		typ := text[end+1+len(" AS ") : stop]
		text = text[:i] + fail(typ, message) + text[stop+1:]
	}
}

// matching is the index of the bracket that closes the one at i, -1 if there is none.
func matching(s string, i int) int {
	depth := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '\'', '"':
			q := s[i]
			for i++; i < len(s) && s[i] != q; i++ {
			}
		case '(':
			depth++
		case ')':
			depth--
			if depth == 0 {
				return i
			}
		}
	}
	return -1
}

// typedList is the arguments from the i-th on with their exact types.
func (c *Call) typedList(i int) string {
	var list []string
	for ; i < c.Len(); i++ {
		list = append(list, c.Typed(i))
	}
	return strings.Join(list, ", ")
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
	plain := plainIn(c.Type(0))
	if isFloat(c.Kind(0)) {
		plain = c.g.finite(c.Expr(0), 0)
	}
	if plain {
		parts := []string{"CASE " + operand(c.Typed(0), transpile.PrecAdd)}
		for i := 1; i+1 < n; i += 2 {
			parts = append(parts, "WHEN "+operand(c.Args[i], transpile.PrecAdd)+" THEN "+c.Typed(i+1))
		}
		return tail(parts)
	}
	return c.Let(0, func(v string) string {
		parts := []string{"CASE"}
		for i := 1; i+1 < n; i += 2 {
			parts = append(parts, "WHEN "+c.g.compare("=", v, c.Args[i], c.Expr(0), c.Expr(i), c)+" THEN "+c.Typed(i+1))
		}
		return tail(parts)
	})
}

// anyNull is a condition that one of the arguments is NULL, "" if none can be.
func (c *Call) anyNull() string {
	var parts []string
	for i := range c.Args {
		if v, ok := c.Value(i); ok && !v.Null {
			continue
		}
		parts = append(parts, operand(c.Args[i], transpile.PrecAdd)+" IS NULL")
	}
	return strings.Join(parts, " OR ")
}

// greatestLeast is NULL if an argument is, and NaN if one is.
func greatestLeast(name string) Rule {
	return func(c *Call) string {
		c.SafeDone()
		t := c.Type(0)
		if t.Kind == ir.BigNumeric {
			return numericCall(c)
		}
		if t.Has(ir.JSON, ir.BigNumeric, ir.Geography, ir.Range, ir.Struct) || t.Kind == ir.Array && t.Has(ir.Float64, ir.Float32) {
			return c.Refuse("over " + t.String())
		}
		if c.Len() == 1 {
			return c.Typed(0)
		}
		if t.Kind == ir.Array {
			return c.Refuse("over " + t.String())
		}
		parts := []string{"CASE"}
		if nulls := c.anyNull(); nulls != "" {
			parts = append(parts, "WHEN "+nulls+" THEN NULL")
		}
		if isFloat(t.Kind) && name == "least" {
			var nans []string
			for i := range c.Args {
				if !c.g.finite(c.Expr(i), 0) {
					nans = append(nans, "isnan("+c.Args[i]+")")
				}
			}
			if nans != nil {
				parts = append(parts, "WHEN "+strings.Join(nans, " OR ")+" THEN 'nan'::"+c.SQLType(t))
			}
		}
		call := name + "(" + c.typedList(0) + ")"
		if len(parts) == 1 {
			return call
		}
		return caseText(append(parts, "ELSE "+call))
	}
}

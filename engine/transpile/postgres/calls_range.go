package postgres

import (
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// RANGE values are PostgreSQL's range types: [start, end), NULL for an end without bound.

func rangeRules() map[string]Rule {
	return map[string]Rule{
		"range_start": func(c *Call) string { c.SafeDone(); return "lower(" + c.Typed(0) + ")" },
		"range_end":   func(c *Call) string { c.SafeDone(); return "upper(" + c.Typed(0) + ")" },
		"range_is_start_unbounded": func(c *Call) string {
			c.SafeDone()
			return "lower_inf(" + c.Typed(0) + ")"
		},
		"range_is_end_unbounded": func(c *Call) string { c.SafeDone(); return "upper_inf(" + c.Typed(0) + ")" },
		"range_contains": func(c *Call) string {
			c.SafeDone()
			return operand(c.Typed(0), transpile.PrecAdd) + " @> " + operand(c.Typed(1), transpile.PrecAdd)
		},
		"range_overlaps": func(c *Call) string {
			c.SafeDone()
			return operand(c.Typed(0), transpile.PrecAdd) + " && " + operand(c.Typed(1), transpile.PrecAdd)
		},
		"range_intersect": func(c *Call) string {
			return c.Func("range_intersect", c.typed(0)...)
		},
		"range": func(c *Call) string {
			if c.Result().Kind != ir.Range {
				return c.Refuse("")
			}
			return c.Func("not_empty", c.SQLType(c.Result())+"("+join(c.typed(0))+")")
		},
	}
}

func rangeRoutines() []routine {
	return []routine{
		{name: "range_intersect", params: "a anyrange, b anyrange", result: "anyrange", block: true, body: "BEGIN IF NOT a && b THEN " + raise("'Provided RANGE inputs ' || a || ' and ' || b || ' do not overlap. Please check RANGE_OVERLAPS before calling RANGE_INTERSECT'") + " END IF; RETURN a * b; END"},
		{name: "not_empty", params: "a anyrange", result: "anyrange", block: true, body: "BEGIN IF isempty(a) THEN " + raise("'Range start element must be smaller than range end element'") + " END IF; RETURN a; END"},
	}
}

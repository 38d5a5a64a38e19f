package postgres

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

func arrayRules() map[string]Rule {
	return map[string]Rule{
		"$make_array": func(c *Call) string {
			c.SafeDone()
			return "ARRAY[" + join(c.typed(0)) + "]::" + c.SQLType(c.Result())
		},
		"$array_at_offset":       func(c *Call) string { return c.element(1, false) },
		"$array_at_ordinal":      func(c *Call) string { return c.element(0, false) },
		"$safe_array_at_offset":  func(c *Call) string { return c.element(1, true) },
		"$safe_array_at_ordinal": func(c *Call) string { return c.element(0, true) },
		"array_length":           func(c *Call) string { c.SafeDone(); return "cardinality(" + c.Typed(0) + ")::bigint" },
		"array_reverse": func(c *Call) string {
			return c.each(0, func(v string) string { return v + ".v" }, "", " DESC")
		},
		"array_concat": func(c *Call) string {
			c.SafeDone()
			parts := make([]string, c.Len())
			for i := range parts {
				parts[i] = operand(c.Typed(i), transpile.PrecMultiply)
			}
			// A NULL array makes the result NULL; PostgreSQL's || passes it over.
			var nulls []string
			for i := range parts {
				if v, ok := c.Value(i); !ok || v.Null {
					nulls = append(nulls, parts[i]+" IS NULL")
				}
			}
			text := strings.Join(parts, " || ")
			if nulls == nil || c.Len() == 1 {
				return text
			}
			return "CASE WHEN " + strings.Join(nulls, " OR ") + " THEN NULL ELSE " + text + " END"
		},
		"array_to_string": func(c *Call) string {
			if c.Kind(0) != ir.Array || c.Type(0).Elem.Kind != ir.String {
				return c.Refuse("over " + c.Type(0).String())
			}
			c.SafeDone()
			text := "array_to_string(" + join(c.typed(0)) + ")"
			if c.Len() > 2 {
				text = "CASE WHEN " + operand(c.Typed(2), transpile.PrecAdd) + " IS NOT NULL THEN " + text + " END"
			}
			return text
		},
		"generate_array":  generateArray,
		"array_first":     func(c *Call) string { return c.Func("array_end", c.Typed(0), "TRUE") },
		"array_last":      func(c *Call) string { return c.Func("array_end", c.Typed(0), "FALSE") },
		"array_slice":     func(c *Call) string { return c.total("array_slice", c.typed(0)...) },
		"array_includes":  arrayIncludes,
		"array_filter":    func(c *Call) string { return c.mapped(true) },
		"array_transform": func(c *Call) string { return c.mapped(false) },
		"array_is_distinct": func(c *Call) string {
			if c.Type(0).Has(ir.JSON, ir.Struct) {
				return c.Refuse("over " + c.Type(0).String())
			}
			c.SafeDone()
			return "CASE WHEN " + c.Op(0) + " IS NOT NULL THEN " + c.overElements(0, func(v string) string {
				return "SELECT count(DISTINCT " + v + ".v) + count(DISTINCT " + v + ".v IS NULL) FILTER (WHERE " + v + ".v IS NULL) = count(*)"
			}) + " END"
		},
		"array_min": arrayAggregateRule("min"),
		"array_max": arrayAggregateRule("max"),
		"array_sum": arrayAggregateRule("sum"),
		"array_avg": arrayAggregateRule("avg"),
	}
}

func arrayRoutines() []routine {
	return []routine{
		{name: "array_at", params: "l anyarray, i bigint", result: "anyelement", block: true, body: "BEGIN IF l IS NOT NULL AND i IS NOT NULL AND i NOT BETWEEN 1 AND cardinality(l) THEN " + raise("'Array index is out of bounds'") + " END IF; RETURN l[i::integer]; END"},
		{name: "safe_array_at", params: "l anyarray, i bigint", result: "anyelement", body: "CASE WHEN i BETWEEN 1 AND cardinality(l) THEN l[i::integer] END"},
		{name: "array_end", params: "l anyarray, first boolean", result: "anyelement", block: true, body: "BEGIN IF cardinality(l) = 0 THEN " + raise("'ARRAY_FIRST and ARRAY_LAST cannot get an element of an empty array'") + " END IF; RETURN l[CASE WHEN first THEN 1 ELSE cardinality(l) END]; END"},
		// Offsets below zero count from the end; the slice includes both ends.
		{name: "array_slice", params: "l anyarray, a bigint, b bigint", result: "anyarray", body: "CASE WHEN a IS NULL OR b IS NULL THEN NULL ELSE l[greatest(CASE WHEN a < 0 THEN a + cardinality(l) ELSE a END, 0)::integer + 1:least(CASE WHEN b < 0 THEN b + cardinality(l) ELSE b END, cardinality(l) - 1)::integer + 1] END"},
		{name: "generate_array", params: "a bigint, b bigint, s bigint", result: "bigint[]", block: true, body: "BEGIN IF s = 0 THEN " + raise("'Sequence step cannot be 0.'") + " END IF; IF a IS NULL OR b IS NULL OR s IS NULL THEN RETURN NULL; END IF; RETURN ARRAY(SELECT generate_series(a, b, s)); END"},
	}
}

// element reads an element; shift is 1 for zero-based positions.
func (c *Call) element(shift int64, safe bool) string {
	i := c.Typed(1)
	if v, ok := c.integer(1); ok && v < 1<<40 && v > -1<<40 {
		i = number(v + shift)
	} else if shift == 1 {
		i = operand(i, transpile.PrecAdd) + " + 1"
	}
	if safe || c.Safe {
		return c.total("safe_array_at", c.Typed(0), i)
	}
	return c.Func("array_at", c.Typed(0), i)
}

// each is an array of a value for each element of the i-th argument that fulfils a condition.
func (c *Call) each(i int, value func(v string) string, condition, order string) string {
	v := c.g.name("_e")
	list := c.Typed(i)
	if c.g.holdsGroup(transpile.Plain(list)) {
		return c.Refuse("over an aggregate")
	}
	return "CASE WHEN " + operand(list, transpile.PrecAdd) + " IS NOT NULL THEN ARRAY(SELECT " + value(v) + " FROM " + c.g.elements(list, v, c.Type(i)) + condition + " ORDER BY " + v + ".i" + order + ") END"
}

// mapped is ARRAY_TRANSFORM and ARRAY_FILTER.
func (c *Call) mapped(filter bool) string {
	l := c.Node.Args[1].Lambda
	if l == nil {
		return c.Refuse("without a lambda")
	}
	v := c.g.name("_e")
	list := c.Typed(0)
	for i, p := range l.Args {
		c.g.w.Bind(p.ID, []string{v + ".v", "(" + v + ".i - 1)"}[i])
	}
	body := c.g.Expr(l.Body)
	if c.g.holdsGroup(transpile.Plain(list + body)) {
		return c.Refuse("over an aggregate")
	}
	value, where := body, ""
	if filter {
		value, where = v+".v", " WHERE "+body
	}
	return "CASE WHEN " + operand(list, transpile.PrecAdd) + " IS NOT NULL THEN ARRAY(SELECT " + value + " FROM " + c.g.elements(list, v, c.Type(0)) + where + " ORDER BY " + v + ".i) END"
}

func arrayIncludes(c *Call) string {
	elem := c.Type(0).Elem
	if c.Node.Args[1].Lambda != nil || elem == nil || !plainIn(elem) {
		return c.Refuse("over " + c.Type(0).String())
	}
	c.SafeDone()
	return "CASE WHEN " + operand(c.Typed(0), transpile.PrecAdd) + " IS NOT NULL AND " + operand(c.Typed(1), transpile.PrecAdd) + " IS NOT NULL THEN coalesce(" +
		operand(c.Typed(1), transpile.PrecAdd) + " = ANY (" + c.list(0) + "), FALSE) END"
}

// arrayAggregateRule aggregates the elements by the rule of the aggregate.
func arrayAggregateRule(name string) Rule {
	return func(c *Call) string {
		elem := c.Type(0).Elem
		if elem == nil {
			return c.Refuse("over " + c.Type(0).String())
		}
		v := c.g.name("_e")
		list := c.Typed(0)
		if c.g.holdsGroup(transpile.Plain(list)) {
			return c.Refuse("over an aggregate")
		}
		col := ir.Column{ID: ir.ColumnID(-1000 - c.g.names), Name: "v", Type: elem}
		c.g.w.Bind(col.ID, v+".v")
		kept := c.g.grouped
		text := c.g.Aggregate(&ir.AggregateCall{Call: ir.Call{
			Of: c.Node.Of, Name: name, Group: "GoogleSQL", Args: []ir.Arg{{Expr: &ir.ColumnRef{Of: ir.Of{Type: elem, Span: c.Node.At()}, Column: col}}},
		}})
		c.g.grouped = kept
		return "(SELECT " + text + " FROM " + c.g.elements(list, v, c.Type(0)) + ")"
	}
}

func generateArray(c *Call) string {
	for i := range c.Args {
		if c.Kind(i) != ir.Int64 {
			return c.Refuse("over " + c.Type(i).String())
		}
	}
	step := "1"
	if c.Len() > 2 {
		step = c.Typed(2)
	}
	return c.Func("generate_array", c.Typed(0), c.Typed(1), step)
}

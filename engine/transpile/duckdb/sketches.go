package duckdb

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// HLL_COUNT and KLL_QUANTILES: a sketch is what the Go functions set_* and bag_* make of the
// list of the values, and exact.

// sketchKinds are the suffixes of the KLL functions as the analyzer writes them, and those
// of the Go functions.
func sketchKinds() map[string]string {
	return map[string]string{"int64": "int64", "uint64": "uint64", "float64": "float64", "double": "float64"}
}

// sketchRules are the scalar functions.
func sketchRules() map[string]Rule {
	rules := map[string]Rule{
		"hll_count.extract": func(c *Call) string {
			return "CASE WHEN " + operand(c.Typed(0), transpile.PrecAdd) + " IS NULL THEN 0 ELSE " + c.Func("set_count", c.Typed(0)) + " END"
		},
	}
	for suffix, kind := range sketchKinds() {
		rules["kll_quantiles.extract_"+suffix] = func(c *Call) string {
			return c.Func("bag_quantiles_"+kind, c.Typed(0), c.Typed(1), c.functionName())
		}
		rules["kll_quantiles.extract_point_"+suffix] = func(c *Call) string {
			return c.Func("bag_point_"+kind, c.Typed(0), c.asDouble(1), c.functionName())
		}
		rules["kll_quantiles.extract_relative_rank_"+suffix] = func(c *Call) string {
			return c.Func("bag_rank_"+kind, c.Typed(0), c.Typed(1), c.rankType(2), c.functionName())
		}
	}
	return rules
}

// functionName is the function's name as a literal, for its errors.
func (c *Call) functionName() string { return quote(strings.ToUpper(c.Node.Name)) }

func (c *Call) asDouble(i int) string {
	if c.Kind(i) == ir.Float64 {
		return c.Typed(i)
	}
	return Cast(c.Typed(i), "DOUBLE")
}

func (c *Call) rankType(i int) string {
	if i >= c.Len() {
		return "'FRACTION_LESS_THAN'"
	}
	return Cast(c.Typed(i), "VARCHAR")
}

// sketchAggregates are the aggregates.
func sketchAggregates() map[string]aggRule {
	merged := func(a *agg) string {
		a.notNull()
		return a.g.function("bag_merge", a.fn("list", a.Typed(0)), a.functionName())
	}
	rules := map[string]aggRule{
		"hll_count.init": hllInit,
		"hll_count.merge_partial": func(a *agg) string {
			a.notNull()
			return a.g.function("set_merge", a.fn("list", a.Typed(0)), a.functionName())
		},
		"hll_count.merge": func(a *agg) string {
			a.notNull()
			return "coalesce(" + a.g.function("set_count", a.g.function("set_merge", a.fn("list", a.Typed(0)), a.functionName())) + ", 0)"
		},
		"kll_quantiles.merge_partial": merged,
	}
	for suffix, kind := range sketchKinds() {
		rules["kll_quantiles.init_"+suffix] = func(a *agg) string { return kllInit(a, kind) }
		rules["kll_quantiles.merge_"+suffix] = func(a *agg) string {
			return a.g.function("bag_quantiles_"+kind, merged(a), a.Typed(1), a.functionName())
		}
		rules["kll_quantiles.merge_point_"+suffix] = func(a *agg) string {
			return a.g.function("bag_point_"+kind, merged(a), a.asDouble(1), a.functionName())
		}
		rules["kll_quantiles.merge_relative_rank_"+suffix] = func(a *agg) string {
			return a.g.function("bag_rank_"+kind, merged(a), a.Typed(1), a.rankType(2), a.functionName())
		}
	}
	return rules
}

// hllInit hashes the values as bytes: numbers as their text.
func hllInit(a *agg) string {
	x := a.Typed(0)
	switch k := a.Kind(0); {
	case k == ir.Bytes:
	case k == ir.String, k == ir.BigNumeric:
		x = "encode(" + x + ")"
	case isInt(k), k == ir.Numeric:
		x = "encode(CAST(" + x + " AS VARCHAR))"
	default:
		return a.Refuse("over " + a.Type(0).String())
	}
	precision := "15"
	if a.Len() > 1 {
		precision = a.Typed(1)
	}
	a.notNull()
	a.distinct = true
	return a.g.function("set_init", a.fn("list", x), quote(a.Type(0).Kind.String()), precision)
}

func kllInit(a *agg, kind string) string {
	precision, weight := "1000", ""
	for i := 1; i < a.Len(); i++ {
		name := ""
		if i < len(a.Node.Sig.Named) {
			name = a.Node.Sig.Named[i]
		}
		switch {
		case name == "weight":
			if v, ok := a.Value(i); !ok || !v.Null {
				weight = a.Typed(i)
			}
		case !a.IsNull(i):
			precision = a.Typed(i)
		}
	}
	x := a.Typed(0)
	a.notNull()
	if weight == "" {
		return a.g.function("bag_init_"+kind, a.fn("list", x), "[]::BIGINT[]", precision)
	}
	a.where = append(a.where, weight+" IS NOT NULL")
	pairs := a.fn("list", "{'x': "+x+", 'w': "+weight+"}")
	return "list_transform([" + pairs + "], lambda l: " +
		a.g.function("bag_init_"+kind, "list_transform(l, lambda e: e.x)", "list_transform(l, lambda e: e.w)", precision) + ")[1]"
}

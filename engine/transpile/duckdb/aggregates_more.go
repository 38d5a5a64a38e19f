package duckdb

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// Aggregates over intervals and bytes, and those over the rows of an extreme.

// sumInterval is SUM over INTERVAL: the parts are summed apart, each within its bounds.
func (a *agg) sumInterval() string {
	i := a.Typed(0)
	if a.distinct {
		// Equal intervals may have other parts: one of them counts.
		return a.g.macro("interval_sum", a.fn("list", i))
	}
	return a.g.macro("months_interval", a.fn("sum", a.g.macro("interval_months", i))) +
		" + " + a.g.macro("days_interval", a.fn("sum", "day("+i+")")) +
		" + " + a.g.macro("micros_interval", a.fn("sum", a.g.macro("interval_micros", i)))
}

// meanInterval is AVG over INTERVAL: what a division of the months leaves goes to the days,
// what one of the days leaves to the microseconds.
func (a *agg) meanInterval() string {
	i := a.Typed(0)
	if a.distinct {
		return a.Refuse("of DISTINCT INTERVAL")
	}
	big := func(text string) string { return "CAST(" + text + " AS BIGINT)" }
	return a.g.macro("interval_mean",
		big(a.fn("sum", a.g.macro("interval_months", i))),
		big(a.fn("sum", "day("+i+")")),
		big(a.fn("sum", a.g.macro("interval_micros", i))),
		a.fn("count", i))
}

// bytesBits is BIT_AND, BIT_OR or BIT_XOR over BYTES.
func (a *agg) bytesBits(name string) string {
	mode := "'STRICT'"
	if a.Len() > 1 {
		mode = a.Typed(1)
	}
	a.notNull()
	return a.g.function("bytes_"+name, a.fn("list", a.Typed(0)), mode)
}

func moreAggregateMacros() []macro {
	return []macro{
		{"interval_sum", "l", `list_transform([list_filter(l, lambda i: i IS NOT NULL)], lambda m: _engine.months_interval(list_sum(list_transform(m, lambda i: _engine.interval_months(i)))) + _engine.days_interval(list_sum(list_transform(m, lambda i: day(i)))) + _engine.micros_interval(list_sum(list_transform(m, lambda i: _engine.interval_micros(i)))))[1]`},
		{"interval_mean", "mo, d, us, n", `CASE WHEN n > 0 THEN _engine.interval_of(engine_interval_divide(mo, d, us, n)) END`},
		{"fraction", "p, name", `CASE WHEN p >= 0 AND p <= 1 THEN p WHEN p IS NULL THEN ` + fail("DOUBLE", "'The second argument to the function ' || name || ' must not be NULL'") + ` ELSE ` + fail("DOUBLE", "'The second argument to the function ' || name || ' must be in [0, 1]'") + ` END`},
		{"numeric_fraction", "p, name", `CASE WHEN p >= 0 AND p <= 1 THEN p WHEN p IS NULL THEN ` + fail("DECIMAL(38,9)", "'The second argument to the function ' || name || ' must not be NULL'") + ` ELSE ` + fail("DECIMAL(38,9)", "'The second argument to the function ' || name || ' must be in [0, 1]'") + ` END`},
		// Between NULL and a value is the value.
		{"between_values", "p", `list_transform([p], lambda v: CASE WHEN v[3] = 0 OR v[2] IS NULL OR v[1] = v[2] THEN v[1] WHEN v[1] IS NULL THEN v[2] ELSE v[1] * (1 - v[3]) + v[2] * v[3] END)[1]`},
		{"numeric_between", "p", `list_transform([p], lambda v: CASE WHEN v[3] = 0 OR v[2] IS NULL THEN v[1] WHEN v[1] IS NULL THEN v[2] ELSE CAST(engine_numeric_mix(CAST(v[1] AS VARCHAR), CAST(v[2] AS VARCHAR), CAST(v[3] AS VARCHAR)) AS DECIMAL(38,9)) END)[1]`},
		{"separator", "s", `CASE WHEN s IS NOT NULL THEN s ELSE ` + fail("VARCHAR", "'Illegal NULL separator in STRING_AGG'") + ` END`},
		{"bytes_separator", "s", `CASE WHEN s IS NOT NULL THEN s ELSE ` + fail("BLOB", "'Illegal NULL separator in STRING_AGG'") + ` END`},
		{"quantile_count", "n, name", `CASE WHEN n IS NULL THEN ` + fail("BIGINT", "'The second argument to ' || name || ' function must not be NULL'") +
			` WHEN n < 1 THEN ` + fail("BIGINT", "'The second argument to ' || name || ' function must be positive'") +
			` WHEN n > 100000 THEN ` + fail("BIGINT", "'The second argument to ' || name || ' function cannot be greater than 100000'") + ` ELSE n END`},
		// The elements of a sorted list at the ranks ceil(i * count / n), the first one for i = 0.
		{"quantiles_of", "l, n", `CASE WHEN len(l) > 0 THEN list_transform([n], lambda m: list_transform(range(0, m + 1), lambda i: l[greatest(1, (i * len(l) + m - 1) // m)]))[1] END`},
		{"top_weight", "w, shown", `CASE WHEN w < 0 OR isnan(CAST(w AS DOUBLE)) THEN ` + fail("BOOLEAN", "'APPROX_TOP_SUM does not support negative or NaN weights in the second argument; got ' || shown") + ` ELSE TRUE END`},
		// l is a list of structs of a value k and a weight w.
		{"top_sum", "l, n", `CASE WHEN len(l) > 0 THEN list_transform(list_reverse_sort(list_transform(list_distinct(list_transform(l, lambda e: {'k': e.k})), lambda d: list_transform([list_sum(list_transform(list_filter(l, lambda e: e.k IS NOT DISTINCT FROM d.k), lambda e: e.w))], lambda s: {'some': s IS NOT NULL, 's': s, 'k': d.k})[1]))[1:n], lambda e: {'value': e.k, 'sum': e.s}) END`},
	}
}

// checkedCount is the argument of an approximate aggregate that says how many.
func (a *agg) checkedCount(i int, name string) string {
	if v, ok := a.Value(i); ok && !v.Null && v.Int >= 1 && v.Int <= 100000 {
		return itoa(int(v.Int))
	}
	return a.g.macro("quantile_count", a.Typed(i), quote(name))
}

// sortedList is the list of an argument's values in GoogleSQL's order.
func (a *agg) sortedList(i int) string {
	e := a.Expr(i)
	keys := a.g.sortKeys(a.Typed(i), ir.OrderItem{}, e)
	return a.call("list", " ORDER BY "+strings.Join(keys, ", "), a.Typed(i))
}

// topSum is APPROX_TOP_SUM or APPROX_TOP_COUNT where the sums or counts by value are a
// column: see LowerAggregate.
func topSum(a *agg) string {
	field := strings.TrimPrefix(a.Node.Name, "$top_")
	x, s := a.Typed(0), a.Typed(1)
	list := a.call("list", " ORDER BY "+strings.Join(a.g.sortKeys(s, ir.OrderItem{Desc: true}, a.Expr(1)), ", "),
		"{'value': "+x+", '"+field+"': "+s+"}")
	return operand(list, transpile.PrecAtom) + "[1:" + a.checkedCount(2, "APPROX_TOP_"+strings.ToUpper(field)) + "]"
}

// approxTopSum is APPROX_TOP_SUM over a window or grouping sets, in time of the number of
// rows times that of values.
func approxTopSum(a *agg) string {
	if c := collationOf(a.Expr(0)); collated(c) {
		return a.RefuseWhat("collation "+c, "APPROX_TOP_SUM compares by code points there")
	}
	k := a.Kind(1)
	if !isInt(k) && k != ir.Numeric && !isFloat(k) || a.Type(0).Has(ir.JSON, ir.BigNumeric, ir.Geography) {
		return a.Refuse("over " + a.Type(0).String() + " and " + a.Type(1).String())
	}
	return "CAST(" + a.g.macro("top_sum", a.fn("list", "{'k': "+a.Typed(0)+", 'w': "+a.weight(a.Typed(1), a.Expr(1))+"}"), a.checkedCount(2, "APPROX_TOP_SUM")) + " AS " + a.SQLType(a.Result()) + ")"
}

// weight is the weight of APPROX_TOP_SUM, which must not be negative or NaN.
func (a *agg) weight(w string, e ir.Expr) string {
	if l, ok := e.(*ir.Literal); ok && !l.Value.Null && isInt(l.T().Kind) && l.Value.Int >= 0 {
		return w
	}
	shown := a.g.cast(w, e.T(), &ir.Type{Kind: ir.String}, false, e.At())
	return "CASE WHEN " + a.g.macro("top_weight", w, shown) + " THEN " + w + " END"
}

// moreAggregates are rules beside those of aggregateRules.
func moreAggregates() map[string]aggRule {
	rules := sketchAggregates()
	rules["approx_top_sum"] = approxTopSum
	rules["$top_sum"] = topSum
	rules["$top_count"] = topSum
	rules["$percentile_cont"] = percentileAt
	rules["$percentile_disc"] = percentileAt
	return rules
}

// moreRules are scalar functions that lowering makes.
func moreRules() map[string]Rule {
	return map[string]Rule{
		"$top_weight": func(c *Call) string { return (&agg{Call: c}).weight(c.Typed(0), c.Expr(0)) },
	}
}

// percentileAt is PERCENTILE_CONT or PERCENTILE_DISC of a value, a fraction, the number of the
// row in the order of the values, and the number of values: see LowerAnalytic.
func percentileAt(a *agg) string {
	if a.Kind(1) == ir.BigNumeric {
		return a.bigPercentileAt()
	}
	check := "fraction"
	if a.Kind(1) == ir.Numeric {
		check = "numeric_fraction"
	}
	p := a.g.macro(check, a.Typed(1), quote(strings.ToUpper(a.Node.Name[1:])))
	x, row, n := a.Typed(0), operand(a.Typed(2), transpile.PrecAdd), operand(a.Typed(3), transpile.PrecMultiply)
	at := func(rank string) string {
		b := *a
		b.where = append(append([]string(nil), a.where...), row+" = "+rank)
		return b.fn("any_value", x)
	}
	if a.Node.Name == "$percentile_disc" {
		// The first value that so many parts of the values are not greater than.
		return at("greatest(1, CAST(ceil(" + p + " * " + n + ") AS BIGINT))")
	}
	index := p + " * (" + n + " - 1)"
	lo, hi := at("CAST(floor("+index+") AS BIGINT) + 1"), at("CAST(ceil("+index+") AS BIGINT) + 1")
	// The row itself says nothing of n: that of the partition is one value.
	part := a.fn("any_value", index+" - floor("+index+")")
	switch {
	case a.Result().Kind == ir.Numeric:
		return a.g.macro("numeric_between", "["+lo+", "+hi+", CAST("+part+" AS DECIMAL(38,9))]")
	case isFloat(a.Kind(0)) || isInt(a.Kind(0)):
		return a.g.macro("between_values", "[CAST("+lo+" AS DOUBLE), CAST("+hi+" AS DOUBLE), CAST("+part+" AS DOUBLE)]")
	}
	return a.Refuse("over " + a.Type(0).String())
}

// bigPercentileAt is PERCENTILE_DISC for a fraction of more digits than NUMERIC has.
func (a *agg) bigPercentileAt() string {
	v, ok := a.Value(1)
	if !ok || v.Null || a.Node.Name != "$percentile_disc" || strings.HasPrefix(v.Text, "-") {
		return a.RefuseWhat(strings.ToUpper(a.Node.Name[1:]), "for such a BIGNUMERIC fraction")
	}
	rank := a.g.function("bignumeric_ceil", a.g.function("bignumeric_multiply", a.Typed(1), "CAST("+a.Typed(3)+" AS VARCHAR)"))
	b := *a
	b.where = append(append([]string(nil), a.where...), operand(a.Typed(2), transpile.PrecAdd)+" = greatest(1, CAST("+rank+" AS BIGINT))")
	return b.fn("any_value", a.Typed(0))
}

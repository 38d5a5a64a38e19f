package duckdb

import (
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// agg is an aggregate call as an aggRule sees it, of GROUP BY or over a window.
type agg struct {
	*Call
	node     ir.Expr
	distinct bool
	nulls    ir.NullHandling
	order    []ir.OrderItem
	limit    ir.Expr
	where    []string // conditions of FILTER
	having   *ir.Having
	over     string // " OVER (…)" or ""
}

// An aggRule writes one aggregate call.
type aggRule func(a *agg) string

// fn is a call of a DuckDB aggregate with the modifiers; DISTINCT and ORDER BY only
// where they matter.
func (a *agg) fn(name string, args ...string) string { return a.call(name, "", args...) }

func (a *agg) call(name, order string, args ...string) string {
	var b strings.Builder
	b.WriteString(name + "(")
	if a.distinct {
		b.WriteString("DISTINCT ")
	}
	b.WriteString(strings.Join(args, ", "))
	b.WriteString(order)
	b.WriteString(")")
	if len(a.where) > 0 {
		b.WriteString(" FILTER (WHERE " + strings.Join(a.where, " AND ") + ")")
	}
	b.WriteString(a.over)
	return b.String()
}

// ordered is fn with the call's ORDER BY.
func (a *agg) ordered(name string, args ...string) string {
	order := ""
	if len(a.order) > 0 {
		var keys []string
		for _, o := range a.order {
			keys = append(keys, a.g.sortKeys(a.g.Expr(o.Expr), o, o.Expr)...)
		}
		order = " ORDER BY " + strings.Join(keys, ", ")
	}
	return a.call(name, order, args...)
}

// notNull leaves out rows whose argument is NULL.
func (a *agg) notNull() {
	a.where = append(a.where, operand(a.Args[0], transpile.PrecAdd)+" IS NOT NULL")
}

// slice applies LIMIT to a list.
func (a *agg) slice(list string) string {
	if a.limit == nil {
		return list
	}
	if l, ok := a.limit.(*ir.Literal); ok && !l.Value.Null && l.Value.Int > 0 {
		return transpile.Operand(list) + "[1:" + itoa(int(l.Value.Int)) + "]"
	}
	return a.g.macro("first_of", list, a.g.Expr(a.limit))
}

func aggregateRules() map[string]aggRule {
	plain := func(name string) aggRule {
		return func(a *agg) string { return a.fn(name, a.Typed(0)) }
	}
	double := func(name string) aggRule {
		return func(a *agg) string {
			args := make([]string, a.Len())
			for i := range args {
				args[i] = a.Typed(i)
				if a.Kind(i) != ir.Float64 {
					args[i] = "CAST(" + args[i] + " AS DOUBLE)"
				}
			}
			text := a.fn(name, args...)
			var bad []string
			for i := range args {
				if !a.g.finite(a.Expr(i), 0) {
					bad = append(bad, "NOT isfinite("+args[i]+")")
				}
			}
			if bad == nil || name == "regr_count" {
				return text
			}
			// The pairs count in which neither is NULL.
			pairs := *a
			for i := range args {
				pairs.where = append(slices.Clip(pairs.where), operand(args[i], transpile.PrecAdd)+" IS NOT NULL")
			}
			return "CASE WHEN " + pairs.fn("bool_or", strings.Join(bad, " OR ")) + " THEN " + nanUnlessFew(a, name, args) + " ELSE " + text + " END"
		}
	}
	return map[string]aggRule{
		"$count_star": func(a *agg) string { return a.counted(a.fn("count", "*")) },
		"count":       func(a *agg) string { return a.counted(a.fn("count", a.Typed(0))) },
		"countif": func(a *agg) string {
			a.where = append(a.where, a.Args[0])
			if a.distinct {
				return a.counted(a.fn("count", a.Args[0]))
			}
			return a.counted(a.fn("count", "*"))
		},
		"approx_count_distinct": func(a *agg) string { a.distinct = true; return a.fn("count", a.Typed(0)) },
		"sum":                   sum,
		"avg":                   avg,
		"min":                   func(a *agg) string { return extreme(a, "min") },
		"max":                   func(a *agg) string { return extreme(a, "max") },
		"any_value":             anyValue,
		"max_by":                func(a *agg) string { return by(a, "arg_max_null", true) },
		"min_by":                func(a *agg) string { return by(a, "arg_min_null", false) },
		"logical_and":           plain("bool_and"),
		"logical_or":            plain("bool_or"),
		"bit_and":               bits("bit_and"),
		"bit_or":                bits("bit_or"),
		"bit_xor":               bits("bit_xor"),
		"array_agg":             arrayAgg,
		"array_concat_agg":      arrayConcatAgg,
		"string_agg":            stringAgg,
		"stddev":                spread("stddev_samp"),
		"stddev_samp":           spread("stddev_samp"),
		"stddev_pop":            spread("stddev_pop"),
		"variance":              spread("var_samp"),
		"var_samp":              spread("var_samp"),
		"var_pop":               spread("var_pop"),
		"corr": func(a *agg) string {
			text := double("corr")(a)
			return "CASE WHEN " + double("regr_count")(a) + " > 1 THEN " + text + " END"
		},
		"covar_pop":        double("covar_pop"),
		"covar_samp":       double("covar_samp"),
		"approx_quantiles": approxQuantiles,
		"approx_top_count": approxTopCount,
		"percentile_cont":  percentileCont,
		"percentile_disc":  percentileDisc,
		"$shared_mean":     sharedMean,
	}
}

func aggregateMacros() []macro {
	return []macro{
		// The exact quotient of a NUMERIC sum by a count, half away from zero: whole part
		// and rest are divided apart, for 38 digits hold no more.
		{"numeric_mean", "s, n", `CASE WHEN n > 0 THEN CAST(CAST(trunc(s) AS HUGEINT) // n AS DECIMAL(38,9)) + CAST(_engine.rounded_quotient((CAST(trunc(s) AS HUGEINT) % n) * 1000000000 + CAST((s % CAST(1 AS DECIMAL(38,9))) * 1000000000 AS HUGEINT), CAST(n AS HUGEINT)) AS DECIMAL(28,0)) * 0.000000001 END`},
		{"rounded_quotient", "p, q", `CASE WHEN 2 * abs(p % q) >= q THEN p // q + CASE WHEN p < 0 THEN -1 ELSE 1 END ELSE p // q END`},
		// LIMIT 0 leaves no rows to aggregate.
		{"first_of", "l, n", `CASE WHEN n > 0 THEN l[1:n] WHEN n = 0 THEN NULL ELSE l[` + fail("BIGINT", "'Limit requires non-negative count'") + `:1] END`},
		// DuckDB's sum of decimals runs past 38 digits.
		{"numeric_sum", "s", `CASE WHEN abs(s) > 99999999999999999999999999999.999999999 THEN ` + fail("DECIMAL(38,9)", "'numeric overflow: SUM'") + ` ELSE s END`},
		// tiny is the sum times 2^-100; both are NULL where there is none.
		{"finite_sum", "s, tiny", `CASE WHEN isfinite(s) THEN s WHEN isfinite(tiny * 1267650600228229401496703205376e0) THEN tiny * 1267650600228229401496703205376e0 WHEN isfinite(tiny) THEN ` + fail("DOUBLE", "'double overflow'") + ` ELSE tiny END`},
		{"safe_numeric_sum", "s", `CASE WHEN abs(s) <= 99999999999999999999999999999.999999999 THEN s END`},
		{"same_numeric", "x, sd, lo, hi", `CASE WHEN sd < 0.00001 * greatest(abs(lo), abs(hi)) AND lo <> hi THEN ` + fail("DOUBLE", "'the deviation of these NUMERIC values is below the precision of DOUBLE'") + ` ELSE x END`},
		{"top_count", "counts, nulls, n", `list_transform(list_reverse_sort(list_concat(list_transform(map_entries(counts), lambda e: {'n': CAST(e.value AS BIGINT), 'k': e.key}), CASE WHEN nulls > 0 THEN [{'n': CAST(nulls AS BIGINT), 'k': NULL}] ELSE [] END))[1:n], lambda e: {'value': e.k, 'count': e.n})`},
	}
}

// Aggregate implements transpile.Dialect.
func (g *generator) Aggregate(e ir.Expr) string {
	n, ok := e.(*ir.AggregateCall)
	if !ok {
		return g.refuse("this aggregate", "", e.At())
	}
	switch {
	case n.GroupBy != nil || n.Nested != nil:
		return g.refuse("an aggregate of groups within "+strings.ToUpper(n.Name), "", n.At())
	case n.GroupByRows != nil:
		return g.refuse(strings.ToUpper(n.Name)+" WITH GROUP ROWS", "", n.At())
	}
	a := g.newAgg(&n.Call, n)
	a.distinct, a.nulls, a.order, a.limit, a.having = n.Distinct, n.Nulls, n.Order, n.Limit, n.Having
	if n.Where != nil {
		a.where = append(a.where, operand(g.Expr(n.Where), transpile.PrecNot))
	}
	return transpile.Mark(g.aggregate(a), n.At())
}

func (g *generator) newAgg(n *ir.Call, e ir.Expr) *agg {
	a := &agg{Call: &Call{Node: n, Safe: n.Safe, g: g}, node: e}
	for _, x := range n.Args {
		if x.Expr != nil {
			a.Args = append(a.Args, g.bare(x.Expr))
		} else {
			a.Args = append(a.Args, "")
		}
	}
	return a
}

func (g *generator) aggregate(a *agg) string {
	n := a.Node
	if text, ok := g.collatedAggregate(a); ok {
		return text
	}
	if !builtIn(n.Group) {
		return g.refuse("aggregate "+strings.ToUpper(n.Name), "it is not built in", n.At())
	}
	if n.Safe {
		switch n.Name {
		case "count", "$count_star", "countif", "min", "max", "any_value", "logical_and", "logical_or":
		case "sum":
			// What may overflow is the cast around the sum, or the check of it; TRY takes no aggregate.
			switch k := a.Kind(0); {
			case isInt(k):
				return "TRY_CAST(" + a.fn("sum", a.Typed(0)) + " AS " + a.SQLType(a.Result()) + ")"
			case k == ir.Numeric:
				return a.g.macro("safe_numeric_sum", a.fn("sum", a.Typed(0)))
			}
			if a.Kind(0) == ir.BigNumeric {
				break
			}
			if isFloat(a.Kind(0)) {
				return a.safeFloatSum()
			}
			return g.refuse("SAFE.SUM over "+a.Type(0).String(), "", n.At())
		default:
			return g.refuse("SAFE."+strings.ToUpper(n.Name), "the errors of an aggregate cannot become NULL there", n.At())
		}
	}
	rule := aggregateRules()[n.Name]
	if rule == nil {
		rule = moreAggregates()[n.Name]
	}
	if rule == nil {
		return g.refuse("aggregate "+display(n.Name), "", n.At())
	}
	if a.having != nil && n.Name != "any_value" {
		return g.refuse(strings.ToUpper(n.Name)+" with HAVING MAX or MIN", "", n.At())
	}
	if a.nulls == ir.IgnoreNulls && a.Len() > 0 && n.Name != "any_value" {
		a.notNull()
	}
	if a.distinct && a.Len() > 0 && a.Type(0).Has(ir.JSON, ir.Geography) {
		return g.refuse(strings.ToUpper(n.Name)+" with DISTINCT over "+a.Type(0).String(), "", n.At())
	}
	if text, ok := a.decimal(); ok {
		return text
	}
	return rule(a)
}

// spread is a standard deviation or variance: NaN if a value is not finite, which
// DuckDB takes for an error.
func spread(name string) aggRule {
	return func(a *agg) string {
		x := a.Typed(0)
		if a.Kind(0) == ir.Numeric && a.Len() == 1 {
			// Summing squares of doubles would lose a small deviation of large numbers.
			sd := "CAST(" + x + " AS DOUBLE)"
			return a.g.macro("same_numeric", a.fn(name, sd), a.fn("stddev_pop", sd), a.fn("min", x), a.fn("max", x))
		}
		if a.Kind(0) != ir.Float64 {
			x = "CAST(" + x + " AS DOUBLE)"
		}
		if a.g.finite(a.Expr(0), 0) || a.Len() != 1 {
			return a.fn(name, x)
		}
		bad := a.fn("bool_or", "NOT isfinite("+x+")")
		if strings.HasSuffix(name, "_samp") {
			bad += " AND " + a.fn("count", x) + " > 1"
		}
		finite := *a
		finite.where = append(slices.Clone(a.where), "isfinite("+x+")")
		return "CASE WHEN " + bad + " THEN 'nan'::DOUBLE WHEN NOT " + a.fn("bool_or", "NOT isfinite("+x+")") + " THEN " + finite.fn(name, x) + " END"
	}
}

// nanUnlessFew is NaN, but NULL where the function needs two pairs and has one.
func nanUnlessFew(a *agg, name string, args []string) string {
	if strings.HasSuffix(name, "_pop") {
		return "'nan'::DOUBLE"
	}
	return "CASE WHEN " + a.fn("regr_count", args...) + " > 1 THEN 'nan'::DOUBLE END"
}

func sum(a *agg) string {
	switch a.Kind(0) {
	case ir.Int64, ir.Int32, ir.Uint32, ir.Uint64:
		return "CAST(" + a.fn("sum", a.Typed(0)) + " AS " + a.SQLType(a.Result()) + ")"
	case ir.Numeric:
		return a.g.macro("numeric_sum", a.fn("sum", a.Typed(0)))
	case ir.Float64:
		return a.bounded(a.fn("sum", a.Typed(0)), "sum", a.Typed(0))
	case ir.Float32:
		x := "CAST(" + a.Typed(0) + " AS DOUBLE)"
		return a.bounded(a.fn("sum", x), "sum", x)
	case ir.Interval:
		return a.sumInterval()
	}
	return a.Refuse("over " + a.Type(0).String())
}

// counted mends a count over a frame whose start may lie behind its end, which holds
// no rows: DuckDB counts below zero there.
func (a *agg) counted(text string) string {
	w, ok := a.node.(*ir.WindowCall)
	if !ok || w.Frame == nil || w.Frame.Start.Offset == nil || w.Frame.End.Offset == nil || w.Frame.Start.Kind != w.Frame.End.Kind {
		return text
	}
	return "greatest(" + text + ", 0)"
}

// bounded is a sum or mean of doubles. Where it is not finite, the sum of the values
// scaled down tells an overflow, which is an error, and one of an intermediate sum from
// infinite values and NaN.
func (a *agg) bounded(text, name, x string) string {
	if a.over == "" && a.g.finite(a.Expr(0), 0) && a.small(a.Expr(0)) {
		return text
	}
	return a.g.macro("finite_sum", text, a.fn(name, tiny(x)))
}

// tiny is a FLOAT64 scaled down by 2^100, so that no sum of such values overflows.
func tiny(x string) string { return operand(x, transpile.PrecMultiply) + " * 7.888609052210118e-31" }

// sharedMean is AVG beside SUM of the same values, whose sums it reads: see LowerAggregate.
func sharedMean(a *agg) string {
	x := a.Typed(0)
	n := a.fn("count", x)
	return a.g.macro("finite_sum", a.fn("sum", x)+" / "+n, a.fn("sum", tiny(x))+" / "+n)
}

// small reports whether a sum of an expression's values cannot overflow a double.
func (a *agg) small(e ir.Expr) bool {
	switch n := e.(type) {
	case *ir.Cast:
		return isInt(n.Arg.T().Kind) || n.Arg.T().Kind == ir.Numeric
	}
	return false
}

func avg(a *agg) string {
	switch k := a.Kind(0); {
	case isInt(k):
		return a.fn("avg", a.Typed(0))
	case k == ir.Float64:
		return a.bounded(a.fn("avg", a.Typed(0)), "avg", a.Typed(0))
	case k == ir.Float32:
		x := "CAST(" + a.Typed(0) + " AS DOUBLE)"
		return a.bounded(a.fn("avg", x), "avg", x)
	case k == ir.Interval:
		return a.meanInterval()
	case k == ir.Numeric:
		x := a.Typed(0)
		return "CAST(" + a.g.macro("numeric_mean", a.fn("sum", x), a.fn("count", x)) + " AS DECIMAL(38,9))"
	}
	return a.Refuse("over " + a.Type(0).String())
}

// extreme is MIN or MAX. NaN among the values makes both NaN; DuckDB's NaN is its
// greatest number, so that only MIN needs help.
func extreme(a *agg, name string) string {
	t := a.Type(0)
	switch {
	case t.Has(ir.JSON, ir.BigNumeric, ir.Geography):
		return a.Refuse("over " + t.String())
	case t.Kind == ir.Range:
		return a.fn(map[string]string{"min": "arg_min", "max": "arg_max"}[name], a.Typed(0), a.g.macro("range_key", a.Args[0]))
	case (t.Kind == ir.Array || t.Kind == ir.Struct) && t.Has(ir.Float64, ir.Float32):
		return a.Refuse("over " + t.String())
	}
	a.distinct = false
	x := a.Typed(0)
	if isFloat(t.Kind) && name == "min" && !a.g.finite(a.Expr(0), 0) {
		return "CASE WHEN " + a.fn("bool_or", "isnan("+x+")") + " THEN 'nan'::" + a.SQLType(t) + " ELSE " + a.fn("min", x) + " END"
	}
	return a.fn(name, x)
}

func anyValue(a *agg) string {
	a.distinct = false
	if h := a.having; h != nil {
		t := h.Expr.T()
		if t.Has(ir.JSON, ir.BigNumeric, ir.Geography, ir.Range) || isFloat(t.Kind) && !a.g.finite(h.Expr, 0) && !h.Max {
			return a.RefuseWhat("ANY_VALUE with HAVING over "+t.String(), "")
		}
		name := "arg_min_null"
		if h.Max {
			name = "arg_max_null"
		}
		if a.nulls == ir.IgnoreNulls {
			a.notNull()
		}
		return a.fn(name, a.Typed(0), a.g.Expr(h.Expr))
	}
	return a.fn("any_value", a.Typed(0))
}

func by(a *agg, name string, largest bool) string {
	if a.Kind(1) == ir.BigNumeric {
		return a.fn(name, a.Typed(0), a.g.bigKey(a.Typed(1)))
	}
	if t := a.Type(1); t.Has(ir.JSON, ir.BigNumeric, ir.Geography, ir.Range) || isFloat(t.Kind) && !a.g.finite(a.Expr(1), 0) && !largest {
		return a.Refuse("by " + t.String())
	}
	return a.fn(name, a.Typed(0), a.Typed(1))
}

func bits(name string) aggRule {
	return func(a *agg) string {
		if a.Kind(0) == ir.Bytes {
			return a.bytesBits(name)
		}
		if !isInt(a.Kind(0)) || a.Len() > 1 {
			return a.Refuse("over " + a.Type(0).String())
		}
		return a.fn(name, a.Typed(0))
	}
}

func arrayAgg(a *agg) string { return a.slice(a.ordered("list", a.Typed(0))) }

func arrayConcatAgg(a *agg) string {
	a.notNull()
	return "flatten(" + a.slice(a.ordered("list", a.Typed(0))) + ")"
}

func stringAgg(a *agg) string {
	sep, constant := "','", true
	bytes := a.Kind(0) == ir.Bytes
	if bytes {
		sep = "','::BLOB"
	}
	if a.Len() > 1 {
		sep = a.Typed(1)
		v, literal := a.Value(1)
		switch {
		case literal && !v.Null:
		case !unvarying(a.Expr(1)):
			return a.RefuseWhat("STRING_AGG with a computed separator", "")
		case bytes:
			sep, constant = a.g.macro("bytes_separator", sep), false
		default:
			sep, constant = a.g.macro("separator", sep), false
		}
	}
	if bytes {
		a.notNull()
		text := "list_reduce(" + a.slice(a.ordered("list", a.Typed(0))) + ", lambda a, b: a || " + sep + " || b)"
		if !constant {
			text = "CASE WHEN " + sep + " IS NOT NULL THEN " + text + " END"
		}
		return text
	}
	if a.limit != nil || !constant {
		a.notNull()
		return "array_to_string(" + a.slice(a.ordered("list", a.Typed(0))) + ", " + sep + ")"
	}
	return a.ordered("string_agg", a.Typed(0), sep)
}

// approxQuantiles gives exact quantiles: the boundaries of n even parts.
func approxQuantiles(a *agg) string {
	if a.nulls == ir.NullsUnsaid {
		a.notNull()
	}
	return a.g.macro("quantiles_of", a.sortedList(0), a.checkedCount(1, "APPROX_QUANTILES"))
}

func approxTopCount(a *agg) string {
	if a.Type(0).Has(ir.JSON, ir.Geography) {
		return a.Refuse("over " + a.Type(0).String())
	}
	x := a.Typed(0)
	if isFloat(a.Kind(0)) {
		x += " + 0" // -0 is 0
	}
	counts := a.fn("histogram", x)
	nulls := a.fn("count", "*") + " - " + a.fn("count", x)
	n := a.checkedCount(1, "APPROX_TOP_COUNT")
	return "CASE WHEN " + a.fn("count", "*") + " > 0 THEN " + a.g.macro("top_count", counts, nulls, n) + " END"
}

// ordinary guards a call over FLOAT64 whose result would be another if a value is
// NaN, which sorts elsewhere in DuckDB, or infinite: that fails at run time.
func (a *agg) ordinary(text string) string {
	if !isFloat(a.Kind(0)) || a.g.finite(a.Expr(0), 0) {
		return text
	}
	bad := "CASE WHEN " + a.fn("bool_or", "NOT isfinite("+a.Typed(0)+")")
	return bad + " THEN " + fail(a.SQLType(a.Result()), "'"+strings.ToUpper(a.Node.Name)+" over NaN or infinite values is not available on duckdb'") + " ELSE " + text + " END"
}

// percentileCont is DuckDB's own where that is the same: see LowerAnalytic for the rest.
func percentileCont(a *agg) string {
	v, ok := a.Value(1)
	if !ok || v.Null || v.Type.Kind == ir.BigNumeric || !isFloat(a.Kind(0)) && !isInt(a.Kind(0)) || a.nulls == ir.RespectNulls {
		return a.Refuse("these arguments")
	}
	return a.ordinary(a.fn("quantile_cont", "CAST("+a.Typed(0)+" AS DOUBLE)", a.bareFloat(v)))
}

func percentileDisc(a *agg) string {
	v, ok := a.Value(1)
	if !ok || v.Null || v.Type.Kind == ir.BigNumeric || a.nulls == ir.RespectNulls || a.Type(0).Has(ir.JSON, ir.BigNumeric, ir.Geography, ir.Range) {
		return a.Refuse("these arguments")
	}
	return a.ordinary(a.fn("quantile_disc", a.Typed(0), a.bareFloat(v)))
}

func (a *agg) bareFloat(v ir.Value) string {
	if v.Type.Kind == ir.Numeric {
		return v.Text
	}
	return float(v.Float, 64, "DOUBLE")
}

// arrayAggregate aggregates the elements of an array: a subquery over its UNNEST.
func (g *generator) arrayAggregate(n *ir.ArrayAggregate) string {
	alias := g.w.Alias("e")
	list := g.Expr(n.Array)
	g.w.Bind(n.Element.ID, ident(alias)+".v")
	for _, p := range n.Pre {
		g.w.Bind(p.Column.ID, g.Expr(p.Expr))
	}
	return "(SELECT " + g.Aggregate(n.Agg) + " FROM UNNEST(" + list + ") AS " + ident(alias) + "(v))"
}

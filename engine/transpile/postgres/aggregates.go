package postgres

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// agg is an aggregate call as an aggRule sees it, of GROUP BY or over a window.
type agg struct {
	*Call
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

// fn is a call of an aggregate with the modifiers; DISTINCT only where it is set.
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
	a.g.grouped = append(a.g.grouped, transpile.Plain(b.String()))
	return b.String()
}

// ordered is fn with the call's ORDER BY.
func (a *agg) ordered(name string, args ...string) string {
	order := ""
	if len(a.order) > 0 {
		if a.over != "" {
			return a.Refuse("with ORDER BY over a window")
		}
		var keys []string
		for _, o := range a.order {
			keys = append(keys, a.g.sortKeys(a.g.Expr(o.Expr), o, o.Expr)...)
		}
		if a.distinct {
			// The keys must be the argument as it stands there.
			if len(keys) != 1 || len(a.order) != 1 || a.g.Expr(a.order[0].Expr) != args[0] {
				return a.Refuse("with DISTINCT and ORDER BY of something else")
			}
			if a.Kind(0) == ir.String {
				args = append([]string{codePoints(args[0])}, args[1:]...)
			}
		}
		order = " ORDER BY " + strings.Join(keys, ", ")
	} else if a.distinct && a.Kind(0) == ir.JSON {
		return a.Refuse("with DISTINCT over JSON")
	}
	text := a.call(name, order, args...)
	if collated(args[0]) {
		return plainText(text)
	}
	return text
}

// notNull leaves out rows whose argument is NULL.
func (a *agg) notNull() {
	a.where = append(a.where, notNull(a.Typed(0), a.Type(0)))
}

// slice applies LIMIT to an array.
func (a *agg) slice(list string) string {
	if a.limit == nil {
		return list
	}
	if l, ok := a.limit.(*ir.Literal); ok && !l.Value.Null && l.Value.Int > 0 {
		return "(" + list + ")[1:" + itoa(int(l.Value.Int)) + "]"
	}
	return a.g.function("limited", list, a.g.Expr(a.limit))
}

func aggregateRules() map[string]aggRule {
	pair := func(name string) aggRule {
		return func(a *agg) string {
			if isDecimal(a.Kind(0)) && isDecimal(a.Kind(1)) {
				return a.decimalPair(name)
			}
			for i := range a.Args {
				if a.Kind(i) != ir.Float64 {
					return a.Refuse("over " + a.Type(i).String())
				}
			}
			if a.distinct {
				return a.Refuse("with DISTINCT")
			}
			return a.fn(name, a.typed(0)...)
		}
	}
	boolean := func(name string) aggRule {
		return func(a *agg) string { a.distinct = false; return a.fn(name, a.Typed(0)) }
	}
	return map[string]aggRule{
		"$count_star": func(a *agg) string { return a.fn("count", "*") },
		"count":       count,
		"countif": func(a *agg) string {
			a.where = append(a.where, operand(a.Args[0], transpile.PrecNot))
			if a.distinct {
				return a.fn("count", a.Typed(0))
			}
			return a.fn("count", "*")
		},
		"approx_count_distinct": func(a *agg) string {
			a.distinct = true
			if a.over != "" {
				return a.distinctOver(count)
			}
			return count(a)
		},
		"sum":              sum,
		"avg":              avg,
		"min":              func(a *agg) string { return extreme(a, "min") },
		"max":              func(a *agg) string { return extreme(a, "max") },
		"any_value":        anyValue,
		"max_by":           func(a *agg) string { return by(a, true) },
		"min_by":           func(a *agg) string { return by(a, false) },
		"logical_and":      boolean("bool_and"),
		"logical_or":       boolean("bool_or"),
		"bit_and":          bitAggregate("bit_and"),
		"bit_or":           bitAggregate("bit_or"),
		"bit_xor":          bitAggregate("bit_xor"),
		"array_agg":        arrayAgg,
		"array_concat_agg": arrayConcatAgg,
		"string_agg":       stringAgg,
		"stddev":           spread("stddev_samp"),
		"stddev_samp":      spread("stddev_samp"),
		"stddev_pop":       spread("stddev_pop"),
		"variance":         spread("var_samp"),
		"var_samp":         spread("var_samp"),
		"var_pop":          spread("var_pop"),
		"covar_pop":        pair("covar_pop"),
		"covar_samp":       pair("covar_samp"),
		// A side that does not vary makes NaN, unless there is but one pair.
		"corr": func(a *agg) string {
			text := pair("corr")(a)
			if isDecimal(a.Kind(0)) {
				return text
			}
			for i := range a.Args {
				if a.Kind(i) != ir.Float64 {
					return text
				}
			}
			both := *a
			for i := range a.Args {
				both.where = append(both.where[:len(both.where):len(both.where)], notNull(a.Typed(i), a.Type(i)))
			}
			same := func(x string) string { return both.fn("min", x) + " = " + both.fn("max", x) }
			return "CASE WHEN " + both.fn("count", "*") + " > 1 THEN CASE WHEN " + same(a.Typed(0)) + " OR " + same(a.Typed(1)) + " THEN 'NaN'::double precision ELSE " + text + " END END"
		},
		"approx_quantiles": approxQuantiles,
		"$top_count":       topValues,
		"$top_sum":         topValues,
		"percentile_cont":  percentileCont,
		"percentile_disc":  percentileDisc,
	}
}

func aggregateRoutines() []routine {
	return []routine{
		// The first and the last value that is not NULL, and the least and the greatest one of a
		// type that min and max do not take. They are aggregates that a window can use, too.
		{name: "keep", params: "a anyelement, b anyelement", result: "anyelement", block: true, strict: true, body: "BEGIN RETURN a; END"},
		{name: "take", params: "a anyelement, b anyelement", result: "anyelement", block: true, strict: true, body: "BEGIN RETURN b; END"},
		{name: "lesser", params: "a anyelement, b anyelement", result: "anyelement", block: true, strict: true, body: "BEGIN RETURN CASE WHEN b < a THEN b ELSE a END; END"},
		{name: "larger", params: "a anyelement, b anyelement", result: "anyelement", block: true, strict: true, body: "BEGIN RETURN CASE WHEN b > a THEN b ELSE a END; END"},
		{name: "first_of", params: "anyelement", result: "anyelement", fold: "_engine.keep"},
		{name: "last_of", params: "anyelement", result: "anyelement", fold: "_engine.take"},
		{name: "least_of", params: "anyelement", result: "anyelement", fold: "_engine.lesser"},
		{name: "greatest_of", params: "anyelement", result: "anyelement", fold: "_engine.larger"},
		{name: "appended", params: "a anyarray, b anyarray", result: "anyarray", block: true, body: "BEGIN RETURN a || b; END"},
		{name: "concat_of", params: "anyarray", result: "anyarray", fold: "_engine.appended"},
		{name: "limited", params: "l anyarray, n bigint", result: "anyarray", block: true, body: "BEGIN IF n < 0 THEN " + raise("'Limit requires non-negative count'") + " END IF; RETURN CASE WHEN n > 0 THEN l[1:least(n, 2147483647)::integer] END; END"},
		// What DISTINCT leaves of the values of a window.
		{name: "distinct_values", params: "l anyarray", result: "anyarray", block: true, body: "BEGIN RETURN ARRAY(SELECT DISTINCT unnest(l)); END"},
		{name: "sum_of", params: "l bigint[]", result: "numeric", body: "(SELECT sum(v) FROM unnest(l) AS t(v))"},
		{name: "sum_of", params: "l numeric[]", result: "numeric", body: "(SELECT sum(v) FROM unnest(l) AS t(v))"},
		{name: "sum_of", params: "l double precision[]", result: "double precision", body: "(SELECT sum(v) FROM unnest(l) AS t(v))"},
		// The elements at the ranks ceil(i * count / n), the first one for i = 0.
		{name: "quantiles", params: "l anyarray, n bigint", result: "anyarray", body: "CASE WHEN cardinality(l) > 0 THEN ARRAY(SELECT l[greatest(1, ceil(i * cardinality(l)::numeric / n)::integer)] FROM generate_series(0, n) AS t(i) ORDER BY i) END"},
		{name: "xor_all", params: "l bigint[]", result: "bigint", block: true, body: "DECLARE r bigint; x bigint; BEGIN IF l IS NULL THEN RETURN NULL; END IF; FOREACH x IN ARRAY l LOOP IF x IS NOT NULL THEN r := coalesce(r, 0) # x; END IF; END LOOP; RETURN r; END"},
		{name: "percentile_cont", params: "l double precision[], p double precision", result: "double precision", block: true, body: `
DECLARE s double precision[]; at double precision; i integer;
BEGIN
  IF l IS NULL THEN RETURN NULL; END IF;
  s := ARRAY(SELECT v FROM unnest(l) AS t(v) ORDER BY v);
  at := p * (cardinality(s) - 1);
  i := floor(at)::integer;
  IF at = i THEN RETURN s[i + 1]; END IF;
  RETURN s[i + 1] * (1 - (at - i)) + s[i + 2] * (at - i);
END`},
		// The first value whose share of those up to it reaches p. Where the product is next
		// to a whole number, which one that is hangs on the way it is computed.
		{name: "percentile_disc", params: "l anyarray, p double precision", result: "anyelement", block: true, body: `
DECLARE at numeric;
BEGIN
  IF l IS NULL THEN RETURN NULL; END IF;
  at := _engine.exact(p) * cardinality(l);
  IF at <> round(at) AND abs(at - round(at)) < 0.000000001 THEN RETURN _engine.refused('PERCENTILE_DISC of a share next to a rank', l[1]); END IF;
  RETURN (ARRAY(SELECT v FROM unnest(l) AS t(v) ORDER BY v))[greatest(1, ceil(at)::integer)];
END`},
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
	a := g.newAgg(&n.Call)
	a.distinct, a.nulls, a.order, a.limit, a.having = n.Distinct, n.Nulls, n.Order, n.Limit, n.Having
	if n.Where != nil {
		a.where = append(a.where, operand(g.Expr(n.Where), transpile.PrecNot))
	}
	return transpile.Mark(g.aggregate(a), n.At())
}

func (g *generator) newAgg(n *ir.Call) *agg {
	a := &agg{Call: &Call{Node: n, Safe: n.Safe, g: g}}
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
	for _, c := range n.Collations {
		if !byCodePoints(c) {
			return g.refuse("collation "+c, "strings compare by code points there", n.At())
		}
	}
	if !builtIn(n.Group) {
		return g.refuse("aggregate "+strings.ToUpper(n.Name), "it is not built in", n.At())
	}
	if n.Safe {
		return g.refuse("SAFE."+display(n.Name), "the errors of an aggregate cannot become NULL there", n.At())
	}
	rule := aggregateRules()[n.Name]
	if rule == nil {
		return g.refuse("aggregate "+display(n.Name), "", n.At())
	}
	if a.having != nil && n.Name != "any_value" {
		return g.refuse(display(n.Name)+" with HAVING MAX or MIN", "", n.At())
	}
	if a.nulls == ir.IgnoreNulls && a.Len() > 0 {
		a.notNull()
	}
	if a.distinct && a.Len() > 0 && a.Type(0).Has(ir.JSON, ir.Geography) {
		return g.refuse(display(n.Name)+" with DISTINCT over "+a.Type(0).String(), "", n.At())
	}
	if a.over != "" && a.distinct {
		return a.distinctOver(rule)
	}
	return rule(a)
}

// distinctOver is an aggregate with DISTINCT over a window, which PostgreSQL lacks: of the
// array of the window's values. GoogleSQL has no order and no frame there, so that the
// window is the partition.
func (a *agg) distinctOver(rule aggRule) string {
	a.distinct = false
	switch a.Node.Name {
	case "min", "max", "any_value", "logical_and", "logical_or", "bit_and", "bit_or":
		return rule(a)
	case "array_agg":
		if a.Kind(0) == ir.Array || len(a.order) > 0 || a.limit != nil {
			return a.Refuse("with DISTINCT over a window")
		}
		return a.g.function("distinct_values", a.fn("array_agg", a.Typed(0)))
	case "count", "approx_count_distinct", "sum", "avg":
	default:
		return a.Refuse("with DISTINCT over a window")
	}
	k := a.Kind(0)
	sums := isInt(k) || k == ir.Float64 || isDecimal(k)
	if counts := a.Node.Name != "sum" && a.Node.Name != "avg"; k == ir.Array || !counts && !sums {
		return a.Refuse("with DISTINCT over a window")
	}
	a.notNull()
	x := a.Typed(0)
	if k == ir.Int32 {
		x = castTo(x, "bigint")
	}
	list := a.g.function("distinct_values", a.fn("array_agg", x))
	n := "cardinality(" + list + ")"
	switch a.Node.Name {
	case "sum", "avg":
		total := a.g.function("sum_of", list)
		switch {
		case a.Node.Name == "avg" && isDecimal(k):
			name := map[ir.Kind]string{ir.Numeric: "numeric_divide", ir.BigNumeric: "bignumeric_divide"}[k]
			return a.g.decimal(a.g.function(name, total, "nullif("+n+", 0)::numeric"), k)
		case a.Node.Name == "avg":
			return castTo(total, "double precision") + " / nullif(" + n + ", 0)"
		case isDecimal(k):
			return a.g.decimal(total, k)
		}
		return castTo(total, a.SQLType(a.Result()))
	}
	return "coalesce(" + n + ", 0)::bigint"
}

// count counts structs that are not NULL as a whole; PostgreSQL's count does so, too.
func count(a *agg) string {
	if a.Type(0).Has(ir.JSON) && a.distinct {
		return a.Refuse("with DISTINCT over JSON")
	}
	return a.fn("count", a.Typed(0))
}

func sum(a *agg) string {
	switch a.Kind(0) {
	case ir.Int64, ir.Int32:
		return castTo(a.fn("sum", a.Typed(0)), a.SQLType(a.Result()))
	case ir.Numeric, ir.BigNumeric:
		return a.g.decimal(a.fn("sum", a.Typed(0)), a.Kind(0))
	case ir.Float64:
		return a.fn("sum", a.Typed(0))
	case ir.Float32:
		return a.fn("sum", castTo(a.Typed(0), "double precision"))
	case ir.Uint32, ir.Uint64:
		return a.g.unsigned(a.fn("sum", castTo(a.Typed(0), "numeric")), ir.Uint64)
	}
	return a.Refuse("over " + a.Type(0).String())
}

func avg(a *agg) string {
	switch a.Kind(0) {
	case ir.Int64, ir.Int32, ir.Uint32, ir.Uint64:
		// avg gives a numeric of few digits; the sum is exact, and the quotient of two doubles
		// is the nearest one.
		return castTo(a.fn("sum", a.Typed(0)), "double precision") + " / nullif(" + a.fn("count", a.Typed(0)) + ", 0)"
	case ir.Float64:
		return a.fn("avg", a.Typed(0))
	case ir.Numeric, ir.BigNumeric:
		name := map[ir.Kind]string{ir.Numeric: "numeric_divide", ir.BigNumeric: "bignumeric_divide"}[a.Kind(0)]
		return a.g.decimal(a.g.function(name, a.fn("sum", a.Typed(0)), "nullif("+a.fn("count", a.Typed(0))+", 0)::numeric"), a.Kind(0))
	}
	return a.Refuse("over " + a.Type(0).String())
}

// extreme is MIN or MAX. NaN among the values makes both NaN; PostgreSQL's NaN is its
// greatest number, so that only MIN needs help.
func extreme(a *agg, name string) string {
	t := a.Type(0)
	a.distinct = false
	x := a.Typed(0)
	switch k := t.Kind; {
	case k == ir.String:
		return plainText(a.fn(name, codePoints(x)))
	case k == ir.Bool:
		return a.fn(map[string]string{"min": "bool_and", "max": "bool_or"}[name], x)
	case k == ir.Bytes, k == ir.Range, k == ir.UUID:
		return a.own(map[string]string{"min": "least_of", "max": "greatest_of"}[name], x)
	case isFloat(k) && name == "min" && !a.g.finite(a.Expr(0), 0):
		return "CASE WHEN " + a.fn("bool_or", a.g.isNaN(x, t)) + " THEN 'NaN'::" + a.SQLType(t) + " ELSE " + a.fn("min", x) + " END"
	case isInt(k), isUnsigned(k), isFloat(k), isDecimal(k), k == ir.Date, k == ir.Datetime, k == ir.Time, k == ir.Timestamp, k == ir.Interval:
		return a.fn(name, x)
	}
	return a.Refuse("over " + t.String())
}

// by is the value in the first row by the keys, of those that fulfil the condition.
func (a *agg) by(value string, keys []string, condition string) string {
	if a.over != "" {
		return a.Refuse("over a window")
	}
	if a.Kind(0) == ir.Array {
		return a.Refuse("arrays of arrays are no lists of them there")
	}
	if condition != "" {
		a.where = append(a.where, condition)
	}
	return "(" + a.call("array_agg", " ORDER BY "+strings.Join(keys, ", "), value) + ")[1]"
}

func anyValue(a *agg) string {
	a.distinct = false
	if h := a.having; h != nil {
		keys := a.g.sortKeys(a.g.Expr(h.Expr), ir.OrderItem{Desc: h.Max, Nulls: ir.NullsLast}, h.Expr)
		return a.by(a.Typed(0), keys, notNull(a.g.Expr(h.Expr), h.Expr.T()))
	}
	if a.nulls == ir.RespectNulls {
		if a.Kind(0) == ir.Array {
			return a.Refuse("arrays of arrays are no lists of them there")
		}
		return "(" + a.call("array_agg", "", a.Typed(0)) + ")[1]"
	}
	return a.own("first_of", a.Typed(0))
}

// own is a call of an aggregate of the run time.
func (a *agg) own(name string, args ...string) string {
	a.g.needs[Schema+"."+name] = true
	return a.fn(Schema+"."+name, args...)
}

// topValues is APPROX_TOP_COUNT or APPROX_TOP_SUM of values and their counts or sums: see
// LowerAggregate.
func topValues(a *agg) string {
	v, ok := a.Value(2)
	if !ok || v.Null || v.Int > 100000 {
		return a.RefuseWhat("APPROX_TOP_COUNT and APPROX_TOP_SUM with this number", "")
	}
	if v.Int < 1 {
		return a.Func("fail", "'The number of values of APPROX_TOP_COUNT and APPROX_TOP_SUM must be positive'", "NULL::"+a.SQLType(a.Result()))
	}
	keys := a.g.sortKeys(a.Typed(1), ir.OrderItem{Desc: true}, a.Expr(1))
	pair := "ROW(" + a.Typed(0) + ", " + a.Typed(1) + ")::" + strings.TrimSuffix(a.SQLType(a.Result()), "[]")
	return "(" + a.call("array_agg", " ORDER BY "+strings.Join(keys, ", "), pair) + ")[1:" + itoa(int(v.Int)) + "]"
}

// by is MAX_BY and MIN_BY: NULL keys do not count, the first of equal keys is taken.
func by(a *agg, largest bool) string {
	t := a.Type(1)
	if isFloat(t.Kind) && !a.g.finite(a.Expr(1), 0) {
		return a.Refuse("by " + t.String())
	}
	keys := a.g.sortKeys(a.Typed(1), ir.OrderItem{Desc: largest, Nulls: ir.NullsLast}, a.Expr(1))
	a.distinct = false
	return a.by(a.Typed(0), keys, notNull(a.Typed(1), t))
}

func bitAggregate(name string) aggRule {
	return func(a *agg) string {
		k := a.Kind(0)
		if !isInt(k) && k != ir.Uint32 || a.Len() > 1 {
			return a.Refuse("over " + a.Type(0).String())
		}
		if name == "bit_xor" {
			// PostgreSQL has it from version 14 on.
			text := a.g.function("xor_all", a.fn("array_agg", castTo(a.Typed(0), "bigint")))
			if k == ir.Int32 {
				return castTo(text, "integer")
			}
			return text
		}
		return a.fn(name, a.Typed(0))
	}
}

func arrayAgg(a *agg) string {
	return a.slice(a.ordered("array_agg", a.Typed(0)))
}

// arrayConcatAgg passes NULL arrays over.
func arrayConcatAgg(a *agg) string {
	if a.limit != nil {
		return a.Refuse("with LIMIT")
	}
	a.g.needs[Schema+".concat_of"] = true
	return a.ordered(Schema+".concat_of", a.Typed(0))
}

func stringAgg(a *agg) string {
	sep := "','::text"
	if a.Len() > 1 {
		sep = a.Typed(1)
		if _, ok := a.Value(1); !ok {
			return a.RefuseWhat("STRING_AGG with a computed separator", "")
		}
	}
	if a.Kind(0) == ir.Bytes && a.Len() < 2 {
		sep = `'\x2c'::bytea`
	}
	if a.limit != nil {
		if a.Kind(0) == ir.Bytes {
			return a.Refuse("over BYTES with LIMIT")
		}
		a.notNull()
		return "array_to_string(" + a.slice(a.ordered("array_agg", a.Typed(0))) + ", " + sep + ")"
	}
	return a.ordered("string_agg", a.Typed(0), sep)
}

// decimalPair is a covariance or correlation of decimals by exact sums.
func (a *agg) decimalPair(name string) string {
	if a.distinct {
		return a.Refuse("with DISTINCT")
	}
	x, y := castTo(a.Typed(0), "numeric"), castTo(a.Typed(1), "numeric")
	a.where = append(a.where, x+" IS NOT NULL", y+" IS NOT NULL")
	n := a.fn("count", "*")
	sum := func(of string) string { return a.fn("sum", of) }
	centered := func(x, y string) string {
		return n + " * " + sum(x+" * "+y) + " - " + sum(x) + " * " + sum(y)
	}
	switch name {
	case "covar_pop":
		return "CASE WHEN " + n + " > 0 THEN " + castTo("("+centered(x, y)+") / ("+n+"::numeric * "+n+")", "double precision") + " END"
	case "covar_samp":
		return "CASE WHEN " + n + " > 1 THEN " + castTo("("+centered(x, y)+") / ("+n+"::numeric * ("+n+" - 1))", "double precision") + " END"
	}
	xx, yy := centered(x, x), centered(y, y)
	return "CASE WHEN " + n + " > 1 THEN CASE WHEN " + xx + " = 0 OR " + yy + " = 0 THEN 'NaN'::double precision ELSE " +
		castTo("("+centered(x, y)+") / sqrt(("+xx+") * ("+yy+"))", "double precision") + " END END"
}

// spread is a standard deviation or variance. PostgreSQL computes that of numeric exactly
// and that of doubles stably; NaN makes NaN.
func spread(name string) aggRule {
	return func(a *agg) string {
		x := a.Typed(0)
		switch k := a.Kind(0); {
		case isInt(k), isDecimal(k):
			return castTo(a.fn(name, castTo(x, "numeric")), "double precision")
		case k == ir.Float64:
			return a.fn(name, x)
		}
		return a.Refuse("over " + a.Type(0).String())
	}
}

// approxQuantiles gives exact quantiles: the boundaries of n even parts.
func approxQuantiles(a *agg) string {
	v, ok := a.Value(1)
	if !ok || v.Null || v.Int > 10000 || a.over != "" || a.Type(0).Kind == ir.Struct {
		return a.Refuse("these arguments")
	}
	if v.Int < 1 {
		return a.Func("fail", "'The second argument of APPROX_QUANTILES must be positive'", "NULL::"+a.SQLType(a.Result()))
	}
	if a.nulls == ir.NullsUnsaid {
		a.notNull()
	}
	keys := a.g.sortKeys(a.Typed(0), ir.OrderItem{}, a.Expr(0))
	if a.distinct {
		return a.Refuse("with DISTINCT")
	}
	return a.g.function("quantiles", a.call("array_agg", " ORDER BY "+strings.Join(keys, ", "), a.Typed(0)), itoa(int(v.Int)))
}

// percentileCont and percentileDisc are window functions over whole partitions, which
// ordered-set aggregates are not there: the values of the partition become an array.
func percentileCont(a *agg) string { return percentile(a, "percentile_cont") }

func percentileDisc(a *agg) string { return percentile(a, "percentile_disc") }

func percentile(a *agg, name string) string {
	v, ok := a.Value(1)
	if !ok || v.Null || a.over == "" || len(a.order) > 0 {
		return a.Refuse("these arguments")
	}
	x := a.Typed(0)
	switch k := a.Kind(0); {
	case isFloat(k) && !a.g.finite(a.Expr(0), 0):
		return a.Refuse("NaN sorts elsewhere there")
	case k == ir.Float64, k == ir.Int64 && name == "percentile_disc":
	case isDecimal(k) && name == "percentile_disc", k == ir.Date && name == "percentile_disc":
	default:
		return a.Refuse("over " + a.Type(0).String())
	}
	if v.Type.Kind != ir.Float64 || v.Float < 0 || v.Float > 1 {
		return a.Refuse("with this percentile")
	}
	if a.nulls != ir.RespectNulls {
		a.notNull()
	} else {
		return a.Refuse("with RESPECT NULLS")
	}
	return a.g.function(name, a.fn("array_agg", x), a.Typed(1))
}

// arrayAggregate aggregates the elements of an array: a subquery over its elements.
func (g *generator) arrayAggregate(n *ir.ArrayAggregate) string {
	list := g.Expr(n.Array)
	if g.holdsGroup(transpile.Plain(list)) {
		return g.refuse("an aggregate over an aggregated array", "", n.At())
	}
	v := g.name("_e")
	g.w.Bind(n.Element.ID, v+".v")
	for _, p := range n.Pre {
		g.w.Bind(p.Column.ID, g.Expr(p.Expr))
	}
	return "(SELECT " + g.Aggregate(n.Agg) + " FROM " + g.elements(list, v, n.Array.T()) + ")"
}

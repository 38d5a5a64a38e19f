package postgres

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// windowFunctions are the functions of windows that are no aggregates. PostgreSQL has
// them under the same names; the value is whether the position of NULLs matters.
func windowFunctions() map[string]bool {
	return map[string]bool{
		"row_number": false, "rank": false, "dense_rank": false, "percent_rank": false, "cume_dist": false, "ntile": false,
		"lag": true, "lead": true, "first_value": true, "last_value": true, "nth_value": true,
	}
}

// Window implements transpile.Dialect.
func (g *generator) Window(n *ir.WindowCall, w ir.WindowGroup, partition, order []string) string {
	var spec []string
	if len(partition) > 0 {
		for _, p := range w.Partition {
			if p.T().Has(ir.JSON) {
				g.refuse("PARTITION BY "+p.T().String(), "", n.At())
			}
		}
		spec = append(spec, "PARTITION BY "+strings.Join(partition, ", "))
	}
	if len(order) > 0 {
		var keys []string
		for i, o := range order {
			item := w.Order[i]
			if distance(n.Frame) {
				k := item.Expr.T().Kind
				if isFloat(k) && !g.finite(item.Expr, 0) {
					if k == ir.Float32 || !near(n.Frame.Start) || !near(n.Frame.End) {
						return g.refuse("RANGE over "+item.Expr.T().String(), "NaN sorts elsewhere there", n.At())
					}
					// No frame that is bound by distances holds NaN and another value.
					apart := "coalesce(" + g.isNaN(o, item.Expr.T()) + ", FALSE)"
					if len(partition) == 0 {
						spec = append(spec, "PARTITION BY "+apart)
					} else {
						spec[0] += ", " + apart
					}
					keys = append(keys, g.rangeKey(o, item))
					continue
				}
				if isInt(k) {
					// The bounds of a frame may lie outside of the type's range.
					o = castTo(o, "numeric")
				}
			}
			keys = append(keys, g.sortKeys(o, item, item.Expr)...)
		}
		spec = append(spec, "ORDER BY "+strings.Join(keys, ", "))
	}
	if n.Frame != nil {
		if f := g.frame(n.Frame, len(order) > 0); f != "" {
			spec = append(spec, f)
		}
	}
	a := g.newAgg(&n.Call)
	a.over = " OVER (" + strings.Join(spec, " ") + ")"
	if nullable, ok := windowFunctions()[n.Name]; ok {
		return transpile.Mark(g.navigation(a, n, nullable), n.At())
	}
	a.distinct, a.nulls, a.order = n.Distinct, n.Nulls, n.Order
	if n.Where != nil {
		a.where = append(a.where, operand(g.Expr(n.Where), transpile.PrecNot))
	}
	return transpile.Mark(g.aggregate(a), n.At())
}

// near reports whether a bound of a RANGE lies at a distance that takes no finite number to
// an infinite one: half the distance of the two greatest doubles is 2^970, about 1e292.
func near(b ir.Bound) bool {
	switch b.Kind {
	case ir.CurrentRow:
		return true
	case ir.OffsetPreceding, ir.OffsetFollowing:
		l, ok := b.Offset.(*ir.Literal)
		return ok && !l.Value.Null && l.T().Kind == ir.Float64 && l.Value.Float < 1e291
	}
	return false
}

// rangeKey is a sort key of one term, which RANGE with a distance wants.
func (g *generator) rangeKey(text string, item ir.OrderItem) string {
	if item.Desc && item.Nulls != ir.NullsFirst || item.Nulls == ir.NullsLast {
		return text + map[bool]string{true: " DESC", false: ""}[item.Desc] + " NULLS LAST"
	}
	return text + map[bool]string{true: " DESC", false: ""}[item.Desc] + " NULLS FIRST"
}

// distance reports whether a frame is a RANGE with an offset.
func distance(f *ir.Frame) bool {
	return f != nil && f.Unit == ir.RangeUnit && (f.Start.Offset != nil || f.End.Offset != nil)
}

func (g *generator) navigation(a *agg, n *ir.WindowCall, nullable bool) string {
	switch {
	case n.Safe:
		return g.refuse("SAFE."+display(n.Name), "the errors of a window function cannot become NULL there", n.At())
	case n.Where != nil:
		return g.refuse(display(n.Name)+" with WHERE", "", n.At())
	case nullable && n.Nulls == ir.IgnoreNulls:
		return g.ignoringNulls(a, n)
	}
	args := a.typed(0)
	for i := range args {
		bound := int64(1)
		switch {
		case (n.Name == "lag" || n.Name == "lead") && i == 2 && !unvarying(a.Expr(i)):
			return g.refuse(display(n.Name)+" with a default that is not constant", "", n.At())
		case n.Name == "ntile", n.Name == "nth_value" && i == 1:
		case (n.Name == "lag" || n.Name == "lead") && i == 1:
			bound = 0
		default:
			continue
		}
		v, ok := a.integer(i)
		if !ok || v < bound || v > 1<<31-1 {
			return g.refuse(display(n.Name)+" with this count", "it is no constant in range", n.At())
		}
		args[i] = itoa(int(v))
	}
	text := n.Name + "(" + strings.Join(args, ", ") + ")" + a.over
	switch n.Name {
	case "ntile":
		text += "::bigint"
	}
	g.grouped = append(g.grouped, transpile.Plain(text))
	return text
}

// ignoringNulls is a function of a frame that passes NULLs over: an aggregate, as those of
// windows do not have it.
func (g *generator) ignoringNulls(a *agg, n *ir.WindowCall) string {
	switch n.Name {
	case "first_value":
		return a.own("first_of", a.Typed(0))
	case "last_value":
		return a.own("last_of", a.Typed(0))
	case "nth_value":
		if v, ok := a.integer(1); ok && v >= 1 && v < 1<<31 && a.Kind(0) != ir.Array {
			a.notNull()
			return "(" + a.fn("array_agg", a.Typed(0)) + ")[" + itoa(int(v)) + "]"
		}
	}
	return g.refuse(display(n.Name)+" with IGNORE NULLS", "", n.At())
}

// unvarying reports whether an expression is made of literals and parameters.
func unvarying(e ir.Expr) bool {
	ok := true
	ir.Inspect(e, func(n ir.Node) bool {
		switch n.(type) {
		case *ir.ColumnRef, *ir.Subquery:
			ok = false
		}
		return ok
	})
	return ok
}

// frame writes a window frame, "" if it is PostgreSQL's default.
func (g *generator) frame(f *ir.Frame, ordered bool) string {
	if f.Start.Kind == ir.UnboundedPreceding {
		if f.End.Kind == ir.UnboundedFollowing && !ordered || f.End.Kind == ir.CurrentRow && ordered && f.Unit == ir.RangeUnit {
			return ""
		}
	}
	unit := "ROWS"
	if f.Unit == ir.RangeUnit {
		unit = "RANGE"
	}
	return unit + " BETWEEN " + g.bound(f.Start, f.Unit) + " AND " + g.bound(f.End, f.Unit)
}

func (g *generator) bound(b ir.Bound, unit ir.FrameUnit) string {
	switch b.Kind {
	case ir.UnboundedPreceding:
		return "UNBOUNDED PRECEDING"
	case ir.OffsetPreceding:
		return g.frameOffset(b.Offset, unit) + " PRECEDING"
	case ir.OffsetFollowing:
		return g.frameOffset(b.Offset, unit) + " FOLLOWING"
	case ir.UnboundedFollowing:
		return "UNBOUNDED FOLLOWING"
	}
	return "CURRENT ROW"
}

// frameOffset is an offset; PostgreSQL fails for a negative one or NULL, as GoogleSQL does.
func (g *generator) frameOffset(e ir.Expr, unit ir.FrameUnit) string {
	text := g.Expr(e)
	if unit == ir.RangeUnit && isInt(e.T().Kind) {
		return castTo(text, "numeric")
	}
	return operand(text, transpile.PrecAdd)
}

package duckdb

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// windowFunctions are the functions of windows that are no aggregates. DuckDB has them
// under the same names; the value is whether NULLs may be ignored.
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
		for i, p := range w.Partition {
			// Equal JSON values may differ in text: 1 and 1.0.
			if p.T().Kind == ir.JSON && i < len(partition) {
				partition[i] = g.function("json_key", partition[i])
			}
		}
		spec = append(spec, "PARTITION BY "+strings.Join(partition, ", "))
	}
	if len(order) > 0 {
		var keys []string
		for i, o := range order {
			item := w.Order[i]
			if distance(n.Frame) && item.Expr.T().Kind == ir.BigNumeric {
				return g.refuse("RANGE with an offset over BIGNUMERIC", "its order there is not one of numbers", n.At())
			}
			if distance(n.Frame) && isFloat(item.Expr.T().Kind) && !g.finite(item.Expr, 0) {
				keys = append(keys, g.mirrored(o, item, n.Frame))
				continue
			}
			if distance(n.Frame) && isInt(item.Expr.T().Kind) {
				// The bounds of a frame may lie outside of the type's range.
				o = "CAST(" + o + " AS HUGEINT)"
			}
			keys = append(keys, g.sortKeys(o, item, item.Expr)...)
		}
		spec = append(spec, "ORDER BY "+strings.Join(keys, ", "))
	}
	if n.Frame != nil {
		vast := ""
		if distance(n.Frame) && len(w.Order) == 1 && isFloat(w.Order[0].Expr.T().Kind) && !g.finite(w.Order[0].Expr, 0) {
			vast = g.vast(n.Frame)
		}
		if f := g.frame(n.Frame, len(order) > 0, vast); f != "" {
			spec = append(spec, f)
		}
	}
	over := " OVER (" + strings.Join(spec, " ") + ")"
	a := g.newAgg(&n.Call, n)
	a.over = over
	if nullable, ok := windowFunctions()[n.Name]; ok {
		return transpile.Mark(g.navigation(a, n, nullable), n.At())
	}
	a.distinct, a.nulls, a.order = n.Distinct, n.Nulls, n.Order
	if n.Where != nil {
		a.where = append(a.where, operand(g.Expr(n.Where), transpile.PrecNot))
	}
	return transpile.Mark(g.aggregate(a), n.At())
}

// mirrored is the key of a frame by distance over FLOAT64. Such a frame allows one key
// only, so NaN cannot be moved to the front by another: of the negated values in the
// opposite order NaN, which is DuckDB's greatest number, is where GoogleSQL has it, the
// distances are the same, and the frames of NaN and the infinities are their peers.
func (g *generator) mirrored(text string, item ir.OrderItem, f *ir.Frame) string {
	suffix, nulls := " DESC", " NULLS FIRST"
	if item.Desc {
		suffix, nulls = "", " NULLS LAST"
	}
	switch item.Nulls {
	case ir.NullsFirst:
		nulls = " NULLS FIRST"
	case ir.NullsLast:
		nulls = " NULLS LAST"
	}
	if vast := g.vast(f); vast != "" {
		down, up := "FALSE", "FALSE" // whether the frame reaches infinitely far
		for _, b := range []ir.Bound{f.Start, f.End} {
			if b.Offset == nil {
				continue
			}
			far := operand(g.Expr(b.Offset), transpile.PrecAdd) + " = 'inf'::DOUBLE"
			if (b.Kind == ir.OffsetPreceding) != item.Desc {
				down += " OR " + far
			} else {
				up += " OR " + far
			}
		}
		text = g.macro("frame_key", text, vast, down, up)
	}
	return "-" + operand(text, transpile.PrecAtom) + suffix + nulls
}

// vast is the condition under which a distance of a frame over FLOAT64 may carry a
// finite key to infinity, "" if none does.
func (g *generator) vast(f *ir.Frame) string {
	var tests []string
	for _, b := range []ir.Bound{f.Start, f.End} {
		if b.Offset == nil {
			continue
		}
		if l, ok := b.Offset.(*ir.Literal); ok && !l.Value.Null && isFloat(l.T().Kind) && l.Value.Float >= 0 && l.Value.Float < 1e290 {
			continue
		}
		if c, ok := b.Offset.(*ir.Cast); ok && isInt(c.Arg.T().Kind) {
			continue
		}
		tests = append(tests, operand(g.Expr(b.Offset), transpile.PrecAdd)+" > 1e290")
	}
	return strings.Join(tests, " OR ")
}

// distance reports whether a frame is a RANGE with an offset.
func distance(f *ir.Frame) bool {
	return f != nil && f.Unit == ir.RangeUnit && (f.Start.Offset != nil || f.End.Offset != nil)
}

// checked is an argument that must not be NULL or below a bound.
func (g *generator) checked(e ir.Expr, text, bound, message string) string {
	if l, ok := e.(*ir.Literal); ok && !l.Value.Null && (l.Value.Int >= 1 || bound == "0" && l.Value.Int == 0) {
		return g.bare(e)
	}
	return g.macro("at_least", text, bound, quote(message))
}

func windowMacros() []macro {
	return []macro{
		// A key and a distance that add up to no finite number are made smaller alike.
		{"frame_key", "x, vast, down, up", `CASE WHEN vast THEN CASE WHEN down AND x = 'inf'::DOUBLE OR up AND x = '-inf'::DOUBLE THEN ` + fail("DOUBLE", "'an infinite distance from an infinite value in RANGE is not available on duckdb'") + ` ELSE x * 0.5 END ELSE x END`},
		{"frame_offset", "x, vast", `CASE WHEN x >= 0 AND NOT isnan(x) THEN CASE WHEN vast THEN x * 0.5 ELSE x END ELSE ` + fail("DOUBLE", "'Window frame offset for PRECEDING or FOLLOWING must be non-negative, but was ' || coalesce(CAST(x AS VARCHAR), 'NULL')") + ` END`},
		{"at_least", "n, bound, message", `CASE WHEN n >= bound THEN n ELSE ` + fail("BIGINT", "message || coalesce(CAST(n AS VARCHAR), 'NULL')") + ` END`},
	}
}

func (g *generator) navigation(a *agg, n *ir.WindowCall, nullable bool) string {
	if n.Where != nil {
		return g.refuse(strings.ToUpper(n.Name)+" with WHERE", "", n.At())
	}
	args := make([]string, a.Len())
	// The arguments checked are constants; SAFE is for what rows hold, and turns no error of
	// theirs into NULL.
	least := func(i int, bound, message string) string {
		return g.checked(a.Expr(i), a.Typed(i), bound, message)
	}
	for i := range args {
		args[i] = a.Typed(i)
		switch {
		case n.Name == "ntile":
			args[i] = least(i, "1", "The N value (number of buckets) for the NTILE function must be positive, but was ")
		case n.Name == "nth_value" && i == 1:
			args[i] = least(i, "1", "The N value for the NthValue function must be positive, but was ")
		case (n.Name == "lag" || n.Name == "lead") && i == 1:
			args[i] = least(i, "0", "The offset to the function "+strings.ToUpper(n.Name)+" must not be negative or NULL, but was ")
		case (n.Name == "lag" || n.Name == "lead") && i == 2 && !unvarying(a.Expr(i)):
			return g.refuse(strings.ToUpper(n.Name)+" with a default that is not constant", "GoogleSQL takes constants only", n.At())
		}
	}
	text := n.Name + "(" + strings.Join(args, ", ")
	if nullable && n.Nulls == ir.IgnoreNulls {
		text += " IGNORE NULLS"
	}
	return text + ")" + a.over
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

// frame writes a window frame, "" if it is DuckDB's default.
func (g *generator) frame(f *ir.Frame, ordered bool, vast string) string {
	if f.Start.Kind == ir.UnboundedPreceding {
		if f.End.Kind == ir.UnboundedFollowing && !ordered || f.End.Kind == ir.CurrentRow && ordered && f.Unit == ir.RangeUnit {
			return ""
		}
	}
	unit := "ROWS"
	if f.Unit == ir.RangeUnit {
		unit = "RANGE"
	}
	return unit + " BETWEEN " + g.bound(f.Start, f.Unit, vast) + " AND " + g.bound(f.End, f.Unit, vast)
}

func (g *generator) bound(b ir.Bound, unit ir.FrameUnit, vast string) string {
	switch b.Kind {
	case ir.UnboundedPreceding:
		return "UNBOUNDED PRECEDING"
	case ir.OffsetPreceding:
		return g.frameOffset(b.Offset, unit, vast) + " PRECEDING"
	case ir.OffsetFollowing:
		return g.frameOffset(b.Offset, unit, vast) + " FOLLOWING"
	case ir.UnboundedFollowing:
		return "UNBOUNDED FOLLOWING"
	}
	return "CURRENT ROW"
}

func (g *generator) frameOffset(e ir.Expr, unit ir.FrameUnit, vast string) string {
	if vast != "" {
		return g.macro("frame_offset", g.Expr(e), vast)
	}
	if !isInt(e.T().Kind) {
		return operand(g.bare(e), transpile.PrecAdd)
	}
	text := g.checked(e, g.Expr(e), "0", "Window frame offset for PRECEDING or FOLLOWING must be non-negative, but was ")
	if unit == ir.RangeUnit {
		text = "CAST(" + text + " AS HUGEINT)"
	}
	return text
}

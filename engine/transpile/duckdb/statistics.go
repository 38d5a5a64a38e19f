package duckdb

import (
	"math"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// Statistics over FLOAT64. DuckDB takes an infinite intermediate result for an error, where
// GoogleSQL computes on: NaN of values that are not finite, and the right deviation of values
// whose squares overflow.

// scaleBits is the power of two by which large values are scaled down before they are squared.
const scaleBits = 550

// largeValue is where squares begin to be too large to add.
const largeValue = "1e150"

// floatSpread writes a variance or deviation; false leaves it to the plain rule.
func (a *agg) floatSpread(name string) (string, bool) {
	if !isFloat(a.Kind(0)) || a.Len() != 1 || a.distinct || a.g.finite(a.Expr(0), 0) {
		return "", false
	}
	x := a.Typed(0)
	if a.Kind(0) != ir.Float64 {
		x = Cast(x, "DOUBLE")
	}
	most := a.fn("max", "abs("+x+")") // NaN is greatest there
	finite, small := *a, *a
	finite.where = append(slices.Clone(a.where), "isfinite("+x+")")
	small.where = append(slices.Clone(a.where), "abs("+x+") < "+largeValue)
	up := float(math.Ldexp(1, scaleBits), 64, "DOUBLE")
	scaled := finite.fn(name, operand(x, transpile.PrecMultiply)+" * "+float(math.Ldexp(1, -scaleBits), 64, "DOUBLE")) + " * " + up
	if strings.HasPrefix(name, "var") {
		scaled += " * " + up
	}
	parts := []string{most, scaled, small.fn(name, x)}
	if strings.HasSuffix(name, "_samp") {
		parts = append(parts, Cast(a.fn("count", x), "DOUBLE"))
	}
	choose := func(part func(i int) string) string {
		nan := "'nan'::DOUBLE"
		if len(parts) > 3 {
			nan = "CASE WHEN " + part(3) + " > 1 THEN " + nan + " END"
		}
		return "CASE WHEN NOT isfinite(" + part(0) + ") THEN " + nan + " WHEN " + part(0) + " >= " + largeValue + " THEN " + part(1) + " ELSE " + part(2) + " END"
	}
	if a.over == "" {
		return choose(func(i int) string { return parts[i] }), true
	}
	// What is written twice over a window is computed twice.
	return a.letText("["+strings.Join(parts, ", ")+"]", func(v string) string {
		return choose(func(i int) string { return v + "[" + itoa(i+1) + "]" })
	}), true
}

// safeFloatSum is SAFE.SUM: NULL where the sum of finite values is none. tiny is the sum
// scaled down, as for SUM.
func (a *agg) safeFloatSum() string {
	x := a.Typed(0)
	if a.Kind(0) != ir.Float64 {
		x = Cast(x, "DOUBLE")
	}
	return a.g.macro("safe_finite_sum", a.fn("sum", x), a.fn("sum", tiny(x)))
}

// floatRelation writes a covariance or correlation; false leaves it to the plain rule.
func (a *agg) floatRelation(name string) (string, bool) {
	if a.Len() != 2 || a.distinct || a.g.finite(a.Expr(0), 0) && a.g.finite(a.Expr(1), 0) {
		return "", false
	}
	args := make([]string, 2)
	all, finite := *a, *a
	all.where, finite.where = slices.Clone(a.where), slices.Clone(a.where)
	for i := range args {
		args[i] = a.Typed(i)
		if a.Kind(i) != ir.Float64 {
			args[i] = Cast(args[i], "DOUBLE")
		}
		all.where = append(all.where, operand(args[i], transpile.PrecAdd)+" IS NOT NULL")
		finite.where = append(finite.where, "isfinite("+args[i]+")")
	}
	text := "CASE WHEN " + all.fn("bool_or", "NOT isfinite("+args[0]+") OR NOT isfinite("+args[1]+")") + " THEN 'nan'::DOUBLE ELSE " + finite.fn(name, args...) + " END"
	if !strings.HasSuffix(name, "_pop") {
		text = "CASE WHEN " + a.fn("regr_count", args...) + " > 1 THEN " + text + " END"
	}
	return text, true
}

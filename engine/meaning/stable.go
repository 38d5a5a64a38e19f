package meaning

import (
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// volatile are the functions whose value changes from call to call although the data
// stay the same.
var volatile = map[string]bool{
	"current_date": true, "current_datetime": true, "current_time": true, "current_timestamp": true,
	"generate_uuid": true, "new_uuid": true, "rand": true, "session_user": true,
	"keys.new_keyset": true, "keys.rotate_keyset": true, "keys.add_key_from_raw_bytes": true,
	"aead.encrypt": true, "kms.encrypt": true,
}

// settled are the aggregates whose value does not depend on the order in which they see
// the rows. Of functions that are not listed nothing is known.
var settled = map[string]bool{
	"count": true, "$count_star": true, "countif": true, "logical_and": true, "logical_or": true,
	"bit_and": true, "bit_or": true, "bit_xor": true, "min": true, "max": true, "sum": true, "avg": true,
	"percentile_cont": true, "percentile_disc": true, "grouping": true,
	// These are settled by the order they are given.
	"array_agg": true, "string_agg": true, "array_concat_agg": true,
}

// lists are the aggregates that keep the order in which they see the rows.
var lists = map[string]bool{"array_agg": true, "string_agg": true, "array_concat_agg": true}

// ranks are the window functions that give rows which tie the same value.
var ranks = map[string]bool{"rank": true, "dense_rank": true, "percent_rank": true, "cume_dist": true}

// picks are the window functions that tell apart rows which tie.
var picks = map[string]bool{"row_number": true, "ntile": true, "lag": true, "lead": true, "first_value": true, "last_value": true, "nth_value": true}

// rounded reports whether an aggregate adds floating point numbers, where the order shows
// in the last digits.
func rounded(c *ir.Call) bool {
	return (c.Name == "sum" || c.Name == "avg") && len(c.Args) > 0 && c.Args[0].Expr != nil && c.Args[0].Expr.T().Has(ir.Float64, ir.Float32)
}

func collated(c *ir.Call) bool {
	some := func(s string) bool { return s != "" }
	return slices.ContainsFunc(c.Collations, some) ||
		slices.ContainsFunc(c.Args, func(a ir.Arg) bool { o, ok := a.Expr.(*ir.ColumnRef); return ok && o.Collation != "" }) || c.Collation != ""
}

// unsettled says why an aggregate may have another value for the same rows in another
// order; "" if it may not, but for that of lists.
func unsettled(c *ir.Call) string {
	name := strings.ToUpper(c.Name)
	switch {
	case !builtin(c) || !settled[c.Name]:
		return name
	case rounded(c):
		return name + " of FLOAT64"
	case (c.Name == "min" || c.Name == "max") && collated(c):
		return name + " under a collation"
	}
	return ""
}

// stableAggregate notes where an aggregate may differ between two runs over the same rows.
func (t *tracer) stableAggregate(e *ir.AggregateCall, c *cone) {
	if why := unsettled(&e.Call); why != "" {
		if one := e.Name == "any_value" || e.Name == "max_by" || e.Name == "min_by"; one && builtin(&e.Call) && t.single(e) {
			return
		}
		t.note(c, false, why)
		return
	}
	if !lists[e.Name] {
		if e.Limit != nil {
			t.note(c, false, strings.ToUpper(e.Name)+" of some rows")
		}
		return
	}
	name := strings.ToUpper(e.Name)
	if len(e.Order) == 0 {
		if !t.single(e) {
			t.note(c, false, name+" without ORDER BY")
		}
		return
	}
	o := t.ordering(e.Order)
	// Rows that tie give the same element.
	var unread cone
	if len(e.Args) > 0 && e.Args[0].Expr != nil && slices.Contains(o.sums, t.expr(e.Args[0].Expr, &unread)) {
		return
	}
	if !t.alone(o.by) {
		t.note(c, false, name+" in an order with ties")
	}
}

// single reports whether every group has at most one row.
func (t *tracer) single(e *ir.AggregateCall) bool {
	return t.alone(nil) && len(e.GroupBy) == 0
}

// alone reports whether no two rows of a group agree in all of the columns.
func (t *tracer) alone(by []ir.ColumnID) bool {
	return t.group != nil && t.totals.Unique(t.group.input, append(slices.Clone(t.group.by), by...))
}

// window is what window functions are computed over: its rows, and the columns by which
// it is parted and sorted.
type window struct {
	input ir.Scan
	by    []ir.ColumnID
	order *order
}

// stableWindow notes where a window function may differ between two runs over the same rows.
func (t *tracer) stableWindow(e *ir.WindowCall, w *window, c *cone) {
	name := strings.ToUpper(e.Name)
	ties := func() {
		if t.totals.Unique(w.input, w.by) {
			return
		}
		if len(w.order.sums) == 0 && len(e.Order) == 0 {
			t.note(c, false, name+" without ORDER BY")
			return
		}
		t.note(c, false, name+" in an order with ties")
	}
	var unread cone
	switch {
	case builtin(&e.Call) && ranks[e.Name]:
	case builtin(&e.Call) && picks[e.Name]:
		if strings.HasSuffix(e.Name, "_value") && len(e.Args) > 0 && e.Args[0].Expr != nil && slices.Contains(w.order.sums, t.expr(e.Args[0].Expr, &unread)) {
			return // rows that tie have the same value
		}
		ties()
	case unsettled(&e.Call) != "":
		t.note(c, false, unsettled(&e.Call))
	case lists[e.Name]:
		ties()
	case e.Frame == nil || e.Frame.Unit == ir.RangeUnit:
	case e.Frame.Start.Kind == ir.UnboundedPreceding && e.Frame.End.Kind == ir.UnboundedFollowing:
	default:
		ties() // the frame ends between rows that tie
	}
}

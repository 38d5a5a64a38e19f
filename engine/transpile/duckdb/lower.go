package duckdb

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// Aggregates that DuckDB lacks become window functions in a derived table below a plain
// aggregate: the rows of HAVING MAX and MIN are those of the first rank; the values of
// APPROX_TOP_SUM are summed in a partition of their own; the percentiles of a window are the
// values at certain row numbers.

var (
	boolType  = &ir.Type{Kind: ir.Bool}
	int64Type = &ir.Type{Kind: ir.Int64}
)

// lowering gathers the columns and windows to put below a scan.
type lowering struct {
	g       *generator
	input   ir.Scan
	columns []ir.Computed
	groups  []ir.WindowGroup
}

// column makes an expression a column, if it is none, and gives it.
func (l *lowering) column(e ir.Expr, name string) ir.Column {
	if r, ok := e.(*ir.ColumnRef); ok && !r.Correlated {
		return r.Column
	}
	c := l.g.w.NewColumn(name, e.T())
	l.columns = append(l.columns, ir.Computed{Column: c, Expr: e})
	return c
}

func (l *lowering) refs(cols []ir.Column) []*ir.ColumnRef {
	list := make([]*ir.ColumnRef, len(cols))
	for i, c := range cols {
		list[i] = l.g.w.NewRef(c)
	}
	return list
}

// window adds a call over a partition and gives its column.
func (l *lowering) window(name string, t *ir.Type, partition []ir.Column, order []ir.OrderItem, args ...ir.Expr) ir.Column {
	c := l.g.w.NewColumn(name, t)
	call := &ir.WindowCall{Call: *builtin(name, t, args...)}
	l.groups = append(l.groups, ir.WindowGroup{Partition: l.refs(partition), Order: order, Calls: []ir.Computed{{Column: c, Expr: call}}})
	return c
}

// scan is the input with the columns and windows.
func (l *lowering) scan() ir.Scan {
	s := l.input
	out := append([]ir.Column(nil), s.Out()...)
	if len(l.columns) > 0 {
		for _, c := range l.columns {
			out = append(out, c.Column)
		}
		s = &ir.Project{Base: ir.Base{Columns: out}, Input: s, Exprs: l.columns}
	}
	if len(l.groups) > 0 {
		out = append([]ir.Column(nil), out...)
		for _, g := range l.groups {
			for _, c := range g.Calls {
				out = append(out, c.Column)
			}
		}
		s = &ir.Analytic{Base: ir.Base{Columns: out}, Input: s, Groups: l.groups}
	}
	return s
}

func builtin(name string, t *ir.Type, args ...ir.Expr) *ir.Call {
	c := &ir.Call{Of: ir.Of{Type: t}, Name: name, Group: "GoogleSQL"}
	for _, a := range args {
		c.Args = append(c.Args, ir.Arg{Expr: a})
	}
	return c
}

// first is the condition that a number is 1.
func (l *lowering) first(c ir.Column) ir.Expr {
	one := &ir.Literal{Of: ir.Of{Type: int64Type}, Value: ir.Value{Type: int64Type, Int: 1}}
	return builtin("$equal", boolType, l.g.w.NewRef(c), one)
}

// LowerAggregate implements transpile.Lowerer.
func (g *generator) LowerAggregate(n *ir.Aggregate) *ir.Aggregate {
	n = g.shareSums(n)
	needed := false
	for _, c := range n.Aggs {
		needed = needed || g.lowers(c.Expr)
	}
	if !needed || n.Sets != nil {
		return n
	}
	l := &lowering{g: g, input: n.Input}
	next := *n
	next.Keys, next.Aggs = nil, nil
	var keys []ir.Column
	for _, k := range n.Keys {
		c := l.column(k.Expr, k.Column.Name)
		keys = append(keys, c)
		if _, ok := k.Expr.(*ir.ColumnRef); !ok {
			k.Expr = g.w.NewRef(c)
		}
		next.Keys = append(next.Keys, k)
	}
	for _, c := range n.Aggs {
		if g.lowers(c.Expr) {
			c.Expr = l.aggregate(*c.Expr.(*ir.AggregateCall), keys)
		}
		next.Aggs = append(next.Aggs, c)
	}
	next.Input = l.scan()
	return &next
}

// shareSums makes an AVG over a FLOAT64 column beside a SUM over it read the sums of that
// one: DuckDB computes equal aggregates once.
func (g *generator) shareSums(n *ir.Aggregate) *ir.Aggregate {
	summed := map[ir.ColumnID]bool{}
	for _, c := range n.Aggs {
		if id, ok := g.plainFloat(c.Expr, "sum"); ok {
			summed[id] = true
		}
	}
	if len(summed) == 0 {
		return n
	}
	next := *n
	next.Aggs = nil
	for _, c := range n.Aggs {
		if id, ok := g.plainFloat(c.Expr, "avg"); ok && summed[id] {
			mean := *c.Expr.(*ir.AggregateCall)
			mean.Name = "$shared_mean"
			c.Expr = &mean
		}
		next.Aggs = append(next.Aggs, c)
	}
	return &next
}

// plainFloat gives the column a call aggregates if it is the function of that name over one
// of FLOAT64 which may not be finite, without modifiers.
func (g *generator) plainFloat(e ir.Expr, name string) (ir.ColumnID, bool) {
	a, ok := e.(*ir.AggregateCall)
	if !ok || a.Name != name || !builtIn(a.Group) || a.Safe || len(a.Args) != 1 || a.Distinct || len(a.Order) > 0 || a.Limit != nil ||
		a.Having != nil || a.Where != nil || a.Filter != nil || a.Nulls != ir.NullsUnsaid || a.GroupBy != nil || a.Nested != nil || a.GroupByRows != nil {
		return 0, false
	}
	r, ok := a.Args[0].Expr.(*ir.ColumnRef)
	if !ok || r.T().Kind != ir.Float64 || g.finite(r, 0) {
		return 0, false
	}
	return r.Column.ID, true
}

// lowers reports whether an aggregate is written over a window.
func (g *generator) lowers(e ir.Expr) bool {
	a, ok := e.(*ir.AggregateCall)
	if !ok || !builtIn(a.Group) || a.GroupBy != nil || a.Nested != nil || a.GroupByRows != nil || a.Filter != nil {
		return false
	}
	for _, c := range a.Collations {
		if c != "" {
			return false
		}
	}
	if h := a.Having; h != nil {
		return !h.Expr.T().Has(ir.Geography, ir.JSON) && !collated(collationOf(h.Expr))
	}
	if a.Distinct || len(a.Order) > 0 || a.Limit != nil || a.Nulls != ir.NullsUnsaid {
		return false
	}
	switch a.Name {
	case "approx_top_sum":
		return len(a.Args) == 3 && !collated(collationOf(a.Args[0].Expr)) && !a.Args[0].Expr.T().Has(ir.JSON, ir.Geography) && !a.Args[1].Expr.T().Has(ir.BigNumeric)
	case "approx_top_count":
		// DuckDB's histogram tells equal values of these types apart.
		return len(a.Args) == 2 && a.Args[0].Expr.T().Has(ir.Interval, ir.Float64, ir.Float32)
	}
	return false
}

// collationOf is the collation of an expression that may be a sort key.
func collationOf(e ir.Expr) string {
	switch n := e.(type) {
	case *ir.ColumnRef:
		return n.Collation
	case *ir.Call:
		return n.Collation
	case *ir.Cast:
		return n.Collation
	case *ir.GetField:
		return n.Collation
	case *ir.Subquery:
		return n.Of.Collation
	case *ir.WithExpr:
		return n.Collation
	}
	return ""
}

func (l *lowering) aggregate(a ir.AggregateCall, keys []ir.Column) ir.Expr {
	partition := keys
	if a.Where != nil {
		c := l.column(a.Where, "where")
		partition = append(append([]ir.Column(nil), keys...), c)
		a.Where = l.g.w.NewRef(c)
	}
	if h := a.Having; h != nil {
		// NaN among the values makes the extreme NaN, which equals nothing, as NULL does.
		key := l.column(h.Expr, "having")
		name := "min"
		if h.Max {
			name = "max"
		}
		extreme := l.window(name, h.Expr.T(), partition, nil, l.g.w.NewRef(key))
		equal := builtin("$equal", boolType, l.g.w.NewRef(key), l.g.w.NewRef(extreme))
		a.Having = nil
		partition = append(append([]ir.Column(nil), partition...), key)
		if old := a.Where; old != nil {
			a.Where = builtin("$and", boolType, old, equal)
		} else {
			a.Where = equal
		}
	}
	if a.Name != "approx_top_sum" && a.Name != "approx_top_count" {
		return &a
	}
	value := a.Args[0].Expr
	x := l.column(value, "value")
	partition = append(append([]ir.Column(nil), partition...), x)
	var sum ir.Column
	if a.Name == "approx_top_sum" {
		weight := a.Args[1].Expr
		sum = l.window("sum", sumType(weight.T()), partition, nil, builtin("$top_weight", weight.T(), weight))
	} else {
		sum = l.window("$count_star", int64Type, partition, nil)
	}
	l.groups[len(l.groups)-1].Calls = append(l.groups[len(l.groups)-1].Calls, ir.Computed{})
	calls := l.groups[len(l.groups)-1].Calls
	row := l.g.w.NewColumn("row_number", int64Type)
	calls[len(calls)-1] = ir.Computed{Column: row, Expr: &ir.WindowCall{Call: *builtin("row_number", int64Type)}}
	if old := a.Where; old != nil {
		a.Where = builtin("$and", boolType, old, l.first(row))
	} else {
		a.Where = l.first(row)
	}
	if _, ok := value.(*ir.ColumnRef); !ok {
		value = l.g.w.NewRef(x)
	}
	a.Args = []ir.Arg{{Expr: value}, {Expr: l.g.w.NewRef(sum)}, a.Args[len(a.Args)-1]}
	a.Name = "$" + strings.TrimPrefix(a.Name, "approx_")
	return &a
}

// sumType is the type of SUM over a type.
func sumType(t *ir.Type) *ir.Type {
	switch t.Kind {
	case ir.Int32:
		return int64Type
	case ir.Uint32:
		return &ir.Type{Kind: ir.Uint64}
	case ir.Float32:
		return &ir.Type{Kind: ir.Float64}
	}
	return t
}

// LowerAnalytic implements transpile.Lowerer.
func (g *generator) LowerAnalytic(n *ir.Analytic) *ir.Analytic {
	needed := false
	for _, group := range n.Groups {
		for _, c := range group.Calls {
			needed = needed || g.lowersWindow(c.Expr)
		}
	}
	if !needed {
		return n
	}
	l := &lowering{g: g, input: n.Input}
	next := *n
	next.Groups = nil
	for _, group := range n.Groups {
		calls := group.Calls
		group.Calls = nil
		for _, c := range calls {
			if g.lowersWindow(c.Expr) {
				c.Expr = l.percentile(*c.Expr.(*ir.WindowCall), group)
			}
			group.Calls = append(group.Calls, c)
		}
		next.Groups = append(next.Groups, group)
	}
	next.Input = l.scan()
	return &next
}

// lowersWindow reports whether a call is a percentile that DuckDB's own does not give.
func (g *generator) lowersWindow(e ir.Expr) bool {
	w, ok := e.(*ir.WindowCall)
	if !ok || w.Name != "percentile_cont" && w.Name != "percentile_disc" || w.Where != nil || w.Distinct || len(w.Args) != 2 || !builtIn(w.Group) {
		return false
	}
	for _, c := range w.Collations {
		if c != "" {
			return false
		}
	}
	x, p := w.Args[0].Expr, w.Args[1].Expr
	t := x.T()
	if collated(collationOf(x)) || t.Has(ir.JSON, ir.BigNumeric, ir.Geography) || p.T().Kind == ir.BigNumeric && w.Name == "percentile_cont" {
		return false
	}
	l, constant := p.(*ir.Literal)
	return !constant || l.Value.Null || p.T().Kind == ir.BigNumeric || w.Nulls == ir.RespectNulls || t.Kind == ir.Range ||
		t.Kind == ir.Numeric && w.Name == "percentile_cont" || isFloat(t.Kind) && !g.finite(x, 0)
}

// percentile puts the rows' numbers and their count below, and gives the call that reads them.
func (l *lowering) percentile(w ir.WindowCall, group ir.WindowGroup) ir.Expr {
	var partition []ir.Column
	for _, p := range group.Partition {
		partition = append(partition, p.Column)
	}
	x := l.column(w.Args[0].Expr, "value")
	order := []ir.OrderItem{{Expr: l.g.w.NewRef(x)}}
	var count ir.Column
	if w.Nulls == ir.RespectNulls {
		count = l.window("$count_star", int64Type, partition, nil)
	} else {
		order[0].Nulls = ir.NullsLast
		count = l.window("count", int64Type, partition, nil, l.g.w.NewRef(x))
	}
	row := l.window("row_number", int64Type, partition, order)
	value := w.Args[0].Expr
	if _, ok := value.(*ir.ColumnRef); !ok {
		value = l.g.w.NewRef(x)
	}
	w.Name = "$" + strings.TrimPrefix(w.Name, "$")
	w.Nulls = ir.NullsUnsaid
	w.Args = []ir.Arg{{Expr: value}, w.Args[1], {Expr: l.g.w.NewRef(row)}, {Expr: l.g.w.NewRef(count)}}
	return &w
}

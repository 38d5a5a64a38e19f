package postgres

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// Aggregates that PostgreSQL lacks become window functions in a derived table below a plain
// aggregate: the rows of HAVING MAX and MIN are those that equal the extreme of their
// group; the values of APPROX_TOP_COUNT and APPROX_TOP_SUM are counted and summed in a
// partition of their own.

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

// window adds calls over a partition and gives their columns.
func (l *lowering) window(partition []ir.Column, calls ...*ir.Call) []ir.Column {
	g := ir.WindowGroup{}
	for _, p := range partition {
		g.Partition = append(g.Partition, l.g.w.NewRef(p))
	}
	var out []ir.Column
	for _, call := range calls {
		c := l.g.w.NewColumn(strings.TrimLeft(call.Name, "$"), call.Type)
		g.Calls = append(g.Calls, ir.Computed{Column: c, Expr: &ir.WindowCall{Call: *call}})
		out = append(out, c)
	}
	l.groups = append(l.groups, g)
	return out
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

// builtin is a call of a function of the language.
func builtin(name string, t *ir.Type, args ...ir.Expr) *ir.Call {
	c := &ir.Call{Of: ir.Of{Type: t}, Name: name, Group: "GoogleSQL"}
	for _, a := range args {
		c.Args = append(c.Args, ir.Arg{Expr: a})
	}
	return c
}

// both is the conjunction of two conditions, of which the first may be nil.
func both(old, more ir.Expr) ir.Expr {
	if old == nil {
		return more
	}
	return builtin("$and", ir.TypeOf(ir.Bool), old, more)
}

// LowerAggregate implements transpile.Lowerer.
func (g *generator) LowerAggregate(n *ir.Aggregate) *ir.Aggregate {
	needed := false
	for _, c := range n.Aggs {
		needed = needed || g.lowers(c.Expr)
		if outerOnly(c.Expr, n.Input) {
			g.refuse("an aggregate over nothing but columns of an outer query", "it belongs to the outer query there", c.Expr.At())
		}
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

// outerOnly reports whether an aggregate reads columns, but none of its own query: such a
// one is an aggregate of the outer query in PostgreSQL, as in the SQL standard.
func outerOnly(e ir.Expr, input ir.Scan) bool {
	own := map[ir.ColumnID]bool{}
	for _, c := range input.Out() {
		own[c.ID] = true
	}
	within := map[ir.ColumnID]bool{} // columns of subqueries in the arguments
	ir.Inspect(e, func(n ir.Node) bool {
		if s, ok := n.(ir.Scan); ok {
			for _, c := range s.Out() {
				within[c.ID] = true
			}
		}
		return true
	})
	reads, outer := false, false
	ir.Inspect(e, func(n ir.Node) bool {
		if r, ok := n.(*ir.ColumnRef); ok {
			reads = reads || own[r.Column.ID]
			outer = outer || !own[r.Column.ID] && !within[r.Column.ID]
		}
		return true
	})
	return outer && !reads
}

// LowerAnalytic implements transpile.Lowerer.
func (g *generator) LowerAnalytic(n *ir.Analytic) *ir.Analytic { return n }

// lowers reports whether an aggregate is written over a window.
func (g *generator) lowers(e ir.Expr) bool {
	a, ok := e.(*ir.AggregateCall)
	if !ok || !builtIn(a.Group) || a.GroupBy != nil || a.Nested != nil || a.GroupByRows != nil {
		return false
	}
	for _, c := range a.Collations {
		if c != "" {
			return false
		}
	}
	if h := a.Having; h != nil {
		return a.Name != "any_value" && !h.Expr.T().Has(ir.Geography, ir.JSON, ir.Array, ir.Struct)
	}
	if a.Distinct || len(a.Order) > 0 || a.Limit != nil || a.Nulls != ir.NullsUnsaid {
		return false
	}
	switch a.Name {
	case "approx_top_sum":
		return len(a.Args) == 3 && plainKey(a.Args[0].Expr.T())
	case "approx_top_count":
		return len(a.Args) == 2 && plainKey(a.Args[0].Expr.T())
	}
	return false
}

// plainKey reports whether PARTITION BY tells values of a type apart as GROUP BY does in
// GoogleSQL.
func plainKey(t *ir.Type) bool { return !t.Has(ir.JSON, ir.Geography, ir.Array, ir.Struct) }

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
		extreme := l.window(partition, builtin(name, h.Expr.T(), l.g.w.NewRef(key)))[0]
		a.Having = nil
		a.Where = both(a.Where, builtin("$equal", ir.TypeOf(ir.Bool), l.g.w.NewRef(key), l.g.w.NewRef(extreme)))
		partition = append(append([]ir.Column(nil), partition...), key)
	}
	if a.Name != "approx_top_sum" && a.Name != "approx_top_count" {
		return &a
	}
	int64Type := ir.TypeOf(ir.Int64)
	value := a.Args[0].Expr
	x := l.column(value, "value")
	partition = append(append([]ir.Column(nil), partition...), x)
	total := builtin("$count_star", int64Type)
	if a.Name == "approx_top_sum" {
		weight := a.Args[1].Expr
		total = builtin("sum", sumType(weight.T()), builtin("$top_weight", weight.T(), weight))
	}
	cols := l.window(partition, total, builtin("row_number", int64Type))
	one := &ir.Literal{Of: ir.Of{Type: int64Type}, Value: ir.Value{Type: int64Type, Int: 1}}
	a.Where = both(a.Where, builtin("$equal", ir.TypeOf(ir.Bool), l.g.w.NewRef(cols[1]), one))
	if _, ok := value.(*ir.ColumnRef); !ok {
		value = l.g.w.NewRef(x)
	}
	a.Args = []ir.Arg{{Expr: value}, {Expr: l.g.w.NewRef(cols[0])}, a.Args[len(a.Args)-1]}
	a.Name = "$" + strings.TrimPrefix(a.Name, "approx_")
	return &a
}

// sumType is the type of SUM over a type.
func sumType(t *ir.Type) *ir.Type {
	switch t.Kind {
	case ir.Int32:
		return ir.TypeOf(ir.Int64)
	case ir.Uint32:
		return ir.TypeOf(ir.Uint64)
	case ir.Float32:
		return ir.TypeOf(ir.Float64)
	}
	return t
}

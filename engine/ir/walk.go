package ir

// Node is a Stmt, a Scan or an Expr.
type Node any

// Children lists the statements, scans and expressions directly below n, in the
// order of the node's fields, which is the order in which they are evaluated
// where there is one. What is absent is left out. The children of a node that is
// none of this package's are none.
func Children(n Node) []Node {
	var w children
	w.of(n)
	return w.list
}

// Inspect calls f for n and all that is below it, parents first. Where f returns
// false, what is below that node is left out. A nil n is ignored.
func Inspect(n Node, f func(Node) bool) {
	if absent(n) || !f(n) {
		return
	}
	for _, c := range Children(n) {
		Inspect(c, f)
	}
}

// absent reports whether n is nil, as an interface or as a pointer in one.
func absent(n Node) bool {
	switch n := n.(type) {
	case nil:
		return true
	case *Query:
		return n == nil
	case *Table:
		return n == nil
	case *ColumnRef:
		return n == nil
	case *AggregateCall:
		return n == nil
	case *Lambda:
		return n == nil
	}
	return false
}

type children struct{ list []Node }

func (w *children) add(n Node) {
	if !absent(n) {
		w.list = append(w.list, n)
	}
}

func (w *children) exprs(list []Expr) {
	for _, e := range list {
		w.add(e)
	}
}

func (w *children) refs(list []*ColumnRef) {
	for _, e := range list {
		w.add(e)
	}
}

func (w *children) computed(list []Computed) {
	for _, c := range list {
		w.add(c.Expr)
	}
}

func (w *children) order(list []OrderItem) {
	for _, o := range list {
		w.add(o.Expr)
	}
}

func (w *children) options(list []Option) {
	for _, o := range list {
		w.add(o.Value)
	}
}

func (w *children) call(c *Call) {
	for _, a := range c.Args {
		w.add(a.Expr)
		w.add(a.Lambda)
		w.add(a.Scan)
	}
	w.options(c.Hints)
}

func (w *children) frame(f *Frame) {
	if f != nil {
		w.add(f.Start.Offset)
		w.add(f.End.Offset)
	}
}

func (w *children) returning(r *Returning) {
	if r != nil {
		w.computed(r.Exprs)
	}
}

func (w *children) updates(list []UpdateItem) {
	for _, i := range list {
		w.add(i.Target)
		w.add(i.Value)
	}
}

func (w *children) of(n Node) {
	if absent(n) {
		return
	}
	switch n := n.(type) {
	case Stmt:
		w.ofStmt(n)
	case Scan:
		w.ofScan(n)
	case Expr:
		w.ofExpr(n)
	}
}

func (w *children) ofStmt(n Stmt) {
	switch n := n.(type) {
	case *Query:
		w.add(n.Scan)
	case *CreateTable:
		for _, c := range n.Columns {
			w.add(c.Default)
			w.options(c.Options)
		}
		w.add(n.Query)
		w.exprs(n.Partition)
		w.exprs(n.Cluster)
		w.options(n.Options)
	case *CreateView:
		w.add(n.Query)
		w.options(n.Options)
	case *Insert:
		w.add(n.Table)
		w.add(n.Query)
		for _, row := range n.Rows {
			w.exprs(row)
		}
		w.returning(n.Returning)
	case *Update:
		w.add(n.Table)
		w.add(n.Where)
		w.add(n.From)
		w.updates(n.Items)
		w.returning(n.Returning)
	case *Delete:
		w.add(n.Table)
		w.add(n.Where)
		w.returning(n.Returning)
	case *Merge:
		w.add(n.Table)
		w.add(n.From)
		w.add(n.On)
		for _, when := range n.Whens {
			w.add(when.And)
			w.exprs(when.Row)
			w.updates(when.Items)
		}
	case *Truncate:
		w.add(n.Table)
		w.add(n.Where)
	case *AlterTable:
		for _, a := range n.Actions {
			w.add(a.Column.Default)
		}
	case *CreateFunction:
		w.add(n.Body)
		w.computed(n.Aggs)
	}
}

func (w *children) ofScan(n Scan) {
	switch n := n.(type) {
	case *Table:
		w.add(n.SystemTime)
	case *Join:
		w.add(n.Left)
		w.add(n.Right)
		w.add(n.On)
		w.refs(n.Params)
	case *Unnest:
		w.add(n.Input)
		w.exprs(n.Arrays)
		w.add(n.On)
		w.add(n.ZipMode)
	case *Filter:
		w.add(n.Input)
		w.add(n.Where)
	case *Aggregate:
		w.add(n.Input)
		w.computed(n.Keys)
		w.computed(n.Aggs)
	case *SetOp:
		for _, i := range n.Items {
			w.add(i.Scan)
		}
	case *OrderBy:
		w.add(n.Input)
		w.order(n.Items)
	case *Limit:
		w.add(n.Input)
		w.add(n.Limit)
		w.add(n.Offset)
	case *With:
		for _, e := range n.Entries {
			w.add(e.Scan)
		}
		w.add(n.Body)
	case *Recursive:
		w.add(n.Anchor.Scan)
		w.add(n.Step.Scan)
		w.add(n.Lower)
		w.add(n.Upper)
	case *Analytic:
		w.add(n.Input)
		for _, g := range n.Groups {
			w.refs(g.Partition)
			w.order(g.Order)
			w.computed(g.Calls)
		}
	case *Project:
		w.add(n.Input)
		w.computed(n.Exprs)
	case *Sample:
		w.add(n.Input)
		w.add(n.Size)
		w.add(n.Repeatable)
		w.exprs(n.Partition)
	case *TVF:
		for _, a := range n.Args {
			w.add(a.Expr)
			w.add(a.Scan)
		}
	case *GroupRows:
		w.computed(n.Inputs)
	case *Assert:
		w.add(n.Input)
		w.add(n.Condition)
		w.add(n.Message)
	case *Barrier:
		w.add(n.Input)
	}
	if b := baseOf(n); b != nil {
		w.options(b.Hints)
	}
}

func (w *children) ofExpr(n Expr) {
	switch n := n.(type) {
	case *Call:
		w.call(n)
	case *AggregateCall:
		w.call(&n.Call)
		if n.Having != nil {
			w.add(n.Having.Expr)
		}
		w.order(n.Order)
		w.add(n.Limit)
		w.add(n.Where)
		w.add(n.Filter)
		w.computed(n.GroupBy)
		w.computed(n.Nested)
		w.add(n.GroupByRows)
	case *WindowCall:
		w.call(&n.Call)
		w.add(n.Where)
		w.order(n.Order)
		w.frame(n.Frame)
	case *Cast:
		w.add(n.Arg)
		w.add(n.Format)
		w.add(n.Zone)
	case *MakeStruct:
		w.exprs(n.Args)
	case *GetField:
		w.add(n.Arg)
	case *GetJSONField:
		w.add(n.Arg)
	case *Flatten:
		w.add(n.Arg)
		w.exprs(n.Path)
	case *ReplaceField:
		w.add(n.Arg)
		for _, i := range n.Items {
			w.add(i.Expr)
		}
	case *Subquery:
		w.refs(n.Params)
		w.add(n.In)
		w.add(n.Scan)
	case *WithExpr:
		w.computed(n.Assign)
		w.add(n.Expr)
	case *Lambda:
		w.refs(n.Params)
		w.add(n.Body)
	case *ArrayAggregate:
		w.add(n.Array)
		w.computed(n.Pre)
		w.add(n.Agg)
	}
}

// baseOf is what every scan of this package embeds, nil for another.
func baseOf(n Scan) *Base {
	if b, ok := n.(interface{ base() *Base }); ok {
		return b.base()
	}
	return nil
}

func (b *Base) base() *Base { return b }

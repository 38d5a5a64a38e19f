package ir

import (
	"fmt"
	"slices"
)

// Rewriter makes a changed copy of a tree. Its functions see every scan and
// expression after what is below it was rewritten, and answer with what stands
// in its place; a nil function changes nothing. A node nothing below which has
// changed is the same node again, so an untouched tree is not copied.
//
// Where the tree wants one kind of node — a ColumnRef of ORDER BY, PARTITION BY
// and the parameters of a subquery, the AggregateCall of an ArrayAggregate, the
// Table a DML statement changes, a Lambda, the Query of a CREATE — the answer
// must be of that kind: another is a mistake of the pass, and panics.
type Rewriter struct {
	Scan func(Scan) Scan
	Expr func(Expr) Expr
}

// Stmt rewrites a statement.
func (r *Rewriter) Stmt(s Stmt) Stmt {
	var d edit
	switch n := s.(type) {
	case *Query:
		if n == nil {
			return s
		}
		c := *n
		c.Scan = r.scan(&d, n.Scan)
		return pick[Stmt](d, n, &c)
	case *CreateTable:
		c := *n
		c.Columns = each(&d, n.Columns, func(d *edit, x ColumnDef) ColumnDef {
			x.Default, x.Options = r.expr(d, x.Default), r.options(d, x.Options)
			return x
		})
		c.Query = r.query(&d, n.Query)
		c.Partition, c.Cluster, c.Options = r.exprs(&d, n.Partition), r.exprs(&d, n.Cluster), r.options(&d, n.Options)
		return pick[Stmt](d, n, &c)
	case *CreateView:
		c := *n
		c.Query, c.Options = r.query(&d, n.Query), r.options(&d, n.Options)
		return pick[Stmt](d, n, &c)
	case *Insert:
		c := *n
		c.Table, c.Query = r.table(&d, n.Table), r.scan(&d, n.Query)
		c.Rows = each(&d, n.Rows, r.exprs)
		c.Returning = r.returning(&d, n.Returning)
		return pick[Stmt](d, n, &c)
	case *Update:
		c := *n
		c.Table, c.Where, c.From = r.table(&d, n.Table), r.expr(&d, n.Where), r.scan(&d, n.From)
		c.Items, c.Returning = each(&d, n.Items, r.update), r.returning(&d, n.Returning)
		return pick[Stmt](d, n, &c)
	case *Delete:
		c := *n
		c.Table, c.Where, c.Returning = r.table(&d, n.Table), r.expr(&d, n.Where), r.returning(&d, n.Returning)
		return pick[Stmt](d, n, &c)
	case *Merge:
		c := *n
		c.Table, c.From, c.On = r.table(&d, n.Table), r.scan(&d, n.From), r.expr(&d, n.On)
		c.Whens = each(&d, n.Whens, func(d *edit, x When) When {
			x.And, x.Row, x.Items = r.expr(d, x.And), r.exprs(d, x.Row), each(d, x.Items, r.update)
			return x
		})
		return pick[Stmt](d, n, &c)
	case *Truncate:
		c := *n
		c.Table, c.Where = r.table(&d, n.Table), r.expr(&d, n.Where)
		return pick[Stmt](d, n, &c)
	case *CreateFunction:
		c := *n
		c.Body, c.Aggs = r.expr(&d, n.Body), r.computed(&d, n.Aggs)
		return pick[Stmt](d, n, &c)
	}
	return s
}

// RewriteScan rewrites a scan and all that is below it.
func (r *Rewriter) RewriteScan(s Scan) Scan {
	var d edit
	return r.scan(&d, s)
}

// RewriteExpr rewrites an expression and all that is below it.
func (r *Rewriter) RewriteExpr(e Expr) Expr {
	var d edit
	return r.expr(&d, e)
}

// edit remembers whether anything below a node has changed.
type edit struct{ changed bool }

func pick[T any](d edit, old, changed T) T {
	if d.changed {
		return changed
	}
	return old
}

// each maps a list; the list stays the same where no element changes.
func each[T any](d *edit, list []T, f func(*edit, T) T) []T {
	var out []T
	for i, x := range list {
		var own edit
		y := f(&own, x)
		if !own.changed {
			continue
		}
		if out == nil {
			out = slices.Clone(list)
		}
		out[i], d.changed = y, true
	}
	if out == nil {
		return list
	}
	return out
}

// only asserts the kind of node that the tree wants at its place.
func only[T Node](n Node) T {
	t, ok := n.(T)
	if !ok {
		panic(fmt.Sprintf("ir: a rewrite put a %T where the tree wants a %T", n, t))
	}
	return t
}

func (r *Rewriter) ref(d *edit, e *ColumnRef) *ColumnRef {
	if e == nil {
		return nil
	}
	return only[*ColumnRef](r.expr(d, e))
}

func (r *Rewriter) query(d *edit, q *Query) *Query {
	if q == nil {
		return nil
	}
	out := only[*Query](r.Stmt(q))
	d.changed = d.changed || out != q
	return out
}

func (r *Rewriter) table(d *edit, t *Table) *Table {
	if t == nil {
		return nil
	}
	return only[*Table](r.scan(d, t))
}

func (r *Rewriter) exprs(d *edit, list []Expr) []Expr            { return each(d, list, r.expr) }
func (r *Rewriter) refs(d *edit, list []*ColumnRef) []*ColumnRef { return each(d, list, r.ref) }

func (r *Rewriter) computed(d *edit, list []Computed) []Computed {
	return each(d, list, func(d *edit, x Computed) Computed { x.Expr = r.expr(d, x.Expr); return x })
}

func (r *Rewriter) order(d *edit, list []OrderItem) []OrderItem {
	return each(d, list, func(d *edit, x OrderItem) OrderItem { x.Expr = r.ref(d, x.Expr); return x })
}

func (r *Rewriter) options(d *edit, list []Option) []Option {
	return each(d, list, func(d *edit, x Option) Option { x.Value = r.expr(d, x.Value); return x })
}

func (r *Rewriter) item(d *edit, x SetItem) SetItem {
	x.Scan = r.scan(d, x.Scan)
	return x
}

func (r *Rewriter) update(d *edit, x UpdateItem) UpdateItem {
	x.Target, x.Value = r.expr(d, x.Target), r.expr(d, x.Value)
	return x
}

func (r *Rewriter) returning(d *edit, x *Returning) *Returning {
	if x == nil {
		return nil
	}
	var own edit
	c := *x
	c.Exprs = r.computed(&own, x.Exprs)
	d.changed = d.changed || own.changed
	return pick(own, x, &c)
}

func (r *Rewriter) call(d *edit, c *Call) {
	c.Args = each(d, c.Args, func(d *edit, x Arg) Arg {
		x.Expr = r.expr(d, x.Expr)
		if x.Lambda != nil {
			x.Lambda = only[*Lambda](r.expr(d, x.Lambda))
		}
		x.Scan = r.scan(d, x.Scan)
		return x
	})
	c.Hints = r.options(d, c.Hints)
}

// scan rewrites what is below s, then s.
func (r *Rewriter) scan(d *edit, s Scan) Scan {
	if absent(s) {
		return s
	}
	var own edit
	out := r.below(&own, s)
	if r.Scan != nil {
		out = r.Scan(out)
	}
	d.changed = d.changed || out != s
	return out
}

func (r *Rewriter) below(d *edit, s Scan) Scan {
	hints := func(b *Base) { b.Hints = r.options(d, b.Hints) }
	switch n := s.(type) {
	case *SingleRow:
		c := *n
		hints(&c.Base)
		return pick[Scan](*d, n, &c)
	case *Table:
		c := *n
		c.SystemTime = r.expr(d, n.SystemTime)
		hints(&c.Base)
		return pick[Scan](*d, n, &c)
	case *Join:
		c := *n
		c.Left, c.Right, c.On, c.Params = r.scan(d, n.Left), r.scan(d, n.Right), r.expr(d, n.On), r.refs(d, n.Params)
		hints(&c.Base)
		return pick[Scan](*d, n, &c)
	case *Unnest:
		c := *n
		c.Input, c.Arrays, c.On, c.ZipMode = r.scan(d, n.Input), r.exprs(d, n.Arrays), r.expr(d, n.On), r.expr(d, n.ZipMode)
		hints(&c.Base)
		return pick[Scan](*d, n, &c)
	case *Filter:
		c := *n
		c.Input, c.Where = r.scan(d, n.Input), r.expr(d, n.Where)
		hints(&c.Base)
		return pick[Scan](*d, n, &c)
	case *Aggregate:
		c := *n
		c.Input, c.Keys, c.Aggs = r.scan(d, n.Input), r.computed(d, n.Keys), r.computed(d, n.Aggs)
		hints(&c.Base)
		return pick[Scan](*d, n, &c)
	case *SetOp:
		c := *n
		c.Items = each(d, n.Items, r.item)
		hints(&c.Base)
		return pick[Scan](*d, n, &c)
	case *OrderBy:
		c := *n
		c.Input, c.Items = r.scan(d, n.Input), r.order(d, n.Items)
		hints(&c.Base)
		return pick[Scan](*d, n, &c)
	case *Limit:
		c := *n
		c.Input, c.Limit, c.Offset = r.scan(d, n.Input), r.expr(d, n.Limit), r.expr(d, n.Offset)
		hints(&c.Base)
		return pick[Scan](*d, n, &c)
	case *With:
		c := *n
		c.Entries = each(d, n.Entries, func(d *edit, x WithEntry) WithEntry { x.Scan = r.scan(d, x.Scan); return x })
		c.Body = r.scan(d, n.Body)
		hints(&c.Base)
		return pick[Scan](*d, n, &c)
	case *WithRef:
		c := *n
		hints(&c.Base)
		return pick[Scan](*d, n, &c)
	case *Recursive:
		c := *n
		c.Anchor, c.Step, c.Lower, c.Upper = r.item(d, n.Anchor), r.item(d, n.Step), r.expr(d, n.Lower), r.expr(d, n.Upper)
		hints(&c.Base)
		return pick[Scan](*d, n, &c)
	case *RecursiveRef:
		c := *n
		hints(&c.Base)
		return pick[Scan](*d, n, &c)
	case *Analytic:
		c := *n
		c.Input = r.scan(d, n.Input)
		c.Groups = each(d, n.Groups, func(d *edit, x WindowGroup) WindowGroup {
			x.Partition, x.Order, x.Calls = r.refs(d, x.Partition), r.order(d, x.Order), r.computed(d, x.Calls)
			return x
		})
		hints(&c.Base)
		return pick[Scan](*d, n, &c)
	case *Project:
		c := *n
		c.Input, c.Exprs = r.scan(d, n.Input), r.computed(d, n.Exprs)
		hints(&c.Base)
		return pick[Scan](*d, n, &c)
	case *Sample:
		c := *n
		c.Input, c.Size, c.Repeatable, c.Partition = r.scan(d, n.Input), r.expr(d, n.Size), r.expr(d, n.Repeatable), r.exprs(d, n.Partition)
		hints(&c.Base)
		return pick[Scan](*d, n, &c)
	case *TVF:
		c := *n
		c.Args = each(d, n.Args, func(d *edit, x TVFArg) TVFArg {
			x.Expr, x.Scan = r.expr(d, x.Expr), r.scan(d, x.Scan)
			return x
		})
		hints(&c.Base)
		return pick[Scan](*d, n, &c)
	case *GroupRows:
		c := *n
		c.Inputs = r.computed(d, n.Inputs)
		hints(&c.Base)
		return pick[Scan](*d, n, &c)
	case *Assert:
		c := *n
		c.Input, c.Condition, c.Message = r.scan(d, n.Input), r.expr(d, n.Condition), r.expr(d, n.Message)
		hints(&c.Base)
		return pick[Scan](*d, n, &c)
	case *Barrier:
		c := *n
		c.Input = r.scan(d, n.Input)
		hints(&c.Base)
		return pick[Scan](*d, n, &c)
	case *UnsupportedScan:
		c := *n
		hints(&c.Base)
		return pick[Scan](*d, n, &c)
	}
	return s
}

// expr rewrites what is below e, then e.
func (r *Rewriter) expr(d *edit, e Expr) Expr {
	if absent(e) {
		return e
	}
	var own edit
	out := r.within(&own, e)
	if r.Expr != nil {
		out = r.Expr(out)
	}
	d.changed = d.changed || out != e
	return out
}

func (r *Rewriter) within(d *edit, e Expr) Expr {
	switch n := e.(type) {
	case *Call:
		c := *n
		r.call(d, &c)
		return pick[Expr](*d, n, &c)
	case *AggregateCall:
		c := *n
		r.call(d, &c.Call)
		if n.Having != nil {
			h := *n.Having
			h.Expr = r.expr(d, h.Expr)
			c.Having = &h
		}
		c.Order, c.Limit = r.order(d, n.Order), r.expr(d, n.Limit)
		c.Where, c.Filter = r.expr(d, n.Where), r.expr(d, n.Filter)
		c.GroupBy, c.Nested, c.GroupByRows = r.computed(d, n.GroupBy), r.computed(d, n.Nested), r.scan(d, n.GroupByRows)
		return pick[Expr](*d, n, &c)
	case *WindowCall:
		c := *n
		r.call(d, &c.Call)
		c.Where, c.Order = r.expr(d, n.Where), r.order(d, n.Order)
		if n.Frame != nil {
			f := *n.Frame
			f.Start.Offset, f.End.Offset = r.expr(d, f.Start.Offset), r.expr(d, f.End.Offset)
			c.Frame = &f
		}
		return pick[Expr](*d, n, &c)
	case *Cast:
		c := *n
		c.Arg, c.Format, c.Zone = r.expr(d, n.Arg), r.expr(d, n.Format), r.expr(d, n.Zone)
		return pick[Expr](*d, n, &c)
	case *MakeStruct:
		c := *n
		c.Args = r.exprs(d, n.Args)
		return pick[Expr](*d, n, &c)
	case *GetField:
		c := *n
		c.Arg = r.expr(d, n.Arg)
		return pick[Expr](*d, n, &c)
	case *GetJSONField:
		c := *n
		c.Arg = r.expr(d, n.Arg)
		return pick[Expr](*d, n, &c)
	case *Flatten:
		c := *n
		c.Arg, c.Path = r.expr(d, n.Arg), r.exprs(d, n.Path)
		return pick[Expr](*d, n, &c)
	case *ReplaceField:
		c := *n
		c.Arg = r.expr(d, n.Arg)
		c.Items = each(d, n.Items, func(d *edit, x ReplaceItem) ReplaceItem { x.Expr = r.expr(d, x.Expr); return x })
		return pick[Expr](*d, n, &c)
	case *Subquery:
		c := *n
		c.Params, c.In, c.Scan = r.refs(d, n.Params), r.expr(d, n.In), r.scan(d, n.Scan)
		return pick[Expr](*d, n, &c)
	case *WithExpr:
		c := *n
		c.Assign, c.Expr = r.computed(d, n.Assign), r.expr(d, n.Expr)
		return pick[Expr](*d, n, &c)
	case *Lambda:
		c := *n
		c.Params, c.Body = r.refs(d, n.Params), r.expr(d, n.Body)
		return pick[Expr](*d, n, &c)
	case *ArrayAggregate:
		c := *n
		c.Array, c.Pre = r.expr(d, n.Array), r.computed(d, n.Pre)
		if n.Agg != nil {
			c.Agg = only[*AggregateCall](r.expr(d, n.Agg))
		}
		return pick[Expr](*d, n, &c)
	}
	return e
}

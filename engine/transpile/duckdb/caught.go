package duckdb

import (
	"slices"

	"github.com/engine-build/engine/engine/ir"
)

// IFERROR, NULLIFERROR and ISERROR are written with TRY, which takes neither a subquery nor
// error(). Before a statement is written, their arguments are therefore rewritten: what
// cannot fail is taken out, and a subquery over the elements of one array, as the analyzer
// writes ARRAY_TRANSFORM and its like, becomes a list function again.

// catch rewrites a statement that catches errors; another one comes back as it is.
func (g *generator) catch(s ir.Stmt) ir.Stmt {
	some := false
	ir.Inspect(s, func(n ir.Node) bool {
		if c, ok := n.(*ir.Call); ok && catches(c.Name) {
			some = true
		}
		return !some
	})
	if !some {
		return s
	}
	return (&ir.Rewriter{Expr: func(e ir.Expr) ir.Expr {
		n, ok := e.(*ir.Call)
		if !ok || !catches(n.Name) || len(n.Args) == 0 || n.Args[0].Expr == nil {
			return e
		}
		if n.Name == "iserror" {
			return over(n, listed(n.Args[0].Expr))
		}
		return caught(n, n.Args[0].Expr)
	}}).Stmt(s)
}

func catches(name string) bool {
	return name == "iferror" || name == "nulliferror" || name == "iserror"
}

// over is a call with another first argument.
func over(n *ir.Call, e ir.Expr) ir.Expr {
	if e == n.Args[0].Expr {
		return n
	}
	out := *n
	out.Args = slices.Clone(n.Args)
	out.Args[0].Expr = e
	return &out
}

// caught is n, an IFERROR or NULLIFERROR, over e: as deep within the branches of e as
// possible, since a condition that cannot fail need not be tried.
func caught(n *ir.Call, e ir.Expr) ir.Expr {
	var instead ir.Expr = &ir.Literal{Of: ir.Of{Type: n.T(), Span: n.At()}, Value: ir.Value{Type: n.T(), Null: true}}
	if n.Name == "iferror" {
		instead = n.Args[1].Expr
		switch instead.(type) {
		case *ir.Literal, *ir.ColumnRef, *ir.Parameter, *ir.ArgumentRef:
		default: // not to be repeated
			if infallible(e) {
				return e
			}
			return over(n, listed(e))
		}
	}
	if infallible(e) {
		return e
	}
	switch x := e.(type) {
	case *ir.Cast:
		if c, ok := x.Arg.(*ir.Call); ok && raises(c) {
			return again(instead)
		}
	case *ir.Call:
		if raises(x) {
			return again(instead)
		}
		if branches := branchesOf(x); branches != nil {
			out := *x
			out.Args = slices.Clone(x.Args)
			for i, a := range x.Args {
				switch {
				case slices.Contains(branches, i):
					out.Args[i].Expr = caught(n, a.Expr)
				case !infallible(a.Expr):
					return over(n, listed(e))
				}
			}
			return &out
		}
	}
	return over(n, listed(e))
}

// raises reports whether a call is ERROR itself.
func raises(c *ir.Call) bool {
	return c.Name == "error" && builtIn(c.Group) && !c.Safe && len(c.Args) == 1 && infallible(c.Args[0].Expr)
}

// branchesOf are the arguments of a conditional of which one is its value, nil for another
// call. The rest are its conditions.
func branchesOf(c *ir.Call) (index []int) {
	if !builtIn(c.Group) || c.Safe {
		return nil
	}
	first, step := 0, 2
	switch c.Name {
	case "if":
		return []int{1, 2}
	case "$case_no_value":
		first = 1
	case "$case_with_value":
		first = 2
	default:
		return nil
	}
	n := len(c.Args)
	for i := first; i < n; i += step {
		index = append(index, i)
	}
	if (n-first)%2 == 0 {
		index = append(index, n-1) // ELSE
	}
	return index
}

// infallible reports whether an expression cannot fail, whatever its columns hold. What is
// not known may.
func infallible(e ir.Expr) bool {
	switch n := e.(type) {
	case nil:
		return false
	case *ir.Literal, *ir.Parameter, *ir.ColumnRef, *ir.ArgumentRef:
		return true
	case *ir.GetField:
		return infallible(n.Arg)
	case *ir.MakeStruct:
		return !slices.ContainsFunc(n.Args, func(a ir.Expr) bool { return !infallible(a) })
	case *ir.Cast:
		return n.Implicit && !n.Extended && n.Params.None() && infallible(n.Arg) &&
			(n.T().Kind == ir.Float64 && isInt(n.Arg.T().Kind) || n.T().Equal(n.Arg.T()) || n.T().Kind == ir.String && n.Arg.T().Kind == ir.Other)
	case *ir.Call:
		if !builtIn(n.Group) {
			return false
		}
		switch n.Name {
		case "$equal", "$not_equal", "$less", "$less_or_equal", "$greater", "$greater_or_equal", "$is_null", "$and", "$or", "$not",
			"$is_true", "$is_false", "array_length", "$make_array", "if", "ifnull", "coalesce", "nullif", "$case_no_value", "$case_with_value", "$in":
		default:
			return n.Safe && n.Name != "error" && infallibleArgs(n)
		}
		return infallibleArgs(n)
	case *ir.Subquery:
		if n.Kind != ir.ArrayOf && n.Kind != ir.Exists {
			return false
		}
		// Every expression within, and only scans that cannot fail either.
		ok := true
		ir.Inspect(n.Scan, func(x ir.Node) bool {
			switch x := x.(type) {
			case *ir.Project, *ir.Filter, *ir.SingleRow, *ir.OrderBy, *ir.Table:
				return true
			case *ir.Unnest:
				ok = ok && x.ZipMode == nil
				return true
			case *ir.Join:
				return true
			case ir.Expr:
				ok = ok && infallible(x)
				return false
			}
			ok = false
			return false
		})
		return ok
	}
	return false
}

func infallibleArgs(n *ir.Call) bool {
	return !slices.ContainsFunc(n.Args, func(a ir.Arg) bool { return a.Expr == nil || !infallible(a.Expr) })
}

// listed replaces subqueries over the elements of one array by list functions, and
// subqueries that only name values by WITH.
func listed(e ir.Expr) ir.Expr {
	return (&ir.Rewriter{Expr: func(e ir.Expr) ir.Expr {
		q, ok := e.(*ir.Subquery)
		if !ok {
			return e
		}
		var out ir.Expr
		switch q.Kind {
		case ir.Scalar:
			out = named(q)
		case ir.ArrayOf, ir.Exists:
			out = overElements(q)
		}
		if out != nil {
			return out
		}
		return e
	}}).RewriteExpr(e)
}

// named is (SELECT f(a, b) FROM (SELECT x AS a, y AS b)) as WITH(a AS x, b AS y, f(a, b)).
func named(q *ir.Subquery) ir.Expr {
	var levels [][]ir.Computed
	s := q.Scan
	for {
		p, ok := s.(*ir.Project)
		if !ok {
			break
		}
		levels = append(levels, p.Exprs)
		s = p.Input
	}
	if _, ok := s.(*ir.SingleRow); !ok || len(levels) == 0 {
		return nil
	}
	out := q.Scan.Out()[0]
	w := &ir.WithExpr{Of: q.Of}
	for i := len(levels) - 1; i >= 0; i-- {
		for _, c := range levels[i] {
			if i == 0 && c.Column.ID == out.ID {
				w.Expr = c.Expr
				continue
			}
			w.Assign = append(w.Assign, c)
		}
	}
	if w.Expr == nil {
		return nil
	}
	return w
}

// overElements is ARRAY(SELECT f(e) FROM UNNEST(a) AS e WHERE g(e)) as a transformed and
// filtered list, EXISTS over it as a search in the list; nil where the scan is another.
func overElements(q *ir.Subquery) ir.Expr {
	s := q.Scan
	out := ir.Column{}
	if q.Kind == ir.ArrayOf {
		out = s.Out()[0]
	}
	var order *ir.OrderBy
	if o, ok := s.(*ir.OrderBy); ok {
		order, s = o, o.Input
	}
	var project *ir.Project
	if p, ok := s.(*ir.Project); ok {
		project, s = p, p.Input
	}
	var filter *ir.Filter
	if f, ok := s.(*ir.Filter); ok {
		filter, s = f, f.Input
	}
	u, ok := s.(*ir.Unnest)
	if !ok || u.Input != nil || len(u.Arrays) != 1 || len(u.Elements) != 1 || u.Outer || u.On != nil || len(u.Hints) > 0 {
		return nil
	}
	if order != nil {
		if len(order.Items) != 1 || u.Offset == nil {
			return nil
		}
		if o := order.Items[0]; o.Desc || o.Expr.Column.ID != u.Offset.ID {
			return nil
		}
	}
	array := u.Arrays[0]
	of := func(name string, t *ir.Type, args ...ir.Arg) *ir.Call {
		return &ir.Call{Of: ir.Of{Type: t, Span: q.At()}, Name: name, Group: "GoogleSQL", Args: args}
	}
	// An array that is NULL has no elements.
	if l, ok := array.(*ir.Literal); !ok || l.Value.Null {
		none := &ir.Literal{Of: ir.Of{Type: array.T(), Span: q.At()}, Value: ir.Value{Type: array.T()}}
		array = of("ifnull", array.T(), ir.Arg{Expr: array}, ir.Arg{Expr: none})
	}
	lambda := func(body ir.Expr) ir.Arg {
		args := []ir.Column{u.Elements[0]}
		if u.Offset != nil && reads(body, u.Offset.ID) {
			args = append(args, *u.Offset)
		}
		return ir.Arg{Lambda: &ir.Lambda{Of: ir.Of{Type: body.T(), Span: body.At()}, Args: args, Body: body}}
	}
	if q.Kind == ir.Exists {
		if filter == nil || len(lambda(filter.Where).Lambda.Args) > 1 {
			return nil
		}
		return of("array_includes", q.T(), ir.Arg{Expr: array}, lambda(filter.Where))
	}
	if filter != nil {
		array = of("array_filter", array.T(), ir.Arg{Expr: array}, lambda(filter.Where))
	}
	if out.ID == u.Elements[0].ID {
		return array
	}
	if project == nil {
		return nil
	}
	i := slices.IndexFunc(project.Exprs, func(c ir.Computed) bool { return c.Column.ID == out.ID })
	if i < 0 {
		return nil
	}
	body := lambda(project.Exprs[i].Expr)
	// The positions after a filter are others.
	if filter != nil && len(body.Lambda.Args) > 1 {
		return nil
	}
	return of("array_transform", q.T(), ir.Arg{Expr: array}, body)
}

// reads reports whether an expression reads a column.
func reads(e ir.Expr, id ir.ColumnID) bool {
	found := false
	ir.Inspect(e, func(n ir.Node) bool {
		if r, ok := n.(*ir.ColumnRef); ok && r.Column.ID == id {
			found = true
		}
		return !found
	})
	return found
}

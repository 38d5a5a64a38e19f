package isolation

import (
	"fmt"
	"slices"

	"github.com/engine-build/engine/engine/ir"
)

// builtin reports whether a call is one of GoogleSQL's or BigQuery's own functions: of
// others nothing is known but that they read their arguments.
func builtin(c *ir.Call) bool {
	return c.Group == "" || c.Group == "GoogleSQL" || c.Group == "BigQuery"
}

// truth is what it depends on whether a condition is true, where NULL is as good as FALSE.
func (t *tracer) truth(e ir.Expr) value {
	switch e := e.(type) {
	case *ir.Call:
		if builtin(e) && (e.Name == "$and" || e.Name == "$or") {
			var all value
			for _, a := range e.Args {
				all = computed(all, t.truth(a.Expr))
			}
			return all
		}
	case *ir.Subquery:
		return t.subquery(e, true)
	}
	return t.expr(e)
}

// expr is what is known of the value of an expression.
func (t *tracer) expr(e ir.Expr) value {
	switch e := e.(type) {
	case nil, *ir.Parameter, *ir.Constant, *ir.SystemVariable, *ir.Default, *ir.FlattenedArg:
		return value{}
	case *ir.Literal:
		v := value{null: e.Value.Null, filled: !e.Value.Null}
		v.only, _ = written(e.Value)
		return v
	case *ir.ColumnRef:
		v, ok := t.columns[e.Column.ID]
		if !ok {
			return value{taint: &Reason{Why: Opaque, At: e.Span, What: "a column from nowhere"}}
		}
		if e.Collation != "" {
			return computed(v)
		}
		return v
	case *ir.Cast:
		v := t.expr(e.Arg)
		all := computed(v, t.expr(e.Format), t.expr(e.Zone))
		if all.taint == nil && naming(e) {
			if v.fields = nil; e.Safe {
				v.exact, v.filled, v.half = false, false, half{}
			}
			return v
		}
		all.null = v.null
		return all
	case *ir.Call:
		return t.call(e)
	case *ir.AggregateCall:
		return t.aggregateCall(e)
	case *ir.WindowCall:
		all := t.arguments(&e.Call)
		all = computed(all, t.order(e.Order), t.expr(e.Where))
		if e.Frame != nil {
			all = computed(all, t.expr(e.Frame.Start.Offset), t.expr(e.Frame.End.Offset))
		}
		return all
	case *ir.MakeStruct:
		v := value{fields: make([]value, len(e.Args)), filled: true}
		for i, a := range e.Args {
			v.fields[i] = t.expr(a)
		}
		return v
	case *ir.GetField:
		return t.expr(e.Arg).field(e.Index)
	case *ir.GetJSONField:
		return computed(t.expr(e.Arg))
	case *ir.Flatten:
		all := computed(t.expr(e.Arg))
		for _, p := range e.Path {
			all = computed(all, t.expr(p))
		}
		return all
	case *ir.ReplaceField:
		all := computed(t.expr(e.Arg))
		for _, i := range e.Items {
			all = computed(all, t.expr(i.Expr))
		}
		return all
	case *ir.Subquery:
		return t.subquery(e, false)
	case *ir.WithExpr:
		for _, c := range e.Assign {
			t.set(c.Column, t.expr(c.Expr))
		}
		return t.expr(e.Expr)
	case *ir.Lambda:
		return t.expr(e.Body)
	case *ir.ArrayAggregate:
		array := computed(t.expr(e.Array))
		t.set(e.Element, array)
		for _, c := range e.Pre {
			t.set(c.Column, t.expr(c.Expr))
		}
		if e.Agg == nil {
			return array
		}
		return computed(array, t.aggregateCall(e.Agg))
	case *ir.ArgumentRef:
		return value{}
	case *ir.UnsupportedExpr:
		return value{taint: &Reason{Why: Opaque, At: e.Span, What: e.What}}
	}
	return value{taint: &Reason{Why: Opaque, At: e.At(), What: fmt.Sprintf("%T", e)}}
}

// written is the text of a constant that may name a tenant.
func written(v ir.Value) (string, bool) {
	if v.Null || v.Type == nil {
		return "", false
	}
	switch v.Type.Kind {
	case ir.Int64, ir.Int32, ir.Uint32:
		return fmt.Sprint(v.Int), true
	case ir.String, ir.UUID:
		return v.Text, v.Text != ""
	}
	return "", false
}

// field is field i of a struct.
func (v value) field(i int) value {
	if i < len(v.fields) && v.taint == nil {
		return v.fields[i]
	}
	return computed(v)
}

// order is what the order of rows depends on.
func (t *tracer) order(items []ir.OrderItem) value {
	var all value
	for _, o := range items {
		if o.Expr != nil {
			all = computed(all, t.expr(o.Expr))
		}
	}
	return all
}

// arguments are all arguments of a call together.
func (t *tracer) arguments(c *ir.Call) value {
	return computed(t.list(c)...)
}

// list are the arguments of a call.
func (t *tracer) list(c *ir.Call) []value {
	out := make([]value, len(c.Args))
	for i, a := range c.Args {
		switch {
		case a.Expr != nil:
			out[i] = t.expr(a.Expr)
		case a.Scan != nil:
			out[i] = t.inner(a.Scan, a.Scan.At(), nil)
		case a.Model != "":
			out[i].taint = &Reason{Why: Opaque, At: c.Span, What: "the model " + a.Model}
		case a.Sequence != "":
			out[i].taint = &Reason{Why: Opaque, At: c.Span, What: "the sequence " + a.Sequence}
		case a.Connection != "":
			out[i].taint = &Reason{Why: Opaque, At: c.Span, What: "the connection " + a.Connection}
		}
	}
	for i, a := range c.Args {
		if a.Lambda != nil {
			all := computed(out...)
			for _, x := range a.Lambda.Args {
				t.set(x, all)
			}
			out[i] = t.expr(a.Lambda.Body)
		}
	}
	return out
}

func (t *tracer) call(c *ir.Call) value {
	args := t.list(c)
	all := computed(args...)
	if all.taint != nil || !builtin(c) {
		return all
	}
	switch c.Name {
	case "coalesce", "ifnull":
		return t.either(args, true)
	case "if":
		if len(args) == 3 {
			return t.either(args[1:], false)
		}
	case "$case_no_value", "$case_with_value":
		first := 0
		if c.Name == "$case_with_value" {
			first = 1
		}
		var values []value
		i := first
		for ; i+1 < len(args); i += 2 {
			values = append(values, args[i+1])
		}
		if i < len(args) {
			values = append(values, args[i])
		} else {
			values = append(values, value{null: true})
		}
		return t.either(values, false)
	case "nullif":
		if len(args) > 0 {
			v := args[0]
			v.exact, v.filled, v.half, v.only, v.fields = false, false, half{}, "", nil
			return v
		}
	case "$with_side_effects":
		if len(args) > 0 {
			return args[0]
		}
	}
	return all
}

// either is one of several values: the first that is not NULL, or any of them. It is a tenant where all
// are the same owner's, or NULL.
func (t *tracer) either(list []value, first bool) value {
	out := value{exact: !first, filled: !first}
	var halves []half
	for _, v := range list {
		switch {
		case v.null:
			if !first {
				out.exact, out.filled = false, false
			}
			continue
		case v.owner == nil:
			return computed(list...)
		case out.owner != nil && out.owner.root() != v.owner.root():
			return computed(list...)
		}
		out.owner = v.owner
		if first {
			out.exact, out.filled = out.exact || v.exact, out.filled || v.filled
			if v.half.join != nil {
				out.exact = out.exact || slices.Contains(halves, half{join: v.half.join, right: !v.half.right})
				halves = append(halves, v.half)
			}
		} else {
			out.exact, out.filled = out.exact && v.exact, out.filled && v.filled
		}
	}
	if out.owner == nil {
		return computed(list...)
	}
	return out
}

func (t *tracer) aggregateCall(c *ir.AggregateCall) value {
	var all value
	if c.GroupByRows != nil {
		// The rows of the group, as GroupRows has them.
		all = computed(all, t.inner(c.GroupByRows, c.Span, nil))
	}
	for _, list := range [][]ir.Computed{c.GroupBy, c.Nested} {
		for _, x := range list {
			v := t.expr(x.Expr)
			t.set(x.Column, v)
			all = computed(all, v)
		}
	}
	all = computed(all, t.arguments(&c.Call), t.order(c.Order), t.expr(c.Where), t.expr(c.Filter), t.expr(c.Limit))
	if c.Having != nil {
		all = computed(all, t.expr(c.Having.Expr))
	}
	return all
}

// subquery is the value of a subquery in an expression. positive: nobody tells NULL from FALSE.
func (t *tracer) subquery(e *ir.Subquery, positive bool) value {
	if e.In == nil {
		return t.inner(e.Scan, e.Span, nil)
	}
	left := t.expr(e.In)
	v := t.inner(e.Scan, e.Span, func(column ir.Column) {
		if e.Kind == ir.In && e.Collation == "" {
			t.matched(left, t.columns[column.ID], positive)
		}
	})
	return computed(left, v)
}

// matched makes the owner of a value that is looked for that of the values it is looked for in.
// Where it matters whether nothing is found or whether that is not known, no NULL may be in the way.
func (t *tracer) matched(x, in value, positive bool) {
	if len(x.fields) > 0 && len(x.fields) == len(in.fields) && positive {
		for i := range x.fields {
			t.matched(x.fields[i], in.fields[i], positive)
		}
		return
	}
	if in.owner == nil || !positive && (!in.filled || !x.exact && !x.filled) {
		return
	}
	if !positive && !x.filled && len(t.around) > 0 {
		// What is looked for may be NULL in rows of nobody: whether it is found then depends on all.
		t.around[len(t.around)-1].blurred = true
	}
	switch {
	case x.owner != nil:
		t.unite(x.owner, in.owner, nil)
	case x.only != "":
		t.name(in.owner, x.only, nil)
	}
}

// inner is the value of a query in an expression: it depends on rows of others unless they are those
// of the row that the expression is read for. match is called with its first column.
func (t *tracer) inner(s ir.Scan, at ir.Span, match func(ir.Column)) value {
	t.level++
	r := t.scan(s)
	var columns []value
	if s != nil {
		out := s.Out()
		if match != nil && len(out) > 0 {
			match(out[0])
		}
		for _, c := range out {
			columns = append(columns, t.columns[c.ID])
		}
	}
	own := r.roots(t.level)
	t.level--
	own = slices.DeleteFunc(own, func(o *owner) bool {
		return o.only != "" && slices.ContainsFunc(t.around, func(r *rows) bool {
			return slices.ContainsFunc(r.roots(0), func(x *owner) bool { return x.only == o.only })
		})
	})
	v := computed(columns...)
	v.taint = worse(v.taint, r.mixed...)
	if len(own) > 0 {
		v.taint = worse(v.taint, &Reason{Why: Subquery, At: place(at, near(s)), own: t.ownOnly(s)})
	}
	return v
}

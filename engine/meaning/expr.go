package meaning

import (
	"reflect"
	"slices"

	"github.com/engine-build/engine/engine/ir"
)

// expr is the hash of an expression over the row at hand; what it reads is added to c.
func (t *tracer) expr(e ir.Expr, c *cone) sum {
	if absent(e) {
		return t.optional(nil, c)
	}
	switch e := e.(type) {
	case *ir.ColumnRef:
		v := t.column(e.Column)
		c.add(v.cone)
		s := t.at(v)
		if e.Collation != "" {
			at := t.begin("collated")
			t.text(e.Collation)
			t.sum(s)
			s = t.end(at)
		}
		return s
	case *ir.Literal:
		// DATE '…' and a date that a function wants is one and the same value.
		return t.node(e, c, "Typed")
	case *ir.SystemVariable:
		t.note(c, true, "@@"+e.Name)
		return t.node(e, c)
	case *ir.Call:
		return t.call(e, c)
	case *ir.AggregateCall:
		return t.aggregateCall(e, c)
	case *ir.WindowCall:
		at := t.begin("WindowCall")
		t.called(&e.Call, c)
		t.sortedBy(e.Order, c)
		t.fields(e, c, "Call", "Order")
		return t.end(at)
	case *ir.Cast:
		return t.node(e, c, "Implicit")
	case *ir.Subquery:
		return t.subquery(e, c)
	case *ir.WithExpr:
		t.compute(e.Assign)
		return t.node(e, c, "Assign")
	case *ir.Lambda:
		t.nest++
		for i, a := range e.Args {
			at := t.begin("lambda argument")
			t.number(t.nest)
			t.number(i)
			t.put(a, t.end(at), nil)
		}
		at := t.begin("Lambda")
		for _, a := range e.Args {
			t.typ(a.Type)
		}
		t.fields(e, c, "Args", "Params")
		t.nest--
		return t.end(at)
	case *ir.ArrayAggregate:
		at := t.begin("ArrayAggregate")
		own := &cone{}
		t.sum(t.expr(e.Array, own))
		c.add(own)
		t.nest++
		t.put(e.Element, t.numbered("array element", t.nest), own)
		t.compute(e.Pre)
		outer := t.group
		t.group = nil
		t.fields(e, c, "Array", "Element", "Pre")
		t.group = outer
		t.nest--
		return t.end(at)
	case *ir.UnsupportedExpr:
		t.refuse(e.What)
		return sum{}
	}
	return t.node(e, c)
}

// node is an expression by its fields.
func (t *tracer) node(e ir.Expr, c *cone, handled ...string) sum {
	v := reflect.ValueOf(e).Elem()
	at := t.begin(v.Type().Name())
	t.structFields(v, c, handled)
	return t.end(at)
}

// sortedBy adds sort keys to a hash.
func (t *tracer) sortedBy(items []ir.OrderItem, c *cone) *order {
	o := t.ordering(items)
	t.sum(o.sum)
	c.add(o.cone)
	return o
}

func builtin(c *ir.Call) bool {
	return c.Group == "" || c.Group == "GoogleSQL" || c.Group == "BigQuery"
}

// plainAnd is an AND of expressions, and nothing else.
func plainAnd(c *ir.Call) bool {
	return c.Name == "$and" && builtin(c) && !c.Safe && len(c.Hints) == 0 && !slices.ContainsFunc(c.Args, func(a ir.Arg) bool { return a.Expr == nil })
}

// mirrored are comparisons that become another one when their sides are exchanged.
var mirrored = map[string]string{"$greater": "$less", "$greater_or_equal": "$less_or_equal"}

func (t *tracer) call(e *ir.Call, c *cone) sum {
	at := t.begin("Call")
	t.called(e, c)
	return t.end(at)
}

// called adds a call to a hash, in its canonical form.
func (t *tracer) called(e *ir.Call, c *cone) {
	name := e.Name
	if builtin(e) {
		if volatile[name] {
			t.note(c, true, name)
		}
	} else {
		t.function(name, c)
	}
	var args []sum
	if builtin(e) && (name == "$and" || name == "$or") {
		args = set(t.flattened(nil, e, name, c))
	} else {
		args = make([]sum, len(e.Args))
		for i := range e.Args {
			args[i] = t.argument(e, i, c)
		}
	}
	if builtin(e) {
		switch name {
		case "$equal", "$not_equal", "$is_distinct_from", "$is_not_distinct_from":
			slices.SortFunc(args, compare)
		case "$greater", "$greater_or_equal":
			name = mirrored[name]
			slices.Reverse(args)
		case "$in":
			slices.SortFunc(args[min(1, len(args)):], compare)
		}
	}
	t.text(name)
	t.sums(args)
	t.typ(e.Sig.Result)
	for i := len(e.Args); i < max(len(e.Sig.Args), len(e.Sig.Named)); i++ {
		if i < len(e.Sig.Args) {
			t.typ(e.Sig.Args[i])
		}
		if i < len(e.Sig.Named) {
			t.text(e.Sig.Named[i])
		}
	}
	t.fields(e.Sig, c, "Args", "Result", "Named")
	t.fields(e, c, "Name", "Args", "Sig")
}

// flattened are the operands of a chain of ANDs or of ORs.
func (t *tracer) flattened(list []sum, e *ir.Call, name string, c *cone) []sum {
	for i, a := range e.Args {
		if in, ok := a.Expr.(*ir.Call); ok && in.Name == name && builtin(in) && in.Safe == e.Safe && len(in.Hints) == 0 && in.Collation == "" {
			list = t.flattened(list, in, name, c)
			continue
		}
		list = append(list, t.argument(e, i, c))
	}
	return list
}

// argument is one with what the signature says of it.
func (t *tracer) argument(e *ir.Call, i int, c *cone) sum {
	at := t.begin("argument")
	a := e.Args[i]
	t.fields(a, c)
	if a.Sequence != "" {
		t.note(c, true, "the sequence "+a.Sequence)
	}
	if a.Model != "" || a.Connection != "" {
		t.refuse("what the call of " + e.Name + " reads")
	}
	if i < len(e.Sig.Args) {
		t.typ(e.Sig.Args[i])
	}
	if i < len(e.Sig.Named) {
		t.text(e.Sig.Named[i])
	}
	return t.end(at)
}

// function adds what a function of the caller's does.
func (t *tracer) function(name string, c *cone) {
	if t.names.Function != nil {
		if f, ok := t.names.Function(name); ok {
			t.text(f.Text)
			for _, v := range f.Volatile {
				t.note(c, true, v)
			}
			return
		}
	}
	t.refuse("the function " + name)
}

// aggregateCall reads the modifiers in the order in which they make columns.
func (t *tracer) aggregateCall(e *ir.AggregateCall, c *cone) sum {
	t.stableAggregate(e, c)
	at := t.begin("AggregateCall")
	if e.GroupByRows != nil {
		t.text("GroupByRows")
		t.all(t.relation(e.GroupByRows), c)
	}
	for _, list := range [][]ir.Computed{e.GroupBy, e.Nested} {
		t.number(len(list))
		outer := t.group
		t.group = nil // those of one group more
		for _, v := range t.compute(list) {
			t.sum(v.sum)
			c.add(v.cone)
		}
		t.group = outer
	}
	t.called(&e.Call, c)
	t.sortedBy(e.Order, c)
	t.fields(e, c, "Call", "Order", "GroupBy", "Nested", "GroupByRows")
	return t.end(at)
}

func (t *tracer) subquery(e *ir.Subquery, c *cone) sum {
	at := t.begin("Subquery")
	t.depth++
	r := t.relation(e.Scan)
	t.sum(r.rows.hash(t))
	c.add(&r.rows.cone)
	if e.Kind != ir.Exists {
		t.number(len(r.columns))
		for _, v := range r.columns {
			t.sum(t.at(v))
			c.add(v.cone)
		}
	}
	if e.Kind == ir.ArrayOf {
		o := r.rows.order
		if o != nil {
			t.sum(o.sum)
			c.add(o.cone)
		}
		switch {
		case t.totals.Unique(e.Scan, nil):
		case o == nil || !e.Scan.Ordered():
			t.note(c, false, "ARRAY of a subquery without ORDER BY")
		case !o.total && !covered(e.Scan.Out(), o.by):
			t.note(c, false, "ARRAY of a subquery in an order with ties")
		}
	}
	t.depth--
	t.fields(e, c, "Scan", "Params")
	return t.end(at)
}

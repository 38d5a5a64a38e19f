package origin

import (
	"fmt"
	"maps"

	"github.com/engine-build/engine/engine/ir"
)

// tracer walks one statement. Column identities are unique in a statement, so one
// map holds the values of all columns in sight.
type tracer struct {
	places  map[string]int32
	at      []place
	columns map[ir.ColumnID]*value
	ctes    map[string]*relation
	// self is the recursive relation whose next step is being read.
	self      *relation
	flattened *value
	opaque    []string // beside those that columns and rows carry
}

// relation is the columns of a scan by position, and what decides its rows.
type relation struct {
	columns []*value
	rows    uses
}

// scan notes the values of the columns that s yields and returns what decides its rows.
func (t *tracer) scan(s ir.Scan) uses {
	switch s := s.(type) {
	case nil, *ir.SingleRow:
		return uses{}
	case *ir.Table:
		return t.table(s)
	case *ir.Join:
		rows := t.scan(s.Left)
		rows = rows.and(t.scan(s.Right))
		return rows.and(t.decides(s.On, Join))
	case *ir.Unnest:
		return t.unnest(s)
	case *ir.Filter:
		rows := t.scan(s.Input)
		return rows.and(t.decides(s.Where, Filter))
	case *ir.Aggregate:
		return t.aggregate(s)
	case *ir.SetOp:
		return t.setOp(s)
	case *ir.OrderBy:
		rows := t.scan(s.Input)
		return rows.and(t.order(s.Items, Order, s.Span))
	case *ir.Limit:
		rows := t.scan(s.Input)
		return rows.and(t.decides(s.Limit, Filter)).and(t.decides(s.Offset, Filter))
	case *ir.With:
		return t.with(s)
	case *ir.WithRef:
		return t.withRef(s)
	case *ir.Recursive:
		return t.recursive(s)
	case *ir.RecursiveRef:
		if t.self == nil {
			return t.unknown(s, "a recursive reference outside of its query")
		}
		t.assign(s.Columns, t.self)
		return t.self.rows
	case *ir.Analytic:
		return t.analytic(s)
	case *ir.Project:
		rows := t.scan(s.Input)
		t.compute(s.Exprs)
		return rows
	case *ir.Sample:
		rows := t.scan(s.Input)
		if s.Weight != nil {
			t.columns[s.Weight.ID] = nil // made by the sampling
		}
		for _, e := range s.Partition {
			rows = rows.and(t.decides(e, Filter))
		}
		return rows.and(t.decides(s.Size, Filter))
	case *ir.TVF:
		return t.tvf(s)
	case *ir.GroupRows:
		t.compute(s.Inputs)
		return uses{}
	case *ir.Assert:
		rows := t.scan(s.Input)
		return rows.and(t.decides(s.Condition, Filter))
	case *ir.Barrier:
		return t.scan(s.Input)
	case *ir.UnsupportedScan:
		return t.unknown(s, s.What)
	}
	return t.unknown(s, fmt.Sprintf("%T", s))
}

// unknown marks all columns of a scan, and its rows, as not looked into.
func (t *tracer) unknown(s ir.Scan, what string) uses {
	u := uses{opaque: []string{what}}
	for _, c := range s.Out() {
		t.columns[c.ID] = &value{uses: u}
	}
	return u
}

func columnName(s *ir.Table, i int) string {
	if i < len(s.Names) {
		return s.Names[i]
	}
	return s.Columns[i].Name
}

func (t *tracer) table(s *ir.Table) uses {
	for i, c := range s.Columns {
		var path []string
		if name := columnName(s, i); name != "" {
			path = []string{name}
		}
		t.columns[c.ID] = &value{base: []leaf{{place: t.placed(s.Name, path, c.Type), kind: Identity, keep: true}}}
	}
	return t.decides(s.SystemTime, Filter)
}

func (t *tracer) unnest(s *ir.Unnest) uses {
	rows := t.scan(s.Input)
	var offset *value
	for i, a := range s.Arrays {
		v := t.expr(a)
		rows = rows.and(v.read(Unnest, a.At()))
		if i < len(s.Elements) {
			t.columns[s.Elements[i].ID] = v.element()
		}
		offset = merge(offset, v)
	}
	if s.Offset != nil {
		t.columns[s.Offset.ID] = offset.computed(Transformed)
	}
	rows = rows.and(t.decides(s.ZipMode, Unnest))
	return rows.and(t.decides(s.On, Join))
}

func (t *tracer) aggregate(s *ir.Aggregate) uses {
	rows := t.scan(s.Input)
	t.compute(s.Keys)
	var keys *value
	for _, k := range s.Keys {
		v := t.columns[k.Column.ID]
		keys = merge(keys, v)
		rows = rows.and(v.read(Group, spanOf(k.Expr)))
	}
	t.compute(s.Aggs)
	for _, g := range s.Grouping {
		t.columns[g.Column.ID] = t.columns[g.Key].computed(Transformed)
	}
	return rows
}

func spanOf(e ir.Expr) ir.Span {
	if e == nil {
		return ir.Span{}
	}
	return e.At()
}

func (t *tracer) setOp(s *ir.SetOp) uses {
	var rows uses
	for i, item := range s.Items {
		rel := t.item(item)
		rows = rows.and(rel.rows)
		first := i == 0
		for j, c := range s.Columns {
			v := part(rel.columns, j)
			switch s.Kind {
			case ir.UnionAll, ir.UnionDistinct:
				if !first {
					v = merge(t.columns[c.ID], v)
				}
			default:
				// The other sides of INTERSECT and EXCEPT decide which rows stay.
				if !first {
					rows = rows.and(v.read(Filter, item.Scan.At()))
					continue
				}
			}
			t.columns[c.ID] = v
		}
	}
	if s.Kind == ir.UnionDistinct || s.Kind == ir.IntersectDistinct || s.Kind == ir.ExceptDistinct {
		for _, c := range s.Columns {
			rows = rows.and(t.columns[c.ID].read(Group, s.Span))
		}
	}
	return rows
}

// item reads one side of a set operation.
func (t *tracer) item(i ir.SetItem) *relation {
	r := &relation{rows: t.scan(i.Scan)}
	for _, c := range i.Columns {
		r.columns = append(r.columns, t.columns[c.ID])
	}
	return r
}

func (t *tracer) assign(to []ir.Column, r *relation) {
	for i, c := range to {
		t.columns[c.ID] = part(r.columns, i)
	}
}

// relation reads a scan by position.
func (t *tracer) relation(s ir.Scan) *relation {
	r := &relation{rows: t.scan(s)}
	if s != nil {
		for _, c := range s.Out() {
			r.columns = append(r.columns, t.columns[c.ID])
		}
	}
	return r
}

func (t *tracer) with(s *ir.With) uses {
	outer := t.ctes
	t.ctes = maps.Clone(outer)
	defer func() { t.ctes = outer }()
	for _, e := range s.Entries {
		t.ctes[e.Name] = t.relation(e.Scan)
	}
	return t.scan(s.Body)
}

func (t *tracer) withRef(s *ir.WithRef) uses {
	r, ok := t.ctes[s.Name]
	if !ok {
		return t.unknown(s, "WITH "+s.Name)
	}
	t.assign(s.Columns, r)
	return r.rows
}

// recursive reads the step again until it says nothing new. Every round adds to
// sets that are bounded by the places of the statement, so it ends.
func (t *tracer) recursive(s *ir.Recursive) uses {
	outer := t.self
	defer func() { t.self = outer }()
	known := t.item(s.Anchor)
	for len(known.columns) < len(s.Columns) {
		known.columns = append(known.columns, nil)
	}
	for {
		t.self = known
		step := t.item(s.Step)
		next := &relation{rows: known.rows.and(step.rows), columns: make([]*value, len(known.columns))}
		same := next.rows.equal(known.rows)
		for i, v := range known.columns {
			next.columns[i] = merge(v, part(step.columns, i))
			same = same && next.columns[i].equal(v)
		}
		known = next
		if same {
			break
		}
	}
	rows := known.rows
	t.assign(s.Columns, known)
	if !s.All {
		for i, c := range s.Columns {
			if s.Depth == nil || c.ID != s.Depth.ID {
				rows = rows.and(part(known.columns, i).read(Group, s.Span))
			}
		}
	}
	if s.Depth != nil {
		t.columns[s.Depth.ID] = nil
	}
	return rows.and(t.decides(s.Lower, Filter)).and(t.decides(s.Upper, Filter))
}

func (t *tracer) analytic(s *ir.Analytic) uses {
	rows := t.scan(s.Input)
	for _, g := range s.Groups {
		for _, c := range g.Calls {
			var window uses
			for _, p := range g.Partition {
				window = window.and(t.expr(p).read(Window, written(p.Span, spanOf(c.Expr))))
			}
			window = window.and(t.order(g.Order, Window, spanOf(c.Expr)))
			t.columns[c.Column.ID] = t.expr(c.Expr).through(spanOf(c.Expr)).with(window)
		}
	}
	return rows
}

func (t *tracer) tvf(s *ir.TVF) uses {
	var all *value
	rows := uses{opaque: []string{"table function " + s.Name}}
	for _, a := range s.Args {
		if a.Expr != nil {
			all = merge(all, t.expr(a.Expr))
		}
		if a.Scan == nil {
			continue
		}
		rows = rows.and(t.scan(a.Scan))
		for _, c := range a.Columns {
			all = merge(all, t.columns[c.ID].computed(Transformed))
		}
	}
	v := all.computed(Transformed).with(uses{opaque: []string{"table function " + s.Name}})
	for _, c := range s.Columns {
		t.columns[c.ID] = v
	}
	return rows
}

// compute notes the values of computed columns.
func (t *tracer) compute(list []ir.Computed) {
	for _, c := range list {
		v := t.expr(c.Expr)
		if _, plain := c.Expr.(*ir.ColumnRef); !plain {
			v = v.through(spanOf(c.Expr))
		}
		t.columns[c.Column.ID] = v
		if c.Deferred != 0 {
			t.columns[c.Deferred] = v.computed(Transformed)
		}
	}
}

// decides is what a condition reads, each place with the narrowest AND operand that reads it.
func (t *tracer) decides(e ir.Expr, how Use) uses {
	if e == nil {
		return uses{}
	}
	if c, ok := e.(*ir.Call); ok && c.Name == "$and" && builtin(c) {
		var out uses
		for _, a := range c.Args {
			out = out.and(t.decides(a.Expr, how))
		}
		return out
	}
	return t.expr(e).read(how, e.At())
}

// written is a place in the text: of the thing itself, or of what holds it.
func written(own, around ir.Span) ir.Span {
	if own == (ir.Span{}) {
		return around
	}
	return own
}

func (t *tracer) order(items []ir.OrderItem, how Use, around ir.Span) uses {
	var out uses
	for _, o := range items {
		if o.Expr != nil {
			out = out.and(t.expr(o.Expr).read(how, written(o.Expr.Span, around)))
		}
	}
	return out
}

// expr is where the value of an expression comes from.
func (t *tracer) expr(e ir.Expr) *value {
	switch e := e.(type) {
	case nil, *ir.Literal, *ir.Parameter, *ir.Constant, *ir.SystemVariable, *ir.Default:
		return nil
	case *ir.ColumnRef:
		v, ok := t.columns[e.Column.ID]
		if !ok {
			return opaque("column " + e.Column.Name)
		}
		return v
	case *ir.Call:
		return t.call(e)
	case *ir.AggregateCall:
		return t.aggregateCall(e)
	case *ir.WindowCall:
		return t.windowCall(e)
	case *ir.Cast:
		return t.cast(e)
	case *ir.MakeStruct:
		v := &value{fields: make([]*value, len(e.Args))}
		for i, a := range e.Args {
			v.fields[i] = t.expr(a)
		}
		return v
	case *ir.GetField:
		return t.field(t.expr(e.Arg), e.Index)
	case *ir.GetJSONField:
		return t.expr(e.Arg).computed(Transformed)
	case *ir.Flatten:
		return t.flatten(e)
	case *ir.FlattenedArg:
		return t.flattened
	case *ir.ReplaceField:
		return t.replace(e)
	case *ir.Subquery:
		return t.subquery(e)
	case *ir.WithExpr:
		t.compute(e.Assign)
		return t.expr(e.Expr)
	case *ir.ArgumentRef:
		return opaque("argument " + e.Name)
	case *ir.Lambda:
		return t.expr(e.Body)
	case *ir.ArrayAggregate:
		if e.Agg == nil {
			return opaque("an aggregate over an array")
		}
		array := t.expr(e.Array)
		t.columns[e.Element.ID] = array.element()
		t.compute(e.Pre)
		return t.aggregateCall(e.Agg)
	case *ir.UnsupportedExpr:
		return opaque(e.What)
	}
	return opaque(fmt.Sprintf("%T", e))
}

func opaque(what string) *value { return &value{uses: uses{opaque: []string{what}}} }

// cast keeps the parts of what it converts: structs convert field by field.
func (t *tracer) cast(c *ir.Cast) *value {
	v := t.expr(c.Arg)
	if c.Arg == nil || !c.Arg.T().Equal(c.Type) || !c.Params.None() {
		v = v.copied(Transformed)
	}
	if !parallel(c.Arg, c.Type) {
		v = v.computed(Transformed)
	}
	return mergeAll(v, t.expr(c.Format).computed(Transformed), t.expr(c.Zone).computed(Transformed))
}

// parallel reports whether a conversion leaves a struct a struct and an array an array.
func parallel(e ir.Expr, to *ir.Type) bool {
	if e == nil {
		return false
	}
	from := e.T()
	for from != nil && to != nil && from.Kind == ir.Array && to.Kind == ir.Array {
		from, to = from.Elem, to.Elem
	}
	return from != nil && to != nil && (from.Kind == to.Kind || from.Kind != ir.Struct && from.Kind != ir.Array && to.Kind != ir.Struct && to.Kind != ir.Array)
}

func (t *tracer) flatten(f *ir.Flatten) *value {
	outer := t.flattened
	defer func() { t.flattened = outer }()
	v := t.expr(f.Arg)
	for _, p := range f.Path {
		t.flattened = t.innermost(v)
		v = t.expr(p)
	}
	return arrayOf(t.innermost(v))
}

func (t *tracer) replace(r *ir.ReplaceField) *value {
	v := t.expr(r.Arg)
	for _, i := range r.Items {
		v = t.put(v, r.Type, i.Path, t.expr(i.Expr))
	}
	return v
}

// put is a struct of a type with the field at a path replaced.
func (t *tracer) put(v *value, typ *ir.Type, path []int, x *value) *value {
	if len(path) == 0 {
		return x
	}
	if typ == nil || typ.Kind != ir.Struct || path[0] < 0 || path[0] >= len(typ.Fields) {
		return merge(v, x).computed(Transformed)
	}
	out := &value{fields: make([]*value, len(typ.Fields))}
	if v != nil {
		out.uses = v.uses
	}
	for i, f := range typ.Fields {
		if out.fields[i] = t.field(v, i); i == path[0] {
			out.fields[i] = t.put(out.fields[i], f.Type, path[1:], x)
		}
	}
	return out
}

func (t *tracer) subquery(s *ir.Subquery) *value {
	left := t.expr(s.In)
	r := t.relation(s.Scan)
	column := part(r.columns, 0)
	switch s.Kind {
	case ir.Scalar:
		return column.with(r.rows)
	case ir.ArrayOf:
		return arrayOf(column).with(r.rows)
	case ir.Exists:
		return (&value{}).with(r.rows)
	default: // IN, LIKE ANY, LIKE ALL
		return merge(left, column).computed(Transformed).with(r.rows)
	}
}

// arguments are the values of a call's arguments, by position.
func (t *tracer) arguments(c *ir.Call) []*value {
	out := make([]*value, len(c.Args))
	for i, a := range c.Args {
		switch {
		case a.Expr != nil:
			out[i] = t.expr(a.Expr)
		case a.Scan != nil:
			r := t.relation(a.Scan)
			out[i] = mergeAll(r.columns...).computed(Transformed).with(r.rows)
		case a.Model != "":
			out[i] = opaque("model " + a.Model)
		}
	}
	for i, a := range c.Args {
		if a.Lambda != nil {
			out[i] = t.lambda(c, a.Lambda, out)
		}
	}
	return out
}

// lambda is the body of a lambda whose arguments are, in order, elements of the
// arrays before it; an argument beyond them is a position. Where the types say
// otherwise, every argument may be any of the arrays.
func (t *tracer) lambda(c *ir.Call, l *ir.Lambda, args []*value) *value {
	var arrays []int
	var all *value
	for i, a := range c.Args {
		if a.Expr != nil {
			all = merge(all, args[i].computed(Transformed))
			if typ := a.Expr.T(); typ != nil && typ.Kind == ir.Array {
				arrays = append(arrays, i)
			}
		}
	}
	for i, x := range l.Args {
		switch {
		case i < len(arrays) && c.Args[arrays[i]].Expr.T().Elem.Equal(x.Type):
			t.columns[x.ID] = args[arrays[i]].element()
		case i >= len(arrays) && x.Type != nil && x.Type.Kind == ir.Int64:
			t.columns[x.ID] = nil
		default:
			t.columns[x.ID] = all
		}
	}
	return t.expr(l.Body)
}

// builtin reports whether a call is one of GoogleSQL's or BigQuery's own functions: of
// others nothing is known but that they read their arguments.
func builtin(c *ir.Call) bool {
	return c.Group == "" || c.Group == "GoogleSQL" || c.Group == "BigQuery"
}

func (t *tracer) call(c *ir.Call) *value {
	args := t.arguments(c)
	if builtin(c) {
		if v, ok := t.scalar(c, args); ok {
			return v
		}
	}
	return mergeAll(args...).computed(Transformed)
}

func (t *tracer) aggregateCall(c *ir.AggregateCall) *value {
	var rows uses
	if c.GroupByRows != nil {
		rows = t.scan(c.GroupByRows)
	}
	t.compute(c.GroupBy)
	for _, k := range c.GroupBy {
		rows = rows.and(t.columns[k.Column.ID].read(Group, spanOf(k.Expr)))
	}
	t.compute(c.Nested)
	rows = rows.and(t.decides(c.Filter, Filter))
	args := t.arguments(&c.Call)
	rows = rows.and(t.order(c.Order, Window, c.Span)).and(t.decides(c.Where, Filter)).and(t.decides(c.Limit, Filter))
	if c.Having != nil {
		rows = rows.and(t.decides(c.Having.Expr, Filter))
	}
	return t.aggregated(&c.Call, args).with(rows)
}

func (t *tracer) windowCall(c *ir.WindowCall) *value {
	args := t.arguments(&c.Call)
	rows := t.order(c.Order, Window, c.Span).and(t.decides(c.Where, Filter))
	if c.Frame != nil {
		rows = rows.and(t.decides(c.Frame.Start.Offset, Window)).and(t.decides(c.Frame.End.Offset, Window))
	}
	if builtin(&c.Call) {
		if v, ok := windowed(&c.Call, args); ok {
			return v.with(rows)
		}
	}
	return t.aggregated(&c.Call, args).with(rows)
}

package meaning

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/origin"
)

// tracer walks one statement. Column identities are unique in a statement, so one map
// holds all columns.
type tracer struct {
	names   Names
	totals  *origin.Totals
	strict  bool   // every ORDER BY decides
	sorted  bool   // an ORDER BY was seen
	refused string // why there is no meaning

	buf     []byte
	columns map[ir.ColumnID]value
	ctes    map[string]*relation
	self    *relation // the recursive relation whose step is being read
	types   map[*ir.Type]string
	// depth is how many queries lie around the one being read, nest how many lambdas lie
	// around an expression, once how many values there were that differ each time.
	depth, nest, once int
	group             *group // what aggregates are read in

	places []place
	placed map[place]int
	causes []cause
}

// value is a column, known by what defines it in its row.
type value struct {
	sum   sum
	cone  *cone
	depth int // of the query whose row it stands in
}

// rows are which rows a scan has, and how often: those of base that meet all conditions.
type rows struct {
	base       sum
	conditions []sum // sorted, each once
	cone       cone
	order      *order // nil: in none
}

// order is how rows are sorted.
type order struct {
	sum   sum
	cone  *cone
	by    []ir.ColumnID // the columns whose values decide, binary
	sums  []sum         // their values
	total bool          // it leaves no ties
}

// relation is a scan by position.
type relation struct {
	rows    rows
	columns []value
	depth   int
}

// group is the input of aggregates: its rows, and the columns it is grouped by.
type group struct {
	input ir.Scan
	by    []ir.ColumnID
}

func newTracer(q *ir.Query, n Names) *tracer {
	return &tracer{
		names: n, totals: origin.NewTotals(q, nil), columns: map[ir.ColumnID]value{}, ctes: map[string]*relation{},
		types: map[*ir.Type]string{}, placed: map[place]int{},
	}
}

func (t *tracer) refuse(why string) {
	if t.refused == "" {
		t.refused = cmp.Or(why, "something that is not known")
	}
}

// begin starts a hash; what is written until end with its answer belongs to it.
func (t *tracer) begin(tag string) int {
	at := len(t.buf)
	t.text(tag)
	return at
}

func (t *tracer) end(at int) sum {
	h := sha256.Sum256(t.buf[at:])
	t.buf = t.buf[:at]
	return sum(h[:16])
}

func (t *tracer) text(s string) {
	t.number(len(s))
	t.buf = append(t.buf, s...)
}

func (t *tracer) number(n int) { t.buf = binary.AppendVarint(t.buf, int64(n)) }
func (t *tracer) sum(s sum)    { t.buf = append(t.buf, s[:]...) }

func (t *tracer) flag(set bool) {
	if set {
		t.buf = append(t.buf, 1)
	} else {
		t.buf = append(t.buf, 0)
	}
}

func (t *tracer) sums(list []sum) {
	t.number(len(list))
	for _, s := range list {
		t.sum(s)
	}
}

func (t *tracer) typ(x *ir.Type) {
	if x == nil {
		t.text("")
		return
	}
	text, ok := t.types[x]
	if !ok {
		text = x.String()
		t.types[x] = text
	}
	t.text(text)
}

func compare(a, b sum) int { return slices.Compare(a[:], b[:]) }

// set sorts hashes and drops repeated ones.
func set(list []sum) []sum {
	slices.SortFunc(list, compare)
	return slices.Compact(list)
}

func (r *rows) hash(t *tracer) sum {
	if len(r.conditions) == 0 {
		return r.base
	}
	at := t.begin("filter")
	t.sum(r.base)
	t.sums(r.conditions)
	return t.end(at)
}

// where keeps the rows that meet a condition.
func (t *tracer) where(r *rows, e ir.Expr) {
	if list := t.conjuncts(nil, e, &r.cone); len(list) > 0 {
		r.conditions = set(append(slices.Clone(r.conditions), list...))
	}
}

func (t *tracer) conjuncts(list []sum, e ir.Expr, c *cone) []sum {
	if absent(e) {
		return list
	}
	if call, ok := e.(*ir.Call); ok && plainAnd(call) {
		for _, a := range call.Args {
			list = t.conjuncts(list, a.Expr, c)
		}
		return list
	}
	return append(list, t.expr(e, c))
}

// put notes a column that a scan yields.
func (t *tracer) put(c ir.Column, s sum, k *cone) {
	t.columns[c.ID] = value{sum: s, cone: k, depth: t.depth}
}

func (t *tracer) column(c ir.Column) value { return t.byID(c.ID) }

func (t *tracer) byID(id ir.ColumnID) value {
	v, ok := t.columns[id]
	if !ok {
		t.refuse("a column from nowhere")
	}
	return v
}

// at is a column as the query being read sees it.
func (t *tracer) at(v value) sum {
	if v.depth == t.depth {
		return v.sum
	}
	at := t.begin("outer")
	t.number(t.depth - v.depth)
	t.sum(v.sum)
	return t.end(at)
}

// tagged is a hash in another role.
func (t *tracer) tagged(tag string, s sum) sum {
	at := t.begin(tag)
	t.sum(s)
	return t.end(at)
}

func (t *tracer) numbered(tag string, n int) sum {
	at := t.begin(tag)
	t.number(n)
	return t.end(at)
}

// side puts the columns of a scan on a side of the one above it.
func (t *tracer) side(s ir.Scan, tag string) {
	if absent(s) {
		return
	}
	for _, c := range s.Out() {
		v := t.column(c)
		t.put(c, t.tagged(tag, v.sum), v.cone)
	}
}

// relation reads a scan by position.
func (t *tracer) relation(s ir.Scan) *relation {
	r := &relation{rows: t.scan(s), depth: t.depth}
	if !absent(s) {
		for _, c := range s.Out() {
			r.columns = append(r.columns, t.column(c))
		}
	}
	return r
}

func (t *tracer) item(i ir.SetItem) *relation {
	r := &relation{rows: t.scan(i.Scan), depth: t.depth}
	for _, c := range i.Columns {
		r.columns = append(r.columns, t.column(c))
	}
	return r
}

// all adds the rows and the columns of a relation to a hash and to a cone.
func (t *tracer) all(r *relation, c *cone) {
	t.sum(r.rows.hash(t))
	c.add(&r.rows.cone)
	t.number(len(r.columns))
	for _, v := range r.columns {
		t.sum(t.at(v))
		c.add(v.cone)
	}
}

// compute notes computed columns and lists their values.
func (t *tracer) compute(list []ir.Computed) []value {
	out := make([]value, len(list))
	for i, x := range list {
		c := &cone{}
		s := t.expr(x.Expr, c)
		if len(c.causes) > 0 {
			if _, plain := x.Expr.(*ir.ColumnRef); !plain {
				// Computed twice it is two values, read twice it is one.
				t.once++
				at := t.begin("once")
				t.number(t.once)
				t.sum(s)
				s = t.end(at)
			}
		}
		t.put(x.Column, s, c)
		if x.Deferred != 0 {
			t.columns[x.Deferred] = value{sum: t.tagged("error", s), cone: c, depth: t.depth}
		}
		out[i] = t.column(x.Column)
	}
	return out
}

// absent reports whether there is no node, in an interface or as a pointer in one.
func absent(n ir.Node) bool {
	if n == nil {
		return true
	}
	v := reflect.ValueOf(n)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

// scan notes the columns that s yields and returns which rows it has.
func (t *tracer) scan(s ir.Scan) rows {
	if absent(s) {
		return rows{base: t.numbered("one row", 0)}
	}
	switch s := s.(type) {
	case *ir.SingleRow:
		return t.derived(s, rows{}, "one row")
	case *ir.Table:
		return t.table(s)
	case *ir.Join:
		return t.join(s)
	case *ir.Unnest:
		return t.unnest(s)
	case *ir.Filter:
		r := t.pass(s, t.scan(s.Input), "Input", "Where")
		t.where(&r, s.Where)
		return r
	case *ir.Aggregate:
		return t.aggregate(s)
	case *ir.SetOp:
		return t.setOp(s)
	case *ir.OrderBy:
		return t.orderBy(s)
	case *ir.Limit:
		return t.limit(s)
	case *ir.With:
		return t.with(s)
	case *ir.WithRef:
		return t.withRef(s)
	case *ir.Recursive:
		return t.recursive(s)
	case *ir.RecursiveRef:
		if t.self == nil {
			t.refuse("a recursive reference outside of its query")
			return rows{}
		}
		return t.pass(s, t.assign(s.Columns, t.self))
	case *ir.Analytic:
		return t.analytic(s)
	case *ir.Project:
		r := t.pass(s, t.scan(s.Input), "Input", "Exprs")
		t.compute(s.Exprs)
		return r
	case *ir.Sample:
		return t.sample(s)
	case *ir.TVF:
		return t.tvf(s)
	case *ir.GroupRows:
		t.compute(s.Inputs)
		return t.derived(s, rows{}, "group rows", "Inputs")
	case *ir.Assert:
		r := t.scan(s.Input)
		var c cone
		condition, message := t.expr(s.Condition, &c), t.optional(s.Message, &c)
		r.cone.add(&c)
		at := t.begin("assert")
		t.sum(r.hash(t))
		t.sum(condition)
		t.sum(message)
		t.rest(s, &r.cone, "Input", "Condition", "Message")
		return rows{base: t.end(at), cone: r.cone, order: r.order}
	case *ir.Barrier:
		return t.pass(s, t.scan(s.Input), "Input")
	case *ir.UnsupportedScan:
		t.refuse(s.What)
		return rows{}
	}
	t.refuse(reflect.TypeOf(s).String())
	return rows{}
}

// derived are the rows that only a scan's own fields tell about, but for those that are handled.
func (t *tracer) derived(s ir.Scan, r rows, tag string, handled ...string) rows {
	at := t.begin(tag)
	t.rest(s, &r.cone, handled...)
	r.base = t.end(at)
	return r
}

// pass are the rows of its input, where a scan has nothing else to say, such as a hint.
func (t *tracer) pass(s ir.Scan, r rows, handled ...string) rows {
	before := len(t.buf)
	t.rest(s, &r.cone, handled...)
	more := slices.Clone(t.buf[before:])
	t.buf = t.buf[:before]
	if len(more) == 0 {
		return r
	}
	at := t.begin("with")
	t.sum(r.hash(t))
	t.buf = append(t.buf, more...)
	return rows{base: t.end(at), cone: r.cone, order: r.order}
}

// rest adds the fields of a node that are set and not handled otherwise.
func (t *tracer) rest(n ir.Node, c *cone, handled ...string) { t.fields(n, c, handled...) }

func (t *tracer) table(s *ir.Table) rows {
	name := s.Name
	if t.names.Table != nil {
		name = t.names.Table(s.Name)
	}
	var r rows
	r.cone.set(t.place(place{table: s.Name, kind: rowsPlace}))
	at := t.begin("table")
	t.text(name)
	t.rest(s, &r.cone, "Name", "Alias", "Names", "Pseudo")
	r.base = t.end(at)
	for i, c := range s.Columns {
		column, pseudo := "", i < len(s.Pseudo) && s.Pseudo[i]
		if i < len(s.Names) {
			column = strings.ToLower(s.Names[i])
		}
		k := &cone{}
		if column == "" || pseudo {
			k.set(t.place(place{table: s.Name, kind: wholePlace}))
		} else {
			k.set(t.place(place{table: s.Name, column: column}))
		}
		at := t.begin("column")
		t.sum(r.base)
		t.text(column)
		t.flag(pseudo)
		t.typ(c.Type)
		t.put(c, t.end(at), k)
	}
	return r
}

func (t *tracer) join(s *ir.Join) rows {
	left := t.scan(s.Left)
	if s.Lateral {
		t.depth++
	}
	right := t.scan(s.Right)
	kind, first, second := s.Kind, left, right
	tags := [2]string{"left", "right"}
	if s.Lateral {
		t.depth--
		for _, c := range s.Right.Out() {
			v := t.column(c)
			v.depth = t.depth
			t.columns[c.ID] = v
		}
	} else if kind == ir.Right {
		// It is a left join with its sides exchanged.
		kind, first, second, tags = ir.Left, right, left, [2]string{"right", "left"}
	}
	t.side(s.Left, tags[0])
	t.side(s.Right, tags[1])
	var r rows
	r.cone.add(&left.cone)
	r.cone.add(&right.cone)
	on := set(t.conjuncts(nil, s.On, &r.cone))
	at := t.begin("join")
	t.number(int(kind))
	t.flag(s.Lateral)
	t.sum(first.hash(t))
	t.sum(second.hash(t))
	if kind != ir.Inner {
		t.sums(on)
		on = nil
	}
	t.rest(s, &r.cone, "Kind", "Left", "Right", "On", "Lateral", "Params", "Using")
	r.base, r.conditions = t.end(at), on
	return r
}

func (t *tracer) unnest(s *ir.Unnest) rows {
	in := t.scan(s.Input)
	var r rows
	r.cone.add(&in.cone)
	arrays := make([]sum, len(s.Arrays))
	cones := make([]*cone, len(s.Arrays))
	all := &cone{}
	for i, a := range s.Arrays {
		cones[i] = &cone{}
		arrays[i] = t.expr(a, cones[i])
		all.add(cones[i])
	}
	r.cone.add(all)
	mode := t.optional(s.ZipMode, &r.cone)
	t.side(s.Input, "outside")
	for i, c := range s.Elements {
		k := all
		if i < len(cones) {
			k = cones[i]
		}
		t.put(c, t.numbered("element", i), k)
	}
	if s.Offset != nil {
		t.put(*s.Offset, t.numbered("offset", 0), all)
	}
	on := set(t.conjuncts(nil, s.On, &r.cone))
	at := t.begin("unnest")
	t.sum(in.hash(t))
	t.sums(arrays)
	t.flag(s.Outer)
	t.sum(mode)
	if s.Outer {
		t.sums(on)
		on = nil
	}
	t.rest(s, &r.cone, "Input", "Arrays", "Elements", "Offset", "Outer", "On", "ZipMode")
	r.base, r.conditions = t.end(at), on
	return r
}

func (t *tracer) aggregate(s *ir.Aggregate) rows {
	in := t.scan(s.Input)
	inside := in.hash(t)
	keys := t.compute(s.Keys)
	g := &group{input: s.Input}
	collated := make([]string, len(s.Keys))
	for i, k := range s.Keys {
		if i < len(s.Collations) {
			collated[i] = s.Collations[i]
		}
		// With grouping sets, a group may be one of fewer keys.
		if ref, ok := k.Expr.(*ir.ColumnRef); ok && !ref.Correlated && collated[i] == "" && s.Sets == nil {
			g.by = append(g.by, ref.Column.ID)
		}
	}
	outer := t.group
	t.group = g
	aggs := t.compute(s.Aggs)
	t.group = outer

	var r rows
	one := len(s.Keys) == 0 && s.Sets == nil // always a single row, whatever the input
	if !one {
		r.cone.add(&in.cone)
	}
	list := make([]sum, len(keys))
	for i, k := range s.Keys {
		at := t.begin("key")
		t.sum(keys[i].sum)
		t.text(collated[i])
		if s.Sets != nil {
			t.number(i)
		}
		list[i] = t.end(at)
		r.cone.add(keys[i].cone)
		c := keys[i].cone
		if collated[i] != "" {
			own := c.clone()
			c = &own
			t.note(c, false, "GROUP BY under a collation")
		}
		t.put(k.Column, list[i], c)
		if k.Deferred != 0 {
			t.columns[k.Deferred] = value{sum: t.tagged("error", list[i]), cone: c, depth: t.depth}
		}
	}
	for i, a := range s.Aggs {
		at := t.begin("aggregated")
		t.sum(inside)
		t.sum(aggs[i].sum)
		h := t.end(at)
		c := aggs[i].cone
		if one {
			own := c.clone()
			own.add(&in.cone)
			c = &own
		}
		t.put(a.Column, h, c)
		if a.Deferred != 0 {
			t.columns[a.Deferred] = value{sum: t.tagged("error", h), cone: c, depth: t.depth}
		}
	}
	for _, x := range s.Grouping {
		k := t.byID(x.Key)
		t.put(x.Column, t.tagged("grouping", k.sum), k.cone)
	}
	at := t.begin("aggregate")
	if !one {
		t.sum(inside)
		if s.Sets == nil {
			t.sums(set(list))
		} else {
			t.sums(list)
			sets := make([]sum, len(s.Sets))
			for i, ids := range s.Sets {
				members := make([]sum, len(ids))
				for j, id := range ids {
					members[j] = t.byID(id).sum
				}
				at := t.begin("grouping set")
				t.sums(set(members))
				sets[i] = t.end(at)
			}
			slices.SortFunc(sets, compare)
			t.sums(sets)
		}
	}
	t.rest(s, &r.cone, "Input", "Keys", "Aggs", "Sets", "Grouping", "Collations")
	r.base = t.end(at)
	return r
}

func (t *tracer) setOp(s *ir.SetOp) rows {
	var r rows
	all := s.Kind == ir.UnionAll
	var decides cone // what the columns hold, where they decide which rows there are
	items := make([]*relation, len(s.Items))
	at := t.begin("set operation")
	t.number(int(s.Kind))
	t.number(len(s.Items))
	for i, it := range s.Items {
		items[i] = t.item(it)
		if all {
			t.sum(items[i].rows.hash(t))
			r.cone.add(&items[i].rows.cone)
		} else {
			t.all(items[i], &decides)
		}
	}
	if !all {
		r.cone.add(&decides)
		t.collations(s.Collations)
	}
	t.rest(s, &r.cone, "Kind", "Items", "Collations")
	r.base = t.end(at)
	for j, c := range s.Columns {
		k := &cone{}
		at := t.begin("set column")
		for _, it := range items {
			if j >= len(it.columns) {
				t.refuse("a set operation of unequal sides")
				break
			}
			t.sum(it.columns[j].sum)
			k.add(it.columns[j].cone)
		}
		if !all {
			t.number(j)
			if slices.ContainsFunc(s.Collations, func(x string) bool { return x != "" }) {
				t.note(k, false, "a set operation under a collation")
			}
		}
		t.put(c, t.end(at), k)
	}
	return r
}

// collations are a list that is nil where nothing has one.
func (t *tracer) collations(list []string) {
	for i, x := range list {
		if x != "" {
			t.number(i)
			t.text(x)
		}
	}
}

// ordering reads sort keys.
func (t *tracer) ordering(items []ir.OrderItem) *order {
	o := &order{cone: &cone{}}
	at := t.begin("order")
	t.number(len(items))
	for _, i := range items {
		if i.Expr == nil {
			t.refuse("a sort key from nowhere")
			continue
		}
		s := t.expr(i.Expr, o.cone)
		t.sum(s)
		t.flag(i.Desc)
		nulls := i.Nulls
		if nulls == ir.NullsDefault {
			if nulls = ir.NullsFirst; i.Desc {
				nulls = ir.NullsLast
			}
		}
		t.number(int(nulls))
		t.text(i.Collation)
		t.fields(i, o.cone, "Expr", "Desc", "Nulls", "Collation")
		// A key that is not compared byte by byte leaves ties, which later ones may split.
		if i.Collation == "" && i.Expr.Collation == "" {
			o.by, o.sums = append(o.by, i.Expr.Column.ID), append(o.sums, s)
		}
	}
	o.sum = t.end(at)
	return o
}

func (t *tracer) orderBy(s *ir.OrderBy) rows {
	r := t.scan(s.Input)
	t.sorted = true
	o := t.ordering(s.Items)
	o.total = t.totals.Unique(s.Input, o.by)
	if t.strict {
		at := t.begin("sorted")
		t.sum(r.hash(t))
		t.sum(o.sum)
		r.cone.add(o.cone)
		r = rows{base: t.end(at), cone: r.cone}
	}
	r = t.pass(s, r, "Input", "Items")
	r.order = o
	return r
}

// covered reports whether all columns are among those that decide an order, so that rows
// that tie are the same.
func covered(columns []ir.Column, by []ir.ColumnID) bool {
	for _, c := range columns {
		if !slices.Contains(by, c.ID) {
			return false
		}
	}
	return true
}

func (t *tracer) limit(s *ir.Limit) rows {
	r := t.scan(s.Input)
	limit, offset := t.optional(s.Limit, &r.cone), t.optional(s.Offset, &r.cone)
	switch o := r.order; {
	case t.totals.Unique(s.Input, nil):
	case o == nil || !s.Input.Ordered():
		t.note(&r.cone, false, "LIMIT without ORDER BY")
	case !o.total && !covered(s.Columns, o.by):
		t.note(&r.cone, false, "LIMIT in an order with ties")
	}
	at := t.begin("limit")
	t.sum(r.hash(t))
	if r.order != nil {
		t.sum(r.order.sum)
		r.cone.add(r.order.cone)
	}
	t.sum(limit)
	t.sum(offset)
	t.rest(s, &r.cone, "Input", "Limit", "Offset")
	return rows{base: t.end(at), cone: r.cone, order: r.order}
}

func (t *tracer) with(s *ir.With) rows {
	outer := t.ctes
	t.ctes = maps.Clone(outer)
	defer func() { t.ctes = outer }()
	for _, e := range s.Entries {
		t.ctes[e.Name] = t.relation(e.Scan)
	}
	return t.pass(s, t.scan(s.Body), "Entries", "Body", "Recursive")
}

func (t *tracer) withRef(s *ir.WithRef) rows {
	r, ok := t.ctes[s.Name]
	if !ok {
		t.refuse("WITH " + s.Name)
		return rows{}
	}
	return t.pass(s, t.assign(s.Columns, r), "Name")
}

// assign gives columns the values of a relation, by position.
func (t *tracer) assign(to []ir.Column, r *relation) rows {
	out := r.rows
	out.cone = r.rows.cone.clone()
	// Within a subquery it may speak of columns around it, counted from where it stands.
	moved := r.depth > 0 && r.depth != t.depth
	if moved {
		at := t.begin("moved")
		t.number(t.depth - r.depth)
		t.sum(out.hash(t))
		out.base, out.conditions = t.end(at), nil
	}
	for i, c := range to {
		if i >= len(r.columns) {
			t.refuse("a reference to more columns than there are")
			break
		}
		v := r.columns[i]
		if moved {
			at := t.begin("moved")
			t.number(t.depth - r.depth)
			t.sum(v.sum)
			v.sum = t.end(at)
		}
		t.put(c, v.sum, v.cone)
	}
	if out.order != nil {
		// Its columns are not those that a reader of the relation sees.
		o := *out.order
		o.by = nil
		out.order = &o
	}
	return out
}

// recursive puts everything into the rows: what one step finds decides what the next does.
func (t *tracer) recursive(s *ir.Recursive) rows {
	outer := t.self
	defer func() { t.self = outer }()
	c := &cone{}
	at := t.begin("recursive")
	t.flag(s.All)
	anchor := t.item(s.Anchor)
	t.all(anchor, c)
	self := &relation{depth: t.depth}
	self.rows.base = t.numbered("itself", 0)
	for i := range s.Columns {
		self.columns = append(self.columns, value{sum: t.numbered("column of itself", i), cone: c, depth: t.depth})
	}
	self.rows.cone = c.clone()
	t.self = self
	step := t.item(s.Step)
	t.self = outer
	t.all(step, c)
	t.sum(t.optional(s.Lower, c))
	t.sum(t.optional(s.Upper, c))
	t.flag(s.Depth != nil)
	t.collations(s.Collations)
	if !s.All && slices.ContainsFunc(s.Collations, func(x string) bool { return x != "" }) {
		t.note(c, false, "a set operation under a collation")
	}
	t.rest(s, c, "All", "Anchor", "Step", "Depth", "Lower", "Upper", "Collations")
	r := rows{base: t.end(at), cone: c.clone()}
	for i, x := range s.Columns {
		if s.Depth != nil && x.ID == s.Depth.ID {
			t.put(x, t.numbered("depth", 0), c)
			continue
		}
		t.put(x, t.numbered("recursive column", i), c)
	}
	if s.Depth != nil {
		t.put(*s.Depth, t.numbered("depth", 0), c)
	}
	return r
}

func (t *tracer) analytic(s *ir.Analytic) rows {
	r := t.scan(s.Input)
	inside := r.hash(t)
	for _, g := range s.Groups {
		c := &cone{}
		w := &window{input: s.Input}
		parts := make([]sum, len(g.Partition))
		for i, p := range g.Partition {
			collation := ""
			if i < len(g.Collations) {
				collation = g.Collations[i]
			}
			at := t.begin("partition")
			t.sum(t.expr(p, c))
			t.text(collation)
			parts[i] = t.end(at)
			if collation == "" && p.Collation == "" {
				w.by = append(w.by, p.Column.ID)
			}
		}
		w.order = t.ordering(g.Order)
		c.add(w.order.cone)
		w.by = append(w.by, w.order.by...)
		at := t.begin("window")
		t.sum(inside)
		t.sums(set(parts))
		t.sum(w.order.sum)
		t.fields(g, c, "Partition", "Collations", "Order", "Calls")
		h := t.end(at)
		for _, x := range g.Calls {
			own := c.clone()
			if call, ok := x.Expr.(*ir.WindowCall); ok {
				t.stableWindow(call, w, &own)
			} else {
				t.note(&own, false, "a window function")
			}
			call := t.expr(x.Expr, &own)
			at := t.begin("windowed")
			t.sum(h)
			t.sum(call)
			if len(own.causes) > 0 {
				t.once++
				t.number(t.once)
			}
			t.fields(x, &own, "Column", "Expr", "Deferred")
			t.put(x.Column, t.end(at), &own)
			if x.Deferred != 0 {
				v := t.column(x.Column)
				t.columns[x.Deferred] = value{sum: t.tagged("error", v.sum), cone: &own, depth: t.depth}
			}
		}
	}
	return t.pass(s, r, "Input", "Groups")
}

func (t *tracer) sample(s *ir.Sample) rows {
	r := t.scan(s.Input)
	at := t.begin("sample")
	t.sum(r.hash(t))
	t.rest(s, &r.cone, "Input", "Weight")
	t.flag(s.Weight != nil)
	t.note(&r.cone, false, "TABLESAMPLE")
	t.once++
	t.number(t.once)
	out := rows{base: t.end(at), cone: r.cone, order: r.order}
	if s.Weight != nil {
		c := out.cone.clone()
		t.put(*s.Weight, t.tagged("weight", out.base), &c)
	}
	return out
}

// tvf is opaque: it reads what it reads.
func (t *tracer) tvf(s *ir.TVF) rows {
	r := rows{cone: cone{whole: true}}
	at := t.begin("table function")
	for _, a := range s.Args {
		if a.Name != "" {
			t.refuse("table function " + s.Name + " of " + a.Name)
		}
		t.sum(t.optional(a.Expr, &r.cone))
		if a.Scan != nil {
			rel := &relation{rows: t.scan(a.Scan), depth: t.depth}
			for _, c := range a.Columns {
				rel.columns = append(rel.columns, t.column(c))
			}
			t.all(rel, &r.cone)
		}
		t.fields(a, &r.cone, "Expr", "Scan", "Columns")
	}
	t.function(s.Name, &r.cone)
	t.note(&r.cone, false, "table function "+s.Name)
	t.rest(s, &r.cone, "Args", "Index", "Names")
	r.base = t.end(at)
	c := r.cone.clone()
	for i, x := range s.Columns {
		n := i
		if i < len(s.Index) {
			n = s.Index[i]
		}
		at := t.begin("table function column")
		t.number(n)
		if n < len(s.Names) {
			t.text(s.Names[n])
		}
		t.put(x, t.end(at), &c)
	}
	return r
}

func (t *tracer) optional(e ir.Expr, c *cone) sum {
	if absent(e) {
		return t.numbered("nothing", 0)
	}
	return t.expr(e, c)
}

// fields adds the fields of a struct that are set, by name, but for those that are handled
// and those that mean nothing by themselves: spans, the lists of columns that a scan yields, whether
// it keeps an order.
func (t *tracer) fields(n any, c *cone, handled ...string) {
	v := reflect.ValueOf(n)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	t.structFields(v, c, handled)
}

var (
	spanType   = reflect.TypeFor[ir.Span]()
	baseType   = reflect.TypeFor[ir.Base]()
	typeType   = reflect.TypeFor[ir.Type]()
	columnType = reflect.TypeFor[ir.Column]()
	idType     = reflect.TypeFor[ir.ColumnID]()
)

func (t *tracer) structFields(v reflect.Value, c *cone, handled []string) {
	typ := v.Type()
	for i := range v.NumField() {
		f := v.Field(i)
		if f.Type() == spanType || f.IsZero() {
			continue
		}
		name := typ.Field(i).Name
		if slices.Contains(handled, name) {
			continue
		}
		if f.Type() == baseType {
			t.structFields(f, c, []string{"Columns", "IsOrdered"})
			continue
		}
		t.text(name)
		t.any(f, c)
	}
}

// any adds whatever stands in a field.
func (t *tracer) any(v reflect.Value, c *cone) {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			t.text("nil")
			return
		}
		switch x := v.Interface().(type) {
		case *ir.Type:
			t.typ(x)
		case ir.Expr:
			t.sum(t.expr(x, c))
		case ir.Scan:
			t.all(t.relation(x), c)
		default:
			t.any(v.Elem(), c)
		}
	case reflect.Struct:
		switch v.Type() {
		case typeType:
			t.text(v.Addr().Interface().(*ir.Type).String())
		case columnType:
			x := t.column(v.Interface().(ir.Column))
			t.sum(t.at(x))
			c.add(x.cone)
		default:
			t.structFields(v, c, nil)
			t.text("") // a field has a name
		}
	case reflect.Slice, reflect.Array:
		t.number(v.Len())
		for i := range v.Len() {
			t.any(v.Index(i), c)
		}
	case reflect.String:
		t.text(v.String())
	case reflect.Bool:
		t.flag(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if v.Type() == idType {
			x := t.byID(ir.ColumnID(v.Int()))
			t.sum(t.at(x))
			c.add(x.cone)
			return
		}
		t.buf = binary.AppendVarint(t.buf, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		t.buf = binary.AppendUvarint(t.buf, v.Uint())
	case reflect.Float32, reflect.Float64:
		t.buf = binary.BigEndian.AppendUint64(t.buf, math.Float64bits(v.Float()))
	default:
		t.refuse("a field of type " + v.Type().String())
	}
}

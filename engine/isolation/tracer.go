package isolation

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// Options are what is known besides the statement.
type Options struct {
	// Tables are the relations that the statement reads, by the names that its tree has.
	Tables func(name string) Facts
	// Self is the relation that the statement adds rows to, by that name, and Start what is known of
	// the rows in it so far; empty: the statement makes a relation anew.
	Self  string
	Start Facts
}

// Of is the verdict on a query: on that of a CREATE TABLE or CREATE VIEW, too. With a Self it is
// on the rows that there were and those that are added, however often.
func Of(s ir.Stmt, o Options) Verdict {
	var q *ir.Query
	switch s := s.(type) {
	case *ir.Query:
		q = s
	case *ir.CreateTable:
		q = s.Query
	case *ir.CreateView:
		q = s.Query
	}
	if q == nil {
		return Verdict{Facts: Facts{State: Mixed}, Reasons: []Reason{{Why: Opaque, What: "a statement that is no query"}}}
	}
	if o.Self == "" {
		return newTracer(o).verdict(q)
	}
	out := Verdict{Facts: o.Start}
	for {
		o.Start = out.Facts
		v := newTracer(o).verdict(q)
		out.told(v, o.Self)
		all := out.Facts.Or(v.Facts)
		if all.Equal(out.Facts) {
			return out
		}
		out.Facts = all // it says less each time, and there is not much
	}
}

// told adds what another look at the same rows found. That the rows which are there are mixed is a
// reason only where there is no other.
func (v *Verdict) told(o Verdict, self string) {
	reasons := slices.Concat(v.Reasons, o.Reasons)
	slices.SortFunc(reasons, Reason.compare)
	reasons = slices.Compact(reasons)
	if of := func(r Reason) bool { return r.Why == Table && r.Table == self }; slices.ContainsFunc(reasons, func(r Reason) bool { return !of(r) }) {
		reasons = slices.DeleteFunc(reasons, of)
	}
	v.Reasons = reasons
	for name, r := range o.Taints {
		if _, had := v.Taints[name]; !had {
			if v.Taints == nil {
				v.Taints = map[string]Reason{}
			}
			v.Taints[name] = r
		}
	}
}

// tracer walks one statement. Column identities are unique in a statement, so one map
// holds the values of all columns in sight.
type tracer struct {
	options Options
	columns map[ir.ColumnID]value
	ctes    map[string]*relation
	// self is the recursive relation whose next step is being read.
	self *relation
	// level is how many queries lie around the one being read.
	level int
	// around are the rows that expressions are read for, those of the queries around them first.
	around []*rows
}

func newTracer(o Options) *tracer {
	return &tracer{options: o, columns: map[ir.ColumnID]value{}, ctes: map[string]*relation{}}
}

// value is what is known of a column.
type value struct {
	// owner is whose tenant it is where it is not NULL; nil: it is nobody's.
	owner *owner
	// exact and filled are those of a Column.
	exact, filled bool
	// half says which side of a full join it was exact on.
	half half
	// taint says why it depends on rows of others; nil: it does not.
	taint *Reason
	// fields are those of a struct that the query puts together.
	fields []value
	// only is the text of a constant that may name a tenant. null: it is NULL.
	only string
	null bool
	// level is that of the query whose rows it is in.
	level int
}

// half is a side of a full join, of which the zero value is none.
type half struct {
	join  *ir.Join
	right bool
}

// tainted is why a value, or a part of it, depends on rows of others.
func (v value) tainted() *Reason {
	why := v.taint
	for _, f := range v.fields {
		why = worse(why, f.tainted())
	}
	return why
}

// worse is the first of several reasons that is one, those that conditions may pass over last.
func worse(why *Reason, list ...*Reason) *Reason {
	for _, b := range list {
		if why == nil || why.own && b != nil && !b.own {
			why = b
		}
	}
	return why
}

// computed is a value of which nothing is known but what it depends on.
func computed(list ...value) value {
	var out value
	for _, v := range list {
		out.taint = worse(out.taint, v.tainted())
	}
	return out
}

// tenantOf reports whether a value is the tenant of an owner.
func (v value) tenantOf(o *owner) bool {
	if v.owner != nil {
		r := v.owner.root()
		return v.taint == nil && (r == o || r.only != "" && r.only == o.only)
	}
	return v.only != "" && v.only == o.only
}

// relation is a scan by position.
type relation struct {
	rows    rows
	columns []value
	ids     []ir.ColumnID // of a side of a set operation
	level   int           // of the query it stands in
	// own: it reads nothing but the rows that the result held before.
	own bool
}

func (t *tracer) set(c ir.Column, v value) {
	v.level = t.level
	t.columns[c.ID] = v
}

func (t *tracer) verdict(q *ir.Query) Verdict {
	r := t.scan(q.Scan)
	own := r.roots(0)
	if len(own) > 1 {
		r.mix(r.apart(0)...)
	}
	v := Verdict{}
	switch {
	case len(r.mixed) > 0:
		v.State = Mixed
		for _, m := range r.mixed {
			v.Reasons = append(v.Reasons, *m)
		}
		slices.SortFunc(v.Reasons, Reason.compare)
	case len(own) == 1:
		v.State, v.Only, v.Blurred = Tenant, own[0].only, r.blurred
	}
	put := func(name string, x value) {
		name = fold(name)
		if why := x.tainted(); why != nil && v.State != Mixed {
			if v.Taints == nil {
				v.Taints = map[string]Reason{}
			}
			v.Taints[name] = *why
			return
		}
		if slices.ContainsFunc(own, x.tenantOf) {
			v.Columns = append(v.Columns, Column{Name: name, Exact: x.exact || x.only != "", Filled: x.filled || x.only != ""})
		}
	}
	for _, o := range q.Output {
		x := t.columns[o.Column.ID]
		typ := o.Column.Type
		if q.ValueTable && len(q.Output) == 1 && typ != nil && typ.Kind == ir.Struct {
			for i, f := range typ.Fields {
				put(f.Name, x.field(i))
			}
			continue
		}
		put(o.Name, x)
	}
	v.Tainted = slices.Sorted(maps.Keys(v.Taints))
	slices.SortFunc(v.Columns, func(a, b Column) int { return strings.Compare(a.Name, b.Name) })
	v.Columns = slices.CompactFunc(v.Columns, func(a, b Column) bool { return a.Name == b.Name })
	if v.Only != "" || slices.ContainsFunc(v.Columns, func(c Column) bool { return c.Filled }) {
		v.Blurred = false
	}
	if len(v.Columns) == 1 && !v.Columns[0].Exact {
		// The rows of nobody are those where it is NULL.
		v.Columns[0].Exact, v.Blurred = true, v.State == Tenant && !v.Columns[0].Filled
	}
	return v
}

// scan notes the values of the columns that s yields and returns what decides its rows.
func (t *tracer) scan(s ir.Scan) rows {
	switch s := s.(type) {
	case nil, *ir.SingleRow:
		return rows{}
	case *ir.Table:
		return t.table(s)
	case *ir.Join:
		return t.join(s)
	case *ir.Unnest:
		return t.unnest(s)
	case *ir.Filter:
		r := t.scan(s.Input)
		t.learn(t.facts(s.Where), nil)
		t.condition(&r, s.Where)
		return r
	case *ir.Aggregate:
		return t.aggregate(s)
	case *ir.SetOp:
		items := make([]*relation, len(s.Items))
		for i, item := range s.Items {
			items[i] = t.item(item)
		}
		return t.combine(s, s.Kind, items, s.Collations)
	case *ir.OrderBy:
		return t.scan(s.Input)
	case *ir.Limit:
		return t.limit(s)
	case *ir.With:
		return t.with(s)
	case *ir.WithRef:
		r, ok := t.ctes[s.Name]
		if !ok {
			return t.opaque(s, "WITH "+s.Name)
		}
		return t.read(s, r)
	case *ir.Recursive:
		return t.recursive(s)
	case *ir.RecursiveRef:
		if t.self == nil {
			return t.opaque(s, "a recursive reference outside of its query")
		}
		return t.read(s, t.self)
	case *ir.Analytic:
		return t.analytic(s)
	case *ir.Project:
		r := t.scan(s.Input)
		t.compute(&r, s.Exprs)
		return r
	case *ir.Sample:
		return t.sample(s)
	case *ir.TVF:
		return t.tvf(s)
	case *ir.GroupRows:
		return t.opaque(s, "GROUP_ROWS")
	case *ir.Assert:
		return t.scan(s.Input) // it is an error or nothing
	case *ir.Barrier:
		return t.scan(s.Input)
	case *ir.UnsupportedScan:
		return t.opaque(s, s.What)
	}
	return t.opaque(s, fmt.Sprintf("%T", s))
}

// opaque is a scan that is not looked into.
func (t *tracer) opaque(s ir.Scan, what string) rows {
	why := &Reason{Why: Opaque, At: s.At(), What: what}
	for _, c := range s.Out() {
		t.set(c, value{taint: why})
	}
	return rows{mixed: []*Reason{why}}
}

func (t *tracer) table(s *ir.Table) rows {
	f := Facts{State: Mixed}
	own := t.options.Self != "" && s.Name == t.options.Self
	switch {
	case own:
		f = t.options.Start
	case t.options.Tables != nil:
		f = t.options.Tables(s.Name)
	}
	var r rows
	var o *owner
	switch f.State {
	case Clean:
	case Tenant:
		o = &owner{only: f.Only, level: t.level}
		r.owners, r.blurred = []*owner{o}, f.Blurred
	default:
		r.mix(&Reason{Why: Table, Table: s.Name, At: s.Span, own: own})
		if len(f.Columns) > 0 {
			// They would say whose a row is: what else mixes tenants is told at once.
			o = &owner{level: t.level}
			r.owners = []*owner{o}
		}
	}
	for i, c := range s.Columns {
		name := c.Name
		if i < len(s.Names) {
			name = s.Names[i]
		}
		var v value
		if name = fold(name); slices.Contains(f.Tainted, name) {
			v.taint = &Reason{Why: Table, Table: s.Name, Column: name, At: s.Span, own: own}
		} else if j := slices.IndexFunc(f.Columns, func(x Column) bool { return x.Name == name }); j >= 0 && o != nil {
			v.owner, v.exact, v.filled = o, f.Columns[j].Exact, f.Columns[j].Filled
		}
		t.set(c, v)
	}
	if s.SystemTime != nil {
		t.condition(&r, s.SystemTime)
	}
	return r
}

// condition lets what an expression depends on decide about rows. What the result held before
// decides when rows come, see the premises.
func (t *tracer) condition(r *rows, e ir.Expr) {
	if e == nil {
		return
	}
	t.within(r, func() {
		if why := t.truth(e).tainted(); why != nil && !why.own {
			r.mix(why)
		}
	})
}

// within reads expressions for the rows r.
func (t *tracer) within(r *rows, f func()) {
	t.around = append(t.around, r)
	f()
	t.around = t.around[:len(t.around)-1]
}

// compute notes the values of computed columns.
func (t *tracer) compute(r *rows, list []ir.Computed) {
	t.within(r, func() {
		for _, c := range list {
			v := t.expr(c.Expr)
			t.set(c.Column, v)
			if c.Deferred != 0 {
				d := computed(v)
				d.level = t.level
				t.columns[c.Deferred] = d
			}
		}
	})
}

func spanOf(e ir.Expr) ir.Span {
	if e == nil {
		return ir.Span{}
	}
	return e.At()
}

// place is the first place that is known.
func place(list ...ir.Span) ir.Span {
	for _, s := range list {
		if s != (ir.Span{}) {
			return s
		}
	}
	return ir.Span{}
}

// near is a place of a scan, or of something in it.
func near(s ir.Scan) ir.Span {
	var out ir.Span
	ir.Inspect(s, func(n ir.Node) bool {
		if n, ok := n.(interface{ At() ir.Span }); ok && out == (ir.Span{}) {
			out = n.At()
		}
		return out == ir.Span{}
	})
	return out
}

func (t *tracer) join(s *ir.Join) rows {
	left := t.scan(s.Left)
	var right rows
	if s.Lateral {
		t.level++
		t.within(&left, func() { right = t.scan(s.Right) })
		t.level--
		// Its rows are those of this query now.
		for _, o := range right.roots(t.level) {
			o.level = min(o.level, t.level)
		}
		for _, c := range s.Right.Out() {
			t.set(c, t.columns[c.ID])
		}
	} else {
		right = t.scan(s.Right)
	}
	j := &join{
		left: left.roots(t.level), right: right.roots(t.level),
		leftStays: s.Kind == ir.Left || s.Kind == ir.Full, rightStays: s.Kind == ir.Right || s.Kind == ir.Full,
	}
	var out rows
	out.add(left)
	out.add(right)
	t.learn(t.facts(s.On), j)
	met := meeting{left: j.left, right: j.right, at: place(s.Span, near(s.Right))}
	if !slices.ContainsFunc(j.right, func(o *owner) bool { return within(j.left, o.root()) }) {
		met.lacks = t.lacking(s)
	}
	out.met = append(slices.Clip(out.met), met)
	out.compact(t.level)
	t.condition(&out, s.On)
	exact := func(side ir.Scan) []ir.ColumnID {
		var ids []ir.ColumnID
		for _, c := range side.Out() {
			if v := t.columns[c.ID]; v.owner != nil && v.exact {
				ids = append(ids, c.ID)
			}
		}
		return ids
	}
	// Rows without a partner on a side of other tenants say something of all of these.
	alone := func(own, other []*owner) bool {
		return slices.ContainsFunc(own, func(o *owner) bool {
			return o.root().level >= t.level && !slices.ContainsFunc(other, func(x *owner) bool { return x.root() == o.root() })
		})
	}
	out.blurred = out.blurred || j.leftStays && alone(j.right, j.left) || j.rightStays && alone(j.left, j.right)
	lefts, rights := exact(s.Left), exact(s.Right)
	if j.leftStays {
		t.pad(s.Right)
	}
	if j.rightStays {
		t.pad(s.Left)
	}
	if s.Kind == ir.Full {
		for i, side := range [][]ir.ColumnID{lefts, rights} {
			for _, id := range side {
				v := t.columns[id]
				v.half = half{join: s, right: i == 1}
				t.columns[id] = v
			}
		}
	}
	return out
}

// lacking is the equality of tenants that a join could have, in the words of the query; empty where
// a side is more than tables.
func (t *tracer) lacking(s *ir.Join) string {
	if left, right := t.called(s.Left), t.called(s.Right); left != "" && right != "" {
		return right + " = " + left
	}
	return ""
}

// called is a column with tenants of a table in a scan, under the name that the query has for it.
func (t *tracer) called(s ir.Scan) string {
	switch s := s.(type) {
	case *ir.Join:
		return cmp.Or(t.called(s.Left), t.called(s.Right))
	case *ir.Table:
		if t.options.Tables == nil || s.Name == t.options.Self {
			break
		}
		if f := t.options.Tables(s.Name); f.State != Clean && len(f.Columns) > 0 {
			return cmp.Or(s.Alias, s.Name[strings.LastIndexByte(s.Name, '.')+1:]) + "." + f.Columns[0].Name
		}
	}
	return ""
}

// pad makes the columns of a scan ones that may be NULL where it has no row.
func (t *tracer) pad(s ir.Scan) {
	for _, c := range s.Out() {
		v := t.columns[c.ID]
		v.exact, v.filled, v.half = false, false, half{}
		v.only = ""
		for i := range v.fields {
			v.fields = slices.Clone(v.fields)
			v.fields[i].exact, v.fields[i].filled, v.fields[i].half, v.fields[i].only = false, false, half{}, ""
		}
		t.columns[c.ID] = v
	}
}

func (t *tracer) unnest(s *ir.Unnest) rows {
	r := t.scan(s.Input)
	t.within(&r, func() {
		var all value
		for i, a := range s.Arrays {
			v := computed(t.expr(a))
			all = computed(all, v)
			if i < len(s.Elements) {
				t.set(s.Elements[i], v)
			}
		}
		if s.ZipMode != nil {
			all = computed(all, t.expr(s.ZipMode))
		}
		if s.Offset != nil {
			t.set(*s.Offset, computed(all))
		}
		r.mix(all.taint)
	})
	if s.On != nil {
		if !s.Outer {
			t.learn(t.facts(s.On), nil)
		}
		t.condition(&r, s.On)
	}
	return r
}

// separate reports whether values tell the rows of all tenants apart.
func separate(own []*owner, by []value) bool {
	for _, o := range own {
		if o.only == "" && !slices.ContainsFunc(by, func(v value) bool { return v.tenantOf(o) }) {
			return false
		}
	}
	return true
}

// together is why rows of several owners are looked at as one: because of the join that brought them
// together, where some owner is told apart, and otherwise because of what looks at them.
func (t *tracer) together(r rows, own []*owner, by []value, why Reason) []*Reason {
	if len(own) > 1 && slices.ContainsFunc(own, func(o *owner) bool { return separate([]*owner{o}, by) }) {
		return r.apart(t.level)
	}
	return []*Reason{&why}
}

func (t *tracer) aggregate(s *ir.Aggregate) rows {
	r := t.scan(s.Input)
	t.compute(&r, s.Keys)
	keys := make([]value, len(s.Keys))
	for i, k := range s.Keys {
		keys[i] = t.columns[k.Column.ID]
		if i < len(s.Collations) && s.Collations[i] != "" {
			// Under a collation two tenants may be one.
			keys[i] = computed(keys[i])
			t.set(k.Column, keys[i])
		}
	}
	t.compute(&r, s.Aggs)
	own := r.roots(t.level)
	var at ir.Span
	for _, list := range [][]ir.Computed{s.Aggs, s.Keys} {
		for _, c := range list {
			at = place(at, spanOf(c.Expr))
		}
	}
	at = place(at, s.Span, near(s.Input))
	var why []*Reason
	if !separate(own, keys) {
		why = t.together(r, own, keys, Reason{Why: Group, At: at, own: t.ownOnly(s.Input)})
	}
	if len(s.Keys) == 0 && s.Sets == nil {
		// There is one row, whatever the input: only what is in it may depend on others.
		why = append(why, r.mixed...)
		if len(why) == 0 {
			return r
		}
		for _, a := range s.Aggs {
			v := t.columns[a.Column.ID]
			for _, w := range why {
				if w.Why == Group && w.At == at {
					own := *w
					own.At = place(spanOf(a.Expr), at)
					w = &own
				}
				v.taint = worse(v.taint, w)
			}
			t.set(a.Column, v)
			if a.Deferred != 0 {
				t.columns[a.Deferred] = v
			}
		}
		return rows{}
	}
	r.mix(why...)
	for i, k := range s.Keys {
		v := t.columns[k.Column.ID]
		r.mix(v.tainted())
		if s.Sets != nil { // NULL where the key is not part of the set
			v.filled, v.only = false, ""
			v.exact = v.exact && everywhere(s, i)
		}
		t.set(k.Column, v)
	}
	for _, o := range own {
		r.blurred = t.settle(s, o) || r.blurred
	}
	for _, g := range s.Grouping {
		t.set(g.Column, value{})
	}
	return r
}

// everywhere reports whether a key is in all grouping sets: where it is not, it is NULL in groups
// that another key may give to a tenant.
func everywhere(s *ir.Aggregate, key int) bool {
	for _, set := range s.Sets {
		if !slices.Contains(set, s.Keys[key].Column.ID) {
			return false
		}
	}
	return true
}

// settle makes the only key that tells an owner an exact one: rows without it are nobody's. It reports
// whether there may be groups of several tenants in which no key tells an owner.
func (t *tracer) settle(s *ir.Aggregate, o *owner) bool {
	if o.only != "" {
		return false
	}
	var found []ir.Column
	exact := false
	for _, c := range s.Keys {
		if v := t.columns[c.Column.ID]; v.owner != nil && v.tenantOf(o) {
			found, exact = append(found, c.Column), exact || v.exact
		}
	}
	if len(found) == 1 {
		v := t.columns[found[0].ID]
		v.exact = true
		t.set(found[0], v)
	}
	return !exact
}

// ownOnly reports whether a scan reads nothing but the rows that the result held before.
func (t *tracer) ownOnly(s ir.Scan) bool {
	any, all := false, t.options.Self != ""
	ir.Inspect(s, func(n ir.Node) bool {
		switch n := n.(type) {
		case *ir.Table:
			any, all = true, all && n.Name == t.options.Self
		case *ir.WithRef:
			r := t.ctes[n.Name]
			any, all = true, all && r != nil && r.own
		case *ir.RecursiveRef, *ir.TVF, *ir.UnsupportedScan, *ir.GroupRows:
			all = false
		}
		return all
	})
	return any && all
}

func (t *tracer) analytic(s *ir.Analytic) rows {
	r := t.scan(s.Input)
	own := r.roots(t.level)
	t.within(&r, func() {
		for _, g := range s.Groups {
			var window value // what divides and orders the rows
			by := make([]value, 0, len(g.Partition))
			for i, p := range g.Partition {
				v := t.expr(p)
				window = computed(window, v)
				if i < len(g.Collations) && g.Collations[i] != "" {
					v = computed(v)
				}
				by = append(by, v)
			}
			for _, o := range g.Order {
				if o.Expr != nil {
					window = computed(window, t.expr(o.Expr))
				}
			}
			whole, blurred := t.exactOnly(by, s.Input)
			divided := separate(own, whole)
			r.blurred = r.blurred || blurred
			for _, c := range g.Calls {
				v := computed(t.expr(c.Expr), window)
				if !divided {
					v.taint = worse(v.taint, t.together(r, own, by, Reason{Why: Window, At: place(spanOf(c.Expr), near(s.Input)), own: t.ownOnly(s.Input)})...)
				}
				v.taint = worse(v.taint, r.mixed...)
				t.set(c.Column, v)
				if c.Deferred != 0 {
					t.columns[c.Deferred] = v
				}
			}
		}
	})
	return r
}

// exactOnly are the values that divide rows by tenant. Where one is NULL and another column tells the
// tenant, rows of several would be in one part; where no other does, the rows of that part are blurred.
func (t *tracer) exactOnly(list []value, s ir.Scan) (out []value, blurred bool) {
	for _, v := range list {
		if v.owner == nil || v.exact {
			out = append(out, v)
			continue
		}
		others := 0
		for _, c := range s.Out() {
			if x := t.columns[c.ID]; x.owner != nil && x.owner.root() == v.owner.root() {
				others++
			}
		}
		if others <= 1 {
			out, blurred = append(out, v), true
		}
	}
	return out, blurred
}

func (t *tracer) limit(s *ir.Limit) rows {
	r := t.scan(s.Input)
	for _, e := range []ir.Expr{s.Limit, s.Offset} {
		t.condition(&r, e)
	}
	input := s.Input
	for {
		p, ok := input.(*ir.Project)
		if !ok {
			break
		}
		input = p.Input
	}
	if o, ok := input.(*ir.OrderBy); ok {
		for _, item := range o.Items {
			if item.Expr != nil {
				t.condition(&r, item.Expr)
			}
		}
	}
	t.some(&r, s)
	return r
}

// some are rows of which not all are kept.
func (t *tracer) some(r *rows, s ir.Scan) {
	if !separate(r.roots(t.level), nil) {
		r.mix(&Reason{Why: Limit, At: place(limitAt(s), s.At(), near(s)), own: t.ownOnly(s)})
	}
}

func limitAt(s ir.Scan) ir.Span {
	switch s := s.(type) {
	case *ir.Limit:
		return spanOf(s.Limit)
	case *ir.Sample:
		return spanOf(s.Size)
	}
	return ir.Span{}
}

func (t *tracer) sample(s *ir.Sample) rows {
	r := t.scan(s.Input)
	t.condition(&r, s.Size)
	for _, e := range s.Partition {
		t.condition(&r, e)
	}
	if s.Weight != nil {
		t.set(*s.Weight, value{})
	}
	// A percentage takes each row or leaves it; a number of rows makes them compete.
	if s.Rows || s.Weight != nil || len(s.Partition) > 0 {
		t.some(&r, s)
	}
	return r
}

func (t *tracer) tvf(s *ir.TVF) rows {
	for _, a := range s.Args {
		if a.Scan != nil {
			t.scan(a.Scan)
		}
	}
	return t.opaque(s, "the table function "+s.Name)
}

func (t *tracer) with(s *ir.With) rows {
	outer := t.ctes
	t.ctes = maps.Clone(outer)
	defer func() { t.ctes = outer }()
	for _, e := range s.Entries {
		r := &relation{own: t.ownOnly(e.Scan), level: t.level}
		r.rows = t.scan(e.Scan)
		r.rows.compact(t.level)
		for _, c := range e.Scan.Out() {
			r.columns = append(r.columns, t.columns[c.ID])
		}
		t.ctes[e.Name] = r
	}
	return t.scan(s.Body)
}

// item is one side of a set operation.
func (t *tracer) item(i ir.SetItem) *relation {
	r := &relation{rows: t.scan(i.Scan), level: t.level}
	for _, c := range i.Columns {
		r.columns = append(r.columns, t.columns[c.ID])
		r.ids = append(r.ids, c.ID)
	}
	return r
}

// read is a relation under a reference, with owners of its own: two references may be to rows of two tenants.
func (t *tracer) read(s ir.Scan, r *relation) rows {
	as := map[*owner]*owner{}
	fresh := func(o *owner) *owner {
		o = o.root()
		if o.level < r.level {
			return o // of a query around it
		}
		if as[o] == nil {
			as[o] = &owner{only: o.only, level: t.level}
		}
		return as[o]
	}
	list := func(owners []*owner) []*owner {
		out := make([]*owner, len(owners))
		for i, o := range owners {
			out[i] = fresh(o)
		}
		return out
	}
	out := rows{owners: list(r.rows.owners), mixed: r.rows.mixed, blurred: r.rows.blurred}
	for _, m := range r.rows.met {
		out.met = append(out.met, meeting{left: list(m.left), right: list(m.right), at: m.at, lacks: m.lacks})
	}
	var renew func(v value) value
	renew = func(v value) value {
		if v.owner != nil {
			v.owner = fresh(v.owner)
		}
		fields := v.fields
		v.fields = nil
		for _, f := range fields {
			v.fields = append(v.fields, renew(f))
		}
		return v
	}
	for i, c := range s.Out() {
		if i < len(r.columns) {
			t.set(c, renew(r.columns[i]))
		} else {
			t.set(c, value{})
		}
	}
	return out
}

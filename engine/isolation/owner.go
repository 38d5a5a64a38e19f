package isolation

import (
	"slices"

	"github.com/engine-build/engine/engine/ir"
)

// owner is a tenant that rows depend on, whichever it is. Owners that are known to be one tenant
// lead to one root.
type owner struct {
	parent *owner
	// only is the tenant, if the query names it.
	only string
	// level is how many queries lie around the one whose rows it came with.
	level int
}

func (o *owner) root() *owner {
	for o.parent != nil {
		if o.parent.parent != nil {
			o.parent = o.parent.parent
		}
		o = o.parent
	}
	return o
}

// rows are what decides which rows a scan has: those of each owner, and what is clean.
type rows struct {
	owners []*owner
	// mixed says why they depend on several tenants otherwise; none: they do not.
	mixed []*Reason
	// blurred: those of no owner may follow from rows of several.
	blurred bool
	// met are the places where owners came together.
	met []meeting
}

// meeting is a join of rows of some owners with rows of others.
type meeting struct {
	left, right []*owner
	at          ir.Span
	lacks       string // the equality that would keep tenants apart, if it can be said
}

// add lets the rows depend on those of another scan, too.
func (r *rows) add(o rows) {
	r.owners = append(slices.Clip(r.owners), o.owners...)
	r.met = append(slices.Clip(r.met), o.met...)
	r.blurred = r.blurred || o.blurred
	for _, m := range o.mixed {
		r.mix(m)
	}
}

// maxOwners bounds the owners that rows are followed for. Beyond it, they are mixed.
const maxOwners = 32

// compact leaves what is still to be said of the rows: each owner once, and where those met that are
// not one.
func (r *rows) compact(level int) {
	var all []*owner
	for _, o := range r.owners {
		if o = o.root(); !slices.Contains(all, o) {
			all = append(all, o)
		}
	}
	r.owners = all
	own := r.roots(level)
	if len(own) > maxOwners {
		r.mix(r.apart(level)...)
		for _, o := range own[1:] {
			o.parent = own[0]
		}
		r.owners, r.met = r.roots(0), nil
		return
	}
	var met []meeting
	for _, m := range r.met {
		one := func(o *owner) bool { return within(m.left, o.root()) }
		if len(own) > 1 && !slices.ContainsFunc(m.right, one) && !slices.ContainsFunc(met, func(x meeting) bool { return x.same(m) }) {
			met = append(met, m)
		}
	}
	r.met = met
}

// same reports whether two meetings say the same.
func (m meeting) same(o meeting) bool {
	list := func(a, b []*owner) bool {
		return slices.EqualFunc(a, b, func(x, y *owner) bool { return x.root() == y.root() })
	}
	return m.at == o.at && list(m.left, o.left) && list(m.right, o.right)
}

// maxReasons bounds the reasons that are told of one relation.
const maxReasons = 8

// mix notes that the rows depend on those of several tenants; nil says nothing.
func (r *rows) mix(list ...*Reason) {
	for _, why := range list {
		if why != nil && len(r.mixed) < maxReasons && !slices.ContainsFunc(r.mixed, func(m *Reason) bool { return *m == *why }) {
			r.mixed = append(slices.Clip(r.mixed), why)
		}
	}
}

// roots are the distinct owners, those that lie around the query at a level left out.
func (r rows) roots(level int) []*owner {
	var out []*owner
	for _, o := range r.owners {
		o = o.root()
		same := func(x *owner) bool { return x == o || x.only != "" && x.only == o.only }
		if o.level >= level && !slices.ContainsFunc(out, same) {
			out = append(out, o)
		}
	}
	return out
}

// apart are the places where owners met that are not one. Those that met are then taken for one,
// so that a join is not told of the join before it.
func (r rows) apart(level int) []*Reason {
	group := map[*owner]*owner{} // a tree for each set of owners
	for _, o := range r.roots(level) {
		group[o] = o
	}
	top := func(o *owner) *owner {
		o = o.root()
		for group[o] != nil && group[o] != o {
			o = group[o]
		}
		return o
	}
	var out []*Reason
	for _, m := range r.met {
		var left, right []*owner
		for _, o := range m.left {
			left = append(left, top(o))
		}
		for _, o := range m.right {
			right = append(right, top(o))
		}
		if len(left) == 0 || len(right) == 0 {
			continue
		}
		if !slices.ContainsFunc(right, func(o *owner) bool {
			return slices.ContainsFunc(left, func(l *owner) bool { return l == o || l.only != "" && l.only == o.only })
		}) {
			out = append(out, &Reason{Why: Join, At: m.at, What: m.lacks})
		}
		for _, o := range append(left, right...) {
			group[top(o)] = top(left[0])
		}
	}
	if len(out) == 0 {
		out = append(out, &Reason{Why: Join})
	}
	return out
}

// fact is one thing that a condition says of rows for which it is true: two columns are
// equal, or a column is a tenant, or it is not NULL.
type fact struct {
	a, b ir.ColumnID // b is 0 for the others
	only string
	null bool // both may be NULL
}

// facts are what holds where an expression is true.
func (t *tracer) facts(e ir.Expr) []fact {
	c, ok := e.(*ir.Call)
	if !ok || !builtin(c) {
		return nil
	}
	arg := func(i int) ir.Expr {
		if i < len(c.Args) {
			return c.Args[i].Expr
		}
		return nil
	}
	switch c.Name {
	case "$and":
		var out []fact
		for _, a := range c.Args {
			out = append(out, t.facts(a.Expr)...)
		}
		return out
	case "$or":
		var out []fact
		for i, a := range c.Args {
			own := t.facts(a.Expr)
			if i == 0 {
				out = own
				continue
			}
			out = slices.DeleteFunc(out, func(f fact) bool { return !slices.Contains(own, f) })
		}
		return out
	case "$equal", "$is_not_distinct_from":
		if len(c.Args) == 2 && !collated(c) {
			return t.equality(arg(0), arg(1), c.Name != "$equal")
		}
	case "$in":
		if len(c.Args) == 2 && !collated(c) {
			return t.equality(arg(0), arg(1), false)
		}
	case "$not":
		if in, ok := arg(0).(*ir.Call); ok && builtin(in) && in.Name == "$is_null" && len(in.Args) == 1 {
			if id, ok := t.reference(in.Args[0].Expr); ok {
				return []fact{{a: id}}
			}
		}
	}
	return nil
}

func collated(c *ir.Call) bool {
	return slices.ContainsFunc(c.Collations, func(s string) bool { return s != "" })
}

// equality is what follows from two expressions being equal. Structs are equal in all fields.
func (t *tracer) equality(x, y ir.Expr, null bool) []fact {
	if a, ok := x.(*ir.MakeStruct); ok {
		b, ok := y.(*ir.MakeStruct)
		if !ok || len(a.Args) != len(b.Args) || null {
			return nil
		}
		var out []fact
		for i := range a.Args {
			out = append(out, t.equality(a.Args[i], b.Args[i], false)...)
		}
		return out
	}
	if _, plain := x.(*ir.ColumnRef); null && !plain {
		return nil // a conversion may make a NULL of a tenant
	}
	if _, plain := y.(*ir.ColumnRef); null && !plain {
		return nil
	}
	a, aRef := t.reference(x)
	b, bRef := t.reference(y)
	switch {
	case aRef && bRef:
		if a > b {
			a, b = b, a
		}
		return []fact{{a: a, b: b, null: null}}
	case aRef:
		if text, ok := literal(y); ok {
			return []fact{{a: a, only: text}}
		}
	case bRef:
		if text, ok := literal(x); ok {
			return []fact{{a: b, only: text}}
		}
	}
	return nil
}

// reference is a column that is read as it is, perhaps under another type of tenants.
func (t *tracer) reference(e ir.Expr) (ir.ColumnID, bool) {
	switch e := e.(type) {
	case *ir.ColumnRef:
		return e.Column.ID, e.Collation == ""
	case *ir.Cast:
		if naming(e) {
			return t.reference(e.Arg)
		}
	}
	return 0, false
}

// naming reports whether a conversion leaves a tenant the tenant that it is.
func naming(c *ir.Cast) bool {
	if c.Arg == nil || c.Format != nil || c.Zone != nil || c.Extended || !c.Params.None() || c.Collation != "" {
		return false
	}
	from, to := c.Arg.T(), c.Type
	if from == nil || to == nil {
		return false
	}
	whole := func(k ir.Kind) bool {
		return k == ir.Int64 || k == ir.Int32 || k == ir.Uint32 || k == ir.Uint64 || k == ir.String
	}
	decimal := func(k ir.Kind) bool { return k == ir.Numeric || k == ir.BigNumeric }
	switch {
	case whole(from.Kind):
		return whole(to.Kind) || decimal(to.Kind)
	case decimal(from.Kind): // to a whole number it would be rounded
		return decimal(to.Kind) || to.Kind == ir.String
	case from.Kind == ir.UUID:
		return to.Kind == ir.UUID || to.Kind == ir.String
	}
	return from.Kind == to.Kind && from.Kind != ir.Struct && from.Kind != ir.Array
}

// literal is the text of a constant that may name a tenant.
func literal(e ir.Expr) (string, bool) {
	switch e := e.(type) {
	case *ir.Literal:
		return written(e.Value)
	case *ir.Cast:
		if naming(e) {
			return literal(e.Arg)
		}
	}
	return "", false
}

// join is what a condition on two sides may say about them: rows of a side that stays do so
// whether the condition holds or not.
type join struct {
	left, right           []*owner
	leftStays, rightStays bool
}

func within(list []*owner, root *owner) bool {
	return slices.ContainsFunc(list, func(o *owner) bool { return o.root() == root })
}

// stays reports whether rows of an owner are there where the condition does not hold.
func (j *join) stays(root *owner) (left, right bool) {
	if j == nil {
		return false, false
	}
	return j.leftStays && within(j.left, root), j.rightStays && within(j.right, root)
}

// learn makes use of the facts of a condition; j is nil for a filter.
func (t *tracer) learn(list []fact, j *join) {
	for _, f := range list {
		va, ok := t.columns[f.a]
		if !ok {
			continue
		}
		switch {
		case f.b != 0:
			vb, ok := t.columns[f.b]
			if !ok {
				continue
			}
			if va.owner != nil && vb.owner != nil && (!f.null || va.exact && vb.exact) {
				t.unite(va.owner, vb.owner, j)
			}
			if !f.null {
				t.filled(f.a, j)
				t.filled(f.b, j)
			}
		case f.only != "":
			if va.owner != nil {
				t.name(va.owner, f.only, j)
			}
			t.filled(f.a, j)
		default:
			t.filled(f.a, j)
		}
	}
}

// filled notes that a column is not NULL, unless rows stay in which it is.
func (t *tracer) filled(id ir.ColumnID, j *join) {
	if j != nil && (j.leftStays || j.rightStays) {
		return
	}
	v := t.columns[id]
	if v.level < t.level {
		return // it is one of a row around the query
	}
	v.filled = true
	v.exact = v.exact || v.owner != nil
	t.columns[id] = v
}

// unite makes two owners one, where that follows from the condition for all rows there are.
func (t *tracer) unite(a, b *owner, j *join) {
	a, b = a.root(), b.root()
	if a == b || a.level < t.level && b.level < t.level {
		return // what lies around the query is not for it to say
	}
	if a.only != "" && b.only != "" {
		return // one tenant already, or no rows
	}
	if b.level < a.level {
		a, b = b, a
	}
	// a lies around the query, or both do not.
	al, ar := j.stays(a)
	bl, br := j.stays(b)
	if al && bl || ar && br {
		return // rows of one side stay, be they of one tenant or of two
	}
	if (bl || br) && a.level < t.level {
		return // rows stay that are of another tenant than the row around the query
	}
	b.parent = a
	switch {
	case (al || ar) && b.only != "", (bl || br) && a.only != "":
		a.only = "" // rows stay that are of another tenant than the one that is named
	case a.only == "" && a.level >= t.level:
		a.only = b.only
	}
}

// name says which tenant an owner is.
func (t *tracer) name(o *owner, only string, j *join) {
	o = o.root()
	if l, r := j.stays(o); l || r || o.level < t.level || o.only != "" {
		return
	}
	o.only = only
}

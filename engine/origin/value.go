package origin

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// value is where a value comes from. It is immutable and shared; nil is a
// constant. A struct or an array put together in the statement keeps its parts
// apart, so that reading one of them does not read the others.
type value struct {
	// base are the places that the value as a whole comes from, by place.
	base []leaf
	// fields and elem are what the parts come from, besides base.
	fields []*value
	elem   *value
	uses   uses
}

// leaf is one place. keep says that the value has the shape of the place, so that
// a field of it comes from the same field there.
type leaf struct {
	place int32
	kind  Kind
	keep  bool
	via   *hop
}

// hop is a list of expressions, the outermost first, that shares its tail.
type hop struct {
	span ir.Span
	next *hop
}

func (h *hop) spans() []ir.Span {
	var out []ir.Span
	for ; h != nil; h = h.next {
		out = append(out, h.span)
	}
	return out
}

// under puts an expression above the list. Expressions written inside of it are
// said by it, so they go.
func (h *hop) under(s ir.Span) *hop {
	for h != nil && s.Start <= h.span.Start && h.span.End <= s.End {
		h = h.next
	}
	return &hop{span: s, next: h}
}

// use is an indirect read of a place.
type use struct {
	place int32
	how   Use
	span  ir.Span
}

// uses are sorted by place and use, with the names of what could not be looked into, sorted.
type uses struct {
	list   []use
	opaque []string
}

func (u uses) empty() bool { return len(u.list) == 0 && len(u.opaque) == 0 }

func (u uses) and(o uses) uses {
	switch {
	case o.empty():
		return u
	case u.empty():
		return o
	}
	return uses{
		list:   union(u.list, o.list, func(a, b use) int { return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.how, b.how)) }, func(a, _ use) use { return a }),
		opaque: union(u.opaque, o.opaque, strings.Compare, func(a, _ string) string { return a }),
	}
}

// union merges two sorted lists without repetitions. One that holds the other is returned as it is.
func union[T any](a, b []T, order func(T, T) int, join func(T, T) T) []T {
	switch {
	case len(b) == 0:
		return a
	case len(a) == 0:
		return b
	case len(a) == len(b) && &a[0] == &b[0]:
		return a
	}
	out := make([]T, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch c := order(a[0], b[0]); {
		case c < 0:
			out, a = append(out, a[0]), a[1:]
		case c > 0:
			out, b = append(out, b[0]), b[1:]
		default:
			out, a, b = append(out, join(a[0], b[0])), a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...)
}

func joinLeaves(a, b leaf) leaf {
	if a.kind != b.kind {
		a.kind = joinKinds(a.kind, b.kind)
	}
	a.keep = a.keep && b.keep
	return a
}

func joinKinds(a, b Kind) Kind {
	switch {
	case a == b:
		return a
	case a == Aggregated || b == Aggregated:
		return Aggregated
	}
	return Transformed
}

func unionLeaves(a, b []leaf) []leaf {
	return union(a, b, func(x, y leaf) int { return cmp.Compare(x.place, y.place) }, joinLeaves)
}

// merge is a value that is either a or b.
func merge(a, b *value) *value {
	switch {
	case a == nil || a == b:
		return b
	case b == nil:
		return a
	}
	out := &value{base: unionLeaves(a.base, b.base), elem: merge(a.elem, b.elem), uses: a.uses.and(b.uses)}
	out.fields = a.fields
	if len(b.fields) > len(out.fields) {
		out.fields = b.fields
	}
	if len(a.fields) > 0 && len(b.fields) > 0 {
		out.fields = make([]*value, max(len(a.fields), len(b.fields)))
		for i := range out.fields {
			out.fields[i] = merge(part(a.fields, i), part(b.fields, i))
		}
	}
	return out
}

func part(list []*value, i int) *value {
	if i < len(list) {
		return list[i]
	}
	return nil
}

func mergeAll(list ...*value) *value {
	var out *value
	for _, v := range list {
		out = merge(out, v)
	}
	return out
}

// raised is a kind after a computation of another.
func (k Kind) raised(to Kind) Kind {
	switch {
	case k == Condition || k == Aggregated:
		return k
	case to == Condition:
		return Condition
	}
	return max(k, to)
}

// leaves are all places of a value. Those of parts are no copy of the whole.
func (v *value) leaves() []leaf {
	if v == nil {
		return nil
	}
	out := v.base
	for _, p := range append(slices.Clone(v.fields), v.elem) {
		if p == nil {
			continue
		}
		own := slices.Clone(p.leaves())
		for i := range own {
			own[i].kind, own[i].keep = own[i].kind.raised(Transformed), false
		}
		out = unionLeaves(out, own)
	}
	return out
}

// effects are the indirect reads of a value and of all its parts.
func (v *value) effects() uses {
	if v == nil {
		return uses{}
	}
	out := v.uses
	for _, p := range v.fields {
		out = out.and(p.effects())
	}
	return out.and(v.elem.effects())
}

// built reports whether the statement puts the struct together itself.
func (v *value) built() bool {
	for ; v != nil; v = v.elem {
		if v.fields != nil {
			return true
		}
	}
	return false
}

// each is the value with every leaf changed, parts included.
func (v *value) each(f func(leaf) leaf) *value {
	if v == nil {
		return nil
	}
	out := &value{elem: v.elem.each(f), uses: v.uses}
	if v.base != nil {
		out.base = make([]leaf, len(v.base))
		for i, l := range v.base {
			out.base[i] = f(l)
		}
	}
	if v.fields != nil {
		out.fields = make([]*value, len(v.fields))
		for i, p := range v.fields {
			out.fields[i] = p.each(f)
		}
	}
	return out
}

// copied is a value of the same shape that depends on v in a weaker way.
func (v *value) copied(k Kind) *value {
	return v.each(func(l leaf) leaf { l.kind = l.kind.raised(k); return l })
}

// computed is a value of another shape, computed from v.
func (v *value) computed(k Kind) *value {
	if v == nil {
		return nil
	}
	base := slices.Clone(v.leaves())
	for i := range base {
		base[i].kind, base[i].keep = base[i].kind.raised(k), false
	}
	return &value{base: base, uses: v.effects()}
}

// condition is v where it only decides.
func (v *value) condition() *value {
	if v == nil {
		return nil
	}
	base := slices.Clone(v.leaves())
	for i := range base {
		base[i].kind, base[i].keep = Condition, false
	}
	return &value{base: base, uses: v.effects()}
}

// through is the value after an expression was applied to it.
func (v *value) through(s ir.Span) *value {
	if s == (ir.Span{}) {
		return v
	}
	return v.each(func(l leaf) leaf { l.via = l.via.under(s); return l })
}

// with is the value with further indirect reads.
func (v *value) with(u uses) *value {
	if u.empty() {
		return v
	}
	if v == nil {
		return &value{uses: u}
	}
	out := *v
	out.uses = v.uses.and(u)
	return &out
}

// read is the value as an indirect read.
func (v *value) read(how Use, at ir.Span) uses {
	if v == nil {
		return uses{}
	}
	var own uses
	for _, l := range v.leaves() {
		own.list = append(own.list, use{place: l.place, how: how, span: at})
	}
	return own.and(v.effects())
}

// element is an element of an array.
func (v *value) element() *value {
	if v == nil || v.elem == nil {
		return v
	}
	return merge(&value{base: v.base, uses: v.uses}, v.elem)
}

// arrayOf is an array whose elements are v.
func arrayOf(v *value) *value {
	if v == nil {
		return nil
	}
	return &value{elem: v}
}

func (v *value) equal(o *value) bool {
	if v == o {
		return true
	}
	if v == nil || o == nil || len(v.fields) != len(o.fields) {
		return false
	}
	same := slices.EqualFunc(v.base, o.base, func(a, b leaf) bool { return a.place == b.place && a.kind == b.kind && a.keep == b.keep })
	return same && v.uses.equal(o.uses) && v.elem.equal(o.elem) && slices.EqualFunc(v.fields, o.fields, (*value).equal)
}

func (u uses) equal(o uses) bool {
	return slices.Equal(u.opaque, o.opaque) &&
		slices.EqualFunc(u.list, o.list, func(a, b use) bool { return a.place == b.place && a.how == b.how })
}

// place is a column of a table or a field of one.
type place struct {
	table string
	path  []string
	typ   *ir.Type
}

func placeKey(table string, path []string) string {
	return table + "\x00" + strings.Join(path, "\x00")
}

// placed is the number of a place.
func (t *tracer) placed(table string, path []string, typ *ir.Type) int32 {
	key := placeKey(table, path)
	if i, ok := t.places[key]; ok {
		return i
	}
	i := int32(len(t.at))
	t.places[key] = i
	t.at = append(t.at, place{table: table, path: path, typ: typ})
	return i
}

// field is field i of a struct, counted from zero.
func (t *tracer) field(v *value, i int) *value {
	if v == nil {
		return nil
	}
	out := &value{uses: v.uses}
	for _, l := range v.base {
		if l.keep {
			p := t.at[l.place]
			typ := p.typ
			for typ != nil && typ.Kind == ir.Array {
				typ = typ.Elem
			}
			if typ != nil && typ.Kind == ir.Struct && i < len(typ.Fields) {
				f := typ.Fields[i]
				l.place = t.placed(p.table, append(slices.Clone(p.path), fieldName(f.Name, i)), f.Type)
			} else {
				l.keep = false
			}
		}
		out.base = append(out.base, l)
	}
	slices.SortStableFunc(out.base, func(a, b leaf) int { return cmp.Compare(a.place, b.place) })
	// Two fields of one name are one place.
	out.base = slices.CompactFunc(out.base, func(a, b leaf) bool { return a.place == b.place })
	return merge(out, part(v.fields, i))
}

// innermost is the element of an array, of an array in it, and so on.
func (t *tracer) innermost(v *value) *value {
	for v != nil && v.elem != nil {
		v = v.element()
	}
	return v
}

// fieldName names a field that has no name by its position, as BigQuery does.
func fieldName(name string, i int) string {
	if name == "" {
		return fmt.Sprintf("_field_%d", i+1)
	}
	return name
}

package isolation

import (
	"slices"

	"github.com/engine-build/engine/engine/ir"
)

// combine is the result of a set operation over the columns of s.
func (t *tracer) combine(s ir.Scan, kind ir.SetOpKind, items []*relation, collations []string) rows {
	var out rows
	own := make([]*owner, len(items))
	named, cleanToo := "", false // the one tenant of all sides
	for i, item := range items {
		roots := item.rows.roots(t.level)
		if len(roots) > 1 {
			out.mix(item.rows.apart(t.level)...)
		}
		out.mix(item.rows.mixed...)
		out.blurred = out.blurred || item.rows.blurred
		for _, o := range item.rows.owners {
			if o = o.root(); o.level < t.level {
				out.owners = append(out.owners, o)
			}
		}
		switch {
		case len(roots) == 0:
			cleanToo = true
		default:
			own[i] = roots[0]
			if named == "" && !slices.ContainsFunc(own[:i], func(o *owner) bool { return o != nil }) {
				named = own[i].only
			} else if named != own[i].only {
				named = ""
			}
		}
	}
	if cleanToo {
		named = ""
	}
	union := kind == ir.UnionAll || kind == ir.UnionDistinct
	distinct := kind == ir.UnionDistinct || kind == ir.IntersectDistinct || kind == ir.ExceptDistinct
	mine := slices.ContainsFunc(own, func(o *owner) bool { return o != nil })
	others := len(own) > 1 && slices.ContainsFunc(own[1:], func(o *owner) bool { return o != nil })
	sides, owners := items, own
	if !union && !others {
		// Clean rows decide which ones of the first side stay.
		sides, owners = items[:min(1, len(items))], own[:min(1, len(own))]
	}
	columns := s.Out()
	tenants := make([]bool, len(columns))
	if mine {
		for j := range columns {
			tenants[j] = (j >= len(collations) || collations[j] == "") && tenantEverywhere(sides, owners, j)
		}
		for i, side := range sides {
			if owners[i] == nil {
				single(side, tenants)
			}
		}
	}
	var o *owner
	if mine {
		o = &owner{only: named, level: t.level}
		out.owners = append(out.owners, o)
	}
	for j, c := range columns {
		var v value
		for i, item := range items {
			x := at(item, j)
			why := x.tainted()
			switch {
			case !union || distinct:
				out.mix(why) // it decides which rows there are
			default:
				v.taint = worse(v.taint, why)
			}
			if i == 0 {
				v.null = x.null
			} else if union {
				v.null = v.null && x.null
			}
		}
		if tenants[j] {
			v.owner, v.exact, v.filled = o, true, true
			for i, side := range sides {
				x := at(side, j)
				v.exact = v.exact && (x.exact || x.only != "" || owners[i] == nil && (!x.null || nulls(side, tenants)))
				v.filled = v.filled && (x.filled || x.only != "")
			}
		}
		t.set(c, v)
	}
	told := slices.Contains(tenants, true) || o == nil || o.only != ""
	if o != nil && o.only == "" && (distinct || !union && others) && !slices.ContainsFunc(columns, func(c ir.Column) bool { return t.columns[c.ID].owner == o && t.columns[c.ID].exact }) {
		out.blurred = true
	}
	switch {
	case !union && others && !told:
		out.mix(&Reason{Why: SetOp, At: place(s.At(), near(s))})
	case distinct && !told:
		out.mix(&Reason{Why: Group, At: place(s.At(), near(s))})
	}
	return out
}

func at(r *relation, j int) value {
	if j < len(r.columns) {
		return r.columns[j]
	}
	return value{}
}

// tenantEverywhere reports whether a position holds the tenant on every side that has one, and on one
// at least. A clean row belongs to whom it names: no tenant's rows are in it.
func tenantEverywhere(sides []*relation, own []*owner, j int) bool {
	any := false
	for i, side := range sides {
		v := at(side, j)
		switch {
		case v.tainted() != nil:
			return false
		case own[i] == nil || v.null:
		case v.tenantOf(own[i]):
			any = true
		default:
			return false
		}
	}
	return any
}

// single leaves of the positions with tenants those in which a clean side names one tenant at most.
func single(side *relation, tenants []bool) {
	first := -1
	for j := range tenants {
		if !tenants[j] || at(side, j).null {
			continue
		}
		same := first >= 0 && (j < len(side.ids) && first < len(side.ids) && side.ids[j] == side.ids[first] ||
			at(side, j).only != "" && at(side, j).only == at(side, first).only)
		switch {
		case first < 0:
			first = j
		case !same:
			tenants[j] = false
		}
	}
}

// nulls reports whether all positions with tenants are NULL.
func nulls(side *relation, tenants []bool) bool {
	for j := range tenants {
		if tenants[j] && !at(side, j).null {
			return false
		}
	}
	return true
}

// maxRounds bounds how often the step of a recursive query is read.
const maxRounds = 100

// recursive reads the step again until it says nothing new.
func (t *tracer) recursive(s *ir.Recursive) rows {
	outer := t.self
	defer func() { t.self = outer }()
	kind := ir.UnionDistinct
	if s.All {
		kind = ir.UnionAll
	}
	// The depth is made by the recursion.
	body := &ir.SetOp{Base: ir.Base{Columns: s.Columns, Span: s.Span}}
	if s.Depth != nil {
		body.Columns = slices.DeleteFunc(slices.Clone(s.Columns), func(c ir.Column) bool { return c.ID == s.Depth.ID })
		t.set(*s.Depth, value{})
	}
	known := func(r rows) *relation {
		out := &relation{rows: r, level: t.level}
		for _, c := range s.Columns {
			out.columns = append(out.columns, t.columns[c.ID])
			out.ids = append(out.ids, c.ID)
		}
		return out
	}
	of := func(r *relation) *relation { // without the depth
		if s.Depth == nil {
			return r
		}
		out := *r
		out.columns, out.ids = nil, nil
		for i, c := range s.Columns {
			if c.ID != s.Depth.ID && i < len(r.columns) {
				out.columns, out.ids = append(out.columns, r.columns[i]), append(out.ids, c.ID)
			}
		}
		return &out
	}
	t.self = known(t.combine(body, kind, []*relation{t.item(s.Anchor)}, s.Collations))
	for range maxRounds {
		before := t.self
		after := known(t.combine(body, kind, []*relation{of(before), t.item(s.Step)}, s.Collations))
		if t.alike(before, after) {
			return after.rows
		}
		t.self = after
	}
	return t.opaque(s, "a recursive query that does not settle")
}

// alike reports whether the same is known of two relations.
func (t *tracer) alike(a, b *relation) bool {
	if len(a.columns) != len(b.columns) || a.rows.blurred != b.rows.blurred || (len(a.rows.mixed) == 0) != (len(b.rows.mixed) == 0) {
		return false
	}
	ra, rb := a.rows.roots(t.level), b.rows.roots(t.level)
	if len(ra) != len(rb) || len(ra) == 1 && ra[0].only != rb[0].only {
		return false
	}
	return slices.EqualFunc(a.columns, b.columns, func(x, y value) bool {
		return (x.owner == nil) == (y.owner == nil) && x.exact == y.exact && x.filled == y.filled && (x.tainted() == nil) == (y.tainted() == nil) && x.null == y.null
	})
}

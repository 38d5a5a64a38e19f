package origin

import (
	"cmp"
	"slices"

	"github.com/engine-build/engine/engine/ir"
)

// Keys tells which sets of columns are unique in a table, by name as the
// statement's tree has them. No two rows of the table may agree in all columns of
// a set, where NULL counts as a value that agrees with NULL: a set that is unique
// only where it is not NULL is no key. An empty set says that the table has at
// most one row.
type Keys func(table string) [][]string

// Grain lists the sets of output columns, by position, in which no two rows of the
// result can agree (NULL counts as a value). Each set is minimal among those
// found; an empty set says that there is at most one row. Sets are sorted by size
// and positions. Every claim follows from the statement and from keys alone, so a
// result without sets says nothing. keys may be nil.
func Grain(s ir.Stmt, keys Keys) [][]int {
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
		return nil
	}
	if keys == nil {
		keys = func(string) [][]string { return nil }
	}
	g := &grainer{keys: keys, ctes: map[string][]set{}}
	at := map[ir.ColumnID]int{}
	for i, o := range q.Output {
		if _, ok := at[o.Column.ID]; !ok {
			at[o.Column.ID] = i
		}
	}
	var out [][]int
	for _, k := range g.scan(q.Scan) {
		own := []int{}
		for _, c := range k {
			if i, ok := at[c]; ok {
				own = append(own, i)
			}
		}
		if len(own) == len(k) {
			slices.Sort(own)
			out = append(out, own)
		}
	}
	slices.SortFunc(out, func(a, b []int) int { return cmp.Or(cmp.Compare(len(a), len(b)), slices.Compare(a, b)) })
	return slices.CompactFunc(out, slices.Equal)
}

// set is a sorted set of columns.
type set []ir.ColumnID

func setOf(ids ...ir.ColumnID) set {
	s := slices.Clone(ids)
	slices.Sort(s)
	return slices.Compact(s)
}

func (s set) within(o set) bool {
	for _, c := range s {
		if _, ok := slices.BinarySearch(o, c); !ok {
			return false
		}
	}
	return true
}

func (s set) without(drop map[ir.ColumnID]bool) set {
	return slices.DeleteFunc(slices.Clone(s), func(c ir.ColumnID) bool { return drop[c] })
}

// maxKeys bounds the keys that are followed through a statement.
const maxKeys = 16

// minimal drops the sets that hold another one.
func minimal(list []set) []set {
	slices.SortFunc(list, func(a, b set) int { return cmp.Or(cmp.Compare(len(a), len(b)), slices.Compare(a, b)) })
	var out []set
	for _, s := range list {
		if len(out) < maxKeys && !slices.ContainsFunc(out, func(o set) bool { return o.within(s) }) {
			out = append(out, s)
		}
	}
	return out
}

type grainer struct {
	keys Keys
	ctes map[string][]set // keys by position (as column ids) of common table expressions
}

// scan lists the keys of a scan, in columns that are in sight above it.
func (g *grainer) scan(s ir.Scan) []set {
	switch s := s.(type) {
	case *ir.SingleRow:
		return []set{{}}
	case *ir.Table:
		return g.table(s)
	case *ir.Filter:
		if j, ok := s.Input.(*ir.Join); ok && j.Kind == ir.Inner {
			return filtered(g.join(j, conjuncts(s.Where)), s.Where)
		}
		return filtered(g.scan(s.Input), s.Where)
	case *ir.OrderBy:
		return g.scan(s.Input)
	case *ir.Limit:
		if l, ok := s.Limit.(*ir.Literal); ok && !l.Value.Null && l.Value.Int <= 1 {
			return []set{{}}
		}
		return g.scan(s.Input)
	case *ir.Assert:
		return g.scan(s.Input)
	case *ir.Barrier:
		return g.scan(s.Input)
	case *ir.Sample: // takes rows without putting them back
		return g.scan(s.Input)
	case *ir.Project:
		return renamed(g.scan(s.Input), s)
	case *ir.Aggregate:
		return g.aggregate(s)
	case *ir.Analytic:
		return g.analytic(s)
	case *ir.Join:
		return g.join(s, nil)
	case *ir.Unnest:
		return g.unnest(s)
	case *ir.SetOp:
		return g.setOp(s)
	case *ir.With:
		return g.with(s)
	case *ir.WithRef:
		return byPosition(g.ctes[s.Name], s.Columns)
	case *ir.Recursive:
		if !s.All && s.Depth == nil {
			return []set{columnsOf(s.Columns)}
		}
	}
	return nil
}

func columnsOf(list []ir.Column) set {
	var ids []ir.ColumnID
	for _, c := range list {
		ids = append(ids, c.ID)
	}
	return setOf(ids...)
}

func (g *grainer) table(s *ir.Table) []set {
	at := map[string]ir.ColumnID{}
	for i, c := range s.Columns {
		at[fold(columnName(s, i))] = c.ID
	}
	var out []set
	for _, key := range g.keys(s.Name) {
		var own []ir.ColumnID
		for _, name := range key {
			if id, ok := at[fold(name)]; ok {
				own = append(own, id)
			}
		}
		if len(own) == len(key) {
			out = append(out, setOf(own...))
		}
	}
	return minimal(out)
}

// filtered takes the columns that a condition binds to one value off the keys: of
// two rows that pass, both have that value.
func filtered(keys []set, where ir.Expr) []set {
	bound := map[ir.ColumnID]bool{}
	var equal [][2]ir.ColumnID
	for _, e := range conjuncts(where) {
		if c, ok := comparison(e); ok {
			a, aRef := reference(c.Args[0].Expr)
			b, bRef := reference(c.Args[1].Expr)
			switch {
			case aRef && constant(c.Args[1].Expr):
				bound[a] = true
			case bRef && constant(c.Args[0].Expr):
				bound[b] = true
			case aRef && bRef:
				equal = append(equal, [2]ir.ColumnID{a, b}, [2]ir.ColumnID{b, a})
			}
		}
	}
	var out []set
	for _, k := range keys {
		out = append(out, k.without(bound))
	}
	return replaced(minimal(out), equal)
}

// replaced adds the keys in which the first of two equal columns became the second.
func replaced(keys []set, equal [][2]ir.ColumnID) []set {
	for _, e := range equal {
		for _, k := range keys {
			if has(k, e[0]) {
				keys = append(keys, setOf(append(k.without(map[ir.ColumnID]bool{e[0]: true}), e[1])...))
			}
		}
		keys = minimal(keys)
	}
	return keys
}

func conjuncts(e ir.Expr) []ir.Expr {
	c, ok := e.(*ir.Call)
	if !ok || c.Name != "$and" || !builtin(c) {
		if e == nil {
			return nil
		}
		return []ir.Expr{e}
	}
	var out []ir.Expr
	for _, a := range c.Args {
		out = append(out, conjuncts(a.Expr)...)
	}
	return out
}

// comparison is a = b, where equal means the same value: not under a collation.
func comparison(e ir.Expr) (*ir.Call, bool) {
	c, ok := e.(*ir.Call)
	if !ok || c.Name != "$equal" || !builtin(c) || len(c.Args) != 2 || c.Args[0].Expr == nil || c.Args[1].Expr == nil {
		return nil, false
	}
	if slices.ContainsFunc(c.Collations, func(s string) bool { return s != "" }) {
		return nil, false
	}
	return c, true
}

// reference is a column of the rows at hand, read as it is.
func reference(e ir.Expr) (ir.ColumnID, bool) {
	r, ok := e.(*ir.ColumnRef)
	if !ok || r.Correlated || r.Collation != "" {
		return 0, false
	}
	return r.Column.ID, true
}

func constant(e ir.Expr) bool {
	switch e := e.(type) {
	case *ir.Literal, *ir.Parameter:
		return true
	case *ir.Cast:
		return e.Format == nil && e.Zone == nil && !e.Extended && constant(e.Arg)
	}
	return false
}

// renamed brings keys through a projection: a column passes under its own
// identity or as a plain reference to it, and a constant is in no key.
func renamed(keys []set, s *ir.Project) []set {
	as := map[ir.ColumnID]ir.ColumnID{}
	for _, c := range s.Exprs {
		if id, ok := reference(c.Expr); ok {
			if _, had := as[id]; !had {
				as[id] = c.Column.ID
			}
		}
	}
	for _, c := range s.Columns {
		as[c.ID] = c.ID
	}
	return mapped(keys, as)
}

func mapped(keys []set, as map[ir.ColumnID]ir.ColumnID) []set {
	var out []set
	for _, k := range keys {
		own := make([]ir.ColumnID, 0, len(k))
		for _, c := range k {
			if to, ok := as[c]; ok {
				own = append(own, to)
			}
		}
		if len(own) == len(k) {
			out = append(out, setOf(own...))
		}
	}
	return minimal(out)
}

func (g *grainer) aggregate(s *ir.Aggregate) []set {
	keys := s.Keys
	if s.Sets != nil {
		if len(s.Sets) != 1 {
			return nil // a row of one set may look like a row of another
		}
		var own []ir.Computed
		for _, k := range keys {
			if slices.Contains(s.Sets[0], k.Column.ID) {
				own = append(own, k)
			}
		}
		keys = own
	}
	input := g.scan(s.Input)
	whole := make([]ir.ColumnID, 0, len(keys))
	as := map[ir.ColumnID]ir.ColumnID{}
	for _, k := range keys {
		if _, ok := k.Expr.(*ir.Literal); ok {
			continue
		}
		whole = append(whole, k.Column.ID)
		if id, ok := reference(k.Expr); ok {
			if _, had := as[id]; !had {
				as[id] = k.Column.ID
			}
		}
	}
	// What is unique in the input makes groups of one row.
	return minimal(append(mapped(input, as), setOf(whole...)))
}

// analytic adds that row_number differs between the rows of one partition.
func (g *grainer) analytic(s *ir.Analytic) []set {
	keys := slices.Clone(g.scan(s.Input))
	for _, w := range s.Groups {
		if slices.ContainsFunc(w.Collations, func(s string) bool { return s != "" }) {
			continue
		}
		partition, plain := []ir.ColumnID{}, true
		for _, p := range w.Partition {
			id, ok := reference(p)
			partition, plain = append(partition, id), plain && ok
		}
		for _, c := range w.Calls {
			if call, ok := c.Expr.(*ir.WindowCall); ok && plain && call.Name == "row_number" && builtin(&call.Call) {
				keys = append(keys, setOf(append(slices.Clone(partition), c.Column.ID)...))
			}
		}
	}
	return minimal(keys)
}

// join: the rows of a pair of keys are unique; and where each row of one side
// meets at most one of the other, the keys of the first stay keys.
//
// more are conditions on the rows of an inner join, which are as good as its own.
func (g *grainer) join(s *ir.Join, more []ir.Expr) []set {
	left, right := g.scan(s.Left), g.scan(s.Right)
	on := append(conjuncts(s.On), more...)
	if s.Kind == ir.Full {
		return nil // rows without a partner on the left may look like rows without one on the right
	}
	var out []set
	for _, l := range left {
		for _, r := range right {
			out = append(out, setOf(append(slices.Clone(l), r...)...))
		}
	}
	inLeft, inRight := columnsOf(s.Left.Out()), columnsOf(s.Right.Out())
	if s.Kind != ir.Right && covered(right, matched(on, inRight, inLeft)) {
		out = append(out, left...)
	}
	if s.Kind != ir.Left && !s.Lateral && covered(left, matched(on, inLeft, inRight)) {
		out = append(out, right...)
	}
	return replaced(minimal(out), equalSides(on, s.Kind, inLeft, inRight))
}

// equalSides are pairs of a column of each side that a join makes equal, so that the
// first may stand for the second in a key. Where rows of one side stay without a partner,
// the other side's columns are NULL in them, and only they may be replaced: each key holds
// one of the side that stays, so that a row of it has partners or has none.
func equalSides(on []ir.Expr, kind ir.JoinKind, left, right set) [][2]ir.ColumnID {
	var out [][2]ir.ColumnID
	for _, e := range on {
		c, ok := comparison(e)
		if !ok {
			continue
		}
		a, aRef := reference(c.Args[0].Expr)
		b, bRef := reference(c.Args[1].Expr)
		if !aRef || !bRef {
			continue
		}
		if has(right, a) {
			a, b = b, a
		}
		if !has(left, a) || !has(right, b) {
			continue
		}
		if kind != ir.Right {
			out = append(out, [2]ir.ColumnID{b, a})
		}
		if kind != ir.Left {
			out = append(out, [2]ir.ColumnID{a, b})
		}
	}
	return out
}

// matched are the columns of own that the condition of a join makes equal to one
// value for each row of the other side.
func matched(on []ir.Expr, own, other set) map[ir.ColumnID]bool {
	out := map[ir.ColumnID]bool{}
	for _, e := range on {
		c, ok := comparison(e)
		if !ok {
			continue
		}
		for i := range 2 {
			id, ok := reference(c.Args[i].Expr)
			if ok && has(own, id) && (constant(c.Args[1-i].Expr) || fromSide(c.Args[1-i].Expr, other)) {
				out[id] = true
			}
		}
	}
	return out
}

func has(s set, id ir.ColumnID) bool {
	_, ok := slices.BinarySearch(s, id)
	return ok
}

// fromSide reports whether an expression is one value for each row of a side: a
// column of it, perhaps converted.
func fromSide(e ir.Expr, side set) bool {
	if c, ok := e.(*ir.Cast); ok && c.Format == nil && c.Zone == nil && !c.Extended {
		return fromSide(c.Arg, side)
	}
	id, ok := reference(e)
	return ok && has(side, id)
}

func covered(keys []set, by map[ir.ColumnID]bool) bool {
	return slices.ContainsFunc(keys, func(k set) bool { return len(k.without(by)) == 0 })
}

// unnest: an element is known by its row and its position.
func (g *grainer) unnest(s *ir.Unnest) []set {
	if s.Offset == nil {
		return nil
	}
	input := []set{{}}
	if s.Input != nil {
		input = g.scan(s.Input)
	}
	var out []set
	for _, k := range input {
		out = append(out, setOf(append(slices.Clone(k), s.Offset.ID)...))
	}
	return minimal(out)
}

func (g *grainer) setOp(s *ir.SetOp) []set {
	all := columnsOf(s.Columns)
	var first []set
	if len(s.Items) > 0 {
		item := s.Items[0]
		first = g.scan(item.Scan)
		as := map[ir.ColumnID]ir.ColumnID{}
		for i, c := range item.Columns {
			if _, had := as[c.ID]; !had && i < len(s.Columns) {
				as[c.ID] = s.Columns[i].ID
			}
		}
		first = mapped(first, as)
	}
	switch s.Kind {
	case ir.UnionDistinct:
		return []set{all}
	case ir.IntersectAll, ir.ExceptAll:
		return first
	case ir.IntersectDistinct, ir.ExceptDistinct:
		return minimal(append(slices.Clone(first), all))
	}
	return nil
}

func (g *grainer) with(s *ir.With) []set {
	outer := g.ctes
	g.ctes = map[string][]set{}
	for name, keys := range outer {
		g.ctes[name] = keys
	}
	defer func() { g.ctes = outer }()
	for _, e := range s.Entries {
		g.ctes[e.Name] = g.entry(e)
	}
	return g.scan(s.Body)
}

// entry lists the keys of a common table expression by position.
func (g *grainer) entry(e ir.WithEntry) []set {
	as := map[ir.ColumnID]ir.ColumnID{}
	for i, c := range e.Scan.Out() {
		if _, had := as[c.ID]; !had {
			as[c.ID] = ir.ColumnID(i)
		}
	}
	return mapped(g.scan(e.Scan), as)
}

// byPosition turns positions into the columns of a reference.
func byPosition(keys []set, to []ir.Column) []set {
	as := map[ir.ColumnID]ir.ColumnID{}
	for i, c := range to {
		as[ir.ColumnID(i)] = c.ID
	}
	return mapped(keys, as)
}

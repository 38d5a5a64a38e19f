package lint

import (
	"fmt"
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// tree is what one FROM clause joins.
type tree struct {
	leaves []leaf
	owner  map[ir.ColumnID]int // the leaf that makes a column
	joins  []join
	// below is what the tree holds besides its own joins, to be looked at by itself.
	below []ir.Node
	block *block // nil where the text does not tell
}

// leaf is one thing that FROM reads.
type leaf struct {
	scan ir.Scan
	// relation: it has columns of its own, unlike the elements of an array.
	relation bool
	alias    string // "" if not known
	// outer is the join that keeps the rows of the others where this one has none.
	outer *ir.Join
	// free: an array that reads no column of the others.
	free  bool
	reads []int // the leaves that an array is read from
}

// join is a Join and its leaves: [from, mid) on the left, [mid, to) on the right.
type join struct {
	*ir.Join
	from, mid, to int
}

// grow reads the tree of a scan that is a Join or an Unnest.
func grow(p *page, s ir.Scan) *tree {
	t := &tree{owner: map[ir.ColumnID]int{}}
	t.add(p, s)
	for _, j := range t.joins {
		if j.Span.End > j.Span.Start {
			t.block = p.blockAt(j.Span.Start)
			break
		}
	}
	return t
}

func (t *tree) add(p *page, s ir.Scan) {
	switch n := s.(type) {
	case *ir.Join:
		j := join{Join: n, from: len(t.leaves)}
		t.add(p, n.Left)
		j.mid = len(t.leaves)
		t.add(p, n.Right)
		j.to = len(t.leaves)
		t.joins = append(t.joins, j)
		if n.On != nil {
			t.below = append(t.below, n.On)
		}
		switch n.Kind {
		case ir.Left:
			t.keep(n, j.mid, j.to)
		case ir.Right:
			t.keep(n, j.from, j.mid)
		}
	case *ir.Unnest:
		if n.Input != nil {
			t.add(p, n.Input)
		}
		l := leaf{scan: n, free: true}
		for _, e := range n.Arrays {
			for _, i := range t.used(e, nil) {
				l.reads, l.free = append(l.reads, i), false
			}
			t.below = append(t.below, e)
		}
		if n.On != nil {
			t.below = append(t.below, n.On)
		}
		for _, c := range n.Elements {
			t.owner[c.ID] = len(t.leaves)
		}
		if n.Offset != nil {
			t.owner[n.Offset.ID] = len(t.leaves)
		}
		t.leaves = append(t.leaves, l)
	default:
		for _, c := range s.Out() {
			t.owner[c.ID] = len(t.leaves)
		}
		t.leaves = append(t.leaves, leaf{scan: s, relation: true, alias: alias(p, s)})
		t.below = append(t.below, s)
	}
}

// keep notes that the rows of other leaves stay where these have none.
func (t *tree) keep(j *ir.Join, from, to int) {
	for i := from; i < to; i++ {
		if t.leaves[i].outer == nil {
			t.leaves[i].outer = j
		}
	}
}

// alias is the name by which the rest of the SELECT knows a scan of FROM.
func alias(p *page, s ir.Scan) string {
	at := s.At()
	switch s := s.(type) {
	case *ir.Table:
		if s.Alias != "" {
			return s.Alias
		}
		return s.Name[strings.LastIndexByte(s.Name, '.')+1:]
	case *ir.WithRef:
		if at.End > at.Start {
			if a := p.alias(at.End); a != "" {
				return a
			}
			return p.text[at.Start:at.End]
		}
		return ""
	}
	if at.End > at.Start {
		return p.alias(at.End)
	}
	return ""
}

// used appends the leaves whose columns e reads; -1 stands for what is outside of the tree.
func (t *tree) used(e ir.Expr, list []int) []int {
	inner := map[ir.ColumnID]bool{}
	ir.Inspect(e, func(n ir.Node) bool {
		switch n := n.(type) {
		case ir.Scan:
			for _, c := range n.Out() {
				inner[c.ID] = true
			}
		case *ir.ColumnRef:
			if i, ok := t.owner[n.Column.ID]; ok {
				list = append(list, i)
			} else if !inner[n.Column.ID] {
				list = append(list, -1)
			}
		}
		return true
	})
	return list
}

// joins runs the rules on joins.
func (l *linter) joins(t *tree, conditions []ir.Expr) {
	all := conditions
	for _, j := range t.joins {
		all = conjuncts(all[:len(all):len(all)], j.On)
	}
	groups := newGroups(len(t.leaves) + 1) // the last one stands for what is outside
	for i, leaf := range t.leaves {
		for _, r := range leaf.reads {
			if r >= 0 {
				groups.join(i, r)
			}
		}
	}
	for _, c := range all {
		first := -2
		for _, i := range t.used(c, nil) {
			if i < 0 {
				i = len(t.leaves)
			}
			if first >= 0 {
				groups.join(first, i)
			}
			first = i
		}
	}
	for _, j := range t.joins {
		if j.On == nil && j.Kind == ir.Inner && !j.Lateral {
			l.cross(t, j, groups)
		}
		l.oneSided(t, j)
	}
	for _, c := range conditions {
		l.undone(t, c)
	}
}

// cross reports a comma between relations that no condition brings together.
func (l *linter) cross(t *tree, j join, groups groups) {
	if j.Span.End <= j.Span.Start || l.text[j.Span.Start:j.Span.End] != "," || l.oneRow(j.Left, 0) || l.oneRow(j.Right, 0) {
		return
	}
	for a := j.from; a < j.mid; a++ {
		for b := j.mid; b < j.to; b++ {
			if t.leaves[a].free || t.leaves[b].free || groups.of(a) == groups.of(b) {
				return
			}
		}
	}
	what := "this"
	if right := t.leaves[j.mid]; right.alias != "" && j.to == j.mid+1 {
		what = fmt.Sprintf("%q", right.alias)
	}
	l.add(Finding{Rule: ImplicitCrossJoin, At: l.behind(j.Span),
		Message: "no condition joins " + what + " to what stands before the comma, so every row meets every row",
		Help:    "write the condition, or CROSS JOIN where all pairs are meant"})
}

// behind is the first word of what a comma adds. It is the place, and not the comma, which
// may stand at the end of the line above, before a comment that allows the join.
func (l *linter) behind(comma ir.Span) ir.Span {
	at := comma.End
	for at < len(l.text) {
		rest := l.text[at:]
		switch {
		case strings.ContainsRune(" \t\r\n", rune(rest[0])):
			at++
		case rest[0] == '#' || strings.HasPrefix(rest, "--"):
			line, _, _ := strings.Cut(rest, "\n")
			at += len(line)
		case strings.HasPrefix(rest, "/*"):
			comment, _, _ := strings.Cut(rest[2:], "*/")
			at = min(at+len(comment)+4, len(l.text))
		default:
			n := strings.IndexAny(rest, " \t\r\n,;)")
			if n < 0 {
				n = len(rest)
			}
			return ir.Span{Start: at, End: at + max(n, 1)}
		}
	}
	return comma
}

// oneRow reports whether a scan makes at most one row.
func (l *linter) oneRow(s ir.Scan, depth int) bool {
	if depth > 50 {
		return false
	}
	switch s := s.(type) {
	case *ir.SingleRow:
		return true
	case *ir.Aggregate:
		return len(s.Keys) == 0 && len(s.Sets) <= 1
	case *ir.Project:
		return l.oneRow(s.Input, depth+1)
	case *ir.Filter:
		return l.oneRow(s.Input, depth+1)
	case *ir.Analytic:
		return l.oneRow(s.Input, depth+1)
	case *ir.OrderBy:
		return l.oneRow(s.Input, depth+1)
	case *ir.Barrier:
		return l.oneRow(s.Input, depth+1)
	case *ir.With:
		return l.oneRow(s.Body, depth+1)
	case *ir.Limit:
		n, ok := s.Limit.(*ir.Literal)
		return ok && n.Value.Int <= 1 && !n.Value.Null || l.oneRow(s.Input, depth+1)
	case *ir.Join:
		return l.oneRow(s.Left, depth+1) && l.oneRow(s.Right, depth+1)
	case *ir.WithRef:
		name := strings.ToLower(s.Name)
		one, known := l.single[name]
		if e, ok := l.ctes[name]; ok && !known {
			l.single[name] = false // for those that read themselves
			one = l.oneRow(e, depth+1)
			l.single[name] = one
		}
		return one
	}
	return false
}

// oneSided reports a join whose ON compares columns of one side with each other only.
func (l *linter) oneSided(t *tree, j join) {
	if j.On == nil {
		return
	}
	var suspect *ir.Call
	for _, c := range conjuncts(nil, j.On) {
		left, right := false, false
		for _, i := range t.used(c, nil) {
			switch {
			case i < 0:
				return // a column of an outer query: it may well be what is meant
			case i >= j.mid && i < j.to:
				right = true
			case i >= j.from && i < j.mid:
				left = true
			}
		}
		if left && right {
			return
		}
		if call, ok := c.(*ir.Call); ok && suspect == nil && call.Name == "$equal" && column(call.Args[0].Expr) != nil && column(call.Args[1].Expr) != nil {
			suspect = call
		}
	}
	if suspect != nil {
		l.add(Finding{Rule: JoinOneSided, At: suspect.Span,
			Message: "the condition of the join compares one side with itself",
			Help:    "compare a column of each side"})
	}
}

// undone reports a condition on the rows of a join that no row without a match meets,
// although the join was written to keep such rows.
func (l *linter) undone(t *tree, condition ir.Expr) {
	ref := l.strict(t, condition)
	if ref == nil {
		return
	}
	at := ref.Span
	if at.End <= at.Start {
		at = condition.At()
	}
	words, join := "left join", t.leaves[t.owner[ref.Column.ID]].outer
	if join.Kind == ir.Right {
		words = "right join"
	}
	l.add(Finding{Rule: LeftJoinUndone, At: at,
		Message: fmt.Sprintf("the condition on %q drops the rows that the %s keeps", ref.Column.Name, words),
		Help:    "move the condition into ON, or write INNER JOIN"})
}

// comparisons are the functions that are NULL where an argument is.
var comparisons = map[string]int{ // how many of the arguments count; -1: all
	"$equal": -1, "$not_equal": -1, "$less": -1, "$less_or_equal": -1, "$greater": -1, "$greater_or_equal": -1,
	"$like": -1, "$between": 1, "$in": 1, "$in_array": 1, "$is_true": 1, "$is_false": 1,
}

// strict is a column of the optional side of an outer join that has to have a value for the
// condition to be true; nil if there is none.
func (l *linter) strict(t *tree, e ir.Expr) *ir.ColumnRef {
	if ref := l.optional(t, e); ref != nil {
		return ref
	}
	c, ok := e.(*ir.Call)
	if !ok {
		return nil
	}
	if c.Name == "$not" && len(c.Args) == 1 {
		if inner, ok := c.Args[0].Expr.(*ir.Call); ok && (inner.Name == "$is_true" || inner.Name == "$is_false") {
			return nil // NOT (x IS TRUE) is true where x is NULL
		}
		return l.strict(t, c.Args[0].Expr)
	}
	n, ok := comparisons[c.Name]
	if !ok {
		return nil
	}
	for i, a := range c.Args {
		if n >= 0 && i >= n {
			break
		}
		if ref := l.optional(t, a.Expr); ref != nil {
			return ref
		}
	}
	return nil
}

// optional is the column that e is, if it is of the optional side.
func (l *linter) optional(t *tree, e ir.Expr) *ir.ColumnRef {
	ref := column(e)
	if ref == nil {
		return nil
	}
	i, ok := t.owner[ref.Column.ID]
	if !ok || t.leaves[i].outer == nil || !t.leaves[i].relation {
		return nil
	}
	return ref
}

// column is the column that e passes on, through casts and fields; nil if e is more.
func column(e ir.Expr) *ir.ColumnRef {
	switch e := e.(type) {
	case *ir.ColumnRef:
		return e
	case *ir.Cast:
		return column(e.Arg)
	case *ir.GetField:
		return column(e.Arg)
	}
	return nil
}

// groups are sets of small numbers that grow together.
type groups []int

func newGroups(n int) groups {
	g := make(groups, n)
	for i := range g {
		g[i] = i
	}
	return g
}

func (g groups) of(i int) int {
	for g[i] != i {
		g[i] = g[g[i]]
		i = g[i]
	}
	return i
}

func (g groups) join(a, b int) { g[g.of(a)] = g.of(b) }

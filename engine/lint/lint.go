package lint

import (
	"cmp"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// The rules, in the order of their names.
const (
	AmbiguousColumn   = "ambiguous-column"
	CTEUnused         = "cte-unused"
	ImplicitCrossJoin = "implicit-cross-join"
	JoinOneSided      = "join-one-sided"
	LeftJoinUndone    = "left-join-undone"
	NonDeterministic  = "non-deterministic"
	NullComparison    = "null-comparison"
	OrderWithoutLimit = "order-without-limit"
	OuterColumn       = "outer-column"
	SelectStar        = "select-star"
)

// Finding is one suspicious place of a statement.
type Finding struct {
	Rule    string
	At      ir.Span // bytes of the statement's text
	Message string  // one line, lower case, names the thing in quotes
	Help    string  // what to write instead, may be empty
	// Edits leave the meaning as it is. Empty where a person has to decide.
	Edits []Edit
}

// Edit replaces the text at a place.
type Edit struct {
	At  ir.Span
	New string
}

// Of finds what is suspicious in a query, or in the query of a CREATE TABLE or CREATE
// VIEW, whose text the spans of stmt point into. Other statements have no findings. The
// findings are sorted by place, then by rule.
func Of(stmt ir.Stmt, text string) []Finding {
	var q *ir.Query
	switch s := stmt.(type) {
	case *ir.Query:
		q = s
	case *ir.CreateTable:
		q = s.Query
	case *ir.CreateView:
		q = s.Query
	}
	if q == nil || q.Scan == nil {
		return nil
	}
	l := &linter{query: q, page: read(text), ctes: map[string]ir.Scan{}, single: map[string]bool{}, opened: map[string]bool{}}
	if !l.collect() {
		return nil // the text is another one
	}
	l.visit(q.Scan, nil)
	l.order(q.Scan, false, ir.Span{})
	l.references()
	l.items()
	l.stars()
	slices.SortStableFunc(l.found, func(a, b Finding) int {
		return cmp.Or(a.At.Start-b.At.Start, a.At.End-b.At.End, strings.Compare(a.Rule, b.Rule))
	})
	return slices.CompactFunc(l.found, func(a, b Finding) bool { return a.At == b.At && a.Rule == b.Rule })
}

// linter is the state of one statement.
type linter struct {
	query *ir.Query
	*page
	ctes map[string]ir.Scan // by name in lower case
	// What is known of them already, so that those that read others twice stay cheap.
	single, opened map[string]bool
	refs           []*ir.ColumnRef // of the user's, in the order of the tree
	trees          []*tree
	found          []Finding
}

func (l *linter) add(f Finding) {
	if f.At.End > f.At.Start && f.At.End <= len(l.text) {
		l.found = append(l.found, f)
	}
}

// collect notes the common table expressions and the references to columns. It reports
// whether all places are in the text.
func (l *linter) collect() bool {
	fits := true
	ir.Inspect(l.query.Scan, func(n ir.Node) bool {
		if placed, ok := n.(interface{ At() ir.Span }); ok {
			at := placed.At()
			fits = fits && at.Start >= 0 && at.Start <= at.End && at.End <= len(l.text)
		}
		return fits
	})
	if !fits {
		return false
	}
	ir.Inspect(l.query.Scan, func(n ir.Node) bool {
		switch n := n.(type) {
		case *ir.With:
			for _, e := range n.Entries {
				l.ctes[strings.ToLower(e.Name)] = e.Scan
			}
		case *ir.ColumnRef:
			if n.Span.End > n.Span.Start {
				l.refs = append(l.refs, n)
			}
		case *ir.Table:
			l.reads(n)
		case *ir.WithRef:
			l.reads(n)
		}
		if s, ok := n.(ir.Scan); ok && s.At().End > s.At().Start {
			l.provide(s)
		}
		return true
	})
	return true
}

// reads counts a relation for the SELECT that reads it.
func (l *linter) reads(s ir.Scan) {
	if at := s.At(); at.End > at.Start {
		if b := l.blockAt(at.Start); b != nil {
			b.relations++
		}
	}
}

// provide notes the columns that a SELECT reads from what stands in its FROM clause.
func (l *linter) provide(s ir.Scan) {
	i := l.at(s.At().Start) - 1
	if i < 0 || i >= len(l.tokens) {
		return
	}
	b := l.blockAt(l.tokens[i].Start)
	if b == nil || i < b.from || i >= b.tail {
		return
	}
	for _, c := range s.Out() {
		b.columns[c.ID] = true
	}
}

// visit runs the rules of n and of all that is below it. conditions hold for the rows of
// n in the same SELECT.
func (l *linter) visit(n ir.Node, conditions []ir.Expr) {
	switch n := n.(type) {
	case *ir.Filter:
		l.visit(n.Where, nil)
		l.visit(n.Input, conjuncts(slices.Clip(conditions), n.Where))
		return
	case *ir.Analytic:
		for _, c := range ir.Children(n) {
			if c == ir.Node(n.Input) {
				l.visit(c, conditions)
			} else {
				l.visit(c, nil)
			}
		}
		return
	case *ir.Join, *ir.Unnest:
		t := grow(l.page, n.(ir.Scan))
		l.trees = append(l.trees, t)
		l.joins(t, conditions)
		for _, below := range t.below {
			l.visit(below, nil)
		}
		return
	case *ir.With:
		l.unusedEntries(n)
	case *ir.Call:
		l.call(n)
	}
	for _, c := range ir.Children(n) {
		l.visit(c, nil)
	}
}

// conjuncts appends the conditions that AND joins in e.
func conjuncts(list []ir.Expr, e ir.Expr) []ir.Expr {
	if c, ok := e.(*ir.Call); ok && c.Name == "$and" {
		for _, a := range c.Args {
			list = conjuncts(list, a.Expr)
		}
		return list
	}
	if e == nil {
		return list
	}
	return append(list, e)
}

// volatile are the functions whose value is another one when the same data are computed
// again.
var volatile = map[string]bool{
	"current_date": true, "current_datetime": true, "current_time": true, "current_timestamp": true,
	"generate_uuid": true, "rand": true, "session_user": true,
}

// call runs the rules on a function call.
func (l *linter) call(c *ir.Call) {
	if volatile[c.Name] {
		l.add(Finding{Rule: NonDeterministic, At: c.Span,
			Message: "\"" + c.Name + "\" gives another value on every run",
			Help:    "take the value from the data or from a variable, so that a rebuild gives the same rows"})
	}
	null := func(from, to, step int, message, help string) {
		for i := from; i < to; i += step {
			if lit, ok := c.Args[i].Expr.(*ir.Literal); ok && lit.Value.Null {
				at := lit.Span
				if at.End <= at.Start {
					at = c.Span
				}
				l.add(Finding{Rule: NullComparison, At: at, Message: message, Help: help})
				return
			}
		}
	}
	switch c.Name {
	case "$equal", "$not_equal", "$less", "$less_or_equal", "$greater", "$greater_or_equal":
		null(0, len(c.Args), 1, "a comparison with NULL is never true", "write IS NULL, IS NOT NULL or IS DISTINCT FROM")
	case "$in":
		null(1, len(c.Args), 1, "NULL in a list matches nothing, and NOT IN is then never true", "leave NULL out of the list, and add OR … IS NULL where it is meant")
	case "$case_with_value":
		// The value, pairs, and perhaps what else.
		null(1, len(c.Args)-1, 2, "WHEN NULL is never taken", "write CASE WHEN … IS NULL THEN …")
	}
}

// unusedEntries finds common table expressions that nothing reads.
func (l *linter) unusedEntries(w *ir.With) {
	used := map[string]bool{}
	ir.Inspect(w, func(n ir.Node) bool {
		if r, ok := n.(*ir.WithRef); ok {
			used[strings.ToLower(r.Name)] = true
		}
		return true
	})
	for _, e := range w.Entries {
		if used[strings.ToLower(e.Name)] {
			continue
		}
		if at, ok := l.entryName(e.Name); ok {
			l.add(Finding{Rule: CTEUnused, At: at, Message: "nothing reads \"" + e.Name + "\"", Help: "remove it"})
		}
	}
}

// entryName is the place where a common table expression gets its name.
func (l *linter) entryName(name string) (ir.Span, bool) {
	found, n := ir.Span{}, 0
	for i := range l.tokens {
		if l.is(i+1, "as") && l.punct(i+2, '(') && strings.EqualFold(l.name(i), name) {
			found, n = ir.Span{Start: l.tokens[i].Start, End: l.tokens[i].End}, n+1
		}
	}
	return found, n == 1
}

// order finds sorting that nothing keeps. sorted says that the order of s matters; within
// is the innermost text known to be around s.
func (l *linter) order(n ir.Node, sorted bool, within ir.Span) {
	if s, ok := n.(ir.Scan); ok && s.At().End > s.At().Start {
		within = s.At()
	}
	pass := func(input ir.Scan, sorted bool) {
		for _, c := range ir.Children(n) {
			if c == ir.Node(input) {
				l.order(c, sorted, within)
			} else {
				l.order(c, false, within)
			}
		}
	}
	switch n := n.(type) {
	case *ir.OrderBy:
		if !sorted {
			l.unsorted(within)
		}
		pass(n.Input, false)
	case *ir.Limit:
		pass(n.Input, true)
	case *ir.Project:
		pass(n.Input, sorted)
	case *ir.Filter:
		pass(n.Input, sorted)
	case *ir.Barrier:
		pass(n.Input, sorted)
	case *ir.With:
		pass(n.Body, sorted)
	case *ir.Subquery:
		pass(n.Scan, n.Kind == ir.ArrayOf)
	default:
		for _, c := range ir.Children(n) {
			l.order(c, false, within)
		}
	}
}

// unsorted reports the ORDER BY at the end of the query within a span.
func (l *linter) unsorted(within ir.Span) {
	from, to := l.inside(within)
	depth := -1
	at := -1
	for i := from; i < to; i++ {
		if depth < 0 {
			depth = l.depth[i]
		}
		if l.depth[i] == depth && l.is(i, "order") && l.is(i+1, "by") {
			at = i
		}
	}
	if at < 0 {
		return
	}
	end := at + 2
	for end < to && !(l.depth[end] == depth && (l.punct(end, '|') || l.is(end, "limit"))) {
		end++
	}
	f := Finding{Rule: OrderWithoutLimit, At: ir.Span{Start: l.tokens[at].Start, End: l.tokens[at+1].End},
		Message: "the rows are sorted, and nothing keeps their order",
		Help:    "leave ORDER BY to the query that reads the result, or add a LIMIT"}
	if cut := (ir.Span{Start: l.tokens[at].Start, End: l.tokens[end-1].End}); end == to && at > 0 && !l.commented(cut) {
		if gap := (ir.Span{Start: l.tokens[at-1].End, End: cut.Start}); !l.commented(gap) {
			cut.Start = gap.Start
		}
		f.Edits = []Edit{{At: cut}}
	}
	l.add(f)
}

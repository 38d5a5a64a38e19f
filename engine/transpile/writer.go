package transpile

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// Writer turns a tree of scans into SELECT statements, as few as the order of the
// clauses allows: FROM, WHERE, GROUP BY, HAVING, windows, QUALIFY, ORDER BY, LIMIT.
//
// A scan is written into a block: a SELECT that is still open. The writer keeps for
// every column the text that stands for it in the block that is open. A scan that
// does not fit the open block closes it: the block becomes a derived table of the
// next one and its columns plain references.
//
// A Writer serves one statement and one goroutine.
type Writer struct {
	d       Dialect
	defs    map[ir.ColumnID]*def
	written map[ir.Scan]bool // subqueries written so far
	// refs are the references to a column that were not written yet.
	refs map[ir.ColumnID]map[*ir.ColumnRef]bool
	// forced columns are read by position: outputs, inputs of set operations.
	forced  map[ir.ColumnID]int
	taken   map[string]bool // aliases in use, lower case
	names   map[string]bool // tables and common table expressions, lower case
	ctes    map[string]*cte
	top     []string // common table expressions of the statement
	topRec  bool
	depth   int // of subqueries in expressions
	rec     []*cte
	limits  Limits
	tried   int         // calls that catch errors around the references visited, see eachRef
	lowered ir.ColumnID // the last of the negative numbers given to new columns
}

// def is what stands for a column.
type def struct {
	text  string
	class class
	block *block
	text0 ir.Expr // the expression, nil for a reference
}

// class says where the text of a column may stand.
type class uint8

const (
	reference class = iota // alias.name
	constant               // a literal
	light                  // an expression cheap and safe to repeat
	heavy                  // an expression that is written once
	aggregate              // holds an aggregate call
	window                 // holds a window call
)

// place is a clause that reads columns.
type place uint8

const (
	inSelect place = iota
	inWhere
	inOn
	inGroup
	inAggregate
	inHaving
	inWindow
	inQualify
	inOrder
)

type stage uint8

const (
	stFrom stage = iota
	stWhere
	stGroup
	stWindow
	stQualify
	stOrder
	stLimit
)

// block is an open SELECT.
type block struct {
	stage   stage
	from    string // lines without indent; "" for none
	where   []string
	grouped bool
	keys    []string
	keyIDs  []ir.ColumnID
	sets    []string
	having  []string
	qualify []string
	order   []sortItem
	limit   string
	offset  string
	with    []string
	withRec bool
	sole    bool // from is one item, without a join

	// A set operation: parts joined by op; columns match by position.
	op      string
	parts   []part
	columns []ir.Column
}

type part struct {
	block   *block
	columns []ir.Column
}

type sortItem struct {
	text string
	item ir.OrderItem
}

type cte struct {
	name    string // quoted
	columns []string
}

// NewWriter prepares a writer for a statement.
func NewWriter(d Dialect, stmt ir.Stmt) *Writer {
	w := &Writer{
		d: d, defs: map[ir.ColumnID]*def{}, refs: map[ir.ColumnID]map[*ir.ColumnRef]bool{},
		forced: map[ir.ColumnID]int{}, taken: map[string]bool{}, names: map[string]bool{}, ctes: map[string]*cte{},
	}
	if l, ok := d.(Limited); ok {
		w.limits = l.Limits()
	}
	ir.Inspect(stmt, func(n ir.Node) bool {
		switch n := n.(type) {
		case *ir.ColumnRef:
			m := w.refs[n.Column.ID]
			if m == nil {
				m = map[*ir.ColumnRef]bool{}
				w.refs[n.Column.ID] = m
			}
			m[n] = true
		case *ir.Query:
			for _, o := range n.Output {
				w.forced[o.Column.ID]++
			}
		case *ir.SetOp:
			for _, i := range n.Items {
				w.force(i.Columns)
			}
		case *ir.Recursive:
			w.force(n.Anchor.Columns)
			w.force(n.Step.Columns)
		case *ir.With:
			for _, e := range n.Entries {
				w.force(e.Scan.Out())
			}
		case *ir.Insert:
			w.force(n.From)
		case *ir.Aggregate:
			for _, c := range n.Grouping {
				w.forced[c.Key]++
			}
		case *ir.TVF:
			for _, a := range n.Args {
				w.force(a.Columns)
			}
		case *ir.Subquery:
			if n.Scan != nil {
				w.force(n.Scan.Out())
			}
			w.drop(n.Params)
		case *ir.Table:
			w.names[strings.ToLower(lastPart(n.Name))] = true
		}
		return true
	})
	// Parameters of subqueries repeat references inside of them.
	ir.Inspect(stmt, func(n ir.Node) bool {
		switch n := n.(type) {
		case *ir.Subquery:
			w.drop(n.Params)
		case *ir.Join:
			w.drop(n.Params)
		case *ir.Lambda:
			w.drop(n.Params)
		}
		return true
	})
	return w
}

func (w *Writer) force(cols []ir.Column) {
	for _, c := range cols {
		w.forced[c.ID]++
	}
}

func (w *Writer) drop(refs []*ir.ColumnRef) {
	for _, r := range refs {
		delete(w.refs[r.Column.ID], r)
	}
}

func lastPart(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// Ref is the text that stands for a column where the reference is written. It may
// be any expression.
func (w *Writer) Ref(r *ir.ColumnRef) string {
	delete(w.refs[r.Column.ID], r)
	if d := w.defs[r.Column.ID]; d != nil {
		return d.text
	}
	return w.d.Refuse("column "+r.Column.Name, "its scan is not written", r.At())
}

// Text is the text that stands for a column now, if it has one.
func (w *Writer) Text(id ir.ColumnID) (string, bool) {
	d := w.defs[id]
	if d == nil {
		return "", false
	}
	return d.text, true
}

// Origin is the expression a column was computed by, nil if it is not known.
func (w *Writer) Origin(id ir.ColumnID) ir.Expr {
	if d := w.defs[id]; d != nil {
		return d.text0
	}
	return nil
}

// Bind makes a text stand for a column: the parameter of a lambda, the row of a
// DML target.
func (w *Writer) Bind(id ir.ColumnID, text string) {
	w.defs[id] = &def{text: text, class: reference}
}

// Rebind is Bind for a while: it gives the function that undoes it. It reports false,
// and does nothing, for a column that no scan written so far produces.
func (w *Writer) Rebind(id ir.ColumnID, text string) (undo func(), ok bool) {
	old := w.defs[id]
	if old == nil {
		return nil, false
	}
	w.defs[id] = &def{text: text, class: reference}
	return func() { w.defs[id] = old }, true
}

// Alias makes a name for a FROM item that no other one of the statement has, so
// that a name means the same in every subquery.
func (w *Writer) Alias(name string) string {
	name = strings.TrimLeft(name, "$")
	if name == "" {
		name = "q"
	}
	base := name
	for i := 2; w.taken[strings.ToLower(name)]; i++ {
		name = base + "_" + strconv.Itoa(i)
	}
	w.taken[strings.ToLower(name)] = true
	return name
}

// Query writes a query with its output names.
func (w *Writer) Query(q *ir.Query) string {
	b := w.scan(q.Scan)
	outs := make([]out, len(q.Output))
	anonymous := 0
	for i, o := range q.Output {
		name := o.Name
		if name == "" || strings.HasPrefix(name, "$") {
			name = "f" + strconv.Itoa(anonymous) + "_"
			anonymous++
		}
		outs[i] = out{o.Column, name, true}
	}
	b, outs = w.fit(b, outs, q.Scan)
	text := w.render(b, outs)
	return w.head() + text
}

// fit closes a block if an output column cannot be written in its SELECT list: one
// that must be computed once is read twice.
func (w *Writer) fit(b *block, outs []out, s ir.Scan) (*block, []out) {
	if b.op != "" {
		return b, outs
	}
	seen := map[ir.ColumnID]bool{}
	for _, o := range outs {
		d := w.defs[o.column.ID]
		if d != nil && seen[o.column.ID] && d.class >= heavy && d.class != aggregate {
			return w.close(b, s), outs
		}
		seen[o.column.ID] = true
	}
	return b, outs
}

// Subquery writes a scan as a query inside an expression that yields the columns.
func (w *Writer) Subquery(s ir.Scan, cols []ir.Column) string {
	w.depth++
	w.again(s)
	scope := maps.Clone(w.taken)
	b := w.scan(s)
	outs := w.outs(cols)
	b, outs = w.fit(b, outs, s)
	text := w.render(b, outs)
	w.taken = scope
	w.depth--
	return text
}

// again makes the columns within a subquery wanted anew where it is written a second
// time, as a dialect may do with an operand it repeats.
func (w *Writer) again(s ir.Scan) {
	if !w.written[s] {
		if w.written == nil {
			w.written = map[ir.Scan]bool{}
		}
		w.written[s] = true
		return
	}
	ir.Inspect(s, func(n ir.Node) bool {
		if r, ok := n.(*ir.ColumnRef); ok && w.refs[r.Column.ID] != nil {
			w.refs[r.Column.ID][r] = true
		}
		return true
	})
}

// Scalar writes a scan as a scalar expression: a subquery in brackets, or the bare
// expression where the scan is no more than one row with it.
func (w *Writer) Scalar(s ir.Scan, c ir.Column) string {
	w.depth++
	w.again(s)
	scope := maps.Clone(w.taken)
	defer func() { w.taken = scope; w.depth-- }()
	b := w.scan(s)
	if b.op == "" && b.stage == stFrom && b.from == "" && len(b.with) == 0 {
		if d := w.defs[c.ID]; d != nil {
			return d.text
		}
	}
	outs := w.outs([]ir.Column{c})
	b, outs = w.fit(b, outs, s)
	text := w.render(b, outs)
	if strings.Contains(text, "\n") {
		return "(\n" + Indent(text) + "\n)"
	}
	return "(" + text + ")"
}

// Derived writes a scan as a FROM item "(SELECT …) AS alias" and makes its columns
// readable through the alias; outer references to a bare table stay a table.
func (w *Writer) Derived(s ir.Scan) string {
	b := w.scan(s)
	if !bare(b) || !w.onlyRefs(b, s.Out()) {
		b = w.close(b, s)
	}
	return b.from
}

// out is a column of a SELECT list.
type out struct {
	column ir.Column
	name   string
	exact  bool // its type is seen from outside: see Typer
}

// outs gives unique names to columns.
func (w *Writer) outs(cols []ir.Column) []out {
	names := map[string]bool{}
	outs := make([]out, len(cols))
	for i, c := range cols {
		outs[i] = out{c, unique(names, c.Name, "c"+strconv.Itoa(i+1)), false}
	}
	return outs
}

func unique(names map[string]bool, name, fallback string) string {
	name = strings.TrimLeft(name, "$")
	if name == "" {
		name = fallback
	}
	base := name
	for i := 2; names[strings.ToLower(name)]; i++ {
		name = base + "_" + strconv.Itoa(i)
	}
	names[strings.ToLower(name)] = true
	return name
}

// wanted reports whether a column is still to be read.
func (w *Writer) wanted(id ir.ColumnID) bool { return w.forced[id] > 0 || len(w.refs[id]) > 0 }

// bare reports whether a block is nothing but a FROM clause.
func bare(b *block) bool { return b.op == "" && b.stage == stFrom && len(b.with) == 0 && b.from != "" }

// onlyRefs reports whether all columns that are still read are plain references.
func (w *Writer) onlyRefs(b *block, cols []ir.Column) bool {
	for _, c := range cols {
		if d := w.defs[c.ID]; d != nil && d.class != reference && w.wanted(c.ID) {
			return false
		}
	}
	return true
}

// close makes a block the derived table of a new one.
func (w *Writer) close(b *block, s ir.Scan) *block {
	var cols []ir.Column
	seen := map[ir.ColumnID]bool{}
	for _, c := range s.Out() {
		if w.wanted(c.ID) && !seen[c.ID] && (w.defs[c.ID] != nil || b.op != "") {
			cols = append(cols, c)
			seen[c.ID] = true
		}
	}
	return w.closeWith(b, cols, "")
}

func (w *Writer) closeWith(b *block, cols []ir.Column, prefix string) *block {
	outs := w.outs(cols)
	text := w.render(b, outs)
	alias := w.Alias(tableOf(cols))
	next := &block{from: prefix + "(\n" + Indent(text) + "\n) AS " + w.d.Ident(alias), sole: true}
	for _, o := range outs {
		var origin ir.Expr
		if d := w.defs[o.column.ID]; d != nil {
			origin = d.text0
		}
		w.defs[o.column.ID] = &def{text: w.d.Ident(alias) + "." + w.d.Ident(o.name), block: next, text0: origin}
	}
	return next
}

// tableOf is the name most at hand for a derived table.
func tableOf(cols []ir.Column) string {
	name := ""
	for _, c := range cols {
		if strings.HasPrefix(c.Table, "$") || c.Table == "" || name != "" && name != c.Table {
			return "q"
		}
		name = c.Table
	}
	return lastPart(name)
}

// admit closes the block if one of the expressions reads a column that may not be
// written at the place, and gives the block to write them in.
func (w *Writer) admit(b *block, s ir.Scan, at place, exprs ...ir.Expr) *block {
	if b.op != "" {
		return w.close(b, s)
	}
	ok := true
	for _, e := range exprs {
		nested := 0
		w.eachRef(e, &nested, func(r *ir.ColumnRef, inner bool) {
			d := w.defs[r.Column.ID]
			if d == nil || d.block != b {
				return
			}
			if !w.fits(d, r, at, inner) || w.tried > 0 && b.grouped {
				ok = false
			}
		})
	}
	if !ok {
		return w.close(b, s)
	}
	return b
}

// eachRef visits the references of an expression; inner ones stand in a subquery
// or a lambda.
func (w *Writer) eachRef(n ir.Node, depth *int, f func(*ir.ColumnRef, bool)) {
	if n == nil {
		return
	}
	switch r := n.(type) {
	case *ir.ColumnRef:
		if r != nil {
			f(r, *depth > 0)
		}
		return
	case *ir.Subquery:
		if r.In != nil {
			w.eachRef(r.In, depth, f)
		}
		*depth++
		w.eachRef(r.Scan, depth, f)
		*depth--
		return
	case *ir.Lambda, *ir.ArrayAggregate:
		*depth++
		defer func() { *depth-- }()
	case *ir.Call:
		// What catches errors must not catch those of a column it reads. Nor can it read
		// the keys of a GROUP BY beside it: DuckDB does not find them within TRY.
		if r.Safe || r.Name == "iferror" || r.Name == "iserror" || r.Name == "nulliferror" {
			*depth++
			w.tried++
			defer func() { *depth--; w.tried-- }()
		} else if strings.HasPrefix(r.Name, "safe_") {
			w.tried++
			defer func() { w.tried-- }()
		}
	case *ir.Cast:
		if r.Safe {
			w.tried++
			defer func() { w.tried-- }()
		}
	}
	for _, c := range ir.Children(n) {
		w.eachRef(c, depth, f)
	}
}

// repeatLimit is the longest expression that is written more than once.
const repeatLimit = 60

func (w *Writer) fits(d *def, r *ir.ColumnRef, at place, inner bool) bool {
	if d.class == reference || d.class == constant && at != inGroup && at != inOrder {
		return true
	}
	if inner {
		return false
	}
	once := len(w.refs[r.Column.ID])+w.forced[r.Column.ID] <= 1
	switch d.class {
	case constant:
		return false
	case light:
		return once || len(Plain(d.text)) <= repeatLimit || at == inOrder
	case heavy:
		if at == inOrder && w.limits.NoNamesInOrder && !w.d.Repeats(d.text) {
			return false
		}
		return once && (at == inSelect || at == inWhere && w.d.Repeats(d.text)) || at == inOrder && w.forced[r.Column.ID] > 0
	case aggregate:
		return at == inSelect || at == inHaving || at == inWindow || at == inQualify || at == inOrder
	case window:
		return at == inSelect && once || at == inQualify || at == inOrder
	}
	return false
}

// classify says what a written expression is, from its text and its parts.
func (w *Writer) classify(e ir.Expr, text string, parts class) class {
	switch e := e.(type) {
	case *ir.ColumnRef:
		if d := w.defs[e.Column.ID]; d != nil {
			return d.class
		}
		return reference
	case *ir.Literal, *ir.Parameter:
		return constant
	}
	if parts >= aggregate {
		return parts
	}
	if parts == heavy || !w.d.Repeats(text) || strings.Contains(text, "SELECT") || strings.Contains(text, "lambda ") {
		return heavy
	}
	return light
}

// parts is the highest class of the columns of block b an expression reads.
func (w *Writer) parts(b *block, e ir.Expr) class {
	top := reference
	depth := 0
	w.eachRef(e, &depth, func(r *ir.ColumnRef, _ bool) {
		if d := w.defs[r.Column.ID]; d != nil && d.block == b {
			top = max(top, d.class)
		}
	})
	return top
}

func (w *Writer) define(b *block, c ir.Column, e ir.Expr, text string, k class) {
	w.defs[c.ID] = &def{text: text, class: k, block: b, text0: e}
}

// scan writes a scan into a block.
func (w *Writer) scan(s ir.Scan) *block {
	switch n := s.(type) {
	case *ir.SingleRow:
		return &block{}
	case *ir.Table:
		return w.table(n)
	case *ir.Project:
		return w.project(n)
	case *ir.Filter:
		return w.filter(n)
	case *ir.Join:
		return w.join(n)
	case *ir.Unnest:
		return w.unnest(n)
	case *ir.Aggregate:
		return w.aggregate(n)
	case *ir.Analytic:
		return w.analytic(n)
	case *ir.OrderBy:
		return w.orderBy(n)
	case *ir.Limit:
		return w.limit(n)
	case *ir.SetOp:
		return w.setOp(n)
	case *ir.With:
		return w.with(n)
	case *ir.WithRef:
		return w.withRef(n.Name, &n.Base)
	case *ir.RecursiveRef:
		if len(w.rec) == 0 {
			return w.refused("recursive reference", "it stands outside of a recursive query", s)
		}
		return w.read(w.rec[len(w.rec)-1], &n.Base)
	case *ir.Sample:
		return w.sample(n)
	case *ir.TVF:
		return w.tvf(n)
	case *ir.Assert:
		b := w.admit(w.scan(n.Input), n.Input, inWhere, n.Condition, n.Message)
		if b.stage > stWhere {
			b = w.close(b, n.Input)
		}
		b.stage = stWhere
		b.where = append(b.where, w.d.Assert(n))
		if w.limits.Reorders {
			// What follows must not be tested before.
			b.stage, b.offset = stLimit, "0"
		}
		return b
	case *ir.Barrier:
		return w.scan(n.Input)
	case *ir.GroupRows:
		return w.refused("GROUP_ROWS", "the rows of a group are not a table there", s)
	case *ir.Recursive:
		return w.lone(n)
	case *ir.UnsupportedScan:
		return w.refused(n.What, "", s)
	}
	return w.refused("this scan", "", s)
}

// refused gives a block whose columns exist, so that the writing goes on.
func (w *Writer) refused(what, why string, s ir.Scan) *block {
	at := ir.Span{}
	if s != nil {
		at = s.At()
	}
	text := w.d.Refuse(what, why, at)
	b := &block{}
	if s != nil {
		for _, c := range s.Out() {
			w.define(b, c, nil, text, reference)
		}
	}
	return b
}

func (w *Writer) table(n *ir.Table) *block {
	name := n.Alias
	if name == "" {
		name = lastPart(n.Name)
	}
	alias := w.Alias(name)
	b := &block{from: w.d.Table(n) + " AS " + w.d.Ident(alias), sole: true}
	for i, c := range n.Columns {
		w.define(b, c, nil, w.d.Ident(alias)+"."+w.d.Ident(n.Names[i]), reference)
	}
	return b
}

func (w *Writer) read(c *cte, base *ir.Base) *block {
	alias := w.Alias(strings.ToLower(aliasOf(base, c.name)))
	b := &block{from: c.name + " AS " + w.d.Ident(alias), sole: true}
	for i, col := range base.Columns {
		if i < len(c.columns) {
			w.define(b, col, nil, w.d.Ident(alias)+"."+c.columns[i], reference)
		}
	}
	return b
}

func (w *Writer) project(n *ir.Project) *block {
	b := w.scan(n.Input)
	if len(n.Exprs) == 0 {
		return b
	}
	exprs := make([]ir.Expr, len(n.Exprs))
	free := true
	for i, c := range n.Exprs {
		exprs[i] = c.Expr
		if _, ok := c.Expr.(*ir.ColumnRef); !ok {
			free = false
		}
		w.deferred(c)
	}
	if b.stage == stLimit && !free {
		b = w.close(b, n.Input)
	}
	b = w.admit(b, n.Input, inSelect, exprs...)
	for _, c := range n.Exprs {
		parts := w.parts(b, c.Expr)
		text := w.d.Expr(c.Expr)
		w.define(b, c.Column, c.Expr, text, w.classify(c.Expr, text, parts))
	}
	return b
}

// deferred makes the column that would carry the error of a computed column NULL: an
// error is raised where the target computes the column. That may be earlier than
// GoogleSQL would, so a statement may fail there that does not here; its rows are
// never others.
func (w *Writer) deferred(c ir.Computed) {
	if c.Deferred != 0 {
		w.defs[c.Deferred] = &def{text: "NULL", class: reference}
	}
}

func (w *Writer) filter(n *ir.Filter) *block {
	b := w.scan(n.Input)
	depth, windows := 0, false
	w.eachRef(n.Where, &depth, func(r *ir.ColumnRef, _ bool) {
		if d := w.defs[r.Column.ID]; d != nil && d.class == window && d.block == b {
			windows = true
		}
	})
	var at place
	switch {
	case b.op != "" || b.stage >= stOrder:
		b = w.close(b, n.Input)
		at = inWhere
	case b.stage <= stWhere:
		at = inWhere
	case b.stage == stGroup:
		at = inHaving
	case windows && !w.limits.NoQualify:
		at = inQualify
	default:
		b = w.close(b, n.Input)
		at = inWhere
	}
	if next := w.admit(b, n.Input, at, n.Where); next != b {
		b, at = next, inWhere
	}
	conditions := w.conjuncts(n.Where)
	switch at {
	case inWhere:
		b.where = append(b.where, conditions...)
		b.stage = max(b.stage, stWhere)
	case inHaving:
		b.having = append(b.having, conditions...)
	default:
		b.qualify = append(b.qualify, conditions...)
		b.stage = stQualify
	}
	return b
}

// conjuncts writes the parts of an AND one by one.
func (w *Writer) conjuncts(e ir.Expr) []string {
	if c, ok := e.(*ir.Call); ok && c.Name == "$and" && !c.Safe {
		var out []string
		for _, a := range c.Args {
			out = append(out, w.conjuncts(a.Expr)...)
		}
		return out
	}
	if c, ok := w.d.(Conditioner); ok {
		return []string{c.Condition(e)}
	}
	return []string{w.d.Expr(e)}
}

func (w *Writer) join(n *ir.Join) *block {
	left := w.scan(n.Left)
	leftNulls := n.Kind == ir.Right || n.Kind == ir.Full
	rightNulls := n.Kind == ir.Left || n.Kind == ir.Full
	if !bare(left) || leftNulls && !w.onlyRefs(left, n.Left.Out()) {
		if left.from == "" && left.op == "" && left.stage == stFrom && !leftNulls && !rightNulls && len(n.Left.Out()) == 0 && n.On == nil {
			return w.scan(n.Right)
		}
		left = w.close(left, n.Left)
	}
	var right *block
	if n.Lateral {
		w.depth++
		r := w.scan(n.Right)
		if !bare(r) || !r.sole || strings.HasPrefix(r.from, "(") || rightNulls && !w.onlyRefs(r, n.Right.Out()) {
			var cols []ir.Column
			for _, c := range n.Right.Out() {
				if w.wanted(c.ID) {
					cols = append(cols, c)
				}
			}
			r = w.closeWith(r, cols, "LATERAL ")
		}
		right = r
		w.depth--
	} else {
		right = w.scan(n.Right)
		if !bare(right) || rightNulls && !w.onlyRefs(right, n.Right.Out()) {
			right = w.close(right, n.Right)
		}
	}
	if n.On != nil {
		left = w.admit(left, n.Left, inOn, n.On)
		right = w.admit(right, n.Right, inOn, n.On)
	}
	item := right.from
	if !right.sole {
		item = "(\n" + Indent(item) + "\n)"
	}
	b := &block{}
	kind := [...]string{ir.Inner: "JOIN", ir.Left: "LEFT JOIN", ir.Right: "RIGHT JOIN", ir.Full: "FULL JOIN"}[n.Kind]
	on := ""
	switch {
	case n.On != nil:
		on = " ON " + strings.Join(w.operands(n.On), " AND ")
	case n.Kind == ir.Inner:
		kind = "CROSS JOIN"
	default:
		on = " ON TRUE"
	}
	b.from = left.from + "\n" + kind + " " + item + on
	w.move(left, b)
	w.move(right, b)
	return b
}

func (w *Writer) operands(e ir.Expr) []string {
	list := w.conjuncts(e)
	if len(list) > 1 {
		for i, c := range list {
			if Precedence(c) <= PrecOr {
				list[i] = "(" + c + ")"
			}
		}
	}
	return list
}

// move hands the columns of one block to another.
func (w *Writer) move(from, to *block) {
	for _, d := range w.defs {
		if d.block == from {
			d.block = to
		}
	}
}

func (w *Writer) unnest(n *ir.Unnest) *block {
	var b *block
	if n.Input != nil {
		b = w.scan(n.Input)
		if b.from == "" && b.op == "" && b.stage == stFrom && len(b.with) == 0 && !n.Outer && n.On == nil && len(n.Input.Out()) == 0 {
			b = nil
		} else {
			if !bare(b) {
				b = w.close(b, n.Input)
			}
			b = w.admit(b, n.Input, inOn, n.Arrays...)
			if n.On != nil {
				b = w.admit(b, n.Input, inOn, n.On)
			}
		}
	}
	names := map[string]bool{}
	columns := make([]string, len(n.Elements))
	for i, c := range n.Elements {
		columns[i] = unique(names, c.Name, "item")
	}
	pos := ""
	if n.Offset != nil && w.wanted(n.Offset.ID) {
		pos = unique(names, n.Offset.Name, "pos")
	}
	base := "item"
	if len(n.Elements) == 1 {
		base = columns[0]
	}
	alias := w.Alias(base)
	item := w.d.Unnest(n, alias, columns, pos)
	next := &block{sole: b == nil}
	for i, c := range n.Elements {
		w.define(next, c, nil, w.d.Ident(alias)+"."+w.d.Ident(columns[i]), reference)
	}
	if pos != "" {
		w.define(next, *n.Offset, nil, "("+w.d.Ident(alias)+"."+w.d.Ident(pos)+" - 1)", reference)
	}
	switch {
	case b == nil && n.On == nil && !n.Outer:
		next.from = item
	default:
		left := "(SELECT 1) AS " + w.d.Ident(w.Alias("one"))
		if b != nil {
			left = b.from
			w.move(b, next)
		}
		next.sole = false
		kind, on := "CROSS JOIN", ""
		if n.On != nil {
			kind, on = "JOIN", " ON "+w.d.Expr(n.On)
		}
		if n.Outer {
			kind = "LEFT JOIN"
			if on == "" {
				on = " ON TRUE"
			}
		}
		next.from = left + "\n" + kind + " " + item + on
	}
	return next
}

func (w *Writer) aggregate(n *ir.Aggregate) *block {
	if l, ok := w.d.(Lowerer); ok {
		n = l.LowerAggregate(n)
	}
	b := w.scan(n.Input)
	if b.op != "" || b.stage > stWhere {
		b = w.close(b, n.Input)
	}
	for _, k := range n.Collations {
		if k != "" {
			w.d.Refuse("collation", "GROUP BY "+k, n.At())
		}
	}
	keys := make([]ir.Expr, len(n.Keys))
	for i, k := range n.Keys {
		keys[i] = k.Expr
		if k.Expr.T().Has(ir.JSON) {
			w.d.Refuse("GROUP BY JSON", "equal values may differ in text there", n.At())
		}
	}
	aggs := make([]ir.Expr, len(n.Aggs))
	for i, a := range n.Aggs {
		aggs[i] = a.Expr
		w.deferred(a)
	}
	if next := w.admit(b, n.Input, inGroup, keys...); next != b {
		b = next
	}
	b = w.admit(b, n.Input, inAggregate, aggs...)
	below := false
	for _, k := range n.Keys {
		text := w.d.Expr(k.Expr)
		c := w.classify(k.Expr, text, w.parts(b, k.Expr))
		// A key that GROUP BY cannot hold must be a column: it is computed below.
		below = below || c != reference && c != light || n.Sets != nil && slices.Contains(b.keys, text)
		b.keys = append(b.keys, text)
		b.keyIDs = append(b.keyIDs, k.Column.ID)
	}
	if below {
		b = w.aggregateOver(n, b)
	}
	texts := make([]string, len(n.Aggs))
	for i, a := range n.Aggs {
		texts[i] = w.d.Aggregate(a.Expr)
	}
	return w.group(n, b, texts)
}

// aggregateOver makes the keys columns of a derived table, and the block one over it.
func (w *Writer) aggregateOver(n *ir.Aggregate, b *block) *block {
	texts := b.keys
	b.keys, b.keyIDs = nil, nil
	var cols []ir.Column
	for _, c := range n.Input.Out() {
		if d := w.defs[c.ID]; d != nil && w.wanted(c.ID) {
			cols = append(cols, c)
		}
	}
	for i, k := range n.Keys {
		w.define(b, k.Column, k.Expr, texts[i], heavy)
		cols = append(cols, k.Column)
	}
	b = w.closeWith(b, cols, "")
	for _, k := range n.Keys {
		b.keys = append(b.keys, w.defs[k.Column.ID].text)
		b.keyIDs = append(b.keyIDs, k.Column.ID)
	}
	return b
}

func (w *Writer) group(n *ir.Aggregate, b *block, aggs []string) *block {
	b.grouped = true
	b.stage = stGroup
	keyText := map[ir.ColumnID]string{}
	// What was a column before is none any more.
	for i, k := range n.Keys {
		keyText[k.Column.ID] = b.keys[i]
		c := light
		if _, ok := k.Expr.(*ir.ColumnRef); ok || !strings.ContainsAny(b.keys[i], " (") {
			c = reference
		}
		w.define(b, k.Column, k.Expr, b.keys[i], c)
	}
	if n.Sets != nil {
		for _, set := range n.Sets {
			var texts []string
			for _, id := range set {
				texts = append(texts, keyText[id])
			}
			b.sets = append(b.sets, "("+strings.Join(texts, ", ")+")")
		}
		if len(n.Sets) == 0 {
			b.sets = []string{"()"}
		}
	}
	for i, a := range n.Aggs {
		w.define(b, a.Column, a.Expr, aggs[i], aggregate)
	}
	for _, c := range n.Grouping {
		text := keyText[c.Key]
		if text == "" {
			text = w.d.Refuse("GROUPING", "its argument is no grouping key", n.At())
		}
		w.define(b, c.Column, nil, w.d.Grouping(text), aggregate)
	}
	return b
}

func (w *Writer) analytic(n *ir.Analytic) *block {
	if l, ok := w.d.(Lowerer); ok {
		n = l.LowerAnalytic(n)
	}
	b := w.scan(n.Input)
	if b.op != "" || b.stage > stWindow {
		b = w.close(b, n.Input)
	}
	var exprs []ir.Expr
	for _, g := range n.Groups {
		for _, p := range g.Partition {
			exprs = append(exprs, p)
		}
		for _, o := range g.Order {
			exprs = append(exprs, o.Expr)
		}
		for _, c := range g.Calls {
			exprs = append(exprs, c.Expr)
			w.deferred(c)
		}
	}
	b = w.admit(b, n.Input, inWindow, exprs...)
	for _, g := range n.Groups {
		for _, k := range g.Collations {
			if k != "" {
				w.d.Refuse("collation", "PARTITION BY "+k, n.At())
			}
		}
		var partition, order []string
		for _, p := range g.Partition {
			partition = append(partition, w.d.Expr(p))
		}
		for _, o := range g.Order {
			order = append(order, w.d.Expr(o.Expr))
		}
		for _, c := range g.Calls {
			call, ok := c.Expr.(*ir.WindowCall)
			if !ok {
				w.define(b, c.Column, c.Expr, w.d.Refuse("this window expression", "", n.At()), window)
				continue
			}
			w.define(b, c.Column, c.Expr, w.d.Window(call, g, partition, order), window)
		}
	}
	b.stage = stWindow
	return b
}

func (w *Writer) orderBy(n *ir.OrderBy) *block {
	b := w.scan(n.Input)
	if b.op != "" || b.stage >= stLimit {
		b = w.close(b, n.Input)
	}
	exprs := make([]ir.Expr, len(n.Items))
	for i, o := range n.Items {
		exprs[i] = o.Expr
	}
	if next := w.admit(b, n.Input, inOrder, exprs...); next != b {
		b = next
	}
	for _, o := range n.Items {
		// A key that repeats a long text, or one that differs from one evaluation to the
		// next, reads a column of a derived table.
		if !w.limits.NoNamesInOrder {
			d := w.defs[o.Expr.Column.ID]
			if d != nil && d.block == b && d.class >= light && (len(Plain(d.text)) > repeatLimit || !w.d.Repeats(d.text)) && !w.named(o) {
				b = w.close(b, n.Input)
				break
			}
		}
	}
	b.order = nil
	for _, o := range n.Items {
		if o.Collation != "" {
			w.d.Refuse("collation", "ORDER BY "+o.Collation, n.At())
		}
		b.order = append(b.order, sortItem{w.d.Expr(o.Expr), o})
	}
	b.stage = stOrder
	return b
}

func (w *Writer) limit(n *ir.Limit) *block {
	b := w.scan(n.Input)
	if b.op != "" || b.stage >= stLimit {
		b = w.close(b, n.Input)
	}
	if n.Limit != nil {
		b.limit = w.d.Count(n.Limit)
	}
	if n.Offset != nil {
		b.offset = w.d.Count(n.Offset)
	}
	b.stage = stLimit
	return b
}

func (w *Writer) setOp(n *ir.SetOp) *block {
	for _, k := range n.Collations {
		if k != "" && n.Kind != ir.UnionAll {
			w.d.Refuse("collation", "a set operation by "+k, n.At())
		}
	}
	ops := [...]string{
		ir.UnionAll: "UNION ALL", ir.UnionDistinct: "UNION", ir.IntersectAll: "INTERSECT ALL",
		ir.IntersectDistinct: "INTERSECT", ir.ExceptAll: "EXCEPT ALL", ir.ExceptDistinct: "EXCEPT",
	}
	b := &block{op: ops[n.Kind], columns: n.Columns}
	for _, i := range n.Items {
		scope := maps.Clone(w.taken)
		p := w.scan(i.Scan)
		p, _ = w.fit(p, w.outs(i.Columns), i.Scan)
		w.taken = scope
		b.parts = append(b.parts, part{p, i.Columns})
	}
	for _, c := range n.Columns {
		w.define(b, c, nil, w.d.Ident(strings.TrimLeft(c.Name, "$")), heavy)
	}
	return b
}

func (w *Writer) with(n *ir.With) *block {
	var list []string
	for _, e := range n.Entries {
		scope := maps.Clone(w.taken)
		if w.depth == 0 {
			w.taken = map[string]bool{}
		}
		name := unique(w.names, e.Name, "q")
		c := &cte{name: w.d.Ident(name)}
		cols := e.Scan.Out()
		outs := w.outs(cols)
		for _, o := range outs {
			c.columns = append(c.columns, w.d.Ident(o.name))
		}
		var text string
		if r, ok := e.Scan.(*ir.Recursive); ok {
			text = w.recursive(r, c, outs)
		} else {
			b := w.scan(e.Scan)
			b, outs = w.fit(b, outs, e.Scan)
			text = w.render(b, outs)
		}
		w.taken = scope
		w.ctes[e.Name] = c
		text = c.name + " AS (\n" + Indent(text) + "\n)"
		if w.depth == 0 {
			w.top = append(w.top, text) // at once: a WITH within the next entry may read this one
			continue
		}
		list = append(list, text)
	}
	if w.depth == 0 {
		w.topRec = w.topRec || n.Recursive
		return w.scan(n.Body)
	}
	b := w.scan(n.Body)
	b.with = append(list, b.with...)
	b.withRec = b.withRec || n.Recursive
	return b
}

// lone is a recursive query outside of WITH, of a pipe: it becomes a common table
// expression of its own.
func (w *Writer) lone(n *ir.Recursive) *block {
	c := &cte{name: w.d.Ident(unique(w.names, "recursion", "q"))}
	outs := w.outs(n.Columns)
	for _, o := range outs {
		c.columns = append(c.columns, w.d.Ident(o.name))
	}
	text := c.name + " AS (\n" + Indent(w.recursive(n, c, outs)) + "\n)"
	b := w.read(c, &n.Base)
	if w.depth == 0 {
		w.top = append(w.top, text)
		w.topRec = true
	} else {
		b.with, b.withRec = []string{text}, true
	}
	return b
}

func (w *Writer) recursive(n *ir.Recursive, c *cte, outs []out) string {
	if n.Depth != nil {
		return w.d.Refuse("WITH DEPTH", "", n.At())
	}
	for _, k := range n.Collations {
		if k != "" && k != "binary" && !n.All {
			return w.d.Refuse("collation", "a recursive UNION DISTINCT by "+k, n.At())
		}
	}
	if len(w.rec) > 0 {
		return w.d.Refuse("a recursive query within another", "", n.At())
	}
	named := func(cols []ir.Column) []out {
		list := make([]out, len(cols))
		for i, col := range cols {
			list[i] = out{col, outs[i].name, true}
		}
		return list
	}
	wrap := func(s ir.Scan, cols []ir.Column) string {
		b := w.scan(s)
		b, list := w.fit(b, named(cols), s)
		text := w.render(b, list)
		if b.op != "" || len(b.order) > 0 || b.limit != "" || len(b.with) > 0 {
			text = "(\n" + Indent(text) + "\n)"
		}
		return text
	}
	anchor := wrap(n.Anchor.Scan, n.Anchor.Columns)
	w.rec = append(w.rec, c)
	step := wrap(n.Step.Scan, n.Step.Columns)
	w.rec = w.rec[:len(w.rec)-1]
	op := "UNION"
	if n.All {
		op = "UNION ALL"
	}
	return anchor + "\n" + op + "\n" + step
}

func (w *Writer) withRef(name string, base *ir.Base) *block {
	c := w.ctes[name]
	if c == nil {
		b := w.refused("WITH reference "+name, "the expression is not known", nil)
		for _, col := range base.Columns {
			w.define(b, col, nil, "NULL", reference)
		}
		return b
	}
	return w.read(c, base)
}

func (w *Writer) sample(n *ir.Sample) *block {
	b := w.scan(n.Input)
	if !bare(b) || !b.sole || !w.onlyRefs(b, n.Input.Out()) {
		b = w.close(b, n.Input)
	}
	b.from += " " + w.d.Sample(n)
	if n.Weight != nil {
		w.define(b, *n.Weight, nil, w.d.Refuse("TABLESAMPLE WITH WEIGHT", "", n.At()), reference)
	}
	return b
}

func (w *Writer) tvf(n *ir.TVF) *block {
	text, names := w.d.TVF(n)
	alias := w.Alias(lastPart(n.Name))
	b := &block{from: text + " AS " + w.d.Ident(alias), sole: true}
	for i, c := range n.Columns {
		name := c.Name
		if i < len(n.Index) && n.Index[i] < len(names) {
			name = names[n.Index[i]]
		}
		w.define(b, c, nil, w.d.Ident(alias)+"."+w.d.Ident(name), reference)
	}
	return b
}

// Rows writes a scan as a statement of its own that yields the columns in order.
func (w *Writer) Rows(s ir.Scan, cols []ir.Column) string {
	b := w.scan(s)
	b, outs := w.fit(b, w.outs(cols), s)
	return w.head() + w.render(b, outs)
}

// head is the WITH clause of the statement.
func (w *Writer) head() string {
	if len(w.top) == 0 {
		return ""
	}
	head := "WITH "
	if w.topRec {
		head = "WITH RECURSIVE "
	}
	return head + strings.Join(w.top, ",\n") + "\n"
}

// Target makes the columns of a table that a statement changes readable, and gives
// "table AS alias".
func (w *Writer) Target(t *ir.Table) string { return w.table(t).from }

// Name is the name of a target's column in the table, "" if it has none.
func Name(t *ir.Table, id ir.ColumnID) string {
	for i, c := range t.Columns {
		if c.ID == id {
			return t.Names[i]
		}
	}
	return ""
}

package editor

import (
	"slices"
	"strings"
)

// sqlClause is the part of a SELECT that an expression is in.
type sqlClause uint8

const (
	inSelect sqlClause = iota
	inFrom
	inOn
	inUsing
	inWhere
	inGroup
	inHaving
	inQualify
	inWindow
	inOrder
	inLimit
)

// sqlIdent is a name as it stands in the text.
type sqlIdent struct {
	name       string
	start, end int
	quoted     bool
	fixed      bool // see lexeme
}

func (i sqlIdent) is(name string) bool { return strings.EqualFold(i.name, name) }

// sqlQuery is one query: SELECTs and what joins them, with its own common table expressions.
// It is read from lexemes and has an answer for any text, half a query included.
type sqlQuery struct {
	start, end int
	within     *sqlQuery // whose common table expressions can be read, too
	around     *sqlArm   // whose columns can be read, too
	ctes       []*sqlCTE
	arms       []*sqlArm
	// byName: the arms are matched by the names of their columns.
	byName bool
	// piped: |> follows, so that less is known.
	piped bool
}

// sqlCTE is a common table expression.
type sqlCTE struct {
	name    sqlIdent
	columns []sqlIdent // «name (a, b) as»
	query   *sqlQuery
	// start and end cover all of it, name and parentheses; open and close are the bytes between those.
	start, end  int
	open, close int
	recursive   bool
}

// sqlArm is one SELECT.
type sqlArm struct {
	query      *sqlQuery
	nested     *sqlQuery // in parentheses, in the place of a SELECT
	start, end int
	items      []*sqlItem
	relations  []*sqlRelation
	uses       []*sqlUse
	natural    bool
	// from is where the list of tables begins, 0 where there is none; list where the items begin.
	list, from int
	values     bool
	struct_    bool // SELECT AS STRUCT or AS VALUE
}

// sqlItem is one of a select list.
type sqlItem struct {
	start, end int
	alias      *sqlIdent // as it is written
	star       bool
	of         *sqlIdent // of «alias.*»
	except     []sqlIdent
	replace    []sqlIdent // the names
	only       *sqlUse    // the path that the item consists of, its alias apart
	opaque     bool
}

// name is that of the output column; zero where it has none, or several.
func (i *sqlItem) name() (sqlIdent, bool) {
	switch {
	case i.star:
		return sqlIdent{}, false
	case i.alias != nil:
		return *i.alias, true
	case i.only != nil:
		return i.only.parts[len(i.only.parts)-1], true
	}
	return sqlIdent{}, false
}

type sqlRelationKind uint8

const (
	ofNode sqlRelationKind = iota // an action: ref, source, this
	ofCTE
	ofQuery
	ofArray // unnest, or a column of another relation
	ofOther // a function, a table by its own name
)

// sqlRelation is an entry of a list of tables.
type sqlRelation struct {
	kind       sqlRelationKind
	arm        *sqlArm
	start, end int
	action     *tmplAction
	cte        *sqlCTE
	query      *sqlQuery
	path       []sqlIdent // as it is written; of an array its columns
	alias      *sqlIdent
	columns    []sqlIdent // «alias (a, b)»
	shaped     bool       // PIVOT and the like: its columns are others
	joined     bool       // by USING, with those before it
}

// called is the name that columns are qualified with.
func (r *sqlRelation) called() (sqlIdent, bool) {
	switch {
	case r.alias != nil:
		return *r.alias, true
	case (r.kind == ofCTE || r.kind == ofOther || r.kind == ofArray) && len(r.path) > 0:
		return r.path[len(r.path)-1], true
	}
	return sqlIdent{}, false
}

// sqlUse is a path of names in an expression.
type sqlUse struct {
	parts  []sqlIdent
	arm    *sqlArm
	query  *sqlQuery // of the ORDER BY behind several arms
	clause sqlClause
	item   *sqlItem // in which it stands
	alone  bool     // it is the whole expression: ORDER BY x
	dotted bool     // a dot follows, and no name behind it
}

// sqlOutline is a text's queries.
type sqlOutline struct {
	root    *sqlQuery
	queries []*sqlQuery
	// functions are names in front of parentheses.
	functions []sqlIdent
}

type outliner struct {
	lex []lexeme
	at  int
	out *sqlOutline
	// depth bounds nesting: what is deeper is not looked into.
	depth int
}

const deepest = 200

// readOutline reads the queries of a text.
func readOutline(lex []lexeme) *sqlOutline {
	o := &outliner{lex: lex, out: &sqlOutline{}}
	o.out.root = o.query(nil, nil)
	for o.at < len(o.lex) { // behind a mistake, a semicolon, a hook
		o.at++
		if o.is(0, "select", "with") {
			o.query(nil, nil)
		}
	}
	return o.out
}

func (o *outliner) peek(n int) lexeme {
	if i := o.at + n; i >= 0 && i < len(o.lex) {
		return o.lex[i]
	}
	return lexeme{sort: lexPunct}
}

func (o *outliner) is(n int, words ...string) bool { return o.peek(n).is(words...) }
func (o *outliner) sign(n int, c string) bool      { return o.peek(n).sign(c) }
func (o *outliner) done() bool                     { return o.at >= len(o.lex) }

func (o *outliner) ident() sqlIdent {
	l := o.peek(0)
	return sqlIdent{name: l.name, start: l.start, end: l.end, quoted: l.sort == lexQuoted, fixed: l.fixed}
}

// place is where the text goes on.
func (o *outliner) place() int {
	if o.at < len(o.lex) {
		return o.lex[o.at].start
	}
	if len(o.lex) > 0 {
		return o.lex[len(o.lex)-1].end
	}
	return 0
}

func (o *outliner) before() int {
	if o.at > 0 && o.at <= len(o.lex) {
		return o.lex[o.at-1].end
	}
	return 0
}

// query reads up to a closing parenthesis, which it leaves.
func (o *outliner) query(within *sqlQuery, around *sqlArm) *sqlQuery {
	q := &sqlQuery{within: within, around: around, start: o.place()}
	o.out.queries = append(o.out.queries, q)
	if o.depth++; o.depth > deepest {
		o.skip()
	} else {
		if o.is(0, "with") {
			o.with(q)
		}
		for {
			o.arm(q)
			if !o.is(0, "union", "intersect", "except") && !(o.is(0, "full", "left", "inner", "outer") && (o.is(1, "union", "intersect", "except") || o.is(2, "union"))) {
				break
			}
			for o.is(0, "union", "intersect", "except", "all", "distinct", "by", "name", "corresponding", "strict", "full", "left", "inner", "outer", "on") {
				q.byName = q.byName || o.is(0, "name", "corresponding")
				o.at++
				if o.is(-1, "on", "by") && o.sign(0, "(") {
					o.at++
					o.skip()
					o.at++
				}
			}
		}
		for !o.done() && !o.sign(0, ")") && !o.sign(0, ";") {
			// What is not understood: expressions, as far as there are any.
			before := o.at
			o.expression(q.last(), inWhere, nil, nil)
			if o.at == before {
				o.at++
			}
		}
	}
	o.depth--
	q.end = o.place()
	if o.done() {
		q.end = max(q.end, o.before())
	}
	return q
}

func (q *sqlQuery) last() *sqlArm {
	if len(q.arms) == 0 {
		q.arms = append(q.arms, &sqlArm{query: q, start: q.start})
	}
	return q.arms[len(q.arms)-1]
}

// skip goes to the closing parenthesis.
func (o *outliner) skip() {
	for depth := 0; !o.done(); o.at++ {
		switch {
		case o.sign(0, "("):
			depth++
		case o.sign(0, ")"):
			if depth--; depth < 0 {
				return
			}
		}
	}
}

func (o *outliner) with(q *sqlQuery) {
	o.at++
	recursive := false
	if o.is(0, "recursive") && o.peek(1).names() && !o.is(1, "as") {
		recursive = true
		o.at++
	}
	for o.peek(0).names() && !o.is(0, "select") {
		c := &sqlCTE{name: o.ident(), start: o.place(), recursive: recursive}
		o.at++
		if o.sign(0, "(") {
			o.at++
			c.columns = o.names()
		}
		for o.is(0, "as", "not", "materialized") {
			o.at++
		}
		if o.is(0, "using") { // USING KEY of DuckDB
			for !o.done() && !o.is(0, "as") {
				o.at++
			}
			o.at++
		}
		if !o.sign(0, "(") {
			c.query = &sqlQuery{within: q, around: q.around, start: o.place(), end: o.place()}
			c.open, c.close, c.end = o.place(), o.place(), o.before()
			q.ctes = append(q.ctes, c)
			return
		}
		c.open = o.peek(0).end
		o.at++
		if recursive {
			q.ctes = append(q.ctes, c)
			c.query = &sqlQuery{}
			read := o.query(q, q.around)
			*c.query = *read
			for _, a := range c.query.arms {
				a.query = c.query
			}
			o.out.queries[slices.Index(o.out.queries, read)] = c.query
		} else {
			c.query = o.query(q, q.around)
			q.ctes = append(q.ctes, c)
		}
		c.close = o.place()
		if o.sign(0, ")") {
			o.at++
		}
		c.end = o.before()
		if !o.sign(0, ",") {
			return
		}
		o.at++
	}
}

// names reads a list in parentheses, the first of which is read.
func (o *outliner) names() []sqlIdent {
	var out []sqlIdent
	for !o.done() && !o.sign(0, ")") {
		if o.peek(0).names() {
			out = append(out, o.ident())
		} else if o.sign(0, "(") {
			o.at++
			out = append(out, o.names()...)
			continue
		} else if !o.sign(0, ",") && !o.sign(0, ".") {
			if o.is(0, "select") {
				break
			}
		}
		o.at++
	}
	if o.sign(0, ")") {
		o.at++
	}
	return out
}

func (o *outliner) arm(q *sqlQuery) {
	a := &sqlArm{query: q, start: o.place()}
	q.arms = append(q.arms, a)
	switch {
	case o.sign(0, "("):
		o.at++
		a.nested = o.query(q, q.around)
		if o.sign(0, ")") {
			o.at++
		}
	case o.is(0, "select"):
		o.at++
		o.selected(a)
	case o.is(0, "from"):
		a.items = append(a.items, &sqlItem{start: o.place(), end: o.place(), star: true})
		a.list = o.place()
	case o.is(0, "values"):
		a.values = true
		o.at++
	}
	o.clauses(a)
	a.end = max(a.start, o.before())
}

// clauses reads what is behind the select list.
func (o *outliner) clauses(a *sqlArm) {
	q := a.query
	for !o.done() {
		c := inWhere
		switch {
		case o.sign(0, ")") || o.sign(0, ";"):
			return
		case o.is(0, "union", "intersect", "except"):
			return
		case o.is(0, "full", "left", "inner", "outer") && (o.is(1, "union", "intersect", "except") || o.is(2, "union")):
			return
		case o.is(0, "from"):
			o.at++
			a.from = o.before()
			o.from(a)
			if len(a.items) == 1 && a.list == a.start && o.is(0, "select") { // FROM … SELECT of DuckDB
				a.items = nil
				o.at++
				o.selected(a)
			}
			continue
		case o.is(0, "where"):
		case o.is(0, "group"):
			c = inGroup
		case o.is(0, "having"):
			c = inHaving
		case o.is(0, "qualify"):
			c = inQualify
		case o.is(0, "window"):
			c = inWindow
		case o.is(0, "order"):
			c = inOrder
		case o.is(0, "limit", "offset", "fetch"):
			c = inLimit
		case o.sign(0, "|") && o.sign(1, ">"):
			q.piped = true
			o.at++
		case o.sign(0, ","):
		default:
			before := o.at
			o.expression(a, c, nil, nil)
			if o.at == before {
				o.at++
			}
			continue
		}
		o.at++
		if o.is(0, "by") {
			o.at++
		}
		for {
			before, uses := o.at, len(a.uses)
			o.expression(a, c, nil, nil)
			if len(a.uses) == uses+1 && o.alone(before) {
				a.uses[uses].alone = true
			}
			if len(q.arms) > 1 && c == inOrder {
				for _, u := range a.uses[uses:] {
					if u.arm == a {
						u.query = q
					}
				}
			}
			if !o.sign(0, ",") {
				break
			}
			o.at++
		}
	}
}

// alone reports whether what was read since is a path and no expression around it.
func (o *outliner) alone(since int) bool {
	for i := since; i < min(o.at, len(o.lex)); i++ {
		if l := o.lex[i]; !l.names() && !l.sign(".") {
			return false
		}
	}
	return true
}

// selected reads a select list.
func (o *outliner) selected(a *sqlArm) {
	a.list = o.before()
	for o.is(0, "distinct", "all") {
		o.at++
		if o.is(-1, "distinct") && o.is(0, "on") && o.sign(1, "(") {
			o.at += 2
			o.group(a, inSelect, nil)
		}
	}
	if o.is(0, "as") && o.is(1, "struct", "value") {
		a.struct_ = true
		o.at += 2
	}
	for !o.done() && !o.ends() {
		before := o.at
		o.item(a)
		if o.sign(0, ",") {
			o.at++
		} else if o.at == before {
			break
		}
	}
}

// ends reports whether a clause begins, or the query has come to its end.
func (o *outliner) ends() bool {
	return o.sign(0, ")") || o.sign(0, ";") || sqlClauseWord(o.peek(0)) || o.sign(0, "|") && o.sign(1, ">")
}

func sqlClauseWord(l lexeme) bool {
	return l.is("from", "where", "group", "having", "qualify", "window", "order", "limit", "union", "intersect", "except", "offset", "fetch")
}

func (o *outliner) item(a *sqlArm) {
	it := &sqlItem{start: o.place()}
	a.items = append(a.items, it)
	first, uses := o.at, len(a.uses)
	star := -1
	switch {
	case o.sign(0, "*"):
		star = 0
	case o.peek(0).names() && o.sign(1, ".") && o.sign(2, "*"):
		star = 2
		id := o.ident()
		it.of = &id
	}
	if star >= 0 {
		it.star = true
		o.at += star + 1
		for o.is(0, "except", "exclude", "replace", "rename") && (o.sign(1, "(") || o.is(0, "exclude") && o.peek(1).names()) {
			how := o.peek(0)
			o.at++
			if !o.sign(0, "(") {
				it.except = append(it.except, o.ident())
				o.at++
				continue
			}
			o.at++
			if how.is("except", "exclude") {
				it.except = append(it.except, o.names()...)
				continue
			}
			it.opaque = it.opaque || how.is("rename")
			for !o.done() && !o.sign(0, ")") {
				before := o.at
				o.expression(a, inSelect, it, func() bool { return o.is(0, "as") })
				if o.is(0, "as") && o.peek(1).names() {
					o.at++
					it.replace = append(it.replace, o.ident())
					o.at++
				}
				if o.sign(0, ",") || o.at == before {
					o.at++
				}
			}
			o.at++
		}
		it.end = o.before()
		return
	}
	o.expression(a, inSelect, it, func() bool { return o.is(0, "as") && !o.is(1, "struct", "value") })
	last := min(o.at, len(o.lex)) - 1
	if o.is(0, "as") {
		o.at++
		if o.peek(0).names() {
			id := o.ident()
			it.alias = &id
			o.at++
		}
	} else if last > first && last < len(o.lex) && o.lex[last].names() && !keyword(o.lex[last]) && operandBefore(o.lex, first, last) {
		// «x y»: the last name is the column's.
		l := o.lex[last]
		it.alias = &sqlIdent{name: l.name, start: l.start, end: l.end, quoted: l.sort == lexQuoted, fixed: l.fixed}
		a.uses = slices.DeleteFunc(a.uses, func(u *sqlUse) bool { return len(u.parts) == 1 && u.parts[0].start == l.start })
		last--
	}
	for i := first; i <= last && i < len(o.lex); i++ {
		it.opaque = it.opaque || o.lex[i].sort == lexOpaque
	}
	if len(a.uses) == uses+1 && a.uses[uses].arm == a {
		path := true
		for i := first; i <= last && i < len(o.lex); i++ {
			if l := o.lex[i]; !l.names() && !l.sign(".") || i > first && l.names() && !o.lex[i-1].sign(".") {
				path = false
			}
		}
		if path {
			it.only = a.uses[uses]
		}
	}
	it.end = o.before()
}

// operandBefore reports whether the lexeme before ends an expression, so that a name behind it
// is an alias. It must stand in the same parentheses.
func operandBefore(lex []lexeme, first, at int) bool {
	depth := 0
	for _, l := range lex[first:at] {
		switch {
		case l.sign("(") || l.sign("["):
			depth++
		case l.sign(")") || l.sign("]"):
			depth--
		}
	}
	if depth != 0 {
		return false
	}
	l := lex[at-1]
	switch l.sort {
	case lexLiteral, lexQuoted, lexOpaque:
		return true
	case lexWord:
		return l.is("end", "null", "true", "false", "current_date", "current_timestamp", "current_time") || !keyword(l)
	}
	return l.sign(")") || l.sign("]")
}

// group reads expressions up to the closing parenthesis, and that.
func (o *outliner) group(a *sqlArm, c sqlClause, it *sqlItem) {
	for !o.done() && !o.sign(0, ")") {
		before := o.at
		o.expression(a, c, it, nil)
		if o.sign(0, ")") {
			break
		}
		if o.at == before || o.sign(0, ",") {
			o.at++
		}
	}
	if o.sign(0, ")") {
		o.at++
	}
}

// expression reads up to a comma, a clause or a closing parenthesis; stop ends it earlier.
func (o *outliner) expression(a *sqlArm, c sqlClause, it *sqlItem, stop func() bool) {
	for !o.done() {
		l := o.peek(0)
		switch {
		case l.sign(",") || l.sign(")") || l.sign(";") || stop != nil && stop():
			return
		case l.sign("|") && o.sign(1, ">"):
			return
		case l.sign("("):
			o.paren(a, c, it, "")
		case l.sign("["):
			o.at++
			for !o.done() && !o.sign(0, "]") && !o.sign(0, ")") {
				before := o.at
				o.expression(a, c, it, func() bool { return o.sign(0, "]") })
				if o.sign(0, ",") || o.at == before {
					o.at++
				}
			}
			if o.sign(0, "]") {
				o.at++
			}
		case l.sort == lexOpaque && o.sign(1, "(") && o.peek(1).start == o.peek(1).end:
			o.at++
			o.paren(a, c, it, "") // the strings of a macro
		case l.sort == lexWord && sqlClauseWord(l) && !o.distinctFrom():
			return
		case (c == inOn || c == inFrom) && joinWord(o):
			return
		case l.names() && (l.sort == lexQuoted || !keyword(l) || o.sign(1, ".")):
			o.path(a, c, it)
		case l.is("over") && o.peek(1).names():
			o.at += 2
		case l.is("if", "left", "right", "replace", "any", "some", "all", "exists", "in", "array", "unnest", "not", "and", "or", "struct", "grouping") && o.sign(1, "("):
			name := strings.ToLower(l.name)
			if l.is("left", "right", "replace", "if", "struct", "unnest") {
				o.out.functions = append(o.out.functions, o.ident())
			}
			o.at++
			o.paren(a, c, it, name)
		case l.is("cast", "safe_cast", "try_cast", "extract", "trim") && o.sign(1, "("):
			o.out.functions = append(o.out.functions, o.ident())
			o.at++
			o.paren(a, c, it, strings.ToLower(l.name))
		case l.is("as"): // of a type, of the field of a struct
			o.at++
			for depth := 0; !o.done() && !(depth == 0 && (o.sign(0, ",") || o.sign(0, ")") || sqlClauseWord(o.peek(0)))); o.at++ {
				switch {
				case o.sign(0, "(") || o.sign(0, "<"):
					depth++
				case o.sign(0, ")") || o.sign(0, ">"):
					depth--
				case o.is(0, "format", "at"):
					depth = 0
				}
			}
		case l.is("interval"):
			o.at++
			// The unit behind the number.
			if o.peek(0).sort == lexLiteral || o.peek(0).sort == lexOpaque {
				o.at++
			} else if o.sign(0, "(") {
				o.paren(a, c, it, "")
			} else if o.peek(0).names() && !keyword(o.peek(0)) {
				o.path(a, c, it)
			}
			if o.is(0, dateParts...) {
				o.at++
			}
		case l.sign(":") && o.sign(1, ":"):
			o.at += 2
			if o.peek(0).names() {
				o.at++
			}
		default:
			o.at++
		}
	}
}

// distinctFrom is «is distinct from», and «from» in a function's parentheses is handled there.
func (o *outliner) distinctFrom() bool {
	return o.is(0, "from") && o.is(-1, "distinct") && (o.is(-2, "is") || o.is(-2, "not"))
}

// paren reads parentheses: a query, arguments of a function, an expression.
func (o *outliner) paren(a *sqlArm, c sqlClause, it *sqlItem, function string) {
	if !o.sign(0, "(") {
		return
	}
	o.at++
	if o.begins() && o.depth < deepest {
		o.query(a.query, a)
		if o.sign(0, ")") {
			o.at++
		}
		return
	}
	if o.depth++; o.depth > deepest {
		o.skip()
		o.at++
		o.depth--
		return
	}
	defer func() { o.depth-- }()
	for n := 0; !o.done() && !o.sign(0, ")"); n++ {
		if n == 0 && (function == "extract" && o.peek(0).names()) {
			o.at++
		}
		if o.is(0, dateParts...) && (partLast(function) && (o.sign(1, ")") || o.sign(1, "(")) || partFirst(function) && o.sign(1, ",") && n == 0) {
			o.at++
			if o.sign(0, "(") { // week(monday)
				o.at++
				o.skip()
				o.at++
			}
			continue
		}
		if o.peek(0).names() && o.sign(1, "=") && o.sign(2, ">") { // a named argument
			o.at += 3
		}
		before := o.at
		// ORDER BY, LIMIT and FROM belong to the function here.
		for !o.done() && !o.sign(0, ",") && !o.sign(0, ")") {
			inner := o.at
			if sqlClauseWord(o.peek(0)) || o.is(0, "by", "separator", "partition", "rows", "range") {
				o.at++
				continue
			}
			o.expression(a, c, it, nil)
			if o.at == inner {
				o.at++
			}
		}
		if o.sign(0, ",") || o.at == before {
			o.at++
		}
	}
	if o.sign(0, ")") {
		o.at++
	}
}

// begins reports whether a query begins here.
func (o *outliner) begins() bool {
	for n := 0; n < 8; n++ {
		if o.is(n, "select", "with", "values") || o.is(n, "from") && n == 0 {
			return true
		}
		if !o.sign(n, "(") {
			return false
		}
	}
	return false
}

func partLast(function string) bool {
	return strings.HasSuffix(function, "_trunc") || strings.HasSuffix(function, "_diff") || function == "last_day" || function == "date_bucket" || function == "generate_date_array"
}

func partFirst(function string) bool {
	return function == "datediff" || function == "dateadd" || function == "date_diff" || function == "date_part"
}

var dateParts = []string{"microsecond", "millisecond", "second", "minute", "hour", "day", "dayofweek", "dayofyear", "week", "isoweek", "month", "quarter", "year", "isoyear", "date", "time", "weekday"}

// path reads names with dots, and the parentheses of a function.
func (o *outliner) path(a *sqlArm, c sqlClause, it *sqlItem) {
	u := &sqlUse{arm: a, clause: c, item: it}
	for {
		u.parts = append(u.parts, o.ident())
		o.at++
		if !o.sign(0, ".") || !o.peek(1).names() {
			break
		}
		o.at++
	}
	if o.sign(0, ".") { // not written yet, made by the template, or «x.*»
		u.dotted = true
		o.at++
		if o.sign(0, "*") {
			o.at++
		}
	}
	last := u.parts[len(u.parts)-1]
	if o.sign(0, "(") && o.peek(0).start < o.peek(0).end {
		o.out.functions = append(o.out.functions, last)
		o.paren(a, c, it, strings.ToLower(last.name))
		return
	}
	if o.peek(0).sort == lexLiteral && len(u.parts) == 1 && typeWord(last.name) {
		return // date '2026-01-01'
	}
	if o.sign(0, "-") && o.sign(1, ">") && !o.sign(2, ">") && o.peek(0).end == o.peek(1).start && o.peek(2).sort != lexLiteral {
		o.at += 2
		return // a lambda's argument
	}
	a.uses = append(a.uses, u)
}

func typeWord(s string) bool {
	switch strings.ToLower(s) {
	case "date", "timestamp", "datetime", "time", "numeric", "bignumeric", "json", "interval", "decimal", "timestamptz", "uuid":
		return true
	}
	return false
}

// joinWord reports whether a word begins another entry of the list of tables.
func joinWord(o *outliner) bool {
	if o.is(0, "join", "cross", "inner", "natural", "asof", "positional", "semi", "anti", "using", "on", "tablesample", "pivot", "unpivot") {
		return !o.sign(1, ".") && !o.sign(1, ",")
	}
	return o.is(0, "left", "right", "full") && !o.sign(1, "(") && !o.sign(1, ".")
}

// from reads a list of tables.
func (o *outliner) from(a *sqlArm) {
	for !o.done() {
		o.relation(a)
		for !o.done() {
			switch {
			case o.is(0, "on"):
				o.at++
				o.expression(a, inOn, nil, nil)
				continue
			case o.is(0, "using") && o.sign(1, "("):
				o.at += 2
				for _, id := range o.names() {
					a.uses = append(a.uses, &sqlUse{parts: []sqlIdent{id}, arm: a, clause: inUsing, alone: true})
				}
				if n := len(a.relations); n > 0 {
					a.relations[n-1].joined = true
				}
				continue
			}
			break
		}
		if o.sign(0, ",") {
			o.at++
			continue
		}
		joined := false
		for o.is(0, "join", "left", "right", "full", "inner", "outer", "cross", "natural", "asof", "positional", "semi", "anti", "lateral") {
			a.natural = a.natural || o.is(0, "natural")
			joined = joined || o.is(0, "join")
			if o.is(0, "full", "left", "inner") && o.is(1, "union", "intersect", "except") {
				return
			}
			o.at++
		}
		if !joined {
			return
		}
	}
}

// relation reads one entry of a list of tables with its alias.
func (o *outliner) relation(a *sqlArm) {
	for o.is(0, "lateral", "only") {
		o.at++
	}
	r := &sqlRelation{arm: a, kind: ofOther, start: o.place()}
	l := o.peek(0)
	switch {
	case l.sort == lexTable:
		r.kind, r.action = ofNode, l.action
		o.at++
	case l.sign("("):
		o.at++
		if !o.begins() {
			o.from(a) // joined tables in parentheses
			if o.sign(0, ")") {
				o.at++
			}
			return
		}
		r.kind = ofQuery
		r.query = o.query(a.query, a)
		if o.sign(0, ")") {
			o.at++
		}
	case l.is("unnest") && o.sign(1, "("):
		r.kind = ofArray
		o.out.functions = append(o.out.functions, o.ident())
		o.at++
		o.paren(a, inFrom, nil, "unnest")
	case l.is("values"):
		o.at++
		o.paren(a, inFrom, nil, "")
	case l.sort == lexOpaque:
		o.at++
		if o.sign(0, "(") && o.peek(0).start == o.peek(0).end {
			o.paren(a, inFrom, nil, "")
		}
	case l.names() && (l.sort == lexQuoted || !keyword(l) && !sqlClauseWord(l)):
		for {
			r.path = append(r.path, o.ident())
			o.at++
			if !o.sign(0, ".") || !o.peek(1).names() && o.peek(1).sort != lexOpaque {
				break
			}
			o.at++
			if o.peek(0).sort == lexOpaque {
				o.at++
				break
			}
		}
		switch {
		case o.sign(0, "(") && o.peek(0).start < o.peek(0).end:
			o.out.functions = append(o.out.functions, r.path[len(r.path)-1])
			r.path = nil
			o.paren(a, inFrom, nil, "")
		case len(r.path) == 1:
			if c := lookCTE(a.query, r.path[0].name, r.start); c != nil {
				r.kind, r.cte = ofCTE, c
			}
		default:
			for _, other := range a.relations {
				if n, ok := other.called(); ok && n.is(r.path[0].name) {
					r.kind = ofArray
					a.uses = append(a.uses, &sqlUse{parts: r.path, arm: a, clause: inFrom})
					break
				}
			}
		}
	default:
		if o.done() || o.ends() || joinWord(o) {
			return
		}
		o.at++
	}
	o.modifiers(a, r)
	if o.is(0, "as") {
		o.at++
	}
	if l := o.peek(0); l.names() && (l.sort == lexQuoted || !keyword(l) && !sqlClauseWord(l)) && !joinWord(o) {
		id := o.ident()
		r.alias = &id
		o.at++
		if o.sign(0, "(") && r.kind != ofNode || o.sign(0, "(") && o.peek(1).names() && (o.sign(2, ",") || o.sign(2, ")")) {
			o.at++
			r.columns = o.names()
		}
	}
	o.modifiers(a, r)
	r.end = o.before()
	a.relations = append(a.relations, r)
	if o.is(0, "with") && o.is(1, "offset", "ordinality") {
		o.at += 2
		if o.is(0, "as") {
			o.at++
		}
		off := &sqlRelation{arm: a, kind: ofArray, start: o.place()}
		if l := o.peek(0); l.names() && !keyword(l) && !sqlClauseWord(l) {
			id := o.ident()
			off.alias, off.end = &id, l.end
			a.relations = append(a.relations, off)
			o.at++
		}
	}
}

// modifiers are what may stand before and behind an alias.
func (o *outliner) modifiers(a *sqlArm, r *sqlRelation) {
	for {
		switch {
		case o.is(0, "tablesample"):
			for !o.done() && !o.sign(0, "(") && !o.ends() {
				o.at++
			}
			if o.sign(0, "(") {
				o.at++
				o.skip()
				o.at++
			}
		case o.is(0, "pivot", "unpivot") && !o.sign(1, "."):
			r.shaped = true
			o.at++
			for o.is(0, "include", "exclude", "nulls") {
				o.at++
			}
			if o.sign(0, "(") {
				o.paren(a, inFrom, nil, "pivot")
			}
		case o.is(0, "for") && o.is(1, "system_time"):
			for o.is(0, "for", "system_time", "as", "of") {
				o.at++
			}
			o.expression(a, inFrom, nil, func() bool { return o.is(0, "as") })
		default:
			return
		}
	}
}

// lookCTE finds the common table expression of a name as seen from a query.
func lookCTE(q *sqlQuery, name string, before int) *sqlCTE {
	for ; q != nil; q = q.within {
		for i := len(q.ctes) - 1; i >= 0; i-- {
			if c := q.ctes[i]; c.name.is(name) && c.start <= before {
				return c
			}
		}
	}
	return nil
}

// keyword reports whether an unquoted word is a keyword in an expression.
func keyword(l lexeme) bool {
	if l.sort != lexWord {
		return false
	}
	return keywordSet[strings.ToLower(l.name)]
}

var keywordSet = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`all and any array as asc at between by case cast collate contains create cross cube current default
		define desc distinct else end enum escape except exclude exists extract false fetch following for from full group grouping groups hash
		having if ignore in inner intersect interval into is join lateral left like ilike limit lookup merge natural new no not null nulls of on or
		order outer over partition preceding proto qualify range recursive respect right rollup rows  select set similar some struct
		tablesample then to treat true unbounded union unnest using when where window with within`) {
		m[w] = true
	}
	return m
}()

package editor

import (
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/sql"
)

// column is a column as far as the text tells: of a relation, of a query.
type column struct {
	name string
	// typ is its type for people, empty if it is not known; google the type where it is one of
	// GoogleSQL.
	typ    string
	google *ir.Type
	doc    string
	// node is what it is a column of, nil where an expression makes it; passed is what the column
	// is called there: CTEs and subqueries pass columns on under other names.
	node   *compile.Node
	passed string
	// at is where it is made in the text, zero where it comes from a node.
	at [2]int
}

// relation is something in a FROM clause.
type relation struct {
	// alias is the name that it goes by; empty: it has none.
	alias   string
	columns []column
	node    *compile.Node
	cte     *cte
	// what it is: «model», «source», «cte», «subquery», «unnest», «function»; empty: unknown.
	what string
	// at is where it is written, without the alias.
	at [2]int
	// using are the names in the USING behind it.
	using []string
}

// cte is a common table expression.
type cte struct {
	name    string
	at      [2]int // its name
	body    [2]int // its query, within the parentheses
	columns []column
	known   bool
	// recursive: it may name itself.
	recursive bool
}

// clause is a part of a SELECT, as the tokens [lo, hi) behind its keyword.
type clause struct {
	word   string // SELECT, FROM, WHERE, …
	key    int    // the token of the keyword
	lo, hi int
}

// selection is one SELECT.
type selection struct {
	lo, hi  int // tokens
	clauses []clause
	from    []*relation
	items   []item
	// ctes are those that it sees, the nearest last.
	ctes  []*cte
	outer *selection
	// within is the CTE in whose body it is, nil for others.
	within *cte
	// columns are its result.
	columns []column
}

// item is one of a select list: the tokens [lo, hi), without its alias.
type item struct {
	lo, hi int
	end    int // with the alias
	name   string
	named  int // the token of its name, -1: none
	star   bool
}

// scopes is what is known of a text: all its SELECTs, in the order of their begin, outer ones
// first, and its CTEs.
type scopes struct {
	*tokens
	book       *book
	selections []*selection
	ctes       []*cte
	// result are the columns of the whole query.
	result []column
	depth  int
	macros int // how deep the text is within macros
	// results are the columns of the queries that were read, by their first token: each is read
	// once, however often it is asked for.
	results map[int][]column
	// known is what macros yield, shared with the texts of macros.
	known *macroResults
}

// macroResults are what macros yield, by name.
type macroResults struct {
	queries map[string][]column
	values  map[string]column
}

// maxDepth bounds how deep queries, and macros, are looked into.
const (
	maxDepth      = 60
	maxMacroDepth = 4
)

// scan reads the SQL of a template.
func scan(b *book, t *tokens) *scopes {
	s := newScopes(b, t)
	s.result = s.query(0, len(t.list), nil, nil, nil)
	return s
}

func newScopes(b *book, t *tokens) *scopes {
	return &scopes{tokens: t, book: b, results: map[int][]column{}, known: &macroResults{queries: map[string][]column{}, values: map[string]column{}}}
}

// beginsQuery reports whether a query begins at token i.
func (s *scopes) beginsQuery(i, hi int) bool {
	for i < hi && s.punct(i) == '(' {
		i++
	}
	return i < hi && s.is(i, "SELECT", "WITH")
}

// query reads a query expression in the tokens [lo, hi).
func (s *scopes) query(lo, hi int, ctes []*cte, outer *selection, within *cte) (result []column) {
	if s.depth++; s.depth > maxDepth {
		s.depth--
		return nil
	}
	defer func() {
		s.depth--
		s.results[lo] = result
	}()
	i := lo
	if s.is(i, "WITH") {
		i++
		recursive := s.is(i, "RECURSIVE")
		if recursive {
			i++
		}
		ctes = ctes[:len(ctes):len(ctes)]
		for i < hi {
			name, ok := s.name(i)
			if !ok {
				break
			}
			c := &cte{name: name, at: [2]int{s.list[i].start, s.list[i].end}, recursive: recursive}
			i++
			var names []string
			if s.punct(i) == '(' && !s.beginsQuery(i, hi) {
				for k := i + 1; k < min(s.partner[i], hi); k++ {
					if n, ok := s.name(k); ok {
						names = append(names, n)
					}
				}
				i = s.partner[i] + 1
			}
			if s.is(i, "AS") {
				i++
			}
			s.ctes = append(s.ctes, c)
			if s.punct(i) != '(' || i >= hi {
				ctes = append(ctes, c)
				break
			}
			end := min(s.partner[i], hi)
			visible := ctes
			if recursive {
				visible = append(ctes[:len(ctes):len(ctes)], c)
			}
			c.body = [2]int{s.list[i].end, s.endOf(end)}
			c.columns, c.known = slices.Clone(s.query(i+1, end, visible, outer, c)), true
			for k := range min(len(names), len(c.columns)) {
				c.columns[k].name = names[k]
			}
			ctes = append(ctes, c)
			i = end + 1
			if s.punct(i) != ',' || i >= hi {
				break
			}
			i++
		}
	}
	first := true
	part := func(lo, hi int) {
		if lo >= hi {
			return
		}
		var columns []column
		switch {
		case s.punct(lo) == '(' && s.beginsQuery(lo, hi):
			end := min(s.partner[lo], hi)
			columns = s.query(lo+1, end, ctes, outer, within)
			s.nested(end+1, hi, ctes, outer, within)
		case s.action(lo) != nil && lo+1 == hi:
			columns = s.included(s.action(lo))
		default:
			columns = s.selection(lo, hi, ctes, outer, within)
		}
		if first {
			result, first = columns, false
		}
	}
	start := i
	for ; i < hi; i++ {
		if p := s.punct(i); p == '(' || p == '[' {
			i = s.partner[i]
			continue
		}
		set := s.is(i, "UNION", "INTERSECT") || s.is(i, "EXCEPT") && (s.is(i+1, "ALL", "DISTINCT") || s.beginsQuery(i+1, hi))
		if !set {
			continue
		}
		part(start, i)
		if s.is(i+1, "ALL", "DISTINCT") {
			i++
		}
		start = i + 1
	}
	part(start, hi)
	return result
}

// endOf is the offset at which token i begins, or the end of the text.
func (s *scopes) endOf(i int) int {
	if i < len(s.list) {
		return s.list[i].start
	}
	return len(s.text)
}

// clauseWords begin the parts of a SELECT.
var clauseWords = []string{"SELECT", "FROM", "WHERE", "GROUP", "HAVING", "QUALIFY", "WINDOW", "ORDER", "LIMIT"}

// selection reads one SELECT.
func (s *scopes) selection(lo, hi int, ctes []*cte, outer *selection, within *cte) []column {
	sel := &selection{lo: lo, hi: hi, ctes: ctes, outer: outer, within: within}
	s.selections = append(s.selections, sel)
	for i := lo; i < hi; i++ {
		if p := s.punct(i); p == '(' || p == '[' {
			i = s.partner[i]
			continue
		}
		if !s.is(i, clauseWords...) || s.is(i, "SELECT") && len(sel.clauses) > 0 {
			continue
		}
		if n := len(sel.clauses); n > 0 {
			sel.clauses[n-1].hi = i
		}
		word := strings.ToUpper(s.in(i))
		key := i
		if s.is(i, "GROUP", "ORDER") && s.is(i+1, "BY") {
			i++
		}
		if word == "SELECT" {
			for s.is(i+1, "DISTINCT", "ALL") || s.is(i+1, "AS") && s.is(i+2, "STRUCT", "VALUE") || s.is(i, "AS") && s.is(i+1, "STRUCT", "VALUE") {
				i++
			}
		}
		sel.clauses = append(sel.clauses, clause{word: word, key: key, lo: i + 1, hi: hi})
	}
	for _, c := range sel.clauses {
		if c.word == "FROM" {
			s.relations(sel, c.lo, c.hi)
		}
	}
	for _, c := range sel.clauses {
		switch c.word {
		case "SELECT":
			s.itemsOf(sel, c.lo, c.hi)
			s.nested(c.lo, c.hi, ctes, sel, within)
		case "FROM":
		default:
			s.nested(c.lo, c.hi, ctes, sel, within)
		}
	}
	sel.columns = s.output(sel)
	return sel.columns
}

// nested finds the queries in parentheses among the tokens [lo, hi).
func (s *scopes) nested(lo, hi int, ctes []*cte, outer *selection, within *cte) {
	if s.depth++; s.depth > maxDepth {
		s.depth--
		return
	}
	defer func() { s.depth-- }()
	for i := lo; i < hi; i++ {
		if s.punct(i) != '(' && s.punct(i) != '[' {
			continue
		}
		end := min(s.partner[i], hi)
		if s.punct(i) == '(' && s.beginsQuery(i+1, end) {
			s.query(i+1, end, ctes, outer, within)
		} else {
			s.nested(i+1, end, ctes, outer, within)
		}
		i = end
	}
}

// relations reads a FROM clause.
func (s *scopes) relations(sel *selection, lo, hi int) {
	if s.depth++; s.depth > maxDepth {
		s.depth--
		return
	}
	defer func() { s.depth-- }()
	i := lo
	for i < hi {
		switch {
		case s.punct(i) == ',' || s.is(i, "JOIN", "INNER", "LEFT", "RIGHT", "FULL", "OUTER", "CROSS", "NATURAL", "LATERAL"):
			i++
		case s.is(i, "ON"):
			start := i + 1
			for i++; i < hi && !s.is(i, "JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "NATURAL") && s.punct(i) != ','; i++ {
				if s.punct(i) == '(' || s.punct(i) == '[' {
					i = s.partner[i]
				}
			}
			s.nested(start, min(i, hi), sel.ctes, sel, sel.within)
		case s.is(i, "USING"):
			i++
			if s.punct(i) == '(' && i < hi {
				end := min(s.partner[i], hi)
				if n := len(sel.from); n > 0 {
					for k := i + 1; k < end; k++ {
						if name, ok := s.name(k); ok {
							sel.from[n-1].using = append(sel.from[n-1].using, name)
						}
					}
				}
				i = end + 1
			}
		default:
			i = s.relation(sel, i, hi)
		}
	}
}

// relation reads one relation of a FROM clause and gives the token behind it.
func (s *scopes) relation(sel *selection, i, hi int) int {
	r := &relation{at: [2]int{s.list[i].start, s.list[i].end}}
	own := ""
	switch {
	case s.action(i) != nil:
		s.read(r, s.action(i))
		if r.node != nil {
			own = r.node.ID.Name
			if r.node.Source != nil {
				own = r.node.Source.Table.V
			}
		}
		i++
	case s.punct(i) == '(':
		end := min(s.partner[i], hi)
		if !s.beginsQuery(i+1, end) && s.action(i+1) == nil {
			s.relations(sel, i+1, end)
			return s.alias(&relation{}, end+1, hi)
		}
		r.what = "subquery"
		r.columns = s.query(i+1, end, sel.ctes, sel, sel.within)
		i = end + 1
	case s.is(i, "UNNEST") && s.punct(i+1) == '(':
		end := min(s.partner[i+1], hi)
		s.nested(i+2, end, sel.ctes, sel, sel.within)
		elem := s.infer(sel, i+2, end).google
		if elem != nil {
			elem = elem.Elem
		}
		i = s.alias(r, end+1, hi)
		s.element(r, elem)
		sel.from = append(sel.from, r)
		if s.is(i, "WITH") && s.is(i+1, "OFFSET") {
			o := &relation{what: "unnest", at: r.at}
			named := i
			i = s.alias(o, i+2, hi)
			if o.alias == "" {
				o.alias = "offset"
			}
			s.element(o, ir.TypeOf(ir.Int64))
			o.columns[0].at = [2]int{s.list[named].start, s.endOf(i)}
			sel.from = append(sel.from, o)
		}
		return max(i, end+1)
	default:
		name, ok := s.name(i)
		if !ok {
			return i + 1
		}
		path := []string{name}
		start := i
		for i++; s.punct(i) == '.' && i+1 < hi; i += 2 {
			next, ok := s.name(i + 1)
			if !ok {
				break
			}
			path = append(path, next)
		}
		if s.punct(i) == '.' {
			i++
		}
		r.at[1] = s.list[i-1].end
		own = path[len(path)-1]
		if s.punct(i) == '(' && i < hi {
			end := min(s.partner[i], hi)
			s.nested(i+1, end, sel.ctes, sel, sel.within)
			r.what, i = "function", end+1
			break
		}
		if len(path) == 1 {
			for k := len(sel.ctes) - 1; k >= 0; k-- {
				if strings.EqualFold(sel.ctes[k].name, path[0]) {
					r.cte, r.what, r.columns = sel.ctes[k], "cte", sel.ctes[k].columns
					break
				}
			}
		} else if c, ok := s.path(sel, path); ok {
			var elem *ir.Type
			if c.google != nil {
				elem = c.google.Elem
			}
			i = s.alias(r, i, hi)
			if r.alias == "" {
				r.alias = own
			}
			s.element(r, elem)
			sel.from = append(sel.from, r)
			return max(i, start+1)
		}
	}
	i = s.alias(r, i, hi)
	if r.alias == "" {
		r.alias = own
	}
	sel.from = append(sel.from, r)
	return i
}

// element makes r the elements of an array.
func (s *scopes) element(r *relation, elem *ir.Type) {
	r.what = "unnest"
	c := column{name: r.alias, google: elem, at: r.at}
	if elem != nil {
		c.typ = elem.String()
	}
	r.columns = []column{c}
	if elem != nil && elem.Kind == ir.Struct {
		r.columns = append(r.columns, fields(c)...)
	}
}

// fields are those of a struct.
func fields(c column) []column {
	if c.google == nil || c.google.Kind != ir.Struct {
		return nil
	}
	var out []column
	for _, f := range c.google.Fields {
		if f.Name != "" {
			out = append(out, column{name: f.Name, google: f.Type, typ: f.Type.String(), node: c.node, at: c.at, doc: fieldDoc(c, f.Name)})
		}
	}
	return out
}

// fieldDoc is what YAML says of a field.
func fieldDoc(c column, field string) string {
	if c.node == nil || c.passed == "" {
		return ""
	}
	for _, f := range c.node.Fields {
		if strings.EqualFold(f.Name, c.passed+"."+field) {
			return f.Description
		}
	}
	return ""
}

// alias reads what may stand behind a relation: its alias, PIVOT, TABLESAMPLE, FOR SYSTEM_TIME.
func (s *scopes) alias(r *relation, i, hi int) int {
	for i < hi {
		switch {
		case s.is(i, "AS"):
			i++
			if name, ok := s.name(i); ok && i < hi {
				r.alias = name
				i++
			}
			return i
		case s.is(i, "FOR") && s.is(i+1, "SYSTEM_TIME"):
			for i += 2; i < hi && s.is(i, "AS", "OF"); i++ {
			}
			for ; i < hi && !s.is(i, "JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "ON", "USING", "AS") && s.punct(i) != ','; i++ {
				if s.punct(i) == '(' {
					i = s.partner[i]
				}
			}
		case s.is(i, "PIVOT", "UNPIVOT") && s.punct(i+1) == '(':
			r.columns, r.what = nil, ""
			i = s.partner[i+1] + 1
		case s.is(i, "TABLESAMPLE"):
			for i++; i < hi && s.punct(i) != '('; i++ {
			}
			if i < hi {
				i = s.partner[i] + 1
			}
		default:
			if name, ok := s.name(i); ok {
				r.alias = name
				return i + 1
			}
			return i
		}
	}
	return min(i, hi)
}

// read makes r what an action stands for.
func (s *scopes) read(r *relation, a *action) {
	fn, args := a.called(s.text)
	switch fn {
	case "ref":
		if r.node = s.book.ref(args); r.node != nil {
			r.what, r.columns = string(r.node.ID.Kind), s.book.columnsOf(r.node)
		}
	case "source":
		if len(args) > 1 {
			if r.node = s.book.source(args[0], args[1]); r.node != nil {
				r.what, r.columns = "source", s.book.columnsOf(r.node)
			}
		}
	case "this":
		r.what = "this"
	case "include":
		r.columns, r.what = s.included(a), "subquery"
	}
}

// included are the columns of a macro that is a query.
func (s *scopes) included(a *action) []column {
	fn, args := a.called(s.text)
	if fn != "include" || len(args) == 0 || s.macros >= maxMacroDepth {
		return nil
	}
	if out, ok := s.known.queries[args[0]]; ok {
		return out
	}
	s.known.queries[args[0]] = nil // while it is read
	in := s.macro(args[0])
	if in == nil {
		return nil
	}
	out := slices.Clone(in.query(0, len(in.list), nil, nil, nil))
	for i := range out {
		out[i].at = [2]int{} // a place in another file
	}
	s.known.queries[args[0]] = out
	return out
}

// macro is the text of a macro, ready to be read.
func (s *scopes) macro(name string) *scopes {
	m := s.book.macro(name)
	if m == nil || s.macros >= maxMacroDepth {
		return nil
	}
	in := newScopes(s.book, tokenize(m.body, sql.GoogleSQL, nil))
	in.macros, in.known = s.macros+1, s.known
	return in
}

// itemsOf reads a select list.
func (s *scopes) itemsOf(sel *selection, lo, hi int) {
	for lo < hi {
		end := lo
		angles := 0
		for ; end < hi && (s.punct(end) != ',' || angles > 0); end++ {
			switch s.punct(end) {
			case '(', '[':
				end = s.partner[end]
			case '<':
				if s.is(end-1, "STRUCT", "ARRAY") {
					angles++
				}
			case '>':
				angles = max(0, angles-1)
			}
		}
		end = min(end, hi)
		if end > lo {
			sel.items = append(sel.items, s.item(lo, end))
		}
		lo = end + 1
	}
}

func (s *scopes) item(lo, hi int) item {
	it := item{lo: lo, hi: hi, end: hi, named: -1}
	for i := lo; i < hi; i++ {
		if s.punct(i) == '*' && (i == lo || s.punct(i-1) == '.') && (i+1 == hi || s.is(i+1, "EXCEPT", "REPLACE")) {
			it.star = true
			return it
		}
		if s.punct(i) == '(' || s.punct(i) == '[' {
			i = s.partner[i]
		}
	}
	last := hi - 1
	name, ok := s.name(last)
	switch {
	case !ok:
	case s.is(last-1, "AS") && last-1 > lo:
		it.name, it.named, it.hi = name, last, last-1
	case last == lo || s.punct(last-1) == '.':
		it.name, it.named = name, last
	case last > lo && s.ends(last-1):
		it.name, it.named, it.hi = name, last, last
	}
	return it
}

// ends reports whether an expression may end with token i, so that a name behind it is an
// alias.
func (s *scopes) ends(i int) bool {
	k := s.list[i]
	switch k.kind {
	case sql.Quoted, sql.String, sql.Number, sql.Parameter:
		return true
	case sql.Word:
		_, ok := s.name(i)
		return ok || k.act != 0 || s.is(i, "END", "NULL", "TRUE", "FALSE")
	}
	return s.punct(i) == ')' || s.punct(i) == ']'
}

// output are the columns of a SELECT.
func (s *scopes) output(sel *selection) []column {
	var out []column
	for _, it := range sel.items {
		if it.star {
			out = append(out, s.star(sel, it)...)
			continue
		}
		c := s.infer(sel, it.lo, it.hi)
		c.name = it.name
		if it.named >= 0 {
			c.at = [2]int{s.list[it.named].start, s.list[it.named].end}
		} else {
			c.at = [2]int{s.list[it.lo].start, s.list[it.end-1].end}
		}
		out = append(out, c)
	}
	return out
}

// star are the columns that a star stands for.
func (s *scopes) star(sel *selection, it item) []column {
	var of []column
	i := it.lo
	if s.punct(i) == '*' {
		of = s.all(sel)
	} else {
		var path []string
		for ; i < it.hi && s.punct(i) != '*'; i++ {
			if name, ok := s.name(i); ok {
				path = append(path, name)
			}
		}
		of = s.below(sel, path)
	}
	var out []column
	dropped := map[string]bool{}
	if s.is(i+1, "EXCEPT") && s.punct(i+2) == '(' {
		for k := i + 3; k < min(s.partner[i+2], it.hi); k++ {
			if name, ok := s.name(k); ok {
				dropped[strings.ToLower(name)] = true
			}
		}
	}
	for _, c := range of {
		if !dropped[strings.ToLower(c.name)] {
			out = append(out, c)
		}
	}
	return out
}

// all are the columns of all relations of a SELECT, those of USING once.
func (s *scopes) all(sel *selection) []column {
	var out []column
	used := map[string]bool{}
	for _, r := range sel.from {
		for _, u := range r.using {
			used[strings.ToLower(u)] = true
		}
	}
	seen := map[string]bool{}
	for _, r := range sel.from {
		list := r.columns
		if r.what == "unnest" && len(list) > 1 {
			list = list[1:] // the fields stand for the element
		}
		for _, c := range list {
			key := strings.ToLower(c.name)
			if used[key] && seen[key] {
				continue
			}
			seen[key] = true
			out = append(out, c)
		}
	}
	return out
}

// find is the relation of a name, in a SELECT or in those around it.
func (s *scopes) find(sel *selection, alias string) *relation {
	for ; sel != nil; sel = sel.outer {
		for i := len(sel.from) - 1; i >= 0; i-- {
			if strings.EqualFold(sel.from[i].alias, alias) {
				return sel.from[i]
			}
		}
	}
	return nil
}

// path is what a path of names means in a SELECT.
func (s *scopes) path(sel *selection, path []string) (column, bool) {
	if len(path) == 0 {
		return column{}, false
	}
	var c column
	rest := path[1:]
	if r := s.find(sel, path[0]); r != nil && len(rest) > 0 {
		// An element is a column and a relation at once.
		at, ok := named(r.columns, rest[0])
		if !ok {
			return column{}, false
		}
		c, rest = at, rest[1:]
	} else if at, ok := s.bare(sel, path[0]); ok {
		c = at
	} else {
		return column{}, false
	}
	for _, f := range rest {
		at, ok := named(fields(c), f)
		if !ok {
			return column{}, false
		}
		c = at
	}
	return c, true
}

// bare is the column of a name without alias.
func (s *scopes) bare(sel *selection, name string) (column, bool) {
	for ; sel != nil; sel = sel.outer {
		for _, r := range sel.from {
			if c, ok := named(r.columns, name); ok {
				return c, true
			}
		}
	}
	return column{}, false
}

func named(list []column, name string) (column, bool) {
	for _, c := range list {
		if strings.EqualFold(c.name, name) {
			return c, true
		}
	}
	return column{}, false
}

// below are the columns behind «path.»: of a relation, or the fields of a struct.
func (s *scopes) below(sel *selection, path []string) []column {
	if len(path) == 1 {
		if r := s.find(sel, path[0]); r != nil {
			if r.what == "unnest" && len(r.columns) > 1 {
				return r.columns[1:]
			}
			if r.what == "unnest" {
				return nil
			}
			return r.columns
		}
	}
	if c, ok := s.path(sel, path); ok {
		return fields(c)
	}
	return nil
}

// at is the innermost SELECT at an offset, nil if there is none.
func (s *scopes) at(offset int) *selection {
	var best *selection
	size := 0
	for _, sel := range s.selections {
		if len(sel.clauses) == 0 || sel.lo >= len(s.list) {
			continue
		}
		start, end := s.list[sel.lo].start, s.endOf(sel.hi)
		if offset < start || offset > end {
			continue
		}
		if best == nil || end-start <= size {
			best, size = sel, end-start
		}
	}
	return best
}

// clause is the part of a SELECT at an offset, zero in front of the first.
func (s *scopes) clause(sel *selection, offset int) clause {
	for i := len(sel.clauses) - 1; i >= 0; i-- {
		c := sel.clauses[i]
		if s.list[c.key].end < offset {
			return c
		}
	}
	return clause{}
}

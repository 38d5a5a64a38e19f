package sql

import (
	"fmt"
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// Common is a common table expression as it stands in a query. Offsets are bytes of the text.
type Common struct {
	// Name is its name without quotes, and Path that with the names of the common table
	// expressions it stands in, with dots: «totals.paid».
	Name, Path string
	// Start is where its name begins, NameEnd where that ends; BodyStart and BodyEnd are its
	// query, the parentheses not included; End is behind the closing one.
	Start, NameEnd, BodyStart, BodyEnd, End int
	// Recursive: its WITH is RECURSIVE, so that all of that WITH may read each other.
	Recursive bool
	// InSubquery: it is the WITH of a query inside of another one, and may read what only stands
	// there.
	InSubquery bool

	list   int // number of its WITH
	first  int // where the first one of its WITH begins
	within int // index of the one whose query begins with its WITH, -1 for none
}

// Commons lists the common table expressions of a query in the order in which they begin. One
// that is not closed ends with the text.
func (l Lexis) Commons(text string) []Common {
	s := commons{l: l, text: text}
	for t := range l.significant(text) {
		s.tokens = append(s.tokens, t)
	}
	s.query(0, -1, false)
	return s.found
}

type commons struct {
	l      Lexis
	text   string
	tokens []Token
	found  []Common
	lists  int
}

func (s *commons) is(i int, word string) bool {
	return i < len(s.tokens) && s.tokens[i].Is(s.text, word)
}

func (s *commons) punct(i int, b byte) bool {
	return i < len(s.tokens) && isPunct(s.text, s.tokens[i], b)
}

// query reads from token i to the parenthesis that closes what i stands in, and returns the
// index of that, or the number of tokens. A WITH at i is that of the common table expression
// within.
func (s *commons) query(i, within int, sub bool) int {
	if next, ok := s.with(i, within, sub); ok {
		i = next
	}
	for i < len(s.tokens) {
		switch {
		case s.punct(i, '('):
			i = s.query(i+1, within, true) + 1
		case s.punct(i, ')'):
			return i
		default:
			i++
		}
	}
	return i
}

// searched goes on to the end of «search … set x» and «cycle … using x» behind the parenthesis i,
// which belong to the expression.
func (s *commons) searched(i, end int) (at, until int) {
	for s.is(i+1, "search") || s.is(i+1, "cycle") {
		last := "set"
		if s.is(i+1, "cycle") {
			last = "using"
		}
		at := i + 2
		for at < len(s.tokens) && !s.is(at, last) && !s.punct(at, ')') && !s.punct(at, '(') {
			at++
		}
		if !s.is(at, last) || at+1 >= len(s.tokens) {
			break
		}
		i, end = at+1, s.tokens[at+1].End
	}
	return i, end
}

// with reads a WITH at i, and reports whether there is one.
func (s *commons) with(i, within int, sub bool) (next int, ok bool) {
	if !s.is(i, "with") {
		return i, false
	}
	recursive := s.is(i+1, "recursive") && !s.is(i+2, "as") && !s.punct(i+2, '(')
	if i++; recursive {
		i++
	}
	if !s.begins(i) {
		return i, false
	}
	s.lists++
	list, first := s.lists, s.tokens[i].Start
	for s.begins(i) {
		c := Common{Recursive: recursive, InSubquery: sub, list: list, first: first, within: within, Start: s.tokens[i].Start, NameEnd: s.tokens[i].End}
		c.Name = s.l.unquoted(s.text, s.tokens[i])
		c.Path = c.Name
		if within >= 0 {
			c.Path = s.found[within].Path + "." + c.Name
		}
		i = s.body(i)
		c.BodyStart = s.tokens[i-1].End
		n := len(s.found)
		s.found = append(s.found, c)
		i = s.query(i, n, sub)
		c = s.found[n]
		c.BodyEnd, c.End = len(s.text), len(s.text)
		if i < len(s.tokens) {
			c.BodyEnd, c.End = s.tokens[i].Start, s.tokens[i].End
		}
		i, c.End = s.searched(i, c.End)
		s.found[n] = c
		if i++; !s.punct(i, ',') {
			break
		}
		i++
	}
	return i, true
}

// begins reports whether a common table expression begins at token i: name [(columns)] as
// [[not] materialized] (.
func (s *commons) begins(i int) bool {
	if i >= len(s.tokens) || s.tokens[i].Kind != Word && s.tokens[i].Kind != Quoted {
		return false
	}
	return s.body(i) > 0
}

// body is the index of the token behind the parenthesis that opens the query of the common
// table expression at i, 0 if there is none.
func (s *commons) body(i int) int {
	i++
	if s.punct(i, '(') {
		for i++; i < len(s.tokens) && !s.punct(i, ')'); i++ {
			if s.punct(i, '(') {
				return 0
			}
		}
		i++
	}
	if s.is(i, "using") && s.is(i+1, "key") && s.punct(i+2, '(') { // DuckDB
		for i += 3; i < len(s.tokens) && !s.punct(i, ')'); i++ {
		}
		i++
	}
	if !s.is(i, "as") {
		return 0
	}
	if i++; s.is(i, "not") {
		i++
	}
	if s.is(i, "materialized") {
		i++
	}
	if !s.punct(i, '(') {
		return 0
	}
	return i + 1
}

// unquoted is the name that a token stands for.
func (l Lexis) unquoted(text string, t Token) string {
	name := t.In(text)
	if t.Kind != Quoted || t.Open || len(name) < 2 {
		return name
	}
	quote := name[:1]
	return strings.ReplaceAll(name[1:len(name)-1], quote+quote, quote)
}

// NoCommon says why the rows of a common table expression cannot be shown.
type NoCommon struct {
	Name   string
	Reason string   // a sentence without a full stop
	Help   string   // may be empty
	Known  []string // paths of those that can be shown, in their order
}

func (e *NoCommon) Error() string { return e.Reason }

// ShowCommon is the query for the rows of one common table expression of a query: that WITH, up
// to the common table expression, and a select of all of its columns. The map leads to where m
// leads. A name is one, or the path of one that stands in another one; case does not matter.
// The error is a *NoCommon.
func (l Lexis) ShowCommon(text string, m *source.Map, name string) (string, *source.Map, error) {
	all := l.Commons(text)
	at, err := pick(all, name)
	if err != nil {
		return "", nil, err
	}
	var b builder
	l.show(&b, text, m, all, at)
	return b.String(), &b.m, nil
}

// pick finds the common table expression of a name or path.
func pick(all []Common, name string) (int, error) {
	var found []int
	bad := &NoCommon{Name: name}
	exact := -1
	for i, c := range all {
		if !c.InSubquery {
			bad.Known = append(bad.Known, c.Path)
		}
		switch {
		case strings.EqualFold(c.Path, name) && !c.InSubquery && (exact < 0 || c.Path == name && all[exact].Path != name):
			exact = i
		case strings.EqualFold(c.Name, name) || strings.EqualFold(c.Path, name):
			found = append(found, i)
		}
	}
	switch {
	case exact >= 0:
		found = []int{exact}
	case len(found) == 0 && len(all) == 0:
		bad.Reason, bad.Help = fmt.Sprintf("no common table expression %q: the query has none", name), "it is written with name as (select …) select …"
		return 0, bad
	case len(found) == 0:
		bad.Reason, bad.Help = fmt.Sprintf("no common table expression %q", name), "there are "+strings.Join(bad.Known, ", ")
		if near, ok := diag.Suggest(name, bad.Known); ok {
			bad.Help = fmt.Sprintf("did you mean %q?", near)
		} else if len(bad.Known) == 0 {
			bad.Help = "those that there are stand in subqueries"
		}
		return 0, bad
	}
	var open []int
	for _, i := range found {
		if !all[i].InSubquery {
			open = append(open, i)
		}
	}
	switch {
	case len(open) == 0:
		bad.Reason, bad.Help = fmt.Sprintf("the common table expression %q stands in a subquery, and may read what only that knows", name), "move it to the WITH at the beginning of the query"
		return 0, bad
	case len(open) > 1:
		var paths []string
		for _, i := range open {
			paths = append(paths, all[i].Path)
		}
		bad.Reason, bad.Help = fmt.Sprintf("%d common table expressions are named %q", len(open), name), "write "+strings.Join(paths, " or ")
		return 0, bad
	}
	if c := all[open[0]]; c.within >= 0 {
		for up := c.within; up >= 0; up = all[up].within {
			if all[up].Recursive {
				bad.Reason, bad.Help = fmt.Sprintf("%q stands in %q, which is recursive and may be read by it", c.Name, all[up].Path), "move it to the WITH at the beginning of the query"
				return 0, bad
			}
		}
	}
	return open[0], nil
}

// show writes the query for the rows of all[at].
func (l Lexis) show(b *builder, text string, m *source.Map, all []Common, at int) {
	c := all[at]
	begin, opened := 0, 0
	if c.within >= 0 {
		opened = l.before(b, text, m, all, c.within)
		begin = all[c.within].BodyStart
	}
	end := c.End
	if c.Recursive { // each may read all of its WITH
		for _, other := range all {
			if other.list == c.list {
				end = max(end, other.End)
			}
		}
	}
	b.add(text, m, begin, end)
	b.WriteString("\nselect * from " + text[c.Start:c.NameEnd])
	b.WriteString(strings.Repeat("\n) as q", opened))
}

// before writes what the query of all[at] can read, and opens subqueries for it; their number
// is returned.
func (l Lexis) before(b *builder, text string, m *source.Map, all []Common, at int) (opened int) {
	c := all[at]
	begin := 0
	if c.within >= 0 {
		opened = l.before(b, text, m, all, c.within)
		begin = all[c.within].BodyStart
	}
	if c.Start == c.first {
		return opened
	}
	last := begin
	for _, other := range all {
		if other.list == c.list && other.End < c.Start {
			last = other.End
		}
	}
	b.add(text, m, begin, last)
	b.WriteString("\nselect * from (\n")
	return opened + 1
}

// Ordered reports whether a query says in which order its rows come, and whether it bounds their
// number as well. Of a query in pipe syntax neither is known.
func (l Lexis) Ordered(text string) (ordered, bounded bool) {
	depth := 0
	var last Token
	for t := range l.significant(text) {
		switch {
		case isPunct(text, t, '('):
			depth++
		case isPunct(text, t, ')'):
			depth--
		case depth > 0:
		case isPunct(text, t, '>') && isPunct(text, last, '|') && last.End == t.Start:
			return false, false
		case t.Is(text, "by") && last.Is(text, "order"):
			ordered = true
		case ordered && (t.Is(text, "limit") || t.Is(text, "offset") || t.Is(text, "fetch")):
			bounded = true
		}
		last = t
	}
	return ordered, ordered && bounded
}

package sql

import (
	"strings"

	"github.com/engine-build/engine/engine/source"
)

// CTE is a common table expression: Name as it stands in the query (quoted where needed),
// SQL its query and Map where that comes from.
type CTE struct {
	Name string
	SQL  string
	Map  *source.Map
}

// AddCTEs puts ctes, in their order, in front of those that the query text has. The map
// of the result leads into text and into each CTE's own source.
func (l Lexis) AddCTEs(text string, m *source.Map, ctes []CTE) (string, *source.Map) {
	if len(ctes) == 0 {
		return text, m
	}
	at, has := l.head(text)
	var b builder
	b.add(text, m, 0, at)
	if at == len(text) && at > 0 {
		b.WriteString("\n") // there is no query, but a line comment may be
	}
	if !has {
		b.WriteString("with ")
	}
	for i, c := range ctes {
		if i > 0 {
			b.WriteString(",\n")
		}
		b.WriteString(c.Name + " as (\n")
		query, from := l.Trim(c.SQL, c.Map)
		b.add(query, from, 0, len(query))
		b.WriteString("\n)")
	}
	if has {
		b.WriteString(",\n")
	} else {
		b.WriteString("\n")
	}
	b.add(text, m, at, len(text))
	return b.String(), &b.m
}

// head is where the first CTE of a query stands or would stand, and whether the query
// has a WITH already.
func (l Lexis) head(text string) (at int, has bool) {
	var first []Token // with, recursive and what follows
	for t := range l.significant(text) {
		if first = append(first, t); len(first) == 3 {
			break
		}
	}
	nth := func(i int) int {
		if i < len(first) {
			return first[i].Start
		}
		return len(text)
	}
	switch {
	case len(first) == 0 || !first[0].Is(text, "with"):
		return nth(0), false
	case len(first) > 2 && first[1].Is(text, "recursive") && !first[2].Is(text, "as") && !isPunct(text, first[2], '('):
		return nth(2), true
	}
	// «recursive as (…)» is a CTE with that name.
	return nth(1), true
}

// builder joins texts and their maps.
type builder struct {
	strings.Builder
	m source.Map
}

// add appends the bytes [from, to) of text with what m says about them.
func (b *builder) add(text string, m *source.Map, from, to int) {
	shift := b.Len() - from
	for _, s := range m.Segments() {
		start, end := max(s.Start, from), min(s.End, to)
		if start >= end {
			continue
		}
		if s.Verbatim {
			s.Src = source.Span{File: s.Src.File, Start: s.Src.Start + start - s.Start, End: s.Src.Start + end - s.Start}
		}
		s.Start, s.End = start+shift, end+shift
		b.m.Append(s)
	}
	b.WriteString(text[from:to])
}

package sql

import (
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/source"
)

// Alias is the name by which a query may call the columns of a table.
type Alias struct {
	Table   string // how the table's name stands in the text, quotes included: one token
	Name    string // the other name, without quotes
	Spelled string // and with those that it needs
}

// AddAliases gives tables another name where they stand in FROM or JOIN without one, and the text
// around calls columns by it: «from "cte_1" where orders.id > 0» becomes «from "cte_1" as orders …».
// All else stays as it is: tables whose other name means something else there, or may do so, which
// are called by their own name there, or behind which something other than the next clause stands.
func (l Lexis) AddAliases(text string, m *source.Map, aliases []Alias) (string, *source.Map) {
	if !slices.ContainsFunc(aliases, func(a Alias) bool { return containsFold(text, a.Name) && strings.Contains(text, a.Table) }) {
		return text, m
	}
	s := l.scopes(text)
	put := map[int]string{} // token → what follows it
	for _, a := range aliases {
		var all []Alias // two tables can have the same other name
		for _, b := range aliases {
			if strings.EqualFold(a.Name, b.Name) {
				all = append(all, b)
			}
		}
		for _, at := range s.unnamed(all) {
			if s.tokens[at].In(text) == a.Table {
				put[at] = " as " + a.Spelled
			}
		}
	}
	if len(put) == 0 {
		return text, m
	}
	var b builder
	from := 0
	for at, t := range s.tokens {
		if more, ok := put[at]; ok {
			b.add(text, m, from, t.End)
			b.WriteString(more)
			from = t.End
		}
	}
	b.add(text, m, from, len(text))
	return b.String(), &b.m
}

// Mentions reports whether a name stands in a text by itself: neither «name.x» nor «x.name».
func (l Lexis) Mentions(text, name string) bool {
	if !containsFold(text, name) {
		return false
	}
	s := &tableScan{text: text, tokens: slices.Collect(l.significant(text))}
	for i := range s.tokens {
		if s.name(i) && strings.EqualFold(l.unquoted(text, s.tokens[i]), name) && !s.punct(i-1, '.') && !s.punct(i+1, '.') {
			return true
		}
	}
	return false
}

func containsFold(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

// scoped is a scan of tables that knows of every token in which query it stands.
type scoped struct {
	*tableScan
	in []scope // of each token
}

type scope struct {
	block, part int
	listing     bool // it stands in a select list
}

func (l Lexis) scopes(text string) *scoped {
	s := &scoped{tableScan: &tableScan{lexis: l, text: text, tokens: slices.Collect(l.significant(text))}}
	s.begin()
	for s.at < len(s.tokens) {
		f, at := s.top(), s.at
		here := scope{f.block, f.part, f.query && !f.from}
		s.step()
		for ; at < s.at; at++ {
			s.in = append(s.in, here)
		}
		if f := s.top(); f.query {
			s.blocks[f.block].query = true
		}
	}
	return s
}

// query is the query whose list of tables has what stands in sc: parentheses around joined tables
// are none.
func (s *scoped) query(sc scope) scope {
	for sc.block > 0 && s.blocks[sc.block].listed && !s.blocks[sc.block].query {
		sc.block, sc.part = s.blocks[sc.block].up, s.blocks[sc.block].part
	}
	sc.listing = false
	return sc
}

// within reports whether what stands in sc is a part of the query outer.
func (s *scoped) within(sc, outer scope) bool {
	for sc = s.query(sc); ; sc = s.query(scope{block: s.blocks[sc.block].up, part: s.blocks[sc.block].part}) {
		if sc == outer {
			return true
		}
		if sc.block == 0 {
			return false
		}
	}
}

// unnamed are the tokens of tables to which the other name, the same one of all aliases, can be
// given and is missing.
func (s *scoped) unnamed(aliases []Alias) []int {
	name := aliases[0].Name
	var (
		out       []int
		tables    []tablePlace // that stand alone and are to be named
		uses      []scope      // name.column
		conflicts []scope      // the name, or that of the table itself, means something there
		path      = map[int]tablePlace{}
	)
	for _, p := range s.places {
		for i := p.at; i < p.end; i++ {
			path[i] = p
		}
	}
	own := func(i int) bool {
		return slices.ContainsFunc(aliases, func(a Alias) bool { return s.tokens[i].In(s.text) == a.Table })
	}
	for i, t := range s.tokens {
		if t.Kind != Word && t.Kind != Quoted {
			continue
		}
		p, table := path[i]
		switch here := s.query(s.in[i]); {
		case own(i) && table && p.end == p.at+1:
			if s.alone(p) {
				tables = append(tables, p)
			}
			// One with a name of its own does not matter, except for that name, which is a token.
		case own(i):
			conflicts = append(conflicts, here)
		case table && i == p.at && p.alias == strings.ToLower(name):
			conflicts = append(conflicts, here)
		case !strings.EqualFold(s.lexis.unquoted(s.text, t), name):
		case s.punct(i-1, '.'):
		case s.punct(i+1, '.'):
			if !table || s.lexis == GoogleSQL { // «orders.items» in FROM is an array of orders there, a schema's table elsewhere
				uses = append(uses, here)
			}
		case s.word(i-1, "as") && s.in[i].listing && !s.punct(i-2, '>'):
			// The name of a column of the result.
		default:
			conflicts = append(conflicts, here)
		}
	}
	for _, p := range tables {
		here := s.query(s.in[p.at])
		same := func(q tablePlace) bool { return q != p && s.query(s.in[q.at]) == here }
		used := func(u scope) bool { return s.within(u, here) }
		related := func(c scope) bool { return s.within(c, here) || s.within(here, c) }
		if !slices.ContainsFunc(tables, same) && slices.ContainsFunc(uses, used) && !slices.ContainsFunc(conflicts, related) {
			out = append(out, p.at)
		}
	}
	return out
}

// alone reports whether a table has no name of its own, and what stands around it lets it have one.
func (s *scoped) alone(p tablePlace) bool {
	switch {
	case s.punct(p.at-1, '('):
		if s.punct(p.end, ')') {
			return false
		}
	case !s.punct(p.at-1, ',') && !s.word(p.at-1, "from", "join"):
		return false
	}
	switch next := p.end; {
	case next == len(s.tokens), s.punct(next, ')'), s.punct(next, ','), s.punct(next, ';'), s.punct(next, '|') && s.punct(next+1, '>'):
		return true
	default:
		return s.word(next, "join", "left", "right", "full", "inner", "cross", "natural", "asof", "positional", "semi", "anti", "on", "using", "select",
			"where", "group", "having", "qualify", "window", "order", "limit", "offset", "fetch", "union", "intersect", "except")
	}
}

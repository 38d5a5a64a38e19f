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
	// Real: Table stands for a table that has that name. Where it has no other one it is called by
	// it, whatever else the name means around it.
	Real bool
}

// AddAliases gives tables another name where they stand in FROM or JOIN without one, and the text
// around calls columns by it: «from "cte_1" where orders.id > 0» becomes «from "cte_1" as orders …».
// All else stays as it is: tables whose other name means something else there, or may do so, which
// are called by their own name there, or behind which something other than the next clause stands.
// A name that is not of a Real table is given only where free says that it means nothing else:
// «orders.id» is a field of a column where no table is called so; nil: it never is one.
func (l Lexis) AddAliases(text string, m *source.Map, aliases []Alias, free func(name string) bool) (string, *source.Map) {
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
		for _, at := range s.unnamed(a, all) {
			if a.Real || free == nil || free(a.Name) {
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

// Columns reports whether the name may be that of a column in the text or of its result: it stands
// there, and neither as that of a table nor in front of a dot.
func (l Lexis) Columns(text, name string) bool {
	if !containsFold(text, name) {
		return false
	}
	s := l.scopes(text)
	return slices.ContainsFunc(s.meanings(name), func(n meaning) bool { return n.is == column || n.is == result })
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

// sees reports whether what stands in sc, a part of the query outer, can use names of its tables.
func (s *scoped) sees(sc, outer scope) bool {
	for sc = s.query(sc); ; sc = s.query(scope{block: s.blocks[sc.block].up, part: s.blocks[sc.block].part}) {
		if sc == outer {
			return true
		}
		if b := s.blocks[sc.block]; sc.block == 0 || b.body || s.lexis == GoogleSQL && b.listed {
			return false
		}
	}
}

// meaning is what a name is where it stands.
type meaning struct {
	is    int
	at    int // token
	scope scope
	place tablePlace // of table and alias
}

const (
	table     = iota // a table's, its last part too
	alias            // the other one of a table
	qualifier        // name.column
	column           // of what is read
	result           // a column of a result, which is named here
	nothing
)

// meanings are those of a name in the text.
func (s *scoped) meanings(name string) []meaning {
	path := map[int]tablePlace{}
	for _, p := range s.places {
		for i := p.at; i < p.end; i++ {
			path[i] = p
		}
	}
	var out []meaning
	for i, t := range s.tokens {
		if t.Kind != Word && t.Kind != Quoted {
			continue
		}
		p, inPath := path[i]
		n := meaning{at: i, scope: s.query(s.in[i]), place: p}
		same := strings.EqualFold(s.lexis.unquoted(s.text, t), name)
		switch {
		case inPath && i == p.at && p.alias == strings.ToLower(name):
			n.is = alias // also «from a.b.orders»
		case !same || slices.Contains(s.heads, i):
			continue
		case inPath && s.punct(i+1, '.') && s.lexis == GoogleSQL: // an array of orders; elsewhere a schema's table
			n.is = qualifier
		case inPath:
			n.is = table
		case s.punct(i+1, '.'):
			n.is = qualifier
			if s.punct(i-1, '.') {
				continue
			}
		case s.names(i):
			n.is = result
		default:
			if s.aliased(i) {
				continue // it is that of the place
			}
			n.is = column
		}
		out = append(out, n)
	}
	return out
}

// names reports whether a token of a select list is the name of a column of the result.
func (s *scoped) names(i int) bool {
	if !s.in[i].listing {
		return false
	}
	if s.word(i-1, "as") {
		return !s.punct(i-2, '>')
	}
	ends := i+1 == len(s.tokens) || s.punct(i+1, ',') || s.punct(i+1, ')') || s.word(i+1, "from") || s.punct(i+1, '|') && s.punct(i+2, '>')
	if !ends || i == 0 {
		return false
	}
	switch t := s.tokens[i-1]; t.Kind {
	case Word:
		return !oneOf(t.In(s.text), "select", "distinct", "all", "not", "and", "or", "in", "like", "ilike", "is", "between", "when", "then", "else", "case", "struct", "value", "from", "by", "rlike", "similar", "escape")
	case Quoted, Number, String, Parameter:
		return true
	}
	return s.punct(i-1, ')') || s.punct(i-1, ']')
}

// aliased reports whether a token is the other name of a table, which stands behind the table's.
func (s *scoped) aliased(i int) bool {
	return slices.ContainsFunc(s.places, func(p tablePlace) bool {
		return p.named && (i == p.end || i == p.end+1 && s.word(p.end, "as"))
	})
}

// unnamed are the tokens of tables to which the other name, which all have, can be given and is
// missing: those of a.
func (s *scoped) unnamed(a Alias, all []Alias) []int {
	own := func(i int) bool {
		return slices.ContainsFunc(all, func(b Alias) bool { return s.tokens[i].In(s.text) == b.Table })
	}
	var tables []tablePlace // that stand alone and are to be named
	var paths []scope       // where one is called by its own name
	standing := map[int]bool{}
	for _, p := range s.places {
		if own(p.at) && p.end == p.at+1 {
			standing[p.at] = true // with a name of its own it matters by that name only
			if s.alone(p) {
				tables = append(tables, p)
			}
		}
	}
	for i := range s.tokens {
		if s.name(i) && own(i) && !standing[i] {
			paths = append(paths, s.query(s.in[i]))
		}
	}
	meanings := s.meanings(a.Name)
	var out []int
	for _, p := range tables {
		here := s.query(s.in[p.at])
		same := func(q tablePlace) bool { return q != p && s.query(s.in[q.at]) == here }
		related := func(c scope) bool { return s.sees(c, here) || s.sees(here, c) }
		if s.tokens[p.at].In(s.text) != a.Table || slices.ContainsFunc(tables, same) || slices.ContainsFunc(paths, related) {
			continue
		}
		used, taken := false, false
		for _, n := range meanings {
			inside := s.sees(n.scope, here)
			if n.is == qualifier || a.Real && (n.is == column || n.is == result) {
				used = used || inside
			}
			switch {
			case n.is == qualifier, standing[n.at] && !n.place.named: // the token is no name of the user's
			case a.Real: // it hides what is around it, as the table itself would
				taken = taken || n.scope == here && (n.is == table || n.is == alias)
			case n.is == result: // in front of a table's list it may be a column of it
				taken = taken || n.scope.block != 0
			default:
				taken = taken || related(n.scope)
			}
		}
		if used && !taken {
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
		return s.word(next, "join", "left", "right", "full", "inner", "cross", "natural", "asof", "positional", "semi", "anti", "on", "using", "select", "tablesample",
			"where", "group", "having", "qualify", "window", "order", "limit", "offset", "fetch", "union", "intersect", "except")
	}
}

package sql

import (
	"slices"
	"strings"
)

// Tables gives the names of the tables that a text reads, as paths of their parts without
// quotes, in order of appearance, each once. Common table expressions are seen through: their
// names are left out where they hide a table, and only there. Functions that return tables,
// columns that are unnested and files are no tables. It reads tokens and not a grammar, so
// that it has an answer for any text, half a query included.
func (l Lexis) Tables(text string) [][]string {
	s := &tableScan{lexis: l, text: text, tokens: slices.Collect(l.significant(text))}
	s.begin()
	for s.at < len(s.tokens) {
		s.step()
	}
	return s.found
}

type tableScan struct {
	lexis  Lexis
	text   string
	tokens []Token
	at     int
	frames []tableFrame
	found  [][]string
	blocks []tableBlock // of every frame there has been
	places []tablePlace
	heads  []int // tokens that name common table expressions
}

// tableFrame is what is known inside of one pair of parentheses.
type tableFrame struct {
	query   bool     // a SELECT, FROM or WITH begins it
	call    bool     // the parentheses are those of a function
	from    bool     // the list of tables has begun and not ended
	expect  bool     // the next name is a table's
	ctes    []string // names of common table expressions that can be read from here on
	aliases []string // names that tables of the list have
	with    bool     // names of common table expressions stand here
	body    string   // the one whose query the next parentheses hold
	recurse bool     // they may read themselves
	started bool     // there was a token
	block   int      // its number
	part    int      // how many UNION, INTERSECT and EXCEPT came before
}

// tableBlock says where a pair of parentheses stands.
type tableBlock struct {
	up, part int  // the one around it, and that one's part
	listed   bool // it stands where a table is expected
	query    bool // it holds a query
	body     bool // it is that of a common table expression, which sees nothing of what is around
}

// tablePlace is where the name of a table stands.
type tablePlace struct {
	at, end int // its tokens
	alias   string
	named   bool // the alias stands there; else it is the last part of the name
}

func (s *tableScan) begin() {
	s.frames, s.blocks = []tableFrame{{}}, []tableBlock{{up: -1}}
}

func (s *tableScan) top() *tableFrame { return &s.frames[len(s.frames)-1] }

func (s *tableScan) word(i int, words ...string) bool {
	if i < 0 || i >= len(s.tokens) || s.tokens[i].Kind != Word {
		return false
	}
	return oneOf(s.tokens[i].In(s.text), words...)
}

func (s *tableScan) punct(i int, c byte) bool {
	return i >= 0 && i < len(s.tokens) && isPunct(s.text, s.tokens[i], c)
}

func (s *tableScan) name(i int) bool {
	return i >= 0 && i < len(s.tokens) && (s.tokens[i].Kind == Word || s.tokens[i].Kind == Quoted)
}

func (s *tableScan) step() {
	f := s.top()
	i := s.at
	first := !f.started
	f.started = true
	switch {
	case s.punct(i, '('):
		s.open(f)
	case s.punct(i, ')'):
		s.close()
	case s.punct(i, ';') && len(s.frames) == 1:
		s.frames[0] = tableFrame{}
	case s.punct(i, '|') && s.punct(i+1, '>'):
		f.from, f.expect, f.query = false, false, true
	case f.with && f.body == "" && s.name(i) && !s.word(i, "recursive"):
		s.expression(f)
		return
	case f.with && s.word(i, "recursive"):
		f.recurse = true
	case s.punct(i, ',') && f.with:
	case s.punct(i, ','):
		f.expect = f.from
	case f.expect && s.word(i, "lateral", "only"):
	case s.word(i, "with") && (first || s.word(i-1, "as", "all", "distinct", "union", "except", "intersect")) && !s.punct(i+1, '('):
		f.with, f.query, f.body = true, true, ""
	case s.word(i, "select"):
		f.query, f.from, f.expect = true, false, false
	case s.word(i, "from") && (!f.expect || first):
		if first {
			f.query = true
		}
		if (f.query || !f.call) && !(s.word(i-1, "distinct") && s.word(i-2, "is", "not")) {
			f.from, f.expect = true, true
		}
	case s.word(i, "join"):
		f.from, f.expect = true, true
	case s.word(i, "table") && s.name(i+1):
		f.expect = true
	case s.word(i, "values"):
		f.expect = false
	case s.word(i, "where", "group", "having", "order", "limit", "window", "qualify", "union", "intersect", "except", "fetch") && !f.expect:
		f.from = false
		if s.word(i, "union", "intersect", "except") {
			f.aliases = nil
			if !s.punct(i-1, '*') { // «* except (…)» leaves columns out
				f.part++
			}
		}
	case f.expect && s.name(i):
		s.table(f)
		return
	case f.expect:
		f.expect = false // a file's name, a parameter
	}
	s.at++
}

// open goes into parentheses.
func (s *tableScan) open(f *tableFrame) {
	in := tableFrame{ctes: slices.Clone(f.ctes), aliases: slices.Clone(f.aliases), block: len(s.blocks)}
	s.blocks = append(s.blocks, tableBlock{up: f.block, part: f.part, listed: f.expect && !(f.with && f.body != "")})
	switch {
	case f.with && f.body != "":
		s.blocks[in.block].body = true
		if f.recurse {
			in.ctes = append(in.ctes, f.body)
		}
	case f.expect:
		// A query, or tables that are joined.
		in.from, in.expect = true, true
		f.expect = false
	default:
		in.call = s.at > 0 && (s.tokens[s.at-1].Kind == Quoted || s.tokens[s.at-1].Kind == Word && !beforeQuery(s.tokens[s.at-1].In(s.text)))
	}
	s.frames = append(s.frames, in)
}

// beforeQuery reports whether parentheses behind the word are not those of a function.
func beforeQuery(word string) bool {
	return oneOf(word, "in", "exists", "any", "all", "some", "as", "union", "except", "intersect", "distinct", "select", "where", "on", "and", "or", "not",
		"then", "else", "when", "case", "from", "join", "lateral", "having", "by", "limit", "using", "return", "like", "between", "is", "qualify", "materialized")
}

func (s *tableScan) close() {
	if len(s.frames) == 1 {
		return
	}
	s.frames = s.frames[:len(s.frames)-1]
	f := s.top()
	if !f.with || f.body == "" {
		return
	}
	if !s.word(s.at+1, "as") { // «name (columns) as» has its query still to come
		f.ctes = append(f.ctes, f.body)
		f.body = ""
		f.with = s.punct(s.at+1, ',')
	}
}

// expression is the name of a common table expression.
func (s *tableScan) expression(f *tableFrame) {
	s.heads = append(s.heads, s.at)
	f.body = strings.ToLower(strings.Join(s.path(), "."))
	for s.word(s.at, "as", "not", "materialized") {
		s.at++
	}
	if !s.punct(s.at, '(') {
		f.with, f.body = false, "" // it was no such list
	}
}

// path reads a name with dots.
func (s *tableScan) path() []string {
	var parts []string
	for s.name(s.at) {
		t := s.tokens[s.at]
		part := t.In(s.text)
		switch {
		case t.Kind == Word:
			parts = append(parts, part)
		case s.lexis == GoogleSQL:
			parts = append(parts, strings.Split(strings.Trim(part, "`"), ".")...)
		default:
			quote := part[:1]
			part = strings.TrimSuffix(part[1:], quote)
			parts = append(parts, strings.ReplaceAll(part, quote+quote, quote))
		}
		s.at++
		if !s.punct(s.at, '.') || !s.name(s.at+1) {
			break
		}
		s.at++
	}
	return parts
}

// table reads the name of a table and the one that it is given.
func (s *tableScan) table(f *tableFrame) {
	at := s.at
	parts := s.path()
	end := s.at
	f.expect = false
	if s.punct(s.at, '(') {
		return // a function
	}
	first := strings.ToLower(parts[0])
	// Arrays are read by the name of their table in GoogleSQL; elsewhere «s.orders» behind
	// «items s» is a table of a schema s.
	hidden := len(parts) == 1 && slices.Contains(f.ctes, first) || s.lexis == GoogleSQL && len(parts) > 1 && slices.Contains(f.aliases, first)
	if !hidden && !slices.ContainsFunc(s.found, func(p []string) bool { return slices.Equal(p, parts) }) {
		s.found = append(s.found, parts)
	}
	alias, named := parts[len(parts)-1], false
	if s.word(s.at, "as") && s.name(s.at+1) {
		s.at++
	}
	if s.name(s.at) && (s.tokens[s.at].Kind == Quoted || !afterTable(s.tokens[s.at].In(s.text))) {
		alias, named = strings.Trim(s.tokens[s.at].In(s.text), "\"`"), true
		s.at++
	}
	f.aliases = append(f.aliases, strings.ToLower(alias))
	s.places = append(s.places, tablePlace{at, end, strings.ToLower(alias), named})
}

// afterTable reports whether the word goes on with the query and is no other name of a table.
func afterTable(word string) bool {
	return endsItems(word) || oneOf(word, "join", "left", "right", "full", "inner", "outer", "cross", "natural", "on", "using", "tablesample", "for", "pivot", "unpivot",
		"select", "with", "lateral", "asof", "positional", "semi", "anti", "fetch", "offset", "as", "match_recognize", "when", "set", "values", "and", "or")
}

package lint

import (
	"slices"
	"sort"
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/sql"
)

// page is the text of a statement, cut into tokens and the SELECTs they make up.
type page struct {
	text   string
	tokens []sql.Token // without space and comments
	depth  []int       // open parentheses around each token; a parenthesis is outside of itself
	blocks []*block    // sorted by where they begin
}

// block is one SELECT up to its end, as indexes of tokens: its list is [list, from), its
// FROM clause [from, tail), and what follows up to end.
type block struct {
	first, list, from, tail, end int
	depth                        int
	// relations is how many tables, common table expressions and subqueries FROM reads.
	relations int
	// shared are names in USING clauses, in lower case: of no relation alone.
	shared map[string]bool
	// columns are those of what FROM reads.
	columns map[ir.ColumnID]bool
}

func read(text string) *page {
	p := &page{text: text}
	depth := 0
	for t := range sql.GoogleSQL.Tokens(text) {
		if t.Kind == sql.Space || t.Kind == sql.Comment {
			continue
		}
		if t.Kind == sql.Punct && text[t.Start] == ')' {
			depth = max(depth-1, 0)
		}
		p.tokens, p.depth = append(p.tokens, t), append(p.depth, depth)
		if t.Kind == sql.Punct && text[t.Start] == '(' {
			depth++
		}
	}
	for i := range p.tokens {
		if p.is(i, "select") && !p.punct(i-1, '.') {
			p.blocks = append(p.blocks, p.block(i))
		}
	}
	for _, b := range p.blocks {
		p.readFrom(b)
	}
	return p
}

// is reports whether token i is a keyword, in any case. There are no tokens outside.
func (p *page) is(i int, words ...string) bool {
	if i < 0 || i >= len(p.tokens) || p.tokens[i].Kind != sql.Word {
		return false
	}
	for _, w := range words {
		if p.tokens[i].Is(p.text, w) {
			return true
		}
	}
	return false
}

func (p *page) punct(i int, c byte) bool {
	return i >= 0 && i < len(p.tokens) && p.tokens[i].Kind == sql.Punct && p.text[p.tokens[i].Start] == c
}

// name is the identifier that token i is, without quotes; "" if it is none.
func (p *page) name(i int) string {
	if i < 0 || i >= len(p.tokens) {
		return ""
	}
	switch t := p.tokens[i]; t.Kind {
	case sql.Word:
		return t.In(p.text)
	case sql.Quoted:
		return strings.Trim(t.In(p.text), "`")
	}
	return ""
}

// at is the index of the first token that begins at or behind a byte.
func (p *page) at(offset int) int {
	return sort.Search(len(p.tokens), func(i int) bool { return p.tokens[i].Start >= offset })
}

// inside are the tokens of a span, without the parentheses around all of them.
func (p *page) inside(s ir.Span) (from, to int) {
	from, to = p.at(s.Start), p.at(s.End)
	for to-from >= 2 && p.punct(from, '(') && p.punct(to-1, ')') && p.closes(from) == to-1 {
		from, to = from+1, to-1
	}
	return from, to
}

// closes is the parenthesis that closes the one at i, or the number of tokens.
func (p *page) closes(i int) int {
	for j := i + 1; j < len(p.tokens); j++ {
		if p.depth[j] <= p.depth[i] {
			return j
		}
	}
	return len(p.tokens)
}

// block reads the SELECT at token i.
func (p *page) block(i int) *block {
	b := &block{first: i, depth: p.depth[i], from: -1, tail: -1, shared: map[string]bool{}, columns: map[ir.ColumnID]bool{}}
	j := i + 1
	for ; p.is(j, "all", "distinct"); j++ {
	}
	if p.is(j, "with") && p.name(j+1) != "" { // SELECT WITH name …
		j += 2
		if p.is(j, "options") && p.punct(j+1, '(') {
			j = p.closes(j+1) + 1
		}
	}
	if p.is(j, "as") {
		j += 2
	}
	b.list = j
	for ; j < len(p.tokens) && p.depth[j] >= b.depth; j++ {
		if p.depth[j] > b.depth {
			continue
		}
		if p.punct(j, ';') || p.punct(j, '|') && p.punct(j+1, '>') ||
			p.is(j, "union", "intersect") || p.is(j, "except") && p.is(j+1, "all", "distinct") {
			break
		}
		switch {
		case b.from < 0 && p.is(j, "from") && !p.is(j-1, "distinct"):
			b.from = j
		case b.tail < 0 && p.is(j, "where", "group", "having", "qualify", "window", "order", "limit"):
			b.tail = j
		}
	}
	b.end = min(j, len(p.tokens))
	if b.tail < 0 {
		b.tail = b.end
	}
	if b.from < 0 || b.from > b.tail {
		b.from = b.tail
	}
	return b
}

// readFrom looks through a FROM clause for subqueries and shared columns.
func (p *page) readFrom(b *block) {
	for i := b.from; i < b.tail; i++ {
		if p.is(i, "using") && p.punct(i+1, '(') {
			for j := i + 2; j < p.closes(i+1); j++ {
				b.shared[strings.ToLower(p.name(j))] = true
			}
		}
		if p.is(i, "select") { // a subquery: what is in it is its own
			i = max(i, p.blockEnd(i)-1)
			continue
		}
		if p.punct(i, '(') && p.is(i+1, "select", "with", "from") && p.startsItem(b, i) {
			b.relations++
		}
	}
}

// startsItem reports whether the parenthesis at i opens something that FROM reads.
func (p *page) startsItem(b *block, i int) bool {
	for ; i > b.from && p.punct(i, '('); i-- {
	}
	return i == b.from || p.is(i, "join") || p.punct(i, ',') && p.depth[i] == b.depth
}

// blockEnd is the end of the block that begins at token i.
func (p *page) blockEnd(i int) int {
	k := sort.Search(len(p.blocks), func(k int) bool { return p.blocks[k].first >= i })
	if k < len(p.blocks) && p.blocks[k].first == i {
		return p.blocks[k].end
	}
	return i + 1
}

// blockAt is the innermost SELECT around a byte, nil if there is none.
func (p *page) blockAt(offset int) *block {
	var found *block
	for _, b := range p.blocks {
		if p.tokens[b.first].Start > offset {
			break
		}
		if b.end >= len(p.tokens) || offset < p.tokens[b.end].Start {
			found = b
		}
	}
	return found
}

// commented reports whether there are comments in a span.
func (p *page) commented(s ir.Span) bool {
	at := s.Start
	for i := p.at(s.Start); i <= len(p.tokens); i++ {
		end := s.End
		if i < len(p.tokens) {
			end = min(end, p.tokens[i].Start)
		}
		if at < end && strings.TrimSpace(p.text[at:end]) != "" {
			return true
		}
		if end == s.End {
			break
		}
		at = p.tokens[i].End
	}
	return false
}

// path are the names of a dotted path that makes up a whole span, nil if it is none.
func (p *page) path(s ir.Span) []string {
	var out []string
	for i := p.at(s.Start); i < len(p.tokens) && p.tokens[i].Start < s.End; i++ {
		if len(out) > 0 {
			if !p.punct(i, '.') {
				return nil
			}
			i++
		}
		name := p.name(i)
		if name == "" || p.tokens[i].End > s.End {
			return nil
		}
		out = append(out, name)
	}
	return out
}

// alias is the name that FROM gives to what ends at a byte, "" without one.
func (p *page) alias(end int) string {
	i := p.at(end)
	if p.punct(i, ')') {
		i++
	}
	if p.is(i, "as") {
		return p.name(i + 1)
	}
	if i < len(p.tokens) && p.tokens[i].Kind == sql.Word && !reserved(p.name(i)) && !p.is(i, "pivot", "unpivot", "tablesample", "match_recognize") {
		return p.name(i)
	}
	if i < len(p.tokens) && p.tokens[i].Kind == sql.Quoted {
		return p.name(i)
	}
	return ""
}

// keywords are GoogleSQL's reserved words.
var keywords = strings.Fields(`all and any array as asc assert_rows_modified at between by case cast collate contains
create cross cube current default define desc distinct else end enum escape except exclude exists extract false fetch
following for from full group grouping groups hash having if ignore in inner intersect interval into is join lateral left
like limit lookup merge natural new no not null nulls of on or order outer over partition preceding proto qualify range
recursive respect right rollup rows select set some struct tablesample then to treat true unbounded union unnest using
when where window with within`)

func reserved(word string) bool { return slices.Contains(keywords, strings.ToLower(word)) }

// plain reports whether a name needs no quotes.
func plain(name string) bool {
	for i := range len(name) {
		c := name[i]
		if c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != "" && !reserved(name)
}

// quote writes a name.
func quote(name string) string {
	if plain(name) {
		return name
	}
	return "`" + strings.ReplaceAll(strings.ReplaceAll(name, `\`, `\\`), "`", "\\`") + "`"
}

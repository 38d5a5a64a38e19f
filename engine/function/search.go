package function

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// queryCache keeps the search queries in use. It may be used by several goroutines.
type queryCache struct {
	analyzers *analyzerCache
	mu        sync.Mutex
	kept      map[[3]string]*searchQuery
}

// search is SEARCH over the text fields of a value: fields, query, analyzer, options.
// One field must satisfy the whole query; if none does and one is NULL, so is the answer.
func (c *queryCache) search(args []any) (any, error) {
	query, ok := args[1].(string)
	if !ok {
		return nil, fmt.Errorf("SEARCH: search_query must not be NULL")
	}
	name, ok1 := args[2].(string)
	options, ok2 := args[3].(string)
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("SEARCH: analyzer and analyzer_options must not be NULL")
	}
	q, err := c.get(query, name, options)
	if err != nil {
		return nil, err
	}
	null := false
	fields, _ := args[0].([]any)
	for _, f := range fields {
		s, ok := f.(string)
		if !ok {
			null = true
			continue
		}
		if q.matches(s) {
			return true, nil
		}
	}
	if null {
		return nil, nil
	}
	return false, nil
}

func (c *queryCache) get(query, name, options string) (*searchQuery, error) {
	key := [3]string{query, name, options}
	c.mu.Lock()
	q := c.kept[key]
	c.mu.Unlock()
	if q != nil {
		return q, nil
	}
	a, err := c.analyzers.get(name, options)
	if err != nil {
		return nil, err
	}
	if q, err = newSearchQuery(strings.Clone(query), a); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil || len(c.kept) >= maxAnalyzerKept {
		c.kept = map[[3]string]*searchQuery{}
	}
	c.kept[[3]string{q.text, strings.Clone(name), strings.Clone(options)}] = q
	return q, nil
}

// searchQuery is a parsed search_query with its analyzer.
type searchQuery struct {
	text string
	a    *analyzer
	root *searchNode
}

// searchNode is a term, or several nodes joined by AND or OR. A nil node stands for terms
// without tokens, which do not count.
type searchNode struct {
	any    bool // OR
	nodes  []*searchNode
	tokens []string // of a term
	phrase bool     // the tokens stand side by side
	exact  string   // of a term in backticks
}

func newSearchQuery(text string, a *analyzer) (*searchQuery, error) {
	q := &searchQuery{text: text, a: a}
	if a.name == noOpAnalyzer {
		q.root = &searchNode{exact: text}
		return q, nil
	}
	p := &searchParser{s: text, a: a}
	root, err := p.or(0)
	if err != nil {
		return nil, fmt.Errorf("SEARCH: search_query: %w", err)
	}
	if p.i < len(p.s) {
		return nil, fmt.Errorf("SEARCH: search_query: unexpected %q", p.s[p.i:p.i+1])
	}
	if root == nil {
		return nil, fmt.Errorf("SEARCH: search_query contains no tokens")
	}
	q.root = root
	return q, nil
}

func (q *searchQuery) matches(data string) bool {
	if q.a.name == noOpAnalyzer {
		return data == q.text
	}
	return q.root.matches(q.a, data, q.a.tokens(data))
}

func (n *searchNode) matches(a *analyzer, data string, tokens []string) bool {
	switch {
	case n.nodes != nil:
		for _, m := range n.nodes {
			if m.matches(a, data, tokens) == n.any {
				return n.any
			}
		}
		return !n.any
	case n.exact != "":
		for at := 0; ; {
			i := strings.Index(data[at:], n.exact)
			if i < 0 {
				return false
			}
			i += at
			end := i + len(n.exact)
			if (i == 0 || a.delimited(data[:i])) && (end == len(data) || a.delimiter(data[end:]) > 0) {
				return true
			}
			at = i + 1
		}
	case n.phrase:
		for i := 0; i+len(n.tokens) <= len(tokens); i++ {
			if slices.Equal(tokens[i:i+len(n.tokens)], n.tokens) {
				return true
			}
		}
		return false
	}
	for _, t := range n.tokens {
		if !slices.Contains(tokens, t) {
			return false
		}
	}
	return true
}

// searchParser reads the grammar of search_query: AND binds closer than OR, space is AND.
type searchParser struct {
	s string
	i int
	a *analyzer
}

// maxSearchDepth is how deep parentheses may nest.
const maxSearchDepth = 100

// reservedInSearch are the characters that a term must escape.
const reservedInSearch = "[]<>(){}|!'\"*&?+/:=-\\~^"

func (p *searchParser) space() {
	for p.i < len(p.s) && strings.IndexByte(" \t\n\r\v\f", p.s[p.i]) >= 0 {
		p.i++
	}
}

// word takes a logical operator if it comes next.
func (p *searchParser) word(w string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.s[p.i:], w)
	if !ok || rest != "" && strings.IndexByte(" \t\n\r\v\f()\"`", rest[0]) < 0 {
		return false
	}
	p.i += len(w)
	return true
}

func joined(any bool, nodes []*searchNode) *searchNode {
	nodes = slices.DeleteFunc(nodes, func(n *searchNode) bool { return n == nil })
	switch len(nodes) {
	case 0:
		return nil
	case 1:
		return nodes[0]
	}
	return &searchNode{any: any, nodes: nodes}
}

func (p *searchParser) or(depth int) (*searchNode, error) {
	if depth > maxSearchDepth {
		return nil, fmt.Errorf("the parentheses nest too deep")
	}
	var nodes []*searchNode
	for {
		n, err := p.and(depth)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
		if !p.word("OR") {
			return joined(true, nodes), nil
		}
	}
}

func (p *searchParser) and(depth int) (*searchNode, error) {
	var nodes []*searchNode
	for needed := false; ; {
		p.space()
		end := p.i == len(p.s) || p.s[p.i] == ')'
		if !end {
			at := p.i
			end = p.word("OR")
			p.i = at
		}
		if end {
			if needed {
				return nil, fmt.Errorf("a term must follow AND")
			}
			if len(nodes) == 0 && len(strings.TrimSpace(p.s)) > 0 {
				return nil, fmt.Errorf("a term is missing")
			}
			return joined(false, nodes), nil
		}
		n, err := p.term(depth)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
		needed = p.word("AND")
	}
}

func (p *searchParser) term(depth int) (*searchNode, error) {
	switch p.s[p.i] {
	case '(':
		p.i++
		n, err := p.or(depth + 1)
		if err != nil {
			return nil, err
		}
		if p.i == len(p.s) {
			return nil, fmt.Errorf("a parenthesis is not closed")
		}
		p.i++
		return n, nil
	case '`':
		text, err := p.quoted('`')
		if err != nil {
			return nil, err
		}
		if p.a.name != logAnalyzer {
			return nil, fmt.Errorf("backticks have no meaning with %s", p.a.name)
		}
		return &searchNode{exact: text}, nil
	case '"':
		text, err := p.quoted('"')
		if err != nil {
			return nil, err
		}
		return termOf(p.a.tokens(text), true), nil
	}
	var b strings.Builder
	start := p.i
	for p.i < len(p.s) && strings.IndexByte(" \t\n\r\v\f()\"`", p.s[p.i]) < 0 {
		c := p.s[p.i]
		if c == '\\' && p.i+1 < len(p.s) && (p.s[p.i+1] == '`' || strings.IndexByte(reservedInSearch, p.s[p.i+1]) >= 0) {
			b.WriteByte(p.s[p.i+1])
			p.i += 2
			continue
		}
		if strings.IndexByte(reservedInSearch, c) >= 0 {
			return nil, fmt.Errorf("the reserved character %q must be escaped with a backslash, or stand in backticks", string(c))
		}
		b.WriteByte(c)
		p.i++
	}
	switch word := p.s[start:p.i]; word {
	case "AND", "NOT", "OR", "IN", "NEAR":
		return nil, fmt.Errorf("the reserved word %s must stand in backticks", word)
	}
	return termOf(p.a.tokens(b.String()), false), nil
}

func termOf(tokens []string, phrase bool) *searchNode {
	if len(tokens) == 0 {
		return nil
	}
	return &searchNode{tokens: tokens, phrase: phrase}
}

// quoted reads a text in quotes; only the quote is escaped within.
func (p *searchParser) quoted(quote byte) (string, error) {
	var b strings.Builder
	for i := p.i + 1; i < len(p.s); i++ {
		switch {
		case p.s[i] == '\\' && i+1 < len(p.s) && p.s[i+1] == quote:
			b.WriteByte(quote)
			i++
		case p.s[i] == quote:
			p.i = i + 1
			if b.Len() == 0 {
				return "", fmt.Errorf("the text in quotes is empty")
			}
			return b.String(), nil
		default:
			b.WriteByte(p.s[i])
		}
	}
	return "", fmt.Errorf("a quote is not closed")
}

// searchJSON lists the texts of a JSON value within a scope; with the third argument the
// other scalars' texts, too. NULL has one text, which is NULL.
func searchJSON(args []any) (any, error) {
	text, ok := args[0].(string)
	if !ok {
		return []any{nil}, nil
	}
	scope, ok := args[1].(string)
	if !ok {
		return nil, fmt.Errorf("json_scope must not be NULL")
	}
	scalars, _ := args[2].(bool)
	keys, values := scope != "JSON_VALUES", scope != "JSON_KEYS"
	if scope != "JSON_VALUES" && scope != "JSON_KEYS" && scope != "JSON_KEYS_AND_VALUES" {
		return nil, fmt.Errorf("Invalid json_scope: %s", scope)
	}
	root, err := parseJSON(text, false)
	if err != nil {
		return nil, err
	}
	out := []any{}
	var walk func(v *jsonValue)
	walk = func(v *jsonValue) {
		for i, e := range v.elems {
			if keys && v.kind == jsonObject {
				out = append(out, v.keys[i])
			}
			walk(e)
		}
		switch {
		case !values:
		case v.kind == jsonString:
			out = append(out, v.text)
		case scalars && (v.isNumber() || v.kind == jsonTrue || v.kind == jsonFalse):
			out = append(out, v.String())
		}
	}
	walk(root)
	return out, nil
}

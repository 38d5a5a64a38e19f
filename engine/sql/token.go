package sql

import (
	"iter"
	"strings"
	"unicode/utf8"
)

// Lexis is how a family of dialects writes its tokens.
type Lexis uint8

const (
	// Standard is SQL's own way, as DuckDB and PostgreSQL have it: "…" is a name, a doubled
	// quote stands for one, backslashes are escapes only in E'…', $$…$$ quotes.
	Standard Lexis = iota
	// GoogleSQL is BigQuery's way: "…" is a string and `…` a name, backslashes are escapes in
	// both, strings may be tripled and have the prefixes r and b, # begins a comment,
	// comments do not nest, @name is a parameter, and names of tables may have dashes.
	GoogleSQL
)

// Kind is the kind of a token.
type Kind uint8

const (
	Space     Kind = iota // a run of white space
	Comment               // -- … or # … (without the line break), /* … */
	Word                  // a keyword or an unquoted name
	Quoted                // a quoted name: "…" or `…`
	String                // '…', $$…$$, $tag$…$tag$, "…", '''…''', with prefix letters: e'…'
	Number                // 1, 1.5e-3, 0xff
	Punct                 // any other single byte
	Parameter             // @name, @@name
)

// Token is a piece of SQL text, the bytes [Start, End).
type Token struct {
	Kind       Kind
	Open       bool // a quote or comment that is not closed
	Start, End int
}

// In is the token's text.
func (t Token) In(text string) string { return text[t.Start:t.End] }

// Is reports whether the token is the given keyword, in any case.
func (t Token) Is(text, word string) bool {
	return t.Kind == Word && strings.EqualFold(t.In(text), word)
}

// Tokens yields the tokens of text. They follow each other without gaps and cover it all.
// Any text can be split: what is opened and not closed reaches to the end, a short string of
// GoogleSQL to the end of its line.
func (l Lexis) Tokens(text string) iter.Seq[Token] {
	return func(yield func(Token) bool) {
		var tables tableNames
		dashes := l == GoogleSQL && strings.IndexByte(text, '-') >= 0
		for at := 0; at < len(text); {
			t := l.next(text, at)
			if dashes && t.Kind != Space && t.Kind != Comment {
				t.End += tables.dashes(text, t)
			}
			if !yield(t) {
				return
			}
			at = t.End
		}
	}
}

// significant yields the tokens that are neither space nor comment.
func (l Lexis) significant(text string) iter.Seq[Token] {
	return func(yield func(Token) bool) {
		for t := range l.Tokens(text) {
			if t.Kind != Space && t.Kind != Comment && !yield(t) {
				return
			}
		}
	}
}

func (l Lexis) next(text string, at int) Token {
	rest := text[at:]
	token := func(k Kind, n int, closed bool) Token {
		return Token{Kind: k, Start: at, End: at + n, Open: !closed}
	}
	switch c := text[at]; {
	case isSpace(c):
		return token(Space, span(rest, isSpace), true)
	case strings.HasPrefix(rest, "--") || c == '#' && l == GoogleSQL:
		if i := strings.IndexByte(rest, '\n'); i >= 0 {
			return token(Comment, i, true)
		}
		return token(Comment, len(rest), true)
	case strings.HasPrefix(rest, "/*"):
		n, closed := l.blockComment(rest)
		return token(Comment, n, closed)
	case c == '\'' || c == '"' || c == '`':
		n, closed := l.quoted(rest)
		if c == '`' || c == '"' && l == Standard {
			return token(Quoted, n, closed)
		}
		return token(String, n, closed)
	case c == '$' && l == Standard:
		if n, closed := dollarQuoted(rest); n > 0 {
			return token(String, n, closed)
		}
	case c == '@' && l == GoogleSQL:
		n := span(rest, func(c byte) bool { return c == '@' })
		if n <= 2 && n < len(rest) && (isWord(rest[n]) || rest[n] == '`') {
			if rest[n] == '`' {
				name, closed := l.quoted(rest[n:])
				return token(Parameter, n+name, closed)
			}
			return token(Parameter, n+span(rest[n:], isNamePart), true)
		}
	case isDigit(c) || c == '.' && len(rest) > 1 && isDigit(rest[1]) && !afterName(text, at):
		return token(Number, number(rest), true)
	case isWord(c):
		n := span(rest, func(c byte) bool { return isNamePart(c) || c == '$' && l == Standard })
		if n < len(rest) && (rest[n] == '\'' || rest[n] == '"' && l == GoogleSQL) && l.isPrefix(rest[:n]) {
			var body int
			closed := false
			if l == Standard && strings.EqualFold(rest[:n], "e") {
				body, closed = escaped(rest[n:])
			} else {
				body, closed = l.quoted(rest[n:])
			}
			return token(String, n+body, closed)
		}
		return token(Word, n, true)
	}
	return token(Punct, 1, true)
}

// tableNames follows GoogleSQL to the places of table names, the only ones where a dash
// belongs to a name: from my-project.dataset.table.
type tableNames struct {
	expected bool
	path     bool   // the last token was a part of a table's name
	from     []bool // per open parenthesis and outside: inside a list of tables
}

// dashes is how many bytes behind t belong to it, because it is a table's name with dashes.
func (n *tableNames) dashes(text string, t Token) int {
	if len(n.from) == 0 {
		n.from = append(n.from, false)
	}
	top := len(n.from) - 1
	path := n.path
	n.path = false
	switch t.Kind {
	case Punct:
		switch text[t.Start] {
		case '(':
			n.from = append(n.from, false)
		case ')':
			if n.expected = false; top > 0 {
				n.from = n.from[:top]
			}
		case ',':
			n.expected = n.from[top]
		case '.':
			n.expected = path
		case ';':
			n.expected, n.from = false, n.from[:0]
		default:
			n.expected = false
			if text[t.Start] == '>' && t.Start > 0 && text[t.Start-1] == '|' {
				n.from[top] = false
			}
		}
		return 0
	case Word:
		word := t.In(text)
		if !path || !n.expected {
			switch roleOf(word) {
			case beginsTables:
				n.expected, n.from[top] = true, true
				return 0
			case beforeTable:
				n.expected = true
				return 0
			case endsTables:
				n.expected, n.from[top] = false, false
				return 0
			}
		}
		if !n.expected {
			return 0
		}
		n.expected, n.path = false, true
		extra := 0
		for rest := text[t.End:]; extra+1 < len(rest) && rest[extra] == '-' && isNamePart(rest[extra+1]); {
			extra += 1 + span(rest[extra+1:], isNamePart)
		}
		return extra
	case Quoted:
		n.path = n.expected
	}
	n.expected = false
	return 0
}

// role is what a keyword says of the places of table names.
type role uint8

const (
	noRole       role = iota
	beginsTables      // a list of tables follows
	beforeTable       // one table follows
	endsTables        // no table follows, until another keyword
)

func roleOf(word string) role {
	var lower [len("intersect")]byte
	if len(word) > len(lower) {
		return noRole
	}
	for i := range len(word) {
		lower[i] = word[i] | 0x20
	}
	switch string(lower[:len(word)]) {
	case "from":
		return beginsTables
	case "clone", "copy", "exists", "function", "into", "join", "model", "procedure", "schema", "table", "update", "view":
		return beforeTable
	case "where", "group", "order", "having", "qualify", "window", "limit", "select", "union", "intersect", "except", "set":
		return endsTables
	}
	return noRole
}

func oneOf(word string, lower ...string) bool {
	for _, w := range lower {
		if len(w) == len(word) && strings.EqualFold(w, word) {
			return true
		}
	}
	return false
}

// afterName reports whether a name ends directly before at, as in t.1.
func afterName(text string, at int) bool {
	return at > 0 && (isWord(text[at-1]) || text[at-1] == '"' || text[at-1] == '`' || text[at-1] == ')' || text[at-1] == ']')
}

// isPrefix reports whether word before a quote is part of the string: raw, bytes,
// bits, national, escapes.
func (l Lexis) isPrefix(word string) bool {
	if l == GoogleSQL {
		return oneOf(word, "r", "b", "rb", "br")
	}
	return oneOf(word, "b", "e", "n", "r", "x", "br", "rb")
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'
}
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isWord(c byte) bool {
	return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= utf8.RuneSelf
}

func isNamePart(c byte) bool { return isWord(c) || isDigit(c) }

func span(s string, in func(byte) bool) int {
	n := 0
	for n < len(s) && in(s[n]) {
		n++
	}
	return n
}

// quoted is the length of the quoted text that s begins with, and whether it is closed.
func (l Lexis) quoted(s string) (n int, closed bool) {
	quote := s[0]
	if l == Standard {
		for i := 1; i < len(s); i++ {
			switch {
			case s[i] != quote:
			case i+1 < len(s) && s[i+1] == quote:
				i++ // a doubled quote stands for one
			default:
				return i + 1, true
			}
		}
		return len(s), false
	}
	if triple := strings.Repeat(s[:1], 3); quote != '`' && strings.HasPrefix(s, triple) {
		for i := 3; i < len(s); i++ {
			if s[i] == '\\' {
				i++
			} else if strings.HasPrefix(s[i:], triple) {
				return i + 3, true
			}
		}
		return len(s), false
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++ // in raw strings too a quote behind a backslash does not end the string
		case quote:
			return i + 1, true
		case '\n':
			return i, false
		}
	}
	return len(s), false
}

// escaped is quoted for E'…', where backslashes are escapes.
func escaped(s string) (n int, closed bool) {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] != s[0]:
		case i+1 < len(s) && s[i+1] == s[0]:
			i++
		default:
			return i + 1, true
		}
	}
	return len(s), false
}

// dollarQuoted is the length of $tag$…$tag$, 0 if s does not begin with one.
func dollarQuoted(s string) (n int, closed bool) {
	n = 1 + span(s[1:], isNamePart)
	if n >= len(s) || s[n] != '$' || n > 1 && isDigit(s[1]) {
		return 0, true
	}
	tag := s[:n+1]
	if i := strings.Index(s[len(tag):], tag); i >= 0 {
		return i + 2*len(tag), true
	}
	return len(s), false
}

// blockComment is the length of a comment. Dialects other than GoogleSQL differ on nesting:
// there a comment nests as long as every part of it is closed, and otherwise ends at the
// first */.
func (l Lexis) blockComment(s string) (n int, closed bool) {
	depth := 1
	for i := 2; i+1 < len(s) && l == Standard; i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
		}
		if depth == 0 {
			return i + 1, true
		}
	}
	if i := strings.Index(s[2:], "*/"); i >= 0 {
		return i + 4, true
	}
	return len(s), false
}

func number(s string) int {
	i := span(s, func(c byte) bool { return isDigit(c) || isWord(c) || c == '.' })
	if i < len(s) && (s[i] == '+' || s[i] == '-') && s[i-1]|0x20 == 'e' && !strings.HasPrefix(strings.ToLower(s), "0x") &&
		i+1 < len(s) && isDigit(s[i+1]) {
		i++
		i += span(s[i:], isDigit)
	}
	return i
}

func isPunct(text string, t Token, c byte) bool { return t.Kind == Punct && text[t.Start] == c }

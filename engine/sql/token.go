package sql

import (
	"iter"
	"strings"
	"unicode/utf8"
)

// Kind is the kind of a token.
type Kind uint8

const (
	Space   Kind = iota // a run of white space
	Comment             // -- … (without the line break) or /* … */
	Word                // a keyword or an unquoted name
	Quoted              // a quoted name: "…" or `…`
	String              // '…', $$…$$, $tag$…$tag$, with prefix letters: e'…'
	Number
	Punct // any other single byte
)

// Token is a piece of SQL text, the bytes [Start, End).
type Token struct {
	Kind       Kind
	Start, End int
}

// In is the token's text.
func (t Token) In(text string) string { return text[t.Start:t.End] }

// Is reports whether the token is the given keyword, in any case.
func (t Token) Is(text, word string) bool {
	return t.Kind == Word && strings.EqualFold(t.In(text), word)
}

// all yields the tokens of text. They follow each other without gaps and cover it all. Any
// text can be split: what is opened and not closed reaches to the end.
func all(text string) iter.Seq[Token] {
	return func(yield func(Token) bool) {
		for at := 0; at < len(text); {
			k, end := next(text, at)
			if !yield(Token{Kind: k, Start: at, End: end}) {
				return
			}
			at = end
		}
	}
}

// significant yields the tokens that are neither space nor comment.
func significant(text string) iter.Seq[Token] {
	return func(yield func(Token) bool) {
		for t := range all(text) {
			if t.Kind != Space && t.Kind != Comment && !yield(t) {
				return
			}
		}
	}
}

func next(text string, at int) (Kind, int) {
	rest := text[at:]
	switch c := text[at]; {
	case isSpace(c):
		return Space, at + span(rest, isSpace)
	case strings.HasPrefix(rest, "--"):
		if i := strings.IndexByte(rest, '\n'); i >= 0 {
			return Comment, at + i
		}
		return Comment, len(text)
	case strings.HasPrefix(rest, "/*"):
		return Comment, at + blockComment(rest)
	case c == '\'':
		return String, at + quoted(rest, '\'', false)
	case c == '"' || c == '`':
		return Quoted, at + quoted(rest, c, false)
	case c == '$':
		if n := dollarQuoted(rest); n > 0 {
			return String, at + n
		}
	case isDigit(c) || c == '.' && len(rest) > 1 && isDigit(rest[1]) && !afterName(text, at):
		return Number, at + number(rest)
	case isWord(c):
		n := span(rest, func(c byte) bool { return isWord(c) || isDigit(c) || c == '$' })
		if n < len(rest) && rest[n] == '\'' && isPrefix(rest[:n]) {
			return String, at + n + quoted(rest[n:], '\'', strings.EqualFold(rest[:n], "e"))
		}
		return Word, at + n
	}
	return Punct, at + 1
}

// afterName reports whether a name ends directly before at, as in t.1.
func afterName(text string, at int) bool {
	return at > 0 && (isWord(text[at-1]) || text[at-1] == '"' || text[at-1] == '`' || text[at-1] == ')' || text[at-1] == ']')
}

// isPrefix reports whether word before a quote is part of the string: raw, bytes,
// bits, national, escapes.
func isPrefix(word string) bool {
	switch strings.ToLower(word) {
	case "b", "e", "n", "r", "x", "br", "rb":
		return true
	}
	return false
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'
}
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isWord(c byte) bool {
	return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= utf8.RuneSelf
}

func span(s string, in func(byte) bool) int {
	n := 0
	for n < len(s) && in(s[n]) {
		n++
	}
	return n
}

// quoted is the length of a quoted text; a doubled quote stands for one.
func quoted(s string, quote byte, escapes bool) int {
	for i := 1; i < len(s); i++ {
		switch {
		case escapes && s[i] == '\\':
			i++
		case s[i] != quote:
		case i+1 < len(s) && s[i+1] == quote:
			i++
		default:
			return i + 1
		}
	}
	return len(s)
}

// dollarQuoted is the length of $tag$…$tag$, 0 if s does not begin with one.
func dollarQuoted(s string) int {
	n := 1 + span(s[1:], func(c byte) bool { return isWord(c) || isDigit(c) })
	if n >= len(s) || s[n] != '$' || n > 1 && isDigit(s[1]) {
		return 0
	}
	tag := s[:n+1]
	if i := strings.Index(s[len(tag):], tag); i >= 0 {
		return i + 2*len(tag)
	}
	return len(s)
}

// blockComment is the length of a comment. Dialects differ on nesting: a comment nests
// as long as every part of it is closed, and otherwise ends at the first */.
func blockComment(s string) int {
	depth := 1
	for i := 2; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
		}
		if depth == 0 {
			return i + 1
		}
	}
	if i := strings.Index(s[2:], "*/"); i >= 0 {
		return i + 4
	}
	return len(s)
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

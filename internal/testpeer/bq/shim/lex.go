package shim

import "strings"

// tokenKind tells the tokens of GoogleSQL apart, as far as DDL needs them.
type tokenKind byte

const (
	tokIdent  tokenKind = 'i' // unquoted word, keywords included
	tokQuoted tokenKind = 'q' // `…`; text is what stands between the quotes
	tokString tokenKind = 's' // string or bytes literal, with its quotes
	tokNumber tokenKind = 'n'
	tokPunct  tokenKind = 'p' // one character
)

// token is one lexical unit; start and end are byte offsets in the source.
type token struct {
	kind       tokenKind
	text       string
	start, end int
}

// is reports whether the token is the keyword or the character (case-insensitive).
func (t token) is(word string) bool {
	return (t.kind == tokIdent || t.kind == tokPunct) && strings.EqualFold(t.text, word)
}

func (t token) name() bool { return t.kind == tokIdent || t.kind == tokQuoted }

func identStart(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// lex splits GoogleSQL source into tokens and drops comments. An unclosed literal runs to
// the end: the emulator reports it.
func lex(src string) []token {
	var out []token
	for i := 0; i < len(src); {
		c := src[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
			i++
		case c == '#' || strings.HasPrefix(src[i:], "--"):
			for i < len(src) && src[i] != '\n' {
				i++
			}
		case strings.HasPrefix(src[i:], "/*"):
			end := strings.Index(src[i+2:], "*/")
			if end < 0 {
				return out
			}
			i += end + 4
		case c == '`':
			j := i + 1
			for j < len(src) && src[j] != '`' {
				if src[j] == '\\' {
					j++
				}
				j++
			}
			stop := min(j, len(src))
			out = append(out, token{tokQuoted, src[i+1 : stop], i, min(j+1, len(src))})
			i = j + 1
		case stringPrefix(src[i:]) >= 0:
			end := stringEnd(src, i+stringPrefix(src[i:]))
			out = append(out, token{tokString, src[i:end], i, end})
			i = end
		case identStart(c) || c == '@':
			j := i + 1
			for j < len(src) && (identStart(src[j]) || digit(src[j]) || src[j] == '@' && c == '@') {
				j++
			}
			out = append(out, token{tokIdent, src[i:j], i, j})
			i = j
		case digit(c) || c == '.' && i+1 < len(src) && digit(src[i+1]) && !afterName(out, i):
			j := i + 1
			for j < len(src) && (digit(src[j]) || identStart(src[j]) || src[j] == '.' ||
				(src[j] == '+' || src[j] == '-') && (src[j-1] == 'e' || src[j-1] == 'E') && !strings.HasPrefix(src[i:], "0x")) {
				j++
			}
			out = append(out, token{tokNumber, src[i:j], i, j})
			i = j
		default:
			out = append(out, token{tokPunct, src[i : i+1], i, i + 1})
			i++
		}
	}
	return out
}

// afterName reports whether the offset follows a name without a gap, so that a point
// there separates a path.
func afterName(toks []token, at int) bool {
	if len(toks) == 0 {
		return false
	}
	last := toks[len(toks)-1]
	return last.end == at && last.name()
}

// stringPrefix returns the length of the r/b prefix before a quote, or -1 if no string
// literal starts here.
func stringPrefix(s string) int {
	for n := 0; n <= 2 && n < len(s); n++ {
		switch s[n] {
		case '\'', '"':
			return n
		case 'r', 'R', 'b', 'B':
		default:
			return -1
		}
	}
	return -1
}

// stringEnd returns the offset after the literal whose quote is at i.
func stringEnd(src string, i int) int {
	quote := src[i : i+1]
	if strings.HasPrefix(src[i:], strings.Repeat(quote, 3)) {
		quote = strings.Repeat(quote, 3)
	}
	for j := i + len(quote); j < len(src); j++ {
		if src[j] == '\\' && j+1 < len(src) {
			j++
			continue
		}
		if strings.HasPrefix(src[j:], quote) {
			return j + len(quote)
		}
	}
	return len(src)
}

// unquote returns the value of a string literal (escapes of GoogleSQL resolved).
func unquote(lit string) string {
	n := max(stringPrefix(lit), 0)
	raw := strings.ContainsAny(lit[:n], "rR")
	body := lit[n:]
	q := 1
	if len(body) >= 6 && (strings.HasPrefix(body, `"""`) || strings.HasPrefix(body, `'''`)) {
		q = 3
	}
	if len(body) < 2*q {
		return ""
	}
	body = body[q : len(body)-q]
	if raw {
		return body
	}
	var b strings.Builder
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' || i+1 == len(body) {
			b.WriteByte(body[i])
			continue
		}
		i++
		digits := 0
		switch body[i] {
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 'r':
			b.WriteByte('\r')
		case 'a':
			b.WriteByte('\a')
		case 'b':
			b.WriteByte('\b')
		case 'f':
			b.WriteByte('\f')
		case 'v':
			b.WriteByte('\v')
		case 'x', 'X':
			digits = 2
		case 'u':
			digits = 4
		case 'U':
			digits = 8
		default:
			b.WriteByte(body[i])
		}
		if digits > 0 && i+digits < len(body) {
			var r rune
			for _, c := range body[i+1 : i+1+digits] {
				r = r<<4 | rune(hexValue(byte(c)))
			}
			b.WriteRune(r)
			i += digits
		}
	}
	return b.String()
}

func hexValue(c byte) int {
	switch {
	case digit(c):
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return 0
}

// literal renders a string as a GoogleSQL string literal.
func literal(s string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for _, r := range s {
		switch r {
		case '\'', '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case 0:
			b.WriteString(`\x00`)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('\'')
	return b.String()
}

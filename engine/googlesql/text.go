package googlesql

import "strings"

// tokenKind is the kind of a token of GoogleSQL text, as far as this room
// needs to tell tokens apart.
type tokenKind uint8

const (
	wordToken   tokenKind = iota // identifier or keyword, quoted or not
	stringToken                  // string or bytes literal
	numberToken
	signToken // anything else, one byte
)

// token is one token of SQL text. Comments and white space are not tokens.
type token struct {
	kind       tokenKind
	start, end int // bytes
	quoted     bool
}

// scan splits GoogleSQL text into tokens. It accepts any bytes; what is
// unterminated ends with the text.
func scan(sql string) []token {
	var list []token
	for i := 0; i < len(sql); {
		c := sql[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
			i++
		case c == '#', c == '-' && strings.HasPrefix(sql[i:], "--"):
			if n := strings.IndexByte(sql[i:], '\n'); n >= 0 {
				i += n + 1
			} else {
				i = len(sql)
			}
		case c == '/' && strings.HasPrefix(sql[i:], "/*"):
			if n := strings.Index(sql[i+2:], "*/"); n >= 0 {
				i += n + 4
			} else {
				i = len(sql)
			}
		case c == '`':
			end := quotedEnd(sql, i, "`", false)
			list = append(list, token{wordToken, i, end, true})
			i = end
		case c == '\'' || c == '"':
			end := stringEnd(sql, i, false)
			list = append(list, token{stringToken, i, end, false})
			i = end
		case wordByte(c) && (c < '0' || c > '9'):
			end := i + 1
			for end < len(sql) && wordByte(sql[end]) {
				end++
			}
			if end < len(sql) && (sql[end] == '\'' || sql[end] == '"') && stringPrefix(sql[i:end]) {
				raw := strings.ContainsAny(sql[i:end], "rR")
				end = stringEnd(sql, end, raw)
				list = append(list, token{stringToken, i, end, false})
			} else {
				list = append(list, token{wordToken, i, end, false})
			}
			i = end
		case c >= '0' && c <= '9':
			end := i + 1
			for end < len(sql) && wordByte(sql[end]) {
				end++
			}
			list = append(list, token{numberToken, i, end, false})
			i = end
		default:
			list = append(list, token{signToken, i, i + 1, false})
			i++
		}
	}
	return list
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func stringPrefix(s string) bool {
	switch strings.ToLower(s) {
	case "r", "b", "rb", "br":
		return true
	}
	return false
}

// stringEnd is where the string literal that opens at i ends.
func stringEnd(sql string, i int, raw bool) int {
	q := sql[i : i+1]
	if strings.HasPrefix(sql[i:], q+q+q) {
		return quotedEnd(sql, i, q+q+q, raw)
	}
	return quotedEnd(sql, i, q, raw)
}

// quotedEnd is where what opens with quote at i ends. A backslash keeps the
// next byte from closing it, in raw strings too.
func quotedEnd(sql string, i int, quote string, _ bool) int {
	for j := i + len(quote); j < len(sql); j++ {
		switch {
		case sql[j] == '\\':
			j++
		case strings.HasPrefix(sql[j:], quote):
			return j + len(quote)
		case sql[j] == '\n' && len(quote) == 1:
			return j
		}
	}
	return len(sql)
}

// name is the identifier a word token stands for.
func (t token) name(sql string) string {
	s := sql[t.start:t.end]
	if !t.quoted {
		return s
	}
	s = strings.TrimSuffix(strings.TrimPrefix(s, "`"), "`")
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// path is a dotted name in the text: d.t, `p.d`.t, p-x.d.t.
type path struct {
	parts      []string // as written, without quotes
	start, end int
	call       bool // an opening parenthesis follows
}

// paths lists the dotted names of the text: everything that can be the name
// of a table or function. Keywords are among them.
func paths(sql string, tokens []token) []path {
	var list []path
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		if t.kind != wordToken {
			continue
		}
		p := path{start: t.start, end: t.end}
		part := t.name(sql)
		if !t.quoted {
			i, part, p.end = dashed(sql, tokens, i)
		}
		p.parts = append(p.parts, part)
		for i+2 < len(tokens) && sign(sql, tokens[i+1], '.') {
			next := tokens[i+2]
			switch {
			case next.kind == wordToken:
				p.parts = append(p.parts, next.name(sql))
			case next.kind == numberToken, next.kind == signToken && sql[next.start] == '*':
				p.parts = append(p.parts, sql[next.start:next.end])
			default:
				next.kind = signToken
			}
			if next.kind == signToken && sql[next.start] != '*' {
				break
			}
			i += 2
			p.end = next.end
		}
		p.call = i+1 < len(tokens) && sign(sql, tokens[i+1], '(')
		list = append(list, p)
	}
	return list
}

// dashed reads a word and what is joined to it by dashes without a space, as
// project names may be. It returns the index of the last token.
func dashed(sql string, tokens []token, i int) (last int, part string, end int) {
	start := tokens[i].start
	last, end = i, tokens[i].end
	for last+2 < len(tokens) && sign(sql, tokens[last+1], '-') && tokens[last+1].start == end &&
		tokens[last+2].start == end+1 && !tokens[last+2].quoted &&
		(tokens[last+2].kind == wordToken || tokens[last+2].kind == numberToken) {
		last += 2
		end = tokens[last].end
	}
	// a-b without a dot after it is a difference.
	if last > i && !(last+1 < len(tokens) && sign(sql, tokens[last+1], '.')) {
		return i, sql[start:tokens[i].end], tokens[i].end
	}
	return last, sql[start:end], end
}

func sign(sql string, t token, c byte) bool { return t.kind == signToken && sql[t.start] == c }

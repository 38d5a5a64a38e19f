package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/engine-build/engine/engine/source"
)

// kind of a token. Operators and brackets are their own text.
type kind byte

const (
	tokEOF kind = iota
	tokText
	tokRaw
	tokComment
	tokOpen  // {%
	tokClose // %}
	tokShow  // {{
	tokShown // }}
	tokName
	tokString
	tokInt
	tokFloat
	tokOp
)

func (k kind) String() string {
	switch k {
	case tokEOF:
		return "the end of the file"
	case tokText, tokRaw:
		return "text"
	case tokComment:
		return "a comment"
	case tokOpen:
		return "{%"
	case tokClose:
		return "the end of the tag"
	case tokShow:
		return "{{"
	case tokShown:
		return "}}"
	case tokName:
		return "a name"
	case tokString:
		return "a text in quotes"
	case tokInt:
		return "a whole number"
	case tokFloat:
		return "a number"
	}
	return "an operator"
}

// token is a piece of a template: text is its meaning (of strings the value, of text what is left
// of it), [start, end) its bytes.
type token struct {
	kind       kind
	text       string
	start, end int
}

// is reports whether the token is an operator or a keyword of that text.
func (t token) is(text string) bool {
	return (t.kind == tokOp || t.kind == tokName) && t.text == text
}

// fault is a mistake that ends the reading of a template.
type fault struct {
	at      source.Span
	message string
	help    string
}

type lexer struct {
	file *source.File
	src  string
	end  int // the last line break of a file is no part of it
	pos  int
	out  []token
	// trim says that white space before the next text goes.
	trim bool
}

// space is what Python calls white space.
func space(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

func (l *lexer) fail(start, end int, message, help string) {
	panic(fault{l.file.Span(start, max(end, start)), message, help})
}

// lex splits a template. It panics with a fault.
func lex(f *source.File) []token {
	l := &lexer{file: f, src: string(f.Data), end: len(f.Data)}
	l.src = strings.TrimPrefix(l.src, "\ufeff")
	if shift := len(f.Data) - len(l.src); shift > 0 {
		l.src = string(f.Data) // places stay true; the mark is skipped
		l.pos = shift
	}
	switch rest := l.src[:l.end]; {
	case strings.HasSuffix(rest, "\r\n"):
		l.end -= 2
	case strings.HasSuffix(rest, "\n"), strings.HasSuffix(rest, "\r"):
		l.end--
	}
	l.end = max(l.end, l.pos)
	for l.pos < l.end {
		l.outside()
	}
	l.add(tokEOF, "", l.end, l.end)
	return l.out
}

func (l *lexer) add(k kind, text string, start, end int) {
	l.out = append(l.out, token{k, text, start, end})
}

// lines writes all line breaks as «\n».
func lines(s string) string {
	if strings.IndexByte(s, '\r') < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// outside reads text up to the next tag, and what the tag is.
func (l *lexer) outside() {
	rest := l.src[l.pos:l.end]
	i := 0
	for {
		k := strings.IndexByte(rest[i:], '{')
		if k < 0 || i+k+1 >= len(rest) {
			l.text(l.pos, l.end, false)
			l.pos = l.end
			return
		}
		i += k
		if c := rest[i+1]; c == '%' || c == '{' || c == '#' {
			break
		}
		i++
	}
	open := l.pos + i
	strip := open+2 < l.end && l.src[open+2] == '-'
	mark := open + 2
	if mark < l.end && (l.src[mark] == '-' || l.src[mark] == '+') {
		mark++
	}
	l.text(l.pos, open, strip)
	switch l.src[open+1] {
	case '#':
		l.comment(open, mark)
	case '{':
		l.add(tokShow, "", open, mark)
		l.pos = mark
		l.inside("}}", tokShown)
	default:
		if at, ok := l.word(mark, "raw"); ok {
			if end, ok := l.close(at); ok {
				l.raw(open, end)
				return
			}
		}
		l.add(tokOpen, "", open, mark)
		l.pos = mark
		first := len(l.out)
		l.inside("%}", tokClose)
		if len(l.out) > first && l.out[first].is("docs") {
			l.docsText(open)
		}
	}
}

// text adds [start, end) without the white space that tags take away.
func (l *lexer) text(start, end int, strip bool) {
	s := l.src[start:end]
	if l.trim {
		t := strings.TrimLeftFunc(s, space)
		start += len(s) - len(t)
		s = t
	}
	l.trim = false
	if strip {
		s = strings.TrimRightFunc(s, space)
	}
	if s != "" {
		l.add(tokText, lines(s), start, start+len(s))
	}
}

// word finds a word behind white space.
func (l *lexer) word(pos int, word string) (after int, ok bool) {
	s := strings.TrimLeftFunc(l.src[pos:l.end], space)
	if !strings.HasPrefix(s, word) {
		return 0, false
	}
	return l.end - len(s) + len(word), true
}

// close finds the end of a tag behind white space, and notes that it takes white space away.
func (l *lexer) close(pos int) (after int, ok bool) {
	s := strings.TrimLeftFunc(l.src[pos:l.end], space)
	at := l.end - len(s)
	switch {
	case strings.HasPrefix(s, "-%}"):
		l.trim = true
		return at + 3, true
	case strings.HasPrefix(s, "+%}"):
		return at + 3, true
	case strings.HasPrefix(s, "%}"):
		return at + 2, true
	}
	return 0, false
}

// raw reads up to endraw.
func (l *lexer) raw(open, start int) {
	head := l.trim
	end, after := l.untilTag(start, "endraw")
	if end < 0 {
		l.fail(open, start, "raw is not closed", "end it with {% endraw %}")
	}
	tail := l.trim
	s := l.src[start:end]
	if head {
		s = strings.TrimLeftFunc(s, space)
	}
	if l.src[end+2] == '-' {
		s = strings.TrimRightFunc(s, space)
	}
	l.add(tokRaw, lines(s), open, after)
	l.trim = tail
	l.pos = after
}

// untilTag finds the tag that is only a word; end is -1 where there is none.
func (l *lexer) untilTag(start int, word string) (end, after int) {
	for i := start; ; {
		k := strings.Index(l.src[i:l.end], "{%")
		if k < 0 {
			return -1, 0
		}
		i += k
		mark := i + 2
		if mark < l.end && (l.src[mark] == '-' || l.src[mark] == '+') {
			mark++
		}
		if at, ok := l.word(mark, word); ok {
			l.trim = false
			if end, ok := l.close(at); ok {
				return i, end
			}
		}
		i += 2
	}
}

func (l *lexer) comment(open, start int) {
	if start == l.end { // Jinja2 ends here without a word
		l.pos = start
		return
	}
	k := strings.Index(l.src[start:l.end], "#}")
	if k < 0 {
		l.fail(open, open+2, "the comment is not closed", "end it with #}")
	}
	end := start + k
	text := l.src[start:end]
	switch {
	case end > start && text[len(text)-1] == '-':
		text, l.trim = text[:len(text)-1], true
	case end > start && text[len(text)-1] == '+':
		text = text[:len(text)-1]
	}
	l.pos = end + 2
	l.add(tokComment, lines(text), open, l.pos)
}

// docsText reads the text of a docs block, in which nothing is a tag but its end.
func (l *lexer) docsText(open int) {
	start := l.pos
	l.trim = false
	end, after := l.untilTag(start, "enddocs")
	if end < 0 {
		l.fail(open, start, "docs is not closed", "end it with {% enddocs %}")
	}
	l.add(tokRaw, lines(l.src[start:end]), start, end)
	l.add(tokOpen, "", end, end+2)
	l.add(tokName, "enddocs", end+2, after-2)
	l.add(tokClose, "", after-2, after)
	l.pos = after
}

// operators, the longer ones first.
var operators = []string{"//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";"}

var partner = map[string]string{")": "(", "]": "[", "}": "{"}

// inside reads a tag up to its end, which does not count between brackets.
func (l *lexer) inside(end string, k kind) {
	opened := l.out[len(l.out)-1]
	var open []token
	for {
		if l.pos >= l.end {
			if n := len(open); n > 0 {
				l.fail(open[n-1].start, open[n-1].end, "the bracket is not closed", "")
			}
			l.fail(opened.start, opened.start+2, "the tag is not closed", "end it with "+end)
		}
		rest := l.src[l.pos:l.end]
		if len(open) == 0 {
			switch {
			case strings.HasPrefix(rest, end):
				l.add(k, "", l.pos, l.pos+2)
				l.pos += 2
				return
			case rest[0] == '-' && strings.HasPrefix(rest[1:], end):
				l.add(k, "", l.pos, l.pos+3)
				l.pos += 3
				l.trim = true
				return
			case rest[0] == '+' && end == "%}" && strings.HasPrefix(rest[1:], end):
				l.add(k, "", l.pos, l.pos+3)
				l.pos += 3
				return
			}
		}
		r, size := utf8.DecodeRuneInString(rest)
		switch {
		case space(r):
			l.pos += size
		case r >= '0' && r <= '9':
			l.number(rest)
		case r == '_' || unicode.IsLetter(r) || r > 127 && unicode.In(r, unicode.Nl, unicode.Other_ID_Start):
			l.name(rest)
		case r == '\'' || r == '"':
			l.quoted(byte(r))
		default:
			op := ""
			for _, o := range operators {
				if strings.HasPrefix(rest, o) {
					op = o
					break
				}
			}
			if op == "" {
				l.fail(l.pos, l.pos+size, "unexpected character "+quote(string(r)), "")
			}
			t := token{tokOp, op, l.pos, l.pos + len(op)}
			switch op {
			case "(", "[", "{":
				open = append(open, t)
			case ")", "]", "}":
				n := len(open)
				switch {
				case n == 0:
					l.fail(t.start, t.end, "unexpected "+quote(op), "")
				case open[n-1].text != partner[op]:
					l.fail(t.start, t.end, "unexpected "+quote(op)+" for "+quote(open[n-1].text), "")
				}
				open = open[:n-1]
			}
			l.out = append(l.out, t)
			l.pos = t.end
		}
	}
}

func (l *lexer) name(rest string) {
	n := strings.IndexFunc(rest, func(r rune) bool {
		return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.In(r, unicode.Mn, unicode.Mc, unicode.Nl, unicode.Pc)
	})
	if n < 0 {
		n = len(rest)
	}
	l.add(tokName, rest[:n], l.pos, l.pos+n)
	l.pos += n
}

// digits counts digits of a base from i on, single underscores between them.
func digits(s string, i int, in string) int {
	for {
		j := i
		if j < len(s) && s[j] == '_' && j > 0 && j+1 < len(s) && strings.IndexByte(in, s[j+1]) >= 0 {
			j++
		}
		if j >= len(s) || strings.IndexByte(in, s[j]) < 0 {
			return i
		}
		i = j + 1
	}
}

const decimal = "0123456789"

// number reads a float where there is one, else a whole number: the two regular expressions of
// jinja2/lexer.py.
func (l *lexer) number(rest string) {
	afterDot := l.pos > 0 && l.src[l.pos-1] == '.'
	whole := digits(rest, 1, decimal)
	if !afterDot {
		end, frac := whole, whole
		if frac+1 < len(rest) && rest[frac] == '.' && strings.IndexByte(decimal, rest[frac+1]) >= 0 {
			frac = digits(rest, frac+2, decimal)
			end = frac
		}
		if e := frac; e < len(rest) && (rest[e] == 'e' || rest[e] == 'E') {
			d := e + 1
			if d < len(rest) && (rest[d] == '+' || rest[d] == '-') {
				d++
			}
			if d < len(rest) && strings.IndexByte(decimal, rest[d]) >= 0 {
				end = digits(rest, d+1, decimal)
			}
		}
		if end > whole {
			l.add(tokFloat, rest[:end], l.pos, l.pos+end)
			l.pos += end
			return
		}
	}
	end := whole
	if rest[0] == '0' {
		end = digits(rest, 1, "0")
		if len(rest) > 1 {
			for mark, in := range map[byte]string{'b': "01", 'o': "01234567", 'x': "0123456789abcdefABCDEF"} {
				if rest[1]|0x20 == mark {
					if n := digits(rest, 2, in); n > 2 {
						end = n
					}
				}
			}
		}
	}
	l.add(tokInt, rest[:end], l.pos, l.pos+end)
	l.pos += end
}

func (l *lexer) quoted(mark byte) {
	start := l.pos
	for i := start + 1; i < l.end; i++ {
		switch l.src[i] {
		case '\\':
			i++
		case mark:
			l.pos = i + 1
			l.add(tokString, l.unescape(lines(l.src[start+1:i]), start), start, l.pos)
			return
		}
	}
	l.fail(start, start+1, "the text in quotes is not closed", "")
}

var escapes = map[byte]string{'\n': "", '\\': "\\", '\'': "'", '"': "\"", 'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v"}

// unescape is Python's unicode-escape. What it does not know stays as it is.
func (l *lexer) unescape(s string, at int) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if to, ok := escapes[s[i]]; ok {
			b.WriteString(to)
			continue
		}
		width := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[i]]
		switch {
		case s[i] >= '0' && s[i] <= '7':
			r, k := rune(0), i
			for ; k < len(s) && k < i+3 && s[k] >= '0' && s[k] <= '7'; k++ {
				r = r*8 + rune(s[k]-'0')
			}
			b.WriteRune(r)
			i = k - 1
		case width > 0:
			r, k := rune(0), i+1
			for ; k < len(s) && k <= i+width; k++ {
				d := strings.IndexByte("0123456789abcdef", s[k]|0x20)
				if s[k] < '0' || d < 0 {
					break
				}
				r = r*16 + rune(d)
			}
			if k <= i+width || r > unicode.MaxRune {
				l.fail(at, at+1, "the escape \\"+s[i:min(k+1, len(s))]+" is not whole", "write a backslash as \\\\")
			}
			b.WriteRune(r)
			i = k - 1
		default:
			b.WriteByte('\\')
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func quote(s string) string { return "\"" + s + "\"" }

package tmpl

import (
	"bytes"
	"sort"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/engine-build/engine/engine/source"
)

// The scanner reads actions as text/template's own lexer does, but keeps every token's
// offsets and does not stop at the first mistake. The parse tree alone cannot give exact
// spans: it drops the ends of operands, parentheses and actions.

type kind uint8

const (
	kindIdent kind = iota
	kindKeyword
	kindField // .name
	kindDot
	kindVariable
	kindString
	kindRaw
	kindChar // '…'
	kindNumber
	kindBool
	kindNil
	kindOpen
	kindClose
	kindPipe
	kindAssign
	kindDeclare
	kindPunct // any other printable ASCII character
	kindBad   // a character that no template has
)

type token struct {
	kind       kind
	space      bool // space before it
	start, end int
}

// action is one {{ … }}. Its tokens are scan.toks[from:to].
type action struct {
	start, end int // including the braces
	from, to   int
	comment    bool
}

type faultKind uint8

const (
	faultUnclosedAction faultKind = iota
	faultUnclosedComment
	faultCommentEnd
	faultUnclosedString
	faultUnclosedRaw
	faultUnclosedChar
	faultGlued // something stands directly behind a name: ref"x"
	faultBadRune
	faultParenOpen
	faultParenClose
	faultColon
)

// fault is a mistake inside one action that the lexer can see.
type fault struct {
	kind       faultKind
	action     int
	start, end int
}

type scan struct {
	acts   []action
	toks   []token
	faults []fault
}

var keywords = map[string]bool{
	"block": true, "break": true, "continue": true, "define": true, "else": true,
	"end": true, "if": true, "range": true, "template": true, "with": true,
}

// spareTokens are the token lists of units that are done with them.
var spareTokens sync.Pool

// forget drops the tokens and faults. Recording needs only the actions.
func (s *scan) forget() {
	if cap(s.toks) < 1<<16 {
		toks := s.toks
		spareTokens.Put(&toks)
	}
	s.toks, s.faults = nil, nil
}

// scanActions finds all actions of src.
func scanActions(src []byte) *scan {
	n := bytes.Count(src, []byte("{{"))
	s := &scanner{src: src, scan: &scan{acts: make([]action, 0, n)}}
	if toks, ok := spareTokens.Get().(*[]token); ok {
		s.toks = (*toks)[:0]
	} else {
		s.toks = make([]token, 0, 6*n)
	}
	for pos := 0; ; {
		i := bytes.Index(src[pos:], []byte("{{"))
		if i < 0 {
			return s.scan
		}
		pos = s.action(pos + i)
	}
}

type scanner struct {
	*scan
	src []byte
	pos int
}

// action scans one action that begins at start and returns where text goes on.
func (s *scanner) action(start int) int {
	s.pos = start + 2
	if s.pos+1 < len(s.src) && s.src[s.pos] == '-' && isSpace(s.src[s.pos+1]) {
		s.pos += 2
	}
	a := action{start: start, from: len(s.toks)}
	faults := len(s.faults)
	if bytes.HasPrefix(s.src[s.pos:], []byte("/*")) {
		a.comment = true
		s.comment(start)
	} else if !s.inside() {
		// Everything up to the next action was read as part of this one: what looks
		// wrong in there is a consequence.
		s.faults = s.faults[:faults]
		s.fault(faultUnclosedAction, start, s.lineEnd(start))
	}
	a.end, a.to = s.pos, len(s.toks)
	s.acts = append(s.acts, a)
	return s.pos
}

func (s *scanner) fault(k faultKind, start, end int) {
	s.faults = append(s.faults, fault{kind: k, action: len(s.acts), start: start, end: end})
}

func (s *scanner) comment(start int) {
	s.pos += 2
	i := bytes.Index(s.src[s.pos:], []byte("*/"))
	if i < 0 {
		s.fault(faultUnclosedComment, start, s.lineEnd(start))
		s.pos = len(s.src)
		return
	}
	s.pos += i + 2
	if n := s.closing(); n > 0 {
		s.pos += n
		return
	}
	s.fault(faultCommentEnd, s.pos-2, s.pos)
	if i := bytes.Index(s.src[s.pos:], []byte("}}")); i >= 0 {
		s.pos += i + 2
	} else {
		s.pos = len(s.src)
	}
}

// closing is the length of a right delimiter at the current place, with trim marker.
func (s *scanner) closing() int {
	rest := s.src[s.pos:]
	if len(rest) >= 4 && isSpace(rest[0]) && rest[1] == '-' && rest[2] == '}' && rest[3] == '}' {
		return 4
	}
	if len(rest) >= 2 && rest[0] == '}' && rest[1] == '}' {
		return 2
	}
	return 0
}

// inside scans tokens up to the right delimiter; false if there is none.
func (s *scanner) inside() bool {
	var open []int
	space := false
	for s.pos < len(s.src) {
		if n := s.closing(); n > 0 {
			for _, at := range open {
				s.fault(faultParenOpen, at, at+1)
			}
			s.pos += n
			return true
		}
		c := s.src[s.pos]
		if isSpace(c) {
			space = true
			s.pos++
			continue
		}
		if c == '{' && s.pos+1 < len(s.src) && s.src[s.pos+1] == '{' {
			return false
		}
		t := token{start: s.pos, space: space}
		space = false
		t.kind = s.token(c, &open)
		t.end = s.pos
		s.toks = append(s.toks, t)
	}
	return false
}

func (s *scanner) token(c byte, open *[]int) kind {
	start := s.pos
	switch c {
	case '"', '\'':
		return s.quoted(c)
	case '`':
		return s.raw()
	case '(':
		*open = append(*open, start)
		s.pos++
		return kindOpen
	case ')':
		s.pos++
		if len(*open) == 0 {
			s.fault(faultParenClose, start, s.pos)
			return kindClose
		}
		*open = (*open)[:len(*open)-1]
		return kindClose
	case '|':
		s.pos++
		return kindPipe
	case '=':
		s.pos++
		return kindAssign
	case ':':
		s.pos++
		if s.pos < len(s.src) && s.src[s.pos] == '=' {
			s.pos++
			return kindDeclare
		}
		s.fault(faultColon, start, s.pos)
		return kindPunct
	case '$':
		s.pos++
		s.word()
		s.terminator()
		return kindVariable
	case '.':
		s.pos++
		if s.pos < len(s.src) && s.src[s.pos] >= '0' && s.src[s.pos] <= '9' {
			return s.number()
		}
		s.word()
		s.terminator()
		if s.pos == start+1 {
			return kindDot
		}
		return kindField
	}
	if c == '+' || c == '-' || c >= '0' && c <= '9' {
		s.pos++
		return s.number()
	}
	return s.identifier()
}

func (s *scanner) identifier() kind {
	start := s.pos
	s.word()
	if s.pos == start {
		r, size := utf8.DecodeRune(s.src[s.pos:])
		s.pos += size
		if r <= unicode.MaxASCII && unicode.IsPrint(r) {
			return kindPunct
		}
		s.fault(faultBadRune, start, s.pos)
		return kindBad
	}
	s.terminator()
	switch word := string(s.src[start:s.pos]); {
	case keywords[word]:
		return kindKeyword
	case word == "true", word == "false":
		return kindBool
	case word == "nil":
		return kindNil
	}
	return kindIdent
}

// word skips letters, digits and underscores.
func (s *scanner) word() {
	for s.pos < len(s.src) {
		if c := s.src[s.pos]; c < utf8.RuneSelf {
			if c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') {
				return
			}
			s.pos++
			continue
		}
		r, size := utf8.DecodeRune(s.src[s.pos:])
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return
		}
		s.pos += size
	}
}

// terminator checks that a name is followed by something that may end a name.
func (s *scanner) terminator() {
	if s.pos >= len(s.src) || isSpace(s.src[s.pos]) || strings.IndexByte(".,|:)(", s.src[s.pos]) >= 0 || s.closing() > 0 {
		return
	}
	if s.src[s.pos] == '{' && s.pos+1 < len(s.src) && s.src[s.pos+1] == '{' {
		return // an unclosed action, reported as such
	}
	_, size := utf8.DecodeRune(s.src[s.pos:])
	s.fault(faultGlued, s.pos, s.pos+size)
}

// number takes everything that could belong to a number; the parser judges it.
func (s *scanner) number() kind {
	for s.pos < len(s.src) {
		before := s.pos
		s.word()
		if s.pos < len(s.src) {
			switch c := s.src[s.pos]; {
			case c == '.':
				s.pos++
			case (c == '+' || c == '-') && strings.IndexByte("eEpP", s.src[s.pos-1]) >= 0:
				s.pos++
			}
		}
		if s.pos == before {
			break
		}
	}
	return kindNumber
}

func (s *scanner) quoted(quote byte) kind {
	start, k, f := s.pos, kindString, faultUnclosedString
	if quote == '\'' {
		k, f = kindChar, faultUnclosedChar
	}
	for s.pos++; s.pos < len(s.src) && s.src[s.pos] != '\n'; s.pos++ {
		switch s.src[s.pos] {
		case '\\':
			if s.pos+1 < len(s.src) && s.src[s.pos+1] != '\n' {
				s.pos++
			}
		case quote:
			s.pos++
			return k
		}
	}
	s.unclosed(f, start, s.lineEnd(start))
	return k
}

func (s *scanner) raw() kind {
	start := s.pos
	if i := bytes.IndexByte(s.src[start+1:], '`'); i >= 0 {
		s.pos = start + i + 2
		return kindRaw
	}
	s.unclosed(faultUnclosedRaw, start, s.lineEnd(start))
	return kindRaw
}

// unclosed ends an unclosed quote before the right delimiter of its line, where the user
// most likely meant it to end, so that the rest of the file can be read.
func (s *scanner) unclosed(f faultKind, start, end int) {
	if i := bytes.Index(s.src[start:end], []byte("}}")); i >= 0 {
		end = start + i
		if bytes.HasSuffix(s.src[start:end], []byte(" -")) {
			end -= 2
		}
	}
	end = start + len(bytes.TrimRight(s.src[start:end], " \t\r"))
	s.pos = end
	s.fault(f, start, end)
}

func (s *scanner) lineEnd(at int) int {
	if i := bytes.IndexByte(s.src[at:], '\n'); i >= 0 {
		return at + len(bytes.TrimRight(s.src[at:at+i], "\r"))
	}
	return len(s.src)
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// actionAt is the action that contains or last began before the offset, nil if none did.
func (s *scan) actionAt(off int) *action {
	i := sort.Search(len(s.acts), func(i int) bool { return s.acts[i].start > off })
	if i == 0 {
		return nil
	}
	return &s.acts[i-1]
}

// tokenAt is the index of the token that contains off, or begins behind it.
func (s *scan) tokenAt(off int) int {
	return sort.Search(len(s.toks), func(i int) bool { return s.toks[i].end > off })
}

// inner is the text of an action between its braces without surrounding space. It needs
// no tokens.
func (a *action) inner(f *source.File) source.Span {
	text := bytes.TrimPrefix(f.Data[a.start:a.end], []byte("{{"))
	text = bytes.TrimSuffix(text, []byte("}}"))
	start, end := a.start+2, a.start+2+len(text)
	if len(text) > 1 && text[0] == '-' && isSpace(text[1]) {
		start++
	}
	if n := len(text); n > 1 && text[n-1] == '-' && isSpace(text[n-2]) {
		end--
	}
	if start > end {
		return f.Span(a.start, a.end)
	}
	text = f.Data[start:end]
	start += len(text) - len(bytes.TrimLeft(text, spaces))
	end -= len(text) - len(bytes.TrimRight(text, spaces))
	if start >= end {
		return f.Span(a.start, a.end)
	}
	return f.Span(start, end)
}

const spaces = " \t\r\n"

// extent is a range of bytes.
type extent struct{ start, end int }

// operands splits the command whose first token is toks[at] at the spaces of its top
// level: the same operands, in the same order, as the command's Args in the parse tree.
func (s *scan) operands(at int, buf []extent) []extent {
	buf = buf[:0]
	a := s.actionAt(s.toks[at].start)
	depth := 0
	for i := at; i < a.to; i++ {
		t := s.toks[i]
		if depth == 0 && (t.kind == kindPipe || t.kind == kindClose) {
			break
		}
		if i == at || depth == 0 && t.space {
			buf = append(buf, extent{t.start, t.end})
		}
		switch t.kind {
		case kindOpen:
			depth++
		case kindClose:
			depth--
		}
		buf[len(buf)-1].end = t.end
	}
	return buf
}

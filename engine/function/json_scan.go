package function

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// jsonKind is the kind of a JSON value.
type jsonKind uint8

const (
	jsonNull jsonKind = iota
	jsonString
	jsonInt   // fits into an int64
	jsonUint  // does not, but fits into a uint64
	jsonFloat // any other number
	jsonFalse
	jsonTrue
	jsonArray
	jsonObject
)

// maxTextDepth is how deep the arrays and objects of JSON in a STRING may nest.
const maxTextDepth = 1000

var errTextDepth = fmt.Errorf("JSON parsing failed due to deeply nested array/struct. Maximum nesting depth is %d", maxTextDepth)

// A scanner walks over JSON text without building a tree. It is as lenient as
// GoogleSQL's JSON functions over STRING are: strings may stand in single quotes, a comma
// may precede a closing bracket, a value that is left out is null, and nothing after the
// value that is looked for is read.
type scanner struct {
	s     string
	i     int
	depth int
	deep  bool // the text nests too deep
}

func (t *scanner) space() {
	for t.i < len(t.s) {
		switch t.s[t.i] {
		case ' ', '\t', '\n', '\v', '\f', '\r':
			t.i++
		default:
			return
		}
	}
}

// next is the byte after white space, 0 at the end.
func (t *scanner) next() byte {
	t.space()
	if t.i >= len(t.s) {
		return 0
	}
	return t.s[t.i]
}

func (t *scanner) down() bool {
	t.depth++
	if t.depth > maxTextDepth {
		t.deep = true
	}
	return !t.deep
}

// seek moves to the first value under path. ok is false for malformed text; when the
// path is not there, the whole value has been consumed.
func (t *scanner) seek(path []pathToken) (found, ok bool) {
	if len(path) == 0 {
		t.space()
		return true, true
	}
	switch t.next() {
	case '{':
		if !t.down() {
			return false, false
		}
		t.i++
		for {
			if done, ok := t.memberOrEnd(); !ok || done {
				return false, ok
			}
			key, ok := t.key()
			if !ok {
				return false, false
			}
			if key == path[0].text {
				if found, ok := t.seek(path[1:]); found || !ok {
					return found, ok
				}
			} else if !t.skip() {
				return false, false
			}
			if done, ok := t.separator('}'); !ok || done {
				return false, ok
			}
		}
	case '[':
		if !t.down() {
			return false, false
		}
		t.i++
		if t.next() == ']' {
			t.i++
			t.depth--
			return false, true
		}
		for n := int64(0); ; n++ {
			if n == path[0].index {
				if found, ok := t.seek(path[1:]); found || !ok {
					return found, ok
				}
			} else if !t.skip() {
				return false, false
			}
			if done, ok := t.separator(']'); !ok || done {
				return false, ok
			}
		}
	default:
		return false, t.skip()
	}
}

// memberOrEnd tells whether an object ends here, or else a key begins.
func (t *scanner) memberOrEnd() (done, ok bool) {
	switch t.next() {
	case '}':
		t.i++
		t.depth--
		return true, true
	case '"', '\'':
		return false, true
	}
	return false, false
}

// key reads a key and the colon.
func (t *scanner) key() (string, bool) {
	key, ok := t.str()
	if !ok || t.next() != ':' {
		return "", false
	}
	t.i++
	return key, true
}

// separator reads a comma, or the end of an array or object with or without one before.
func (t *scanner) separator(end byte) (done, ok bool) {
	c := t.next()
	if c == ',' {
		t.i++
		if c = t.next(); c != end {
			return false, true
		}
	}
	if c != end || c == 0 {
		return false, false
	}
	t.i++
	t.depth--
	return true, true
}

func (t *scanner) skip() bool {
	_, _, ok := t.value(nil, false)
	return ok
}

// value reads the value that begins here and, if write is set, appends its normalized
// text to out: no white space, strings escaped anew, numbers as they are.
func (t *scanner) value(out []byte, write bool) ([]byte, jsonKind, bool) {
	switch c := t.next(); c {
	case 0, '}', ':':
		return out, 0, false
	case ']', ',':
		if write {
			out = append(out, "null"...)
		}
		return out, jsonNull, true
	case '"', '\'':
		if !write {
			return out, jsonString, t.skipString()
		}
		s, ok := t.str()
		return appendTextQuoted(out, s), jsonString, ok
	case '{':
		if !t.down() {
			return out, 0, false
		}
		t.i++
		if write {
			out = append(out, '{')
		}
		for first := true; ; first = false {
			done, ok := t.memberOrEnd()
			if !ok {
				return out, 0, false
			}
			if !done {
				if write {
					if !first {
						out = append(out, ',')
					}
					var key string
					if key, ok = t.key(); !ok {
						return out, 0, false
					}
					out = append(appendTextQuoted(out, key), ':')
				} else if !t.skipString() || t.next() != ':' {
					return out, 0, false
				} else {
					t.i++
				}
				if out, _, ok = t.value(out, write); !ok {
					return out, 0, false
				}
				if done, ok = t.separator('}'); !ok {
					return out, 0, false
				}
			}
			if done {
				if write {
					out = append(out, '}')
				}
				return out, jsonObject, true
			}
		}
	case '[':
		if !t.down() {
			return out, 0, false
		}
		t.i++
		if write {
			out = append(out, '[')
		}
		if t.next() == ']' {
			t.i++
			t.depth--
			if write {
				out = append(out, ']')
			}
			return out, jsonArray, true
		}
		for first := true; ; first = false {
			if write && !first {
				out = append(out, ',')
			}
			var ok, done bool
			if out, _, ok = t.value(out, write); !ok {
				return out, 0, false
			}
			if done, ok = t.separator(']'); !ok {
				return out, 0, false
			}
			if done {
				if write {
					out = append(out, ']')
				}
				return out, jsonArray, true
			}
		}
	case 't':
		return t.word(out, write, "true", jsonTrue)
	case 'f':
		return t.word(out, write, "false", jsonFalse)
	case 'n':
		return t.word(out, write, "null", jsonNull)
	default:
		n := numberLength(t.s[t.i:])
		if n == 0 {
			return out, 0, false
		}
		if write {
			out = append(out, t.s[t.i:t.i+n]...)
		}
		t.i += n
		return out, jsonFloat, true
	}
}

func (t *scanner) word(out []byte, write bool, word string, k jsonKind) ([]byte, jsonKind, bool) {
	if !strings.HasPrefix(t.s[t.i:], word) {
		return out, 0, false
	}
	t.i += len(word)
	if write {
		out = append(out, word...)
	}
	return out, k, true
}

// numberLength is the length of the JSON number at the beginning of s, 0 if there is none.
func numberLength(s string) int {
	i := 0
	digits := func() bool {
		start := i
		for i < len(s) && '0' <= s[i] && s[i] <= '9' {
			i++
		}
		return i > start
	}
	if i < len(s) && s[i] == '-' {
		i++
	}
	if i < len(s) && s[i] == '0' {
		i++
	} else if !digits() {
		return 0
	}
	if i < len(s) && s[i] == '.' {
		i++
		if !digits() {
			return 0
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			return 0
		}
	}
	return i
}

func (t *scanner) skipString() bool {
	quote := t.s[t.i]
	for t.i++; t.i < len(t.s); t.i++ {
		switch t.s[t.i] {
		case quote:
			t.i++
			return true
		case '\\':
			t.i++
		}
	}
	return false
}

// str reads a string.
func (t *scanner) str() (string, bool) {
	quote := t.s[t.i]
	start := t.i + 1
	for i := start; i < len(t.s); i++ {
		if t.s[i] == quote {
			t.i = i + 1
			return t.s[start:i], true
		}
		if t.s[i] == '\\' {
			break
		}
	}
	var b strings.Builder
	for i := start; i < len(t.s); {
		switch c := t.s[i]; {
		case c == quote:
			t.i = i + 1
			return b.String(), true
		case c != '\\':
			b.WriteByte(c)
			i++
		case i+1 >= len(t.s):
			return "", false
		default:
			n, ok := readEscape(&b, t.s[i:])
			if !ok {
				return "", false
			}
			i += n
		}
	}
	return "", false
}

// readEscape reads an escape of at least two bytes at the beginning of s.
func readEscape(b *strings.Builder, s string) (n int, ok bool) {
	switch c := s[1]; c {
	case 'b':
		b.WriteByte('\b')
	case 'f':
		b.WriteByte('\f')
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	case 'v':
		b.WriteByte('\v')
	case 'u':
		r, n := unicodeEscape(s)
		if n == 0 {
			return 0, false
		}
		b.WriteRune(r)
		return n, true
	case 'x':
		if len(s) < 4 {
			return 0, false
		}
		r, err := strconv.ParseUint(s[2:4], 16, 32)
		if err != nil {
			return 0, false
		}
		b.WriteRune(rune(r))
		return 4, true
	case '0', '1', '2', '3', '4', '5', '6', '7':
		n, r := 1, rune(0)
		for n < len(s) && n < 4 && '0' <= s[n] && s[n] <= '7' {
			r = r<<3 + rune(s[n]-'0')
			n++
		}
		b.WriteRune(r)
		return n, true
	default:
		_, size := utf8.DecodeRuneInString(s[1:])
		b.WriteString(s[1 : 1+size])
		return 1 + size, true
	}
	return 2, true
}

// unicodeEscape reads \uXXXX, two of them where they are a surrogate pair; a lone
// surrogate becomes U+FFFD. n is 0 for a malformed escape.
func unicodeEscape(s string) (r rune, n int) {
	hex := func(s string) (rune, bool) {
		if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
			return 0, false
		}
		v, err := strconv.ParseUint(s[2:6], 16, 32)
		return rune(v), err == nil
	}
	r, ok := hex(s)
	if !ok {
		return 0, 0
	}
	switch {
	case 0xD800 <= r && r < 0xDC00:
		if low, ok := hex(s[6:]); ok && 0xDC00 <= low && low < 0xE000 {
			return (r-0xD800)<<10 + (low - 0xDC00) + 0x10000, 12
		}
		return utf8.RuneError, 6
	case 0xDC00 <= r && r < 0xE000:
		return utf8.RuneError, 6
	}
	return r, 6
}

const hexDigits = "0123456789abcdef"

// appendQuoted appends s as a JSON string as GoogleSQL prints JSON values: quotes,
// backslashes and control characters are escaped.
func appendQuoted(out []byte, s string) []byte { return appendEscaped(out, s, false) }

// appendTextQuoted is appendQuoted for JSON that is a STRING: U+2028 and U+2029 are
// escaped, too.
func appendTextQuoted(out []byte, s string) []byte { return appendEscaped(out, s, true) }

func appendEscaped(out []byte, s string, lines bool) []byte {
	out = append(out, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && (c != 0xE2 || !lines) {
			continue
		}
		if c == 0xE2 {
			if i+2 < len(s) && s[i+1] == 0x80 && (s[i+2] == 0xA8 || s[i+2] == 0xA9) {
				out = append(out, s[start:i]...)
				out = append(out, `\u202`...)
				out = append(out, '8'+s[i+2]-0xA8)
				i += 2
				start = i + 1
			}
			continue
		}
		out = append(out, s[start:i]...)
		switch c {
		case '"', '\\':
			out = append(out, '\\', c)
		case '\b':
			out = append(out, '\\', 'b')
		case '\f':
			out = append(out, '\\', 'f')
		case '\n':
			out = append(out, '\\', 'n')
		case '\r':
			out = append(out, '\\', 'r')
		case '\t':
			out = append(out, '\\', 't')
		default:
			out = append(out, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		start = i + 1
	}
	out = append(out, s[start:]...)
	return append(out, '"')
}

var errJSONValue = errors.New("the JSON value is malformed")

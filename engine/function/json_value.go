package function

import (
	"errors"
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A jsonValue is a parsed JSON value.
type jsonValue struct {
	kind  jsonKind
	text  string // of a string
	i     int64  // of jsonInt
	u     uint64 // of jsonUint
	f     float64
	elems []*jsonValue // of arrays, and of objects beside keys
	keys  []string     // of objects, ascending by byte, unique
}

// maxJSONDepth is how deep the arrays and objects of a JSON value may nest.
const maxJSONDepth = 500

// maxJSONArray is the largest array that setting an element beyond the end makes.
const maxJSONArray = 1000000

// parseJSON reads JSON text by RFC 8259. Of members with the same key the first counts.
// exact refuses numbers that a FLOAT64 does not hold.
func parseJSON(s string, exact bool) (*jsonValue, error) {
	p := jsonParser{s: s, exact: exact}
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.i < len(s) {
		return nil, p.fail("unexpected text after the value")
	}
	return v, nil
}

type jsonParser struct {
	s     string
	i     int
	exact bool
}

func (p *jsonParser) fail(what string) error {
	return fmt.Errorf("syntax error while parsing JSON at byte %d: %s", p.i+1, what)
}

func (p *jsonParser) space() {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return
		}
	}
}

func (p *jsonParser) next() byte {
	p.space()
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

func (p *jsonParser) value(depth int) (*jsonValue, error) {
	if depth > maxJSONDepth {
		return nil, fmt.Errorf("Max nesting of %d has been exceeded while parsing JSON document", maxJSONDepth)
	}
	switch c := p.next(); {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		s, err := p.str()
		return &jsonValue{kind: jsonString, text: s}, err
	case c == '-' || '0' <= c && c <= '9':
		n := numberLength(p.s[p.i:])
		if n == 0 {
			return nil, p.fail("invalid number")
		}
		text := p.s[p.i : p.i+n]
		p.i += n
		return parseJSONNumber(text, p.exact)
	case strings.HasPrefix(p.s[p.i:], "true"):
		p.i += 4
		return &jsonValue{kind: jsonTrue}, nil
	case strings.HasPrefix(p.s[p.i:], "false"):
		p.i += 5
		return &jsonValue{kind: jsonFalse}, nil
	case strings.HasPrefix(p.s[p.i:], "null"):
		p.i += 4
		return &jsonValue{kind: jsonNull}, nil
	case p.i >= len(p.s):
		return nil, p.fail("unexpected end of input")
	}
	return nil, p.fail("invalid literal")
}

func (p *jsonParser) array(depth int) (*jsonValue, error) {
	v := &jsonValue{kind: jsonArray}
	p.i++
	if p.next() == ']' {
		p.i++
		return v, nil
	}
	for {
		e, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		v.elems = append(v.elems, e)
		switch p.next() {
		case ',':
			p.i++
		case ']':
			p.i++
			return v, nil
		default:
			return nil, p.fail("expected ',' or ']'")
		}
	}
}

func (p *jsonParser) object(depth int) (*jsonValue, error) {
	v := &jsonValue{kind: jsonObject}
	p.i++
	if p.next() == '}' {
		p.i++
		return v, nil
	}
	sorted := true
	for {
		if p.next() != '"' {
			return nil, p.fail("expected a string as object key")
		}
		key, err := p.str()
		if err != nil {
			return nil, err
		}
		if p.next() != ':' {
			return nil, p.fail("expected ':'")
		}
		p.i++
		e, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if n := len(v.keys); n > 0 && v.keys[n-1] >= key {
			sorted = false
		}
		v.keys, v.elems = append(v.keys, key), append(v.elems, e)
		switch p.next() {
		case ',':
			p.i++
		case '}':
			p.i++
			if !sorted {
				v.sortKeys()
			}
			return v, nil
		default:
			return nil, p.fail("expected ',' or '}'")
		}
	}
}

// sortKeys sorts members by key and drops all but the first of each key.
func (v *jsonValue) sortKeys() {
	order := make([]int, len(v.keys))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return v.keys[order[a]] < v.keys[order[b]] })
	keys, elems := make([]string, 0, len(order)), make([]*jsonValue, 0, len(order))
	for _, i := range order {
		if n := len(keys); n > 0 && keys[n-1] == v.keys[i] {
			continue
		}
		keys, elems = append(keys, v.keys[i]), append(elems, v.elems[i])
	}
	v.keys, v.elems = keys, elems
}

func (p *jsonParser) str() (string, error) {
	start := p.i + 1
	i := start
	for i < len(p.s) && p.s[i] != '"' && p.s[i] != '\\' && p.s[i] >= 0x20 {
		i++
	}
	if i < len(p.s) && p.s[i] == '"' {
		p.i = i + 1
		if s := p.s[start:i]; utf8.ValidString(s) {
			return s, nil
		}
		return "", p.fail("invalid UTF-8 in a string")
	}
	var b strings.Builder
	b.WriteString(p.s[start:i])
	for i < len(p.s) {
		switch c := p.s[i]; {
		case c == '"':
			p.i = i + 1
			if s := b.String(); utf8.ValidString(s) {
				return s, nil
			}
			return "", p.fail("invalid UTF-8 in a string")
		case c < 0x20:
			p.i = i
			return "", p.fail("control characters in strings must be escaped")
		case c != '\\':
			b.WriteByte(c)
			i++
		default:
			if i+1 >= len(p.s) || !strings.ContainsRune(`"\/bfnrtu`, rune(p.s[i+1])) {
				p.i = i
				return "", p.fail("invalid escape in a string")
			}
			if p.s[i+1] == 'u' {
				r, n := unicodeEscape(p.s[i:])
				if n == 0 || n == 6 && r == utf8.RuneError && !strings.EqualFold(p.s[i+2:i+6], "fffd") {
					p.i = i
					return "", p.fail("invalid \\u escape in a string")
				}
				b.WriteRune(r)
				i += n
				continue
			}
			n, _ := readEscape(&b, p.s[i:])
			i += n
		}
	}
	p.i = len(p.s)
	return "", p.fail("missing closing quote")
}

// parseJSONNumber reads a JSON number: an integer where it is written as one and fits 64
// bits, with or without sign, else a FLOAT64.
func parseJSONNumber(text string, exact bool) (*jsonValue, error) {
	if !strings.ContainsAny(text, ".eE") {
		if text == "-0" {
			return &jsonValue{kind: jsonInt}, nil
		}
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return &jsonValue{kind: jsonInt, i: i}, nil
		}
		if u, err := strconv.ParseUint(text, 10, 64); err == nil {
			return &jsonValue{kind: jsonUint, u: u}, nil
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) {
		return nil, fmt.Errorf("number overflow parsing '%s'", text)
	}
	if exact && !sameDecimal(text, strconv.FormatFloat(f, 'e', -1, 64)) {
		return nil, fmt.Errorf("Input number: %s cannot round-trip through string representation", text)
	}
	return &jsonValue{kind: jsonFloat, f: f}, nil
}

// sameDecimal reports whether two decimal numbers, with or without exponent, are equal.
func sameDecimal(a, b string) bool {
	ad, ae := decimalParts(a)
	bd, be := decimalParts(b)
	return ad == bd && (ae == be || ad == "" || ad == "-")
}

// decimalParts gives the digits without zeros on either side (with a minus sign before
// them) and the power of ten of the last digit.
func decimalParts(s string) (digits string, exp int) {
	mantissa := s
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa = s[:i]
		// An exponent beyond int's range cannot give a finite FLOAT64, save for zero.
		exp, _ = strconv.Atoi(strings.TrimPrefix(s[i+1:], "+"))
	}
	sign := ""
	if rest, ok := strings.CutPrefix(mantissa, "-"); ok {
		sign, mantissa = "-", rest
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	exp -= len(fraction)
	digits = strings.TrimLeft(whole+fraction, "0")
	trimmed := strings.TrimRight(digits, "0")
	return sign + trimmed, exp + len(digits) - len(trimmed)
}

// String is the canonical text.
func (v *jsonValue) String() string { return string(v.append(nil)) }

// append appends the canonical text: what GoogleSQL prints for a JSON value.
func (v *jsonValue) append(out []byte) []byte {
	switch v.kind {
	case jsonNull:
		return append(out, "null"...)
	case jsonFalse:
		return append(out, "false"...)
	case jsonTrue:
		return append(out, "true"...)
	case jsonString:
		return appendQuoted(out, v.text)
	case jsonInt:
		return strconv.AppendInt(out, v.i, 10)
	case jsonUint:
		return strconv.AppendUint(out, v.u, 10)
	case jsonFloat:
		return appendJSONFloat(out, v.f)
	case jsonArray:
		out = append(out, '[')
		for i, e := range v.elems {
			if i > 0 {
				out = append(out, ',')
			}
			out = e.append(out)
		}
		return append(out, ']')
	default:
		out = append(out, '{')
		for i, e := range v.elems {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(appendQuoted(out, v.keys[i]), ':')
			out = e.append(out)
		}
		return append(out, '}')
	}
}

// appendPretty appends the text in lines, two spaces for each level.
func (v *jsonValue) appendPretty(out []byte, indent int) []byte {
	open, end := byte('['), byte(']')
	switch {
	case v.kind == jsonObject:
		open, end = '{', '}'
	case v.kind != jsonArray:
		return v.append(out)
	}
	out = append(out, open)
	for i, e := range v.elems {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendLine(out, indent+1)
		if v.kind == jsonObject {
			out = append(appendQuoted(out, v.keys[i]), ':', ' ')
		}
		out = e.appendPretty(out, indent+1)
	}
	if len(v.elems) > 0 {
		out = appendLine(out, indent)
	}
	return append(out, end)
}

func appendLine(out []byte, indent int) []byte {
	out = append(out, '\n')
	for range indent {
		out = append(out, "  "...)
	}
	return out
}

// appendJSONFloat writes a FLOAT64 as GoogleSQL's JSON printer does: the shortest digits
// that read back, with a fraction always, in exponential form from 1e15 and below 1e-4.
func appendJSONFloat(out []byte, f float64) []byte {
	if f == 0 {
		if math.Signbit(f) {
			out = append(out, '-')
		}
		return append(out, "0.0"...)
	}
	if a := math.Abs(f); a < 1e-4 || a >= 1e15 {
		return strconv.AppendFloat(out, f, 'e', -1, 64)
	}
	start := len(out)
	out = strconv.AppendFloat(out, f, 'f', -1, 64)
	for _, c := range out[start:] {
		if c == '.' {
			return out
		}
	}
	return append(out, ".0"...)
}

// formatFloat writes a FLOAT64 as GoogleSQL's CAST AS STRING does: 15 significant digits
// if they read back, else 17, as C's %g prints them.
func formatFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	s := formatG(f, 15)
	if g, err := strconv.ParseFloat(s, 64); err != nil || g != f {
		s = formatG(f, 17)
	}
	return s
}

// formatG is C's %.*g.
func formatG(f float64, precision int) string {
	s := strconv.FormatFloat(f, 'e', precision-1, 64)
	e := strings.IndexByte(s, 'e')
	exp, _ := strconv.Atoi(s[e+1:])
	if exp < -4 || exp >= precision {
		mantissa := s[:e]
		if strings.Contains(mantissa, ".") {
			mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
		}
		return mantissa + s[e:]
	}
	s = strconv.FormatFloat(f, 'f', precision-1-exp, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// member is the value of a key, nil if there is none.
func (v *jsonValue) member(key string) *jsonValue {
	i := sort.SearchStrings(v.keys, key)
	if v.kind == jsonObject && i < len(v.keys) && v.keys[i] == key {
		return v.elems[i]
	}
	return nil
}

// setMember makes or replaces a member.
func (v *jsonValue) setMember(key string, e *jsonValue) {
	i := sort.SearchStrings(v.keys, key)
	if i < len(v.keys) && v.keys[i] == key {
		v.elems[i] = e
		return
	}
	v.keys = append(v.keys, "")
	copy(v.keys[i+1:], v.keys[i:])
	v.keys[i] = key
	v.insert(i, e)
}

// insert puts elements before the i-th.
func (v *jsonValue) insert(i int, e ...*jsonValue) {
	elems := make([]*jsonValue, 0, len(v.elems)+len(e))
	elems = append(append(append(elems, v.elems[:i]...), e...), v.elems[i:]...)
	v.elems = elems
}

// pad makes an array at least n long, with nulls.
func (v *jsonValue) pad(n int64) error {
	if n > maxJSONArray {
		return fmt.Errorf("Exceeded maximum array size of %d", maxJSONArray)
	}
	for int64(len(v.elems)) < n {
		v.elems = append(v.elems, &jsonValue{})
	}
	return nil
}

func (v *jsonValue) isNumber() bool {
	return v.kind == jsonInt || v.kind == jsonUint || v.kind == jsonFloat
}

// child is the value one step below, nil if there is none. Only strict paths tell keys
// from subscripts.
func (v *jsonValue) child(t pathToken, strict bool) *jsonValue {
	switch {
	case v.kind == jsonObject && !(strict && t.subscript):
		return v.member(t.text)
	case v.kind == jsonArray && t.index >= 0 && t.index < int64(len(v.elems)) && (!strict || t.subscript):
		return v.elems[t.index]
	}
	return nil
}

var (
	errNotBool   = errors.New("The provided JSON input is not a boolean")
	errNotString = errors.New("The provided JSON input is not a string")
	errNotInt    = errors.New("The provided JSON input is not an integer")
	errNotNumber = errors.New("The provided JSON input is not a number")
	errNotArray  = errors.New("The provided JSON input is not an array")
)

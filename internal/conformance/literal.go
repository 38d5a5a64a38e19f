package conformance

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/engine-build/engine/engine/ir"
)

// ParseValue reads a typed result as Google's suite writes it:
//
//	ARRAY<STRUCT<a INT64, STRING>>[unknown order:{1, "x"}, {2, NULL}]
//
// A nested array or struct may carry its type again; «ARRAY<>» and «STRUCT<>»
// leave the type to the value.
func ParseValue(text string) (Value, error) {
	p := &literals{s: text}
	v, err := p.typed()
	if err != nil {
		return Value{}, err
	}
	p.space()
	if p.i < len(p.s) {
		return Value{}, p.errorf("text after the value: %.40q", p.s[p.i:])
	}
	return v, nil
}

type literals struct {
	s string
	i int
}

func (p *literals) errorf(format string, args ...any) error {
	return fmt.Errorf("expected result, offset %d: %s", p.i, fmt.Sprintf(format, args...))
}

func (p *literals) space() {
	for p.i < len(p.s) && strings.IndexByte(" \t\r\n", p.s[p.i]) >= 0 {
		p.i++
	}
}

func (p *literals) eat(token string) bool {
	p.space()
	if strings.HasPrefix(p.s[p.i:], token) {
		p.i += len(token)
		return true
	}
	return false
}

func (p *literals) word() string {
	start := p.i
	for p.i < len(p.s) && (p.s[p.i] == '_' || p.s[p.i] == '.' || p.s[p.i] == '$' || p.s[p.i] >= utf8.RuneSelf ||
		p.s[p.i] >= '0' && p.s[p.i] <= '9' || p.s[p.i] >= 'a' && p.s[p.i] <= 'z' || p.s[p.i] >= 'A' && p.s[p.i] <= 'Z') {
		p.i++
	}
	return p.s[start:p.i]
}

// kinds are the names of types in results: the internal ones.
var kinds = map[string]ir.Kind{
	"BOOL": ir.Bool, "INT64": ir.Int64, "INT32": ir.Int32, "UINT32": ir.Uint32, "UINT64": ir.Uint64,
	"DOUBLE": ir.Float64, "FLOAT64": ir.Float64, "FLOAT": ir.Float32, "FLOAT32": ir.Float32,
	"NUMERIC": ir.Numeric, "BIGNUMERIC": ir.BigNumeric, "STRING": ir.String, "BYTES": ir.Bytes,
	"DATE": ir.Date, "DATETIME": ir.Datetime, "TIME": ir.Time, "TIMESTAMP": ir.Timestamp,
	"INTERVAL": ir.Interval, "JSON": ir.JSON, "GEOGRAPHY": ir.Geography, "UUID": ir.UUID,
	"RANGE": ir.Range, "ARRAY": ir.Array, "STRUCT": ir.Struct, "MAP": ir.Map,
}

// typ reads a type; an elided «ARRAY<>» has no Elem.
func (p *literals) typ() (*ir.Type, error) {
	p.space()
	start := p.i
	name := p.word()
	kind, known := kinds[name]
	t := &ir.Type{Kind: kind}
	if !known {
		t.Kind, t.Name = ir.Other, name
		if name == "" {
			return nil, p.errorf("a type is missing: %.30q", p.s[start:])
		}
		if strings.HasPrefix(p.s[p.i:], "<") {
			end := p.angle()
			if end < 0 {
				return nil, p.errorf("%s< is not closed", name)
			}
			t.Name = p.s[start:end]
			p.i = end
		}
		return t, nil
	}
	switch kind {
	case ir.Array, ir.Range:
		if !p.eat("<") {
			return nil, p.errorf("%s without its element", name)
		}
		if p.eat(">") {
			return t, nil
		}
		elem, err := p.typ()
		if err != nil {
			return nil, err
		}
		t.Elem = elem
		if !p.eat(">") {
			return nil, p.errorf("%s is not closed", name)
		}
	case ir.Struct, ir.Map:
		if !p.eat("<") {
			return nil, p.errorf("%s without its fields", name)
		}
		for !p.eat(">") {
			if len(t.Fields) > 0 && !p.eat(",") {
				return nil, p.errorf("a comma or > is missing in %s", name)
			}
			p.space()
			var f ir.Field
			if kind == ir.Struct {
				f.Name = p.fieldName()
			}
			var err error
			if f.Type, err = p.typ(); err != nil {
				return nil, err
			}
			t.Fields = append(t.Fields, f)
		}
	default:
		// The parameters of a type do not matter to a value.
		if p.i < len(p.s) && p.s[p.i] == '(' {
			if end := closing(p.s, p.i); end > 0 && kind != ir.Array {
				p.i = end + 1
			}
		}
	}
	return t, nil
}

// angle is the end of the bracketed text at the current «<».
func (p *literals) angle() int {
	depth := 0
	for i := p.i; i < len(p.s); i++ {
		switch p.s[i] {
		case '<':
			depth++
		case '>':
			depth--
			if depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// fieldName reads the name of a field if there is one: a word or a quoted
// identifier that another word follows.
func (p *literals) fieldName() string {
	start := p.i
	if p.i < len(p.s) && p.s[p.i] == '`' {
		if end := quoted(p.s, p.i); end > 0 {
			p.i = end
			return p.s[start+1 : end-1]
		}
	}
	name := p.word()
	if name != "" && p.i < len(p.s) && strings.IndexByte(" \t\r\n", p.s[p.i]) >= 0 {
		p.space()
		if p.i < len(p.s) && strings.IndexByte(",>", p.s[p.i]) < 0 {
			return name
		}
	}
	p.i = start
	return ""
}

// typed reads a type and its value.
func (p *literals) typed() (Value, error) {
	t, err := p.typ()
	if err != nil {
		return Value{}, err
	}
	if p.eat("(NULL)") {
		return Value{Type: t, Null: true}, nil
	}
	if t.Kind != ir.Array && t.Kind != ir.Struct && t.Kind != ir.Range && t.Kind != ir.Map {
		// INT64(1)
		if p.eat("(") {
			v, err := p.value(t)
			if err == nil && !p.eat(")") {
				err = p.errorf("a parenthesis is missing")
			}
			return v, err
		}
	}
	return p.value(t)
}

func (p *literals) value(t *ir.Type) (Value, error) {
	p.space()
	rest := p.s[p.i:]
	if strings.HasPrefix(rest, "NULL") && (len(rest) == 4 || strings.IndexByte(" \t\r\n,]})", rest[4]) >= 0) {
		p.i += 4
		return Value{Type: t, Null: true}, nil
	}
	if t.Kind == ir.Array && strings.HasPrefix(rest, "ARRAY<") || t.Kind == ir.Struct && strings.HasPrefix(rest, "STRUCT<") ||
		t.Kind == ir.Range && strings.HasPrefix(rest, "RANGE<") || t.Kind == ir.Map && strings.HasPrefix(rest, "MAP<") {
		return p.typed()
	}
	switch t.Kind {
	case ir.Array:
		return p.array(t)
	case ir.Struct:
		return p.structure(t)
	case ir.Range:
		return p.interval(t)
	case ir.String, ir.Bytes:
		return p.text(t)
	case ir.JSON:
		text := p.raw()
		return Value{Type: t, Text: text}, nil
	case ir.Other, ir.Map, ir.Geography:
		return Value{Type: t, Text: p.raw()}, nil
	}
	text := p.scalar()
	if text == "" {
		return Value{}, p.errorf("a value of %s is missing", t)
	}
	return scalarValue(t, text)
}

// scalarValue makes a value of a type from its text in a result.
func scalarValue(t *ir.Type, text string) (Value, error) {
	v := Value{Type: t, Text: text}
	switch t.Kind {
	case ir.Float64, ir.Float32:
		bits := 64
		if t.Kind == ir.Float32 {
			bits = 32
		}
		f, err := strconv.ParseFloat(text, bits)
		if err != nil && !math.IsInf(f, 0) {
			return v, fmt.Errorf("expected result: %q is not a number", text)
		}
		v.Float, v.Text = f, ""
	case ir.Bool:
		if text != "true" && text != "false" {
			return v, fmt.Errorf("expected result: %q is not a BOOL", text)
		}
	case ir.Numeric, ir.BigNumeric:
		v.Text = trimNumeric(text)
	case ir.Datetime, ir.Time, ir.Interval:
		v.Text = trimFraction(text, "")
	case ir.Timestamp:
		v.Text = trimFraction(text, "+00")
	case ir.UUID:
		v.Text = strings.ToLower(text)
	}
	return v, nil
}

// scalar reads up to a comma or closing bracket.
func (p *literals) scalar() string {
	start := p.i
	for p.i < len(p.s) && strings.IndexByte(",]})", p.s[p.i]) < 0 {
		p.i++
	}
	return strings.TrimRight(p.s[start:p.i], " \t\r\n")
}

// raw reads balanced text up to a comma or closing bracket on its own level.
func (p *literals) raw() string {
	start, depth := p.i, 0
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case '{', '[', '(':
			depth++
		case '}', ']', ')':
			if depth == 0 {
				return strings.TrimSpace(p.s[start:p.i])
			}
			depth--
		case ',':
			if depth == 0 {
				return strings.TrimSpace(p.s[start:p.i])
			}
		case '"':
			if end := quoted(p.s, p.i); end > 0 {
				p.i = end
				continue
			}
		}
		p.i++
	}
	return strings.TrimSpace(p.s[start:p.i])
}

func (p *literals) array(t *ir.Type) (Value, error) {
	if !p.eat("[") {
		return Value{}, p.errorf("an array must begin with [: %.30q", p.s[p.i:])
	}
	v := Value{Type: t}
	if p.eat("unknown order:") {
		v.Unordered = true
	} else {
		p.eat("known order:")
	}
	for !p.eat("]") {
		if len(v.Elems) > 0 && !p.eat(",") {
			return Value{}, p.errorf("a comma or ] is missing: %.30q", p.s[p.i:])
		}
		elem := t.Elem
		var e Value
		var err error
		if elem == nil {
			e, err = p.typed()
		} else {
			e, err = p.value(elem)
		}
		if err != nil {
			return Value{}, err
		}
		v.Elems = append(v.Elems, e)
	}
	return v, nil
}

func (p *literals) structure(t *ir.Type) (Value, error) {
	if !p.eat("{") {
		return Value{}, p.errorf("a struct must begin with {: %.30q", p.s[p.i:])
	}
	v := Value{Type: t}
	for i, f := range t.Fields {
		if i > 0 && !p.eat(",") {
			return Value{}, p.errorf("a field is missing: %.30q", p.s[p.i:])
		}
		e, err := p.value(f.Type)
		if err != nil {
			return Value{}, err
		}
		v.Elems = append(v.Elems, e)
	}
	if !p.eat("}") {
		return Value{}, p.errorf("a struct is not closed: %.30q", p.s[p.i:])
	}
	return v, nil
}

// interval reads a range: [start, end), where NULL is unbounded.
func (p *literals) interval(t *ir.Type) (Value, error) {
	if !p.eat("[") || t.Elem == nil {
		return Value{}, p.errorf("a range must begin with [: %.30q", p.s[p.i:])
	}
	v := Value{Type: t}
	for i := range 2 {
		if i == 1 && !p.eat(",") {
			return Value{}, p.errorf("the end of a range is missing")
		}
		if p.eat("UNBOUNDED") {
			v.Elems = append(v.Elems, Value{Type: t.Elem, Null: true})
			continue
		}
		e, err := p.value(t.Elem)
		if err != nil {
			return Value{}, err
		}
		v.Elems = append(v.Elems, e)
	}
	if !p.eat(")") {
		return Value{}, p.errorf("a range is not closed: %.30q", p.s[p.i:])
	}
	return v, nil
}

func (p *literals) text(t *ir.Type) (Value, error) {
	if t.Kind == ir.Bytes && strings.HasPrefix(p.s[p.i:], "b") {
		p.i++
	}
	if p.i >= len(p.s) || p.s[p.i] != '"' && p.s[p.i] != '\'' {
		return Value{}, p.errorf("a text must begin with a quote: %.30q", p.s[p.i:])
	}
	end := quoted(p.s, p.i)
	if end == 0 {
		return Value{}, p.errorf("a text is not closed")
	}
	text, err := unescape(p.s[p.i+1:end-1], t.Kind == ir.Bytes)
	if err != nil {
		return Value{}, p.errorf("%v", err)
	}
	p.i = end
	return Value{Type: t, Text: text}, nil
}

// unescape reads the escapes of GoogleSQL: \n, \x41, \101, \u00e9, \U0001F600.
func unescape(s string, bytes bool) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		number := func(digits, base int) error {
			if i+digits > len(s) {
				return fmt.Errorf("the escape \\%s is too short", s[i-1:])
			}
			n, err := strconv.ParseUint(s[i:i+digits], base, 32)
			if err != nil {
				return fmt.Errorf("the escape \\%s is not a number", s[i:i+digits])
			}
			i += digits - 1
			if bytes || base == 8 && n < 256 || digits == 2 {
				if !bytes && n >= utf8.RuneSelf {
					b.WriteRune(rune(n))
				} else {
					b.WriteByte(byte(n))
				}
			} else {
				b.WriteRune(rune(n))
			}
			return nil
		}
		var err error
		switch c := s[i]; c {
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
			i++
			err = number(2, 16)
		case 'u':
			i++
			err = number(4, 16)
		case 'U':
			i++
			err = number(8, 16)
		default:
			if c >= '0' && c <= '7' {
				err = number(3, 8)
				break
			}
			b.WriteByte(c)
		}
		if err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

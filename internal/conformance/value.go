package conformance

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// A Value is a typed result, expected or got.
//
//	BOOL                     Text «true» or «false»
//	integers                 Text, decimal
//	floats                   Float
//	NUMERIC, BIGNUMERIC      Text, without trailing zeros
//	STRING, BYTES            Text, the bytes
//	DATE                     Text 2006-01-02
//	DATETIME                 Text 2006-01-02 03:04:05.123456, as many digits as needed
//	TIME                     Text 03:04:05.123456
//	TIMESTAMP                Text 2006-01-02 03:04:05.123456+00
//	INTERVAL                 Text 1-2 3 4:5:6.789
//	JSON, UUID, others       Text
//	ARRAY, STRUCT            Elems
//	RANGE                    Elems, start and end; a NULL end is unbounded
type Value struct {
	Type  *ir.Type
	Null  bool
	Text  string
	Float float64
	Elems []Value
	// Unordered says of an array that the order of its elements has no meaning.
	Unordered bool
}

// String prints a value as the suite does.
func (v Value) String() string {
	var b strings.Builder
	v.write(&b, true)
	return b.String()
}

func (v Value) write(b *strings.Builder, top bool) {
	kind := ir.Unknown
	if v.Type != nil {
		kind = v.Type.Kind
	}
	if v.Null {
		if kind == ir.Array && !top {
			fmt.Fprintf(b, "%s(NULL)", v.Type)
			return
		}
		b.WriteString("NULL")
		return
	}
	list := func(open, shut string) {
		b.WriteString(open)
		for i, e := range v.Elems {
			if i > 0 {
				b.WriteString(", ")
			}
			e.write(b, false)
		}
		b.WriteString(shut)
	}
	switch kind {
	case ir.Array:
		b.WriteString(v.Type.String())
		open := "["
		if len(v.Elems) > 1 {
			open = "[known order:"
			if v.Unordered {
				open = "[unknown order:"
			}
		}
		list(open, "]")
	case ir.Struct:
		if top {
			b.WriteString(v.Type.String())
		}
		list("{", "}")
	case ir.Range:
		list("[", ")")
	case ir.String:
		b.WriteString(strconv.Quote(v.Text))
	case ir.Bytes:
		b.WriteString("b" + strconv.Quote(v.Text))
	case ir.Float64, ir.Float32:
		b.WriteString(floatText(v.Float, kind))
	default:
		b.WriteString(v.Text)
	}
}

// floatText is the shortest text that reads back as the number.
func floatText(f float64, kind ir.Kind) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	bits := 64
	if kind == ir.Float32 {
		bits = 32
	}
	s := strconv.FormatFloat(f, 'g', -1, bits)
	if a := math.Abs(f); a == 0 || a >= 1e-5 && a < 1e15 {
		s = strconv.FormatFloat(f, 'f', -1, bits)
	}
	return s
}

// trimNumeric removes what does not change a decimal number: zeros behind the
// point, a leading plus and leading zeros, the sign of zero.
func trimNumeric(s string) string {
	s = strings.TrimPrefix(s, "+")
	negative := strings.HasPrefix(s, "-")
	s = strings.TrimLeft(strings.TrimPrefix(s, "-"), "0")
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "" || s[0] == '.' {
		s = "0" + s
	}
	if negative && s != "0" {
		s = "-" + s
	}
	return s
}

// trimFraction removes trailing zeros of a fraction of a second; suffix is what follows it.
func trimFraction(s, suffix string) string {
	s = strings.TrimSuffix(s, suffix)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s + suffix
}

package warehouse

import (
	"bytes"
	"context"
	"strconv"
	"time"
)

// Shape is what all values of a CSV column look like.
type Shape int

const (
	ShapeText        Shape = iota // anything, or no value at all
	ShapeBool                     // true, false in any case
	ShapeInt                      // 64 bits, no leading zeros, no plus sign
	ShapeFloat                    // decimal numbers of which the whole part is exact
	ShapeDate                     // 2024-01-31
	ShapeTimestamp                // 2024-01-31 10:00[:00[.5]], with T or blank; plain dates among them
	ShapeTimestampTZ              // the same with Z or an offset
)

// SniffCSV checks a CSV file and finds out what its columns look like by every value.
// The rules are strict and the same everywhere, so that a column does not change its type
// with the next row in a familiar form: numbers with leading zeros or a plus sign are text
// (article numbers, telephone numbers), and so are numbers too long to be exact.
func SniffCSV(ctx context.Context, f File) (CSV, []Shape, error) {
	var guesses []*guess
	csv, err := CheckCSV(ctx, f, func(string) ValueCheck {
		g := &guess{possible: 1<<ShapeBool | 1<<ShapeInt | 1<<ShapeFloat | 1<<ShapeDate | 1<<ShapeTimestamp | 1<<ShapeTimestampTZ}
		guesses = append(guesses, g)
		return g.see
	})
	if err != nil {
		return csv, nil, err
	}
	shapes := make([]Shape, len(guesses))
	for i, g := range guesses {
		shapes[i] = g.shape()
	}
	return csv, shapes, nil
}

// guess holds the shapes that no value has ruled out.
type guess struct {
	possible uint8
	seen     bool
}

var fits = [...]func([]byte) bool{
	ShapeBool: isBool, ShapeInt: isInt, ShapeFloat: isFloat, ShapeDate: isDate,
	ShapeTimestamp:   func(v []byte) bool { return isTimestamp(v, false) },
	ShapeTimestampTZ: func(v []byte) bool { return isTimestamp(v, true) },
}

func (g *guess) see(v []byte) string {
	g.seen = true
	for s := ShapeBool; g.possible>>s != 0; s++ {
		if g.possible&(1<<s) != 0 && !fits[s](v) {
			g.possible &^= 1 << s
		}
	}
	return ""
}

func (g *guess) shape() Shape {
	if !g.seen {
		return ShapeText
	}
	for s := ShapeBool; s <= ShapeTimestampTZ; s++ {
		if g.possible&(1<<s) != 0 {
			return s
		}
	}
	return ShapeText
}

func isBool(v []byte) bool {
	return bytes.EqualFold(v, []byte("true")) || bytes.EqualFold(v, []byte("false"))
}

// digits counts the digits at the start.
func digits(v []byte) int {
	n := 0
	for n < len(v) && v[n] >= '0' && v[n] <= '9' {
		n++
	}
	return n
}

func isInt(v []byte) bool {
	d := bytes.TrimPrefix(v, []byte("-"))
	n := digits(d)
	if n == 0 || n != len(d) || n > 19 || n > 1 && d[0] == '0' {
		return false
	}
	if n < 19 {
		return true
	}
	_, err := strconv.ParseInt(string(v), 10, 64)
	return err == nil
}

// isFloat allows 15 digits before the point: more are not exact.
func isFloat(v []byte) bool {
	d := bytes.TrimPrefix(v, []byte("-"))
	n := digits(d)
	if n > 15 || n > 1 && d[0] == '0' {
		return false
	}
	d = d[n:]
	if len(d) > 0 && d[0] == '.' {
		m := digits(d[1:])
		n += m
		d = d[1+m:]
	}
	if n == 0 {
		return false
	}
	if len(d) == 0 {
		return true
	}
	if d[0] != 'e' && d[0] != 'E' {
		return false
	}
	_, err := strconv.ParseFloat(string(v), 64)
	return err == nil && digits(bytes.TrimLeft(d[1:], "+-")) > 0 && !bytes.ContainsAny(v, "_xX")
}

// number reads exactly two or four digits.
func number(v []byte) (int, bool) {
	n := 0
	for _, b := range v {
		if b < '0' || b > '9' {
			return 0, false
		}
		n = n*10 + int(b-'0')
	}
	return n, true
}

func isDate(v []byte) bool {
	if len(v) != 10 || v[4] != '-' || v[7] != '-' {
		return false
	}
	y, ok1 := number(v[:4])
	m, ok2 := number(v[5:7])
	d, ok3 := number(v[8:])
	return ok1 && ok2 && ok3 && y >= 1 && m >= 1 && m <= 12 && d >= 1 && d <= 31 &&
		(d <= 28 || time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC).Day() == d)
}

func isTimestamp(v []byte, zone bool) bool {
	if !zone && len(v) == 10 {
		return isDate(v)
	}
	if len(v) < 16 || !isDate(v[:10]) || v[10] != ' ' && v[10] != 'T' {
		return false
	}
	rest, ok := clock(v[11:])
	if !ok {
		return false
	}
	if !zone {
		return len(rest) == 0
	}
	return isZone(bytes.TrimPrefix(rest, []byte(" ")))
}

// clock reads hh:mm, hh:mm:ss or hh:mm:ss.fraction and returns what follows.
func clock(v []byte) (rest []byte, ok bool) {
	h, ok1 := number(v[:2])
	m, ok2 := number(v[3:5])
	if !ok1 || !ok2 || v[2] != ':' || h > 23 || m > 59 {
		return nil, false
	}
	v = v[5:]
	if len(v) < 3 || v[0] != ':' {
		return v, true
	}
	if s, ok := number(v[1:3]); !ok || s > 59 {
		return nil, false
	}
	v = v[3:]
	if len(v) > 1 && v[0] == '.' {
		if n := digits(v[1:]); n > 0 {
			return v[1+n:], true
		}
	}
	return v, true
}

// isZone accepts Z, +hh, +hhmm, +hh:mm.
func isZone(v []byte) bool {
	if string(v) == "Z" {
		return true
	}
	if len(v) < 3 || v[0] != '+' && v[0] != '-' {
		return false
	}
	digits := bytes.Replace(v[1:], []byte(":"), nil, 1)
	n, ok := number(digits)
	return ok && (len(v) == 3 || len(v) == 5 && len(digits) == 4 || len(v) == 6 && v[3] == ':') && (len(digits) == 2 && n <= 15 || n <= 1559)
}

package ingest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// valueCheck looks at a value that is not NULL. It gives the value in the form that every
// warehouse takes alike, or says why it does not fit; reasons do not repeat the value. The
// result may share memory with v.
type valueCheck func(v []byte) (out []byte, reason string)

// checkOf is the test for values of a type as the warehouse names the type of a column that
// is there («DECIMAL(18,3)» for a column that was declared as «numeric» in DuckDB), so that what a
// warehouse would round, cut off or take for something else is refused. nil: the warehouse
// judges. google says that the names are GoogleSQL's, where all whole numbers have 64 bits.
func checkOf(native string, google bool) valueCheck {
	name, params := typeName(native)
	if strings.ContainsAny(name, "<[") {
		return nil
	}
	switch name {
	case "tinyint", "int1", "byteint":
		return wholeNumber(8, google)
	case "smallint", "int2", "int16", "short":
		return wholeNumber(16, google)
	case "integer", "int", "int4", "int32", "signed":
		return wholeNumber(32, google)
	case "bigint", "int8", "int64", "long":
		return wholeNumber(64, google)
	case "numeric", "decimal", "bignumeric", "bigdecimal":
		return decimalNumber(name, params, google)
	case "double", "double precision", "float8", "float64":
		return floatNumber(64)
	case "real", "float4", "float":
		if google {
			return floatNumber(64)
		}
		return floatNumber(32)
	case "boolean", "bool", "logical":
		return booleanText
	case "date":
		return trimmed(isDay, "is no date in the form 2024-01-31")
	case "timestamp", "datetime", "timestamp without time zone":
		if google && name == "timestamp" {
			return pointInTime
		}
		return localTime
	case "timestamptz", "timestamp with time zone":
		return pointInTime
	case "time", "time without time zone":
		return trimmed(func(v []byte) bool { rest, ok := clock(v); return ok && len(rest) == 0 }, "is no time in the form 23:59:59")
	case "uuid":
		return trimmed(isUUID, "is no UUID")
	case "json", "jsonb":
		return func(v []byte) ([]byte, string) {
			if !json.Valid(v) {
				return nil, "is no JSON"
			}
			return v, ""
		}
	case "varchar", "character varying", "char", "character", "bpchar", "string":
		if len(params) == 1 {
			return atMost(params[0])
		}
	}
	return nil
}

// typeName takes the parameters out of a type: timestamp(3) with time zone.
func typeName(native string) (name string, params []int) {
	name = strings.ToLower(strings.Join(strings.Fields(native), " "))
	open := strings.IndexByte(name, '(')
	if open < 0 {
		return name, nil
	}
	shut := strings.IndexByte(name, ')')
	if shut < open {
		return name, nil
	}
	for _, p := range strings.Split(name[open+1:shut], ",") {
		n, err := strconv.Atoi(strings.TrimSpace(p))
		if err != nil {
			return name, nil
		}
		params = append(params, n)
	}
	return strings.TrimSpace(strings.TrimSpace(name[:open]) + " " + strings.TrimSpace(name[shut+1:])), params
}

func trimmed(ok func([]byte) bool, reason string) valueCheck {
	return func(v []byte) ([]byte, string) {
		v = bytes.TrimSpace(v)
		if !ok(v) {
			return nil, reason
		}
		return v, ""
	}
}

func wholeNumber(bits int, google bool) valueCheck {
	if google {
		bits = 64
	}
	return func(v []byte) ([]byte, string) {
		v = bytes.TrimSpace(v)
		digits := v
		if len(digits) > 1 && (digits[0] == '-' || digits[0] == '+') {
			digits = digits[1:]
		}
		if len(digits) == 0 || !allDigits(digits) {
			return nil, "is no whole number"
		}
		if _, err := strconv.ParseInt(string(v), 10, bits); err != nil {
			return nil, fmt.Sprintf("is out of the range of %d bits", bits)
		}
		return bytes.TrimPrefix(v, []byte("+")), ""
	}
}

func allDigits(v []byte) bool {
	for _, b := range v {
		if b < '0' || b > '9' {
			return false
		}
	}
	return true
}

// decimalNumber holds a number to precision and scale: a warehouse would round what is
// behind the scale without a word.
func decimalNumber(name string, params []int, google bool) valueCheck {
	whole, scale := -1, -1
	switch {
	case len(params) == 2:
		whole, scale = params[0]-params[1], params[1]
	case len(params) == 1:
		whole, scale = params[0], 0
	case google && strings.HasPrefix(name, "big"):
		whole, scale = 39, 38
	case google:
		whole, scale = 29, 9
	}
	return func(v []byte) ([]byte, string) {
		v = bytes.TrimSpace(v)
		plain, ok := plainDecimal(v)
		if !ok {
			return nil, "is no decimal number"
		}
		before, after, _ := strings.Cut(strings.TrimLeft(strings.TrimLeft(plain, "+-"), "0"), ".")
		after = strings.TrimRight(after, "0")
		switch {
		case scale >= 0 && len(after) > scale:
			return nil, fmt.Sprintf("has %d digits behind the point, the column %d", len(after), scale)
		case whole >= 0 && len(before) > whole:
			return nil, fmt.Sprintf("has %d digits before the point, the column %d", len(before), whole)
		}
		return []byte(plain), ""
	}
}

// plainDecimal is a number without its exponent.
func plainDecimal(v []byte) (string, bool) {
	mantissa, exponent := v, 0
	if i := bytes.IndexAny(v, "eE"); i >= 0 {
		n, err := strconv.Atoi(string(v[i+1:]))
		if err != nil || n > 400 || n < -400 {
			return "", false
		}
		mantissa, exponent = v[:i], n
	}
	digits := mantissa
	if len(digits) > 0 && (digits[0] == '-' || digits[0] == '+') {
		digits = digits[1:]
	}
	before, after, _ := bytes.Cut(digits, []byte("."))
	if len(before)+len(after) == 0 || !allDigits(before) || !allDigits(after) {
		return "", false
	}
	if exponent == 0 {
		return string(bytes.TrimPrefix(mantissa, []byte("+"))), true
	}
	r, ok := new(big.Rat).SetString(string(v))
	if !ok {
		return "", false
	}
	return r.FloatString(max(0, len(after)-exponent)), true
}

func floatNumber(bits int) valueCheck {
	return func(v []byte) ([]byte, string) {
		v = bytes.TrimSpace(v)
		if len(v) == 0 || bytes.ContainsAny(v, "_xXpP") {
			return nil, "is no number"
		}
		if _, err := strconv.ParseFloat(string(v), bits); err != nil {
			if n, ok := err.(*strconv.NumError); ok && n.Err == strconv.ErrRange {
				return nil, fmt.Sprintf("is out of the range of %d bits", bits)
			}
			return nil, "is no number"
		}
		return bytes.TrimPrefix(v, []byte("+")), ""
	}
}

func booleanText(v []byte) ([]byte, string) {
	switch strings.ToLower(string(bytes.TrimSpace(v))) {
	case "true", "t", "yes", "y", "1":
		return []byte("true"), ""
	case "false", "f", "no", "n", "0":
		return []byte("false"), ""
	}
	return nil, "is neither true nor false"
}

func two(v []byte) (int, bool) {
	if len(v) < 2 || v[0] < '0' || v[0] > '9' || v[1] < '0' || v[1] > '9' {
		return 0, false
	}
	return int(v[0]-'0')*10 + int(v[1]-'0'), true
}

func isDay(v []byte) bool {
	if len(v) != 10 || v[4] != '-' || v[7] != '-' {
		return false
	}
	c, ok1 := two(v)
	y, ok2 := two(v[2:])
	m, ok3 := two(v[5:])
	d, ok4 := two(v[8:])
	return ok1 && ok2 && ok3 && ok4 && c+y > 0 && m >= 1 && m <= 12 && d >= 1 &&
		(d <= 28 || time.Date(c*100+y, time.Month(m), d, 0, 0, 0, 0, time.UTC).Day() == d)
}

// clock reads hh:mm, hh:mm:ss or hh:mm:ss.fraction and returns what follows. Fractions are
// those of microseconds: no warehouse keeps more in its usual types.
func clock(v []byte) (rest []byte, ok bool) {
	h, ok1 := two(v)
	if !ok1 || h > 23 || len(v) < 5 || v[2] != ':' {
		return nil, false
	}
	m, ok2 := two(v[3:])
	if !ok2 || m > 59 {
		return nil, false
	}
	if v = v[5:]; len(v) < 3 || v[0] != ':' {
		return v, true
	}
	s, ok3 := two(v[1:])
	if !ok3 || s > 59 {
		return nil, false
	}
	if v = v[3:]; len(v) < 2 || v[0] != '.' {
		return v, true
	}
	n := 1
	for n < len(v) && v[n] >= '0' && v[n] <= '9' {
		n++
	}
	if n == 1 || len(bytes.TrimRight(v[1:n], "0")) > 6 {
		return nil, false
	}
	return v[n:], true
}

// moment takes a time apart: the day and time in ISO form, and what follows.
func moment(v []byte) (rest []byte, ok bool) {
	if len(v) < 10 || !isDay(v[:10]) {
		return nil, false
	}
	if len(v) == 10 {
		return nil, true
	}
	if v[10] != ' ' && v[10] != 'T' {
		return nil, false
	}
	return clock(v[11:])
}

const noTime = "is no time in the form 2024-01-31 23:59:59, with microseconds at most"

// localTime refuses zones: a warehouse would drop them, or shift the time.
func localTime(v []byte) ([]byte, string) {
	v = bytes.TrimSpace(v)
	rest, ok := moment(v)
	switch {
	case !ok:
		return nil, noTime
	case len(rest) > 0 && isOffset(rest):
		return nil, "has a time zone, which the column has not"
	case len(rest) > 0:
		return nil, noTime
	}
	return v, ""
}

// pointInTime takes a time without a zone as UTC, whatever the session's zone is.
func pointInTime(v []byte) ([]byte, string) {
	v = bytes.TrimSpace(v)
	rest, ok := moment(v)
	switch {
	case !ok:
		return nil, noTime
	case len(rest) > 0 && !isOffset(rest):
		return nil, "has a time zone that is no offset like +02:00"
	case len(v) == 10:
		return append(bytes.Clone(v), " 00:00:00+00:00"...), ""
	case len(rest) == 0:
		return append(bytes.Clone(v), "+00:00"...), ""
	}
	at := v[:len(v)-len(rest)]
	offset := bytes.TrimSpace(rest)
	if string(offset) == "Z" || string(offset) == "z" || string(offset) == "UTC" {
		return append(bytes.Clone(at), "+00:00"...), ""
	}
	hours, minutes := offset[1:3], []byte("00")
	if len(offset) > 3 {
		minutes = offset[len(offset)-2:]
	}
	return fmt.Appendf(nil, "%s%c%s:%s", at, offset[0], hours, minutes), ""
}

// isOffset accepts Z, UTC, +hh, +hhmm and +hh:mm, with a blank before it.
func isOffset(v []byte) bool {
	v = bytes.TrimPrefix(v, []byte(" "))
	switch string(v) {
	case "Z", "z", "UTC":
		return true
	}
	if len(v) < 3 || v[0] != '+' && v[0] != '-' {
		return false
	}
	h, ok := two(v[1:])
	if !ok || h > 15 {
		return false
	}
	switch rest := v[3:]; len(rest) {
	case 0:
		return true
	case 2:
		m, ok := two(rest)
		return ok && m < 60
	case 3:
		m, ok := two(rest[1:])
		return rest[0] == ':' && ok && m < 60
	}
	return false
}

func isUUID(v []byte) bool {
	if len(v) != 36 {
		return false
	}
	for i, b := range v {
		switch i {
		case 8, 13, 18, 23:
			if b != '-' {
				return false
			}
		default:
			if (b < '0' || b > '9') && (b < 'a' || b > 'f') && (b < 'A' || b > 'F') {
				return false
			}
		}
	}
	return true
}

func atMost(length int) valueCheck {
	return func(v []byte) ([]byte, string) {
		if n := utf8.RuneCount(v); n > length {
			return nil, fmt.Sprintf("has %d characters, the column %d", n, length)
		}
		return v, ""
	}
}

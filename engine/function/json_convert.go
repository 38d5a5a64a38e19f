package function

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// A converter reads a SQL value from a JSON value. The lax ones give nil where the value
// has no such form; the others fail.
type converter func(v *jsonValue) (any, error)

// jsonConverters are BOOL, INT64, FLOAT64, STRING and the internal types' functions over
// JSON, their array forms and the lax forms of all of them.
func jsonConverters() []Function {
	type conversion struct {
		name   string
		result Kind
		plain  func(exact bool, floatName string) converter
		lax    converter
		wide   bool // takes a wide_number_mode and the name of the SQL type for messages
	}
	fixed := func(c converter) func(bool, string) converter {
		return func(bool, string) converter { return c }
	}
	var all []Function
	for _, c := range []conversion{
		{name: "bool", result: Bool, plain: fixed(toBool), lax: laxBool},
		{name: "string", result: String, plain: fixed(toText), lax: laxText},
		{name: "int64", result: Int64, plain: fixed(toInteger("an int64", math.MinInt64, math.MaxInt64)), lax: laxInteger(math.MinInt64, math.MaxInt64)},
		{name: "int32", result: Int64, plain: fixed(toInteger("an int32", math.MinInt32, math.MaxInt32)), lax: laxInteger(math.MinInt32, math.MaxInt32)},
		{name: "uint32", result: Int64, plain: fixed(toInteger("an uint32", 0, math.MaxUint32)), lax: laxInteger(0, math.MaxUint32)},
		{name: "uint64", result: Uint64, plain: fixed(toInteger("an uint64", 0, -1)), lax: laxInteger(0, -1)},
		{name: "float64", result: Float64, plain: toFloat64, lax: laxFloat64, wide: true},
		{name: "float32", result: Float64, plain: toFloat32, lax: laxFloat32, wide: true},
	} {
		result := c.result
		one := func(conv converter) func([]any) (any, error) {
			return func(a []any) (any, error) {
				v, err := jsonArg(a[0])
				if err != nil {
					return nil, err
				}
				return asKind(conv, v, result)
			}
		}
		many := func(conv converter, lax bool) func([]any) (any, error) {
			return func(a []any) (any, error) {
				v, err := jsonArg(a[0])
				if err != nil {
					return nil, err
				}
				if v.kind != jsonArray {
					if lax {
						return nil, nil
					}
					return nil, errNotArray
				}
				list := make([]any, len(v.elems))
				for i, e := range v.elems {
					if list[i], err = asKind(conv, e, result); err != nil {
						return nil, err
					}
				}
				return list, nil
			}
		}
		args := []Kind{String}
		plain, plainArray := one(c.plain(false, "")), many(c.plain(false, ""), false)
		if c.wide {
			args = []Kind{String, String, String}
			withMode := func(run func(converter) func([]any) (any, error)) func([]any) (any, error) {
				return func(a []any) (any, error) {
					exact, err := wideMode(a[1].(string))
					if err != nil {
						return nil, err
					}
					return run(c.plain(exact, a[2].(string)))(a)
				}
			}
			plain = withMode(one)
			plainArray = withMode(func(conv converter) func([]any) (any, error) { return many(conv, false) })
		}
		all = append(all,
			Function{Name: "json_to_" + c.name, Args: args, Result: c.result, Fn: plain},
			Function{Name: "json_to_" + c.name + "_array", Args: args, Result: Array | c.result, Fn: plainArray},
			Function{Name: "json_lax_" + c.name, Args: []Kind{String}, Result: c.result, Fn: one(c.lax)},
			Function{Name: "json_lax_" + c.name + "_array", Args: []Kind{String}, Result: Array | c.result, Fn: many(c.lax, true)},
		)
	}
	return all
}

// asKind converts, and gives integers the Go type of the kind.
func asKind(conv converter, v *jsonValue, k Kind) (any, error) {
	x, err := conv(v)
	if n, ok := x.(*big.Int); ok && err == nil {
		if k == Uint64 {
			return n.Uint64(), nil
		}
		return n.Int64(), nil
	}
	return x, err
}

func toBool(v *jsonValue) (any, error) {
	if v.kind != jsonTrue && v.kind != jsonFalse {
		return nil, errNotBool
	}
	return v.kind == jsonTrue, nil
}

func toText(v *jsonValue) (any, error) {
	if v.kind != jsonString {
		return nil, errNotString
	}
	return v.text, nil
}

// integerRange holds the bounds of an integer type; max -1 means that of a uint64.
func integerRange(lo, hi int64) (least, most *big.Int) {
	if hi == -1 {
		return big.NewInt(lo), new(big.Int).SetUint64(math.MaxUint64)
	}
	return big.NewInt(lo), big.NewInt(hi)
}

func within(n, least, most *big.Int) bool { return n.Cmp(least) >= 0 && n.Cmp(most) <= 0 }

// toInteger converts a JSON number without fraction.
func toInteger(name string, lo, hi int64) converter {
	least, most := integerRange(lo, hi)
	return func(v *jsonValue) (any, error) {
		var n *big.Int
		switch v.kind {
		case jsonInt:
			n = big.NewInt(v.i)
		case jsonUint:
			if hi != -1 && lo != 0 {
				return nil, errNotInt
			}
			n = new(big.Int).SetUint64(v.u)
		case jsonFloat:
			if v.f != math.Trunc(v.f) {
				return nil, fmt.Errorf("The provided JSON number: %s cannot be converted to %s", formatG(v.f, 6), name)
			}
			n, _ = big.NewFloat(v.f).Int(nil)
		default:
			return nil, errNotInt
		}
		if !within(n, least, most) {
			text := n.String()
			if v.kind == jsonFloat {
				text = formatG(v.f, 6)
			}
			return nil, fmt.Errorf("The provided JSON number: %s cannot be converted to %s", text, name)
		}
		return n, nil
	}
}

// laxInteger converts booleans, numbers (rounding half away from zero) and strings that
// hold a number.
func laxInteger(lo, hi int64) converter {
	least, most := integerRange(lo, hi)
	return func(v *jsonValue) (any, error) {
		var n *big.Int
		switch v.kind {
		case jsonTrue, jsonFalse:
			n = big.NewInt(0)
			if v.kind == jsonTrue {
				n = big.NewInt(1)
			}
		case jsonInt:
			n = big.NewInt(v.i)
		case jsonUint:
			n = new(big.Int).SetUint64(v.u)
		case jsonFloat:
			n, _ = big.NewFloat(math.Round(v.f)).Int(nil)
		case jsonString:
			r, ok := bigFromText(v.text)
			if !ok {
				return nil, nil
			}
			n = roundRat(r)
		default:
			return nil, nil
		}
		if !within(n, least, most) {
			return nil, nil
		}
		return n, nil
	}
}

// lossless bounds the integers that every FLOAT64 below them in size holds.
const lossless = 1 << 53

// number is a JSON number as a FLOAT64, and whether that is the very number.
func (v *jsonValue) number() (f float64, same, ok bool) {
	switch v.kind {
	case jsonInt:
		return float64(v.i), -lossless <= v.i && v.i <= lossless, true
	case jsonUint:
		return float64(v.u), false, true
	case jsonFloat:
		return v.f, true, true
	}
	return 0, false, false
}

func toFloat64(exact bool, typeName string) converter {
	return func(v *jsonValue) (any, error) {
		f, same, ok := v.number()
		if !ok {
			return nil, errNotNumber
		}
		if exact && !same {
			return nil, fmt.Errorf("JSON number: %s cannot be converted to %s without loss of precision", v, typeName)
		}
		return f, nil
	}
}

// toFloat32 gives the FLOAT32 as a FLOAT64.
func toFloat32(exact bool, typeName string) converter {
	return func(v *jsonValue) (any, error) {
		f, _, ok := v.number()
		if !ok {
			return nil, errNotNumber
		}
		text := v.String()
		if v.kind == jsonFloat {
			text = formatG(v.f, 6)
		}
		g := float64(float32(f))
		if exact && !sameNumber(v, g) {
			return nil, fmt.Errorf("JSON number: %s cannot be converted to %s without loss of precision", text, typeName)
		}
		if math.IsInf(g, 0) {
			return nil, fmt.Errorf("JSON number: %s cannot be converted to %s", text, typeName)
		}
		return g, nil
	}
}

func sameNumber(v *jsonValue, f float64) bool {
	w := jsonValue{kind: jsonFloat, f: f}
	return string(v.key(nil)) == string(w.key(nil))
}

func laxBool(v *jsonValue) (any, error) {
	switch v.kind {
	case jsonTrue, jsonFalse:
		return v.kind == jsonTrue, nil
	case jsonInt:
		return v.i != 0, nil
	case jsonUint:
		return v.u != 0, nil
	case jsonFloat:
		return v.f != 0, nil
	case jsonString:
		switch strings.ToLower(v.text) {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
	}
	return nil, nil
}

func laxText(v *jsonValue) (any, error) {
	switch v.kind {
	case jsonString:
		return v.text, nil
	case jsonFloat:
		if v.f == 0 {
			return "0", nil
		}
		return formatFloat(v.f), nil
	case jsonInt, jsonUint, jsonTrue, jsonFalse:
		return v.String(), nil
	}
	return nil, nil
}

func laxFloat64(v *jsonValue) (any, error) {
	if f, _, ok := v.number(); ok {
		return f, nil
	}
	if v.kind == jsonString {
		if f, ok := floatFromText(v.text); ok {
			return f, nil
		}
	}
	return nil, nil
}

func laxFloat32(v *jsonValue) (any, error) {
	x, _ := laxFloat64(v)
	f, ok := x.(float64)
	if !ok {
		return nil, nil
	}
	g := float64(float32(f))
	if math.IsInf(g, 0) && !math.IsInf(f, 0) {
		return nil, nil
	}
	return g, nil
}

// floatFromText reads a FLOAT64 as GoogleSQL casts a STRING: decimal with or without
// exponent, or inf, infinity, nan with or without a sign, in any case, with white space
// around; a number too large is refused.
func floatFromText(s string) (float64, bool) {
	s = strings.ToLower(strings.Trim(s, " \t\n\v\f\r"))
	for _, c := range []byte(s) {
		if c == '_' || c == 'x' || c == 'p' {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || s == "" {
		return 0, false
	}
	return f, true
}

// jsonDecimal is a NUMERIC or BIGNUMERIC, given as text, in JSON. Mode text is that of
// TO_JSON_STRING: a whole number of at most 2^53 is a number, all else a string. Modes
// round and wide are TO_JSON's: a whole number of 64 bits is one, another number is the
// nearest FLOAT64, or with wide a string unless that is the same number.
func jsonDecimal(a []any) (any, error) {
	text, mode := a[0].(string), a[1].(string)
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, fmt.Errorf("%q is no number", text)
	}
	if mode == "text" {
		if r.IsInt() && r.Num().IsInt64() && -lossless <= r.Num().Int64() && r.Num().Int64() <= lossless {
			return text, nil
		}
		return `"` + text + `"`, nil
	}
	if r.IsInt() && (r.Num().IsInt64() || r.Num().IsUint64()) {
		if n := r.Num(); mode != "wide" || n.IsInt64() && -lossless <= n.Int64() && n.Int64() <= lossless {
			return n.String(), nil
		}
		return `"` + text + `"`, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, err
	}
	out := string(appendJSONFloat(nil, f))
	if mode == "wide" && !sameDecimal(text, out) {
		return `"` + text + `"`, nil
	}
	return out, nil
}

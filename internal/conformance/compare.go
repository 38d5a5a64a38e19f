package conformance

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// marginBits is the tolerance of Google's suite (its kDefaultFloatMargin): two
// floats are equal when they differ by at most 2^4 units in the last place of
// the larger one; where both are within 2^4 units of the last place of 1.0 from
// zero they are equal too. All NaN are equal, and -0 equals 0.
const marginBits = 4

func sameFloat(x, y float64, kind ir.Kind) bool {
	if x == y || math.IsNaN(x) && math.IsNaN(y) {
		return true
	}
	if math.IsNaN(x) || math.IsNaN(y) || math.IsInf(x, 0) || math.IsInf(y, 0) {
		return false
	}
	digits, lowest := 52, -1021
	if kind == ir.Float32 {
		digits, lowest = 23, -125
	}
	ulp := func(f float64) float64 {
		_, exp := math.Frexp(f)
		return math.Ldexp(1, max(lowest, exp-1)-digits)
	}
	factor := float64(int(1) << marginBits)
	larger := math.Max(math.Abs(x), math.Abs(y))
	if near := factor * ulp(1); larger <= near {
		return math.Abs(x-y) <= near
	}
	return math.Abs(x-y) <= factor*ulp(larger)
}

// Differ says where two typed values differ, "" if they are the same. An array
// that is unordered on either side compares as a bag.
func Differ(want, got Value) string { return differ(want, got, "") }

func differ(want, got Value, at string) string {
	say := func(format string, args ...any) string {
		if at == "" {
			return fmt.Sprintf(format, args...)
		}
		return at + ": " + fmt.Sprintf(format, args...)
	}
	if want.Null != got.Null {
		return say("want %s, got %s", clip(want.String()), clip(got.String()))
	}
	if want.Null {
		return ""
	}
	if d := kindsDiffer(want.Type, got.Type); d != "" {
		return say("%s", d)
	}
	switch want.Type.Kind {
	case ir.Array:
		if len(want.Elems) != len(got.Elems) {
			return say("want %d elements, got %d", len(want.Elems), len(got.Elems))
		}
		if want.Unordered || got.Unordered {
			return bagsDiffer(want.Elems, got.Elems, at)
		}
		for i := range want.Elems {
			if d := differ(want.Elems[i], got.Elems[i], fmt.Sprintf("%s[%d]", at, i)); d != "" {
				return d
			}
		}
		return ""
	case ir.Struct, ir.Range:
		if len(want.Elems) != len(got.Elems) {
			return say("want %d fields, got %d", len(want.Elems), len(got.Elems))
		}
		for i := range want.Elems {
			name := strconv.Itoa(i + 1)
			if want.Type.Kind == ir.Struct && i < len(want.Type.Fields) {
				if n := want.Type.Fields[i].Name; n != "" {
					name = n
				}
			}
			if d := differ(want.Elems[i], got.Elems[i], at+"."+name); d != "" {
				return d
			}
		}
		return ""
	case ir.Float64, ir.Float32:
		if !sameFloat(want.Float, got.Float, want.Type.Kind) {
			return say("want %s, got %s", want, got)
		}
		return ""
	case ir.Interval:
		if !sameInterval(want.Text, got.Text) {
			return say("want %s, got %s", want.Text, got.Text)
		}
		return ""
	case ir.JSON:
		if !sameJSON(want.Text, got.Text) {
			return say("want %s, got %s", clip(want.Text), clip(got.Text))
		}
		return ""
	}
	if want.Text != got.Text {
		return say("want %s, got %s", clip(want.String()), clip(got.String()))
	}
	return ""
}

// kindsDiffer compares types: the kinds, and the names of fields where the suite gives them.
func kindsDiffer(want, got *ir.Type) string {
	if want == nil || got == nil || want.Kind == ir.Unknown || got.Kind == ir.Unknown {
		return ""
	}
	if want.Kind != got.Kind {
		return fmt.Sprintf("want the type %s, got %s", want, got)
	}
	if want.Kind == ir.Struct {
		if len(want.Fields) != len(got.Fields) {
			return fmt.Sprintf("want the type %s, got %s", want, got)
		}
		for i, f := range want.Fields {
			if f.Name != "" && !strings.EqualFold(f.Name, got.Fields[i].Name) {
				return fmt.Sprintf("want a field %s, got %q", f.Name, got.Fields[i].Name)
			}
		}
	}
	return ""
}

// bagsDiffer pairs every wanted element with an equal one. Floats are equal
// within a tolerance, so elements cannot be sorted by value first.
func bagsDiffer(want, got []Value, at string) string {
	used := make([]bool, len(got))
	for i, w := range want {
		found, first := false, ""
		// The same place first: most results come in the written order.
		for k := range got {
			j := (i + k) % len(got)
			if used[j] {
				continue
			}
			d := differ(w, got[j], at+"[]")
			if d == "" {
				used[j], found = true, true
				break
			}
			if first == "" {
				first = d
			}
		}
		if !found {
			missing := clip(w.String())
			if len(want) == 1 {
				return first
			}
			return strings.TrimPrefix(at+": the element "+missing+" is missing", ": ")
		}
	}
	return ""
}

func clip(s string) string {
	if len(s) > 160 {
		return strings.ToValidUTF8(s[:160], "") + "…"
	}
	return s
}

// sameJSON compares JSON values: objects without regard to the order of their
// members, numbers as they are written, but an exponent or trailing zeros do
// not matter between two floats.
func sameJSON(a, b string) bool {
	if a == b {
		return true
	}
	x, ok := readJSON(a)
	if !ok {
		return false
	}
	y, ok := readJSON(b)
	return ok && equalJSON(x, y)
}

func readJSON(s string) (any, bool) {
	d := json.NewDecoder(bytes.NewReader([]byte(s)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil || d.More() {
		return nil, false
	}
	return v, true
}

func equalJSON(a, b any) bool {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for k, v := range x {
			w, ok := y[k]
			if !ok || !equalJSON(v, w) {
				return false
			}
		}
		return true
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !equalJSON(x[i], y[i]) {
				return false
			}
		}
		return true
	case json.Number:
		y, ok := b.(json.Number)
		if !ok {
			return false
		}
		if x == y {
			return true
		}
		float := func(n json.Number) bool { return strings.ContainsAny(string(n), ".eE") }
		if !float(x) || !float(y) {
			return false
		}
		f, errF := x.Float64()
		g, errG := y.Float64()
		return errF == nil && errG == nil && f == g
	}
	return a == b
}

// RowsDiffer compares the rows of a spec with got, an array of structs (or of
// values, which stand for one column each).
func RowsDiffer(want [][]any, got Value, unordered bool) string {
	if len(want) != len(got.Elems) {
		return fmt.Sprintf("want %d rows, got %d", len(want), len(got.Elems))
	}
	row := func(v Value) []Value {
		if v.Type != nil && v.Type.Kind == ir.Struct {
			return v.Elems
		}
		return []Value{v}
	}
	same := func(w []any, v Value) string {
		cells := row(v)
		if len(w) != len(cells) {
			if len(w) == 1 && matches(w[0], v) {
				return "" // a value table of structs prints as one column
			}
			return fmt.Sprintf("want %d columns, got %d", len(w), len(cells))
		}
		for i := range w {
			if !matches(w[i], cells[i]) {
				return fmt.Sprintf("column %d: want %v, got %s", i+1, w[i], clip(shown(cells[i])))
			}
		}
		return ""
	}
	if !unordered {
		for i := range want {
			if d := same(want[i], got.Elems[i]); d != "" {
				return fmt.Sprintf("row %d, %s", i+1, d)
			}
		}
		return ""
	}
	used := make([]bool, len(got.Elems))
next:
	for i, w := range want {
		for j := range got.Elems {
			if !used[j] && same(w, got.Elems[j]) == "" {
				used[j] = true
				continue next
			}
		}
		return fmt.Sprintf("the row %d is missing: %v", i+1, w)
	}
	return ""
}

// matches compares a value of YAML with a typed one.
func matches(want any, got Value) bool {
	if want == nil || got.Null {
		return want == nil && got.Null || want == "NULL" && got.Null
	}
	kind := ir.Unknown
	if got.Type != nil {
		kind = got.Type.Kind
	}
	switch w := want.(type) {
	case bool:
		return kind == ir.Bool && got.Text == strconv.FormatBool(w)
	case number:
		return sameNumber(string(w), got, kind)
	case []any:
		if kind != ir.Array && kind != ir.Struct || len(w) != len(got.Elems) {
			return false
		}
		for i := range w {
			if !matches(w[i], got.Elems[i]) {
				return false
			}
		}
		return true
	case string:
		switch kind {
		case ir.Int64, ir.Int32, ir.Uint32, ir.Uint64, ir.Float64, ir.Float32, ir.Numeric, ir.BigNumeric:
			return sameNumber(w, got, kind)
		case ir.Datetime:
			return w == got.Text || w == strings.Replace(got.Text, " ", "T", 1)
		case ir.JSON:
			return sameJSON(w, got.Text)
		case ir.Bytes:
			return w == got.Text || w == base64.StdEncoding.EncodeToString([]byte(got.Text))
		}
		return w == shown(got)
	}
	return false
}

// sameNumber compares a number as written with a value. A float matches within
// the tolerance, or when it rounds to what is written and at least ten
// significant digits are.
func sameNumber(text string, got Value, kind ir.Kind) bool {
	switch kind {
	case ir.Float64, ir.Float32:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil && !math.IsInf(f, 0) {
			return false
		}
		if sameFloat(f, got.Float, kind) {
			return true
		}
		digits := len(strings.TrimLeft(strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, strings.SplitN(strings.ToLower(text), "e", 2)[0]), "0"))
		if digits < 10 {
			return false
		}
		g, err := strconv.ParseFloat(strconv.FormatFloat(got.Float, 'e', digits-1, 64), 64)
		return err == nil && sameFloat(f, g, kind)
	case ir.Int64, ir.Int32, ir.Uint32, ir.Uint64, ir.Numeric, ir.BigNumeric:
		x, ok := new(big.Rat).SetString(text)
		y, ok2 := new(big.Rat).SetString(got.Text)
		return ok && ok2 && x.Cmp(y) == 0
	case ir.JSON:
		return sameJSON(text, got.Text)
	}
	return false
}

// shown is the value as a client prints it: texts without quotes, NULL inside
// structs and arrays as NULL.
func shown(v Value) string {
	if v.Null {
		return "NULL"
	}
	kind := ir.Unknown
	if v.Type != nil {
		kind = v.Type.Kind
	}
	list := func(open, shut string, null string) string {
		parts := make([]string, len(v.Elems))
		for i, e := range v.Elems {
			parts[i] = shown(e)
			if e.Null {
				parts[i] = null
			}
		}
		return open + strings.Join(parts, ", ") + shut
	}
	switch kind {
	case ir.Array:
		return list("[", "]", "NULL")
	case ir.Struct:
		return list("{", "}", "NULL")
	case ir.Range:
		return list("[", ")", "UNBOUNDED")
	case ir.Float64, ir.Float32:
		return floatText(v.Float, kind)
	}
	return v.Text
}

package python

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// A value is nil (None), bool, int64, float64, string, *List, *Tuple, *Dict or Undefined. What
// comes in from elsewhere as another kind of number, as []any, []string or map[string]any is
// taken for what it is nearest to; such a map is in the order of its keys. Other values print
// as Go prints them.

// List is a list, which methods change in place. Not safe for concurrent use.
type List struct{ Items []any }

// Tuple is a tuple.
type Tuple struct{ Items []any }

// Dict is a dictionary in the order of insertion. Not safe for concurrent use.
type Dict struct {
	keys   []any
	values []any
	at     map[string]int
}

// Undefined is what a name without a value gives: it prints as nothing and is false.
type Undefined struct{ Name string }

// NewDict makes one of keys and values by turns. It is an error if a key cannot be one.
func NewDict(pairs ...any) (*Dict, error) {
	d := &Dict{at: map[string]int{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		if err := d.Set(pairs[i], pairs[i+1]); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// hash is equal for equal keys: 1, 1.0 and True are one.
func hash(k any) (string, error) {
	switch k := Of(k).(type) {
	case nil:
		return "n", nil
	case string:
		return "s" + k, nil
	case bool:
		if k {
			return "i1", nil
		}
		return "i0", nil
	case int64:
		return "i" + strconv.FormatInt(k, 10), nil
	case float64:
		if k == math.Trunc(k) && math.Abs(k) < 1<<62 {
			return "i" + strconv.FormatInt(int64(k), 10), nil
		}
		return "f" + strconv.FormatFloat(k, 'g', -1, 64), nil
	case *Tuple:
		out := "t"
		for _, x := range k.Items {
			h, err := hash(x)
			if err != nil {
				return "", err
			}
			out += strconv.Itoa(len(h)) + ":" + h
		}
		return out, nil
	}
	return "", fmt.Errorf("%s cannot be a key of a dictionary", Kind(k))
}

// Set gives a key a value.
func (d *Dict) Set(k, v any) error {
	h, err := hash(k)
	if err != nil {
		return err
	}
	if i, ok := d.at[h]; ok {
		d.values[i] = Of(v)
		return nil
	}
	d.at[h] = len(d.keys)
	d.keys, d.values = append(d.keys, Of(k)), append(d.values, Of(v))
	return nil
}

// Get is the value of a key.
func (d *Dict) Get(k any) (any, bool) {
	h, err := hash(k)
	if err != nil {
		return nil, false
	}
	i, ok := d.at[h]
	if !ok {
		return nil, false
	}
	return d.values[i], true
}

// Delete takes a key out and gives its value.
func (d *Dict) Delete(k any) (any, bool) {
	v, ok := d.Get(k)
	if !ok {
		return nil, false
	}
	h, _ := hash(k)
	i := d.at[h]
	d.keys, d.values = slices.Delete(d.keys, i, i+1), slices.Delete(d.values, i, i+1)
	delete(d.at, h)
	for k, j := range d.at {
		if j > i {
			d.at[k] = j - 1
		}
	}
	return v, true
}

// Len is the number of keys, Keys and Values are in the order of insertion.
func (d *Dict) Len() int      { return len(d.keys) }
func (d *Dict) Keys() []any   { return slices.Clone(d.keys) }
func (d *Dict) Values() []any { return slices.Clone(d.values) }

// Items are tuples of key and value.
func (d *Dict) Items() []any {
	out := make([]any, len(d.keys))
	for i := range d.keys {
		out[i] = &Tuple{[]any{d.keys[i], d.values[i]}}
	}
	return out
}

// Of makes a value of what comes from elsewhere.
func Of(v any) any {
	switch v := v.(type) {
	case int:
		return int64(v)
	case int32:
		return int64(v)
	case uint64:
		if v <= math.MaxInt64 {
			return int64(v)
		}
		return float64(v)
	case float32:
		return float64(v)
	case time.Time: // as PyYAML reads it
		if v.Equal(v.Truncate(24 * time.Hour)) {
			return Date{v}
		}
		return Datetime{v}
	case []any:
		return &List{v}
	case []int:
		out := make([]any, len(v))
		for i, n := range v {
			out[i] = int64(n)
		}
		return &List{out}
	case []string:
		out := make([]any, len(v))
		for i, s := range v {
			out[i] = s
		}
		return &List{out}
	case map[string]any:
		d, _ := NewDict()
		for _, k := range slices.Sorted(maps.Keys(v)) {
			_ = d.Set(k, v[k]) // a text is always a key
		}
		return d
	}
	return v
}

// Kind is the name of a value's type for messages, as Python has it.
func Kind(v any) string {
	switch Of(v).(type) {
	case nil:
		return "None"
	case bool:
		return "bool"
	case int64:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case *List:
		return "list"
	case *Tuple:
		return "tuple"
	case *Dict:
		return "dict"
	case Undefined:
		return "undefined"
	case *Match:
		return "re.Match"
	case Date:
		return "datetime.date"
	case Datetime:
		return "datetime.datetime"
	case Duration:
		return "datetime.timedelta"
	}
	return fmt.Sprintf("%T", v)
}

// Str is str(v).
func Str(v any) string {
	switch v := Of(v).(type) {
	case string:
		return v
	case Undefined:
		return ""
	case Date, Datetime, Duration:
		s, _ := timeText(v)
		return s
	default:
		return Repr(v)
	}
}

// Repr is repr(v).
func Repr(v any) string { return repr(v, 0) }

// maxNesting bounds values that contain themselves.
const maxNesting = 100

func repr(v any, depth int) string {
	if depth > maxNesting {
		return "..."
	}
	list := func(open, end string, items []any) string {
		out := make([]string, len(items))
		for i, x := range items {
			out[i] = repr(x, depth+1)
		}
		return open + strings.Join(out, ", ") + end
	}
	switch v := Of(v).(type) {
	case Date, Datetime, Duration:
		return timeRepr(v)
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return floatText(v)
	case string:
		return quoted(v)
	case *List:
		return list("[", "]", v.Items)
	case *Tuple:
		if len(v.Items) == 1 {
			return list("(", ",)", v.Items)
		}
		return list("(", ")", v.Items)
	case *Dict:
		out := make([]string, len(v.keys))
		for i, k := range v.keys {
			out[i] = repr(k, depth+1) + ": " + repr(v.values[i], depth+1)
		}
		return "{" + strings.Join(out, ", ") + "}"
	case Undefined:
		return "Undefined"
	default:
		return fmt.Sprint(v)
	}
}

// floatText is repr of a float: the shortest digits, with an exponent below 1e-4 and from 1e16 on.
func floatText(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func quoted(s string) string {
	mark := '\''
	if strings.ContainsRune(s, '\'') && !strings.ContainsRune(s, '"') {
		mark = '"'
	}
	var b strings.Builder
	b.WriteRune(mark)
	for _, r := range s {
		switch {
		case r == mark || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 127 || r > 127 && r < 256 && !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		case r > 255 && !unicode.IsPrint(r) && r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		case r > 255 && !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteRune(mark)
	return b.String()
}

// True is bool(v).
func True(v any) bool {
	switch v := Of(v).(type) {
	case nil, Undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case *List:
		return len(v.Items) > 0
	case *Tuple:
		return len(v.Items) > 0
	case *Dict:
		return v.Len() > 0
	}
	return true
}

// number gives both forms of a number: i where whole is true, f always.
func number(v any) (i int64, f float64, whole, ok bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, 1, true, true
		}
		return 0, 0, true, true
	case int64:
		return v, float64(v), true, true
	case float64:
		return 0, v, false, true
	}
	return 0, 0, false, false
}

// Equal is a == b.
func Equal(a, b any) bool { return equal(Of(a), Of(b), 0) }

func equal(a, b any, depth int) bool {
	if depth > maxNesting {
		return false
	}
	if i, f, whole, ok := number(a); ok {
		j, g, whole2, ok := number(b)
		if whole && whole2 {
			return ok && i == j
		}
		return ok && f == g
	}
	if c, ok := timeCompare(a, b); ok {
		return c == 0
	}
	if Kind(a) != Kind(b) {
		return false
	}
	all := func(x, y []any) bool {
		return slices.EqualFunc(x, y, func(a, b any) bool { return equal(Of(a), Of(b), depth+1) })
	}
	switch a := a.(type) {
	case nil:
		return b == nil
	case string:
		s, ok := b.(string)
		return ok && a == s
	case *List:
		l, ok := b.(*List)
		return ok && all(a.Items, l.Items)
	case *Tuple:
		l, ok := b.(*Tuple)
		return ok && all(a.Items, l.Items)
	case *Dict:
		d, ok := b.(*Dict)
		if !ok || a.Len() != d.Len() {
			return false
		}
		for i, k := range a.keys {
			v, ok := d.Get(k)
			if !ok || !equal(a.values[i], v, depth+1) {
				return false
			}
		}
		return true
	case Undefined:
		_, ok := b.(Undefined)
		return ok
	}
	return fmt.Sprint(a) == fmt.Sprint(b)
}

// Compare orders a and b: numbers, texts, lists and tuples among themselves. All else is an error.
func Compare(a, b any) (int, error) {
	a, b = Of(a), Of(b)
	if i, f, whole, ok := number(a); ok {
		if j, g, whole2, ok := number(b); ok {
			if whole && whole2 {
				return cmp.Compare(i, j), nil
			}
			return cmp.Compare(f, g), nil
		}
	}
	if c, ok := timeCompare(a, b); ok {
		return c, nil
	}
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			return strings.Compare(x, y), nil
		}
	case *List:
		if y, ok := b.(*List); ok {
			return compareAll(x.Items, y.Items)
		}
	case *Tuple:
		if y, ok := b.(*Tuple); ok {
			return compareAll(x.Items, y.Items)
		}
	}
	return 0, fmt.Errorf("%s and %s have no order", Kind(a), Kind(b))
}

func compareAll(x, y []any) (int, error) {
	for i := range min(len(x), len(y)) {
		if Equal(x[i], y[i]) {
			continue
		}
		return Compare(x[i], y[i])
	}
	return cmp.Compare(len(x), len(y)), nil
}

// In is a in b.
func In(a, b any) (bool, error) {
	switch b := Of(b).(type) {
	case string:
		s, ok := Of(a).(string)
		if !ok {
			return false, fmt.Errorf("%s cannot be in a str", Kind(a))
		}
		return strings.Contains(b, s), nil
	case *Dict:
		if _, err := hash(a); err != nil {
			return false, err
		}
		_, ok := b.Get(a)
		return ok, nil
	}
	items, err := Iter(b)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(items, func(x any) bool { return Equal(a, x) }), nil
}

// Iter lists the items of a value: characters of a text, keys of a dictionary. Undefined has none.
func Iter(v any) ([]any, error) {
	switch v := Of(v).(type) {
	case *List:
		return slices.Clone(v.Items), nil
	case *Tuple:
		return slices.Clone(v.Items), nil
	case *Dict:
		return v.Keys(), nil
	case string:
		var out []any
		for _, r := range v {
			out = append(out, string(r))
		}
		return out, nil
	case Undefined:
		return nil, nil
	default:
		return nil, fmt.Errorf("%s has no items", Kind(v))
	}
}

// Len is len(v).
func Len(v any) (int64, error) {
	switch v := Of(v).(type) {
	case string:
		return int64(len([]rune(v))), nil
	case nil:
		return 0, fmt.Errorf("None has no length")
	default:
		items, err := Iter(v)
		if err != nil {
			return 0, fmt.Errorf("%s has no length", Kind(v))
		}
		return int64(len(items)), nil
	}
}

// Item is v[key], and Undefined where there is none.
func Item(v, key any) any {
	at := func(items []any) any {
		i, _, whole, ok := number(Of(key))
		if !ok || !whole {
			return Undefined{Str(key)}
		}
		if i < 0 {
			i += int64(len(items))
		}
		if i < 0 || i >= int64(len(items)) {
			return Undefined{Str(key)}
		}
		return Of(items[i])
	}
	switch v := Of(v).(type) {
	case *Dict:
		if x, ok := v.Get(key); ok {
			return x
		}
	case *List:
		return at(v.Items)
	case *Tuple:
		return at(v.Items)
	case string:
		items, _ := Iter(v)
		return at(items)
	}
	return Undefined{Str(key)}
}

// Slice is v[low:high:step]; nil is a part that is left out.
func Slice(v, low, high, step any) (any, error) {
	by := int64(1)
	if step != nil {
		n, _, whole, ok := number(Of(step))
		if !ok || !whole || n == 0 {
			return nil, fmt.Errorf("%s cannot be the step of a slice", Repr(step))
		}
		by = n
	}
	items, err := Iter(v)
	if _, dict := Of(v).(*Dict); dict || err != nil {
		return Undefined{}, nil // as any item that is not there
	}
	n := int64(len(items))
	bound := func(x any, other int64) (int64, error) {
		if x == nil {
			return other, nil
		}
		i, _, whole, ok := number(Of(x))
		if !ok || !whole {
			return 0, fmt.Errorf("%s cannot be a bound of a slice", Repr(x))
		}
		if i < 0 {
			i += n
		}
		if by > 0 {
			return min(max(i, 0), n), nil
		}
		return min(max(i, -1), n-1), nil
	}
	from, to := int64(0), n
	if by < 0 {
		from, to = n-1, -1
	}
	if from, err = bound(low, from); err != nil {
		return nil, err
	}
	if to, err = bound(high, to); err != nil {
		return nil, err
	}
	out := []any{}
	for i := from; by > 0 && i < to || by < 0 && i > to; i += by {
		out = append(out, items[i])
	}
	switch Of(v).(type) {
	case string:
		return joined(out, ""), nil
	case *Tuple:
		return &Tuple{out}, nil
	}
	return &List{out}, nil
}

func joined(items []any, with string) string {
	out := make([]string, len(items))
	for i, x := range items {
		out[i] = Str(x)
	}
	return strings.Join(out, with)
}

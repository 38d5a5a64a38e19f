package python

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

var errUnknown = errors.New("there is no such filter")

// Filters are the names of the filters that Filter knows, sorted.
func Filters() []string {
	return []string{
		"abs", "as_bool", "as_native", "as_number", "as_text", "attr", "batch", "capitalize", "center", "count", "d", "default",
		"dictsort", "e", "escape", "first", "float", "format", "groupby", "indent", "int", "items", "join", "last", "length",
		"list", "lower", "map", "max", "min", "reject", "rejectattr", "replace", "reverse", "round", "safe", "select",
		"selectattr", "slice", "sort", "string", "sum", "title", "tojson", "trim", "truncate", "unique", "upper", "urlencode",
		"wordcount",
	}
}

// Tests are the names of the tests that Test knows, sorted.
func Tests() []string {
	return []string{
		"boolean", "callable", "defined", "divisibleby", "eq", "equalto", "even", "false", "filter", "float", "ge", "greaterthan", "gt",
		"in", "integer", "iterable", "le", "lessthan", "lower", "lt", "mapping", "ne", "none", "number", "odd", "sameas",
		"sequence", "string", "true", "undefined", "upper",
	}
}

// Filter is v|name(args).
func Filter(name string, v any, a Args) (any, error) {
	out, err := filter(name, Of(v), a)
	if err != nil {
		return nil, fmt.Errorf("filter %s: %w", name, err)
	}
	return Of(out), nil
}

func filter(name string, v any, a Args) (any, error) {
	first, has := a.at(0, "")
	switch name {
	case "abs":
		i, f, whole, ok := number(v)
		switch {
		case !ok:
			return nil, fmt.Errorf("%s is no number", Repr(v))
		case whole && i < 0:
			return -i, nil
		case whole:
			return i, nil
		}
		return math.Abs(f), nil
	case "as_bool", "as_native", "as_number", "safe":
		return v, nil
	case "as_text", "string":
		return Str(v), nil
	case "attr":
		return Item(v, first), nil
	case "batch", "slice":
		return batches(name, v, a)
	case "capitalize":
		return capitalize(Str(v)), nil
	case "center":
		n, err := a.int(0, "width", 80)
		if err != nil {
			return nil, err
		}
		return Method(Str(v), "center", Args{List: []any{n}})
	case "count", "length":
		return Len(v)
	case "d", "default":
		other, _ := a.at(0, "default_value")
		if !has && other == nil {
			other = ""
		}
		if _, undefined := v.(Undefined); undefined || a.flag(1, "boolean", false) && !True(v) {
			return other, nil
		}
		return v, nil
	case "dictsort":
		return dictsort(v, a)
	case "e", "escape":
		return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&#34;").Replace(Str(v)), nil
	case "first", "last":
		items, err := Iter(v)
		switch {
		case err != nil:
			return nil, err
		case len(items) == 0:
			return Undefined{}, nil
		case name == "first":
			return items[0], nil
		}
		return items[len(items)-1], nil
	case "float":
		return toFloat(v, firstOr(a, "default", 0.0)), nil
	case "format":
		if a.Named != nil && a.Named.Len() > 0 {
			return Percent(Str(v), a.Named)
		}
		return Percent(Str(v), &Tuple{a.List})
	case "groupby":
		return groupby(v, a)
	case "indent":
		s, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("%s is no text", Repr(v))
		}
		return indent(s, a)
	case "int":
		base, err := a.int(1, "base", 10)
		if err != nil {
			return nil, err
		}
		return toInt(v, firstOr(a, "default", int64(0)), base), nil
	case "items":
		switch d := v.(type) {
		case *Dict:
			return &List{d.Items()}, nil
		case Undefined:
			return &List{}, nil
		}
		return nil, fmt.Errorf("%s is no dictionary", Repr(v))
	case "join":
		items, err := Iter(v)
		if err != nil {
			return nil, err
		}
		if key, ok := a.at(1, "attribute"); ok && key != nil {
			for i, x := range items {
				items[i] = path(x, key)
			}
		}
		return joined(items, a.text(0, "d", "")), nil
	case "list":
		items, err := Iter(v)
		return &List{items}, err
	case "lower":
		return strings.ToLower(Str(v)), nil
	case "upper":
		return strings.ToUpper(Str(v)), nil
	case "map":
		return mapped(v, a)
	case "max", "min":
		return extreme(name, v, a)
	case "reject", "select", "rejectattr", "selectattr":
		return selected(name, v, a)
	case "replace":
		n, err := a.int(2, "count", -1)
		if err != nil || a.many() < 2 {
			return nil, fmt.Errorf("want what and by what")
		}
		return strings.Replace(Str(v), a.text(0, "old", ""), a.text(1, "new", ""), int(n)), nil
	case "reverse":
		if s, ok := v.(string); ok {
			r := []rune(s)
			slices.Reverse(r)
			return string(r), nil
		}
		items, err := Iter(v)
		slices.Reverse(items)
		return &List{items}, err
	case "round":
		return round(v, a)
	case "sort":
		items, err := Iter(v)
		if err != nil {
			return nil, err
		}
		key, _ := a.at(2, "attribute")
		out, err := sorted(items, sortKey(key, a.flag(1, "case_sensitive", false)), a.flag(0, "reverse", false))
		return &List{out}, err
	case "sum":
		items, err := Iter(v)
		if err != nil {
			return nil, err
		}
		out := Of(firstOrAt(a, 1, "start", int64(0)))
		key, _ := a.at(0, "attribute")
		for _, x := range items {
			if key != nil {
				x = path(x, key)
			}
			if out, err = Op("+", out, x); err != nil {
				return nil, err
			}
		}
		return out, nil
	case "title":
		return titled(Str(v)), nil
	case "tojson":
		return toJSON(v, a)
	case "trim":
		if set, ok := a.at(0, "chars"); ok && set != nil {
			return strings.Trim(Str(v), Str(set)), nil
		}
		return strings.TrimFunc(Str(v), isSpace), nil
	case "truncate":
		return truncate(Str(v), a)
	case "unique":
		items, err := Iter(v)
		if err != nil {
			return nil, err
		}
		key, _ := a.at(1, "attribute")
		by := sortKey(key, a.flag(0, "case_sensitive", false))
		var seen, out []any
		for _, x := range items {
			k := by(x)
			if !slices.ContainsFunc(seen, func(y any) bool { return Equal(k, y) }) {
				seen, out = append(seen, k), append(out, x)
			}
		}
		return &List{out}, nil
	case "urlencode":
		return urlencode(v)
	case "wordcount":
		return int64(len(strings.FieldsFunc(Str(v), func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }))), nil
	}
	return nil, errUnknown
}

func firstOr(a Args, name string, other any) any { return firstOrAt(a, 0, name, other) }

func firstOrAt(a Args, i int, name string, other any) any {
	if v, ok := a.at(i, name); ok {
		return v
	}
	return other
}

// path follows «a.b.0» into a value.
func path(v, key any) any {
	s, ok := Of(key).(string)
	if !ok {
		return Item(v, key)
	}
	for _, part := range strings.Split(s, ".") {
		if n, err := strconv.ParseInt(part, 10, 64); err == nil && n >= 0 {
			v = Item(v, n)
		} else {
			v = Item(v, part)
		}
	}
	return v
}

// sortKey is what Jinja compares by: texts without regard to case unless that is asked for.
func sortKey(attribute any, caseful bool) func(any) any {
	return func(x any) any {
		x = Of(x)
		if attribute != nil {
			keys := strings.Split(Str(attribute), ",")
			if len(keys) > 1 {
				t := &Tuple{}
				for _, k := range keys {
					t.Items = append(t.Items, folded(path(x, k), caseful))
				}
				return t
			}
			x = path(x, attribute)
		}
		return folded(x, caseful)
	}
}

func folded(x any, caseful bool) any {
	if s, ok := x.(string); ok && !caseful {
		return strings.ToLower(s)
	}
	return x
}

func batches(name string, v any, a Args) (any, error) {
	items, err := Iter(v)
	if err != nil {
		return nil, err
	}
	n, err := a.int(0, map[string]string{"batch": "linecount", "slice": "slices"}[name], 0)
	if err != nil || n <= 0 {
		return nil, fmt.Errorf("want a number above 0")
	}
	fill, _ := a.at(1, "fill_with")
	var out []any
	if name == "batch" {
		for len(items) > 0 {
			k := min(int(n), len(items))
			part := slices.Clone(items[:k])
			for fill != nil && len(part) < int(n) {
				part = append(part, fill)
			}
			out, items = append(out, &List{part}), items[k:]
		}
		return &List{out}, nil
	}
	per, more := len(items)/int(n), len(items)%int(n)
	at := 0
	for i := range int(min(n, maxItems)) {
		k := per
		if i < more {
			k++
		}
		part := slices.Clone(items[at : at+k])
		if fill != nil && i >= more {
			part = append(part, fill)
		}
		out, at = append(out, &List{part}), at+k
	}
	return &List{out}, nil
}

func dictsort(v any, a Args) (any, error) {
	d, ok := v.(*Dict)
	if !ok {
		return nil, fmt.Errorf("%s is no dictionary", Repr(v))
	}
	by := int64(0)
	if a.text(1, "by", "key") == "value" {
		by = 1
	}
	caseful := a.flag(0, "case_sensitive", false)
	out, err := sorted(d.Items(), func(x any) any { return folded(Item(x, by), caseful) }, a.flag(2, "reverse", false))
	return &List{out}, err
}

func groupby(v any, a Args) (any, error) {
	items, err := Iter(v)
	if err != nil {
		return nil, err
	}
	key, _ := a.at(0, "attribute")
	other, hasOther := a.at(1, "default")
	value := func(x any) any {
		y := path(x, key)
		if _, undefined := y.(Undefined); undefined && hasOther {
			return other
		}
		return y
	}
	caseful := a.flag(2, "case_sensitive", false)
	by := func(x any) any { return folded(value(x), caseful) }
	if items, err = sorted(items, by, false); err != nil {
		return nil, err
	}
	var out []any
	for i := 0; i < len(items); {
		j := i
		for j < len(items) && Equal(by(items[i]), by(items[j])) {
			j++
		}
		out = append(out, &Tuple{[]any{value(items[i]), &List{slices.Clone(items[i:j])}}})
		i = j
	}
	return &List{out}, nil
}

func indent(s string, a Args) (any, error) {
	by := "    "
	if w, ok := a.at(0, "width"); ok {
		if t, ok := w.(string); ok {
			by = t
		} else if n, _, whole, ok := number(w); ok && whole && n <= 10_000 {
			by = strings.Repeat(" ", int(max(0, n)))
		}
	}
	blank := a.flag(2, "blank", false)
	// Jinja adds a line break, so that one at the end counts as a line.
	rows := strings.Split(s, "\n")
	for i := range rows {
		if i > 0 && (blank || rows[i] != "") || i == 0 && a.flag(1, "first", false) {
			rows[i] = by + rows[i]
		}
	}
	return strings.Join(rows, "\n"), nil
}

// mapped is map: of an attribute, or of a filter by name with its arguments.
func mapped(v any, a Args) (any, error) {
	items, err := Iter(v)
	if err != nil {
		return nil, err
	}
	out := make([]any, len(items))
	if len(a.List) == 0 {
		key, ok := a.at(0, "attribute")
		if !ok {
			return nil, fmt.Errorf("want a filter or an attribute")
		}
		other, hasOther := a.at(9, "default")
		for i, x := range items {
			out[i] = path(x, key)
			if _, undefined := out[i].(Undefined); undefined && hasOther {
				out[i] = other
			}
		}
		return &List{out}, nil
	}
	for i, x := range items {
		if out[i], err = Filter(Str(a.List[0]), x, Args{List: a.List[1:], Named: a.Named}); err != nil {
			return nil, err
		}
	}
	return &List{out}, nil
}

func extreme(name string, v any, a Args) (any, error) {
	items, err := Iter(v)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return Undefined{}, nil
	}
	key, _ := a.at(1, "attribute")
	by := sortKey(key, a.flag(0, "case_sensitive", false))
	best := items[0]
	for _, x := range items[1:] {
		c, err := Compare(by(x), by(best))
		if err != nil {
			return nil, err
		}
		if name == "max" && c > 0 || name == "min" && c < 0 {
			best = x
		}
	}
	return best, nil
}

func selected(name string, v any, a Args) (any, error) {
	if !True(v) {
		return &List{}, nil
	}
	items, err := Iter(v)
	if err != nil {
		return nil, err
	}
	rest := a.List
	of := func(x any) any { return x }
	if strings.HasSuffix(name, "attr") {
		if len(rest) == 0 {
			return nil, fmt.Errorf("want an attribute")
		}
		key := rest[0]
		of, rest = func(x any) any { return path(x, key) }, rest[1:]
	}
	want := strings.HasPrefix(name, "select")
	out := []any{}
	for _, x := range items {
		ok := True(of(x))
		if len(rest) > 0 {
			if ok, err = Test(Str(rest[0]), of(x), Args{List: rest[1:], Named: a.Named}); err != nil {
				return nil, err
			}
		}
		if ok == want {
			out = append(out, x)
		}
	}
	return &List{out}, nil
}

func round(v any, a Args) (any, error) {
	_, f, _, ok := number(v)
	if !ok {
		return nil, fmt.Errorf("%s is no number", Repr(v))
	}
	n, err := a.int(0, "precision", 0)
	if err != nil {
		return nil, err
	}
	i, _, whole, _ := number(v)
	switch how := a.text(1, "method", "common"); how {
	case "common":
		if whole && n >= 0 {
			return i, nil // round of an int is an int
		}
		if n < 0 {
			p := math.Pow(10, float64(-n))
			r := math.RoundToEven(f/p) * p
			if whole {
				return int64(r), nil
			}
			return r, nil
		}
		// The nearest decimal, halves to even, as the text of the exact value decides.
		r, err := strconv.ParseFloat(strconv.FormatFloat(f, 'f', int(min(n, 300)), 64), 64)
		return r, err
	case "ceil", "floor":
		p := math.Pow(10, float64(n))
		g := math.Ceil
		if how == "floor" {
			g = math.Floor
		}
		return g(f*p) / p, nil
	default:
		return nil, fmt.Errorf("%q is none of common, ceil, floor", how)
	}
}

// titled is Jinja's title: words begin behind white space, hyphens and opening brackets.
func titled(s string) string {
	var b strings.Builder
	in := false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r) || strings.ContainsRune("-({[<", r):
			in = false
			b.WriteRune(r)
		case in:
			b.WriteRune(unicode.ToLower(r))
		default:
			in = true
			b.WriteRune(unicode.ToUpper(r))
		}
	}
	return b.String()
}

func truncate(s string, a Args) (any, error) {
	n, err := a.int(0, "length", 255)
	if err != nil {
		return nil, err
	}
	leeway, err := a.int(3, "leeway", 5)
	if err != nil {
		return nil, err
	}
	end := a.text(2, "end", "...")
	r := []rune(s)
	if int64(len(r)) <= n+leeway {
		return s, nil
	}
	keep := int(n) - len([]rune(end))
	if keep < 0 {
		return nil, fmt.Errorf("%d is shorter than the end", n)
	}
	cut := string(r[:keep])
	if !a.flag(1, "killwords", false) {
		if i := strings.LastIndex(cut, " "); i >= 0 {
			cut = cut[:i]
		}
	}
	return cut + end, nil
}

// toJSON is json.dumps as dbt's tojson has it: a space behind commas and colons.
func toJSON(v any, a Args) (any, error) {
	var b strings.Builder
	err := writeJSON(&b, v, a.flag(9, "sort_keys", false), 0)
	return b.String(), err
}

func writeJSON(b *strings.Builder, v any, sort bool, depth int) error {
	if depth > maxNesting {
		return fmt.Errorf("the value contains itself")
	}
	list := func(items []any) error {
		b.WriteByte('[')
		for i, x := range items {
			if i > 0 {
				b.WriteString(", ")
			}
			if err := writeJSON(b, x, sort, depth+1); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	}
	switch v := Of(v).(type) {
	case nil:
		b.WriteString("null")
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case float64:
		b.WriteString(strings.NewReplacer("inf", "Infinity", "nan", "NaN").Replace(floatText(v)))
	case string:
		b.WriteString(jsonText(v))
	case *List:
		return list(v.Items)
	case *Tuple:
		return list(v.Items)
	case *Dict:
		keys := v.Keys()
		if sort {
			slices.SortStableFunc(keys, func(x, y any) int { return strings.Compare(Str(x), Str(y)) })
		}
		b.WriteByte('{')
		for i, k := range keys {
			if i > 0 {
				b.WriteString(", ")
			}
			name := Str(k)
			switch k.(type) {
			case bool:
				name = strings.ToLower(name)
			case nil:
				name = "null"
			}
			b.WriteString(jsonText(name) + ": ")
			x, _ := v.Get(k)
			if err := writeJSON(b, x, sort, depth+1); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	default:
		return fmt.Errorf("%s is no JSON", Kind(v))
	}
	return nil
}

// jsonText is a text in JSON, in ASCII only.
func jsonText(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 127 || r > 126:
			if q, err := json.Marshal(string(r)); err == nil && r < ' ' && len(q) == 4 {
				b.Write(q[1:3])
			} else if r > 0xffff {
				r -= 0x10000
				fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
			} else if r == 127 {
				b.WriteRune(r)
			} else {
				fmt.Fprintf(&b, `\u%04x`, r)
			}
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func urlencode(v any) (any, error) {
	quote := func(s string, slash bool) string {
		s = strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
		s = strings.ReplaceAll(s, "%7E", "~")
		if slash {
			s = strings.ReplaceAll(s, "%2F", "/")
		}
		return s
	}
	var pairs []any
	switch x := v.(type) {
	case *Dict:
		pairs = x.Items()
	case *List:
		pairs = x.Items
	default:
		return quote(Str(v), true), nil
	}
	var out []string
	for _, p := range pairs {
		out = append(out, strings.ReplaceAll(quote(Str(Item(p, int64(0))), false), "%20", "+")+"="+strings.ReplaceAll(quote(Str(Item(p, int64(1))), false), "%20", "+"))
	}
	return strings.Join(out, "&"), nil
}

// Test is v is name(args).
func Test(name string, v any, a Args) (bool, error) {
	v = Of(v)
	first, _ := a.at(0, "")
	_, _, whole, isNumber := number(v)
	_, isBool := v.(bool)
	order := func(ok func(int) bool) (bool, error) {
		c, err := Compare(v, first)
		return err == nil && ok(c), err
	}
	switch name {
	case "boolean":
		return isBool, nil
	case "callable":
		return false, nil
	case "defined":
		_, undefined := v.(Undefined)
		return !undefined, nil
	case "undefined":
		_, undefined := v.(Undefined)
		return undefined, nil
	case "divisibleby", "even", "odd":
		by := any(int64(2))
		if name == "divisibleby" {
			by = first
		}
		r, err := Op("%", v, by)
		return err == nil && Equal(r, int64(0)) != (name == "odd"), err
	case "eq", "equalto", "==":
		return Equal(v, first), nil
	case "ne", "!=":
		return !Equal(v, first), nil
	case "lt", "lessthan", "<":
		return order(func(c int) bool { return c < 0 })
	case "le", "<=":
		return order(func(c int) bool { return c <= 0 })
	case "gt", "greaterthan", ">":
		return order(func(c int) bool { return c > 0 })
	case "ge", ">=":
		return order(func(c int) bool { return c >= 0 })
	case "in":
		return In(v, first)
	case "true":
		return isBool && True(v), nil
	case "false":
		return isBool && !True(v), nil
	case "none":
		return v == nil, nil
	case "integer":
		return isNumber && whole && !isBool, nil
	case "float":
		return isNumber && !whole, nil
	case "number":
		return isNumber, nil
	case "string":
		_, ok := v.(string)
		return ok, nil
	case "mapping":
		_, ok := v.(*Dict)
		return ok, nil
	case "iterable":
		_, err := Iter(v)
		return err == nil, nil
	case "sequence":
		switch v.(type) {
		case string, *List, *Tuple, *Dict:
			return true, nil
		}
		_, undefined := v.(Undefined)
		return undefined, nil
	case "lower":
		s := Str(v)
		return strings.ToLower(s) == s && strings.ToUpper(s) != s, nil
	case "upper":
		s := Str(v)
		return strings.ToUpper(s) == s && strings.ToLower(s) != s, nil
	case "sameas":
		switch v.(type) {
		case *List, *Tuple, *Dict:
			return v == first, nil
		}
		return Kind(v) == Kind(first) && Equal(v, first), nil
	case "filter":
		return slices.Contains(Filters(), Str(v)), nil
	}
	return false, fmt.Errorf("there is no test %s", name)
}

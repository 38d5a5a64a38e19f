package python

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Args are the arguments of a method, a filter or a test.
type Args struct {
	List  []any
	Named *Dict // may be nil
}

// at is an argument by its place or its name; ok is false where it is not given.
func (a Args) at(i int, name string) (any, bool) {
	if i < len(a.List) {
		return Of(a.List[i]), true
	}
	if a.Named != nil && name != "" {
		if v, ok := a.Named.Get(name); ok {
			return v, true
		}
	}
	return nil, false
}

func (a Args) text(i int, name, other string) string {
	if v, ok := a.at(i, name); ok {
		return Str(v)
	}
	return other
}

func (a Args) int(i int, name string, other int64) (int64, error) {
	v, ok := a.at(i, name)
	if !ok {
		return other, nil
	}
	n, _, whole, ok := number(v)
	if !ok || !whole {
		return 0, fmt.Errorf("want a whole number and not %s", Repr(v))
	}
	return n, nil
}

func (a Args) flag(i int, name string, other bool) bool {
	if v, ok := a.at(i, name); ok {
		return True(v)
	}
	return other
}

func (a Args) many() int {
	n := len(a.List)
	if a.Named != nil {
		n += a.Named.Len()
	}
	return n
}

// Method calls a method of a text, a list or a dictionary.
func Method(v any, name string, a Args) (any, error) {
	var out any
	known, err := false, error(nil)
	switch v := Of(v).(type) {
	case string:
		out, known, err = ofText(v, name, a)
	case *List:
		if out, known, err = ofList(v, name, a); !known && err == nil {
			out, known, err = ofSet(v, name, a)
		}
	case *Tuple:
		if name == "index" || name == "count" {
			out, known, err = ofList(&List{v.Items}, name, a)
		}
	case *Dict:
		out, known, err = ofDict(v, name, a)
	case *Match:
		out, known, err = ofMatch(v, name, a)
	case Date, Datetime, Duration:
		out, known, err = ofTime(v, name, a)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if !known {
		return nil, fmt.Errorf("%s has no method %s", Kind(v), name)
	}
	return out, nil
}

// sides is what strip takes away.
func sides(a Args) func(rune) bool {
	if v, ok := a.at(0, ""); ok && v != nil {
		set := Str(v)
		return func(r rune) bool { return strings.ContainsRune(set, r) }
	}
	return isSpace
}

func texts(list []string) *List {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return &List{out}
}

// anyOf is startswith and endswith, of one text or of a tuple of them.
func anyOf(v any, is func(string) bool) bool {
	if t, ok := v.(*Tuple); ok {
		return slices.ContainsFunc(t.Items, func(x any) bool { return is(Str(x)) })
	}
	return is(Str(v))
}

func runeIndex(s string, byteAt int) int64 {
	if byteAt < 0 {
		return -1
	}
	return int64(len([]rune(s[:byteAt])))
}

func every(s string, is func(rune) bool) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !is(r) })
}

func ofText(s, name string, a Args) (any, bool, error) {
	first, _ := a.at(0, "")
	switch name {
	case "upper":
		return strings.ToUpper(s), true, nil
	case "lower", "casefold":
		return strings.ToLower(s), true, nil
	case "title":
		return title(s), true, nil
	case "capitalize":
		return capitalize(s), true, nil
	case "swapcase":
		return strings.Map(func(r rune) rune {
			if unicode.IsUpper(r) {
				return unicode.ToLower(r)
			}
			return unicode.ToUpper(r)
		}, s), true, nil
	case "strip":
		return strings.TrimFunc(s, sides(a)), true, nil
	case "lstrip":
		return strings.TrimLeftFunc(s, sides(a)), true, nil
	case "rstrip":
		return strings.TrimRightFunc(s, sides(a)), true, nil
	case "removeprefix":
		return strings.TrimPrefix(s, Str(first)), true, nil
	case "removesuffix":
		return strings.TrimSuffix(s, Str(first)), true, nil
	case "startswith":
		return anyOf(first, func(p string) bool { return strings.HasPrefix(s, p) }), true, nil
	case "endswith":
		return anyOf(first, func(p string) bool { return strings.HasSuffix(s, p) }), true, nil
	case "find":
		return runeIndex(s, strings.Index(s, Str(first))), true, nil
	case "rfind":
		return runeIndex(s, strings.LastIndex(s, Str(first))), true, nil
	case "index":
		if i := strings.Index(s, Str(first)); i >= 0 {
			return runeIndex(s, i), true, nil
		}
		return nil, true, fmt.Errorf("%s is not in %s", Repr(first), Repr(s))
	case "count":
		if Str(first) == "" {
			return int64(len([]rune(s)) + 1), true, nil
		}
		return int64(strings.Count(s, Str(first))), true, nil
	case "replace":
		if len(a.List) < 2 {
			return nil, true, fmt.Errorf("want what and by what")
		}
		n, err := a.int(2, "count", -1)
		return strings.Replace(s, Str(first), Str(a.List[1]), int(n)), true, err
	case "join":
		items, err := Iter(first)
		if err != nil {
			return nil, true, err
		}
		for _, x := range items {
			if _, ok := Of(x).(string); !ok {
				return nil, true, fmt.Errorf("%s cannot be joined; only texts can", Repr(x))
			}
		}
		return joined(items, s), true, nil
	case "split", "rsplit":
		n, err := a.int(1, "maxsplit", -1)
		if err != nil {
			return nil, true, err
		}
		sep, given := a.at(0, "sep")
		if !given || sep == nil {
			return texts(fieldsSplit(s, int(n), name == "rsplit")), true, nil
		}
		if Str(sep) == "" {
			return nil, true, fmt.Errorf("the separator is empty")
		}
		if n < 0 {
			return texts(strings.Split(s, Str(sep))), true, nil
		}
		if name == "split" {
			return texts(strings.SplitN(s, Str(sep), int(n)+1)), true, nil
		}
		parts := strings.Split(s, Str(sep))
		if k := len(parts) - int(n); k > 1 {
			parts = append([]string{strings.Join(parts[:k], Str(sep))}, parts[k:]...)
		}
		return texts(parts), true, nil
	case "partition", "rpartition":
		i := strings.Index(s, Str(first))
		if name == "rpartition" {
			i = strings.LastIndex(s, Str(first))
		}
		switch {
		case i >= 0:
			return &Tuple{[]any{s[:i], Str(first), s[i+len(Str(first)):]}}, true, nil
		case name == "partition":
			return &Tuple{[]any{s, "", ""}}, true, nil
		}
		return &Tuple{[]any{"", "", s}}, true, nil
	case "splitlines":
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
		if s == "" {
			return &List{}, true, nil
		}
		return texts(strings.Split(strings.TrimSuffix(s, "\n"), "\n")), true, nil
	case "zfill":
		n, err := a.int(0, "", 0)
		if n > 10_000 {
			return nil, true, fmt.Errorf("%d is too wide", n)
		}
		sign := ""
		if s != "" && (s[0] == '-' || s[0] == '+') {
			sign, s = s[:1], s[1:]
		}
		if k := int(n) - len([]rune(s)) - len(sign); k > 0 {
			s = strings.Repeat("0", k) + s
		}
		return sign + s, true, err
	case "ljust", "rjust", "center":
		n, err := a.int(0, "", 0)
		if err != nil || n > 10_000 {
			return nil, true, fmt.Errorf("want a width")
		}
		fill, k := a.text(1, "", " "), int(n)-len([]rune(s))
		if k <= 0 {
			return s, true, nil
		}
		switch name {
		case "ljust":
			return s + strings.Repeat(fill, k), true, nil
		case "rjust":
			return strings.Repeat(fill, k) + s, true, nil
		}
		left := k / 2
		if k%2 == 1 && int(n)%2 == 1 {
			left++
		}
		return strings.Repeat(fill, left) + s + strings.Repeat(fill, k-left), true, nil
	case "format":
		out, err := Format(s, a.List, a.Named)
		return out, true, err
	case "isdigit", "isnumeric", "isdecimal":
		return every(s, unicode.IsDigit), true, nil
	case "isalpha":
		return every(s, unicode.IsLetter), true, nil
	case "isalnum":
		return every(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }), true, nil
	case "isspace":
		return every(s, isSpace), true, nil
	case "isupper":
		return strings.ToUpper(s) == s && strings.ToLower(s) != s, true, nil
	case "islower":
		return strings.ToLower(s) == s && strings.ToUpper(s) != s, true, nil
	}
	return nil, false, nil
}

// fieldsSplit splits at white space, at most n times.
func fieldsSplit(s string, n int, fromRight bool) []string {
	all := strings.FieldsFunc(s, isSpace)
	if n < 0 || len(all) <= n+1 {
		return all
	}
	if fromRight {
		rest := strings.TrimRightFunc(s, isSpace)
		var out []string
		for range n {
			i := strings.LastIndexFunc(rest, isSpace)
			_, size := utf8.DecodeRuneInString(rest[i:])
			out = append([]string{rest[i+size:]}, out...)
			rest = strings.TrimRightFunc(rest[:i], isSpace)
		}
		return append([]string{rest}, out...)
	}
	rest := strings.TrimLeftFunc(s, isSpace)
	var out []string
	for range n {
		i := strings.IndexFunc(rest, isSpace)
		out = append(out, rest[:i])
		rest = strings.TrimLeftFunc(rest[i:], isSpace)
	}
	return append(out, rest)
}

func ofList(l *List, name string, a Args) (any, bool, error) {
	first, has := a.at(0, "")
	find := func() int {
		return slices.IndexFunc(l.Items, func(x any) bool { return Equal(x, first) })
	}
	switch name {
	case "append":
		if !has {
			return nil, true, fmt.Errorf("want what to append")
		}
		l.Items = append(l.Items, first)
		return nil, true, nil
	case "extend":
		items, err := Iter(first)
		l.Items = append(l.Items, items...)
		return nil, true, err
	case "insert":
		i, err := a.int(0, "", 0)
		if err != nil || len(a.List) < 2 {
			return nil, true, fmt.Errorf("want a place and what to insert")
		}
		if i < 0 {
			i = max(0, i+int64(len(l.Items)))
		}
		l.Items = slices.Insert(l.Items, int(min(i, int64(len(l.Items)))), Of(a.List[1]))
		return nil, true, nil
	case "pop":
		i, err := a.int(0, "", -1)
		if i < 0 {
			i += int64(len(l.Items))
		}
		if err != nil || i < 0 || i >= int64(len(l.Items)) {
			return nil, true, fmt.Errorf("there is no such item")
		}
		v := l.Items[i]
		l.Items = slices.Delete(l.Items, int(i), int(i)+1)
		return Of(v), true, nil
	case "remove":
		i := find()
		if i < 0 {
			return nil, true, fmt.Errorf("%s is not in the list", Repr(first))
		}
		l.Items = slices.Delete(l.Items, i, i+1)
		return nil, true, nil
	case "index":
		i := find()
		if i < 0 {
			return nil, true, fmt.Errorf("%s is not in the list", Repr(first))
		}
		return int64(i), true, nil
	case "count":
		n := int64(0)
		for _, x := range l.Items {
			if Equal(x, first) {
				n++
			}
		}
		return n, true, nil
	case "reverse":
		slices.Reverse(l.Items)
		return nil, true, nil
	case "sort":
		out, err := sorted(l.Items, func(x any) any { return x }, a.flag(0, "reverse", false))
		if err != nil {
			return nil, true, err
		}
		l.Items = out
		return nil, true, nil
	case "copy":
		return &List{slices.Clone(l.Items)}, true, nil
	case "clear":
		l.Items = nil
		return nil, true, nil
	}
	return nil, false, nil
}

func ofDict(d *Dict, name string, a Args) (any, bool, error) {
	first, has := a.at(0, "")
	second, _ := a.at(1, "")
	switch name {
	case "keys":
		return &List{d.Keys()}, true, nil
	case "values":
		return &List{d.Values()}, true, nil
	case "items":
		return &List{d.Items()}, true, nil
	case "get":
		if v, ok := d.Get(first); ok {
			return v, true, nil
		}
		return second, true, nil
	case "setdefault":
		if v, ok := d.Get(first); ok {
			return v, true, nil
		}
		return second, true, d.Set(first, second)
	case "pop":
		if v, ok := d.Delete(first); ok {
			return v, true, nil
		}
		if len(a.List) < 2 {
			return nil, true, fmt.Errorf("there is no key %s", Repr(first))
		}
		return second, true, nil
	case "update":
		if has {
			from, ok := first.(*Dict)
			if !ok {
				items, err := Iter(first)
				if err != nil {
					return nil, true, err
				}
				from, _ = NewDict()
				for _, x := range items {
					pair, err := Iter(x)
					if err != nil || len(pair) != 2 {
						return nil, true, fmt.Errorf("%s is no pair of key and value", Repr(x))
					}
					if err := from.Set(pair[0], pair[1]); err != nil {
						return nil, true, err
					}
				}
			}
			for i, k := range from.keys {
				if err := d.Set(k, from.values[i]); err != nil {
					return nil, true, err
				}
			}
		}
		if a.Named != nil {
			for i, k := range a.Named.keys {
				if err := d.Set(k, a.Named.values[i]); err != nil {
					return nil, true, err
				}
			}
		}
		return nil, true, nil
	case "copy":
		out, _ := NewDict()
		for i, k := range d.keys {
			_ = out.Set(k, d.values[i]) // it is a key already
		}
		return out, true, nil
	case "clear":
		*d = Dict{at: map[string]int{}}
		return nil, true, nil
	}
	return nil, false, nil
}

// Attr is v.name for what is not called: an entry of a dictionary, or Undefined.
func Attr(v any, name string) any {
	if x, ok := timeAttr(v, name); ok {
		return x
	}
	return Item(v, name)
}

// sorted sorts by a key, equal ones in their order.
func sorted(items []any, by func(any) any, reverse bool) (out []any, err error) {
	out = slices.Clone(items)
	slices.SortStableFunc(out, func(x, y any) int {
		c, wrong := Compare(by(x), by(y))
		if wrong != nil && err == nil {
			err = wrong
		}
		if reverse {
			return -c
		}
		return c
	})
	return out, err
}

// toInt is int(v), with a value for what is none.
func toInt(v any, other any, base int64) any {
	switch v := Of(v).(type) {
	case bool:
		i, _, _, _ := number(v)
		return i
	case int64:
		return v
	case float64:
		if math.IsNaN(v) || math.Abs(v) >= 1<<63 {
			return other
		}
		return int64(v)
	case string:
		s := strings.ReplaceAll(strings.TrimFunc(v, isSpace), "_", "")
		if base != 10 {
			for _, p := range []string{"0x", "0o", "0b"} {
				s = strings.TrimPrefix(strings.ToLower(s), p)
			}
		}
		if n, err := strconv.ParseInt(s, int(base), 64); err == nil {
			return n
		}
		if f, ok := toFloat(v, nil).(float64); ok && base == 10 {
			return toInt(f, other, 10)
		}
	}
	return other
}

// toFloat is float(v), with a value for what is none.
func toFloat(v any, other any) any {
	switch v := Of(v).(type) {
	case string:
		s := strings.ToLower(strings.TrimFunc(v, isSpace))
		if strings.HasPrefix(strings.TrimLeft(s, "+-"), "0x") {
			return other
		}
		if f, err := strconv.ParseFloat(s, 64); err == nil || math.IsInf(f, 0) {
			return f
		}
		return other
	default:
		if _, f, _, ok := number(v); ok {
			return f
		}
		return other
	}
}

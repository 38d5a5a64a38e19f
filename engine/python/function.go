package python

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// functions are those of Jinja in dbt and of the modules that it has, by their names.
var functions = map[string]func(a Args) (any, error){
	"set": func(a Args) (any, error) { return setOf(a, false) }, "set_strict": func(a Args) (any, error) { return setOf(a, true) },
	"zip": func(a Args) (any, error) { return zipped(a, false) }, "zip_strict": func(a Args) (any, error) { return zipped(a, true) },
	"fromjson": fromJSON, "tojson": func(a Args) (any, error) {
		v, _ := a.at(0, "value")
		out, err := toJSON(v, Args{Named: a.Named})
		if err != nil && len(a.List) > 1 {
			return a.List[1], nil
		}
		return out, err
	},
	"local_md5": func(a Args) (any, error) {
		sum := md5.Sum([]byte(a.text(0, "value", "")))
		return hex.EncodeToString(sum[:]), nil
	},
	"re.match": matches(`^(?:`, `)`), "re.search": matches("", ""), "re.fullmatch": matches(`^(?:`, `)$`),
	"re.sub": substituted, "re.findall": found, "re.split": split,
	"re.escape":     func(a Args) (any, error) { return escaped(a.text(0, "pattern", "")), nil },
	"datetime.date": newDate, "datetime.datetime": newDatetime, "datetime.timedelta": newDuration,
	"datetime.datetime.strptime": parsedTime, "datetime.date.fromisoformat": isoDate, "datetime.datetime.fromisoformat": isoDatetime,
	"datetime.datetime.combine": combined,
}

// Functions lists the names of the functions, sorted.
func Functions() []string {
	var out []string
	for name := range functions {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// Call calls a function by its name.
func Call(name string, a Args) (any, error) {
	f := functions[name]
	if f == nil {
		return nil, fmt.Errorf("there is no function %s", name)
	}
	out, err := f(a)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}

// setOf gives the different values in the order of their first; Python's order is another one in
// every run. What is not iterable gives the other value, None.
func setOf(a Args, strict bool) (any, error) {
	v, _ := a.at(0, "value")
	items, err := Iter(v)
	if err != nil {
		if other, ok := a.at(1, "default"); ok && !strict {
			return other, nil
		}
		if strict {
			return nil, err
		}
		return nil, nil
	}
	return &List{distinct(items)}, nil
}

func distinct(items []any) []any {
	out := []any{}
	for _, x := range items {
		if !slices.ContainsFunc(out, func(y any) bool { return Equal(x, y) }) {
			out = append(out, x)
		}
	}
	return out
}

// ofSet are the methods that a set has beside those of a list.
func ofSet(l *List, name string, a Args) (any, bool, error) {
	inOther := func() (func(any) bool, []any, error) {
		v, _ := a.at(0, "")
		items, err := Iter(v)
		return func(x any) bool { return slices.ContainsFunc(items, func(y any) bool { return Equal(x, y) }) }, items, err
	}
	switch name {
	case "add", "discard":
		v, ok := a.at(0, "")
		if !ok {
			return nil, true, fmt.Errorf("want a value")
		}
		has := func(y any) bool { return Equal(v, y) }
		if name == "discard" {
			l.Items = slices.DeleteFunc(l.Items, has)
		} else if !slices.ContainsFunc(l.Items, has) {
			l.Items = append(l.Items, v)
		}
		return nil, true, nil
	case "union", "intersection", "difference", "symmetric_difference", "issubset", "issuperset", "isdisjoint":
		other, items, err := inOther()
		if err != nil {
			return nil, true, err
		}
		own := func(x any) bool { return slices.ContainsFunc(l.Items, func(y any) bool { return Equal(x, y) }) }
		not := func(f func(any) bool) func(any) bool { return func(x any) bool { return !f(x) } }
		switch name {
		case "union":
			return &List{distinct(slices.Concat(l.Items, items))}, true, nil
		case "intersection":
			return &List{slices.DeleteFunc(distinct(l.Items), not(other))}, true, nil
		case "difference":
			return &List{slices.DeleteFunc(distinct(l.Items), other)}, true, nil
		case "symmetric_difference":
			return &List{slices.Concat(slices.DeleteFunc(distinct(l.Items), other), slices.DeleteFunc(distinct(items), own))}, true, nil
		case "issubset":
			return !slices.ContainsFunc(l.Items, not(other)), true, nil
		case "issuperset":
			return !slices.ContainsFunc(items, not(own)), true, nil
		}
		return !slices.ContainsFunc(l.Items, other), true, nil
	}
	return nil, false, nil
}

func zipped(a Args, strict bool) (any, error) {
	lists := make([][]any, 0, len(a.List))
	n := -1
	for _, v := range a.List {
		items, err := Iter(v)
		if err != nil {
			if other, ok := a.Named.get("default"); ok && !strict {
				return other, nil
			}
			if strict {
				return nil, err
			}
			return nil, nil
		}
		lists = append(lists, items)
		if n < 0 || len(items) < n {
			n = len(items)
		}
	}
	out := &List{Items: []any{}}
	for i := range max(n, 0) {
		row := &Tuple{}
		for _, l := range lists {
			row.Items = append(row.Items, l[i])
		}
		out.Items = append(out.Items, row)
	}
	return out, nil
}

// get is Get of a dictionary that may be nil.
func (d *Dict) get(k any) (any, bool) {
	if d == nil {
		return nil, false
	}
	return d.Get(k)
}

// fromJSON reads JSON; objects keep the order of their keys. What is no JSON gives the other value.
func fromJSON(a Args) (any, error) {
	text := a.text(0, "string", "")
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	v, err := jsonValue(d, 0)
	if err == nil {
		if _, more := d.Token(); more == nil {
			err = fmt.Errorf("more than one value")
		}
	}
	if err != nil {
		other, _ := a.at(1, "default")
		return other, nil
	}
	return v, nil
}

func jsonValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("the value is nested too deep")
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(string(t), 10, 64); err == nil {
			return n, nil
		}
		return t.Float64()
	case json.Delim:
		list, dict := &List{Items: []any{}}, &Dict{at: map[string]int{}}
		for d.More() {
			if t == '[' {
				v, err := jsonValue(d, depth+1)
				if err != nil {
					return nil, err
				}
				list.Items = append(list.Items, v)
				continue
			}
			k, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := jsonValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			if err := dict.Set(k, v); err != nil {
				return nil, err
			}
		}
		if _, err := d.Token(); err != nil {
			return nil, err
		}
		if t == '[' {
			return list, nil
		}
		return dict, nil
	}
	return t, nil
}

// pattern compiles a regular expression of Python. RE2 has no look-around and no references to
// groups: patterns with them are refused.
func pattern(text string, flags int64) (*regexp.Regexp, error) {
	const ignoreCase, multiLine, dotAll = 2, 8, 16
	var set string
	for bit, letter := range map[int64]string{ignoreCase: "i", multiLine: "m", dotAll: "s"} {
		if flags&bit != 0 {
			set += letter
		}
	}
	if set != "" {
		text = "(?" + set + ")" + text
	}
	text = strings.ReplaceAll(text, `\Z`, `\z`)
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("the pattern %s is not one of RE2: %w", text, err)
	}
	return re, nil
}

// flagsOf is the value of re.I and the like.
var flagsOf = map[string]int64{"I": 2, "IGNORECASE": 2, "M": 8, "MULTILINE": 8, "S": 16, "DOTALL": 16}

// Flag is a flag of the module re, by its name.
func Flag(name string) (int64, bool) { n, ok := flagsOf[name]; return n, ok }

// Match is where a pattern was found.
type Match struct {
	text  string
	at    []int
	names []string
}

func matches(before, after string) func(Args) (any, error) {
	return func(a Args) (any, error) {
		flags, err := a.int(2, "flags", 0)
		if err != nil {
			return nil, err
		}
		re, err := pattern(before+a.text(0, "pattern", "")+after, flags)
		if err != nil {
			return nil, err
		}
		s := a.text(1, "string", "")
		at := re.FindStringSubmatchIndex(s)
		if at == nil {
			return nil, nil
		}
		return &Match{s, at, re.SubexpNames()}, nil
	}
}

func (m *Match) group(key any) (any, error) {
	i, _, whole, ok := number(Of(key))
	if name, isText := Of(key).(string); isText {
		i = int64(slices.Index(m.names, name))
		ok, whole = i > 0, true
	}
	if !ok || !whole || i < 0 || int(2*i) >= len(m.at) {
		return nil, fmt.Errorf("there is no group %s", Repr(key))
	}
	if m.at[2*i] < 0 {
		return nil, nil
	}
	return m.text[m.at[2*i]:m.at[2*i+1]], nil
}

func ofMatch(m *Match, name string, a Args) (any, bool, error) {
	switch name {
	case "group":
		if len(a.List) == 0 {
			a.List = []any{int64(0)}
		}
		var out []any
		for _, k := range a.List {
			v, err := m.group(k)
			if err != nil {
				return nil, true, err
			}
			out = append(out, v)
		}
		if len(out) == 1 {
			return out[0], true, nil
		}
		return &Tuple{out}, true, nil
	case "groups":
		out := &Tuple{Items: []any{}}
		for i := 1; 2*i < len(m.at); i++ {
			v, err := m.group(int64(i))
			if err != nil {
				return nil, true, err
			}
			if v == nil {
				v, _ = a.at(0, "default")
			}
			out.Items = append(out.Items, v)
		}
		return out, true, nil
	case "start", "end", "span":
		start, end := runeIndex(m.text, m.at[0]), runeIndex(m.text, m.at[1])
		switch name {
		case "start":
			return start, true, nil
		case "end":
			return end, true, nil
		}
		return &Tuple{[]any{start, end}}, true, nil
	}
	return nil, false, nil
}

var groupRef = regexp.MustCompile(`\\(\d|g<\w+>)`)

// substituted is re.sub: \1 and \g<name> of the replacement are groups.
func substituted(a Args) (any, error) {
	flags, err := a.int(4, "flags", 0)
	if err != nil {
		return nil, err
	}
	re, err := pattern(a.text(0, "pattern", ""), flags)
	if err != nil {
		return nil, err
	}
	most, err := a.int(3, "count", 0)
	if err != nil {
		return nil, err
	}
	with := groupRef.ReplaceAllStringFunc(strings.ReplaceAll(a.text(1, "repl", ""), "$", "$$"), func(s string) string {
		return "${" + strings.Trim(strings.TrimPrefix(s[1:], "g"), "<>") + "}"
	})
	s := a.text(2, "string", "")
	var b strings.Builder
	at := 0
	for i, m := range re.FindAllStringSubmatchIndex(s, -1) {
		if most > 0 && int64(i) >= most {
			break
		}
		b.WriteString(s[at:m[0]])
		b.Write(re.ExpandString(nil, with, s, m))
		at = m[1]
	}
	return b.String() + s[at:], nil
}

func found(a Args) (any, error) {
	flags, err := a.int(2, "flags", 0)
	if err != nil {
		return nil, err
	}
	re, err := pattern(a.text(0, "pattern", ""), flags)
	if err != nil {
		return nil, err
	}
	out := &List{Items: []any{}}
	for _, m := range re.FindAllStringSubmatch(a.text(1, "string", ""), -1) {
		switch len(m) {
		case 1, 2:
			out.Items = append(out.Items, m[len(m)-1])
		default:
			out.Items = append(out.Items, &Tuple{texts(m[1:]).Items})
		}
	}
	return out, nil
}

func split(a Args) (any, error) {
	flags, err := a.int(3, "flags", 0)
	if err != nil {
		return nil, err
	}
	re, err := pattern(a.text(0, "pattern", ""), flags)
	if err != nil {
		return nil, err
	}
	most, err := a.int(2, "maxsplit", 0)
	if err != nil {
		return nil, err
	}
	s, at := a.text(1, "string", ""), 0
	out := &List{Items: []any{}}
	for i, m := range re.FindAllStringSubmatchIndex(s, -1) {
		if most > 0 && int64(i) >= most {
			break
		}
		out.Items = append(out.Items, s[at:m[0]])
		for g := 1; 2*g < len(m); g++ {
			if m[2*g] < 0 {
				out.Items = append(out.Items, nil)
				continue
			}
			out.Items = append(out.Items, s[m[2*g]:m[2*g+1]])
		}
		at = m[1]
	}
	out.Items = append(out.Items, s[at:])
	return out, nil
}

// escaped is re.escape.
func escaped(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune("()[]{}?*+-|^$\\.&~# \t\n\r\v\f", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

package function

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"sort"
	"strconv"
	"strings"
)

// jsonFunctions are the functions of JSON. A JSON argument is its canonical text; the
// names that end in _text take JSON that is a STRING and need not be well formed.
func jsonFunctions() []Function {
	all := []Function{
		{Name: "parse_json", Args: []Kind{String, String}, Result: String, Fn: parseJSONFunction},
		{Name: "json_quote", Args: []Kind{String}, Result: String, Total: true, Fn: func(a []any) (any, error) {
			return string(appendQuoted(nil, a[0].(string))), nil
		}},
		{Name: "json_decimal", Args: []Kind{String, String}, Result: String, Fn: jsonDecimal},
		{Name: "json_pretty", Args: []Kind{String}, Result: String, Fn: jsonPretty},
		{Name: "json_type", Args: []Kind{String}, Result: String, Fn: jsonType},
		{Name: "json_key", Args: []Kind{String}, Result: Bytes, Fn: jsonKey},
		{Name: "json_contains", Args: []Kind{String, String}, Result: Bool, Fn: jsonContains},
		{Name: "json_flatten", Args: []Kind{String}, Result: Array | String, Fn: jsonFlatten},
		{Name: "json_keys", Args: []Kind{String, Int64, String}, Result: Array | String, Fn: jsonKeys},
		{Name: "json_field", Args: []Kind{String, String}, Result: String, Total: true, Fn: jsonField},
		{Name: "json_element", Args: []Kind{String, Int64}, Result: String, Total: true, Fn: jsonElement},
		{Name: "json_object", Args: []Kind{Array | String, Array | String}, Result: String, Nulls: true, Fn: jsonObjectFunction},
	}
	all = append(all, jsonExtractors()...)
	all = append(all, jsonConverters()...)
	return append(all, jsonMutators()...)
}

func jsonArg(a any) (*jsonValue, error) { return parseJSON(a.(string), false) }

func wideMode(mode string) (exact bool, err error) {
	switch mode {
	case "exact":
		return true, nil
	case "round":
		return false, nil
	}
	return false, fmt.Errorf("Invalid `wide_number_mode` specified: %s", mode)
}

// parseJSONFunction is PARSE_JSON(text, wide_number_mode).
func parseJSONFunction(a []any) (any, error) {
	exact, err := wideMode(a[1].(string))
	if err != nil {
		return nil, fmt.Errorf("Invalid input to PARSE_JSON: %w", err)
	}
	v, err := parseJSON(a[0].(string), exact)
	if err != nil {
		return nil, fmt.Errorf("Invalid input to PARSE_JSON: %w", err)
	}
	return v.String(), nil
}

// jsonPretty lays out JSON text; it keeps the order of members, which for TO_JSON_STRING
// of a struct is the order of its fields.
func jsonPretty(a []any) (any, error) {
	t := scanner{s: a[0].(string)}
	out, ok := t.pretty(nil, 0)
	if !ok {
		return nil, errJSONValue
	}
	return string(out), nil
}

// pretty lays out a value of well-formed text without white space.
func (t *scanner) pretty(out []byte, indent int) ([]byte, bool) {
	c := t.next()
	if c != '{' && c != '[' {
		start := t.i
		ok := t.skip()
		return append(out, t.s[start:t.i]...), ok
	}
	end := c + 2 // ] follows [ by two, as } does {
	t.i++
	out = append(out, c)
	if t.next() == end {
		t.i++
		return append(out, end), true
	}
	for {
		out = appendLine(out, indent+1)
		if c == '{' {
			start := t.i
			if n := t.next(); n != '"' || !t.skipString() {
				return out, false
			}
			out = append(append(out, t.s[start:t.i]...), ':', ' ')
			if t.next() != ':' {
				return out, false
			}
			t.i++
		}
		var ok bool
		if out, ok = t.pretty(out, indent+1); !ok {
			return out, false
		}
		switch t.next() {
		case ',':
			t.i++
			out = append(out, ',')
		case end:
			t.i++
			return append(appendLine(out, indent), end), true
		default:
			return out, false
		}
	}
}

func jsonType(a []any) (any, error) {
	s := strings.TrimLeft(a[0].(string), " \t\r\n")
	if s == "" {
		return nil, errJSONValue
	}
	switch s[0] {
	case '"':
		return "string", nil
	case '{':
		return "object", nil
	case '[':
		return "array", nil
	case 't', 'f':
		return "boolean", nil
	case 'n':
		return "null", nil
	}
	return "number", nil
}

// jsonExtractors are JSON_QUERY, JSON_VALUE, their array forms and their legacy names,
// over JSON and over STRING.
func jsonExtractors() []Function {
	var all []Function
	for _, m := range []struct {
		mode                               pathMode
		query, value, queryArray, valArray string
	}{
		{standardPath, "json_query", "json_value", "json_query_array", "json_value_array"},
		{legacyPath, "json_extract", "json_extract_scalar", "json_extract_array", "json_extract_string_array"},
	} {
		for _, text := range []bool{false, true} {
			x := &extractor{text: text}
			x.paths.mode = m.mode
			q := &extractor{text: text}
			q.paths.mode = m.mode
			if !text && m.mode == standardPath {
				q.paths.modifiers = true
				q.strict = &pathCache{mode: strictPath, modifiers: true}
			}
			suffix := ""
			if text {
				suffix = "_text"
			}
			args := []Kind{String, String}
			all = append(all,
				Function{Name: m.query + suffix, Args: args, Result: String, Fn: q.query},
				Function{Name: m.value + suffix, Args: args, Result: String, Fn: x.value},
				Function{Name: m.queryArray + suffix, Args: args, Result: Array | String, Fn: x.queryArray},
				Function{Name: m.valArray + suffix, Args: args, Result: Array | String, Fn: x.valueArray},
			)
		}
	}
	return all
}

// An extractor reads parts of JSON by path.
type extractor struct {
	text   bool // the JSON is a STRING
	paths  pathCache
	strict *pathCache // for lax paths, nil where they are not allowed
}

// find moves a scanner to the value that the arguments name. found is false where there
// is none or the text before it is malformed.
func (x *extractor) find(a []any) (t scanner, found bool, err error) {
	path, err := x.paths.get(a[1].(string))
	if err != nil {
		return t, false, err
	}
	t.s = a[0].(string)
	found, ok := t.seek(path.tokens)
	if t.deep {
		return t, false, errTextDepth
	}
	return t, found && ok, nil
}

func (x *extractor) query(a []any) (any, error) {
	if x.strict != nil && !strings.HasPrefix(a[1].(string), "$") {
		path, err := x.strict.get(a[1].(string))
		if err != nil {
			return nil, err
		}
		v, err := jsonArg(a[0])
		if err != nil {
			return nil, err
		}
		out := &jsonValue{kind: jsonArray}
		v.lax(path.tokens, path.recursive, out)
		return out.String(), nil
	}
	t, found, err := x.find(a)
	if !found {
		return nil, err
	}
	if !x.text {
		start := t.i
		if !t.skip() {
			return nil, errJSONValue
		}
		return t.s[start:t.i], nil
	}
	out, kind, ok := t.value(nil, true)
	switch {
	case t.deep:
		return nil, errTextDepth
	case !ok || kind == jsonNull:
		return nil, nil
	}
	return string(out), nil
}

// lax collects what a lax path means: a key applies to the objects of an array (of nested
// arrays, too, if recursive), and [0] of what is no array is that itself.
func (v *jsonValue) lax(path []pathToken, recursive bool, out *jsonValue) {
	if len(path) == 0 {
		out.elems = append(out.elems, v)
		return
	}
	t := path[0]
	switch {
	case t.subscript && v.kind == jsonArray:
		if t.index >= 0 && t.index < int64(len(v.elems)) {
			v.elems[t.index].lax(path[1:], recursive, out)
		}
	case t.subscript:
		if t.index == 0 {
			v.lax(path[1:], recursive, out)
		}
	case v.kind == jsonObject:
		if m := v.member(t.text); m != nil {
			m.lax(path[1:], recursive, out)
		}
	case v.kind == jsonArray:
		for _, e := range v.elems {
			if e.kind == jsonObject || e.kind == jsonArray && recursive {
				e.lax(path, recursive, out)
			}
		}
	}
}

// scalar reads a value that is no array, object or null.
func (t *scanner) scalar() (s string, kind jsonKind, ok bool) {
	switch t.next() {
	case '{', '[':
		return "", jsonArray, true
	case '"', '\'':
		s, ok = t.str()
		return s, jsonString, ok
	}
	start := t.i
	_, kind, ok = t.value(nil, false)
	return t.s[start:t.i], kind, ok
}

func (x *extractor) value(a []any) (any, error) {
	t, found, err := x.find(a)
	if !found {
		return nil, err
	}
	s, kind, ok := t.scalar()
	if !ok || kind == jsonNull || kind == jsonArray {
		return nil, nil
	}
	return s, nil
}

// elements calls f at each element of the array where t stands; false if it is no array
// or malformed.
func (t *scanner) elements(f func() bool) bool {
	if t.next() != '[' || !t.down() {
		return false
	}
	t.i++
	if t.next() == ']' {
		return true
	}
	for {
		if !f() {
			return false
		}
		if done, ok := t.separator(']'); !ok || done {
			return ok
		}
	}
}

func (x *extractor) queryArray(a []any) (any, error) {
	t, found, err := x.find(a)
	if !found {
		return nil, err
	}
	list := []any{}
	ok := t.elements(func() bool {
		t.space()
		start := t.i
		if !x.text {
			ok := t.skip()
			list = append(list, t.s[start:t.i])
			return ok
		}
		out, _, ok := t.value(nil, true)
		list = append(list, string(out))
		return ok
	})
	switch {
	case t.deep:
		return nil, errTextDepth
	case !ok:
		return nil, nil
	}
	return list, nil
}

func (x *extractor) valueArray(a []any) (any, error) {
	t, found, err := x.find(a)
	if !found {
		return nil, err
	}
	list := []any{}
	if !t.elements(func() bool {
		s, kind, ok := t.scalar()
		if kind == jsonNull {
			list = append(list, nil)
		} else {
			list = append(list, s)
		}
		return ok && kind != jsonArray
	}) {
		return nil, nil
	}
	return list, nil
}

// jsonField is dotted access, and the subscript with a STRING.
func jsonField(a []any) (any, error) {
	return jsonStep(a[0].(string), pathToken{text: a[1].(string), index: -1})
}

// jsonElement is the subscript with an INT64.
func jsonElement(a []any) (any, error) {
	n := a[1].(int64)
	if n < 0 {
		return nil, nil
	}
	t := scanner{s: a[0].(string)}
	if t.next() != '[' {
		return nil, nil
	}
	return jsonStep(a[0].(string), pathToken{index: n})
}

func jsonStep(json string, step pathToken) (any, error) {
	t := scanner{s: json}
	if found, ok := t.seek([]pathToken{step}); !found || !ok {
		return nil, nil
	}
	start := t.i
	if !t.skip() {
		return nil, nil
	}
	return t.s[start:t.i], nil
}

func jsonFlatten(a []any) (any, error) {
	v, err := jsonArg(a[0])
	if err != nil {
		return nil, err
	}
	list := []any{}
	var flatten func(*jsonValue)
	flatten = func(v *jsonValue) {
		if v.kind != jsonArray {
			list = append(list, v.String())
			return
		}
		for _, e := range v.elems {
			flatten(e)
		}
	}
	flatten(v)
	return list, nil
}

// jsonKeys is JSON_KEYS(json, max_depth, mode): the keys' paths, sorted, each once.
func jsonKeys(a []any) (any, error) {
	depth := a[1].(int64)
	if depth <= 0 {
		return nil, errors.New("max_depth must be positive.")
	}
	lax, recursive := false, false
	words := strings.Fields(strings.ToLower(a[2].(string)))
	switch strings.Join(words, " ") {
	case "strict":
	case "lax":
		lax = true
	case "lax recursive", "recursive lax":
		lax, recursive = true, true
	default:
		return nil, errors.New("Invalid JSON mode specified")
	}
	v, err := jsonArg(a[0])
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var walk func(v *jsonValue, prefix string, depth int64)
	walk = func(v *jsonValue, prefix string, depth int64) {
		switch {
		case v.kind == jsonObject:
			for i, e := range v.elems {
				key := v.keys[i]
				if escaped := appendTextQuoted(nil, key); len(escaped) != len(key)+2 || strings.Contains(key, ".") {
					key = string(escaped)
				}
				if prefix != "" {
					key = prefix + "." + key
				}
				seen[key] = true
				if depth > 1 {
					walk(e, key, depth-1)
				}
			}
		case v.kind == jsonArray && lax:
			for _, e := range v.elems {
				if e.kind == jsonObject || e.kind == jsonArray && recursive {
					walk(e, prefix, depth)
				}
			}
		}
	}
	walk(v, "", depth)
	keys := make([]string, 0, len(seen))
	for k := range seen {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	list := make([]any, len(keys))
	for i, k := range keys {
		list[i] = k
	}
	return list, nil
}

// jsonObjectFunction is JSON_OBJECT of keys and values, the values as JSON text (NULL is
// the JSON null).
func jsonObjectFunction(a []any) (any, error) {
	fail := func(what string) (any, error) {
		return nil, errors.New("Invalid input to JSON_OBJECT: " + what)
	}
	keys, ok := a[0].([]any)
	if !ok {
		return fail("The keys array cannot be NULL")
	}
	values, ok := a[1].([]any)
	if !ok {
		return fail("The values array cannot be NULL")
	}
	if len(keys) != len(values) {
		return fail("The number of keys and values must match")
	}
	type member struct{ key, value string }
	members := make([]member, len(keys))
	for i, k := range keys {
		key, ok := k.(string)
		if !ok {
			return fail("A key cannot be NULL")
		}
		value, ok := values[i].(string)
		if !ok {
			value = "null"
		}
		members[i] = member{key, value}
	}
	sort.SliceStable(members, func(i, j int) bool { return members[i].key < members[j].key })
	out := []byte{'{'}
	for i, m := range members {
		if i > 0 {
			if members[i-1].key == m.key {
				continue
			}
			out = append(out, ',')
		}
		out = append(appendQuoted(out, m.key), ':')
		out = append(out, m.value...)
	}
	return string(append(out, '}')), nil
}

// jsonContains is JSON_CONTAINS(json, target).
func jsonContains(a []any) (any, error) {
	v, err := jsonArg(a[0])
	if err != nil {
		return nil, err
	}
	target, err := jsonArg(a[1])
	if err != nil {
		return nil, err
	}
	return v.contains(target, true), nil
}

func (v *jsonValue) contains(target *jsonValue, top bool) bool {
	some := func(e *jsonValue) bool {
		for _, x := range v.elems {
			if x.contains(e, false) {
				return true
			}
		}
		return false
	}
	switch target.kind {
	case jsonObject:
		if v.kind != jsonObject {
			return false
		}
		for i, e := range target.elems {
			if m := v.member(target.keys[i]); m == nil || !m.contains(e, false) {
				return false
			}
		}
		return true
	case jsonArray:
		if v.kind != jsonArray {
			return false
		}
		for _, e := range target.elems {
			if !some(e) {
				return false
			}
		}
		return true
	}
	switch v.kind {
	case jsonObject:
		return false
	case jsonArray:
		return top && some(target)
	}
	return string(v.key(nil)) == string(target.key(nil))
}

// jsonKey is a value's place in the order of JSON values, as bytes: null, strings,
// numbers, booleans, arrays, objects; equal numbers of different forms are equal.
func jsonKey(a []any) (any, error) {
	v, err := jsonArg(a[0])
	if err != nil {
		return nil, err
	}
	return v.key(nil), nil
}

// The first byte of a key orders the kinds; keyEnd is below all of them, so that a
// shorter array sorts before one it begins.
const (
	keyEnd = iota
	keyNull
	keyString
	keyNumber
	keyFalse
	keyTrue
	keyArray
	keyObject
)

func (v *jsonValue) key(out []byte) []byte {
	switch v.kind {
	case jsonNull:
		return append(out, keyNull)
	case jsonFalse:
		return append(out, keyFalse)
	case jsonTrue:
		return append(out, keyTrue)
	case jsonString:
		return appendKeyString(append(out, keyString), v.text)
	case jsonArray:
		out = append(out, keyArray)
		for _, e := range v.elems {
			out = e.key(out)
		}
		return append(out, keyEnd)
	case jsonObject:
		out = append(out, keyObject)
		for i, e := range v.elems {
			out = appendKeyString(append(out, keyString), v.keys[i])
			out = e.key(out)
		}
		return append(out, keyEnd)
	}
	return v.appendKeyNumber(append(out, keyNumber))
}

// appendKeyString writes bytes so that they end before any longer text goes on: a zero
// byte becomes 0x00 0xFF and the end is 0x00 0x00.
func appendKeyString(out []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		out = append(out, s[i])
		if s[i] == 0 {
			out = append(out, 0xFF)
		}
	}
	return append(out, 0, 0)
}

// appendKeyNumber writes a number: the FLOAT64 at or next below its absolute value, as
// ordered bits, then how much the number exceeds that, which an integer may.
func (v *jsonValue) appendKeyNumber(out []byte) []byte {
	abs, negative, extra := 0.0, false, uint64(0)
	magnitude := func(u uint64) {
		abs = float64(u)
		if abs >= 1<<64 || uint64(abs) > u {
			abs = math.Nextafter(abs, 0)
		}
		extra = u - uint64(abs)
	}
	switch v.kind {
	case jsonInt:
		negative = v.i < 0
		if negative {
			magnitude(-uint64(v.i))
		} else {
			magnitude(uint64(v.i))
		}
	case jsonUint:
		magnitude(v.u)
	default:
		abs, negative = math.Abs(v.f), v.f < 0
	}
	bits := math.Float64bits(abs) | 1<<63
	if negative {
		bits, extra = ^bits, ^extra
	}
	for shift := 56; shift >= 0; shift -= 8 {
		out = append(out, byte(bits>>shift))
	}
	return append(out, byte(extra>>8), byte(extra))
}

// bigFromText reads a decimal number with or without exponent as GoogleSQL casts a
// STRING to BIGNUMERIC: at most 38 digits after the point count, white space around is
// allowed.
func bigFromText(s string) (*big.Rat, bool) {
	s = strings.Trim(s, " \t\n\v\f\r")
	if s == "" || len(s) > 1500 {
		return nil, false
	}
	for _, c := range []byte(s) {
		if !strings.ContainsRune("0123456789+-.eE", rune(c)) {
			return nil, false
		}
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		if e, err := strconv.Atoi(s[i+1:]); err != nil || e > 2000 || e < -2000 {
			return nil, false
		}
	}
	return new(big.Rat).SetString(s)
}

// roundRat rounds half away from zero.
func roundRat(r *big.Rat) *big.Int {
	n := new(big.Int).Mul(big.NewInt(2), new(big.Int).Abs(r.Num()))
	n.Add(n, r.Denom())
	n.Quo(n, new(big.Int).Mul(big.NewInt(2), r.Denom()))
	if r.Sign() < 0 {
		n.Neg(n)
	}
	return n
}

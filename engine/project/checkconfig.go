package project

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// CheckConfig checks one config value for a kind of node (addr.Test for data tests) and
// returns it in the form that Type documents. A nil value is accepted for every key and
// means «as if it were not set». at is where the value, or the call, was written.
func CheckConfig(key string, value any, kind addr.Kind, at source.Span) (any, *diag.Diagnostic) {
	k, ok := LookupKey(key, kind)
	if !ok {
		d := unknownConfig(key, kind, at)
		return nil, &d
	}
	if value == nil {
		return nil, nil
	}
	c := valueCheck{key: k, at: at}
	out := c.check(value)
	if c.problem == nil && k.whole != nil {
		if why, help := k.whole(out); why != "" {
			d := configInvalid(at, k.Name, why, help)
			return nil, &d
		}
	}
	return out, c.problem
}

// valueCheck normalizes one value and keeps the first thing that is wrong with it.
type valueCheck struct {
	key     Key
	at      source.Span
	problem *diag.Diagnostic
}

func (c *valueCheck) fail(d diag.Diagnostic) {
	if c.problem == nil {
		c.problem = &d
	}
}

func (c *valueCheck) check(v any) any {
	switch c.key.Type {
	case Text:
		return c.text(v)
	case Bool:
		if b, ok := v.(bool); ok {
			return b
		}
	case Integer:
		switch v := v.(type) {
		case int:
			return c.natural(int64(v))
		case int64:
			return c.natural(v)
		}
	case Size:
		return c.size(v)
	case Number:
		return c.number(v)
	case Texts:
		return c.texts(v)
	case Map:
		if m, ok := v.(map[string]any); ok {
			return m
		}
	case TextMap:
		return c.textMap(v)
	case Flags:
		return c.flags(v)
	case Hooks:
		return c.hooks(v)
	case Object:
		return c.object(v)
	case Objects:
		return c.objects(v)
	case Lists:
		return c.lists(v)
	}
	c.wrong(v)
	return nil
}

func (c *valueCheck) wrong(v any) { c.fail(configType(c.at, c.key, v)) }

func (c *valueCheck) natural(n int64) any {
	if n < 0 && !c.key.Negative {
		c.fail(configInvalid(c.at, c.key.Name, fmt.Sprintf("%d is negative", n), "give 0 or more"))
	}
	return n
}

// plain is the text of a scalar; numbers are accepted as the text they are.
func plain(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case int:
		return strconv.Itoa(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), true
	}
	return "", false
}

func (c *valueCheck) text(v any) any {
	s, ok := plain(v)
	if !ok {
		c.wrong(v)
		return nil
	}
	if c.template(s) {
		return nil
	}
	if len(c.key.Values) > 0 {
		for _, want := range c.key.Values {
			if strings.EqualFold(want, s) {
				return want
			}
		}
		if help := c.key.Refused[strings.ToLower(s)]; help != "" {
			c.fail(valueRefused(c.at, c.key.Name, s, help))
			return nil
		}
		c.fail(valueUnknown(c.at, strconv.Quote(c.key.Name), s, c.key.Values))
		return nil
	}
	switch {
	case c.key.Name == "delimiter" && utf8.RuneCountInString(s) != 1:
		c.fail(configInvalid(c.at, "delimiter", fmt.Sprintf("%q is not one character", s), `give one character, for example ";"`))
		return nil
	case strings.TrimSpace(s) == "" && c.key.Name != "delimiter":
		c.fail(configInvalid(c.at, c.key.Name, "the text is empty", "give a value or remove the key"))
		return nil
	}
	return s
}

// template reports text that would have to be rendered where nothing is rendered.
func (c *valueCheck) template(s string) bool {
	if c.key.Template || !strings.Contains(s, "{{") {
		return false
	}
	c.fail(configTemplate(c.at, c.key.Name))
	return true
}

func (c *valueCheck) texts(v any) any {
	list, ok := v.([]any)
	if !ok {
		if _, scalar := plain(v); !scalar {
			c.wrong(v)
			return nil
		}
		list = []any{v}
	}
	out := make([]any, 0, len(list))
	for _, item := range list {
		s, ok := plain(item)
		if !ok {
			c.wrong(item)
			return nil
		}
		if strings.TrimSpace(s) == "" {
			c.fail(configInvalid(c.at, c.key.Name, "an item is empty", "give a value or remove the item"))
			return nil
		}
		if c.template(s) {
			return nil
		}
		out = append(out, s)
	}
	if c.key.Most > 0 && len(out) > c.key.Most {
		c.fail(configInvalid(c.at, c.key.Name, fmt.Sprintf("it lists %d columns, at most %d are possible", len(out), c.key.Most), "keep those that most queries filter by"))
		return nil
	}
	return out
}

func (c *valueCheck) textMap(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		c.wrong(v)
		return nil
	}
	out := make(map[string]any, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		s, ok := plain(m[k])
		if !ok {
			c.fail(configInvalid(c.at, c.key.Name, fmt.Sprintf("%q is not set to a text", k), ""))
			return nil
		}
		out[k] = s
	}
	return out
}

func (c *valueCheck) flags(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		c.wrong(v)
		return nil
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains(c.key.Flags, k) {
			c.fail(valueUnknown(c.at, strconv.Quote(c.key.Name), k, c.key.Flags))
			return nil
		}
		if _, ok := m[k].(bool); !ok {
			c.fail(configInvalid(c.at, c.key.Name, fmt.Sprintf("%q is not true or false", k), ""))
			return nil
		}
	}
	return m
}

// hooks accepts a statement, a list of statements, and dbt's {sql: …, transaction: …}. The last
// is a mapping of both where the statement is to be outside of the transaction, else its text.
func (c *valueCheck) hooks(v any) any {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	out := make([]any, 0, len(list))
	for _, item := range list {
		m, isMap := item.(map[string]any)
		if isMap {
			for _, k := range slices.Sorted(maps.Keys(m)) {
				if k != "sql" && k != "transaction" {
					c.fail(configInvalid(c.at, c.key.Name, fmt.Sprintf("a hook has no key %q", k), `give the statement alone, or as "sql", with "transaction: false" if it must not run inside of a transaction`))
					return nil
				}
			}
			item = m["sql"]
		}
		inside := true
		if v, given := m["transaction"]; given {
			var isBool bool
			if inside, isBool = v.(bool); !isBool {
				c.fail(configInvalid(c.at, c.key.Name, fmt.Sprintf("transaction is %v", v), "want true or false"))
				return nil
			}
		}
		s, ok := item.(string)
		if !ok || strings.TrimSpace(s) == "" {
			c.wrong(item)
			return nil
		}
		if !inside {
			out = append(out, map[string]any{"sql": s, "transaction": false})
			continue
		}
		out = append(out, s)
	}
	return out
}

// config takes the mapping under «config», checked for a kind. more are keys that the
// caller handles itself.
func (o *object) config(kind addr.Kind, more ...string) (Config, *object) {
	in, ok := o.child("config")
	if !ok {
		return Config{}, nil
	}
	in.what = "config of " + o.what
	cfg := Config{}
	for _, k := range KeysOf(kind) {
		for _, spelling := range append([]string{k.Name}, k.Aliases...) {
			in.take(cfg, k, spelling, kind)
		}
	}
	for _, name := range more {
		in.find(name)
	}
	for _, f := range in.fields {
		switch {
		case f.used:
		case slices.Contains(o.asked, f.name) && f.name != "config":
			o.list.Add(keyMisplaced(o.span(f.key), f.name, in.what, `move it out of "config", one level up`))
		default:
			o.list.Add(unknownConfig(f.name, kind, o.span(f.key), more...))
		}
	}
	return cfg, in
}

// take moves the value of one key into cfg, if it is written down and right.
func (o *object) take(cfg Config, k Key, spelling string, kind addr.Kind) {
	f := o.field(spelling)
	if f == nil {
		return
	}
	f.used = true
	if _, twice := cfg[k.Name]; twice {
		o.list.Add(configTwice(o.span(f.key), k.Name, cfg[k.Name].At))
		return
	}
	n := resolve(f.val)
	at := o.span(n)
	if isNull(n) {
		at = o.span(f.key)
	}
	v, problem := CheckConfig(k.Name, o.value(n), kind, at)
	if problem != nil {
		o.list.Add(*problem)
		return
	}
	cfg[k.Name] = Value[any]{v, at}
}

// otherKind explains a config key that only other kinds of nodes have.
func otherKind(name string, kind addr.Kind) string {
	for _, k := range ConfigKeys {
		if k.Name == name && kind != addr.Test {
			return "it is configuration of " + kindsText(k.Kinds) + " only"
		}
	}
	if kind != addr.Test {
		if _, ok := LookupKey(name, addr.Test); ok {
			return "it is configuration of data tests"
		}
	}
	return ""
}

func kindsText(kinds []addr.Kind) string {
	var out []string
	for _, k := range kinds {
		out = append(out, plural(k))
	}
	return strings.Join(out, " and ")
}

func plural(k addr.Kind) string {
	switch k {
	case addr.UnitTest:
		return "unit tests"
	case addr.Test:
		return "data tests"
	}
	return string(k) + "s"
}

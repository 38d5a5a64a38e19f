package tmpl

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/engine-build/engine/engine/python"
)

// pythonFuncs are for templates that come from Jinja («engine import dbt» writes them): where Go's
// own functions would give another text, these give Python's. What they do is in package python.
func pythonFuncs() template.FuncMap {
	op := func(op string) func(a, b any) (any, error) {
		return func(a, b any) (any, error) { return python.Op(op, a, b) }
	}
	order := func(ok func(int) bool) func(a, b any) (bool, error) {
		return func(a, b any) (bool, error) {
			c, err := python.Compare(a, b)
			return err == nil && ok(c), err
		}
	}
	return template.FuncMap{
		"py_str":      python.Str,
		"py_true":     python.True,
		"py_list":     func(items ...any) *python.List { return &python.List{Items: items} },
		"py_tuple":    func(items ...any) *python.Tuple { return &python.Tuple{Items: items} },
		"py_dict":     python.NewDict,
		"py_none":     func() any { return nil },
		"py_add":      op("+"),
		"py_sub":      op("-"),
		"py_mul":      op("*"),
		"py_div":      op("/"),
		"py_floordiv": op("//"),
		"py_mod":      op("%"),
		"py_pow":      op("**"),
		"py_neg":      python.Negative,
		"py_concat":   python.Concat,
		"py_eq":       python.Equal,
		"py_ne":       func(a, b any) bool { return !python.Equal(a, b) },
		"py_lt":       order(func(c int) bool { return c < 0 }),
		"py_le":       order(func(c int) bool { return c <= 0 }),
		"py_gt":       order(func(c int) bool { return c > 0 }),
		"py_ge":       order(func(c int) bool { return c >= 0 }),
		"py_in":       python.In,
		"py_attr":     attribute,
		"py_item":     python.Item,
		"py_slice":    python.Slice,
		"py_iter":     python.Iter,
		"py_or":       func(items ...any) any { return choose(items, true) },
		"py_and":      func(items ...any) any { return choose(items, false) },
		"py_if": func(when, yes, no any) any {
			if python.True(when) {
				return yes
			}
			return no
		},
		"py_kw": func(pairs ...any) (named, error) {
			d, err := python.NewDict(pairs...)
			return named{d}, err
		},
		"py_call": func(v any, method string, args ...any) (any, error) {
			if col, ok := v.(map[string]any); ok && strings.HasPrefix(method, "is_") {
				if is, known := columnIs(col, method); known {
					return is, nil
				}
			}
			return python.Method(v, method, arguments(args))
		},
		"py_filter": func(name string, v any, args ...any) (any, error) {
			return python.Filter(name, v, arguments(args))
		},
		"py_test": func(name string, v any, args ...any) (bool, error) {
			return python.Test(name, v, arguments(args))
		},
		"py_func": func(name string, args ...any) (any, error) {
			return python.Call(name, arguments(args))
		},
		"py_part":     relationPart,
		"py_relation": relation,
		"py_args":     called,
		"py_arg":      argument,
		"return":      func(v any) (string, error) { return "", returned{v} },
	}
}

// named are the arguments that py_kw names.
type named struct{ dict *python.Dict }

func arguments(args []any) python.Args {
	var out python.Args
	for _, a := range args {
		if k, ok := a.(named); ok {
			out.Named = k.dict
			continue
		}
		out.List = append(out.List, a)
	}
	return out
}

// choose is «or» (the first true value) and «and» (the first false one); else the last.
func choose(items []any, want bool) (v any) {
	for _, v = range items {
		if python.True(v) == want {
			return v
		}
	}
	return v
}

// argument is what a macro was called with by name, or the default. The dot is a dictionary.
func argument(dot any, name string, other ...any) (any, error) {
	if d, ok := dot.(map[string]any); ok {
		if v, ok := d[name]; ok {
			return v, nil
		}
	}
	if len(other) > 0 {
		return other[0], nil
	}
	return python.Undefined{Name: name}, nil
}

// returned ends a macro whose include then gives a value, and not its text.
type returned struct{ value any }

func (r returned) Error() string { return "return belongs into a macro" }

// asReturned finds it in what text/template makes of an error.
func asReturned(err error) (any, bool) {
	var r returned
	if !errors.As(err, &r) {
		return nil, false
	}
	return r.value, true
}

// called are the arguments of a macro by its parameters: those by place, then those by name. What
// it has no parameter for is in varargs and kwargs, as Jinja has them. rest are lists, which are
// further ones by place, and dictionaries, which are further ones by name.
func called(params []any, rest ...any) (map[string]any, error) {
	var list []any
	named, _ := python.NewDict()
	for _, r := range rest {
		switch r := python.Of(r).(type) {
		case *python.Dict:
			for _, k := range r.Keys() {
				v, _ := r.Get(k)
				if err := named.Set(k, v); err != nil {
					return nil, err
				}
			}
		default:
			items, err := python.Iter(r)
			if err != nil {
				return nil, err
			}
			list = append(list, items...)
		}
	}
	out := map[string]any{}
	for i, p := range params {
		name := fmt.Sprint(p)
		if i < len(list) {
			out[name] = list[i]
		}
		if v, ok := named.Delete(name); ok {
			out[name] = v
		}
	}
	out["varargs"] = &python.Tuple{Items: list[min(len(params), len(list)):]}
	if caller, ok := named.Delete("caller"); ok {
		out["caller"] = caller
	}
	out["kwargs"] = named
	return out, nil
}

// relationParts are the attributes that dbt's relations have.
var relationParts = map[string]int{"identifier": 0, "name": 0, "table": 0, "schema": 1, "database": 2}

// attribute is an attribute of a value; a text in the form of a relation has the parts of one.
func attribute(v any, name string) (any, error) {
	if s, ok := v.(string); ok {
		if _, ok := relationParts[name]; ok && (strings.HasPrefix(s, "\"") || strings.HasPrefix(s, "`")) {
			return relationPart(s, name)
		}
	}
	return python.Attr(v, name), nil
}

// relationPart is a part of a relation as it stands in SQL: "schema"."name". A part that is not
// there is empty.
func relationPart(text any, name string) (string, error) {
	s, at, parts := fmt.Sprint(text), 0, []string(nil)
	for at < len(s) && (s[at] == '"' || s[at] == '`') {
		quote := s[at : at+1]
		var part strings.Builder
		for at++; at < len(s); at++ {
			if s[at:at+1] != quote {
				part.WriteByte(s[at])
				continue
			}
			if at+1 < len(s) && s[at+1:at+2] == quote {
				at++
				part.WriteByte(s[at])
				continue
			}
			break
		}
		parts = append(parts, part.String())
		if at++; at >= len(s) || s[at] != '.' {
			break
		}
		at++
	}
	if at != len(s) || len(parts) == 0 {
		return "", fmt.Errorf("%q is no relation whose %s could be told", s, name)
	}
	if i := len(parts) - 1 - relationParts[name]; i >= 0 {
		return parts[i], nil
	}
	return "", nil
}

// relation is a relation by its parts, in quotes; those that are empty or none are left out.
func relation(quote string, parts ...any) string {
	var out []string
	for _, p := range parts {
		if s := python.Str(p); p != nil && s != "" {
			out = append(out, quote+strings.ReplaceAll(s, quote, quote+quote)+quote)
		}
	}
	return strings.Join(out, ".")
}

// columnTypes are the types for which dbt's columns answer a method with true.
var columnTypes = map[string][]string{
	"is_string":  {"text", "character varying", "character", "varchar", "string"},
	"is_float":   {"real", "float4", "float", "double precision", "float8", "double", "float64"},
	"is_integer": {"smallint", "integer", "bigint", "smallserial", "serial", "bigserial", "int2", "int4", "int8", "serial2", "serial4", "serial8", "int64"},
	"is_numeric": {"numeric", "decimal"},
}

// columnIs is a method of dbt's columns about their type.
func columnIs(col map[string]any, method string) (is, known bool) {
	typ, ok := col["dtype"].(string)
	if !ok {
		return false, false
	}
	has := func(method string) bool { return slices.Contains(columnTypes[method], strings.ToLower(typ)) }
	if method == "is_number" {
		return has("is_float") || has("is_integer") || has("is_numeric"), true
	}
	return has(method), columnTypes[method] != nil
}

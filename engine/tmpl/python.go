package tmpl

import (
	"errors"
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
		"py_attr":     python.Attr,
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
			return python.Method(v, method, arguments(args))
		},
		"py_filter": func(name string, v any, args ...any) (any, error) {
			return python.Filter(name, v, arguments(args))
		},
		"py_test": func(name string, v any, args ...any) (bool, error) {
			return python.Test(name, v, arguments(args))
		},
		"py_arg": argument,
		"return": func(v any) (string, error) { return "", returned{v} },
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

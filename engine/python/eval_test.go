package python_test

import (
	"fmt"
	"strconv"

	"github.com/engine-build/engine/engine/jinja"
	. "github.com/engine-build/engine/engine/python"
)

// value computes an expression without names, as far as package python goes.
func value(x jinja.Expr) (any, error) {
	switch x := x.(type) {
	case *jinja.Name:
		return Undefined{Name: x.Name}, nil
	case *jinja.String:
		return x.Value, nil
	case *jinja.Int:
		return strconv.ParseInt(x.Digits, 10, 64)
	case *jinja.Float:
		return x.Value, nil
	case *jinja.Bool:
		return x.Value, nil
	case *jinja.None:
		return nil, nil
	case *jinja.List:
		items, err := values(x.Items)
		return &List{Items: items}, err
	case *jinja.Tuple:
		items, err := values(x.Items)
		return &Tuple{Items: items}, err
	case *jinja.Dict:
		var pairs []any
		for _, p := range x.Items {
			both, err := values([]jinja.Expr{p.Key, p.Value})
			if err != nil {
				return nil, err
			}
			pairs = append(pairs, both...)
		}
		return NewDict(pairs...)
	case *jinja.Attr:
		v, err := value(x.X)
		return Attr(v, x.Name.Name), err
	case *jinja.Index:
		v, err := value(x.X)
		if err != nil {
			return nil, err
		}
		if s, ok := x.Key.(*jinja.Slice); ok {
			parts := make([]any, 3)
			for i, p := range []jinja.Expr{s.Low, s.High, s.Step} {
				if p != nil {
					if parts[i], err = value(p); err != nil {
						return nil, err
					}
				}
			}
			return Slice(v, parts[0], parts[1], parts[2])
		}
		k, err := value(x.Key)
		return Item(v, k), err
	case *jinja.Call:
		a, err := arguments(x.Arguments)
		if err != nil {
			return nil, err
		}
		attr, ok := x.Fn.(*jinja.Attr)
		if !ok {
			return nil, fmt.Errorf("no method")
		}
		v, err := value(attr.X)
		if err != nil {
			return nil, err
		}
		return Method(v, attr.Name.Name, a)
	case *jinja.Filter:
		v, err := value(x.X)
		if err != nil {
			return nil, err
		}
		a, err := arguments(x.Arguments)
		if err != nil {
			return nil, err
		}
		return Filter(x.Name.Name, v, a)
	case *jinja.Test:
		v, err := value(x.X)
		if err != nil {
			return nil, err
		}
		a, err := arguments(x.Arguments)
		if err != nil {
			return nil, err
		}
		ok, err := Test(x.Name.Name, v, a)
		return ok != x.Not, err
	case *jinja.Binary:
		a, err := value(x.X)
		if err != nil {
			return nil, err
		}
		if x.Op == "or" && True(a) || x.Op == "and" && !True(a) {
			return a, nil
		}
		b, err := value(x.Y)
		if err != nil || x.Op == "or" || x.Op == "and" {
			return b, err
		}
		return Op(x.Op, a, b)
	case *jinja.Concat:
		items, err := values(x.Parts)
		return Concat(items...), err
	case *jinja.Compare:
		a, err := value(x.X)
		for _, c := range x.Rest {
			if err != nil {
				return nil, err
			}
			var b any
			if b, err = value(c.Y); err != nil {
				return nil, err
			}
			ok := false
			switch c.Op {
			case "==":
				ok = Equal(a, b)
			case "!=":
				ok = !Equal(a, b)
			case "in", "not in":
				ok, err = In(a, b)
				ok = ok == (c.Op == "in")
			default:
				var n int
				n, err = Compare(a, b)
				ok = map[string]bool{"<": n < 0, "<=": n <= 0, ">": n > 0, ">=": n >= 0}[c.Op]
			}
			if err != nil || !ok {
				return false, err
			}
			a = b
		}
		return true, err
	case *jinja.Unary:
		v, err := value(x.X)
		switch {
		case err != nil:
			return nil, err
		case x.Op == "not":
			return !True(v), nil
		case x.Op == "-":
			return Negative(v)
		}
		return Op("+", int64(0), v)
	case *jinja.Cond:
		when, err := value(x.When)
		switch {
		case err != nil:
			return nil, err
		case True(when):
			return value(x.Then)
		case x.Else == nil:
			return Undefined{}, nil
		}
		return value(x.Else)
	}
	return nil, fmt.Errorf("no value: %T", x)
}

func values(list []jinja.Expr) (out []any, err error) {
	for _, x := range list {
		v, err := value(x)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func arguments(a jinja.Arguments) (out Args, err error) {
	if out.List, err = values(a.Args); err != nil {
		return out, err
	}
	out.Named, _ = NewDict()
	for _, k := range a.Keywords {
		v, err := value(k.Value)
		if err != nil {
			return out, err
		}
		if err := out.Named.Set(k.Name.Name, v); err != nil {
			return out, err
		}
	}
	return out, nil
}

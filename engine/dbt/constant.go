package dbt

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/jinja"
	"github.com/engine-build/engine/engine/python"
	"github.com/engine-build/engine/engine/source"
)

// constants are what Jinja in YAML files can name.
type constants struct {
	vars   map[string]any
	target map[string]any
	// env answers env_var; nil: nothing can be read, and the default is taken.
	env func(name string, other any, has bool) (any, error)
	// names are variables of a macro that is computed, nil in YAML.
	names map[string]any
}

// text computes a text with Jinja in it. Where it is one output alone, the value keeps its type, as
// in dbt's native environment.
func (c *constants) text(s string) (any, error) {
	if !strings.Contains(s, "{{") && !strings.Contains(s, "{%") {
		return s, nil
	}
	t, list := jinja.Parse(source.NewFile("", []byte(s)))
	if list != nil {
		return nil, fmt.Errorf("%s", list[0].Message)
	}
	if len(t.Body) == 1 {
		if out, ok := t.Body[0].(*jinja.Output); ok {
			v, err := c.value(out.X)
			if s, isText := v.(string); isText && err == nil {
				return native(s), nil
			}
			return v, err
		}
	}
	var b strings.Builder
	if err := c.write(&b, t.Body); err != nil {
		return nil, err
	}
	return native(strings.TrimSpace(b.String())), nil
}

// native is what dbt makes of a rendered text: true, false and numbers are values.
func native(s string) any {
	switch s {
	case "True", "true":
		return true
	case "False", "false":
		return false
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && strconv.FormatInt(n, 10) == s {
		return n
	}
	return s
}

func (c *constants) write(b *strings.Builder, nodes []jinja.Node) error {
	for _, n := range nodes {
		switch n := n.(type) {
		case *jinja.Text:
			b.WriteString(n.Text)
		case *jinja.Comment:
		case *jinja.Set:
			name, ok := n.Target.(*jinja.Name)
			if !ok || c.names == nil {
				return fmt.Errorf("statements in YAML")
			}
			v, err := c.value(n.Value)
			if err != nil {
				return err
			}
			c.names[name.Name] = v
		case *jinja.Do:
			if _, err := c.value(n.X); err != nil {
				return err
			}
		case *jinja.Output:
			v, err := c.value(n.X)
			if err != nil {
				return err
			}
			b.WriteString(python.Str(v))
		case *jinja.If:
			body := n.Else
			for _, a := range n.Arms {
				v, err := c.value(a.When)
				if err != nil {
					return err
				}
				if python.True(v) {
					body = a.Body
					break
				}
			}
			if err := c.write(b, body); err != nil {
				return err
			}
		default:
			return fmt.Errorf("statements in YAML")
		}
	}
	return nil
}

func (c *constants) values(list []jinja.Expr) (out []any, err error) {
	for _, x := range list {
		v, err := c.value(x)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (c *constants) args(a jinja.Arguments) (out python.Args, err error) {
	if a.Star != nil || a.Stars != nil {
		return out, fmt.Errorf("*args and **kwargs")
	}
	if out.List, err = c.values(a.Args); err != nil {
		return out, err
	}
	out.Named, _ = python.NewDict()
	for _, k := range a.Keywords {
		v, err := c.value(k.Value)
		if err != nil {
			return out, err
		}
		_ = out.Named.Set(k.Name.Name, v) // a text is always a key
	}
	return out, nil
}

func (c *constants) value(x jinja.Expr) (any, error) {
	switch x := x.(type) {
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
		items, err := c.values(x.Items)
		return &python.List{Items: items}, err
	case *jinja.Tuple:
		items, err := c.values(x.Items)
		return &python.Tuple{Items: items}, err
	case *jinja.Name:
		if v, ok := c.names[x.Name]; ok {
			return v, nil
		}
		if x.Name == "target" {
			return python.Of(c.target), nil
		}
		return nil, fmt.Errorf("%s is not known in YAML", x.Name)
	case *jinja.Attr:
		v, err := c.value(x.X)
		return python.Attr(v, x.Name.Name), err
	case *jinja.Index:
		v, err := c.value(x.X)
		if err != nil {
			return nil, err
		}
		if _, slice := x.Key.(*jinja.Slice); slice {
			return nil, fmt.Errorf("slices in YAML")
		}
		k, err := c.value(x.Key)
		return python.Item(v, k), err
	case *jinja.Call:
		return c.call(x)
	case *jinja.Filter:
		v, err := c.value(x.X)
		if err != nil {
			return nil, err
		}
		a, err := c.args(x.Arguments)
		if err != nil {
			return nil, err
		}
		if s, ok := v.(string); ok && (x.Name.Name == "as_bool" || x.Name.Name == "as_number" || x.Name.Name == "as_native") {
			return native(strings.TrimSpace(s)), nil
		}
		return python.Filter(x.Name.Name, v, a)
	case *jinja.Test:
		v, err := c.value(x.X)
		if err != nil {
			return nil, err
		}
		a, err := c.args(x.Arguments)
		if err != nil {
			return nil, err
		}
		ok, err := python.Test(x.Name.Name, v, a)
		return ok != x.Not, err
	case *jinja.Binary:
		a, err := c.value(x.X)
		if err != nil || x.Op == "or" && python.True(a) || x.Op == "and" && !python.True(a) {
			return a, err
		}
		b, err := c.value(x.Y)
		if err != nil || x.Op == "or" || x.Op == "and" {
			return b, err
		}
		return python.Op(x.Op, a, b)
	case *jinja.Concat:
		items, err := c.values(x.Parts)
		return python.Concat(items...), err
	case *jinja.Unary:
		v, err := c.value(x.X)
		switch {
		case err != nil:
			return nil, err
		case x.Op == "not":
			return !python.True(v), nil
		case x.Op == "-":
			return python.Negative(v)
		}
		return v, nil
	case *jinja.Cond:
		when, err := c.value(x.When)
		switch {
		case err != nil:
			return nil, err
		case python.True(when):
			return c.value(x.Then)
		case x.Else == nil:
			return "", nil
		}
		return c.value(x.Else)
	case *jinja.Compare:
		return c.compare(x)
	}
	return nil, fmt.Errorf("this cannot be computed in YAML")
}

func (c *constants) compare(x *jinja.Compare) (any, error) {
	a, err := c.value(x.X)
	for _, r := range x.Rest {
		if err != nil {
			return nil, err
		}
		b, wrong := c.value(r.Y)
		if wrong != nil {
			return nil, wrong
		}
		ok := false
		switch r.Op {
		case "==":
			ok = python.Equal(a, b)
		case "!=":
			ok = !python.Equal(a, b)
		case "in", "not in":
			ok, err = python.In(a, b)
			ok = ok == (r.Op == "in")
		default:
			var n int
			n, err = python.Compare(a, b)
			ok = r.Op == "<" && n < 0 || r.Op == "<=" && n <= 0 || r.Op == ">" && n > 0 || r.Op == ">=" && n >= 0
		}
		if err != nil || !ok {
			return false, err
		}
		a = b
	}
	return true, err
}

func (c *constants) call(x *jinja.Call) (any, error) {
	if attr, ok := x.Fn.(*jinja.Attr); ok {
		v, err := c.value(attr.X)
		if err != nil {
			return nil, err
		}
		a, err := c.args(x.Arguments)
		if err != nil {
			return nil, err
		}
		return python.Method(v, attr.Name.Name, a)
	}
	name, ok := x.Fn.(*jinja.Name)
	if !ok {
		return nil, fmt.Errorf("this cannot be called in YAML")
	}
	switch name.Name {
	case "log", "print":
		return "", nil
	case "return":
		if len(x.Args) == 1 {
			return c.value(x.Args[0])
		}
	}
	if rule := strings.TrimPrefix(name.Name, "default__"); c.names != nil && len(x.Args) > 0 && (rule == "generate_schema_name" || rule == "generate_schema_name_for_env") {
		custom, err := c.value(x.Args[0])
		if err != nil {
			return nil, err
		}
		schema := fmt.Sprint(c.target["schema"])
		switch {
		case custom == nil, rule != "generate_schema_name" && c.target["name"] != "prod":
			return schema, nil
		case rule == "generate_schema_name":
			return schema + "_" + strings.TrimSpace(fmt.Sprint(custom)), nil
		}
		return strings.TrimSpace(fmt.Sprint(custom)), nil
	}
	a, err := c.args(x.Arguments)
	if err != nil {
		return nil, err
	}
	if len(a.List) == 0 {
		return nil, fmt.Errorf("%s cannot be called in YAML", name.Name)
	}
	key := python.Str(a.List[0])
	other, has := any(nil), false
	if len(a.List) > 1 {
		other, has = a.List[1], true
	} else if v, ok := a.Named.Get("default"); ok {
		other, has = v, true
	}
	switch name.Name {
	case "var":
		if v, ok := c.vars[key]; ok {
			if s, ok := v.(string); ok && strings.Contains(s, "{{") { // dbt renders it where it is asked for
				return c.text(s)
			}
			return python.Of(v), nil
		}
		if has {
			return other, nil
		}
		return nil, fmt.Errorf("there is no variable %q", key)
	case "env_var":
		if c.env != nil {
			return c.env(key, other, has)
		}
		if has {
			return other, nil
		}
		return nil, fmt.Errorf("the environment variable %q is not known here", key)
	}
	return nil, fmt.Errorf("%s cannot be called in YAML", name.Name)
}

package dbt

import (
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/jinja"
)

// Signatures are the macros that a file defines, by name. A package's macros have its name in
// front in the engine's project.
func Signatures(pkg string, t *jinja.Template) map[string]Macro {
	out := map[string]Macro{}
	for _, n := range t.Body {
		m, ok := n.(*jinja.Macro)
		if !ok || m.Kind != "macro" {
			continue
		}
		known := Macro{Name: m.Name.Name}
		if pkg != "" {
			known.Name = pkg + "." + known.Name
		}
		used := namesIn(m.Body)
		known.Open = used["varargs"] || used["kwargs"]
		for _, p := range m.Params {
			known.Params = append(known.Params, p.Name.Name)
		}
		known.forwards = forwards(m)
		known.Unchanged = onlyRead(m)
		walk(m.Body, func(x jinja.Expr) {
			if call, ok := x.(*jinja.Call); ok {
				if name, ok := call.Fn.(*jinja.Name); ok && name.Name == "return" {
					known.Value = true
				}
			}
		})
		out[m.Name.Name] = known
	}
	return out
}

// forwards finds the call of a macro that does nothing else than return(adapter.dispatch('x')(…)).
func forwards(m *jinja.Macro) *jinja.Call {
	var found *jinja.Call
	for _, n := range m.Body {
		var x jinja.Expr
		switch n := n.(type) {
		case *jinja.Text:
			if strings.TrimSpace(n.Text) != "" {
				return nil
			}
			continue
		case *jinja.Comment:
			continue
		case *jinja.Output:
			x = n.X
		case *jinja.Do:
			x = n.X
		}
		call, ok := x.(*jinja.Call)
		if !ok || found != nil || len(call.Args) != 1 {
			return nil
		}
		if name, ok := call.Fn.(*jinja.Name); !ok || name.Name != "return" {
			return nil
		}
		inner, ok := call.Args[0].(*jinja.Call)
		if !ok {
			return nil
		}
		fn, ok := inner.Fn.(*jinja.Call)
		if !ok {
			return nil
		}
		if _, _, ok := dispatched(fn); !ok {
			return nil
		}
		found = inner
	}
	return found
}

// onlyRead are the parameters that a macro neither changes nor hands on to where they could be
// changed: they are printed, gone through, joined and the like.
func onlyRead(m *jinja.Macro) map[string]bool {
	out := map[string]bool{}
	for _, p := range m.Params {
		out[p.Name.Name] = true
	}
	lose := func(x jinja.Expr) {
		visit(x, func(x jinja.Expr) {
			if n, ok := x.(*jinja.Name); ok {
				delete(out, n.Name)
			}
		})
	}
	walk(m.Body, func(x jinja.Expr) {
		call, ok := x.(*jinja.Call)
		if !ok {
			return
		}
		if a, ok := call.Fn.(*jinja.Attr); ok {
			if n, ok := a.X.(*jinja.Name); ok && slices.Contains(changing, a.Name.Name) {
				delete(out, n.Name)
			}
		}
		for _, a := range call.Args {
			lose(a)
		}
		for _, k := range call.Keywords {
			lose(k.Value)
		}
	})
	// lost are the names that an expression can be another name of.
	var lost func(x jinja.Expr)
	lost = func(x jinja.Expr) {
		switch x := x.(type) {
		case *jinja.String, *jinja.Concat, *jinja.Compare, *jinja.Index, *jinja.Attr, *jinja.Test, *jinja.Unary:
		case *jinja.Filter:
			if !slices.Contains([]string{"length", "count", "join", "upper", "lower", "trim", "replace", "string", "int", "tojson"}, x.Name.Name) {
				lose(x)
			}
		case *jinja.Cond:
			lost(x.Then)
			lost(x.Else)
		default:
			lose(x)
		}
	}
	var sets func(nodes []jinja.Node)
	sets = func(nodes []jinja.Node) {
		for _, n := range nodes {
			switch n := n.(type) {
			case *jinja.Set:
				lost(n.Value)
			case *jinja.With:
				for _, v := range n.Values {
					lost(v)
				}
				sets(n.Body)
			case *jinja.For:
				sets(n.Body)
				sets(n.Else)
			case *jinja.If:
				for _, a := range n.Arms {
					sets(a.Body)
				}
				sets(n.Else)
			case *jinja.SetBlock:
				sets(n.Body)
			case *jinja.FilterBlock:
				sets(n.Body)
			case *jinja.CallBlock:
				sets(n.Body)
			}
		}
	}
	sets(m.Body)
	return out
}

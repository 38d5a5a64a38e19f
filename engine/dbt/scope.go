package dbt

import (
	"maps"
	"slices"

	"github.com/engine-build/engine/engine/jinja"
)

// scope is a scope of Jinja: a template, a macro, the body of a loop. An if has none in Jinja and
// has one in Go, so what is first set inside of an if is declared at the beginning of the scope.
type scope struct {
	outer *scope
	vars  map[string]*variable
	// hoist are the declarations at its beginning.
	hoist []string
	// mutated are names whose value methods change in place, in this scope and in those inside.
	mutated map[string]bool
	// several are names that are set more than once, whose type is then not known.
	several map[string]bool
	// texts are the names that are set here, and whether all that they are set to is a text.
	texts map[string]bool
}

type variable struct {
	name string
	typ  typ
	// path is the module of dbt's that it stands for; there is no such variable then.
	path string
}

func newScope(outer *scope, body []jinja.Node) *scope {
	s := &scope{outer: outer, vars: map[string]*variable{}, mutated: map[string]bool{}, several: map[string]bool{}, texts: map[string]bool{}}
	if outer != nil {
		maps.Copy(s.mutated, outer.mutated)
	}
	changed(body, s.mutated)
	first := map[string]bool{} // the first set is inside of an if
	count := map[string]int{}
	var order []string
	assigned(body, false, func(name string, value jinja.Expr, inIf bool) {
		if count[name]++; count[name] == 1 {
			first[name] = inIf
			order = append(order, name)
			s.texts[name] = true
		}
		s.texts[name] = s.texts[name] && textual(value)
	})
	for _, name := range order {
		s.several[name] = count[name] > 1 && !s.texts[name]
		if !first[name] {
			continue
		}
		if v := s.find(name); v != nil {
			s.hoist = append(s.hoist, "$"+name+" := $"+name)
			s.vars[name] = &variable{name: name, typ: unknown}
			continue
		}
		s.hoist = append(s.hoist, "$"+name+` := ""`)
		s.vars[name] = &variable{name: name, typ: unknown}
		if s.texts[name] && !s.mutated[name] { // what is not set prints nothing, as a text that is empty
			s.vars[name].typ = str
		}
	}
	return s
}

func (s *scope) find(name string) *variable {
	for ; s != nil; s = s.outer {
		if v := s.vars[name]; v != nil {
			return v
		}
	}
	return nil
}

// declare makes a variable of this scope.
func (s *scope) declare(name string, t typ) string {
	if s.several[name] || s.mutated[name] {
		t = unknown
	}
	s.vars[name] = &variable{name: name, typ: t}
	return "$" + name
}

// assign is a set: the variable, and whether it is declared by it.
func (s *scope) assign(name string, t typ) (variable, word string) {
	if s.vars[name] != nil {
		return "$" + name, " = "
	}
	return s.declare(name, t), " := "
}

// visible are the variables of names that are known here, sorted.
func (s *scope) visible(names map[string]bool) []*variable {
	var out []*variable
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if v := s.find(name); v != nil && v.path == "" {
			out = append(out, v)
		}
	}
	return out
}

// textual says that an expression is a text for sure.
func textual(x jinja.Expr) bool {
	switch x := x.(type) {
	case *jinja.String, *jinja.Concat:
		return true
	case *jinja.Binary: // a text is added to texts only
		return x.Op == "+" && (textual(x.X) || textual(x.Y))
	case *jinja.Cond:
		return textual(x.Then) && (x.Else == nil || textual(x.Else))
	case *jinja.Filter:
		return slices.Contains([]string{"upper", "lower", "trim", "string", "join", "title", "capitalize"}, x.Name.Name)
	}
	return false
}

// assigned calls f for every set of this scope, in the order of the text, with what is set.
func assigned(body []jinja.Node, inIf bool, f func(name string, value jinja.Expr, inIf bool)) {
	var target func(x, value jinja.Expr)
	target = func(x, value jinja.Expr) {
		switch x := x.(type) {
		case *jinja.Name:
			f(x.Name, value, inIf)
		case *jinja.Tuple:
			for _, i := range x.Items {
				target(i, nil)
			}
		}
	}
	for _, n := range body {
		switch n := n.(type) {
		case *jinja.Set:
			target(n.Target, n.Value)
		case *jinja.SetBlock:
			var text jinja.Expr
			if n.Filter == nil {
				text = &jinja.String{}
			}
			target(n.Target, text)
		case *jinja.If:
			for _, a := range n.Arms {
				assigned(a.Body, true, f)
			}
			assigned(n.Else, true, f)
		}
	}
}

// changing are the methods that change a value in place.
var changing = []string{"append", "extend", "insert", "pop", "remove", "reverse", "sort", "clear", "update", "setdefault"}

// changed collects names whose value such methods change.
func changed(body []jinja.Node, into map[string]bool) {
	walk(body, func(x jinja.Expr) {
		call, ok := x.(*jinja.Call)
		if !ok {
			return
		}
		attr, ok := call.Fn.(*jinja.Attr)
		if !ok || !slices.Contains(changing, attr.Name.Name) {
			return
		}
		if name, ok := attr.X.(*jinja.Name); ok {
			into[name.Name] = true
		}
	})
}

// namesIn are the names that are read in a body.
func namesIn(body []jinja.Node) map[string]bool {
	out := map[string]bool{}
	walk(body, func(x jinja.Expr) {
		if n, ok := x.(*jinja.Name); ok {
			out[n.Name] = true
		}
	})
	return out
}

// loopUses are the attributes of loop that a body uses, loops inside left out.
func loopUses(body []jinja.Node) map[string]bool {
	out := map[string]bool{}
	walkIn(body, func(x jinja.Expr) {
		if a, ok := x.(*jinja.Attr); ok {
			if n, ok := a.X.(*jinja.Name); ok && n.Name == "loop" {
				out[a.Name.Name] = true
			}
		}
	}, false)
	return out
}

// walk visits every expression of a body, outer ones first.
func walk(body []jinja.Node, f func(jinja.Expr)) { walkIn(body, f, true) }

func walkIn(body []jinja.Node, f func(jinja.Expr), loops bool) {
	each := func(list ...jinja.Expr) {
		for _, x := range list {
			visit(x, f)
		}
	}
	for _, n := range body {
		switch n := n.(type) {
		case *jinja.Output:
			each(n.X)
		case *jinja.If:
			for _, a := range n.Arms {
				each(a.When)
				walkIn(a.Body, f, loops)
			}
			walkIn(n.Else, f, loops)
		case *jinja.For:
			each(n.Items)
			if loops {
				each(n.When)
				walkIn(n.Body, f, loops)
			}
			walkIn(n.Else, f, loops)
		case *jinja.Set:
			each(n.Value)
			if a, ok := n.Target.(*jinja.Attr); ok {
				each(a.X)
			}
		case *jinja.SetBlock:
			each(n.Filter)
			walkIn(n.Body, f, loops)
		case *jinja.Macro:
			for _, p := range n.Params {
				each(p.Default)
			}
			walkIn(n.Body, f, loops)
		case *jinja.CallBlock:
			each(n.Call)
			walkIn(n.Body, f, loops)
		case *jinja.FilterBlock:
			each(n.Filter)
			walkIn(n.Body, f, loops)
		case *jinja.With:
			each(n.Values...)
			walkIn(n.Body, f, loops)
		case *jinja.Do:
			each(n.X)
		case *jinja.Print:
			each(n.List...)
		case *jinja.Snapshot:
			walkIn(n.Body, f, loops)
		case *jinja.Materialization:
			walkIn(n.Body, f, loops)
		case *jinja.Foreign:
			walkIn(n.Body, f, loops)
		}
	}
}

func visit(x jinja.Expr, f func(jinja.Expr)) {
	if x == nil {
		return
	}
	f(x)
	each := func(list ...jinja.Expr) {
		for _, x := range list {
			visit(x, f)
		}
	}
	args := func(a jinja.Arguments) {
		each(a.Args...)
		for _, k := range a.Keywords {
			each(k.Value)
		}
		each(a.Star, a.Stars)
	}
	switch x := x.(type) {
	case *jinja.List:
		each(x.Items...)
	case *jinja.Tuple:
		each(x.Items...)
	case *jinja.Dict:
		for _, p := range x.Items {
			each(p.Key, p.Value)
		}
	case *jinja.Attr:
		each(x.X)
	case *jinja.Index:
		each(x.X, x.Key)
	case *jinja.Slice:
		each(x.Low, x.High, x.Step)
	case *jinja.Call:
		each(x.Fn)
		args(x.Arguments)
	case *jinja.Filter:
		each(x.X)
		args(x.Arguments)
	case *jinja.Test:
		each(x.X)
		args(x.Arguments)
	case *jinja.Binary:
		each(x.X, x.Y)
	case *jinja.Concat:
		each(x.Parts...)
	case *jinja.Compare:
		each(x.X)
		for _, c := range x.Rest {
			each(c.Y)
		}
	case *jinja.Unary:
		each(x.X)
	case *jinja.Cond:
		each(x.When, x.Then, x.Else)
	}
}

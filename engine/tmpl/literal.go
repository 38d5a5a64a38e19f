package tmpl

import (
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"
)

// literal is the value of a node that does not depend on anything: a literal, or calls of
// pure functions on such («list "a" "b"»).
func (w *walker) literal(n parse.Node) (any, bool) {
	switch n := n.(type) {
	case *parse.StringNode:
		return n.Text, true
	case *parse.BoolNode:
		return n.True, true
	case *parse.NilNode:
		return nil, true
	case *parse.NumberNode:
		return literalNumber(n)
	case *parse.PipeNode:
		if v, ok := w.literalList(n); ok {
			return v, true
		}
		if isPure(n) {
			return evaluate(w.owner, n)
		}
	}
	return nil, false
}

func literalNumber(n *parse.NumberNode) (any, bool) {
	switch {
	case strings.HasPrefix(n.Text, "'"), n.IsComplex && !n.IsFloat:
		return nil, false
	case n.IsFloat && strings.ContainsAny(n.Text, ".eEpP") && !strings.HasPrefix(strings.ToLower(n.Text), "0x"):
		return n.Float64, true
	case n.IsInt:
		return n.Int64, true
	}
	return nil, false
}

// literalList is the short way for what nearly all computed arguments are.
func (w *walker) literalList(p *parse.PipeNode) (any, bool) {
	if len(p.Cmds) != 1 || len(p.Decl) > 0 {
		return nil, false
	}
	args := p.Cmds[0].Args
	if len(args) == 1 {
		return w.literal(args[0])
	}
	if id, ok := args[0].(*parse.IdentifierNode); !ok || id.Ident != "list" {
		return nil, false
	}
	out := make([]any, 0, len(args)-1)
	for _, arg := range args[1:] {
		v, ok := w.literal(arg)
		if !ok {
			return nil, false
		}
		out = append(out, v)
	}
	return out, true
}

// isPure reports whether a node consists of literals and functions that are the same
// everywhere.
func isPure(n parse.Node) bool {
	switch n := n.(type) {
	case *parse.StringNode, *parse.BoolNode, *parse.NilNode:
		return true
	case *parse.NumberNode:
		return !strings.HasPrefix(n.Text, "'")
	case *parse.IdentifierNode:
		return isFunc(n.Ident) && !engineFuncs[n.Ident]
	case *parse.ChainNode:
		return isPure(n.Node)
	case *parse.PipeNode:
		if len(n.Decl) > 0 {
			return false
		}
		for _, c := range n.Cmds {
			for _, a := range c.Args {
				if !isPure(a) {
					return false
				}
			}
		}
		return true
	}
	return false
}

// evaluate runs a pure pipeline. What does not run is unknown here and reported when
// the template is rendered.
func evaluate(owner *parse.Tree, p *parse.PipeNode) (v any, ok bool) {
	defer func() {
		if recover() != nil {
			v, ok = nil, false
		}
	}()
	got := false
	capture := func(x any) string { v, got = normal(x), true; return "" }
	t := template.New("").Funcs(pureFuncs()).Funcs(template.FuncMap{"_capture": capture})
	tree := *owner
	tree.Root = &parse.ListNode{NodeType: parse.NodeList, Nodes: []parse.Node{&parse.ActionNode{
		NodeType: parse.NodeAction, Pipe: callNode(0, parse.NewIdentifier("_capture"), p),
	}}}
	t.Tree = &tree
	err := t.Execute(io.Discard, nil)
	return v, err == nil && got
}

// normal brings a template's value into the few types that calls carry: nil, string,
// int64, float64, bool, []any and map[string]any. Anything else becomes its text.
func normal(v any) any {
	switch v := v.(type) {
	case nil, string, bool, int64, float64:
		return v
	case int:
		return int64(v)
	case fmt.Stringer:
		return v.String()
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return r.Int()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if u := r.Uint(); u <= 1<<63-1 {
			return int64(u)
		}
	case reflect.Float32, reflect.Float64:
		return r.Float()
	case reflect.Bool:
		return r.Bool()
	case reflect.String:
		return r.String()
	case reflect.Slice, reflect.Array:
		if r.Kind() == reflect.Slice && r.IsNil() {
			return []any{}
		}
		out := make([]any, r.Len())
		for i := range out {
			out[i] = normal(r.Index(i).Interface())
		}
		return out
	case reflect.Map:
		out := make(map[string]any, r.Len())
		for it := r.MapRange(); it.Next(); {
			out[fmt.Sprint(it.Key().Interface())] = normal(it.Value().Interface())
		}
		return out
	case reflect.Pointer, reflect.Interface:
		if r.IsNil() {
			return nil
		}
		return normal(r.Elem().Interface())
	}
	return fmt.Sprint(v)
}

// own is a copy of a value that a template may change with set or merge.
func own(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = own(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = own(x)
		}
		return out
	}
	return v
}

func unquote(s string) (string, bool) {
	out, err := strconv.Unquote(s)
	return out, err == nil
}

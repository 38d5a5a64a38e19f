package jinja

import (
	"fmt"
	"strconv"
	"strings"
)

// dump writes a tree as testdata/dump.py writes Jinja2's own.
type dump struct{ strings.Builder }

func dumped(nodes []Node) string {
	var d dump
	d.body(nodes)
	return d.String()
}

// body joins texts that a comment parts: Jinja2 has no comments in its tree.
func (d *dump) body(nodes []Node) {
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			d.WriteString("(text " + pyQuote(text.String()) + ")")
			text.Reset()
		}
	}
	for _, n := range nodes {
		switch n := n.(type) {
		case *Comment:
		case *Text:
			text.WriteString(n.Text)
		default:
			flush()
			d.statement(n)
		}
	}
	flush()
}

func (d *dump) list(word string, parts ...any) {
	d.WriteString("(" + word)
	for _, p := range parts {
		d.WriteString(" ")
		switch p := p.(type) {
		case nil:
			d.WriteString("-")
		case string:
			d.WriteString(p)
		case []Node:
			d.WriteString("[")
			d.body(p)
			d.WriteString("]")
		case []Expr:
			d.WriteString("[")
			for _, x := range p {
				d.x(x)
			}
			d.WriteString("]")
		case []Param:
			d.WriteString("[")
			for _, x := range p {
				d.list(x.Name.Name, orNil(x.Default))
			}
			d.WriteString("]")
		case Arguments:
			d.WriteString("[")
			for _, x := range p.Args {
				d.x(x)
			}
			d.WriteString("][")
			for _, k := range p.Keywords {
				d.list(k.Name.Name, k.Value)
			}
			d.WriteString("]")
			for _, x := range []Expr{p.Star, p.Stars} {
				if x == nil {
					d.WriteString("-")
				} else {
					d.x(x)
				}
			}
		case Expr:
			d.x(p)
		default:
			panic(fmt.Sprintf("%T", p))
		}
	}
	d.WriteString(")")
}

func orNil(x Expr) any {
	if x == nil {
		return nil
	}
	return x
}

func (d *dump) statement(n Node) {
	switch n := n.(type) {
	case *Output:
		d.list("out", n.X)
	case *If:
		for i, a := range n.Arms {
			if i > 0 {
				d.WriteString("[")
			}
			d.WriteString("(if ")
			d.x(a.When)
			d.WriteString(" [")
			d.body(a.Body)
			d.WriteString("] ")
		}
		d.WriteString("[")
		d.body(n.Else)
		d.WriteString("])")
		for range len(n.Arms) - 1 {
			d.WriteString("])")
		}
	case *For:
		d.list("for", n.Target, n.Items, orNil(n.When), fmt.Sprint(n.Recursive), n.Body, n.Else)
	case *Set:
		d.list("set", n.Target, n.Value)
	case *SetBlock:
		d.list("setblock", n.Target, orNil(n.Filter), n.Body)
	case *Macro:
		d.list("macro", n.Name.Name, n.Params, n.Body)
	case *Materialization:
		var params []Param
		for _, k := range n.Options {
			params = append(params, Param{k.Name, k.Value})
		}
		d.list("macro", "materialization "+n.Name.Name+" "+n.Adapter, params, n.Body)
	case *Snapshot:
		d.list("macro", "snapshot "+n.Name.Name, []Param(nil), n.Body)
	case *CallBlock:
		d.list("call", n.Call, n.Params, n.Body)
	case *FilterBlock:
		d.list("filterblock", n.Filter, n.Body)
	case *With:
		d.list("with", n.Targets, n.Values, n.Body)
	case *Do:
		d.list("do", n.X)
	case *Print:
		for _, x := range n.List {
			d.list("out", x)
		}
	case *Jump:
		d.list(n.Word)
	default:
		panic(fmt.Sprintf("%T", n))
	}
}

func (d *dump) x(x Expr) {
	switch x := x.(type) {
	case *Name:
		d.list("name", x.Name)
	case *String:
		d.list("str", pyQuote(x.Value))
	case *Int:
		d.list("int", x.Digits)
	case *Float:
		d.list("float", strconv.FormatFloat(x.Value, 'e', 12, 64))
	case *Bool:
		d.list("bool", fmt.Sprint(x.Value))
	case *None:
		d.list("none")
	case *List:
		d.list("list", x.Items)
	case *Tuple:
		d.list("tuple", x.Items)
	case *Dict:
		d.WriteString("(dict ")
		for _, p := range x.Items {
			d.x(p.Key)
			d.x(p.Value)
		}
		d.WriteString(")")
	case *Attr:
		d.list("attr", x.X, x.Name.Name)
	case *Index:
		d.list("item", x.X, x.Key)
	case *Slice:
		d.list("slice", orNil(x.Low), orNil(x.High), orNil(x.Step))
	case *Call:
		d.list("callx", x.Fn, x.Arguments)
	case *Filter:
		d.list("filter", orNil(x.X), x.Name.Name, x.Arguments)
	case *Test:
		if x.Not {
			d.WriteString("(not ")
		}
		d.list("test", x.X, x.Name.Name, x.Arguments)
		if x.Not {
			d.WriteString(")")
		}
	case *Binary:
		d.list(x.Op, x.X, x.Y)
	case *Concat:
		d.list("concat", x.Parts)
	case *Compare:
		d.WriteString("(cmp ")
		d.x(x.X)
		for _, c := range x.Rest {
			d.list(strings.ReplaceAll(c.Op, " ", ""), c.Y)
		}
		d.WriteString(")")
	case *Unary:
		if x.Op == "not" {
			d.list("not", x.X)
		} else {
			d.list("unary"+x.Op, x.X)
		}
	case *Cond:
		d.list("cond", x.When, x.Then, orNil(x.Else))
	default:
		panic(fmt.Sprintf("%T", x))
	}
}

// pyQuote writes text so that both sides can: code points beyond ASCII as \u{…}.
func pyQuote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		if r < 32 || r > 126 || r == '"' || r == '\\' {
			fmt.Fprintf(&b, "\\u{%x}", r)
		} else {
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

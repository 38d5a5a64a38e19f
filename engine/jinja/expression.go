package jinja

import (
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// tupleRules are the ways in which jinja2/parser.py reads what may be a tuple.
type tupleRules struct {
	plain  bool     // members have no inline if
	simple bool     // members are primaries only
	ends   []string // words that end it
	braces bool     // it stands in parentheses, where it may be empty
}

// tuple reads a, b, or one expression.
func (p *parser) tuple(cond bool) Expr { return p.tupleOf(tupleRules{plain: !cond}) }

func (p *parser) tupleEnd(r tupleRules) bool {
	t := p.now()
	return t.kind == tokShown || t.kind == tokClose || t.is(")") && t.kind == tokOp || t.kind == tokName && slices.Contains(r.ends, t.text)
}

func (p *parser) tupleOf(r tupleRules) Expr {
	start := p.now().start
	var items []Expr
	comma := false
	for {
		if len(items) > 0 {
			p.want(",")
		}
		if p.tupleEnd(r) {
			break
		}
		switch {
		case r.simple:
			items = append(items, p.primary())
		case r.plain:
			items = append(items, p.or())
		default:
			items = append(items, p.expression())
		}
		if !p.now().is(",") {
			break
		}
		comma = true
	}
	if !comma {
		if len(items) == 1 {
			return items[0]
		}
		if !r.braces {
			p.fail(p.now(), "unexpected "+shown(p.now())+", want an expression", "")
		}
	}
	return &Tuple{p.since(start), items}
}

// expression reads one with its inline ifs.
func (p *parser) expression() Expr {
	defer p.deeper()()
	start := p.now().start
	x := p.or()
	for p.skip("if") {
		c := &Cond{Then: x, When: p.or()}
		if p.skip("else") {
			c.Else = p.expression()
		}
		c.at = p.since(start)
		x = c
	}
	return x
}

// chain reads x op y op z, operators of one rank, from the left.
func (p *parser) chain(member func() Expr, ops ...string) Expr {
	start := p.now().start
	x := member()
	for {
		t := p.now()
		if (t.kind != tokOp && t.kind != tokName) || !slices.Contains(ops, t.text) {
			return x
		}
		p.pos++
		y := member()
		x = &Binary{p.since(start), t.text, x, y}
	}
}

func (p *parser) or() Expr  { return p.chain(p.and, "or") }
func (p *parser) and() Expr { return p.chain(p.not, "and") }

func (p *parser) not() Expr {
	t := p.now()
	if t.kind == tokName && t.text == "not" {
		defer p.deeper()()
		p.pos++
		x := p.not()
		return &Unary{p.since(t.start), "not", x}
	}
	return p.compare()
}

var comparisons = []string{"==", "!=", "<", "<=", ">", ">="}

func (p *parser) compare() Expr {
	start := p.now().start
	x := p.sum()
	var rest []Comparison
	for {
		t := p.now()
		switch {
		case t.kind == tokOp && slices.Contains(comparisons, t.text):
			p.pos++
			rest = append(rest, Comparison{t.text, p.sum()})
			continue
		case t.kind == tokName && t.text == "in":
			p.pos++
			rest = append(rest, Comparison{"in", p.sum()})
			continue
		case t.kind == tokName && t.text == "not" && p.peek().is("in"):
			p.pos += 2
			rest = append(rest, Comparison{"not in", p.sum()})
			continue
		}
		if rest == nil {
			return x
		}
		return &Compare{p.since(start), x, rest}
	}
}

func (p *parser) sum() Expr { return p.chain(p.concat, "+", "-") }

func (p *parser) concat() Expr {
	start := p.now().start
	x := p.product()
	if !p.now().is("~") {
		return x
	}
	parts := []Expr{x}
	for p.skip("~") {
		parts = append(parts, p.product())
	}
	return &Concat{p.since(start), parts}
}

func (p *parser) product() Expr { return p.chain(p.power, "*", "/", "//", "%") }

func (p *parser) power() Expr {
	return p.chain(func() Expr { return p.unary(true) }, "**")
}

func (p *parser) unary(filters bool) Expr {
	defer p.deeper()()
	t := p.now()
	var x Expr
	if t.kind == tokOp && (t.text == "-" || t.text == "+") {
		p.pos++
		y := p.unary(false)
		x = &Unary{p.since(t.start), t.text, y}
	} else {
		x = p.primary()
	}
	x = p.postfix(t.start, x)
	if filters {
		x = p.filterExpr(t.start, x)
	}
	return x
}

func (p *parser) primary() Expr {
	t := p.now()
	here := at{p.span(t.start, t.end)}
	switch t.kind {
	case tokName:
		p.pos++
		switch t.text {
		case "true", "True":
			return &Bool{here, true}
		case "false", "False":
			return &Bool{here, false}
		case "none", "None":
			return &None{here}
		}
		return &Name{here, t.text}
	case tokString:
		var text strings.Builder
		for p.now().kind == tokString {
			text.WriteString(p.next().text)
		}
		return &String{p.since(t.start), text.String()}
	case tokInt:
		p.pos++
		n, ok := new(big.Int).SetString(strings.ReplaceAll(t.text, "_", ""), 0)
		if !ok { // 00 is not octal
			n = new(big.Int)
		}
		return &Int{here, n.String(), t.text}
	case tokFloat:
		p.pos++
		f, _ := strconv.ParseFloat(strings.ReplaceAll(t.text, "_", ""), 64) // beyond all numbers it is infinite, as in Python
		return &Float{here, f, t.text}
	case tokOp:
		switch t.text {
		case "(":
			defer p.deeper()()
			p.pos++
			x := p.tupleOf(tupleRules{braces: true})
			p.want(")")
			if tuple, ok := x.(*Tuple); ok && tuple.At.Start > t.start {
				tuple.at = p.since(t.start)
			}
			return x
		case "[":
			defer p.deeper()()
			p.pos++
			return &List{Items: p.members("]"), at: p.since(t.start)}
		case "{":
			defer p.deeper()()
			p.pos++
			return p.dict(t.start)
		}
	}
	p.fail(t, "unexpected "+shown(t)+", want an expression", "")
	return nil
}

// members reads a, b] with or without a comma at the end.
func (p *parser) members(end string) []Expr {
	var out []Expr
	for !p.now().is(end) {
		if len(out) > 0 {
			p.want(",")
			if p.now().is(end) {
				break
			}
		}
		out = append(out, p.expression())
	}
	p.want(end)
	return out
}

func (p *parser) dict(start int) Expr {
	var out []Pair
	for !p.now().is("}") {
		if len(out) > 0 {
			p.want(",")
			if p.now().is("}") {
				break
			}
		}
		key := p.expression()
		p.want(":")
		out = append(out, Pair{key, p.expression()})
	}
	p.want("}")
	return &Dict{p.since(start), out}
}

func (p *parser) postfix(start int, x Expr) Expr {
	for {
		t := p.now()
		if t.kind != tokOp {
			return x
		}
		switch t.text {
		case ".":
			p.pos++
			key := p.now()
			switch key.kind {
			case tokName:
				name := p.name()
				x = &Attr{p.since(start), x, name}
			case tokInt:
				n := p.primary()
				x = &Index{p.since(start), x, n}
			default:
				p.fail(key, "unexpected "+shown(key)+", want a name or a number", "")
			}
		case "[":
			p.pos++
			key := p.subscript()
			x = &Index{p.since(start), x, key}
		case "(":
			x = p.call(start, x)
		default:
			return x
		}
	}
}

func (p *parser) subscript() Expr {
	start := p.now().start
	var keys []Expr
	for !p.now().is("]") {
		if len(keys) > 0 {
			p.want(",")
		}
		keys = append(keys, p.slice())
	}
	var x Expr
	if len(keys) == 1 {
		x = keys[0]
	} else {
		x = &Tuple{p.since(start), keys}
	}
	p.want("]")
	return x
}

func (p *parser) slice() Expr {
	start := p.now().start
	var parts [3]Expr
	if !p.now().is(":") {
		x := p.expression()
		if !p.now().is(":") {
			return x
		}
		parts[0] = x
	}
	p.want(":")
	ends := func() bool { t := p.now(); return t.is("]") || t.is(",") }
	if !ends() && !p.now().is(":") {
		parts[1] = p.expression()
	}
	if p.skip(":") && !ends() {
		parts[2] = p.expression()
	}
	return &Slice{p.since(start), parts[0], parts[1], parts[2]}
}

func (p *parser) call(start int, fn Expr) Expr {
	args := p.arguments()
	return &Call{p.since(start), fn, args}
}

func (p *parser) arguments() (a Arguments) {
	defer p.deeper()()
	p.want("(")
	for first := true; !p.now().is(")"); first = false {
		if !first {
			p.want(",")
			if p.now().is(")") {
				break
			}
		}
		t := p.now()
		wrong := func(bad bool) {
			if bad {
				p.fail(t, "this argument stands behind one that has to be the last of its sort", "write arguments, then those with names, then *args and **kwargs")
			}
		}
		switch {
		case t.kind == tokOp && t.text == "*":
			wrong(a.Star != nil || a.Stars != nil)
			p.pos++
			a.Star = p.expression()
		case t.kind == tokOp && t.text == "**":
			wrong(a.Stars != nil)
			p.pos++
			a.Stars = p.expression()
		case t.kind == tokName && p.peek().is("="):
			wrong(a.Stars != nil)
			name := p.name()
			p.pos++
			a.Keywords = append(a.Keywords, Keyword{name, p.expression()})
		default:
			wrong(a.Star != nil || a.Stars != nil || len(a.Keywords) > 0)
			a.Args = append(a.Args, p.expression())
		}
	}
	p.want(")")
	return a
}

func (p *parser) filterExpr(start int, x Expr) Expr {
	for {
		t := p.now()
		switch {
		case t.kind == tokOp && t.text == "|":
			x = p.filters(x, false)
		case t.kind == tokName && t.text == "is":
			x = p.test(start, x)
		case t.kind == tokOp && t.text == "(":
			x = p.call(start, x)
		default:
			return x
		}
	}
}

// dotted reads the name of a filter or a test.
func (p *parser) dotted() Name {
	n := p.name()
	for p.skip(".") {
		n.Name += "." + p.wantKind(tokName).text
	}
	n.at = p.since(n.At.Start)
	return n
}

// filters reads |a|b(c); inline, the first one has no bar.
func (p *parser) filters(x Expr, inline bool) Expr {
	start := p.now().start
	if x != nil {
		start = x.Span().Start
	}
	for p.now().is("|") || inline {
		if !inline {
			p.pos++
		}
		f := &Filter{X: x, Name: p.dotted()}
		if p.now().is("(") {
			f.Arguments = p.arguments()
		}
		f.at = p.since(start)
		x, inline = f, false
	}
	return x
}

func (p *parser) test(start int, x Expr) Expr {
	p.want("is")
	n := &Test{X: x, Not: p.skip("not")}
	n.Name = p.dotted()
	t := p.now()
	switch {
	case t.kind == tokOp && t.text == "(":
		n.Arguments = p.arguments()
	case t.kind == tokName && slices.Contains([]string{"else", "or", "and"}, t.text):
	case t.kind == tokName && t.text == "is":
		p.fail(t, "tests cannot follow each other", "join them with and")
	case t.kind == tokName, t.kind == tokString, t.kind == tokInt, t.kind == tokFloat, t.kind == tokOp && (t.text == "[" || t.text == "{"):
		arg := p.primary()
		n.Args = []Expr{p.postfix(t.start, arg)}
	}
	n.at = p.since(start)
	return n
}

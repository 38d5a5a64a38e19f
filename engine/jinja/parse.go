package jinja

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// maxDepth bounds nesting, so that no input can use up the stack.
const maxDepth = 200

// Parse reads a template. A template with a mistake gives nil and the first mistake: what
// follows it cannot be told.
func Parse(f *source.File) (t *Template, list diag.List) {
	defer func() {
		if r := recover(); r != nil {
			bad, ok := r.(fault)
			if !ok {
				panic(r)
			}
			t, list = nil, diag.List{{Code: codeSyntax, Message: bad.message, At: bad.at, Help: bad.help}}
		}
	}()
	p := &parser{file: f, tokens: lex(f)}
	body := p.body()
	if p.now().kind != tokEOF {
		p.stray()
	}
	return &Template{File: f, Body: body}, nil
}

const codeSyntax diag.Code = "jinja-syntax"

// Codes is the catalogue of what this room reports.
var Codes = []diag.Entry{{
	Code: codeSyntax, Title: "A template that Jinja cannot read",
	Explain: "The file is read as dbt reads it, by the rules of Jinja2 3.1. dbt refuses the same place.",
	Bad:     "{% if is_incremental() %} where true",
	Good:    "{% if is_incremental() %} where true {% endif %}",
}}

type parser struct {
	file   *source.File
	tokens []token
	pos    int
	depth  int
	open   []string // words of the blocks around
	opened []source.Span
}

func (p *parser) now() token  { return p.tokens[p.pos] }
func (p *parser) next() token { t := p.tokens[p.pos]; p.pos++; return t }
func (p *parser) peek() token { return p.tokens[min(p.pos+1, len(p.tokens)-1)] }

func (p *parser) span(start, end int) source.Span { return p.file.Span(start, end) }

// since is from a place to the end of the last token.
func (p *parser) since(start int) at {
	end := start
	if p.pos > 0 {
		end = max(end, p.tokens[p.pos-1].end)
	}
	return at{p.span(start, end)}
}

func (p *parser) fail(t token, message, help string) {
	panic(fault{p.span(t.start, max(t.end, t.start)), message, help})
}

// shown is a token in messages.
func shown(t token) string {
	switch t.kind {
	case tokOp, tokName:
		return quote(t.text)
	case tokString:
		return "a text in quotes"
	case tokInt, tokFloat:
		return "the number " + t.text
	}
	return t.kind.String()
}

func (p *parser) want(op string) token {
	t := p.now()
	if !t.is(op) {
		p.fail(t, fmt.Sprintf("unexpected %s, want %s", shown(t), quote(op)), "")
	}
	return p.next()
}

func (p *parser) wantKind(k kind) token {
	t := p.now()
	if t.kind != k {
		p.fail(t, fmt.Sprintf("unexpected %s, want %s", shown(t), k), "")
	}
	return p.next()
}

func (p *parser) skip(op string) bool {
	if p.now().is(op) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) deeper() func() {
	if p.depth++; p.depth > maxDepth {
		p.fail(p.now(), fmt.Sprintf("more than %d levels are inside each other", maxDepth), "")
	}
	return func() { p.depth-- }
}

// body reads up to a statement that is one of the words, which stays.
func (p *parser) body(ends ...string) []Node {
	defer p.deeper()()
	var out []Node
	for {
		t := p.now()
		switch t.kind {
		case tokText, tokRaw:
			p.pos++
			out = append(out, &Text{at{p.span(t.start, t.end)}, t.text, t.kind == tokRaw})
		case tokComment:
			p.pos++
			out = append(out, &Comment{at{p.span(t.start, t.end)}, t.text})
		case tokShow:
			p.pos++
			x := p.tuple(true)
			p.wantKind(tokShown)
			out = append(out, &Output{p.since(t.start), x})
		case tokOpen:
			if word := p.peek(); word.kind == tokName && slices.Contains(ends, word.text) {
				return out
			}
			if len(ends) == 0 && len(p.open) == 0 && strings.HasPrefix(p.peek().text, "end") {
				p.pos++
				p.stray()
			}
			out = append(out, p.statement())
		default:
			return out
		}
	}
}

// stray is about a token that nothing waits for.
func (p *parser) stray() {
	t := p.now()
	if t.kind == tokOpen {
		t = p.peek()
	}
	if n := len(p.open); n > 0 {
		p.fail(t, fmt.Sprintf("unexpected %s: %s is not closed", shown(t), quote(p.open[n-1])), "")
	}
	p.fail(t, fmt.Sprintf("unexpected %s: no block is open", shown(t)), "")
}

// closed reads the end of a block whose body has been read, as {% endfor %}.
func (p *parser) closed(words ...string) source.Span {
	open := p.tokens[p.pos]
	if open.kind == tokEOF {
		n := len(p.open)
		panic(fault{p.opened[n-1], quote(p.open[n-1]) + " is not closed", "end it with {% " + words[0] + " %}"})
	}
	p.wantKind(tokOpen)
	if word := p.now(); word.kind != tokName || !slices.Contains(words, word.text) {
		p.stray()
	}
	p.pos++
	p.wantKind(tokClose)
	return p.since(open.start).At
}

// head ends the tag in front of a body, with a colon if somebody is used to Python.
func (p *parser) head(start int) source.Span {
	p.skip(":")
	p.wantKind(tokClose)
	return p.since(start).At
}

// block reads the rest of a tag, a body and its end.
func (p *parser) block(start int, ends ...string) (frame, []Node) {
	head := p.head(start)
	body := p.body(ends...)
	return frame{head, p.closed(ends...)}, body
}

func (p *parser) statement() Node {
	open := p.wantKind(tokOpen)
	word := p.now()
	if word.kind != tokName {
		p.fail(word, fmt.Sprintf("unexpected %s, want the word of a tag", shown(word)), "")
	}
	p.pos++
	p.open, p.opened = append(p.open, word.text), append(p.opened, p.span(open.start, word.end))
	defer func() { p.open, p.opened = p.open[:len(p.open)-1], p.opened[:len(p.opened)-1] }()
	start := open.start
	simple := func(n Node) Node { p.wantKind(tokClose); return n }
	switch word.text {
	case "if":
		return p.ifBlock(start)
	case "for":
		return p.forBlock(start)
	case "set":
		return p.set(start)
	case "do":
		x := p.tuple(true)
		p.wantKind(tokClose)
		return &Do{p.since(start), x}
	case "print":
		var list []Expr
		for p.now().kind != tokClose {
			if len(list) > 0 {
				p.want(",")
			}
			list = append(list, p.expression())
		}
		p.wantKind(tokClose)
		return &Print{p.since(start), list}
	case "break", "continue":
		return simple(&Jump{at{p.span(start, p.now().end)}, word.text})
	case "macro", "test", "data_test":
		name := p.name()
		params := p.signature()
		ends := []string{"end" + word.text}
		if word.text != "macro" {
			ends = []string{"endtest", "enddata_test"}
		}
		tags, body := p.block(start, ends...)
		return &Macro{p.since(start), tags, word.text, name, params, body}
	case "materialization":
		return p.materialization(start)
	case "snapshot":
		name := p.name()
		tags, body := p.block(start, "endsnapshot")
		return &Snapshot{p.since(start), tags, name, body}
	case "docs":
		name := p.name()
		head := p.head(start)
		text := p.wantKind(tokRaw).text
		tags := frame{head, p.closed("enddocs")}
		return &Docs{p.since(start), tags, name, text}
	case "call":
		var params []Param
		if p.now().is("(") {
			params = p.signature()
		}
		x := p.expression()
		call, ok := x.(*Call)
		if !ok {
			panic(fault{x.Span(), "call needs a call", "write {% call name(arguments) %}"})
		}
		tags, body := p.block(start, "endcall")
		return &CallBlock{p.since(start), tags, params, call, body}
	case "filter":
		f := p.filters(nil, true)
		tags, body := p.block(start, "endfilter")
		return &FilterBlock{p.since(start), tags, f, body}
	case "with":
		return p.with(start)
	case "extends", "include", "import", "from":
		p.expression()
		for p.now().kind != tokClose && p.now().kind != tokEOF {
			p.pos++
		}
		p.wantKind(tokClose)
		return &Foreign{p.since(start), word.text, nil}
	case "block", "autoescape":
		for p.now().kind != tokClose && p.now().kind != tokEOF {
			p.pos++
		}
		p.wantKind(tokClose)
		body := p.body("end" + word.text)
		p.wantKind(tokOpen)
		p.want("end" + word.text)
		if p.now().kind == tokName { // the name of the block again
			p.pos++
		}
		p.wantKind(tokClose)
		return &Foreign{p.since(start), word.text, body}
	}
	if strings.HasPrefix(word.text, "end") || word.is("else") || word.is("elif") {
		p.open, p.opened = p.open[:len(p.open)-1], p.opened[:len(p.opened)-1]
		p.pos--
		defer func() { p.open, p.opened = append(p.open, ""), append(p.opened, source.Span{}) }()
		p.stray()
	}
	help := ""
	if best, ok := diag.Suggest(word.text, tags); ok {
		help = "did you mean " + quote(best) + "?"
	}
	p.fail(word, "unknown tag "+quote(word.text), help)
	return nil
}

var tags = []string{"if", "for", "set", "do", "macro", "call", "filter", "with", "raw", "test", "snapshot", "materialization", "docs", "print", "break", "continue"}

func (p *parser) ifBlock(start int) Node {
	n := &If{}
	tag := start
	for {
		when := p.tuple(false)
		arm := Arm{When: when, At: p.head(tag)}
		arm.Body = p.body("elif", "else", "endif")
		n.Arms = append(n.Arms, arm)
		if p.now().kind == tokEOF || p.peek().is("endif") {
			break
		}
		tag = p.wantKind(tokOpen).start
		if p.next().is("elif") {
			continue
		}
		n.ElseAt = p.head(tag)
		n.Else = p.body("endif")
		break
	}
	n.frame = frame{n.Arms[0].At, p.closed("endif")}
	n.at = p.since(start)
	return n
}

func (p *parser) forBlock(start int) Node {
	n := &For{Target: p.target(false, "in")}
	p.want("in")
	n.Items = p.tupleOf(tupleRules{plain: true, ends: []string{"recursive"}})
	if p.skip("if") {
		n.When = p.expression()
	}
	n.Recursive = p.skip("recursive")
	n.Head = p.head(start)
	n.Body = p.body("endfor", "else")
	if p.peek().is("else") && p.now().kind == tokOpen {
		open := p.now().start
		p.pos += 2
		n.ElseAt = p.head(open)
		n.Else = p.body("endfor")
	}
	n.End = p.closed("endfor")
	n.at = p.since(start)
	return n
}

func (p *parser) set(start int) Node {
	target := p.target(true, "")
	if p.skip("=") {
		value := p.tuple(true)
		p.wantKind(tokClose)
		return &Set{p.since(start), target, value}
	}
	var filter Expr
	if p.now().is("|") {
		filter = p.filters(nil, false)
	}
	tags, body := p.block(start, "endset")
	return &SetBlock{p.since(start), tags, target, filter, body}
}

func (p *parser) with(start int) Node {
	n := &With{}
	for p.now().kind != tokClose {
		if len(n.Targets) > 0 {
			p.want(",")
		}
		n.Targets = append(n.Targets, p.target(false, ""))
		p.want("=")
		n.Values = append(n.Values, p.expression())
	}
	n.frame, n.Body = p.block(start, "endwith")
	n.at = p.since(start)
	return n
}

func (p *parser) materialization(start int) Node {
	n := &Materialization{Name: p.name()}
	for p.skip(",") {
		t := p.now()
		if p.skip("default") {
			continue
		}
		name := p.name()
		p.want("=")
		value := p.expression()
		if s, ok := value.(*String); ok && name.Name == "adapter" {
			n.Adapter = s.Value
			continue
		}
		if name.Name != "supported_languages" {
			p.fail(t, "a materialization has no "+quote(name.Name), "it has adapter and supported_languages")
		}
		n.Options = append(n.Options, Keyword{name, value})
	}
	n.frame, n.Body = p.block(start, "endmaterialization")
	n.at = p.since(start)
	return n
}

func (p *parser) name() Name {
	t := p.wantKind(tokName)
	return Name{at{p.span(t.start, t.end)}, t.text}
}

// signature reads the parameters of a macro.
func (p *parser) signature() []Param {
	p.want("(")
	var out []Param
	for !p.now().is(")") {
		if len(out) > 0 {
			p.want(",")
		}
		param := Param{Name: p.assignable()}
		switch {
		case p.skip("="):
			param.Default = p.expression()
		case len(out) > 0 && out[len(out)-1].Default != nil:
			panic(fault{param.Name.At, "a parameter without default follows one with a default", ""})
		}
		out = append(out, param)
	}
	p.want(")")
	return out
}

// reserved are names that nobody can assign to.
var reserved = []string{"true", "false", "none", "True", "False", "None"}

func (p *parser) assignable() Name {
	n := p.name()
	if slices.Contains(reserved, n.Name) {
		panic(fault{n.At, quote(n.Name) + " cannot be assigned to", ""})
	}
	return n
}

// target reads what a value is assigned to. A namespace's attribute is one where that is said;
// end is the word behind it, or empty.
func (p *parser) target(namespace bool, end string) Expr {
	if namespace && p.now().kind == tokName && p.peek().is(".") {
		first := p.name()
		p.pos++
		field := p.name()
		return &Attr{p.since(first.At.Start), &first, field}
	}
	x := p.tupleOf(tupleRules{simple: true, ends: []string{end}})
	p.checkTarget(x)
	return x
}

func (p *parser) checkTarget(x Expr) {
	switch x := x.(type) {
	case *Name:
		if !slices.Contains(reserved, x.Name) {
			return
		}
	case *Tuple:
		for _, i := range x.Items {
			p.checkTarget(i)
		}
		return
	}
	panic(fault{x.Span(), "this cannot be assigned to", ""})
}

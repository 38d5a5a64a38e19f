package tmpl

import (
	"fmt"
	"strconv"
	"strings"
	"text/template/parse"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// checker follows the grammar of text/template/parse over the scanner's tokens. It runs
// only on files that did not parse, reports one mistake per action and goes on with the
// next action.
type checker struct {
	*unit
	diags  diag.List
	frames []frame
	vars   []string
	ranges int
}

// frame is an open block.
type frame struct {
	word   string
	at     source.Span
	els    bool     // its plain else has been seen
	vars   int      // variables outside
	outer  []string // variables outside of a definition, which sees none of them
	ranges int
}

func (c *checker) check() diag.List {
	c.vars = []string{"$"}
	for i := range c.scan.acts {
		c.action(i)
	}
	for _, f := range c.frames {
		c.diags.Add(block(f.at, fmt.Sprintf("%q has no end", f.word), "close it with {{ end }}"))
	}
	return c.diags
}

func (c *checker) action(i int) {
	a := &c.scan.acts[i]
	f := c.firstFault(i)
	part := *a
	if f != nil && f.kind == faultUnclosedAction {
		// What follows on later lines is not meant as template.
		for part.to > part.from && c.scan.toks[part.to-1].end > f.end {
			part.to--
		}
	}
	habits := c.jinjaCalls(&part)
	reported := len(habits) > 0
	c.diags.Add(habits...)
	if f != nil && (!reported || f.kind == faultUnclosedAction) {
		c.diags.Add(c.fault(f))
		reported = true
	}
	if a.comment {
		return
	}
	p := &grammar{checker: c, toks: c.scan.toks[a.from:a.to], at: a.inner(c.file), quiet: reported}
	p.action(c.file.Span(a.start, a.end))
}

func (c *checker) firstFault(action int) *fault {
	for i := range c.scan.faults {
		if c.scan.faults[i].action == action {
			return &c.scan.faults[i]
		}
	}
	return nil
}

func (c *checker) fault(f *fault) diag.Diagnostic {
	at := c.file.Span(f.start, f.end)
	switch f.kind {
	case faultUnclosedAction:
		d := unclosed(at, "the action", "close it with }}")
		if i := strings.LastIndex(at.Text(), "}"); i > 0 {
			d.AtText = "one } is missing"
			d.Edits = []source.Edit{{At: at.Sub(i, i+1), New: "}}"}}
		}
		return d
	case faultUnclosedComment:
		return unclosed(at, "the comment", "close it with */}}")
	case faultCommentEnd:
		return syntax(at, "a comment ends with */}}", "let }} follow directly, or with a space and -")
	case faultUnclosedString, faultUnclosedChar:
		d := unclosed(at, "the text", `close it with "`)
		if f.kind == faultUnclosedString {
			d.Edits = []source.Edit{{At: c.file.Span(f.end, f.end), New: `"`}}
		}
		return d
	case faultUnclosedRaw:
		return unclosed(at, "the text", "close it with `")
	case faultGlued:
		if op, ok := operatorHelp(c.file.Data[f.start:]); ok {
			return op.diagnostic(c.file, f.start)
		}
		return syntax(at, fmt.Sprintf("%q stands directly behind a name", at.Text()), "separate them by a space")
	case faultParenOpen:
		return unclosed(at, "the parenthesis", "close it with )")
	case faultParenClose:
		return syntax(at, "no parenthesis is open", "remove it")
	case faultColon:
		return syntax(at, `":" stands alone`, "variables are set with :=")
	}
	switch at.Text() {
	case "“", "”", "„", "‘", "’":
		return syntax(at, fmt.Sprintf("%s is not a quotation mark of templates", at.Text()), `write "`)
	}
	return syntax(at, fmt.Sprintf("%q has no meaning in an action", at.Text()), "")
}

// operator is something people write between values.
type operator struct{ text, help string }

var operators = []operator{
	{"==", "write eq A B"}, {"!=", "write ne A B"}, {"<=", "write le A B"}, {">=", "write ge A B"},
	{"<", "write lt A B"}, {">", "write gt A B"}, {"&&", "write and A B"}, {"||", "write or A B"},
	{"!", "write not A"}, {"~", "write print A B"}, {"*", "write mul A B"}, {"/", "write div A B"},
	{"%", "write mod A B"}, {"+", "write add A B"}, {"-", "write sub A B"},
	{"=", "variables are set with :=, values are compared with eq A B"},
	{",", "separate arguments by spaces"}, {"[", "write index LIST 0, or list A B"}, {"{", `write dict "key" "value"`},
}

func operatorHelp(text []byte) (operator, bool) {
	for _, op := range operators {
		if strings.HasPrefix(string(text[:min(2, len(text))]), op.text) {
			return op, true
		}
	}
	return operator{}, false
}

func (op operator) diagnostic(f *source.File, at int) diag.Diagnostic {
	span := f.Span(at, at+len(op.text))
	if op.text == "," {
		d := syntax(span, "arguments are separated by spaces", "remove the comma")
		d.Edits = []source.Edit{{At: span, New: ""}}
		return d
	}
	return syntax(span, fmt.Sprintf("templates have no operator %q", op.text), op.help)
}

// grammar checks one action.
type grammar struct {
	*checker
	toks  []token
	i     int
	at    source.Span
	quiet bool // the action has been reported already
}

func (g *grammar) action(whole source.Span) {
	word := ""
	if len(g.toks) > 0 && g.toks[0].kind == kindKeyword {
		word = g.text(g.toks[0])
		g.i = 1
	}
	switch word {
	case "":
		g.pipeline("action", false)
	case "if", "with", "range":
		g.push(frame{word: word, at: whole})
		g.pipeline(word, false)
		if word == "range" {
			g.ranges++
		}
	case "define":
		if len(g.frames) > 0 {
			g.report(block(whole, "a definition inside a block", "move it to the top level"))
		}
		g.name(word)
		g.nothing(word)
		g.push(frame{word: word, at: whole, outer: g.vars})
		g.vars, g.ranges = []string{"$"}, 0
	case "block":
		g.name(word)
		g.pipeline(word, false)
		g.push(frame{word: word, at: whole, outer: g.vars})
		g.vars, g.ranges = []string{"$"}, 0
	case "template":
		g.name(word)
		if g.i < len(g.toks) {
			g.pipeline(word, false)
		}
	case "break", "continue":
		if g.nothing(word) && g.ranges == 0 {
			g.report(block(whole, fmt.Sprintf("%q outside of a range", word), ""))
		}
	case "else":
		g.otherwise(whole)
	case "end":
		g.nothing(word)
		g.pop(whole)
	}
}

func (g *grammar) report(d diag.Diagnostic) bool {
	if !g.quiet {
		g.diags.Add(d)
	}
	g.quiet = true
	return false
}

func (g *grammar) push(f frame) {
	f.vars, f.ranges = len(g.vars), g.ranges
	g.frames = append(g.frames, f)
}

func (g *grammar) pop(whole source.Span) {
	if len(g.frames) == 0 {
		g.report(block(whole, "nothing to end: no block is open", "remove it"))
		return
	}
	f := g.frames[len(g.frames)-1]
	g.frames = g.frames[:len(g.frames)-1]
	if f.outer != nil {
		g.vars = f.outer
	}
	g.vars, g.ranges = g.vars[:f.vars], f.ranges
}

func (g *grammar) otherwise(whole source.Span) {
	next := ""
	if g.i < len(g.toks) && g.toks[g.i].kind == kindKeyword {
		next = g.text(g.toks[g.i])
	}
	if len(g.frames) == 0 {
		g.report(block(whole, `"else" outside of a block`, "remove it"))
		return
	}
	f := &g.frames[len(g.frames)-1]
	switch {
	case f.word == "define" || f.word == "block":
		g.report(block(whole, fmt.Sprintf(`"else" inside of %q`, f.word), "close the block in it first"))
	case f.els:
		g.report(block(whole, fmt.Sprintf(`%q has an "else" already`, f.word), ""))
	case next == "if" || next == "with":
		if next != f.word {
			g.report(block(whole, fmt.Sprintf(`"else %s" inside of %q`, next, f.word), fmt.Sprintf("write {{ else }}{{ %s … }}", next)))
			return
		}
		g.i++
		g.pipeline(next, false)
	default:
		f.els = true
		// The else branch of a range is not in the loop any more.
		g.ranges = f.ranges
		g.nothing("else")
	}
}

// nothing checks that the action ends here.
func (g *grammar) nothing(word string) bool {
	if g.i < len(g.toks) {
		return g.report(syntax(g.span(g.toks[g.i]), fmt.Sprintf("%q takes nothing more", word), ""))
	}
	return true
}

func (g *grammar) name(word string) {
	if g.i < len(g.toks) && (g.toks[g.i].kind == kindString || g.toks[g.i].kind == kindRaw) {
		g.literal(g.toks[g.i])
		g.i++
		return
	}
	at := g.at
	if g.i < len(g.toks) {
		at = g.span(g.toks[g.i])
	}
	g.report(syntax(at, fmt.Sprintf("%q needs a name in quotes", word), fmt.Sprintf("write {{ %s \"name\" . }}", word)))
	g.i = len(g.toks)
}

func (g *grammar) span(t token) source.Span { return g.file.Span(t.start, t.end) }

// pipeline checks declarations and commands up to the end of the action or parenthesis.
func (g *grammar) pipeline(context string, paren bool) bool {
	if !g.declarations(context) {
		return false
	}
	commands := 0
	for {
		if g.i >= len(g.toks) || paren && g.toks[g.i].kind == kindClose {
			if commands > 0 {
				return true
			}
			at := g.at
			if g.i < len(g.toks) {
				at = g.span(g.toks[g.i])
			}
			if context == "action" {
				return g.report(syntax(at, "an action without anything in it", "write a function and its arguments, or remove it"))
			}
			return g.report(syntax(at, fmt.Sprintf("%q needs a value", context), ""))
		}
		t := g.toks[g.i]
		if !operandStart(t.kind) {
			return g.unexpected(t)
		}
		if commands > 0 && !executable(t.kind) {
			return g.report(syntax(g.span(t), fmt.Sprintf("%s behind | is not a function", g.text(t)), "a pipe hands its value to a function"))
		}
		if !g.command() {
			return false
		}
		commands++
	}
}

// declarations checks $x := and, in a range, $i, $x :=.
func (g *grammar) declarations(context string) bool {
	for n := 0; g.i+1 < len(g.toks) && g.toks[g.i].kind == kindVariable; n++ {
		switch next := g.toks[g.i+1]; {
		case next.kind == kindAssign || next.kind == kindDeclare:
			g.declare(next.kind == kindDeclare)
			g.i += 2
			return true
		case context == "range" && n == 0 && g.text(next) == ",":
			g.declare(true)
			g.i += 2
			if g.i < len(g.toks) && g.toks[g.i].kind != kindVariable {
				return g.report(syntax(g.span(g.toks[g.i]), fmt.Sprintf("%q stands where a second variable is expected", g.text(g.toks[g.i])),
					"write {{ range $i, $x := … }}"))
			}
		default:
			return true
		}
	}
	return true
}

func (g *grammar) declare(fresh bool) {
	t := g.toks[g.i]
	name := g.text(t)
	if !fresh {
		g.variable(t)
	}
	g.vars = append(g.vars, name)
}

func (g *grammar) variable(t token) {
	name := g.text(t)
	for _, v := range g.vars {
		if v == name {
			return
		}
	}
	if !g.quiet {
		g.diags.Add(unknownVariable(name, g.span(t), g.vars[1:]))
	}
}

// command checks operands separated by spaces.
func (g *grammar) command() bool {
	for {
		if !g.operand() {
			return false
		}
		if g.i >= len(g.toks) {
			return true
		}
		switch t := g.toks[g.i]; {
		case t.kind == kindClose:
			return true
		case t.kind == kindPipe:
			g.i++
			if g.i >= len(g.toks) || g.toks[g.i].kind == kindClose {
				return g.report(syntax(g.span(t), "nothing stands behind the pipe", "name a function there"))
			}
			if g.toks[g.i].kind == kindPipe {
				return g.unexpected(t)
			}
			return true
		case !operandStart(t.kind):
			return g.unexpected(t)
		case !t.space:
			return g.report(syntax(g.span(t), fmt.Sprintf("%q stands directly behind a value", g.text(t)), "separate them by a space"))
		}
	}
}

func (g *grammar) operand() bool {
	t := g.toks[g.i]
	g.i++
	switch t.kind {
	case kindIdent:
		if name := g.text(t); !isFunc(name) && !g.quiet {
			g.diags.Add(unknownFunc(name, g.span(t)))
		}
	case kindVariable:
		g.variable(t)
	case kindString, kindRaw, kindNumber, kindChar:
		if !g.literal(t) {
			return false
		}
	case kindOpen:
		if !g.pipeline("()", true) {
			return false
		}
		if g.i >= len(g.toks) {
			return g.report(unclosed(g.span(t), "the parenthesis", "close it with )"))
		}
		g.i++
	}
	for g.i < len(g.toks) && g.toks[g.i].kind == kindField && !g.toks[g.i].space {
		switch t.kind {
		case kindString, kindRaw, kindNumber, kindChar, kindBool, kindNil, kindDot:
			return g.report(syntax(g.span(g.toks[g.i]), fmt.Sprintf("%s has no fields", g.text(t)), ""))
		}
		g.i++
	}
	return true
}

// literal asks the parser itself whether a number or text is well formed.
func (g *grammar) literal(t token) bool {
	text := g.text(t)
	ok := true
	what := fmt.Sprintf("%q is not a number", text)
	switch t.kind {
	case kindString, kindRaw:
		_, err := strconv.Unquote(text)
		ok, what = err == nil, "a backslash that means nothing in text"
	case kindNumber:
		probe := parse.New("")
		_, err := probe.Parse("{{"+text+"}}", "", "", map[string]*parse.Tree{})
		ok = err == nil
		if op, isOp := operatorHelp([]byte(text)); isOp && !ok {
			return g.report(op.diagnostic(g.file, t.start))
		}
	}
	if !ok {
		help := ""
		if t.kind == kindString {
			help = "write \\\\ for a backslash, or put the text between ` and `"
		}
		return g.report(syntax(g.span(t), what, help))
	}
	return true
}

func (g *grammar) unexpected(t token) bool {
	switch t.kind {
	case kindKeyword:
		return g.report(syntax(g.span(t), fmt.Sprintf("%q stands only at the beginning of an action", g.text(t)), ""))
	case kindDeclare:
		return g.report(syntax(g.span(t), "only variables can be set", "write {{ $name := … }}"))
	}
	if op, ok := operatorHelp(g.file.Data[t.start:]); ok {
		return g.report(op.diagnostic(g.file, t.start))
	}
	return g.report(syntax(g.span(t), fmt.Sprintf("%q is not expected here", g.text(t)), ""))
}

func operandStart(k kind) bool {
	switch k {
	case kindIdent, kindField, kindDot, kindVariable, kindString, kindRaw, kindChar, kindNumber, kindBool, kindNil, kindOpen:
		return true
	}
	return false
}

func executable(k kind) bool {
	switch k {
	case kindBool, kindDot, kindNil, kindNumber, kindString, kindRaw, kindChar:
		return false
	}
	return true
}

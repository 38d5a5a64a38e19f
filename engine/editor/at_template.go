package editor

import (
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/sql"
)

// lexSort is what a lexeme of a SQL template is.
type lexSort uint8

const (
	lexWord    lexSort = iota // a keyword or an unquoted name
	lexQuoted                 // a quoted name
	lexLiteral                // a string, a number
	lexPunct                  // one byte
	lexTable                  // an action that stands for a relation: ref, source, this
	lexOpaque                 // another action that prints something, or a word with one inside
)

// lexeme is a piece of a SQL template, the bytes [start, end) of its text. Space, comments
// and actions that print nothing are none.
type lexeme struct {
	sort       lexSort
	start, end int
	name       string // of word and quoted, without quotes; the byte of a punct
	action     *tmplAction
	// fixed says that the text stands where it says it does and can be written anew; of a
	// rendered text, what an action has printed cannot.
	fixed bool
}

func (l lexeme) is(words ...string) bool {
	return l.sort == lexWord && slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, l.name) })
}

func (l lexeme) sign(c string) bool { return l.sort == lexPunct && l.name == c }

func (l lexeme) names() bool { return l.sort == lexWord || l.sort == lexQuoted }

// tmplAction is one {{ … }} of a template, the bytes [start, end); without its end where that is
// not written yet.
type tmplAction struct {
	start, end int
	closed     bool
	comment    bool
	keyword    string // if, else, end, range, with, define, block, template, break, continue; else empty
	assigns    bool
	calls      []*tmplCall // of the pipelines in it, outermost first, in the order of the text
	tokens     []tmplToken
}

// prints reports whether the action gives text.
func (a *tmplAction) prints() bool {
	if a.comment || a.assigns || a.keyword != "" && a.keyword != "template" && a.keyword != "block" {
		return false
	}
	return len(a.calls) == 0 || a.calls[0].fn != "config"
}

// relation is the call of ref, source or this that the action consists of; nil where it is
// something else.
func (a *tmplAction) relation() *tmplCall {
	if a.comment || a.assigns || a.keyword != "" || len(a.calls) == 0 {
		return nil
	}
	if c := a.calls[0]; c.fn == "ref" || c.fn == "source" || c.fn == "this" {
		return c
	}
	return nil
}

// tmplCall is a function with its arguments inside of an action.
type tmplCall struct {
	fn         string
	start, end int // of the function's name
	to         int // where the last argument ends
	args       []tmplArg
	action     *tmplAction
}

// tmplArg is an argument of a call.
type tmplArg struct {
	start, end int
	text       string // of a string, without quotes
	str        bool
	call       *tmplCall // of a pipeline in parentheses
}

// text is the string at a place of the arguments.
func (c *tmplCall) text(i int) (string, bool) {
	if i >= len(c.args) || !c.args[i].str {
		return "", false
	}
	return c.args[i].text, true
}

// inner are the bytes of a string argument without its quotes.
func (a tmplArg) inner(end int) (from, to int) {
	from, to = a.start+1, a.end
	if to > from && a.end-a.start == len(a.text)+2 {
		to--
	}
	return from, min(to, end)
}

type tmplTokenSort uint8

const (
	tmplWord tmplTokenSort = iota
	tmplString
	tmplField    // .name, $name.field
	tmplVariable // $name
	tmplOther
)

// tmplToken is a piece of an action.
type tmplToken struct {
	sort       tmplTokenSort
	start, end int
}

// actionsOf splits a template. It has an answer for any text; an action that is not closed
// reaches to the next one, or to the end of its line.
func actionsOf(text string) []*tmplAction {
	var out []*tmplAction
	for at := 0; at < len(text); {
		i := strings.Index(text[at:], "{{")
		if i < 0 {
			break
		}
		a := &tmplAction{start: at + i}
		a.read(text)
		out = append(out, a)
		at = max(a.end, a.start+2)
	}
	return out
}

func (a *tmplAction) read(text string) {
	at := a.start + 2
	if strings.HasPrefix(text[at:], "- ") || strings.HasPrefix(text[at:], "-\n") || strings.HasPrefix(text[at:], "-\t") {
		at++
	}
	if rest := strings.TrimLeft(text[at:], " \t\r\n"); strings.HasPrefix(rest, "/*") {
		a.comment = true
		if i := strings.Index(text[at:], "*/"); i >= 0 {
			if j := strings.Index(text[at+i:], "}}"); j >= 0 {
				a.end, a.closed = at+i+j+2, true
				return
			}
		}
		a.end = len(text)
		return
	}
loop:
	for at < len(text) {
		c := text[at]
		switch {
		case strings.HasPrefix(text[at:], "}}"):
			a.closed = true
			at += 2
			break loop
		case strings.HasPrefix(text[at:], "{{"):
			break loop
		case c == '"' || c == '`':
			end := stringEnd(text, at)
			a.tokens = append(a.tokens, tmplToken{tmplString, at, end})
			at = end
		case wordByte(c):
			end := at
			for end < len(text) && (wordByte(text[end]) || text[end] == '.' && end+1 < len(text) && wordByte(text[end+1])) {
				end++
			}
			a.tokens = append(a.tokens, tmplToken{tmplWord, at, end})
			at = end
		case c == '.' || c == '$':
			end := at + 1
			for end < len(text) && (wordByte(text[end]) || text[end] == '.') {
				end++
			}
			s := tmplField
			if c == '$' && !strings.Contains(text[at:end], ".") {
				s = tmplVariable
			}
			a.tokens = append(a.tokens, tmplToken{s, at, end})
			at = end
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			at++
		default:
			a.tokens = append(a.tokens, tmplToken{tmplOther, at, at + 1})
			at++
		}
	}
	a.end = at
	if !a.closed {
		// What is not closed does not swallow the SQL below it.
		if i := strings.IndexByte(text[a.start:a.end], '\n'); i >= 0 {
			a.end = a.start + i
			a.tokens = slices.DeleteFunc(a.tokens, func(t tmplToken) bool { return t.start >= a.end })
		}
	}
	a.parse(text)
}

// stringEnd is where a string of an action ends; one that is not closed ends with its line, or
// before the end of the action.
func stringEnd(text string, at int) int {
	quote := text[at]
	for i := at + 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote == '"':
			i++
		case text[i] == quote:
			return i + 1
		case text[i] == '\n' && quote == '"', quote == '"' && strings.HasPrefix(text[i:], "}}") && !strings.ContainsRune(lineRest(text, i), '"'):
			return i
		}
	}
	return len(text)
}

func lineRest(text string, at int) string {
	if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
		return text[at : at+i]
	}
	return text[at:]
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// parse finds the calls among the tokens.
func (a *tmplAction) parse(text string) {
	i := 0
	if len(a.tokens) > 0 && a.tokens[0].sort == tmplWord {
		switch w := text[a.tokens[0].start:a.tokens[0].end]; w {
		case "if", "else", "end", "range", "with", "define", "block", "template", "break", "continue":
			a.keyword = w
			i++
			if w == "else" && len(a.tokens) > 1 && (text[a.tokens[1].start:a.tokens[1].end] == "if" || text[a.tokens[1].start:a.tokens[1].end] == "with") {
				i++
			}
		}
	}
	for j := i; j+1 < len(a.tokens); j++ {
		if a.tokens[j].sort == tmplVariable && a.sign(text, j+1, ":=", "=") {
			a.assigns = true
		}
	}
	a.pipeline(text, i)
}

func (a *tmplAction) sign(text string, i int, signs ...string) bool {
	return i < len(a.tokens) && slices.ContainsFunc(signs, func(s string) bool { return strings.HasPrefix(text[a.tokens[i].start:], s) })
}

// pipeline reads commands up to a closing parenthesis or the end, and gives the last one.
func (a *tmplAction) pipeline(text string, i int) (last *tmplCall, next int) {
	var cur *tmplCall
	var before *tmplArg // the value of the command before «|»
	begun := false
	add := func(arg tmplArg) {
		if cur != nil {
			cur.args = append(cur.args, arg)
			cur.to = arg.end
		} else if !begun {
			before = &arg
		}
		begun = true
	}
	for i < len(a.tokens) {
		t := a.tokens[i]
		s := text[t.start:t.end]
		switch {
		case t.sort == tmplOther && s == ")":
			return last, i + 1
		case t.sort == tmplOther && s == "(":
			inner, n := a.pipeline(text, i+1)
			end := t.end
			if n-1 < len(a.tokens) && n > 0 {
				end = a.tokens[n-1].end
			}
			add(tmplArg{start: t.start, end: end, call: inner})
			i = n
			continue
		case t.sort == tmplOther && s == "|":
			if cur != nil {
				before = &tmplArg{start: cur.start, end: cur.to, call: cur}
			}
			cur, begun = nil, false
		case t.sort == tmplOther && (s == ":" || s == "=" || s == ",") || t.sort == tmplVariable && a.sign(text, i+1, ":=", "="):
			cur, begun, before = nil, false, nil
		case t.sort == tmplWord && !begun && !numeric(s):
			cur = &tmplCall{fn: s, start: t.start, end: t.end, to: t.end, action: a}
			if before != nil {
				defer func(c *tmplCall, arg tmplArg) { c.args = append(c.args, arg) }(cur, *before)
				before = nil
			}
			a.calls = append(a.calls, cur)
			last, begun = cur, true
		case t.sort == tmplString:
			v := strings.TrimSuffix(s[1:], s[:1])
			if s[0] == '"' && strings.IndexByte(v, '\\') >= 0 {
				v = strings.NewReplacer(`\"`, `"`, `\\`, `\`, `\n`, "\n", `\t`, "\t").Replace(v)
			}
			add(tmplArg{start: t.start, end: t.end, text: v, str: true})
		default:
			if t.sort == tmplWord && begun && cur != nil && !numeric(s) && s != "true" && s != "false" && s != "nil" {
				// A function without arguments, as an argument.
				c := &tmplCall{fn: s, start: t.start, end: t.end, to: t.end, action: a}
				a.calls = append(a.calls, c)
				add(tmplArg{start: t.start, end: t.end, call: c})
				break
			}
			add(tmplArg{start: t.start, end: t.end, text: s})
		}
		i++
	}
	return last, i
}

func numeric(s string) bool { return s != "" && (s[0] >= '0' && s[0] <= '9' || s == "-") }

// sqlTemplate is a SQL template split into what can be asked for by offset.
type sqlTemplate struct {
	text    string
	lexis   sql.Lexis
	actions []*tmplAction
	lexemes []lexeme
}

// readTemplate splits a SQL template. Actions that print nothing are blank; a string that a
// macro is called with is SQL, as it most often is, and its words can be asked for.
func readTemplate(text string, lexis sql.Lexis) *sqlTemplate {
	t := &sqlTemplate{text: text, lexis: lexis, actions: actionsOf(text)}
	plain := text
	at := map[int]*tmplAction{}
	if len(t.actions) > 0 {
		b := []byte(text)
		for _, a := range t.actions {
			fill := byte(' ')
			if a.prints() {
				fill = 'z'
				at[a.start] = a
			}
			for i := a.start; i < a.end; i++ {
				b[i] = fill
			}
		}
		plain = string(b)
	}
	t.lexemes = make([]lexeme, 0, len(text)/5)
	t.read(plain, 0, at)
	return t
}

func (t *sqlTemplate) read(plain string, shift int, at map[int]*tmplAction) {
	next := 0 // of the actions
	for tok := range t.lexis.Tokens(plain) {
		if tok.Kind == sql.Space || tok.Kind == sql.Comment {
			continue
		}
		l := lexeme{start: tok.Start + shift, end: tok.End + shift, fixed: true}
		s := plain[tok.Start:tok.End]
		for shift == 0 && next < len(t.actions) && t.actions[next].end <= l.start {
			next++
		}
		inside := shift == 0 && next < len(t.actions) && t.actions[next].start < l.end && t.actions[next].prints()
		switch {
		case inside && tok.Kind == sql.Word:
			a := t.actions[next]
			l.action, l.sort, l.fixed = a, lexOpaque, false
			if a.start == l.start && a.end == l.end && a.relation() != nil {
				l.sort = lexTable
			}
			t.lexemes = append(t.lexemes, l)
			t.strings(a)
			continue
		case tok.Kind == sql.Word:
			l.sort, l.name = lexWord, s
		case tok.Kind == sql.Quoted:
			l.sort, l.name = lexQuoted, unquote(s)
			l.fixed = !inside
		case tok.Kind == sql.Punct:
			l.sort, l.name = lexPunct, s
		default:
			l.sort = lexLiteral
		}
		t.lexemes = append(t.lexemes, l)
	}
}

// strings reads what a macro is called with, in parentheses of no width.
func (t *sqlTemplate) strings(a *tmplAction) {
	if len(a.calls) == 0 || a.relation() != nil {
		return
	}
	began := false
	for _, c := range a.calls {
		switch c.fn {
		case "var", "env_var", "ref", "source", "columns", "config":
			continue
		}
		for i, arg := range c.args {
			if !arg.str || i == 0 && (c.fn == "include" || c.fn == "printf" || c.fn == "template") || i%2 == 0 && c.fn == "dict" {
				continue
			}
			from, to := arg.inner(len(t.text))
			if from >= to || to-from != len(arg.text) {
				continue
			}
			if !began {
				t.lexemes = append(t.lexemes, lexeme{sort: lexPunct, name: "(", start: a.start, end: a.start})
				began = true
			}
			t.read(t.text[from:to], from, nil)
			t.lexemes = append(t.lexemes, lexeme{sort: lexPunct, name: ",", start: to, end: to})
		}
	}
	if began {
		t.lexemes = append(t.lexemes, lexeme{sort: lexPunct, name: ")", start: a.end, end: a.end})
	}
}

// unquote takes the quotes off a name.
func unquote(s string) string {
	q := s[:1]
	s = s[1:]
	if strings.HasSuffix(s, q) {
		s = s[:len(s)-1]
	}
	return strings.ReplaceAll(s, q+q, q)
}

// actionAt is the action that an offset is in.
func (t *sqlTemplate) actionAt(offset int) *tmplAction {
	for _, a := range t.actions {
		if offset > a.start+1 && (offset < a.end-1 || offset <= a.end && !a.closed) {
			return a
		}
	}
	return nil
}

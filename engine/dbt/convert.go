package dbt

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/jinja"
	"github.com/engine-build/engine/engine/source"
)

// Macro is what a call of a macro needs to know.
type Macro struct {
	Name   string // of the engine's macro
	Params []string
	// Value says that it returns a value, and not the text it writes.
	Value bool
	// Open says that it takes arguments that it has no parameters for: varargs and kwargs.
	Open bool
	// Unchanged are the parameters whose values the macro only reads.
	Unchanged map[string]bool
	// forwards is the macro that it dispatches to, where it does nothing else than that.
	forwards *jinja.Call
}

// Use is what is known of the calls of a macro in a project.
type Use struct {
	Calls  int
	Passed map[string]int // how many calls give an argument, by the parameter
	types  map[string]typ // what all of them give
	open   bool           // a call gives what is not known here
}

// add is one call more; nil: nothing is known of what it gives.
func (u *Use) add(given map[string]typ) {
	u.Calls++
	u.open = u.open || given == nil
	for name, t := range given {
		if had, ok := u.types[name]; ok && had != t {
			t = unknown
		}
		u.Passed[name]++
		u.types[name] = t
	}
}

// always says that all calls give the argument.
func (u *Use) always(name string) bool {
	return u != nil && !u.open && u.Calls > 0 && u.Passed[name] == u.Calls
}

// typeOf is the type of a parameter; other is its default's.
func (u *Use) typeOf(name string, other typ) typ {
	switch {
	case u == nil || u.open || u.Calls == 0:
		return unknown
	case u.Passed[name] == 0:
		return other
	case u.always(name) || u.types[name] == other:
		return u.types[name]
	}
	return unknown
}

// Context is what templates of a project are converted with.
type Context struct {
	Project string
	Adapter string // type of the target: duckdb, postgres, bigquery
	// Package is that of the file; empty for the project itself.
	Package string
	// Model is the name of the model that is converted; empty for macros.
	Model string
	// Kind is what is converted, whose keys config has; empty where that is not known.
	Kind addr.Kind
	// Vars are the variables of dbt_project.yml: their types decide how they are printed.
	Vars map[string]any
	// Macro finds a macro by the package it is called with, empty for none, and its name.
	Macro func(pkg, name string) (Macro, bool)
	// Uses are what is known of the calls of macros, by the engine's names; Called is told of each
	// call. Both may be nil.
	Uses   map[string]*Use
	Called func(macro string, given map[string]typ)
}

const codeUnconverted diag.Code = "dbt-unconverted"

// Codes is the catalogue of what this room reports.
var Codes = []diag.Entry{{
	Code: codeUnconverted, Title: "something of a dbt project that has no counterpart",
	Explain: "The place was not converted: what it does is done in another way here, or asks the warehouse while models are compiled, which nothing does here. In the new file the action fail stands there with the reason, so that no build goes on without it.",
	Bad:     "{% set r = run_query('select max(id) from t') %}",
	Good:    "where id > (select max(id) from t)",
}}

// Template writes a model, a test or an analysis anew. What cannot be is in the list, as
// warnings at the places of the old file; the text then fails there when it is rendered.
func (c *Context) Template(t *jinja.Template) (string, diag.List) {
	w := &writer{Context: c, file: t.File}
	w.scope = newScope(nil, t.Body)
	w.alias, w.own = aliasIn(t.Body), configIn(t.Body)
	end := len(t.File.Data)
	text := w.hoisted() + w.body(t.Body, 0, end)
	return text + w.defines.String(), w.notes
}

// aliasIn is the alias that a template gives itself.
func aliasIn(body []jinja.Node) (alias string) {
	walk(body, func(x jinja.Expr) {
		call, ok := x.(*jinja.Call)
		if !ok {
			return
		}
		if n, ok := call.Fn.(*jinja.Name); !ok || n.Name != "config" {
			return
		}
		for _, k := range call.Keywords {
			if k.Name.Name == "alias" {
				alias = unknownAlias
				if s, ok := k.Value.(*jinja.String); ok {
					alias = s.Value
				}
			}
		}
	})
	return alias
}

// configIn is what a template configures itself, outside of conditions too; a key that it gives
// twice is left out.
func configIn(body []jinja.Node) map[string]jinja.Expr {
	out := map[string]jinja.Expr{}
	walk(body, func(x jinja.Expr) {
		call, ok := x.(*jinja.Call)
		if !ok {
			return
		}
		if n, ok := call.Fn.(*jinja.Name); !ok || n.Name != "config" {
			return
		}
		for _, k := range call.Keywords {
			if _, twice := out[k.Name.Name]; twice {
				out[k.Name.Name] = nil
				continue
			}
			out[k.Name.Name] = k.Value
		}
	})
	return out
}

// MacroFile writes a file of macros anew, each as a definition with its name.
func (c *Context) MacroFile(t *jinja.Template) (string, diag.List) {
	w := &writer{Context: c, file: t.File, macros: true}
	w.scope = newScope(nil, nil)
	return w.body(t.Body, 0, len(t.File.Data)) + w.defines.String(), w.notes
}

// writer writes one file.
type writer struct {
	*Context
	file   *source.File
	notes  diag.List
	macros bool
	// snapshot: names of configuration are those of a snapshot.
	snapshot bool
	scope    *scope
	// defines are the texts that became definitions of their own, at the end of the file.
	defines strings.Builder
	blocks  int
	loops   []*loop
	// inMacro is the macro around, nil outside of all.
	inMacro *jinja.Macro
	// calls is the engine's name of that macro.
	calls string
	// alias is what config says the relation is called.
	alias string
	// own is what the template configures itself, by key.
	own map[string]jinja.Expr
	// caller is the text of a call block, until the macro is included that it is for.
	caller string
}

// unknownAlias is one that is computed.
const unknownAlias = "\x00"

// loop is a for around, with the names of what it counts.
type loop struct {
	index, items string // variables; empty where they are not needed
}

// refuse notes that something has no counterpart, and gives the text that fails there.
func (w *writer) refuse(at source.Span, format string, args ...any) string {
	why := fmt.Sprintf(format, args...)
	if !slices.ContainsFunc(w.notes, func(d diag.Diagnostic) bool { return d.At == at }) {
		w.notes.Add(diag.Diagnostic{Severity: diag.Warning, Code: codeUnconverted, Message: why, At: at})
	}
	return "fail " + quoted("not converted: "+why)
}

// note says that something is left out that decides nothing about rows.
func (w *writer) note(at source.Span, format string, args ...any) {
	w.notes.Add(diag.Diagnostic{Severity: diag.Warning, Code: codeUnconverted, Message: fmt.Sprintf(format, args...), At: at})
}

// raw is the text of the file.
func (w *writer) raw(start, end int) string { return string(w.file.Data[start:max(start, end)]) }

// tag writes actions in the place of a tag, which keep its white space control.
func (w *writer) tag(at source.Span, actions ...string) string {
	text := w.raw(at.Start, at.End)
	left := len(text) > 4 && text[2] == '-'
	right := len(text) > 5 && text[len(text)-3] == '-'
	return wrapped(left, right, actions...)
}

func wrapped(left, right bool, actions ...string) string {
	var list []string
	for _, a := range actions {
		if a != "" {
			list = append(list, a)
		}
	}
	if len(list) == 0 {
		if !left && !right {
			return ""
		}
		list = []string{"/* */"}
	}
	var b strings.Builder
	for i, a := range list {
		open, end := "{{ ", " }}"
		comment := strings.HasPrefix(a, "/*")
		if comment {
			open, end = "{{", "}}"
		}
		if i == 0 && left {
			open = "{{- "
		}
		if strings.HasSuffix(a, "\n") {
			end = "}}"
		}
		if i == len(list)-1 && right {
			end = " -}}"
			if strings.HasSuffix(a, "\n") {
				end = "-}}"
			}
		}
		b.WriteString(open + a + end)
	}
	return b.String()
}

// braces writes text that would begin an action, or that is taken for Jinja.
var braces = strings.NewReplacer("{{", `{{ "{{" }}`, "{%", `{{ "{%" }}`, "{#", `{{ "{#" }}`)

// body writes nodes with the text between them as it stands.
func (w *writer) body(nodes []jinja.Node, start, end int) string {
	var b strings.Builder
	at := start
	for _, n := range nodes {
		if text, ok := n.(*jinja.Text); ok && !text.Raw {
			continue
		}
		span := n.Span()
		b.WriteString(w.raw(at, span.Start))
		b.WriteString(w.node(n))
		at = span.End
	}
	b.WriteString(w.raw(at, end))
	return b.String()
}

// inner writes the body between two tags.
func (w *writer) inner(nodes []jinja.Node, head, end source.Span) string {
	return w.body(nodes, head.End, end.Start)
}

func (w *writer) node(n jinja.Node) string {
	switch n := n.(type) {
	case *jinja.Text: // of a raw block
		return braces.Replace(n.Text)
	case *jinja.Comment:
		text := w.raw(n.At.Start, n.At.End)
		left, right := text[2] == '-', text[len(text)-3] == '-' && len(text) > 5
		return wrapped(left, right, "/* "+strings.ReplaceAll(strings.TrimSpace(n.Text), "*/", "* /")+" */")
	case *jinja.Output:
		return w.output(n)
	case *jinja.If:
		return w.branch(n)
	case *jinja.For:
		return w.loop(n)
	case *jinja.Set:
		return w.tag(n.At, w.assign(n.Target, n.Value)...)
	case *jinja.SetBlock:
		return w.setBlock(n)
	case *jinja.Do:
		return w.tag(n.At, w.do(n.X)...)
	case *jinja.Print:
		return w.tag(n.At, w.refuse(n.At, "print is not there")) // nobody uses it
	case *jinja.Macro:
		return w.macro(n)
	case *jinja.CallBlock:
		return w.callBlock(n)
	case *jinja.FilterBlock:
		return w.filterBlock(n)
	case *jinja.With:
		return w.with(n)
	case *jinja.Jump:
		return w.tag(n.At, n.Word)
	case *jinja.Snapshot:
		return w.tag(n.At, w.refuse(n.Head, "a snapshot stands in a file of its own"))
	case *jinja.Materialization:
		return w.tag(n.At, w.refuse(n.Head, "materializations are part of the engine: %q is an own one", n.Name.Name))
	case *jinja.Docs:
		return ""
	}
	return w.tag(n.Span(), w.refuse(n.Span(), "dbt's templates have no such statement"))
}

// output writes {{ x }}. An inline if whose parts are texts becomes one around text.
func (w *writer) output(n *jinja.Output) string {
	if c, ok := n.X.(*jinja.Cond); ok {
		if yes, ok := plain(c.Then); ok {
			no, ok := plain(c.Else)
			if c.Else == nil || ok {
				parts := w.tag(n.At, "if "+w.cond(c.When))
				head, right := parts, strings.HasSuffix(parts, " -}}")
				if right {
					head = strings.TrimSuffix(parts, " -}}") + " }}"
				}
				out := head + yes
				if c.Else != nil && no != "" {
					out += "{{ else }}" + no
				}
				return out + wrapped(false, right, "end")
			}
		}
	}
	if actions, ok := w.silent(n.X); ok {
		return w.tag(n.At, actions...)
	}
	if c, ok := n.X.(*jinja.Cond); ok && !(pure(c.Then) && pure(c.Else)) {
		actions := []string{"if " + w.cond(c.When), w.shown(c.Then)}
		if c.Else != nil {
			actions = append(actions, "else", w.shown(c.Else))
		}
		return w.tag(n.At, append(actions, "end")...)
	}
	v := w.expr(n.X)
	if text, ok := literal(v); ok {
		if raw := w.raw(n.At.Start, n.At.End); raw[2] != '-' && raw[len(raw)-3] != '-' {
			return text
		}
	}
	return w.tag(n.At, v.printed())
}

// literal is a text that may stand in a template as it is, where the expression is one.
func literal(v val) (string, bool) {
	if v.typ != str || !v.atom || v.text == "" || v.text[0] != '"' && v.text[0] != '`' {
		return "", false
	}
	text, err := strconv.Unquote(v.text)
	return text, err == nil && text != "" && braces.Replace(text) == text && strings.TrimSpace(text) == text
}

// shown is the action that prints an expression.
func (w *writer) shown(x jinja.Expr) string {
	v := w.expr(x)
	return v.printed()
}

// plain is a text that may stand in a template as it is: no braces, no white space at its ends,
// which markers beside it would take away.
func plain(x jinja.Expr) (string, bool) {
	s, ok := x.(*jinja.String)
	if !ok || braces.Replace(s.Value) != s.Value || strings.TrimSpace(s.Value) != s.Value && strings.TrimSpace(s.Value) == "" {
		return "", false
	}
	return s.Value, ok
}

func (w *writer) branch(n *jinja.If) string {
	var b strings.Builder
	word := "if "
	for i, arm := range n.Arms {
		b.WriteString(w.tag(arm.At, word+w.cond(arm.When)))
		next := n.End
		if i+1 < len(n.Arms) {
			next = n.Arms[i+1].At
		} else if !n.ElseAt.IsZero() {
			next = n.ElseAt
		}
		b.WriteString(w.inner(arm.Body, arm.At, next))
		word = "else if "
	}
	if !n.ElseAt.IsZero() {
		b.WriteString(w.tag(n.ElseAt, "else") + w.inner(n.Else, n.ElseAt, n.End))
	}
	return b.String() + w.tag(n.End, "end")
}

func (w *writer) loop(n *jinja.For) string {
	if n.Recursive {
		return w.tag(n.At, w.refuse(n.Head, "a loop that calls itself"))
	}
	uses := loopUses(n.Body)
	items := w.items(n.Items)
	outer := w.scope
	w.scope = newScope(outer, n.Body)
	defer func() { w.scope = outer }()
	l := &loop{}
	depth := len(w.loops)
	var before, inside []string
	if len(uses) > 0 {
		taken := namesIn(n.Body)
		taken[""] = true
		assignedTo(n.Target, taken)
		for _, name := range []string{"i", "j", "k", "at"} {
			if !taken[name] && w.scope.find(name) == nil && !slices.ContainsFunc(w.loops, func(o *loop) bool { return o.index == "$"+name }) {
				l.index = "$" + name
				break
			}
		}
		if l.index == "" {
			l.index = "$" + w.fresh("i")
		}
		if uses["last"] || uses["length"] || uses["revindex"] || uses["previtem"] || uses["nextitem"] {
			if l.items = items.text; !strings.HasPrefix(items.text, "$") || strings.ContainsAny(items.text, " .") {
				l.items = "$" + w.fresh("items")
				before = append(before, l.items+" := "+items.text)
				items.text = l.items
			}
		}
		if n.When != nil {
			w.refuse(n.Head, "loop is used in a loop with a condition")
		}
	}
	var target string
	switch t := n.Target.(type) {
	case *jinja.Name:
		target = w.scope.declare(t.Name, items.elem)
	case *jinja.Tuple:
		target = "$" + w.fresh("pair")
		for i, x := range t.Items {
			name, ok := x.(*jinja.Name)
			if !ok {
				return w.tag(n.At, w.refuse(x.Span(), "a pair inside a pair"))
			}
			inside = append(inside, fmt.Sprintf("%s := py_item %s %d", w.scope.declare(name.Name, unknown), target, i))
		}
	}
	w.loops = append(w.loops, l)
	defer func() { w.loops = w.loops[:depth] }()
	head := "range " + target + " := " + items.text
	if l.index != "" {
		head = "range " + l.index + ", " + target + " := " + items.text
	}
	open := append(append(before, head), inside...)
	end := []string{"end"}
	if n.When != nil {
		open, end = append(open, "if "+w.cond(n.When)), append(end, "end")
	}
	text := w.tag(n.Head, append(open, w.scope.hoist...)...)
	if n.ElseAt.IsZero() {
		return text + w.inner(n.Body, n.Head, n.End) + w.tag(n.End, end...)
	}
	if n.When != nil {
		w.refuse(n.ElseAt, "a loop with a condition and an else")
	}
	text += w.inner(n.Body, n.Head, n.ElseAt)
	w.scope, w.loops = outer, w.loops[:depth]
	return text + w.tag(n.ElseAt, "else") + w.inner(n.Else, n.ElseAt, n.End) + w.tag(n.End, "end")
}

// assignedTo adds the names of a target.
func assignedTo(x jinja.Expr, into map[string]bool) {
	switch x := x.(type) {
	case *jinja.Name:
		into[x.Name] = true
	case *jinja.Tuple:
		for _, i := range x.Items {
			assignedTo(i, into)
		}
	}
}

// assign is {% set %}.
func (w *writer) assign(target, value jinja.Expr) []string {
	switch t := target.(type) {
	case *jinja.Name:
		if path := w.dotted(value); strings.HasPrefix(path, "modules.") {
			w.scope.vars[t.Name] = &variable{name: t.Name, path: path}
			return nil
		}
		v := w.expr(value)
		if w.scope.mutated[t.Name] {
			v = w.mutable(value)
		}
		name, word := w.scope.assign(t.Name, v.typ)
		return []string{name + word + v.text}
	case *jinja.Tuple:
		if list, ok := value.(*jinja.Tuple); ok && len(list.Items) == len(t.Items) && len(t.Items) > 0 {
			var out []string
			for i := range t.Items {
				out = append(out, w.assign(t.Items[i], list.Items[i])...)
			}
			return out
		}
		pair := "$" + w.fresh("pair")
		out := []string{pair + " := " + w.expr(value).text}
		for i, x := range t.Items {
			if name, ok := x.(*jinja.Name); ok {
				variable, word := w.scope.assign(name.Name, unknown)
				out = append(out, fmt.Sprintf("%s%spy_item %s %d", variable, word, pair, i))
			}
		}
		return out
	case *jinja.Attr: // of a namespace
		return []string{fmt.Sprintf(`$_ := set %s %s %s`, w.expr(t.X).operand(), quoted(t.Name.Name), w.expr(value).operand())}
	}
	return []string{w.refuse(target.Span(), "this cannot be assigned to")}
}

func (w *writer) setBlock(n *jinja.SetBlock) string {
	target, ok := n.Target.(*jinja.Name)
	if !ok {
		return w.tag(n.At, w.refuse(n.Head, "a text is set to what is no name"))
	}
	call := w.captured(n.Body, n.Head, n.End, target.Name)
	v := val{text: call, typ: str}
	if n.Filter != nil {
		v = w.filterOn(n.Filter, v)
	}
	name, word := w.scope.assign(target.Name, v.typ)
	return w.around(n.Head, n.End, name+word+v.text)
}

func (w *writer) filterBlock(n *jinja.FilterBlock) string {
	v := w.filterOn(n.Filter, val{text: w.captured(n.Body, n.Head, n.End, "filtered"), typ: str})
	return w.around(n.Head, n.End, v.printed())
}

// callBlock is {% call macro() %}text{% endcall %}: the macro gets the text as an argument.
func (w *writer) callBlock(n *jinja.CallBlock) string {
	if name, ok := n.Call.Fn.(*jinja.Name); ok && outside[name.Name] != "" {
		return w.around(n.Head, n.End, w.refuse(n.Head, "%s: %s", name.Name, outside[name.Name]))
	}
	if len(n.Params) > 0 {
		return w.around(n.Head, n.End, w.refuse(n.Head, "a call block whose text has parameters: make the text a macro of its own"))
	}
	w.caller = w.captured(n.Body, n.Head, n.End, "caller")
	v := w.call(n.Call)
	if w.caller != "" { // no macro has taken it
		w.caller = ""
		return w.around(n.Head, n.End, w.refuse(n.Head, "a call block of what is no macro"))
	}
	return w.around(n.Head, n.End, v.printed())
}

// around is one action in the place of a block: the outer sides of its tags count.
func (w *writer) around(head, end source.Span, action string) string {
	h, e := w.raw(head.Start, head.End), w.raw(end.Start, end.End)
	return wrapped(h[2] == '-', e[len(e)-3] == '-', action)
}

// captured makes a definition of a body, and is the call that gives its text. The variables that
// are known here are handed over.
func (w *writer) captured(nodes []jinja.Node, head, end source.Span, name string) string {
	w.blocks++
	define := fmt.Sprintf("%s_text_%d", name, w.blocks)
	if w.inMacro != nil {
		define = w.inMacro.Name.Name + "_" + define
	}
	used := w.scope.visible(namesIn(nodes))
	outer, loops := w.scope, w.loops
	w.scope, w.loops = newScope(outer, nodes), nil
	var args, opening []string
	for _, v := range used {
		args = append(args, quoted(v.name)+" $"+v.name)
		opening = append(opening, fmt.Sprintf("$%s := .%s", v.name, v.name))
	}
	for _, l := range loops {
		for _, v := range []string{l.index, l.items} {
			if v != "" && len(loopUses(nodes)) > 0 && l == loops[len(loops)-1] {
				args = append(args, quoted(v[1:])+" "+v)
				opening = append(opening, v+" := ."+v[1:])
				w.loops = []*loop{l}
			}
		}
	}
	opening = append(opening, w.scope.hoist...)
	h, e := w.raw(head.Start, head.End), w.raw(end.Start, end.End)
	body := w.inner(nodes, head, end)
	w.scope, w.loops = outer, loops
	if w.macros {
		w.defines.WriteString("\n")
	}
	w.defines.WriteString("{{ define " + quoted(define) + " }}" + wrapped(false, h[len(h)-3] == '-', opening...) + body + wrapped(e[2] == '-', false, "end"))
	if w.macros {
		w.defines.WriteString("\n")
	}
	call := "include " + quoted(define)
	if len(args) > 0 {
		call += " (dict " + strings.Join(args, " ") + ")"
	}
	return call
}

func (w *writer) with(n *jinja.With) string {
	outer := w.scope
	w.scope = newScope(outer, n.Body)
	defer func() { w.scope = outer }()
	out := []string{"if true"}
	for i, t := range n.Targets {
		name, ok := t.(*jinja.Name)
		if !ok {
			return w.tag(n.At, w.refuse(t.Span(), "this cannot be assigned to"))
		}
		v := w.expr(n.Values[i])
		out = append(out, w.scope.declare(name.Name, v.typ)+" := "+v.text)
	}
	return w.tag(n.Head, append(out, w.scope.hoist...)...) + w.inner(n.Body, n.Head, n.End) + w.tag(n.End, "end")
}

// macro writes a definition, its parameters first.
func (w *writer) macro(n *jinja.Macro) string {
	if !w.macros || w.inMacro != nil {
		return w.tag(n.At, w.refuse(n.Head, "a macro is defined outside of macros/"))
	}
	if n.Kind != "macro" {
		return w.tag(n.At, w.refuse(n.Head, "a generic test stands in a file of tests/generic"))
	}
	outer := w.scope
	w.scope, w.inMacro = newScope(outer, n.Body), n
	defer func() { w.scope, w.inMacro = outer, nil }()
	name := n.Name.Name
	own, ok := w.Context.Macro(w.Package, name)
	if ok {
		name = own.Name
	}
	w.calls = name
	define := "define " + quoted(name)
	open := []string{define}
	use := w.Uses[name]
	if ok && own.forwards != nil && !own.Value {
		if text, ok := w.forwarded(n, own, use); ok {
			return wrapped(false, false, define) + text + wrapped(false, false, "end")
		}
	}
	for _, p := range n.Params {
		arg, other := "py_arg . "+quoted(p.Name.Name), unknown
		if use.always(p.Name.Name) {
			arg = "." + p.Name.Name
		} else if p.Default != nil {
			v := w.expr(p.Default)
			arg, other = arg+" "+v.operand(), v.typ
		}
		known := use.typeOf(p.Name.Name, other)
		if texts, set := w.scope.texts[p.Name.Name]; set && !(texts && known == str) {
			known = unknown
		}
		open = append(open, w.scope.declare(p.Name.Name, known)+" := "+arg)
	}
	for _, word := range []string{"varargs", "kwargs", "caller"} {
		if namesIn(n.Body)[word] && w.scope.vars[word] == nil {
			open = append(open, w.scope.declare(word, unknown)+" := py_arg . "+quoted(word)+map[string]string{"varargs": " (py_tuple)", "kwargs": " (py_dict)"}[word])
		}
	}
	return w.tag(n.Head, append(open, w.scope.hoist...)...) + w.inner(n.Body, n.Head, n.End) + w.tag(n.End, "end")
}

// forwarded is the body of a macro that only dispatches: the call alone, with all arguments where
// they keep their names.
func (w *writer) forwarded(n *jinja.Macro, m Macro, use *Use) (string, bool) {
	call := m.forwards
	to, ok := w.dispatch(call)
	if !ok || len(call.Keywords) > 0 || len(call.Args) > len(to.Params) || call.Star != nil || call.Stars != nil || len(call.Args) != len(n.Params) {
		return "", false
	}
	given := map[string]typ{}
	for i, a := range call.Args {
		name, ok := a.(*jinja.Name)
		if !ok || name.Name != to.Params[i] || n.Params[i].Name.Name != name.Name || n.Params[i].Default != nil && !use.always(name.Name) {
			return "", false
		}
		given[name.Name] = use.typeOf(name.Name, unknown)
	}
	if w.Called != nil {
		w.Called(to.Name, given)
	}
	if len(call.Args) == 0 {
		return "{{ include " + quoted(to.Name) + " }}", true
	}
	return "{{ include " + quoted(to.Name) + " . }}", true
}

// hoisted are the declarations at the beginning of a file.
func (w *writer) hoisted() string {
	return strings.Join(func() (out []string) {
		for _, h := range w.scope.hoist {
			out = append(out, "{{ "+h+" }}")
		}
		return out
	}(), "")
}

// fresh is a name that nothing else has.
func (w *writer) fresh(name string) string {
	w.blocks++
	return fmt.Sprintf("%s_%d", name, w.blocks)
}

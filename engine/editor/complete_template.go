package editor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/tmpl"
)

// call is a function call of an action, as far as it is written.
type call struct {
	fn string
	// args are the words of its arguments in front of the place; a group in parentheses is one.
	args []string
	// at is where the function's name stands.
	at [2]int
}

// openCall is the innermost call around a place in an action; from and to are the bytes of the
// argument or name at the place. quote says in which quotes it is, 0: none.
func openCall(text string, a action, at int) (in call, outer []call, from, to int, quote byte) {
	from, to = at, at
	stack := []call{{}}
	fresh := true // the next word is a function
	top := func() *call { return &stack[len(stack)-1] }
	for _, w := range a.words {
		s := text[w.start:w.end]
		if w.start >= at {
			break
		}
		inside := w.start < at && (at < w.end || at == w.end && (w.kind == 'n' || w.kind == '0' || w.open))
		if inside && w.kind != 'p' {
			from, to = w.start, w.end
			if w.kind == 'q' {
				quote = text[w.start]
				from++
				if !w.open {
					to--
				}
			}
			break
		}
		switch {
		case w.kind == 'p' && s == "(":
			stack = append(stack, call{at: [2]int{w.start, w.start}})
			fresh = true
		case w.kind == 'p' && s == ")":
			if len(stack) > 1 {
				stack = stack[:len(stack)-1]
				top().args = append(top().args, "(…)")
			}
			fresh = false
		case w.kind == 'p' && s == "|":
			*top() = call{}
			fresh = true
		case w.kind == 'p' && (s == "=" || s == ":" || s == ","):
			*top() = call{}
			fresh = true
		case fresh && w.kind == 'n' && templateKeyword(s):
			*top() = call{fn: s, at: [2]int{w.start, w.end}}
			fresh = true
		case fresh && w.kind == 'n' && !strings.HasPrefix(s, "$") && !strings.HasPrefix(s, "."):
			*top() = call{fn: s, at: [2]int{w.start, w.end}}
			fresh = false
		default:
			top().args = append(top().args, unquoted(s))
			fresh = false
		}
	}
	return *top(), stack[:len(stack)-1], from, to, quote
}

func templateKeyword(s string) bool {
	switch s {
	case "if", "else", "range", "with", "end", "define", "block", "template":
		return true
	}
	return false
}

// action completes inside of {{ … }}.
func (c *completer) action(a action) {
	in, outer, from, to, quote := openCall(c.text, a, c.at)
	c.from, c.to = from, to
	n := len(in.args)
	if in.fn == "" || templateKeyword(in.fn) && in.fn != "template" && in.fn != "define" && in.fn != "block" {
		if quote == 0 {
			c.callables(a, in)
		}
		return
	}
	q := quoting{c: c, a: a, quote: quote}
	switch in.fn {
	case "ref":
		switch {
		case n == 0:
			c.models(q)
		case n == 1 && len(c.book.versions()[in.args[0]]) > 0 && quote == 0:
			for i, v := range c.book.versions()[in.args[0]] {
				if _, name, ok := strings.Cut(v.ID.Name, ".v"); ok {
					c.add(Completion{Label: `"v" ` + versionWord(name), Kind: CompleteValue, Detail: "version", rank: i})
				}
			}
		case n == 2:
			for i, v := range c.book.versions()[in.args[0]] {
				if _, name, ok := strings.Cut(v.ID.Name, ".v"); ok {
					c.add(Completion{Label: versionWord(name), Kind: CompleteValue, Detail: "version", rank: i})
				}
			}
		}
	case "source":
		c.source(q, in)
	case "var":
		if n == 0 {
			vars := c.book.vars()
			for _, name := range namesOf(vars) {
				q.add(Completion{Label: name, Kind: CompleteVariable, Detail: short(fmt.Sprint(vars[name]))})
			}
		}
	case "env_var":
		if n == 0 {
			for _, name := range c.book.envs() {
				q.add(Completion{Label: name, Kind: CompleteVariable, Detail: "environment"})
			}
		}
	case "include", "template":
		if n == 0 {
			for _, m := range c.book.sortedMacros() {
				o := Completion{Label: m.name, Kind: CompleteMacro, Detail: strings.Join(m.params, ", "), Doc: macroDoc(m)}
				if quote == 0 {
					o.Insert, o.Snippet = strings.TrimPrefix(macroSnippet(m), "include "), true
					c.add(o)
				} else {
					q.add(o)
				}
			}
		} else if n == 1 && quote == 0 {
			if m := c.book.macro(in.args[0]); m != nil && len(m.params) > 0 {
				c.add(Completion{Label: "(dict …)", Kind: CompleteMacro, Detail: strings.Join(m.params, ", "), Insert: strings.TrimPrefix(macroSnippet(m), `include "`+m.name+`" `), Snippet: true, Filter: "("})
			}
			c.values(a)
		}
	case "dict":
		c.dict(q, in, outer, a)
	case "config":
		c.config(q, in)
	case "columns":
		if quote == 0 {
			c.add(Completion{Label: "(ref …)", Kind: CompleteFunction, Insert: `(ref "${1}")`, Snippet: true, Filter: "("})
			c.add(Completion{Label: "(source …)", Kind: CompleteFunction, Insert: `(source "${1}" "${2}")`, Snippet: true, Filter: "("})
		}
	default:
		if quote == 0 {
			c.values(a)
		}
	}
}

// quoting writes texts with the quotes that are missing, and closes the action.
type quoting struct {
	c     *completer
	a     action
	quote byte
}

// add adds a text in quotes. Where the action has no end, the editor's place is behind its end.
func (q quoting) add(o Completion) {
	text := o.Insert
	if text == "" {
		text = o.Label
	}
	o.Filter = o.Label
	o.Insert = q.written(text, o.Again)
	q.c.add(o)
}

// written is a text with the quotes that are missing; where nothing more follows in the action,
// with its end.
func (q quoting) written(text string, more bool) string {
	end := ""
	if !more && !strings.HasPrefix(strings.TrimLeft(q.c.text[q.c.to:], " "), "}}") {
		end = q.end()
	}
	switch {
	case q.quote == 0:
		return `"` + text + `"` + end
	case q.c.to < len(q.c.text) && q.c.text[q.c.to] == q.quote:
		return text
	}
	return text + string(q.quote) + end
}

// models completes the name in a ref.
func (c *completer) models(q quoting) {
	versioned := c.book.versions()
	if len(versioned) > 0 {
		for _, model := range namesOf(versioned) {
			q.add(Completion{Label: model, Kind: CompleteModel, Detail: fmt.Sprintf("%d versions", len(versioned[model])), rank: rankOuter})
		}
	}
	c.nodes(func(n *compile.Node) string { return q.written(n.ID.Name, false) }, false)
	if len(versioned) > 0 {
		// A version is named behind the model.
		c.list = slices.DeleteFunc(c.list, func(o Completion) bool {
			model, _, ok := strings.Cut(o.Label, ".v")
			return ok && versioned[model] != nil
		})
	}
}

func (c *completer) source(q quoting, in call) {
	switch len(in.args) {
	case 0:
		seen := map[string]int{}
		for _, n := range c.book.sources() {
			seen[n.Source.SourceName.V]++
		}
		for _, n := range c.book.sources() {
			name := n.Source.SourceName.V
			if seen[name] == 0 {
				continue
			}
			o := Completion{Label: name, Kind: CompleteSource, Detail: fmt.Sprintf("%d tables", seen[name]), Doc: n.Source.SourceDescription}
			seen[name] = 0
			o.Again = true
			q.add(o)
		}
		between := `" "`
		if q.quote != 0 {
			between = string(q.quote) + " " + string(q.quote)
		}
		for _, n := range c.book.sources() {
			insert := q.written(n.Source.SourceName.V+between+n.Source.Table.V, false)
			c.list = append(c.list, Completion{Label: n.ID.Name, Filter: n.ID.Name, Kind: CompleteSource, From: c.from, To: c.to, Insert: insert, rank: 1, node: n,
				late: func(o *Completion, n *compile.Node) {
					o.Detail, o.Doc = columnCount(len(c.book.columnsOf(n))), shortDoc(n)
				}})
		}
	case 1:
		for _, n := range c.book.sources() {
			if n.Source.SourceName.V == in.args[0] {
				q.add(Completion{Label: n.Source.Table.V, Kind: CompleteSource, Detail: columnCount(len(c.book.columnsOf(n))), Doc: shortDoc(n)})
			}
		}
	}
}

func (q quoting) end() string {
	if !q.a.closed && q.c.to >= q.a.to {
		return " }}"
	}
	return ""
}

// config completes keys and values of a config call.
func (c *completer) config(q quoting, in call) {
	kind := addr.Model
	if n, ok := c.view.Node(c.path); ok {
		kind = n.ID.Kind
	} else if strings.HasPrefix(c.path, "snapshots/") {
		kind = addr.Snapshot
	}
	if strings.Contains(c.path, "/generic/") || c.isTest() {
		kind = addr.Test
	}
	if len(in.args)%2 == 0 {
		set := map[string]bool{}
		for i := 0; i < len(in.args); i += 2 {
			set[in.args[i]] = true
		}
		for i, k := range project.KeysOf(kind) {
			if set[k.Name] {
				continue
			}
			o := Completion{Label: k.Name, Kind: CompleteKey, Detail: string(k.Type), Doc: keyDoc(k), Again: true, rank: i}
			if k.Name == "materialized" {
				o.rank = -1
			}
			q.add(o)
		}
		return
	}
	k, ok := project.LookupKey(in.args[len(in.args)-1], kind)
	if !ok {
		return
	}
	for i, v := range c.configValues(k) {
		o := Completion{Label: v.text, Kind: v.kind, Detail: v.detail, Doc: v.doc, rank: i}
		if v.bare {
			if q.quote == 0 {
				c.add(o)
			}
			continue
		}
		q.add(o)
	}
	if q.quote == 0 {
		switch k.Type {
		case project.Texts:
			c.add(Completion{Label: "(list …)", Kind: CompleteValue, Insert: `(list "${1}")`, Snippet: true, Filter: "("})
		case project.Map, project.TextMap, project.Object, project.Lists, project.Flags:
			c.add(Completion{Label: "(dict …)", Kind: CompleteValue, Insert: `(dict "${1}" ${2})`, Snippet: true, Filter: "("})
		}
	}
}

func (c *completer) isTest() bool {
	p := c.view.Project
	if p == nil {
		return strings.HasPrefix(c.path, "tests/")
	}
	return slices.ContainsFunc(p.Settings.TestPaths, func(dir string) bool { return strings.HasPrefix(c.path, dir+"/") })
}

// configValue is a value that a config key may have.
type configValue struct {
	text, detail, doc string
	kind              CompletionKind
	bare              bool // no text: true, a number
}

// configValues are the values that a key may have: its own words, and for those that name
// something of the project what there is.
func (c *completer) configValues(k project.Key) []configValue {
	var out []configValue
	for _, v := range k.Values {
		out = append(out, configValue{text: v, kind: CompleteValue})
	}
	if k.Type == project.Bool {
		out = append(out, configValue{text: "true", kind: CompleteValue, bare: true}, configValue{text: "false", kind: CompleteValue, bare: true})
	}
	switch k.Name {
	case "tags", "owner", "tier", "group", "schema", "database":
		for _, v := range c.book.used(k.Name) {
			out = append(out, configValue{text: v, detail: fmt.Sprintf("%d times", c.book.groups()[k.Name][v]), kind: CompleteValue})
		}
	case "unique_key", "merge_update_columns", "merge_exclude_columns", "cluster_by", "partition_by", "event_time", "tenant_column", "updated_at", "check_cols":
		for _, col := range c.ownColumns() {
			out = append(out, configValue{text: col.name, detail: col.typ, doc: columnDoc(col), kind: CompleteColumn})
		}
	}
	return out
}

// ownColumns are those of the file's model.
func (c *completer) ownColumns() []column {
	for _, of := range []func(string) (*compile.Node, bool){c.view.Node, c.view.LastGood} {
		if n, ok := of(c.path); ok && len(n.Columns) > 0 {
			return c.book.columnsOf(n)
		}
	}
	return scan(c.book, tokenize(c.text, c.view.lexisOf(c.path), nil)).result
}

// dict completes the keys of a macro's argument, and the values of config's mappings.
func (c *completer) dict(q quoting, in call, outer []call, a action) {
	if len(in.args)%2 == 1 {
		if q.quote == 0 {
			c.values(a)
		}
		return
	}
	if len(outer) == 0 {
		return
	}
	set := map[string]bool{}
	for i := 0; i < len(in.args); i += 2 {
		set[in.args[i]] = true
	}
	of := outer[len(outer)-1]
	switch of.fn {
	case "include", "template":
		if len(of.args) == 0 {
			return
		}
		if m := c.book.macro(of.args[0]); m != nil {
			for i, p := range m.params {
				if !set[p] {
					q.add(Completion{Label: p, Kind: CompleteField, Detail: "of " + m.name, Doc: macroDoc(m), Again: true, rank: i})
				}
			}
		}
	case "config":
		if len(of.args)%2 == 1 {
			kind := addr.Model
			if n, ok := c.view.Node(c.path); ok {
				kind = n.ID.Kind
			}
			if k, ok := project.LookupKey(of.args[len(of.args)-1], kind); ok {
				for i, f := range k.Fields {
					if !set[f.Name] {
						q.add(Completion{Label: f.Name, Kind: CompleteKey, Detail: string(f.Type), Doc: keyDoc(f), Again: true, rank: i})
					}
				}
				for _, f := range k.Flags {
					q.add(Completion{Label: f, Kind: CompleteKey, Detail: "true or false", Again: true})
				}
			}
		}
	}
}

// callables completes where a pipeline begins: functions, macros, words, variables.
func (c *completer) callables(a action, in call) {
	typed := c.typed()
	if strings.HasPrefix(typed, "target.") || typed == "target" {
		for i, f := range []string{"name", "schema", "database", "type", "dialect"} {
			c.add(Completion{Label: "target." + f, Kind: CompleteField, Detail: fmt.Sprint(c.targetField(f)), rank: i})
		}
	}
	c.values(a)
	// Blanks between the braces and what is in them.
	front, back := "", ""
	if c.from > 0 && c.text[c.from-1] == '{' {
		front = " "
	}
	switch {
	case !a.closed && c.to >= a.to:
		back = " }}"
	case strings.HasPrefix(c.text[c.to:], "}}"):
		back = " "
	}
	close := func(s string) string { return front + s + back }
	snippets := map[string]string{
		"ref": close(`ref "${1}"`), "source": close(`source "${1}" "${2}"`), "var": close(`var "${1}"`), "env_var": close(`env_var "${1}"`),
		"config": close(`config "${1}" "${2}"`), "include": close(`include "${1}"`), "columns": close(`columns (ref "${1}")`),
	}
	// An action that is no more than this.
	alone := in.fn == ""
	for i, f := range templateFunctions {
		o := Completion{Label: f.name, Kind: CompleteFunction, Detail: strings.TrimPrefix(f.call, f.name), Doc: f.doc, rank: i}
		if s := snippets[f.name]; s != "" {
			o.Insert, o.Snippet, o.Again = s, true, true
		}
		if f.group == "engine" && (f.name == "results" || f.name == "schemas" || f.name == "database_schemas") && c.path != "engine.yml" {
			o.rank = rankUnlikely
		}
		if f.group != "engine" {
			o.rank += rankFunction
		}
		if o.Insert == "" && front+back != "" {
			o.Insert = front + f.name
			if len(f.params) == 0 {
				o.Insert += back
			}
		}
		c.add(o)
	}
	for i, m := range c.book.sortedMacros() {
		c.add(Completion{Label: m.name, Kind: CompleteMacro, Detail: strings.Join(m.params, ", "), Doc: macroDoc(m), Insert: close(macroSnippet(m)), Snippet: true, rank: 50 + min(i, 300)})
	}
	if alone {
		for i, k := range []struct{ label, insert string }{
			{"if", "if ${1:is_incremental} }}\n${2}\n{{ end }}"}, {"range", "range ${1:list} }}\n${2}\n{{ end }}"}, {"else", "else"}, {"end", "end"},
			{"with", "with ${1} }}\n${2}\n{{ end }}"}, {"define", "define \"${1:name}\" }}\n${2}\n{{ end }}"},
		} {
			o := Completion{Label: k.label, Kind: CompleteKeyword, rank: rankFunction/2 + i}
			if !a.closed && strings.Contains(k.insert, "$") {
				o.Insert, o.Snippet = front+k.insert, true
			} else {
				o.Insert = close(k.label)
			}
			c.add(o)
		}
	}
	// All others only where something is typed: they are many.
	if typed != "" {
		for _, name := range tmpl.Functions() {
			c.add(Completion{Label: name, Kind: CompleteFunction, Detail: "sprig", rank: rankUnlikely})
		}
	}
}

func (c *completer) targetField(name string) any {
	t := c.book.program.Target
	switch name {
	case "name":
		return t.Name
	case "schema":
		return t.Schema
	case "database":
		return t.Database
	case "type":
		return t.Type
	}
	if t.Dialect != nil {
		return t.Dialect.Name()
	}
	return ""
}

// values completes arguments: variables that are set before, and fields of the dot.
func (c *completer) values(a action) {
	seen := map[string]bool{}
	list := actions(c.text)
	for _, o := range list {
		if o.start >= a.start {
			break
		}
		for i, w := range o.words {
			s := c.text[w.start:w.end]
			if strings.HasPrefix(s, "$") && len(s) > 1 && i+1 < len(o.words) && !seen[s] {
				name, _, _ := strings.Cut(s, ".")
				seen[name] = true
				c.add(Completion{Label: name, Kind: CompleteVariable, Detail: "variable", rank: rankNear})
			}
		}
	}
	if sortOf(c.path) == macroFile || strings.Contains(c.path, "/generic/") {
		for i, f := range newMacro("", "", c.text[:c.from]+c.text[c.to:], c.path).params {
			c.add(Completion{Label: "." + f, Kind: CompleteField, Detail: "argument", rank: i})
		}
		if strings.Contains(c.path, "/generic/") {
			c.add(Completion{Label: ".model", Kind: CompleteField, Detail: "the tested relation"})
			c.add(Completion{Label: ".column", Kind: CompleteField, Detail: "the tested column"})
		}
	}
	if a.words != nil && len(a.words) > 1 {
		for i, f := range []string{"(ref …)", "(var …)", "(printf …)", "(list …)", "(dict …)"} {
			fn := strings.TrimSuffix(strings.TrimPrefix(f, "("), " …)")
			c.add(Completion{Label: f, Kind: CompleteFunction, Insert: "(" + fn + ` "${1}")`, Snippet: true, Filter: "(" + fn, rank: rankFunction + i})
		}
	}
}

// macroSnippet is the call of a macro with stops for its arguments.
func macroSnippet(m *macro) string {
	var b strings.Builder
	b.WriteString(`include "` + escaped(m.name) + `"`)
	switch {
	case len(m.params) > 0:
		b.WriteString(" (dict")
		for i, p := range m.params {
			fmt.Fprintf(&b, ` "%s" "${%d:%s}"`, escaped(p), i+1, escaped(p))
		}
		b.WriteString(")")
	case strings.Contains(m.body, "."):
		for _, a := range actions(m.body) {
			for _, w := range a.words {
				if m.body[w.start:w.end] == "." {
					b.WriteString(` "${1:expression}"`)
					return b.String()
				}
			}
		}
	}
	return b.String()
}

func macroDoc(m *macro) string {
	body := m.body
	if len(body) > 600 {
		body = body[:600] + "…"
	}
	return strings.TrimSpace(m.doc + "\n\n```sql\n" + body + "\n```\n`" + m.path + "`")
}

func short(s string) string {
	s = clean(s)
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

func namesOf[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

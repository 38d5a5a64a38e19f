package editor

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/sql"
	"github.com/engine-build/engine/engine/tmpl"
)

// book is what names stand for in a project, made from its last whole check and shared by all
// Views of that. Each part is made when something asks for it first. Safe for concurrent use.
type book struct {
	project *project.Project
	program *compile.Program

	refs     func() []*compile.Node               // what can be in a ref, by name; versions by «orders.v1»
	byName   func() map[string]*compile.Node      // of refs, and the latest version under the model's name
	sources  func() []*compile.Node               // by name
	groups   func() map[string]map[string]int     // values of config that are in use, with how often
	macros   func() map[string]*macro             // by name
	vars     func() map[string]any                // with their values
	envs     func() []string                      // variables of the environment that templates name
	tests    func() map[addr.Node][]*compile.Test // by what they are attached to
	routines func() map[string]*function          // functions of the project
	columns  sync.Map                             // of nodes: []column
	versions func() map[string][]*compile.Node    // of models with versions
}

// macro is a macro of the project.
type macro struct {
	name string
	// doc is the comment in front of it, body its text, params the fields of the dot that it
	// reads.
	doc, body string
	params    []string
	path      string
}

// newBook is the book of a project; p and c may be nil.
func newBook(p *project.Project, c *compile.Program) *book {
	if p == nil {
		p = &project.Project{}
	}
	if c == nil {
		c = &compile.Program{Project: p}
	}
	b := &book{project: p, program: c}
	b.refs = sync.OnceValue(b.makeRefs)
	b.byName = sync.OnceValue(b.makeByName)
	b.sources = sync.OnceValue(b.makeSources)
	b.groups = sync.OnceValue(b.makeGroups)
	b.macros = sync.OnceValue(b.makeMacros)
	b.vars = sync.OnceValue(b.makeVars)
	b.envs = sync.OnceValue(b.makeEnvs)
	b.tests = sync.OnceValue(b.makeTests)
	b.routines = sync.OnceValue(b.makeRoutines)
	b.versions = sync.OnceValue(b.makeVersions)
	return b
}

func (b *book) makeRefs() []*compile.Node {
	var out []*compile.Node
	seen := map[string]bool{}
	for id, n := range b.program.Nodes {
		if id.Kind == addr.Model || id.Kind == addr.Seed || id.Kind == addr.Snapshot {
			out = append(out, n)
			seen[id.Name] = true
		}
	}
	// What did not compile, or not yet.
	missing := func(kind addr.Kind, name, path string) {
		if !seen[name] {
			seen[name] = true
			out = append(out, &compile.Node{ID: addr.Node{Kind: kind, Name: name}, Path: path, Unanalyzed: "it is not compiled"})
		}
	}
	for _, f := range b.project.Models {
		missing(addr.Model, f.Name, f.Source.Path)
	}
	for _, s := range b.project.Seeds {
		missing(addr.Seed, s.Name, s.Path)
	}
	for _, f := range b.project.Snapshots {
		missing(addr.Snapshot, f.Name, f.Source.Path)
	}
	slices.SortFunc(out, func(x, y *compile.Node) int {
		return cmp.Or(strings.Compare(x.ID.Name, y.ID.Name), strings.Compare(string(x.ID.Kind), string(y.ID.Kind)))
	})
	return out
}

func (b *book) makeByName() map[string]*compile.Node {
	out := make(map[string]*compile.Node, len(b.refs()))
	for _, n := range b.refs() {
		out[n.ID.Name] = n
	}
	for model := range b.versions() {
		if n := b.program.Version(model); n != nil && out[model] == nil {
			out[model] = n
		}
	}
	return out
}

func (b *book) makeVersions() map[string][]*compile.Node {
	out := map[string][]*compile.Node{}
	for _, n := range b.refs() {
		if n.Version == nil {
			continue
		}
		model, _, _ := strings.Cut(n.ID.Name, ".")
		if out[model] == nil {
			out[model] = b.program.Versions(model)
		}
	}
	return out
}

func (b *book) makeSources() []*compile.Node {
	var out []*compile.Node
	for id, n := range b.program.Nodes {
		if id.Kind == addr.Source && n.Source != nil {
			out = append(out, n)
		}
	}
	if len(out) == 0 {
		for _, s := range b.project.Sources {
			out = append(out, &compile.Node{ID: addr.Node{Kind: addr.Source, Name: s.SourceName.V + "." + s.Table.V}, Source: s, Path: s.At.File.Path, Description: s.Description, Unanalyzed: "it is not compiled"})
		}
	}
	slices.SortFunc(out, func(x, y *compile.Node) int { return x.ID.Compare(y.ID) })
	return out
}

// makeGroups counts the words that nodes have for tags, owners and the like.
func (b *book) makeGroups() map[string]map[string]int {
	out := map[string]map[string]int{}
	add := func(key, value string) {
		if value == "" {
			return
		}
		if out[key] == nil {
			out[key] = map[string]int{}
		}
		out[key][value]++
	}
	for _, n := range b.program.Nodes {
		for _, t := range n.Config.Tags {
			add("tags", t)
		}
		add("owner", n.Config.Owner)
		add("tier", n.Config.Tier)
		add("group", n.Config.Group)
		add("schema", n.Config.Schema)
		add("database", n.Config.Database)
		for k := range n.Config.Meta {
			add("meta", k)
		}
		for i := range n.Columns {
			for _, t := range n.Columns[i].Tags {
				add("tags", t)
			}
		}
	}
	for _, g := range b.project.Groups {
		add("group", g.Name.V)
	}
	for _, t := range b.program.Tests {
		for _, tag := range t.Config.Tags {
			add("tags", tag)
		}
	}
	for _, d := range b.project.Docs {
		add("docs", d.Name)
	}
	return out
}

// used are the values of a config key that are in use, the most frequent first.
func (b *book) used(key string) []string {
	counts := b.groups()[key]
	return slices.SortedFunc(maps.Keys(counts), func(x, y string) int {
		return cmp.Or(cmp.Compare(counts[y], counts[x]), cmp.Compare(x, y))
	})
}

var (
	defined = regexp.MustCompile(`\{\{-?\s*define\s+"([^"]+)"\s*-?\}\}`)
	aField  = regexp.MustCompile(`(?:^|[\s(,|])\.([A-Za-z_][A-Za-z0-9_]*)`)
	aKey    = regexp.MustCompile(`\b(?:index|get|hasKey)\s+\.\s+"([^"]+)"`)
	envCall = regexp.MustCompile(`env_var\s+"([^"]+)"`)
)

func (b *book) makeMacros() map[string]*macro {
	out := map[string]*macro{}
	for _, f := range b.project.Macros {
		if f.Source == nil {
			continue
		}
		readMacros(out, f.Source.Path, f.Name, string(f.Source.Data))
	}
	return out
}

// readMacros finds the macros of a file, as far as they can be read.
func readMacros(out map[string]*macro, path, base, text string) {
	list := actions(text)
	depth, begin := 0, -1
	name, doc := "", ""
	found := false
	comment := func(i int) string {
		if i > 0 && list[i-1].quiet && list[i-1].words == nil && strings.Trim(text[list[i-1].end:list[i].start], " \t\r\n") == "" {
			c := strings.TrimSpace(text[list[i-1].from:list[i-1].to])
			return clean(strings.TrimSuffix(strings.TrimPrefix(c, "/*"), "*/"))
		}
		return ""
	}
	for i, a := range list {
		if len(a.words) == 0 {
			continue
		}
		switch first := text[a.words[0].start:a.words[0].end]; first {
		case "define":
			if depth == 0 && len(a.words) > 1 {
				name, doc, begin, found = unquoted(text[a.words[1].start:a.words[1].end]), comment(i), a.end, true
			}
			depth++
		case "if", "range", "with", "block":
			depth++
		case "end":
			if depth--; depth == 0 && begin >= 0 {
				out[name] = newMacro(name, doc, strings.TrimSpace(text[begin:a.start]), path)
				begin = -1
			}
			depth = max(0, depth)
		}
	}
	if begin >= 0 {
		out[name] = newMacro(name, doc, strings.TrimSpace(text[begin:]), path)
	}
	if !found {
		doc := ""
		if len(list) > 0 && list[0].quiet && list[0].words == nil {
			doc = clean(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(text[list[0].from:list[0].to]), "/*"), "*/"))
		}
		out[base] = newMacro(base, doc, text, path)
	}
}

func clean(s string) string { return strings.Join(strings.Fields(s), " ") }

func newMacro(name, doc, body, path string) *macro {
	m := &macro{name: name, doc: doc, body: body, path: path}
	seen := map[string]bool{}
	for _, a := range actions(body) {
		inner := body[a.from:a.to]
		for _, re := range []*regexp.Regexp{aField, aKey} {
			for _, f := range re.FindAllStringSubmatch(inner, -1) {
				if !seen[f[1]] {
					seen[f[1]] = true
					m.params = append(m.params, f[1])
				}
			}
		}
	}
	return m
}

// call is how a macro is included.
func (m *macro) call() string {
	if len(m.params) == 0 {
		return `include "` + m.name + `" .`
	}
	var b strings.Builder
	b.WriteString(`include "` + m.name + `" (dict`)
	for _, p := range m.params {
		b.WriteString(` "` + p + `" ` + p)
	}
	return b.String() + ")"
}

func (b *book) makeVars() map[string]any {
	out := map[string]any{}
	for name, v := range b.project.Settings.Vars {
		out[name] = v.V
	}
	for _, t := range b.project.Settings.Targets {
		for name, v := range t.Vars {
			if _, ok := out[name]; !ok {
				out[name] = v.V
			}
		}
	}
	maps.Copy(out, b.program.Target.Vars)
	return out
}

func (b *book) makeEnvs() []string {
	seen := map[string]bool{}
	for _, list := range [][]*project.File{b.project.Models, b.project.Macros, b.project.Snapshots, b.project.Tests} {
		for _, f := range list {
			if f.Source == nil || !strings.Contains(string(f.Source.Data), "env_var") {
				continue
			}
			for _, m := range envCall.FindAllSubmatch(f.Source.Data, -1) {
				seen[string(m[1])] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

func (b *book) makeTests() map[addr.Node][]*compile.Test {
	out := map[addr.Node][]*compile.Test{}
	for _, t := range b.program.Tests {
		if !t.Node.IsZero() {
			out[t.Node] = append(out[t.Node], t)
		}
	}
	return out
}

// makeRoutines reads the heads of the project's functions.
func (b *book) makeRoutines() map[string]*function {
	out := map[string]*function{}
	for _, f := range b.project.Functions {
		if f.Source == nil {
			continue
		}
		t := tokenize(string(f.Source.Data), sql.GoogleSQL, nil)
		for i := range t.list {
			if !t.is(i, "FUNCTION") {
				continue
			}
			at := i + 1
			for t.is(at, "IF", "NOT", "EXISTS") {
				at++
			}
			start := at
			for at < len(t.list) && t.punct(at) != '(' {
				at++
			}
			if at >= len(t.list) || at == start {
				continue
			}
			name := strings.TrimSpace(t.text[t.list[start].start:t.list[at].start])
			name = strings.Trim(name, "`")
			end := t.partner[at]
			if end >= len(t.list) {
				continue
			}
			call := name + clean(t.text[t.list[at].start:t.list[end].end])
			result := ""
			if t.is(end+1, "RETURNS") {
				last := end + 2
				for last < len(t.list) && !t.is(last, "AS", "LANGUAGE", "OPTIONS", "DETERMINISTIC", "NOT") {
					last++
				}
				if last > end+2 {
					result = strings.TrimSpace(t.text[t.list[end+2].start:t.list[last-1].end])
				}
			}
			fn := newFunction(call, result, "A function of this project, in "+f.Source.Path+".", "project")
			out[fn.name] = fn
		}
	}
	return out
}

// function finds a function of GoogleSQL or of the project.
func (b *book) function(name string) *function {
	name = strings.ToLower(name)
	if f := b.routines()[name]; f != nil {
		return f
	}
	return functions()[strings.TrimPrefix(name, "safe.")]
}

// ref finds what a ref names, by its arguments as they are written.
func (b *book) ref(args []string) *compile.Node {
	if len(args) == 0 {
		return nil
	}
	name := args[0]
	rest := args[1:]
	if len(rest) == 1 || len(rest) == 3 { // project first
		if n := b.byName()[rest[0]]; n != nil {
			name, rest = rest[0], rest[1:]
		}
	}
	if len(rest) >= 2 && (rest[0] == "v" || rest[0] == "version") {
		if n := b.byName()[name+".v"+rest[1]]; n != nil {
			return n
		}
	}
	if len(rest) == 1 {
		if n := b.byName()[name+".v"+rest[0]]; n != nil {
			return n
		}
	}
	return b.byName()[name]
}

// source finds a table of a source.
func (b *book) source(source, table string) *compile.Node {
	id := addr.Node{Kind: addr.Source, Name: source + "." + table}
	if n := b.program.Nodes[id]; n != nil {
		return n
	}
	list := b.sources()
	if i, ok := slices.BinarySearchFunc(list, id, func(n *compile.Node, id addr.Node) int { return n.ID.Compare(id) }); ok {
		return list[i]
	}
	return nil
}

// macro finds a macro; nil if there is none.
func (b *book) macro(name string) *macro { return b.macros()[name] }

// columnsOf are the columns of a node.
func (b *book) columnsOf(n *compile.Node) []column {
	if c, ok := b.columns.Load(n); ok {
		return c.([]column)
	}
	out := make([]column, 0, len(n.Columns))
	for _, c := range n.Columns {
		k := column{name: c.Name, typ: c.Type, google: c.Google, doc: c.Description, node: n, passed: c.Name}
		if c.Google != nil {
			k.typ = c.Google.String()
		}
		out = append(out, k)
	}
	if len(out) == 0 && n.Source != nil {
		for _, c := range n.Source.Columns {
			out = append(out, column{name: c.Name.V, typ: c.DataType.V, doc: c.Description.V, node: n, passed: c.Name.V})
		}
	}
	b.columns.Store(n, out)
	return out
}

// label is a node's name as people write it.
func label(n *compile.Node) string { return n.ID.Name }

// templateFunctions are the functions of templates with how they are called.
var templateFunctions = []*function{
	templated(`ref(model)`, `Reads a model, seed or snapshot: {{ ref "orders" }}. A version: {{ ref "orders" "v" 2 }}.`, "engine"),
	templated(`source(name, table)`, `Reads a table that something else fills: {{ source "app" "orders" }}.`, "engine"),
	templated(`config(key, value, …)`, `Sets configuration of this model: {{ config "materialized" "table" }}.`, "engine"),
	templated(`var(name [, default])`, `The value of a variable of engine.yml, the target or the command line.`, "engine"),
	templated(`env_var(name [, default])`, `The value of a variable of the environment; it is a declared input.`, "engine"),
	templated(`include(macro [, argument])`, `The text of a macro: {{ include "cents" (dict "expr" "amount") }}.`, "engine"),
	templated(`this()`, `The relation of this model, as it is before the run.`, "engine"),
	templated(`target()`, `The target: {{ target.name }}, {{ target.schema }}, {{ target.database }}, {{ target.type }}.`, "engine"),
	templated(`is_incremental()`, `Whether the model adds to what there is: {{ if is_incremental }} where … {{ end }}.`, "engine"),
	templated(`columns(relation)`, `The columns of a relation, with name, type and quoted: {{ range columns (ref "orders") }} … {{ end }}.`, "engine"),
	templated(`results()`, `What the run has come to, in on-run-end.`, "engine"),
	templated(`schemas()`, `The schemas in which something was built, in on-run-end.`, "engine"),
	templated(`database_schemas()`, `The same with their databases, in on-run-end.`, "engine"),
	templated(`dict(key, value, …)`, `A mapping, such as the argument of a macro.`, "template"),
	templated(`list(value, …)`, `A list: {{ range list "a" "b" }} … {{ end }}.`, "template"),
	templated(`printf(format, value, …)`, `Values in a pattern: printf "date '%s'" (var "day").`, "template"),
	templated(`join(separator, list)`, `The elements of a list as one text: {{ list "a" "b" | join ", " }}.`, "template"),
	templated(`default(value, given)`, `The given value, or the other one where it is empty: {{ .min | default 0 }}.`, "template"),
	templated(`index(of, key)`, `An element of a list or mapping.`, "template"),
	templated(`len(of)`, `How many elements a list has.`, "template"),
	templated(`eq(a, b)`, `Whether two values are the same.`, "template"),
	templated(`ne(a, b)`, `Whether two values differ.`, "template"),
	templated(`and(a, b)`, `Whether both are true.`, "template"),
	templated(`or(a, b)`, `Whether one is true.`, "template"),
	templated(`not(a)`, `Whether it is not true.`, "template"),
	templated(`until(n)`, `The numbers from 0 to n - 1.`, "template"),
	templated(`lower(text)`, `A text in small letters.`, "template"),
	templated(`upper(text)`, `A text in capital letters.`, "template"),
	templated(`replace(old, new, text)`, `A text with parts replaced.`, "template"),
	templated(`trim(text)`, `A text without blanks at its ends.`, "template"),
	templated(`quote(text)`, `A text in double quotes.`, "template"),
	templated(`squote(text)`, `A text in single quotes.`, "template"),
	templated(`toDate(layout, text)`, `A date: toDate "2006-01-02" "2026-01-31".`, "template"),
	templated(`fail(message)`, `Stops with a message.`, "template"),
}

func templated(call, doc, group string) *function {
	f := newFunction(call, "", doc, group)
	f.name, _, _ = strings.Cut(call, "(")
	return f
}

// templateFunction finds a function of templates.
func templateFunction(name string) *function {
	for _, f := range templateFunctions {
		if f.name == name {
			return f
		}
	}
	if slices.Contains(tmpl.Functions(), name) {
		return &function{name: name, call: name, doc: "A function of templates (text/template, sprig).", group: "template"}
	}
	return nil
}

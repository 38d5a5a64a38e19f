package editor

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
)

// mention is a place that names something.
type mention struct {
	at          source.Span
	declaration bool
	// refuse says why the name cannot be written anew here; empty: it can.
	refuse string
	// Of a name in SQL: where it is used, and in which language.
	doc  *document
	use  *sqlUse
	part int
	// bare: it names a column that the star of an item leaves out or makes anew.
	star *sqlItem
	// silent mentions are no text of their own: they say only why something cannot be renamed.
	silent bool
}

// References are the places that mean what stands at an offset, sorted; with declaration the
// place where it is made is one of them.
func (v *View) References(p string, offset int, declaration bool) []Place {
	t := v.at(p, offset)
	var list []mention
	switch t.thing {
	case nodeThing:
		list = v.nodeMentions(t.node)
	case sourceThing:
		list = v.sourceMentions(t.node, t.group, t.name)
	case columnThing:
		list = v.columnMentions(t)
	case cteThing:
		list = t.doc.cteMentions(t.cte)
	case aliasThing:
		list = t.doc.aliasMentions(t.rel)
	case macroThing:
		list = v.macroMentions(t.name)
	case varThing:
		list = v.varMentions(t.name)
	case testThing:
		list = v.testMentions(t.name)
	case docsThing:
		list = v.docsMentions(t.name)
	case funcThing:
		if t.call != nil && t.call.fn == "this" {
			list = v.nodeMentions(t.doc.node)
		}
	}
	var out []Place
	for _, m := range sortMentions(list) {
		if (declaration || !m.declaration) && !m.silent {
			out = append(out, placeAt(m.at))
		}
	}
	return out
}

// sortMentions sorts mentions and leaves each place in once.
func sortMentions(list []mention) []mention {
	slices.SortStableFunc(list, func(a, b mention) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(b.refuse, a.refuse))
	})
	return slices.CompactFunc(list, func(a, b mention) bool {
		return a.at.File != nil && b.at.File != nil && a.at.File.Path == b.at.File.Path && a.at.Start == b.at.Start && a.at.End == b.at.End
	})
}

// templates are the files with templates that may name a node: of nodes, of tests, of
// analyses, of macros.
func (v *View) templates(yield func(*source.File) bool) {
	if v.Project == nil {
		return
	}
	for _, list := range [][]*project.File{v.Project.Models, v.Project.Snapshots, v.Project.Tests, v.Project.Generics, v.Project.Macros, v.Project.Analyses, v.Project.Fixtures} {
		for _, f := range list {
			now, ok := v.File(f.Source.Path)
			if !ok {
				now = f.Source
			}
			if !yield(now) {
				return
			}
		}
	}
}

// readers are the templates that may read a node: those of its children, and those that are
// no nodes and have its name in them.
func (v *View) readers(id addr.Node) []*document {
	n := v.node(id)
	if n == nil {
		return nil
	}
	seen := map[string]bool{}
	var out []*document
	add := func(p string) {
		if seen[p] || !strings.HasSuffix(p, ".sql") {
			return
		}
		seen[p] = true
		if d, ok := v.document(p); ok {
			out = append(out, d)
		}
	}
	if n.Source == nil {
		add(n.Path)
	}
	for _, c := range n.Children {
		if k := v.node(c); k != nil && k.Source == nil {
			add(k.Path)
		}
	}
	word := []byte(id.Name)
	if n.Source != nil {
		word = []byte(n.Source.Table.V)
	} else if n.Version != nil {
		word = []byte(n.Version.Model)
	}
	if v.Project != nil {
		for _, list := range [][]*project.File{v.Project.Tests, v.Project.Analyses, v.Project.Generics} {
			for _, f := range list {
				if now, ok := v.File(f.Source.Path); ok && bytes.Contains(now.Data, word) {
					add(f.Source.Path)
				}
			}
		}
	}
	// Buffers that are newer than the program may read it, too.
	for _, p := range sortedKeys(v.since) {
		if f := v.since[p].node; f != nil && slices.Contains(f.Parents, id) {
			add(p)
		}
	}
	return out
}

// nodeMentions are the places that name a model, seed or snapshot.
func (v *View) nodeMentions(id addr.Node) []mention {
	n := v.node(id)
	if n == nil {
		return nil
	}
	var out []mention
	name := id.Name
	if n.Version != nil {
		name = n.Version.Model
	}
	word := []byte(name)
	for f := range v.templates {
		if !bytes.Contains(f.Data, word) {
			continue
		}
		d := v.read(f)
		for _, a := range d.template.actions {
			for _, c := range a.calls {
				if c.fn != "ref" {
					continue
				}
				if to, ok := d.called(c); ok && to == id {
					arg := c.args[d.refName(c)]
					from, end := arg.inner(len(d.template.text))
					out = append(out, mention{at: f.Span(from, end), doc: d})
				}
			}
		}
	}
	if n.Props != nil {
		out = append(out, mention{at: inner(n.Props.Name.At, name), declaration: true})
	}
	out = append(out, v.yamlRefs(func(c yamlCall, this addr.Node) (yamlArg, bool) {
		if to, ok := v.callNode(c); ok && to == id && c.fn == "ref" {
			for _, a := range c.args {
				if a.text == name || a.text == id.Name {
					return a, true
				}
			}
		}
		return yamlArg{}, false
	})...)
	if v.Project != nil {
		for _, u := range v.Project.UnitTests {
			if to, ok := v.named(u.Model.V); ok && (to == id || u.Model.V == name) {
				out = append(out, mention{at: inner(u.Model.At, u.Model.V)})
			}
		}
		out = append(out, v.selections(name)...)
		out = append(out, v.settingsRefs(id)...)
	}
	return out
}

// inner is the place of a text in the scalar that holds it.
func inner(at source.Span, text string) source.Span {
	if i := strings.Index(at.Text(), text); i >= 0 && text != "" {
		return at.Sub(i, i+len(text))
	}
	return at
}

// yamlRefs are the calls of ref, source and doc in properties for which pick finds an argument.
func (v *View) yamlRefs(pick func(c yamlCall, this addr.Node) (yamlArg, bool)) []mention {
	if v.Project == nil {
		return nil
	}
	var out []mention
	look := func(at source.Span, this addr.Node) {
		if at.File == nil {
			return
		}
		text := at.Text()
		for i := 0; i < len(text); {
			next := -1
			for _, fn := range []string{"ref", "source", "doc"} {
				if j := strings.Index(text[i:], fn); j >= 0 && (next < 0 || i+j < next) {
					next = i + j
				}
			}
			if next < 0 {
				return
			}
			if next == 0 || !wordByte(text[next-1]) {
				if c, ok := readCall(text[next:], at.Start+next); ok {
					if a, ok := pick(c, this); ok {
						out = append(out, mention{at: at.File.Span(a.start, a.end)})
					}
				}
			}
			i = next + 1
		}
	}
	props := func(p *project.Props) {
		if p.Version == nil || p.Version.Age == 0 {
			look(p.At, addr.Node{Kind: p.Kind, Name: p.Name.V})
		}
	}
	for _, p := range v.Project.Props {
		props(p)
	}
	for _, p := range v.Project.TestProps {
		look(p.At, addr.Node{})
	}
	for _, s := range v.Project.Sources {
		look(s.At, addr.Node{})
	}
	for _, e := range v.Project.Exposures {
		for _, d := range e.DependsOn {
			look(d.At, addr.Node{})
		}
	}
	for _, u := range v.Project.UnitTests {
		for _, g := range u.Given {
			look(g.Input.At, addr.Node{})
		}
	}
	return out
}

// selections are the places of a name in selectors: of engine.yml and of selectors.yml.
func (v *View) selections(name string) []mention {
	var out []mention
	text := func(val project.Value[string]) {
		if val.At.File == nil {
			return
		}
		raw := val.At.Text()
		for _, i := range wordsIn(raw, name) {
			before := raw[:i]
			before = before[strings.LastIndexAny(before, " ,'\"")+1:]
			if k := strings.LastIndex(before, ":"); k >= 0 && !strings.HasSuffix(before[:k], "fqn") {
				continue // tag:, path: …
			}
			if strings.HasPrefix(raw[i+len(name):], ":") {
				continue
			}
			out = append(out, mention{at: val.At.Sub(i, i+len(name))})
		}
	}
	var choice func(c *project.Choice)
	choice = func(c *project.Choice) {
		if c == nil {
			return
		}
		text(c.Text)
		if c.Method.V == "fqn" {
			text(c.Value)
		}
		for _, p := range slices.Concat(c.Parts, c.Exclude) {
			choice(p)
		}
	}
	for _, s := range v.Project.Selectors {
		choice(s.Definition)
	}
	s := v.Project.Settings
	for _, d := range s.Schedules {
		for _, val := range slices.Concat(d.Select, d.Exclude) {
			text(val)
		}
	}
	if s.LookML != nil {
		for _, val := range slices.Concat(s.LookML.Select, s.LookML.Exclude) {
			text(val)
		}
	}
	if s.Catalog != nil {
		for _, a := range s.Catalog.Audiences {
			for _, val := range slices.Concat(a.Select, a.Exclude) {
				text(val)
			}
		}
	}
	return out
}

// settingsRefs are the places of engine.yml that name a node by itself.
func (v *View) settingsRefs(id addr.Node) []mention {
	var out []mention
	add := func(val project.Value[string]) {
		if val.At.File == nil || val.V == "" {
			return
		}
		if v.written(val.V, addr.Node{}) != id {
			return
		}
		name := val.V
		if c, ok := readCall(val.V, 0); ok {
			name = c.args[len(c.args)-1].text
		}
		out = append(out, mention{at: inner(val.At, name)})
	}
	s := v.Project.Settings
	if s.Distribution != nil {
		for _, name := range sortedKeys(s.Distribution.Parts) {
			add(s.Distribution.Parts[name].Ref)
		}
		for _, c := range s.Distribution.Contracts {
			for _, ch := range c.Changes {
				add(ch.Model)
			}
		}
	}
	if s.Catalog != nil && s.Catalog.Genealogy != nil {
		g := s.Catalog.Genealogy
		add(g.Ancestry)
		for _, p := range v.genealogyParts() {
			add(p.Ref)
		}
	}
	for _, kind := range []addr.Kind{addr.Model, addr.Seed, addr.Snapshot} {
		var walk func(f *project.Folder)
		walk = func(f *project.Folder) {
			if f == nil {
				return
			}
			for _, name := range sortedKeys(f.Folders) {
				sub := f.Folders[name]
				if name == id.Name && id.Kind == kind && sub.At.File != nil && !v.isFolder(kind, name) {
					if at, ok := keyBefore(sub.At, name); ok {
						out = append(out, mention{at: at})
					}
				}
				walk(sub)
			}
		}
		walk(s.Folders[kind])
	}
	return out
}

func (v *View) genealogyParts() []*project.GenealogyPart {
	g := v.Project.Settings.Catalog.Genealogy
	return slices.DeleteFunc(slices.Concat([]*project.GenealogyPart{g.Lots, g.Runs, g.Flows}, g.Shipments), func(p *project.GenealogyPart) bool { return p == nil })
}

// isFolder reports whether a folder of nodes has the name.
func (v *View) isFolder(kind addr.Kind, name string) bool {
	for id, n := range v.Program.Nodes {
		if id.Kind == kind && len(n.FQN) > 2 && slices.Contains(n.FQN[1:len(n.FQN)-1], name) {
			return true
		}
	}
	return false
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// wordsIn are the places of a word in a text where it is a word by itself.
func wordsIn(text, name string) []int {
	var out []int
	if name == "" {
		return nil
	}
	lower, word := strings.ToLower(text), strings.ToLower(name)
	if len(lower) != len(text) {
		lower, word = text, name
	}
	for at := 0; ; {
		i := strings.Index(lower[at:], word)
		if i < 0 {
			return out
		}
		i += at
		end := i + len(word)
		if (i == 0 || !wordByte(text[i-1])) && (end == len(text) || !wordByte(text[end])) {
			out = append(out, i)
		}
		at = end
	}
}

// sourceMentions are the places that name a table of a source; with group, the source.
func (v *View) sourceMentions(id addr.Node, group bool, name string) []mention {
	src, table, _ := strings.Cut(id.Name, ".")
	if group && id.IsZero() {
		src = name
	}
	n := v.node(id)
	var out []mention
	for f := range v.templates {
		if !bytes.Contains(f.Data, []byte(src)) {
			continue
		}
		for _, a := range actionsOf(string(f.Data)) {
			for _, c := range a.calls {
				s, ok := c.text(0)
				t, ok2 := c.text(1)
				if c.fn != "source" || !ok || !ok2 || s != src || !group && t != table {
					continue
				}
				arg := c.args[1]
				if group {
					arg = c.args[0]
				}
				from, end := arg.inner(len(f.Data))
				out = append(out, mention{at: f.Span(from, end)})
			}
		}
	}
	out = append(out, v.yamlRefs(func(c yamlCall, _ addr.Node) (yamlArg, bool) {
		if c.fn != "source" || len(c.args) != 2 || c.args[0].text != src || !group && c.args[1].text != table {
			return yamlArg{}, false
		}
		if group {
			return c.args[0], true
		}
		return c.args[1], true
	})...)
	switch {
	case group && v.Project != nil:
		for _, s := range v.Project.Sources {
			if s.SourceName.V == src && s.SourceName.At.File != nil {
				out = append(out, mention{at: inner(s.SourceName.At, src), declaration: true})
			}
		}
	case n != nil && n.Source != nil:
		out = append(out, mention{at: inner(n.Source.Table.At, table), declaration: true})
	}
	if v.Project != nil {
		full := src + "." + table
		if group {
			full = src
		}
		for _, m := range v.selectedSources(full) {
			if !group {
				m.at = m.at.Sub(len(src)+1, len(full))
			}
			out = append(out, m)
		}
	}
	return out
}

// selectedSources are the places of «source:app.orders» in selectors.
func (v *View) selectedSources(name string) []mention {
	var out []mention
	text := func(val project.Value[string]) {
		if val.At.File == nil {
			return
		}
		raw := val.At.Text()
		for _, i := range wordsIn(raw, name) {
			if strings.HasSuffix(raw[:i], "source:") {
				out = append(out, mention{at: val.At.Sub(i, i+len(name))})
			}
		}
	}
	s := v.Project.Settings
	for _, d := range s.Schedules {
		for _, val := range slices.Concat(d.Select, d.Exclude) {
			text(val)
		}
	}
	var choice func(c *project.Choice)
	choice = func(c *project.Choice) {
		if c == nil {
			return
		}
		text(c.Text)
		if c.Method.V == "source" && c.Value.At.File != nil {
			for _, i := range wordsIn(c.Value.At.Text(), name) {
				out = append(out, mention{at: c.Value.At.Sub(i, i+len(name))})
			}
		}
		for _, p := range slices.Concat(c.Parts, c.Exclude) {
			choice(p)
		}
	}
	for _, s := range v.Project.Selectors {
		choice(s.Definition)
	}
	return out
}

// cteMentions are the places of a common table expression in its file.
func (d *document) cteMentions(c *sqlCTE) []mention {
	if c == nil {
		return nil
	}
	out := []mention{{at: d.file.Span(c.name.start, c.name.end), declaration: true, doc: d}}
	for _, q := range d.outline.queries {
		for _, a := range q.arms {
			for _, r := range a.relations {
				if r.kind != ofCTE || r.cte != c {
					continue
				}
				out = append(out, mention{at: d.file.Span(r.path[0].start, r.path[0].end), doc: d})
				if r.alias == nil {
					out = append(out, d.qualified(r)...)
				}
			}
		}
	}
	return out
}

// qualified are the names of a relation in front of columns.
func (d *document) qualified(r *sqlRelation) []mention {
	var out []mention
	for _, q := range d.outline.queries {
		for _, a := range q.arms {
			for _, u := range a.uses {
				if part, _ := d.resolve(u); part == 1 && d.visible(u.arm, u.parts[0].name) == r {
					out = append(out, mention{at: d.file.Span(u.parts[0].start, u.parts[0].end), doc: d, use: u})
				}
			}
			for _, it := range a.items {
				if it.of != nil && d.visible(a, it.of.name) == r {
					out = append(out, mention{at: d.file.Span(it.of.start, it.of.end), doc: d})
				}
			}
		}
	}
	return out
}

func (d *document) aliasMentions(r *sqlRelation) []mention {
	if r == nil {
		return nil
	}
	var out []mention
	if r.alias != nil {
		out = append(out, mention{at: d.file.Span(r.alias.start, r.alias.end), declaration: true, doc: d})
	}
	return append(out, d.qualified(r)...)
}

// macroMentions are the places that name a macro.
func (v *View) macroMentions(name string) []mention {
	var out []mention
	if at, ok := v.macro(name); ok && at.Start < at.End {
		out = append(out, mention{at: at, declaration: true})
	}
	for f := range v.templates {
		if !bytes.Contains(f.Data, []byte(name)) {
			continue
		}
		for _, a := range actionsOf(string(f.Data)) {
			if (a.keyword == "template" || a.keyword == "define" || a.keyword == "block") && len(a.tokens) > 1 && a.tokens[1].sort == tmplString {
				at := f.Span(a.tokens[1].start+1, a.tokens[1].end-1)
				if at.Text() == name {
					out = append(out, mention{at: at, declaration: a.keyword == "define"})
				}
			}
			for _, c := range a.calls {
				if s, ok := c.text(0); c.fn == "include" && ok && s == name {
					from, end := c.args[0].inner(len(f.Data))
					out = append(out, mention{at: f.Span(from, end)})
				}
			}
		}
	}
	return out
}

// varMentions are the places that name a variable.
func (v *View) varMentions(name string) []mention {
	var out []mention
	if v.Project == nil {
		return nil
	}
	if at, ok := v.variable(name); ok {
		out = append(out, mention{at: at, declaration: true})
	}
	for _, t := range v.Project.Settings.Targets {
		if val, ok := t.Vars[name]; ok {
			if at, ok := keyBefore(val.At, name); ok {
				out = append(out, mention{at: at, declaration: true})
			}
		}
	}
	look := func(f *source.File, text string, shift int) {
		for _, a := range actionsOf(text) {
			for _, c := range a.calls {
				if s, ok := c.text(0); c.fn == "var" && ok && s == name {
					from, end := c.args[0].inner(len(text))
					out = append(out, mention{at: f.Span(shift+from, shift+end)})
				}
			}
		}
	}
	for f := range v.templates {
		if bytes.Contains(f.Data, []byte(name)) {
			look(f, string(f.Data), 0)
		}
	}
	// Hooks in YAML are templates, too.
	for _, f := range v.yamlFiles() {
		if bytes.Contains(f.Data, []byte(name)) && bytes.Contains(f.Data, []byte("var")) {
			look(f, string(f.Data), 0)
		}
	}
	for _, u := range v.Project.UnitTests {
		if _, ok := u.Overrides.Vars[name]; ok && u.At.File != nil {
			text := u.At.Text()
			if i := strings.Index(text, "overrides"); i >= 0 {
				for _, j := range wordsIn(text[i:], name) {
					if strings.HasPrefix(text[i+j+len(name):], ":") {
						out = append(out, mention{at: u.At.Sub(i+j, i+j+len(name))})
					}
				}
			}
		}
	}
	return out
}

// yamlFiles are the properties files and engine.yml.
func (v *View) yamlFiles() []*source.File {
	seen := map[*source.File]bool{}
	var out []*source.File
	add := func(at source.Span) {
		if at.File != nil && !seen[at.File] {
			seen[at.File] = true
			out = append(out, at.File)
		}
	}
	if v.Project.Settings.File != nil {
		add(v.Project.Settings.File.Whole())
	}
	for _, p := range v.Project.Props {
		add(p.At)
	}
	for _, s := range v.Project.Sources {
		add(s.At)
	}
	for _, u := range v.Project.UnitTests {
		add(u.At)
	}
	return out
}

func (v *View) testMentions(kind string) []mention {
	var out []mention
	if v.Program == nil {
		return nil
	}
	for _, p := range v.definedTest(kind) {
		out = append(out, mention{at: p.At, declaration: true})
	}
	for _, t := range v.Program.Tests {
		if t.Written != nil && t.Written.Kind.V == kind && t.Written.Kind.At.File != nil {
			out = append(out, mention{at: inner(t.Written.Kind.At, kind)})
		}
	}
	return out
}

func (v *View) docsMentions(name string) []mention {
	out := v.yamlRefs(func(c yamlCall, _ addr.Node) (yamlArg, bool) {
		if c.fn == "doc" && len(c.args) > 0 && c.args[0].text == name {
			return c.args[0], true
		}
		return yamlArg{}, false
	})
	for _, d := range v.Project.Docs {
		if d.Name == name {
			out = append(out, mention{at: inner(d.At, name), declaration: true})
		}
	}
	return out
}

// identity is what a column is: one of a node, or a name in one text.
type identity struct {
	node addr.Node
	name string
	doc  *document // where node is zero
	m    maker
}

// identify finds what the column at a target is, up to where its name is given.
func (v *View) identify(t target) (identity, bool) {
	name, _, field := strings.Cut(t.name, ".")
	if field {
		return identity{}, false
	}
	if t.doc == nil {
		if t.node.IsZero() {
			return identity{}, false
		}
		return v.origin(t.node, name), true
	}
	list := t.doc.makers(t)
	if len(list) == 0 {
		return identity{}, false
	}
	m := list[0]
	if !m.node.IsZero() {
		return v.origin(m.node, m.name), true
	}
	// A name of the text that the text's result has, too, is a column of the node.
	if own := t.doc.trace(t.doc.outline.root, m.name, 0); own.same(m) && !t.doc.node.IsZero() {
		return identity{node: t.doc.node, name: m.name}, true
	}
	return identity{doc: t.doc, m: m, name: m.name}, true
}

// origin follows a column through stars to the node whose own it is.
func (v *View) origin(id addr.Node, name string) identity {
	for range longest {
		n := v.node(id)
		if n == nil {
			break
		}
		if n.Source != nil {
			made := false
			for _, p := range n.Parents {
				if names, _ := v.columns(p); slices.ContainsFunc(names, func(s string) bool { return strings.EqualFold(s, name) }) {
					id, made = p, true
				}
			}
			if !made {
				break
			}
			continue
		}
		if n.Seed != nil || n.Closure != nil {
			break
		}
		d, ok := v.document(n.Path)
		if !ok {
			break
		}
		m := d.trace(d.outline.root, name, 0)
		if m.node.IsZero() || m.node == id {
			break
		}
		id, name = m.node, m.name
	}
	return identity{node: id, name: name}
}

func (v *View) columnMentions(t target) []mention {
	id, ok := v.identify(t)
	if !ok {
		return nil
	}
	list, _ := v.spread(id)
	return list
}

// spread are the places of a column: where it is made, and wherever its name leads there. The
// nodes are those that have it under its name because a star passes it on, its own first.
func (v *View) spread(id identity) (list []mention, nodes []addr.Node) {
	if id.node.IsZero() {
		return id.doc.columnUses(func(m maker) bool { return m.same(id.m) }, id.name), nil
	}
	nodes = []addr.Node{id.node}
	for i := 0; i < len(nodes); i++ {
		node := nodes[i]
		n := v.node(node)
		if n == nil {
			continue
		}
		list = append(list, v.ownMentions(n, id.name)...)
		for _, c := range n.Children {
			if k := v.node(c); k != nil && k.Source != nil && !slices.Contains(nodes, c) {
				nodes = append(nodes, c) // the table of the source is this node
			}
		}
		for _, d := range v.readers(node) {
			isNode := func(m maker) bool { return m.node == node && strings.EqualFold(m.name, id.name) }
			own := maker{}
			if d.node == node && n.Closure == nil {
				own = d.trace(d.outline.root, id.name, 0)
			}
			list = append(list, d.columnUses(func(m maker) bool { return isNode(m) || own.id.end > 0 && m.same(own) }, id.name)...)
			if own.id.end > 0 {
				list = append(list, mention{at: d.file.Span(own.id.start, own.id.end), declaration: true, doc: d, star: own.item, use: onlyOf(own)})
			}
			if d.node != node && !d.node.IsZero() && !slices.Contains(nodes, d.node) {
				if r := v.node(d.node); r != nil && r.Closure == nil {
					if m := d.trace(d.outline.root, id.name, 0); isNode(m) {
						nodes = append(nodes, d.node)
					}
				}
			}
		}
	}
	return sortMentions(list), nodes
}

func onlyOf(m maker) *sqlUse {
	if m.item != nil && m.item.alias == nil {
		return m.item.only
	}
	return nil
}

// columnUses are the uses of a column in a text. The item that makes it is left out: it says
// what the column is made of.
func (d *document) columnUses(match func(maker) bool, name string) []mention {
	var out []mention
	for _, q := range d.outline.queries {
		for _, c := range q.ctes {
			for _, id := range c.columns {
				if match(maker{id: id, name: id.name}) {
					out = append(out, mention{at: d.span(id.start, id.end), declaration: true, doc: d})
				}
			}
		}
		for _, a := range q.arms {
			for _, u := range a.uses {
				if !slices.ContainsFunc(u.parts[:min(2, len(u.parts))], func(i sqlIdent) bool { return i.is(name) }) {
					continue
				}
				part, list := d.made(u)
				if part < 0 || part >= len(u.parts) || !u.parts[part].is(name) || !slices.ContainsFunc(list, match) {
					continue
				}
				m := mention{at: d.span(u.parts[part].start, u.parts[part].end), doc: d, use: u, part: part}
				if u.clause == inUsing && !all(list, match) {
					m.refuse = "USING joins by this name with another relation that keeps it"
				}
				out = append(out, m)
			}
			for _, it := range a.items {
				if it.alias != nil && it.alias.is(name) && match(maker{id: *it.alias, item: it, name: it.alias.name}) {
					out = append(out, mention{at: d.span(it.alias.start, it.alias.end), declaration: true, doc: d})
				}
				for i, id := range slices.Concat(it.except, it.replace) {
					if !id.is(name) {
						continue
					}
					for _, r := range d.starred(a, it) {
						if m := d.traceIn(r, id.name, 0); !m.isZero() && match(m) {
							x := mention{at: d.span(id.start, id.end), doc: d, star: it}
							if i >= len(it.except) {
								x.refuse = "a star makes another column of this name"
							}
							out = append(out, x)
						}
					}
				}
			}
		}
	}
	return out
}

// span is a place of the text; that of a rendered text may be longer than the file.
func (d *document) span(start, end int) source.Span {
	return source.Span{File: d.file, Start: start, End: end}
}

func all(list []maker, match func(maker) bool) bool {
	return !slices.ContainsFunc(list, func(m maker) bool { return !match(m) })
}

// ownMentions are the places outside of queries that name a column of a node: its entries in
// YAML, its tests, rows of unit tests, configuration, the header of a seed.
func (v *View) ownMentions(n *compile.Node, name string) []mention {
	var out []mention
	switch {
	case n.Seed != nil:
		f, ok := v.seed(n)
		if !ok {
			out = append(out, mention{at: n.Seed.At.File.Whole(), refuse: "the columns of this file cannot be written anew", silent: true})
			break
		}
		for _, c := range header(f.Data, v.delimiter(n.ID)) {
			if strings.EqualFold(c.text, name) {
				out = append(out, mention{at: f.Span(c.start, c.end), declaration: true})
			}
		}
	case n.Source != nil:
		out = append(out, v.entryMentions(n.Source.At, name)...)
	}
	if n.Props != nil {
		out = append(out, v.entryMentions(n.Props.At, name)...)
	}
	if n.Source == nil && n.Seed == nil {
		if d, ok := v.document(n.Path); ok {
			out = append(out, d.configMentions(name)...)
		}
	}
	out = append(out, v.layeredMentions(n, name)...)
	out = append(out, v.otherTests(n, name)...)
	out = append(out, v.unitMentions(n, name)...)
	out = append(out, v.columnSettings(n, name)...)
	return out
}

// entryMentions are the places of a column in an entry of YAML.
func (v *View) entryMentions(at source.Span, name string) []mention {
	if at.File == nil {
		return nil
	}
	text, whole := at.Text(), string(at.File.Data)
	var out []mention
	for _, i := range wordsIn(text, name) {
		start := at.Start + i
		p := yamlAt(whole, start)
		ok, decl, why := entryColumn(p, name, start)
		if ok || why != "" {
			out = append(out, mention{at: at.File.Span(start, start+len(name)), declaration: decl, refuse: why})
		}
	}
	return out
}

// entryColumn says whether a word in the entry of a node names a column of it.
func entryColumn(p yamlPlace, name string, start int) (ok, declaration bool, refuse string) {
	keys := p.keys()
	segments := strings.Split(keys, ".")
	last := segments[len(segments)-1]
	exact := strings.EqualFold(p.text, name)
	has := func(key string) bool { return slices.Contains(segments, key) }
	inText := func() bool { return sqlWord(p, name, start) }
	parent := segments[max(0, len(segments)-2)]
	switch {
	case p.onKey && has("config") && (parent == "masks" || parent == "column_types"):
		return exact, false, ""
	case last == "name" && yamlParent(p) == "columns" && !p.onKey:
		return exact, exact, ""
	case has("description") || has("meta") || has("tags") || has("docs") || last == "name":
		return false, false, ""
	case has("data_tests") || has("tests"):
		switch {
		case p.onKey || last == "data_tests" || last == "tests":
			return false, false, ""
		case last == "field" && !has("recency") || last == "to_condition" || last == "values" || last == "severity" || last == "to" || last == "compare_model" || last == "pattern" || last == "value_set" || last == "ref":
			return false, false, ""
		case has("equality"):
			return false, false, "the test compares this column with that of another relation by its name"
		}
		return inText(), false, ""
	case has("constraints"):
		switch last {
		case "columns", "expression":
			return inText(), false, ""
		}
		return false, false, ""
	case has("config"):
		switch {
		case p.onKey || noColumn(last):
			return false, false, ""
		case slices.ContainsFunc(segments, columnKey) || last == "masks" || last == "incremental_predicates" || last == "indexes" || has("indexes"):
			return inText(), false, ""
		case strings.Contains(last, "hook"):
			return false, false, "a hook is text that is not read as SQL of this model"
		}
	case last == "loaded_at_field", last == "filter":
		return inText(), false, ""
	case last == "versions" || has("versions"):
		return inText(), false, ""
	}
	return false, false, ""
}

// noColumn are keys beside those of columns whose values are other words.
func noColumn(key string) bool {
	switch key {
	case "data_type", "type", "granularity", "unit", "prefix", "formats", "cycles":
		return true
	}
	return false
}

// sqlWord reports whether a word of a scalar is a name in it, and no text in quotes.
func sqlWord(p yamlPlace, name string, start int) bool {
	if strings.EqualFold(p.text, name) {
		return true
	}
	off := start - p.start
	for tok := range sql.GoogleSQL.Tokens(p.text) {
		if tok.Kind == sql.Word && tok.Start == off {
			return strings.EqualFold(tok.In(p.text), name)
		}
	}
	return false
}

// configMentions are the places of a column in the configuration that a file begins with.
func (d *document) configMentions(name string) []mention {
	var out []mention
	for _, a := range d.template.actions {
		if !d.config(a) {
			continue
		}
		for ci, c := range a.calls {
			for i, arg := range c.args {
				if !arg.str {
					continue
				}
				key := ""
				switch {
				case ci == 0 && i%2 == 1:
					key, _ = c.text(i - 1)
				case ci > 0 && !(c.fn == "dict" && i%2 == 0):
					key = d.configKey(a, c)
					if of, _ := c.text(max(0, i-1)); c.fn == "dict" && noColumn(of) {
						continue
					}
				}
				from, _ := arg.inner(len(d.template.text))
				for _, w := range wordsIn(arg.text, name) {
					m := mention{at: d.file.Span(from+w, from+w+len(name))}
					switch {
					case columnKey(key) || key == "incremental_predicates" || key == "indexes" || key == "ancestry":
						if !sqlWord(yamlPlace{text: arg.text}, name, w) {
							continue
						}
					case strings.Contains(key, "hook"):
						m.refuse = "a hook is text that is not read as SQL of this model"
					default:
						continue
					}
					out = append(out, m)
				}
			}
		}
	}
	return out
}

// layeredMentions are configuration of folders that names a column: other nodes have it, too.
func (v *View) layeredMentions(n *compile.Node, name string) []mention {
	var out []mention
	for _, key := range sortedKeys(n.Raw) {
		val := n.Raw[key]
		if !columnKey(key) && key != "incremental_predicates" && !strings.Contains(key, "hook") || val.At.File == nil {
			continue
		}
		if val.At.File.Path == n.Path || n.Props != nil && n.Props.At.File == val.At.File {
			continue
		}
		text := val.At.Text()
		for _, i := range wordsIn(text, name) {
			out = append(out, mention{at: val.At.Sub(i, i+len(name)), refuse: "the configuration of a folder names it, and other nodes have that, too"})
		}
	}
	return out
}

// otherTests are the tests of other nodes that name a column of this one.
func (v *View) otherTests(n *compile.Node, name string) []mention {
	var out []mention
	for _, t := range v.Program.Tests {
		w := t.Written
		if w == nil || w.At.File == nil || !slices.Contains(t.Parents, n.ID) {
			continue
		}
		if t.Node == n.ID && w.Args["to"].V == nil {
			continue
		}
		for _, key := range []string{"field", "to_condition"} {
			arg, ok := w.Args[key]
			if to, is := w.Args["to"].V.(string); !ok || !is || v.written(to, addr.Node{}) != n.ID {
				continue
			}
			text := arg.At.Text()
			for _, i := range wordsIn(text, name) {
				out = append(out, mention{at: arg.At.Sub(i, i+len(name))})
			}
		}
		if t.Node == n.ID {
			continue
		}
		if _, ok := w.Args["compare_model"]; ok {
			for _, key := range sortedKeys(w.Args) {
				if key == "compare_model" || w.Args[key].At.File == nil {
					continue
				}
				text := w.Args[key].At.Text()
				for _, i := range wordsIn(text, name) {
					out = append(out, mention{at: w.Args[key].At.Sub(i, i+len(name)), refuse: "the test compares this column with that of another relation by its name"})
				}
			}
			if strings.Contains(t.Kind, "equality") {
				out = append(out, mention{at: w.Kind.At, refuse: "the test compares the columns of two relations by their names", silent: true})
			}
		}
	}
	if d := v.refsIn(n); d != nil {
		out = append(out, d(name)...)
	}
	return out
}

// refsIn finds foreign keys of other nodes that lead here.
func (v *View) refsIn(n *compile.Node) func(name string) []mention {
	return func(name string) []mention {
		var out []mention
		constraint := func(c project.Constraint) {
			if c.To.V == "" || v.written(c.To.V, addr.Node{}) != n.ID {
				return
			}
			for _, col := range c.ToColumns {
				if strings.EqualFold(col.V, name) {
					out = append(out, mention{at: inner(col.At, col.V)})
				}
			}
		}
		for _, p := range v.Project.Props {
			for _, c := range p.Constraints {
				constraint(c)
			}
			for _, col := range p.Columns {
				for _, c := range col.Constraints {
					constraint(c)
				}
			}
		}
		return out
	}
}

// unitMentions are rows of unit tests with the column.
func (v *View) unitMentions(n *compile.Node, name string) []mention {
	var out []mention
	rows := func(rows []project.Row) {
		for _, r := range rows {
			for _, key := range r.Order {
				if !strings.EqualFold(key, name) {
					continue
				}
				if at, ok := keyBefore(r.Cells[key].At, key); ok {
					out = append(out, mention{at: at})
				}
			}
		}
	}
	other := func(s project.Stated) {
		if s.Format == "" || s.Format == "dict" {
			return
		}
		at := s.SQL.At
		if s.Fixture.IsSet() {
			at = s.Fixture.At
		}
		if at.File != nil && (s.Fixture.IsSet() || len(wordsIn(at.Text(), name)) > 0) {
			out = append(out, mention{at: at, refuse: "rows of a unit test stand there as text", silent: true})
		}
	}
	for _, u := range v.Project.UnitTests {
		model, _ := v.named(u.Model.V)
		if model == n.ID {
			rows(u.Expect)
			other(u.ExpectAs)
		}
		for _, g := range u.Given {
			if v.written(g.Input.V, model) == n.ID {
				rows(g.Rows)
				other(g.As)
			}
		}
	}
	return out
}

// columnSettings are the places of engine.yml that name a column of a node.
func (v *View) columnSettings(n *compile.Node, name string) []mention {
	var out []mention
	s := v.Project.Settings
	columns := func(ref project.Value[string], columns map[string]project.Value[string]) {
		if ref.V == "" || v.written(ref.V, addr.Node{}) != n.ID {
			return
		}
		for _, ours := range sortedKeys(columns) {
			if val := columns[ours]; strings.EqualFold(val.V, name) {
				out = append(out, mention{at: inner(val.At, val.V)})
			}
		}
	}
	if d := s.Distribution; d != nil {
		for _, part := range sortedKeys(d.Parts) {
			p := d.Parts[part]
			columns(p.Ref, p.Columns)
			if p.Ref.V == "" || v.written(p.Ref.V, addr.Node{}) != n.ID || p.Columns[name].V != "" {
				continue
			}
			for _, c := range project.PartColumns(part) {
				if strings.EqualFold(c.Name, name) {
					out = append(out, mention{at: p.Ref.At, refuse: "the configuration reads the column by this name", silent: true})
				}
			}
		}
		if strings.EqualFold(d.TenantColumn.V, name) {
			at := d.TenantColumn.At
			if at.File == nil {
				at = d.At
			}
			out = append(out, mention{at: at, refuse: "it is the column with the tenant in the whole project", silent: true})
		}
		for _, c := range d.Contracts {
			for _, ch := range c.Changes {
				if to, _ := v.named(ch.Model.V); to == n.ID {
					out = append(out, mention{at: ch.At, refuse: "customers have a contract about the columns of this model", silent: true})
				}
			}
		}
	}
	if s.Catalog != nil && s.Catalog.Genealogy != nil {
		for _, p := range v.genealogyParts() {
			columns(p.Ref, p.Columns)
		}
	}
	return out
}

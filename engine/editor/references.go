package editor

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
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

// inner is the place of a text in the scalar that holds it.
func inner(at source.Span, text string) source.Span {
	if i := strings.Index(at.Text(), text); i >= 0 && text != "" {
		return at.Sub(i, i+len(text))
	}
	return at
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
	if v.Project == nil {
		return nil
	}
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

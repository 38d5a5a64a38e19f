package editor

import (
	"bytes"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
)

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

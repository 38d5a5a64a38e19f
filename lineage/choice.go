package lineage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/tmpl"
)

// choice is a selection with all its parts: one selector, or others put together.
type choice struct {
	put   putting
	parts []*choice // of a difference: what is taken, and what is taken away
	spec  spec      // of one
	// indirect says of one selector when tests follow, and of several when those are taken
	// that the parts held back for want of a parent.
	indirect string
	text     string // for messages
	at       source.Span
}

// putting is how parts are put together.
type putting int

const (
	one putting = iota
	union
	intersection
	difference
)

// asked is the choice that a query means, nil for everything or after reporting why there is
// none. The selectors of selectors.yml are read whether or not they are asked for: a mistake
// there is not to be found on the day on which it matters.
func (e *evaluation) asked(q Query, indirect string) *choice {
	e.named = e.readSelectors(indirect)
	switch {
	case q.Selector != "":
		at := source.NewFile("--selector", []byte(q.Selector)).Whole()
		n := e.named[q.Selector]
		if n == nil {
			e.diags.Add(unknownSelector(at, q.Selector, e.names()))
			return nil
		}
		if len(q.Select)+len(q.Exclude) > 0 {
			e.diags.Add(overridden(at))
		}
		e.by = q.Selector
		return n
	case len(q.Select)+len(q.Exclude) > 0:
		return e.written(q, indirect)
	case q.Defaults && e.standard != nil:
		e.by = e.standardName
		return e.standard
	}
	return nil
}

// written reads selectors of the command line. As in dbt, tests follow what is excluded in the
// way in which they follow what is selected.
func (e *evaluation) written(q Query, indirect string) *choice {
	taken := &choice{put: union, indirect: indirect}
	if len(q.Select) == 0 {
		taken = nil
	} else {
		taken.parts = e.tokens("--select", q.Select, indirect)
	}
	if len(q.Exclude) == 0 {
		return taken
	}
	return &choice{put: difference, indirect: Indirects[0], parts: []*choice{taken, {put: union, indirect: indirect, parts: e.tokens("--exclude", q.Exclude, indirect)}}}
}

func (e *evaluation) tokens(flag string, args []string, indirect string) []*choice {
	var out []*choice
	for _, at := range tokens(flag, args) {
		both := &choice{put: intersection, indirect: indirect, text: at.Text(), at: at}
		for _, part := range commas(at) {
			both.parts = append(both.parts, e.single(part.Text(), part, indirect))
		}
		out = append(out, both)
	}
	return out
}

// single reads one selector. After a mistake it chooses nothing.
func (e *evaluation) single(text string, at source.Span, indirect string) *choice {
	s, bad := parseSpec(text, at)
	if bad != nil {
		e.diags.Add(malformed(s, *bad))
		return &choice{put: union}
	}
	if !e.known(s) {
		return &choice{put: union}
	}
	return &choice{spec: s, indirect: indirect, text: text, at: at}
}

// readSelectors reads the definitions of selectors.yml, by name.
func (e *evaluation) readSelectors(indirect string) map[string]*choice {
	p := e.u.p.Project
	if p == nil {
		return nil
	}
	out := make(map[string]*choice, len(p.Selectors))
	var standard *project.Selector
	for _, s := range p.Selectors {
		c := e.definition(s.Definition, indirect)
		out[s.Name.V] = c
		if e.isDefault(s) {
			if standard != nil {
				e.diags.Add(secondDefault(s, standard))
				continue
			}
			standard, e.standard, e.standardName = s, c, s.Name.V
		}
	}
	return out
}

// isDefault reports whether a selector is taken where none is asked for.
func (e *evaluation) isDefault(s *project.Selector) bool {
	switch text := e.rendered(s.Default); strings.ToLower(strings.TrimSpace(text)) {
	case "true":
		return true
	case "false", "":
	default:
		e.diags.Add(notBoolean(s, text))
	}
	return false
}

// definition reads a definition of selectors.yml, or a part of one.
func (e *evaluation) definition(d *project.Choice, indirect string) *choice {
	if d.Text.IsSet() {
		return e.single(e.rendered(d.Text), d.Text.At, indirect)
	}
	var c *choice
	if d.Method.IsSet() {
		c = e.criterion(d, cmp.Or(d.Indirect.V, indirect))
	} else {
		// Put together, tests that were held back stay so, whatever the command says: dbt's rule.
		c = &choice{put: union, indirect: Indirects[0], at: d.At, text: "union"}
		if d.All {
			c.put, c.text = intersection, "intersection"
		}
		for _, part := range d.Parts {
			c.parts = append(c.parts, e.definition(part, indirect))
		}
	}
	if len(d.Exclude) == 0 {
		return c
	}
	out := &choice{put: union, indirect: Indirects[0]}
	for _, part := range d.Exclude {
		out.parts = append(out.parts, e.definition(part, indirect))
	}
	return &choice{put: difference, indirect: Indirects[0], parts: []*choice{c, out}, at: d.At, text: c.text}
}

// criterion reads a method, a value and what belongs to them.
func (e *evaluation) criterion(d *project.Choice, indirect string) *choice {
	s := spec{up: -1, down: -1, around: d.Around.V, at: d.At, methodAt: d.Method.At, valueAt: d.Value.At, value: e.rendered(d.Value)}
	names := strings.Split(d.Method.V, ".")
	s.method, s.args = names[0], names[1:]
	if d.Parents.V {
		s.up = depth(d.ParentsDepth.V)
	}
	if d.Children.V {
		s.down = depth(d.ChildrenDepth.V)
	}
	s.text = d.Method.V + ":" + s.value
	if !e.known(s) {
		return &choice{put: union}
	}
	return &choice{spec: s, indirect: indirect, text: s.text, at: d.At}
}

// rendered is a text of selectors.yml, which may be a template over the target, its variables
// and those of the environment.
func (e *evaluation) rendered(v project.Value[string]) string {
	if !strings.Contains(v.V, "{{") {
		return v.V
	}
	t, found := tmpl.Parse(source.NewFile(project.SelectorsFile, []byte(v.V)), nil)
	var text tmpl.Text
	if !found.HasErrors() {
		text, found = t.Render(environment(&e.u.p.Target))
	}
	for _, d := range found {
		d.At, d.Labels, d.Edits = v.At, nil, nil // the text is a value of YAML
		e.diags.Add(d)
	}
	return text.Body
}

// environment is what templates of selectors.yml may ask for.
func environment(t *compile.Target) tmpl.Env {
	none := func(fn string) error { return fmt.Errorf("%s has no meaning in %s", fn, project.SelectorsFile) }
	return tmpl.Env{
		Ref:    func([]any) (string, error) { return "", none("ref") },
		Source: func(string, string) (string, error) { return "", none("source") },
		This:   func() string { return "" },
		Var: func(name string, def []any) (any, error) {
			if v, ok := t.Vars[name]; ok {
				return v, nil
			}
			if len(def) > 0 {
				return def[0], nil
			}
			return nil, fmt.Errorf("there is no variable %q", name)
		},
		EnvVar: func(name string, def []any) (string, error) {
			if project.SecretVariable(name) {
				return "", project.EnvSecret(name)
			}
			if t.Env != nil {
				if v, ok := t.Env(name); ok {
					return v, nil
				}
			}
			if len(def) > 0 {
				return fmt.Sprint(def[0]), nil
			}
			return "", fmt.Errorf("the environment variable %q is not set", name)
		},
		Target: map[string]any{"name": t.Name, "type": t.Type, "schema": t.Schema, "database": t.Database},
	}
}

// names are those of selectors.yml, in its order.
func (e *evaluation) names() []string {
	var out []string
	if p := e.u.p.Project; p != nil {
		for _, s := range p.Selectors {
			out = append(out, s.Name.V)
		}
	}
	return out
}

// inherited evaluates the selectors of selectors.yml that a selector names. Their tests have
// followed by their own rules, and none follow again.
func (e *evaluation) inherited(s spec) (set, bool) {
	if len(s.args) > 0 {
		e.diags.Add(malformed(s, withoutArgument(s)))
		return nil, false
	}
	var matching []string
	for _, name := range e.names() {
		if name == s.value || fnmatch(s.value, name) {
			matching = append(matching, name)
		}
	}
	if len(matching) == 0 {
		e.diags.Add(unknownSelector(s.valueAt, s.value, e.names()))
		return nil, false
	}
	out := make(set, len(e.u.items))
	for _, name := range matching {
		if slices.Contains(e.open, name) {
			e.diags.Add(circularSelectors(s, append(slices.Clone(e.open[slices.Index(e.open, name):]), name)))
			return nil, false
		}
		e.open = append(e.open, name)
		chosen, _ := e.evaluate(e.named[name])
		e.open = e.open[:len(e.open)-1]
		for i, in := range chosen {
			out[i] = out[i] || in
		}
	}
	return out, true
}

// compared reports whether a definition compares with an earlier state, by itself or by one
// that it inherits.
func compared(p *project.Project, d *project.Choice, seen map[string]bool) bool {
	if d == nil {
		return false
	}
	method, value := d.Method.V, d.Value.V
	if d.Text.IsSet() {
		s, bad := parseSpec(d.Text.V, d.Text.At)
		if bad != nil {
			return false
		}
		method, value = s.method, s.value
	}
	if compares(method) || strings.Contains(d.Text.V, "{{") || method == "selector" && comparedBy(p, value, seen) {
		return true
	}
	for _, part := range slices.Concat(d.Parts, d.Exclude) {
		if compared(p, part, seen) {
			return true
		}
	}
	return false
}

// comparedBy is compared for the selectors of selectors.yml that match a name.
func comparedBy(p *project.Project, name string, seen map[string]bool) bool {
	if p == nil {
		return false
	}
	for _, s := range p.Selectors {
		if !seen[s.Name.V] && (s.Name.V == name || fnmatch(name, s.Name.V)) {
			seen[s.Name.V] = true
			if compared(p, s.Definition, seen) {
				return true
			}
		}
	}
	return false
}

package check

import (
	"fmt"
	"slices"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
)

// Options say which rules run, and on what.
type Options struct {
	// Rules are the only rules to run, those that are off included, which then warn; none:
	// the rules that are on.
	Rules []diag.Code
	// Selected are the only nodes whose findings count; nil: all. Exposures count with
	// everything only.
	Selected map[addr.Node]bool
	// Own is the only model or snapshot whose findings count, those in its own file, with the
	// comments there; zero: all.
	Own addr.Node
	// Partial says that the project has mistakes, so that what is absent may be so by mistake.
	Partial bool
}

// Run applies the rules to a program. The list has what they find, and what is wrong with
// their settings; it is sorted. Nodes with mistakes are left out, and rules that judge from
// the absence of readers say nothing while there are any.
func Run(p *compile.Program, o Options) diag.List {
	setups, ds := configure(p.Project.Settings)
	for _, id := range o.Rules {
		if _, ok := lookup(id); !ok {
			ds.Add(UnknownRule(id))
		}
	}
	if ds.HasErrors() {
		return ds.Sorted()
	}
	allowed, more := allowances(p, o.Own)
	ds.Add(more...)
	ran := map[diag.Code]bool{}
	var list []addr.Node
	var own *source.File
	if !o.Own.IsZero() {
		n := p.Nodes[o.Own]
		if n == nil {
			return nil
		}
		list, own = []addr.Node{o.Own}, n.File
	}
	for _, s := range setups {
		if len(o.Rules) > 0 {
			if !slices.Contains(o.Rules, s.ID) {
				continue
			}
			s.level = max(s.level, Warn)
		}
		if s.level == Off {
			continue
		}
		ran[s.ID] = true
		t := &pass{setup: s, program: p, selected: o.Selected, list: list, partial: o.Partial || len(p.Broken) > 0}
		s.find(t)
		for _, d := range t.found {
			if own != nil && d.At.File != own {
				continue
			}
			if !allowed.take(d) {
				ds.Add(d)
			}
		}
	}
	if o.Selected == nil && !o.Partial && len(p.Broken) == 0 {
		ds.Add(allowed.unused(ran)...)
	}
	return ds.Sorted()
}

// UnknownRule says that there is no such rule.
func UnknownRule(id diag.Code) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeRuleUnknown, Message: fmt.Sprintf("no rule is called %q", id), Help: "engine check --list-rules shows them"}
	if near, ok := diag.Suggest(string(id), ids()); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	}
	return d
}

// pass is one run of one rule.
type pass struct {
	*setup
	program  *compile.Program
	selected map[addr.Node]bool
	list     []addr.Node // nodes in the program's order; nil: all
	partial  bool
	found    diag.List
}

// nodes are those the rule looks at, of the given kinds, in the program's order.
func (p *pass) nodes(kinds ...addr.Kind) []*compile.Node {
	var out []*compile.Node
	order := p.list
	if order == nil {
		order = p.program.Order
	}
	for _, id := range order {
		if slices.Contains(kinds, id.Kind) && p.covers(id) {
			out = append(out, p.program.Nodes[id])
		}
	}
	return out
}

// covers reports whether the findings of a node count.
func (p *pass) covers(id addr.Node) bool {
	n := p.program.Nodes[id]
	return n != nil && !p.program.Broken[id] && (p.selected == nil || p.selected[id]) &&
		(len(p.only) == 0 || inAny(n, p.only)) && !inAny(n, p.except)
}

// report adds a finding with the rule's severity.
func (p *pass) report(n *compile.Node, d diag.Diagnostic) {
	d.Code, d.Severity = p.ID, diag.Warning
	if p.level == Error {
		d.Severity = diag.Error
	}
	if n != nil {
		d.Model = n.ID
		if d.At.IsZero() {
			d.At = place(n)
		}
	}
	p.found.Add(d)
}

// place is where a finding about the node as a whole stands.
func place(n *compile.Node) source.Span {
	switch {
	case n.Source != nil:
		return n.Source.Table.At
	case n.Seed != nil:
		return n.Seed.At
	case n.File != nil:
		return n.File.Whole()
	}
	return source.Span{}
}

// described is where a finding about what YAML says of the node stands.
func described(n *compile.Node) source.Span {
	if n.Props != nil && n.Props.Name.IsSet() {
		return n.Props.Name.At
	}
	return place(n)
}

func (p *pass) words(option string) []string {
	v, _ := p.options[option].([]string)
	return v
}

func (p *pass) number(option string) int64 {
	v, _ := p.options[option].(int64)
	return v
}

func (p *pass) flag(option string) bool {
	v, _ := p.options[option].(bool)
	return v
}

// accessible reports whether the option access lets the node in.
func (p *pass) accessible(n *compile.Node) bool {
	list := p.words("access")
	return len(list) == 0 || slices.Contains(list, n.Config.Access)
}

// statements reports what package lint found of a rule.
func (p *pass) statements(rule string) {
	for _, n := range p.nodes(addr.Model, addr.Snapshot) {
		p.statementsOf(n, rule)
	}
}

func (p *pass) statementsOf(n *compile.Node, rule string) {
	for _, f := range n.Findings {
		if f.Rule == rule {
			p.report(n, diag.Diagnostic{Message: f.Message, At: f.At, Help: f.Help, Edits: f.Edits})
		}
	}
}

// Setting is a rule and the severity that engine.yml gives it.
type Setting struct {
	Rule
	Level Level
}

// Settings are all rules as a project sets them, by name, and what is wrong with that.
func Settings(s project.Settings) ([]Setting, diag.List) {
	setups, ds := configure(s)
	out := make([]Setting, len(setups))
	for i, c := range setups {
		out[i] = Setting{c.Rule, c.level}
	}
	return out, ds
}

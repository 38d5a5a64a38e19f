package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/plan"
)

// PlanOptions say how much of a plan is shown.
type PlanOptions struct {
	NoDiff bool // no SQL
}

// Plan is a plan for people. Where definitions changed, it is what changes for readers:
// what changed itself with its SQL, and below it what follows from that. Otherwise it is
// one line per action with its verb, reasons and tests, each action below what it waits for.
// The totals come last.
func (s Screen) Plan(p *plan.Plan, o PlanOptions) string {
	var b strings.Builder
	fmt.Fprintf(&b, "plan for %s on target %s\n\n", s.Paint(Bold, p.Project), s.Paint(Bold, p.Target))
	for _, o := range p.Orphans {
		b.WriteString(s.Paint(Dim, "  remove "+o.Relation.String()+", left behind by a run that broke off") + "\n")
	}
	for _, c := range p.Schemas {
		b.WriteString(s.Paint(Dim, "  make schema "+c.Schema+" if it is missing") + "\n")
	}
	if len(p.Orphans)+len(p.Schemas) > 0 {
		b.WriteByte('\n')
	}
	if worthReview(p.Review) {
		b.WriteString(s.review(p, o))
	} else {
		w := widthsOf(p)
		depth, deepest := depths(p)
		for _, a := range p.Actions {
			s.action(&b, a, w, depth[a.Node], deepest)
		}
	}
	if len(p.Actions) > 0 {
		b.WriteByte('\n')
	}
	b.WriteString(s.planTotals(p) + "\n")
	for _, line := range []string{s.Expected(p), s.Forecast(p), published(p)} {
		if line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// worthReview reports whether there is more to say than what is built: a first build, and
// one that only takes up new data, are lists.
func worthReview(r *plan.Review) bool {
	if r == nil || r.First {
		return false
	}
	return len(r.Removed) > 0 || slices.ContainsFunc(r.Changes, func(c plan.Change) bool { return c.How != plan.Again })
}

// depths says how many actions wait in a row before each action, up to maxDepth.
func depths(p *plan.Plan) (depth map[addr.Node]int, deepest int) {
	depth = make(map[addr.Node]int, len(p.Actions))
	for _, a := range p.Actions {
		d := 0
		for _, dep := range a.Deps {
			d = min(max(d, depth[dep]+1), maxDepth)
		}
		depth[a.Node] = d
		deepest = max(deepest, d)
	}
	return depth, deepest
}

// maxDepth is the deepest indentation; a chain of a hundred models stays readable.
const maxDepth = 8

func (s Screen) action(b *strings.Builder, a *plan.Action, w widths, depth, deepest int) {
	indent := strings.Repeat("  ", depth)
	symbol, style := verbSymbol(a.Verb)
	kind := padRight(kindOf(a.Verb, a.Materialized, a.Node), w.kind)
	name := padRight(oneLine(nameOf(a.Relation, a.Node)), w.name+2*(deepest-depth))
	tests := ""
	if n := len(a.Tests) + len(a.UnitTests); n > 0 {
		tests = plural(int64(n), "test")
	}
	line := "  " + indent + s.Paint(style, symbol+" "+kind) + " " + name + " " + padLeft(tests, 9)
	if why := strings.Join(a.Reasons, ", "); why != "" {
		line += "  " + s.Paint(Dim, oneLine(why))
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
	if s.Verbose && len(a.Deps) > 0 {
		var names []string
		for _, d := range a.Deps {
			names = append(names, d.Name)
		}
		b.WriteString("  " + indent + s.Paint(Dim, "    after "+strings.Join(names, ", ")) + "\n")
	}
}

func verbSymbol(v plan.Verb) (string, Style) {
	switch v {
	case plan.Create:
		return "+", Green
	case plan.Replace:
		return "~", Yellow
	case plan.Update:
		return "^", Cyan
	case plan.Check:
		return "?", Blue
	case plan.Keep:
		return "=", Dim
	}
	return " ", Plain
}

// planTotals is «plan: + 12 create, ~ 3 replace, = 40 unchanged, 120 tests».
func (s Screen) planTotals(p *plan.Plan) string {
	counts := map[plan.Verb]int{}
	tests := 0
	for _, a := range p.Actions {
		counts[a.Verb]++
		tests += len(a.Tests) + len(a.UnitTests)
	}
	nodes, kept := Kept(p)
	counts[plan.Keep] += nodes
	words := []struct {
		verb plan.Verb
		word string
	}{{plan.Create, "create"}, {plan.Replace, "replace"}, {plan.Update, "update"}, {plan.Check, "check"}, {plan.Keep, "unchanged"}}
	var parts []string
	for _, w := range words {
		if n := counts[w.verb]; n > 0 {
			symbol, style := verbSymbol(w.verb)
			parts = append(parts, s.Paint(style, symbol)+" "+Count(int64(n))+" "+w.word)
		}
	}
	if tests > 0 {
		parts = append(parts, plural(int64(tests), "test"))
	}
	if kept > len(p.Warnings) {
		parts = append(parts, plural(int64(kept-len(p.Warnings)), "test")+" unchanged")
	}
	if len(p.Warnings) > 0 {
		parts = append(parts, plural(int64(len(p.Warnings)), "test")+" still warning")
	}
	if len(parts) == 0 {
		return s.Paint(Bold, "plan:") + " nothing is selected"
	}
	if len(p.Actions) == 0 {
		return s.Paint(Bold, "plan:") + " nothing to do, " + strings.Join(parts, ", ")
	}
	text := s.Paint(Bold, "plan:") + " " + strings.Join(parts, ", ")
	if p.Review != nil {
		if classes := s.Classes(p.Review); classes != "" {
			text += "; " + classes
		}
	}
	return text
}

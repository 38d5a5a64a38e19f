package check

import (
	"fmt"
	"slices"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// layering compares what a model reads with what its layer may read.
func layering(p *pass) {
	for _, n := range p.nodes(addr.Model, addr.Snapshot) {
		for _, id := range n.Parents {
			parent := p.program.Nodes[id]
			if parent == nil {
				continue
			}
			if s, ok := narrowest(n, p.reads["deny"].scopes); ok {
				if t, ok := narrowest(parent, p.reads["deny"].of[s.text]); ok {
					p.report(n, diag.Diagnostic{Message: fmt.Sprintf("a model of %s reads %s", s.text, id), At: refTo(n, id), Help: fmt.Sprintf("read a model that stands between it and %s", t.text)})
					continue
				}
			}
			if s, ok := narrowest(n, p.reads["allow"].scopes); ok && !inAny(parent, p.reads["allow"].of[s.text]) {
				p.report(n, diag.Diagnostic{Message: fmt.Sprintf("a model of %s reads %s", s.text, id), At: refTo(n, id), Help: fmt.Sprintf("%s reads only %s", s.text, texts(p.reads["allow"].of[s.text]))})
			}
		}
	}
}

func texts(list []scope) string {
	var out []string
	for _, s := range list {
		out = append(out, s.text)
	}
	if len(out) == 0 {
		return "nothing"
	}
	return join(out)
}

// join is «a, b and c».
func join(list []string) string {
	switch n := len(list); {
	case n == 0:
		return ""
	case n == 1:
		return list[0]
	case n > 5:
		return fmt.Sprintf("%s and %d more", join(list[:4]), n-4)
	default:
		out := ""
		for _, s := range list[:n-2] {
			out += s + ", "
		}
		return out + list[n-2] + " and " + list[n-1]
	}
}

// refTo is the first place where n refers to a node.
func refTo(n *compile.Node, id addr.Node) source.Span {
	for _, r := range n.Refs {
		if r.To == id {
			return r.Span
		}
	}
	return source.Span{}
}

// distributeLeak finds readers of what must not reach whom they are given to. Where the project has
// distribution, what queries prove of their rows says more than the rule's default does.
func distributeLeak(p *pass) {
	forbid := p.reads["forbid"]
	if p.program.Project.Settings.Distribution != nil && len(forbid.scopes) == 1 && forbid.scopes[0].text == "distribute:shared" && texts(forbid.of["distribute:shared"]) == "distribute:tenant" {
		return
	}
	for _, n := range p.nodes(addr.Model, addr.Snapshot) {
		for _, id := range n.Parents {
			parent := p.program.Nodes[id]
			if parent == nil {
				continue
			}
			for _, s := range forbid.scopes {
				if s.has(n) && inAny(parent, forbid.of[s.text]) {
					p.report(n, diag.Diagnostic{Message: fmt.Sprintf("%s, which is given to %s, reads %s, which is for %s", n.ID.Name, given(n), id, given(parent)), At: refTo(n, id), Help: "narrow the one's distribute, or read something that holds no such rows"})
					break
				}
			}
		}
	}
}

// given says in words who gets a node.
func given(n *compile.Node) string {
	switch n.Config.Distribute {
	case "tenant":
		return "single tenants"
	case "shared":
		return "all"
	case "never":
		return "nobody"
	}
	return "those of its own"
}

// exposurePrivate finds exposures of private models.
func exposurePrivate(p *pass) {
	if p.selected != nil {
		return
	}
	for _, e := range p.program.Exposures {
		for _, id := range e.Parents {
			n := p.program.Nodes[id]
			if n == nil || n.Config.Access != "private" || !p.covers(id) {
				continue
			}
			at := e.Props.Name.At
			for _, d := range e.Props.DependsOn {
				if mentions(d.V, id) {
					at = d.At
				}
			}
			p.report(n, diag.Diagnostic{Message: fmt.Sprintf("exposure %q shows %s, which is private", e.Props.Name.V, id.Name), At: at, Help: "expose a model that is public, or give this one another access"})
		}
	}
}

// sourceFanout counts the readers of sources.
func sourceFanout(p *pass) {
	for _, n := range p.nodes(addr.Source) {
		var readers []string
		for _, id := range n.Children {
			if id.Kind == addr.Model || id.Kind == addr.Snapshot {
				readers = append(readers, id.Name)
			}
		}
		slices.Sort(readers)
		if int64(len(readers)) > p.number("most") {
			p.report(n, diag.Diagnostic{Message: fmt.Sprintf("source %q is read by %s", n.ID.Name, join(readers)), Help: "read it in one model, and that model in the others"})
		}
	}
}

// sourceTwice finds sources that are one relation.
func sourceTwice(p *pass) {
	first := map[addr.Relation]*compile.Node{}
	for _, n := range p.nodes(addr.Source) {
		if n.Relation.IsZero() {
			continue
		}
		f := first[n.Relation]
		if f == nil {
			first[n.Relation] = n
			continue
		}
		p.report(n, diag.Diagnostic{Message: fmt.Sprintf("sources %q and %q are one table", f.ID.Name, n.ID.Name), Labels: []diag.Label{{At: place(f), Text: "the other one"}}, Help: "keep one of them, or say which table the other one is with identifier"})
	}
}

package lineage

import (
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/origin"
	"github.com/engine-build/engine/engine/source"
)

// ColumnsFrom builds the column graph of a program. of is where the columns of a model or
// snapshot come from, in its full and in its incremental text; where the first is nil, why
// says the reason. The second may be nil.
func ColumnsFrom(p *compile.Program, of func(*compile.Node) (full, incremental *origin.Lineage, why string)) *Columns {
	relations := map[string][]addr.Node{}
	for _, id := range p.Order {
		if n := p.Nodes[id]; n != nil && !n.Relation.IsZero() {
			key := dotted(n.Relation)
			relations[key] = append(relations[key], id)
		}
	}
	out := make(map[addr.Node]Described, len(p.Nodes))
	for id, n := range p.Nodes {
		d := Described{Parents: n.Parents, Path: n.Path, Tone: (&Node{ID: id, Tier: n.Config.Tier}).Tone()}
		for _, c := range n.Columns {
			d.Columns = append(d.Columns, c.Name)
		}
		if n.Config.Materialized != "ephemeral" {
			d.Relation = dotted(n.Relation)
		} else {
			d.InlinedIn = n.Children
		}
		switch id.Kind {
		case addr.Model, addr.Snapshot:
			var full, incremental *origin.Lineage
			full, incremental, d.NotAnalyzed = of(n)
			if full != nil {
				d.Texts = append(d.Texts, Text{full, n.Text, placeIn(n.TextMap)})
			}
			if incremental != nil {
				d.Texts = append(d.Texts, Text{incremental, n.IncrementalText, placeIn(n.IncrementalTextMap)})
			}
			d.Table = tableOf(relations, n.Parents, id)
		case addr.Source:
			if l := builtHere(p, n, d.Columns); l != nil {
				d.Texts = []Text{{Lineage: l}}
			}
			d.Table = tableOf(relations, n.Parents, addr.Node{})
		}
		out[id] = d
	}
	for _, t := range p.Tests {
		if d := (Described{Path: t.Path, Tone: "model"}); t.Column != "" && !t.Node.IsZero() {
			if d.Path == "" {
				d.Path = spanPath(t.At)
			}
			d.Tests = []addr.Column{{Node: t.Node, Name: t.Column}}
			out[t.ID] = d
		}
	}
	return columnsOf(out)
}

// dotted is a relation as the analyzer knows it.
func dotted(r addr.Relation) string {
	parts := []string{r.Database, r.Schema, r.Name}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ".")
}

// tableOf finds the node behind the name of a relation: of several (a source may be
// what a model builds) the one that the node reads.
func tableOf(relations map[string][]addr.Node, parents []addr.Node, self addr.Node) func(string) (addr.Node, bool) {
	return func(name string) (addr.Node, bool) {
		ids := relations[name]
		for _, id := range ids {
			if id == self || slices.Contains(parents, id) {
				return id, true
			}
		}
		if len(ids) == 0 {
			return addr.Node{}, false
		}
		return ids[0], true
	}
}

func placeIn(m *source.Map) func(start, end int) (string, int) {
	if m == nil {
		return nil
	}
	return func(start, end int) (string, int) {
		span, ok := m.At(start, end)
		if !ok || span.File == nil {
			return "", 0
		}
		return span.File.Path, span.Position().Line
	}
}

// builtHere is the lineage of a source that the project builds itself: its columns are
// those of the builder.
func builtHere(p *compile.Program, n *compile.Node, columns []string) *origin.Lineage {
	if len(n.Parents) == 0 {
		return nil
	}
	builder := p.Nodes[n.Parents[0]]
	if builder == nil {
		return nil
	}
	table := dotted(builder.Relation)
	l := &origin.Lineage{Tables: []string{table}}
	names := slices.Clone(columns)
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		seen[strings.ToLower(name)] = true
	}
	for _, c := range builder.Columns {
		if !seen[strings.ToLower(c.Name)] {
			names = append(names, c.Name)
		}
	}
	for _, name := range names {
		l.Columns = append(l.Columns, origin.Column{Name: name, Sources: []origin.Source{{Table: table, Path: []string{name}, Kind: origin.Identity}}})
	}
	return l
}

package plan

import (
	"slices"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/materialize"
	"github.com/engine-build/engine/engine/state"
)

// aside are the relations that runs make for the nodes of a program, or for nodes that it had,
// and remove: one that was not there when a plan was made is in its way, or somebody is at
// work. What other projects have aside in the same schema is not among them, nor are
// versions that are kept. Sorted.
func aside(p *compile.Program, s state.Snapshot) []addr.Relation {
	var found []addr.Relation
	for rel := range s.Relations {
		if materialize.IsStaged(rel.Name) && !s.KeptNames[rel] {
			found = append(found, rel)
		}
	}
	if len(found) == 0 {
		return nil
	}
	seen := map[addr.Relation]bool{}
	var own []addr.Relation
	add := func(rel addr.Relation) {
		if !rel.IsZero() && !seen[rel] {
			seen[rel] = true
			own = append(own, rel)
		}
	}
	for id, n := range p.Nodes {
		if id.Kind != addr.Source {
			add(n.Relation)
		}
	}
	for _, r := range s.Nodes {
		add(r.Relation)
	}
	caps := p.Target.Dialect.Caps()
	asides := materialize.NewAsides(own, caps)
	found = slices.DeleteFunc(found, func(rel addr.Relation) bool {
		return !asides.Has(rel) && !slices.ContainsFunc(own, func(of addr.Relation) bool { return state.KeptOf(of, rel, caps) })
	})
	slices.SortFunc(found, addr.Relation.Compare)
	return found
}

// orphans lists staging objects of runs that died.
func orphans(p *compile.Program, s state.Snapshot) []Orphan {
	var out []Orphan
	for _, rel := range aside(p, s) {
		if !s.PublishingNames[rel] {
			out = append(out, Orphan{Relation: rel, Kind: s.Relations[rel].Kind})
		}
	}
	return out
}

// Date says of each action when the newest record about its node and its tests was made
// (see Action.After). Make and Rollback have done so.
func Date(actions []*Action, s state.Snapshot) {
	kept := map[addr.Node]time.Time{}
	for _, k := range s.Kept {
		kept[k.Node] = later(kept[k.Node], k.At)
	}
	for _, a := range actions {
		a.After = later(later(s.Nodes[a.Node].At, s.Holds[a.Node].At), kept[a.Node])
		for _, t := range a.Tests {
			a.After = later(a.After, s.Passed[t.ID].At)
		}
		for _, t := range a.UnitTests {
			a.After = later(a.After, s.Passed[t.ID].At)
		}
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

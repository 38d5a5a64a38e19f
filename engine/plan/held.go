package plan

import (
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/state"
)

// Held names what the nodes of a program hold on the warehouse that s describes, those of
// which nothing certain is known left out: equal names, equal rows. At is the time that
// volatile nodes are judged by.
func Held(p *compile.Program, s state.Snapshot, at time.Time) map[addr.Node]state.Content {
	m := &maker{program: p, snapshot: s, selection: Selection{At: at}, holds: make(map[addr.Node]*holding, len(p.Order)), pinned: map[addr.Node]bool{}, effective: map[addr.Node][]addr.Node{}}
	out := make(map[addr.Node]state.Content, len(p.Order))
	for _, id := range p.Order {
		n := p.Nodes[id]
		if n.Config.Materialized == "ephemeral" || n.ID.Kind == addr.Source && len(n.Parents) > 0 {
			continue
		}
		h := m.hold(n)
		m.holds[id] = h
		if h.now.Known() {
			out[id] = h.now
		}
	}
	for _, id := range p.Order { // a source that the project builds is what builds it
		if n := p.Nodes[id]; id.Kind == addr.Source && len(n.Parents) > 0 {
			if real := m.real(id); len(real) == 1 {
				if content, ok := out[real[0]]; ok {
					out[id] = content
				}
			}
		}
	}
	return out
}

package plan

import (
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// definer says what nodes of one program are built from.
type definer struct {
	program *compile.Program
	caps    warehouse.Caps
	secrets map[string]string // nil until asked for
}

func (d *definer) of(n *compile.Node) *state.Definition {
	if d.secrets == nil {
		d.secrets = state.Secrets(d.program)
		d.caps = d.program.Target.Dialect.Caps()
	}
	return state.DefinitionOf(n, d.caps, d.secrets)
}

// define notes what a is built from. Where an action leaves what is stored as it was, so
// that its fingerprint is not the node's, the definition stays too.
func (d *definer) define(a *Action, n *compile.Node, record state.Record) {
	if a.Fingerprint != n.Fingerprint {
		a.DefinitionID = record.Definition
		return
	}
	made := d.of(n)
	if a.DefinitionID = made.ID(); a.DefinitionID != record.Definition {
		a.Definition = made
	}
}

// definitionIDs are the definitions that a review of p wants to read: those of the nodes
// that it builds and of the nodes that are gone.
func DefinitionIDs(p *Plan, program *compile.Program, s state.Snapshot) map[addr.Node]string {
	ids := map[addr.Node]string{}
	for _, a := range p.Actions {
		if a.Verb != Check {
			ids[a.Node] = s.Nodes[a.Node].Definition
		}
	}
	for id, r := range s.Nodes {
		if program.Nodes[id] == nil {
			ids[id] = r.Definition
		}
	}
	return ids
}

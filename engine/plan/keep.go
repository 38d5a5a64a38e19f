package plan

import (
	"fmt"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/materialize"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// Keeping says that what an action replaces is kept.
type Keeping struct {
	// Policy is keep_previous: for how long.
	Policy string `json:"policy"`
	// Record is that of what is replaced.
	Record state.Record `json:"record"`
}

// Previous is a version that is kept already, with the keep_previous that holds for it now.
type Previous struct {
	state.Kept
	Now string `json:"now"`
}

// retention is keep_previous of a node.
func retention(p *compile.Program, n *compile.Node) project.Retention {
	if n.Config.KeepPrevious != nil {
		return *n.Config.KeepPrevious
	}
	for _, t := range p.Project.Settings.Targets {
		if t.Name == p.Target.Name {
			return p.Project.Settings.RetentionOf(t)
		}
	}
	return p.Project.Settings.KeepPrevious.V
}

// keeping is where the table that a node replaces stays, and what is noted of it. Only
// versions that the engine has a record of are kept: of others nobody could say what they
// hold. Rows of a materialized view follow from what it reads, so it is not kept.
func keeping(p *compile.Program, s state.Snapshot, n *compile.Node) (addr.Relation, *Keeping, diag.List) {
	r := retention(p, n)
	record, recorded := s.Nodes[n.ID]
	existing := s.Relations[n.Relation].Kind
	if r.IsZero() || !recorded || record.Fingerprint == "" || record.Relation != n.Relation || record.Kind != existing || existing != warehouse.Table && existing != warehouse.View {
		return addr.Relation{}, nil, nil
	}
	caps := p.Target.Dialect.Caps()
	if caps.TransactionalDDL && caps.Constraints && existing == warehouse.Table {
		for _, c := range n.Constraints {
			if c.Type == "foreign_key" && c.Enforced {
				return addr.Relation{}, nil, diag.List{notKept(n)}
			}
		}
	}
	return materialize.KeptName(n.Relation, caps), &Keeping{Policy: r.String(), Record: record}, nil
}

// KeptVersions lists what is kept, with the policy that holds today: that of the node, or, where
// it is gone from the project, the one of the time when it was replaced.
func KeptVersions(p *compile.Program, s state.Snapshot) []Previous {
	var out []Previous
	for _, k := range s.Kept {
		now := k.Policy
		if n := p.Nodes[k.Node]; n != nil {
			now = retention(p, n).String()
		}
		out = append(out, Previous{Kept: k, Now: now})
	}
	return out
}

// held reports whether a rollback keeps n from being built, and words that.
func (m *maker) held(n *compile.Node) bool {
	record, hold := m.snapshot.Nodes[n.ID], m.snapshot.Holds[n.ID]
	if _, there := m.snapshot.Relations[n.Relation]; !there || m.selection.Release[n.ID] || !hold.Holds(record) || compile.Content(hold.Fingerprint) != compile.Content(n.Fingerprint) {
		return false
	}
	if !hold.Definition {
		// The data was at fault. Inputs of which nothing is known have not changed for sure.
		for _, p := range m.inputs(n.ID) {
			if m.changes(p) {
				return false
			}
			now, was := m.inputNext(p, m.reading(n, p), record.Kind), hold.Inputs[p]
			if now != "" && was != "" && now != was {
				return false
			}
		}
	}
	m.diags.Add(stillHeld(n, hold))
	return true
}

func notKept(n *compile.Node) diag.Diagnostic {
	return diag.Diagnostic{
		Severity: diag.Warning, Code: codeNotKept, Model: n.ID, At: at(n, "keep_previous"),
		Message: fmt.Sprintf("earlier versions of %q are not kept: it has a foreign key", n.ID.Name),
		Notes:   []string{"the foreign key of an old version would keep the table that it leads to from being replaced"},
		Help:    `set "keep_previous" of the model to 0, or remove the foreign key`,
	}
}

func stillHeld(n *compile.Node, h state.Hold) diag.Diagnostic {
	d := diag.Diagnostic{
		Severity: diag.Warning, Code: codeHeld, Model: n.ID,
		Message: fmt.Sprintf("%q is held: its version of run %s was rolled back", n.ID.Name, h.Of),
		Help:    fmt.Sprintf("change it, and it is built again; or engine build --release %s", n.ID.Name),
	}
	if n.File != nil {
		d.At = n.File.Whole()
	}
	if h.Definition {
		d.Notes = []string{"it is built again when its definition changes"}
	} else {
		d.Notes = []string{"it is built again when its definition or what it reads changes"}
	}
	return d
}

// at is where a key of a node's configuration is written, or its file.
func at(n *compile.Node, key string) source.Span {
	switch {
	case !n.Raw[key].At.IsZero():
		return n.Raw[key].At
	case n.File != nil:
		return n.File.Whole()
	}
	return source.Span{}
}

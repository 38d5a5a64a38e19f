package plan

import (
	"fmt"
	"slices"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/materialize"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// Restore is the kept version that an action puts back.
type Restore struct {
	Kept state.Kept `json:"kept"`
	// Of is the run whose version is taken back, Fingerprint and Inputs what it was built from.
	Of          string               `json:"of"`
	Fingerprint string               `json:"fingerprint"`
	Inputs      map[addr.Node]string `json:"inputs,omitempty"`
}

// Hold keeps the version that is taken back from being built again.
func (r Restore) Hold() state.Hold {
	return state.Hold{
		Node: r.Kept.Node, Fingerprint: r.Fingerprint, Inputs: r.Inputs, Of: r.Of,
		Definition: compile.Content(r.Kept.Record.Fingerprint) != compile.Content(r.Fingerprint),
	}
}

// History is what is known of the runs that a rollback takes back.
type History struct {
	// Runs are those that have published a node since the one that is taken back, the first
	// one first. It is nil where each node goes back by one version.
	Runs map[addr.Node][]string
	// New are nodes that had not been built before those runs.
	New map[addr.Node]bool
}

// Unrestorable is a node that cannot be put back, and why.
type Unrestorable struct {
	Node addr.Node `json:"node"`
	Why  string    `json:"why"`
	// Stays: that is as it should be, since there was nothing before.
	Stays bool `json:"stays,omitempty"`
}

// Rollback plans to put earlier versions back: of the nodes that the runs of h have
// published, or of all nodes that are wanted, the version before. wanted nil is every node.
// What is replaced is kept in turn, so that a rollback can be rolled back.
func Rollback(p *compile.Program, s state.Snapshot, h History, wanted map[addr.Node]bool) (*Plan, []Unrestorable) {
	out := &Plan{Format: Format, Project: p.Project.Settings.Name.V, Target: p.Target.Name, Database: p.Target.Database, Schema: p.Target.Schema, PublishRun: true, Previous: KeptVersions(p, s)}
	var cannot []Unrestorable
	refuse := func(n addr.Node, format string, args ...any) {
		cannot = append(cannot, Unrestorable{Node: n, Why: fmt.Sprintf(format, args...)})
	}
	asked := func(n addr.Node) bool {
		if wanted != nil && !wanted[n] {
			return false
		}
		return h.Runs == nil || h.Runs[n] != nil
	}
	for n := range h.Runs {
		if p.Nodes[n] == nil && asked(n) {
			refuse(n, "it is no longer in the project")
		}
	}
	scope := state.Scope{Database: p.Target.Database, Project: p.Project.Settings.Name.V, Schema: p.Target.Schema}
	caps := p.Target.Dialect.Caps()
	for _, id := range p.Order {
		n := p.Nodes[id]
		if id.Kind == addr.Source || n.Config.Materialized == "ephemeral" || !asked(id) {
			continue
		}
		i := slices.IndexFunc(s.Kept, func(k state.Kept) bool { // the newest first
			return k.Node == id && (h.Runs == nil || k.Run == h.Runs[id][0])
		})
		if i < 0 {
			if h.New[id] {
				cannot = append(cannot, Unrestorable{Node: id, Why: "it was new: it stays", Stays: true})
			} else {
				refuse(id, "no earlier version is kept")
			}
			continue
		}
		k := s.Kept[i]
		record, current := s.Nodes[id], s.Relations[n.Relation]
		switch {
		case k.Relation != n.Relation:
			refuse(id, "its relation was %s then, and is %s now", k.Relation, n.Relation)
			continue
		case record.Fingerprint == "" || record.Relation != n.Relation || record.Kind != current.Kind:
			refuse(id, "the engine has no record of what %s holds now", n.Relation)
			continue
		case k.Kind != current.Kind:
			refuse(id, "it was a %s then, and is a %s now", k.Kind, current.Kind)
			continue
		case !k.As.IsZero() && s.Relations[k.As].Kind != warehouse.Table:
			refuse(id, "the kept table %s is gone", k.As)
			continue
		}
		a := &Action{
			Node: id, Verb: Replace, Materialized: k.Record.Materialized, Kind: k.Kind, Relation: n.Relation, Staged: n.Relation,
			Reasons: []string{fmt.Sprintf("back to the version of run %s, which run %s replaced", k.Record.Version, k.Run)},
			Keep:    &Keeping{Policy: retention(p, n).String(), Record: record},
			Restore: &Restore{Kept: k, Of: record.Version, Fingerprint: record.Fingerprint, Inputs: record.Inputs},
		}
		if retention(p, n).IsZero() {
			a.Keep.Policy = k.Policy
		}
		if n.File != nil {
			a.Origin.At = n.File.Whole()
		}
		a.Origin.Path = n.Path
		switch {
		case k.Kind == warehouse.Table:
			swap := warehouse.Swap{
				New: k.As, NewKind: warehouse.Table, Target: n.Relation, Old: warehouse.Table, Keep: materialize.KeptName(n.Relation, caps), Copied: caps.TransactionalDDL,
			}
			was, is := s.Relations[k.As].Layout, current.Layout
			swap.Respread = was != nil && is != nil && !was.SameSpread(is)
			a.Publish = append(a.Publish, swap)
		case caps.TransactionalDDL:
			// It may not fit the tables of today, so it is made when those of then are back.
			a.Publish = append(a.Publish, warehouse.Drop{Relation: n.Relation, Kind: warehouse.View}, warehouse.CreateViewAs{Target: n.Relation, Query: k.SQL})
			a.Publish = append(a.Publish, materialize.Described(n, caps)...)
		default:
			a.Publish = append(a.Publish, warehouse.CreateViewAs{Target: n.Relation, Query: k.SQL, Replace: true})
		}
		a.Publish = append(a.Publish, warehouse.SQL{Text: state.Forget(p.Target.Dialect, scope, k).SQL})
		out.Actions = append(out.Actions, a)
	}
	Date(out.Actions, s)
	at := map[addr.Node]bool{}
	for _, a := range out.Actions {
		for _, p := range p.Nodes[a.Node].Parents {
			if at[p] {
				a.Deps = append(a.Deps, p)
			}
		}
		at[a.Node] = true
	}
	slices.SortFunc(cannot, func(a, b Unrestorable) int { return a.Node.Compare(b.Node) })
	return out, cannot
}

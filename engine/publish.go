package engine

import (
	"context"
	"fmt"
	"maps"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// Publication says when a program's target publishes what is built, as configured.
func Publication(p *compile.Program) project.Publication {
	for _, t := range p.Project.Settings.Targets {
		if t.Name == p.Target.Name {
			how, _ := p.Project.Settings.PublicationOf(t)
			return how
		}
	}
	return project.ByNode
}

// Together makes of a plan for a program, made on a snapshot, one that publishes everything
// in one step or nothing. The program is compiled once more, by the same options, with
// what the plan builds read where it is built.
func Together(ctx context.Context, pl *plan.Plan, p *compile.Program, c warehouse.Conn, snapshot state.Snapshot, sel plan.Selection, o Options) (*plan.Plan, diag.List, error) {
	if sel.TestsOnly {
		return pl, nil, nil
	}
	place, ds := plan.Places(pl, p, snapshot, sel)
	if len(place) == 0 || ds.HasErrors() {
		return pl, ds, nil
	}
	o.Target = p.Target.Name
	o.Place = map[addr.Node]addr.Relation{}
	maps.Copy(o.Place, p.Place)
	maps.Copy(o.Place, place)
	aside, found := Compile(ctx, p.Project, o)
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	if found.HasErrors() {
		return pl, append(ds, found...), nil
	}
	out, more := plan.Together(pl, p, aside, snapshot, sel)
	ds.Add(more...)
	if replaced := out.Replaced(); len(replaced) > 0 && !ds.HasErrors() {
		// A plan by node has warned of what it blocks; here that keeps all from being published.
		found, err := warehouse.Dependents(named(ctx, p), c, replaced)
		if err != nil {
			return nil, nil, fmt.Errorf("ask what depends on %d relations: %w", len(replaced), err)
		}
		ds.Add(plan.Dependents(out, p, found)...)
	}
	return out, ds.Sorted(), nil
}

// Complete ends publications that earlier runs on the program's target began and did not
// end. A plan has to be made after it.
func Complete(ctx context.Context, p *compile.Program, c warehouse.Conn, o run.Options) ([]run.Completed, error) {
	return run.Complete(ctx, c, scopeOf(p), p.Target.Name, o)
}

// Rollback plans to put earlier versions back on a program's target: those before run and
// the runs after it, or before the last one for "last", or, with an empty run, of each
// wanted node the last one that is kept. It gives the run that it is about and the
// snapshot that the plan was made on.
func Rollback(ctx context.Context, p *compile.Program, c warehouse.Conn, runID string, wanted map[addr.Node]bool) (pl *plan.Plan, cannot []plan.Unrestorable, about string, err error) {
	ctx = named(ctx, p)
	snapshot, err := Snapshot(ctx, p, c)
	if err != nil {
		return nil, nil, "", err
	}
	scope := scopeOf(p)
	tables, err := state.Look(ctx, c, scope.Database)
	if err != nil {
		return nil, nil, "", err
	}
	if runID == "last" {
		if runID, err = state.LastPublished(ctx, c, scope, tables); err != nil {
			return nil, nil, "", err
		}
		if runID == "" {
			return &plan.Plan{}, nil, "", nil
		}
	}
	var h plan.History
	if runID != "" {
		if h.Runs, h.New, err = state.BuiltSince(ctx, c, scope, tables, runID); err != nil {
			return nil, nil, "", err
		}
		if len(h.Runs) == 0 {
			return nil, nil, runID, nil
		}
	}
	if err := layouts(ctx, c, snapshot); err != nil {
		return nil, nil, "", err
	}
	pl, cannot = plan.Rollback(p, snapshot, h, wanted)
	return pl, cannot, runID, nil
}

// layouts asks how kept tables are stored: a list of a schema does not say.
func layouts(ctx context.Context, c warehouse.Conn, snapshot state.Snapshot) error {
	var kept []addr.Relation
	for _, k := range snapshot.Kept {
		if _, there := snapshot.Relations[k.As]; there {
			kept = append(kept, k.As)
		}
	}
	if len(kept) == 0 {
		return nil
	}
	found, err := c.Inspect(ctx, kept)
	if err != nil {
		return fmt.Errorf("inspect %d kept tables: %w", len(kept), err)
	}
	for _, r := range found {
		for _, k := range kept {
			if r.Name == k || r.Name.Schema == k.Schema && r.Name.Name == k.Name {
				r.Name = k
				snapshot.Relations[k] = r
			}
		}
	}
	return nil
}

// KeptVersions are the versions that are kept of a program's nodes, the newest first, with
// keep_previous as it holds for them now.
func KeptVersions(p *compile.Program, snapshot state.Snapshot) []plan.Previous {
	return plan.KeptVersions(p, snapshot)
}

package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// publishFlags say when what is built is published, and what is built although a rollback
// holds it.
type publishFlags struct {
	how     string
	release []string
}

func (p *publishFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Var(newChoice(&p.how, "", project.Publications...), "publish", "`when` readers see it: node, each when it is done; run, all together or nothing; default: publish of the target")
	complete(cmd, "publish", project.Publications...)
	f.StringArrayVar(&p.release, "release", nil, "build these `names` although a rollback holds them; may be repeated; all for every one")
}

// releases are the nodes that the flags release.
func (s *session) releases(p publishFlags) (map[addr.Node]bool, error) {
	out := map[addr.Node]bool{}
	for _, name := range p.release {
		if name == "all" {
			for _, id := range s.program.Order {
				out[id] = true
			}
			continue
		}
		n, err := s.node(name)
		if err != nil {
			return nil, err
		}
		out[n.ID] = true
	}
	return out, nil
}

// decide plans on a snapshot, for the publication that flags or the target ask for.
func (s *session) decide(ctx context.Context, conn warehouse.Conn, snapshot state.Snapshot, sel plan.Selection) (*plan.Plan, error) {
	released, err := s.releases(s.publishing)
	if err != nil {
		return nil, err
	}
	sel.At, sel.Release = s.app.now(), released
	p, found, err := engine.PlanOn(ctx, s.program, conn, snapshot, sel)
	if err != nil {
		return nil, cmp.Or(ctx.Err(), err)
	}
	how := engine.Publication(s.program)
	if s.publishing.how != "" {
		how = project.Publication(s.publishing.how)
	}
	if how == project.ByRun && !found.HasErrors() {
		together, more, err := engine.Together(ctx, p, s.program, conn, snapshot, sel, s.options)
		if err != nil {
			return nil, cmp.Or(ctx.Err(), err)
		}
		p = together
		found.Add(more...)
	}
	if found.HasErrors() {
		return nil, &mistakes{append(s.warnings, found...), exitMistake}
	}
	s.warnings.Add(found...)
	s.warnings.Add(plan.Publishing(snapshot)...)
	return p, nil
}

// occupant is a run that has the lease of the target.
type occupant struct {
	lease *run.Lease
	id    string
}

// snapshot is what the target holds. What an earlier run began to publish is completed
// before, if there is a run that has the target.
func (s *session) snapshot(ctx context.Context, conn warehouse.Conn) (state.Snapshot, error) {
	snapshot, err := engine.Snapshot(ctx, s.program, conn)
	if err == nil && len(snapshot.Publishing) > 0 && s.tenant.lease != nil {
		if err = s.complete(ctx, conn); err == nil {
			snapshot, err = engine.Snapshot(ctx, s.program, conn)
		}
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return snapshot, err
}

// complete ends publications that earlier runs began, and says so.
func (s *session) complete(ctx context.Context, conn warehouse.Conn) error {
	done, err := engine.Complete(ctx, s.program, conn, run.Options{RunID: s.tenant.id, Now: s.app.now, Jobs: s.jobs(), Lease: s.tenant.lease})
	for _, c := range done {
		text := fmt.Sprintf("run %s had begun to publish %s together and has not ended: completed now", c.Run, view.Number(c.Nodes, "relation"))
		if c.Dropped {
			text = fmt.Sprintf("run %s died before it published anything", c.Run)
		}
		for _, n := range c.Again {
			text += fmt.Sprintf("; %s is built again", n.Name)
		}
		s.app.say(text)
	}
	return err
}

package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/warehouse"
)

const (
	codeRollback    diag.Code = "rollback-incomplete"
	codeRollbackRun diag.Code = "rollback-run"
)

// rollbackCodes are those of rollbacks.
var rollbackCodes = []diag.Entry{
	{Code: codeRollback, Title: "nodes that cannot be rolled back", Explain: "A rollback puts versions back that keep_previous has kept. If one of the nodes has none, or its kept table is gone, or it changed its kind meanwhile, nothing is rolled back unless --partial is given: half of a run may be worse than all of it.", Bad: "engine rollback # of a run with a model that keeps nothing", Good: "engine rollback --partial"},
	{Code: codeRollbackRun, Title: "no run to roll back", Explain: "The run has published nothing on this target, or its records were compacted.", Bad: "engine rollback --run 20260101T000000Z-00000000", Good: "engine versions # lists the runs whose previous versions are kept"},
}

func (a *app) rollbackCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rollback [selector…]",
		Short: "put the versions back that the last run replaced",
		Long: text(`
Puts earlier versions back that keep_previous has kept: of all nodes that the last run has
published, or with --run of all that this run and those after it have, or of the selected
nodes only the version before the one of today. It is done in one step, where the warehouse
can do that, and otherwise one closely after the other.

What is replaced is kept in turn, so that another rollback undoes this one. The nodes are
held: the next build does not publish again what was rolled back, until their definition
changes, or, if it was the data that was wrong, what they read. Each build says what is
held; engine build --release builds it all the same.

If a node cannot be put back, nothing is, unless --partial is given. Nodes that were new in
the run stay. Materialized views are never kept: the next build makes them.`),
		Example: `  engine rollback --dry-run          what would be put back
  engine rollback                    the last run as a whole
  engine rollback orders+            orders and what reads it, one version each
  engine rollback --run 20260314T021500Z-9c41d2aa
  engine versions                    what is kept`,
	}
	sel := a.selectFlags(cmd, false)
	runID := cmd.Flags().String("run", "", "take back this `run` and those after it; default: the last one, unless nodes are selected")
	dry := cmd.Flags().Bool("dry-run", false, "say what would be put back, and do nothing")
	partial := cmd.Flags().Bool("partial", false, "put back what can be, although something cannot")
	list := cmd.Flags().Bool("list", false, "list what is kept, as engine versions does")
	tenure := &tenureFlags{}
	tenure.register(cmd)
	a.outputFlag(cmd, "human", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		q, err := sel.query(args, builtKinds...)
		if err != nil {
			return err
		}
		some := !q.Whole()
		q.Defaults = false // a run is taken back as a whole
		s, chosen, err := a.chosen(ctx, q)
		if err != nil {
			return err
		}
		var wanted map[addr.Node]bool
		if some {
			wanted = chosen.Nodes
		}
		if *list {
			for _, other := range []string{"run", "dry-run", "partial"} {
				if cmd.Flags().Changed(other) {
					return mistake(diag.Diagnostic{Code: codeFlag, Message: "--list and --" + other + " do not go together", Help: "--list only shows what is kept"})
				}
			}
			return s.showVersions(ctx, wanted)
		}
		about := *runID
		if about == "" && !some {
			about = "last"
		}
		return s.rollback(ctx, about, wanted, *dry, *partial, *tenure)
	}
	return cmd
}

// rolledBack is the answer of engine rollback for programs.
type rolledBack struct {
	Status string              `json:"status"` // done, planned, failed
	RunID  string              `json:"run_id,omitempty"`
	Of     string              `json:"of_run,omitempty"`
	Nodes  []restored          `json:"nodes"`
	Cannot []plan.Unrestorable `json:"cannot,omitempty"`
	Failed []diag.JSON         `json:"diagnostics,omitempty"`
}

type restored struct {
	Node     addr.Node     `json:"node"`
	Relation addr.Relation `json:"relation"`
	Kind     string        `json:"kind"`
	Version  string        `json:"version"`  // the run that built what is put back
	Replaces string        `json:"replaces"` // the run whose version is taken back
	Rows     int64         `json:"rows"`
}

func (s *session) rollback(ctx context.Context, about string, wanted map[addr.Node]bool, dry, partial bool, tenure tenureFlags) error {
	id := newRunID(s.app.now())
	o := order{which: "rollback", tenure: tenure}
	o.selection.TestsOnly = dry // which takes no lease
	conn, lease, err := s.occupy(ctx, o, id)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer s.vacate(ctx, lease)
	s.tenant = occupant{lease, id}
	if _, err := s.snapshot(ctx, conn); err != nil {
		return err
	}
	p, cannot, of, err := engine.Rollback(ctx, s.program, conn, about, wanted)
	switch {
	case err != nil:
		return err
	case p == nil:
		return mistake(diag.Diagnostic{Code: codeRollbackRun, Message: fmt.Sprintf("run %q has published nothing on target %s", of, s.program.Target.Name), Help: "engine versions lists the runs whose previous versions are kept"})
	}
	answer := rolledBack{Status: "planned", Of: of, Nodes: []restored{}, Cannot: cannot}
	for _, a := range p.Actions {
		k := a.Restore.Kept
		answer.Nodes = append(answer.Nodes, restored{Node: a.Node, Relation: a.Relation, Kind: string(k.Kind), Version: k.Record.Version, Replaces: a.Restore.Of, Rows: k.Record.Rows})
	}
	blocked := slices.ContainsFunc(cannot, func(c plan.Unrestorable) bool { return !c.Stays })
	if len(p.Actions) == 0 || blocked && !partial && !dry {
		return mistake(notRolledBack(of, cannot, len(p.Actions)))
	}
	if dry {
		return s.answerRollback(answer)
	}
	result, err := engine.Apply(ctx, p, conn, run.Options{Jobs: s.jobs(), RunID: id, Now: s.app.now, Dir: s.dir, Version: versionText(), Lease: lease})
	if result == nil {
		return err
	}
	answer.Status, answer.RunID = "done", id
	var found diag.List
	found.Add(result.Diags...)
	for _, n := range result.Nodes {
		found.Add(n.Diags...)
	}
	if !result.OK() {
		answer.Status, answer.Failed = "failed", found.JSON()
		if wantsJSON(s.app.global.output) {
			_ = view.JSON(s.app.out, answer)
		} else {
			s.app.report(found, true)
		}
		return reported(exitFailed)
	}
	s.app.report(found, false)
	return s.answerRollback(answer)
}

func (s *session) answerRollback(r rolledBack) error {
	if wantsJSON(s.app.global.output) {
		return view.JSON(s.app.out, r)
	}
	var b strings.Builder
	width := 0
	for _, n := range r.Nodes {
		width = max(width, len(n.Relation.String()))
	}
	for _, n := range r.Nodes {
		what := n.Kind
		if n.Rows >= 0 && n.Kind == string(warehouse.Table) {
			what += " of " + view.Number(int(n.Rows), "row")
		}
		fmt.Fprintf(&b, "%-*s  %s, back to run %s\n", width, n.Relation, what, n.Version)
	}
	for _, c := range r.Cannot {
		fmt.Fprintf(&b, "%-*s  %s\n", width, c.Node.Name, c.Why)
	}
	if r.Status == "planned" {
		fmt.Fprintf(&b, "\n%s would be put back; nothing was done\n", view.Number(len(r.Nodes), "node"))
	} else {
		fmt.Fprintf(&b, "\ndone: %s put back in run %s, and held; engine rollback undoes it\n", view.Number(len(r.Nodes), "node"), r.RunID)
	}
	_, err := io.WriteString(s.app.out, b.String())
	return err
}

func notRolledBack(of string, cannot []plan.Unrestorable, could int) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeRollback, Message: "nothing is rolled back"}
	if of != "" {
		d.Message = fmt.Sprintf("run %s is not rolled back", of)
	}
	for _, c := range cannot {
		d.Notes = append(d.Notes, c.Node.Name+": "+c.Why)
	}
	switch {
	case could > 0:
		d.Help = fmt.Sprintf("--partial puts the other %s back; half of a run may not fit together", view.Number(could, "node"))
	default:
		d.Help = `versions are kept from the next build on with "keep_previous" in engine.yml, for example keep_previous: 7d`
	}
	return d
}

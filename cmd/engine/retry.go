package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/artifact"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/lineage"
)

func (a *app) retryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "retry",
		Short: "run again what failed or was skipped",
		Long: text(`
Repeats the last build, run, test, seed or snapshot for those nodes and tests that failed,
went wrong or were skipped, as target/run_results.json has them. Mend the cause first.

It is done as it was asked for: on the same target, with the same variables, --full-refresh,
--fail-fast, --store-failures, --defer and its --state. Variables given to retry take the place of the
former ones. --results names the folder of another run; --state is that of --defer alone.
Hooks of the run's start and end belong to every run, and are not repeated by themselves.

After a run that did not come to its end, and where that file is missing and the target's
records tell of a run that failed, it is engine build: what was published is unchanged and
kept, the rest is built.`),
		Example: `  engine build || engine retry
  engine retry --fail-fast
  engine retry --vars 'day: 2026-01-31'`,
		Args: unexpected,
	}
	r := &runFlags{}
	r.common(cmd)
	r.refresh(cmd)
	r.breaking(cmd)
	r.storing(cmd)
	r.tenure.register(cmd)
	r.publish.register(cmd)
	results := cmd.Flags().String("results", "", "`folder` with the run_results.json of the run to repeat; default: the project's target folder")
	must(cmd.MarkFlagDirname("results"))
	a.stateFlag(cmd)
	a.deferFlags(cmd)
	a.outputFlag(cmd, "human", "json", "github")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx := cmd.Context()
		s, err := a.load()
		if err != nil {
			return err
		}
		s.publishing = r.publish
		dir := s.target()
		if *results != "" {
			dir = a.absolute(*results)
		}
		path := filepath.Join(dir, "run_results.json")
		last, err := artifact.ReadRunResults(path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && *results != "":
			return mistake(noResults(a.shown(path), err))
		case errors.Is(err, fs.ErrNotExist):
			missing := err
			if err := s.compile(ctx); err != nil {
				return err
			}
			if resumed, err := s.resume(ctx, r); resumed || err != nil {
				return err
			}
			return mistake(noResults(a.shown(path), missing))
		case err != nil:
			return mistake(fileWrong("read", a.shown(path), err))
		}
		if which, _ := last.Args["which"].(string); which == "ci" || which == "clone" {
			// They work on what their own flags say, which the file does not know.
			return mistake(diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("the last run was engine %s, which retry cannot repeat", which), Help: fmt.Sprintf("run engine %s again with its flags: what is done is not done again", which)})
		}
		if s.options.Target == "" {
			s.options.Target, _ = last.Args["target"].(string)
		}
		if vars, ok := last.Args["vars"].(map[string]any); ok && len(s.options.Vars) == 0 {
			for k, v := range vars {
				s.options.Vars[k] = whole(v)
			}
		}
		a.compareAgain(last.Args)
		if err := s.limitAgain(last.Args); err != nil {
			return err
		}
		if err := s.compile(ctx); err != nil {
			return err
		}
		killed, _, _, err := s.lastRun(ctx, r, false)
		switch {
		case err != nil:
			return err
		case killed != nil:
			return s.goOn(ctx, r, s.unended(killed))
		}
		if len(last.Unfinished()) == 0 {
			return a.nothingToRetry()
		}
		o := s.again(last)
		if o.selection.Deferred, err = s.deferring(ctx, lineage.Selected{Nodes: o.selection.Nodes, Tests: o.selection.Tests}); err != nil {
			return err
		}
		o.junit = r.junit
		o.noCatalog, o.timing, o.selection.Force, o.budget = r.noCatalog, r.timing, r.full, r.budget
		o.failFast, o.store = r.failFast || given(last.Args, "fail_fast"), r.store || given(last.Args, "store_failures")
		o.selection.FullRefresh = o.selection.FullRefresh || r.fullRefresh
		o.tenure, o.deadline, o.selection.AllowBreaking = r.tenure, r.deadline, r.allowBreaking
		return s.perform(ctx, o)
	}
	return cmd
}

// given reports whether a switch was on in the arguments of a run.
func given(args map[string]any, name string) bool {
	on, _ := args[name].(bool)
	return on
}

// compareAgain defers as the last run did, unless the command says how.
func (a *app) compareAgain(args map[string]any) {
	c := &a.compare
	if c.defers || c.favor || c.deferTo != "" {
		return
	}
	c.defers, c.favor = given(args, "defer"), given(args, "favor_state")
	c.deferTo, _ = args["defer_state"].(string)
	if c.state == "" && (c.defers || c.favor) {
		c.state, _ = args["state"].(string)
	}
}

// resume goes on from what the target's records tell of the last run. resumed is false where
// they tell of none.
func (s *session) resume(ctx context.Context, r *runFlags) (resumed bool, err error) {
	killed, last, ok, err := s.lastRun(ctx, r, true)
	switch {
	case err != nil:
		return false, err
	case killed != nil:
		return true, s.goOn(ctx, r, s.unended(killed))
	case !ok:
		return false, nil
	case last.Verdict == "done":
		return true, s.app.nothingToRetry()
	}
	return true, s.goOn(ctx, r, fmt.Sprintf("run %s ended as «%s»", last.ID, last.Verdict))
}

// lastRun asks the target: killed is the lease of a run that did not come to its end, or
// that is at work now, and last the newest one that did, where records are asked for.
func (s *session) lastRun(ctx context.Context, r *runFlags, records bool) (killed *warehouse.Lease, last state.Run, ok bool, err error) {
	conn, err := s.awaited(ctx, order{tenure: r.tenure})
	if err != nil {
		return nil, state.Run{}, false, err
	}
	defer conn.Close()
	if killed, err = run.Holding(ctx, conn, s.scope()); err != nil || !records {
		return killed, state.Run{}, false, err
	}
	last, ok, err = state.LastRun(ctx, conn, s.scope())
	return killed, last, ok, err
}

// unended words a lease that was not given back.
func (s *session) unended(l *warehouse.Lease) string {
	if !l.Expired && !s.app.gone(l.Holder) {
		return fmt.Sprintf("run %s of %s has not ended", l.Holder.Run, l.Holder.Who())
	}
	return fmt.Sprintf("run %s of %s did not end", l.Holder.Run, l.Holder.Who())
}

// goOn builds what is not up to date.
func (s *session) goOn(ctx context.Context, r *runFlags, why string) error {
	if !s.app.global.quiet {
		s.app.say(why + ": resuming as engine build, what it had published is kept")
	}
	q, err := (&selectFlags{}).query(nil, append(builtKinds[:3:3], testedKinds...)...)
	if err != nil {
		return err
	}
	chosen, err := s.choose(ctx, q)
	if err != nil {
		return err
	}
	deferred, err := s.deferring(ctx, chosen)
	if err != nil {
		return err
	}
	return s.perform(ctx, order{
		which: "build", junit: r.junit, failFast: r.failFast, noCatalog: r.noCatalog, store: r.store, timing: r.timing, budget: r.budget, tenure: r.tenure, deadline: r.deadline,
		selection: plan.Selection{Nodes: chosen.Nodes, Tests: chosen.Tests, Force: r.full, AllowBreaking: r.allowBreaking, Deferred: deferred},
	})
}

func (a *app) nothingToRetry() error {
	if a.global.quiet {
		return nil
	}
	out := a.out
	if wantsJSON(a.global.output) {
		out = a.err // stdout is for documents
	}
	_, err := fmt.Fprintln(out, "nothing to retry: the last run had no failures")
	return err
}

// again is the order that finishes the last run. Where a run builds and tests, the tests
// of whatever is built again are run again, those that passed included: they passed on
// rows that were thrown away.
func (s *session) again(last *artifact.Previous) order {
	which, _ := last.Args["which"].(string)
	refresh, _ := last.Args["full_refresh"].(bool)
	o := order{which: which, selection: plan.Selection{
		Nodes: map[addr.Node]bool{}, Tests: map[addr.Node]bool{}, TestsOnly: which == "test", FullRefresh: refresh,
	}}
	unfinished := last.Unfinished()
	tests := map[addr.Node]*[]addr.Node{}
	for _, t := range s.program.Tests {
		tests[t.ID] = &t.Parents
	}
	for _, u := range s.program.UnitTests {
		tests[u.ID] = &[]addr.Node{u.Node}
	}
	for _, id := range unfinished {
		n, ok := artifact.Find(s.program, id)
		switch {
		case !ok: // no longer part of the project
		case tests[n] != nil:
			o.selection.Tests[n] = true
			if gated := s.last(*tests[n]); !o.selection.TestsOnly && !gated.IsZero() {
				o.selection.Nodes[gated] = true
			}
		default:
			o.selection.Nodes[n] = true
		}
	}
	for _, line := range last.Results {
		n, ok := artifact.Find(s.program, line.UniqueID)
		if ok && tests[n] != nil && slices.ContainsFunc(*tests[n], func(p addr.Node) bool { return o.selection.Nodes[p] }) {
			o.selection.Tests[n] = true
		}
	}
	return o
}

// last is the last of some nodes in topological order, sources aside: what a test gates.
func (s *session) last(nodes []addr.Node) addr.Node {
	for _, id := range slices.Backward(s.program.Order) {
		if id.Kind != addr.Source && slices.Contains(nodes, id) {
			return id
		}
	}
	return addr.Node{}
}

// whole makes a JSON number an integer where it is one.
func whole(v any) any {
	if f, ok := v.(float64); ok && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return int64(f)
	}
	return v
}

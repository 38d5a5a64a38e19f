package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/artifact"
	"github.com/engine-build/engine/engine/plan"
)

func (a *app) retryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "retry",
		Short: "run again what failed or was skipped",
		Long: text(`
Repeats the last build, run, test, seed or snapshot for those nodes and tests that failed,
went wrong or were skipped, as target/run_results.json has them. Mend the cause first.`),
		Example: `  engine build || engine retry
  engine retry --fail-fast`,
		Args: unexpected,
	}
	r := &runFlags{}
	r.common(cmd)
	r.storing(cmd)
	a.outputFlag(cmd, "human", "json", "github")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx := cmd.Context()
		s, err := a.load()
		if err != nil {
			return err
		}
		path := filepath.Join(s.target(), "run_results.json")
		last, err := artifact.ReadRunResults(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return mistake(noResults(a.shown(path), err))
		case err != nil:
			return mistake(fileWrong("read", a.shown(path), err))
		}
		if len(last.Unfinished()) == 0 {
			out := a.out
			if wantsJSON(a.global.output) {
				out = a.err // stdout is for documents
			}
			if !a.global.quiet {
				_, err = fmt.Fprintln(out, "nothing to retry: the last run had no failures")
			}
			return err
		}
		if s.options.Target == "" {
			s.options.Target, _ = last.Args["target"].(string)
		}
		if vars, ok := last.Args["vars"].(map[string]any); ok && len(s.options.Vars) == 0 {
			for k, v := range vars {
				s.options.Vars[k] = whole(v)
			}
		}
		if err := s.compile(ctx); err != nil {
			return err
		}
		o := s.again(last)
		o.failFast, o.noCatalog, o.store, o.selection.Force, o.budget = r.failFast, r.noCatalog, r.store, r.full, r.budget
		return s.perform(ctx, o)
	}
	return cmd
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

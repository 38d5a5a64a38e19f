package main

import (
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/lineage"
)

var (
	builtKinds  = []addr.Kind{addr.Seed, addr.Model, addr.Snapshot}
	testedKinds = []addr.Kind{addr.Test, addr.UnitTest}
)

// runFlags are the flags of commands that build.
type runFlags struct {
	fullRefresh, full, failFast, store, noCatalog bool
	timing                                        bool
	budget                                        budgetFlags
	tenure                                        tenureFlags
	junit                                         string
	deadline                                      span
	publish                                       publishFlags
	planFile                                      string
	allowBreaking                                 bool
	noShare, profile                              bool
	limit                                         limitFlags
	batches                                       batchFlags
}

func (r *runFlags) refresh(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVarP(&r.fullRefresh, "full-refresh", "f", false, "rebuild incremental models from nothing")
}

// breaking is of commands that build what contracts are about.
func (r *runFlags) breaking(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&r.allowBreaking, "allow-breaking", false, "build although it breaks what a contract promised, protected columns excepted")
}

func (r *runFlags) common(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&r.full, "full", false, "do everything selected, although it is unchanged")
	f.BoolVarP(&r.failFast, "fail-fast", "x", false, "stop at the first failure")
	f.BoolVar(&r.noCatalog, "no-catalog", false, "do not write the catalog")
	f.BoolVar(&r.timing, "timing", false, "show where the time went: every node, what it waited for, the critical path")
	r.budget.register(cmd)
	f.StringVar(&r.junit, "junit", "", "write the outcome as JUnit XML to this `file`, too")
	r.deadline.register(cmd)
}

func (r *runFlags) storing(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&r.store, "store-failures", false, "keep the failing rows of every test in a table")
}

// ordering makes the action of a command that builds or tests.
func (a *app) ordering(which string, sel *selectFlags, r *runFlags, kinds ...addr.Kind) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := a.limiting(r.limit); err != nil {
			return err
		}
		if r.planFile != "" && a.limit != nil {
			return mistake(wrongArguments(cmd, "--empty and --sample make another plan than that of --plan"))
		}
		if r.planFile != "" {
			return a.applySealed(cmd, args, which, r, kinds)
		}
		if r.profile && r.noCatalog {
			return mistake(wrongArguments(cmd, "--profile is for the catalog, which --no-catalog leaves out"))
		}
		q, err := sel.query(args, kinds...)
		if err != nil {
			return err
		}
		ctx := cmd.Context()
		a.keeps = true
		idle := a.busy("reading the project")
		s, chosen, err := a.chosen(ctx, q)
		idle()
		if err != nil {
			return err
		}
		deferred, err := s.deferring(ctx, chosen)
		if err != nil {
			return err
		}
		s.publishing, s.profile = r.publish, r.profile
		o := order{
			exposures: exposuresOf(which, chosen),
			which:     which, junit: r.junit, selects: selectedBy(q, chosen), excludes: q.Exclude, failFast: r.failFast, noCatalog: r.noCatalog, store: r.store, timing: r.timing, budget: r.budget, tenure: r.tenure, deadline: r.deadline, noShare: r.noShare,
			selection: plan.Selection{Nodes: chosen.Nodes, Tests: chosen.Tests, TestsOnly: which == "test", FullRefresh: r.fullRefresh, Force: r.full, AllowBreaking: r.allowBreaking, Deferred: deferred},
		}
		if err := r.batches.apply(&o.selection); err != nil {
			return err
		}
		return s.perform(ctx, o)
	}
}

// exposuresOf are the exposures that a command tells of: build takes note of them, as dbt does.
func exposuresOf(which string, chosen lineage.Selected) []addr.Node {
	if which != "build" {
		return nil
	}
	return slices.SortedFunc(maps.Keys(chosen.Exposures), addr.Node.Compare)
}

func (a *app) buildCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "build [selector…]",
		Short: "build and test what has changed",
		Long: text(`
Builds seeds, models and snapshots in order, each aside, runs its tests on what was built,
and publishes it only if they pass. A failing test of severity error leaves what was there
before and skips what reads it. What is unchanged, and reads nothing that changed, is kept.

The catalog is written to target/catalog, dbt's artifacts to target/.

On a warehouse that charges for reading, --max-bytes and --max-cost stop the command before
anything is sent when the estimate is above them (engine plan --cost shows it). What cannot
be estimated counts as too much, unless --allow-unknown-cost lets it begin; the run then
ends when the budget is used up.

One run builds in a target's schema at a time. Another one ends at once and says who is at
work, waits with --wait, or takes over with --steal. --deadline ends a run that takes too
long; engine retry, or the next build, does the rest.

On targets below distribution.targets customers get their slices of what was built
(engine publish), unless something failed; --no-distribute leaves that out.

--empty and --sample build a part: what models and snapshots ref is read without its rows, or
for a span of time. Nothing of it is taken for the whole later: the next build without them
builds it anew. Incremental models and snapshots that hold all of their rows stay as they are,
and customers get nothing of it.

--plan does just what a plan says that engine plan --out wrote and somebody reviewed. If
the project or the target have changed since, it ends with exit code 2 and says what has.`),
		Example: `  engine build                        all that has changed
  engine build --plan plan.json       what engine plan --out plan.json showed, or nothing
  engine build +orders                orders and what it reads
  engine build tag:finance --full     although unchanged
  engine build --max-bytes 500GB      unless it reads more than that
  engine build --timing               and say where the time went
  engine build --empty                every statement once, on no rows
  engine build --sample "3 days"      the rows of three days, where there is an event_time
  engine build --wait --deadline 2h   after the one that is at work, for two hours at most
  engine build -s stg_* -s core --exclude report_sales`,
	}
	sel, r := a.selectFlags(cmd, true), &runFlags{}
	a.deferFlags(cmd)
	r.refresh(cmd)
	r.batches.register(cmd)
	r.breaking(cmd)
	r.common(cmd)
	r.storing(cmd)
	a.outputFlag(cmd, "human", "json", "github")
	r.tenure.register(cmd)
	r.publish.register(cmd)
	planFlag(cmd, r)
	profileFlag(cmd, &r.profile)
	r.limit.register(cmd, true)
	cmd.Flags().BoolVar(&r.noShare, "no-distribute", false, "publish nothing to customers, although distribution.targets has the target")
	cmd.RunE = a.ordering("build", sel, r, append(append(builtKinds[:3:3], testedKinds...), addr.Exposure)...)
	return cmd
}

func (a *app) runCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run [selector…]",
		Short: "build models without tests",
		Long: text(`
Builds models that have changed, and nothing else: no seeds, no snapshots, no tests. Prefer
build: it never publishes what fails its tests.`),
		Example: `  engine run
  engine run orders+ --full-refresh`,
	}
	sel, r := a.selectFlags(cmd, false), &runFlags{}
	a.deferFlags(cmd)
	r.refresh(cmd)
	r.batches.register(cmd)
	r.breaking(cmd)
	r.common(cmd)
	a.outputFlag(cmd, "human", "json", "github")
	r.tenure.register(cmd)
	r.publish.register(cmd)
	planFlag(cmd, r)
	r.limit.register(cmd, true)
	cmd.RunE = a.ordering("run", sel, r, addr.Model)
	return cmd
}

func (a *app) testCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "test [selector…]",
		Short: "run tests on what is published",
		Long: text(`
Runs data tests and unit tests on the published relations. Nothing is built. A test that
passed on the very same content is not run again; --full runs it.`),
		Example: `  engine test
  engine test orders                       the tests of one model
  engine test test_type:unit
  engine test source:app --store-failures`,
	}
	sel, r := a.selectFlags(cmd, true), &runFlags{}
	a.deferFlags(cmd)
	r.common(cmd)
	r.storing(cmd)
	a.outputFlag(cmd, "human", "json", "github")
	cmd.RunE = a.ordering("test", sel, r, testedKinds...)
	return cmd
}

func (a *app) seedCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "seed [selector…]",
		Short: "load seeds",
		Long: text(`
Loads the data files of seeds/ that have changed. Every row that does not fit its column's
type is reported with line and column, and nothing of that file is loaded.`),
		Example: `  engine seed
  engine seed countries --full`,
	}
	sel, r := a.selectFlags(cmd, false), &runFlags{}
	a.deferFlags(cmd)
	r.refresh(cmd)
	r.common(cmd)
	a.outputFlag(cmd, "human", "json", "github")
	r.tenure.register(cmd)
	r.publish.register(cmd)
	planFlag(cmd, r)
	cmd.RunE = a.ordering("seed", sel, r, addr.Seed)
	return cmd
}

func (a *app) snapshotCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "snapshot [selector…]",
		Short: "record changes of rows over time",
		Long: text(`
Brings snapshots up to date: rows that changed get a new version, the old one is closed,
deleted ones are handled as hard_deletes says.`),
		Example: `  engine snapshot
  engine snapshot customers_history`,
	}
	sel, r := a.selectFlags(cmd, false), &runFlags{}
	a.deferFlags(cmd)
	r.common(cmd)
	a.outputFlag(cmd, "human", "json", "github")
	r.tenure.register(cmd)
	r.publish.register(cmd)
	planFlag(cmd, r)
	r.limit.register(cmd, false)
	cmd.RunE = a.ordering("snapshot", sel, r, addr.Snapshot)
	return cmd
}

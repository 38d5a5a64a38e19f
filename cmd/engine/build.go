package main

import (
	"github.com/spf13/cobra"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/plan"
)

var (
	builtKinds  = []addr.Kind{addr.Seed, addr.Model, addr.Snapshot}
	testedKinds = []addr.Kind{addr.Test, addr.UnitTest}
)

// runFlags are the flags of commands that build.
type runFlags struct {
	fullRefresh, full, failFast, store, noCatalog bool
	budget                                        budgetFlags
}

func (r *runFlags) refresh(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVarP(&r.fullRefresh, "full-refresh", "f", false, "rebuild incremental models from nothing")
}

func (r *runFlags) common(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&r.full, "full", false, "do everything selected, although it is unchanged")
	f.BoolVarP(&r.failFast, "fail-fast", "x", false, "stop at the first failure")
	f.BoolVar(&r.noCatalog, "no-catalog", false, "do not write the catalog")
	r.budget.register(cmd)
}

func (r *runFlags) storing(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&r.store, "store-failures", false, "keep the failing rows of every test in a table")
}

// ordering makes the action of a command that builds or tests.
func (a *app) ordering(which string, sel *selectFlags, r *runFlags, kinds ...addr.Kind) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		q, err := sel.query(args, kinds...)
		if err != nil {
			return err
		}
		ctx := cmd.Context()
		s, chosen, err := a.chosen(ctx, q)
		if err != nil {
			return err
		}
		return s.perform(ctx, order{
			which: which, selects: q.Select, excludes: q.Exclude, failFast: r.failFast, noCatalog: r.noCatalog, store: r.store, budget: r.budget,
			selection: plan.Selection{Nodes: chosen.Nodes, Tests: chosen.Tests, TestsOnly: which == "test", FullRefresh: r.fullRefresh, Force: r.full},
		})
	}
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
ends when the budget is used up.`),
		Example: `  engine build                        all that has changed
  engine build +orders                orders and what it reads
  engine build tag:finance --full     although unchanged
  engine build --max-bytes 500GB      unless it reads more than that
  engine build -s stg_* -s core --exclude report_sales`,
	}
	sel, r := a.selectFlags(cmd, true), &runFlags{}
	r.refresh(cmd)
	r.common(cmd)
	r.storing(cmd)
	a.outputFlag(cmd, "human", "json", "github")
	cmd.RunE = a.ordering("build", sel, r, append(builtKinds[:3:3], testedKinds...)...)
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
	r.refresh(cmd)
	r.common(cmd)
	a.outputFlag(cmd, "human", "json", "github")
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
	r.refresh(cmd)
	r.common(cmd)
	a.outputFlag(cmd, "human", "json", "github")
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
	r.common(cmd)
	a.outputFlag(cmd, "human", "json", "github")
	cmd.RunE = a.ordering("snapshot", sel, r, addr.Snapshot)
	return cmd
}

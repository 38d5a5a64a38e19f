package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/engine/plan"
)

func (a *app) planCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan [selector…]",
		Short: "show what build would do, and why",
		Long: text(`
Compares the project with what the target holds and shows what build would do: one line
per node, indented by how many others it waits for.

  +  create     nothing is there yet
  ~  replace    built aside and swapped in
  ^  update     changed in place, in one transaction
  ?  check      only its tests run
  =  unchanged

Nothing is built. --output json is the whole plan with every statement's operation.

--cost asks the warehouse what every statement will read, without running it, and shows
the bytes that are charged for, and money, per node and in total, with where each figure
comes from:

  dry run    the warehouse was asked about all that the node and its tests read
  last run   some of it is not there yet: what the node took when it was last built
  unknown    it was never built either; a figure is what is known so far, at least`),
		Example: `  engine plan
  engine plan --cost --max-cost 5     and exit code 2 if it would cost more
  engine plan +orders --full-refresh
  engine plan -o json > plan.json`,
	}
	sel, r := a.selectFlags(cmd, true), &runFlags{}
	r.refresh(cmd)
	cmd.Flags().BoolVar(&r.full, "full", false, "everything selected, although it is unchanged")
	cost := cmd.Flags().Bool("cost", false, "show what the build would read and cost")
	r.budget.register(cmd)
	a.outputFlag(cmd, "human", "json", "github")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		q, err := sel.query(args, append(builtKinds[:3:3], testedKinds...)...)
		if err != nil {
			return err
		}
		ctx := cmd.Context()
		s, chosen, err := a.chosen(ctx, q)
		if err != nil {
			return err
		}
		conn, err := s.connect(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		budget, err := s.budget(conn, r.budget)
		if err != nil {
			return err
		}
		p, err := s.plan(ctx, conn, plan.Selection{Nodes: chosen.Nodes, Tests: chosen.Tests, FullRefresh: r.fullRefresh, Force: r.full})
		if err != nil {
			return err
		}
		if *cost && !conn.Dialect().Caps().DryRun {
			s.warnings.Add(noEstimate(conn.Dialect().Name()))
			*cost = false
		}
		s.warn()
		if *cost || budget.IsSet() {
			if p.Cost, err = s.estimate(ctx, conn, p, nil); err != nil {
				return err
			}
			err = s.within(budget, p, p.Cost)
		}
		if err != nil && wantsJSON(a.global.output) {
			return err // the answer is what is wrong
		}
		return errors.Join(a.showPlan(p), err)
	}
	return cmd
}

func (a *app) showPlan(p *plan.Plan) error {
	if !wantsJSON(a.global.output) {
		text := a.outScreen().Plan(p)
		if p.Cost != nil {
			text += "\n" + a.outScreen().Cost(p.Cost)
		}
		_, err := io.WriteString(a.out, text)
		return err
	}
	b, err := p.JSON()
	if err != nil {
		return err
	}
	_, err = a.out.Write(append(b, '\n'))
	return err
}

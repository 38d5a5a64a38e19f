package main

import (
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

Nothing is built. --output json is the whole plan with every statement's operation.`),
		Example: `  engine plan
  engine plan +orders --full-refresh
  engine plan -o json > plan.json`,
	}
	sel, r := a.selectFlags(cmd, true), &runFlags{}
	r.refresh(cmd)
	cmd.Flags().BoolVar(&r.full, "full", false, "everything selected, although it is unchanged")
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
		p, err := s.plan(ctx, conn, plan.Selection{Nodes: chosen.Nodes, Tests: chosen.Tests, FullRefresh: r.fullRefresh, Force: r.full})
		if err != nil {
			return err
		}
		s.warn()
		return a.showPlan(p)
	}
	return cmd
}

func (a *app) showPlan(p *plan.Plan) error {
	if !wantsJSON(a.global.output) {
		_, err := io.WriteString(a.out, a.outScreen().Plan(p))
		return err
	}
	b, err := p.JSON()
	if err != nil {
		return err
	}
	_, err = a.out.Write(append(b, '\n'))
	return err
}

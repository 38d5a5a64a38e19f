package main

import (
	"cmp"
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

func (a *app) planCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan [selector…]",
		Short: "show what build would do, and why",
		Long: text(`
Compares the project with what the target holds and shows what build would do, and what
readers will notice of it. What changed itself comes with its columns and its SQL; what
follows from that stands below it:

  breaking          columns are gone, renamed or retyped, rows are no longer unique, a
                    promise is taken back; with those who read what breaks
  values may change values of existing columns, or the rows there are
  forward only      rows that are there stay as they are, new ones are made anew
  additive          only new columns
  same content      how it is written or stored changes

A first build, and one that only takes up new data, is a list, each node indented by how
many others it waits for.

  +  create     nothing is there yet
  ~  replace    built aside and swapped in
  ^  update     changed in place, in one transaction
  ?  check      only its tests run
  =  unchanged

Nothing is built. --output json is the whole plan with every statement's operation.

--out writes the plan with all that it relies on. engine build --plan does just that later, or
nothing, if the project or the target have changed since.

On targets below distribution.targets it ends with what customers would get;
engine publish --dry-run says more of that, and as JSON.

--cost asks the warehouse what every statement will read, without running it, and shows
the bytes that are charged for, and money, per node and in total, with where each figure
comes from:

  dry run    the warehouse was asked about all that the node and its tests read
  last run   some of it is not there yet: what the node took when it was last built
  unknown    it was never built either; a figure is what is known so far, at least`),
		Example: `  engine plan
  engine plan --no-diff               without SQL
  engine plan --out plan.json && engine build --plan plan.json
  engine plan --cost --max-cost 5     and exit code 2 if it would cost more
  engine plan +orders --full-refresh
  engine plan -o json > plan.json`,
	}
	sel, r := a.selectFlags(cmd, true), &runFlags{}
	r.refresh(cmd)
	r.batches.register(cmd)
	r.breaking(cmd)
	cmd.Flags().BoolVar(&r.full, "full", false, "everything selected, although it is unchanged")
	noDiff := cmd.Flags().Bool("no-diff", false, "do not show how the SQL changed")
	out := cmd.Flags().String("out", "", "write the plan to a `file`, for engine build --plan")
	must(cmd.MarkFlagFilename("out", "json"))
	cost := cmd.Flags().Bool("cost", false, "show what the build would read and cost")
	r.budget.register(cmd)
	r.publish.register(cmd)
	a.deferFlags(cmd)
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
		deferred, err := s.deferring(ctx, chosen)
		if err != nil {
			return err
		}
		s.publishing = r.publish
		conn, err := s.connect(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		budget, err := s.budget(conn, r.budget)
		if err != nil {
			return err
		}
		asked := plan.Selection{Nodes: chosen.Nodes, Tests: chosen.Tests, FullRefresh: r.fullRefresh, Force: r.full, AllowBreaking: r.allowBreaking, Deferred: deferred}
		if err := r.batches.apply(&asked); err != nil {
			return err
		}
		made, err := s.survey(ctx, conn, asked)
		if err != nil {
			return err
		}
		p := made.plan
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
		var shared *foreseen
		if err == nil {
			if shared, err = s.foresee(ctx, conn, p, made.snapshot); err != nil {
				return err
			}
			s.warn()
		}
		if err := errors.Join(a.showPlan(p, view.PlanOptions{NoDiff: *noDiff}, shared), err); err != nil || *out == "" {
			return err
		}
		q.Select = selectedBy(q, chosen)
		return s.seal(a.absolute(*out), made, q)
	}
	return cmd
}

// showPlan shows a plan, and what customers would get.
func (a *app) showPlan(p *plan.Plan, o view.PlanOptions, shared *foreseen) error {
	if !wantsJSON(a.global.output) {
		text := a.outScreen().Plan(p, o)
		if more := shared.text(a.outScreen()); more != "" {
			text += "\n" + more
		}
		if p.Cost != nil {
			text += "\n" + a.outScreen().Cost(p.Cost)
		}
		_, err := io.WriteString(a.out, text)
		return err
	}
	b, err := shared.document(p)
	if err != nil {
		return err
	}
	_, err = a.out.Write(append(b, '\n'))
	return err
}

// surveyed is a plan with what it was made of.
type surveyed struct {
	plan      *plan.Plan
	snapshot  state.Snapshot
	selection plan.Selection
}

// survey is plan with a review.
func (s *session) survey(ctx context.Context, conn warehouse.Conn, sel plan.Selection) (surveyed, error) {
	snapshot, err := engine.Snapshot(ctx, s.program, conn)
	if err != nil {
		return surveyed{}, cmp.Or(ctx.Err(), err)
	}
	p, err := s.decide(ctx, conn, snapshot, sel)
	if err != nil {
		return surveyed{}, err
	}
	if p.Review, err = engine.Review(ctx, p, s.program, conn, snapshot); err != nil {
		return surveyed{}, cmp.Or(ctx.Err(), err)
	}
	p.Review.Forecast = forecast(run.Predict(p, s.jobs()))
	return surveyed{p, snapshot, sel}, nil
}

// forecast is a prediction as part of a plan.
func forecast(f run.Forecast) *plan.Forecast {
	out := &plan.Forecast{Makespan: f.Makespan.Seconds(), Critical: f.Critical.Seconds(), Jobs: f.Jobs, Guessed: f.Guessed, Path: []plan.Step{}}
	for _, step := range f.Path {
		out.Path = append(out.Path, plan.Step{Node: step.Node, Seconds: step.Took.Seconds(), Guessed: step.Guessed})
	}
	return out
}

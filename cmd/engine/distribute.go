package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/distribute"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

const codeNoDistribution diag.Code = "distribution-missing"

// distributeCodes are those of commands about customers.
var distributeCodes = []diag.Entry{
	{Code: codeNoDistribution, Title: "a project without customers", Explain: "engine publish, engine customers and --customer are about what the section distribution of engine.yml says. Without it there are no customers.", Bad: "engine publish # no distribution in engine.yml", Good: "distribution:\n  customers: {csv: config/customers.csv}\n  customer_tenants: {csv: config/customer_tenants.csv}"},
}

// shareFlags say what is published to whom.
type shareFlags struct {
	customers []string
	dry       bool
	force     bool
	empty     bool
	budget    budgetFlags
	tenure    tenureFlags
	deadline  span
}

func (a *app) publishCommand() *cobra.Command {
	f := &shareFlags{}
	cmd := &cobra.Command{
		Use:   "publish",
		Short: "give every customer its slice of what is built",
		Long: text(`
Publishes to every customer of the distribution in engine.yml what of its slice has changed:
rows of its tenants, rows that links and transfers give it, shared models, its custom fields,
in schemas of its own. Who the customers are is read once, from engine.yml, files or models,
and frozen for the run.

What many customers read is read once for all of them. Then customers are published side by
side, each on its own: made aside, proven by independent queries, and published in one step.
A customer for whom something goes wrong keeps what it had, and the others get theirs.
Customers and models that are unchanged are left alone. A run that was killed is repaired by
the next one.

Access is granted to a customer's principals, and taken from those that are configured no
more before anything new is published. What the engine did not make is never touched.

Exit code 1: a customer failed, or a proof did. Exit code 2: the project or the configuration
is wrong, and nothing was published. On targets below distribution.targets this is the last
phase of engine build, too.`),
		Example: `  engine publish
  engine publish --dry-run                 who gets what, and why
  engine publish --customer acme --customer bmw
  engine publish --force --customer acme   although nothing has changed
  engine publish -j 8 -o json
  engine publish --deadline 45m            what was not begun by then keeps what it had`,
	}
	fl := cmd.Flags()
	fl.StringArrayVar(&f.customers, "customer", nil, "only these `customers`; may be repeated")
	must(cmd.RegisterFlagCompletionFunc("customer", a.completeCustomer))
	fl.BoolVar(&f.dry, "dry-run", false, "show what would be published, and publish nothing")
	fl.BoolVar(&f.dry, "plan", false, "the same as --dry-run")
	fl.BoolVar(&f.force, "force", false, "publish although it is unchanged")
	fl.BoolVar(&f.empty, "allow-empty", false, "publish although there are no customers, or no tenants, any more")
	f.budget.register(cmd)
	f.tenure.register(cmd)
	f.deadline.register(cmd)
	a.outputFlag(cmd, "human", "json", "github")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := unexpected(cmd, args); err != nil {
			return err
		}
		s, err := a.compiled(cmd.Context())
		if err != nil {
			return err
		}
		if err := s.distributing(); err != nil {
			return err
		}
		if f.dry {
			return s.showDistribution(cmd.Context(), f)
		}
		return s.publishCustomers(cmd.Context(), f)
	}
	return cmd
}

// distributing refuses projects without customers.
func (s *session) distributing() error {
	if s.project.Settings.Distribution == nil {
		return mistake(diag.Diagnostic{Code: codeNoDistribution, Message: "the project has no customers: engine.yml has no \"distribution\"", Help: "see docs/distribution.md"})
	}
	return nil
}

// names are the customers that flags ask for: also as one list with commas.
func (f *shareFlags) names() []string {
	var out []string
	for _, c := range f.customers {
		for _, name := range strings.Split(c, ",") {
			if name = strings.TrimSpace(name); name != "" && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

// prepared reads what there is and plans. What is wrong ends the command; a plan that comes with
// the error is for takeBack.
func (s *session) prepared(ctx context.Context, conn warehouse.Conn, q distribute.Request, code int) (*distribute.Prepared, error) {
	q.At = s.app.now()
	p, found, err := distribute.Prepare(ctx, s.program, conn, q)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	if found.HasErrors() {
		return p, &mistakes{append(s.warnings, found...), code}
	}
	s.warnings.Add(found...)
	s.noteCustomers(p)
	return p, nil
}

// takeBack takes access from those who shall not have it any more, where nothing can be published
// for the reason given; that is what the command ends with.
func (s *session) takeBack(ctx context.Context, conn warehouse.Conn, p *distribute.Prepared, lease *run.Lease, id string, reason error) error {
	if p == nil {
		return reason
	}
	losses, err := distribute.TakeBack(s.errand(ctx, id), p.Plan, conn, distribute.Options{Jobs: s.jobs(), RunID: id, Now: s.app.now, Lease: lease})
	found := distribute.TakenBack(losses)
	if err != nil && ctx.Err() == nil {
		found.Add(mistakeList(err)...)
	}
	var known *mistakes
	if errors.As(reason, &known) {
		return &mistakes{append(slices.Clone(known.list), found...), known.code}
	}
	s.warnings.Add(found...)
	s.warn()
	return reason
}

// errand is ctx for statements of a run, or of no run.
func (s *session) errand(ctx context.Context, id string) context.Context {
	return warehouse.WithJob(ctx, warehouse.Job{Run: id, Project: s.project.Settings.Name.V, Target: s.program.Target.Name})
}

// showDistribution is --dry-run: nothing is written.
func (s *session) showDistribution(ctx context.Context, f *shareFlags) error {
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	snapshot, err := s.snapshot(ctx, conn)
	if err != nil {
		return err
	}
	p, err := s.prepared(s.errand(ctx, ""), conn, distribute.Request{Only: f.names(), Force: f.force, AllowEmpty: f.empty, Snapshot: snapshot}, exitMistake)
	if err != nil {
		return err
	}
	s.warnings.Add(distribute.Resting(f.names(), p.Config)...)
	s.warn()
	if wantsJSON(s.app.global.output) {
		b, err := p.Plan.JSON()
		if err != nil {
			return err
		}
		_, err = s.app.out.Write(append(b, '\n'))
		return err
	}
	_, err = io.WriteString(s.app.out, s.app.outScreen().DistributionPlan(p.Plan))
	return err
}

// publishCustomers is engine publish.
func (s *session) publishCustomers(ctx context.Context, f *shareFlags) error {
	id := newRunID(s.app.now())
	conn, lease, err := s.occupy(ctx, order{which: "publish", tenure: f.tenure}, id)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer s.vacate(ctx, lease)
	budget, err := s.budget(conn, f.budget)
	if err != nil {
		return err
	}
	s.tenant = occupant{lease, id}
	s.unfinished(lease, &plan.Plan{})
	if d := s.deadline(f.deadline); d > 0 {
		bounded, stop := run.WithDeadline(ctx, d, d)
		defer stop()
		ctx = bounded
	}
	err = s.publishUnder(ctx, conn, f, lease, id, budget)
	if d, reached := run.DeadlineReached(ctx); reached && err != nil && !errors.As(err, new(reported)) {
		return &mistakes{diag.List{d}, exitFailed}
	}
	return err
}

// publishUnder is publishCustomers under a lease, and before a deadline.
func (s *session) publishUnder(ctx context.Context, conn warehouse.Conn, f *shareFlags, lease *run.Lease, id string, budget plan.Budget) error {
	snapshot, err := s.snapshot(ctx, conn)
	if err != nil {
		return err
	}
	p, err := s.prepared(s.errand(ctx, id), conn, distribute.Request{Only: f.names(), Force: f.force, AllowEmpty: f.empty, Freeze: true, Snapshot: snapshot}, exitMistake)
	if err != nil {
		return s.takeBack(ctx, conn, p, lease, id, err)
	}
	s.warnings.Add(distribute.Resting(f.names(), p.Config)...)
	s.warn()
	result, err := s.give(ctx, conn, p, lease, id, budget.MaxBilled(warehouse.PriceOf(conn)), 0)
	if err != nil {
		return err
	}
	s.vacate(ctx, lease)
	a := s.app
	switch {
	case wantsJSON(a.global.output):
		_ = view.JSON(a.out, view.DistributionOf(result))
	case a.global.output == "github":
		_, _ = io.WriteString(a.out, view.Annotations(view.DistributionTroubles(result)))
	}
	if !result.OK() {
		return reported(exitFailed)
	}
	return nil
}

// give does what a plan says, under a view. Of the bytes that the run may be billed for, 0 for
// any number, it was billed for some before.
func (s *session) give(ctx context.Context, conn warehouse.Conn, p *distribute.Prepared, lease *run.Lease, id string, most, billed int64) (*distribute.Result, error) {
	screen := s.app.outScreen()
	if wantsJSON(s.app.global.output) || s.app.global.output == "github" {
		screen = s.app.errScreen()
	}
	lines := s.app.global.logFormat == "json"
	if !lines && !screen.Quiet && len(p.Plan.Customers) > 0 {
		_, _ = fmt.Fprintf(screen.Out, "%s on target %s: %s to publish, %d unchanged, %s\n\n", screen.Paint(view.Bold, "customers of "+p.Plan.Project), p.Plan.Target,
			view.Number(len(p.Plan.Customers), "customer"), p.Plan.Unchanged.Customers, view.Number(s.jobs(), "worker"))
	}
	v := view.NewDistribution(screen, p.Plan, id, lines)
	quiet := s.app.telling(v.Note)
	defer quiet()
	stop := ticking(v.Tick)
	result, err := distribute.Apply(s.errand(ctx, id), p.Plan, conn, distribute.Options{
		Jobs: s.jobs(), RunID: id, Now: s.app.now, Sink: v.Event, Workshop: p.Workshop, Lease: lease, MaxBilled: most, Billed: billed,
	})
	stop()
	if err != nil {
		v.Abandon()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	v.Finish(result)
	return result, nil
}

// share is the last phase of a build on targets that distribute. It gives the outcome, nil
// where there was nothing to distribute or the build failed. Both have one budget and one
// deadline.
func (s *session) share(ctx context.Context, conn warehouse.Conn, built *run.Result, o order, id string, budget plan.Budget) (*distribute.Result, error) {
	if o.which != "build" || o.noShare || s.options.Limit != nil || s.app.schemaSuffix != "" || !distribute.Distributes(s.program) {
		return nil, nil
	}
	if !built.OK() {
		s.app.say("nothing is published to customers: the build failed")
		return nil, s.withoutBuild(ctx, conn, built, o.lease, id)
	}
	if all := s.deadline(o.deadline); all > 0 {
		bounded, stop := run.WithDeadline(ctx, all-s.app.now().Sub(built.Start), all)
		defer stop()
		result, err := s.shared(bounded, conn, built, o, id, budget)
		if d, reached := run.DeadlineReached(bounded); reached && err != nil {
			return nil, &mistakes{diag.List{d}, exitFailed}
		}
		return result, err
	}
	return s.shared(ctx, conn, built, o, id, budget)
}

// withoutBuild takes access back after a build that failed, where what says who has access is
// built and has passed its tests.
func (s *session) withoutBuild(ctx context.Context, conn warehouse.Conn, built *run.Result, lease *run.Lease, id string) error {
	if built.Canceled {
		return nil
	}
	sources := distribute.Sources(s.program)
	for _, n := range built.Nodes {
		left := n.Status.Bad() || n.Status == run.Skipped || n.Status == run.Unpublished || slices.ContainsFunc(n.Tests, func(t run.TestResult) bool { return t.Status.Bad() })
		if left && sources[n.Node] {
			return nil
		}
	}
	snapshot, err := engine.Snapshot(ctx, s.program, conn)
	if err != nil {
		return err
	}
	p, _, err := distribute.Prepare(s.errand(ctx, id), s.program, conn, distribute.Request{Snapshot: snapshot, At: s.app.now()})
	if err != nil {
		return err
	}
	return s.takeBack(ctx, conn, p, lease, id, nil)
}

// shared is share under the deadline of the build.
func (s *session) shared(ctx context.Context, conn warehouse.Conn, built *run.Result, o order, id string, budget plan.Budget) (*distribute.Result, error) {
	snapshot, err := engine.Snapshot(ctx, s.program, conn)
	if err != nil {
		return nil, err
	}
	p, err := s.prepared(s.errand(ctx, id), conn, distribute.Request{Freeze: true, Snapshot: snapshot}, exitFailed)
	if err != nil {
		return nil, s.takeBack(ctx, conn, p, o.lease, id, err)
	}
	s.warn()
	if !s.app.global.quiet && !wantsJSON(s.app.global.output) && s.app.global.logFormat != "json" {
		_, _ = io.WriteString(s.app.out, "\n")
	}
	return s.give(ctx, conn, p, o.lease, id, budget.MaxBilled(warehouse.PriceOf(conn)), built.Usage().Billed)
}

// foreseen is what a build would publish to customers: nothing where it publishes nothing, and a
// nil plan where that is known only after it.
type foreseen struct{ plan *distribute.Plan }

// foresee says what a build would publish to customers: what it builds counts as changed.
func (s *session) foresee(ctx context.Context, conn warehouse.Conn, p *plan.Plan, snapshot state.Snapshot) (*foreseen, error) {
	if !distribute.Distributes(s.program) || s.app.schemaSuffix != "" {
		return nil, nil
	}
	will := distribute.Request{Snapshot: snapshot, At: s.app.now(), Builds: true}
	for _, a := range p.Actions {
		if a.Verb != plan.Check {
			will.Changes = append(will.Changes, a.Node)
		}
	}
	made, found, err := distribute.Prepare(s.errand(ctx, ""), s.program, conn, will)
	switch {
	case err != nil:
		return nil, err
	case made == nil && distribute.Unbuilt(found):
		return &foreseen{}, nil
	case found.HasErrors():
		return nil, &mistakes{found, exitMistake}
	}
	s.warnings.Add(found...)
	return &foreseen{made.Plan}, nil
}

// text is what is foreseen, for people.
func (f *foreseen) text(screen view.Screen) string {
	switch {
	case f == nil:
		return ""
	case f.plan == nil:
		return "customers: who they are, and what they get, is known after the build\n"
	}
	return screen.DistributionPlan(f.plan)
}

// document is the JSON of a plan with what is foreseen: distribution is absent where nothing is
// published, null where that is known only after the build.
func (f *foreseen) document(p *plan.Plan) ([]byte, error) {
	if f == nil {
		return p.JSON()
	}
	return json.MarshalIndent(struct {
		*plan.Plan
		Distribution *distribute.Plan `json:"distribution"`
	}{p, f.plan}, "", "  ")
}

// customersFile has the names of customers for completion.
const customersFile = "customers.json"

// noteCustomers keeps the customers' names for completion, which opens no warehouse. A folder
// that cannot be written is no mistake.
func (s *session) noteCustomers(p *distribute.Prepared) {
	names := make([]string, 0, len(p.Config.Customers))
	for i := range p.Config.Customers {
		names = append(names, p.Config.Customers[i].Name)
	}
	b, err := json.Marshal(names)
	if err != nil {
		return
	}
	path := filepath.Join(s.target(), customersFile)
	if before, err := os.ReadFile(path); err == nil && string(before) == string(b) {
		return
	}
	if err := os.MkdirAll(s.target(), 0o755); err == nil {
		_ = os.WriteFile(path, b, 0o644)
	}
}

// completeCustomer offers the customers' names: those that stand in the project, and those
// that the last command knew.
func (a *app) completeCustomer(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	if a.fromEnvironment(cmd) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	s, err := a.load()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return s.knownCustomers(), cobra.ShellCompDirectiveNoFileComp
}

// knownCustomers are the names that are known without the warehouse: those that stand in the
// project, and those that the last command read there.
func (s *session) knownCustomers() []string {
	var names []string
	if b, err := os.ReadFile(filepath.Join(s.target(), customersFile)); err == nil {
		_ = json.Unmarshal(b, &names)
	}
	names = append(names, distribute.Written(s.project.Settings.Distribution)...)
	slices.Sort(names)
	return slices.Compact(names)
}

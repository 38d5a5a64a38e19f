package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/artifact"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/distribute"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/warehouse"
)

// order is what a command wants done: the part that differs between build, run, test,
// seed, snapshot and retry.
type order struct {
	which     string // name of the command, for the artifacts
	selection plan.Selection
	exposures []addr.Node // selected ones, for the artifacts
	selects   []string    // as written, for the artifacts
	excludes  []string
	failFast  bool
	noCatalog bool
	store     bool // keep failing rows of every test
	timing    bool // show where the time went
	budget    budgetFlags
	tenure    tenureFlags
	deadline  span
	lease     *run.Lease // under which it is done
	junit     string     // file for the outcome as JUnit XML, empty for none
	noShare   bool       // customers get nothing, whatever the target says
	done      func(*run.Result)
	sealed    *plan.Sealed // the plan that was made before, nil if one is to be made
}

// perform plans the order, applies the plan, shows it and writes the artifacts.
func (s *session) perform(ctx context.Context, o order) error {
	o.selection.StoreFailures = o.store
	id := s.app.runID()
	conn, lease, err := s.occupy(ctx, o, id)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer s.vacate(ctx, lease)
	o.lease = lease
	budget, err := s.budget(conn, o.budget)
	if err != nil {
		return err
	}
	s.tenant = occupant{lease, id}
	p, err := s.planned(ctx, conn, o)
	if err != nil {
		return err
	}
	if s.app.dbt != nil && len(o.selection.Nodes)+len(o.selection.Tests) == 0 {
		p.OnRunStart, p.OnRunEnd = nil, nil // dbt runs no hooks where nothing is selected
	}
	s.unfinished(lease, p)
	s.warn()
	if err := s.afford(ctx, conn, p, budget); err != nil {
		return err
	}
	result, err := s.apply(ctx, p, conn, o, budget, id)
	if result == nil {
		return err
	}
	shared, serr := s.share(ctx, conn, result, o, id, budget)
	s.vacate(ctx, lease)
	if o.done != nil {
		o.done(result)
	}
	idle := s.app.busy("writing the catalog")
	written, werr := s.record(ctx, conn, result, o)
	idle()
	if o.junit != "" {
		werr = errors.Join(werr, s.writeJUnit(o.junit, result))
	}
	if werr != nil {
		s.app.report(mistakeList(werr), false)
	}
	if serr != nil {
		list := mistakeList(serr)
		var known *mistakes
		if errors.As(serr, &known) {
			list = known.list
		}
		s.app.report(list, false)
	}
	s.answer(result, shared, written)
	switch {
	case err != nil:
		return err
	case !result.OK() || werr != nil || serr != nil || shared != nil && !shared.OK():
		return reported(exitFailed)
	}
	return nil
}

// apply runs the plan under a view.
func (s *session) apply(ctx context.Context, p *plan.Plan, conn warehouse.Conn, o order, budget plan.Budget, id string) (*run.Result, error) {
	v := s.view(p, view.RunOptions{Jobs: s.jobs(), RunID: id, Price: warehouse.PriceOf(conn), Timing: o.timing, Project: p.Project, Target: p.Target, Expected: expectation(p, s.jobs())})
	quiet := s.app.telling(v.Note)
	defer quiet()
	stop := ticking(v.Tick)
	result, err := engine.Apply(ctx, p, conn, run.Options{
		Jobs: s.jobs(), RunID: id, Now: s.app.now, Sink: v.Event, Dir: s.dir, FailFast: o.failFast, Version: versionText(),
		EndHooks:  s.endHooks,
		MaxBilled: budget.MaxBilled(warehouse.PriceOf(conn)), Lease: o.lease, Deadline: s.deadline(o.deadline),
	})
	stop()
	if result == nil {
		v.Abandon()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		var stopped diag.Diagnostic
		if errors.As(err, &stopped) {
			err = failure(stopped)
		}
		return nil, err
	}
	v.Finish(result)
	return result, err
}

// expectation is how long a run of p will take, 0 where earlier runs have not shown how long
// most of its actions do.
func expectation(p *plan.Plan, jobs int) time.Duration {
	f := run.Predict(p, jobs)
	if f.Actions == 0 || 2*f.Guessed > f.Actions {
		return 0
	}
	return f.Makespan
}

// endHooks makes the statements of on-run-end from what a run has come to.
func (s *session) endHooks(r *run.Result) ([]string, diag.List) {
	results, schemas, err := artifact.Outcomes(r, s.program)
	if err != nil {
		return nil, diag.List{plainError(err)}
	}
	return s.program.EndHooks(results, schemas)
}

// view is the view that the flags ask for. With --output json the answer has stdout for
// itself, and progress goes to stderr.
func (s *session) view(p *plan.Plan, o view.RunOptions) view.Run {
	if s.app.dbt != nil {
		return s.app.dbt.view(s, p)
	}
	screen := s.app.outScreen()
	if wantsJSON(s.app.global.output) {
		screen = s.app.errScreen()
	}
	if s.app.global.logFormat == "json" {
		return view.NewLines(screen, o)
	}
	if !screen.Quiet {
		_, _ = io.WriteString(screen.Out, s.headline(p, screen, o))
	}
	return view.NewHuman(screen, o, p)
}

func (s *session) headline(p *plan.Plan, screen view.Screen, o view.RunOptions) string {
	tests := 0
	for _, a := range p.Actions {
		tests += len(a.Tests) + len(a.UnitTests)
	}
	unchanged, _ := view.Kept(p)
	text := screen.Paint(view.Bold, p.Project) + fmt.Sprintf(" on target %s: %d to do with %s, %d unchanged, %s\n", p.Target, len(p.Actions), view.Number(tests, "test"), unchanged, view.Number(s.jobs(), "worker"))
	if screen.Live || screen.Verbose {
		text += screen.Paint(view.Dim, "run "+o.RunID+expectedTime(o.Expected)) + "\n"
	}
	return screen.Fold(text, "  ") + "\n"
}

// expectedTime is «, about 2 min by earlier runs», empty for what is not known.
func expectedTime(d time.Duration) string {
	if d < time.Second {
		return ""
	}
	return ", about " + view.Roughly(d) + " by earlier runs"
}

// ticking calls f ten times a second until it is stopped.
func ticking(f func()) (stop func()) {
	ticker := time.NewTicker(100 * time.Millisecond)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-ticker.C:
				f()
			case <-done:
				return
			}
		}
	}()
	return func() {
		ticker.Stop()
		close(done)
		<-ended
	}
}

// busy says on a live terminal what is being done, if it takes a while, until the returned
// function is called. Nothing else may be shown meanwhile but what say shows.
func (a *app) busy(what string) (done func()) {
	return a.showing(func(s view.Screen) *view.Busy { return view.NewBusy(s, what) }, nil)
}

// showing is busy with a display of its own; with is told of it where there is one.
func (a *app) showing(display func(view.Screen) *view.Busy, with func(*view.Busy)) (done func()) {
	screen := a.outScreen()
	if wantsJSON(a.global.output) || a.global.output == "github" {
		screen = a.errScreen()
	}
	if !screen.Live || screen.Quiet || a.dbt != nil || a.global.logFormat == "json" {
		return func() {}
	}
	b := display(screen)
	if with != nil {
		with(b)
	}
	quiet := a.telling(b.Note)
	stop := ticking(b.Tick)
	return func() {
		stop()
		quiet()
		b.Clear()
	}
}

// answer says where things are, or gives programs the document they asked for.
func (s *session) answer(r *run.Result, shared *distribute.Result, written places) {
	a := s.app
	if a.dbt != nil {
		return // its view has said all
	}
	if wantsJSON(a.global.output) {
		doc := view.DocumentOf(r)
		if shared != nil {
			given := view.DistributionOf(shared)
			doc.Distribution = &given
		}
		_ = view.JSON(a.out, doc)
		return
	}
	if a.global.output == "github" {
		found := view.Troubles(r)
		if shared != nil {
			found = append(found, view.DistributionTroubles(shared)...)
		}
		_, _ = io.WriteString(a.out, view.Annotations(found))
	}
	if a.global.quiet || a.global.logFormat == "json" {
		return
	}
	screen := a.outScreen()
	for _, place := range written {
		_, _ = fmt.Fprintf(a.out, "%s %s\n", screen.Paint(view.Dim, fmt.Sprintf("%-9s", place.what)), a.shown(place.path))
	}
}

// runID names the run that a command makes: a call of dbt's command line has one for its log.
func (a *app) runID() string {
	if a.dbt != nil {
		return a.dbt.id
	}
	return newRunID(a.now())
}

// newRunID is sortable by time and unique.
func newRunID(now time.Time) string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return now.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(b[:])
}

package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/lineage"
)

// watchFlags are the flags of engine watch.
type watchFlags struct {
	run              runFlags
	check, noBuild   bool
	poll, keepScreen bool
}

func (a *app) watchCommand() *cobra.Command {
	var f watchFlags
	cmd := &cobra.Command{
		Use:   "watch [selector…]",
		Short: "build and test at once what is edited",
		Long: text(`
Waits for changes of the project's files. After each it reads the project anew, shows every
mistake with its place, and builds and tests what has changed and what depends on it; the rest
of a build's rules hold: built aside, tested, published if the tests pass. It ends with Ctrl-C
or q, never because of a mistake.

Changes that come together are one round: a checkout, a formatter over all files. One that
comes while the project is read takes the place of the earlier one. While a round builds, the
project is read and checked all the same: if what is being built is affected, the round is
canceled, and what it has published stays; else it goes on and the next one follows it.

What failed stays on the screen until it is mended. It is not tried again, nor what reads it,
before something that it is made of changes, or r is pressed.

Between rounds the target is not open: other programs can read a DuckDB file. Customers get
nothing of what is built (engine publish), and no catalog is written.

A span before now, --sample "3 days", moves on with the clock when a round begins, at most once an
hour (once in a sixtieth of a shorter span): what it bounds is built anew then. f takes the span
of now at once.

Where stdin is a terminal these keys work: r runs again, what failed included; f does everything
selected although it is unchanged; t runs the tests on what is published; ? shows them; q ends.`),
		Example: `  engine watch                  all that is edited, and what reads it
  engine watch +orders          orders and what it reads
  engine watch --check          only look for mistakes, without a warehouse
  engine watch --no-build       only say what the next build would do
  engine watch --sample "3 days"
  engine watch --check --log-format json`,
	}
	sel := a.selectFlags(cmd, true)
	a.deferFlags(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.check, "check", false, "only look for mistakes, with the rules of engine check; no connection is opened")
	flags.BoolVar(&f.noBuild, "no-build", false, "say what the next build would do, and build nothing")
	flags.BoolVar(&f.poll, "poll", false, "look at the files every second, where the system does not tell of changes: network folders, some containers")
	flags.BoolVar(&f.keepScreen, "no-clear", false, "leave earlier rounds on the screen")
	flags.BoolVarP(&f.run.failFast, "fail-fast", "x", false, "end a round at its first failure")
	f.run.breaking(cmd)
	f.run.storing(cmd)
	f.run.budget.register(cmd)
	f.run.limit.register(cmd, true)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if f.check && f.noBuild {
			return mistake(wrongArguments(cmd, "--check looks at no warehouse, and --no-build does: take one of them"))
		}
		if err := a.limiting(f.run.limit); err != nil {
			return err
		}
		q, err := sel.query(args, append(append(builtKinds[:3:3], testedKinds...), addr.Exposure)...)
		if err != nil {
			return err
		}
		return a.watch(cmd.Context(), q, f)
	}
	return cmd
}

// wish is what a round is to do besides what has changed.
type wish struct {
	again bool // what failed before is tried again
	force bool // all that is selected
	tests bool // nothing but tests, on what is published
}

// watching is one engine watch. Its fields belong to the goroutine of loop; the two stages of a
// round run on goroutines of their own and get what they need.
type watching struct {
	app   *app
	q     lineage.Query
	flags watchFlags
	files *watchedFiles

	round   int
	changed []string // since the last look at the project that came to an end
	wish    wish
	// look and deed are the stages at work; one of each can be.
	look, deed *stage
	again      bool // what look reads is outdated already
	next       *looked
	spanned    time.Time // when the span of --sample was reckoned
	lookEnd    chan looked
	deedEnd    chan roundDone
	broken     bool // the last look found mistakes
	worded     map[string]bool
	standing   map[addr.Node]*failing
	keys       bool
	drawn      bool // a round was shown
}

// stage is one part of a round at work.
type stage struct {
	cancel context.CancelFunc
	of     looked                    // deed: what it works on
	plan   atomic.Pointer[plan.Plan] // deed: once there is one
}

// looked is what a look at the project has come to.
type looked struct {
	round   int
	began   time.Time
	changed []string
	wish    wish
	s       *session // nil where there is no project to speak of
	chosen  lineage.Selected
	err     error
}

// roundDone is what was done in a round.
type roundDone struct {
	of     looked
	plan   *plan.Plan  // nil: there is none
	result *run.Result // nil: nothing was to be done, or err
	err    error
}

// failing is what went wrong with a node or with its tests and is not mended.
type failing struct {
	round  int
	result *run.NodeResult
	mark   string // of what the node is made of, see marks
}

func (a *app) watch(ctx context.Context, q lineage.Query, f watchFlags) error {
	a.stays = true
	s, err := a.load()
	if err != nil {
		return err // flags, or no project
	}
	defer a.desk.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	w := &watching{app: a, q: q, flags: f, lookEnd: make(chan looked), deedEnd: make(chan roundDone), standing: map[addr.Node]*failing{}}
	w.files = watchFiles(ctx, s.dir, s.project.Settings, f.poll)
	var working atomic.Bool
	defer a.telling(func(text string) {
		if working.Load() || a.global.logFormat == "json" {
			a.note(text)
		}
	})()
	var typed <-chan byte
	if a.inTTY && a.keyboard != nil {
		restore, ok := a.keyboard()
		if ok {
			typed, w.keys = keys(ctx, a.in), true
			a.leaving(restore)
			defer func() { a.leaving(nil); restore() }()
		}
	}
	w.event(watchLine{Event: "watch_started", Project: s.project.Settings.Name.V})
	if why := w.files.Deaf(); why != "" {
		a.note("the system does not tell of changes (" + why + "): the files are looked at every second")
	}
	w.begin(ctx, nil, wish{})
	for {
		working.Store(w.deed != nil)
		select {
		case <-ctx.Done():
			return w.end()
		case changed, ok := <-w.files.Changes:
			if ok {
				a.desk.Forget(changed...)
				w.begin(ctx, changed, wish{})
			}
		case key, ok := <-typed:
			if !ok {
				typed = nil
			} else if w.press(ctx, key) {
				return w.end()
			}
		case l := <-w.lookEnd:
			w.seen(ctx, l)
		case d := <-w.deedEnd:
			w.finish(ctx, d)
		}
	}
}

// leaving makes f put the terminal back when the process is aborted.
func (a *app) leaving(f func()) {
	a.mu.Lock()
	a.leave = f
	a.mu.Unlock()
}

// note shows a word of the program where nothing else is shown at the moment.
func (a *app) note(text string) {
	if a.global.logFormat == "json" {
		view.NewLines(a.outScreen(), view.RunOptions{}).Note(text)
		return
	}
	_, _ = fmt.Fprintln(a.out, text)
}

// press does what a key asks for, and reports whether it asks for the end.
func (w *watching) press(ctx context.Context, key byte) (quit bool) {
	switch key {
	case 'q', 'Q', 4: // Ctrl-D
		return true
	case 'r', 'R':
		w.begin(ctx, nil, wish{again: true})
	case 'f', 'F':
		w.begin(ctx, nil, wish{again: true, force: true})
	case 't', 'T':
		w.begin(ctx, nil, wish{again: true, tests: true})
	case '?', 'h':
		w.app.say("r run again, what failed included · f everything selected, although unchanged · t tests only, on what is published · q quit")
	}
	return false
}

// end lets what is at work come to its end, which is near: it is canceled.
func (w *watching) end() error {
	for w.look != nil || w.deed != nil {
		for _, x := range []*stage{w.look, w.deed} {
			if x != nil {
				x.cancel()
			}
		}
		select {
		case <-w.lookEnd:
			w.look = nil
		case <-w.deedEnd:
			w.deed = nil
		}
	}
	w.event(watchLine{Event: "watch_ended", Round: w.round})
	if !w.silent() {
		_, _ = fmt.Fprintf(w.app.out, "watched %s\n", counted(w.round, "round"))
	}
	return nil
}

// begin looks at the project because of changes or a wish.
func (w *watching) begin(ctx context.Context, changed []string, wanted wish) {
	w.changed = append(w.changed, changed...)
	slices.Sort(w.changed)
	w.changed = slices.Compact(w.changed)
	w.wish = wish{w.wish.again || wanted.again, w.wish.force || wanted.force, wanted.tests || w.wish.tests && len(changed) == 0}
	if w.look != nil {
		w.again = true
		w.look.cancel()
		return
	}
	w.round++
	w.start(ctx)
}

func (w *watching) start(ctx context.Context) {
	w.span()
	l := looked{round: w.round, began: w.app.now(), changed: w.changed, wish: w.wish}
	ctx, cancel := context.WithCancel(ctx)
	w.look = &stage{cancel: cancel}
	go func() {
		defer cancel()
		defer func() {
			if r := recover(); r != nil {
				w.app.crash(r, debug.Stack())
				l.err = reported(exitInternal)
			}
			w.lookEnd <- l
		}()
		l.s, l.chosen, l.err = w.inspect(ctx)
		if ctx.Err() != nil {
			l.err = ctx.Err()
		}
	}()
}

// span lets a span before now move on with the clock. Rounds that follow each other closely keep
// theirs: another one is another build of all that it bounds.
func (w *watching) span() {
	now, limit := w.app.now(), w.app.limit
	if w.flags.run.limit.sample == "" || limit == nil || !w.wish.force && now.Sub(w.spanned) < min(time.Hour, limit.End.Sub(limit.Start)/60) {
		return
	}
	if limit, bad := parseSample(w.flags.run.limit.sample, now.UTC()); bad == nil { // it was read before
		w.app.limit, w.spanned = limit, now
	}
}

// inspect reads and checks the project.
func (w *watching) inspect(ctx context.Context) (*session, lineage.Selected, error) {
	if !w.flags.check {
		return w.app.chosen(ctx, w.q)
	}
	s, err := w.app.load()
	if err != nil {
		return nil, lineage.Selected{}, err
	}
	err = s.compile(ctx)
	if ctx.Err() != nil {
		return s, lineage.Selected{}, ctx.Err()
	}
	if s.program != nil {
		if err := s.applyRules(ctx, checkFlags{selects: w.q.Select, excludes: w.q.Exclude}, err != nil); err != nil {
			return s, lineage.Selected{}, err
		}
	}
	if err != nil {
		err = &mistakes{s.visible(), exitMistake}
	}
	return s, lineage.Selected{}, err
}

// seen takes the outcome of a look: it is shown, and what is to be done about it begins, or
// waits for what is being done.
func (w *watching) seen(ctx context.Context, l looked) {
	w.look = nil
	if w.again {
		w.again = false
		w.start(ctx)
		return
	}
	if ctx.Err() != nil {
		return
	}
	w.changed, w.wish = nil, wish{}
	if l.s != nil && l.s.project != nil {
		w.files.Follow(l.s.project.Settings)
	}
	if w.deed == nil {
		w.show(ctx, l)
		return
	}
	if w.next != nil { // an outdated one that never began
		l.changed = slices.Compact(slices.Sorted(slices.Values(slices.Concat(w.next.changed, l.changed))))
		l.wish = wish{l.wish.again || w.next.wish.again, l.wish.force || w.next.wish.force, l.wish.tests}
	}
	w.next = &l
	for _, d := range mistakesOf(l.err) {
		w.app.say(d.Line())
	}
	if p := w.deed.plan.Load(); l.wish != (wish{}) || p == nil || l.s != nil && affected(p, w.deed.of.s.program, l.s.program) {
		w.deed.cancel()
	}
}

// affected reports whether what a plan builds is not what the project now says: an action's
// node or something it is made of has changed, is broken or gone. Where nothing is known of the
// project's new state, what was asked for is done.
func affected(p *plan.Plan, before, now *compile.Program) bool {
	if now == nil {
		return false
	}
	changed := map[addr.Node]bool{}
	for _, id := range before.Order { // parents first
		was, is := before.Nodes[id], now.Nodes[id]
		changed[id] = is == nil || now.Broken[id] || was.Fingerprint != is.Fingerprint || slices.ContainsFunc(was.Parents, func(p addr.Node) bool { return changed[p] })
	}
	return slices.ContainsFunc(p.Actions, func(a *plan.Action) bool { return changed[a.Node] })
}

// show begins a round on the screen and does what is to be done.
func (w *watching) show(ctx context.Context, l looked) {
	a := w.app
	w.event(watchLine{Event: "round_started", Round: l.round, Changed: l.changed, Wish: l.wish.words()})
	if !w.silent() {
		if screen := a.outScreen(); screen.Live && !w.flags.keepScreen {
			screen.Clear()
		} else if w.drawn {
			_, _ = io.WriteString(a.out, "\n")
		}
		w.drawn = true
		w.headline(l)
	}
	if found := mistakesOf(l.err); l.err != nil {
		w.broken = true
		w.frames(found)
		w.close(l, nil, found, nil)
		return
	}
	if w.broken {
		w.broken = false
		if !w.silent() {
			_, _ = fmt.Fprintln(a.out, a.outScreen().Paint(view.Green, "mended:")+" no mistakes any more")
		}
	}
	found := l.s.visible()
	l.s.warnings = nil
	w.frames(w.fresh(found))
	if w.flags.check {
		w.close(l, nil, found, nil)
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	w.deed = &stage{cancel: cancel, of: l}
	spared := w.spared(l)
	go func(st *stage) {
		d := roundDone{of: l}
		defer cancel()
		defer func() {
			if r := recover(); r != nil {
				a.crash(r, debug.Stack())
				d.err = reported(exitInternal)
			}
			w.deedEnd <- d
		}()
		d.plan, d.result, d.err = w.act(ctx, l, spared, st)
	}(w.deed)
}

// headline says which round it is and what has changed.
func (w *watching) headline(l looked) {
	screen := w.app.outScreen()
	text := screen.Paint(view.Bold, fmt.Sprintf("round %d", l.round)) + "  " + screen.Paint(view.Dim, w.app.now().Format(time.TimeOnly))
	what := someOf(l.changed)
	switch {
	case l.wish != (wish{}):
		what = l.wish.words()
	case len(l.changed) == 0:
		what = ""
	case len(l.changed) > 12:
		what = fmt.Sprintf("%s and %d more files", strings.Join(l.changed[:3], ", "), len(l.changed)-3)
	}
	if what != "" {
		text += "  " + what
	}
	_, _ = fmt.Fprintln(w.app.out, text)
}

func (x wish) words() string {
	switch {
	case x.tests:
		return "tests only"
	case x.force:
		return "everything selected"
	case x.again:
		return "again"
	}
	return ""
}

// mistakesOf are the diagnostics of an error.
func mistakesOf(err error) diag.List {
	var known *mistakes
	var single diag.Diagnostic
	var shown reported
	switch {
	case err == nil || errors.As(err, &shown) || errors.Is(err, context.Canceled):
		return nil
	case errors.As(err, &known):
		return known.list
	case errors.As(err, &single):
		return diag.List{single}
	}
	return diag.List{plainError(err)}
}

// frames shows diagnostics.
func (w *watching) frames(l diag.List) {
	switch {
	case len(l) == 0:
	case w.app.global.logFormat == "json":
		w.app.logDiagnostics(l)
	default:
		_, _ = io.WriteString(w.app.out, strings.TrimRight(w.app.outScreen().Frames(l), "\n")+"\n")
	}
}

// fresh leaves out what the round before has said, where that still stands there.
func (w *watching) fresh(l diag.List) diag.List {
	before := w.worded
	w.worded = map[string]bool{}
	var out diag.List
	for _, d := range l {
		w.worded[d.Line()] = true
		if !before[d.Line()] || w.app.outScreen().Live && !w.flags.keepScreen {
			out.Add(d)
		}
	}
	return out
}

// spared are nodes and tests that failed before and are made of the same still, with all that
// reads such nodes: to try them again would show the same.
func (w *watching) spared(l looked) map[addr.Node]bool {
	out := map[addr.Node]bool{}
	p := l.s.program
	known := marks(p)
	for id, f := range w.standing {
		if p.Nodes[id] == nil {
			delete(w.standing, id)
			continue
		}
		if l.wish.again || f.mark != known[id] {
			continue
		}
		if f.result.Verb != plan.Check {
			out[id] = true
			continue
		}
		for _, t := range f.result.Tests {
			out[t.ID] = true
		}
	}
	for _, id := range p.Order {
		if !out[id] && slices.ContainsFunc(p.Nodes[id].Parents, func(p addr.Node) bool { return out[p] }) {
			out[id] = true
		}
	}
	for _, t := range p.Tests {
		if slices.ContainsFunc(t.Parents, func(p addr.Node) bool { return out[p] }) {
			out[t.ID] = true
		}
	}
	for _, t := range p.UnitTests {
		if out[t.Node] {
			out[t.ID] = true
		}
	}
	return out
}

// marks tell for each node whether it, what it is made of, or one of its tests is another.
func marks(p *compile.Program) map[addr.Node]string {
	tests := map[addr.Node][]string{}
	for _, t := range p.Tests {
		for _, n := range t.Parents {
			tests[n] = append(tests[n], t.ID.String()+" "+t.Fingerprint)
		}
	}
	for _, t := range p.UnitTests {
		tests[t.Node] = append(tests[t.Node], t.ID.String()+" "+t.Fingerprint)
	}
	out := make(map[addr.Node]string, len(p.Order))
	for _, id := range p.Order {
		n := p.Nodes[id]
		h := sha256.New()
		_, _ = fmt.Fprintf(h, "%s\x00%s\x00%v", n.Fingerprint, n.Relation, n.Config.Materialized)
		for _, parent := range n.Parents {
			_, _ = io.WriteString(h, "\x00"+out[parent])
		}
		for _, t := range tests[id] {
			_, _ = io.WriteString(h, "\x00"+t)
		}
		out[id] = hex.EncodeToString(h.Sum(nil))
	}
	return out
}

// act builds what is due, or says what would be.
func (w *watching) act(ctx context.Context, l looked, spared map[addr.Node]bool, st *stage) (*plan.Plan, *run.Result, error) {
	s, r := l.s, w.flags.run
	deferred, err := s.deferring(ctx, l.chosen)
	if err != nil {
		return nil, nil, err
	}
	without := func(all map[addr.Node]bool) map[addr.Node]bool {
		out := make(map[addr.Node]bool, len(all))
		for id, on := range all {
			if on && !spared[id] {
				out[id] = true
			}
		}
		return out
	}
	o := order{
		which: "build", exposures: exposuresOf("build", l.chosen), selects: selectedBy(w.q, l.chosen), excludes: w.q.Exclude,
		failFast: r.failFast, store: r.store, budget: r.budget, noCatalog: true, noShare: true,
		selection: plan.Selection{Nodes: without(l.chosen.Nodes), Tests: without(l.chosen.Tests), TestsOnly: l.wish.tests, Force: l.wish.force || l.wish.tests, AllowBreaking: r.allowBreaking, Deferred: deferred},
	}
	o.selection.StoreFailures = o.store
	if l.wish.tests {
		o.which = "test"
	}
	const forever = "forever"
	o.tenure.wait = span{text: forever, open: forever}
	if w.flags.noBuild {
		return w.foresee(ctx, s, o)
	}
	id := s.app.runID()
	conn, lease, err := s.occupy(ctx, o, id)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	defer s.vacate(ctx, lease)
	o.lease = lease
	budget, err := s.budget(conn, o.budget)
	if err != nil {
		return nil, nil, err
	}
	s.tenant = occupant{lease, id}
	p, err := s.planned(ctx, conn, o)
	if err != nil {
		return nil, nil, err
	}
	st.plan.Store(p)
	s.unfinished(lease, p)
	s.warn()
	if err := s.afford(ctx, conn, p, budget); err != nil {
		return p, nil, err
	}
	if len(p.Actions)+len(p.Orphans) == 0 {
		return p, nil, nil
	}
	result, err := s.apply(ctx, p, conn, o, budget, id)
	if result == nil {
		return p, nil, err
	}
	s.vacate(ctx, lease)
	_, werr := s.record(ctx, conn, result, o)
	return p, result, errors.Join(err, werr)
}

// foresee shows the plan.
func (w *watching) foresee(ctx context.Context, s *session, o order) (*plan.Plan, *run.Result, error) {
	conn, err := s.awaited(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	made, err := s.survey(ctx, conn, o.selection)
	if err != nil {
		return nil, nil, err
	}
	s.warn()
	if w.silent() {
		return made.plan, nil, nil
	}
	_, err = io.WriteString(s.app.out, s.app.outScreen().Plan(made.plan, view.PlanOptions{}))
	return made.plan, nil, err
}

// finish shows what was done and what is still wrong.
func (w *watching) finish(ctx context.Context, d roundDone) {
	w.deed = nil
	if ctx.Err() != nil {
		return
	}
	if d.result != nil {
		w.learn(d)
	}
	w.takeBack(d)
	if !errors.Is(d.err, context.Canceled) {
		w.frames(mistakesOf(d.err))
	}
	w.close(d.of, d.plan, mistakesOf(d.err), d.result)
	if next := w.next; next != nil {
		w.next = nil
		w.show(ctx, *next)
	}
}

// learn takes note of what failed and of what is mended.
func (w *watching) learn(d roundDone) {
	known := marks(d.of.s.program)
	for _, n := range d.result.Nodes {
		switch n.Status {
		case run.Skipped, run.Canceled, run.Unpublished:
			continue
		case run.Done, run.Warned, run.Kept, run.Failed, run.Errored:
		}
		var bad []run.TestResult
		ran := map[addr.Node]bool{}
		for _, t := range n.Tests {
			if ran[t.ID] = t.Status != run.Skipped && t.Status != run.Canceled; ran[t.ID] && t.Status.Bad() {
				bad = append(bad, t)
			}
		}
		if before := w.standing[n.Node]; before != nil && n.Verb == plan.Check && before.result.Verb != plan.Check {
			continue // the node that failed was not tried
		} else if before != nil && n.Verb == plan.Check {
			for _, t := range before.result.Tests {
				if !ran[t.ID] {
					bad = append(bad, t)
				}
			}
		}
		delete(w.standing, n.Node)
		if n.Status.Bad() || len(bad) > 0 {
			kept := *n
			kept.Tests = bad
			w.standing[n.Node] = &failing{round: d.of.round, result: &kept, mark: known[n.Node]}
		}
	}
	exists := map[addr.Node]bool{}
	for _, t := range d.of.s.program.Tests {
		exists[t.ID] = true
	}
	for _, t := range d.of.s.program.UnitTests {
		exists[t.ID] = true
	}
	for id, f := range w.standing {
		if f.result.Verb == plan.Check {
			f.result.Tests = slices.DeleteFunc(f.result.Tests, func(t run.TestResult) bool { return !exists[t.ID] })
			if len(f.result.Tests) == 0 && len(f.result.Diags) == 0 {
				delete(w.standing, id)
			}
		}
	}
}

// takeBack forgets failures of texts that are not there any more, where what is there now is what
// is published: there was nothing to do for the node.
func (w *watching) takeBack(d roundDone) {
	if d.err != nil || d.plan == nil || d.of.wish.tests || len(w.standing) == 0 {
		return
	}
	known := marks(d.of.s.program)
	for id, f := range w.standing {
		due := slices.ContainsFunc(d.plan.Actions, func(a *plan.Action) bool { return a.Node == id })
		if f.result.Verb != plan.Check && f.mark != known[id] && d.of.chosen.Nodes[id] && !due {
			delete(w.standing, id)
		}
	}
}

// older are the failures that no round has mended and that this one did not show.
func (w *watching) older(round int) []*failing {
	var out []*failing
	for _, id := range slices.SortedFunc(maps.Keys(w.standing), addr.Node.Compare) {
		if f := w.standing[id]; f.round != round {
			out = append(out, f)
		}
	}
	return out
}

// close ends a round on the screen: the verdict, what is still wrong, what is waited for.
func (w *watching) close(l looked, p *plan.Plan, found diag.List, result *run.Result) {
	a := w.app
	line := watchLine{Event: "round_ended", Round: l.round, Status: "done", Seconds: a.now().Sub(l.began).Round(time.Millisecond).Seconds(), Errors: found.Count(diag.Error) + found.Count(diag.Internal), Warnings: found.Count(diag.Warning)}
	switch {
	case l.err != nil:
		line.Status = "invalid"
	case result != nil && result.Canceled:
		line.Status = "canceled"
	case line.Errors > 0 || result != nil && !result.OK():
		line.Status = "failed"
	}
	older := w.older(l.round)
	for _, id := range slices.SortedFunc(maps.Keys(w.standing), addr.Node.Compare) {
		line.Failing = append(line.Failing, id.String())
	}
	if result != nil {
		tally := view.TallyOf(result)
		line.RunID, line.Tally = result.RunID, &tally
	}
	w.event(line)
	if w.silent() {
		return
	}
	screen := a.outScreen()
	var b strings.Builder
	if len(older) > 0 {
		again := &run.Result{}
		for _, f := range older {
			again.Nodes = append(again.Nodes, f.result)
		}
		b.WriteString(screen.Paint(view.Red, "still failing:") + "\n" + screen.Failures(again))
	}
	took := " in " + view.Seconds(a.now().Sub(l.began))
	switch {
	case l.err != nil && len(found) == 0: // a mistake of ours, which has been said
	case l.err != nil:
		b.WriteString(screen.Paint(view.Red, view.Mistakes(found)) + took + "; nothing is built before they are mended\n")
	case w.flags.check:
		words := cmp.Or(view.Mistakes(found), "no mistakes")
		b.WriteString("checked " + contents(l.s.program) + ": " + words + took + "\n")
	case result == nil && line.Errors == 0 && p != nil && !w.flags.noBuild && len(p.Actions) == 0:
		unchanged, _ := view.Kept(p)
		b.WriteString(screen.Paint(view.Green, "done:") + fmt.Sprintf(" nothing to do, %d unchanged", unchanged) + took)
		if n := len(w.standing); n > 0 {
			b.WriteString("; " + screen.Paint(view.Red, fmt.Sprintf("%d still failing", n)) + ", tried again when it changes, or with r")
		}
		b.WriteString("\n")
	}
	if w.next == nil {
		waits := "watching"
		if l.s != nil && l.s.program != nil {
			waits += " " + contents(l.s.program)
		}
		if w.keys {
			waits += "; r again, f everything, t tests, q quit, ? help"
		} else if !screen.Live {
			waits = ""
		}
		if waits != "" {
			b.WriteString(screen.Paint(view.Dim, waits) + "\n")
		}
	}
	_, _ = io.WriteString(a.out, b.String())
}

// silent: people are told nothing, for programs are.
func (w *watching) silent() bool { return w.app.global.logFormat == "json" }

// watchLine is a line of the log of engine watch, besides those of its runs.
type watchLine struct {
	Time     string      `json:"ts"`
	Level    string      `json:"level"`
	Event    string      `json:"event"` // watch_started, round_started, round_ended, watch_ended
	RunID    string      `json:"run_id,omitempty"`
	Project  string      `json:"project,omitempty"`
	Round    int         `json:"round,omitempty"`
	Changed  []string    `json:"changed,omitempty"` // files
	Wish     string      `json:"wish,omitempty"`    // of a key
	Status   string      `json:"status,omitempty"`  // done, failed, invalid, canceled
	Seconds  float64     `json:"seconds,omitempty"`
	Errors   int         `json:"errors,omitempty"`
	Warnings int         `json:"warnings,omitempty"`
	Tally    *view.Tally `json:"tally,omitempty"`
	Failing  []string    `json:"failing,omitempty"` // nodes that failed in this round or before
}

func (w *watching) event(l watchLine) {
	if !w.silent() {
		return
	}
	l.Time, l.Level = view.Stamp(w.app.now()), "info"
	if l.Status == "failed" || l.Status == "invalid" {
		l.Level = "error"
	}
	_ = view.JSONLine(w.app.out, l)
}

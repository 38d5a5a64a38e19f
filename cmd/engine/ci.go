package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/check"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/internal/atomicfile"
	"github.com/engine-build/engine/lineage"
)

// ciFlags are those of engine ci.
type ciFlags struct {
	suffix, report string
	comment, html  string
	drop, dropOnly bool
	noDiff         bool
	noRules        bool
	offline        bool
	fixtures, base string
	diff           diffFlags
}

// changedSelector is what is built where no selector is given.
const changedSelector = "state:modified+"

var schemaSuffix = regexp.MustCompile(`^[A-Za-z0-9_]{1,40}$`)

// connected are flags that mean nothing without a connection, and why.
var connected = []struct{ flag, why string }{
	{"no-diff", "rows are never compared, because nothing of a target is read"},
	{"sample", "rows are never compared, so that there are none to show"},
	{"tolerance", "rows are never compared, because nothing of a target is read"},
	{"defer-to", "nothing is read from another target: all that is needed is built"},
	{"allow-breaking", "all is built from nothing, so that there is no earlier table whose contract could be broken"},
}

// check refuses flags that do not go together; given says which the command line has.
func (f *ciFlags) check(given func(flag string) bool) error {
	if f.suffix != "" && !schemaSuffix.MatchString(f.suffix) {
		d := diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("%q cannot end the name of a schema", f.suffix), Help: "use up to 40 letters, digits and underscores"}
		if better := regexp.MustCompile(`[^A-Za-z0-9_]+`).ReplaceAllString(f.suffix, "_"); schemaSuffix.MatchString(better) {
			d.Help = fmt.Sprintf("write --schema-suffix %s", better)
		}
		return mistake(d)
	}
	if f.offline && (f.suffix != "" || f.drop || f.dropOnly) {
		return mistake(diag.Diagnostic{Code: codeFlag, Message: "--offline builds into a file of its own", Help: "leave --schema-suffix and --drop out"})
	}
	if f.offline {
		for _, x := range connected {
			if given(x.flag) {
				return mistake(diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("--%s with --offline: %s", x.flag, x.why), Help: fmt.Sprintf("leave --%s out", x.flag)})
			}
		}
	}
	if f.base == "" && given("base") {
		return mistake(diag.Diagnostic{Code: codeFlag, Message: "--base names no commit: its value is empty", Help: "name a commit, as in origin/main, or leave --base out; a variable of the shell that is not set is empty, too"})
	}
	if f.base != "" && !f.offline {
		return mistake(diag.Diagnostic{Code: codeFlag, Message: "--base without --offline: what a commit says has not been built anywhere", Help: "add --offline, or name the target to compare with: --state"})
	}
	if f.fixtures != "" && !f.offline {
		return mistake(diag.Diagnostic{Code: codeFlag, Message: "--fixtures without --offline: sources are read where they are", Help: "add --offline, or leave --fixtures out"})
	}
	if (f.drop || f.dropOnly) && f.suffix == "" {
		return mistake(diag.Diagnostic{Code: codeFlag, Message: "--drop without --schema-suffix would drop a schema that is not this run's own", Help: "add --schema-suffix, for example pr_123"})
	}
	return f.diff.check()
}

func (a *app) ciCommand() *cobra.Command {
	f, r := &ciFlags{}, &runFlags{}
	cmd := &cobra.Command{
		Use:   "ci [selector…] --state TARGET | --offline",
		Short: "check a pull request: build what changed, compare it with production, report",
		Long: text(`
Finds every mistake and runs the rules of engine check. Then it compares the project with the
target of --state, selects what has changed with all that reads it (state:modified+, unless
selectors are given), builds and tests that in a schema of its own, reading everything else from
the other target, and compares the rows of what was built with it. The report is one Markdown
file for the pull request: what changes for whom, the SQL, models, columns and lineage before and
after, the graph of the change, what the rules say of it, tests, cost, and the difference of the
data. With --comment the same is written again, cut to what a comment on GitHub may hold; with
--report-html it is a page of a catalog of the changed project, with a link to every node. A
report is written whatever comes out, mistakes and a warehouse that cannot be reached included.

Nothing is written to the other target. With --schema-suffix the schemas of --target get
the suffix; --drop removes them at the end, whatever came out, and --drop-only does nothing else,
for when the pull request is closed.

With --offline no connection is opened and no account is needed. The project is compiled for
the target, and then built and unit-tested on an embedded DuckDB that stands in for it, from
nothing. Seeds are loaded; a source has the rows of FOLDER/SOURCE.TABLE.csv (or .parquet) of
--fixtures, or none. Data tests run where all that they read comes from such rows. What DuckDB
cannot run is left out, and the report says why. With --base the project is compared with what a
commit of git has (or with --state with a folder that has the state.json of an earlier run), and
only what has changed, all that reads it, and what they read is built.

Exit codes: 0 done, 1 a test, the data or the warehouse failed, 2 a mistake in the project, or a
rule whose severity is error: nothing was built. A difference of the data is no failure.`),
		Example: `  engine ci --state prod --target ci --schema-suffix pr_123
  engine ci --state prod --report report.md --junit junit.xml --drop --schema-suffix pr_123
  engine ci --state prod --report-html site --target ci --schema-suffix pr_123
  engine ci --offline --target prod --base origin/main --comment comment.md`,
	}
	sel := a.selectFlags(cmd, true)
	a.deferToFlag(cmd)
	r.refresh(cmd)
	r.breaking(cmd)
	r.common(cmd)
	r.tenure.register(cmd)
	fs := cmd.Flags()
	must(fs.MarkHidden("no-catalog")) // there never is one
	fs.StringVar(&f.suffix, "schema-suffix", "", "build into the target's schemas with this `suffix`, as in pr_123")
	fs.StringVar(&f.report, "report", "", "`file` for the report; default: report.md in the target folder")
	fs.StringVar(&f.comment, "comment", "", "`file` for the report cut to the length of a comment, with a mark by which a later one replaces it")
	fs.StringVar(&f.html, "report-html", "", "`folder` for the catalog of the change, whose changes.html is a report, too")
	fs.BoolVar(&f.drop, "drop", false, "remove the schemas with the suffix at the end")
	fs.BoolVar(&f.dropOnly, "drop-only", false, "remove the schemas with the suffix, and do nothing else")
	fs.BoolVar(&f.noDiff, "no-diff", false, "do not compare the rows")
	fs.BoolVar(&f.noRules, "no-rules", false, "do not run the rules of engine check")
	fs.BoolVar(&f.offline, "offline", false, "open no connection: build on an embedded DuckDB in place of the target")
	fs.StringVar(&f.base, "base", "", "with --offline: `commit` of git to compare with, as in origin/main")
	fs.StringVar(&f.fixtures, "fixtures", "", "with --offline: `folder` with rows of sources, SOURCE.TABLE.csv or .parquet")
	fs.IntVar(&f.diff.sample, "sample", 5, "`number` of differing rows to show of each sort, at most 1000; 0: none")
	fs.Float64Var(&f.diff.tolerance, "tolerance", 0, "`distance` up to which floating and decimal numbers count as equal")
	a.outputFlag(cmd, "human", "json", "github")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		given := func(flag string) bool { return cmd.Flags().Changed(flag) && a.onLine(flag) }
		if err := f.check(given); err != nil {
			return err
		}
		if len(args)+len(sel.selects) == 0 && sel.selector == "" && (!f.offline || a.compare.state != "" || f.base != "") {
			args = []string{changedSelector}
		}
		if f.base != "" && a.compare.state != "" {
			return mistake(wrongArguments(cmd, "--base and --state are two things to compare with"))
		}
		q, err := sel.query(args, append(builtKinds[:3:3], testedKinds...)...)
		if err != nil {
			return err
		}
		if a.compare.state == "" && !f.offline {
			d := wrongArguments(cmd, "ci does not say what to compare with: --state is missing")
			d.Help = "name the target that the pull request will change, or add --offline to build without an account; " + d.Help
			return mistake(d)
		}
		if f.dropOnly {
			return a.ciDrop(cmd.Context(), f, r)
		}
		way := a.ci
		if f.offline {
			way = a.ciOffline
		}
		report, err := way(cmd.Context(), q, f, r)
		return a.ciReport(f, report, err)
	}
	return cmd
}

// ciDrop removes the schemas that earlier checks have built into.
func (a *app) ciDrop(ctx context.Context, f *ciFlags, r *runFlags) error {
	a.schemaSuffix = f.suffix
	s, err := a.compiled(ctx)
	if err != nil {
		return err
	}
	e, err := s.elsewhere(ctx, "--state", a.compare.state)
	if err != nil {
		return err
	}
	if err := s.schemasOfOthers(e); err != nil {
		return err
	}
	s.warn()
	if err := s.dropSchemas(ctx, r.tenure); err != nil {
		return err
	}
	if !a.global.quiet && a.global.logFormat != "json" {
		_, err = fmt.Fprintf(a.out, "dropped the schemas with the suffix %s\n", f.suffix)
	}
	return err
}

// ciReport writes what has come out: the report, or where there is none what kept it from being
// made. Whoever reads the pull request need not read the log, nor take the report of an earlier
// run for that of this one.
func (a *app) ciReport(f *ciFlags, report *view.Report, outcome error) error {
	path, project := f.report, "engine"
	if loaded, unloaded := a.load(); unloaded == nil {
		path, project = cmp.Or(path, filepath.Join(loaded.target(), "report.md")), loaded.project.Settings.Name.V
	}
	if report == nil {
		report = &view.Report{Project: project, Stopped: diagnosticsOf(outcome)}
	}
	files := []struct{ path, text string }{{path, a.veil(report.Markdown())}, {f.comment, a.veil(report.Comment())}}
	for _, x := range files {
		if x.path == "" {
			continue // there is no project to keep it in
		}
		if err := a.keep(x.path, []byte(x.text)); err != nil {
			if outcome == nil {
				return err
			}
			a.report(diagnosticsOf(err), false)
			return outcome
		}
	}
	if path != "" && !a.global.quiet && !wantsJSON(a.global.output) && a.global.logFormat != "json" {
		_, _ = fmt.Fprintf(a.out, "%-9s %s\n", "report", a.shown(path))
		if report.HTML != "" {
			_, _ = fmt.Fprintf(a.out, "%-9s %s\n", "changes", report.HTML)
		}
	}
	return outcome
}

// diagnosticsOf are the diagnostics that an error is made of.
func diagnosticsOf(err error) diag.List {
	var known *mistakes
	var single diag.Diagnostic
	switch {
	case errors.As(err, &known):
		return known.list
	case errors.As(err, &single):
		return diag.List{single}
	case errors.Is(err, context.Canceled):
		return diag.List{canceled()}
	}
	return mistakeList(err)
}

// ci is one check of a pull request. Where something keeps it from building there is an error,
// and no report but of what the rules forbid.
func (a *app) ci(ctx context.Context, q lineage.Query, f *ciFlags, r *runFlags) (_ *view.Report, err error) {
	a.schemaSuffix = f.suffix
	a.compare.defers = true
	s, chosen, err := a.chosen(ctx, q)
	if err != nil {
		return nil, err
	}
	e, err := s.elsewhere(ctx, "--state", a.compare.state)
	if err != nil {
		return nil, err
	}
	report := view.Report{Project: s.project.Settings.Name.V, Target: s.program.Target.Name, Against: e.from()}
	if f.suffix != "" {
		report.Target += " in schema " + s.program.Target.Schema
	}
	if s.itself(e) {
		return nil, mistake(ciItself(e.target))
	}
	changed, err := s.changed(e, &report)
	if err != nil {
		return nil, err
	}
	if err := s.reviewed(ctx, e, &report); err != nil {
		return nil, err
	}
	report.Mermaid = mermaid(s.program, changed, chosen)
	if err := s.ruled(e, changed, chosen, f, &report); err != nil {
		return &report, cmp.Or(s.ciCatalog(e, f, &report), err)
	}
	deferred, err := s.deferring(ctx, chosen)
	if err != nil {
		return nil, err
	}
	report.Deferred = len(deferred)
	if err := s.apartFrom(ctx, e, chosen.Nodes); err != nil {
		return nil, err
	}
	if f.suffix != "" {
		if err := s.schemasOfOthers(e); err != nil {
			return nil, err
		}
	}
	report.Past = e.records
	defer func() {
		if !f.drop {
			return
		}
		if undone := s.dropSchemas(context.WithoutCancel(ctx), r.tenure); undone != nil {
			// Both are worth knowing: what is returned may have been shown already.
			a.report(mistakeList(undone), false)
			err = cmp.Or(err, error(reported(exitFailed)))
		}
	}()
	outcome := s.perform(ctx, order{
		which: "ci", selects: selectedBy(q, chosen), excludes: q.Exclude, failFast: r.failFast, noCatalog: true, timing: r.timing, budget: r.budget, tenure: r.tenure, deadline: r.deadline, junit: r.junit,
		selection: plan.Selection{Nodes: chosen.Nodes, Tests: chosen.Tests, FullRefresh: r.fullRefresh, Force: r.full, AllowBreaking: r.allowBreaking, Deferred: deferred},
		done:      func(result *run.Result) { report.Result = result },
	})
	report.Failure = failureLine(outcome)
	switch {
	case f.noDiff:
		report.NoDiff = "The rows were not compared (--no-diff)."
	case report.Result == nil:
		report.NoDiff = "Nothing was built."
	case ctx.Err() == nil:
		built := map[addr.Node]bool{}
		for id := range chosen.Nodes {
			if n := s.program.Nodes[id]; n != nil && !n.Relation.IsZero() {
				built[id] = true
			}
		}
		for _, n := range report.Result.Nodes {
			if n.Status.Bad() || n.Status == run.Skipped || n.Status == run.Canceled {
				delete(built, n.Node)
			}
		}
		if report.Differences, err = s.diffState(ctx, built, &f.diff); err != nil {
			report.NoDiff = "The rows could not be compared: " + strings.SplitN(err.Error(), "\n", 2)[0]
			if outcome == nil {
				outcome = err
			}
			err = nil
		}
	}
	if err := s.ciCatalog(e, f, &report); err != nil {
		return &report, cmp.Or(outcome, err)
	}
	return &report, outcome
}

// failureLine is what stopped a command, in one line; empty where its own outcomes say it.
func failureLine(outcome error) string {
	var shown reported
	if outcome == nil || errors.As(outcome, &shown) {
		return ""
	}
	for _, d := range diagnosticsOf(outcome) {
		if severe(d) {
			return d.Message
		}
	}
	return strings.SplitN(outcome.Error(), "\n", 2)[0]
}

// ruled runs the rules of engine check over the whole project. The report has what they say of
// nodes that have changed, and what they forbid anywhere, which is the error; the rest is counted.
// Where it is not known what has changed, that is what was chosen.
func (s *session) ruled(e *elsewhere, changed map[addr.Node]bool, chosen lineage.Selected, f *ciFlags, report *view.Report) error {
	of := changed
	if e.then == nil {
		of = chosen.Nodes
	}
	found := s.visible()
	if !f.noRules {
		partial := slices.ContainsFunc(s.program.Order, func(id addr.Node) bool { return s.program.Broken[id] })
		rules := check.Run(s.program, check.Options{Partial: partial})
		report.Ruled = true
		for _, d := range rules {
			switch {
			case severe(d), of[d.Model]:
				found.Add(d)
			case d.Severity == diag.Warning:
				report.FoundElsewhere++
			}
		}
		found = found.Sorted()
	}
	s.warnings = found
	report.Found = found
	if found.HasErrors() {
		report.Failure = view.Mistakes(found)
		report.NoDiff = "Nothing was built."
		return &mistakes{found, exitMistake}
	}
	return nil
}

// writeJUnit writes a finished run for CI servers.
func (s *session) writeJUnit(path string, r *run.Result) error {
	data, err := view.JUnit(r)
	if err != nil {
		return err
	}
	return s.app.keep(path, []byte(s.app.veil(string(data))))
}

// keep writes a file that a flag names.
func (a *app) keep(path string, data []byte) error {
	full := path
	if !filepath.IsAbs(full) {
		wd, err := a.getwd()
		if err != nil {
			return mistake(fileWrong("find the current folder", ".", err))
		}
		full = filepath.Join(wd, path)
	}
	if err := atomicfile.Write(full, data); err != nil {
		return failure(fileWrong("write", path, err))
	}
	return nil
}

// changed fills in what somebody has changed, and gives the nodes.
func (s *session) changed(e *elsewhere, report *view.Report) (map[addr.Node]bool, error) {
	out := map[addr.Node]bool{}
	if e.then == nil {
		report.Why, report.Unknown = e.from()+" cannot be compared with: "+e.why, true
		return out, nil
	}
	now, err := s.present(e)
	if err != nil {
		return nil, err
	}
	past := &lineage.Past{From: e.from(), Then: e.then, Now: now}
	for id := range past.Now.Nodes {
		change, isNew := past.Change(id)
		words := change.Words()
		if isNew {
			words = []string{"new"}
		}
		if len(words) == 0 {
			continue
		}
		out[id] = true
		entry := view.Changed{Node: id, Words: words}
		if was := e.then.Nodes[id].Code; was != "" && e.then.Partial == "" && change.Body {
			entry.Diff = plan.Unified(was, past.Now.Nodes[id].Code)
		}
		report.Changed = append(report.Changed, entry)
	}
	for id := range e.then.Nodes {
		if _, still := past.Now.Nodes[id]; !still {
			report.Gone = append(report.Gone, id)
		}
	}
	slices.SortFunc(report.Changed, func(x, y view.Changed) int { return x.Node.Compare(y.Node) })
	slices.SortFunc(report.Gone, addr.Node.Compare)
	return out, nil
}

// reviewed fills in what merging the change will do to the other target: the project is
// compiled for it, and planned on what is there. Nothing is built.
func (s *session) reviewed(ctx context.Context, e *elsewhere, report *view.Report) error {
	if e.target == "" {
		report.Why = cmp.Or(report.Why, "Only definitions are compared: name a target with --state to see what the change means for the readers of its relations.")
		return nil
	}
	o := s.other(e.target)
	o.SchemaSuffix = ""
	there, found := engine.Compile(ctx, s.project, o)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if there == nil || found.HasErrors() {
		report.Why = cmp.Or(report.Why, "The project does not compile for "+e.from()+": "+firstError(found))
		return nil
	}
	conn, err := s.readOther(ctx, o)
	if err != nil {
		var known *mistakes
		if errors.As(err, &known) && len(known.list) == 1 && known.list[0].Code == codeNotBuilt {
			report.Why = cmp.Or(report.Why, "Nothing has been built on "+e.from()+" yet.")
			return nil
		}
		return err
	}
	defer conn.Close()
	ctx = warehouse.WithJob(ctx, warehouse.Job{Project: s.project.Settings.Name.V, Target: e.target})
	snapshot, err := engine.Snapshot(ctx, there, conn)
	if err != nil {
		return err
	}
	all := plan.Selection{Nodes: map[addr.Node]bool{}, Tests: map[addr.Node]bool{}, At: s.app.now()}
	for _, id := range there.Order {
		if id.Kind != addr.Source {
			all.Nodes[id] = true
		}
	}
	p, _ := plan.Make(there, snapshot, all)
	if report.Review, err = engine.Review(ctx, p, there, conn, snapshot); err != nil {
		return err
	}
	return nil
}

func firstError(found diag.List) string {
	for _, d := range found {
		if severe(d) {
			return d.Message
		}
	}
	return "it has mistakes"
}

// apartFrom refuses to build into relations of the other target.
func (s *session) apartFrom(ctx context.Context, e *elsewhere, nodes map[addr.Node]bool) error {
	if e.target == "" {
		return nil
	}
	if err := s.recall(ctx, e); err != nil {
		return err
	}
	reach, err := s.reach(e)
	if err != nil {
		return err
	}
	if reach.Attach != nil {
		return nil // another database altogether
	}
	theirs := map[addr.Relation]bool{}
	for _, r := range e.records {
		at := r.Relation
		at.Database = cmp.Or(at.Database, reach.Database)
		theirs[at] = true
	}
	for _, id := range s.program.Order {
		own := s.program.Nodes[id].Relation
		own.Database = cmp.Or(own.Database, reach.Database)
		if nodes[id] && !own.IsZero() && theirs[own] {
			return mistake(cloneOntoItself(s.program.Nodes[id].Relation, e.target))
		}
	}
	return nil
}

// graphNodes bounds the graph in a report: a larger one says nothing.
const graphNodes = 60

// mermaid draws what changed, what reads it, and what both read directly.
func mermaid(p *compile.Program, changed map[addr.Node]bool, chosen lineage.Selected) string {
	in := map[addr.Node]bool{}
	for id := range chosen.Nodes {
		in[id] = true
	}
	for id := range changed {
		if n := p.Nodes[id]; n != nil {
			in[id] = true
		}
	}
	if len(in) == 0 {
		return ""
	}
	inner := maps.Clone(in)
	for id := range inner {
		if n := p.Nodes[id]; n != nil && changed[id] {
			for _, parent := range n.Parents {
				in[parent] = true
			}
		}
	}
	for _, x := range p.Exposures {
		if slices.ContainsFunc(x.Parents, func(n addr.Node) bool { return inner[n] }) {
			in[x.ID] = true
		}
	}
	if len(in) > graphNodes {
		in = inner
	}
	if len(in) > graphNodes {
		in = map[addr.Node]bool{}
		for id := range changed {
			in[id] = true
		}
	}
	if len(in) > graphNodes {
		return ""
	}
	g := lineage.From(p).Sub(func(n addr.Node) bool { return in[n] })
	var b strings.Builder
	for _, w := range lineage.Writers {
		if w.Name == "mermaid" {
			if err := w.Write(&b, g); err != nil {
				return ""
			}
		}
	}
	var marks []string
	for i, n := range g.Nodes {
		if changed[n.ID] {
			marks = append(marks, fmt.Sprintf("n%d", i))
		}
	}
	if len(marks) > 0 {
		b.WriteString("  classDef changed stroke-width:3px,stroke:#c0392b\n  class " + strings.Join(marks, ",") + " changed\n")
	}
	return b.String()
}

// ownSchemas are the schemas that are built into, those of kept failures among them. With a
// suffix each has it.
func (s *session) ownSchemas() []addr.Relation {
	schemas := map[addr.Relation]bool{}
	for id, n := range s.program.Nodes {
		if id.Kind != addr.Source && !n.Relation.IsZero() {
			schemas[addr.Relation{Database: n.Relation.Database, Schema: n.Relation.Schema}] = true
		}
	}
	t := s.program.Target
	for _, name := range []string{t.Schema, t.Schema + failuresSuffix} {
		schemas[addr.Relation{Database: t.Database, Schema: name}] = true
	}
	for _, test := range s.program.Tests {
		at := t.FailuresAt(test)
		schemas[addr.Relation{Database: at.Database, Schema: at.Schema}] = true
	}
	return slices.SortedFunc(maps.Keys(schemas), addr.Relation.Compare)
}

// failuresSuffix ends the schema with the failing rows of tests.
const failuresSuffix = "_" + compile.FailuresSchema

// schemasOfOthers refuses a suffix that makes the name of a schema that is in use without
// it: the target main with the suffix prod would be built into, and dropped with, main_prod.
// Databases are not compared, because names across targets may leave them out.
func (s *session) schemasOfOthers(e *elsewhere) error {
	taken := map[string]string{}
	add := func(schema, whose string) {
		if key := strings.ToLower(schema); schema != "" && taken[key] == "" {
			taken[key] = whose
		}
	}
	for _, name := range s.targets() {
		settings, found := s.project.Settings.Target(name, s.app.env)
		if found.HasErrors() {
			// Its values come from an environment that is not this one: what is written says less.
			continue
		}
		whose := fmt.Sprintf("target %q", name)
		add(settings.Schema.V, whose)
		add(settings.Schema.V+failuresSuffix, whose)
		for _, n := range s.program.Nodes {
			if custom := n.Config.Schema; custom != "" && n.ID.Kind != addr.Source {
				add(custom, whose)
				add(settings.Schema.V+"_"+custom, whose)
			}
		}
	}
	for _, r := range e.records {
		add(r.Relation.Schema, e.from())
	}
	for id, n := range s.program.Nodes {
		if id.Kind == addr.Source && len(n.Parents) == 0 {
			add(n.Relation.Schema, fmt.Sprintf("source %q", id.Name))
		}
	}
	for _, own := range s.ownSchemas() {
		if whose, is := taken[strings.ToLower(own.Schema)]; is {
			return mistake(diag.Diagnostic{Code: codeState, Message: fmt.Sprintf("with this suffix the schema %q would be built into, which is that of %s", own.Schema, whose), Help: "choose another --schema-suffix, for example pr_123"})
		}
	}
	return nil
}

// dropSchemas removes the schemas of this run and what the target has recorded of them, under
// the lease: another run of the same check may be building in them. A schema that holds
// anything else stays, with an error.
func (s *session) dropSchemas(ctx context.Context, tenure tenureFlags) error {
	conn, lease, err := s.occupy(ctx, order{which: "ci", tenure: tenure}, newRunID(s.app.now()))
	if err != nil {
		return err
	}
	defer conn.Close()
	defer s.vacate(ctx, lease)
	ctx = s.job(ctx)
	recorded, err := state.Read(ctx, conn, s.scope(), nil)
	if err != nil {
		return fmt.Errorf("read what was built: %w", err)
	}
	d := conn.Dialect()
	key := func(r addr.Relation) addr.Relation {
		r.Database = "" // a listing spells it out, a program may leave it out
		if d.Caps().FoldsCase {
			r.Schema, r.Name = strings.ToLower(r.Schema), strings.ToLower(r.Name)
		}
		return r
	}
	ours := map[addr.Relation]bool{}
	for _, n := range s.program.Nodes {
		ours[key(n.Relation)] = true
	}
	for _, r := range recorded.Nodes {
		ours[key(r.Relation)] = true
	}
	for _, x := range s.ownSchemas() {
		found, err := conn.List(ctx, x.Database, x.Schema)
		if err != nil {
			return fmt.Errorf("list schema %s: %w", state.SchemaKey(x), err)
		}
		for _, r := range found {
			at := addr.Relation{Schema: x.Schema, Name: r.Name.Name}
			if !ours[key(at)] && !strings.HasPrefix(r.Name.Name, "_engine_") && !strings.HasSuffix(x.Schema, failuresSuffix) {
				return failure(diag.Diagnostic{Code: codeState, Message: fmt.Sprintf("schema %s is not dropped: it holds %s, which this check did not build", state.SchemaKey(x), r.Name.Name), Help: "drop it by hand if nobody needs it"})
			}
		}
	}
	for _, x := range s.ownSchemas() {
		name := d.Ident(x.Schema)
		if x.Database != "" {
			name = d.Ident(x.Database) + "." + name
		}
		if _, err := conn.Exec(ctx, warehouse.Statement{SQL: "drop schema if exists " + name + " cascade"}); err != nil {
			return fmt.Errorf("drop schema %s: %w", state.SchemaKey(x), err)
		}
	}
	return state.ForgetScope(ctx, conn, s.scope())
}

func ciItself(target string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeState, Message: fmt.Sprintf("target %q would be built and compared with itself", target), Help: "choose the target to build with --target, or give its schema a suffix: --schema-suffix pr_123"}
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/distribute"
	"github.com/engine-build/engine/engine/metabase"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/internal/atomicfile"
	"github.com/engine-build/engine/lineage"
)

const (
	codeNoMetabase       diag.Code = "metabase-missing"
	codeMetabaseBase     diag.Code = "metabase-database"
	codeMetabaseTable    diag.Code = "metabase-table"
	codeMetabaseRefused  diag.Code = "metabase-refused"
	codeMetabaseExposure diag.Code = "metabase-exposures"
)

// metabaseCodes are those of engine metabase.
var metabaseCodes = []diag.Entry{
	{Code: codeNoMetabase, Title: "a project without Metabase", Explain: "engine metabase is about what the section metabase of engine.yml says. Without it there is none.", Bad: "engine metabase sync # no metabase in engine.yml", Good: "metabase:\n  url: https://metabase.example.com\n  api_key: ${METABASE_API_KEY}\n  database: Warehouse"},
	{Code: codeMetabaseBase, Title: "no such database in Metabase", Explain: "The database that engine.yml names for the target, or for a customer, is none of those that Metabase shows to whom the key belongs to; or engine.yml names none for the target.", Bad: "database: Warehose", Good: "database: Warehouse"},
	{Code: codeMetabaseTable, Title: "Metabase lacks a table or a column", Explain: "Something that the project has is not known to Metabase: it was not built yet, Metabase has not looked since, or its connection may not see it. The others are described all the same. With --strict, or missing: fail, it is an error.", Bad: "engine metabase sync --strict # before engine build", Good: "engine build && engine metabase sync --strict"},
	{Code: codeMetabaseRefused, Title: "Metabase did not do it", Explain: "A request to Metabase failed, again and again where it may have helped. 401: the key is wrong. 403: the group of the key may not edit table metadata. Nothing that lets anybody in is ever shown.", Bad: "", Good: ""},
	{Code: codeMetabaseExposure, Title: "exposures are not what they were", Explain: "Cards or dashboards have changed since the file of exposures was written, or the file is somebody else's: one that the engine wrote begins with a line that says so.", Bad: "engine metabase exposures --check # after somebody made a card", Good: "engine metabase exposures"},
}

func (a *app) metabaseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "metabase",
		Short: "describe the tables in Metabase, and read back who uses them",
		Long: text(`
What the project knows of its tables is written to Metabase: descriptions, display names,
semantic types, foreign and primary keys, what is hidden, order and form of columns. Only
differences are sent, and what somebody has changed in Metabase by hand stays. Cards and
dashboards come back as exposures. The server stands below "metabase" in engine.yml.`),
		Example: `  engine metabase sync --dry-run
  engine metabase check
  engine metabase exposures`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return mistake(unknownCommand(cmd, args[0]))
			}
			return cmd.Help()
		},
		Args: cobra.ArbitraryArgs,
	}
	cmd.AddCommand(a.metabaseSyncCommand(), a.metabaseCheckCommand(), a.metabaseExposuresCommand())
	return cmd
}

// metabaseFlags are those of sync and check.
type metabaseFlags struct {
	dry, force, strict bool
	check              bool
	customers          []string
	tenure             tenureFlags // wait only: it builds nothing, so it takes no lease
}

func (a *app) metabaseSyncCommand() *cobra.Command {
	f := &metabaseFlags{}
	cmd := &cobra.Command{
		Use:   "sync [selector…]",
		Short: "write to Metabase what is known of the tables",
		Long: text(`
Compares what the project says of its tables with what Metabase has, and writes what differs.
Where Metabase lacks a table or a column, it is asked to look for it first (sync_timeout).

What was written is remembered in the target's schema _engine. A value that somebody has
changed in Metabase since stays, and is reported; --force writes over it. A value that the
project says no more is taken back if it is still ours. A table that Metabase lacks, or a
request that fails, does not keep the others from being described.

Customers with a database of their own in Metabase (customer_database) get the descriptions
of what was published to them.

Exit code 1: a request failed; with --strict, also if Metabase lacks something. Exit code 2:
the project is wrong, and nothing was written.`),
		Example: `  engine metabase sync
  engine metabase sync --dry-run            what would be written
  engine metabase sync orders+ --strict
  engine metabase sync --target prod --force
  engine metabase sync --wait=10m           while a build has the DuckDB file
  engine metabase sync -o json`,
	}
	fl := cmd.Flags()
	fl.BoolVar(&f.dry, "dry-run", false, "show what would be written, and write nothing")
	fl.BoolVar(&f.force, "force", false, "write over what was changed in Metabase by hand")
	f.tenure.registerWait(cmd, "a process that has the target's DuckDB file open")
	a.metabaseFlags(cmd, f)
	return cmd
}

func (a *app) metabaseCheckCommand() *cobra.Command {
	f := &metabaseFlags{check: true}
	cmd := &cobra.Command{
		Use:   "check [selector…]",
		Short: "say what differs in Metabase",
		Long: text(`
Says what engine metabase sync would write. Nothing is written, and Metabase is not asked to
look for new tables. Exit code 1 if anything differs; with --strict, also if Metabase lacks
something. What somebody has changed by hand is reported, and is no difference.`),
		Example: `  engine metabase check
  engine metabase check --strict -o json`,
	}
	a.metabaseFlags(cmd, f)
	return cmd
}

func (a *app) metabaseFlags(cmd *cobra.Command, f *metabaseFlags) {
	fl := cmd.Flags()
	fl.BoolVar(&f.strict, "strict", false, "fail if Metabase lacks a table or a column")
	fl.StringArrayVar(&f.customers, "customer", nil, "only the databases of these `customers`; may be repeated")
	must(cmd.RegisterFlagCompletionFunc("customer", a.completeCustomer))
	sel := a.selectFlags(cmd, false)
	a.outputFlag(cmd, "human", "json", "github")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		q, err := sel.query(args, addr.Model, addr.Seed, addr.Snapshot, addr.Source)
		if err != nil {
			return err
		}
		return a.metabaseRun(cmd.Context(), q, f)
	}
}

// metabased loads a project that has a Metabase; its own choice of nodes holds where the
// command line makes none.
func (a *app) metabased(ctx context.Context, q lineage.Query) (*session, lineage.Selected, error) {
	s, err := a.load()
	if err != nil {
		return nil, lineage.Selected{}, err
	}
	m := s.project.Settings.Metabase
	if m == nil {
		if s.warnings.HasErrors() {
			return nil, lineage.Selected{}, &mistakes{s.warnings, exitMistake}
		}
		return nil, lineage.Selected{}, mistake(diag.Diagnostic{Code: codeNoMetabase, Message: `the project has no Metabase: engine.yml has no "metabase"`, Help: "see docs/metabase.md"})
	}
	if q.Defaults = false; len(q.Select) == 0 && q.Selector == "" {
		for _, v := range m.Select {
			q.Select = append(q.Select, v.V)
		}
	}
	for _, v := range m.Exclude {
		q.Exclude = append(q.Exclude, v.V)
	}
	if err := s.compile(ctx); err != nil {
		return nil, lineage.Selected{}, err
	}
	chosen, err := s.choose(ctx, q)
	return s, chosen, err
}

// metabaseServer is the server that engine.yml names.
func (s *session) metabaseServer() (*metabase.Server, error) {
	access, found := s.project.Settings.Metabase.Access(s.app.env)
	if found.HasErrors() {
		return nil, &mistakes{append(s.warnings, found...), exitMistake}
	}
	wait := func(ctx context.Context, d time.Duration) error {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
			return nil
		}
	}
	said := func(text string) {
		if !s.app.global.quiet {
			s.app.say(text)
		}
	}
	return metabase.NewServer(access, &http.Client{Timeout: 5 * time.Minute}, wait, said), nil
}

// metabasePart is one database: the project's own, or a customer's.
type metabasePart struct {
	customer string
	name     string // in Metabase
	tables   []metabase.Table
}

// metabaseParts are the databases to describe. releases are what customers were given.
func (s *session) metabaseParts(chosen lineage.Selected, f *metabaseFlags, releases map[string]state.Release, shapes state.Shapes) ([]metabasePart, error) {
	m := s.project.Settings.Metabase
	tables, found := metabase.Wanted(s.program, func(n addr.Node) bool {
		return chosen.Nodes[n] || m.Sources.V && chosen.Sources[n]
	})
	var parts []metabasePart
	target := s.program.Target.Name
	name, more := m.DatabaseOf(target, s.app.env)
	found.Add(more...)
	asked := customersAsked(f.customers)
	if name == "" && !found.HasErrors() {
		found.Add(diag.Diagnostic{Code: codeMetabaseBase, At: m.At, Message: fmt.Sprintf("metabase names no database for target %q", target), Help: fmt.Sprintf("add it: database: {%s: …}", target)})
	}
	if len(asked) == 0 {
		parts = append(parts, metabasePart{name: name, tables: tables})
	}
	for _, customer := range slices.Sorted(maps.Keys(releases)) {
		if customer == distribute.SharedRows || len(asked) > 0 && !slices.Contains(asked, customer) {
			continue
		}
		name, more := m.CustomerDatabaseOf(customer, s.app.env)
		if found.Add(more...); name == "" {
			continue
		}
		parts = append(parts, metabasePart{customer: customer, name: name, tables: metabase.For(tables, s.copies(customer, releases[customer], shapes))})
	}
	for _, customer := range asked {
		if !slices.ContainsFunc(parts, func(p metabasePart) bool { return p.customer == customer }) {
			found.Add(diag.Diagnostic{Code: codeMetabaseBase, At: m.At, Message: fmt.Sprintf("nothing was published to a customer %q with a database of its own in Metabase", customer), Help: `publish to it, and give it a name below "customer_database"`})
		}
	}
	if found.HasErrors() {
		return nil, &mistakes{append(s.warnings, found...), exitMistake}
	}
	s.warnings.Add(found...)
	return parts, nil
}

// customersAsked are names, one by one or with commas.
func customersAsked(flags []string) []string {
	f := shareFlags{customers: flags}
	return f.names()
}

// copies are the tables that a customer was given, by node.
func (s *session) copies(customer string, r state.Release, shapes state.Shapes) map[addr.Node]metabase.Copy {
	d := s.project.Settings.Distribution
	rules, _ := tenant.Rules(s.program) // its mistakes are those of publishing
	fill := func(template, source string) string {
		return strings.NewReplacer("{customer}", customer, "{source}", source).Replace(template)
	}
	columns := func(pair state.ReleasedPair) map[string]bool {
		shape := shapes[pair.Shape]
		if len(shape) == 0 {
			return nil
		}
		out := map[string]bool{}
		for _, c := range shape {
			out[strings.ToLower(c.Name)] = true
		}
		return out
	}
	out := map[addr.Node]metabase.Copy{}
	for _, rule := range rules {
		pair, had := r.Pairs[rule.Node]
		schema := fill(d.CustomerSchema.V, "")
		if rule.Source != "" {
			schema = fill(d.LakeSchema.V, rule.Source)
		} else if len(r.Views) > 0 { // it reads an older contract
			pair, had = r.Views[rule.As]
		}
		if had {
			out[rule.Node] = metabase.Copy{Schema: schema, Name: rule.As, Columns: columns(pair)}
		}
	}
	return out
}

// metabaseMemory reads what was written last, and what customers have.
func (s *session) metabaseMemory(ctx context.Context, wait time.Duration) (metabase.Memory, map[string]state.Release, state.Shapes, error) {
	conn, err := s.patiently(ctx, wait, s.read)
	if err != nil {
		return nil, nil, nil, err
	}
	defer conn.Close()
	written, err := state.ReadShown(ctx, conn, s.scope())
	if err != nil {
		return nil, nil, nil, err
	}
	memory := metabase.Memory{}
	for key, r := range written {
		memory[key] = r.Values
	}
	m := s.project.Settings.Metabase
	if !m.CustomerDatabase.IsSet() && len(m.CustomerDatabases) == 0 {
		return memory, nil, nil, nil
	}
	releases, shapes, err := state.ReadReleases(ctx, conn, s.scope())
	return memory, releases, shapes, err
}

// metabaseDocument is the answer for programs. Nodes are those that failed, as in the answers
// of other phases.
type metabaseDocument struct {
	Status    string            `json:"status"` // done, differs, failed
	DryRun    bool              `json:"dry_run,omitempty"`
	Counts    metabase.Counts   `json:"counts"`
	Databases []*metabase.Plan  `json:"databases"`
	Absent    []string          `json:"absent_databases,omitempty"`
	Nodes     []metabaseFailure `json:"nodes"`
}

type metabaseFailure struct {
	Node    string `json:"node"`
	Status  string `json:"status"`
	Message string `json:"message"`
}

func (a *app) metabaseRun(ctx context.Context, q lineage.Query, f *metabaseFlags) error {
	s, chosen, err := a.metabased(ctx, q)
	if err != nil {
		return err
	}
	m := s.project.Settings.Metabase
	server, err := s.metabaseServer()
	if err != nil {
		return err
	}
	memory, releases, shapes, err := s.metabaseMemory(ctx, f.tenure.waiting())
	if err != nil {
		return err
	}
	parts, err := s.metabaseParts(chosen, f, releases, shapes)
	if err != nil {
		return err
	}
	s.warn()
	defer server.Close(context.WithoutCancel(ctx))
	all, err := server.Databases(ctx)
	if err != nil {
		return s.metabaseRefused(ctx, err)
	}
	strict := f.strict || m.Missing.V == project.MissingFail
	doc := metabaseDocument{Status: "done", DryRun: f.dry, Databases: []*metabase.Plan{}, Nodes: []metabaseFailure{}}
	var found diag.List
	for _, part := range parts {
		base, err := metabase.Find(all, part.name)
		if err != nil {
			d := noDatabase(m, part, err)
			if part.customer == "" {
				return failure(d)
			}
			if !strict {
				d.Severity = diag.Warning
			}
			found.Add(d)
			doc.Absent = append(doc.Absent, part.name)
			continue
		}
		timeout := m.SyncTimeout.V
		if f.check || f.dry {
			timeout = 0
		}
		there, err := server.Look(ctx, base, part.tables, timeout)
		if err != nil {
			return s.metabaseRefused(ctx, err)
		}
		p := metabase.Make(metabase.In{Server: server.URL(), Customer: part.customer, Tables: part.tables, Found: there, Memory: memory, Force: f.force})
		doc.Databases = append(doc.Databases, p)
		if f.check || f.dry {
			continue
		}
		// What is about to be written is remembered first: whatever happens then, it is known for
		// ours. A warehouse that cannot be written to keeps Metabase from being written to.
		if err := s.metabaseRemember(ctx, f.tenure.waiting(), p.Intend(memory), memory); err != nil {
			return err
		}
		ended := server.Apply(ctx, p)
		if err := s.metabaseRemember(context.WithoutCancel(ctx), f.tenure.waiting(), p.Remember(memory), memory); err != nil {
			return err
		}
		if ended != nil {
			break
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.showMetabase(&doc, found, f, strict)
}

// metabaseRemember keeps what was learnt where the next run finds it, and in memory.
func (s *session) metabaseRemember(ctx context.Context, wait time.Duration, learnt, memory metabase.Memory) error {
	var list []state.Shown
	for _, key := range slices.Sorted(maps.Keys(learnt)) {
		list = append(list, state.Shown{Table: key, Values: learnt[key]})
	}
	if len(list) == 0 {
		return nil
	}
	conn, err := s.patiently(ctx, wait, s.connect)
	if err != nil {
		return err
	}
	id := newRunID(s.app.now())
	err = state.WriteShown(s.errand(ctx, id), conn, s.scope(), id, s.app.now(), list)
	if err = errors.Join(err, conn.Close()); err == nil {
		maps.Copy(memory, learnt)
	}
	return err
}

// metabaseRefused words what the server answered.
func (s *session) metabaseRefused(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return failure(refused(err))
}

func refused(err error) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeMetabaseRefused, Message: "Metabase did not answer as it should", Notes: []string{err.Error()}}
	var e *metabase.Error
	if errors.As(err, &e) {
		switch e.Status {
		case http.StatusUnauthorized:
			d.Message, d.Help = "Metabase does not let us in", "check the variable that api_key, or password, names"
		case http.StatusForbidden:
			d.Message, d.Help = "Metabase does not let us do it", `give the group of the key the right "Manage table metadata" for the database`
		case http.StatusNotFound:
			d.Message, d.Help = "Metabase does not know what was asked for", "is the url that of Metabase itself, without a path?"
		case 0:
			d.Message, d.Help = "Metabase cannot be reached", "check the url of metabase in engine.yml, and the network"
		}
	}
	return d
}

func noDatabase(m *project.Metabase, part metabasePart, err error) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeMetabaseBase, At: m.At, Message: err.Error()}
	if part.customer != "" {
		d.Message += fmt.Sprintf(" for customer %s", part.customer)
	}
	var unknown *metabase.UnknownDatabase
	if errors.As(err, &unknown) {
		d.Help = "databases that the key shows are " + view.List(unknown.Known)
		if near, ok := diag.Suggest(unknown.Name, unknown.Known); ok {
			d.Help = fmt.Sprintf("did you mean %q?", near)
		}
		if len(unknown.Known) == 0 {
			d.Help = "the key shows no database; check the permissions of its group"
		}
		switch {
		case unknown.Same:
			d.Help = "give all but one another name in Metabase, and write that of the one that is meant"
		case unknown.Ambiguous:
			d.Help = "write the name as it is in Metabase; names that the key shows are " + view.List(unknown.Known)
		}
	}
	return d
}

// showMetabase shows what was done, or would be.
func (s *session) showMetabase(doc *metabaseDocument, found diag.List, f *metabaseFlags, strict bool) error {
	for _, p := range doc.Databases {
		doc.Counts = doc.Counts.Add(p.Count())
		for _, t := range p.Tables {
			s.tableFindings(doc, &found, t, strict)
		}
	}
	lacking := doc.Counts.Missing+doc.Counts.Lacks+len(doc.Absent) > 0
	switch {
	case doc.Counts.Failed > 0 || strict && lacking:
		doc.Status = "failed"
	case f.check && doc.Counts.Writes > 0:
		doc.Status = "differs"
	}
	if wantsJSON(s.app.global.output) {
		if err := view.JSON(s.app.out, doc); err != nil {
			return err
		}
	} else {
		s.app.report(found, false)
		if !s.app.global.quiet && s.app.global.output != "github" {
			_, _ = io.WriteString(s.app.out, metabaseText(doc, f))
		}
	}
	if doc.Status != "done" {
		return reported(exitFailed)
	}
	return nil
}

// tableFindings words what is wrong with one table.
func (s *session) tableFindings(doc *metabaseDocument, found *diag.List, t *metabase.TablePlan, strict bool) {
	lack := func(message, help string) {
		d := diag.Diagnostic{Code: codeMetabaseTable, Model: t.Node, Message: message, Help: help}
		if !strict {
			d.Severity = diag.Warning
		} else {
			doc.Nodes = append(doc.Nodes, metabaseFailure{Node: t.Node.String(), Status: "failed", Message: message})
		}
		found.Add(d)
	}
	if t.Missing != "" {
		lack(fmt.Sprintf("%s is not described: %s", t.Table, t.Missing), "build it, see that Metabase's connection may read its schema, or leave it out by metabase: exclude")
	}
	if len(t.Lacks) > 0 {
		lack(fmt.Sprintf("Metabase lacks %s of %s", view.List(t.Lacks), t.Table), "build the model; Metabase looks for columns anew at the next sync")
	}
	if len(t.Loose) > 0 {
		lack(fmt.Sprintf("what %s of %s refers to is not in this database of Metabase", view.List(t.Loose), t.Table), "build what it refers to")
	}
	for _, w := range t.Writes {
		if w.Error != "" {
			found.Add(diag.Diagnostic{Code: codeMetabaseRefused, Model: t.Node, Message: fmt.Sprintf("%s was not written", w.What), Notes: []string{w.Error}})
			doc.Nodes = append(doc.Nodes, metabaseFailure{Node: t.Node.String(), Status: "failed", Message: w.Error})
		}
	}
}

// metabaseText is the answer for people.
func metabaseText(doc *metabaseDocument, f *metabaseFlags) string {
	var b strings.Builder
	for _, p := range doc.Databases {
		var lines []string
		for _, t := range p.Tables {
			for _, w := range t.Writes {
				if w.Error == "" {
					for _, c := range w.Changes {
						lines = append(lines, fmt.Sprintf("  %s: %s → %s", c.What, metabaseValue(c.From), metabaseValue(c.To)))
					}
				}
			}
			for _, c := range t.Kept {
				lines = append(lines, fmt.Sprintf("  %s: stays %s, somebody has changed it in Metabase (--force writes %s)", c.What, metabaseValue(c.From), metabaseValue(c.To)))
			}
		}
		name := p.Database
		if p.Customer != "" {
			name += " (customer " + p.Customer + ")"
		}
		if len(lines) > 0 {
			fmt.Fprintf(&b, "%s\n%s\n", name, strings.Join(lines, "\n"))
		}
	}
	c := doc.Counts
	verb := "written"
	if f.check || f.dry {
		verb = "to write"
	}
	fmt.Fprintf(&b, "%s described, %s %s", view.Number(c.Tables-c.Missing, "table"), view.Number(c.Writes-c.Failed, "request"), verb)
	for _, n := range []struct {
		n    int
		word string
	}{{c.Failed, "failed"}, {c.Missing, "missing"}, {c.Kept, "kept"}} {
		if n.n > 0 {
			fmt.Fprintf(&b, ", %d %s", n.n, n.word)
		}
	}
	b.WriteString("\n")
	return b.String()
}

func metabaseValue(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		line, more, _ := strings.Cut(strings.TrimSpace(v), "\n")
		if r := []rune(line); len(r) > 60 || more != "" {
			line = string(r[:min(len(r), 59)]) + "…"
		}
		return fmt.Sprintf("%q", line)
	case []string:
		return view.List(v)
	}
	return fmt.Sprint(v)
}

func (a *app) metabaseExposuresCommand() *cobra.Command {
	var r metabase.Reading
	var file string
	var check, dry bool
	cmd := &cobra.Command{
		Use:   "exposures",
		Short: "write cards and dashboards that read the project as exposures",
		Long: text(`
Reads the cards and dashboards of Metabase, finds out which models, seeds, snapshots and
sources they read, and writes them as exposures into a YAML file: metabase_exposures.yml in the
first folder of models, or the file that "exposures" of metabase names. Then engine lineage, ls,
diff and the catalog know them.

Tables are found in queries of the editor of all versions, through other cards, joins, foreign
keys, snippets, and in SQL, read as SQL: common table expressions, aliases and comments do not
deceive it. What reads nothing of the project is left out. A file that somebody else wrote is
never replaced.`),
		Example: `  engine metabase exposures
  engine metabase exposures --dry-run
  engine metabase exposures --check             exit code 1 if the file would change
  engine metabase exposures --collection Finance --verified`,
	}
	fl := cmd.Flags()
	fl.StringVar(&file, "file", "", "the `file` to write, relative to the project")
	fl.StringArrayVar(&r.Collections, "collection", nil, "only collections of these `names`, with * and ?; may be repeated")
	fl.StringArrayVar(&r.Without, "exclude-collection", nil, "`names` of collections to leave out; may be repeated")
	fl.BoolVar(&r.Personal, "personal", false, "personal collections, too")
	fl.BoolVar(&r.Verified, "verified", false, "of cards only those that somebody has verified")
	fl.BoolVar(&check, "check", false, "write nothing; fail if the file would change")
	fl.BoolVar(&dry, "dry-run", false, "print the file, and write nothing")
	a.outputFlag(cmd, "human", "json", "github")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := unexpected(cmd, args); err != nil {
			return err
		}
		ctx := cmd.Context()
		s, _, err := a.metabased(ctx, lineage.Query{})
		if err != nil {
			return err
		}
		return s.metabaseExposures(ctx, r, file, check, dry)
	}
	return cmd
}

func (s *session) metabaseExposures(ctx context.Context, r metabase.Reading, file string, check, dry bool) error {
	m := s.project.Settings.Metabase
	path := filepath.Join(s.project.Settings.ModelPaths[0], "metabase_exposures.yml")
	if m.Exposures.IsSet() {
		path = filepath.FromSlash(m.Exposures.V)
	}
	if file != "" {
		path = file
	}
	if !filepath.IsLocal(path) || !slices.Contains([]string{".yml", ".yaml"}, filepath.Ext(path)) {
		return mistake(diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("%q cannot be the file of exposures", path), Help: "give a file below the project that ends with .yml"})
	}
	target := filepath.Join(s.dir, path)
	old, err := os.ReadFile(target)
	switch {
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("read %s: %w", path, err)
	case err == nil && !bytes.HasPrefix(old, []byte(metabase.Header)):
		return failure(diag.Diagnostic{Code: codeMetabaseExposure, Message: fmt.Sprintf("%s was not written by engine metabase exposures", path), Help: "give another file, or remove this one"})
	}
	server, err := s.metabaseServer()
	if err != nil {
		return err
	}
	sides, name, err := s.metabaseSides()
	if err != nil {
		return err
	}
	s.warn()
	defer server.Close(context.WithoutCancel(ctx))
	all, err := server.Databases(ctx)
	if err != nil {
		return s.metabaseRefused(ctx, err)
	}
	base, err := metabase.Find(all, name)
	if err != nil {
		return failure(noDatabase(m, metabasePart{name: name}, err))
	}
	found, err := server.Metadata(ctx, base)
	if err != nil {
		return s.metabaseRefused(ctx, err)
	}
	for _, e := range s.project.Exposures {
		if e.At.File == nil || e.At.File.Path != filepath.ToSlash(filepath.Clean(path)) {
			r.Taken = append(r.Taken, e.Name.V)
		}
	}
	list, others, err := server.Exposures(ctx, []metabase.Side{{Found: found, Tables: sides}}, r)
	if err != nil {
		return s.metabaseRefused(ctx, err)
	}
	text, err := metabase.YAML(list, s.reference)
	if err != nil {
		return err
	}
	var remarks diag.List
	for _, e := range list {
		if e.Partial {
			remarks.Add(diag.Diagnostic{Severity: diag.Warning, Code: codeMetabaseExposure, Message: fmt.Sprintf("%q reads a card that the key does not show: what it depends on may not be all", e.Label), Help: "let the group of the key see the collection"})
		}
		if len(e.Unclear) > 0 {
			remarks.Add(diag.Diagnostic{Severity: diag.Warning, Code: codeMetabaseExposure, Message: fmt.Sprintf("the SQL of %q says %s, which several schemas have", e.Label, view.List(e.Unclear)), Help: "write the schema in the card's SQL"})
		}
	}
	s.app.report(remarks, false)
	changed := !bytes.Equal(old, text)
	switch {
	case wantsJSON(s.app.global.output):
		if list == nil {
			list = []metabase.Exposure{}
		}
		if err := view.JSON(s.app.out, struct {
			File      string              `json:"file"`
			Changed   bool                `json:"changed"`
			Others    int                 `json:"others"`
			Exposures []metabase.Exposure `json:"exposures"`
		}{filepath.ToSlash(path), changed, others, list}); err != nil {
			return err
		}
	case dry:
		if _, err := s.app.out.Write(text); err != nil {
			return err
		}
	}
	if check && changed {
		return failure(diag.Diagnostic{Code: codeMetabaseExposure, Message: fmt.Sprintf("%s is not what Metabase says", path), Help: "run engine metabase exposures"})
	}
	if !check && !dry && changed {
		if err := atomicfile.Write(target, text); err != nil {
			return err
		}
	}
	if !dry && !s.app.global.quiet && s.app.global.output == "human" {
		word := "is up to date"
		if changed {
			word = "was written"
		}
		_, _ = fmt.Fprintf(s.app.out, "%s %s: %s; %d read nothing of the project\n", path, word, view.Number(len(list), "exposure"), others)
	}
	return nil
}

// metabaseSides are all tables of the program, and the name of their database in Metabase.
func (s *session) metabaseSides() ([]metabase.Table, string, error) {
	m := s.project.Settings.Metabase
	name, found := m.DatabaseOf(s.program.Target.Name, s.app.env)
	if name == "" && !found.HasErrors() {
		found.Add(diag.Diagnostic{Code: codeMetabaseBase, At: m.At, Message: fmt.Sprintf("metabase names no database for target %q", s.program.Target.Name), Help: fmt.Sprintf("add it: database: {%s: …}", s.program.Target.Name)})
	}
	if found.HasErrors() {
		return nil, "", &mistakes{append(s.warnings, found...), exitMistake}
	}
	return metabase.Relations(s.program), name, nil
}

// reference is how YAML files refer to a node.
func (s *session) reference(id addr.Node) string {
	n := s.program.Nodes[id]
	switch {
	case n != nil && n.Source != nil:
		return fmt.Sprintf("source('%s', '%s')", n.Source.SourceName.V, n.Source.Table.V)
	case n != nil && n.Version != nil:
		return fmt.Sprintf("ref('%s', v=%s)", n.Version.Model, n.Version.V.V)
	}
	return fmt.Sprintf("ref('%s')", id.Name)
}

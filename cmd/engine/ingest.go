package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/ingest"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/lineage"
)

// ingestFlags are those of engine ingest.
type ingestFlags struct {
	dryRun, full, accept bool
	tenure               tenureFlags
	deadline             span
}

// ingestCommand brings the rows of sources into the target.
func (a *app) ingestCommand() *cobra.Command {
	var f ingestFlags
	cmd := &cobra.Command{
		Use:   "ingest [selector…]",
		Short: "bring the rows of sources into the target",
		Long: text(`
Reads the selected sources that have "ingest" in their YAML, from databases and files, and
lands their rows where the source's tables are. Only tables and columns that the project
names leave the remote; what has a transform leaves it transformed. All tables of a
source are read as of one moment. Readers see the rows of before until a table is
complete, and a run that is killed leaves them as they were.

What the remote looked like is kept in engine.lock.json. When it has changed, the
source's "drift" says whether the change is reported or stops the source;
--accept-drift writes down what is there now. Commit the file.

Exit code 1 if a table could not be ingested.`),
		Example: text(`
  engine ingest
  engine ingest source:app --target prod
  engine ingest --dry-run           # what would leave, and what has changed there
  engine ingest source:app.orders --full
  engine ingest --accept-drift && git add engine.lock.json`),
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.dryRun, "dry-run", false, "land nothing; show what would be read, and what has changed")
	flags.BoolVar(&f.full, "full", false, "read all rows, also where a watermark or the hash of a file says that they are there")
	flags.BoolVar(&f.accept, "accept-drift", false, "agree to what has changed at the remote, and write it into engine.lock.json")
	f.tenure.register(cmd)
	f.deadline.register(cmd)
	a.outputFlag(cmd, "human", "json", "github")
	sel := a.selectFlags(cmd, false)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		q, err := sel.query(args, addr.Source)
		if err != nil {
			return err
		}
		s, err := a.load()
		if err != nil {
			return err
		}
		s.options.SkipAnalysis = true // the columns of sources may be what is to be found out
		if err := s.compile(cmd.Context()); err != nil {
			return err
		}
		return s.ingest(cmd.Context(), q, f)
	}
	return cmd
}

// ingested is one source while it is ingested.
type ingested struct {
	name   string
	kind   string
	all    []ingest.Wanted // every table of it, also those that are not selected
	wanted []ingest.Wanted
	drift  []driftEntry
	diags  diag.List // of the source as a whole
	plan   ingest.Plan
	remote ingest.Remote
	result []ingest.Result
	failed bool
}

func (s *session) ingest(ctx context.Context, q lineage.Query, f ingestFlags) error {
	chosen, err := s.choose(ctx, q)
	if err != nil {
		return err
	}
	sources := s.ingestible(chosen.Sources)
	if len(sources) == 0 {
		s.warn()
		var none diag.List
		if !q.Whole() {
			none.Add(diag.Diagnostic{Code: codeIngestNone, Severity: diag.Warning, Message: `no selected source has "ingest", and nothing was ingested`, Help: `mend the selectors, or give the source "ingest" in its YAML; engine ls --resource-type source shows what they choose`})
			s.app.report(none, false)
		} else {
			s.app.say(`no selected source has "ingest"`)
		}
		if wantsJSON(s.app.global.output) {
			return view.JSON(s.app.out, ingestDocument{Status: "success", Nodes: []ingestNode{}, Drift: []driftEntry{}, Diagnostics: none.JSON()})
		}
		return nil
	}
	s.warn()
	started := s.app.now()
	id := newRunID(started)
	if limit := s.deadline(f.deadline); limit > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, limit, fmt.Errorf("the deadline of %s is over", limit))
		defer stop()
	}
	conn, lease, err := s.ingestTarget(ctx, f, id)
	if err != nil {
		return err
	}
	if conn != nil {
		defer conn.Close()
	}
	defer s.vacate(ctx, lease)
	// Another run may have written the lock while this one waited for the lease.
	if err := s.relock(sources); err != nil {
		return err
	}
	ctx = warehouse.WithJob(ctx, warehouse.Job{Run: id, Project: s.project.Settings.Name.V, Target: s.program.Target.Name})
	ctx, release := lease.Context(ctx)
	defer release()
	parquet := &parquetFiles{}
	defer parquet.Close()
	base := ingest.Request{
		Parquet: parquet,
		Target:  conn, To: s.program.Target.Dialect, Database: s.program.Target.Database, Dir: s.dir, Work: s.target(), Run: id, Jobs: s.jobs(), Now: s.app.now, Full: f.full, DryRun: f.dryRun,
		Fence: func(ctx context.Context, c warehouse.Conn) error {
			if tx, ok := c.(warehouse.Tx); ok {
				return lease.Within(ctx, tx)
			}
			return lease.Confirm(ctx)
		},
	}
	for _, src := range sources {
		if ctx.Err() != nil {
			break
		}
		s.ingestSource(ctx, base, src, f)
		s.app.report(src.said(), false)
		if f.dryRun {
			continue
		}
		s.progress(src)
		if err := s.lockIngested(src, f.accept); err != nil {
			return err
		}
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		s.app.report(diag.List{{Message: cause.Error(), Help: "what was landed before is there; run engine ingest again"}}, false)
	}
	s.vacate(ctx, lease)
	if err := s.answerIngest(sources, f, id, started); err != nil {
		return err
	}
	if ctx.Err() != nil {
		if cause := context.Cause(ctx); errors.Is(cause, context.Canceled) {
			return context.Canceled
		}
		return reported(exitFailed)
	}
	if slices.ContainsFunc(sources, func(i *ingested) bool { return i.failed }) {
		return reported(exitFailed)
	}
	return nil
}

// ingestTarget opens the target and takes its lease, unless nothing is to be landed. A dry
// run does without a target that is not there yet.
func (s *session) ingestTarget(ctx context.Context, f ingestFlags, id string) (warehouse.Conn, *run.Lease, error) {
	if !f.dryRun {
		return s.occupy(ctx, order{which: "ingest", tenure: f.tenure}, id)
	}
	conn, err := s.read(ctx)
	var known *mistakes
	if asMistakes(err, &known) && slices.ContainsFunc(known.list, func(d diag.Diagnostic) bool { return d.Code == codeNotBuilt }) {
		return nil, nil, nil
	}
	return conn, nil, err
}

// ingestible groups the chosen tables by their source, in the order of names.
func (s *session) ingestible(chosen map[addr.Node]bool) []*ingested {
	byName := map[string]*ingested{}
	for _, id := range s.program.Order {
		n := s.program.Nodes[id]
		if n.Source == nil || n.Source.Ingest == nil {
			continue
		}
		name := n.Source.SourceName.V
		src := byName[name]
		if src == nil {
			src = &ingested{name: name, kind: n.Source.Ingest.Kind.V}
			byName[name] = src
		}
		w := ingest.Wanted{Node: id, Source: n.Source, Types: s.declaredTypes(n.Source), Into: n.Relation, Locked: s.project.Lock.Sources[id.Name]}
		src.all = append(src.all, w)
		if chosen[id] {
			src.wanted = append(src.wanted, w)
		}
	}
	var out []*ingested
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		src := byName[name]
		byNode := func(a, b ingest.Wanted) int { return a.Node.Compare(b.Node) }
		slices.SortFunc(src.all, byNode)
		slices.SortFunc(src.wanted, byNode)
		if len(src.wanted) > 0 {
			out = append(out, src)
		}
	}
	return out
}

// declaredTypes are the types of the columns that YAML declares, as the target spells them.
func (s *session) declaredTypes(src *project.Source) map[string]string {
	out := map[string]string{}
	for _, c := range src.Columns {
		typ := c.DataType.V
		if typ == "" {
			continue
		}
		if tr := s.program.Target.Translator; tr != nil && s.project.Settings.Dialect.V == project.GoogleSQL {
			if t, _, err := googlesql.ParseType(typ); err == nil {
				if native, err := tr.Type(t); err == nil {
					typ = native
				}
			}
		}
		out[c.Name.V] = typ
	}
	return out
}

// ingestSource ingests one source; what goes wrong is its own affair.
func (s *session) ingestSource(ctx context.Context, r ingest.Request, src *ingested, f ingestFlags) {
	fail := func(err error) {
		src.failed = true
		src.diags.Add(s.ingestRefused(src, err)...)
	}
	kind := ingest.KindOf(src.kind)
	if kind == nil {
		fail(diag.Diagnostic{Message: fmt.Sprintf("source %q is of kind %q, which this engine does not have", src.name, src.kind)})
		return
	}
	r.Name, r.Tables = src.name, slices.Clone(src.wanted)
	if f.accept {
		for i := range r.Tables {
			r.Tables[i].Locked = nil
		}
	}
	if name := src.wanted[0].Source.Ingest.Connection; name.IsSet() {
		cfg, driver, found := engine.ConnectionConfig(s.project, s.options, name)
		if found.HasErrors() {
			src.failed = true
			src.diags.Add(found...)
			return
		}
		r.Config = cfg
		r.Connection = func(ctx context.Context) (warehouse.Conn, error) {
			conn, err := driver.Open(ctx, cfg)
			if err != nil {
				return nil, connectionRefused(name, err)
			}
			return conn, nil
		}
	}
	opened, err := kind.Open(ctx, r)
	if err != nil {
		fail(err)
		return
	}
	defer opened.Close()
	src.remote = opened.Remote()
	if !f.accept {
		tables := src.all
		if src.kind == project.IngestFiles {
			tables = src.wanted // each table has files of its own, and those of the others are not looked at
		}
		changes := ingest.DriftOfSource(src.name, tables, src.remote, s.project.Lock.Remotes[src.name], r.To)
		sortDrift(changes)
		if len(changes) > 0 {
			if src.drift, err = s.analyzed(ctx).drifted(ctx, r.Target, changes); err != nil {
				fail(err)
				return
			}
		}
		if len(ingest.Refused(changes)) > 0 {
			src.failed = true
			return
		}
	}
	p, found := ingest.Make(r, src.kind, src.remote, r.To)
	src.plan = p
	src.diags.Add(found...)
	src.failed = found.HasErrors()
	if f.dryRun || len(p.Tables) == 0 {
		return
	}
	if err := ingest.Prepare(ctx, r); err != nil {
		fail(err)
		return
	}
	strange, err := ingest.Own(ctx, r, &p)
	if err != nil {
		fail(err)
		return
	}
	src.diags.Add(strange...)
	src.failed = src.failed || strange.HasErrors()
	src.plan = p
	var tell func(ingest.Event)
	idle := s.app.showing(func(screen view.Screen) *view.Busy { return view.NewIngestion(screen, src.name, len(p.Tables)) }, func(b *view.Busy) { tell = b.Event })
	src.result = opened.Apply(ctx, p, tell)
	idle()
	for _, res := range src.result {
		src.failed = src.failed || res.Failed
	}
}

// analyzed is the session with what is known of columns, as far as the models can be analyzed.
func (s *session) analyzed(ctx context.Context) *session {
	full := *s
	full.options.SkipAnalysis, full.warnings = false, nil
	if err := full.compile(ctx); err != nil && full.program == nil {
		return s
	}
	return &full
}

// said are the diagnostics of a source and its tables.
func (i *ingested) said() diag.List {
	out := slices.Clone(i.diags)
	for _, r := range i.result {
		out.Add(r.Diags...)
	}
	return out
}

// ingestRefused words why a source could not be ingested as a whole.
func (s *session) ingestRefused(src *ingested, err error) diag.List {
	var d diag.Diagnostic
	if errors.As(err, &d) {
		if d.At.IsZero() {
			d.At = src.wanted[0].Source.Ingest.Kind.At
		}
		return diag.List{d}
	}
	d = plainError(err)
	d.Code, d.At = codeIngest, src.wanted[0].Source.Ingest.Kind.At
	d.Message = fmt.Sprintf("source %q could not be ingested: %s", src.name, d.Message)
	return diag.List{d}
}

const (
	codeIngest diag.Code = "ingest-failed"
	// codeIngestNone is of selectors that choose nothing that is ingested.
	codeIngestNone diag.Code = "ingest-none"
)

// ingestCodes are those of the command.
var ingestCodes = []diag.Entry{
	{Code: codeIngest, Title: "a source that could not be ingested", Explain: "Nothing of the source was landed in this run; the rows of before are still there.", Bad: "", Good: ""},
	{Code: codeIngestNone, Title: "selectors that choose no source that is ingested", Explain: "The selectors of engine ingest, or those of a schedule's phase, choose no source that has \"ingest\" in its YAML. Nothing was ingested, which may be what is meant, and is no mistake of the run: the exit code is 0.", Bad: "engine ingest source:ap    # the source is called app", Good: "engine ingest source:app"},
}

func connectionRefused(name project.Value[string], err error) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeOpen, At: name.At, Message: fmt.Sprintf("connection %q cannot be opened: %v", name.V, err), Help: "mend it below connections in engine.yml", Cause: err}
	var known *warehouse.OpenError
	if errors.As(err, &known) {
		d.Message = fmt.Sprintf("connection %q cannot be opened: %s", name.V, known.Reason)
		if known.Help != "" {
			d.Help = strings.ReplaceAll(known.Help, "the target's", "the connection's")
		}
		d.Cause = known.Err
	}
	return d
}

// progress says what became of each table of a source.
func (s *session) progress(src *ingested) {
	if s.app.global.quiet || wantsJSON(s.app.global.output) {
		return
	}
	for _, r := range src.result {
		word := fmt.Sprintf("%s, %s", r.Mode, view.Number(int(r.Rows), "row"))
		switch {
		case r.Failed:
			word = "failed"
		case r.Mode == ingest.ModeNothing:
			word = r.Mode
		case r.Mode == ingest.ModeNew && src.kind == project.IngestCopy:
			word += "; rows deleted at the remote stay until --full"
		case r.Rejects > 0:
			word += fmt.Sprintf(", %s left out", view.Number(int(r.Rejects), "record"))
		}
		_, _ = fmt.Fprintf(s.app.out, "%s  %s  (%s)\n", r.Node.Name, word, view.Seconds(r.End.Sub(r.Start)))
	}
}

// relock reads the lock again, for sources that are about to be ingested.
func (s *session) relock(sources []*ingested) error {
	lock, found := project.ReadLock(s.project.Dir)
	if found.HasErrors() {
		return failure(found...)
	}
	s.project.Lock = lock
	for _, src := range sources {
		for _, list := range [][]ingest.Wanted{src.all, src.wanted} {
			for i := range list {
				list[i].Locked = lock.Sources[list[i].Node.Name]
			}
		}
	}
	return nil
}

// lockIngested writes down what the tables of a source that were ingested look like, there and
// here. Only their entries change: runs of other targets write the same file.
func (s *session) lockIngested(src *ingested, accept bool) error {
	lock, found := project.ReadLock(s.project.Dir)
	if found.HasErrors() {
		return failure(found...)
	}
	landed := 0
	for i := range src.result {
		if src.result[i].Failed {
			continue
		}
		step := &src.plan.Tables[i]
		entry := s.locked(src.result[i].Landing())
		entry.Remote = ingest.Agree(step, accept)
		lock.Sources[step.Node.Name] = entry
		landed++
	}
	if landed == 0 {
		return nil
	}
	if src.kind != project.IngestFiles && (accept || lock.Remotes[src.name] == nil) {
		lock.Remotes[src.name] = src.remote.Known()
	}
	return s.writeLock(lock, landed, false)
}

// ingestDocument is the answer for programs, in the form of those of build and publish.
type ingestDocument struct {
	Run         string       `json:"run_id"`
	Target      string       `json:"target"`
	Status      string       `json:"status"`
	DryRun      bool         `json:"dry_run,omitempty"`
	Nodes       []ingestNode `json:"nodes"`
	Drift       []driftEntry `json:"drift"`
	Diagnostics []diag.JSON  `json:"diagnostics"`
	Seconds     float64      `json:"seconds"`
}

type ingestNode struct {
	Node     string `json:"node"`
	Relation string `json:"relation"`
	Kind     string `json:"kind"`
	// Status is done, failed or, in a dry run, planned.
	Status      string         `json:"status"`
	Mode        string         `json:"mode,omitempty"`
	Rows        int64          `json:"rows"`
	Rejects     int64          `json:"rejects,omitempty"`
	Seconds     float64        `json:"seconds"`
	Columns     []ingestColumn `json:"columns"`
	Denied      []string       `json:"denied"`
	Query       string         `json:"query,omitempty"`
	Message     string         `json:"message,omitempty"`
	Diagnostics []diag.JSON    `json:"diagnostics,omitempty"`
}

type ingestColumn struct {
	Name      string `json:"name"`
	Remote    string `json:"remote_type,omitempty"`
	Type      string `json:"type"`
	Transform string `json:"transform,omitempty"`
}

func (s *session) answerIngest(sources []*ingested, f ingestFlags, id string, started time.Time) error {
	doc := ingestDocument{Run: id, Target: s.program.Target.Name, Status: "success", DryRun: f.dryRun, Nodes: []ingestNode{}, Drift: []driftEntry{}, Diagnostics: []diag.JSON{}, Seconds: s.app.now().Sub(started).Seconds()}
	var changes diag.List
	var own diag.List
	rows, landed, wrong := int64(0), 0, 0
	for _, src := range sources {
		doc.Drift = append(doc.Drift, src.drift...)
		changes.Add(driftDiags(s.program, src.drift)...)
		own.Add(src.diags...)
		if src.failed {
			doc.Status = "failure"
		}
		for i := range src.plan.Tables {
			step := &src.plan.Tables[i]
			n := ingestNode{Node: step.Node.Name, Relation: step.Into.String(), Kind: src.kind, Status: "planned", Columns: []ingestColumn{}, Denied: step.Denied, Query: step.Query}
			if n.Denied == nil {
				n.Denied = []string{}
			}
			for _, c := range step.Columns {
				n.Columns = append(n.Columns, ingestColumn{c.Name, c.From, c.Type, c.Transform})
			}
			if i < len(src.result) {
				r := src.result[i]
				n.Status, n.Mode, n.Rows, n.Rejects, n.Seconds = "done", r.Mode, r.Rows, r.Rejects, r.End.Sub(r.Start).Seconds()
				n.Diagnostics = r.Diags.JSON()
				if r.Failed {
					n.Status = "failed"
					n.Message, _ = mistakeIn(n.Diagnostics)
					wrong++
				} else {
					landed++
					rows += r.Rows
				}
			}
			doc.Nodes = append(doc.Nodes, n)
		}
		if src.failed && len(src.result) == 0 {
			wrong += len(src.wanted)
		}
	}
	doc.Diagnostics = append(own, changes...).JSON()
	s.app.report(s.shown(changes), false)
	if wantsJSON(s.app.global.output) {
		return view.JSON(s.app.out, doc)
	}
	if s.app.global.quiet || s.app.global.output == "github" {
		return nil
	}
	if f.dryRun {
		_, _ = fmt.Fprint(s.app.out, s.app.outScreen().Table(ingestTable(doc.Nodes), ""))
		return nil
	}
	text := fmt.Sprintf("%s ingested, %s in %s", view.Number(landed, "table"), view.Number(int(rows), "row"), view.Seconds(s.app.now().Sub(started)))
	if wrong > 0 {
		text += fmt.Sprintf("; %s not", view.Number(wrong, "table"))
	}
	_, _ = fmt.Fprintln(s.app.out, text)
	return nil
}

// shown leaves remarks to verbose people.
func (s *session) shown(list diag.List) (out diag.List) {
	for _, d := range list {
		if d.Severity != diag.Remark || s.app.global.verbose {
			out.Add(d)
		}
	}
	return out
}

// ingestTable shows what would leave.
func ingestTable(nodes []ingestNode) view.Table {
	t := view.Table{Columns: []string{"table", "column", "remote type", "type", "transform"}}
	for _, n := range nodes {
		for _, c := range n.Columns {
			t.Rows = append(t.Rows, []view.Cell{{Text: n.Node}, {Text: c.Name}, {Text: c.Remote}, {Text: c.Type}, {Text: c.Transform}})
		}
		for _, name := range n.Denied {
			t.Rows = append(t.Rows, []view.Cell{{Text: n.Node}, {Text: name}, {Text: ""}, {Text: "stays there"}, {Text: ""}})
		}
	}
	return t
}

package engine

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/materialize"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/transpile"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/google"
	"github.com/engine-build/engine/internal/kept"
)

// Options say which project, for which target, with what from outside.
type Options struct {
	Dir     string         // project directory
	Target  string         // name of the target; empty: the project's default
	Vars    map[string]any // variables of the command line, stronger than all others
	Env     func(string) (string, bool)
	Drivers []warehouse.Driver
	Jobs    int // workers for compilation; 0: all cores
	// Version tells one build of the engine from another. What analysis finds is kept in the
	// project's target folder from one compilation to the next of the same version; without
	// a version nothing is kept.
	Version string
	// Keep makes the target folder where there is none, so that what analysis finds is kept from
	// the first compilation on. Without it looking at a project makes nothing.
	Keep bool
	// SkipAnalysis leaves columns and types unknown: names and order only.
	SkipAnalysis bool
	// SkipTests leaves the SQL of tests unread.
	SkipTests bool
	// Place says where nodes are read that are not read under their own name, and Attach
	// which databases a connection needs for that (see Reach).
	Place  map[addr.Node]addr.Relation
	Attach []warehouse.Attached
	// SchemaSuffix is put behind every schema that is built into, after an underscore; empty:
	// schemas are as configured.
	SchemaSuffix string
	// Limit bounds the rows that models and snapshots read; nil: nothing does.
	Limit *compile.Limit
	// Part asks for a part of one model's query in the place of it; nil: for none.
	Part *compile.Part
	// OneDatabase: nodes are built into the target's database, whatever they are configured to be in.
	OneDatabase bool
}

// Load reads the project as written.
func Load(o Options) (*project.Project, diag.List) {
	p, found := project.Load(o.Dir, o.Env)
	return p, append(found, checkConnections(p, o.Drivers)...)
}

// Compile makes the program for the chosen target. It opens no connection to it.
func Compile(ctx context.Context, p *project.Project, o Options) (*compile.Program, diag.List) {
	program, _, ds := o.compile(ctx, p, nil, nil)
	return program, ds
}

// compile is Compile. With a Desk it keeps what single files are compiled against; near are the
// files that matter, nil for all.
func (o Options) compile(ctx context.Context, p *project.Project, d *Desk, near []string) (*compile.Program, *compile.Base, diag.List) {
	target, driver, ds := chooseTarget(p, o)
	if ds.HasErrors() {
		return nil, nil, ds
	}
	understood, store := o.google(p, driver, d)
	trust(p, store)
	options := compile.Options{Jobs: o.Jobs, Google: understood, Place: o.Place, SkipTests: o.SkipTests || near != nil, Limit: o.Limit, Part: o.Part, Near: near}
	done := func() {}
	switch {
	case understood == nil || understood.Sessions == nil:
	case d == nil:
		done = understood.Sessions.Close
	default:
		understood.Sessions, done = d.sessions(p)
	}
	var opened warehouse.Analyzer
	release := func() {
		done()
		if opened != nil {
			opened.Close()
		}
	}
	if !o.SkipAnalysis {
		options.Late = func(c *compile.Options) {
			// A warehouse without an analyzer may know files nevertheless.
			if s, ok := driver.(warehouse.Sniffer); ok {
				c.Sniff = s.Sniff
			}
			if t, ok := driver.(warehouse.Trier); ok {
				c.Try = t.Try
			}
			analyzer, err := driver.Analyzer(ctx)
			switch {
			case err == nil:
				opened = analyzer
				c.Analyzer = analyzer
				if s, ok := analyzer.(warehouse.Sniffer); ok {
					c.Sniff = s.Sniff
				}
				if t, ok := analyzer.(warehouse.Trier); ok {
					c.Try = t.Try
				}
			case !errors.Is(err, warehouse.ErrUnsupported):
				ds.Add(noAnalysis(driver.Name(), err))
			}
		}
	}
	var program *compile.Program
	var base *compile.Base
	var more diag.List
	if d == nil {
		defer release()
		program, more = compile.Compile(ctx, p, target, options)
	} else {
		program, base, more = compile.Keep(ctx, p, target, options, release)
	}
	ds.Add(more...)
	if store != nil && ctx.Err() == nil {
		noteHashes(p, store)
		// What is kept is worth nothing but time: a folder that cannot be written is no mistake.
		if o.Keep && !ds.HasErrors() {
			_ = os.MkdirAll(targetFolder(p), 0o755)
		}
		_ = store.Save()
	}
	ds.Add(o.judge(ctx, p, program, driver)...)
	return program, base, ds.Sorted()
}

// judge finds what is wrong with a program beside what its compiler says.
func (o Options) judge(ctx context.Context, p *project.Project, program *compile.Program, driver warehouse.Driver) diag.List {
	var ds diag.List
	ds.Add(reservedSchemas(p, program, driver, o)...)
	ds.Add(checkLandings(program)...)
	silent := program.Silent()
	for _, id := range program.Order {
		if n := program.Nodes[id]; id.Kind != addr.Source && !silent[id] && !o.SkipAnalysis {
			ds.Add(materialize.Check(n, program.Target.Dialect.Caps())...)
		}
	}
	if !o.SkipAnalysis && ctx.Err() == nil {
		ds.Add(tenant.Check(program)...)
	}
	return ds
}

// translating is the power of a driver whose warehouse does not read GoogleSQL itself.
type translating interface{ Translator() transpile.Target }

func translator(driver warehouse.Driver) transpile.Target {
	if t, ok := driver.(translating); ok {
		return t.Translator()
	}
	return nil
}

// readsGoogleSQL reports whether the driver's warehouse takes GoogleSQL as it is.
func readsGoogleSQL(driver warehouse.Driver) bool {
	r, ok := driver.(interface{ ReadsGoogleSQL() bool })
	return ok && r.ReadsGoogleSQL()
}

// google is what GoogleSQL takes on a driver's warehouse, nil where it has no way there,
// and the store of what was found before, nil where nothing is kept.
func (o Options) google(p *project.Project, driver warehouse.Driver, d *Desk) (*compile.Google, keeping) {
	g := &compile.Google{Speller: google.Spelling{}, Translator: translator(driver)}
	if g.Translator == nil && !readsGoogleSQL(driver) {
		return nil, nil
	}
	if o.SkipAnalysis && !slices.ContainsFunc(p.Seeds, large) {
		return g, nil
	}
	store := o.store(p, driver, g.Translator, d)
	if store != nil {
		g.Cache = store
	}
	if o.SkipAnalysis {
		return g, store
	}
	if d != nil {
		g.Sessions = d.pool
		return g, store
	}
	jobs := o.Jobs
	if jobs < 1 {
		jobs = runtime.GOMAXPROCS(0)
	}
	g.Sessions = googlesql.NewPool(jobs, func() (*googlesql.Session, error) { return googlesql.Open(googlesql.Options{}) })
	return g, store
}

// store is the file of what earlier compilations found, nil where nothing is kept.
func (o Options) store(p *project.Project, driver warehouse.Driver, t transpile.Target, d *Desk) keeping {
	if o.Version == "" {
		if d != nil {
			return d.answers
		}
		return nil
	}
	version := driver.Name()
	if t != nil {
		version = t.Version()
	}
	path, version := filepath.Join(targetFolder(p), "analysis.kept"), o.Version+" "+version
	if d != nil {
		d.answers.open(path, version)
		return d.answers
	}
	return kept.Open(path, version)
}

// large reports whether reading a data file takes longer than reading what is kept of it.
func large(s *project.Seed) bool { return s.Size > 1<<20 && s.Stamp != "" }

func hashKey(s *project.Seed) string {
	sum := sha256.Sum256([]byte("seed\x00" + s.Path + "\x00" + s.Stamp))
	return string(sum[:16])
}

// trust spares reading data files that have not been touched since they were last read.
func trust(p *project.Project, store keeping) {
	for _, s := range p.Seeds {
		if store != nil && large(s) {
			if hash, ok := store.Get(hashKey(s)); ok {
				s.Trust(string(hash))
			}
		}
	}
}

// targetFolder is where what is made of a project goes.
func targetFolder(p *project.Project) string {
	if dir := p.Settings.TargetPath; filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(p.Dir, p.Settings.TargetPath)
}

func noteHashes(p *project.Project, store keeping) {
	for _, s := range p.Seeds {
		if _, known := store.Get(hashKey(s)); large(s) && !known && s.Hash() != "" {
			store.Put(hashKey(s), []byte(s.Hash()))
		}
	}
}

// reservedSchemas finds schemas that the target's warehouse cannot have.
func reservedSchemas(p *project.Project, program *compile.Program, driver warehouse.Driver, o Options) diag.List {
	r, ok := driver.(warehouse.Reserver)
	if !ok {
		return nil
	}
	cfg, _, ds := TargetConfig(p, o)
	if ds.HasErrors() {
		return nil // reported when the target was chosen
	}
	reserved := r.Reserved(cfg)
	for _, id := range program.Order {
		n := program.Nodes[id]
		for name, why := range reserved {
			if id.Kind != addr.Source && strings.EqualFold(n.Relation.Schema, name) {
				settings, _ := p.Settings.Target(o.Target, o.Env)
				return diag.List{schemaReserved(settings, n, why)}
			}
		}
	}
	return nil
}

// chooseTarget finds the target by name and gives it the values it starts from.
func chooseTarget(p *project.Project, o Options) (compile.Target, warehouse.Driver, diag.List) {
	settings, ds := p.Settings.Target(o.Target, o.Env)
	if ds.HasErrors() {
		return compile.Target{}, nil, ds
	}
	i := slices.IndexFunc(o.Drivers, func(d warehouse.Driver) bool { return d.Name() == settings.Type.V })
	if i < 0 {
		ds.Add(typeUnknown(settings, o.Drivers))
		return compile.Target{}, nil, ds
	}
	driver := o.Drivers[i]
	ds.Add(checkFields(settings, driver)...)
	vars := map[string]any{}
	for _, layer := range []map[string]project.Value[any]{p.Settings.Vars, settings.Vars} {
		for name, v := range layer {
			vars[name] = v.V
		}
	}
	maps.Copy(vars, o.Vars)
	suffix := ""
	if o.SchemaSuffix != "" {
		suffix = "_" + o.SchemaSuffix
	}
	return compile.Target{
		Name: settings.Name, Type: settings.Type.V, Database: settings.Database.V, Schema: settings.Schema.V + suffix,
		CustomSchema: settings.CustomSchema.V, SchemaSuffix: suffix, Dialect: driver.Dialect(), Translator: translator(driver), Vars: vars, Env: o.Env,
		TagLimits: settings.TagLimits, OneDatabase: o.OneDatabase,
	}, driver, ds
}

// checkFields compares the target's own keys with what its driver understands.
func checkFields(t *project.TargetSettings, driver warehouse.Driver) diag.List {
	var ds diag.List
	known := map[string]warehouse.Field{}
	for _, f := range driver.Fields() {
		known[f.Name] = f
		if f.Required && !t.Fields[f.Name].IsSet() {
			ds.Add(fieldMissing(t, f))
		}
	}
	if !driver.Dialect().Caps().DryRun {
		if t.MaxBytesPerRun.IsSet() {
			ds.Add(budgetBlind(t, "max_bytes_per_run", t.MaxBytesPerRun.At))
		}
		if t.MaxCostPerRun.IsSet() {
			ds.Add(budgetBlind(t, "max_cost_per_run", t.MaxCostPerRun.At))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Fields)) {
		if _, ok := known[name]; !ok {
			ds.Add(fieldUnknown(t, name, slices.Sorted(maps.Keys(known))))
		}
	}
	return ds
}

// Threads is the number of workers that the target asks for, 0 if it does not.
func Threads(p *project.Project, o Options) int {
	settings, ds := p.Settings.Target(o.Target, o.Env)
	if ds.HasErrors() {
		return 0
	}
	return int(settings.Threads.V)
}

// TargetConfig is what the driver of the chosen target is opened with.
func TargetConfig(p *project.Project, o Options) (warehouse.Config, warehouse.Driver, diag.List) {
	settings, ds := p.Settings.Target(o.Target, o.Env)
	if ds.HasErrors() {
		return warehouse.Config{}, nil, ds
	}
	i := slices.IndexFunc(o.Drivers, func(d warehouse.Driver) bool { return d.Name() == settings.Type.V })
	if i < 0 {
		return warehouse.Config{}, nil, diag.List{typeUnknown(settings, o.Drivers)}
	}
	cfg := warehouse.Config{Type: settings.Type.V, Dir: p.Dir, Fields: map[string]string{}, Attach: o.Attach}
	for name, v := range settings.Fields {
		cfg.Fields[name] = v.V
	}
	return cfg, o.Drivers[i], ds
}

// Open connects to the program's target.
func Open(ctx context.Context, p *compile.Program, o Options) (warehouse.Conn, error) {
	o.Target = p.Target.Name
	cfg, driver, ds := TargetConfig(p.Project, o)
	if ds.HasErrors() {
		return nil, ds[0]
	}
	conn, err := driver.Open(ctx, cfg)
	if err != nil || p.Project.Settings.Distribution == nil {
		return conn, err
	}
	// Where customers have accounts, what they make must not run with the engine's rights.
	if s, ok := conn.(warehouse.Sheltered); ok {
		if err := s.Sheltered(ctx); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return conn, nil
}

// Snapshot reads what the target holds of the program.
func Snapshot(ctx context.Context, p *compile.Program, c warehouse.Conn) (state.Snapshot, error) {
	var relations []addr.Relation
	var sources []state.Source
	for _, id := range p.Order {
		switch n := p.Nodes[id]; {
		case n.Relation.IsZero():
		case id.Kind != addr.Source:
			relations = append(relations, n.Relation)
		case len(n.Parents) == 0: // others are built by a node of the project
			sources = append(sources, sourceOf(n))
		}
	}
	snapshot, err := state.Read(named(ctx, p), c, scopeOf(p), relations, sources...)
	if err != nil {
		return state.Snapshot{}, fmt.Errorf("read the state of target %s: %w", p.Target.Name, err)
	}
	return snapshot, nil
}

// sourceOf says how a change of a source is found out.
func sourceOf(n *compile.Node) state.Source {
	s := state.Source{Node: n.ID, Relation: n.Relation}
	if n.Source != nil {
		s.By, s.LoadedAt = n.Source.VersionBy.V, n.Source.LoadedAt.V
		if n.Source.Freshness != nil {
			s.Filter = n.Source.Freshness.Filter
		}
	}
	return s
}

// named says whose statements are sent with ctx, unless it does already.
func named(ctx context.Context, p *compile.Program) context.Context {
	if warehouse.JobOf(ctx).Project != "" {
		return ctx
	}
	return warehouse.WithJob(ctx, warehouse.Job{Project: p.Project.Settings.Name.V, Target: p.Target.Name})
}

// Plan decides what a run would do.
func Plan(ctx context.Context, p *compile.Program, c warehouse.Conn, sel plan.Selection) (*plan.Plan, diag.List, error) {
	snapshot, err := Snapshot(ctx, p, c)
	if err != nil {
		return nil, nil, err
	}
	return PlanOn(ctx, p, c, snapshot, sel)
}

// PlanOn is Plan on a snapshot that was read before.
func PlanOn(ctx context.Context, p *compile.Program, c warehouse.Conn, snapshot state.Snapshot, sel plan.Selection) (*plan.Plan, diag.List, error) {
	pl, ds := plan.Make(p, snapshot, sel)
	ds.Add(plan.Deprecated(p, sel)...)
	if replaced := pl.Replaced(); len(replaced) > 0 && !ds.HasErrors() {
		found, err := warehouse.Dependents(named(ctx, p), c, replaced)
		if err != nil {
			return nil, nil, fmt.Errorf("ask what depends on %d relations: %w", len(replaced), err)
		}
		ds.Add(plan.Dependents(pl, p, found)...)
	}
	if ids := plan.ContractIDs(pl, p, snapshot); len(ids) > 0 && !ds.HasErrors() {
		definitions, err := state.ReadDefinitions(named(ctx, p), c, scopeOf(p), ids)
		if err != nil {
			return nil, nil, fmt.Errorf("read the definitions of target %s: %w", p.Target.Name, err)
		}
		ds.Add(plan.Contracts(pl, p, definitions, snapshot, sel.AllowBreaking)...)
	}
	return pl, ds.Sorted(), nil
}

// Review says what a plan that was made on snapshot changes for those who read the
// relations. It asks the warehouse once more, what the nodes were built from.
func Review(ctx context.Context, pl *plan.Plan, p *compile.Program, c warehouse.Conn, snapshot state.Snapshot) (*plan.Review, error) {
	definitions, err := state.ReadDefinitions(named(ctx, p), c, scopeOf(p), plan.DefinitionIDs(pl, p, snapshot))
	if err != nil {
		return nil, fmt.Errorf("read the definitions of target %s: %w", p.Target.Name, err)
	}
	return plan.ReviewOf(pl, p, definitions, snapshot), nil
}

// scopeOf says whose records a program's are.
func scopeOf(p *compile.Program) state.Scope {
	return state.Scope{Database: p.Target.Database, Project: p.Project.Settings.Name.V, Schema: p.Target.Schema}
}

// Apply does what the plan says.
func Apply(ctx context.Context, pl *plan.Plan, c warehouse.Conn, o run.Options) (*run.Result, error) {
	return run.Apply(ctx, pl, c, o)
}

const (
	codeTargetType  diag.Code = "target-type"
	codeTargetField diag.Code = "target-field"
	codeLanding     diag.Code = "ingest-landing"
	codeTargetNeeds diag.Code = "target-needs"
	codeNoAnalysis  diag.Code = "analysis-off"
	codeReserved    diag.Code = "schema-reserved"
)

// Codes is this room's part of the catalogue.
var Codes = []diag.Entry{
	{Code: codeTargetType, Title: "a warehouse that the engine does not know", Explain: "The type of a target names a driver.", Bad: "targets: {dev: {type: duckbd}}", Good: "targets: {dev: {type: duckdb}}"},
	{Code: codeTargetField, Title: "an unknown key in a target", Explain: "Each driver has its own keys besides the common ones (type, schema, custom_schema, database, threads, tag_limits, max_bytes_per_run, max_cost_per_run, deadline, vars).", Bad: "targets: {dev: {type: duckdb, pathh: a.duckdb}}", Good: "targets: {dev: {type: duckdb, path: a.duckdb}}"},
	{Code: codeTargetNeeds, Title: "a target without a key that its driver needs", Explain: "The driver cannot connect without it.", Bad: "targets: {prod: {type: postgres}}", Good: "targets: {prod: {type: postgres, host: localhost}}"},
	{Code: codeReserved, Title: "a schema that the warehouse cannot have", Explain: "DuckDB calls a database after its file; a schema of the same name makes names ambiguous.", Bad: "targets: {dev: {type: duckdb, path: target/dev.duckdb, schema: dev}}", Good: "targets: {dev: {type: duckdb, path: target/warehouse.duckdb, schema: dev}}"},
	{Code: codeLanding, Title: "a source that would land where something else is made", Explain: "engine ingest replaces the table of a source. A model, seed or snapshot that builds the same relation, or a second source that is ingested to it, would undo that, and the other way round.", Bad: "models/orders.sql builds main.orders, and source app.orders with ingest has schema main", Good: "sources: [{name: app, schema: raw_app, ingest: {…}}]"},
	{Code: codeNoAnalysis, Title: "the offline analysis is not there", Explain: "Models are not checked before the run; the warehouse's own errors come later.", Bad: "", Good: ""},
}

func typeUnknown(t *project.TargetSettings, drivers []warehouse.Driver) diag.Diagnostic {
	var names []string
	for _, d := range drivers {
		names = append(names, d.Name())
	}
	d := diag.Diagnostic{Code: codeTargetType, Message: fmt.Sprintf("no warehouse of type %q", t.Type.V), At: either(t.Type.At, t.At), Help: "known are " + strings.Join(names, ", ")}
	if near, ok := diag.Suggest(t.Type.V, names); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	}
	return d
}

func either(a, b source.Span) source.Span {
	if a.IsZero() {
		return b
	}
	return a
}

func fieldUnknown(t *project.TargetSettings, name string, known []string) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeTargetField, Message: fmt.Sprintf("target %q has no key %q", t.Name, name), At: either(t.Fields[name].At, t.At), Help: fmt.Sprintf("%s understands %s", t.Type.V, strings.Join(known, ", "))}
	if near, ok := diag.Suggest(name, slices.Concat(known, []string{"type", "schema", "custom_schema", "database", "threads", "tag_limits", "max_bytes_per_run", "max_cost_per_run", "deadline", "vars"})); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	}
	return d
}

func fieldMissing(t *project.TargetSettings, f warehouse.Field) diag.Diagnostic {
	return diag.Diagnostic{Code: codeTargetNeeds, Message: fmt.Sprintf("target %q has no %q", t.Name, f.Name), At: t.At, Help: f.Name + ": " + f.Help}
}

func budgetBlind(t *project.TargetSettings, key string, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeTargetField, Message: fmt.Sprintf("target %q cannot keep %s: %s does not say what a statement will read", t.Name, key, t.Type.V), At: at, Help: "remove it; reading is not charged for there"}
}

func schemaReserved(t *project.TargetSettings, n *compile.Node, why string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeReserved, Message: fmt.Sprintf("target %q cannot have the schema %q", t.Name, n.Relation.Schema), At: either(t.Schema.At, t.At), Model: n.ID, Notes: []string{why}, Help: "give the schema or the file another name"}
}

func noAnalysis(driver string, err error) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeNoAnalysis, Message: "models are not analyzed before the run", Notes: []string{driver + ": " + err.Error()}, Cause: err}
}

package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/lineage"
)

// session is a project on its way to the warehouse.
type session struct {
	app     *app
	dir     string
	options engine.Options
	project *project.Project
	program *compile.Program
	// warnings are shown once, before the command's own answer.
	warnings diag.List
	// opening is the target that ahead began to open, nil where nothing did.
	opening func() (warehouse.Conn, error)
	// publishing are the flags that say when what is built is published.
	publishing publishFlags
	// tenant is the run that has the target, where one is to be done.
	tenant occupant
	// environment is what the project asks of the world's variables.
	environment *environment
	// past are the states that the project is compared with, by their word.
	past map[string]*elsewhere
	// materials: the catalog has pages of lots, whether or not the project says so.
	materials bool
	// profile: the relations are scanned for the catalog.
	profile bool
	// scratch: the target is a file that is gone when the command ends.
	scratch bool
	// asPlanned is what the target held when the last plan was made.
	asPlanned *state.Snapshot
}

// settingsFile makes a folder a project.
const settingsFile = "engine.yml"

// load finds and reads the project. Mistakes that leave something to compile are kept for
// compile, so that all are shown together.
func (a *app) load() (*session, error) {
	dir, err := a.projectDir()
	if err != nil {
		return nil, err
	}
	vars, bad := parseVars(a.global.vars)
	if bad != nil {
		return nil, mistake(*bad)
	}
	if a.global.jobs < 0 {
		return nil, mistake(diag.Diagnostic{Code: codeFlag, Message: "--jobs is negative", Help: "want 1 or more; 0 means the default"})
	}
	a.dir = dir
	env := &environment{of: a.env}
	if a.desk != nil {
		env = a.desk.environment // it has heard what was asked for by what is kept
	}
	s := &session{app: a, dir: dir, environment: env, options: engine.Options{
		Dir: dir, Target: a.global.target, Vars: vars, Env: env.get, Drivers: a.drivers, Jobs: a.global.jobs,
		Version: identity(), SchemaSuffix: a.schemaSuffix, Limit: a.limit,
	}}
	if a.stays && a.desk == nil {
		a.desk = newDesk(s)
	}
	defer roomy()()
	if a.desk != nil {
		s.project, s.warnings = a.desk.Load(nil)
	} else {
		s.project, s.warnings = engine.Load(s.options)
	}
	if s.project == nil {
		return nil, &mistakes{s.warnings, exitMistake}
	}
	s.options.Keep = a.keeps && !s.warnings.HasErrors()
	if a.dbt != nil {
		if err := a.dbt.adapt(s); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// settled is load for commands that need nothing but engine.yml: mistakes there end the
// command, those elsewhere do not matter to it.
func (a *app) settled() (*session, error) {
	s, err := a.load()
	if err != nil {
		return nil, err
	}
	if found := s.settingsWrong(); len(found) > 0 {
		return nil, &mistakes{found, exitMistake}
	}
	return s, nil
}

// settingsWrong are the mistakes in engine.yml.
func (s *session) settingsWrong() diag.List {
	var found diag.List
	for _, d := range s.warnings {
		if d.At.File != nil && d.At.File.Path == settingsFile && (d.Severity == diag.Error || d.Severity == diag.Internal) {
			found.Add(d)
		}
	}
	return found
}

// compiled is load and compile: the program, or all mistakes at once.
func (a *app) compiled(ctx context.Context) (*session, error) {
	s, err := a.load()
	if err != nil {
		return nil, err
	}
	return s, s.compile(ctx)
}

// chosen compiles the project and resolves what of it the command is about.
func (a *app) chosen(ctx context.Context, q lineage.Query) (*session, lineage.Selected, error) {
	s, err := a.load()
	if err != nil {
		return nil, lineage.Selected{}, err
	}
	if err := s.compile(ctx); err != nil {
		if s.program == nil || !s.apart() {
			return nil, lineage.Selected{}, err
		}
		// Whoever builds one model need not mend all others first.
		if q.NeedsPast(s.project) {
			return nil, lineage.Selected{}, err
		}
		chosen, found := lineage.Select(s.program, q)
		if found.HasErrors() || !s.spare(chosen) {
			return nil, lineage.Selected{}, err
		}
	}
	chosen, err := s.choose(ctx, q)
	return s, chosen, err
}

// apart reports whether each mistake is one model's or test's own, so that what reads
// neither can be run all the same. What is wrong with engine.yml concerns all.
func (s *session) apart() bool {
	for _, d := range s.warnings {
		if severe(d) && (d.Model.IsZero() || d.At.File != nil && d.At.File.Path == settingsFile) {
			return false
		}
	}
	return true
}

// spare makes warnings of the mistakes if none of them is in what was chosen, in what that
// reads, or in what its tests read. Otherwise all stay as they are.
func (s *session) spare(chosen lineage.Selected) bool {
	needed := map[addr.Node]bool{}
	var need func(addr.Node)
	need = func(n addr.Node) {
		if needed[n] {
			return
		}
		needed[n] = true
		if x := s.program.Nodes[n]; x != nil {
			for _, p := range x.Parents {
				need(p)
			}
		}
	}
	for _, n := range chosen.List() {
		need(n)
	}
	for _, t := range s.program.Tests {
		if chosen.Has(t.ID) {
			for _, p := range t.Parents {
				need(p)
			}
		}
	}
	for _, t := range s.program.UnitTests {
		if chosen.Has(t.ID) {
			need(t.Node)
		}
	}
	for n := range needed {
		if s.program.Broken[n] {
			return false
		}
	}
	for _, d := range s.warnings {
		if severe(d) && needed[d.Model] {
			return false
		}
	}
	for i := range s.warnings {
		if severe(s.warnings[i]) {
			s.warnings[i].Severity = diag.Warning
		}
	}
	return true
}

func severe(d diag.Diagnostic) bool {
	return d.Severity == diag.Error || d.Severity == diag.Internal
}

// roomy lets garbage lie until the function that it returns is called. Reading and
// compiling a project keeps most of what it makes, and a collector that looks through it
// again and again takes a fifth of the time. What comes after may need the memory.
func roomy() (done func()) {
	before := debug.SetGCPercent(400)
	if before != 100 { // GOGC: somebody has chosen
		debug.SetGCPercent(before)
		return func() {}
	}
	return func() { debug.SetGCPercent(before) }
}

// desk keeps a project open for a command that looks at it again and again.
type desk struct {
	*engine.Desk
	environment *environment
}

func newDesk(s *session) *desk {
	o := s.options
	o.Keep, o.Limit = s.app.keeps, nil
	if o.Jobs < 1 {
		o.Jobs = runtime.GOMAXPROCS(0)
	}
	return &desk{engine.NewDesk(o), s.environment}
}

// fits reports whether what the desk keeps is of use: what a session looks at is the project as it
// is, all of it, with nothing in the place of anything.
func (d *desk) fits(o engine.Options) bool {
	return d != nil && o.Limit == nil && o.Part == nil && len(o.Place) == 0 && !o.SkipAnalysis && !o.SkipTests && !o.OneDatabase
}

func (s *session) compile(ctx context.Context) error {
	defer roomy()()
	var found diag.List
	if d := s.app.desk; d.fits(s.options) {
		var base *compile.Base
		if s.program, base, found = d.Compile(ctx, s.project, nil); base != nil {
			base.Close()
		}
	} else {
		s.program, found = engine.Compile(ctx, s.project, s.options)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.warnings = append(s.warnings, found...).Sorted()
	if s.warnings.HasErrors() || s.program == nil {
		return &mistakes{s.warnings, exitMistake}
	}
	if s.app.dbt != nil {
		return s.app.dbt.compiled(s)
	}
	return nil
}

// warn shows what was found so far that does not stop the command.
func (s *session) warn() {
	s.app.report(s.visible(), false)
	s.warnings = nil
}

// visible leaves remarks to verbose people.
func (s *session) visible() diag.List {
	var out diag.List
	for _, d := range s.warnings {
		if d.Severity != diag.Remark || s.app.global.verbose {
			out.Add(d)
		}
	}
	return out
}

// choose resolves selectors; wrong ones end the command.
func (s *session) choose(ctx context.Context, q lineage.Query) (lineage.Selected, error) {
	past, err := s.compared(ctx, q)
	if err != nil {
		return lineage.Selected{}, err
	}
	q.Past = past
	chosen, found := lineage.Select(s.program, q)
	if found.HasErrors() {
		return chosen, &mistakes{append(s.warnings, found...), exitMistake}
	}
	s.warnings.Add(found...)
	if s.app.dbt != nil {
		s.app.dbt.exposed(s, q)
		if wrong := s.app.dbt.strictly(s); wrong.HasErrors() {
			return chosen, &mistakes{wrong, exitMistake}
		}
	}
	return chosen, nil
}

// connect opens the target.
func (s *session) connect(ctx context.Context) (warehouse.Conn, error) {
	conn, err := engine.Open(ctx, s.program, s.options)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, failure(openRefused(s.program.Target.Name, err))
	}
	return conn, nil
}

// plan asks the warehouse what there is and decides what to do.
func (s *session) plan(ctx context.Context, conn warehouse.Conn, sel plan.Selection) (*plan.Plan, error) {
	snapshot, err := s.snapshot(ctx, conn)
	if err != nil {
		return nil, err
	}
	s.asPlanned = &snapshot
	return s.decide(ctx, conn, snapshot, sel)
}

// jobs is the number of workers.
func (s *session) jobs() int {
	if s.app.global.jobs > 0 {
		return s.app.global.jobs
	}
	if n := engine.Threads(s.project, s.options); n > 0 {
		return n
	}
	return max(s.app.cpus, 1)
}

// target is the folder for what the engine writes.
func (s *session) target() string {
	if path := s.project.Settings.TargetPath; filepath.IsAbs(path) { // dbt's --target-path
		return path
	}
	return filepath.Join(s.dir, s.project.Settings.TargetPath)
}

// shown is a path as people want to see it: relative to where they are, if that is shorter.
func (a *app) shown(path string) string {
	if wd, err := a.getwd(); err == nil {
		if rel, err := filepath.Rel(wd, path); err == nil && len(rel) < len(path) && !strings.HasPrefix(rel, filepath.Join("..", "..", "..")) {
			return rel
		}
	}
	return path
}

// projectDir is --project-dir, or the nearest folder upward with an engine.yml.
func (a *app) projectDir() (string, error) {
	wd, err := a.getwd()
	if err != nil {
		return "", mistake(fileWrong("find the current folder", ".", err))
	}
	if asked := a.global.projectDir; asked != "" {
		dir := asked
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(wd, dir)
		}
		if !hasSettings(dir) {
			return "", mistake(noProject(asked, true))
		}
		return filepath.Clean(dir), nil
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		if hasSettings(dir) {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", mistake(noProject(wd, false))
		}
	}
}

// hasSettings reports whether dir has an engine.yml, readable or not.
func hasSettings(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, settingsFile))
	return err == nil && !info.IsDir()
}

var assignment = regexp.MustCompile(`^([A-Za-z_][\w.-]*)=(?s:(.*))$`)

// parseVars reads --vars: YAML mappings and assignments, later ones win.
func parseVars(values []string) (map[string]any, *diag.Diagnostic) {
	vars := map[string]any{}
	for _, v := range values {
		if strings.TrimSpace(v) == "" {
			continue
		}
		if m := assignment.FindStringSubmatch(v); m != nil {
			vars[m[1]] = assigned(m[2])
			continue
		}
		var mapping map[string]any
		if err := yaml.Unmarshal([]byte(v), &mapping); err != nil {
			d := varsUnreadable(v, nil)
			d.Cause = err
			return nil, &d
		}
		for name, value := range mapping {
			vars[name] = scalar(value)
		}
	}
	return vars, nil
}

// assigned is the value of name=text: a YAML list or mapping in brackets, a number, true or
// false, or the text itself.
func assigned(text string) any {
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		return text
	}
	switch value.(type) {
	case bool, int, int64, uint64, float64:
		return scalar(value)
	case []any, map[string]any:
		if strings.ContainsAny(text[:1], "[{") {
			return scalar(value)
		}
	}
	return text
}

// scalar gives values of YAML the types that templates know.
func scalar(v any) any {
	switch v := v.(type) {
	case int:
		return int64(v)
	case uint64:
		return float64(v)
	case []any:
		for i := range v {
			v[i] = scalar(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = scalar(v[k])
		}
	case time.Time: // templates know dates as text
		if v.Equal(v.Truncate(24 * time.Hour)) {
			return v.Format(time.DateOnly)
		}
		return v.Format(time.RFC3339Nano)
	}
	return v
}

// node finds a seed, model or snapshot by name.
func (s *session) node(name string) (*compile.Node, error) {
	var names []string
	for _, id := range s.program.Order {
		if id.Kind == addr.Source {
			continue
		}
		if id.Name == name || id.String() == name {
			return s.program.Nodes[id], nil
		}
		if v := s.program.Nodes[id].Version; v != nil {
			names = append(names, v.FlatName())
			continue
		}
		names = append(names, id.Name)
	}
	if n := s.program.Version(name); n != nil {
		return n, nil
	}
	return nil, mistake(unknownNode(name, names))
}

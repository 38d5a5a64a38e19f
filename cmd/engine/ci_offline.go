package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/lineage"
)

// offlineFolder of the target folder has what a build without an account leaves behind.
const offlineFolder = "offline"

// ciOffline checks a pull request where nobody has an account: the project is compiled for the
// target, and built on an embedded DuckDB that stands in for it.
func (a *app) ciOffline(ctx context.Context, q lineage.Query, f *ciFlags, r *runFlags) (*view.Report, error) {
	s, err := a.load()
	if err != nil {
		return nil, err
	}
	name, err := s.unconnected()
	if err != nil {
		return nil, err
	}
	if err := s.compile(ctx); err != nil {
		return nil, err
	}
	report := &view.Report{Project: s.project.Settings.Name.V, Target: name, Offline: &view.Offline{Type: s.program.Target.Type}}
	e := &elsewhere{}
	word := a.compare.state
	switch {
	case f.base != "":
		// Selectors compare with it, too.
		if e, err = a.committed(ctx, f.base, name); err != nil {
			return nil, err
		}
		word = f.base
		a.compare.state, s.past = word, map[string]*elsewhere{word: e}
		if e.then == nil && slices.Equal(q.Select, []string{changedSelector}) {
			q.Select = nil // what has changed is not known, so all is built
		}
	case word != "":
		if slices.Contains(s.targets(), word) {
			return nil, mistake(diag.Diagnostic{Code: codeState, Message: fmt.Sprintf("--offline opens no connection to target %q", word), Help: "name the folder with the state.json of the other commit, which engine compile writes to its target folder; or leave --state out"})
		}
		if e, err = s.elsewhere(ctx, "--state", word); err != nil {
			return nil, err
		}
	}
	if word != "" {
		report.Against = e.from()
	}
	chosen, err := s.choose(ctx, q)
	if err != nil {
		return nil, err
	}
	changed := map[addr.Node]bool{}
	if report.Against != "" {
		if changed, err = s.changed(e, report); err != nil {
			return nil, err
		}
		report.Mermaid = mermaid(s.program, changed, chosen)
	}
	if err := s.ruled(e, changed, chosen, f, report); err != nil {
		return report, cmp.Or(s.ciCatalog(e, f, report), err)
	}
	s.warn()
	if !a.global.quiet && !wantsJSON(a.global.output) {
		a.say(fmt.Sprintf("no connection is opened: an empty DuckDB stands in for target %s", name))
	}
	outcome := a.standIn(ctx, s, name, chosen, order{
		which: "ci", selects: selectedBy(q, chosen), excludes: q.Exclude, failFast: r.failFast, noCatalog: true, noShare: true, timing: r.timing, budget: r.budget, tenure: r.tenure, deadline: r.deadline, junit: r.junit,
		done: func(result *run.Result) { report.Result = result },
	}, f, report.Offline)
	report.Failure = failureLine(outcome)
	if err := s.ciCatalog(e, f, report); err != nil {
		return report, cmp.Or(outcome, err)
	}
	return report, outcome
}

// unconnected makes the target compile where what its connection needs is not set, and gives its
// name.
func (s *session) unconnected() (string, error) {
	// What the environment says is no question yet, so each variable has a value.
	settings, found := s.project.Settings.Target(s.options.Target, func(string) (string, bool) { return "", true })
	if settings == nil {
		return "", &mistakes{found, exitMistake}
	}
	s.project.Settings.Unconnected(settings.Name, s.options.Env)
	s.options.Target = settings.Name
	return settings.Name, nil
}

// standIn builds what was chosen, with all that it reads, on a new DuckDB in place of the target
// that s is compiled for. The file is gone when it returns.
func (a *app) standIn(ctx context.Context, s *session, name string, chosen lineage.Selected, o order, f *ciFlags, told *view.Offline) error {
	d, err := a.load()
	if err != nil {
		return err
	}
	if _, err := d.unconnected(); err != nil {
		return err
	}
	folder := filepath.Join(s.target(), offlineFolder)
	dir := filepath.Join(folder, newRunID(a.now()))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return failure(fileWrong("make", a.shown(dir), err))
	}
	defer os.RemoveAll(dir)
	settings := &d.project.Settings
	settings.StandIn(name, duckFile{}.Name(), map[string]string{"path": filepath.Join(dir, "build.duckdb")})
	// Its artifacts are not those of the target; hooks of the project are SQL for the target.
	settings.TargetPath, settings.OnRunStart, settings.OnRunEnd = folder, nil, nil
	d.options.OneDatabase, d.scratch = true, true
	for _, src := range d.project.Sources {
		if n := s.program.Nodes[sourceID(src)]; n != nil && len(n.Parents) == 0 {
			apart(src)
		}
	}
	left, err := d.leftOut(ctx)
	if err != nil {
		return err
	}
	rows, err := d.fixtures(f.fixtures)
	if err != nil {
		return err
	}
	needed := s.withParents(chosen)
	empty := d.unfilled(needed, rows, left)
	d.strand(left)
	for _, id := range d.program.Order {
		if why, is := left[id]; is && needed[id] && id.Kind != addr.Source {
			told.Left = append(told.Left, view.LeftOut{Node: id, Why: why})
		}
	}
	if err := d.fill(ctx, needed, rows, told); err != nil {
		return err
	}
	o.selection = plan.Selection{Nodes: map[addr.Node]bool{}, Tests: map[addr.Node]bool{}, FullRefresh: true}
	for id := range needed {
		if n := d.program.Nodes[id]; n != nil && id.Kind != addr.Source && left[id] == "" {
			o.selection.Nodes[id] = true
			n.Config.FirstHooks, n.Config.PreHooks, n.Config.PostHooks, n.Config.LastHooks, n.Config.UpdateHooks = nil, nil, nil, nil, nil
		}
	}
	for _, t := range d.program.Tests {
		switch {
		case !chosen.Tests[t.ID] || left[t.ID] != "" || slices.ContainsFunc(t.Parents, func(p addr.Node) bool { return left[p] != "" || p.Kind != addr.Source && !needed[p] }):
		case slices.ContainsFunc(t.Parents, func(p addr.Node) bool { return empty[p] }):
			told.Untested++
		default:
			o.selection.Tests[t.ID] = true
		}
	}
	for _, t := range d.program.UnitTests {
		if chosen.Tests[t.ID] && left[t.ID] == "" && left[t.Node] == "" {
			o.selection.Tests[t.ID] = true
		}
	}
	return d.perform(ctx, o)
}

func sourceID(s *project.Source) addr.Node {
	return addr.Node{Kind: addr.Source, Name: s.SourceName.V + "." + s.Table.V}
}

// apart gives a source a relation of its own in the database that stands in: two sources may be
// tables of one name in two databases. Nothing is asked of its rows.
func apart(s *project.Source) {
	s.Database, s.Ingest = project.Value[string]{}, nil
	s.Schema = project.Value[string]{V: "source_" + s.SourceName.V, At: s.At}
	s.Identifier = project.Value[string]{V: s.Table.V, At: s.At}
	s.VersionBy = project.Value[string]{V: project.VersionNone, At: s.At}
}

// leftOut compiles the project for what stands in, and says of which nodes and tests it makes
// nothing, and why. That is no mistake of the project: for its target it has compiled.
func (d *session) leftOut(ctx context.Context) (map[addr.Node]string, error) {
	left := map[addr.Node]string{}
	if err := d.compile(ctx); err != nil {
		var wrong *mistakes
		if d.program == nil || !errors.As(err, &wrong) || !d.apart() {
			return nil, err
		}
	}
	for _, x := range d.warnings {
		if severe(x) && left[x.Model] == "" {
			left[x.Model] = x.Message
		}
	}
	for id := range d.program.Broken {
		left[id] = cmp.Or(left[id], "it cannot be compiled for DuckDB")
	}
	d.warnings = nil // those for the target have been told
	return left, nil
}

// strand leaves out what reads something that is left out.
func (d *session) strand(left map[addr.Node]string) {
	for _, id := range d.program.Order {
		for _, p := range d.program.Nodes[id].Parents {
			if left[p] != "" && left[id] == "" {
				left[id] = "it reads " + p.Name
			}
		}
	}
}

// withParents are the chosen nodes and all that they and the chosen tests read.
func (s *session) withParents(chosen lineage.Selected) map[addr.Node]bool {
	out := map[addr.Node]bool{}
	var need func(addr.Node)
	need = func(id addr.Node) {
		n := s.program.Nodes[id]
		if n == nil || out[id] {
			return
		}
		out[id] = true
		for _, p := range n.Parents {
			need(p)
		}
	}
	for _, id := range chosen.List() {
		need(id)
	}
	for _, t := range s.program.Tests {
		if chosen.Tests[t.ID] {
			for _, p := range t.Parents {
				need(p)
			}
		}
	}
	for _, t := range s.program.UnitTests {
		if chosen.Tests[t.ID] {
			need(t.Node)
		}
	}
	return out
}

// fixtureFormats are the files that rows of sources come from, by their ending.
var fixtureFormats = map[string]string{".csv": "csv", ".parquet": "parquet"}

// fixtures finds the files with rows of sources in a folder.
func (d *session) fixtures(folder string) (map[addr.Node]string, error) {
	out := map[addr.Node]string{}
	if folder == "" {
		return out, nil
	}
	dir := d.app.absolute(folder)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, mistake(fileWrong("read", folder, err))
	}
	var names []string
	for _, id := range d.program.Order {
		if id.Kind == addr.Source && len(d.program.Nodes[id].Parents) == 0 {
			names = append(names, id.Name)
		}
	}
	for _, entry := range entries {
		ending := filepath.Ext(entry.Name())
		if entry.IsDir() || fixtureFormats[ending] == "" {
			continue // a README, say
		}
		name := strings.TrimSuffix(entry.Name(), ending)
		id := addr.Node{Kind: addr.Source, Name: name}
		switch {
		case !slices.Contains(names, name):
			wrong := diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("--fixtures: %s is named after no source of the project", filepath.Join(folder, entry.Name())), Help: "name it SOURCE.TABLE" + ending}
			if near, ok := diag.Suggest(name, names); ok {
				wrong.Help = fmt.Sprintf("did you mean %s%s?", near, ending)
			}
			return nil, mistake(wrong)
		case out[id] != "":
			return nil, mistake(diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("--fixtures: source %s has two files: %s and %s", name, filepath.Base(out[id]), entry.Name()), Help: "remove one of them"})
		}
		out[id] = filepath.Join(dir, entry.Name())
	}
	return out, nil
}

// unfilled are the nodes whose rows come from a source that has none here, and the sources
// themselves. Sources of which nothing is known are left out.
func (d *session) unfilled(needed map[addr.Node]bool, rows map[addr.Node]string, left map[addr.Node]string) map[addr.Node]bool {
	out := map[addr.Node]bool{}
	for _, id := range d.program.Order {
		n := d.program.Nodes[id]
		if !needed[id] {
			continue
		}
		if id.Kind == addr.Source && len(n.Parents) == 0 && rows[id] == "" {
			out[id] = true
			if len(declaredColumns(n)) == 0 {
				left[id] = "its columns are not known"
			}
		}
		for _, p := range n.Parents {
			out[id] = out[id] || out[p]
		}
	}
	return out
}

// declaredColumns are the columns of a source whose types are known, as the warehouse spells them.
func declaredColumns(n *compile.Node) []warehouse.Column {
	var out []warehouse.Column
	for _, c := range n.Columns {
		if c.Type != "" {
			out = append(out, warehouse.Column{Name: c.Name, Type: c.Type, Nullable: true})
		}
	}
	return out
}

// fill makes the tables of sources that are needed.
func (d *session) fill(ctx context.Context, needed map[addr.Node]bool, rows map[addr.Node]string, told *view.Offline) error {
	conn, err := d.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	schemas := map[string]bool{}
	perform := func(op warehouse.Op) error {
		statements, err := conn.Dialect().Render(op)
		if err != nil {
			return err
		}
		for _, x := range statements {
			if _, err := conn.Exec(ctx, x); err != nil {
				return err
			}
		}
		return nil
	}
	for _, id := range d.program.Order {
		n := d.program.Nodes[id]
		columns := declaredColumns(n)
		if id.Kind != addr.Source || len(n.Parents) > 0 || !needed[id] || rows[id] == "" && len(columns) == 0 {
			continue
		}
		if !schemas[n.Relation.Schema] {
			schemas[n.Relation.Schema] = true
			if err := perform(warehouse.CreateSchema{Database: n.Relation.Database, Schema: n.Relation.Schema}); err != nil {
				return fmt.Errorf("make the schema of source %s: %w", id.Name, err)
			}
		}
		if path := rows[id]; path != "" {
			if err := load(ctx, conn, n.Relation, columns, path, d.app.shown(path)); err != nil {
				return err
			}
			told.Filled = append(told.Filled, id)
			continue
		}
		if err := perform(warehouse.CreateTable{Target: n.Relation, Columns: columns}); err != nil {
			return fmt.Errorf("make the table of source %s: %w", id.Name, err)
		}
		told.Empty = append(told.Empty, id)
	}
	return nil
}

// load reads a file of fixtures into a new table.
func load(ctx context.Context, conn warehouse.Conn, to addr.Relation, columns []warehouse.Column, path, shown string) error {
	loader, ok := conn.(warehouse.Loader)
	if !ok {
		return fmt.Errorf("%s cannot load %s", conn.Dialect().Name(), shown)
	}
	_, err := loader.Load(ctx, to, columns, warehouse.File{Path: path, Format: fixtureFormats[filepath.Ext(path)], Open: func() (io.ReadCloser, error) { return os.Open(path) }})
	var refused *warehouse.LoadError
	switch {
	case errors.As(err, &refused) && len(refused.Rows) > 0:
		bad := refused.Rows[0]
		return mistake(diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("--fixtures: %s:%d: %s", shown, bad.Line, bad.Reason), Help: "the file must have the columns of the source, and values of their types"})
	case err != nil:
		return failure(fileWrong("load", shown, err))
	}
	return nil
}

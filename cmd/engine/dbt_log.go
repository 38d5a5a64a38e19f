package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/artifact"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/internal/atomicfile"
	"github.com/engine-build/engine/lineage"
)

// logsKept is how many files of an earlier log are kept beside dbt.log.
const logsKept = 5

// hidden are the values of secret variables, which stand in no log and no report: the longest
// first, because one may be a part of another.
func (a *app) hidden() []string {
	var out []string
	for _, pair := range a.environ() {
		name, value, _ := strings.Cut(pair, "=")
		if project.SecretVariable(name) && value != "" {
			out = append(out, value)
		}
	}
	slices.SortFunc(out, func(x, y string) int { return len(y) - len(x) })
	return out
}

// veil takes the values of secret variables out of a text for people.
func (a *app) veil(text string) string {
	for _, value := range a.hidden() {
		text = strings.ReplaceAll(text, value, "*****")
	}
	return text
}

// veiled is a stream without the values of secret variables. A value that is written in two
// pieces passes; what is shown comes in lines.
type veiled struct {
	out io.Writer
	app *app
}

func (v *veiled) Write(p []byte) (int, error) {
	if _, err := io.WriteString(v.out, v.app.veil(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// openLog opens the streams that the flags ask for: the terminal and the file.
func (c *dbtCall) openLog() (done func(), err error) {
	a := c.app
	l := &view.DBTLog{Invocation: c.id, PID: os.Getpid(), Now: a.now, Width: c.number("printer-width")}
	l.Hidden = a.hidden()
	form := c.text("log-format")
	if form == "default" {
		form = "text"
	}
	level := c.text("log-level")
	if c.on("debug") {
		level = "debug"
		if c.text("log-format") == "default" {
			form = "debug"
		}
	}
	color := a.colour(a.outTTY)
	if c.set("use-colors") {
		color = c.on("use-colors")
	}
	l.Streams = []view.DBTStream{{Out: a.out, Format: form, Level: level, Color: color, Quiet: c.on("quiet")}}
	c.log = l
	form, level = c.text("log-format-file"), c.text("log-level-file")
	if !c.set("log-format-file") && c.set("log-format") && c.text("log-format") != "default" {
		form = c.text("log-format")
	}
	if form == "default" {
		form = "debug"
	}
	if level == "none" {
		return func() {}, nil
	}
	dir := c.text("log-path")
	if dir == "" {
		home, err := c.folder()
		if home == "" || err != nil && !c.verb.free {
			return func() {}, nil //nolint:nilerr // the command itself says that there is no project
		}
		dir = filepath.Join(home, "logs")
	}
	file, err := c.logFile(a.absolute(dir))
	if err != nil {
		return nil, failure(fileWrong("write", filepath.Join(dir, "dbt.log"), err))
	}
	if form != "json" {
		now := a.now().UTC()
		_, _ = fmt.Fprintf(file, "\n\n%s %s | %s %s\n", strings.Repeat("=", 30), now.Format("15:04:05.000000"), c.id, strings.Repeat("=", 30))
	}
	l.Streams = append(l.Streams, view.DBTStream{Out: file, Format: form, Level: level, Color: c.on("use-colors-file")})
	return func() { _ = file.Close() }, nil
}

// logFile opens dbt.log for appending. One that has become too long is put aside first.
func (c *dbtCall) logFile(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, rootCause(err)
	}
	path := filepath.Join(dir, "dbt.log")
	if info, err := os.Stat(path); err == nil && c.number("log-file-max-bytes") > 0 && info.Size() >= int64(c.number("log-file-max-bytes")) {
		for i := logsKept; i > 0; i-- {
			from := path
			if i > 1 {
				from = fmt.Sprintf("%s.%d", path, i-1)
			}
			if err := os.Rename(from, fmt.Sprintf("%s.%d", path, i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, rootCause(err)
			}
		}
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, rootCause(err)
	}
	return file, nil
}

// adapt makes of a project that was read what the flags say: its target and its folders.
func (c *dbtCall) adapt(s *session) error {
	if path := c.text("target-path"); path != "" {
		// A path that is not absolute is one of the project.
		if rel, err := filepath.Rel(s.dir, path); err == nil && filepath.IsAbs(path) && filepath.IsLocal(rel) {
			path = rel
		}
		// What is written there would be read as the project's own the next time.
		if of := s.ownFiles(filepath.ToSlash(filepath.Clean(path))); of != "" {
			return mistake(diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("--target-path %s: %s has the project's own files", path, of), Help: "name a folder of its own, for example target"})
		}
		s.project.Settings.TargetPath = path
	}
	return c.connect(s)
}

// compiled tells of a program that was compiled, once.
func (c *dbtCall) compiled(s *session) error {
	if found := c.strictly(s); found.HasErrors() {
		return &mistakes{found, exitMistake}
	}
	if c.stated {
		return nil
	}
	c.stated = true
	kind := s.program.Target.Type
	c.log.Fire(view.DBTEvent{Name: "AdapterRegistered", Code: "E034", Level: "info", Msg: "Registered adapter: " + kind + "=" + artifact.DBTVersion(),
		Data: map[string]any{"adapter_name": kind, "adapter_version": "=" + artifact.DBTVersion()}})
	line := stats(s.program)
	c.log.Fire(view.DBTEvent{Name: "FoundStats", Code: "W006", Level: "info", Msg: "Found " + line, Data: map[string]any{"stat_line": line}})
	return nil
}

// strictly makes errors of warnings that --warn-error asks for: those of the project, and
// tests of severity warn.
func (c *dbtCall) strictly(s *session) diag.List {
	var found diag.List
	for i := range s.warnings {
		d := &s.warnings[i]
		event := "JinjaLogWarning"
		if d.Code == "select-nothing" {
			event = "NoNodesForSelectionCriteria"
		}
		if d.Severity == diag.Warning && c.strict(event) {
			d.Severity = diag.Error
			found.Add(*d)
		}
	}
	if s.program != nil && c.strict("LogTestResult") {
		for _, t := range s.program.Tests {
			if t.Config.Severity == "warn" {
				t.Config.Severity, t.Config.ErrorIf = "error", t.Config.WarnIf
			}
		}
	}
	return found
}

// stats counts what a project has, in dbt's words.
func stats(p *compile.Program) string {
	counts := map[addr.Kind]int{}
	for _, id := range p.Order {
		counts[id.Kind]++
	}
	counts[addr.Test], counts[addr.UnitTest], counts[addr.Exposure] = len(p.Tests), len(p.UnitTests), len(p.Exposures)
	counts["operation"] = len(p.Project.Settings.OnRunStart) + len(p.Project.Settings.OnRunEnd)
	counts["macro"], counts["group"], counts[addr.Analysis] = len(p.Project.Macros), len(p.Project.Groups), len(p.Analyses)
	var parts []string
	for _, k := range []struct {
		kind addr.Kind
		word string
	}{{addr.Model, "model"}, {addr.Analysis, "analysis"}, {addr.Test, "data test"}, {addr.Seed, "seed"}, {"operation", "operation"}, {addr.Snapshot, "snapshot"}, {addr.Source, "source"},
		{addr.Exposure, "exposure"}, {"macro", "macro"}, {"group", "group"}, {addr.UnitTest, "unit test"}} {
		if n := counts[k.kind]; n > 0 {
			parts = append(parts, view.Counted(n, k.word))
		}
	}
	return strings.Join(parts, ", ")
}

// exposed notes which exposures a build is about: for dbt they are nodes of it, which nothing
// is done for.
func (c *dbtCall) exposed(s *session, q lineage.Query) {
	c.exposures = nil
	if kinds, all := c.kinds(); c.verb.name != "build" || !all && !slices.Contains(kinds, string(addr.Exposure)) {
		return
	}
	q.ResourceTypes = []addr.Kind{addr.Exposure}
	chosen, found := lineage.Select(s.program, q)
	if found.HasErrors() {
		return // said before
	}
	for _, id := range chosen.List() {
		if chosen.Exposures[id] {
			c.exposures = append(c.exposures, id)
		}
	}
}

// manifested is what events say of a node, as the manifest has it.
type manifested struct {
	Database     *string                    `json:"database"`
	Schema       string                     `json:"schema"`
	Name         string                     `json:"name"`
	ResourceType string                     `json:"resource_type"`
	Path         string                     `json:"path"`
	File         string                     `json:"original_file_path"`
	UniqueID     string                     `json:"unique_id"`
	Alias        string                     `json:"alias"`
	Checksum     any                        `json:"checksum"`
	Config       map[string]json.RawMessage `json:"config"`
	Meta         map[string]any             `json:"meta"`
	Group        *string                    `json:"group"`
	Relation     *string                    `json:"relation_name"`
	Compiled     *string                    `json:"compiled_path"`
	Attached     *string                    `json:"attached_node"`
	Model        string                     `json:"model"`
}

// nodes reads the manifest of a program for events.
func (c *dbtCall) nodes(s *session) (map[string]view.DBTNode, error) {
	var data bytes.Buffer
	if err := artifact.Manifest(&data, s.program, s.meta(c.id, order{which: c.which()})); err != nil {
		return nil, err
	}
	var doc struct {
		Nodes     map[string]manifested     `json:"nodes"`
		Sources   map[string]manifested     `json:"sources"`
		UnitTests map[string]manifested     `json:"unit_tests"`
		Exposures map[string]manifested     `json:"exposures"`
		Groups    map[string]map[string]any `json:"groups"`
	}
	if err := json.Unmarshal(data.Bytes(), &doc); err != nil {
		return nil, fmt.Errorf("read the manifest: %w", err)
	}
	groups := map[string]map[string]any{}
	for _, g := range doc.Groups {
		name, _ := g["name"].(string)
		groups[name] = map[string]any{"name": name, "owner": g["owner"], "package_name": g["package_name"]}
	}
	out := make(map[string]view.DBTNode, len(doc.Nodes)+len(doc.Sources)+len(doc.UnitTests)+len(doc.Exposures))
	for _, part := range []map[string]manifested{doc.Nodes, doc.Sources, doc.UnitTests, doc.Exposures} {
		for id, m := range part {
			n := m.told(groups)
			if n.Kind == "test" && n.Compiled == "" && n.File != "" {
				n.Compiled = path.Join(filepath.ToSlash(s.project.Settings.TargetPath), "compiled", s.project.Settings.Name.V, n.File, n.Name+".sql")
			}
			out[id] = n
		}
	}
	return out, nil
}

func (m manifested) told(groups map[string]map[string]any) view.DBTNode {
	word := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	n := view.DBTNode{
		UniqueID: m.UniqueID, Name: m.Name, Path: m.Path, File: m.File, Kind: m.ResourceType, Database: word(m.Database), Schema: m.Schema, Alias: m.Alias,
		Relation: word(m.Relation), Compiled: word(m.Compiled), Attached: word(m.Attached), Meta: m.Meta,
	}
	if sum, ok := m.Checksum.(map[string]any); ok && m.ResourceType != "test" {
		n.Checksum, _ = sum["checksum"].(string)
	}
	_ = json.Unmarshal(m.Config["materialized"], &n.Materialized) // where there is one, it is a text
	switch m.ResourceType {
	case "unit_test":
		n.Materialized, n.Label, n.Alias = "unit", m.Model+"::"+m.Name, m.Name
	case "snapshot":
		n.Config = map[string]string{}
		for key, raw := range m.Config {
			if text := string(raw); text != "null" {
				n.Config[key] = strings.Trim(text, `"`)
			}
		}
	}
	if m.Group != nil {
		n.Group = groups[*m.Group]
	}
	return n
}

// view is the view of a run in dbt's words. What is to be run is written below target/run.
func (c *dbtCall) view(s *session, p *plan.Plan) view.Run {
	known, err := c.nodes(s)
	if err != nil {
		c.report(mistakeList(err), false)
	}
	if err := c.writeSQL(s, p); err != nil {
		c.report(mistakeList(err), false)
	}
	reused := 0
	if c.on("skip-unchanged") {
		nodes, tests := view.Kept(p)
		reused = nodes + tests
	}
	node := sync.OnceValue(func() map[addr.Node]string {
		ids := map[addr.Node]string{}
		for _, e := range c.exposures {
			ids[e] = artifact.UniqueID(s.program, e)
		}
		for _, a := range p.Actions {
			ids[a.Node] = artifact.UniqueID(s.program, a.Node)
			for _, t := range a.Tests {
				ids[t.ID] = artifact.UniqueID(s.program, t.ID)
			}
			for _, t := range a.UnitTests {
				ids[t.ID] = artifact.UniqueID(s.program, t.ID)
			}
		}
		return ids
	})
	database := s.program.Target.Database
	var exposures []view.DBTExposure
	for _, e := range s.program.Exposures {
		if slices.Contains(c.exposures, e.ID) {
			exposures = append(exposures, view.DBTExposure{Node: e.ID, Parents: e.Parents})
		}
	}
	for _, n := range known { // the manifest knows the names of databases that targets leave out
		if database == "" && n.Kind == "model" {
			database = n.Database
		}
	}
	return view.NewDBTRun(c.log, view.DBTRunOptions{
		Node: func(id addr.Node) view.DBTNode {
			if n, ok := known[node()[id]]; ok {
				return n
			}
			return view.DBTNode{UniqueID: node()[id], Name: id.Name, Kind: string(id.Kind)}
		},
		Outcome: func(n *run.NodeResult) artifact.Outcome { return artifact.OutcomeOf(s.program, n) },
		TestOutcome: func(t run.TestResult, worker int) artifact.Outcome {
			return artifact.TestOutcomeOf(s.program, t, worker)
		},
		Project: s.project.Settings.Name.V, Target: s.program.Target.Name, Database: database, Schema: s.program.Target.Schema, Jobs: s.jobs(), Reused: reused, Frame: c.frame, Exposures: exposures,
	}, p)
}

// writeSQL writes what the nodes of a plan become: their queries below target/compiled, and
// the statements that build them below target/run, as dbt does.
func (c *dbtCall) writeSQL(s *session, p *plan.Plan) error {
	chosen := map[addr.Node]bool{}
	for _, a := range p.Actions {
		chosen[a.Node] = a.Verb != plan.Check
		for _, t := range a.Tests {
			chosen[t.ID] = true
		}
		n := s.program.Nodes[a.Node]
		if a.Verb == plan.Check || n == nil || n.Path == "" {
			continue
		}
		var text bytes.Buffer
		for _, op := range slices.Concat(a.Build, a.Publish) {
			statements, err := s.program.Target.Dialect.Render(op)
			if err != nil {
				continue // what cannot be written as SQL is done otherwise
			}
			for _, st := range statements {
				text.WriteString(strings.TrimRight(st.SQL, "; \n") + ";\n")
			}
		}
		if text.Len() == 0 {
			continue
		}
		path := filepath.Join(s.target(), "run", s.project.Settings.Name.V, filepath.FromSlash(n.Path))
		if n.ID.Kind == addr.Seed {
			path += ".sql"
		}
		if err := atomicfile.Write(path, text.Bytes()); err != nil {
			return fileError("write", c.app.shown(path), err)
		}
	}
	_, err := c.writeCompiled(s, func(id addr.Node) bool { return chosen[id] })
	return err
}

// writeCompiled writes queries below target/compiled/PROJECT, where the manifest says that
// they are.
func (c *dbtCall) writeCompiled(s *session, has func(addr.Node) bool) (map[addr.Node]string, error) {
	out := map[addr.Node]string{}
	name := func(n addr.Node) string {
		if x := s.program.Nodes[n]; x != nil {
			return s.program.Target.Dialect.Quote(x.Relation)
		}
		return n.Name
	}
	for _, id := range s.program.Order {
		if n := s.program.Nodes[id]; has(id) && n.SQL != "" {
			out[id] = n.SQL
		}
	}
	paths := map[addr.Node]string{}
	for _, t := range s.program.Tests {
		if has(t.ID) && t.SQL != "" {
			text, _ := compile.Bind(t.SQL, t.Map, name)
			out[t.ID], paths[t.ID] = text, t.Path
			if t.Kind != "singular" {
				paths[t.ID] = t.Path + "/" + t.ID.Name + ".sql"
			}
		}
	}
	for id, text := range out {
		path := paths[id]
		if n := s.program.Nodes[id]; n != nil {
			path = n.Path
		}
		if path == "" || filepath.Base(path) == inlinePath {
			continue
		}
		full := filepath.Join(s.target(), "compiled", s.project.Settings.Name.V, filepath.FromSlash(path))
		if err := atomicfile.Write(full, []byte(strings.TrimRight(text, "\n")+"\n")); err != nil {
			return nil, fileError("write", c.app.shown(full), err)
		}
	}
	return out, nil
}

func fileError(verb, path string, err error) error { return mistake(fileWrong(verb, path, err)) }

// wrote tells of a file that was written.
func (c *dbtCall) wrote(kind, path string) {
	c.log.Fire(view.DBTEvent{Name: "ArtifactWritten", Code: "P001", Level: "debug", Msg: fmt.Sprintf("Wrote artifact %s to %s", kind, path), Data: map[string]any{"artifact_type": kind, "artifact_path": path}})
}

// answer prints a line that the command was asked for.
func (c *dbtCall) answer(text string) {
	c.log.Fire(view.DBTEvent{Name: "PrintEvent", Code: "Z052", Level: "info", Msg: text, Data: map[string]any{"msg": text}, Answer: true})
}

// say shows a line of a command.
func (c *dbtCall) say(name, code, text string, data map[string]any) {
	c.log.Fire(view.DBTEvent{Name: name, Code: code, Level: "info", Msg: text, Data: data})
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/artifact"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/internal/atomicfile"
	"github.com/engine-build/engine/lineage"
)

// selection are the flags that choose, for engine's own commands. none is true where only
// kinds are asked for that a project here cannot have.
func (c *dbtCall) selection(kinds bool) (args []string, none bool, err error) {
	for _, name := range []string{"select", "raw-select", "models"} {
		for _, w := range c.several(name) {
			args = append(args, "--select="+w)
		}
	}
	for _, w := range c.several("exclude") {
		args = append(args, "--exclude="+w)
	}
	if v := c.text("selector"); v != "" {
		args = append(args, "--selector="+v)
	}
	args = append(args, "--indirect-selection="+c.text("indirect-selection"))
	args = append(args, c.comparing()...)
	if !kinds {
		return args, false, nil
	}
	chosen, all := c.kinds()
	if all {
		return args, false, nil
	}
	for _, k := range chosen {
		args = append(args, "--resource-type="+k)
	}
	return args, len(chosen) == 0, nil
}

// kinds are those of --resource-type without those of --exclude-resource-type that there are
// here; all where neither is given.
func (c *dbtCall) kinds() (chosen []string, all bool) {
	words, without := c.several("resource-type"), c.several("exclude-resource-type")
	if len(words)+len(without) == 0 {
		return nil, true
	}
	whole := len(words) == 0 || slices.Contains(words, "default") || slices.Contains(words, "all")
	for _, k := range kindWords() {
		if (whole || slices.Contains(words, k)) && !slices.Contains(without, k) {
			chosen = append(chosen, k)
		}
	}
	return chosen, false
}

// comparing are the flags about another state of the project.
func (c *dbtCall) comparing() (args []string) {
	if v := c.text("state"); v != "" {
		args = append(args, "--state="+c.stateOf(v))
	}
	return args
}

// deferring are the flags of commands that read from another target.
func (c *dbtCall) deferring() (args []string) {
	if c.on("defer") {
		args = append(args, "--defer")
	}
	if v := c.text("defer-state"); v != "" {
		args = append(args, "--defer-to="+c.stateOf(v))
	}
	if c.on("favor-state") {
		args = append(args, "--favor-state")
	}
	return args
}

// stateOf is a folder of artifacts: one of the project where that is there, as dbt has it,
// else one of the current folder, or a target.
func (c *dbtCall) stateOf(word string) string {
	if path := filepath.Join(c.dir, word); !filepath.IsAbs(word) {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return path
		}
	}
	return word
}

// nothing is the end of a command that nothing was selected for.
func (c *dbtCall) nothing() error {
	if err := c.nothingToDo(); err != nil {
		return err
	}
	c.log.Fire(view.EmptyResult(c.app.now()))
	return nil
}

// nothingToDo is the end of a command that looks at sources only.
func (c *dbtCall) nothingToDo() error {
	c.log.Fire(view.DBTEvent{Tagged: true, Name: "NothingToDo", Code: "Q035", Level: "warn", Msg: "Nothing to do. Try checking your model configs and model specification args"})
	return nil
}

// build is build, run, test, seed and snapshot.
func (c *dbtCall) build(ctx context.Context) error {
	has := func(flag string) bool { return slices.Contains(c.verb.flags, flag) }
	args, none, err := c.selection(has("resource-type"))
	if err != nil {
		return err
	}
	if none {
		return c.nothing()
	}
	args = append(args, c.deferring()...)
	for _, name := range []string{"full-refresh", "store-failures", "empty"} {
		if has(name) && c.on(name) {
			args = append(args, "--"+name)
		}
	}
	if has("event-time-start") && c.set("event-time-start") != c.set("event-time-end") {
		given, missing := "start", "end"
		if c.set("event-time-end") {
			given, missing = missing, given
		}
		return mistake(diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("--event-time-%s is given without --event-time-%s", given, missing), Help: "give both, as dbt wants it"})
	}
	for _, name := range []string{"sample", "event-time-start", "event-time-end"} {
		if has(name) && c.set(name) {
			args = append(args, "--"+name+"="+c.text(name))
		}
	}
	if c.on("fail-fast") {
		args = append(args, "--fail-fast")
	}
	if !c.on("skip-unchanged") {
		args = append(args, "--full")
	}
	return c.finished(c.native(ctx, slices.Concat([]string{c.verb.name, "--no-catalog"}, args)...), "manifest.json", "run_results.json")
}

// finished tells of the artifacts that a command has written.
func (c *dbtCall) finished(err error, files ...string) error {
	var shown reported
	if err != nil && !errors.As(err, &shown) {
		return err
	}
	for _, name := range files {
		kind := map[string]string{"run_results.json": "RunExecutionResult", "sources.json": "FreshnessResult", "catalog.json": "CatalogArtifact", "manifest.json": "WritableManifest"}[name]
		if path := filepath.Join(c.targetDir(), name); isFile(path) {
			c.wrote(kind, path)
		}
	}
	return err
}

// targetDir is the folder that is written to.
func (c *dbtCall) targetDir() string {
	path := c.text("target-path")
	switch {
	case path == "":
		path = filepath.Join(c.dir, "target")
		if c.target != "" {
			path = c.target
		}
	case !filepath.IsAbs(path):
		path = filepath.Join(c.dir, path)
	}
	return path
}

func (c *dbtCall) retry(ctx context.Context) error {
	args := []string{"retry", "--no-catalog"}
	args = append(append(args, c.comparing()...), c.deferring()...)
	if c.on("fail-fast") {
		args = append(args, "--fail-fast")
	}
	if !c.on("skip-unchanged") {
		args = append(args, "--full")
	}
	if c.on("full-refresh") {
		args = append(args, "--full-refresh")
	}
	return c.finished(c.native(ctx, args...), "manifest.json", "run_results.json")
}

func (c *dbtCall) clone(ctx context.Context) error {
	args, none, err := c.selection(true)
	if err != nil {
		return err
	}
	if none {
		return c.nothing()
	}
	if c.on("full-refresh") {
		args = append(args, "--full-refresh")
	}
	if v := c.text("defer-state"); v != "" {
		args = append(args, "--defer-to="+c.stateOf(v))
	}
	return c.finished(c.native(ctx, append([]string{"clone"}, args...)...), "manifest.json", "run_results.json")
}

func (c *dbtCall) operation(ctx context.Context) error {
	args := []string{"run-operation"}
	if v := c.text("sql"); v != "" {
		args = append(args, "--sql="+v)
	}
	if v := c.text("args"); v != "" {
		args = append(args, "--args="+v)
	}
	if len(c.words) == 0 && c.text("sql") == "" {
		return &dbtUsage{"dbt run-operation", "Missing argument 'MACRO'."}
	}
	return c.finished(c.native(ctx, append(args, c.words...)...), "manifest.json", "run_results.json")
}

// chosen is a program and what the flags choose of it.
func (c *dbtCall) chosen(ctx context.Context, skipAnalysis bool, kinds bool, among ...addr.Kind) (*session, lineage.Selected, error) {
	a := c.app
	args, none, err := c.selection(kinds)
	if err != nil {
		return nil, lineage.Selected{}, err
	}
	c.settle()
	cmd := &cobra.Command{Use: c.verb.name}
	sel := a.selectFlags(cmd, true)
	a.deferFlags(cmd)
	if err := cmd.ParseFlags(append(args, c.deferring()...)); err != nil {
		return nil, lineage.Selected{}, mistake(wrongArguments(cmd, err.Error()))
	}
	q, err := sel.query(nil, among...)
	if err != nil {
		return nil, lineage.Selected{}, err
	}
	s, err := a.load()
	if err != nil {
		return nil, lineage.Selected{}, err
	}
	c.target = s.target()
	s.options.SkipAnalysis = skipAnalysis && !q.NeedsPast(s.project)
	if err := s.compile(ctx); err != nil {
		return nil, lineage.Selected{}, err
	}
	chosen, err := s.choose(ctx, q)
	if none {
		chosen = lineage.Selected{}
	}
	return s, chosen, err
}

// settle gives the app the global flags, for what is done without one of its own commands.
func (c *dbtCall) settle() {
	g := &c.app.global
	g.projectDir, g.target, g.vars, g.jobs = c.dir, c.text("target"), nil, 0
	if v := strings.TrimSpace(c.text("vars")); v != "{}" {
		g.vars = []string{v}
	}
	if c.set("threads") {
		g.jobs = max(c.number("threads"), 1)
	}
	if c.on("single-threaded") {
		g.jobs = 1
	}
	g.output = "human"
}

func (c *dbtCall) parse(ctx context.Context) error {
	s, _, err := c.chosen(ctx, false, false)
	if err != nil {
		return err
	}
	s.warn()
	return c.manifest(s)
}

// manifest writes manifest.json and what engine's own comparisons read.
func (c *dbtCall) manifest(s *session) error {
	if err := s.writeManifest(s.meta(c.id, order{which: c.which()})); err != nil {
		return err
	}
	if _, _, err := s.writeState(); err != nil {
		return err
	}
	c.wrote("WritableManifest", filepath.Join(s.target(), "manifest.json"))
	return nil
}

func (c *dbtCall) compile(ctx context.Context) error {
	a := c.app
	if text := c.text("inline"); c.set("inline") {
		c.settle()
		s, n, err := a.one(ctx, "", text, true, true)
		if err != nil {
			return err
		}
		s.warn()
		return c.showCompiled("", n.SQL, true)
	}
	s, chosen, err := c.chosen(ctx, false, false)
	if err != nil {
		return err
	}
	if _, err := s.deferring(ctx, chosen); err != nil {
		return err
	}
	s.warn()
	files, err := c.writeCompiled(s, chosen.Has)
	if err != nil {
		return err
	}
	if err := c.manifest(s); err != nil {
		return err
	}
	if len(chosen.List()) == 0 {
		return c.nothing()
	}
	// What was asked for by name is printed, as dbt does.
	if len(c.several("select")) == 0 && c.text("selector") == "" {
		return nil
	}
	var shown []addr.Node
	for id := range files {
		if id.Kind == addr.Model || id.Kind == "analysis" {
			shown = append(shown, id)
		}
	}
	slices.SortFunc(shown, addr.Node.Compare)
	for _, id := range shown {
		if err := c.showCompiled(id.Name, files[id], false); err != nil {
			return err
		}
	}
	return nil
}

func (c *dbtCall) showCompiled(name, code string, inline bool) error {
	code = strings.TrimRight(code, "\n")
	text := "Compiled node '" + name + "' is:\n" + code
	switch {
	case c.text("output") == "json":
		doc := map[string]any{"compiled": code}
		if !inline {
			doc["node"] = name
		}
		b, err := view.Indented(doc)
		if err != nil {
			return err
		}
		text = b
	case c.on("quiet"):
		text = code
	case inline:
		text = "Compiled inline node is:\n" + code
	}
	c.log.Fire(view.DBTEvent{Name: "CompiledNode", Code: "Q042", Level: "info", Msg: text, Answer: true,
		Data: map[string]any{"node_name": name, "compiled": code, "is_inline": inline, "output_format": c.form(), "quiet": c.on("quiet")}})
	return nil
}

// form is --output of show and compile.
func (c *dbtCall) form() string {
	if c.text("output") == "json" {
		return "json"
	}
	return "text"
}

func (c *dbtCall) show(ctx context.Context) error {
	a := c.app
	c.settle()
	text, name := c.text("inline"), ""
	inline := c.set("inline") || c.set("inline-direct")
	if c.set("inline-direct") {
		text = c.text("inline-direct")
	}
	words := c.several("select")
	var names []string
	switch {
	case inline && len(words) > 0, !inline && len(words) == 0:
		return &dbtUsage{"dbt show", "Either --select or --inline must be passed to show"}
	case !inline:
		s, chosen, err := c.chosen(ctx, true, false)
		if err != nil {
			return err
		}
		for _, id := range chosen.List() {
			if chosen.Nodes[id] {
				names = append(names, id.String())
			}
		}
		if len(names) == 0 {
			s.warn()
			return c.nothing()
		}
		c.settle()
	default:
		names = []string{name}
	}
	for _, name := range names {
		s, node, err := a.one(ctx, name, text, inline, false)
		if err != nil {
			return err
		}
		if !inline {
			if _, err := s.deferring(ctx, lineage.Selected{Nodes: map[addr.Node]bool{node.ID: true}}); err != nil {
				return err
			}
			node = s.program.Nodes[node.ID]
		}
		s.warn()
		if err := c.preview(ctx, s, node, inline); err != nil {
			return err
		}
	}
	return nil
}

// preview queries one node and shows its first rows.
func (c *dbtCall) preview(ctx context.Context, s *session, n *compile.Node, inline bool) error {
	conn, err := s.readWith(ctx, n.Needs)
	if err != nil {
		return err
	}
	defer conn.Close()
	limit := c.number("limit")
	if limit < 0 {
		limit = 0
	}
	rows, err := s.query(ctx, conn, n, limit)
	if err != nil {
		return err
	}
	name := n.ID.Name
	if inline {
		name = "inline"
	}
	table := rows.DBT()
	if c.form() == "json" {
		table = rows.DBTRows()
	}
	text := "Previewing node '" + name + "':\n" + table
	switch {
	case c.form() == "json":
		doc := map[string]any{"show": json.RawMessage(table)}
		if !inline {
			doc["node"] = name
		}
		if text, err = view.Indented(doc); err != nil {
			return err
		}
	case c.on("quiet"):
		text = table
	case inline:
		text = "Previewing inline node:\n" + table
	}
	c.log.Fire(view.DBTEvent{Name: "ShowNode", Code: "Q041", Level: "info", Msg: text, Answer: true,
		Data: map[string]any{"node_name": name, "preview": table, "is_inline": inline, "output_format": c.form(), "quiet": c.on("quiet"), "unique_id": artifact.UniqueID(s.program, n.ID)}})
	return nil
}

func (c *dbtCall) freshness(ctx context.Context) error {
	args, _, err := c.selection(false)
	if err != nil {
		return err
	}
	err = c.finished(c.native(ctx, append([]string{"freshness"}, args...)...), "sources.json")
	var shown reported
	if to := c.text("output-path"); to != "" && (err == nil || errors.As(err, &shown)) {
		data, rerr := os.ReadFile(filepath.Join(c.targetDir(), "sources.json"))
		if rerr == nil {
			rerr = atomicfile.Write(c.app.absolute(to), data)
		}
		if rerr != nil {
			return failure(fileWrong("write", to, rerr))
		}
	}
	return err
}

// showFreshness tells how old sources are.
func (c *dbtCall) showFreshness(nodes []*compile.Node, results []artifact.FreshnessResult) error {
	if len(nodes) == 0 {
		return c.nothingToDo()
	}
	first, last := results[0].Start, results[0].End
	var failed []string
	bad := false
	for i, r := range results {
		n := nodes[i]
		if r.Start.Before(first) {
			first = r.Start
		}
		if r.End.After(last) {
			last = r.End
		}
		status := r.Status
		if r.Error != "" {
			status = "runtime error"
		}
		told := c.source(n)
		name := n.Source.SourceName.V + "." + n.Source.Table.V
		thread := fmt.Sprintf("Thread-%d (worker)", r.Worker+1)
		c.log.Fire(view.DBTEvent{Name: "LogStartLine", Code: "Q011", Level: "info", Thread: thread, Msg: c.log.Row("START freshness of "+name, "RUN", i+1, len(nodes), -1, false),
			Data: map[string]any{"description": "freshness of " + name, "index": i + 1, "total": len(nodes), "node_info": told.Info("started", r.Start, time.Time{})}})
		word, level, color := "PASS", "info", 32
		switch status {
		case "warn":
			word, level, color = "WARN", "warn", 33
		case "error":
			word, level, color, bad = "ERROR STALE", "error", 31, true
			failed = append(failed, "Failure in source "+n.Source.Table.V+" ("+told.File+")\n    Status: error")
		case "runtime error":
			word, level, color, bad = "ERROR", "error", 31, true
			failed = append(failed, "  Runtime Error in source "+n.Source.Table.V+" ("+told.File+")\n"+indent(r.Error))
		}
		took := r.End.Sub(r.Start).Seconds()
		c.log.Fire(view.DBTEvent{Name: "LogFreshnessResult", Code: "Q018", Level: level, Thread: thread, Paint: word, Color: color, Msg: c.log.Row(word+" freshness of "+name, word, i+1, len(nodes), took, false),
			Data: map[string]any{"execution_time": took, "index": i + 1, "total": len(nodes), "source_name": n.Source.SourceName.V, "table_name": n.Source.Table.V, "status": status, "node_info": told.Info(status, r.Start, r.End)}})
		c.log.Fire(view.DBTEvent{Name: "NodeFinished", Code: "Q025", Level: "debug", Thread: thread, Msg: "Finished running node " + told.UniqueID,
			Data: map[string]any{"node_info": told.Info(status, r.Start, r.End), "run_result": map[string]any{"adapter_response": map[string]any{}, "execution_time": took, "message": r.Error, "num_failures": 0,
				"status": status, "thread": thread, "timing_info": []any{}}}})
	}
	took := last.Sub(first).Seconds()
	line := view.Counted(len(nodes), "source")
	c.log.Blank()
	c.say("FinishedRunningStats", "E047", fmt.Sprintf("Finished running %s%s (%.2fs).", line, view.Took(took), took), map[string]any{"execution": view.Took(took), "execution_time": took, "stat_line": line})
	for _, text := range failed {
		c.log.Blank()
		c.log.Fire(view.DBTEvent{Name: "RunResultError", Code: "Z024", Level: "error", Msg: text, Data: map[string]any{"msg": text}})
	}
	c.say("FreshnessCheckComplete", "Q003", "Done.", nil)
	if bad {
		return reported(exitFailed)
	}
	return nil
}

// source is what events say of a source.
func (c *dbtCall) source(n *compile.Node) view.DBTNode {
	out := view.DBTNode{UniqueID: "source." + n.FQN[0] + "." + n.Source.SourceName.V + "." + n.Source.Table.V, Name: n.Source.Table.V, Path: n.Path, File: n.Path, Kind: "source",
		Database: n.Relation.Database, Schema: n.Relation.Schema, Meta: n.Config.Meta}
	return out
}

// docsIndex is the page that dbt's docs have, which leads to the catalog.
const docsIndex = `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>catalog</title>
<meta http-equiv="refresh" content="0; url=catalog/index.html">
<a href="catalog/index.html">catalog</a>
</html>
`

func (c *dbtCall) docsGenerate(ctx context.Context) error {
	c.say("BuildingCatalog", "E044", "Building catalog", nil)
	if err := c.native(ctx, "docs", "generate", "--quiet"); err != nil {
		return err
	}
	dir := c.targetDir()
	pages := []string{"index.html"}
	if c.on("static") {
		pages = append(pages, "static_index.html")
	}
	for _, page := range pages {
		if err := atomicfile.Write(filepath.Join(dir, page), []byte(docsIndex)); err != nil {
			return failure(fileWrong("write", filepath.Join(dir, page), err))
		}
	}
	path := filepath.Join(dir, "catalog.json")
	c.wrote("WritableManifest", filepath.Join(dir, "manifest.json"))
	c.wrote("CatalogArtifact", path)
	c.say("CatalogWritten", "E042", "Catalog written to "+path, map[string]any{"path": path})
	return nil
}

func (c *dbtCall) docsServe(ctx context.Context) error {
	return c.native(ctx, "docs", "serve", "--host="+c.text("host"), "--port="+c.text("port"))
}

func (c *dbtCall) init(ctx context.Context) error {
	return c.native(ctx, append([]string{"init"}, c.words...)...)
}

func (c *dbtCall) deps(context.Context) error {
	for _, name := range []string{"packages.yml", "dependencies.yml"} {
		if isFile(filepath.Join(c.dir, name)) {
			c.say("DepsNoPackagesFound", "M013", "Nothing to install: the packages of "+name+" became part of the project when it was imported", nil)
			return nil
		}
	}
	c.say("DepsNoPackagesFound", "M013", "Warning: No packages were found in packages.yml", nil)
	return nil
}

func (c *dbtCall) clean(ctx context.Context) error {
	c.settle()
	s, err := c.app.settled()
	if err != nil {
		return err
	}
	dir := s.target()
	if why := s.precious(); why != "" {
		c.log.Fire(view.DBTEvent{Name: "ProtectedCleanPath", Code: "Z014", Level: "error", Msg: "ERROR: not cleaning " + dir + "/* because " + why, Data: map[string]any{"path": dir}})
		return reported(exitFailed)
	}
	c.say("CheckCleanPath", "Z012", "Checking "+dir+"/*", map[string]any{"path": dir})
	if _, err := s.clean(ctx); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failure(fileWrong("remove", dir, err))
	}
	c.say("ConfirmCleanPath", "Z013", "Cleaned "+dir+"/*", map[string]any{"path": dir})
	c.say("FinishedCleanPaths", "Z015", "Finished cleaning all paths.", nil)
	return nil
}

func (c *dbtCall) debug(ctx context.Context) error {
	line := func(text string) { c.say("DebugCmdOut", "Z047", text, map[string]any{"msg": text}) }
	if c.on("config-dir") {
		c.say("OpenCommand", "Z016", "To view your profiles.yml file, run:\n\nopen "+c.profilesDir(), map[string]any{"open_cmd": "open", "profiles_dir": c.profilesDir()})
		return nil
	}
	c.settle()
	s, err := c.app.settled()
	if err != nil {
		return err
	}
	line("engine version: " + versionText())
	line("os info: " + runtime.GOOS + "/" + runtime.GOARCH)
	line("Using engine.yml file at " + filepath.Join(s.dir, settingsFile))
	cfg, driver, found := engine.TargetConfig(s.project, s.options)
	if found.HasErrors() {
		return &mistakes{found, exitMistake}
	}
	settings, found := s.project.Settings.Target(s.options.Target, c.app.env)
	if found.HasErrors() {
		return &mistakes{found, exitMistake}
	}
	line("adapter type: " + settings.Type.V)
	line("Connection:")
	shown := redacted(warehouse.Config{Fields: cfg.Fields}, driver)
	shown["schema"] = settings.Schema.V
	keys := make([]string, 0, len(shown))
	for key := range shown {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		line("  " + key + ": " + shown[key])
	}
	conn, _, err := c.app.tryConnection(ctx, driver, cfg)
	if err == nil {
		err = conn.Close()
	}
	if err != nil {
		line("  Connection test: [ERROR]")
		line("1 check failed:\n" + indent(c.frame(mistakeList(err))))
		return reported(exitFailed)
	}
	line("  Connection test: [OK connection ok]")
	c.say("DebugCmdResult", "Z048", "All checks passed!", map[string]any{"msg": "All checks passed!"})
	return nil
}

// version prints what dbt --version does, with the release of dbt that this follows.
func (c *dbtCall) version() error {
	v := artifact.DBTVersion()
	_, err := fmt.Fprintf(c.app.out, "Core:\n  - installed: %s\n  - latest:    %s - Up to date!\n\nPlugins:\n  - engine: %s - Up to date!\n", v, v, versionText())
	return err
}

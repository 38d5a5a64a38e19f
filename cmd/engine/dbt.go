package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/artifact"
	"github.com/engine-build/engine/engine/diag"
)

// dbtCommand is dbt's command line: programs that run dbt run this one instead.
func (a *app) dbtCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dbt [flags] COMMAND",
		Short: "dbt's command line",
		Long: text(`
Understands the commands, flags and variables of dbt, writes dbt's log and ends with dbt's
exit codes: for programs that run dbt, and for people who know it. A link or copy of the
program with the name dbt is the same as engine dbt.

The project is one of engine: engine import dbt makes it of a dbt project. What flags do is
listed in docs/dbt-command-line.md, and by engine dbt COMMAND --help. Other than engine's own
commands, those that build do so although nothing has changed, as dbt does; --skip-unchanged,
or DBT_ENGINE_SKIP_UNCHANGED=1, builds only what has.

Exit codes: 0, all went well; 1, something that was built or tested failed; 2, wrong use, or a
project with mistakes.`),
		Example: `  engine dbt build --select +orders tag:daily --exclude stg_legacy
  engine dbt ls --output json --output-keys name unique_id config.materialized
  engine dbt --log-format json run --target prod --vars '{day: 2026-01-01}'
  ln -s $(command -v engine) ~/bin/dbt && dbt test`,
		DisableFlagParsing: true,
		ValidArgsFunction:  completeDBT,
		RunE:               func(cmd *cobra.Command, args []string) error { return a.runDBT(cmd.Context(), args) },
	}
	return cmd
}

// dbtVerb is a command of dbt.
type dbtVerb struct {
	name    string // «source freshness»
	also    []string
	short   string
	example string
	args    int // how many words it takes at most
	flags   []string
	run     func(*dbtCall, context.Context) error
	// free commands need no project.
	free bool
}

// dbtVerbs are the commands of dbt.
func dbtVerbs() []dbtVerb {
	kinds := []string{"resource-type", "exclude-resource-type"}
	batches := []string{"empty", "sample", "event-time-start", "event-time-end"}
	join := func(lists ...[]string) []string { return slices.Concat(append([][]string{dbtProject}, lists...)...) }
	own := []string{"skip-unchanged"}
	return []dbtVerb{
		{name: "build", short: "Seeds, models, snapshots and tests, in order", example: "dbt build --select +orders", run: (*dbtCall).build,
			flags: join(dbtBuilds, kinds, batches, own, []string{"export-saved-queries", "include-saved-query", "full-refresh", "show", "store-failures"})},
		{name: "clean", short: "Remove what was written to the target folder", example: "dbt clean", run: (*dbtCall).clean, flags: join([]string{"clean-project-files-only", "target-path"})},
		{name: "clone", short: "Take over relations of the target of --state", example: "dbt clone --state prod", run: (*dbtCall).clone, flags: join(dbtBuilds, kinds, []string{"full-refresh"})},
		{name: "compile", short: "Write the SQL that templates become", example: "dbt compile --select orders", run: (*dbtCall).compile,
			flags: join(dbtBuilds, []string{"full-refresh", "output", "introspect", "empty", "inline", "inject-ephemeral-ctes"})},
		{name: "debug", short: "Show settings, and try the connection", example: "dbt debug --target prod", run: (*dbtCall).debug, flags: join([]string{"connection", "config-dir"})},
		{name: "deps", short: "Packages: they are part of the project since its import", example: "dbt deps", run: (*dbtCall).deps, flags: join([]string{"source", "lock", "upgrade", "add-package"})},
		{name: "docs generate", short: "Write the catalog, manifest.json and catalog.json", example: "dbt docs generate", run: (*dbtCall).docsGenerate,
			flags: join(dbtBuilds, []string{"compile", "empty-catalog", "static"})},
		{name: "docs serve", short: "Serve the catalog", example: "dbt docs serve --port 8081 --no-browser", run: (*dbtCall).docsServe, flags: join([]string{"browser", "host", "port", "target-path"})},
		{name: "init", short: "Make a new project", example: "dbt init shop", args: 1, free: true, run: (*dbtCall).init, flags: join([]string{"skip-profile-setup", "skip-debug"})},
		{name: "list", also: []string{"ls"}, short: "List what is in the project", example: "dbt ls --output json --resource-type model", run: (*dbtCall).list,
			flags: join(kinds, []string{"exclude", "models", "raw-select", "selector", "output", "output-keys", "target-path", "sqlparse"})},
		{name: "parse", short: "Read the whole project and write manifest.json", example: "dbt parse", run: (*dbtCall).parse, flags: join([]string{"target-path", "threads", "sqlparse"})},
		{name: "retry", short: "Run again what failed or was skipped", example: "dbt retry", run: (*dbtCall).retry, flags: join(own, []string{"target-path", "threads", "full-refresh", "sqlparse"})},
		{name: "run", short: "Build models, without tests", example: "dbt run --select tag:daily --full-refresh", run: (*dbtCall).build, flags: join(dbtBuilds, batches, own, []string{"full-refresh"})},
		{name: "run-operation", short: "Run a macro, or SQL", example: "dbt run-operation grant_all --args '{role: reader}'", args: 1, run: (*dbtCall).operation,
			flags: join([]string{"args", "sql", "target-path", "threads", "sqlparse"})},
		{name: "seed", short: "Load the data files of seeds/", example: "dbt seed --full-refresh", run: (*dbtCall).build, flags: join(dbtBuilds, own, []string{"empty", "full-refresh", "show"})},
		{name: "show", short: "The first rows of a model or a template", example: "dbt show --select orders --limit 10", run: (*dbtCall).show,
			flags: join(dbtBuilds, []string{"full-refresh", "output", "limit", "introspect", "inline", "inline-direct"})},
		{name: "snapshot", short: "Record changes of rows over time", example: "dbt snapshot", run: (*dbtCall).build, flags: join(dbtBuilds, own, []string{"empty"})},
		{name: "source freshness", also: []string{"source snapshot-freshness"}, short: "How old sources are", example: "dbt source freshness --select source:app", run: (*dbtCall).freshness,
			flags: join(dbtBuilds, []string{"output-path"})},
		{name: "test", short: "Run tests on what is built", example: "dbt test --select orders --store-failures", run: (*dbtCall).build, flags: join(dbtBuilds, kinds, own, []string{"store-failures"})},
	}
}

// dbtCall is one call of dbt's command line. While it runs, the app shows and says everything
// through it.
type dbtCall struct {
	app    *app
	verb   dbtVerb
	argv   []string
	values map[string]dbtValue
	words  []string
	log    *view.DBTLog
	id     string
	start  time.Time
	dir    string
	target string // folder that is written to, once it is known
	stated bool   // FoundStats was told
	// exposures are those that the flags choose: dbt counts them among what it builds.
	exposures []addr.Node
}

var dbtHelp = &dbtFlag{name: "help", short: "h", does: "show this"}
var dbtVersion = &dbtFlag{name: "version", short: "Vv", does: "print versions"}

// runDBT reads a command line of dbt and does what it says.
func (a *app) runDBT(ctx context.Context, args []string) error {
	c := &dbtCall{app: a, argv: args, values: map[string]dbtValue{}, start: a.now()}
	err := c.read(args)
	var usage *dbtUsage
	if errors.As(err, &usage) {
		return a.misused(usage)
	}
	if err != nil || c.verb.run == nil {
		return err
	}
	return c.execute(ctx)
}

// misused says how a command is used.
func (a *app) misused(u *dbtUsage) error {
	_, _ = fmt.Fprintf(a.err, "Usage: %s [OPTIONS]\nTry '%s --help' for help.\n\nError: %s\n", u.command, u.command, u.text)
	return reported(exitMistake)
}

// read finds the command and its flags. Where it has answered itself, verb stays empty.
func (c *dbtCall) read(args []string) error {
	outer := &dbtParser{command: "dbt", values: map[string]dbtValue{}, known: []*dbtFlag{dbtHelp, dbtVersion}}
	for _, name := range dbtGlobal {
		outer.known = append(outer.known, dbtOf(name))
	}
	var verb dbtVerb
	name := ""
	rest := args
	for verb.run == nil {
		before := outer.command
		var err error
		if rest, err = outer.parse(rest, true); err != nil {
			return err
		}
		switch {
		case c.given(outer, "version"):
			return c.version()
		case c.given(outer, "help"):
			return c.help(name)
		case len(rest) == 0:
			if err := c.help(name); err != nil {
				return err
			}
			return reported(exitMistake)
		}
		name = strings.TrimSpace(name + " " + rest[0])
		outer.command = "dbt " + name
		var found, group bool
		for _, v := range dbtVerbs() {
			if v.name == name || slices.Contains(v.also, name) {
				verb, found = v, true
			}
			group = group || strings.HasPrefix(v.name, name+" ")
		}
		if !found && !group {
			text := fmt.Sprintf("No such command '%s'.", rest[0])
			if near, ok := diag.Suggest(name, dbtNames()); ok {
				text += fmt.Sprintf(" Did you mean '%s'?", near)
			}
			return &dbtUsage{before, text}
		}
		rest = rest[1:]
	}
	inner := &dbtParser{command: "dbt " + name, values: map[string]dbtValue{}, known: []*dbtFlag{dbtHelp, dbtVersion}}
	for _, flag := range slices.Concat(verb.flags, dbtGlobal) {
		inner.known = append(inner.known, dbtOf(flag))
	}
	if _, err := inner.parse(rest, false); err != nil {
		return err
	}
	switch {
	case c.given(inner, "version"):
		return c.version()
	case c.given(inner, "help"):
		return c.help(name)
	case len(inner.rest) > verb.args:
		word := "argument"
		if len(inner.rest) > verb.args+1 {
			word = "arguments"
		}
		return &dbtUsage{inner.command, fmt.Sprintf("Got unexpected extra %s (%s)", word, strings.Join(inner.rest[verb.args:], " "))}
	}
	if err := inner.merged(outer.values); err != nil {
		return err
	}
	if err := inner.fromVariables(c.app.env); err != nil {
		return err
	}
	for _, f := range inner.known {
		if _, ok := inner.values[f.name]; !ok && f.first != "" {
			inner.values[f.name] = dbtValue{words: []string{f.first}}
		}
	}
	c.verb, c.values, c.words = verb, inner.values, inner.rest
	return nil
}

func (c *dbtCall) given(p *dbtParser, name string) bool { return p.values[name].words != nil }

func dbtNames() []string {
	var names []string
	for _, v := range dbtVerbs() {
		names = append(append(names, v.name), v.also...)
	}
	return names
}

// on is a switch, text a value, list the words of a flag. set tells whether somebody gave it.
func (c *dbtCall) on(name string) bool          { return c.text(name) == "true" }
func (c *dbtCall) set(name string) bool         { return c.values[name].from != "" }
func (c *dbtCall) several(name string) []string { return c.values[name].words }
func (c *dbtCall) text(name string) string {
	if w := c.values[name].words; len(w) > 0 {
		return w[0]
	}
	return ""
}

func (c *dbtCall) number(name string) int {
	n, _ := strconv.ParseInt(c.text(name), 10, 64) // was checked when it was read
	return int(n)
}

// execute runs the command with its log.
func (c *dbtCall) execute(ctx context.Context) error {
	a := c.app
	c.id = newRunID(a.now())
	done, err := c.openLog()
	if err != nil {
		return a.dbtConclusion(c, err)
	}
	defer done()
	a.dbt = c
	defer func() { a.dbt = nil }()
	version := artifact.DBTVersion()
	c.log.Fire(view.DBTEvent{Name: "MainReportVersion", Code: "A001", Level: "info", Msg: "Running with dbt=" + version, Data: map[string]any{"log_version": 3, "version": "=" + version}})
	args := map[string]string{}
	for name, value := range c.arguments() {
		args[name] = fmt.Sprint(value)
	}
	c.log.Fire(view.DBTEvent{Name: "MainReportArgs", Code: "A002", Level: "debug", Msg: "running dbt with arguments " + fmt.Sprint(slices.Sorted(maps.Keys(args))), Data: map[string]any{"args": args}})
	if !c.verb.free {
		err = c.place()
	}
	if err == nil {
		err = c.verb.run(c, ctx)
	}
	err = a.dbtConclusion(c, err)
	took := a.now().Sub(c.start).Seconds()
	word := "succeeded"
	if err != nil {
		word = "failed"
	}
	at := a.now().UTC()
	command := "dbt " + strings.Join(c.argv, " ")
	c.log.Fire(view.DBTEvent{Name: "CommandCompleted", Code: "Q039", Level: "debug", Msg: fmt.Sprintf("Command `%s` %s at %s after %.2f seconds", command, word, at.Format("15:04:05.000000"), took),
		Data: map[string]any{"command": command, "completed_at": artifact.Stamp(at), "elapsed": took, "success": err == nil}})
	return err
}

// dbtConclusion shows what ended a command, and gives it dbt's exit code: 1 for what a run
// reports, 2 for all else.
func (a *app) dbtConclusion(c *dbtCall, err error) error {
	var shown reported
	var usage *dbtUsage
	switch {
	case err == nil:
		return nil
	case errors.As(err, &usage):
		return a.misused(usage)
	case errors.As(err, &shown):
		if shown == exitInternal {
			return reported(exitMistake)
		}
		return shown
	case errors.Is(err, context.Canceled):
		if c.log != nil {
			c.log.Fire(view.DBTEvent{Name: "MainKeyboardInterrupt", Code: "Z001", Level: "info", Msg: "ctrl-c"})
		}
		return reported(exitFailed)
	}
	var known *mistakes
	var single diag.Diagnostic
	list := diag.List{}
	switch {
	case errors.As(err, &known):
		list = known.list
	case errors.As(err, &single):
		list = diag.List{single}
	default:
		list = mistakeList(err)
	}
	if c.log == nil {
		_, _ = io.WriteString(a.err, a.errScreen().Frames(list))
		return reported(exitMistake)
	}
	c.report(list, true)
	return reported(exitMistake)
}

// report shows diagnostics as events. A fatal list is why the command ends.
func (c *dbtCall) report(l diag.List, fatal bool) {
	if fatal {
		text := "Encountered an error:\nCompilation Error\n" + indent(c.frame(l))
		c.log.Fire(view.DBTEvent{Tagged: true, Name: "MainEncounteredError", Code: "Z002", Level: "error", Msg: text, Data: map[string]any{"exc": indent(c.frame(l))}})
		return
	}
	for _, d := range l.Sorted() {
		level := "warn"
		switch d.Severity {
		case diag.Error, diag.Internal:
			level = "error"
		case diag.Remark:
			level = "debug"
		case diag.Warning:
		}
		if d.Code == "select-nothing" {
			spec := d.At.Text()
			c.log.Fire(view.DBTEvent{Tagged: true, Name: "NoNodesForSelectionCriteria", Code: "M030", Level: level, Data: map[string]any{"spec_raw": spec},
				Msg: fmt.Sprintf("The selection criterion '%s' does not match any enabled nodes", spec)})
			continue
		}
		text := c.frame(diag.List{d})
		c.log.Fire(view.DBTEvent{Tagged: true, Name: "JinjaLogWarning", Code: "I061", Level: level, Msg: text, Data: map[string]any{"msg": text}})
	}
}

// frame shows diagnostics with their places, without colour.
func (c *dbtCall) frame(l diag.List) string {
	return strings.TrimRight(view.Screen{Now: c.app.now, Unicode: c.app.unicode()}.Frames(l), "\n")
}

func indent(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = "  " + line
		}
	}
	return strings.Join(lines, "\n")
}

// folder is the project: --project-dir, or the nearest folder upward with an engine.yml. One
// that is dbt's alone ends the search.
func (c *dbtCall) folder() (string, error) {
	wd, err := c.app.getwd()
	if err != nil {
		return "", mistake(fileWrong("find the current folder", ".", err))
	}
	if asked := c.text("project-dir"); asked != "" {
		dir := c.app.absolute(asked)
		if !hasSettings(dir) {
			if isFile(filepath.Join(dir, "dbt_project.yml")) {
				return dir, mistake(stillDBT(asked))
			}
			return "", mistake(noProject(asked, true))
		}
		return dir, nil
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		switch {
		case hasSettings(dir):
			return dir, nil
		case isFile(filepath.Join(dir, "dbt_project.yml")):
			return dir, mistake(stillDBT(c.app.shown(dir)))
		case dir == filepath.Dir(dir):
			return "", mistake(noProject(wd, false))
		}
	}
}

// place finds the project.
func (c *dbtCall) place() error {
	dir, err := c.folder()
	if err != nil {
		return err
	}
	c.dir = dir
	return nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

const (
	codeStillDBT   diag.Code = "dbt-project"
	codeDBTProfile diag.Code = "dbt-profile"
)

// dbtCodes are those of the command.
var dbtCodes = []diag.Entry{{
	Code: codeStillDBT, Title: "a project of dbt that is not imported",
	Explain: "engine dbt runs projects of engine. The folder has a dbt_project.yml and no engine.yml. Where programs look for dbt_project.yml, keep it next to engine.yml: then engine.yml counts.",
	Bad:     "cd shop_of_dbt && engine dbt run", Good: "engine import dbt shop_of_dbt --into shop && cd shop && engine dbt run",
}, {
	Code: codeDBTProfile, Title: "a profile that gives no target",
	Explain: "--profiles-dir, or DBT_PROFILES_DIR, names a folder whose profiles.yml is the connection to use. It cannot be read, or has no such profile or output.",
	Bad:     "engine dbt run --profiles-dir nowhere", Good: "engine dbt run --profiles-dir ci --profile shop --target prod",
}}

func stillDBT(dir string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeStillDBT, Message: fmt.Sprintf("%s is a project of dbt: it has dbt_project.yml, and no engine.yml", dir),
		Help: "engine import dbt " + quoteShell(dir) + " makes a project of engine of it"}
}

// native runs one of engine's own commands for this project.
func (c *dbtCall) native(ctx context.Context, args ...string) error {
	root := c.app.rootCommand()
	all := slices.Concat(args[:1], c.common(), args[1:])
	root.SetArgs(all)
	return root.ExecuteContext(ctx)
}

// common are the flags that all of engine's commands have.
func (c *dbtCall) common() []string {
	var out []string
	if c.dir != "" {
		out = append(out, "--project-dir="+c.dir)
	}
	if t := c.text("target"); t != "" {
		out = append(out, "--target="+t)
	}
	if v := strings.TrimSpace(c.text("vars")); v != "" && v != "{}" {
		out = append(out, "--vars="+v)
	}
	switch {
	case c.on("single-threaded"):
		out = append(out, "--jobs=1")
	case c.set("threads"):
		out = append(out, "--jobs="+c.text("threads"))
	}
	return out
}

// arguments are the flags as run_results.json has them.
func (c *dbtCall) arguments() map[string]any {
	out := map[string]any{"which": c.which(), "invocation_command": "dbt " + strings.Join(c.argv, " ")}
	for name, v := range c.values {
		f := dbtOf(name)
		key := name
		switch name {
		case "raw-select":
			key = "select"
		case "output-path":
			key = "output"
		case "resource-type", "exclude-resource-type":
			key = name + "s"
		case "warn-error-options":
			continue // below
		}
		key = strings.ReplaceAll(key, "-", "_")
		switch f.takes {
		case dbtSwitch:
			out[key] = c.on(name)
		case dbtNumber:
			out[key] = c.number(name)
		case dbtWords:
			out[key] = v.words
		case dbtYAML:
			m := map[string]any{}
			_ = yaml.Unmarshal([]byte(c.text(name)), &m) // was checked when it was read
			out[key] = scalar(m)
		default:
			if c.text(name) != "" {
				out[key] = c.text(name)
			}
		}
	}
	out["project_dir"], out["profiles_dir"] = c.dir, c.profilesDir()
	return out
}

// which is the command's word in artifacts.
func (c *dbtCall) which() string {
	words := strings.Fields(c.verb.name)
	return words[len(words)-1]
}

// profilesDir is where programs that read artifacts look for profiles.yml.
func (c *dbtCall) profilesDir() string {
	if dir := c.text("profiles-dir"); dir != "" {
		return c.app.absolute(dir)
	}
	return c.dir
}

// warnings reads --warn-error and --warn-error-options: which warnings are errors, and which are not.
func (c *dbtCall) warnings() (all bool, named, spared []string) {
	var m map[string]any
	_ = yaml.Unmarshal([]byte(c.text("warn-error-options")), &m) // was checked when it was read
	words := func(keys ...string) (out []string) {
		for _, key := range keys {
			switch v := m[key].(type) {
			case string:
				out = append(out, v)
			case []any:
				for _, w := range v {
					out = append(out, fmt.Sprint(w))
				}
			}
		}
		return out
	}
	named, spared = words("error", "include"), words("warn", "exclude", "silence")
	all = c.on("warn-error") || slices.Contains(named, "all") || slices.Contains(named, "*")
	return all, named, spared
}

// strict says whether a warning of an event's name is an error.
func (c *dbtCall) strict(event string) bool {
	all, named, spared := c.warnings()
	return (all || slices.Contains(named, event)) && !slices.Contains(spared, event)
}

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// dbtEvent is an event of the log in the json form.
type dbtEvent struct {
	Info struct {
		Name  string `json:"name"`
		Code  string `json:"code"`
		Level string `json:"level"`
	} `json:"info"`
	Data map[string]any `json:"data"`
}

// ours runs engine dbt in a folder.
func ours(t *testing.T, dir string, args ...string) (code int, out string) {
	t.Helper()
	var text, wrong bytes.Buffer
	a := &app{in: strings.NewReader(""), out: &text, err: &wrong, env: os.LookupEnv, environ: os.Environ, now: time.Now, abort: os.Exit,
		getwd: func() (string, error) { return dir, nil }, size: func() int { return 0 }, cpus: 2, drivers: drivers}
	code = a.execute(append([]string{"dbt"}, args...))
	if text.Len() == 0 {
		return code, wrong.String()
	}
	return code, text.String()
}

// theirs runs dbt in a folder.
func theirs(t *testing.T, program, dir string, args ...string) (code int, out string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "DBT_SEND_ANONYMOUS_USAGE_STATS=false")
	text, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(text)
}

// twins are a dbt project and what engine import dbt makes of it.
func twins(t *testing.T, project string) (dbt, engine string) {
	t.Helper()
	dbt, engine = filepath.Join(t.TempDir(), "dbt"), filepath.Join(t.TempDir(), "engine")
	if err := os.CopyFS(dbt, os.DirFS(project)); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	a := &app{in: strings.NewReader(""), out: &text, err: &text, env: os.LookupEnv, environ: os.Environ, now: time.Now, abort: os.Exit, getwd: os.Getwd, size: func() int { return 0 }, cpus: 2, drivers: drivers}
	if code := a.execute([]string{"import", "dbt", dbt, "--into", engine}); code != exitDone {
		t.Fatalf("import: exit %d\n%s", code, text.String())
	}
	return dbt, engine
}

// TestDBTLists: ls prints what dbt prints, byte by byte; of JSON the keys, in order.
func TestDBTLists(t *testing.T) {
	program := dbtProgram(t)
	projects := []string{"testdata/dbt/shop"}
	for _, name := range []string{"jaffle", "history", "macros"} {
		projects = append(projects, filepath.Join("..", "..", "engine", "dbt", "testdata", "projects", name))
	}
	for _, project := range projects {
		t.Run(filepath.Base(project), func(t *testing.T) {
			dir, mine := twins(t, project)
			for _, form := range []string{"selector", "name", "path", "json"} {
				args := []string{"--quiet", "ls", "--output", form}
				_, want := theirs(t, program, dir, args...)
				code, got := ours(t, mine, args...)
				if form == "path" { // snapshots in YAML become files of their own
					want, got = strings.ReplaceAll(want, "snapshots/users_history.yml", "snapshots/users_history.sql"), strings.ReplaceAll(got, "snapshots/users_history.yml", "snapshots/users_history.sql")
				}
				if form == "json" {
					want, got = keysOf(t, want), keysOf(t, got)
				}
				// The import writes each snapshot into a file of its own, which its name and path
				// have in them, and the value of a variable that a test's argument names.
				for _, other := range converted[filepath.Base(project)] {
					want, got = without(want, other), without(got, other)
				}
				if d := cmp.Diff(want, got); code != exitDone || d != "" {
					t.Errorf("ls --output %s: exit %d, -dbt +engine:\n%s", form, code, d)
				}
			}
		})
	}
}

// converted are the words that mark lines which the import makes others on purpose.
var converted = map[string][]string{"history": {"accounts_", "snapshots/"}, "macros": {"in_range_all_movements_amount"}}

// without leaves lines out that have a word in them.
func without(text, word string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.Contains(line, word) {
			b.WriteString(line)
		}
	}
	return b.String()
}

// keysOf is each line's unique id and keys, in their order. Releases of dbt differ in
// direct_parents, which came with 1.12.
func keysOf(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(text) {
		m, err := members([]byte(line))
		if err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		b.WriteString(m.get("unique_id").plain())
		for _, f := range m.fields {
			if f.name != "direct_parents" {
				b.WriteString(" " + f.name)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// chatter are events of dbt about its own inside, which nobody waits for, and those that
// another release of it does not have.
var chatter = []string{"SendingEvent", "SQLQuery", "SQLQueryStatus", "ConnectionUsed", "NewConnection", "SQLCommit", "CacheAction", "JinjaLogDebug", "WritingInjectedSQLForNode", "ConnectionReused",
	"ConnectionLeftOpen", "ConnectionClosed", "ConnectionClosedInCleanup", "Rollback", "TypeCodeNotFound", "FlushEvents", "FlushEventsFailure", "CacheDumpGraph", "StateCheckVarsHash",
	"ConnectionLeftOpenInCleanup", "NewConnectionOpening", "RollbackFailed", "SchemaCreation", "SchemaDrop", "PartialParsingEnabled", "PartialParsingSkipParsing", "PartialParsingFile", "AdapterEventDebug",
	"CatchableExceptionOnRun", "SQLRunnerException", "ResourceReport", "UnableToPartialParse", "Note", "PartialParsingNotEnabled", "ParsePerfInfoPath", "InputFileDiffError", "HintAvailable"}

// TestDBTEvents: commands end with dbt's exit code, and their events have dbt's names, codes,
// levels and keys, each about the same nodes.
func TestDBTEvents(t *testing.T) {
	program := dbtProgram(t)
	dir, mine := twins(t, "testdata/dbt/shop")
	for _, c := range []struct {
		args []string
		// other: nodes that differ by intent, because the engine publishes nothing that fails its tests.
		other bool
		only  []string // events that are compared; none: all
	}{
		{args: []string{"build"}},
		{args: []string{"build", "--vars", "{break: model}"}},
		{args: []string{"build", "--vars", "{break: test}"}, other: true},
		{args: []string{"run"}},
		{args: []string{"test", "--vars", "{break: test}"}},
		{args: []string{"source", "freshness"}, only: []string{"LogStartLine", "LogFreshnessResult", "FreshnessCheckComplete"}}, // dbt runs hooks here, too
		{args: []string{"run", "--select", "nothing"}},
		{args: []string{"ls", "--select", "nothing"}},
		{args: []string{"run", "--no-such-flag"}},
		{args: []string{"run", "--select", "config.x:[", "--target", "nowhere"}},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			args := append([]string{"--log-format", "json", "--log-level", "debug"}, c.args...)
			wantCode, want := theirs(t, program, dir, args...)
			code, got := ours(t, mine, args...)
			if code != wantCode {
				t.Errorf("exit %d, dbt's is %d\n%s", code, wantCode, got)
			}
			if wantCode == exitMistake {
				return
			}
			a, b := eventsOf(t, want), eventsOf(t, got)
			if c.other {
				for _, m := range []map[string][]string{a, b} {
					maps.DeleteFunc(m, func(name string, _ []string) bool {
						return name != "LogTestResult" && name != "StatsLine" && name != "FinishedRunningStats"
					})
					m["LogTestResult"] = slices.DeleteFunc(m["LogTestResult"], func(s string) bool { return !strings.Contains(s, "no_trouble") })
				}
			}
			if len(c.only) > 0 {
				for _, m := range []map[string][]string{a, b} {
					maps.DeleteFunc(m, func(name string, _ []string) bool { return !slices.Contains(c.only, name) })
				}
			}
			if d := cmp.Diff(a, b); d != "" {
				t.Errorf("-dbt +engine:\n%s", d)
			}
		})
	}
}

// eventsOf lists what is comparable of each kind of event: code, level, keys, node and status.
func eventsOf(t *testing.T, text string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for line := range strings.Lines(text) {
		var e dbtEvent
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		switch {
		case slices.Contains(chatter, e.Info.Name), strings.HasSuffix(e.Info.Name, "Deprecation"), e.Info.Name == "DeprecationsSummary":
			continue
		case e.Info.Name == "Formatting", e.Info.Name == "ArtifactWritten", e.Info.Name == "MainReportArgs":
			out[e.Info.Name] = []string{e.Info.Code + " " + e.Info.Level} // of those only that there are some
			continue
		}
		node := ""
		keys := slices.Sorted(maps.Keys(e.Data))
		if info, ok := e.Data["node_info"].(map[string]any); ok {
			node, _ = info["unique_id"].(string)
			status, _ := info["node_status"].(string)
			if e.Info.Name == "LogTestResult" && strings.HasPrefix(node, "unit_test.") {
				status = "" // dbt 1.12 forgets it
			}
			node += " " + status + " [" + strings.Join(slices.Sorted(maps.Keys(info)), " ") + "]"
		}
		if id, ok := e.Data["unique_id"].(string); ok && node == "" {
			node = id
		}
		out[e.Info.Name] = append(out[e.Info.Name], e.Info.Code+" "+e.Info.Level+" "+strings.Join(keys, ",")+" "+node)
	}
	for name := range out {
		slices.Sort(out[name])
		out[name] = slices.Compact(out[name])
	}
	return out
}

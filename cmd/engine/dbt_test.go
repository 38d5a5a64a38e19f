package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDBTFlags: every flag that a command names is in the table, once, and says what it does.
func TestDBTFlags(t *testing.T) {
	used := map[string]bool{}
	for _, v := range dbtVerbs() {
		longs := map[string]string{}
		for _, name := range slices.Concat(v.flags, dbtGlobal) {
			i := slices.IndexFunc(dbtFlags, func(f dbtFlag) bool { return f.name == name })
			if i < 0 {
				t.Fatalf("dbt %s: no flag %q", v.name, name)
			}
			used[name] = true
			on, off := dbtFlags[i].longs()
			for _, long := range append(on, off) {
				if other := longs[long]; long != "" && other != "" && other != name {
					t.Errorf("dbt %s: --%s is of %s and of %s", v.name, long, other, name)
				}
				longs[long] = name
			}
		}
		if v.short == "" || !strings.HasPrefix(v.example, "dbt ") {
			t.Errorf("dbt %s has no help", v.name)
		}
	}
	seen := map[string]bool{}
	for _, f := range dbtFlags {
		if !used[f.name] || seen[f.name] || f.does == "" {
			t.Errorf("--%s: used %v, twice %v, does %q", f.name, used[f.name], seen[f.name], f.does)
		}
		seen[f.name] = true
	}
}

// TestDBTParse reads command lines as the library does that dbt is made with.
func TestDBTParse(t *testing.T) {
	for _, c := range []struct {
		line string
		env  map[string]string
		want map[string]string // values joined by a bar; command under «»
	}{
		{"run -s a b --exclude c -f", nil, map[string]string{"": "run", "select": "a|b", "exclude": "c", "full-refresh": "true"}},
		{"-d run --select=a b -s c", nil, map[string]string{"": "run", "select": "a|b|c", "debug": "true"}},
		{"run -m a --models b --model c", nil, map[string]string{"select": "a|b|c"}},
		{"run --no-defer --favor-state", nil, map[string]string{"defer": "false", "favor-state": "true"}},
		{"build -xqt prod", nil, map[string]string{"fail-fast": "true", "quiet": "true", "target": "prod"}},
		{"ls -s a -m", nil, map[string]string{"error": "Option '-m' requires an argument."}},
		{"ls -m a b", nil, map[string]string{"": "list", "models": "a|b"}},
		{"source --quiet freshness -o x.json", nil, map[string]string{"": "source freshness", "quiet": "true", "output-path": "x.json"}},
		{"source snapshot-freshness", nil, map[string]string{"": "source freshness"}},
		{"test --resource-type UNIT_TEST test", nil, map[string]string{"resource-type": "unit_test|test"}},
		{"run --vars {a:1} b", nil, map[string]string{"error": "Got unexpected extra argument (b)"}},
		{"run-operation m n o --args {a:1}", nil, map[string]string{"error": "Got unexpected extra arguments (n o)"}},
		{"run --vars [1]", nil, map[string]string{"error": "Invalid value for '--vars': String '[1]' is not valid YAML"}},
		{"run", map[string]string{"DBT_TARGET": "x", "DBT_ENGINE_TARGET": "y"}, map[string]string{"target": "y"}},
		{"run -t z", map[string]string{"DBT_TARGET": "x"}, map[string]string{"target": "z"}},
		{"run", map[string]string{"DBT_FAIL_FAST": "1", "DBT_NO_PRINT": "true", "DBT_ARTIFACT_STATE_PATH": "old"}, map[string]string{"fail-fast": "true", "print": "false", "state": "old"}},
		{"build", map[string]string{"DBT_RESOURCE_TYPES": "model seed"}, map[string]string{"resource-type": "model|seed"}},
		{"seed --fail-fast --no-fail-fast", nil, map[string]string{"fail-fast": "false"}},
		{"show -- x", nil, map[string]string{"error": "Got unexpected extra argument (x)"}},
		{"show --limit -1 --inline x", nil, map[string]string{"limit": "-1", "inline": "x"}},
		{"run -z", nil, map[string]string{"error": "No such option '-z'."}},
		{"run --threads", nil, map[string]string{"error": "Option '--threads' requires an argument."}},
	} {
		t.Run(c.line, func(t *testing.T) {
			call := &dbtCall{app: &app{env: func(name string) (string, bool) { v, ok := c.env[name]; return v, ok }}, values: map[string]dbtValue{}}
			err := call.read(strings.Fields(c.line))
			got := map[string]string{}
			for key := range c.want {
				switch {
				case key == "error":
					got[key] = fmt.Sprint(err)
				case key == "":
					got[key] = call.verb.name
				default:
					got[key] = strings.Join(call.several(key), "|")
				}
			}
			if _, wrong := c.want["error"]; err != nil && !wrong {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// TestDBTPage keeps docs/dbt-command-line.md equal to the tables.
func TestDBTPage(t *testing.T) {
	const path = "../../docs/dbt-command-line.md"
	got := dbtPage()
	if os.Getenv("ENGINE_UPDATE") != "" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Errorf("%s was written: run again without ENGINE_UPDATE", path)
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s is not what the tables say (-page +program); ENGINE_UPDATE=1 renews it:\n%s", path, d)
	}
}

// dbtPage is docs/dbt-command-line.md.
func dbtPage() string {
	var b strings.Builder
	b.WriteString(dbtIntroduction)
	b.WriteString("\n## Commands\n\n| command | what it does here | flags of its own |\n|---|---|---|\n")
	for _, v := range dbtVerbs() {
		name := "`" + v.name + "`"
		for _, other := range v.also {
			name += ", `" + other + "`"
		}
		var flags []string
		for _, f := range v.flags {
			if on, _ := dbtOf(f).longs(); !dbtOf(f).hidden {
				flags = append(flags, "`--"+on[0]+"`")
			}
		}
		slices.Sort(flags)
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, v.short, strings.Join(flags, " "))
	}
	b.WriteString("\n## Flags\n\nFlags of all commands, which stand before or behind the command, have a dot. A flag with a\nvariable takes it from `DBT_ENGINE_NAME`, else from `DBT_NAME`; the command line wins.\n")
	b.WriteString("\n| flag | | variable | what it does here |\n|---|---|---|---|\n")
	row := func(f dbtFlag) {
		dot, variable := "", ""
		if slices.Contains(dbtGlobal, f.name) {
			dot = "•"
		}
		if f.env != "" {
			variable = "`DBT_" + f.env + "`"
		}
		for _, name := range f.older {
			variable = strings.TrimSpace(variable + " `" + name + "`")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", strings.ReplaceAll(f.declared(), "|", `\|`), dot, variable, f.does)
	}
	for _, f := range dbtFlags {
		if !strings.HasPrefix(f.does, "accepted") && f.name != "raw-select" {
			row(f)
		}
	}
	b.WriteString("\n### Accepted, without effect\n\n| flag | | variable | why |\n|---|---|---|---|\n")
	for _, f := range dbtFlags {
		if rest, ok := strings.CutPrefix(f.does, "accepted"); ok {
			f.does = strings.TrimLeft(rest, ":, ")
			row(f)
		}
	}
	return b.String()
}

const dbtIntroduction = `# dbt's command line

Programs that run ` + "`dbt`" + ` — Airflow with Cosmos, Dagster, scripts — can run the engine instead:
` + "`engine dbt COMMAND`" + ` has dbt's commands, flags, variables, log and exit codes, and a link or copy
of the program with the name ` + "`dbt`" + ` is the same. It follows dbt-core 1.12.

    ln -s "$(command -v engine)" ~/bin/dbt
    dbt build --select +orders --target prod

This page is written from the program's own tables.

## The project

It is a project of the engine: a folder with engine.yml, which ` + "`engine import dbt`" + ` makes of a dbt
project ([coming from dbt](from-dbt.md)). A folder that has dbt_project.yml alone is a mistake that says so.
Where a program looks for dbt_project.yml, keep that file next to engine.yml: engine.yml counts.

**Connection.** The targets are those of engine.yml, and ` + "`--target`" + ` names one of them. Where
` + "`--profiles-dir`" + `, ` + "`DBT_PROFILES_DIR`" + ` or ` + "`--profile`" + ` is given, as Cosmos does with a profiles.yml that it
makes of Airflow's connections, the output of that profile is the connection: its type, schema, database,
threads and fields take the place of those of the target of the same name (or of the default target),
and all else that the target says, such as custom_schema and vars, stays. The profile is ` + "`--profile`" + `, else the
one that a kept dbt_project.yml names, else the project's name. A folder that is named without having
such a profile leaves the targets as they are. A profiles.yml that only lies in the project is not read.

## What differs from dbt

* **Built aside, tested, published.** In ` + "`build`" + ` a model whose tests fail is not published: the log has
  the test as FAIL and the model as ERROR, and readers keep what was there before. In dbt the model is OK,
  and its wrong rows are there. Tests stand before their model's OK line for the same reason.
* **Mistakes are found first.** A column that is not there, a type that does not fit, a ref to nothing
  end the command with exit code 2 before anything is sent to the warehouse. In dbt most of them are
  errors of one model at run time, exit code 1.
* **What is unchanged is built all the same**, as dbt does. ` + "`--skip-unchanged`" + `, or
  ` + "`DBT_ENGINE_SKIP_UNCHANGED=1`" + ` in the environment of the program that runs dbt, builds only what has
  changed, as ` + "`engine build`" + ` does; the rest counts as REUSED.
* **Packages** became part of the project when it was imported: ` + "`deps`" + ` has nothing to install.
* **Templates** of ` + "`--inline`" + ` are written in the engine's language.
* ` + "`docs generate`" + ` writes the engine's catalog to target/catalog, and target/index.html, which leads there,
  next to manifest.json and catalog.json.
* ` + "`source freshness`" + ` runs no hooks.
* Colours are shown on a terminal only, unless ` + "`--use-colors`" + ` is given.
* ` + "`dbt_project.yml`" + `'s flags and ` + "`~/.dbt/user_settings.yml`" + ` are not read, and neither is ` + "`.env`" + `.

## Output

Lines are those of dbt, with the time in UTC. ` + "`--log-format json`" + ` prints one event a line, with dbt's names,
codes, levels and data: MainReportVersion, MainReportArgs, AdapterRegistered, FoundStats, ConcurrencyLine, NodeStart,
LogStartLine, NodeCompiling, NodeExecuting, LogModelResult, LogSeedResult, LogSnapshotResult, LogTestResult,
LogFreshnessResult, LogNodeNoOpResult, LogHookStartLine, LogHookEndLine, SkippingDetails, MarkSkippedChildren,
NodeFinished, FinishedRunningStats, EndRunResult, EndOfRunSummary, RunResultError, RunResultFailure, RunResultWarning,
RunResultWarningMessage, SQLCompiledPath, CheckNodeTestFailure, StatsLine, NothingToDo, NoNodesSelected,
NoNodesForSelectionCriteria, PrintEvent (lines of ` + "`ls`" + `), CompiledNode, ShowNode, ArtifactWritten, MainEncounteredError
and CommandCompleted. The file logs/dbt.log has all of them, in the form of dbt's debug log. Values of variables whose
names begin with DBT_ENV_SECRET are shown as *****.

` + "`ls --output json`" + ` has dbt's keys in dbt's order; ` + "`--output-keys`" + ` takes any key of a node of the
manifest, and a dot leads into an object: ` + "`config.materialized`" + `.

Exit codes: 0, all went well, warnings included; 1, something that was built or tested failed, or a source is
too old; 2, wrong use, or a project with mistakes.

Files: manifest.json, run_results.json and sources.json in target/ (` + "`--target-path`" + `), the SQL of what was built in
target/compiled/PROJECT and the statements in target/run/PROJECT.
`

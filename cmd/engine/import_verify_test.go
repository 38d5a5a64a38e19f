package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// dbtFound is where dbt is, empty: nowhere. It is looked for before the scripts have a command
// dbt of their own in PATH, which is ours.
var dbtFound = func() string {
	program := os.Getenv("ENGINE_DBT")
	if program == "" {
		program = "dbt"
	}
	found, err := exec.LookPath(program)
	if err != nil {
		return ""
	}
	return found
}()

// dbtProgram is the dbt that tests compare with: that of ENGINE_DBT, else of PATH.
func dbtProgram(t *testing.T) string {
	t.Helper()
	found := dbtFound
	if found == "" {
		t.Skip("needs ENGINE_DBT, the program dbt with dbt-core and dbt-duckdb, or dbt in PATH: imported projects are NOT compared with dbt's tables")
	}
	found, err := filepath.Abs(found)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// verifyRun runs engine import dbt --verify.
func verifyRun(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	var text bytes.Buffer
	a := &app{in: strings.NewReader(""), out: &text, err: &text, env: os.LookupEnv, environ: os.Environ, now: time.Now, abort: os.Exit, getwd: os.Getwd, size: func() int { return 0 }, cpus: 2, drivers: drivers}
	code = a.execute(append([]string{"import", "dbt", "--verify"}, args...))
	return code, text.String()
}

// TestImportMatchesDBT: projects of three shapes give the tables that dbt makes of them, row by row.
func TestImportMatchesDBT(t *testing.T) {
	program := dbtProgram(t)
	data := filepath.Join("..", "..", "engine", "dbt", "testdata")
	for _, c := range []struct {
		project, then, want string
	}{
		{"jaffle", "", "11 of 11 tables the same"},
		{"history", filepath.Join(data, "second", "history"), "12 of 12 tables the same"},
		{"macros", "", "10 of 10 tables the same"},
		{"columns", "", "12 of 12 tables the same"},
	} {
		t.Run(c.project, func(t *testing.T) {
			args := []string{filepath.Join(data, "projects", c.project), "--dbt", program}
			if c.then != "" {
				args = append(args, "--then", c.then)
			}
			if code, out := verifyRun(t, args...); code != exitDone || !strings.Contains(out, c.want) {
				t.Errorf("exit %d:\n%s", code, out)
			}
		})
	}
}

// TestVerifySeesDifferences: a project in which the two cannot agree, for a target of DuckDB has
// no database's name here, is not called the same.
func TestVerifySeesDifferences(t *testing.T) {
	program := dbtProgram(t)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"dbt_project.yml":   "name: other\nprofile: other\n",
		"models/same.sql":   "select 1 as a, 'x' as b",
		"models/order.sql":  "select {{ 'cast(1 as double)' if target.database else '2' }} as a, 1 as {{ 'b' if target.database else 'c' }}",
		"models/theirs.sql": "{{ config(enabled=(target.database != '')) }} select 1 as a",
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	code, out := verifyRun(t, dir, "--dbt", program)
	for _, want := range []string{"✓ main.same: 1 row", "✗ main.order: ", "a is DOUBLE in dbt's table and INTEGER in the engine's", "b is missing", "c is the engine's alone", "✗ main.theirs: only dbt has it", "1 of 3 tables the same"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if code != exitFailed {
		t.Errorf("exit %d:\n%s", code, out)
	}
}

func TestVerifyWithoutDBT(t *testing.T) {
	code, out := verifyRun(t, filepath.Join("..", "..", "engine", "dbt", "testdata", "projects", "jaffle"), "--dbt", filepath.Join(t.TempDir(), "dbt"))
	if code != exitMistake || !strings.Contains(out, "--verify needs dbt") || !strings.Contains(out, "install dbt-core and dbt-duckdb") {
		t.Errorf("exit %d:\n%s", code, out)
	}
}

package compile_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/internal/golden"
)

// wants finds what a line expects: «want `code: text`», several per line, a warning as
// «want warning `code: text`». Files that cannot hold comments are spoken for in the
// archive's own comment: «path:line want `code: text`».
var (
	wants   = regexp.MustCompile("want (warning )?`([^`]*)`")
	speaker = regexp.MustCompile(`^(\S+):(\d+) want `)
)

// expected lists what the archive wants, one «path:line severity code: text» each.
func expected(comment string, inputs map[string][]byte) []string {
	var out []string
	add := func(path string, line string, text string) {
		for _, m := range wants.FindAllStringSubmatch(text, -1) {
			severity := "error"
			if m[1] != "" {
				severity = "warning"
			}
			out = append(out, fmt.Sprintf("%s:%s %s %s", path, line, severity, m[2]))
		}
	}
	for name, data := range inputs {
		for i, line := range strings.Split(string(data), "\n") {
			add(name, fmt.Sprint(i+1), line)
		}
	}
	for line := range strings.Lines(comment) {
		if m := speaker.FindStringSubmatch(line); m != nil {
			add(m[1], m[2], line)
		}
	}
	slices.Sort(out)
	return out
}

func options(dir string) engine.Options {
	return engine.Options{Dir: dir, Env: func(name string) (string, bool) { return "from the environment", name == "ENGINE_TEST" }, Drivers: []warehouse.Driver{duckdb.Driver{}}, Jobs: 1}
}

// check loads and compiles the project in dir and says what was reported, in the form of
// expected.
func check(t *testing.T, o engine.Options) ([]string, diag.List) {
	t.Helper()
	p, list := engine.Load(o)
	_, more := engine.Compile(context.Background(), p, o)
	list = append(list, more...)
	var out []string
	for _, d := range list {
		place := "nowhere:0"
		if !d.At.IsZero() {
			place = fmt.Sprintf("%s:%d", d.At.File.Path, d.At.Position().Line)
		}
		out = append(out, fmt.Sprintf("%s %s %s: %s", place, d.Severity, d.Code, d.Message))
		if strings.HasSuffix(d.Message, ".") || strings.Contains(d.Message, "\n") {
			t.Errorf("badly worded: %q", d.Message)
		}
	}
	slices.Sort(out)
	return out, list
}

// elsewhere are codes that no file of a project can cause: each says why.
var elsewhere = map[diag.Code]string{
	"warehouse-resource": "needs a full disk or a warehouse without memory: duckdb.TestExplainSaysWhereRoomIsMissing",
	"dependent-lost":     "needs a server with views of others: postgres.TestSwapRefuses",
	"sql-data":           "needs rows: duckdb.TestExplain and cmd/engine show.txtar",
	"analyzer-fault":     "needs a text that Google's analyzer fails on: googlesql.TestHostile",
	"internal":           "guards against our own mistakes",
	"analysis-off":       "TestAnalyzerThatFails",
	"name-too-long":      "TestNameTooLong: DuckDB has no limit",
	"target-needs":       "TestTargetWithoutRequiredField: DuckDB requires nothing",
	"cte-unknown":        "comes of a flag: cmd/engine show_cte.txtar and sql.TestShowCommon",
	"seed-row":           "cmd/engine bad_run.txtar and engine/run: a CSV file has no comment to write the expectation in",
}

func TestMistakes(t *testing.T) {
	emitted := map[diag.Code]bool{}
	t.Run("corpus", func(t *testing.T) {
		golden.Run(t, "testdata/mistakes/*.txtar", "", func(t *testing.T, c *golden.Case) map[string]string {
			dir := t.TempDir()
			c.Unpack(t, dir)
			got, list := check(t, options(dir))
			if diff := cmp.Diff(expected(c.Comment, c.Inputs()), got); diff != "" {
				t.Errorf("diagnostics (-want +got):\n%s", diff)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, d := range list {
				emitted[d.Code] = true
			}
			return nil
		})
	})
	catalogued := map[diag.Code]bool{}
	for _, e := range slices.Concat(compile.Codes, engine.Codes, warehouse.Codes) {
		if catalogued[e.Code] {
			t.Errorf("code %s has two entries", e.Code)
		}
		catalogued[e.Code] = true
		switch why := elsewhere[e.Code]; {
		case why != "" && emitted[e.Code]:
			t.Errorf("code %s has a case: remove it from elsewhere", e.Code)
		case why == "" && !emitted[e.Code]:
			t.Errorf("no case of the corpus has %s", e.Code)
		}
		if e.Title == "" || e.Explain == "" {
			t.Errorf("the entry of %s is not complete", e.Code)
		}
	}
}

// TestEveryCodeConstantHasAnEntry reads the rooms' own source: a code that is declared and
// not in the catalogue has nothing that engine explain could say.
func TestEveryCodeConstantHasAnEntry(t *testing.T) {
	declaration := regexp.MustCompile(`(?m)^\s*code\w+\s+diag\.Code = "([^"]+)"`)
	for dir, codes := range map[string][]diag.Entry{".": compile.Codes, "..": engine.Codes, "../warehouse": warehouse.Codes} {
		var declared, entries []string
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range declaration.FindAllStringSubmatch(string(data), -1) {
				declared = append(declared, m[1])
			}
		}
		for _, e := range codes {
			entries = append(entries, string(e.Code))
		}
		slices.Sort(declared)
		slices.Sort(entries)
		if diff := cmp.Diff(declared, entries); diff != "" {
			t.Errorf("%s: codes without an entry or entries without a code (-declared +entries):\n%s", dir, diff)
		}
	}
}

// strict is DuckDB with a field that must be set, and names of at most 8 bytes.
type strict struct{ duckdb.Driver }

func (strict) Name() string { return "strict" }
func (d strict) Fields() []warehouse.Field {
	return append(d.Driver.Fields(), warehouse.Field{Name: "host", Required: true, Help: "name of the server"})
}
func (d strict) Dialect() warehouse.Dialect { return short{d.Driver.Dialect()} }

type short struct{ warehouse.Dialect }

func (s short) Caps() warehouse.Caps {
	caps := s.Dialect.Caps()
	caps.MaxIdentifier = 8
	return caps
}

func TestNameTooLong(t *testing.T) {
	o := project(t, map[string]string{
		"engine.yml":                 "name: shop\ndialect: duckdb\ntargets:\n  dev: {type: strict, host: here}\n",
		"models/nine_char.sql":       "select 1 as a",
		"models/fits.sql":            "select 1 as a",
		"models/with_an_alias_x.sql": "{{ config \"alias\" \"b\" }}select 1 as a",
	})
	o.Drivers = []warehouse.Driver{strict{}}
	got, _ := check(t, o)
	if diff := cmp.Diff([]string{"models/nine_char.sql:1 error name-too-long: the name has 9 bytes, strict allows 8"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestTargetWithoutRequiredField(t *testing.T) {
	o := project(t, map[string]string{"engine.yml": "name: shop\ndialect: duckdb\ntargets:\n  dev: {type: strict}\n"})
	o.Drivers = []warehouse.Driver{strict{}}
	got, _ := check(t, o)
	if diff := cmp.Diff([]string{`engine.yml:4 error target-needs: target "dev" has no "host"`}, got); diff != "" {
		t.Error(diff)
	}
}

// blind is DuckDB on a machine where the analyzer does not start.
type blind struct{ duckdb.Driver }

func (blind) Analyzer(context.Context) (warehouse.Analyzer, error) {
	return nil, errors.New("no memory")
}

func TestAnalyzerThatFails(t *testing.T) {
	o := project(t, map[string]string{"engine.yml": "name: shop\ndialect: duckdb\n", "models/a.sql": "select nothing_of_this from nowhere"})
	o.Drivers = []warehouse.Driver{blind{}}
	got, _ := check(t, o)
	if diff := cmp.Diff([]string{"nowhere:0 warning analysis-off: models are not analyzed before the run"}, got); diff != "" {
		t.Error(diff)
	}
}

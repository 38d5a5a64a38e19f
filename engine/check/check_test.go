package check_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/check"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/internal/golden"
)

// wants finds what a line expects: «want `code: text`» for an error, several per line, a
// warning as «want warning `code: text`».
var wants = regexp.MustCompile("want (warning )?`([^`]*)`")

func expected(inputs map[string][]byte) []string {
	var out []string
	for name, data := range inputs {
		for i, line := range strings.Split(string(data), "\n") {
			for _, m := range wants.FindAllStringSubmatch(line, -1) {
				severity := "error"
				if m[1] != "" {
					severity = "warning"
				}
				out = append(out, fmt.Sprintf("%s:%d %s %s", name, i+1, severity, m[2]))
			}
		}
	}
	slices.Sort(out)
	return out
}

// compiled loads and compiles the project in dir, which has no mistakes.
func compiled(t testing.TB, dir string) *compile.Program {
	t.Helper()
	o := engine.Options{Dir: dir, Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{duckdb.Driver{}}, Jobs: 1}
	p, list := engine.Load(o)
	program, more := engine.Compile(context.Background(), p, o)
	for _, d := range append(list, more...) {
		if d.Severity != diag.Remark {
			t.Errorf("the project has a mistake: %s", d.Line())
		}
	}
	return program
}

var (
	mu      sync.Mutex
	emitted = map[diag.Code]bool{}
)

func TestRules(t *testing.T) {
	t.Run("corpus", func(t *testing.T) {
		golden.Run(t, "testdata/rules/*.txtar", "", func(t *testing.T, c *golden.Case) map[string]string {
			dir := t.TempDir()
			c.Unpack(t, dir)
			list := check.Run(compiled(t, dir), check.Options{})
			var got []string
			for _, d := range list {
				place := "nowhere:0"
				if !d.At.IsZero() {
					place = fmt.Sprintf("%s:%d", d.At.File.Path, d.At.Position().Line)
				}
				got = append(got, fmt.Sprintf("%s %s %s: %s", place, d.Severity, d.Code, d.Message))
				if strings.HasSuffix(d.Message, ".") || strings.Contains(d.Message, "\n") {
					t.Errorf("badly worded: %q", d.Message)
				}
				mu.Lock()
				emitted[d.Code] = true
				mu.Unlock()
			}
			slices.Sort(got)
			if diff := cmp.Diff(expected(c.Inputs()), got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			return nil
		})
	})
	seen := map[diag.Code]bool{}
	for _, e := range check.Codes {
		if seen[e.Code] {
			t.Errorf("code %s has two entries", e.Code)
		}
		seen[e.Code] = true
		if !emitted[e.Code] {
			t.Errorf("no case of the corpus has %s", e.Code)
		}
		if e.Title == "" || e.Explain == "" || e.Bad == "" || e.Good == "" {
			t.Errorf("the entry of %s is not complete", e.Code)
		}
	}
	for code := range emitted {
		if !seen[code] {
			t.Errorf("code %s has no entry", code)
		}
	}
	if !slices.IsSortedFunc(check.Rules(), func(a, b check.Rule) int { return strings.Compare(string(a.ID), string(b.ID)) }) {
		t.Error("the rules are not sorted by name")
	}
}

// TestFix: the corrected files are as expected, and nothing is left to correct.
func TestFix(t *testing.T) {
	golden.Run(t, "testdata/fixes/*.txtar", "", func(t *testing.T, c *golden.Case) map[string]string {
		dir := t.TempDir()
		c.Unpack(t, dir)
		out := map[string]string{}
		for range 5 {
			program := compiled(t, dir)
			changes := check.Fix(check.Run(program, check.Options{}))
			for _, ch := range changes {
				if err := os.WriteFile(filepath.Join(dir, ch.File.Path), ch.New, 0o644); err != nil {
					t.Fatal(err)
				}
				out[ch.File.Path] = string(ch.New)
			}
			if len(changes) == 0 {
				return out
			}
		}
		t.Error("corrections go on and on")
		return out
	})
}

// TestOptions: single rules and selected nodes.
func TestOptions(t *testing.T) {
	archive := map[string]string{
		"engine.yml":   "name: p\n",
		"models/a.sql": "select id from unnest([1, 2]) as id order by id\n",
		"models/b.sql": "with x as (select 1 as y) select id from {{ ref \"a\" }} order by id\n",
	}
	dir := t.TempDir()
	for name, text := range archive {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	program := compiled(t, dir)
	codes := func(o check.Options) string {
		var out []string
		for _, d := range check.Run(program, o) {
			out = append(out, fmt.Sprintf("%s:%s", d.Model, d.Code))
		}
		return strings.Join(out, " ")
	}
	for _, tt := range []struct {
		o    check.Options
		want string
	}{
		{check.Options{}, "model.b:cte-unused"},
		{check.Options{Rules: []diag.Code{"order-without-limit"}}, "model.a:order-without-limit model.b:order-without-limit"},
		{check.Options{Rules: []diag.Code{"order-without-limit", "cte-unused"}, Selected: map[addr.Node]bool{program.Order[0]: true}}, "model.a:order-without-limit"},
		{check.Options{Rules: []diag.Code{"model-unused"}}, "model.b:model-unused"},
		{check.Options{Rules: []diag.Code{"model-unused"}, Partial: true}, ""},
		{check.Options{Rules: []diag.Code{"modl-unused"}}, ":rule-unknown"},
	} {
		if got := codes(tt.o); got != tt.want {
			t.Errorf("%+v finds %q, want %q", tt.o, got, tt.want)
		}
	}
}

// TestKept: what analysis found is the same when it comes from an earlier compilation, and
// stands where the text has moved to.
func TestKept(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	model := "with x as (select 1 as y)\nselect * from {{ ref \"a\" }} order by id"
	write("engine.yml", "name: p\n")
	write("models/a.sql", "select id from unnest([1, 2]) as id")
	write("models/b.sql", model)
	findings := func() []string {
		o := engine.Options{Dir: dir, Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{duckdb.Driver{}}, Jobs: 1, Version: "test"}
		p, _ := engine.Load(o)
		program, list := engine.Compile(context.Background(), p, o)
		if list.HasErrors() {
			t.Fatal(list[0].Line())
		}
		var out []string
		for _, f := range program.Nodes[addr.Node{Kind: addr.Model, Name: "b"}].Findings {
			line := fmt.Sprintf("%s %q %s %s", f.Rule, f.At.Text(), f.Message, f.Help)
			for _, e := range f.Edits {
				line += fmt.Sprintf(" %q→%q", e.At.Text(), e.New)
			}
			out = append(out, line)
		}
		return out
	}
	cold := findings()
	if len(cold) != 3 {
		t.Errorf("found %q, want three", cold)
	}
	if diff := cmp.Diff(cold, findings()); diff != "" {
		t.Errorf("kept (-cold +warm):\n%s", diff)
	}
	write("models/b.sql", "{{/* moved */}}\n\n"+model)
	if diff := cmp.Diff(cold, findings()); diff != "" {
		t.Errorf("moved (-cold +warm):\n%s", diff)
	}
}

// FuzzAllowances: comments of any text can be read.
func FuzzAllowances(f *testing.F) {
	f.Add("-- engine: allow naming because x\nselect 1")
	f.Add("{{/* engine: allow naming, select-star because x */}}{{ \"}}\" }}")
	f.Add("# engine: allow\n{{")
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"a.sql", "a.yml"} {
			check.ReadAllowances(name, text)
		}
	})
}

func BenchmarkRun(b *testing.B) {
	const models = 10_000
	dir := b.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "models"), 0o755); err != nil {
		b.Fatal(err)
	}
	for i := range models {
		text := "select 1 as id, 2 as total, true as paid"
		if i > 0 {
			text = fmt.Sprintf("-- a comment\nwith base as (\n    select id, total, paid from {{ ref \"m%d\" }}\n)\n\nselect\n    b.id,\n    b.total + 1 as total,\n    b.paid\nfrom base as b\nleft join dev.other as o on o.id = b.id\nwhere b.paid\n", (i-1)/2)
		}
		if err := os.WriteFile(filepath.Join(dir, "models", fmt.Sprintf("m%d.sql", i)), []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	var rules []diag.Code
	for _, r := range check.Rules() {
		if r.ID != "naming" {
			rules = append(rules, r.ID)
		}
	}
	for _, dialect := range []string{"googlesql", "duckdb"} {
		settings := "name: p\ndialect: " + dialect + "\n"
		if err := os.WriteFile(filepath.Join(dir, "engine.yml"), []byte(settings), 0o644); err != nil {
			b.Fatal(err)
		}
		o := engine.Options{Dir: dir, Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{duckdb.Driver{}}, SkipAnalysis: true}
		p, _ := engine.Load(o)
		program, _ := engine.Compile(context.Background(), p, o)
		for _, set := range []struct {
			name string
			o    check.Options
		}{{"default", check.Options{}}, {"all", check.Options{Rules: rules}}} {
			b.Run(dialect+"/"+set.name, func(b *testing.B) {
				for b.Loop() {
					check.Run(program, set.o)
				}
			})
		}
	}
}

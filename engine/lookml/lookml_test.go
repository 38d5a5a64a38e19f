package lookml_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/lookml"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/bigquery"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/engine/warehouse/postgres"
	"github.com/engine-build/engine/internal/golden"
)

// program compiles the project in dir, which has no mistakes, for a target.
func program(t testing.TB, dir, target string) *compile.Program {
	t.Helper()
	o := engine.Options{
		Dir: dir, Target: target, Jobs: 1, Env: func(string) (string, bool) { return "", false },
		Drivers: []warehouse.Driver{duckdb.Driver{}, postgres.Driver{}, bigquery.Driver{}},
	}
	p, list := engine.Load(o)
	out, more := engine.Compile(context.Background(), p, o)
	for _, d := range append(list, more...) {
		if d.Severity == diag.Error || d.Severity == diag.Internal {
			t.Fatalf("the project has a mistake: %s %s", d.Line(), d.Help)
		}
	}
	return out
}

// options are all nodes of a program that can have a view.
func options(p *compile.Program) lookml.Options {
	o := lookml.Options{Generated: "generated", Refinements: "views"}
	for _, id := range p.Order {
		if id.Kind != addr.Source {
			o.Nodes = append(o.Nodes, id)
		}
	}
	return o
}

// checked reads every file back and looks at all of them together.
func checked(t *testing.T, out lookml.Output) map[string]*object {
	t.Helper()
	files := map[string]*object{}
	for _, f := range out.Files {
		if !lookml.Ours(f.Text) {
			t.Errorf("%s does not begin with the header", f.Path)
		}
		root, err := readLookML(string(f.Text))
		if err != nil {
			t.Errorf("%s: %v\n%s", f.Path, err, f.Text)
			continue
		}
		files[f.Path] = root
	}
	for _, c := range complaints(files) {
		t.Error(c)
	}
	return files
}

var (
	mu      sync.Mutex
	emitted = map[diag.Code]bool{}
)

// TestMake writes LookML for the projects of the corpus, on each of their targets.
func TestMake(t *testing.T) {
	t.Run("corpus", func(t *testing.T) {
		golden.Run(t, "testdata/*.txtar", "", func(t *testing.T, c *golden.Case) map[string]string {
			dir := t.TempDir()
			c.Unpack(t, dir)
			texts := map[string]string{}
			for _, target := range []string{"duckdb", "postgres", "bigquery"} {
				if !bytes.Contains(c.Input(t, "engine.yml"), []byte(" "+target+":")) {
					continue
				}
				p := program(t, dir, target)
				out, list := lookml.Make(p, options(p))
				var said strings.Builder
				if err := diag.Render(&said, list, diag.RenderOptions{}); err != nil {
					t.Fatal(err)
				}
				mu.Lock()
				for _, d := range list {
					emitted[d.Code] = true
					if d.Message == "" || strings.HasSuffix(d.Message, ".") || strings.Contains(d.Message, "\n") {
						t.Errorf("badly worded: %q", d.Message)
					}
				}
				mu.Unlock()
				if said.Len() > 0 {
					texts[target+"/said"] = said.String()
				}
				if list.HasErrors() {
					continue
				}
				checked(t, out)
				for _, f := range out.Files {
					texts[target+"/"+f.Path] = string(f.Text)
				}
			}
			return texts
		})
	})
	for _, e := range lookml.Codes {
		if !emitted[e.Code] {
			t.Errorf("no case has %s", e.Code)
		}
		if e.Title == "" || e.Explain == "" || e.Bad == "" || e.Good == "" {
			t.Errorf("the entry of %s is not complete", e.Code)
		}
	}
}

// reference is the LookML of the project at the root of the repository, with an explore of
// every model.
func reference(t *testing.T) lookml.Output {
	t.Helper()
	p := program(t, "../..", "dev")
	for _, n := range p.Nodes {
		all := map[string]any{"looker.explore": true}
		for k, v := range n.Config.Meta {
			all[k] = v
		}
		n.Config.Meta = all
	}
	out, list := lookml.Make(p, options(p))
	for _, d := range list {
		if d.Severity != diag.Remark {
			t.Errorf("%s %s", d.Line(), d.Help)
		}
	}
	return out
}

// TestReference: the reference project has a view per relation, read back without a complaint,
// and its explores know the keys.
func TestReference(t *testing.T) {
	out := reference(t)
	files := checked(t, out)
	material := files["generated/material.explore.lkml"]
	if material == nil {
		t.Fatal("no explore of material")
	}
	joins := map[string]string{}
	for _, j := range material.objects[0].objects {
		joins[j.name] = j.get("relationship") + j.get("sql_on") + j.get("sql")
	}
	want := map[string]string{
		"dim_tenant":               "many_to_one${material.tenant_id} = ${dim_tenant.tenant_id} ",
		"dim_product":              "many_to_one${material.product_id} = ${dim_product.product_id} ",
		"dim_location":             "many_to_one${material.location_id} = ${dim_location.location_id} ",
		"material__ancestor_ids":   `one_to_many` + `LEFT JOIN LATERAL (SELECT unnest(${material.ancestor_ids}) AS "item") AS material__ancestor_ids ON TRUE `,
		"material__descendant_ids": `one_to_many` + `LEFT JOIN LATERAL (SELECT unnest(${material.descendant_ids}) AS "item") AS material__descendant_ids ON TRUE `,
	}
	if d := cmp.Diff(want, joins); d != "" {
		t.Errorf("joins of material (-want +got):\n%s", d)
	}
	// In a project with customers the tenant is for machines.
	tenants := 0
	for _, root := range files {
		for _, v := range root.objects {
			for _, f := range v.objects {
				if f.name == "tenant_id" && f.kind == "dimension" {
					if tenants++; f.get("hidden") != "yes" {
						t.Errorf("%s.tenant_id is not hidden", v.name)
					}
				}
			}
		}
	}
	if tenants == 0 {
		t.Error("no view has a tenant")
	}
	again := reference(t)
	if d := cmp.Diff(out, again); d != "" {
		t.Errorf("a second time it is different:\n%s", d)
	}
}

// plain is an object as lookml-parser has it, without what that one notes for itself.
func plain(o *object) map[string]any {
	out := map[string]any{}
	for _, p := range o.params {
		switch v := p.val.(type) {
		case string:
			switch v {
			case "yes":
				out[p.key] = true
			case "no":
				out[p.key] = false
			default:
				if list, twice := out[p.key].([]any); twice {
					out[p.key] = append(list, v)
				} else if first, there := out[p.key]; there {
					out[p.key] = []any{first, v}
				} else {
					out[p.key] = v
				}
			}
		case []string:
			list := []any{}
			for _, s := range v {
				list = append(list, s)
			}
			out[p.key] = list
		case map[string]string:
			pairs := map[string]any{}
			for k, s := range v {
				pairs[k] = s
			}
			out[p.key] = pairs
		}
	}
	for _, in := range o.objects {
		all, _ := out[in.kind].(map[string]any)
		if all == nil {
			all = map[string]any{}
			out[in.kind] = all
		}
		all[in.name] = plain(in)
	}
	return out
}

// bare takes what lookml-parser notes out of its answer, and blanks around SQL.
func bare(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			if !strings.HasPrefix(k, "$") {
				out[k] = bare(x)
			}
		}
		return out
	case []any:
		out := []any{}
		for _, x := range v {
			out = append(out, bare(x))
		}
		return out
	case string:
		return strings.TrimSpace(v)
	}
	return v
}

// TestIndependentParser compares what our reader makes of the reference project's files with
// what a parser that others wrote makes of them.
func TestIndependentParser(t *testing.T) {
	dir := os.Getenv("ENGINE_LOOKML_PARSER")
	if dir == "" {
		t.Skip("needs ENGINE_LOOKML_PARSER: a folder in which «npm install lookml-parser» was run")
	}
	work := t.TempDir()
	var paths []string
	out := reference(t)
	for _, f := range append(slices.Clone(out.Files), out.Frames...) {
		path := filepath.Join(work, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Text, 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	corpus, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(corpus) == 0 {
		t.Fatal("no corpus", err)
	}
	for _, name := range corpus {
		for file, text := range goldenFiles(t, name) {
			path := filepath.Join(work, "corpus", strings.ReplaceAll(file, "/", "_"))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			paths = append(paths, path)
		}
	}
	script := `const p = require(process.argv[1] + "/node_modules/lookml-parser"), fs = require("fs");
const out = {};
for (const f of process.argv.slice(2)) { try { out[f] = p.parse(fs.readFileSync(f, "utf8")) } catch (e) { out[f] = {error: String(e)} } }
console.log(JSON.stringify(out));`
	abs, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := exec.Command("node", append([]string{"-e", script, abs}, paths...)...).Output()
	if err != nil {
		t.Fatalf("node: %v", err)
	}
	var parsed map[string]any
	if err := json.Unmarshal(answer, &parsed); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		theirs, _ := parsed[path].(map[string]any)
		if theirs == nil || theirs["error"] != nil {
			t.Errorf("%s is not read: %v", path, parsed[path])
			continue
		}
		if strings.Contains(path, string(filepath.Separator)+"views"+string(filepath.Separator)) {
			continue // a refinement has nothing to compare
		}
		root, err := readLookML(string(text))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(bare(plain(root)), bare(theirs)); d != "" {
			t.Errorf("%s is read in another way (-ours +theirs):\n%s", path, d)
		}
		compared++
	}
	t.Logf("%d files compared", compared)
}

// TestCompare says what happens to a folder.
func TestCompare(t *testing.T) {
	ours := func(s string) []byte { return []byte(lookml.Header + " from x.\n" + s) }
	out := lookml.Output{
		Files:  []lookml.File{{Path: "generated/a.view.lkml", Text: ours("a")}, {Path: "generated/b.view.lkml", Text: ours("b")}, {Path: "generated/c.view.lkml", Text: ours("c")}},
		Frames: []lookml.File{{Path: "views/a.view.lkml", Text: []byte("frame a")}, {Path: "views/b.view.lkml", Text: []byte("frame b")}},
	}
	found := map[string][]byte{
		"generated/a.view.lkml":    ours("a"),
		"generated/b.view.lkml":    ours("old"),
		"generated/gone.view.lkml": ours("gone"),
		"generated/gone.other":     ours("other"),
		"generated/hand.view.lkml": []byte("view: hand {}"),
		"views/a.view.lkml":        []byte("view: +a { dimension: x {} }"),
		"views/gone.view.lkml":     ours("moved by hand"),
	}
	describe := func(changes []lookml.Change) []string {
		var out []string
		for _, c := range changes {
			out = append(out, fmt.Sprint(c.Sort, " ", c.Path))
		}
		return out
	}
	changes, foreign := lookml.Compare(out, "generated", found, false)
	want := []string{"remove generated/gone.view.lkml", "update generated/b.view.lkml", "create generated/c.view.lkml"}
	if d := cmp.Diff(want, describe(changes)); d != "" || foreign != nil {
		t.Errorf("foreign %v, changes (-want +got):\n%s", foreign, d)
	}
	changes, _ = lookml.Compare(out, "generated", found, true)
	if d := cmp.Diff(append(want, "frame views/b.view.lkml"), describe(changes)); d != "" {
		t.Errorf("with refinements (-want +got):\n%s", d)
	}
	found["generated/c.view.lkml"] = []byte("view: c {}")
	if _, foreign = lookml.Compare(out, "generated", found, false); !slices.Equal(foreign, []string{"generated/c.view.lkml"}) {
		t.Errorf("got foreign %v, want the file that somebody wrote", foreign)
	}
	delete(found, "generated/c.view.lkml")
	found["generated/C.view.lkml"] = ours("c")
	changes, foreign = lookml.Compare(out, "generated", found, false)
	want = []string{"remove generated/C.view.lkml", "remove generated/gone.view.lkml", "update generated/b.view.lkml", "create generated/c.view.lkml"}
	if d := cmp.Diff(want, describe(changes)); d != "" || foreign != nil {
		t.Errorf("foreign %v, another case (-want +got):\n%s", foreign, d)
	}
}

// TestReaderIsStrict: the reader finds what it is there for.
func TestReaderIsStrict(t *testing.T) {
	for _, text := range []string{
		"view: a {", "view: a { }}", "view: a {\n  dimension: x {\n    sqll: x ;;\n  }\n}", "view: a {\n  label: x\n}",
		"view: a {\n  label: \"x\"\n  label: \"y\"\n}", "view: a {\n  sql_table_name: x ; ;\n}", `view: a { label: "a\b" }`, "views: a {}",
	} {
		if _, err := readLookML(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
	root, err := readLookML("view: a {\n  dimension: x {\n    primary_key: yes\n    type: text\n    sql: ${y} ;;\n  }\n  dimension: x {\n    primary_key: yes\n    type: number\n    sql: 1 ;;\n  }\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := complaints(map[string]*object{"generated/a.view.lkml": root}); len(got) != 4 {
		t.Errorf("got %d complaints, want those of the name, the keys, the type and the reference: %q", len(got), got)
	}
}

// goldenFiles are the LookML texts that a case of the corpus expects.
func goldenFiles(t *testing.T, name string) map[string]string {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range archive.Files {
		if strings.HasPrefix(f.Name, golden.Prefix) && strings.HasSuffix(f.Name, ".lkml") {
			out[strings.TrimSuffix(filepath.Base(name), ".txtar")+"/"+f.Name] = string(f.Data)
		}
	}
	return out
}

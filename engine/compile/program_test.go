package compile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
)

func model(name string) addr.Node { return addr.Node{Kind: addr.Model, Name: name} }

// TestEphemeralTextLeadsToItsOwnFile: what a warehouse says about a part of the final text
// is shown where the user wrote that part.
func TestEphemeralTextLeadsToItsOwnFile(t *testing.T) {
	p := compiled(t, project(t, map[string]string{
		"engine.yml":       "name: shop\ndialect: duckdb\n",
		"models/raw.sql":   "select 1 as id, 2 as amount",
		"models/e1.sql":    "{{ config \"materialized\" \"ephemeral\" }}\nselect id,\n  amount as from_e1 from {{ ref \"raw\" }}",
		"models/e2.sql":    "{{ config \"materialized\" \"ephemeral\" }}\nselect from_e1 as from_e2 from {{ ref \"e1\" }}",
		"models/final.sql": "-- first line\nselect from_e2 as from_final from {{ ref \"e2\" }}",
	}))
	n := p.Nodes[model("final")]
	for _, c := range []struct{ text, path, line string }{
		{"amount as from_e1", "models/e1.sql", "  amount as from_e1 from {{ ref \"raw\" }}"},
		{"from_e1 as from_e2", "models/e2.sql", "select from_e1 as from_e2 from {{ ref \"e1\" }}"},
		{"from_e2 as from_final", "models/final.sql", "select from_e2 as from_final from {{ ref \"e2\" }}"},
	} {
		at := strings.Index(n.SQL, c.text)
		span, ok := n.Map.At(at, at+len(c.text))
		if !ok {
			t.Errorf("%q has no way back", c.text)
			continue
		}
		if line := span.File.Line(span.Position().Line); span.File.Path != c.path || line != c.line || span.Text() != c.text {
			t.Errorf("%q leads to %q in %s:%d", c.text, span.Text(), span.File.Path, span.Position().Line)
		}
	}
}

// TestUnreadableFileHasNoConsequences: Load reports the file, Compile adds nothing.
func TestUnreadableFileHasNoConsequences(t *testing.T) {
	o := project(t, map[string]string{
		"engine.yml":               "name: shop\ndialect: duckdb\n",
		"models/latin.sql":         "select 'Gr\xf6\xdfe' as a",
		"models/reader.sql":        "select b from {{ ref \"latin\" }}",
		"models/eph.sql":           "{{ config \"materialized\" \"ephemeral\" }}select '\xff' as a",
		"models/eph_reader.sql":    "select b from {{ ref \"eph\" }}",
		"tests/t.sql":              "select '\xff' from {{ ref \"nothing\" }}",
		"tests/reads.sql":          "select b from {{ ref \"latin\" }}",
		"tests/generic/own.sql":    "\xff",
		"snapshots/s.sql":          "\xff",
		"models/reads_s.sql":       "select * from {{ ref \"s\" }}",
		"models/props.yml":         "models:\n  - name: latin\n    columns: [{name: zz, data_tests: [unique, own]}]\nunit_tests:\n  - {name: u, model: latin, given: [], expect: {rows: [{a: 1}]}}\nexposures:\n  - {name: e, type: ml, owner: {name: a}, depends_on: [ref('latin')]}\n",
		"macros/broken_macro.tmpl": "\xff",
	})
	got, _ := check(t, o)
	want := []string{
		"macros/broken_macro.tmpl:1", "models/eph.sql:1", "models/latin.sql:1", "snapshots/s.sql:1", "tests/generic/own.sql:1", "tests/t.sql:1",
	}
	for i, line := range got {
		got[i], _, _ = strings.Cut(line, " ")
		if !strings.Contains(line, "file-encoding") {
			t.Errorf("a consequence is reported: %s", line)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestFingerprint: it changes when the content of a relation can, and not otherwise.
func TestFingerprint(t *testing.T) {
	const text = "select 1 as id, '{{ var \"used\" \"x\" }}' as u\nfrom {{ ref \"raw\" }}"
	base := map[string]string{
		"engine.yml":       "name: shop\ndialect: duckdb\nvars: {used: a, unused: a}\ntargets: {dev: {type: duckdb, schema: dev}}\n",
		"models/raw.sql":   "select 1 as id",
		"models/m.sql":     text,
		"models/props.yml": "models:\n  - name: m\n    description: one\n    columns: [{name: id, description: one}]\n",
	}
	persist := "models:\n  - name: m\n    description: %s\n    config: {persist_docs: {relation: true, columns: true}}\n"
	for _, c := range []struct {
		name    string
		before  map[string]string
		after   map[string]string
		changes bool
	}{
		{"nothing", nil, nil, false},
		{"comments and white space", nil, map[string]string{"models/m.sql": "-- why\nselect   1 as id, /* so */ '{{ var \"used\" \"x\" }}' as u\n\n from {{ ref \"raw\" }} ;\n"}, false},
		{"another text", nil, map[string]string{"models/m.sql": strings.Replace(text, "1", "2", 1)}, true},
		{"letters in a string", nil, map[string]string{"models/m.sql": strings.Replace(text, "' as u", " ' as u", 1)}, true},
		{"a description", nil, map[string]string{"models/props.yml": strings.ReplaceAll(base["models/props.yml"], "one", "two")}, false},
		{"a description that is persisted", map[string]string{"models/props.yml": strings.ReplaceAll(persist, "%s", "one")}, map[string]string{"models/props.yml": strings.ReplaceAll(persist, "%s", "two")}, true},
		{"a variable that is used", nil, map[string]string{"engine.yml": strings.Replace(base["engine.yml"], "used: a", "used: b", 1)}, true},
		{"a variable that is not used", nil, map[string]string{"engine.yml": strings.Replace(base["engine.yml"], "unused: a", "unused: b", 1)}, false},
		{"the materialization", nil, map[string]string{"models/m.sql": "{{ config \"materialized\" \"table\" }}" + text}, true},
		{"a tag", nil, map[string]string{"models/m.sql": "{{ config \"tags\" \"x\" \"meta\" (dict \"a\" 1) \"owner\" \"ann\" }}" + text}, false},
		{"a hook", nil, map[string]string{"models/m.sql": "{{ config \"post_hook\" \"select 1\" }}" + text}, true},
		{"the schema", nil, map[string]string{"engine.yml": strings.Replace(base["engine.yml"], "schema: dev", "schema: prod", 1)}, true},
		{"the order of two keys", nil, nil, false},
		{"a parent", nil, map[string]string{"models/raw.sql": "select 2 as id"}, false},
		{"an ephemeral parent", map[string]string{"models/raw.sql": "{{ config \"materialized\" \"ephemeral\" }}select 1 as id"}, map[string]string{"models/raw.sql": "{{ config \"materialized\" \"ephemeral\" }}select 2 as id"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			before, after := fingerprint(t, base, c.before), fingerprint(t, base, c.before, c.after)
			if (before != after) != c.changes {
				t.Errorf("changed: %v, want %v", before != after, c.changes)
			}
		})
	}
}

func fingerprint(t *testing.T, layers ...map[string]string) string {
	t.Helper()
	files := map[string]string{}
	for _, l := range layers {
		for name, text := range l {
			files[name] = text
		}
	}
	return compiled(t, project(t, files)).Nodes[model("m")].Fingerprint
}

// TestSeedFingerprint: the content and what decides how it is read.
func TestSeedFingerprint(t *testing.T) {
	seed := addr.Node{Kind: addr.Seed, Name: "s"}
	of := func(files map[string]string) string {
		return compiled(t, project(t, files)).Nodes[seed].Fingerprint
	}
	base := map[string]string{"engine.yml": "name: shop\ndialect: duckdb\ntargets: {dev: {type: duckdb, schema: dev}}\n", "seeds/s.csv": "a,b\n1,2\n"}
	first := of(base)
	for name, change := range map[string]map[string]string{
		"content":      {"seeds/s.csv": "a,b\n1,3\n"},
		"column types": {"seeds/s.yml": "seeds: [{name: s, config: {column_types: {a: varchar}}}]"},
		"delimiter":    {"seeds/s.yml": "seeds: [{name: s, config: {delimiter: ';'}}]"},
	} {
		files := map[string]string{}
		for _, l := range []map[string]string{base, change} {
			for path, text := range l {
				files[path] = text
			}
		}
		if of(files) == first {
			t.Errorf("%s: the fingerprint is the same", name)
		}
	}
}

// TestBindReplacesEveryPlace: and what stands around the places keeps its way back.
func TestBindReplacesEveryPlace(t *testing.T) {
	p := compiled(t, project(t, map[string]string{
		"engine.yml": "name: shop\ndialect: duckdb\n", "models/a.sql": "select 1 as id", "models/b.sql": "select 1 as id",
		"tests/t.sql": "select a.id\nfrom {{ ref \"a\" }} as a\njoin {{ ref \"b\" }} as b on a.id = b.id and a.id < 0",
	}))
	test := p.Tests[0]
	text, m := compile.Bind(test.SQL, test.Map, func(n addr.Node) string { return "«" + n.Name + " staged»" })
	if want := "select a.id\nfrom «a staged» as a\njoin «b staged» as b on a.id = b.id and a.id < 0"; text != want {
		t.Fatalf("got %s", text)
	}
	for _, part := range []string{"a.id\n", "a.id < 0"} {
		at := strings.Index(text, part)
		if span, ok := m.At(at, at+len(part)); !ok || span.Text() != part {
			t.Errorf("%q leads to %q", part, span.Text())
		}
	}
	at := strings.Index(text, "«b staged»")
	if span, ok := m.At(at, at+len("«b staged»")); !ok || !strings.Contains(span.Text(), `ref "b"`) {
		t.Errorf("the place of b leads to %q", span.Text())
	}
}

// TestJobsChangeNothing: workers are a matter of time only.
func TestJobsChangeNothing(t *testing.T) {
	files := map[string]string{"engine.yml": "name: shop\ndialect: duckdb\n"}
	for i := range 60 {
		name := string(rune('a'+i%26)) + string(rune('a'+i/26))
		files["models/"+name+".sql"] = "select 1 as id from {{ ref \"" + name + "x\" }}"
	}
	o := project(t, files)
	one, _ := check(t, o)
	o.Jobs = 8
	many, _ := check(t, o)
	if diff := cmp.Diff(one, many); diff != "" || len(one) != 60 {
		t.Errorf("%d diagnostics, with eight workers:\n%s", len(one), diff)
	}
}

func TestCompileWritesNothing(t *testing.T) {
	o := project(t, map[string]string{"engine.yml": "name: shop\ndialect: duckdb\n", "models/a.sql": "select 1 as id"})
	compiled(t, o)
	entries, err := os.ReadDir(filepath.Join(o.Dir))
	if err != nil || len(entries) != 2 {
		t.Errorf("%v %v", entries, err)
	}
}

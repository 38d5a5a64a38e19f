package editor

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/source"
)

// TestBeforeTheFirstCheck asks everything everywhere, of a View that knows nothing but buffers
// and of one whose project has no target: answers may be empty.
func TestBeforeTheFirstCheck(t *testing.T) {
	files := maps.Clone(many)
	files["seeds/people.csv"] = "id,name\n1,a\n"
	files["models/notes.md"] = "{% docs fact %}x{% enddocs %}\n"
	files["models/more.yml"] = "models:\n  - name: eph\n    description: '{{ doc \"fact\" }}'\n    columns:\n      - name: id\n        data_tests:\n          - relationships: {to: ref('people'), field: id}\n" +
		"unit_tests:\n  - name: u\n    model: eph\n    given: [{input: ref('orders'), rows: [{id: 1}]}]\n    expect: {rows: [{id: 1}]}\n    overrides: {vars: {least: 1}}\n" +
		"exposures:\n  - name: e\n    type: dashboard\n    owner: {name: x}\n    depends_on: [ref('fct'), source('app', 'orders')]\n"
	files["selectors.yml"] = "selectors:\n  - name: s\n    definition: 'tag:a,fct'\n"
	bare := &View{}
	for path, text := range files {
		bare = bare.with(path, since{file: source.NewFile(path, []byte(text))})
	}
	lost := maps.Clone(files)
	lost["engine.yml"] = strings.Replace(files["engine.yml"], "type: duckdb", "type: dukdb", 1)
	without := viewOf(t, lost)
	if without.Program != nil {
		t.Fatal("a target of no type has a program")
	}
	for name, v := range map[string]*View{"nothing known": bare, "no target": without} {
		v.WorkspaceSymbols("f")
		for _, path := range slices.Sorted(maps.Keys(files)) {
			v.Symbols(path)
			v.Inlays(path, 0, len(files[path]))
			if _, err := v.Compiled(path); err == nil {
				t.Errorf("%s: %s has compiled SQL", name, path)
			}
			for at := range len(files[path]) + 1 {
				for _, c := range v.Complete(path, at) {
					if c.Label == "" {
						t.Errorf("%s: a completion at %d of %s has no label", name, at, path)
					}
				}
				v.Hover(path, at)
				v.Signature(path, at)
				v.Definition(path, at)
				v.References(path, at, true)
				v.Actions(path, at, at)
				if _, err := v.CTE(path, at); err == nil {
					t.Errorf("%s: %s has compiled SQL", name, path)
				}
				if _, _, err := v.Renamable(path, at); err == nil {
					t.Errorf("%s: %s can be changed at %d", name, path, at)
				}
				if _, found := v.Rename(path, at, "other"); !found.HasErrors() {
					t.Errorf("%s: %s can be changed at %d", name, path, at)
				}
			}
		}
	}
}

// TestKnown: what is waited for comes, with a program and without.
func TestKnown(t *testing.T) {
	for name, settings := range map[string]string{"a project": shop["engine.yml"], "no target": "targets: {dev: {type: dukdb}}\n", "no settings": ""} {
		dir := t.TempDir()
		write(t, dir, shop)
		write(t, dir, map[string]string{"engine.yml": settings})
		if settings == "" {
			if err := os.Remove(filepath.Join(dir, "engine.yml")); err != nil {
				t.Fatal(err)
			}
		}
		w, err := Open(context.Background(), dir, Options{Options: options(dir)})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Known(context.Background()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got, want := w.View().Program != nil, name == "a project"; got != want {
			t.Errorf("%s: the program is there: %v, want %v", name, got, want)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		ended, end := context.WithCancel(context.Background())
		end()
		if w, err = Open(context.Background(), dir, Options{Options: options(dir)}); err != nil {
			t.Fatal(err)
		}
		if err := w.Known(ended); err == nil && w.View().Program == nil && w.checked == 0 {
			t.Errorf("%s: a question that is over is answered", name)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}

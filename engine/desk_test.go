package engine

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/internal/golden"
)

// projects compares what Load gives: files by path and text, everything else as it is.
var projects = cmp.Options{
	cmp.Exporter(func(reflect.Type) bool { return true }),
	cmp.Comparer(func(a, b *source.File) bool {
		return a == nil && b == nil || a != nil && b != nil && a.Path == b.Path && bytes.Equal(a.Data, b.Data)
	}),
	cmp.Comparer(func(a, b *project.Seed) bool {
		return a.Name == b.Name && a.Path == b.Path && a.Size == b.Size && a.Stamp == b.Stamp && a.Hash() == b.Hash()
	}),
	cmp.Comparer(func(a, b error) bool { return fmt.Sprint(a) == fmt.Sprint(b) }),
	cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".texts" }, cmp.Ignore()), // a Shelf's
}

// TestDeskLoads: whatever is kept from one Load to the next, and whatever has been compiled
// between them, a Desk loads what Load does from the same texts.
func TestDeskLoads(t *testing.T) {
	golden.Run(t, "project/testdata/mistakes/*.txtar", "", func(t *testing.T, c *golden.Case) map[string]string {
		dir := t.TempDir()
		c.Unpack(t, dir)
		deskLoads(t, dir, 4)
		return nil
	})
	golden.Run(t, "compile/testdata/mistakes/[a-d]*.txtar", "", func(t *testing.T, c *golden.Case) map[string]string {
		dir := t.TempDir()
		c.Unpack(t, dir)
		deskLoads(t, dir, 3)
		return nil
	})
}

// TestDeskFillsIn: what a properties file takes from other files follows them, although the
// file itself is as it was.
func TestDeskFillsIn(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{
		"engine.yml":              "name: shop\n",
		"models/a.sql":            "select 1 as id",
		"models/b_v1.sql":         "select 1 as id",
		"models/b_v2.sql":         "select 1 as id",
		"models/c.yml":            "models:\n  - name: a\n    description: 'is {{ doc \"what\" }}'\n",
		"models/d.md":             "{% docs what %}one{% enddocs %}",
		"models/e.yml":            "models:\n  - name: b\n    latest_version: 1\n    versions: [{v: 2}, {v: 1}]\n    columns: [{name: id}]\n",
		"models/f.yml":            "unit_tests:\n  - {name: u, model: a, given: [], expect: {format: csv, fixture: rows}}\n",
		"tests/fixtures/rows.csv": "id\n1\n",
	}
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	o := Options{Dir: dir, Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{duckdb.Driver{}}, Jobs: 1}
	d := NewDesk(o)
	defer d.Close()
	first, found := d.Load(nil)
	if found.HasErrors() {
		t.Fatal(found)
	}
	for _, buffers := range []map[string][]byte{
		nil,
		{"models/d.md": []byte("{% docs what %}two{% enddocs %}")},
		{"tests/fixtures/rows.csv": []byte("id\n2\n3\n")},
		{"models/d.md": []byte("nothing")},
		{"models/e.yml": []byte("models:\n  - name: b\n    versions: [{v: 1}, {v: 2}]\n")},
		nil,
	} {
		got, found := d.Load(buffers)
		want, wanted := project.LoadOver(dir, o.Env, buffers, nil)
		wanted = append(wanted, checkConnections(want, o.Drivers)...)
		if diff := cmp.Diff(want, got, projects) + cmp.Diff(wanted, found, projects); diff != "" {
			t.Errorf("%s (-nothing kept +Desk):\n%s", buffers, diff)
		}
	}
	if again, _ := Load(o); cmp.Diff(again, first, projects) != "" {
		t.Error("what was loaded first has changed")
	}
}

func deskLoads(t *testing.T, dir string, rounds int) {
	o := Options{Dir: dir, Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{duckdb.Driver{}}, Jobs: 1}
	d := NewDesk(o)
	defer d.Close()
	var paths []string
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			rel, _ := filepath.Rel(dir, path)
			paths = append(paths, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, uint64(len(paths))))
	for round := range rounds {
		buffers := map[string][]byte{}
		if round > 0 {
			path := paths[r.IntN(len(paths))]
			text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(path)))
			if err != nil {
				t.Fatal(err)
			}
			if at := r.IntN(len(text) + 1); strings.Contains(path, "/") || r.IntN(2) == 0 {
				text = slices.Concat(text[:at], []byte(" x\n"), text[at:])
			}
			if ext := filepath.Ext(path); ext != ".csv" && ext != ".parquet" && path != project.LockFile {
				buffers[path] = text
			}
			if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(path)), text, 0o644); err != nil {
				t.Fatal(err)
			}
			if round%2 == 0 {
				buffers = nil // the file has changed on disk, and nobody says so
			}
		}
		got, found := d.Load(buffers)
		if round < 2 && got.Settings.File != nil {
			if _, base, _ := d.Compile(context.Background(), got, buffers); base != nil {
				base.Close()
			}
		}
		want, wanted := Load(o)
		if diff := cmp.Diff(want, got, projects); diff != "" {
			t.Fatalf("round %d, %v (-Load +Desk):\n%s", round, buffers, diff)
		}
		if diff := cmp.Diff(wanted, found, projects); diff != "" {
			t.Fatalf("round %d, %v (-Load +Desk):\n%s", round, buffers, diff)
		}
	}
}

// TestDeskTakesBuffersForFiles: those without a file, those in folders that nobody reads.
func TestDeskTakesBuffersForFiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"engine.yml": "name: shop\nmodel-paths: [models, models/own]\n", "models/a.sql": "select 1 as id"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "models", "own"), 0o755); err != nil {
		t.Fatal(err)
	}
	d := NewDesk(Options{Dir: dir, Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{duckdb.Driver{}}})
	defer d.Close()
	p, found := d.Load(map[string][]byte{
		"models/b.sql": []byte("\xEF\xBB\xBFselect 2 as id"), "models/own/c.sql": []byte("select 3 as id"), "models/.hidden/d.sql": []byte("x"), "target/e.sql": []byte("x"),
		"elsewhere/f.sql": []byte("x"), "models/../g.sql": []byte("x"), "tests/own.sql": []byte("select 1 as id where false"),
	})
	var names []string
	for _, f := range slices.Concat(p.Models, p.Tests) {
		names = append(names, f.Name+" "+string(f.Source.Data))
	}
	if diff := cmp.Diff([]string{"a select 1 as id", "b select 2 as id", "c select 3 as id", "own select 1 as id where false"}, names); diff != "" {
		t.Error(diff)
	}
	if found.Count(diag.Error) > 0 {
		t.Error(found)
	}
	if files := d.Files(); len(files) != 5 {
		t.Errorf("files: %v", files)
	}
	if p, _ = d.Load(nil); len(p.Models) != 1 || len(d.Files()) != 2 {
		t.Errorf("buffers are closed: %d models, %d files", len(p.Models), len(d.Files()))
	}
}

// TestAnswersAreBounded: what nobody saves is kept as far as there is room, the newest longest.
func TestAnswersAreBounded(t *testing.T) {
	a := &answers{recent: map[string][]byte{}}
	value := make([]byte, 1<<20)
	for n := range 1000 {
		a.Put(fmt.Sprint(n), value)
	}
	if a.size > recentBytes || len(a.recent) != len(a.order) || len(a.recent) < recentBytes/(1<<20)-1 {
		t.Errorf("%d values of %d bytes", len(a.recent), a.size)
	}
	if _, ok := a.Get("999"); !ok {
		t.Error("the newest is gone")
	}
	if _, ok := a.Get("0"); ok {
		t.Error("the oldest is there")
	}
	a.Put("huge", make([]byte, recentBytes))
	if _, ok := a.Get("huge"); ok {
		t.Error("one value takes all the room")
	}
}

// TestDeskSharesWhatIsSaved: what is found in saved texts is in the file that the command
// reads, what is only typed is not.
func TestDeskSharesWhatIsSaved(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "models", "a.sql")
	for path, text := range map[string]string{filepath.Join(dir, "engine.yml"): "name: shop\n", model: "select 1 as id", filepath.Join(dir, "target", "x"): ""} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	o := Options{Dir: dir, Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{duckdb.Driver{}}, Version: "test"}
	d := NewDesk(o)
	defer d.Close()
	size := func(buffers map[string][]byte) int64 {
		p, _ := d.Load(buffers)
		program, base, ds := d.Compile(context.Background(), p, buffers)
		if ds.HasErrors() || program == nil {
			t.Fatal(ds)
		}
		base.Close()
		info, err := os.Stat(filepath.Join(dir, "target", "analysis.kept"))
		if err != nil {
			return 0
		}
		return info.Size()
	}
	saved := size(nil)
	if saved == 0 {
		t.Error("nothing is kept of saved texts")
	}
	typed := []byte("select 1 as id, 2 as typed")
	if now := size(map[string][]byte{"models/a.sql": typed}); now != saved {
		t.Error("what was typed is kept for everybody")
	}
	if err := os.WriteFile(model, typed, 0o644); err != nil {
		t.Fatal(err)
	}
	if now := size(map[string][]byte{"models/a.sql": typed}); now <= saved {
		t.Error("what was saved is not kept")
	}
}

// TestDeskWorkers: the first compilation has all cores, later ones leave one to whoever types.
func TestDeskWorkers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	got := map[string][2]int{}
	for name, jobs := range map[string]int{"as many as there are": 0, "two": 2} {
		d := NewDesk(Options{Jobs: jobs})
		got[name] = [2]int{d.whole(true).Jobs, d.whole(false).Jobs}
		d.Close()
	}
	want := map[string][2]int{"as many as there are": {4, 3}, "two": {2, 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("workers of the first and of later compilations (-want +got):\n%s", diff)
	}
}

// TestSavedWithAByteOrderMark: a mark in front of a file is no difference to its buffer.
func TestSavedWithAByteOrderMark(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.sql"), []byte("\uFEFFselect 1"), 0o644); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{"select 1": true, "\uFEFFselect 1": true, "select 2": false} {
		if got := saved(dir, map[string][]byte{"a.sql": []byte(text)}); got != want {
			t.Errorf("%q is saved: %v, want %v", text, got, want)
		}
	}
}

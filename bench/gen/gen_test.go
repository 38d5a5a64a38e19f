package gen

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestShape(t *testing.T) {
	for _, n := range []int{100, 1000, 1003} {
		models := Models(Options{Models: n, Seed: 42})
		if len(models) != n {
			t.Errorf("%d models, want %d", len(models), n)
		}
		layers, seen := map[string]int{}, map[string]bool{}
		for _, m := range models {
			layers[m.Layer]++
			if m.Layer == "sources" && len(m.Refs) != 0 {
				t.Errorf("%s reads %v, want a leaf", m.Name, m.Refs)
			}
			for _, ref := range m.Refs {
				if !seen[ref] {
					t.Errorf("%s reads %s, which does not stand before it", m.Name, ref)
				}
			}
			if seen[m.Name] {
				t.Errorf("%s exists twice", m.Name)
			}
			seen[m.Name] = true
		}
		if n == 1000 {
			want := map[string]int{"sources": 300, "staging": 300, "intermediate": 250, "marts": 150}
			if diff := cmp.Diff(want, layers); diff != "" {
				t.Error(diff)
			}
		}
	}
}

func TestWriteIsDeterministic(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	for _, dir := range []string{first, second} {
		if err := Write(dir, Options{Models: 250, Seed: 42}); err != nil {
			t.Fatal(err)
		}
	}
	want := tree(t, first)
	if diff := cmp.Diff(want, tree(t, second)); diff != "" {
		t.Error(diff)
	}
	if len(want) < 250+1+4 {
		t.Errorf("%d files", len(want))
	}
	if err := Write(first, Options{Models: 1}); err == nil {
		t.Error("a project was written over another")
	}
}

func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

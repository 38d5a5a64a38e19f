package artifact

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/project"
	"github.com/google/go-cmp/cmp"
)

func named(name string) *compile.Program {
	return &compile.Program{Project: &project.Project{Settings: project.Settings{Name: project.Value[string]{V: name}}}, Nodes: map[addr.Node]*compile.Node{}}
}

// TestDefinitionsOfDbt reads dbt's own manifest: nodes, checksums, places.
func TestDefinitionsOfDbt(t *testing.T) {
	set, err := Definitions(filepath.Join("testdata", "dbt"), named("shop"))
	if err != nil {
		t.Fatal(err)
	}
	if set.Partial == "" || set.Project == "" || set.Type != "duckdb" {
		t.Errorf("partial %q, project %q, type %q", set.Partial, set.Project, set.Type)
	}
	seed, ok := set.Nodes[addr.Node{Kind: addr.Seed, Name: "raw_customers"}]
	if !ok || len(seed.Raw) != 64 || seed.Relation.Name != "raw_customers" || seed.Relation.Schema == "" {
		t.Errorf("seed: %+v", seed)
	}
	models := 0
	for id, n := range set.Nodes {
		if id.Kind == addr.Model {
			models++
			if len(n.Raw) != 64 || n.Materialized == "" || n.Code == "" {
				t.Errorf("%s: %+v", id, n)
			}
		}
	}
	if models == 0 {
		t.Error("no models")
	}
}

func TestDefinitionsMistakes(t *testing.T) {
	dir := t.TempDir()
	if _, err := Definitions(dir, named("shop")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing there: %v", err)
	}
	for _, file := range []string{"manifest.json", StateFile} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte("{"), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Definitions(dir, named("shop")); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestNewest(t *testing.T) {
	p := named("shop")
	source := addr.Node{Kind: addr.Source, Name: "app.orders"}
	p.Nodes[source] = &compile.Node{ID: source}
	path := filepath.Join(t.TempDir(), "sources.json")
	for _, c := range []struct{ text, want string }{
		{`{"results": [{"unique_id": "source.shop.app.orders", "max_loaded_at": "2026-01-02T03:04:05.000000+00:00"}, {"unique_id": "source.shop.app.gone", "max_loaded_at": "2026-01-02T03:04:05Z"}, {"unique_id": "source.shop.app.orders2", "error": "x"}]}`, "2026-01-02T03:04:05Z"},
		{`{"results": [{"unique_id": "source.shop.app.orders", "max_loaded_at": "2026-01-02 03:04:05+00:00"}]}`, "2026-01-02T03:04:05Z"},
		{`{"results": [{"unique_id": "source.shop.app.orders", "max_loaded_at": "soon"}]}`, "error"},
		{`[`, "error"},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := Newest(path, p)
		text := "error"
		if err == nil {
			text = got[source].UTC().Format("2006-01-02T15:04:05Z07:00")
			if len(got) != 1 {
				t.Errorf("%d sources", len(got))
			}
		}
		if diff := cmp.Diff(c.want, text); diff != "" {
			t.Error(diff, err)
		}
	}
}

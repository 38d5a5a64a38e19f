package consumers

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/bench/gen"
	"github.com/engine-build/engine/catalog/browse"
)

// shopBuilt is set once shop has built its project.
var shopBuilt atomic.Bool

// shop is testdata/shop after a build in which one test fails, one warns and a model is skipped,
// with all four files; built once. Tests do not change it.
func shop(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(filepath.Dir(binary(t, "engine")), "shop")
	if shopBuilt.Load() {
		return dir
	}
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "shop"))); err != nil {
		t.Fatal(err) // also where an earlier test could not build it
	}
	engine(t, dir, 1, "build")
	engine(t, dir, 0, "freshness")
	shopBuilt.Store(true)
	return dir
}

// TestSchemas holds all four files against dbt's published schemas: a build with failures, one that
// finds nothing to do, one of tests only; the reference project; projects that were imported; a
// project of random shape.
func TestSchemas(t *testing.T) {
	all := []string{"manifest.json", "run_results.json", "catalog.json", "sources.json"}
	t.Run("failures", func(t *testing.T) { validate(t, shop(t), all...) })
	t.Run("commands", func(t *testing.T) {
		dir := copied(t, filepath.Join("testdata", "shop"))
		for _, step := range []struct {
			code int
			args []string
		}{
			{0, []string{"compile"}}, {0, []string{"seed"}}, {0, []string{"run"}}, {1, []string{"test"}}, {0, []string{"snapshot"}},
			{1, []string{"build"}}, {1, []string{"retry"}}, {0, []string{"build", "--exclude", "broken+"}}, {0, []string{"build", "--full-refresh", "--exclude", "broken+"}},
			{0, []string{"docs", "generate"}},
		} {
			engine(t, dir, step.code, step.args...)
			validate(t, dir)
		}
	})
	t.Run("reference", func(t *testing.T) {
		root, dir := filepath.Join("..", ".."), filepath.Join(t.TempDir(), "reference")
		for _, part := range []string{"models", "seeds", "snapshots", "tests", "macros"} {
			if err := os.CopyFS(filepath.Join(dir, part), os.DirFS(filepath.Join(root, part))); err != nil {
				t.Fatal(err)
			}
		}
		settings, err := os.ReadFile(filepath.Join(root, "engine.yml"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "engine.yml"), settings, 0o644); err != nil {
			t.Fatal(err)
		}
		engine(t, dir, 0, "build")
		validate(t, dir, "manifest.json", "run_results.json", "catalog.json")
	})
	projects := filepath.Join("..", "..", "engine", "dbt", "testdata", "projects")
	for _, name := range []string{"jaffle", "history", "macros"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			engine(t, dir, 0, "import", "dbt", must(filepath.Abs(filepath.Join(projects, name))), "--into", name)
			engine(t, filepath.Join(dir, name), 0, "build")
			validate(t, filepath.Join(dir, name), "manifest.json", "run_results.json", "catalog.json")
		})
	}
	t.Run("generated", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "generated")
		if err := gen.Write(dir, gen.Options{Models: 300, Seed: 7}); err != nil {
			t.Fatal(err)
		}
		engine(t, dir, 0, "build")
		validate(t, dir, "manifest.json", "run_results.json", "catalog.json")
	})
}

func must(path string, err error) string {
	if err != nil {
		panic(err)
	}
	return path
}

// TestShopResults: what the build of the shop must have come to for the readers below to be asked
// anything: every status there is.
func TestShopResults(t *testing.T) {
	got := map[string]int{}
	for _, r := range load(t, shop(t), "run_results.json")["results"].([]any) {
		got[r.(map[string]any)["status"].(string)]++
	}
	for _, status := range []string{"success", "error", "skipped", "pass", "fail", "warn", "no-op"} {
		if got[status] == 0 {
			t.Errorf("no line with status %s: %v", status, got)
		}
	}
}

// TestUnchangedHasLines: a build that finds all in place tells of all of it.
func TestUnchangedHasLines(t *testing.T) {
	dir := copied(t, filepath.Join("testdata", "shop"))
	ids := func() []string {
		var out []string
		for _, r := range load(t, dir, "run_results.json")["results"].([]any) {
			r := r.(map[string]any)
			if r["status"] == "error" {
				t.Errorf("%v is wrong: %v", r["unique_id"], r["message"])
			}
			out = append(out, r["unique_id"].(string))
		}
		slices.Sort(out)
		return out
	}
	engine(t, dir, 0, "build", "--exclude", "broken+")
	first := ids()
	engine(t, dir, 0, "build", "--exclude", "broken+")
	if diff := cmp.Diff(first, ids()); diff != "" {
		t.Errorf("lines of the first and of the second build:\n%s", diff)
	}
}

// TestArtifactsParser reads all four files by pydantic models that take no unknown key.
func TestArtifactsParser(t *testing.T) {
	type answer struct {
		Parse struct {
			Manifest   string            `json:"manifest"`
			RunResults string            `json:"run_results"`
			Catalog    string            `json:"catalog"`
			Sources    string            `json:"sources"`
			Nodes      []string          `json:"nodes"`
			Statuses   map[string]string `json:"statuses"`
			Classes    []string          `json:"classes"`
		} `json:"parse"`
	}
	dir := shop(t)
	got := ask[answer](t, "read.py", dir, "parse").Parse
	if diff := cmp.Diff([]string{"ManifestV12", "RunResultsV6", "CatalogV1", "SourcesV3"}, []string{got.Manifest, got.RunResults, got.Catalog, got.Sources}); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(load(t, dir, "manifest.json")["nodes"].(map[string]any))), got.Nodes); diff != "" {
		t.Errorf("nodes of the file and of the parser:\n%s", diff)
	}
	// One class for each of: model, seed, snapshot, generic test, singular test, operation.
	if len(got.Classes) != 6 {
		t.Errorf("nodes are of the classes %v, want 6", got.Classes)
	}
	for id, want := range map[string]string{"model.shop.broken": "error", "model.shop.after_broken": "skipped", "model.shop.orders.v2": "success", "test.shop.no_small": "warn"} {
		if got.Statuses[id] != want {
			t.Errorf("%s is %q, want %q", id, got.Statuses[id], want)
		}
	}
}

// TestMetabase reads models, columns and keys with dbt-metabase.
func TestMetabase(t *testing.T) {
	type column struct {
		Description  string    `json:"description"`
		SemanticType string    `json:"semantic_type"`
		FK           []*string `json:"fk"`
	}
	type model struct {
		Database, Schema, Alias string
		Group                   string   `json:"group"`
		Description             string   `json:"description"`
		DisplayName             string   `json:"display_name"`
		Tags                    []string `json:"tags"`
		Columns                 map[string]column
	}
	got := ask[struct {
		Metabase map[string]model `json:"metabase"`
	}](t, "read.py", shop(t), "metabase").Metabase
	want := []string{
		"model.shop.after_broken", "model.shop.broken", "model.shop.events", "model.shop.orders.v1", "model.shop.orders.v2", "model.shop.stg_orders", "model.shop.stg_users",
		"model.shop.uses_v1", "source.shop.app.users",
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("models (-want +dbt-metabase):\n%s", diff)
	}
	users := got["model.shop.stg_users"]
	if users.Database != "shop" || users.Schema != "main" || users.Alias != "stg_users" || users.Group != "nodes" || users.DisplayName != "Users" || users.Columns["id"].SemanticType != "type/PK" {
		t.Errorf("stg_users is %+v", users)
	}
	if !strings.Contains(users.Description, "**customers**") {
		t.Errorf("stg_users is described as %q", users.Description)
	}
	fk := got["model.shop.stg_orders"].Columns["user_id"].FK
	if len(fk) != 2 || fk[0] == nil || fk[1] == nil || *fk[0] != "main.stg_users" || *fk[1] != "id" {
		t.Errorf("the key of stg_orders leads to %v", fk)
	}
	if got["source.shop.app.users"].Alias != "raw_users" {
		t.Errorf("the source is %+v", got["source.shop.app.users"])
	}
}

// TestOpenLineage turns the run into OpenLineage's events: those of skipped models are left out,
// those of failed ones say so.
func TestOpenLineage(t *testing.T) {
	type event struct{ Inputs, Outputs []string }
	got := ask[struct {
		OpenLineage struct {
			Completes, Fails map[string]event
		} `json:"openlineage"`
	}](t, "read.py", shop(t), "openlineage").OpenLineage
	short := func(list []string) []string {
		out := []string{}
		for _, name := range list {
			_, after, _ := strings.Cut(name, ".duckdb/")
			out = append(out, after)
		}
		return out
	}
	orders, ok := got.Completes["shop.main_marts.shop.orders.v2.build.run"]
	if !ok {
		t.Fatalf("no event of orders.v2 among %v", slices.Sorted(maps.Keys(got.Completes)))
	}
	if diff := cmp.Diff([]string{"shop.main_marts.orders_v2"}, short(orders.Outputs)); diff != "" {
		t.Error(diff)
	}
	if !slices.Contains(short(orders.Inputs), "shop.main.stg_orders") {
		t.Errorf("orders.v2 reads %v", short(orders.Inputs))
	}
	if _, failed := got.Fails["shop.main_marts.shop.broken.build.run"]; !failed {
		t.Errorf("no failure of broken among %v", slices.Sorted(maps.Keys(got.Fails)))
	}
	for name := range got.Completes {
		if strings.Contains(name, "after_broken") {
			t.Errorf("%s was skipped and is said to be complete", name)
		}
	}
}

// TestCosmos renders a project in both of Cosmos' ways, which must agree.
func TestCosmos(t *testing.T) {
	type node struct {
		Type         string         `json:"type"`
		Parents      []string       `json:"parents"`
		Tags         []string       `json:"tags"`
		File         string         `json:"file"`
		FQN          []string       `json:"fqn"`
		Materialized string         `json:"materialized"`
		Meta         map[string]any `json:"meta"`
		Freshness    bool           `json:"freshness"`
		Name         string         `json:"name"`
		HasTest      bool           `json:"has_test"`
	}
	got := ask[struct {
		LS       map[string]node `json:"ls"`
		Manifest map[string]node `json:"manifest"`
		Nightly  []string        `json:"nightly"`
	}](t, "render.py", binary(t, "dbt"), shop(t))
	for _, kind := range []string{"model", "seed", "snapshot", "test", "source", "exposure"} {
		if !slices.ContainsFunc(slices.Collect(maps.Values(got.LS)), func(n node) bool { return n.Type == kind }) {
			t.Errorf("ls shows Cosmos no %s", kind)
		}
	}
	// Hooks are nodes of the manifest that ls of dbt does not show either.
	maps.DeleteFunc(got.Manifest, func(_ string, n node) bool { return n.Type == "operation" })
	if diff := cmp.Diff(got.Manifest, got.LS); diff != "" {
		t.Errorf("what Cosmos reads (-manifest +ls):\n%s", diff)
	}
	orders := got.LS["model.shop.orders.v2"]
	if diff := cmp.Diff(node{
		Type: "model", Parents: []string{"model.shop.people", "model.shop.stg_orders"}, Tags: []string{}, File: orders.File,
		FQN: []string{"shop", "marts", "orders", "v2"}, Materialized: "table", Meta: map[string]any{"team": "core"}, Name: orders.Name, HasTest: true,
	}, orders); diff != "" {
		t.Error(diff)
	}
	if !got.LS["source.shop.app.users"].Freshness {
		t.Error("the source's freshness is not seen")
	}
	if slices.Contains(got.Nightly, "model.shop.stg_orders") || !slices.Contains(got.Nightly, "model.shop.stg_users") || slices.Contains(got.Nightly, "seed.shop.raw_users") {
		t.Errorf("tag:nightly+ without stg_orders is %v", got.Nightly)
	}
}

// TestDocsPage opens the page that comes with dbt on our manifest.json and catalog.json.
func TestDocsPage(t *testing.T) {
	page := docsPage(t)
	from := shop(t)
	dir := t.TempDir()
	copyFile(t, page, filepath.Join(dir, "index.html"))
	for _, name := range []string{"manifest.json", "catalog.json"} {
		copyFile(t, filepath.Join(from, "target", name), filepath.Join(dir, name))
	}
	// It was not made for the rules of our own pages: what it says on the console is its own.
	tab := chromium.Tab(t, browse.Root(t, dir))
	tab.Expect(func(browse.Complaint) bool { return true })
	tab.Open("index.html#!/model/model.shop.orders.v2")
	tab.Wait(`document.body.innerText.includes('number of the order')`)
	for _, want := range []string{"orders with their users", "user_id", "stg_orders", "Compiled", "Depends On", "Referenced By"} {
		if !browse.Value[bool](tab, `document.body.innerText.includes(`+quoted(want)+`)`) {
			t.Errorf("the page of orders does not show %q", want)
		}
	}
	tab.Open("index.html#!/source/source.shop.app.users")
	tab.Wait(`document.body.innerText.includes('users as they come')`)
	tab.Open("index.html#!/model/model.shop.stg_users?g_v=1&g_i=%2Bstg_users%2B")
	tab.Wait(`document.querySelectorAll('canvas').length > 0`)
}

func quoted(s string) string { return "'" + s + "'" }

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// docsPage is the page of dbt docs in the folder of an installed dbt.
func docsPage(t *testing.T) string {
	t.Helper()
	program := os.Getenv("ENGINE_DBT")
	if program == "" {
		program = "dbt"
	}
	found, err := exec.LookPath(program)
	if err != nil {
		t.Skip("needs ENGINE_DBT, the program dbt in a virtual environment with dbt-core: the page of dbt docs is NOT opened on our files")
	}
	pages, err := filepath.Glob(filepath.Join(filepath.Dir(must(filepath.Abs(found))), "..", "lib", "python3*", "site-packages", "dbt", "task", "docs", "index.html"))
	if err != nil || len(pages) == 0 {
		t.Skip("needs ENGINE_DBT, the program dbt in a virtual environment with dbt-core: there is no dbt/task/docs/index.html beside " + found)
	}
	return pages[0]
}

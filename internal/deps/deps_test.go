package deps

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/engine-build/engine"

// layers is the house from the ground up. A package imports only from lines above its own;
// packages on one line do not know each other. A new package without a place fails the
// test: where it lives is decided in the commit that makes it.
var layers = [][]string{
	{".", "engine/source", "engine/addr", "engine/dag", "engine/ir", "engine/googlesql/raw", "lineage/layout", "internal/atomicfile", "engine/ancestry", "engine/schedule", "engine/timetable", "engine/python", "catalog/web", "catalog/markup", "catalog/genealogy"},
	{"lineage/picture", "engine/diag", "engine/googlesql", "engine/function", "engine/isolation", "engine/origin", "engine/transpile", "internal/kept", "catalog/content"},
	{"engine/googlesql/script", "engine/meaning", "engine/jinja", "engine/tmpl", "engine/sql", "engine/transpile/duckdb", "engine/transpile/postgres", "engine/warehouse", "catalog/content/contenttest", "catalog/words", "catalog/graph", "catalog/search", "catalog/audience", "catalog/changes"},
	{"engine/sql/format", "engine/lint", "engine/warehouse/google", "engine/warehouse/duckdb", "engine/warehouse/postgres", "engine/warehouse/warehousetest", "engine/example", "engine/genealogy", "engine/profile", "catalog/prose"},
	{"engine/project", "engine/warehouse/bigquery", "catalog/article"},
	{"engine/datatest", "engine/dbt", "engine/difference", "catalog/changelog"},
	{"engine/compile"},
	{"engine/definition", "engine/tenant"},
	{"lineage", "engine/lookml", "engine/check", "engine/materialize", "engine/state"},
	{"engine/plan"},
	{"engine/run"},
	{"engine/distribute", "engine/ingest", "catalog/reading"},
	{"engine/artifact", "catalog", "engine/serve", "engine/metabase"},
	{"engine"},
	{"engine/editor"},
	{"engine/lsp"},
	{"cmd/engine/view", "cmd/engine/terminal", "cmd/engine/man"},
	{"cmd/engine"},
}

// support is what only tests and other support import.
var support = []string{"internal/conformance", "internal/conformance/cmd/conformance", "engine/lsp/lsptest", "internal/consumers", "internal/crash", "internal/deps", "internal/docs", "internal/golden", "internal/metered", "internal/pictures", "internal/readme", "internal/recording", "internal/release", "internal/testcount", "internal/testpeer/pg", "internal/testpeer/bqpeer", "internal/testpeer/bqscript", "internal/testpeer/fault", "internal/testpeer/metabase", "catalog/web/bundle", "engine/googlesql/raw/gen", "engine/googlesql/show", "bench", "bench/gen", "bench/cmd/genproject", "bench/cmd/report", "bench/ancestry", "bench/schedule", "bench/distribute", "bench/ingest", "bench/catalog", "bench/page", "bench/peers", "catalog/browse"}

// heavy are dependencies that make a build slow or need a C compiler, and the packages
// that may import them outside of tests.
var heavy = map[string][]string{
	"github.com/duckdb/":                {"engine/warehouse/duckdb", "bench/cmd/report", "bench/peers"},
	module + "/engine/warehouse/duckdb": {"cmd/engine", "internal/metered", "bench/cmd/report", "bench/peers", "bench/ancestry", "bench/distribute", "bench/ingest", "internal/conformance"},
	"database/sql":                      {"engine/warehouse/duckdb", "bench/cmd/report", "bench/peers"},
	"cloud.google.com/":                 {"engine/warehouse/bigquery"},
	"google.golang.org/api/":            {"engine/warehouse/bigquery"},
	"github.com/jackc/pgx/":             {"engine/warehouse/postgres", "internal/conformance", "internal/testpeer/pg"},
	"github.com/stretchr/testify":       {},
	"github.com/evanw/esbuild/":         {"catalog/web/bundle"},
}

// pkg is what go list says about a package of this module. Names are without the module.
type pkg struct {
	Name, Dir string
	Imports   []string
	All       []string // imports of the package and its tests
	Files     []string
}

var listed = sync.OnceValues(func() ([]pkg, error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,Imports,TestImports,XTestImports,GoFiles", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var pkgs []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath, Dir                             string
			Imports, TestImports, XTestImports, GoFiles []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs, nil
		} else if err != nil {
			return nil, err
		}
		if len(p.GoFiles) == 0 && len(p.TestImports) == 0 && len(p.XTestImports) == 0 {
			continue
		}
		pkgs = append(pkgs, pkg{
			Name: local(p.ImportPath), Dir: p.Dir, Imports: p.Imports,
			All: slices.Concat(p.Imports, p.TestImports, p.XTestImports), Files: p.GoFiles,
		})
	}
})

// local is an import path without the module; the module's root is «.».
func local(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}

func packages(t *testing.T) []pkg {
	t.Helper()
	pkgs, err := listed()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return pkgs
}

func layerOf(name string) int {
	return slices.IndexFunc(layers, func(l []string) bool { return slices.Contains(l, name) })
}

func TestDependencyDirection(t *testing.T) {
	for _, p := range packages(t) {
		if slices.Contains(support, p.Name) {
			continue
		}
		own := layerOf(p.Name)
		if own < 0 {
			t.Errorf("package %s has no place: add it to layers in internal/deps/deps_test.go and docs/architecture.md", p.Name)
			continue
		}
		for _, path := range p.Imports {
			name := local(path)
			switch {
			case name == path: // not ours
			case slices.Contains(support, name):
				t.Errorf("%s imports %s, which is for tests", p.Name, name)
			case layerOf(name) >= own:
				t.Errorf("%s imports %s: a package imports only from lines above its own in layers", p.Name, name)
			}
		}
	}
}

// TestLayersAreTrue keeps the list from naming what is gone.
func TestLayersAreTrue(t *testing.T) {
	exists := map[string]bool{}
	for _, p := range packages(t) {
		exists[p.Name] = true
	}
	for _, name := range append(slices.Concat(layers...), support...) {
		if !exists[name] {
			t.Errorf("%s is in the list and not in the module", name)
		}
	}
}

func TestHeavyDependenciesStayInTheirFolders(t *testing.T) {
	for _, p := range packages(t) {
		for _, path := range p.Imports {
			for prefix, allowed := range heavy {
				if strings.HasPrefix(path, prefix) && !slices.Contains(allowed, p.Name) {
					t.Errorf("%s imports %s; only %s may", p.Name, path, strings.Join(allowed, ", "))
				}
			}
		}
		for _, path := range p.All {
			if strings.HasPrefix(path, "github.com/stretchr/testify") {
				t.Errorf("%s uses testify; tests compare with cmp.Diff", p.Name)
			}
		}
	}
}

// TestCommandImportsDriversInOnePlace: drivers are values everywhere else.
func TestCommandImportsDriversInOnePlace(t *testing.T) {
	for _, p := range packages(t) {
		if p.Name != "cmd/engine" {
			continue
		}
		for _, file := range p.Files {
			for _, path := range importsOf(t, filepath.Join(p.Dir, file)) {
				if strings.HasPrefix(path, module+"/engine/warehouse/") && !strings.HasPrefix(file, "drivers") {
					t.Errorf("cmd/engine/%s imports %s; drivers are listed in drivers.go", file, path)
				}
			}
		}
	}
}

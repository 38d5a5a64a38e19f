package tenant_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/internal/golden"
)

var (
	mu      sync.Mutex
	emitted = map[diag.Code]bool{}
)

func note(t *testing.T, list diag.List) {
	t.Helper()
	mu.Lock()
	defer mu.Unlock()
	for _, d := range list {
		emitted[d.Code] = true
		if d.Message == "" || strings.HasSuffix(d.Message, ".") || strings.Contains(d.Message, "\n") {
			t.Errorf("badly worded: %q", d.Message)
		}
	}
}

// compiled loads and compiles the project in dir.
func compiled(t testing.TB, dir string) (*compile.Program, diag.List) {
	t.Helper()
	o := engine.Options{Dir: dir, Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{duckdb.Driver{}}, Jobs: 1}
	p, list := engine.Load(o)
	program, more := engine.Compile(context.Background(), p, o)
	return program, append(list, more...).Sorted()
}

// TestMistakes compiles every project of the corpus and compares all that is said about it.
func TestMistakes(t *testing.T) {
	t.Run("corpus", func(t *testing.T) {
		golden.Run(t, "testdata/mistakes/*.txtar", "", func(t *testing.T, c *golden.Case) map[string]string {
			dir := t.TempDir()
			c.Unpack(t, dir)
			_, list := compiled(t, dir)
			// What the isolation room says of the same models has a corpus of its own.
			list = slices.DeleteFunc(list, func(d diag.Diagnostic) bool { return strings.HasPrefix(string(d.Code), "tenants-") })
			note(t, list)
			var b strings.Builder
			if err := diag.Render(&b, list, diag.RenderOptions{}); err != nil {
				t.Fatal(err)
			}
			return map[string]string{"said": b.String()}
		})
	})
	t.Run("relations", testRelations)
	t.Run("sunsets", testSunsets)
	note(t, diag.List{tenant.Breaking("orders", 1, 1, tenant.Breaks([]tenant.Column{{Name: "sum", Type: "BIGINT"}}, nil), []string{"acme"}, none)})
	seen := map[diag.Code]bool{}
	for _, e := range tenant.Codes {
		if seen[e.Code] {
			t.Errorf("code %s has two entries", e.Code)
		}
		seen[e.Code] = true
		if e.Title == "" || e.Explain == "" || e.Bad == "" || e.Good == "" {
			t.Errorf("the entry of %s is not complete", e.Code)
		}
		if !emitted[e.Code] {
			t.Errorf("no case has %s", e.Code)
		}
	}
}

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/engine-build/engine/catalog/browse"
)

// TestCatalogInABrowser builds the reference project and judges the site that comes with it, every
// sort of page of it, as catalog/browse judges sites that are made for tests.
func TestCatalogInABrowser(t *testing.T) {
	if browse.Program() == "" {
		t.Skip("needs Chromium: install the package chromium")
	}
	r := newReference(t, "dev", "")
	r.engine([]string{"build"}, "done")
	dir := filepath.Join(r.dir, "target", "catalog")
	var chromium browse.Chromium
	t.Cleanup(chromium.Close)
	t.Run("quiet", func(t *testing.T) { chromium.Quiet(t, dir) })
	t.Run("looks", func(t *testing.T) { chromium.Looks(t, dir) })
	t.Run("plain", func(t *testing.T) { chromium.Plain(t, dir) })
	t.Run("paper", func(t *testing.T) { chromium.Paper(t, dir) })
	t.Run("forced colors", func(t *testing.T) { chromium.Forced(t, dir) })
	t.Run("SQL is there without scripts", func(t *testing.T) {
		tab := chromium.Tab(t, browse.File(t, dir))
		tab.WithoutScripts()
		for _, p := range browse.Sampled(t, dir) {
			if !strings.HasPrefix(p, "model/") {
				continue
			}
			tab.Open(p)
			if tab.Count("main pre code") == 0 || !tab.Has("main svg") {
				t.Errorf("%s has no SQL or no lineage", p)
			}
		}
	})
}

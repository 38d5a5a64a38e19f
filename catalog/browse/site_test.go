package browse_test

import (
	"strings"
	"testing"

	"github.com/engine-build/engine/catalog"
	"github.com/engine-build/engine/catalog/browse"
	"github.com/engine-build/engine/catalog/changes"
	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/content/contenttest"
)

// write makes the site of a catalog in a new folder.
func write(t *testing.T, c *content.Catalog, o catalog.Options) string {
	t.Helper()
	dir := t.TempDir()
	if err := catalog.Build(c, o).Write(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// small is the site of a shop with everything that a catalog can have, with materials, and with what
// has changed since a build before.
func small(t *testing.T) string {
	t.Helper()
	before, after := contenttest.Small(), contenttest.Small()
	for _, n := range before.Nodes {
		n.Description = "Once: " + n.Description
		if len(n.Columns) > 1 {
			n.Columns[1].Name, n.Columns[0].Type = n.Columns[1].Name+"_old", "TEXT"
		}
	}
	o := materials(t, []string{"flour", "dough", "bread"})
	o.Changes = changes.Between(before, after)
	return write(t, after, o)
}

func TestQuiet(t *testing.T)  { chromium.Quiet(t, small(t)) }
func TestLooks(t *testing.T)  { chromium.Looks(t, small(t)) }
func TestPlain(t *testing.T)  { chromium.Plain(t, small(t)) }
func TestForced(t *testing.T) { chromium.Forced(t, small(t)) }
func TestPaper(t *testing.T)  { chromium.Paper(t, small(t)) }

// TestPDF prints the page of a model and reads the letters of its SQL in the file.
func TestPDF(t *testing.T) {
	dir := small(t)
	tab := chromium.Tab(t, browse.File(t, dir))
	tab.Open("model/fct_order.html")
	text := pdfText(t, tab.PDF())
	for _, code := range browse.Value[[]string](tab, `[...document.querySelectorAll('main pre code')].map(e => e.textContent)`) {
		for _, line := range strings.Split(code, "\n") {
			if line = strings.Join(strings.Fields(line), ""); line != "" && !strings.Contains(text, line) {
				t.Errorf("the file does not have the line %q", line)
			}
		}
	}
	for _, h := range browse.Value[[]string](tab, `[...document.querySelectorAll('main h2')].map(e => e.firstChild.textContent)`) {
		if !strings.Contains(text, strings.Join(strings.Fields(h), "")) {
			t.Errorf("the file does not have the heading %q", h)
		}
	}
}

package catalog_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/engine-build/engine/catalog"
	"github.com/engine-build/engine/catalog/browse"
	"github.com/engine-build/engine/catalog/content/contenttest"
	"github.com/engine-build/engine/catalog/web"
)

var chromium browse.Chromium

func TestMain(m *testing.M) {
	code := m.Run()
	chromium.Close()
	os.Exit(code)
}

// TestSingleFile reads a site in one file as a person does: pages, anchors, search, explorer, the
// way back, and a page that is not there. The tab fails the test for every word in the console.
func TestSingleFile(t *testing.T) {
	dir := t.TempDir()
	site := catalog.Build(contenttest.Small(), catalog.Options{})
	if err := site.WriteFile(filepath.Join(dir, "index.html")); err != nil {
		t.Fatal(err)
	}
	for _, place := range browse.Places(t, dir) {
		if strings.Contains(place.Name, "sub") {
			// Its server sends the policy of a folder, which allows no inline script at all.
			continue
		}
		t.Run(place.Name, func(t *testing.T) {
			tab := chromium.Tab(t, place)
			tab.Open("index.html")
			tab.Wait(`document.documentElement.dataset.page === 'index.html' && location.hash === '#!index.html' && document.querySelector('main h1').textContent === 'Shop'`)
			tab.See(".tiles a")
			tab.Click(`.attention td.name a`)
			tab.Wait(`document.documentElement.dataset.page === 'model/fct_order.html' && document.querySelector('main h1').textContent.includes('fct_order')`)
			tab.Click(`.crumbs a`)
			tab.Wait(`document.documentElement.dataset.page === 'index.html'`)
			tab.Back()
			tab.Wait(`document.documentElement.dataset.page === 'model/fct_order.html' && document.querySelector('main h1').textContent.includes('fct_order')`)
			tab.Press("/")
			tab.Type("stg_cust")
			tab.Wait(`document.querySelector('#hits [aria-selected=true]')?.textContent.includes('stg_customers')`)
			tab.Press("Enter")
			tab.Wait(`document.documentElement.dataset.page === 'model/stg_customers.html'`)
			tab.Go(place.URL("index.html") + "#!lineage.html#n=model.fct_order")
			tab.Reload()
			tab.Wait(`document.querySelector('#x-view .g-node')`)
			tab.Go(place.URL("index.html") + "#!model/nothing.html")
			tab.Reload()
			tab.Wait(`document.querySelector('main h1')?.textContent === 'Page not found'`)
			tab.Screenshot("single-" + place.Name)
		})
	}
}

// TestSingleFileIsClosed checks that text of users cannot end a block, and that only scripts
// that came with the file may run.
func TestSingleFileIsClosed(t *testing.T) {
	body, err := catalog.Build(contenttest.Hostile(), catalog.Options{}).SingleFile()
	if err != nil {
		t.Fatal(err)
	}
	text := string(body)
	if open, end := strings.Count(text, "<script"), strings.Count(text, "</script"); open != end {
		t.Errorf("%d scripts begin, %d end", open, end)
	}
	scripts := 0
	for _, f := range web.Files() {
		if strings.HasSuffix(f.Path, ".js") {
			scripts++
		}
	}
	policy := regexp.MustCompile(`Content-Security-Policy" content="([^"]+)"`).FindStringSubmatch(text)
	if policy == nil || strings.Contains(policy[1], "unsafe") || strings.Count(policy[1], "'sha256-") != scripts+1 {
		t.Errorf("policy %q", policy)
	}
	for _, f := range web.Files() {
		end := "</script"
		if strings.HasSuffix(f.Path, ".css") {
			end = "</style"
		}
		if strings.Contains(string(f.Body), end) || strings.Contains(string(f.Body), "<!--") {
			t.Errorf("%s ends the block it is in", f.Path)
		}
	}
	again, err := catalog.Build(contenttest.Hostile(), catalog.Options{}).SingleFile()
	if err != nil || string(again) != text {
		t.Errorf("another file for the same catalog (%v)", err)
	}
}

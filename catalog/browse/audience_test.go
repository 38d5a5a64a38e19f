package browse_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/engine-build/engine/catalog"
	"github.com/engine-build/engine/catalog/audience"
	"github.com/engine-build/engine/catalog/browse"
	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/content/contenttest"
)

// TestCustomer is a reader of the site of one customer: what the customer gets is there and can be
// found; what is not given to them cannot be found, nor is it where it would be in the whole site.
func TestCustomer(t *testing.T) {
	whole := contenttest.Small()
	fct, mart := whole.Nodes[6], whole.Nodes[7]
	fct.Offer = &content.Offer{As: fct.ID.Name, Columns: []content.Offered{{Column: "order_id", Type: "INT64"}, {Column: "amount", Type: "NUMERIC"}}}
	mart.Offer = &content.Offer{As: mart.ID.Name, Columns: []content.Offered{{Column: "ordered_on", Type: "DATE"}, {Column: "amount", Type: "NUMERIC"}}}
	c, _ := audience.For(whole, audience.Audience{Name: "acme", Customer: "acme"})
	if len(c.Nodes) == 0 || len(c.Nodes) == len(whole.Nodes) {
		t.Fatalf("the customer gets %d of %d nodes", len(c.Nodes), len(whole.Nodes))
	}
	dir := write(t, c, catalog.Options{})
	given := map[string]bool{}
	for _, n := range c.Nodes {
		given[n.ID.Name] = true
	}
	t.Run("quiet", func(t *testing.T) { chromium.Quiet(t, dir) })
	for _, place := range browse.Places(t, dir)[1:] {
		t.Run(place.Name, func(t *testing.T) {
			tab := chromium.Tab(t, place)
			for _, n := range whole.Nodes {
				tab.Open("index.html")
				search(tab, n.ID.Name)
				found := browse.Value[bool](tab, `[...document.querySelectorAll('#hits [role=option] b')].some(b => b.textContent === `+quote(n.ID.Name)+`)`)
				if found != given[n.ID.Name] {
					t.Errorf("%s is found: %v, is given: %v", n.ID.Name, found, given[n.ID.Name])
				}
			}
			tab.Open("index.html")
			text := browse.Value[string](tab, `document.documentElement.outerHTML`)
			for _, n := range whole.Nodes {
				if !given[n.ID.Name] && strings.Contains(text, n.ID.Name) {
					t.Errorf("the entrance names %s", n.ID.Name)
				}
			}
		})
	}
	// The kinds of pages are those of TestLooks; what differs is what was left out of them.
	tab := chromium.Tab(t, browse.File(t, dir))
	for _, p := range []string{"index.html", "model/fct_order.html"} {
		tab.Open(p)
		tab.Accessible(p)
	}
}

// TestSingleFile goes through a site that is one file as through one of many, and opens one whose
// every text is an attack.
func TestSingleFile(t *testing.T) {
	one := func(c *content.Catalog) *browse.Place {
		dir := t.TempDir()
		if err := catalog.Build(c, catalog.Options{}).WriteFile(filepath.Join(dir, "catalog.html")); err != nil {
			t.Fatal(err)
		}
		return browse.File(t, dir)
	}
	title := func(tab *browse.Tab, want string) {
		t.Helper()
		tab.Wait(`document.querySelector('main h1')?.textContent === ` + quote(want))
	}
	t.Run("journey", func(t *testing.T) {
		tab := chromium.Tab(t, one(contenttest.Small()))
		tab.Open("catalog.html")
		title(tab, "Shop")
		search(tab, "fct_order")
		tab.Press("Enter")
		title(tab, "fct_order")
		tab.Accessible("single file")
		tab.Click(`#c-amount .flow a[href*="stg_orders"]`)
		title(tab, "stg_orders")
		tab.Back()
		title(tab, "fct_order")
		tab.Reload()
		title(tab, "fct_order")
		tab.Click(`main a[href*="lineage.html#"]`)
		title(tab, "Lineage")
		tab.See(".x-stage a.g-node")
	})
	t.Run("attacks", func(t *testing.T) {
		tab := chromium.Tab(t, one(contenttest.HostileOf(attacks[:60])))
		tab.Open("catalog.html")
		tab.See("main h1")
		opened := 0
		for i, link := range browse.Value[[]string](tab, `[...new Set([...document.querySelectorAll('main a[href*="model/"], nav a')].map(a => a.href))]`) {
			if i%4 != 0 {
				continue
			}
			opened++
			tab.Go(link)
			tab.See("main h1")
			for _, p := range tab.Markup().Problems {
				t.Errorf("%s: %s", link, p)
			}
			for _, complaint := range tab.Complaints() {
				t.Errorf("%s: %s", link, complaint)
			}
		}
		if opened < 5 {
			t.Errorf("only %d pages were opened", opened)
		}
	})
}

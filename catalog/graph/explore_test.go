package graph_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/engine-build/engine/catalog"
	"github.com/engine-build/engine/catalog/browse"
	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/content/contenttest"
	"github.com/engine-build/engine/catalog/graph"
	"github.com/google/go-cmp/cmp"
)

var chromium browse.Chromium

func TestMain(m *testing.M) {
	code := m.Run()
	chromium.Close()
	os.Exit(code)
}

// site writes the pages of a catalog and gives their folder.
func site(t *testing.T, c *content.Catalog) string {
	t.Helper()
	dir := t.TempDir()
	if err := catalog.Build(c, catalog.Options{}).Write(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// settled waits until the explorer shows what the address says.
func settled(tab *browse.Tab) {
	tab.Wait(`document.getElementById('x-view').dataset.shown === location.hash.slice(1)`)
}

func explore(tab *browse.Tab, fragment string) {
	tab.Open("lineage.html#" + fragment)
	settled(tab)
}

// titled gives the nodes that css names the titles they have once a reader rests on them.
const titled = `(css) => [...document.querySelectorAll(css)].map(e => {
	e.dispatchEvent(new PointerEvent('pointerover', { bubbles: true }));
	const title = e.querySelector(':scope > title')?.textContent ?? '';
	e.dispatchEvent(new PointerEvent('pointerout', { bubbles: true }));
	return title;
})`

// names are the nodes in the picture, sorted.
func names(tab *browse.Tab) []string {
	return browse.Call[[]string](tab, `(css) => (`+titled+`)(css).map(t => t.split(', ').slice(0, 2).reverse().join(' ')).sort()`, ".x-stage a.g-node")
}

// near is what must be there some steps around a node: directed cones only.
func near(c *content.Catalog, n, up, down int) []string {
	shown := map[int]bool{n: true}
	for _, side := range []struct {
		steps int
		next  func(*content.Node) []int
	}{{up, func(n *content.Node) []int { return n.Parents }}, {down, func(n *content.Node) []int { return n.Children }}} {
		edge := []int{n}
		for range side.steps {
			var found []int
			for _, i := range edge {
				found = append(found, side.next(c.Nodes[i])...)
			}
			for _, i := range found {
				shown[i] = true
			}
			edge = found
		}
	}
	var out []string
	for i := range shown {
		out = append(out, string(c.Nodes[i].ID.Kind)+" "+c.Nodes[i].ID.Name)
	}
	slices.Sort(out)
	return out
}

func number(t *testing.T, c *content.Catalog, id string) int {
	t.Helper()
	i := slices.IndexFunc(c.Nodes, func(n *content.Node) bool { return n.ID.String() == id })
	if i < 0 {
		t.Fatalf("no node %s", id)
	}
	return i
}

// TestExplorer goes through the explorer of a small site, in all the ways that sites are opened.
func TestExplorer(t *testing.T) {
	c := contenttest.Small()
	n := number(t, c, "model.fct_order")
	for _, place := range browse.Places(t, site(t, c)) {
		t.Run(place.Name, func(t *testing.T) {
			tab := chromium.Tab(t, place)
			tab.Open("lineage.html")
			tab.See("#x-map svg")
			explore(tab, "n=model.fct_order")
			if diff := cmp.Diff(near(c, n, 2, 1), names(tab)); diff != "" {
				t.Error(diff)
			}
			tab.Gone("#x-map")
			tab.Click(`[aria-label="One step less upstream"]`)
			tab.At("lineage.html#n=model.fct_order&up=1")
			settled(tab)
			if diff := cmp.Diff(near(c, n, 1, 1), names(tab)); diff != "" {
				t.Error(diff)
			}
			tab.Click(`[aria-label="One step more downstream"]`)
			settled(tab)
			if diff := cmp.Diff(near(c, n, 1, 2), names(tab)); diff != "" {
				t.Error(diff)
			}
			tab.Reload()
			settled(tab)
			if diff := cmp.Diff(near(c, n, 1, 2), names(tab)); diff != "" {
				t.Errorf("reloaded: %s", diff)
			}
			tab.Back()
			tab.At("lineage.html#n=model.fct_order&up=1")
			settled(tab)
			if diff := cmp.Diff(near(c, n, 1, 1), names(tab)); diff != "" {
				t.Errorf("one back: %s", diff)
			}
			tab.Forward()
			settled(tab)
			if diff := cmp.Diff(near(c, n, 1, 2), names(tab)); diff != "" {
				t.Errorf("forward: %s", diff)
			}
		})
	}
}

// TestViewsAreLinks does one thing after the other, and opens each view's address in a tab of
// its own: it must show the same, in the picture and in the table.
func TestViewsAreLinks(t *testing.T) {
	c := contenttest.Large(400)
	place := browse.File(t, site(t, c))
	// A node with much on both sides.
	middle := 0
	for i, n := range c.Nodes {
		if min(len(n.Parents), len(n.Children)) > min(len(c.Nodes[middle].Parents), len(c.Nodes[middle].Children)) && len(n.Children) < 20 {
			middle = i
		}
	}
	tab, other := chromium.Tab(t, place), chromium.Tab(t, place)
	explore(tab, graph.Fragment(c, middle))
	steps := []struct {
		name string
		do   func()
	}{
		{"open a side", func() { tab.Click(".x-more:not(.quiet)") }},
		{"open siblings", func() { tab.Click(".x-more.quiet") }},
		{"more steps", func() { tab.Click(`[aria-label="One step more upstream"]`) }},
		{"close a side", func() { tab.Click(`.x-buttons button:last-child`) }},
		{"hold a node", func() { tab.Click(".x-stage a.g-node:not(.focus)") }},
		{"lanes", func() { tab.Click(`input[aria-label="Lanes"]`) }},
		{"leave out sources", func() {
			tab.Click(".x-menu summary")
			tab.Click(`input[aria-label="sources"]`)
		}},
	}
	for _, s := range steps {
		before := tab.Page()
		s.do()
		tab.Wait(fmt.Sprintf("!location.href.endsWith(%q)", before))
		settled(tab)
		other.Open("index.html")
		other.Open(tab.Page())
		settled(other)
		if diff := cmp.Diff(names(tab), names(other)); diff != "" {
			t.Errorf("%s: %s shows something else:\n%s", s.name, tab.Page(), diff)
		}
		if a, b := tab.Text(".x-panel h2"), other.Text(".x-panel h2"); a != b {
			t.Errorf("%s: details of %s, the link has those of %s", s.name, a, b)
		}
		// The table has every node of the picture and every line.
		other.Click(".x-switch button:last-child")
		settled(other)
		listed := browse.Value[[]string](other, `[...document.querySelectorAll('.x-table tbody tr')].map(r => r.cells[2].innerText + ' ' + r.cells[1].innerText.trim()).sort()`)
		var want []string
		for _, n := range names(tab) {
			want = append(want, strings.Join(strings.Fields(n), " "))
		}
		if len(listed) != len(want) {
			t.Errorf("%s: %d nodes in the picture, %d in the table", s.name, len(want), len(listed))
		}
	}
	if kinds := names(tab); slices.ContainsFunc(kinds, func(s string) bool { return strings.HasPrefix(s, "source ") }) {
		t.Errorf("sources are left out, but there is %v", kinds)
	}
}

func TestKeys(t *testing.T) {
	c := contenttest.Small()
	tab := chromium.Tab(t, browse.File(t, site(t, c)))
	explore(tab, "n=model.fct_order&up=1")
	tab.TabTo(`e => e.matches('.x-stage a.g-node')`, 60)
	focused := func() string {
		return browse.Value[string](tab, `document.activeElement.getAttribute('aria-label') ?? ''`)
	}
	if got := focused(); !strings.HasPrefix(got, "fct_order, model") {
		t.Fatalf("the first in focus is %q", got)
	}
	if n := tab.Count(`.x-stage a[tabindex="0"]`); n != 1 {
		t.Errorf("the picture has %d tab stops", n)
	}
	tab.Press("ArrowLeft")
	left := focused()
	if !strings.Contains(left, "1 step up") {
		t.Errorf("to the left is %q", left)
	}
	tab.Press("+")
	tab.At("lineage.html#n=model.fct_order&up=1&x=*")
	settled(tab)
	if got := focused(); got != left {
		t.Errorf("opened, the focus went from %q to %q", left, got)
	}
	opened := len(names(tab))
	tab.Press("-")
	settled(tab)
	tab.Wait(fmt.Sprintf("document.querySelectorAll('.x-stage a.g-node').length < %d", opened))
	tab.Press("Home")
	tab.Press("ArrowRight")
	if got := focused(); !strings.Contains(got, "1 step down") {
		t.Errorf("to the right is %q", got)
	}
	tab.Press(" ")
	tab.At("lineage.html#n=model.fct_order&up=1&pin=model.mart_sales")
	tab.Press("Escape")
	tab.At("lineage.html#n=model.fct_order&up=1")
	tab.Press("Enter")
	tab.At("model/mart_sales.html")
}

// closure is what columns give a column its value, or get theirs from it.
func closure(c *content.Catalog, start int32, up bool) []content.Edge {
	var out []content.Edge
	seen := map[int32]bool{start: true}
	for edge := []int32{start}; len(edge) > 0; {
		var found []int32
		for _, e := range c.Flow.Edges {
			here, there := e.To, e.From
			if !up {
				here, there = e.From, e.To
			}
			if !slices.Contains(edge, here) {
				continue
			}
			out = append(out, e)
			if !seen[there] {
				seen[there] = true
				found = append(found, there)
			}
		}
		edge = found
	}
	return out
}

func columnName(c *content.Catalog, column int32) string {
	n := graph.Owner(c, column)
	return graph.Label(c.Nodes[n]) + "." + c.Nodes[n].Columns[column-c.Flow.First[n]].Name
}

// TestColumns follows columns and compares each step, its way and its expression with the
// catalog.
func TestColumns(t *testing.T) {
	c := contenttest.Large(300)
	tab := chromium.Tab(t, browse.File(t, site(t, c)))
	words := map[content.Way]string{content.Identity: "copy", content.Condition: "condition", content.Transformed: "transformed", content.Aggregated: "aggregated"}
	tried := 0
	for n := len(c.Nodes) - 1; n >= 0 && tried < 6; n -= 37 {
		if len(c.Nodes[n].Columns) == 0 {
			continue
		}
		col := len(c.Nodes[n].Columns) / 2
		at := c.Flow.First[n] + int32(col)
		up, down := closure(c, at, true), closure(c, at, false)
		if len(up)+len(down) == 0 || len(up)+len(down) > 150 {
			continue
		}
		tried++
		var want []string
		seen := map[content.Edge]bool{}
		for _, e := range slices.Concat(up, down) {
			if !seen[e] {
				seen[e] = true
				want = append(want, strings.Join([]string{columnName(c, e.From), columnName(c, e.To), words[e.Way], strings.Join(strings.Fields(c.Flow.Texts[e.Text]), " ")}, " | "))
			}
		}
		slices.Sort(want)
		explore(tab, graph.ColumnFragment(c, n, col)+"&view=table&more=9")
		got := browse.Value[[]string](tab, `[...document.querySelectorAll('.x-table tbody tr')].map(r => [1, 2, 3, 4].map(i => r.cells[i].textContent.trim()).join(' | ')).sort()`)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", columnName(c, at), diff)
		}
		reached := map[int32]bool{}
		for _, e := range down {
			reached[e.To] = true
		}
		if text := tab.Text(".x-impact"); len(reached) > 0 && !strings.Contains(text, fmt.Sprintf("%d column", len(reached))) {
			t.Errorf("%s reaches %d columns, the page says %q", columnName(c, at), len(reached), text)
		}
		explore(tab, graph.ColumnFragment(c, n, col)+"&more=9")
		if tab.Count(".x-stage .g-edge") == 0 {
			t.Errorf("%s: no lines are drawn", columnName(c, at))
		}
	}
	if tried < 3 {
		t.Errorf("only %d columns were tried", tried)
	}
}

// TestFiltersAndJoins shows uses only to those who ask.
func TestFiltersAndJoins(t *testing.T) {
	c := contenttest.Small()
	var read *content.Read
	for i, r := range c.Flow.Reads {
		if r.To < 0 && r.Use == content.Filter && read == nil {
			read = &c.Flow.Reads[i]
		}
	}
	if read == nil {
		t.Fatal("the small catalog has no filter")
	}
	owner := graph.Owner(c, read.Column)
	tab := chromium.Tab(t, browse.File(t, site(t, c)))
	explore(tab, graph.ColumnFragment(c, owner, int(read.Column-c.Flow.First[owner]))+"&view=table")
	uses := func() bool {
		return browse.Value[bool](tab, `[...document.querySelectorAll('.x-table tbody tr')].some(r => r.cells[3].textContent === 'filter')`)
	}
	if uses() {
		t.Error("filters are shown though nobody asked")
	}
	tab.Click(`input[aria-label="Filters and joins"]`)
	settled(tab)
	if !uses() {
		t.Error("filters are not shown")
	}
}

func TestPath(t *testing.T) {
	c := contenttest.Small()
	tab := chromium.Tab(t, browse.File(t, site(t, c)))
	explore(tab, "n=source.shop.orders&to=model.mart_sales")
	got := names(tab)
	for _, want := range []string{"source shop.orders", "model stg_orders", "model fct_order", "model mart_sales"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not on the path %v", want, got)
		}
	}
	if slices.Contains(got, "seed countries") {
		t.Errorf("countries is not on the path %v", got)
	}
	tab.Open("lineage.html#n=seed.countries&to=source.shop.orders")
	tab.Wait(`document.querySelector('.x-empty')?.textContent.startsWith('No way leads')`)
	tab.Open("lineage.html#n=model.gone")
	tab.Wait(`document.querySelector('.x-empty')?.textContent.startsWith('There is no model.gone')`)
}

// TestFind goes to a node by its name.
func TestFind(t *testing.T) {
	tab := chromium.Tab(t, browse.File(t, site(t, contenttest.Small())))
	tab.Open("lineage.html")
	tab.Click("#x-q")
	tab.Type("mart")
	tab.See("#x-hits [role=option]")
	tab.Press("Enter")
	tab.At("lineage.html#n=model.mart_sales")
	settled(tab)
}

// TestSaved reads what is downloaded.
func TestSaved(t *testing.T) {
	tab := chromium.Tab(t, browse.File(t, site(t, contenttest.Hostile())))
	c := contenttest.Hostile()
	n := len(c.Nodes) - 1
	for len(c.Nodes[n].Parents) == 0 {
		n--
	}
	explore(tab, graph.Fragment(c, n))
	tab.Eval(`window.kept = []; URL.createObjectURL = b => { kept.push(b); return 'data:,' }; HTMLAnchorElement.prototype.click = () => {}`)
	tab.Click(`[aria-label="Download the picture as SVG"]`)
	tab.Click(`[aria-label="Download the table as CSV"]`)
	d := xml.NewDecoder(strings.NewReader(browse.Value[string](tab, `kept[0].text()`)))
	boxes := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the SVG is not well-formed: %v", err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
			boxes++
		}
	}
	if want := tab.Count(".x-stage a.g-node") + 1; boxes != want { // one is the ground
		t.Errorf("the SVG has %d boxes, want %d", boxes, want)
	}
	if csv := browse.Value[string](tab, `kept[1].text()`); strings.Count(csv, "\r\n") != tab.Count(".x-stage a.g-node")+1 {
		t.Errorf("the CSV has other rows than the picture: %q", csv)
	}
}

// TestHostileNames opens the explorer of every node whose name and columns are attacks; the
// harness complains of anything that runs, and the names stand there as they are.
func TestHostileNames(t *testing.T) {
	c := contenttest.Hostile()
	tab := chromium.Tab(t, browse.File(t, site(t, c)))
	for i, n := range c.Nodes {
		if i%25 != 0 {
			continue
		}
		explore(tab, graph.Fragment(c, i))
		if got := strings.Join(browse.Call[[]string](tab, titled, ".x-stage a.focus"), ""); !strings.HasPrefix(squeeze(got), squeeze(n.ID.Name+", "+string(n.ID.Kind))) {
			t.Errorf("%q is shown as %q", n.ID, got)
		}
		if len(n.Columns) > 0 && c.Flow.Known {
			explore(tab, graph.ColumnFragment(c, i, 0))
		}
	}
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// TestSingleFile explores a site that is one file.
func TestSingleFile(t *testing.T) {
	c := contenttest.Small()
	dir := t.TempDir()
	if err := catalog.Build(c, catalog.Options{}).WriteFile(filepath.Join(dir, "index.html")); err != nil {
		t.Fatal(err)
	}
	n := number(t, c, "model.fct_order")
	tab := chromium.Tab(t, browse.File(t, dir))
	shows := func(fragment string) {
		tab.Wait(fmt.Sprintf(`document.getElementById('x-view')?.dataset.shown === %q`, fragment))
	}
	tab.Open("index.html#!lineage.html#n=model.fct_order")
	shows("n=model.fct_order")
	if diff := cmp.Diff(near(c, n, 2, 1), names(tab)); diff != "" {
		t.Error(diff)
	}
	tab.Click(`[aria-label="One step less upstream"]`)
	shows("n=model.fct_order&up=1")
	tab.Click(".x-columns li button")
	shows("n=model.fct_order&col=" + url.QueryEscape(c.Nodes[n].Columns[0].Name))
	tab.Wait(`document.querySelectorAll('.x-stage .g-edge').length > 0`)
	tab.Back()
	shows("n=model.fct_order&up=1")
}

// TestCanvas shows a whole project.
func TestCanvas(t *testing.T) {
	c := contenttest.Large(700)
	tab := chromium.Tab(t, browse.File(t, site(t, c)))
	explore(tab, "view=all")
	ink := func() int {
		return browse.Value[int](tab, `(() => { const x = document.querySelector('.x-sheet'), copy = document.createElement('canvas'); copy.width = x.width; copy.height = x.height; const g = copy.getContext('2d', { willReadFrequently: true }); g.drawImage(x, 0, 0); const d = g.getImageData(0, 0, x.width, x.height).data; let n = 0; for (let i = 3; i < d.length; i += 4) if (d[i]) n++; return n })()`)
	}
	if ink() < 1000 {
		t.Error("nothing is drawn")
	}
	tab.Click(`[aria-label="Zoom in"]`)
	tab.Click(`[aria-label="Zoom in"]`)
	if ink() < 1000 {
		t.Error("nothing is drawn after zooming in")
	}
	if !tab.Has(".x-mini") {
		t.Error("there is no small map")
	}
	// Tables and pictures of parts are reached by the name.
	tab.Click("#x-q")
	tab.Type(c.Nodes[300].ID.Name)
	tab.See("#x-hits [role=option]")
	tab.Press("Enter")
	settled(tab)
	if len(names(tab)) == 0 {
		t.Error("no picture of the node that was chosen")
	}
}

// TestLooks goes through the views in both themes with axe, and checks that labels fit, that
// text can be read, and that phones need not scroll sideways.
func TestLooks(t *testing.T) {
	c := contenttest.Large(300)
	tab := chromium.Tab(t, browse.File(t, site(t, c)))
	n := 250
	views := map[string]string{
		"map": "", "picture": graph.Fragment(c, n) + "&up=4&down=3", "table": graph.Fragment(c, n) + "&view=table",
		"column": graph.ColumnFragment(c, n, 1), "all": "view=all", "pinned": graph.Fragment(c, n) + "&pin=" + url.QueryEscape(c.Nodes[c.Nodes[n].Parents[0]].ID.String()),
	}
	for _, theme := range []string{"light", "dark"} {
		tab.Theme(theme)
		for _, phone := range []bool{false, true} {
			if phone && theme == "dark" {
				continue // widths do not depend on colours
			}
			if phone {
				tab.Phone()
			} else {
				tab.Size(1400, 900)
			}
			for _, name := range slices.Sorted(maps.Keys(views)) {
				if (phone || theme == "dark") && (name == "map" || name == "all" || name == "pinned") {
					continue // made of the same parts
				}
				what := fmt.Sprintf("%s, %s, phone %t", name, theme, phone)
				tab.Open("lineage.html#" + views[name])
				if name != "map" {
					settled(tab)
				} else {
					tab.See("#x-map svg")
				}
				tab.Accessible(what)
				findings := []browse.Finding{tab.Contrast(), tab.Width()}
				if name != "map" {
					findings = append(findings, tab.Labels())
				}
				for _, f := range findings {
					for _, p := range f.Problems {
						t.Errorf("%s: %s", what, p)
					}
				}
				tab.Screenshot("explorer-" + strings.ReplaceAll(what, ", ", "-"))
			}
		}
	}
}

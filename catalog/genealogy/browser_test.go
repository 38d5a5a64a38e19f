package genealogy_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/catalog/browse"
	"github.com/engine-build/engine/catalog/genealogy"
	"github.com/engine-build/engine/catalog/web"
)

var chromium browse.Chromium

func TestMain(m *testing.M) {
	code := m.Run()
	chromium.Close()
	os.Exit(code)
}

const policy = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'">`

// folder writes a graph as a site has it: the page in a frame, and the data.
func folder(t *testing.T, g *genealogy.Graph) string {
	t.Helper()
	dir := t.TempDir()
	write := func(path string, body []byte) {
		full := filepath.Join(dir, filepath.FromSlash(path))
		if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, body, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	head := func(base string) string {
		return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">` + policy +
			`<link rel="icon" href="data:,"><title>Materials</title><link rel="stylesheet" href="` + base + `a/site.css"><script defer src="` + base + `a/material.js" data-base="` + base + `"></script></head><body><main id="main">`
	}
	write("a/site.css", web.Styles())
	write("a/material.js", web.Body("trace.js"))
	write("index.html", []byte(head("")+`<h1>Materials</h1><p><a href="material/index.html">Materials</a></p></main></body></html>`))
	write(genealogy.Path, slices.Concat([]byte(head("../")), g.Page(), []byte(`</main></body></html>`)))
	for _, f := range g.Files() {
		write(f.Path, f.Body())
	}
	return dir
}

// bakery is a small world that has everything: three raw lots, a mix, a split, a rework that
// closes a cycle, an edge without a run, an estimate, other units, and shipments.
func bakery(t *testing.T) *genealogy.Graph {
	t.Helper()
	b := genealogy.NewBuilder(genealogy.Options{Title: "lot"})
	at := func(h int) time.Time { return day.Add(time.Duration(h) * time.Hour) }
	nan := math.NaN()
	var err error
	try := func(e error) { err = errors.Join(err, e) }
	for _, l := range []genealogy.Lot{
		{ID: "FLOUR-1", Label: "T-100", Material: "flour", Quantity: 100, Unit: "kg", At: at(0), Site: "mill", Tenant: "north"},
		{ID: "WATER-1", Material: "water", Quantity: 60, Unit: "kg", At: at(1), Site: "plant", Tenant: "north"},
		{ID: "YEAST-1", Material: "yeast", Quantity: 4, Unit: "kg", At: at(2), Site: "plant", Tenant: "north"},
		{ID: "DOUGH-1", Material: "dough", Quantity: 160, Unit: "kg", At: at(10), Site: "plant", Tenant: "north"},
		{ID: "DOUGH-2", Material: "dough", Quantity: 40, Unit: "kg", At: at(10), Site: "plant", Tenant: "north"},
		{ID: "BREAD-1", Label: "T-900", Material: "bread", Quantity: 300, Unit: "pcs", At: at(20), Site: "plant", Tenant: "north"},
		{ID: "BREAD-2", Label: "T-901", Material: "bread", Quantity: nan, At: at(21), Site: "plant", Tenant: "north"},
		{ID: "CRUMBS-1", Material: "crumbs", Quantity: 5, Unit: "kg", At: at(22), Site: "plant", Tenant: "north"},
		{ID: "BREAD-3", Material: "bread", Quantity: 10, Unit: "pcs", At: at(30), Site: "shop", Tenant: "south"},
		{ID: "LONELY", Material: "salt", Quantity: 1, Unit: "kg", At: at(40), Tenant: "south"},
	} {
		try(b.Lot(l))
	}
	for _, r := range []genealogy.Run{
		{ID: "1", Kind: "batch", Machine: "mixer 1", Step: "knead", Started: at(9), Ended: at(10), Scrap: 3, Unit: "kg", Order: "O-7"},
		{ID: "2", Kind: "batch", Machine: "oven 2", Step: "bake", Started: at(18), Ended: at(20), Scrap: nan},
		{ID: "3", Kind: "batch", Machine: "mixer 1", Step: "grind", Ended: at(22), Scrap: nan, Rework: true},
	} {
		try(b.Run(r))
	}
	for _, f := range []genealogy.Flow{
		{Run: "1", Kind: "batch", Lot: "FLOUR-1", Quantity: 100, Unit: "kg", Share: nan},
		{Run: "1", Kind: "batch", Lot: "WATER-1", Quantity: 60, Unit: "kg", Share: nan},
		{Run: "1", Kind: "batch", Lot: "YEAST-1", Quantity: 40, Unit: "kg", Share: nan, Estimated: true},
		{Run: "1", Kind: "batch", Lot: "DOUGH-1", Out: true, Quantity: 160, Unit: "kg", Share: nan},
		{Run: "1", Kind: "batch", Lot: "DOUGH-2", Out: true, Quantity: 40, Unit: "kg", Share: nan},
		{Run: "2", Kind: "batch", Lot: "DOUGH-1", Quantity: 160, Unit: "kg", Share: nan},
		{Run: "2", Kind: "batch", Lot: "BREAD-1", Out: true, Quantity: 300, Unit: "pcs", Share: nan},
		{Run: "2", Kind: "batch", Lot: "BREAD-2", Out: true, Quantity: nan, Share: nan},
		{Run: "3", Kind: "batch", Lot: "BREAD-2", Quantity: nan, Share: nan},
		{Run: "3", Kind: "batch", Lot: "CRUMBS-1", Out: true, Quantity: 5, Unit: "kg", Share: nan},
		{Run: "3", Kind: "batch", Lot: "DOUGH-1", Out: true, Quantity: 1, Unit: "kg", Share: nan},
	} {
		try(b.Flow(f))
	}
	try(b.Edge(genealogy.Edge{Parent: "BREAD-1", Child: "BREAD-3", Quantity: 10, Unit: "pcs", At: at(30)}))
	try(b.Shipment(genealogy.Shipment{Lot: "BREAD-1", ID: "S-1", Customer: "Corner Shop", Quantity: 100, Unit: "pcs", At: at(50)}))
	try(b.Shipment(genealogy.Shipment{Lot: "BREAD-3", ID: "S-2", Customer: "Hotel", Quantity: 10, Unit: "pcs", At: at(51)}))
	try(b.Shipment(genealogy.Shipment{Lot: "BREAD-3", ID: "S-3", Customer: "Hotel", Quantity: nan, At: at(52)}))
	if err != nil {
		t.Fatal(err)
	}
	return b.Graph()
}

// keep makes downloads readable for the test: the page hands its files to a list.
const keep = `window.saved = [], URL.createObjectURL = (b) => { window.saved.push(b); return '#saved'; }, HTMLAnchorElement.prototype.click = new Proxy(HTMLAnchorElement.prototype.click, {apply: (f, a) => a.download ? undefined : Reflect.apply(f, a, [])}), true`

func drawn(tab *browse.Tab) []string {
	out := browse.Value[[]string](tab, `[...document.querySelectorAll('.mt-graph .mt-lot .mt-name')].map(e => e.textContent)`)
	slices.Sort(out)
	return out
}

func tabled(tab *browse.Tab) []string {
	out := browse.Value[[]string](tab, `[...document.querySelectorAll('.mt-all tbody tr')].map(e => e.dataset.lot)`)
	slices.Sort(out)
	return out
}

// TestJourney: search, a lot, back to its origin, the same as a table and as CSV, a run's
// balance, what is opened and closed, and all of it in the address.
func TestJourney(t *testing.T) {
	dir := folder(t, bakery(t))
	for _, place := range browse.Places(t, dir) {
		t.Run(place.Name, func(t *testing.T) {
			tab := chromium.Tab(t, place)
			tab.Open("index.html")
			tab.Open(genealogy.Path)
			tab.See(".mt-hits tbody tr")
			if got := tab.Text(".mt-hits h2"); got != "Newest of 10 lots" {
				t.Errorf("before a search: %q", got)
			}
			tab.Click("[name=q]")
			tab.Type("bread-")
			tab.Press("Enter")
			tab.Wait(`document.querySelector('.mt-hits h2')?.textContent === '3 lots'`)
			tab.Click(".mt-hits tbody a[href*='BREAD-3']")
			tab.See(".mt-graph .mt-root")
			tab.Click("[aria-label=Direction] button:first-child")
			tab.Wait(`document.querySelector('[aria-label=Direction] [aria-pressed=true]').textContent.includes('back')`)
			tab.See(".mt-graph .mt-root")
			want := []string{"BREAD-1", "BREAD-3", "BREAD-2", "DOUGH-1", "FLOUR-1", "WATER-1", "YEAST-1"}
			slices.Sort(want)
			if diff := cmp.Diff(want, drawn(tab)); diff != "" {
				t.Errorf("three hops back (-want +got):\n%s", diff)
			}
			if n := tab.Count(".mt-graph .mt-run"); n != 3 {
				t.Errorf("%d runs", n)
			}
			if n := tab.Count(".mt-graph .mt-joint"); n != 1 {
				t.Errorf("%d edges without a run", n)
			}
			if n := tab.Count(".mt-edge.mt-round"); n != 1 {
				t.Errorf("%d edges back in time", n)
			}
			if tab.Count(".mt-edge.mt-unsure") != 1 {
				t.Error("the estimate is not dashed")
			}
			tab.Wait(`document.querySelector('.mt-line')?.textContent.includes('shipments')`)
			if got := tab.Text(".mt-line"); got != "3 raw lots (6 lots in all) → this lot → 2 shipments, 1 customer" {
				t.Errorf("recall: %q", got)
			}
			tab.Screenshot("material-graph-" + place.Name)

			// The other loaf of the run is a sibling: it is there only when asked for.
			tab.Click(".mt-graph [aria-label^='DOUGH-1 '] ~ [data-way=back]") // closes
			tab.Wait(`document.querySelectorAll('.mt-graph .mt-lot').length === 3`)
			tab.Back()
			tab.Wait(`document.querySelectorAll('.mt-graph .mt-lot').length === 7`)
			tab.Click(".mt-graph [aria-label*='run batch 1'] ~ [data-way=forward]")
			tab.Wait(`document.querySelectorAll('.mt-graph .mt-lot').length === 8`)
			tab.Reload()
			tab.Wait(`document.querySelectorAll('.mt-graph .mt-lot').length === 8`)

			// A run's balance.
			tab.Click(".mt-graph [aria-label*='run batch 1']")
			tab.See(".mt-balance")
			if got := browse.Value[[]string](tab, `[...document.querySelectorAll('.mt-balance tbody td')].map(e => e.textContent)`); !slices.Equal(got, []string{"kg", "200", "200", "3", "-3"}) {
				t.Errorf("balance: %q", got)
			}
			tab.Press("Escape")
			tab.Gone(".mt-card")
			tab.Click(".mt-graph [aria-label*='run batch 2']")
			tab.See(".mt-balance")
			if got := browse.Value[[]string](tab, `[...document.querySelectorAll('.mt-balance tbody td')].map(e => e.textContent)`); !slices.Equal(got, []string{"–", "not known", "not known", "", "not known", "kg", "160", "not known", "", "not known", "pcs", "not known", "300", "", "not known"}) {
				t.Errorf("balance of two units: %q", got)
			}
			tab.Accessible("graph")

			// The same as a table, and as CSV.
			graph := drawn(tab)
			tab.Click("[aria-label=View] button:last-child")
			tab.See(".mt-all")
			if diff := cmp.Diff(graph, tabled(tab)); diff != "" {
				t.Errorf("the table has other lots (-graph +table):\n%s", diff)
			}
			tab.Screenshot("material-table-" + place.Name)
			tab.Accessible("table")
			browse.Value[bool](tab, keep)
			tab.Click(".mt-controls > button")
			csv := browse.Value[string](tab, `window.saved[0].text()`)
			lines := strings.Split(strings.TrimSpace(strings.TrimPrefix(csv, "\ufeff")), "\r\n")
			if len(lines) != len(graph)+1 {
				t.Errorf("%d lines of CSV:\n%s", len(lines), csv)
			}
			if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "-3,FLOUR-1,T-100,flour,100,kg,100 kg,") }) {
				t.Errorf("CSV:\n%s", csv)
			}
		})
	}
}

// TestShares: how much of a lot came of another, where that can be told.
func TestShares(t *testing.T) {
	nan := math.NaN()
	b := genealogy.NewBuilder(genealogy.Options{})
	var err error
	flow := func(run, lot string, out bool, q float64, unit string) {
		err = errors.Join(err, b.Flow(genealogy.Flow{Run: run, Lot: lot, Out: out, Quantity: q, Unit: unit, Share: nan}))
	}
	flow("1", "A", false, 30, "kg")
	flow("1", "B", false, 10, "kg")
	flow("1", "M", true, 40, "kg")
	flow("2", "M", false, 40, "kg")
	flow("2", "X", true, 15, "kg")
	flow("2", "Y", true, 25, "kg")
	flow("3", "X", false, 5, "kg")
	flow("3", "P", false, 7, "pcs")
	flow("3", "Z", true, nan, "")
	if err != nil {
		t.Fatal(err)
	}
	place := browse.Places(t, folder(t, b.Graph()))[0]
	tab := chromium.Tab(t, place)
	shares := func() map[string]string {
		return browse.Value[map[string]string](tab, `(() => {
			const heads = [...document.querySelectorAll('.mt-all th')].map(e => e.textContent), i = heads.indexOf('Share');
			return Object.fromEntries([...document.querySelectorAll('.mt-all tbody tr')].map(r => [r.dataset.lot, r.cells[i].textContent]));
		})()`)
	}
	for _, c := range []struct {
		hash string
		want map[string]string
	}{
		{"lot=X&dir=back&depth=0&view=table", map[string]string{"X": "100 %", "M": "100 %", "A": "75 %", "B": "25 %"}},
		{"lot=A&dir=forward&depth=0&view=table", map[string]string{"A": "100 %", "M": "75 %", "X": "75 %", "Y": "75 %", "Z": ""}},
	} {
		tab.Open(genealogy.Path + "#" + c.hash)
		tab.Reload()
		tab.See(".mt-all")
		if diff := cmp.Diff(c.want, shares()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.hash, diff)
		}
	}
}

// TestWalksAgree: the page draws and lists what a walk over the rows finds, with cycles, at
// any depth and in both directions.
func TestWalksAgree(t *testing.T) {
	w := random(rand.New(rand.NewPCG(9, 9)), 120)
	back, forward, _ := w.neighbours(false)
	place := browse.Places(t, folder(t, w.build(t, genealogy.Options{})))[0]
	tab := chromium.Tab(t, place)
	for _, n := range []int{3, 60, 119} {
		id := fmt.Sprintf("Lot-%05d", n)
		for dir, next := range map[string]map[string]map[string]bool{"back": back, "forward": forward} {
			for _, depth := range []int{1, 3, 0} {
				want := []string{}
				for l, hop := range brute(next, id) {
					if depth == 0 || hop <= depth {
						want = append(want, l)
					}
				}
				slices.Sort(want)
				tab.Open(fmt.Sprintf("%s#lot=%s&dir=%s&depth=%d&view=table", genealogy.Path, id, dir, depth))
				tab.Reload()
				tab.See(".mt-all")
				if diff := cmp.Diff(want, tabled(tab)); diff != "" {
					t.Errorf("%s, %s, %d hops (-rows +table):\n%s", id, dir, depth, diff)
				}
				if len(want) < 150 {
					tab.Click("[aria-label=View] button:first-child")
					tab.See(".mt-graph")
					if diff := cmp.Diff(want, drawn(tab)); diff != "" {
						t.Errorf("%s, %s, %d hops (-rows +graph):\n%s", id, dir, depth, diff)
					}
				}
			}
		}
	}
}

// TestKeyboard: the drawing is one stop, and arrows lead along the edges.
func TestKeyboard(t *testing.T) {
	tab := chromium.Tab(t, browse.Places(t, folder(t, bakery(t)))[0])
	tab.Open(genealogy.Path + "#lot=BREAD-3&dir=back&depth=3")
	tab.See(".mt-graph .mt-root")
	if n := tab.Count(".mt-graph [tabindex='0']"); n != 1 {
		t.Fatalf("%d stops", n)
	}
	tab.TabTo(`e => e.closest('.mt-root') !== null`, 40)
	tab.Press("ArrowLeft")
	tab.Wait(`document.activeElement.getAttribute('aria-label').startsWith('edge to BREAD-3')`)
	tab.Press("Enter")
	tab.See(".mt-card")
	tab.Press("Escape")
	tab.Gone(".mt-card")
	tab.Wait(`document.activeElement.closest('[data-key]') !== null`)
	tab.Press("Home", "ArrowLeft", "ArrowLeft")
	tab.Wait(`document.activeElement.getAttribute('aria-label').startsWith('BREAD-1 ')`)
	tab.Press("-")
	tab.Wait(`document.querySelectorAll('.mt-graph .mt-lot').length === 2`)
	tab.Wait(`document.activeElement.getAttribute('aria-label').startsWith('BREAD-1 ')`)
	tab.Press("+")
	tab.Wait(`document.querySelectorAll('.mt-graph .mt-lot').length === 7`)
}

// TestHostileInBrowser: ids and words that are markup, scripts or formulas are texts.
func TestHostileInBrowser(t *testing.T) {
	evil := []string{`</script><script>window.pwned=1</script>`, `"><img src=x onerror=window.pwned=1>`, `javascript:window.pwned=1`, "`${window.pwned=1}`", `=HYPERLINK("x")`, "a\u202eb", "😀", "x & y # ? % =", strings.Repeat("long", 60), "__proto__"}
	b := genealogy.NewBuilder(genealogy.Options{Title: evil[0]})
	var err error
	for _, id := range evil {
		err = errors.Join(err, b.Lot(genealogy.Lot{ID: id, Label: id + "!", Material: id, Quantity: 1, Unit: id, Site: id, Tenant: id}))
	}
	for _, id := range evil {
		err = errors.Join(err, b.Run(genealogy.Run{ID: id, Kind: id, Machine: id, Step: id, Order: id, Scrap: math.NaN()}))
	}
	for i, id := range evil {
		err = errors.Join(err, b.Flow(genealogy.Flow{Run: id, Kind: id, Lot: id, Quantity: 1, Unit: id, Share: math.NaN()}),
			b.Flow(genealogy.Flow{Run: id, Kind: id, Lot: evil[(i+1)%len(evil)], Out: true, Quantity: 1, Unit: id, Share: math.NaN()}))
	}
	for _, id := range evil {
		err = errors.Join(err, b.Shipment(genealogy.Shipment{Lot: id, ID: id, Customer: id, Unit: id, Quantity: 1}))
	}
	if err != nil {
		t.Fatal(err)
	}
	g := b.Graph()
	tab := chromium.Tab(t, browse.Places(t, folder(t, g))[0])
	tab.Open(genealogy.Path)
	tab.See(".mt-hits tbody tr")
	links := browse.Value[[]string](tab, `[...document.querySelectorAll('.mt-hits tbody a')].map(a => a.getAttribute('href'))`)
	if len(links) != len(evil) {
		t.Fatalf("%d links", len(links))
	}
	var got []string
	for _, link := range links {
		tab.Open(genealogy.Path + link)
		tab.Reload()
		tab.See(".mt-graph .mt-root")
		got = append(got, browse.Value[string](tab, `document.querySelector('.mt-head h2').textContent`))
		tab.Wait(`document.querySelector('.mt-line') !== null`)
		tab.Click("[aria-label=View] button:last-child")
		tab.See(".mt-all")
	}
	slices.Sort(got)
	slices.Sort(evil)
	if diff := cmp.Diff(evil, got); diff != "" {
		t.Errorf("lots (-want +got):\n%s", diff)
	}
	if browse.Value[bool](tab, `'pwned' in window || document.querySelector('#materials img, #materials script, #materials [onerror]') !== null`) {
		t.Error("something ran")
	}
	browse.Value[bool](tab, keep)
	tab.Click(".mt-controls > button")
	if csv := browse.Value[string](tab, `window.saved[0].text()`); !strings.Contains(csv, `"'=HYPERLINK(""x"")"`) {
		t.Errorf("a formula stays one:\n%.600s", csv)
	}
}

// TestSingleFile: one lot in one file, from the disk: drawn with scripting, and with its
// tables without.
func TestSingleFile(t *testing.T) {
	var b bytes.Buffer
	one := genealogy.Single{Title: `DOUGH-1 <b>`, Lot: "DOUGH-1", Direction: "both", Tables: "<h2>Edges</h2><table><tbody><tr><td>row</td></tr></tbody></table>", CSS: web.Styles(), Script: web.Body("trace.js")}
	if err := bakery(t).WriteFile(&b, one); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.html"), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	place := browse.Places(t, dir)[0]
	tab := chromium.Tab(t, place)
	tab.Open("index.html")
	tab.See(".mt-graph .mt-root")
	if n := tab.Count(".mt-graph .mt-lot"); n != 8 {
		t.Errorf("%d lots are drawn", n)
	}
	tab.Screenshot("material-single")
	tab.Theme("dark")
	tab.Screenshot("material-single-dark")
	tab.Accessible("single file, dark")
	tab.Phone()
	tab.Screenshot("material-single-phone")
	if browse.Value[int](tab, `document.documentElement.scrollWidth - innerWidth`) > 0 {
		t.Error("the page scrolls sideways on a phone")
	}
	still := chromium.Tab(t, place)
	still.WithoutScripts()
	still.Open("index.html")
	if got := still.Text("main"); !strings.Contains(got, "row") || !strings.Contains(got, "DOUGH-1 <b>") {
		t.Errorf("without scripting: %q", got)
	}
	one.Script = []byte("'</SCRIPT>'")
	if err := bakery(t).WriteFile(&b, one); !errors.Is(err, genealogy.ErrInline) {
		t.Errorf("a script that ends its element: %v", err)
	}
}

// TestWithoutScripts: the page says what it needs, and names the newest lots.
func TestWithoutScripts(t *testing.T) {
	tab := chromium.Tab(t, browse.Places(t, folder(t, bakery(t)))[0])
	tab.WithoutScripts()
	tab.Open(genealogy.Path)
	for _, want := range []string{"needs scripting", "engine trace LOT --format html", "LONELY", "batch 1 mixer 1", "FLOUR-1, WATER-1, YEAST-1"} {
		if !strings.Contains(tab.Text("main"), want) {
			t.Errorf("no %q", want)
		}
	}
}

// TestReadOn: a walk stops at a thousand lots, says so, and goes on when asked to.
func TestReadOn(t *testing.T) {
	b := genealogy.NewBuilder(genealogy.Options{})
	err := b.Lot(genealogy.Lot{ID: "HUB", Quantity: math.NaN()})
	for i := range 1500 {
		err = errors.Join(err, b.Lot(genealogy.Lot{ID: fmt.Sprintf("part-%04d", i), Material: fmt.Sprintf("sort %d", i%3), At: day.AddDate(0, 0, i%10), Quantity: math.NaN()}))
	}
	for i := range 1500 {
		err = errors.Join(err, b.Edge(genealogy.Edge{Parent: "HUB", Child: fmt.Sprintf("part-%04d", i), Run: "split", Quantity: math.NaN()}))
	}
	if err != nil {
		t.Fatal(err)
	}
	tab := chromium.Tab(t, browse.Places(t, folder(t, b.Graph()))[0])
	tab.Open(genealogy.Path + "#lot=HUB&dir=forward&depth=0")
	tab.See(".mt-graph .mt-root")
	if n := tab.Count(".mt-graph .mt-node"); n != 400 {
		t.Errorf("%d boxes are drawn", n)
	}
	tab.Wait(`document.querySelector('.mt-line') !== null`)
	if got := tab.Text(".mt-line"); got != "this lot → at least 999 finished lots" {
		t.Errorf("recall: %q", got)
	}
	tab.Click(".mt-summary .mt-onward")
	tab.Wait(`document.querySelector('.mt-line')?.textContent === 'this lot → 1,500 finished lots'`)
	if got := tab.Text(".mt-count"); got != "1,501 lots, 1 run" {
		t.Errorf("counted: %q", got)
	}

	// By material and time.
	tab.Open(genealogy.Path)
	tab.See(".mt-hits tbody tr")
	browse.Value[bool](tab, `(document.querySelector('[name=material]').value = 'sort 1', document.querySelector('[name=from]').value = '2026-01-02', document.querySelector('[name=to]').value = '2026-01-03', true)`)
	tab.Click(".mt-search [type=submit]")
	tab.Wait(`document.querySelector('.mt-hits h2')?.textContent === '100 lots'`)
	if got := browse.Value[[]string](tab, `[...new Set([...document.querySelectorAll('.mt-hits tbody tr')].map(r => r.cells[1].textContent + ' ' + r.cells[2].textContent))].sort()`); !slices.Equal(got, []string{"sort 1 2026-01-03"}) && !slices.Equal(got, []string{"sort 1 2026-01-02", "sort 1 2026-01-03"}) {
		t.Errorf("found: %q", got)
	}
}

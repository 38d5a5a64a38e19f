package browse_test

import (
	"strings"
	"testing"

	"github.com/engine-build/engine/catalog/browse"
)

// search asks in the head of the page and waits for the answer.
func search(tab *browse.Tab, query string) {
	tab.Press("/")
	tab.Wait(`document.activeElement.id === 'q'`)
	tab.Type(query)
	answered(tab, query)
}

func answered(tab *browse.Tab, query string) {
	tab.Wait(`!document.getElementById('hits').hidden && document.getElementById('hits').dataset.query === ` + quote(query))
}

func quote(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }

// explored waits until the explorer shows what the address asks for, and gives the labels it has drawn.
func explored(tab *browse.Tab) []string {
	tab.Wait(`(v => v && !v.hidden && v.dataset.shown !== undefined && v.dataset.shown === location.hash.slice(1))(document.getElementById('x-view'))`)
	return browse.Value[[]string](tab, `[...document.querySelectorAll('.x-stage a.g-node')].map(a => a.getAttribute('aria-label'))`)
}

func names(labels []string, name string) bool {
	for _, l := range labels {
		if strings.Contains(l, name) {
			return true
		}
	}
	return false
}

// TestFromSearchToSource goes the way of a reader with a question: a word, a model, one of its
// columns, where the column comes from, up to the source, and back again.
func TestFromSearchToSource(t *testing.T) {
	dir := small(t)
	for _, place := range browse.Places(t, dir) {
		t.Run(place.Name, func(t *testing.T) {
			tab := chromium.Tab(t, place)
			tab.Open("index.html")
			search(tab, "fct_order")
			tab.Screenshot(place.Name + "-search")
			if place.Name == "file" {
				tab.Accessible("search results")
			}
			if got := tab.Text(`#hits [role=option][aria-selected=true]`); !strings.HasPrefix(got, "fct_order") {
				t.Errorf("the first result is %q", got)
			}
			tab.Press("Enter")
			tab.At("model/fct_order.html")
			if got := tab.Text("h1"); got != "fct_order" {
				t.Errorf("the page is of %q", got)
			}
			// From the column to the one it comes from, on the page of the model before it.
			tab.Click(`#c-amount .flow a[href*="stg_orders"]`)
			tab.At("model/stg_orders.html#c-amount")
			tab.Click(`#c-amount .flow a[href*="source/"]`)
			tab.At("source/shop.orders.html#c-amount")
			if !browse.Value[bool](tab, `(r => r.top >= 0 && r.top < innerHeight)(document.getElementById('c-amount').getBoundingClientRect())`) {
				t.Error("the column of the address is not in the window")
			}
			tab.Back()
			tab.At("model/stg_orders.html#c-amount")
			tab.Back()
			tab.At("model/fct_order.html")
			tab.Forward()
			tab.At("model/stg_orders.html#c-amount")
			tab.Reload()
			tab.At("model/stg_orders.html#c-amount")
		})
	}
}

// TestExplorerKeepsItsState opens the explorer from a page, opens more, and expects back, forward,
// reload and the address in another tab to show the same.
func TestExplorerKeepsItsState(t *testing.T) {
	dir := small(t)
	for _, place := range browse.Places(t, dir) {
		t.Run(place.Name, func(t *testing.T) {
			tab := chromium.Tab(t, place)
			tab.Open("model/fct_order.html")
			tab.Click(`main a[href*="lineage.html#"]`)
			tab.At("lineage.html")
			first := explored(tab)
			if !names(first, "fct_order") || !names(first, "stg_orders") {
				t.Fatalf("the explorer shows %q", first)
			}
			tab.Screenshot(place.Name + "-explorer")
			one := tab.Page()
			// Everything above and below.
			tab.Go(place.URL("lineage.html#n=model.fct_order&up=99&down=99"))
			all := explored(tab)
			if len(all) <= len(first) || !names(all, "orders") {
				t.Errorf("all of it shows %q, before were %q", all, first)
			}
			tab.Back()
			tab.At(one)
			if got := explored(tab); len(got) != len(first) {
				t.Errorf("back shows %q, before were %q", got, first)
			}
			tab.Forward()
			tab.Wait(`location.hash.includes('up=99')`)
			if got := explored(tab); len(got) != len(all) {
				t.Errorf("forward shows %q, before were %q", got, all)
			}
			tab.Reload()
			if got := explored(tab); len(got) != len(all) {
				t.Errorf("reload shows %q, before were %q", got, all)
			}
			// A column, by its address, with what happens to it.
			tab.Go(place.URL("lineage.html#n=model.fct_order&col=amount"))
			column := explored(tab)
			if !names(column, "stg_orders") || names(column, "dim_customer") {
				t.Errorf("the column's picture has %q", column)
			}
			tab.Screenshot(place.Name + "-explorer-column")
			if place.Name == "file" {
				for _, theme := range []string{"light", "dark"} {
					tab.Theme(theme)
					tab.Accessible("explorer, a column, " + theme)
					for what, f := range map[string]browse.Finding{"contrast": tab.Contrast(), "labels": tab.Labels()} {
						if f.Seen == 0 {
							t.Errorf("%s: the explorer has no texts", what)
						}
						for _, p := range f.Problems {
							t.Errorf("explorer, %s, %s: %s", theme, what, p)
						}
					}
				}
			}
			tab.Go(place.URL("lineage.html#n=model.gone"))
			tab.Wait(`document.querySelector('main').innerText.includes('model.gone')`)
		})
	}
}

// TestKeyboard goes from the entrance to a model and through the explorer without a mouse.
func TestKeyboard(t *testing.T) {
	dir := small(t)
	tab := chromium.Tab(t, browse.File(t, dir))
	tab.Open("index.html")
	tab.Press("Tab")
	if got := tab.Focused(); !strings.Contains(got, "Skip") {
		t.Errorf("the first stop is %q, want the link to the content", got)
	}
	tab.Press("Enter")
	tab.Wait(`document.activeElement.id === 'main' || location.hash === '#main'`)
	tab.Press("Ctrl+k")
	tab.Wait(`document.activeElement.id === 'q'`)
	tab.Type("amount")
	answered(tab, "amount")
	first := tab.Text(`#hits [role=option][aria-selected=true]`)
	tab.Press("ArrowDown")
	if got := tab.Text(`#hits [role=option][aria-selected=true]`); got == first {
		t.Errorf("the arrow stays at %q", got)
	}
	tab.Press("Escape")
	tab.Gone("#hits")
	tab.Open("model/fct_order.html")
	// Everything that has the focus can be seen to have it.
	for range 40 {
		tab.Press("Tab")
		seen := browse.Value[string](tab, `(e => {
			if (!e || e === document.body) return '';
			const s = getComputedStyle(e), r = e.getBoundingClientRect();
			if (!r.width || !r.height) return 'is nowhere';
			if (s.outlineStyle === 'none' && s.boxShadow === 'none' && !e.closest('svg') && !e.matches(':focus-within input')) return 'has no mark';
			if (r.bottom < 0 || r.top > innerHeight) return 'is out of sight';
			return '' })(document.activeElement)`)
		if seen != "" {
			t.Errorf("what has the focus %s: %s", seen, tab.Focused())
		}
	}
	tab.Open("lineage.html#n=model.fct_order")
	explored(tab)
	tab.TabTo(`e => e.closest('.x-stage')`, 60)
	at := tab.Focused()
	tab.Press("ArrowLeft")
	left := tab.Focused()
	if left == at {
		t.Errorf("the arrow to the left stays at %s", at)
	}
	tab.Press("Enter")
	tab.At("*")
	tab.Wait(`!location.pathname.endsWith('lineage.html') || document.getElementById('x-view').dataset.shown !== undefined`)
}

// TestTheme: the theme that was chosen holds on the next page, and after the browser's was changed.
func TestTheme(t *testing.T) {
	dir := small(t)
	tab := chromium.Tab(t, browse.Root(t, dir))
	tab.Theme("light")
	tab.Open("index.html")
	ground := func() string { return browse.Value[string](tab, `getComputedStyle(document.body).backgroundColor`) }
	light := ground()
	for range 3 {
		if browse.Value[string](tab, `document.documentElement.dataset.theme ?? ''`) == "dark" {
			break
		}
		tab.Click("#theme")
	}
	if got := ground(); got == light {
		t.Fatalf("the dark page is %s, as the light one", got)
	}
	dark := ground()
	tab.Open("tests.html")
	if got := ground(); got != dark {
		t.Errorf("the next page is %s, want %s", got, dark)
	}
}

// TestAttacksInTools types attacks into the search and explores nodes that are called like them.
func TestAttacksInTools(t *testing.T) {
	dir := hostileSite(t)
	tab := chromium.Tab(t, browse.File(t, dir))
	tab.Open("index.html")
	judge := func(what string) {
		t.Helper()
		for _, p := range tab.Markup().Problems {
			t.Errorf("%s: %s", what, p)
		}
		for _, c := range tab.Complaints() {
			t.Errorf("%s: %s", what, c)
		}
	}
	tab.Press("/")
	tab.Wait(`document.activeElement.id === 'q'`)
	for i, a := range attacks {
		if i%6 != 0 {
			continue
		}
		browse.Call[bool](tab, `(text) => { const q = document.getElementById('q'); q.value = text; q.dispatchEvent(new Event('input', { bubbles: true })); return true }`, a)
		// A field of one line drops breaks: what it has is what is asked.
		tab.Wait(`document.getElementById('hits').dataset.query === document.getElementById('q').value || document.getElementById('q').value.trim() === ''`)
		judge("search for " + a)
	}
	// The links to the explorer on the pages of nodes.
	for i, p := range browse.Pages(t, dir) {
		if !strings.HasPrefix(p, "model/") || i%8 != 0 {
			continue
		}
		tab.Open(p)
		link := browse.Value[string](tab, `document.querySelector('main a[href*="lineage.html#"]')?.href ?? ''`)
		if link == "" {
			t.Errorf("%s has no link to the explorer", p)
			continue
		}
		tab.Go(link)
		tab.Wait(`document.getElementById('x-view').dataset.shown !== undefined || document.querySelector('.x-empty')`)
		if tab.Has(".x-empty") {
			t.Errorf("the explorer does not know the node of %s: %s", p, tab.Text(".x-empty"))
		}
		judge("explorer from " + p)
		tab.Go(strings.Split(link, "#")[0] + "#n=" + p)
		judge("explorer at nothing from " + p)
	}
}

package browse_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/engine-build/engine/catalog/browse"
	"github.com/google/go-cmp/cmp"
)

var chromium browse.Chromium

func TestMain(m *testing.M) {
	code := m.Run()
	chromium.Close()
	os.Exit(code)
}

const policy = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:">`

const head = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">` + policy +
	`<link rel="icon" href="data:,"><title>Tiny</title><link rel="stylesheet" href="tiny.css"><script defer src="tiny.js"></script></head><body><main><h1>Tiny</h1>`

// folder writes files into a new folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var tiny = map[string]string{
	"index.html": head + `<p>Hello <a href="b/two.html#x">two</a></p><label>Name <input id="name"></label><p id="said"></p></main></body></html>`,
	"b/two.html": strings.ReplaceAll(head, `"tiny`, `"../tiny`) + `<p id="x">Second</p><p><a href="../index.html">back</a></p></main></body></html>`,
	"404.html":   head + `</main></body></html>`,
	"tiny.css":   `body { background: #fff; color: #222 } @media (prefers-color-scheme: dark) { body { background: #111; color: #ddd } }`,
	"tiny.js":    `document.addEventListener('input', e => { document.getElementById('said').textContent = 'Hello ' + e.target.value })`,
}

// TestQuietPage goes through a page that does nothing wrong, in all the ways that sites are opened.
func TestQuietPage(t *testing.T) {
	for _, place := range browse.Places(t, folder(t, tiny)) {
		t.Run(place.Name, func(t *testing.T) {
			tab := chromium.Tab(t, place)
			tab.Open("index.html")
			tab.Press("Tab", "Tab")
			tab.Type("Ada")
			if got := tab.Text("#said"); got != "Hello Ada" {
				t.Errorf("typed Ada, the page says %q", got)
			}
			tab.Accessible("tiny")
			tab.Click("a")
			tab.At("b/two.html#x")
			if got, want := len(tab.Requests()), 3; got != want {
				t.Errorf("asked for %d files, want %d: %v", got, want, tab.Requests())
			}
			tab.Back()
			tab.At("index.html")
			tab.Forward()
			tab.At("b/two.html")
			tab.Reload()
			tab.At("b/two.html#x")
			tab.Theme("dark")
			if got := browse.Value[string](tab, `getComputedStyle(document.body).backgroundColor`); got != "rgb(17, 17, 17)" {
				t.Errorf("the dark page is %s", got)
			}
			tab.Phone()
			if got := browse.Value[int](tab, `innerWidth`); got != 375 {
				t.Errorf("the phone is %d pixels wide", got)
			}
			tab.WithoutScripts()
			tab.Open("index.html")
			tab.Click("#name")
			tab.Type("Bo")
			if got := browse.Value[string](tab, `document.getElementById('name').value + '/' + document.getElementById('said').textContent`); got != "Bo/" {
				t.Errorf("without scripts the page is %q", got)
			}
		})
	}
}

// TestComplaints opens pages that each do one thing wrong: what does not complain proves nothing.
func TestComplaints(t *testing.T) {
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	defer elsewhere.Close()
	cases := []struct{ name, body, script, want string }{
		{"console", ``, `console.log('hi', 3)`, "console"},
		{"exception", ``, `null.x`, "exception"},
		{"rejection", ``, `Promise.reject(new Error('no'))`, "exception"},
		{"inline script", `<script>1</script>`, ``, "policy"},
		{"handler", `<p onclick="1">x</p>`, `document.querySelector('p').click()`, "policy"},
		{"style", `<p style="color: red">x</p>`, ``, "policy"},
		{"eval", ``, `try { eval('1') } catch {}`, "policy"},
		{"dialog", ``, `alert(1)`, "dialog"},
		{"missing", `<img alt="" src="gone.png">`, ``, "failed status"},
		{"outside", `<img alt="" src="` + elsewhere.URL + `/x.png">`, ``, "policy"},
		{"outside by a link", `<a href="` + elsewhere.URL + `/y">x</a>`, `document.querySelector('a').click()`, "outside"},
		{"fetch", ``, `fetch('tiny.css').catch(() => {})`, "policy"},
	}
	files := map[string]string{"index.html": head, "tiny.css": "", "404.html": head}
	for _, c := range cases {
		files[c.name+".html"] = strings.Replace(head, "tiny.js", c.name+".js", 1) + c.body
		files[c.name+".js"] = c.script
	}
	dir := folder(t, files)
	for _, place := range []*browse.Place{browse.File(t, dir), browse.Root(t, dir)} {
		for _, c := range cases {
			t.Run(place.Name+"/"+c.name, func(t *testing.T) {
				tab := chromium.Tab(t, place)
				tab.Open(c.name + ".html")
				kinds := map[string]bool{}
				// A complaint may come after the page is complete; that none comes is the failure.
				for range 200 {
					for _, got := range tab.Complaints() {
						kinds[got.Kind] = true
					}
					for _, k := range strings.Fields(c.want) {
						if kinds[k] {
							tab.Expect(func(browse.Complaint) bool { return true })
							tab.Complaints()
							return
						}
					}
				}
				t.Errorf("heard %v, want one of %s", kinds, c.want)
			})
		}
	}
}

func TestAxeFindsViolations(t *testing.T) {
	dir := folder(t, map[string]string{"index.html": head + `<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" width="9" height="9"><p class="pale">pale</p><a href="b">x</a></main></body></html>`, "tiny.css": `body { background: #fff } .pale { color: #ccc }`, "tiny.js": ""})
	tab := chromium.Tab(t, browse.File(t, dir))
	tab.Open("index.html")
	got := map[string]bool{}
	for _, v := range tab.Axe() {
		got[v.ID] = true
	}
	if diff := cmp.Diff(map[string]bool{"image-alt": true, "color-contrast": true}, got); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
}

// TestChecksFind gives each check something to find, and the same done well.
func TestChecksFind(t *testing.T) {
	box := func(text, class string) string {
		return `<svg viewBox="0 0 300 60" width="300" height="60" role="img" aria-label="x"><a href="index.html"><rect class="` + class + `" x="10" y="10" width="120" height="30"/><text x="14" y="30" class="` + class + `">` + text + `</text></a></svg>`
	}
	pages := map[string]string{
		"good":     box("short", "box") + `<p>x</p>`,
		"pale":     box("short", "pale"),
		"half":     box("short", "half"),
		"long":     box("much longer than its box", "box"),
		"wide":     `<p class="wide">x</p>`,
		"held":     `<div class="held"><p class="wide">x</p></div>`,
		"handler":  `<p onclick="x()">x</p>`,
		"script":   `<script src="https://evil.example/x.js"></script>`,
		"address":  `<a href="java&#9;script:alert(1)">x</a>`,
		"svg link": `<svg><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>`,
		"frame":    `<iframe></iframe>`,
	}
	css := `body { background: #fff; color: #222 } svg text { font: 13px monospace } rect.box { fill: #eee } text.box { fill: #222 }
		rect.pale { fill: #333 } text.pale { fill: #222 } rect.half { fill: #fff } text.half { fill: #000; opacity: .3 } .wide { width: 2000px } .held { overflow-x: auto }`
	files := map[string]string{"index.html": head, "tiny.css": css, "tiny.js": ""}
	for name, body := range pages {
		files[name+".html"] = head + body + `</main></body></html>`
	}
	place := browse.File(t, folder(t, files))
	tab := chromium.Tab(t, place)
	tab.Expect(func(c browse.Complaint) bool { return true }) // the pages are meant to be wrong
	for name := range pages {
		tab.Open(name + ".html")
		got := ""
		for check, f := range map[string]browse.Finding{"contrast": tab.Contrast(), "labels": tab.Labels(), "width": tab.Width(), "markup": tab.Markup()} {
			if len(f.Problems) > 0 {
				got += check
			}
		}
		want := map[string]string{"pale": "contrast", "half": "contrast", "long": "labels", "wide": "width", "handler": "markup", "script": "markup", "address": "markup", "svg link": "markup", "frame": "markup"}[name]
		if got != want {
			t.Errorf("%s: %q found something, want %q", name, got, want)
		}
	}
}

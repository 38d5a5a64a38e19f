package browse

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Pages lists the pages of the site in dir, sorted.
func Pages(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(p string, d fs.DirEntry, err error) error {
		if strings.HasSuffix(p, ".html") {
			out = append(out, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// most is how many pages of a site are opened by what opens every page of a small one.
const most = 60

// Sampled are all pages of a site, or of a large one those of Kinds and every so manieth.
func Sampled(t *testing.T, dir string) []string {
	t.Helper()
	all := Pages(t, dir)
	if len(all) <= most {
		return all
	}
	out := Kinds(t, dir)
	for i := 0; i < len(all); i += len(all)/most + 1 {
		out = append(out, all[i])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Kinds are the largest and the smallest page of each kind: a kind is a folder, or a page of the root.
func Kinds(t *testing.T, dir string) []string {
	t.Helper()
	size := map[string]int64{}
	by := map[string][]string{}
	for _, p := range Pages(t, dir) {
		info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(p)))
		if err != nil {
			t.Fatal(err)
		}
		size[p] = info.Size()
		kind, _, _ := strings.Cut(p, "/")
		by[kind] = append(by[kind], p)
	}
	var out []string
	for _, kind := range slices.Sorted(maps.Keys(by)) {
		all := by[kind]
		slices.SortFunc(all, func(a, b string) int { return int(size[b] - size[a]) })
		out = append(out, all[0])
		if len(all) > 1 {
			out = append(out, all[len(all)-1])
		}
	}
	return out
}

// Quiet opens every page of the site in dir in every way a site is opened, and listens.
func (c *Chromium) Quiet(t *testing.T, dir string) {
	all := Sampled(t, dir)
	for _, place := range Places(t, dir) {
		t.Run(place.Name, func(t *testing.T) {
			tab := c.Tab(t, place)
			for _, p := range all {
				tab.Open(p)
				for _, f := range tab.Markup().Problems {
					t.Errorf("%s: %s", p, f)
				}
				for _, complaint := range tab.Complaints() {
					t.Errorf("%s: %s", p, complaint)
				}
			}
		})
	}
}

// findings are problems with the pages they were found on: what is in the frame of a site is wrong
// on all of them.
type findings map[string][]string

func (f findings) add(problem, page string) {
	if !slices.Contains(f[problem], page) {
		f[problem] = append(f[problem], page)
	}
}

func (f findings) report(t *testing.T) {
	t.Helper()
	for _, problem := range slices.Sorted(maps.Keys(f)) {
		pages := f[problem]
		more := ""
		if len(pages) > 3 {
			more = " and " + strconv.Itoa(len(pages)-3) + " more"
		}
		t.Errorf("%s%s: %s", strings.Join(pages[:min(3, len(pages))], ", "), more, problem)
	}
}

// Looks judges every kind of page in both themes, in a window and on a telephone: by the rules
// of accessibility, by the contrast of what is drawn, and by what does not fit.
func (c *Chromium) Looks(t *testing.T, dir string) {
	for _, theme := range []string{"light", "dark"} {
		for _, device := range []string{"window", "phone"} {
			t.Run(theme+"/"+device, func(t *testing.T) {
				t.Parallel()
				tab := c.Tab(t, File(t, dir))
				tab.Theme(theme)
				if device == "phone" {
					tab.Phone()
				}
				drawn := 0
				found := findings{}
				for _, p := range Kinds(t, dir) {
					tab.Open(p)
					tab.Screenshot(theme + "-" + device + "-" + strings.ReplaceAll(p, "/", "-"))
					for _, v := range tab.Axe() {
						found.add(v.String(), p)
					}
					for what, f := range map[string]Finding{"contrast": tab.Contrast(), "labels": tab.Labels(), "width": tab.Width()} {
						for _, problem := range f.Problems {
							found.add(what+": "+problem, p)
						}
						if what == "contrast" {
							drawn += f.Seen
						}
					}
				}
				found.report(t)
				if drawn == 0 {
					t.Error("no page has a drawing with texts")
				}
			})
		}
	}
}

// Plain compares the words of every page with and without scripts: they are the same
// but for pages that are tools, which say so and have their content elsewhere.
func (c *Chromium) Plain(t *testing.T, dir string) {
	all := Sampled(t, dir)
	tab := c.Tab(t, File(t, dir))
	words := make([]string, len(all))
	for i, p := range all {
		tab.Open(p)
		words[i] = tab.Words()
	}
	tab.WithoutScripts()
	tools := []string{"lineage.html", "search.html", "material/"}
	for i, p := range all {
		tab.Open(p)
		plain := tab.Words()
		if len(plain) < 20 {
			t.Errorf("%s says only %q without scripts", p, plain)
		}
		if slices.ContainsFunc(tools, func(tool string) bool { return strings.HasPrefix(p, tool) }) || words[i] == plain {
			continue
		}
		at := 0
		for at < len(words[i]) && at < len(plain) && words[i][at] == plain[at] {
			at++
		}
		at = max(0, at-30)
		t.Errorf("%s differs: with scripts «%.90s», without «%.90s»", p, words[i][at:], plain[min(at, len(plain)):])
	}
}

// Forced judges pages whose colours the system has taken: drawings keep their letters. Nothing moves
// for readers who asked for that.
func (c *Chromium) Forced(t *testing.T, dir string) {
	tab := c.Tab(t, File(t, dir))
	tab.Media("", "forced-colors", "active", "prefers-reduced-motion", "reduce", "prefers-color-scheme", "dark")
	found := findings{}
	for _, p := range Kinds(t, dir) {
		tab.Open(p)
		tab.Screenshot("forced-" + strings.ReplaceAll(p, "/", "-"))
		for _, f := range tab.Contrast().Problems {
			found.add(f, p)
		}
		moving := Value[[]string](tab, `[...document.querySelectorAll('*')].filter(e => { const s = getComputedStyle(e); return [...s.transitionDuration.split(','), ...s.animationDuration.split(',')].some(d => parseFloat(d) > 0.01) }).slice(0, 5).map(e => e.outerHTML.slice(0, 100))`)
		if len(moving) > 0 {
			found.add(fmt.Sprintf("moves for readers who asked for less motion: %q", moving), p)
		}
	}
	found.report(t)
}

// Paper judges pages as they are printed: what is folded or in tabs on the screen is on paper, what only helps to find one's way is not.
func (c *Chromium) Paper(t *testing.T, dir string) {
	tab := c.Tab(t, File(t, dir))
	for _, p := range Kinds(t, dir) {
		tab.Open(p)
		tab.Media("print", "prefers-color-scheme", "dark")
		hidden := Value[[]string](tab, `[...document.querySelectorAll('main pre, main table, main dl, main section, main details > :not(summary)')].filter(e => e.textContent.trim() && !e.closest('[hidden]:not(.tab):not([role=tabpanel])') && !e.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true })).slice(0, 5).map(e => e.outerHTML.slice(0, 120))`)
		if len(hidden) > 0 {
			t.Errorf("%s: not on paper: %q", p, hidden)
		}
		shown := Value[[]string](tab, `[...document.querySelectorAll('nav.side, header.top .search, button:not(th button), input')].filter(e => e.checkVisibility()).slice(0, 5).map(e => e.outerHTML.slice(0, 120))`)
		if len(shown) > 0 {
			t.Errorf("%s: on paper without use: %q", p, shown)
		}
		if ground := Value[string](tab, `getComputedStyle(document.body).backgroundColor`); ground != "rgb(255, 255, 255)" && ground != "rgba(0, 0, 0, 0)" {
			t.Errorf("%s: the paper is %s", p, ground)
		}
		tab.Media("")
	}
}

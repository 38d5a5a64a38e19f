package catalog

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/markup"
	"github.com/engine-build/engine/catalog/words"
	"github.com/engine-build/engine/engine/addr"
)

// areas are the project as a table: a row for each domain, a column for each tier, and in the
// cells the nodes. It is how a project of any size fits on a page.
type areas struct {
	domains, tones []string
	domain, tone   []int          // of each node
	cells          map[cell][]int // nodes, in their order
	flows          []cellFlow     // the widest first
}

type cell struct{ domain, tone int }

// cellFlow is how many references lead from the nodes of a cell to those of another.
type cellFlow struct {
	from, to cell
	count    int
}

// toneOrder is the way of data through a project.
var toneOrder = []string{"source", "seed", "stg", "snapshot", "int", "model", "dim", "fct", "mart", "report", "exposure"}

// maxDomains limits the rows of the map; the smallest share the last one.
const maxDomains = 24

// Names of rows that are no directory: the smallest domains together, models outside of all
// directories, and what no model reads.
const otherDomain, restDomain, unusedDomain = "other", "models", "not used"

func newAreas(c *content.Catalog) *areas {
	a := &areas{domain: make([]int, len(c.Nodes)), tone: make([]int, len(c.Nodes)), cells: map[cell][]int{}}
	names := domainsOf(c)
	a.number(names)
	for i, n := range c.Nodes {
		a.tone[i] = a.toneNumber(n.Tone)
	}
	a.sortTones()
	for i := range c.Nodes {
		k := cell{a.domain[i], a.tone[i]}
		a.cells[k] = append(a.cells[k], i)
	}
	a.count(c)
	return a
}

// domainsOf gives each node the part of the business it is about: the first directory that
// does not name a tier. Sources, seeds, snapshots and exposures, which lie in folders of their
// own, belong to those they feed or read.
func domainsOf(c *content.Catalog) []string {
	out := make([]string, len(c.Nodes))
	own := func(n *content.Node) bool { return n.ID.Kind == addr.Model }
	for i, n := range c.Nodes {
		if own(n) {
			out[i] = domainOf(n.Folder)
		}
	}
	commonest := func(of []int) string {
		counts := map[string]int{}
		for _, k := range of {
			if out[k] != "" {
				counts[out[k]]++
			}
		}
		best := ""
		for name, n := range counts {
			if best == "" || n > counts[best] || n == counts[best] && name < best {
				best = name
			}
		}
		return best
	}
	for i, n := range c.Nodes { // parents come first
		if !own(n) && len(n.Parents) > 0 {
			out[i] = commonest(n.Parents)
		}
	}
	for i := len(c.Nodes) - 1; i >= 0; i-- {
		if n := c.Nodes[i]; !own(n) && out[i] == "" {
			out[i] = commonest(n.Children)
		}
	}
	for i, n := range c.Nodes {
		switch {
		case out[i] != "":
		case own(n):
			out[i] = restDomain
		default:
			out[i] = unusedDomain
		}
	}
	return out
}

// tierWords are names of directories that say how far data has come, not what it is about.
var tierWords = map[string]bool{
	"models": true, "staging": true, "stg": true, "base": true, "raw": true, "landing": true, "intermediate": true, "int": true, "marts": true, "mart": true,
	"reports": true, "reporting": true, "report": true, "dim": true, "dims": true, "dimensions": true, "fct": true, "fact": true, "facts": true,
	"bronze": true, "silver": true, "gold": true, "sources": true, "source": true, "snapshots": true, "seeds": true, "exposures": true,
}

// domainOf is the first directory that says what a model is about. Where none does, the
// innermost one has to do.
func domainOf(folder string) string {
	last := ""
	for part := range strings.SplitSeq(folder, "/") {
		plain := strings.TrimLeft(strings.ToLower(part), "0123456789_-. ")
		if plain != "" && !tierWords[plain] {
			return part
		}
		if part != "" && part != "models" {
			last = part
		}
	}
	return last
}

// number sorts the domains by name and gives each node the number of its own.
func (a *areas) number(names []string) {
	counts := map[string]int{}
	for _, n := range names {
		counts[n]++
	}
	for n := range counts {
		a.domains = append(a.domains, n)
	}
	slices.SortFunc(a.domains, func(x, y string) int { return cmp.Or(cmp.Compare(counts[y], counts[x]), cmp.Compare(x, y)) })
	rest := len(a.domains) > maxDomains
	if rest {
		a.domains = a.domains[:maxDomains-1]
	}
	slices.SortFunc(a.domains, func(x, y string) int {
		last := func(s string) bool { return s == unusedDomain }
		if last(x) != last(y) {
			return map[bool]int{true: 1, false: -1}[last(x)]
		}
		return cmp.Compare(x, y)
	})
	if rest && !slices.Contains(a.domains, otherDomain) {
		a.domains = append(a.domains, otherDomain)
	}
	at := map[string]int{}
	for i, d := range a.domains {
		at[d] = i
	}
	for i, n := range names {
		k, ok := at[n]
		if !ok {
			k = at[otherDomain]
		}
		a.domain[i] = k
	}
}

func (a *areas) toneNumber(tone string) int {
	if k := slices.Index(a.tones, tone); k >= 0 {
		return k
	}
	a.tones = append(a.tones, tone)
	return len(a.tones) - 1
}

func (a *areas) sortTones() {
	rank := func(tone string) int {
		if k := slices.Index(toneOrder, tone); k >= 0 {
			return k
		}
		return len(toneOrder)
	}
	sorted := slices.Clone(a.tones)
	slices.SortFunc(sorted, func(x, y string) int { return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(x, y)) })
	for i, k := range a.tone {
		a.tone[i] = slices.Index(sorted, a.tones[k])
	}
	a.tones = sorted
}

func (a *areas) count(c *content.Catalog) {
	counts := map[[2]cell]int{}
	for i, n := range c.Nodes {
		to := cell{a.domain[i], a.tone[i]}
		for _, p := range n.Parents {
			if from := (cell{a.domain[p], a.tone[p]}); from != to {
				counts[[2]cell{from, to}]++
			}
		}
	}
	for k, n := range counts {
		a.flows = append(a.flows, cellFlow{k[0], k[1], n})
	}
	order := func(c cell) int { return c.domain*len(a.tones) + c.tone }
	slices.SortFunc(a.flows, func(x, y cellFlow) int {
		return cmp.Or(cmp.Compare(y.count, x.count), cmp.Compare(order(x.from), order(y.from)), cmp.Compare(order(x.to), order(y.to)))
	})
}

func (a *areas) path(c cell) string {
	return "area/" + slug(a.domains[c.domain]) + "~" + slug(a.tones[c.tone]) + ".html" // no slug ends like this
}

func (a *areas) domainPath(domain int) string {
	return "area/" + slug(a.domains[domain]) + ".html"
}

// Measures of the map, in pixels.
const (
	mapLabel   = 140 // the names of the domains
	mapWide    = 1010
	mapMost    = 140 // width of a column
	mapLeast   = 92
	mapRow     = 46
	mapHead    = 34
	mapCellW   = 74
	mapCellH   = 30
	mapMargin  = 12
	mapLabelAt = 16 // characters that fit
)

// maxFlows limits what is drawn between cells: the widest say enough, and all are listed where
// a cell leads.
const maxFlows = 220

// mapSVG draws the areas; base leads to the root of the site.
func (b *book) mapSVG(base string) template.HTML {
	a := b.areas
	if len(b.c.Nodes) == 0 {
		return ""
	}
	var w markup.Writer
	width := mapLabel + a.column()*len(a.tones) + mapMargin
	height := mapHead + mapRow*len(a.domains) + mapMargin
	w.Raw(`<svg xmlns="http://www.w3.org/2000/svg" class="map" id="map" viewBox="0 0 `, itoa(width), ` `, itoa(height), `" width="`, itoa(width), `" height="`, itoa(height), `" role="group" aria-label="`)
	w.Text(fmt.Sprintf("%s by domain and tier: %s in %s", b.title, words.Plural(len(b.c.Nodes), "node"), words.Plural(len(a.domains), "domain")))
	w.Raw(`">`, "\n")
	for d := range a.domains {
		if d%2 == 0 {
			w.Raw(`<rect class="m-row" y="`, itoa(mapHead+d*mapRow), `" width="`, itoa(width), `" height="`, itoa(mapRow), `"/>`)
		}
	}
	for t, tone := range a.tones {
		w.Raw(`<text class="m-head" x="`, itoa(mapLabel+t*a.column()+a.column()/2), `" y="22">`)
		w.Text(words.Tone(tone))
		w.Raw("</text>")
	}
	a.drawFlows(&w)
	for d, name := range a.domains {
		w.Raw(`<a class="m-name" href="`, base, a.domainPath(d), `"><text x="`, itoa(mapMargin), `" y="`, itoa(mapHead+d*mapRow+mapRow/2+5), `">`)
		w.Text(words.Clip(name, mapLabelAt))
		w.Raw("</text></a>\n")
		for t := range a.tones {
			if nodes := a.cells[cell{d, t}]; len(nodes) > 0 {
				b.drawCell(&w, cell{d, t}, nodes, base)
			}
		}
	}
	w.Raw("</svg>\n")
	return template.HTML(w.Bytes())
}

// column is the width of a column: the map fills a page where it can.
func (a *areas) column() int {
	return max(mapLeast, min(mapMost, (mapWide-mapLabel-mapMargin)/max(1, len(a.tones))))
}

func (a *areas) corner(c cell) (x, y int) {
	return mapLabel + c.tone*a.column() + (a.column()-mapCellW)/2, mapHead + c.domain*mapRow + (mapRow-mapCellH)/2
}

func (b *book) drawCell(w *markup.Writer, c cell, nodes []int, base string) {
	a := b.areas
	var tests words.Tally
	for _, n := range nodes {
		tests.Merge(b.tallies[n])
	}
	x, y := a.corner(c)
	w.Raw(`<a class="m-cell t-`, toneClass(a.tones[c.tone]), `" data-n="`, itoa(c.domain*len(a.tones)+c.tone), `" href="`, base, a.path(c), `" transform="translate(`, itoa(x), " ", itoa(y), `)"><title>`)
	w.Text(a.domains[c.domain] + ", " + words.Tone(a.tones[c.tone]) + ": " + words.Plural(len(nodes), "node"))
	if tests.Failed > 0 || tests.Warned > 0 {
		w.Text("; tests: " + tests.String())
	}
	at := "30"
	if tests.Failed > 0 {
		at = "26" // the mark needs room
	}
	w.Raw(`</title><rect class="m-box" width="`, itoa(mapCellW), `" height="`, itoa(mapCellH), `" rx="7"/><path class="g-bar" d="M6 0A6 6 0 0 0 0 6v18A6 6 0 0 0 6 30z"/><text x="`, at, `" y="20">`, words.Count(len(nodes)), "</text>")
	if tests.Failed > 0 {
		w.Raw(`<text class="m-mark" x="68" y="19">`, words.Count(tests.Failed), "✕</text>")
	}
	w.Raw("</a>\n")
}

// drawFlows draws a line for each of the widest flows; its width grows with the root of the
// number of references, so that thin ones stay visible beside wide ones.
func (a *areas) drawFlows(w *markup.Writer) {
	flows := a.flows[:min(maxFlows, len(a.flows))]
	if len(flows) == 0 {
		return
	}
	most := math.Sqrt(float64(flows[0].count))
	w.Raw(`<g class="m-flows" fill="none">`)
	// The widest are drawn last, above the others.
	for _, f := range slices.Backward(flows) {
		step := 1 + int(math.Sqrt(float64(f.count))/most*4)
		w.Raw(`<path class="m-flow w`, itoa(min(step, 5)), `" data-e="`, itoa(f.from.domain*len(a.tones)+f.from.tone), " ", itoa(f.to.domain*len(a.tones)+f.to.tone), `" d="`)
		x1, y1 := a.corner(f.from)
		x2, y2 := a.corner(f.to)
		x1, y1, y2 = x1+mapCellW, y1+mapCellH/2, y2+mapCellH/2
		reach := max(24, (x2-x1)/2)
		if f.from.tone >= f.to.tone {
			// Inside a column, and back: out on the right side, in on the right side.
			x2, reach = x2+mapCellW, 28+4*min(4, abs(f.to.domain-f.from.domain))
			w.Raw("M", itoa(x1), " ", itoa(y1), "C", itoa(x1+reach), " ", itoa(y1), " ", itoa(x2+reach), " ", itoa(y2), " ", itoa(x2), " ", itoa(y2), `"/>`)
			continue
		}
		w.Raw("M", itoa(x1), " ", itoa(y1), "C", itoa(x1+reach), " ", itoa(y1), " ", itoa(x2-reach), " ", itoa(y2), " ", itoa(x2), " ", itoa(y2), `"/>`)
	}
	w.Raw("</g>\n")
}

func abs(n int) int { return max(n, -n) }

// toneClass is the part of a class that names a tone; others than ours have no colour.
func toneClass(tone string) string {
	if slices.Contains(toneOrder, tone) {
		return tone
	}
	return "model"
}

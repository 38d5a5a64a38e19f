package changelog

import (
	"cmp"
	"slices"
	"unicode/utf8"

	"github.com/engine-build/engine/catalog/changes"
	"github.com/engine-build/engine/catalog/markup"
	"github.com/engine-build/engine/catalog/words"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/lineage/layout"
)

// mostBoxes bounds the picture: with more there is nothing to see.
const mostBoxes = 60

const (
	boxHeight = 34.0
	letter    = 7.4 // width of a letter, about
	boxPad    = 34.0
	longest   = 30 // letters of a name
	margin    = 10.0
)

// box is a node of the picture.
type box struct {
	id    addr.Node
	label string
	tone  string
	now   int // its number in the later catalog, -1: gone
	sort  changes.Sort
}

// line is an edge of the picture, before, after or both.
type line struct {
	from, to addr.Node
	sort     changes.Sort
}

// picture draws lineage before and after in one: what has come is thick, with +, what is gone is
// dashed, with −. The lists below say the same in words.
func (l *Log) picture(w *markup.Writer) {
	boxes, lines := l.graph()
	if len(lines) == 0 || !slices.ContainsFunc(lines, func(x line) bool { return x.sort != changes.Same }) {
		return
	}
	if len(boxes) > mostBoxes {
		w.Raw(`<p class="side-note">Lineage has changed at too many places to be drawn in one picture: it is told at each node.</p>` + "\n")
		return
	}
	at := make(map[addr.Node]int, len(boxes))
	in := layout.Input{RankGap: 70, RowGap: 14}
	for i, b := range boxes {
		at[b.id] = i
		in.Boxes = append(in.Boxes, layout.Size{W: boxPad + letter*float64(utf8.RuneCountInString(b.label)), H: boxHeight})
	}
	for _, x := range lines {
		in.Edges = append(in.Edges, [2]int{at[x.from], at[x.to]})
	}
	d := layout.Layered(in)
	wide, high := d.W+2*margin, d.H+2*margin
	w.Raw(`<section class="card changes"><header><h2>Lineage, before and after</h2><ul class="legend"><li><span class="sign added" aria-hidden="true">+</span> new</li><li><span class="sign removed" aria-hidden="true">−</span> gone, dashed</li><li><span class="sign changed" aria-hidden="true">~</span> changed</li></ul></header>` + "\n")
	w.Raw(`<div class="canvas" tabindex="0" role="region" aria-label="Drawing of the lineage that has changed"><svg class="graph" role="group" aria-label="Lineage that has changed" viewBox="0 0 `)
	w.Coord(wide)
	w.Raw(" ")
	w.Coord(high)
	w.Raw(`" width="`)
	w.Coord(wide)
	w.Raw(`" height="`)
	w.Coord(high)
	w.Raw(`"><g class="g-edges" fill="none">` + "\n")
	for i, route := range d.Routes {
		if len(route) < 2 {
			continue
		}
		w.Raw(`<path class="g-edge ch-`, string(lines[i].sort), `" d="M`)
		for k, p := range route {
			x, y := p.X+margin, p.Y+margin
			switch {
			case k == 0:
				point(w, x, y)
			case k%2 == 0: // between two points of a column the edge is straight
				w.Raw("L")
				point(w, x, y)
			default:
				q := route[k-1]
				half := (p.X - q.X) / 2
				w.Raw("C")
				point(w, q.X+margin+half, q.Y+margin)
				w.Raw(" ")
				point(w, x-half, y)
				w.Raw(" ")
				point(w, x, y)
			}
		}
		w.Raw(`"><title>`)
		w.Text(lines[i].from.Name + " → " + lines[i].to.Name + told[lines[i].sort])
		w.Raw("</title></path>\n")
	}
	w.Raw("</g>\n")
	for i, b := range boxes {
		l.box(w, b, d.Boxes[i])
	}
	w.Raw("</svg></div></section>\n")
}

var told = map[changes.Sort]string{changes.Added: ": new", changes.Removed: ": gone"}

func point(w *markup.Writer, x, y float64) {
	w.Coord(x)
	w.Raw(" ")
	w.Coord(y)
}

func (l *Log) box(w *markup.Writer, b box, at layout.Box) {
	href := l.page(b.now, "")
	if href != "" {
		w.Raw(`<a href="`)
		w.Text(href)
		w.Raw(`">`)
	}
	w.Raw(`<g class="g-node ch-`, string(b.sort), ` t-`)
	w.Text(b.tone)
	w.Raw(`" transform="translate(`)
	point(w, at.X+margin, at.Y+margin)
	w.Raw(`)"><title>`)
	w.Text(b.id.Name + ", " + words.Kind(string(b.id.Kind)) + described[b.sort])
	w.Raw(`</title><rect class="g-box" width="`)
	w.Coord(at.W)
	w.Raw(`" height="`)
	w.Coord(at.H)
	w.Raw(`" rx="6"/><rect class="g-bar" width="5" height="`)
	w.Coord(at.H)
	w.Raw(`" rx="2.5"/><text x="15" y="`)
	w.Coord(boxHeight/2 + 4.5)
	w.Raw(`">`)
	if s := signs[b.sort]; s != "" && b.sort != changes.Same {
		w.Raw(`<tspan class="sign">`, s, `</tspan> `)
	}
	w.Text(b.label)
	w.Raw("</text></g>")
	if href != "" {
		w.Raw("</a>")
	}
	w.Raw("\n")
}

var described = map[changes.Sort]string{changes.Added: ": new", changes.Removed: ": gone", changes.Changed: ": changed", changes.Renamed: ": renamed"}

// graph is what the picture shows: nodes at which lineage has changed, with all that they read
// now or did before, and what reads them.
func (l *Log) graph() ([]box, []line) {
	later := l.c.Later()
	boxes := map[addr.Node]*box{}
	add := func(b box) {
		if have := boxes[b.id]; have == nil {
			b.label = words.Clip(cmp.Or(b.label, b.id.Name), longest)
			boxes[b.id] = &b
		}
	}
	number := func(i int) box {
		n := later.Nodes[i]
		b := box{id: n.ID, label: n.Label, tone: n.Tone, now: i, sort: changes.Same}
		if c := l.c.Of(i); c != nil {
			b.sort = c.Sort
		}
		return b
	}
	gone := map[addr.Node]*changes.Node{}
	for _, n := range l.c.Nodes {
		if n.Sort == changes.Removed {
			gone[n.ID] = n
		}
	}
	seen := map[[2]addr.Node]bool{}
	var lines []line
	draw := func(from, to addr.Node, s changes.Sort) {
		if key := [2]addr.Node{from, to}; !seen[key] {
			seen[key] = true
			lines = append(lines, line{from, to, s})
		}
	}
	for _, n := range l.c.Nodes {
		if len(n.Parents) == 0 {
			continue
		}
		add(box{id: n.ID, label: n.Label, tone: n.Tone, now: n.Now, sort: n.Sort})
		for _, e := range n.Parents {
			switch was := gone[e.Parent]; {
			case e.Number >= 0:
				add(number(e.Number))
			case was != nil:
				add(box{id: was.ID, label: was.Label, tone: was.Tone, now: -1, sort: changes.Removed})
			default:
				continue
			}
			to := n.ID
			from := e.Parent
			if e.Number >= 0 {
				from = later.Nodes[e.Number].ID
			}
			draw(from, to, e.Sort)
		}
		if n.Now >= 0 {
			for _, p := range later.Nodes[n.Now].Parents {
				add(number(p))
				draw(later.Nodes[p].ID, n.ID, changes.Same)
			}
		}
	}
	var list []box
	for _, b := range boxes {
		list = append(list, *b)
	}
	slices.SortFunc(list, func(a, b box) int { return a.id.Compare(b.id) })
	slices.SortFunc(lines, func(a, b line) int { return cmp.Or(a.from.Compare(b.from), a.to.Compare(b.to)) })
	return list, lines
}

package article

import (
	"slices"

	"github.com/engine-build/engine/catalog/words"
)

// Sizes of the small picture, in pixels. cell is the advance of the monospace face at the size
// that is used.
const (
	boxHigh, rowHigh = 30, 38
	gapWide          = 56
	stripEdge        = 12
	cell             = 7.25
	boxPad           = 14
	maxCells         = 24
	minBox           = 84
	maxSide          = 12
)

// strip draws the node with what is directly around it: at most twelve on each side, those
// that most others depend on.
func (p *page) strip() {
	n := p.node
	if len(n.Parents)+len(n.Children) == 0 && !n.Withheld {
		return
	}
	p.Raw(`<section class="card" id="lineage"><header><h2>Lineage</h2>`)
	explore := p.to(p.links.Explore(p.n))
	if explore != "" {
		p.Raw(`<a class="button small" href="`)
		p.Text(explore)
		p.Raw(`">Explore</a>`)
	}
	p.Raw("</header>\n", `<div class="canvas" tabindex="0" role="region" aria-label="Lineage around `)
	p.Text(n.ID.Name)
	p.Raw(`">`)
	left := side{boxes: p.boxes(n.Parents, explore)}
	if n.Withheld {
		left.boxes = append(left.boxes, box{label: "not shared", title: "It reads other data, too, that is not shared here.", class: "g-more"})
	}
	right := side{boxes: p.boxes(n.Children, explore)}
	p.draw(left, right)
	p.Raw("</div>\n</section>\n")
}

// box is a rectangle of the picture, side a column of them.
type box struct{ label, title, class, href string }

type side struct {
	boxes   []box
	x, wide float64
}

// boxes are the neighbours on one side, and one box for those that are too many.
func (p *page) boxes(list []int, explore string) []box {
	shown := list
	if len(list) > maxSide {
		shown = slices.Clone(list)
		slices.SortStableFunc(shown, func(x, y int) int { return int(p.down[y] - p.down[x]) })
		shown = shown[:maxSide]
		slices.Sort(shown)
	}
	var out []box
	for _, i := range shown {
		o := p.c.Nodes[i]
		title := o.ID.Name
		if o.Label != "" && o.Label != title {
			title += " · " + o.Label
		}
		out = append(out, box{label: o.ID.Name, title: title, class: "t-" + o.Tone, href: p.to(p.links.Node(i))})
	}
	if more := len(list) - len(shown); more > 0 {
		out = append(out, box{label: "+" + words.Count(more) + " more", title: words.Plural(more, "other neighbour"), class: "g-more", href: explore})
	}
	return out
}

// measure sets the width of a column.
func (s *side) measure() {
	for _, b := range s.boxes {
		s.wide = max(s.wide, minBox, cell*float64(cells(shorten(b.label)))+2*boxPad)
	}
}

// draw puts three columns beside each other: what it reads, itself, what reads it.
func (p *page) draw(left, right side) {
	mid := side{boxes: []box{{label: p.node.ID.Name, title: p.node.ID.Name, class: "focus t-" + p.node.Tone}}}
	x, rows := float64(stripEdge), 1
	for _, s := range []*side{&left, &mid, &right} {
		s.measure()
		s.x = x
		if len(s.boxes) > 0 {
			x += s.wide + gapWide
		}
		rows = max(rows, len(s.boxes))
	}
	wide, high := x-gapWide+stripEdge, float64(rows*rowHigh-(rowHigh-boxHigh)+2*stripEdge)
	p.Raw(`<svg class="graph strip" viewBox="0 0 `)
	p.Coord(wide)
	p.Raw(" ")
	p.Coord(high)
	p.Raw(`" width="`)
	p.Coord(wide)
	p.Raw(`" height="`)
	p.Coord(high)
	p.Raw(`" role="group" aria-label="`)
	p.Text(words.Plural(len(p.node.Parents), "parent") + ", " + children(len(p.node.Children)))
	p.Raw(`"><path class="g-edge near" d="`)
	at := func(s side, i int) float64 {
		return (high-float64(len(s.boxes)*rowHigh-(rowHigh-boxHigh)))/2 + float64(i*rowHigh)
	}
	my := at(mid, 0) + boxHigh/2
	for i := range left.boxes {
		p.curve(left.x+left.wide, at(left, i)+boxHigh/2, mid.x, my)
	}
	for i := range right.boxes {
		p.curve(mid.x+mid.wide, my, right.x, at(right, i)+boxHigh/2)
	}
	p.Raw(`"/>`)
	for _, s := range []side{left, mid, right} {
		for i, b := range s.boxes {
			p.box(b, s.x, at(s, i), s.wide)
		}
	}
	p.Raw("</svg>")
}

func children(n int) string {
	if n == 1 {
		return "1 child"
	}
	return words.Count(n) + " children"
}

func (p *page) curve(x1, y1, x2, y2 float64) {
	half := (x2 - x1) / 2
	p.Raw("M")
	p.point(x1, y1)
	if y1 == y2 {
		p.Raw("H")
		p.Coord(x2)
		return
	}
	p.Raw("C")
	p.point(x1+half, y1)
	p.Raw(" ")
	p.point(x2-half, y2)
	p.Raw(" ")
	p.point(x2, y2)
}

func (p *page) point(x, y float64) {
	p.Coord(x)
	p.Raw(" ")
	p.Coord(y)
}

func (p *page) box(b box, x, y, wide float64) {
	tag := "g"
	if b.href != "" {
		tag = "a"
	}
	p.Raw("<", tag)
	p.Attr("class", b.class)
	if b.href != "" {
		p.Attr("href", b.href)
	}
	p.Raw(` transform="translate(`)
	p.point(x, y)
	p.Raw(`)">`)
	if b.title != b.label || cells(b.label) > maxCells {
		p.Element("title", "", b.title)
	}
	p.Raw(`<rect class="g-box" width="`)
	p.Coord(wide)
	p.Raw(`"/><path class="g-bar" d="M0 3h5v24H0z"/><text>`) // the style sheet has the rest
	p.Text(shorten(b.label))
	p.Raw("</text></", tag, ">")
}

// shorten cuts a long name in the middle, where names differ least.
func shorten(s string) string {
	if cells(s) <= maxCells {
		return s
	}
	r := []rune(s)
	head, tail, used := 0, len(r), 1
	for {
		// The head may have two characters for each one of the tail.
		front := head <= 2*(len(r)-tail)
		c := r[head]
		if !front {
			c = r[tail-1]
		}
		if used += runeCells(c); used > maxCells {
			return string(r[:head]) + "…" + string(r[tail:])
		}
		if front {
			head++
		} else {
			tail--
		}
	}
}

// cells is the width of a text in columns of a monospace face.
func cells(s string) int {
	n := 0
	for _, r := range s {
		n += runeCells(r)
	}
	return n
}

func runeCells(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case r < 0x370, r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r == 0xfeff: // marks and what is not seen
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3,
		r >= 0xf900 && r <= 0xfaff, r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60,
		r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd, r >= 0x1d400 && r <= 0x1d7ff:
		return 2
	}
	return 1
}

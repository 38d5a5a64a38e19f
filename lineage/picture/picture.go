package picture

import (
	"bufio"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/engine-build/engine/lineage/layout"
)

const (
	boxHeight = 30
	rankGap   = 56
	rowGap    = 12
	margin    = 16
	// cell is the advance of the monospace face at the size used, in pixels.
	cell      = 7.25
	boxPad    = 14
	maxCells  = 36
	minBox    = 84
	fontStack = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', 'DejaVu Sans Mono', monospace"
)

// Picture is a drawing of boxes and arrows in the style of the lineage graph, for views
// whose boxes are not single nodes.
type Picture struct {
	Name  string // the accessible name
	Boxes []Box
	Edges []Edge
	// Standalone adds a title, a legend and a style sheet for both themes. Without it the
	// page that holds the picture styles the classes g-node, g-edge and t-<tone>.
	Standalone bool
	// ID is the id of the element; with one, boxes and edges carry data attributes for
	// scripts: data-n, and data-e with the numbers of both ends.
	ID string
}

// Box is one box. A box with a Link leads there.
type Box struct {
	Label, Title, Tone, Link string
	Focus                    bool
}

// Edge leads from one box to another; a heavy one is drawn wider.
type Edge struct {
	From, To, Weight int
	Dashed           bool
}

// Write lays the picture out and writes it as SVG.
func (p Picture) Write(w io.Writer) error {
	d := p.drawing()
	out := &svgWriter{bufio.NewWriterSize(w, 1<<16)}
	top := 0.0
	if p.Standalone {
		top = 58
	}
	width, height := max(d.W, 1)+2*margin, max(d.H, 1)+2*margin+top
	if p.Standalone {
		width = max(width, 560)
	}
	out.put(`<svg xmlns="http://www.w3.org/2000/svg" class="graph" viewBox="0 0 `, num(width), ` `, num(height),
		`" width="`, num(width), `" height="`, num(height), `" role="`, p.role(), `" aria-label="`, escape(p.Name), `"`)
	if p.ID != "" {
		out.put(` id="`, escape(p.ID), `"`)
	}
	out.put(">\n")
	if p.Standalone {
		out.put("<style>", styleSheet, "</style>\n", `<rect class="g-page" width="100%" height="100%"/>`, "\n")
		p.legend(out)
	}
	out.put(`<g class="g-all" transform="translate(`, num(margin), ` `, num(margin+top), `)">`, "\n")
	p.edges(out, d)
	for i, b := range p.Boxes {
		p.box(out, i, b, d.Boxes[i])
	}
	out.put("</g>\n</svg>\n")
	return out.Flush()
}

// role is img only where nothing inside must stay reachable.
func (p Picture) role() string {
	if slices.ContainsFunc(p.Boxes, func(b Box) bool { return b.Link != "" }) {
		return "group"
	}
	return "img"
}

// BoxWidth is the least width of a box with a label, in pixels.
func BoxWidth(label string) float64 {
	return max(minBox, float64(cell*float64(Cells(Shorten(label))))+2*boxPad)
}

func (p Picture) drawing() layout.Drawing {
	in := layout.Input{RankGap: rankGap, RowGap: rowGap}
	for _, b := range p.Boxes {
		in.Boxes = append(in.Boxes, layout.Size{W: BoxWidth(b.Label), H: boxHeight})
	}
	for _, e := range p.Edges {
		in.Edges = append(in.Edges, [2]int{e.From, e.To})
	}
	return layout.Layered(in)
}

func (p Picture) edges(out *svgWriter, d layout.Drawing) {
	out.put(`<g class="g-edges" fill="none">`, "\n")
	for k, e := range p.Edges {
		if d.Routes[k] == nil {
			continue
		}
		class := "g-edge"
		if p.Boxes[e.From].Focus || p.Boxes[e.To].Focus {
			class += " near"
		}
		if e.Weight > 1 {
			class += " w" + strconv.Itoa(min(5, bits.Len(uint(e.Weight))))
		}
		if e.Dashed {
			class += " dashed"
		}
		out.put(`<path class="`, class, `"`)
		if p.ID != "" {
			out.put(` data-e="`, strconv.Itoa(e.From), " ", strconv.Itoa(e.To), `"`)
		}
		out.put(` d="`)
		drawRoute(out, d.Routes[k])
		out.put("\"/>\n")
	}
	out.put("</g>\n")
}

// drawRoute draws curves between columns and straight lines through them.
func drawRoute(out *svgWriter, points []layout.Point) {
	for k, p := range points {
		switch {
		case k == 0:
			out.put("M", num(p.X), " ", num(p.Y))
		case k%2 == 0 || p.Y == points[k-1].Y:
			out.put("L", num(p.X), " ", num(p.Y))
		default:
			from := points[k-1]
			half := (p.X - from.X) / 2
			out.put("C", num(from.X+half), " ", num(from.Y), " ", num(p.X-half), " ", num(p.Y), " ", num(p.X), " ", num(p.Y))
		}
	}
}

func (p Picture) box(out *svgWriter, i int, b Box, at layout.Box) {
	tag, class := "g", "g-node t-"+b.Tone
	if b.Link != "" {
		tag = "a"
	}
	if b.Focus {
		class += " focus"
	}
	out.put("<", tag, ` class="`, class, `"`)
	if b.Link != "" {
		out.put(` href="`, escape(b.Link), `"`)
	}
	if p.ID != "" {
		out.put(` data-n="`, strconv.Itoa(i), `"`)
	}
	out.put(` transform="translate(`, num(at.X), " ", num(at.Y), `)"><title>`, escape(b.Title), `</title>`,
		`<rect class="g-box" width="`, num(at.W), `" height="`, num(at.H), `" rx="6"/>`,
		`<path class="g-bar" d="M6 0h-.5A5.5 5.5 0 0 0 0 5.5v`, num(at.H-11), `A5.5 5.5 0 0 0 5.5 `, num(at.H), `H6z"/>`,
		`<text x="`, num(boxPad), `" y="`, num(at.H/2+4.25), `">`, escape(Shorten(b.Label)), "</text></", tag, ">\n")
}

// legend names the picture and the tones in use.
func (p Picture) legend(out *svgWriter) {
	out.put(`<text class="g-title" x="`, num(margin), `" y="26">`, escape(p.Name), "</text>\n")
	x := float64(margin)
	for _, tone := range tones {
		if !slices.ContainsFunc(p.Boxes, func(b Box) bool { return b.Tone == tone }) {
			continue
		}
		out.put(`<g class="g-key t-`, tone, `" transform="translate(`, num(x), ` 38)"><rect class="g-bar" width="10" height="10" rx="3"/><text x="16" y="9">`, ToneName(tone), "</text></g>\n")
		x += 34 + 6.6*float64(len(ToneName(tone)))
	}
}

// ToneName is the word for a tone in legends.
func ToneName(tone string) string {
	switch tone {
	case "stg":
		return "staging"
	case "int":
		return "intermediate"
	case "dim":
		return "dimension"
	case "fct":
		return "fact"
	}
	return tone
}

// Shorten cuts long names in the middle, where they differ least.
func Shorten(s string) string {
	if Cells(s) <= maxCells {
		return s
	}
	r := []rune(s)
	head, tail := 0, len(r)
	for used := 1; ; {
		// The head may have two characters for each one of the tail.
		front := head <= 2*(len(r)-tail)
		c := r[head]
		if !front {
			c = r[tail-1]
		}
		if used += RuneCells(c); used > maxCells {
			return string(r[:head]) + "…" + string(r[tail:])
		}
		if front {
			head++
		} else {
			tail--
		}
	}
}

// Cells is the width of a text in columns of a monospace face.
func Cells(s string) int {
	n := 0
	for _, r := range s {
		n += RuneCells(r)
	}
	return n
}

// RuneCells is the width of a character in columns of a monospace face.
func RuneCells(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case r < 0x370: // combining marks
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3,
		r >= 0xf900 && r <= 0xfaff, r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60,
		r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}

type svgWriter struct{ *bufio.Writer }

func (w *svgWriter) put(parts ...string) {
	for _, p := range parts {
		w.WriteString(p)
	}
}

func num(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// escape makes text safe inside XML elements and attributes, and drops what XML 1.0
// cannot hold at all.
func escape(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' || strings.ContainsRune(`<>&"'`, r) || r == utf8.RuneError || r >= 0xfffe && r <= 0xffff
	}) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch r {
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '&':
			b.WriteString("&amp;")
		case '"':
			b.WriteString("&#34;")
		case '\'':
			b.WriteString("&#39;")
		case '\n', '\t', '\r':
			b.WriteByte(' ')
		default:
			if r >= ' ' && r != 0xfffe && r != 0xffff {
				b.WriteRune(r)
			}
		}
	}
	return b.String()
}

var styleSheet = buildStyleSheet()

// buildStyleSheet writes the tones for the light and the dark theme.
func buildStyleSheet() string {
	var b strings.Builder
	b.WriteString(".graph{--page:#fff;--ink:#1b2430;--box:#fff;--rim:#cfd6df;--edge:#a3aebd}")
	b.WriteString(".graph text{font:12px " + fontStack + ";fill:var(--ink)}.graph .g-title{font:600 15px system-ui,sans-serif}.graph .g-key text{font:12px system-ui,sans-serif}")
	b.WriteString(".g-page{fill:var(--page)}.g-box{fill:var(--box);stroke:var(--rim)}.g-edge{stroke:var(--edge);stroke-width:1.4}.g-edge.near{stroke-width:2}.g-edge.dashed{stroke-dasharray:5 4}.w2{stroke-width:2}.w3{stroke-width:2.8}.w4{stroke-width:3.8}.w5{stroke-width:5}.focus .g-box{stroke-width:2}.focus text{font-weight:700}")
	for _, tone := range tones {
		fmt.Fprintf(&b, ".t-%s .g-bar{fill:%s}", tone, colours[tone][1])
	}
	b.WriteString("@media (prefers-color-scheme:dark){.graph{--page:#12161c;--ink:#e4e9f0;--box:#1b212a;--rim:#39424f;--edge:#5d6979}}")
	return b.String()
}

// colours are the light-theme fill and stroke of the tones, for formats without style sheets.
var colours = map[string][2]string{
	"source": {"#fdf3dc", "#a8730a"}, "seed": {"#eef5dc", "#5f7d14"}, "stg": {"#dff3f0", "#0f766e"},
	"int": {"#eceef2", "#5b6472"}, "model": {"#e6edf4", "#46627f"}, "dim": {"#e3ecfb", "#2f5fb3"},
	"fct": {"#ece6fb", "#6d4bc3"}, "mart": {"#fae4f0", "#b02a72"}, "snapshot": {"#e2f1f9", "#0b6a99"},
	"exposure": {"#fbe7e1", "#b0482a"},
}

// tones lists the tones in the order of the data's way through a project.
var tones = []string{"source", "seed", "stg", "int", "model", "dim", "fct", "mart", "snapshot", "exposure"}

// Tones lists the tones in the order of the data's way through a project.
func Tones() []string { return slices.Clone(tones) }

// Colours are the light-theme fill and stroke of a tone, those of plain models for a tone
// that is not known.
func Colours(tone string) [2]string {
	if c, ok := colours[tone]; ok {
		return c
	}
	return colours["model"]
}

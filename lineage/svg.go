package lineage

import (
	"fmt"
	"io"
	"slices"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/lineage/picture"
)

// SVGOptions says how a picture is drawn.
type SVGOptions struct {
	// Standalone adds a title, a legend and a style sheet for both themes. Without it the
	// page that holds the picture styles the classes g-node, g-edge and t-<tone>.
	Standalone bool
	// Focus is drawn with emphasis.
	Focus addr.Node
	// Link gives the address a node leads to; empty or nil means no link.
	Link func(addr.Node) string
	// Name is the accessible name of the picture; the default counts the nodes.
	Name string
	// ID prefixes element ids, for pages with several pictures; with an ID, nodes and edges
	// carry data attributes for scripts: data-n, and data-e with the numbers of both ends.
	ID string
}

// SVG draws the graph from left to right.
func (g *Graph) SVG(w io.Writer, o SVGOptions) error {
	p := Picture{Name: o.Name, Standalone: o.Standalone, ID: o.ID}
	if p.Name == "" {
		p.Name = fmt.Sprintf("Lineage of %s: %d nodes", g.Project, len(g.Nodes))
	}
	for i, n := range g.Nodes {
		b := PictureBox{Label: n.Label(), Title: n.Title(), Tone: n.Tone(), Focus: n.ID == o.Focus}
		if o.Link != nil && !b.Focus {
			b.Link = o.Link(n.ID)
		}
		p.Boxes = append(p.Boxes, b)
		for _, j := range g.up[i] {
			p.Edges = append(p.Edges, PictureEdge{From: int(j), To: i, Weight: 1})
		}
	}
	return p.Write(w)
}

// Picture is a drawing in the style of the lineage graph, for views whose boxes are not
// single nodes; see package picture.
type (
	Picture     = picture.Picture
	PictureBox  = picture.Box
	PictureEdge = picture.Edge
)

// ToneName is the word for a tone in legends.
func ToneName(tone string) string { return picture.ToneName(tone) }

// Tones lists the tones that appear in the graph, in the order of the data's way.
func (g *Graph) Tones() []string {
	var out []string
	for _, tone := range picture.Tones() {
		if slices.ContainsFunc(g.Nodes, func(n *Node) bool { return n.Tone() == tone }) {
			out = append(out, tone)
		}
	}
	return out
}

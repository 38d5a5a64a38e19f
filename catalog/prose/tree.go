package prose

import (
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/engine-build/engine/catalog/markup"
)

// place is where a text will stand: the way to the root of the site, and the terms that need
// no link any more.
type place struct {
	base string
	seen map[int]bool
}

var placeKey = parser.NewContextKey()

// transformer leads links of descriptions to pages of the site or out of it, and takes out
// what would lead nowhere; it brings headings below those of the page.
type transformer struct{ p *Prose }

// Transform implements parser.ASTTransformer.
func (t transformer) Transform(doc *ast.Document, r text.Reader, ctx parser.Context) {
	at, _ := ctx.Get(placeKey).(place)
	var images, links, autos, words []ast.Node
	level := 2
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Image:
			images = append(images, n)
		case *ast.Link:
			links = append(links, n)
		case *ast.AutoLink:
			autos = append(autos, n)
		case *ast.Heading:
			// No level is left out, whatever the writer did.
			n.Level = min(6, n.Level+2, level+1)
			level = n.Level
		case *ast.Text:
			if prose(n) {
				words = append(words, n)
			}
		}
		return ast.WalkContinue, nil
	})
	for _, n := range images {
		unwrap(n)
	}
	for _, n := range links {
		t.lead(n.(*ast.Link), at.base)
	}
	for _, n := range autos {
		t.auto(n.(*ast.AutoLink), r.Source())
	}
	for _, n := range words {
		t.terms(n.(*ast.Text), r.Source(), at.base, at.seen)
	}
}

// prose reports whether a text is neither code, link nor heading.
func prose(n ast.Node) bool {
	for p := n.Parent(); p != nil; p = p.Parent() {
		switch p.(type) {
		case *ast.CodeSpan, *ast.Link, *ast.Heading, *ast.Image:
			return false
		}
	}
	return true
}

func (t transformer) lead(n *ast.Link, base string) {
	dest := t.p.address(base, string(n.Destination))
	if dest == "" {
		unwrap(n)
		return
	}
	n.Destination = []byte(dest)
	n.Title = nil
	if markup.External(dest) {
		n.SetAttributeString("rel", []byte("noreferrer"))
	}
}

// auto keeps bare addresses that are safe to follow and makes text of all others.
func (t transformer) auto(n *ast.AutoLink, source []byte) {
	to := string(n.URL(source))
	if n.AutoLinkType == ast.AutoLinkEmail {
		to = "mailto:" + strings.TrimPrefix(to, "mailto:") // the local part may have the sign of a query
	}
	if markup.External(to) {
		n.SetAttributeString("rel", []byte("noreferrer"))
		return
	}
	s := ast.NewString(n.Label(source))
	n.Parent().ReplaceChild(n.Parent(), n, s)
}

// terms cuts a text where words of the glossary stand in it.
func (t transformer) terms(n *ast.Text, source []byte, base string, seen map[int]bool) {
	s := string(n.Segment.Value(source))
	start, at := n.Segment.Start-n.Segment.Padding, 0
	if n.Segment.Padding != 0 {
		return // its value has spaces that the source has not
	}
	parent := n.Parent()
	for _, m := range t.p.glossary.find(s, seen) {
		href := t.p.term(m.term)
		if href == "" {
			continue
		}
		if m.from > at {
			parent.InsertBefore(parent, n, ast.NewTextSegment(text.NewSegment(start+at, start+m.from)))
		}
		link := ast.NewLink()
		link.Destination = []byte(base + href)
		link.SetAttributeString("class", []byte("term"))
		link.SetAttributeString("title", []byte(t.p.glossary.titles[m.term]))
		link.AppendChild(link, ast.NewTextSegment(text.NewSegment(start+m.from, start+m.to)))
		parent.InsertBefore(parent, n, link)
		at = m.to
	}
	n.Segment = text.NewSegment(start+at, n.Segment.Stop)
}

// unwrap puts a node's children in its place.
func unwrap(n ast.Node) {
	parent := n.Parent()
	for c := n.FirstChild(); c != nil; c = n.FirstChild() {
		n.RemoveChild(n, c)
		parent.InsertBefore(parent, n, c)
	}
	parent.RemoveChild(parent, n)
}

// textOfMarkup shows tags that somebody has written as the text they are.
type textOfMarkup struct{}

// RegisterFuncs implements renderer.NodeRenderer.
func (textOfMarkup) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindRawHTML, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			writeLines(w, source, n.(*ast.RawHTML).Segments)
		}
		return ast.WalkSkipChildren, nil
	})
	r.Register(ast.KindHTMLBlock, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		block := n.(*ast.HTMLBlock)
		if entering {
			_, _ = w.WriteString("<p>")
			writeLines(w, source, block.Lines())
			return ast.WalkContinue, nil
		}
		if block.HasClosure() {
			_, _ = w.WriteString(markup.Escape(string(block.ClosureLine.Value(source))))
		}
		_, _ = w.WriteString("</p>\n")
		return ast.WalkContinue, nil
	})
}

func writeLines(w util.BufWriter, source []byte, lines *text.Segments) {
	for i := range lines.Len() {
		s := lines.At(i)
		_, _ = w.WriteString(markup.Escape(string(s.Value(source))))
	}
}

package catalog

import (
	"cmp"
	"html/template"
	"strings"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/markup"
	"github.com/engine-build/engine/catalog/words"
	"github.com/engine-build/engine/engine/addr"
)

// row is a node in a list.
type row struct {
	Path, Name, Tone, Kind, Summary string
	Rows                            string
	Tests                           words.Tally
	Status                          words.Pill
	Deprecated                      bool
	// Bare: that it has no tests is not to be said.
	Bare bool
	// Note is what the list is about: a duration, a share; empty in lists of nodes alone.
	Note string
}

// rowLink is a node in a line of text.
type rowLink struct{ Path, Name, Tone string }

func (b *book) row(i int) row {
	n := b.c.Nodes[i]
	r := row{Path: b.paths[i], Name: nameOf(n), Tone: n.Tone, Kind: cmp.Or(n.Materialized, words.Kind(string(n.ID.Kind))), Summary: summary(b.describe(n), 120), Tests: b.tallies[i], Deprecated: !n.Deprecated.IsZero()}
	if n.Data.Rows >= 0 && n.ID.Kind != addr.Exposure {
		r.Rows = words.Count(n.Data.Rows)
	}
	// A row says of builds what needs attention; the rest is on the page of the node.
	if p := words.Built(n.Status); p.Class == "bad" && n.Status != content.Failed || n.Status == content.Skipped || n.Status == content.Unpublished {
		r.Status = p
	}
	if n.Source != nil && r.Status.Word == "" {
		if p := words.Fresh(n.Source.Fresh); p.Class == "bad" || p.Class == "warn" {
			r.Status = p
		}
	}
	r.Bare = b.outside() && r.Tests.Total == 0
	return r
}

func nameOf(n *content.Node) string { return cmp.Or(n.Label, n.ID.Name) }

// describe is a node's description; tables of a source may share that of the source.
func (b *book) describe(n *content.Node) string {
	if n.Description == "" && n.Source != nil {
		return n.Source.Description
	}
	return n.Description
}

func (b *book) link(i int) rowLink {
	n := b.c.Nodes[i]
	return rowLink{b.paths[i], nameOf(n), n.Tone}
}

func (b *book) linksTo(nodes []int, most int) []rowLink {
	var out []rowLink
	for _, i := range nodes[:min(most, len(nodes))] {
		out = append(out, b.link(i))
	}
	return out
}

// summary is the first sentence of a description as plain text, for lists.
func summary(s string, limit int) string {
	s = strings.TrimSpace(s)
	if i := strings.Index(s, "\n\n"); i >= 0 {
		s = s[:i]
	}
	if len(s) > 8*limit {
		s = s[:8*limit] // enough; the rest is cut below, where characters end
	}
	s = plainText(s)
	if i := strings.Index(s, ". "); i > 0 {
		s = s[:i+1]
	}
	return words.Clip(s, limit)
}

var unmark = strings.NewReplacer("**", "", "__", "", "`", "", "](", " (", "[", "")

// plainText drops the marks of Markdown and folds white space.
func plainText(s string) string {
	return strings.ToValidUTF8(strings.Join(strings.Fields(unmark.Replace(s)), " "), "\uFFFD")
}

// pageLink leads to a part of a long list.
type pageLink struct {
	Path, Word string
	Current    bool
}

// pageLinks are the parts of a list of total things; none where one part has all.
func pageLinks(path string, current, total, per int) []pageLink {
	pages := (total + per - 1) / per
	if pages < 2 {
		return nil
	}
	var out []pageLink
	for p := range pages {
		near := p == 0 || p == pages-1 || p >= current-3 && p <= current+3
		switch {
		case near:
			out = append(out, pageLink{pagedPath(path, p), itoa(p + 1), p == current})
		case out[len(out)-1].Path != "":
			out = append(out, pageLink{Word: "…"})
		}
	}
	return out
}

// share is a part of a whole as a bar: how many, of how many, and where the others are listed.
type share struct {
	Word      string
	Part, All int
	Percent   string
	Bar       template.HTML
	Lack      string // «12 without»
	Link      string // the list of those
}

func newShare(word string, part, all int) share {
	return share{Word: word, Part: part, All: all, Percent: words.Percent(part, all), Bar: bar(part, all, "meter")}
}

// bar draws a share.
func bar(part, all int, class string) template.HTML {
	var w markup.Writer
	w.Raw(`<svg class="`, class, `" viewBox="0 0 100 6" width="100" height="6" preserveAspectRatio="none" aria-hidden="true"><rect class="m-all" width="100" height="6"/>`)
	if all > 0 && part > 0 {
		w.Raw(`<rect class="m-part" width="`)
		w.Coord(max(3, 100*float64(part)/float64(all)))
		w.Raw(`" height="6"/>`)
	}
	w.Raw("</svg>")
	return template.HTML(w.Bytes())
}

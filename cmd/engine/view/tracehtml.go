package view

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"math"
	"strings"

	material "github.com/engine-build/engine/catalog/genealogy"
	"github.com/engine-build/engine/catalog/web"
	"github.com/engine-build/engine/engine/genealogy"
)

// html writes one page that needs nothing else: the viewer of lots and runs, and tables that
// are there without scripting.
func (t Trace) html(w io.Writer) error {
	g := t.Graph
	if g == nil {
		var err error
		if g, err = t.edgesOnly(); err != nil {
			return err
		}
	}
	var b bytes.Buffer
	b.WriteString("<p class=\"mt-note\">from " + html.EscapeString(oneLine(t.Model)) + "</p>\n")
	for _, r := range t.remarks() {
		b.WriteString("<p class=\"mt-note\">" + html.EscapeString(r) + "</p>\n")
	}
	for _, p := range t.parts() {
		b.WriteString("<h2>" + html.EscapeString(p.heading) + "</h2>\n")
		htmlTable(&b, p.heading, p.table)
	}
	direction := "both"
	switch {
	case !t.Question.Down:
		direction = "back"
	case !t.Question.Up:
		direction = "forward"
	}
	return g.WriteFile(w, material.Single{
		Title: t.title(), Lot: genealogy.TextOf(t.Question.Key), Direction: direction, Tables: b.String(),
		CSS: web.Styles(), Script: web.Body("trace.js"),
	})
}

// edgesOnly is the graph that the edges alone make: every child is the work of a run of its own.
func (t Trace) edgesOnly() (*material.Graph, error) {
	b := material.NewBuilder(material.Options{MaxLots: math.MaxInt32, Title: t.Model})
	if err := b.Lot(material.Lot{ID: genealogy.TextOf(t.Question.Key), Quantity: math.NaN()}); err != nil {
		return nil, err
	}
	for _, l := range t.Answer.Links {
		if err := b.Edge(material.Edge{Parent: genealogy.TextOf(l.Parent), Child: genealogy.TextOf(l.Child), Quantity: math.NaN()}); err != nil {
			return nil, err
		}
	}
	return b.Graph(), nil
}

// maxHTMLRows is how many rows of a table a page holds: browsers are slow to show more.
const maxHTMLRows = 20_000

func htmlTable(b *bytes.Buffer, heading string, t Table) {
	class := func(c int, null bool) string {
		var names []string
		if c < len(t.Numeric) && t.Numeric[c] {
			names = append(names, "n")
		}
		if null {
			names = append(names, "mt-null")
		}
		if len(names) == 0 {
			return ""
		}
		return ` class="` + strings.Join(names, " ") + `"`
	}
	b.WriteString("<div class=\"mt-scroll\" tabindex=\"0\" role=\"region\" aria-label=\"" + html.EscapeString(heading) + "\"><table class=\"mt-table\">\n<thead><tr>")
	for c, name := range t.Columns {
		b.WriteString("<th scope=\"col\"" + class(c, false) + ">" + html.EscapeString(oneLine(name)) + "</th>")
	}
	b.WriteString("</tr></thead>\n<tbody>\n")
	for _, row := range t.Rows[:min(len(t.Rows), maxHTMLRows)] {
		b.WriteString("<tr>")
		for c, cell := range row {
			b.WriteString("<td" + class(c, cell.Null) + ">" + html.EscapeString(oneLine(cell.Text)) + "</td>")
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody>\n</table></div>\n")
	if len(t.Rows) > maxHTMLRows {
		fmt.Fprintf(b, "<p class=\"mt-note\">The first %d of %s; --format json has all.</p>\n", maxHTMLRows, plural(int64(len(t.Rows)), "row"))
	}
}

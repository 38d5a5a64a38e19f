package view

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/engine-build/engine/lineage"
)

// A larger graph is no picture that people can read, and browsers are slow to show it.
const (
	maxBoxes  = 400
	maxArrows = 1500
)

// traceStyle is all that the page needs besides its text.
const traceStyle = `:root{color-scheme:light dark;--page:#fff;--ink:#1b2430;--soft:#5b6472;--box:#fff;--rim:#cfd6df;--edge:#a3aebd}
@media (prefers-color-scheme:dark){:root{--page:#12161c;--ink:#e4e9f0;--soft:#9aa5b4;--box:#1b212a;--rim:#39424f;--edge:#5d6979}}
body{margin:2rem;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.3rem;margin:0}h2{font-size:1rem;margin:2rem 0 .5rem}p{color:var(--soft);margin:.25rem 0}
.scroll{overflow-x:auto;margin-top:1rem}
table{border-collapse:collapse;font:13px/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
th,td{text-align:left;padding:.2rem .75rem;border-bottom:1px solid var(--rim);white-space:nowrap}
.n{text-align:right}.null{color:var(--soft)}
.graph text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:var(--ink)}
.g-box{fill:var(--box);stroke:var(--rim)}.g-edge{stroke:var(--edge);stroke-width:1.4}.g-edge.near{stroke-width:2}.g-edge.dashed{stroke-dasharray:5 4}
.focus .g-box{stroke-width:2}.focus text{font-weight:700}
`

// html writes one page that needs nothing else: the picture and the tables.
func (t Trace) html(w io.Writer) error {
	var b bytes.Buffer
	title := html.EscapeString(t.title())
	b.WriteString("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>" + title + "</title>\n<style>\n" + traceStyle)
	for _, tone := range []string{toneAbove, toneSelf, toneBelow, toneRound} {
		fmt.Fprintf(&b, ".t-%s .g-bar{fill:%s}", tone, traceColours[tone][1])
	}
	b.WriteString("\n</style>\n</head>\n<body>\n<h1>" + title + "</h1>\n<p>from " + html.EscapeString(t.Model) + "</p>\n")
	for _, r := range t.remarks() {
		b.WriteString("<p>" + html.EscapeString(r) + "</p>\n")
	}
	if err := t.picture(&b); err != nil {
		return err
	}
	for _, p := range t.parts() {
		b.WriteString("<h2>" + html.EscapeString(p.heading) + "</h2>\n")
		htmlTable(&b, p.table)
	}
	b.WriteString("</body>\n</html>\n")
	_, err := w.Write(b.Bytes())
	return err
}

func (t Trace) picture(b *bytes.Buffer) error {
	spots, arrows := t.drawing()
	if len(spots) > maxBoxes || len(arrows) > maxArrows {
		fmt.Fprintf(b, "<p>%s and %s are too many for a picture; --depth leaves out what is far away.</p>\n", plural(int64(len(spots)), "thing"), plural(int64(len(arrows)), "edge"))
		return nil
	}
	p := lineage.Picture{Name: t.title()}
	for _, s := range spots {
		p.Boxes = append(p.Boxes, lineage.PictureBox{Label: s.label, Title: s.title, Tone: s.tone, Focus: s.focus})
	}
	for _, a := range arrows {
		p.Edges = append(p.Edges, lineage.PictureEdge{From: a.from, To: a.to, Weight: 1, Dashed: a.cycle})
	}
	b.WriteString("<div class=\"scroll\">\n")
	if err := p.Write(b); err != nil {
		return err
	}
	b.WriteString("</div>\n")
	return nil
}

func htmlTable(b *bytes.Buffer, t Table) {
	class := func(c int, null bool) string {
		var names []string
		if c < len(t.Numeric) && t.Numeric[c] {
			names = append(names, "n")
		}
		if null {
			names = append(names, "null")
		}
		if len(names) == 0 {
			return ""
		}
		return ` class="` + strings.Join(names, " ") + `"`
	}
	b.WriteString("<div class=\"scroll\"><table>\n<thead><tr>")
	for c, name := range t.Columns {
		b.WriteString("<th" + class(c, false) + ">" + html.EscapeString(oneLine(name)) + "</th>")
	}
	b.WriteString("</tr></thead>\n<tbody>\n")
	for _, row := range t.Rows {
		b.WriteString("<tr>")
		for c, cell := range row {
			b.WriteString("<td" + class(c, cell.Null) + ">" + html.EscapeString(oneLine(cell.Text)) + "</td>")
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody>\n</table></div>\n")
}

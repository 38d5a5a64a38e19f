package article

import (
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/markup"
	"github.com/engine-build/engine/catalog/words"
)

// code shows the text as written and what it becomes. Names in it lead to their pages.
func (p *page) code() {
	n := p.node
	if n.Template.Text == "" && n.SQL.Text == "" {
		return
	}
	p.Raw(`<section class="card code" id="sql"><header><h2>SQL</h2></header>`, "\n", `<div class="tabs">`, "\n")
	if n.Template.Text != "" {
		p.Raw(`<section class="tab" aria-label="Template"><h3>Template</h3>`)
		p.listing(n.Template)
		p.Raw("</section>\n")
	}
	if n.SQL.Text != "" && n.SQL.Text != n.Template.Text {
		p.Raw(`<section class="tab" aria-label="Compiled"><h3>Compiled</h3>`)
		p.listing(n.SQL)
		p.Raw("</section>\n")
	}
	p.Raw("</div>\n</section>\n")
}

// maxCode is how many bytes of a text are shown.
const maxCode = 200_000

// listing is a text that can be copied: a script puts the button there.
func (p *page) listing(code content.Code) {
	text := trimEnd(code.Text)
	cut := 0
	if len(text) > maxCode {
		end := strings.LastIndexByte(text[:maxCode], '\n') + 1
		if end == 0 {
			end = runeStart(text, maxCode)
		}
		cut = len(text) - end
		text = text[:end]
	}
	p.Raw(`<pre class="sql" tabindex="0"><code>`)
	p.linked(text, code.Links)
	p.Raw("</code></pre>")
	if cut > 0 {
		p.Raw(`<p class="more">`)
		p.Text("The last " + words.Size(int64(cut)) + " of the text are left out here.")
		p.Raw("</p>")
	}
}

// linked writes a text with the names in it that lead somewhere.
func (p *page) linked(text string, links []content.Link) {
	at := 0
	if !slices.IsSortedFunc(links, func(x, y content.Link) int { return x.From - y.From }) {
		links = slices.Clone(links)
		slices.SortStableFunc(links, func(x, y content.Link) int { return x.From - y.From })
	}
	for _, l := range links {
		if l.From < at || l.From >= l.To || l.To > len(text) || l.Node < 0 || l.Node >= len(p.c.Nodes) {
			continue
		}
		href := p.to(p.links.Node(l.Node))
		if href == "" {
			continue
		}
		p.Text(text[at:l.From])
		p.Link(href, "", text[l.From:l.To])
		at = l.To
	}
	p.Text(text[at:])
}

func trimEnd(s string) string { return strings.TrimRight(s, " \t\r\n") }

// runeStart is the last beginning of a character at or before a place.
func runeStart(s string, at int) int {
	for at > 0 && s[at]&0xc0 == 0x80 {
		at--
	}
	return at
}

// maxUsers is how many nodes that use a macro are listed at once.
const maxUsers = 200

// Macro writes the article about a template that models include, or a function.
func (b *Book) Macro(w *markup.Writer, i int) {
	m := b.c.Macros[i]
	p := b.page(w, -1)
	p.crumbs("", "macros")
	p.Raw(`<header class="title">`, "\n", `<h1 class="t-macro"><i class="bar"></i>`)
	p.Text(m.Name)
	p.Raw("</h1>\n", `<p class="badges"><span class="chip t-macro">macro</span></p>`, "\n</header>\n", `<div class="columns">`, "\n", `<div class="content">`, "\n",
		`<section class="prose" aria-labelledby="about"><h2 class="sr" id="about">Description</h2>`)
	if html := p.text.HTML(m.Description); html != "" {
		p.Raw(html)
	} else if b.open() {
		p.noDescription(m.File)
	}
	p.Raw("</section>\n")
	if m.Text != "" {
		p.Raw(`<section class="card code" id="sql"><header><h2>Text</h2></header>`, "\n")
		p.listing(content.Code{Text: m.Text})
		p.Raw("</section>\n")
	}
	p.Raw("</div>\n", `<aside class="facts" aria-label="Facts">`, "\n", `<section class="card"><h2>About</h2><dl>`)
	if m.Line > 0 && m.File != "" {
		p.path("File", m.File+":"+strconv.Itoa(m.Line))
	} else {
		p.path("File", m.File)
	}
	p.Raw("</dl></section>\n", `<section class="card"><h2>Used by`)
	if len(m.UsedBy) > 0 {
		p.Raw(" <small>", words.Count(len(m.UsedBy)), "</small>")
	}
	p.Raw("</h2>\n")
	if len(m.UsedBy) == 0 {
		p.Element("p", "empty", "No model uses it")
	} else {
		p.list(b.important(m.UsedBy, maxUsers))
		if more := len(m.UsedBy) - maxUsers; more > 0 {
			p.Raw(`<p class="more">and `, words.Count(more), " more</p>")
		}
	}
	p.Raw("</section>\n</aside>\n</div>\n")
}

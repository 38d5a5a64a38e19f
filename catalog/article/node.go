package article

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/markup"
	"github.com/engine-build/engine/catalog/prose"
	"github.com/engine-build/engine/catalog/words"
)

// page is an article that is being written.
type page struct {
	*Book
	*markup.Writer
	n    int
	node *content.Node
	text *prose.Page
	dir  string // of the page, with a slash
	// tested is when the newest of the node's tests came out.
	tested time.Time
}

func (b *Book) page(w *markup.Writer, n int) *page {
	p := &page{Book: b, Writer: w, n: n, text: b.prose.Page(base)}
	if n >= 0 {
		p.node = b.c.Nodes[n]
		own := b.links.Node(n)
		p.dir = own[:strings.LastIndexByte(own, '/')+1]
		for _, i := range p.node.Tests {
			if at := b.c.Tests[i].At; at.After(p.tested) {
				p.tested = at
			}
		}
	}
	return p
}

// Node writes the article about a node.
func (b *Book) Node(w *markup.Writer, n int) {
	p := b.page(w, n)
	p.crumbs(p.node.Folder)
	p.title()
	p.banners()
	p.vitals()
	p.contents()
	p.Raw(`<div class="columns">` + "\n" + `<div class="content">` + "\n")
	p.description()
	p.strip()
	p.columnTable()
	p.testList()
	if b.Changes != nil {
		b.Changes(w, n)
	}
	p.code()
	p.history()
	p.Raw("</div>\n" + `<aside class="facts" aria-label="Facts">` + "\n")
	p.facts()
	p.customers()
	p.macros()
	p.neighbours("Upstream", "Reads nothing", "&up=50&down=0&view=table", func(n *content.Node) []int { return n.Parents }, b.Upstream(n), p.node.Withheld)
	p.neighbours("Downstream", "Nothing reads it", "&up=0&down=50&view=table", func(n *content.Node) []int { return n.Children }, b.Downstream(n), false)
	p.Raw("</aside>\n</div>\n")
}

// crumbs lead back through the folders, or to a page of the root that lists what is like this one.
func (p *page) crumbs(folder string, lists ...string) {
	p.Raw(`<nav class="crumbs" aria-label="Breadcrumb"><a href="` + base + `index.html">`)
	p.Text(p.siteTitle())
	p.Raw("</a>")
	if folder != "" {
		at := 0
		for at <= len(folder) {
			end := strings.IndexByte(folder[at:], '/')
			if end < 0 {
				end = len(folder) - at
			}
			if href := p.to(p.links.Folder(folder[:at+end])); href != "" {
				p.Link(href, "", folder[at:at+end])
			} else {
				p.Element("span", "", folder[at:at+end])
			}
			at += end + 1
		}
	}
	for _, name := range lists {
		p.Link(base+name+".html", "", name)
	}
	p.Raw("</nav>\n")
}

// siteTitle is the name of the site.
func (p *page) siteTitle() string {
	switch {
	case p.c.Title != "":
		return p.c.Title
	case p.c.Project != "":
		return p.c.Project
	}
	return "Catalog"
}

func (p *page) title() {
	n := p.node
	p.Raw(`<header class="title">` + "\n" + `<h1 class="t-`)
	p.Text(n.Tone)
	p.Raw(`"><i class="bar"></i>`)
	p.Text(n.ID.Name)
	p.Raw("</h1>\n")
	if n.Label != "" && n.Label != n.ID.Name {
		p.Element("p", "label", n.Label)
	}
	p.Raw(`<p class="badges">`)
	kind, tone := words.Kind(string(n.ID.Kind)), words.Tone(n.Tone)
	p.Element("span", "chip t-"+n.Tone, kind)
	if tone != kind {
		p.Link(p.to(p.links.Tier(n.Tier)), "chip t-"+n.Tone, tone)
	}
	p.pill(words.Built(n.Status))
	if n.Source != nil {
		p.pill(words.Fresh(n.Source.Fresh))
	}
	if t := p.tally(p.n); t.Total > 0 && (p.open() || t.NotRun < t.Total) {
		p.Raw(`<a class="tally `, t.Class(), `" href="#tests">`)
		p.Text(t.String())
		p.Raw("</a>")
	}
	if n.Contract {
		p.Element("span", "mark", "contract")
	}
	if n.Access == "public" || n.Access == "private" {
		p.Element("span", "mark", n.Access)
	}
	if !n.Deprecated.IsZero() {
		p.Element("span", "mark warn", "deprecated")
	}
	p.Raw("</p>\n")
	if n.Relation != "" {
		p.Raw(`<p class="relation"><code>`)
		p.Text(n.Relation)
		p.Raw(`</code></p>` + "\n")
	}
	p.versionList()
	p.Raw("</header>\n")
}

func (p *page) pill(x words.Pill) {
	if x.Word == "" {
		return
	}
	p.Raw(`<span class="pill `, x.Class, `">`) // the style sheet puts an icon before the word
	p.Text(x.Word)
	p.Raw("</span>")
}

// versionList leads to the other versions of the model.
func (p *page) versionList() {
	v := p.node.Version
	if v == nil {
		return
	}
	p.Raw(`<p class="versions">`)
	p.Text("Version " + v.Name + " of " + v.Model)
	if v.Latest {
		p.Raw(", the latest")
	}
	first := true
	for _, i := range p.versions[v.Model] {
		if i == p.n {
			continue
		}
		if first {
			p.Raw(" · see also ")
		} else {
			p.Raw(", ")
		}
		first = false
		o := p.c.Nodes[i].Version
		label := "version " + o.Name
		if o.Latest {
			label += " (latest)"
		}
		p.Link(p.to(p.links.Node(i)), "", label)
	}
	p.Raw("</p>\n")
}

// banners tell what a reader must know before anything else.
func (p *page) banners() {
	n := p.node
	if len(n.Problems) > 0 {
		p.Raw(`<section class="trouble" aria-label="Errors of the last run">`)
		for _, s := range n.Problems {
			p.Element("p", "", s)
		}
		p.Raw("</section>\n")
	}
	if len(n.Because) > 0 {
		p.Raw(`<p class="trouble calm">Skipped in the last run, because `)
		for i, x := range n.Because {
			if i > 0 {
				p.Raw(", ")
			}
			p.Link(p.to(p.links.Node(x)), "", p.name(x))
		}
		p.Raw(" did not succeed.</p>\n")
	}
	warned := false
	for _, a := range n.Advice {
		class := "calm"
		if a.Level == "warn" {
			class, warned = "warn", true
		}
		p.Raw(`<p class="advice `, class, `">`)
		p.Raw("<span>")
		p.Text(a.Text)
		if a.Prefer >= 0 && a.Prefer < len(p.c.Nodes) {
			p.Raw(" → ")
			p.Link(p.to(p.links.Node(a.Prefer)), "t-"+p.c.Nodes[a.Prefer].Tone, p.name(a.Prefer))
		}
		p.Raw("</span></p>\n")
	}
	if !n.Deprecated.IsZero() && !warned {
		p.Raw(`<p class="advice warn">`)
		p.Raw("<span>")
		word := "Deprecated from "
		if !p.c.Generated.IsZero() && !n.Deprecated.After(p.c.Generated) {
			word = "Deprecated since "
		}
		p.Text(word + words.Day(n.Deprecated) + ".")
		if n.Version != nil {
			for _, i := range p.versions[n.Version.Model] {
				if p.c.Nodes[i].Version.Latest && i != p.n {
					p.Raw(" Use ")
					p.Link(p.to(p.links.Node(i)), "", p.name(i))
					p.Raw(".")
				}
			}
		}
		p.Raw("</span></p>\n")
	}
}

// contents leads to the parts of the page, which may be long.
func (p *page) contents() {
	n := p.node
	from := p.Len()
	p.Raw(`<nav class="parts" aria-label="On this page">`)
	parts := 0
	part := func(there bool, id, word string, count int) {
		if !there {
			return
		}
		parts++
		p.Raw(`<a href="#`, id, `">`, word)
		if count > 0 {
			p.Raw(" <i>", words.Count(count), "</i>")
		}
		p.Raw("</a>")
	}
	part(len(n.Parents)+len(n.Children) > 0 || n.Withheld, "lineage", "Lineage", 0)
	part(len(n.Columns) > 0, "columns", "Columns", len(n.Columns))
	part(len(n.Tests) > 0, "tests", "Tests", len(n.Tests))
	part(n.Template.Text != "" || n.SQL.Text != "", "sql", "SQL", 0)
	part(len(n.History) > 0, "history", "Builds", len(n.History))
	if parts < 3 {
		p.Truncate(from)
		return
	}
	p.Raw("</nav>\n")
}

func (p *page) description() {
	n := p.node
	p.Raw(`<section class="prose" aria-labelledby="about"><h2 class="sr" id="about">Description</h2>`)
	if html := p.text.HTML(n.Description); html != "" {
		p.Raw(html)
	} else {
		if p.open() {
			p.Raw(`<p class="empty">No description yet.`)
			p.Text(p.described())
			p.Raw("</p>")
		}
	}
	if n.Source != nil && n.Source.Description != "" {
		p.Raw(`<div class="of">`)
		p.Element("h3", "", "About the source "+n.Source.Name)
		p.Raw(p.text.HTML(n.Source.Description), "</div>")
	}
	p.Raw("</section>\n")
}

// described says where a description would stand.
func (p *page) described() string {
	n := p.node
	return " Add one to the entry of " + strconv.Quote(n.ID.Name) + " in " + p.yaml() + "."
}

// yaml names the place where properties of the node are, or where they belong.
func (p *page) yaml() string {
	n := p.node
	switch {
	case n.YAML != "" && n.Line > 0:
		return n.YAML + ":" + strconv.Itoa(n.Line)
	case n.YAML != "":
		return n.YAML
	case n.File != "":
		return "a YAML file next to " + n.File
	}
	return "a YAML file of the project"
}

// maxDirect and maxFar limit lists of neighbours; of the direct ones, the rest is folded away.
const maxDirect, maxDirectAll, maxFar = 40, 600, 6

// neighbours lists what is around a node by distance: the twin of the graph for those who read.
// across is what makes the explorer list all of it.
func (p *page) neighbours(title, empty, across string, next func(*content.Node) []int, total int, withheld bool) {
	if total == 0 && !withheld && !p.open() {
		return // there may be some that this reader is not told of
	}
	p.Raw(`<section class="card hops"><h2>`, title)
	if total > 0 {
		p.Raw(" <small>", words.Count(total), "</small>")
	}
	p.Raw("</h2>\n")
	rings := p.hops(p.n, next)
	if len(rings[0]) == 0 && !withheld {
		p.Element("p", "empty", empty)
	}
	far := p.to(p.links.Explore(p.n))
	p.direct(rings[0])
	if withheld {
		p.Element("p", "more", "It reads other data, too, that is not shared here.")
	}
	if ring := rings[1]; len(ring) > 0 {
		p.Raw("<h3>Two steps away <small>", words.Count(len(ring)), "</small></h3>")
		p.list(p.important(ring, maxFar))
		if more := len(ring) - maxFar; more > 0 {
			p.Raw(`<p class="more">and `, words.Count(more), " more</p>")
		}
	}
	if n := len(rings[2]); n > 0 {
		said := words.Plural(n, "node") + " three steps away"
		if more := total - n - len(rings[1]) - len(rings[0]); more > 0 {
			said += ", " + words.Count(more) + " further"
		}
		if far != "" {
			far += across
		}
		p.Raw(`<p class="more">`)
		p.Link(far, "", said)
		p.Raw("</p>")
	}
	p.Raw("</section>\n")
}

func (p *page) direct(list []int) {
	if len(list) == 0 {
		return
	}
	list = slices.Clone(list)
	p.byName(list)
	first := list[:min(len(list), maxDirect)]
	p.list(first)
	if rest := list[len(first):]; len(rest) > 0 {
		shown := rest[:min(len(rest), maxDirectAll)]
		p.Raw(`<details class="fold"><summary>and `, words.Count(len(rest)), " more</summary>")
		p.list(shown)
		if more := len(rest) - len(shown); more > 0 {
			p.Raw(`<p class="more">and `, words.Count(more), " more</p>")
		}
		p.Raw("</details>")
	}
}

func (p *page) list(nodes []int) {
	p.Raw(`<ul class="links">`)
	for _, i := range nodes {
		p.Raw(`<li class="t-`)
		p.Text(p.c.Nodes[i].Tone)
		p.Raw(`">`)
		p.Link(p.to(p.links.Node(i)), "", p.name(i))
		p.Raw("</li>")
	}
	p.Raw("</ul>\n")
}

package prose

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/util"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/markup"
)

// Links tell where pages are, relative to the root of the site; empty is none. Nil functions
// know no page.
type Links struct {
	Node   func(n int) string
	Column func(n, c int) string // the id of a column on the page of its node
	Term   func(i int) string
}

// Prose renders the descriptions of one catalog. It is safe for concurrent use.
type Prose struct {
	links    Links
	md       goldmark.Markdown
	pages    map[string]int // names that links may use
	nodes    []*content.Node
	glossary glossary

	mu    sync.RWMutex
	cache map[key]string // descriptions of columns repeat from model to model
}

type key struct{ base, text string }

// maxCache bounds the number of descriptions that are kept, maxCached their length in bytes.
const maxCache, maxCached = 20_000, 400

// New reads what descriptions may lead to.
func New(c *content.Catalog, links Links) *Prose {
	p := &Prose{links: links, pages: make(map[string]int, 2*len(c.Nodes)), nodes: c.Nodes, cache: map[key]string{}}
	for i, n := range c.Nodes {
		p.pages[n.ID.String()] = i
		// A bare name means the model; of other kinds, the first one.
		if _, taken := p.pages[n.ID.Name]; !taken || n.ID.Kind == "model" {
			p.pages[n.ID.Name] = i
		}
	}
	p.glossary = readGlossary(c.Terms)
	p.md = goldmark.New(
		goldmark.WithExtensions(
			// Styles are forbidden by the pages' policy, so columns are aligned by an attribute.
			extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)),
			extension.Strikethrough, extension.Linkify,
		),
		goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(transformer{p}, 100))),
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(textOfMarkup{}, 100))),
	)
	return p
}

// Page renders the texts of one page, for one goroutine: words of the glossary become links
// where they first occur on it.
type Page struct {
	p    *Prose
	base string
	seen map[int]bool
}

// Page begins a page whose way to the root of the site is base.
func (p *Prose) Page(base string) *Page { return &Page{p: p, base: base} }

// HTML renders a description; it is empty for an empty one.
func (g *Page) HTML(text string) string {
	if g.seen == nil {
		g.seen = map[int]bool{}
	}
	return g.p.render(g.base, text, g.seen)
}

// HTML renders one description for a page whose way to the root of the site is base.
func (p *Prose) HTML(base, text string) string { return p.render(base, text, map[int]bool{}) }

// Term renders the text of a term of the glossary, which does not lead to itself.
func (p *Prose) Term(base string, i int, text string) string {
	return p.render(base, text, map[int]bool{i: true})
}

// render adds the terms that it has made links of to seen.
func (p *Prose) render(base, s string, seen map[int]bool) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return ""
	}
	if plain(s) {
		return p.paragraph(base, s, seen)
	}
	k := key{base, s}
	// What has words of the glossary depends on what stands before it on the page.
	keep := len(s) <= maxCached && len(p.glossary.find(s, map[int]bool{})) == 0
	if keep {
		p.mu.RLock()
		out, ok := p.cache[k]
		p.mu.RUnlock()
		if ok {
			return out
		}
	}
	out := p.convert(base, s, seen)
	if keep {
		p.mu.Lock()
		if len(p.cache) < maxCache {
			p.cache[k] = out
		}
		p.mu.Unlock()
	}
	return out
}

func (p *Prose) convert(base, s string, seen map[int]bool) string {
	var b bytes.Buffer
	ctx := parser.NewContext()
	ctx.Set(placeKey, place{base, seen})
	if err := p.md.Convert([]byte(clean(s)), &b, parser.WithContext(ctx)); err != nil {
		return "<p>" + markup.Escape(s) + "</p>" // a buffer takes everything, so this is out of reach
	}
	return strings.TrimRight(b.String(), "\n")
}

// clean drops what HTML cannot hold; tabs and lines are Markdown's own.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe {
			return '\uFFFD'
		}
		return r
	}, s)
}

// plain reports whether Markdown would make a text nothing but one paragraph. Most
// descriptions are, and this is a hundred times faster than to parse them.
func plain(s string) bool {
	switch c := s[0]; {
	case c == '#', c == '-', c == '+', c == '=', c >= '0' && c <= '9':
		return false
	}
	for i := range len(s) {
		switch c := s[i]; c {
		case '*', '`', '[', ']', '<', '>', '&', '\\', '~', '|', '@', '\n', '\r', '\t', 0:
			return false
		case '_': // emphasis begins and ends at the edge of a word
			if i == 0 || i == len(s)-1 || !inWord(s[i-1]) || !inWord(s[i+1]) {
				return false
			}
		case ':':
			if strings.HasPrefix(s[i:], "://") {
				return false
			}
		case '.': // «www.» and what could be
			if i >= 3 && strings.EqualFold(s[i-3:i], "www") {
				return false
			}
		}
	}
	return true
}

func inWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

func (p *Prose) paragraph(base, s string, seen map[int]bool) string {
	var w markup.Writer
	w.Raw("<p>")
	at := 0
	for _, m := range p.glossary.find(s, seen) {
		href := p.term(m.term)
		if href == "" {
			continue
		}
		w.Text(s[at:m.from])
		w.Raw(`<a class="term" href="`)
		w.Text(base + href)
		w.Raw(`" title="`)
		w.Text(p.glossary.titles[m.term])
		w.Raw(`">`)
		w.Text(s[m.from:m.to])
		w.Raw("</a>")
		at = m.to
	}
	w.Text(s[at:])
	w.Raw("</p>")
	return string(w.Bytes())
}

func (p *Prose) term(i int) string {
	if p.links.Term == nil {
		return ""
	}
	return p.links.Term(i)
}

// target is the page that a link of a description means: «ref:orders», «orders»,
// «source.app.orders», and with a column «ref:orders.amount».
func (p *Prose) target(dest string) string {
	if p.links.Node == nil {
		return ""
	}
	name := strings.TrimPrefix(dest, "ref:")
	if n, ok := p.pages[name]; ok {
		return p.links.Node(n)
	}
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 || p.links.Column == nil {
		return ""
	}
	n, ok := p.pages[name[:dot]]
	if !ok {
		return ""
	}
	c := slices.IndexFunc(p.nodes[n].Columns, func(c *content.Column) bool { return strings.EqualFold(c.Name, name[dot+1:]) })
	if page := p.links.Node(n); c >= 0 && page != "" {
		return page + "#" + p.links.Column(n, c)
	}
	return ""
}

// explain is the page of a term that a link means: «term:margin».
func (p *Prose) explain(dest string) string {
	name, ok := strings.CutPrefix(dest, "term:")
	if !ok {
		return ""
	}
	if i, ok := p.glossary.names[strings.ToLower(name)]; ok {
		return p.term(i)
	}
	return ""
}

// address is where a link leads, relative to the page or out of the site; empty for nowhere.
func (p *Prose) address(base, dest string) string {
	if markup.External(dest) {
		return dest
	}
	if inside := cmp.Or(p.target(dest), p.explain(dest)); inside != "" {
		return base + inside
	}
	return ""
}

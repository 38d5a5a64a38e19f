package catalog

import (
	"bytes"
	"html/template"
	"strings"
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/engine-build/engine/engine/addr"
)

// prose renders descriptions. Raw HTML stays off; links that would lead nowhere inside the
// site become plain text; images become their text, since the site loads nothing.
type prose struct {
	pages map[string]addr.Node // names that links may use
	mu    sync.Mutex
	cache map[proseKey]template.HTML // column descriptions repeat across models
}

type proseKey struct{ base, text string }

func newProse(nodes []addr.Node) *prose {
	p := &prose{pages: map[string]addr.Node{}, cache: map[proseKey]template.HTML{}}
	for _, n := range nodes {
		p.pages[n.String()] = n
		// A bare name means the model; of other kinds, the first one.
		if _, taken := p.pages[n.Name]; !taken || n.Kind == addr.Model {
			p.pages[n.Name] = n
		}
	}
	return p
}

// html renders a description for a page whose way to the site's root is base.
func (p *prose) html(base, s string) template.HTML {
	s = strings.TrimSpace(s)
	if s == "" {
		return ""
	}
	if !strings.ContainsAny(s, "*_`#[]<>!&\\~|\n:-+=@/") && !startsList(s) {
		return template.HTML("<p>" + template.HTMLEscapeString(s) + "</p>")
	}
	key := proseKey{base, s}
	p.mu.Lock()
	out, ok := p.cache[key]
	p.mu.Unlock()
	if ok {
		return out
	}
	var b bytes.Buffer
	md := goldmark.New(
		goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.Linkify),
		goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(linkTransformer{p, base}, 100))),
	)
	if err := md.Convert([]byte(strings.ToValidUTF8(s, "\uFFFD")), &b); err != nil {
		return template.HTML("<p>" + template.HTMLEscapeString(s) + "</p>")
	}
	out = template.HTML(b.String())
	p.mu.Lock()
	p.cache[key] = out
	p.mu.Unlock()
	return out
}

func startsList(s string) bool { return s[0] >= '0' && s[0] <= '9' }

// linkTransformer leads links of descriptions to pages of the site, or takes them out.
type linkTransformer struct {
	p    *prose
	base string
}

func (t linkTransformer) Transform(doc *ast.Document, r text.Reader, _ parser.Context) {
	var images []*ast.Image
	var links []*ast.Link
	var headings []*ast.Heading
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			switch n := n.(type) {
			case *ast.Image:
				images = append(images, n)
			case *ast.Link:
				links = append(links, n)
			case *ast.Heading:
				headings = append(headings, n)
			}
		}
		return ast.WalkContinue, nil
	})
	for _, n := range images {
		unwrap(n)
	}
	for _, n := range links {
		dest := string(n.Destination)
		if external(dest) {
			continue
		}
		if id, ok := t.p.pages[strings.TrimPrefix(dest, "ref:")]; ok {
			n.Destination = []byte(t.base + nodePath(id))
			continue
		}
		unwrap(n)
	}
	for _, h := range headings {
		h.Level = min(6, h.Level+2) // below the page's own headings
	}
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

func external(dest string) bool {
	d := strings.ToLower(dest)
	return strings.HasPrefix(d, "https://") || strings.HasPrefix(d, "http://") || strings.HasPrefix(d, "mailto:")
}

// summary is the first sentence of a description as plain text, for lists and search.
func summary(s string, limit int) string {
	s = strings.TrimSpace(s)
	if i := strings.Index(s, "\n\n"); i >= 0 {
		s = s[:i]
	}
	s = plainText(s)
	if i := strings.Index(s, ". "); i > 0 {
		s = s[:i+1]
	}
	return clip(s, limit)
}

var unmark = strings.NewReplacer("**", "", "__", "", "`", "", "](", " (", "[", "")

// plainText drops the marks of Markdown and folds white space.
func plainText(s string) string {
	s = unmark.Replace(s)
	return strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), "\uFFFD")
}

func clip(s string, limit int) string {
	r := []rune(s)
	if len(r) <= limit {
		return s
	}
	return strings.TrimRight(string(r[:limit-1]), " ,;.") + "…"
}

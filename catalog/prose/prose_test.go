package prose

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	parser "golang.org/x/net/html"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/content/contenttest"
	"github.com/engine-build/engine/engine/addr"
)

func shop(terms ...*content.Term) *Prose {
	c := &content.Catalog{Terms: terms, Nodes: []*content.Node{
		{ID: addr.Node{Kind: addr.Source, Name: "orders"}},
		{ID: addr.Node{Kind: addr.Model, Name: "orders"}, Columns: []*content.Column{{Name: "Amount"}}},
		{ID: addr.Node{Kind: addr.Source, Name: "app.x"}},
	}}
	return New(c, Links{
		Node:   func(n int) string { return string(c.Nodes[n].ID.Kind) + "/" + c.Nodes[n].ID.Name + ".html" },
		Column: func(n, i int) string { return "c-" + strings.ToLower(c.Nodes[n].Columns[i].Name) },
		Term:   func(i int) string { return "glossary.html#g-" + c.Terms[i].Name },
	})
}

func TestMarkdown(t *testing.T) {
	p := shop()
	for in, want := range map[string]string{
		"":                                  "",
		"Plain words, a < b.":               "<p>Plain words, a &lt; b.</p>",
		"plain":                             "<p>plain</p>",
		"**b** `c`":                         "<p><strong>b</strong> <code>c</code></p>",
		"[o](orders)":                       `<p><a href="../model/orders.html">o</a></p>`,
		"[o](source.app.x) [p](ref:orders)": `<p><a href="../source/app.x.html">o</a> <a href="../model/orders.html">p</a></p>`,
		"[o](ref:orders.amount)":            `<p><a href="../model/orders.html#c-amount">o</a></p>`,
		"[o](ref:orders.nothing)":           "<p>o</p>",
		"[o](nowhere.md#x)":                 "<p>o</p>",
		"[o](javascript:alert(1))":          "<p>o</p>",
		"[o](java&#10;script:alert(1))":     "<p>o</p>",
		"[o](//evil.example/x)":             "<p>o</p>",
		"[o](https://a.example 'title')":    `<p><a href="https://a.example" rel="noreferrer">o</a></p>`,
		"<a?bcc=x@b.example>":               "<p>a?bcc=x@b.example</p>",
		"[o](mailto:a@b.example?bcc=x@y.z)": "<p>o</p>",
		"<a@b.example>":                     `<p><a href="mailto:a@b.example" rel="noreferrer">a@b.example</a></p>`,
		"<javascript:alert(1)>":             "<p>javascript:alert(1)</p>",
		"<data:text/html,x>":                "<p>data:text/html,x</p>",
		"![alt](http://x/y.png)":            "<p>alt</p>",
		"a <b>x</b>":                        "<p>a &lt;b&gt;x&lt;/b&gt;</p>",
		"<script>alert(1)</script>":         "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>",
		"<div onclick=x>\n*y*\n</div>":      "<p>&lt;div onclick=x&gt;\n*y*\n&lt;/div&gt;</p>",
		"# Head\n\n#### Deep\n\n## Up":      "<h3>Head</h3>\n<h4>Deep</h4>\n<h4>Up</h4>",
		"### Only":                          "<h3>Only</h3>",
		"see https://example.com/a":         `<p>see <a href="https://example.com/a" rel="noreferrer">https://example.com/a</a></p>`,
		"www.example.com":                   `<p><a href="http://www.example.com" rel="noreferrer">www.example.com</a></p>`,
		"1. one\n2. two":                    "<ol>\n<li>one</li>\n<li>two</li>\n</ol>",
		"|a|b|\n|-:|:-|\n|1|2|":             "<table>\n<thead>\n<tr>\n<th align=\"right\">a</th>\n<th align=\"left\">b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td align=\"right\">1</td>\n<td align=\"left\">2</td>\n</tr>\n</tbody>\n</table>",
		"bad \xff\x00 bytes":                "<p>bad \uFFFD\uFFFD bytes</p>",
	} {
		if d := cmp.Diff(want, p.HTML("../", in)); d != "" {
			t.Errorf("%q: %s", in, d)
		}
	}
}

func TestGlossary(t *testing.T) {
	p := shop(
		&content.Term{Name: "margin", Text: "What is **left**. More."}, &content.Term{Name: "net_margin", Text: "After tax."},
		&content.Term{Name: "sku", Text: "x"}, &content.Term{Name: "Größe", Text: "g"}, &content.Term{Name: "amp", Text: "a"},
	)
	link := func(term, title, text string) string {
		return `<a class="term" href="../glossary.html#g-` + term + `" title="` + title + `">` + text + `</a>`
	}
	md := func(term, title, text string) string { // attributes in the order of the library
		return `<a href="../glossary.html#g-` + term + `" class="term" title="` + title + `">` + text + `</a>`
	}
	for in, want := range map[string]string{
		"The margin, and the margin again.":    "<p>The " + link("margin", "What is left.", "margin") + ", and the margin again.</p>",
		"Net margins of each SKU.":             "<p>" + link("net_margin", "After tax.", "Net margins") + " of each " + link("sku", "x", "SKU") + ".</p>",
		"net-margin by margin":                 "<p>" + link("net_margin", "After tax.", "net-margin") + " by " + link("margin", "What is left.", "margin") + "</p>",
		"marginal, submargin, margin2":         "<p>marginal, submargin, margin2</p>",
		"Die Größe zählt":                      "<p>Die " + link("Größe", "g", "Größe") + " zählt</p>",
		"**margin** `sku` [sku](orders) SKUs":  "<p><strong>" + md("margin", "What is left.", "margin") + `</strong> <code>sku</code> <a href="../model/orders.html">sku</a> ` + md("sku", "x", "SKUs") + "</p>",
		"a &amp; b `c`":                        "<p>a &amp; b <code>c</code></p>",
		"[m](term:margin)":                     `<p><a href="../glossary.html#g-margin">m</a></p>`,
		"line with margin\nand more of *it*\n": "<p>line with " + md("margin", "What is left.", "margin") + "\nand more of <em>it</em></p>",
	} {
		if d := cmp.Diff(want, p.HTML("../", in)); d != "" {
			t.Errorf("%q: %s", in, d)
		}
	}
	if got := p.Term("", 0, "The margin of a SKU."); got != `<p>The margin of a <a class="term" href="glossary.html#g-sku" title="x">SKU</a>.</p>` {
		t.Errorf("a term leads to itself: %s", got)
	}
}

func TestTermsOncePerPage(t *testing.T) {
	p := shop(&content.Term{Name: "margin", Text: "x"})
	page := p.Page("../")
	for i, s := range []string{"The margin.", "The *margin*.", "The margin."} {
		if got := strings.Contains(page.HTML(s), "<a "); got != (i == 0) {
			t.Errorf("%d: %s", i, page.HTML(s))
		}
	}
	if got := p.Page("../").HTML("The *margin*."); !strings.Contains(got, "<a ") {
		t.Errorf("on another page: %s", got)
	}
}

// TestPlainIsWhatMarkdownMakes compares the short way with the parser on random texts of the
// characters that decide.
func TestPlainIsWhatMarkdownMakes(t *testing.T) {
	p := shop(&content.Term{Name: "zz", Text: "t"})
	rnd := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"a", "b c", "_", "-", "+", "=", ":", "/", "//", "://", ".", "www.", "1", "2.", "3)", "#", " ", "(", ")", "!", "'", `"`, "é", ";", "%", "http", "$", "^", "?", ",", "{{", "}}", "zzz", "--", "ftp"}
	short := 0
	for range 30_000 {
		var b strings.Builder
		for range 1 + rnd.IntN(7) {
			b.WriteString(pieces[rnd.IntN(len(pieces))])
		}
		s := strings.TrimSpace(b.String())
		if s == "" || !plain(s) {
			continue
		}
		short++
		got, want := p.paragraph("", s, map[int]bool{}), p.convert("", s, map[int]bool{})
		// The library writes quotes in another of the ways that mean the same.
		if tree(t, got) != tree(t, want) {
			t.Fatalf("%q: short way %q, parser %q", s, got, want)
		}
	}
	if short < 5_000 {
		t.Errorf("only %d texts went the short way", short)
	}
}

func tree(t *testing.T, s string) string {
	t.Helper()
	root, err := parser.Parse(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := parser.Render(&b, root); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Harmless fails if a piece of HTML can do more than be read.
func harmless(t *testing.T, what, s string) {
	t.Helper()
	root, err := parser.Parse(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == parser.CommentNode {
			t.Fatalf("%q made the comment %q", what, n.Data)
		}
		if n.Type != parser.ElementNode {
			continue
		}
		if !strings.Contains(" html head body p a em strong code pre ul ol li h3 h4 h5 h6 table thead tbody tr th td blockquote br hr del ", " "+n.Data+" ") {
			t.Fatalf("%q made <%s>", what, n.Data)
		}
		for _, a := range n.Attr {
			ok := a.Key == "class" || a.Key == "title" || a.Key == "rel" || a.Key == "align" || a.Key == "start"
			if a.Key == "href" {
				ok = strings.HasPrefix(a.Val, "../") || strings.HasPrefix(strings.ToLower(a.Val), "http") || strings.HasPrefix(a.Val, "mailto:")
			}
			if !ok {
				t.Fatalf("%q made %s=%q", what, a.Key, a.Val)
			}
		}
	}
}

func FuzzHarmless(f *testing.F) {
	for _, s := range []string{
		"<img src=x onerror=alert(1)>", "[a](javascript:x)", "<svg/onload=x>", "```html\n<script>\n```", "&lt;script&gt;", "<!-- x -->", "<?php ?>", "<![CDATA[x]]>",
		"[a]: javascript:x\n[a]", "![a](javascript:x \"t\")", "<a@b.example>", "http://a\"onclick=x", "| a |\n|:-:|\n| <b> |", "- [ ] x", "margin *margin* [margin]", "    margin\n\tcode", "> margin\n> 1. margin",
		"a\\\nmargin\\margin &margin;", "[x](<java\tscript:y>)", "www.a.b/<script>", "~~x~~", "1) x", "h\n===\n\nb\n---", "{#id .class onclick=x}\n# h {onclick=x}",
	} {
		f.Add(s)
	}
	p := shop(&content.Term{Name: "margin", Text: "<b>&\"' x"}, &content.Term{Name: "a b", Text: "y"})
	f.Fuzz(func(t *testing.T, s string) { harmless(t, s, p.HTML("../", s)) })
}

func TestHostileDescriptions(t *testing.T) {
	c := contenttest.Hostile()
	p := New(c, Links{Node: func(int) string { return "model/x.html" }, Column: func(int, int) string { return "c-x" }, Term: func(int) string { return "glossary.html#g" }})
	for _, n := range c.Nodes {
		harmless(t, n.Description, p.HTML("../", n.Description))
		for _, col := range n.Columns {
			harmless(t, col.Description, p.HTML("../", col.Description))
		}
	}
}

func TestSafeAtTheSameTime(t *testing.T) {
	p := shop(&content.Term{Name: "margin", Text: "x"})
	want := p.HTML("../", "**margin** of [o](orders)\n\nnext margin")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			fresh := shop(&content.Term{Name: "margin", Text: "x"})
			for range 200 {
				if got := p.convert("../", "**margin** of [o](orders)\n\nnext margin", map[int]bool{}); got != want {
					t.Errorf("got %s", got)
					return
				}
			}
			if fresh.HTML("../", "**margin** of [o](orders)\n\nnext margin") != want {
				t.Error("another writes another text")
			}
		})
	}
	wg.Wait()
}

func BenchmarkProse(b *testing.B) {
	p := shop(&content.Term{Name: "margin", Text: "x"})
	for name, s := range map[string]string{"plain": "The amount of the order in euros, margin included.", "markdown": "The **amount** of the [order](orders) in `euros`,\n\n* margin included\n* and more."} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if plain(s) {
					p.paragraph("../", s, map[int]bool{})
				} else {
					p.convert("../", s, map[int]bool{})
				}
			}
		})
	}
}

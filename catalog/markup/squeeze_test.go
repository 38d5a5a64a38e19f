package markup

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func TestSqueeze(t *testing.T) {
	for page, want := range map[string]string{
		"":                                    "",
		"text":                                "text",
		`<a class="x" href="../a.html">b</a>`: `<a class=x href=../a.html>b</a>`,
		`<rect rx="6"/>`:                      `<rect rx=6 />`,
		`<a title="two words" data-base="">b</a>`:      `<a title="two words" data-base="">b</a>`,
		`<a href="x?a=b">b</a>`:                        `<a href="x?a=b">b</a>`,
		`<a title="a>b">c</a>`:                         `<a title="a>b">c</a>`,
		"<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n":        "<ul><li>a<li>b</ul>",
		"<p>a</p>\n<p>b</p> c":                         "<p>a<p>b</p> c",
		"<div><p>a</p></div><p>b</p><b>c</b>":          "<div><p>a</div><p>b</p><b>c</b>",
		"<pre><code>\na\n\n<a>b</a>\nc</code></pre>\n": "<pre><code>\na\n\n<a>b</a>\nc</code></pre>\n",
		"<b>a</b>\n<b>c</b>":                           "<b>a</b>\n<b>c</b>",
		"<h2>\n a</h2>\n text":                         "<h2>\n a</h2>\n text",
		"<a title=\"x":                                 "<a title=\"x",
	} {
		if got := string(Squeeze(nil, []byte(page))); got != want {
			t.Errorf("%q: got %q, want %q", page, got, want)
		}
	}
}

// elements are what a browser has of a page: elements, attributes, and text between them without
// white space at its ends.
func elements(t *testing.T, page string) []string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	var walk func(n *html.Node, depth int, pre bool)
	walk = func(n *html.Node, depth int, pre bool) {
		switch n.Type {
		case html.ElementNode:
			s := strings.Repeat(" ", depth) + n.Data
			for _, a := range n.Attr {
				s += " " + a.Key + "=" + a.Val
			}
			out = append(out, s)
			pre = pre || n.Data == "pre"
		case html.TextNode:
			s := n.Data
			if !pre {
				s = strings.TrimSpace(s)
			}
			if s != "" {
				out = append(out, strings.Repeat(" ", depth)+"«"+s+"»")
			}
		}
		for c := range n.ChildNodes() {
			walk(c, depth+1, pre)
		}
	}
	walk(root, 0, false)
	return out
}

// FuzzSqueeze writes pages of any texts and compares what browsers make of them.
func FuzzSqueeze(f *testing.F) {
	f.Add("a", "b c", "ulp", "x\n<y>")
	f.Add("'\"><script>", "/", "td", "\n\n a")
	f.Fuzz(func(t *testing.T, name, title, shape, text string) {
		var w Writer
		w.Raw("<!doctype html>\n<html><body>\n")
		w.Link(name, title, text)
		for _, c := range shape {
			switch c {
			case 'u':
				w.Raw("<ul>\n<li>")
				w.Text(text)
				w.Raw("</li>\n<li>")
				w.Element("p", title, name)
				w.Raw("\n</li></ul>\n")
			case 'p':
				w.Element("p", name, text)
				w.Element("p", title, "")
				w.Raw("\n", `<svg viewBox="0 0 1 1"><rect`)
				w.Attr("class", name)
				w.Raw("/><text>")
				w.Text(text)
				w.Raw("</text></svg>")
			case 't':
				w.Raw("<table><tbody>\n<tr><td>")
				w.Text(text)
				w.Raw("</td><td></td></tr>\n<tr><th>")
				w.Element("code", name, title)
				w.Raw("</th></tr></tbody></table>\n")
			case 'd':
				w.Raw("<dl><div><dt>")
				w.Text(name)
				w.Raw("</dt><dd>")
				w.Text(text)
				w.Raw("</dd></div>\n</dl><pre>")
				w.Element("code", title, text)
				w.Raw("</pre>\n")
			case 'l':
				w.Raw("<section>")
				w.Element("h2", "", title)
				w.Raw("\n")
			}
		}
		page := string(w.Bytes())
		if want, got := elements(t, page), elements(t, string(Squeeze(nil, w.Bytes()))); !slices.Equal(want, got) {
			t.Errorf("%q\nwant %q\ngot  %q", page, want, got)
		}
	})
}

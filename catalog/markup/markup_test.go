package markup

import (
	"html"
	"strings"
	"testing"
	"unicode/utf8"

	parser "golang.org/x/net/html"
)

// TestTextEscapesAsTheLibrary compares with html.EscapeString on all that both leave alone.
func TestTextEscapesAsTheLibrary(t *testing.T) {
	for _, s := range []string{
		"", "plain", `<script>alert("1")</script>`, `a & b`, `it's`, "näive 你好 🙂", "line\nnext\ttab", "\u202eright to left", "&amp; again", strings.Repeat("<>", 100),
	} {
		if got, want := Escape(s), html.EscapeString(s); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "<", "\x00", "\xff\xfe", "a\rb", "\u0085", "\ufdd0", "é<\xc3", `"'` + "`", "]]>", "<!--"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := Escape(s)
		if !utf8.ValidString(out) || strings.ContainsAny(out, `<>"'`) {
			t.Fatalf("%q became %q", s, out)
		}
		root, err := parser.Parse(strings.NewReader(`<!doctype html><body><p title="` + out + `">` + out))
		if err != nil {
			t.Fatal(err)
		}
		p := root.LastChild.LastChild.FirstChild
		text := ""
		if p.FirstChild != nil {
			text = p.FirstChild.Data
		}
		if p.Data != "p" || len(p.Attr) != 1 || p.FirstChild != nil && p.FirstChild.NextSibling != nil || p.Attr[0].Val != text {
			t.Fatalf("%q: the page holds %q and %q", s, p.Attr, text)
		}
	})
}

func TestLinks(t *testing.T) {
	var w Writer
	w.Link("../model/a.html#c-x", "", "a <b>")
	w.Link("", "", "plain")
	w.Link("", "x", "span")
	w.Outside("javascript:alert(1)", "js")
	w.Outside("https://example.com/?a=1&b=\"2\"", "out")
	w.Coord(1.25)
	w.Raw(" ")
	w.Coord(12)
	w.Raw(" ")
	w.Int(-3)
	want := `<a href="../model/a.html#c-x">a &lt;b&gt;</a>plain<span class="x">span</span>js<a rel="noreferrer" href="https://example.com/?a=1&amp;b=&#34;2&#34;">out</a>1.2 12 -3`
	if got := string(w.Bytes()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if w.Reset(); w.Len() != 0 {
		t.Error("not empty")
	}
}

func TestExternal(t *testing.T) {
	for s, want := range map[string]bool{
		"https://example.com": true, "HTTP://example.com/x": true, "mailto:a@example.com": true, "mailto:a@example.com?subject=Hello%20you": true, "mailto:a@example.com?bcc=b@evil.example": false,
		"mailto:a@example.com?subject=x&bcc=b@evil.example": false, "mailto:a@example.com?subject=x%0D%0ABcc:b@evil.example": false, "mailto:javascript:x": false,
		"javascript:alert(1)": false, "JaVaScRiPt:alert(1)": false, "data:text/html,x": false, "//example.com": false, "/x": false, "": false,
		"http:x": false, " https://example.com": false, "java\nscript:x": false, "vbscript:x": false, "file:///etc/passwd": false, "https://a\x00b": false,
	} {
		if got := External(s); got != want {
			t.Errorf("%q: got %v", s, got)
		}
	}
}

package catalog

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/url"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/html"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/content/contenttest"
)

// catalogs are the sites that all checks are made on.
var catalogs = map[string]func() *content.Catalog{
	"small":   contenttest.Small,
	"hostile": contenttest.Hostile,
	"empty": func() *content.Catalog {
		return &content.Catalog{Project: "empty", Flow: content.Flow{First: []int32{0}}}
	},
	"large": func() *content.Catalog { return contenttest.Large(2000) },
}

// made makes all files of a site, on all processors.
func made(s *Site) map[string][]byte {
	out := make(map[string][]byte, len(s.jobs))
	var mu sync.Mutex
	var wg sync.WaitGroup
	next := make(chan string)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for p := range next {
				body, _ := s.File(p)
				mu.Lock()
				out[p] = body
				mu.Unlock()
			}
		})
	}
	for _, p := range s.Paths() {
		next <- p
	}
	close(next)
	wg.Wait()
	return out
}

// page is a parsed page.
type page struct {
	ids   map[string]bool
	links []string // href and src of everything
	text  string
	wrong []string
}

// void elements and those whose end may be left out say nothing when they are not closed.
var openEnded = map[string]bool{
	"area": true, "base": true, "br": true, "col": true, "hr": true, "img": true, "input": true, "link": true, "meta": true, "wbr": true, "!doctype": true,
	"li": true, "dt": true, "dd": true, "p": true, "td": true, "th": true, "tr": true, "tbody": true, "thead": true, "option": true, "html": true, "body": true, "head": true,
}

func parse(body []byte) page {
	p := page{ids: map[string]bool{}}
	complain := func(format string, args ...any) { p.wrong = append(p.wrong, fmt.Sprintf(format, args...)) }
	p.wrong = append(p.wrong, nesting(body)...)
	root, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		complain("%v", err)
		return p
	}
	var text strings.Builder
	landmarks := map[string]int{}
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			text.WriteString(n.Data + " ")
		}
		for _, a := range n.Attr {
			switch {
			case a.Key == "id":
				if p.ids[a.Val] {
					complain("id %q twice", a.Val)
				}
				p.ids[a.Val] = true
			case a.Key == "href" || a.Key == "src":
				p.links = append(p.links, a.Val)
			case a.Key == "style" || strings.HasPrefix(a.Key, "on"):
				complain("attribute %s=%q on <%s>", a.Key, a.Val, n.Data)
			}
		}
		if n.Type == html.ElementNode {
			switch n.Data {
			case "main", "h1", "title":
				if n.Namespace == "" {
					landmarks[n.Data]++
				}
			case "script":
				if n.FirstChild != nil {
					complain("inline script")
				}
			case "style", "img", "iframe", "object", "embed", "base", "form", "video", "audio", "math":
				complain("<%s>", n.Data)
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(root)
	for _, name := range []string{"main", "h1", "title"} {
		if landmarks[name] != 1 {
			complain("%d times <%s>", landmarks[name], name)
		}
	}
	p.text = strings.Join(strings.Fields(text.String()), " ")
	return p
}

// nesting checks that what is opened is closed in order: a parser mends everything in silence.
func nesting(body []byte) []string {
	var open []string
	z := html.NewTokenizer(bytes.NewReader(body))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if z.Err() != io.EOF {
				return []string{z.Err().Error()}
			}
			for _, name := range open {
				if !openEnded[name] {
					return []string{"<" + name + "> is not closed"}
				}
			}
			return nil
		case html.StartTagToken:
			name, _ := z.TagName()
			if !openEnded[string(name)] {
				open = append(open, string(name))
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if openEnded[string(name)] {
				continue
			}
			if len(open) == 0 || open[len(open)-1] != string(name) {
				return []string{fmt.Sprintf("</%s> closes %v", name, open[max(0, len(open)-3):])}
			}
			open = open[:len(open)-1]
		}
	}
}

// TestPages checks every page of every site: it is well formed, loads only what is in the site,
// and all that it leads to is there, on file systems that tell cases apart and on others.
func TestPages(t *testing.T) {
	for name, c := range catalogs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := made(Build(c(), Options{}))
			checkSite(t, files)
			if name == "large" {
				checkSizes(t, files)
			}
		})
	}
}

func checkSite(t *testing.T, files map[string][]byte) {
	t.Helper()
	pages := parseAll(t, files)
	folded := map[string]string{}
	for p := range files {
		low := strings.ToLower(p)
		if other, taken := folded[low]; taken {
			t.Errorf("%q and %q differ only in case", p, other)
		}
		folded[low] = p
		for part := range strings.SplitSeq(p, "/") {
			stem, _, _ := strings.Cut(strings.ToLower(part), ".")
			if slices.Contains(devices, stem) || strings.ContainsAny(part, `<>:"\|?*`) || strings.HasSuffix(part, ".") || strings.HasSuffix(part, " ") || len(part) > 140 {
				t.Errorf("%q cannot be a file on every system", p)
			}
		}
	}
	for from, p := range pages {
		for _, wrong := range p.wrong {
			t.Errorf("%s: %s", from, wrong)
		}
		for _, link := range p.links {
			if wrong := follow(files, pages, from, link); wrong != "" {
				t.Errorf("%s: link %q: %s", from, link, wrong)
			}
		}
		if t.Failed() {
			return // one bad page says enough
		}
	}
}

func parseAll(t *testing.T, files map[string][]byte) map[string]page {
	t.Helper()
	pages := map[string]page{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	next := make(chan string)
	meta := []byte(`<meta http-equiv=Content-Security-Policy content="` + policy + `">`)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for p := range next {
				q := parse(files[p])
				if !bytes.Contains(files[p], meta) {
					q.wrong = append(q.wrong, "no content policy")
				}
				q.text = ""
				mu.Lock()
				pages[p] = q
				mu.Unlock()
			}
		})
	}
	for p := range files {
		if strings.HasSuffix(p, ".html") {
			next <- p
		}
	}
	close(next)
	wg.Wait()
	return pages
}

// follow says what is wrong with a link, or nothing.
func follow(files map[string][]byte, pages map[string]page, from, link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return err.Error()
	}
	switch u.Scheme {
	case "https", "http", "mailto":
		return ""
	case "":
	default:
		return "scheme"
	}
	if strings.HasPrefix(u.Path, "/") || u.Host != "" {
		return "absolute"
	}
	target := from
	if u.Path != "" {
		target = path.Join(path.Dir(from), u.Path)
	}
	if _, ok := files[target]; !ok {
		return "dead"
	}
	if u.Fragment == "" || target == "lineage.html" || target == "search.html" { // their fragments are states
		return ""
	}
	if !pages[target].ids[u.Fragment] {
		return "no such anchor"
	}
	return ""
}

// TestNothingFromOutside checks that no page and no script loads or names anything elsewhere.
func TestNothingFromOutside(t *testing.T) {
	outside := regexp.MustCompile(`(?i)(src|srcset|action|formaction|poster|data)=["'](https?:)?//|@import|url\((["'])?(https?:)?//`)
	for p, body := range made(Build(contenttest.Small(), Options{})) {
		if m := outside.Find(body); m != nil && strings.HasSuffix(p, ".html") {
			t.Errorf("%s: %s", p, m)
		}
		if strings.HasPrefix(p, "a/") {
			for _, bad := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "importScripts", "XMLHttpRequest", "fetch(", "new Worker"} {
				if bytes.Contains(body, []byte(bad)) {
					t.Errorf("%s has %s", p, bad)
				}
			}
		}
	}
}

// TestSameBytes checks that the same catalog gives the same site, on any number of processors.
func TestSameBytes(t *testing.T) {
	for name, c := range map[string]func() *content.Catalog{"small": contenttest.Small, "hostile": contenttest.Hostile, "large": func() *content.Catalog { return contenttest.Large(120) }} {
		a := made(Build(c(), Options{}))
		before := runtime.GOMAXPROCS(1)
		b := made(Build(c(), Options{}))
		runtime.GOMAXPROCS(before)
		if len(a) != len(b) {
			t.Fatalf("%s: %d and %d files", name, len(a), len(b))
		}
		for p := range a {
			if !bytes.Equal(a[p], b[p]) {
				t.Errorf("%s: %s differs", name, p)
			}
		}
	}
}

func zipped(b []byte) int {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Len()
}

// checkSizes keeps pages small: what a reader waits for does not grow with the project.
func checkSizes(t *testing.T, files map[string][]byte) {
	t.Helper()
	var nodes, others []int
	for p, body := range files {
		switch dir, _, _ := strings.Cut(p, "/"); {
		case !strings.HasSuffix(p, ".html"):
		case dir == "model" || dir == "source" || dir == "seed" || dir == "snapshot" || dir == "exposure":
			nodes = append(nodes, zipped(body))
		default:
			n := zipped(body)
			others = append(others, n)
			if n > 48<<10 {
				t.Errorf("%s: %d bytes compressed", p, n)
			}
		}
	}
	slices.Sort(nodes)
	slices.Sort(others)
	p50, p99 := nodes[len(nodes)/2], nodes[len(nodes)*99/100]
	t.Logf("pages of nodes: p50 %d, p99 %d; other pages: p50 %d, largest %d", p50, p99, others[len(others)/2], others[len(others)-1])
	if p50 > 6<<10 || p99 > 30<<10 {
		t.Errorf("pages of nodes: p50 %d, p99 %d bytes compressed", p50, p99)
	}
}

// TestMapStaysSmall draws a project of 5,000 models.
func TestMapStaysSmall(t *testing.T) {
	b := newBook(contenttest.Large(5000), Options{})
	if n := len(b.mapSVG("")); n > 150_000 || n < 10_000 {
		t.Errorf("the map has %d bytes", n)
	}
}

// TestNoTimeUnlessGiven checks that pages do not say when they were made unless they know.
func TestNoTimeUnlessGiven(t *testing.T) {
	c := contenttest.Small()
	c.Generated, c.Engine = c.Generated.AddDate(-3000, 0, 0), ""
	c.Generated = content.Catalog{}.Generated
	body, _ := Build(c, Options{}).File("index.html")
	if bytes.Contains(body, []byte("Generated")) {
		t.Error("footer has a time")
	}
}

// TestArchive checks that a site survives an archive: every path is one that tools unpack.
func TestArchive(t *testing.T) {
	files := made(Build(contenttest.Hostile(), Options{}))
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for p, body := range files {
		f, err := w.Create(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.File) != len(files) {
		t.Fatalf("%d files, want %d", len(r.File), len(files))
	}
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(in)
		if err != nil || !bytes.Equal(body, files[f.Name]) || f.NonUTF8 {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}

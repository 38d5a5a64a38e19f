package article

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/content/contenttest"
	"github.com/engine-build/engine/catalog/markup"
	"github.com/engine-build/engine/catalog/words"
)

// numbered gives every page a name from its number.
func numbered(c *content.Catalog) Links {
	at := func(kind string) func(int) string {
		return func(i int) string { return kind + "/" + strconv.Itoa(i) + ".html" }
	}
	named := func(kind string) func(string) string {
		return func(s string) string { return fmt.Sprintf("%s/%x.html", kind, s) }
	}
	l := Links{
		Node: at("node"), Macro: at("macro"), Customer: at("customer"), Folder: named("folder"), Tag: named("tag"), Owner: named("owner"), Group: named("group"), Tier: named("tier"),
		Column: func(n, i int) string { return "c-" + strconv.Itoa(i) }, TestID: func(i int) string { return "t-" + strconv.Itoa(i) },
		Term: func(i int) string { return "glossary.html#g-" + strconv.Itoa(i) }, Explore: func(n int) string { return "lineage.html#n=" + strconv.Itoa(n) },
	}
	l.Test = func(i int) string {
		t := c.Tests[i]
		switch {
		case HasPage(t):
			return "test/" + strconv.Itoa(i) + ".html"
		case t.Of >= 0:
			return l.Node(t.Of) + "#" + l.TestID(i)
		}
		return ""
	}
	return l
}

// articles are all articles of a catalog by name.
func articles(c *content.Catalog) map[string]string {
	b := New(c, numbered(c))
	out := map[string]string{}
	var w markup.Writer
	put := func(name string) {
		out[name] = string(w.Bytes())
		w.Reset()
	}
	for i, n := range c.Nodes {
		b.Node(&w, i)
		put(string(n.ID.Kind) + " " + n.ID.Name)
	}
	for i, t := range c.Tests {
		if HasPage(t) {
			b.Test(&w, i)
			put("test " + t.ID.Name)
		}
	}
	for i, m := range c.Macros {
		b.Macro(&w, i)
		put("macro " + m.Name)
	}
	return out
}

// parsed is an article as a browser has it.
type parsed struct {
	text         string
	ids          map[string]bool
	hrefs, elems []string
}

func parse(t *testing.T, name, s string) parsed {
	t.Helper()
	root, err := html.Parse(strings.NewReader(`<!doctype html><html><body><main>` + strings.ReplaceAll(s, "<wbr>", "") + `</main></body></html>`))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	p := parsed{ids: map[string]bool{}}
	var text strings.Builder
	for n := range root.Descendants() {
		switch n.Type {
		case html.TextNode:
			text.WriteString(n.Data + " ")
		case html.CommentNode:
			t.Errorf("%s: comment %q", name, n.Data)
		case html.ElementNode:
			p.elems = append(p.elems, n.Data)
		}
		for _, a := range n.Attr {
			switch {
			case a.Key == "id":
				if p.ids[a.Val] {
					t.Errorf("%s: id %q twice", name, a.Val)
				}
				p.ids[a.Val] = true
			case a.Key == "href":
				p.hrefs = append(p.hrefs, a.Val)
			case a.Key == "aria-label":
				text.WriteString(a.Val + " ")
			}
		}
	}
	p.text = strings.Join(strings.Fields(text.String()), " ")
	return p
}

// whole joins what tags have parted.
func whole(s string) string {
	return strings.NewReplacer(" .", ".", " ,", ",").Replace(s)
}

// TestEveryFactIsOnItsPage goes through all that the small catalog says of a node.
func TestEveryFactIsOnItsPage(t *testing.T) {
	c := contenttest.Small()
	c.Nodes[6].Problems, c.Nodes[7].Because = []string{`column "x" does not exist`}, []int{6}
	c.Nodes[7].Withheld, c.Nodes[7].NoFlow = true, "it calls ML.PREDICT"
	c.Nodes[7].Offer = &content.Offer{As: "dw.sales", Columns: []content.Offered{{Column: "amount", Mask: "hash"}}}
	pages := articles(c)
	for _, n := range c.Nodes {
		name := string(n.ID.Kind) + " " + n.ID.Name
		text := whole(parse(t, name, pages[name]).text)
		want := func(all ...string) {
			for _, s := range all {
				if s = strings.Join(strings.Fields(s), " "); s != "" && !strings.Contains(text, s) {
					t.Errorf("%s: missing %q", name, s)
				}
			}
		}
		want(n.ID.Name, n.Label, n.Relation, n.Materialized, n.Owner, n.Group, n.Tier, n.Grain, n.NoTypes, n.File, n.Data.Partitioned, string(n.ID.Kind))
		want(n.Tags...)
		want(n.Data.Clustered...)
		want(n.Problems...)
		for _, p := range n.Meta {
			want(p.Name, p.Value)
		}
		for _, f := range n.Facts {
			want(f.Name, f.Value)
		}
		if n.Contract {
			want("contract")
		}
		if n.Version != nil {
			want("Version " + n.Version.Name + " of " + n.Version.Model)
		}
		if !n.Deprecated.IsZero() {
			want("deprecated", words.Day(n.Deprecated))
		}
		if n.Data.Rows >= 0 {
			want(words.Count(n.Data.Rows))
			if n.Data.Bytes >= 0 {
				want(words.Size(n.Data.Bytes))
			}
		}
		want(words.When(n.Data.BuiltAt))
		for _, b := range n.History {
			want(strings.TrimSuffix(words.When(b.At), " UTC"), words.Took(b.Took), words.Count(b.Rows))
		}
		want(words.Built(n.Status).Word)
		for _, a := range n.Advice {
			want(a.Text)
			if a.Prefer >= 0 {
				want("→ " + c.Nodes[a.Prefer].ID.Name)
			}
		}
		for _, list := range [][]int{n.Parents, n.Children, n.Because} {
			for _, i := range list {
				want(c.Nodes[i].ID.Name)
			}
		}
		for _, i := range n.Customers {
			want(c.Customers[i].Title)
		}
		for _, i := range n.Macros {
			want(c.Macros[i].Name)
		}
		if n.ForAll {
			want("Every customer receives it")
		}
		if n.Withheld {
			want("not shared")
		}
		if s := n.Source; s != nil {
			want(s.Name, s.Description, s.Loader, s.LoadedAt, words.Period(s.WarnAfter), words.Period(s.ErrorAfter), words.When(s.Loaded), words.Fresh(s.Fresh).Word)
		}
		if s := n.Seed; s != nil {
			want(s.Format, words.Size(s.Size))
		}
		if x := n.Exposure; x != nil {
			want(x.Type, x.URL, x.Maturity, x.OwnerName, x.Email)
		}
		for _, col := range n.Columns {
			want(col.Name, col.Type, col.Description)
			want(col.Tags...)
			want(col.Constraints...)
			if col.Sensitive {
				want("sensitive")
			}
			if x := col.Profile; x != nil {
				want(words.Share(x.Nulls, x.Rows)+" null", words.Count(x.Distinct)+" distinct", x.Min, x.Max)
				for _, v := range x.Top {
					want(v.Value, words.Share(v.Rows, x.Rows))
				}
			}
		}
		for _, i := range n.Tests {
			x := c.Tests[i]
			want(x.Sentence, x.Description, words.Tested(x.Status).Word, x.Where, x.Problem, x.Stored)
			if !HasPage(x) {
				want(x.SQL)
			}
			if x.Failures > 0 {
				want(words.Plural(x.Failures, "failing row"))
			}
			if x.Sample != nil {
				want(x.Sample.Columns...)
				for _, r := range x.Sample.Rows {
					want(r...)
				}
			}
		}
		if !strings.Contains(pages[name], markup.Escape(n.Template.Text)) && len(n.Template.Links) == 0 {
			t.Errorf("%s: no template", name)
		}
	}
	for page, wants := range map[string][]string{
		"model fct_order":          {"From stg_orders.amount condition case when amount > 0 then amount end", "Read by mart_sales.amount aggregated", "Which rows it has is decided by stg_orders.amount filter amount is not null", "see also version 1", "2 failed, 1 warned, 1 not run", "Last 3 runs: 1 failed, 2 passed", "Two steps away"},
		"model stg_orders":         {"From shop.orders.amount transformed amount / 100.0", "fct_order (rows) filter", "1 passed"},
		"model mart_sales":         {"customers see a hash", "Customers read it as dw.sales", "Where columns come from is not known, or not wholly: it calls ML.PREDICT.", "because fct_order did not succeed"},
		"model fct_order_v1":       {"see also version 2 (latest)"},
		"source shop.orders":       {"late", "15 hours before the check"},
		"model stg_customers":      {`No description yet. Add one to the entry of "stg_customers" in models/models.yml:8.`},
		"test assert_sales_add_up": {"division by zero", "Sales are what orders add up to.", "fct_order", "mart_sales", "select * from main.fct_order"},
		"test fct_order_joins":     {"unit test", "not run", "Add one to its entry in models/models.yml:5.", "Expected rows 2", "order_id amount 1 9.99 2 NULL", "fct_order"},
		"macro cents":              {"Cents as an amount.", "{{ x }} / 100.0", "macros/cents.sql", "stg_orders"},
		"macro unused":             {"No model uses it", "No description yet."},
	} {
		text := whole(parse(t, page, pages[page]).text)
		for _, s := range wants {
			if !strings.Contains(text, s) {
				t.Errorf("%s: missing %q in\n%s", page, s, text)
			}
		}
	}
	for page, want := range map[string]string{
		"model fct_order":      `<a href="3.html">{{ ref(&#39;stg_orders&#39;) }}</a>`,
		"model mart_sales":     `<a href="5.html">main.dim_customer</a>`,
		"exposure sales_board": `<a rel="noreferrer" href="https://bi.example.com/sales">`,
		"model stg_orders":     `href="../glossary.html#g-0"`,
	} {
		if !strings.Contains(pages[page], want) {
			t.Errorf("%s: missing %s in\n%s", page, want, pages[page])
		}
	}
}

func TestAnchorsResolve(t *testing.T) {
	for name, c := range map[string]*content.Catalog{"small": contenttest.Small(), "hostile": contenttest.Hostile(), "large": contenttest.Large(300)} {
		b := New(c, numbered(c))
		var pages []parsed
		var w markup.Writer
		for i, n := range c.Nodes {
			w.Reset()
			b.Node(&w, i)
			pages = append(pages, parse(t, name+" "+n.ID.Name, string(w.Bytes())))
		}
		links := 0
		for i, p := range pages {
			for _, h := range p.hrefs {
				path, id, _ := strings.Cut(h, "#")
				if id == "" || strings.HasPrefix(path, "../lineage") || strings.HasPrefix(path, "../glossary") || strings.Contains(path, ":") {
					continue
				}
				target := i
				if path != "" {
					if n, err := fmt.Sscanf(path, "%d.html", &target); n != 1 || err != nil {
						t.Fatalf("%s: page %d leads to %q", name, i, h)
					}
				}
				if links++; !pages[target].ids[id] {
					t.Errorf("%s: page %d leads to %q, which is not there", name, i, h)
				}
			}
		}
		if links == 0 {
			t.Errorf("%s: no links", name)
		}
	}
}

// besides are pages in the same folder.
var besides = regexp.MustCompile(`^[0-9]+\.html(#[ct]-[0-9]+|#columns)?$`)

// TestHostileTextStaysText looks at what a browser would make of articles whose every text
// attacks it.
func TestHostileTextStaysText(t *testing.T) {
	c := contenttest.Hostile()
	known := "html head body main nav a span header h1 h2 h3 h4 h5 h6 i p svg path code button section div dl dt dd b small table thead tbody tr th td ul ol li details summary pre aside title rect text g circle label input br em strong del blockquote hr wbr"
	for name, s := range articles(c) {
		root, err := html.Parse(strings.NewReader("<!doctype html><body><main>" + s))
		if err != nil {
			t.Fatal(err)
		}
		for n := range root.Descendants() {
			if n.Type == html.CommentNode {
				t.Errorf("%q: comment %q", name, n.Data)
			}
			if n.Type != html.ElementNode {
				continue
			}
			if !slices.Contains(strings.Fields(known), n.Data) {
				t.Errorf("%q: <%s>", name, n.Data)
			}
			for _, a := range n.Attr {
				key := a.Key
				switch {
				case key == "style", strings.HasPrefix(key, "on"), key == "src", key == "srcdoc", key == "formaction", key == "action":
					t.Errorf("%q: %s=%q on <%s>", name, key, a.Val, n.Data)
				case key == "href" && !besides.MatchString(a.Val) && !strings.HasPrefix(a.Val, "../") && !strings.HasPrefix(a.Val, "#") && !markup.External(a.Val):
					t.Errorf("%q: href=%q", name, a.Val)
				case key == "class" && strings.ContainsAny(a.Val, "<>\"'"):
					t.Errorf("%q: class=%q", name, a.Val)
				case !slices.Contains(strings.Fields("href class id role title rel tabindex hidden type placeholder autocomplete align start open scope width height viewbox viewBox d cx cy r rx x y fill transform aria-label aria-labelledby aria-hidden data-copy data-filter data-explore"), key):
					t.Errorf("%q: attribute %s", name, key)
				}
			}
		}
	}
}

func TestEmptyStatesNameTheCause(t *testing.T) {
	c := contenttest.Small()
	n := c.Nodes[4]
	n.Columns, n.NoTypes, n.Data, n.History, n.Tests = nil, "it calls ML.PREDICT", content.Data{Rows: -1, Bytes: -1}, nil, nil
	c.Flow = content.Flow{}
	text := parse(t, "x", articles(c)["model stg_customers"]).text
	for _, want := range []string{
		"Columns are not known: it calls ML.PREDICT. Build the project or declare them in models/models.yml:8.", "No build recorded. Run engine build --select stg_customers",
		`No tests. Add data_tests to the entry of "stg_customers" in models/models.yml:8.`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("missing %q in %s", want, text)
		}
	}
	c.Audience = "acme"
	c.Tests[0].Status, c.Tests[0].History, c.Tests[0].At = content.Unknown, nil, time.Time{}
	if text := parse(t, "x", articles(c)["model stg_orders"]).text; strings.Contains(text, "not run") || !strings.Contains(text, "order_id is never null") {
		t.Errorf("customers are told of an outcome that nobody told them: %s", text)
	}
	text = parse(t, "x", articles(c)["model stg_customers"]).text
	for _, not := range []string{"engine build", "declare them", "No tests", "No description", "Nothing reads"} {
		if strings.Contains(text, not) {
			t.Errorf("customers read %q", not)
		}
	}
}

func TestGolden(t *testing.T) {
	pages := articles(contenttest.Small())
	for _, name := range []string{"model fct_order", "model fct_order_v1", "source shop.orders", "seed countries", "snapshot snap_customer", "exposure sales_board", "test assert_sales_add_up", "test fct_order_joins", "macro cents"} {
		file := filepath.Join("testdata", strings.ReplaceAll(name, " ", "_")+".html")
		if os.Getenv("ENGINE_UPDATE") != "" {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(pages[name]), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatalf("%v; make the golden files with ENGINE_UPDATE=1", err)
		}
		if d := cmp.Diff(string(want), pages[name]); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// TestReach compares the counts with walks, over more nodes than one block holds.
func TestReach(t *testing.T) {
	for _, c := range []*content.Catalog{contenttest.Small(), contenttest.Large(4_500)} {
		b := New(c, Links{})
		for n := range c.Nodes {
			if n%37 != 0 {
				continue
			}
			for name, x := range map[string]struct {
				next func(*content.Node) []int
				got  int
			}{
				"up":   {func(n *content.Node) []int { return n.Parents }, b.Upstream(n)},
				"down": {func(n *content.Node) []int { return n.Children }, b.Downstream(n)},
			} {
				seen, ring := map[int]bool{n: true}, []int{n}
				for len(ring) > 0 {
					i := ring[0]
					ring = ring[1:]
					for _, j := range x.next(c.Nodes[i]) {
						if !seen[j] {
							seen[j] = true
							ring = append(ring, j)
						}
					}
				}
				if len(seen)-1 != x.got {
					t.Fatalf("%s of %d: got %d, want %d", name, n, x.got, len(seen)-1)
				}
			}
		}
	}
}

// TestSameAtTheSameTime writes from several goroutines and compares.
func TestSameAtTheSameTime(t *testing.T) {
	c := contenttest.Large(200)
	want := articles(c)
	b := New(c, numbered(c))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			var w markup.Writer
			for i, n := range c.Nodes {
				w.Reset()
				b.Node(&w, i)
				if want[string(n.ID.Kind)+" "+n.ID.Name] != string(w.Bytes()) {
					t.Errorf("%s differs", n.ID.Name)
					return
				}
			}
		})
	}
	wg.Wait()
}

func zipped(b []byte) int {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Len()
}

// TestSizes holds articles to the budget of pages, less what surrounds them: half of them below
// 6 KB compressed and 99 of 100 below 30 KB.
func TestSizes(t *testing.T) {
	c := contenttest.Large(2_000)
	b := New(c, numbered(c))
	var sizes []int
	var w markup.Writer
	biggest, name := 0, ""
	for i, n := range c.Nodes {
		w.Reset()
		b.Node(&w, i)
		z := zipped(w.Bytes())
		sizes = append(sizes, z)
		if z > biggest {
			biggest, name = z, fmt.Sprintf("%s (%d columns, %d children, %d raw)", n.ID.Name, len(n.Columns), len(n.Children), w.Len())
		}
	}
	slices.Sort(sizes)
	p50, p99 := sizes[len(sizes)/2], sizes[len(sizes)*99/100]
	t.Logf("p50 %d, p99 %d, most %d: %s", p50, p99, biggest, name)
	if p50 > 5_000 || p99 > 28_000 {
		t.Errorf("articles have %d bytes in the middle and %d at 99 %%", p50, p99)
	}
}

func BenchmarkNodes(b *testing.B) {
	c := contenttest.Large(10_000)
	b.ResetTimer()
	total := 0
	for b.Loop() {
		book := New(c, numbered(c))
		total = 0
		var w markup.Writer
		for i := range c.Nodes {
			w.Reset()
			book.Node(&w, i)
			total += w.Len()
		}
	}
	b.ReportMetric(float64(total)/1e6, "MB")
	b.ReportMetric(float64(len(c.Nodes)), "pages")
}

func BenchmarkNew(b *testing.B) {
	c := contenttest.Large(10_000)
	for b.Loop() {
		New(c, numbered(c))
	}
}

package catalog

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/content/contenttest"
	"github.com/engine-build/engine/catalog/markup"
	"github.com/engine-build/engine/engine/addr"
)

func textOf(t *testing.T, s *Site, path string) string {
	t.Helper()
	body, ok := s.File(path)
	if !ok {
		t.Fatalf("there is no %s", path)
	}
	return parse(body).text
}

// TestPagesTell looks for what each page is there to say.
func TestPagesTell(t *testing.T) {
	s := Build(contenttest.Small(), Options{})
	for page, wants := range map[string][]string{
		"index.html":                 {"Last run failed", "6 models", "Needs attention", "order_id is unique: 2 failing rows", "Newest row: 2026-03-01 15:00 UTC", "columns described", "Slowest builds", "models/marts", "stg_orders"},
		"browse.html":                {"Tiers", "Owners", "finance@example.com", "Groups", "Lists", "Without a description", "Deprecated"},
		"columns.html":               {"Columns", "customer_id", "Most common"},
		"columns/o.html":             {"order_id", "fct_order"},
		"tests.html":                 {"order_id is unique", "2 failing rows", "By kind", "relationships", "●● ✕"},
		"sources.html":               {"shop", "orders", "late", "Newest row"},
		"exposures.html":             {"What people use"},
		"glossary.html":              {"Used by"},
		"customers.html":             {"Delivered as", "Last release"},
		"runs.html":                  {"Last runs", "Longest chain", "By owner", "finance@example.com", "2 min 0 s"},
		"folder/models.marts.html":   {"folder marts", "fct_order", "Coverage", "Owners"},
		"folder/sources.shop.html":   {"shop.orders"},
		"tier/fct.html":              {"tier fct", "fct_order"},
		"owner/finance_example.com~": {"stg_orders"},
		"list/undescribed.html":      {"Nobody has said yet"},
		"list/deprecated.html":       {"Leave by", "2026-04-02"},
		"list/attention.html":        {"fct_order"},
		"help.html":                  {"Keyboard", "tier:fct", "longest chain"},
		"404.html":                   {"has this address"},
		"search.html":                {"needs scripting"},
		"lineage.html":               {"Lineage"},
		"area/marts.html":            {"domain marts"},
		"area/marts~fct.html":        {"marts · fact", "fct_order"},
	} {
		if strings.HasSuffix(page, "~") { // a name with a hash
			k := slices.IndexFunc(s.Paths(), func(p string) bool { return strings.HasPrefix(p, page) })
			if k < 0 {
				t.Errorf("no page begins with %s", page)
				continue
			}
			page = s.Paths()[k]
		}
		text := textOf(t, s, page)
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q: %s", page, want, text)
			}
		}
	}
}

// TestEmptyStates checks that a page without content names the cause and what to do.
func TestEmptyStates(t *testing.T) {
	s := Build(nothing(), Options{})
	for page, want := range map[string]string{
		"index.html":     "This project has no models yet. Add a file to the models folder",
		"browse.html":    "Nothing has a tag: give models «tags:».",
		"columns.html":   "No columns are known. Build the project",
		"tests.html":     "This project has no tests yet. Add data_tests",
		"sources.html":   "This project declares no sources.",
		"exposures.html": "This project declares no exposures.",
		"macros.html":    "This project has no macros.",
		"glossary.html":  "There are no terms yet.",
		"customers.html": "Nothing is delivered to customers.",
		"runs.html":      "No run is recorded. Run «engine build»",
		"lineage.html":   "",
	} {
		if text := textOf(t, s, page); !strings.Contains(text, want) {
			t.Errorf("%s: %s", page, text)
		}
	}
	if text := textOf(t, s, "index.html"); !strings.Contains(text, "No run recorded") {
		t.Error(text)
	}
}

func TestSlug(t *testing.T) {
	for in, want := range map[string]string{
		"stg_orders": "stg_orders", "app.material": "app.material", "Orders": "orders~", "con": "con~", "aux.x": "aux_x~", "nul.tar.gz": "nul_tar.gz~", "": "~", "..": "~", "a/b": "a_b~",
		strings.Repeat("x", 300): strings.Repeat("x", 90) + "~",
	} {
		got := slug(in)
		if strings.HasSuffix(want, "~") {
			got = got[:strings.IndexByte(got, '~')+1]
		}
		if got != want {
			t.Errorf("slug(%q) = %q, want %q", in, got, want)
		}
	}
	seen := map[string]string{}
	for _, s := range append([]string{"or ders", "or_ders", "or/ders", ".orders", "orders.", "größe", "grösse"}, contenttest.Attacks...) {
		low := strings.ToLower(slug(s))
		if other, ok := seen[low]; ok && other != s {
			t.Errorf("%q and %q share %q", s, other, low)
		}
		seen[low] = s
	}
	if a, b := folderPath("a.b"), folderPath("a/b"); a == b {
		t.Errorf("folders a.b and a/b share %s", a)
	}
}

func TestColumnAnchorsDiffer(t *testing.T) {
	n := &content.Node{Columns: []*content.Column{{Name: "a"}, {Name: "A"}, {Name: "a"}, {Name: "a b"}}}
	ids := columnAnchors(n)
	slices.Sort(ids)
	if len(slices.Compact(ids)) != 4 {
		t.Errorf("%v", ids)
	}
}

func TestDomainOf(t *testing.T) {
	for folder, want := range map[string]string{
		"models/staging/sales": "sales", "models/sales/staging": "sales", "models/marts": "marts", "models": "", "": "", "models/core/reports": "core",
		"models/staging/base/app": "app", "models/1_staging/crm": "crm", "models/01 marts/x": "x",
	} {
		if got := domainOf(folder); got != want {
			t.Errorf("domainOf(%q) = %q, want %q", folder, got, want)
		}
	}
}

// TestAreasHaveEveryNode checks the map against the catalog.
func TestAreasHaveEveryNode(t *testing.T) {
	c := contenttest.Large(400)
	a := newAreas(c)
	var nodes []int
	for _, cell := range a.cells {
		nodes = append(nodes, cell...)
	}
	slices.Sort(nodes)
	if len(nodes) != len(c.Nodes) || len(slices.Compact(nodes)) != len(c.Nodes) {
		t.Errorf("%d nodes in cells, %d in the catalog", len(nodes), len(c.Nodes))
	}
	inside, between := 0, 0
	for i, n := range c.Nodes {
		for _, p := range n.Parents {
			if a.domain[i] == a.domain[p] && a.tone[i] == a.tone[p] {
				inside++
			} else {
				between++
			}
		}
	}
	sum := 0
	for _, f := range a.flows {
		sum += f.count
	}
	if sum != between || inside+between == 0 {
		t.Errorf("flows count %d references, there are %d between cells", sum, between)
	}
}

// TestManyDomains folds the smallest domains into one row.
func TestManyDomains(t *testing.T) {
	c := &content.Catalog{Flow: content.Flow{First: []int32{0}}}
	for i := range 60 {
		for k := range 1 + i%7 {
			c.Nodes = append(c.Nodes, &content.Node{ID: addr.Node{Kind: addr.Model, Name: fmt.Sprintf("m%d_%d", i, k)}, Tone: "model", Folder: fmt.Sprintf("models/d%d", i)})
		}
	}
	a := newAreas(c)
	if len(a.domains) != maxDomains || a.domains[len(a.domains)-1] != otherDomain {
		t.Errorf("%v", a.domains)
	}
}

func TestPageLinks(t *testing.T) {
	words := func(links []pageLink) string {
		var out []string
		for _, l := range links {
			w := l.Word
			if l.Current {
				w = "[" + w + "]"
			}
			out = append(out, w)
		}
		return strings.Join(out, " ")
	}
	for _, c := range []struct {
		current, total int
		want           string
	}{{0, 10, ""}, {0, 11, "[1] 2"}, {6, 200, "1 … 4 5 6 [7] 8 9 10 … 20"}, {19, 200, "1 … 17 18 19 [20]"}} {
		if got := words(pageLinks("x.html", c.current, c.total, 10)); got != c.want {
			t.Errorf("page %d of %d: %q, want %q", c.current, c.total, got, c.want)
		}
	}
	if d := cmp.Diff(pageLink{Path: "x~p2.html", Word: "2"}, pageLinks("x.html", 0, 11, 10)[1]); d != "" {
		t.Error(d)
	}
}

// TestSidebarShowsPart checks that the sidebar of a page does not grow with the project, and
// still shows the node it is about.
func TestSidebarShowsPart(t *testing.T) {
	c := &content.Catalog{Flow: content.Flow{First: []int32{0}}}
	for i := range 3000 {
		c.Nodes = append(c.Nodes, &content.Node{ID: addr.Node{Kind: addr.Model, Name: fmt.Sprintf("m%04d", i)}, Folder: "models/a"})
	}
	b := newBook(c, Options{})
	for _, i := range []int{0, 1, 1500, 2999} {
		var w markup.Writer
		b.sidebar(&w, view{Folder: "models/a", Node: i + 1}, "../", "model/")
		s := string(w.Bytes())
		if strings.Count(s, "<li") > maxSiblings+5 || strings.Count(s, `aria-current="page"`) != 1 || !strings.Contains(s, fmt.Sprintf(`href="m%04d.html" aria-current="page"`, i)) || !strings.Contains(s, "all 3,000 nodes") {
			t.Errorf("node %d: %s", i, s)
		}
	}
}

// TestLongestChain finds the way that determines how long a run takes.
func TestLongestChain(t *testing.T) {
	node := func(name string, took time.Duration, parents ...int) *content.Node {
		return &content.Node{ID: addr.Node{Kind: addr.Model, Name: name}, Parents: parents, History: []content.Build{{Run: "r", Took: took}}}
	}
	c := &content.Catalog{
		Runs:  []*content.Run{{ID: "empty"}, {ID: "r", Started: time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)}},
		Nodes: []*content.Node{node("a", 3*time.Second), node("b", time.Second), node("c", time.Second, 0, 1), node("d", 9*time.Second, 1), node("e", time.Second, 2, 3)},
		Flow:  content.Flow{First: make([]int32, 6)},
	}
	v := newBook(c, Options{}).runsView()
	var chain []string
	for _, r := range v.Path {
		chain = append(chain, r.Name+" "+r.Took)
	}
	if d := cmp.Diff([]string{"b 1.0 s", "d 9.0 s", "e 1.0 s"}, chain); d != "" || v.PathSum != "11.0 s" {
		t.Error(v.PathSum, d)
	}
}

// TestAudiencesAreTold checks what readers see who are not told of outcomes, and in the site of a
// customer.
func TestAudiencesAreTold(t *testing.T) {
	c := contenttest.Small()
	c.Audience, c.Customer = "customers", "Acme Ltd"
	for _, x := range c.Tests {
		x.Status, x.History = content.Unknown, nil
	}
	s := Build(c, Options{})
	text := textOf(t, s, "tests.html")
	if !strings.Contains(text, "not told") || !strings.Contains(text, "Shop · for Acme Ltd") {
		t.Error(text)
	}
}

// TestOthersAreNotTaught checks that readers from outside are not told how the project is worked
// on, nor that something is missing which they may only not be shown.
func TestOthersAreNotTaught(t *testing.T) {
	c := contenttest.Small()
	for i := range c.Nodes {
		n := c.Nodes[i]
		n.Status, n.Data.BuiltAt, n.History, n.Tests, n.Owner, n.Group, n.Tags, n.Customers, n.Macros = content.Unknown, time.Time{}, nil, nil, "", "", nil, nil, nil
		for _, x := range n.Columns {
			x.Tests = nil
		}
	}
	c.Audience, c.Customer, c.Tests, c.Runs, c.Macros, c.Groups, c.Customers, c.Terms = "customers", "Acme Ltd", nil, nil, nil, nil, nil, nil
	files := made(Build(c, Options{}))
	checkSite(t, files)
	for path, body := range files {
		if !strings.HasSuffix(path, ".html") {
			continue
		}
		for _, word := range []string{"engine build", "engine docs", "engine.yml", "give models", "no tests", "No test", "Without an owner", "models tested", "Nobody", "delivered to customers"} {
			if strings.Contains(string(body), word) {
				t.Errorf("%s says %q", path, word)
			}
		}
	}
	for _, path := range []string{"customers.html", "macros.html", "runs.html", "tests.html", "glossary.html"} {
		if _, ok := files[path]; ok {
			t.Errorf("there is %s, with nothing on it", path)
		}
	}
}

// TestPagesOfOthers checks that pages of other rooms get the frame, and an entry.
func TestPagesOfOthers(t *testing.T) {
	s := Build(contenttest.Small(), Options{
		Pages: []Page{{Path: "things/index.html", Title: "Things", Section: "things", Scripts: []string{"material"}, Body: func(base string) []byte { return []byte(`<h1>Things</h1><a href="` + base + `index.html">up</a>`) }}},
		Files: []File{{Path: "d/things.js", Body: []byte("catalog(\"things\",\"\");\n")}},
	})
	files := made(s)
	checkSite(t, files)
	body := string(files["things/index.html"])
	if !strings.Contains(body, `<a href=../things/index.html aria-current=page>Things</a>`) || !strings.Contains(body, `src=../a/material.`) || files["d/things.js"] == nil {
		t.Error(body)
	}
}

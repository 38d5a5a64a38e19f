package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/lineage"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
)

var projects = map[string]func() In{"demo": demo, "plain": plain, "odd": odd, "large": func() In { return large(700) }}

// page is a parsed page.
type page struct {
	ids   map[string]bool
	links []string // href and src of everything
	text  string
}

func parse(t *testing.T, name string, body []byte) page {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	p := page{ids: map[string]bool{}}
	var text strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			text.WriteString(n.Data + " ")
		}
		for _, a := range n.Attr {
			switch {
			case a.Key == "id":
				if p.ids[a.Val] {
					t.Errorf("%s: id %q twice", name, a.Val)
				}
				p.ids[a.Val] = true
			case a.Key == "href" || a.Key == "src":
				p.links = append(p.links, a.Val)
			case a.Key == "style" || strings.HasPrefix(a.Key, "on"):
				t.Errorf("%s: attribute %s=%q on <%s>", name, a.Key, a.Val, n.Data)
			}
		}
		if n.Type == html.ElementNode {
			switch n.Data {
			case "script":
				if n.FirstChild != nil {
					t.Errorf("%s: inline script", name)
				}
			case "style", "img", "iframe", "object", "embed", "base", "form":
				t.Errorf("%s: <%s>", name, n.Data)
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(root)
	p.text = strings.Join(strings.Fields(text.String()), " ")
	return p
}

// TestLinks checks that everything a page leads to or loads is in the site, on file systems
// that tell cases apart and on those that do not.
func TestLinks(t *testing.T) {
	for name, in := range projects {
		t.Run(name, func(t *testing.T) {
			site := Build(in())
			pages := map[string]page{}
			folded := map[string]string{}
			for p, body := range site.files {
				if strings.HasSuffix(p, ".html") {
					pages[p] = parse(t, p, body)
				}
				low := strings.ToLower(p)
				if other, taken := folded[low]; taken {
					t.Errorf("%q and %q differ only in case", p, other)
				}
				folded[low] = p
			}
			for from, p := range pages {
				for _, link := range p.links {
					checkLink(t, site, pages, from, link)
				}
			}
		})
	}
}

func checkLink(t *testing.T, site *Site, pages map[string]page, from, link string) {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Errorf("%s: link %q: %v", from, link, err)
		return
	}
	switch u.Scheme {
	case "https", "http", "mailto":
		return
	case "data":
		return
	case "":
	default:
		t.Errorf("%s: link %q", from, link)
		return
	}
	if strings.HasPrefix(u.Path, "/") || u.Host != "" {
		t.Errorf("%s: absolute link %q", from, link)
	}
	target := from
	if u.Path != "" {
		target = path.Join(path.Dir(from), u.Path)
	}
	if _, ok := site.files[target]; !ok {
		t.Errorf("%s: dead link %q", from, link)
	}
	if u.Fragment == "" || target == "lineage.html" { // its fragments name nodes
		return
	}
	if !pages[target].ids[u.Fragment] {
		t.Errorf("%s: no anchor for %q", from, link)
	}
}

func TestSitesLoadNothingFromOutside(t *testing.T) {
	for name, in := range projects {
		for p, body := range Build(in()).files {
			if !strings.HasSuffix(p, ".html") {
				continue
			}
			if !bytes.Contains(body, []byte(`http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'"`)) {
				t.Errorf("%s %s: no content policy", name, p)
			}
			if m := regexp.MustCompile(`(src|srcset)="(https?:)?//`).Find(body); m != nil {
				t.Errorf("%s %s: %s", name, p, m)
			}
		}
	}
	for _, asset := range [][]byte{siteCSS, siteJS} {
		if bytes.Contains(asset, []byte("http")) || bytes.Contains(asset, []byte("@import")) || bytes.Contains(asset, []byte("innerHTML")) || bytes.Contains(asset, []byte("eval(")) {
			t.Error("an asset loads from outside or writes markup")
		}
	}
}

func TestHostileTextStaysText(t *testing.T) {
	for p, body := range Build(odd()).files {
		if strings.HasPrefix(p, "a/") {
			continue
		}
		for _, bad := range []string{"<script>alert", "<img", "javascript:alert(1)\"", "</script><b>", "<i>"} {
			if strings.HasSuffix(p, ".html") && bytes.Contains(bytes.ReplaceAll(body, []byte(`<i class=`), nil), []byte(bad)) {
				t.Errorf("%s holds %s", p, bad)
			}
		}
		if strings.HasPrefix(p, "d/") && bytes.ContainsAny(body, "<>") {
			t.Errorf("%s holds angle brackets", p)
		}
	}
}

func TestNodePageTells(t *testing.T) {
	site := Build(demo())
	text := parse(t, "material", site.files["model/material.html"]).text
	for _, want := range []string{
		"dev_ada.material", "4,812,330", "381.2 MB", "Every material that exists", "data@plant.example", "production", "daily, genealogy", "public",
		"material_id is never null", "37 failing rows", "M-10482", "1 warned", "quantity_kg", "DECIMAL(18,3)", "loaded_at", "When the row came.",
		"tenant_id is one of T-01, T-02, T-03", "untagged_material_gets_a_tag", "What goes in comes out", "models/core/material.yml",
		"left join runs", "material_ancestry", "report_production", "2026-11-21",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("missing %q", want)
		}
	}
	body := string(site.files["model/material.html"])
	for _, want := range []string{
		`<a href="../model/material_stg.html">ref &#34;material_stg&#34;</a>`, // in the template
		`<a href="../model/material_stg.html">&#34;dev_ada&#34;.&#34;material_stg&#34;</a>`,
		`<a href="../model/material_ancestry.html">the ancestry</a>`, "a dead link",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("missing %s", want)
		}
	}
	for page, want := range map[string]string{
		"model/pricing_model.html":        `column "list_price" does not exist`,
		"model/platform_health.html":      "because report_recall did not succeed",
		"exposure/recall_app.html":        "Recall application",
		"source/app.material.html":        "replication slot",
		"seed/app_material.html":          "48.2 KB",
		"snapshot/product_history.html":   "timestamp",
		"index.html":                      "Last run failed",
		"tests.html":                      "buyer_id is never null",
		"folder/models.core.reports.html": "report_inventory_valuation",
	} {
		if got := parse(t, page, site.files[page]).text; !strings.Contains(got, want) {
			t.Errorf("%s: missing %q", page, want)
		}
	}
}

func TestEmptyStatesNameTheCause(t *testing.T) {
	text := parse(t, "x", Build(demo()).files["model/bb_machine.html"]).text
	if !strings.Contains(text, `No description yet. Add one to the entry of "bb_machine" in a YAML file next to models/staging/base/app/bb_machine.sql`) {
		t.Error(text)
	}
	text = parse(t, "x", Build(plain()).files["index.html"]).text
	if !strings.Contains(text, "No run recorded") {
		t.Error(text)
	}
}

func TestSameBytes(t *testing.T) {
	for name, in := range projects {
		a, b := Build(in()).files, Build(in()).files
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

func TestNoTimeUnlessGiven(t *testing.T) {
	in := demo()
	in.GeneratedAt, in.EngineVersion = time.Time{}, ""
	if body := Build(in).files["index.html"]; bytes.Contains(body, []byte("Generated")) {
		t.Error("footer has a time")
	}
}

// TestSearchData reads the data files as the script does.
func TestSearchData(t *testing.T) {
	in := demo()
	site := Build(in)
	read := func(name string) []string {
		body := string(site.files["d/"+name+".js"])
		open, end := strings.Index(body, ","), strings.LastIndex(body, ")")
		var s string
		if err := json.Unmarshal([]byte(body[open+1:end]), &s); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return strings.Split(s, "\n")
	}
	nodes := read("nodes")
	g := lineage.From(in.Program)
	if len(nodes) != len(g.Nodes)+1 || nodes[0] != "1" {
		t.Fatalf("%d lines for %d nodes, %q shards", len(nodes), len(g.Nodes), nodes[0])
	}
	at := -1
	for i, n := range g.Nodes {
		f := strings.Split(nodes[i+1], "\t")
		if len(f) != 5 || f[0] != n.ID.Name || f[1] != string(n.ID.Kind) {
			t.Errorf("line %d: %q", i, nodes[i+1])
		}
		if n.ID == mod("material") {
			at = i
		}
	}
	found := false
	for _, l := range read("columns") {
		if name, nums, _ := strings.Cut(l, "\t"); name == "quantity_kg" {
			found = nums == fmt.Sprint(base36(at))
		}
	}
	if !found {
		t.Error("quantity_kg does not lead to material")
	}
	if !strings.Contains(strings.Join(read("text-0"), "\n"), base36(at)+"\tEvery material that exists") {
		t.Error("description of material is not in the text index")
	}
}

func base36(n int) string {
	const d = "0123456789abcdefghijklmnopqrstuvwxyz"
	if n < 36 {
		return d[n : n+1]
	}
	return base36(n/36) + base36(n%36)
}

func TestSlug(t *testing.T) {
	for in, want := range map[string]string{
		"stg_orders": "stg_orders", "app.material": "app.material", "Orders": "orders~", "con": "con~", "aux.x": "aux.x~", "": "~", "..": "~", "a/b": "a_b~",
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
	for _, s := range []string{"orders", "Orders", "ORDERS", "or ders", "or_ders", "or/ders", ".orders", "orders.", "größe", "grösse"} {
		if other, ok := seen[slug(s)]; ok {
			t.Errorf("%q and %q share %q", s, other, slug(s))
		}
		seen[slug(s)] = s
	}
}

func TestMarkdown(t *testing.T) {
	p := newProse([]addr.Node{mod("orders"), src("orders"), src("app.x")})
	for in, want := range map[string]string{
		"":                                  "",
		"Plain words, a < b.":               "<p>Plain words, a &lt; b.</p>\n",
		"plain":                             "<p>plain</p>",
		"**b** `c`":                         "<p><strong>b</strong> <code>c</code></p>\n",
		"[o](orders)":                       `<p><a href="../model/orders.html">o</a></p>` + "\n",
		"[o](source.app.x) [p](ref:orders)": `<p><a href="../source/app.x.html">o</a> <a href="../model/orders.html">p</a></p>` + "\n",
		"[o](nowhere.md#x)":                 "<p>o</p>\n",
		"[o](javascript:alert(1))":          "<p>o</p>\n",
		"[o](//evil.example/x)":             "<p>o</p>\n",
		"![alt](http://x/y.png)":            "<p>alt</p>\n",
		"<b>x</b>":                          "<p><!-- raw HTML omitted -->x<!-- raw HTML omitted --></p>\n",
		"# Head":                            "<h3>Head</h3>\n",
		"see https://example.com/a":         `<p>see <a href="https://example.com/a">https://example.com/a</a></p>` + "\n",
		"1. one\n2. two":                    "<ol>\n<li>one</li>\n<li>two</li>\n</ol>\n",
	} {
		if d := cmp.Diff(want, string(p.html("../", in))); d != "" {
			t.Errorf("%q: %s", in, d)
		}
	}
}

func TestWords(t *testing.T) {
	for _, c := range [][2]string{
		{count(0), "0"}, {count(999), "999"}, {count(1000), "1,000"}, {count(-1234567), "-1,234,567"}, {count(int64(12345678)), "12,345,678"},
		{plural(1, "row"), "1 row"}, {plural(2000, "row"), "2,000 rows"},
		{took(12 * time.Millisecond), "12 ms"}, {took(3210 * time.Millisecond), "3.2 s"}, {took(125 * time.Second), "2 min 5 s"}, {took(2*time.Hour + 5*time.Minute), "2 h 5 min"},
		{size(12), "12 B"}, {size(1_500_000), "1.5 MB"}, {when(time.Time{}), ""},
		{clip("abcdef", 4), "abc…"}, {summary("First **line**. Second.", 100), "First line."},
	} {
		if c[0] != c[1] {
			t.Errorf("got %q, want %q", c[0], c[1])
		}
	}
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	in := demo()
	if err := Build(in).Write(dir); err != nil {
		t.Fatal(err)
	}
	for p, want := range Build(in).files {
		got, err := os.ReadFile(filepath.Join(dir, p))
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%s: %v", p, err)
		}
	}
	// A stranger's file survives; an unchanged file is not written again.
	mine := filepath.Join(dir, "model", "notes.txt")
	if err := os.WriteFile(mine, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	old := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	same := filepath.Join(dir, "model", "dim_tenant.html")
	if err := os.Chtimes(same, old, old); err != nil {
		t.Fatal(err)
	}
	// The second site lacks a model.
	for i, id := range in.Program.Order {
		if id == mod("pricing_model") {
			in.Program.Order = append(in.Program.Order[:i:i], in.Program.Order[i+1:]...)
		}
	}
	in.Graph, in.Result = nil, nil
	in2 := in
	if err := Build(in2).Write(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "model", "pricing_model.html")); !os.IsNotExist(err) {
		t.Errorf("the stale page is still there: %v", err)
	}
	if b, err := os.ReadFile(mine); err != nil || string(b) != "mine" {
		t.Errorf("a foreign file is gone: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*", ".engine-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
	if err := Build(in2).Write(dir); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(same)
	if err != nil {
		t.Fatal(err)
	}
	before := info.ModTime()
	if err := Build(in2).Write(dir); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(same); !info.ModTime().Equal(before) {
		t.Error("an unchanged page was written again")
	}
}

func TestWriteRefusesForeignFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte("my home page"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := Build(plain()).Write(dir)
	if e := (*ForeignFileError)(nil); !errors.As(err, &e) || e.Path != "index.html" {
		t.Fatalf("got %v", err)
	}
	names, _ := os.ReadDir(dir)
	if len(names) != 1 {
		t.Errorf("something was written: %v", names)
	}
}

func TestWriteTrustsNoList(t *testing.T) {
	base := t.TempDir()
	outside := filepath.Join(base, "outside.txt")
	dir := filepath.Join(base, "site")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for p, s := range map[string]string{outside: "keep", filepath.Join(dir, listName): "../outside.txt\n/etc/hosts\n\n# x\n"} {
		if err := os.WriteFile(p, []byte(s), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := Build(plain()).Write(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(outside); err != nil {
		t.Errorf("a file outside was removed: %v", err)
	}
}

func TestWriteAfterInterruption(t *testing.T) {
	dir := t.TempDir()
	site := Build(demo())
	if err := site.Write(dir); err != nil {
		t.Fatal(err)
	}
	// As after a crash: half of the new site is there, and the list names both.
	small := Build(plain())
	if err := os.WriteFile(filepath.Join(dir, "index.html"), small.files["index.html"], 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, tempName), []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := small.Write(dir); err != nil {
		t.Fatal(err)
	}
	var have []string
	err := filepath.Walk(dir, func(p string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			rel, _ := filepath.Rel(dir, p)
			have = append(have, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := append([]string{listName}, small.Paths()...)
	slices.Sort(want)
	slices.Sort(have)
	if d := cmp.Diff(want, have); d != "" {
		t.Error(d)
	}
}

func testOf(id addr.Node, kind string) *compile.Test {
	return &compile.Test{ID: addr.Node{Kind: addr.Test, Name: kind + "_" + id.Name}, Kind: kind, Node: id, Column: "id", Parents: []addr.Node{id}}
}

// large is a project of n models in folders, with ten columns and two tests each.
func large(n int) In {
	b := newBuilder("large")
	for i := range n {
		var parents []addr.Node
		if i >= n/5 {
			parents = append(parents, mod(fmt.Sprintf("model_%05d", i-n/5)))
			if i%3 != 0 {
				parents = append(parents, mod(fmt.Sprintf("model_%05d", i-n/5-min(i-n/5, i%11+1))))
			}
			if len(parents) == 2 && parents[0] == parents[1] {
				parents = parents[:1]
			}
		}
		name := fmt.Sprintf("model_%05d", i)
		m := b.add(mod(name), fmt.Sprintf("models/layer_%d/area_%02d/%s.sql", i*5/n, i%40, name), parents...)
		m.Config.Materialized, m.Config.Tier, m.Config.Owner = "table", []string{"stg", "int", "dim", "fct", "mart"}[i*5/n], fmt.Sprintf("team-%d@example.com", i%12)
		m.Description = fmt.Sprintf("Model number %d computes `things` from **%d** parents. It has a second sentence too.", i, len(parents))
		refs := ""
		for _, p := range parents {
			refs += "\n    join {{ ref \"" + p.Name + "\" }} using (id)"
		}
		b.sql(m, "select\n    id,\n    amount * 1.05 as amount, -- with tax\n    'x' as kind\nfrom base"+refs+"\nwhere true\n"+strings.Repeat("  and amount > 10 and kind <> 'none'\n", 12))
		for c := range 10 {
			b.col(m, fmt.Sprintf("col_%d_%d", c, i%700), "VARCHAR", fmt.Sprintf("Column %d of area %d.", c, i%40))
		}
		b.p.Tests = append(b.p.Tests, testOf(m.ID, "not_null"), testOf(m.ID, "unique"))
		b.res.Nodes = append(b.res.Nodes, &run.NodeResult{Node: m.ID, Status: run.Done, Rows: int64(i * 37), Start: noon, End: noon.Add(time.Second),
			Tests: []run.TestResult{{ID: addr.Node{Kind: addr.Test, Name: "not_null_" + name}, Status: run.Done}, {ID: addr.Node{Kind: addr.Test, Name: "unique_" + name}, Status: run.Done}}})
	}
	b.res.End = noon.Add(time.Minute)
	return In{Program: b.p, Result: b.res, GeneratedAt: noon}
}

func BenchmarkBuild(b *testing.B) {
	for _, n := range []int{100, 1_000, 10_000} {
		in := large(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			total := 0
			for b.Loop() {
				total = 0
				for _, body := range Build(in).files {
					total += len(body)
				}
			}
			b.ReportMetric(float64(total)/1e6, "site-MB")
			b.ReportMetric(float64(total)/float64(n)/1e3, "KB/model")
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(m.Sys)/1e6, "sys-MB")
		})
	}
}

// TestDemoToDisk writes the demo for people to look at: ENGINE_CATALOG_DIR=/tmp/site.
func TestDemoToDisk(t *testing.T) {
	dir := os.Getenv("ENGINE_CATALOG_DIR")
	if dir == "" {
		t.Skip("needs ENGINE_CATALOG_DIR, a directory to write the demo sites to")
	}
	for name, in := range map[string]In{"demo": demo(), "odd": odd(), "plain": plain(), "large": large(3_000)} {
		if err := Build(in).Write(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestContrast holds the colours to the accessibility guideline in both themes: 4.5 for
// text, 3 for lines that carry meaning.
func TestContrast(t *testing.T) {
	for theme, vars := range themes(t) {
		check := func(fg, bg string, least float64) {
			if got := contrast(vars[fg], vars[bg]); got < least {
				t.Errorf("%s: %s on %s has contrast %.2f, want %.1f", theme, fg, bg, got, least)
			}
		}
		for _, bg := range []string{"card", "page", "sunk"} {
			for _, fg := range []string{"ink", "soft", "faint", "link"} {
				check(fg, bg, 4.5)
			}
		}
		for _, s := range []string{"ok", "warn", "bad", "calm"} {
			check(s, s+"-bg", 4.5)
			check(s, "card", 4.5)
		}
		check("link", "wash", 4.5)
		for _, tone := range []string{"source", "seed", "stg", "int", "model", "dim", "fct", "mart", "snapshot", "exposure"} {
			check(tone, "card", 4.5)
		}
		for _, c := range []string{"kw", "str", "com", "num", "tpl"} {
			check(c, "sunk", 4.5)
		}
		check("accent", "card", 3)
	}
}

// themes reads the colours of both themes out of the style sheet.
func themes(t *testing.T) map[string]map[string]string {
	t.Helper()
	light, dark := map[string]string{}, map[string]string{}
	at := bytes.Index(siteCSS, []byte("@media (prefers-color-scheme: dark)"))
	end := bytes.Index(siteCSS, []byte("* { box-sizing"))
	read := func(css []byte, into map[string]string) {
		for _, m := range regexp.MustCompile(`--([\w-]+): (#[0-9a-f]{3,6});`).FindAllSubmatch(css, -1) {
			into[string(m[1])] = string(m[2])
		}
	}
	read(siteCSS[:at], light)
	read(siteCSS[at:end], dark)
	if len(light) < 30 || len(light) != len(dark) {
		t.Fatalf("%d light and %d dark colours", len(light), len(dark))
	}
	return map[string]map[string]string{"light": light, "dark": dark}
}

func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(hex string) float64 {
	hex = strings.TrimPrefix(hex, "#")
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	sum := 0.0
	for i, w := range []float64{0.2126, 0.7152, 0.0722} {
		n, _ := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += w * c
	}
	return sum
}

package article

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/markup"
	"github.com/engine-build/engine/catalog/words"
)

// maxTests is how many tests of a page are shown with their queries and details; the others
// have a line each, up to maxLines. Failures come first, so they are always among the former.
const maxTests, maxLines = 40, 1_500

// testList lists all tests that read the node: failures first, then as they are declared.
func (p *page) testList() {
	n := p.node
	if len(n.Tests) == 0 {
		if k := n.ID.Kind; k == "source" || k == "exposure" || !p.open() {
			return
		}
		p.Raw(`<section class="card" id="tests"><header><h2>Tests</h2></header>`, "\n")
		p.Element("p", "empty", fmt.Sprintf("No tests. Add data_tests to the entry of %q in %s.", n.ID.Name, p.yaml()))
		p.Raw("</section>\n")
		return
	}
	list := slices.Clone(n.Tests)
	slices.SortStableFunc(list, func(x, y int) int {
		return cmp.Compare(words.Tested(p.c.Tests[x].Status).Urgency(), words.Tested(p.c.Tests[y].Status).Urgency())
	})
	p.Raw(`<section class="card" id="tests"><header><h2>Tests <small>`, words.Count(len(list)), "</small></h2>")
	if t := p.tally(p.n); p.open() || t.NotRun < t.Total {
		p.Raw(`<span class="tally `, t.Class(), `">`)
		p.Text(t.String())
		p.Raw("</span>")
	}
	p.Raw("</header>\n", `<ul class="tests">`, "\n")
	for k, i := range list {
		if k == maxLines {
			break
		}
		p.test(i, k < maxTests)
	}
	p.Raw("</ul>")
	if len(list) > maxTests {
		p.Raw(`<p class="more">Queries and details are shown of the first `, strconv.Itoa(maxTests), " tests.")
		if more := len(list) - maxLines; more > 0 {
			p.Raw(" ", words.Count(more), " more tests that did not fail are not listed.")
		}
		p.Raw("</p>")
	}
	p.Raw("</section>\n")
}

// test is an entry of the list.
func (p *page) test(i int, whole bool) {
	t := p.c.Tests[i]
	x := words.Tested(t.Status)
	p.Raw("<li")
	if id := p.links.TestID(i); id != "" {
		p.Attr("id", id)
	}
	p.Raw(` class="`, x.Class, `">`, `<div class="line">`)
	if !p.untold(t) {
		p.pill(x)
	}
	p.Raw(`<span class="what">`)
	if HasPage(t) {
		p.Link(p.to(p.links.Test(i)), "", sentence(t))
	} else {
		p.Text(sentence(t))
	}
	p.Raw("</span>")
	if t.Failures > 0 {
		p.Element("b", "out", words.Plural(t.Failures, "failing row"))
	}
	p.dots(t)
	p.Raw(`<span class="kind">`)
	p.Text(kindWord(t))
	p.Raw("</span></div>\n")
	if whole || x.Class == "bad" || x.Class == "warn" {
		p.details(i, HasPage(t))
	}
	p.Raw("</li>\n")
}

// untold says that the reader is not told how a test came out.
func (p *page) untold(t *content.Test) bool { return t.Status == content.Unknown && !p.open() }

func sentence(t *content.Test) string { return cmp.Or(t.Sentence, t.ID.Name) }

func kindWord(t *content.Test) string {
	s := words.Kind(t.Kind)
	if t.Kind == "unit" {
		s = "unit test"
	}
	if t.Severity == "warn" {
		s += " · warns only"
	}
	return s
}

// details are all that is known of a test; brief leaves out what its own page shows.
func (p *page) details(i int, brief bool) {
	t := p.c.Tests[i]
	if t.Description != "" && t.Description != t.Sentence {
		p.Raw(`<div class="note">`, p.text.HTML(t.Description), "</div>")
	}
	if t.Problem != "" {
		p.Element("p", "note bad", t.Problem)
	}
	p.also(t)
	p.sample(t)
	if t.Stored != "" {
		p.Raw(`<p class="note">Failing rows are kept in `)
		p.Element("code", "", t.Stored)
		p.Raw("</p>")
	}
	if t.SQL != "" && !brief {
		p.Raw(`<details class="note"><summary>Query</summary><pre class="sql"><code>`)
		p.Text(trimEnd(t.SQL))
		p.Raw("</code></pre></details>")
	}
	p.where(t)
}

// sameRun is how far apart outcomes are of which a page says one time only.
const sameRun = time.Hour

// where says where a test is written, and when it came out last if others did at another time.
func (p *page) where(t *content.Test) {
	at := words.When(t.At)
	if p.tested.Sub(t.At) < sameRun {
		at = "" // the page says once when the tests ran
	}
	if t.Where == "" && at == "" {
		return
	}
	p.Raw(`<p class="where">`)
	p.Text(t.Where)
	if at != "" {
		if t.Where != "" {
			p.Raw(" · ")
		}
		p.Text("last run " + at)
	}
	p.Raw("</p>\n")
}

// also leads to what a test reads besides.
func (p *page) also(t *content.Test) {
	first := true
	for _, r := range t.Reads {
		if r == p.n {
			continue
		}
		if first {
			p.Raw(`<p class="note">Reads `)
		} else {
			p.Raw(", ")
		}
		first = false
		p.Link(p.to(p.links.Node(r)), "", p.name(r))
	}
	if !first {
		p.Raw(" too</p>")
	}
}

func (p *page) sample(t *content.Test) {
	s := t.Sample
	if s == nil || len(s.Rows) == 0 {
		return
	}
	p.Raw(`<details class="note" open><summary>`)
	p.Text(words.Plural(len(s.Rows), "failing row") + " as a sample")
	p.Raw("</summary>")
	p.rowTable(s, "Failing rows")
	p.Raw("</details>")
}

// rowTable writes some rows; said is what they are.
func (p *page) rowTable(s *content.Sample, said string) {
	p.Raw(`<div class="scroll" tabindex="0" role="group"`) // no region: a page may have many
	p.Attr("aria-label", said)
	p.Raw(`><table class="sample"><thead><tr>`)
	for _, c := range s.Columns {
		p.Raw(`<th scope="col">`)
		p.Text(c)
		p.Raw("</th>")
	}
	p.Raw("</tr></thead><tbody>")
	for _, row := range s.Rows {
		p.Raw("<tr>")
		for _, v := range row {
			p.Element("td", "", v)
		}
		p.Raw("</tr>")
	}
	p.Raw("</tbody></table></div>")
}

// maxDots is how many earlier outcomes are drawn.
const maxDots = 15

// dots draw how a test came out before, oldest first: a short stroke for passed, a longer one
// for a warning, a full one for a failure. The style sheet gives lines their height, by which
// they stand on one ground, and cuts them into strokes of 3 with gaps of 2.
func (p *page) dots(t *content.Test) {
	h := t.History[:min(len(t.History), maxDots)]
	if len(h) < 2 {
		return
	}
	var tally words.Tally
	paths := map[string]string{}
	class := func(k int) string { return words.Tested(h[len(h)-1-k].Status).Class }
	for k := 0; k < len(h); {
		from, now := k, class(k)
		for k < len(h) && class(k) == now {
			tally.Add(h[len(h)-1-k].Status)
			k++
		}
		paths[now] += "M" + strconv.Itoa(5*from) + " " + ground(now) + "h" + strconv.Itoa(5*(k-from))
	}
	wide := strconv.Itoa(5*len(h) - 1)
	p.Raw(`<svg class="dots" viewBox="0 0 `, wide, ` 14" role="img" aria-label="Last `)
	p.Text(words.Plural(len(h), "run") + ": " + tally.String())
	p.Raw(`">`)
	for _, class := range []string{"ok", "warn", "bad", "calm"} {
		if d := paths[class]; d != "" {
			p.Raw(`<path class="`, class, `" d="`, d, `"/>`)
		}
	}
	p.Raw("</svg>")
}

// ground is the middle of a line of outcomes whose lower edge is at 13.
func ground(class string) string {
	switch class {
	case "bad":
		return "7"
	case "warn":
		return "9"
	case "calm":
		return "12"
	}
	return "11"
}

// Test writes the article about a test that has a page of its own.
func (b *Book) Test(w *markup.Writer, i int) {
	t := b.c.Tests[i]
	p := b.page(w, -1)
	folder := ""
	if of := b.of(t); of >= 0 {
		folder = b.c.Nodes[of].Folder
	}
	p.crumbs(folder)
	x := words.Tested(t.Status)
	p.Raw(`<header class="title">`, "\n", `<h1 class="t-test"><i class="bar"></i>`)
	p.Text(t.ID.Name)
	p.Raw("</h1>\n", `<p class="badges">`)
	p.Element("span", "mark", kindWord(t))
	if !p.untold(t) {
		p.pill(x)
	}
	if t.Failures > 0 {
		p.Element("b", "out "+x.Class, words.Plural(t.Failures, "failing row"))
	}
	p.dots(t)
	p.Raw("</p>\n</header>\n", `<div class="columns">`, "\n", `<div class="content">`, "\n")
	p.Raw(`<section class="prose" aria-labelledby="about"><h2 class="sr" id="about">What it checks</h2>`)
	if t.Sentence != "" && t.Sentence != t.ID.Name {
		p.Element("p", "lead", t.Sentence)
	}
	if html := p.text.HTML(t.Description); html != "" {
		p.Raw(html)
	} else if b.open() {
		p.noDescription(t.Where)
	}
	p.Raw("</section>\n")
	if t.Problem != "" {
		p.Raw(`<section class="trouble" aria-label="Error of the last run">`)
		p.Element("p", "", t.Problem)
		p.Raw("</section>\n")
	}
	if t.Sample != nil || t.Stored != "" {
		p.Raw(`<section class="card"><h2>Failing rows</h2>`)
		p.sample(t)
		if t.Stored != "" {
			p.Raw(`<p class="note">All of them are kept in `)
			p.Element("code", "", t.Stored)
			p.Raw("</p>")
		}
		p.Raw("</section>\n")
	}
	if e := t.Expect; e != nil {
		p.Raw(`<section class="card" id="expected"><header><h2>Expected rows <small>`, words.Count(len(e.Rows)), "</small></h2></header>")
		if len(e.Rows) == 0 {
			p.Element("p", "empty", "The model is to have no rows.")
		} else {
			p.rowTable(e, "Expected rows")
		}
		p.Raw("</section>\n")
	}
	if t.SQL != "" {
		p.Raw(`<section class="card code" id="sql"><header><h2>Query</h2></header>`, "\n")
		p.listing(content.Code{Text: t.SQL})
		p.Raw("</section>\n")
	}
	p.outcomes(t)
	p.Raw("</div>\n", `<aside class="facts" aria-label="Facts">`, "\n", `<section class="card"><h2>About</h2><dl>`)
	p.fact("Column", t.Column)
	p.fact("Severity", t.Severity)
	p.fact("Last run", words.When(t.At))
	if len(t.Tags) > 0 {
		p.Raw("<dt>Tags</dt><dd>")
		for k, s := range t.Tags {
			if k > 0 {
				p.Raw(", ")
			}
			p.Link(p.to(b.links.Tag(s)), "", s)
		}
		p.Raw("</dd>")
	}
	p.path("File", t.Where)
	p.Raw("</dl></section>\n")
	if of := t.Of; of >= 0 {
		p.Raw(`<section class="card"><h2>Test of</h2>`, "\n")
		p.list([]int{of})
		p.Raw("</section>\n")
	}
	p.Raw(`<section class="card"><h2>Reads <small>`, words.Count(len(t.Reads)), "</small></h2>\n")
	if len(t.Reads) > 0 {
		list := slices.Clone(t.Reads)
		b.byName(list)
		p.list(list)
	} else {
		p.Element("p", "empty", "Reads nothing of the project")
	}
	p.Raw("</section>\n</aside>\n</div>\n")
}

// noDescription says where a description of what is written at a place would stand.
func (p *page) noDescription(at string) {
	p.Raw(`<p class="empty">No description yet.`)
	file, _, _ := strings.Cut(at, ":")
	switch {
	case strings.HasSuffix(file, ".yml"), strings.HasSuffix(file, ".yaml"):
		p.Text(" Add one to its entry in " + at + ".")
	case file != "":
		p.Text(" Add one to its entry in a YAML file next to " + file + ".")
	}
	p.Raw("</p>")
}

// of is the node whose folder a test belongs to, -1 for none.
func (b *Book) of(t *content.Test) int {
	if t.Of >= 0 {
		return t.Of
	}
	if len(t.Reads) > 0 {
		return t.Reads[0]
	}
	return -1
}

// outcomes is the table of how a test came out before.
func (p *page) outcomes(t *content.Test) {
	if len(t.History) == 0 {
		return
	}
	p.Raw(`<section class="card" id="history"><h2>Runs <small>`, words.Count(len(t.History)), `</small></h2><div class="scroll" tabindex="0" role="group" aria-label="Earlier outcomes"><table class="builds"><thead><tr><th scope="col">Run</th><th scope="col">Outcome</th><th scope="col" class="num">Failing rows</th></tr></thead><tbody>`, "\n")
	for _, o := range t.History {
		p.Raw("<tr>")
		p.Element("td", "", words.When(o.At))
		p.Raw("<td>")
		p.pill(words.Tested(o.Status))
		p.Raw("</td>")
		p.Element("td", "num", words.Count(o.Failures))
		p.Raw("</tr>\n")
	}
	p.Raw("</tbody></table></div></section>\n")
}

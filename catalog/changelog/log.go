package changelog

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/catalog/article"
	"github.com/engine-build/engine/catalog/changes"
	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/markup"
	"github.com/engine-build/engine/catalog/words"
)

// Log writes changes. It is safe for concurrent use with one writer for each goroutine.
type Log struct {
	c     *changes.Changes
	links article.Links
}

// New prepares the pages of changes. Numbers of nodes are those of the later catalog, as the
// links take them.
func New(c *changes.Changes, links article.Links) *Log { return &Log{c: c, links: links} }

// mostNodes are shown in full on the page, mostRows of columns, tests and ways of one node, and
// mostLines of its text, of which pageLines stand on the page of all changes: that has to open at
// once whatever has changed.
const (
	mostNodes = 200
	mostRows  = 100
	mostLines = 400
	pageLines = 4000
)

// titles are the headings of sorts, in the order of the page.
var titles = []struct {
	sort         changes.Sort
	title, about string
}{
	{changes.Added, "Added", "They were not there before."},
	{changes.Removed, "Removed", "They are gone."},
	{changes.Renamed, "Renamed", "They have another name, and the same columns and text."},
	{changes.Changed, "Changed", "Their definition is not what it was."},
	{changes.Same, "Other data", "Their definition is the same; rows or outcomes are not."},
}

// Page writes what is inside <main> of the page of changes, which lies in the site's root.
func (l *Log) Page(w *markup.Writer) {
	w.Raw(`<h1>Changes</h1><p class="lead">Compared with `)
	w.Text(l.since())
	w.Raw(".</p>\n")
	if l.c.Empty() && len(l.c.Nodes) == 0 {
		w.Raw(`<p class="empty">Nothing has changed.</p>` + "\n")
		return
	}
	l.summary(w)
	l.picture(w)
	shown, lines := 0, pageLines
	for _, t := range titles {
		var list []*changes.Node
		for _, n := range l.c.Nodes {
			if n.Sort == t.sort {
				list = append(list, n)
			}
		}
		if len(list) == 0 {
			continue
		}
		w.Raw(`<section class="card changes" id="`, string(t.sort), `"><header><h2>`, t.title, ` <small>`, words.Count(len(list)), `</small></h2><p class="aside">`, t.about, "</p></header>\n")
		if t.sort == changes.Same {
			l.data(w, list)
			w.Raw("</section>\n")
			continue
		}
		for i, n := range list {
			if shown++; shown > mostNodes {
				l.rest(w, list[i:])
				break
			}
			w.Raw(`<article class="change `, string(n.Sort), `"><h3>`)
			l.sign(w, n.Sort)
			l.name(w, n, "")
			w.Raw("</h3>\n")
			l.detail(w, n, "", min(lines, mostLines))
			lines = max(0, lines-len(n.Code))
			w.Raw("</article>\n")
		}
		w.Raw("</section>\n")
	}
	l.others(w)
}

// since says what is compared with.
func (l *Log) since() string {
	b := l.c.Before
	text := "an earlier catalog"
	if !b.Generated.IsZero() {
		text = "the catalog of " + words.When(b.Generated)
	}
	if b.Target != "" {
		text += " of target " + b.Target
	}
	return text
}

// summary counts.
func (l *Log) summary(w *markup.Writer) {
	columns, types, edges := map[changes.Sort]int{}, 0, map[changes.Sort]int{}
	for _, n := range l.c.Nodes {
		if n.Sort == changes.Same {
			continue
		}
		for _, c := range n.Columns {
			columns[c.Sort]++
			if c.TypeBefore != "" {
				types++
			}
		}
		for _, e := range n.Parents {
			edges[e.Sort]++
		}
	}
	w.Raw(`<table class="counts"><thead><tr><td></td><th scope="col" class="num">Added</th><th scope="col" class="num">Removed</th><th scope="col" class="num">Renamed</th><th scope="col" class="num">Changed</th></tr></thead><tbody>`)
	row := func(name string, n ...int) {
		w.Raw(`<tr><th scope="row">`, name, `</th>`)
		for _, x := range n {
			w.Raw(`<td class="num">`)
			if x == 0 {
				w.Raw(`<span class="none">0</span>`)
			} else {
				w.Raw(words.Count(x))
			}
			w.Raw(`</td>`)
		}
		w.Raw("</tr>\n")
	}
	row("Nodes", l.c.Count(changes.Added), l.c.Count(changes.Removed), l.c.Count(changes.Renamed), l.c.Count(changes.Changed))
	row("Columns", columns[changes.Added], columns[changes.Removed], columns[changes.Renamed], columns[changes.Changed])
	row("Edges", edges[changes.Added], edges[changes.Removed], 0, 0)
	w.Raw("</tbody></table>\n")
	if types > 0 {
		w.Raw(`<p class="side-note">`, words.Plural(types, "column"), ` with another type.</p>`+"\n")
	}
}

// signs stand before names: what has become of them, not by colour alone.
var signs = map[changes.Sort]string{changes.Added: "+", changes.Removed: "−", changes.Renamed: "→", changes.Changed: "~", changes.Same: "="}

func (l *Log) sign(w *markup.Writer, s changes.Sort) {
	w.Raw(`<span class="sign `, string(s), `" aria-hidden="true">`, signs[s], `</span><span class="sr">`, string(s), `: </span>`)
}

func (l *Log) name(w *markup.Writer, n *changes.Node, base string) {
	w.Raw(`<span class="t-`)
	w.Text(n.Tone)
	w.Raw(`"><i class="dot" aria-hidden="true"></i> `)
	name := n.ID.Name
	if n.Label != "" {
		name = n.Label
	}
	w.Link(l.page(n.Now, base), "", name)
	w.Raw(`</span> <small>`)
	w.Text(words.Kind(string(n.ID.Kind)))
	if n.Sort == changes.Renamed {
		w.Raw(", was ")
		w.Text(n.Was.Name)
	}
	if n.Readers > 0 {
		w.Raw(", ")
		w.Text(words.Plural(n.Readers, "node"))
		w.Raw(` downstream`)
	}
	w.Raw(`</small>`)
}

// page is the address of a node's page, empty for what is gone.
func (l *Log) page(n int, base string) string {
	if n < 0 || l.links.Node == nil {
		return ""
	}
	if p := l.links.Node(n); p != "" {
		return base + p
	}
	return ""
}

// Node writes the part about one node, for its own page one level below the root; nothing, if
// nothing has changed in it.
func (l *Log) Node(w *markup.Writer, number int) {
	n := l.c.Of(number)
	if n == nil || n.Sort == changes.Same {
		return
	}
	w.Raw(`<section class="card changes" aria-labelledby="changes"><header><h2 id="changes">Changes</h2><p class="aside"><a href="../changes.html">since `)
	w.Text(l.since())
	w.Raw(`</a></p></header>`+"\n"+`<div class="change `, string(n.Sort), `">`)
	switch n.Sort {
	case changes.Added:
		w.Raw(`<p>`)
		l.sign(w, n.Sort)
		w.Raw(`It is new.</p>`)
	case changes.Renamed:
		w.Raw(`<p>`)
		l.sign(w, n.Sort)
		w.Raw(`It was called <code>`)
		w.Text(n.Was.Name)
		w.Raw(`</code>.</p>`)
		l.detail(w, n, "../", mostLines)
	default:
		l.detail(w, n, "../", mostLines)
	}
	w.Raw("</div></section>\n")
}

// detail is how a node differs, with so many lines of its text.
func (l *Log) detail(w *markup.Writer, n *changes.Node, base string, lines int) {
	if n.Sort == changes.Added || n.Sort == changes.Removed {
		l.whole(w, n, base)
		return
	}
	l.fields(w, n.Fields)
	l.columns(w, n)
	l.tests(w, n)
	l.parents(w, n, base)
	l.flow(w, n, base)
	l.code(w, n, lines)
	if n.RowsBefore >= 0 && n.RowsAfter >= 0 && n.RowsBefore != n.RowsAfter {
		w.Raw(`<p class="side-note">Rows: `, words.Count(n.RowsBefore), ` → `, words.Count(n.RowsAfter), "</p>\n")
	}
}

// whole is a node that has come or gone: what it has, in short.
func (l *Log) whole(w *markup.Writer, n *changes.Node, base string) {
	if len(n.Columns) > 0 {
		w.Raw(`<p>`, words.Plural(len(n.Columns), "column"), `: `)
		for i, c := range n.Columns {
			if i == mostRows {
				w.Raw(` and `, words.Count(len(n.Columns)-i), ` more`)
				break
			}
			if i > 0 {
				w.Raw(", ")
			}
			w.Element("code", "", c.Name)
		}
		w.Raw("</p>\n")
	}
	if len(n.Parents) > 0 {
		w.Raw(`<p>Reads `)
		for i, e := range n.Parents {
			if i == mostRows {
				w.Raw(` and `, words.Count(len(n.Parents)-i), ` more`)
				break
			}
			if i > 0 {
				w.Raw(", ")
			}
			w.Link(l.page(e.Number, base), "", e.Parent.Name)
		}
		w.Raw("</p>\n")
	}
}

func (l *Log) fields(w *markup.Writer, list []changes.Field) {
	if len(list) == 0 {
		return
	}
	w.Raw(`<div class="scroll" tabindex="0" role="group" aria-label="Changes in detail"><table><thead><tr><th scope="col">Setting</th><th scope="col">Before</th><th scope="col">After</th></tr></thead><tbody>` + "\n")
	for _, f := range list {
		w.Raw(`<tr><th scope="row">`)
		w.Text(f.Name)
		w.Raw(`</th><td class="was">`)
		value(w, f.Before)
		w.Raw(`</td><td class="now">`)
		value(w, f.After)
		w.Raw("</td></tr>\n")
	}
	w.Raw("</tbody></table></div>\n")
}

func value(w *markup.Writer, s string) {
	if s == "" {
		w.Raw(`<span class="none">nothing</span>`)
		return
	}
	w.Text(words.Clip(s, 600))
}

func (l *Log) columns(w *markup.Writer, n *changes.Node) {
	if len(n.Columns) == 0 {
		return
	}
	w.Raw(`<div class="scroll" tabindex="0" role="group" aria-label="Changes in detail"><table><thead><tr><th scope="col">Column</th><th scope="col">Type</th><th scope="col">What</th></tr></thead><tbody>` + "\n")
	for i, c := range n.Columns {
		if i == mostRows {
			break
		}
		w.Raw(`<tr class="`, string(c.Sort), `"><td class="name">`)
		l.sign(w, c.Sort)
		if c.Was != "" {
			w.Element("del", "", c.Was)
			w.Raw(" → ")
		}
		w.Text(c.Name)
		w.Raw(`</td><td>`)
		if c.TypeBefore != "" {
			w.Raw(`<code class="was">`)
			w.Text(c.TypeBefore)
			w.Raw(`</code> → `)
		}
		if c.Type != "" {
			w.Element("code", "", c.Type)
		}
		w.Raw(`</td><td>`)
		w.Text(what(c))
		w.Raw("</td></tr>\n")
	}
	w.Raw("</tbody></table></div>\n")
	l.more(w, len(n.Columns), "column")
}

// what a column's change is, in words.
func what(c changes.Column) string {
	var parts []string
	switch c.Sort {
	case changes.Added:
		parts = append(parts, "new")
	case changes.Removed:
		parts = append(parts, "gone")
	case changes.Renamed:
		parts = append(parts, "renamed")
	}
	if c.TypeBefore != "" {
		parts = append(parts, "another type")
	}
	for _, f := range c.Fields {
		switch {
		case f.Before == "":
			parts = append(parts, f.Name+": "+words.Clip(f.After, 200))
		case f.After == "":
			parts = append(parts, f.Name+" removed")
		default:
			parts = append(parts, f.Name+": "+words.Clip(f.Before, 200)+" → "+words.Clip(f.After, 200))
		}
	}
	if c.Readers > 0 {
		parts = append(parts, "read by "+words.Plural(c.Readers, "column"))
	}
	return strings.Join(parts, "; ")
}

func (l *Log) more(w *markup.Writer, have int, one string) {
	if have > mostRows {
		w.Raw(`<p class="more">and `, words.Count(have-mostRows), ` more `, words.Many(one), "</p>\n")
	}
}

func (l *Log) tests(w *markup.Writer, n *changes.Node) {
	if len(n.Tests) == 0 {
		return
	}
	w.Raw(`<ul class="list" aria-label="Tests">` + "\n")
	for i, t := range n.Tests {
		if i == mostRows {
			break
		}
		w.Raw(`<li>`)
		l.sign(w, t.Sort)
		w.Raw(`Test: `)
		w.Text(t.Sentence)
		if t.Sort == changes.Same || t.Sort == changes.Changed && t.Before != t.After {
			w.Raw(` <small>`)
			w.Text(outcome(t.Before) + " → " + outcome(t.After))
			w.Raw(`</small>`)
		}
		w.Raw("</li>\n")
	}
	w.Raw("</ul>\n")
	l.more(w, len(n.Tests), "test")
}

func outcome(s content.Status) string {
	if s == "" {
		return "not run"
	}
	return string(s)
}

func (l *Log) parents(w *markup.Writer, n *changes.Node, base string) {
	if len(n.Parents) == 0 {
		return
	}
	w.Raw(`<ul class="list" aria-label="Upstream">` + "\n")
	for i, e := range n.Parents {
		if i == mostRows {
			break
		}
		w.Raw(`<li>`)
		l.sign(w, e.Sort)
		if e.Sort == changes.Added {
			w.Raw(`Reads `)
		} else {
			w.Raw(`Reads no more `)
		}
		w.Link(l.page(e.Number, base), "", e.Parent.Name)
		w.Raw("</li>\n")
	}
	w.Raw("</ul>\n")
	l.more(w, len(n.Parents), "parent")
}

// ways in words.
var ways = map[content.Way]string{content.Identity: "copied", content.Condition: "decides", content.Transformed: "computed", content.Aggregated: "aggregated"}

func (l *Log) flow(w *markup.Writer, n *changes.Node, base string) {
	if len(n.Flow) == 0 {
		return
	}
	w.Raw(`<details class="fold"><summary>`, words.Plural(len(n.Flow), "change"), ` of column lineage</summary><div class="scroll" tabindex="0" role="group" aria-label="Changes in detail"><table><thead><tr><th scope="col">Column</th><th scope="col">From</th><th scope="col">How</th></tr></thead><tbody>`+"\n")
	for i, x := range n.Flow {
		if i == mostRows {
			break
		}
		w.Raw(`<tr class="`, string(x.Sort), `"><td class="name">`)
		l.sign(w, x.Sort)
		w.Text(x.Column)
		w.Raw(`</td><td class="name">`)
		w.Link(l.page(x.Number, base), "", x.From.Name)
		w.Text("." + x.Name)
		w.Raw(`</td><td>`, ways[x.Way])
		if x.Text != "" {
			w.Raw(` <code>`)
			w.Text(words.Clip(x.Text, 200))
			w.Raw(`</code>`)
		}
		w.Raw("</td></tr>\n")
	}
	w.Raw("</tbody></table></div>\n")
	l.more(w, len(n.Flow), "change")
	w.Raw("</details>\n")
}

// code is the change of a text, line by line.
func (l *Log) code(w *markup.Writer, n *changes.Node, most int) {
	if len(n.Code) == 0 {
		return
	}
	added, removed := 0, 0
	for _, x := range n.Code {
		switch {
		case x.Old == 0 && x.New > 0:
			added++
		case x.New == 0 && x.Old > 0:
			removed++
		}
	}
	open := " open"
	if most == 0 {
		open = ""
	}
	w.Raw(`<details class="fold"`, open, `><summary>`)
	if n.What == "template" {
		w.Raw("Text")
	} else {
		w.Raw("SQL")
	}
	w.Raw(`: `, words.Plural(added, "line"), ` added, `, words.Count(removed), ` removed</summary><div class="scroll" tabindex="0" role="group" aria-label="Lines that have changed"><table class="diff"><thead class="sr"><tr><th scope="col">Line before</th><th scope="col">Line after</th><th scope="col">Text</th></tr></thead><tbody>`+"\n")
	for i, x := range n.Code {
		if i == most {
			break
		}
		class, sign := "", " "
		switch {
		case x.Old == 0 && x.New == 0:
			w.Raw(`<tr class="cut"><td></td><td></td><td>⋯</td></tr>` + "\n")
			continue
		case x.Old == 0:
			class, sign = "added", "+"
		case x.New == 0:
			class, sign = "removed", "−"
		}
		w.Raw(`<tr`)
		if class != "" {
			w.Raw(` class="`, class, `"`)
		}
		w.Raw(`><td class="num">`, lineNumber(x.Old), `</td><td class="num">`, lineNumber(x.New), `</td><td><code>`, sign, ` `)
		w.Text(words.Clip(x.Text, 400))
		w.Raw("</code></td></tr>\n")
	}
	w.Raw("</tbody></table></div>\n")
	if len(n.Code) > most {
		w.Raw(`<p class="more">and `, words.Plural(len(n.Code)-most, "more line"), "</p>\n")
	}
	w.Raw("</details>\n")
}

func lineNumber(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// rest lists nodes that are not shown in full.
func (l *Log) rest(w *markup.Writer, list []*changes.Node) {
	const most = 2000
	w.Raw(`<details class="fold"><summary>and `, words.Count(len(list)), ` more</summary><ul class="list">`+"\n")
	for i, n := range list {
		if i == most {
			w.Raw(`<li>and `, words.Count(len(list)-most), " more</li>\n")
			break
		}
		w.Raw(`<li>`)
		l.sign(w, n.Sort)
		l.name(w, n, "")
		w.Raw("</li>\n")
	}
	w.Raw("</ul></details>\n")
}

// data lists nodes with other rows or outcomes, those with the greatest difference first.
func (l *Log) data(w *markup.Writer, list []*changes.Node) {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b *changes.Node) int {
		if x, y := a.StatusBefore != a.StatusAfter, b.StatusBefore != b.StatusAfter; x != y {
			if x {
				return -1
			}
			return 1
		}
		return int(min(1, max(-1, spread(b)-spread(a))))
	})
	w.Raw(`<div class="scroll" tabindex="0" role="group" aria-label="Changes in detail"><table><thead><tr><th scope="col">Node</th><th scope="col" class="num">Rows before</th><th scope="col" class="num">Rows after</th><th scope="col">Outcome</th></tr></thead><tbody>` + "\n")
	for i, n := range list {
		if i == mostRows {
			break
		}
		w.Raw(`<tr><td class="name">`)
		l.name(w, n, "")
		w.Raw(`</td><td class="num">`)
		count(w, n.RowsBefore)
		w.Raw(`</td><td class="num">`)
		count(w, n.RowsAfter)
		w.Raw(`</td><td>`)
		var parts []string
		if n.StatusBefore != n.StatusAfter {
			parts = append(parts, outcome(n.StatusBefore)+" → "+outcome(n.StatusAfter))
		}
		for k, t := range n.Tests {
			if k == 5 {
				parts = append(parts, fmt.Sprintf("%d more tests", len(n.Tests)-k))
				break
			}
			parts = append(parts, t.Sentence+": "+outcome(t.Before)+" → "+outcome(t.After))
		}
		w.Text(strings.Join(parts, "; "))
		w.Raw("</td></tr>\n")
	}
	w.Raw("</tbody></table></div>\n")
	l.more(w, len(list), "node")
}

func count(w *markup.Writer, n int64) {
	if n < 0 {
		w.Raw(`<span class="none">not known</span>`)
		return
	}
	w.Raw(words.Count(n))
}

func spread(n *changes.Node) int64 {
	if n.RowsBefore < 0 || n.RowsAfter < 0 {
		return 0
	}
	return max(n.RowsBefore-n.RowsAfter, n.RowsAfter-n.RowsBefore)
}

// others are macros, terms and groups.
func (l *Log) others(w *markup.Writer) {
	for _, x := range []struct {
		title string
		list  []changes.Named
	}{{"Macros", l.c.Macros}, {"Glossary", l.c.Terms}, {"Groups", l.c.Groups}} {
		if len(x.list) == 0 {
			continue
		}
		w.Raw(`<section class="card changes"><h2>`, x.title, ` <small>`, words.Count(len(x.list)), `</small></h2><ul class="list">`+"\n")
		for i, n := range x.list {
			if i == mostRows {
				break
			}
			w.Raw(`<li>`)
			l.sign(w, n.Sort)
			w.Text(n.Name)
			w.Raw("</li>\n")
		}
		w.Raw("</ul>\n")
		l.more(w, len(x.list), "entry")
		w.Raw("</section>\n")
	}
}

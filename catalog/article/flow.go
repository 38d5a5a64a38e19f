package article

import (
	"slices"
	"sort"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/words"
)

// flow finds the steps of column lineage from both ends.
type flow struct {
	content.Flow
	// node is the node of every column.
	node []int32
	// byFrom are indices into Edges in the order of From, byColumn into Reads in that of Column.
	byFrom, byColumn []int32
}

func readFlow(c *content.Catalog) flow {
	f := flow{Flow: c.Flow}
	if !f.Known || len(f.First) == 0 {
		return f
	}
	f.node = make([]int32, f.First[len(f.First)-1])
	for n := range c.Nodes {
		for i := f.First[n]; i < f.First[n+1]; i++ {
			f.node[i] = int32(n)
		}
	}
	f.byFrom, f.byColumn = make([]int32, len(f.Edges)), make([]int32, len(f.Reads))
	for i := range f.byFrom {
		f.byFrom[i] = int32(i)
	}
	for i := range f.byColumn {
		f.byColumn[i] = int32(i)
	}
	slices.SortStableFunc(f.byFrom, func(a, b int32) int { return int(f.Edges[a].From - f.Edges[b].From) })
	slices.SortStableFunc(f.byColumn, func(a, b int32) int { return int(f.Reads[a].Column - f.Reads[b].Column) })
	return f
}

// column is the number of a column, -1 without lineage.
func (f *flow) column(n, c int) int32 {
	if f.node == nil {
		return -1
	}
	return f.First[n] + int32(c)
}

// place is the node of a column and its place there.
func (f *flow) place(col int32) (n, c int) {
	n = int(f.node[col])
	return n, int(col - f.First[n])
}

// into are the steps that give a column its value.
func (f *flow) into(col int32) []content.Edge {
	from := sort.Search(len(f.Edges), func(i int) bool { return f.Edges[i].To >= col })
	to := from
	for to < len(f.Edges) && f.Edges[to].To == col {
		to++
	}
	return f.Edges[from:to]
}

// outOf are indices of the steps that a column's value goes on by.
func (f *flow) outOf(col int32) []int32 {
	from := sort.Search(len(f.byFrom), func(i int) bool { return f.Edges[f.byFrom[i]].From >= col })
	to := from
	for to < len(f.byFrom) && f.Edges[f.byFrom[to]].From == col {
		to++
	}
	return f.byFrom[from:to]
}

// usesOf are indices of the reads of a column.
func (f *flow) usesOf(col int32) []int32 {
	from := sort.Search(len(f.byColumn), func(i int) bool { return f.Reads[f.byColumn[i]].Column >= col })
	to := from
	for to < len(f.byColumn) && f.Reads[f.byColumn[to]].Column == col {
		to++
	}
	return f.byColumn[from:to]
}

// readsOf are the reads of a node.
func (f *flow) readsOf(n int) []content.Read {
	from := sort.Search(len(f.Reads), func(i int) bool { return int(f.Reads[i].Node) >= n })
	to := from
	for to < len(f.Reads) && int(f.Reads[to].Node) == n {
		to++
	}
	return f.Reads[from:to]
}

// wayWord says how a value comes; a plain copy needs no word.
func wayWord(w content.Way) string {
	switch w {
	case content.Condition:
		return "condition"
	case content.Transformed:
		return "transformed"
	case content.Aggregated:
		return "aggregated"
	}
	return ""
}

func useWord(u content.Use) string {
	switch u {
	case content.Filter:
		return "filter"
	case content.Join:
		return "join"
	case content.Unnest:
		return "unnest"
	case content.Grouped:
		return "group"
	case content.Ordered:
		return "order"
	case content.Window:
		return "window"
	case content.Unused:
		return "unused"
	case content.Tested:
		return "test"
	}
	return ""
}

// maxFlow is how many columns a page names that a column comes from, maxReaders how many that
// read it, maxFlowText how many characters of an expression it shows. Expressions stand where a
// column is made, not where it is read.
const maxFlow, maxReaders, maxFlowText = 6, 3, 120

// columnFlow writes where a column comes from and who reads it.
func (p *page) columnFlow(c int) {
	f := &p.flow
	col := f.column(p.n, c)
	if col < 0 {
		return
	}
	in, out := f.into(col), f.outOf(col)
	uses := f.usesOf(col)
	var helps []content.Read // columns that are read for this one
	for _, r := range f.readsOf(p.n) {
		if r.To == col {
			helps = append(helps, r)
		}
	}
	if len(in)+len(out)+len(uses)+len(helps) == 0 {
		return
	}
	p.Raw(`<div class="flow">`)
	if n := len(in) + len(helps); n > 0 {
		p.Raw(`<p><b>From</b> `)
		steps := make([]origin, 0, n)
		for _, e := range in {
			steps = append(steps, origin{e.From, wayWord(e.Way), f.Texts[e.Text]})
		}
		for _, r := range helps {
			steps = append(steps, origin{r.Column, useWord(r.Use), f.Texts[r.Text]})
		}
		p.origins(steps[:min(n, maxFlow)])
		p.rest(n - maxFlow)
		p.Raw("</p>")
	}
	if len(out)+len(uses) > 0 {
		p.Raw("<p><b>Read by</b> ")
		p.readers(out, uses)
		p.Raw("</p>")
	}
	p.Raw("</div>")
}

// origin is a column that another is made of, and how.
type origin struct {
	col        int32
	word, text string
}

// origins lists what a column is made of. Columns that one expression takes stand together, and the
// expression once behind them.
func (p *page) origins(steps []origin) {
	done := make([]bool, len(steps))
	for i, s := range steps {
		if done[i] {
			continue
		}
		if i > 0 {
			p.Raw("; ")
		}
		last := i
		for k := i + 1; k < len(steps); k++ {
			if !done[k] && s.text != "" && steps[k].word == s.word && steps[k].text == s.text {
				p.step(last == i, steps[last].col, "", "")
				last, done[k] = k, true
			}
		}
		p.step(last == i, steps[last].col, s.word, s.text)
	}
}

// readers lists who reads a column. Where they are too many, it counts them and names the most
// important nodes.
func (p *page) readers(out, uses []int32) {
	f := &p.flow
	if len(out)+len(uses) <= maxReaders {
		for k, i := range out {
			e := f.Edges[i]
			p.step(k == 0, e.To, wayWord(e.Way), "")
		}
		for k, i := range uses {
			r := f.Reads[i]
			if r.To >= 0 {
				p.step(k+len(out) == 0, r.To, useWord(r.Use), "")
			} else {
				p.rows(k+len(out) == 0, int(r.Node), useWord(r.Use))
			}
		}
		return
	}
	seen := map[int]bool{}
	var nodes []int
	add := func(n int) {
		if !seen[n] {
			seen[n] = true
			nodes = append(nodes, n)
		}
	}
	for _, i := range out {
		add(int(f.node[f.Edges[i].To]))
	}
	for _, i := range uses {
		add(int(f.Reads[i].Node))
	}
	p.Text(words.Plural(len(out)+len(uses), "place"))
	p.Raw(" in ")
	for k, n := range p.important(nodes, maxReaders) {
		if k > 0 {
			p.Raw(", ")
		}
		p.Link(p.to(p.links.Node(n)), "", p.name(n))
	}
	p.rest(len(nodes) - maxReaders)
}

func (p *page) rest(more int) {
	if more > 0 {
		p.Raw(" and ", words.Count(more), " more")
	}
}

// step writes a column next to another, how the value comes, and by which expression.
func (p *page) step(first bool, col int32, word, text string) {
	n, c := p.flow.place(col)
	href := p.to(p.links.Node(n))
	if href != "" {
		href += "#" + p.links.Column(n, c)
	}
	p.hop(first, href, p.name(n)+"."+p.c.Nodes[n].Columns[c].Name, word, text)
}

// rows writes a node that needs a column to choose its rows.
func (p *page) rows(first bool, n int, word string) {
	href := p.to(p.links.Node(n))
	if href != "" && len(p.c.Nodes[n].Columns) > 0 {
		href += "#columns"
	}
	p.hop(first, href, p.name(n)+" (rows)", word, "")
}

func (p *page) hop(first bool, href, name, word, text string) {
	if !first {
		p.Raw(", ")
	}
	p.Link(href, "", name)
	if word != "" {
		p.Raw(" ")
		p.Element("i", "", word)
	}
	if text != "" && text != name {
		p.Raw(" ")
		p.Element("code", "", words.Clip(text, maxFlowText))
	}
}

// maxRows is how many columns that decide about rows a page lists.
const maxRows = 8

// rowsFrom writes which columns decide what rows the node has.
func (p *page) rowsFrom() {
	if p.flow.node == nil {
		return
	}
	n := 0
	for _, r := range p.flow.readsOf(p.n) {
		if r.To >= 0 {
			continue
		}
		switch n++; {
		case n == 1:
			p.Raw(`<div class="flow rows"><p><b>Which rows it has</b> is decided by `)
			fallthrough
		case n <= maxRows:
			p.step(n == 1, r.Column, useWord(r.Use), p.flow.Texts[r.Text])
		}
	}
	if n > 0 {
		p.rest(n - maxRows)
		p.Raw("</p></div>")
	}
}

package article

import (
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/words"
)

// manyColumns is from how many columns on rows are only laid out when they come into sight, by
// groups of rowsInGroup or a few less, which the style sheet knows the height of.
const manyColumns, rowsInGroup = 60, 40

// maxFilter is from how many columns on a table can be filtered, maxChips how many tests of a
// column are named.
const maxFilter, maxChips = 15, 6

// columnTable lists the columns with all that is known of each.
func (p *page) columnTable() {
	n := p.node
	if n.ID.Kind == "exposure" && len(n.Columns) == 0 {
		return
	}
	p.Raw(`<section class="card listing" id="columns"><header><h2>Columns`)
	if len(n.Columns) > 0 {
		p.Raw(" <small>", words.Count(len(n.Columns)), "</small>")
	}
	p.Raw("</h2>")
	if len(n.Columns) > maxFilter {
		p.Raw(`<label class="filter"><span class="sr">Filter columns</span><input type="search" data-filter="listing" placeholder="Filter" autocomplete="off"></label>`)
	}
	p.Raw("</header>\n")
	if len(n.Columns) == 0 {
		p.noColumns()
		p.Raw("</section>\n")
		return
	}
	profiled := slices.IndexFunc(n.Columns, func(c *content.Column) bool { return c.Profile != nil })
	tested := slices.ContainsFunc(n.Columns, func(c *content.Column) bool { return len(c.Tests) > 0 })
	class := "cols"
	if len(n.Columns) > manyColumns {
		class = "cols long"
	}
	p.Raw(`<table class="`, class, `"`)
	if href := p.to(p.links.Explore(p.n)); href != "" && p.flow.node != nil {
		p.Attr("data-explore", href+"&col=") // a script makes links of the names
	}
	p.Raw(`><thead><tr><th>Name</th><th>Type</th><th>Description</th>`)
	if tested {
		p.Raw(`<th>Tests</th>`)
	}
	p.Raw("</tr></thead>\n<tbody>\n")
	masks := p.masks()
	untyped := false
	group := len(n.Columns)
	if group > manyColumns {
		groups := (group + rowsInGroup - 1) / rowsInGroup
		group = (group + groups - 1) / groups
	}
	for i, c := range n.Columns {
		if i > 0 && i%group == 0 {
			p.Raw("</tbody>\n<tbody>\n")
		}
		untyped = untyped || c.Type == ""
		p.columnRow(i, c, masks[c.Name], tested)
	}
	p.Raw("</tbody></table>\n")
	p.rowsFrom()
	if n.NoFlow != "" {
		p.Element("p", "more", "Where columns come from is not known, or not wholly: "+strings.TrimSuffix(n.NoFlow, ".")+".")
	}
	switch {
	case n.NoTypes != "":
		p.Element("p", "more", n.NoTypes)
	case untyped && p.open():
		p.Element("p", "more", "Types without a value are known once the node is built.")
	}
	if profiled >= 0 {
		x := n.Columns[profiled].Profile
		said := "Values were counted in all "
		if x.Sampled {
			said = "Values were counted in a sample of "
		}
		said += words.Plural(x.Rows, "row")
		if at := words.Day(x.At); at != "" {
			said += " on " + at
		}
		p.Element("p", "more", said+".")
	}
	p.Raw("</section>\n")
}

func (p *page) noColumns() {
	n := p.node
	s := "Columns are not known"
	if n.NoTypes != "" {
		s += ": " + strings.TrimSuffix(n.NoTypes, ".")
	}
	s += "."
	if p.open() {
		s += " Build the project or declare them in " + p.yaml() + "."
	}
	p.Element("p", "empty", s)
}

// masks are what customers see instead of the values of columns, by name.
func (p *page) masks() map[string]string {
	if p.node.Offer == nil {
		return nil
	}
	out := map[string]string{}
	for _, c := range p.node.Offer.Columns {
		if c.Mask != "" {
			out[c.Column] = c.Mask
		}
	}
	return out
}

func (p *page) columnRow(i int, c *content.Column, mask string, tested bool) {
	id := p.links.Column(p.n, i)
	p.Raw("<tr")
	if id != "" {
		p.Attr("id", id)
	}
	p.Raw(`><th>`)
	p.Text(c.Name)
	p.Raw("</th><td>")
	if c.Type != "" {
		p.Element("code", "", c.Type)
	}
	p.Raw(`</td><td class="about">`)
	p.Raw(p.text.HTML(c.Description))
	p.chips(c, mask)
	p.profile(c)
	p.columnFlow(i)
	p.Raw("</td>")
	if tested {
		if len(c.Tests) > 0 {
			p.Raw(`<td class="checks">`)
			p.columnChecks(c)
		} else {
			p.Raw("<td>")
		}
		p.Raw("</td>")
	}
	p.Raw("</tr>\n")
}

// chips are the short facts about a column.
func (p *page) chips(c *content.Column, mask string) {
	if len(c.Tags)+len(c.Constraints)+len(c.Meta) == 0 && !c.Sensitive && mask == "" {
		return
	}
	p.Raw(`<p class="tags">`)
	if c.Sensitive {
		p.Element("span", "tag private", "sensitive")
	}
	if mask != "" {
		p.Element("span", "tag private", "customers see "+maskWord(mask))
	}
	for _, s := range c.Constraints {
		p.Element("span", "tag rule", s)
	}
	for _, s := range c.Tags {
		if href := p.to(p.links.Tag(s)); href != "" {
			p.Link(href, "tag", s)
		} else {
			p.Element("span", "tag", s)
		}
	}
	for _, m := range c.Meta {
		p.Element("span", "tag", m.Name+": "+words.Clip(m.Value, 60))
	}
	p.Raw("</p>")
}

func maskWord(mask string) string {
	switch mask {
	case "null":
		return "nothing"
	case "hash":
		return "a hash"
	case "constant":
		return "a constant"
	}
	return mask
}

// profile is what a scan has found in a column.
func (p *page) profile(c *content.Column) {
	x := c.Profile
	if x == nil || c.Sensitive {
		return
	}
	p.Raw(`<div class="values">`)
	if x.Nulls > 0 {
		p.bar(x.Nulls, x.Rows)
		p.Raw(" ")
	}
	p.Text(words.Share(x.Nulls, x.Rows) + " null")
	if x.Distinct >= 0 {
		p.Raw(" · ")
		p.Text(words.Count(x.Distinct) + " distinct")
	}
	if x.Min != "" || x.Max != "" {
		p.Raw(" · ")
		p.Element("code", "", words.Clip(x.Min, 24))
		p.Raw(" to ")
		p.Element("code", "", words.Clip(x.Max, 24))
	}
	if len(x.Top) == 0 {
		p.Raw("</div>")
		return
	}
	p.Raw(`<details><summary>Frequent values</summary><div class="freq"><svg viewBox="0 0 40 `, strconv.Itoa(topHigh*len(x.Top)), `" aria-hidden="true"><path d="`)
	for i, v := range x.Top {
		p.Raw("M0 ", strconv.Itoa(topHigh*i+topHigh/2), "h")
		p.Coord(share(v.Rows, x.Rows))
	}
	p.Raw(`"/></svg><ul>`)
	for _, v := range x.Top {
		p.Raw("<li>")
		p.Element("code", "", words.Clip(v.Value, 40))
		p.Raw(" ")
		p.Element("i", "", words.Share(v.Rows, x.Rows))
		p.Raw("</li>")
	}
	p.Raw("</ul></div></details></div>")
}

// barWide is the width of a bar that shows a share, topHigh the height of a line of frequent
// values, as in the style sheet.
const barWide, topHigh = 40, 22

// share is the width of the bar of a share: visible for the smallest one, too.
func share(part, of int64) float64 {
	if of <= 0 || part <= 0 {
		return 0
	}
	return max(1, barWide*float64(min(part, of))/float64(of))
}

// bar draws a share; the number beside it says the same.
func (p *page) bar(part, of int64) {
	wide := share(part, of)
	p.Raw(`<svg class="share" viewBox="0 0 40 6" aria-hidden="true">`)
	if wide > 0 {
		p.Raw(`<path d="M0 3h`)
		p.Coord(wide)
		p.Raw(`"/>`)
	}
	p.Raw("</svg>")
}

// columnChecks leads from a column to its tests.
func (p *page) columnChecks(c *content.Column) {
	for k, i := range c.Tests {
		if k == maxChips {
			p.rest(len(c.Tests) - maxChips)
			return
		}
		t := p.c.Tests[i]
		x := words.Tested(t.Status)
		class := x.Class
		if p.untold(t) {
			class = "plain"
		}
		p.Raw(`<a class="check `, class, `" href="`)
		p.Text(p.testHref(i))
		if !p.untold(t) {
			p.Raw(`" title="`)
			p.Text(x.Word)
		}
		p.Raw(`">`)
		p.Text(words.Kind(t.Kind))
		p.Raw("</a>")
	}
}

// testHref leads to a test: on this page, where it is listed, else where it stands.
func (p *page) testHref(i int) string {
	if id := p.links.TestID(i); id != "" {
		return "#" + id
	}
	return p.to(p.links.Test(i))
}

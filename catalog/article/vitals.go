package article

import (
	"slices"
	"strings"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/words"
)

// vitals is the line of numbers under the title: how the node is doing.
func (p *page) vitals() {
	n := p.node
	w := p.Writer
	from := w.Len()
	p.Raw(`<dl class="vitals">`)
	start := w.Len()
	p.buildVital()
	if s := n.Source; s != nil {
		p.freshVital(s)
	}
	p.rowsVital()
	if n.Data.Bytes >= 0 && n.Data.Rows >= 0 {
		p.vital("Size", words.Size(n.Data.Bytes), "", nil, "")
	}
	p.costVital()
	p.testVital()
	if w.Len() == start {
		w.Truncate(from)
		p.noVitals()
		return
	}
	p.Raw("</dl>\n")
}

// noVitals says why there are none, to those who can do something about it.
func (p *page) noVitals() {
	switch p.node.ID.Kind {
	case "model", "seed", "snapshot":
		if p.open() && p.node.Materialized != "ephemeral" {
			p.Raw(`<p class="empty vitals-none">No build recorded. Run <code>engine build --select `)
			p.Text(p.node.ID.Name)
			p.Raw("</code> and generate the catalog again to see rows, durations and test results.</p>\n")
		}
	}
}

// vital writes one number with what it was before.
func (p *page) vital(name, value, note string, line []float64, said string) {
	p.Raw("<div><dt>", name, "</dt><dd><b>")
	p.Text(value)
	p.Raw("</b>")
	if note != "" {
		p.Element("small", "", note)
	}
	if len(line) > 1 && slices.Min(line) < slices.Max(line) { // a level line says nothing
		p.spark(line, said)
	}
	p.Raw("</dd></div>\n")
}

func (p *page) buildVital() {
	n := p.node
	built := n.Data.BuiltAt
	var took []float64
	note := ""
	for _, b := range slices.Backward(n.History) {
		took = append(took, b.Took.Seconds())
	}
	if len(n.History) > 0 {
		last := n.History[0]
		if last.At.After(built) {
			built = last.At
		}
		if last.Took > 0 {
			note = "took " + words.Took(last.Took)
		}
	}
	if built.IsZero() {
		return
	}
	p.vital("Built", words.When(built), note, took, "Durations of the last "+words.Plural(len(took), "build"))
}

func (p *page) freshVital(s *content.Source) {
	if s.Fresh == "" && s.Loaded.IsZero() {
		return
	}
	value, note := words.Fresh(s.Fresh).Word, ""
	if value == "" {
		value = "not checked"
	}
	if !s.Loaded.IsZero() {
		note = "newest row " + words.When(s.Loaded)
		if ago := words.Ago(s.Loaded, s.Checked); ago != "" {
			note += ", " + ago + " the check"
		}
	}
	p.vital("Freshness", value, note, nil, "")
}

func (p *page) rowsVital() {
	n := p.node
	var line []float64
	var known []int64
	for _, b := range slices.Backward(n.History) {
		if b.Rows >= 0 {
			line = append(line, float64(b.Rows))
			known = append(known, b.Rows)
		}
	}
	rows := n.Data.Rows
	// Builds of incremental models count the rows that they changed, which is no trend of the table.
	if rows < 0 && n.Materialized != "incremental" && len(known) > 0 {
		rows = known[len(known)-1]
	}
	if rows < 0 {
		return
	}
	note := ""
	said := "Rows of the last " + words.Plural(len(line), "build")
	if n.Materialized == "incremental" {
		said = "Rows written by the last " + words.Plural(len(line), "build")
	} else if k := len(known); k > 1 {
		if d := words.Delta(known[k-2], known[k-1]); d == "no change" {
			note = "as before"
		} else {
			note = d + " since the last"
		}
	}
	p.vital("Rows", words.Count(rows), note, line, said)
}

func (p *page) costVital() {
	n := p.node
	var line []float64
	for _, b := range slices.Backward(n.History) {
		if b.Billed >= 0 {
			line = append(line, float64(b.Billed))
		}
	}
	if len(n.History) == 0 || n.History[0].Billed < 0 {
		return
	}
	note := ""
	if s := n.History[0].Slots; s > 0 {
		note = words.Took(s) + " of slots"
	}
	p.vital("Charged for", words.Size(n.History[0].Billed), note, line, "Bytes charged for in the last "+words.Plural(len(line), "build"))
}

func (p *page) testVital() {
	t := p.tally(p.n)
	if t.Total == 0 || t.NotRun == t.Total {
		return
	}
	p.vital("Tests passed", words.Count(t.Passed)+" of "+words.Count(t.Total), words.When(p.tested), nil, "")
}

// sparkWide and sparkHigh are the size of a small line chart.
const sparkWide, sparkHigh = 84, 22

// spark draws numbers over time, oldest first; they are not all the same.
func (p *page) spark(line []float64, said string) {
	low, high := slices.Min(line), slices.Max(line)
	span := high - low
	p.Raw(`<svg class="spark" viewBox="0 0 84 22" role="img" aria-label="`)
	p.Text(said)
	p.Raw(`"><path d="`)
	for i, v := range line {
		y := 2 + (sparkHigh-4)*(1-(v-low)/span)
		if i == 0 {
			p.Raw("M")
		} else {
			p.Raw("L")
		}
		p.Coord(2 + (sparkWide-4)*float64(i)/float64(len(line)-1))
		p.Raw(" ")
		p.Coord(y)
		if i == len(line)-1 {
			p.Raw(`"/></svg>`)
		}
	}
}

// maxBuilds is how many builds the table lists.
const maxBuilds = 6

// history is the table of the last builds.
func (p *page) history() {
	h := p.node.History
	if len(h) == 0 {
		return
	}
	billed, read := false, false
	for _, b := range h[:min(len(h), maxBuilds)] {
		billed, read = billed || b.Billed >= 0, read || b.Bytes >= 0
	}
	p.Raw(`<section class="card" id="history"><header><h2>Builds <small>`, words.Count(len(h)), "</small></h2></header>\n",
		`<div class="scroll" tabindex="0" role="region" aria-label="Last builds"><table class="builds"><thead><tr><th>Built (UTC)</th><th>Took</th><th>Rows</th>`)
	if read {
		p.Raw(`<th>Read</th>`)
	}
	if billed {
		p.Raw(`<th>Charged for</th>`)
	}
	p.Raw("</tr></thead><tbody>\n")
	cell := func(s string, known bool) {
		if known {
			p.Element("td", "", s)
		} else {
			p.Raw("<td>–</td>")
		}
	}
	for _, b := range h[:min(len(h), maxBuilds)] {
		p.Raw("<tr>")
		p.Element("td", "", strings.TrimSuffix(words.When(b.At), " UTC"))
		cell(words.Took(b.Took), b.Took > 0)
		cell(words.Count(b.Rows), b.Rows >= 0)
		if read {
			cell(words.Size(b.Bytes), b.Bytes >= 0)
		}
		if billed {
			cell(words.Size(b.Billed), b.Billed >= 0)
		}
		p.Raw("</tr>\n")
	}
	p.Raw("</tbody></table></div>")
	if more := len(h) - maxBuilds; more > 0 {
		p.Raw(`<p class="more">and `, words.Count(more), " earlier</p>")
	}
	p.Raw("</section>\n")
}

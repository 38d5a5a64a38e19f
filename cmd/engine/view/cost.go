package view

import (
	"cmp"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/warehouse"
)

// basisWords name what an estimate is built on.
var basisWords = map[plan.Basis]string{plan.DryRun: "dry run", plan.LastRun: "last run", plan.Nothing: "reads nothing", plan.Unknown: "unknown"}

// Cost is an estimate for people: a table with the dearest first, then the totals. Nodes
// that read nothing are only counted.
func (s Screen) Cost(c *plan.Cost) string {
	priced := c.PerTiB > 0
	t := Table{Columns: []string{"node", "billed"}, Numeric: []bool{false, true}}
	if priced {
		t.Columns, t.Numeric = append(t.Columns, "cost in "+c.Currency), append(t.Numeric, true)
	}
	t.Columns = append(t.Columns, "from")
	row := func(name string, e plan.Estimate) {
		from := basisWords[e.Basis]
		if e.Why != "" {
			from += ": " + e.Why
		}
		cells := []Cell{{Text: name}, {Text: s.billed(e)}}
		if priced {
			amount := plan.FormatAmount(e.Amount)
			if e.Basis == plan.Unknown && e.Billed == 0 {
				amount = "?"
			}
			cells = append(cells, Cell{Text: amount})
		}
		t.Rows = append(t.Rows, append(cells, Cell{Text: from}))
	}
	estimates := slices.Clone(c.Actions)
	slices.SortStableFunc(estimates, func(a, b plan.Estimate) int { return cmp.Compare(b.Billed, a.Billed) })
	nothing := 0
	for _, e := range estimates {
		if e.Basis == plan.Nothing {
			nothing++
			continue
		}
		row(e.Node.Name, e)
	}
	if c.Hooks != nil {
		row("hooks of the run", *c.Hooks)
	}
	var b strings.Builder
	if len(t.Rows) > 0 {
		b.WriteString(s.Table(t, " ") + "\n")
	}
	b.WriteString(s.costTotals(c))
	if nothing > 0 {
		b.WriteString(", " + pluralOf(int64(nothing), "node reads", "nodes read") + " nothing")
	}
	return b.String() + "\n"
}

// billed is the figure of an estimate: «3.2 GiB», «>= 3.2 GiB» where there is more to come.
func (s Screen) billed(e plan.Estimate) string {
	least, most := ">= ", "<= "
	if s.Unicode {
		least, most = "≥ ", "≤ "
	}
	size := warehouse.FormatSize(e.Billed)
	switch {
	case e.Basis == plan.Unknown && e.Billed == 0:
		return "?"
	case e.Basis == plan.Unknown:
		return least + size
	case e.Upper:
		return most + size
	}
	return size
}

// costTotals is «cost: 12.3 GiB, 0.08 USD at 6.25 USD per TiB, 2 more not known».
func (s Screen) costTotals(c *plan.Cost) string {
	text := s.Paint(Bold, "cost:") + " " + warehouse.FormatSize(c.Billed)
	if c.PerTiB > 0 {
		text += ", " + plan.FormatAmount(c.Amount) + " " + c.Currency + " at " + plan.FormatAmount(c.PerTiB) + " " + c.Currency + " per TiB"
	}
	if c.Unknown > 0 {
		text += ", " + plural(int64(c.Unknown), "node") + " not known"
	}
	return text
}

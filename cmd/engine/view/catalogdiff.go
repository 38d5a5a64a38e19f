package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/catalog/changes"
	"github.com/engine-build/engine/engine/addr"
)

// catalogDiff says which nodes and columns come, go and change, and draws the lineage that does.
func (r Report) catalogDiff(b *strings.Builder) {
	c := r.Catalog
	if c == nil || c.Empty() {
		return
	}
	columns, edges := map[changes.Sort]int{}, map[changes.Sort]int{}
	for _, n := range c.Nodes {
		if n.Sort == changes.Same {
			continue
		}
		for _, x := range n.Columns {
			columns[x.Sort]++
		}
		for _, e := range n.Parents {
			edges[e.Sort]++
		}
	}
	b.WriteString("\n## Models, columns and lineage\n\n")
	t := Table{Columns: []string{"", "added", "removed", "renamed", "changed"}, Numeric: []bool{false, true, true, true, true}}
	row := func(name string, counts ...int) {
		cells := []Cell{{Text: name}}
		for _, n := range counts {
			cells = append(cells, Cell{Text: Count(int64(n))})
		}
		t.Rows = append(t.Rows, cells)
	}
	row("nodes", c.Count(changes.Added), c.Count(changes.Removed), c.Count(changes.Renamed), c.Count(changes.Changed))
	row("columns", columns[changes.Added], columns[changes.Removed], columns[changes.Renamed], columns[changes.Changed])
	row("edges", edges[changes.Added], edges[changes.Removed], 0, 0)
	b.WriteString(Markdown(t))
	const most = 30
	listed := 0
	for _, n := range c.Nodes {
		text := nodeDiff(n)
		if text == "" {
			continue
		}
		if listed == 0 {
			b.WriteString("\n")
		}
		if listed++; listed > most {
			continue
		}
		b.WriteString("- " + text + "\n")
	}
	if listed > most {
		fmt.Fprintf(b, "- and %s\n", Number(listed-most, "more node"))
	}
	if text := lineageDiff(c); text != "" {
		b.WriteString("\nLineage, before and after (dotted: gone, thick: new):\n\n```mermaid\n" + text + "```\n")
	}
	if r.HTML != "" {
		b.WriteString("\nThe whole catalog of the change: " + mdCode(r.HTML) + "\n")
	}
}

// nodeDiff is a node in one line; empty if only its rows or outcomes differ.
func nodeDiff(n *changes.Node) string {
	name := mdCode(n.ID.Name)
	switch n.Sort {
	case changes.Same:
		return ""
	case changes.Added:
		return fmt.Sprintf("%s %s is new, with %s", n.ID.Kind, name, Number(len(n.Columns), "column"))
	case changes.Removed:
		return fmt.Sprintf("%s %s is gone, with %s%s", n.ID.Kind, name, Number(len(n.Columns), "column"), downstream(n))
	}
	var parts []string
	if n.Sort == changes.Renamed {
		parts = append(parts, "was "+mdCode(n.Was.Name))
	}
	const most = 10
	for i, c := range n.Columns {
		if i == most {
			parts = append(parts, Number(len(n.Columns)-most, "more column"))
			break
		}
		switch {
		case c.Sort == changes.Added:
			parts = append(parts, "+ "+mdCode(c.Name))
		case c.Sort == changes.Removed:
			parts = append(parts, "− "+mdCode(c.Name))
		case c.Sort == changes.Renamed:
			parts = append(parts, mdCode(c.Was)+" → "+mdCode(c.Name))
		case c.TypeBefore != "":
			parts = append(parts, mdCode(c.Name)+" "+mdText(c.TypeBefore)+" → "+mdText(c.Type))
		}
	}
	for _, f := range n.Fields {
		parts = append(parts, mdText(f.Name))
	}
	if len(n.Code) > 0 {
		parts = append(parts, "text")
	}
	for _, e := range n.Parents {
		if e.Sort == changes.Added {
			parts = append(parts, "reads "+mdCode(e.Parent.Name))
		} else {
			parts = append(parts, "reads no more "+mdCode(e.Parent.Name))
		}
	}
	tests := map[changes.Sort]int{}
	for _, t := range n.Tests {
		tests[t.Sort]++
	}
	for _, s := range []changes.Sort{changes.Added, changes.Removed, changes.Changed} {
		if tests[s] > 0 {
			parts = append(parts, Number(tests[s], "test")+" "+string(s))
		}
	}
	return fmt.Sprintf("%s %s: %s%s", n.ID.Kind, name, strings.Join(parts, "; "), downstream(n))
}

func downstream(n *changes.Node) string {
	if n.Readers == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s downstream)", Number(n.Readers, "node"))
}

// drawnEdges bounds the drawing: a larger one says nothing.
const drawnEdges = 60

// lineageDiff draws edges that have come or gone, with the others of the same nodes.
func lineageDiff(c *changes.Changes) string {
	later := c.Later()
	type edge struct {
		from, to addr.Node
		sort     changes.Sort
	}
	var edges []edge
	differ := false
	for _, n := range c.Nodes {
		if n.Sort == changes.Same || len(n.Parents) == 0 {
			continue
		}
		told := map[addr.Node]bool{}
		for _, e := range n.Parents {
			from := e.Parent
			if e.Number >= 0 {
				from = later.Nodes[e.Number].ID
			}
			edges = append(edges, edge{from, n.ID, e.Sort})
			told[from] = true
			differ = true
		}
		if n.Now >= 0 {
			for _, p := range later.Nodes[n.Now].Parents {
				if id := later.Nodes[p].ID; !told[id] {
					edges = append(edges, edge{id, n.ID, changes.Same})
				}
			}
		}
	}
	if !differ || len(edges) > drawnEdges {
		return ""
	}
	var ids []addr.Node
	for _, e := range edges {
		ids = append(ids, e.from, e.to)
	}
	slices.SortFunc(ids, addr.Node.Compare)
	ids = slices.Compact(ids)
	slices.SortFunc(edges, func(a, b edge) int {
		if n := a.from.Compare(b.from); n != 0 {
			return n
		}
		return a.to.Compare(b.to)
	})
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	label := strings.NewReplacer(`"`, "#quot;", "<", "#lt;", ">", "#gt;", "\n", " ", "`", "#96;")
	for i, id := range ids {
		fmt.Fprintf(&b, "  n%d[\"%s\"]\n", i, label.Replace(id.Name))
	}
	at := func(id addr.Node) int {
		i, _ := slices.BinarySearchFunc(ids, id, addr.Node.Compare)
		return i
	}
	for _, e := range edges {
		arrow := "-->"
		switch e.sort {
		case changes.Added:
			arrow = "==>|new|"
		case changes.Removed:
			arrow = "-.->|gone|"
		}
		fmt.Fprintf(&b, "  n%d %s n%d\n", at(e.from), arrow, at(e.to))
	}
	return b.String()
}

package contenttest

import (
	"fmt"
	"slices"

	"github.com/engine-build/engine/catalog/content"
)

// Check reports the first thing in which a catalog is not what content.Catalog promises:
// numbers that name nothing, lists that are not sorted, sides that do not agree, columns that
// are not numbered through.
func Check(c *content.Catalog) error {
	nodes, tests := len(c.Nodes), len(c.Tests)
	within := func(what string, list []int, n int) error {
		if !slices.IsSorted(list) {
			return fmt.Errorf("%s are not sorted: %v", what, list)
		}
		for i, x := range list {
			if x < 0 || x >= n {
				return fmt.Errorf("%s name %d of %d", what, x, n)
			}
			if i > 0 && list[i-1] == x {
				return fmt.Errorf("%s name %d twice", what, x)
			}
		}
		return nil
	}
	seen := map[string]bool{}
	for i, n := range c.Nodes {
		at := n.ID.String()
		if seen[at] {
			return fmt.Errorf("node %s is there twice", at)
		}
		seen[at] = true
		for _, l := range []struct {
			what string
			list []int
			n    int
		}{
			{"parents", n.Parents, nodes}, {"children", n.Children, nodes}, {"tests", n.Tests, tests},
			{"macros", n.Macros, len(c.Macros)}, {"customers", n.Customers, len(c.Customers)},
		} {
			if err := within(l.what+" of "+at, l.list, l.n); err != nil {
				return err
			}
		}
		for _, p := range n.Parents {
			if p >= i {
				return fmt.Errorf("%s stands before its parent %s", at, c.Nodes[p].ID)
			}
			if !slices.Contains(c.Nodes[p].Children, i) {
				return fmt.Errorf("%s is no child of its parent %s", at, c.Nodes[p].ID)
			}
		}
		for _, x := range n.Children {
			if !slices.Contains(c.Nodes[x].Parents, i) {
				return fmt.Errorf("%s is no parent of its child %s", at, c.Nodes[x].ID)
			}
		}
		for _, t := range n.Tests {
			if !slices.Contains(c.Tests[t].Reads, i) && c.Tests[t].Of != i {
				return fmt.Errorf("%s has the test %s, which does not read it", at, c.Tests[t].ID)
			}
		}
		for _, x := range n.Customers {
			if !slices.Contains(c.Customers[x].Nodes, i) {
				return fmt.Errorf("%s goes to the customer %s, who does not receive it", at, c.Customers[x].Name)
			}
		}
		for _, x := range n.Macros {
			if !slices.Contains(c.Macros[x].UsedBy, i) {
				return fmt.Errorf("%s uses the macro %s, which does not say so", at, c.Macros[x].Name)
			}
		}
		for _, col := range n.Columns {
			if col == nil {
				return fmt.Errorf("a column of %s is nil", at)
			}
			if err := within("tests of "+at+"."+col.Name, col.Tests, tests); err != nil {
				return err
			}
			if col.Sensitive && col.Profile != nil {
				return fmt.Errorf("%s.%s is sensitive and has a profile", at, col.Name)
			}
		}
		for _, code := range []content.Code{n.Template, n.SQL} {
			end := 0
			for _, l := range code.Links {
				if l.From < end || l.To <= l.From || l.To > len(code.Text) || l.Node < 0 || l.Node >= nodes {
					return fmt.Errorf("%s has a bad link %+v in a text of %d bytes", at, l, len(code.Text))
				}
				end = l.To
			}
		}
		for _, a := range n.Advice {
			if a.Prefer < -1 || a.Prefer >= nodes {
				return fmt.Errorf("%s: advice names node %d", at, a.Prefer)
			}
		}
	}
	for i, t := range c.Tests {
		if err := within("nodes of test "+t.ID.Name, t.Reads, nodes); err != nil {
			return err
		}
		if t.Of < -1 || t.Of >= nodes {
			return fmt.Errorf("test %s is of node %d", t.ID.Name, t.Of)
		}
		for _, r := range t.Reads {
			if !slices.Contains(c.Nodes[r].Tests, i) {
				return fmt.Errorf("%s does not have the test %s, which reads it", c.Nodes[r].ID, t.ID.Name)
			}
		}
	}
	for _, m := range c.Macros {
		if err := within("users of macro "+m.Name, m.UsedBy, nodes); err != nil {
			return err
		}
	}
	for _, t := range c.Terms {
		if err := within("users of term "+t.Name, t.UsedBy, nodes); err != nil {
			return err
		}
	}
	for _, x := range c.Customers {
		if err := within("nodes of customer "+x.Name, x.Nodes, nodes); err != nil {
			return err
		}
	}
	return checkFlow(c)
}

func checkFlow(c *content.Catalog) error {
	f := c.Flow
	if len(f.First) != len(c.Nodes)+1 {
		return fmt.Errorf("%d nodes have %d first columns, want one more than nodes", len(c.Nodes), len(f.First))
	}
	next := int32(0)
	owner := []int32{}
	for i, n := range c.Nodes {
		if f.First[i] != next {
			return fmt.Errorf("first column of %s is %d, want %d", n.ID, f.First[i], next)
		}
		next += int32(len(n.Columns))
		for range n.Columns {
			owner = append(owner, int32(i))
		}
	}
	if f.First[len(c.Nodes)] != next {
		return fmt.Errorf("%d columns are numbered, want %d", f.First[len(c.Nodes)], next)
	}
	if !f.Known && len(f.Edges)+len(f.Reads) > 0 {
		return fmt.Errorf("column lineage is not known and has %d edges", len(f.Edges)+len(f.Reads))
	}
	text := func(n int32) bool { return n == 0 || n > 0 && int(n) < len(f.Texts) }
	if len(f.Texts) > 0 && f.Texts[0] != "" {
		return fmt.Errorf("the first text of the column lineage is %q, want it empty", f.Texts[0])
	}
	for i, e := range f.Edges {
		if e.From < 0 || e.From >= next || e.To < 0 || e.To >= next || !text(e.Text) {
			return fmt.Errorf("edge %+v names what is not there (%d columns, %d texts)", e, next, len(f.Texts))
		}
		if i > 0 {
			b := f.Edges[i-1]
			if b.To > e.To || b.To == e.To && (b.From > e.From || b.From == e.From && b.Way >= e.Way) {
				return fmt.Errorf("edges %+v and %+v are not in order", b, e)
			}
		}
	}
	for i, r := range f.Reads {
		if r.Column < 0 || r.Column >= next || r.Node < 0 || int(r.Node) >= len(c.Nodes) || r.To < -1 || r.To >= next || !text(r.Text) {
			return fmt.Errorf("read %+v names what is not there", r)
		}
		if r.To >= 0 && owner[r.To] != r.Node {
			return fmt.Errorf("read %+v is for a column of another node", r)
		}
		if i > 0 {
			b := f.Reads[i-1]
			if b.Node > r.Node || b.Node == r.Node && (b.Column > r.Column || b.Column == r.Column && (b.Use > r.Use || b.Use == r.Use && b.To >= r.To)) {
				return fmt.Errorf("reads %+v and %+v are not in order", b, r)
			}
		}
	}
	return nil
}

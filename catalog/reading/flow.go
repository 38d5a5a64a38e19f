package reading

import (
	"cmp"
	"slices"
	"strings"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/origin"
)

// readFlow numbers the columns and takes what the graph of columns says of them. Fields of
// structs count as their column. Several ways from one column to another count as one, in the
// words of package origin: two different kinds are transformed, or aggregated where one is.
func (r *reader) readFlow() {
	f := &r.c.Flow
	f.First = make([]int32, 0, len(r.c.Nodes)+1)
	number := map[addr.Column]int32{}
	next := int32(0)
	for _, n := range r.c.Nodes {
		f.First = append(f.First, next)
		for _, c := range n.Columns {
			at := addr.Column{Node: n.ID, Name: strings.ToLower(c.Name)}
			if _, twice := number[at]; !twice {
				number[at] = next
			}
			next++
		}
	}
	f.First = append(f.First, next)
	f.Texts = []string{""}
	graph := r.in.Columns
	if graph == nil {
		return
	}
	f.Known = true
	texts := map[string]int32{"": 0}
	text := func(s string) int32 {
		if i, ok := texts[s]; ok {
			return i
		}
		i := int32(len(f.Texts))
		f.Texts = append(f.Texts, s)
		texts[s] = i
		return i
	}
	at := func(c addr.Column) (int32, bool) {
		c.Name = strings.ToLower(c.Name)
		i, ok := number[c]
		return i, ok
	}
	for l := range graph.Links() {
		from, ok := at(l.From)
		to, known := at(l.To)
		if ok && known {
			f.Edges = append(f.Edges, content.Edge{From: from, To: to, Way: way(l.Kind), Text: text(r.hide.Replace(l.Expression))})
		}
	}
	slices.SortStableFunc(f.Edges, func(a, b content.Edge) int { return cmp.Or(cmp.Compare(a.To, b.To), cmp.Compare(a.From, b.From)) })
	f.Edges = together(f.Edges)
	for p := range graph.Purposes() {
		column, ok := at(p.From)
		node, known := r.number[p.Node]
		if !ok || !known {
			continue
		}
		read := content.Read{Column: column, Node: int32(node), To: -1, Use: use(p.Use), Text: text(r.hide.Replace(p.Expression))}
		if p.To != "" {
			if read.To, ok = at(addr.Column{Node: p.Node, Name: p.To}); !ok {
				continue
			}
		}
		f.Reads = append(f.Reads, read)
	}
	slices.SortStableFunc(f.Reads, func(a, b content.Read) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Use, b.Use), cmp.Compare(a.To, b.To))
	})
	f.Reads = slices.CompactFunc(f.Reads, func(a, b content.Read) bool {
		return a.Node == b.Node && a.Column == b.Column && a.Use == b.Use && a.To == b.To
	})
	for _, n := range r.c.Nodes {
		n.NoFlow = r.noFlow(n)
	}
}

// together joins the edges between the same columns, which are neighbours.
func together(edges []content.Edge) []content.Edge {
	out := edges[:0]
	for _, e := range edges {
		if len(out) > 0 {
			if last := &out[len(out)-1]; last.From == e.From && last.To == e.To {
				switch {
				case last.Way == e.Way:
				case last.Way == content.Aggregated || e.Way == content.Aggregated:
					last.Way = content.Aggregated
				default:
					last.Way = content.Transformed
				}
				if last.Text == 0 {
					last.Text = e.Text
				}
				continue
			}
		}
		out = append(out, e)
	}
	return out
}

// noFlow says why it is not known, or not wholly, where the columns of a node come from.
func (r *reader) noFlow(n *content.Node) string {
	if n.ID.Kind != addr.Model && n.ID.Kind != addr.Snapshot {
		return ""
	}
	if why := r.in.Columns.NotAnalyzed(n.ID); why != "" {
		return why
	}
	if x := r.p.Nodes[n.ID]; x != nil {
		if l := x.Lineage.Get(); l != nil && len(l.Opaque) > 0 {
			return "it is not seen through " + strings.Join(l.Opaque, ", ")
		}
	}
	return ""
}

func way(k origin.Kind) content.Way {
	switch k {
	case origin.Identity:
		return content.Identity
	case origin.Condition:
		return content.Condition
	case origin.Aggregated:
		return content.Aggregated
	}
	return content.Transformed
}

func use(u origin.Use) content.Use {
	switch u {
	case origin.Filter:
		return content.Filter
	case origin.Join:
		return content.Join
	case origin.Unnest:
		return content.Unnest
	case origin.Group:
		return content.Grouped
	case origin.Order:
		return content.Ordered
	case origin.Window:
		return content.Window
	}
	return content.Unused
}

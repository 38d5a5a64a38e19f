package graph

import (
	"slices"
	"strings"

	"github.com/engine-build/engine/catalog/content"
)

// columnNames has a line for each node of a shard: the names of its columns with tabs
// between. A name is followed by «\x1f» and its anchor where that is not what the name says.
func columnNames(c *content.Catalog, l Links, from int) string {
	var out strings.Builder
	for i, n := range c.Nodes[from:min(from+Shard, len(c.Nodes))] {
		if i > 0 {
			out.WriteByte('\n')
		}
		for k, col := range n.Columns {
			if k > 0 {
				out.WriteByte('\t')
			}
			name := columnName(col.Name)
			out.WriteString(name)
			if a := l.Anchor(from+i, k); a != "c-"+name {
				out.WriteString(anchorMark + field(a))
			}
		}
	}
	return out.String()
}

const anchorMark = "\x1f"

// columnName is the name of a column as the explorer knows it.
func columnName(s string) string { return strings.ReplaceAll(field(s), anchorMark, "\uFFFD") }

// Marks end an edge in columnEdges: how the value comes to the column.
var marks = map[content.Way]byte{
	content.Identity: '=', content.Condition: '?', content.Transformed: '~', content.Aggregated: '+',
}

// columnEdges has a line for each node, and in it, with semicolons between, an entry for each
// column (trailing empty ones are left out): the columns that it gets its value from. Each is
//
//	[parent.][distance]mark
//
// where parent is the place of the node it is a column of in the list of parents, or behind a
// colon that node's number, left out if it is the same as before in this line; distance is
// how far behind the column after the one named before in this node it is, left out if it is
// that very one; and mark is =, ?, ~ or + for a copy, a condition, a transformation or an
// aggregation. Numbers are in base 36.
func columnEdges(c *content.Catalog) string {
	var out strings.Builder
	edges := c.Flow.Edges
	for i, n := range c.Nodes {
		if i > 0 {
			out.WriteByte('\n')
		}
		s := source{c: c, node: i, out: &out}
		pending := 0
		for k := range n.Columns {
			to := c.Flow.First[i] + int32(k)
			if k > 0 {
				pending++
			}
			for len(edges) > 0 && edges[0].To <= to {
				e := edges[0]
				edges = edges[1:]
				if e.To != to {
					continue
				}
				for ; pending > 0; pending-- {
					out.WriteByte(';')
				}
				s.write(e.From)
				out.WriteByte(marks[e.Way])
			}
		}
	}
	return out.String()
}

// source writes columns of parents of a node.
type source struct {
	c    *content.Catalog
	node int
	out  *strings.Builder
	// parent is the one named last, next the column that follows the last one of each parent.
	parent int
	named  bool
	next   map[int]int
}

func (s *source) write(column int32) {
	owner := Owner(s.c, column)
	if !s.named || owner != s.parent {
		if at, ok := slices.BinarySearch(s.c.Nodes[s.node].Parents, owner); ok {
			s.out.WriteString(numeral(at) + ".")
		} else {
			s.out.WriteString(":" + numeral(owner) + ".")
		}
		s.parent, s.named = owner, true
	}
	if s.next == nil {
		s.next = map[int]int{}
	}
	col := int(column - s.c.Flow.First[owner])
	if d := col - s.next[owner]; d != 0 {
		s.out.WriteString(numeral(d))
	}
	s.next[owner] = col + 1
}

// Owner is the number of the node that a column is of.
func Owner(c *content.Catalog, column int32) int {
	at, ok := slices.BinarySearch(c.Flow.First, column)
	if !ok {
		return at - 1
	}
	// Nodes without columns have the number of the next one that has some.
	for at+1 < len(c.Flow.First) && c.Flow.First[at+1] == column {
		at++
	}
	return at
}

// shownReads are those that explorers show: columns that decide which rows there are, and in
// what groups or order. What nobody uses, and tests, are left out.
func shownReads(c *content.Catalog) []content.Read {
	return slices.DeleteFunc(slices.Clone(c.Flow.Reads), func(r content.Read) bool {
		return r.Use == content.Unused || r.Use == content.Tested
	})
}

// columnReads has a line for each node: columns that it reads without passing their values
// on, with commas between. Each is as in columnEdges, with the letter of its use in the place
// of the mark and behind it, if it is read for one column alone, that column's place.
func columnReads(c *content.Catalog) string {
	byNode := make([][]content.Read, len(c.Nodes))
	for _, r := range shownReads(c) {
		byNode[r.Node] = append(byNode[r.Node], r)
	}
	var out strings.Builder
	for i := range c.Nodes {
		if i > 0 {
			out.WriteByte('\n')
		}
		s := source{c: c, node: i, out: &out}
		for k, r := range byNode[i] {
			if k > 0 {
				out.WriteByte(',')
			}
			s.write(r.Column)
			out.WriteByte(byte(r.Use))
			if r.To >= 0 {
				out.WriteString(numeral(int(r.To - c.Flow.First[i])))
			}
		}
	}
	return out.String()
}

// maxExpression is how much of an expression is told, in bytes.
const maxExpression = 400

// expressions has three lines for a shard: the distinct texts with tabs between; and for each
// of its nodes, with semicolons between, the texts of its edges in the order of columnEdges,
// and of its reads in that of columnReads: places in the first line, counted from 1, with
// commas between; empty where there is none.
func expressions(c *content.Catalog, from int) string {
	to := min(from+Shard, len(c.Nodes))
	var words dictionary
	number := func(text int32) string {
		s := c.Flow.Texts[text]
		if s == "" {
			return ""
		}
		return numeral(words.number(clip(s)) + 1)
	}
	edges, reads := make([][]string, to-from), make([][]string, to-from)
	first, _ := slices.BinarySearchFunc(c.Flow.Edges, c.Flow.First[from], func(e content.Edge, col int32) int { return int(e.To) - int(col) })
	for _, e := range c.Flow.Edges[first:] {
		if e.To >= c.Flow.First[to] {
			break
		}
		k := Owner(c, e.To) - from
		edges[k] = append(edges[k], number(e.Text))
	}
	first, _ = slices.BinarySearchFunc(c.Flow.Reads, int32(from), func(r content.Read, n int32) int { return int(r.Node) - int(n) })
	for _, r := range c.Flow.Reads[first:] {
		if int(r.Node) >= to {
			break
		}
		if r.Use != content.Unused && r.Use != content.Tested {
			k := int(r.Node) - from
			reads[k] = append(reads[k], number(r.Text))
		}
	}
	return words.line() + "\n" + joined(edges) + "\n" + joined(reads)
}

func joined(lists [][]string) string {
	out := make([]string, len(lists))
	for i, l := range lists {
		if out[i] = strings.Join(l, ","); strings.Trim(out[i], ",") == "" {
			out[i] = ""
		}
	}
	return strings.Join(out, ";")
}

// clip cuts long texts between characters and puts white space together.
func clip(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ")
	if len(s) <= maxExpression {
		return s
	}
	cut := maxExpression
	for cut > 0 && s[cut]&0xc0 == 0x80 {
		cut--
	}
	return s[:cut] + "…"
}

package graph

import (
	"slices"
	"strings"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/lineage/layout"
	"github.com/engine-build/engine/lineage/picture"
)

// nodes has one line for each thing that is known, with a field for each node where nothing
// else is said. Lists of numbers are in base 36.
//
//	 0  names                          (tabs)
//	 1  kinds, a letter each: s source, d seed, m model, p snapshot, e exposure
//	 2  the tones in use               (tabs)
//	 3  the tone of each node          (commas, numbers into line 2)
//	 4  the tiers in use, 5 of each node
//	 6  the folders in use, 7 of each node
//	 8  pages that are not kind/name.html: number, colon, path (tabs)
//	 9  labels for people: number, colon, label (tabs)
//	10  how many columns each has      (commas, empty is 0)
//	11  how many tests each has
//	12  how it went last, a letter each: . unknown, o good, w warning, b bad
//	13  what else, a digit each: 1 deprecated, 2 private, 4 reads what is not told of (sums)
//	14  tags: the tag, colon, rising numbers of nodes (tabs); the last colon divides
//	15  customers: title, colon, rising numbers (tabs)
//	16  nodes that every customer gets (rising)
//	17  «1» where lineage of columns is known
func nodes(c *content.Catalog, l Links) string {
	var names, pages, labels, tones, tiers, folders, columns, tests []string
	var kinds, states, flags strings.Builder
	var toneWords, tierWords, folderWords dictionary
	tags, forAll := map[string][]int{}, []int(nil)
	for i, n := range c.Nodes {
		names = append(names, field(n.ID.Name))
		kinds.WriteByte(kindLetter(n.ID.Kind))
		tones = append(tones, numeral(toneWords.number(n.Tone)))
		tiers = append(tiers, numeral(tierWords.number(n.Tier)))
		folders = append(folders, numeral(folderWords.number(n.Folder)))
		if p := l.Page(i); p != string(n.ID.Kind)+"/"+n.ID.Name+".html" {
			pages = append(pages, numeral(i)+":"+field(p))
		}
		if n.Label != "" {
			labels = append(labels, numeral(i)+":"+field(n.Label))
		}
		columns = append(columns, count(len(n.Columns)))
		tests = append(tests, count(len(n.Tests)))
		states.WriteByte(state(c, n))
		flag := 0
		if !n.Deprecated.IsZero() {
			flag |= 1
		}
		if n.Access == "private" {
			flag |= 2
		}
		if n.Withheld {
			flag |= 4
		}
		flags.WriteString(numeral(flag))
		for _, t := range n.Tags {
			tags[t] = append(tags[t], i)
		}
		if n.ForAll {
			forAll = append(forAll, i)
		}
	}
	lines := []string{
		strings.Join(names, "\t"), kinds.String(),
		toneWords.line(), strings.Join(tones, ","),
		tierWords.line(), strings.Join(tiers, ","),
		folderWords.line(), strings.Join(folders, ","),
		strings.Join(pages, "\t"), strings.Join(labels, "\t"),
		strings.Join(columns, ","), strings.Join(tests, ","),
		states.String(), flags.String(),
	}
	var line []string
	for _, t := range sortedKeys(tags) {
		line = append(line, field(t)+":"+rising(slices.Compact(tags[t])))
	}
	lines = append(lines, strings.Join(line, "\t"))
	line = nil
	for _, x := range c.Customers {
		title := x.Title
		if title == "" {
			title = x.Name
		}
		own := slices.Clone(x.Nodes)
		slices.Sort(own)
		line = append(line, field(title)+":"+rising(slices.Compact(own)))
	}
	lines = append(lines, strings.Join(line, "\t"), rising(forAll))
	if c.Flow.Known {
		return strings.Join(append(lines, "1"), "\n")
	}
	return strings.Join(append(lines, ""), "\n")
}

func sortedKeys(m map[string][]int) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func count(n int) string {
	if n == 0 {
		return ""
	}
	return numeral(n)
}

func kindLetter(k addr.Kind) byte {
	switch k {
	case addr.Source:
		return 's'
	case addr.Seed:
		return 'd'
	case addr.Snapshot:
		return 'p'
	case addr.Exposure:
		return 'e'
	}
	return 'm'
}

// state sums up the last run: of the node itself, and of the tests that are declared on it.
func state(c *content.Catalog, n *content.Node) byte {
	worst := grade(n.Status)
	if n.Source != nil {
		worst = max(worst, grade(content.Status(map[string]string{"pass": "passed", "warn": "warned", "error": "error"}[n.Source.Fresh])))
	}
	for _, t := range n.Tests {
		if of := c.Tests[t].Of; of >= 0 && c.Nodes[of] == n {
			worst = max(worst, grade(c.Tests[t].Status))
		}
	}
	return ".owb"[worst]
}

func grade(s content.Status) int {
	switch s {
	case content.Built, content.Unchanged, content.Passed:
		return 1
	case content.Warned, content.Skipped, content.Canceled:
		return 2
	case content.Failed, content.Errored, content.Unpublished:
		return 3
	}
	return 0
}

// edges has one line: for each node, semicolons between, its parents as distances back from
// its own number, rising, in base 36 with commas. Parents that come later, which cannot be
// in a graph without cycles, would be left out.
func edges(c *content.Catalog) string {
	var out strings.Builder
	for i, n := range c.Nodes {
		if i > 0 {
			out.WriteByte(';')
		}
		first := true
		for _, p := range slices.Backward(n.Parents) {
			if p >= i {
				continue
			}
			if !first {
				out.WriteByte(',')
			}
			first = false
			out.WriteString(numeral(i - p))
		}
	}
	return out.String()
}

// BoxHeight, RankGap and RowGap are the measures of drawings of the whole project, in pixels.
const BoxHeight, RankGap, RowGap = 30, 110, 10

// place lays the whole project out: width and height, then the left sides and widths of the
// columns, the column of each node, and its upper side; numbers are whole pixels in base 36
// with commas between.
func place(c *content.Catalog) string {
	in := layout.Input{RankGap: RankGap, RowGap: RowGap}
	for i, n := range c.Nodes {
		in.Boxes = append(in.Boxes, layout.Size{W: picture.BoxWidth(Label(n)), H: BoxHeight})
		for _, p := range n.Parents {
			in.Edges = append(in.Edges, [2]int{p, i})
		}
	}
	d := layout.Layered(in)
	var xs []int
	at := map[int]int{}
	var column, y []string
	widths := map[int]int{}
	for _, b := range d.Boxes {
		if _, ok := at[int(b.X)]; !ok {
			at[int(b.X)] = 0
			xs = append(xs, int(b.X))
		}
		widths[int(b.X)] = max(widths[int(b.X)], int(b.W+0.5))
	}
	slices.Sort(xs)
	var lefts, wides []string
	for k, x := range xs {
		at[x] = k
		lefts, wides = append(lefts, numeral(x)), append(wides, numeral(widths[x]))
	}
	for _, b := range d.Boxes {
		column, y = append(column, numeral(at[int(b.X)])), append(y, numeral(int(b.Y+0.5)))
	}
	return numeral(int(d.W+1)) + "," + numeral(int(d.H+1)) + "\n" + strings.Join(lefts, ",") + "\n" + strings.Join(wides, ",") + "\n" +
		strings.Join(column, ",") + "\n" + strings.Join(y, ",")
}

// Label is what stands in a node's box.
func Label(n *content.Node) string {
	if n.Label != "" {
		return n.Label
	}
	return n.ID.Name
}

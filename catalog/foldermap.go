package catalog

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/engine-build/engine/lineage"
)

// mapLimit is the number of boxes a map of folders may have; deeper folders are folded
// into their parents until it is kept.
const mapLimit = 120

// folderMap draws the project by folder, for projects too large to draw by node.
func (b *book) folderMap() (template.HTML, []legendItem) {
	depth := 8
	groups := b.groups(depth)
	for ; depth > 1 && countGroups(groups) > mapLimit; depth-- {
		groups = b.groups(depth - 1)
	}
	number, sizes, tones := map[string]int{}, []int{}, []map[string]int{}
	var names []string
	for i, id := range b.nodes {
		f := groups[i]
		k, ok := number[f]
		if !ok {
			k = len(names)
			number[f] = k
			names, sizes, tones = append(names, f), append(sizes, 0), append(tones, map[string]int{})
		}
		sizes[k]++
		tones[k][b.tone(id)]++
	}
	p := lineage.Picture{Name: fmt.Sprintf("Folders of %s: %d nodes in %d folders", b.title, len(b.nodes), len(names)), ID: "g"}
	used := map[string]bool{}
	for k, name := range names {
		tone := commonest(tones[k])
		used[tone] = true
		p.Boxes = append(p.Boxes, lineage.PictureBox{
			Label: fmt.Sprintf("%s · %s", strings.TrimPrefix(name, "models/"), count(sizes[k])),
			Title: fmt.Sprintf("%s: %s", name, plural(sizes[k], "node")), Tone: tone, Link: folderPath(name),
		})
	}
	p.Edges = b.groupEdges(groups, number)
	var out strings.Builder
	if err := p.Write(&out); err != nil {
		panic("catalog: " + err.Error())
	}
	var items []legendItem
	for _, item := range legend(b.in.Graph) {
		if used[item.Tone] {
			items = append(items, item)
		}
	}
	return template.HTML(out.String()), items
}

// groups gives each node its folder, cut to a depth.
func (b *book) groups(depth int) []string {
	out := make([]string, len(b.nodes))
	for i, id := range b.nodes {
		parts := strings.Split(b.folderOf(id), "/")
		out[i] = strings.Join(parts[:min(depth, len(parts))], "/")
	}
	return out
}

func countGroups(groups []string) int {
	seen := map[string]bool{}
	for _, g := range groups {
		seen[g] = true
	}
	return len(seen)
}

func (b *book) groupEdges(groups []string, number map[string]int) []lineage.PictureEdge {
	weights := map[[2]int]int{}
	for i, id := range b.nodes {
		for _, parent := range b.graphNode(id).Parents {
			from, to := number[groups[b.number[parent]]], number[groups[i]]
			if from != to {
				weights[[2]int{from, to}]++
			}
		}
	}
	var out []lineage.PictureEdge
	for e, w := range weights {
		// Of two folders that read each other, the stronger direction is drawn.
		if back := weights[[2]int{e[1], e[0]}]; back > w || back == w && e[0] > e[1] {
			continue
		}
		out = append(out, lineage.PictureEdge{From: e[0], To: e[1], Weight: w})
	}
	slices.SortFunc(out, func(a, b lineage.PictureEdge) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	return out
}

func commonest(counts map[string]int) string {
	best := ""
	for tone, n := range counts {
		if best == "" || n > counts[best] || n == counts[best] && tone < best {
			best = tone
		}
	}
	return best
}

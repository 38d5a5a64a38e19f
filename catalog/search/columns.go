package search

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// columnShardSize is how many bytes of names and postings go into one file, about: 50 KB when they
// are packed. A word may be anywhere in a name, so all files are read for it; they come side by side,
// and each is taken apart by itself, with the page's turn in between.
const columnShardSize = 90_000

// name is a column name with where it occurs.
type name struct {
	name, fold string
	at         []place
}

type place struct{ node, column int32 }

type columnRange struct{ from, to int }

// columns gathers the distinct names, in the order of how they are searched.
func (x *index) columns() {
	at := map[string]int{}
	for n, node := range x.c.Nodes {
		for c, col := range node.Columns {
			i, ok := at[col.Name]
			if !ok {
				i = len(x.distinct)
				at[col.Name] = i
				shown := field(col.Name)
				x.distinct = append(x.distinct, name{name: shown, fold: foldAll(shown)})
			}
			// Twins that differ in signs which are not shown would be one name twice in a
			// node: the first of them is found.
			if p := x.distinct[i].at; len(p) == 0 || p[len(p)-1].node != int32(n) {
				x.distinct[i].at = append(p, place{int32(n), int32(c)})
			}
		}
	}
	slices.SortFunc(x.distinct, func(a, b name) int {
		return cmp.Or(compare(a.fold, b.fold), compare(a.name, b.name))
	})
	from, size := 0, 0
	for i, d := range x.distinct {
		// A name that differs in case alone stays with its twin: shards are told by folded names.
		if size > columnShardSize && d.fold != x.distinct[i-1].fold {
			x.cols = append(x.cols, columnRange{from, i})
			from, size = i, 0
		}
		size += len(d.name) + 2*len(d.at) + 2
	}
	if len(x.distinct) > 0 {
		x.cols = append(x.cols, columnRange{from, len(x.distinct)})
	}
}

// foldAll folds a whole name.
func foldAll(s string) string {
	ascii := true
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		return strings.ToLower(s)
	}
	var b strings.Builder
	for _, r := range s {
		b.WriteString(fold(r))
	}
	return b.String()
}

// columnShard has four sections: names; the nodes of each; anchors that are not c- and the
// name in lower case: name's place in the shard, anchor, and the node where it is so in one
// node alone; pages in the list of columns: name's place, page.
func (x *index) columnShard(r columnRange) string {
	var names, lists, anchors, pages []string
	var nodes []int32
	for i, d := range x.distinct[r.from:r.to] {
		nodes = nodes[:0]
		for _, p := range d.at {
			nodes = append(nodes, p.node)
		}
		names = append(names, d.name)
		lists = append(lists, string(posting(nil, nodes)))
		at := strconv.FormatInt(int64(i), 36)
		if page := call(x.l.Columns, x.c.Nodes[d.at[0].node].Columns[d.at[0].column].Name); page != "" {
			pages = append(pages, at+fieldMark+field(page))
		}
		if x.l.Column == nil {
			continue
		}
		usual := "c-" + strings.ToLower(d.name)
		have := make([]string, len(d.at))
		counts := map[string]int{}
		for k, p := range d.at {
			have[k] = x.l.Column(int(p.node), int(p.column))
			counts[have[k]]++
		}
		best := slices.MaxFunc(sortedKeys(counts), func(a, b string) int { return cmp.Compare(counts[a], counts[b]) })
		if best != usual {
			anchors = append(anchors, at+fieldMark+field(best))
		}
		for k, p := range d.at {
			if have[k] != best {
				anchors = append(anchors, at+fieldMark+field(have[k])+fieldMark+strconv.FormatInt(int64(p.node), 36))
			}
		}
	}
	return strings.Join([]string{
		strings.Join(names, lineMark), strings.Join(lists, lineMark), strings.Join(anchors, lineMark), strings.Join(pages, lineMark),
	}, sectionMark)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

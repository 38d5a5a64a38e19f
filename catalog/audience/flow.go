package audience

import (
	"cmp"
	"slices"

	"github.com/engine-build/engine/catalog/content"
)

// flow is column lineage among what is shown.
func (v *view) flow() {
	was := &v.s.c.Flow
	out := &v.out.Flow
	out.Known = was.Known
	out.Texts = []string{""}
	out.First = append(out.First, 0)
	for i := range v.out.Nodes {
		out.First = append(out.First, out.First[i]+int32(len(v.out.Nodes[i].Columns)))
	}
	if len(was.First) != len(v.s.c.Nodes)+1 {
		return
	}
	w := &weaver{view: v, texts: map[int32]int32{}, past: map[int32][]reached{}}
	for i, old := range v.olds {
		n := v.s.c.Nodes[old]
		for to, from := range v.columns[i].old {
			if from < 0 {
				continue
			}
			at := place{node: n.ID, part: "how column " + n.Columns[from].Name + " is computed"}
			w.edges(was.First[old]+int32(from), out.First[i]+int32(to), at)
		}
		w.reads(old, i)
	}
	// Several edges may have become one: the one with a text stays, then the first text.
	slices.SortFunc(out.Edges, func(a, b content.Edge) int {
		return cmp.Or(edge(a, b), texts(a.Text, b.Text))
	})
	out.Edges = slices.CompactFunc(out.Edges, func(a, b content.Edge) bool { return edge(a, b) == 0 })
	slices.SortFunc(out.Reads, func(a, b content.Read) int { return cmp.Or(read(a, b), texts(a.Text, b.Text)) })
	out.Reads = slices.CompactFunc(out.Reads, func(a, b content.Read) bool { return read(a, b) == 0 })
}

// edge and read order edges and reads, whatever their texts; texts puts the empty one last.
func edge(a, b content.Edge) int {
	return cmp.Or(cmp.Compare(a.To, b.To), cmp.Compare(a.From, b.From), cmp.Compare(a.Way, b.Way))
}

func read(a, b content.Read) int {
	return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Use, b.Use), cmp.Compare(a.To, b.To))
}

func texts(a, b int32) int { return cmp.Compare(uint32(a-1), uint32(b-1)) }

// weaver makes the edges between what is shown.
type weaver struct {
	*view
	texts map[int32]int32     // old number of a text → new
	past  map[int32][]reached // what is shown above a hidden column
}

// reached is a column that is shown, by its new number, and how its value came from there.
type reached struct {
	column int32
	way    content.Way
}

// column is the new number of a column.
func (w *weaver) column(old int32) (int32, bool) {
	first := w.s.c.Flow.First
	n, found := slices.BinarySearch(first, old)
	if !found {
		n--
	}
	// Nodes without columns begin where the next one does: the last of those is the owner.
	for n+1 < len(first) && first[n+1] == old {
		n++
	}
	if n < 0 || n >= len(w.s.c.Nodes) {
		return 0, false
	}
	to, ok := w.news[n]
	if !ok {
		return 0, false
	}
	c, ok := w.columns[to].to[int(old-first[n])]
	return w.out.Flow.First[to] + int32(c), ok
}

// into are the edges that lead to an old column.
func (w *weaver) into(old int32) []content.Edge {
	return w.s.c.Flow.Edges[w.s.edges[old]:w.s.edges[old+1]]
}

func (w *weaver) edges(old, to int32, at place) {
	for _, e := range w.into(old) {
		if from, ok := w.column(e.From); ok {
			w.out.Flow.Edges = append(w.out.Flow.Edges, content.Edge{From: from, To: to, Way: e.Way, Text: w.text(e.Text, at)})
			continue
		}
		if w.a.Lineage != Bridge {
			continue
		}
		for _, r := range w.above(e.From) {
			w.out.Flow.Edges = append(w.out.Flow.Edges, content.Edge{From: r.column, To: to, Way: further(e.Way, r.way)})
		}
	}
}

// above is what is shown above a hidden column.
func (w *weaver) above(hidden int32) []reached {
	if out, ok := w.past[hidden]; ok {
		return out
	}
	w.past[hidden] = nil
	best := map[int32]content.Way{}
	note := func(column int32, way content.Way) {
		if had, ok := best[column]; !ok || rank(way) < rank(had) {
			best[column] = way
		}
	}
	for _, e := range w.into(hidden) {
		if from, ok := w.column(e.From); ok {
			note(from, e.Way)
			continue
		}
		for _, r := range w.above(e.From) {
			note(r.column, further(e.Way, r.way))
		}
	}
	out := make([]reached, 0, len(best))
	for column, way := range best {
		out = append(out, reached{column, way})
	}
	slices.SortFunc(out, func(a, b reached) int { return cmp.Compare(a.column, b.column) })
	w.past[hidden] = out
	return out
}

// rank orders ways from the plainest on.
func rank(w content.Way) int {
	switch w {
	case content.Identity:
		return 0
	case content.Transformed:
		return 1
	case content.Aggregated:
		return 2
	}
	return 3
}

// further is the way of a value that came by one way and then by another: a value that only
// chose between others somewhere is only that at the end.
func further(a, b content.Way) content.Way {
	if rank(a) >= rank(b) {
		return a
	}
	return b
}

// text is the number of an expression, 0 where it is not shown.
func (w *weaver) text(old int32, at place) int32 {
	if old == 0 || !w.shows(SQL) || int(old) >= len(w.s.c.Flow.Texts) {
		return 0
	}
	if to, ok := w.texts[old]; ok {
		return to
	}
	to := int32(0)
	if text := w.s.c.Flow.Texts[old]; w.clean(text, at) {
		to = int32(len(w.out.Flow.Texts))
		w.out.Flow.Texts = append(w.out.Flow.Texts, text)
	}
	w.texts[old] = to
	return to
}

// reads is what else a node reads.
func (w *weaver) reads(old, now int) {
	at := place{node: w.s.c.Nodes[old].ID, part: "what it reads"}
	for _, r := range w.s.c.Flow.Reads[w.s.reads[old]:w.s.reads[old+1]] {
		to := int32(-1)
		if r.To >= 0 {
			c, ok := w.column(r.To)
			if !ok {
				continue
			}
			to = c
		}
		if from, ok := w.column(r.Column); ok {
			w.out.Flow.Reads = append(w.out.Flow.Reads, content.Read{Column: from, Node: int32(now), To: to, Use: r.Use, Text: w.text(r.Text, at)})
			continue
		}
		if w.a.Lineage != Bridge {
			continue
		}
		for _, x := range w.above(r.Column) {
			w.out.Flow.Reads = append(w.out.Flow.Reads, content.Read{Column: x.column, Node: int32(now), To: to, Use: r.Use})
		}
	}
}

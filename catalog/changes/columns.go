package changes

import (
	"cmp"
	"slices"
	"strings"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/engine/addr"
)

// origin is where the value of a column comes from: sorted, and with the names that the nodes
// have in the later catalog.
type origin struct {
	node addr.Node
	name string
	way  content.Way
	text string
	at   int // number of the node in the later catalog, -1
}

func (o origin) compare(p origin) int {
	return cmp.Or(o.node.Compare(p.node), cmp.Compare(o.name, p.name), cmp.Compare(o.way, p.way), cmp.Compare(o.text, p.text))
}

// origins are those of one column.
func (d *differ) origins(s *side, node, column int) []origin {
	if s.edges == nil {
		return nil
	}
	f := &s.c.Flow
	to := f.First[node] + int32(column)
	var out []origin
	for _, e := range f.Edges[s.edges[to]:s.edges[to+1]] {
		n, c := s.column(e.From)
		o := origin{node: s.c.Nodes[n].ID, name: s.c.Nodes[n].Columns[c].Name, way: e.Way, at: n}
		if int(e.Text) < len(f.Texts) {
			o.text = f.Texts[e.Text]
		}
		if s == d.before {
			o.at = -1
			if now, ok := d.now[n]; ok {
				o.node, o.at = d.after.c.Nodes[now].ID, now
			}
		}
		out = append(out, o)
	}
	slices.SortFunc(out, origin.compare)
	return slices.CompactFunc(out, func(a, b origin) bool { return a.compare(b) == 0 })
}

// leaving counts the columns that the value of one goes to.
func (s *side) leaving(node, column int) int {
	if s.from == nil {
		return 0
	}
	return int(s.from[s.c.Flow.First[node]+int32(column)])
}

// pairs are the positions of columns now with those that they had: by name, by name whatever the
// case, by what they are made of.
func (d *differ) pairs(then, now int) (pairs map[int]int, taken map[int]bool) {
	was, is := d.before.c.Nodes[then], d.after.c.Nodes[now]
	pairs, taken = map[int]int{}, map[int]bool{}
	for _, form := range []func(string) string{func(s string) string { return s }, strings.ToLower} {
		old := map[string]int{}
		for i, c := range was.Columns {
			if _, twice := old[form(c.Name)]; !twice && !taken[i] {
				old[form(c.Name)] = i
			}
		}
		for i, c := range is.Columns {
			k, ok := old[form(c.Name)]
			if _, had := pairs[i]; ok && !had && !taken[k] {
				pairs[i], taken[k] = k, true
			}
		}
		if len(pairs) == len(is.Columns) && len(pairs) == len(was.Columns) {
			return pairs, taken
		}
	}
	d.renamed(then, now, pairs, taken)
	return pairs, taken
}

// columns are those of a node that differ: in the order that they have now, what is gone last.
func (d *differ) columns(then, now int, pairs map[int]int, taken map[int]bool) []Column {
	was, is := d.before.c.Nodes[then], d.after.c.Nodes[now]
	var out []Column
	for i, c := range is.Columns {
		k, had := pairs[i]
		if !had {
			out = append(out, Column{Sort: Added, Name: c.Name, Type: c.Type, Readers: d.after.leaving(now, i)})
			continue
		}
		if x := column(was.Columns[k], c); x != nil {
			x.Readers = d.after.leaving(now, i)
			out = append(out, *x)
		}
	}
	for k, c := range was.Columns {
		if !taken[k] {
			out = append(out, Column{Sort: Removed, Name: c.Name, Type: c.Type, Readers: d.before.leaving(then, k)})
		}
	}
	return out
}

// column compares two that are the same one; nil if nothing differs.
func column(was, is *content.Column) *Column {
	out := &Column{Sort: Changed, Name: is.Name, Type: is.Type}
	if was.Name != is.Name {
		out.Sort, out.Was = Renamed, was.Name
	}
	// A type that is not known on one side is no change.
	if was.Type != is.Type && was.Type != "" && is.Type != "" {
		out.TypeBefore = was.Type
	}
	var f fields
	f.add("description", was.Description, is.Description)
	f.add("tags", words(was.Tags), words(is.Tags))
	f.add("constraints", words(was.Constraints), words(is.Constraints))
	f.add("sensitive", yes(was.Sensitive), yes(is.Sensitive))
	f.pairs("meta ", was.Meta, is.Meta)
	if out.Fields = f.list; out.Sort == Changed && out.TypeBefore == "" && len(out.Fields) == 0 {
		return nil
	}
	return out
}

// renamed adds the pairs of columns that have kept their origin and type under another name:
// only where no other column could be meant.
func (d *differ) renamed(then, now int, pairs map[int]int, taken map[int]bool) {
	was, is := d.before.c.Nodes[then], d.after.c.Nodes[now]
	type both struct{ before, after []int }
	found := map[string]*both{}
	key := func(s *side, node, i int, typ string) string {
		list := d.origins(s, node, i)
		if len(list) == 0 {
			return ""
		}
		parts := []string{strings.ToLower(typ)}
		for _, o := range list {
			parts = append(parts, o.node.String(), strings.ToLower(o.name), string(rune(o.way)), o.text)
		}
		return strings.Join(parts, "\x00")
	}
	at := func(k string) *both {
		if found[k] == nil {
			found[k] = &both{}
		}
		return found[k]
	}
	for i, c := range was.Columns {
		if k := key(d.before, then, i, c.Type); k != "" && !taken[i] {
			b := at(k)
			b.before = append(b.before, i)
		}
	}
	for i, c := range is.Columns {
		if _, had := pairs[i]; had {
			continue
		}
		if k := key(d.after, now, i, c.Type); k != "" {
			b := at(k)
			b.after = append(b.after, i)
		}
	}
	for _, b := range found {
		if len(b.before) == 1 && len(b.after) == 1 {
			pairs[b.after[0]], taken[b.before[0]] = b.before[0], true
		}
	}
}

// flow are the edges into the columns of a node that have come or gone. Columns that are new or
// gone as a whole are not listed again; where one side knows no flow, there is nothing to say.
func (d *differ) flow(then, now int, pairs map[int]int) []Way {
	if !d.before.c.Flow.Known || !d.after.c.Flow.Known || d.before.edges == nil || d.after.edges == nil {
		return nil
	}
	// A column of a parent that was renamed is another name for the same thing: it is told at the
	// parent, and again here, since the text here has changed with it.
	var out []Way
	for i, c := range d.after.c.Nodes[now].Columns {
		k, had := pairs[i]
		if !had {
			continue
		}
		before, after := d.origins(d.before, then, k), d.origins(d.after, now, i)
		out = append(out, ways(Removed, c.Name, before, after)...)
		out = append(out, ways(Added, c.Name, after, before)...)
	}
	return out
}

// ways are those of a list that the other one lacks.
func ways(s Sort, column string, list, other []origin) []Way {
	var out []Way
	for _, o := range list {
		if !slices.ContainsFunc(other, func(p origin) bool { return o.compare(p) == 0 }) {
			out = append(out, Way{Sort: s, Column: column, From: o.node, Name: o.name, Number: o.at, Way: o.way, Text: o.text})
		}
	}
	return out
}

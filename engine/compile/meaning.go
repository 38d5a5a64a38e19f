package compile

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/meaning"
	"github.com/engine-build/engine/engine/sql"
)

// meant is what a text means, with nodes in the place of relations. The zero value says
// that nothing is known.
type meant struct {
	hash                string
	volatile, ambiguous []string
	reads               map[addr.Node]Reading
	facets              *Kept[Facets]
}

// itself stands for the node's own relation in its meaning.
const itself = "this"

// understand is the meaning of a resolved query, as a record that understood takes apart;
// nil where it has none. Whatever is known is said through the record, so that it does not
// matter whether it was kept.
func (c *compiler) understand(stmt ir.Stmt, q query, tables []table) []byte {
	if len(q.given) > 0 {
		return nil // the rows of a unit test are no nodes
	}
	m, _ := meaning.Of(stmt, meaning.Names{
		Table: func(declared string) string {
			name := declared
			for _, t := range tables {
				if t.Name == declared {
					name = q.stands(t.of)
				}
			}
			return name
		},
		Function: func(name string) (meaning.Function, bool) {
			text := c.functionTexts(name[strings.LastIndexByte(name, '.')+1:])
			return meaning.Function{Text: text, Volatile: sql.GoogleSQL.Volatile(text)}, text != ""
		},
	})
	if m == nil {
		return nil
	}
	w := writer{}
	w.text(m.Hash)
	w.texts(m.Volatile)
	w.texts(m.Ambiguous)
	// The tables that are read, by their number, with the columns that any part reads.
	var read []int
	var columns [][]string
	for i, t := range tables {
		r, ok := m.Reads[t.Name]
		if !ok {
			continue
		}
		names := slices.Concat(r.Columns, m.Rows.Reads[t.Name].Columns)
		for _, col := range m.Columns {
			names = append(names, col.Reads[t.Name].Columns...)
		}
		slices.Sort(names)
		read, columns = append(read, i), append(columns, slices.Compact(names))
	}
	w.number(len(read))
	for i, n := range read {
		w.number(n)
		w.texts(columns[i])
		w.reading(m.Reads[tables[n].Name], columns[i])
	}
	facet := func(f meaning.Facet) {
		w.text(f.Hash)
		w.flag(f.Unstable)
		w.number(len(f.Reads))
		n := 0
		for i, number := range read {
			if r, ok := f.Reads[tables[number].Name]; ok {
				w.number(i)
				w.reading(r, columns[i])
				n++
			}
		}
		for ; n < len(f.Reads); n++ {
			w.number(len(read)) // a table that is none: the record is not to be used
		}
	}
	facet(m.Rows)
	w.number(len(m.Columns))
	for _, col := range m.Columns {
		w.text(strings.ToLower(col.Name))
		facet(col.Facet)
	}
	return w
}

// stands is what a relation is in the meaning of the query: the node that makes it, wherever its rows are.
func (q query) stands(u *unit) string {
	switch {
	case u == nil:
		return ""
	case u == q.self:
		return itself
	case u.ID.Kind == addr.Source && len(u.Parents) == 1:
		return u.Parents[0].String()
	}
	return u.ID.String()
}

// understood takes a record of understand apart; the facets when they are asked for.
func understood(record string, q query, tables []table) (meant, bool) {
	if record == "" {
		return meant{}, true
	}
	r := reader{rest: []byte(record), whole: record}
	m := meant{hash: r.text(), volatile: r.texts(), ambiguous: r.texts(), reads: map[addr.Node]Reading{}}
	nodes := make([]addr.Node, 0, 4) // of the tables read, the node itself without a name
	columns := make([][]string, 0, 4)
	for range r.count() {
		n := r.number()
		if n >= len(tables) || tables[n].of == nil {
			return meant{}, false
		}
		names := r.texts()
		read := r.reading(names)
		id := tables[n].of.ID
		if tables[n].of == q.self {
			id = addr.Node{}
		} else {
			m.reads[id] = read
		}
		nodes, columns = append(nodes, id), append(columns, names)
	}
	if r.bad {
		return meant{}, false
	}
	rest := record[len(record)-len(r.rest):]
	m.facets = later(func() *Facets { return facets(rest, nodes, columns) })
	return m, true
}

// facets reads the part of a record that is about them, nil where it is broken.
func facets(record string, nodes []addr.Node, columns [][]string) *Facets {
	r := reader{rest: []byte(record), whole: record}
	facet := func() Facet {
		f := Facet{Hash: r.text(), Unstable: r.flag(), Reads: map[addr.Node]Reading{}}
		for range r.count() {
			n := r.number()
			if n >= len(nodes) {
				r.bad = true
				break
			}
			if read := r.reading(columns[n]); !nodes[n].IsZero() {
				f.Reads[nodes[n]] = read
			}
		}
		return f
	}
	out := &Facets{Rows: facet(), Columns: map[string]Facet{}}
	for range r.count() {
		name := r.text()
		out.Columns[name] = facet()
	}
	if r.bad {
		return nil
	}
	return out
}

func (w *writer) flag(set bool) { w.number(map[bool]int{true: 1}[set]) }

func (w *writer) texts(list []string) {
	w.number(len(list))
	for _, s := range list {
		w.text(s)
	}
}

// reading writes which of the columns are read.
func (w *writer) reading(r Reading, columns []string) {
	w.flag(r.All)
	w.number(len(r.Columns))
	for _, name := range r.Columns {
		i, _ := slices.BinarySearch(columns, name) // all that any part reads are there
		w.number(i)
	}
}

func (r *reader) flag() bool { return r.number() == 1 }

func (r *reader) texts() []string {
	n := r.count()
	if n == 0 {
		return nil
	}
	out := make([]string, n)
	for i := range out {
		out[i] = r.text()
	}
	return out
}

func (r *reader) reading(columns []string) Reading {
	out := Reading{All: r.flag()}
	if n := r.count(); n > 0 {
		out.Columns = make([]string, n)
		for i := range out.Columns {
			at := r.number()
			if at >= len(columns) {
				r.bad = true
				return Reading{All: true}
			}
			out.Columns[i] = columns[at]
		}
	}
	return out
}

// rows is what decides which rows there are. All nodes that are read are in it.
func (m meant) rows() map[addr.Node]Reading {
	f := m.facets.Get()
	if m.reads == nil || f == nil {
		return nil
	}
	out := make(map[addr.Node]Reading, len(m.reads))
	for n := range m.reads {
		out[n] = f.Rows.Reads[n]
	}
	return out
}

// takeMeaning notes what the texts of a node mean: of the incremental one, too, where
// there is one.
func (u *unit) takeMeaning(texts ...meant) {
	for _, m := range texts {
		if m.hash == "" {
			return // then the words of the texts are all that is known
		}
	}
	m := texts[0]
	for _, more := range texts[1:] {
		m = m.and(more)
	}
	u.Meaning, u.Volatile, u.Ambiguous, u.Reads = m.hash, m.volatile, m.ambiguous, m.reads
	switch {
	case u.ID.Kind == addr.Snapshot || u.Config.Materialized == Ancestry:
		// Its columns are not those of the query.
	default:
		u.Facets = m.facets
	}
}

// and is what two texts mean together.
func (m meant) and(o meant) meant {
	both := func(a, b []string) []string {
		out := slices.Concat(a, b)
		slices.Sort(out)
		return slices.Compact(out)
	}
	return meant{
		hash: meaning.Combine(m.hash, o.hash), volatile: both(m.volatile, o.volatile), ambiguous: both(m.ambiguous, o.ambiguous),
		reads: readBoth(m.reads, o.reads),
		facets: later(func() *Facets {
			a, b := m.facets.Get(), o.facets.Get()
			if a == nil || b == nil {
				return nil
			}
			out := &Facets{Rows: a.Rows.and(b.Rows), Columns: map[string]Facet{}}
			for name, f := range a.Columns {
				out.Columns[name] = f.and(b.Columns[name])
			}
			for name, f := range b.Columns {
				if _, had := a.Columns[name]; !had {
					out.Columns[name] = Facet{}.and(f)
				}
			}
			return out
		}),
	}
}

func (f Facet) and(o Facet) Facet {
	return Facet{Hash: meaning.Combine(f.Hash, o.Hash), Reads: readBoth(f.Reads, o.Reads), Unstable: f.Unstable || o.Unstable}
}

// readBoth is what is read by one or the other.
func readBoth(a, b map[addr.Node]Reading) map[addr.Node]Reading {
	out := maps.Clone(a)
	if out == nil {
		out = map[addr.Node]Reading{}
	}
	for n, r := range b {
		had := out[n]
		columns := slices.Concat(had.Columns, r.Columns)
		slices.Sort(columns)
		out[n] = Reading{Columns: slices.Compact(columns), All: had.All || r.All}
		if out[n].All {
			out[n] = Reading{All: true}
		}
	}
	return out
}

// putMeaning adds what the texts of a node mean to its fingerprint: by the resolved query
// where there is one, else by the words.
func (c *compiler) putMeaning(h *digest, u *unit) {
	if u.Meaning == "" || u.kind == addr.Seed {
		if functions := c.functionTexts(u.Text + " " + u.IncrementalText); functions != "" {
			put(h, functions)
		}
		put(h, u.Dialect, lexis(u.Dialect).Canonical(u.Text), lexis(u.Dialect).Canonical(u.IncrementalText))
		return
	}
	put(h, "meaning", u.Dialect, u.Meaning)
	// A source is what has its name. Where other nodes lie is no part of what is made of them.
	for _, id := range c.readBy(u) {
		if p := c.lookup(id); id.Kind == addr.Source && len(p.Parents) == 0 {
			put(h, id.String(), p.Relation.String())
		}
	}
}

// seedMeaning is the content of a file, and how it is read.
func (u *unit) seedMeaning() {
	if u.Seed == nil || u.Unanalyzed != "" {
		return
	}
	parts := []string{u.Seed.Hash(), u.Seed.Format, u.Config.Delimiter, strconv.Itoa(len(u.Columns))}
	for _, col := range u.Columns {
		parts = append(parts, col.Name, col.Type)
	}
	u.Meaning = meaning.Combine(parts...)
}

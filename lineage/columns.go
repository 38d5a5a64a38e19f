package lineage

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/origin"
)

// Described is what the column graph needs to know of a source, seed, model or snapshot.
type Described struct {
	// Columns are the names of its columns, in order. Those of Texts are added.
	Columns []string
	// Texts are the queries that fill it, the full one first; none for what no query
	// makes, and for a query that was not analyzed. NotAnalyzed then says why.
	Texts       []Text
	NotAnalyzed string
	// Parents are the nodes it reads. They matter where nothing was analyzed.
	Parents []addr.Node
	// InlinedIn are the nodes that hold the text of this one, so that their lineage leads past it.
	InlinedIn []addr.Node
	// Table finds the node behind a table that a lineage names.
	Table func(name string) (addr.Node, bool)
	Path  string // the file it is written in
	Tone  string // as Node.Tone; the kind where empty
	// Relation is its name in the warehouse, dotted; empty for what has none.
	Relation string
	// Tests are the columns that a data test names, of the nodes that it reads.
	Tests []addr.Column
}

// tested is the use of a column by a data test that names it.
const tested origin.Use = 255

func useWord(u origin.Use) string {
	if u == tested {
		return "test"
	}
	return u.String()
}

// Text is one query: where its columns come from, the SQL that the spans in it point
// into, and the file and line of such a span (nil if not known).
type Text struct {
	Lineage *origin.Lineage
	SQL     string
	Place   func(start, end int) (file string, line int)
}

// Columns is the graph of the columns of a project: which column gives its value to
// which, and which are read for other reasons. It is immutable and safe for
// concurrent use.
type Columns struct {
	nodes []columnNode
	at    map[addr.Node]int32
	// Columns of all nodes in one numbering; those of a node are neighbours.
	owner []int32
	names []string

	edges    []columnEdge
	up, down [][]int32 // edges of a column, by number
	reads    []columnRead
	// readBy are the reads of a column; readFor those that act on one column only, and
	// rowReads those that act on all rows of a node.
	readBy   [][]int32
	readFor  map[int32][]int32
	rowReads [][]int32
	// readers are the nodes that read a node, and blind those of them that were not analyzed.
	readers, blind [][]int32
}

type columnNode struct {
	id          addr.Node
	known       Described
	first, next int32 // its columns are first … next-1
	byName      map[string]int32
}

// columnEdge says that the value of to, below the fields target, comes from the
// column from, below the fields source.
type columnEdge struct {
	from, to       int32
	source, target []string
	kind           origin.Kind
	via            []ir.Span
	text           int // of the texts of the node of to
}

// columnRead says that node reads a column without taking its value, for one column of its own or (-1) for all.
type columnRead struct {
	from, node, to int32
	source         []string
	use            origin.Use
	at             ir.Span
	text           int // of the texts of node
}

// columnsOf builds the graph. Names of columns are compared without regard to case.
func columnsOf(project map[addr.Node]Described) *Columns {
	c := &Columns{at: make(map[addr.Node]int32, len(project)), readFor: map[int32][]int32{}}
	for _, id := range slices.SortedFunc(maps.Keys(project), addr.Node.Compare) {
		c.at[id] = int32(len(c.nodes))
		c.nodes = append(c.nodes, columnNode{id: id, known: project[id]})
	}
	wanted := c.mentioned()
	for i := range c.nodes {
		n := &c.nodes[i]
		n.first, n.byName = int32(len(c.names)), make(map[string]int32, len(n.known.Columns))
		add := func(name string) {
			if _, had := n.byName[fold(name)]; !had && name != "" {
				n.byName[fold(name)] = int32(len(c.names))
				c.names, c.owner = append(c.names, name), append(c.owner, int32(i))
			}
		}
		for _, name := range n.known.Columns {
			add(name)
		}
		for _, text := range n.known.Texts {
			for _, col := range text.Lineage.Columns {
				add(col.Name)
			}
		}
		for _, name := range wanted[int32(i)] {
			add(name)
		}
		n.next = int32(len(c.names))
	}
	c.up, c.down = make([][]int32, len(c.names)), make([][]int32, len(c.names))
	c.readBy, c.rowReads = make([][]int32, len(c.names)), make([][]int32, len(c.nodes))
	c.readers, c.blind = make([][]int32, len(c.nodes)), make([][]int32, len(c.nodes))
	for i := range c.nodes {
		c.connect(int32(i))
	}
	return c
}

func fold(name string) string { return strings.ToLower(name) }

// mentioned lists the columns that are read of each node, which a source need not declare.
func (c *Columns) mentioned() map[int32][]string {
	out := map[int32][]string{}
	for i := range c.nodes {
		note := func(table string, path []string) {
			if n, ok := c.table(int32(i), table); ok && len(path) > 0 {
				out[n] = append(out[n], path[0])
			}
		}
		for _, text := range c.nodes[i].known.Texts {
			for _, col := range text.Lineage.Columns {
				for _, s := range col.Sources {
					note(s.Table, s.Path)
				}
				for _, e := range col.Indirect {
					note(e.Table, e.Path)
				}
			}
			for _, e := range text.Lineage.Rows {
				note(e.Table, e.Path)
			}
		}
	}
	return out
}

func (c *Columns) table(node int32, name string) (int32, bool) {
	find := c.nodes[node].known.Table
	if find == nil {
		return 0, false
	}
	id, ok := find(name)
	if !ok {
		return 0, false
	}
	i, ok := c.at[id]
	return i, ok
}

// place finds the column that a path into a table begins with.
func (c *Columns) place(node int32, table string, path []string) (column int32, rest []string, ok bool) {
	n, ok := c.table(node, table)
	if !ok || len(path) == 0 {
		return 0, nil, false
	}
	column, ok = c.nodes[n].byName[fold(path[0])]
	return column, path[1:], ok
}

func (c *Columns) connect(node int32) {
	n := &c.nodes[node]
	for _, r := range n.known.InlinedIn {
		if i, ok := c.at[r]; ok && i != node {
			c.readers[node], c.blind[node] = append(c.readers[node], i), append(c.blind[node], i)
		}
	}
	if len(n.known.Texts) == 0 && n.known.NotAnalyzed != "" {
		for _, p := range n.known.Parents {
			if i, ok := c.at[p]; ok && i != node {
				c.readers[i], c.blind[i] = append(c.readers[i], node), append(c.blind[i], node)
			}
		}
	}
	for _, col := range n.known.Tests {
		if i, ok := c.at[col.Node]; ok {
			if from, ok := c.nodes[i].byName[fold(col.Name)]; ok {
				c.readBy[from] = append(c.readBy[from], int32(len(c.reads)))
				c.reads = append(c.reads, columnRead{from: from, node: node, to: -1, use: tested})
			}
		}
	}
	for t, text := range n.known.Texts {
		for _, name := range text.Lineage.Tables {
			if i, ok := c.table(node, name); ok && i != node && !slices.Contains(c.readers[i], node) {
				c.readers[i] = append(c.readers[i], node)
			}
		}
		for _, col := range text.Lineage.Columns {
			if to, ok := n.byName[fold(col.Name)]; ok {
				c.connectColumn(node, to, nil, col, t)
			}
		}
		for _, e := range text.Lineage.Rows {
			c.read(node, -1, e, t)
		}
	}
}

func (c *Columns) connectColumn(node, to int32, target []string, col origin.Column, text int) {
	if len(col.Fields) > 0 {
		for _, f := range col.Fields {
			c.connectColumn(node, to, append(slices.Clone(target), f.Name), f, text)
		}
		return
	}
	for _, s := range col.Sources {
		from, rest, ok := c.place(node, s.Table, s.Path)
		if !ok || text > 0 && c.linked(from, to, rest, target, s.Kind) {
			continue
		}
		e := int32(len(c.edges))
		c.edges = append(c.edges, columnEdge{from: from, to: to, source: rest, target: target, kind: s.Kind, via: s.Via, text: text})
		c.up[to], c.down[from] = append(c.up[to], e), append(c.down[from], e)
	}
	for _, e := range col.Indirect {
		c.read(node, to, e, text)
	}
}

// linked reports whether an earlier text of the node has the edge.
func (c *Columns) linked(from, to int32, source, target []string, kind origin.Kind) bool {
	return slices.ContainsFunc(c.up[to], func(e int32) bool {
		x := &c.edges[e]
		return x.from == from && x.kind == kind && slices.Equal(x.source, source) && slices.Equal(x.target, target)
	})
}

func (c *Columns) read(node, to int32, e origin.Effect, text int) {
	from, rest, ok := c.place(node, e.Table, e.Path)
	if !ok {
		return
	}
	if text > 0 && slices.ContainsFunc(c.readBy[from], func(r int32) bool {
		x := &c.reads[r]
		return x.node == node && x.to == to && x.use == e.Use && slices.Equal(x.source, rest)
	}) {
		return
	}
	r := int32(len(c.reads))
	c.reads = append(c.reads, columnRead{from: from, node: node, to: to, source: rest, use: e.Use, at: e.At, text: text})
	c.readBy[from] = append(c.readBy[from], r)
	if to < 0 {
		c.rowReads[node] = append(c.rowReads[node], r)
	} else {
		c.readFor[to] = append(c.readFor[to], r)
	}
}

// Size counts the columns and the edges between them, indirect ones included.
func (c *Columns) Size() (columns, edges int) { return len(c.names), len(c.edges) + len(c.reads) }

// Of lists the columns of a node as they are written, and whether the node is known.
func (c *Columns) Of(id addr.Node) ([]string, bool) {
	i, ok := c.at[id]
	if !ok {
		return nil, false
	}
	n := c.nodes[i]
	return c.names[n.first:n.next:n.next], true
}

// Spot is a column, a field of one, or (without a Name) all rows of a node, or a
// data test.
type Spot struct {
	addr.Column
	Field []string // of a struct, outermost first
	Path  string   // the file of the node
	Tone  string
	// Relation is the node's name in the warehouse; empty if it has none.
	Relation string
	// Hops is the distance from the start.
	Hops int
	// Unknown says why there may be more behind it than is shown; empty otherwise.
	Unknown string
}

// Label is the column as people write it: «orders.total».
func (s Spot) Label() string {
	out := s.Node.Name
	if s.Name != "" {
		out += "." + s.Name
	}
	if len(s.Field) > 0 {
		out += "." + strings.Join(s.Field, ".")
	}
	return out
}

// Step says that To depends on From, both numbers of spots.
type Step struct {
	From, To int
	// Word is the kind of a direct step (identity, condition, transformed, aggregated)
	// or the use of an indirect one (filter, join, group …, test, or unknown).
	Word   string
	Direct bool
	// Rows says that From acts on all rows of the node of To, and so on every column.
	Rows bool
	// Expressions are the SQL on the way, the one nearest to the result first, and
	// where the first of them is written.
	Expressions []string
	Path        string
	Line        int // one based, 0 if not known
}

// Trace is a part of the column graph seen from one column.
type Trace struct {
	Down  bool
	Spots []Spot // the start, and then by distance
	Steps []Step // in the order in which they were found
	// Hidden counts the columns that decide the rows on the way and are left out.
	Hidden int
}

// TraceOptions say what is followed from a column.
type TraceOptions struct {
	// Down follows the readers; otherwise what the column is made of.
	Down bool
	// Depth is the number of hops; 0 means no limit.
	Depth int
	// Indirect follows what does not give the value, too. Without it, downward, an
	// indirect reader is shown and not followed; upward, what decides all rows of a
	// node is only counted.
	Indirect bool
}

// maxField bounds the paths into structs that are followed, for a column that is part of itself.
const maxField = 32

// state is a place of the walk: a column or, with node set, all rows of one.
type state struct {
	column int32
	rows   int32 // node plus one
	field  string
}

type tracing struct {
	c     *Columns
	o     TraceOptions
	out   *Trace
	index map[state]int
	queue []state
	// leaves are the spots that are not followed.
	leaves map[state]int
	// hidden are the columns counted in Trace.Hidden.
	hidden map[int32]bool
}

// Trace follows a column through the graph. It visits each column, and each field,
// once, so circles end. field is a path into a struct and may be empty. ok is false if
// there is no such column.
func (c *Columns) Trace(col addr.Column, field []string, o TraceOptions) (trace *Trace, ok bool) {
	node, ok := c.at[col.Node]
	if !ok {
		return nil, false
	}
	number, ok := c.nodes[node].byName[fold(col.Name)]
	if !ok {
		return nil, false
	}
	w := &tracing{c: c, o: o, out: &Trace{Down: o.Down}, index: map[state]int{}, leaves: map[state]int{}, hidden: map[int32]bool{}}
	w.spot(state{column: number, field: joinPath(field)}, 0)
	for len(w.queue) > 0 {
		s := w.queue[0]
		w.queue = w.queue[1:]
		i := w.index[s]
		if hops := w.out.Spots[i].Hops; o.Depth > 0 && hops >= o.Depth {
			continue
		}
		switch {
		case s.rows > 0 && o.Down:
			w.belowRows(s.rows-1, i)
		case s.rows > 0:
			w.aboveRows(s.rows-1, i)
		case o.Down:
			w.below(s, i)
		default:
			w.above(s, i)
		}
	}
	w.out.Hidden = len(w.hidden)
	return w.out, true
}

// separator joins paths in the keys of states; it is no part of a name anybody writes.
const separator = "\x00"

func joinPath(p []string) string { return strings.Join(p, separator) }

func splitPath(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, separator)
}

// spot is the number of a state, which is new to the queue if it had none.
func (w *tracing) spot(s state, hops int) int {
	s.field = fold(s.field)
	i, ok := w.index[s]
	if !ok {
		i = w.add(s, hops)
		w.index[s] = i
		w.queue = append(w.queue, s)
	}
	return i
}

func (w *tracing) add(s state, hops int) int {
	n := s.rows - 1
	sp := Spot{Field: splitPath(s.field), Hops: hops}
	if s.rows == 0 {
		n = w.c.owner[s.column]
		sp.Name = w.c.names[s.column]
	}
	node := &w.c.nodes[n]
	sp.Node, sp.Path, sp.Relation, sp.Tone = node.id, node.known.Path, node.known.Relation, cmp.Or(node.known.Tone, string(node.id.Kind))
	var opaque []string
	for _, text := range node.known.Texts {
		opaque = append(opaque, text.Lineage.Opaque...)
	}
	switch {
	case len(node.known.Texts) == 0 && node.known.NotAnalyzed != "":
		sp.Unknown = "not analyzed: " + node.known.NotAnalyzed
	case len(opaque) > 0:
		slices.Sort(opaque)
		sp.Unknown = "not all is known: " + strings.Join(slices.Compact(opaque), ", ")
	case w.o.Down && len(node.known.InlinedIn) > 0:
		sp.Unknown = "its readers hold its text, so the columns that read it are not told apart"
	}
	w.out.Spots = append(w.out.Spots, sp)
	return len(w.out.Spots) - 1
}

func (w *tracing) step(near, far int, word string, direct, rows bool, node int32, text int, spans []ir.Span) {
	s := Step{From: far, To: near, Word: word, Direct: direct, Rows: rows}
	if w.o.Down {
		s.From, s.To = near, far
	}
	known := &w.c.nodes[node].known
	for _, at := range spans {
		x, ok := known.expression(text, at)
		if !ok {
			continue
		}
		s.Expressions = append(s.Expressions, x)
		if place := known.Texts[text].Place; s.Line == 0 && place != nil {
			s.Path, s.Line = place(at.Start, at.End)
		}
	}
	s.Path = cmp.Or(s.Path, known.Path)
	w.out.Steps = append(w.out.Steps, s)
}

// expression is the SQL of a span on one line.
func (d *Described) expression(text int, at ir.Span) (string, bool) {
	if text >= len(d.Texts) || at.Start < 0 || at.Start >= at.End || at.End > len(d.Texts[text].SQL) {
		return "", false
	}
	return strings.Join(strings.Fields(d.Texts[text].SQL[at.Start:at.End]), " "), true
}

// overlap compares two paths into one column: whether one leads into the other, and
// what is left of have below want.
func overlap(have, want []string) (left []string, ok bool) {
	for i := range min(len(have), len(want)) {
		if fold(have[i]) != fold(want[i]) {
			return nil, false
		}
	}
	if len(have) > len(want) {
		return have[len(want):], true
	}
	return nil, true
}

// carried is the path on the other end of an edge: what is left of it is the same part
// of a copy, and all of anything else.
func carried(base, left []string, kind origin.Kind) string {
	if kind == origin.Identity && len(base)+len(left) <= maxField {
		return joinPath(slices.Concat(base, left))
	}
	return joinPath(base)
}

func (w *tracing) above(s state, i int) {
	hops, field := w.out.Spots[i].Hops+1, splitPath(s.field)
	for _, e := range w.c.up[s.column] {
		x := &w.c.edges[e]
		if left, ok := overlap(field, x.target); ok {
			far := w.spot(state{column: x.from, field: carried(x.source, left, x.kind)}, hops)
			w.step(i, far, x.kind.String(), true, false, w.c.owner[s.column], x.text, x.via)
		}
	}
	for _, r := range w.c.readFor[s.column] {
		w.aboveRead(r, i, hops)
	}
	for _, r := range w.c.rowReads[w.c.owner[s.column]] {
		if w.o.Indirect {
			w.aboveRead(r, i, hops)
		} else {
			w.hidden[w.c.reads[r].from] = true
		}
	}
}

func (w *tracing) aboveRows(node int32, i int) {
	for _, r := range w.c.rowReads[node] {
		w.aboveRead(r, i, w.out.Spots[i].Hops+1)
	}
}

func (w *tracing) aboveRead(r int32, i, hops int) {
	x := &w.c.reads[r]
	if x.use == origin.Unused {
		return
	}
	far := w.leaf(state{column: x.from, field: joinPath(x.source)}, hops)
	w.step(i, far, useWord(x.use), false, x.to < 0, x.node, x.text, []ir.Span{x.at})
}

// leaf is a spot that is followed only where indirect reads are.
func (w *tracing) leaf(s state, hops int) int {
	s.field = fold(s.field)
	if i, ok := w.index[s]; ok || w.o.Indirect {
		if !ok {
			i = w.spot(s, hops)
		}
		return i
	}
	i, ok := w.leaves[s]
	if !ok {
		i = w.add(s, hops)
		w.leaves[s] = i
	}
	return i
}

func (w *tracing) below(s state, i int) {
	hops, field := w.out.Spots[i].Hops+1, splitPath(s.field)
	for _, e := range w.c.down[s.column] {
		x := &w.c.edges[e]
		if left, ok := overlap(field, x.source); ok {
			far := w.spot(state{column: x.to, field: carried(x.target, left, x.kind)}, hops)
			w.step(i, far, x.kind.String(), true, false, w.c.owner[x.to], x.text, x.via)
		}
	}
	for _, r := range w.c.readBy[s.column] {
		x := &w.c.reads[r]
		if _, ok := overlap(field, x.source); !ok {
			continue
		}
		to := state{rows: x.node + 1}
		if x.to >= 0 {
			to = state{column: x.to}
		}
		w.step(i, w.leaf(to, hops), useWord(x.use), false, x.to < 0, x.node, x.text, []ir.Span{x.at})
	}
	for _, n := range w.c.blind[w.c.owner[s.column]] {
		w.step(i, w.leaf(state{rows: n + 1}, hops), "unknown", false, true, n, 0, nil)
	}
}

// belowRows: whoever reads a node has other rows when it has.
func (w *tracing) belowRows(node int32, i int) {
	for _, reader := range w.c.readers[node] {
		w.step(i, w.spot(state{rows: reader + 1}, w.out.Spots[i].Hops+1), "rows", false, true, reader, 0, nil)
	}
}

// Readers counts the columns that take a value from a column or a field of it, and
// the nodes that read it for other reasons, both at one hop.
func (c *Columns) Readers(col addr.Column) (direct, indirect int) {
	t, ok := c.Trace(col, nil, TraceOptions{Down: true, Depth: 1})
	if !ok {
		return 0, 0
	}
	for _, s := range t.Steps {
		if s.Direct {
			direct++
		} else {
			indirect++
		}
	}
	return direct, indirect
}

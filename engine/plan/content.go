package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// Naming is how the content of a node is named, part by part: a hash over what decides the
// part and over the names of what that reads (a Merkle tree over the graph). So the content of
// a node has its name before it is built.
type Naming struct {
	Rows    Part            `json:"rows"`
	Columns map[string]Part `json:"columns,omitempty"`
	Shape   string          `json:"shape,omitempty"`
	// Made is the run that made the node, where that is not the one that is going on.
	Made string `json:"made,omitempty"`
}

// Part is the rows of a node, or the values of one column.
type Part struct {
	// Hash is over what decides the part.
	Hash string `json:"hash,omitempty"`
	// Reads is what it reads.
	Reads map[addr.Node]compile.Reading `json:"reads,omitempty"`
	// Run: it may come out differently each time, so the run that builds it is part of its name.
	Run bool `json:"run,omitempty"`
}

// Content names what a run makes. digest names what is read of a node; where it answers
// nothing, the name of the part is not known and empty, and so it is without a run where
// the run is part of the name.
func (n *Naming) Content(run string, digest func(addr.Node, compile.Reading) string) state.Content {
	if n.Made != "" {
		run = n.Made
	}
	rows := n.Rows.name("rows", run, digest)
	if rows == "" {
		return state.Content{}
	}
	out := state.Content{Rows: rows, Shape: n.Shape}
	if len(n.Columns) > 0 {
		out.Columns = make(map[string]string, len(n.Columns))
		for name, part := range n.Columns {
			out.Columns[name] = part.name("column", run, digest)
		}
	}
	return out
}

func (p Part) name(what, run string, digest func(addr.Node, compile.Reading) string) string {
	if p.Run && run == "" {
		return ""
	}
	if p.Run && p.Hash == "" && len(p.Reads) == 0 {
		return run
	}
	text := make([]byte, 0, 256)
	text = append(append(text, what...), 0)
	text = append(append(text, p.Hash...), 0)
	if p.Run {
		text = append(append(text, run...), 0)
	}
	var few [8]addr.Node
	nodes := few[:0]
	for n := range p.Reads {
		nodes = append(nodes, n)
	}
	slices.SortFunc(nodes, addr.Node.Compare)
	for _, n := range nodes {
		d := digest(n, p.Reads[n])
		if d == "" {
			return ""
		}
		text = append(append(text, n.Kind...), 0)
		text = append(append(text, n.Name...), 0)
		text = append(append(text, d...), 0)
	}
	return sum(text)
}

func sum(text []byte) string {
	h := sha256.Sum256(text)
	return hex.EncodeToString(h[:12])
}

// hashOf is a hash over texts, such that no two different lists have the same.
func hashOf(texts ...string) string {
	var b strings.Builder
	for _, s := range texts {
		b.WriteString(s)
		b.WriteByte(0)
	}
	return sum([]byte(b.String()))
}

// naming is how the content of n is named. Only where nothing but the query decides what
// there is, that goes into the name. Else it is the run.
func (m *maker) naming(n *compile.Node) *Naming {
	byRun := &Naming{Rows: Part{Run: true}}
	if n.Config.Hooked() || n.Opaque != "" {
		return byRun // they may do anything
	}
	if n.ID.Kind == addr.Seed {
		hash := n.Seed.Hash()
		if hash == "" {
			return byRun
		}
		parts := []string{"seed", hash, n.Seed.Format, n.Config.Delimiter}
		for _, name := range slices.Sorted(maps.Keys(n.Config.ColumnTypes)) {
			parts = append(parts, name, n.Config.ColumnTypes[name])
		}
		shape := shape(n)
		return &Naming{Rows: Part{Hash: hashOf(append(parts, shape)...)}, Shape: shape}
	}
	if n.ID.Kind != addr.Model || n.Config.Materialized != "view" && n.Config.Materialized != "table" {
		return byRun
	}
	facets := n.Facets.Get()
	if facets == nil || n.Unanalyzed != "" || len(n.Columns) == 0 {
		if n.Config.Materialized == "view" {
			// A view holds what it reads, whenever that changes.
			reads := map[addr.Node]compile.Reading{}
			for _, p := range m.inputs(n.ID) {
				reads[p] = compile.Reading{All: true}
			}
			byRun.Rows.Reads = reads
		}
		return byRun
	}
	out := &Naming{Rows: m.part(facets.Rows, ""), Columns: make(map[string]Part, len(n.Columns)), Shape: shape(n)}
	for _, c := range n.Columns {
		name := strings.ToLower(c.Name)
		if facet, ok := facets.Columns[name]; ok {
			out.Columns[name] = m.part(facet, c.Type)
		} else {
			out.Columns[name] = Part{Run: true}
		}
	}
	return out
}

func (m *maker) part(f compile.Facet, typ string) Part {
	p := Part{Hash: f.Hash, Reads: f.Reads, Run: f.Unstable}
	if typ != "" {
		p.Hash = hashOf(f.Hash, typ)
	}
	for n := range f.Reads {
		if real := m.real(n); len(real) != 1 || real[0] != n {
			p.Reads = m.realReads(f.Reads)
			break
		}
	}
	return p
}

// realReads puts nodes that have relations in the place of those that have none.
func (m *maker) realReads(reads map[addr.Node]compile.Reading) map[addr.Node]compile.Reading {
	out := make(map[addr.Node]compile.Reading, len(reads))
	for n, r := range reads {
		for _, real := range m.real(n) {
			if real != n && m.isEphemeral(n) {
				r = compile.Reading{All: true} // compile sees through them, so there is none
			}
			out[real] = both(out[real], r)
		}
	}
	return out
}

// both is what two readings read together.
func both(a, b compile.Reading) compile.Reading {
	if a.All || b.All {
		return compile.Reading{All: true}
	}
	columns := slices.Concat(a.Columns, b.Columns)
	slices.Sort(columns)
	return compile.Reading{Columns: slices.Compact(columns)}
}

// shape is over the columns of n, empty where they are not known.
func shape(n *compile.Node) string {
	if n.Unanalyzed != "" || len(n.Columns) == 0 {
		return ""
	}
	parts := make([]string, 0, 2*len(n.Columns))
	for _, c := range n.Columns {
		parts = append(parts, c.Name, c.Type)
	}
	return hashOf(parts...)
}

// reading is what n reads of p, one of its inputs.
func (m *maker) reading(n *compile.Node, p addr.Node) compile.Reading {
	if n.Reads == nil {
		return compile.Reading{All: true}
	}
	if r, ok := n.Reads[p]; ok {
		return r
	}
	if r, ok := m.realReads(n.Reads)[p]; ok {
		return r
	}
	return compile.Reading{All: true}
}

// holding is what a node holds, before the run and after it.
type holding struct {
	now state.Content // empty where it is not known
	// next is what the node holds after the run, as far as that is known: parts that only
	// the run names are empty.
	next state.Content
	// may: the action of the node may find out that nothing is to be done. Then now stays.
	may bool
	// untouched: nothing is done to the node, and it does not follow anything that changes.
	untouched bool
	// live: a view that is not built, whose content follows what it reads.
	live *Naming
}

// stays reports whether now and next are the very same.
func (h *holding) stays() bool { return h != nil && h.untouched }

// digest names what is read of n after the run, empty where that is not known or may still
// come out in two ways.
func (m *maker) digest(n addr.Node, r compile.Reading) string {
	h := m.holds[n]
	if h == nil {
		return ""
	}
	next := h.next.Of(r)
	if h.may && h.now.Of(r) != next {
		return ""
	}
	return next
}

// digestNow names what is read of n before the run.
func (m *maker) digestNow(n addr.Node, r compile.Reading) string {
	h := m.holds[n]
	if h == nil {
		return ""
	}
	return h.now.Of(r)
}

// bound reports whether a node of this kind names what it reads whenever it is read itself,
// so that another name of an input is another relation.
func bound(kind warehouse.Kind) bool {
	return kind == warehouse.View || kind == warehouse.MaterializedView
}

// inputOf is the value of Record.Inputs. A view stands or falls with the columns of what
// it reads, whether it needs them or not: it names them when it is read.
func inputOf(digest string, kind warehouse.Kind, at addr.Relation, shape string) string {
	if digest == "" || !bound(kind) {
		return digest
	}
	return digest + place(at, shape)
}

func place(at addr.Relation, shape string) string { return "@" + at.String() + "#" + shape }

// Input is the value of Record.Inputs for an input that holds c.
func (a *Action) Input(n addr.Node, c state.Content) string {
	r, ok := a.Reads[n]
	if !ok {
		r.All = true
	}
	return inputOf(c.Of(r), a.Kind, a.At[n], c.Shape)
}

// inputNow is what Record.Inputs would say of n before the run, for a reader of some kind.
func (m *maker) inputNow(n addr.Node, r compile.Reading, kind warehouse.Kind) string {
	shape := ""
	if h := m.holds[n]; h != nil {
		shape = h.now.Shape
	}
	return inputOf(m.digestNow(n, r), kind, m.program.ReadAt(n), shape)
}

// inputNext is what Record.Inputs would say of n after the run, empty where that is not
// known.
func (m *maker) inputNext(n addr.Node, r compile.Reading, kind warehouse.Kind) string {
	h := m.holds[n]
	if h == nil || bound(kind) && h.may && h.now.Shape != h.next.Shape {
		return ""
	}
	return inputOf(m.digest(n, r), kind, m.program.ReadAt(n), h.next.Shape)
}

// hold finds out what n holds now, and holds afterwards if nothing is done to it.
func (m *maker) hold(n *compile.Node) *holding {
	h := &holding{}
	if n.ID.Kind == addr.Source {
		if token := m.snapshot.Sources[n.ID]; token != "" {
			h.now = state.Content{Rows: "source " + n.Relation.String() + " " + token}
		}
		h.next, h.untouched = h.now, true
		return h
	}
	record, recorded := m.snapshot.Nodes[n.ID]
	if m.deferred(n.ID) {
		h.now, h.next, h.untouched = record.Content, record.Content, true
		return h
	}
	existing, exists := m.snapshot.Relations[n.Relation]
	if !recorded || !exists || record.Relation != n.Relation || record.Kind != existing.Kind || record.Fingerprint == "" {
		return h
	}
	if !bound(record.Kind) {
		h.now, h.next, h.untouched = record.Content, record.Content, true
		return h
	}
	if n.Opaque != "" || compile.Content(record.Fingerprint) != compile.Content(n.Fingerprint) {
		return h // of what it was made is not known any more
	}
	inputs := m.inputs(n.ID)
	all := len(inputs) == len(record.Inputs)
	same, sameNext, there, thereNext := all, all, all, all
	for _, p := range inputs {
		reading, was, of := m.reading(n, p), record.Inputs[p], m.holds[p]
		now := m.inputNow(p, reading, record.Kind)
		next := now
		if !of.stays() {
			next = m.inputNext(p, reading, record.Kind)
		}
		same, sameNext = same && was != "" && was == now, sameNext && was != "" && was == next
		if was != "" && was == next && was != now {
			m.pinned[p] = true
		}
		// It reads what had that name, and these columns, when it was made.
		at := m.program.ReadAt(p)
		there = there && of != nil && strings.HasSuffix(was, place(at, of.now.Shape))
		thereNext = thereNext && of != nil && strings.HasSuffix(was, place(at, of.next.Shape)) && (!of.may || of.next.Shape == of.now.Shape)
	}
	h.untouched = same && sameNext
	if same {
		h.now = record.Content
	}
	if sameNext {
		h.next = record.Content
	}
	if record.Kind == warehouse.View && !h.untouched {
		naming := *m.naming(n)
		naming.Made = record.Version
		if !same && there {
			h.now = naming.Content(record.Version, m.digestNow)
		}
		if thereNext {
			h.live = &naming
			if !sameNext {
				h.next = naming.Content(record.Version, m.digest)
			}
		}
	}
	if len(n.Volatile) > 0 && m.stale(n, record) {
		h.untouched = false
		h.now, h.next = m.forget(n, h.now), m.forget(n, h.next)
		if h.live != nil {
			h.live = nil // what it calls changes while it is read
			h.next = state.Content{}
		}
	}
	return h
}

// forget empties the names of what changes by itself.
func (m *maker) forget(n *compile.Node, c state.Content) state.Content {
	naming := m.naming(n)
	if naming.Rows.Run || !c.Known() {
		return state.Content{}
	}
	c.Columns = maps.Clone(c.Columns)
	for name, part := range naming.Columns {
		if part.Run {
			c.Columns[name] = ""
		}
	}
	return c
}

// stale reports whether the policy says that what a volatile node holds is not good any more.
func (m *maker) stale(n *compile.Node, record state.Record) bool {
	switch n.Config.Volatile {
	case project.VolatileIgnore:
		return false
	case project.VolatileDaily:
		return m.selection.At.IsZero() || day(record) != m.selection.At.UTC().Format(time.DateOnly)
	}
	return true
}

// began is when the run began that built what a record tells of: the identifier of a run begins
// with that. Else it is when the build of the node began; zero where nothing was built.
func began(r state.Record) time.Time {
	if at, _, ok := strings.Cut(r.Version, "-"); ok {
		if at, err := time.Parse("20060102T150405Z", at); err == nil {
			return at
		}
	}
	if r.At.IsZero() {
		return time.Time{}
	}
	return r.At.Add(-millis(r.Millis))
}

// day is that on which the build of a record began, in UTC.
func day(r state.Record) string {
	return r.At.Add(-millis(r.Millis)).UTC().Format(time.DateOnly)
}

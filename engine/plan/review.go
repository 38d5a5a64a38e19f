package plan

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// Review says what a plan changes for those who read the relations. It decides nothing: a
// plan does the same with and without one.
type Review struct {
	// Changes are the nodes that are built, in the order of the plan.
	Changes []Change `json:"changes,omitempty"`
	// Removed are relations of nodes that the project no longer has. They stay.
	Removed []Removed `json:"removed,omitempty"`
	// Spared read something that changes, but nothing of it that changes: they are not built.
	Spared []addr.Node `json:"spared,omitempty"`
	// Behind are not part of the plan although what they read, or their own definition,
	// changes: they were not selected. Sorted.
	Behind []addr.Node `json:"behind,omitempty"`
	// First: nothing of the project was there before.
	First bool `json:"first,omitempty"`
	// Forecast is how long the run may take; nil if nobody made one.
	Forecast *Forecast `json:"forecast,omitempty"`
}

// How says why a node is built.
type How string

const (
	Added    How = "added"    // it was not built before
	Direct   How = "direct"   // its own definition changed
	Indirect How = "indirect" // the definition of something that it reads changed
	Again    How = "again"    // no definition changed: new data, or somebody asked for it
)

// Class says what readers of a relation notice of a change.
type Class string

const (
	// Breaking: columns are gone, have another name or type, rows are no longer unique where
	// they were, or a promise is taken back. Who reads them may fail or count twice.
	Breaking Class = "breaking"
	// Values: values of existing columns, or the rows there are, may be others.
	Values Class = "values"
	// Forward: rows that are there keep what they have, new ones follow the new definition.
	Forward Class = "forward"
	// Additive: there are new columns, all else is as it was.
	Additive Class = "additive"
	// Metadata: the content stays the same; how it is written, stored or described changes.
	Metadata Class = "metadata"
)

// Change is what a plan changes at one node.
type Change struct {
	Node addr.Node `json:"node"`
	How  How       `json:"how"`
	// Class is empty where nobody read the node before, and where no definition changed.
	Class Class  `json:"class,omitempty"`
	Path  string `json:"path,omitempty"`
	// Because leads from the nearest node that changed directly to the one that this node
	// reads, for Indirect; it is empty where the columns of a source are others.
	Because []addr.Node `json:"because,omitempty"`
	// Was says when and by which run the relation was built that is there now.
	Was *Was `json:"was,omitempty"`
	// Unknown says why the change is not known in detail; values are then taken to change.
	Unknown string         `json:"unknown,omitempty"`
	Columns []ColumnChange `json:"columns,omitempty"`
	// Rows: which rows there are may change.
	Rows bool `json:"rows,omitempty"`
	// Grain is what rows are no longer unique by.
	Grain [][]string `json:"grain,omitempty"`
	// Promises are those that are given or taken back.
	Promises []SettingChange `json:"promises,omitempty"`
	// Config are the keys that decide content, Storage those that do not.
	Config  []SettingChange `json:"config,omitempty"`
	Storage []SettingChange `json:"storage,omitempty"`
	// Diff is a unified diff of the rendered query, IncrementalDiff of the incremental one
	// where it says something else.
	Diff            string `json:"diff,omitempty"`
	IncrementalDiff string `json:"incremental_diff,omitempty"`
	// Renamed is the removed node that had the same query, for Added.
	Renamed addr.Node `json:"renamed,omitzero"`
	// Readers are those of the whole node, where all of it breaks.
	Readers []Reader `json:"readers,omitempty"`
	// Last is what the last build made and took.
	Last *Measured `json:"last,omitempty"`
}

// Was is an earlier build.
type Was struct {
	Run string    `json:"run"`
	At  time.Time `json:"at"`
}

// Measured is what a build made and took; -1 where that is not known.
type Measured struct {
	Rows   int64 `json:"rows"`
	Bytes  int64 `json:"bytes"`
	Millis int64 `json:"millis"`
}

// ColumnVerb is what happens to a column.
type ColumnVerb string

const (
	ColumnAdded      ColumnVerb = "added"
	ColumnRemoved    ColumnVerb = "removed"
	ColumnRenamed    ColumnVerb = "renamed"    // From is the name it had
	ColumnRetyped    ColumnVerb = "retyped"    // From and To are types
	ColumnExpression ColumnVerb = "expression" // it is computed in another way
	ColumnInput      ColumnVerb = "input"      // what it is computed from changes
)

// ColumnChange is what happens to one column.
type ColumnChange struct {
	Name    string     `json:"name"`
	Verb    ColumnVerb `json:"verb"`
	From    string     `json:"from,omitempty"`
	To      string     `json:"to,omitempty"`
	Readers []Reader   `json:"readers,omitempty"` // of a column that breaks
	// Policy is on_schema_change, where it keeps the columns of the relation from following:
	// with ignore it does not get a new column, and keeps one that is gone, without values.
	Policy string `json:"policy,omitempty"`
}

// Breaks reports whether readers of the column must be changed.
func (c ColumnChange) Breaks() bool {
	return c.Verb == ColumnRemoved || c.Verb == ColumnRenamed || c.Verb == ColumnRetyped
}

// Reader is one who reads a column, or a node.
type Reader struct {
	// Node is a model, snapshot, test or exposure.
	Node addr.Node `json:"node"`
	// Column is the column that follows from what is read; empty where it decides rows, and
	// for tests and exposures.
	Column string `json:"column,omitempty"`
	// Where is the place, «models/report_sales.sql:7», as far as it is known.
	Where string `json:"where,omitempty"`
	// Before: it did until now; its own definition is changed as well.
	Before bool `json:"before,omitempty"`
	// Whole: it reads the node, and which columns is not known.
	Whole bool `json:"whole,omitempty"`
}

// SettingChange is a key of configuration, or a promise, whose value changes; From or To is
// empty where there is none.
type SettingChange struct {
	Key  string `json:"key"`
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// Removed is a relation whose node is gone.
type Removed struct {
	Node     addr.Node      `json:"node"`
	Relation addr.Relation  `json:"relation"`
	Kind     warehouse.Kind `json:"kind"`
	// Renamed is the new node with the same query.
	Renamed addr.Node `json:"renamed,omitzero"`
}

// Forecast is how long a run may take, in seconds.
type Forecast struct {
	Makespan float64 `json:"makespan"` // with Jobs workers
	Critical float64 `json:"critical"` // of the longest chain
	Jobs     int     `json:"jobs"`
	Path     []Step  `json:"path"`    // the longest chain, in order
	Guessed  int     `json:"guessed"` // actions whose duration is not learned
}

// Step is one node of the longest chain.
type Step struct {
	Node    addr.Node `json:"node"`
	Seconds float64   `json:"seconds"`
	Guessed bool      `json:"guessed,omitempty"`
}

// ReviewOf compares what p builds with what was there. definitions are those of
// DefinitionIDs, as far as they are known. It reads neither clock nor network.
func ReviewOf(p *Plan, program *compile.Program, definitions map[addr.Node]*state.Definition, s state.Snapshot) *Review {
	r := &reviewer{
		program: program, definitions: definitions, snapshot: s, review: &Review{}, definer: definer{program: program},
		actions: map[addr.Node]*Action{}, deltas: map[addr.Node]*delta{}, inputs: map[addr.Node][]addr.Node{}, made: map[addr.Node]*state.Definition{},
	}
	for _, a := range p.Actions {
		if a.Verb != Check {
			r.actions[a.Node] = a
		}
	}
	r.review.First = true
	for _, id := range program.Order {
		if _, recorded := s.Nodes[id]; recorded && id.Kind != addr.Source {
			r.review.First = false
		}
	}
	changes := map[addr.Node]*Change{}
	for _, id := range program.Order {
		if c := r.consider(program.Nodes[id]); c != nil {
			changes[id] = c
		}
	}
	r.removed(changes)
	for _, a := range p.Actions {
		if c := changes[a.Node]; c != nil {
			r.readers(c)
			r.review.Changes = append(r.review.Changes, *c)
		}
	}
	slices.SortFunc(r.review.Behind, addr.Node.Compare)
	return r.review
}

type reviewer struct {
	program     *compile.Program
	definitions map[addr.Node]*state.Definition
	snapshot    state.Snapshot
	review      *Review
	definer     definer
	actions     map[addr.Node]*Action
	deltas      map[addr.Node]*delta
	inputs      map[addr.Node][]addr.Node
	made        map[addr.Node]*state.Definition
	children    map[addr.Node][]addr.Node // by what is really read; nil until asked for
}

// delta is what becomes different in a relation because a definition changed.
type delta struct {
	rows    bool
	all     bool            // any column
	columns map[string]bool // lower-case
	// distance is the number of hops to the nearest node that changed directly, and from
	// the next one on the way there.
	distance int
	from     addr.Node
}

func (d *delta) any() bool { return d != nil && (d.rows || d.all || len(d.columns) > 0) }

// touches reports whether a reading sees something of the delta's columns.
func (d *delta) touches(r compile.Reading) bool {
	if d == nil {
		return false
	}
	if r.All {
		return d.all || len(d.columns) > 0
	}
	return slices.ContainsFunc(r.Columns, func(c string) bool { return d.all || d.columns[c] })
}

// real are the nodes whose relations stand for n: ephemeral models are seen through, and
// so are sources that the project builds itself.
func (r *reviewer) real(n addr.Node) []addr.Node {
	if node := r.program.Nodes[n]; node == nil {
		return nil
	} else if node.Config.Materialized == "ephemeral" || n.Kind == addr.Source && len(node.Parents) > 0 {
		return r.reads(n)
	}
	return []addr.Node{n}
}

func (r *reviewer) reads(n addr.Node) []addr.Node {
	if known, ok := r.inputs[n]; ok {
		return known
	}
	var out []addr.Node
	for _, p := range r.program.Nodes[n].Parents {
		out = append(out, r.real(p)...)
	}
	slices.SortFunc(out, addr.Node.Compare)
	out = slices.Compact(out)
	r.inputs[n] = out
	return out
}

// consider finds what changes at a node, nil if it is not built.
func (r *reviewer) consider(n *compile.Node) *Change {
	if n.ID.Kind == addr.Source || n.Config.Materialized == "ephemeral" {
		return nil
	}
	inherited := r.inherit(n)
	record, recorded := r.snapshot.Nodes[n.ID]
	existing, exists := r.snapshot.Relations[n.Relation]
	a := r.actions[n.ID]
	if a == nil {
		r.leave(n, record, recorded && exists, inherited)
		return nil
	}
	c := &Change{Node: n.ID, Path: n.Path}
	if recorded {
		c.Was = &Was{Run: record.Version, At: record.At}
		c.Last = &Measured{Rows: record.Rows, Bytes: record.Bytes, Millis: record.Millis}
		if n.Kind() == warehouse.View {
			c.Last.Rows = -1
		}
	}
	moved := recorded && record.Relation != n.Relation
	switch {
	case !recorded, !exists && !moved, record.Fingerprint == "":
		c.How = Added
		if recorded {
			c.How = Again
		}
		return c
	case moved || record.Fingerprint != n.Fingerprint && !r.follows(n, inherited):
		c.How = Direct
	case inherited.any():
		c.How, c.Because = Indirect, r.chain(inherited)
	case record.Fingerprint != n.Fingerprint, r.reshaped(n):
		// A «*» has other columns, although nothing that is left of it is different.
		c.How = Indirect
		r.nearest(n, inherited)
		c.Because = r.chain(inherited)
	default:
		c.How = Again
		return c
	}
	own := r.compare(c, n, a, record, existing)
	if moved {
		c.Class = Breaking
		own.all, own.rows = true, true
	}
	if c.How == Direct {
		own.distance, own.from = 0, addr.Node{}
	} else {
		own.distance, own.from = inherited.distance, inherited.from
	}
	r.inherited(c, own, inherited)
	if own.any() {
		r.deltas[n.ID] = own
	}
	return c
}

// follows reports whether a node is written and configured as it was when it was built, so
// that its query means something else only because of what it reads: columns that a «*»
// stands for, types.
func (r *reviewer) follows(n *compile.Node, inherited *delta) bool {
	was := r.definitions[n.ID]
	if was == nil || !inherited.any() && !slices.ContainsFunc(r.reads(n.ID), func(p addr.Node) bool { return r.deltas[p].any() || p.Kind == addr.Source }) {
		return false
	}
	now := r.definition(n.ID)
	promises := func(d *state.Definition) []string {
		if d.Contract == nil {
			return nil
		}
		return d.Contract.Promises
	}
	same := was.Text == now.Text && was.IncrementalText == now.IncrementalText && was.Dialect == now.Dialect &&
		maps.Equal(was.Config, now.Config) && maps.Equal(was.Storage, now.Storage) && slices.Equal(promises(was), promises(now))
	return same && (inherited.any() || r.reshaped(n))
}

// nearest finds what a node that inherits nothing follows from.
func (r *reviewer) nearest(n *compile.Node, inherited *delta) {
	for _, p := range r.reads(n.ID) {
		if d := r.deltas[p]; d.any() && (inherited.from.IsZero() || d.distance+1 < inherited.distance) {
			inherited.distance, inherited.from = d.distance+1, p
		}
	}
}

// reshaped reports whether a node has other columns, or others by which it is unique, than
// when it was built.
func (r *reviewer) reshaped(n *compile.Node) bool {
	was := r.definitions[n.ID]
	if was == nil || len(was.Columns) == 0 || len(n.Columns) == 0 {
		return false
	}
	now := r.definition(n.ID)
	return !slices.Equal(was.Columns, now.Columns) || was.Facets != nil && now.Facets != nil && !slices.EqualFunc(was.Unique, now.Unique, slices.Equal[[]string])
}

// leave notes what a node that is not built misses. A view shows what it reads all the
// same, so that its readers see the change.
func (r *reviewer) leave(n *compile.Node, record state.Record, there bool, inherited *delta) {
	if !there {
		return
	}
	changed := record.Fingerprint != "" && record.Fingerprint != n.Fingerprint
	if changed || inherited.any() {
		r.review.Behind = append(r.review.Behind, n.ID)
		if inherited.any() && record.Kind == warehouse.View {
			r.deltas[n.ID] = inherited
		}
		return
	}
	if slices.ContainsFunc(r.reads(n.ID), func(p addr.Node) bool { return r.deltas[p].any() }) {
		r.review.Spared = append(r.review.Spared, n.ID)
	}
}

// inherit is what changes at n because of what it reads.
func (r *reviewer) inherit(n *compile.Node) *delta {
	out := &delta{columns: map[string]bool{}}
	hit := func(p addr.Node) {
		d := r.deltas[p]
		if out.from.IsZero() || d.distance+1 < out.distance {
			out.distance, out.from = d.distance+1, p
		}
	}
	for _, p := range r.reads(n.ID) {
		d := r.deltas[p]
		if !d.any() {
			continue
		}
		switch reading, known := n.Reads[p]; {
		case d.rows:
			out.rows = true
			hit(p)
		case n.Reads != nil && known && !d.touches(reading):
			continue // reads nothing of what changes
		}
		facets := n.Facets.Get()
		if facets == nil {
			out.rows, out.all = true, true
			hit(p)
			continue
		}
		see := func(f compile.Facet) bool {
			reading, known := f.Reads[p]
			return known && d.touches(reading)
		}
		if see(facets.Rows) {
			out.rows = true
			hit(p)
		}
		for name, f := range facets.Columns {
			if see(f) {
				out.columns[name] = true
				hit(p)
			}
		}
		if _, known := n.Reads[p]; !known {
			out.rows, out.all = true, true // it is read in a way that nobody looked at
			hit(p)
		}
	}
	return out
}

// inherited adds what changes because of what a node reads.
func (r *reviewer) inherited(c *Change, own, inherited *delta) {
	listed := map[string]bool{}
	for _, col := range c.Columns {
		listed[strings.ToLower(col.Name)] = true
	}
	for _, name := range r.program.Nodes[c.Node].Columns {
		if low := strings.ToLower(name.Name); inherited.columns[low] && !listed[low] {
			c.Columns = append(c.Columns, ColumnChange{Name: name.Name, Verb: ColumnInput})
		}
	}
	if inherited.all && c.Unknown == "" {
		c.Unknown = "which columns follow from what changes is not known"
		if why := r.program.Nodes[c.Node].Unanalyzed; why != "" {
			c.Unknown += ": " + why
		}
	}
	c.Rows = c.Rows || inherited.rows
	own.rows, own.all = own.rows || inherited.rows, own.all || inherited.all
	for name := range inherited.columns {
		own.columns[name] = true
	}
	if inherited.any() {
		c.Class = worse(c.Class, Values)
	}
}

// classes from the worst.
var classes = []Class{Breaking, Values, Forward, Additive, Metadata, ""}

func worse(a, b Class) Class {
	if slices.Index(classes, a) <= slices.Index(classes, b) {
		return a
	}
	return b
}

// chain leads from the nearest node that changed directly to the one that is read.
func (r *reviewer) chain(d *delta) []addr.Node {
	var out []addr.Node
	for at := d.from; !at.IsZero() && len(out) <= len(r.deltas); {
		out = append(out, at)
		next := r.deltas[at]
		if next == nil {
			break
		}
		at = next.from
	}
	slices.Reverse(out)
	return out
}

// removed lists relations whose nodes are gone, and finds those that only got a new name.
func (r *reviewer) removed(changes map[addr.Node]*Change) {
	own := map[addr.Relation]bool{}
	for _, n := range r.program.Nodes {
		own[n.Relation] = true
	}
	for _, id := range slices.SortedFunc(maps.Keys(r.snapshot.Nodes), addr.Node.Compare) {
		record := r.snapshot.Nodes[id]
		rel, exists := r.snapshot.Relations[record.Relation]
		if r.program.Nodes[id] != nil || !exists || own[record.Relation] {
			continue
		}
		gone := Removed{Node: id, Relation: record.Relation, Kind: rel.Kind}
		if old := r.definitions[id]; old != nil && old.Text != "" {
			for _, n := range slices.SortedFunc(maps.Keys(changes), addr.Node.Compare) {
				c := changes[n]
				if c.How == Added && c.Renamed.IsZero() && n.Kind == id.Kind && sameQuery(old, r.definition(n)) {
					gone.Renamed, c.Renamed = n, id
					break
				}
			}
		}
		r.review.Removed = append(r.review.Removed, gone)
	}
}

func sameQuery(a, b *state.Definition) bool {
	if a.Facets != nil && b.Facets != nil {
		same := func(x, y state.DefinedFacet) bool { return x.Hash == y.Hash }
		return same(a.Facets.Rows, b.Facets.Rows) && maps.EqualFunc(a.Facets.Columns, b.Facets.Columns, same)
	}
	return a.Text == b.Text
}

// definition is what a node of the program is built from.
func (r *reviewer) definition(id addr.Node) *state.Definition {
	if d := r.made[id]; d != nil {
		return d
	}
	if a := r.actions[id]; a != nil && a.Definition != nil {
		return a.Definition
	}
	d := r.definer.of(r.program.Nodes[id])
	r.made[id] = d
	return d
}

// Summary counts the changes by class, in the order of their weight.
func (r *Review) Summary() []Counted {
	counts := map[Class]int{}
	for _, c := range r.Changes {
		if c.How == Direct || c.How == Indirect {
			counts[c.Class]++
		}
	}
	var out []Counted
	for _, class := range classes {
		if counts[class] > 0 && class != "" {
			out = append(out, Counted{class, counts[class]})
		}
	}
	return out
}

// Counted is how many changes are of a class.
type Counted struct {
	Class Class `json:"class"`
	Nodes int   `json:"nodes"`
}

// Of is the change of a node, nil if there is none.
func (r *Review) Of(n addr.Node) *Change {
	if i := slices.IndexFunc(r.Changes, func(c Change) bool { return c.Node == n }); i >= 0 {
		return &r.Changes[i]
	}
	return nil
}

package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// CauseKind is the sort of a reason.
type CauseKind string

const (
	CauseMissing     CauseKind = "missing"      // there is no relation
	CauseUnrecorded  CauseKind = "unrecorded"   // there is one, and nobody knows from what
	CauseKindOf      CauseKind = "kind"         // it became a view, a table …
	CauseUnfinished  CauseKind = "unfinished"   // the last build did not end
	CauseDefinition  CauseKind = "definition"   // its SQL or configuration changed
	CauseStorage     CauseKind = "storage"      // only how it is stored, or who may read it
	CauseForced      CauseKind = "forced"       // --full
	CauseFullRefresh CauseKind = "full_refresh" // --full-refresh
	CauseInput       CauseKind = "input"        // what it reads changes, or has changed
	CauseSource      CauseKind = "source"       // a source changed, or nobody can tell
	CauseVolatile    CauseKind = "volatile"     // it calls current_date …
	CauseOpaque      CauseKind = "opaque"       // it reads files …
	CauseLimited     CauseKind = "limited"      // it holds only what --empty or --sample let it read
	CauseOther       CauseKind = "other"        // in words only
)

// Cause is one reason for an action, for programs.
type Cause struct {
	Kind CauseKind `json:"kind"`
	// Node is the input or source.
	Node *addr.Node `json:"node,omitempty"`
	// Columns are those that are read of Node and change. Rows: which rows there are
	// changes, or nobody knows what does.
	Columns []string `json:"columns,omitempty"`
	Rows    bool     `json:"rows,omitempty"`
	// Shape: only names, types or the number of its columns change, which a view depends on
	// whether it needs them or not.
	Shape bool `json:"shape,omitempty"`
	// Built: Node is built by this plan; it was changed before if it is not.
	Built bool `json:"built,omitempty"`
	// Unknown: what Node holds cannot be told.
	Unknown bool `json:"unknown,omitempty"`
	// Functions are those that a volatile node calls.
	Functions []string `json:"functions,omitempty"`
}

// Gate is what decides whether a data test runs.
type Gate struct {
	// Reads is what the test reads of each node.
	Reads map[addr.Node]compile.Reading `json:"reads,omitempty"`
	// Unless is as of an Action: with these inputs the test has passed.
	Unless map[addr.Node]string `json:"unless,omitempty"`
}

// Compare is how a run finds out whether a node holds the same after its build as before.
type Compare string

const (
	// CompareRows: both are read whole and summed up (see warehouse.Summer).
	CompareRows Compare = "rows"
	// CompareCount: an update that changed no row.
	CompareCount Compare = "count"
)

func millis(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// verdict says whether something must be done anew because of what it reads.
type verdict struct {
	causes []Cause
	// soft: each of the causes may turn out to be none.
	soft bool
}

// inputs compares what is read of each node with what it was.
func (m *maker) compare(inputs []addr.Node, was func(addr.Node) (want string, reading compile.Reading, kind warehouse.Kind), counts bool) verdict {
	v := verdict{soft: true}
	for _, p := range inputs {
		want, reading, kind := was(p)
		before := m.inputNow(p, reading, kind)
		after := before
		if !m.holds[p].stays() {
			after = m.inputNext(p, reading, kind)
		}
		if after != "" && after == want {
			if before != after {
				m.pinned[p] = true // what is read of p must come out as it was planned
			}
			continue
		}
		c := Cause{Kind: CauseInput, Node: &p, Built: m.changes(p), Rows: true, Unknown: before == "" && after == ""}
		if p.Kind == addr.Source {
			c.Kind = CauseSource
		}
		h := m.holds[p]
		if was, _, _ := strings.Cut(want, "@"); bound(kind) && was != "" && was == m.digest(p, reading) && strings.Contains(want, "@"+m.program.ReadAt(p).String()+"#") {
			c.Rows, c.Shape = false, true
		} else if c.Built && h != nil && h.now.Known() && h.now.Rows == h.next.Rows && before == want {
			c.Rows, c.Columns = false, m.differing(h, reading)
			c.Rows = len(c.Columns) == 0
		}
		v.causes = append(v.causes, c)
		if soft := c.Built && want != "" && before == want && m.mayStay(p, after); !soft {
			v.soft = false
		} else if counts {
			m.useful[p] = true
		}
	}
	return v
}

// changes reports whether what n holds may be another thing after the run.
func (m *maker) changes(n addr.Node) bool {
	h := m.holds[n]
	return m.built[n] || h != nil && h.live != nil
}

// mayStay reports whether n, which changes, may come out as it is; after is what is known
// of it.
func (m *maker) mayStay(n addr.Node, after string) bool {
	h := m.holds[n]
	a := m.at[n]
	if h == nil || h.may || h.live != nil || a == nil {
		return true
	}
	return m.comparable(a) != "" || after == "" && a.Naming != nil && !a.Naming.Rows.Run
}

// differing are the columns of a reading whose values change.
func (m *maker) differing(h *holding, r compile.Reading) []string {
	var out []string
	names := r.Columns
	if r.All {
		for name := range h.next.Columns {
			names = append(names, name)
		}
		slices.Sort(names)
	}
	for _, name := range names {
		if h.now.Columns[name] != h.next.Columns[name] {
			out = append(out, name)
		}
	}
	return out
}

// comparable says how the run can find out that an action changes nothing.
func (m *maker) comparable(a *Action) Compare {
	h := m.holds[a.Node]
	if h == nil || !h.now.Known() || m.hooked(a.Node) {
		return ""
	}
	existing := m.snapshot.Relations[a.Relation]
	switch {
	case a.Kind != warehouse.Table || existing.Kind != warehouse.Table:
		return ""
	case a.Verb == Update:
		return CompareCount
	case a.Staged == a.Relation:
		return ""
	}
	if _, ok := warehouse.Checksum(m.program.Target.Dialect, a.Relation, existing.Columns); !ok {
		return ""
	}
	return CompareRows
}

func (m *maker) hooked(n addr.Node) bool {
	node := m.program.Nodes[n]
	return node.Config.Hooked()
}

// deferred reports whether n is read from another target.
func (m *maker) deferred(n addr.Node) bool {
	_, ok := m.selection.Deferred[n]
	return ok
}

// reasons says why a node must be built; none means it is up to date. soft: each of them
// may turn out to be none while the run goes.
func (m *maker) reasons(n *compile.Node) (causes []Cause, soft bool) {
	add := func(k CauseKind) { causes = append(causes, Cause{Kind: k}) }
	record, recorded := m.snapshot.Nodes[n.ID]
	existing, exists := m.snapshot.Relations[n.Relation]
	switch {
	case !exists:
		add(CauseMissing)
	case !recorded || record.Relation != n.Relation:
		add(CauseUnrecorded)
	case record.Kind != existing.Kind:
		add(CauseKindOf)
	case record.Fingerprint == "":
		add(CauseUnfinished)
	case compile.Limited(record.Fingerprint) && !compile.Limited(n.Fingerprint):
		add(CauseLimited)
	case record.Fingerprint != n.Fingerprint && compile.Content(record.Fingerprint) == compile.Content(n.Fingerprint):
		add(CauseStorage)
	case record.Fingerprint != n.Fingerprint:
		add(CauseDefinition)
	}
	own := n.Config.FullRefresh
	if m.selection.FullRefresh && (own == nil || *own) && (n.Config.Materialized == "incremental" || n.Config.Materialized == "materialized_view" || n.Config.Materialized == compile.Ancestry || n.ID.Kind == addr.Seed) {
		add(CauseFullRefresh)
	} else if m.selection.Force || n.Config.IncrementalStrategy == compile.Microbatch && !(m.selection.EventStart.IsZero() && m.selection.EventEnd.IsZero()) {
		add(CauseForced)
	}
	soft = len(causes) == 0
	kind := record.Kind
	read := m.compare(m.inputs(n.ID), func(p addr.Node) (string, compile.Reading, warehouse.Kind) {
		return record.Inputs[p], m.reading(n, p), kind
	}, true)
	if !recorded {
		// Nothing is known of what it read, so only what cannot be known at all is worth a word.
		read.causes = slices.DeleteFunc(read.causes, func(c Cause) bool { return !c.Built && !(c.Kind == CauseSource && c.Unknown) })
	}
	causes, soft = append(causes, read.causes...), soft && read.soft
	if n.Opaque != "" {
		add(CauseOpaque)
		soft = false
	}
	if len(n.Volatile) > 0 && m.stale(n, record) {
		causes = append(causes, Cause{Kind: CauseVolatile, Functions: n.Volatile})
		soft = false
	}
	return causes, soft && len(causes) > 0
}

// words are the causes for people. Inputs of a sort share a line.
func (m *maker) words(n *compile.Node, causes []Cause) []string {
	var out, rebuilt, newer, unknown, blind []string
	var changed []string
	for _, c := range causes {
		switch c.Kind {
		case CauseInput, CauseSource:
			switch {
			case c.Kind == CauseSource && c.Unknown:
				name := c.Node.Name
				if why := m.snapshot.Unversioned[*c.Node]; why != "" {
					name += " (" + why + ")"
				}
				unknown = append(unknown, name)
			case c.Shape:
				changed = append(changed, c.Node.Name+" gets other columns")
			case len(c.Columns) > 0:
				changed = append(changed, fmt.Sprintf("%s changes in %s", c.Node.Name, few(c.Columns)))
			case c.Built:
				rebuilt = append(rebuilt, c.Node.Name)
			case c.Unknown:
				blind = append(blind, c.Node.Name)
			default:
				newer = append(newer, c.Node.Name)
			}
		}
	}
	inputs := func() {
		out = append(out, changed...)
		if len(rebuilt) > 0 {
			out = append(out, plural(rebuilt, "is", "are")+" rebuilt")
		}
		if len(newer) > 0 {
			out = append(out, plural(newer, "has", "have")+" changed since")
		}
		if len(blind) > 0 {
			out = append(out, "what "+plural(blind, "holds", "hold")+" now is not known")
		}
		if len(unknown) > 0 {
			out = append(out, "the state of source "+strings.Join(unknown, ", ")+" is not known")
		}
	}
	said := false
	for _, c := range causes {
		switch c.Kind {
		case CauseInput, CauseSource:
			if !said {
				inputs()
				said = true
			}
		default:
			out = append(out, m.word(n, c))
		}
	}
	return out
}

const limitedWords = "it holds only the rows of a build with --empty or --sample"

func (m *maker) word(n *compile.Node, c Cause) string {
	switch c.Kind {
	case CauseMissing:
		return "it does not exist yet"
	case CauseUnrecorded:
		return "it exists, but the engine has no record of building it"
	case CauseKindOf:
		return fmt.Sprintf("it is a %s now, not the %s that was built", m.snapshot.Relations[n.Relation].Kind, m.snapshot.Nodes[n.ID].Kind)
	case CauseUnfinished:
		return "its last build did not end"
	case CauseStorage:
		return "how it is stored, or who may read it, changed"
	case CauseDefinition:
		if n.ID.Kind == addr.Seed {
			return "its file or configuration changed"
		}
		return "its SQL, a variable in it, or its configuration changed"
	case CauseLimited:
		return limitedWords
	case CauseFullRefresh:
		return "a full refresh was asked for"
	case CauseForced:
		return "a full build was asked for"
	case CauseOpaque:
		return "what it reads is not known for sure: " + n.Opaque
	case CauseVolatile:
		return "it calls " + strings.Join(c.Functions, ", ")
	}
	return string(c.Kind)
}

func few(names []string) string {
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:2], ", "), len(names)-2)
	}
	return strings.Join(names, ", ")
}

// settle fills in what the run needs to name contents and to leave out what turns out to
// be needless.
func (m *maker) settle() {
	m.plan.Contents, m.plan.Live = map[addr.Node]state.Content{}, map[addr.Node]*Naming{}
	seen := map[addr.Node]bool{}
	var need func(n addr.Node)
	need = func(n addr.Node) {
		if seen[n] {
			return
		}
		seen[n] = true
		h := m.holds[n]
		switch {
		case h == nil:
		case h.live != nil:
			m.plan.Live[n] = h.live
			for _, p := range m.inputs(n) {
				need(p)
			}
		case h.now.Known():
			m.plan.Contents[n] = h.now
		}
	}
	for _, a := range m.plan.Actions {
		if a.Verb != Check {
			if m.useful[a.Node] && !m.pinned[a.Node] {
				if a.Compare = m.comparable(a); a.Compare != "" {
					a.Checksum = m.snapshot.Nodes[a.Node].Checksum
				}
			}
			need(a.Node)
		}
		for _, p := range a.Parents {
			need(p)
		}
		for _, gate := range a.Gates {
			for p := range gate.Reads {
				need(p)
			}
			if len(gate.Unless) == 0 {
				a.Unless = nil // the test must run on what is built
			}
		}
		if len(a.UnitTests) > 0 {
			a.Unless = nil
		}
	}
}

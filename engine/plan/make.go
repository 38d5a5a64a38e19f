package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/datatest"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/materialize"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// Format is the version of the plan's JSON form.
const Format = 1

// Make decides what a run does so that the selected part of p is built, tested and up to
// date in the warehouse that s describes. It reads neither clock nor network: the same
// arguments give the same bytes.
func Make(p *compile.Program, s state.Snapshot, sel Selection) (*Plan, diag.List) {
	m := &maker{program: p, snapshot: s, selection: sel, rebuilt: map[addr.Node]bool{}, position: map[addr.Node]int{}, effective: map[addr.Node][]addr.Node{}, at: map[addr.Node]*Action{}, gated: map[addr.Node]bool{}}
	for i, n := range p.Order {
		m.position[n] = i
	}
	m.plan = &Plan{Format: Format, Project: p.Project.Settings.Name.V, Target: p.Target.Name, Database: p.Target.Database, Schema: p.Target.Schema, Kept: map[addr.Kind]int{}, OnRunStart: p.OnRunStart, OnRunEnd: p.OnRunEnd}
	m.orphans()
	m.leftOvers()
	for _, t := range p.Tests {
		if sel.Tests[t.ID] {
			m.gated[m.gate(t.Parents)] = true
		}
	}
	if !sel.TestsOnly {
		for _, id := range p.Order {
			m.consider(p.Nodes[id])
		}
	}
	m.gateTests()
	m.gateUnitTests()
	m.finish()
	if len(m.plan.Actions) > 0 {
		m.plan.Needs = needs(p)
	}
	return m.plan, m.diags.Sorted()
}

// needs are those of the whole program: a view that is kept may be read by what is built.
func needs(p *compile.Program) []string {
	var out []string
	for _, id := range p.Order {
		out = append(out, p.Nodes[id].Needs...)
	}
	for _, t := range p.Tests {
		if t.Translated != nil {
			out = append(out, t.Translated.Needs...)
		}
	}
	for _, t := range p.UnitTests {
		out = append(out, t.Needs...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

type maker struct {
	program   *compile.Program
	snapshot  state.Snapshot
	selection Selection
	plan      *Plan
	diags     diag.List
	rebuilt   map[addr.Node]bool // nodes whose content this plan may change
	position  map[addr.Node]int
	effective map[addr.Node][]addr.Node
	at        map[addr.Node]*Action
	gated     map[addr.Node]bool // nodes that have a selected test to pass
}

// orphans lists staging objects of runs that died.
func (m *maker) orphans() {
	for rel, info := range m.snapshot.Relations {
		if materialize.IsStaged(rel.Name) {
			m.plan.Orphans = append(m.plan.Orphans, Orphan{Relation: rel, Kind: info.Kind})
		}
	}
	slices.SortFunc(m.plan.Orphans, func(a, b Orphan) int { return a.Relation.Compare(b.Relation) })
}

// leftOvers mentions relations that were built for nodes which the project no longer has.
func (m *maker) leftOvers() {
	kept := map[addr.Relation]bool{}
	for _, n := range m.program.Nodes {
		kept[n.Relation] = true
	}
	for id, record := range m.snapshot.Nodes {
		if rel, exists := m.snapshot.Relations[record.Relation]; exists && m.program.Nodes[id] == nil && !kept[record.Relation] {
			m.diags.Add(leftOver(id, rel))
		}
	}
}

// inputs are the nodes whose relations n really reads: ephemeral models are replaced by
// what they read, sources that the project itself builds by their builder.
func (m *maker) inputs(n addr.Node) []addr.Node {
	if known, ok := m.effective[n]; ok {
		return known
	}
	var out []addr.Node
	for _, p := range m.program.Nodes[n].Parents {
		out = append(out, m.real(p)...)
	}
	slices.SortFunc(out, addr.Node.Compare)
	out = slices.Compact(out)
	m.effective[n] = out
	return out
}

// real is n itself, or what stands for it in the warehouse.
func (m *maker) real(n addr.Node) []addr.Node {
	node := m.program.Nodes[n]
	switch {
	case node == nil:
		return nil
	case node.Config.Materialized == "ephemeral":
		return m.inputs(n)
	case n.Kind == addr.Source && len(node.Parents) > 0:
		return m.inputs(n)
	}
	return []addr.Node{n}
}

// consider adds an action for a node that is selected and not up to date.
func (m *maker) consider(n *compile.Node) {
	if n.ID.Kind == addr.Source || n.Config.Materialized == "ephemeral" || !m.selection.Nodes[n.ID] {
		return
	}
	reasons, lasting := m.reasons(n)
	if len(reasons) == 0 {
		m.plan.Kept[n.ID.Kind]++
		return
	}
	caps := m.program.Target.Dialect.Caps()
	record, recorded := m.snapshot.Nodes[n.ID]
	known := ""
	if recorded && record.Relation == n.Relation && record.Kind == m.snapshot.Relations[n.Relation].Kind {
		known = record.Fingerprint
	}
	out, ds := materialize.Plan(materialize.In{
		Direct: !recorded && !m.gated[n.ID] && len(n.Config.PostHooks) == 0, // a post-hook may still refuse it
		Node:   n, Existing: m.snapshot.Relations[n.Relation], Caps: caps,
		Words: m.program.Target.Dialect.Words(), Dialect: m.program.Target.Dialect, FullRefresh: m.selection.FullRefresh, Recorded: known,
	})
	m.diags.Add(ds...)
	if out.Reason != "" {
		reasons = append(reasons, out.Reason)
	}
	for _, p := range m.inputs(n.ID) {
		if _, exists := m.snapshot.Relations[m.program.Nodes[p].Relation]; !exists && !m.rebuilt[p] && p.Kind != addr.Source {
			m.diags.Add(parentMissing(n, m.program.Nodes[p]))
		}
	}
	m.rebuilt[n.ID] = true
	m.add(&Action{
		Node: n.ID, Verb: Verb(out.Verb), Reasons: reasons, Materialized: n.Config.Materialized, Kind: out.Kind,
		Relation: n.Relation, Staged: out.Tested, Millis: m.snapshot.Nodes[n.ID].Millis, Fingerprint: cmp.Or(out.Fingerprint, n.Fingerprint), Parents: m.inputs(n.ID),
		Build: out.Build, Publish: out.Publish, Cleanup: out.Cleanup, InTx: out.InTx,
		Origin: m.origin(n, out), Limits: limits(n.Config), Revoke: recorded && !lasting, Last: last(record, recorded),
	})
}

// limits are those of a node's configuration. Its labels mark the jobs that build it.
func limits(c compile.Config) Limits {
	return Limits{MaxBytes: c.Limits.MaxBytes, Timeout: c.Limits.Timeout, Priority: c.Limits.Priority, Reservation: c.Limits.Reservation, Labels: c.Layout.Labels}
}

// last is what a node took when it was last built.
func last(r state.Record, recorded bool) *Spent {
	if !recorded || r.Bytes < 0 && r.Billed < 0 {
		return nil
	}
	return &Spent{Bytes: r.Bytes, Billed: r.Billed, SlotMillis: r.SlotMillis}
}

func (m *maker) add(a *Action) {
	m.at[a.Node] = a
	m.plan.Actions = append(m.plan.Actions, a)
}

// origin keeps the way back from the text that the action sends.
func (m *maker) origin(n *compile.Node, out materialize.Out) Origin {
	o := Origin{Path: n.Path, SQL: out.SQL, Map: out.Map}
	if n.File != nil {
		o.At = n.File.Whole()
	}
	return o
}

// reasons says why a node must be built; none means it is up to date. lasting: one of them
// holds until a new record of the node is written, whatever is published.
func (m *maker) reasons(n *compile.Node) (why []string, lasting bool) {
	record, recorded := m.snapshot.Nodes[n.ID]
	existing, exists := m.snapshot.Relations[n.Relation]
	lasting = !recorded || record.Relation != n.Relation || record.Fingerprint != n.Fingerprint
	switch {
	case !exists:
		why = append(why, "it does not exist yet")
	case !recorded || record.Relation != n.Relation:
		why = append(why, "it exists, but the engine has no record of building it")
	case record.Kind != existing.Kind:
		why = append(why, fmt.Sprintf("it is a %s now, not the %s that was built", existing.Kind, record.Kind))
	case record.Fingerprint == "":
		why = append(why, "its last build did not end")
	case record.Fingerprint != n.Fingerprint:
		what := "its SQL, a variable in it, or its configuration changed"
		switch {
		case record.Fingerprint != "" && compile.Content(record.Fingerprint) == compile.Content(n.Fingerprint):
			what = "how it is stored, or who may read it, changed"
		case n.ID.Kind == addr.Seed:
			what = "its file or configuration changed"
		}
		why = append(why, what)
	}
	own := n.Config.FullRefresh
	if m.selection.FullRefresh && (own == nil || *own) && (n.Config.Materialized == "incremental" || n.Config.Materialized == "materialized_view" || n.Config.Materialized == compile.Ancestry || n.ID.Kind == addr.Seed) {
		why = append(why, "a full refresh was asked for")
	} else if m.selection.Force {
		why = append(why, "a full build was asked for")
	}
	var rebuilt, newer, unknown []string
	for _, p := range m.inputs(n.ID) {
		switch {
		case m.rebuilt[p]:
			rebuilt = append(rebuilt, p.Name)
		case p.Kind == addr.Source:
			unknown = append(unknown, p.Name)
		case recorded && record.Inputs[p] != m.snapshot.Nodes[p].Version:
			newer = append(newer, p.Name)
		}
	}
	if len(rebuilt) > 0 {
		why = append(why, plural(rebuilt, "is", "are")+" rebuilt")
	}
	if len(newer) > 0 {
		why = append(why, plural(newer, "has", "have")+" changed since")
	}
	if len(unknown) > 0 {
		why = append(why, "the state of source "+strings.Join(unknown, ", ")+" is not known")
	}
	lasting = lasting || len(rebuilt)+len(newer)+len(unknown)+len(n.Volatile) > 0 || n.Opaque != ""
	if n.Opaque != "" {
		why = append(why, "what it reads is not known for sure: "+n.Opaque)
	}
	if len(n.Volatile) > 0 {
		why = append(why, "it calls "+strings.Join(n.Volatile, ", "))
	}
	return why, lasting
}

func plural(names []string, one, many string) string {
	if len(names) == 1 {
		return names[0] + " " + one
	}
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more %s", strings.Join(names[:2], ", "), len(names)-2, many)
	}
	return strings.Join(names, ", ") + " " + many
}

// gate is the node whose action a test belongs to: the last of its parents in
// topological order that is selected, or the last one at all. An ephemeral parent counts
// itself: it can be read only when all that it reads is published.
func (m *maker) gate(parents []addr.Node) addr.Node {
	var last, lastSelected addr.Node
	for _, p := range parents {
		candidates := []addr.Node{p}
		if !m.isEphemeral(p) {
			candidates = m.real(p)
		}
		for _, r := range candidates {
			if last.IsZero() || m.position[r] > m.position[last] {
				last = r
			}
			if m.selection.Nodes[r] && (lastSelected.IsZero() || m.position[r] > m.position[lastSelected]) {
				lastSelected = r
			}
		}
	}
	if !lastSelected.IsZero() {
		return lastSelected
	}
	return last
}

func (m *maker) isEphemeral(n addr.Node) bool {
	node := m.program.Nodes[n]
	return node != nil && node.Config.Materialized == "ephemeral"
}

// waits are the actions that must be over before a reads anything: those of the nodes it
// reads, and the tests of the ephemeral models in between.
func (m *maker) waits(n addr.Node) []addr.Node {
	var out []addr.Node
	for _, p := range m.program.Nodes[n].Parents {
		out = append(out, p)
		if m.isEphemeral(p) || p.Kind == addr.Source {
			out = append(out, m.waits(p)...)
		}
	}
	return out
}

// gateTests puts each selected data test that is due into the action of its gate.
func (m *maker) gateTests() {
	for _, t := range m.program.Tests {
		if !m.selection.Tests[t.ID] {
			continue
		}
		gate := m.gate(t.Parents)
		if gate.IsZero() {
			continue
		}
		reads := m.reads(t.Parents)
		if !m.due(t.ID, t.Fingerprint, reads) {
			m.plan.Kept[addr.Test]++
			if n := m.snapshot.Passed[t.ID].Failures; n > 0 {
				m.plan.Warnings = append(m.plan.Warnings, Warning{Test: t.ID, Failures: n})
			}
			continue
		}
		a := m.checkAction(gate)
		made, ds := datatest.Render(t, m.testInput(t, a))
		m.diags.Add(ds...)
		made.Parents = reads
		a.Tests = append(a.Tests, made)
		for _, p := range reads {
			if p != gate && m.position[p] < m.position[gate] {
				a.Deps = append(a.Deps, p)
			}
		}
	}
}

// testInput says what the test reads: the staged relation of its gate, published ones otherwise.
func (m *maker) testInput(t *compile.Test, a *Action) datatest.In {
	relation := func(n addr.Node) addr.Relation {
		if real := m.real(n); len(real) == 1 && real[0] == a.Node {
			return a.Staged
		}
		return m.program.Nodes[n].Relation
	}
	dialect := m.program.Target.Dialect
	read := func(n addr.Node) string {
		if node := m.program.Nodes[n]; node.Config.Materialized == "ephemeral" {
			return "(" + node.SQL + "\n)"
		}
		return dialect.Quote(relation(n))
	}
	in := datatest.In{Dialect: dialect, Read: read, Store: m.store(t)}
	switch {
	case t.Translated != nil:
		in.Bound, in.Map = compile.Bind(t.Translated.Rows, t.Translated.Map, read)
		in.Tally, _ = compile.Bind(t.Translated.Tally, nil, read)
	case t.SQL != "":
		in.Bound, in.Map = compile.Bind(t.SQL, t.Map, read)
	}
	return in
}

// reads are the nodes behind the parents of a test.
func (m *maker) reads(parents []addr.Node) []addr.Node {
	var out []addr.Node
	for _, p := range parents {
		out = append(out, m.real(p)...)
	}
	slices.SortFunc(out, addr.Node.Compare)
	return slices.Compact(out)
}

// due reports whether a test must run: something it reads is rebuilt or unknown, or it
// has not passed in this form on these versions.
func (m *maker) due(test addr.Node, fingerprint string, reads []addr.Node) bool {
	if m.selection.TestsOnly || m.selection.Force {
		return true
	}
	passed, ok := m.snapshot.Passed[test]
	if !ok || passed.Fingerprint != fingerprint {
		return true
	}
	for _, r := range reads {
		version := m.snapshot.Nodes[r].Version
		if r.Kind == addr.Source || m.rebuilt[r] || version == "" || passed.Inputs[r] != version {
			return true
		}
	}
	return false
}

// checkAction is the action of node n; a node that is not built gets one for its tests.
func (m *maker) checkAction(n addr.Node) *Action {
	if a := m.at[n]; a != nil {
		return a
	}
	node := m.program.Nodes[n]
	a := &Action{
		Node: n, Verb: Check, Materialized: node.Config.Materialized, Relation: node.Relation, Staged: node.Relation,
		Parents: m.inputs(n), Origin: m.origin(node, materialize.Out{}),
	}
	if m.selection.TestsOnly {
		a.Reasons = []string{"tests were asked for"}
	} else {
		a.Reasons = []string{"its tests have not passed on what it holds now"}
	}
	m.add(a)
	return a
}

// store is where failing rows of a test are kept.
func (m *maker) store(t *compile.Test) addr.Relation {
	if !t.Config.StoreFailures && !m.selection.StoreFailures {
		return addr.Relation{}
	}
	return addr.Relation{Database: m.program.Target.Database, Schema: m.program.Target.Schema + "_test_failures", Name: materialize.FitName(t.ID.Name, m.program.Target.Dialect.Caps())}
}

func (m *maker) gateUnitTests() {
	for _, t := range m.program.UnitTests {
		if !m.selection.Tests[t.ID] {
			continue
		}
		if passed, ok := m.snapshot.Passed[t.ID]; ok && passed.Fingerprint == t.Fingerprint && !m.selection.TestsOnly && !m.selection.Force {
			m.plan.Kept[addr.UnitTest]++
			continue
		}
		// A unit test needs no data: one of an ephemeral model rides with the node itself.
		a := m.checkAction(t.Node)
		names := make([]string, len(t.Columns))
		for i, c := range t.Columns {
			names[i] = c.Name
		}
		a.UnitTests = append(a.UnitTests, UnitTest{ID: t.ID, Actual: t.SQL, Expect: t.ExpectSQL, Columns: names, At: t.At, Map: t.Map, Where: where(t.At, ""), Fingerprint: t.Fingerprint})
	}
}

func where(at source.Span, path string) string {
	if at.IsZero() {
		return path
	}
	pos := at.Position()
	return fmt.Sprintf("%s:%d:%d", at.File.Path, pos.Line, pos.Column)
}

// finish orders the actions, reduces their dependencies to the plan, and lists the
// schemas they need.
func (m *maker) finish() {
	slices.SortStableFunc(m.plan.Actions, func(a, b *Action) int { return m.position[a.Node] - m.position[b.Node] })
	schemas := map[warehouse.CreateSchema]bool{}
	for _, a := range m.plan.Actions {
		a.Deps = append(a.Deps, m.waits(a.Node)...)
		if m.selection.TestsOnly {
			a.Deps = nil // nothing is built: one failing test keeps no other from running
		}
		slices.SortFunc(a.Deps, addr.Node.Compare)
		a.Deps = slices.DeleteFunc(slices.Compact(a.Deps), func(n addr.Node) bool { return m.at[n] == nil || n == a.Node })
		if a.Verb != Check {
			schemas[warehouse.CreateSchema{Database: a.Relation.Database, Schema: a.Relation.Schema}] = true
		}
		for _, t := range a.Tests {
			if !t.Store.IsZero() {
				schemas[warehouse.CreateSchema{Database: t.Store.Database, Schema: t.Store.Schema}] = true
			}
		}
	}
	m.plan.Versions = map[addr.Node]string{}
	for _, a := range m.plan.Actions {
		reads := slices.Concat(a.Parents, []addr.Node{a.Node})
		for _, t := range a.Tests {
			reads = append(reads, t.Parents...)
		}
		for _, n := range reads {
			if version := m.snapshot.Nodes[n].Version; version != "" && !m.rebuilt[n] {
				m.plan.Versions[n] = version
			}
		}
	}
	for s := range schemas {
		if !m.snapshot.Schemas[state.SchemaKey(addr.Relation{Database: s.Database, Schema: s.Schema})] {
			m.plan.Schemas = append(m.plan.Schemas, s)
		}
	}
	slices.SortFunc(m.plan.Schemas, func(a, b warehouse.CreateSchema) int {
		return strings.Compare(a.Database+"\x00"+a.Schema, b.Database+"\x00"+b.Schema)
	})
}

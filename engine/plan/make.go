package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/datatest"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/materialize"
	"github.com/engine-build/engine/engine/project"
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
	m := &maker{program: p, snapshot: s, selection: sel, built: map[addr.Node]bool{}, parts: map[addr.Node]addr.Node{}, holds: make(map[addr.Node]*holding, len(p.Order)), useful: map[addr.Node]bool{}, pinned: map[addr.Node]bool{}, position: map[addr.Node]int{}, effective: map[addr.Node][]addr.Node{}, at: map[addr.Node]*Action{}, gated: map[addr.Node]bool{}, definer: definer{program: p}}
	for i, n := range p.Order {
		m.position[n] = i
	}
	if len(sel.Deferred) > 0 {
		m.snapshot.Nodes = maps.Clone(s.Nodes)
		maps.Copy(m.snapshot.Nodes, sel.Deferred)
	}
	m.plan = &Plan{Format: Format, Project: p.Project.Settings.Name.V, Target: p.Target.Name, Database: p.Target.Database, Schema: p.Target.Schema, Kept: map[addr.Kind]int{}, OnRunStart: p.OnRunStart, OnRunEnd: p.OnRunEnd, LateEnd: p.LateEnd()}
	m.plan.Previous = KeptVersions(p, m.snapshot)
	if !sel.TestsOnly { // tests take no lease, so what is aside may be what a run works on
		m.plan.Orphans = orphans(p, s)
	}
	m.leftOvers()
	for _, t := range p.Tests {
		if m.asked(t) && !m.late(t) {
			m.gated[m.gate(t.Parents)] = true
		}
	}
	for _, id := range p.Order {
		n := p.Nodes[id]
		if n.Config.Materialized == "ephemeral" || n.ID.Kind == addr.Source && len(n.Parents) > 0 {
			continue // real has what stands for it
		}
		m.holds[id] = m.hold(n)
		if !sel.TestsOnly {
			m.consider(n)
		}
	}
	m.gateTests()
	m.rideAlong()
	m.gateUnitTests()
	m.finish()
	Date(m.plan.Actions, s)
	m.settle()
	m.limitTags()
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
	built     map[addr.Node]bool      // nodes that this plan builds
	parts     map[addr.Node]addr.Node // what a node holds a part of, for those that are not built; see partOf
	holds     map[addr.Node]*holding
	useful    map[addr.Node]bool // somebody could be spared if the node came out as it is
	pinned    map[addr.Node]bool // somebody was left out because of how the node will come out
	position  map[addr.Node]int
	effective map[addr.Node][]addr.Node
	at        map[addr.Node]*Action
	gated     map[addr.Node]bool // nodes that have a selected test to pass
	definer   definer
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
	parents := m.program.Nodes[n].Parents // sorted, each once
	if !slices.ContainsFunc(parents, m.stoodFor) {
		m.effective[n] = parents
		return parents
	}
	var out []addr.Node
	for _, p := range parents {
		out = append(out, m.real(p)...)
	}
	slices.SortFunc(out, addr.Node.Compare)
	out = slices.Compact(out)
	m.effective[n] = out
	return out
}

// stoodFor reports whether n is not what is read where it is named.
func (m *maker) stoodFor(n addr.Node) bool {
	node := m.program.Nodes[n]
	return node == nil || node.Config.Materialized == "ephemeral" || n.Kind == addr.Source && len(node.Parents) > 0
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
	causes, soft := m.reasons(n)
	if len(causes) == 0 || m.held(n) || m.spared(n) {
		m.plan.Kept[n.ID.Kind]++
		return
	}
	part := m.partlyHeld(n.ID)
	if !part.IsZero() && m.wholeHistory(n) {
		m.diags.Add(partRead(n, part))
		m.plan.Kept[n.ID.Kind]++
		return
	}
	caps := m.program.Target.Dialect.Caps()
	record, recorded := m.snapshot.Nodes[n.ID]
	known := ""
	if recorded && record.Relation == n.Relation && record.Kind == m.snapshot.Relations[n.Relation].Kind {
		known = record.Fingerprint
	}
	limited := compile.Limited(n.Fingerprint) || recorded && compile.Limited(record.Fingerprint)
	kept, keep, ds := keeping(m.program, m.snapshot, n)
	m.diags.Add(ds...)
	out, ds := materialize.Plan(materialize.In{
		Keep:   kept,
		Direct: !recorded && !m.gated[n.ID] && len(n.Config.PostHooks)+len(n.Config.LastHooks) == 0, // a post-hook may still refuse it
		Node:   n, Existing: m.snapshot.Relations[n.Relation], Caps: caps,
		Words: m.program.Target.Dialect.Words(), Dialect: m.program.Target.Dialect, FullRefresh: m.selection.FullRefresh, Recorded: known, Anew: limited,
		At: m.selection.At, Since: began(record), From: m.selection.EventStart, To: m.selection.EventEnd,
	})
	m.diags.Add(ds...)
	reasons := m.words(n, causes)
	if out.Reason != "" {
		reasons = append(reasons, out.Reason)
		causes = append(causes, Cause{Kind: CauseOther})
	}
	inputs := m.inputs(n.ID)
	for _, p := range inputs {
		_, placed := m.program.Place[p]
		if _, exists := m.snapshot.Relations[m.program.Nodes[p].Relation]; !exists && !placed && !m.built[p] && p.Kind != addr.Source {
			m.diags.Add(parentMissing(n, m.program.Nodes[p]))
		}
	}
	m.built[n.ID] = true
	a := &Action{
		Node: n.ID, Verb: Verb(out.Verb), Reasons: reasons, Causes: causes, Materialized: n.Config.Materialized, Kind: out.Kind,
		Relation: n.Relation, Staged: out.Tested, Millis: m.snapshot.Nodes[n.ID].Millis, Fingerprint: cmp.Or(out.Fingerprint, n.Fingerprint), Parents: inputs,
		Build: out.Build, Publish: out.Publish, Cleanup: out.Cleanup, InTx: out.InTx,
		Origin: m.origin(n, out), Limits: limits(n.Config), Revoke: recorded && record.Fingerprint != "", Last: last(record, recorded),
		Keep:   keep,
		Naming: m.naming(n), Reads: make(map[addr.Node]compile.Reading, len(inputs)),
	}
	if !part.IsZero() && !bound(a.Kind) {
		a.Fingerprint = compile.OfPart(a.Fingerprint)
	}
	for _, p := range inputs {
		a.Reads[p] = m.reading(n, p)
		if bound(a.Kind) {
			if a.At == nil {
				a.At = map[addr.Node]addr.Relation{}
			}
			a.At[p] = m.program.ReadAt(p)
		}
	}
	h := m.holds[n.ID]
	h.live, h.may, h.untouched = nil, soft, false
	h.next = a.Naming.Content("", m.digest)
	if soft {
		a.Unless = maps.Clone(record.Inputs)
	}
	m.add(a)
	if compile.Limited(n.Fingerprint) {
		a.DefinitionID = record.Definition // a part of the rows is no other definition
	} else {
		m.definer.define(a, n, record)
	}
}

// spared reports whether a build with --empty or --sample leaves a node as it is: what holds
// history, or rows that are added to, is not replaced by a part of it.
func (m *maker) spared(n *compile.Node) bool {
	if !compile.Limited(n.Fingerprint) || n.ID.Kind != addr.Snapshot && n.Config.Materialized != "incremental" {
		return false
	}
	if existing := m.snapshot.Relations[n.Relation]; existing.Kind == warehouse.None || compile.Limited(m.snapshot.Nodes[n.ID].Fingerprint) {
		return false
	}
	if n.ID.Kind == addr.Model && m.selection.FullRefresh && (n.Config.FullRefresh == nil || *n.Config.FullRefresh) {
		return false
	}
	m.diags.Add(limitedSpared(n))
	return true
}

// partlyHeld is a node that n reads, itself or through views, that holds only the rows of a build with
// --empty or --sample and is not built by this plan; zero if there is none. What is made of a
// part is no whole, whatever its own text says.
func (m *maker) partlyHeld(n addr.Node) addr.Node {
	if m.program.Limit != nil {
		return addr.Node{}
	}
	for _, p := range m.inputs(n) {
		if of := m.partOf(p); !of.IsZero() {
			return of
		}
	}
	return addr.Node{}
}

// partOf is partlyHeld of what reads p. It looks at each view once: what p reads has been
// considered before p.
func (m *maker) partOf(p addr.Node) addr.Node {
	if m.built[p] {
		return addr.Node{}
	}
	if of, known := m.parts[p]; known {
		return of
	}
	record := m.snapshot.Nodes[p]
	var of addr.Node
	switch {
	case compile.Limited(record.Fingerprint):
		of = p
	case bound(record.Kind):
		of = m.partlyHeld(p)
	}
	m.parts[p] = of
	return of
}

// wholeHistory reports whether n holds rows of earlier builds, all of them, and is added to.
func (m *maker) wholeHistory(n *compile.Node) bool {
	if n.ID.Kind != addr.Snapshot && n.Config.Materialized != "incremental" {
		return false
	}
	if existing := m.snapshot.Relations[n.Relation]; existing.Kind == warehouse.None || compile.Limited(m.snapshot.Nodes[n.ID].Fingerprint) {
		return false
	}
	return n.ID.Kind == addr.Snapshot || !m.selection.FullRefresh || n.Config.FullRefresh != nil && !*n.Config.FullRefresh
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

// waits are the actions that must be over before n reads anything: those of the nodes it
// reads, and the tests of the ephemeral models in between. What a view reads that is not
// built is read through it.
func (m *maker) waits(n addr.Node) []addr.Node {
	var out []addr.Node
	seen := map[addr.Node]bool{}
	var visit func(n addr.Node)
	visit = func(n addr.Node) {
		for _, p := range m.program.Nodes[n].Parents {
			if seen[p] {
				continue
			}
			seen[p] = true
			out = append(out, p)
			if m.through(p) {
				visit(p)
			}
		}
	}
	visit(n)
	return out
}

// through reports whether whoever reads n reads what is behind it.
func (m *maker) through(n addr.Node) bool {
	return m.isEphemeral(n) || n.Kind == addr.Source || !m.built[n] && bound(m.snapshot.Nodes[n].Kind)
}

// gateTests puts each selected data test that is due into the action of its gate.
func (m *maker) gateTests() {
	for _, t := range m.program.Tests {
		if !m.asked(t) {
			continue
		}
		gate := m.gate(t.Parents)
		if gate.IsZero() {
			continue
		}
		reads := m.reads(t.Parents)
		due, unless := m.due(t, reads)
		if !due {
			m.plan.Kept[addr.Test]++
			if n := m.snapshot.Passed[t.ID].Failures; n > 0 {
				m.plan.Warnings = append(m.plan.Warnings, Warning{Test: t.ID, Failures: n})
			}
			continue
		}
		why := "its tests have not passed on what it holds now"
		if passed, ok := m.snapshot.Passed[t.ID]; ok && passed.Fingerprint == m.testFingerprint(t) && m.testStale(t, passed) {
			why = "its test " + t.ID.Name + " calls " + strings.Join(t.Volatile, ", ")
		}
		a := m.checkAction(gate, why)
		made, ds := datatest.Render(t, m.testInput(t, a, m.late(t)))
		m.diags.Add(ds...)
		made.Parents, made.Late = reads, m.late(t)
		made.Fingerprint = m.testFingerprint(t)
		a.Tests = append(a.Tests, made)
		if a.Gates == nil {
			a.Gates = map[addr.Node]Gate{}
		}
		a.Gates[t.ID] = Gate{Reads: m.testReadings(t, reads), Unless: unless}
		for _, p := range reads {
			if !made.Late && p != gate && m.position[p] < m.position[gate] {
				a.Deps = append(a.Deps, p)
				if m.through(p) {
					a.Deps = append(a.Deps, m.waits(p)...)
				}
			}
		}
	}
}

// testInput says what the test reads: the staged relation of its gate unless it is late,
// published ones otherwise.
func (m *maker) testInput(t *compile.Test, a *Action, late bool) datatest.In {
	relation := func(n addr.Node) addr.Relation {
		if real := m.real(n); len(real) == 1 && real[0] == a.Node {
			if late {
				return a.Relation
			}
			return a.Staged
		}
		return m.program.ReadAt(n)
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

// due reports whether a test must run: it has not passed in this form on what it reads.
// With what unless says it has.
func (m *maker) due(t *compile.Test, reads []addr.Node) (due bool, unless map[addr.Node]string) {
	if m.selection.TestsOnly || m.selection.Force {
		return true, nil
	}
	passed, ok := m.snapshot.Passed[t.ID]
	if !ok || passed.Fingerprint != m.testFingerprint(t) || m.testStale(t, passed) {
		return true, nil
	}
	readings := m.testReadings(t, reads)
	v := m.compare(reads, func(n addr.Node) (string, compile.Reading, warehouse.Kind) {
		return passed.Inputs[n], readings[n], warehouse.Table
	}, false)
	if len(v.causes) == 0 {
		return false, nil
	}
	if v.soft && passed.Failures == 0 {
		unless = maps.Clone(passed.Inputs)
	}
	return true, unless
}

// testFingerprint is that of a test with the ephemeral models that its query contains.
func (m *maker) testFingerprint(t *compile.Test) string {
	out := t.Fingerprint
	for _, p := range t.Parents {
		if m.isEphemeral(p) {
			out = hashOf(out, p.Name, compile.Content(m.program.Nodes[p].Fingerprint))
		}
	}
	return out
}

// testReadings is what a test reads of each node.
func (m *maker) testReadings(t *compile.Test, reads []addr.Node) map[addr.Node]compile.Reading {
	known := t.Reads
	for n := range known {
		if real := m.real(n); len(real) != 1 || real[0] != n {
			known = m.realReads(known)
			break
		}
	}
	out := make(map[addr.Node]compile.Reading, len(reads))
	for _, n := range reads {
		r, ok := known[n]
		if !ok {
			r = compile.Reading{All: true}
		}
		out[n] = r
	}
	return out
}

// testStale reports whether a test that calls functions like current_date must run again
// because of that, as the policy of the node says that it is written at.
func (m *maker) testStale(t *compile.Test, passed state.TestRecord) bool {
	if len(t.Volatile) == 0 {
		return false
	}
	policy := project.VolatileRebuild
	if n := m.program.Nodes[t.Node]; n != nil {
		policy = n.Config.Volatile
	}
	switch policy {
	case project.VolatileIgnore:
		return false
	case project.VolatileDaily:
		return m.selection.At.IsZero() || passed.At.UTC().Format(time.DateOnly) != m.selection.At.UTC().Format(time.DateOnly)
	}
	return true
}

// checkAction is the action of node n; a node that is not built gets one for its tests, and
// why they run.
func (m *maker) checkAction(n addr.Node, why string) *Action {
	if a := m.at[n]; a != nil {
		if a.Verb == Check && !m.selection.TestsOnly && !slices.Contains(a.Reasons, why) {
			a.Reasons = append(a.Reasons, why)
		}
		return a
	}
	node := m.program.Nodes[n]
	a := &Action{
		Node: n, Verb: Check, Materialized: node.Config.Materialized, Relation: m.program.ReadAt(n), Staged: m.program.ReadAt(n),
		Parents: m.inputs(n), Origin: m.origin(node, materialize.Out{}),
	}
	if m.selection.TestsOnly {
		a.Reasons = []string{"tests were asked for"}
	} else {
		a.Reasons = []string{why}
	}
	m.add(a)
	return a
}

// store is where failing rows of a test are kept.
func (m *maker) store(t *compile.Test) addr.Relation {
	if t.Config.StoreNever || !t.Config.StoreFailures && !m.selection.StoreFailures {
		return addr.Relation{}
	}
	rel := m.program.Target.FailuresAt(t)
	rel.Name = materialize.FitName(rel.Name, m.program.Target.Dialect.Caps())
	return rel
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
		a := m.checkAction(t.Node, "its unit tests have not passed as they are now")
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
			if version := m.snapshot.Nodes[n].Version; version != "" && !m.built[n] {
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

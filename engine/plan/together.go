package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/datatest"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/materialize"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// Places are where the nodes of a plan are read by each other when it is published as a
// whole: each under the name that it has aside. Among them are views that the plan leaves
// alone, but through which something that it builds is read: those are made aside, too, so
// that their readers see what will be published and not what is.
func Places(pl *Plan, p *compile.Program, s state.Snapshot, sel Selection) (map[addr.Node]addr.Relation, diag.List) {
	t := &together{plan: pl, before: p, program: p, snapshot: s, selection: sel, place: map[addr.Node]addr.Relation{}, behind: map[addr.Node][]addr.Node{}}
	for _, a := range pl.Actions {
		if builds(a) {
			out, _ := materialize.Plan(t.in(p.Nodes[a.Node]))
			t.place[a.Node] = out.Tested
		}
	}
	if len(t.place) == 0 {
		return nil, nil
	}
	ds := t.through()
	for _, id := range p.Order {
		if real := t.real(id); id.Kind == addr.Source && len(real) == 1 && real[0] != id {
			if at, ok := t.place[real[0]]; ok {
				t.place[id] = at
			}
		}
	}
	return t.place, ds
}

// Together makes of a plan the one that publishes all of it in one step. aside is the same
// program as p with the nodes of Places in their places. What is built, why, and how its
// content is named stays as in pl; only where it is read and when it is published changes.
func Together(pl *Plan, p, aside *compile.Program, s state.Snapshot, sel Selection) (*Plan, diag.List) {
	t := &together{plan: pl, before: p, program: aside, snapshot: s, selection: sel, place: map[addr.Node]addr.Relation{}, behind: map[addr.Node][]addr.Node{}}
	for id, at := range aside.Place {
		if elsewhere, ok := p.Place[id]; !ok || elsewhere != at {
			t.place[id] = at // what a deferred build reads elsewhere is not aside
		}
	}
	out := *pl
	out.PublishRun, out.PublishBurst = true, !p.Target.Dialect.Caps().TransactionalDDL
	out.Actions = nil
	position := map[addr.Node]int{}
	for i, id := range p.Order {
		position[id] = i
	}
	done := map[addr.Node]bool{}
	for _, was := range pl.Actions {
		a := *was
		a.Reasons = slices.Clone(was.Reasons)
		switch {
		case builds(was):
			t.build(&a)
		case t.staged(a.Node):
			t.stage(&a)
		default:
			a.Deps = nil
		}
		t.tests(&a)
		out.Actions = append(out.Actions, &a)
		done[a.Node] = true
	}
	for _, id := range p.Order {
		if id.Kind != addr.Source && t.staged(id) && !done[id] {
			n := p.Nodes[id]
			a := &Action{
				Node: id, Verb: Check, Materialized: n.Config.Materialized, Relation: n.Relation, Parents: t.inputs(id),
				Reasons: []string{"it is read, and reads what is published together: it is made aside for that, and stays as it is"},
			}
			t.stage(a)
			out.Actions = append(out.Actions, a)
		}
	}
	slices.SortStableFunc(out.Actions, func(a, b *Action) int { return position[a.Node] - position[b.Node] })
	return &out, t.diags.Sorted()
}

// builds reports whether an action makes a relation.
func builds(a *Action) bool { return a.Verb != Check && a.Verb != Keep }

type together struct {
	plan      *Plan
	before    *compile.Program // reads published relations
	program   *compile.Program // reads what is aside
	snapshot  state.Snapshot
	selection Selection
	place     map[addr.Node]addr.Relation
	behind    map[addr.Node][]addr.Node
	diags     diag.List
}

// in is what the node is materialized from.
func (t *together) in(n *compile.Node) materialize.In {
	record, recorded := t.snapshot.Nodes[n.ID]
	known := ""
	if recorded && record.Relation == n.Relation && record.Kind == t.snapshot.Relations[n.Relation].Kind {
		known = record.Fingerprint
	}
	kept, _, _ := keeping(t.before, t.snapshot, t.before.Nodes[n.ID]) // Make has said what is not kept
	d := t.before.Target.Dialect
	return materialize.In{
		Node: n, Published: t.before.Nodes[n.ID], Existing: t.snapshot.Relations[n.Relation], Caps: d.Caps(), Words: d.Words(), Dialect: d,
		Recorded: known, FullRefresh: t.selection.FullRefresh, Aside: true, Keep: kept,
		At: t.selection.At, Since: began(record), From: t.selection.EventStart, To: t.selection.EventEnd,
		Anew: compile.Limited(n.Fingerprint) || recorded && compile.Limited(record.Fingerprint),
	}
}

// real and inputs are as of maker: the nodes that have the relations which are read.
func (t *together) real(n addr.Node) []addr.Node {
	node := t.before.Nodes[n]
	switch {
	case node == nil:
		return nil
	case node.Config.Materialized == "ephemeral", n.Kind == addr.Source && len(node.Parents) > 0:
		return t.inputs(n)
	}
	return []addr.Node{n}
}

func (t *together) inputs(n addr.Node) []addr.Node {
	if known, ok := t.behind[n]; ok {
		return known
	}
	var out []addr.Node
	for _, p := range t.before.Nodes[n].Parents {
		out = append(out, t.real(p)...)
	}
	slices.SortFunc(out, addr.Node.Compare)
	out = slices.Compact(out)
	t.behind[n] = out
	return out
}

// through adds the views that are read by what is built or tested, stay as they are, and
// read something that is built. A view that would be made from another text than the
// published one cannot stand for it.
func (t *together) through() diag.List {
	built := map[addr.Node]bool{}
	for n := range t.place {
		built[n] = true
	}
	var between []addr.Node
	passes := map[addr.Node]bool{}
	for _, id := range t.before.Order {
		n := t.before.Nodes[id]
		if built[id] || id.Kind != addr.Model || n.Config.Materialized == "ephemeral" || t.snapshot.Relations[n.Relation].Kind != warehouse.View {
			continue
		}
		if slices.ContainsFunc(t.inputs(id), func(p addr.Node) bool { return built[p] || passes[p] }) {
			passes[id] = true
			between = append(between, id)
		}
	}
	needed := map[addr.Node]addr.Node{} // by whom
	for _, a := range t.plan.Actions {
		if builds(a) {
			for _, p := range t.inputs(a.Node) {
				needed[p] = a.Node
			}
		}
		for _, test := range a.Tests {
			for _, p := range test.Parents {
				needed[p] = test.ID
			}
		}
	}
	var ds diag.List
	caps := t.before.Target.Dialect.Caps()
	for _, id := range slices.Backward(between) {
		by, ok := needed[id]
		if !ok {
			continue
		}
		n := t.before.Nodes[id]
		if record := t.snapshot.Nodes[id]; n.Config.Materialized != "view" || record.Relation != n.Relation || record.Fingerprint != n.Fingerprint {
			ds.Add(viewBetween(n, by))
			continue
		}
		t.place[id] = materialize.StagedName(n.Relation, caps)
		for _, p := range t.inputs(id) {
			if _, ok := needed[p]; !ok {
				needed[p] = id
			}
		}
	}
	return ds
}

func (t *together) staged(n addr.Node) bool { _, ok := t.place[n]; return ok }

// deps are the actions that must have built before n can be.
func (t *together) deps(n addr.Node) []addr.Node {
	var out []addr.Node
	for _, p := range t.inputs(n) {
		if t.staged(p) && p != n {
			out = append(out, p)
		}
	}
	return out
}

// build plans a node anew, aside.
func (t *together) build(a *Action) {
	before := t.before.Nodes[a.Node]
	n := *t.program.Nodes[a.Node]
	n.Fingerprint = before.Fingerprint
	n.Constraints = t.references(before)
	in := t.in(&n)
	out, ds := materialize.Plan(in)
	for _, d := range ds {
		if d.Severity == diag.Error {
			t.diags.Add(d) // Make has said the others
		}
	}
	full, update := before.Config.Hooks(false), before.Config.Hooks(true)
	for _, text := range slices.Concat(full.First, full.Pre, update.First, update.Pre) {
		if strings.Contains(text, t.before.Target.Dialect.Quote(before.Relation)) {
			t.diags.Add(hookOnItself(before))
			break
		}
	}
	a.Verb, a.Kind, a.Fingerprint, a.Staged = Verb(out.Verb), out.Kind, before.Fingerprint, out.Tested
	a.Build, a.Publish, a.Cleanup, a.InTx = out.Build, out.Publish, out.Cleanup, out.InTx
	// Others read what is aside whether it came out as it was or not, so nothing is left out.
	a.Revoke, a.Unless = false, nil
	a.Origin.SQL, a.Origin.Map = out.SQL, out.Map
	a.Deps = t.deps(a.Node)
	for _, op := range a.Build {
		if clone, ok := op.(warehouse.CloneTable); ok && clone.From == a.Relation {
			a.Reasons = append(a.Reasons, copied(in.Existing, in.Caps))
		}
	}
}

// references are the constraints of a node. Where a foreign key is bound to a table and not
// to a name, it is bound to the one aside, which gets the name.
func (t *together) references(n *compile.Node) []warehouse.Constraint {
	caps := t.before.Target.Dialect.Caps()
	if !caps.Constraints {
		return n.Constraints
	}
	out := slices.Clone(n.Constraints)
	updates := t.snapshot.Relations[n.Relation].Kind == warehouse.Table && (n.Config.Materialized == "incremental" || n.ID.Kind == addr.Snapshot)
	for i, c := range out {
		if c.Type != "foreign_key" {
			continue
		}
		for _, p := range t.inputs(n.ID) {
			if t.before.Nodes[p].Relation != c.To || !t.staged(p) {
				continue
			}
			_, there := t.snapshot.Relations[c.To]
			switch {
			case caps.TransactionalDDL && updates:
				t.diags.Add(keyOfCopy(n, p))
			case caps.TransactionalDDL:
				out[i].To = t.place[p]
			case !there:
				t.diags.Add(keyToNothing(n, p))
			}
		}
	}
	return out
}

// stage makes a view aside, for those that read it.
func (t *together) stage(a *Action) {
	n := t.program.Nodes[a.Node]
	at := t.place[a.Node]
	a.Staged, a.Build = at, Steps{warehouse.CreateViewAs{Target: at, Query: n.SQL}}
	a.Cleanup = Steps{warehouse.Drop{Relation: at, Kind: warehouse.View}}
	a.Origin.Path, a.Origin.SQL, a.Origin.Map = n.Path, n.SQL, n.Map
	if n.File != nil {
		a.Origin.At = n.File.Whole()
	}
	a.Deps = t.deps(a.Node)
}

// tests lets the tests of an action read what is aside. They are late: what reads the node
// need not wait for them, since nothing is published before they have passed.
func (t *together) tests(a *Action) {
	if len(a.Tests) == 0 {
		return
	}
	of := map[addr.Node]*compile.Test{}
	for _, test := range t.before.Tests {
		of[test.ID] = test
	}
	tests := slices.Clone(a.Tests)
	for i, was := range tests {
		test := of[was.ID]
		if test == nil {
			continue
		}
		made, ds := datatest.Render(test, t.testInput(test, was.Store))
		t.diags.Add(ds...)
		made.Parents, made.Fingerprint, made.Late = was.Parents, was.Fingerprint, true
		tests[i] = made
	}
	a.Tests = tests
}

func (t *together) testInput(test *compile.Test, store addr.Relation) datatest.In {
	dialect := t.before.Target.Dialect
	read := func(n addr.Node) string {
		if node := t.program.Nodes[n]; node.Config.Materialized == "ephemeral" {
			return "(" + node.SQL + "\n)"
		}
		return dialect.Quote(t.program.ReadAt(n))
	}
	in := datatest.In{Dialect: dialect, Read: read, Store: store}
	switch {
	case test.Translated != nil:
		in.Bound, in.Map = compile.Bind(test.Translated.Rows, test.Translated.Map, read)
		in.Tally, _ = compile.Bind(test.Translated.Tally, nil, read)
	case test.SQL != "":
		in.Bound, in.Map = compile.Bind(test.SQL, test.Map, read)
	}
	return in
}

// copied words what a copy costs.
func copied(r warehouse.Relation, caps warehouse.Caps) string {
	if caps.Clone {
		return "it is changed on a clone, which takes no room for rows that stay"
	}
	size := ""
	if r.Rows >= 0 {
		size = fmt.Sprintf(" of about %d rows", r.Rows)
	}
	if r.Bytes > 0 {
		size += ", " + warehouse.FormatSize(r.Bytes)
	}
	return "it is changed on a copy" + size
}

func viewBetween(n *compile.Node, by addr.Node) diag.Diagnostic {
	return diag.Diagnostic{
		Code: codeNotTogether, Model: n.ID, At: n.File.Whole(),
		Message: fmt.Sprintf("%q lies between what is built and %q, and its file is not what is published", n.ID.Name, by.Name),
		Notes:   []string{"with publish: run, readers of a view see through it what is built aside; this view would have to be made from a text that nobody has any more"},
		Help:    fmt.Sprintf("build it too: --select %s", n.ID.Name),
	}
}

func hookOnItself(n *compile.Node) diag.Diagnostic {
	return diag.Diagnostic{
		Code: codeNotTogether, Model: n.ID, At: at(n, "pre_hook"),
		Message: fmt.Sprintf("the pre_hook of %q names its own relation, which must not change before all is published", n.ID.Name),
		Help:    "write it as a post_hook, or publish node by node: --publish node",
	}
}

func keyOfCopy(n *compile.Node, to addr.Node) diag.Diagnostic {
	return diag.Diagnostic{
		Code: codeNotTogether, Model: n.ID, At: n.File.Whole(),
		Message: fmt.Sprintf("the foreign key of %q leads to %q, which is replaced in the same step, while %q is changed on a copy", n.ID.Name, to.Name, n.ID.Name),
		Help:    "build it with --full-refresh, or publish node by node: --publish node",
	}
}

func keyToNothing(n *compile.Node, to addr.Node) diag.Diagnostic {
	return diag.Diagnostic{
		Code: codeNotTogether, Model: n.ID, At: n.File.Whole(),
		Message: fmt.Sprintf("the foreign key of %q leads to %q, which does not exist before all is published", n.ID.Name, to.Name),
		Help:    fmt.Sprintf("build %s once with --publish node", to.Name),
	}
}

// Publishing warns of publications that have begun and have not ended: what is planned now
// is not what will be there when they are completed.
func Publishing(s state.Snapshot) diag.List {
	var ds diag.List
	for _, p := range s.Publishing {
		ds.Add(diag.Diagnostic{
			Severity: diag.Warning, Code: codePublishing,
			Message: fmt.Sprintf("run %s has begun to publish and has not ended", p.Run),
			Help:    "the next engine build completes that before anything else, and plans anew",
		})
	}
	return ds
}

package materialize

import (
	"slices"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

// Kind is one way to make a node real.
type Kind struct {
	Name  string
	Help  string
	check func(n *compile.Node, caps warehouse.Caps) diag.List
	plan  func(In) (Out, diag.List)
}

// Kinds lists every kind, in the order in which they are shown.
var Kinds = []Kind{view, table, incremental, ephemeral, materializedView, ancestry, seed, snapshot}

// Lookup finds a kind by its name in configuration.
func Lookup(name string) (Kind, bool) {
	i := slices.IndexFunc(Kinds, func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return Kind{}, false
	}
	return Kinds[i], true
}

// In is what a plan of one node depends on.
type In struct {
	Node *compile.Node
	// Existing is what stands under the node's name now, of Kind None if nothing does.
	Existing warehouse.Relation
	Caps     warehouse.Caps
	Words    warehouse.Words
	Dialect  warehouse.Dialect
	// Recorded is the node's Fingerprint when Existing was built, empty if nobody knows.
	Recorded string
	// FullRefresh asks incremental models and materialized views to start from nothing.
	FullRefresh bool
	// Anew: what stands there is only a part of what belongs there, or only a part is to be put
	// there, so that nothing is added to it. It is stronger than FullRefresh and configuration.
	Anew bool
	// Direct builds under the node's own name at once instead of aside. It is safe only where
	// nothing has that name, nobody has a record of it, and no test must pass first: making
	// a relation is atomic, so readers see all of it or nothing. Where indexes, constraints or
	// rights follow that may be refused, it is built aside all the same.
	Direct bool
	// Staged and Scratch are the names to build aside under; zero means StagedName and
	// ScratchName of the node's relation.
	Staged, Scratch addr.Relation
	// Aside forbids to change anything that exists before it is published: what would be
	// changed in place is changed on a copy.
	Aside bool
	// Published is the node as compiled against published relations, where Node reads some
	// that are built aside; nil where they are the same.
	Published *compile.Node
	// At is the time of the run, and Since that of the last one that built the node, zero if
	// nobody knows: batches between the two are due. From and To are the span of time that a
	// command asks for, zero for none.
	At, Since time.Time
	From, To  time.Time
	// Keep is where a table that is replaced stays; zero lets it go.
	Keep addr.Relation

	update bool // the plan is that of a change of the node's table: is_incremental() is true
}

// published is the node as readers will see it.
func (in In) published() *compile.Node {
	if in.Published != nil {
		return in.Published
	}
	return in.Node
}

// copies reports whether a table that is to be changed must stay as it is until then.
func (in In) copies() bool { return in.Aside || !in.Keep.IsZero() }

// kept is where the relation that is replaced stays. Only tables do.
func (in In) kept() addr.Relation {
	if in.Existing.Kind != warehouse.Table {
		return addr.Relation{}
	}
	return in.Keep
}

// Verb is what happens to a node. The words are plan's.
type Verb string

const (
	Create  Verb = "create"
	Replace Verb = "replace"
	Update  Verb = "update"
)

// Out is what shall happen to one node: Build, then the tests on Tested, then Publish.
// When a build or a test fails, Cleanup runs instead of Publish. With InTx all of it
// happens in one transaction, whose rollback is the clean-up.
type Out struct {
	Verb    Verb
	Build   []warehouse.Op
	Publish []warehouse.Op
	Cleanup []warehouse.Op
	// Tested is the relation that the node's tests read.
	Tested addr.Relation
	InTx   bool
	// Kind is what the node is in the warehouse afterwards; None for ephemeral models.
	Kind warehouse.Kind
	// Fingerprint is that of what is there afterwards, where it is not the node's.
	Fingerprint string
	// Reason says why something else than the usual happens, empty otherwise.
	Reason string
	// SQL is the text that Build sends, the user's own or one written around it, and Map
	// leads back from it. Both are empty for seeds.
	SQL string
	Map *source.Map
}

// Plan says what to do for one node. It is a pure function; the list holds what Check
// finds and mistakes that only show against what exists.
func Plan(in In) (Out, diag.List) {
	kind, ok := Lookup(kindName(in.Node))
	if !ok {
		return Out{}, diag.List{kindUnknown(in.Node)}
	}
	ds := Check(in.Node, in.Caps)
	if ds.HasErrors() {
		return Out{}, ds
	}
	if in.Direct && !in.Aside && !batched(in.Node) && (len(in.Node.Promised) == 0 || in.Node.Unanalyzed == "") && in.Existing.Kind == warehouse.None && in.Node.ID.Kind == addr.Model && atOnce(in, in.Node.Kind()) {
		in.Staged = in.Node.Relation
	}
	if in.Staged.IsZero() {
		in.Staged = StagedName(in.Node.Relation, in.Caps)
	}
	if in.Scratch.IsZero() {
		in.Scratch = ScratchName(in.Node.Relation, in.Caps)
	}
	out, more := kind.plan(in)
	out.Build = append(out.Build, contract(in.Node, out)...)
	return out, append(ds, more...)
}

// Check finds mistakes in the configuration of one node that need no warehouse to be seen.
func Check(n *compile.Node, caps warehouse.Caps) diag.List {
	kind, ok := Lookup(kindName(n))
	if !ok {
		return diag.List{kindUnknown(n)}
	}
	if kind.check == nil {
		return checkLayout(n)
	}
	return kind.check(n, caps)
}

// kindName is the kind in force: seeds and snapshots have only their own.
func kindName(n *compile.Node) string {
	switch n.ID.Kind {
	case addr.Seed, addr.Snapshot:
		return string(n.ID.Kind)
	}
	return n.Config.Materialized
}

// aside is the plan of everything that is built under another name and swapped in.
func aside(in In, kind warehouse.Kind, build ...warehouse.Op) Out {
	out := Out{
		Verb:    Replace,
		Tested:  in.Staged,
		Kind:    kind,
		Build:   before(in, build...),
		Cleanup: []warehouse.Op{warehouse.Drop{Relation: in.Staged, Kind: kind}},
	}
	if in.Existing.Kind == warehouse.None {
		out.Verb = Create
	}
	out.Build = append(out.Build, comments(in, in.Staged, kind)...)
	if in.Staged == in.Node.Relation {
		out.Publish, out.Cleanup = after(in, kind), nil
		return out
	}
	swap := warehouse.Swap{New: in.Staged, NewKind: kind, Target: in.Node.Relation, Old: in.Existing.Kind, Layout: layoutOf(in, kind), Keep: in.kept()}
	if kind == warehouse.Table {
		swap.Respread = respread(in)
	} else {
		swap.Query = in.published().SQL
	}
	publish := []warehouse.Op{swap}
	if kind == warehouse.View && in.Caps.TransactionalDDL && in.published().SQL != in.Node.SQL {
		// What was renamed reads relations under the names that they had aside, or is shown so.
		publish = append(publish, warehouse.CreateViewAs{Target: in.Node.Relation, Query: in.published().SQL, Replace: true, Layout: layoutOf(in, kind)})
		publish = append(publish, comments(in, in.Node.Relation, kind)...)
	}
	out.Publish = after(in, kind, publish...)
	return out
}

// before puts the pre-hooks in front; in the plan of a change those of one.
func before(in In, ops ...warehouse.Op) []warehouse.Op {
	h := in.Node.Config.Hooks(in.update)
	return slices.Concat(statements(h.First, true), statements(h.Pre, false), ops)
}

// after puts the rights and the post-hooks behind.
func after(in In, kind warehouse.Kind, ops ...warehouse.Op) []warehouse.Op {
	h := in.published().Config.Hooks(in.update)
	return slices.Concat(ops, access(in, kind), statements(h.Post, false), statements(h.Last, true))
}

func statements(texts []string, alone bool) []warehouse.Op {
	var ops []warehouse.Op
	for _, text := range texts {
		if strings.TrimSpace(text) != "" {
			ops = append(ops, warehouse.SQL{Text: text, Alone: alone})
		}
	}
	return ops
}

// comments describes a relation and its columns when persist_docs asks for it.
func comments(in In, rel addr.Relation, kind warehouse.Kind) []warehouse.Op {
	n := in.Node
	if !n.Config.PersistDocs {
		return nil
	}
	var ops []warehouse.Op
	if n.Description != "" && n.Config.PersistOnly != "columns" {
		ops = append(ops, warehouse.Comment{Relation: rel, Kind: kind, Text: n.Description})
	}
	columns := n.Columns
	if n.Config.PersistOnly == "relation" {
		return ops
	}
	if in.Caps.NestedComments {
		columns = slices.Concat(columns, n.Fields)
	}
	for _, c := range columns {
		if c.Description != "" {
			ops = append(ops, warehouse.Comment{Relation: rel, Kind: kind, Column: c.Name, Text: c.Description})
		}
	}
	return ops
}

package plan

import (
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/datatest"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

// Verb is what happens to a node.
type Verb string

const (
	Create  Verb = "create"  // nothing is there yet
	Replace Verb = "replace" // built aside and swapped in
	Update  Verb = "update"  // changed in place inside a transaction (incremental, snapshot)
	Check   Verb = "check"   // only its tests run
	Keep    Verb = "keep"    // unchanged
)

// Plan is what a run will do. Actions are in topological order. The same Program,
// Snapshot and Selection give the same bytes.
type Plan struct {
	Format  int    `json:"format"`
	Project string `json:"project"`
	Target  string `json:"target"`
	// Database and Schema are the target's: where the state is kept and whose it is.
	Database string                   `json:"database,omitempty"`
	Schema   string                   `json:"schema"`
	Schemas  []warehouse.CreateSchema `json:"schemas"`
	Orphans  []Orphan                 `json:"orphans,omitempty"` // staging objects of a broken run, to be removed first
	Actions  []*Action                `json:"actions"`
	// Kept counts the selected nodes that need nothing, by kind.
	Kept map[addr.Kind]int `json:"kept,omitempty"`
	// Warnings are tests of severity warn that need not run again and found something.
	Warnings []Warning `json:"warnings,omitempty"`
	// Versions are the versions of nodes that actions read and that this plan does not build.
	Versions map[addr.Node]string `json:"versions,omitempty"`
	// Needs names what statements use of the engine's own functions in the warehouse, sorted.
	Needs []string `json:"needs,omitempty"`
	// Cost is an estimate, nil if none was asked for.
	Cost       *Cost    `json:"cost,omitempty"`
	OnRunStart []string `json:"on_run_start,omitempty"`
	OnRunEnd   []string `json:"on_run_end,omitempty"`
}

// Warning is what a test of severity warn found when it last ran on what is still there.
type Warning struct {
	Test     addr.Node `json:"test"`
	Failures int64     `json:"failures"`
}

// Orphan is an engine-owned object left behind by a run that died.
type Orphan struct {
	Relation addr.Relation  `json:"relation"`
	Kind     warehouse.Kind `json:"kind"`
}

// Action is what happens to one node, in this order: Pre unit tests, Build, Tests,
// Publish. A failing unit test or a failing data test of severity error stops the action
// before Publish, and Cleanup runs. With InTx, Build, Tests and Publish share one transaction.
type Action struct {
	Node         addr.Node `json:"node"`
	Verb         Verb      `json:"verb"`
	Reasons      []string  `json:"reasons"`
	Materialized string    `json:"materialized"`
	// Kind is what the relation is once published.
	Kind     warehouse.Kind `json:"kind,omitempty"`
	Relation addr.Relation  `json:"relation"`
	// Staged is the relation that the tests read: built aside, or Relation itself.
	Staged addr.Relation `json:"staged"`
	// Deps are the nodes of this plan that must have been published before.
	Deps []addr.Node `json:"deps,omitempty"`
	// Parents are the nodes read, in this plan or not, for the state record.
	Parents     []addr.Node `json:"parents,omitempty"`
	Fingerprint string      `json:"fingerprint,omitempty"`
	// Millis is how long the node took when it was last built, 0 if unknown: the scheduler's guess.
	Millis int64 `json:"millis,omitempty"`
	// Last is what the node took when it was last built; nil if nothing is known.
	Last *Spent `json:"last,omitempty"`
	// Limits bound what its statements may take.
	Limits Limits `json:"limits,omitzero"`
	// Revoke: the record of the last build would look true again once the node is published,
	// because nothing but the user's wish, or a relation that somebody removed, makes it due.
	// Where the new record is not written together with the publication, the old one is
	// taken back before.
	Revoke    bool       `json:"revoke,omitempty"`
	UnitTests []UnitTest `json:"unit_tests,omitempty"`
	Build     Steps      `json:"build,omitempty"`
	Tests     []Test     `json:"tests,omitempty"`
	Publish   Steps      `json:"publish,omitempty"`
	Cleanup   Steps      `json:"cleanup,omitempty"`
	InTx      bool       `json:"in_tx,omitempty"`
	Origin    Origin     `json:"origin"`
}

// Limits bound the statements of one action. Each is for one statement, and zero leaves it
// to the connection. A warehouse that has no such limit ignores it.
type Limits struct {
	// MaxBytes is the most that a statement may be billed for, in bytes.
	MaxBytes int64         `json:"max_bytes,omitempty"`
	Timeout  time.Duration `json:"timeout,omitempty"` // in nanoseconds
	// Priority and Reservation are the warehouse's words.
	Priority    string            `json:"priority,omitempty"`
	Reservation string            `json:"reservation,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
}

// Spent is what the statements of an action took, its tests included. Bytes and Billed
// are -1 where the warehouse did not say.
type Spent struct {
	Bytes      int64 `json:"bytes"`  // read
	Billed     int64 `json:"billed"` // charged for
	SlotMillis int64 `json:"slot_millis,omitempty"`
}

// Steps are operations with a JSON form.
type Steps []warehouse.Op

// Origin leads errors of the warehouse back to the user's file.
type Origin struct {
	Path string      `json:"path"`
	At   source.Span `json:"-"`
	SQL  string      `json:"-"`
	Map  *source.Map `json:"-"` // absent after a JSON round trip: errors then show the compiled SQL
}

// Test is a data test of an action: a query that returns failing rows.
type Test = datatest.Query

// UnitTest compares the rows of two queries, order aside.
type UnitTest struct {
	ID          addr.Node   `json:"id"`
	Actual      string      `json:"actual"`
	Expect      string      `json:"expect"`
	Columns     []string    `json:"columns"`
	At          source.Span `json:"-"`
	Map         *source.Map `json:"-"`
	Where       string      `json:"where,omitempty"`
	Fingerprint string      `json:"fingerprint"`
}

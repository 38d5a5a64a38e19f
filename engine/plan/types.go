package plan

import (
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/datatest"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/state"
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
	// PublishRun: nothing is published until everything is built and tested, and then all of
	// it in one step. Actions read what others of the plan have built aside, all their tests
	// are late, and Publish waits for the end of the run.
	PublishRun bool `json:"publish_run,omitempty"`
	// PublishBurst: the warehouse cannot do it in one step, so that readers may see some of it
	// before the rest. A run that dies meanwhile is completed by the next one.
	PublishBurst bool `json:"publish_burst,omitempty"`
	// Previous are versions that are kept.
	Previous []Previous `json:"previous,omitempty"`
	// Kept counts the selected nodes that need nothing, by kind.
	Kept map[addr.Kind]int `json:"kept,omitempty"`
	// Warnings are tests of severity warn that need not run again and found something.
	Warnings []Warning `json:"warnings,omitempty"`
	// Versions are the versions of nodes that actions read and that this plan does not build.
	Versions map[addr.Node]string `json:"versions,omitempty"`
	// Contents is what nodes that are read or built hold before the run, as far as that is known, and
	// Live how the content of views follows from it that are read and not built.
	Contents map[addr.Node]state.Content `json:"contents,omitempty"`
	Live     map[addr.Node]*Naming       `json:"live,omitempty"`
	// Needs names what statements use of the engine's own functions in the warehouse, sorted.
	Needs []string `json:"needs,omitempty"`
	// Cost is an estimate, nil if none was asked for.
	Cost *Cost `json:"cost,omitempty"`
	// AtOnce is how many actions with a tag may run at once.
	AtOnce map[string]int `json:"at_once,omitempty"`
	// Review is what the plan changes for those who read the relations; nil if nobody looked.
	Review     *Review  `json:"review,omitempty"`
	OnRunStart []string `json:"on_run_start,omitempty"`
	OnRunEnd   []string `json:"on_run_end,omitempty"`
	// LateEnd: OnRunEnd depends on the results of the run, and is what it would be without any.
	LateEnd bool `json:"late_end,omitempty"`
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
	Causes       []Cause   `json:"causes,omitempty"` // the same for programs
	Materialized string    `json:"materialized"`
	// Kind is what the relation is once published.
	Kind     warehouse.Kind `json:"kind,omitempty"`
	Relation addr.Relation  `json:"relation"`
	// Staged is the relation that the tests read: built aside, or Relation itself.
	Staged addr.Relation `json:"staged"`
	// After is the time of the newest record about the node and its tests, zero without one.
	// New ones get later times, whatever the clock of the machine says: the last one counts.
	After time.Time `json:"after,omitzero"`
	// Deps are the nodes of this plan that must have been published before.
	Deps []addr.Node `json:"deps,omitempty"`
	// Parents are the nodes read, in this plan or not, for the state record, and Reads is what
	// is read of them. At says where, for a view: it names its inputs whenever it is read.
	Parents []addr.Node                   `json:"parents,omitempty"`
	Reads   map[addr.Node]compile.Reading `json:"reads,omitempty"`
	At      map[addr.Node]addr.Relation   `json:"at,omitempty"`
	// Unless: where all inputs have these names (see state.Record.Inputs) when the turn of the
	// action comes, nothing is to be done. It is empty where something is to be done in any case.
	Unless map[addr.Node]string `json:"unless,omitempty"`
	// Naming is how its content is named once it is built.
	Naming *Naming `json:"naming,omitempty"`
	// Compare says how to find out that the node holds what it held before, empty where
	// nobody would be spared by that.
	Compare Compare `json:"compare,omitempty"`
	// Checksum is that of what is there, empty where nobody has taken it.
	Checksum    string `json:"checksum,omitempty"`
	Fingerprint string `json:"fingerprint,omitempty"`
	// Millis is how long the node took when it was last built, 0 if unknown: the scheduler's guess.
	Millis int64 `json:"millis,omitempty"`
	// Last is what the node took when it was last built; nil if nothing is known.
	Last *Spent `json:"last,omitempty"`
	// Limits bound what its statements may take.
	Limits Limits `json:"limits,omitzero"`
	// Tags are those of the node's tags that Plan.AtOnce limits.
	Tags []string `json:"tags,omitempty"`
	// Revoke: there is a record of an earlier build. It would look true again after a crash if
	// what the node is built from became what it was. Where the new record is not written together
	// with the publication, the old one is taken back before.
	Revoke bool `json:"revoke,omitempty"`
	// Restore: the action puts a kept version back, with its record, and builds nothing.
	Restore *Restore `json:"restore,omitempty"`
	// Keep: what is replaced stays, under the name that the Swap in Publish has for it.
	Keep      *Keeping   `json:"keep,omitempty"`
	UnitTests []UnitTest `json:"unit_tests,omitempty"`
	Build     Steps      `json:"build,omitempty"`
	Tests     []Test     `json:"tests,omitempty"`
	// Gates say of each of Tests what it reads and when it need not run.
	Gates   map[addr.Node]Gate `json:"gates,omitempty"`
	Publish Steps              `json:"publish,omitempty"`
	Cleanup Steps              `json:"cleanup,omitempty"`
	InTx    bool               `json:"in_tx,omitempty"`
	Origin  Origin             `json:"origin"`
	// DefinitionID names what the node is built from, for its record. Definition is to be
	// recorded with it; nil where it was recorded before.
	DefinitionID string            `json:"definition_id,omitempty"`
	Definition   *state.Definition `json:"definition,omitempty"`
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

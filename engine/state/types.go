package state

import (
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// Snapshot is what a warehouse holds at one moment: the last record of each node and
// the relations that really exist.
type Snapshot struct {
	Nodes map[addr.Node]Record
	// Relations are the existing objects in every schema that the program uses, staging
	// leftovers included. Those of the program have columns.
	Relations map[addr.Relation]warehouse.Relation
	// Schemas of the program that hold anything, by SchemaKey.
	Schemas map[string]bool
	// Passed holds, per test, the fingerprint and the version of the node it last passed on.
	Passed map[addr.Node]TestRecord
}

// Record says how a node was last published.
type Record struct {
	Node         addr.Node
	Relation     addr.Relation
	Kind         warehouse.Kind
	Materialized string
	Fingerprint  string
	// Version changes whenever the content may have changed: the id of the run that built it.
	Version string
	// Inputs are the versions of the parents that were read.
	Inputs map[addr.Node]string
	Rows   int64
	At     time.Time
	Millis int64 // duration of the build, for scheduling
	// Bytes that the statements of the node and of its tests read, Billed what was charged
	// for, both -1 where that is not known, and SlotMillis the work that the warehouse did.
	Bytes      int64
	Billed     int64
	SlotMillis int64
}

// TestRecord says on what a test last passed.
type TestRecord struct {
	Test        addr.Node
	Fingerprint string
	// Inputs are the versions of all nodes the test read.
	Inputs map[addr.Node]string
	// Failures is what it found; more than none only with severity warn.
	Failures int64
	At       time.Time
}

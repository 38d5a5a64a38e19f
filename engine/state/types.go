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
	// Sources name what the sources hold: equal names, equal rows. Those of which that is not
	// known are absent, and Unversioned says why, in a few words («it is a view»).
	Sources     map[addr.Node]string
	Unversioned map[addr.Node]string
	// Kept are earlier versions that are kept, the newest first; KeptNames has the tables of
	// those of all projects. Holds are the last ones of nodes (see Hold.Holds).
	Kept      []Kept
	KeptNames map[addr.Relation]bool
	Holds     map[addr.Node]Hold
	// Publishing are publications that were begun and have not ended. PublishingNames has what
	// those of all projects still need.
	Publishing      []Publication
	PublishingNames map[addr.Relation]bool
}

// Content names what a relation holds: equal names, equal content. The names are hashes
// over what the content follows from, or the run that made it, where that is all that is known.
type Content struct {
	// Rows is for which rows there are, and for the values of columns that Columns lacks.
	Rows string `json:"rows"`
	// Columns are for the values, by lower-case name.
	Columns map[string]string `json:"columns,omitempty"`
	// Shape is for the names, types and order of the columns, for those who read whatever
	// columns there are. It is empty where Rows is for that, too.
	Shape string `json:"shape,omitempty"`
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
	// Content is what the relation holds since then.
	Content Content
	// Checksum is over all its rows, in the words of warehouse.Summer; empty where nobody
	// has asked.
	Checksum string
	// Tests is how many tests passed when it was built.
	Tests int64
	// Inputs name what was read of each parent (see Content.Of).
	Inputs map[addr.Node]string
	Rows   int64
	At     time.Time
	Millis int64 // duration of the build, for scheduling
	// Bytes that the statements of the node and of its tests read, Billed what was charged
	// for, both -1 where that is not known, and SlotMillis the work that the warehouse did.
	Bytes      int64
	Billed     int64
	SlotMillis int64
	// Definition is the ID of what it was built from (see ReadDefinitions), empty if that is not known.
	Definition string
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

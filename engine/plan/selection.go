package plan

import (
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/state"
)

// Selection is what the user asked for, already resolved to nodes.
type Selection struct {
	// Nodes are the selected seeds, models and snapshots.
	Nodes map[addr.Node]bool
	// Tests are the selected data tests and unit tests.
	Tests map[addr.Node]bool
	// TestsOnly: nodes are not built, only tests run, on the published relations.
	TestsOnly bool
	// FullRefresh rebuilds incremental models from nothing.
	FullRefresh bool
	// Force builds nodes although nothing changed.
	Force bool
	// Release are nodes that are built although a rollback holds them.
	Release map[addr.Node]bool
	// StoreFailures keeps failing rows of all tests, as if each asked for it.
	StoreFailures bool
	// AllowBreaking lets a build break what a contract promised its readers, protected columns
	// excepted.
	AllowBreaking bool
	// At is the time of the run, for nodes that are good for a day; zero: none is.
	At time.Time
	// EventStart and EventEnd bound the batches of time to build, beside those that are due;
	// zero: no bound.
	EventStart time.Time `json:",omitzero"`
	EventEnd   time.Time `json:",omitzero"`
	// Deferred are the records of nodes that are read from another target (see
	// compile.Program.Place): none of them is selected, and nothing is written there.
	Deferred map[addr.Node]state.Record
}

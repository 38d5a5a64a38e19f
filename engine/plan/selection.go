package plan

import "github.com/engine-build/engine/engine/addr"

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
	// StoreFailures keeps failing rows of all tests, as if each asked for it.
	StoreFailures bool
}

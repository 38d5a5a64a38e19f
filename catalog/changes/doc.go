// Package changes says how two builds of a catalog differ: nodes, columns, tests, settings, SQL
// and lineage that have come, gone, changed or been renamed.
//
// It compares values. It knows nothing of pages and files, and nothing of audiences: what an
// audience must not know is not in the values that are compared for it.
package changes

// Package plan decides what a run will do and why: Program × Snapshot × Selection → Plan.
// A Plan is plain data with a JSON round trip; the runner needs nothing else.
//
// It knows what exists, what is wanted and how they differ. It reads no clock and no
// network, and does not know how long anything takes.
package plan

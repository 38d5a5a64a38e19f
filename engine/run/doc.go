// Package run applies a Plan to a warehouse: a ready-heap of actions, N workers,
// build aside → test → publish for each, one root cause per failure, events as it goes.
//
// It knows order, workers and cancellation. It does not know why an action is in the
// plan, and never looks at the Program.
package run

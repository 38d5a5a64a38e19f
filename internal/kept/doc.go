// Package kept is a file of results that are cheap to lose: values by content hash, kept
// from one run to the next.
//
// The file is a header and records behind it, each with its own checksum. Reading stops at
// the first record that is not whole, so a process killed while writing costs what it
// wrote and nothing else. Two processes may use one file: each appends with single writes,
// and a rewrite replaces the file in one step.
//
// The room knows nothing of what the values mean.
package kept

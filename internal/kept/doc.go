// Package kept is a file of results that are cheap to lose: values by content hash, kept
// from one run to the next.
//
// The file is a header and records behind it, each with its own checksum. Reading stops at
// the first record that is not whole, so a process killed while writing costs what it
// wrote and nothing else. Two processes may use one file: each appends with single writes,
// and a rewrite replaces the file in one step. Programs of two versions may, too: each
// finds its own records or none.
//
// Size: a file is not let grow beyond 64 MB and four times what the run used that adds to
// it. Above that, what the run used stays and half of the rest goes, the oldest first. A file
// of more than 1 GB is not read at all.
//
// The room knows nothing of what the values mean.
package kept

// Package dag orders things that depend on each other: topological order, cycles
// and longest paths. Components come from dominikbraun/graph.
//
// It knows keys and edges. It knows no SQL, files or time.
package dag

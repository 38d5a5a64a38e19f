// Package dag orders things that depend on each other: topological order, cycles,
// ancestors, descendants and longest paths, over dominikbraun/graph.
//
// It knows keys and edges. It knows no SQL, files or time.
package dag

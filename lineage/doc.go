// Package lineage holds the graph of a project (what reads what, with the tests attached
// to it), the graph of its columns, the selection grammar that picks nodes, and the writers
// that draw both: JSON, DOT, Mermaid, SVG, and a tree for people.
//
// It knows a compiled Program. It opens no connection and knows nothing about state, plans
// or runs, nor how the lineage of one statement is found.
package lineage

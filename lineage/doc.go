// Package lineage holds the graph of a project (what reads what, with the tests attached
// to it), the selection grammar that picks nodes from it, and the writers that draw it:
// JSON, DOT, Mermaid and SVG.
//
// It knows a compiled Program. It opens no connection and knows nothing about state, plans
// or runs.
package lineage

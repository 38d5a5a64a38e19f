// Package ir is the resolved query tree: what GoogleSQL's analyzer says a
// statement means, as plain Go values.
//
// Names are resolved to columns with identities, functions to signatures,
// implicit casts are explicit, and every node knows its type and the bytes of
// SQL it came from. The tree holds no handle into the analyzer: it can be kept,
// compared, encoded and read from several goroutines. It is immutable once
// decoded; a pass that rewrites it builds new nodes.
//
// The shape follows Google's resolved AST (googlesql/resolved_ast), with the
// same names without the prefix, so that its documentation applies. A construct
// the tree has no node for is an Unsupported node that names it; passes refuse
// it by that name.
//
// The room knows neither templates nor warehouses; it does no I/O.
package ir

// Package transpile writes a resolved query tree as SQL of another dialect.
//
// It holds what all targets share: the options and the result, the refusal of a
// construct a target cannot express, and the writer that turns a tree of scans
// into few, readable SELECT statements. How a type, a literal, a function or an
// UNNEST reads is a target's own matter (see Dialect); targets live in the
// sub-folders.
//
// The room does no I/O, opens no warehouse, and knows neither templates nor
// projects. A construct is written exactly or refused, never guessed.
package transpile

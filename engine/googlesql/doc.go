// Package googlesql asks Google's own analyzer what a GoogleSQL statement
// means, and hands the answer out as an ir tree.
//
// A Session is one analyzer instance with a catalog: tables are declared with
// their columns, functions by their CREATE statements. Analyze resolves one
// statement against it and returns the tree, or the mistakes it found with
// their places in the text. A Pool shares several sessions among goroutines.
//
// The analyzer is C++ compiled to portable code (room raw); it is contained
// here: its memory is bounded, a crash of it is an error of one statement, and
// nothing of it escapes into the results. Its traps are handled here too (the
// default time zone, the folding of DATE to DATETIME, options emptied by the
// binding, catalogs that cannot be changed), each with a test.
//
// The room knows neither templates nor warehouses, and does no I/O.
package googlesql

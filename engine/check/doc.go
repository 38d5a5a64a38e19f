// Package check holds rules about a project that compiles: how things are named, which
// layer reads which, what is described, tested and used, and which of the suspicious
// places that package lint finds matter.
//
// A rule is a value: what it is called, what it asks for, its options, and a function
// over the compiled Program. engine.yml sets severities and options, comments in the files
// allow single places. Rules report; what they can correct they say as edits, and Fix
// turns edits into texts.
//
// The room knows the Program, names and words. It knows no warehouse and no command line,
// and does no I/O.
package check

// Package project reads a project folder: engine.yml, models, seeds, snapshots, tests,
// macros and the properties in YAML files, as written. Every item keeps its span.
//
// It knows file layout and the shape of the YAML. It resolves nothing: not refs, not
// variables inside templates, not configuration inheritance (that is compile's trade).
package project

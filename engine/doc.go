// Package engine is the pipeline's table of contents: Load, Compile, Open, Plan, Apply.
// Each step is a function of the values that the one before returned.
//
// It knows which room does what. It does not know flags, terminals or exit codes, and it
// imports no driver: drivers arrive as values.
package engine

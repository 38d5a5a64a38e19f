// Package sql reads SQL as text: it splits it into tokens, finds where statements end and
// where common table expressions can be put in, and brings it into a canonical form for
// fingerprints. It serves all dialects, so it knows nothing but how they write tokens: every
// question is one to a Lexis. The functions of the same names ask Standard.
//
// It knows SQL text and source maps. It does not know models, references or warehouses.
package sql

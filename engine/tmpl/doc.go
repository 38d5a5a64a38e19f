// Package tmpl turns template files into text: Go text/template with sprig (without its
// impure functions) and the engine's own functions. Calls of ref, source, config, var …
// are found in the parse tree, in all branches, with their spans; rendering records
// where every output byte comes from.
//
// It knows template syntax and the names of the functions. It does not know whether a
// reference resolves, nor any SQL.
package tmpl

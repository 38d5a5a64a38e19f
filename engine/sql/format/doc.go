// Package format lays SQL templates out: one style for every file, with comments and
// template actions as they were written.
//
// A file passes four steps. The lexer reads SQL and actions as one stream of tokens (lex.go)
// and judges whether white space may be changed at all (hazard.go); brackets and CASE make a
// tree of it (tree.go); the tree becomes a document of texts and places where a line may
// break (query.go, expression.go), which is printed within the length of a line (document.go).
// Whatever comes out is read again and compared with the original, token by token
// (verify.go): a difference is a mistake of this package and leaves the file as it was.
//
// It knows SQL text and where actions stand. It does not know what names mean, what an
// action says when it runs, which files there are, nor how they are written.
package format

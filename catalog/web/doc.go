// Package web holds what the catalog's pages are dressed and moved by: one style sheet and
// three scripts, written in TypeScript and CSS in src and css, bundled into dist by package
// bundle's program, and embedded.
//
// It knows nothing of Go's side of the catalog. Pages are complete without it.
package web

// Package docs keeps the pages of docs/ true: tables are generated from the program's own
// tables, keys are compared with what the loader accepts, marked examples are compiled,
// links are followed. It holds tests only, and knows everything that is documented.
package docs

// Package readme holds the test that does what README.md tells a reader to do, word by
// word, in a copy of the repository. It has no code of its own.
package readme

// Command recording makes the animated picture of a terminal that README.md shows: it types
// commands, runs them in a pseudo-terminal on a copy of this repository's own project, and draws
// what a terminal shows, as it changes.
//
//	go run ./internal/recording bin/engine docs/images/build.svg
package main

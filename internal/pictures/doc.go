// Command pictures takes the pictures of the catalog that README.md shows, in a real browser, from
// the site of this repository's own project.
//
//	go run ./internal/pictures target/catalog docs/images
package main

// Package browse looks at sites in a real browser, for tests: it opens them from files and from a
// server, presses keys, judges what is on the screen, and complains of whatever a quiet page does
// not do (words in the console, requests that fail, any request to elsewhere).
//
// It knows nothing of what a catalog says: tests of packages that make pages, and the bench of the
// catalog, bring that.
package browse

package article

import "github.com/engine-build/engine/catalog/content"

// Links tell where pages are, relative to the root of the site. An empty answer says that there
// is no page; a nil function says so of all. They must not change while articles are written.
type Links struct {
	// Node is the page of a node, Column the id of a column's row on it.
	Node   func(n int) string
	Column func(n, c int) string
	// Test is where a test stands, with an anchor unless HasPage; TestID is that anchor.
	Test   func(t int) string
	TestID func(t int) string
	Macro  func(m int) string
	// Folder, Tag, Owner, Group and Tier are lists.
	Folder, Tag, Owner, Group, Tier func(name string) string
	Customer, Term                  func(i int) string
	// Explore opens the explorer around a node. With «&col=» and the name of a column behind it,
	// percent-escaped, it opens on the way of that column.
	Explore func(n int) string
}

// HasPage says whether a test has a page of its own: unit tests, and tests that are a query of
// their own. All others stand on the pages of the nodes they read.
func HasPage(t *content.Test) bool { return t.Kind == "unit" || t.Kind == "singular" }

// Package changelog writes what has changed since an earlier build, as HTML: the page of all
// changes, and the part about one node that stands on the node's own page.
//
// It knows the changes and where pages are. It reads nothing else, so what an audience must not
// know is not here either.
package changelog

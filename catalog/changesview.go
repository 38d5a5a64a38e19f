package catalog

import (
	"slices"

	"github.com/engine-build/engine/catalog/article"
	"github.com/engine-build/engine/catalog/changelog"
	"github.com/engine-build/engine/catalog/markup"
)

// tellChanges adds the page of what has changed since an earlier build, and its part on the pages
// of nodes.
func (b *book) tellChanges(links article.Links) {
	if b.o.Changes == nil {
		return
	}
	log := changelog.New(b.o.Changes, links)
	b.article.Changes = log.Node
	b.o.Pages = append(slices.Clone(b.o.Pages), Page{
		Path: "changes.html", Title: "Changes", Section: "Changes",
		Body: func(string) []byte {
			var w markup.Writer
			log.Page(&w)
			return w.Bytes()
		},
	})
}

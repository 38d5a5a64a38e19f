package catalog

import (
	"slices"

	"github.com/engine-build/engine/catalog/article"
	"github.com/engine-build/engine/catalog/changelog"
	"github.com/engine-build/engine/catalog/changes"
	"github.com/engine-build/engine/catalog/markup"
)

// changesPage is the page of what has changed, changesStyle the style sheet of what tells of it.
const changesPage, changesStyle = "changes.html", "changes.css"

// changesSheet is the style sheet that the page of a node needs if it has changed; empty: none.
func (b *book) changesSheet(node int) string {
	if b.o.Changes == nil {
		return ""
	}
	if c := b.o.Changes.Of(node); c == nil || c.Sort == changes.Same {
		return ""
	}
	return changesStyle
}

// tellChanges adds the page of what has changed since an earlier build, and its part on the pages
// of nodes.
func (b *book) tellChanges(links article.Links) {
	if b.o.Changes == nil {
		return
	}
	log := changelog.New(b.o.Changes, links)
	b.article.Changes = log.Node
	b.o.Pages = append(slices.Clone(b.o.Pages), Page{
		Path: changesPage, Title: "Changes", Section: "Changes",
		Body: func(string) []byte {
			var w markup.Writer
			log.Page(&w)
			return w.Bytes()
		},
	})
}

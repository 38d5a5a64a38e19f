package catalog

import (
	"github.com/engine-build/engine/catalog/graph"
	"github.com/engine-build/engine/catalog/search"
)

// dataJobs are the files that scripts read: the index of the search, and the graph.
func (b *book) dataJobs() []job {
	l := b.links()
	var out []job
	for _, f := range search.Files(b.c, search.Links{
		Node: l.Node, Column: l.Column, Test: l.Test, Macro: l.Macro, Customer: l.Customer, Term: l.Term,
		Folder: l.Folder, Tag: l.Tag, Owner: l.Owner, Group: l.Group, Tier: l.Tier, Columns: b.columnEntry,
	}) {
		out = append(out, job{path: f.Path, body: f.Body})
	}
	for _, f := range graph.Files(b.c, graph.Links{Page: l.Node, Anchor: l.Column}) {
		out = append(out, job{path: f.Path, body: f.Body})
	}
	return out
}

package catalog

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/catalog/article"
	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/graph"
	"github.com/engine-build/engine/catalog/prose"
	"github.com/engine-build/engine/catalog/words"
	"github.com/engine-build/engine/engine/addr"
)

func itoa(n int) string { return strconv.Itoa(n) }

func compare(x, y string) int { return cmp.Compare(x, y) }

// book is what pages look things up in. It does not change once made, so that pages can
// be rendered at the same time.
type book struct {
	c     *content.Catalog
	o     Options
	title string
	frame *frame
	prose *prose.Prose
	// article writes the pages of nodes, tests and macros.
	article *article.Book

	paths   []string   // of nodes
	anchors [][]string // of columns, by node
	tests   []string   // where a test is shown, by test; empty: nowhere
	macros  []string   // pages of macros
	tallies []words.Tally
	tally   words.Tally // of all tests
	// area is the row of the map a node stands in, see areas.
	areas    *areas
	folders  *folder
	byFolder map[string]*folder

	tiers, tags, owners, groups []facet
	// initials are the distinct names of columns by their first letter.
	initials []initial
	lists    []list
}

// folder is a directory of the project, or a group that stands for one.
type folder struct {
	path, name string
	subs       []*folder
	nodes      []int // directly in it, by name
	total      int   // nodes in it and below
	tally      words.Tally
}

// facet is something that nodes have in common, with a page of its own.
type facet struct {
	name, path string
	nodes      []int // in the order of their names
}

func newBook(c *content.Catalog, o Options) *book {
	b := &book{
		c: c, o: o, title: cmp.Or(c.Title, c.Project, "Catalog"), byFolder: map[string]*folder{},
		paths: make([]string, len(c.Nodes)), anchors: make([][]string, len(c.Nodes)),
		tests: make([]string, len(c.Tests)), tallies: make([]words.Tally, len(c.Nodes)),
	}
	for i, n := range c.Nodes {
		b.paths[i] = nodePath(n)
		b.anchors[i] = columnAnchors(n)
		for _, t := range n.Tests {
			b.tallies[i].Add(c.Tests[t].Status)
		}
	}
	for i, t := range c.Tests {
		b.tally.Add(t.Status)
		b.tests[i] = b.testPath(t)
	}
	names := map[string]int{}
	for _, m := range c.Macros {
		b.macros = append(b.macros, another(macroPath(m.Name), names))
	}
	b.readFolders()
	b.readFacets()
	b.readColumns()
	b.areas = newAreas(c)
	b.lists = b.makeLists()
	links := b.links()
	b.prose = prose.New(c, prose.Links{Node: links.Node, Column: links.Column, Term: links.Term})
	b.article = article.New(c, links)
	b.tellChanges(links)
	b.frame = newFrame(b)
	return b
}

// another is a path that no earlier thing of the same name has taken: packages may have
// macros of one name.
func another(path string, taken map[string]int) string {
	taken[path]++
	if n := taken[path]; n > 1 {
		return strings.TrimSuffix(path, ".html") + "~" + itoa(n) + ".html"
	}
	return path
}

// page1 is the page of a node, as other rooms ask for it.
func (b *book) page1(n int) string { return b.paths[n] }

func (b *book) termLink(i int) string { return "glossary.html#" + termAnchor(b.c.Terms[i]) }

// testPath is where a test is shown: its own page, its place on the page of its node, or
// nowhere.
func (b *book) testPath(t *content.Test) string {
	switch {
	case article.HasPage(t):
		return string(t.ID.Kind) + "/" + slug(t.ID.Name) + ".html"
	case t.Of >= 0:
		return b.paths[t.Of] + "#" + testAnchor(t)
	case len(t.Reads) > 0:
		return b.paths[t.Reads[0]] + "#" + testAnchor(t)
	}
	return ""
}

func (b *book) links() article.Links {
	known := func(list []facet, path func(string) string) func(string) string {
		have := make(map[string]bool, len(list))
		for _, f := range list {
			have[f.name] = true
		}
		return func(name string) string {
			if !have[name] {
				return ""
			}
			return path(name)
		}
	}
	return article.Links{
		Node:   b.page1,
		Column: func(n, c int) string { return b.anchors[n][c] },
		Test:   func(t int) string { return b.tests[t] },
		TestID: func(t int) string { return testAnchor(b.c.Tests[t]) },
		Macro:  func(m int) string { return b.macros[m] },
		Folder: func(p string) string {
			if b.byFolder[p] == nil || p == "" {
				return ""
			}
			return folderPath(p)
		},
		Tag: known(b.tags, tagPath), Owner: known(b.owners, ownerPath), Group: known(b.groups, groupPath), Tier: known(b.tiers, tierPath),
		Customer: func(i int) string { return customerPath(b.c.Customers[i].Name) },
		Term:     b.termLink,
		Explore:  func(n int) string { return "lineage.html#" + graph.Fragment(b.c, n) },
	}
}

// escapeFragment keeps a value apart from the others of a fragment.
func escapeFragment(s string) string {
	const hex = "0123456789ABCDEF"
	var out strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
			out.WriteByte(c)
			continue
		}
		out.WriteByte('%')
		out.WriteByte(hex[c>>4])
		out.WriteByte(hex[c&15])
	}
	return out.String()
}

func (b *book) readFolders() {
	b.folders = &folder{}
	b.byFolder[""] = b.folders
	for i, n := range b.c.Nodes {
		f := b.folder(n.Folder)
		f.nodes = append(f.nodes, i)
	}
	b.finish(b.folders)
}

func (b *book) folder(p string) *folder {
	if f := b.byFolder[p]; f != nil {
		return f
	}
	parent := ""
	if i := strings.LastIndexByte(p, '/'); i >= 0 {
		parent = p[:i]
	}
	f := &folder{path: p, name: path.Base(p)}
	b.byFolder[p] = f
	up := b.folder(parent)
	up.subs = append(up.subs, f)
	return f
}

// folderRank orders top-level folders: what readers look for comes first.
func folderRank(name string) int {
	switch name {
	case "models":
		return 1
	case "snapshots":
		return 2
	case "seeds":
		return 6
	case "sources":
		return 7
	case "exposures":
		return 8
	}
	return 5
}

func (b *book) finish(f *folder) {
	slices.SortFunc(f.subs, func(x, y *folder) int {
		if f.path == "" {
			if d := folderRank(x.name) - folderRank(y.name); d != 0 {
				return d
			}
		}
		return cmp.Compare(x.path, y.path)
	})
	b.byName(f.nodes)
	f.total = len(f.nodes)
	for _, n := range f.nodes {
		f.tally.Merge(b.tallies[n])
	}
	for _, s := range f.subs {
		b.finish(s)
		f.total += s.total
		f.tally.Merge(s.tally)
	}
}

// byName sorts numbers of nodes as readers expect lists.
func (b *book) byName(nodes []int) {
	slices.SortFunc(nodes, func(x, y int) int {
		m, n := b.c.Nodes[x], b.c.Nodes[y]
		return cmp.Or(cmp.Compare(m.ID.Name, n.ID.Name), m.ID.Compare(n.ID))
	})
}

// all lists the nodes in a folder and below.
func (f *folder) all() []int {
	out := slices.Clone(f.nodes)
	for _, s := range f.subs {
		out = append(out, s.all()...)
	}
	return out
}

// readFacets sorts nodes by what they have in common.
func (b *book) readFacets() {
	collect := func(of func(n *content.Node) []string, path func(string) string) []facet {
		at := map[string]int{}
		var out []facet
		for i, n := range b.c.Nodes {
			for _, name := range of(n) {
				if name == "" {
					continue
				}
				k, ok := at[name]
				if !ok {
					k = len(out)
					at[name] = k
					out = append(out, facet{name: name, path: path(name)})
				}
				if f := &out[k]; len(f.nodes) == 0 || f.nodes[len(f.nodes)-1] != i {
					f.nodes = append(f.nodes, i)
				}
			}
		}
		slices.SortFunc(out, func(x, y facet) int { return cmp.Compare(x.name, y.name) })
		for _, f := range out {
			b.byName(f.nodes)
		}
		return out
	}
	one := func(s string) []string { return []string{s} }
	b.tiers = collect(func(n *content.Node) []string { return one(n.Tier) }, tierPath)
	b.tags = collect(func(n *content.Node) []string { return n.Tags }, tagPath)
	b.owners = collect(func(n *content.Node) []string { return one(ownerOf(n)) }, ownerPath)
	b.groups = collect(func(n *content.Node) []string { return one(n.Group) }, groupPath)
	for _, g := range b.c.Groups {
		if !slices.ContainsFunc(b.groups, func(f facet) bool { return f.name == g.Name }) {
			b.groups = append(b.groups, facet{name: g.Name, path: groupPath(g.Name)})
		}
	}
	slices.SortFunc(b.groups, func(x, y facet) int { return cmp.Compare(x.name, y.name) })
}

// ownerOf is the person or team behind a node.
func ownerOf(n *content.Node) string {
	if n.Owner == "" && n.Exposure != nil {
		return cmp.Or(n.Exposure.OwnerName, n.Exposure.Email)
	}
	return n.Owner
}

// kindRank orders kinds as lists show them.
func kindRank(k addr.Kind) int {
	return slices.Index([]addr.Kind{addr.Model, addr.Snapshot, addr.Seed, addr.Source, addr.Exposure}, k)
}

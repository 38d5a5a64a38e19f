package article

import (
	"math/bits"
	"slices"
	"strings"
	"sync"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/markup"
	"github.com/engine-build/engine/catalog/prose"
	"github.com/engine-build/engine/catalog/words"
)

// base is the way from an article to the root of the site: all stand in a folder of their kind.
const base = "../"

// Book writes the articles of one catalog. Once made it does not change, and is safe for
// concurrent use with one writer for each goroutine.
type Book struct {
	// Changes writes the section about what changed in a node since an earlier build; nil: none.
	// It is set before the first article is written.
	Changes func(w *markup.Writer, n int)

	c     *content.Catalog
	links Links
	prose *prose.Prose
	// up and down count all that a node depends on and all that depends on it.
	up, down []int32
	versions map[string][]int
	flow     flow
	stamps   sync.Pool
}

// New prepares the articles of a catalog.
func New(c *content.Catalog, l Links) *Book {
	l = l.filled()
	b := &Book{c: c, links: l, versions: map[string][]int{}}
	b.prose = prose.New(c, prose.Links{Node: l.Node, Column: l.Column, Term: l.Term})
	b.up = reach(len(c.Nodes), func(n int) []int { return c.Nodes[n].Parents }, false)
	b.down = reach(len(c.Nodes), func(n int) []int { return c.Nodes[n].Children }, true)
	for i, n := range c.Nodes {
		if n.Version != nil {
			b.versions[n.Version.Model] = append(b.versions[n.Version.Model], i)
		}
	}
	b.flow = readFlow(c)
	b.stamps.New = func() any { return &stamps{seen: make([]uint32, len(c.Nodes))} }
	return b
}

// Prose renders descriptions with the links of these articles.
func (b *Book) Prose() *prose.Prose { return b.prose }

// Upstream and Downstream count all nodes that a node depends on, and that depend on it, at
// any distance.
func (b *Book) Upstream(n int) int   { return int(b.up[n]) }
func (b *Book) Downstream(n int) int { return int(b.down[n]) }

// filled puts a function that knows nothing in the place of each that is missing.
func (l Links) filled() Links {
	for _, f := range []*func(int) string{&l.Node, &l.Test, &l.TestID, &l.Macro, &l.Customer, &l.Term, &l.Explore} {
		if *f == nil {
			*f = func(int) string { return "" }
		}
	}
	for _, f := range []*func(string) string{&l.Folder, &l.Tag, &l.Owner, &l.Group, &l.Tier} {
		if *f == nil {
			*f = func(string) string { return "" }
		}
	}
	if l.Column == nil {
		l.Column = func(int, int) string { return "" }
	}
	return l
}

// block is how many nodes reach looks for at once.
const block = 4096

// reach counts, for every node, those that can be reached over next. Nodes are in topological
// order, so one sweep is enough for each block of targets: next leads to smaller numbers, or to
// larger ones if backwards is set.
func reach(n int, next func(int) []int, backwards bool) []int32 {
	out := make([]int32, n)
	width := (min(n, block) + 63) / 64
	sets := make([]uint64, n*width)
	for from := 0; from < n; from += block {
		clear(sets)
		for k := range n {
			i := k
			if backwards {
				i = n - 1 - k
			}
			mine := sets[i*width : (i+1)*width]
			for _, j := range next(i) {
				for x, word := range sets[j*width : (j+1)*width] {
					mine[x] |= word
				}
				if at := j - from; at >= 0 && at < block {
					mine[at/64] |= 1 << (at % 64)
				}
			}
			for _, word := range mine {
				out[i] += int32(bits.OnesCount64(word))
			}
		}
	}
	return out
}

// stamps remember what a walk has seen, without being cleared between walks.
type stamps struct {
	seen []uint32
	walk uint32
}

func (s *stamps) begin() {
	if s.walk++; s.walk == 0 {
		clear(s.seen)
		s.walk = 1
	}
}

// see reports whether a node is new.
func (s *stamps) see(n int) bool {
	if s.seen[n] == s.walk {
		return false
	}
	s.seen[n] = s.walk
	return true
}

// hops are the neighbours of a node by distance, up to three steps away.
func (b *Book) hops(n int, next func(*content.Node) []int) [3][]int {
	var out [3][]int
	s := b.stamps.Get().(*stamps)
	defer b.stamps.Put(s)
	s.begin()
	s.see(n)
	ring := []int{n}
	for h := range out {
		for _, i := range ring {
			for _, j := range next(b.c.Nodes[i]) {
				if s.see(j) {
					out[h] = append(out[h], j)
				}
			}
		}
		ring = out[h]
	}
	return out
}

// important keeps the most nodes that others depend on, in the order of their names.
func (b *Book) important(list []int, most int) []int {
	list = slices.Clone(list)
	if len(list) > most {
		slices.SortStableFunc(list, func(x, y int) int { return int(b.down[y] - b.down[x]) })
		list = list[:most]
	}
	b.byName(list)
	return list
}

func (b *Book) byName(list []int) {
	slices.SortStableFunc(list, func(x, y int) int { return compare(b.name(x), b.name(y)) })
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// name is how readers know a node.
func (b *Book) name(n int) string { return b.c.Nodes[n].ID.Name }

// open reports whether the reader works on the project, and may be told of files and commands.
func (b *Book) open() bool { return b.c.Audience == "" && b.c.Customer == "" }

// tally counts the tests that read a node.
func (b *Book) tally(n int) words.Tally {
	var t words.Tally
	for _, i := range b.c.Nodes[n].Tests {
		t.Add(b.c.Tests[i].Status)
	}
	return t
}

// to is an address as the page writes it: short for pages beside it.
func (p *page) to(path string) string {
	if path == "" {
		return ""
	}
	if p.dir != "" && strings.HasPrefix(path, p.dir) {
		return path[len(p.dir):]
	}
	return base + path
}

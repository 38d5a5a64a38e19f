package audience

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/engine/addr"
)

// Facet is one sort of facts that an audience may be shown. Names, titles, descriptions,
// columns with their types, and lineage among what is shown are always there.
type Facet string

// Facets.
const (
	SQL       Facet = "sql"       // templates, queries, macros, expressions of columns
	Paths     Facet = "paths"     // folders, files and lines
	Owners    Facet = "owners"    // owners, groups and their addresses
	Relations Facet = "relations" // names in the warehouse, addresses of exposures
	Settings  Facet = "settings"  // materialization and all other configuration
	Tags      Facet = "tags"
	Meta      Facet = "meta"
	Tests     Facet = "tests"   // what is tested
	Status    Facet = "status"  // how builds and tests came out, and when
	Stats     Facet = "stats"   // rows, bytes, durations, cost
	Profile   Facet = "profile" // what a scan found in columns
	Samples   Facet = "samples" // failing rows
	Customers Facet = "customers"
)

// Facets lists all of them.
func Facets() []Facet {
	return []Facet{SQL, Paths, Owners, Relations, Settings, Tags, Meta, Tests, Status, Stats, Profile, Samples, Customers}
}

// CustomerFacets are those that one customer can be shown: everything else is about rows of other
// customers, or about how the tables are made. Others are ignored for it.
func CustomerFacets() []Facet { return []Facet{Owners, Tags, Meta, Tests} }

// Lineage is what becomes of lineage that leads through hidden nodes.
type Lineage string

// Ways.
const (
	// Contract says of a node that it reads something that is not shown, and no more.
	Contract Lineage = "contract"
	// Bridge leads past hidden nodes to the next ones that are shown.
	Bridge Lineage = "bridge"
	// Hide says nothing.
	Hide Lineage = "hide"
)

// Lineages lists them, the default first.
func Lineages() []Lineage { return []Lineage{Contract, Bridge, Hide} }

// Audience is whom a site is for and what of which nodes it is told.
type Audience struct {
	// Name is a short word; Title is for people, and may be empty.
	Name, Title string
	// Customer is the name of the one customer whose site it is; empty: an audience of Nodes.
	Customer string
	// Nodes are numbers of the catalog's nodes, in any order. A customer has its own.
	Nodes   []int
	Show    []Facet
	Lineage Lineage // empty: Contract
}

// Warning is something in the text of users that an audience ought not to read.
type Warning struct {
	// Node is where it stands, zero for the glossary; Part is «the description», «column x», ….
	Node addr.Node
	Part string
	// Name is the hidden name.
	Name string
	// Left says that it is still there, because it may be a plain word as well.
	Left bool
}

// String is the warning as a sentence. It names what is hidden: it is for the project's own
// people, never for the site.
func (w Warning) String() string {
	at := w.Part
	if !w.Node.IsZero() {
		at += " of " + w.Node.String()
	}
	if w.Left {
		return fmt.Sprintf("%s says %q, which is the name of something hidden, or a plain word: it stays", at, w.Name)
	}
	return fmt.Sprintf("%s names %s, which is hidden: it is left out", at, w.Name)
}

// For narrows c to an audience. The value shares nothing with c that could be changed, and
// depends on nothing that the audience does not see. Warnings are sorted.
func For(c *content.Catalog, a Audience) (*content.Catalog, []Warning) {
	return Prepare(c).For(a)
}

// Source is a catalog that is narrowed for many audiences. It is safe for concurrent use.
type Source struct {
	c *content.Catalog
	// names are those of everything, and customers, by lower-case word; phrases those of several
	// words, by their first.
	names   map[string]named
	phrases map[string][]string
	odd     []string // names without a letter or digit
	// edges has the first edge of each column, reads the first read of each node, uses the tests.
	edges, reads []int32
	byCustomer   map[string]int
}

// named is what a word names. A word is strong if nobody writes it without meaning the thing.
type named struct {
	nodes  []int32
	others []int32 // customers
	strong bool
}

// Prepare makes what all audiences of c need, in time proportional to c. c must not change
// afterwards.
func Prepare(c *content.Catalog) *Source {
	s := &Source{c: c, names: map[string]named{}, phrases: map[string][]string{}, byCustomer: make(map[string]int, len(c.Customers))}
	for i, n := range c.Nodes {
		for _, name := range namesOf(n) {
			s.name(name, int32(i), -1)
		}
	}
	for _, n := range c.Nodes {
		if strings.Contains(n.Owner, "@") {
			s.name(n.Owner, -1, -1)
		}
		if n.Exposure != nil && n.Exposure.Email != "" {
			s.name(n.Exposure.Email, -1, -1)
		}
	}
	for _, g := range c.Groups {
		if g.OwnerEmail != "" {
			s.name(g.OwnerEmail, -1, -1)
		}
	}
	for i, x := range c.Customers {
		s.byCustomer[x.Name] = i
		for _, name := range []string{x.Name, x.Title, x.Schema} {
			s.name(name, -1, int32(i))
		}
	}
	s.index()
	return s
}

// namesOf are the words by which people call a node.
func namesOf(n *content.Node) []string {
	out := []string{n.ID.Name, n.ID.String(), n.Label, n.Relation}
	if n.Source != nil {
		if _, table, ok := strings.Cut(n.ID.Name, "."); ok {
			out = append(out, table)
		}
	}
	if i := strings.LastIndexByte(n.Relation, '.'); i >= 0 {
		out = append(out, n.Relation[i+1:])
	}
	if n.Version != nil {
		out = append(out, n.Version.Model)
	}
	return out
}

// name notes what a word names; node and customer are -1 where it is neither's: then nobody
// is ever told it.
func (s *Source) name(name string, node, customer int32) {
	key := strings.ToLower(strings.TrimSpace(name))
	if key == "" {
		return
	}
	if words := wordsOf(key); len(words) > 1 || len(words) == 1 && words[0].text(key) != key {
		first := key[words[0].from:words[0].to]
		if !slices.Contains(s.phrases[first], key) {
			s.phrases[first] = append(s.phrases[first], key)
		}
	} else if len(words) == 0 {
		if !slices.Contains(s.odd, key) {
			s.odd = append(s.odd, key)
		}
	}
	had := s.names[key]
	if node >= 0 && (len(had.nodes) == 0 || had.nodes[len(had.nodes)-1] != node) {
		had.nodes = append(had.nodes, node)
	}
	if customer >= 0 && (len(had.others) == 0 || had.others[len(had.others)-1] != customer) {
		had.others = append(had.others, customer)
	}
	had.strong = had.strong || node < 0 || strings.ContainsAny(key, "_.0123456789@ ") || len(wordsOf(key)) == 0
	s.names[key] = had
}

// index finds the edges that lead to a column, and the reads of a node, without a search.
func (s *Source) index() {
	f := &s.c.Flow
	if len(f.First) == 0 {
		return
	}
	s.edges = make([]int32, int(f.First[len(f.First)-1])+1)
	for _, e := range f.Edges {
		s.edges[e.To+1]++
	}
	for i := 1; i < len(s.edges); i++ {
		s.edges[i] += s.edges[i-1]
	}
	s.reads = make([]int32, len(s.c.Nodes)+1)
	for _, r := range f.Reads {
		s.reads[r.Node+1]++
	}
	for i := 1; i < len(s.reads); i++ {
		s.reads[i] += s.reads[i-1]
	}
}

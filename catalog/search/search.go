package search

import (
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/engine/addr"
)

// Links tell where things have their page, relative to the root of the site; a page may end
// with #anchor. A function that is nil, and an empty address, mean that there is none: results
// then lead to a list of all that has to do with the thing.
type Links struct {
	Node   func(n int) string
	Column func(n, c int) string // the anchor of a column on its node's page, without #
	Test   func(t int) string
	Macro  func(m int) string

	Customer, Term                  func(i int) string
	Folder, Tag, Owner, Group, Tier func(name string) string
	// Columns is where a column name stands in the list of all columns.
	Columns func(name string) string
}

// File is one data file. Body makes its bytes, anew each time; it is safe for concurrent use.
type File struct {
	Path string
	Body func() []byte
}

// Files are all files of the index. Their paths depend on the catalog and nothing else.
//
//	d/find-names.js     nodes, glossary terms, macros, and what nodes are sorted by (folders, owners, …)
//	d/find-cols-N.js    distinct column names in order, with their nodes
//	d/find-tests.js     tests
//	d/find-words-N.js   words of descriptions with where they occur
//	d/find-sql-N.js     words of SQL with where they occur
//	d/find-about-N.js   descriptions in plain text, a line for each node, term, macro and test
//
// Things are numbered through: nodes, terms, macros, tests.
func Files(c *content.Catalog, l Links) []File {
	x := &index{c: c, l: l}
	var wait sync.WaitGroup
	var text, sql []shard
	wait.Go(func() { text, x.textStops = x.terms(x.texts) })
	wait.Go(func() { sql, x.sqlStops = x.terms(x.code) })
	wait.Go(func() { x.columns(); x.abouts() })
	wait.Wait()
	x.text, x.sql = firsts(text), firsts(sql)

	out := []File{{"d/find-names.js", func() []byte { return script("find-names", x.names()) }}}
	for i, s := range x.cols {
		name := "find-cols-" + strconv.Itoa(i)
		out = append(out, File{"d/" + name + ".js", func() []byte { return script(name, x.columnShard(s)) }})
	}
	out = append(out, File{"d/find-tests.js", func() []byte { return script("find-tests", x.tests()) }})
	for _, g := range []struct {
		name   string
		shards []shard
	}{{"find-words-", text}, {"find-sql-", sql}} {
		for i, s := range g.shards {
			name := g.name + strconv.Itoa(i)
			out = append(out, File{"d/" + name + ".js", func() []byte { return script(name, s.text()) }})
		}
	}
	for i := range x.about {
		name := "find-about-" + strconv.Itoa(i)
		from, to := x.about[i], x.things()
		if i+1 < len(x.about) {
			to = x.about[i+1]
		}
		out = append(out, File{"d/" + name + ".js", func() []byte { return script(name, x.aboutShard(from, to)) }})
	}
	return out
}

type index struct {
	c *content.Catalog
	l Links

	cols []columnRange
	// distinct column names in order, with (node, column) of each.
	distinct []name
	// first words of shards, and words that are too frequent to tell anything.
	text, sql           []string
	textStops, sqlStops []string
	about               []int // first thing of each shard
}

// things is how many nodes, terms, macros and tests there are.
func (x *index) things() int {
	return len(x.c.Nodes) + len(x.c.Terms) + len(x.c.Macros) + len(x.c.Tests)
}

// thing leads from a number to what it stands for; three of the four are nil.
func (x *index) thing(i int) (n *content.Node, t *content.Term, m *content.Macro, test *content.Test) {
	if i < len(x.c.Nodes) {
		return x.c.Nodes[i], nil, nil, nil
	}
	if i -= len(x.c.Nodes); i < len(x.c.Terms) {
		return nil, x.c.Terms[i], nil, nil
	}
	if i -= len(x.c.Terms); i < len(x.c.Macros) {
		return nil, nil, x.c.Macros[i], nil
	}
	return nil, nil, nil, x.c.Tests[i-len(x.c.Macros)]
}

// Kinds are letters in the index.
func kindLetter(k addr.Kind) byte {
	switch k {
	case addr.Source:
		return 's'
	case addr.Seed:
		return 'e'
	case addr.Snapshot:
		return 'n'
	case addr.Exposure:
		return 'x'
	}
	return 'm'
}

// Flags of a node, bits of one digit.
const (
	isDeprecated = 1 << iota
	isFailing
	isWarned
	isTested
	isDescribed
	isInternal
)

func (x *index) flags(n *content.Node) int {
	f := 0
	set := func(bit int, on bool) {
		if on {
			f |= bit
		}
	}
	bad, warned := failing(n.Status), n.Status == content.Warned
	for _, t := range n.Tests {
		// A test that found rows is counted where it is declared, not at all it reads.
		if t < 0 || t >= len(x.c.Tests) || x.c.Tests[t].Of >= 0 && x.c.Nodes[x.c.Tests[t].Of] != n {
			continue
		}
		bad = bad || failing(x.c.Tests[t].Status)
		warned = warned || x.c.Tests[t].Status == content.Warned
	}
	if n.Source != nil {
		bad = bad || n.Source.Fresh == "error"
		warned = warned || n.Source.Fresh == "warn"
	}
	set(isDeprecated, !n.Deprecated.IsZero())
	set(isFailing, bad)
	set(isWarned, warned)
	set(isTested, len(n.Tests) > 0)
	set(isDescribed, strings.TrimSpace(n.Description) != "")
	set(isInternal, n.Access == "private")
	return f
}

func failing(s content.Status) bool {
	return s == content.Failed || s == content.Errored || s == content.Unpublished
}

// names is the file that every search begins with. Its sections:
//
//	0  numbers (nodes, terms, macros, tests, columns), then the first names of column shards,
//	   first words of text shards and of SQL shards, words too frequent in texts and in SQL,
//	   first things of the shards of texts: a line each
//	1  names of nodes, a line each        2  their kinds, a letter each
//	3  tones, then a digit for each node  4  flags, a digit each
//	5  weights, a digit each              6  labels: node, label
//	7  pages that are not kind/name.html: node, page
//	8… for folders, tiers, owners, groups: names with pages, then a number for each node (0: none)
//	   tags, customers: names with pages and postings
//	   terms, macros: names, pages, a summary
func (x *index) names() string {
	c := x.c
	var sections []string
	add := func(lines ...string) { sections = append(sections, strings.Join(lines, lineMark)) }
	nums := []string{}
	for _, n := range []int{len(c.Nodes), len(c.Terms), len(c.Macros), len(c.Tests), len(x.distinct)} {
		nums = append(nums, strconv.Itoa(n))
	}
	firsts := make([]string, len(x.cols))
	for i, r := range x.cols {
		firsts[i] = x.distinct[r.from].fold
	}
	tab := func(list []string) string { return strings.Join(list, fieldMark) }
	add(tab(nums), tab(firsts), tab(x.text), tab(x.sql), tab(x.textStops), tab(x.sqlStops), string(posting(nil, x.about)))

	var names, labels, pages []string
	var kinds, tones, flags, weights []byte
	var toneNames []string
	heavy := weigh(c.Nodes)
	for i, n := range c.Nodes {
		names = append(names, field(n.ID.Name))
		kinds = append(kinds, kindLetter(n.ID.Kind))
		t := slices.Index(toneNames, n.Tone)
		if t < 0 {
			t = len(toneNames)
			toneNames = append(toneNames, n.Tone)
		}
		tones = number(tones, t)
		flags = append(flags, digits[x.flags(n)])
		weights = append(weights, digits[heavy[i]])
		at := strconv.FormatInt(int64(i), 36)
		if n.Label != "" {
			labels = append(labels, at+fieldMark+field(n.Label))
		}
		if page := x.l.Node(i); page != string(n.ID.Kind)+"/"+n.ID.Name+".html" {
			pages = append(pages, at+fieldMark+field(page))
		}
	}
	add(names...)
	add(string(kinds))
	add(field(strings.Join(toneNames, " ")), string(tones))
	add(string(flags))
	add(string(weights))
	add(labels...)
	add(pages...)

	for _, f := range []struct {
		of   func(*content.Node) string
		page func(string) string
	}{
		{func(n *content.Node) string { return n.Folder }, x.l.Folder},
		{func(n *content.Node) string { return n.Tier }, x.l.Tier},
		{owner, x.l.Owner},
		{func(n *content.Node) string { return n.Group }, x.l.Group},
	} {
		at := map[string]int{}
		var list []string
		for _, n := range c.Nodes {
			if v := f.of(n); v != "" {
				if _, ok := at[v]; !ok {
					at[v] = 0
					list = append(list, v)
				}
			}
		}
		slices.Sort(list)
		for i, v := range list {
			at[v] = i + 1
		}
		var lines []string
		for _, v := range list {
			lines = append(lines, field(v)+fieldMark+field(call(f.page, v)))
		}
		var of []byte
		for _, n := range c.Nodes {
			of = number(of, at[f.of(n)])
		}
		add(lines...)
		add(string(of))
	}

	tagged := map[string][]int{}
	for i, n := range c.Nodes {
		for _, t := range n.Tags {
			if list := tagged[t]; len(list) == 0 || list[len(list)-1] != i {
				tagged[t] = append(list, i)
			}
		}
	}
	var lines []string
	for _, t := range sortedKeys(tagged) {
		lines = append(lines, field(t)+fieldMark+field(call(x.l.Tag, t))+fieldMark+string(posting(nil, tagged[t])))
	}
	add(lines...)
	lines = nil
	for i, cu := range c.Customers {
		nodes := slices.Clone(cu.Nodes)
		slices.Sort(nodes)
		name := field(cu.Name)
		if cu.Title != "" && cu.Title != cu.Name {
			name = field(cu.Title)
		}
		lines = append(lines, name+fieldMark+field(call(x.l.Customer, i))+fieldMark+string(posting(nil, slices.Compact(nodes)))+fieldMark+field(cu.Name))
	}
	add(lines...)
	lines = nil
	for i, t := range c.Terms {
		lines = append(lines, field(t.Name)+fieldMark+field(call(x.l.Term, i))+fieldMark+clip(plain(t.Text), 120))
	}
	add(lines...)
	lines = nil
	for i, m := range c.Macros {
		lines = append(lines, field(m.Name)+fieldMark+field(call(x.l.Macro, i))+fieldMark+clip(plain(m.Description), 120))
	}
	add(lines...)
	return strings.Join(sections, sectionMark)
}

// owner is who answers for a node: exposures name theirs themselves.
func owner(n *content.Node) string {
	if n.Owner == "" && n.Exposure != nil {
		if n.Exposure.OwnerName != "" {
			return n.Exposure.OwnerName
		}
		return n.Exposure.Email
	}
	return n.Owner
}

func call[K any](f func(K) string, k K) string {
	if f == nil {
		return ""
	}
	return f(k)
}

// tests is one line for each test: kind, node (one more than its number; empty: none), column,
// name where it is not kind_node_column, page where it is not the node's with #t- and the name,
// F for those that failed. The first section has the kinds.
func (x *index) tests() string {
	var kinds, lines []string
	at := map[string]int{}
	for i, t := range x.c.Tests {
		if _, ok := at[t.Kind]; !ok {
			at[t.Kind] = len(kinds)
			kinds = append(kinds, field(t.Kind))
		}
		name, of, usual := field(t.ID.Name), "", field(t.Kind)
		page, usualPage := call(x.l.Test, i), ""
		if t.Of >= 0 && t.Of < len(x.c.Nodes) {
			of = strconv.FormatInt(int64(t.Of+1), 36)
			usual += "_" + field(x.c.Nodes[t.Of].ID.Name)
			usualPage = x.l.Node(t.Of) + "#t-" + name
		}
		if t.Column != "" {
			usual += "_" + field(t.Column)
		}
		if name == usual {
			name = ""
		}
		switch page {
		case usualPage:
			page = ""
		case "":
			page = "-"
		}
		failed := ""
		if failing(t.Status) {
			failed = "F"
		}
		lines = append(lines, strings.TrimRight(strings.Join([]string{
			strconv.FormatInt(int64(at[t.Kind]), 36), of, field(t.Column), name, field(page), failed}, fieldMark), fieldMark))
	}
	return strings.Join(kinds, lineMark) + sectionMark + strings.Join(lines, lineMark)
}

// weigh says how much hangs on each node: six times the binary logarithm of one more than the
// number of its descendants, at most 63.
func weigh(nodes []*content.Node) []int {
	const block = 64 // words of 64 nodes each, so that memory stays small however many there are
	count := make([]int, len(nodes))
	reach := make([]uint64, len(nodes)*block)
	for low := 0; low < len(nodes); low += 64 * block {
		clear(reach)
		for n := len(nodes) - 1; n >= 0; n-- {
			row := reach[n*block : (n+1)*block]
			for _, child := range nodes[n].Children {
				if child <= n || child >= len(nodes) {
					continue // parents come first
				}
				for i, w := range reach[child*block : (child+1)*block] {
					row[i] |= w
				}
				if at := child - low; at >= 0 && at < 64*block {
					row[at/64] |= 1 << (at % 64)
				}
			}
			for _, w := range row {
				count[n] += bits.OnesCount64(w)
			}
		}
	}
	for n, k := range count {
		count[n] = min(63, int(math.Round(6*math.Log2(1+float64(k)))))
	}
	return count
}

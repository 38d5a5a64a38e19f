package catalog

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"time"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/markup"
	"github.com/engine-build/engine/catalog/words"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/lineage/picture"
)

// list is a page that lists nodes: those of a tier, a tag, an owner, an area of the map, and
// those that something is amiss with.
type list struct {
	key     string // by which other pages find it; empty for none
	path    string
	kind    string // what it is a page of: «tier», «tag»; empty for none
	title   string
	lead    string
	prose   string // Markdown
	nodes   []int
	noted   string           // heading of the notes, empty without
	note    func(int) string // of a node
	empty   string           // said when there are no nodes
	parent  crumb
	cover   bool // with shares of what is described and tested
	section string
	facts   []content.Fact
}

type crumb struct{ Path, Name string }

// rowsPerPage limits lists.
const rowsPerPage = 500

// graphLimit is the number of nodes up to which a list has a picture.
const graphLimit = 100

// slowest is how many nodes lists of the largest and slowest show.
const slowest = 200

type listView struct {
	Crumbs   []crumb
	Kind     string
	Title    string
	Lead     string
	Tone     string
	Prose    template.HTML
	Facts    []content.Fact
	Subs     []folderRow
	Shares   []share
	Owners   []facetLink
	Tests    words.Tally
	Graph    template.HTML
	Legend   []legendItem
	Explore  string
	NoGraph  string
	Rows     []row
	Noted    string
	Empty    string
	From, To int
	Total    int
	Pages    []pageLink
}

type legendItem struct{ Tone, Name string }

type facetLink struct {
	Path, Name string
	Count      int
}

type folderRow struct {
	Path, Name  string
	Depth       int
	Total       int
	Tests       words.Tally
	Nodes       []row
	Description string
}

// makeLists finds all lists but the folders.
func (b *book) makeLists() []list {
	var out []list
	up := func(name string) crumb { return crumb{"browse.html#" + name, name} }
	for _, f := range b.tiers {
		out = append(out, list{path: f.path, kind: "tier", title: f.name, nodes: f.nodes, cover: true, parent: up("tiers"), section: "browse"})
	}
	for _, f := range b.tags {
		out = append(out, list{path: f.path, kind: "tag", title: f.name, nodes: f.nodes, cover: true, parent: up("tags"), section: "browse"})
	}
	for _, f := range b.owners {
		out = append(out, list{path: f.path, kind: "owner", title: f.name, nodes: f.nodes, cover: true, parent: up("owners"), section: "browse"})
	}
	for _, f := range b.groups {
		l := list{path: f.path, kind: "group", title: f.name, nodes: f.nodes, cover: true, parent: up("groups"), section: "browse", empty: "Nothing belongs to this group. Give models «group: " + f.name + "»."}
		for _, g := range b.c.Groups {
			if g.Name == f.name {
				l.prose = g.Description
				l.facts = []content.Fact{{Name: "Owner", Value: g.OwnerName}, {Name: "E-mail", Value: g.OwnerEmail, Link: mailto(g.OwnerEmail)}}
			}
		}
		out = append(out, l)
	}
	out = append(out, b.customerLists()...)
	out = append(out, b.areaLists()...)
	return append(out, b.findings()...)
}

func mailto(address string) string {
	if to := "mailto:" + address; markup.External(to) {
		return to
	}
	return ""
}

func (b *book) areaLists() []list {
	a := b.areas
	var out []list
	for d, name := range a.domains {
		var all []int
		for t, tone := range a.tones {
			nodes := a.cells[cell{d, t}]
			if len(nodes) == 0 {
				continue
			}
			all = append(all, nodes...)
			sorted := slices.Clone(nodes)
			b.byName(sorted)
			out = append(out, list{path: a.path(cell{d, t}), kind: "area", title: name + " · " + words.Tone(tone), nodes: sorted, cover: true, parent: crumb{a.domainPath(d), name}})
		}
		b.byName(all)
		out = append(out, list{path: a.domainPath(d), kind: "domain", title: name, nodes: all, cover: true})
	}
	return out
}

// findings are lists of what lacks something, and of what stands out.
func (b *book) findings() []list {
	var out []list
	add := func(l list, keep func(i int, n *content.Node) bool) {
		if keep != nil {
			for i, n := range b.c.Nodes {
				if keep(i, n) {
					l.nodes = append(l.nodes, i)
				}
			}
			b.byName(l.nodes)
		}
		if b.outside() && slices.Contains([]string{"undescribed", "columns", "untested", "unowned"}, l.key) {
			return
		}
		if len(l.nodes) > 0 {
			l.path = "list/" + l.key + ".html"
			out = append(out, l)
		}
	}
	add(list{key: "undescribed", title: "Without a description", lead: "Nobody has said yet what these are."}, func(_ int, n *content.Node) bool { return b.describe(n) == "" })
	add(list{key: "columns", title: "With columns nobody has described", noted: "Columns described", note: func(i int) string {
		d, all := described(b.c.Nodes[i])
		return fmt.Sprintf("%s of %s", words.Count(d), words.Count(all))
	}}, func(_ int, n *content.Node) bool { d, all := described(n); return d < all })
	add(list{key: "untested", title: "Models without tests", lead: "Nothing checks what these hold."}, func(_ int, n *content.Node) bool { return n.ID.Kind == addr.Model && len(n.Tests) == 0 })
	add(list{key: "unowned", title: "Without an owner", lead: "Nobody is named whom readers can ask."}, func(_ int, n *content.Node) bool { return ownerOf(n) == "" && n.Group == "" })
	add(list{key: "attention", title: "In need of attention", lead: "Builds that went wrong, tests that found rows, sources that are late."}, func(i int, n *content.Node) bool {
		return n.Status == content.Errored || n.Status == content.Failed || b.tallies[i].Failed > 0 || n.Source != nil && n.Source.Fresh == "error"
	})
	add(list{key: "deprecated", title: "Deprecated", noted: "Leave by", note: func(i int) string { return words.Day(b.c.Nodes[i].Deprecated) }}, func(_ int, n *content.Node) bool { return !n.Deprecated.IsZero() })
	add(list{key: "contracts", title: "With a contract", lead: "Their columns and types are promised: a build that would break them fails."}, func(_ int, n *content.Node) bool { return n.Contract })
	top := func(l list, most int, size func(n *content.Node) int64) {
		for i, n := range b.c.Nodes {
			if size(n) > 0 {
				l.nodes = append(l.nodes, i)
			}
		}
		slices.SortStableFunc(l.nodes, func(x, y int) int {
			return cmp.Or(cmp.Compare(size(b.c.Nodes[y]), size(b.c.Nodes[x])), cmp.Compare(b.c.Nodes[x].ID.Name, b.c.Nodes[y].ID.Name))
		})
		l.nodes = l.nodes[:min(most, len(l.nodes))]
		add(l, nil)
	}
	top(list{key: "slowest", title: "Slowest builds", lead: "By the duration of their newest build.", noted: "Took", note: func(i int) string { return words.Took(tookOf(b.c.Nodes[i])) }}, slowest, func(n *content.Node) int64 { return int64(tookOf(n)) })
	top(list{key: "largest", title: "Largest", noted: "Size", note: func(i int) string { return words.Size(b.c.Nodes[i].Data.Bytes) }}, slowest, func(n *content.Node) int64 { return n.Data.Bytes })
	top(list{key: "recent", title: "Built most recently", noted: "Built", note: func(i int) string { return words.When(builtAt(b.c.Nodes[i])) }}, slowest, func(n *content.Node) int64 {
		if t := builtAt(n); !t.IsZero() {
			return t.UnixMilli()
		}
		return 0
	})
	top(list{key: "costly", title: "Most charged", lead: "By the bytes that the warehouse charged for in the builds remembered.", noted: "Charged", note: func(i int) string { return words.Size(billed(b.c.Nodes[i])) }}, slowest, billed)
	top(list{key: "central", title: "Read by most", lead: "A change here reaches furthest.", noted: "Direct readers", note: func(i int) string { return words.Count(len(b.c.Nodes[i].Children)) }}, slowest, func(n *content.Node) int64 { return int64(len(n.Children)) })
	for i := range out {
		out[i].parent = crumb{"browse.html#lists", "lists"}
		out[i].section = "browse"
	}
	return out
}

// found is the list of a key, nil if nothing is on it.
func (b *book) found(key string) *list {
	for i := range b.lists {
		if b.lists[i].key == key {
			return &b.lists[i]
		}
	}
	return nil
}

// described counts columns, and those with a description.
func described(n *content.Node) (have, all int) {
	for _, c := range n.Columns {
		if c.Description != "" {
			have++
		}
	}
	return have, len(n.Columns)
}

// tookOf is how long the newest build of a node took.
func tookOf(n *content.Node) time.Duration {
	if len(n.History) == 0 {
		return 0
	}
	return n.History[0].Took
}

func builtAt(n *content.Node) time.Time {
	if n.Data.BuiltAt.IsZero() && len(n.History) > 0 {
		return n.History[0].At
	}
	return n.Data.BuiltAt
}

// billed sums what the builds of a node were charged for.
func billed(n *content.Node) int64 {
	var sum int64
	for _, x := range n.History {
		sum += max(0, x.Billed)
	}
	return sum
}

// jobsOf are the pages of a list.
func (b *book) jobsOf(l list) []job {
	var jobs []job
	for p := 0; p == 0 || p*rowsPerPage < len(l.nodes); p++ {
		jobs = append(jobs, job{path: pagedPath(l.path, p), view: func(base string) view {
			v := b.listView(l, p, base)
			title := l.title
			if l.kind != "" {
				title = l.kind + " " + title
			}
			return view{Title: title, Section: l.section, Template: "list", Body: v}
		}})
	}
	return jobs
}

func (b *book) listView(l list, p int, base string) listView {
	v := listView{Kind: l.kind, Title: l.title, Noted: l.noted, Total: len(l.nodes), Empty: l.empty, Lead: l.lead}
	v.Crumbs = []crumb{{"index.html", b.title}}
	if l.parent.Path != "" {
		v.Crumbs = append(v.Crumbs, l.parent)
	}
	part := l.nodes[min(len(l.nodes), p*rowsPerPage):min(len(l.nodes), (p+1)*rowsPerPage)]
	v.From, v.To = p*rowsPerPage+1, p*rowsPerPage+len(part)
	for _, i := range part {
		r := b.row(i)
		if l.note != nil {
			r.Note = l.note(i)
		}
		v.Rows = append(v.Rows, r)
	}
	v.Pages = pageLinks(l.path, p, len(l.nodes), rowsPerPage)
	if p > 0 {
		return v
	}
	v.Prose = template.HTML(b.prose.HTML(base, l.prose))
	for _, f := range l.facts {
		if f.Value != "" {
			v.Facts = append(v.Facts, f)
		}
	}
	if l.cover {
		b.cover(&v, l.nodes, base)
	}
	return v
}

// cover adds to a list what is to be said of its nodes together.
func (b *book) cover(v *listView, nodes []int, base string) {
	for _, i := range nodes {
		v.Tests.Merge(b.tallies[i])
	}
	if !b.outside() {
		v.Shares = b.shares(nodes)
	}
	if v.Kind != "owner" {
		v.Owners = b.ownersOf(nodes)
	}
	v.Graph, v.Legend, v.NoGraph = b.subgraph(nodes, base, v.Title)
}

// shares say how much of some nodes is described and tested.
func (b *book) shares(nodes []int) []share {
	desc, cols, colsDesc, models, tested, owned := 0, 0, 0, 0, 0, 0
	for _, i := range nodes {
		n := b.c.Nodes[i]
		if b.describe(n) != "" {
			desc++
		}
		d, all := described(n)
		cols, colsDesc = cols+all, colsDesc+d
		if ownerOf(n) != "" || n.Group != "" {
			owned++
		}
		if n.ID.Kind == addr.Model {
			models++
			if len(n.Tests) > 0 {
				tested++
			}
		}
	}
	out := []share{newShare("described", desc, len(nodes))}
	if cols > 0 {
		out = append(out, newShare("columns described", colsDesc, cols))
	}
	if models > 0 {
		out = append(out, newShare("models tested", tested, models))
	}
	return append(out, newShare("with an owner", owned, len(nodes)))
}

// ownersOf are the owners of some nodes, the one of most first.
func (b *book) ownersOf(nodes []int) []facetLink {
	counts := map[string]int{}
	for _, i := range nodes {
		if o := ownerOf(b.c.Nodes[i]); o != "" {
			counts[o]++
		}
	}
	var out []facetLink
	for name, n := range counts {
		out = append(out, facetLink{ownerPath(name), name, n})
	}
	slices.SortFunc(out, func(x, y facetLink) int { return cmp.Or(cmp.Compare(y.Count, x.Count), cmp.Compare(x.Name, y.Name)) })
	return out[:min(12, len(out))]
}

// subgraph draws some nodes and what leads from one to another.
func (b *book) subgraph(nodes []int, base, title string) (template.HTML, []legendItem, string) {
	if len(nodes) > graphLimit {
		return "", nil, fmt.Sprintf("%s are too many for a picture that can be read. The list below has them all.", words.Plural(len(nodes), "node"))
	}
	inside := make(map[int]bool, len(nodes))
	for _, i := range nodes {
		inside[i] = true
	}
	// Those that neither read nor feed another one say nothing in a picture.
	sorted := slices.DeleteFunc(slices.Clone(nodes), func(i int) bool {
		other := func(k int) bool { return inside[k] }
		return !slices.ContainsFunc(b.c.Nodes[i].Parents, other) && !slices.ContainsFunc(b.c.Nodes[i].Children, other)
	})
	slices.Sort(sorted) // parents first, as the layout likes it
	at := make(map[int]int, len(sorted))
	for k, i := range sorted {
		at[i] = k
	}
	p := picture.Picture{Name: "Lineage inside " + title}
	used := map[string]bool{}
	for k, i := range sorted {
		n := b.c.Nodes[i]
		p.Boxes = append(p.Boxes, picture.Box{Label: nameOf(n), Title: words.Kind(string(n.ID.Kind)) + " " + n.ID.Name, Tone: toneClass(n.Tone), Link: base + b.paths[i]})
		used[toneClass(n.Tone)] = true
		for _, parent := range n.Parents {
			if from, ok := at[parent]; ok {
				p.Edges = append(p.Edges, picture.Edge{From: from, To: k, Weight: 1})
			}
		}
	}
	if len(p.Edges) == 0 {
		return "", nil, ""
	}
	var legend []legendItem
	for _, t := range toneOrder {
		if used[t] {
			legend = append(legend, legendItem{t, words.Tone(t)})
		}
	}
	return drawn(p), legend, ""
}

// folderJobs are the pages of folders: like lists, with the folders below.
func (b *book) folderJobs() []job {
	var jobs []job
	var each func(f *folder)
	each = func(f *folder) {
		for _, s := range f.subs {
			l := list{path: folderPath(s.path), kind: "folder", title: s.name, nodes: s.nodes}
			for p := 0; p == 0 || p*rowsPerPage < len(s.nodes); p++ {
				jobs = append(jobs, job{path: pagedPath(l.path, p), view: func(base string) view {
					v := b.listView(l, p, base)
					for i := range len(s.path) {
						if s.path[i] == '/' {
							v.Crumbs = append(v.Crumbs, crumb{folderPath(s.path[:i]), b.byFolder[s.path[:i]].name})
						}
					}
					if p == 0 {
						all := s.all()
						v.Total = len(all)
						b.cover(&v, all, base)
						for _, sub := range s.subs {
							v.Subs = append(v.Subs, folderRow{Path: folderPath(sub.path), Name: sub.name, Total: sub.total, Tests: sub.tally})
						}
					}
					return view{Title: s.path, Folder: s.path, Template: "list", Body: v}
				}})
			}
			each(s)
		}
	}
	each(b.folders)
	return jobs
}

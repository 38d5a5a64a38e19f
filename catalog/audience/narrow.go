package audience

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/engine/addr"
)

// unknown are rows and bytes that nobody is told.
const unknown = -1

// view is one narrowing at work.
type view struct {
	s        *Source
	a        Audience
	show     map[Facet]bool
	customer int  // number of the customer, -1: none
	renames  bool // things have other names than in the project

	olds    []int       // new number → old
	news    map[int]int // old number → new
	columns []columns   // by new number
	parents [][]int     // old numbers of parents that are shown, by new number; also bridged ones
	tests   map[int]int // old number → new

	own      map[string]bool // words that stand in the site as names of columns
	out      *content.Catalog
	warnings []Warning
}

// columns are those of a node that are shown: the old position of each, -1 for what the node
// does not have, and the new one by the old.
type columns struct {
	old  []int
	to   map[int]int
	made []*content.Column
	// name are new names by old ones in small letters; an empty one is hidden.
	name map[string]string
}

func (v *view) shows(f Facet) bool { return v.show[f] }

// number is the new number of a node.
func (v *view) number(old int) (int, bool) {
	to, ok := v.news[old]
	return to, ok
}

// For narrows the catalog to an audience, see the function For.
func (s *Source) For(a Audience) (*content.Catalog, []Warning) {
	v := &view{s: s, a: a, show: map[Facet]bool{}, customer: -1, news: map[int]int{}, tests: map[int]int{}, own: map[string]bool{}}
	for _, f := range a.Show {
		v.show[f] = a.Customer == "" || slices.Contains(CustomerFacets(), f)
	}
	v.a.Lineage = cmp.Or(a.Lineage, Contract)
	seen := slices.Clone(a.Nodes)
	if a.Customer != "" {
		seen = nil
		if i, ok := s.byCustomer[a.Customer]; ok {
			v.customer, v.renames = i, true
			for _, n := range s.c.Customers[i].Nodes {
				if v.offered(n) != nil {
					seen = append(seen, n)
				}
			}
		}
	}
	slices.Sort(seen)
	v.frame()
	v.nodes(slices.Compact(seen))
	v.ownWords()
	for i := range v.olds {
		v.fill(i)
	}
	v.allTests()
	v.flow()
	v.rest()
	slices.SortFunc(v.warnings, func(a, b Warning) int {
		return cmp.Or(a.Node.Compare(b.Node), strings.Compare(a.Part, b.Part), strings.Compare(a.Name, b.Name))
	})
	return v.out, slices.Compact(v.warnings)
}

// frame is what the site says of itself.
func (v *view) frame() {
	c := v.s.c
	title := cmp.Or(c.Title, c.Project)
	v.out = &content.Catalog{Project: title, Title: title, Audience: v.a.Name, Generated: c.Generated, Engine: c.Engine}
	if v.customer >= 0 {
		x := c.Customers[v.customer]
		v.out.Customer = cmp.Or(x.Title, x.Name)
	} else if v.a.Title != "" {
		v.out.Title = v.a.Title
	}
	if v.shows(Relations) {
		v.out.Target, v.out.Warehouse = c.Target, c.Warehouse
	}
}

// nodes numbers the nodes that are shown, given their old numbers, and gives them identities
// and edges. The order depends on nothing else: by the length of the longest way to them, then
// by kind and name.
func (v *view) nodes(seen []int) {
	for _, old := range seen {
		v.news[old] = -1
	}
	up := v.ancestors()
	level, parents, id := map[int]int{}, map[int][]int{}, map[int]addr.Node{}
	for _, old := range seen {
		id[old] = v.identity(old)
		parents[old] = up(old)
		for _, p := range parents[old] {
			level[old] = max(level[old], level[p]+1)
		}
	}
	v.olds = seen
	slices.SortFunc(v.olds, func(a, b int) int {
		return cmp.Or(cmp.Compare(level[a], level[b]), cmp.Compare(slices.Index(addr.Kinds, id[a].Kind), slices.Index(addr.Kinds, id[b].Kind)), id[a].Compare(id[b]), cmp.Compare(a, b))
	})
	for i, old := range v.olds {
		v.news[old] = i
		v.out.Nodes = append(v.out.Nodes, &content.Node{ID: id[old]})
	}
	for i, old := range v.olds {
		n := v.out.Nodes[i]
		for _, p := range parents[old] {
			n.Parents = append(n.Parents, v.news[p])
			v.out.Nodes[v.news[p]].Children = append(v.out.Nodes[v.news[p]].Children, i)
		}
		slices.Sort(n.Parents)
		n.Withheld = v.withheld(old)
		v.columns = append(v.columns, v.columnsOf(old))
		n.Columns = v.columns[i].made
	}
}

// identity is what the audience calls a node.
func (v *view) identity(old int) addr.Node {
	n := v.s.c.Nodes[old]
	if v.customer < 0 {
		return n.ID
	}
	o := v.offered(old)
	if o.Source != "" {
		return addr.Node{Kind: addr.Source, Name: o.Source + "." + o.As}
	}
	return addr.Node{Kind: n.ID.Kind, Name: o.As}
}

// ancestors gives a function from a node that is shown to the next ones above it that are
// shown, sorted, each once.
func (v *view) ancestors() func(int) []int {
	past := map[int][]int{}
	var up func(int) []int
	next := func(n int) []int {
		var out []int
		for _, p := range v.s.c.Nodes[n].Parents {
			if _, ok := v.news[p]; ok {
				out = append(out, p)
			} else if v.a.Lineage == Bridge {
				out = append(out, up(p)...)
			}
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	up = func(hidden int) []int {
		if out, ok := past[hidden]; ok {
			return out
		}
		past[hidden] = nil // there are no cycles; a broken catalog must not hang
		out := next(hidden)
		past[hidden] = out
		return out
	}
	return next
}

// withheld reports whether a node reads what the audience is not told of.
func (v *view) withheld(old int) bool {
	n := v.s.c.Nodes[old]
	switch v.a.Lineage {
	case Hide:
		return false
	case Contract:
		return n.Withheld || slices.ContainsFunc(n.Parents, func(p int) bool { _, ok := v.news[p]; return !ok })
	}
	seen := map[int]bool{}
	var open func(int) bool
	open = func(at int) bool {
		x := v.s.c.Nodes[at]
		if x.Withheld {
			return true
		}
		for _, p := range x.Parents {
			if _, ok := v.news[p]; ok || seen[p] {
				continue
			}
			seen[p] = true
			if len(v.s.c.Nodes[p].Parents) == 0 || open(p) {
				return true
			}
		}
		return false
	}
	return open(old)
}

// ownWords notes the names of columns, which are no secret whatever else has them.
func (v *view) ownWords() {
	for i := range v.columns {
		for _, c := range v.columns[i].made {
			v.own[strings.ToLower(c.Name)] = true
		}
	}
}

// fill says of a node what the audience may know.
func (v *view) fill(i int) {
	was, n := v.s.c.Nodes[v.olds[i]], v.out.Nodes[i]
	at := place{node: was.ID, part: "the description", columns: v.columns[i].name}
	for to, from := range v.columns[i].old {
		if from >= 0 {
			v.describe(was, was.Columns[from], n.Columns[to], v.columns[i].name)
		}
	}
	n.Tone, n.Tier = was.Tone, was.Tier
	n.Description = v.prose(was.Description, at)
	n.Deprecated = was.Deprecated
	n.Grain = v.grain(was.Grain, v.columns[i])
	n.Described = true // how to describe it is nothing for them
	n.Data = content.Data{Rows: unknown, Bytes: unknown}
	if was.NoTypes != "" {
		n.NoTypes = "Types are not known."
	}
	if was.NoFlow != "" {
		n.NoFlow = "Not all of its column lineage is known."
	}
	n.Folder = folder(n, was)
	if was.Label != "" {
		n.Label = v.plain(was.Label, place{node: was.ID, part: "the label"})
	}
	v.kinds(n, was)
	if v.customer >= 0 {
		v.received(n, v.olds[i])
	} else {
		n.Access, n.Contract = was.Access, was.Contract
		if was.Version != nil {
			x := *was.Version
			n.Version = &x
		}
	}
	if v.shows(Relations) {
		n.Relation = was.Relation
	}
	if v.shows(Paths) {
		n.Folder, n.File, n.YAML, n.Line, n.Described = was.Folder, was.File, was.YAML, was.Line, was.Described
	}
	if v.shows(Owners) {
		n.Owner, n.Group = was.Owner, was.Group
	}
	if v.shows(Tags) {
		n.Tags = slices.Clone(was.Tags)
	}
	if v.shows(Meta) {
		n.Meta = v.pairs(was.Meta, place{node: was.ID, part: "meta"})
	}
	if v.shows(Settings) {
		n.Materialized = was.Materialized
		n.NoTypes = v.plain(was.NoTypes, place{node: was.ID, part: "the reason for missing types"})
		n.NoFlow = v.plain(was.NoFlow, place{node: was.ID, part: "the reason for missing column lineage"})
		for _, f := range was.Facts {
			n.Facts = append(n.Facts, content.Fact{Name: f.Name, Value: v.plain(f.Value, place{node: was.ID, part: "the setting " + f.Name})})
		}
	}
	if v.shows(Stats) {
		n.Data.Rows, n.Data.Bytes = was.Data.Rows, was.Data.Bytes
		n.Data.Partitioned, n.Data.Clustered = was.Data.Partitioned, slices.Clone(was.Data.Clustered)
		for _, b := range was.History {
			b.Run = ""
			n.History = append(n.History, b)
		}
	}
	if v.shows(Status) {
		n.Status, n.Data.BuiltAt = was.Status, was.Data.BuiltAt
		n.Because = v.used(was.Because)
		if v.shows(SQL) {
			for _, text := range was.Problems {
				n.Problems = append(n.Problems, v.plain(text, place{node: was.ID, part: "the problem"}))
			}
		}
	}
	if v.shows(Customers) {
		n.Customers, n.ForAll = slices.Clone(was.Customers), was.ForAll
	}
	v.advice(n, was)
	if v.shows(SQL) {
		n.Template = v.code(was.Template, place{node: was.ID, part: "the template"})
		n.SQL = v.code(was.SQL, place{node: was.ID, part: "the SQL"})
	}
}

// folder is where readers look for a node who do not know the project's folders.
func folder(n, was *content.Node) string {
	switch {
	case n.ID.Kind == addr.Source:
		name, _, _ := strings.Cut(n.ID.Name, ".")
		return "sources/" + name
	case n.ID.Kind == addr.Exposure:
		return "exposures"
	}
	return cmp.Or(was.Tier, was.Tone)
}

// kinds is what only sources, exposures and seeds have.
func (v *view) kinds(n, was *content.Node) {
	if x := was.Source; x != nil {
		group := x.Name
		if v.customer >= 0 {
			group, _, _ = strings.Cut(n.ID.Name, ".")
		}
		n.Source = &content.Source{Name: group, Description: v.prose(x.Description, place{node: was.ID, part: "the description of the source"})}
		if v.shows(Settings) {
			n.Source.Loader, n.Source.LoadedAt, n.Source.WarnAfter, n.Source.ErrorAfter = x.Loader, x.LoadedAt, x.WarnAfter, x.ErrorAfter
		}
		if v.shows(Status) {
			n.Source.Loaded, n.Source.Checked, n.Source.Fresh = x.Loaded, x.Checked, x.Fresh
		}
	}
	if x := was.Exposure; x != nil {
		n.Exposure = &content.Exposure{Type: x.Type, Maturity: x.Maturity}
		if v.shows(Relations) {
			n.Exposure.URL = x.URL
		}
		if v.shows(Owners) {
			n.Exposure.OwnerName, n.Exposure.Email = x.OwnerName, x.Email
		}
	}
	if x := was.Seed; x != nil {
		n.Seed = &content.Seed{}
		if v.shows(Settings) {
			n.Seed.Format = x.Format
		}
		if v.shows(Stats) {
			n.Seed.Size = x.Size
		}
	}
}

// advice keeps what leads to nodes that are shown; the rest is for those who work on them.
func (v *view) advice(n, was *content.Node) {
	for _, x := range was.Advice {
		to, ok := v.news[x.Prefer]
		if x.Prefer < 0 {
			to, ok = -1, v.shows(Status)
		}
		if ok {
			n.Advice = append(n.Advice, content.Advice{Level: x.Level, Prefer: to, Text: v.plain(x.Text, place{node: was.ID, part: "the advice"})})
		}
	}
}

// grain is what one row is for, if all of its columns are shown.
func (v *view) grain(text string, c columns) string {
	for _, w := range wordsOf(text) {
		if to, known := c.name[strings.ToLower(w.text(text))]; known && to == "" {
			return ""
		}
	}
	out, hidden := v.words(text, place{part: "the grain", columns: c.name}, true)
	if hidden {
		return ""
	}
	return out
}

func (v *view) pairs(list []content.Pair, at place) []content.Pair {
	var out []content.Pair
	for _, p := range list {
		part := at
		part.part += ", " + p.Name
		out = append(out, content.Pair{Name: v.plain(p.Name, part), Value: v.plain(p.Value, part)})
	}
	return out
}

// code is SQL that names nothing hidden; all other SQL is left out as a whole.
func (v *view) code(x content.Code, at place) content.Code {
	for _, l := range x.Links {
		if _, ok := v.news[l.Node]; !ok {
			return content.Code{}
		}
	}
	if x.Text == "" || !v.clean(x.Text, at) {
		return content.Code{}
	}
	out := content.Code{Text: x.Text}
	for _, l := range x.Links {
		l.Node = v.news[l.Node]
		out.Links = append(out.Links, l)
	}
	return out
}

// allTests are those that read nothing hidden.
func (v *view) allTests() {
	if !v.shows(Tests) {
		return
	}
	type kept struct {
		old int
		t   *content.Test
	}
	var list []kept
	seen := map[int]bool{}
	for _, old := range v.olds {
		for _, i := range v.s.c.Nodes[old].Tests {
			if seen[i] {
				continue
			}
			seen[i] = true
			if t := v.test(v.s.c.Tests[i]); t != nil {
				list = append(list, kept{i, t})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b kept) int { return cmp.Or(a.t.ID.Compare(b.t.ID), cmp.Compare(a.old, b.old)) })
	taken := map[addr.Node]bool{}
	for i, x := range list {
		if v.renames {
			// Names of tests are made of those in the project: customers have their own.
			base := x.t.ID.Name
			for n := 2; taken[x.t.ID]; n++ {
				x.t.ID.Name = fmt.Sprintf("%s_%d", base, n)
			}
			taken[x.t.ID] = true
		}
		v.tests[x.old] = i
		v.out.Tests = append(v.out.Tests, x.t)
		for _, n := range x.t.Reads {
			v.out.Nodes[n].Tests = append(v.out.Nodes[n].Tests, i)
		}
		if x.t.Of >= 0 && !slices.Contains(x.t.Reads, x.t.Of) {
			v.out.Nodes[x.t.Of].Tests = append(v.out.Nodes[x.t.Of].Tests, i)
		}
	}
	for i, old := range v.olds {
		for to, from := range v.columns[i].old {
			if from < 0 {
				continue
			}
			for _, t := range v.s.c.Nodes[old].Columns[from].Tests {
				if n, ok := v.tests[t]; ok {
					v.out.Nodes[i].Columns[to].Tests = append(v.out.Nodes[i].Columns[to].Tests, n)
				}
			}
			slices.Sort(v.out.Nodes[i].Columns[to].Tests)
		}
	}
}

// test is a test as the audience sees it; nil: not at all.
func (v *view) test(was *content.Test) *content.Test {
	t := &content.Test{Of: -1, Kind: was.Kind, Severity: was.Severity}
	var names map[string]string
	if was.Of >= 0 {
		of, ok := v.news[was.Of]
		if !ok {
			return nil
		}
		t.Of, names = of, v.columns[of].name
	}
	for _, r := range was.Reads {
		n, ok := v.news[r]
		if !ok {
			return nil
		}
		t.Reads = append(t.Reads, n)
	}
	slices.Sort(t.Reads)
	if len(t.Reads) == 0 && t.Of < 0 {
		return nil
	}
	at := place{node: was.ID, part: "the test", columns: names}
	if was.Column != "" {
		to, known := names[strings.ToLower(was.Column)]
		if known && to == "" {
			return nil
		}
		if t.Column = was.Column; known {
			t.Column = to
		}
	}
	sentence, hidden := v.words(was.Sentence, at, true)
	if hidden {
		return nil
	}
	t.Sentence = sentence
	if v.renames {
		// Tests in SQL of their own have names that the project's people gave them.
		if was.Kind == "singular" || was.Kind == "unit" {
			return nil
		}
		parts := []string{was.Kind}
		for _, s := range []string{v.nameOf(t.Of), t.Column} {
			if s != "" {
				parts = append(parts, s)
			}
		}
		t.ID = addr.Node{Kind: was.ID.Kind, Name: strings.Join(parts, "_")}
	} else {
		t.ID = was.ID
		if !v.clean(was.ID.Name, at) || v.namesHidden(was.ID.Name) {
			return nil
		}
	}
	t.Description = v.prose(was.Description, place{node: was.ID, part: "the description", columns: names})
	if v.shows(Tags) {
		t.Tags = slices.Clone(was.Tags)
	}
	if v.shows(Paths) {
		t.Where = was.Where
	}
	if v.shows(Status) {
		t.Status, t.At = was.Status, was.At
		for _, o := range was.History {
			if !v.shows(Stats) {
				o.Failures = 0
			}
			t.History = append(t.History, o)
		}
	}
	if v.shows(Stats) {
		t.Failures = was.Failures
	}
	if v.shows(SQL) && v.clean(was.SQL, at) {
		t.SQL = was.SQL
		if v.shows(Status) {
			t.Problem = v.plain(was.Problem, at)
		}
	}
	if v.shows(Samples) && was.Sample != nil {
		t.Sample = v.sample(was.Sample, at)
		if v.shows(Relations) {
			t.Stored = was.Stored
		}
	}
	return t
}

// namesHidden reports whether the name of a test is made of that of a hidden node, as
// not_null_stg_orders_id is.
func (v *view) namesHidden(name string) bool {
	low := strings.ToLower(name)
	for start := range low {
		if start > 0 && low[start-1] != '_' {
			continue
		}
		for end := start + 1; end <= len(low); end++ {
			if end < len(low) && low[end] != '_' {
				continue
			}
			if n, ok := v.s.names[low[start:end]]; ok && n.strong && !v.visible(n) && !v.own[low[start:end]] {
				return true
			}
		}
	}
	return false
}

func (v *view) nameOf(n int) string {
	if n < 0 {
		return ""
	}
	return v.out.Nodes[n].ID.Name
}

func (v *view) sample(was *content.Sample, at place) *content.Sample {
	out := &content.Sample{}
	var keep []int
	for i, name := range was.Columns {
		if to, known := at.columns[strings.ToLower(name)]; !known || to != "" {
			keep = append(keep, i)
			out.Columns = append(out.Columns, name)
		}
	}
	for _, row := range was.Rows {
		var cells []string
		for _, i := range keep {
			if i < len(row) {
				cells = append(cells, row[i])
			}
		}
		out.Rows = append(out.Rows, cells)
	}
	return out
}

// rest are macros, groups, terms, customers and runs.
func (v *view) rest() {
	c := v.s.c
	if v.shows(SQL) {
		for i, m := range c.Macros {
			used := v.used(m.UsedBy)
			at := place{part: "the macro " + m.Name}
			if len(used) == 0 || !v.clean(m.Text, at) || !v.clean(m.Name, at) {
				continue
			}
			x := &content.Macro{Name: m.Name, Description: v.prose(m.Description, at), Text: m.Text, UsedBy: used}
			if v.shows(Paths) {
				x.File, x.Line = m.File, m.Line
			}
			for _, n := range used {
				if slices.Contains(c.Nodes[v.olds[n]].Macros, i) {
					v.out.Nodes[n].Macros = append(v.out.Nodes[n].Macros, len(v.out.Macros))
				}
			}
			v.out.Macros = append(v.out.Macros, x)
		}
	}
	if v.shows(Owners) {
		used := map[string]bool{}
		for _, n := range v.out.Nodes {
			used[n.Group] = true
		}
		for _, g := range c.Groups {
			if used[g.Name] {
				v.out.Groups = append(v.out.Groups, &content.Group{Name: g.Name, OwnerName: g.OwnerName, OwnerEmail: g.OwnerEmail, Description: v.prose(g.Description, place{part: "the group " + g.Name})})
			}
		}
	}
	for _, t := range c.Terms {
		used := v.used(t.UsedBy)
		at := place{part: "the term " + t.Name}
		if len(used) == 0 || v.plain(t.Name, at) != t.Name {
			continue
		}
		x := &content.Term{Name: t.Name, Text: v.prose(t.Text, at), UsedBy: used}
		if v.shows(Paths) {
			x.File = t.File
		}
		v.out.Terms = append(v.out.Terms, x)
	}
	if v.shows(Customers) {
		for _, x := range c.Customers {
			v.out.Customers = append(v.out.Customers, &content.Customer{
				Name: x.Name, Title: x.Title, Tier: x.Tier, Mode: x.Mode, Tenants: x.Tenants, Released: x.Released,
				Schema: x.Schema, Lakes: slices.Clone(x.Lakes), Contract: x.Contract, Nodes: v.used(x.Nodes),
			})
		}
	}
}

// used are the new numbers of those nodes of a list that are shown, sorted.
func (v *view) used(list []int) []int {
	var out []int
	for _, n := range list {
		if to, ok := v.news[n]; ok {
			out = append(out, to)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// received is what a customer has in its own schema.
func (v *view) received(n *content.Node, old int) {
	x, o := v.s.c.Customers[v.customer], v.offered(old)
	schema := x.Schema
	if o.Source != "" {
		schema = ""
		for _, l := range x.Lakes {
			if l.Name == o.Source {
				schema = l.Value
			}
		}
	}
	if n.Relation = o.As; schema != "" {
		n.Relation = schema + "." + o.As
	}
	if !x.Released.IsZero() {
		n.Data.BuiltAt = x.Released
	}
}

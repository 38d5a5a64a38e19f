package changes

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/engine/addr"
)

// Sort is what has become of something.
type Sort string

// Sorts.
const (
	Added   Sort = "added"
	Removed Sort = "removed"
	Renamed Sort = "renamed"
	Changed Sort = "changed"
	// Same is what has only other rows, or another outcome.
	Same Sort = "same"
)

// Changes is how a catalog differs from an earlier one.
type Changes struct {
	// Before and After are the two sides.
	Before, After Side
	// Nodes are those that differ: by what has become of them, in the order of the constants,
	// then by name.
	Nodes []*Node
	// Macros, Terms and Groups are names that have come, gone or changed.
	Macros, Terms, Groups []Named

	of map[int]*Node // by number in the later catalog
	c  *content.Catalog
}

// Side is one of the two catalogs.
type Side struct {
	Target    string
	Generated time.Time
	Nodes     int
	Columns   int
}

// Named is anything that has a name.
type Named struct {
	Sort Sort
	Name string
}

// Node is how one node differs.
type Node struct {
	Sort Sort
	// ID is the name now, of what is gone the name then; Was is set where it has been renamed.
	ID, Was addr.Node
	// Now is its number in the later catalog, Then in the earlier one; -1 where it is not there.
	Now, Then int
	Tone      string
	Label     string
	// Fields are descriptions, owners and all other settings.
	Fields  []Field
	Columns []Column
	Tests   []Test
	// Parents that have come or gone.
	Parents []Edge
	// Flow are the ways of values into its columns that have come or gone.
	Flow []Way
	// Code is the change of the template, or of the SQL where there is no template; nil if it is
	// the same or not known. What names the text: template, SQL.
	Code []Line
	What string
	// Status and Rows are as they were and are; rows are -1 where unknown.
	StatusBefore, StatusAfter content.Status
	RowsBefore, RowsAfter     int64
	// Readers counts all nodes that read it now, directly or not; of what is gone, those that
	// did then.
	Readers int
}

// Field is a setting with its values as text.
type Field struct{ Name, Before, After string }

// Column is a column that differs.
type Column struct {
	Sort      Sort
	Name, Was string
	// Type is the type now, of what is gone the type then; TypeBefore is set where it differs.
	Type, TypeBefore string
	Fields           []Field
	// Readers counts the columns that its value goes to directly, in the catalog it is in.
	Readers int
}

// Test is a test that has come or gone, or come out differently.
type Test struct {
	Sort          Sort
	Sentence      string
	Before, After content.Status
}

// Edge is an edge from a parent.
type Edge struct {
	Sort   Sort
	Parent addr.Node
	// Number is the parent's in the later catalog, -1 if it is gone.
	Number int
}

// Way is an edge between columns.
type Way struct {
	Sort   Sort
	Column string // of the node
	// From is the column it comes from, Number the number of its node in the later catalog or -1.
	From   addr.Node
	Name   string
	Number int
	Way    content.Way
	Text   string
}

// Of is how a node of the later catalog differs, nil if it does not.
func (c *Changes) Of(n int) *Node { return c.of[n] }

// Count is how many nodes there are of a sort.
func (c *Changes) Count(s Sort) int {
	n := 0
	for _, x := range c.Nodes {
		if x.Sort == s {
			n++
		}
	}
	return n
}

// Empty reports whether nothing has changed but rows and outcomes.
func (c *Changes) Empty() bool {
	return c.Count(Same) == len(c.Nodes) && len(c.Macros)+len(c.Terms)+len(c.Groups) == 0
}

// Later is the catalog that the changes lead to.
func (c *Changes) Later() *content.Catalog { return c.c }

// Between compares two catalogs. Neither is changed, nor must be afterwards. The result
// depends on the two alone.
func Between(before, after *content.Catalog) *Changes {
	d := &differ{before: newSide(before), after: newSide(after)}
	out := &Changes{Before: d.before.side(), After: d.after.side(), of: map[int]*Node{}, c: after}
	d.match()
	for i := range after.Nodes {
		var n *Node
		if then, ok := d.then[i]; ok {
			n = d.compare(then, i)
		} else {
			n = d.alone(Added, i)
		}
		if n != nil {
			out.Nodes = append(out.Nodes, n)
			out.of[i] = n
		}
	}
	for i := range before.Nodes {
		if _, still := d.now[i]; !still {
			out.Nodes = append(out.Nodes, d.alone(Removed, i))
		}
	}
	order := []Sort{Added, Removed, Renamed, Changed, Same}
	slices.SortFunc(out.Nodes, func(a, b *Node) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Sort), slices.Index(order, b.Sort)), cmp.Compare(a.ID.Name, b.ID.Name), a.ID.Compare(b.ID))
	})
	out.Macros = named(before.Macros, after.Macros, func(m *content.Macro) (string, string) { return m.Name, m.Description + "\x00" + m.Text })
	out.Terms = named(before.Terms, after.Terms, func(t *content.Term) (string, string) { return t.Name, t.Text })
	out.Groups = named(before.Groups, after.Groups, func(g *content.Group) (string, string) {
		return g.Name, strings.Join([]string{g.OwnerName, g.OwnerEmail, g.Description}, "\x00")
	})
	return out
}

// named compares things that have a name and a content.
func named[T any](before, after []T, of func(T) (name, text string)) []Named {
	was := map[string]string{}
	for _, x := range before {
		name, text := of(x)
		was[name] += text
	}
	is := map[string]string{}
	for _, x := range after {
		name, text := of(x)
		is[name] += text
	}
	var out []Named
	for name, text := range is {
		if old, had := was[name]; !had {
			out = append(out, Named{Added, name})
		} else if old != text {
			out = append(out, Named{Changed, name})
		}
	}
	for name := range was {
		if _, still := is[name]; !still {
			out = append(out, Named{Removed, name})
		}
	}
	slices.SortFunc(out, func(a, b Named) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Sort, b.Sort)) })
	return out
}

// side is a catalog with what comparing it needs.
type side struct {
	c       *content.Catalog
	number  map[addr.Node]int
	edges   []int32 // first edge into a column
	from    []int32 // how many edges leave a column
	readers []int   // of nodes, -1: not counted yet
}

func newSide(c *content.Catalog) *side {
	s := &side{c: c, number: make(map[addr.Node]int, len(c.Nodes)), readers: make([]int, len(c.Nodes))}
	for i, n := range c.Nodes {
		s.number[n.ID] = i
		s.readers[i] = -1
	}
	f := &c.Flow
	if len(f.First) == len(c.Nodes)+1 {
		s.edges = make([]int32, int(f.First[len(c.Nodes)])+1)
		s.from = make([]int32, len(s.edges))
		for _, e := range f.Edges {
			s.edges[e.To+1]++
			s.from[e.From]++
		}
		for i := 1; i < len(s.edges); i++ {
			s.edges[i] += s.edges[i-1]
		}
	}
	return s
}

func (s *side) side() Side {
	out := Side{Target: s.c.Target, Generated: s.c.Generated, Nodes: len(s.c.Nodes)}
	for _, n := range s.c.Nodes {
		out.Columns += len(n.Columns)
	}
	return out
}

// reach counts the nodes below one.
func (s *side) reach(n int) int {
	if s.readers[n] < 0 {
		seen := map[int]bool{n: true}
		todo := []int{n}
		for len(todo) > 0 {
			at := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			for _, k := range s.c.Nodes[at].Children {
				if !seen[k] {
					seen[k] = true
					todo = append(todo, k)
				}
			}
		}
		s.readers[n] = len(seen) - 1
	}
	return s.readers[n]
}

// column is the node and the position of a column by its number.
func (s *side) column(number int32) (node, at int) {
	first := s.c.Flow.First
	n, found := slices.BinarySearch(first, number)
	if !found {
		return n - 1, int(number - first[n-1])
	}
	for n+1 < len(first) && first[n+1] == number {
		n++
	}
	return n, 0
}

// differ compares two sides.
type differ struct {
	before, after *side
	then, now     map[int]int // number now → then, and back
}

// match finds out which node is which: by name, then what has kept its columns and its text
// under another name.
func (d *differ) match() {
	d.then, d.now = map[int]int{}, map[int]int{}
	pair := func(then, now int) { d.then[now], d.now[then] = then, now }
	for i, n := range d.after.c.Nodes {
		if was, ok := d.before.number[n.ID]; ok {
			pair(was, i)
		}
	}
	shapes := map[string][2][]int{}
	note := func(s *side, i, which int) {
		if key := shape(s.c, s.c.Nodes[i]); key != "" {
			x := shapes[key]
			x[which] = append(x[which], i)
			shapes[key] = x
		}
	}
	for i := range d.before.c.Nodes {
		if _, ok := d.now[i]; !ok {
			note(d.before, i, 0)
		}
	}
	for i := range d.after.c.Nodes {
		if _, ok := d.then[i]; !ok {
			note(d.after, i, 1)
		}
	}
	for _, x := range shapes {
		if len(x[0]) == 1 && len(x[1]) == 1 {
			pair(x[0][0], x[1][0])
		}
	}
}

// shape is what a node keeps when it is renamed: kind, columns, and the text or else the parents.
// It is empty for nodes of which too little is known to tell them from others.
func shape(c *content.Catalog, n *content.Node) string {
	if len(n.Columns) < 2 {
		return ""
	}
	parts := []string{string(n.ID.Kind)}
	for _, x := range n.Columns {
		parts = append(parts, strings.ToLower(x.Name), x.Type)
	}
	text := cmp.Or(n.Template.Text, n.SQL.Text)
	if text == "" {
		if len(n.Parents) == 0 && n.Description == "" {
			return ""
		}
		for _, p := range n.Parents {
			parts = append(parts, c.Nodes[p].ID.String())
		}
		text = n.Description
	}
	return strings.Join(append(parts, text), "\x00")
}

func (d *differ) alone(s Sort, i int) *Node {
	side, n := d.after, &Node{Sort: s, Now: i, Then: -1, RowsBefore: -1, RowsAfter: -1}
	if s == Removed {
		side, n.Now, n.Then = d.before, -1, i
	}
	x := side.c.Nodes[i]
	n.ID, n.Tone, n.Label, n.Readers = x.ID, x.Tone, x.Label, side.reach(i)
	for _, c := range x.Columns {
		n.Columns = append(n.Columns, Column{Sort: s, Name: c.Name, Type: c.Type})
	}
	for _, p := range x.Parents {
		n.Parents = append(n.Parents, d.edge(s, side.c.Nodes[p].ID))
	}
	for _, t := range x.Tests {
		if test := side.c.Tests[t]; test.Of == i {
			n.Tests = append(n.Tests, Test{Sort: s, Sentence: sentence(test), Before: test.Status, After: test.Status})
		}
	}
	if s == Removed {
		n.StatusBefore, n.RowsBefore = x.Status, x.Data.Rows
	} else {
		n.StatusAfter, n.RowsAfter = x.Status, x.Data.Rows
	}
	return n
}

func (d *differ) edge(s Sort, parent addr.Node) Edge {
	e := Edge{Sort: s, Parent: parent, Number: -1}
	if i, ok := d.after.number[parent]; ok {
		e.Number = i
	} else if was, ok := d.before.number[parent]; ok {
		if now, ok := d.now[was]; ok {
			e.Number = now
		}
	}
	return e
}

func sentence(t *content.Test) string { return cmp.Or(t.Sentence, t.ID.Name) }

// compare is how a node differs, nil if it does not.
func (d *differ) compare(then, now int) *Node {
	was, is := d.before.c.Nodes[then], d.after.c.Nodes[now]
	n := &Node{
		Sort: Changed, ID: is.ID, Now: now, Then: then, Tone: is.Tone, Label: is.Label, Readers: d.after.reach(now),
		StatusBefore: was.Status, StatusAfter: is.Status, RowsBefore: was.Data.Rows, RowsAfter: is.Data.Rows,
	}
	n.Fields = d.fields(was, is)
	pairs, taken := d.pairs(then, now)
	n.Columns = d.columns(then, now, pairs, taken)
	n.Tests = d.tests(then, now)
	n.Parents = d.parents(was, is)
	n.Flow = d.flow(then, now, pairs)
	n.What, n.Code = d.code(was, is)
	if was.ID != is.ID {
		n.Sort, n.Was = Renamed, was.ID
		return n
	}
	if len(n.Fields)+len(n.Columns)+len(n.Parents)+len(n.Flow)+len(n.Code) > 0 ||
		slices.ContainsFunc(n.Tests, func(t Test) bool { return t.Sort != Same }) {
		return n
	}
	if len(n.Tests) > 0 || was.Status != is.Status || was.Data.Rows != is.Data.Rows && was.Data.Rows >= 0 && is.Data.Rows >= 0 {
		n.Sort = Same
		return n
	}
	return nil
}

// sameTarget reports whether both are of one target: names in the warehouse, and texts that
// have them, mean nothing otherwise.
func (d *differ) sameTarget() bool { return d.before.c.Target == d.after.c.Target }

type fields struct{ list []Field }

func (f *fields) add(name, before, after string) {
	if before != after {
		f.list = append(f.list, Field{name, before, after})
	}
}

func words(list []string) string {
	sorted := slices.Clone(list)
	slices.Sort(sorted)
	return strings.Join(sorted, ", ")
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("2006-01-02")
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// fields are the settings of a node that differ, in a fixed order.
func (d *differ) fields(was, is *content.Node) []Field {
	var f fields
	f.add("description", was.Description, is.Description)
	f.add("label", was.Label, is.Label)
	f.add("tier", was.Tier, is.Tier)
	f.add("owner", was.Owner, is.Owner)
	f.add("group", was.Group, is.Group)
	f.add("access", was.Access, is.Access)
	f.add("contract", yes(was.Contract), yes(is.Contract))
	f.add("materialized", was.Materialized, is.Materialized)
	if d.sameTarget() {
		f.add("relation", was.Relation, is.Relation)
	}
	f.add("grain", was.Grain, is.Grain)
	f.add("tags", words(was.Tags), words(is.Tags))
	f.add("deprecated", day(was.Deprecated), day(is.Deprecated))
	f.add("partitioned by", was.Data.Partitioned, is.Data.Partitioned)
	f.add("clustered by", strings.Join(was.Data.Clustered, ", "), strings.Join(is.Data.Clustered, ", "))
	f.add("reads what is not shown", yes(was.Withheld), yes(is.Withheld))
	f.pairs("meta ", was.Meta, is.Meta)
	facts := func(list []content.Fact) (out []content.Pair) {
		for _, x := range list {
			out = append(out, content.Pair{Name: x.Name, Value: x.Value})
		}
		return out
	}
	f.pairs("", facts(was.Facts), facts(is.Facts))
	if was.Source != nil && is.Source != nil {
		f.add("loader", was.Source.Loader, is.Source.Loader)
		f.add("warn after", span(was.Source.WarnAfter), span(is.Source.WarnAfter))
		f.add("error after", span(was.Source.ErrorAfter), span(is.Source.ErrorAfter))
	}
	if was.Exposure != nil && is.Exposure != nil {
		f.add("type", was.Exposure.Type, is.Exposure.Type)
		f.add("maturity", was.Exposure.Maturity, is.Exposure.Maturity)
		f.add("address", was.Exposure.URL, is.Exposure.URL)
		f.add("owner's name", was.Exposure.OwnerName, is.Exposure.OwnerName)
		f.add("owner's address", was.Exposure.Email, is.Exposure.Email)
	}
	f.add("file", was.File, is.File)
	return f.list
}

func span(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// pairs compares values by their names. Names that stand twice are compared as a list.
func (f *fields) pairs(prefix string, was, is []content.Pair) {
	var names []string
	of := func(list []content.Pair) map[string]string {
		out := map[string]string{}
		for _, p := range list {
			if old, twice := out[p.Name]; twice {
				out[p.Name] = old + ", " + p.Value
			} else {
				out[p.Name] = p.Value
			}
			if !slices.Contains(names, p.Name) {
				names = append(names, p.Name)
			}
		}
		return out
	}
	before, after := of(was), of(is)
	slices.Sort(names)
	for _, name := range names {
		f.add(prefix+name, before[name], after[name])
	}
}

// tests are those declared on a node that have come or gone, or come out differently. Two tests
// of one sentence are told apart by their number.
func (d *differ) tests(then, now int) []Test {
	of := func(s *side, n int) (map[string]*content.Test, []string) {
		out, order := map[string]*content.Test{}, []string{}
		for _, i := range s.c.Nodes[n].Tests {
			t := s.c.Tests[i]
			if t.Of != n && !(t.Of < 0 && len(t.Reads) > 0 && t.Reads[0] == n) {
				continue
			}
			key := t.Kind + "\x00" + t.Column + "\x00" + sentence(t)
			for k := 2; out[key] != nil; k++ {
				key += "\x00" + strconv.Itoa(k)
			}
			out[key] = t
			order = append(order, key)
		}
		return out, order
	}
	was, old := of(d.before, then)
	is, order := of(d.after, now)
	var out []Test
	for _, key := range order {
		t, before := is[key], was[key]
		switch {
		case before == nil:
			out = append(out, Test{Sort: Added, Sentence: sentence(t), After: t.Status})
		case before.Severity != t.Severity:
			out = append(out, Test{Sort: Changed, Sentence: sentence(t) + " (" + before.Severity + " → " + t.Severity + ")", Before: before.Status, After: t.Status})
		case before.Status != t.Status:
			out = append(out, Test{Sort: Same, Sentence: sentence(t), Before: before.Status, After: t.Status})
		}
	}
	for _, key := range old {
		if t := was[key]; is[key] == nil {
			out = append(out, Test{Sort: Removed, Sentence: sentence(t), Before: t.Status})
		}
	}
	return out
}

// parents that have come or gone; a parent that was renamed is the same.
func (d *differ) parents(was, is *content.Node) []Edge {
	var out []Edge
	kept := map[int]bool{}
	for _, p := range was.Parents {
		now, still := d.now[p]
		if still && slices.Contains(is.Parents, now) {
			kept[now] = true
			continue
		}
		out = append(out, d.edge(Removed, d.before.c.Nodes[p].ID))
	}
	for _, p := range is.Parents {
		if !kept[p] {
			out = append(out, d.edge(Added, d.after.c.Nodes[p].ID))
		}
	}
	slices.SortFunc(out, func(a, b Edge) int {
		return cmp.Or(cmp.Compare(a.Parent.Name, b.Parent.Name), a.Parent.Compare(b.Parent), cmp.Compare(a.Sort, b.Sort))
	})
	return out
}

// code is the change of a node's text. SQL is compared where there is no template, and where
// only it has changed on one target: a macro has.
func (d *differ) code(was, is *content.Node) (string, []Line) {
	if was.Template.Text != "" && is.Template.Text != "" {
		if was.Template.Text != is.Template.Text {
			return "template", Lines(was.Template.Text, is.Template.Text)
		}
	} else if was.Template.Text != is.Template.Text && (was.Template.Text != "" || is.Template.Text != "") && (was.SQL.Text == "" || is.SQL.Text == "") {
		return "", nil // one side does not say: that is no change
	}
	if was.SQL.Text != "" && is.SQL.Text != "" && was.SQL.Text != is.SQL.Text && d.sameTarget() {
		return "SQL", Lines(was.SQL.Text, is.SQL.Text)
	}
	return "", nil
}

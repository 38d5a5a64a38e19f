package catalog

import (
	"cmp"
	"html/template"
	"path"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/lineage"
)

// book is what pages look things up in. It does not change once made, so that pages can
// be rendered at the same time.
type book struct {
	in     In
	title  string
	prose  *prose
	nodes  []addr.Node // all that have a page, in graph order
	number map[addr.Node]int

	exposures map[addr.Node]*compile.Exposure
	tests     map[addr.Node][]*compile.Test // by every node they read
	units     map[addr.Node][]*compile.UnitTest
	results   map[addr.Node]*run.NodeResult
	checks    map[addr.Node]*run.TestResult
	past      map[addr.Node]state.TestRecord // In.Passed of tests that are still the same
	sentences map[addr.Node]string
	folders   *folder
	byFolder  map[string]*folder
	sidebars  map[string]template.HTML

	// flowColumns are all columns that have a row on a page; their numbers and the ids of
	// those rows by their names in lower case. Empty without In.Columns.
	flowColumns  []addr.Column
	columnNumber map[addr.Column]int
	anchors      map[addr.Column]string
}

// folder is a directory of the project, or a group that stands for one.
type folder struct {
	path, name string
	subs       []*folder
	nodes      []addr.Node // directly in it
	total      int         // nodes in it and below
}

func newBook(in In) *book {
	b := &book{
		in: in, title: cmp.Or(in.Title, in.Graph.Project, "Catalog"), number: map[addr.Node]int{},
		exposures: map[addr.Node]*compile.Exposure{}, tests: map[addr.Node][]*compile.Test{},
		units: map[addr.Node][]*compile.UnitTest{}, results: map[addr.Node]*run.NodeResult{},
		checks: map[addr.Node]*run.TestResult{}, sentences: map[addr.Node]string{},
		byFolder: map[string]*folder{}, sidebars: map[string]template.HTML{},
	}
	for _, n := range in.Graph.Nodes {
		b.number[n.ID] = len(b.nodes)
		b.nodes = append(b.nodes, n.ID)
	}
	b.prose = newProse(b.nodes)
	for _, e := range in.Program.Exposures {
		b.exposures[e.ID] = e
	}
	for _, t := range in.Program.Tests {
		for _, n := range t.Parents {
			b.tests[n] = append(b.tests[n], t)
		}
		if !t.Node.IsZero() && !slices.Contains(t.Parents, t.Node) {
			b.tests[t.Node] = append(b.tests[t.Node], t)
		}
	}
	for _, t := range in.Program.UnitTests {
		b.units[t.Node] = append(b.units[t.Node], t)
	}
	b.readPast()
	b.readResult()
	b.readFolders()
	b.numberColumns()
	return b
}

func (b *book) readPast() {
	b.past = map[addr.Node]state.TestRecord{}
	see := func(id addr.Node, fingerprint string) {
		if past, ok := b.in.Passed[id]; ok && past.Fingerprint == fingerprint {
			b.past[id] = past
		}
	}
	for _, t := range b.in.Program.Tests {
		see(t.ID, t.Fingerprint)
	}
	for _, t := range b.in.Program.UnitTests {
		see(t.ID, t.Fingerprint)
	}
}

func (b *book) readResult() {
	r := b.in.Result
	if r == nil {
		return
	}
	if r.Plan != nil {
		for _, a := range r.Plan.Actions {
			b.readSentences(a)
		}
	}
	for _, n := range r.Nodes {
		b.results[n.Node] = n
		for i := range n.Tests {
			t := &n.Tests[i]
			b.checks[t.ID] = t
			if t.Sentence != "" {
				b.sentences[t.ID] = t.Sentence
			}
		}
	}
}

func (b *book) readSentences(a *plan.Action) {
	for _, t := range a.Tests {
		b.sentences[t.ID] = t.Sentence
	}
}

// folderOf is where readers look for a node: its directory; sources by their name.
func (b *book) folderOf(id addr.Node) string {
	switch id.Kind {
	case addr.Source:
		name, _, _ := strings.Cut(id.Name, ".")
		if n := b.in.Program.Nodes[id]; n != nil && n.Source != nil {
			name = n.Source.SourceName.V
		}
		return "sources/" + name
	case addr.Exposure:
		return "exposures"
	}
	if n := b.in.Program.Nodes[id]; n != nil && n.Path != "" {
		if d := path.Dir(n.Path); d != "." {
			return d
		}
	}
	return string(id.Kind) + "s"
}

func (b *book) readFolders() {
	b.folders = &folder{}
	b.byFolder[""] = b.folders
	for _, id := range b.nodes {
		f := b.folder(b.folderOf(id))
		f.nodes = append(f.nodes, id)
	}
	b.folders.finish()
	for p := range b.byFolder {
		b.sidebars[p] = renderSidebar(b.sidebar(p))
	}
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
var folderRank = map[string]int{"models": 1, "snapshots": 2, "seeds": 6, "sources": 7, "exposures": 8}

func (f *folder) finish() {
	slices.SortFunc(f.subs, func(a, b *folder) int {
		if f.path == "" {
			ra, rb := cmp.Or(folderRank[a.name], 5), cmp.Or(folderRank[b.name], 5)
			if ra != rb {
				return ra - rb
			}
		}
		return cmp.Compare(a.name, b.name)
	})
	slices.SortFunc(f.nodes, func(a, b addr.Node) int { return cmp.Or(cmp.Compare(a.Name, b.Name), a.Compare(b)) })
	f.total = len(f.nodes)
	for _, s := range f.subs {
		s.finish()
		f.total += s.total
	}
}

// all lists the nodes in a folder and below.
func (f *folder) all() []addr.Node {
	out := slices.Clone(f.nodes)
	for _, s := range f.subs {
		out = append(out, s.all()...)
	}
	return out
}

func (b *book) tone(id addr.Node) string {
	if n := b.in.Graph.Node(id); n != nil {
		return n.Tone()
	}
	return string(id.Kind)
}

func (b *book) graphNode(id addr.Node) *lineage.Node { return b.in.Graph.Node(id) }

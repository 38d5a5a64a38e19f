package catalog

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
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
	sentences map[addr.Node]string
	folders   *folder
	byFolder  map[string]*folder
	sidebars  map[string][]sideItem
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
		byFolder: map[string]*folder{}, sidebars: map[string][]sideItem{},
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
	b.readResult()
	b.readFolders()
	return b
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
		b.sidebars[p] = b.sidebar(p)
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

// order of top-level folders: the data's way through a project.
var folderRank = map[string]int{"sources": 1, "seeds": 2, "models": 3, "snapshots": 4, "exposures": 9}

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

// sideItem is a line of the sidebar.
type sideItem struct {
	Path, Name, Tone string
	Depth            int
	Folder, Open     bool
	Count            int
}

// maxSiblings limits a sidebar: beyond it the folder's page takes over.
const maxSiblings = 80

// sidebar opens the folders on the way to one folder and lists what is in it.
func (b *book) sidebar(current string) []sideItem {
	var out []sideItem
	var list func(f *folder, depth int)
	list = func(f *folder, depth int) {
		for _, s := range f.subs {
			open := current == s.path || strings.HasPrefix(current, s.path+"/") || current == "" && s.name == "models" && depth == 0
			out = append(out, sideItem{Path: folderPath(s.path), Name: s.name, Depth: depth, Folder: true, Open: open, Count: s.total})
			if open {
				list(s, depth+1)
			}
		}
		if f.path != current || f.path == "" && len(f.nodes) == 0 {
			return
		}
		for i, id := range f.nodes {
			if i == maxSiblings {
				out = append(out, sideItem{Path: folderPath(f.path), Name: "all " + count(len(f.nodes)) + " …", Depth: depth})
				break
			}
			out = append(out, sideItem{Path: nodePath(id), Name: shortName(id), Tone: b.tone(id), Depth: depth})
		}
	}
	list(b.folders, 0)
	return out
}

// shortName drops the source's name where the folder says it already.
func shortName(id addr.Node) string {
	if id.Kind == addr.Source {
		if _, table, ok := strings.Cut(id.Name, "."); ok {
			return table
		}
	}
	return id.Name
}

func (b *book) tone(id addr.Node) string {
	if n := b.in.Graph.Node(id); n != nil {
		return n.Tone()
	}
	return string(id.Kind)
}

func (b *book) graphNode(id addr.Node) *lineage.Node { return b.in.Graph.Node(id) }

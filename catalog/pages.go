package catalog

import (
	"bytes"
	"cmp"
	"embed"
	"html/template"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/lineage"
)

//go:embed templates/*.html
var templateFiles embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"count": func(n int) string { return count(n) },
	// dict passes several values to a template.
	"dict": func(pairs ...any) map[string]any {
		m := map[string]any{}
		for i := 0; i+1 < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	},
}).ParseFS(templateFiles, "templates/*.html"))

// job is one page to make.
type job struct {
	path, template string
	node           addr.Node
	folder         string
}

func (b *book) pages() []job {
	jobs := []job{
		{path: "index.html", template: "index"},
		{path: "lineage.html", template: "lineage"},
		{path: "tests.html", template: "tests"},
		{path: "404.html", template: "missing"},
	}
	for _, id := range b.nodes {
		jobs = append(jobs, job{path: nodePath(id), template: "node", node: id})
	}
	for _, p := range slices.Sorted(maps.Keys(b.byFolder)) {
		if p != "" {
			jobs = append(jobs, job{path: folderPath(p), template: "folder", folder: p})
		}
	}
	return jobs
}

// frame is what every page has around its content.
type frame struct {
	Title, Project, Base string
	Current, Section     string // page shown, and its entry in the top navigation
	CSS, JS              string
	Sidebar              template.HTML
	Footer               string
	Body                 any
}

// page renders one page; out is scratch space.
func (b *book) page(j job, out *bytes.Buffer) []byte {
	f := frame{Project: b.title, Current: j.path, CSS: cssPath, JS: jsPath, Footer: b.footer()}
	if strings.Contains(j.path, "/") {
		f.Base = "../"
	}
	switch j.template {
	case "index":
		f.Title, f.Section, f.Body = "Overview", "index.html", b.indexView()
		f.Sidebar = b.sidebarFor("", j.path, f.Base)
	case "lineage":
		f.Title, f.Section, f.Body = "Lineage", "lineage.html", b.lineageView()
	case "tests":
		f.Title, f.Section, f.Body = "Tests", "tests.html", b.testsView()
		f.Sidebar = b.sidebarFor("", j.path, f.Base)
	case "missing":
		f.Title, f.Sidebar = "Page not found", b.sidebarFor("", j.path, f.Base)
	case "folder":
		f.Title, f.Body = j.folder, b.folderView(j.folder, f.Base)
		f.Sidebar = b.sidebarFor(j.folder, j.path, f.Base)
	case "node":
		f.Title, f.Body = j.node.Name, b.nodeView(j.node, f.Base)
		f.Sidebar = b.sidebarFor(b.folderOf(j.node), j.path, f.Base)
	}
	out.Reset()
	if err := templates.ExecuteTemplate(out, j.template+".html", f); err != nil {
		panic("catalog: template " + j.template + ": " + err.Error()) // our templates over our own types
	}
	if !utf8.Valid(out.Bytes()) {
		return bytes.ToValidUTF8(out.Bytes(), []byte("\uFFFD"))
	}
	return bytes.Clone(out.Bytes())
}

func (b *book) footer() string {
	var parts []string
	if t := when(b.in.GeneratedAt); t != "" {
		parts = append(parts, "Generated "+t)
	}
	if v := b.in.EngineVersion; v != "" {
		parts = append(parts, "engine "+v)
	}
	if t := b.in.Program.Target.Name; t != "" {
		parts = append(parts, "target "+t)
	}
	return strings.Join(parts, " · ")
}

// row is a node in a list.
type row struct {
	Path, Name, Tone, Kind, Summary, Materialized string
	Rows                                          string
	Tests                                         tally
	Status                                        pill
}

func (b *book) row(id addr.Node) row {
	r := row{Path: nodePath(id), Name: id.Name, Tone: b.tone(id), Kind: kindWord(id.Kind), Summary: summary(b.description(id), 140), Tests: b.tally(id)}
	if n := b.graphNode(id); n != nil {
		r.Materialized = n.Materialized
	}
	if rows, ok := b.rowCount(id); ok {
		r.Rows = count(rows)
	}
	if res := b.results[id]; res != nil {
		r.Status = nodePill(res.Status)
	}
	return r
}

// rowCount prefers what the warehouse says now; a run's number may count changed rows only.
func (b *book) rowCount(id addr.Node) (int64, bool) {
	if f, ok := b.in.Facts[id]; ok && f.Rows >= 0 {
		return f.Rows, true
	}
	if r := b.results[id]; r != nil && r.Rows >= 0 && (r.Status == run.Done || r.Status == run.Warned) && r.Materialized != "view" && r.Materialized != "ephemeral" {
		return r.Rows, true
	}
	return 0, false
}

type tile struct{ Number, Word, Note, Link string }

type indexView struct {
	Verdict verdict
	Tiles   []tile
	Trouble []troubleView
	More    int
	Folders []folderRow
	Listed  bool // folders show their nodes
	Graph   template.HTML
}

type folderRow struct {
	Path, Name, Summary string
	Depth, Total        int
	Tests               tally
	Nodes               []row
}

// listLimit is the size up to which the overview lists every node.
const listLimit = 300

func (b *book) indexView() indexView {
	v := indexView{Verdict: b.verdict(), Tiles: b.tiles(), Listed: len(b.nodes) <= listLimit}
	v.Trouble, v.More = b.trouble(25)
	var list func(f *folder, depth int)
	list = func(f *folder, depth int) {
		for _, s := range f.subs {
			r := folderRow{Path: folderPath(s.path), Name: s.path, Depth: depth, Total: s.total}
			for _, id := range s.all() {
				r.Tests.merge(b.tally(id))
			}
			if v.Listed {
				for _, id := range s.nodes {
					r.Nodes = append(r.Nodes, b.row(id))
				}
			}
			if !v.Listed || len(s.nodes) > 0 {
				v.Folders = append(v.Folders, r)
			}
			list(s, depth+1)
		}
	}
	list(b.folders, 0)
	return v
}

func (t *tally) merge(o tally) {
	t.Total, t.Passed, t.Warned, t.Failed, t.NotRun = t.Total+o.Total, t.Passed+o.Passed, t.Warned+o.Warned, t.Failed+o.Failed, t.NotRun+o.NotRun
}

func (b *book) tiles() []tile {
	kinds := map[addr.Kind]int{}
	described, columns, described2 := 0, 0, 0
	for _, id := range b.nodes {
		kinds[id.Kind]++
		if b.description(id) != "" {
			described++
		}
		for _, c := range b.columns(id) {
			columns++
			if c.description != "" {
				described2++
			}
		}
	}
	var out []tile
	for _, k := range []struct {
		kind addr.Kind
		word string
	}{{addr.Model, "model"}, {addr.Source, "source"}, {addr.Seed, "seed"}, {addr.Snapshot, "snapshot"}, {addr.Exposure, "exposure"}} {
		if n := kinds[k.kind]; n > 0 || k.kind == addr.Model {
			out = append(out, tile{Number: count(n), Word: strings.TrimPrefix(plural(n, k.word), count(n)+" ")})
		}
	}
	out[0].Note = percent(described, len(b.nodes)) + " of nodes described"
	out = append(out, tile{Number: count(columns), Word: "columns", Note: percent(described2, columns) + " described"})
	p := b.in.Program
	out = append(out, tile{Number: count(len(p.Tests) + len(p.UnitTests)), Word: "tests", Note: b.coverage(), Link: "tests.html"})
	return out
}

func (b *book) coverage() string {
	tested, models := 0, 0
	for _, id := range b.nodes {
		if id.Kind == addr.Model {
			models++
			if len(b.tests[id])+len(b.units[id]) > 0 {
				tested++
			}
		}
	}
	return percent(tested, models) + " of models tested"
}

func percent(n, of int) string {
	if of == 0 {
		return "0 %"
	}
	return count(n*100/of) + " %"
}

// troubleView is a failure of the last run.
type troubleView struct {
	Status                 pill
	Path, Name, Tone, Text string
}

// trouble lists failures first, then warnings.
func (b *book) trouble(limit int) (out []troubleView, more int) {
	if b.in.Result == nil {
		return nil, 0
	}
	var bad, warned []troubleView
	for _, n := range b.in.Result.Nodes {
		t := troubleView{Status: nodePill(n.Status), Name: n.Node.Name, Tone: b.tone(n.Node)}
		if _, ok := b.number[n.Node]; ok {
			t.Path = nodePath(n.Node)
		}
		if n.Status == run.Errored || n.Status == run.Canceled {
			t.Text = n.Message
			if len(n.Diags) > 0 {
				t.Text = n.Diags[0].Message
			}
			bad = append(bad, t)
		}
		for _, x := range n.Tests {
			if !x.Status.Bad() && x.Status != run.Warned {
				continue
			}
			one := t
			one.Status, one.Text = testPill(x.Status), b.says(&x)
			if x.Failures > 0 {
				one.Text += ": " + plural(int(x.Failures), "failing row")
			}
			if one.Path != "" && b.shows(n.Node, x.ID) {
				one.Path += "#t-" + slug(x.ID.Name)
			}
			if x.Status.Bad() {
				bad = append(bad, one)
			} else {
				warned = append(warned, one)
			}
		}
	}
	out = append(bad, warned...)
	if len(out) > limit {
		return out[:limit], len(out) - limit
	}
	return out, 0
}

// says is what a test checks, in the words of the run, the project, or its name.
func (b *book) says(x *run.TestResult) string {
	for _, t := range b.tests[x.Of] {
		if t.ID == x.ID {
			return b.sentence(t)
		}
	}
	return cmp.Or(x.Sentence, x.ID.Name)
}

// shows reports whether the page of a node lists a test. A result may be older than the program.
func (b *book) shows(node, test addr.Node) bool {
	return slices.ContainsFunc(b.tests[node], func(t *compile.Test) bool { return t.ID == test }) ||
		slices.ContainsFunc(b.units[node], func(t *compile.UnitTest) bool { return t.ID == test })
}

type crumb struct{ Path, Name string }

// crumbs lead from the overview to a folder, which is the last one.
func crumbs(p string) []crumb {
	var out []crumb
	for i := range len(p) + 1 {
		if i == len(p) || p[i] == '/' {
			out = append(out, crumb{folderPath(p[:i]), p[strings.LastIndexByte(p[:i], '/')+1 : i]})
		}
	}
	return out
}

type folderView struct {
	Crumbs []crumb
	Name   string
	Total  int
	Subs   []folderRow
	Rows   []row
	Graph  template.HTML
	Legend []legendItem
}

// folderGraphLimit is the number of nodes up to which a folder's page has a picture.
const folderGraphLimit = 120

func (b *book) folderView(p, base string) folderView {
	f := b.byFolder[p]
	c := crumbs(p)
	v := folderView{Crumbs: c[:len(c)-1], Name: f.name, Total: f.total}
	for _, s := range f.subs {
		r := folderRow{Path: folderPath(s.path), Name: s.name, Total: s.total}
		for _, id := range s.all() {
			r.Tests.merge(b.tally(id))
		}
		v.Subs = append(v.Subs, r)
	}
	for _, id := range f.nodes {
		v.Rows = append(v.Rows, b.row(id))
	}
	if f.total > folderGraphLimit {
		return v
	}
	inside := map[addr.Node]bool{}
	for _, id := range f.all() {
		inside[id] = true
	}
	sub := b.in.Graph.Sub(func(id addr.Node) bool { return inside[id] })
	if len(sub.Edges()) > 0 {
		v.Graph = b.picture(sub, lineage.SVGOptions{Name: "Lineage inside " + p, Link: linkFrom(base)})
		v.Legend = legend(sub)
	}
	return v
}

func linkFrom(base string) func(addr.Node) string {
	return func(id addr.Node) string { return base + nodePath(id) }
}

func (b *book) picture(g *lineage.Graph, o lineage.SVGOptions) template.HTML {
	var out strings.Builder
	if err := g.SVG(&out, o); err != nil {
		panic("catalog: " + err.Error()) // a strings.Builder takes every write
	}
	return template.HTML(out.String())
}

type legendItem struct{ Tone, Name string }

func legend(g *lineage.Graph) []legendItem {
	var out []legendItem
	for _, t := range g.Tones() {
		out = append(out, legendItem{t, lineage.ToneName(t)})
	}
	return out
}

type lineageView struct {
	Graph  template.HTML
	Legend []legendItem
	Nodes  int
	Map    bool // boxes are folders
}

// wholeGraphLimit is the number of nodes up to which every one is drawn; beyond it a
// picture of folders says more.
const wholeGraphLimit = 600

func (b *book) lineageView() lineageView {
	g := b.in.Graph
	v := lineageView{Nodes: len(g.Nodes), Legend: legend(g)}
	if len(g.Nodes) <= wholeGraphLimit {
		v.Graph = b.picture(g, lineage.SVGOptions{ID: "g", Link: linkFrom("")})
		return v
	}
	v.Map = true
	v.Graph, v.Legend = b.folderMap()
	return v
}

package reading

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/profile"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/lineage"
)

// In is all that a catalog is made of. Only Program is needed; what is missing is unknown.
type In struct {
	Program *compile.Program
	// Graph is lineage.From(Program); it is made when nil.
	Graph *lineage.Graph
	// Columns is the graph of columns; without it nothing is said about where columns come from.
	Columns *lineage.Columns
	// Result is the last run, nil if there was none.
	Result *run.Result
	// Facts are what the warehouse says about relations.
	Facts map[addr.Node]Facts
	// Passed is what the state remembers of tests. It speaks where Result and Past have no
	// answer: a run tests only what is due, and there may have been no run. Tests that have
	// changed since do not count; a record with failures warned.
	Passed map[addr.Node]state.TestRecord
	// Past are earlier runs, this one included if it is recorded.
	Past state.Past
	// Fresh is how old sources are, and Ingests when rows were last landed in them.
	Fresh   map[addr.Node]Freshness
	Ingests map[addr.Node]state.Ingest
	// Profiles are the newest of nodes.
	Profiles map[addr.Node]profile.Table
	// Tenants are the customers, nil where they are not known, and Released when each was
	// published last.
	Tenants  *tenant.Config
	Released map[string]time.Time
	// Hidden are texts that nobody is to be told, values of environment variables and folders
	// of the machine, with what stands in their place.
	Hidden map[string]string
	// Title is shown instead of the project's name.
	Title string
	// GeneratedAt and EngineVersion stand in the footer; zero values leave them out.
	GeneratedAt   time.Time
	EngineVersion string
}

// Facts are known about one relation. Rows and Bytes are -1 when unknown.
type Facts struct {
	Rows, Bytes int64
	Columns     []warehouse.Column
	BuiltAt     time.Time
	Layout      *warehouse.Layout
}

// Freshness is how old a source was when somebody looked.
type Freshness struct {
	Loaded, Checked time.Time
	Status          string // pass, warn, error; empty: it has no limits
}

// reader is a catalog on its way.
type reader struct {
	in    In
	p     *compile.Program
	graph *lineage.Graph
	c     *content.Catalog

	number  map[addr.Node]int // of nodes
	tests   map[addr.Node]int // of tests
	macros  map[string]int
	at      map[addr.Relation]addr.Node // what is where
	secret  func(node addr.Node, column string) bool
	hide    *strings.Replacer
	results map[addr.Node]*run.NodeResult
	checks  map[addr.Node]*run.TestResult
	// says are the sentences of tests in the words of the run.
	says map[addr.Node]string
}

// Read makes the content. The same In gives the same content.
func Read(in In) *content.Catalog {
	if in.Graph == nil {
		in.Graph = lineage.From(in.Program)
	}
	r := &reader{
		in: in, p: in.Program, graph: in.Graph, number: make(map[addr.Node]int, len(in.Graph.Nodes)), tests: map[addr.Node]int{}, macros: map[string]int{},
		at: map[addr.Relation]addr.Node{}, results: map[addr.Node]*run.NodeResult{}, checks: map[addr.Node]*run.TestResult{}, says: map[addr.Node]string{},
		secret: Sensitive(in.Program, in.Columns),
	}
	r.hide = r.hider()
	r.c = &content.Catalog{
		Project: in.Graph.Project, Title: cmp.Or(in.Title, in.Graph.Project, "Catalog"), Target: in.Program.Target.Name, Warehouse: in.Program.Target.Type,
		Generated: in.GeneratedAt, Engine: in.EngineVersion,
	}
	for i, n := range in.Graph.Nodes {
		r.number[n.ID] = i
		if x := r.p.Nodes[n.ID]; x != nil && !x.Relation.IsZero() {
			if _, taken := r.at[x.Relation]; !taken || n.ID.Kind != addr.Source {
				r.at[x.Relation] = n.ID
			}
		}
	}
	r.readResult()
	r.readRuns()
	r.readGroups()
	r.readMacros()
	r.readNodes()
	r.readTests()
	r.readStatus()
	r.readFlow()
	r.readTerms()
	r.readCustomers()
	r.advise()
	return r.c
}

// hider replaces what nobody is to be told, longer texts first. A value that stands in the
// name of a relation is no secret, and the names would be wrong without it.
func (r *reader) hider() *strings.Replacer {
	var names []string
	for _, id := range r.p.Order {
		if rel := r.p.Nodes[id].Relation; !rel.IsZero() {
			names = append(names, rel.Database, rel.Schema, rel.Name)
		}
	}
	slices.Sort(names)
	named := strings.Join(slices.Compact(names), "\n")
	var values []string
	for v := range r.in.Hidden {
		if len(v) >= shortText && !strings.Contains(named, v) {
			values = append(values, v)
		}
	}
	slices.SortFunc(values, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	var pairs []string
	for _, v := range values {
		pairs = append(pairs, v, r.in.Hidden[v])
	}
	return strings.NewReplacer(pairs...)
}

// shortText is the length below which a text is not looked for: it would be found everywhere.
const shortText = 4

func (r *reader) readResult() {
	res := r.in.Result
	if res == nil {
		return
	}
	if res.Plan != nil {
		for _, a := range res.Plan.Actions {
			for _, t := range a.Tests {
				r.says[t.ID] = t.Sentence
			}
		}
	}
	for _, n := range res.Nodes {
		r.results[n.Node] = n
		for i := range n.Tests {
			t := &n.Tests[i]
			r.checks[t.ID] = t
			if t.Sentence != "" {
				r.says[t.ID] = t.Sentence
			}
		}
	}
}

func (r *reader) readRuns() {
	warnings := map[string]bool{}
	for _, outcomes := range r.in.Past.Tests {
		for _, o := range outcomes {
			warnings[o.Run] = warnings[o.Run] || o.Status == "warned"
		}
	}
	for _, x := range r.in.Past.Runs {
		verdict := content.Passed
		switch x.Verdict {
		case "done":
			if warnings[x.ID] {
				verdict = content.Warned
			}
		case "failed":
			verdict = content.Failed
		default:
			verdict = content.Canceled
		}
		r.c.Runs = append(r.c.Runs, &content.Run{ID: x.ID, Started: x.Start, Ended: x.End, Verdict: verdict})
	}
	res := r.in.Result
	if res == nil {
		return
	}
	last := &content.Run{ID: res.RunID, Started: res.Start, Ended: res.End, Verdict: content.Passed}
	switch {
	case res.Canceled:
		last.Verdict = content.Canceled
	case !res.OK():
		last.Verdict = content.Failed
	case warned(res):
		last.Verdict = content.Warned
	}
	if len(r.c.Runs) > 0 && r.c.Runs[0].ID == last.ID {
		r.c.Runs[0] = last
	} else {
		r.c.Runs = append([]*content.Run{last}, r.c.Runs...)
	}
}

func warned(res *run.Result) bool {
	return slices.ContainsFunc(res.Nodes, func(n *run.NodeResult) bool {
		return slices.ContainsFunc(n.Tests, func(t run.TestResult) bool { return t.Status == run.Warned })
	})
}

func (r *reader) readGroups() {
	for _, g := range r.p.Project.Groups {
		r.c.Groups = append(r.c.Groups, &content.Group{Name: g.Name.V, OwnerName: g.OwnerName, OwnerEmail: g.OwnerEmail, Description: g.Description})
	}
	slices.SortStableFunc(r.c.Groups, func(a, b *content.Group) int { return cmp.Compare(a.Name, b.Name) })
}

// folderOf is where readers look for a node: its directory; sources by their name.
func (r *reader) folderOf(id addr.Node) string {
	switch id.Kind {
	case addr.Source:
		name, _, _ := strings.Cut(id.Name, ".")
		if n := r.p.Nodes[id]; n != nil && n.Source != nil {
			name = n.Source.SourceName.V
		}
		return "sources/" + name
	case addr.Exposure:
		return "exposures"
	}
	if n := r.p.Nodes[id]; n != nil && n.Path != "" {
		if d := path.Dir(n.Path); d != "." {
			return d
		}
	}
	return string(id.Kind) + "s"
}

// numbers are those of nodes that the catalog has, sorted, each once.
func (r *reader) numbers(ids []addr.Node) []int {
	var out []int
	for _, id := range ids {
		if i, ok := r.number[id]; ok {
			out = append(out, i)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

package compile

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/dag"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
	"github.com/engine-build/engine/engine/tmpl"
	"github.com/engine-build/engine/engine/warehouse"
)

// Options of Compile.
type Options struct {
	// Analyzer binds every query offline; nil leaves columns and types unknown. It must be
	// fresh: relations are declared in it.
	Analyzer warehouse.Analyzer
	// Late fills in Analyzer, Sniff and Try when something is about to ask them, where they
	// take time to open; nil if they are filled in, or missing.
	Late func(*Options)
	// Google is what GoogleSQL takes; nil where nobody understands it.
	Google *Google
	// Sniff finds the columns of a seed file that are not typed by configuration; nil
	// leaves them unknown.
	Sniff func(ctx context.Context, f warehouse.File, known ...warehouse.Column) ([]warehouse.Column, error)
	// Try finds out whether a seed file loads with its columns' types; nil leaves that to
	// the load.
	Try func(ctx context.Context, columns []warehouse.Column, f warehouse.File) error
	// SkipTests leaves the SQL of data tests unread, and unit tests out: a command that neither
	// runs nor shows them does not wait for them.
	SkipTests bool
	// Place says where nodes are read that are not read under their own name: those that a
	// deferred build reads from another target, those that a run has built aside. A node's own
	// Relation, where it is built, stays what it is.
	Place map[addr.Node]addr.Relation
	// Limit bounds what models and snapshots read; nil: nothing does.
	Limit *Limit
	// Part asks for a part of one model's query in the place of it; nil: for none.
	Part *Part
	// Near are files. If it is not nil, only what the nodes in them read is analyzed, and they
	// themselves: of all others names and order are known, as fast as that goes.
	Near []string
	// Jobs is the number of workers, at least 1; 0 means all cores.
	Jobs int
}

// Compile makes the Program that p is on target t. It reports every mistake it finds; when
// the list has errors the Program holds what could be compiled and must not be run.
// Nothing is read but seed files (through Sniff), nothing is written.
func Compile(ctx context.Context, p *project.Project, t Target, o Options) (*Program, diag.List) {
	c, program := compile(ctx, p, t, o)
	return program, c.found().Sorted()
}

func compile(ctx context.Context, p *project.Project, t Target, o Options) (*compiler, *Program) {
	if o.Jobs < 1 {
		o.Jobs = runtime.GOMAXPROCS(0)
	}
	c := &compiler{project: p, target: t, options: o, names: map[string]*unit{}, sources: map[addr.Node]*unit{}, wrong: map[addr.Node]bool{}, bad: map[addr.Node]bool{}, types: &sync.Map{}, taught: &sync.Map{}, sought: &sync.Map{}, ofTests: map[*Test]diag.List{}}
	c.values = map[string]any{
		"name": t.Name, "type": t.Type, "schema": t.Schema, "database": t.Database, "dialect": t.Dialect.Name(),
	}
	macros := make([]*source.File, len(p.Macros))
	for i, f := range p.Macros {
		macros[i] = f.Source
	}
	var ds diag.List
	c.library, ds = tmpl.Macros(macros)
	c.diags.Add(ds...)

	c.parseTemplates()
	c.indexProps()
	c.configure()
	c.nameRelations()
	c.nameSources()
	c.loadedAtQueries()
	c.chooseDialects()
	c.parting()
	c.readFunctions()
	c.render()
	c.bindConstraints()
	order := c.order()
	c.inlineEphemerals(order)
	c.checkFunctions()
	c.bindTests()
	c.bindExposures()
	if c.options.Late != nil && c.native() {
		c.options.Late(&c.options)
	}
	c.analyze(ctx, order)
	c.checkContracts(ctx)
	c.fingerprints()
	if !c.options.SkipTests {
		c.checkTests(ctx)
		c.bindUnitTests(ctx, func(*unit) bool { return true })
	}
	program := c.program(order)
	c.judge(program)
	return c, program
}

// judge finds what is wrong with the program as a whole.
func (c *compiler) judge(p *Program) {
	c.ofAll = nil
	c.checkTagLimits(p)
	c.checkIsolation(p)
}

// found is all that was found, in no order.
func (c *compiler) found() diag.List {
	out := slices.Concat(c.diags, c.ofAll)
	for _, u := range c.units {
		out = append(out, u.said...)
	}
	for _, u := range c.all {
		if u.kind == addr.Source {
			out = append(out, u.said...)
		}
	}
	for _, t := range c.tests {
		out = append(out, c.ofTests[t]...)
	}
	return out
}

// native reports whether anything has to be asked of the target's own analyzer: files of
// data, or SQL that is not GoogleSQL.
func (c *compiler) native() bool {
	other := func(u *unit) bool { return u.kind == addr.Seed || u.kind != addr.Source && !c.google(u) }
	own := func(t *Test) bool { return c.options.Google == nil || c.testDialect(t) != project.GoogleSQL }
	return c.options.Google == nil || c.options.Google.Sessions == nil || slices.ContainsFunc(c.all, other) || slices.ContainsFunc(c.tests, own)
}

// compiler is the state of one compilation. Parallel steps write only to their own unit.
type compiler struct {
	project *project.Project
	target  Target
	options Options
	library *tmpl.Library
	// diags are of no single unit or test: theirs are said of them. ofAll are those of the program
	// as a whole.
	diags, ofAll diag.List
	ofTests      map[*Test]diag.List // of their queries

	types  *sync.Map // GoogleSQL types by name
	sought *sync.Map // names that texts were searched for, see columnless

	functions []function
	taught    *sync.Map // sessions that know the functions

	// values are what target answers in templates, the same for all of them.
	values map[string]any

	units    []*unit          // seeds, models, snapshots: enabled and disabled
	names    map[string]*unit // ref namespace; versions by the names of their nodes too
	analyses map[string]*unit // by name
	sources  map[addr.Node]*unit
	all      []*unit             // enabled units and sources, sorted by ID
	byID     map[addr.Node]*unit // those of all, once there is an order
	// circular are the nodes that read themselves, or a node that does: they have no order.
	circular map[addr.Node]bool
	// far are the nodes that are not analyzed, see Options.Near; nil: all are.
	far map[addr.Node]bool
	// inlining is what is known of ephemeral models.
	inlining inlining
	// project's units where all is one of them only, see Base; nil elsewhere.
	whole []*unit
	// nativelyRead are the nodes that something reads that is not GoogleSQL.
	nativelyRead map[addr.Node]bool
	disabled     []addr.Node
	wrong        map[addr.Node]bool // has a mistake of any sort
	bad          map[addr.Node]bool // has no text because of an error; what reads it is not looked at further

	singular  []*testFile
	generics  map[string]*testFile
	tests     []*Test
	unitTests []*UnitTest
	exposures []*Exposure
}

// unit is a node under construction.
type unit struct {
	*Node
	// template is kept only as long as something has to be rendered.
	template *tmpl.Template
	kind     addr.Kind
	at       source.Span
	free     bool // see project.File
	plain    bool // its text is no query, and goes out as it is
	diags    diag.List
	said     diag.List    // diags that stages before the one at work have left
	texts    [2]tmpl.Text // full, incremental; until they are the node's
	// batching: the text that is rendered is that of a batch.
	batching bool
	// proofs say whose rows its texts yield, until Isolation does.
	proofs []proof
	// referred are parents that a foreign key names and the text does not read.
	referred []addr.Node
	// asks: its template asks for the columns of what it reads, so that its text is made only
	// once they are known.
	asks bool
	// ctes are those of the ephemeral models that it reads.
	ctes []sql.CTE
	// declared: the target's own analyzer has heard of its columns.
	declared bool
}

type testFile struct {
	file     *project.File
	template *tmpl.Template
	diags    diag.List
	raw      project.Config // of its config calls; of generic tests
}

// parallel runs f for every index on the compiler's workers.
func (c *compiler) parallel(n int, f func(i int)) {
	jobs := min(c.options.Jobs, n)
	if jobs <= 1 {
		for i := range n {
			f(i)
		}
		return
	}
	var wg sync.WaitGroup
	next := make(chan [2]int)
	for range jobs {
		wg.Go(func() {
			for r := range next {
				for i := r[0]; i < r[1]; i++ {
					f(i)
				}
			}
		})
	}
	const chunk = 16
	for i := 0; i < n; i += chunk {
		next <- [2]int{i, min(i+chunk, n)}
	}
	close(next)
	wg.Wait()
}

func (c *compiler) parseTemplates() {
	size := len(c.project.Seeds) + len(c.project.Models) + len(c.project.Snapshots)
	c.units, c.names, c.analyses = make([]*unit, 0, size), make(map[string]*unit, size), map[string]*unit{}
	add := func(kind addr.Kind, name, path string, at source.Span) *unit {
		u := &unit{kind: kind, at: at, Node: &Node{ID: addr.Node{Kind: kind, Name: name}, Path: path, File: at.File}}
		c.units = append(c.units, u)
		return u
	}
	for _, s := range c.project.Seeds {
		add(addr.Seed, s.Name, s.Path, s.At).Seed = s
	}
	texts := make(map[*unit]*source.File, size)
	for kind, list := range map[addr.Kind][]*project.File{addr.Model: c.project.Models, addr.Snapshot: c.project.Snapshots, addr.Analysis: c.project.Analyses} {
		for _, f := range list {
			u := add(kind, f.Name, f.Source.Path, f.Source.Whole())
			u.free, u.Version = f.Free, f.Version
			if f.Broken {
				c.bad[u.ID] = true
				continue
			}
			texts[u] = f.Source
		}
	}
	for _, f := range c.project.Tests {
		c.singular = append(c.singular, &testFile{file: f})
	}
	c.generics = map[string]*testFile{}
	customs := make([]*testFile, 0, len(c.project.Generics))
	for _, f := range c.project.Generics {
		g := &testFile{file: f}
		customs = append(customs, g)
		c.generics[f.Name] = g
	}
	c.parallel(len(c.units), func(i int) {
		if u := c.units[i]; texts[u] != nil {
			u.template, u.diags = tmpl.Parse(texts[u], c.library)
		}
	})
	for _, u := range c.units {
		c.take(u)
	}
	for _, t := range slices.Concat(c.singular, customs) {
		if t.file.Broken {
			continue
		}
		t.template, t.diags = tmpl.Parse(t.file.Source, c.library)
		c.diags.Add(t.diags...)
	}
	slices.SortFunc(c.units, func(a, b *unit) int { return a.ID.Compare(b.ID) })
	for _, u := range c.units {
		// Load has reported two files of one name; the first one counts.
		if u.kind == addr.Analysis {
			c.analyses[u.ID.Name] = u // nothing refs it
		} else if c.names[u.ID.Name] == nil {
			c.names[u.ID.Name] = u
		}
	}
	c.nameVersions()
}

// take is report for stages that make the unit's text: with a mistake there is none.
func (c *compiler) take(u *unit) {
	if u.diags.HasErrors() {
		c.bad[u.ID] = true
	}
	c.report(u)
}

// tell adds a diagnostic that is said of the unit, and does not make it wrong.
func (u *unit) tell(d diag.Diagnostic) { u.said.Add(d) }

// report moves the unit's diagnostics to those that are said of it.
func (c *compiler) report(u *unit) {
	for i := range u.diags {
		if u.diags[i].Severity == diag.Error || u.diags[i].Severity == diag.Internal {
			c.wrong[u.ID] = true
		}
		if u.diags[i].Model.IsZero() {
			u.diags[i].Model = u.ID
		}
	}
	u.said.Add(u.diags...)
	u.diags = nil
}

// edge is where the reader to names from, which it reads.
func (c *compiler) edge(from, to addr.Node) source.Span {
	for _, r := range c.byID[to].Refs {
		if r.To == from {
			return r.Span
		}
	}
	return c.byID[to].at
}

const inCircle = "it reads itself, or a model that does"

// everything are all units of the project that are enabled, and its sources.
func (c *compiler) everything() []*unit {
	if c.whole != nil {
		return c.whole
	}
	return c.all
}

// order is the topological order. Circles are reported; nodes on or behind one are left
// out of it and not looked at further.
func (c *compiler) order() []addr.Node {
	c.byID = make(map[addr.Node]*unit, len(c.all))
	byID, ids := c.byID, make([]addr.Node, len(c.all))
	for i, u := range c.all {
		byID[u.ID], ids[i] = u, u.ID
	}
	g := dag.New(addr.Node.Compare, ids, func(n addr.Node) []addr.Node { return byID[n].Parents })
	for _, n := range ids {
		byID[n].Children = slices.DeleteFunc(slices.Clone(g.Children(n)), func(n addr.Node) bool { return n.Kind == addr.Analysis })
	}
	order, ok := g.Order()
	if !ok {
		for _, cycle := range g.Cycles() {
			c.diags.Add(refCycle(cycle, c.edge))
		}
		ordered := make(map[addr.Node]bool, len(order))
		for _, n := range order {
			ordered[n] = true
		}
		c.circular = map[addr.Node]bool{}
		for _, u := range c.all {
			if !ordered[u.ID] {
				c.circular[u.ID] = true
				c.bad[u.ID], u.Unanalyzed = true, inCircle
			}
		}
	}
	return order
}

func (c *compiler) program(order []addr.Node) *Program {
	maps.Copy(c.wrong, c.bad)
	p := &Program{
		Project: c.project, Target: c.target, Nodes: make(map[addr.Node]*Node, len(c.all)),
		Order: order, Tests: c.tests, UnitTests: c.unitTests, Exposures: c.exposures, Disabled: c.disabled, Broken: c.wrong, Place: c.options.Place, Limit: c.options.Limit,
	}
	for _, u := range c.all {
		if u.kind == addr.Analysis {
			p.Analyses = append(p.Analyses, u.Node)
			continue
		}
		p.Nodes[u.ID] = u.Node
	}
	p.Order = slices.DeleteFunc(slices.Clone(order), func(n addr.Node) bool { return n.Kind == addr.Analysis })
	for _, h := range c.project.Settings.OnRunStart {
		p.OnRunStart = append(p.OnRunStart, strings.Join(c.hooks(nil, c.target.Dialect, []string{h.V}, h.At), ""))
	}
	c.endHooks(p)
	p.render = c.renderer()
	return p
}

// guard turns a panic of ours into a diagnostic that names the node, so that one bad
// file never takes the run down.
func (u *unit) guard(stage string) {
	if r := recover(); r != nil {
		u.diags.Add(internal(u.at, stage, fmt.Sprint(r)))
	}
}

package compile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/dag"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/tmpl"
)

// Base is a compiled project that single files are compiled against anew, while somebody
// edits them. It is not changed by that: With gives another Base. Safe for concurrent use.
//
// What is found in a file is what Compile would find in it if nothing else had changed, except
// for what an edit does elsewhere:
//   - another name, schema, database or kind of a model decides which source is built by the
//     project and which text others read;
//   - mistakes that readers of an ephemeral model have in its text, and callers of a macro in
//     the macro's;
//   - circles that an edit opens: those that were in them are looked at with everything;
//   - native SQL sees the columns that native models had before.
type Base struct {
	c       *compiler
	program *Program
	paths   map[string]*unit     // of models, snapshots and analyses
	tests   map[string]*testFile // singular ones
	whole   bool                 // it is of Keep or Again: all of it was compiled together
	anew    []string             // files that Again compiled
	shared  *shared
}

// shared is what all Bases of one compilation ask.
type shared struct {
	mu      sync.RWMutex
	closed  bool
	release *release
}

// release is called once nobody asks any more: neither the Bases of a compilation, nor those that
// came of it, see Again.
type release struct {
	mu    sync.Mutex
	asked int
	call  func()
}

// again is for other Bases that ask the same.
func (s *shared) again() *shared {
	s.release.mu.Lock()
	defer s.release.mu.Unlock()
	s.release.asked++
	return &shared{release: s.release}
}

func (r *release) done() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asked--; r.asked == 0 && r.call != nil {
		r.call()
	}
}

// Share is the same Base to be closed by somebody else; nil if it is closed.
func (b *Base) Share() *Base {
	b.shared.mu.RLock()
	defer b.shared.mu.RUnlock()
	if b.shared.closed {
		return nil
	}
	out := *b
	out.shared = b.shared.again()
	return &out
}

// Keep is Compile that lets single files be compiled against what came of it. done is
// called when nothing asks the Analyzer of the options any more: by Close.
func Keep(ctx context.Context, p *project.Project, t Target, o Options, done func()) (*Program, *Base, diag.List) {
	c, program := compile(ctx, p, t, o)
	b := &Base{c: c, program: program, paths: make(map[string]*unit, len(c.units)), tests: make(map[string]*testFile, len(c.singular)), whole: true, shared: &shared{release: &release{asked: 1, call: done}}}
	for _, u := range c.units {
		if u.kind != addr.Seed && c.keeps(u) {
			b.paths[u.Path] = u
		}
		u.template = nil
	}
	for _, f := range c.singular {
		b.tests[f.file.Source.Path] = f
	}
	return program, b, c.found().Sorted()
}

// keeps reports whether the unit has its name: of two files of one name the first does.
func (c *compiler) keeps(u *unit) bool {
	if u.kind == addr.Analysis {
		return c.analyses[u.ID.Name] == u
	}
	return c.names[u.ID.Name] == u
}

// Partial reports whether only some nodes are analyzed, see Options.Near.
func (b *Base) Partial() bool { return b.c.options.Near != nil }

// Close waits for what is being compiled, and lets go of the analyzer. What is compiled after
// that has no answer.
func (b *Base) Close() {
	b.shared.mu.Lock()
	defer b.shared.mu.Unlock()
	if !b.shared.closed {
		b.shared.closed = true
		b.shared.release.done()
	}
}

// Anew are the files that Again compiled, sorted; nil where everything was.
func (b *Base) Anew() []string { return b.anew }

// Parse finds what is wrong with the syntax of a template.
func (b *Base) Parse(f *source.File) diag.List {
	_, ds := tmpl.Parse(f, b.c.library)
	return ds
}

// Parse finds what is wrong with the syntax of a template of a project that is not compiled.
func Parse(p *project.Project, f *source.File) diag.List {
	macros := make([]*source.File, len(p.Macros))
	for i, m := range p.Macros {
		macros[i] = m.Source
	}
	library, _ := tmpl.Macros(macros)
	_, ds := tmpl.Parse(f, library)
	return ds
}

// ParseMacros finds what is wrong with the syntax of a file of macros, the others being as
// they are.
func (b *Base) ParseMacros(f *source.File) diag.List {
	macros := make([]*source.File, 0, len(b.c.project.Macros))
	for _, m := range b.c.project.Macros {
		if m.Source.Path == f.Path {
			macros = append(macros, f)
		} else {
			macros = append(macros, m.Source)
		}
	}
	_, ds := tmpl.Macros(macros)
	return slices.DeleteFunc(ds, func(d diag.Diagnostic) bool { return d.At.File != f })
}

// Edited is what came of one file.
type Edited struct {
	// Base has the file's new text: what is compiled against it reads that.
	Base *Base
	// Program has the new node; nothing else in it is changed. Nodes that the edit breaks are
	// not known to be broken.
	Program *Program
	// Node is nil where the file is a test, or where the node is disabled.
	Node *Node
	// Found is what is wrong in the file, and what is said of the node elsewhere.
	Found diag.List
}

// With compiles one file anew. ok is false where the file is no model, snapshot, analysis or
// singular test that the Base knows, or where ctx is done: then nothing is known.
func (b *Base) With(ctx context.Context, f *source.File) (e Edited, ok bool) {
	b.shared.mu.RLock()
	defer b.shared.mu.RUnlock()
	if b.shared.closed || ctx.Err() != nil {
		return Edited{}, false
	}
	if old := b.paths[f.Path]; old != nil {
		e = b.unit(ctx, old, f)
	} else if t := b.tests[f.Path]; t != nil {
		e = b.test(ctx, t, f)
	} else {
		return Edited{}, false
	}
	return e, ctx.Err() == nil
}

// alone is a compiler of one file.
func (b *Base) alone() *compiler {
	c := b.c
	options := c.options
	options.Jobs, options.Late = 1, nil
	return &compiler{
		project: c.project, target: c.target, options: options, library: c.library, values: c.values,
		types: c.types, taught: c.taught, sought: c.sought, functions: c.functions, ofTests: map[*Test]diag.List{},
		names: c.names, analyses: c.analyses, sources: c.sources, byID: c.byID, whole: c.everything(),
		generics: c.generics, circular: c.circular, inlining: c.inlining,
		wrong: map[addr.Node]bool{}, bad: c.bad,
	}
}

func (b *Base) unit(ctx context.Context, old *unit, f *source.File) Edited {
	c := b.alone()
	u := &unit{kind: old.kind, at: f.Whole(), Node: &Node{ID: old.ID, Path: old.Path, File: f, Version: old.Version, Children: old.Children}}
	u.Props, u.Description = old.Props, old.Description
	c.replace(old, u)
	next := &Base{c: c, paths: maps.Clone(b.paths), tests: b.tests, shared: b.shared}
	next.paths[u.Path] = u

	u.template, u.diags = tmpl.Parse(f, c.library)
	c.take(u)
	c.units = []*unit{u}
	c.configure()
	c.nameRelations()
	c.sameRelation(u)
	c.chooseDialects()
	c.render()
	c.bindConstraints()
	order := c.orderOf(u)
	if c.place(u) != c.place(old) || u.Config.Materialized == "ephemeral" {
		c.inlining.position[u.ID] = c.positionOf(u)
	}
	c.inlineEphemerals(order)
	c.analyze(ctx, order)
	c.checkContracts(ctx)
	c.fingerprints()
	u.template = nil

	e := Edited{Base: next, Program: b.program.with(c, u), Found: c.found()}
	if u.Config.Enabled {
		e.Node = u.Node
	}
	next.program = e.Program
	c.ofAll = nil
	c.checkIsolation(e.Program)
	for _, d := range c.ofAll {
		if at := d.At.File; at == nil || at == f || at.Path != f.Path { // else readers have it of the text that was
			e.Found.Add(d)
		}
	}
	e.Found = e.Found.Sorted()
	c.rejoin(b)
	return e
}

// rejoin makes the compiler of one file one of all, so that more can be compiled against it.
func (c *compiler) rejoin(b *Base) {
	c.all, c.whole, c.units, c.diags, c.tests = c.whole, nil, b.c.units, nil, b.c.tests
	for n := range b.c.wrong {
		if _, known := c.wrong[n]; !known {
			c.wrong[n] = true
		}
	}
}

// replace puts u where old was, in copies of what the compiler shares.
func (c *compiler) replace(old, u *unit) {
	if u.kind == addr.Analysis {
		c.analyses = maps.Clone(c.analyses)
		c.analyses[u.ID.Name] = u
	} else {
		c.names = maps.Clone(c.names)
		for name, is := range c.names {
			if is == old {
				c.names[name] = u
			}
		}
	}
	c.byID = maps.Clone(c.byID)
	c.byID[u.ID] = u
	c.bad = maps.Clone(c.bad)
	delete(c.bad, u.ID)
	c.whole = slices.Clone(c.whole)
	if at, there := slices.BinarySearchFunc(c.whole, u, func(a, b *unit) int { return a.ID.Compare(b.ID) }); there {
		c.whole[at] = u
	} else {
		c.whole = slices.Insert(c.whole, at, u)
	}
	c.inlining = inlining{maps.Clone(c.inlining.ephemeral), maps.Clone(c.inlining.position), maps.Clone(c.inlining.bare)}
	delete(c.inlining.ephemeral, u.ID)
	delete(c.inlining.bare, u.ID)
}

// sameRelation finds another node with the name of u's relation. The first one by identity
// has it; nothing is said of the others here.
func (c *compiler) sameRelation(u *unit) {
	if !u.Config.Enabled || u.Relation.Name == "" {
		return
	}
	key := c.relationKey(u.Relation)
	for _, other := range c.whole {
		if other == u {
			return // those behind it are told
		}
		if other.kind != addr.Source && strings.EqualFold(other.Relation.Name, u.Relation.Name) && c.relationKey(other.Relation) == key {
			u.tell(relationTwice(u, other))
			return
		}
	}
}

// orderOf is u alone, or nothing where it is in or behind a circle, which is reported.
func (c *compiler) orderOf(u *unit) []addr.Node {
	if !u.Config.Enabled {
		return nil
	}
	circle := false
	above := map[addr.Node]bool{}
	var climb func(n addr.Node)
	climb = func(n addr.Node) {
		if n == u.ID || c.circular[n] && c.byID[n] != nil {
			circle = true
		}
		if above[n] || c.byID[n] == nil {
			return
		}
		above[n] = true
		for _, p := range c.byID[n].Parents {
			climb(p)
		}
	}
	for _, p := range u.Parents {
		climb(p)
	}
	if !circle {
		if c.circular[u.ID] {
			c.circular = maps.Clone(c.circular)
			delete(c.circular, u.ID)
		}
		return []addr.Node{u.ID}
	}
	above[u.ID] = true
	ids := slices.SortedFunc(maps.Keys(above), addr.Node.Compare)
	g := dag.New(addr.Node.Compare, ids, func(n addr.Node) []addr.Node { return c.byID[n].Parents })
	order, _ := g.Order()
	if slices.Contains(order, u.ID) {
		return []addr.Node{u.ID}
	}
	for _, cycle := range g.Cycles() {
		c.diags.Add(refCycle(cycle, c.edge))
	}
	c.circular = maps.Clone(c.circular)
	if c.circular == nil {
		c.circular = map[addr.Node]bool{}
	}
	c.circular[u.ID] = true
	c.bad[u.ID], u.Unanalyzed = true, inCircle
	return nil
}

// positionOf is where u stands among ephemeral models: behind those that it reads.
func (c *compiler) positionOf(u *unit) int {
	at := c.inlining.position[u.ID]
	for _, p := range u.Parents {
		if c.byID[p] != nil && c.byID[p].Config.Materialized == "ephemeral" {
			at = max(at, c.inlining.position[p]+1)
		}
	}
	return at
}

// with is the program with one node in another form.
func (p *Program) with(c *compiler, u *unit) *Program {
	out := *p
	out.Broken = maps.Clone(p.Broken)
	delete(out.Broken, u.ID)
	if c.wrong[u.ID] || c.bad[u.ID] {
		out.Broken[u.ID] = true
	}
	if u.kind == addr.Analysis {
		out.Analyses = slices.Clone(p.Analyses)
		out.Analyses = slices.DeleteFunc(out.Analyses, func(n *Node) bool { return n.ID == u.ID })
		if u.Config.Enabled {
			out.Analyses = append(out.Analyses, u.Node)
			slices.SortFunc(out.Analyses, func(a, b *Node) int { return a.ID.Compare(b.ID) })
		}
		return &out
	}
	out.Nodes = maps.Clone(p.Nodes)
	_, was := out.Nodes[u.ID]
	switch {
	case u.Config.Enabled:
		out.Nodes[u.ID] = u.Node
		if !was && !c.circular[u.ID] {
			out.Order = append(slices.Clone(p.Order), u.ID) // nobody reads what was not there
		}
	case was:
		delete(out.Nodes, u.ID)
		out.Order = slices.DeleteFunc(slices.Clone(p.Order), func(n addr.Node) bool { return n == u.ID })
	}
	return &out
}

func (b *Base) test(ctx context.Context, old *testFile, f *source.File) Edited {
	c := b.alone()
	t := &testFile{file: &project.File{Name: old.file.Name, Source: f}}
	t.template, t.diags = tmpl.Parse(f, c.library)
	c.diags.Add(t.diags...)
	c.bindSingularGuarded(t)
	c.checkTests(ctx)
	next := &Base{c: b.c, program: b.program, paths: b.paths, tests: maps.Clone(b.tests), shared: b.shared}
	next.tests[f.Path] = t
	return Edited{Base: next, Program: b.program, Found: c.found().Sorted()}
}

// bindSingularGuarded is bindSingular where a panic of ours is a diagnostic.
func (c *compiler) bindSingularGuarded(t *testFile) {
	defer func() {
		if r := recover(); r != nil {
			c.diags.Add(internal(t.file.Source.Whole(), "bind tests", fmt.Sprint(r)))
		}
	}()
	c.bindSingular(t)
}

// Knows reports whether With compiles a file, and of which node it is; that of a test is zero.
func (b *Base) Knows(path string) (addr.Node, bool) {
	if u := b.paths[path]; u != nil {
		return u.ID, true
	}
	_, test := b.tests[path]
	return addr.Node{}, test
}

package compile

import (
	"context"
	"maps"
	"reflect"
	"slices"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/tmpl"
)

// mostAgain is how many nodes Again compiles before everything is as quick, on all cores.
const mostAgain = 64

// Again is Keep for the project as it is after an edit of nothing but templates of models,
// snapshots and analyses, which files are: it compiles those, and what reads them as far as
// their columns came out differently. What it gives is what Keep would. ok is false where the
// edit may reach further than that, or where that is not known: into the names of relations,
// references, configuration, ephemeral models, contracts, SQL in the target's own language.
// Then everything has to be compiled. b must be a Base of a whole project, and stays as it is;
// the Base that is returned has to be closed as well.
func (b *Base) Again(ctx context.Context, p *project.Project, files []*source.File) (program *Program, next *Base, found diag.List, ok bool) {
	b.shared.mu.RLock()
	defer b.shared.mu.RUnlock()
	if o := b.c.options; len(files) > mostAgain || b.shared.closed || !b.whole || b.Partial() || o.Limit != nil || o.Part != nil {
		return nil, nil, nil, false
	}
	a := b.newAgain(p)
	for _, f := range files {
		old := b.paths[f.Path]
		if !a.takes(old) {
			return nil, nil, nil, false
		}
		a.pending[old] = f
		a.edited[old.File] = true
	}
	for len(a.pending) > 0 {
		if !a.step(ctx) || ctx.Err() != nil {
			return nil, nil, nil, false
		}
	}
	return a.finish(ctx)
}

// again is a compilation of a few nodes of a Base in the place of all.
type again struct {
	b       *Base
	c       *compiler
	pending map[*unit]*source.File // units of the Base, with the texts that they have now
	fresh   map[*unit]*unit        // what came of units of the Base
	moved   map[addr.Node]bool     // nodes that look different to those that read them
	edited  map[*source.File]bool  // the texts that were
	native  map[addr.Node]bool     // nodes that something else than GoogleSQL reads
	levels  map[addr.Node]int      // the longest path to a node; nil until it is asked for
}

func (b *Base) newAgain(p *project.Project) *again {
	c := b.alone()
	c.project, c.options.Jobs = p, b.c.options.Jobs
	c.names, c.analyses, c.byID = maps.Clone(c.names), maps.Clone(c.analyses), maps.Clone(c.byID)
	c.bad, c.wrong, c.whole = maps.Clone(c.bad), maps.Clone(b.c.wrong), slices.Clone(c.whole)
	c.inlining.ephemeral = maps.Clone(c.inlining.ephemeral)
	return &again{
		b: b, c: c, pending: map[*unit]*source.File{}, fresh: map[*unit]*unit{}, moved: map[addr.Node]bool{},
		edited: map[*source.File]bool{}, native: b.c.nativelyRead,
	}
}

// takes reports whether a node can be compiled without a look at others than those behind it.
func (a *again) takes(u *unit) bool {
	c := a.c
	return u != nil && u.kind != addr.Seed && u.kind != addr.Source && u.Config.Enabled && c.google(u) && !u.asks &&
		u.Config.Materialized != "ephemeral" && !u.Config.Contract.Any() && !c.circular[u.ID] && !a.native[u.ID]
}

// step compiles the pending nodes that read none of the others.
func (a *again) step(ctx context.Context) bool {
	var batch []*unit
	for old := range a.pending {
		switch {
		case len(batch) == 0 || a.level(old) < a.level(batch[0]):
			batch = []*unit{old}
		case a.level(old) == a.level(batch[0]):
			batch = append(batch, old)
		}
	}
	slices.SortFunc(batch, func(x, y *unit) int { return x.ID.Compare(y.ID) })
	c := a.c
	c.all, c.units = nil, nil
	order := make([]addr.Node, len(batch))
	for i, old := range batch {
		f := a.pending[old]
		delete(a.pending, old)
		u := &unit{kind: old.kind, at: f.Whole(), free: old.free, Node: &Node{ID: old.ID, Path: old.Path, File: f, Version: old.Version, Children: old.Children}}
		u.Props, u.Description = old.Props, old.Description
		a.put(old, u)
		c.units, order[i] = append(c.units, u), u.ID
	}
	c.parallel(len(c.units), func(i int) {
		u := c.units[i]
		u.template, u.diags = tmpl.Parse(u.File, c.library)
	})
	for _, u := range c.units {
		c.take(u)
	}
	c.configure()
	c.nameRelations()
	for _, u := range c.units {
		c.sameRelation(u)
	}
	c.chooseDialects()
	c.render()
	c.bindConstraints()
	for i, u := range c.units {
		if !a.stays(batch[i], u) {
			return false
		}
	}
	c.inlineEphemerals(order)
	c.analyze(ctx, order)
	c.checkContracts(ctx)
	c.fingerprints()
	if !c.options.SkipTests {
		c.bindUnitTests(ctx, func(u *unit) bool { return slices.Contains(c.units, u) })
	}
	if len(c.diags) > 0 {
		return false // of what is no node
	}
	for i, u := range c.units {
		u.template = nil
		if !reflect.DeepEqual(batch[i].Config, u.Config) {
			return false
		}
		if !a.sameFace(batch[i], u) && !a.spread(u) {
			return false
		}
	}
	return len(a.fresh)+len(a.pending) <= mostAgain
}

// put gives the place of a unit to another one.
func (a *again) put(old, u *unit) {
	c := a.c
	a.fresh[old] = u
	if u.kind == addr.Analysis {
		c.analyses[u.ID.Name] = u
	} else if c.names[u.ID.Name] = u; u.Version != nil {
		for name, is := range c.names {
			if is == old {
				c.names[name] = u
			}
		}
	}
	c.byID[u.ID] = u
	delete(c.bad, u.ID)
	delete(c.wrong, u.ID)
	if at, there := slices.BinarySearchFunc(c.whole, u, func(x, y *unit) int { return x.ID.Compare(y.ID) }); there {
		c.whole[at] = u
	}
}

// stays reports whether a rendered unit is where the old one was, and reads what it read.
func (a *again) stays(old, u *unit) bool {
	same := u.Config.Enabled && u.Relation == old.Relation && u.Dialect == old.Dialect && u.plain == old.plain && a.takes(u) &&
		slices.Equal(u.Parents, old.Parents) && slices.Equal(u.referred, old.referred)
	if !same {
		return false
	}
	// Who takes the text of an ephemeral model into its own looks for names in what that reads.
	ok := true
	a.c.sought.Range(func(name, _ any) bool {
		l := lexis(u.Dialect)
		has := func(text string) bool { return l.Columns(text, name.(string)) }
		ok = has(old.Text) == has(u.texts[0].Body) && has(old.IncrementalText) == has(u.texts[1].Body)
		return ok
	})
	return ok
}

// sameFace reports whether a unit looks to those that read it as the old one did.
func (a *again) sameFace(old, u *unit) bool {
	if u.Unanalyzed != old.Unanalyzed || a.c.bad[u.ID] != a.b.c.bad[u.ID] || a.c.wrong[u.ID] != a.b.c.wrong[u.ID] {
		return false
	}
	if (u.Isolation == nil) != (old.Isolation == nil) || u.Isolation != nil && u.Isolation.Given.Text() != old.Isolation.Given.Text() {
		return false
	}
	return slices.EqualFunc(u.Columns, old.Columns, func(x, y Column) bool {
		google := x.Google == y.Google || x.Google != nil && y.Google != nil && x.Google.String() == y.Google.String()
		x.Google, y.Google, x.At, y.At = nil, nil, source.Span{}, source.Span{}
		return google && reflect.DeepEqual(x, y)
	})
}

// spread adds what reads u to what has to be compiled.
func (a *again) spread(u *unit) bool {
	c := a.c
	a.moved[u.ID] = true
	add := func(child *unit) bool {
		if a.isFresh(child) {
			return false // it came before what it reads: that is not how this works
		}
		if _, had := a.pending[child]; !had {
			a.pending[child] = child.File
		}
		return a.takes(child)
	}
	for _, id := range u.Children {
		if !add(c.byID[id]) {
			return false
		}
	}
	for _, child := range c.analyses {
		if slices.Contains(child.Parents, u.ID) && !add(child) {
			return false
		}
	}
	return true
}

func (a *again) isFresh(u *unit) bool { return a.fresh[a.b.paths[u.Path]] == u }

// level is the length of the longest path that leads to a unit.
func (a *again) level(u *unit) int {
	if a.levels == nil {
		a.levels = make(map[addr.Node]int, len(a.b.c.byID))
	}
	if l, known := a.levels[u.ID]; known {
		return l
	}
	l := 0
	for _, p := range u.Parents {
		if parent := a.b.c.byID[p]; parent != nil {
			l = max(l, a.level(parent)+1)
		}
	}
	a.levels[u.ID] = l
	return l
}

// finish makes the program, and the Base of it.
func (a *again) finish(ctx context.Context) (*Program, *Base, diag.List, bool) {
	b, c := a.b, a.c
	tests, ok := a.tests(ctx)
	if !ok || ctx.Err() != nil {
		return nil, nil, nil, false
	}
	unitTests := slices.DeleteFunc(slices.Clone(b.c.unitTests), func(t *UnitTest) bool {
		u := b.c.byID[t.Node]
		return a.fresh[u] != nil
	})
	unitTests = append(unitTests, c.unitTests...)
	slices.SortFunc(unitTests, func(x, y *UnitTest) int { return x.ID.Compare(y.ID) })

	units := slices.Clone(b.c.units)
	for i, u := range units {
		if new := a.fresh[u]; new != nil {
			units[i] = new
		}
	}
	c.all, c.whole, c.units, c.tests, c.unitTests = c.whole, nil, units, tests, unitTests
	c.diags, c.disabled, c.singular, c.exposures, c.nativelyRead = b.c.diags, b.c.disabled, b.c.singular, b.c.exposures, b.c.nativelyRead
	maps.Copy(c.wrong, c.bad)

	p := *b.program
	p.Project, p.Tests, p.UnitTests, p.Broken = c.project, tests, unitTests, c.wrong
	p.Nodes, p.Analyses = maps.Clone(b.program.Nodes), slices.Clone(b.program.Analyses)
	next := &Base{c: c, program: &p, paths: maps.Clone(b.paths), tests: b.tests, whole: true, shared: b.shared.again()}
	for old, u := range a.fresh {
		next.paths[u.Path] = u
		next.anew = append(next.anew, u.Path)
		if u.kind == addr.Analysis {
			i := slices.Index(p.Analyses, old.Node)
			p.Analyses[i] = u.Node
		} else {
			p.Nodes[u.ID] = u.Node
		}
	}
	slices.Sort(next.anew)
	c.judge(&p)
	found := c.found()
	for _, d := range found {
		if a.stale(d) {
			next.Close()
			return nil, nil, nil, false
		}
	}
	return &p, next, found.Sorted(), true
}

// stale reports whether a diagnostic shows a text that is not there any more.
func (a *again) stale(d diag.Diagnostic) bool {
	return a.edited[d.At.File] || slices.ContainsFunc(d.Labels, func(l diag.Label) bool { return a.edited[l.At.File] }) ||
		slices.ContainsFunc(d.Edits, func(e source.Edit) bool { return a.edited[e.At.File] })
}

// tests are the data tests: those that read what has moved are looked at again.
func (a *again) tests(ctx context.Context) ([]*Test, bool) {
	b, c := a.b, a.c
	out := b.c.tests
	maps.Copy(c.ofTests, b.c.ofTests)
	if len(a.moved) == 0 || c.options.SkipTests {
		return out, true
	}
	var anew []*Test
	for i, t := range b.c.tests {
		if !slices.ContainsFunc(t.Parents, func(n addr.Node) bool { return a.moved[n] }) {
			continue
		}
		if t.Contract {
			return nil, false
		}
		if len(anew) == 0 {
			out = slices.Clone(out)
		}
		made := *t
		made.Shape, made.Reads, made.Translated, made.Volatile = nil, nil, nil, c.volatileTest(t)
		delete(c.ofTests, t)
		out[i], anew = &made, append(anew, &made)
	}
	c.tests = anew
	c.checkTests(ctx)
	return out, true
}

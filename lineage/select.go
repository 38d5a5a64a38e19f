package lineage

import (
	"slices"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// Query is what a user asked for: selectors as written on the command line. White space
// and repetition are union, a comma is intersection, Exclude is taken away at the end.
type Query struct {
	Select, Exclude []string // no Select means everything
	// Selector names a selector of selectors.yml, which takes the place of both.
	Selector string
	// Defaults says that the default selector of selectors.yml stands in where the query has no
	// selectors at all.
	Defaults bool
	// ResourceTypes keeps only these kinds (none: all); ExcludeResourceTypes drops kinds.
	ResourceTypes, ExcludeResourceTypes []addr.Kind
	// Analyses are answered, too, where no ResourceTypes are named: most commands have no use of
	// them, and Selected.Nodes has them although the program's Nodes do not.
	Analyses bool
	// Indirect says when a test follows the nodes it reads: «eager» (the default: one of
	// them is selected), «cautious» (all of them), «buildable» (all of them are selected or
	// are ancestors of selected nodes) or «empty» (never).
	Indirect string
	// Past is what state:, result: and source_status: compare with; nil: they are mistakes.
	Past *Past
}

// Indirects lists the values of Query.Indirect, the default first.
var Indirects = []string{"eager", "cautious", "buildable", "empty"}

// Selected is the answer to a query. The maps hold only true values.
type Selected struct {
	Nodes     map[addr.Node]bool // seeds, models and snapshots
	Tests     map[addr.Node]bool // data tests and unit tests
	Sources   map[addr.Node]bool
	Exposures map[addr.Node]bool
	// Selector is the selector of selectors.yml that chose them: the query's own, or the default
	// one; empty where the query said what to take, or nothing.
	Selector string
}

// Whole reports whether the query takes everything, the default selector aside.
func (q Query) Whole() bool { return len(q.Select)+len(q.Exclude) == 0 && q.Selector == "" }

// Has reports whether n is selected.
func (s Selected) Has(n addr.Node) bool {
	return s.Nodes[n] || s.Tests[n] || s.Sources[n] || s.Exposures[n]
}

// Len is the number of selected things.
func (s Selected) Len() int {
	return len(s.Nodes) + len(s.Tests) + len(s.Sources) + len(s.Exposures)
}

// List is everything selected, by kind in the order of addr.Kinds, then by name.
func (s Selected) List() []addr.Node {
	out := make([]addr.Node, 0, s.Len())
	for _, m := range []map[addr.Node]bool{s.Sources, s.Nodes, s.Tests, s.Exposures} {
		for id := range m {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, func(a, b addr.Node) int {
		if d := slices.Index(addr.Kinds, a.Kind) - slices.Index(addr.Kinds, b.Kind); d != 0 {
			return d
		}
		return a.Compare(b)
	})
	return out
}

// Select answers a query with dbt's selection grammar. A selector that is malformed or
// uses an unknown method is an error and selects nothing; one that matches nothing is a
// warning. Spans point into selectors.yml, and into files named «--select», «--exclude»,
// «--selector» and «--indirect-selection».
func Select(p *compile.Program, q Query) (Selected, diag.List) {
	e := &evaluation{u: newUniverse(p)}
	e.u.past = q.Past
	var chosen set
	if c := e.asked(q, e.indirect(q.Indirect)); !e.diags.HasErrors() {
		if e.by != "" {
			e.open = []string{e.by}
		}
		chosen, _ = e.evaluate(c)
	}
	if e.diags.HasErrors() {
		chosen = make(set, len(e.u.items))
	}
	out := e.answer(chosen, q)
	out.Selector = e.by
	return out, e.diags
}

// evaluation is one run of Select.
type evaluation struct {
	u     *universe
	diags diag.List
	// named are the selectors of selectors.yml, standard the one that is the default; open are
	// the names of those that are being evaluated.
	named    map[string]*choice
	standard *choice
	// standardName is the name of standard.
	standardName string
	open         []string
	by           string // name of the one that the query comes to
}

func (e *evaluation) indirect(mode string) string {
	if mode == "" {
		return Indirects[0]
	}
	if !slices.Contains(Indirects, mode) {
		e.diags.Add(unknownIndirect(source.NewFile("--indirect-selection", []byte(mode)).Span(0, len(mode))))
		return Indirects[0]
	}
	return mode
}

func (e *evaluation) everything() set {
	all := make(set, len(e.u.items))
	for i := range all {
		all[i] = true
	}
	return all
}

// evaluate finds what a choice chooses; nil chooses everything. held is chosen and, beyond it,
// the tests that were held back because a parent is missing: another part may bring that parent.
func (e *evaluation) evaluate(c *choice) (chosen, held set) {
	if c == nil {
		all := e.everything()
		return all, all
	}
	if c.put == one {
		return e.member(c.spec, c.indirect)
	}
	quiet := len(e.diags)
	chosen, held = make(set, len(e.u.items)), make(set, len(e.u.items))
	for i, part := range c.parts {
		x, h := e.evaluate(part)
		for k := range x {
			switch {
			case i == 0 || c.put == union:
				chosen[k], held[k] = chosen[k] || x[k], held[k] || h[k]
			case c.put == intersection:
				chosen[k], held[k] = chosen[k] && x[k], held[k] && h[k]
			default:
				chosen[k], held[k] = chosen[k] && !x[k], held[k] && !h[k]
			}
		}
	}
	e.release(chosen, held, c.indirect)
	if c.put == intersection && len(c.parts) > 1 && len(e.diags) == quiet && chosen.count() == 0 {
		e.diags.Add(emptyIntersection(c))
	}
	return chosen, held
}

// member evaluates one selector; held includes chosen.
func (e *evaluation) member(s spec, indirect string) (chosen, held set) {
	if s.method == "selector" {
		chosen, ok := e.inherited(s)
		if !ok {
			chosen = make(set, len(e.u.items))
			return chosen, chosen
		}
		e.relatives(s, chosen)
		return chosen, chosen
	}
	chosen = make(set, len(e.u.items))
	match := e.matcher(s)
	if match == nil {
		return chosen, chosen
	}
	found := false
	for i := range e.u.items {
		if match(&e.u.items[i]) {
			chosen[i], found = true, true
		}
	}
	if !found {
		e.diags.Add(e.matchesNothing(s))
		return chosen, chosen
	}
	e.relatives(s, chosen)
	return e.followers(chosen, indirect)
}

// relatives takes the wanted ancestors and descendants along.
func (e *evaluation) relatives(s spec, chosen set) {
	seed := slices.Clone(chosen)
	if s.around {
		family := slices.Clone(seed)
		e.u.reach(family, seed, e.u.down, 0)
		e.u.reach(family, slices.Clone(family), e.u.up, 0)
		copy(chosen, family)
	}
	if s.up != -1 {
		e.u.reach(chosen, seed, e.u.up, s.up)
	}
	if s.down != -1 {
		e.u.reach(chosen, seed, e.u.down, s.down)
	}
}

// followers adds the tests of the chosen nodes as the mode says, and holds back the rest.
func (e *evaluation) followers(chosen set, indirect string) (set, set) {
	held := slices.Clone(chosen)
	if indirect == "empty" {
		return chosen, held
	}
	enough := e.testable(chosen, indirect)
	out := slices.Clone(chosen)
	for i := range e.u.items {
		if !e.u.items[i].isTest() || chosen[i] {
			continue
		}
		some, all := parentsIn(e.u.up[i], chosen, enough)
		if some {
			held[i] = true
			out[i] = indirect == "eager" || all
		}
	}
	return out, held
}

// release adds the tests held back whose parents are all there now.
func (e *evaluation) release(chosen, held set, indirect string) {
	if indirect != "cautious" && indirect != "buildable" {
		return
	}
	before := slices.Clone(chosen)
	if indirect == "buildable" {
		e.u.reach(before, chosen, e.u.up, 0)
	}
	for i := range e.u.items {
		// dbt leaves unit tests out here: they have one parent, and were never held back.
		if held[i] && !chosen[i] && e.u.items[i].test != nil {
			_, all := parentsIn(e.u.up[i], before, before)
			chosen[i] = all
		}
	}
}

// testable is the set of nodes that a test may read: the chosen ones and, when buildable,
// their ancestors and every source.
func (e *evaluation) testable(chosen set, indirect string) set {
	if indirect != "buildable" {
		return chosen
	}
	out := slices.Clone(chosen)
	e.u.reach(out, chosen, e.u.up, 0)
	for i := range e.u.items {
		out[i] = out[i] || e.u.items[i].id.Kind == addr.Source
	}
	return out
}

func parentsIn(parents []int32, chosen, enough set) (some, all bool) {
	all = len(parents) > 0
	for _, j := range parents {
		some = some || chosen[j]
		all = all && enough[j]
	}
	return some, all
}

func (e *evaluation) answer(chosen set, q Query) Selected {
	out := Selected{
		Nodes: map[addr.Node]bool{}, Tests: map[addr.Node]bool{},
		Sources: map[addr.Node]bool{}, Exposures: map[addr.Node]bool{},
	}
	for i, in := range chosen {
		id := e.u.items[i].id
		if !in || slices.Contains(q.ExcludeResourceTypes, id.Kind) ||
			len(q.ResourceTypes) > 0 && !slices.Contains(q.ResourceTypes, id.Kind) ||
			id.Kind == addr.Analysis && !q.Analyses && len(q.ResourceTypes) == 0 {
			continue
		}
		switch id.Kind {
		case addr.Source:
			out.Sources[id] = true
		case addr.Exposure:
			out.Exposures[id] = true
		case addr.Test, addr.UnitTest:
			out.Tests[id] = true
		default:
			out.Nodes[id] = true
		}
	}
	return out
}

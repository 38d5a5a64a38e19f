package tmpl

import (
	"bytes"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/template/parse"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// Library is the set of macros a project defines. It is immutable after Macros and safe
// for concurrent use. A nil Library has no macros.
type Library struct {
	macros  map[string]*macro
	names   []string // sorted
	units   []*unit
	sites   []Call // of all macros; a site's number is its index
	runners sync.Pool
}

// macro is a named text with a dot.
type macro struct {
	name string
	unit *unit // nil: its file is broken, which has been reported
	tree *parse.Tree
	at   source.Span
	// calls are the engine calls of the macro and of all it includes by name.
	calls []Call
}

// noMacros serves templates that come without a library.
var noMacros = &Library{}

// Macros reads macro files. The base name of a file (cents.tmpl: cents) names a macro
// whose text is the file without its last line break; every {{ define "name" }} in a file
// is a macro, too. A file that has nothing but definitions makes no macro of its own.
// The library is usable even if there are mistakes.
func Macros(files []*source.File) (*Library, diag.List) {
	lib := &Library{macros: map[string]*macro{}}
	var ds diag.List
	for _, f := range files {
		u, found := newUnit(f, rootName+strconv.Itoa(len(lib.units)), len(lib.sites))
		ds.Add(withoutCommented(found)...)
		base := macroName(f)
		if u == nil {
			// Whoever includes it is not to blame.
			ds.Add(lib.add(&macro{name: base, at: f.Whole()})...)
			continue
		}
		lib.units = append(lib.units, u)
		lib.sites = append(lib.sites, u.sites...)
		trimLastBreak(u.root.Root)
		if !emptyTree(u.root.Root) || len(u.defines) == 0 {
			ds.Add(lib.add(&macro{name: base, unit: u, tree: u.root, at: f.Whole()})...)
		}
		for _, d := range u.defines {
			ds.Add(lib.add(&macro{name: d.name, unit: u, tree: d.tree, at: d.at})...)
		}
	}
	lib.names = slices.Sorted(maps.Keys(lib.macros))
	for _, u := range lib.units {
		ds.Add(lib.checkEdges(u)...)
	}
	ds.Add(lib.circles()...)
	for _, name := range lib.names {
		m := lib.macros[name]
		m.calls = lib.reach(m, map[*macro]bool{})
	}
	return lib, ds
}

// Names lists the macros, sorted.
func (l *Library) Names() []string {
	if l == nil {
		return nil
	}
	return l.names
}

// Place is where a macro is defined: its file as a whole, or the name in a {{ define }}.
func (l *Library) Place(name string) (source.Span, bool) {
	if l == nil || l.macros[name] == nil {
		return source.Span{}, false
	}
	return l.macros[name].at, true
}

// Includes are the macros that a macro includes by name, sorted, those that these include not
// among them.
func (l *Library) Includes(name string) []string {
	if l == nil || l.macros[name] == nil || l.macros[name].unit == nil {
		return nil
	}
	var out []string
	for _, e := range l.macros[name].edges() {
		if l.macros[e.name] != nil && e.name != name {
			out = append(out, e.name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// has reports whether f is a macro file.
func (l *Library) has(f *source.File) bool {
	return slices.ContainsFunc(l.units, func(u *unit) bool { return u.file == f })
}

func macroName(f *source.File) string {
	base := path.Base(f.Path)
	return strings.TrimSuffix(base, path.Ext(base))
}

func (l *Library) add(m *macro) diag.List {
	if first, twice := l.macros[m.name]; twice {
		return diag.List{definedTwice(m.name, m.at, first.at)}
	}
	l.macros[m.name] = m
	return nil
}

// checkEdges reports names that u includes and nobody defines.
func (l *Library) checkEdges(u *unit) diag.List {
	var ds diag.List
	for _, e := range u.edges {
		if l.macros[e.name] == nil && u.tree(e.name) == nil {
			names := slices.Clone(l.names)
			for _, d := range u.defines {
				names = append(names, d.name)
			}
			ds.Add(unknownMacro(e.name, e.at, names))
		}
	}
	return ds
}

// circles reports every circle of macros once, at its first link.
func (l *Library) circles() diag.List {
	var ds diag.List
	const open, done = 1, 2
	state := map[*macro]int{}
	var chain []*macro
	var calls []source.Span
	var visit func(m *macro)
	visit = func(m *macro) {
		state[m] = open
		chain = append(chain, m)
		for _, e := range m.edges() {
			to := l.macros[e.name]
			if to == nil {
				continue
			}
			calls = append(calls, e.span)
			switch state[to] {
			case 0:
				visit(to)
			case open:
				from := slices.Index(chain, to)
				var names []string
				for _, c := range chain[from:] {
					names = append(names, c.name)
				}
				ds.Add(recursion(append(names, to.name), slices.Clone(calls[from:])))
			}
			calls = calls[:len(calls)-1]
		}
		chain = chain[:len(chain)-1]
		state[m] = done
	}
	for _, name := range l.names {
		if m := l.macros[name]; state[m] == 0 {
			visit(m)
		}
	}
	return ds
}

// edges are the macros that m uses by name.
func (m *macro) edges() []edge {
	if m.unit == nil {
		return nil
	}
	var out []edge
	for _, e := range m.unit.edges {
		if e.owner == m.tree {
			out = append(out, e)
		}
	}
	return out
}

// reach lists the calls in m and in all macros it uses, each macro once.
func (l *Library) reach(m *macro, seen map[*macro]bool) []Call {
	if m.unit == nil || seen[m] {
		return nil
	}
	seen[m] = true
	calls := m.unit.ordered(func(t *parse.Tree) bool { return t == m.tree })
	for _, e := range m.edges() {
		if to := l.macros[e.name]; to != nil {
			calls = append(calls, l.reach(to, seen)...)
		}
	}
	return calls
}

// trimLastBreak takes the last line break off a macro's text: it belongs to the file.
func trimLastBreak(l *parse.ListNode) {
	if len(l.Nodes) == 0 {
		return
	}
	if t, ok := l.Nodes[len(l.Nodes)-1].(*parse.TextNode); ok && bytes.HasSuffix(t.Text, []byte("\n")) {
		t.Text = bytes.TrimSuffix(t.Text[:len(t.Text)-1], []byte("\r"))
	}
}

// emptyTree reports whether nothing but space is in a list.
func emptyTree(l *parse.ListNode) bool {
	for _, n := range l.Nodes {
		if t, ok := n.(*parse.TextNode); !ok || len(bytes.TrimSpace(t.Text)) > 0 {
			return false
		}
	}
	return true
}

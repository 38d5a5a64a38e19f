package editor

import (
	"cmp"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
)

// SymbolKind says what a Symbol is.
type SymbolKind string

// The kinds of symbols.
const (
	ModelSymbol    SymbolKind = "model"
	SeedSymbol     SymbolKind = "seed"
	SnapshotSymbol SymbolKind = "snapshot"
	SourceSymbol   SymbolKind = "source"
	ColumnSymbol   SymbolKind = "column"
	CTESymbol      SymbolKind = "cte"
	MacroSymbol    SymbolKind = "macro"
	TestSymbol     SymbolKind = "test"
	UnitTestSymbol SymbolKind = "unit test"
	ExposureSymbol SymbolKind = "exposure"
	DocsSymbol     SymbolKind = "docs"
	VarSymbol      SymbolKind = "var"
)

// Symbol is something with a name in a file. Whole is all of it, At its name.
type Symbol struct {
	Name, Detail string
	Kind         SymbolKind
	At, Whole    source.Span
	Children     []Symbol
}

// Symbols are what a file has, in the order of the text: of a template its common table
// expressions and columns or its macros, of YAML its entries.
func (v *View) Symbols(p string) []Symbol {
	f, ok := v.File(p)
	if !ok {
		return nil
	}
	switch {
	case strings.HasSuffix(p, ".tmpl"):
		var out []Symbol
		for _, at := range defines(f) {
			out = append(out, Symbol{Name: at.Text(), Kind: MacroSymbol, At: at, Whole: at})
		}
		if v.Project != nil {
			for _, m := range v.Project.Macros {
				if m.Source.Path == p && len(out) == 0 {
					out = append(out, Symbol{Name: m.Name, Kind: MacroSymbol, At: f.Whole(), Whole: f.Span(0, len(f.Data))})
				}
			}
		}
		return out
	case isTemplate(p):
		return v.read(f).symbols()
	case isYAML(p):
		return v.yamlSymbols(f)
	}
	return nil
}

// symbols are the common table expressions of the outermost query, and the columns of its result.
func (d *document) symbols() []Symbol {
	types := map[string]string{}
	if n := d.view.node(d.node); n != nil {
		for _, c := range n.Columns {
			types[strings.ToLower(c.Name)] = c.Type
		}
	}
	columns := func(q *sqlQuery, typed bool) []Symbol {
		var out []Symbol
		a := firstArm(q)
		if a == nil {
			return nil
		}
		for _, it := range a.items {
			whole := d.file.Span(it.start, it.end)
			n, ok := it.name()
			if !ok {
				if it.star {
					out = append(out, Symbol{Name: strings.Join(strings.Fields(whole.Text()), " "), Kind: ColumnSymbol, At: whole, Whole: whole})
				}
				continue
			}
			s := Symbol{Name: n.name, Kind: ColumnSymbol, At: d.file.Span(n.start, n.end), Whole: whole}
			if typed {
				s.Detail = types[strings.ToLower(n.name)]
			}
			out = append(out, s)
		}
		return out
	}
	var ctes func(q *sqlQuery) []Symbol
	ctes = func(q *sqlQuery) []Symbol {
		var out []Symbol
		for _, c := range q.ctes {
			s := Symbol{Name: c.name.name, Kind: CTESymbol, At: d.file.Span(c.name.start, c.name.end), Whole: d.file.Span(c.start, c.end)}
			s.Children = append(ctes(c.query), columns(c.query, false)...)
			out = append(out, s)
		}
		return out
	}
	if d.outline.root == nil {
		return nil
	}
	return append(ctes(d.outline.root), columns(d.outline.root, true)...)
}

func firstArm(q *sqlQuery) *sqlArm {
	for range longest {
		if q == nil || len(q.arms) == 0 {
			return nil
		}
		if q.arms[0].nested == nil {
			return q.arms[0]
		}
		q = q.arms[0].nested
	}
	return nil
}

// yamlSymbols are the entries of a properties file.
func (v *View) yamlSymbols(f *source.File) []Symbol {
	if v.Project == nil {
		return nil
	}
	var out []Symbol
	here := func(at source.Span) bool { return at.File != nil && at.File.Path == f.Path }
	columns := func(list []*project.Column) []Symbol {
		var out []Symbol
		for _, c := range list {
			s := Symbol{Name: c.Name.V, Detail: c.DataType.V, Kind: ColumnSymbol, At: c.Name.At, Whole: c.At}
			s.Children = testSymbols(c.Tests)
			out = append(out, s)
		}
		return out
	}
	for _, p := range v.Project.Props {
		if !here(p.At) || p.Version != nil && p.Version.Age != 0 {
			continue
		}
		kind := ModelSymbol
		switch p.Kind {
		case addr.Seed:
			kind = SeedSymbol
		case addr.Snapshot:
			kind = SnapshotSymbol
		}
		s := Symbol{Name: p.Name.V, Kind: kind, At: p.Name.At, Whole: p.At}
		s.Children = append(testSymbols(p.Tests), columns(p.Columns)...)
		out = append(out, s)
	}
	for _, src := range v.Project.Sources {
		if here(src.At) {
			s := Symbol{Name: src.SourceName.V + "." + src.Table.V, Kind: SourceSymbol, At: src.Table.At, Whole: src.At}
			s.Children = append(testSymbols(src.Tests), columns(src.Columns)...)
			out = append(out, s)
		}
	}
	for _, u := range v.Project.UnitTests {
		if here(u.At) {
			out = append(out, Symbol{Name: u.Name.V, Detail: u.Model.V, Kind: UnitTestSymbol, At: u.Name.At, Whole: u.At})
		}
	}
	for _, e := range v.Project.Exposures {
		if here(e.At) {
			out = append(out, Symbol{Name: e.Name.V, Detail: e.Type.V, Kind: ExposureSymbol, At: e.Name.At, Whole: e.At})
		}
	}
	if v.Project.Settings.File != nil && v.Project.Settings.File.Path == f.Path {
		for _, name := range sortedKeys(v.Project.Settings.Vars) {
			if at, ok := v.variable(name); ok {
				out = append(out, Symbol{Name: name, Kind: VarSymbol, At: at, Whole: at})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Symbol) int { return cmp.Compare(a.Whole.Start, b.Whole.Start) })
	return out
}

func testSymbols(list []*project.Test) []Symbol {
	var out []Symbol
	for _, t := range list {
		if t.Kind.At.File == nil {
			continue
		}
		name := t.Kind.V
		if t.Name.V != "" {
			name = t.Name.V
		}
		out = append(out, Symbol{Name: name, Detail: "test", Kind: TestSymbol, At: t.Kind.At, Whole: t.At})
	}
	return out
}

// mostSymbols are as many as an editor shows at once.
const mostSymbols = 200

// WorkspaceSymbols are models, seeds, snapshots, sources, macros, variables, unit tests and
// exposures whose names have the letters of the query in their order, best first.
func (v *View) WorkspaceSymbols(query string) []Symbol {
	if v.Project == nil || v.Program == nil {
		return nil
	}
	type scored struct {
		Symbol
		score int
	}
	var found []scored
	add := func(name string, kind SymbolKind, at func() source.Span) {
		if score, ok := symbolMatch(name, query); ok {
			found = append(found, scored{Symbol{Name: name, Kind: kind, At: source.Span{}}, score})
			span := at()
			found[len(found)-1].At, found[len(found)-1].Whole = span, span
		}
	}
	for id, n := range v.Program.Nodes {
		kind := SymbolKind(id.Kind)
		add(id.Name, kind, func() source.Span {
			switch {
			case n.Source != nil:
				return n.Source.Table.At
			case n.Seed != nil:
				return n.Seed.At.File.Whole()
			}
			if f, ok := v.File(n.Path); ok {
				return f.Whole()
			}
			return source.Span{}
		})
	}
	for _, m := range v.Project.Macros {
		names := defines(m.Source)
		for _, at := range names {
			add(at.Text(), MacroSymbol, func() source.Span { return at })
		}
		if len(names) == 0 {
			add(m.Name, MacroSymbol, m.Source.Whole)
		}
	}
	for name := range v.Project.Settings.Vars {
		add(name, VarSymbol, func() source.Span { at, _ := v.variable(name); return at })
	}
	for _, u := range v.Project.UnitTests {
		add(u.Name.V, UnitTestSymbol, func() source.Span { return u.Name.At })
	}
	for _, e := range v.Project.Exposures {
		add(e.Name.V, ExposureSymbol, func() source.Span { return e.Name.At })
	}
	for _, d := range v.Project.Docs {
		add(d.Name, DocsSymbol, func() source.Span { return d.At })
	}
	slices.SortFunc(found, func(a, b scored) int {
		return cmp.Or(cmp.Compare(a.score, b.score), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Kind, b.Kind))
	})
	var out []Symbol
	for _, s := range found[:min(len(found), mostSymbols)] {
		if s.At.File != nil {
			out = append(out, s.Symbol)
		}
	}
	return out
}

// symbolMatch reports whether a name has the letters of a query in their order, and how far it is
// from it: less is better.
func symbolMatch(name, query string) (int, bool) {
	name, query = strings.ToLower(name), strings.ToLower(query)
	if i := strings.Index(name, query); i >= 0 {
		return i*2 + len(name) - len(query), true
	}
	at, score := 0, 1000+len(name)
	for i := 0; i < len(query); i++ {
		k := strings.IndexByte(name[at:], query[i])
		if k < 0 {
			return 0, false
		}
		score += k
		at += k + 1
	}
	return score, true
}

package editor

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
)

// Place is a place in the project. At is the name, or the beginning of a file; Whole is what
// it belongs to, where that is more: an entry, a common table expression.
type Place struct {
	At, Whole source.Span
}

func placeAt(at source.Span) Place { return Place{At: at, Whole: at} }

// maker is where a column of a text comes from: from a column of a node, or from a name in
// the text itself.
type maker struct {
	node addr.Node
	name string
	// In the text: the name of an item, of «with x (a, b)», of an array; of an item without a
	// name of its own the last part of its path.
	id   sqlIdent
	item *sqlItem
	arm  *sqlArm
}

func (m maker) isZero() bool { return m.node.IsZero() && m.id.end == 0 }

// same reports whether two makers of one text are one.
func (m maker) same(o maker) bool {
	if !m.node.IsZero() || !o.node.IsZero() {
		return m.node == o.node && strings.EqualFold(m.name, o.name)
	}
	return m.id.end > 0 && m.id.start == o.id.start && m.id.end == o.id.end
}

// trace finds what makes a column of a query.
func (d *document) trace(q *sqlQuery, name string, depth int) maker {
	if q == nil || len(q.arms) == 0 || depth > longest {
		return maker{}
	}
	key := tracedColumn{q, strings.ToLower(name)}
	if m, done := d.traced[key]; done {
		return m
	}
	if d.traced == nil {
		d.traced = map[tracedColumn]maker{}
	}
	d.traced[key] = maker{} // while it is looked at: a query that reads itself
	m := d.follow(q, name, depth)
	d.traced[key] = m
	return m
}

// tracedColumn is a column of a query, in lower case.
type tracedColumn struct {
	query *sqlQuery
	name  string
}

func (d *document) follow(q *sqlQuery, name string, depth int) maker {
	a := q.arms[0]
	if a.nested != nil {
		return d.trace(a.nested, name, depth+1)
	}
	for _, it := range a.items {
		if n, ok := it.name(); ok && n.is(name) {
			return maker{id: n, item: it, arm: a, name: n.name}
		}
	}
	for _, it := range a.items {
		if !it.star || slices.ContainsFunc(it.except, func(i sqlIdent) bool { return i.is(name) }) {
			continue
		}
		for _, id := range it.replace {
			if id.is(name) {
				return maker{id: id, item: it, arm: a, name: id.name}
			}
		}
		var guess maker
		rels := d.starred(a, it)
		for _, r := range rels {
			f, ok := d.column(r, name, depth+1)
			if !ok {
				continue
			}
			m := d.traceIn(r, name, depth+1)
			if !f.guess {
				return m
			}
			guess = m
		}
		if len(rels) == 1 && !guess.isZero() {
			return guess
		}
	}
	return maker{}
}

// traceIn finds what makes a column of a relation.
func (d *document) traceIn(r *sqlRelation, name string, depth int) maker {
	if depth > longest || r.shaped {
		return maker{}
	}
	for _, c := range r.columns {
		if c.is(name) {
			return maker{id: c, arm: r.arm, name: c.name}
		}
	}
	switch r.kind {
	case ofNode:
		if id, ok := d.called(r.action.relation()); ok {
			return maker{node: id, name: name}
		}
	case ofCTE:
		for _, c := range r.cte.columns {
			if c.is(name) {
				return maker{id: c, arm: r.arm, name: c.name}
			}
		}
		if len(r.cte.columns) == 0 {
			return d.trace(r.cte.query, name, depth+1)
		}
	case ofQuery:
		return d.trace(r.query, name, depth+1)
	case ofArray:
		if r.alias != nil && r.alias.is(name) {
			return maker{id: *r.alias, arm: r.arm, name: r.alias.name}
		}
	}
	return maker{}
}

// made are the makers of what a path means, and which of its parts is the column.
func (d *document) made(u *sqlUse) (part int, out []maker) {
	part, list := d.resolve(u)
	for _, f := range list {
		var m maker
		switch {
		case f.rel != nil:
			m = d.traceIn(f.rel, f.name, 0)
		case f.item != nil && f.item.star:
			m = d.trace(f.query, f.name, 0)
		case f.item != nil:
			if n, ok := f.item.name(); ok {
				m = maker{id: n, item: f.item, arm: armOf(f.query, f.item), name: n.name}
			}
		}
		if !m.isZero() {
			out = append(out, m)
		}
	}
	return part, out
}

func armOf(q *sqlQuery, it *sqlItem) *sqlArm {
	if q == nil {
		return nil
	}
	for _, a := range q.arms {
		if slices.Contains(a.items, it) {
			return a
		}
	}
	return nil
}

// makers are those of the column that a target of this text stands for.
func (d *document) makers(t target) []maker {
	switch {
	case t.use != nil:
		part, out := d.made(t.use)
		if t.part >= part && part >= 0 {
			return out
		}
	case t.item != nil && t.item.alias != nil && t.item.alias.start == t.at.Start:
		return []maker{{id: *t.item.alias, item: t.item, name: t.item.alias.name}}
	case t.item != nil && t.item.star:
		for _, id := range t.item.replace {
			if id.start == t.at.Start {
				return []maker{{id: id, item: t.item, name: id.name}}
			}
		}
		if t.rel != nil {
			if m := d.traceIn(t.rel, t.name, 0); !m.isZero() {
				return []maker{m}
			}
		}
	case t.cte != nil:
		for _, c := range t.cte.columns {
			if c.start == t.at.Start {
				return []maker{{id: c, name: c.name}}
			}
		}
	}
	return nil
}

// Definition is where what stands at an offset is made; nothing where there is nothing, or
// where it is made outside of the project.
func (v *View) Definition(p string, offset int) []Place {
	t := v.at(p, offset)
	switch t.thing {
	case nodeThing:
		return v.definedNode(t.node)
	case sourceThing:
		return v.definedSource(t)
	case columnThing:
		return v.definedColumn(t)
	case aliasThing:
		if t.rel == nil {
			return nil
		}
		if t.rel.alias != nil {
			return []Place{{t.doc.file.Span(t.rel.alias.start, t.rel.alias.end), t.doc.file.Span(t.rel.start, t.rel.end)}}
		}
		return []Place{placeAt(t.doc.file.Span(t.rel.start, t.rel.end))}
	case cteThing:
		return []Place{{t.doc.file.Span(t.cte.name.start, t.cte.name.end), t.doc.file.Span(t.cte.start, t.cte.end)}}
	case macroThing:
		if at, ok := v.macro(t.name); ok {
			return []Place{placeAt(at)}
		}
	case varThing:
		if at, ok := v.variable(t.name); ok {
			return []Place{placeAt(at)}
		}
	case testThing:
		return v.definedTest(t.name)
	case docsThing:
		if v.Project != nil {
			for _, d := range v.Project.Docs {
				if d.Name == t.name {
					return []Place{placeAt(d.At)}
				}
			}
		}
	case groupThing:
		if v.Project != nil {
			for _, g := range v.Project.Groups {
				if g.Name.V == t.name {
					return []Place{placeAt(g.Name.At)}
				}
			}
		}
	case funcThing:
		if t.call != nil && (t.call.fn == "this" || t.call.fn == "config") {
			if n := v.node(t.doc.node); n != nil && n.Props != nil {
				return []Place{{n.Props.Name.At, n.Props.At}}
			}
		}
	case unitTestThing, exposureThing:
		return []Place{placeAt(t.at)}
	}
	return nil
}

// definedNode is the file of a node.
func (v *View) definedNode(id addr.Node) []Place {
	n := v.node(id)
	switch {
	case n == nil:
		return nil
	case n.Source != nil:
		return []Place{{n.Source.Table.At, n.Source.At}}
	case n.Seed != nil:
		return []Place{placeAt(n.Seed.At.File.Whole())}
	}
	if f, ok := v.File(n.Path); ok {
		return []Place{placeAt(f.Whole())}
	}
	if n.File != nil {
		return []Place{placeAt(n.File.Whole())}
	}
	return nil
}

func (v *View) definedSource(t target) []Place {
	if n := v.node(t.node); n != nil && n.Source != nil {
		if t.group && n.Source.SourceName.IsSet() {
			return []Place{{n.Source.SourceName.At, n.Source.SourceName.At}}
		}
		return []Place{{n.Source.Table.At, n.Source.At}}
	}
	if v.Project != nil && t.group {
		for _, s := range v.Project.Sources {
			if s.SourceName.V == t.name && s.SourceName.IsSet() {
				return []Place{placeAt(s.SourceName.At)}
			}
		}
	}
	return nil
}

func (v *View) definedColumn(t target) []Place {
	name, _, _ := strings.Cut(t.name, ".")
	if t.doc == nil {
		return v.definedIn(t.node, name, 0)
	}
	var out []Place
	for _, m := range t.doc.makers(t) {
		for _, p := range v.place(t.doc, m, 0) {
			if !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	}
	return out
}

// place is where a maker of a text stands.
func (v *View) place(d *document, m maker, depth int) []Place {
	if !m.node.IsZero() {
		return v.definedIn(m.node, m.name, depth+1)
	}
	whole := d.file.Span(m.id.start, m.id.end)
	if m.item != nil {
		whole = d.file.Span(m.item.start, m.item.end)
	}
	return []Place{{d.file.Span(m.id.start, m.id.end), whole}}
}

// definedIn is where a column of a node is made: in its select list, or in that of the node
// that it is passed on from.
func (v *View) definedIn(id addr.Node, name string, depth int) []Place {
	n := v.node(id)
	if n == nil || depth > longest {
		return nil
	}
	switch {
	case n.Source != nil:
		for _, c := range n.Source.Columns {
			if strings.EqualFold(c.Name.V, name) {
				return []Place{{c.Name.At, c.At}}
			}
		}
		for _, parent := range n.Parents { // what makes the source's table
			if out := v.definedIn(parent, name, depth+1); len(out) > 0 {
				return out
			}
		}
		return []Place{{n.Source.Table.At, n.Source.At}}
	case n.Seed != nil:
		if f, ok := v.seed(n); ok {
			for _, c := range header(f.Data, v.delimiter(id)) {
				if strings.EqualFold(c.text, name) {
					return []Place{placeAt(f.Span(c.start, c.end))}
				}
			}
		}
		return v.definedNode(id)
	}
	if d, ok := v.document(n.Path); ok && n.Closure == nil {
		if m := d.trace(d.outline.root, name, 0); !m.isZero() {
			if out := v.place(d, m, depth); len(out) > 0 {
				return out
			}
		}
	}
	if n.Props != nil {
		for _, c := range n.Props.Columns {
			if strings.EqualFold(c.Name.V, name) {
				return []Place{{c.Name.At, c.At}}
			}
		}
	}
	return v.definedNode(id)
}

// headerBytes is how much of a seed is read for the names of its columns.
const headerBytes = 1 << 20

// seed is the beginning of a seed's file.
func (v *View) seed(n *compile.Node) (*source.File, bool) {
	if f, ok := v.File(n.Path); ok {
		return f, true
	}
	if n.Seed == nil || n.Seed.Format != "csv" || v.Project == nil {
		return nil, false
	}
	f, err := os.Open(filepath.Join(v.Project.Dir, filepath.FromSlash(n.Path)))
	if err != nil {
		return nil, false
	}
	defer func() { _ = f.Close() }()
	var data []byte
	buf := make([]byte, 8<<10)
	for len(data) < headerBytes {
		k, err := f.Read(buf)
		data = append(data, buf[:k]...)
		if err != nil || strings.IndexByte(string(buf[:k]), '\n') >= 0 {
			break
		}
	}
	return source.NewFile(n.Path, data), true
}

// macro is where a macro is defined: the name in a define, or its file.
func (v *View) macro(name string) (source.Span, bool) {
	if v.Project == nil || name == "" {
		return source.Span{}, false
	}
	for _, m := range v.Project.Macros {
		f, ok := v.File(m.Source.Path)
		if !ok {
			f = m.Source
		}
		for _, def := range defines(f) {
			if def.Text() == name {
				return def, true
			}
		}
		if m.Name == name {
			return f.Whole(), true
		}
	}
	return source.Span{}, false
}

// defines are the names of the macros that a file defines by {{ define }}.
func defines(f *source.File) []source.Span {
	text := string(f.Data)
	if !strings.Contains(text, "define") {
		return nil
	}
	var out []source.Span
	for _, a := range actionsOf(text) {
		if a.keyword == "define" && len(a.tokens) > 1 && a.tokens[1].sort == tmplString {
			out = append(out, f.Span(a.tokens[1].start+1, a.tokens[1].end-1))
		}
	}
	return out
}

// variable is the key of a variable in engine.yml.
func (v *View) variable(name string) (source.Span, bool) {
	if v.Project == nil {
		return source.Span{}, false
	}
	val, ok := v.Project.Settings.Vars[name]
	if !ok {
		return source.Span{}, false
	}
	return keyBefore(val.At, name)
}

// keyBefore is the key whose value is at a place.
func keyBefore(at source.Span, key string) (source.Span, bool) {
	if at.File == nil {
		return at, false
	}
	text := string(at.File.Data[:at.Start])
	for end := len(text); ; {
		i := strings.LastIndex(text[:end], key)
		if i < 0 {
			return at, false
		}
		rest := strings.TrimLeft(text[i+len(key):], "\"'")
		if strings.HasPrefix(rest, ":") && (i == 0 || !wordByte(text[i-1]) && text[i-1] != '-') {
			return at.File.Span(i, i+len(key)), true
		}
		end = i
	}
}

func (v *View) definedTest(kind string) []Place {
	if v.Project == nil {
		return nil
	}
	for _, g := range v.Project.Generics {
		if g.Name == kind {
			return []Place{placeAt(g.Source.Whole())}
		}
	}
	return nil
}

// rendered is the outline of a node's rendered text, with the way back to its template.
type renderedText struct {
	*document
	m *source.Map
}

// rendered reads the text that a template became: macros are in it, branches that were not
// taken are not.
func (d *document) rendered(text string, m *source.Map) renderedText {
	r := &document{view: d.view, file: d.file, node: d.node, template: &sqlTemplate{text: text, lexis: d.template.lexis}}
	segs := m.Segments()
	docs := map[string]*document{d.file.Path: d}
	at := 0
	var last *tmplAction
	lastEnd := -1
	for tok := range d.template.lexis.Tokens(text) {
		if tok.Kind == sql.Space || tok.Kind == sql.Comment {
			continue
		}
		for at < len(segs) && segs[at].End <= tok.Start {
			at++
		}
		l := lexeme{start: tok.Start, end: tok.End}
		s := text[tok.Start:tok.End]
		if at < len(segs) && segs[at].Start <= tok.Start && segs[at].End >= tok.End {
			seg := segs[at]
			l.fixed = seg.Verbatim
			if !seg.Verbatim && seg.Src.File != nil {
				doc := docs[seg.Src.File.Path]
				if doc == nil {
					doc = d.view.read(seg.Src.File)
					docs[seg.Src.File.Path] = doc
				}
				if a := doc.action(seg.Src.Start); a != nil && a.relation() != nil {
					if a == last && lastEnd == tok.Start {
						r.template.lexemes[len(r.template.lexemes)-1].end = tok.End
						lastEnd = tok.End
						continue
					}
					l.sort, l.action = lexTable, a
					last, lastEnd = a, tok.End
					r.template.lexemes = append(r.template.lexemes, l)
					continue
				}
			}
		}
		switch tok.Kind {
		case sql.Word:
			l.sort, l.name = lexWord, s
		case sql.Quoted:
			l.sort, l.name = lexQuoted, unquote(s)
		case sql.Punct:
			l.sort, l.name = lexPunct, s
		default:
			l.sort = lexLiteral
		}
		r.template.lexemes = append(r.template.lexemes, l)
	}
	r.outline = readOutline(r.template.lexemes)
	return renderedText{r, m}
}

// action is the one that begins at a place, or around it.
func (d *document) action(start int) *tmplAction {
	i, ok := slices.BinarySearchFunc(d.template.actions, start, func(a *tmplAction, at int) int { return a.start - at })
	if ok {
		return d.template.actions[i]
	}
	if i > 0 && d.template.actions[i-1].end > start {
		return d.template.actions[i-1]
	}
	return nil
}

package editor

import (
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
)

// identity is what a column is: one of a node, or a name in one text.
type identity struct {
	node addr.Node
	name string
	doc  *document // where node is zero
	m    maker
}

// identify finds what the column at a target is, up to where its name is given.
func (v *View) identify(t target) (identity, bool) {
	name, _, field := strings.Cut(t.name, ".")
	if field {
		return identity{}, false
	}
	if t.doc == nil {
		if t.node.IsZero() {
			return identity{}, false
		}
		return v.origin(t.node, name), true
	}
	list := t.doc.makers(t)
	if len(list) == 0 {
		return identity{}, false
	}
	m := list[0]
	if !m.node.IsZero() {
		return v.origin(m.node, m.name), true
	}
	// A name of the text that the text's result has, too, is a column of the node.
	if own := t.doc.trace(t.doc.outline.root, m.name, 0); own.same(m) && !t.doc.node.IsZero() {
		return identity{node: t.doc.node, name: m.name}, true
	}
	return identity{doc: t.doc, m: m, name: m.name}, true
}

// origin follows a column through stars to the node whose own it is.
func (v *View) origin(id addr.Node, name string) identity {
	for range longest {
		n := v.node(id)
		if n == nil {
			break
		}
		if n.Source != nil {
			made := false
			for _, p := range n.Parents {
				if names, _ := v.columns(p); slices.ContainsFunc(names, func(s string) bool { return strings.EqualFold(s, name) }) {
					id, made = p, true
				}
			}
			if !made {
				break
			}
			continue
		}
		if n.Seed != nil || n.Closure != nil {
			break
		}
		d, ok := v.document(n.Path)
		if !ok {
			break
		}
		m := d.trace(d.outline.root, name, 0)
		if m.node.IsZero() || m.node == id {
			break
		}
		id, name = m.node, m.name
	}
	return identity{node: id, name: name}
}

func (v *View) columnMentions(t target) []mention {
	id, ok := v.identify(t)
	if !ok {
		return nil
	}
	list, _ := v.spread(id)
	return list
}

// spread are the places of a column: where it is made, and wherever its name leads there. The
// nodes are those that have it under its name because a star passes it on, its own first.
func (v *View) spread(id identity) (list []mention, nodes []addr.Node) {
	if id.node.IsZero() {
		return id.doc.columnUses(func(m maker) bool { return m.same(id.m) }, id.name), nil
	}
	nodes = []addr.Node{id.node}
	for i := 0; i < len(nodes); i++ {
		node := nodes[i]
		n := v.node(node)
		if n == nil {
			continue
		}
		list = append(list, v.ownMentions(n, id.name)...)
		for _, c := range n.Children {
			if k := v.node(c); k != nil && k.Source != nil && !slices.Contains(nodes, c) {
				nodes = append(nodes, c) // the table of the source is this node
			}
		}
		for _, d := range v.readers(node) {
			isNode := func(m maker) bool { return m.node == node && strings.EqualFold(m.name, id.name) }
			own := maker{}
			if d.node == node && n.Closure == nil {
				own = d.trace(d.outline.root, id.name, 0)
			}
			list = append(list, d.columnUses(func(m maker) bool { return isNode(m) || own.id.end > 0 && m.same(own) }, id.name)...)
			if own.id.end > 0 {
				list = append(list, mention{at: d.file.Span(own.id.start, own.id.end), declaration: true, doc: d, star: own.item, use: onlyOf(own)})
			}
			if d.node != node && !d.node.IsZero() && !slices.Contains(nodes, d.node) {
				if r := v.node(d.node); r != nil && r.Closure == nil {
					if m := d.trace(d.outline.root, id.name, 0); isNode(m) {
						nodes = append(nodes, d.node)
					}
				}
			}
		}
	}
	return sortMentions(list), nodes
}

func onlyOf(m maker) *sqlUse {
	if m.item != nil && m.item.alias == nil {
		return m.item.only
	}
	return nil
}

// columnUses are the uses of a column in a text. The item that makes it is left out: it says
// what the column is made of.
func (d *document) columnUses(match func(maker) bool, name string) []mention {
	var out []mention
	for _, q := range d.outline.queries {
		for _, c := range q.ctes {
			for _, id := range c.columns {
				if match(maker{id: id, name: id.name}) {
					out = append(out, mention{at: d.span(id.start, id.end), declaration: true, doc: d})
				}
			}
		}
		for _, a := range q.arms {
			for _, u := range a.uses {
				if !slices.ContainsFunc(u.parts[:min(2, len(u.parts))], func(i sqlIdent) bool { return i.is(name) }) {
					continue
				}
				part, list := d.made(u)
				if part < 0 || part >= len(u.parts) || !u.parts[part].is(name) || !slices.ContainsFunc(list, match) {
					continue
				}
				m := mention{at: d.span(u.parts[part].start, u.parts[part].end), doc: d, use: u, part: part}
				if u.clause == inUsing && !all(list, match) {
					m.refuse = "USING joins by this name with another relation that keeps it"
				}
				out = append(out, m)
			}
			for _, it := range a.items {
				if it.alias != nil && it.alias.is(name) && match(maker{id: *it.alias, item: it, name: it.alias.name}) {
					out = append(out, mention{at: d.span(it.alias.start, it.alias.end), declaration: true, doc: d})
				}
				for i, id := range slices.Concat(it.except, it.replace) {
					if !id.is(name) {
						continue
					}
					for _, r := range d.starred(a, it) {
						if m := d.traceIn(r, id.name, 0); !m.isZero() && match(m) {
							x := mention{at: d.span(id.start, id.end), doc: d, star: it}
							if i >= len(it.except) {
								x.refuse = "a star makes another column of this name"
							}
							out = append(out, x)
						}
					}
				}
			}
		}
	}
	return out
}

// span is a place of the text; that of a rendered text may be longer than the file.
func (d *document) span(start, end int) source.Span {
	return source.Span{File: d.file, Start: start, End: end}
}

func all(list []maker, match func(maker) bool) bool {
	return !slices.ContainsFunc(list, func(m maker) bool { return !match(m) })
}

// ownMentions are the places outside of queries that name a column of a node: its entries in
// YAML, its tests, rows of unit tests, configuration, the header of a seed.
func (v *View) ownMentions(n *compile.Node, name string) []mention {
	var out []mention
	switch {
	case n.Seed != nil:
		f, ok := v.seed(n)
		if !ok {
			out = append(out, mention{at: n.Seed.At.File.Whole(), refuse: "the columns of this file cannot be written anew", silent: true})
			break
		}
		for _, c := range header(f.Data, v.delimiter(n.ID)) {
			if strings.EqualFold(c.text, name) {
				out = append(out, mention{at: f.Span(c.start, c.end), declaration: true})
			}
		}
	case n.Source != nil:
		out = append(out, v.entryMentions(n.Source.At, name)...)
	}
	if n.Props != nil {
		out = append(out, v.entryMentions(n.Props.At, name)...)
	}
	if n.Source == nil && n.Seed == nil {
		if d, ok := v.document(n.Path); ok {
			out = append(out, d.configMentions(name)...)
		}
	}
	out = append(out, v.layeredMentions(n, name)...)
	out = append(out, v.otherTests(n, name)...)
	out = append(out, v.unitMentions(n, name)...)
	out = append(out, v.columnSettings(n, name)...)
	return out
}

// entryMentions are the places of a column in an entry of YAML.
func (v *View) entryMentions(at source.Span, name string) []mention {
	if at.File == nil {
		return nil
	}
	text, whole := at.Text(), string(at.File.Data)
	var out []mention
	for _, i := range wordsIn(text, name) {
		start := at.Start + i
		p := yamlAt(whole, start)
		ok, decl, why := entryColumn(p, name, start)
		if ok || why != "" {
			out = append(out, mention{at: at.File.Span(start, start+len(name)), declaration: decl, refuse: why})
		}
	}
	return out
}

// entryColumn says whether a word in the entry of a node names a column of it.
func entryColumn(p yamlPlace, name string, start int) (ok, declaration bool, refuse string) {
	keys := p.keys()
	segments := strings.Split(keys, ".")
	last := segments[len(segments)-1]
	exact := strings.EqualFold(p.text, name)
	has := func(key string) bool { return slices.Contains(segments, key) }
	inText := func() bool { return sqlWord(p, name, start) }
	parent := segments[max(0, len(segments)-2)]
	switch {
	case p.onKey && has("config") && (parent == "masks" || parent == "column_types"):
		return exact, false, ""
	case last == "name" && yamlParent(p) == "columns" && !p.onKey:
		return exact, exact, ""
	case has("description") || has("meta") || has("tags") || has("docs") || last == "name":
		return false, false, ""
	case has("data_tests") || has("tests"):
		switch {
		case p.onKey || last == "data_tests" || last == "tests":
			return false, false, ""
		case last == "field" && !has("recency") || last == "to_condition" || last == "values" || last == "severity" || last == "to" || last == "compare_model" || last == "pattern" || last == "value_set" || last == "ref":
			return false, false, ""
		case has("equality"):
			return false, false, "the test compares this column with that of another relation by its name"
		}
		return inText(), false, ""
	case has("constraints"):
		switch last {
		case "columns", "expression":
			return inText(), false, ""
		}
		return false, false, ""
	case has("config"):
		switch {
		case p.onKey || noColumn(last):
			return false, false, ""
		case slices.ContainsFunc(segments, columnKey) || last == "masks" || last == "incremental_predicates" || last == "indexes" || has("indexes"):
			return inText(), false, ""
		case strings.Contains(last, "hook"):
			return false, false, "a hook is text that is not read as SQL of this model"
		}
	case last == "loaded_at_field", last == "filter":
		return inText(), false, ""
	case last == "versions" || has("versions"):
		return inText(), false, ""
	}
	return false, false, ""
}

// noColumn are keys beside those of columns whose values are other words.
func noColumn(key string) bool {
	switch key {
	case "data_type", "type", "granularity", "unit", "prefix", "formats", "cycles":
		return true
	}
	return false
}

// sqlWord reports whether a word of a scalar is a name in it, and no text in quotes.
func sqlWord(p yamlPlace, name string, start int) bool {
	if strings.EqualFold(p.text, name) {
		return true
	}
	off := start - p.start
	for tok := range sql.GoogleSQL.Tokens(p.text) {
		if tok.Kind == sql.Word && tok.Start == off {
			return strings.EqualFold(tok.In(p.text), name)
		}
	}
	return false
}

// configMentions are the places of a column in the configuration that a file begins with.
func (d *document) configMentions(name string) []mention {
	var out []mention
	for _, a := range d.template.actions {
		if !d.config(a) {
			continue
		}
		for ci, c := range a.calls {
			for i, arg := range c.args {
				if !arg.str {
					continue
				}
				key := ""
				switch {
				case ci == 0 && i%2 == 1:
					key, _ = c.text(i - 1)
				case ci > 0 && !(c.fn == "dict" && i%2 == 0):
					key = d.configKey(a, c)
					if of, _ := c.text(max(0, i-1)); c.fn == "dict" && noColumn(of) {
						continue
					}
				}
				from, _ := arg.inner(len(d.template.text))
				for _, w := range wordsIn(arg.text, name) {
					m := mention{at: d.file.Span(from+w, from+w+len(name))}
					switch {
					case columnKey(key) || key == "incremental_predicates" || key == "indexes" || key == "ancestry":
						if !sqlWord(yamlPlace{text: arg.text}, name, w) {
							continue
						}
					case strings.Contains(key, "hook"):
						m.refuse = "a hook is text that is not read as SQL of this model"
					default:
						continue
					}
					out = append(out, m)
				}
			}
		}
	}
	return out
}

// layeredMentions are configuration of folders that names a column: other nodes have it, too.
func (v *View) layeredMentions(n *compile.Node, name string) []mention {
	var out []mention
	for _, key := range sortedKeys(n.Raw) {
		val := n.Raw[key]
		if !columnKey(key) && key != "incremental_predicates" && !strings.Contains(key, "hook") || val.At.File == nil {
			continue
		}
		if val.At.File.Path == n.Path || n.Props != nil && n.Props.At.File == val.At.File {
			continue
		}
		text := val.At.Text()
		for _, i := range wordsIn(text, name) {
			out = append(out, mention{at: val.At.Sub(i, i+len(name)), refuse: "the configuration of a folder names it, and other nodes have that, too"})
		}
	}
	return out
}

// otherTests are the tests of other nodes that name a column of this one.
func (v *View) otherTests(n *compile.Node, name string) []mention {
	var out []mention
	for _, t := range v.Program.Tests {
		w := t.Written
		if w == nil || w.At.File == nil || !slices.Contains(t.Parents, n.ID) {
			continue
		}
		if t.Node == n.ID && w.Args["to"].V == nil {
			continue
		}
		for _, key := range []string{"field", "to_condition"} {
			arg, ok := w.Args[key]
			if to, is := w.Args["to"].V.(string); !ok || !is || v.written(to, addr.Node{}) != n.ID {
				continue
			}
			text := arg.At.Text()
			for _, i := range wordsIn(text, name) {
				out = append(out, mention{at: arg.At.Sub(i, i+len(name))})
			}
		}
		if t.Node == n.ID {
			continue
		}
		if _, ok := w.Args["compare_model"]; ok {
			for _, key := range sortedKeys(w.Args) {
				if key == "compare_model" || w.Args[key].At.File == nil {
					continue
				}
				text := w.Args[key].At.Text()
				for _, i := range wordsIn(text, name) {
					out = append(out, mention{at: w.Args[key].At.Sub(i, i+len(name)), refuse: "the test compares this column with that of another relation by its name"})
				}
			}
			if strings.Contains(t.Kind, "equality") {
				out = append(out, mention{at: w.Kind.At, refuse: "the test compares the columns of two relations by their names", silent: true})
			}
		}
	}
	if d := v.refsIn(n); d != nil {
		out = append(out, d(name)...)
	}
	return out
}

// refsIn finds foreign keys of other nodes that lead here.
func (v *View) refsIn(n *compile.Node) func(name string) []mention {
	return func(name string) []mention {
		var out []mention
		constraint := func(c project.Constraint) {
			if c.To.V == "" || v.written(c.To.V, addr.Node{}) != n.ID {
				return
			}
			for _, col := range c.ToColumns {
				if strings.EqualFold(col.V, name) {
					out = append(out, mention{at: inner(col.At, col.V)})
				}
			}
		}
		for _, p := range v.Project.Props {
			for _, c := range p.Constraints {
				constraint(c)
			}
			for _, col := range p.Columns {
				for _, c := range col.Constraints {
					constraint(c)
				}
			}
		}
		return out
	}
}

// unitMentions are rows of unit tests with the column.
func (v *View) unitMentions(n *compile.Node, name string) []mention {
	var out []mention
	rows := func(rows []project.Row) {
		for _, r := range rows {
			for _, key := range r.Order {
				if !strings.EqualFold(key, name) {
					continue
				}
				if at, ok := keyBefore(r.Cells[key].At, key); ok {
					out = append(out, mention{at: at})
				}
			}
		}
	}
	other := func(s project.Stated) {
		if s.Format == "" || s.Format == "dict" {
			return
		}
		at := s.SQL.At
		if s.Fixture.IsSet() {
			at = s.Fixture.At
		}
		if at.File != nil && (s.Fixture.IsSet() || len(wordsIn(at.Text(), name)) > 0) {
			out = append(out, mention{at: at, refuse: "rows of a unit test stand there as text", silent: true})
		}
	}
	for _, u := range v.Project.UnitTests {
		model, _ := v.named(u.Model.V)
		if model == n.ID {
			rows(u.Expect)
			other(u.ExpectAs)
		}
		for _, g := range u.Given {
			if v.written(g.Input.V, model) == n.ID {
				rows(g.Rows)
				other(g.As)
			}
		}
	}
	return out
}

// columnSettings are the places of engine.yml that name a column of a node.
func (v *View) columnSettings(n *compile.Node, name string) []mention {
	var out []mention
	s := v.Project.Settings
	columns := func(ref project.Value[string], columns map[string]project.Value[string]) {
		if ref.V == "" || v.written(ref.V, addr.Node{}) != n.ID {
			return
		}
		for _, ours := range sortedKeys(columns) {
			if val := columns[ours]; strings.EqualFold(val.V, name) {
				out = append(out, mention{at: inner(val.At, val.V)})
			}
		}
	}
	if d := s.Distribution; d != nil {
		for _, part := range sortedKeys(d.Parts) {
			p := d.Parts[part]
			columns(p.Ref, p.Columns)
			if p.Ref.V == "" || v.written(p.Ref.V, addr.Node{}) != n.ID || p.Columns[name].V != "" {
				continue
			}
			for _, c := range project.PartColumns(part) {
				if strings.EqualFold(c.Name, name) {
					out = append(out, mention{at: p.Ref.At, refuse: "the configuration reads the column by this name", silent: true})
				}
			}
		}
		if strings.EqualFold(d.TenantColumn.V, name) {
			at := d.TenantColumn.At
			if at.File == nil {
				at = d.At
			}
			out = append(out, mention{at: at, refuse: "it is the column with the tenant in the whole project", silent: true})
		}
		for _, c := range d.Contracts {
			for _, ch := range c.Changes {
				if to, _ := v.named(ch.Model.V); to == n.ID {
					out = append(out, mention{at: ch.At, refuse: "customers have a contract about the columns of this model", silent: true})
				}
			}
		}
	}
	if s.Catalog != nil && s.Catalog.Genealogy != nil {
		for _, p := range v.genealogyParts() {
			columns(p.Ref, p.Columns)
		}
	}
	return out
}

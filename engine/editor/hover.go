package editor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/datatest"
	"github.com/engine-build/engine/engine/origin"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/sql"
)

// Hover is what there is to say of a place.
type Hover struct {
	// From and To are the bytes that it is about.
	From, To int
	Text     string // Markdown
}

// Bounds of what a Hover lists.
const (
	mostColumns = 40
	mostReaders = 12
	mostHops    = 12 // from a column to where it comes from
)

// Hover says what stands at an offset of a file; false where there is nothing to say.
func (v *View) Hover(path string, at int) (Hover, bool) {
	f, ok := v.File(path)
	if !ok || at < 0 || at > len(f.Data) {
		return Hover{}, false
	}
	h := hoverer{view: v, book: v.names(), path: path, text: string(f.Data), at: at}
	switch sortOf(path) {
	case yamlFile:
		h.yaml()
	case sqlFile, macroFile:
		if a, ok := actionAt(actions(h.text), at); ok {
			h.action(a)
		} else {
			h.sql()
		}
	case proseFile:
	}
	h.out.Text = strings.TrimSpace(h.out.Text)
	return h.out, h.out.Text != ""
}

type hoverer struct {
	view *View
	book *book
	path string
	text string
	at   int
	out  Hover
}

func (h *hoverer) say(from, to int, text string) { h.out = Hover{From: from, To: to, Text: text} }

// action speaks of a word in {{ … }}.
func (h *hoverer) action(a action) {
	for _, w := range a.words {
		if h.at < w.start || h.at > w.end || h.at == w.end && w.kind == 'p' {
			continue
		}
		s := h.text[w.start:w.end]
		in, outer, _, _, _ := openCall(h.text, a, w.start+1)
		if w.kind == 'n' {
			if rest, ok := strings.CutPrefix(s, "target."); ok {
				c := &completer{view: h.view, book: h.book}
				h.say(w.start, w.end, fmt.Sprintf("`%s` of the target: `%v`", rest, c.targetField(rest)))
				return
			}
			if f := templateFunction(s); f != nil {
				h.say(w.start, w.end, functionDoc(f))
			}
			return
		}
		if w.kind != 'q' {
			return
		}
		name := unquoted(s)
		n := len(in.args)
		switch in.fn {
		case "ref":
			args := append(slices.Clone(in.args), name)
			if n == 0 {
				// What follows the name may be a version.
				_, args = a.called(h.text)
				if len(args) == 0 || args[0] != name {
					args = []string{name}
				}
			}
			if node := h.book.ref(args); node != nil {
				h.say(w.start, w.end, h.nodeText(node))
			}
		case "source":
			if n == 1 {
				if node := h.book.source(in.args[0], name); node != nil {
					h.say(w.start, w.end, h.nodeText(node))
				}
			} else if n == 0 {
				h.say(w.start, w.end, h.sourceText(name))
			}
		case "var":
			if value, ok := h.book.vars()[name]; ok && n == 0 {
				h.say(w.start, w.end, fmt.Sprintf("Variable `%s`: `%v`", name, value))
			}
		case "env_var":
			if n == 0 {
				h.say(w.start, w.end, "Variable `"+name+"` of the environment: a declared input of the model.")
			}
		case "include", "template":
			if m := h.book.macro(name); m != nil && n == 0 {
				h.say(w.start, w.end, "macro `"+m.name+"`\n\n```\n"+m.call()+"\n```\n"+macroDoc(m))
			}
		case "config":
			kind := addr.Model
			if node, ok := h.view.Node(h.path); ok {
				kind = node.ID.Kind
			}
			key := name
			if n%2 == 1 {
				key = in.args[n-1]
			}
			if k, ok := project.LookupKey(key, kind); ok {
				h.say(w.start, w.end, keyDoc(k))
			}
		case "dict":
			if len(outer) > 0 && n%2 == 0 && len(outer[len(outer)-1].args) > 0 {
				of := outer[len(outer)-1]
				if m := h.book.macro(of.args[0]); m != nil && of.fn == "include" {
					h.say(w.start, w.end, "argument `"+name+"` of macro `"+m.name+"`\n\n"+m.doc)
				} else if k, ok := project.LookupKey(of.args[len(of.args)-1], addr.Model); ok && of.fn == "config" {
					for _, f := range k.Fields {
						if f.Name == name {
							h.say(w.start, w.end, keyDoc(f))
						}
					}
				}
			}
		}
		return
	}
}

// sql speaks of a name in SQL.
func (h *hoverer) sql() {
	t := tokenize(h.text, h.view.lexisOf(h.path), nil)
	i := slices.IndexFunc(t.list, func(k tok) bool { return h.at >= k.start && h.at < k.end })
	if i < 0 {
		i = slices.IndexFunc(t.list, func(k tok) bool {
			return h.at == k.end && (k.kind == sql.Word || k.kind == sql.Quoted || t.masked[k.start] == '*')
		})
	}
	if i < 0 || t.list[i].kind != sql.Word && t.list[i].kind != sql.Quoted || t.list[i].act != 0 && t.action(i) != nil {
		if i >= 0 && t.list[i].kind == sql.Punct && t.punct(i) == '*' {
			h.star(scan(h.book, t), i)
		}
		return
	}
	s := scan(h.book, t)
	from, to := t.list[i].start, t.list[i].end
	// The path up to the name.
	first := i
	for s.punct(first-1) == '.' && first >= 2 {
		first -= 2
	}
	if s.punct(i+1) == '(' {
		if f := h.book.function(s.calledAt(i + 1)); f != nil && h.view.lexisOf(h.path) == sql.GoogleSQL {
			text := functionDoc(f)
			if sel := s.at(from); sel != nil {
				if c := s.infer(sel, first, min(s.partner[i+1]+1, len(s.list))); c.typ != "" {
					text += "\n\nHere: `" + c.typ + "`"
				}
			}
			h.say(from, to, text)
			return
		}
	}
	if f := functions()[strings.ToLower(s.in(i))]; f != nil && first == i && strings.HasPrefix(f.name, "current_") {
		h.say(from, to, functionDoc(f))
		return
	}
	name, ok := s.name(i)
	if !ok && first == i {
		return
	}
	if !ok {
		name = s.in(i)
	}
	for _, c := range s.ctes {
		if c.at == [2]int{from, to} {
			h.say(from, to, cteText(c))
			return
		}
	}
	sel := s.at(from)
	if sel == nil {
		return
	}
	// What makes a column: its alias.
	for _, it := range sel.items {
		if it.named != i || it.hi == it.end && i != first {
			continue
		}
		if it.hi == it.end {
			break // a plain column, which is looked up below
		}
		if own, ok := h.own(s, sel); ok {
			h.say(from, to, h.columnText(own, name, ""))
			return
		}
		c := s.infer(sel, it.lo, it.hi)
		text := "column `" + name + "`"
		if c.typ != "" {
			text += " `" + c.typ + "`"
		}
		if sel.within != nil {
			text += " of `" + sel.within.name + "`"
		}
		h.say(from, to, text)
		return
	}
	var path []string
	for k := first; k <= i; k += 2 {
		part, ok := s.name(k)
		if !ok {
			part = s.in(k)
		}
		path = append(path, part)
	}
	cl := s.clause(sel, from)
	if cl.word == "FROM" || len(path) == 1 && s.punct(i+1) == '.' {
		if r := s.find(sel, name); r != nil && len(path) == 1 {
			h.say(from, to, h.relationText(r))
			return
		}
		for k := len(sel.ctes) - 1; k >= 0; k-- {
			if strings.EqualFold(sel.ctes[k].name, name) && len(path) == 1 {
				h.say(from, to, cteText(sel.ctes[k]))
				return
			}
		}
	}
	if c, ok := s.path(sel, path); ok {
		switch {
		case c.node != nil && c.passed != "" && len(path) < 3:
			h.say(from, to, h.columnText(c.node, c.passed, s.through(sel, path, c)))
		default:
			text := "`" + strings.Join(path, ".") + "`"
			if c.typ != "" {
				text += " `" + c.typ + "`"
			}
			if c.doc != "" {
				text += "\n\n" + c.doc
			}
			h.say(from, to, text)
		}
		return
	}
	// Of GROUP BY, ORDER BY and the like: a column of the SELECT itself.
	for _, c := range sel.columns {
		if len(path) == 1 && strings.EqualFold(c.name, name) {
			text := "column `" + c.name + "` of this select"
			if c.typ != "" {
				text += " `" + c.typ + "`"
			}
			h.say(from, to, text)
			return
		}
	}
	if r := s.find(sel, name); r != nil && len(path) == 1 {
		h.say(from, to, h.relationText(r))
	}
}

// through says through which relation of the text a column came, if that is no node.
func (s *scopes) through(sel *selection, path []string, c column) string {
	var r *relation
	if len(path) > 1 {
		r = s.find(sel, path[0])
	} else {
		for q := sel; q != nil && r == nil; q = q.outer {
			for _, x := range q.from {
				if _, ok := named(x.columns, path[0]); ok {
					r = x
					break
				}
			}
		}
	}
	if r == nil || r.cte == nil {
		return ""
	}
	return "through `" + r.cte.name + "`"
}

// star lists what a star stands for.
func (h *hoverer) star(s *scopes, i int) {
	sel := s.at(s.list[i].start)
	if sel == nil {
		return
	}
	for _, it := range sel.items {
		if !it.star || i < it.lo || i >= it.end {
			continue
		}
		list := s.star(sel, it)
		if len(list) > 0 {
			h.say(s.list[i].start, s.list[i].end, columnCount(len(list))+"\n\n"+columnList(list))
		}
		return
	}
}

// own is the file's node where a SELECT is the one that makes its columns.
func (h *hoverer) own(s *scopes, sel *selection) (*compile.Node, bool) {
	if sel.within != nil || sel.outer != nil || sortOf(h.path) != sqlFile {
		return nil, false
	}
	n, ok := h.view.Node(h.path)
	if !ok || len(n.Columns) == 0 {
		n, ok = h.view.LastGood(h.path)
	}
	return n, ok
}

func cteText(c *cte) string {
	text := "cte `" + c.name + "`"
	if !c.known || len(c.columns) == 0 {
		return text
	}
	return text + ": " + columnCount(len(c.columns)) + "\n\n" + columnList(c.columns)
}

func (h *hoverer) relationText(r *relation) string {
	if r.node != nil {
		return h.nodeText(r.node)
	}
	if r.cte != nil {
		return cteText(r.cte)
	}
	what := cmp.Or(r.what, "relation")
	return what + " `" + r.alias + "`\n\n" + columnList(r.columns)
}

func columnList(list []column) string {
	var b strings.Builder
	for i, c := range list {
		if i == mostColumns {
			fmt.Fprintf(&b, "* … and %d more\n", len(list)-i)
			break
		}
		b.WriteString("* `" + cmp.Or(c.name, "?") + "`")
		if c.typ != "" {
			b.WriteString(" `" + c.typ + "`")
		}
		if c.doc != "" {
			b.WriteString(" – " + firstLine(c.doc))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// firstLine is the begin of a description, as one line.
func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n\n")
	s = clean(s)
	if r := []rune(s); len(r) > 120 {
		s = string(r[:120]) + "…"
	}
	return s
}

// nodeText is what there is to say of a source, seed, model or snapshot.
func (h *hoverer) nodeText(n *compile.Node) string {
	var b strings.Builder
	b.WriteString("**" + string(n.ID.Kind) + " " + label(n) + "**")
	var facts []string
	if m := n.Config.Materialized; m != "" {
		facts = append(facts, m)
	}
	if r := n.Relation; !r.IsZero() {
		facts = append(facts, "`"+r.String()+"`")
	}
	if n.Config.Owner != "" {
		facts = append(facts, "owner "+n.Config.Owner)
	}
	if n.Config.Access != "" {
		facts = append(facts, n.Config.Access)
	}
	if len(facts) > 0 {
		b.WriteString(" · " + strings.Join(facts, " · "))
	}
	b.WriteString("\n\n")
	if n.Description != "" {
		b.WriteString(strings.TrimSpace(n.Description) + "\n\n")
	}
	if p := n.Props; p != nil && p.DeprecationDate.IsSet() {
		b.WriteString("Deprecated: readers should have left it by " + p.DeprecationDate.V.Format("2006-01-02") + ".\n\n")
	}
	if g := h.grain(n); g != "" {
		b.WriteString("One row for each " + g + ".\n\n")
	}
	if list := h.book.columnsOf(n); len(list) > 0 {
		b.WriteString(columnList(list) + "\n")
	} else if n.Unanalyzed != "" {
		b.WriteString("Its columns are not known: " + n.Unanalyzed + ".\n\n")
	}
	if tests := h.book.tests()[n.ID]; len(tests) > 0 {
		b.WriteString(count(len(tests), "test") + ": " + testNames(tests) + "\n\n")
	}
	if readers := h.book.readBy(n); len(readers) > 0 {
		b.WriteString("Read by " + strings.Join(readers, ", ") + "\n\n")
	}
	if n.Path != "" {
		b.WriteString("`" + n.Path + "`")
	}
	return b.String()
}

// readBy are the nodes and exposures that read a node.
func (b *book) readBy(n *compile.Node) []string {
	var out []string
	for _, id := range n.Children {
		out = append(out, "`"+id.Name+"`")
	}
	for _, e := range b.program.Exposures {
		if slices.Contains(e.Parents, n.ID) {
			out = append(out, "exposure `"+e.ID.Name+"`")
		}
	}
	if len(out) > mostReaders {
		out = append(out[:mostReaders], fmt.Sprintf("… (%d)", len(out)))
	}
	return out
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// testNames are the tests of a node in a few words.
func testNames(tests []*compile.Test) string {
	var out []string
	for _, t := range tests {
		word := t.Kind
		if t.Column != "" {
			word += "(" + t.Column + ")"
		}
		out = append(out, "`"+word+"`")
	}
	slices.Sort(out)
	out = slices.Compact(out)
	if len(out) > 12 {
		out = append(out[:12], "…")
	}
	return strings.Join(out, ", ")
}

// grain says which columns identify a row: by a test, by configuration, or by the query itself.
func (h *hoverer) grain(n *compile.Node) string {
	best := []string(nil)
	for _, key := range h.book.keys(&relation{node: n}) {
		if best == nil || len(key) < len(best) {
			best = key
		}
	}
	if best == nil && n.Lineage != nil {
		if l := n.Lineage.Get(); l != nil {
			for _, key := range l.Unique {
				if len(key) > 0 && (best == nil || len(key) < len(best)) {
					best = key
				}
			}
		}
	}
	if len(best) == 0 {
		return ""
	}
	return "`" + strings.Join(best, "`, `") + "`"
}

func (h *hoverer) sourceText(name string) string {
	var b strings.Builder
	for _, n := range h.book.sources() {
		if n.Source.SourceName.V != name {
			continue
		}
		if b.Len() == 0 {
			b.WriteString("**source " + name + "**\n\n")
			if n.Source.SourceDescription != "" {
				b.WriteString(n.Source.SourceDescription + "\n\n")
			}
		}
		b.WriteString("* `" + n.Source.Table.V + "`")
		if n.Description != "" {
			b.WriteString(" – " + firstLine(n.Description))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// columnText is what there is to say of a column of a node: its type, what it means, what it is
// tested for, where it comes from and who reads it.
func (h *hoverer) columnText(n *compile.Node, name, through string) string {
	var b strings.Builder
	col, ok := named(h.book.columnsOf(n), name)
	if !ok {
		col = column{name: name}
	}
	b.WriteString("column `" + col.name + "`")
	if col.typ != "" {
		b.WriteString(" `" + col.typ + "`")
	}
	b.WriteString(" of " + string(n.ID.Kind) + " `" + label(n) + "`")
	if through != "" {
		b.WriteString(", " + through)
	}
	b.WriteString("\n\n")
	if col.doc != "" {
		b.WriteString(strings.TrimSpace(col.doc) + "\n\n")
	}
	if n.Sensitive(name) {
		b.WriteString("Marked as sensitive.\n\n")
	}
	var tests []*compile.Test
	for _, t := range h.book.tests()[n.ID] {
		if strings.EqualFold(t.Column, name) {
			tests = append(tests, t)
		}
	}
	if len(tests) > 0 {
		var out []string
		for _, t := range tests {
			out = append(out, "`"+t.Kind+"`")
		}
		slices.Sort(out)
		b.WriteString("Tested: " + strings.Join(slices.Compact(out), ", "))
		if values := h.book.accepted(n.ID, name); len(values) > 0 {
			b.WriteString(" (`" + strings.Join(values[:min(len(values), 10)], "`, `") + "`)")
		}
		b.WriteString("\n\n")
	}
	if from := h.book.from(n, name); len(from) > 0 {
		b.WriteString("From " + strings.Join(from, ", ") + "\n\n")
		if first := h.book.origins(n, name); first != "" {
			b.WriteString("Origin: " + first + "\n\n")
		}
	}
	if readers := h.book.readers(n, name); len(readers) > 0 {
		b.WriteString("Read by " + strings.Join(readers, ", ") + "\n")
	}
	return b.String()
}

// parentOf is the node behind a table that the lineage of a node names.
func (b *book) parentOf(n *compile.Node, table string) *compile.Node {
	for _, id := range n.Parents {
		p := b.program.Nodes[id]
		if p != nil && (table == id.String() || table == b.program.ReadAt(id).String() || table == p.Relation.String()) {
			return p
		}
	}
	return nil
}

// made is how a column of a node is made.
func (b *book) made(n *compile.Node, name string) (origin.Column, bool) {
	if n.Lineage == nil {
		return origin.Column{}, false
	}
	l := n.Lineage.Get()
	if l == nil {
		return origin.Column{}, false
	}
	for _, c := range l.Columns {
		if strings.EqualFold(c.Name, name) {
			return c, true
		}
	}
	return origin.Column{}, false
}

// from are the columns that a column is made of, one step up.
func (b *book) from(n *compile.Node, name string) []string {
	c, _ := b.made(n, name)
	var out []string
	for _, s := range c.Sources {
		if len(s.Path) == 0 {
			continue
		}
		if p := b.parentOf(n, s.Table); p != nil {
			word := ""
			if s.Kind != origin.Identity {
				word = " (" + s.Kind.String() + ")"
			}
			out = append(out, "`"+label(p)+"."+strings.Join(s.Path, ".")+"`"+word)
		}
		if len(out) == mostReaders {
			return append(out, "…")
		}
	}
	return out
}

// origins are the columns of sources and seeds that a column comes from in the end, empty where
// that is one step away. Ways are followed for mostHops steps.
func (b *book) origins(n *compile.Node, name string) string {
	type place struct {
		node *compile.Node
		name string
	}
	seen := map[place]bool{}
	var out []string
	far := false
	level := []place{{n, strings.ToLower(name)}}
	for hop := 0; hop < mostHops && len(level) > 0 && len(seen) < 500; hop++ {
		var next []place
		for _, at := range level {
			c, ok := b.made(at.node, at.name)
			if !ok || len(c.Sources) == 0 {
				if hop > 0 && at.node.Lineage == nil {
					text := "`" + label(at.node) + "." + at.name + "`"
					if !slices.Contains(out, text) {
						out = append(out, text)
						far = far || hop > 1
					}
				}
				continue
			}
			for _, s := range c.Sources {
				if p := b.parentOf(at.node, s.Table); p != nil && len(s.Path) > 0 {
					to := place{p, strings.ToLower(s.Path[0])}
					if !seen[to] {
						seen[to] = true
						next = append(next, to)
					}
				}
			}
		}
		level = next
	}
	if !far {
		return ""
	}
	slices.Sort(out)
	if len(out) > mostReaders {
		out = append(out[:mostReaders], "…")
	}
	return strings.Join(out, ", ")
}

// readers are the nodes that read a column.
func (b *book) readers(n *compile.Node, name string) []string {
	var out []string
	looked := 0
	for _, id := range n.Children {
		child := b.program.Nodes[id]
		if child == nil || child.Lineage == nil {
			continue
		}
		if looked++; looked > 100 || len(out) == mostReaders {
			return append(out, "…")
		}
		l := child.Lineage.Get()
		if l == nil {
			continue
		}
		reads := func(table string, path []string) bool {
			return len(path) > 0 && strings.EqualFold(path[0], name) && b.parentOf(child, table) == n
		}
		var to []string
		for _, c := range l.Columns {
			if slices.ContainsFunc(c.Sources, func(s origin.Source) bool { return reads(s.Table, s.Path) }) {
				to = append(to, c.Name)
			}
		}
		switch {
		case len(to) > 3:
			out = append(out, "`"+label(child)+"` ("+columnCount(len(to))+")")
		case len(to) > 0:
			out = append(out, "`"+label(child)+"."+strings.Join(to, "`, `"+label(child)+".")+"`")
		case slices.ContainsFunc(l.Rows, func(e origin.Effect) bool { return reads(e.Table, e.Path) }):
			out = append(out, "`"+label(child)+"` (rows)")
		}
	}
	return out
}

// yaml speaks of a name or key in YAML.
func (h *hoverer) yaml() {
	t := h.view.at(h.path, h.at)
	from, to := t.at.Start, t.at.End
	if t.at.IsZero() || h.at < from || h.at > to {
		from, to = h.at, h.at
	}
	switch t.thing {
	case nodeThing:
		if n := h.book.byName()[t.node.Name]; n != nil {
			h.say(from, to, h.nodeText(n))
			return
		}
	case sourceThing:
		if t.group {
			h.say(from, to, h.sourceText(strings.TrimSuffix(t.node.Name, ".")))
			return
		}
		if n := h.book.program.Nodes[t.node]; n != nil {
			h.say(from, to, h.nodeText(n))
			return
		}
	case columnThing:
		if n := h.book.program.Nodes[t.node]; n != nil {
			h.say(from, to, h.columnText(n, t.name, ""))
			return
		}
	case testThing:
		name := cmp.Or(t.name, t.key)
		if k, ok := datatest.Lookup(name); ok {
			h.say(from, to, "**test "+name+"**\n\n"+testDoc(k))
			return
		}
		for _, g := range h.book.project.Generics {
			if g.Name == name {
				h.say(from, to, "**test "+name+"** of this project\n\n"+genericDoc(g))
				return
			}
		}
	case macroThing:
		if m := h.book.macro(t.name); m != nil {
			h.say(from, to, macroDoc(m))
			return
		}
	case varThing:
		if v, ok := h.book.vars()[t.name]; ok {
			h.say(from, to, fmt.Sprintf("Variable `%s`: `%v`", t.name, v))
			return
		}
	case docsThing:
		for _, d := range h.book.project.Docs {
			if d.Name == t.name {
				h.say(from, to, d.Text)
				return
			}
		}
	}
	h.key()
}

// key speaks of a key of YAML by the tables of keys.
func (h *hoverer) key() {
	p := yamlAt(h.text, h.at)
	if !p.onKey || len(p.path) == 0 {
		return
	}
	s := newSpot(h.text, p.path[:len(p.path)-1])
	settings := h.path == "engine.yml"
	name := p.text
	say := func(text string) { h.say(p.start, p.end, text) }
	kind := addr.Model
	if m := inList.FindStringSubmatch(s.path); m != nil && kinds[m[1]] != "" {
		kind = kinds[m[1]]
	}
	if settings && len(s.keys) > 0 && kinds[s.keys[0]] != "" {
		kind = kinds[s.keys[0]]
	}
	if m := testBody.FindStringSubmatch(s.path); m != nil {
		for _, a := range testArgs(m[1]) {
			if a.Name == name {
				say("argument `" + name + "` of test `" + m[1] + "`: " + a.Help)
				return
			}
		}
		if k, ok := project.LookupKey(name, addr.Test); ok {
			say(keyDoc(k))
			return
		}
	}
	if i := slices.Index(s.keys, "config"); i >= 0 || settings && len(s.keys) > 0 && kinds[s.keys[0]] != "" {
		rest := s.keys[i+1:]
		if i < 0 {
			rest = nil
			for n := len(s.keys) - 1; n > 0; n-- {
				if _, ok := project.LookupKey(strings.TrimPrefix(s.keys[n], "+"), kind); ok {
					rest = s.keys[n:]
				}
			}
		}
		if len(rest) == 0 {
			if k, ok := project.LookupKey(strings.TrimPrefix(name, "+"), kind); ok {
				say(keyDoc(k))
				return
			}
		} else if k, ok := project.LookupKey(strings.TrimPrefix(rest[0], "+"), kind); ok {
			for _, f := range k.Fields {
				if f.Name == name {
					say(keyDoc(f))
					return
				}
			}
		}
	}
	path := s.path
	if !settings {
		path = strings.NewReplacer("seeds[]", "models[]", "snapshots[]", "models[]").Replace(path)
	}
	for _, place := range project.Places {
		if (place.File == "engine.yml") != settings || !slices.ContainsFunc(place.Paths, func(q string) bool { return matches(q, path) || matches(q, s.path) }) {
			continue
		}
		for _, k := range place.Keys {
			if k.Name == name {
				say("`" + name + "`: " + plainShape(k.Shape) + "\n\n" + plainDoc(k.Help))
				return
			}
		}
	}
}

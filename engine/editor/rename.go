package editor

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// Edits are what a rename or an action changes. Edits of one file do not overlap, and refer to
// the text as it is; they are sorted by place. Moves come after them.
type Edits struct {
	Edits []source.Edit
	Moves []Move
	// Creates are files that are new.
	Creates []Create
}

// Move gives a file another path; both are relative to the project.
type Move struct{ From, To string }

// Create makes a file.
type Create struct{ Path, Text string }

// nameHelp says which names can be written everywhere without quotes.
const nameHelp = "names begin with a letter or an underscore, and go on with letters, digits and underscores"

// Renamable says whether what stands at an offset can be renamed: its place, and its name now.
func (v *View) Renamable(p string, offset int) (source.Span, string, error) {
	t := v.at(p, offset)
	if v.Program == nil {
		return source.Span{}, "", errors.New("the project has not been read yet")
	}
	switch t.thing {
	case nodeThing:
		if v.node(t.node) == nil {
			return source.Span{}, "", fmt.Errorf("there is no model %q", t.name)
		}
	case sourceThing:
		if !t.group && v.node(t.node) == nil {
			return source.Span{}, "", fmt.Errorf("there is no source %q", t.name)
		}
	case columnThing:
		if id, ok := v.identify(t); !ok {
			return source.Span{}, "", fmt.Errorf("where the column %q comes from is not known", t.name)
		} else if n := v.node(id.node); n != nil && n.Source != nil {
			return source.Span{}, "", fmt.Errorf("the column %q of source %s is made outside of the project", t.name, id.node.Name)
		}
	case cteThing, aliasThing, varThing, docsThing:
		if t.thing == cteThing && t.cte == nil || t.thing == aliasThing && t.rel == nil {
			return source.Span{}, "", fmt.Errorf("what %q stands for is not known", t.name)
		}
	case macroThing:
		if _, ok := v.macro(t.name); !ok {
			return source.Span{}, "", fmt.Errorf("there is no macro %q", t.name)
		}
	default:
		return source.Span{}, "", errors.New("this cannot be renamed: models, sources, columns, common table expressions, aliases, macros, variables and docs blocks can")
	}
	return t.at, t.at.Text(), nil
}

// Rename gives what stands at an offset another name, everywhere. With mistakes there are no
// edits: the list says at which places the name cannot be changed without changing what the
// project means, or why it cannot be at all.
func (v *View) Rename(p string, offset int, name string) (Edits, diag.List) {
	at, _, err := v.Renamable(p, offset)
	if err != nil {
		return Edits{}, diag.List{{Message: err.Error(), At: at}}
	}
	t := v.at(p, offset)
	r := &renaming{view: v, name: name, at: t.at}
	if !plainName(name) {
		r.refuse(t.at, fmt.Sprintf("%q cannot be a name", name), nameHelp)
		return Edits{}, r.found
	}
	switch t.thing {
	case nodeThing:
		r.node(t.node)
	case sourceThing:
		r.source(t)
	case columnThing:
		r.column(t)
	case cteThing:
		r.cte(t)
	case aliasThing:
		r.alias(t)
	case macroThing:
		r.macro(t.name)
	case varThing:
		r.variable(t.name)
	case docsThing:
		r.docs(t.name)
	}
	return r.result()
}

func plainName(s string) bool {
	if s == "" || len(s) > 200 || s[0] >= '0' && s[0] <= '9' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= 0x80 || !wordByte(c) {
			return false
		}
	}
	return true
}

// renaming collects the edits of one rename.
type renaming struct {
	view  *View
	name  string // the new one
	at    source.Span
	edits []source.Edit
	moves []Move
	found diag.List
}

func (r *renaming) refuse(at source.Span, message, help string) {
	r.found.Add(diag.Diagnostic{Message: message, At: at, Help: help})
}

func (r *renaming) edit(at source.Span, text string) {
	r.edits = append(r.edits, source.Edit{At: at, New: text})
}

// result are the edits, if nothing speaks against them.
func (r *renaming) result() (Edits, diag.List) {
	for _, e := range r.edits {
		if e.At.File == nil {
			continue
		}
		now, ok := r.view.File(e.At.File.Path)
		if ok && now != e.At.File && !bytes.Equal(now.Data, e.At.File.Data) {
			r.refuse(e.At.File.Whole(), fmt.Sprintf("%s has changed since the project was read", e.At.File.Path), "try again in a moment")
			break
		}
	}
	if len(r.found) > 0 {
		return Edits{}, r.found.Sorted()
	}
	out := slices.Clone(r.edits)
	slices.SortStableFunc(out, func(a, b source.Edit) int { return cmp.Or(a.At.Compare(b.At)) })
	out = slices.CompactFunc(out, func(a, b source.Edit) bool {
		return a.At.File.Path == b.At.File.Path && a.At.Start == b.At.Start && a.At.End == b.At.End && a.New == b.New
	})
	return Edits{Edits: out, Moves: r.moves}, nil
}

// ---- models, seeds, snapshots

func (r *renaming) node(id addr.Node) {
	v := r.view
	n := v.node(id)
	old := id.Name
	nodes := []*compile.Node{n}
	if n.Version != nil {
		old = n.Version.Model
		nodes = v.Program.Versions(old)
	}
	if strings.EqualFold(old, r.name) {
		if old == r.name {
			r.refuse(r.at, fmt.Sprintf("it is called %q already", old), "give it another name")
			return
		}
	} else if taken, ok := v.named(r.name); ok {
		r.refuse(r.at, fmt.Sprintf("%s has this name", taken), "names of models, seeds and snapshots are one set")
		return
	}
	for _, id := range v.Program.Order {
		if (id.Kind == addr.Model || id.Kind == addr.Seed || id.Kind == addr.Snapshot) && id != n.ID && id.Name != r.name && strings.EqualFold(id.Name, r.name) {
			r.refuse(r.at, fmt.Sprintf("%s differs from this name in case only", id), "warehouses and file systems may take both for one")
			return
		}
	}
	if n.Seed != nil && n.Seed.Format == "" {
		r.refuse(r.at, "the file of this seed is not known", "rename the file")
		return
	}
	for _, n := range nodes {
		for _, m := range v.nodeMentions(n.ID) {
			now := m.at.Text()
			if !strings.HasPrefix(now, old) {
				r.refuse(m.at, "the model is called another way here", "rename it here by hand first")
				continue
			}
			r.edit(m.at, r.name+now[len(old):])
		}
		base := path.Base(n.Path)
		if strings.HasPrefix(base, old) {
			to := path.Join(path.Dir(n.Path), r.name+base[len(old):])
			if _, ok := v.File(to); ok && !strings.EqualFold(to, n.Path) {
				r.refuse(r.at, fmt.Sprintf("there is a file %s already", to), "give it another name")
			}
			r.moves = append(r.moves, Move{n.Path, to})
		} else if n.Version == nil {
			r.refuse(r.at, fmt.Sprintf("the name does not come from the file %s", n.Path), "rename the file")
		}
		if n.Config.Alias == "" {
			r.relation(n)
		}
	}
}

// relation keeps what reads the relation of a node by its name: columns that are qualified
// with it, sources that are it.
func (r *renaming) relation(n *compile.Node) {
	for _, d := range r.view.readers(n.ID) {
		for _, q := range d.outline.queries {
			for _, a := range q.arms {
				for _, rel := range a.relations {
					if rel.kind != ofNode || rel.alias != nil {
						continue
					}
					if to, ok := d.called(rel.action.relation()); !ok || to != n.ID || len(d.qualified(rel)) == 0 {
						continue
					}
					end := d.file.Span(rel.action.end, rel.action.end)
					r.edit(end, " as "+spelled(n.Relation.Name, d.template.lexis))
				}
			}
		}
	}
	for _, c := range n.Children {
		k := r.view.node(c)
		if k == nil || k.Source == nil {
			continue
		}
		relation := r.name + n.Relation.Name[min(len(n.Relation.Name), len(oldName(n))):]
		if id := k.Source.Identifier; id.At.File != nil && id.At != k.Source.Table.At {
			r.edit(inner(id.At, id.V), relation)
			continue
		}
		r.below(k.Source.Table.At, "identifier: "+relation)
	}
}

func oldName(n *compile.Node) string {
	if n.Version != nil {
		return n.Version.Model
	}
	return n.ID.Name
}

// below adds a key beside the name of an entry.
func (r *renaming) below(name source.Span, line string) {
	f := name.File
	if f == nil {
		return
	}
	pos := f.Position(name.Start)
	text := f.Line(pos.Line)
	i := strings.Index(text, "name:")
	start := f.Offset(pos.Line, 1)
	rest := string(f.Data[name.End:min(len(f.Data), start+len(text))])
	if i < 0 || start+i > name.Start || strings.Trim(rest, " \r") != "" && !strings.HasPrefix(strings.TrimLeft(rest, " "), "#") {
		// «{name: orders}»
		r.edit(f.Span(name.End, name.End), ", "+line)
		return
	}
	end := start + len(strings.TrimRight(text, "\r"))
	r.edit(f.Span(end, end), "\n"+strings.Repeat(" ", i)+line)
}

// ---- sources

func (r *renaming) source(t target) {
	v := r.view
	src, table, _ := strings.Cut(t.node.Name, ".")
	if t.group && src == "" {
		src = t.name
	}
	for name := range v.Project.Lock.Sources {
		if s, tab, _ := strings.Cut(name, "."); s == src && (t.group || tab == table) {
			r.refuse(r.at, "engine.lock.json has the columns of this source under its name", "rename it there, or write the lock anew after renaming by hand: engine source lock")
			return
		}
	}
	done := map[source.Span]bool{}
	for _, s := range v.Project.Sources {
		switch {
		case t.group && s.SourceName.V == r.name:
			r.refuse(s.SourceName.At, fmt.Sprintf("there is a source %q already", r.name), "give it another name")
			return
		case !t.group && s.SourceName.V == src && s.Table.V == r.name:
			r.refuse(s.Table.At, fmt.Sprintf("source %q has a table %q already", src, r.name), "give it another name")
			return
		case t.group && s.SourceName.V == src && (s.Schema.At.File == nil || s.Schema.At == s.SourceName.At) && !done[s.SourceName.At]:
			done[s.SourceName.At] = true
			r.below(s.SourceName.At, "schema: "+src)
		case !t.group && s.SourceName.V == src && s.Table.V == table:
			if s.Identifier.At.File == nil || s.Identifier.At == s.Table.At {
				r.below(s.Table.At, "identifier: "+table)
			}
			if s.Ingest != nil && s.Ingest.Table.At.File == nil {
				r.refuse(s.Table.At, "the table of the remote has the name of the source's", `write "table" under "ingest" first`)
			}
		}
	}
	for _, m := range sortMentions(v.sourceMentions(t.node, t.group, src)) {
		r.edit(m.at, r.name)
	}
}

// ---- macros, variables, docs blocks

func (r *renaming) macro(old string) {
	v := r.view
	if at, ok := v.macro(r.name); ok {
		r.refuse(at, fmt.Sprintf("there is a macro %q already", r.name), "give it another name")
		return
	}
	for _, m := range v.macroMentions(old) {
		r.edit(m.at, r.name)
	}
	if at, ok := v.macro(old); ok && at.Start == at.End {
		r.moves = append(r.moves, Move{at.File.Path, path.Join(path.Dir(at.File.Path), r.name+path.Ext(at.File.Path))})
	}
	for f := range v.templates {
		for _, a := range actionsOf(string(f.Data)) {
			for _, c := range a.calls {
				if c.fn == "include" && len(c.args) > 0 && !c.args[0].str && strings.Contains(string(f.Data), old) {
					r.refuse(f.Span(a.start, a.end), "the name of a macro is computed here", "write the name as text first")
				}
			}
		}
	}
}

func (r *renaming) variable(old string) {
	s := r.view.Project.Settings
	if val, ok := s.Vars[r.name]; ok {
		r.refuse(val.At, fmt.Sprintf("there is a variable %q already", r.name), "give it another name")
		return
	}
	if _, ok := s.Vars[old]; !ok {
		r.refuse(r.at, fmt.Sprintf("the variable %q is not in engine.yml", old), "it may be given on the command line: declare it under vars first")
		return
	}
	for _, m := range sortMentions(r.view.varMentions(old)) {
		r.edit(m.at, r.name)
	}
}

func (r *renaming) docs(old string) {
	for _, d := range r.view.Project.Docs {
		if d.Name == r.name {
			r.refuse(d.At, fmt.Sprintf("there is a docs block %q already", r.name), "give it another name")
			return
		}
	}
	for _, m := range sortMentions(r.view.docsMentions(old)) {
		r.edit(m.at, r.name)
	}
}

// ---- names in one text

func (r *renaming) cte(t target) {
	d := t.doc
	old := t.cte.name.name
	if !strings.EqualFold(old, r.name) {
		for _, q := range d.outline.queries {
			for _, c := range q.ctes {
				if c.name.is(r.name) {
					r.refuse(d.file.Span(c.name.start, c.name.end), fmt.Sprintf("there is a common table expression %q already", r.name), "give it another name")
				}
			}
			for _, a := range q.arms {
				for _, rel := range a.relations {
					if n, ok := d.calledAs(rel); ok && strings.EqualFold(n, r.name) && !(rel.cte == t.cte && rel.alias != nil) {
						r.refuse(d.file.Span(rel.start, rel.end), fmt.Sprintf("a relation is called %q here", r.name), "give it another name")
					}
					if rel.kind == ofOther && len(rel.path) == 1 && rel.path[0].is(r.name) {
						r.refuse(d.file.Span(rel.start, rel.end), fmt.Sprintf("a table %q is read here, which the new name would hide", r.name), "give it another name")
					}
				}
			}
		}
	}
	r.inText(d, old, d.cteMentions(t.cte))
}

func (r *renaming) alias(t target) {
	d, rel := t.doc, t.rel
	old, _ := d.calledAs(rel)
	for _, q := range d.outline.queries {
		for _, a := range q.arms {
			if a != rel.arm && !inside(a, rel.arm) && !inside(rel.arm, a) {
				continue
			}
			for _, o := range a.relations {
				if n, ok := d.calledAs(o); ok && o != rel && strings.EqualFold(n, r.name) {
					r.refuse(d.file.Span(o.start, o.end), fmt.Sprintf("a relation is called %q here", r.name), "give it another name")
				}
				if out, _ := d.outputsOf(o, 0); slices.ContainsFunc(out, func(c output) bool { return strings.EqualFold(c.name, r.name) }) {
					r.refuse(d.file.Span(o.start, o.end), fmt.Sprintf("a relation has a column %q here", r.name), "give it another name")
				}
			}
		}
	}
	if rel.alias == nil {
		at := d.file.Span(rel.end, rel.end)
		if rel.action != nil {
			at = d.file.Span(rel.action.end, rel.action.end)
		}
		r.edit(at, " as "+spelled(r.name, d.template.lexis))
	}
	r.inText(d, old, d.aliasMentions(rel))
}

// inside reports whether a SELECT is in one around it.
func inside(a, around *sqlArm) bool {
	for a = a.query.around; a != nil; a = a.query.around {
		if a == around {
			return true
		}
	}
	return false
}

// inText renames a name of one text, and makes sure that nothing else there may be it: what
// its macros and variables have, branches that the outline takes for something else.
func (r *renaming) inText(d *document, old string, list []mention) {
	for _, m := range sortMentions(list) {
		r.edit(m.at, spelled(r.name, d.template.lexis))
	}
	for _, a := range d.template.actions {
		if a.comment || a.relation() != nil || d.config(a) || slices.ContainsFunc(list, func(m mention) bool { return m.at.Start >= a.start && m.at.End <= a.end }) {
			continue
		}
		if slices.ContainsFunc(a.tokens, func(t tmplToken) bool {
			return t.sort == tmplString && len(wordsIn(d.template.text[t.start:t.end], old)) > 0
		}) {
			r.refuse(d.file.Span(a.start, a.end), fmt.Sprintf("the template has %q here, and what it means is not known", old), "change it by hand first")
		}
	}
	for _, l := range d.unexplained(old, list) {
		r.refuse(d.file.Span(l.start, l.end), fmt.Sprintf("%q stands here, too, and what it means is not known", old), "change it by hand first")
	}
}

// unexplained are the places of a name in SQL that are not in list, and not known to be
// something else: a column, a field, another alias.
func (d *document) unexplained(old string, list []mention) []lexeme {
	known := map[int]bool{}
	for _, m := range list {
		known[m.at.Start] = true
	}
	branches := func(from, to int) bool { // an action in between leads to other text
		return slices.ContainsFunc(d.template.actions, func(a *tmplAction) bool {
			return a.start >= from && a.end <= to && a.keyword != ""
		})
	}
	for _, f := range d.outline.functions {
		known[f.start] = true
	}
	for _, q := range d.outline.queries {
		for _, c := range q.ctes {
			known[c.name.start] = true
			for _, id := range c.columns {
				known[id.start] = true
			}
		}
		for _, a := range q.arms {
			for _, it := range a.items {
				for _, id := range slices.Concat(it.except, it.replace) {
					known[id.start] = true
				}
			}
			for _, u := range a.uses {
				if part, columns := d.resolve(u); part == 0 && slices.ContainsFunc(columns, func(f found) bool { return !f.guess }) {
					known[u.parts[0].start] = true
				} else if part == 1 && u.parts[0].is(old) {
					// In front of a column, of a relation that has the name as well.
					known[u.parts[0].start] = d.visible(u.arm, old) != nil
				}
			}
			for _, rel := range a.relations {
				for _, id := range rel.columns {
					known[id.start] = true
				}
				if rel.kind == ofCTE && len(rel.path) > 0 && !branches(a.start, rel.end) {
					known[rel.path[0].start] = true // of another query that has the name
				}
			}
		}
	}
	var out []lexeme
	lexemes := d.template.lexemes
	for i, l := range lexemes {
		if !l.names() || !strings.EqualFold(l.name, old) || known[l.start] {
			continue
		}
		if i > 0 && (lexemes[i-1].sign(".") || lexemes[i-1].is("as") && !branches(lexemes[i-1].end, l.start)) {
			continue
		}
		out = append(out, l)
	}
	return out
}

// ---- columns

func (r *renaming) column(t target) {
	id, ok := r.view.identify(t)
	if !ok {
		r.refuse(t.at, "where the column comes from is not known", "rename it where it is made")
		return
	}
	if id.node.IsZero() && id.name != r.name {
		list, _ := r.view.spread(id)
		r.columnInText(id.doc, id, list)
		return
	}
	r.columnOf(id)
}

// columnOf renames a column of a node, and wherever its name leads.
func (r *renaming) columnOf(id identity) {
	if id.name == r.name {
		r.refuse(r.at, fmt.Sprintf("it is called %q already", r.name), "give it another name")
		return
	}
	list, nodes := r.view.spread(id)
	origin := r.view.node(id.node)
	switch {
	case origin.Closure != nil:
		r.refuse(r.at, "the columns of an ancestry model are made by the engine", "give it another name where it is read")
		return
	case origin.Source != nil:
		r.refuse(r.at, fmt.Sprintf("source %s is made outside of the project", id.node.Name), "give the column another name where it is read")
		return
	}
	if origin.Seed == nil {
		d, ok := r.view.document(origin.Path)
		if !ok || d.trace(d.outline.root, id.name, 0).id.end == 0 {
			r.refuse(r.at, fmt.Sprintf("what makes the column %q of %s is not known: it is no item of its select list", id.name, id.node), "write it into the select list, or give it another name where it is read")
			return
		}
	}
	fold := strings.EqualFold(id.name, r.name)
	for _, node := range nodes {
		n := r.view.node(node)
		if n.Closure == nil && !fold {
			if names, _ := r.view.columns(node); slices.ContainsFunc(names, func(s string) bool { return strings.EqualFold(s, r.name) }) {
				r.refuse(r.at, fmt.Sprintf("%s has a column %q already", node, r.name), "give it another name")
				return
			}
		}
		if n.Source != nil && n.Source.Ingest != nil {
			r.refuse(n.Source.At, "the columns of this table come from a remote", "give the column another name where it is read")
		}
	}
	docs := map[string]*document{}
	for _, node := range nodes {
		for _, d := range r.view.readers(node) {
			docs[d.file.Path] = d
		}
	}
	c := &columnRename{renaming: r, old: id.name, nodes: nodes, mentions: list}
	for _, p := range sortedKeys(docs) {
		if d := docs[p]; r.view.Program.Broken[d.node] {
			r.refuse(d.file.Whole(), fmt.Sprintf("%s reads the column and has mistakes, so that what it means is not known", p), "mend them first")
			continue
		}
		c.document(docs[p])
	}
	for _, m := range list {
		if m.doc == nil {
			c.plain(m)
		}
	}
}

// columnRename is the renaming of a column that nodes have.
type columnRename struct {
	*renaming
	old      string
	nodes    []addr.Node
	mentions []mention
}

// plain is a mention that no query has.
func (c *columnRename) plain(m mention) {
	if m.refuse != "" {
		c.refuse(m.at, fmt.Sprintf("%q cannot be renamed here: %s", c.old, m.refuse), "change this place by hand first")
		return
	}
	if m.silent {
		return
	}
	c.edit(m.at, c.name)
}

func (c *columnRename) has(m maker) bool {
	return slices.Contains(c.nodes, m.node) && strings.EqualFold(m.name, c.old)
}

// document changes one template.
func (c *columnRename) document(d *document) {
	own := maker{}
	if slices.Contains(c.nodes, d.node) {
		own = d.trace(d.outline.root, c.old, 0)
		if !own.node.IsZero() {
			own = maker{}
		}
	}
	match := func(m maker) bool { return c.has(m) || own.id.end > 0 && m.same(own) }
	var mine []mention
	for _, m := range c.mentions {
		if m.doc != nil && m.at.File != nil && m.at.File.Path == d.file.Path {
			mine = append(mine, m)
		}
	}
	mine = c.compare(d, own, match, mine)
	for _, m := range mine {
		c.mention(d, own, match, m)
	}
	c.clashes(d, own, match)
}

func (c *columnRename) mention(d *document, own maker, match func(maker) bool, m mention) {
	if m.refuse != "" {
		c.refuse(m.at, fmt.Sprintf("%q cannot be renamed here: %s", c.old, m.refuse), "change this place by hand first")
		return
	}
	name := spelled(c.name, d.template.lexis)
	if own.id.end > 0 && m.at.Start == own.id.start {
		if own.item != nil && own.item.alias == nil && own.item.only != nil {
			// Its name was that of what it is made of.
			c.edit(d.file.Span(own.item.end, own.item.end), " as "+name)
			return
		}
		c.edit(m.at, name)
		return
	}
	if m.use == nil || m.star != nil {
		c.edit(m.at, name)
		return
	}
	u := m.use
	text := name
	if m.part == 0 && u.clause != inUsing {
		part, list := d.made(u)
		if part == 0 && !all(list, match) {
			c.refuse(m.at, fmt.Sprintf("%q may come from several relations here", c.old), "say which one it is first")
			return
		}
		if c.hidden(d, u) {
			_, found := d.resolve(u)
			qualifier := ""
			if len(found) > 0 && found[0].rel != nil {
				qualifier, _ = d.calledAs(found[0].rel)
			}
			if qualifier == "" {
				c.refuse(m.at, fmt.Sprintf("%q means something else here", c.name), "say which relation the column is of, or give it another name")
				return
			}
			text = spelled(qualifier, d.template.lexis) + "." + name
		}
	}
	if it := u.item; it != nil && it.only == u && it.alias == nil && m.part == len(u.parts)-1 {
		// What is selected keeps its name.
		text += " as " + spelled(u.parts[m.part].name, d.template.lexis)
	}
	c.edit(m.at, text)
}

// hidden reports whether the new name means something else where a bare name is used.
func (c *columnRename) hidden(d *document, u *sqlUse) bool {
	if strings.EqualFold(c.name, c.old) {
		return false
	}
	for a := u.arm; a != nil; a = a.query.around {
		for _, r := range a.relations {
			if n, ok := d.calledAs(r); ok && strings.EqualFold(n, c.name) {
				return true
			}
			if f, ok := d.column(r, c.name, 0); ok && !f.guess {
				return true
			}
		}
		if it := d.outputNamed(a, u, c.name, u.clause); it != nil {
			return true
		}
	}
	return false
}

// clashes finds what the new name would hide or make ambiguous in a text.
func (c *columnRename) clashes(d *document, own maker, match func(maker) bool) {
	if strings.EqualFold(c.name, c.old) {
		return
	}
	for _, q := range d.outline.queries {
		if out, _ := d.outputs(q, 0); slices.ContainsFunc(out, func(o output) bool { return strings.EqualFold(o.name, c.name) }) {
			if m := d.trace(q, c.old, 0); !m.isZero() && match(m) && m.item == nil {
				c.refuse(d.file.Span(q.arms[0].start, q.arms[0].list), fmt.Sprintf("this query would have two columns %q", c.name), "give it another name")
			}
		}
		for _, a := range q.arms {
			if a.natural {
				for _, r := range a.relations {
					if m := d.traceIn(r, c.old, 0); !m.isZero() && match(m) {
						c.refuse(d.file.Span(a.start, a.start), "NATURAL JOIN joins by the names of columns", "name the columns with ON first")
						break
					}
				}
			}
			if q.byName {
				if m := d.trace(q, c.old, 0); !m.isZero() && match(m) {
					c.refuse(d.file.Span(a.start, a.start), "the queries are joined by the names of columns", "rename it by hand")
				}
			}
			for _, u := range a.uses {
				if !u.parts[0].is(c.name) || len(u.parts) > 1 && d.visible(u.arm, u.parts[0].name) != nil {
					continue
				}
				part, list := d.resolve(u)
				if part != 0 {
					if part < 0 {
						list = nil
					} else {
						continue
					}
				}
				if len(list) > 0 && list[0].rel == nil && d.aliasFirst(u, u.clause) {
					continue
				}
				if c.reaches(d, u, match) || own.id.end > 0 && own.arm == u.arm && d.outputNamed(u.arm, u, c.old, u.clause) != nil {
					c.refuse(d.file.Span(u.parts[0].start, u.parts[0].end), fmt.Sprintf("%q means something else here already", c.name), "give the column another name")
				}
			}
		}
	}
}

// reaches reports whether a bare name is used where the column can be read.
func (c *columnRename) reaches(d *document, u *sqlUse, match func(maker) bool) bool {
	for a := u.arm; a != nil; a = a.query.around {
		for _, r := range a.relations {
			if m := d.traceIn(r, c.old, 0); !m.isZero() && match(m) {
				if _, ok := d.column(r, c.old, 0); ok {
					return true
				}
			}
		}
	}
	return false
}

// compare checks the mentions of a template against what it was rendered to: names that come
// out of macros cannot be changed, and strings that macros are called with may be no names.
func (c *columnRename) compare(d *document, own maker, match func(maker) bool, mine []mention) []mention {
	n := c.view.node(d.node)
	type text struct {
		sql string
		m   *source.Map
	}
	var texts []text
	if n != nil && !d.node.IsZero() {
		texts = append(texts, text{n.Text, n.TextMap}, text{n.IncrementalText, n.IncrementalTextMap})
	} else {
		for _, t := range c.view.Program.Tests {
			if t.Path == d.file.Path && t.Kind == "singular" {
				return mine // its SQL has placeholders
			}
		}
	}
	covered := map[*tmplAction]bool{} // actions that were rendered
	real := map[*tmplAction]int{}     // and how often the column is in them
	for _, t := range texts {
		if t.sql == "" || t.m == nil {
			continue
		}
		if len(t.m.Segments()) > 0 && staleMap(t.m, d.file) {
			c.refuse(d.file.Whole(), fmt.Sprintf("%s has changed since it was compiled", d.file.Path), "try again in a moment")
			return nil
		}
		rt := d.rendered(t.sql, t.m)
		for _, s := range t.m.Segments() {
			if !s.Verbatim && s.Src.File != nil && s.Src.File.Path == d.file.Path {
				if a := d.action(s.Src.Start); a != nil {
					covered[a] = true
				}
			}
		}
		ownHere := maker{}
		if own.id.end > 0 {
			ownHere = rt.trace(rt.outline.root, c.old, 0)
		}
		also := func(m maker) bool { return c.has(m) || ownHere.id.end > 0 && m.same(ownHere) }
		uses := rt.columnUses(also, c.old)
		if ownHere.id.end > 0 {
			uses = append(uses, mention{at: source.Span{File: d.file, Start: ownHere.id.start, End: ownHere.id.end}})
		}
		for _, u := range uses {
			span, verbatim, ok := segmentAt(t.m, u.at.Start, u.at.End)
			if !ok || span.File == nil {
				continue
			}
			if span.File.Path != d.file.Path {
				if strings.HasSuffix(span.File.Path, ".tmpl") {
					c.refuse(span, fmt.Sprintf("a macro has the column %q in its text", c.old), "rename it by hand, or hand the column to the macro")
				}
				continue // an ephemeral model, which is a reader itself
			}
			if verbatim {
				if !slices.ContainsFunc(mine, func(m mention) bool { return m.at.Start == span.Start }) {
					c.refuse(span, fmt.Sprintf("what %q means here is not clear", c.old), "change this place by hand first")
				}
				continue
			}
			if a := d.action(span.Start); a != nil {
				real[a]++
			}
		}
	}
	byAction := map[*tmplAction]int{}
	out := mine[:0:0]
	for _, m := range mine {
		a := d.action(m.at.Start)
		if a == nil {
			out = append(out, m)
			continue
		}
		if covered[a] && real[a] == 0 {
			continue // a text, and no name
		}
		byAction[a]++
		out = append(out, m)
	}
	for a, k := range real {
		if k > 0 && byAction[a] == 0 {
			c.refuse(d.file.Span(a.start, a.end), fmt.Sprintf("the template makes the column %q here", c.old), "write the name into the SQL first")
		}
	}
	return out
}

// staleMap reports whether a map leads to another text of the file than it has now.
func staleMap(m *source.Map, f *source.File) bool {
	for _, s := range m.Segments() {
		if s.Src.File != nil && s.Src.File.Path == f.Path {
			return s.Src.File != f && !bytes.Equal(s.Src.File.Data, f.Data)
		}
	}
	return false
}

// segmentAt is where the bytes [start, end) of an output come from, and whether they are a
// copy.
func segmentAt(m *source.Map, start, end int) (source.Span, bool, bool) {
	segs := m.Segments()
	i, _ := slices.BinarySearchFunc(segs, start, func(s source.Segment, at int) int {
		if s.End <= at {
			return -1
		}
		if s.Start > at {
			return 1
		}
		return 0
	})
	if i >= len(segs) || segs[i].Start > start || segs[i].End < end {
		return source.Span{}, false, false
	}
	s := segs[i]
	if !s.Verbatim {
		return s.Src, false, true
	}
	return source.Span{File: s.Src.File, Start: s.Src.Start + start - s.Start, End: s.Src.Start + end - s.Start}, true, true
}

// columnInText renames a column that only one text has.
func (r *renaming) columnInText(d *document, id identity, list []mention) {
	c := &columnRename{renaming: r, old: id.name}
	own := id.m
	match := func(m maker) bool { return m.same(own) }
	var mine []mention
	for _, m := range list {
		if m.at.Start != own.id.start {
			mine = append(mine, m)
		}
	}
	if !strings.EqualFold(id.name, r.name) {
		for _, q := range d.outline.queries {
			if m := d.trace(q, id.name, 0); m.isZero() || !match(m) {
				continue
			}
			if out, _ := d.outputs(q, 0); slices.ContainsFunc(out, func(o output) bool { return strings.EqualFold(o.name, r.name) }) {
				r.refuse(d.file.Span(id.m.id.start, id.m.id.end), fmt.Sprintf("there is a column %q already", r.name), "give it another name")
				return
			}
		}
	}
	for _, a := range d.template.actions {
		if a.prints() && a.relation() == nil && len(wordsIn(d.template.text[a.start:a.end], id.name)) > 0 &&
			!slices.ContainsFunc(mine, func(m mention) bool { return m.at.Start >= a.start && m.at.End <= a.end }) {
			r.refuse(d.file.Span(a.start, a.end), fmt.Sprintf("the template has %q here, and what it means is not known", id.name), "change it by hand first")
		}
	}
	c.mention(d, own, match, mention{at: d.file.Span(own.id.start, own.id.end), doc: d, use: onlyOf(own), star: own.item})
	for _, m := range mine {
		c.mention(d, own, match, m)
	}
	c.clashes(d, own, match)
}

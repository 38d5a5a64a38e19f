package editor

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
)

// thing is the sort of what stands at a place.
type thing uint8

const (
	noThing     thing = iota
	nodeThing         // a model, seed or snapshot by its name: target.node
	sourceThing       // a table of a source: target.node; of the source's own name target.group is set
	columnThing       // a column: target.node where a node has it, else target.rel or target.item
	aliasThing        // another name of a relation: target.rel
	cteThing          // a common table expression: target.cte
	macroThing        // target.name
	varThing
	envThing
	configThing      // a config key; target.path or target.call say where
	configValueThing // target.key
	funcThing        // a function of templates
	sqlFuncThing     // a function in SQL
	testThing        // a kind of test
	docsThing        // a docs block
	keyThing         // a key of YAML that is none of those above
	unitTestThing
	exposureThing
	groupThing
)

// target is what stands at an offset of a file.
type target struct {
	thing thing
	at    source.Span // the name, without quotes
	name  string
	node  addr.Node
	group bool // of sourceThing: the name of the source, without the table
	key   string

	doc  *document // of a SQL template
	use  *sqlUse   // the path that the name is a part of
	part int       // which part
	rel  *sqlRelation
	item *sqlItem
	cte  *sqlCTE
	call *tmplCall
	yaml yamlPlace // of YAML
	test *addr.Node
}

// document is a SQL template that can be asked for what stands in it.
type document struct {
	view     *View
	file     *source.File
	node     addr.Node // zero: a test, a macro, a file that is none
	template *sqlTemplate
	outline  *sqlOutline
	// known are the columns of queries that were asked for. A document belongs to one question,
	// so that nobody else writes here.
	known  map[*sqlQuery]columnsOf
	traced map[tracedColumn]maker
}

// columnsOf are the columns of a query; ok is false where some are not known.
type columnsOf struct {
	list []output
	ok   bool
}

// found is where a name leads: a column of a relation of the text, the name of an item of the
// select list, or a column of a node.
type found struct {
	rel    *sqlRelation // in whose columns it was found; nil: item is an output of the same SELECT
	item   *sqlItem     // that makes it, in this text
	query  *sqlQuery    // of the item
	node   addr.Node    // whose column it is
	name   string       // as it is called there
	guess  bool         // the columns of the relation are not known
	joined []*sqlRelation
}

func isYAML(p string) bool { return strings.HasSuffix(p, ".yml") || strings.HasSuffix(p, ".yaml") }
func isTemplate(p string) bool {
	return strings.HasSuffix(p, ".sql") || strings.HasSuffix(p, ".tmpl")
}

// document reads a SQL template as it is now.
func (v *View) document(p string) (*document, bool) {
	f, ok := v.File(p)
	if !ok || !isTemplate(p) {
		return nil, false
	}
	return v.read(f), true
}

func (v *View) read(f *source.File) *document {
	d := &document{view: v, file: f, node: v.nodes[f.Path]}
	lexis := sql.GoogleSQL
	dialect := project.GoogleSQL
	if n, ok := v.Node(f.Path); ok {
		dialect = n.Dialect
		d.node = n.ID
	} else if v.Project != nil && v.Project.Settings.Dialect.V != "" {
		dialect = v.Project.Settings.Dialect.V
	}
	if dialect != project.GoogleSQL && dialect != "bigquery" {
		lexis = sql.Standard
	}
	d.template = readTemplate(string(f.Data), lexis)
	d.outline = readOutline(d.template.lexemes)
	return d
}

// at says what stands at an offset of a file.
func (v *View) at(p string, offset int) target {
	f, ok := v.File(p)
	if !ok || offset < 0 || offset > len(f.Data) {
		return target{}
	}
	switch {
	case isYAML(p):
		return v.atYAML(f, offset)
	case isTemplate(p):
		return v.read(f).at(offset)
	case strings.HasSuffix(p, ".csv"):
		return v.atHeader(f, offset)
	case strings.HasSuffix(p, ".md"):
		return v.atDocs(f, offset)
	}
	return target{}
}

// node finds the node of a kind and name, compiled from its newest text where there is one.
func (v *View) node(id addr.Node) *compile.Node {
	if v.Program == nil {
		return nil
	}
	n := v.Program.Find(id)
	if n == nil || n.Source != nil {
		return n
	}
	if fresh, ok := v.Node(n.Path); ok && fresh.ID == id {
		return fresh
	}
	return n
}

// named finds what ref finds by a name, as it is written.
func (v *View) named(name string) (addr.Node, bool) {
	if v.Program == nil || name == "" {
		return addr.Node{}, false
	}
	for _, k := range []addr.Kind{addr.Model, addr.Seed, addr.Snapshot} {
		id := addr.Node{Kind: k, Name: name}
		if v.Program.Nodes[id] != nil {
			return id, true
		}
	}
	if n := v.Program.Version(name); n != nil {
		return n.ID, true
	}
	return addr.Node{}, false
}

// called finds the node of a call of ref, source or this.
func (d *document) called(c *tmplCall) (addr.Node, bool) {
	if c == nil {
		return addr.Node{}, false
	}
	switch c.fn {
	case "this":
		return d.node, !d.node.IsZero()
	case "source":
		a, ok := c.text(0)
		b, ok2 := c.text(1)
		id := addr.Node{Kind: addr.Source, Name: a + "." + b}
		return id, ok && ok2 && d.view.Program != nil && d.view.Program.Nodes[id] != nil
	case "ref":
		i := d.refName(c)
		name, ok := c.text(i)
		if !ok {
			return addr.Node{}, false
		}
		if last := c.args[len(c.args)-1]; len(c.args) > i+1 && d.view.Program != nil {
			version := last.text
			for _, n := range d.view.Program.Versions(name) {
				if n.Version.V.V == version {
					return n.ID, true
				}
			}
		}
		return d.view.named(name)
	}
	return addr.Node{}, false
}

// refName is which argument of a ref is the name of the model.
func (d *document) refName(c *tmplCall) int {
	if len(c.args) >= 2 && c.args[0].str && c.args[1].str && c.args[1].text != "v" && c.args[1].text != "version" {
		return 1
	}
	return 0
}

// columns are the names of a node's columns; ok is false where they are not known.
func (v *View) columns(id addr.Node) (names []string, ok bool) {
	n := v.node(id)
	if n == nil {
		return nil, false
	}
	cols := n.Columns
	if len(cols) == 0 && n.Source == nil {
		if good, is := v.LastGood(n.Path); is {
			n, cols = good, good.Columns
		}
	}
	for _, c := range cols {
		names = append(names, c.Name)
	}
	return names, len(names) > 0 && n.Unanalyzed == ""
}

// at says what stands at an offset of a template.
func (d *document) at(offset int) target {
	if a := d.template.actionAt(offset); a != nil {
		if t := d.atAction(a, offset); t.thing != noThing {
			return t
		}
	}
	if !strings.HasSuffix(d.file.Path, ".tmpl") {
		return d.atSQL(offset)
	}
	return target{doc: d}
}

func within(offset, start, end int) bool { return offset >= start && offset <= end }

func (d *document) target(t thing, start, end int) target {
	at := d.file.Span(start, end)
	return target{thing: t, at: at, name: at.Text(), doc: d}
}

// atAction says what stands in an action.
func (d *document) atAction(a *tmplAction, offset int) target {
	text := d.template.text
	if (a.keyword == "define" || a.keyword == "template" || a.keyword == "block") && len(a.tokens) > 1 && a.tokens[1].sort == tmplString && within(offset, a.tokens[1].start, a.tokens[1].end) {
		t := a.tokens[1]
		return d.target(macroThing, t.start+1, max(t.start+1, t.end-1))
	}
	// The innermost call is the last one that covers the place.
	for _, c := range slices.Backward(a.calls) {
		if within(offset, c.start, c.end) {
			t := d.target(funcThing, c.start, c.end)
			t.call = c
			if c.fn == "this" {
				t.node = d.node
			}
			return t
		}
		for i, arg := range c.args {
			if !arg.str || !within(offset, arg.start, arg.end) {
				continue
			}
			from, to := arg.inner(len(text))
			t := d.target(noThing, from, to)
			t.name, t.call, t.part = arg.text, c, i
			switch c.fn {
			case "ref":
				if i == d.refName(c) {
					t.thing = nodeThing
					t.node, _ = d.called(c)
				}
			case "source":
				t.thing, t.group = sourceThing, i == 0
				t.node, _ = d.called(c)
			case "var":
				if i == 0 {
					t.thing = varThing
				}
			case "env_var":
				if i == 0 {
					t.thing = envThing
				}
			case "include":
				if i == 0 {
					t.thing = macroThing
				}
			case "config":
				t.thing = configThing
				if t.key, _ = c.text(i - i%2); i%2 == 1 {
					t.thing = configValueThing
				}
			case "doc":
				t.thing = docsThing
			case "dict":
				if i%2 == 0 && d.config(a) {
					t.thing, t.key = configThing, d.configKey(a, c)
				}
			}
			return t
		}
	}
	return target{}
}

func (d *document) config(a *tmplAction) bool { return len(a.calls) > 0 && a.calls[0].fn == "config" }

// configKey is the key of a config call in whose value another call stands.
func (d *document) configKey(a *tmplAction, c *tmplCall) string {
	for i, arg := range a.calls[0].args {
		if i%2 == 1 && within(c.start, arg.start, arg.end) {
			key, _ := a.calls[0].text(i - 1)
			return key
		}
	}
	return ""
}

// atSQL says what stands in the SQL of a template.
func (d *document) atSQL(offset int) target {
	hit := func(i sqlIdent) bool { return i.start < i.end && within(offset, i.start, i.end) }
	for _, q := range d.outline.queries {
		for _, c := range q.ctes {
			if hit(c.name) {
				t := d.target(cteThing, c.name.start, c.name.end)
				t.name, t.cte = c.name.name, c
				return t
			}
			for _, col := range c.columns {
				if hit(col) {
					t := d.target(columnThing, col.start, col.end)
					t.name, t.cte = col.name, c
					return t
				}
			}
		}
		for _, a := range q.arms {
			if t, ok := d.atArm(a, hit); ok {
				return t
			}
		}
	}
	for _, f := range d.outline.functions {
		if hit(f) {
			t := d.target(sqlFuncThing, f.start, f.end)
			t.name = f.name
			return t
		}
	}
	return target{doc: d}
}

func (d *document) atArm(a *sqlArm, hit func(sqlIdent) bool) (target, bool) {
	for _, r := range a.relations {
		if r.kind == ofCTE && hit(r.path[0]) {
			t := d.target(cteThing, r.path[0].start, r.path[0].end)
			t.name, t.cte, t.rel = r.path[0].name, r.cte, r
			return t, true
		}
		if r.alias != nil && hit(*r.alias) {
			t := d.target(aliasThing, r.alias.start, r.alias.end)
			t.name, t.rel = r.alias.name, r
			return t, true
		}
	}
	for _, it := range a.items {
		if it.alias != nil && hit(*it.alias) {
			t := d.target(columnThing, it.alias.start, it.alias.end)
			t.name, t.item = it.alias.name, it
			d.own(&t, a)
			return t, true
		}
		if it.of != nil && hit(*it.of) {
			t := d.target(aliasThing, it.of.start, it.of.end)
			t.name = it.of.name
			if r := d.relation(a, it.of.name); r != nil {
				t.rel = r
				if r.alias == nil && r.kind == ofCTE {
					t.thing, t.cte = cteThing, r.cte
				}
			}
			return t, true
		}
		for _, id := range slices.Concat(it.except, it.replace) {
			if hit(id) {
				t := d.target(columnThing, id.start, id.end)
				t.name, t.item = id.name, it
				for _, r := range d.starred(a, it) {
					if c, ok := d.column(r, id.name, 0); ok {
						t.rel, t.node = r, c.node
						break
					}
				}
				return t, true
			}
		}
	}
	for _, u := range a.uses {
		for i, p := range u.parts {
			if !hit(p) {
				continue
			}
			t := d.target(noThing, p.start, p.end)
			t.name, t.use, t.part = p.name, u, i
			what, list := d.resolve(u)
			switch {
			case what < 0: // nothing is known
				t.thing = columnThing
				if i < len(u.parts)-1 {
					t.thing = aliasThing
				}
			case i < what:
				t.thing = aliasThing
				if len(list) > 0 {
					t.rel = list[0].rel
				} else {
					t.rel = d.visible(u.arm, u.parts[0].name)
				}
				if t.rel != nil && t.rel.alias == nil && t.rel.kind == ofCTE {
					t.thing, t.cte = cteThing, t.rel.cte
				}
			case i == what:
				t.thing = columnThing
				if len(list) > 0 {
					t.rel, t.node, t.item = list[0].rel, list[0].node, list[0].item
				} else if what == 1 {
					t.rel = d.visible(u.arm, u.parts[0].name)
				}
			default:
				t.thing = columnThing // a field
				if len(list) > 0 {
					t.rel, t.node = list[0].rel, list[0].node
				}
				var path []string
				for _, p := range u.parts[what : i+1] {
					path = append(path, p.name)
				}
				t.name = strings.Join(path, ".")
			}
			return t, true
		}
	}
	return target{}, false
}

// own says that an item of the outermost select list is a column of the file's node.
func (d *document) own(t *target, a *sqlArm) {
	if q := d.outline.root; q != nil && a.query == q && len(q.arms) > 0 && q.arms[0] == a && !d.node.IsZero() {
		t.node = d.node
	}
}

// relation is the relation of a SELECT with that name.
func (d *document) relation(a *sqlArm, name string) *sqlRelation {
	for _, r := range a.relations {
		if n, ok := d.calledAs(r); ok && strings.EqualFold(n, name) {
			return r
		}
	}
	return nil
}

// calledAs is the name that the columns of a relation are qualified with: that of a node's
// relation where it has no other.
func (d *document) calledAs(r *sqlRelation) (string, bool) {
	if id, ok := r.called(); ok {
		return id.name, true
	}
	if r.kind == ofNode {
		if id, ok := d.called(r.action.relation()); ok {
			if n := d.view.node(id); n != nil {
				return n.Relation.Name, true
			}
		}
	}
	return "", false
}

// visible is the relation of that name as seen from a SELECT: its own, or one of those around it.
func (d *document) visible(a *sqlArm, name string) *sqlRelation {
	for ; a != nil; a = a.query.around {
		if r := d.relation(a, name); r != nil {
			return r
		}
	}
	return nil
}

// starred are the relations that a star stands for.
func (d *document) starred(a *sqlArm, it *sqlItem) []*sqlRelation {
	if it.of != nil {
		if r := d.visible(a, it.of.name); r != nil {
			return []*sqlRelation{r}
		}
		return nil
	}
	return a.relations
}

const (
	longest = 100  // steps from one query to the next
	widest  = 5000 // columns of a query, beyond which they count as unknown
)

// output is a column that a query or relation has.
type output struct {
	name string
	found
}

// outputsOf are the columns of a relation, in order; ok is false where some are not known.
func (d *document) outputsOf(r *sqlRelation, depth int) (out []output, ok bool) {
	if depth > longest || r.shaped {
		return nil, false
	}
	if len(r.columns) > 0 {
		for _, c := range r.columns {
			out = append(out, output{c.name, found{rel: r, name: c.name}})
		}
		return out, true
	}
	switch r.kind {
	case ofNode:
		id, is := d.called(r.action.relation())
		if !is {
			return nil, false
		}
		names, known := d.view.columns(id)
		for _, n := range names {
			out = append(out, output{n, found{rel: r, node: id, name: n}})
		}
		return out, known
	case ofCTE:
		out, ok = d.outputs(r.cte.query, depth+1)
		for i, c := range r.cte.columns {
			if i < len(out) {
				out[i].name = c.name
			} else {
				out = append(out, output{c.name, found{name: c.name}})
			}
		}
	case ofQuery:
		out, ok = d.outputs(r.query, depth+1)
	case ofArray:
		if r.alias != nil {
			out = append(out, output{r.alias.name, found{name: r.alias.name}})
		}
	}
	for i := range out {
		out[i].rel = r
	}
	return out, ok
}

// outputs are the columns of a query. The caller may change the list.
func (d *document) outputs(q *sqlQuery, depth int) (out []output, ok bool) {
	if q == nil || len(q.arms) == 0 || depth > longest {
		return nil, false
	}
	if c, done := d.known[q]; done {
		return slices.Clone(c.list), c.ok
	}
	if d.known == nil {
		d.known = map[*sqlQuery]columnsOf{}
	}
	d.known[q] = columnsOf{} // while it is looked at: a query that reads itself
	out, ok = d.compute(q, depth)
	if len(out) > widest {
		out, ok = nil, false
	}
	d.known[q] = columnsOf{slices.Clone(out), ok}
	return out, ok
}

func (d *document) compute(q *sqlQuery, depth int) (out []output, ok bool) {
	a := q.arms[0]
	if a.nested != nil {
		return d.outputs(a.nested, depth+1)
	}
	ok = !q.piped && !a.values
	for _, it := range a.items {
		if !it.star {
			if n, named := it.name(); named {
				out = append(out, output{n.name, found{item: it, query: q, name: n.name}})
			} else {
				ok = ok && !it.opaque
			}
			continue
		}
		seen := map[string]bool{} // of USING
		for _, r := range d.starred(a, it) {
			cols, known := d.outputsOf(r, depth+1)
			ok = ok && known && !it.opaque
			for _, c := range cols {
				if slices.ContainsFunc(it.except, func(i sqlIdent) bool { return i.is(c.name) }) || r.joined && seen[strings.ToLower(c.name)] && d.using(a, c.name) {
					continue
				}
				seen[strings.ToLower(c.name)] = true
				o := output{c.name, found{item: it, query: q, rel: r, name: c.name, node: c.node}}
				if i := slices.IndexFunc(it.replace, func(i sqlIdent) bool { return i.is(c.name) }); i >= 0 {
					o.node = addr.Node{}
				}
				out = append(out, o)
			}
		}
	}
	return out, ok
}

func (d *document) using(a *sqlArm, name string) bool {
	return slices.ContainsFunc(a.uses, func(u *sqlUse) bool { return u.clause == inUsing && u.parts[0].is(name) })
}

// column finds a column of a relation by its name.
func (d *document) column(r *sqlRelation, name string, depth int) (found, bool) {
	out, known := d.outputsOf(r, depth)
	for _, o := range out {
		if strings.EqualFold(o.name, name) {
			f := o.found
			f.rel = r
			return f, true
		}
	}
	return found{rel: r, name: name, guess: true}, !known && r.kind != ofArray
}

// resolve finds what a path means: which of its parts is the column (those before it name a
// relation, those behind it fields), and where that column may come from. It is -1 where
// nothing is known.
func (d *document) resolve(u *sqlUse) (part int, list []found) {
	name := u.parts[0].name
	if u.clause == inUsing {
		for _, r := range u.arm.relations {
			if f, ok := d.column(r, name, 0); ok && !f.guess {
				list = append(list, f)
			}
		}
		return 0, list
	}
	if u.query != nil { // behind several SELECTs only their columns can be named
		out, _ := d.outputs(u.query, 0)
		for _, o := range out {
			if strings.EqualFold(o.name, name) {
				return 0, []found{{item: o.item, query: u.query, name: o.name}}
			}
		}
		return 0, nil
	}
	if len(u.parts) > 1 {
		if r := d.visible(u.arm, name); r != nil && !d.shadowed(u, r) {
			f, ok := d.column(r, u.parts[1].name, 0)
			if ok {
				return 1, []found{f}
			}
			return 1, nil
		}
	}
	if u.dotted && len(u.parts) == 1 && d.visible(u.arm, name) != nil {
		return 1, nil
	}
	for a := u.arm; a != nil; a = a.query.around {
		clause := u.clause
		if a != u.arm {
			clause = inWhere
		}
		if it := d.outputNamed(a, u, name, clause); it != nil && d.aliasFirst(u, clause) {
			return 0, []found{{item: it, query: a.query, name: name}}
		}
		var sure, guesses []found
		for _, r := range a.relations {
			if a == u.arm && u.clause == inFrom && r.start >= u.parts[0].start {
				break
			}
			if f, ok := d.column(r, name, 0); ok && !f.guess {
				sure = append(sure, f)
			} else if ok {
				guesses = append(guesses, f)
			}
		}
		if len(sure) > 0 {
			return 0, sure
		}
		if it := d.outputNamed(a, u, name, clause); it != nil {
			return 0, []found{{item: it, query: a.query, name: name}}
		}
		if len(guesses) == 1 {
			return 0, guesses
		}
	}
	if len(u.parts) == 1 {
		if r := d.visible(u.arm, name); r != nil { // a row as a value
			return 1, nil
		}
	}
	return -1, nil
}

// shadowed: a column hides a relation of the same name. The relation wins in practice.
func (d *document) shadowed(*sqlUse, *sqlRelation) bool { return false }

// outputNamed is the item of the select list that a clause behind it can name.
func (d *document) outputNamed(a *sqlArm, u *sqlUse, name string, c sqlClause) *sqlItem {
	if c != inGroup && c != inHaving && c != inQualify && c != inOrder || len(u.parts) > 1 && c != inOrder {
		return nil
	}
	for _, it := range a.items {
		if n, ok := it.name(); ok && n.is(name) {
			return it
		}
	}
	return nil
}

// aliasFirst reports whether the name of an output column hides one of the tables': always in
// GoogleSQL, elsewhere only where ORDER BY has nothing but the name.
func (d *document) aliasFirst(u *sqlUse, c sqlClause) bool {
	return d.template.lexis == sql.GoogleSQL || c == inOrder && u.alone
}

// atYAML says what stands in a YAML file.
func (v *View) atYAML(f *source.File, offset int) target {
	p := yamlAt(string(f.Data), offset)
	t := target{at: f.Span(p.start, p.end), name: p.text, yaml: p}
	if len(p.path) == 0 {
		return t
	}
	top := p.path[0].key
	last := p.path[len(p.path)-1]
	if path.Base(f.Path) == "engine.yml" {
		switch {
		case p.onKey && top == "vars" && len(p.path) == 2, p.onKey && top == "targets" && len(p.path) == 4 && p.path[2].key == "vars":
			t.thing = varThing
		case p.onKey && (top == "models" || top == "seeds" || top == "snapshots") && (strings.HasPrefix(p.text, "+")):
			t.thing, t.key = configThing, strings.TrimPrefix(p.text, "+")
			t.at = f.Span(p.start+1, p.end)
			t.name = t.key
		case p.onKey:
			t.thing = keyThing
		case last.key == "ref" || last.key == "ancestry":
			if id, ok := v.named(p.text); ok {
				t.thing, t.node = nodeThing, id
			}
		}
		return t
	}
	// Calls in quoted text: ref('x'), source('a', 'b'), {{ doc "x" }}.
	if !p.onKey {
		if c, ok := yamlCallIn(f, p, offset); ok {
			return v.atCall(t, f, c, offset)
		}
	}
	owner := v.yamlOwner(p)
	keys := p.keys()
	in := func(list string) bool { _, ok := p.item(list); return ok }
	switch {
	case last.key == "name" && !p.onKey:
		switch parent := yamlParent(p); parent {
		case "models", "seeds", "snapshots", "analyses":
			t.thing, t.node = nodeThing, owner
		case "sources":
			t.thing, t.group = sourceThing, true
			t.node = addr.Node{Kind: addr.Source, Name: p.text + "."}
		case "tables":
			t.thing, t.node = sourceThing, owner
		case "columns":
			t.thing, t.node = columnThing, owner
		case "unit_tests":
			t.thing = unitTestThing
		case "exposures":
			t.thing = exposureThing
		case "groups":
			t.thing = groupThing
		}
	case last.key == "model" && top == "unit_tests" && !p.onKey:
		t.thing = nodeThing
		t.node, _ = v.named(p.text)
	case (in("data_tests") || in("tests")) && yamlTest(p):
		t.thing, t.node = testThing, owner
	case p.onKey && strings.Contains(keys, "config.") && !strings.HasSuffix(keys, ".config"):
		t.thing, t.key, t.node = configThing, p.text, owner
	case p.onKey && top == "unit_tests" && (in("rows") || strings.Contains(keys, "rows")) && last.key != "rows":
		t.thing = columnThing
		t.node = v.unitOwner(f, p)
	case p.onKey:
		t.thing = keyThing
	case strings.Contains(keys, "config."):
		t.thing, t.key, t.node = configValueThing, last.key, owner
		if last.key == "" {
			for _, s := range slices.Backward(p.path) {
				if s.key != "" {
					t.key = s.key
					break
				}
			}
		}
		if v.hasColumn(owner, p.text) && columnKey(t.key) {
			t.thing = columnThing
		}
	case last.key == "group" && top != "groups":
		t.thing = groupThing
	case in("data_tests") || in("tests"):
		// An argument of a test: a column where there is one of that name.
		switch key := lastKey(p); {
		case key == "field" || key == "to_columns":
			if to := v.testTo(f, p); v.hasColumn(to, p.text) {
				t.thing, t.node = columnThing, to
			}
		case v.hasColumn(owner, p.text):
			t.thing, t.node = columnThing, owner
		}
	case in("constraints") && v.hasColumn(owner, p.text):
		t.thing, t.node = columnThing, owner
	}
	return t
}

func lastKey(p yamlPlace) string {
	for _, s := range slices.Backward(p.path) {
		if s.key != "" {
			return s.key
		}
	}
	return ""
}

// columnKey reports whether the values of a config key are names of columns.
func columnKey(key string) bool {
	switch key {
	case "unique_key", "updated_at", "check_cols", "event_time", "merge_update_columns", "merge_exclude_columns", "tenant_column", "cluster_by", "partition_by", "links", "partial", "visible",
		"custom_fields", "column", "columns", "field", "via", "parent", "child", "partition", "quantity":
		return true
	}
	return false
}

// yamlParent is the key of the list whose item the innermost key belongs to.
func yamlParent(p yamlPlace) string {
	for i := len(p.path) - 2; i >= 0; i-- {
		if k := p.path[i].key; k != "" {
			return k
		}
	}
	return ""
}

// yamlTest reports whether the place is the name of a test: the item of a list of tests, or
// the key of one.
func yamlTest(p yamlPlace) bool {
	n := len(p.path)
	tests := func(i int) bool { return i >= 0 && (p.path[i].key == "data_tests" || p.path[i].key == "tests") }
	if p.onKey {
		return n >= 3 && p.path[n-2].key == "" && tests(n-3)
	}
	return n >= 2 && p.path[n-1].key == "" && tests(n-2)
}

// yamlOwner is the node whose entry a place is in.
func (v *View) yamlOwner(p yamlPlace) addr.Node {
	for _, kind := range []addr.Kind{addr.Model, addr.Seed, addr.Snapshot} {
		if len(p.path) > 0 && p.path[0].key == string(kind)+"s" {
			name, _ := p.item(string(kind) + "s")
			if id := (addr.Node{Kind: kind, Name: name}); v.Program != nil && v.Program.Nodes[id] != nil {
				return id
			}
			id, ok := v.named(name)
			if !ok {
				id = addr.Node{Kind: kind, Name: name}
			}
			return id
		}
	}
	if len(p.path) > 0 && p.path[0].key == "sources" {
		s, _ := p.item("sources")
		t, _ := p.item("tables")
		return addr.Node{Kind: addr.Source, Name: s + "." + t}
	}
	return addr.Node{}
}

// unitOwner is the node whose rows a unit test gives or expects at a place.
func (v *View) unitOwner(f *source.File, p yamlPlace) addr.Node {
	if v.Project == nil {
		return addr.Node{}
	}
	name, _ := p.item("unit_tests")
	for _, u := range v.Project.UnitTests {
		if u.Name.V != name || u.At.File == nil || u.At.File.Path != f.Path {
			continue
		}
		model, _ := v.named(u.Model.V)
		for _, g := range u.Given {
			if within(p.start, g.At.Start, g.At.End) && strings.Contains(p.keys(), "given") {
				return v.written(g.Input.V, model)
			}
		}
		return model
	}
	return addr.Node{}
}

// testTo is the node that the test at a place compares with.
func (v *View) testTo(f *source.File, p yamlPlace) addr.Node {
	for _, l := range v.testsOf(v.yamlOwner(p)) {
		if l.At.File != nil && l.At.File.Path == f.Path && within(p.start, l.At.Start, l.At.End) {
			if to, ok := l.Args["to"].V.(string); ok {
				return v.written(to, addr.Node{})
			}
		}
	}
	return addr.Node{}
}

// testsOf are the tests in YAML of a node and of its columns.
func (v *View) testsOf(id addr.Node) []*project.Test {
	n := v.node(id)
	if n == nil {
		return nil
	}
	var tests []*project.Test
	var cols []*project.Column
	switch {
	case n.Props != nil:
		tests, cols = slices.Clone(n.Props.Tests), n.Props.Columns
	case n.Source != nil:
		tests, cols = slices.Clone(n.Source.Tests), n.Source.Columns
	}
	for _, c := range cols {
		tests = append(tests, c.Tests...)
	}
	return tests
}

// written is the node of «ref('x')», «source('a', 'b')» or «this».
func (v *View) written(text string, this addr.Node) addr.Node {
	c, ok := readCall(text, 0)
	if !ok {
		if strings.TrimSpace(text) == "this" {
			return this
		}
		id, _ := v.named(strings.TrimSpace(text))
		return id
	}
	id, _ := v.callNode(c)
	return id
}

func (v *View) callNode(c yamlCall) (addr.Node, bool) {
	switch {
	case c.fn == "ref" && len(c.args) >= 1:
		if len(c.args) > 1 && v.Program != nil {
			for _, n := range v.Program.Versions(c.args[0].text) {
				if n.Version.V.V == strings.TrimPrefix(c.args[len(c.args)-1].text, "v=") {
					return n.ID, true
				}
			}
		}
		if id, ok := v.named(c.args[0].text); ok {
			return id, true
		}
		return v.named(c.args[len(c.args)-1].text)
	case c.fn == "source" && len(c.args) == 2:
		id := addr.Node{Kind: addr.Source, Name: c.args[0].text + "." + c.args[1].text}
		return id, v.Program != nil && v.Program.Nodes[id] != nil
	}
	return addr.Node{}, false
}

func (v *View) hasColumn(id addr.Node, name string) bool {
	n := v.node(id)
	return n != nil && name != "" && slices.ContainsFunc(n.Columns, func(c compile.Column) bool { return strings.EqualFold(c.Name, name) })
}

// yamlCall is «ref('x')» in a scalar of YAML; places are those of the file.
type yamlCall struct {
	fn         string
	start, end int
	args       []yamlArg
}

type yamlArg struct {
	text       string
	start, end int
}

// readCall reads ref('x'), ref "x", source('a', 'b') and doc('x') at the beginning of a text,
// which stands at an offset of its file.
func readCall(text string, shift int) (c yamlCall, ok bool) {
	i := 0
	for i < len(text) && (text[i] == ' ' || text[i] == '{' || text[i] == '-' || text[i] == '"' || text[i] == '\'') {
		i++
	}
	for _, fn := range []string{"ref", "source", "doc"} {
		if strings.HasPrefix(text[i:], fn) && i+len(fn) < len(text) && strings.IndexByte(" (", text[i+len(fn)]) >= 0 {
			c.fn, c.start, i, ok = fn, shift+i, i+len(fn), true
			break
		}
	}
	if !ok {
		return c, false
	}
	for i < len(text) {
		switch b := text[i]; {
		case b == ')' || b == '}':
			c.end = shift + i + 1
			return c, len(c.args) > 0
		case b == '"' || b == '\'':
			end := strings.IndexByte(text[i+1:], b)
			if end < 0 {
				end = len(text) - i - 1
			}
			c.args = append(c.args, yamlArg{text[i+1 : i+1+end], shift + i + 1, shift + i + 1 + end})
			i += end + 2
		case b == ' ' || b == '(' || b == ',':
			i++
		default:
			end := i
			for end < len(text) && strings.IndexByte(" ,)}", text[end]) < 0 {
				end++
			}
			c.args = append(c.args, yamlArg{text[i:end], shift + i, shift + end})
			i = end
		}
	}
	c.end = shift + len(text)
	return c, len(c.args) > 0
}

// yamlCallIn finds the call at a place of a scalar.
func yamlCallIn(f *source.File, p yamlPlace, offset int) (yamlCall, bool) {
	end := min(p.end, len(f.Data))
	line := string(f.Data[p.start:end])
	for i := 0; i < len(line); {
		next := len(line)
		for _, fn := range []string{"ref", "source", "doc"} {
			if j := strings.Index(line[i:], fn); j >= 0 && i+j < next {
				next = i + j
			}
		}
		if next == len(line) {
			break
		}
		if c, ok := readCall(line[next:], p.start+next); ok && within(offset, c.start, c.end) {
			return c, true
		}
		i = next + 1
	}
	return yamlCall{}, false
}

func (v *View) atCall(t target, f *source.File, c yamlCall, offset int) target {
	for i, a := range c.args {
		if !within(offset, a.start, a.end) {
			continue
		}
		t.at, t.name, t.part = f.Span(a.start, a.end), a.text, i
		switch c.fn {
		case "ref":
			if id, ok := v.callNode(c); ok && i == 0 {
				t.node = id
			}
			t.thing = nodeThing
		case "source":
			t.thing, t.group = sourceThing, i == 0
			t.node, _ = v.callNode(c)
		case "doc":
			t.thing = docsThing
		}
		return t
	}
	t.at, t.name = f.Span(c.start, c.start+len(c.fn)), c.fn
	t.thing = funcThing
	return t
}

// atHeader is a column of a seed.
func (v *View) atHeader(f *source.File, offset int) target {
	id, ok := v.nodes[f.Path]
	if !ok {
		return target{}
	}
	for _, c := range header(f.Data, v.delimiter(id)) {
		if within(offset, c.start, c.end) {
			return target{thing: columnThing, at: f.Span(c.start, c.end), name: c.text, node: id}
		}
	}
	return target{}
}

func (v *View) delimiter(id addr.Node) byte {
	if n := v.node(id); n != nil && len(n.Config.Delimiter) == 1 {
		return n.Config.Delimiter[0]
	}
	return ','
}

// header splits the first line of a CSV file; places leave out quotes.
func header(data []byte, delimiter byte) []yamlArg {
	text := string(data)
	at := 0
	if strings.HasPrefix(text, "\uFEFF") {
		at = 3
	}
	end := strings.IndexByte(text, '\n')
	if end < 0 {
		end = len(text)
	}
	text = strings.TrimRight(text[:end], "\r")
	var out []yamlArg
	for at <= len(text) {
		if at < len(text) && text[at] == '"' {
			i := strings.IndexByte(text[at+1:], '"')
			if i < 0 {
				return out
			}
			out = append(out, yamlArg{text[at+1 : at+1+i], at + 1, at + 1 + i})
			at += i + 3
			continue
		}
		i := strings.IndexByte(text[at:], delimiter)
		if i < 0 {
			i = len(text) - at
		}
		out = append(out, yamlArg{text[at : at+i], at, at + i})
		at += i + 1
	}
	return out
}

// atDocs is the name of a docs block.
func (v *View) atDocs(f *source.File, offset int) target {
	line := f.Position(offset).Line
	text := f.Line(line)
	start := f.Offset(line, 1)
	for i := strings.Index(text, "docs "); i > 0; {
		name := strings.TrimLeft(text[i+5:], " ")
		from := i + 5 + len(text[i+5:]) - len(name)
		name, _, _ = strings.Cut(name, " ")
		if strings.Contains(text[:i], "{%") && within(offset-start, from, from+len(name)) {
			return target{thing: docsThing, at: f.Span(start+from, start+from+len(name)), name: name}
		}
		break
	}
	return target{}
}

// spelled is a name as it has to be written in a dialect's SQL: with quotes where it is not
// plain.
func spelled(name string, lexis sql.Lexis) string {
	plain := name != "" && (name[0] == '_' || name[0] >= 'a' && name[0] <= 'z' || name[0] >= 'A' && name[0] <= 'Z')
	for i := 0; plain && i < len(name); i++ {
		c := name[i]
		plain = c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
	}
	if plain && !keywordSet[strings.ToLower(name)] {
		return name
	}
	if lexis == sql.GoogleSQL {
		return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
	}
	return strconv.Quote(name)
}

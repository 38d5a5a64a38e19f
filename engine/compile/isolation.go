package compile

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/isolation"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
)

// Isolation is whose rows a node holds, as far as its query proves it; see package isolation.
// Only programs of projects with distribution have it.
type Isolation struct {
	isolation.Facts
	// Given is what its readers go by: the facts, or what AcrossTenants says in their place.
	Given isolation.Facts
	// Reasons say why it is mixed, Taints why a column depends on rows of other tenants.
	Reasons []IsolationReason
	Taints  map[string]IsolationReason
}

// IsolationReason is a place where rows of several tenants come together.
type IsolationReason struct {
	Why isolation.Why
	// At is the place in a template.
	At source.Span
	// From is the node that brings it along, for isolation.Table, and Column the column of it;
	// empty for its rows.
	From   addr.Node
	Column string
	// What is not looked into.
	What string
}

// isolated reports whether it is asked whose rows are where.
func (c *compiler) isolated() bool {
	o := c.options
	looks := o.Late != nil || o.Analyzer != nil || o.Google != nil && o.Google.Sessions != nil
	return looks && c.project.Settings.Distribution != nil
}

// TenantColumn is the column of n with the tenant, if it has it: the configured one, or that of
// the project.
func TenantColumn(n *Node, d *project.Distribution) string {
	if d == nil {
		return n.Config.TenantColumn
	}
	return cmp.Or(n.Config.TenantColumn, d.TenantColumn.V)
}

// isolate notes whose rows a unit holds, its parents being done. proofs are of its texts.
func (c *compiler) isolate(u *unit) {
	if !c.isolated() {
		return
	}
	i := &Isolation{}
	column := TenantColumn(u.Node, c.project.Settings.Distribution)
	unknown := func(what string) {
		if i.Facts = (isolation.Facts{}); hasColumn(u.Columns, column) {
			i.Facts = isolation.By(column)
		}
		i.State = isolation.Mixed
		i.Reasons = []IsolationReason{{Why: isolation.Opaque, At: u.at, What: what}}
	}
	switch {
	case u.kind == addr.Source && u.Config.TenantColumn == "" && len(u.Parents) == 1 && c.byID[u.Parents[0]].Isolation != nil:
		if i.Facts = c.byID[u.Parents[0]].Isolation.Given; i.State == isolation.Mixed {
			i.Reasons = []IsolationReason{{Why: isolation.Table, At: u.at, From: u.Parents[0]}}
		}
		for _, name := range i.Tainted {
			i.taint(name, IsolationReason{Why: isolation.Table, At: u.at, From: u.Parents[0], Column: name})
		}
		if givenToAll(u.Node) && c.byID[u.Parents[0]].Isolation.undeclared() {
			i = &Isolation{}
		}
	case u.kind == addr.Source || u.kind == addr.Seed:
		switch {
		case hasColumn(u.Columns, column) || u.Config.TenantColumn != "":
			i.Facts = isolation.By(column)
		case u.Unanalyzed != "":
			unknown(u.Unanalyzed)
		case !givenToAll(u.Node):
			// The tenant may have another name, or none: it is not for us to guess that it has none.
			i.State = isolation.Mixed
			i.Reasons = []IsolationReason{{Why: isolation.Undeclared, At: u.at, What: column}}
		}
	case len(u.proofs) == 0:
		unknown(cmp.Or(u.Unanalyzed, "it is not GoogleSQL"))
	default:
		for n, p := range u.proofs {
			if n == 0 {
				i.Facts = p.Facts
			} else {
				i.Facts = i.Facts.Or(p.Facts)
			}
			i.Reasons = append(i.Reasons, p.Reasons...)
			for _, name := range slices.Sorted(maps.Keys(p.Taints)) {
				i.taint(name, p.Taints[name])
			}
		}
		if u.Closure != nil {
			c.isolateClosure(u, i)
		}
	}
	u.proofs = nil
	c.isolateHooks(u, i)
	if len(i.Reasons) > 1 {
		// That the rows which are there already are mixed is no reason of its own.
		i.Reasons = slices.DeleteFunc(i.Reasons, func(r IsolationReason) bool { return r.Why == isolation.Table && r.From == u.ID })
	}
	i.Given = i.Facts
	if u.Config.AcrossTenants != "" {
		if i.Given = (isolation.Facts{}); hasColumn(u.Columns, column) && u.Config.Distribute != ToAll {
			i.Given = isolation.By(column)
		}
	}
	u.Isolation = i
}

func (i *Isolation) taint(name string, r IsolationReason) {
	if i.Taints == nil {
		i.Taints = map[string]IsolationReason{}
	}
	if _, had := i.Taints[name]; !had {
		i.Taints[name] = r
	}
}

// undeclared reports whether nothing else is wrong than that nobody says whose the rows are.
func (i *Isolation) undeclared() bool {
	return len(i.Reasons) == 1 && i.Reasons[0].Why == isolation.Undeclared && i.Given.State == isolation.Mixed
}

// givenToAll reports whether it is said that everybody may have all rows of a node: that they are
// nobody's. Those that only some customers get are theirs.
func givenToAll(n *Node) bool {
	return n.Config.Distribute == ToAll && len(n.Config.Only) == 0
}

// hooksOf are all statements of pre_hook, or of post_hook.
func hooksOf(c Config, pre bool) []string {
	full, update := c.Hooks(false), c.Hooks(true)
	if pre {
		return slices.Concat(full.First, full.Pre, update.First, update.Pre)
	}
	return slices.Concat(full.Post, full.Last, update.Post, update.Last)
}

// isolateHooks makes mixed what statements beside the query may change: they are the target's own SQL,
// and nobody looks into them.
func (c *compiler) isolateHooks(u *unit, i *Isolation) {
	if u.Config.Materialized == "ephemeral" {
		return // it is not built
	}
	for _, h := range []struct {
		key  string
		list []string
	}{{"pre_hook", hooksOf(u.Config, true)}, {"post_hook", hooksOf(u.Config, false)}} {
		if len(h.list) == 0 {
			continue
		}
		at := u.Raw[h.key].At
		if at.IsZero() {
			at = u.at
		}
		i.State, i.Only, i.Blurred, i.Tainted, i.Taints = isolation.Mixed, "", false, nil, nil
		i.Reasons = append(i.Reasons, IsolationReason{Why: isolation.Hook, At: at, What: h.key})
	}
}

// isolateClosure turns what is known of edges into what is known of pairs. Edges of one tenant lead on
// to those of another, whatever the partition: it only says where a pair is put.
func (c *compiler) isolateClosure(u *unit, i *Isolation) {
	switch {
	case i.State == isolation.Clean && len(i.Tainted) == 0:
	case i.State == isolation.Tenant && i.Only != "" && len(i.Tainted) == 0:
		i.Columns = slices.DeleteFunc(i.Columns, func(col isolation.Column) bool { return !strings.EqualFold(col.Name, u.Closure.Partition) })
	default:
		i.State, i.Tainted = isolation.Mixed, nil
		i.Columns = slices.DeleteFunc(i.Columns, func(col isolation.Column) bool { return !strings.EqualFold(col.Name, u.Closure.Partition) })
		for _, name := range slices.Sorted(maps.Keys(i.Taints)) {
			i.Reasons = append(i.Reasons, i.Taints[name])
		}
		i.Reasons = append(i.Reasons, IsolationReason{Why: isolation.Ancestry, At: ancestryAt(u, "")})
	}
	i.Taints = nil
}

// proof is the verdict on one text of a unit, with places in templates.
type proof struct {
	isolation.Facts
	Reasons []IsolationReason
	Taints  map[string]IsolationReason
}

// given lists what is known of the relations that a query may name, in their order, as texts;
// nil where nobody asks.
func (c *compiler) given(q query, tables []table) []string {
	if !q.judged {
		return nil
	}
	out := make([]string, len(tables))
	for i, t := range tables {
		switch {
		case t.of == q.self && q.self != nil:
			out[i] = q.start.Text()
		case t.of == nil || t.of.Isolation == nil:
			out[i] = isolation.Facts{State: isolation.Mixed}.Text()
		default:
			out[i] = t.of.Isolation.Given.Text()
		}
	}
	return out
}

// verdict proves whose rows a query yields, with the tables and what is known of them.
func (c *compiler) verdict(stmt ir.Stmt, q query, tables []table, given []string) *isolation.Verdict {
	if !q.judged {
		return nil
	}
	o := isolation.Options{Start: q.start, Tables: func(name string) isolation.Facts {
		for i, t := range tables {
			if t.Name == name {
				if f, ok := isolation.ParseFacts(given[i]); ok {
					return f
				}
			}
		}
		return isolation.Facts{State: isolation.Mixed}
	}}
	if q.self != nil {
		o.Self = pathOf(q.self.Relation)
	}
	v := isolation.Of(stmt, o)
	return &v
}

// prove adds the verdict on a text to its unit.
func (c *compiler) prove(u *unit, q query, v *isolation.Verdict) {
	if v == nil {
		return
	}
	placed := func(r isolation.Reason) IsolationReason {
		out := IsolationReason{Why: r.Why, Column: r.Column, What: r.What, At: u.at}
		if at, ok := q.m.At(r.At.Start, r.At.End); ok && r.At.End > r.At.Start {
			out.At = at
		}
		if r.Why == isolation.Table {
			for _, id := range q.reads {
				if n := c.lookup(id); pathOf(c.place(n)) == r.Table {
					out.From = id
				}
			}
			if q.self != nil && pathOf(q.self.Relation) == r.Table {
				out.From = u.ID
			}
		}
		return out
	}
	p := proof{Facts: v.Facts}
	for _, r := range v.Reasons {
		p.Reasons = append(p.Reasons, placed(r))
	}
	if len(v.Taints) > 0 {
		p.Taints = make(map[string]IsolationReason, len(v.Taints))
		for name, r := range v.Taints {
			p.Taints[name] = placed(r)
		}
	}
	u.proofs = append(u.proofs, p)
}

// verdict writes a verdict, nil as none.
func (w *writer) verdict(v *isolation.Verdict) {
	if v == nil {
		w.text("")
		return
	}
	w.text(v.Facts.Text())
	reason := func(r isolation.Reason) {
		w.number(int(r.Why))
		w.span(r.At)
		w.texts([]string{r.Table, r.Column, r.What})
	}
	w.number(len(v.Reasons))
	for _, r := range v.Reasons {
		reason(r)
	}
	w.number(len(v.Taints))
	for _, name := range slices.Sorted(maps.Keys(v.Taints)) {
		w.text(name)
		reason(v.Taints[name])
	}
}

func (r *reader) verdict() *isolation.Verdict {
	text := r.text()
	if text == "" {
		return nil
	}
	f, ok := isolation.ParseFacts(text)
	r.bad = r.bad || !ok
	v := &isolation.Verdict{Facts: f}
	reason := func() isolation.Reason {
		out := isolation.Reason{Why: isolation.Why(r.number()), At: r.span()}
		if words := r.texts(); len(words) == 3 {
			out.Table, out.Column, out.What = words[0], words[1], words[2]
		} else {
			r.bad = true
		}
		return out
	}
	for range r.count() {
		v.Reasons = append(v.Reasons, reason())
	}
	if n := r.count(); n > 0 {
		v.Taints = make(map[string]isolation.Reason, n)
		for range n {
			name := r.text()
			v.Taints[name] = reason()
		}
	}
	return v
}

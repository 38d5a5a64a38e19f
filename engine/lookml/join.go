package lookml

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// lead is a relationship of a view that becomes a join of its explore.
type lead struct {
	to              *view
	columns, theirs []string // equally long
	name, label     string
	relationship    string
}

// block is the join in the explore that begins with v.
func (j *lead) block(v *view) *block {
	b := &block{kind: "join", name: j.name}
	if j.name != j.to.name {
		b.word("from", j.to.name)
	}
	b.text("view_label", j.label)
	b.word("type", "left_outer")
	b.word("relationship", j.relationship)
	var on []string
	for i, c := range j.columns {
		on = append(on, fmt.Sprintf("${%s.%s} = ${%s.%s}", v.name, v.refs[strings.ToLower(c)], j.name, j.to.refs[strings.ToLower(j.theirs[i])]))
	}
	b.code("sql_on", strings.Join(on, " AND "))
	return b
}

// unnested are the joins of a view's arrays, inner ones behind those that hold them. owner
// is the name of the view in the explore.
func (m *maker) unnested(v *view, owner string) []*block {
	var out []*block
	for _, in := range v.arrays {
		b := &block{kind: "join", name: in.name}
		b.text("view_label", title(owner)+": "+title(strings.TrimPrefix(in.name, v.name+"__")))
		b.word("relationship", "one_to_many")
		array := fmt.Sprintf("${%s.%s}", owner, v.refs[in.array])
		if m.program.Target.Translator == nil { // GoogleSQL, whose elements are the rows
			b.code("sql", fmt.Sprintf("LEFT JOIN UNNEST(%s) AS %s", array, in.name))
		} else {
			b.code("sql", fmt.Sprintf("LEFT JOIN LATERAL (SELECT unnest(%s) AS %s) AS %s ON TRUE", array, m.program.Target.Dialect.Ident(item), in.name))
		}
		out = append(append(out, b), m.unnested(in, in.name)...)
	}
	return out
}

// sure reports whether a test says something of every row: without a condition, and so that
// any failure stops what is built.
func sure(t *compile.Test) bool {
	strict := func(s string) bool {
		s = strings.ReplaceAll(s, " ", "")
		return s == "" || s == "!=0" || s == ">0" || s == ">=1"
	}
	return t.Config.Where == "" && t.Config.Severity == "error" && strict(t.Config.ErrorIf) && t.Config.Limit == 0 && t.Config.FailCalc == "count(*)"
}

// names are the columns in an argument of a test.
func names(v any) []string {
	list, _ := v.([]string)
	return list
}

// key finds what tells the rows of a view apart: meta, a primary key, a column with tests of
// unique and not_null, or columns of unique_combination that are all not_null. A key that is
// none makes Looker's sums wrong, so nothing less will do.
func (m *maker) key(v *view) {
	there := func(columns []string) bool {
		return len(columns) > 0 && !slices.ContainsFunc(columns, func(c string) bool { return v.refs[strings.ToLower(c)] == "" })
	}
	filled, together := map[string]bool{}, [][]string(nil)
	var primary []string
	for _, c := range v.node.Constraints {
		columns := lower(c.Columns)
		switch {
		case c.Type == "primary_key" && there(columns):
			primary = columns
		case c.Type == "not_null" && len(columns) == 1:
			filled[columns[0]] = true
		case c.Type == "unique" && len(columns) == 1 && there(columns):
			v.unique[columns[0]] = true
		}
	}
	for _, t := range m.program.Tests { // sorted by name
		if t.Node != v.node.ID || !sure(t) {
			continue
		}
		switch {
		case t.Kind == "unique" && there([]string{t.Column}):
			v.unique[strings.ToLower(t.Column)] = true
		case t.Kind == "not_null":
			filled[strings.ToLower(t.Column)] = true
		case t.Kind == "unique_combination" && there(names(t.Args["combination_of_columns"])):
			together = append(together, lower(names(t.Args["combination_of_columns"])))
		}
	}
	if len(primary) == 1 {
		v.unique[primary[0]] = true
	}
	var said []string
	denied := map[string]bool{}
	for _, f := range v.fields {
		if f.meta == nil || f.meta.key == nil {
			continue
		}
		if *f.meta.key {
			said = append(said, strings.ToLower(f.column))
		} else {
			denied[strings.ToLower(f.column)] = true
		}
	}
	if v.keys = said; len(said) == 1 {
		v.unique[said[0]] = true
	}
	if v.keys == nil && !slices.ContainsFunc(primary, func(c string) bool { return denied[c] }) {
		v.keys = primary
	}
	for _, f := range v.fields {
		if k := strings.ToLower(f.column); v.keys == nil && v.unique[k] && filled[k] && !denied[k] {
			v.keys = []string{k}
		}
	}
	for _, columns := range together {
		if v.keys == nil && !slices.ContainsFunc(columns, func(c string) bool { return !filled[c] || denied[c] }) {
			v.keys = columns
		}
	}
	v.apart = len(v.keys) > 1
	for _, f := range v.fields {
		if len(v.keys) == 1 && strings.EqualFold(f.column, v.keys[0]) {
			f.identity = true
			v.apart = f.frames != nil // a group of dimensions is no primary key
		}
	}
	if tenant := m.tenantColumn(v.node); tenant != "" {
		m.hide(v, tenant)
	}
}

func lower(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strings.ToLower(s)
	}
	return out
}

// tenantColumn is the column with the tenant, empty in a project without customers.
func (m *maker) tenantColumn(n *compile.Node) string {
	d := m.program.Project.Settings.Distribution
	switch {
	case d == nil:
		return ""
	case n.Config.TenantColumn != "":
		return n.Config.TenantColumn
	}
	return d.TenantColumn.V
}

// hide hides what is for machines, unless meta says otherwise.
func (m *maker) hide(v *view, column string) {
	for _, f := range v.fields {
		if strings.EqualFold(f.column, column) {
			f.identity = true
			if f.meta == nil || f.meta.hidden == nil {
				f.hidden = true
			}
		}
	}
}

// joins finds where the view's columns lead: tests of relationships, and foreign keys.
func (m *maker) joins(v *view) {
	type edge struct {
		to              addr.Node
		columns, theirs []string
		at              source.Span
	}
	var edges []edge
	add := func(e edge) {
		if !slices.ContainsFunc(edges, func(x edge) bool {
			return x.to == e.to && slices.EqualFunc(x.columns, e.columns, strings.EqualFold) && slices.EqualFunc(x.theirs, e.theirs, strings.EqualFold)
		}) {
			edges = append(edges, e)
		}
	}
	for _, t := range m.program.Tests {
		to, ok := t.Args["to"].(addr.Node)
		field, named := t.Args["field"].(string)
		if t.Node == v.node.ID && t.Kind == "relationships" && t.Column != "" && ok && named {
			add(edge{to, []string{t.Column}, []string{field}, t.At})
		}
	}
	for _, c := range v.node.Constraints {
		if c.Type != "foreign_key" || len(c.Columns) == 0 || len(c.Columns) != len(c.ToColumns) {
			continue
		}
		for _, id := range m.program.Order {
			if n := m.program.Nodes[id]; n.Relation == c.To && id.Kind != addr.Source {
				add(edge{id, c.Columns, c.ToColumns, v.at})
			}
		}
	}
	// In the order of the view's columns.
	position := func(e edge) int {
		return slices.IndexFunc(v.fields, func(f *field) bool { return strings.EqualFold(f.column, e.columns[0]) })
	}
	slices.SortStableFunc(edges, func(a, b edge) int { return position(a) - position(b) })
	times := map[*view]int{}
	for _, e := range edges {
		if to := m.byNode[e.to]; to != nil {
			times[to]++
		}
	}
	used := map[string]bool{v.name: true}
	for _, in := range v.arrays {
		used[in.name] = true
	}
	for _, e := range edges {
		says := v.columns[strings.ToLower(e.columns[0])]
		if says != nil && (says.nojoin || says.left) {
			continue
		}
		to := m.byNode[e.to]
		why := ""
		switch {
		case to == nil:
			why = fmt.Sprintf("%s has no view", e.to)
		case slices.ContainsFunc(e.columns, func(c string) bool { return v.refs[strings.ToLower(c)] == "" }):
			why = "a column has no dimension"
		case slices.ContainsFunc(e.theirs, func(c string) bool { return to.refs[strings.ToLower(c)] == "" }):
			why = fmt.Sprintf("%s of %s has no dimension", strings.Join(e.theirs, ", "), to.node.ID.Name)
		}
		if why != "" {
			if v.explore {
				m.list.Add(diag.Diagnostic{Severity: diag.Remark, Code: codeJoin, At: e.at, Model: v.node.ID, Message: fmt.Sprintf("column %q of %s makes no join: %s", strings.Join(e.columns, ", "), v.node.ID.Name, why), Help: `give what it refers to a view, or say meta: {looker.join: false}`})
			}
			continue
		}
		for _, c := range e.columns {
			// A day that leads to a calendar is good to look at itself.
			if i := slices.IndexFunc(v.fields, func(f *field) bool { return strings.EqualFold(f.column, c) }); v.fields[i].frames == nil {
				m.hide(v, c)
			}
		}
		if !v.explore {
			if says != nil && says.join != "" {
				m.unusedJoin(v, says)
			}
			continue
		}
		j := &lead{to: to, columns: e.columns, theirs: e.theirs, name: to.name, relationship: count(v, e.columns) + "_to_" + count(to, e.theirs)}
		if says != nil && says.join != "" {
			j.name = says.join
		} else if times[to] > 1 || used[to.name] {
			j.name = to.name + "__" + identifier(strings.Join(e.columns, "__"))
		}
		if used[j.name] {
			m.failName(e.at, v.node.ID, fmt.Sprintf("two joins of the explore %q would have the name %q", v.name, j.name), `name one of them: meta: {looker.join: …}`)
			continue
		}
		used[j.name] = true
		if j.name != to.name {
			j.label = title(strings.TrimPrefix(j.name, to.name+"__"))
		}
		v.leads = append(v.leads, j)
	}
	for _, name := range slices.Sorted(maps.Keys(v.columns)) {
		says := v.columns[name]
		if says.join != "" && !slices.ContainsFunc(edges, func(e edge) bool { return strings.EqualFold(e.columns[0], name) }) {
			m.unusedJoin(v, says)
		}
	}
}

func (m *maker) unusedJoin(v *view, says *columnMeta) {
	d := metaWrong(says.at("join"), v.node.ID, "join", says.of, "has no effect", "it names the join of a relationship in the explore of the model: add a test of relationships and looker.explore: true, or remove it")
	d.Severity = diag.Warning
	m.list.Add(d)
}

// count is the side of a relationship that columns are on.
func count(v *view, columns []string) string {
	if len(columns) == 1 && v.unique[strings.ToLower(columns[0])] {
		return "one"
	}
	if len(v.keys) > 0 && len(columns) == len(v.keys) && !slices.ContainsFunc(v.keys, func(k string) bool {
		return !slices.ContainsFunc(columns, func(c string) bool { return strings.EqualFold(c, k) })
	}) {
		return "one"
	}
	return "many"
}

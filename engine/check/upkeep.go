package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/origin"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
)

// mentions reports whether a reference as written, ref('x'), names a node.
func mentions(written string, id addr.Node) bool {
	name := id.Name[strings.LastIndexByte(id.Name, '.')+1:]
	return strings.Contains(written, "'"+name+"'") || strings.Contains(written, "\""+name+"\"")
}

// modelUndocumented finds models without a description.
func modelUndocumented(p *pass) {
	for _, n := range p.nodes(addr.Model) {
		if p.accessible(n) && strings.TrimSpace(n.Description) == "" {
			p.report(n, diag.Diagnostic{Message: fmt.Sprintf("%s has no description", n.ID.Name), At: described(n), Help: "say in a properties file what one row of it is"})
		}
	}
}

// columnUndocumented finds columns without a description, one finding for a model.
func columnUndocumented(p *pass) {
	for _, n := range p.nodes(addr.Model) {
		if !p.accessible(n) {
			continue
		}
		var missing []string
		for _, c := range n.Columns {
			if strings.TrimSpace(c.Description) == "" {
				missing = append(missing, c.Name)
			}
		}
		if len(missing) > 0 {
			p.report(n, diag.Diagnostic{Message: fmt.Sprintf("%s of %s %s no description", join(missing), n.ID.Name, has(missing)), At: described(n), Help: "describe them below columns in a properties file"})
		}
	}
}

func has(list []string) string {
	if len(list) == 1 {
		return "has"
	}
	return "have"
}

// keyUntested looks for the tests of unique_key.
func keyUntested(p *pass) {
	tests := map[addr.Node][]*compile.Test{}
	for _, t := range p.program.Tests {
		tests[t.Node] = append(tests[t.Node], t)
	}
	for _, n := range p.nodes(addr.Model) { // a snapshot's key is unique among its current rows only
		key := n.Config.UniqueKey
		if len(key) == 0 {
			if p.flag("require_key") && n.Config.Materialized != "ephemeral" && !slices.ContainsFunc(tests[n.ID], isUnique) {
				p.report(n, diag.Diagnostic{Message: fmt.Sprintf("nothing says which columns identify a row of %s", n.ID.Name), At: described(n), Help: "test a column for unique and not_null, or several with unique_combination"})
			}
			continue
		}
		at := n.Raw["unique_key"].At
		unique := false
		for _, t := range tests[n.ID] {
			unique = unique || isUnique(t) && sameNames(columnsTested(t), key)
		}
		if !unique {
			test := "unique"
			if len(key) > 1 {
				test = "unique_combination"
			}
			p.report(n, diag.Diagnostic{Message: fmt.Sprintf("no test shows that %s is unique in %s", join(key), n.ID.Name), At: at, Help: "add the test " + test})
		}
		for _, c := range key {
			if !slices.ContainsFunc(tests[n.ID], func(t *compile.Test) bool { return t.Kind == "not_null" && sameNames(columnsTested(t), []string{c}) }) {
				p.report(n, diag.Diagnostic{Message: fmt.Sprintf("no test shows that %q of %s is never NULL", c, n.ID.Name), At: at, Help: "add the test not_null"})
			}
		}
	}
}

func isUnique(t *compile.Test) bool { return t.Kind == "unique" || t.Kind == "unique_combination" }

// columnsTested are the columns that a test is about, in lower case and sorted.
func columnsTested(t *compile.Test) []string {
	var out []string
	add := func(v any) {
		if s, ok := v.(string); ok && s != "" {
			out = append(out, strings.ToLower(strings.Trim(s, "\"`")))
		}
	}
	add(t.Column)
	add(t.Args["column_name"])
	switch list := t.Args["combination_of_columns"].(type) {
	case []any:
		for _, v := range list {
			add(v)
		}
	case []string:
		for _, v := range list {
			add(v)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func sameNames(sorted, names []string) bool {
	var other []string
	for _, n := range names {
		other = append(other, strings.ToLower(n))
	}
	slices.Sort(other)
	return slices.Equal(sorted, other)
}

// exposed are the nodes that exposures show.
func exposed(p *compile.Program) map[addr.Node]bool {
	out := map[addr.Node]bool{}
	for _, e := range p.Exposures {
		for _, id := range e.Parents {
			out[id] = true
		}
	}
	return out
}

// sourceUnused finds sources without readers.
func sourceUnused(p *pass) {
	if p.partial {
		return
	}
	shown := exposed(p.program)
	for _, n := range p.nodes(addr.Source) {
		if len(n.Children) == 0 && !shown[n.ID] {
			p.report(n, diag.Diagnostic{Message: fmt.Sprintf("nothing reads source %q", n.ID.Name), Help: "remove it, or the model that should read it is missing"})
		}
	}
}

// modelUnused finds models without readers.
func modelUnused(p *pass) {
	if p.partial {
		return
	}
	shown := exposed(p.program)
	for _, n := range p.nodes(addr.Model) {
		if len(n.Children) == 0 && !shown[n.ID] && n.Config.Access != "public" {
			p.report(n, diag.Diagnostic{Message: fmt.Sprintf("nothing reads %s", n.ID.Name), Help: "remove it, make it public, or name it in an exposure"})
		}
	}
}

// columnUnused finds columns that no reader takes.
func columnUnused(p *pass) {
	if p.partial {
		return
	}
	used := map[string]map[string]bool{} // by relation and name, in lower case
	use := func(table string, path []string) {
		table = strings.ToLower(table)
		if used[table] == nil {
			used[table] = map[string]bool{}
		}
		if len(path) == 0 {
			used[table]["*"] = true
			return
		}
		used[table][strings.ToLower(path[0])] = true
	}
	for _, id := range p.program.Order {
		n := p.program.Nodes[id]
		for _, l := range []*origin.Lineage{n.Lineage.Get(), n.IncrementalLineage.Get()} {
			if l == nil {
				continue
			}
			uses(l.Columns, use)
			for _, e := range l.Rows {
				if e.Use != origin.Unused {
					use(e.Table, e.Path)
				}
			}
		}
	}
	shown := exposed(p.program)
	for _, t := range p.program.Tests {
		for _, id := range t.Parents {
			n := p.program.Nodes[id]
			if n == nil {
				continue
			}
			if columns := columnsTested(t); len(columns) > 0 && id == t.Node {
				for _, c := range columns {
					use(dotted(n.Relation), []string{c})
				}
				continue
			}
			shown[id] = true // what the test reads of it is not looked at
		}
	}
	for _, n := range p.nodes(addr.Model) {
		if shown[n.ID] || n.Config.Access == "public" || n.Config.Materialized == "ephemeral" || n.Unanalyzed != "" || !followed(p.program, n) {
			continue
		}
		mine := used[strings.ToLower(dotted(n.Relation))]
		if mine["*"] {
			continue
		}
		for _, c := range n.Columns {
			if mine[strings.ToLower(c.Name)] || slices.ContainsFunc(keysOf(n), func(k string) bool { return strings.EqualFold(k, c.Name) }) {
				continue
			}
			d := diag.Diagnostic{Message: fmt.Sprintf("nothing reads %q of %s", c.Name, n.ID.Name), Help: "leave it out"}
			if c.Declared {
				d.At = c.At
			}
			p.report(n, d)
		}
	}
}

// uses calls use for everything that columns are made of.
func uses(columns []origin.Column, use func(string, []string)) {
	for _, c := range columns {
		for _, s := range c.Sources {
			use(s.Table, s.Path)
		}
		for _, e := range c.Indirect {
			use(e.Table, e.Path)
		}
		uses(c.Fields, use)
	}
}

// keysOf are the columns that the engine itself reads.
func keysOf(n *compile.Node) []string {
	return slices.Concat(n.Config.UniqueKey, n.Config.MergeUpdateColumns, n.Config.MergeExcludeColumns, []string{n.Config.UpdatedAt})
}

// followed reports whether a model has readers, and the lineage of all of them is known.
func followed(p *compile.Program, n *compile.Node) bool {
	if len(n.Children) == 0 {
		return false
	}
	for _, id := range n.Children {
		child := p.Nodes[id]
		if child == nil {
			return false
		}
		if child.Config.Materialized == "ephemeral" {
			if !followed(p, child) && len(child.Children) > 0 {
				return false
			}
			continue
		}
		l := child.Lineage.Get()
		if l == nil || len(l.Opaque) > 0 || slices.ContainsFunc(l.Columns, opaque) {
			return false
		}
	}
	return true
}

func opaque(c origin.Column) bool { return len(c.Opaque) > 0 || slices.ContainsFunc(c.Fields, opaque) }

// dotted is a relation as lineage names it.
func dotted(r addr.Relation) string {
	parts := []string{r.Database, r.Schema, r.Name}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ".")
}

// selectStar reports stars in models that others may use.
func selectStar(p *pass) {
	for _, n := range p.nodes(addr.Model) {
		if p.accessible(n) {
			p.statementsOf(n, string(p.ID))
		}
	}
}

// nonDeterministic reports functions of the moment, in GoogleSQL where they stand, in other
// SQL where their names do.
func nonDeterministic(p *pass) {
	for _, n := range p.nodes(addr.Model) {
		if !slices.Contains(p.words("materialized"), n.Config.Materialized) {
			continue
		}
		fine := func(name string) bool {
			return slices.ContainsFunc(p.words("except_functions"), func(w string) bool { return strings.EqualFold(w, name) })
		}
		if n.Dialect == project.GoogleSQL {
			for _, f := range n.Findings {
				if name, _, _ := strings.Cut(f.At.Text(), "("); f.Rule == string(p.ID) && !fine(strings.TrimSpace(name)) {
					p.report(n, diag.Diagnostic{Message: f.Message, At: f.At, Help: f.Help})
				}
			}
			continue
		}
		names := map[string]bool{}
		for _, name := range n.Volatile {
			names[strings.ToLower(name)] = !fine(name)
		}
		if !slices.Contains(slices.Collect(maps.Values(names)), true) {
			continue
		}
		for t := range sql.Standard.Tokens(n.Text) {
			if t.Kind != sql.Word || !names[strings.ToLower(t.In(n.Text))] {
				continue
			}
			at, ok := n.TextMap.At(t.Start, t.End)
			if !ok {
				at = source.Span{}
			}
			p.report(n, diag.Diagnostic{Message: fmt.Sprintf("%q gives another value on every run", strings.ToLower(t.In(n.Text))), At: at, Help: "take the value from the data or from a variable, so that a rebuild gives the same rows"})
		}
	}
}

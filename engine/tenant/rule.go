package tenant

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
)

// reservedPrefix begins the names that the engine uses at customers'.
const reservedPrefix = "_engine"

// Rules are what the nodes of a program give to customers, sorted by source and name, and
// every mistake in what they declare. Without distribution there are none. It is pure, and
// linear in the number of columns.
func Rules(p *compile.Program) ([]Rule, diag.List) {
	d := p.Project.Settings.Distribution
	if d == nil {
		return nil, nil
	}
	r := &ruler{p: p, d: d, keys: uniqueKeys(p), read: map[addr.Node]bool{}}
	for _, part := range d.Parts {
		if n := Referred(p, part); n != nil {
			r.read[n.ID] = true
		}
	}
	silent := p.Silent()
	for _, id := range p.Order {
		if n := p.Nodes[id]; n != nil && !silent[id] {
			r.node(n)
		}
	}
	slices.SortFunc(r.rules, func(a, b Rule) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.As, b.As), a.Node.Compare(b.Node))
	})
	r.names()
	r.sources()
	return r.rules, r.list.Sorted()
}

type ruler struct {
	p     *compile.Program
	d     *project.Distribution
	keys  map[addr.Node][]string
	read  map[addr.Node]bool // what configuration is read from, which is nobody's
	rules []Rule
	list  diag.List
}

// at is where a key of a node is configured, or else where the node is.
func at(n *compile.Node, key string) source.Span {
	if v, ok := n.Raw[key]; ok && !v.At.IsZero() {
		return v.At
	}
	switch {
	case n.Source != nil:
		return n.Source.Table.At
	case n.File != nil:
		return n.File.Span(0, 0)
	case n.Props != nil:
		return n.Props.Name.At
	case n.Seed != nil:
		return n.Seed.At
	}
	return source.Span{}
}

// own reports whether a key is configured at the node itself, not for a whole folder.
func own(n *compile.Node, key string) bool {
	at := n.Raw[key].At
	return !at.IsZero() && (at.File == n.File || n.Props != nil && at.File == n.Props.At.File || n.Source != nil)
}

func columnNames(n *compile.Node) []string {
	out := make([]string, len(n.Columns))
	for i, c := range n.Columns {
		out[i] = c.Name
	}
	return out
}

// find is a column of a node, by its name as written or else without regard to case.
func find(n *compile.Node, name string) *compile.Column {
	var folded *compile.Column
	for i := range n.Columns {
		c := &n.Columns[i]
		if c.Name == name {
			return c
		}
		if folded == nil && strings.EqualFold(c.Name, name) {
			folded = c
		}
	}
	return folded
}

func (r *ruler) node(n *compile.Node) {
	cfg := &n.Config
	tenant := cmp.Or(cfg.TenantColumn, r.d.TenantColumn.V)
	ephemeral := cfg.Materialized == "ephemeral"
	switch cfg.Distribute {
	case "":
		if (n.ID.Kind == addr.Model || n.ID.Kind == addr.Snapshot) && !ephemeral && !r.read[n.ID] && find(n, tenant) != nil {
			r.list.Add(undeclared(n.ID, find(n, tenant).Name, at(n, "tenant_column")))
			return
		}
		r.unused(n, "nothing says which customers get it", "links", "partial", "custom_fields")
		return
	case compile.ToNobody:
		r.unused(n, "nobody gets it", "links", "partial", "custom_fields")
		return
	}
	if ephemeral {
		r.unused(n, "it is ephemeral, no relation that could be given to anybody", "distribute", "links", "partial", "custom_fields")
		return
	}
	if len(n.Columns) == 0 || n.Unanalyzed != "" && !r.declared(n) {
		r.list.Add(columnsUnknown(n.ID, n.Unanalyzed, at(n, "distribute")))
		return
	}
	rule := Rule{Node: n.ID, Relation: n.Relation, As: n.Relation.Name, Only: slices.Clone(cfg.Only), Key: r.keys[n.ID], At: at(n, "distribute")}
	slices.Sort(rule.Only)
	rule.Only = slices.Compact(rule.Only)
	if n.Source != nil {
		rule.Source, rule.As = n.Source.SourceName.V, n.Source.Table.V
	}
	if strings.HasPrefix(strings.ToLower(rule.As), reservedPrefix) {
		r.list.Add(nameReserved(n.ID, rule.As, at(n, "alias")))
		return
	}
	before := r.list.Count(diag.Error)
	for _, c := range n.Columns {
		if strings.HasPrefix(strings.ToLower(c.Name), reservedPrefix) {
			r.list.Add(diag.Diagnostic{Code: codeName, Message: fmt.Sprintf("column %q of %q cannot be given to customers", c.Name, n.ID.Name), At: at(n, "distribute"), Model: n.ID, Help: "names that begin with _engine are the engine's own: rename it"})
		}
		rule.Columns = append(rule.Columns, r.column(c))
	}
	column := find(n, tenant)
	rule.All = cfg.Distribute == compile.ToAll || cfg.Distribute == compile.ToSome && column == nil && cfg.TenantColumn == ""
	if rule.All {
		r.unused(n, "everybody gets all rows", "links", "partial")
	} else {
		r.tenant(n, &rule, tenant, column)
	}
	r.fields(n, &rule)
	if r.list.Count(diag.Error) == before {
		r.rules = append(r.rules, rule)
	}
}

// declared reports whether the columns of a node that is not analyzed are known from YAML,
// with types.
func (r *ruler) declared(n *compile.Node) bool {
	return !slices.ContainsFunc(n.Columns, func(c compile.Column) bool { return !c.Declared || c.Type == "" })
}

func (r *ruler) unused(n *compile.Node, why string, keys ...string) {
	for _, key := range keys {
		if n.Raw[key].V != nil && own(n, key) {
			r.list.Add(unused(n.ID, key, why, at(n, key)))
		}
	}
}

// column is a column with the type that the target has for it.
func (r *ruler) column(c compile.Column) Column {
	out := Column{Name: c.Name, Type: c.Type}
	if c.Google == nil {
		return out
	}
	if out.Type == "" {
		out.Type = c.Google.String()
		if tr := r.p.Target.Translator; tr != nil {
			out.Type, _ = tr.Type(c.Google)
		}
	}
	switch c.Google.Kind {
	case ir.Int64, ir.Int32, ir.Uint32:
		out.Number = true
	case ir.String:
		out.Text = true
	}
	return out
}

const keyTypes = "a whole number or text"

func keyHelp(column string) string {
	return fmt.Sprintf("give another column, or cast %q to INT64 or STRING in the model", column)
}

// tenant fills in by whose rows they are.
func (r *ruler) tenant(n *compile.Node, rule *Rule, tenant string, column *compile.Column) {
	if column == nil {
		key := "distribute"
		if n.Config.TenantColumn != "" {
			key = "tenant_column"
		}
		r.list.Add(tenantMissing(n.ID, tenant, columnNames(n), at(n, key)))
	} else {
		rule.Tenant = column.Name
		r.keyColumn(n, rule, "distribute", "tenant_column", column.Name)
	}
	rule.Links = r.links(n, rule, "links", n.Config.Links)
	part := n.Config.Partial
	if part == nil {
		return
	}
	if len(part.Via) == 0 {
		r.list.Add(partialWrong(n.ID, `"via" names no entity`, "for example via: {material: material_id}", at(n, "partial")))
	}
	rule.Via = r.links(n, rule, "partial", part.Via)
	for _, name := range part.Visible {
		if i := rule.column(name); i >= 0 {
			rule.Columns[i].Visible = true
		} else {
			r.list.Add(columnMissing(n.ID, "partial.visible", name, columnNames(n), within(at(n, "partial"), name)))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(part.Masks)) {
		r.mask(n, rule, name, part.Masks[name])
	}
	needed := map[string]string{}
	for _, l := range slices.Concat(rule.Via, rule.Links) {
		needed[l.Column] = fmt.Sprintf("rows are found by %q", l.Column)
	}
	if rule.Tenant != "" {
		needed[rule.Tenant] = fmt.Sprintf("%q says whose a row is", rule.Tenant)
	}
	for _, name := range slices.Sorted(maps.Keys(needed)) {
		if i := rule.column(name); i >= 0 && !rule.Columns[i].Visible {
			r.list.Add(partialWrong(n.ID, needed[name]+", and it is hidden", "add it to partial.visible: without it nobody can prove that the row may be there", at(n, "partial")))
		}
	}
	if f := n.Config.CustomFields; f != nil {
		if i := rule.column(f.Column); i >= 0 && rule.Columns[i].Visible {
			r.list.Add(partialWrong(n.ID, fmt.Sprintf("%q has the values of custom fields, and is visible", f.Column), "remove it from partial.visible: fields of a partial row are hidden, too", at(n, "partial")))
		}
	}
}

// within is the first place of a word in a span, or the span.
func within(at source.Span, word string) source.Span {
	if at.IsZero() {
		return at
	}
	if i := strings.Index(at.Text(), word); i >= 0 {
		return at.Sub(i, i+len(word))
	}
	return at
}

// column is the place of a column, -1 if there is none of the name.
func (r *Rule) column(name string) int {
	if i := slices.IndexFunc(r.Columns, func(c Column) bool { return c.Name == name }); i >= 0 {
		return i
	}
	return slices.IndexFunc(r.Columns, func(c Column) bool { return strings.EqualFold(c.Name, name) })
}

// keyColumn finds a column whose type is none of a key's.
func (r *ruler) keyColumn(n *compile.Node, rule *Rule, key, place, name string) {
	if c := rule.Columns[rule.column(name)]; !c.Number && !c.Text {
		r.list.Add(typeUnfit(n.ID, key, name, c.Type, keyTypes, keyHelp(name), at(n, place)))
	}
}

func (r *ruler) links(n *compile.Node, rule *Rule, key string, written map[string]string) []Link {
	var out []Link
	label := key
	if key == "partial" {
		label = "partial.via"
	}
	for _, entity := range slices.Sorted(maps.Keys(written)) {
		i := rule.column(written[entity])
		if i < 0 {
			r.list.Add(columnMissing(n.ID, label, written[entity], columnNames(n), within(at(n, key), written[entity])))
			continue
		}
		name := rule.Columns[i].Name
		r.keyColumn(n, rule, label, key, name)
		out = append(out, Link{Entity: entity, Column: name})
	}
	return out
}

func (r *ruler) mask(n *compile.Node, rule *Rule, name, written string) {
	place := within(at(n, "partial"), name)
	i := rule.column(name)
	if i < 0 {
		r.list.Add(columnMissing(n.ID, "partial.masks", name, columnNames(n), place))
		return
	}
	c := &rule.Columns[i]
	if c.Visible {
		r.list.Add(partialWrong(n.ID, fmt.Sprintf("%q is visible, and has a mask", c.Name), "remove it from visible or from masks", place))
		return
	}
	constant, isConstant := strings.CutPrefix(written, project.MaskConstant)
	switch {
	case written == string(MaskHash):
		if !c.Text {
			r.list.Add(typeUnfit(n.ID, "partial.masks", c.Name, c.Type, "text to hold a hash", "mask it with null", place))
		}
		c.Mask = Mask{Kind: MaskHash}
	case isConstant:
		_, err := strconv.ParseInt(constant, 10, 64)
		switch {
		case !c.Text && !c.Number:
			r.list.Add(typeUnfit(n.ID, "partial.masks", c.Name, c.Type, "text or a whole number to hold a constant", "mask it with null", place))
		case c.Number && err != nil:
			r.list.Add(typeUnfit(n.ID, "partial.masks", c.Name, c.Type, fmt.Sprintf("text to hold the constant %q", constant), "give a whole number, or mask it with null", place))
		}
		c.Mask = Mask{Kind: MaskConstant, Constant: constant}
	default:
		c.Mask = Mask{Kind: MaskNull}
	}
}

func (r *ruler) fields(n *compile.Node, rule *Rule) {
	f := n.Config.CustomFields
	if f == nil {
		return
	}
	i := rule.column(f.Column)
	if i < 0 {
		r.list.Add(columnMissing(n.ID, "custom_fields", f.Column, columnNames(n), within(at(n, "custom_fields"), f.Column)))
		return
	}
	c := find(n, f.Column)
	if !rule.Columns[i].Text && (c.Google == nil || c.Google.Kind != ir.JSON) {
		r.list.Add(typeUnfit(n.ID, "custom_fields", c.Name, rule.Columns[i].Type, "JSON, or text that holds it", "give the column with the object of all fields", at(n, "custom_fields")))
		return
	}
	if c.Name == rule.Tenant {
		r.list.Add(typeUnfit(n.ID, "custom_fields", c.Name, rule.Columns[i].Type, "another one than the tenant's", "give the column with the object of all fields", at(n, "custom_fields")))
		return
	}
	rule.Fields = &FieldSource{Column: rule.Columns[i].Name, Prefix: f.Prefix, KeepRaw: f.KeepRaw, Formats: slices.Clone(f.Formats)}
}

// names finds relations that would have one name at the customers'.
func (r *ruler) names() {
	seen := map[string][]Rule{}
	var keep []Rule
	for _, rule := range r.rules {
		key := rule.Source + "\x00" + strings.ToLower(rule.As)
		if i := slices.IndexFunc(seen[key], func(first Rule) bool { return together(first, rule) }); i >= 0 {
			first := seen[key][i]
			r.list.Add(nameTaken(rule.Node, first.Node, rule.As, rule.At, first.At))
			continue
		}
		seen[key] = append(seen[key], rule)
		keep = append(keep, rule)
	}
	r.rules = keep
}

// together reports whether a customer may get both.
func together(a, b Rule) bool {
	return a.Only == nil || b.Only == nil || slices.ContainsFunc(a.Only, func(c string) bool { return slices.Contains(b.Only, c) })
}

// sources checks the relations that configuration is read from.
func (r *ruler) sources() {
	for _, name := range project.PartNames {
		part := r.d.Parts[name]
		if part == nil || part.Ref.V == "" {
			continue
		}
		n := Referred(r.p, part)
		switch {
		case n == nil:
			var known []string
			for _, id := range r.p.Order {
				if id.Kind != addr.Source {
					known = append(known, id.Name)
				}
			}
			if r.p.Broken[addr.Node{Kind: addr.Model, Name: part.Ref.V}] {
				continue
			}
			r.list.Add(sourceUnknown(part.Ref.At, part.Ref.V, known))
			continue
		case r.p.Broken[n.ID]:
			continue
		case n.Config.Materialized == "ephemeral":
			r.list.Add(sourceUnfit(part.Ref.At, part.Ref.V, "it is ephemeral, no relation", "make it a view or a table"))
			continue
		case n.Config.Distribute != "" && n.Config.Distribute != compile.ToNobody:
			r.list.Add(sourceUnfit(part.Ref.At, part.Ref.V, "it is given to customers itself, and names the others", "declare distribute: never there"))
		}
		if len(n.Columns) == 0 || n.Unanalyzed != "" && !r.declared(n) {
			continue // the warehouse will say
		}
		for _, c := range project.PartColumns(name) {
			_, renamed := part.Columns[c.Name]
			if (c.Required || renamed) && find(n, part.Theirs(c.Name)) == nil {
				r.list.Add(r.sourceColumn(n, part, c.Name))
			}
		}
		if name == project.CustomFieldRows && find(n, part.Theirs("customer")) == nil && find(n, part.Theirs("tenant")) == nil {
			r.list.Add(r.sourceColumn(n, part, "customer"))
		}
	}
}

func (r *ruler) sourceColumn(n *compile.Node, part *project.Part, column string) diag.Diagnostic {
	theirs, place := part.Theirs(column), part.Ref.At
	if v, ok := part.Columns[column]; ok {
		place = v.At
	}
	d := sourceUnfit(place, n.ID.Name, fmt.Sprintf("it has no column %q", theirs), fmt.Sprintf("say which one it is: columns: {%s: …}", column))
	if near, ok := diag.Suggest(theirs, columnNames(n)); ok {
		d.Help = fmt.Sprintf("did you mean %q? columns: {%s: %s}", near, column, near)
	}
	return d
}

// Referred is the node that a part of the configuration is read from; nil if there is none.
func Referred(p *compile.Program, part *project.Part) *compile.Node {
	for _, kind := range []addr.Kind{addr.Model, addr.Seed, addr.Snapshot} {
		if n := p.Nodes[addr.Node{Kind: kind, Name: part.Ref.V}]; n != nil {
			return n
		}
	}
	return nil
}

// uniqueKeys are columns by which rows are unique as far as the project says and tests it:
// primary keys and unique constraints, and unique tests that are errors and look at all rows.
func uniqueKeys(p *compile.Program) map[addr.Node][]string {
	out := map[addr.Node][]string{}
	offer := func(n addr.Node, columns []string) {
		if had, ok := out[n]; len(columns) > 0 && (!ok || len(columns) < len(had) || len(columns) == len(had) && slices.Compare(columns, had) < 0) {
			out[n] = columns
		}
	}
	for id, n := range p.Nodes {
		for _, c := range n.Constraints {
			if c.Type == "primary_key" || c.Type == "unique" {
				offer(id, c.Columns)
			}
		}
	}
	for _, t := range p.Tests {
		if t.Kind == "unique" && t.Column != "" && !t.Node.IsZero() && t.Config.Severity != "warn" && t.Config.Where == "" && plainErrorIf(t.Config.ErrorIf) {
			offer(t.Node, []string{t.Column})
		}
	}
	for id, columns := range out {
		n := p.Nodes[id]
		if n == nil || slices.ContainsFunc(columns, func(c string) bool { return find(n, c) == nil }) {
			delete(out, id)
			continue
		}
		exact := make([]string, len(columns))
		for i, c := range columns {
			exact[i] = find(n, c).Name
		}
		out[id] = exact
	}
	return out
}

func plainErrorIf(condition string) bool { return condition == "" || condition == "!= 0" }

package metabase

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
)

// Table is what is wanted of one table.
type Table struct {
	Node         addr.Node
	Schema, Name string
	// Beside: it is not among the chosen. Nothing is written to it but what chosen tables need;
	// its foreign keys make keys of what they lead to, as they do when it is chosen.
	Beside bool
	// Set are the values wanted, by key of the interface; nil is a wish, too: nothing.
	Set map[string]any
	// Columns are in the order of the model.
	Columns []Column
	// Ordered: the columns are to stand in that order.
	Ordered bool
}

// Column is what is wanted of one column.
type Column struct {
	Name   string // a path with dots for what is inside a struct
	Nested bool
	// Set are the values wanted, by key of the interface.
	Set map[string]any
	// Settings are how values are written.
	Settings map[string]any
	// To is the column that it refers to.
	To *Target
}

// Target is the column that a foreign key leads to. Node is the one whose table it is; where
// it is zero, Schema and Table name a table that is no node's.
type Target struct {
	Node                  addr.Node
	Schema, Table, Column string
}

const (
	typePK = "type/PK"
	typeFK = "type/FK"
)

// prefix begins the keys of meta that are ours, as dbt-metabase's users have them.
const prefix = "metabase."

// shape is what a value of meta may be.
type shape struct {
	words []string // the only texts
	// instead says what to write for texts that Metabase takes and that cannot be followed: a
	// column that is retired is not shown any more, so nobody can see whether it is what it was.
	instead map[string]string
	kind    byte   // 't' text, 'n' a whole number, 'f' a number, 'b' true or false
	with    string // what a text begins with
	into    string // «settings» or empty
}

var text = shape{kind: 't'}

// tableMeta and columnMeta are the keys of meta without their prefix.
var (
	tableMeta = map[string]shape{
		"display_name":       text,
		"visibility_type":    {kind: 't', words: []string{"hidden", "technical", "cruft"}},
		"points_of_interest": text,
		"caveats":            text,
	}
	columnMeta = map[string]shape{
		"display_name":      text,
		"visibility_type":   {kind: 't', words: []string{"normal", "details-only", "sensitive", "hidden"}, instead: map[string]string{"retired": "hidden"}},
		semanticType:        {kind: 't', with: "type/"},
		"has_field_values":  {kind: 't', words: []string{"none", "list", "search", "auto-list"}},
		"coercion_strategy": {kind: 't', with: "Coercion/"},
		"fk_target_table":   text,
		"fk_target_field":   text,

		"number_style":       {kind: 't', words: []string{"decimal", "percent", "scientific", "currency"}, into: settings},
		"number_separators":  {kind: 't', into: settings},
		"decimals":           {kind: 'n', into: settings},
		"scale":              {kind: 'f', into: settings},
		"prefix":             {kind: 't', into: settings},
		"suffix":             {kind: 't', into: settings},
		"currency":           {kind: 't', into: settings},
		"currency_style":     {kind: 't', words: []string{"symbol", "local", "code", "name"}, into: settings},
		"currency_in_header": {kind: 'b', into: settings},
		"date_style":         {kind: 't', into: settings},
		"date_separator":     {kind: 't', into: settings},
		"date_abbreviate":    {kind: 'b', into: settings},
		"time_enabled":       {kind: 't', words: []string{"minutes", "seconds", "milliseconds"}, into: settings},
		"time_style":         {kind: 't', into: settings},
	}
)

const settings = "settings"

// Wanted is what a program says of its tables, in order of schema and name; those of nodes
// that are not chosen are Beside. The mistakes are all those in the meta of the chosen.
// Ephemeral models have no table. It is pure.
func Wanted(p *compile.Program, chosen func(addr.Node) bool) ([]Table, diag.List) {
	w := &wanter{p: p, byRelation: map[string]addr.Node{}}
	for _, id := range p.Order {
		if n := p.Nodes[id]; tabled(n) {
			w.byRelation[relationKey(n.Relation.Schema, n.Relation.Name)] = id
		}
	}
	w.tests()
	var out []Table
	for _, id := range p.Order {
		n := p.Nodes[id]
		if !tabled(n) || !inSchemas(p.Project.Settings.Metabase, n.Relation.Schema) {
			continue
		}
		mistakes := len(w.list)
		t := w.table(n)
		if t.Beside = !chosen(id); t.Beside {
			w.list = w.list[:mistakes]
		}
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b Table) int {
		return strings.Compare(relationKey(a.Schema, a.Name)+"\x00"+a.Node.String(), relationKey(b.Schema, b.Name)+"\x00"+b.Node.String())
	})
	return out, w.list.Sorted()
}

// Relations are all tables of a program, without what is to be said of them.
func Relations(p *compile.Program) []Table {
	var out []Table
	for _, id := range p.Order {
		if n := p.Nodes[id]; tabled(n) {
			out = append(out, Table{Node: id, Schema: n.Relation.Schema, Name: n.Relation.Name})
		}
	}
	return out
}

// tabled reports whether a node has a table of its own: a source that a node of the project
// makes is that node's.
func tabled(n *compile.Node) bool {
	return n != nil && !n.Relation.IsZero() && n.Config.Materialized != "ephemeral" && (n.Source == nil || len(n.Parents) == 0)
}

func relationKey(schema, name string) string { return schema + "\x00" + name }

// inSchemas reports whether the configuration is about a schema. Patterns have * and ?.
func inSchemas(m *project.Metabase, schema string) bool {
	if m == nil {
		return true
	}
	matches := func(v project.Value[string]) bool {
		ok, err := path.Match(v.V, schema)
		return v.V == schema || err == nil && ok
	}
	return (len(m.Schemas) == 0 || slices.ContainsFunc(m.Schemas, matches)) && !slices.ContainsFunc(m.ExcludeSchemas, matches)
}

type wanter struct {
	p          *compile.Program
	list       diag.List
	byRelation map[string]addr.Node
	// By node and lower-case column, of tests that look at all rows.
	unique, filled map[addr.Node]map[string]bool
	refers         map[addr.Node]map[string]*Target
}

// tests notes what tests claim of columns. One with a condition claims it of some rows only.
func (w *wanter) tests() {
	w.unique, w.filled, w.refers = map[addr.Node]map[string]bool{}, map[addr.Node]map[string]bool{}, map[addr.Node]map[string]*Target{}
	for _, t := range w.p.Tests {
		if t.Node.IsZero() || t.Column == "" {
			continue
		}
		column := strings.ToLower(t.Column)
		switch t.Kind {
		case "unique":
			if t.Config.Where == "" {
				note(w.unique, t.Node, column, true)
			}
		case "not_null":
			if t.Config.Where == "" {
				note(w.filled, t.Node, column, true)
			}
		case "relationships":
			to, ok := t.Args["to"].(addr.Node)
			field, _ := t.Args["field"].(string)
			if ok && field != "" && w.refers[t.Node][column] == nil {
				note(w.refers, t.Node, column, &Target{Node: to, Column: unquote(field)})
			}
		}
	}
}

func note[T any](in map[addr.Node]map[string]T, n addr.Node, column string, v T) {
	if in[n] == nil {
		in[n] = map[string]T{}
	}
	in[n][column] = v
}

func unquote(name string) string { return strings.Trim(name, "\"`") }

func (w *wanter) table(n *compile.Node) Table {
	m := w.p.Project.Settings.Metabase
	t := Table{Node: n.ID, Schema: n.Relation.Schema, Name: n.Relation.Name, Set: map[string]any{}, Ordered: m != nil && m.OrderFields.V}
	if d := strings.TrimSpace(n.Description); d != "" {
		t.Set["description"] = d
	}
	meta := maps.Clone(n.Config.Meta)
	if n.Source != nil && len(meta) == 0 {
		meta = n.Source.Meta
	}
	set, _ := w.meta(n, meta, tableMeta, fmt.Sprintf("%s %q", n.ID.Kind, n.ID.Name), metaPlace(n))
	maps.Copy(t.Set, set)
	keys := w.keys(n)
	primary := w.primary(n)
	for _, c := range n.Columns {
		t.Columns = append(t.Columns, w.column(n, c, keys[strings.ToLower(c.Name)], primary[strings.ToLower(c.Name)], false))
	}
	for _, c := range n.Fields {
		t.Columns = append(t.Columns, w.column(n, c, nil, false, true))
	}
	return t
}

// metaPlace is where a node's meta is written, or else the node.
func metaPlace(n *compile.Node) source.Span {
	if v, ok := n.Raw["meta"]; ok && v.IsSet() {
		return v.At
	}
	switch {
	case n.Props != nil:
		return n.Props.Name.At
	case n.Source != nil:
		return n.Source.Table.At
	}
	return source.Span{}
}

func (w *wanter) column(n *compile.Node, c compile.Column, to *Target, primary, nested bool) Column {
	out := Column{Name: c.Name, Nested: nested, To: to}
	at := c.At
	set, form := w.meta(n, c.Meta, columnMeta, fmt.Sprintf("column %q of %s %q", c.Name, n.ID.Kind, n.ID.Name), at)
	if d := strings.TrimSpace(c.Description); d != "" {
		set["description"] = d
	}
	table, _ := set["fk_target_table"].(string)
	field, _ := set["fk_target_field"].(string)
	delete(set, "fk_target_table")
	delete(set, "fk_target_field")
	switch {
	case table != "" && field != "":
		out.To = w.named(n, table, field)
	case table != "" || field != "":
		w.list.Add(badMeta(at, n.ID, fmt.Sprintf("column %q of %s %q has half of a foreign key", c.Name, n.ID.Kind, n.ID.Name), `give both "metabase.fk_target_table" and "metabase.fk_target_field"`))
	}
	// What is written in meta has the last word: it may say that a column is no key at all.
	if v, said := set[semanticType]; said {
		if v != typeFK {
			out.To = nil
		}
	} else if out.To != nil {
		set[semanticType] = typeFK
	} else if primary {
		set[semanticType] = typePK
	}
	out.Set, out.Settings = set, form
	return out
}

// named is the column that a foreign key of meta leads to: «table», «schema.table», or the
// name of a node.
func (w *wanter) named(n *compile.Node, table, field string) *Target {
	parts := strings.Split(table, ".")
	for i := range parts {
		parts[i] = unquote(parts[i])
	}
	t := &Target{Schema: n.Relation.Schema, Table: parts[len(parts)-1], Column: unquote(field)}
	if len(parts) > 1 {
		t.Schema = parts[len(parts)-2]
	}
	if id, ok := w.byRelation[relationKey(t.Schema, t.Table)]; ok { // the table of a node
		t.Node = id
		return t
	}
	if len(parts) == 1 {
		for _, kind := range []addr.Kind{addr.Model, addr.Seed, addr.Snapshot} {
			if id := (addr.Node{Kind: kind, Name: parts[0]}); tabled(w.p.Nodes[id]) {
				t.Node, t.Schema, t.Table = id, w.p.Nodes[id].Relation.Schema, w.p.Nodes[id].Relation.Name
				return t
			}
		}
	}
	return t
}

// keys are the foreign keys of a node by lower-case column: a constraint is stronger than a test.
func (w *wanter) keys(n *compile.Node) map[string]*Target {
	out := map[string]*Target{}
	for column, to := range w.refers[n.ID] {
		at := w.p.Nodes[to.Node]
		if at != nil && at.Source != nil && len(at.Parents) > 0 { // a node of the project makes it
			at = w.p.Nodes[w.byRelation[relationKey(at.Relation.Schema, at.Relation.Name)]]
		}
		if tabled(at) {
			out[column] = &Target{Node: at.ID, Schema: at.Relation.Schema, Table: at.Relation.Name, Column: to.Column}
		}
	}
	for _, c := range n.Constraints {
		if c.Type != "foreign_key" || len(c.Columns) != 1 || len(c.ToColumns) != 1 || c.To.IsZero() {
			continue
		}
		out[strings.ToLower(c.Columns[0])] = &Target{Node: w.byRelation[relationKey(c.To.Schema, c.To.Name)], Schema: c.To.Schema, Table: c.To.Name, Column: c.ToColumns[0]}
	}
	return out
}

// primary are the lower-case columns of a node's primary key: those of the constraint, or the
// one column that tests say is unique and never null. Where several are, it is the one of
// unique_key, or else the first.
func (w *wanter) primary(n *compile.Node) map[string]bool {
	out := map[string]bool{}
	for _, c := range n.Constraints {
		if c.Type == "primary_key" {
			for _, name := range c.Columns {
				out[strings.ToLower(name)] = true
			}
		}
	}
	if len(out) > 0 {
		return out
	}
	var able []string
	for _, c := range n.Columns {
		if name := strings.ToLower(c.Name); w.unique[n.ID][name] && w.filled[n.ID][name] {
			able = append(able, name)
		}
	}
	if len(able) == 0 {
		return out
	}
	key := able[0]
	if len(n.Config.UniqueKey) == 1 && slices.Contains(able, strings.ToLower(n.Config.UniqueKey[0])) {
		key = strings.ToLower(n.Config.UniqueKey[0])
	}
	out[key] = true
	return out
}

// meta takes our keys out of meta: values by key of the interface, and settings.
func (w *wanter) meta(n *compile.Node, meta map[string]any, known map[string]shape, what string, at source.Span) (set, form map[string]any) {
	set, form = map[string]any{}, map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(meta)) {
		if key == strings.TrimSuffix(prefix, ".") {
			if _, nested := meta[key].(map[string]any); nested {
				w.list.Add(badMeta(at, n.ID, fmt.Sprintf(`"metabase" in the meta of %s is a mapping`, what), `write each of its keys by itself, for example "metabase.display_name: Orders"`))
			}
			continue
		}
		name, ours := strings.CutPrefix(key, prefix)
		if !ours {
			continue
		}
		s, ok := known[name]
		if !ok {
			w.list.Add(unknownMeta(at, n.ID, key, what, known))
			continue
		}
		if given, ok := meta[key].(string); ok && s.instead[given] != "" {
			w.list.Add(badMeta(at, n.ID, fmt.Sprintf("%q of %s is %q, and Metabase shows nobody what is", key, what, given), fmt.Sprintf("use %q", s.instead[given])))
			continue
		}
		v, want := s.take(meta[key])
		if want != "" {
			w.list.Add(badMeta(at, n.ID, fmt.Sprintf("%q of %s is %s", key, what, valueWord(meta[key])), "want "+want))
			continue
		}
		if s.into == settings {
			form[name] = v
		} else {
			set[name] = v
		}
	}
	return set, form
}

// take is a value as it is sent, or what was wanted instead. Null and the empty text wish for
// nothing.
func (s shape) take(v any) (out any, want string) {
	if v == nil || v == "" {
		return nil, ""
	}
	switch s.kind {
	case 'b':
		if b, ok := v.(bool); ok {
			return b, ""
		}
		return nil, "true or false"
	case 'n':
		if i, ok := v.(int64); ok && i >= 0 {
			return i, ""
		}
		return nil, "a whole number, 0 or more"
	case 'f':
		switch v := v.(type) {
		case int64:
			return v, ""
		case float64:
			return v, ""
		}
		return nil, "a number"
	}
	t, ok := v.(string)
	switch {
	case !ok:
		return nil, "text"
	case len(s.words) > 0 && !slices.Contains(s.words, t):
		return nil, "one of " + strings.Join(s.words, ", ")
	case s.with != "" && (!strings.HasPrefix(t, s.with) || len(t) == len(s.with)):
		return nil, fmt.Sprintf("a text that begins with %s, for example %s", s.with, map[string]string{"type/": "type/Category", "Coercion/": "Coercion/UNIXSeconds->DateTime"}[s.with])
	}
	return strings.TrimSpace(t), ""
}

func valueWord(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("%q", v)
	case map[string]any:
		return "a mapping"
	case []any:
		return "a list"
	}
	return fmt.Sprint(v)
}

// For is what is wanted of a customer's copies of tables: those that give names, in its
// schemas, with the columns that they have there. A foreign key leads to the customer's own
// table, or nowhere.
func For(all []Table, copies map[addr.Node]Copy) []Table {
	var out []Table
	for _, t := range all {
		c, ok := copies[t.Node]
		if !ok {
			continue
		}
		t.Schema, t.Name = c.Schema, c.Name
		columns := make([]Column, 0, len(t.Columns))
		for _, col := range t.Columns {
			top, _, _ := strings.Cut(col.Name, ".")
			if c.Columns != nil && !c.Columns[strings.ToLower(top)] {
				continue
			}
			if col.To != nil {
				to, ok := copies[col.To.Node]
				if !ok || col.To.Node.IsZero() {
					col.Set = maps.Clone(col.Set)
					delete(col.Set, semanticType)
					col.To = nil
				} else {
					col.To = &Target{Node: col.To.Node, Schema: to.Schema, Table: to.Name, Column: col.To.Column}
				}
			}
			columns = append(columns, col)
		}
		t.Columns = columns
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b Table) int {
		return strings.Compare(relationKey(a.Schema, a.Name), relationKey(b.Schema, b.Name))
	})
	return out
}

// Copy is a customer's table of a node. Columns are the lower-case names of those that it has;
// nil: not known, all.
type Copy struct {
	Schema, Name string
	Columns      map[string]bool
}

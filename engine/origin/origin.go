package origin

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// Kind says how a value depends on its source.
type Kind uint8

// The kinds. Several ways from one source to one column count as one: two
// different kinds make Transformed, or Aggregated where one of them is.
const (
	// Identity is an unchanged copy: of the column, of a field of it, or of the
	// elements of an array, one for each row.
	Identity Kind = iota
	// Condition decides which of several values is taken (CASE, IF, an array's
	// index) and is no part of the value itself.
	Condition
	// Transformed is computed from the source's value in the same row, or is its value in another row.
	Transformed
	// Aggregated is computed from the source's values in several rows.
	Aggregated
)

var kindWords = [...]string{"identity", "condition", "transformed", "aggregated"}

// String is the kind in lower case.
func (k Kind) String() string { return word(kindWords[:], int(k)) }

// MarshalText writes the word.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads the word.
func (k *Kind) UnmarshalText(b []byte) error {
	i, err := index(kindWords[:], b)
	*k = Kind(i)
	return err
}

func word(words []string, i int) string {
	if i < len(words) {
		return words[i]
	}
	return "unknown"
}

func index(words []string, b []byte) (int, error) {
	i := slices.Index(words, string(b))
	if i < 0 {
		return 0, fmt.Errorf("read lineage: %q is none of %s", b, strings.Join(words, ", "))
	}
	return i, nil
}

// Use says what a column that gives no value is read for.
type Use uint8

// The uses.
const (
	Filter Use = iota // WHERE, HAVING, QUALIFY, EXISTS, the other side of INTERSECT and EXCEPT
	Join              // the condition of a join
	Unnest            // an array whose elements become rows
	Group             // GROUP BY, DISTINCT
	Order             // ORDER BY
	Window            // PARTITION BY and ORDER BY of a window, ORDER BY inside an aggregate
	Unused            // read, and then not used
)

var useWords = [...]string{"filter", "join", "unnest", "group", "order", "window", "unused"}

// String is the use in lower case.
func (u Use) String() string { return word(useWords[:], int(u)) }

// MarshalText writes the word.
func (u Use) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText reads the word.
func (u *Use) UnmarshalText(b []byte) error {
	i, err := index(useWords[:], b)
	*u = Use(i)
	return err
}

// Lineage is where the columns of one statement come from. It is not changed
// once returned.
type Lineage struct {
	// Columns are the output columns, in order. Names may be empty and may repeat. Where
	// rows are structs (SELECT AS STRUCT), they are the fields.
	Columns []Column `json:",omitempty"`
	// Rows are the columns that decide which rows there are, how often, and in
	// what order: they act on every output column.
	Rows []Effect `json:",omitempty"`
	// Unique are the sets of columns that no two rows can agree in by the construction of
	// the statement alone, as Grain finds them without keys of tables. An empty set says
	// that there is at most one row.
	Unique [][]string `json:",omitempty"`
	// Tables are the names of the tables that are read, sorted.
	Tables []string `json:",omitempty"`
	// Opaque names the constructs the lineage does not see through, sorted. What is
	// said of columns and rows is then not all there is.
	Opaque []string `json:",omitempty"`
}

// Column is one output column or one field of it.
type Column struct {
	Name string
	// Sources give the value, those of the fields included; sorted by table and
	// path, each place once. A constant and COUNT(*) have none.
	Sources []Source `json:",omitempty"`
	// Indirect give no value and act on this column only, such as the window of a
	// window function or the filter of a subquery. Sorted by table, path and use.
	Indirect []Effect `json:",omitempty"`
	// Fields are the fields of a struct (or of the structs of an array) that the
	// statement puts together itself; nil where it passes one on as it is.
	Fields []Column `json:",omitempty"`
	// Opaque names the constructs on the way that the lineage does not see through, sorted.
	Opaque []string `json:",omitempty"`
}

// Source is a place that gives a value.
type Source struct {
	Table string
	// Path is the column and then the names of fields; arrays are passed through
	// («items.sku» is the field sku of the elements of items). It is empty for the
	// row of a value table. An unnamed field is _field_N, counted from one.
	Path []string
	Kind Kind
	// Via are the expressions on the way, from the output column to the source; a
	// plain column reference is none. Several ways from one source give the first.
	Via []ir.Span `json:",omitempty"`
}

// Effect is a place that is read without giving a value.
type Effect struct {
	Table string
	Path  []string
	Use   Use
	At    ir.Span // of the expression that reads it, the first of several
}

// Of is the lineage of a statement: of a query, of the query in a CREATE TABLE or
// CREATE VIEW, of the query of an INSERT (whose columns are those of the table).
// Other statements have no columns here; those that would need a lineage are Opaque.
// It is nil for a statement that is nil.
func Of(s ir.Stmt) *Lineage {
	switch s := s.(type) {
	case nil:
		return nil
	case *ir.Query:
		return ofQuery(s)
	case *ir.CreateTable:
		if s.Query == nil {
			return &Lineage{}
		}
		return ofQuery(s.Query)
	case *ir.CreateView:
		return ofQuery(s.Query)
	case *ir.Insert:
		if s.Query == nil {
			break
		}
		q := &ir.Query{Scan: s.Query}
		for i, c := range s.From {
			name := c.Name
			if i < len(s.Columns) {
				name = s.Columns[i].Name
			}
			q.Output = append(q.Output, ir.Output{Name: name, Column: c})
		}
		return ofQuery(q)
	case *ir.Drop, *ir.CreateFunction:
		return &Lineage{}
	}
	return &Lineage{Tables: tables(s), Opaque: []string{s.Kind()}}
}

func ofQuery(q *ir.Query) *Lineage {
	if q == nil {
		return &Lineage{}
	}
	t := &tracer{
		places: map[string]int32{}, columns: map[ir.ColumnID]*value{}, ctes: map[string]*relation{},
	}
	rows := t.scan(q.Scan)
	l := &Lineage{Tables: tables(q), Unique: unique(q)}
	for _, o := range q.Output {
		v, typ := t.columns[o.Column.ID], o.Column.Type
		if q.ValueTable && len(q.Output) == 1 && typ != nil && typ.Kind == ir.Struct {
			for i, f := range typ.Fields {
				l.Columns = append(l.Columns, t.column(fieldName(f.Name, i), t.field(v, i), f.Type))
			}
			continue
		}
		l.Columns = append(l.Columns, t.column(o.Name, v, typ))
	}
	for _, u := range rows.list {
		l.Rows = append(l.Rows, t.effect(u))
	}
	l.Rows = append(l.Rows, t.unused(q, l)...)
	slices.SortFunc(l.Rows, compareEffects)
	opaque := slices.Clone(rows.opaque)
	for _, c := range l.Columns {
		opaque = append(opaque, c.Opaque...)
	}
	opaque = append(opaque, t.opaque...)
	slices.Sort(opaque)
	l.Opaque = slices.Compact(opaque)
	return l
}

// unique is the grain of a query by names; sets with a column that has none are left out.
func unique(q *ir.Query) [][]string {
	if q.ValueTable {
		return nil
	}
	var out [][]string
	for _, set := range Grain(q, nil) {
		names := []string{}
		for _, i := range set {
			if name := q.Output[i].Name; name != "" {
				names = append(names, name)
			}
		}
		if len(names) == len(set) {
			out = append(out, names)
		}
	}
	return out
}

// tables are the names of all tables below n, sorted.
func tables(n ir.Node) []string {
	var out []string
	ir.Inspect(n, func(n ir.Node) bool {
		if t, ok := n.(*ir.Table); ok {
			out = append(out, t.Name)
		}
		return true
	})
	slices.Sort(out)
	return slices.Compact(out)
}

// column spells out what is known of a value of a type.
func (t *tracer) column(name string, v *value, typ *ir.Type) Column {
	c := Column{Name: name}
	if v == nil {
		return c
	}
	for _, l := range v.leaves() {
		p := t.at[l.place]
		c.Sources = append(c.Sources, Source{Table: p.table, Path: p.path, Kind: l.kind, Via: l.via.spans()})
	}
	slices.SortFunc(c.Sources, func(a, b Source) int {
		return cmp.Or(strings.Compare(a.Table, b.Table), slices.Compare(a.Path, b.Path))
	})
	eff := v.effects()
	for _, u := range eff.list {
		c.Indirect = append(c.Indirect, t.effect(u))
	}
	slices.SortFunc(c.Indirect, compareEffects)
	c.Opaque = eff.opaque
	for typ != nil && typ.Kind == ir.Array {
		typ = typ.Elem
	}
	if typ != nil && typ.Kind == ir.Struct && v.built() {
		for i, f := range typ.Fields {
			c.Fields = append(c.Fields, t.column(fieldName(f.Name, i), t.field(t.innermost(v), i), f.Type))
		}
	}
	return c
}

func (t *tracer) effect(u use) Effect {
	p := t.at[u.place]
	return Effect{Table: p.table, Path: p.path, Use: u.how, At: u.span}
}

func compareEffects(a, b Effect) int {
	return cmp.Or(strings.Compare(a.Table, b.Table), slices.Compare(a.Path, b.Path), cmp.Compare(a.Use, b.Use))
}

// unused are the columns that the tables list and nothing in the result depends on.
func (t *tracer) unused(q *ir.Query, l *Lineage) []Effect {
	used := map[string]bool{}
	note := func(table string, path []string) {
		if len(path) > 0 {
			used[placeKey(table, path[:1])] = true
		} else {
			used[table] = true
		}
	}
	for _, c := range l.Columns {
		for _, s := range c.Sources {
			note(s.Table, s.Path)
		}
		for _, e := range c.Indirect {
			note(e.Table, e.Path)
		}
	}
	for _, e := range l.Rows {
		note(e.Table, e.Path)
	}
	var out []Effect
	ir.Inspect(q, func(n ir.Node) bool {
		if s, ok := n.(*ir.Table); ok && !used[s.Name] {
			for i := range s.Columns {
				if name := columnName(s, i); name != "" {
					if key := placeKey(s.Name, []string{name}); !used[key] {
						used[key] = true
						out = append(out, Effect{Table: s.Name, Path: []string{name}, Use: Unused, At: s.Span})
					}
				}
			}
		}
		return true
	})
	return out
}

// fold is a name as GoogleSQL compares names of columns.
func fold(name string) string { return strings.ToLower(name) }

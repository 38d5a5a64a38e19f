package tenant

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// Dialect writes slices: a warehouse.Dialect with the power to do so.
type Dialect interface {
	warehouse.Dialect
	warehouse.Slicer
}

// For gives a dialect's power to write slices, or warehouse.ErrUnsupported.
func For(d warehouse.Dialect) (Dialect, error) {
	if s, ok := d.(Dialect); ok {
		return s, nil
	}
	return nil, fmt.Errorf("customers' slices on %s: %w", d.Name(), warehouse.ErrUnsupported)
}

// Columns of the engine's own in tables of several customers' rows. No column of a model
// begins with _engine.
const (
	CustomerColumn = "_engine_customer"
	FullColumn     = "_engine_full"
)

// Names within a query: the rows of the relation, keys of a list, and what is computed of a
// row once.
const (
	rowAlias, keyAlias        = "_engine_r", "_engine_k"
	levelColumn, parsedColumn = "_engine_level", "_engine_json"
)

// From says what a slice is read from.
type From struct {
	// Split is the table that the query of Split filled; zero: the rule's relation itself.
	Split addr.Relation
	// Inline is how many tenants at most are written into a query. Of more it reads the frozen
	// list; written ones let the warehouse skip what is stored apart by tenant.
	Inline int
}

// Slice is the query of a customer's rows of a model, and the columns that it gives: those of
// the model, then the customer's custom fields. A customer whom the rule does not let in gets
// no rows.
//
// A row is seen whole if its tenant is one of the customer's or a link's key in its list;
// otherwise in part if a key of via is among its transfers; otherwise not at all. A condition
// on NULL is not true, and lets nothing in.
func Slice(d Dialect, rule Rule, c Customer, frozen Frozen, from From) (query string, columns []warehouse.Column) {
	fields := c.Fields[rule.As]
	s := slice{d: d, rule: rule, relation: rule.Relation}
	switch {
	case !rule.For(c.Name):
		s.where = "1 = 0"
	case rule.All:
	case !from.Split.IsZero():
		s.relation = from.Split
		s.where = s.row(CustomerColumn) + " = " + d.Literal(c.Name)
		if len(rule.Via) > 0 {
			s.full, s.carried = s.row(FullColumn), []string{FullColumn}
		}
	default:
		full, partial := s.visibility(c, frozen, from.Inline)
		if partial == "" {
			s.where = full
			break
		}
		s.level = "CASE WHEN " + full + " THEN 2 WHEN " + partial + " THEN 1 ELSE 0 END"
		s.full = s.row(levelColumn) + " = 2"
	}
	return s.query(fields)
}

// SharedTable is the query of a table in which several customers have their rows of a model,
// with CustomerColumn as the last of the columns: a reader is shown those of one customer only.
// It has no custom fields, since their names would tell one customer about another. A rule
// whose rows are all has no CustomerColumn: everybody may read the whole table.
func SharedTable(d Dialect, rule Rule, customers []Customer, frozen Frozen, from From) (query string, columns []warehouse.Column) {
	s := slice{d: d, rule: rule, relation: rule.Relation}
	if rule.All {
		return s.query(nil)
	}
	var names []string
	for _, c := range customers {
		if rule.For(c.Name) {
			names = append(names, c.Name)
		}
	}
	s.carried = []string{CustomerColumn}
	s.shown = []warehouse.Column{{Name: CustomerColumn, Type: d.FieldColumn(warehouse.FieldText)}}
	switch {
	case len(names) == 0 || rule.closed():
		s.text = "(SELECT " + s.list(rule.Columns) + ", CAST(NULL AS " + d.FieldColumn(warehouse.FieldText) + ") AS " + d.Ident(CustomerColumn) +
			", 1 = 0 AS " + d.Ident(FullColumn) + " FROM " + d.Quote(rule.Relation) + " AS " + rowAlias + " WHERE 1 = 0)"
	case from.Split.IsZero():
		s.text = "(" + splitQuery(d, rule, frozen, names) + ")"
	default:
		s.relation = from.Split
		s.where = s.row(CustomerColumn) + " IN (" + literals(d, names) + ")"
	}
	if len(rule.Via) > 0 {
		s.full = s.row(FullColumn)
		s.carried = append(s.carried, FullColumn)
	}
	return s.query(nil)
}

// slice is a query in the making.
type slice struct {
	d    Dialect
	rule Rule
	// text, or else relation, is what is read; where is the condition on its rows, "" for all.
	relation    addr.Relation
	text, where string
	// level is an expression that is 2 for rows seen whole, 1 for those seen in part and 0 for
	// the others; full is the condition, outside of the subquery that level is computed in,
	// that a row is seen whole; "" where all are.
	level, full string
	// carried are columns of what is read that the query needs beside the rule's; shown are
	// those that it gives at its end.
	carried []string
	shown   []warehouse.Column
}

func (s slice) row(column string) string { return rowAlias + "." + s.d.Ident(column) }

func (s slice) list(columns []Column) string {
	var out []string
	for _, c := range columns {
		out = append(out, s.row(c.Name))
	}
	return strings.Join(out, ", ")
}

// query writes the whole. Where something is computed of each row once, it is computed in a
// subquery.
func (s slice) query(fields []Field) (string, []warehouse.Column) {
	d, source := s.d, s.text
	if source == "" {
		source = d.Quote(s.relation)
	}
	raw := -1
	if f := s.rule.Fields; f != nil {
		raw = slices.IndexFunc(s.rule.Columns, func(c Column) bool { return c.Name == f.Column })
	}
	if raw < 0 {
		fields = nil
	}
	where, parsedType := s.where, ""
	// values and names are, for each field, its value and the names of what it is read from.
	var values []func([]string) (value, there string)
	var names [][]string
	if s.level != "" || len(fields) > 0 {
		var inner []string
		for _, c := range s.rule.Columns {
			inner = append(inner, s.row(c.Name))
		}
		for _, c := range s.carried {
			inner = append(inner, s.row(c))
		}
		if len(fields) > 0 {
			var parsed string
			parsed, parsedType = d.Document(s.row(s.rule.Columns[raw].Name), s.rule.Columns[raw].Type)
			inner = append(inner, parsed+" AS "+d.Ident(parsedColumn))
		}
		if s.level != "" {
			inner = append(inner, s.level+" AS "+d.Ident(levelColumn))
		}
		source = "(SELECT " + strings.Join(inner, ", ") + "\nFROM " + source + " AS " + rowAlias + condition(where) + d.Fence() + ")"
		where = ""
		if len(fields) > 0 {
			// What fields are read from is taken out of the JSON once.
			inner = inner[:0]
			for _, c := range s.rule.Columns {
				inner = append(inner, s.row(c.Name))
			}
			for _, c := range s.carried {
				inner = append(inner, s.row(c))
			}
			if s.level != "" {
				inner = append(inner, s.row(levelColumn))
			}
			for i, f := range fields {
				parts, value := d.Field(s.row(parsedColumn), parsedType, f.ID, f.Type, s.rule.Fields.Formats)
				values = append(values, value)
				names = append(names, nil)
				for j, part := range parts {
					name := "_engine_f" + strconv.Itoa(i) + "_" + strconv.Itoa(j)
					inner = append(inner, part+" AS "+d.Ident(name))
					names[i] = append(names[i], s.row(name))
				}
			}
			source = "(SELECT " + strings.Join(inner, ",\n  ") + "\nFROM " + source + " AS " + rowAlias + d.Fence() + ")"
		}
		if s.level != "" {
			where = s.row(levelColumn) + " > 0"
		}
	}
	var list []string
	var columns []warehouse.Column
	add := func(name, typ, value string) {
		list = append(list, value+" AS "+d.Ident(name))
		columns = append(columns, warehouse.Column{Name: name, Type: typ, Nullable: true})
	}
	for i, c := range s.rule.Columns {
		if i == raw && !s.rule.Fields.KeepRaw {
			continue
		}
		value, typ := s.value(c)
		add(c.Name, typ, value)
	}
	for i, f := range fields {
		value, _ := values[i](names[i])
		if s.full != "" && !s.rule.Columns[raw].Visible {
			value = "CASE WHEN " + s.full + " THEN " + value + " END"
		}
		add(f.Column, d.FieldColumn(f.Type), value)
	}
	for _, c := range s.shown {
		add(c.Name, c.Type, s.row(c.Name))
	}
	return "SELECT " + strings.Join(list, ",\n  ") + "\nFROM " + source + " AS " + rowAlias + condition(where), columns
}

// value is what a column shows, and its type. A column that may be hidden behind a digest is
// text for every customer, those who see all of it included.
func (s slice) value(c Column) (value, typ string) {
	value, typ = s.row(c.Name), c.Type
	if c.Visible || len(s.rule.Via) == 0 {
		return value, typ
	}
	mask := ""
	switch c.Mask.Kind {
	case MaskHash:
		typ = s.d.FieldColumn(warehouse.FieldText)
		mask, value = " ELSE "+s.d.Digest(value), s.d.Words().Cast(value, typ)
	case MaskConstant:
		mask = " ELSE " + s.d.Words().Cast(s.d.Literal(c.Mask.Constant), typ)
	}
	if s.full == "" {
		return value, typ
	}
	return "CASE WHEN " + s.full + " THEN " + value + mask + " END", typ
}

// visibility gives the conditions on which a row is seen whole and, if it is not, in part;
// partial is "" where no row can be.
func (s slice) visibility(c Customer, frozen Frozen, inline int) (full, partial string) {
	var whole, part []string
	if t := s.tenantIn(c, frozen, inline); t != "" {
		whole = append(whole, t)
	}
	for _, l := range s.rule.Links {
		if c.Links[l.Entity].Count > 0 {
			whole = append(whole, s.keyIn(l, c, frozen.Links))
		}
	}
	for _, l := range s.rule.Via {
		if c.Transfers[l.Entity].Count > 0 {
			part = append(part, s.keyIn(l, c, frozen.Transfers))
		}
	}
	if len(whole) == 0 {
		whole = []string{"1 = 0"}
	}
	return strings.Join(whole, " OR "), strings.Join(part, " OR ")
}

// tenantIn is the condition that a row's tenant is one of the customer's, "" if there is none
// that the column could hold.
func (s slice) tenantIn(c Customer, frozen Frozen, inline int) string {
	if len(c.Tenants) == 0 || s.rule.Tenant == "" {
		return ""
	}
	column, list := s.key(s.rule.Tenant)
	if len(c.Tenants) > inline {
		return column + " IN (SELECT " + keyAlias + "." + list + " FROM " + s.d.Quote(frozen.Tenants) + " AS " + keyAlias +
			" WHERE " + keyAlias + ".customer = " + s.d.Literal(c.Name) + " AND " + keyAlias + "." + list + " IS NOT NULL)"
	}
	var values []string
	for _, t := range c.Tenants {
		switch {
		case list == "key_text":
			values = append(values, s.d.Literal(t.Text))
		case t.Number:
			values = append(values, s.d.Literal(t.Int))
		}
	}
	if len(values) == 0 {
		return ""
	}
	return column + " IN (" + strings.Join(values, ", ") + ")"
}

// keyIn is the condition that a key of an entity is in the customer's list.
func (s slice) keyIn(l Link, c Customer, list addr.Relation) string {
	column, key := s.key(l.Column)
	return column + " IN (SELECT " + keyAlias + "." + key + " FROM " + s.d.Quote(list) + " AS " + keyAlias +
		" WHERE " + keyAlias + ".customer = " + s.d.Literal(c.Name) + " AND " + keyAlias + ".entity = " + s.d.Literal(l.Entity) +
		" AND " + keyAlias + "." + key + " IS NOT NULL)"
}

// key is an expression for a column of keys, and the column of the frozen lists that has
// values of its type.
func (s slice) key(column string) (expr, list string) {
	expr = s.row(column)
	i := slices.IndexFunc(s.rule.Columns, func(c Column) bool { return c.Name == column })
	switch {
	case i >= 0 && s.rule.Columns[i].Number:
		return expr, "key_int"
	case i >= 0 && s.rule.Columns[i].Text:
		return expr, "key_text"
	}
	return s.d.Words().Cast(expr, s.d.Words().Text()), "key_text"
}

func condition(where string) string {
	if where == "" {
		return ""
	}
	return "\nWHERE " + where
}

func literals(d Dialect, texts []string) string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = d.Literal(t)
	}
	return strings.Join(out, ", ")
}

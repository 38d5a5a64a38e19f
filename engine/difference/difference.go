package difference

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// Side is one of two relations.
type Side struct {
	Label    string // for people: «prod», «orders»
	Relation addr.Relation
	Columns  []warehouse.Column
}

// Options of Run.
type Options struct {
	// Key are the columns that tell rows apart; none: rows are compared as a whole, and
	// counted.
	Key []string
	// Columns are the only ones compared besides the key; none: all that both sides have.
	Columns []string
	Where   string // condition on the rows of both sides, in the warehouse's SQL
	Sample  int    // differing rows to show of each sort, at most
	// Tolerance is how far two numbers of a floating or decimal type may be apart.
	Tolerance float64
	// Hidden are columns, by lower-case name, whose values no sample may show.
	Hidden map[string]bool
}

// Result is what Run found. Row counts are of the rows that Where lets through.
type Result struct {
	A       string         `json:"a"`
	B       string         `json:"b"`
	Schema  []SchemaChange `json:"schema"`
	Key     []string       `json:"key,omitempty"` // empty: rows were compared as a whole
	Notes   []string       `json:"notes,omitempty"`
	RowsA   int64          `json:"rows_a"`
	RowsB   int64          `json:"rows_b"`
	OnlyA   int64          `json:"only_a"`
	OnlyB   int64          `json:"only_b"`
	Matched int64          `json:"matched"` // rows of both sides with one key; without a key: equal rows
	Equal   int64          `json:"equal"`   // of the matched rows, those that are equal in all compared columns
	Columns []ColumnMatch  `json:"columns,omitempty"`
	Changed []ChangedRow   `json:"changed,omitempty"`
	// RowsOnlyA and RowsOnlyB are samples over SampleColumns.
	SampleColumns []string  `json:"sample_columns,omitempty"`
	RowsOnlyA     [][]Value `json:"rows_only_a,omitempty"`
	RowsOnlyB     [][]Value `json:"rows_only_b,omitempty"`
}

// SchemaChange is a column that differs.
type SchemaChange struct {
	Column string `json:"column"`
	What   string `json:"what"` // only_a, only_b, retyped
	TypeA  string `json:"type_a,omitempty"`
	TypeB  string `json:"type_b,omitempty"`
}

// ColumnMatch says in how many of the matched rows a column has the same value.
type ColumnMatch struct {
	Column string `json:"column"`
	Equal  int64  `json:"equal"`
	Differ int64  `json:"differ"`
}

// ChangedRow is a row of both sides with other values.
type ChangedRow struct {
	Key    []Value       `json:"key"`
	Values []ChangedCell `json:"values"`
}

// ChangedCell is one value that differs.
type ChangedCell struct {
	Column string `json:"column"`
	A      Value  `json:"a"`
	B      Value  `json:"b"`
}

// Value is a value of the warehouse with its type. Hidden values are not read.
type Value struct {
	V      any    `json:"v"`
	Type   string `json:"-"`
	Hidden bool   `json:"hidden,omitempty"`
}

// Same reports whether the two relations have the same columns and rows.
func (r *Result) Same() bool {
	return len(r.Schema) == 0 && r.OnlyA == 0 && r.OnlyB == 0 && r.Matched == r.Equal
}

// column is one that both sides have.
type column struct {
	name         string // as A has it
	other        string // as B has it
	typeA, typeB string
}

// Run compares. The queries read both relations twice at most, three times with a sample.
func Run(ctx context.Context, c warehouse.Conn, a, b Side, o Options) (*Result, error) {
	r := &Result{A: a.Label, B: b.Label, Schema: []SchemaChange{}}
	shared := r.compareSchema(a.Columns, b.Columns)
	cmp := &comparison{ctx: ctx, conn: c, d: c.Dialect(), a: a, b: b, o: o}
	for _, name := range o.Key {
		i := slices.IndexFunc(shared, func(s column) bool { return strings.EqualFold(s.name, name) })
		if i < 0 {
			return nil, &NoColumn{Column: name, What: "key", Known: names(shared)}
		}
		cmp.key = append(cmp.key, shared[i])
	}
	if len(o.Columns) > 0 {
		r.Schema = slices.DeleteFunc(r.Schema, func(s SchemaChange) bool {
			return !slices.ContainsFunc(slices.Concat(o.Columns, o.Key), func(name string) bool { return strings.EqualFold(name, s.Column) })
		})
	}
	isKey := func(s column) bool { return slices.Contains(cmp.key, s) }
	if len(o.Columns) == 0 {
		cmp.compared = slices.DeleteFunc(slices.Clone(shared), isKey)
	}
	for _, name := range o.Columns {
		i := slices.IndexFunc(shared, func(s column) bool { return strings.EqualFold(s.name, name) })
		if i < 0 {
			return nil, &NoColumn{Column: name, What: "column", Known: names(shared)}
		}
		if !isKey(shared[i]) && !slices.Contains(cmp.compared, shared[i]) {
			cmp.compared = append(cmp.compared, shared[i])
		}
	}
	if len(cmp.key) > 0 {
		unique, err := cmp.counts(r)
		if err != nil {
			return nil, err
		}
		if unique {
			r.Key = names(cmp.key)
			return r, cmp.byKey(r)
		}
		cmp.compared = append(cmp.key, cmp.compared...)
		cmp.key = nil
	}
	if len(cmp.compared) == 0 {
		r.Notes = append(r.Notes, "there is no column to compare")
		cmp.key = nil
		_, err := cmp.counts(r)
		r.OnlyA, r.OnlyB = r.RowsA, r.RowsB
		return r, err
	}
	if o.Tolerance > 0 {
		r.Notes = append(r.Notes, "without a key the tolerance is not applied")
	}
	return r, cmp.asWhole(r)
}

// NoColumn is a column that was asked for and that both relations do not have.
type NoColumn struct {
	Column string
	What   string   // key or column
	Known  []string // columns of both
}

func (e *NoColumn) Error() string { return fmt.Sprintf("no %s %q in both relations", e.What, e.Column) }

func names(cols []column) []string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = c.name
	}
	return out
}

// compareSchema fills Schema and gives the columns that both sides have, in A's order.
func (r *Result) compareSchema(a, b []warehouse.Column) []column {
	var shared []column
	find := func(list []warehouse.Column, name string) int {
		return slices.IndexFunc(list, func(c warehouse.Column) bool { return strings.EqualFold(c.Name, name) })
	}
	for _, c := range a {
		i := find(b, c.Name)
		if i < 0 {
			r.Schema = append(r.Schema, SchemaChange{Column: c.Name, What: "only_a", TypeA: c.Type})
			continue
		}
		if !strings.EqualFold(c.Type, b[i].Type) {
			r.Schema = append(r.Schema, SchemaChange{Column: c.Name, What: "retyped", TypeA: c.Type, TypeB: b[i].Type})
		}
		shared = append(shared, column{name: c.Name, other: b[i].Name, typeA: c.Type, typeB: b[i].Type})
	}
	for _, c := range b {
		if find(a, c.Name) < 0 {
			r.Schema = append(r.Schema, SchemaChange{Column: c.Name, What: "only_b", TypeB: c.Type})
		}
	}
	return shared
}

// comparison writes the queries of one Run.
type comparison struct {
	ctx           context.Context
	conn          warehouse.Conn
	d             warehouse.Dialect
	a, b          Side
	o             Options
	key, compared []column
}

// read is a sub-query over one side: the key as k0…, the compared columns as c0…, both
// made comparable, and the plain values as v0… where they are shown.
func (q *comparison) read(first bool, plain bool) string {
	side := q.b
	if first {
		side = q.a
	}
	var items []string
	item := func(expr, name string) { items = append(items, expr+" as "+q.d.Ident(name)) }
	value := func(c column) (expr, comparable string) {
		name, typ := c.other, c.typeB
		if first {
			name, typ = c.name, c.typeA
		}
		expr = q.d.Ident(name)
		comparable = warehouse.Comparable(q.d, expr, typ)
		if !strings.EqualFold(c.typeA, c.typeB) && !(numeric(c.typeA) && numeric(c.typeB)) {
			comparable = q.d.Words().Cast(comparable, q.d.Words().Text())
		}
		return expr, comparable
	}
	for i, c := range q.key {
		expr, comparable := value(c)
		item(comparable, "k"+strconv.Itoa(i))
		if plain {
			item(expr, "p"+strconv.Itoa(i))
		}
	}
	for i, c := range q.compared {
		expr, comparable := value(c)
		item(comparable, "c"+strconv.Itoa(i))
		if plain {
			item(expr, "v"+strconv.Itoa(i))
		}
	}
	item("1", "here")
	text := "select " + strings.Join(items, ", ") + " from " + q.d.Quote(side.Relation)
	if q.o.Where != "" {
		text += " where (" + q.o.Where + "\n)"
	}
	return text
}

func (q *comparison) query(act, text string, each func([]any) error) error {
	rows, err := q.conn.Query(q.ctx, warehouse.Statement{SQL: text})
	if err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	defer rows.Close()
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return fmt.Errorf("%s: %w", act, err)
		}
		if err := each(v); err != nil {
			return fmt.Errorf("%s: %w", act, err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	return nil
}

// counts fills in how many rows there are, and says whether the key tells them apart.
func (q *comparison) counts(r *Result) (unique bool, err error) {
	unique = true
	for _, first := range []bool{true, false} {
		label, rows := q.b.Label, &r.RowsB
		if first {
			label, rows = q.a.Label, &r.RowsA
		}
		if len(q.key) == 0 {
			err := q.query("count rows", "select count(*) as n from ("+q.read(first, false)+") as t", func(v []any) error { *rows = count(v[0]); return nil })
			if err != nil {
				return false, err
			}
			continue
		}
		by := q.list("k", len(q.key))
		empty := make([]string, len(q.key))
		for i := range q.key {
			empty[i] = q.d.Ident("k"+strconv.Itoa(i)) + " is null"
		}
		w := q.d.Words()
		text := "select coalesce(sum(n), 0) as n, " + w.CountIf("n > 1 and not ("+strings.Join(empty, " or ")+")") + " as twice, coalesce(sum(case when " + strings.Join(empty, " or ") + " then n else 0 end), 0) as empty_keys" +
			" from (select " + by + ", count(*) as n from (" + q.read(first, false) + ") as t group by " + by + ") as g"
		var twice, lacking int64
		err := q.query("count rows by key", text, func(v []any) error {
			*rows, twice, lacking = count(v[0]), count(v[1]), count(v[2])
			return nil
		})
		if err != nil {
			return false, err
		}
		if twice > 0 {
			unique = false
			r.Notes = append(r.Notes, fmt.Sprintf("%s is no key of %s: %d of its values occur more than once; rows are compared as a whole", strings.Join(names(q.key), ", "), label, twice))
		}
		if lacking > 0 {
			r.Notes = append(r.Notes, fmt.Sprintf("%d rows of %s have NULL in the key and match nothing", lacking, label))
		}
	}
	return unique, nil
}

// list is «x0, x1 …».
func (q *comparison) list(prefix string, n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = q.d.Ident(prefix + strconv.Itoa(i))
	}
	return strings.Join(out, ", ")
}

// differ is a condition: compared column i has another value on the other side.
func (q *comparison) differ(i int) string {
	name := q.d.Ident("c" + strconv.Itoa(i))
	a, b := "a."+name, "b."+name
	unlike := q.d.Words().Distinct(a, b)
	if c := q.compared[i]; q.o.Tolerance > 0 && fractional(c.typeA) && fractional(c.typeB) {
		// NULL on one side has no distance, and differs.
		return "(" + unlike + " and not coalesce(abs(" + a + " - " + b + ") <= " + strconv.FormatFloat(q.o.Tolerance, 'f', -1, 64) + ", false))"
	}
	return unlike
}

func (q *comparison) join(plain bool) string {
	on := make([]string, len(q.key))
	for i := range q.key {
		name := q.d.Ident("k" + strconv.Itoa(i))
		on[i] = "a." + name + " = b." + name
	}
	return " from (" + q.read(true, plain) + ") as a full join (" + q.read(false, plain) + ") as b on " + strings.Join(on, " and ")
}

// anyDiffers is a condition on matched rows.
func (q *comparison) anyDiffers() string {
	parts := make([]string, len(q.compared))
	for i := range parts {
		parts[i] = q.differ(i)
	}
	if len(parts) == 0 {
		return "1 = 0"
	}
	return "(" + strings.Join(parts, " or ") + ")"
}

// columnsAtOnce bounds the expressions of one query: warehouses have limits.
const columnsAtOnce = 200

// byKey counts matched rows and differing values, and takes a sample.
func (q *comparison) byKey(r *Result) error {
	here := q.d.Ident("here")
	both := "a." + here + " is not null and b." + here + " is not null"
	w := q.d.Words()
	all := q.compared
	defer func() { q.compared = all }()
	text := "select " + w.CountIf("b."+here+" is null") + " as only_a, " + w.CountIf("a."+here+" is null") + " as only_b, " + w.CountIf(both) + " as matched, " +
		w.CountIf(both+" and not "+q.anyDiffers()) + " as equal_rows" + q.join(false)
	err := q.query("compare rows by key", text, func(v []any) error {
		r.OnlyA, r.OnlyB, r.Matched, r.Equal = count(v[0]), count(v[1]), count(v[2]), count(v[3])
		return nil
	})
	if err != nil {
		return err
	}
	for start := 0; start < len(all); start += columnsAtOnce {
		q.compared = all[start:min(len(all), start+columnsAtOnce)]
		if r.Equal == r.Matched {
			for _, c := range q.compared {
				r.Columns = append(r.Columns, ColumnMatch{Column: c.name, Equal: r.Matched})
			}
			continue
		}
		items := make([]string, len(q.compared))
		for i := range items {
			items[i] = w.CountIf(both+" and "+q.differ(i)) + " as " + q.d.Ident("n"+strconv.Itoa(i))
		}
		err := q.query("compare columns", "select "+strings.Join(items, ", ")+q.join(false), func(v []any) error {
			for i, c := range q.compared {
				n := count(v[i])
				r.Columns = append(r.Columns, ColumnMatch{Column: c.name, Equal: r.Matched - n, Differ: n})
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	q.compared = all
	if q.o.Sample <= 0 {
		return nil
	}
	if r.Equal < r.Matched {
		if err := q.sampleChanged(r, both); err != nil {
			return err
		}
	}
	return q.sampleOnly(r)
}

// sampleChanged reads the first rows, in the order of the key, that differ.
func (q *comparison) sampleChanged(r *Result, both string) error {
	// Only columns that differ anywhere are read.
	all := q.compared
	q.compared = nil
	for i, c := range all {
		if r.Columns[i].Differ > 0 && len(q.compared) < columnsAtOnce {
			q.compared = append(q.compared, c)
		}
	}
	var items []string
	for i, c := range q.key {
		items = append(items, q.shown(c, "a."+q.d.Ident("p"+strconv.Itoa(i)), "s"+strconv.Itoa(i)))
	}
	for i, c := range q.compared {
		n := strconv.Itoa(i)
		items = append(items, "case when "+q.differ(i)+" then 1 else 0 end as "+q.d.Ident("d"+n))
		if !q.hidden(c) {
			items = append(items, "a."+q.d.Ident("v"+n)+" as "+q.d.Ident("a"+n), "b."+q.d.Ident("v"+n)+" as "+q.d.Ident("b"+n))
		}
	}
	order := make([]string, len(q.key))
	for i := range order {
		order[i] = "a." + q.d.Ident("k"+strconv.Itoa(i))
	}
	text := "select " + strings.Join(items, ", ") + q.join(true) + " where " + both + " and " + q.anyDiffers() + " order by " + strings.Join(order, ", ") + " limit " + strconv.Itoa(q.o.Sample)
	err := q.query("read differing rows", text, func(v []any) error {
		row := ChangedRow{Key: q.keyValues(v)}
		at := len(q.key)
		for _, c := range q.compared {
			differs := count(v[at]) == 1
			at++
			cell := ChangedCell{Column: c.name, A: Value{Type: c.typeA, Hidden: true}, B: Value{Type: c.typeB, Hidden: true}}
			if !q.hidden(c) {
				cell.A, cell.B = Value{V: v[at], Type: c.typeA}, Value{V: v[at+1], Type: c.typeB}
				at += 2
			}
			if differs {
				row.Values = append(row.Values, cell)
			}
		}
		r.Changed = append(r.Changed, row)
		return nil
	})
	q.compared = all
	return err
}

// shown is an item of a sample: a hidden value does not leave the warehouse.
func (q *comparison) shown(c column, expr, name string) string {
	if q.hidden(c) {
		expr = "null"
	}
	return expr + " as " + q.d.Ident(name)
}

func (q *comparison) hidden(c column) bool { return q.o.Hidden[strings.ToLower(c.name)] }

func (q *comparison) keyValues(v []any) []Value {
	out := make([]Value, len(q.key))
	for i, c := range q.key {
		out[i] = Value{V: v[i], Type: c.typeA}
		if q.hidden(c) {
			out[i] = Value{Type: c.typeA, Hidden: true}
		}
	}
	return out
}

// shownColumns bounds how wide samples of rows of one side are.
const shownColumns = 12

// sampleOnly reads the first rows that only one side has.
func (q *comparison) sampleOnly(r *Result) error {
	all := q.compared
	q.compared = all[:min(len(all), max(0, shownColumns-len(q.key)))]
	defer func() { q.compared = all }()
	r.SampleColumns = append(names(q.key), names(q.compared)...)
	here := q.d.Ident("here")
	for _, first := range []bool{true, false} {
		from, other, n, into := "b", "a", r.OnlyB, &r.RowsOnlyB
		if first {
			from, other, n, into = "a", "b", r.OnlyA, &r.RowsOnlyA
		}
		if n == 0 {
			continue
		}
		var items, order []string
		for i, c := range q.key {
			items = append(items, q.shown(c, from+"."+q.d.Ident("p"+strconv.Itoa(i)), "s"+strconv.Itoa(i)))
			order = append(order, from+"."+q.d.Ident("k"+strconv.Itoa(i)))
		}
		for i, c := range q.compared {
			items = append(items, q.shown(c, from+"."+q.d.Ident("v"+strconv.Itoa(i)), "t"+strconv.Itoa(i)))
		}
		text := "select " + strings.Join(items, ", ") + q.join(true) + " where " + other + "." + here + " is null order by " + strings.Join(order, ", ") + " limit " + strconv.Itoa(q.o.Sample)
		err := q.query("read rows of one side", text, func(v []any) error {
			*into = append(*into, q.values(append(slices.Clone(q.key), q.compared...), v, first))
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (q *comparison) values(cols []column, v []any, first bool) []Value {
	out := make([]Value, len(cols))
	for i, c := range cols {
		typ := c.typeB
		if first {
			typ = c.typeA
		}
		out[i] = Value{V: v[i], Type: typ}
		if q.hidden(c) {
			out[i] = Value{Type: typ, Hidden: true}
		}
	}
	return out
}

// asWhole compares rows that no key tells apart: each distinct row is counted on both sides.
func (q *comparison) asWhole(r *Result) error {
	cols := q.list("c", len(q.compared))
	a, b := q.d.Ident("in_a"), q.d.Ident("in_b")
	each := "select " + cols + ", sum(" + a + ") as " + a + ", sum(" + b + ") as " + b + " from (select " + cols + ", 1 as " + a + ", 0 as " + b + " from (" + q.read(true, false) + ") as x" +
		" union all select " + cols + ", 0 as " + a + ", 1 as " + b + " from (" + q.read(false, false) + ") as y) as u group by " + cols
	sum := func(expr string) string { return "coalesce(sum(" + expr + "), 0)" }
	text := "select " + sum(a) + " as rows_a, " + sum(b) + " as rows_b, " + sum("case when "+a+" > "+b+" then "+a+" - "+b+" else 0 end") + " as only_a, " +
		sum("case when "+b+" > "+a+" then "+b+" - "+a+" else 0 end") + " as only_b from (" + each + ") as g"
	err := q.query("compare rows", text, func(v []any) error {
		r.RowsA, r.RowsB, r.OnlyA, r.OnlyB = count(v[0]), count(v[1]), count(v[2]), count(v[3])
		return nil
	})
	if err != nil {
		return err
	}
	r.Matched = r.RowsA - r.OnlyA
	r.Equal = r.Matched
	if q.o.Sample <= 0 {
		return nil
	}
	r.SampleColumns = names(q.compared[:min(len(q.compared), shownColumns)])
	for _, first := range []bool{true, false} {
		more, n, into := b+" > "+a, r.OnlyB, &r.RowsOnlyB
		if first {
			more, n, into = a+" > "+b, r.OnlyA, &r.RowsOnlyA
		}
		if n == 0 {
			continue
		}
		items := make([]string, len(r.SampleColumns))
		for i := range items {
			items[i] = q.shown(q.compared[i], q.d.Ident("c"+strconv.Itoa(i)), "s"+strconv.Itoa(i))
		}
		text := "select " + strings.Join(items, ", ") + " from (" + each + ") as g where " + more + " order by " + cols + " limit " + strconv.Itoa(q.o.Sample)
		err := q.query("read rows of one side", text, func(v []any) error {
			*into = append(*into, q.values(q.compared[:len(r.SampleColumns)], v, first))
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// numeric types compare with each other as they are.
func numeric(typ string) bool { return whole(typ) || fractional(typ) }

func whole(typ string) bool {
	switch base(typ) {
	case "tinyint", "smallint", "integer", "int", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint", "uhugeint", "int2", "int4", "int8", "int64":
		return true
	}
	return false
}

// fractional types are those that a tolerance is for.
func fractional(typ string) bool {
	switch base(typ) {
	case "float", "double", "real", "float4", "float8", "float64", "double precision", "decimal", "numeric", "bignumeric", "bigdecimal":
		return true
	}
	return false
}

func base(typ string) string {
	name, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(typ)), "(")
	return strings.TrimSpace(name)
}

// count is a number as warehouses give it: sums of whole numbers may come as text.
func count(v any) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case int32:
		return int64(v)
	case float64:
		return int64(v)
	case string:
		if n, err := strconv.ParseInt(strings.TrimSuffix(v, ".0"), 10, 64); err == nil {
			return n
		}
	}
	return -1
}

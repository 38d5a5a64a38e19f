package duckdb

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/warehouse"
)

// rowsPerInsert bounds one INSERT … VALUES.
const rowsPerInsert = 500

// Render writes an operation. Every statement stands for itself: a Swap is atomic when
// the caller runs its statements in one transaction (Caps.TransactionalDDL). An index on
// the new relation blocks its renaming in DuckDB, so indexes are made after Swap.
func (d Dialect) Render(op warehouse.Op) ([]warehouse.Statement, error) {
	if warehouse.NeedsExpand(op) {
		return nil, fmt.Errorf("%s must be expanded before it is rendered", warehouse.OpName(op))
	}
	if c, ok := op.(warehouse.Composite); ok {
		return d.renderAll(c.Ops(d))
	}
	switch o := op.(type) {
	case warehouse.CreateSchema:
		name := d.Ident(o.Schema)
		if o.Database != "" {
			name = d.Ident(o.Database) + "." + name
		}
		return plain("create schema if not exists " + name), nil
	case warehouse.CreateTableAs:
		return d.createTableAs(o), nil
	case warehouse.CreateTable:
		return d.createTable(o), nil
	case warehouse.CreateViewAs:
		word := "create view "
		if o.Replace {
			word = "create or replace view "
		}
		return []warehouse.Statement{around(word+d.Quote(o.Target)+" as (\n", o.Query, "\n)")}, nil
	case warehouse.Swap:
		return d.swap(o)
	case warehouse.CloneTable:
		return d.clone(o), nil
	case warehouse.InsertSelect:
		columns := d.idents("", o.Columns)
		return plain("insert into " + d.Quote(o.Target) + " (" + columns + ")\nselect " + columns + " from " + d.Quote(o.From)), nil
	case warehouse.MergeInto:
		return d.merge(o)
	case warehouse.DeleteMatching:
		return d.deleteMatching(o)
	case warehouse.AddColumns:
		return alter(o.Columns, func(c warehouse.Column) string {
			return "alter table " + d.Quote(o.Target) + " add column " + d.Ident(c.Name) + " " + c.Type
		}), nil
	case warehouse.DropColumns:
		return alter(o.Columns, func(c string) string {
			return "alter table " + d.Quote(o.Target) + " drop column " + d.Ident(c)
		}), nil
	case warehouse.RetypeColumns:
		return alter(o.Columns, func(c warehouse.Column) string {
			return "alter table " + d.Quote(o.Target) + " alter column " + d.Ident(c.Name) + " set data type " + c.Type
		}), nil
	case warehouse.Drop:
		return plain("drop " + kindWord(o.Kind) + " if exists " + d.Quote(o.Relation)), nil
	case warehouse.Comment:
		return plain(d.comment(o)), nil
	case warehouse.InsertValues:
		return d.insertValues(o)
	case warehouse.CloseRows:
		return d.closeRows(o)
	case warehouse.ReplacePartitions:
		return d.replacePartitions(o)
	case warehouse.Require:
		return []warehouse.Statement{around("select error(cast(message as varchar)) from (\nselect * from (\n", o.Query, "\n) as _rows limit 1) as _row(message)")}, nil
	case warehouse.SQL:
		return []warehouse.Statement{{SQL: o.Text, BodyEnd: len(o.Text)}}, nil
	case warehouse.Load:
		return nil, fmt.Errorf("load has no SQL: the connection is a Loader")
	}
	return nil, fmt.Errorf("duckdb cannot render %s", warehouse.OpName(op))
}

func (d Dialect) renderAll(ops []warehouse.Op) ([]warehouse.Statement, error) {
	var out []warehouse.Statement
	for _, op := range ops {
		stmts, err := d.Render(op)
		if err != nil {
			return nil, err
		}
		out = append(out, stmts...)
	}
	return out, nil
}

// around puts the user's text between two pieces. after begins with a line end, so that a
// comment at the end of the text cannot swallow it.
func around(before, body, after string) warehouse.Statement {
	return warehouse.Statement{SQL: before + body + after, BodyStart: len(before), BodyEnd: len(before) + len(body)}
}

func plain(sql ...string) []warehouse.Statement {
	out := make([]warehouse.Statement, len(sql))
	for i, s := range sql {
		out[i] = warehouse.Statement{SQL: s}
	}
	return out
}

func alter[T any](items []T, write func(T) string) []warehouse.Statement {
	var out []warehouse.Statement
	for _, it := range items {
		out = append(out, warehouse.Statement{SQL: write(it)})
	}
	return out
}

// kindWord is the word in DROP and ALTER.
func kindWord(k warehouse.Kind) string {
	if k == warehouse.View {
		return "view"
	}
	return "table"
}

// idents writes a list of columns, each behind «alias.» if given.
func (d Dialect) idents(alias string, names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = alias + d.Ident(n)
	}
	return strings.Join(out, ", ")
}

// createTableAs casts by position where columns are given. The empty first branch of the
// union names the columns and makes DuckDB refuse a query with another number of them.
func (d Dialect) createTableAs(o warehouse.CreateTableAs) []warehouse.Statement {
	head := "create table " + d.Quote(o.Target) + " as "
	if len(o.Columns) == 0 {
		return []warehouse.Statement{around(head+"(\n", o.Query, "\n)")}
	}
	var casts, nulls []string
	for _, c := range o.Columns {
		name := d.Ident(c.Name)
		nulls = append(nulls, "null as "+name)
		if c.Type == "" {
			casts = append(casts, name)
		} else {
			casts = append(casts, "cast("+name+" as "+c.Type+") as "+name)
		}
	}
	head += "select " + strings.Join(casts, ", ") + "\nfrom (select " + strings.Join(nulls, ", ") + " where false union all (\n"
	return []warehouse.Statement{around(head, o.Query, "\n)) as _rows")}
}

func (d Dialect) createTable(o warehouse.CreateTable) []warehouse.Statement {
	columns := make([]string, len(o.Columns))
	for i, c := range o.Columns {
		columns[i] = d.Ident(c.Name) + " " + c.Type
	}
	word := "create table "
	if o.IfNotExists {
		word += "if not exists "
	}
	return plain(word + d.Quote(o.Target) + " (" + strings.Join(columns, ", ") + ")")
}

func (d Dialect) swap(o warehouse.Swap) ([]warehouse.Statement, error) {
	if o.New.Schema != o.Target.Schema || o.New.Database != o.Target.Database {
		return nil, fmt.Errorf("duckdb cannot move %s to another schema", o.New)
	}
	rename := "alter " + kindWord(o.NewKind) + " " + d.Quote(o.New) + " rename to " + d.Ident(o.Target.Name)
	if o.Old == warehouse.None {
		return plain(rename), nil
	}
	if !o.Keep.IsZero() {
		if o.Old != warehouse.Table {
			return nil, fmt.Errorf("keep %s: a %s is kept by its text", o.Target, o.Old)
		}
		return plain("alter table "+d.Quote(o.Target)+" rename to "+d.Ident(o.Keep.Name), rename), nil
	}
	return plain("drop "+kindWord(o.Old)+" "+d.Quote(o.Target), rename), nil
}

// clone copies columns and rows. Indexes and constraints are not copied by DuckDB, and a
// table with an index cannot be renamed, so a Whole copy of a table that has some is refused.
func (d Dialect) clone(o warehouse.CloneTable) []warehouse.Statement {
	copied := "create table " + d.Quote(o.To) + " as from " + d.Quote(o.From)
	if !o.Whole {
		return plain(copied)
	}
	database := "current_database()"
	if o.From.Database != "" {
		database = d.Literal(o.From.Database)
	}
	where := " where lower(database_name) = lower(" + database + ") and lower(schema_name) = lower(" + d.Literal(o.From.Schema) + ") and lower(table_name) = lower(" + d.Literal(o.From.Name) + ")"
	message := d.Literal(o.From.String() + " has indexes or constraints, which a copy of it would lose: drop them, or publish node by node")
	return plain("select error("+message+") from (select 1 from duckdb_indexes()"+where+" union all select 1 from duckdb_constraints()"+where+") limit 1", copied)
}

// equalKeys is «t.k = s.k and …» followed by the user's predicates, a line each so that a
// comment in one does not reach the next.
func (d Dialect) equalKeys(key, predicates []string) (string, error) {
	if len(key) == 0 {
		return "", fmt.Errorf("a key is needed")
	}
	var conds []string
	for _, k := range key {
		conds = append(conds, "t."+d.Ident(k)+" = s."+d.Ident(k))
	}
	for _, p := range predicates {
		conds = append(conds, "("+p+"\n)")
	}
	return strings.Join(conds, " and "), nil
}

// merge first makes sure that no two rows share a key: DuckDB would take any of them.
func (d Dialect) merge(o warehouse.MergeInto) ([]warehouse.Statement, error) {
	on, err := d.equalKeys(o.Key, o.Predicates)
	if err != nil {
		return nil, fmt.Errorf("merge into %s: %w", o.Target, err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "merge into %s as t\nusing %s as s\non %s\n", d.Quote(o.Target), d.Quote(o.From), on)
	if update := o.UpdateColumns(); len(update) > 0 {
		sets := make([]string, len(update))
		for i, c := range update {
			sets[i] = d.Ident(c) + " = s." + d.Ident(c)
		}
		fmt.Fprintf(&b, "when matched then update set %s\n", strings.Join(sets, ", "))
	}
	fmt.Fprintf(&b, "when not matched then insert (%s) values (%s)", d.idents("", o.Columns), d.idents("s.", o.Columns))
	return append(d.uniqueKey(o), warehouse.Statement{SQL: b.String()}), nil
}

func (d Dialect) uniqueKey(o warehouse.MergeInto) []warehouse.Statement {
	var shown, notNull []string
	for _, k := range o.Key {
		shown = append(shown, "coalesce(cast("+d.Ident(k)+" as varchar), 'NULL')")
		notNull = append(notNull, d.Ident(k)+" is not null")
	}
	message := text("several new rows have the key "+strings.Join(o.Key, ", ")+" = ") + " || " + strings.Join(shown, " || ', ' || ")
	stmts, _ := d.Render(warehouse.Require{Query: "select " + message + " from " + d.Quote(o.From) +
		" where " + strings.Join(notNull, " and ") + " group by " + d.idents("", o.Key) + " having count(*) > 1 limit 1"})
	stmts[0].BodyStart, stmts[0].BodyEnd = 0, 0
	return stmts
}

func (d Dialect) deleteMatching(o warehouse.DeleteMatching) ([]warehouse.Statement, error) {
	keys, err := d.equalKeys(o.Key, nil)
	if err != nil {
		return nil, fmt.Errorf("delete from %s: %w", o.Target, err)
	}
	sql := "delete from " + d.Quote(o.Target) + " as t\nwhere exists (select 1 from " + d.Quote(o.From) + " as s where " + keys + ")"
	for _, p := range o.Predicates {
		sql += " and (" + p + "\n)"
	}
	return plain(sql), nil
}

func (d Dialect) comment(o warehouse.Comment) string {
	value := "NULL"
	if o.Text != "" {
		value = d.Literal(o.Text)
	}
	if o.Column != "" {
		return "comment on column " + d.Quote(o.Relation) + "." + d.Ident(o.Column) + " is " + value
	}
	return "comment on " + kindWord(o.Kind) + " " + d.Quote(o.Relation) + " is " + value
}

func (d Dialect) insertValues(o warehouse.InsertValues) ([]warehouse.Statement, error) {
	names := make([]string, len(o.Columns))
	for i, c := range o.Columns {
		names[i] = c.Name
	}
	head := "insert into " + d.Quote(o.Target) + " (" + d.idents("", names) + ") values\n"
	var out []warehouse.Statement
	for chunk := range slices.Chunk(o.Rows, rowsPerInsert) {
		rows := make([]string, len(chunk))
		for i, row := range chunk {
			if len(row) != len(o.Columns) {
				return nil, fmt.Errorf("insert into %s: a row has %d values for %d columns", o.Target, len(row), len(o.Columns))
			}
			cells := make([]string, len(row))
			for j, v := range row {
				cells[j] = d.Literal(v)
				if typ := o.Columns[j].Type; typ != "" {
					cells[j] = "cast(" + cells[j] + " as " + typ + ")"
				}
			}
			rows[i] = "(" + strings.Join(cells, ", ") + ")"
		}
		out = append(out, warehouse.Statement{SQL: head + strings.Join(rows, ",\n")})
	}
	return out, nil
}

func (d Dialect) closeRows(o warehouse.CloseRows) ([]warehouse.Statement, error) {
	to, key := d.Ident(o.To), d.Ident(o.Key)
	at := d.Words().Now()
	if o.Missing {
		if o.At != "" {
			return nil, fmt.Errorf("close rows of %s: a missing row gives no value for %q", o.Target, o.To)
		}
		return plain("update " + d.Quote(o.Target) + " as t set " + to + " = " + at + "\nwhere " + o.Open("t."+to) +
			" and not exists (select 1 from " + d.Quote(o.From) + " as s where s." + key + " = t." + key + ")"), nil
	}
	if o.At != "" {
		at = "s." + d.Ident(o.At)
	}
	return plain("update " + d.Quote(o.Target) + " as t set " + to + " = " + at + "\nfrom " + d.Quote(o.From) +
		" as s where s." + key + " = t." + key + " and " + o.Open("t."+to)), nil
}

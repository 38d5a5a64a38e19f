package bigquery

import (
	"fmt"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

const (
	// rowsPerInsert and bytesPerInsert bound one INSERT … VALUES: a statement may have
	// 1,024 K characters.
	rowsPerInsert  = 500
	bytesPerInsert = 600_000
)

// Render writes an operation as single statements, without scripts and variables. Some
// operations a connection does otherwise (see conn.Perform); what is rendered for those
// has the same outcome, if at a higher price.
func (d Dialect) Render(op warehouse.Op) ([]warehouse.Statement, error) {
	if warehouse.NeedsExpand(op) {
		return nil, fmt.Errorf("%s must be expanded before it is rendered", warehouse.OpName(op))
	}
	if c, ok := op.(warehouse.Composite); ok {
		return d.renderAll(c.Ops(d))
	}
	switch o := op.(type) {
	case warehouse.CreateSchema:
		return plain("create schema if not exists " + d.schema(o.Database, o.Schema)), nil
	case warehouse.CreateTableAs:
		return d.createTableAs(o)
	case warehouse.CreateTable:
		return d.createTable(o)
	case warehouse.CreateViewAs:
		if o.Replace {
			return d.createView("create or replace view ", o.Target, o.Query, o.Layout)
		}
		return d.createView("create view ", o.Target, o.Query, o.Layout)
	case warehouse.CreateMaterializedViewAs:
		return d.createMaterializedView("create materialized view ", o)
	case warehouse.RefreshMaterializedView:
		return plain("call BQ.REFRESH_MATERIALIZED_VIEW(" + d.Literal(dotted(o.Target)) + ")"), nil
	case warehouse.Swap:
		return d.swap(o)
	case warehouse.CloneTable:
		return d.clone(o)
	case warehouse.InsertSelect:
		columns := d.idents("", o.Columns)
		return plain("insert into " + d.Quote(o.Target) + " (" + columns + ")\nselect " + columns + " from " + d.Quote(o.From)), nil
	case warehouse.MergeInto:
		return d.merge(o, "")
	case warehouse.ReplacePartitions:
		return d.replacePartitions(o)
	case warehouse.DeleteMatching:
		return d.deleteMatching(o)
	case warehouse.AddColumns:
		return d.alter(o.Target, o.Columns, func(c warehouse.Column) string { return "add column " + d.Ident(c.Name) + " " + c.Type }), nil
	case warehouse.DropColumns:
		return d.alter(o.Target, columnsNamed(o.Columns), func(c warehouse.Column) string { return "drop column " + d.Ident(c.Name) }), nil
	case warehouse.RetypeColumns:
		return d.alter(o.Target, o.Columns, func(c warehouse.Column) string {
			return "alter column " + d.Ident(c.Name) + " set data type " + c.Type
		}), nil
	case warehouse.Drop:
		return plain("drop " + kindWord(o.Kind) + " if exists " + d.Quote(o.Relation)), nil
	case warehouse.Comment:
		return plain(d.comment(o)), nil
	case warehouse.InsertValues:
		return d.insertValues(o)
	case warehouse.CloseRows:
		return d.closeRows(o)
	case warehouse.Require:
		return []warehouse.Statement{around("select error(cast(message as string)) from (\nselect * from (\n", o.Query, "\n) limit 1)")}, nil
	case warehouse.Grant:
		return d.grant(o)
	case warehouse.Authorize:
		return nil, fmt.Errorf("authorize has no SQL: the connection changes the access entries of the dataset")
	case warehouse.SQL:
		return []warehouse.Statement{{SQL: o.Text, BodyEnd: len(o.Text)}}, nil
	case warehouse.Load:
		return nil, fmt.Errorf("load has no SQL: the connection is a Loader")
	}
	return nil, fmt.Errorf("bigquery cannot render %s", warehouse.OpName(op))
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

// alter changes all columns with one statement: a table takes five changes in ten seconds.
func (d Dialect) alter(target addr.Relation, columns []warehouse.Column, write func(warehouse.Column) string) []warehouse.Statement {
	if len(columns) == 0 {
		return nil
	}
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = write(c)
	}
	return plain("alter table " + d.Quote(target) + "\n  " + strings.Join(parts, ",\n  "))
}

// kindWord is the word in DROP and ALTER.
func kindWord(k warehouse.Kind) string {
	switch k {
	case warehouse.View:
		return "view"
	case warehouse.MaterializedView:
		return "materialized view"
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

func (d Dialect) schema(database, schema string) string {
	if database == "" {
		return d.Ident(schema)
	}
	return d.Ident(database) + "." + d.Ident(schema)
}

func dotted(r addr.Relation) string {
	if r.Database == "" {
		return r.Schema + "." + r.Name
	}
	return r.Database + "." + r.Schema + "." + r.Name
}

func columnNames(columns []warehouse.Column) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = c.Name
	}
	return out
}

func columnsNamed(names []string) []warehouse.Column {
	out := make([]warehouse.Column, len(names))
	for i, n := range names {
		out[i] = warehouse.Column{Name: n}
	}
	return out
}

// create is the head of a definition. A relation that is built aside may be left from an
// attempt of the same build that did not answer: it is replaced.
func create(what string, target addr.Relation) string {
	if aside(target.Name) {
		return "create or replace " + what + " "
	}
	return "create " + what + " "
}

// createTableAs casts by position where columns are given. The empty first branch of the
// union names the columns and makes BigQuery refuse a query with another number of them.
func (d Dialect) createTableAs(o warehouse.CreateTableAs) ([]warehouse.Statement, error) {
	return d.createTyped(o, o.Columns)
}

// createTyped is createTableAs with the columns of the result known, for a layout that
// names their types.
func (d Dialect) createTyped(o warehouse.CreateTableAs, result []warehouse.Column) ([]warehouse.Statement, error) {
	head, err := d.tableHead(create("table", o.Target), o.Target, result, o.Layout)
	if err != nil {
		return nil, fmt.Errorf("create table %s: %w", o.Target, err)
	}
	head += " as "
	if len(o.Columns) == 0 {
		return []warehouse.Statement{around(head+"(\n", o.Query, "\n)")}, nil
	}
	before, after := d.casting(o.Columns)
	return []warehouse.Statement{around(head+before, o.Query, after)}, nil
}

// casting is what stands around a query whose columns get other names and types.
func (d Dialect) casting(columns []warehouse.Column) (before, after string) {
	var casts, nulls []string
	for _, c := range columns {
		name := d.Ident(c.Name)
		nulls = append(nulls, "null as "+name)
		if c.Type == "" {
			casts = append(casts, name)
		} else {
			casts = append(casts, "cast("+name+" as "+c.Type+") as "+name)
		}
	}
	return "select " + strings.Join(casts, ", ") + "\nfrom (select " + strings.Join(nulls, ", ") + " from (select 1) where false union all (\n", "\n))"
}

// tableHead writes everything of a table's definition before AS.
func (d Dialect) tableHead(verb string, target addr.Relation, columns []warehouse.Column, l *warehouse.Layout) (string, error) {
	head := verb + d.Quote(target)
	if needsTypes(l) {
		if len(columns) == 0 {
			return "", fmt.Errorf("constraints need the types of all columns")
		}
		for _, c := range columns {
			if c.Type == "" {
				return "", fmt.Errorf("constraints need the types of all columns, %q has none", c.Name)
			}
		}
		definition, err := d.definition(columns, l)
		if err != nil {
			return "", err
		}
		head += " (\n  " + definition + "\n)"
	}
	storage, err := d.storage(l)
	if err != nil {
		return "", err
	}
	options, err := d.options(target.Name, l, optionsOf{table: true})
	return head + storage + options, err
}

func (d Dialect) createTable(o warehouse.CreateTable) ([]warehouse.Statement, error) {
	definition, err := d.definition(o.Columns, o.Layout)
	if err != nil {
		return nil, fmt.Errorf("create table %s: %w", o.Target, err)
	}
	storage, err := d.storage(o.Layout)
	if err != nil {
		return nil, fmt.Errorf("create table %s: %w", o.Target, err)
	}
	options, err := d.options(o.Target.Name, o.Layout, optionsOf{table: true})
	if err != nil {
		return nil, fmt.Errorf("create table %s: %w", o.Target, err)
	}
	word := create("table", o.Target)
	if o.IfNotExists {
		word = "create table if not exists "
	}
	return plain(word + d.Quote(o.Target) + " (\n  " + definition + "\n)" + storage + options), nil
}

func (d Dialect) createView(verb string, target addr.Relation, query string, l *warehouse.Layout) ([]warehouse.Statement, error) {
	if verb == "create view " {
		verb = create("view", target)
	}
	options, err := d.options(target.Name, l, optionsOf{view: true})
	if err != nil {
		return nil, fmt.Errorf("create view %s: %w", target, err)
	}
	return []warehouse.Statement{around(verb+d.Quote(target)+options+" as (\n", query, "\n)")}, nil
}

func (d Dialect) createMaterializedView(verb string, o warehouse.CreateMaterializedViewAs) ([]warehouse.Statement, error) {
	if verb == "create materialized view " {
		verb = create("materialized view", o.Target)
	}
	storage, err := d.storage(o.Layout)
	if err != nil {
		return nil, fmt.Errorf("create materialized view %s: %w", o.Target, err)
	}
	options, err := d.options(o.Target.Name, o.Layout, optionsOf{materialized: true})
	if err != nil {
		return nil, fmt.Errorf("create materialized view %s: %w", o.Target, err)
	}
	return []warehouse.Statement{around(verb+d.Quote(o.Target)+storage+options+" as (\n", o.Query, "\n)")}, nil
}

func (d Dialect) clone(o warehouse.CloneTable) ([]warehouse.Statement, error) {
	options, err := d.options(o.To.Name, nil, optionsOf{table: true})
	if err != nil {
		return nil, err
	}
	return plain(create("table", o.To) + d.Quote(o.To) + " clone " + d.Quote(o.From) + options), nil
}

// swap says with statements what the connection does with a copy job and calls.
func (d Dialect) swap(o warehouse.Swap) ([]warehouse.Statement, error) {
	var out []warehouse.Statement
	drop := func(k warehouse.Kind, r addr.Relation) {
		out = append(out, plain("drop "+kindWord(k)+" if exists "+d.Quote(r))...)
	}
	if o.NewKind != warehouse.Table {
		if o.Query == "" {
			return nil, fmt.Errorf("publish %s: a %s is made again under its name, so its query is needed", o.Target, kindWord(o.NewKind))
		}
		old := parkedFor(o)
		if o.Old == warehouse.Table {
			out = append(out, d.rename(o.Target, old)...)
		} else if o.Old != warehouse.None && o.Old != o.NewKind {
			drop(o.Old, o.Target)
		}
		stmts, err := d.publishView(o)
		if err != nil {
			return nil, err
		}
		out = append(out, stmts...)
		if o.Old == warehouse.Table && o.Keep.IsZero() {
			drop(warehouse.Table, old)
		}
		drop(o.NewKind, o.New)
		return out, nil
	}
	if o.Respread && o.Old == warehouse.Table {
		old := parkedFor(o)
		out = append(out, d.rename(o.Target, old)...)
		out = append(out, d.rename(o.New, o.Target)...)
		if o.Keep.IsZero() {
			drop(warehouse.Table, old)
		}
		return out, nil
	}
	if o.Old == warehouse.View || o.Old == warehouse.MaterializedView {
		drop(o.Old, o.Target)
	}
	if o.Old == warehouse.Table && !o.Keep.IsZero() {
		out = append(out, d.keepAside(o))
	}
	out = append(out, plain("create or replace table "+d.Quote(o.Target)+" copy "+d.Quote(o.New))...)
	drop(warehouse.Table, o.New)
	return out, nil
}

// keepAside clones the table that a swap replaces. What is kept does not die by itself.
func (d Dialect) keepAside(o warehouse.Swap) warehouse.Statement {
	return warehouse.Statement{SQL: "create table if not exists " + d.Quote(o.Keep) + " clone " + d.Quote(o.Target) + " options(expiration_timestamp = null)"}
}

// publishView makes a view under the name of the target, in place of one that is there.
func (d Dialect) publishView(o warehouse.Swap) ([]warehouse.Statement, error) {
	if o.NewKind == warehouse.MaterializedView {
		return d.createMaterializedView("create or replace materialized view ", warehouse.CreateMaterializedViewAs{Target: o.Target, Query: o.Query, Layout: o.Layout})
	}
	return d.createView("create or replace view ", o.Target, o.Query, o.Layout)
}

func (d Dialect) rename(from, to addr.Relation) []warehouse.Statement {
	return plain("alter table " + d.Quote(from) + " rename to " + d.Ident(to.Name))
}

// parkedName is where the old table waits until the new relation has its name.
func parkedName(r addr.Relation) addr.Relation {
	r.Name = shorten("_engine_old__"+r.Name, maxName)
	return r
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

// merge first makes sure that no two rows share a key: BigQuery refuses two rows for one
// row of the target, but would insert both where there is none. only is a further
// condition on the target's rows.
func (d Dialect) merge(o warehouse.MergeInto, only string) ([]warehouse.Statement, error) {
	on, err := d.equalKeys(o.Key, o.Predicates)
	if err != nil {
		return nil, fmt.Errorf("merge into %s: %w", o.Target, err)
	}
	if only != "" {
		on += "\nand " + only
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
	unique, err := d.uniqueKey(o)
	return append(unique, warehouse.Statement{SQL: b.String()}), err
}

func (d Dialect) uniqueKey(o warehouse.MergeInto) ([]warehouse.Statement, error) {
	var shown, notNull []string
	for _, k := range o.Key {
		shown = append(shown, "coalesce(safe_cast("+d.Ident(k)+" as string), 'NULL')")
		notNull = append(notNull, d.Ident(k)+" is not null")
	}
	message := "concat(" + d.Literal("several new rows have the key "+strings.Join(o.Key, ", ")+" = ") + ", " + strings.Join(shown, ", ', ', ") + ")"
	stmts, err := d.Render(warehouse.Require{Query: "select " + message + " as message from " + d.Quote(o.From) +
		" where " + strings.Join(notNull, " and ") + " group by " + d.idents("", o.Key) + " having count(*) > 1 limit 1"})
	for i := range stmts {
		stmts[i].BodyStart, stmts[i].BodyEnd = 0, 0
	}
	return stmts, err
}

// deleteMatching is a MERGE, for which a condition on the target's partitions prunes what is
// read. Keys of From count once: two of them for one row would be an error.
func (d Dialect) deleteMatching(o warehouse.DeleteMatching) ([]warehouse.Statement, error) {
	on, err := d.equalKeys(o.Key, nil)
	if err != nil {
		return nil, fmt.Errorf("delete from %s: %w", o.Target, err)
	}
	sql := "merge into " + d.Quote(o.Target) + " as t\nusing (select distinct " + d.idents("", o.Key) + " from " + d.Quote(o.From) + ") as s\non " + on + "\nwhen matched"
	for _, p := range o.Predicates {
		sql += " and (" + p + "\n)"
	}
	return plain(sql + " then delete"), nil
}

func (d Dialect) comment(o warehouse.Comment) string {
	value := "NULL"
	if o.Text != "" {
		value = d.Literal(o.Text)
	}
	head := "alter " + kindWord(o.Kind) + " " + d.Quote(o.Relation)
	if o.Column != "" {
		return head + " alter column " + d.Ident(o.Column) + " set options (description = " + value + ")"
	}
	return head + " set options (description = " + value + ")"
}

func (d Dialect) insertValues(o warehouse.InsertValues) ([]warehouse.Statement, error) {
	head := "insert into " + d.Quote(o.Target) + " (" + d.idents("", columnNames(o.Columns)) + ") values\n"
	var out []warehouse.Statement
	var rows []string
	size := 0
	flush := func() {
		if len(rows) > 0 {
			out = append(out, warehouse.Statement{SQL: head + strings.Join(rows, ",\n")})
			rows, size = nil, 0
		}
	}
	for _, row := range o.Rows {
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
		text := "(" + strings.Join(cells, ", ") + ")"
		if len(rows) == rowsPerInsert || size+len(text) > bytesPerInsert {
			flush()
		}
		rows = append(rows, text)
		size += len(text) + 2
	}
	flush()
	return out, nil
}

func (d Dialect) closeRows(o warehouse.CloseRows) ([]warehouse.Statement, error) {
	to, key := d.Ident(o.To), d.Ident(o.Key)
	at := d.Words().Now()
	if o.Missing {
		if o.At != "" {
			return nil, fmt.Errorf("close rows of %s: a missing row gives no value for %q", o.Target, o.To)
		}
		return plain("merge into " + d.Quote(o.Target) + " as t\nusing " + d.Quote(o.From) + " as s\non s." + key + " = t." + key +
			"\nwhen not matched by source and " + o.Open("t."+to) + " then update set " + to + " = " + at), nil
	}
	if o.At != "" {
		at = "s." + d.Ident(o.At)
	}
	return plain("merge into " + d.Quote(o.Target) + " as t\nusing " + d.Quote(o.From) + " as s\non s." + key + " = t." + key + " and " + o.Open("t."+to) +
		"\nwhen matched then update set " + to + " = " + at), nil
}

func (d Dialect) grant(o warehouse.Grant) ([]warehouse.Statement, error) {
	if len(o.Grantees) == 0 {
		return nil, nil
	}
	members := make([]string, len(o.Grantees))
	for i, g := range o.Grantees {
		members[i] = d.Literal(g)
	}
	return plain("grant " + d.Ident(o.Privilege) + " on " + kindWord(o.Kind) + " " + d.Quote(o.Relation) + " to " + strings.Join(members, ", ")), nil
}

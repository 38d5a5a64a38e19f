package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// rowsPerInsert bounds one INSERT … VALUES.
const rowsPerInsert = 500

// Render writes an operation. Every statement stands for itself: a Swap is atomic when
// the caller runs its statements in one transaction (Caps.TransactionalDDL). The Swap
// written here fails when anything depends on what it replaces; Perform keeps that alive.
func (d Dialect) Render(op warehouse.Op) ([]warehouse.Statement, error) {
	stmts, err := d.render(op)
	if err != nil {
		return nil, err
	}
	for _, s := range stmts {
		if name := longName(s); name != "" {
			return nil, fmt.Errorf("the name %s is longer than %d bytes, at which PostgreSQL cuts names off: shorten it", name, maxIdentifier)
		}
	}
	return stmts, nil
}

func (d Dialect) render(op warehouse.Op) ([]warehouse.Statement, error) {
	if warehouse.NeedsExpand(op) {
		return nil, fmt.Errorf("%s must be expanded before it is rendered", warehouse.OpName(op))
	}
	if c, ok := op.(warehouse.Composite); ok {
		return d.renderAll(c.Ops(d))
	}
	switch o := op.(type) {
	case warehouse.CreateSchema:
		return plain("create schema if not exists " + d.Ident(o.Schema)), nil
	case warehouse.CreateTableAs:
		return d.laidOut(o.Target, o.Layout, d.createTableAs(o))
	case warehouse.CreateTable:
		return d.laidOut(o.Target, o.Layout, d.createTable(o))
	case warehouse.CreateViewAs:
		word := "create view "
		if o.Replace {
			word = "create or replace view "
		}
		return []warehouse.Statement{around(word+d.Quote(o.Target)+" as (\n", o.Query, "\n)")}, nil
	case warehouse.CreateMaterializedViewAs:
		made := []warehouse.Statement{around("create materialized view "+d.Quote(o.Target)+" as (\n", o.Query, "\n)")}
		if o.Layout == nil {
			return made, nil
		}
		return append(made, d.indexes(o.Target, o.Layout)...), nil
	case warehouse.RefreshMaterializedView:
		return plain("refresh materialized view " + d.Quote(o.Target)), nil
	case warehouse.Swap:
		return d.swap(o)
	case warehouse.CloneTable:
		if o.Whole {
			return nil, fmt.Errorf("a whole copy of %s depends on what it has: the connection looks", o.From)
		}
		return plain("create table " + d.Quote(o.To) + " as table " + d.Quote(o.From)), nil
	case warehouse.InsertSelect:
		return plain(d.insertSelect(o.Target, o.From, o.Columns)), nil
	case warehouse.MergeInto:
		return d.merge(o)
	case warehouse.DeleteMatching:
		return d.deleteMatching(o)
	case warehouse.ReplacePartitions:
		return d.replacePartitions(o)
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
			return "alter table " + d.Quote(o.Target) + " alter column " + d.Ident(c.Name) + " type " + c.Type + " using cast(" + d.Ident(c.Name) + " as " + c.Type + ")"
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
		return []warehouse.Statement{around("select cast("+text(failure)+" || message as boolean) from (\nselect * from (\n", o.Query, "\n) as _rows limit 1) as _row(message)")}, nil
	case warehouse.Grant:
		return d.grant(o)
	case warehouse.SQL:
		return []warehouse.Statement{{SQL: o.Text, BodyEnd: len(o.Text)}}, nil
	case warehouse.Load:
		return nil, fmt.Errorf("load has no SQL: the connection is a Loader")
	case warehouse.Authorize:
		return nil, fmt.Errorf("postgres has no authorized views: a view reads with the rights of its owner")
	}
	return nil, fmt.Errorf("postgres cannot render %s", warehouse.OpName(op))
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

// longName finds a quoted name that is too long in what the engine wrote around the
// user's text.
func longName(s warehouse.Statement) string {
	parts := []string{s.SQL}
	if s.BodyEnd > 0 {
		parts = []string{s.SQL[:s.BodyStart], s.SQL[s.BodyEnd:]}
	}
	for _, part := range parts {
		for i := 0; i < len(part); i++ {
			switch part[i] {
			case '\'':
				escapes := i > 0 && part[i-1] == 'E'
				for i++; i < len(part) && part[i] != '\''; i++ {
					if escapes && part[i] == '\\' {
						i++
					}
				}
			case '"':
				end := identEnd(part, i)
				if name := part[i:end]; len(unquoteIdent(name)) > maxIdentifier {
					return name
				}
				i = end - 1
			}
		}
	}
	return ""
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

// kindWord is the word in DROP, ALTER and COMMENT.
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

// columnCheckEnd ends a statement that wants a certain number of columns from a query.
const columnCheckEnd = "as _row)"

// createTableAs casts by position where columns are given. Names for too many columns are
// an error in PostgreSQL, too few are not: for that there is a union that is analyzed and,
// behind «true or», never run.
func (d Dialect) createTableAs(o warehouse.CreateTableAs) warehouse.Statement {
	head := tableWord(o.Layout) + d.Quote(o.Target) + " as "
	if len(o.Columns) == 0 {
		return around(head+"(\n", o.Query, "\n)")
	}
	var casts, names, nulls []string
	for _, c := range o.Columns {
		name := d.Ident(c.Name)
		names, nulls = append(names, name), append(nulls, "null")
		if c.Type == "" {
			casts = append(casts, name)
		} else {
			casts = append(casts, "cast("+name+" as "+c.Type+") as "+name)
		}
	}
	head += "select " + strings.Join(casts, ", ") + "\nfrom (\n"
	tail := "\n) as _rows(" + strings.Join(names, ", ") + ")\nwhere true or exists (select from (select _rows.* union all select " + strings.Join(nulls, ", ") + ") " + columnCheckEnd
	return around(head, o.Query, tail)
}

func tableWord(l *warehouse.Layout) string {
	if l != nil && l.Unlogged {
		return "create unlogged table "
	}
	return "create table "
}

func (d Dialect) createTable(o warehouse.CreateTable) warehouse.Statement {
	columns := make([]string, len(o.Columns))
	for i, c := range o.Columns {
		columns[i] = d.Ident(c.Name) + " " + c.Type
	}
	word := tableWord(o.Layout)
	if o.IfNotExists {
		word += "if not exists "
	}
	return warehouse.Statement{SQL: word + d.Quote(o.Target) + " (" + strings.Join(columns, ", ") + ")"}
}

// laidOut adds what a layout says after a table is made and filled: that is quicker than
// keeping indexes up to date meanwhile.
func (d Dialect) laidOut(target addr.Relation, l *warehouse.Layout, made warehouse.Statement) ([]warehouse.Statement, error) {
	out := []warehouse.Statement{made}
	if l == nil {
		return out, nil
	}
	constraints, err := d.constraints(target, l)
	if err != nil {
		return nil, err
	}
	return append(append(out, constraints...), d.indexes(target, l)...), nil
}

func (d Dialect) indexes(target addr.Relation, l *warehouse.Layout) []warehouse.Statement {
	var out []warehouse.Statement
	for _, i := range l.Indexes {
		word := "create index "
		if i.Unique {
			word = "create unique index "
		}
		method := ""
		if i.Type != "" {
			method = " using " + d.Ident(i.Type)
		}
		out = append(out, warehouse.Statement{SQL: word + d.Ident(indexName(target.Name, i)) + " on " + d.Quote(target) + method + " (" + d.idents("", i.Columns) + ")"})
	}
	return out
}

// indexName tells indexes of one table apart by all that they are.
func indexName(table string, i warehouse.Index) string {
	return fitted(table+"_"+strings.Join(i.Columns, "_"), fmt.Sprintf("%q %v %q", i.Columns, i.Unique, i.Type))
}

// fitted is a readable name that ends in a hash of what it stands for, within the limit.
func fitted(readable, what string) string {
	sum := sha256.Sum256([]byte(readable + "\x00" + what))
	return cut(readable, maxIdentifier-9) + "_" + hex.EncodeToString(sum[:4])
}

// cut is the longest prefix of s of at most n bytes that splits no rune.
func cut(s string, n int) string {
	n = min(n, len(s))
	for n > 0 && n < len(s) && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// aside begins the names of relations that are to be renamed.
const aside = "_engine_"

// constraintName is the name that the user gave, or one that tells constraints of one table
// apart. The name of a key is also that of its index, of which a schema has one only: aside
// it is another one, until Swap.
func constraintName(table string, c warehouse.Constraint) string {
	if c.Name != "" && (!keeps(c) || !strings.HasPrefix(table, aside)) {
		return c.Name
	}
	what := fmt.Sprintf("%q %q %q %q", c.Type, c.Name, c.Columns, c.Expression)
	return fitted(table+"_"+strings.Join(append(slices.Clone(c.Columns), c.Type), "_"), what)
}

// keeps reports whether a constraint has an index.
func keeps(c warehouse.Constraint) bool { return c.Type == "primary_key" || c.Type == "unique" }

// constraints declares them. PostgreSQL has none that it does not enforce: those are left
// out, as they would refuse rows that are allowed.
func (d Dialect) constraints(target addr.Relation, l *warehouse.Layout) ([]warehouse.Statement, error) {
	var out []warehouse.Statement
	for _, c := range l.Constraints {
		if !c.Enforced {
			continue
		}
		head := "alter table " + d.Quote(target)
		columns := " (" + d.idents("", c.Columns) + ")"
		what := ""
		switch c.Type {
		case "not_null":
			for _, name := range c.Columns {
				out = append(out, warehouse.Statement{SQL: head + " alter column " + d.Ident(name) + " set not null"})
			}
			continue
		case "primary_key":
			what = "primary key" + columns
		case "unique":
			what = "unique" + columns
		case "foreign_key":
			what = "foreign key" + columns + " references " + d.Quote(c.To)
			if len(c.ToColumns) > 0 {
				what += " (" + d.idents("", c.ToColumns) + ")"
			}
		case "check":
			what = "check (" + c.Expression + "\n)"
		default:
			return nil, fmt.Errorf("postgres has no constraint %q", c.Type)
		}
		out = append(out, warehouse.Statement{SQL: head + " add constraint " + d.Ident(constraintName(target.Name, c)) + " " + what})
	}
	return out, nil
}

// swap drops and renames; the names of indexes and constraints follow the table's.
func (d Dialect) swap(o warehouse.Swap) ([]warehouse.Statement, error) {
	if o.New.Schema != o.Target.Schema || o.New.Database != o.Target.Database {
		return nil, fmt.Errorf("postgres cannot rename %s into another schema", o.New)
	}
	var out []warehouse.Statement
	switch {
	case o.Old == warehouse.None:
	case o.Keep.IsZero():
		out = plain("drop " + kindWord(o.Old) + " " + d.Quote(o.Target))
	case o.Old != warehouse.Table:
		return nil, fmt.Errorf("keep %s: a %s is kept by its text", o.Target, kindWord(o.Old))
	default:
		out = plain("alter table " + d.Quote(o.Target) + " rename to " + d.Ident(o.Keep.Name))
	}
	return append(out, d.rename(o)...), nil
}

// rename gives the new relation its name.
func (d Dialect) rename(o warehouse.Swap) []warehouse.Statement {
	out := plain("alter " + kindWord(o.NewKind) + " " + d.Quote(o.New) + " rename to " + d.Ident(o.Target.Name))
	if o.Layout == nil || o.NewKind == warehouse.View || o.Copied {
		return out // the names of a copy's indexes are found when it is swapped
	}
	if o.NewKind == warehouse.Table {
		for _, c := range o.Layout.Constraints {
			was, is := constraintName(o.New.Name, c), constraintName(o.Target.Name, c)
			if c.Enforced && c.Type != "not_null" && was != is {
				out = append(out, warehouse.Statement{SQL: "alter table " + d.Quote(o.Target) + " rename constraint " + d.Ident(was) + " to " + d.Ident(is)})
			}
		}
	}
	for _, i := range o.Layout.Indexes {
		was := addr.Relation{Database: o.New.Database, Schema: o.New.Schema, Name: indexName(o.New.Name, i)}
		out = append(out, warehouse.Statement{SQL: "alter index " + d.Quote(was) + " rename to " + d.Ident(indexName(o.Target.Name, i))})
	}
	return out
}

func (d Dialect) insertSelect(target, from addr.Relation, names []string) string {
	columns := d.idents("", names)
	return "insert into " + d.Quote(target) + " (" + columns + ")\nselect " + columns + " from " + d.Quote(from)
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

// mergeHead begins a merge, whose only result row is the number of rows written.
const mergeHead = "with _updated as ("

// merge first makes sure that no two rows share a key. It is one statement without MERGE,
// which PostgreSQL 13 and 14 lack: both parts see the target as it was before.
func (d Dialect) merge(o warehouse.MergeInto) ([]warehouse.Statement, error) {
	on, err := d.equalKeys(o.Key, o.Predicates)
	if err != nil {
		return nil, fmt.Errorf("merge into %s: %w", o.Target, err)
	}
	updated := "select 1 where false"
	if update := o.UpdateColumns(); len(update) > 0 {
		sets := make([]string, len(update))
		for i, c := range update {
			sets[i] = d.Ident(c) + " = s." + d.Ident(c)
		}
		updated = "update " + d.Quote(o.Target) + " as t set " + strings.Join(sets, ", ") + "\nfrom " + d.Quote(o.From) + " as s where " + on + " returning 1"
	}
	sql := mergeHead + updated + "), _inserted as (\ninsert into " + d.Quote(o.Target) + " (" + d.idents("", o.Columns) + ")\nselect " + d.idents("s.", o.Columns) +
		" from " + d.Quote(o.From) + " as s where not exists (select from " + d.Quote(o.Target) + " as t where " + on + ") returning 1)\n" +
		"select (select count(*) from _updated) + (select count(*) from _inserted)"
	return append(d.uniqueKey(o), warehouse.Statement{SQL: sql}), nil
}

func (d Dialect) uniqueKey(o warehouse.MergeInto) []warehouse.Statement {
	var shown, notNull []string
	for _, k := range o.Key {
		shown = append(shown, "coalesce(cast("+d.Ident(k)+" as text), 'NULL')")
		notNull = append(notNull, d.Ident(k)+" is not null")
	}
	message := text("several new rows have the key "+strings.Join(o.Key, ", ")+" = ") + " || " + strings.Join(shown, " || ', ' || ")
	return d.require("select " + message + " from " + d.Quote(o.From) +
		" where " + strings.Join(notNull, " and ") + " group by " + d.idents("", o.Key) + " having count(*) > 1 limit 1")
}

// require is a Require of the engine's own, with no text of the user in it.
func (d Dialect) require(query string) []warehouse.Statement {
	s := around("select cast("+text(failure)+" || message as boolean) from (\n", query, "\n) as _row(message)")
	s.BodyStart, s.BodyEnd = 0, 0
	return []warehouse.Statement{s}
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

// partitionKey is an expression that is equal for values of one partition, and NULL for NULL.
func (d Dialect) partitionKey(p warehouse.Partition, value string) (string, error) {
	switch p.Type {
	case "int64":
		if p.Interval <= 0 {
			return "", fmt.Errorf("a partition of whole numbers needs an interval")
		}
		// All values outside of the range are one partition.
		return fmt.Sprintf("case when %[1]s >= %[2]d and %[1]s < %[3]d then floor((%[1]s - %[4]s) / %[5]d.0) when %[1]s is not null then -1 end", value, p.Start, p.End, signed(p.Start), p.Interval), nil
	case "date", "timestamp", "datetime":
		switch p.Granularity {
		case warehouse.Hour, warehouse.Day, warehouse.Month, warehouse.Year:
			return "date_trunc('" + p.Granularity + "', " + value + ")", nil
		}
		return "", fmt.Errorf("a partition has no granularity %q", p.Granularity)
	}
	return "", fmt.Errorf("a partition has no type %q", p.Type)
}

func signed(n int64) string {
	if n < 0 {
		return fmt.Sprintf("(%d)", n)
	}
	return fmt.Sprint(n)
}

// replacePartitions deletes and inserts; partitions are ranges of values.
func (d Dialect) replacePartitions(o warehouse.ReplacePartitions) ([]warehouse.Statement, error) {
	if o.Partition.Column == "" {
		return nil, fmt.Errorf("replace partitions of %s: PostgreSQL does not know when rows arrived: name a column in partition_by", o.Target)
	}
	column := d.Ident(o.Partition.Column)
	key, err := d.partitionKey(o.Partition, column)
	if err != nil {
		return nil, fmt.Errorf("replace partitions of %s: %w", o.Target, err)
	}
	remove := "delete from " + d.Quote(o.Target) + "\nwhere "
	insert := d.insertSelect(o.Target, o.From, o.Columns)
	if len(o.Only) == 0 {
		// IN is answered by a hash table, «is not distinct from» by comparing all pairs.
		return plain(remove+key+" in (select "+key+" from "+d.Quote(o.From)+" where "+column+" is not null)\n   or "+
			column+" is null and exists (select from "+d.Quote(o.From)+" where "+column+" is null)", insert), nil
	}
	only := make([]string, len(o.Only))
	for i, literal := range o.Only {
		only[i] = literal
		if o.Partition.Type == "int64" {
			if only[i], err = d.partitionKey(o.Partition, "("+literal+")"); err != nil {
				return nil, err
			}
		}
	}
	in := key + " in (" + strings.Join(only, ", ") + ")"
	check := d.require("select " + text("a new row is in none of the partitions that are replaced: "+o.Partition.Column+" = ") + " || coalesce(cast(" + column + " as text), 'NULL')\nfrom " +
		d.Quote(o.From) + " where (" + in + ") is not true limit 1")
	return append(check, plain(remove+in, insert)...), nil
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

// privileges are those of tables and views (PostgreSQL's manual, 5.8).
var privileges = []string{"select", "insert", "update", "delete", "truncate", "references", "trigger"}

// grant is a block, since whom to take the privilege from only the catalog knows.
func (d Dialect) grant(o warehouse.Grant) ([]warehouse.Statement, error) {
	privilege := strings.ToLower(o.Privilege)
	if !slices.Contains(privileges, privilege) {
		return nil, fmt.Errorf("PostgreSQL has no privilege %q for tables and views: it has %s", o.Privilege, strings.Join(privileges, ", "))
	}
	on := privilege + " on " + d.Quote(o.Relation)
	keep := []string{"''"}
	public := "true"
	var to []string
	for _, g := range o.Grantees {
		if strings.EqualFold(g, "public") {
			public = "false"
			to = append(to, "public")
			continue
		}
		keep, to = append(keep, d.Literal(g)), append(to, d.Ident(g))
	}
	body := "declare\n  _grantee text;\nbegin\n" +
		"  for _grantee in select distinct case when a.grantee = 0 then 'public' else quote_ident(r.rolname) end\n" +
		"    from pg_catalog.pg_class as c cross join lateral pg_catalog.aclexplode(c.relacl) as a left join pg_catalog.pg_roles as r on r.oid = a.grantee\n" +
		"    where c.oid = " + d.Literal(d.Quote(o.Relation)) + "::regclass and a.privilege_type = " + d.Literal(strings.ToUpper(privilege)) + " and a.grantee <> c.relowner\n" +
		"      and case when a.grantee = 0 then " + public + " else r.rolname not in (" + strings.Join(keep, ", ") + ") end\n" +
		"    order by 1\n  loop\n    execute " + d.Literal("revoke "+on+" from ") + " || _grantee;\n  end loop;\n"
	if len(to) > 0 {
		body += "  grant " + on + " to " + strings.Join(to, ", ") + ";\n"
	}
	body += "end"
	tag := "$engine$"
	for n := 1; strings.Contains(body, tag); n++ {
		tag = fmt.Sprintf("$engine%d$", n)
	}
	return plain("do " + tag + "\n" + body + "\n" + tag), nil
}

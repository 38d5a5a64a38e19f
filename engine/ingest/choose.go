package ingest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

// Choose decides which columns of a table leave the remote, as what, and as what they land in
// a warehouse with the dialect to. denied are those that stay, in the remote's order.
//
// Only what the project names is taken. Where it says «*» and the table is locked, a column
// that is not in the lock is not taken: nobody has looked at it yet. A column that is locked
// and gone is NULL, if the project says so for that case.
func Choose(w Wanted, t Table, to warehouse.Dialect) (taken []Taken, denied []string, list diag.List) {
	in := w.Source.Ingest
	locked := lockedTable(w)
	var names []string
	if in.All {
		for _, c := range t.Columns {
			if in.Takes(c.Name) && (locked == nil || lockedColumn(locked, c.Name) != nil) {
				names = append(names, c.Name)
			}
		}
		if locked != nil {
			for _, c := range locked.Columns {
				if c.Taken && in.Takes(c.Name) && t.Column(c.Name) == nil && in.Drift.RemovedColumn.V == project.DriftNull {
					names = append(names, c.Name)
				}
			}
		}
	} else {
		for _, c := range in.Columns {
			if in.Takes(c.V) {
				names = append(names, c.V)
			}
		}
	}
	for _, c := range t.Columns {
		if !slices.Contains(names, c.Name) {
			denied = append(denied, c.Name)
		}
	}
	for _, name := range names {
		c := t.Column(name)
		if c == nil {
			if null := nullFor(w, name); null != nil {
				taken = append(taken, *null)
				continue
			}
			list.Add(columnGone(w, t, name))
			continue
		}
		taken = append(taken, take(w, *c, locked, to))
	}
	for _, part := range []struct {
		what  string
		names []project.Value[string]
	}{{"except", in.Except}, {"key", in.Key}, {"watermark", []project.Value[string]{in.Watermark}}, {"transform", transformed(in)}} {
		for _, v := range part.names {
			known := t.Column(v.V) != nil || locked != nil && lockedColumn(locked, v.V) != nil
			if v.IsSet() && !known && (in.All || part.what == "except") {
				list.Add(columnUnknown(w, t, part.what, v))
			}
		}
	}
	if len(taken) == 0 && !list.HasErrors() {
		list.Add(diag.Diagnostic{Code: codeColumn, At: in.At, Model: w.Node, Message: fmt.Sprintf("no column of %q is taken", w.Node.Name), Help: `name columns in "columns", or make "except" and "deny_columns" narrower`})
	}
	list.Add(collisions(w, taken, to)...)
	return taken, denied, list
}

func transformed(in *project.Ingest) (out []project.Value[string]) {
	for _, t := range in.Transform {
		out = append(out, t.Column)
	}
	return out
}

// lockedTable is what was agreed to of the table that is read; nil: nothing yet. What the lock
// says of another one, which the source was read from before, does not count.
func lockedTable(w Wanted) *project.LockedTable {
	if w.Locked == nil || w.Locked.Remote == nil {
		return nil
	}
	if w.Locked.Remote.Name != w.Source.Ingest.Table.V {
		return nil
	}
	return w.Locked.Remote
}

func lockedColumn(t *project.LockedTable, name string) *project.RemoteColumn {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i]
		}
	}
	return nil
}

// landed is the type with which a column is in the lock; empty: it is not.
func landed(s *project.LockedSource, name string) string {
	if s == nil {
		return ""
	}
	for _, c := range s.Columns {
		if c.Name == name {
			return c.Native
		}
	}
	return ""
}

// nullFor is a column that the remote has no more and that stays as NULL; nil if it does not.
func nullFor(w Wanted, name string) *Taken {
	locked := lockedTable(w)
	typ := landed(w.Locked, name)
	in := w.Source.Ingest
	if locked == nil || typ == "" || in.Drift.RemovedColumn.V != project.DriftNull {
		return nil
	}
	if c := lockedColumn(locked, name); c == nil || !c.Taken {
		return nil
	}
	if in.Watermark.V == name || slices.ContainsFunc(in.Key, func(k project.Value[string]) bool { return k.V == name }) {
		return nil
	}
	return &Taken{Name: name, Wire: "text", Expr: "null::text", Type: typ}
}

// take is one column that is there.
func take(w Wanted, c Column, locked *project.LockedTable, to warehouse.Dialect) Taken {
	in := w.Source.Ingest
	if in.Kind.V == project.IngestFiles {
		return takeFile(w, c, locked, to)
	}
	name := quoteName(c.Name)
	text := to.Words().Text()
	out := Taken{Name: c.Name, From: c.Type, Wire: "text", Type: text}
	asText := name + "::text"
	if t := in.TransformOf(c.Name); t != nil {
		out.Transform = t.Words()
		switch t.How {
		case project.TransformHash:
			bytes := "convert_to(" + asText + ", 'UTF8')"
			if c.Base == "bytea" {
				bytes = name
			}
			out.Expr = "encode(sha256(" + bytes + "), 'hex')"
		case project.TransformTruncate:
			out.Expr = fmt.Sprintf("left(%s, %d)", asText, t.Length)
		case project.TransformConstant:
			out.Expr = quoteText(t.Constant) + "::text"
		}
	} else {
		out.Expr = asText
		typ, exact := "", false
		if l, ok := to.(warehouse.Lander); ok {
			typ, exact = l.Landing(c.Base)
		}
		if exact && retyped(w, c, typ, locked) {
			exact = false
		}
		if exact {
			out.Expr, out.Wire, out.Type = name, wireOf(c.Base), typ
			if out.Wire == "character" {
				// Its text has no blanks behind it.
				out.Expr, out.Wire = asText, "text"
			}
		}
	}
	if typ := w.Types[c.Name]; typ != "" {
		spelled := typ
		if l, ok := to.(warehouse.Lander); ok {
			if s, fits := l.Takes(out.Wire, typ); fits {
				spelled = s
			}
		}
		out.Type = spelled
		if strings.EqualFold(spelled, text) || strings.EqualFold(spelled, "character varying") {
			if out.Transform == "" {
				out.Expr = asText
			}
			out.Wire = "text"
		}
	}
	return out
}

// retyped reports whether the type of a column has changed since somebody agreed to it, such
// that it would land as something else, and is to land as a text then.
func retyped(w Wanted, c Column, typ string, locked *project.LockedTable) bool {
	if locked == nil || w.Source.Ingest.Drift.TypeChange.V != project.DriftText {
		return false
	}
	was := lockedColumn(locked, c.Name)
	return was != nil && was.Taken && !sameType(*was, agreed(c)) && !strings.EqualFold(landed(w.Locked, c.Name), typ)
}

// wireOf is a type without what does not change the form of its values: «text» for texts of
// any length, «timestamp without time zone» for any precision.
func wireOf(base string) string {
	open := strings.IndexByte(base, '(')
	if open < 0 || strings.HasPrefix(base, "numeric") {
		return base
	}
	end := strings.IndexByte(base, ')')
	return strings.TrimSpace(base[:open]) + base[end+1:]
}

// quoteName quotes a name for PostgreSQL:
// https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// quoteText writes a text for PostgreSQL; standard_conforming_strings does not matter.
func quoteText(text string) string {
	if strings.Contains(text, `\`) {
		return `E'` + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(text) + `'`
	}
	return `'` + strings.ReplaceAll(text, `'`, `''`) + `'`
}

// Query asks the remote for columns of a table, all rows.
func Query(schema, table string, columns []Taken) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.Expr
		if name := quoteName(c.Name); name != c.Expr {
			list[i] += " as " + name
		}
	}
	return "select " + strings.Join(list, ", ") + " from " + quoteName(schema) + "." + quoteName(table)
}

// Make is the plan for a source. What cannot be done is in the list, and not in the plan.
func Make(r Request, kind string, remote Remote, to warehouse.Dialect) (Plan, diag.List) {
	p := Plan{Source: r.Name, Kind: kind}
	var list diag.List
	for _, w := range r.Tables {
		in := w.Source.Ingest
		t := remote.Table(in.Table.V)
		if t == nil {
			list.Add(tableGone(w, remote))
			continue
		}
		taken, denied, found := Choose(w, *t, to)
		list.Add(found...)
		if found.HasErrors() {
			continue
		}
		p.Tables = append(p.Tables, Step{Wanted: w, From: *t, Columns: taken, Denied: denied, Query: Query(in.Schema.V, t.Name, taken), Materialized: in.Materialized.V})
	}
	return p, list
}

// collisions reports columns whose names are the same to the warehouse.
func collisions(w Wanted, taken []Taken, to warehouse.Dialect) (list diag.List) {
	if !to.Caps().FoldsCase {
		return nil
	}
	first := map[string]string{}
	for _, c := range taken {
		folded := strings.ToLower(c.Name)
		if was, twice := first[folded]; twice {
			list.Add(diag.Diagnostic{Code: codeColumn, At: w.Source.Ingest.At, Model: w.Node, Message: fmt.Sprintf("columns %q and %q of %q are one column in %s", was, c.Name, w.Node.Name, to.Name()), Help: `take one of them: name it in "columns", or put the other into "except"`})
		}
		first[folded] = c.Name
	}
	return list
}

// Diagnostics.

const (
	codeTable  diag.Code = "ingest-table"
	codeColumn diag.Code = "ingest-column"
	codeValue  diag.Code = "ingest-value"
	codeRead   diag.Code = "ingest-read"
	codeLand   diag.Code = "ingest-land"
	codeKind   diag.Code = "ingest-kind"
	// codeForeign is of a relation that is in the way.
	codeForeign diag.Code = "ingest-foreign"
)

// Codes are those of ingestion.
var Codes = []diag.Entry{
	{Code: codeTable, Title: "a table that the remote does not have", Explain: "Each table of a source that is ingested is read from a table or view of the remote schema. The name is compared letter by letter; «table» below ingest gives the remote's name where it is another one.", Bad: "ingest: {columns: \"*\"}    # of table order, which is Order there", Good: "ingest: {table: Order, columns: \"*\"}"},
	{Code: codeColumn, Title: "a column that cannot be taken from the remote", Explain: "Columns are named as the remote names them, letter by letter. A column that was there when the lock was written and is gone is drift: removed_column says what becomes of it.", Bad: "columns: [id, amont]", Good: "columns: [id, amount]"},
	{Code: codeValue, Title: "a value that does not fit where it lands", Explain: "No value is changed silently on its way: a number with too many digits, a time that the warehouse does not have, a text with bytes that are none. Declare another data_type for the column in the source's YAML, or mend the row.", Bad: "", Good: ""},
	{Code: codeRead, Title: "a source that cannot be read", Explain: "The connection of the source cannot be opened, or the remote ended a query.", Bad: "", Good: ""},
	{Code: codeLand, Title: "rows that could not be landed", Explain: "The rows came, and the warehouse did not take them. What was there before is still there.", Bad: "", Good: ""},
	{Code: codeFile, Title: "a file that cannot be read as a table", Explain: "The file is broken or cut off, is in another encoding or format, lacks a column, changed while it was read, or is not there. Nothing of the table is landed: what was there before stays.", Bad: "ingest: {kind: files, path: data/prices/*.csv}    # of which one is UTF-16", Good: "ingest: {kind: files, path: data/prices/*.csv, encoding: utf-16}"},
	{Code: codeRejects, Title: "records of files that cannot be read", Explain: "A record is rejected when it is not well formed, or when a value does not fit the type of its column without being changed. max_rejects says how many may be left out; with more, nothing of the table is landed. All of them are listed in a file below target/ingest, with file, line, column, value and reason. A record that spans several lines counts as many times, since a quote too many may join what should be apart.", Bad: "ingest: {kind: files, path: prices.csv}    # with a price «n/a»", Good: "ingest: {kind: files, path: prices.csv, null: n/a}"},
	{Code: codeForeign, Title: "a relation where a source is to land, which is not the engine's", Explain: "engine ingest replaces only what it has landed itself, as its records in the schema _engine say. What somebody else has put there stays.", Bad: "schema: raw_app    # in which another tool has made the table orders", Good: "schema: raw_app_ingested"},
	{Code: codeKind, Title: "a way of ingestion that the target does not have", Explain: "foreign makes foreign tables of PostgreSQL, federated queries of BigQuery; copy reads a PostgreSQL database into any target.", Bad: "ingest: {kind: foreign}    # on DuckDB", Good: "ingest: {kind: copy}"},
}

func at(v, or source.Span) source.Span {
	if v.IsZero() {
		return or
	}
	return v
}

func tableGone(w Wanted, r Remote) diag.Diagnostic {
	in := w.Source.Ingest
	var names []string
	for _, t := range r.Tables {
		names = append(names, t.Name)
	}
	d := diag.Diagnostic{Code: codeTable, At: at(in.Table.At, w.Source.Table.At), Model: w.Node, Message: fmt.Sprintf("there is no table %q in schema %q of connection %q, or the role may not read it", in.Table.V, in.Schema.V, in.Connection.V)}
	if near, ok := diag.Suggest(in.Table.V, names); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	} else {
		d.Help = `mend "table" or "schema" below ingest, or have SELECT granted to the role`
	}
	return d
}

func columnGone(w Wanted, t Table, name string) diag.Diagnostic {
	in := w.Source.Ingest
	place := in.At
	for _, c := range in.Columns {
		if c.V == name {
			place = c.At
		}
	}
	return columnUnknown(w, t, "columns", project.Value[string]{V: name, At: place})
}

func columnUnknown(w Wanted, t Table, key string, v project.Value[string]) diag.Diagnostic {
	var names []string
	for _, c := range t.Columns {
		if w.Source.Ingest.Denied(c.Name) == nil {
			names = append(names, c.Name)
		}
	}
	d := diag.Diagnostic{Code: codeColumn, At: v.At, Model: w.Node, Message: fmt.Sprintf("table %q of the remote has no column %q", t.Name, v.V), Help: fmt.Sprintf("remove it from %q", key)}
	if near, ok := diag.Suggest(v.V, names); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	}
	return d
}

package compile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
	"github.com/engine-build/engine/engine/transpile"
)

const (
	codeSQLInvalid    diag.Code = "sql-invalid"
	codeTableUnknown  diag.Code = "table-unknown"
	codeColumnMissing diag.Code = "column-missing"
	codeColumnUnnamed diag.Code = "column-unnamed"
	codeColumnTwice   diag.Code = "column-twice"
	codeColumnLeftOut diag.Code = "column-left-out"
	codeDialectOther  diag.Code = "dialect-other"
	codeDialectMixed  diag.Code = "dialect-mixed"
	codeNotAvailable  diag.Code = "not-available"
	codeNotAnalyzed   diag.Code = "not-analyzed"
	codeSourceColumns diag.Code = "source-columns-unknown"
	codeSourceType    diag.Code = "data-type-unknown"
	codeFunction      diag.Code = "function-refused"
	codeAnalyzerFault diag.Code = "analyzer-fault"
)

// googleCodes are what is said of GoogleSQL.
var googleCodes = []diag.Entry{
	{Code: codeSQLInvalid, Title: "SQL that GoogleSQL refuses", Explain: "The model is analyzed by Google's own analyzer, without a warehouse. Syntax, functions, types and clauses are checked; the analyzer's words are kept. Several mistakes of one model are found by setting aside the first ones: those are marked.", Bad: "select upper(1) as x", Good: "select upper('a') as x"},
	{Code: codeTableUnknown, Title: "a table that is not known", Explain: "GoogleSQL models read models through ref and tables from outside through source, so that order, columns and lineage are known. A table's own name is not known to the analyzer.", Bad: "select * from sales.orders", Good: "select * from {{ source \"sales\" \"orders\" }}"},
	{Code: codeColumnMissing, Title: "a column that is not there", Explain: "None of the tables in scope has the column. Columns of models are inferred, those of sources declared or snapshotted, those of seeds read from the file.", Bad: "select amuont from {{ ref \"orders\" }}", Good: "select amount from {{ ref \"orders\" }}"},
	{Code: codeColumnUnnamed, Title: "a column of a model without a name", Explain: "A model becomes a table or a view, and its columns need names.", Bad: "select count(*) from {{ ref \"orders\" }}", Good: "select count(*) as orders from {{ ref \"orders\" }}"},
	{Code: codeColumnTwice, Title: "two columns of a model with one name", Explain: "A model becomes a table or a view, and the names of its columns must differ, regardless of letter case.", Bad: "select a.id, b.id from …", Good: "select a.id, b.id as b_id from …"},
	{Code: codeColumnLeftOut, Title: "a star that leaves columns out", Explain: "Types that only the target has are unknown to GoogleSQL, and so are columns of such types. A star over a table that has some stands for the others alone.", Bad: "select * from {{ source \"app\" \"events\" }} -- total is a HUGEINT", Good: "select id, placed_at from {{ source \"app\" \"events\" }}"},
	{Code: codeDialectOther, Title: "SQL in the language of another warehouse", Explain: "dialect names the language of a model. GoogleSQL is translated for every target; any other passes through untouched and needs a target of that type.", Bad: "{{ config \"dialect\" \"postgres\" }} -- on a target of type duckdb", Good: "{{ config \"dialect\" \"googlesql\" }}"},
	{Code: codeDialectMixed, Title: "an ephemeral model in another language than its reader", Explain: "The text of an ephemeral model becomes part of the text of what reads it, so both need one language.", Bad: "an ephemeral model with dialect duckdb, read by a GoogleSQL model", Good: "the same model as a view"},
	{Code: codeNotAvailable, Title: "a construct that the target cannot do", Explain: "The model is right GoogleSQL, but what it says has no equal on the target of this run. It is refused rather than run with another meaning. docs/conformance.md lists what is refused.", Bad: "select st_area(g) as a from … -- on duckdb", Good: "{{ config \"dialect\" \"duckdb\" }} -- and DuckDB's own SQL below it"},
	{Code: codeNotAnalyzed, Title: "a model that cannot be analyzed", Explain: "The analyzer does not know a statement or function the model uses, so that the model cannot be translated for this target. On BigQuery it runs unchecked.", Bad: "select * from ml.predict(model m, table t) -- on duckdb", Good: "{{ config \"dialect\" \"duckdb\" }} -- and DuckDB's own SQL below it"},
	{Code: codeSourceColumns, Title: "a source whose columns are not known", Explain: "GoogleSQL models are analyzed without a connection, so columns and types of sources must be written down.", Bad: "sources: [{name: app, tables: [{name: orders}]}]", Good: "sources: [{name: app, tables: [{name: orders, columns: [{name: id, data_type: INT64}]}]}]"},
	{Code: codeSourceType, Title: "a data_type that is no type", Explain: "Types are GoogleSQL's (INT64, STRING, NUMERIC, ARRAY<STRUCT<a INT64>>) or the target's own.", Bad: "data_type: INT46", Good: "data_type: INT64"},
	{Code: codeFunction, Title: "a statement that declares no function", Explain: "Files below functions/ hold CREATE FUNCTION statements in GoogleSQL, which models can call.", Bad: "-- functions/f.sql\nselect 1", Good: "create temp function twice(x int64) as (2 * x)"},
	{Code: codeAnalyzerFault, Title: "the analyzer stumbled", Explain: "Google's analyzer failed in itself on this text. The rest of the project was analyzed all the same.", Bad: "", Good: ""},
}

// mistake words one error of the analyzer at its place in the template.
func (c *compiler) mistake(q query, e *googlesql.Error) diag.Diagnostic {
	message, details, _ := strings.Cut(e.Message, "\n")
	d := diag.Diagnostic{Code: codeSQLInvalid, Message: sentence(message), At: q.at, Model: q.node}
	for line := range strings.Lines(details) {
		// «Argument types: INT64», «Signature: UPPER(STRING)», and why each does not fit.
		if line = strings.TrimSpace(line); line != "" && len(d.Notes) < 8 {
			d.Notes = append(d.Notes, sentence(line))
		}
	}
	if e.Offset >= 0 {
		if at, ok := q.m.At(e.Offset, e.Offset+max(e.Length, 1)); ok {
			d.At = at
		} else {
			d.Notes = append(d.Notes, fmt.Sprintf("in the compiled SQL, at «%s»", strings.TrimSpace(excerpt(q.text, e.Offset))))
		}
	}
	if e.Suggestion != "" {
		d.Help = fmt.Sprintf("did you mean %q?", e.Suggestion)
	}
	switch {
	case strings.HasPrefix(e.Message, "Table not found"):
		c.unknownTable(q, e, &d)
	case strings.HasPrefix(e.Message, "Unrecognized name"), strings.Contains(e.Message, " not found inside "):
		d.Code = codeColumnMissing
		c.foreignColumn(q, e, &d)
	case d.Help == "" && strings.HasPrefix(e.Message, "Syntax error") && e.Offset >= 0 && strings.HasPrefix(q.text[min(e.Offset, len(q.text)):], "::"):
		d.Help = "GoogleSQL has no :: to cast with; write cast(… as …), or safe_cast"
	}
	if e.Likely {
		d.Notes = append(d.Notes, "found after setting aside the mistakes above")
	}
	return d
}

// unknownTable says which model or source a literal table name could be.
func (c *compiler) unknownTable(q query, e *googlesql.Error, d *diag.Diagnostic) {
	d.Code = codeTableUnknown
	name := pathAt(q.text, e.Offset)
	if at, ok := q.m.At(e.Offset, e.Offset+len(name)); ok {
		d.At = at
	}
	name = strings.ReplaceAll(name, "`", "")
	d.Message = fmt.Sprintf("no table is known as %q", name)
	d.Help = fmt.Sprintf("read models through ref, and tables from outside through source; or use the target's own SQL: {{ config \"dialect\" %q }}", c.target.Dialect.Name())
	parts := strings.Split(name, ".")
	last := parts[len(parts)-1]
	for _, u := range c.everything() {
		if strings.EqualFold(pathOf(u.Relation), name) || strings.EqualFold(u.Relation.Name, last) && (len(parts) == 1 || strings.EqualFold(u.Relation.Schema, parts[len(parts)-2])) {
			d.Help = "write " + call(u)
			if d.At.File != nil && d.At.End > d.At.Start {
				d.Edits = append(d.Edits, source.Edit{At: d.At, New: call(u)})
			}
			return
		}
	}
	if near, ok := diag.Suggest(last, c.candidates()); ok {
		d.Help = fmt.Sprintf("did you mean {{ ref %q }}?", near)
	}
}

// call is how a template reads u.
func call(u *unit) string {
	if u.kind == addr.Source {
		return fmt.Sprintf("{{ source %q %q }}", u.Source.SourceName.V, u.Source.Table.V)
	}
	if u.Version != nil {
		return u.Version.Call()
	}
	return fmt.Sprintf("{{ ref %q }}", u.ID.Name)
}

// foreignColumn explains a column that is there, but of a type that GoogleSQL does not have.
func (c *compiler) foreignColumn(q query, e *googlesql.Error, d *diag.Diagnostic) {
	name := word(q.text, e.Offset, e.Length)
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Trim(name, "`")
	for _, id := range q.reads {
		for _, col := range c.lookup(id).Columns {
			if col.Google == nil && strings.EqualFold(col.Name, name) {
				d.Message = fmt.Sprintf("%q of %s has the type %s, which GoogleSQL does not have", col.Name, id.Name, col.Type)
				d.Help = "cast it in the model that makes it, or declare its data_type"
				return
			}
		}
	}
	if d.Help == "" {
		var names []string
		for _, id := range q.reads {
			names = append(names, columnNames(c.lookup(id).Columns)...)
		}
		if near, ok := diag.Suggest(name, names); ok {
			d.Help = fmt.Sprintf("did you mean %q?", near)
		}
	}
}

// word is the text at the place of an error.
func word(text string, at, length int) string {
	if at < 0 || at > len(text) {
		return ""
	}
	return text[at:min(at+max(length, 1), len(text))]
}

// pathAt is the dotted name that begins at a place of text, quotes included.
func pathAt(text string, at int) string {
	if at < 0 || at >= len(text) {
		return ""
	}
	end, quoted := at, false
	for ; end < len(text); end++ {
		c := text[end]
		if c == '`' {
			quoted = !quoted
			continue
		}
		letter := c == '_' || c == '.' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
		if !quoted && !letter {
			break
		}
	}
	return text[at:end]
}

func excerpt(text string, offset int) string {
	offset = min(max(offset, 0), len(text))
	start := strings.LastIndexByte(text[:offset], '\n') + 1
	line, _, _ := strings.Cut(text[start:], "\n")
	return line[:min(len(line), 200)]
}

// sentence begins in lower case unless with a name, and ends without a full stop.
func sentence(s string) string {
	s = strings.TrimRight(strings.TrimSpace(s), ".")
	first, _, _ := strings.Cut(s, " ")
	if len(first) > 1 && first[0] >= 'A' && first[0] <= 'Z' && strings.ToLower(first[1:]) == first[1:] {
		s = strings.ToLower(s[:1]) + s[1:]
	}
	return s
}

func notQuery(q query, kind string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeModelNotQuery, Message: "a model is a query, not a " + strings.TrimSuffix(kind, "Stmt"), At: q.at, Model: q.node, Help: "write the query; the engine creates the table or view"}
}

func columnUnnamed(q query, position int) diag.Diagnostic {
	return diag.Diagnostic{Code: codeColumnUnnamed, Message: fmt.Sprintf("column %d has no name", position), At: q.at, Model: q.node, Help: "name it with as"}
}

func columnTwice(q query, name string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeColumnTwice, Message: fmt.Sprintf("two columns have the name %q", name), At: q.at, Model: q.node, Help: "name one of them anew with as, or leave it out"}
}

// columnsLeftOut points at the star if there is only one.
func columnsLeftOut(q query, from *unit, columns []Column) diag.Diagnostic {
	names, types := make([]string, len(columns)), make([]string, len(columns))
	for i, col := range columns {
		names[i], types[i] = fmt.Sprintf("%q", col.Name), fmt.Sprintf("%s is %s", col.Name, col.Type)
	}
	d := diag.Diagnostic{
		Severity: diag.Warning, Code: codeColumnLeftOut, At: q.at, Model: q.node,
		Message: fmt.Sprintf("the star leaves out %s of %s", strings.Join(names, ", "), from.ID.Name),
		Notes:   []string{"GoogleSQL does not have the type: " + strings.Join(types, ", ")},
		Help:    "cast it in the model that makes it, declare its data_type, or name the columns that are meant",
	}
	if stars := sql.GoogleSQL.Stars(q.text); len(stars) == 1 {
		if at, ok := q.m.At(stars[0], stars[0]+1); ok {
			d.At = at
		}
	}
	return d
}

func typeRefused(q query, column string, t *ir.Type, target string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeNotAvailable, Message: fmt.Sprintf("%q has the type %s, which %s does not have", column, t, target), At: q.at, Model: q.node, Help: fmt.Sprintf("cast it to a type that %s has, or write the model in the target's own SQL: {{ config \"dialect\" %q }}", target, target)}
}

func constructRefused(q query, r *transpile.Refusal, target string) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeNotAvailable, Message: r.What + " is not available on " + target, At: q.at, Model: q.node}
	if at, ok := q.m.At(r.At.Start, r.At.End); ok && r.At.End > 0 {
		d.At = at
	}
	if r.Why != "" {
		d.Notes = append(d.Notes, r.Why)
	}
	d.Help = fmt.Sprintf("write it another way, or write the model in the target's own SQL: {{ config \"dialect\" %q }}", target)
	return d
}

func notAnalyzed(q query, why, target string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeNotAnalyzed, Message: "it cannot be analyzed, so it cannot run on " + target, At: q.at, Model: q.node, Notes: []string{why}, Help: fmt.Sprintf("write it another way, or write the model in the target's own SQL: {{ config \"dialect\" %q }}", target)}
}

func analyzerFault(q query, err error) diag.Diagnostic {
	return diag.Diagnostic{Code: codeAnalyzerFault, Message: "the analyzer stumbled over this text", At: q.at, Model: q.node, Notes: []string{err.Error()}, Cause: err, Help: "write it in a simpler way, and please report the text"}
}

func notAnalyzable(u, parent *unit, target string) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeNotAnalyzed, Message: fmt.Sprintf("%q cannot be analyzed, so it cannot run on %s", u.ID.Name, target), At: u.at, Model: u.ID, Notes: []string{unknownParent(parent)}, Help: fmt.Sprintf("make %s known, or write the model in the target's own SQL: {{ config \"dialect\" %q }}", parent.ID.Name, target)}
	for _, r := range u.Refs {
		if r.To == parent.ID {
			d.At = r.Span
		}
	}
	if parent.kind == addr.Source {
		d.Code = codeSourceColumns
		d.Message = fmt.Sprintf("the columns of source %q are not known", parent.ID.Name)
		d.Notes = []string{parent.Unanalyzed}
		d.Labels = append(d.Labels, diag.Label{At: parent.at, Text: "declared here"})
		d.Help = "declare its columns with their data_type, or run «engine source lock»"
		if parent.Source != nil && parent.Source.Ingest != nil {
			d.Help = "run «engine ingest», which writes them down in engine.lock.json: commit it"
		}
	}
	return d
}

func testNotAnalyzed(t *Test, why, target string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeNotAnalyzed, Message: "the test cannot be analyzed, so it cannot run on " + target, At: t.At, Model: t.ID, Notes: []string{why}, Help: fmt.Sprintf("make known what it reads, or give the test config: {dialect: %s}", target)}
}

func functionRefused(f function, err error) diag.Diagnostic {
	return diag.Diagnostic{Code: codeFunction, Message: "this is no function that models can call", At: f.at, Notes: []string{err.Error()}, Cause: err, Help: "a file of functions holds CREATE FUNCTION statements"}
}

func dialectOther(dialect, target, speaks string, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeDialectOther, Message: fmt.Sprintf("this is SQL of %s, and the target %q speaks %s", dialect, target, speaks), At: at, Help: "write it in GoogleSQL, or disable the model for this target"}
}

func dialectMixed(u, ephemeral *unit, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeDialectMixed, Message: fmt.Sprintf("%q is ephemeral and written for %s, but %q for %s", ephemeral.ID.Name, ephemeral.Dialect, u.ID.Name, u.Dialect), At: at, Model: u.ID, Help: fmt.Sprintf("make %q a view", ephemeral.ID.Name)}
}

func dataTypeUnknown(col Column, err error) diag.Diagnostic {
	return diag.Diagnostic{Code: codeSourceType, Message: fmt.Sprintf("%q is no type", col.Type), At: col.At, Notes: []string{err.Error()}, Help: "types are GoogleSQL's (INT64, STRING, NUMERIC, TIMESTAMP, ARRAY<STRING> …) or the target's own"}
}

// sortReads are the nodes without the doubles.
func sortReads(reads []addr.Node) []addr.Node {
	reads = slices.Clone(reads)
	slices.SortFunc(reads, addr.Node.Compare)
	return slices.Compact(reads)
}

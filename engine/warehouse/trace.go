package warehouse

import (
	"errors"
	"fmt"
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

const (
	codeSQL      diag.Code = "sql-refused"
	codeData     diag.Code = "sql-data"
	codeSeedRow  diag.Code = "seed-row"
	codeResource diag.Code = "warehouse-resource"
	codeLost     diag.Code = "dependent-lost"
)

// Codes is this room's part of the catalogue.
var Codes = []diag.Entry{
	{Code: codeSQL, Title: "SQL that the warehouse refuses", Explain: "The warehouse (or its offline analysis) cannot run the query as rendered. The place is led back to the template; the warehouse's own words are kept.", Bad: "select amuont from {{ ref \"orders\" }}", Good: "select amount from {{ ref \"orders\" }}"},
	{Code: codeData, Title: "a value that the query cannot take", Explain: "The warehouse understood the query and ran it, and an expression failed on a value of a row: a number out of range, a division by zero, a text that is no date. The warehouse's own words are kept. What was published before is untouched.", Bad: "select cast(code as int64) from {{ ref \"orders\" }}", Good: "select safe_cast(code as int64) from {{ ref \"orders\" }}"},
	{Code: codeResource, Title: "the warehouse cannot carry it out", Explain: "The cause is not the query, which may be right: the disk is full, memory has run out, a right is missing, the connection is lost, a time limit is reached. What was published before is untouched.", Bad: "a build on a full disk", Good: "a build after making room"},
	{Code: codeLost, Title: "something that others built on a relation would be lost", Explain: "A relation is to be replaced or changed, and a view of someone else that reads it cannot be made again (it reads a column that is gone), or a trigger, a foreign key or the like stands on it. Nothing is changed.", Bad: "a model that loses a column which a view of the reporting team reads", Good: "the same model after the view was changed"},
	{Code: codeSeedRow, Title: "a row of a seed that cannot be loaded", Explain: "The record has too few or too many fields, broken quotes, or a value that does not fit its type. Nothing of the file is loaded: the seed keeps its previous content.", Bad: "id,amount\n1,ten", Good: "id,amount\n1,10"},
}

// Trace words an error of the warehouse as a diagnostic in the user's own file: the
// error's offset in the statement, minus what the engine wrote around the user's text,
// through the source map. Without a way back the diagnostic stands at fallback and shows
// the statement's line.
func Trace(d Dialect, stmt Statement, m *source.Map, fallback source.Span, err error) diag.Diagnostic {
	e := Explain(d, err)
	out := diag.Diagnostic{Code: codeSQL, Message: e.Message, At: fallback, Cause: err, Help: e.Help}
	var dependent *DependentError
	switch {
	case errors.As(err, &dependent):
		out.Code = codeLost
	case e.Help != "":
		out.Code = codeResource
	case e.Data:
		out.Code = codeData
	}
	if len(e.Candidates) > 0 {
		if near, ok := diag.Suggest(e.Word, e.Candidates); ok {
			out.Help = fmt.Sprintf("did you mean %q?", near)
		} else {
			out.Help = "known are " + strings.Join(e.Candidates[:min(6, len(e.Candidates))], ", ")
		}
	}
	offset, length, ok := d.ErrorAt(stmt, err)
	if !ok {
		return out
	}
	if offset >= stmt.BodyStart && offset <= stmt.BodyEnd {
		if span, found := m.At(offset-stmt.BodyStart, offset-stmt.BodyStart+max(length, 1)); found {
			out.At = span
			return out
		}
	}
	line := lineAt(stmt.SQL, offset)
	out.Notes = append(out.Notes, fmt.Sprintf("in the compiled SQL, at «%s»", strings.TrimSpace(line[:min(len(line), 200)])))
	return out
}

// lineAt is the line of text that holds the offset.
func lineAt(text string, offset int) string {
	offset = min(max(offset, 0), len(text))
	start := strings.LastIndexByte(text[:offset], '\n') + 1
	line, _, _ := strings.Cut(text[start:], "\n")
	return line
}

// TraceLoad words what a loader refused, one diagnostic per record, each at its line of
// file. A file without data (too large to read again) gives the line as a number.
func TraceLoad(file *source.File, err error) diag.List {
	var load *LoadError
	if !errors.As(err, &load) || len(load.Rows) == 0 {
		return diag.List{{Code: codeSeedRow, Message: fmt.Sprintf("seed %s cannot be read", file.Path), At: file.Whole(), Notes: []string{err.Error()}, Cause: err, Help: "a seed is a UTF-8 file with a header line"}}
	}
	var ds diag.List
	for i, row := range load.Rows {
		d := diag.Diagnostic{Code: codeSeedRow, Message: row.Reason, At: file.Whole(), Cause: err}
		if text := file.Line(row.Line); text != "" {
			start := file.Offset(row.Line, 1)
			d.At = file.Span(start, start+len(text))
			if at := strings.Index(text, row.Value); at >= 0 && row.Value != "" && row.Name != "" {
				d.At = file.Span(start+at, start+at+len(row.Value))
			}
		} else if row.Line > 0 {
			d.Message = fmt.Sprintf("line %d: %s", row.Line, row.Reason)
		}
		if row.Name != "" && row.Line > 1 {
			d.Help = fmt.Sprintf("mend the value, or set another type for the column: column_types: {%s: …}", row.Name)
		}
		if i == len(load.Rows)-1 && load.More > 0 {
			d.Notes = append(d.Notes, fmt.Sprintf("%d more records are refused", load.More))
		}
		ds.Add(d)
	}
	return ds
}

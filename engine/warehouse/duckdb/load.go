package duckdb

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// Load makes a table from a CSV or Parquet file of any size in constant memory.
//
// A CSV file is first checked as a whole (warehouse.CheckCSV), then read by DuckDB. An
// empty field is NULL; an empty text in quotes is an empty text, which fits VARCHAR only.
// Dates and times are read in ISO form. Whole-number columns take digits only: DuckDB
// alone would round 1.5 and read 1e3 and 0x10.
func (s session) Load(ctx context.Context, target addr.Relation, columns []warehouse.Column, f warehouse.File) (warehouse.JobStats, error) {
	start := time.Now()
	found, err := s.fileColumns(ctx, columns, f)
	if err != nil {
		return warehouse.JobStats{}, err
	}
	var d Dialect
	stmt := warehouse.Statement{SQL: "create table " + d.Quote(target) + " as select * from " + readCSV(f, found, "")}
	if f.Format == "parquet" {
		stmt = d.createTableAs(warehouse.CreateTableAs{Target: target, Query: "select " + d.idents("", columnNames(found)) + " from " + readParquet(f), Columns: found})[0]
		stmt.BodyStart, stmt.BodyEnd = 0, 0
	}
	stats, err := s.Exec(ctx, stmt)
	stats.Duration = time.Since(start)
	if err != nil && f.Format != "parquet" && ctx.Err() == nil {
		if k := Classify(err); k == Conversion || k == Data {
			err = s.refused(ctx, f, found, err)
		}
	}
	return stats, err
}

// Sniff finds the columns of a file. The types of a CSV file are found by looking at every
// value: BOOLEAN (true, false), BIGINT, DOUBLE, DATE, TIMESTAMP, TIMESTAMP WITH TIME ZONE
// (ISO forms only), otherwise VARCHAR, which is also the type of a column without values.
// Numbers with leading zeros or a plus sign are text (article numbers, telephone numbers),
// and so are numbers too long to be exact.
func (s session) Sniff(ctx context.Context, f warehouse.File) ([]warehouse.Column, error) {
	return s.fileColumns(ctx, nil, f)
}

// fileColumns gives the columns of a file in file order, with the types of columns where
// they are given.
func (s session) fileColumns(ctx context.Context, columns []warehouse.Column, f warehouse.File) ([]warehouse.Column, error) {
	if f.Format == "parquet" {
		return s.parquetColumns(ctx, columns, f)
	}
	checks := map[string]warehouse.ValueCheck{}
	for _, c := range columns {
		if wholeType(c.Type) {
			checks[strings.ToLower(c.Name)] = wholeNumber(c.Type)
		}
	}
	csv, err := warehouse.CheckCSV(ctx, f, checks)
	if err != nil {
		return nil, err
	}
	found := make([]warehouse.Column, len(csv.Header))
	for i, name := range csv.Header {
		found[i] = warehouse.Column{Name: name, Nullable: true}
	}
	if err := giveTypes(found, columns); err != nil {
		return nil, err
	}
	return found, s.inferTypes(ctx, f, found)
}

// giveTypes takes over the types that are known; a known column must be in the file.
func giveTypes(found, known []warehouse.Column) error {
	bad := &warehouse.LoadError{}
	for _, c := range known {
		i := slices.IndexFunc(found, func(f warehouse.Column) bool { return strings.EqualFold(f.Name, c.Name) })
		if i < 0 {
			bad.Rows = append(bad.Rows, warehouse.BadRow{Line: 1, Name: c.Name, Reason: fmt.Sprintf("the header has no column %q, only %s", c.Name, strings.Join(columnNames(found), ", "))})
			continue
		}
		found[i].Type = c.Type
	}
	if len(bad.Rows) > 0 {
		return bad
	}
	return nil
}

func (s session) parquetColumns(ctx context.Context, known []warehouse.Column, f warehouse.File) ([]warehouse.Column, error) {
	found, err := s.describe(ctx, warehouse.Statement{SQL: "describe select * from " + readParquet(f)})
	if err != nil {
		return nil, err
	}
	return found, giveTypes(found, known)
}

// describe runs a DESCRIBE statement.
func (s session) describe(ctx context.Context, stmt warehouse.Statement) ([]warehouse.Column, error) {
	r, err := s.q.QueryContext(ctx, stmt.SQL)
	if err != nil {
		return nil, wrap(ctx, stmt, err)
	}
	defer r.Close()
	var out []warehouse.Column
	for r.Next() {
		var name, typ, nullable string
		var key, value, extra sql.NullString
		if err := r.Scan(&name, &typ, &nullable, &key, &value, &extra); err != nil {
			return nil, fmt.Errorf("read columns: %w", err)
		}
		out = append(out, warehouse.Column{Name: name, Type: typ, Nullable: nullable == "YES"})
	}
	return out, wrap(ctx, stmt, r.Err())
}

const (
	isoDate = `[0-9]{4}-[0-9]{2}-[0-9]{2}`
	isoTime = `[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?`
	isoZone = ` ?(Z|[+-][0-9]{2}(:?[0-9]{2})?)`
)

// guesses are tried in this order; X stands for the value. All values must pass.
var guesses = []struct{ typ, test string }{
	{"BOOLEAN", `lower(X) in ('true', 'false')`},
	{"BIGINT", `regexp_full_match(X, '-?(0|[1-9][0-9]{0,18})') and try_cast(X as bigint) is not null`},
	{"DOUBLE", `regexp_full_match(X, '-?(0|[1-9][0-9]{0,14})?(\.[0-9]*)?([eE][+-]?[0-9]+)?') and try_cast(X as double) is not null`},
	{"DATE", `regexp_full_match(X, '` + isoDate + `') and try_cast(X as date) is not null`},
	{"TIMESTAMP", `regexp_full_match(X, '` + isoDate + `(` + isoTime + `)?') and try_cast(X as timestamp) is not null`},
	{"TIMESTAMP WITH TIME ZONE", `regexp_full_match(X, '` + isoDate + isoTime + isoZone + `') and try_cast(X as timestamptz) is not null`},
}

// inferTypes fills the missing types with one scan.
func (s session) inferTypes(ctx context.Context, f warehouse.File, columns []warehouse.Column) error {
	var d Dialect
	var tests []string
	var missing []int
	asText := slices.Clone(columns)
	for i := range columns {
		asText[i].Type = "VARCHAR"
		if columns[i].Type != "" {
			continue
		}
		missing = append(missing, i)
		for _, g := range guesses {
			x := d.Ident(columns[i].Name)
			tests = append(tests, "bool_and("+strings.ReplaceAll(g.test, "X", x)+") filter (where "+x+" is not null)")
		}
	}
	if len(missing) == 0 {
		return nil
	}
	stmt := warehouse.Statement{SQL: "select " + strings.Join(tests, ", ") + " from " + readCSV(f, asText, "")}
	verdicts := make([]sql.NullBool, len(tests))
	into := make([]any, len(tests))
	for i := range verdicts {
		into[i] = &verdicts[i]
	}
	r, err := s.q.QueryContext(ctx, stmt.SQL)
	if err != nil {
		return wrap(ctx, stmt, err)
	}
	defer r.Close()
	if !r.Next() {
		return wrap(ctx, stmt, r.Err())
	}
	if err := r.Scan(into...); err != nil {
		return fmt.Errorf("read types of %s: %w", f.Path, err)
	}
	for n, i := range missing {
		columns[i].Type = "VARCHAR"
		for g := range guesses {
			if verdicts[n*len(guesses)+g].Bool {
				columns[i].Type = guesses[g].typ
				break
			}
		}
	}
	return nil
}

// readCSV calls DuckDB's reader with everything spelled out, so that nothing is guessed.
// The path is in a list: a path alone may have its «*» and «?» expanded.
func readCSV(f warehouse.File, columns []warehouse.Column, extra string) string {
	var d Dialect
	types := make([]string, len(columns))
	for i, c := range columns {
		types[i] = d.Literal(c.Name) + ": " + d.Literal(c.Type)
	}
	delimiter := ","
	if f.Delimiter != 0 {
		delimiter = string(f.Delimiter)
	}
	return "read_csv([" + d.Literal(f.Path) + "], auto_detect = false, header = true, columns = {" + strings.Join(types, ", ") +
		"}, delim = " + d.Literal(delimiter) + `, quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false` +
		", null_padding = false, strict_mode = true, hive_partitioning = false, compression = 'none'" +
		fmt.Sprintf(", max_line_size = %d", warehouse.MaxRecord+1024) + extra + ")"
}

func readParquet(f warehouse.File) string {
	return "read_parquet([" + Dialect{}.Literal(f.Path) + "], hive_partitioning = false)"
}

// refused finds the records that DuckDB did not take by reading once more, with a table
// of rejects, on a connection of its own: the one at hand may be in a failed transaction.
func (s session) refused(ctx context.Context, f warehouse.File, columns []warehouse.Column, cause error) error {
	c, err := s.db.Conn(ctx)
	if err != nil {
		return cause
	}
	defer c.Close()
	rejects, counts := "_engine_rejects", make([]string, len(columns))
	for i, col := range columns {
		counts[i] = "count(" + Dialect{}.Ident(col.Name) + ")"
	}
	read := "select " + strings.Join(counts, ", ") + " from " + readCSV(f, columns, ", store_rejects = true, rejects_limit = 10000, rejects_table = '"+rejects+"', rejects_scan = '"+rejects+"_scan'")
	defer func() {
		for _, t := range []string{rejects, rejects + "_scan"} {
			c.ExecContext(context.Background(), "drop table if exists temp."+t)
		}
	}()
	if _, err := c.ExecContext(ctx, read); err != nil {
		return cause
	}
	bad, err := readRejects(ctx, c, rejects, f, columns)
	if err != nil || len(bad.Rows) == 0 {
		return cause
	}
	return bad
}

func readRejects(ctx context.Context, c *sql.Conn, table string, f warehouse.File, columns []warehouse.Column) (*warehouse.LoadError, error) {
	r, err := c.QueryContext(ctx, "select line_byte_position, coalesce(column_idx, 0), error_type, left(csv_line, 100000), error_message, count(*) over ()"+
		" from temp."+table+" order by line_byte_position, column_idx limit 20")
	if err != nil {
		return nil, err
	}
	defer r.Close()
	bad := &warehouse.LoadError{}
	var offsets []int64
	for r.Next() {
		var offset, field, total int64
		var kind, record, message string
		if err := r.Scan(&offset, &field, &kind, &record, &message, &total); err != nil {
			return nil, err
		}
		row := warehouse.BadRow{Field: int(field), Value: record, Reason: message}
		if value, ok := warehouse.CSVField(record, int(field)-1, f.Delimiter); ok && kind == "CAST" && int(field) <= len(columns) {
			row.Name, row.Value, row.Reason = columns[field-1].Name, value, notOfType(value, columns[field-1].Type)
		}
		bad.Rows = append(bad.Rows, row)
		bad.More = int(total) - len(bad.Rows)
		offsets = append(offsets, offset-1)
	}
	lines, err := linesAt(f, offsets)
	if err != nil {
		return nil, err
	}
	for i := range bad.Rows {
		bad.Rows[i].Line = lines[i]
	}
	return bad, r.Err()
}

func notOfType(value, typ string) string {
	if value == "" {
		return "an empty text in quotes is not of type " + typ + ": leave the field empty for NULL"
	}
	return fmt.Sprintf("%q is not of type %s", value, typ)
}

// linesAt finds the physical lines, from 1, of records that start at byte offsets in
// ascending order. With CR LF DuckDB names the LF before the record, so that the byte
// at the offset is counted, too.
func linesAt(f warehouse.File, offsets []int64) ([]int, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	out := make([]int, 0, len(offsets))
	buf := make([]byte, 1<<20)
	line, done := 1, int64(0)
	for len(out) < len(offsets) {
		want := min(offsets[len(out)]+1-done, int64(len(buf)))
		if want > 0 {
			n, err := io.ReadFull(r, buf[:want])
			line += bytes.Count(buf[:n], []byte{'\n'})
			done += int64(n)
			if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && err != io.EOF {
				return nil, err
			}
			if err == nil {
				continue
			}
		}
		out = append(out, line)
	}
	return out, nil
}

func columnNames(columns []warehouse.Column) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = c.Name
	}
	return out
}

func wholeType(typ string) bool {
	switch strings.ToUpper(strings.TrimSpace(typ)) {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
		"INT", "INT1", "INT2", "INT4", "INT8", "INT16", "INT32", "INT64", "INT128", "SHORT", "LONG", "SIGNED", "BIGNUM":
		return true
	}
	return false
}

// wholeNumber accepts digits with a sign and blanks around.
func wholeNumber(typ string) warehouse.ValueCheck {
	return func(v []byte) string {
		digits := bytes.TrimSpace(v)
		if len(digits) > 1 && (digits[0] == '-' || digits[0] == '+') {
			digits = digits[1:]
		}
		for _, b := range digits {
			if b < '0' || b > '9' {
				return notOfType(string(v), typ)
			}
		}
		if len(digits) == 0 {
			return notOfType(string(v), typ)
		}
		return ""
	}
}

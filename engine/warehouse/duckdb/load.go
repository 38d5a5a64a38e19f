package duckdb

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strconv"
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
	stmt := warehouse.Statement{SQL: "create table " + d.Quote(target) + " as select * from " + readCSV(f, found)}
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

// Sniff finds the columns of a file. The types of a CSV file follow from every value
// (warehouse.SniffCSV), unless all of them are known: then the header is enough, and the
// values are checked when they are loaded.
func (s session) Sniff(ctx context.Context, f warehouse.File, known ...warehouse.Column) ([]warehouse.Column, error) {
	if f.Format == "parquet" || len(known) == 0 {
		return s.fileColumns(ctx, nil, f)
	}
	header, err := warehouse.CSVHeader(f)
	if err != nil {
		return nil, err
	}
	found := make([]warehouse.Column, len(header))
	for i, name := range header {
		k := slices.IndexFunc(known, func(c warehouse.Column) bool { return strings.EqualFold(c.Name, name) && c.Type != "" })
		if k < 0 {
			return s.fileColumns(ctx, nil, f)
		}
		found[i] = warehouse.Column{Name: name, Type: known[k].Type, Nullable: true}
	}
	return found, nil
}

// fileColumns gives the columns of a file in file order, with the types of columns where
// they are given.
func (s session) fileColumns(ctx context.Context, columns []warehouse.Column, f warehouse.File) ([]warehouse.Column, error) {
	if f.Format == "parquet" {
		return s.parquetColumns(ctx, columns, f)
	}
	found, err := csvColumns(ctx, columns, f)
	if err != nil {
		return nil, err
	}
	return found, giveTypes(found, columns)
}

var shapeTypes = map[warehouse.Shape]string{
	warehouse.ShapeText: "VARCHAR", warehouse.ShapeBool: "BOOLEAN", warehouse.ShapeInt: "BIGINT", warehouse.ShapeFloat: "DOUBLE",
	warehouse.ShapeDate: "DATE", warehouse.ShapeTimestamp: "TIMESTAMP", warehouse.ShapeTimestampTZ: "TIMESTAMP WITH TIME ZONE",
}

// csvColumns checks a CSV file, whole numbers included, and looks at all values only
// where a type is missing.
func csvColumns(ctx context.Context, columns []warehouse.Column, f warehouse.File) ([]warehouse.Column, error) {
	if len(columns) == 0 {
		return sniffCSV(ctx, f)
	}
	csv, err := warehouse.CheckCSV(ctx, f, func(column string) warehouse.ValueCheck {
		for _, c := range columns {
			if strings.EqualFold(c.Name, column) && wholeType(c.Type) {
				return wholeNumber(c.Type)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	found := make([]warehouse.Column, len(csv.Header))
	missing := false
	for i, name := range csv.Header {
		found[i] = warehouse.Column{Name: name, Nullable: true}
		missing = missing || !slices.ContainsFunc(columns, func(c warehouse.Column) bool { return strings.EqualFold(c.Name, name) && c.Type != "" })
	}
	if missing {
		return sniffCSV(ctx, f)
	}
	return found, nil
}

func sniffCSV(ctx context.Context, f warehouse.File) ([]warehouse.Column, error) {
	csv, shapes, err := warehouse.SniffCSV(ctx, f)
	if err != nil {
		return nil, err
	}
	found := make([]warehouse.Column, len(csv.Header))
	for i, name := range csv.Header {
		found[i] = warehouse.Column{Name: name, Type: shapeTypes[shapes[i]], Nullable: true}
	}
	return found, nil
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
		if c.Type != "" {
			found[i].Type = c.Type
		}
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

// readCSV calls DuckDB's reader with everything spelled out, so that nothing is guessed.
// The path is in a list: a path alone may have its «*» and «?» expanded.
func readCSV(f warehouse.File, columns []warehouse.Column) string {
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
		fmt.Sprintf(", max_line_size = %d", warehouse.MaxRecord+1024) + ")"
}

func readParquet(f warehouse.File) string {
	return "read_parquet([" + Dialect{}.Literal(f.Path) + "], hive_partitioning = false)"
}

// refused finds the values that DuckDB did not take by reading them as text and casting
// one by one, on a connection of its own: the one at hand may be in a failed transaction.
// DuckDB's own table of rejects is not used: it takes memory without limit.
func (s session) refused(ctx context.Context, f warehouse.File, columns []warehouse.Column, cause error) error {
	c, err := s.db.Conn(ctx)
	if err != nil {
		return cause
	}
	defer c.Close()
	defer s.q.gate.enter(false)()
	bad, err := badValues(ctx, c, f, columns)
	if err != nil || len(bad.Rows) == 0 {
		return cause
	}
	return bad
}

const maxListed = 20

func badValues(ctx context.Context, c *sql.Conn, f warehouse.File, columns []warehouse.Column) (*warehouse.LoadError, error) {
	asText := slices.Clone(columns)
	var shown, tests, counts []string
	for i, col := range columns {
		asText[i].Type = "VARCHAR"
		name := Dialect{}.Ident(col.Name)
		test := "(" + name + " is not null and try_cast(" + name + " as " + col.Type + ") is null)"
		shown = append(shown, "case when "+test+" then "+name+" end")
		tests = append(tests, test)
		counts = append(counts, "count(*) filter (where "+test+")")
	}
	from := " from " + readCSV(f, asText)
	record := "_record"
	for slices.ContainsFunc(columns, func(c warehouse.Column) bool { return strings.EqualFold(c.Name, record) }) {
		record = "_" + record
	}
	r, err := c.QueryContext(ctx, "select "+record+", "+strings.Join(shown, ", ")+" from (select row_number() over () as "+record+", *"+from+")"+
		" where "+strings.Join(tests, " or ")+fmt.Sprintf(" order by %s limit %d", record, maxListed))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	bad := &warehouse.LoadError{}
	var records []int64
	for r.Next() && len(bad.Rows) < maxListed {
		var record int64
		values := make([]sql.NullString, len(columns))
		into := []any{&record}
		for i := range values {
			into = append(into, &values[i])
		}
		if err := r.Scan(into...); err != nil {
			return nil, err
		}
		for i, v := range values {
			if v.Valid && len(bad.Rows) < maxListed {
				bad.Rows = append(bad.Rows, warehouse.BadRow{Field: i + 1, Name: columns[i].Name, Value: v.String, Reason: notOfType(v.String, columns[i].Type)})
				records = append(records, record)
			}
		}
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	lines, err := warehouse.CSVLines(f, records)
	if err != nil || len(lines) != len(records) {
		return nil, err
	}
	for i := range lines {
		bad.Rows[i].Line = lines[i]
	}
	var total int64
	if err := c.QueryRowContext(ctx, "select "+strings.Join(counts, " + ")+from).Scan(&total); err != nil {
		return nil, err
	}
	bad.More = int(total) - len(bad.Rows)
	return bad, nil
}

func notOfType(value, typ string) string {
	if value == "" {
		return "an empty text in quotes is not of type " + typ + ": leave the field empty for NULL"
	}
	return fmt.Sprintf("%q is not of type %s", value, typ)
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

// wholeNumber accepts digits with a sign and blanks around, within the range of typ.
func wholeNumber(typ string) warehouse.ValueCheck {
	lowest, highest := wholeRange(typ)
	return func(v []byte) string {
		number := bytes.TrimSpace(v)
		digits := number
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
		if highest == 0 || len(digits) < 3 && number[0] != '-' {
			return ""
		}
		if n, err := strconv.ParseInt(string(number), 10, 64); err != nil || n < lowest || n > highest {
			return fmt.Sprintf("%s is out of the range of %s", number, typ)
		}
		return ""
	}
}

// wholeRange is the range of a whole-number type, 0 and 0 where int64 does not hold it:
// DuckDB finds those out itself.
func wholeRange(typ string) (lowest, highest int64) {
	switch strings.ToUpper(strings.TrimSpace(typ)) {
	case "TINYINT", "INT1":
		return math.MinInt8, math.MaxInt8
	case "SMALLINT", "INT2", "INT16", "SHORT":
		return math.MinInt16, math.MaxInt16
	case "INTEGER", "INT", "INT4", "INT32", "SIGNED":
		return math.MinInt32, math.MaxInt32
	case "BIGINT", "INT8", "INT64", "LONG":
		return math.MinInt64, math.MaxInt64
	case "UTINYINT":
		return 0, math.MaxUint8
	case "USMALLINT":
		return 0, math.MaxUint16
	case "UINTEGER":
		return 0, math.MaxUint32
	}
	return 0, 0
}

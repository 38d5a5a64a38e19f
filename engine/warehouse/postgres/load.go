package postgres

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// Load makes a table from a CSV file of any size in constant memory, by COPY.
//
// The file is first checked as a whole (warehouse.CheckCSV). An empty field is NULL; an
// empty text in quotes is an empty text. Whole-number columns take digits only, dates and
// times are read in ISO form: PostgreSQL alone would read «now», «1/2/2024» and, since
// version 16, 0x10. Parquet files are refused.
func (s session) Load(ctx context.Context, target addr.Relation, columns []warehouse.Column, f warehouse.File) (warehouse.JobStats, error) {
	start := time.Now()
	stats := warehouse.JobStats{Rows: -1, Bytes: -1}
	found, err := fileColumns(ctx, columns, f)
	if err != nil {
		return stats, err
	}
	if s.own == nil {
		t, err := (&conn{s}).Begin(ctx)
		if err != nil {
			return stats, err
		}
		defer t.Close()
		if stats, err = t.(*tx).load(ctx, target, found, f); err != nil {
			return stats, err
		}
		stats.Duration = time.Since(start)
		return stats, t.Commit(ctx)
	}
	stats, err = s.load(ctx, target, found, f)
	stats.Duration = time.Since(start)
	return stats, err
}

// load fills a table within a transaction.
func (s session) load(ctx context.Context, target addr.Relation, columns []warehouse.Column, f warehouse.File) (warehouse.JobStats, error) {
	var d Dialect
	stats := warehouse.JobStats{Rows: -1, Bytes: -1}
	made, err := d.Render(warehouse.CreateTable{Target: target, Columns: columns, Layout: f.Layout})
	if err != nil {
		return stats, err
	}
	// Indexes and constraints follow the rows: that is quicker.
	if _, err := s.Exec(ctx, made[0]); err != nil {
		return stats, err
	}
	tag, err := copyCSV(ctx, s.own.Conn().PgConn(), "copy "+d.Quote(target)+" from stdin", f, columns, nil)
	if err == nil {
		stats.Rows = tag.RowsAffected()
		for _, stmt := range made[1:] {
			if _, err := s.Exec(ctx, stmt); err != nil {
				return stats, err
			}
		}
		return stats, nil
	}
	if ctx.Err() != nil {
		return stats, wrap(ctx, warehouse.Statement{}, err)
	}
	bad := &badField{}
	var pg *pgconn.PgError
	if !errors.As(err, &bad) && !(errors.As(err, &pg) && (strings.HasPrefix(pg.Code, "22") || pg.Code == "23514")) {
		return stats, wrap(ctx, warehouse.Statement{}, err)
	}
	return stats, s.refused(ctx, f, columns, err)
}

// Sniff finds the columns of a CSV file. The types follow from every value
// (warehouse.SniffCSV), unless all of them are known: then the header is enough, and the
// values are checked when they are loaded.
func (s session) Sniff(ctx context.Context, f warehouse.File, known ...warehouse.Column) ([]warehouse.Column, error) {
	if f.Format != "parquet" && len(known) > 0 {
		header, err := warehouse.CSVHeader(f)
		if err != nil {
			return nil, err
		}
		found := make([]warehouse.Column, len(header))
		for i, name := range header {
			found[i] = warehouse.Column{Name: name, Nullable: true}
			for _, c := range known {
				if strings.EqualFold(c.Name, name) {
					found[i].Type = c.Type
				}
			}
		}
		if !slices.ContainsFunc(found, func(c warehouse.Column) bool { return c.Type == "" }) {
			return found, nil
		}
	}
	return fileColumns(ctx, nil, f)
}

func fileColumns(ctx context.Context, known []warehouse.Column, f warehouse.File) ([]warehouse.Column, error) {
	if f.Format == "parquet" {
		return nil, &warehouse.LoadError{Rows: []warehouse.BadRow{{Reason: "PostgreSQL has no reader for Parquet files: give the seed as CSV"}}}
	}
	return warehouse.CSVColumns(ctx, f, known, warehouse.CSVTypes{Of: map[warehouse.Shape]string{
		warehouse.ShapeText: "text", warehouse.ShapeBool: "boolean", warehouse.ShapeInt: "bigint", warehouse.ShapeFloat: "double precision",
		warehouse.ShapeDate: "date", warehouse.ShapeTimestamp: "timestamp without time zone", warehouse.ShapeTimestampTZ: "timestamp with time zone",
	}, Check: wholeNumber})
}

// wholeNumber accepts digits with a sign and blanks around, within the range of typ; it is
// nil for types that are no whole numbers.
func wholeNumber(typ string) warehouse.ValueCheck {
	bits := 0
	switch baseType(typ) {
	case "smallint", "int2":
		bits = 16
	case "integer", "int", "int4":
		bits = 32
	case "bigint", "int8":
		bits = 64
	default:
		return nil
	}
	lowest, highest := int64(math.MinInt64)>>(64-bits), int64(math.MaxInt64)>>(64-bits)
	return func(v []byte) string {
		number := bytes.TrimSpace(v)
		digits := number
		if len(digits) > 1 && (digits[0] == '-' || digits[0] == '+') {
			digits = digits[1:]
		}
		if len(digits) == 0 || len(bytes.Trim(digits, "0123456789")) > 0 {
			return notOfType(string(v), typ)
		}
		if n, err := strconv.ParseInt(string(number), 10, 64); err != nil || n < lowest || n > highest {
			return fmt.Sprintf("%s is out of the range of %s", number, typ)
		}
		return ""
	}
}

// baseType is a type without case, length and precision: «timestamp» of timestamp(3) without time zone.
func baseType(typ string) string {
	t := strings.ToLower(strings.TrimSpace(typ))
	if i := strings.IndexAny(t, "( "); i > 0 {
		t = t[:i]
	}
	return t
}

func notOfType(value, typ string) string {
	if value == "" {
		return "an empty text in quotes is not of type " + typ + ": leave the field empty for NULL"
	}
	return fmt.Sprintf("%q is not of type %s", value, typ)
}

// dated reports whether values of a type are times, whose text must begin with digits.
func dated(typ string) bool {
	switch baseType(typ) {
	case "date", "timestamp", "timestamptz", "time", "timetz":
		return !strings.HasSuffix(typ, "]")
	}
	return false
}

// isoPattern is what isISO accepts, as a regular expression of PostgreSQL.
const (
	isoDay  = `^\s*([0-9]{4,6}-[0-9]{2}-[0-9]{2}([ T].*)?|-?infinity)\s*$`
	isoTime = `^\s*[0-9]{2}:[0-9]{2}.*$`
)

// isISO reports whether a text has the form of a date or time that means the same always
// and everywhere. The rest the server judges.
func isISO(v []byte, typ string) bool {
	v = bytes.TrimSpace(v)
	n := 0
	for n < len(v) && v[n] >= '0' && v[n] <= '9' {
		n++
	}
	two := func(i int) bool {
		return len(v) >= i+2 && v[i] >= '0' && v[i] <= '9' && v[i+1] >= '0' && v[i+1] <= '9'
	}
	if strings.HasPrefix(baseType(typ), "time") && !strings.HasPrefix(baseType(typ), "timestamp") {
		return n == 2 && len(v) > 2 && v[2] == ':' && two(3)
	}
	if string(bytes.TrimPrefix(v, []byte("-"))) == "infinity" {
		return true
	}
	return n >= 4 && n <= 6 && len(v) >= n+6 && v[n] == '-' && two(n+1) && v[n+3] == '-' && two(n+4) && (len(v) == n+6 || v[n+6] == ' ' || v[n+6] == 'T')
}

// badField is a value that is refused before it is sent. Record counts from 1 after the header.
type badField struct {
	record int64
	field  int
	value  string
	reason string
}

func (e *badField) Error() string { return e.reason }

// copyCSV sends the records of a file in the text format of COPY. With number, each
// record has its number in front.
func copyCSV(ctx context.Context, pg *pgconn.PgConn, sql string, f warehouse.File, columns []warehouse.Column, number *int64) (pgconn.CommandTag, error) {
	out, in := io.Pipe()
	failed := make(chan error, 1)
	go func() {
		err := writeCopy(ctx, in, f, columns, number)
		in.CloseWithError(err)
		failed <- err
	}()
	tag, err := pg.CopyFrom(ctx, out, sql)
	out.CloseWithError(errors.New("the server ended the load"))
	// What is wrong with the file tells more than the server's word about the broken load.
	if own := <-failed; own != nil && err != nil && !strings.Contains(own.Error(), "the server ended the load") {
		return tag, own
	}
	return tag, err
}

// copyBuffer is how much is handed to the server at once, in bytes.
const copyBuffer = 64 << 10

func writeCopy(ctx context.Context, to io.Writer, f warehouse.File, columns []warehouse.Column, number *int64) error {
	w := bufio.NewWriterSize(to, copyBuffer)
	strict := make([]bool, len(columns))
	for i, c := range columns {
		strict[i] = dated(c.Type) && number == nil
	}
	record := int64(0)
	err := warehouse.ReadCSV(ctx, f, func(fields [][]byte) error {
		record++
		if number != nil {
			w.WriteString(strconv.FormatInt(record, 10))
			w.WriteByte('\t')
		}
		for i, v := range fields {
			if i > 0 {
				w.WriteByte('\t')
			}
			switch {
			case v == nil:
				w.WriteString(`\N`)
				continue
			case bytes.IndexByte(v, 0) >= 0:
				return &badField{record, i, string(v), "the text has a zero byte, which PostgreSQL cannot hold"}
			case strict[i] && !isISO(v, columns[i].Type):
				return &badField{record, i, string(v), notOfType(string(v), columns[i].Type)}
			}
			writeField(w, v)
		}
		return w.WriteByte('\n')
	})
	if err != nil {
		return err
	}
	if number != nil {
		*number = record
	}
	return w.Flush()
}

// writeField escapes what ends a field, a record or a load. The writer keeps its first error.
func writeField(w *bufio.Writer, v []byte) {
	for len(v) > 0 {
		i := bytes.IndexAny(v, "\\\t\n\r")
		if i < 0 {
			w.Write(v)
			return
		}
		w.Write(v[:i])
		switch v[i] {
		case '\t':
			w.WriteString(`\t`)
		case '\n':
			w.WriteString(`\n`)
		case '\r':
			w.WriteString(`\r`)
		default:
			w.WriteString(`\\`)
		}
		v = v[i+1:]
	}
}

// maxListed is how many bad values a LoadError lists.
const maxListed = 20

// refused finds the values that PostgreSQL did not take: the file is loaded as text, into a
// temporary table on a connection of its own (the one at hand is in a failed transaction),
// and every value is tried there. Where the role may not make temporary tables, the first
// bad value is all that is told.
func (s session) refused(ctx context.Context, f warehouse.File, columns []warehouse.Column, cause error) error {
	s.own = nil
	if bad, err := s.badValues(ctx, f, columns); err == nil && len(bad.Rows) > 0 {
		return bad
	}
	first := &warehouse.LoadError{}
	field := &badField{}
	record := int64(0)
	var pg *pgconn.PgError
	switch {
	case errors.As(cause, &field):
		record = field.record
		first.Rows = []warehouse.BadRow{{Field: field.field + 1, Name: columns[field.field].Name, Value: field.value, Reason: field.reason}}
	case errors.As(cause, &pg):
		row, at, ok := copyContext(pg.Where, columns)
		if !ok {
			return wrap(ctx, warehouse.Statement{}, cause)
		}
		record, row.Reason = at, strings.TrimRight(pg.Message, ". ")
		first.Rows = []warehouse.BadRow{row}
	default:
		return wrap(ctx, warehouse.Statement{}, cause)
	}
	lines, err := warehouse.CSVLines(f, []int64{record})
	if err != nil || len(lines) != 1 {
		return wrap(ctx, warehouse.Statement{}, cause)
	}
	first.Rows[0].Line = lines[0]
	return first
}

// copyContext reads the place that an error of COPY gives: COPY t, line 3, column at: "x".
// Its lines are our records, which are a line each.
func copyContext(where string, columns []warehouse.Column) (row warehouse.BadRow, record int64, ok bool) {
	for _, c := range columns {
		head, value, found := strings.Cut(where, ", column "+c.Name+": \"")
		i := strings.LastIndex(head, ", line ")
		if !found || i < 0 {
			continue
		}
		n, err := strconv.ParseInt(head[i+len(", line "):], 10, 64)
		if err != nil {
			continue
		}
		row.Name, row.Value = c.Name, strings.TrimSuffix(value, `"`)
		row.Field = slices.IndexFunc(columns, func(o warehouse.Column) bool { return o.Name == c.Name }) + 1
		return row, n, true
	}
	return row, 0, false
}

func (s session) badValues(ctx context.Context, f warehouse.File, columns []warehouse.Column) (*warehouse.LoadError, error) {
	one, err := s.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer one.Release()
	pg := one.Conn().PgConn()
	defer s.restore(ctx, pg)
	names, values, tests := []string{"record bigint"}, []string{}, []string{}
	setup := []string{"begin"}
	for i, c := range columns {
		name := fmt.Sprintf("c%d", i+1)
		names = append(names, name+" text")
		values = append(values, fmt.Sprintf("(%d, %s)", i+1, name))
		test := fmt.Sprintf("pg_temp.fits%d(v)", i+1)
		if dated(c.Type) {
			pattern := isoDay
			if strings.HasPrefix(baseType(c.Type), "time") && !strings.HasPrefix(baseType(c.Type), "timestamp") {
				pattern = isoTime
			}
			test = "v ~ " + text(pattern) + " and " + test
		}
		tests = append(tests, fmt.Sprintf("when %d then not (%s)", i+1, test))
		// An assignment refuses what a cast would cut off, as COPY does.
		setup = append(setup, fmt.Sprintf("create function pg_temp.fits%d(v text) returns boolean language plpgsql as $engine$declare x %s; begin x := v; return true; exception when others then return false; end$engine$", i+1, c.Type))
	}
	setup = append(setup, "create temporary table _engine_rows ("+strings.Join(names, ", ")+") on commit drop")
	for _, sql := range setup {
		if _, err := send(ctx, pg, sql); err != nil {
			return nil, err
		}
	}
	var total int64
	if _, err := copyCSV(ctx, pg, "copy pg_temp._engine_rows from stdin", f, columns, &total); err != nil {
		return nil, err
	}
	if _, err := send(ctx, pg, "create temporary table _engine_bad on commit drop as select record, i, v from pg_temp._engine_rows cross join lateral (values "+strings.Join(values, ", ")+
		") as f(i, v) where v is not null and case i "+strings.Join(tests, " ")+" end"); err != nil {
		return nil, err
	}
	bad := &warehouse.LoadError{}
	var records []int64
	count := 0
	var parse error
	err = ask(ctx, pg, fmt.Sprintf("select record, i, v, count(*) over () from pg_temp._engine_bad order by record, i limit %d", maxListed), nil, func(v [][]byte) {
		record, err1 := strconv.ParseInt(string(v[0]), 10, 64)
		field, err2 := strconv.Atoi(string(v[1]))
		n, err3 := strconv.Atoi(string(v[3]))
		if parse = errors.Join(parse, err1, err2, err3); parse != nil {
			return
		}
		count = n
		c := columns[field-1]
		bad.Rows = append(bad.Rows, warehouse.BadRow{Field: field, Name: c.Name, Value: string(v[2]), Reason: notOfType(string(v[2]), c.Type)})
		records = append(records, record)
	})
	if err = errors.Join(err, parse); err != nil {
		return nil, err
	}
	lines, err := warehouse.CSVLines(f, records)
	if err != nil {
		return nil, err
	}
	if len(lines) != len(records) {
		return nil, fmt.Errorf("the file %s changed while it was read", f.Path)
	}
	for i := range lines {
		bad.Rows[i].Line = lines[i]
	}
	bad.More = count - len(bad.Rows)
	return bad, nil
}

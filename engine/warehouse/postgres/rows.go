package postgres

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/engine-build/engine/engine/warehouse"
)

// rows turns the server's texts into values of the contract:
//
//	smallint, integer, bigint, oid  int64
//	real, double precision          float64
//	numeric, money                  string as PostgreSQL prints it, with all digits of its scale
//	boolean                         bool
//	date, timestamp (both)          time.Time in UTC; «infinity» and «-infinity» are strings
//	time, timetz, interval          string as PostgreSQL prints them
//	text, varchar, char(n), name    string; char(n) with its blanks
//	uuid, enums, bit, inet, xml …   string
//	json, jsonb                     string; json as it was written
//	bytea                           []byte
//	arrays                          []any, nested for each dimension
//	composite types, ranges         string as PostgreSQL prints them
//
// A domain is its base type. It is used by one goroutine.
type rows struct {
	ctx     context.Context
	cancel  context.CancelFunc
	s       session
	stmt    warehouse.Statement
	one     *pgxpool.Conn
	r       *pgconn.ResultReader
	columns []warehouse.Column
	types   []typ
	limit   limit
	start   time.Time
	took    time.Duration // until the last row was read
	count   int64
	read    bool // all rows are read
	closed  bool
	err     error
}

// typ is what is known of a type of result columns.
type typ struct {
	name string
	elem uint32 // of an array, else 0
	of   *typ   // the element's type, filled for columns
}

// rows runs a query on a connection, which it gives back when the rows are closed.
func (s session) rows(ctx context.Context, l limit, one *pgxpool.Conn, stmt warehouse.Statement) (warehouse.Rows, error) {
	out := &rows{s: s, stmt: stmt, limit: l, one: one, start: time.Now()}
	out.ctx, out.cancel = context.WithCancel(ctx)
	out.r = one.Conn().PgConn().ExecParams(out.ctx, stmt.SQL, nil, nil, nil, nil)
	fields := append([]pgconn.FieldDescription(nil), out.r.FieldDescriptions()...)
	if fields == nil {
		// An error, a statement without a result, or nothing at all.
		out.read = !out.r.NextRow()
		fields = append(fields, out.r.FieldDescriptions()...)
	}
	if out.read {
		tag, err := out.r.Close()
		if err == nil && fields == nil && tag.String() == "" {
			err = &Error{Kind: Syntax, Message: "the query is empty", Offset: 0, Err: fmt.Errorf("empty query")}
		}
		if err != nil {
			err = l.reached(s.explained(ctx, stmt, err))
			out.end()
			return nil, err
		}
	}
	for _, f := range fields {
		t := s.typeOf(ctx, f.DataTypeOID, f.TypeModifier)
		if t.elem != 0 {
			of := s.typeOf(ctx, t.elem, -1)
			t.of = &of
		}
		out.columns = append(out.columns, warehouse.Column{Name: f.Name, Type: t.name, Nullable: true})
		out.types = append(out.types, t)
	}
	return out, nil
}

func (r *rows) Columns() []warehouse.Column { return r.columns }

func (r *rows) Next() bool {
	if r.read || r.closed {
		return false
	}
	if r.r.NextRow() {
		r.count++
		return true
	}
	r.read = true
	_, err := r.r.Close()
	r.took = time.Since(r.start)
	r.err = r.limit.reached(wrap(r.ctx, r.stmt, err))
	return false
}

// Stats is the number of rows that were read, and the time until the last one.
func (r *rows) Stats() warehouse.JobStats {
	return warehouse.JobStats{Rows: r.count, Bytes: -1, Duration: r.took}
}

func (r *rows) Err() error { return r.err }

// Values gives the values of the current row in a slice of its own.
func (r *rows) Values() ([]any, error) {
	cells := r.r.Values()
	if len(cells) != len(r.columns) {
		return nil, fmt.Errorf("read row: %d values came for %d columns", len(cells), len(r.columns))
	}
	out := make([]any, len(cells))
	for i, c := range cells {
		v, err := value(c, r.types[i])
		if err != nil {
			return nil, fmt.Errorf("read column %s: %w", r.columns[i].Name, err)
		}
		out[i] = v
	}
	return out, nil
}

// Close ends the query, on the server, too, and gives the connection back. Within a
// transaction, which a canceled query would end, the rest of the rows is read instead.
func (r *rows) Close() error {
	if r.closed {
		return nil
	}
	if !r.read {
		r.read = true
		if r.s.own == nil {
			r.cancel()
		}
		_, _ = r.r.Close() // what was asked for has been read
	}
	r.end()
	return nil
}

func (r *rows) end() {
	if r.closed {
		return
	}
	r.closed = true
	r.took = time.Since(r.start)
	r.cancel()
	r.limit.stop()
	if r.s.own != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTime)
	defer cancel()
	pg := r.one.Conn().PgConn()
	if !pg.IsClosed() {
		if _, err := pg.Exec(ctx, "rollback").ReadAll(); err != nil {
			_ = pg.Close(ctx)
		}
	}
	r.one.Release()
}

// builtin are the names of types as format_type() gives them, and the elements of arrays.
var builtin = map[uint32]typ{
	pgtype.BoolOID: {name: "boolean"}, pgtype.ByteaOID: {name: "bytea"}, pgtype.NameOID: {name: "name"},
	pgtype.Int8OID: {name: "bigint"}, pgtype.Int2OID: {name: "smallint"}, pgtype.Int4OID: {name: "integer"}, pgtype.TextOID: {name: "text"}, pgtype.OIDOID: {name: "oid"},
	pgtype.JSONOID: {name: "json"}, pgtype.JSONBOID: {name: "jsonb"}, pgtype.Float4OID: {name: "real"}, pgtype.Float8OID: {name: "double precision"},
	pgtype.BPCharOID: {name: "character"}, pgtype.VarcharOID: {name: "character varying"}, pgtype.DateOID: {name: "date"}, pgtype.TimeOID: {name: "time without time zone"},
	pgtype.TimestampOID: {name: "timestamp without time zone"}, pgtype.TimestamptzOID: {name: "timestamp with time zone"}, pgtype.IntervalOID: {name: "interval"},
	pgtype.TimetzOID: {name: "time with time zone"}, pgtype.NumericOID: {name: "numeric"}, pgtype.UUIDOID: {name: "uuid"}, pgtype.UnknownOID: {name: "text"},

	pgtype.BoolArrayOID: {name: "boolean[]", elem: pgtype.BoolOID}, pgtype.ByteaArrayOID: {name: "bytea[]", elem: pgtype.ByteaOID}, pgtype.NameArrayOID: {name: "name[]", elem: pgtype.NameOID},
	pgtype.Int8ArrayOID: {name: "bigint[]", elem: pgtype.Int8OID}, pgtype.Int2ArrayOID: {name: "smallint[]", elem: pgtype.Int2OID}, pgtype.Int4ArrayOID: {name: "integer[]", elem: pgtype.Int4OID},
	pgtype.TextArrayOID: {name: "text[]", elem: pgtype.TextOID}, pgtype.JSONArrayOID: {name: "json[]", elem: pgtype.JSONOID}, pgtype.JSONBArrayOID: {name: "jsonb[]", elem: pgtype.JSONBOID},
	pgtype.Float4ArrayOID: {name: "real[]", elem: pgtype.Float4OID}, pgtype.Float8ArrayOID: {name: "double precision[]", elem: pgtype.Float8OID},
	pgtype.BPCharArrayOID: {name: "character[]", elem: pgtype.BPCharOID}, pgtype.VarcharArrayOID: {name: "character varying[]", elem: pgtype.VarcharOID},
	pgtype.DateArrayOID: {name: "date[]", elem: pgtype.DateOID}, pgtype.TimeArrayOID: {name: "time without time zone[]", elem: pgtype.TimeOID},
	pgtype.TimestampArrayOID: {name: "timestamp without time zone[]", elem: pgtype.TimestampOID}, pgtype.TimestamptzArrayOID: {name: "timestamp with time zone[]", elem: pgtype.TimestamptzOID},
	pgtype.IntervalArrayOID: {name: "interval[]", elem: pgtype.IntervalOID}, pgtype.NumericArrayOID: {name: "numeric[]", elem: pgtype.NumericOID}, pgtype.UUIDArrayOID: {name: "uuid[]", elem: pgtype.UUIDOID},
}

// typeOf names the type of a result column as format_type() does.
func (s session) typeOf(ctx context.Context, oid uint32, modifier int32) typ {
	t, ok := builtin[oid]
	if !ok {
		return s.lookType(ctx, oid)
	}
	if modifier < 0 {
		return t
	}
	base := oid
	if t.elem != 0 {
		base = t.elem
	}
	name, array := strings.CutSuffix(t.name, "[]")
	switch base {
	case pgtype.NumericOID:
		if m := modifier - 4; m >= 0 {
			name += fmt.Sprintf("(%d,%d)", m>>16&0xffff, (m&0x7ff^1024)-1024)
		}
	case pgtype.BPCharOID, pgtype.VarcharOID:
		if modifier >= 4 {
			name += fmt.Sprintf("(%d)", modifier-4)
		}
	case pgtype.TimestampOID, pgtype.TimestamptzOID, pgtype.TimeOID, pgtype.TimetzOID:
		word, rest, _ := strings.Cut(name, " ")
		name = fmt.Sprintf("%s(%d) %s", word, modifier, rest)
	}
	if array {
		name += "[]"
	}
	return typ{name: name, elem: t.elem}
}

// lookType asks the catalog about a type that is not built in, on a connection of its own:
// the one at hand is busy with the rows. One that only the transaction at hand knows keeps
// a general name.
func (s session) lookType(ctx context.Context, oid uint32) typ {
	if t, ok := s.types.Load(oid); ok {
		return t.(typ)
	}
	t := typ{name: "user-defined"}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	one, err := s.acquire(ctx)
	if err != nil {
		return t
	}
	defer one.Release()
	found := one.Conn().PgConn().ExecParams(ctx, "select format_type(oid, null), case when typcategory = 'A' then typelem else 0 end from pg_type where oid = $1::oid",
		[][]byte{strconv.AppendUint(nil, uint64(oid), 10)}, nil, nil, nil).Read()
	if found.Err != nil || len(found.Rows) != 1 {
		return t
	}
	t.name = string(found.Rows[0][0])
	if n, err := strconv.ParseUint(string(found.Rows[0][1]), 10, 32); err == nil {
		t.elem = uint32(n)
	}
	s.types.Store(oid, t)
	return t
}

// value reads a cell in PostgreSQL's text form; nil is NULL.
func value(cell []byte, t typ) (any, error) {
	if cell == nil {
		return nil, nil
	}
	if t.of != nil {
		return array(string(cell), *t.of)
	}
	name, _, _ := strings.Cut(t.name, "(")
	switch name {
	case "boolean":
		return string(cell) == "t", nil
	case "bigint", "integer", "smallint", "oid":
		return strconv.ParseInt(string(cell), 10, 64)
	case "double precision", "real":
		return strconv.ParseFloat(string(cell), 64)
	case "bytea":
		out := make([]byte, hex.DecodedLen(max(len(cell)-2, 0)))
		if !bytes.HasPrefix(cell, []byte(`\x`)) {
			return nil, fmt.Errorf("bytea is not in hexadecimal form")
		}
		_, err := hex.Decode(out, cell[2:])
		return out, err
	case "date", "timestamp without time zone", "timestamp with time zone", "timestamp":
		return moment(string(cell))
	}
	return string(cell), nil
}

// moment reads a date or time in ISO form: 2024-02-29, 10000-01-01 00:00:00.5+00,
// 0044-03-15 BC. Without an offset it is in UTC.
func moment(s string) (any, error) {
	if s == "infinity" || s == "-infinity" {
		return s, nil
	}
	rest, bc := strings.CutSuffix(s, " BC")
	day, clock, timed := strings.Cut(rest, " ")
	parts := strings.Split(day, "-")
	if len(parts) != 3 {
		return nil, fmt.Errorf("the date %q is not in ISO form", s)
	}
	var n [3]int
	for i, p := range parts {
		v, err := strconv.Atoi(p)
		if err != nil {
			return nil, fmt.Errorf("the date %q is not in ISO form", s)
		}
		n[i] = v
	}
	if bc {
		n[0] = 1 - n[0]
	}
	t := time.Date(n[0], time.Month(n[1]), n[2], 0, 0, 0, 0, time.UTC)
	if !timed {
		return t, nil
	}
	layout := "15:04:05"
	if i := strings.LastIndexAny(clock, "+-"); i > 0 {
		layout = map[int]string{3: "15:04:05-07", 6: "15:04:05-07:00", 9: "15:04:05-07:00:00"}[len(clock)-i]
	}
	c, err := time.Parse(layout, clock)
	if err != nil {
		return nil, fmt.Errorf("the time %q is not in ISO form", s)
	}
	_, offset := c.Zone()
	h, m, sec := c.Clock()
	return t.Add(time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(sec-offset)*time.Second + time.Duration(c.Nanosecond())), nil
}

// array reads {1,NULL,"a \"b\""}, nested for each dimension; bounds before the «=» are left out.
func array(text string, t typ) (any, error) {
	if strings.HasPrefix(text, "[") {
		if i := strings.Index(text, "={"); i > 0 {
			text = text[i+1:]
		}
	}
	out, rest, err := arrayPart(text, t, delimiterOf(t))
	if err == nil && rest != "" {
		err = fmt.Errorf("the array %q does not end", text)
	}
	return out, err
}

// delimiterOf: «box» is the only built-in type whose arrays have another one.
func delimiterOf(t typ) byte {
	if t.name == "box" {
		return ';'
	}
	return ','
}

func arrayPart(text string, t typ, delimiter byte) (out []any, rest string, err error) {
	if !strings.HasPrefix(text, "{") {
		return nil, "", fmt.Errorf("%q is not an array", text)
	}
	text = text[1:]
	out = []any{}
	if strings.HasPrefix(text, "}") {
		return out, text[1:], nil
	}
	for {
		var v any
		switch {
		case strings.HasPrefix(text, "{"):
			if v, text, err = arrayPart(text, t, delimiter); err != nil {
				return nil, "", err
			}
		case strings.HasPrefix(text, `"`):
			var b strings.Builder
			i := 1
			for ; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' && i+1 < len(text) {
					i++
				}
				b.WriteByte(text[i])
			}
			if v, err = value([]byte(b.String()), t); err != nil {
				return nil, "", err
			}
			text = text[min(i+1, len(text)):]
		default:
			i := strings.IndexAny(text, string(delimiter)+"}")
			if i < 0 {
				return nil, "", fmt.Errorf("an array does not end")
			}
			if text[:i] != "NULL" {
				if v, err = value([]byte(text[:i]), t); err != nil {
					return nil, "", err
				}
			}
			text = text[i:]
		}
		out = append(out, v)
		if text == "" {
			return nil, "", fmt.Errorf("an array does not end")
		}
		end := text[0] == '}'
		text = text[1:]
		if end {
			return out, text, nil
		}
	}
}

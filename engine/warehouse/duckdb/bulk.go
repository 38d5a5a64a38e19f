package duckdb

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unsafe"

	driver "github.com/duckdb/duckdb-go/v2"
	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/engine-build/engine/engine/warehouse"
)

// ReadColumns gives the rows of a query by columns, as DuckDB holds them.
func (c *conn) ReadColumns(ctx context.Context, stmt warehouse.Statement, each func(*warehouse.Batch) error) error {
	one, err := c.db.Conn(ctx)
	if err != nil {
		return wrap(ctx, stmt, err)
	}
	defer one.Close()
	return readColumns(ctx, one, session{db: c.db, q: gated{one, c.q.gate}}, stmt, each)
}

// ReadColumns within a transaction.
func (t *tx) ReadColumns(ctx context.Context, stmt warehouse.Statement, each func(*warehouse.Batch) error) error {
	return readColumns(ctx, t.c, t.session, stmt, each)
}

func readColumns(ctx context.Context, one *sql.Conn, s session, stmt warehouse.Statement, each func(*warehouse.Batch) error) error {
	if err := checkText(stmt); err != nil {
		return err
	}
	refused := false
	err := natively(ctx, one, s.q.gate, func(q mapping.Connection) error {
		var err error
		refused, err = readOn(ctx, q, stmt.SQL, each)
		return err
	})
	if !refused {
		return err
	}
	if ctx.Err() != nil {
		return wrap(ctx, stmt, ctx.Err())
	}
	// What DuckDB refuses it refuses again, and the driver sorts the error.
	rows, err := s.Query(ctx, stmt)
	if err != nil {
		return err
	}
	if err := rows.Close(); err != nil {
		return wrap(ctx, stmt, err)
	}
	return warehouse.ErrUnsupported
}

// natively hands out DuckDB's own connection. What runs on it is interrupted when ctx ends.
func natively(ctx context.Context, one *sql.Conn, g *gate, f func(mapping.Connection) error) error {
	defer g.enter(true)()
	return one.Raw(func(raw any) error {
		inner, ok := raw.(*driver.Conn)
		if !ok {
			return warehouse.ErrUnsupported
		}
		q := mapping.Connection{Ptr: reflect.ValueOf(inner).Elem().FieldByName("conn").FieldByName("Ptr").UnsafePointer()}
		over := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			defer close(over)
			mapping.Interrupt(q)
		})
		// An interrupt that came late must not meet the next statement.
		defer func() {
			if !stop() {
				<-over
			}
		}()
		return f(q)
	})
}

// patience is how long execute sleeps when DuckDB's own threads have all the work.
const patience = 200 * time.Microsecond

// execute runs a statement. Unlike the driver it sleeps while another thread works:
// DuckDB's waiting takes a whole processor, which is needed to compute what is written. The
// result is to be destroyed, after an error, too.
func execute(ctx context.Context, q mapping.Connection, prepared mapping.PreparedStatement, result *mapping.Result) error {
	var pending mapping.PendingResult
	defer mapping.DestroyPending(&pending)
	if mapping.PendingPrepared(prepared, &pending) == mapping.StateError {
		return &driver.Error{Msg: mapping.PendingError(pending)}
	}
	for state := mapping.PendingStateResultNotReady; !mapping.PendingExecutionIsFinished(state); {
		if ctx.Err() != nil {
			mapping.Interrupt(q) // the one that natively sends may come before the start
		}
		if state = mapping.PendingExecuteTask(pending); state == mapping.PendingStateNoTasksAvailable {
			time.Sleep(patience)
		}
	}
	if mapping.ExecutePending(pending, result) == mapping.StateError {
		return &driver.Error{Msg: mapping.ResultError(result)}
	}
	return nil
}

// writeRows runs a statement that writes and gives the number of rows.
func writeRows(ctx context.Context, q mapping.Connection, text string) (rows int64, err error) {
	var prepared mapping.PreparedStatement
	defer mapping.DestroyPrepare(&prepared)
	if mapping.Prepare(q, text, &prepared) == mapping.StateError {
		return -1, &driver.Error{Msg: mapping.PrepareError(prepared)}
	}
	var result mapping.Result
	defer mapping.DestroyResult(&result)
	if err := execute(ctx, q, prepared, &result); err != nil {
		return -1, err
	}
	chunk := mapping.FetchChunk(result)
	if chunk.Ptr == nil {
		return -1, nil
	}
	defer mapping.DestroyDataChunk(&chunk)
	if mapping.ColumnType(&result, 0) != mapping.TypeBigInt || mapping.DataChunkGetSize(chunk) != 1 {
		return -1, nil
	}
	return elements[int64](mapping.DataChunkGetVector(chunk, 0), 1)[0], nil
}

// readOn runs the query on a connection. refused: DuckDB had an error, and each was not
// called.
func readOn(ctx context.Context, q mapping.Connection, text string, each func(*warehouse.Batch) error) (refused bool, err error) {
	var prepared mapping.PreparedStatement
	defer mapping.DestroyPrepare(&prepared)
	if mapping.Prepare(q, text, &prepared) == mapping.StateError {
		return true, nil
	}
	if mapping.PreparedStatementType(prepared) != mapping.StatementTypeSelect {
		return false, warehouse.ErrUnsupported
	}
	readers := make([]reader, int(mapping.PreparedStatementColumnCount(prepared)))
	for i := range readers {
		t := mapping.PreparedStatementColumnLogicalType(prepared, mapping.IdxT(i))
		readers[i] = readerOf(t)
		mapping.DestroyLogicalType(&t)
		if readers[i] == nil {
			return false, warehouse.ErrUnsupported
		}
	}
	var result mapping.Result
	defer mapping.DestroyResult(&result)
	if execute(ctx, q, prepared, &result) != nil {
		return true, nil
	}
	batch := &warehouse.Batch{Columns: make([]warehouse.Vector, len(readers))}
	for {
		chunk := mapping.FetchChunk(result)
		if chunk.Ptr == nil {
			return false, nil
		}
		batch.Rows = int(mapping.DataChunkGetSize(chunk))
		if batch.Rows == 0 {
			mapping.DestroyDataChunk(&chunk)
			continue
		}
		for i, read := range readers {
			v := mapping.DataChunkGetVector(chunk, mapping.IdxT(i))
			col := &batch.Columns[i]
			valid(v, batch.Rows, col)
			if err = read(v, batch.Rows, col); err != nil {
				break
			}
		}
		mapping.DestroyDataChunk(&chunk)
		if err == nil {
			err = each(batch)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return false, err
		}
	}
}

// valid marks the elements that are NULL.
func valid(v mapping.Vector, rows int, into *warehouse.Vector) {
	mask := mapping.VectorGetValidity(v)
	if mask == nil {
		into.Null = nil
		return
	}
	into.Null = slices.Grow(into.Null[:0], rows)[:rows]
	words := unsafe.Slice((*uint64)(mask), (rows+63)/64)
	some := false
	for i := range into.Null {
		null := words[i/64]>>(i%64)&1 == 0
		into.Null[i] = null
		some = some || null
	}
	if !some {
		into.Null = nil
	}
}

// reader copies a vector of DuckDB.
type reader func(v mapping.Vector, rows int, into *warehouse.Vector) error

// readerOf is nil for types that have no vector in the contract, or more values than it.
func readerOf(t mapping.LogicalType) reader {
	if mapping.LogicalTypeGetAlias(t) != "" {
		return nil // JSON, for example, is not the text it looks like
	}
	switch kind := mapping.GetTypeId(t); kind {
	case mapping.TypeBigInt:
		return readInts[int64]
	case mapping.TypeInteger:
		return readInts[int32]
	case mapping.TypeSmallInt:
		return readInts[int16]
	case mapping.TypeTinyInt:
		return readInts[int8]
	case mapping.TypeUInteger:
		return readInts[uint32]
	case mapping.TypeUSmallInt:
		return readInts[uint16]
	case mapping.TypeUTinyInt:
		return readInts[uint8]
	case mapping.TypeDouble:
		return func(v mapping.Vector, rows int, into *warehouse.Vector) error {
			into.Floats = append(into.Floats[:0], elements[float64](v, rows)...)
			return nil
		}
	case mapping.TypeBoolean:
		return func(v mapping.Vector, rows int, into *warehouse.Vector) error {
			into.Bools = slices.Grow(into.Bools[:0], rows)[:rows]
			// NULL may be any byte, and a bool only 0 or 1.
			for i, b := range elements[uint8](v, rows) {
				into.Bools[i] = b == 1
			}
			return nil
		}
	case mapping.TypeVarchar:
		return readTexts
	case mapping.TypeDecimal:
		scale := int(mapping.DecimalScale(t))
		switch mapping.DecimalInternalType(t) {
		case mapping.TypeSmallInt:
			return readDecimals[int16](scale)
		case mapping.TypeInteger:
			return readDecimals[int32](scale)
		case mapping.TypeBigInt:
			return readDecimals[int64](scale)
		}
	}
	return nil
}

// elements are the values of a vector, as long as its chunk lives.
func elements[T any](v mapping.Vector, rows int) []T {
	return unsafe.Slice((*T)(mapping.VectorGetData(v)), rows)
}

func readInts[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32](v mapping.Vector, rows int, into *warehouse.Vector) error {
	into.Ints = slices.Grow(into.Ints[:0], rows)[:rows]
	for i, x := range elements[T](v, rows) {
		into.Ints[i] = int64(x)
	}
	return nil
}

// readDecimals gives the float nearest to each decimal.
func readDecimals[T int16 | int32 | int64](scale int) reader {
	const exact = 1 << 53
	power := math.Pow10(scale)
	return func(v mapping.Vector, rows int, into *warehouse.Vector) error {
		into.Floats = slices.Grow(into.Floats[:0], rows)[:rows]
		for i, x := range elements[T](v, rows) {
			// Both are exact here, so the quotient is rounded once.
			if int64(x) <= exact && int64(x) >= -exact && scale <= 22 {
				into.Floats[i] = float64(x) / power
				continue
			}
			f, err := strconv.ParseFloat(strconv.FormatInt(int64(x), 10)+"e-"+strconv.Itoa(scale), 64)
			if err != nil {
				return fmt.Errorf("read a decimal: %w", err)
			}
			into.Floats[i] = f
		}
		return nil
	}
}

// stringT is how DuckDB holds a string: its length and, up to twelve bytes, itself; otherwise
// four bytes of it and where it is (duckdb_string_t of duckdb.h).
type stringT struct {
	length uint32
	inline [12]byte
}

func (t *stringT) bytes() []byte {
	if t.length <= uint32(len(t.inline)) {
		return t.inline[:t.length]
	}
	return unsafe.Slice(*(**byte)(unsafe.Add(unsafe.Pointer(t), 8)), t.length)
}

// readTexts copies the texts of a vector into one piece of memory.
func readTexts(v mapping.Vector, rows int, into *warehouse.Vector) error {
	from := elements[stringT](v, rows)
	into.Texts = slices.Grow(into.Texts[:0], rows)[:rows]
	size := 0
	for i := range from {
		if into.Null == nil || !into.Null[i] {
			size += int(from[i].length)
		}
	}
	var all strings.Builder
	all.Grow(size)
	last := ""
	for i := range from {
		if into.Null != nil && into.Null[i] {
			into.Texts[i] = ""
			continue
		}
		b := from[i].bytes()
		if string(b) != last {
			at := all.Len()
			all.Write(b)
			last = all.String()[at:]
		}
		into.Texts[i] = last
	}
	return nil
}

package duckdb

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
	"unsafe"

	driver "github.com/duckdb/duckdb-go/v2"
	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// fillPrefix begins the name of the table function that yields the rows of a Fill. DuckDB
// pulls from Go, which writes faster than any appending of rows.
const fillPrefix = "engine_rows_"

// fills are the Fills under way of a conn, by the number that is the function's argument.
type fills struct {
	// function is the name: each conn has its own, because two that are open on the same
	// file share their functions.
	function string
	q        gated

	mu   sync.Mutex // guards what follows
	next int64
	open map[int64]*fill

	buffers sync.Mutex // guards what follows, and the setting of the database
	wide    int        // Fills under way that have lists
	had     int64      // what the setting was before them, 0 if that is not known
}

// registerFills makes the function known. It happens before any transaction, so that all of
// them see it.
func registerFills(ctx context.Context, db *sql.DB, q gated) (*fills, error) {
	f := &fills{function: fillPrefix + strings.ToLower(rand.Text()), q: q, open: map[int64]*fill{}}
	bigint, err := driver.NewTypeInfo(driver.TYPE_BIGINT)
	if err != nil {
		return nil, err
	}
	one, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer one.Close()
	return f, driver.RegisterTableUDF(one, f.function, driver.ParallelChunkTableFunction{
		Config: driver.TableFunctionConfig{Arguments: []driver.TypeInfo{bigint}},
		BindArguments: func(_ map[string]any, args ...any) (driver.ParallelChunkTableSource, error) {
			id, _ := args[0].(int64)
			one := f.get(id)
			if one == nil {
				return nil, errors.New("these rows are the engine's and read by nobody else")
			}
			return one, nil
		},
	})
}

func (f *fills) add(one *fill) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	f.open[f.next] = one
	return f.next
}

func (f *fills) remove(id int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.open, id)
}

// buffer has DuckDB write each row group when it is full, while there are Fills of lists.
// Otherwise each connection keeps five, which with lists are some hundred megabytes; tables
// of many small columns fill the blocks of the file better so. The setting is the
// database's and changes no result.
func (f *fills) buffer(ctx context.Context, more int) error {
	f.buffers.Lock()
	defer f.buffers.Unlock()
	was := f.wide
	f.wide += more
	groups := int64(1)
	switch {
	case f.wide == 0:
		groups = f.had
	case was > 0:
		return nil
	default:
		var err error
		if f.had, err = setting(ctx, f.q, "write_buffer_row_group_count"); err != nil {
			f.had = 0
			return err
		}
	}
	if groups < 1 {
		return nil // it was not known, and left as it is
	}
	_, err := f.q.ExecContext(ctx, "set global write_buffer_row_group_count = "+strconv.FormatInt(groups, 10))
	return err
}

// setting reads a whole number of DuckDB's settings.
func setting(ctx context.Context, q querier, name string) (int64, error) {
	rows, err := q.QueryContext(ctx, "select cast(current_setting('"+name+"') as bigint)")
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var n int64
	if rows.Next() {
		err = rows.Scan(&n)
	}
	return n, errors.Join(err, rows.Err())
}

func (f *fills) get(id int64) *fill {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open[id]
}

// Fill makes a table of rows that the engine computed. Several connections write it at the
// same time, each a transaction of its own: one statement, which keeps the order of rows,
// writes with one thread, and one that need not keep it wastes room in the file and holds
// every block that it might still fill in memory.
func (c *conn) Fill(ctx context.Context, target addr.Relation, columns []warehouse.Column, layout *warehouse.Layout, next func() (*warehouse.Batch, error)) (warehouse.JobStats, error) {
	return c.fillAs(ctx, target, columns, next, false)
}

// FillStored is Fill with values as DuckDB stores them.
func (c *conn) FillStored(ctx context.Context, target addr.Relation, columns []warehouse.Column, layout *warehouse.Layout, next func() (*warehouse.Batch, error)) (warehouse.JobStats, error) {
	return c.fillAs(ctx, target, columns, next, true)
}

func (c *conn) fillAs(ctx context.Context, target addr.Relation, columns []warehouse.Column, next func() (*warehouse.Batch, error), stored bool) (warehouse.JobStats, error) {
	return c.fills.fill(ctx, target, columns, stored, next, func(ctx context.Context, f *fill, list, from string) (int64, error) {
		names := make([]string, len(columns))
		for i, col := range columns {
			names[i] = Dialect{}.Ident(col.Name) + " " + col.Type
		}
		table := Dialect{}.Quote(target)
		if _, err := c.Exec(ctx, warehouse.Statement{SQL: "create table " + table + " (" + strings.Join(names, ", ") + ")"}); err != nil {
			return -1, err
		}
		rows, err := f.together(ctx, c.writers(ctx), func(ctx context.Context) (int64, error) {
			one, err := c.db.Conn(ctx)
			if err != nil {
				return 0, err
			}
			defer one.Close()
			return counted(ctx, one, c.q.gate, "insert into "+table+" select "+list+" from "+from)
		})
		if err = f.cause(ctx, target, err); err == nil {
			return rows, nil
		}
		if _, left := c.Exec(context.WithoutCancel(ctx), warehouse.Statement{SQL: "drop table " + table}); left != nil {
			err = errors.Join(err, fmt.Errorf("a part of the rows is left behind: %w", left))
		}
		return rows, err
	})
}

var _ warehouse.Appender = (*tx)(nil)

// Fill within a transaction has its one connection.
func (t *tx) Fill(ctx context.Context, target addr.Relation, columns []warehouse.Column, layout *warehouse.Layout, next func() (*warehouse.Batch, error)) (warehouse.JobStats, error) {
	return t.fills.fill(ctx, target, columns, false, next, func(ctx context.Context, f *fill, list, from string) (int64, error) {
		rows, err := counted(ctx, t.c, t.q.gate, "create table "+Dialect{}.Quote(target)+" as select "+list+" from "+from)
		return rows, f.cause(ctx, target, err)
	})
}

// Append implements warehouse.Appender.
func (t *tx) Append(ctx context.Context, target addr.Relation, columns []warehouse.Column, next func() (*warehouse.Batch, error)) (warehouse.JobStats, error) {
	return t.fills.fill(ctx, target, columns, false, next, func(ctx context.Context, f *fill, list, from string) (int64, error) {
		names := make([]string, len(columns))
		for i, c := range columns {
			names[i] = Dialect{}.Ident(c.Name)
		}
		rows, err := counted(ctx, t.c, t.q.gate, "insert into "+Dialect{}.Quote(target)+" ("+strings.Join(names, ", ")+") select "+list+" from "+from)
		return rows, f.cause(ctx, target, err)
	})
}

// counted runs a statement on a connection and gives the number of rows it wrote.
func counted(ctx context.Context, one *sql.Conn, g *gate, text string) (rows int64, err error) {
	err = natively(ctx, one, g, func(q mapping.Connection) error {
		rows, err = writeRows(ctx, q, text)
		return err
	})
	return rows, err
}

// mostWriters bounds how many connections write. One goroutine makes the rows, which more
// would only wait for, each with memory of its own.
const mostWriters = 8

// writers is how many connections write: no more than DuckDB may use threads, because each of
// them works beside those.
func (c *conn) writers(ctx context.Context) int {
	most := min(runtime.GOMAXPROCS(0), mostWriters)
	threads, err := setting(ctx, c.q, "threads")
	if err != nil {
		return 1 // the insert says what is wrong
	}
	return int(max(1, min(int64(most), threads)))
}

// together has several write at the same time. What one cannot do ends the others.
func (f *fill) together(ctx context.Context, writers int, write func(context.Context) (int64, error)) (int64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var group sync.WaitGroup
	rows := make([]int64, writers)
	var mu sync.Mutex
	var failed []error
	for i := range rows {
		group.Add(1)
		go func() {
			defer group.Done()
			var err error
			if rows[i], err = write(ctx); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, err)
				cancel()
			}
		}()
	}
	group.Wait()
	if len(failed) > 0 {
		return -1, failed[0] // the others were canceled
	}
	total := int64(0)
	for _, n := range rows {
		total += n
	}
	return total, nil
}

// fill has a write done that selects list from a call of the function.
func (all *fills) fill(ctx context.Context, target addr.Relation, columns []warehouse.Column, stored bool, next func() (*warehouse.Batch, error), write func(ctx context.Context, f *fill, list, from string) (int64, error)) (warehouse.JobStats, error) {
	stats := warehouse.JobStats{Rows: -1, Bytes: -1}
	if all == nil { // of an analyzer, which writes nothing
		return stats, fmt.Errorf("fill %s: %w", target, warehouse.ErrUnsupported)
	}
	start := time.Now()
	f := &fill{columns: columns, pull: next}
	list := make([]string, len(columns))
	for i, c := range columns {
		vectorFor := vectorOf
		if stored {
			vectorFor = storedVector
		}
		info, vector, same, err := vectorFor(c.Type)
		if err != nil {
			return stats, fmt.Errorf("fill %s: column %s: %w", target, c.Name, err)
		}
		f.infos, f.shapes = append(f.infos, info), append(f.shapes, vector)
		list[i] = Dialect{}.Ident(c.Name)
		if !same {
			list[i] = "cast(" + list[i] + " as " + c.Type + ") as " + list[i]
		}
	}
	if slices.ContainsFunc(f.shapes, func(s shape) bool { return s.list }) {
		// Only memory is at stake, so an error is none of the Fill's.
		_ = all.buffer(ctx, 1)
		defer func() { _ = all.buffer(context.WithoutCancel(ctx), -1) }()
	}
	id := all.add(f)
	defer all.remove(id)
	var err error
	stats.Rows, err = write(ctx, f, strings.Join(list, ", "), all.function+"("+strconv.FormatInt(id, 10)+")")
	stats.Duration = time.Since(start)
	return stats, err
}

// cause is why writing failed, given what DuckDB says. Of an error of the rows that is only
// the text.
func (f *fill) cause(ctx context.Context, target addr.Relation, err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil && f.err != nil {
		return fmt.Errorf("fill %s: %w", target, f.err)
	}
	return wrap(ctx, warehouse.Statement{}, err)
}

// vectorOf is the sort of vector that a type takes, the driver's type for it, and whether
// it is the type itself; otherwise the values are cast.
func vectorOf(typ string) (info driver.TypeInfo, of shape, same bool, err error) {
	if elem, list := strings.CutSuffix(typ, "[]"); list {
		info, of, same, err = vectorOf(elem)
		if err == nil && (of.list || of.kind != reflect.Int64 && of.kind != reflect.String) {
			err = fmt.Errorf("arrays of %s are not written in bulk: %w", elem, warehouse.ErrUnsupported)
		}
		if err == nil {
			info, err = driver.NewListInfo(info)
		}
		return info, shape{kind: of.kind, list: true}, same, err
	}
	t, kind := driver.TYPE_VARCHAR, reflect.String
	switch name := strings.ToUpper(typ); name {
	case "BIGINT":
		t, kind, same = driver.TYPE_BIGINT, reflect.Int64, true
	case "DOUBLE":
		t, kind, same = driver.TYPE_DOUBLE, reflect.Float64, true
	case "BOOLEAN":
		t, kind, same = driver.TYPE_BOOLEAN, reflect.Bool, true
	case "VARCHAR":
		same = true
	case "INT8", "INT64", "LONG", "INTEGER", "INT", "INT4", "SMALLINT", "INT2", "TINYINT", "UBIGINT", "UINTEGER", "USMALLINT", "UTINYINT", "HUGEINT":
		t, kind = driver.TYPE_BIGINT, reflect.Int64
	case "FLOAT8", "DOUBLE PRECISION", "FLOAT", "FLOAT4", "REAL":
		t, kind = driver.TYPE_DOUBLE, reflect.Float64
	case "BOOL", "LOGICAL":
		t, kind = driver.TYPE_BOOLEAN, reflect.Bool
	}
	info, err = driver.NewTypeInfo(t)
	return info, shape{kind: kind}, same, err
}

// shape is the sort of vector that a column takes: elements, or lists of them.
type shape struct {
	kind reflect.Kind
	list bool
	// as is how the elements are stored, where that is not as they come.
	as stored
}

// fill is one Fill: a source of chunks.
type fill struct {
	columns []warehouse.Column
	infos   []driver.TypeInfo
	shapes  []shape

	mu   sync.Mutex // guards what follows
	pull func() (*warehouse.Batch, error)
	over bool
	err  error // of pull, or of a value
}

// part is what one connection is writing.
type part struct {
	batch *warehouse.Batch
	at    int
	texts texts
}

// next is the next batch for a connection, nil at the end.
func (f *fill) next() (*warehouse.Batch, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over || f.err != nil {
		return nil, f.err
	}
	b, err := f.pull()
	if err == nil && b != nil {
		err = f.check(b)
	}
	f.over, f.err = b == nil, err
	return b, err
}

// failed notes the first error.
func (f *fill) failed(err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
	return f.err
}

// ColumnInfos implements driver.ParallelChunkTableSource.
func (f *fill) ColumnInfos() []driver.ColumnInfo {
	out := make([]driver.ColumnInfo, len(f.columns))
	for i, c := range f.columns {
		out[i] = driver.ColumnInfo{Name: c.Name, T: f.infos[i]}
	}
	return out
}

// Cardinality implements driver.ParallelChunkTableSource; it is not known.
func (f *fill) Cardinality() *driver.CardinalityInfo { return nil }

// Init implements driver.ParallelChunkTableSource.
func (f *fill) Init() driver.ParallelTableSourceInfo {
	return driver.ParallelTableSourceInfo{MaxThreads: 1}
}

// NewLocalState implements driver.ParallelChunkTableSource.
func (f *fill) NewLocalState() any { return &part{} }

// FillChunk copies the next rows, as many as fit.
func (f *fill) FillChunk(local any, chunk driver.DataChunk) error {
	p := local.(*part)
	for p.batch == nil || p.at == p.batch.Rows {
		p.batch.Done()
		p.batch = nil
		b, err := f.next()
		if err != nil {
			return err
		}
		if b == nil {
			return chunk.SetSize(0)
		}
		p.batch, p.at = b, 0
	}
	n := min(driver.GetDataChunkCapacity(), p.batch.Rows-p.at)
	raw := mapping.DataChunk{Ptr: reflect.ValueOf(chunk).FieldByName("chunk").FieldByName("Ptr").UnsafePointer()}
	for i, of := range f.shapes {
		if of.list {
			n = shorter(p.batch.Columns[i].Lists.Offsets[p.at:], n)
		}
	}
	for i, of := range f.shapes {
		v := mapping.DataChunkGetVector(raw, mapping.IdxT(i))
		col := &p.batch.Columns[i]
		switch {
		case of.list:
			if row := p.lists(v, of.kind, col.Lists, n); row >= 0 {
				return f.failed(fmt.Errorf("column %s: %q is not UTF-8", f.columns[i].Name, col.Lists.Of.Texts[row]))
			}
		case of.as == asInt32:
			narrow[int32](v, col.Ints[p.at:p.at+n])
		case of.as == asInt16:
			narrow[int16](v, col.Ints[p.at:p.at+n])
		case of.as == asFloat32:
			for i, x := range col.Floats[p.at : p.at+n] {
				elements[float32](v, n)[i] = float32(x)
			}
		case of.as == asBytes:
			p.texts.any = true
			p.texts.copy(v, col.Texts[p.at:p.at+n])
			p.texts.any = false
		case of.kind == reflect.Int64:
			copyInto(v, col.Ints[p.at:p.at+n])
		case of.kind == reflect.Float64:
			copyInto(v, col.Floats[p.at:p.at+n])
		case of.kind == reflect.Bool:
			copyInto(v, col.Bools[p.at:p.at+n])
		case of.kind == reflect.String:
			if row := p.texts.copy(v, col.Texts[p.at:p.at+n]); row >= 0 {
				return f.failed(fmt.Errorf("column %s: %q is not UTF-8", f.columns[i].Name, col.Texts[p.at+row]))
			}
		}
		if col.Null == nil || !slices.Contains(col.Null[p.at:p.at+n], true) {
			continue
		}
		mapping.VectorEnsureValidityWritable(v)
		mask := mapping.VectorGetValidity(v)
		for row, null := range col.Null[p.at : p.at+n] {
			if null {
				mapping.ValiditySetRowInvalid(mask, mapping.IdxT(row))
			}
		}
	}
	p.at += n
	return chunk.SetSize(n)
}

// check refuses a batch that is not of the table's shape: what DuckDB calls must not panic.
func (f *fill) check(b *warehouse.Batch) error {
	if len(b.Columns) != len(f.columns) {
		return fmt.Errorf("a batch has %d columns, not %d", len(b.Columns), len(f.columns))
	}
	for i, of := range f.shapes {
		col := &b.Columns[i]
		if of.list {
			if err := col.Lists.Check(b.Rows); err != nil {
				return fmt.Errorf("column %s: %w", f.columns[i].Name, err)
			}
			if col.Null != nil && len(col.Null) != b.Rows || of.kind == reflect.String && col.Lists.Of.Ints != nil || of.kind == reflect.Int64 && col.Lists.Of.Texts != nil {
				return fmt.Errorf("column %s of a batch has not lists of type %s", f.columns[i].Name, f.columns[i].Type)
			}
			continue
		}
		have := map[reflect.Kind]int{reflect.Int64: len(col.Ints), reflect.Float64: len(col.Floats), reflect.Bool: len(col.Bools), reflect.String: len(col.Texts)}[of.kind]
		if have != b.Rows || col.Null != nil && len(col.Null) != b.Rows {
			return fmt.Errorf("column %s of a batch of %d rows has %d values of type %s", f.columns[i].Name, b.Rows, have, f.columns[i].Type)
		}
	}
	return nil
}

// mostElements bounds what the lists of a chunk hold together, so that long ones take no
// memory beyond it.
const mostElements = 1 << 17

// shorter is how many of n lists fit into a chunk, at least one.
func shorter(offsets []int, n int) int {
	for n > 1 && offsets[n]-offsets[0] > mostElements {
		n /= 2
	}
	return n
}

// listEntry is how DuckDB holds a list: where it is among the elements (duckdb_list_entry of
// duckdb.h).
type listEntry struct{ offset, length uint64 }

// lists writes the next n lists. It returns the place of the first text that is not UTF-8,
// or -1.
func (p *part) lists(v mapping.Vector, kind reflect.Kind, l *warehouse.Lists, n int) int {
	offsets := l.Offsets[p.at : p.at+n+1]
	first, last := offsets[0], offsets[n]
	mapping.ListVectorReserve(v, mapping.IdxT(last-first))
	mapping.ListVectorSetSize(v, mapping.IdxT(last-first))
	out := elements[listEntry](v, n)
	for i := range out {
		out[i] = listEntry{uint64(offsets[i] - first), uint64(offsets[i+1] - offsets[i])}
	}
	child := mapping.ListVectorGetChild(v)
	if last == first {
		return -1
	}
	if kind == reflect.Int64 {
		copyInto(child, l.Of.Ints[first:last])
		return -1
	}
	if row := p.texts.copy(child, l.Of.Texts[first:last]); row >= 0 {
		return first + row
	}
	return -1
}

// texts writes strings. Calling DuckDB for each would take most of the time of a Fill:
// short ones are written as DuckDB holds them, and a long one that comes again within a
// chunk shares its place.
type texts struct {
	seen [1 << 10]struct {
		at  *byte
		len int
		row int32 // within the vector, valid if fill is that of the vector
		of  uint32
	}
	fill uint32
	any  bool // bytes need not be text
}

// copy writes the elements of a vector. It returns the first one that is not UTF-8, or -1.
func (t *texts) copy(v mapping.Vector, values []string) int {
	t.fill++
	if t.fill == 0 {
		*t = texts{fill: 1, any: t.any}
	}
	out := elements[stringT](v, len(values))
	for row, s := range values {
		at := unsafe.StringData(s)
		if row > 0 && len(s) == len(values[row-1]) && at == unsafe.StringData(values[row-1]) {
			out[row] = out[row-1]
			continue
		}
		if len(s) <= len(out[row].inline) {
			if !t.any && !utf8.ValidString(s) {
				return row
			}
			one := stringT{length: uint32(len(s))} // the rest is zero, as DuckDB demands
			copy(one.inline[:], s)
			out[row] = one
			continue
		}
		was := &t.seen[uintptr(unsafe.Pointer(at))*0x9E3779B97F4A7C15>>(64-10)]
		if was.of == t.fill && was.at == at && was.len == len(s) {
			out[row] = out[was.row]
			continue
		}
		if !t.any && !utf8.ValidString(s) {
			return row
		}
		mapping.VectorAssignStringElementLen(v, mapping.IdxT(row), unsafe.Slice(at, len(s)))
		was.at, was.len, was.row, was.of = at, len(s), int32(row), t.fill
	}
	return -1
}

// copyInto copies values of the same layout into the memory of a vector.
func copyInto[T any](v mapping.Vector, values []T) {
	copy(unsafe.Slice((*T)(mapping.VectorGetData(v)), len(values)), values)
}

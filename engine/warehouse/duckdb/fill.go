package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
	"unsafe"

	driver "github.com/duckdb/duckdb-go/v2"
	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// fillFunction is the table function that yields the rows of a Fill. DuckDB pulls from
// Go: one CREATE TABLE AS writes faster than any appending of rows.
const fillFunction = "engine_rows"

// fills are the Fills under way, by the number that is the function's argument. A
// connection that registered the function may be used for several, one after the other.
type fills struct {
	mu   sync.Mutex
	next int64
	open map[int64]*fill
}

var ongoing fills

func (f *fills) add(one *fill) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open == nil {
		f.open = map[int64]*fill{}
	}
	f.next++
	f.open[f.next] = one
	return f.next
}

func (f *fills) remove(id int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.open, id)
}

func (f *fills) get(id int64) *fill {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open[id]
}

// Fill makes a table of rows that the engine computed.
func (c *conn) Fill(ctx context.Context, target addr.Relation, columns []warehouse.Column, layout *warehouse.Layout, next func() (*warehouse.Batch, error)) (warehouse.JobStats, error) {
	one, err := c.db.Conn(ctx)
	if err != nil {
		return warehouse.JobStats{}, wrap(ctx, warehouse.Statement{}, err)
	}
	defer one.Close()
	return fillOn(ctx, one, target, columns, next)
}

// Fill within a transaction.
func (t *tx) Fill(ctx context.Context, target addr.Relation, columns []warehouse.Column, layout *warehouse.Layout, next func() (*warehouse.Batch, error)) (warehouse.JobStats, error) {
	return fillOn(ctx, t.c, target, columns, next)
}

func fillOn(ctx context.Context, one *sql.Conn, target addr.Relation, columns []warehouse.Column, next func() (*warehouse.Batch, error)) (warehouse.JobStats, error) {
	start := time.Now()
	f := &fill{columns: columns, pull: next}
	var list string
	for i, c := range columns {
		info, vector, same, err := vectorOf(c.Type)
		if err != nil {
			return warehouse.JobStats{}, fmt.Errorf("fill %s: column %s: %w", target, c.Name, err)
		}
		f.infos, f.kinds = append(f.infos, info), append(f.kinds, vector)
		if i > 0 {
			list += ", "
		}
		name := Dialect{}.Ident(c.Name)
		if same {
			list += name
		} else {
			list += "cast(" + name + " as " + c.Type + ") as " + name
		}
	}
	id := ongoing.add(f)
	defer ongoing.remove(id)
	if err := registerFill(one); err != nil {
		return warehouse.JobStats{}, fmt.Errorf("fill %s: %w", target, err)
	}
	stmt := warehouse.Statement{SQL: "create table " + Dialect{}.Quote(target) + " as select " + list + " from " + fillFunction + "(" + strconv.FormatInt(id, 10) + ")"}
	stats := warehouse.JobStats{Rows: -1, Bytes: -1}
	err := natively(ctx, one, func(q mapping.Connection) error {
		var err error
		stats.Rows, err = create(ctx, q, stmt.SQL)
		return err
	})
	if err = wrap(ctx, stmt, err); err != nil && f.err != nil {
		err = fmt.Errorf("fill %s: %w", target, f.err)
	}
	stats.Duration = time.Since(start)
	return stats, err
}

// registerFill makes the function known; for each database once is enough, and again does
// no harm.
func registerFill(c *sql.Conn) error {
	bigint, err := driver.NewTypeInfo(driver.TYPE_BIGINT)
	if err != nil {
		return err
	}
	err = driver.RegisterTableUDF(c, fillFunction, driver.ParallelChunkTableFunction{
		Config: driver.TableFunctionConfig{Arguments: []driver.TypeInfo{bigint}},
		BindArguments: func(_ map[string]any, args ...any) (driver.ParallelChunkTableSource, error) {
			id, _ := args[0].(int64)
			f := ongoing.get(id)
			if f == nil || !f.bound.CompareAndSwap(false, true) {
				return nil, errors.New("these rows are the engine's and can be read once")
			}
			return f, nil
		},
	})
	if err != nil {
		// A second registration on the same database is refused; the first one serves.
		var known bool
		if scanErr := c.QueryRowContext(context.Background(), "select count(*) > 0 from duckdb_functions() where function_name = '"+fillFunction+"'").Scan(&known); scanErr == nil && known {
			return nil
		}
	}
	return err
}

// vectorOf is the sort of vector that a type takes, the driver's type for it, and whether
// it is the type itself; otherwise the values are cast.
func vectorOf(typ string) (info driver.TypeInfo, kind reflect.Kind, same bool, err error) {
	t := driver.TYPE_VARCHAR
	kind = reflect.String
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
	return info, kind, same, err
}

// fill is one Fill: a source of chunks.
type fill struct {
	columns []warehouse.Column
	infos   []driver.TypeInfo
	kinds   []reflect.Kind
	bound   atomic.Bool

	mu   sync.Mutex // guards what follows
	pull func() (*warehouse.Batch, error)
	over bool
	err  error // of pull, or of a value
}

// part is what one of DuckDB's threads is writing.
type part struct {
	batch *warehouse.Batch
	at    int
	texts texts
}

// next is the next batch for a thread, nil at the end.
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

// Init lets all of DuckDB's threads write: each takes a batch at a time.
func (f *fill) Init() driver.ParallelTableSourceInfo {
	return driver.ParallelTableSourceInfo{MaxThreads: runtime.GOMAXPROCS(0)}
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
	for i, kind := range f.kinds {
		v := mapping.DataChunkGetVector(raw, mapping.IdxT(i))
		col := &p.batch.Columns[i]
		switch kind {
		case reflect.Int64:
			copyInto(v, col.Ints[p.at:p.at+n])
		case reflect.Float64:
			copyInto(v, col.Floats[p.at:p.at+n])
		case reflect.Bool:
			copyInto(v, col.Bools[p.at:p.at+n])
		case reflect.String:
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
	for i, kind := range f.kinds {
		col := &b.Columns[i]
		have := map[reflect.Kind]int{reflect.Int64: len(col.Ints), reflect.Float64: len(col.Floats), reflect.Bool: len(col.Bools), reflect.String: len(col.Texts)}[kind]
		if have != b.Rows || col.Null != nil && len(col.Null) != b.Rows {
			return fmt.Errorf("column %s of a batch of %d rows has %d values of type %s", f.columns[i].Name, b.Rows, have, f.columns[i].Type)
		}
	}
	return nil
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
}

// copy writes the elements of a vector. It returns the first one that is not UTF-8, or -1.
func (t *texts) copy(v mapping.Vector, values []string) int {
	t.fill++
	if t.fill == 0 {
		*t = texts{fill: 1}
	}
	out := elements[stringT](v, len(values))
	for row, s := range values {
		at := unsafe.StringData(s)
		if row > 0 && len(s) == len(values[row-1]) && at == unsafe.StringData(values[row-1]) {
			out[row] = out[row-1]
			continue
		}
		if len(s) <= len(out[row].inline) {
			if !utf8.ValidString(s) {
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
		if !utf8.ValidString(s) {
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

package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
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
	return fillOn(ctx, one, session{db: c.db, q: one}, target, columns, next)
}

// Fill within a transaction.
func (t *tx) Fill(ctx context.Context, target addr.Relation, columns []warehouse.Column, layout *warehouse.Layout, next func() (*warehouse.Batch, error)) (warehouse.JobStats, error) {
	return fillOn(ctx, t.c, t.session, target, columns, next)
}

func fillOn(ctx context.Context, one *sql.Conn, s session, target addr.Relation, columns []warehouse.Column, next func() (*warehouse.Batch, error)) (warehouse.JobStats, error) {
	start := time.Now()
	f := &fill{columns: columns, pull: next}
	var list string
	for i, c := range columns {
		info, vector, err := vectorOf(c.Type)
		if err != nil {
			return warehouse.JobStats{}, fmt.Errorf("fill %s: column %s: %w", target, c.Name, err)
		}
		f.infos, f.kinds = append(f.infos, info), append(f.kinds, vector)
		if i > 0 {
			list += ", "
		}
		list += Dialect{}.Ident(c.Name)
	}
	id := ongoing.add(f)
	defer ongoing.remove(id)
	if err := registerFill(one); err != nil {
		return warehouse.JobStats{}, fmt.Errorf("fill %s: %w", target, err)
	}
	stmt := warehouse.Statement{SQL: "create table " + Dialect{}.Quote(target) + " as select " + list + " from " + fillFunction + "(" + strconv.FormatInt(id, 10) + ")"}
	stats, err := s.Exec(ctx, stmt)
	if f.err != nil && err != nil {
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
	err = driver.RegisterTableUDF(c, fillFunction, driver.ChunkTableFunction{
		Config: driver.TableFunctionConfig{Arguments: []driver.TypeInfo{bigint}},
		BindArguments: func(_ map[string]any, args ...any) (driver.ChunkTableSource, error) {
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

// vectorOf is the driver's type for a column and the sort of vector it takes.
func vectorOf(typ string) (driver.TypeInfo, reflect.Kind, error) {
	var t driver.Type
	var k reflect.Kind
	switch typ {
	case "BIGINT":
		t, k = driver.TYPE_BIGINT, reflect.Int64
	case "DOUBLE":
		t, k = driver.TYPE_DOUBLE, reflect.Float64
	case "VARCHAR":
		t, k = driver.TYPE_VARCHAR, reflect.String
	case "BOOLEAN":
		t, k = driver.TYPE_BOOLEAN, reflect.Bool
	default:
		return nil, 0, fmt.Errorf("rows of type %s cannot be written in bulk", typ)
	}
	info, err := driver.NewTypeInfo(t)
	return info, k, err
}

// fill is one Fill: a source of chunks.
type fill struct {
	columns []warehouse.Column
	infos   []driver.TypeInfo
	kinds   []reflect.Kind
	pull    func() (*warehouse.Batch, error)
	bound   atomic.Bool
	batch   *warehouse.Batch
	at      int
	err     error // of pull
}

// ColumnInfos implements driver.ChunkTableSource.
func (f *fill) ColumnInfos() []driver.ColumnInfo {
	out := make([]driver.ColumnInfo, len(f.columns))
	for i, c := range f.columns {
		out[i] = driver.ColumnInfo{Name: c.Name, T: f.infos[i]}
	}
	return out
}

// Cardinality implements driver.ChunkTableSource; it is not known.
func (f *fill) Cardinality() *driver.CardinalityInfo { return nil }

// Init implements driver.ChunkTableSource.
func (f *fill) Init() {}

// FillChunk copies the next rows, as many as fit.
func (f *fill) FillChunk(chunk driver.DataChunk) error {
	for f.batch == nil || f.at == f.batch.Rows {
		b, err := f.pull()
		if err != nil {
			f.err = err
			return err
		}
		if b == nil {
			return chunk.SetSize(0)
		}
		if err := f.check(b); err != nil {
			return err
		}
		f.batch, f.at = b, 0
	}
	n := min(driver.GetDataChunkCapacity(), f.batch.Rows-f.at)
	raw := mapping.DataChunk{Ptr: reflect.ValueOf(chunk).FieldByName("chunk").FieldByName("Ptr").UnsafePointer()}
	for i, kind := range f.kinds {
		v := mapping.DataChunkGetVector(raw, mapping.IdxT(i))
		col := &f.batch.Columns[i]
		switch kind {
		case reflect.Int64:
			copyInto(v, col.Ints[f.at:f.at+n])
		case reflect.Float64:
			copyInto(v, col.Floats[f.at:f.at+n])
		case reflect.Bool:
			copyInto(v, col.Bools[f.at:f.at+n])
		case reflect.String:
			for row, text := range col.Texts[f.at : f.at+n] {
				mapping.VectorAssignStringElementLen(v, mapping.IdxT(row), unsafe.Slice(unsafe.StringData(text), len(text)))
			}
		}
		if col.Null == nil {
			continue
		}
		mapping.VectorEnsureValidityWritable(v)
		mask := mapping.VectorGetValidity(v)
		for row, null := range col.Null[f.at : f.at+n] {
			if null {
				mapping.ValiditySetRowInvalid(mask, mapping.IdxT(row))
			}
		}
	}
	f.at += n
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

// copyInto copies values of the same layout into the memory of a vector.
func copyInto[T any](v mapping.Vector, values []T) {
	copy(unsafe.Slice((*T)(mapping.VectorGetData(v)), len(values)), values)
}

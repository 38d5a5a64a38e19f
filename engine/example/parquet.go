package example

import (
	"io"
	"reflect"

	"github.com/parquet-go/parquet-go"
)

// parquetEncoder writes row groups of a bounded size, so that memory does not grow with
// the file.
type parquetEncoder struct {
	file    io.WriteCloser
	w       *parquet.GenericWriter[any]
	columns []column
	rows    []parquet.Row
}

const (
	parquetGroup = 1 << 16
	parquetBatch = 256
)

func newParquet(f io.WriteCloser, s schema) *parquetEncoder {
	return &parquetEncoder{
		file:    f,
		columns: s.columns,
		w: parquet.NewGenericWriter[any](f, parquetSchema(s),
			parquet.MaxRowsPerRowGroup(parquetGroup),
			parquet.Compression(&parquet.Zstd)),
		rows: make([]parquet.Row, 0, parquetBatch),
	}
}

// parquetSchema goes through a struct type: parquet.Group would sort the columns by name.
func parquetSchema(s schema) *parquet.Schema {
	fields := make([]reflect.StructField, len(s.columns))
	for i, c := range s.columns {
		tag, t := `parquet:"`+c.name+`,optional`, reflect.TypeFor[int64]()
		switch c.kind {
		case decimal:
			tag += `,decimal(3:18)`
		case timestamp:
			tag += `,timestamp(microsecond:local)`
		case date:
			tag, t = tag+`,date`, reflect.TypeFor[int32]()
		case boolean:
			t = reflect.TypeFor[bool]()
		case text:
			t = reflect.TypeFor[string]()
		}
		fields[i] = reflect.StructField{
			Name: "F" + c.name, Type: t, Tag: reflect.StructTag(tag + `"`),
		}
	}
	return parquet.NewSchema(s.name, parquet.SchemaOf(reflect.New(reflect.StructOf(fields)).Interface()))
}

func (e *parquetEncoder) row(cells []cell) error {
	row := make(parquet.Row, len(cells))
	for i, c := range cells {
		if !c.set {
			row[i] = parquet.NullValue().Level(0, 0, i)
			continue
		}
		row[i] = parquetValue(e.columns[i].kind, c).Level(0, 1, i)
	}
	e.rows = append(e.rows, row)
	if len(e.rows) < parquetBatch {
		return nil
	}
	return e.flush()
}

func parquetValue(k kind, c cell) parquet.Value {
	switch k {
	case text:
		return parquet.ByteArrayValue([]byte(c.s))
	case boolean:
		return parquet.BooleanValue(c.i != 0)
	case date:
		return parquet.Int32Value(int32(c.i / 86400))
	case timestamp:
		return parquet.Int64Value(c.i * 1_000_000)
	default:
		return parquet.Int64Value(c.i)
	}
}

func (e *parquetEncoder) flush() error {
	_, err := e.w.WriteRows(e.rows)
	e.rows = e.rows[:0]
	return err
}

func (e *parquetEncoder) close() error {
	err := e.flush()
	if cerr := e.w.Close(); err == nil {
		err = cerr
	}
	if cerr := e.file.Close(); err == nil {
		err = cerr
	}
	return err
}

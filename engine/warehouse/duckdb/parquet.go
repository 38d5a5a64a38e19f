package duckdb

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	driver "github.com/duckdb/duckdb-go/v2"

	"github.com/engine-build/engine/engine/warehouse"
)

// parquetGroup is the number of rows of a row group: what the writer keeps in memory.
const parquetGroup = 1 << 16

// WriteParquet makes a Parquet file of a CSV file, in constant memory. The CSV file has a
// header and the form that Load reads, and is checked in the same way: an empty field is
// NULL, an empty text in quotes is an empty text. columns give the DuckDB types by name; a
// column of the file that they leave out gets the type that its values fit. Values that do
// not fit are a *warehouse.LoadError.
//
// Equal input gives equal bytes with the same version of DuckDB: one thread writes. A file
// that stands at the path to is written over once the CSV file is checked, and no part of a
// file is left behind.
func WriteParquet(ctx context.Context, from, to string, columns []warehouse.Column) error {
	connector, err := driver.NewConnector(memory, func(e sqldriver.ExecerContext) error {
		return execAll(e, onConnectSQL, "set global threads = 1")
	})
	if err != nil {
		return fmt.Errorf("open a database in memory: %w", err)
	}
	c := newConn(sql.OpenDB(connector))
	defer c.Close()
	f := warehouse.File{Path: from, Open: func() (io.ReadCloser, error) { return os.Open(from) }, Format: "csv"}
	if err := c.writeParquet(ctx, f, to, columns); err != nil {
		return fmt.Errorf("write %s: %w", to, err)
	}
	return nil
}

func (s session) writeParquet(ctx context.Context, f warehouse.File, to string, columns []warehouse.Column) error {
	found, err := s.fileColumns(ctx, columns, f)
	if err != nil {
		return err
	}
	_, err = s.Exec(ctx, warehouse.Statement{SQL: "copy (select * from " + readCSV(f, found) + ") to " + Dialect{}.Literal(to) +
		fmt.Sprintf(" (format parquet, compression zstd, row_group_size %d, use_tmp_file false)", parquetGroup)})
	if err == nil {
		return nil
	}
	if ctx.Err() == nil {
		if k := Classify(err); k == Conversion || k == Data {
			err = s.refused(ctx, f, found, err)
		}
	}
	if rerr := os.Remove(to); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
		err = errors.Join(err, rerr)
	}
	return err
}

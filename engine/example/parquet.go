package example

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Column is a column of a generated file. Type is an SQL type: BIGINT, DECIMAL(18, 3),
// VARCHAR, BOOLEAN, DATE, or TIMESTAMP, which has no zone and holds UTC.
type Column struct{ Name, Type string }

var sqlTypes = [...]string{
	integer: "BIGINT", decimal: "DECIMAL(18, 3)", text: "VARCHAR",
	boolean: "BOOLEAN", date: "DATE", timestamp: "TIMESTAMP",
}

// hidden is a Writer into a folder that puts a dot before the files' names, so that one
// that a killed process leaves behind is no seed.
type hidden string

func (d hidden) Create(p string) (io.WriteCloser, error) {
	return Folder(string(d)).Create(path.Join(path.Dir(p), "."+path.Base(p)))
}

// writeParquet writes the seeds into dir by way of CSV files, which stand beside the
// Parquet files and are removed one by one.
func writeParquet(ctx context.Context, dir string, o Options) (err error) {
	all := new(files).schemas()
	at := func(s schema, name string) string { return filepath.Join(dir, filepath.FromSlash(s.folder), name) }
	defer func() {
		for _, e := range all {
			if rerr := os.Remove(at(e.schema, "."+e.name+".csv")); !errors.Is(rerr, fs.ErrNotExist) {
				err = errors.Join(err, rerr)
			}
		}
	}()
	if err := Manufacturing(ctx, hidden(dir), o); err != nil {
		return err
	}
	for _, e := range all {
		columns := make([]Column, len(e.columns))
		for i, c := range e.columns {
			columns[i] = Column{c.name, sqlTypes[c.kind]}
		}
		from := at(e.schema, "."+e.name+".csv")
		if err := o.Parquet(ctx, from, at(e.schema, e.name+".parquet"), columns); err != nil {
			return fmt.Errorf("make Parquet of seed %s: %w", e.name, err)
		}
		// The room on the disk is for the files to come.
		if err := os.Remove(from); err != nil {
			return fmt.Errorf("remove the CSV form of seed %s: %w", e.name, err)
		}
	}
	return nil
}

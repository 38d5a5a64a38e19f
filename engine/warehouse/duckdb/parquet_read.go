package duckdb

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"strings"
	"sync"

	driver "github.com/duckdb/duckdb-go/v2"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/warehouse"
)

// ParquetFiles reads Parquet files as texts. The zero value is ready; it opens a database in
// memory when it is first asked. Safe for concurrent use.
type ParquetFiles struct {
	mu sync.Mutex
	c  *conn
}

// Close gives the database back.
func (p *ParquetFiles) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.c == nil {
		return nil
	}
	c := p.c
	p.c = nil
	return c.Close()
}

func (p *ParquetFiles) open() (*conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.c != nil {
		return p.c, nil
	}
	connector, err := driver.NewConnector(memory, func(e sqldriver.ExecerContext) error {
		return execAll(e, onConnectSQL, "set global threads = 1") // rows keep their order
	})
	if err != nil {
		return nil, fmt.Errorf("open a database in memory: %w", err)
	}
	p.c = newConn(sql.OpenDB(connector))
	return p.c, nil
}

// Columns are those of a file, in its order, with the GoogleSQL types of the texts that Read
// gives: whole numbers that have no 64 bits with a sign, bytes, intervals and the like are
// STRING, values that hold others are JSON.
func (p *ParquetFiles) Columns(ctx context.Context, path string) ([]warehouse.Column, error) {
	found, err := p.columns(ctx, path)
	if err != nil {
		return nil, err
	}
	for i := range found {
		found[i].Type, _ = parquetText(found[i])
	}
	return found, nil
}

func (p *ParquetFiles) columns(ctx context.Context, path string) ([]warehouse.Column, error) {
	c, err := p.open()
	if err != nil {
		return nil, err
	}
	return c.describe(ctx, warehouse.Statement{SQL: "describe select * from " + readParquet(warehouse.File{Path: path})})
}

// Read gives the rows of a file, in its order, with the columns that are named: the others
// are not read. A field is nil for NULL. Numbers and times are in ISO form, times with a zone
// in UTC, floating point numbers in full length, bytes as hexadecimal digits. The slices are
// valid during the call only.
func (p *ParquetFiles) Read(ctx context.Context, path string, columns []string, take func(fields [][]byte) error) error {
	found, err := p.columns(ctx, path)
	if err != nil {
		return err
	}
	c, err := p.open()
	if err != nil {
		return err
	}
	var list []string
	for _, name := range columns {
		for _, f := range found {
			if f.Name == name {
				_, expr := parquetText(f)
				list = append(list, expr)
			}
		}
	}
	if len(list) != len(columns) {
		return fmt.Errorf("%s does not have all of the columns %s", path, strings.Join(columns, ", "))
	}
	// A file that has none of the columns has its rows all the same.
	list = append(list, "true")
	fields, buffers := make([][]byte, len(columns)), make([][]byte, len(columns))
	return c.ReadColumns(ctx, warehouse.Statement{SQL: "select " + strings.Join(list, ", ") + " from " + readParquet(warehouse.File{Path: path})}, func(b *warehouse.Batch) error {
		for row := range b.Rows {
			for i := range columns {
				v := &b.Columns[i]
				if v.Null != nil && v.Null[row] {
					fields[i] = nil
					continue
				}
				buffers[i] = append(buffers[i][:0], v.Texts[row]...)
				fields[i] = buffers[i]
				if fields[i] == nil {
					fields[i] = []byte{}
				}
			}
			if err := take(fields); err != nil {
				return err
			}
		}
		return nil
	})
}

// parquetText is the expression that makes a text of a column, and the GoogleSQL type which
// that text is of.
func parquetText(c warehouse.Column) (google, expr string) {
	name := Dialect{}.Ident(c.Name)
	text := name + "::varchar"
	switch strings.ToUpper(c.Type) {
	case "BLOB":
		return "STRING", "lower(hex(" + name + "))"
	case "FLOAT":
		return "FLOAT64", name + "::double::varchar" // as a text it would be shortened to its own precision
	case "HUGEINT", "UHUGEINT", "UUID", "INTERVAL", "VARCHAR":
		return "STRING", text
	case "UBIGINT":
		return "NUMERIC(20, 0)", text
	case "JSON":
		return "JSON", text
	}
	upper := strings.ToUpper(c.Type)
	for _, nested := range []string{"STRUCT", "MAP", "UNION"} {
		if strings.HasPrefix(upper, nested+"(") || strings.HasSuffix(upper, "]") {
			return "JSON", "to_json(" + name + ")::varchar"
		}
	}
	if strings.HasPrefix(upper, "DECIMAL") {
		return numericFor(upper), text
	}
	t, ok := googleType(c.Type)
	if !ok {
		return "STRING", text
	}
	switch t.Kind {
	case ir.Int64, ir.Float64, ir.Bool, ir.Date, ir.Time, ir.Datetime, ir.Timestamp, ir.JSON:
		return t.String(), text
	}
	return "STRING", text
}

// numericFor is DECIMAL(p,s) in GoogleSQL, where NUMERIC has 29 digits before the point and 9
// behind it.
func numericFor(native string) string {
	var p, s int
	if _, err := fmt.Sscanf(strings.ReplaceAll(native, " ", ""), "DECIMAL(%d,%d)", &p, &s); err != nil {
		return "STRING"
	}
	if s > 9 || p-s > 29 {
		return fmt.Sprintf("BIGNUMERIC(%d, %d)", p, s)
	}
	return fmt.Sprintf("NUMERIC(%d, %d)", p, s)
}

package postgres

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// Fill makes a table of rows that the engine computed, with one COPY. It is all or nothing:
// outside of a transaction it has one of its own.
func (c *conn) Fill(ctx context.Context, target addr.Relation, columns []warehouse.Column, layout *warehouse.Layout, next func() (*warehouse.Batch, error)) (warehouse.JobStats, error) {
	began, err := c.Begin(ctx)
	if err != nil {
		return warehouse.JobStats{}, err
	}
	defer began.Close()
	stats, err := began.(*tx).Fill(ctx, target, columns, layout, next)
	if err != nil {
		return stats, err
	}
	return stats, began.Commit(ctx)
}

// Fill within a transaction.
func (t *tx) Fill(ctx context.Context, target addr.Relation, columns []warehouse.Column, layout *warehouse.Layout, next func() (*warehouse.Batch, error)) (warehouse.JobStats, error) {
	stmts, err := Dialect{}.Render(warehouse.CreateTable{Target: target, Columns: columns, Layout: layout})
	if err != nil {
		return warehouse.JobStats{}, err
	}
	for _, stmt := range stmts {
		if _, err := t.Exec(ctx, stmt); err != nil {
			return warehouse.JobStats{}, err
		}
	}
	return t.Append(ctx, target, columns, next)
}

var _ warehouse.Appender = (*tx)(nil)

// Append implements warehouse.Appender.
func (t *tx) Append(ctx context.Context, target addr.Relation, columns []warehouse.Column, next func() (*warehouse.Batch, error)) (warehouse.JobStats, error) {
	start := time.Now()
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = Dialect{}.Ident(c.Name)
	}
	sql := "copy " + Dialect{}.Quote(target) + " (" + strings.Join(names, ", ") + ") from stdin"
	out, in := io.Pipe()
	failed := make(chan error, 1)
	go func() {
		err := writeRows(in, len(columns), next)
		in.CloseWithError(err)
		failed <- err
	}()
	tag, err := t.one.Conn().PgConn().CopyFrom(ctx, out, sql)
	ended := errors.New("the server ended the load")
	out.CloseWithError(ended)
	own := <-failed
	stats := warehouse.JobStats{Rows: tag.RowsAffected(), Bytes: -1, Duration: time.Since(start)}
	switch {
	case own != nil && !errors.Is(own, ended):
		return stats, fmt.Errorf("fill %s: %w", target, own)
	case err != nil:
		return stats, fmt.Errorf("fill %s: %w", target, wrap(ctx, warehouse.Statement{SQL: sql}, err))
	}
	return stats, nil
}

// textEscapes are the characters that COPY's text format gives a meaning:
// https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.2
var textEscapes = strings.NewReplacer("\\", `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

// writeRows writes rows in COPY's text format.
func writeRows(to io.Writer, width int, next func() (*warehouse.Batch, error)) error {
	w := bufio.NewWriterSize(to, copyBuffer)
	var line []byte
	for {
		b, err := next()
		if err != nil {
			return err
		}
		if b == nil {
			return w.Flush()
		}
		if len(b.Columns) != width {
			return fmt.Errorf("a batch has %d columns, not %d", len(b.Columns), width)
		}
		for i := range b.Columns {
			if lists := b.Columns[i].Lists; lists != nil {
				if err := lists.Check(b.Rows); err != nil {
					return err
				}
			}
		}
		for row := range b.Rows {
			line = line[:0]
			for i := range b.Columns {
				if i > 0 {
					line = append(line, '\t')
				}
				if line, err = appendCell(line, &b.Columns[i], row); err != nil {
					return err
				}
			}
			line = append(line, '\n')
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
		b.Done()
	}
}

func appendCell(line []byte, v *warehouse.Vector, row int) ([]byte, error) {
	switch {
	case v.Null != nil && v.Null[row]:
		return append(line, `\N`...), nil
	case row < len(v.Ints):
		return strconv.AppendInt(line, v.Ints[row], 10), nil
	case row < len(v.Floats):
		return strconv.AppendFloat(line, v.Floats[row], 'g', -1, 64), nil
	case row < len(v.Bools):
		if v.Bools[row] {
			return append(line, 't'), nil
		}
		return append(line, 'f'), nil
	case row < len(v.Texts):
		text := v.Texts[row]
		if strings.ContainsAny(text, "\\\n\r\t") {
			text = textEscapes.Replace(text)
		}
		return append(line, text...), nil
	case v.Lists != nil:
		return appendList(line, &v.Lists.Of, v.Lists.Offsets[row], v.Lists.Offsets[row+1]), nil
	}
	return line, fmt.Errorf("a batch has no value for row %d", row)
}

// appendList writes an array as PostgreSQL reads it, escaped once more for COPY:
// https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
func appendList(line []byte, of *warehouse.Vector, from, to int) []byte {
	line = append(line, '{')
	for i := from; i < to; i++ {
		if i > from {
			line = append(line, ',')
		}
		if of.Texts == nil {
			line = strconv.AppendInt(line, of.Ints[i], 10)
			continue
		}
		text := of.Texts[i]
		if strings.ContainsAny(text, "\\\"\n\r\t") {
			text = listEscapes.Replace(text)
		}
		line = append(append(append(line, '"'), text...), '"')
	}
	return append(line, '}')
}

// listEscapes are those of a quoted element, then textEscapes.
var listEscapes = strings.NewReplacer("\\", `\\\\`, "\"", `\\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

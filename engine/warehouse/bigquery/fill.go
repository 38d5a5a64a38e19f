package bigquery

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/goccy/go-json"
	bq "google.golang.org/api/bigquery/v2"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// Fill makes a table of rows that the engine computed, with one load job, which costs no
// query. The rows are kept in a temporary file first, because a try that failed needs them
// again; it takes some 60 bytes a row.
func (c *conn) Fill(ctx context.Context, target addr.Relation, columns []warehouse.Column, layout *warehouse.Layout, next func() (*warehouse.Batch, error)) (warehouse.JobStats, error) {
	start := time.Now()
	config, err := c.loadConfig(target, layout)
	if err != nil {
		return warehouse.JobStats{}, err
	}
	schema := &bq.TableSchema{}
	names := make([]string, len(columns))
	for i, col := range columns {
		field, err := parseType(col.Name, col.Type)
		if err != nil {
			return warehouse.JobStats{}, err
		}
		schema.Fields = append(schema.Fields, field)
		quoted, err := json.Marshal(col.Name)
		if err != nil {
			return warehouse.JobStats{}, err
		}
		names[i] = string(quoted)
	}
	config.Schema, config.SourceFormat = schema, "NEWLINE_DELIMITED_JSON"
	spool, err := os.CreateTemp("", "engine-rows-*.json")
	if err != nil {
		return warehouse.JobStats{}, fmt.Errorf("fill %s: %w", target, err)
	}
	defer os.Remove(spool.Name())
	defer spool.Close()
	count, err := writeLines(spool, names, next)
	if err != nil {
		return warehouse.JobStats{}, fmt.Errorf("fill %s: %w", target, err)
	}
	media := func() (io.ReadCloser, error) { return os.Open(spool.Name()) }
	_, stats, err := c.run(ctx, work{ours: true, config: &bq.JobConfiguration{Load: config}, media: media})
	stats.Duration = time.Since(start)
	if err != nil {
		return stats, fmt.Errorf("fill %s: %w", target, err)
	}
	if stats.Rows > 0 && stats.Rows != count {
		return stats, fmt.Errorf("fill %s: the service took %d of %d rows", target, stats.Rows, count)
	}
	stats.Rows = count
	return stats, c.loaded(ctx, target, layout)
}

// writeLines writes rows as lines of JSON. NULLs are left out. Integers are texts: JSON's
// numbers are floats to some readers.
func writeLines(to io.Writer, names []string, next func() (*warehouse.Batch, error)) (int64, error) {
	w := bufio.NewWriterSize(to, 1<<16)
	count := int64(0)
	var line []byte
	for {
		b, err := next()
		if err != nil {
			return count, err
		}
		if b == nil {
			return count, w.Flush()
		}
		if len(b.Columns) != len(names) {
			return count, fmt.Errorf("a batch has %d columns, not %d", len(b.Columns), len(names))
		}
		for i := range b.Columns {
			if lists := b.Columns[i].Lists; lists != nil {
				if err := lists.Check(b.Rows); err != nil {
					return count, err
				}
			}
		}
		for row := range b.Rows {
			line = append(line[:0], '{')
			for i := range b.Columns {
				v := &b.Columns[i]
				if v.Null != nil && v.Null[row] {
					continue
				}
				if len(line) > 1 {
					line = append(line, ',')
				}
				line = append(append(line, names[i]...), ':')
				switch {
				case row < len(v.Ints):
					line = append(strconv.AppendInt(append(line, '"'), v.Ints[row], 10), '"')
				case row < len(v.Floats):
					line = strconv.AppendFloat(line, v.Floats[row], 'g', -1, 64)
				case row < len(v.Bools):
					line = strconv.AppendBool(line, v.Bools[row])
				case row < len(v.Texts):
					text, err := json.Marshal(v.Texts[row])
					if err != nil {
						return count, err
					}
					line = append(line, text...)
				case v.Lists != nil:
					if line, err = appendList(line, &v.Lists.Of, v.Lists.Offsets[row], v.Lists.Offsets[row+1]); err != nil {
						return count, err
					}
				default:
					return count, fmt.Errorf("a batch has no value for row %d", row)
				}
			}
			line = append(line, '}', '\n')
			if _, err := w.Write(line); err != nil {
				return count, err
			}
			count++
		}
		b.Done()
	}
}

// appendList writes an array.
func appendList(line []byte, of *warehouse.Vector, from, to int) ([]byte, error) {
	line = append(line, '[')
	for i := from; i < to; i++ {
		if i > from {
			line = append(line, ',')
		}
		if of.Texts == nil {
			line = append(strconv.AppendInt(append(line, '"'), of.Ints[i], 10), '"')
			continue
		}
		text, err := json.Marshal(of.Texts[i])
		if err != nil {
			return line, err
		}
		line = append(line, text...)
	}
	return append(line, ']'), nil
}

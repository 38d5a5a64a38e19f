package example

import (
	"fmt"
	"io"
	"strconv"
	"time"
)

// kind is the type of a column.
type kind uint8

const (
	integer kind = iota
	decimal      // int64 in thousandths
	text
	boolean
	date      // int64 seconds
	timestamp // int64 seconds
)

type column struct {
	name string
	kind kind
}

// cell is one value; null when set is false.
type cell struct {
	set bool
	i   int64
	s   string
}

// table is one output file: cells are added in column order, end writes the row. The first
// error sticks, so the simulation needs no error checks of its own.
type table struct {
	columns []column
	cells   []cell
	enc     *csvEncoder
	rows    int64
	err     error
}

func openTable(w Writer, s schema) (*table, error) {
	f, err := w.Create(s.folder + "/" + s.name + ".csv")
	if err != nil {
		return nil, fmt.Errorf("create seed %s: %w", s.name, err)
	}
	return &table{columns: s.columns, cells: make([]cell, 0, len(s.columns)), enc: newCSV(f, s.columns)}, nil
}

func (t *table) int(v int64) *table {
	t.cells = append(t.cells, cell{set: true, i: v})
	return t
}

// id adds a reference; 0 is NULL.
func (t *table) id(v int64) *table {
	t.cells = append(t.cells, cell{set: v != 0, i: v})
	return t
}

// dec adds a number in thousandths.
func (t *table) dec(v int64) *table { return t.int(v) }

// text adds a string; the empty string is NULL.
func (t *table) text(v string) *table {
	t.cells = append(t.cells, cell{set: v != "", s: v})
	return t
}

func (t *table) bool(v bool) *table {
	var i int64
	if v {
		i = 1
	}
	return t.int(i)
}

// at adds a timestamp or date in Unix seconds; 0 is NULL.
func (t *table) at(v int64) *table { return t.id(v) }

func (t *table) end() {
	if t.err == nil {
		if len(t.cells) != len(t.columns) {
			t.err = fmt.Errorf("row of %d cells for %d columns", len(t.cells), len(t.columns))
		} else {
			t.err = t.enc.row(t.cells)
		}
	}
	t.rows++
	t.cells = t.cells[:0]
}

func (t *table) close() error {
	err := t.enc.close()
	if t.err != nil {
		return t.err
	}
	return err
}

// csvEncoder writes RFC 4180 with LF; NULL is an empty cell.
type csvEncoder struct {
	w       io.WriteCloser
	columns []column
	buf     []byte
}

const csvBuffer = 1 << 16

func newCSV(w io.WriteCloser, columns []column) *csvEncoder {
	e := &csvEncoder{w: w, columns: columns, buf: make([]byte, 0, csvBuffer+4096)}
	for i, c := range columns {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		e.buf = append(e.buf, c.name...)
	}
	e.buf = append(e.buf, '\n')
	return e
}

func (e *csvEncoder) row(cells []cell) error {
	for i, c := range cells {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		if c.set {
			e.buf = appendCell(e.buf, e.columns[i].kind, c)
		}
	}
	e.buf = append(e.buf, '\n')
	if len(e.buf) < csvBuffer {
		return nil
	}
	return e.flush()
}

func (e *csvEncoder) flush() error {
	_, err := e.w.Write(e.buf)
	e.buf = e.buf[:0]
	return err
}

func (e *csvEncoder) close() error {
	err := e.flush()
	if cerr := e.w.Close(); err == nil {
		err = cerr
	}
	return err
}

func appendCell(b []byte, k kind, c cell) []byte {
	switch k {
	case integer:
		return strconv.AppendInt(b, c.i, 10)
	case decimal:
		return appendThousandths(b, c.i)
	case boolean:
		return strconv.AppendBool(b, c.i != 0)
	case date:
		return time.Unix(c.i, 0).UTC().AppendFormat(b, time.DateOnly)
	case timestamp:
		return time.Unix(c.i, 0).UTC().AppendFormat(b, time.DateTime)
	default:
		return appendQuoted(b, c.s)
	}
}

func appendThousandths(b []byte, v int64) []byte {
	if v < 0 {
		b, v = append(b, '-'), -v
	}
	b = strconv.AppendInt(b, v/1000, 10)
	if frac := v % 1000; frac != 0 {
		b = append(b, '.', byte('0'+frac/100), byte('0'+frac/10%10), byte('0'+frac%10))
		for b[len(b)-1] == '0' {
			b = b[:len(b)-1]
		}
	}
	return b
}

// appendQuoted quotes what a reader could misread: separators, quotes, and outer spaces,
// which some readers trim.
func appendQuoted(b []byte, s string) []byte {
	quote := s[0] == ' ' || s[len(s)-1] == ' '
	for i := 0; i < len(s) && !quote; i++ {
		quote = s[i] == ',' || s[i] == '"' || s[i] == '\n' || s[i] == '\r'
	}
	if !quote {
		return append(b, s...)
	}
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' {
			b = append(b, '"')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/engine-build/engine/engine/warehouse"
)

const (
	// batchRows and batchBytes bound a batch: what waits to be written takes no more memory,
	// however long the texts are (but for one that is longer by itself).
	batchRows  = 8192
	batchBytes = 4 << 20
	// waiting is how many batches may wait for the target, for each reader.
	waiting = 2
)

// valueError is a value of a row that does not fit, with what tells the row from others.
type valueError struct {
	Column string
	Reason string
	// Row are the values of the key, «id = 4711»; empty where no key is taken.
	Row string
}

func (e *valueError) Error() string {
	return fmt.Sprintf("column %q: %s", e.Column, e.Reason)
}

// stream reads queries side by side and gives their rows as batches.
type stream struct {
	columns  []Taken
	decoders []decoder
	key      []int // places of columns that tell rows apart

	batches chan *warehouse.Batch
	rows    atomic.Int64
	spare   sync.Pool // of *[]cells
	err     error     // of a reader, once batches is closed
}

// newStream is a stream of columns for a target. It is an error if the target cannot hold the
// values of one.
func newStream(columns []Taken, key []string, stored func(typ string) warehouse.Stored) (*stream, error) {
	s := &stream{columns: columns, decoders: make([]decoder, len(columns))}
	for i, c := range columns {
		var err error
		if s.decoders[i], err = decoderFor(c.Wire, c.Type, stored(c.Type)); err != nil {
			return nil, fmt.Errorf("column %q: %w", c.Name, err)
		}
		for _, k := range key {
			if k == c.Name && c.Transform == "" {
				s.key = append(s.key, i)
			}
		}
	}
	s.spare.New = func() any { cells := make([]cells, len(columns)); return &cells }
	return s, nil
}

// start has the queries read until the context ends.
func (s *stream) start(ctx context.Context, m warehouse.Moment, queries []string) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	s.batches = make(chan *warehouse.Batch, waiting*len(queries))
	var group sync.WaitGroup
	var once sync.Once
	for _, q := range queries {
		group.Go(func() {
			if err := s.read(ctx, m, q); err != nil {
				once.Do(func() { s.err = err }) // the others are canceled
				cancel()
			}
		})
	}
	go func() {
		group.Wait()
		close(s.batches)
	}()
	return func() {
		cancel()
		for range s.batches { // nobody wants them
		}
	}
}

// next is what a Filler pulls.
func (s *stream) next() (*warehouse.Batch, error) {
	b, ok := <-s.batches
	if ok {
		return b, nil
	}
	return nil, s.err
}

// read gives the rows of one query.
func (s *stream) read(ctx context.Context, m warehouse.Moment, query string) error {
	r := &reading{stream: s, ctx: ctx}
	rows := &binaryRows{width: len(s.columns), row: r.row}
	if _, err := m.Copy(ctx, query, warehouse.CopyBinary, rows); err != nil {
		return err
	}
	if err := rows.end(); err != nil {
		return err
	}
	return r.give()
}

// reading is one query while it is read.
type reading struct {
	*stream
	ctx   context.Context
	cells *[]cells
	n     int
	bytes int
}

func (r *reading) row(fields [][]byte) error {
	if r.cells == nil {
		r.cells = r.spare.Get().(*[]cells)
	}
	for i, cell := range fields {
		if err := r.decoders[i].add(&(*r.cells)[i], cell); err != nil {
			return r.misfit(i, fields, err)
		}
		r.bytes += len(cell)
	}
	if r.n++; r.n == batchRows || r.bytes >= batchBytes {
		return r.give()
	}
	return nil
}

func (r *reading) misfit(column int, fields [][]byte, err error) error {
	var m *misfit
	if !errors.As(err, &m) {
		return fmt.Errorf("column %q: %w", r.columns[column].Name, err)
	}
	out := &valueError{Column: r.columns[column].Name, Reason: m.reason}
	var parts []string
	for _, k := range r.key {
		text := "null"
		if fields[k] != nil {
			if t, err := wireText(r.columns[k].Wire, fields[k]); err == nil {
				text = shortened(t)
			}
		}
		parts = append(parts, r.columns[k].Name+" = "+text)
	}
	out.Row = strings.Join(parts, ", ")
	return out
}

// shortened keeps a value short enough for a message.
func shortened(text string) string {
	const most = 40
	if r := []rune(text); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return text
}

// give sends what has been collected.
func (r *reading) give() error {
	if r.n == 0 {
		return nil
	}
	from := r.cells
	b := &warehouse.Batch{Rows: r.n, Columns: make([]warehouse.Vector, len(*from))}
	for i := range *from {
		b.Columns[i] = (*from)[i].vector(r.decoders[i].texts)
	}
	b.Free = func() {
		for i := range *from {
			(*from)[i].reset()
		}
		r.spare.Put(from)
	}
	r.rows.Add(int64(r.n))
	r.cells, r.n, r.bytes = nil, 0, 0
	select {
	case r.batches <- b:
		return nil
	case <-r.ctx.Done():
		return r.ctx.Err()
	}
}

// textOf writes the rows of queries in COPY's text form, one after the other.
func textOf(ctx context.Context, m warehouse.Moment, queries []string) func(io.Writer) error {
	return func(to io.Writer) error {
		for _, q := range queries {
			if _, err := m.Copy(ctx, q, warehouse.CopyText, to); err != nil {
				return err
			}
		}
		return nil
	}
}

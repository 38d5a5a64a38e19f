package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/engine-build/engine/engine/warehouse"
)

// bulkRows is how many rows a batch has.
const bulkRows = 1 << 12

// ReadColumns gives the rows of a query by columns. Numbers come as the server holds them.
func (s session) ReadColumns(ctx context.Context, stmt warehouse.Statement, each func(*warehouse.Batch) error) error {
	if err := checkText(stmt); err != nil {
		return err
	}
	ctx, limit := limited(ctx)
	one, err := s.reading(ctx, stmt)
	if err != nil {
		limit.stop()
		return limit.reached(err)
	}
	from := &rows{s: s, stmt: stmt, limit: limit, one: one, start: time.Now(), read: true}
	from.ctx, from.cancel = context.WithCancel(ctx)
	defer from.Close()
	pg := one.Conn().PgConn()
	// What the columns are is asked first: a query that was sent within a transaction has to
	// be read to its end.
	found, err := pg.Prepare(from.ctx, "", stmt.SQL, nil)
	if err != nil {
		return limit.reached(s.explained(ctx, stmt, err))
	}
	cells, formats := make([]cells, len(found.Fields)), make([]int16, len(found.Fields))
	for i, f := range found.Fields {
		if cells[i], formats[i] = cellsOf(f); cells[i] == nil {
			return warehouse.ErrUnsupported
		}
	}
	if len(cells) == 0 || len(found.ParamOIDs) > 0 {
		return warehouse.ErrUnsupported // no query, or one that cannot be run; Query says why
	}
	from.r, from.read = pg.ExecPrepared(from.ctx, "", nil, nil, formats), false
	batch := &warehouse.Batch{Columns: make([]warehouse.Vector, len(cells))}
	give := func() error {
		if batch.Rows == 0 {
			return nil
		}
		for i := range cells {
			cells[i].take(&batch.Columns[i])
		}
		err := each(batch)
		batch.Rows = 0
		return err
	}
	for from.Next() {
		for i, cell := range from.r.Values() {
			if err := cells[i].add(cell); err != nil {
				return fmt.Errorf("read column %s: %w", found.Fields[i].Name, err)
			}
		}
		if batch.Rows++; batch.Rows == bulkRows {
			if err := give(); err != nil {
				return err
			}
		}
	}
	if from.err != nil {
		return from.err
	}
	return give()
}

// cells collect the values of a column.
type cells interface {
	// add appends a value; nil is NULL.
	add(cell []byte) error
	// take moves what was added into a vector.
	take(into *warehouse.Vector)
}

const (
	textForm   = 0
	binaryForm = 1
)

// cellsOf is nil for types that have no vector in the contract. form is how the server is
// to send the values.
func cellsOf(f pgconn.FieldDescription) (c cells, form int16) {
	switch f.DataTypeOID {
	case pgtype.Int8OID:
		return &intCells{width: 8}, binaryForm
	case pgtype.Int4OID:
		return &intCells{width: 4}, binaryForm
	case pgtype.Int2OID:
		return &intCells{width: 2}, binaryForm
	case pgtype.Float8OID:
		return &floatCells{}, binaryForm
	case pgtype.NumericOID:
		return &floatCells{decimal: true}, textForm
	case pgtype.BoolOID:
		return &boolCells{}, binaryForm
	case pgtype.TextOID, pgtype.VarcharOID:
		return &textCells{}, textForm
	}
	return nil, 0
}

// nulls marks the elements that are NULL, once there is one.
type nulls struct{ marks []bool }

func (n *nulls) note(at int, null bool) {
	if n.marks == nil {
		if !null {
			return
		}
		n.marks = make([]bool, at, bulkRows)
	}
	n.marks = append(n.marks, null)
}

// take gives the marks, nil where there is none.
func (n *nulls) take() []bool {
	marks := n.marks
	n.marks = nil
	return marks
}

type intCells struct {
	nulls
	width  int
	values []int64
}

func (c *intCells) add(cell []byte) error {
	c.note(len(c.values), cell == nil)
	var v int64
	switch {
	case cell == nil:
	case len(cell) != c.width:
		return fmt.Errorf("an integer of %d bytes came with %d", c.width, len(cell))
	case c.width == 8:
		v = int64(binary.BigEndian.Uint64(cell))
	case c.width == 4:
		v = int64(int32(binary.BigEndian.Uint32(cell)))
	default:
		v = int64(int16(binary.BigEndian.Uint16(cell)))
	}
	c.values = append(c.values, v)
	return nil
}

func (c *intCells) take(into *warehouse.Vector) {
	into.Null, into.Ints, c.values = c.nulls.take(), c.values, into.Ints[:0]
}

type floatCells struct {
	nulls
	decimal bool
	values  []float64
}

func (c *floatCells) add(cell []byte) error {
	c.note(len(c.values), cell == nil)
	var v float64
	switch {
	case cell == nil:
	case c.decimal:
		var err error
		if v, err = strconv.ParseFloat(string(cell), 64); err != nil {
			return err
		}
	case len(cell) != 8:
		return fmt.Errorf("a float of 8 bytes came with %d", len(cell))
	default:
		v = math.Float64frombits(binary.BigEndian.Uint64(cell))
	}
	c.values = append(c.values, v)
	return nil
}

func (c *floatCells) take(into *warehouse.Vector) {
	into.Null, into.Floats, c.values = c.nulls.take(), c.values, into.Floats[:0]
}

type boolCells struct {
	nulls
	values []bool
}

func (c *boolCells) add(cell []byte) error {
	c.note(len(c.values), cell == nil)
	c.values = append(c.values, len(cell) == 1 && cell[0] == 1)
	return nil
}

func (c *boolCells) take(into *warehouse.Vector) {
	into.Null, into.Bools, c.values = c.nulls.take(), c.values, into.Bools[:0]
}

// textCells puts the texts of a batch into one piece of memory.
type textCells struct {
	nulls
	all    []byte
	places [][2]int
}

func (c *textCells) add(cell []byte) error {
	c.note(len(c.places), cell == nil)
	if n := len(c.places); n > 0 {
		// Neighbors are often the same.
		if last := c.places[n-1]; string(c.all[last[0]:last[1]]) == string(cell) {
			c.places = append(c.places, last)
			return nil
		}
	}
	from := len(c.all)
	c.all = append(c.all, cell...)
	c.places = append(c.places, [2]int{from, len(c.all)})
	return nil
}

func (c *textCells) take(into *warehouse.Vector) {
	all := string(c.all)
	into.Null, into.Texts = c.nulls.take(), into.Texts[:0]
	for _, p := range c.places {
		into.Texts = append(into.Texts, all[p[0]:p[1]])
	}
	c.all, c.places = c.all[:0], c.places[:0]
}

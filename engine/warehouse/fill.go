package warehouse

import (
	"context"
	"errors"
	"fmt"

	"github.com/engine-build/engine/engine/addr"
)

// Batch is a part of a table that the engine computed, by columns.
type Batch struct {
	Rows    int
	Columns []Vector
	// Free is called when a Filler has done with the batch; nil: nobody waits for it.
	Free func()
}

// Done tells whoever made the batch that it is no longer needed.
func (b *Batch) Done() {
	if b != nil && b.Free != nil {
		b.Free()
	}
}

// Vector is a column of a Batch: one of the slices has Rows elements, or Lists as many, and
// the others are nil.
type Vector struct {
	Ints   []int64
	Floats []float64
	Texts  []string
	Bools  []bool
	Lists  *Lists
	// Null marks the elements that are NULL; nil: none is.
	Null []bool
}

// Lists are elements that are arrays: element i is Of[Offsets[i]:Offsets[i+1]]. So there is
// one offset more than rows.
type Lists struct {
	Offsets []int
	Of      Vector // Ints or Texts, none of them NULL
}

// Check says why these are not the lists of so many rows: nil, if they are.
func (l *Lists) Check(rows int) error {
	if l == nil {
		return errors.New("there are no lists")
	}
	if len(l.Offsets) != rows+1 {
		return fmt.Errorf("lists of %d rows have %d offsets, not %d", rows, len(l.Offsets), rows+1)
	}
	last := 0
	for i, at := range l.Offsets {
		if at < last {
			return fmt.Errorf("offset %d of lists is %d, after %d", i, at, last)
		}
		last = at
	}
	have := len(l.Of.Ints)
	if l.Of.Texts != nil {
		have = len(l.Of.Texts)
	}
	if last > have {
		return fmt.Errorf("lists end at %d of %d elements", last, have)
	}
	if l.Of.Null != nil || l.Of.Ints != nil && l.Of.Texts != nil || l.Of.Floats != nil || l.Of.Bools != nil || l.Of.Lists != nil {
		return errors.New("elements of lists are integers or texts, and none is NULL")
	}
	return nil
}

// Filler is the optional power to write rows that the engine computed, in bulk. The rows of a
// batch stay together; batches may change places.
type Filler interface {
	// Fill makes a new table and writes what next gives until that is nil, calling it from one
	// goroutine at a time. A batch is the Filler's until it calls Done, or returns. The types
	// of columns fit the vectors: 64 bit integers, floats, texts and booleans, and arrays of
	// integers or texts, as the dialect spells them. After an error no table is left behind.
	// A process that is killed may leave one that has a part of the rows: outside of a
	// transaction target is a name that nobody reads yet.
	Fill(ctx context.Context, target addr.Relation, columns []Column, layout *Layout, next func() (*Batch, error)) (JobStats, error)
}

// StoredFiller is the optional power of a Filler to take values as the warehouse stores them,
// without a conversion by it.
type StoredFiller interface {
	// FillStored is Fill, where besides the vectors of columns that Stored knows are what it
	// says.
	FillStored(ctx context.Context, target addr.Relation, columns []Column, layout *Layout, next func() (*Batch, error)) (JobStats, error)
	// Stored says what the vector of a column of a type holds; StoredNone: what Fill takes.
	Stored(typ string) Stored
}

// Stored is what the elements of a vector are.
type Stored int

const (
	StoredNone Stored = iota
	// StoredDays are Ints: days since 1970-01-01. The largest and the smallest number but one of
	// 32 bits are the infinities.
	StoredDays
	// StoredMicros are Ints: microseconds since 1970-01-01 00:00:00, UTC. The largest and the
	// smallest number but one of 64 bits are the infinities.
	StoredMicros
	// StoredTime are Ints: microseconds since midnight.
	StoredTime
	// StoredDecimal are Ints: the value without its point.
	StoredDecimal
	// StoredInts are Ints that are in the range of the type.
	StoredInts
	// StoredFloats are Floats that the type has.
	StoredFloats
	// StoredBytes are Texts of any bytes.
	StoredBytes
)

// Appender is the optional power of a transaction that is a Filler to add rows that the
// engine computed to a table that is there.
type Appender interface {
	// Append adds what next gives until that is nil, as Fill does. The columns are the table's,
	// all of them in its order. After an error the transaction has to be rolled back.
	Append(ctx context.Context, target addr.Relation, columns []Column, next func() (*Batch, error)) (JobStats, error)
}

// ColumnReader is the optional power to give the rows of a query by columns, many times
// quicker than Rows does.
type ColumnReader interface {
	// ReadColumns calls each with all rows of a query. A batch is each's until it returns;
	// the texts in it stay. Whole numbers of any width come as Ints, decimals as the Floats
	// nearest to them, the others as what they are; an element that is NULL is zero or
	// anything. A column of another type is ErrUnsupported, before anything is read. An
	// error of each ends the reading and is returned. Within a transaction, each must not
	// use it.
	ReadColumns(ctx context.Context, stmt Statement, each func(*Batch) error) error
}

package transpile

import "github.com/engine-build/engine/engine/ir"

// Lowerer is the optional power of a Dialect to write a scan as others: an aggregate the
// target lacks, for one, as a window function below a plain aggregate. The scans it gives are
// new ones; what they share with the old one is not changed. Their new columns and the
// references to them come from the Writer.
type Lowerer interface {
	LowerAggregate(n *ir.Aggregate) *ir.Aggregate
	LowerAnalytic(n *ir.Analytic) *ir.Analytic
}

// NewColumn is a column that no other scan of the statement has.
func (w *Writer) NewColumn(name string, t *ir.Type) ir.Column {
	w.lowered--
	return ir.Column{ID: w.lowered, Name: name, Type: t}
}

// NewRef is a reference to a column beside those of the statement.
func (w *Writer) NewRef(c ir.Column) *ir.ColumnRef {
	r := &ir.ColumnRef{Of: ir.Of{Type: c.Type}, Column: c}
	m := w.refs[c.ID]
	if m == nil {
		m = map[*ir.ColumnRef]bool{}
		w.refs[c.ID] = m
	}
	m[r] = true
	return r
}

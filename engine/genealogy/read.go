package genealogy

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/ancestry"
	"github.com/engine-build/engine/engine/warehouse"
)

// read is what a relation of edges holds, numbered.
type read struct {
	keys  *keys
	parts *keys // values of the partition column; nil without one
	edges ancestry.Edges
	nulls int // rows without a parent or without a child
}

// rows are edges as they came.
type rows struct {
	parent, child column
	part          column
	partNull      []bool
	share         []float64
	nulls         int
}

// readEdges reads the edges of a relation. Rows in which an end is NULL are counted and
// left out.
func readEdges(ctx context.Context, c warehouse.Conn, from addr.Relation, cl warehouse.Closure) (*rows, error) {
	d := c.Dialect()
	columns := []string{d.Ident(cl.Parent), d.Ident(cl.Child)}
	if cl.Partition != "" {
		columns = append(columns, d.Ident(cl.Partition))
	}
	quantity, total := 0, 0
	switch {
	case cl.Ratio != "":
		quantity = len(columns)
		columns = append(columns, d.Ident(cl.Ratio))
	case cl.Quantity != "":
		quantity = len(columns)
		columns = append(columns, d.Ident(cl.Quantity))
		if cl.Total != "" {
			total = len(columns)
			columns = append(columns, d.Ident(cl.Total))
		}
	}
	r := &rows{}
	var amounts, totals []float64
	sql := "select " + strings.Join(columns, ", ") + " from " + d.Quote(from)
	err := inBulk(ctx, c, sql, func(b *warehouse.Batch) error {
		ends := [2]*warehouse.Vector{&b.Columns[0], &b.Columns[1]}
		if !isKey(ends[0]) || !isKey(ends[1]) || cl.Partition != "" && !isKey(&b.Columns[2]) {
			return errByRows
		}
		known := func(row int) bool {
			return (ends[0].Null == nil || !ends[0].Null[row]) && (ends[1].Null == nil || !ends[1].Null[row])
		}
		if ends[0].Null == nil && ends[1].Null == nil {
			known = nil
		}
		if cl.Partition != "" {
			r.addPartitions(&b.Columns[2], b.Rows, known)
		}
		if quantity > 0 {
			var err error
			if amounts, err = addFloats(amounts, &b.Columns[quantity], b.Rows, known, columns[quantity]); err != nil {
				return err
			}
		}
		if total > 0 {
			var err error
			if totals, err = addFloats(totals, &b.Columns[total], b.Rows, known, columns[total]); err != nil {
				return err
			}
		}
		r.nulls += b.Rows - r.parent.addAll(ends[0], b.Rows, known)
		r.child.addAll(ends[1], b.Rows, known)
		return nil
	}, func(v []any) error {
		if v[0] == nil || v[1] == nil {
			r.nulls++
			return nil
		}
		if err := r.parent.add(v[0], cl.Parent); err != nil {
			return err
		}
		if err := r.child.add(v[1], cl.Child); err != nil {
			return err
		}
		if cl.Partition != "" {
			if err := r.addPartition(v[2], cl.Partition); err != nil {
				return err
			}
		}
		if quantity > 0 {
			amount, err := float(v[quantity], columns[quantity])
			if err != nil {
				return err
			}
			amounts = append(amounts, amount)
		}
		if total > 0 {
			amount, err := float(v[total], columns[total])
			if err != nil {
				return err
			}
			totals = append(totals, amount)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if quantity > 0 {
		r.share = amounts
		if r.share == nil {
			r.share = []float64{}
		}
		if cl.Ratio == "" {
			if err := r.divide(totals); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

func (r *rows) addPartition(v any, name string) error {
	r.partNull = append(r.partNull, v == nil)
	if v == nil {
		// The place is kept; the value is not looked at.
		if r.part.kind == 's' {
			v = ""
		} else {
			v = int64(0)
		}
		if r.part.kind == 0 {
			// Not known yet of which type the others are: both columns keep the place.
			r.part.ints, r.part.texts = append(r.part.ints, 0), append(r.part.texts, "")
			return nil
		}
	}
	if r.part.kind == 0 {
		switch v.(type) {
		case int64:
			r.part.texts = nil
		case string:
			r.part.ints = nil
		}
	}
	return r.part.add(v, name)
}

// divide turns the amounts that edges took into shares of what their parents gave.
func (r *rows) divide(totals []float64) error {
	_, numbers, err := number(&r.parent)
	if err != nil {
		return err
	}
	of := map[int32]float64{}
	for i, p := range numbers[0] {
		if totals != nil {
			if have, ok := of[p]; !ok || totals[i] > have {
				of[p] = totals[i]
			}
			continue
		}
		of[p] += r.share[i] // one that is not known makes the sum unknown
	}
	for i, p := range numbers[0] {
		if of[p] == 0 {
			r.share[i] = math.NaN()
			continue
		}
		r.share[i] /= of[p]
	}
	return nil
}

// numbered gives nodes and partitions their numbers.
func (r *rows) numbered() (*read, error) {
	k, numbers, err := number(&r.parent, &r.child)
	if err != nil {
		return nil, err
	}
	return r.over(k, numbers[0], numbers[1])
}

// over is r with the numbers of its parents and children among k.
func (r *rows) over(k *keys, parent, child []int32) (*read, error) {
	out := &read{keys: k, nulls: r.nulls, edges: ancestry.Edges{Nodes: k.len(), Parent: parent, Child: child, Share: r.share}}
	if r.partNull == nil {
		return out, nil
	}
	parts, of, err := number(&r.part)
	if err != nil {
		return nil, err
	}
	if r.part.kind == 0 {
		parts = &keys{} // all are NULL
	}
	// NULL comes last: a value that is known outranks it.
	null := int32(parts.len())
	value := func(i int) int32 {
		if r.partNull[i] {
			return null
		}
		return of[0][i]
	}
	const none = math.MaxInt32
	node := make([]int32, k.len())
	for i := range node {
		node[i] = none
	}
	born := make([]bool, k.len())
	for i, c := range child {
		born[c] = true
		node[c] = min(node[c], value(i))
	}
	for i, p := range parent {
		if !born[p] {
			node[p] = min(node[p], value(i))
		}
	}
	for i := range node {
		if node[i] == none {
			node[i] = null // it has no edge, so no rows
		}
	}
	out.parts, out.edges.Partition = parts, node
	return out, nil
}

// partition is the value of the partition that a node is in.
func (in *read) partition(node int32) (i int64, text string, null bool) {
	switch p := in.edges.Partition[node]; {
	case int(p) == in.parts.len():
		return 0, "", true
	case in.parts.texts != nil:
		return 0, in.parts.texts[p], false
	default:
		return in.parts.ints[p], "", false
	}
}

// errByRows says that columns are of types for which rows have to be read one by one.
var errByRows = errors.New("read row by row")

// inBulk reads a query by columns where the connection can and the types allow it, and
// otherwise row by row. batch may return errByRows of its first batch, when it has kept
// nothing of it.
func inBulk(ctx context.Context, c warehouse.Conn, sql string, batch func(*warehouse.Batch) error, row func([]any) error) error {
	if r, ok := c.(warehouse.ColumnReader); ok {
		err := r.ReadColumns(ctx, warehouse.Statement{SQL: sql}, batch)
		if !errors.Is(err, warehouse.ErrUnsupported) && !errors.Is(err, errByRows) {
			return err
		}
	}
	return each(ctx, c, sql, row)
}

// isKey reports whether a column that was read holds what keys may be.
func isKey(v *warehouse.Vector) bool { return v.Ints != nil || v.Texts != nil }

// addAll appends the elements that are known (nil: all are), and counts them.
func (c *column) addAll(v *warehouse.Vector, rows int, known func(row int) bool) int {
	was := c.len()
	switch {
	case v.Texts != nil:
		c.kind = 's'
		c.texts = appendKnown(c.texts, v.Texts[:rows], known)
	default:
		c.kind = 'i'
		c.ints = appendKnown(c.ints, v.Ints[:rows], known)
	}
	return c.len() - was
}

func appendKnown[T any](to, values []T, known func(row int) bool) []T {
	if known == nil {
		return append(to, values...)
	}
	for row, v := range values {
		if known(row) {
			to = append(to, v)
		}
	}
	return to
}

// addPartitions is addPartition of a whole column. The place of NULL is kept.
func (r *rows) addPartitions(v *warehouse.Vector, rows int, known func(row int) bool) {
	null := v.Null
	if null == nil {
		null = make([]bool, rows)
	}
	r.partNull = appendKnown(r.partNull, null[:rows], known)
	r.part.addAll(v, rows, known)
}

// addFloats appends amounts; NULL is NaN.
func addFloats(to []float64, v *warehouse.Vector, rows int, known func(row int) bool, name string) ([]float64, error) {
	for row := range rows {
		if known != nil && !known(row) {
			continue
		}
		var x any
		switch {
		case v.Null != nil && v.Null[row]:
		case v.Floats != nil:
			to = append(to, v.Floats[row])
			continue
		case v.Ints != nil:
			x = v.Ints[row]
		case v.Texts != nil:
			x = v.Texts[row]
		default:
			x = v.Bools[row]
		}
		f, err := float(x, name)
		if err != nil {
			return nil, err
		}
		to = append(to, f)
	}
	return to, nil
}

// each calls f with the rows of a query.
func each(ctx context.Context, c warehouse.Conn, sql string, f func([]any) error) error {
	found, err := c.Query(ctx, warehouse.Statement{SQL: sql})
	if err != nil {
		return err
	}
	defer found.Close()
	for found.Next() {
		v, err := found.Values()
		if err != nil {
			return err
		}
		if err := f(v); err != nil {
			return err
		}
	}
	return found.Err()
}

// float reads an amount; NULL is NaN.
func float(v any, name string) (float64, error) {
	switch v := v.(type) {
	case nil:
		return math.NaN(), nil
	case float64:
		return v, nil
	case int64:
		return float64(v), nil
	case string:
		if f, err := strconv.ParseFloat(v, 64); err == nil {
			return f, nil
		}
	}
	return 0, fmt.Errorf("column %s holds %v, which is no number", name, v)
}

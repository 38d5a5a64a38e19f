package genealogy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/ancestry"
	"github.com/engine-build/engine/engine/warehouse"
)

// ErrRebuild says that a closure cannot be updated and has to be made anew, because it has
// cycles, had some, or leaves out pairs.
var ErrRebuild = errors.New("the closure has cycles or a limit of depth, so it is made anew")

// Update does the operation. The pairs of depth 1 are the edges of the last time: what
// differs from them tells whose ancestry changed. Rows of those are deleted and written
// anew, all others stay. It belongs into a transaction, or onto a copy.
//
// Where cycles come in it, Update returns ErrRebuild and has changed nothing.
func Update(ctx context.Context, c warehouse.Conn, op warehouse.UpdateClosure) (Report, error) {
	filler, ok := c.(warehouse.Filler)
	if !ok {
		return Report{}, fmt.Errorf("update %s: %w", op.Target, warehouse.ErrUnsupported)
	}
	if op.Closure.MaxDepth > 0 {
		return Report{}, ErrRebuild
	}
	raw, err := readEdges(ctx, c, op.From, op.Closure)
	if err != nil {
		return Report{}, err
	}
	old, err := readDirect(ctx, c, op)
	if err != nil {
		return Report{}, err
	}
	in, seeds, lost, err := compare(raw, old)
	if err != nil {
		return Report{}, err
	}
	g, report, err := build(in, op.Closure)
	if err != nil {
		return report, err
	}
	if report.Rounds > 0 {
		return report, ErrRebuild
	}
	if err := within(g, op.Closure); err != nil {
		return report, err
	}
	changed, err := below(g, in, seeds, lost)
	if err != nil {
		return report, err
	}
	report.Affected = len(changed)
	if len(changed) > 0 {
		if report.Stats, err = replace(ctx, c, filler, op, in, g, changed); err != nil {
			return report, err
		}
	}
	if limit := op.Closure.MaxPairs; limit > 0 {
		err = each(ctx, c, "select count(*) from "+c.Dialect().Quote(op.Target), func(v []any) error {
			if n, _ := v[0].(int64); n > limit {
				return &TooManyError{Pairs: n, Limit: limit}
			}
			return nil
		})
	}
	return report, err
}

// readDirect reads the edges that a closure was made of.
func readDirect(ctx context.Context, c warehouse.Conn, op warehouse.UpdateClosure) (*rows, error) {
	d := c.Dialect()
	columns := d.Ident(warehouse.AncestorID) + ", " + d.Ident(warehouse.DescendantID) + ", " + d.Ident(warehouse.MinDepth)
	part, share := 0, 0
	if op.Closure.Partition != "" {
		columns, part = columns+", "+d.Ident(op.Closure.Partition), 3
	}
	if op.Closure.Shares() {
		columns, share = columns+", "+d.Ident(warehouse.DirectShare), max(part, 2)+1
	}
	r := &rows{}
	sql := "select " + columns + " from " + d.Quote(op.Target) + " where " + d.Ident(warehouse.MinDepth) + " <= 1"
	err := inBulk(ctx, c, sql, func(b *warehouse.Batch) error {
		depth := &b.Columns[2]
		if !isKey(&b.Columns[0]) || !isKey(&b.Columns[1]) || part > 0 && !isKey(&b.Columns[part]) || depth.Ints == nil {
			return errByRows
		}
		// Nobody's closure has keys that are NULL: whatever wrote them, it was not this.
		if b.Columns[0].Null != nil || b.Columns[1].Null != nil || slices.Contains(depth.Ints[:b.Rows], 0) {
			return ErrRebuild
		}
		if share > 0 {
			var err error
			if r.share, err = addFloats(r.share, &b.Columns[share], b.Rows, nil, warehouse.DirectShare); err != nil {
				return err
			}
		}
		if part > 0 {
			r.addPartitions(&b.Columns[part], b.Rows, nil)
		}
		r.parent.addAll(&b.Columns[0], b.Rows, nil)
		r.child.addAll(&b.Columns[1], b.Rows, nil)
		return nil
	}, func(v []any) error {
		if depth, _ := v[2].(int64); depth == 0 {
			return ErrRebuild
		}
		if err := r.parent.add(v[0], warehouse.AncestorID); err != nil {
			return err
		}
		if err := r.child.add(v[1], warehouse.DescendantID); err != nil {
			return err
		}
		if part > 0 {
			if err := r.addPartition(v[part], op.Closure.Partition); err != nil {
				return err
			}
		}
		if share > 0 {
			f, err := float(v[share], warehouse.DirectShare)
			if err != nil {
				return err
			}
			r.share = append(r.share, f)
		}
		return nil
	})
	return r, err
}

// compare numbers the new edges together with the old ones. seeds are descendants whose
// parents or partition differ, lost are the edges that are no more.
func compare(raw, old *rows) (in *read, seeds []int32, lost ancestry.Edges, err error) {
	k, numbers, err := number(&raw.parent, &raw.child, &old.parent, &old.child)
	if err != nil {
		return nil, nil, lost, err
	}
	if in, err = raw.over(k, numbers[0], numbers[1]); err != nil {
		return nil, nil, lost, err
	}
	if raw.partNull != nil {
		for i, child := range numbers[3] {
			if !old.inPartition(i, in, child) {
				seeds = append(seeds, child)
			}
		}
	}
	var now, before sorted
	var group sync.WaitGroup
	group.Go(func() { before = arcs(k.len(), numbers[2], numbers[3], old.share) })
	now = arcs(k.len(), numbers[0], numbers[1], raw.share)
	group.Wait()
	lost.Nodes = k.len()
	for i, j := 0, 0; i < len(now.parent) || j < len(before.parent); {
		switch order := now.compare(i, before, j); {
		case order < 0:
			seeds = append(seeds, now.child[i])
			i++
		case order > 0:
			seeds = append(seeds, before.child[j])
			lost.Parent, lost.Child = append(lost.Parent, before.parent[j]), append(lost.Child, before.child[j])
			j++
		default:
			if now.share != nil && !alike(now.share[i], before.share[j]) {
				seeds = append(seeds, now.child[i])
			}
			i, j = i+1, j+1
		}
	}
	return in, seeds, lost, nil
}

// below are the seeds and all that lies below them, over new edges or lost ones: whose rows
// change.
func below(g *ancestry.Graph, in *read, seeds []int32, lost ancestry.Edges) ([]int32, error) {
	if len(seeds) == 0 {
		return nil, nil
	}
	if len(lost.Parent) > 0 {
		union := ancestry.Edges{Nodes: lost.Nodes, Parent: slices.Concat(in.edges.Parent, lost.Parent), Child: slices.Concat(in.edges.Child, lost.Child)}
		var err error
		if g, err = ancestry.New(union, ancestry.Collapse); err != nil {
			return nil, err
		}
	}
	return g.Reached(seeds), nil
}

// sorted are edges by child and parent, those between the same two joined.
type sorted struct {
	parent, child []int32
	share         []float64 // nil: none has one
}

// arcs sorts edges of numbers below nodes, in two passes of counting, and joins them as
// package ancestry does.
func arcs(nodes int, parent, child []int32, share []float64) sorted {
	byParent := placed(nodes, parent, nil)
	order := placed(nodes, child, byParent)
	out := sorted{parent: make([]int32, 0, len(parent)), child: make([]int32, 0, len(parent))}
	if share != nil {
		out.share = make([]float64, 0, len(parent))
	}
	for _, i := range order {
		p, c := parent[i], child[i]
		if p == c {
			continue
		}
		if n := len(out.parent) - 1; n >= 0 && out.parent[n] == p && out.child[n] == c {
			if share != nil {
				out.share[n] += share[i]
			}
			continue
		}
		out.parent, out.child = append(out.parent, p), append(out.child, c)
		if share != nil {
			out.share = append(out.share, share[i])
		}
	}
	return out
}

// placed orders the indices of values by value, those of equal ones as they are in from
// (nil: ascending).
func placed(below int, values, from []int32) []int32 {
	next := make([]int32, below+1)
	for _, v := range values {
		next[v+1]++
	}
	for i := range below {
		next[i+1] += next[i]
	}
	out := make([]int32, len(values))
	for i := range values {
		if from != nil {
			i = int(from[i])
		}
		v := values[i]
		out[next[v]] = int32(i)
		next[v]++
	}
	return out
}

// compare orders edge i of s and edge j of o; one that is not there comes last.
func (s sorted) compare(i int, o sorted, j int) int {
	switch {
	case i == len(s.parent):
		return 1
	case j == len(o.parent):
		return -1
	case s.child[i] != o.child[j]:
		return cmp.Compare(s.child[i], o.child[j])
	}
	return cmp.Compare(s.parent[i], o.parent[j])
}

func alike(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

// inPartition reports whether row i has the partition that its descendant is in now.
func (r *rows) inPartition(i int, in *read, descendant int32) bool {
	n, text, null := in.partition(descendant)
	if null || r.partNull[i] {
		return null == r.partNull[i]
	}
	if r.part.kind == 's' {
		return in.parts.texts != nil && r.part.texts[i] == text
	}
	return in.parts.texts == nil && r.part.ints[i] == n
}

// replace writes the rows of some descendants anew.
func replace(ctx context.Context, c warehouse.Conn, f warehouse.Filler, op warehouse.UpdateClosure, in *read, g *ancestry.Graph, changed []int32) (warehouse.JobStats, error) {
	do := func(op warehouse.Op) error {
		stmts, err := c.Dialect().Render(op)
		if err != nil {
			return fmt.Errorf("render %s: %w", warehouse.Describe(op), err)
		}
		for _, stmt := range stmts {
			if _, err := c.Exec(ctx, stmt); err != nil {
				return err
			}
		}
		return nil
	}
	ids := &warehouse.Batch{Rows: len(changed), Columns: make([]warehouse.Vector, 1)}
	in.keys.vector(&ids.Columns[0], changed)
	key := op.Columns[1]
	if _, err := f.Fill(ctx, op.Scratch, []warehouse.Column{key}, nil, func() (*warehouse.Batch, error) {
		b := ids
		ids = nil
		return b, nil
	}); err != nil {
		return warehouse.JobStats{}, err
	}
	drop := warehouse.Drop{Relation: op.Scratch, Kind: warehouse.Table}
	for _, op := range []warehouse.Op{warehouse.DeleteMatching{Target: op.Target, From: op.Scratch, Key: []string{key.Name}}, drop} {
		if err := do(op); err != nil {
			return warehouse.JobStats{}, err
		}
	}
	if a, ok := c.(warehouse.Appender); ok {
		return write(ctx, appending{a}, op.Target, op.Columns, nil, in, g, op.Closure, changed)
	}
	stats, err := write(ctx, f, op.Scratch, op.Columns, nil, in, g, op.Closure, changed)
	if err != nil {
		return stats, err
	}
	names := make([]string, len(op.Columns))
	for i, col := range op.Columns {
		names[i] = col.Name
	}
	for _, op := range []warehouse.Op{warehouse.InsertSelect{Target: op.Target, From: op.Scratch, Columns: names}, drop} {
		if err := do(op); err != nil {
			return stats, err
		}
	}
	return stats, nil
}

// appending is the Filler of a table that is there.
type appending struct{ warehouse.Appender }

func (a appending) Fill(ctx context.Context, target addr.Relation, columns []warehouse.Column, _ *warehouse.Layout, next func() (*warehouse.Batch, error)) (warehouse.JobStats, error) {
	return a.Append(ctx, target, columns, next)
}

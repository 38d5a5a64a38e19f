package genealogy

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

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
	start := time.Now()
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
	in, changed, err := compare(raw, old)
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
	report.Affected = len(changed)
	if len(changed) > 0 {
		report.Stats, err = replace(ctx, c, filler, op, in, g, changed)
	}
	report.Stats.Duration = time.Since(start)
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
	err := each(ctx, c, "select "+columns+" from "+d.Quote(op.Target)+" where "+d.Ident(warehouse.MinDepth)+" <= 1", func(v []any) error {
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

// arc is an edge with what decides the rows of its child.
type arc struct {
	parent, child int32
	share         float64
}

func (a arc) compare(b arc) int {
	if a.child != b.child {
		return int(a.child) - int(b.child)
	}
	return int(a.parent) - int(b.parent)
}

// compare numbers the new edges together with the old ones, and finds the descendants
// whose rows differ.
func compare(raw, old *rows) (in *read, changed []int32, err error) {
	k, numbers, err := number(&raw.parent, &raw.child, &old.parent, &old.child)
	if err != nil {
		return nil, nil, err
	}
	if in, err = raw.over(k, numbers[0], numbers[1]); err != nil {
		return nil, nil, err
	}
	var seeds []int32
	if raw.partNull != nil {
		for i, child := range numbers[3] {
			if !old.inPartition(i, in, child) {
				seeds = append(seeds, child)
			}
		}
	}
	now, before := arcs(numbers[0], numbers[1], raw.share), arcs(numbers[2], numbers[3], old.share)
	for i, j := 0, 0; i < len(now) || j < len(before); {
		switch order := next(now, before, i, j); {
		case order < 0:
			seeds = append(seeds, now[i].child)
			i++
		case order > 0:
			seeds = append(seeds, before[j].child)
			j++
		default:
			if !alike(now[i].share, before[j].share) {
				seeds = append(seeds, now[i].child)
			}
			i, j = i+1, j+1
		}
	}
	// What lies below a change, over old edges or new ones, is changed.
	union := ancestry.Edges{Nodes: k.len(), Parent: slices.Concat(numbers[0], numbers[2]), Child: slices.Concat(numbers[1], numbers[3])}
	g, err := ancestry.New(union, ancestry.Collapse)
	if err != nil {
		return nil, nil, err
	}
	if len(seeds) == 0 {
		return in, nil, nil
	}
	return in, g.Reached(seeds), nil
}

// arcs sorts edges and joins those between the same two, as package ancestry does.
func arcs(parent, child []int32, share []float64) []arc {
	out := make([]arc, 0, len(parent))
	for i := range parent {
		if parent[i] == child[i] {
			continue
		}
		a := arc{parent: parent[i], child: child[i]}
		if share != nil {
			a.share = share[i]
		}
		out = append(out, a)
	}
	slices.SortStableFunc(out, arc.compare)
	joined := out[:0]
	for _, a := range out {
		if n := len(joined); n > 0 && joined[n-1].compare(a) == 0 {
			joined[n-1].share += a.share
			continue
		}
		joined = append(joined, a)
	}
	return joined
}

func next(now, before []arc, i, j int) int {
	switch {
	case i == len(now):
		return 1
	case j == len(before):
		return -1
	}
	return now[i].compare(before[j])
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

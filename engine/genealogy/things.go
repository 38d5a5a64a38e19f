package genealogy

import (
	"context"
	"errors"
	"os"
	"slices"

	"github.com/engine-build/engine/engine/ancestry"
	"github.com/engine-build/engine/engine/warehouse"
)

// writeThings walks the graph in both directions and fills a new table with a row for each
// thing, at the same time.
func writeThings(ctx context.Context, f warehouse.Filler, op warehouse.CloseEdges, in *read, g *ancestry.Graph) (warehouse.JobStats, error) {
	cl := op.Closure
	return stream(ctx, f, op.Target, op.Columns, op.Layout, func(ctx context.Context, put putter) error {
		err := g.Kin(ctx, ancestry.Options{MaxDepth: cl.MaxDepth, MaxPairs: cl.MaxPairs, Spill: temporary}, func(k *ancestry.Kin) error {
			return put(func(out *warehouse.Batch) { in.translateThings(out, k, cl) })
		})
		var more *ancestry.LimitError
		if errors.As(err, &more) {
			return &TooManyError{Pairs: more.Pairs, Limit: more.Limit}
		}
		return err
	})
}

// temporary is a file that is gone when it is closed, or when the process ends in whatever
// way, where the system lets an open file lose its name (Windows may not).
func temporary() (ancestry.Spill, error) {
	f, err := os.CreateTemp("", "engine-lists-*")
	if err != nil {
		return nil, err
	}
	return spill{f, os.Remove(f.Name()) != nil}, nil
}

type spill struct {
	*os.File
	named bool // it still has a name
}

func (s spill) Close() error {
	err := s.File.Close()
	if s.named {
		err = errors.Join(err, os.Remove(s.Name()))
	}
	return err
}

// translateThings puts keys for numbers.
func (in *read) translateThings(out *warehouse.Batch, k *ancestry.Kin, cl warehouse.Closure) {
	out.Rows = k.Len()
	lists := []*ancestry.Lists{&k.Ancestors, &k.Descendants, &k.Roots, &k.Leaves}
	width := 1 + 2*len(lists) + 5
	if cl.Partition != "" {
		width++
	}
	if len(out.Columns) != width {
		out.Columns = make([]warehouse.Vector, width)
	}
	rest := out.Columns
	next := func() *warehouse.Vector {
		v := &rest[0]
		rest = rest[1:]
		return v
	}
	in.keys.vector(next(), k.Thing)
	if cl.Partition != "" {
		in.partitions(next(), k.Thing)
	}
	for _, l := range lists {
		v := next()
		if v.Lists == nil {
			v.Lists = &warehouse.Lists{}
		}
		v.Lists.Offsets = append(v.Lists.Offsets[:0], l.Offsets...)
		in.keys.vector(&v.Lists.Of, l.Nodes)
	}
	for _, l := range lists {
		counts := next()
		counts.Ints = slices.Grow(counts.Ints[:0], out.Rows)[:out.Rows]
		for i := range counts.Ints {
			counts.Ints[i] = int64(l.Offsets[i+1] - l.Offsets[i])
		}
	}
	widen(next(), k.Depth)
	widen(next(), k.Height)
	for _, l := range lists[:2] { // is_root, is_leaf
		none := next()
		none.Bools = slices.Grow(none.Bools[:0], out.Rows)[:out.Rows]
		for i := range none.Bools {
			none.Bools[i] = l.Offsets[i+1] == l.Offsets[i]
		}
	}
	round := next()
	round.Bools = append(round.Bools[:0], k.InCycle...)
}

package genealogy

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/ancestry"
	"github.com/engine-build/engine/engine/warehouse"
)

// Report says what closing found.
type Report struct {
	Stats warehouse.JobStats // Rows are pairs written
	Nodes int
	Edges int // distinct ones
	// Loops are edges from a thing to itself, Twice edges that repeat another, Nulls rows
	// without a parent or a child: all are left out (of Twice, the shares are added).
	Loops, Twice, Nulls int
	// Cycles are the first few cycles, Rounds their number.
	Cycles []Cycle
	Rounds int
	// Affected is how many descendants an update wrote anew; -1 where all were.
	Affected int
}

// Cycle is a group of things each of which is an ancestor of all others.
type Cycle struct {
	Members []string // the first few, ascending
	Size    int
}

// String is «a → b → c → a» of the first members, by size.
func (c Cycle) String() string {
	text := strings.Join(c.Members, ", ")
	if c.Size > len(c.Members) {
		text += fmt.Sprintf(" and %d more", c.Size-len(c.Members))
	}
	return text
}

const (
	shownCycles  = 10
	shownMembers = 10
)

// CycleError says that edges lead in circles where the policy allows none.
type CycleError struct {
	Cycles []Cycle
	Rounds int
}

func (e *CycleError) Error() string {
	return fmt.Sprintf("%d cycles, the first of them %s", e.Rounds, e.Cycles[0])
}

// TooManyError says that a result would have more pairs than allowed.
type TooManyError struct {
	Pairs     int64 // about; exact where the result grew beyond the limit
	Limit     int64
	Predicted bool
}

func (e *TooManyError) Error() string {
	if e.Predicted {
		return fmt.Sprintf("the closure would have about %d pairs, more than max_pairs allows (%d)", e.Pairs, e.Limit)
	}
	return fmt.Sprintf("the closure has more pairs than max_pairs allows (%d)", e.Limit)
}

// Close does the operation: a new table of all pairs, or an error and no table.
func Close(ctx context.Context, c warehouse.Conn, op warehouse.CloseEdges) (Report, error) {
	if op.Closure.Method == warehouse.InSQL {
		return closeInSQL(ctx, c, op)
	}
	start := time.Now()
	filler, ok := c.(warehouse.Filler)
	if !ok {
		return Report{}, fmt.Errorf("close %s: %w", op.From, warehouse.ErrUnsupported)
	}
	raw, err := readEdges(ctx, c, op.From, op.Closure)
	if err != nil {
		return Report{}, err
	}
	in, err := raw.numbered()
	if err != nil {
		return Report{}, err
	}
	g, report, err := build(in, op.Closure)
	if err != nil {
		return report, err
	}
	report.Affected = -1
	if limit := op.Closure.MaxPairs; limit > 0 {
		// The prediction is good to a few percent; close to the limit the count decides.
		if about := g.Estimate(); op.Closure.MaxDepth == 0 && about > limit+limit/4 {
			return report, &TooManyError{Pairs: about, Limit: limit, Predicted: true}
		}
	}
	report.Stats, err = write(ctx, filler, op.Target, op.Columns, op.Layout, in, g, op.Closure, nil)
	report.Stats.Duration = time.Since(start)
	return report, err
}

// build orders the edges and applies the policy for cycles.
func build(in *read, cl warehouse.Closure) (*ancestry.Graph, Report, error) {
	policy := ancestry.Collapse
	if cl.Cycles == warehouse.CyclesExclude {
		policy = ancestry.Exclude
	}
	g, err := ancestry.New(in.edges, policy)
	if err != nil {
		return nil, Report{}, err
	}
	report := Report{Nodes: g.Nodes(), Edges: g.Edges(), Loops: g.Loops, Twice: g.Twice, Nulls: in.nulls, Rounds: len(g.Cycles())}
	for _, cycle := range g.Cycles()[:min(shownCycles, len(g.Cycles()))] {
		shown := Cycle{Size: len(cycle.Members)}
		for _, m := range cycle.Members[:min(shownMembers, len(cycle.Members))] {
			shown.Members = append(shown.Members, in.keys.text(m))
		}
		report.Cycles = append(report.Cycles, shown)
	}
	if cl.Cycles == warehouse.CyclesError && report.Rounds > 0 {
		return nil, report, &CycleError{Cycles: report.Cycles, Rounds: report.Rounds}
	}
	return g, report, nil
}

// inFlight is how many batches wait between the walk and the warehouse.
const inFlight = 4

// write walks the graph and fills a new table with the pairs, at the same time.
func write(ctx context.Context, f warehouse.Filler, target addr.Relation, columns []warehouse.Column, layout *warehouse.Layout, in *read, g *ancestry.Graph, cl warehouse.Closure, only []int32) (warehouse.JobStats, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	full := make(chan *warehouse.Batch, inFlight)
	empty := make(chan *warehouse.Batch, inFlight+2)
	for range inFlight + 2 {
		empty <- &warehouse.Batch{}
	}
	walked := make(chan error, 1)
	go func() {
		defer close(full)
		pairs := int64(0)
		walked <- g.Walk(ctx, ancestry.Options{Paths: cl.Paths, MaxDepth: cl.MaxDepth, Only: only}, func(b *ancestry.Batch) error {
			if pairs += int64(b.Len()); cl.MaxPairs > 0 && pairs > cl.MaxPairs {
				return &TooManyError{Pairs: pairs, Limit: cl.MaxPairs}
			}
			select {
			case out := <-empty:
				in.translate(out, b, cl)
				select {
				case full <- out:
					return nil
				case <-ctx.Done():
				}
			case <-ctx.Done():
			}
			return ctx.Err()
		})
	}()
	var last *warehouse.Batch
	var failed error
	over := false
	stats, err := f.Fill(ctx, target, columns, layout, func() (*warehouse.Batch, error) {
		if last != nil {
			empty <- last
			last = nil
		}
		b, more := <-full
		if !more {
			if !over {
				over, failed = true, <-walked
			}
			return nil, failed
		}
		last = b
		return b, nil
	})
	if err != nil {
		cancel()
		for range full { // the walk ends
		}
		return stats, err
	}
	return stats, nil
}

// translate puts keys for numbers.
func (in *read) translate(out *warehouse.Batch, b *ancestry.Batch, cl warehouse.Closure) {
	out.Rows = b.Len()
	width := 5
	if cl.Partition != "" {
		width++
	}
	if cl.Paths {
		width++
	}
	if cl.Shares() {
		width += 2
	}
	if len(out.Columns) != width {
		out.Columns = make([]warehouse.Vector, width)
	}
	in.keys.vector(&out.Columns[0], b.Ancestor)
	in.keys.vector(&out.Columns[1], b.Descendant)
	at := 2
	if cl.Partition != "" {
		in.partitions(&out.Columns[at], b.Descendant)
		at++
	}
	widen(&out.Columns[at], b.Min)
	widen(&out.Columns[at+1], b.Max)
	round := &out.Columns[at+2]
	round.Bools = slices.Grow(round.Bools[:0], b.Len())
	for _, depth := range b.Min {
		round.Bools = append(round.Bools, depth == 0)
	}
	at += 3
	for _, floats := range [][]float64{b.Paths, b.Share, b.Direct} {
		if len(floats) == 0 {
			continue
		}
		known(&out.Columns[at], floats)
		at++
	}
}

// vector looks numbers up.
func (k *keys) vector(out *warehouse.Vector, numbers []int32) {
	if k.texts != nil {
		out.Texts = slices.Grow(out.Texts[:0], len(numbers))
		for _, n := range numbers {
			out.Texts = append(out.Texts, k.texts[n])
		}
		return
	}
	out.Ints = slices.Grow(out.Ints[:0], len(numbers))
	for _, n := range numbers {
		out.Ints = append(out.Ints, k.ints[n])
	}
}

func (in *read) partitions(out *warehouse.Vector, nodes []int32) {
	out.Null = slices.Grow(out.Null[:0], len(nodes))
	out.Ints, out.Texts = out.Ints[:0], out.Texts[:0]
	for _, n := range nodes {
		i, text, null := in.partition(n)
		out.Null = append(out.Null, null)
		// Where all are NULL nobody knows their type.
		if in.parts.texts != nil || in.parts.len() == 0 {
			out.Texts = append(out.Texts, text)
		}
		if in.parts.texts == nil {
			out.Ints = append(out.Ints, i)
		}
	}
}

func widen(out *warehouse.Vector, values []int32) {
	out.Ints = slices.Grow(out.Ints[:0], len(values))
	for _, v := range values {
		out.Ints = append(out.Ints, int64(v))
	}
}

// known copies floats; what is not known becomes NULL.
func known(out *warehouse.Vector, values []float64) {
	out.Floats = append(out.Floats[:0], values...)
	out.Null = slices.Grow(out.Null[:0], len(values))
	for i, v := range values {
		unknown := math.IsNaN(v)
		if unknown {
			out.Floats[i] = 0
		}
		out.Null = append(out.Null, unknown)
	}
}

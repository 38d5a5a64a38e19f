package genealogy

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/ancestry"
	"github.com/engine-build/engine/engine/warehouse"
)

// Report says what closing found.
type Report struct {
	Stats warehouse.JobStats // Rows are those written
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

// Close does the operation: a new table of all pairs or things, or an error and no table.
func Close(ctx context.Context, c warehouse.Conn, op warehouse.CloseEdges) (Report, error) {
	if op.Closure.Method == warehouse.InSQL {
		return closeInSQL(ctx, c, op)
	}
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
	if err := within(g, op.Closure); err != nil {
		return report, err
	}
	if op.Closure.Result == warehouse.Things {
		report.Stats, err = writeThings(ctx, filler, op, in, g)
		return report, err
	}
	report.Stats, err = write(ctx, filler, op.Target, op.Columns, op.Layout, in, g, op.Closure, nil)
	return report, err
}

// within predicts whether the pairs are more than allowed. The prediction is good to a few
// percent; close to the limit the count decides.
func within(g *ancestry.Graph, cl warehouse.Closure) error {
	limit := cl.MaxPairs
	if limit == 0 || cl.MaxDepth > 0 {
		return nil
	}
	if g.AtMost() <= float64(limit) {
		return nil
	}
	if about := g.Estimate(); about > limit+limit/4 {
		return &TooManyError{Pairs: about, Limit: limit, Predicted: true}
	}
	return nil
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
	return stream(ctx, f, target, columns, layout, func(ctx context.Context, put putter) error {
		pairs := int64(0)
		return g.Walk(ctx, ancestry.Options{Paths: cl.Paths, MaxDepth: cl.MaxDepth, Only: only}, func(b *ancestry.Batch) error {
			if pairs += int64(b.Len()); cl.MaxPairs > 0 && pairs > cl.MaxPairs {
				return &TooManyError{Pairs: pairs, Limit: cl.MaxPairs}
			}
			return put(func(out *warehouse.Batch) { in.translate(out, b, cl) })
		})
	})
}

// putter hands over a batch that a function has filled.
type putter func(fill func(*warehouse.Batch)) error

// stream fills a new table with what produce puts, at the same time.
func stream(ctx context.Context, f warehouse.Filler, target addr.Relation, columns []warehouse.Column, layout *warehouse.Layout, produce func(context.Context, putter) error) (warehouse.JobStats, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	full := make(chan *warehouse.Batch, inFlight)
	empty := make(chan *warehouse.Batch, inFlight+runtime.GOMAXPROCS(0)+1)
	for range cap(empty) {
		b := &warehouse.Batch{}
		b.Free = func() { empty <- b }
		empty <- b
	}
	walked := make(chan error, 1)
	go func() {
		defer close(full)
		walked <- produce(ctx, func(fill func(*warehouse.Batch)) error {
			select {
			case out := <-empty:
				fill(out)
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
	var failed error
	over := false
	stats, err := f.Fill(ctx, target, columns, layout, func() (*warehouse.Batch, error) {
		b, more := <-full
		if !more {
			if !over {
				over, failed = true, <-walked
			}
			return nil, failed
		}
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
	round.Bools = slices.Grow(round.Bools[:0], b.Len())[:b.Len()]
	for i, depth := range b.Min {
		round.Bools[i] = depth == 0
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
		out.Texts = slices.Grow(out.Texts[:0], len(numbers))[:len(numbers)]
		for i, n := range numbers {
			out.Texts[i] = k.texts[n]
		}
		return
	}
	ints := slices.Grow(out.Ints[:0], len(numbers))[:len(numbers)]
	out.Ints = ints
	if last := len(k.ints) - 1; last >= 0 && k.ints[last]-k.ints[0] == int64(last) {
		// Keys without gaps need no looking up.
		first := k.ints[0]
		for i, n := range numbers {
			ints[i] = first + int64(n)
		}
		return
	}
	for i, n := range numbers {
		ints[i] = k.ints[n]
	}
}

// partitions are those of nodes, which come in runs of the same one.
func (in *read) partitions(out *warehouse.Vector, nodes []int32) {
	// Where all are NULL nobody knows their type.
	texts, ints := in.parts.texts != nil || in.parts.len() == 0, in.parts.texts == nil
	out.Ints, out.Texts, out.Null = out.Ints[:0], out.Texts[:0], out.Null[:0]
	for at := 0; at < len(nodes); {
		end := at + 1
		for end < len(nodes) && in.edges.Partition[nodes[end]] == in.edges.Partition[nodes[at]] {
			end++
		}
		i, text, null := in.partition(nodes[at])
		if texts {
			out.Texts = repeated(out.Texts, text, end-at)
		}
		if ints {
			out.Ints = repeated(out.Ints, i, end-at)
		}
		if null || len(out.Null) > 0 {
			out.Null = repeated(out.Null, false, at-len(out.Null))
			out.Null = repeated(out.Null, null, end-at)
		}
		at = end
	}
	if len(out.Null) == 0 {
		out.Null = nil
	}
}

// repeated appends a value n times.
func repeated[T any](to []T, v T, n int) []T {
	at := len(to)
	to = slices.Grow(to, n)[:at+n]
	for i := range to[at:] {
		to[at+i] = v
	}
	return to
}

func widen(out *warehouse.Vector, values []int32) {
	out.Ints = slices.Grow(out.Ints[:0], len(values))[:len(values)]
	for i, v := range values {
		out.Ints[i] = int64(v)
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

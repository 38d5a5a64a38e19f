package distribute

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
)

// cleanupTime bounds what is done after a failure or an interrupt.
const cleanupTime = 20 * time.Second

// Options of Apply.
type Options struct {
	Jobs  int              // customers at a time, at least 1
	RunID string           // unique per run
	Now   func() time.Time // clock
	Sink  func(Event)      // may be nil
	// Workshop is where the configuration was frozen.
	Workshop Workshop
	// Lease is that under which the run publishes; nil for a run that needs none.
	Lease *run.Lease
	// MaxBilled ends the run when its statements have been billed for that many bytes; 0 is no
	// limit. A customer that was begun is ended. Billed is what the run was billed for before:
	// a build that publishes at its end has one budget.
	MaxBilled, Billed int64
}

// Apply does what the plan says: it splits what many customers read, and then publishes to
// one customer after the other, several at a time. What goes wrong for one customer leaves
// it what it had, and does not concern the others. The error is for what concerns all.
func Apply(ctx context.Context, p *Plan, conn warehouse.Conn, o Options) (*Result, error) {
	r, err := newRunner(p, conn, o)
	if err != nil {
		return nil, err
	}
	ctx, release := o.Lease.Context(ctx)
	defer release()
	if err := r.setup(ctx); err != nil {
		r.clear(ctx)
		return nil, err
	}
	r.tell(Event{Kind: Started, Total: len(p.Customers)})
	r.first(ctx)
	r.together(ctx)
	for turn := range turns {
		var list []int // of customers
		for i, c := range p.Customers {
			if c.turn() == turn {
				list = append(list, i)
			}
		}
		r.each(len(list), func(at int) {
			i := list[at]
			c := p.Customers[i]
			r.tell(Event{Kind: CustomerStarted, Customer: c.Name, Index: i + 1, Total: len(p.Customers)})
			out := r.customer(ctx, c)
			r.mu.Lock()
			r.result.Customers[i] = out
			r.result.Usage.join(out.Usage)
			r.ended++
			n := r.ended
			r.mu.Unlock()
			r.tell(Event{Kind: CustomerEnded, Customer: c.Name, Index: n, Total: len(p.Customers), Outcome: out})
		})
	}
	r.stopped(ctx)
	r.clear(ctx)
	r.result.End = o.Now()
	if !r.result.Canceled {
		if _, err := state.CompactReleases(ctx, conn, p.scope, keptRecords, max(compactAbove, int64(4*keptRecords*len(p.Customers)))); err != nil {
			w := plain(err)
			w.Severity = diag.Warning
			r.result.Diags.Add(w)
		}
	}
	r.tell(Event{Kind: Ended, Total: len(p.Customers)})
	return r.result, nil
}

// History that is kept of each customer, and how many records may be there before some are
// removed.
const (
	keptRecords  = 6
	compactAbove = 20_000
)

// stampedAtOnce is how many records of unchanged customers one statement writes.
const stampedAtOnce = 50

func newRunner(p *Plan, conn warehouse.Conn, o Options) (*runner, error) {
	d, err := tenant.For(conn.Dialect())
	if err != nil {
		return nil, err
	}
	dist, err := warehouse.Distribute(conn)
	if err != nil {
		return nil, err
	}
	if o.Jobs < 1 {
		o.Jobs = 1
	}
	return &runner{
		plan: p, conn: conn, dist: dist, d: d, options: o, from: tenant.From{Inline: p.setting.MaxInline},
		result: &Result{RunID: o.RunID, Start: o.Now(), Plan: p, Price: warehouse.PriceOf(conn), Customers: make([]*Outcome, len(p.Customers))},
		shared: map[*Model]*shared{}, busy: make(chan struct{}, o.Jobs), past: map[string]state.Release{}, refused: map[string]bool{},
	}, nil
}

type runner struct {
	plan    *Plan
	conn    warehouse.Conn
	dist    warehouse.Distributor
	d       tenant.Dialect
	options Options
	from    tenant.From
	result  *Result
	shared  map[*Model]*shared // filled before the first customer

	mu     sync.Mutex
	ended  int
	billed int64 // by this publication
	// past is what was recorded since of customers who lost access, refused who shares and has a
	// principal that could not be let in.
	past    map[string]state.Release
	refused map[string]bool

	// alone: questions cannot be put together on this warehouse.
	alone atomic.Bool
	// busy has something for each of the Jobs workers that has something to do.
	busy chan struct{}

	telling sync.Mutex
}

// shared is what was done for all customers of a model.
type shared struct {
	split    addr.Relation // zero: the relation itself is read
	expected map[string]tenant.Counts
	all      *tenant.Counts // where every customer gets all
	err      error
}

func (r *runner) tell(e Event) {
	if r.options.Sink == nil {
		return
	}
	e.At = r.options.Now()
	r.telling.Lock()
	defer r.telling.Unlock()
	r.options.Sink(e)
}

// each calls f for all indexes, in their order, Jobs at a time.
func (r *runner) each(n int, f func(int)) {
	next := make(chan int)
	var wait sync.WaitGroup
	for range min(r.options.Jobs, max(n, 1)) {
		wait.Go(func() {
			r.busy <- struct{}{}
			defer func() { <-r.busy }()
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wait.Wait()
}

// spread calls f for all indexes below n, in their order: the caller does, and so do workers that
// have nothing to do. What was begun is ended, and after an error nothing more is begun, so that the
// error is that of the lowest index, however many there are at work.
func (r *runner) spread(n int, f func(int) error) error {
	errs := make([]error, n)
	var wait sync.WaitGroup
	var mu sync.Mutex
	begun, failed := 0, false
	one := func(i int) (err error) {
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("the engine stumbled: %v", v)
			}
		}()
		return f(i)
	}
	var work func()
	work = func() {
		for {
			mu.Lock()
			i := begun
			if failed || i >= n {
				mu.Unlock()
				return
			}
			begun++
			mu.Unlock()
			if i+1 < n {
				select {
				case r.busy <- struct{}{}:
					wait.Go(func() {
						defer func() { <-r.busy }()
						work()
					})
				default:
				}
			}
			if errs[i] = one(i); errs[i] != nil {
				mu.Lock()
				failed = true
				mu.Unlock()
			}
		}
	}
	work()
	wait.Wait()
	return cmp.Or(errs...)
}

// clear empties the workshop. What cannot be removed now is removed by the next run.
func (r *runner) clear(ctx context.Context) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer stop()
	if err := r.dist.CloseWorkshop(ctx, r.options.Workshop.At); err != nil {
		w := plain(fmt.Errorf("empty the workshop: %w", err))
		w.Severity = diag.Warning
		r.result.Diags.Add(w)
	}
}

// setup makes the tables for records, and what slices need in the warehouse.
func (r *runner) setup(ctx context.Context) error {
	if len(r.plan.Customers)+len(r.plan.stamped) == 0 {
		return nil
	}
	if err := warehouse.Prepare(ctx, r.conn, r.d.Needs()); err != nil {
		return fmt.Errorf("prepare the warehouse for slices: %w", err)
	}
	return r.records(ctx)
}

// records makes the tables for records, or adds what they lack.
func (r *runner) records(ctx context.Context) error {
	lacking, err := state.LackingOps(ctx, r.conn, r.plan.scope.Database)
	if err != nil {
		return err
	}
	ops := append(append(state.ReleaseTables(r.conn.Dialect(), r.plan.scope.Database), lacking...), state.ShapesOp(r.conn.Dialect(), r.plan.scope, r.options.Now(), r.plan.shapes)...)
	for _, op := range ops {
		if _, err := r.do(ctx, op, &r.result.Usage); err != nil {
			return fmt.Errorf("prepare the records of customers: %w", err)
		}
	}
	for some := range slices.Chunk(r.plan.stamped, stampedAtOnce) {
		if _, err := r.do(ctx, state.ReleaseOp(r.conn.Dialect(), r.plan.scope, some...), &r.result.Usage); err != nil {
			return fmt.Errorf("record how customers' relations look: %w", err)
		}
	}
	return nil
}

// do performs an operation.
func (r *runner) do(ctx context.Context, op warehouse.Op, u *Usage) (warehouse.JobStats, error) {
	if p, ok := r.conn.(warehouse.Performer); ok {
		stats, stmt, done, err := p.Perform(ctx, op)
		if done || err != nil {
			r.charge(u, stats)
			return stats, explained(stmt, err)
		}
	}
	statements, err := r.conn.Dialect().Render(op)
	if err != nil {
		return warehouse.JobStats{}, err
	}
	var last warehouse.JobStats
	for _, stmt := range statements {
		stats, err := r.conn.Exec(ctx, stmt)
		r.charge(u, stats)
		if err != nil {
			return stats, explained(stmt, err)
		}
		if stats.Rows >= 0 || last.Rows <= 0 {
			last = stats
		}
	}
	return last, nil
}

// query gives all rows of a small result.
func (r *runner) query(ctx context.Context, sql string, u *Usage) ([][]any, error) {
	stmt := warehouse.Statement{SQL: sql}
	rows, err := r.conn.Query(ctx, stmt)
	if err != nil {
		return nil, explained(stmt, err)
	}
	defer rows.Close()
	var out [][]any
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return nil, explained(stmt, err)
		}
		out = append(out, v)
	}
	err = rows.Err()
	r.charge(u, warehouse.StatsOf(rows))
	return out, explained(stmt, err)
}

func (r *runner) charge(u *Usage, s warehouse.JobStats) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u.add(s)
	r.billed += max(s.Billed, 0)
}

// spent reports whether the budget is used up.
func (r *runner) spent() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.options.MaxBilled > 0 && r.options.Billed+r.billed >= r.options.MaxBilled
}

func (u *Usage) add(s warehouse.JobStats) {
	u.Statements++
	if s.Bytes > 0 {
		u.Bytes += s.Bytes
	}
	u.Billed += max(s.Billed, 0)
	u.SlotMillis += max(s.SlotMillis, 0)
}

func (u *Usage) join(v Usage) {
	u.Statements += v.Statements
	u.Bytes += v.Bytes
	u.Billed += v.Billed
	u.SlotMillis += v.SlotMillis
}

// together does what serves all customers: tables of the rows of many, and the numbers that
// slices must have.
func (r *runner) together(ctx context.Context) {
	type task struct {
		model  *Model
		split  bool
		due    []string // nil: all of the lists
		frozen tenant.Frozen
		err    error
	}
	due := map[*Model][]string{}
	for _, c := range r.plan.Customers {
		for i := range c.Pairs {
			due[c.Pairs[i].model] = append(due[c.Pairs[i].model], c.names()...)
		}
	}
	var tasks []task
	narrow := map[string]bool{} // whose rows are split from lists that have little else
	for _, m := range r.plan.Models {
		if len(due[m]) == 0 {
			continue
		}
		r.shared[m] = &shared{}
		if m.Way == Split {
			var tables []string
			for _, c := range r.plan.Customers {
				for i := range c.Pairs {
					if c.Pairs[i].model == m && c.Pairs[i].Way == Split {
						tables = append(tables, c.names()...)
					}
				}
			}
			everybody := math.MaxInt // not known
			if r.plan.whole {
				everybody = m.Customers
			}
			names, others := gathered(tables, r.from.Inline, everybody)
			tasks = append(tasks, task{model: m, split: true, due: names, frozen: r.options.Workshop.Frozen})
			if others {
				for _, name := range tables {
					narrow[name] = true
				}
				tasks[len(tasks)-1].frozen = tenant.Frozen{} // see below
			}
		}
		// Numbers for others are no work to speak of, and read the lists as they are.
		names, _ := gathered(due[m], r.from.Inline, len(due[m]))
		tasks = append(tasks, task{model: m, due: names, frozen: r.options.Workshop.Frozen})
	}
	if len(narrow) > 0 {
		lists, err := r.narrowed(ctx, slices.Sorted(maps.Keys(narrow)))
		for i := range tasks {
			if t := &tasks[i]; t.frozen == (tenant.Frozen{}) {
				t.frozen, t.err = lists, err
			}
		}
	}
	var done int
	r.each(len(tasks), func(i int) {
		t := tasks[i]
		s := r.shared[t.model]
		out := &SharedOutcome{Node: t.model.Node, What: "count", Start: r.options.Now()}
		err := cmp.Or(ctx.Err(), t.err)
		if t.split {
			out.What = "split"
		}
		if err == nil && r.spent() {
			err = errBudget
		}
		if err == nil && t.split {
			err = r.split(r.named(ctx, t.model.Node), t.model, s, t.frozen, t.due, &out.Usage)
		} else if err == nil {
			err = r.count(r.named(ctx, t.model.Node), t.model, s, t.frozen, t.due, &out.Usage)
		}
		out.End = r.options.Now()
		r.mu.Lock()
		if err != nil {
			s.err = err
			if ctx.Err() == nil {
				out.Diags.Add(sharedFailed(t.model, out.What, err))
			}
		}
		done++
		n := done
		r.result.Shared = append(r.result.Shared, out)
		r.result.Usage.join(out.Usage)
		r.mu.Unlock()
		r.tell(Event{Kind: SharedEnded, Index: n, Total: len(tasks), Shared: out})
	})
	slices.SortFunc(r.result.Shared, func(a, b *SharedOutcome) int {
		if n := a.Node.Compare(b.Node); n != 0 {
			return n
		}
		return strings.Compare(a.What, b.What)
	})
}

// named says for which node statements are.
func (r *runner) named(ctx context.Context, n addr.Node) context.Context {
	j := warehouse.JobOf(ctx)
	j.Node = n
	return warehouse.WithJob(ctx, j)
}

// gathered says how a statement about many customers finds them: by their names where these
// are few. Statements have a greatest length, so that more of them are all that the lists
// have, nil; others says that this would be more than are due, by far perhaps. everybody is how
// many customers the model is for.
func gathered(due []string, inline, everybody int) (names []string, others bool) {
	if len(due) <= inline {
		return due, false
	}
	return nil, len(due) < everybody
}

// narrowed are the frozen lists of some customers only.
func (r *runner) narrowed(ctx context.Context, names []string) (tenant.Frozen, error) {
	d, frozen, u := r.conn.Dialect(), r.options.Workshop.Frozen, &Usage{}
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.result.Usage.join(*u)
	}()
	due := r.options.Workshop.At
	due.Name = "due_customers"
	columns := []warehouse.Column{{Name: "customer", Type: d.Words().Text()}}
	ops := []warehouse.Op{warehouse.CreateTable{Target: due, Columns: columns}}
	for some := range slices.Chunk(names, batch) {
		rows := make([][]any, len(some))
		for i, name := range some {
			rows[i] = []any{name}
		}
		ops = append(ops, warehouse.InsertValues{Target: due, Columns: columns, Rows: rows})
	}
	out := frozen
	for _, list := range []*addr.Relation{&out.Tenants, &out.Links, &out.Transfers} {
		all := *list
		list.Name = "due_" + all.Name
		ops = append(ops, warehouse.CreateTableAs{Target: *list, Query: "SELECT * FROM " + d.Quote(all) + " WHERE customer IN (SELECT customer FROM " + d.Quote(due) + ")"})
	}
	for _, op := range ops {
		if _, err := r.do(ctx, op, u); err != nil {
			return out, fmt.Errorf("lay out the keys of the due customers: %w", err)
		}
	}
	return out, nil
}

// split makes the table of the rows of all due customers.
func (r *runner) split(ctx context.Context, m *Model, s *shared, frozen tenant.Frozen, due []string, u *Usage) error {
	t := tenant.Split(r.d, m.rule, frozen, due)
	if t.Query == "" {
		return nil
	}
	rel := r.options.Workshop.At
	rel.Name = fmt.Sprintf("split_%03d", slices.Index(r.plan.Models, m)+1)
	var layout *warehouse.Layout
	if caps := r.conn.Dialect().Caps(); caps.Clusters && len(t.Cluster) > 0 {
		layout = &warehouse.Layout{Cluster: t.Cluster}
	} else if caps.Indexes && len(t.Index) > 0 {
		layout = &warehouse.Layout{Indexes: []warehouse.Index{{Columns: t.Index}}}
		if caps.Unlogged {
			layout.Unlogged = true
		}
	}
	if _, err := r.do(ctx, warehouse.CreateTableAs{Target: rel, Query: t.Query, Layout: layout}, u); err != nil {
		return err
	}
	s.split = rel
	return nil
}

// count asks how many rows, and values, the slices must have.
func (r *runner) count(ctx context.Context, m *Model, s *shared, frozen tenant.Frozen, due []string, u *Usage) error {
	rows, err := r.query(ctx, tenant.Expected(r.d, m.rule, frozen, due), u)
	if err != nil {
		return err
	}
	s.expected = make(map[string]tenant.Counts, len(rows))
	for _, row := range rows {
		c, err := tenant.CountsOf(m.rule, row)
		if err != nil {
			return err
		}
		if m.rule.All {
			s.all = &c
		} else {
			s.expected[c.Customer] = c
		}
	}
	return nil
}

// expects are the numbers that a customer's slice must have.
func (s *shared) expects(m *Model, customer string) tenant.Counts {
	if s.all != nil {
		c := *s.all
		c.Customer = customer
		return c
	}
	if c, ok := s.expected[customer]; ok {
		return c
	}
	return tenant.NoCounts(m.rule, customer)
}

// stopped notes why a run did not come to its end.
func (r *runner) stopped(ctx context.Context) {
	cause := context.Cause(ctx)
	if cause == nil {
		return
	}
	r.result.Canceled = true
	var lost *warehouse.LostError
	if errors.As(cause, &lost) {
		r.result.Diags.Add(run.LeaseLost(lost))
	} else if d, ok := run.DeadlineReached(ctx); ok {
		r.result.Diags.Add(d)
	}
}

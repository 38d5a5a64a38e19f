package run

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// keeping gives what publishes an action, with names of this run for what is kept, and the
// records of that. conn is the transaction that will publish, where there is one: what a
// view was made from is asked before it goes.
func (r *runner) keeping(ctx context.Context, conn warehouse.Conn, a *plan.Action) (publish, records []warehouse.Op, err error) {
	if a.Keep == nil || r.options.Frozen {
		return a.Publish, nil, nil
	}
	k := state.Kept{
		Node: a.Node, Relation: a.Relation, Kind: a.Keep.Record.Kind, Run: r.options.RunID, At: r.moment(a), Policy: a.Keep.Policy, Record: a.Keep.Record,
	}
	if k.Kind != warehouse.Table {
		if k.SQL, err = warehouse.Definition(ctx, conn, a.Relation); err != nil {
			return nil, nil, fmt.Errorf("keep %s: %w", a.Relation, err)
		}
	}
	swapped := false
	for _, op := range a.Publish {
		if swap, ok := op.(warehouse.Swap); ok {
			swapped = true
			if !swap.Keep.IsZero() {
				swap.Keep = state.KeptName(a.Relation, r.options.RunID, r.conn.Dialect().Caps())
				k.As = swap.Keep
				op = swap
			}
		}
		if view, ok := op.(warehouse.CreateViewAs); ok && view.Target == a.Relation {
			swapped = true
		}
		publish = append(publish, op)
	}
	if !swapped || k.Kind == warehouse.Table && k.As.IsZero() {
		return a.Publish, nil, nil
	}
	r.mu.Lock()
	if !slices.ContainsFunc(r.kept, func(p plan.Previous) bool { return p.Node == k.Node }) {
		r.kept = append(r.kept, plan.Previous{Kept: k, Now: k.Policy})
	}
	r.mu.Unlock()
	return publish, []warehouse.Op{state.KeptOp(r.conn.Dialect(), r.scope, k)}, nil
}

// retire removes kept versions whose time is over, or of which there are newer ones enough.
// What an action was to keep counts only if it was published: otherwise nothing was replaced.
func (r *runner) retire(ctx context.Context, result *Result, acct *account) error {
	if r.options.Frozen {
		return nil
	}
	published := map[addr.Node]bool{}
	for _, n := range result.Nodes {
		if n.Status == Done {
			published[n.Node] = true
		}
	}
	all := slices.Clone(r.plan.Previous)
	r.mu.Lock()
	for _, p := range r.kept {
		if published[p.Node] {
			all = append(all, p)
		}
	}
	r.mu.Unlock()
	over := Expired(all, r.options.Now())
	if len(over) == 0 {
		return nil
	}
	for _, k := range over {
		if k.As.IsZero() {
			continue
		}
		if _, _, err := r.do(ctx, r.conn, warehouse.Drop{Relation: k.As, Kind: warehouse.Table}, acct); err != nil {
			return fmt.Errorf("drop %s, which is kept no longer: %w", k.As, err)
		}
	}
	_, err := r.exec(ctx, r.conn, state.Forget(r.conn.Dialect(), r.scope, over...), acct)
	return err
}

// Expired are those of the kept versions that need not be kept any more at the given time.
func Expired(list []plan.Previous, now time.Time) []state.Kept {
	of := map[addr.Node][]plan.Previous{}
	for _, p := range list {
		of[p.Node] = append(of[p.Node], p)
	}
	var out []state.Kept
	for _, versions := range of {
		slices.SortStableFunc(versions, func(a, b plan.Previous) int { return b.At.Compare(a.At) })
		for i, p := range versions {
			policy, err := project.ParseRetention(p.Now)
			if err != nil {
				continue // of a newer engine
			}
			switch {
			case policy.Versions > 0 && i < policy.Versions, policy.For > 0 && now.Sub(p.At) < policy.For:
			default:
				out = append(out, p.Kept)
			}
		}
	}
	slices.SortFunc(out, func(a, b state.Kept) int { return cmp.Or(a.Node.Compare(b.Node), a.At.Compare(b.At)) })
	return out
}

// keeps reports whether the run may write to the tables that are not always there.
func (r *runner) keeps() bool {
	return r.plan.PublishRun && slices.ContainsFunc(r.plan.Actions, func(a *plan.Action) bool { return a.Restore != nil }) || r.plan.PublishRun && !r.conn.Dialect().Caps().TransactionalDDL || slices.ContainsFunc(r.plan.Actions, func(a *plan.Action) bool { return a.Keep != nil })
}

// restored are the records of a version that is back: its own, and the hold that keeps the
// one that was taken back from being built again at once.
func (r *runner) restored(a *plan.Action) []warehouse.Op {
	record, hold := a.Restore.Kept.Record, a.Restore.Hold()
	record.At = r.moment(a)
	hold.Run, hold.At = r.options.RunID, record.At
	d := r.conn.Dialect()
	return []warehouse.Op{state.BuiltOp(d, r.scope, r.options.RunID, record), state.HoldOp(d, r.scope, hold)}
}

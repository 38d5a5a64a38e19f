package run

import (
	"context"
	"slices"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// lateTests runs the tests that keep nothing from being published, on what is published, and
// records what they found. The results are not filed in the action's own result, which
// others may be reading.
func (r *runner) lateTests(ctx context.Context, a *plan.Action, node *NodeResult) (out []TestResult) {
	ctx = warehouse.WithJob(ctx, r.job(ctx, a))
	// To the tests, and to the records, it is an action that only checks.
	check := *a
	check.Verb, check.UnitTests, check.Definition = plan.Check, nil, nil
	have := idsOf(node.Tests)
	check.Tests = slices.DeleteFunc(slices.Clone(a.Tests), func(t plan.Test) bool { return !t.Late || have[t.ID] })
	res := newResult(&check, r.options.Now())
	defer func() {
		if p := recover(); p != nil {
			d := stumbled(a, p)
			have := idsOf(res.Tests)
			for _, t := range check.Tests {
				if !have[t.ID] {
					lost := newTest(a, &t, res.Start)
					lost.Status, lost.End = Errored, r.options.Now()
					lost.Diags.Add(d)
					res.Tests = append(res.Tests, *lost)
				}
			}
		}
		out = res.Tests
	}()
	r.spare(&check, res, state.Content{}, func(*plan.Test) bool { return true })
	done := idsOf(res.Tests)
	r.dataTests(ctx, r.conn, &check, res, func(t *plan.Test) bool { return !done[t.ID] })
	if res.Usage.Known() {
		// What was read in vain belongs to the first of them.
		res.Tests[0].Usage = res.Tests[0].Usage.Plus(res.Usage)
	}
	if !r.plan.PublishRun { // otherwise they are recorded with what they have tested
		r.later(ctx, r.recordsOf(&check, res))
	}
	return res.Tests
}

func idsOf(tests []TestResult) map[addr.Node]bool {
	out := make(map[addr.Node]bool, len(tests))
	for _, t := range tests {
		out[t.ID] = true
	}
	return out
}

// fileLate adds the results of late tests to those of their action, in the order of the plan.
func (r *runner) fileLate(a *plan.Action, res *NodeResult, late []TestResult) {
	position := make(map[addr.Node]int, len(a.Tests))
	for i, t := range a.Tests {
		position[t.ID] = len(a.UnitTests) + i
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.Concat(res.Tests, late)
	slices.SortStableFunc(all, func(x, y TestResult) int { return position[x.ID] - position[y.ID] }) // unit tests are all 0
	res.Tests = all
}

package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/engine-build/engine/engine/datatest"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

// sampleSize is the number of failing rows that are shown.
const sampleSize = 5

// storeLimit bounds the failing rows kept of a test whose transaction is rolled back:
// they pass through the engine's memory.
const storeLimit = 1000

// unitTests runs the unit tests of an action. ok is false when one failed.
func (r *runner) unitTests(ctx context.Context, a *plan.Action, res *NodeResult) bool {
	ok := true
	for i := range a.UnitTests {
		t := &a.UnitTests[i]
		out := TestResult{ID: t.ID, Of: a.Node, Kind: "unit", Status: Done, Severity: "error", Start: r.options.Now(), SQL: t.Actual, Sentence: "unit test of " + a.Node.Name}
		acct := &account{of: &out.Usage, bounded: true}
		actual, err := r.rows(ctx, r.conn, t.Actual, -1, acct)
		if err == nil {
			var expect *table
			if expect, err = r.rows(ctx, r.conn, t.Expect, -1, acct); err == nil {
				missing, surplus := datatest.Diff(actual.columns, actual.values, expect.values)
				out.Failures = int64(len(missing) + len(surplus))
				if out.Failures > 0 {
					out.Status = Failed
					out.Sample = differences(t.Columns, missing, surplus)
					out.Diags.Add(unitTestFailed(t, len(missing), len(surplus)))
				}
			}
		}
		if err != nil {
			out.Status = Errored
			d := r.refused(warehouse.Statement{SQL: t.Actual, BodyEnd: len(t.Actual)}, t.Map, t.At, err)
			d.Model = t.ID
			out.Diags.Add(d)
		}
		ok = r.endTest(a, res, out) && ok
	}
	return ok
}

// differences shows missing rows with a minus and surplus rows with a plus.
func differences(columns []string, missing, surplus [][]any) *Sample {
	s := &Sample{Columns: append([]string{""}, columns...)}
	add := func(mark string, rows [][]any) {
		for i, row := range rows {
			if i == sampleSize {
				s.Rows = append(s.Rows, []string{mark, fmt.Sprintf("… %d more", len(rows)-i)})
				return
			}
			cells := []string{mark}
			for _, v := range row {
				cells = append(cells, show(v))
			}
			s.Rows = append(s.Rows, cells)
		}
	}
	add("-", missing)
	add("+", surplus)
	return s
}

// endTest files a test's result; it answers whether the action may go on.
func (r *runner) endTest(a *plan.Action, res *NodeResult, t TestResult) bool {
	if t.End.IsZero() {
		t.End = r.options.Now()
	}
	res.Tests = append(res.Tests, t)
	r.emit(Event{Kind: TestEnded, At: t.End, Node: t.ID, Of: a.Node, Action: a, Test: &t})
	switch {
	case t.Status == Canceled && res.Status != Failed:
		res.Status = Canceled
	case t.Status.Bad():
		res.Status = Failed
	}
	return !t.Status.Bad()
}

// gates reports whether an action has data tests that may keep it from being published.
func gates(a *plan.Action) bool {
	return slices.ContainsFunc(a.Tests, func(t plan.Test) bool { return !t.Late })
}

// tests runs the data tests that may keep an action from being published. ok is false when
// one of severity error failed.
func (r *runner) tests(ctx context.Context, conn warehouse.Conn, a *plan.Action, res *NodeResult) bool {
	r.spare(a, res, res.content, func(t *plan.Test) bool { return !t.Late })
	done := idsOf(res.Tests)
	return r.dataTests(ctx, conn, a, res, func(t *plan.Test) bool { return !t.Late && !done[t.ID] })
}

// dataTests runs the data tests of an action for which of is true, those over one scan as
// one query, side by side where slots are free and there is no transaction, and files them
// in the order of the plan. ok is false when one failed.
func (r *runner) dataTests(ctx context.Context, conn warehouse.Conn, a *plan.Action, res *NodeResult, of func(*plan.Test) bool) bool {
	_, inTx := conn.(warehouse.Tx)
	results := make([]*TestResult, len(a.Tests))
	if !inTx || !r.conn.Dialect().Caps().TransactionalDDL {
		// In a transaction a refused query would abort the rest on some warehouses: tests run
		// alone there.
		var mine []int
		for i := range a.Tests {
			if of(&a.Tests[i]) {
				mine = append(mine, i)
			}
		}
		r.batches(ctx, conn, a, mine, inTx, res, results)
	}
	var single []int
	for i := range a.Tests {
		if of(&a.Tests[i]) && results[i] == nil {
			single = append(single, i)
		}
	}
	finish := func(i int) {
		r.forgetFailures(ctx, &a.Tests[i], results[i])
		results[i].End = r.options.Now()
	}
	if !inTx {
		r.each(len(single), func(k int) {
			results[single[k]] = r.single(ctx, conn, a, &a.Tests[single[k]])
			finish(single[k])
		})
	}
	ok := true
	for i := range a.Tests {
		if !of(&a.Tests[i]) {
			continue
		}
		if results[i] == nil {
			results[i] = r.single(ctx, conn, a, &a.Tests[i])
		}
		if results[i].End.IsZero() {
			finish(i)
		}
		ok = r.endTest(a, res, *results[i]) && ok
		if inTx && results[i].Status == Errored {
			// The refused query may have aborted the transaction: what the other tests would
			// say is not worth hearing. They count as skipped.
			return false
		}
	}
	return ok
}

// batches runs the tests of a list that can be counted in one scan.
func (r *runner) batches(ctx context.Context, conn warehouse.Conn, a *plan.Action, list []int, inTx bool, res *NodeResult, results []*TestResult) {
	tests := make([]plan.Test, len(list))
	for k, i := range list {
		tests[k] = a.Tests[i]
	}
	groups := slices.DeleteFunc(datatest.Batch(tests), func(g []int) bool { return len(g) < 2 || tests[g[0]].Count == "" })
	used := make([]Usage, len(groups))
	one := func(k int) {
		group := make([]int, len(groups[k]))
		for at, i := range groups[k] {
			group[at] = list[i]
		}
		used[k] = r.batch(ctx, conn, a, group, results)
	}
	if inTx {
		for k := range groups {
			one(k)
		}
	} else {
		r.each(len(groups), one)
	}
	for _, u := range used {
		res.Usage = res.Usage.Plus(u)
	}
}

// each calls f for 0 to n-1, side by side as far as slots are free. The slot of the caller
// is one of them.
func (r *runner) each(n int, f func(int)) {
	var wait sync.WaitGroup
	panics := make([]any, n)
	for i := range n {
		if i == n-1 || !r.borrow() {
			f(i)
			continue
		}
		start := r.options.Now()
		wait.Go(func() {
			defer func() {
				panics[i] = recover()
				r.giveBack(r.options.Now().Sub(start))
			}()
			f(i)
		})
	}
	wait.Wait()
	for _, p := range panics {
		if p != nil {
			panic(p)
		}
	}
}

func newTest(a *plan.Action, t *plan.Test, start time.Time) *TestResult {
	return &TestResult{ID: t.ID, Of: a.Node, Kind: t.Kind, Status: Done, Severity: t.Severity, Sentence: t.Sentence, Start: start, SQL: t.Rows}
}

// batch counts the failures of several tests in one scan. Tests that found something, and
// all of them when the query is refused, are left to single, which knows the rows. What it
// took belongs to the first test that passed; with none it is returned.
func (r *runner) batch(ctx context.Context, conn warehouse.Conn, a *plan.Action, group []int, results []*TestResult) (used Usage) {
	start := r.options.Now()
	tests := make([]plan.Test, len(group))
	for i, g := range group {
		tests[i] = a.Tests[g]
	}
	counts, err := r.rows(ctx, conn, datatest.BatchQuery(tests), 1, &account{of: &used, bounded: true})
	if err != nil || len(counts.values) != 1 {
		return used
	}
	for i, g := range group {
		// A threshold may well hold for no failures («= 0»): single looks at those too.
		if outcome, err := datatest.Outcome(0, tests[i]); number(counts.values[0][i]) == 0 && err == nil && outcome == datatest.Pass {
			out := newTest(a, &a.Tests[g], start)
			out.Usage, used = used, Usage{}
			r.forgetFailures(ctx, &a.Tests[g], out)
			out.End = r.options.Now()
			results[g] = out
		}
	}
	return used
}

// single runs one test and keeps some of the failing rows.
func (r *runner) single(ctx context.Context, conn warehouse.Conn, a *plan.Action, t *plan.Test) *TestResult {
	out := newTest(a, t, r.options.Now())
	acct := &account{of: &out.Usage, bounded: true}
	query := datatest.CountQuery(*t)
	offset := strings.Index(query, t.Rows)
	count, err := r.rows(ctx, conn, query, 1, acct)
	if err == nil && (len(count.values) != 1 || len(count.values[0]) < 1) {
		err = fmt.Errorf("the test's count has no value")
	}
	if err != nil && ctx.Err() != nil {
		out.Status = Canceled
		return out
	}
	if err != nil {
		out.Status = Errored
		stmt, m := warehouse.Statement{SQL: query}, (*source.Map)(nil)
		if offset >= 0 {
			stmt.BodyStart, stmt.BodyEnd, m = offset, offset+len(t.Rows), t.Map
		}
		d := r.refused(stmt, m, t.At, err)
		d.Model = t.ID
		out.Diags.Add(d)
		return out
	}
	out.Failures = number(count.values[0][0])
	outcome, err := datatest.Outcome(out.Failures, *t)
	switch {
	case err != nil:
		out.Status = Errored
		out.Diags.Add(diag.Diagnostic{Code: codeTestFailed, Message: err.Error(), At: t.At, Model: t.ID})
		return out
	case outcome == datatest.Pass:
		if out.Failures == 0 {
			return out
		}
	case outcome == datatest.Warn:
		out.Status = Warned
	case outcome == datatest.Fail:
		out.Status = Failed
	}
	if sample, err := r.rows(ctx, conn, t.Rows, sampleSize, acct); err == nil {
		out.Sample = sample.show()
	}
	if !t.Store.IsZero() {
		if err := r.storeFailures(ctx, conn, t, acct); err == nil {
			out.Stored = t.Store
		} else {
			out.Diags.Add(notStored(t, err))
		}
	}
	if out.Status != Done {
		out.Diags.Add(testFailed(a, t, out))
	}
	return out
}

// refused words why a test could not run.
func (r *runner) refused(stmt warehouse.Statement, m *source.Map, at source.Span, err error) diag.Diagnostic {
	if errors.Is(err, errSpent) {
		return budgetSpent(r.options.MaxBilled)
	}
	return warehouse.Trace(r.conn.Dialect(), stmt, m, at, err)
}

// storeFailures keeps failing rows in a table of their own. The rows of a transaction that
// will be rolled back are carried over, up to storeLimit.
func (r *runner) storeFailures(ctx context.Context, conn warehouse.Conn, t *plan.Test, acct *account) error {
	ops := []warehouse.Op{warehouse.Drop{Relation: t.Store, Kind: warehouse.Table}}
	if _, inTx := conn.(warehouse.Tx); inTx {
		found, err := r.rows(ctx, conn, t.Rows, storeLimit, acct)
		if err != nil {
			return err
		}
		ops = append(ops, warehouse.CreateTable{Target: t.Store, Columns: found.columns})
		if len(found.values) > 0 {
			ops = append(ops, warehouse.InsertValues{Target: t.Store, Columns: found.columns, Rows: found.values})
		}
	} else {
		ops = append(ops, warehouse.CreateTableAs{Target: t.Store, Query: t.Rows})
	}
	for _, op := range ops {
		if _, _, err := r.do(ctx, r.conn, op, acct); err != nil {
			return err
		}
	}
	return nil
}

// forgetFailures removes the rows that an earlier failure of a test left, once it passes.
func (r *runner) forgetFailures(ctx context.Context, t *plan.Test, out *TestResult) {
	if t.Store.IsZero() || out.Status != Done || out.Failures > 0 {
		return
	}
	if _, _, err := r.do(ctx, r.conn, warehouse.Drop{Relation: t.Store, Kind: warehouse.Table}, &account{of: &out.Usage}); err != nil {
		out.Diags.Add(notStored(t, err))
	}
}

// table is a small result in memory.
type table struct {
	columns []warehouse.Column
	values  [][]any
}

// rows reads at most limit rows of a query (all with a negative limit).
func (r *runner) rows(ctx context.Context, conn warehouse.Conn, query string, limit int, acct *account) (*table, error) {
	ctx, err := r.within(ctx, acct)
	if err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, warehouse.Statement{SQL: query})
	if err != nil {
		r.charge(acct, warehouse.JobStats{}, err)
		return nil, err
	}
	defer func() {
		_ = rows.Close() // what matters was in rows.Err
		r.charge(acct, warehouse.StatsOf(rows), nil)
	}()
	out := &table{columns: rows.Columns()}
	for (limit < 0 || len(out.values) < limit) && rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return nil, err
		}
		out.values = append(out.values, v)
	}
	return out, rows.Err()
}

func (t *table) show() *Sample {
	s := &Sample{}
	for _, c := range t.columns {
		s.Columns = append(s.Columns, c.Name)
	}
	for _, row := range t.values {
		cells := make([]string, len(row))
		for i, v := range row {
			cells[i] = show(v)
		}
		s.Rows = append(s.Rows, cells)
	}
	return s
}

// number is a count as drivers report it; NULL is 0.
func number(v any) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case float64:
		return int64(v)
	case bool:
		if v {
			return 1
		}
	case string:
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			return n
		}
		f, _ := strconv.ParseFloat(v, 64)
		return int64(f)
	}
	return 0
}

// show is a value for people.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case string:
		return v
	case []byte:
		return fmt.Sprintf("x'%x'", v)
	case time.Time:
		if v.Equal(v.Truncate(24 * time.Hour)) {
			return v.Format(time.DateOnly)
		}
		return v.UTC().Format("2006-01-02 15:04:05.999999")
	}
	return fmt.Sprint(v)
}

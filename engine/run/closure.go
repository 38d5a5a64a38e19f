package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/genealogy"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/warehouse"
)

// inMemory is the most edges that the engine closes by itself when nobody chooses. They
// take about 40 bytes each, and the lists of ancestors in use a few hundred megabytes.
const inMemory = 50_000_000

// closure closes edges, or brings a closure up to date. done is false for other operations.
func (r *runner) closure(ctx context.Context, conn warehouse.Conn, a *plan.Action, op warehouse.Op, res *NodeResult, acct *account) (done, ok bool) {
	var report genealogy.Report
	var err error
	switch op := op.(type) {
	case warehouse.CloseEdges:
		if op.Closure.Method, err = r.method(ctx, conn, op.Closure.Method, op.From); err == nil {
			report, err = genealogy.Close(ctx, conn, op)
		}
	case warehouse.UpdateClosure:
		if op.Closure.Method, err = r.method(ctx, conn, op.Closure.Method, op.From); err != nil {
			break
		}
		// Only the engine updates. Edges that do not fit its memory are closed anew.
		err = genealogy.ErrRebuild
		if op.Closure.Method == warehouse.InMemory {
			report, err = genealogy.Update(ctx, conn, op)
		}
		if errors.Is(err, genealogy.ErrRebuild) {
			report, err = r.remake(ctx, conn, op, acct)
		}
	default:
		return false, false
	}
	r.charge(acct, report.Stats, err)
	if err != nil {
		res.fail(a, closureFailed(a, conn.Dialect(), err))
		return true, false
	}
	res.Command, res.Rows = "CLOSE", report.Stats.Rows
	if report.Affected >= 0 {
		res.Message = fmt.Sprintf("%s pairs written for %s of %s", count(max(report.Stats.Rows, 0)), count(int64(report.Affected)), count(int64(report.Nodes)))
	}
	for _, d := range closureFindings(a, report) {
		d.Model = a.Node
		res.Diags.Add(d)
	}
	return true, true
}

// method settles who computes.
func (r *runner) method(ctx context.Context, conn warehouse.Conn, method string, edges addr.Relation) (string, error) {
	if method != compile.Auto {
		return method, nil
	}
	if _, fills := conn.(warehouse.Filler); !fills {
		return warehouse.InSQL, nil
	}
	rows, err := conn.Query(ctx, warehouse.Statement{SQL: "select count(*) from " + conn.Dialect().Quote(edges)})
	if err != nil {
		return "", err
	}
	defer rows.Close()
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return "", err
		}
		if n, _ := v[0].(int64); n > cmp.Or(r.options.MemoryEdges, inMemory) {
			return warehouse.InSQL, nil
		}
	}
	return warehouse.InMemory, rows.Err()
}

// remake makes a closure anew that cannot be updated, in place of the old one, by the
// method that op says.
func (r *runner) remake(ctx context.Context, conn warehouse.Conn, op warehouse.UpdateClosure, acct *account) (genealogy.Report, error) {
	report, err := genealogy.Close(ctx, conn, warehouse.CloseEdges{Target: op.Scratch, From: op.From, Closure: op.Closure, Columns: op.Columns, Layout: op.Layout, Scratch: op.Steps})
	if err != nil {
		return report, err
	}
	_, _, err = r.do(ctx, conn, warehouse.Swap{New: op.Scratch, NewKind: warehouse.Table, Target: op.Target, Old: warehouse.Table, Layout: op.Layout}, acct)
	return report, err
}

// count groups the digits of a number.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

const (
	codeClosure      diag.Code = "ancestry-failed"
	codeClosureLarge diag.Code = "ancestry-too-large"
	codeCycle        diag.Code = "ancestry-cycle"
	codeEdges        diag.Code = "ancestry-edges"
)

var closureCodes = []diag.Entry{
	{Code: codeClosure, Title: "edges that could not be closed", Explain: "The edges of an ancestry were read, and could not be made into pairs.", Bad: "", Good: ""},
	{Code: codeClosureLarge, Title: "an ancestry with more pairs than allowed", Explain: "The number of pairs is predicted before they are computed. A dense graph, or a chain of many steps, has very many.", Bad: `{{ config "ancestry" (dict "max_pairs" 1000) }}`, Good: `{{ config "ancestry" (dict "max_depth" 20) }}`},
	{Code: codeCycle, Title: "edges that lead in circles", Explain: "Nothing can be made of itself. The members of a cycle count as one: each is an ancestor of the others, at depth 0, marked in_cycle.", Bad: "parent 1, child 2; parent 2, child 1", Good: "parent 1, child 2"},
	{Code: codeEdges, Title: "edges that were left out of an ancestry", Explain: "An edge needs a parent and a child, and the two differ.", Bad: "select null as parent, 1 as child", Good: "select … where parent is not null"},
}

// closureFailed words an error in the user's terms.
func closureFailed(a *plan.Action, d warehouse.Dialect, err error) diag.Diagnostic {
	out := diag.Diagnostic{Code: codeClosure, At: a.Origin.At, Cause: err}
	var large *genealogy.TooManyError
	var cycle *genealogy.CycleError
	var key *genealogy.KeyError
	switch {
	case errors.As(err, &large):
		out.Code, out.Message = codeClosureLarge, fmt.Sprintf("the pairs of %q are more than the %s that max_pairs allows", a.Node.Name, count(large.Limit))
		if large.Predicted {
			out.Notes = []string{fmt.Sprintf("about %s are predicted; none was computed", count(large.Pairs))}
		}
		out.Help = `raise "max_pairs" of "ancestry", or leave out distant pairs with "max_depth"`
	case errors.As(err, &cycle):
		out.Code, out.Message = codeCycle, fmt.Sprintf("the edges of %q lead in circles", a.Node.Name)
		out.Notes = cycles(cycle.Cycles, cycle.Rounds)
		out.Help = `correct the edges, or set "cycles" of "ancestry" to "warn" or "exclude" (with the method "memory")`
	case errors.As(err, &key):
		out.Message = key.Error()
		out.Help = "cast the column in the query"
	default:
		found := warehouse.Explain(d, err)
		out.Message = fmt.Sprintf("the edges of %q could not be closed: %s", a.Node.Name, found.Message)
		out.Help = found.Help
	}
	return out
}

func cycles(list []genealogy.Cycle, all int) []string {
	var notes []string
	for _, c := range list {
		notes = append(notes, fmt.Sprintf("a cycle of %d: %s", c.Size, c))
	}
	if more := all - len(list); more > 0 {
		notes = append(notes, fmt.Sprintf("and %d cycles more", more))
	}
	return notes
}

// closureFindings are what is wrong with the data, and does not stop the build.
func closureFindings(a *plan.Action, r genealogy.Report) []diag.Diagnostic {
	var out []diag.Diagnostic
	if r.Rounds > 0 {
		out = append(out, diag.Diagnostic{Severity: diag.Warning, Code: codeCycle, Message: fmt.Sprintf("the edges of %q lead in circles", a.Node.Name), At: a.Origin.At, Notes: cycles(r.Cycles, r.Rounds), Help: `correct the data; "cycles: error" of "ancestry" would stop the build here`})
	}
	var left []string
	if r.Nulls > 0 {
		left = append(left, fmt.Sprintf("%s without a parent or a child", count(int64(r.Nulls))))
	}
	if r.Loops > 0 {
		left = append(left, fmt.Sprintf("%s from a thing to itself", count(int64(r.Loops))))
	}
	if len(left) > 0 {
		out = append(out, diag.Diagnostic{Severity: diag.Warning, Code: codeEdges, Message: fmt.Sprintf("edges of %q were left out", a.Node.Name), At: a.Origin.At, Notes: left, Help: "filter them in the query if they are meant to be there"})
	}
	return out
}

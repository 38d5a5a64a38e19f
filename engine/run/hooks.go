package run

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/warehouse"
)

// When the statements of a project are run.
const (
	OnRunStart = "on-run-start"
	OnRunEnd   = "on-run-end"
)

// HookResult is the outcome of one statement of on-run-start or on-run-end.
type HookResult struct {
	When       string // OnRunStart, OnRunEnd
	Index      int    // among those of When, from 0
	Total      int    // how many those are
	SQL        string
	Status     Status // Done, Errored, Canceled; Skipped: one before it failed
	Start, End time.Time
	Rows       int64 // that it changed; -1 unknown
	Usage      Usage
	Message    string // why it failed
}

// hookAbandoned is what is said of nodes whose run ended before it began.
const hookAbandoned = "a statement of on-run-start failed"

// hooks runs the statements of one kind in order. The first one that fails ends them: the
// others are skipped, and the answer is false.
func (r *runner) hooks(ctx context.Context, when string, texts []string, result *Result) bool {
	ok := true
	for i, text := range texts {
		res := HookResult{When: when, Index: i, Total: len(texts), SQL: text, Status: Skipped, Start: r.options.Now(), Rows: -1}
		if ok && !r.canceled(ctx) {
			r.emit(Event{Kind: HookStarted, At: res.Start, Total: len(texts), Hook: &res})
			var stats warehouse.JobStats
			var err error
			if strings.TrimSpace(text) != "" { // its template may have come to nothing
				stats, err = r.exec(ctx, r.conn, warehouse.Statement{SQL: text, BodyEnd: len(text)}, &account{of: &res.Usage})
			}
			switch {
			case err == nil:
				res.Status, res.Rows = Done, stats.Rows
			case ctx.Err() != nil:
				res.Status, ok = Canceled, false
			default:
				d := hookFailed(when, text, r.conn.Dialect(), err)
				res.Status, res.Message, ok = Errored, d.Message, false
				result.Diags.Add(d)
			}
		}
		res.End = r.options.Now()
		result.Overhead = result.Overhead.Plus(res.Usage)
		result.Hooks = append(result.Hooks, res)
		r.emit(Event{Kind: HookEnded, At: res.End, Total: len(texts), Hook: &res})
	}
	return ok
}

// atStart runs what is to be done before the first node. Where that fails no node is begun.
func (r *runner) atStart(ctx context.Context, result *Result) {
	if !r.hooks(ctx, OnRunStart, r.plan.OnRunStart, result) && !r.canceled(ctx) {
		r.halted = hookAbandoned
	}
}

// atEnd runs what is to be done after the last node. Statements that depend on what the run
// has come to are made now.
func (r *runner) atEnd(ctx context.Context, result *Result) {
	texts := r.plan.OnRunEnd
	if r.plan.LateEnd {
		if r.options.EndHooks == nil {
			result.Diags.Add(hookUnmade(fmt.Errorf("nobody knows the templates")))
			return
		}
		var ds diag.List
		if texts, ds = r.options.EndHooks(result); ds.HasErrors() {
			result.Diags.Add(ds...)
			return
		}
	}
	r.hooks(ctx, OnRunEnd, texts, result)
}

// Built reports whether a node of the run was built and stands.
func (n *NodeResult) Built() bool {
	return n.Verb != plan.Check && (n.Status == Done || n.Status == Kept)
}

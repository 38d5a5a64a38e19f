package run

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/datatest"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

// Estimate asks the warehouse what the statements of p will read, without running any:
// those of the actions for which of is true, nil meaning all, and the hooks of the run. At
// most jobs questions are under way at once. A statement whose inputs are not there yet is
// not asked about; see plan.Basis for what stands in for it. The list holds statements
// that the warehouse refuses although nothing that this plan does could mend them. The
// error is warehouse.ErrUnsupported where the warehouse does not answer such questions.
func Estimate(ctx context.Context, p *plan.Plan, conn warehouse.Conn, jobs int, of func(*plan.Action) bool) (*plan.Cost, diag.List, error) {
	dry, ok := conn.(warehouse.DryRunner)
	if !ok || !conn.Dialect().Caps().DryRun {
		return nil, nil, fmt.Errorf("ask what statements read: %w", warehouse.ErrUnsupported)
	}
	e := &estimator{plan: p, dialect: conn.Dialect(), at: map[addr.Node]*plan.Action{}}
	for _, a := range p.Actions {
		e.at[a.Node] = a
	}
	var actions []*plan.Action
	for _, a := range p.Actions {
		if of == nil || of(a) {
			actions = append(actions, a)
		}
	}
	asked := make([]*inquiry, 0, len(actions)+1)
	for _, a := range actions {
		asked = append(asked, e.action(a))
	}
	var hooks *inquiry
	if len(p.OnRunStart)+len(p.OnRunEnd) > 0 && of == nil {
		hooks = e.hooks()
		asked = append(asked, hooks)
	}

	slots := make(chan struct{}, max(jobs, 1))
	var wait sync.WaitGroup
	for _, q := range asked {
		ctx := warehouse.WithJob(ctx, warehouse.Job{Project: p.Project, Target: p.Target, Node: q.node})
		for i := range q.questions {
			slots <- struct{}{}
			wait.Go(func() {
				defer func() { <-slots }()
				s := &q.questions[i]
				if s.err = ctx.Err(); s.err == nil {
					s.answer, s.err = dry.DryRun(ctx, s.stmt)
				}
			})
		}
	}
	wait.Wait()
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}

	cost := &plan.Cost{Actions: make([]plan.Estimate, 0, len(actions))}
	var ds diag.List
	for _, q := range asked {
		got, list := e.conclude(q)
		ds.Add(list...)
		if q == hooks {
			cost.Hooks = &got
		} else {
			cost.Actions = append(cost.Actions, got)
		}
	}
	cost.Sum(warehouse.PriceOf(conn))
	return cost, ds.Sorted(), nil
}

type estimator struct {
	plan    *plan.Plan
	dialect warehouse.Dialect
	at      map[addr.Node]*plan.Action
}

// inquiry is what there is to ask about one action.
type inquiry struct {
	node      addr.Node
	last      *plan.Spent
	questions []question
	// blind says why some statements cannot be asked about; empty if all can.
	blind string
}

// question is one statement and what the warehouse said of it.
type question struct {
	stmt warehouse.Statement
	m    *source.Map
	at   source.Span
	of   addr.Node // for a diagnostic: the node, or the test
	// excuse says why the statement may well be refused today and pass in the run.
	excuse string
	answer warehouse.Estimate
	err    error
}

// conclude adds up the answers about one action.
func (e *estimator) conclude(q *inquiry) (plan.Estimate, diag.List) {
	out := plan.Estimate{Node: q.node, Basis: plan.Nothing}
	var ds diag.List
	blind := q.blind
	for _, s := range q.questions {
		switch {
		case s.err != nil && s.excuse == "":
			d := warehouse.Trace(e.dialect, s.stmt, s.m, s.at, s.err)
			d.Model = s.of
			ds.Add(d)
			blind = "the warehouse refuses a statement"
		case s.err != nil:
			blind = s.excuse
		case s.answer.Bytes < 0:
			blind = "the warehouse does not say"
		default:
			out.Basis = plan.DryRun
			billed := max(s.answer.Billed, s.answer.Bytes)
			out.Bytes += s.answer.Bytes
			out.Billed += billed
			out.Largest = max(out.Largest, billed)
			out.Upper = out.Upper || s.answer.Upper
		}
	}
	if blind == "" {
		return out, ds
	}
	out.Why, out.Basis = blind, plan.Unknown
	if q.last != nil {
		out.Basis = plan.LastRun
		out.Bytes, out.Billed = max(out.Bytes, q.last.Bytes), max(out.Billed, q.last.Bytes, q.last.Billed)
	}
	return out, ds
}

// hooks are the statements of the run itself. They may need what the run makes.
func (e *estimator) hooks() *inquiry {
	q := &inquiry{}
	for _, list := range [][]string{e.plan.OnRunStart, e.plan.OnRunEnd} {
		for _, text := range list {
			if strings.TrimSpace(text) == "" {
				continue
			}
			q.questions = append(q.questions, question{stmt: warehouse.Statement{SQL: text}, excuse: "a hook is refused as things are now"})
		}
	}
	return q
}

// action collects what an action will send. Only statements that can read rows count:
// names, comments, grants, literal rows and swaps are free of charge.
func (e *estimator) action(a *plan.Action) *inquiry {
	q := &inquiry{node: a.Node, last: a.Last}
	missing, changing := e.inputs(a.Parents, a.Node)
	hooked := len(e.plan.OnRunStart) > 0 || slices.ContainsFunc(a.Build, func(op warehouse.Op) bool { _, ok := op.(warehouse.SQL); return ok })
	excuse := ""
	switch {
	case changing != "":
		excuse = changing + " will have changed by then"
	case hooked:
		excuse = "it may need what a hook does before"
	}
	ask := func(query string) {
		if missing != "" {
			q.blind = missing + " is not built yet"
			return
		}
		q.questions = append(q.questions, question{
			stmt: warehouse.Statement{SQL: query, BodyEnd: len(query)}, m: a.Origin.Map, at: a.Origin.At, of: a.Node, excuse: excuse,
		})
	}
	for _, op := range append(a.Build[:len(a.Build):len(a.Build)], a.Publish...) {
		switch op := op.(type) {
		case warehouse.CreateTableAs:
			ask(op.Query)
		case warehouse.CreateMaterializedViewAs:
			ask(op.Query)
		case warehouse.SQL:
			q.questions = append(q.questions, question{stmt: warehouse.Statement{SQL: op.Text}, excuse: "a hook is refused as things are now"})
		case warehouse.RefreshMaterializedView:
			q.blind = "a refresh cannot be asked about"
		default:
			if reads(op, e.dialect.Caps()) {
				q.blind = "it reads rows that the run makes first"
			}
		}
	}
	e.tests(a, q)
	return q
}

// reads reports whether an operation may be charged for: whether it reads rows. Views,
// names, comments, grants, literal rows and swaps are free, and so are copies of whole
// tables and partitions where the warehouse makes them without reading.
func reads(op warehouse.Op, caps warehouse.Caps) bool {
	switch op := op.(type) {
	case warehouse.CloneTable:
		return !caps.Clone
	case warehouse.ReplacePartitions:
		return !op.Copy || !caps.CopyPartitions
	case warehouse.CreateTableAs, warehouse.CreateMaterializedViewAs, warehouse.RefreshMaterializedView, warehouse.SQL, warehouse.InsertSelect, warehouse.MergeInto,
		warehouse.DeleteMatching, warehouse.CloseRows, warehouse.StageSnapshot, warehouse.Require, warehouse.RetypeColumns, warehouse.CloseEdges, warehouse.UpdateClosure:
		return true
	}
	return false
}

// tests asks about the tests of an action as the run will send them. What is to be built
// aside is read where it stands today.
func (e *estimator) tests(a *plan.Action, q *inquiry) {
	groups := datatest.Batch(a.Tests)
	if a.InTx && e.dialect.Caps().TransactionalDDL {
		groups = nil
		for i := range a.Tests {
			groups = append(groups, []int{i})
		}
	}
	for _, group := range groups {
		tests := make([]plan.Test, len(group))
		var parents []addr.Node
		for i, g := range group {
			tests[i] = a.Tests[g]
			parents = append(parents, tests[i].Parents...)
		}
		missing, changing := e.inputs(parents, addr.Node{})
		switch missing {
		case "":
		case a.Node.Name:
			q.blind = "its tests read it, and it is not built yet"
			continue
		default:
			q.blind = missing + " is not built yet"
			continue
		}
		query := datatest.BatchQuery(tests)
		if len(tests) == 1 {
			query = datatest.CountQuery(tests[0])
		}
		s := question{at: tests[0].At, of: tests[0].ID}
		if changing != "" {
			s.excuse = changing + " will have changed by then"
		}
		if a.Staged != a.Relation {
			query = strings.ReplaceAll(query, e.dialect.Quote(a.Staged), e.dialect.Quote(a.Relation))
		} else if i := strings.Index(query, tests[0].Rows); i >= 0 && len(tests) == 1 {
			s.m, s.stmt.BodyStart, s.stmt.BodyEnd = tests[0].Map, i, i+len(tests[0].Rows)
		}
		s.stmt.SQL = query
		q.questions = append(q.questions, s)
	}
}

// inputs finds one of the nodes that this plan makes for the first time, and one that it
// builds anew; self is not meant.
func (e *estimator) inputs(nodes []addr.Node, self addr.Node) (missing, changing string) {
	for _, n := range nodes {
		a := e.at[n]
		if a == nil || n == self {
			continue
		}
		switch a.Verb {
		case plan.Create:
			if missing == "" {
				missing = n.Name
			}
		case plan.Replace, plan.Update:
			if changing == "" {
				changing = n.Name
			}
		case plan.Check, plan.Keep:
		}
	}
	return missing, changing
}

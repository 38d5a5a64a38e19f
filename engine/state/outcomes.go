package state

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/profile"
	"github.com/engine-build/engine/engine/warehouse"
)

// Outcome is how a test came out in one run. Unlike a TestRecord it says nothing of what may
// be skipped: failures are among them, and nobody decides anything by it.
type Outcome struct {
	Test   addr.Node
	Status string // passed, warned, failed, error
	// Failures are the rows that it found, -1 where it could not be run.
	Failures int64
	At       time.Time
	Run      string
}

// outcomes is what people are told of earlier runs of tests.
var outcomes = table{
	name:    "test_history",
	columns: []string{"scope", "test", "status", "failures", "at", "run_id"},
	subject: "test", at: "at", id: "run_id",
}

// outcomesTogether is how many outcomes one statement writes: BigQuery takes statements of one
// megabyte.
const outcomesTogether = 2_000

// OutcomeOps record how tests came out in a run; none, no operation. Each has as many rows as
// one statement takes.
func OutcomeOps(d warehouse.Dialect, s Scope, list []Outcome) []warehouse.Op {
	var ops []warehouse.Op
	for len(list) > 0 {
		part := list[:min(len(list), outcomesTogether)]
		list = list[len(part):]
		rows := make([][]any, len(part))
		for i, o := range part {
			rows[i] = []any{s.String(), o.Test.String(), o.Status, o.Failures, stamp(o.At), o.Run}
		}
		ops = append(ops, warehouse.InsertValues{Target: outcomes.relation(s.Database), Columns: outcomes.typed(d), Rows: rows})
	}
	return ops
}

// Past is what is remembered of earlier runs of a scope.
type Past struct {
	Runs []Run // newest first
	// Builds are by node, newest first, without what only decides what is due: inputs, content,
	// checksum, fingerprint, definition.
	Builds map[addr.Node][]Record
	Tests  map[addr.Node][]Outcome // by test, newest first
	// Profiles are the newest of each node.
	Profiles map[addr.Node]profile.Table
}

// ReadPast gives the newest runs, and the newest records of every node and test, at most most
// of each. It asks one question per table; what has no table, or no rows, is empty.
func ReadPast(ctx context.Context, c warehouse.Conn, s Scope, most int) (Past, error) {
	past := Past{Builds: map[addr.Node][]Record{}, Tests: map[addr.Node][]Outcome{}, Profiles: map[addr.Node]profile.Table{}}
	have, err := Look(ctx, c, s.Database)
	if err != nil {
		return past, err
	}
	d := c.Dialect()
	var wait sync.WaitGroup
	var errs [4]error
	read := func(i int, t table, f func([]any), without ...string) {
		rel, ok := have[t.name]
		if !ok {
			return
		}
		rel.Columns = slices.DeleteFunc(slices.Clone(rel.Columns), func(c warehouse.Column) bool { return slices.Contains(without, strings.ToLower(c.Name)) })
		t.added = slices.Concat(t.added, without)
		sql := fmt.Sprintf("SELECT %s FROM (%s) AS past WHERE engine_rank <= %d ORDER BY %s, engine_rank", t.list(d, rel), t.ranked(d, s), most, d.Ident(t.subject))
		wait.Go(func() { errs[i] = query(ctx, c, sql, "read the past of "+Schema+"."+t.name, f) })
	}
	read(0, runs, func(v []any) {
		past.Runs = append(past.Runs, Run{ID: text(v[1]), Start: when(v[2]), End: when(v[3]), Verdict: text(v[4]), Engine: text(v[5]), Target: text(v[6])})
	})
	read(1, builds, func(v []any) {
		if r, ok := recordOf(v); ok {
			r.Inputs, r.Content = nil, Content{}
			past.Builds[r.Node] = append(past.Builds[r.Node], r)
		}
	}, "inputs", "content", "checksum", "fingerprint", "definition") // large, and nobody is told of them
	read(2, outcomes, func(v []any) {
		if test, err := addr.ParseNode(text(v[1])); err == nil {
			past.Tests[test] = append(past.Tests[test], Outcome{Test: test, Status: text(v[2]), Failures: number(v[3]), At: when(v[4]), Run: text(v[5])})
		}
	})
	if rel, ok := have[profiles.name]; ok {
		wait.Go(func() { errs[3] = readProfiles(ctx, c, s, rel, past.Profiles) })
	}
	wait.Wait()
	return past, cmp.Or(errs[:]...)
}

package run_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/schedule"
	"github.com/engine-build/engine/engine/warehouse"
)

const warns = "{config: {severity: warn}}"

// TestLateTests: tests of severity warn run on what is published, hold nothing back, and are
// filed and recorded like the others.
func TestLateTests(t *testing.T) {
	s := newShop(t, map[string]string{
		"models/m.sql":     "{{ config \"materialized\" \"table\" }}select 1 as id union all select 1",
		"models/child.sql": "{{ config \"materialized\" \"table\" }}select id from {{ ref \"m\" }}",
		"models/props.yml": "models:\n  - name: m\n    columns:\n      - {name: id, data_tests: [{unique: " + warns + "}, not_null]}\n",
	})
	pl := s.plan(nil)
	for _, a := range pl.Actions {
		for _, test := range a.Tests {
			if late := test.Severity == "warn"; test.Late != late || late == strings.Contains(test.Rows, "_engine_new__") {
				t.Errorf("%s: late %v, reads %s", test.ID, test.Late, test.Rows)
			}
		}
	}
	var order []string
	r, err := s.apply(context.Background(), pl, func(o *run.Options) {
		o.Jobs = 1
		o.Sink = func(e run.Event) {
			if e.Kind == run.NodeEnded || e.Kind == run.TestEnded {
				order = append(order, e.Node.Name)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"not_null_m_id", "m", "child", "unique_m_id"}, order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	want(t, r, "m done", "  not_null_m_id done", "  unique_m_id warned 1", "child done")
	want(t, s.build(nil))
	if pl := s.plan(nil); len(pl.Warnings) != 1 {
		t.Errorf("what it found is not recorded: %+v", pl.Warnings)
	}
	// One that the warehouse refuses makes the run fail, and nothing else.
	s.write(map[string]string{
		"models/m.sql":     "{{ config \"materialized\" \"table\" }}select 2 as id",
		"models/props.yml": "models:\n  - name: m\n    data_tests: [{expression: {name: refused, expression: cast('x' || id as integer) > 0, config: {severity: warn}}}]\n",
	})
	r = s.build(nil)
	want(t, r, "m done", "  refused errored", "child done")
	if r.OK() {
		t.Error("the run is called good")
	}
	// A node that is not published has nothing to warn of.
	s.write(map[string]string{"models/m.sql": "{{ config \"materialized\" \"table\" }}select cast('x' as integer) as id"})
	want(t, s.build(nil), "m errored (sql-data)", "  refused skipped because of m", "child skipped because of m")
}

// TestLateTestRidesAlong: a test that can be counted in a query which is sent before the
// publication anyway is not sent on its own after it.
func TestLateTestRidesAlong(t *testing.T) {
	s := newShop(t, map[string]string{
		"models/m.sql":     "{{ config \"materialized\" \"table\" }}select 1 as id, 2 as other",
		"models/props.yml": "models:\n  - name: m\n    columns:\n      - {name: id, data_tests: [not_null]}\n      - {name: other, data_tests: [{not_null: " + warns + "}, {unique: " + warns + "}]}\n",
	})
	pl := s.plan(nil)
	got := map[string]bool{}
	for _, test := range pl.Actions[0].Tests {
		got[test.ID.Name] = test.Late
	}
	if diff := cmp.Diff(map[string]bool{"not_null_m_id": false, "not_null_m_other": false, "unique_m_other": true}, got); diff != "" {
		t.Errorf("late (-want +got):\n%s", diff)
	}
	want(t, s.build(nil), "m done", "  not_null_m_id done", "  not_null_m_other done", "  unique_m_other done")
	s.write(map[string]string{"models/m.sql": "{{ config \"materialized\" \"table\" }}select 1 as id, null as other union all select 2, null"})
	want(t, s.build(nil), "m done", "  not_null_m_id done", "  not_null_m_other warned 2", "  unique_m_other done")
}

// TestCancelLate: an interrupt during late tests leaves what is published, and says which
// tests did not end.
func TestCancelLate(t *testing.T) {
	s := newShop(t, map[string]string{
		"models/m.sql":   "{{ config \"materialized\" \"table\" }}select 1 as id",
		"tests/slow.sql": "{{ config \"severity\" \"warn\" }}select sum(a.range * b.range % 7) from range(1000000) as a, range(1000000) as b, {{ ref \"m\" }}",
	})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	start := time.Now()
	r, err := s.apply(ctx, s.plan(nil), func(o *run.Options) {
		o.Sink = func(e run.Event) {
			if e.Kind == run.NodeEnded {
				time.AfterFunc(100*time.Millisecond, cancel)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	want(t, r, "m done", "  slow canceled")
	if !r.Canceled || len(r.Nodes[0].Tests[0].Diags) > 0 || time.Since(start) > 15*time.Second {
		t.Errorf("canceled %v, %v, after %v", r.Canceled, r.Nodes[0].Tests[0].Diags, time.Since(start))
	}
	if got := s.rows("select id from dev.m"); !slices.Equal(got, []string{"1"}) {
		t.Errorf("m has %v", got)
	}
	if pl := s.plan(nil); len(pl.Actions) != 1 || pl.Actions[0].Verb != plan.Check {
		t.Errorf("the next plan has %d actions", len(pl.Actions))
	}
}

// TestLateTestReadsTwo: a relationship of severity warn does not make its model wait for the
// other one, and is skipped when that one fails.
func TestLateTestReadsTwo(t *testing.T) {
	s := newShop(t, map[string]string{
		"models/customers.sql": "{{ config \"materialized\" \"table\" }}select 1 as id",
		"models/orders.sql":    "{{ config \"materialized\" \"table\" }}select 7 as customer",
		"models/props.yml":     "models:\n  - name: orders\n    columns: [{name: customer, data_tests: [{relationships: {to: ref('customers'), field: id, config: {severity: warn}}}]}]\n",
	})
	pl := s.plan(nil)
	for _, a := range pl.Actions {
		if len(a.Deps) > 0 {
			t.Errorf("%s waits for %v", a.Node, a.Deps)
		}
	}
	want(t, s.build(nil), "customers done", "orders done", "  relationships_orders_customer warned 1")
	s.write(map[string]string{
		"models/customers.sql": "{{ config \"materialized\" \"table\" }}select cast('x' as integer) as id",
		"models/orders.sql":    "{{ config \"materialized\" \"table\" }}select 8 as customer",
	})
	want(t, s.build(nil), "customers errored (sql-data)", "orders done", "  relationships_orders_customer skipped because of customers")
}

// TestTagLimit: nodes of a tag do not run together, others do.
func TestTagLimit(t *testing.T) {
	files := map[string]string{
		"engine.yml": "name: shop\ndialect: duckdb\ntargets: {dev: {type: duckdb, schema: dev, path: shop.duckdb, tag_limits: {heavy: 1}}}\n",
	}
	for i := range 6 {
		tag := ""
		if i < 3 {
			tag = " \"tags\" (list \"heavy\")"
		}
		files[fmt.Sprintf("models/m%d.sql", i)] = "{{ config \"materialized\" \"table\"" + tag + " }}select sum(a.range * b.range % 7) as id from range(2000) as a, range(1000) as b"
	}
	s := newShop(t, files)
	pl := s.plan(nil)
	if diff := cmp.Diff(map[string]int{"heavy": 1}, pl.AtOnce); diff != "" {
		t.Fatal(diff)
	}
	// The limit is part of the plan, also of one that was written to a file.
	text, err := pl.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if pl, err = plan.Parse(text); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	running, most := 0, 0
	r, err := s.apply(context.Background(), pl, func(o *run.Options) {
		o.Jobs = 6
		o.Sink = func(e run.Event) {
			mu.Lock()
			defer mu.Unlock()
			if e.Action == nil || !slices.Contains(e.Action.Tags, "heavy") {
				return
			}
			switch e.Kind {
			case run.NodeStarted:
				running++
				most = max(most, running)
			case run.NodeEnded:
				running--
			}
		}
	})
	if err != nil || !r.OK() {
		t.Fatal(err, outcome(r))
	}
	if most != 1 {
		t.Errorf("%d nodes of the tag ran at once", most)
	}
	if r.Timing.Waiting[schedule.Group] <= 0 || r.Timing.Peak < 4 {
		t.Errorf("the timing says %+v", r.Timing)
	}
}

// TestTiming: the chain makes up the makespan, and what is said of slots adds up.
func TestTiming(t *testing.T) {
	s := newShop(t, map[string]string{
		"models/a.sql":     "{{ config \"materialized\" \"table\" }}select 1 as id",
		"models/b.sql":     "{{ config \"materialized\" \"table\" }}select id from {{ ref \"a\" }}",
		"models/c.sql":     "{{ config \"materialized\" \"table\" }}select sum(x.range % 7) as id from range(3000000) as x, {{ ref \"b\" }}",
		"models/d.sql":     "select 1 as id",
		"models/e.sql":     "select 1 as id",
		"models/props.yml": "models:\n  - name: b\n    columns: [{name: id, data_tests: [unique, {not_null: " + warns + "}]}]\n",
	})
	r := s.build(func(o *run.Options) { o.Jobs = 2 })
	tm := r.Timing
	var took, waited time.Duration
	var names []string
	for _, step := range tm.Path {
		names = append(names, step.Node.Name)
		took += step.Took()
		waited += step.Waited()
	}
	if took+waited != tm.Makespan || tm.Busy+tm.Idle != 2*tm.Makespan || tm.Warehouse+tm.Own != tm.Busy || tm.Longest > tm.Makespan || tm.Bound > tm.Makespan {
		t.Errorf("it does not add up: %+v", tm)
	}
	if tm.Warehouse <= 0 {
		t.Errorf("the warehouse took %v of %v", tm.Warehouse, tm.Busy)
	}
	if names[0] != "a" || len(tm.Steps) != 6 {
		t.Errorf("path %v, %d steps", names, len(tm.Steps))
	}
	if i := slices.IndexFunc(tm.Steps, func(s run.TimingStep) bool { return s.Late }); i < 0 || tm.Steps[i].Node.Name != "b" || tm.Steps[i-1].Node.Name != "b" {
		t.Errorf("the late tests are not behind their node")
	}
}

// TestManyWorkersSameResult: the outcome is the same with one worker and with sixteen.
func TestManyWorkersSameResult(t *testing.T) {
	files := map[string]string{}
	var props strings.Builder
	props.WriteString("models:\n")
	for i := range 12 {
		from := "select 1 as id, 2 as other"
		if i > 2 {
			from = fmt.Sprintf("select id, other from {{ ref \"m%02d\" }}", i%3)
		}
		files[fmt.Sprintf("models/m%02d.sql", i)] = "{{ config \"materialized\" \"table\" }}" + from
		fmt.Fprintf(&props, "  - name: m%02d\n    columns:\n      - {name: id, data_tests: [unique, {not_null: %s}, {accepted_values: {values: [2], config: {severity: warn}}}]}\n      - {name: other, data_tests: [not_null, {accepted_values: {values: [%d]}}]}\n", i, warns, 2+i/11)
	}
	files["models/props.yml"] = props.String()
	var outcomes []string
	for _, jobs := range []int{1, 16} {
		r := newShop(t, files).build(func(o *run.Options) { o.Jobs = jobs })
		outcomes = append(outcomes, strings.Join(outcome(r), "\n"))
	}
	if diff := cmp.Diff(outcomes[0], outcomes[1]); diff != "" || !strings.Contains(outcomes[0], "failed 1") || strings.Count(outcomes[0], "warned 1") < 11 {
		t.Errorf("%s\n%s", diff, outcomes[0])
	}
}

// TestThrottled: when the warehouse asks for less, nothing begins for a while, and half as
// many run.
func TestThrottled(t *testing.T) {
	files := map[string]string{}
	for i := range 8 {
		files[fmt.Sprintf("models/m%d.sql", i)] = fmt.Sprintf("{{ config \"materialized\" \"table\" }}select %d as id", i)
	}
	s := newShop(t, files)
	refused := &refusing{Conn: s.conn, wait: 300 * time.Millisecond}
	r, err := run.Apply(context.Background(), s.plan(nil), refused, run.Options{Jobs: 4, RunID: "run1", Now: time.Now, Dir: s.dir})
	if err != nil || !r.OK() {
		t.Fatal(err, outcome(r))
	}
	tm := r.Timing
	if tm.Bursts != 1 || tm.Waiting[schedule.BackOff] < 4*refused.wait {
		t.Errorf("%d bursts, %v waited", tm.Bursts, tm.Waiting)
	}
	// The first four begin together, and the first statement of any of them is refused.
	for _, step := range tm.Steps {
		if step.Start != 0 && step.Start < refused.wait {
			t.Errorf("%s begins at %v, within the pause", step.Node, step.Start)
		}
	}
}

// refusing is a connection that once asks for less.
type refusing struct {
	warehouse.Conn
	once sync.Once
	wait time.Duration
}

func (c *refusing) Begin(ctx context.Context) (warehouse.Tx, error) {
	return warehouse.Begin(ctx, c.Conn)
}

func (c *refusing) Exec(ctx context.Context, s warehouse.Statement) (warehouse.JobStats, error) {
	if warehouse.JobOf(ctx).Node != (addr.Node{}) {
		c.once.Do(func() {
			warehouse.Throttled(ctx, warehouse.Retry{At: time.Now(), Reason: "rateLimitExceeded", Wait: c.wait})
		})
	}
	return c.Conn.Exec(ctx, s)
}

// TestPredict: learned durations first, then bytes at the speed of what was learned, then
// the median of the kind.
func TestPredict(t *testing.T) {
	node := func(name string) addr.Node { return addr.Node{Kind: addr.Model, Name: name} }
	act := func(name, kind string, millis, bytes int64, deps ...string) *plan.Action {
		a := &plan.Action{Node: node(name), Verb: plan.Replace, Materialized: kind, Millis: millis}
		if bytes > 0 {
			a.Last = &plan.Spent{Bytes: bytes, Billed: bytes}
		}
		for _, d := range deps {
			a.Deps = append(a.Deps, node(d))
		}
		return a
	}
	const mib = 1 << 20
	p := &plan.Plan{Actions: []*plan.Action{
		act("a", "table", 4000, 4*mib), // 1 s per MiB
		act("b", "table", 0, 9*mib, "a"),
		act("c", "view", 100, 0),
		act("d", "view", 300, 0),
		act("e", "view", 0, 0, "b", "gone"),
		act("f", "snapshot", 0, 0),
	}}
	got := run.Predict(p, 2)
	want := run.Forecast{
		Makespan: 13100 * time.Millisecond, Critical: 13100 * time.Millisecond, Work: (4000 + 9000 + 100 + 300 + 100 + 300) * time.Millisecond, Jobs: 2, Guessed: 3, Actions: 6,
		Path: []run.ForecastStep{{Node: node("a"), Took: 4 * time.Second}, {Node: node("b"), Took: 9 * time.Second, Guessed: true}, {Node: node("e"), Took: 100 * time.Millisecond, Guessed: true}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// A dry run knows better what will be read this time.
	p.Cost = &plan.Cost{Actions: []plan.Estimate{{Node: node("b"), Basis: plan.DryRun, Bytes: 2 * mib}, {Node: node("e"), Basis: plan.Unknown, Bytes: 99 * mib}}}
	if got := run.Predict(p, 1); got.Makespan != 6800*time.Millisecond {
		t.Errorf("with what a dry run says: %v", got.Makespan)
	}
	// Sizes that cannot be do no harm.
	p.Cost.Actions[0].Bytes = 1 << 62
	if got := run.Predict(p, 1); got.Makespan <= 0 || got.Makespan > 2*time.Hour {
		t.Errorf("with a size that cannot be: %v", got.Makespan)
	}
	if got := run.Predict(&plan.Plan{}, 0); got.Makespan != 0 || got.Jobs != 1 {
		t.Errorf("nothing to do: %+v", got)
	}
	p.Actions[0].Deps = []addr.Node{node("e")}
	if got := run.Predict(p, 2); got.Makespan != 0 {
		t.Errorf("a circle takes %v", got.Makespan)
	}
	if _, err := run.Apply(context.Background(), p, &refusing{}, run.Options{Jobs: 2, Now: time.Now, Frozen: true}); err == nil || !strings.Contains(err.Error(), "in a circle") {
		t.Errorf("a circle is applied: %v", err)
	}
}

package run_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/internal/metered"
)

// newMetered is a shop on a warehouse that charges for reading.
func newMetered(t *testing.T, files map[string]string) (*shop, *metered.Meter) {
	t.Helper()
	s := newShop(t, files)
	s.conn.Close()
	meter := &metered.Meter{Price: warehouse.Price{PerTiB: 1 << 20, Currency: "EUR"}} // one row, one euro
	s.options.Drivers = []warehouse.Driver{metered.Driver{Meter: meter}}
	conn, err := engine.Open(context.Background(), s.compile(), s.options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	s.conn = conn
	return s, meter
}

// priced is a seed of three rows, a table over it with two tests, a view and a table over that.
var priced = map[string]string{
	"seeds/raw.csv":    "id\n1\n2\n3\n",
	"models/a.sql":     "{{ config \"materialized\" \"table\" }}select id from {{ ref \"raw\" }} where id < 3",
	"models/v.sql":     "select id from {{ ref \"a\" }}",
	"models/b.sql":     "{{ config \"materialized\" \"table\" }}select id from {{ ref \"v\" }}",
	"models/props.yml": "models:\n  - name: a\n    columns: [{name: id, data_tests: [unique, not_null]}]\n",
}

func estimates(c *plan.Cost) []string {
	var out []string
	line := func(name string, e plan.Estimate) {
		text := fmt.Sprintf("%s %s %d rows %.0f", name, e.Basis, e.Bytes/metered.RowBytes, e.Amount)
		if e.Why != "" {
			text += ": " + e.Why
		}
		out = append(out, text)
	}
	for _, e := range c.Actions {
		line(e.Node.Name, e)
	}
	if c.Hooks != nil {
		line("hooks", *c.Hooks)
	}
	return append(out, fmt.Sprintf("sum %d rows %.0f %s, %d unknown", c.Bytes/metered.RowBytes, c.Amount, c.Currency, c.Unknown))
}

func (s *shop) estimate(pl *plan.Plan) *plan.Cost {
	s.t.Helper()
	cost, list, err := run.Estimate(context.Background(), pl, s.conn, 4, nil)
	if err != nil || len(list) > 0 {
		s.t.Fatal(err, list)
	}
	return cost
}

// spendings writes what every node and test took.
func spendings(r *run.Result) []string {
	var out []string
	for _, n := range r.Nodes {
		out = append(out, fmt.Sprintf("%s %d", n.Node.Name, n.Usage.Billed/metered.RowBytes))
		for _, t := range n.Tests {
			out = append(out, fmt.Sprintf("  %s %d", t.ID.Name, t.Usage.Billed/metered.RowBytes))
		}
	}
	return append(out, fmt.Sprintf("all %d", r.Usage().Billed/metered.RowBytes))
}

// TestEstimate: from nothing, after a build, and after a change; the estimate of what is
// there is what the run is billed for.
func TestEstimate(t *testing.T) {
	s, _ := newMetered(t, priced)
	diff := func(want, got []string) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	first := s.plan(nil)
	diff([]string{
		"raw nothing 0 rows 0",
		"a unknown 0 rows 0: its tests read it, and it is not built yet",
		"v nothing 0 rows 0",
		"b unknown 0 rows 0: v is not built yet",
		"sum 0 rows 0 EUR, 2 unknown",
	}, estimates(s.estimate(first)))

	r := s.build(nil)
	diff([]string{"raw 0", "a 3", "  not_null_a_id 2", "  unique_a_id 2", "v 0", "b 2", "all 9"}, spendings(r))

	all := func(sel *plan.Selection) { sel.Force = true }
	again := s.plan(all)
	diff([]string{
		"raw nothing 0 rows 0",
		"a dry_run 7 rows 7",
		"v nothing 0 rows 0",
		"b dry_run 2 rows 2",
		"sum 9 rows 9 EUR, 0 unknown",
	}, estimates(s.estimate(again)))
	if got, want := s.estimate(again), s.estimate(again); !cmp.Equal(got, want) {
		t.Error("two estimates differ")
	}

	// A new model on a changed one: its column is not there yet.
	s.write(map[string]string{
		"models/a.sql": "{{ config \"materialized\" \"table\" }}select id, 1 as more from {{ ref \"raw\" }} where id < 3",
		"models/b.sql": "{{ config \"materialized\" \"table\" }}select id, more from {{ ref \"a\" }}",
		"models/c.sql": "{{ config \"materialized\" \"table\" }}select more from {{ ref \"a\" }}",
	})
	diff([]string{
		"a dry_run 7 rows 7",
		"b last_run 2 rows 2: a will have changed by then",
		"c unknown 0 rows 0: a will have changed by then",
		"v nothing 0 rows 0",
		"sum 9 rows 9 EUR, 1 unknown",
	}, estimates(s.estimate(s.plan(nil))))

	// JSON keeps the estimate.
	pl := s.plan(nil)
	pl.Cost = s.estimate(pl)
	text, err := pl.JSON()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := plan.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(pl.Cost, parsed.Cost); diff != "" {
		t.Error(diff)
	}
}

// TestEstimateFindsWhatIsWrong: a statement that nothing in the plan could mend.
func TestEstimateFindsWhatIsWrong(t *testing.T) {
	s, _ := newMetered(t, map[string]string{
		"models/src.yml": "sources: [{name: app, schema: dev, tables: [{name: lost}]}]",
		"models/m.sql":   "{{ config \"materialized\" \"table\" }}\nselect id from {{ source \"app\" \"lost\" }}",
	})
	_, list, err := run.Estimate(context.Background(), s.plan(nil), s.conn, 1, nil)
	if err != nil || len(list) != 1 || list[0].At.File == nil || list[0].At.File.Path != "models/m.sql" {
		t.Errorf("%v: %+v", err, list)
	}
	plain := newShop(t, map[string]string{"models/m.sql": "select 1 as id"})
	if _, _, err := run.Estimate(context.Background(), plain.plan(nil), plain.conn, 1, nil); !errors.Is(err, warehouse.ErrUnsupported) {
		t.Errorf("DuckDB says %v", err)
	}
}

func TestBudget(t *testing.T) {
	s, _ := newMetered(t, priced)
	first := s.plan(nil)
	unknown := s.estimate(first)
	s.build(nil)
	pl := s.plan(func(sel *plan.Selection) { sel.Force = true })
	cost := s.estimate(pl)
	rows := func(n float64) plan.Limit { return plan.Limit{Max: n * metered.RowBytes, From: "--max-bytes 8MiB"} }
	limited := s.plan(func(sel *plan.Selection) { sel.Force = true })
	for _, a := range limited.Actions {
		if a.Node.Name == "a" {
			a.Limits.MaxBytes = 2 * metered.RowBytes
		}
	}
	for _, c := range []struct {
		name   string
		budget plan.Budget
		plan   *plan.Plan
		cost   *plan.Cost
		want   []string
	}{
		{"none", plan.Budget{}, pl, cost, nil},
		{"enough", plan.Budget{Bytes: rows(9)}, pl, cost, nil},
		{"too much", plan.Budget{Bytes: rows(8)}, pl, cost, []string{
			"the run would be billed for 9.0 MiB, 9.00 EUR, more than --max-bytes 8MiB allows: nothing was sent [budget-exceeded]", "a 7.0 MiB, 7.00 EUR (dry run)", "b 2.0 MiB, 2.00 EUR (dry run)"}},
		{"money", plan.Budget{Amount: plan.Limit{Max: 8.5, From: "--max-cost 8.5"}}, pl, cost, []string{
			"the run would be billed for 9.0 MiB, 9.00 EUR, more than --max-cost 8.5 allows: nothing was sent [budget-exceeded]", "a 7.0 MiB, 7.00 EUR (dry run)", "b 2.0 MiB, 2.00 EUR (dry run)"}},
		{"unknown", plan.Budget{Bytes: rows(8)}, first, unknown, []string{
			"what 2 of 4 nodes cost is not known, so --max-bytes 8MiB cannot be kept: nothing was sent [cost-unknown]", "a: its tests read it, and it is not built yet", "b: v is not built yet"}},
		{"unknown allowed", plan.Budget{Bytes: rows(8), AllowUnknown: true}, first, unknown, nil},
		{"one statement", plan.Budget{}, limited, cost, []string{`a statement of "a" would be billed for 3.0 MiB, and its maximum_bytes_billed allows 2.0 MiB: nothing was sent [budget-exceeded]`}},
	} {
		var got []string
		for _, d := range c.budget.Check(c.plan, c.cost) {
			got = append(append(got, d.Message+" ["+string(d.Code)+"]"), d.Notes...)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	if got := (plan.Budget{Bytes: rows(8), Amount: plan.Limit{Max: 2}}).MaxBilled(warehouse.Price{PerTiB: 1 << 20}); got != 2*metered.RowBytes {
		t.Errorf("the stronger limit is %d", got)
	}
}

// TestRunEndsWithItsBudget: nothing is sent once the budget is used up, what was begun is
// not published, and the next run does the rest.
func TestRunEndsWithItsBudget(t *testing.T) {
	for _, c := range []struct {
		name string
		most int64 // rows
		want []string
		all  int64
	}{
		// 3 for a, twice 2 for its tests; nothing is left for the others.
		{"used up", 7, []string{"raw done", "a done", "  not_null_a_id done", "  unique_a_id done", "v done", "b errored (budget-spent)"}, 7},
		// What is left is the limit of the next statement, and the warehouse refuses it.
		{"not enough left", 8, []string{"raw done", "a done", "  not_null_a_id done", "  unique_a_id done", "v done", "b errored (sql-refused)"}, 7},
		{"within a test", 5, []string{"raw done", "a failed", "  not_null_a_id done", "  unique_a_id errored", "v skipped because of a", "b skipped because of a"}, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := newMetered(t, priced)
			r := s.build(func(o *run.Options) { o.Jobs, o.MaxBilled = 1, c.most*metered.RowBytes })
			want(t, r, c.want...)
			if got := r.Usage().Billed / metered.RowBytes; got != c.all {
				t.Errorf("billed %d", got)
			}
			if !s.build(nil).OK() {
				t.Error("the rest cannot be built")
			}
			want(t, s.build(nil))
		})
	}
}

// TestJobsAreNamed: every statement of a node says whose it is and what bounds it.
func TestJobsAreNamed(t *testing.T) {
	s, meter := newMetered(t, priced)
	pl := s.plan(nil)
	for _, a := range pl.Actions {
		a.Limits = plan.Limits{MaxBytes: 100 * metered.RowBytes, Timeout: time.Minute, Priority: "batch", Reservation: "r", Labels: map[string]string{"team": a.Node.Name}}
	}
	meter.Forget()
	if _, err := s.apply(context.Background(), pl, nil); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, j := range meter.Jobs() {
		if j.Run != "run1" || j.Project != "shop" || j.Target != "dev" {
			t.Errorf("whose is %s? %+v", j.SQL, j.Job)
		}
		seen[j.Node.Name] = true
		if !j.Node.IsZero() && (j.Timeout != time.Minute || j.Priority != "batch" || j.Reservation != "r" || j.Labels["team"] != j.Node.Name || j.MaxBytes != 100*metered.RowBytes) {
			t.Errorf("limits of %s: %+v", j.SQL, j.Job)
		}
		if strings.Contains(j.SQL, "node_builds") && !j.Node.IsZero() {
			t.Errorf("a record belongs to %s", j.Node)
		}
	}
	for _, name := range []string{"", "raw", "a", "v", "b"} {
		if !seen[name] {
			t.Errorf("no statement of %q", name)
		}
	}
}

// TestFewStatements: what a build sends, one job a line. On a warehouse where each is a
// second, this is its time.
func TestFewStatements(t *testing.T) {
	s, meter := newMetered(t, priced)
	s.build(nil)
	meter.Forget()
	s.write(map[string]string{"models/a.sql": "{{ config \"materialized\" \"table\" }}select id from {{ ref \"raw\" }} where id < 2"})
	s.build(func(o *run.Options) { o.Jobs = 1 })
	var got []string
	builds := 0
	for _, j := range meter.Jobs() {
		if j.Run == "" {
			continue // of the plan
		}
		if strings.HasPrefix(j.SQL, `insert into "_engine"."node_builds"`) {
			// Records are taken back while the nodes are built, one or several at once.
			if builds++; builds < 4 {
				continue
			}
		}
		line, _, _ := strings.Cut(strings.TrimSpace(j.SQL), "\n")
		words := strings.Fields(line)
		got = append(got, strings.TrimSpace(j.Node.Name+" "+strings.Join(words[:min(4, len(words))], " ")))
	}
	slices.Sort(got[max(0, len(got)-2):]) // the outcomes of tests and the run are recorded side by side
	if diff := cmp.Diff([]string{
		`a create table "dev"."_engine_new__a" as`,
		`a select count(*) as t0`,
		`a select count(*) as t0`,
		`a drop table "dev"."a"`,
		`a alter table "dev"."_engine_new__a" rename`,
		`v create view "dev"."_engine_new__v" as`,
		`v drop view "dev"."v"`,
		`v alter view "dev"."_engine_new__v" rename`,
		`b create table "dev"."_engine_new__b" as`,
		`b drop table "dev"."b"`,
		`b alter table "dev"."_engine_new__b" rename`,
		`insert into "_engine"."definitions" ("scope",`,
		`insert into "_engine"."node_builds" ("scope",`,
		`insert into "_engine"."test_outcomes" ("scope",`,
		`insert into "_engine"."runs" ("scope",`,
		`insert into "_engine"."test_history" ("scope",`,
	}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestRecordLostAfterPublication: the run dies after a node is published and before its
// record is written. The next build does it again, and its children with it.
func TestRecordLostAfterPublication(t *testing.T) {
	for _, c := range []struct {
		name   string
		change map[string]string
		back   map[string]string // what is written before the next build
		sel    func(*plan.Selection)
	}{
		{"changed", map[string]string{"models/a.sql": "{{ config \"materialized\" \"table\" }}select id + 10 as id from {{ ref \"raw\" }}"}, nil, nil},
		// The record of the build before would be true again, and the table is another one.
		{"taken back", map[string]string{"models/a.sql": "{{ config \"materialized\" \"table\" }}select id + 10 as id from {{ ref \"raw\" }}"}, map[string]string{"models/a.sql": priced["models/a.sql"]}, nil},
		{"forced", nil, nil, func(sel *plan.Selection) {
			sel.Force = true
			sel.Nodes = map[addr.Node]bool{{Kind: addr.Model, Name: "a"}: true}
			sel.Tests = nil
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, meter := newMetered(t, priced)
			s.build(nil)
			s.write(c.change)
			killed := errors.New("killed")
			var dead, published bool
			meter.Before = func(j warehouse.Job, stmt warehouse.Statement) error {
				if dead || published && strings.Contains(stmt.SQL, "node_builds") && strings.HasPrefix(strings.ToLower(stmt.SQL), "insert") {
					dead = true
					return killed
				}
				if j.Node.Name == "a" && strings.Contains(strings.ToLower(stmt.SQL), "rename") {
					published = true
				}
				return nil
			}
			r, err := s.apply(context.Background(), s.plan(c.sel), func(o *run.Options) { o.Jobs = 1 })
			if err != nil || !dead {
				t.Fatalf("the run did not come to its end: %v, dead %v", err, dead)
			}
			if !slices.ContainsFunc(r.Diags, func(d diag.Diagnostic) bool { return d.Code == "state-not-written" }) {
				t.Errorf("the lost records are not mentioned: %v", r.Diags)
			}
			meter.Before = nil
			s.write(c.back)
			var verbs []string
			for _, a := range s.plan(nil).Actions {
				verbs = append(verbs, string(a.Verb)+" "+a.Node.Name)
			}
			// Where a becomes what it was, b may still hold just that.
			if !slices.Contains(verbs, "replace a") || c.back == nil && !slices.Contains(verbs, "replace b") {
				t.Errorf("the next plan is %v", verbs)
			}
			if r := s.build(nil); !r.OK() {
				t.Errorf("%v", outcome(r))
			}
			if diff := cmp.Diff(s.rows("select id from dev.a"), s.rows("select id from dev.b")); diff != "" {
				t.Error(diff)
			}
			want(t, s.build(nil))
		})
	}
}

// TestRecordsDoNotWaitForSlowNodes: what is published is recorded while others run, so that
// little is lost with a process that dies.
func TestRecordsDoNotWaitForSlowNodes(t *testing.T) {
	s, meter := newMetered(t, map[string]string{
		"models/quick.sql": "{{ config \"materialized\" \"table\" }}select 1 as id",
		"models/slow.sql":  "{{ config \"materialized\" \"table\" }}select id from {{ ref \"quick\" }}",
	})
	written := make(chan struct{})
	var once sync.Once
	meter.Before = func(j warehouse.Job, stmt warehouse.Statement) error {
		if j.Run == "" {
			return nil
		}
		if strings.HasPrefix(strings.ToLower(stmt.SQL), "insert") && strings.Contains(stmt.SQL, "node_builds") && strings.Contains(stmt.SQL, "model.quick") {
			once.Do(func() { close(written) })
		}
		if j.Node.Name != "slow" {
			return nil
		}
		select {
		case <-written:
			return nil
		case <-time.After(time.Minute):
			return errors.New("the record of the other node waits for this one")
		}
	}
	want(t, s.build(nil), "quick done", "slow done")
}

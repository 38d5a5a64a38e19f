package engine_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/bigquery"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/engine/warehouse/postgres"
	"github.com/engine-build/engine/internal/testpeer/bqpeer"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// planTogether plans to publish everything in one step.
func (b *bench) planTogether(p *compile.Program, c warehouse.Conn) *plan.Plan {
	b.t.Helper()
	ctx := context.Background()
	snapshot, err := engine.Snapshot(ctx, p, c)
	if err != nil {
		b.t.Fatal(err)
	}
	sel := everything(p)
	pl, ds, err := engine.PlanOn(ctx, p, c, snapshot, sel)
	if err != nil {
		b.t.Fatal(err)
	}
	b.noErrors(ds)
	together, ds, err := engine.Together(ctx, pl, p, c, snapshot, sel, b.opts)
	if err != nil {
		b.t.Fatal(err)
	}
	b.noErrors(ds)
	return together
}

// buildTogether publishes everything in one step; it fails the test unless all is right.
func (b *bench) buildTogether(jobs int) *run.Result {
	b.t.Helper()
	p := b.compile()
	c := b.open(p)
	defer c.Close()
	r := b.apply(b.planTogether(p, c), c, jobs)
	b.succeeded(r)
	return r
}

func (b *bench) succeeded(r *run.Result) {
	b.t.Helper()
	if r.OK() {
		return
	}
	b.noErrors(r.Diags)
	for _, n := range r.Nodes {
		b.noErrors(n.Diags)
		for _, t := range n.Tests {
			b.noErrors(t.Diags)
		}
	}
	b.t.Fatal("the build failed without a diagnostic")
}

// Publishing by run gives the tables of publishing by node, over a history of changes, and
// leaves nothing to do for either.
func TestPublishingTogetherEqualsNodeByNode(t *testing.T) {
	eachProject(t, 6, func(t *testing.T, project files, r *rand.Rand) {
		one, all := newBench(t, project), newBench(t, project)
		one.build(2, nil)
		all.buildTogether(4)
		var models []string
		for name := range project {
			if strings.HasPrefix(name, "models/m") && strings.HasSuffix(name, ".sql") {
				models = append(models, name)
			}
		}
		slices.Sort(models)
		for range 3 {
			n := strings.Count(project["seeds/raw.csv"], "\n") - 1
			project["seeds/raw.csv"] += strings.TrimPrefix(seedRows(n, n+1+r.IntN(10)), "id,grp,val\n")
			if name := models[r.IntN(len(models))]; !strings.Contains(project[name], "incremental") {
				project[name] = onlyOneLimit(project[name] + "\nlimit 1000000")
			}
			project.write(t, one.dir)
			project.write(t, all.dir)
			one.build(2, nil)
			all.buildTogether(4)
			if diff := cmp.Diff(one.dump(), all.dump()); diff != "" {
				t.Fatalf("publishing together gave other tables (-node +run):\n%s", diff)
			}
		}
		p := all.compile()
		c := all.open(p)
		defer c.Close()
		apart, ds, err := engine.Plan(context.Background(), p, c, everything(p))
		if err != nil {
			t.Fatal(err)
		}
		all.noErrors(ds)
		for _, pl := range []*plan.Plan{all.planTogether(p, c), apart} {
			for _, a := range pl.Actions {
				t.Errorf("%s would be built again: %v", a.Node, a.Reasons)
			}
			if len(pl.Orphans) > 0 {
				t.Errorf("left behind: %v", pl.Orphans)
			}
		}
	})
}

// newServer is a project on PostgreSQL.
func newServer(t *testing.T, f files, settings string) *bench {
	t.Helper()
	s := pg.Shared(t)
	fields := s.Fields(s.Database(t))
	target := "name: shop\ndialect: postgres\n" + settings + "targets:\n  server:\n    type: postgres\n    schema: dev\n"
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		target += fmt.Sprintf("    %s: %q\n", k, fields[k])
	}
	f["engine.yml"] = target
	b := newBench(t, f)
	b.opts.Drivers = []warehouse.Driver{duckdb.Driver{}, postgres.Driver{}}
	return b
}

func (b *bench) exec(c warehouse.Conn, sql ...string) {
	b.t.Helper()
	for _, text := range sql {
		if _, err := c.Exec(context.Background(), warehouse.Statement{SQL: text}); err != nil {
			b.t.Fatalf("%s: %v", text, err)
		}
	}
}

func (b *bench) values(c warehouse.Conn, sql string) []string {
	b.t.Helper()
	out, err := valuesOf(c, sql)
	if err != nil {
		b.t.Fatalf("%s: %v", sql, err)
	}
	return out
}

func valuesOf(c warehouse.Conn, sql string) ([]string, error) {
	rows, err := c.Query(context.Background(), warehouse.Statement{SQL: sql})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return nil, err
		}
		out = append(out, strings.TrimSuffix(fmt.Sprintln(v...), "\n"))
	}
	return out, rows.Err()
}

// Somebody who joins relations while runs are published sees those of one run, whichever.
func TestReadersOnPostgresNeverSeeAMix(t *testing.T) {
	f := files{
		"seeds/raw.csv":      "id,n\n1,0\n2,0\n",
		"models/a.sql":       `{{ config "materialized" "table" }} select id, n from {{ ref "raw" }}`,
		"models/v.sql":       `select id, n from {{ ref "a" }}`,
		"models/b.sql":       `{{ config "materialized" "table" }} select id, n from {{ ref "v" }}`,
		"models/inc.sql":     `{{ config "materialized" "incremental" "unique_key" "id" }} select id, n from {{ ref "b" }}`,
		"models/m.sql":       `{{ config "materialized" "materialized_view" }} select id, n from {{ ref "b" }}`,
		"models/props.yml":   "version: 2\nmodels:\n  - name: b\n    columns: [{name: n, data_tests: [not_null]}]\n",
		"tests/together.sql": `select 1 from {{ ref "a" }} as a join {{ ref "inc" }} as i on i.id = a.id where a.n <> i.n`,
	}
	b := newServer(t, f, "")
	b.buildTogether(2)
	p := b.compile()
	reader := b.open(p)
	defer reader.Close()
	b.exec(reader, "create schema outside", "create view outside.theirs as select id, n from dev.b")
	var done atomic.Bool
	var reads, waited atomic.Int64
	var wait sync.WaitGroup
	for _, query := range []string{
		"select distinct a.n, b.n, i.n, v.n, m.n from dev.a as a join dev.b as b using (id) join dev.inc as i using (id) join dev.v as v using (id) join dev.m as m using (id)",
		"select distinct m.n, i.n, b.n, a.n, t.n from dev.m as m join dev.inc as i using (id) join dev.b as b using (id) join dev.a as a using (id) join outside.theirs as t using (id)",
	} {
		wait.Go(func() {
			for !done.Load() {
				start := time.Now()
				got, err := valuesOf(reader, query)
				if err != nil {
					t.Errorf("a reader was turned away: %v", err)
					return
				}
				if took := time.Since(start).Milliseconds(); took > waited.Load() {
					waited.Store(took)
				}
				reads.Add(1)
				if len(got) != 1 {
					t.Errorf("a reader saw a mix: %v", got)
					return
				}
				if n := strings.Fields(got[0]); len(slices.Compact(n)) != 1 {
					t.Errorf("a reader saw a mix: %v", got)
					return
				}
			}
		})
	}
	for n := range 6 {
		files{"seeds/raw.csv": fmt.Sprintf("id,n\n1,%d\n2,%d\n", n+1, n+1)}.write(t, b.dir)
		b.buildTogether(2)
	}
	// A long reader keeps its locks: the publication lets others by, and comes through later.
	holder, err := warehouse.Begin(context.Background(), reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := valuesOf(holder, "select * from dev.b"); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(2500*time.Millisecond, func() { holder.Close() })
	files{"seeds/raw.csv": "id,n\n1,100\n2,100\n"}.write(t, b.dir)
	b.buildTogether(2)
	done.Store(true)
	wait.Wait()
	if got := b.values(reader, "select distinct n from outside.theirs"); !slices.Equal(got, []string{"100"}) {
		t.Errorf("somebody else's view reads %v", got)
	}
	if got := b.values(reader, "select pg_get_viewdef('dev.v'::regclass)"); strings.Contains(got[0], "_engine_new") {
		t.Errorf("the view is defined by names that are gone: %s", got)
	}
	if n := reads.Load(); n < 50 {
		t.Errorf("only %d reads", n)
	}
	t.Logf("%d reads; the longest took %d ms", reads.Load(), waited.Load())
}

// An incremental table that is changed on a copy keeps what it has beside its rows.
func TestCopiesOnPostgresAreWhole(t *testing.T) {
	f := files{
		"seeds/raw.csv":    "id,n\n1,10\n2,20\n",
		"models/p.sql":     `{{ config "materialized" "table" }} select id, n from {{ ref "raw" }}`,
		"models/inc.sql":   "{{ config \"materialized\" \"incremental\" \"unique_key\" \"id\" }} select id, n from {{ ref \"p\" }}\n{{ if is_incremental }}where n >= (select max(n) from {{ this }}){{ end }}",
		"models/props.yml": "version: 2\nmodels:\n  - name: inc\n    config:\n      indexes: [{columns: [n]}]\n    constraints: [{type: primary_key, columns: [id]}, {type: check, name: positive, expression: \"n > 0\"}]\n",
	}
	b := newServer(t, f, "keep_previous: 5\n")
	b.buildTogether(2)
	p := b.compile()
	c := b.open(p)
	defer c.Close()
	b.exec(c, "create index by_hand on dev.inc (n, id) where n > 5", "alter table dev.inc alter column n set default 7", "comment on column dev.inc.n is 'said by hand'", "alter table dev.inc set (fillfactor = 70)", "grant select on dev.inc to public")
	describe := func() []string {
		return slices.Concat(
			b.values(c, "select indexdef from pg_indexes where schemaname = 'dev' and tablename = 'inc' order by 1"),
			b.values(c, "select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = 'dev.inc'::regclass order by 1"),
			b.values(c, "select column_name, column_default, is_nullable, col_description('dev.inc'::regclass, ordinal_position) from information_schema.columns where table_schema = 'dev' and table_name = 'inc' order by ordinal_position"),
			b.values(c, "select array_to_string(reloptions, ','), array_to_string(relacl, ',') from pg_class where oid = 'dev.inc'::regclass"),
		)
	}
	want := describe()
	files{"seeds/raw.csv": "id,n\n1,10\n2,25\n3,30\n"}.write(t, b.dir)
	for _, how := range []string{"run", "node"} {
		if how == "run" {
			b.buildTogether(2)
		} else {
			files{"seeds/raw.csv": "id,n\n1,10\n2,25\n3,30\n4,40\n"}.write(t, b.dir)
			b.build(2, nil)
		}
		if diff := cmp.Diff(want, describe()); diff != "" {
			t.Errorf("published by %s the table is another one (-before +after):\n%s", how, diff)
		}
	}
	if got := b.values(c, "select id, n from dev.inc order by 1"); !slices.Equal(got, []string{"1 10", "2 25", "3 30", "4 40"}) {
		t.Errorf("rows are %v", got)
	}
	// Two versions are kept, with names of their own; going back gives the table its own.
	b.rollback(c, p)
	if diff := cmp.Diff(want, describe()); diff != "" {
		t.Errorf("after a rollback the table is another one (-before +after):\n%s", diff)
	}
	if got := b.values(c, "select id, n from dev.inc order by 1"); !slices.Equal(got, []string{"1 10", "2 25", "3 30"}) {
		t.Errorf("after a rollback the rows are %v", got)
	}
}

// rollback takes the last run back.
func (b *bench) rollback(c warehouse.Conn, p *compile.Program) {
	b.t.Helper()
	pl, cannot, _, err := engine.Rollback(context.Background(), p, c, "last", nil)
	if err != nil || len(pl.Actions) == 0 || slices.ContainsFunc(cannot, func(u plan.Unrestorable) bool { return !u.Stays }) {
		b.t.Fatal(pl, cannot, err)
	}
	b.succeeded(b.apply(pl, c, 2))
}

// A view whose columns change goes back with the table that it reads, and tables with
// foreign keys between them are replaced together.
func TestViewsAndKeysOnPostgres(t *testing.T) {
	f := files{
		"seeds/raw.csv":    "id,n\n1,10\n2,20\n",
		"models/a.sql":     `{{ config "materialized" "table" }} select id, n from {{ ref "raw" }}`,
		"models/v.sql":     `select id, n from {{ ref "a" }}`,
		"models/w.sql":     `select id, n from {{ ref "v" }}`,
		"models/x.sql":     `{{ config "materialized" "table" "keep_previous" "0" }} select id from {{ ref "raw" }}`,
		"models/y.sql":     `{{ config "materialized" "table" }} select id from {{ ref "raw" }}`,
		"models/props.yml": "version: 2\nmodels:\n  - name: x\n    constraints: [{type: primary_key, columns: [id]}]\n  - name: y\n    constraints: [{type: foreign_key, columns: [id], to: ref('x'), to_columns: [id]}]\n",
	}
	b := newServer(t, f, "keep_previous: 7d\n")
	b.buildTogether(2)
	files{
		"seeds/raw.csv": "id,n\n1,10\n2,20\n3,30\n",
		"models/a.sql":  `{{ config "materialized" "table" }} select id, n as other from {{ ref "raw" }}`,
		"models/v.sql":  `select other, id from {{ ref "a" }}`,
		"models/w.sql":  `select id, other * 2 as twice from {{ ref "v" }}`,
	}.write(t, b.dir)
	p := b.compile()
	c := b.open(p)
	defer c.Close()
	if _, ds, err := engine.Plan(context.Background(), p, c, everything(p)); err != nil || !slices.ContainsFunc(ds, func(d diag.Diagnostic) bool { return d.Code == "version-not-kept" && d.Model.Name == "y" }) {
		t.Errorf("it is not said that y is not kept: %v, %v", ds, err)
	}
	b.buildTogether(2)
	if got := b.values(c, "select id, twice from dev.w order by 1"); !slices.Equal(got, []string{"1 20", "2 40", "3 60"}) {
		t.Errorf("w is %v", got)
	}
	if got := b.values(c, "select conrelid::regclass || ' ' || confrelid::regclass from pg_constraint where contype = 'f'"); !slices.Equal(got, []string{"dev.y dev.x"}) {
		t.Errorf("foreign keys: %v", got)
	}
	snapshot, err := engine.Snapshot(context.Background(), p, c)
	if err != nil {
		t.Fatal(err)
	}
	if len(snapshot.Kept) != 4 {
		t.Errorf("kept are %v", snapshot.Kept)
	}
	pl, cannot, _, err := engine.Rollback(context.Background(), p, c, "last", nil)
	if err != nil || len(cannot) != 2 {
		t.Fatal(cannot, err)
	}
	b.succeeded(b.apply(pl, c, 2))
	if got := b.values(c, "select id, n from dev.w order by 1"); !slices.Equal(got, []string{"1 10", "2 20"}) {
		t.Errorf("after the rollback w is %v", got)
	}
	// What reads the kept table by another name would keep it from going.
	if got := b.values(c, "select relname from pg_class where relname like '\\_engine\\_old%' and relkind = 'r'"); len(got) != 2 {
		t.Errorf("kept are %v", got)
	}
}

// dying is a connection to a warehouse that ends in the middle of a publication.
type dying struct {
	warehouse.Conn
	left *atomic.Int64 // swaps until then
}

var errDied = errors.New("the process died")

func (d dying) Perform(ctx context.Context, op warehouse.Op) (warehouse.JobStats, warehouse.Statement, bool, error) {
	if d.left.Load() < 0 {
		return warehouse.JobStats{}, warehouse.Statement{}, true, errDied
	}
	if _, ok := op.(warehouse.Swap); ok && d.left.Add(-1) < 0 {
		return warehouse.JobStats{}, warehouse.Statement{}, true, errDied
	}
	return d.Conn.(warehouse.Performer).Perform(ctx, op)
}

func (d dying) Exec(ctx context.Context, s warehouse.Statement) (warehouse.JobStats, error) {
	if d.left.Load() < 0 {
		return warehouse.JobStats{}, errDied
	}
	return d.Conn.Exec(ctx, s)
}

func (d dying) Definition(ctx context.Context, rel addr.Relation) (string, error) {
	return warehouse.Definition(ctx, d.Conn, rel)
}

// On BigQuery a publication takes several jobs. A run that dies between them is completed by
// the next one, to the same relations and records.
func TestPublicationOnBigQueryIsCompleted(t *testing.T) {
	emulator := bqpeer.Start(t)
	f := files{
		"engine.yml":     "name: shop\nkeep_previous: 3\ntargets:\n  bigquery: {type: bigquery, schema: dev, project: " + emulator.Project + ", location: EU, api_endpoint: \"" + emulator.URL + "\"}\n",
		"seeds/raw.csv":  "id,n\n1,1\n2,1\n",
		"models/a.sql":   `{{ config "materialized" "table" }} select id, n from {{ ref "raw" }}`,
		"models/v.sql":   `select id, n from {{ ref "a" }}`,
		"models/b.sql":   `{{ config "materialized" "table" }} select id, n from {{ ref "v" }}`,
		"models/inc.sql": "{{ config \"materialized\" \"incremental\" \"unique_key\" \"id\" }} select id, n from {{ ref \"b\" }}",
	}
	b := newBench(t, f)
	b.opts.Drivers = []warehouse.Driver{duckdb.Driver{}, bigquery.Driver{}}
	b.buildTogether(2)
	ctx := context.Background()
	n := 1
	for _, after := range []int64{0, 3} {
		n++
		files{"seeds/raw.csv": fmt.Sprintf("id,n\n1,%d\n2,%d\n", n, n)}.write(t, b.dir)
		p := b.compile()
		c := b.open(p)
		left := &atomic.Int64{}
		left.Store(after)
		b.runs++
		died := fmt.Sprintf("run%d", b.runs)
		r, err := engine.Apply(ctx, b.planTogether(p, c), dying{c, left}, run.Options{Jobs: 1, RunID: died, Now: time.Now, Dir: b.dir})
		c.Close()
		if err == nil && r.OK() {
			t.Fatalf("the run did not die after %d swaps", after)
		}
		// Another process: it sees what was begun, completes it, and has nothing left to do.
		c = b.open(p)
		snapshot, err := engine.Snapshot(ctx, p, c)
		if err != nil {
			t.Fatal(err)
		}
		if len(snapshot.Publishing) != 1 || snapshot.Publishing[0].Run != died || len(snapshot.Publishing[0].Parts) != 5 {
			t.Fatalf("after %d swaps: open are %v; the run said %v", after, snapshot.Publishing, r.Diags)
		}
		if ds := plan.Publishing(snapshot); len(ds) != 1 || ds[0].Code != "publication-open" {
			t.Errorf("it is not said that a publication is open: %v", ds)
		}
		if pl := b.planTogether(p, c); slices.ContainsFunc(pl.Orphans, func(o plan.Orphan) bool { return strings.HasPrefix(o.Relation.Name, "_engine_new__") }) {
			t.Errorf("what is to be published would be removed: %v", pl.Orphans)
		}
		done, err := engine.Complete(ctx, p, c, run.Options{RunID: died + "b", Now: time.Now})
		if err != nil || len(done) != 1 || len(done[0].Again) > 0 {
			t.Fatalf("completed %v, %v", done, err)
		}
		for _, name := range []string{"raw", "a", "v", "b", "inc"} {
			if got := b.values(c, "select distinct n from dev."+name); !slices.Equal(got, []string{fmt.Sprint(n)}) {
				t.Errorf("after %d swaps: %s has %v, want %d", after, name, got, n)
			}
		}
		for _, a := range b.planTogether(p, c).Actions {
			t.Errorf("after %d swaps: %s would be built again: %v", after, a.Node, a.Reasons)
		}
		if done, err := engine.Complete(ctx, p, c, run.Options{RunID: died + "c", Now: time.Now}); err != nil || len(done) > 0 {
			t.Errorf("completed once more: %v, %v", done, err)
		}
		c.Close()
	}
	// What was kept can be put back.
	p := b.compile()
	c := b.open(p)
	defer c.Close()
	b.rollback(c, p)
	for _, name := range []string{"raw", "a", "v", "b", "inc"} {
		if got := b.values(c, "select distinct n from dev."+name); !slices.Equal(got, []string{"2"}) {
			t.Errorf("after a rollback %s has %v", name, got)
		}
	}
	relations, err := c.List(ctx, "", "dev")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range relations {
		if strings.HasPrefix(r.Name.Name, "_engine_new__") || strings.HasPrefix(r.Name.Name, "_engine_copy__") {
			t.Errorf("left behind: %s", r.Name)
		}
	}
}

package bigquery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/internal/testpeer/bqpeer"
)

// outlet is a project with a customer.
type outlet struct {
	*testing.T
	c    *conn
	spec warehouse.ReleaseSpec
}

func newOutlet(t *testing.T) *outlet {
	t.Helper()
	o := &outlet{T: t, c: open(t, bqpeer.Start(t).URL, nil)}
	at, err := o.c.Workshop(context.Background(), "shop", "dw__publish")
	if err != nil {
		t.Fatal(err)
	}
	o.spec = warehouse.ReleaseSpec{Owner: "shop", Customer: "acme", Schemas: []string{"dw_acme"}, Workspace: "ws_acme", Workshop: at}
	return o
}

func (o *outlet) begin() warehouse.Release {
	o.Helper()
	r, err := o.c.OpenRelease(context.Background(), o.spec)
	if err != nil {
		o.Fatal(err)
	}
	return r
}

func (o *outlet) do(sql string) {
	o.Helper()
	if _, err := o.c.Exec(context.Background(), warehouse.Statement{SQL: sql}); err != nil {
		o.Fatalf("%s: %v", sql, err)
	}
}

func (o *outlet) rows(sql string) string {
	o.Helper()
	rows, err := o.c.Query(context.Background(), warehouse.Statement{SQL: sql})
	if err != nil {
		return err.Error()
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return err.Error()
		}
		out = append(out, fmt.Sprint(v...))
	}
	return strings.Join(out, " ")
}

// access are the entries of a dataset, without those of the project's own people.
func (o *outlet) access(dataset string) string {
	o.Helper()
	var out []string
	for _, e := range o.entries(dataset) {
		entry := resource(e)
		key, shown := memberOf(entry)
		switch {
		case entry["dataset"] != nil:
			out = append(out, "dataset "+entry.child("dataset").child("dataset").text("datasetId"))
		case entry["condition"] != nil:
			out = append(out, shown+" if")
		case key != "":
			out = append(out, shown+" "+roleOf(entry))
		}
	}
	return strings.Join(out, ", ")
}

func (o *outlet) entries(dataset string) []resource {
	o.Helper()
	var found resource
	if err := o.c.request(context.Background(), &trail{}, http.MethodGet, o.c.datasetPath("", dataset), nil, "", nil, &found); err != nil {
		o.Fatal(err)
	}
	return found.list("access")
}

// enter adds an entry by hand.
func (o *outlet) enter(dataset string, entry map[string]any) {
	o.Helper()
	err := o.c.changeDataset(context.Background(), &trail{}, "", dataset, func(d resource) (resource, error) {
		entries, _ := d["access"].([]any)
		return resource{"access": append(entries, entry)}, nil
	})
	if err != nil {
		o.Fatal(err)
	}
}

func (o *outlet) equal(what, want, got string) {
	o.Helper()
	if d := cmp.Diff(want, got); d != "" {
		o.Errorf("%s:\n%s", what, d)
	}
}

// TestReleaseAccess: readers get entries, those of others stay, and views read the warehouse
// for their readers.
func TestReleaseAccess(t *testing.T) {
	o := newOutlet(t)
	ctx := context.Background()
	o.do("create schema dw")
	o.do("create table dw.t as select 1 as tenant, 'a' as word union all select 2, 'b'")
	o.enter("dw", map[string]any{"role": "READER", "userByEmail": "analyst@shop.test"})
	before := len(o.entries("dw"))
	r := o.begin()
	p := warehouse.Handover{Run: "r1", At: time.Unix(0, 0), Readers: []string{"user:Bi@acme.test", "group:all@acme.test", "serviceAccount:etl@acme.iam.gserviceaccount.com"},
		Views: []warehouse.SliceView{{Name: addr.Relation{Schema: "dw_acme", Name: "t"}, Query: "select word from dw.t where tenant = 1", Barrier: true, Reads: []addr.Relation{{Schema: "dw", Name: "t"}}}}}
	for range 2 { // nothing is added twice
		if _, err := r.Publish(ctx, p); err != nil {
			t.Fatal(err)
		}
		o.equal("view", "a", o.rows("select word from dw_acme.t"))
		o.equal("entries", "user:Bi@acme.test READER, group:all@acme.test READER, user:etl@acme.iam.gserviceaccount.com READER", o.access("dw_acme"))
		o.equal("entries of the workspace", "user:Bi@acme.test WRITER, group:all@acme.test WRITER, user:etl@acme.iam.gserviceaccount.com WRITER", o.access("ws_acme"))
		o.equal("entries of the warehouse", "user:analyst@shop.test READER, dataset dw_acme", o.access("dw"))
		if n := len(o.entries("dw")); n != before+1 {
			t.Errorf("the warehouse has %d entries, had %d", n, before)
		}
		o.equal("entries of the workshop", "", o.access("dw__publish"))
	}
	own := len(o.entries("dw_acme"))
	o.enter("dw_acme", map[string]any{"role": "roles/bigquery.dataViewer", "userByEmail": "stranger@else.test"})
	o.enter("dw_acme", map[string]any{"role": "WRITER", "groupByEmail": "all@acme.test"})
	o.enter("dw_acme", map[string]any{"role": "roles/bigquery.dataViewer", "userByEmail": "bi@acme.test", "condition": map[string]any{"expression": "true", "title": "always"}})
	// A member that is none takes nothing from anybody, and keeps nobody's access alive.
	got, err := o.c.Revoke(ctx, o.spec, p.Readers, []string{"group:All@acme.test", "bi@acme.test"})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"group:all@acme.test (WRITER on dw_acme)", "user:bi@acme.test (READER on dw_acme)", "user:stranger@else.test (READER on dw_acme)"}, got); d != "" {
		t.Errorf("strangers:\n%s", d)
	}
	o.equal("after Revoke", "group:all@acme.test READER, user:stranger@else.test READER, group:all@acme.test WRITER, user:bi@acme.test if", o.access("dw_acme"))
	o.equal("the workspace after Revoke", "group:all@acme.test WRITER", o.access("ws_acme"))
	if n := len(o.entries("dw_acme")); n != own+3-2 {
		t.Errorf("the customer's dataset has %d entries, had %d", n, own)
	}
	var principal *warehouse.PrincipalError
	for _, member := range []string{"allUsers", "bi@acme.test", "user:", "projectOwner:x"} {
		if _, err := r.Publish(ctx, warehouse.Handover{Readers: []string{member}}); !errors.As(err, &principal) || principal.Principal != member {
			t.Errorf("%q gives %v", member, err)
		}
	}
	if _, err := r.Publish(ctx, warehouse.Handover{RowPolicies: []warehouse.RowPolicy{{}}}); !errors.Is(err, warehouse.ErrUnsupported) {
		t.Errorf("row policies give %v", err)
	}
	if err := r.Close(ctx); err != nil {
		t.Error(err)
	}
}

// TestReleaseOwnByName: labels alone, which a copy takes along, do not make a relation ours.
func TestReleaseOwnByName(t *testing.T) {
	o := newOutlet(t)
	ctx := context.Background()
	a := addr.Relation{Schema: "dw_acme", Name: "a"}
	publish := func(p warehouse.Handover) error {
		t.Helper()
		r := o.begin()
		if len(p.Tables) > 0 {
			o.do("create or replace table " + Dialect{}.Quote(r.Staged(a)) + " as select 1 as n")
		}
		p.Run, p.At = "r", time.Unix(0, 0)
		_, err := r.Publish(ctx, p)
		return errors.Join(err, r.Close(ctx))
	}
	if err := publish(warehouse.Handover{Tables: []addr.Relation{a}}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"theirs", "_engine_old__theirs"} {
		o.do("create table dw_acme." + name + " options(labels = " + Dialect{}.labels(ownerLabels("shop")) + ") as select 7 as n")
	}
	r := o.begin()
	own, strangers, err := r.Have(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, one := range own {
		got = append(got, "own "+one.Name.Name)
	}
	for _, one := range strangers {
		got = append(got, "stranger "+one.Name.Name)
	}
	if d := cmp.Diff([]string{"own a", "stranger _engine_old__theirs", "stranger theirs"}, got); d != "" {
		t.Errorf("the dataset has:\n%s", d)
	}
	var foreign *warehouse.ForeignError
	if err := publish(warehouse.Handover{Drop: []warehouse.Relation{{Name: addr.Relation{Schema: "dw_acme", Name: "theirs"}, Kind: warehouse.Table}}}); !errors.As(err, &foreign) {
		t.Errorf("to drop theirs gives %v", err)
	}
	if err := publish(warehouse.Handover{Tables: []addr.Relation{a}}); err != nil {
		t.Fatal(err)
	}
	o.equal("theirs", "14", o.rows("select a.n + b.n from dw_acme.theirs as a, dw_acme._engine_old__theirs as b"))
	// A release table that is not ours is not written over.
	o.do("create or replace table dw_acme._engine_release as select 'r' as run_id")
	if err := publish(warehouse.Handover{Tables: []addr.Relation{a}}); !errors.As(err, &foreign) {
		t.Errorf("their release table gives %v", err)
	}
}

// TestReleaseFirstStopped: what the first publication had made before it stopped is the engine's.
func TestReleaseFirstStopped(t *testing.T) {
	o := newOutlet(t)
	ctx := context.Background()
	a := addr.Relation{Schema: "dw_acme", Name: "a"}
	p := warehouse.Handover{Run: "r1", At: time.Unix(0, 0), Tables: []addr.Relation{a}, Views: []warehouse.SliceView{{Name: addr.Relation{Schema: "dw_acme", Name: "v"}, Query: "select n from dw_acme.no_such"}}}
	for _, query := range []string{"select n from dw_acme.no_such", "select n from dw_acme.a"} {
		r := o.begin()
		o.do("create or replace table " + Dialect{}.Quote(r.Staged(a)) + " as select 1 as n")
		p.Views[0].Query = query
		_, err := r.Publish(ctx, p)
		if stopped := strings.Contains(query, "no_such"); stopped != (err != nil) {
			t.Fatalf("%s: %v", query, err)
		} else if stopped {
			o.equal("no release is complete", "true", o.rows("select run_id is null and published_at is null from dw_acme._engine_release"))
			o.equal("the table", "1", o.rows("select n from dw_acme.a"))
		}
		if err := r.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
	o.equal("the release", "r1 1", o.rows("select run_id, ' ', n from dw_acme._engine_release, dw_acme.v"))
}

// TestReleaseUnauthorized: what the customer's views were allowed to read is taken back when they
// need it no more, unless somebody else had given it.
func TestReleaseUnauthorized(t *testing.T) {
	o := newOutlet(t)
	ctx := context.Background()
	publish := func(p warehouse.Handover) {
		t.Helper()
		r := o.begin()
		p.Run, p.At = "r", time.Unix(0, 0)
		if _, err := r.Publish(ctx, p); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
	name := addr.Relation{Schema: "dw_acme", Name: "v"}
	reading := func(datasets ...string) (p warehouse.Handover) {
		v := warehouse.SliceView{Name: name, Query: "select 1 as n"}
		for _, d := range datasets {
			v.Query = "select n from " + d + ".t"
			v.Reads = append(v.Reads, addr.Relation{Schema: d, Name: "t"})
		}
		p.Views = []warehouse.SliceView{v}
		return p
	}
	all := func(want ...string) {
		t.Helper()
		for i, d := range []string{"one", "two", "given"} {
			o.equal(d, want[i], o.access(d))
		}
	}
	for _, d := range []string{"one", "two", "given"} {
		o.do("create schema " + d)
		o.do("create table " + d + ".t as select 1 as n")
	}
	publish(warehouse.Handover{}) // the dataset is there now
	o.enter("given", map[string]any{"dataset": map[string]any{"dataset": map[string]any{"projectId": o.c.project, "datasetId": "dw_acme"}, "targetTypes": []any{"VIEWS"}}})
	const has = "dataset dw_acme"
	publish(reading("one", "two", "given"))
	all(has, has, has)
	publish(warehouse.Handover{}) // the view stays
	all(has, has, has)
	publish(reading("two"))
	all("", has, has)
	publish(reading("one"))
	all(has, "", has)
	o.do("drop schema one cascade") // what is gone needs nothing
	publish(warehouse.Handover{Drop: []warehouse.Relation{{Name: name, Kind: warehouse.View}}})
	o.equal("written down", "[]", o.rows("select authorized from dw_acme._engine_release"))
}

// TestReleaseUnknownMember: the service's refusal names the member.
func TestReleaseUnknownMember(t *testing.T) {
	err := &Error{Reason: reasonInvalid, HTTP: http.StatusBadRequest, Message: "IAM setPolicy failed for Dataset p:dw_acme: User Gone@acme.test does not exist"}
	var principal *warehouse.PrincipalError
	if got := unknownMember([]string{"user:here@acme.test", "user:gone@acme.test"}, err); !errors.As(got, &principal) || principal.Principal != "user:gone@acme.test" {
		t.Errorf("it is %v", got)
	}
	if got := unknownMember([]string{"user:here@acme.test"}, err); got != error(err) {
		t.Errorf("it is %v", got)
	}
}

// TestReleaseCompleted: a publication that is stopped at a table, a view or before it is signed
// is completed by calling it again, and the release table names the old release until then.
func TestReleaseCompleted(t *testing.T) {
	o := newOutlet(t)
	ctx := context.Background()
	a, b := addr.Relation{Schema: "dw_acme", Name: "a"}, addr.Relation{Schema: "dw_acme", Name: "b"}
	stage := func(r warehouse.Release, n int, b2 string) {
		o.do(fmt.Sprintf("create table %s as select %d as n", Dialect{}.Quote(r.Staged(a)), n))
		o.do(fmt.Sprintf("create table %s %s as select %d as n, date '2026-01-01' as d", Dialect{}.Quote(r.Staged(b)), b2, n))
	}
	p := func(n int, view string) warehouse.Handover {
		return warehouse.Handover{Run: fmt.Sprint("r", n), At: time.Unix(0, 0), Tables: []addr.Relation{a, b}, Views: []warehouse.SliceView{{Name: addr.Relation{Schema: "dw_acme", Name: "v"}, Query: view}}}
	}
	const good = "select n from dw_acme.a"
	all := "select (select max(n) from dw_acme.a), '|', (select max(n) from dw_acme.b), '|', (select max(n) from dw_acme.v), '|', (select max(run_id) from dw_acme._engine_release)"
	r := o.begin()
	stage(r, 1, "")
	if _, err := r.Publish(ctx, p(1, good)); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(ctx); err != nil {
		t.Fatal(err)
	}
	o.equal("first", "1|1|1|r1", o.rows(all))

	// A view that cannot be made stops the publication after its tables; b is divided in another way.
	r = o.begin()
	stage(r, 2, "partition by d")
	if _, err := r.Publish(ctx, p(2, "select n from dw_acme.no_such")); err == nil {
		t.Fatal("a view of nothing was made")
	}
	o.equal("stopped", "2|2|2|r1", o.rows(all))
	if _, err := r.Publish(ctx, p(2, good)); err != nil {
		t.Fatal(err)
	}
	o.equal("completed", "2|2|2|r2", o.rows(all))
	if err := r.Close(ctx); err != nil {
		t.Fatal(err)
	}
	left, err := o.c.listed(ctx, &trail{}, "dw_acme")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range left {
		ours, _ := whose(l.labels, "shop")
		names = append(names, fmt.Sprint(l.Name.Name, " ", l.Kind, " ", ours))
	}
	if d := cmp.Diff([]string{"_engine_release table true", "a table true", "b table true", "v view true"}, names); d != "" {
		t.Errorf("the dataset:\n%s", d)
	}
	// Another process, whose workshop was emptied, does all of it anew; nothing is a stranger's.
	if o.spec.Workshop, err = o.c.Workshop(ctx, "shop", "dw__publish"); err != nil {
		t.Fatal(err)
	}
	r = o.begin()
	stage(r, 3, "partition by d")
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := r.Publish(stopped, p(3, good)); err == nil {
		t.Error("a canceled publication succeeds")
	}
	if _, err := r.Publish(ctx, p(3, good)); err != nil {
		t.Fatal(err)
	}
	o.equal("anew", "3|3|3|r3", o.rows(all))
	if err := r.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if left, err := o.c.listed(ctx, &trail{}, "dw__publish"); err != nil || len(left) > 0 {
		t.Errorf("the workshop has %v, %v", left, err)
	}
}

// TestTurns: changes of one dataset come one after the other, at most five in a span.
func TestTurns(t *testing.T) {
	var u turns
	const span = 50 * time.Millisecond
	start := time.Now()
	for range 2*turnsInSpan + 1 {
		end, err := u.take(context.Background(), "d", span)
		if err != nil {
			t.Fatal(err)
		}
		end()
	}
	if took := time.Since(start); took < 2*span {
		t.Errorf("11 changes took %v", took)
	}
	if _, err := u.take(context.Background(), "other", span); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range turnsInSpan + 1 {
		if end, err := u.take(ctx, "d", time.Hour); err == nil {
			end()
		} else if !errors.Is(err, context.Canceled) {
			t.Error(err)
		} else {
			return
		}
	}
	t.Error("a canceled change got its turn")
}

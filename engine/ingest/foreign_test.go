package ingest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/ingest"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/engine/warehouse/postgres"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// secret is the password of the role that reads the app.
const secret = "s3cr'et \\ pa$$word"

// strange is a table with what remotes have and generators forget.
const strange = `create type mood as enum ('sad', 'ok "fine"');
create domain positive as integer check (value > 0);
create table "Order" (id bigint primary key, "select" text, "Größe" numeric(6,2), ref uuid, doc jsonb, feeling mood, feelings mood[], tags text[], span interval,
  size positive, code character(5), at timestamptz, password text, address inet, price money, amount numeric);
insert into "Order" values
 (1, 'a', 1.25, '00000000-0000-0000-0000-000000000001', '{"a": [1]}', 'ok "fine"', '{sad,NULL}', '{"x y",z}', '1 mon 2 days', 7, 'ab', '2026-01-02 03:04:05.678901+02', 'hun' || 'ter2', '10.0.0.1', 12.5, 1.123456789),
 (2, null, null, null, null, null, null, null, null, null, null, 'infinity', 'hun' || 'ter3', null, null, null);
create table other (id int, "order" bigint); insert into other values (1, 1);
create role reader login; grant select on all tables in schema public to reader; grant usage on schema public to reader`

func word[T any](v T) project.Value[T] { return project.Value[T]{V: v} }

// wanted is a table of source app that lands in raw_app.
func wanted(kind, name, remote, materialized string) ingest.Wanted {
	s := &project.Source{SourceName: word("app"), Table: word(name), Schema: word("raw_app"), Ingest: &project.Ingest{
		Kind: word(kind), Schema: word("public"), Table: word(remote), All: true, Except: []project.Value[string]{word("password")}, Materialized: word(materialized), Drift: usual,
	}}
	return ingest.Wanted{Node: addr.Node{Kind: addr.Source, Name: "app." + name}, Source: s, Into: addr.Relation{Schema: "raw_app", Name: name}}
}

// request is of tables of an app's database.
func request(t *testing.T, target warehouse.Conn, from map[string]string, tables ...ingest.Wanted) ingest.Request {
	for i := range tables {
		if tables[i].Source.Ingest.Table.V != "Order" {
			tables[i].Source.Ingest.Except = nil
		}
	}
	cfg := warehouse.Config{Fields: from}
	return ingest.Request{
		Name: "app", Tables: tables, Target: target, To: target.Dialect(), Config: cfg, Run: "r1", Jobs: 2, Dir: t.TempDir(),
		Connection: func(ctx context.Context) (warehouse.Conn, error) { return postgres.Driver{}.Open(ctx, cfg) },
		Now:        func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) },
	}
}

func open(t *testing.T, d warehouse.Driver, fields map[string]string) warehouse.Conn {
	t.Helper()
	c, err := d.Open(context.Background(), warehouse.Config{Dir: t.TempDir(), Fields: fields})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// apply ingests, and gives what went wrong.
func apply(t *testing.T, kind ingest.Kind, r ingest.Request) ([]ingest.Result, []string) {
	t.Helper()
	results, said := applied(t, kind, r)
	for _, res := range results {
		if res.Failed != (len(res.Diags) > 0) {
			t.Errorf("%s: failed is %v, and it says %v", res.Node.Name, res.Failed, res.Diags)
		}
	}
	return results, said
}

func applied(t *testing.T, kind ingest.Kind, r ingest.Request) ([]ingest.Result, []string) {
	t.Helper()
	ctx := context.Background()
	s, err := kind.Open(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p, wrong := ingest.Make(r, kind.Name(), s.Remote(), r.To)
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	if err := ingest.Prepare(ctx, r); err != nil {
		t.Fatal(err)
	}
	results := s.Apply(ctx, p, nil)
	var said []string
	for _, res := range results {
		for _, d := range res.Diags {
			said = append(said, d.Message)
		}
	}
	return results, said
}

func lines(t *testing.T, c warehouse.Conn, query string) []string {
	t.Helper()
	rows, err := c.Query(context.Background(), warehouse.Statement{SQL: query})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	out := []string{}
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			t.Fatal(err)
		}
		words := make([]string, len(v))
		for i := range v {
			words[i] = fmt.Sprint(v[i])
		}
		out = append(out, strings.Join(words, "|"))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// everything is all of "Order" that may leave, in texts.
const everything = `id::text, "select", "Größe"::text, ref::text, doc::text, feeling::text, feelings::text, tags::text, span::text, size::text, code::text, at::text, address::text, price::text, round(amount, 9)::text`

func TestForeign(t *testing.T) {
	if _, err := pg.Find(); err != nil {
		t.Skipf("needs %v", err)
	}
	ctx := context.Background()
	server, err := pg.Start(ctx, pg.Options{Settings: []string{"log_statement=all", "log_min_duration_statement=0", "log_min_error_statement=debug5"}})
	if err != nil && strings.HasPrefix(err.Error(), "a user ") {
		t.Skipf("needs %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	app, house := server.Database(t), server.Database(t)
	if err := server.Exec(ctx, app, strange); err != nil {
		t.Fatal(err)
	}
	from := server.Fields(app)
	from["user"], from["password"] = "reader", secret
	from["statement_timeout"] = "5min"
	target := open(t, postgres.Driver{}, server.Fields(house))
	want := lines(t, open(t, postgres.Driver{}, server.Fields(app)), `select `+everything+` from "Order" order by id`)
	if err := server.Exec(ctx, house, "create extension postgres_fdw"); err != nil {
		t.Skipf("needs postgres_fdw of the server's contrib: %v", err)
	}
	if err := server.Exec(ctx, house, "drop extension postgres_fdw"); err != nil {
		t.Fatal(err)
	}
	r := request(t, target, from, wanted("foreign", "order", "Order", "table"), wanted("foreign", "other", "other", "view"))
	results, said := apply(t, ingest.Foreign{}, r)
	if len(said) > 0 {
		t.Fatal(said)
	}
	if results[0].Rows != 2 || results[1].Rows != -1 {
		t.Errorf("rows %d and %d", results[0].Rows, results[1].Rows)
	}
	if d := cmp.Diff(want, lines(t, target, `select `+everything+` from raw_app."order" order by id`)); d != "" {
		t.Errorf("(-app +landed):\n%s", d)
	}
	columns := func() []string {
		return lines(t, target, "select table_name || '.' || column_name || ' ' || data_type from information_schema.columns where table_schema = 'raw_app' order by table_name, ordinal_position")
	}
	relations := func() []string {
		return lines(t, target, "select relname || ' ' || relkind::text from pg_class where relnamespace = 'raw_app'::regnamespace order by 1")
	}
	if got := columns(); slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "password") }) || !slices.Contains(got, "order.feeling text") || !slices.Contains(got, "order.ref text") {
		t.Errorf("columns %v", got)
	}
	if d := cmp.Diff([]string{"order r", "other v", "other__foreign f"}, relations()); d != "" {
		t.Error(d)
	}

	// A run that copied has died before, and left a table aside.
	if err := server.Exec(ctx, house, `create table raw_app."_engine_new__order" (x int)`); err != nil {
		t.Fatal(err)
	}

	// Somebody builds on both; the app changes. All is made again, and they stay.
	if err := server.Exec(ctx, house, `create view report as select count(*) as n, max(o.id) as id from raw_app."order" as o join raw_app.other on other.id = o.id`); err != nil {
		t.Fatal(err)
	}
	if err := server.Exec(ctx, app, `alter table other add note mood; update other set note = 'sad'; insert into "Order"(id) values (3); insert into other values (3, 9, 'ok "fine"')`); err != nil {
		t.Fatal(err)
	}
	if _, said := apply(t, ingest.Foreign{}, r); len(said) > 0 {
		t.Fatal(said)
	}
	if d := cmp.Diff([]string{"2|3"}, lines(t, target, "select * from report")); d != "" {
		t.Error(d)
	}
	// A condition on what is an enum there is the text's here.
	if d := cmp.Diff([]string{"1"}, lines(t, target, "select id from raw_app.other where note = 'sad' and note like 's%'")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"order r", "other v", "other__foreign f"}, relations()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"app.order|foreign|full|3"}, lines(t, target, "select source, kind, mode, rows from _engine.ingests where source = 'app.order'")); d != "" {
		t.Error(d)
	}

	// One that cannot be made keeps all back, and what was there stays.
	if err := server.Exec(ctx, app, `insert into "Order"(id) values (4); alter table other drop "order"`); err != nil {
		t.Fatal(err)
	}
	if err := server.Exec(ctx, house, `create view others as select "order" from raw_app.other`); err != nil {
		t.Fatal(err)
	}
	if _, said = apply(t, ingest.Foreign{}, r); len(said) != 2 || !strings.Contains(said[0], `"app.order" was not landed, because app.other could not be`) || !strings.Contains(said[1], "others") {
		t.Errorf("said %q", said)
	}
	if d := cmp.Diff([]string{"3"}, lines(t, target, `select count(*) from raw_app."order"`)); d != "" {
		t.Error(d)
	}
	if err := server.Exec(ctx, house, "drop view others"); err != nil {
		t.Fatal(err)
	}
	if err := server.Exec(ctx, app, `update "Order" set amount = 1.12345678901 where id = 2`); err != nil {
		t.Fatal(err)
	}
	if _, said = apply(t, ingest.Foreign{}, r); len(said) != 2 || !strings.Contains(said[0], "column amount holds a number that numeric(38,9) cannot: 1.12345678901") {
		t.Errorf("said %q", said)
	}
	if err := server.Exec(ctx, app, `update "Order" set amount = 1 where id = 2`); err != nil {
		t.Fatal(err)
	}

	// What has the names of the engine's objects and is somebody else's is refused and stays, and
	// so does all that was landed before.
	if err := server.Exec(ctx, house, `create server theirs foreign data wrapper postgres_fdw; create foreign table raw_app.order__foreign (mine int) server theirs`); err != nil {
		t.Fatal(err)
	}
	before := relations()
	refused := func(want string) {
		t.Helper()
		results, said := apply(t, ingest.Foreign{}, r)
		if len(said) != 2 || said[0] != want || results[0].Diags[0].Code != "ingest-foreign" || results[0].Diags[0].Help == "" {
			t.Errorf("said %q", said)
		}
		if d := cmp.Diff(before, relations()); d != "" {
			t.Error(d)
		}
	}
	refused(`there is a foreign table raw_app.order__foreign already, and engine ingest has not made it`)
	if err := server.Exec(ctx, house, `drop foreign table raw_app.order__foreign; drop server theirs; create table raw_app.order__foreign (mine int)`); err != nil {
		t.Fatal(err)
	}
	before = relations()
	refused(`there is a table raw_app.order__foreign already, and engine ingest has not made it`)
	if err := server.Exec(ctx, house, `drop table raw_app.order__foreign; comment on server engine_raw_app_app is 'ours, of the people'`); err != nil {
		t.Fatal(err)
	}
	before = relations()
	refused(`there is a foreign server "engine_raw_app_app" already, and engine ingest has not made it`)
	if err := server.Exec(ctx, house, `comment on server engine_raw_app_app is 'made by engine ingest'`); err != nil {
		t.Fatal(err)
	}

	// With tables only there is nothing left of the server, nor of the password.
	r.Tables[1].Source.Ingest.Materialized = word("table")
	if _, said := apply(t, ingest.Foreign{}, r); len(said) > 0 {
		t.Fatal(said)
	}
	if d := cmp.Diff([]string{"order r", "other r"}, relations()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"0|0"}, lines(t, target, "select (select count(*) from pg_foreign_server), (select count(*) from pg_user_mapping)")); d != "" {
		t.Error(d)
	}
	log, err := os.ReadFile(filepath.Join(server.Host, "log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, leaked := range []string{"s3cr", "hunter2", `"password"`} {
		if strings.Contains(string(log), leaked) {
			t.Errorf("the server's log holds %q", leaked)
		}
	}
	if !strings.Contains(string(log), "DECLARE c1 CURSOR FOR") || !strings.Contains(string(log), "FETCH 50000") {
		t.Error("the server's log does not hold what was asked: it proves nothing")
	}
}

func TestForeignRefuses(t *testing.T) {
	server := pg.Shared(t)
	app := server.Database(t)
	if err := server.Exec(context.Background(), app, "create table other (id int, email text)"); err != nil {
		t.Fatal(err)
	}
	from := server.Fields(app)
	duck := open(t, duckdb.Driver{}, map[string]string{"path": ":memory:"})
	for name, c := range map[string]struct {
		request ingest.Request
		change  func(*ingest.Request)
		want    string
	}{
		"duckdb": {request(t, duck, from, wanted("foreign", "other", "other", "table")), func(*ingest.Request) {}, `source "app" is of kind foreign, and the target is duckdb, which has no foreign tables`},
		"hash": {request(t, open(t, postgres.Driver{}, from), from, wanted("foreign", "other", "other", "table")), func(r *ingest.Request) {
			r.Tables[0].Source.Ingest.Transform = []project.Transform{{Column: word("email"), How: project.TransformHash}}
		}, `column "email" of source "app.other" has the transform sha256, and values of foreign tables leave the remote as they are`},
	} {
		c.change(&c.request)
		_, err := ingest.Foreign{}.Open(context.Background(), c.request)
		d, ok := err.(diag.Diagnostic)
		if !ok || d.Message != c.want || d.Help == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

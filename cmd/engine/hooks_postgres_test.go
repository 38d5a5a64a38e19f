package main

import (
	"context"
	"strings"
	"testing"

	"github.com/engine-build/engine/internal/testpeer/pg"
)

// TestHooksOnPostgres: statements that no transaction may hold, results of a run in several
// statements, rights that are given and taken back, parts of the rows, and operations.
func TestHooksOnPostgres(t *testing.T) {
	server := pg.Shared(t)
	database := server.Database(t)
	f := newFolder(t)
	exec := func(sql string) {
		t.Helper()
		if err := server.Exec(context.Background(), database, sql); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(query string) string {
		t.Helper()
		_, text := f.engine("run-operation", "--sql", query, "--output", "csv")
		return strings.ReplaceAll(strings.TrimSpace(text), "\n", " ")
	}
	is := func(want, query string) {
		t.Helper()
		if got := ask(query); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", query, got, want)
		}
	}
	exec("create role hooks_ann; create role hooks_bob")
	settings := "name: shop\ntargets: {dev: " + onPostgres(server, database, "core") + "}\n" +
		"on-run-start: [\"create table if not exists core.ended(id text, status text)\"]\n" +
		"on-run-end:\n  - \"{{ range results }}insert into core.ended values ('{{ .unique_id }}', '{{ .status }}');{{ end }}insert into core.ended select '{{ range schemas }}{{ . }}{{ end }}', 'schemas'\"\n"
	f.write("engine.yml", settings)
	f.write("seeds/raw.csv", "id,at\n1,2026-03-01 00:00:00\n2,2026-04-01 00:00:00\n")
	f.write("seeds/raw.yml", "seeds: [{name: raw, config: {event_time: at}}]\n")
	orders := func(config string) {
		f.write("models/orders.sql", "{{ config \"materialized\" \"table\" \"post_hook\" (list (dict \"sql\" \"vacuum analyze {{ this }}\" \"transaction\" false)) "+config+" }}select id from {{ ref \"raw\" }}")
	}
	orders("\"grants\" (dict \"select\" (list \"hooks_ann\" \"hooks_bob\") \"insert\" (list \"hooks_ann\"))")
	f.write("models/grown.sql", "{{ config \"materialized\" \"incremental\" \"pre_hook\" (dict \"sql\" \"vacuum core.ended\" \"transaction\" false) \"post_hook\" \"insert into core.ended values ('{{ if is_incremental }}update{{ else }}full{{ end }}', 'hook')\" }}select id from {{ ref \"raw\" }}{{ if is_incremental }} where id > (select max(id) from {{ this }}){{ end }}")
	f.done("done: 3 built", "build", "--no-catalog")
	is("id,status core,schemas model.shop.grown,success model.shop.orders,success seed.shop.raw,success", "select id, status from core.ended where id like '%.%' or id = 'core' order by id")
	rights := "select string_agg(grantee || ' ' || privilege_type, ', ' order by grantee, privilege_type) as who from information_schema.role_table_grants where table_schema = 'core' and table_name = 'orders' and grantee like 'hooks%'"
	is("who \"hooks_ann INSERT, hooks_ann SELECT, hooks_bob SELECT\"", rights)
	f.done("done", "build", "--full", "--no-catalog")
	is("who \"hooks_ann INSERT, hooks_ann SELECT, hooks_bob SELECT\"", rights)
	is("id full update", "select id from core.ended where status = 'hook' order by id")
	orders("\"grants\" (dict \"select\" (list \"hooks_bob\"))")
	f.done("done", "build", "--no-catalog")
	is("who \"hooks_ann INSERT, hooks_bob SELECT\"", rights) // insert is no longer named, so nobody touches it

	// Parts of the rows.
	f.done("done", "build", "--sample", "{start: 2026-03-01, end: 2026-04-01}", "--no-catalog", "-s", "orders")
	is("id 1", "select id from core.orders order by id")
	f.done("done", "build", "--empty", "--no-catalog")
	is("n 0", "select count(*) as n from core.orders")
	is("n 2", "select count(*) as n from core.grown")
	f.done("done", "build", "--no-catalog")
	is("id 1 2", "select id from core.orders order by id")

	// A post_hook outside of the transaction that fails: readers have the rows, the node is not done.
	f.write("models/orders.sql", "{{ config \"materialized\" \"table\" \"post_hook\" (dict \"sql\" \"vacuum core.nowhere\" \"transaction\" false) }}select id + 10 as id from {{ ref \"raw\" }}")
	if code, text := f.engine("build", "--no-catalog"); code != exitFailed || !strings.Contains(text, "nowhere") {
		t.Errorf("exit code %d: %s", code, text)
	}
	is("id 11 12", "select id from core.orders order by id")
	f.done("its last build did not end", "plan", "-v")

	// Operations: what no transaction holds, and bodies with semicolons.
	if code, text := f.engine("run-operation", "--sql", "vacuum core.orders"); code != exitFailed || !strings.Contains(text, "transaction") {
		t.Errorf("exit code %d: %s", code, text)
	}
	f.done("", "run-operation", "--sql", "vacuum core.orders", "--no-transaction")
	f.write("macros/two.tmpl", "do $$ begin perform 1; perform 2; end $$; create table core.{{ .name }} as select 1 as a;\ninsert into core.{{ .name }} values (2);")
	f.done("insert into", "run-operation", "two", "--args", "{name: made}")
	is("n 2", "select count(*) as n from {{ target.schema }}.made")
}

// TestNamesOnPostgres: keywords as columns of event_time, and names of ephemeral models, in the
// server's own SQL and in GoogleSQL.
func TestNamesOnPostgres(t *testing.T) {
	server := pg.Shared(t)
	database := server.Database(t)
	f := newFolder(t)
	f.write("engine.yml", "name: shop\nmodels: {+materialized: table}\ntargets: {dev: "+onPostgres(server, database, "core")+"}\n")
	f.write("seeds/raw.csv", "id,end\n1,2026-03-01 00:00:00\n2,2026-04-01 00:00:00\n")
	f.write("seeds/raw.yml", "seeds: [{name: raw, config: {event_time: End}}]\n")
	f.write("models/native.sql", "{{ config \"dialect\" \"postgres\" }}select id from {{ ref \"raw\" }}")
	f.write("models/googled.sql", "select id from {{ ref \"raw\" }}")
	f.write("models/one.sql", "{{ config \"dialect\" \"postgres\" \"materialized\" \"ephemeral\" }}select id from {{ ref \"raw\" }}")
	f.write("models/two.sql", "{{ config \"materialized\" \"ephemeral\" }}select id from {{ ref \"raw\" }}")
	f.write("models/of_one.sql", "{{ config \"dialect\" \"postgres\" }}select one.id from {{ ref \"one\" }} where one.id > 1")
	f.write("models/of_two.sql", "select two.id from {{ ref \"two\" }} where two.id > 1")
	is := func(want, query string) {
		t.Helper()
		if _, text := f.engine("run-operation", "--sql", query, "--output", "csv"); strings.ReplaceAll(strings.TrimSpace(text), "\n", " ") != want {
			t.Errorf("%s\ngot  %s\nwant %s", query, text, want)
		}
	}
	f.done("done", "build", "--sample", "{start: 2026-03-01, end: 2026-04-01}", "--no-catalog", "-s", "native", "googled", "raw")
	is("id 1", "select id from core.native")
	is("id 1", "select id from core.googled")
	f.write("tests/of_one.sql", "{{ config \"dialect\" \"postgres\" }}select one.id from {{ ref \"one\" }} join {{ ref \"of_one\" }} using (id) where of_one.id < 0")
	f.done("1 test passed", "build", "--no-catalog")
	is("id 2", "select id from core.of_one")
	is("id 2", "select id from core.of_two")
}

package main

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/internal/testpeer/pg"
)

// TestViewsOfOthers: plan and build say who else reads what is replaced. A view stays and
// reads the new rows; what cannot be kept keeps the old relation in place.
func TestViewsOfOthers(t *testing.T) {
	server := pg.Shared(t)
	database := server.Database(t)
	f := newFolder(t)
	f.write("engine.yml", "name: shop\ndialect: postgres\ntargets: {dev: "+onPostgres(server, database, "core")+"}\n")
	f.write("models/orders.sql", "{{ config \"materialized\" \"table\" }}select 1 as id")
	f.write("models/own.sql", "select id from {{ ref \"orders\" }}")
	exec := func(sql string) {
		t.Helper()
		if err := server.Exec(context.Background(), database, sql); err != nil {
			t.Fatal(err)
		}
	}
	if code, text := f.engine("build"); code != exitDone {
		t.Fatal(text)
	}
	if code, text := f.engine("plan", "--full"); code != exitDone || strings.Contains(text, "dependent-") {
		t.Errorf("the project's own view is foreign: %s", text)
	}
	exec("create schema other; create role ann; create view other.recent as select id from core.orders; alter view other.recent owner to ann; grant usage on schema core to ann; grant select on core.orders to ann")
	exec("create function other.f() returns trigger language plpgsql as 'begin return new; end'")

	f.write("models/orders.sql", "{{ config \"materialized\" \"table\" }}select 2 as id")
	warning := "warning[dependent-kept]: an object of others depends on core.orders, which is replaced; kept: made again in the same transaction"
	for _, command := range []string{"plan", "build"} {
		code, text := f.engine(command)
		if code != exitDone || !strings.Contains(text, warning) || !strings.Contains(text, "view other.recent, owner ann") {
			t.Errorf("engine %s, exit code %d: %s", command, code, text)
		}
	}
	id := func() string {
		t.Helper()
		_, text := f.engine("show", "--quiet", "--limit", "0", "--output", "csv", "--inline", "select id from other.recent")
		return text
	}
	if diff := cmp.Diff("id\n2\n", id()); diff != "" {
		t.Error(diff)
	}

	exec("create trigger audit after insert on core.orders execute function other.f()")
	f.write("models/orders.sql", "{{ config \"materialized\" \"table\" }}select 3 as id")
	code, text := f.engine("build")
	if code != exitFailed || !strings.Contains(text, "warning[dependent-blocks]: an object of others depends on core.orders and would be lost: it will not be replaced") || !strings.Contains(text, "audit") {
		t.Errorf("exit code %d: %s", code, text)
	}
	if diff := cmp.Diff("id\n2\n", id()); diff != "" {
		t.Error(diff)
	}
}

// TestViewsThatFollow: a column goes, and the project's own view no longer reads it. The old
// text of the view stands in the way of one after the other; both at once is the way.
func TestViewsThatFollow(t *testing.T) {
	server := pg.Shared(t)
	database := server.Database(t)
	f := newFolder(t)
	f.write("engine.yml", "name: shop\ndialect: postgres\ntargets: {dev: "+onPostgres(server, database, "core")+"}\n")
	f.write("models/orders.sql", "{{ config \"materialized\" \"table\" }}select 1 as id, 2 as area")
	f.write("models/own.sql", "{{ config \"materialized\" \"view\" }}select id, area from {{ ref \"orders\" }}")
	if code, text := f.engine("build"); code != exitDone {
		t.Fatal(text)
	}
	f.write("models/orders.sql", "{{ config \"materialized\" \"table\" }}select 3 as id")
	f.write("models/own.sql", "{{ config \"materialized\" \"view\" }}select id from {{ ref \"orders\" }}")
	code, text := f.engine("build")
	if code != exitFailed || !strings.Contains(text, "column orders.area does not exist") || !strings.Contains(text, "engine build --publish run") {
		t.Errorf("exit code %d: %s", code, text)
	}
	rows := func(want string) {
		t.Helper()
		_, got := f.engine("show", "--quiet", "--limit", "0", "--output", "csv", "--inline", "select * from core.own")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	rows("id,area\n1,2\n")
	if code, text := f.engine("build", "--publish", "run"); code != exitDone {
		t.Errorf("exit code %d: %s", code, text)
	}
	rows("id\n3\n")
}

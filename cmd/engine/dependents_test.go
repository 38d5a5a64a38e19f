package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/internal/testpeer/pg"
)

// TestViewsOfOthers: plan and build say who else reads what is replaced. A view stays and
// reads the new rows; what cannot be kept keeps the old relation in place.
func TestViewsOfOthers(t *testing.T) {
	server := pg.Shared(t)
	database := server.Database(t)
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var target strings.Builder
	for name, value := range server.Fields(database) {
		fmt.Fprintf(&target, ", %s: %q", name, value)
	}
	write("engine.yml", "name: shop\ndialect: postgres\ntargets: {dev: {type: postgres, schema: core"+target.String()+"}}\n")
	write("models/orders.sql", "{{ config \"materialized\" \"table\" }}select 1 as id")
	write("models/own.sql", "select id from {{ ref \"orders\" }}")
	run := func(args ...string) (int, string) {
		t.Helper()
		a, out, errs := world(t, map[string]string{"LANG": "C.UTF-8"})
		a.getwd = func() (string, error) { return dir, nil }
		a.now = time.Now
		return a.execute(append(args, "--no-color")), out.String() + errs.String()
	}
	exec := func(sql string) {
		t.Helper()
		if err := server.Exec(context.Background(), database, sql); err != nil {
			t.Fatal(err)
		}
	}
	if code, text := run("build"); code != exitDone {
		t.Fatal(text)
	}
	if code, text := run("plan", "--full"); code != exitDone || strings.Contains(text, "dependent-") {
		t.Errorf("the project's own view is foreign: %s", text)
	}
	exec("create schema other; create role ann; create view other.recent as select id from core.orders; alter view other.recent owner to ann; grant usage on schema core to ann; grant select on core.orders to ann")
	exec("create function other.f() returns trigger language plpgsql as 'begin return new; end'")

	write("models/orders.sql", "{{ config \"materialized\" \"table\" }}select 2 as id")
	warning := "warning[dependent-kept]: an object of others depends on core.orders, which is replaced; kept: made again in the same transaction"
	for _, command := range []string{"plan", "build"} {
		code, text := run(command)
		if code != exitDone || !strings.Contains(text, warning) || !strings.Contains(text, "view other.recent, owner ann") {
			t.Errorf("engine %s, exit code %d: %s", command, code, text)
		}
	}
	id := func() string {
		t.Helper()
		_, text := run("show", "--quiet", "--limit", "0", "--output", "csv", "--inline", "select id from other.recent")
		return text
	}
	if diff := cmp.Diff("id\n2\n", id()); diff != "" {
		t.Error(diff)
	}

	exec("create trigger audit after insert on core.orders execute function other.f()")
	write("models/orders.sql", "{{ config \"materialized\" \"table\" }}select 3 as id")
	code, text := run("build")
	if code != exitFailed || !strings.Contains(text, "warning[dependent-blocks]: an object of others depends on core.orders and would be lost: it will not be replaced") || !strings.Contains(text, "audit") {
		t.Errorf("exit code %d: %s", code, text)
	}
	if diff := cmp.Diff("id\n2\n", id()); diff != "" {
		t.Error(diff)
	}
}

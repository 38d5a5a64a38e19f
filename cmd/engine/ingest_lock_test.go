package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/ingest"
	"github.com/engine-build/engine/engine/project"
)

// TestIngestCopyTwoTargets: that a transform is in the lock, since another target was ingested
// with it, does not mean that the rows of this one have it.
func TestIngestCopyTwoTargets(t *testing.T) {
	p := newCopyProject(t)
	p.app("create table person (id integer primary key, email text, updated_at timestamptz); insert into person select i, 'user' || i || '@example.com', '2024-01-01'::timestamptz + i * interval '1 day' from generate_series(1, 20) as i")
	source := func(more string) {
		p.write("models/sources.yml", "sources:\n  - name: app\n    schema: raw_app\n    ingest: {kind: copy, connection: app}\n    tables:\n      - name: person\n        ingest: {columns: \"*\", watermark: updated_at, key: [id]"+more+"}\n")
	}
	plain := func(target, want string) {
		t.Helper()
		if d := cmp.Diff([]string{want}, p.rows(target, "select count(*) from raw_app.person where email like '%@%'")); d != "" {
			t.Errorf("%s: %s", target, d)
		}
	}
	said := func(want string, args ...string) {
		t.Helper()
		if text := p.ok(append([]string{"ingest"}, args...)...); !strings.Contains(text, want) {
			t.Errorf("engine ingest %s: want %q in\n%s", strings.Join(args, " "), want, text)
		}
	}
	source("")
	for _, target := range []string{"duck", "post"} {
		said("full, 20 rows", "--target", target)
		plain(target, "20")
	}
	source(", transform: {email: sha256}")
	p.app("insert into person values (21, 'new@example.com', '2024-01-22')")
	for _, target := range []string{"duck", "post"} {
		said("full, 21 rows", "--target", target)
		plain(target, "0")
	}
	p.app("insert into person values (22, 'newer@example.com', '2024-01-23')")
	for _, target := range []string{"duck", "post"} {
		said("incremental, ", "--target", target)
		plain(target, "0")
	}
	// An earlier engine did not record how rows were read: they are read again.
	if err := p.server.Exec(context.Background(), p.landed, "alter table _engine.ingests drop column form"); err != nil {
		t.Fatal(err)
	}
	said("full, 22 rows", "--target", "post")
	p.app("insert into person values (23, 'newest@example.com', '2024-01-24')")
	said("incremental, ", "--target", "post")
	plain("post", "0")
	// Another table has another lock.
	p.app("create table person_v2 as select *, 'x' as note from person; alter table person_v2 add primary key (id)")
	source(", table: person_v2, transform: {email: sha256}")
	said("full, 23 rows")
	if d := cmp.Diff([]string{"23"}, p.rows("duck", "select count(*) from raw_app.person where note = 'x'")); d != "" {
		t.Errorf("a column of the new table is missing: %s", d)
	}
}

// TestIngestLockOfOthers: what another run has written into the lock since this one began is
// what it goes by, and stays.
func TestIngestLockOfOthers(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"engine.yml":         "name: shop\ndefault_target: duck\ntargets:\n  duck: {type: duckdb, path: duck.duckdb, schema: main}\nconnections:\n  app: {type: postgres, host: localhost, user: a, dbname: b}\n",
		"models/sources.yml": "sources:\n  - name: app\n    schema: raw_app\n    ingest: {kind: copy, connection: app}\n    tables:\n      - {name: a, ingest: {columns: \"*\"}}\n      - {name: b, ingest: {columns: \"*\"}}\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a, _, _ := world(t, map[string]string{"LANG": "C.UTF-8"})
	a.getwd = func() (string, error) { return dir, nil }
	s, err := a.load()
	if err != nil {
		t.Fatal(err)
	}
	s.options.SkipAnalysis = true
	if err := s.compile(context.Background()); err != nil {
		t.Fatal(err)
	}
	id := addr.Node{Kind: addr.Source, Name: "app.a"}
	sources := s.ingestible(map[addr.Node]bool{id: true})
	if len(sources) != 1 || len(sources[0].all) != 2 || sources[0].wanted[0].Locked != nil {
		t.Fatalf("%+v", sources)
	}
	entry := func(column string) *project.LockedSource {
		c := project.RemoteColumn{Name: column, Type: "text", Taken: true}
		return &project.LockedSource{Columns: []project.LockedColumn{{Name: column, Type: "STRING", Native: "VARCHAR"}}, Remote: &project.LockedTable{Name: "x", Columns: []project.RemoteColumn{c}}}
	}
	write := func(l *project.Lock) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, project.LockFile), l.Text(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(&project.Lock{Sources: map[string]*project.LockedSource{"app.a": entry("one")}})
	if err := s.relock(sources); err != nil {
		t.Fatal(err)
	}
	for _, w := range []ingest.Wanted{sources[0].wanted[0], sources[0].all[0]} {
		if w.Locked == nil || w.Locked.Columns[0].Name != "one" {
			t.Errorf("%s is not read again", w.Node)
		}
	}
	write(&project.Lock{Sources: map[string]*project.LockedSource{"app.a": entry("one"), "app.b": entry("two")}, Remotes: map[string]*project.LockedRemote{"other": {Tables: []string{"t"}}}})
	taken := []ingest.Taken{{Name: "three", From: "text", Wire: "text", Expr: `"three"`, Type: "VARCHAR"}}
	src := sources[0]
	src.remote = ingest.Remote{Tables: []ingest.Table{{Name: "a", Columns: []ingest.Column{{Name: "three", Type: "text", Base: "text"}}}}}
	src.plan = ingest.Plan{Tables: []ingest.Step{{Wanted: src.wanted[0], From: src.remote.Tables[0], Columns: taken}}}
	src.result = []ingest.Result{{Node: id, Columns: taken}}
	if err := s.lockIngested(src, false); err != nil {
		t.Fatal(err)
	}
	lock, found := project.ReadLock(dir)
	if found.HasErrors() {
		t.Fatal(found)
	}
	if lock.Sources["app.b"] == nil || lock.Remotes["other"] == nil {
		t.Error("the entries of others are gone")
	}
	if got := lock.Sources["app.a"]; got == nil || got.Columns[0].Name != "three" || got.Remote.Name != "a" {
		t.Errorf("app.a: %+v", got)
	}
}

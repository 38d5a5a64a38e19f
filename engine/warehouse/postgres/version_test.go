package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

func versionsOf(t *testing.T, c *conn, names ...string) map[string]warehouse.Version {
	t.Helper()
	var relations []addr.Relation
	for _, n := range names {
		schema, name, _ := strings.Cut(n, ".")
		relations = append(relations, addr.Relation{Schema: schema, Name: name})
	}
	found, err := c.Versions(context.Background(), relations)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]warehouse.Version{}
	for r, v := range found {
		out[r.Schema+"."+r.Name] = v
	}
	return out
}

func TestVersionsOfKinds(t *testing.T) {
	c := open(t)
	run(t, c, "create schema app",
		"create table app.plain (id int, name text)",
		"create table app.parted (id int, at date) partition by range (at)",
		"create table app.part_1 partition of app.parted for values from ('2024-01-01') to ('2025-01-01')",
		"create table app.parent (id int)", "create table app.child () inherits (app.parent)",
		"create materialized view app.kept as select count(*) as n from app.plain",
		"create unlogged table app.fast (id int)",
		"create view app.seen as select 1 as a",
		"create table app.hidden (id int)", "alter table app.hidden enable row level security", "alter table app.hidden force row level security",
		"create extension postgres_fdw", "create server away foreign data wrapper postgres_fdw", "create foreign table app.far (id int) server away",
		"create table app.computed (id int, twice int generated always as (id * 2) stored)")
	all := []string{"app.plain", "app.parted", "app.parent", "app.kept", "app.fast", "app.computed"}
	tokens := func() map[string]string {
		t.Helper()
		out := map[string]string{}
		for name, v := range versionsOf(t, c, all...) {
			if v.Token == "" {
				t.Errorf("%s: %s", name, v.Unknown)
			}
			out[name] = v.Token
		}
		return out
	}
	before := tokens()
	if len(before) != len(all) {
		t.Fatalf("%v", before)
	}
	for _, step := range []struct{ sql, changed string }{
		{"insert into app.part_1 values (1, '2024-05-05')", "app.parted"},
		{"create table app.part_2 partition of app.parted for values from ('2025-01-01') to ('2026-01-01')", "app.parted"},
		{"truncate app.part_1", "app.parted"},
		{"insert into app.child values (1)", "app.parent"},
		{"refresh materialized view app.kept", "app.kept"},
		{"insert into app.fast values (1)", "app.fast"},
		{"alter table app.plain add column more int default 7", "app.plain"},
		{"alter table app.plain rename column more to others", "app.plain"},
		{"analyze app.plain", ""},
		{"insert into app.plain values (1, 'a', 2)", "app.plain"},
		{"update app.plain set name = 'b'", "app.plain"},
		{"vacuum app.plain", ""},
		{"alter table app.plain alter column id type bigint", "app.plain"},
		{"comment on table app.plain is 'words'", ""},
	} {
		run(t, c, step.sql)
		now := tokens()
		for _, name := range all {
			if (now[name] != before[name]) != (name == step.changed) {
				t.Errorf("%s: the token of %s was %s and is %s", step.sql, name, before[name], now[name])
			}
		}
		before = now
	}
	unknown := versionsOf(t, c, "app.seen", "app.far", "pg_catalog.pg_class")
	for name, want := range map[string]string{"app.seen": "it is a view", "app.far": "it is a foreign table", "pg_catalog.pg_class": "it belongs to the system"} {
		if unknown[name].Unknown != want {
			t.Errorf("%s: %+v, want %q", name, unknown[name], want)
		}
	}
	run(t, c, "select pg_stat_reset()")
	if now := tokens(); now["app.plain"] == before["app.plain"] {
		t.Error("the token outlives pg_stat_reset")
	}
}

// TestVersionsOfRoles: what a role may not see it cannot vouch for.
func TestVersionsOfRoles(t *testing.T) {
	s := pg.Shared(t)
	database := s.Database(t)
	owner := connect(t, s.Fields(database))
	suffix := strconv.FormatInt(time.Now().UnixNano(), 36)
	reader, writer := "reader_"+suffix, "writer_"+suffix
	run(t, owner, "create schema app", "create table app.t (id int)", "create table app.hidden (id int)", "alter table app.hidden enable row level security",
		"create role "+reader+" login", "create role "+writer+" login", "grant usage on schema app to "+reader+", "+writer,
		"grant select on all tables in schema app to "+reader, "grant insert on app.t to "+writer)
	t.Cleanup(func() {
		last := connect(t, s.Fields(database))
		defer last.Close()
		run(t, last, "drop owned by "+reader, "drop owned by "+writer, "drop role "+reader, "drop role "+writer)
	})
	owner.Close()
	as := func(role string) *conn {
		f := s.Fields(database)
		f["user"] = role
		c := connect(t, f)
		t.Cleanup(func() { c.Close() })
		return c
	}
	c := as(reader)
	got := settledVersions(t, c, "app.t", "app.hidden")
	if got["app.t"].Token == "" || got["app.hidden"].Unknown != "row security decides which of its rows are seen" {
		t.Errorf("%+v", got)
	}
	// Another one that may read only does not matter, one that may write does, and whether it
	// is at rest cannot be seen.
	other := as(reader)
	if _, err := other.Inspect(context.Background(), []addr.Relation{{Schema: "app", Name: "t"}}); err != nil {
		t.Fatal(err)
	}
	if again := versionsOf(t, c, "app.t"); again["app.t"] != got["app.t"] {
		t.Errorf("%+v", again)
	}
	w := as(writer)
	run(t, w, "insert into app.t values (1)")
	if v := versionsOf(t, c, "app.t")["app.t"]; v.Token != "" || !strings.Contains(v.Unknown, writer) {
		t.Errorf("%+v", v)
	}
	w.Close()
	if v := settledVersions(t, c, "app.t")["app.t"]; v.Token == got["app.t"].Token || v.Token == "" {
		t.Errorf("after the insert %+v, before %+v", v, got)
	}
	owner = connect(t, s.Fields(database))
	defer owner.Close()
	run(t, owner, "alter database "+database+" set track_counts = off")
	if v := settledVersions(t, c, "app.t")["app.t"]; v.Unknown != "track_counts is off" {
		t.Errorf("%+v", v)
	}
}

// settledVersions asks again until sessions that were closed have ended.
func settledVersions(t *testing.T, c *conn, names ...string) map[string]warehouse.Version {
	t.Helper()
	for try := 0; ; try++ {
		out := versionsOf(t, c, names...)
		if v := out[names[0]]; !strings.Contains(v.Unknown, "at work") || try == 50 {
			return out
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestVersionsMissNothing: a session that stays connected commits change after change,
// faster than it flushes its counters. Two states never have one token.
func TestVersionsMissNothing(t *testing.T) {
	s := pg.Shared(t)
	database := s.Database(t)
	c, other := connect(t, s.Fields(database)), connect(t, s.Fields(database))
	defer c.Close()
	run(t, c, "create schema app", "create table app.t (id int)")
	seen := map[string]int{}
	// known is to be new after a change, and the same as before without one.
	known := func(v warehouse.Version, i int) {
		t.Helper()
		if at, ok := seen[v.Token]; ok {
			t.Errorf("after %d and %d changes one token", at, i)
		}
		seen[v.Token] = i
	}
	for i := range 60 {
		if i%15 == 14 {
			other.Close()
			v := settledVersions(t, c, "app.t")["app.t"]
			if v.Token == "" {
				t.Errorf("after the session has ended: %s", v.Unknown)
			}
			known(v, i)
			other = connect(t, s.Fields(database))
		}
		if i%2 == 0 {
			run(t, other, fmt.Sprintf("insert into app.t values (%d)", i))
		} else {
			run(t, other, "update app.t set id = id + 1")
		}
		if v := versionsOf(t, c, "app.t")["app.t"]; v.Token != "" {
			known(v, i)
		}
	}
	other.Close()
	// The connection's own changes are always known.
	for i := range 20 {
		run(t, c, fmt.Sprintf("insert into app.t values (%d)", i))
		v := settledVersions(t, c, "app.t")["app.t"]
		if _, ok := seen[v.Token]; ok || v.Token == "" {
			t.Errorf("own change %d: %+v", i, v)
		}
		seen[v.Token] = i
	}
}

// TestVersionsBesideOwnReading: what the same connection reads meanwhile, with a pool that
// is growing, does not make tables unknown.
func TestVersionsBesideOwnReading(t *testing.T) {
	s := pg.Shared(t)
	database := s.Database(t)
	first := connect(t, s.Fields(database))
	run(t, first, "create schema app", "create table app.t (id int)")
	first.Close()
	for round := range 5 {
		c := connect(t, s.Fields(database))
		var wait sync.WaitGroup
		done := make(chan struct{})
		for range 4 {
			wait.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
					}
					if _, err := c.List(context.Background(), "", "app"); err != nil {
						t.Error(err)
						return
					}
					values(t, c, "select count(*) from app.t")
				}
			})
		}
		for i := range 5 {
			if v := versionsOf(t, c, "app.t")["app.t"]; v.Token == "" {
				t.Errorf("round %d, %d: %s", round, i, v.Unknown)
			}
		}
		close(done)
		wait.Wait()
		c.Close()
	}
}

// TestVersionsAfterACrash: statistics begin anew, so that the counters come to where they
// were, but not the token.
func TestVersionsAfterACrash(t *testing.T) {
	s, err := pg.Start(context.Background(), pg.Options{})
	if err != nil {
		t.Skip("needs " + err.Error())
	}
	defer s.Stop()
	c := connect(t, s.Fields("postgres"))
	run(t, c, "create schema app", "create table app.t (id int)", "insert into app.t values (1)", "checkpoint")
	const since = "select pg_catalog.pg_stat_get_bgwriter_stat_reset_time()::text"
	started := values(t, c, since)[0]
	before := versionsOf(t, c, "app.t")["app.t"]
	victim, err := s.Dial(context.Background(), "postgres")
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(int(victim.PID()), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	c.Close()
	// The other sessions end once the server has noticed.
	reborn := func() bool {
		again, err := (Driver{}).Open(context.Background(), warehouse.Config{Type: "postgres", Dir: t.TempDir(), Fields: s.Fields("postgres")})
		if err != nil {
			return false
		}
		c = again.(*conn)
		now := ""
		err = c.ask(context.Background(), since, nil, func(v [][]byte) { now = string(v[0]) })
		if err != nil || now == started {
			c.Close()
			return false
		}
		return true
	}
	for try := 0; !reborn(); try++ {
		if try == 200 {
			t.Fatal("the server does not come back")
		}
		time.Sleep(50 * time.Millisecond)
	}
	defer c.Close()
	run(t, c, "insert into app.t values (2)")
	if got := values(t, c, "select count(*) from app.t"); got[0] != "2" {
		t.Fatalf("%v", got)
	}
	after := settledVersions(t, c, "app.t")["app.t"]
	if before.Token == "" || after.Token == "" || after.Token == before.Token {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

// TestChecksumOfValues: rows that differ in any way that a reader could notice differ.
func TestChecksumOfValues(t *testing.T) {
	c := open(t)
	run(t, c, "create schema app")
	sum := func(typ string, exprs ...string) string {
		t.Helper()
		run(t, c, "drop table if exists app.t", "create table app.t (a "+typ+")")
		for _, e := range exprs {
			run(t, c, "insert into app.t values ("+e+")")
		}
		found, err := c.Inspect(context.Background(), []addr.Relation{{Schema: "app", Name: "t"}})
		if err != nil {
			t.Fatal(err)
		}
		q, ok := Dialect{}.Checksum(found[0].Name, found[0].Columns)
		if !ok {
			t.Fatalf("%s has no checksum", found[0].Columns[0].Type)
		}
		return values(t, c, q)[0]
	}
	for typ, list := range map[string][]string{
		"text":                {"null", "''", "'NULL'", "'a'", "'a '"},
		"double precision":    {"null", "0", "'-0'", "'NaN'", "'Infinity'", "'-Infinity'", "0.1", "0.1::real"},
		"real":                {"0", "'-0'", "'NaN'"},
		"numeric":             {"null", "1", "1.0", "1.00", "'NaN'", "10"},
		"numeric(18,3)":       {"1", "1.001"},
		"bytea":               {`'\x'`, `'\x00'`, `'\x0000'`, "null"},
		"int[]":               {"null", "'{}'", "'{NULL}'", "'{1,2}'", "'{2,1}'", "'{{1},{2}}'", "'[0:1]={1,2}'"},
		"text[]":              {"null", "'{}'", "'{NULL}'", `'{"NULL"}'`, `'{""}'`, `'{"a,b"}'`, "'{a,b}'"},
		"jsonb":               {`'{"a":1}'`, `'{"a":1.0}'`, `'{"a":"1"}'`, "'null'", "null"},
		"json":                {`'{"a":1}'`, `'{"a": 1}'`},
		"interval":            {"'1 month'", "'30 days'", "'720 hours'"},
		"time with time zone": {"'12:00+00'", "'13:00+01'"},
		"char(3)":             {"'a'", "'b'", "null"},
		"boolean":             {"true", "false", "null"},
		"uuid":                {"'00000000-0000-0000-0000-000000000000'", "null"},
		"timestamp":           {"'infinity'", "'-infinity'", "'2024-01-01'", "null"},
		"tstzrange":           {"'[2024-01-01,2024-01-02)'", "'[2024-01-01,2024-01-02]'", "'empty'"},
		"xml":                 {"'<a/>'", "'<a></a>'"},
	} {
		seen := map[string]string{sum(typ): "no row"}
		for _, e := range list {
			for _, rows := range [][]string{{e}, {e, e}, {e, e, e}} {
				s := sum(typ, rows...)
				if other, ok := seen[s]; ok {
					t.Errorf("%s: %v has the checksum of %s", typ, rows, other)
				}
				seen[s] = fmt.Sprint(rows)
			}
		}
	}
	// The zone of the session does not matter.
	for _, typ := range []string{"timestamp with time zone", "timestamp with time zone[]"} {
		zoned := sum(typ, map[bool]string{true: "array['2024-06-01 12:00+00'::timestamptz]", false: "'2024-06-01 12:00+00'"}[strings.HasSuffix(typ, "]")])
		tx, err := c.Begin(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(context.Background(), warehouse.Statement{SQL: "set local timezone = 'Asia/Tokyo'"}); err != nil {
			t.Fatal(err)
		}
		found, _ := c.Inspect(context.Background(), []addr.Relation{{Schema: "app", Name: "t"}})
		q, _ := Dialect{}.Checksum(found[0].Name, found[0].Columns)
		r, err := tx.Query(context.Background(), warehouse.Statement{SQL: q})
		if err != nil {
			t.Fatal(err)
		}
		r.Next()
		v, _ := r.Values()
		r.Close()
		tx.Close()
		if v[0] != zoned {
			t.Errorf("%s in another zone: %v, want %s", typ, v[0], zoned)
		}
	}
	for _, typ := range []string{"app.mood", "aclitem", "hstore", "tsvector", "record", "bigint)", "(", "varchar[", ""} {
		if _, ok := (Dialect{}).Checksum(addr.Relation{Name: "t"}, []warehouse.Column{{Name: "a", Type: typ}}); ok {
			t.Errorf("%q has a checksum", typ)
		}
	}
}

// run sends statements one by one.
func run(t *testing.T, c *conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		sql(t, c, s)
	}
}

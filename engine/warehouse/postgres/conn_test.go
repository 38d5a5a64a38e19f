package postgres

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// TestCancelReachesTheServer: what is canceled here does not go on there.
func TestCancelReachesTheServer(t *testing.T) {
	c := open(t)
	watcher := open(t)
	sql(t, c, "create table slow (x text); insert into slow select 'x' from generate_series(1, 1000)")
	const running = "select count(*) from pg_stat_activity where query like '%pg_sleep(3600)%' and state = 'active' and pid <> pg_backend_pid()"
	const slow = "select pg_sleep(3600)::text as x"
	for name, run := range map[string]func(context.Context) error{
		"exec": func(ctx context.Context) error {
			_, err := c.Exec(ctx, warehouse.Statement{SQL: "create table away as " + slow})
			return err
		},
		"text of the user": func(ctx context.Context) error {
			text := "select 1; " + slow
			_, err := c.Exec(ctx, warehouse.Statement{SQL: text, BodyEnd: len(text)})
			return err
		},
		"query": func(ctx context.Context) error {
			r, err := c.Query(ctx, warehouse.Statement{SQL: slow})
			if err != nil {
				return err
			}
			defer r.Close()
			for r.Next() {
			}
			return r.Err()
		},
		"transaction": func(ctx context.Context) error {
			tx, err := c.Begin(ctx)
			if err != nil {
				return err
			}
			defer tx.Close()
			_, err = tx.Exec(ctx, warehouse.Statement{SQL: "update slow set x = pg_sleep(3600)::text"})
			if rerr := tx.Rollback(ctx); rerr != nil {
				t.Error(rerr)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- run(ctx) }()
			for range 500 {
				if values(t, watcher, running)[0] == "1" {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			want(t, watcher, running, "1")
			cancel()
			err := <-done
			if !errors.Is(err, context.Canceled) || Classify(err) != Interrupted {
				t.Errorf("error %v", err)
			}
			want(t, watcher, running, "0")
			want(t, c, "select count(*) from slow where x = 'x'", "1000")
		})
	}
	t.Run("rows that nobody reads", func(t *testing.T) {
		r, err := c.Query(context.Background(), warehouse.Statement{SQL: "select generate_series(1, 100000000), repeat('x', 1000)"})
		if err != nil || !r.Next() {
			t.Fatal(err)
		}
		start := time.Now()
		if err := r.Close(); err != nil || time.Since(start) > 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		want(t, watcher, "select count(*) from pg_stat_activity where query like '%100000000%' and state = 'active' and pid <> pg_backend_pid()", "0")
	})
}

// TestKilledClient: the server ends what it runs for a process that was killed.
func TestKilledClient(t *testing.T) {
	c, watcher := open(t), open(t)
	if n, err := strconv.Atoi(values(t, watcher, "select current_setting('server_version_num')")[0]); err != nil || n < 140000 {
		return // PostgreSQL 13 does not look after its clients
	}
	sql(t, c, "create schema core")
	one, err := c.acquire(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer one.Release()
	raw := one.Conn().PgConn()
	ended := make(chan error, 1)
	go func() {
		_, err := send(context.Background(), raw, "create table core.vain as select pg_sleep(3601)::text as x")
		ended <- err
	}()
	const running = "select count(*) from pg_stat_activity where query like '%pg_sleep(3601)%' and state = 'active' and pid <> pg_backend_pid()"
	seen := func(n string) bool {
		for range 1000 {
			if values(t, watcher, running)[0] == n {
				return true
			}
			time.Sleep(20 * time.Millisecond)
		}
		return false
	}
	if !seen("1") {
		t.Fatal("the statement never ran")
	}
	raw.Conn().Close()
	if err := <-ended; Classify(err) != Lost {
		t.Errorf("%v", err)
	}
	if !seen("0") {
		t.Error("the server goes on")
	}
	want(t, c, "select to_regclass('core.vain')::text", "NULL")
}

// TestQueryChangesNothing: a query runs in a transaction that only reads.
func TestQueryChangesNothing(t *testing.T) {
	c := open(t)
	sql(t, c, "create table kept (id int); insert into kept values (1); create function gone() returns int language sql as 'delete from kept returning 1'")
	for _, q := range []string{"select gone()", "delete from kept returning id", "select 1; delete from kept", "commit", "select 1) ; delete from kept"} {
		r, err := c.Query(context.Background(), warehouse.Statement{SQL: q})
		if err == nil {
			for r.Next() {
			}
			err = r.Err()
			r.Close()
		}
		if err == nil && q != "commit" {
			t.Errorf("%s succeeded", q)
		}
	}
	want(t, c, "select id from kept", "1")
	if _, err := c.Query(context.Background(), warehouse.Statement{SQL: "-- nothing"}); err == nil || !strings.Contains(err.Error(), "empty") {
		t.Errorf("an empty query: %v", err)
	}
}

// TestOneStatement: the text of a query cannot end the statement around it.
func TestOneStatement(t *testing.T) {
	c := open(t)
	sql(t, c, "create schema core; create table core.kept (id int)")
	stmts, err := c.d().Render(warehouse.CreateTableAs{Target: rel("x"), Query: "select 1); drop table core.kept; select (1"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Exec(context.Background(), stmts[0])
	if e := warehouse.Explain(c.d(), err); e.Message != "the query is several statements" {
		t.Errorf("%+v", e)
	}
	want(t, c, "select count(*) from core.kept", "0")
	if _, err := c.Exec(context.Background(), warehouse.Statement{SQL: "select 'a\x00b'"}); err == nil || !strings.Contains(err.Error(), "zero byte") {
		t.Errorf("a zero byte: %v", err)
	}
}

// TestTextOfTheUser: hooks may be several statements; what they set does not reach others,
// and they cannot end a transaction.
func TestTextOfTheUser(t *testing.T) {
	s := pg.Shared(t)
	fields := s.Fields(s.Database(t))
	fields["connections"], fields["search_path"] = "2", `"$user", public, "Odd, Name"`
	c := connect(t, fields)
	defer c.Close()
	ctx := context.Background()
	sql(t, c, "create table hook (id int); insert into hook values (1); set timezone = 'Asia/Tokyo'; set search_path = nowhere; create temporary table mine (id int); select set_config('datestyle', 'German', false)")
	want(t, c, "select current_setting('timezone'), current_setting('datestyle'), current_setting('search_path'), to_regclass('mine')::text", `UTC|ISO, YMD|"$user", public, "Odd, Name"|NULL`)
	bad := "insert into hook values (2); begin; insert into hook values (3)"
	if _, err := c.Exec(ctx, warehouse.Statement{SQL: bad, BodyEnd: len(bad)}); Classify(err) != Transaction {
		t.Errorf("%v", err)
	}
	want(t, c, "select count(*) from hook where id = 3", "0")
	for _, bad := range []string{"commit", "rollback", "insert into hook values (4); commit; begin"} {
		tx, err := c.Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(ctx, warehouse.Statement{SQL: "set local lock_timeout = '5s'", BodyEnd: 29}); err != nil {
			t.Error(err)
		}
		if _, err := tx.Exec(ctx, warehouse.Statement{SQL: bad, BodyEnd: len(bad)}); Classify(err) != Transaction {
			t.Errorf("%s: %v", bad, err)
		}
		if err := tx.Close(); err != nil {
			t.Error(err)
		}
	}
	tx, err := c.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	if _, err := tx.Exec(ctx, warehouse.Statement{SQL: "select nothing"}); err == nil {
		t.Error("a mistake went through")
	}
	if err := tx.Commit(ctx); Classify(err) != Transaction {
		t.Errorf("commit after an error: %v", err)
	}
}

// TestManySmallStatements: more workers than connections, none waits for ever.
func TestManySmallStatements(t *testing.T) {
	s := pg.Shared(t)
	fields := s.Fields(s.Database(t))
	fields["connections"] = "8"
	c := connect(t, fields)
	defer c.Close()
	sql(t, c, "create schema core; create table core.n (n int)")
	var wg sync.WaitGroup
	for i := range 1000 {
		wg.Go(func() {
			ctx := context.Background()
			if _, err := c.Exec(ctx, warehouse.Statement{SQL: fmt.Sprintf("insert into core.n values (%d)", i)}); err != nil {
				t.Error(err)
			}
			if i%10 == 0 {
				if got := values(t, c, fmt.Sprintf("select %d", i)); got[0] != fmt.Sprint(i) {
					t.Errorf("got %s", got)
				}
			}
		})
	}
	wg.Wait()
	want(t, c, "select count(distinct n) from core.n", "1000")
	if n := c.pool.Stat().TotalConns(); n > 8 {
		t.Errorf("%d connections", n)
	}
}

// TestLostConnection: a server that ends a connection is told apart; the next statement
// finds another one, and a transaction is not half done.
func TestLostConnection(t *testing.T) {
	c, killer := open(t), open(t)
	ctx := context.Background()
	sql(t, c, "create table kept (id int)")
	database := values(t, c, "select current_database()")[0]
	tx, err := c.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, warehouse.Statement{SQL: "insert into kept values (1)"}); err != nil {
		t.Fatal(err)
	}
	sql(t, killer, "select pg_terminate_backend(pid) from pg_stat_activity where datname = '"+database+"'")
	_, err = tx.Exec(ctx, warehouse.Statement{SQL: "insert into kept values (2)"})
	if err == nil {
		err = tx.Commit(ctx)
	}
	if Classify(err) != Lost {
		t.Errorf("error %v", err)
	}
	if e := warehouse.Explain(c.d(), err); e.Help == "" {
		t.Errorf("%+v", e)
	}
	if err := tx.Close(); err != nil {
		t.Error(err)
	}
	for range 3 { // idle connections may be gone, too
		if _, err = c.Exec(ctx, warehouse.Statement{SQL: "select 1"}); err == nil {
			break
		}
	}
	if err != nil {
		t.Error(err)
	}
	want(t, c, "select count(*) from kept", "0")
}

// TestConflicts: deadlocks and locks that are not had in time may be tried again.
func TestConflicts(t *testing.T) {
	s := pg.Shared(t)
	fields := s.Fields(s.Database(t))
	fields["lock_timeout"], fields["statement_timeout"] = "100ms", "2s"
	c := connect(t, fields)
	defer c.Close()
	ctx := context.Background()
	sql(t, c, "create table kept (id int)")
	one, err := c.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	if _, err := one.Exec(ctx, warehouse.Statement{SQL: "lock table kept"}); err != nil {
		t.Fatal(err)
	}
	other, err := c.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.Exec(ctx, warehouse.Statement{SQL: "insert into kept values (1)"}); !warehouse.Conflict(err) {
		t.Errorf("%v", err)
	}
	if _, err := c.Exec(ctx, warehouse.Statement{SQL: "select pg_sleep(10)"}); Classify(err) != TimedOut || warehouse.Explain(c.d(), err).Help == "" {
		t.Errorf("%v", err)
	}
}

// TestJobLimit: a job's time limit ends one statement, and is not taken for an interrupt.
func TestJobLimit(t *testing.T) {
	c := open(t)
	ctx := warehouse.WithJob(context.Background(), warehouse.Job{Timeout: 150 * time.Millisecond})
	if _, err := c.Exec(ctx, warehouse.Statement{SQL: "select pg_sleep(60)::text"}); Classify(err) != TimedOut || errors.Is(err, context.DeadlineExceeded) || warehouse.Explain(c.d(), err).Help == "" {
		t.Errorf("%v", err)
	}
	r, err := c.Query(ctx, warehouse.Statement{SQL: "select pg_sleep(60)::text"})
	if err == nil {
		for r.Next() {
		}
		err = r.Err()
		r.Close()
	}
	if Classify(err) != TimedOut {
		t.Errorf("%v", err)
	}
	want(t, c, "select count(*) from pg_stat_activity where query like '%pg_sleep(60)%' and state = 'active' and pid <> pg_backend_pid()", "0")
}

// TestDataErrors: a value of a row is told from a mistake in the text.
func TestDataErrors(t *testing.T) {
	c := open(t)
	sql(t, c, "create table v (x text); insert into v values ('a')")
	for query, data := range map[string]bool{"select x::int from v": true, "select 1 / (length(x) - 1) from v": true, "select 'a'::int from v": false, "select y from v": false} {
		_, err := c.Exec(context.Background(), warehouse.Statement{SQL: query})
		if e := warehouse.Explain(c.d(), err); e.Data != data || e.Message == "" {
			t.Errorf("%s: %+v", query, e)
		}
	}
}

// TestCandidates: names that are not known come with those that are.
func TestCandidates(t *testing.T) {
	c := open(t)
	sql(t, c, `create schema core; create table core.orders (id int, amount numeric, "Note" text); create view core.recent as select * from core.orders`)
	for query, want := range map[string]string{
		`select amuont from "core"."orders"`:          "amuont: amount",
		`select xyz from "core"."orders"`:             "xyz: id amount Note",
		`select o.note from "core"."orders" as o`:     "note: Note",
		`select 1 from "core"."ordres"`:               "core.ordres: core.orders core.recent",
		`select no_such_function(1)`:                  "no_such_function: ",
		`select 1 from "core"."orders" where id = ''`: ": ",
	} {
		_, err := c.Exec(context.Background(), warehouse.Statement{SQL: query})
		e := warehouse.Explain(c.d(), err)
		if got := e.Word + ": " + strings.Join(e.Candidates, " "); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}

// TestValuesOfOtherTypes: what the contract has no type for is documented in rows.go.
func TestValuesOfOtherTypes(t *testing.T) {
	c := open(t)
	sql(t, c, "create type mood as enum ('sad', 'very happy'); create type pair as (a int, b text); create domain small as int check (value < 10)")
	at := time.Date(2024, 2, 29, 23, 59, 59, 500000000, time.UTC)
	for expr, want := range map[string]any{
		"array[1, null, 3]":                                   []any{int64(1), nil, int64(3)},
		"'[2:3]={1,2}'::int[]":                                []any{int64(1), int64(2)},
		"array[array[1.50, 2], array[3, 4]]":                  []any{[]any{"1.50", "2"}, []any{"3", "4"}},
		"'{}'::text[]":                                        []any{},
		`array['a,b', '{}', 'NULL', '', 'it''s \ "x"', null]`: []any{"a,b", "{}", "NULL", "", `it's \ "x"`, nil},
		"array[true, false]":                                  []any{true, false},
		"array['2024-02-29'::date]":                           []any{time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)},
		"array['very happy'::mood]":                           []any{"very happy"},
		"'very happy'::mood":                                  "very happy",
		"row(1, 'x y')::pair":                                 `(1,"x y")`,
		"3::small":                                            int64(3),
		"12345678901234567890.123456789::numeric":             "12345678901234567890.123456789",
		"1.50::numeric(5,2)":                                  "1.50",
		"'NaN'::numeric":                                      "NaN",
		"0.1::real":                                           0.1,
		"'{\"b\": 1, \"a\": [1.0]}'::json":                    `{"b": 1, "a": [1.0]}`,
		"'{\"b\": 1, \"a\": [1.0]}'::jsonb":                   `{"a": [1.0], "b": 1}`,
		"'00000000-0000-0000-0000-00000000000a'::uuid":        "00000000-0000-0000-0000-00000000000a",
		"'1 year 2 mons 3 days 04:05:06.7'::interval":         "1 year 2 mons 3 days 04:05:06.7",
		"'10:00:01.5'::time":                                  "10:00:01.5",
		"'ab'::char(4)":                                       "ab  ",
		"'infinity'::timestamp":                               "infinity",
		"'-infinity'::date":                                   "-infinity",
		"'0044-03-15 BC'::date":                               time.Date(-43, 3, 15, 0, 0, 0, 0, time.UTC),
		"'12024-03-15 01:02:03'::timestamp":                   time.Date(12024, 3, 15, 1, 2, 3, 0, time.UTC),
		"'2024-03-01 08:59:59.5+09'::timestamptz":             at,
		"'2024-02-29 23:59:59.5'::timestamp":                  at,
		"int4range(1, 5)":                                     "[1,5)",
		"b'101'":                                              "101",
		"'192.168.0.1/32'::inet":                              "192.168.0.1",
		"32767::smallint":                                     int64(32767),
		"null::int":                                           nil,
	} {
		r, err := c.Query(context.Background(), warehouse.Statement{SQL: "select " + expr + " as v"})
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		if !r.Next() {
			t.Errorf("%s: no row, %v", expr, r.Err())
			continue
		}
		v, err := r.Values()
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		if d := cmp.Diff(want, v[0]); d != "" {
			t.Errorf("%s:\n%s", expr, d)
		}
		r.Close()
	}
	for expr, want := range map[string]string{"1.5::numeric(10,3)": "numeric(10,3)", "1.5::numeric(3,1)": "numeric(3,1)", "'x'::varchar(7)": "character varying(7)", "now()::timestamp(3)": "timestamp(3) without time zone", "'sad'::mood": "mood", "array['sad'::mood]": "mood[]",
		"row(1, 'x')::pair": "pair", "3::small": "integer", "array['x'::varchar(7)]": "character varying(7)[]", "'x'::char(3)": "character(3)", "now()": "timestamp with time zone", "int4range(1, 5)": "int4range", "'x'": "text"} {
		r, err := c.Query(context.Background(), warehouse.Statement{SQL: "select " + expr + " as v"})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Columns()[0].Type; got != want {
			t.Errorf("type of %s is %s, want %s", expr, got, want)
		}
		r.Close()
	}
}

// TestInspectDoesNotWait: the catalog answers while a relation is being replaced.
func TestInspectDoesNotWait(t *testing.T) {
	c := open(t)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	sql(t, c, "create schema core; create table core.a as select 1 as id; analyze core.a; create table core.b as select 1 as id; create materialized view core.m as select 1 as id")
	tx, err := c.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	if _, err := tx.Exec(ctx, warehouse.Statement{SQL: "lock table core.a"}); err != nil {
		t.Fatal(err)
	}
	found, err := c.Inspect(ctx, []addr.Relation{rel("a"), rel("b"), rel("m")})
	if err != nil || len(found) != 3 {
		t.Fatal(found, err)
	}
	if found[0].Rows != 1 || found[0].Bytes != -1 || found[1].Rows != -1 || found[1].Bytes < 8192 || found[2].Kind != warehouse.MaterializedView {
		t.Errorf("%+v", found)
	}
	if listed, err := c.List(ctx, "", "core"); err != nil || len(listed) != 3 {
		t.Error(listed, err)
	}
}

// TestOpenErrors: every way in which a server is not reached has its own words, and none
// shows a password.
func TestOpenErrors(t *testing.T) {
	pg.Shared(t) // or skip
	certificate, key, authority := certificates(t)
	_, _, stranger := certificates(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	s, err := pg.Start(context.Background(), pg.Options{
		Settings:    []string{"listen_addresses='127.0.0.1'", fmt.Sprintf("port=%d", port), "ssl=on"},
		Access:      "local all all trust\nhostssl all engine 127.0.0.1/32 scram-sha-256\nhostnossl plain engine 127.0.0.1/32 scram-sha-256\n",
		Certificate: certificate, Key: key, Port: port,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	const password = "s3cr3t'\\ @/:"
	for _, text := range []string{"alter role engine password 's3cr3t''\\ @/:'", "create database plain", `create role "odd role"`} {
		if err := s.Exec(context.Background(), "postgres", text); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"ca.pem": string(authority), "other.pem": string(stranger), "pgpass": "127.0.0.1:*:*:engine:s3cr3t'\\\\ @/\\:\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	good := map[string]string{"host": "127.0.0.1", "port": fmt.Sprint(port), "user": "engine", "password": password, "dbname": "postgres", "sslmode": "verify-ca", "sslrootcert": "ca.pem", "connect_timeout": "5"}
	escaped := "s3cr3t%27%5C%20%40%2F%3A"
	tests := []struct {
		name   string
		change map[string]string
		reason string // empty: it opens
	}{
		{"verified", nil, ""},
		{"url", map[string]string{"url": fmt.Sprintf("postgres://engine:%s@127.0.0.1:%d/postgres?sslmode=require", escaped, port), "host": "", "port": "", "user": "", "password": "", "dbname": "", "sslmode": "", "sslrootcert": ""}, ""},
		{"passfile", map[string]string{"password": "", "passfile": "pgpass"}, ""},
		{"keepalives", map[string]string{"keepalives": "0", "application_name": "it's me"}, ""},
		{"role", map[string]string{"role": "odd role"}, ""},
		{"no such role to act as", map[string]string{"role": "nobody"}, `PostgreSQL refuses role: role "nobody" does not exist`},
		{"password", map[string]string{"password": "wrong"}, "refuses the password of role"},
		{"no password", map[string]string{"password": ""}, "wants a password for role"},
		{"no such user", map[string]string{"user": "nobody"}, "lets role"},
		{"no such database", map[string]string{"dbname": "missing"}, `the database "missing" does not exist`},
		{"no TLS from here", map[string]string{"sslmode": "disable"}, "lets role"},
		{"other authority", map[string]string{"sslrootcert": "other.pem"}, "from an authority that is not known"},
		{"other name", map[string]string{"sslmode": "verify-full"}, "is for another name"},
		{"certificate missing", map[string]string{"sslrootcert": "missing.pem"}, "the file of sslrootcert cannot be read"},
		{"certificate without key", map[string]string{"sslcert": "ca.pem"}, "belong together"},
		{"no such host", map[string]string{"host": "no-such-host.invalid"}, "no server named"},
		{"no such port", map[string]string{"port": "1"}, "no server listens there"},
		{"no such socket", map[string]string{"host": dir}, "no server listens there"},
		{"sslmode", map[string]string{"sslmode": "maybe"}, `sslmode is "maybe"`},
		{"port", map[string]string{"port": "five"}, `port is "five"`},
		{"timeout", map[string]string{"connect_timeout": "0"}, `connect_timeout is "0"`},
		{"statement timeout", map[string]string{"statement_timeout": "soon"}, "PostgreSQL refuses statement_timeout"},
		{"connections", map[string]string{"connections": "1"}, `connections is "1"`},
		{"broken url", map[string]string{"url": "postgres://engine:s3cr3t%zz@host/db"}, "is not a postgres:// URL"},
		{"foreign url", map[string]string{"url": "mysql://engine:s3cr3t@host/db"}, "is not a postgres:// URL"},
		{"unknown parameter", map[string]string{"url": "postgres://engine:s3cr3t@host/db?pool=3"}, `the parameter "pool"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fields := map[string]string{}
			for _, m := range []map[string]string{good, tt.change} {
				for k, v := range m {
					fields[k] = v
				}
			}
			c, err := Driver{}.Open(context.Background(), warehouse.Config{Type: "postgres", Dir: dir, Fields: fields})
			if tt.reason == "" {
				if err != nil {
					t.Fatal(err, errors.Unwrap(errors.Unwrap(err)))
				}
				defer c.Close()
				if tt.change["role"] == "" {
					want(t, c, "select ssl::text from pg_stat_ssl where pid = pg_backend_pid()", "true")
				}
				return
			}
			open := (*warehouse.OpenError)(nil)
			if !errors.As(err, &open) {
				t.Fatalf("error %v", err)
			}
			if !strings.Contains(open.Reason, tt.reason) || open.Help == "" {
				t.Errorf("reason %q, help %q (%v)", open.Reason, open.Help, errors.Unwrap(errors.Unwrap(err)))
			}
			for _, text := range []string{err.Error(), open.Help, fmt.Sprintf("%+v %v", open.Err, open)} {
				if strings.Contains(text, "s3cr3t") || strings.Contains(text, "\n") {
					t.Errorf("it shows %q", text)
				}
			}
		})
	}
}

// certificates makes an authority, and a certificate of a server that is called otherwise
// than the tests call it.
func certificates(t *testing.T) (certificate, key, authority []byte) {
	t.Helper()
	make := func(name string, ca bool, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, []byte) {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: ca, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
		if parent == nil {
			parent, signer = template, k
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &k.PublicKey, signer)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return c, k, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	root, rootKey, authority := make("authority", true, nil, nil)
	_, serverKey, certificate := make("db.example", false, root, rootKey)
	der, err := x509.MarshalECPrivateKey(serverKey)
	if err != nil {
		t.Fatal(err)
	}
	return certificate, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), authority
}

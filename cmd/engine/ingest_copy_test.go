package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/engine/warehouse/postgres"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// copyProject is a project whose source is a database of the test's server.
type copyProject struct {
	t        *testing.T
	dir      string
	server   *pg.Server
	database string // of the app
	landed   string // of the target postgres
}

func newCopyProject(t *testing.T) *copyProject {
	t.Helper()
	server := pg.Shared(t)
	p := &copyProject{t: t, dir: t.TempDir(), server: server, database: server.Database(t), landed: server.Database(t)}
	p.connect(server.Fields(p.database))
	return p
}

// connect writes engine.yml with a connection.
func (p *copyProject) connect(fields map[string]string) {
	p.t.Helper()
	flow := func(fields map[string]string) string {
		var b strings.Builder
		for name, value := range fields {
			fmt.Fprintf(&b, ", %s: %q", name, value)
		}
		return b.String()
	}
	p.write("engine.yml", "name: shop\ndefault_target: duck\ntargets:\n  duck: {type: duckdb, path: target/duck.duckdb, schema: main}\n  post: {type: postgres, schema: main"+flow(p.server.Fields(p.landed))+"}\nconnections:\n  app: {type: postgres"+flow(fields)+"}\n")
}

func (p *copyProject) write(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// app runs statements in the app's database.
func (p *copyProject) app(sql string) {
	p.t.Helper()
	if err := p.server.Exec(context.Background(), p.database, sql); err != nil {
		p.t.Fatal(err)
	}
}

func (p *copyProject) engine(args ...string) (int, string) {
	p.t.Helper()
	a, out, errs := world(p.t, map[string]string{"LANG": "C.UTF-8"})
	a.getwd = func() (string, error) { return p.dir, nil }
	a.now = time.Now
	code := a.execute(append(args, "--no-color"))
	return code, out.String() + errs.String()
}

func (p *copyProject) ok(args ...string) string {
	p.t.Helper()
	code, text := p.engine(args...)
	if code != exitDone {
		p.t.Fatalf("engine %s: exit code %d\n%s", strings.Join(args, " "), code, text)
	}
	return text
}

func (p *copyProject) fails(want string, args ...string) string {
	p.t.Helper()
	code, text := p.engine(args...)
	if code == exitDone || !strings.Contains(text, want) {
		p.t.Fatalf("engine %s: exit code %d, want %q in\n%s", strings.Join(args, " "), code, want, text)
	}
	return text
}

// rows asks a target, one text for each row.
func (p *copyProject) rows(target, sql string) []string {
	p.t.Helper()
	var c warehouse.Conn
	var err error
	ctx := context.Background()
	if target == "post" {
		c, err = postgres.Driver{}.Open(ctx, warehouse.Config{Fields: p.server.Fields(p.landed)})
	} else {
		c, err = duckdb.Driver{}.Open(ctx, warehouse.Config{Dir: p.dir, Fields: map[string]string{"path": "target/duck.duckdb", "read_only": "true"}})
	}
	if err != nil {
		p.t.Fatal(err)
	}
	defer c.Close()
	rows, err := c.Query(ctx, warehouse.Statement{SQL: sql})
	if err != nil {
		p.t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			p.t.Fatal(err)
		}
		words := make([]string, len(values))
		for i, v := range values {
			if words[i] = "NULL"; v != nil {
				words[i] = fmt.Sprint(v)
			}
		}
		out = append(out, strings.Join(words, "|"))
	}
	if err := rows.Err(); err != nil {
		p.t.Fatal(err)
	}
	return out
}

const oddTables = `
create type mood as enum ('sad', 'ok');
create domain price as numeric(10,2) check (value >= 0);
create domain dear as price;
create table "Odd Table" (
  id bigint primary key, "select" text, "MixedCase" varchar(20), "quo""te" char(5), small smallint, int4 integer, r real, d double precision, b boolean,
  n numeric, n2 numeric(12,3), n3 numeric(30,5), dom dear, u uuid, j json, jb jsonb, e mood, a integer[], ta text[], iv interval, dt date, t time, ts timestamp, tz timestamptz, raw bytea, ip inet
);
insert into "Odd Table" values
 (1, E'tab\there', 'Ünï', 'ab', -32768, -2147483648, 1.5, 0.1, true, 123456789.123456789, -1.5, 1234567890123456789012345.12345, 9.99, '8c9f9b9e-0000-4000-8000-0123456789ab', '{"a" : 1}', '{"b": [1, 2]}', 'ok', '{1,2,NULL}', '{"a b",c}', '1 day 02:03:04', '2024-02-29', '23:59:59.999999', '2024-02-29 12:34:56.123456', '2024-02-29 12:34:56.123456+02', '\x00ff27', '10.0.0.1'),
 (2, E'line\nbreak \\N "q" ''s''', '', '', 32767, 2147483647, 'NaN', 'Infinity', false, -0.000000001, 0, 0, 0, null, 'null', '"x"', 'sad', '{}', '{}', '0', 'infinity', '00:00:00', 'infinity', '-infinity', '', '::1'),
 (3, repeat('lång ', 20000), null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, '0044-03-15 BC', '24:00:00', '1999-12-31 23:59:59.999999', '1900-01-01 00:00:00+00', null, null),
 (4, null, null, null, 0, 0, '-Infinity', -0.0, null, 100000000000000000000, 999999999.999, -0.00001, 99999999.99, null, null, null, null, null, null, null, '-infinity', null, '0001-01-01', '9999-12-31 23:59:59.999999', '\xdeadbeef', null);
create table secrets (id integer primary key, email text, password text, "API_Token" text, phone text, name text, note text);
insert into secrets select i, 'user' || i || '@example.com', 'PWHIDDEN' || i, 'TOKHIDDEN' || i, '0049-' || i || '-555', 'NAMEHIDDEN' || i, 'NOTEHIDDEN' || i from generate_series(1, 50) as i;
create table "order" (id integer primary key, "from" text);
insert into "order" values (1, 'x');
create table never_taken (id integer, what text);
insert into never_taken values (1, 'NEVERHIDDEN');
`

const oddSources = `
sources:
  - name: app
    schema: raw_app
    ingest: {kind: copy, connection: app, deny_columns: ["(?i)password|token"]}
    tables:
      - name: odd
        ingest: {table: Odd Table, columns: "*"}
      - name: secrets
        ingest:
          columns: "*"
          except: [note]
          transform: {email: sha256, phone: {truncate: 4}, name: {constant: "it's \\ x"}}
      - name: orders
        ingest: {table: order, columns: [from, id]}
`

// TestIngestCopyTypes: no value changes on its way.
func TestIngestCopyTypes(t *testing.T) {
	p := newCopyProject(t)
	p.app(oddTables)
	p.write("models/sources.yml", oddSources)
	text := p.ok("ingest", "--dry-run")
	for _, want := range []string{"password", "stays there", "DECIMAL(38,9)", "sha256"} {
		if !strings.Contains(text, want) {
			t.Errorf("dry run: want %q in\n%s", want, text)
		}
	}
	if _, err := os.Stat(filepath.Join(p.dir, "target", "duck.duckdb")); err == nil {
		t.Error("a dry run made the target's file")
	}
	for _, target := range []string{"duck", "post"} {
		p.ok("ingest", "--target", target)
	}
	duck := strings.Join(p.rows("duck", `select id, "MixedCase", small, int4, r, d, b, n, n2, n3, dom, u, cast(j as varchar), cast(jb as varchar), e, a, ta, iv, cast(dt as varchar), cast(t as varchar), cast(ts as varchar), cast(tz as varchar), hex(raw), ip, length("select"), "quo""te" from raw_app.odd order by id`), "\n")
	want := `1|Ünï|-32768|-2147483648|1.5|0.1|true|123456789.123456789|-1.500|1234567890123456789012345.12345|9.99|8c9f9b9e-0000-4000-8000-0123456789ab|{"a" : 1}|{"b": [1, 2]}|ok|{1,2,NULL}|{"a b",c}|1 day 02:03:04|2024-02-29|23:59:59.999999|2024-02-29 12:34:56.123456|2024-02-29 10:34:56.123456+00|00FF27|10.0.0.1/32|8|ab
2||32767|2147483647|NaN|+Inf|false|-0.000000001|0.000|0.00000|0.00|NULL|null|"x"|sad|{}|{}|00:00:00|infinity|00:00:00|infinity|-infinity||::1/128|21|
3|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|0044-03-15 (BC)|24:00:00|1999-12-31 23:59:59.999999|1900-01-01 00:00:00+00|NULL|NULL|100000|NULL
4|NULL|0|0|-Inf|0|NULL|100000000000000000000.000000000|999999999.999|-0.00001|99999999.99|NULL|NULL|NULL|NULL|NULL|NULL|NULL|-infinity|NULL|0001-01-01 00:00:00|9999-12-31 23:59:59.999999+00|DEADBEEF|NULL|NULL|NULL`
	if d := cmp.Diff(want, duck); d != "" {
		t.Errorf("DuckDB (-want +got):\n%s", d)
	}
	// Into PostgreSQL everything comes as it was, but for what the other database need not know.
	all := `select md5(string_agg(concat_ws('|', id, "select", "MixedCase", "quo""te"::text, small, int4, r, d, b, trim_scale(n), n2, n3, dom, u, j, jb, e, a, ta, iv, dt, t, ts, tz, raw, ip::text), '#' order by id)) from `
	var there []string
	c, err := postgres.Driver{}.Open(context.Background(), warehouse.Config{Fields: p.server.Fields(p.database)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	there = answer(t, c, all+`"Odd Table"`)
	if d := cmp.Diff(there, p.rows("post", all+"raw_app.odd")); d != "" {
		t.Errorf("PostgreSQL (-remote +landed):\n%s", d)
	}
	for _, target := range []string{"duck", "post"} {
		got := p.rows(target, "select * from raw_app.secrets where id = 7")
		want := []string{"7|" + "c95a1ff5" + "|0049|it's \\ x"}
		if len(got) == 1 {
			parts := strings.Split(got[0], "|")
			if len(parts) == 4 && len(parts[1]) == 64 {
				parts[1] = "c95a1ff5"
				got = []string{strings.Join(parts, "|")}
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", target, d)
		}
		if d := cmp.Diff([]string{"x|1"}, p.rows(target, "select * from raw_app.orders")); d != "" {
			t.Errorf("%s: %s", target, d)
		}
	}
	hashed := answer(t, c, "select encode(sha256(convert_to(email, 'UTF8')), 'hex') from secrets")
	landed := p.rows("duck", "select email from raw_app.secrets")
	slices.Sort(landed)
	if d := cmp.Diff(hashed, landed); d != "" {
		t.Error(d)
	}
	// The models build on what landed, from the lock alone.
	p.write("models/m.sql", `select id, n2 + 1 as more, json_value(jb, '$.b[0]') as first, date_diff(date '2024-03-01', dt, day) as age from {{ source "app" "odd" }} where id = 1`)
	for _, target := range []string{"duck", "post"} {
		p.ok("build", "--target", target, "--no-catalog")
		if d := cmp.Diff("1|-0.5", strings.Join(p.rows(target, "select id, cast(more as double precision) from main.m"), "\n")); d != "" {
			t.Errorf("%s: %s", target, d)
		}
	}
}

// relay stands between the engine and a server and keeps all that goes over the wire.
type relay struct {
	net.Listener
	mu   sync.Mutex
	sent bytes.Buffer // to the engine
	said bytes.Buffer // to the server
}

func newRelay(t *testing.T, server *pg.Server, database string) (*relay, map[string]string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{Listener: l}
	t.Cleanup(func() { l.Close() })
	fields := server.Fields(database)
	socket := filepath.Join(server.Host, ".s.PGSQL."+fields["port"])
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("unix", socket)
			if err != nil {
				in.Close()
				continue
			}
			go r.pass(out, in, &r.said)
			go r.pass(in, out, &r.sent)
		}
	}()
	host, port, _ := net.SplitHostPort(l.Addr().String())
	fields["host"], fields["port"] = host, port
	return r, fields
}

func (r *relay) pass(to, from net.Conn, keep *bytes.Buffer) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		r.mu.Lock()
		keep.Write(buf[:n])
		r.mu.Unlock()
		if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}

// TestIngestCopyPrivacy: what is denied is not on the wire, in no file and in no record.
func TestIngestCopyPrivacy(t *testing.T) {
	p := newCopyProject(t)
	p.app(oddTables)
	wire, fields := newRelay(t, p.server, p.database)
	p.connect(fields)
	p.write("models/sources.yml", oddSources)
	text := p.ok("ingest", "--verbose") + p.ok("ingest", "--dry-run", "-o", "json") + p.ok("ingest", "--target", "post", "-o", "json", "--full")
	hidden := []string{"PWHIDDEN", "TOKHIDDEN", "NAMEHIDDEN", "NOTEHIDDEN", "NEVERHIDDEN", "@example.com", "-555"}
	wire.mu.Lock()
	sent, said := wire.sent.String(), wire.said.String()
	wire.mu.Unlock()
	if !strings.Contains(sent, "Ünï") || !strings.Contains(said, "copy (select") {
		t.Fatal("the relay saw nothing of it")
	}
	for _, word := range hidden {
		if strings.Contains(sent, word) {
			t.Errorf("%q went over the wire", word)
		}
		if strings.Contains(text, word) {
			t.Errorf("%q was printed", word)
		}
	}
	for _, statement := range []string{`"password"`, `"API_Token"`, `"note"`, "never_taken", `"name"::`} {
		if strings.Contains(said, statement) {
			t.Errorf("the remote was asked for %s", statement)
		}
	}
	files := 0
	err := filepath.WalkDir(p.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		for _, word := range hidden {
			if bytes.Contains(data, []byte(word)) {
				t.Errorf("%q is in %s", word, path)
			}
		}
		return err
	})
	if err != nil || files < 3 {
		t.Errorf("%d files, %v", files, err)
	}
	// The lock says what was seen, so that a review of privacy is a difference.
	lock, err := os.ReadFile(filepath.Join(p.dir, "engine.lock.json"))
	if err != nil || !bytes.Contains(lock, []byte(`"name": "password"`)) {
		t.Errorf("the lock does not tell of the column: %v", err)
	}
}

// TestIngestCopyWatermark: rows that are new or changed take the place of their earlier
// versions, and all that was there stays.
func TestIngestCopyWatermark(t *testing.T) {
	for _, target := range []string{"duck", "post"} {
		t.Run(target, func(t *testing.T) {
			p := newCopyProject(t)
			p.app(`create table event (id integer, part text, amount numeric(10,2), updated_at timestamptz, primary key (id, part));
				insert into event select i, 'a', i, timestamptz '2024-01-01 00:00:00+00' + i * interval '1 minute' from generate_series(1, 1000) as i;
				insert into event values (5000, 'a', 1, null), (5001, 'a', 1, 'infinity')`)
			p.write("models/sources.yml", "sources:\n  - name: app\n    schema: raw_app\n    ingest: {kind: copy, connection: app}\n    tables:\n      - name: event\n        ingest: {columns: \"*\", watermark: updated_at, overlap: 5m, key: [id, part]}\n")
			run := func() ingestNode {
				t.Helper()
				var doc ingestDocument
				code, text := p.engine("ingest", "--target", target, "-o", "json")
				at := strings.Index(text, "{")
				if err := json.NewDecoder(strings.NewReader(text[max(at, 0):])).Decode(&doc); err != nil || code != exitDone || len(doc.Nodes) != 1 {
					t.Fatalf("%v, exit code %d:\n%s", err, code, text)
				}
				return doc.Nodes[0]
			}
			if n := run(); n.Mode != "full" || n.Rows != 1002 {
				t.Fatalf("first: %s, %d rows", n.Mode, n.Rows)
			}
			p.app(`update event set amount = 7, updated_at = '2024-02-01' where id = 3; insert into event values (3, 'b', 8, '2024-02-01'); update event set amount = 9 where id = 5000;
				insert into event values (6000, 'late', 1, '2024-01-01 16:38:00+00')`)
			if n := run(); n.Mode != "incremental" || n.Rows != 11 {
				t.Fatalf("second: %s, %d rows", n.Mode, n.Rows)
			}
			sum := "select count(*), cast(sum(amount) as integer) from "
			c, err := postgres.Driver{}.Open(context.Background(), warehouse.Config{Fields: p.server.Fields(p.database)})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if d := cmp.Diff(answer(t, c, sum+"event"), p.rows(target, sum+"raw_app.event")); d != "" {
				t.Errorf("(-remote +landed): %s", d)
			}
			// The newest rows are read again: that is no sign of life.
			landedAt := func() string { return p.rows(target, `select cast("at" as varchar) from _engine.ingests`)[0] }
			last := landedAt()
			if n := run(); n.Mode != "unchanged" || landedAt() != last {
				t.Errorf("nothing came: %s, recorded at %s, before at %s", n.Mode, landedAt(), last)
			}
			// A time that is years ahead by mistake does not hide the rows after it.
			p.app("insert into event values (7000, 'far', 1, '2999-01-01')")
			run()
			p.app("insert into event values (7001, 'near', 1, '2024-03-01')")
			if n := run(); n.Mode != "incremental" || n.Rows > 20 || landedAt() == last {
				t.Errorf("after a time to come: %s, %d rows", n.Mode, n.Rows)
			}
			if d := cmp.Diff(answer(t, c, sum+"event"), p.rows(target, sum+"raw_app.event")); d != "" {
				t.Errorf("(-remote +landed): %s", d)
			}
			p.app("delete from event where id > 6999")
			p.ok("ingest", "--target", target, "--full")
			p.app("alter table event drop constraint event_pkey; alter table event alter id drop not null, alter part drop not null; insert into event values (3, 'b', 1, '2024-03-01')")
			p.fails("several rows with the same key", "ingest", "--target", target)
			p.app("delete from event where id = 3; insert into event values (null, 'x', 1, '2024-03-01')")
			p.fails("the key is NULL", "ingest", "--target", target)
			if d := cmp.Diff([]string{"1004"}, p.rows(target, "select count(*) from raw_app.event")); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestIngestCopyRefusals: what cannot be done is said with its place, and nothing changes.
func TestIngestCopyRefusals(t *testing.T) {
	p := newCopyProject(t)
	p.app(`create table item (id integer primary key, amount numeric, wide numeric(60,20), note text);
		insert into item values (1, 1.5, 2, 'a'), (4711, 0.0000000001, 1, 'b')`)
	source := func(table, more string) {
		p.write("models/sources.yml", "sources:\n  - name: app\n    schema: raw_app\n    ingest: {kind: copy, connection: app}\n    tables:\n      - name: item\n        ingest: {"+table+"}\n"+more)
	}
	source(`columns: [id, amount]`, "")
	text := p.fails(`column "amount" of "app.item": a number has 10 digits after the point, and DECIMAL(38,9) has 9`, "ingest")
	if !strings.Contains(text, "in the row with id = 4711") || !strings.Contains(text, "models/sources.yml:6") {
		t.Errorf("the row and the place are missing in\n%s", text)
	}
	p.app("update item set amount = 'NaN' where id = 4711")
	p.fails("a number is NaN", "ingest")
	source(`columns: [id, amount, wide]`, "        columns:\n          - {name: amount, data_type: VARCHAR}\n")
	p.ok("ingest")
	if d := cmp.Diff([]string{"1|1.5|2.00000000000000000000", "4711|NaN|1.00000000000000000000"}, p.rows("duck", "select * from raw_app.item order by id")); d != "" {
		t.Error(d)
	}
	source(`columns: [id, note]`, "        columns:\n          - {name: note, data_type: DATE}\n")
	p.fails("values of type text are not made DATE", "ingest")
	if d := cmp.Diff([]string{"1|1.5|2.00000000000000000000", "4711|NaN|1.00000000000000000000"}, p.rows("duck", "select * from raw_app.item order by id")); d != "" {
		t.Errorf("a run that failed changed something: %s", d)
	}
	source(`columns: [id, nose]`, "")
	p.fails(`did you mean "note"?`, "ingest")
	source(`table: itme, columns: [id]`, "")
	p.fails(`did you mean "item"?`, "ingest")
	p.connect(map[string]string{"host": p.server.Host, "user": "nobody_here", "dbname": p.database, "password": "s3cr3tword"})
	source(`columns: [id]`, "")
	text = p.fails(`connection "app" cannot be opened`, "ingest")
	if strings.Contains(text, "s3cr3tword") {
		t.Errorf("the password is shown:\n%s", text)
	}
}

// TestIngestCopyOneMoment: what is written while a source is read is not seen, in no table and
// no part of one.
func TestIngestCopyOneMoment(t *testing.T) {
	p := newCopyProject(t)
	p.app(`create table a (id integer primary key, pad text, amount numeric(12,3), wide numeric); insert into a select i, repeat('x', 1000), i / 1000.0, i * 1234567891.000000001 from generate_series(1, 60000) as i; create table b (id integer primary key, a_id integer);
		insert into b select i, i from generate_series(1, 60000) as i`)
	p.app("vacuum analyze a")
	p.app("vacuum analyze b")
	p.write("models/sources.yml", "sources:\n  - name: app\n    schema: raw_app\n    ingest: {kind: copy, connection: app}\n    tables:\n      - {name: a, ingest: {columns: \"*\"}}\n      - {name: b, ingest: {columns: \"*\"}}\n")
	stop := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		for i := 100000; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			_ = p.server.Exec(context.Background(), p.database, fmt.Sprintf("begin; insert into a values (%d, 'new'); insert into b values (%d, %d); delete from b where id = %d; delete from a where id = %d; commit", i, i, i, i-100000, i-100000))
		}
	})
	for range 3 {
		p.ok("ingest", "--jobs", "4")
		if d := cmp.Diff([]string{"0"}, p.rows("duck", "select count(*) from raw_app.a where amount <> cast(id as decimal(18,3)) / 1000 or wide <> cast(id as decimal(38,9)) * 1234567891.000000001")); d != "" {
			t.Errorf("values of parts that were read side by side: %s", d)
		}
		if d := cmp.Diff([]string{"0|0"}, p.rows("duck", "select (select count(*) from raw_app.a where id not in (select a_id from raw_app.b)), (select count(*) from raw_app.b where a_id not in (select id from raw_app.a))")); d != "" {
			t.Errorf("not of one moment: %s", d)
		}
	}
	close(stop)
	group.Wait()
}

// TestIngestLeavesOthersAlone: what is not the engine's is not replaced, by no kind that lands
// rows, and what the project builds is no place for a source.
func TestIngestLeavesOthersAlone(t *testing.T) {
	p := newCopyProject(t)
	p.app("create table item (id integer primary key); insert into item values (1), (2); create table other (id integer); insert into other values (3)")
	p.write("data/prices.csv", "id\n1\n")
	write := func(foreign bool) {
		p.write("models/sources.yml", `sources:
  - name: app
    schema: raw_app
    ingest: {kind: copy, connection: app}
    tables:
      - {name: item, ingest: {columns: "*"}}
      - {name: other, ingest: {columns: "*"}}
  - name: lists
    schema: raw_app
    ingest: {kind: files, path: data/prices.csv}
    tables:
      - {name: prices, ingest: {columns: "*"}}
`+map[bool]string{true: `  - name: far
    schema: raw_far
    ingest: {kind: foreign, connection: app}
    tables:
      - {name: item, ingest: {columns: "*"}}
`}[foreign])
	}
	mine := map[string]string{"duck": "create schema raw_app; create table raw_app.item as select 7 as mine; create view raw_app.prices as select 8 as mine", "post": "create schema raw_app; create table raw_app.item as select 7 as mine; create materialized view raw_app.prices as select 8 as mine; create schema raw_far; create view raw_far.item as select 9 as mine"}
	for _, target := range []string{"duck", "post"} {
		write(target == "post")
		if target == "post" {
			if err := p.server.Exec(context.Background(), p.landed, mine[target]); err != nil {
				t.Fatal(err)
			}
		} else {
			if err := os.MkdirAll(filepath.Join(p.dir, "target"), 0o755); err != nil {
				t.Fatal(err)
			}
			c := opened(t, duckdb.Driver{}, warehouse.Config{Dir: p.dir, Fields: map[string]string{"path": "target/duck.duckdb"}})
			if _, err := c.Exec(context.Background(), warehouse.Statement{SQL: mine[target], BodyEnd: len(mine[target])}); err != nil {
				t.Fatal(err)
			}
			c.Close()
		}
		text := p.fails("there is a table raw_app.item already", "ingest", "--target", target, "--full")
		if !strings.Contains(text, "view raw_app.prices already") {
			t.Errorf("%s: the view is not named in\n%s", target, text)
		}
		if target == "post" {
			if !strings.Contains(text, "view raw_far.item already") || p.rows(target, "select * from raw_far.item")[0] != "9" {
				t.Errorf("the view is not left alone, or not named in\n%s", text)
			}
		}
		for table, want := range map[string]string{"item": "7", "prices": "8", "other": "3"} {
			if d := cmp.Diff([]string{want}, p.rows(target, "select * from raw_app."+table)); d != "" {
				t.Errorf("%s: %s: %s", target, table, d)
			}
		}
	}
	p.write("models/item.sql", "{{ config \"schema\" \"raw_app\" }}select 1 as id")
	p.write("engine.yml", strings.ReplaceAll(readText(t, filepath.Join(p.dir, "engine.yml")), "schema: main", "schema: main, custom_schema: replace"))
	p.fails(`source "app.item" is ingested to where model.item builds`, "check")
}

func readText(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestIngestKilled: a run that is killed leaves the rows of before, and the next one ingests.
func TestIngestKilled(t *testing.T) {
	p := newCopyProject(t)
	p.app("create table item (id integer primary key, pad text); insert into item select i, repeat('x', 200) from generate_series(1, 1000) as i")
	p.write("models/sources.yml", "sources:\n  - name: app\n    schema: raw_app\n    ingest: {kind: copy, connection: app}\n    tables:\n      - {name: item, ingest: {columns: \"*\"}}\n")
	p.ok("ingest")
	p.ok("ingest", "--target", "post")
	p.app("insert into item select i, repeat('y', 200) from generate_series(1001, 400000) as i")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	version := exec.Command(self, "version")
	version.Args[0] = "engine"
	if out, err := version.CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "engine ") {
		t.Fatalf("the program is not there: %v\n%s", err, out)
	}
	for _, target := range []string{"duck", "post"} {
		for _, after := range []time.Duration{300 * time.Millisecond, 600 * time.Millisecond, 900 * time.Millisecond, 1200 * time.Millisecond} {
			cmd := exec.Command(self, "ingest", "--project-dir", p.dir, "--target", target, "--quiet")
			cmd.Args[0] = "engine" // TestMain makes the program of it
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(after)
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			if got := p.rows(target, "select count(*) from raw_app.item"); got[0] != "1000" && got[0] != "400000" {
				t.Errorf("%s, killed after %s: %s rows", target, after, got[0])
			}
		}
		// The lock of before is gone with the run; what landed does not need it.
		if err := os.Remove(filepath.Join(p.dir, "engine.lock.json")); err != nil {
			t.Fatal(err)
		}
		p.ok("ingest", "--target", target)
		if d := cmp.Diff([]string{"400000"}, p.rows(target, "select count(*) from raw_app.item")); d != "" {
			t.Errorf("%s: %s", target, d)
		}
		if left := p.rows(target, "select table_name from information_schema.tables where table_schema = 'raw_app' and table_name <> 'item'"); len(left) > 0 {
			t.Errorf("%s: %q is left behind", target, left)
		}
	}
}

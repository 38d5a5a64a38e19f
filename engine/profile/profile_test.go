package profile_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/profile"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/bigquery"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/engine/warehouse/postgres"
	"github.com/engine-build/engine/internal/testpeer/bqpeer"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

var peers = map[string]func(t *testing.T) (warehouse.Conn, error){
	"duckdb": func(*testing.T) (warehouse.Conn, error) {
		return duckdb.Driver{}.Open(context.Background(), warehouse.Config{Fields: map[string]string{"path": ":memory:"}})
	},
	"postgres": func(t *testing.T) (warehouse.Conn, error) {
		server := pg.Shared(t)
		return postgres.Driver{}.Open(context.Background(), warehouse.Config{Type: "postgres", Fields: server.Fields(server.Database(t))})
	},
	"bigquery": func(t *testing.T) (warehouse.Conn, error) {
		p := bqpeer.Start(t)
		return bigquery.Driver{}.Open(context.Background(), warehouse.Config{Type: "bigquery", Fields: map[string]string{"project": p.Project, "api_endpoint": p.URL}})
	},
}

// each runs a test on every warehouse. Statements are written for each: the types differ.
func each(t *testing.T, f func(t *testing.T, name string, c warehouse.Conn)) {
	for _, name := range []string{"duckdb", "postgres", "bigquery"} {
		t.Run(name, func(t *testing.T) {
			c, err := peers[name](t)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			exec(t, c, "create schema if not exists g")
			f(t, name, c)
		})
	}
}

func exec(t *testing.T, c warehouse.Conn, sql string) {
	t.Helper()
	if _, err := c.Exec(t.Context(), warehouse.Statement{SQL: sql}); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func scan(t *testing.T, c warehouse.Conn, name string) profile.Scan {
	t.Helper()
	found, err := c.Inspect(t.Context(), []addr.Relation{{Schema: "g", Name: name}})
	if err != nil || len(found) != 1 {
		t.Fatalf("inspect %s: %d, %v", name, len(found), err)
	}
	return profile.Scan{Node: addr.Node{Kind: addr.Model, Name: name}, Relation: found[0].Name, Kind: found[0].Kind, Columns: found[0].Columns, Rows: found[0].Rows}
}

func tell(p profile.Table) []string {
	var out []string
	for _, c := range p.Columns {
		line := fmt.Sprintf("%s: %d null, %d distinct, %q to %q", c.Name, c.Nulls, c.Distinct, c.Min, c.Max)
		for _, v := range c.Top {
			line += fmt.Sprintf(", %s %d", v.Value, v.Rows)
		}
		out = append(out, line)
	}
	return out
}

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// tables are the same rows in the types of each warehouse: 6 rows with a number, a text with
// quotes and a line break, a date, a truth value and a value that has parts.
var tables = map[string]string{
	"duckdb":   `create table g.t as select * from (values (1::bigint, 'a"b', date '2026-01-01', true, [1]), (2, 'a"b', date '2026-01-02', true, [2]), (2, e'x\ny', null, false, null), (2, e'x\ny', null, null, null), (3, 'a"b', null, null, null), (null, null, null, true, null)) as v(id, "the word", day, ok, parts)`,
	"postgres": `create table g.t as select * from (values (1::bigint, 'a"b', date '2026-01-01', true, array[1]), (2, 'a"b', date '2026-01-02', true, array[2]), (2, e'x\ny', null, false, null), (2, e'x\ny', null, null, null), (3, 'a"b', null, null, null), (null, null, null, true, null)) as v(id, "the word", day, ok, parts)`,
	// The emulator's APPROX_TOP_COUNT wants as many values as it is asked for, so there are more.
	"bigquery": "create table g.t as select if(i < 8, i, null) as id, concat('v', cast(mod(i, 7) as string)) as the_word, if(i < 7, date_add(date '2026-01-01', interval i day), null) as day, if(i < 7, i < 3, null) as ok, if(i < 2, struct(i as x), null) as parts from unnest(generate_array(1, 10)) as i",
}

var want = map[string][]string{
	"duckdb": {
		`id: 1 null, 3 distinct, "1" to "3", 2 3`,
		`the word: 1 null, 2 distinct, "a\"b" to "x\ny", a"b 3, x` + "\n" + `y 2`,
		`day: 4 null, 2 distinct, "2026-01-01" to "2026-01-02"`,
		`ok: 2 null, 2 distinct, "false" to "true", true 3`,
		`parts: 4 null, -1 distinct, "" to ""`,
	},
	"postgres": {
		`id: 1 null, 3 distinct, "1" to "3", 2 3`,
		`the word: 1 null, 2 distinct, "a\"b" to "x\ny", a"b 3, x` + "\n" + `y 2`,
		`day: 4 null, 2 distinct, "2026-01-01" to "2026-01-02"`,
		`ok: 2 null, 2 distinct, "" to "", true 3`,
		`parts: 4 null, -1 distinct, "" to ""`,
	},
	"bigquery": {
		`id: 3 null, 7 distinct, "1" to "7"`,
		`the_word: 0 null, 7 distinct, "v0" to "v6", v1 2, v2 2, v3 2`,
		`day: 4 null, 6 distinct, "2026-01-02" to "2026-01-07"`,
		`ok: 4 null, 2 distinct, "false" to "true", false 4, true 2`,
		`parts: 9 null, -1 distinct, "" to ""`,
	},
}

func TestRead(t *testing.T) {
	each(t, func(t *testing.T, name string, c warehouse.Conn) {
		exec(t, c, tables[name])
		s := scan(t, c, "t")
		want := want[name]
		if name == "bigquery" {
			// The emulator evaluates the sums again for every column: two of them take seconds, five minutes.
			s.Columns, want = s.Columns[:2], want[:2]
		}
		got, ok, err := profile.Read(t.Context(), c, s, profile.DefaultRows, noon)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		rows := int64(6)
		if name == "bigquery" {
			rows = 10
		}
		if got.Rows != rows || got.Sampled || !got.At.Equal(noon) || got.Node.Name != "t" {
			t.Errorf("%+v", got)
		}
		if diff := cmp.Diff(want, tell(got)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestOnlyWhatMayBeRead: the statement names no other column, so nothing of it is read.
func TestOnlyWhatMayBeRead(t *testing.T) {
	each(t, func(t *testing.T, name string, c warehouse.Conn) {
		exec(t, c, tables[name])
		s := scan(t, c, "t")
		s.Columns = s.Columns[:1]
		spy := &spy{Conn: c}
		got, ok, err := profile.Read(t.Context(), spy, s, profile.DefaultRows, noon)
		if err != nil || !ok || len(got.Columns) != 1 {
			t.Fatal(got, ok, err)
		}
		for _, sql := range spy.asked {
			if strings.Contains(sql, "word") || strings.Contains(sql, "day") || strings.Contains(sql, "SELECT *") {
				t.Errorf("reads more than it may:\n%s", sql)
			}
		}
		if len(spy.asked) != 1 {
			t.Errorf("%d statements, want one", len(spy.asked))
		}
		s.Columns = nil
		if _, ok, err := profile.Read(t.Context(), spy, s, profile.DefaultRows, noon); ok || err != nil || len(spy.asked) != 1 {
			t.Errorf("without columns: %v, %v, %d statements", ok, err, len(spy.asked))
		}
	})
}

type spy struct {
	warehouse.Conn
	asked []string
}

func (s *spy) Query(ctx context.Context, stmt warehouse.Statement) (warehouse.Rows, error) {
	s.asked = append(s.asked, stmt.SQL)
	return s.Conn.Query(ctx, stmt)
}

// TestSample: of a large table a share is read, and of what has no known size the first rows.
func TestSample(t *testing.T) {
	each(t, func(t *testing.T, name string, c warehouse.Conn) {
		if name == "bigquery" {
			t.Skip("bigquery: the emulator has no TABLESAMPLE")
		}
		exec(t, c, "create table g.large as select i as id, 'v' || (i % 3) as v from generate_series(1, 200000) as s(i)")
		exec(t, c, "create view g.seen as select * from g.large")
		if name == "postgres" {
			exec(t, c, "analyze g.large")
		}
		s := scan(t, c, "large")
		if s.Rows < 190_000 {
			t.Fatalf("%d rows are said to be there", s.Rows)
		}
		got, _, err := profile.Read(t.Context(), c, s, 20_000, noon)
		if err != nil {
			t.Fatal(err)
		}
		if !got.Sampled || got.Rows < 5_000 || got.Rows > 40_000 {
			t.Errorf("a sample of %d rows, sampled %v", got.Rows, got.Sampled)
		}
		if v := got.Columns[1]; v.Distinct != 3 || v.Min != "v0" || v.Max != "v2" || len(v.Top) != 3 {
			t.Errorf("%+v", v)
		}
		again, _, err := profile.Read(t.Context(), c, s, 20_000, noon)
		if diff := cmp.Diff(got, again); err != nil || diff != "" {
			t.Errorf("read twice: %v\n%s", err, diff)
		}
		seen, _, err := profile.Read(t.Context(), c, scan(t, c, "seen"), 5_000, noon)
		if err != nil || !seen.Sampled || seen.Rows != 5_000 {
			t.Errorf("of a view: %d rows, sampled %v, %v", seen.Rows, seen.Sampled, err)
		}
	})
}

// TestEmpty: nothing there is no failure.
func TestEmpty(t *testing.T) {
	each(t, func(t *testing.T, name string, c warehouse.Conn) {
		if name == "bigquery" {
			t.Skip("bigquery: the emulator's APPROX_TOP_COUNT refuses an empty table")
		}
		exec(t, c, tables[name])
		exec(t, c, "create table g.none as select * from g.t where 1 = 0")
		got, ok, err := profile.Read(t.Context(), c, scan(t, c, "none"), profile.DefaultRows, noon)
		if err != nil || !ok || got.Rows != 0 || got.Sampled || got.Columns[0].Distinct != 0 || got.Columns[0].Nulls != 0 || got.Columns[0].Min != "" || got.Columns[0].Top != nil {
			t.Errorf("%+v, %v, %v", got, ok, err)
		}
	})
}

// TestWide: the widest table is one statement, and less of it is read.
func TestWide(t *testing.T) {
	each(t, func(t *testing.T, name string, c warehouse.Conn) {
		var list []string
		width := 300
		if name == "bigquery" {
			t.Skip("bigquery: the emulator takes minutes for many columns")
		}
		for i := range width {
			list = append(list, fmt.Sprintf("%d + 0 as c%d", i, i))
		}
		rows := "generate_series(1, 10)"
		if name == "bigquery" {
			rows = "unnest(generate_array(1, 10))"
		}
		exec(t, c, "create table g.wide as select "+strings.Join(list, ", ")+" from "+rows+" as r")
		got, ok, err := profile.Read(t.Context(), c, scan(t, c, "wide"), profile.DefaultRows, noon)
		if err != nil || !ok || len(got.Columns) != width || got.Columns[width-1].Max != fmt.Sprint(width-1) {
			t.Errorf("%d columns, %v, %v", len(got.Columns), ok, err)
		}
	})
}

// TestUnsupported: a warehouse without the words says so.
func TestUnsupported(t *testing.T) {
	c, err := peers["duckdb"](t)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _, err = profile.Read(t.Context(), mute{c}, profile.Scan{Columns: []warehouse.Column{{Name: "x"}}}, 1, noon)
	if !strings.Contains(fmt.Sprint(err), warehouse.ErrUnsupported.Error()) {
		t.Errorf("got %v", err)
	}
}

type mute struct{ warehouse.Conn }

func (m mute) Dialect() warehouse.Dialect { return plainDialect{m.Conn.Dialect()} }

type plainDialect struct{ warehouse.Dialect }

package materialize

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/bigquery"
	"github.com/engine-build/engine/engine/warehouse/postgres"
	"github.com/engine-build/engine/internal/testpeer/bqpeer"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// place is where a case is built.
type place struct {
	conn     warehouse.Conn
	dir      string
	database string // in which the schemas are; empty: the connection's own
	schema   string // of the nodes; empty: s
}

// peer is a warehouse that the corpus runs on.
type peer struct {
	name string
	// open connects to a place where the schemas s and src can be made; the test closes it.
	open func(t *testing.T) place
	// start makes open, where something has to run for all cases together.
	start func(t *testing.T) func(t *testing.T) place
	// caps is what the plans may use; nil: all that the dialect has.
	caps *warehouse.Caps
}

// peers are all warehouses. Another one is added by its opener.
var peers = []peer{
	{name: "duckdb", open: openDuckDB},
	{name: "duckdb on a copy", open: openDuckDB, caps: &warehouse.Caps{Merge: true, FoldsCase: true}},
	{name: "postgres", open: openPostgres},
	{name: "bigquery", start: startBigQuery},
}

// startBigQuery runs one emulator, in which every case has a project of its own.
func startBigQuery(t *testing.T) func(t *testing.T) place {
	p, cases := bqpeer.Start(t), 0
	return func(t *testing.T) place {
		t.Helper()
		cases++
		at := place{dir: t.TempDir(), database: fmt.Sprintf("corpus-%d", cases), schema: "shop"}
		var err error
		at.conn, err = bigquery.Driver{}.Open(context.Background(), warehouse.Config{Type: "bigquery", Dir: at.dir, Fields: map[string]string{"project": at.database, "api_endpoint": p.URL}})
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
}

func openPostgres(t *testing.T) place {
	t.Helper()
	s, dir := pg.Shared(t), t.TempDir()
	conn, err := postgres.Driver{}.Open(context.Background(), warehouse.Config{Type: "postgres", Dir: dir, Fields: s.Fields(s.Database(t))})
	if err != nil {
		t.Fatal(err)
	}
	return place{conn: conn, dir: dir}
}

func newWorldOn(t *testing.T, p peer) *world {
	t.Helper()
	at := p.open(t)
	t.Cleanup(func() { at.conn.Close() })
	w := &world{t: t, conn: at.conn, dir: at.dir, database: at.database, schema: cmp.Or(at.schema, "s"), caps: at.conn.Dialect().Caps()}
	if p.caps != nil {
		w.caps = *p.caps
	}
	for _, schema := range []string{w.schema, "src"} {
		if err := w.run(at.conn, warehouse.CreateSchema{Database: at.database, Schema: schema}); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// step is one build of the node x.
type step struct {
	cfg         compile.Config
	full        string // the query
	incremental string // the query of an incremental build
	refresh     bool   // a full refresh was asked for
	failing     bool   // a test fails, so that nothing is published
	wantErr     string // part of the error
	want        string // the rows afterwards, by the corpus's order
}

func day(p warehouse.Partition) compile.Config {
	return compile.Config{Materialized: "incremental", IncrementalStrategy: "insert_overwrite", Layout: warehouse.Layout{Partition: &p}}
}

func with(cfg compile.Config, change func(*compile.Config)) compile.Config {
	change(&cfg)
	return cfg
}

// union is the query of rows, in SQL that all warehouses read.
func union(names string, rows ...string) string {
	columns := strings.Split(names, ", ")
	var out []string
	for _, row := range rows {
		var cells []string
		for i, v := range strings.Split(row, ", ") {
			cells = append(cells, v+" as "+columns[i])
		}
		out = append(out, "select "+strings.Join(cells, ", "))
	}
	return strings.Join(out, "\nunion all ")
}

var (
	byDay   = day(warehouse.Partition{Column: "d", Type: "date", Granularity: "day"})
	byMonth = day(warehouse.Partition{Column: "d", Type: "date", Granularity: "month"})
	byYear  = day(warehouse.Partition{Column: "d", Type: "date", Granularity: "year"})
	byTens  = day(warehouse.Partition{Column: "n", Type: "int64", Start: 0, End: 100, Interval: 10})
	keyed   = compile.Config{Materialized: "incremental", UniqueKey: []string{"id"}}
)

func only(cfg compile.Config, partitions ...string) compile.Config {
	return with(cfg, func(c *compile.Config) { c.Partitions = partitions })
}

func strategyOf(cfg compile.Config, name string) compile.Config {
	return with(cfg, func(c *compile.Config) { c.IncrementalStrategy = name })
}

// januaryRows are the first build of the cases of dates.
var januaryRows = union("id, d", "1, date '2024-01-01'", "2, date '2024-01-01'", "3, date '2024-01-02'", "4, date '2024-02-01'", "5, cast(null as date)")

const januaryText = "1 2024-01-01\n2 2024-01-01\n3 2024-01-02\n4 2024-02-01\n5 -\n"

// corpus is what every warehouse has to make of the same builds: the same rows.
var corpus = []struct {
	name  string
	read  string // columns and order; «*» by the first column if empty
	steps []step
}{
	{"table and view", "id, v", []step{
		{cfg: compile.Config{Materialized: "table"}, full: union("id, v", "1, 'a'", "2, cast(null as varchar)"), want: "1 a\n2 -\n"},
		{cfg: compile.Config{Materialized: "table"}, full: union("id, v", "1, 'b'"), want: "1 b\n"},
		{cfg: compile.Config{Materialized: "view"}, full: union("id, v", "3, 'c'"), want: "3 c\n"},
		{cfg: compile.Config{Materialized: "view"}, full: union("id, v", "4, 'd'"), want: "4 d\n"},
		{cfg: compile.Config{Materialized: "table"}, full: union("id, v", "5, 'e'"), want: "5 e\n"},
	}},
	{"a failing test leaves a table", "id, v", []step{
		{cfg: compile.Config{Materialized: "table"}, full: union("id, v", "1, 'a'"), want: "1 a\n"},
		{cfg: compile.Config{Materialized: "table"}, full: union("id, v", "1, 'b'"), failing: true, want: "1 a\n"},
		{cfg: compile.Config{Materialized: "view"}, full: union("id, v", "1, 'b'"), failing: true, want: "1 a\n"},
	}},
	{"append", "id, v", []step{
		{cfg: compile.Config{Materialized: "incremental"}, full: union("id, v", "1, 'a'"), want: "1 a\n"},
		{cfg: compile.Config{Materialized: "incremental"}, incremental: union("v, id", "'b', 2", "'c', 1"), want: "1 a\n1 c\n2 b\n"},
		{cfg: compile.Config{Materialized: "incremental"}, incremental: union("id, v", "3, 'c'"), failing: true, want: "1 a\n1 c\n2 b\n"},
		{cfg: compile.Config{Materialized: "incremental"}, full: union("id, v", "9, 'z'"), refresh: true, want: "9 z\n"},
	}},
	{"merge", "id, v", []step{
		{cfg: keyed, full: union("id, v", "1, 'a'", "2, 'b'"), want: "1 a\n2 b\n"},
		{cfg: keyed, incremental: union("id, v", "2, 'B'", "3, 'C'"), want: "1 a\n2 B\n3 C\n"},
		{cfg: keyed, incremental: union("id, v", "3, 'X'", "3, 'Y'"), wantErr: "3", want: "1 a\n2 B\n3 C\n"},
		{cfg: keyed, incremental: union("id, v", "4, 'D'"), failing: true, want: "1 a\n2 B\n3 C\n"},
	}},
	{"merge of partitions", "id, d", []step{
		{cfg: strategyOf(with(byDay, func(c *compile.Config) { c.UniqueKey = []string{"id"} }), "merge"), full: januaryRows, want: januaryText},
		{cfg: strategyOf(with(byDay, func(c *compile.Config) { c.UniqueKey = []string{"id"} }), "merge"),
			// A row moves to another partition, one comes out of NULL, one goes there, one is new.
			incremental: union("id, d", "3, date '2024-03-05'", "5, date '2024-01-01'", "1, cast(null as date)", "6, date '2024-02-01'"),
			want:        "1 -\n2 2024-01-01\n3 2024-03-05\n4 2024-02-01\n5 2024-01-01\n6 2024-02-01\n"},
	}},
	{"delete and insert", "id, v", []step{
		{cfg: strategyOf(keyed, "delete+insert"), full: union("id, v", "1, 'a'", "2, 'b'"), want: "1 a\n2 b\n"},
		{cfg: strategyOf(keyed, "delete+insert"), incremental: union("id, v", "2, 'X'", "2, 'Y'"), want: "1 a\n2 X\n2 Y\n"},
	}},
	{"overwrite days", "id, d", []step{
		{cfg: byDay, full: januaryRows, want: januaryText},
		{cfg: byDay, incremental: union("id, d", "7, date '2024-01-01'", "8, date '2024-03-01'"), want: "3 2024-01-02\n4 2024-02-01\n5 -\n7 2024-01-01\n8 2024-03-01\n"},
		{cfg: byDay, incremental: union("id, d", "9, cast(null as date)"), want: "3 2024-01-02\n4 2024-02-01\n7 2024-01-01\n8 2024-03-01\n9 -\n"},
		{cfg: byDay, incremental: union("id, d", "0, date '2024-01-02'") + "\nlimit 0", want: "3 2024-01-02\n4 2024-02-01\n7 2024-01-01\n8 2024-03-01\n9 -\n"},
		{cfg: byDay, incremental: union("id, d", "0, date '2024-01-02'"), failing: true, want: "3 2024-01-02\n4 2024-02-01\n7 2024-01-01\n8 2024-03-01\n9 -\n"},
		{cfg: byDay, incremental: union("id, d", "3, date '2024-01-02'", "3, date '2024-01-02'"), want: "3 2024-01-02\n3 2024-01-02\n4 2024-02-01\n7 2024-01-01\n8 2024-03-01\n9 -\n"},
	}},
	{"overwrite months", "id, d", []step{
		{cfg: byMonth, full: januaryRows, want: januaryText},
		{cfg: byMonth, incremental: union("id, d", "7, date '2024-01-31'"), want: "4 2024-02-01\n5 -\n7 2024-01-31\n"},
	}},
	{"overwrite years", "id, d", []step{
		{cfg: byYear, full: januaryRows, want: januaryText},
		{cfg: byYear, incremental: union("id, d", "7, date '2024-12-31'", "8, date '2023-12-31'"), want: "5 -\n7 2024-12-31\n8 2023-12-31\n"},
	}},
	{"overwrite ranges", "id, n", []step{
		{cfg: byTens, full: union("id, n", "1, 0", "2, 9", "3, 10", "4, 99", "5, 100", "6, -1", "7, cast(null as bigint)"), want: "1 0\n2 9\n3 10\n4 99\n5 100\n6 -1\n7 -\n"},
		{cfg: byTens, incremental: union("id, n", "8, 5"), want: "3 10\n4 99\n5 100\n6 -1\n7 -\n8 5\n"},
		// All values outside of the range are one partition, NULL is another one.
		{cfg: byTens, incremental: union("id, n", "9, 1000"), want: "3 10\n4 99\n7 -\n8 5\n9 1000\n"},
		{cfg: byTens, incremental: union("id, n", "0, cast(null as bigint)"), want: "0 -\n3 10\n4 99\n8 5\n9 1000\n"},
		{cfg: only(byTens, "90", "0"), incremental: union("id, n", "2, 9"), want: "0 -\n2 9\n3 10\n9 1000\n"},
		{cfg: only(byTens, "90"), incremental: union("id, n", "2, 1000"), wantErr: "1000", want: "0 -\n2 9\n3 10\n9 1000\n"},
	}},
	{"overwrite given partitions", "id, d", []step{
		{cfg: only(byDay, "2024-01-01", "2024-02-01"), full: januaryRows, want: januaryText},
		{cfg: only(byDay, "2024-01-01", "date '2024-02-01'"), incremental: union("id, d", "7, date '2024-01-01'"), want: "3 2024-01-02\n5 -\n7 2024-01-01\n"},
		{cfg: only(byDay, "2024-01-01"), incremental: union("id, d", "8, date '2024-01-02'"), wantErr: "2024-01-02", want: "3 2024-01-02\n5 -\n7 2024-01-01\n"},
		{cfg: only(byDay, "2024-01-01"), incremental: union("id, d", "8, cast(null as date)"), wantErr: "NULL", want: "3 2024-01-02\n5 -\n7 2024-01-01\n"},
		{cfg: only(byMonth, "2024-01-01"), incremental: union("id, d", "8, date '2024-01-09'"), refresh: true, full: januaryRows, want: januaryText},
		{cfg: only(byMonth, "2024-01-01"), incremental: union("id, d", "8, date '2024-01-09'"), want: "4 2024-02-01\n5 -\n8 2024-01-09\n"},
	}},
	{"overwrite with a new column", "*", []step{
		{cfg: with(byDay, func(c *compile.Config) { c.OnSchemaChange = "append_new_columns" }), full: union("id, d", "1, date '2024-01-01'", "2, date '2024-01-02'"), want: "1 2024-01-01\n2 2024-01-02\n"},
		{cfg: with(byDay, func(c *compile.Config) { c.OnSchemaChange = "append_new_columns" }), incremental: union("v, d, id", "'x', date '2024-01-02', 3"), want: "1 2024-01-01 -\n3 2024-01-02 x\n"},
	}},
	{"snapshot", "id, v, dbt_valid_to is null", []step{
		{cfg: compile.Config{Materialized: "snapshot", UniqueKey: []string{"id"}, Strategy: "check", CheckCols: []string{"all"}}, full: union("id, v", "1, 'a'", "2, 'b'"), want: "1 a true\n2 b true\n"},
		{cfg: compile.Config{Materialized: "snapshot", UniqueKey: []string{"id"}, Strategy: "check", CheckCols: []string{"all"}, HardDeletes: "invalidate"}, full: union("id, v", "1, 'A'", "3, 'c'"), want: "1 A true\n1 a false\n2 b false\n3 c true\n"},
		{cfg: compile.Config{Materialized: "snapshot", UniqueKey: []string{"id"}, Strategy: "check", CheckCols: []string{"all"}}, full: union("id, v", "1, 'A'", "1, 'B'"), wantErr: "id = 1", want: "1 A true\n1 a false\n2 b false\n3 c true\n"},
	}},
}

// TestCorpus builds the corpus on every warehouse.
func TestCorpus(t *testing.T) {
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			if p.start != nil {
				p.open = p.start(t)
			}
			for _, c := range corpus {
				t.Run(c.name, func(t *testing.T) {
					w := newWorldOn(t, p)
					for i, s := range c.steps {
						n := model(s.cfg)
						n.Relation.Database, n.Relation.Schema = w.database, w.schema
						words := strings.NewReplacer("as varchar)", "as "+w.conn.Dialect().Words().Text()+")")
						n.SQL, n.IncrementalSQL = words.Replace(s.full), words.Replace(s.incremental)
						var tests []func(Out) error
						if s.failing {
							tests = append(tests, func(Out) error { return fmt.Errorf("a test found rows") })
						}
						_, err := w.build(n, s.refresh, tests...)
						switch {
						case s.failing && (err == nil || err.Error() != "a test found rows"):
							t.Fatalf("step %d: %v", i+1, err)
						case s.wantErr != "" && (err == nil || !strings.Contains(err.Error(), s.wantErr)):
							t.Fatalf("step %d: error %v, want %q", i+1, err, s.wantErr)
						case err != nil && s.wantErr == "" && !s.failing:
							t.Fatalf("step %d: %v", i+1, err)
						}
						w.clean()
						read := "select " + c.read + " from " + w.conn.Dialect().Quote(n.Relation)
						if d := gocmp.Diff(s.want, sorted(w.plainRows(read))); d != "" {
							t.Fatalf("step %d:\n%s", i+1, d)
						}
					}
				})
			}
		})
	}
}

// sorted orders lines as text, since warehouses order NULL and letters differently.
func sorted(text string) string {
	if text == "" {
		return ""
	}
	return strings.Join(sortedLines(text), "\n") + "\n"
}

// plainRows is a query's result with values written alike by all warehouses.
func (w *world) plainRows(sql string) string {
	w.t.Helper()
	rows, err := w.conn.Query(context.Background(), warehouse.Statement{SQL: sql})
	if err != nil {
		w.t.Fatalf("%v\n%s", err, sql)
	}
	defer rows.Close()
	var b strings.Builder
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			w.t.Fatal(err)
		}
		for i, v := range values {
			text := fmt.Sprint(v)
			switch v := v.(type) {
			case nil:
				text = "-"
			case time.Time:
				text = strings.TrimSuffix(v.UTC().Format(time.DateTime), " 00:00:00")
			}
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(text)
		}
		b.WriteByte('\n')
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
	return b.String()
}

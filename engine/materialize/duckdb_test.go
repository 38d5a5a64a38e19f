package materialize

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

// world is a DuckDB database in which plans are applied step by step, the way a runner does.
type world struct {
	t    *testing.T
	conn warehouse.Conn
	dir  string
	caps warehouse.Caps
	// database holds the schemas; empty: the connection's own. schema is that of the nodes.
	database, schema string
}

// bothWays runs a test with changes in one transaction and with changes on a copy.
func bothWays(t *testing.T, test func(t *testing.T, w *world)) {
	for name, caps := range map[string]warehouse.Caps{"transaction": {TransactionalDDL: true, Merge: true}, "copy": {Merge: true}} {
		t.Run(name, func(t *testing.T) { test(t, newWorld(t, caps)) })
	}
}

func newWorld(t *testing.T, caps warehouse.Caps) *world {
	t.Helper()
	return newWorldOn(t, peer{open: openDuckDB, caps: &caps})
}

func openDuckDB(t *testing.T) place {
	t.Helper()
	dir := t.TempDir()
	conn, err := duckdb.Driver{}.Open(context.Background(), warehouse.Config{Type: "duckdb", Dir: dir, Fields: map[string]string{"path": ":memory:"}})
	if err != nil {
		t.Fatal(err)
	}
	return place{conn: conn, dir: dir}
}

func (w *world) exec(statements ...string) {
	w.t.Helper()
	for _, s := range statements {
		if _, err := w.conn.Exec(context.Background(), warehouse.Statement{SQL: s}); err != nil {
			w.t.Fatalf("%v\n%s", err, s)
		}
	}
}

// rows is a query's result, one line per row, NULL as «-».
func (w *world) rows(sql string) string {
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
			if i > 0 {
				b.WriteByte(' ')
			}
			if v == nil {
				v = "-"
			}
			fmt.Fprint(&b, v)
		}
		b.WriteByte('\n')
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
	return b.String()
}

func (w *world) inspect(conn warehouse.Conn, rel addr.Relation) (warehouse.Relation, error) {
	found, err := conn.Inspect(context.Background(), []addr.Relation{rel})
	if err != nil || len(found) == 0 {
		return warehouse.Relation{Name: rel}, err
	}
	return found[0], nil
}

// build plans n against what exists and applies the plan. A broken test is played by
// failing, which is called when the tests would run.
func (w *world) build(n *compile.Node, full bool, failing ...func(Out) error) (Out, error) {
	w.t.Helper()
	existing, err := w.inspect(w.conn, n.Relation)
	if err != nil {
		w.t.Fatal(err)
	}
	d := w.conn.Dialect()
	out, ds := Plan(In{Node: n, Existing: existing, Caps: w.caps, Words: d.Words(), Dialect: d, FullRefresh: full})
	if ds.HasErrors() {
		w.t.Fatal(ds)
	}
	return out, w.apply(out, failing...)
}

func (w *world) apply(out Out, failing ...func(Out) error) (err error) {
	conn := w.conn
	if out.InTx {
		tx, err := warehouse.Begin(context.Background(), w.conn)
		if err != nil {
			return err
		}
		defer tx.Close()
		conn = tx
	}
	defer func() {
		if err != nil && !out.InTx {
			for _, op := range out.Cleanup {
				if cleanup := w.run(conn, op); cleanup != nil {
					w.t.Errorf("clean up: %v", cleanup)
				}
			}
		}
	}()
	for _, op := range out.Build {
		if err := w.run(conn, op); err != nil {
			return err
		}
	}
	for _, test := range failing {
		if err := test(out); err != nil {
			return err
		}
	}
	for _, op := range out.Publish {
		if err := w.run(conn, op); err != nil {
			return err
		}
	}
	if tx, ok := conn.(warehouse.Tx); ok {
		return tx.Commit(context.Background())
	}
	return nil
}

func (w *world) run(conn warehouse.Conn, op warehouse.Op) error {
	ctx := context.Background()
	if load, ok := op.(warehouse.Load); ok {
		path := filepath.Join(w.dir, load.Path)
		f := warehouse.File{Path: path, Format: load.Format, Layout: load.Layout, Open: func() (io.ReadCloser, error) { return os.Open(path) }}
		if load.Delimiter != "" {
			f.Delimiter = []rune(load.Delimiter)[0]
		}
		_, err := conn.(warehouse.Loader).Load(ctx, load.Target, load.Columns, f)
		return err
	}
	ops := []warehouse.Op{op}
	if warehouse.NeedsExpand(op) {
		var err error
		ops, err = op.(warehouse.Late).Expand(func(rel addr.Relation) (warehouse.Relation, error) { return w.inspect(conn, rel) })
		if err != nil {
			return err
		}
	}
	for _, op := range ops {
		if p, ok := conn.(warehouse.Performer); ok {
			_, stmt, done, err := p.Perform(ctx, op)
			if err != nil {
				return fmt.Errorf("%w\n%s", err, stmt.SQL)
			}
			if done {
				continue
			}
		}
		stmts, err := conn.Dialect().Render(op)
		if err != nil {
			return err
		}
		for _, s := range stmts {
			if _, err := conn.Exec(ctx, s); err != nil {
				return fmt.Errorf("%w\n%s", err, s.SQL)
			}
		}
	}
	return nil
}

// must fails the test on an error of build.
func (w *world) must(_ Out, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	w.clean()
}

// clean checks that nothing is left aside.
func (w *world) clean() {
	w.t.Helper()
	found, err := w.conn.List(context.Background(), w.database, w.schema)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range found {
		if IsStaged(r.Name.Name) {
			w.t.Errorf("%s is left behind", r.Name)
		}
	}
}

func (w *world) want(sql, want string) {
	w.t.Helper()
	if d := cmp.Diff(strings.TrimPrefix(want, "\n"), w.rows(sql)); d != "" {
		w.t.Errorf("%s\n%s", sql, d)
	}
}

func TestViewTableAndBack(t *testing.T) {
	w := newWorld(t, warehouse.Caps{TransactionalDDL: true, Merge: true})
	w.exec("create table src.a as select 1 as id", "create table src.log (what varchar)")
	kind := func(want string) {
		t.Helper()
		w.want("select table_type from information_schema.tables where table_schema = 's'", want+"\n")
		w.want("select id from s.x", "1\n")
	}
	for range 2 {
		for _, c := range []struct{ materialized, want string }{{"view", "VIEW"}, {"view", "VIEW"}, {"table", "BASE TABLE"}, {"table", "BASE TABLE"}} {
			n := model(compile.Config{Materialized: c.materialized, PersistDocs: true,
				PreHooks: []string{"insert into src.log values ('pre')"}, PostHooks: []string{"insert into src.log select 'post ' || id from s.x"}}, "id")
			n.SQL = "select id from src.a -- the end"
			n.Description, n.Columns[0].Description = "it's all", "the key"
			w.must(w.build(n, false))
			kind(c.want)
			w.want("select comment from duckdb_columns() where schema_name = 's' and column_name = 'id'", "the key\n")
		}
	}
	w.want("select what, count(*) from src.log group by all order by all", "post 1 8\npre 8\n")
}

func TestFailedTestLeavesThePublished(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world) {
		w.exec("create table src.a as select 1 as id, 'old' as v")
		for _, cfg := range []compile.Config{
			{Materialized: "table"}, {Materialized: "view"},
			{Materialized: "incremental", UniqueKey: []string{"id"}},
			{Materialized: "snapshot", UniqueKey: []string{"id"}, Strategy: "check", CheckCols: []string{"v"}},
		} {
			n := model(cfg)
			n.Relation.Name = cfg.Materialized
			n.SQL, n.IncrementalSQL = "select * from src.a", "select id, 'new' as v from src.a"
			w.must(w.build(n, false))
			n.SQL = n.IncrementalSQL
			read := "select id, v from s." + n.Relation.Name
			_, err := w.build(n, false, func(out Out) error {
				if !out.InTx {
					w.want(strings.Replace(read, n.Relation.Name, out.Tested.Name, 1)+" order by v limit 1", "1 new\n")
				}
				w.want(read, "1 old\n")
				return errors.New("a test found rows")
			})
			if err == nil || !strings.Contains(err.Error(), "a test found rows") {
				t.Fatalf("%s: %v", cfg.Materialized, err)
			}
			w.want(read, "1 old\n")
			w.clean()
		}
	})
}

func TestIncrementalStrategies(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world) {
		for i, c := range []struct {
			name string
			cfg  compile.Config
			want string
		}{
			{"append", compile.Config{}, "1 a x\n2 b y\n2 B Y\n3 C Z\n"},
			{"append with key", compile.Config{IncrementalStrategy: "append", UniqueKey: []string{"id"}}, "1 a x\n2 b y\n2 B Y\n3 C Z\n"},
			{"default with key", compile.Config{UniqueKey: []string{"ID"}}, "1 a x\n2 B Y\n3 C Z\n"},
			{"merge", compile.Config{IncrementalStrategy: "merge", UniqueKey: []string{"id"}}, "1 a x\n2 B Y\n3 C Z\n"},
			{"merge without key", compile.Config{IncrementalStrategy: "merge"}, "1 a x\n2 b y\n2 B Y\n3 C Z\n"},
			{"merge update", compile.Config{UniqueKey: []string{"id"}, MergeUpdateColumns: []string{"w"}}, "1 a x\n2 b Y\n3 C Z\n"},
			{"merge exclude", compile.Config{UniqueKey: []string{"id"}, MergeExcludeColumns: []string{"w"}}, "1 a x\n2 B y\n3 C Z\n"},
			{"merge predicates", compile.Config{UniqueKey: []string{"id"}, IncrementalPredicates: []string{"t.v <> 'b' -- never"}}, "1 a x\n2 b y\n2 B Y\n3 C Z\n"},
			{"delete+insert", compile.Config{IncrementalStrategy: "delete+insert", UniqueKey: []string{"id"}}, "1 a x\n2 B Y\n3 C Z\n"},
			{"delete+insert predicates", compile.Config{IncrementalStrategy: "delete+insert", UniqueKey: []string{"id"}, IncrementalPredicates: []string{"t.v = 'zz'"}}, "1 a x\n2 b y\n2 B Y\n3 C Z\n"},
			{"two keys", compile.Config{UniqueKey: []string{"id", "v"}}, "1 a x\n2 b y\n2 B Y\n3 C Z\n"},
		} {
			t.Run(c.name, func(t *testing.T) {
				c.cfg.Materialized = "incremental"
				n := model(c.cfg)
				n.Relation.Name = fmt.Sprint("Odd \"näme ", i)
				quoted := w.conn.Dialect().Quote(n.Relation)
				n.SQL = "select * from (values (1, 'a', 'x'), (2, 'b', 'y')) as r(id, v, w)"
				n.IncrementalSQL = "select * from (values (2, 'B', 'Y'), (3, 'C', 'Z')) as r(id, v, w)"
				w.must(w.build(n, false))
				w.want("select * from "+quoted+" order by id, v desc", "1 a x\n2 b y\n")
				w.must(w.build(n, false))
				w.want("select * from "+quoted+" order by id, v desc", c.want)
				w.must(w.build(n, true))
				w.want("select * from "+quoted+" order by id, v desc", "1 a x\n2 b y\n")
			})
		}
	})
}

func TestIncrementalDuplicates(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world) {
		n := model(compile.Config{Materialized: "incremental", UniqueKey: []string{"id", "part"}})
		n.SQL = "select 1 as id, 'p' as part, 'old' as v"
		n.IncrementalSQL = "select * from (values (1, 'p', 'a'), (1, 'p', 'b'), (null, 'p', 'c'), (null, 'p', 'd')) as r(id, part, v)"
		w.must(w.build(n, false))
		_, err := w.build(n, false)
		if err == nil || !strings.Contains(err.Error(), "id, part = 1, p") {
			t.Fatalf("two rows of one key gave %v", err)
		}
		w.want("select * from s.x", "1 p old\n")
		w.clean()
		// Several rows of a key are what delete+insert is for.
		n.Config.IncrementalStrategy = "delete+insert"
		w.must(w.build(n, false))
		w.want("select * from s.x order by v", "1 p a\n1 p b\n- p c\n- p d\n")
	})
}

func TestSchemaChange(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world) {
		for policy, want := range map[string]string{
			"":                   "a b\n1 x\n2 -\n",
			"ignore":             "a b\n1 x\n2 -\n",
			"append_new_columns": "a b c\n1 x -\n2 - 9\n",
			"sync_all_columns":   "a c\n1 -\n2 9\n",
			"fail":               "a b\n1 x\n",
		} {
			n := model(compile.Config{Materialized: "incremental", UniqueKey: []string{"a"}, OnSchemaChange: policy})
			n.Relation.Name = "x_" + policy
			n.SQL, n.IncrementalSQL = "select 1 as a, 'x' as b", "select 9 as c, 2 as a"
			w.must(w.build(n, false))
			_, err := w.build(n, false)
			if changed := (*warehouse.SchemaChangeError)(nil); errors.As(err, &changed) != (policy == "fail") || err != nil && policy != "fail" {
				t.Fatalf("policy %q: %v", policy, err)
			}
			w.clean()
			got := strings.ReplaceAll(w.rows("select column_name from information_schema.columns where table_name = 'x_"+policy+"' order by ordinal_position"), "\n", " ")
			got = strings.TrimSpace(got) + "\n" + w.rows("select * from s.x_"+policy+" order by a")
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("policy %q:\n%s", policy, d)
			}
		}
	})
}

func TestSeeds(t *testing.T) {
	w := newWorld(t, warehouse.Caps{TransactionalDDL: true, Merge: true})
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("a.csv", "zip;name\n0123;\"Ann; B\"\n;\n")
	n := model(compile.Config{Materialized: "seed", Delimiter: ";", ColumnTypes: map[string]string{"zip": "VARCHAR"}}, "zip", "name")
	n.Path, n.Columns[1].Type = "a.csv", "VARCHAR"
	w.must(w.build(n, false))
	w.want("select zip, name from s.x where zip is not null", "0123 Ann; B\n")
	w.want("select count(*), count(zip) from s.x", "2 1\n")
	write("a.csv", "zip;name\nx\n")
	if _, err := w.build(n, false); err == nil {
		t.Error("a ragged line gave no error")
	}
	w.want("select zip from s.x where zip is not null", "0123\n")

	w.exec("copy (select 7 as id, date '2024-02-29' as d) to '" + filepath.Join(w.dir, "b.parquet") + "' (format parquet)")
	p := model(compile.Config{Materialized: "seed"})
	p.Seed, p.Path, p.Relation.Name = &project.Seed{Name: "b", Format: "parquet"}, "b.parquet", "b"
	w.must(w.build(p, false))
	w.want("select id, d::varchar from s.b", "7 2024-02-29\n")
	w.must(w.build(p, false))
}

func TestBuildTwiceIsTheSame(t *testing.T) {
	bothWays(t, func(t *testing.T, w *world) {
		w.exec("create table src.a as select i as id, 'v' || i as v, timestamp '2024-01-01' as ts from range(5) as r(i)")
		for _, cfg := range []compile.Config{
			{Materialized: "view"}, {Materialized: "table"},
			{Materialized: "incremental", UniqueKey: []string{"id"}},
			{Materialized: "incremental", UniqueKey: []string{"id"}, IncrementalStrategy: "delete+insert"},
			{Materialized: "snapshot", UniqueKey: []string{"id"}, Strategy: "timestamp", UpdatedAt: "ts"},
			{Materialized: "snapshot", UniqueKey: []string{"id"}, Strategy: "check", CheckCols: []string{"all"}, HardDeletes: "new_record"},
		} {
			n := model(cfg)
			n.Relation.Name = strings.ReplaceAll(cfg.Materialized+cfg.IncrementalStrategy+cfg.Strategy, "+", "")
			n.SQL, n.IncrementalSQL = "select * from src.a", "select * from src.a"
			w.must(w.build(n, false))
			read := "select * from s." + n.Relation.Name + " order by id"
			first := w.rows(read)
			for range 2 {
				w.must(w.build(n, false))
			}
			if d := cmp.Diff(first, w.rows(read)); d != "" {
				t.Errorf("%s changed:\n%s", n.Relation.Name, d)
			}
			if strings.Count(first, "\n") != 5 {
				t.Errorf("%s has %q", n.Relation.Name, first)
			}
		}
	})
}

// sortedLines makes two results comparable.
func sortedLines(s string) []string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	slices.Sort(lines)
	return lines
}

package bigquery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/internal/testpeer/bqpeer"
)

// bench is a connection to the emulator with a dataset.
type rig struct {
	*testing.T
	c    *conn
	peer *bqpeer.Peer
}

func newRig(t *testing.T) *rig {
	peer := bqpeer.Start(t)
	r := &rig{t, open(t, peer.URL, nil), peer}
	t.Cleanup(func() { r.c.Close() })
	r.do(warehouse.CreateSchema{Schema: "shop"})
	return r
}

// try runs operations as the runner does.
func (r *rig) try(ops ...warehouse.Op) error {
	ctx := context.Background()
	for _, op := range ops {
		steps := []warehouse.Op{op}
		if warehouse.NeedsExpand(op) {
			var err error
			if steps, err = op.(warehouse.Late).Expand(func(rel addr.Relation) (warehouse.Relation, error) { return r.c.Probe(ctx, rel) }); err != nil {
				return err
			}
		}
		for _, step := range steps {
			_, stmt, done, err := r.c.Perform(ctx, step)
			if err == nil && !done {
				_, stmt, err = r.c.render(ctx, step)
			}
			if err != nil {
				return fmt.Errorf("%s: %s: %w", warehouse.OpName(step), stmt.SQL, err)
			}
		}
	}
	return nil
}

func (r *rig) do(ops ...warehouse.Op) {
	r.Helper()
	if err := r.try(ops...); err != nil {
		r.Fatal(err)
	}
}

// rows runs a query and writes its rows as sorted lines.
func (r *rig) rows(sql string) []string {
	r.Helper()
	got, err := rowsOf(r.c, sql)
	if err != nil {
		r.Fatalf("%s: %v", sql, err)
	}
	slices.Sort(got)
	return got
}

func rowsOf(c *conn, sql string) ([]string, error) {
	rows, err := c.Query(context.Background(), warehouse.Statement{SQL: sql})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return nil, err
		}
		cells := make([]string, len(v))
		for i, x := range v {
			switch x := x.(type) {
			case nil:
				cells[i] = "NULL"
			case time.Time:
				cells[i] = strings.TrimSuffix(x.Format("2006-01-02 15:04:05.999999"), " 00:00:00")
			default:
				cells[i] = fmt.Sprint(x)
			}
		}
		out = append(out, strings.Join(cells, "|"))
	}
	return out, rows.Err()
}

func (r *rig) want(sql string, want ...string) {
	r.Helper()
	slices.Sort(want)
	if d := cmp.Diff(want, r.rows(sql)); d != "" {
		r.Errorf("%s:\n%s", sql, d)
	}
}

// TestNames: names that BigQuery takes go through every operation.
func TestNames(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"plain", "Mixed Case", "select", "ünïcödé 名前", "with-dash", strings.Repeat("long ", 50) + "x"} {
		target, staged := rel(name), rel("_engine_new__"+name)
		column := strings.ReplaceAll(cut(name, 100), "-", "_")
		if strings.ContainsAny(column, " 名") {
			column = "column of it"
		}
		columns := []warehouse.Column{{Name: "id", Type: "INT64"}}
		r.do(warehouse.CreateTableAs{Target: staged, Query: "select 1 as id"},
			warehouse.Comment{Relation: staged, Kind: warehouse.Table, Column: "id", Text: name},
			warehouse.Swap{New: staged, NewKind: warehouse.Table, Target: target},
			warehouse.InsertValues{Target: target, Columns: columns, Rows: [][]any{{int64(2)}}})
		r.want("select id from "+(Dialect{}).Quote(target), "1", "2")
		found, err := r.c.Inspect(context.Background(), []addr.Relation{target})
		if err != nil || len(found) != 1 || found[0].Name != target || found[0].Columns[0].Comment != name {
			t.Errorf("%q: %+v, %v", name, found, err)
		}
		r.do(warehouse.Drop{Relation: target, Kind: warehouse.Table})
	}
	if left, err := r.c.List(context.Background(), "", "shop"); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestSwapReaders: readers find the old rows or the new ones, always all of them.
func TestSwapReaders(t *testing.T) {
	r := newRig(t)
	version := func(name string, n int) warehouse.Op {
		return warehouse.CreateTableAs{Target: rel(name), Query: fmt.Sprintf("select %d as n from unnest(generate_array(1, 50))", n)}
	}
	r.do(version("t", 0))
	stop := make(chan struct{})
	var readers sync.WaitGroup
	reads := 0
	readers.Go(func() {
		for last := "0"; ; reads++ {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			got, err := rowsOf(r.c, "select count(*), min(n), max(n) from shop.t")
			if err != nil {
				t.Errorf("read: %v", err)
				return
			}
			parts := strings.Split(got[0], "|")
			if parts[0] != "50" || parts[1] != parts[2] || parts[1] < last {
				t.Errorf("the table has %s after %s", got[0], last)
			}
			last = parts[1]
		}
	})
	for n := 1; n <= 4; n++ {
		r.do(version("_engine_new__t", n), warehouse.Swap{New: rel("_engine_new__t"), NewKind: warehouse.Table, Target: rel("t"), Old: warehouse.Table})
	}
	close(stop)
	readers.Wait()
	if reads < 4 {
		t.Errorf("only %d reads meanwhile", reads)
	}
	r.want("select max(n), count(*) from shop.t", "4|50")
}

// TestSwapAtOnce: relations of one dataset are published next to each other.
func TestSwapAtOnce(t *testing.T) {
	r := newRig(t)
	var wg sync.WaitGroup
	for w := range 3 {
		wg.Go(func() {
			old := warehouse.None
			for n := range 3 {
				staged := rel(fmt.Sprintf("_engine_new__t%d", w))
				if err := r.try(warehouse.CreateTableAs{Target: staged, Query: fmt.Sprintf("select %d as n", n)},
					warehouse.Swap{New: staged, NewKind: warehouse.Table, Target: rel(fmt.Sprintf("t%d", w)), Old: old}); err != nil {
					t.Error(err)
					return
				}
				old = warehouse.Table
			}
		})
	}
	wg.Wait()
	for w := range 3 {
		r.want(fmt.Sprintf("select n from shop.t%d", w), "2")
	}
}

// TestValues: values of all types come back, nested ones among them.
func TestValues(t *testing.T) {
	r := newRig(t)
	rows, err := r.c.Query(context.Background(), warehouse.Statement{SQL: `select numeric '1.50' as a, bignumeric '-0.000000000000000000000000000000000001' as b, numeric '99999999999999999999999999999.999999999' as c,
		datetime '2024-02-29 01:02:03.000004' as d, time '01:02:03.5' as e, [1, 2] as f, struct(1 as x, [struct('a' as y)] as z) as g, json '{"a": [1, null]}' as h, array<int64>[] as i, b'\xff' as j`})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var types []string
	for _, c := range rows.Columns() {
		types = append(types, c.Type)
	}
	if d := cmp.Diff([]string{"NUMERIC", "BIGNUMERIC", "NUMERIC", "DATETIME", "TIME", "ARRAY<INT64>", "STRUCT<x INT64, z ARRAY<STRUCT<y STRING>>>", "JSON", "ARRAY<INT64>", "BYTES"}, types); d != "" {
		t.Error(d)
	}
	if !rows.Next() {
		t.Fatal(rows.Err())
	}
	got, err := rows.Values()
	want := []any{"1.5", "-0.000000000000000000000000000000000001", "99999999999999999999999999999.999999999", time.Date(2024, 2, 29, 1, 2, 3, 4000, time.UTC), "01:02:03.5",
		[]any{int64(1), int64(2)}, map[string]any{"x": int64(1), "z": []any{map[string]any{"y": "a"}}}, `{"a":[1,null]}`, []any{}, []byte{0xff}}
	if d := cmp.Diff(want, got); d != "" || err != nil || rows.Next() {
		t.Error(d, err)
	}
}

// TestPages: a result of several pages comes whole and in order.
func TestPages(t *testing.T) {
	r := newRig(t)
	rows, err := r.c.Query(context.Background(), warehouse.Statement{SQL: "select n from unnest(generate_array(1, 25000)) as n order by n"})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := int64(0)
	for rows.Next() {
		v, err := rows.Values()
		if n++; err != nil || v[0] != n {
			t.Fatalf("row %d is %v, %v", n, v, err)
		}
	}
	if n != 25000 || rows.Err() != nil {
		t.Errorf("%d rows, %v", n, rows.Err())
	}
	if stats := warehouse.StatsOf(rows); stats.Rows != 25000 {
		t.Errorf("stats %+v", stats)
	}
}

// TestCancelOnServer: the end of the context ends a running job, and the connection works on.
func TestCancelOnServer(t *testing.T) {
	r := newRig(t)
	r.peer.SetDelays(t, bqpeer.Delay{Match: "slow", Millis: 60_000})
	for name, run := range map[string]func(context.Context) error{
		"exec": func(ctx context.Context) error {
			_, err := r.c.Exec(ctx, warehouse.Statement{SQL: "create table shop.slow as (select 1 as n)"})
			return err
		},
		"query": func(ctx context.Context) error {
			_, err := r.c.Query(ctx, warehouse.Statement{SQL: "select 1 as slow"})
			return err
		},
	} {
		ctx, stop := context.WithTimeout(context.Background(), 500*time.Millisecond)
		start := time.Now()
		if err := run(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 5*time.Second {
			t.Errorf("%s: %v after %v", name, err, time.Since(start))
		}
		stop()
		r.want("select 1", "1")
	}
	if err := r.c.Close(); err != nil {
		t.Error(err)
	}
	ended := 0
	for _, j := range r.peer.Log(t).Jobs {
		if j.Reason == "stopped" {
			ended++
		} else if strings.Contains(j.SQL, "slow") {
			t.Errorf("%s is %s, %s", j.SQL, j.State, j.Reason)
		}
	}
	if left, err := r.c.Probe(context.Background(), rel("slow")); err != nil || left.Kind != warehouse.None || ended != 2 {
		t.Errorf("%+v, %v; %d jobs ended", left, err, ended)
	}
}

// TestCloseRows: rows end at the time that the staged ones say, and only open ones.
func TestCloseRows(t *testing.T) {
	r := newRig(t)
	r.do(warehouse.CreateTableAs{Target: rel("t"), Query: "select 1 as id, cast(null as timestamp) as till union all select 2, null union all select 3, timestamp '2020-01-01 00:00:00+00'"},
		warehouse.CreateTableAs{Target: rel("s"), Query: "select id, timestamp '2024-01-02 03:04:05+00' as since from unnest([2, 3]) as id"},
		warehouse.CloseRows{Target: rel("t"), From: rel("s"), Key: "id", To: "till", At: "since"})
	r.want("select id, till from shop.t", "1|NULL", "2|2024-01-02 03:04:05", "3|2020-01-01")
}

func csv(t *testing.T, text string, delimiter rune) warehouse.File {
	path := filepath.Join(t.TempDir(), "seed.csv")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return warehouse.File{Path: path, Format: "csv", Delimiter: delimiter, Open: func() (io.ReadCloser, error) { return os.Open(path) }}
}

// TestLoad: what the suite cannot ask because of names or size.
func TestLoad(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	load := func(name, text string, columns ...warehouse.Column) error {
		_, err := r.c.Load(ctx, rel(name), columns, csv(t, text, 0))
		return err
	}
	if err := load("nulls", "id,name\n,\n1,\"\"\n", warehouse.Column{Name: "id", Type: "INT64"}, warehouse.Column{Name: "name", Type: "STRING"}); err != nil {
		t.Fatal(err)
	}
	r.want("select * from shop.nulls", "NULL|NULL", "1|")
	if err := load("by_name", "name,id\na,1\n", warehouse.Column{Name: "ID", Type: "INT64"}, warehouse.Column{Name: "NAME", Type: "STRING"}); err != nil {
		t.Fatal(err)
	}
	r.want("select * from shop.by_name", "a|1")
	var b strings.Builder
	b.WriteString("id,name\n")
	for i := range 3000 {
		fmt.Fprintf(&b, "%d,name %d\n", i, i)
	}
	stats, err := r.c.Load(ctx, rel("_engine_new__many"), nil, csv(t, b.String(), 0))
	if err != nil || stats.Rows != 3000 || stats.JobID == "" {
		t.Errorf("%+v, %v", stats, err)
	}
	r.want("select count(*), min(id), max(id) from shop._engine_new__many", "3000|0|2999")
	all := "i,f,n,b,s,d,t,ts,dt,j\n +7 ,1e3,+1.50,YES, a ,2024-2-9,1:02:03,2024-02-09T01:02:03+02:00,2024-02-09 01:02,\"{\"\"a\"\": 1}\"\n-1,-1e-3,.5,0,x,2024-12-31,23:59:59.5,2024-02-09,2024-02-09,null\n"
	if err := load("every", all, warehouse.Column{Name: "i", Type: "INT64"}, warehouse.Column{Name: "f", Type: "float64"}, warehouse.Column{Name: "n", Type: "NUMERIC(10, 2)"}, warehouse.Column{Name: "b", Type: "BOOLEAN"},
		warehouse.Column{Name: "s", Type: "STRING(3)"}, warehouse.Column{Name: "d", Type: "DATE"}, warehouse.Column{Name: "t", Type: "TIME"}, warehouse.Column{Name: "ts", Type: "TIMESTAMP"}, warehouse.Column{Name: "dt", Type: "DATETIME"}, warehouse.Column{Name: "j", Type: "JSON"}); err != nil {
		t.Fatal(err)
	}
	r.want("select i, f, n, b, s, d, t, ts, dt, to_json_string(j) from shop.every",
		`7|1000|1.5|true| a |2024-02-09|01:02:03|2024-02-08 23:02:03|2024-02-09 01:02:00|{"a":1}`, `-1|-0.001|0.5|false|x|2024-12-31|23:59:59.5|2024-02-09|2024-02-09|null`)

	bad := "i,d,n,s,t\n1,2024-01-01,1,abc,\nx,never,1,abc,\n1.5,2024-02-30,123456789.1,abcd,2024-01-01 00:00:00.1234567\n"
	err = load("bad", bad, warehouse.Column{Name: "i", Type: "INT64"}, warehouse.Column{Name: "d", Type: "DATE"}, warehouse.Column{Name: "n", Type: "NUMERIC(10, 2)"}, warehouse.Column{Name: "s", Type: "STRING(3)"}, warehouse.Column{Name: "t", Type: "TIMESTAMP"})
	var refused *warehouse.LoadError
	if !errors.As(err, &refused) {
		t.Fatalf("error %v", err)
	}
	var got []string
	for _, row := range refused.Rows {
		got = append(got, fmt.Sprintf("%d:%d %s: %s", row.Line, row.Field, row.Name, row.Reason))
	}
	want := []string{`3:1 i: "x" is not of type INT64`, `3:2 d: "never" is not of type DATE`, `4:1 i: "1.5" is not of type INT64`, `4:2 d: "2024-02-30" is not of type DATE`,
		`4:3 n: 123456789.1 is out of the range of NUMERIC(10, 2)`, `4:4 s: the text has more than 3 characters`, `4:5 t: "2024-01-01 00:00:00.1234567" has more than six digits of a second`}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if err := load("nested", "a\n1\n", warehouse.Column{Name: "a", Type: "ARRAY<INT64>"}); err == nil || !strings.Contains(err.Error(), "ARRAY<INT64>") {
		t.Errorf("error %v", err)
	}
}

// TestMergePruned: a merge that looks only at some partitions gives the rows that one over
// the whole table gives, over random tables; and what it sends names partitions only by
// constants.
func TestMergePruned(t *testing.T) {
	r := newRig(t)
	random := rand.New(rand.NewPCG(1, 2))
	day := warehouse.Partition{Column: "day", Type: "date", Granularity: warehouse.Day}
	month := warehouse.Partition{Column: "day", Type: "date", Granularity: warehouse.Month}
	ints := warehouse.Partition{Column: "id", Type: "int64", Start: 2, End: 9, Interval: 3}
	for turn, tt := range []struct {
		p   warehouse.Partition
		key []string
	}{{day, []string{"id"}}, {day, []string{"id", "day"}}, {month, []string{"id"}}, {ints, []string{"id"}}, {ints, []string{"day"}}} {
		type row struct{ id, day, v string }
		state := map[string]row{}
		literal := func(x row) string { return fmt.Sprintf("(%s, %s, '%s')", x.id, x.day, x.v) }
		keyOf := func(x row) string {
			parts := map[string]string{"id": x.id, "day": x.day}
			var k []string
			for _, name := range tt.key {
				if parts[name] == "null" {
					return "" // matches nothing
				}
				k = append(k, parts[name])
			}
			return strings.Join(k, " ")
		}
		gen := func(n int, v string) []row {
			seen := map[string]bool{}
			var out []row
			for len(out) < n {
				x := row{fmt.Sprint(random.IntN(12)), fmt.Sprintf("date '2024-%02d-%02d'", 1+random.IntN(3), 1+random.IntN(4)), v + fmt.Sprint(len(out))}
				if random.IntN(6) == 0 {
					x.day = "null"
				}
				k := keyOf(x)
				if k != "" && seen[k] {
					if n--; n <= 0 {
						break
					}
					continue
				}
				seen[k] = true
				out = append(out, x)
			}
			return out
		}
		fill := func(name string, rows []row, l *warehouse.Layout) {
			values := make([]string, len(rows))
			for i, x := range rows {
				values[i] = literal(x)
			}
			r.do(warehouse.Drop{Relation: rel(name), Kind: warehouse.Table},
				warehouse.CreateTable{Target: rel(name), Columns: []warehouse.Column{{Name: "id", Type: "INT64"}, {Name: "day", Type: "DATE"}, {Name: "v", Type: "STRING"}}, Layout: l},
				warehouse.SQL{Text: "insert into shop." + name + " (id, day, v) values " + strings.Join(values, ", ")})
		}
		loose := 0
		apply := func(rows []row) {
			for _, x := range rows {
				k := keyOf(x)
				if k == "" {
					loose++
					k = fmt.Sprint("loose ", loose)
				}
				state[k] = x
			}
		}
		before, after := gen(12, "old"), gen(5, "new")
		fill("t", before, &warehouse.Layout{Partition: &tt.p})
		fill("s", after, nil)
		apply(before)
		apply(after)
		r.do(warehouse.MergeInto{Target: rel("t"), From: rel("s"), Key: tt.key, Partition: &tt.p})
		var want []string
		for _, x := range state {
			want = append(want, x.id+"|"+strings.NewReplacer("date ", "", "'", "", "null", "NULL").Replace(x.day)+"|"+x.v)
		}
		r.want("select id, day, v from shop.t", want...)
		if t.Failed() {
			t.Fatalf("turn %d: %+v\nbefore %v\nnew %v", turn, tt, before, after)
		}
	}
	merges := 0
	for _, j := range r.peer.Log(t).Jobs {
		if strings.HasPrefix(j.SQL, "merge into") {
			merges++
			if !strings.Contains(j.SQL, "\nand (") && !strings.Contains(j.SQL, "\nand false") {
				t.Errorf("a merge without partitions:\n%s", j.SQL)
			}
		}
	}
	if merges != 5 {
		t.Errorf("%d merges", merges)
	}
	r.do(warehouse.SQL{Text: "truncate table shop.s"}, warehouse.SQL{Text: "insert into shop.s (id, day, v) values (1, null, 'a'), (1, null, 'b')"})
	p := day
	if err := r.try(warehouse.MergeInto{Target: rel("t"), From: rel("s"), Key: []string{"id"}, Partition: &p}); err == nil || !errors.As(err, new(*warehouse.UnmetError)) || !strings.Contains(err.Error(), "several new rows have the key id = 1") {
		t.Errorf("error %v", err)
	}
}

// TestReplacePartitions: exactly the partitions that are meant have the new rows.
func TestReplacePartitions(t *testing.T) {
	r := newRig(t)
	day := warehouse.Partition{Column: "day", Type: "date", Granularity: warehouse.Day}
	month := warehouse.Partition{Column: "day", Type: "date", Granularity: warehouse.Month}
	ints := warehouse.Partition{Column: "id", Type: "int64", Start: 0, End: 20, Interval: 10}
	hours := warehouse.Partition{Column: "at", Type: "datetime", Granularity: warehouse.Hour}
	columns := []warehouse.Column{{Name: "id", Type: "INT64"}, {Name: "day", Type: "DATE"}, {Name: "at", Type: "DATETIME"}}
	tests := []struct {
		name  string
		p     warehouse.Partition
		old   string
		new   string
		only  []string
		copy  bool
		want  []string
		fails string
	}{
		{"found", day, "(1, '2024-01-01'), (2, '2024-01-02'), (3, null)", "(11, '2024-01-02'), (12, '2024-01-02'), (13, '2024-01-03')", nil, false, []string{"1|2024-01-01", "11|2024-01-02", "12|2024-01-02", "13|2024-01-03", "3|NULL"}, ""},
		{"found with NULL", day, "(1, '2024-01-01'), (3, null)", "(13, null)", nil, false, []string{"1|2024-01-01", "13|NULL"}, ""},
		{"nothing new", day, "(1, '2024-01-01')", "", nil, false, []string{"1|2024-01-01"}, ""},
		{"months", month, "(1, '2024-01-01'), (2, '2024-02-02')", "(11, '2024-01-31')", nil, false, []string{"11|2024-01-31", "2|2024-02-02"}, ""},
		{"ranges", ints, "(1, null), (11, null), (25, null), (null, null)", "(5, null), (99, null)", nil, false, []string{"11|NULL", "5|NULL", "99|NULL", "NULL|NULL"}, ""},
		{"hours", hours, "(1, null), (2, null)", "(3, null)", nil, false, []string{"3|NULL"}, ""},
		{"given", day, "(1, '2024-01-01'), (2, '2024-01-02'), (3, null)", "(12, '2024-01-02')", []string{"'2024-01-01'", "date '2024-01-02'"}, false, []string{"12|2024-01-02", "3|NULL"}, ""},
		{"given with NULL", day, "(1, '2024-01-01'), (3, null)", "", []string{"null"}, false, []string{"1|2024-01-01"}, ""},
		{"given ranges", ints, "(1, null), (11, null)", "(12, null)", []string{"10"}, false, []string{"1|NULL", "12|NULL"}, ""},
		{"outside of given", day, "(1, '2024-01-01')", "(12, '2024-01-02')", []string{"'2024-01-01'"}, false, []string{"1|2024-01-01"}, "day = 2024-01-02"},
		{"copied", day, "(1, '2024-01-01'), (2, '2024-01-02')", "(12, '2024-01-02'), (13, '2024-01-03')", nil, true, []string{"1|2024-01-01", "12|2024-01-02", "13|2024-01-03"}, ""},
		{"copied with NULL", day, "(1, '2024-01-01'), (3, null)", "(11, '2024-01-01'), (13, null)", nil, true, []string{"11|2024-01-01", "13|NULL"}, ""},
		{"given, copied", day, "(1, '2024-01-01'), (2, '2024-01-02'), (3, '2024-01-03')", "(12, '2024-01-02')", []string{"'2024-01-01'", "'2024-01-02'"}, true, []string{"12|2024-01-02", "3|2024-01-03"}, ""},
	}
	for _, tt := range tests {
		r.Run(tt.name, func(t *testing.T) {
			part := &rig{t, r.c, r.peer}
			for name, values := range map[string]string{"t": tt.old, "s": tt.new} {
				part.do(warehouse.Drop{Relation: rel(name), Kind: warehouse.Table}, warehouse.CreateTable{Target: rel(name), Columns: columns, Layout: &warehouse.Layout{Partition: &tt.p}})
				if values != "" {
					part.do(warehouse.SQL{Text: "insert into shop." + name + " (id, day) values " + values})
				}
			}
			err := part.try(warehouse.ReplacePartitions{Target: rel("t"), From: rel("s"), Partition: tt.p, Only: tt.only, Copy: tt.copy})
			if (err != nil) != (tt.fails != "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("error %v", err)
			}
			part.want("select id, day from shop.t", tt.want...)
		})
	}
}

// TestLayoutInspected: how a table is kept is found by both ways of looking, and what a
// layout asks for is there.
func TestLayoutInspected(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	layouts := map[string]*warehouse.Layout{
		"day":   {Partition: &warehouse.Partition{Column: "d", Type: "date", Granularity: warehouse.Day}, Cluster: []string{"i", "s"}, RequirePartitionFilter: true, PartitionDays: 2, Labels: map[string]string{"team": "core", "a": "b"}},
		"month": {Partition: &warehouse.Partition{Column: "ts", Type: "timestamp", Granularity: warehouse.Month}},
		"hour":  {Partition: &warehouse.Partition{Column: "dt", Type: "datetime", Granularity: warehouse.Hour}},
		"range": {Partition: &warehouse.Partition{Column: "i", Type: "int64", Start: -10, End: 100, Interval: 10}},
		"none":  {Cluster: []string{"s"}},
	}
	columns := []warehouse.Column{{Name: "d", Type: "DATE"}, {Name: "ts", Type: "TIMESTAMP"}, {Name: "dt", Type: "DATETIME"}, {Name: "i", Type: "INT64"}, {Name: "s", Type: "STRING"}}
	for name, l := range layouts {
		r.do(warehouse.CreateTable{Target: rel(name), Columns: columns, Layout: l})
		found, err := r.c.Inspect(ctx, []addr.Relation{rel(name)})
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %v, %v", name, found, err)
		}
		probed, err := r.c.Probe(ctx, rel(name))
		if err != nil {
			t.Fatal(err)
		}
		for way, got := range map[string]*warehouse.Layout{"inspected": found[0].Layout, "probed": probed.Layout} {
			if got == nil || !sameSpread(l, got) || got.RequirePartitionFilter != l.RequirePartitionFilter || got.PartitionDays != l.PartitionDays || len(got.Labels) != len(l.Labels) {
				t.Errorf("%s, %s:\n%s", name, way, cmp.Diff(l, got))
			}
		}
	}
}

package duckdb

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

func batches(n, size int) func() (*warehouse.Batch, error) {
	at := 0
	return func() (*warehouse.Batch, error) {
		if at == n {
			return nil, nil
		}
		b := &warehouse.Batch{Columns: make([]warehouse.Vector, 4)}
		for ; b.Rows < size && at < n; at, b.Rows = at+1, b.Rows+1 {
			b.Columns[0].Ints = append(b.Columns[0].Ints, int64(at))
			b.Columns[1].Floats = append(b.Columns[1].Floats, float64(at)/2)
			b.Columns[1].Null = append(b.Columns[1].Null, at%3 == 0)
			b.Columns[2].Texts = append(b.Columns[2].Texts, strings.Repeat("ü", at%20))
			b.Columns[3].Bools = append(b.Columns[3].Bools, at%2 == 0)
		}
		return b, nil
	}
}

var fillColumns = []warehouse.Column{{Name: "a", Type: "BIGINT"}, {Name: "b", Type: "DOUBLE"}, {Name: "c d", Type: "VARCHAR"}, {Name: "e", Type: "BOOLEAN"}}

func TestFill(t *testing.T) {
	ctx := context.Background()
	c := open(t)
	for i, size := range []int{1, 100, 2048, 5000} {
		target := addr.Relation{Schema: "main", Name: fmt.Sprintf("t%d", i)}
		stats, err := c.(warehouse.Filler).Fill(ctx, target, fillColumns, nil, batches(7001, size))
		if err != nil || stats.Rows != 7001 {
			t.Fatalf("batches of %d: %v, %d rows", size, err, stats.Rows)
		}
		got := query(t, c, `select count(*), sum(a), sum(b), count(b), sum(length("c d")), count_if(e) from `+target.Name)
		want := [][]any{{int64(7001), "24503500", 8167833.5, int64(4667), "66500", int64(3501)}}
		if d := cmp.Diff(fmt.Sprint(want), fmt.Sprint(got)); d != "" {
			t.Errorf("batches of %d: %s", size, d)
		}
		// The rows of a batch stay together, in their order.
		apart := query(t, c, fmt.Sprintf("select count(*) from (select rowid as at, a from %s) as r join (select rowid as at, a from %s) as s on s.at = r.at + 1 and s.a <> r.a + 1 and r.a %% %d <> %d and r.a <> 7000", target.Name, target.Name, size, size-1))
		if d := cmp.Diff("[[0]]", fmt.Sprint(apart)); d != "" {
			t.Errorf("batches of %d are torn apart: %s", size, d)
		}
	}
	if _, err := c.(warehouse.Filler).Fill(ctx, addr.Relation{Schema: "main", Name: "none"}, fillColumns, nil, batches(0, 1)); err != nil {
		t.Errorf("no rows: %v", err)
	}
}

func TestFillFails(t *testing.T) {
	ctx := context.Background()
	c := open(t)
	target := addr.Relation{Schema: "main", Name: "t"}
	broken := errors.New("the source broke")
	more := batches(10000, 3000)
	n := 0
	_, err := c.(warehouse.Filler).Fill(ctx, target, fillColumns, nil, func() (*warehouse.Batch, error) {
		if n++; n == 3 {
			return nil, broken
		}
		return more()
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if found, err := c.Inspect(ctx, []addr.Relation{target}); err != nil || len(found) != 0 {
		t.Errorf("a table is left behind: %v, %v", found, err)
	}
	if _, err := c.(warehouse.Filler).Fill(ctx, target, []warehouse.Column{{Name: "a", Type: "DATE"}}, nil, batches(1, 1)); err == nil {
		t.Error("a batch of another shape is no error")
	}
	cast := []warehouse.Column{{Name: "a", Type: "TINYINT"}, {Name: "b", Type: "REAL"}, {Name: "c d", Type: "TEXT"}, {Name: "e", Type: "BOOL"}}
	if _, err := c.(warehouse.Filler).Fill(ctx, target, cast, nil, batches(1000, 100)); err == nil {
		t.Error("a number that does not fit is no error")
	}
	if _, err := c.Exec(ctx, warehouse.Statement{SQL: "create table u as select * from " + c.(*conn).fills.function + "(1)"}); err == nil {
		t.Error("rows of no Fill are no error")
	}
}

func TestFillInTransaction(t *testing.T) {
	ctx := context.Background()
	c := open(t)
	tx, err := warehouse.Begin(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	target := addr.Relation{Schema: "main", Name: "t"}
	if _, err := tx.(warehouse.Filler).Fill(ctx, target, fillColumns, nil, batches(10, 10)); err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	tx.Close()
	if found, err := c.Inspect(ctx, []addr.Relation{target}); err != nil || len(found) != 0 {
		t.Errorf("a table is left behind: %v, %v", found, err)
	}
}

// Another connection takes the second batch while the first one is being written.
func TestFillTogether(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(2, runtime.NumCPU())))
	ctx := context.Background()
	c := open(t)
	more := batches(200, 100)
	second := make(chan bool)
	calls, together := 0, false
	stats, err := c.(warehouse.Filler).Fill(ctx, addr.Relation{Schema: "main", Name: "t"}, fillColumns, nil, func() (*warehouse.Batch, error) {
		b, err := more()
		switch calls++; calls {
		case 1:
			b.Free = func() {
				select {
				case <-second:
					together = true
				case <-time.After(10 * time.Second):
				}
			}
		case 2:
			close(second)
		}
		return b, err
	})
	if err != nil || stats.Rows != 200 {
		t.Fatalf("%d rows, %v", stats.Rows, err)
	}
	if !together {
		t.Error("one connection wrote all rows")
	}
}

// No more connections write than DuckDB may use threads.
func TestFillThreads(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	ctx := context.Background()
	for threads, want := range map[int]int{1: 1, 3: 3, 64: 4} {
		c := open(t)
		if _, err := c.Exec(ctx, warehouse.Statement{SQL: fmt.Sprintf("set global threads = %d", threads)}); err != nil {
			t.Fatal(err)
		}
		if got := c.(*conn).writers(ctx); got != want {
			t.Errorf("%d threads: %d connections write, not %d", threads, got, want)
		}
	}
	c := open(t)
	if _, err := c.Exec(ctx, warehouse.Statement{SQL: "set global threads = 1"}); err != nil {
		t.Fatal(err)
	}
	more, most := batches(2000, 100), 0
	if _, err := c.(warehouse.Filler).Fill(ctx, addr.Relation{Schema: "main", Name: "t"}, fillColumns, nil, func() (*warehouse.Batch, error) {
		time.Sleep(5 * time.Millisecond) // another one would begin meanwhile
		most = max(most, c.(*conn).db.Stats().InUse)
		return more()
	}); err != nil {
		t.Fatal(err)
	}
	if most != 1 {
		t.Errorf("up to %d connections wrote with one thread", most)
	}
}

// Lists are written row group by row group, and afterwards the database is as it was.
func TestFillListsBuffer(t *testing.T) {
	ctx := context.Background()
	c := open(t)
	setting := func() string {
		return fmt.Sprint(query(t, c, "select value from duckdb_settings() where name = 'write_buffer_row_group_count'"))
	}
	if _, err := c.Exec(ctx, warehouse.Statement{SQL: "set global write_buffer_row_group_count = 3"}); err != nil {
		t.Fatal(err)
	}
	was, within := setting(), ""
	broken := errors.New("the source broke")
	for _, end := range []error{nil, broken} {
		once := false
		_, err := c.(warehouse.Filler).Fill(ctx, addr.Relation{Schema: "main", Name: "t"}, []warehouse.Column{{Name: "a", Type: "BIGINT[]"}}, nil, func() (*warehouse.Batch, error) {
			if within = setting(); once {
				return nil, end
			}
			once = true
			return &warehouse.Batch{Rows: 1, Columns: []warehouse.Vector{{Lists: &warehouse.Lists{Offsets: []int{0, 0}}}}}, nil
		})
		if !errors.Is(err, end) {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{"[[1]]", was}, []string{within, setting()}); d != "" || was == within {
			t.Errorf("row groups that wait, during a Fill and after it: %s", d)
		}
		if _, err := c.Exec(ctx, warehouse.Statement{SQL: "drop table if exists t"}); err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkFill compares rows from Go with rows that DuckDB generates itself: the physical
// limit of writing.
func BenchmarkFill(b *testing.B) {
	ctx := context.Background()
	const rows = 10_000_000
	opened := func(b *testing.B) warehouse.Conn {
		c, err := Driver{}.Open(ctx, warehouse.Config{Dir: b.TempDir(), Fields: map[string]string{"path": "a.duckdb"}})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { c.Close() })
		return c
	}
	target := addr.Relation{Schema: "main", Name: "t"}
	columns := []warehouse.Column{{Name: "a", Type: "BIGINT"}, {Name: "b", Type: "BIGINT"}, {Name: "c", Type: "BIGINT"}, {Name: "d", Type: "BIGINT"}}
	drop := func(b *testing.B, c warehouse.Conn) {
		for _, s := range []string{"drop table t", "checkpoint"} {
			if _, err := c.Exec(ctx, warehouse.Statement{SQL: s}); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("go", func(b *testing.B) {
		c := opened(b)
		for b.Loop() {
			empty := make(chan *warehouse.Batch, runtime.GOMAXPROCS(0)+1) // each thread has one
			for range cap(empty) {
				batch := &warehouse.Batch{Rows: 1 << 15, Columns: make([]warehouse.Vector, 4)}
				batch.Free = func() { empty <- batch }
				for i := range batch.Columns {
					batch.Columns[i].Ints = make([]int64, batch.Rows)
				}
				batch.Done()
			}
			at := 0
			if _, err := c.(warehouse.Filler).Fill(ctx, target, columns, nil, func() (*warehouse.Batch, error) {
				if at >= rows {
					return nil, nil
				}
				batch := <-empty
				for i := range batch.Rows {
					for k := range batch.Columns {
						batch.Columns[k].Ints[i] = int64((at+i)/(k*k*20+1)) % 1_000_000
					}
				}
				at += batch.Rows
				return batch, nil
			}); err != nil {
				b.Fatal(err)
			}
			drop(b, c)
		}
	})
	b.Run("series", func(b *testing.B) {
		c := opened(b)
		for b.Loop() {
			if _, err := c.Exec(ctx, warehouse.Statement{SQL: fmt.Sprintf("create table t as select i %% 1000000 as a, i // 21 %% 1000000 as b, i // 81 %% 1000000 as c, i // 181 %% 1000000 as d from range(%d) as r(i)", rows)}); err != nil {
				b.Fatal(err)
			}
			drop(b, c)
		}
	})
}

package duckdb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// Columns are the same values that rows give, and refused types are refused.
func TestReadColumns(t *testing.T) {
	ctx := context.Background()
	c, err := Driver{}.Open(ctx, warehouse.Config{Fields: map[string]string{"path": ":memory:"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	sql := `select case when i % 7 <> 0 then i end as a, i::integer, (i % 100)::tinyint, (i % 200)::utinyint, (i % 60000)::usmallint, i::uinteger, (-i % 100)::smallint,
		i / 3::double, i % 2 = 0, case when i % 5 <> 0 then repeat('ä', (i % 11)::int) || i end, (i / 8)::decimal(9, 3) * 8, (i % 9)::decimal(4, 1), i::decimal(18, 2) from range(5000) as t(i)`
	type cells [][]string
	var want, got cells
	rows, err := c.Query(ctx, warehouse.Statement{SQL: sql})
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			t.Fatal(err)
		}
		var line []string
		for i, x := range v {
			if i >= 10 && x != nil { // decimals are texts here
				f := 0.0
				if _, err := fmt.Sscan(x.(string), &f); err != nil {
					t.Fatal(err)
				}
				x = f
			}
			line = append(line, fmt.Sprint(x))
		}
		want = append(want, line)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	read := func(c warehouse.ColumnReader) cells {
		var out cells
		err := c.ReadColumns(ctx, warehouse.Statement{SQL: sql}, func(b *warehouse.Batch) error {
			for row := range b.Rows {
				var line []string
				for i := range b.Columns {
					col := &b.Columns[i]
					var x any
					switch {
					case col.Null != nil && col.Null[row]:
					case col.Ints != nil:
						x = col.Ints[row]
					case col.Floats != nil:
						x = col.Floats[row]
					case col.Texts != nil:
						x = col.Texts[row]
					case col.Bools != nil:
						x = col.Bools[row]
					}
					line = append(line, fmt.Sprint(x))
				}
				out = append(out, line)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if got = read(c.(warehouse.ColumnReader)); !cmp.Equal(want, got) {
		t.Error(cmp.Diff(want, got))
	}
	tx, err := warehouse.Begin(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	if got = read(tx.(warehouse.ColumnReader)); len(got) != len(want) {
		t.Errorf("%d rows in a transaction, want %d", len(got), len(want))
	}
	none := func(*warehouse.Batch) error { t.Error("rows of a refused query"); return nil }
	for _, sql := range []string{"select date '2020-01-01'", "select [1]", "select 1::hugeint", "select 1::ubigint", `select '{"a": 1}'::json`, "select 1::float", "create table x as select 1"} {
		if err := c.(warehouse.ColumnReader).ReadColumns(ctx, warehouse.Statement{SQL: sql}, none); !errors.Is(err, warehouse.ErrUnsupported) {
			t.Errorf("%s: %v, want ErrUnsupported", sql, err)
		}
	}
	for _, sql := range []string{"select nothing from nowhere", "select 'x'::bigint", "selec", "select 1\x00"} {
		_, want := c.Query(ctx, warehouse.Statement{SQL: sql})
		if err := c.(warehouse.ColumnReader).ReadColumns(ctx, warehouse.Statement{SQL: sql}, none); err == nil || want == nil || err.Error() != want.Error() {
			t.Errorf("%q: %v, want %v", sql, err, want)
		}
	}
	stop := errors.New("stop")
	if err := c.(warehouse.ColumnReader).ReadColumns(ctx, warehouse.Statement{SQL: sql}, func(*warehouse.Batch) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v, want the error of each", err)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if err := c.(warehouse.ColumnReader).ReadColumns(canceled, warehouse.Statement{SQL: "select i from range(10000000000) as t(i)"}, none); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want canceled", err)
	}
}

// Texts of every length arrive, repeated ones and those across chunks, too; what is no
// UTF-8 is refused.
func TestFillTexts(t *testing.T) {
	ctx := context.Background()
	c, err := Driver{}.Open(ctx, warehouse.Config{Fields: map[string]string{"path": ":memory:"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const rows = 10_000
	words := make([]string, 300)
	for i := range words {
		words[i] = strings.Repeat("é", i%15) + fmt.Sprint(i)
	}
	b := &warehouse.Batch{Rows: rows, Columns: make([]warehouse.Vector, 2)}
	for i := range rows {
		b.Columns[0].Ints = append(b.Columns[0].Ints, int64(i))
		b.Columns[1].Texts = append(b.Columns[1].Texts, words[i*i/7%len(words)])
		b.Columns[1].Null = append(b.Columns[1].Null, i > rows/2 && i%13 == 0)
	}
	fill := func(name string, b *warehouse.Batch) error {
		_, err := c.(warehouse.Filler).Fill(ctx, addr.Relation{Schema: "main", Name: name}, []warehouse.Column{{Name: "i", Type: "BIGINT"}, {Name: "s", Type: "VARCHAR"}}, nil, func() (*warehouse.Batch, error) {
			out := b
			b = nil
			return out, nil
		})
		return err
	}
	if err := fill("words", b); err != nil {
		t.Fatal(err)
	}
	err = c.(warehouse.ColumnReader).ReadColumns(ctx, warehouse.Statement{SQL: "select i, s from main.words order by i"}, func(got *warehouse.Batch) error {
		for row := range got.Rows {
			i := got.Columns[0].Ints[row]
			null := got.Columns[1].Null != nil && got.Columns[1].Null[row]
			if null != b.Columns[1].Null[i] || !null && got.Columns[1].Texts[row] != b.Columns[1].Texts[i] {
				t.Fatalf("row %d is %q (NULL: %v), want %q", i, got.Columns[1].Texts[row], null, b.Columns[1].Texts[i])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"a\xff", "something long enough \xff"} {
		err := fill("bad", &warehouse.Batch{Rows: 1, Columns: []warehouse.Vector{{Ints: []int64{1}}, {Texts: []string{bad}}}})
		if err == nil || !strings.Contains(err.Error(), "UTF-8") {
			t.Errorf("%q: %v, want that it is not UTF-8", bad, err)
		}
	}
}

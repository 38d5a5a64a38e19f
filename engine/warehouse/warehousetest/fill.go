package warehousetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// wide is a row that a Fill writes, with a value of each sort.
type wide struct {
	id     int64
	amount any // float64 or NULL
	flag   any
	text   any
	ids    []any // nil: NULL
	names  []any
}

// wideRows are n rows, some of them with NULL, long lists and odd texts.
func wideRows(n int) []wide {
	odd := []string{"", "a", `\N`, `"{},\`, "tab\tand\nline\r", "NULL", "ünï 🚀", strings.Repeat("long ", 40), " blank ", "{1,2}"}
	out := make([]wide, n)
	for i := range out {
		w := wide{id: int64(i) - 3, amount: float64(i) / 8, flag: i%2 == 0, text: odd[i%len(odd)], ids: []any{}, names: []any{}}
		for k := range i % 7 {
			w.ids = append(w.ids, int64(math.MaxInt64-i*k))
			w.names = append(w.names, odd[(i+k)%len(odd)])
		}
		if i%5 == 4 {
			w.amount, w.flag, w.text = nil, nil, nil
		}
		if i%11 == 10 {
			w.ids, w.names = nil, nil
		}
		out[i] = w
	}
	if n > 20 {
		for k := range 5000 {
			out[20].ids = append(out[20].ids, int64(k))
		}
	}
	return out
}

// wideBatch is rows by columns. The lists begin anywhere in their elements.
func wideBatch(rows []wide) *warehouse.Batch {
	b := &warehouse.Batch{Rows: len(rows), Columns: make([]warehouse.Vector, 6)}
	c := b.Columns
	c[4].Lists = &warehouse.Lists{Offsets: []int{2}, Of: warehouse.Vector{Ints: []int64{-1, -2}}}
	c[5].Lists = &warehouse.Lists{Offsets: []int{1}, Of: warehouse.Vector{Texts: []string{"before"}}}
	for _, w := range rows {
		amount, _ := w.amount.(float64)
		flag, _ := w.flag.(bool)
		text, _ := w.text.(string)
		c[0].Ints = append(c[0].Ints, w.id)
		c[1].Floats, c[1].Null = append(c[1].Floats, amount), append(c[1].Null, w.amount == nil)
		c[2].Bools, c[2].Null = append(c[2].Bools, flag), append(c[2].Null, w.flag == nil)
		c[3].Texts, c[3].Null = append(c[3].Texts, text), append(c[3].Null, w.text == nil)
		for _, v := range w.ids {
			c[4].Lists.Of.Ints = append(c[4].Lists.Of.Ints, v.(int64))
		}
		for _, v := range w.names {
			c[5].Lists.Of.Texts = append(c[5].Lists.Of.Texts, v.(string))
		}
		for i, null := range []bool{w.ids == nil, w.names == nil} {
			l := c[4+i].Lists
			l.Offsets = append(l.Offsets, max(len(l.Of.Ints), len(l.Of.Texts)))
			c[4+i].Null = append(c[4+i].Null, null)
		}
	}
	return b
}

func (h *harness) filler(c warehouse.Conn) warehouse.Filler {
	f, ok := c.(warehouse.Filler)
	if !ok {
		h.Fatal("no Filler")
	}
	return f
}

// testFill: rows in bulk are the rows, whatever the size of a batch.
func testFill(h *harness) {
	ty := h.w.Types
	columns := []warehouse.Column{{Name: "id", Type: ty.Int}, {Name: "amount", Type: ty.Float}, {Name: "flag", Type: ty.Bool}, {Name: "text", Type: ty.Text}, {Name: "ids", Type: ty.Ints}, {Name: "names", Type: ty.Texts}}
	rows := wideRows(3000)
	in := func(size int) func() (*warehouse.Batch, error) {
		rest := rows
		return func() (*warehouse.Batch, error) {
			if len(rest) == 0 {
				return nil, nil
			}
			part := rest[:min(size, len(rest))]
			rest = rest[len(part):]
			return wideBatch(part), nil
		}
	}
	check := func(h *harness, c warehouse.Conn, target addr.Relation) {
		h.Helper()
		got, err := h.values(c, "select id, amount, flag, text, ids, names from "+h.d.Quote(target)+" order by id")
		if err != nil {
			h.Fatal(err)
		}
		if len(got) != len(rows) {
			h.Fatalf("%d rows, want %d", len(got), len(rows))
		}
		list := func(v any) []any { l, _ := v.([]any); return l }
		for i, w := range rows {
			row := got[i]
			if !slices.Equal(list(row[4]), w.ids) || !slices.Equal(list(row[5]), w.names) {
				h.Fatalf("row %d has the lists %v and %q, want %v and %q", i, row[4], row[5], w.ids, w.names)
			}
			equal(h, fmt.Sprint("row ", i), []any{w.id, w.amount, w.flag, w.text}, row[:4])
		}
	}
	for _, size := range []int{7, 5000} {
		target := h.rel(fmt.Sprint("filled", size))
		stats, err := h.filler(h.conn).Fill(h.ctx, target, columns, nil, in(size))
		if err != nil || stats.Rows != int64(len(rows)) {
			h.Fatalf("batches of %d: %d rows, %v", size, stats.Rows, err)
		}
		check(h, h.conn, target)
	}
	h.sub("transaction", func(h *harness) {
		if !h.d.Caps().TransactionalDDL {
			return
		}
		tx, err := warehouse.Begin(h.ctx, h.conn)
		if err != nil {
			h.Fatal(err)
		}
		defer tx.Close()
		target := h.rel("filled within")
		if _, err := h.filler(tx).Fill(h.ctx, target, columns, nil, in(100)); err != nil {
			h.Fatal(err)
		}
		check(h, tx, target)
		if err := tx.Rollback(h.ctx); err != nil {
			h.Fatal(err)
		}
		h.isGone(target)
	})
	h.sub("append", func(h *harness) {
		tx, err := warehouse.Begin(h.ctx, h.conn)
		if errors.Is(err, warehouse.ErrUnsupported) {
			return
		}
		if err != nil {
			h.Fatal(err)
		}
		defer tx.Close()
		a, ok := tx.(warehouse.Appender)
		if !ok {
			return
		}
		all, target := rows, h.rel("appended to")
		defer func() { rows = all }()
		rows = all[:1000]
		if _, err := h.filler(tx).Fill(h.ctx, target, columns, nil, in(100)); err != nil {
			h.Fatal(err)
		}
		rows = all[1000:]
		if stats, err := a.Append(h.ctx, target, columns, in(300)); err != nil || stats.Rows != 2000 {
			h.Fatalf("%d rows, %v", stats.Rows, err)
		}
		rows = all
		check(h, tx, target)
		broken := errors.New("the source broke")
		if _, err := a.Append(h.ctx, target, columns, func() (*warehouse.Batch, error) { return nil, broken }); !errors.Is(err, broken) {
			h.Errorf("%v, want %v", err, broken)
		}
		if err := tx.Rollback(h.ctx); err != nil {
			h.Fatal(err)
		}
		h.isGone(target)
	})
	h.sub("refused", func(h *harness) {
		target := h.rel("refused")
		broken := errors.New("the source broke")
		bad := map[string]func(b *warehouse.Batch) error{
			"source":      func(*warehouse.Batch) error { return broken },
			"few columns": func(b *warehouse.Batch) error { b.Columns = b.Columns[:5]; return nil },
			"few values":  func(b *warehouse.Batch) error { b.Columns[0].Ints = b.Columns[0].Ints[1:]; return nil },
			"few offsets": func(b *warehouse.Batch) error {
				b.Columns[4].Lists.Offsets = b.Columns[4].Lists.Offsets[1:]
				return nil
			},
			"falling":       func(b *warehouse.Batch) error { b.Columns[4].Lists.Offsets[50] = 0; return nil },
			"beyond":        func(b *warehouse.Batch) error { b.Columns[5].Lists.Offsets[100]++; return nil },
			"NULL elements": func(b *warehouse.Batch) error { b.Columns[5].Lists.Of.Null = []bool{true}; return nil },
		}
		for name, spoil := range bad {
			calls := 0
			_, err := h.filler(h.conn).Fill(h.ctx, target, columns, nil, func() (*warehouse.Batch, error) {
				b := wideBatch(rows[:100])
				if calls++; calls == 3 {
					return b, spoil(b)
				}
				if calls > 20 {
					return nil, nil
				}
				return b, nil
			})
			if err == nil || name == "source" && !errors.Is(err, broken) {
				h.Errorf("%s: %v", name, err)
			}
			h.isGone(target)
		}
	})
}

// testFillCanceled: what was written before is gone.
func testFillCanceled(h *harness) {
	ctx, cancel := context.WithCancel(h.ctx)
	defer cancel()
	target := h.rel("canceled")
	columns := []warehouse.Column{{Name: "id", Type: h.w.Types.Int}}
	calls := 0
	_, err := h.filler(h.conn).Fill(ctx, target, columns, nil, func() (*warehouse.Batch, error) {
		if calls++; calls == 50 {
			cancel()
		}
		if calls == 200 {
			return nil, ctx.Err()
		}
		return &warehouse.Batch{Rows: 5000, Columns: []warehouse.Vector{{Ints: make([]int64, 5000)}}}, nil
	})
	if !errors.Is(err, context.Canceled) {
		h.Errorf("%v, want canceled", err)
	}
	h.isGone(target)
}

// isGone checks that a relation does not exist.
func (h *harness) isGone(r addr.Relation) {
	h.Helper()
	if found, err := h.conn.Inspect(h.ctx, []addr.Relation{r}); err != nil || len(found) != 0 {
		h.Errorf("%s is left behind: %v, %v", r, found, err)
	}
}

// testReadColumns: columns hold what rows do.
func testReadColumns(h *harness) {
	if _, ok := h.conn.(warehouse.ColumnReader); !ok {
		return
	}
	ty := h.w.Types
	columns := []warehouse.Column{{Name: "id", Type: ty.Int}, {Name: "amount", Type: ty.Float}, {Name: "flag", Type: ty.Bool}, {Name: "text", Type: ty.Text}}
	all := wideRows(10_000)
	in := wideBatch(all)
	in.Columns = in.Columns[:len(columns)]
	table := h.rel("read by columns")
	if _, err := h.filler(h.conn).Fill(h.ctx, table, columns, nil, func() (*warehouse.Batch, error) {
		b := in
		in = nil
		return b, nil
	}); err != nil {
		h.Fatal(err)
	}
	read := func(c warehouse.Conn, sql string, each func(*warehouse.Batch) error) error {
		return c.(warehouse.ColumnReader).ReadColumns(h.ctx, warehouse.Statement{SQL: sql}, each)
	}
	check := func(h *harness, c warehouse.Conn) {
		h.Helper()
		at := 0
		sql := "select id, amount, flag, text, cast(id as integer) as short, cast(id % 100 as smallint) as shorter, cast(amount as decimal(12, 3)) as exact, text as again from " + h.d.Quote(table) + " order by id"
		err := read(c, sql, func(b *warehouse.Batch) error {
			for row := range b.Rows {
				w, cells := all[at], make([]any, len(b.Columns))
				at++
				for i, v := range b.Columns {
					null := v.Null != nil && v.Null[row]
					switch {
					case null:
					case v.Ints != nil:
						cells[i] = v.Ints[row]
					case v.Floats != nil:
						cells[i] = v.Floats[row]
					case v.Bools != nil:
						cells[i] = v.Bools[row]
					case v.Texts != nil:
						cells[i] = v.Texts[row]
					}
				}
				want := []any{w.id, w.amount, w.flag, w.text, w.id, w.id % 100, w.amount, w.text}
				if !slices.Equal(want, cells) {
					return fmt.Errorf("row %d is %v, want %v", at-1, cells, want)
				}
			}
			return nil
		})
		if err != nil || at != len(all) {
			h.Errorf("%d rows of %d, %v", at, len(all), err)
		}
	}
	check(h, h.conn)
	h.sub("transaction", func(h *harness) {
		tx, err := warehouse.Begin(h.ctx, h.conn)
		if err != nil {
			h.Fatal(err)
		}
		defer tx.Close()
		check(h, tx)
		stop := errors.New("stop")
		if err := read(tx, "select id from "+h.d.Quote(table), func(*warehouse.Batch) error { return stop }); !errors.Is(err, stop) {
			h.Errorf("%v, want the error of each", err)
		}
		if err := read(tx, "select cast('2024-01-01' as date) as d", func(*warehouse.Batch) error { return nil }); !errors.Is(err, warehouse.ErrUnsupported) {
			h.Errorf("%v, want ErrUnsupported", err)
		}
		check(h, tx) // it still works
	})
	h.sub("refused", func(h *harness) {
		none := func(*warehouse.Batch) error { h.Error("rows of a refused query"); return nil }
		for _, sql := range []string{"select cast('2024-01-01' as date) as d", "select cast('{}' as json) as j", "create table " + h.q("made") + " as select 1 as a"} {
			if err := read(h.conn, sql, none); !errors.Is(err, warehouse.ErrUnsupported) {
				h.Errorf("%s: %v, want ErrUnsupported", sql, err)
			}
		}
		h.isGone(h.rel("made"))
		for _, sql := range []string{"select nothing from nowhere", "select cast('x' as bigint) as x", "selec", "select 1\x00"} {
			_, want := h.values(h.conn, sql)
			if err := read(h.conn, sql, none); err == nil || want == nil || err.Error() != want.Error() {
				h.Errorf("%q: %v, want %v", sql, err, want)
			}
		}
		stop := errors.New("stop")
		if err := read(h.conn, "select id from "+h.d.Quote(table), func(*warehouse.Batch) error { return stop }); !errors.Is(err, stop) {
			h.Errorf("%v, want the error of each", err)
		}
		canceled, cancel := context.WithCancel(h.ctx)
		cancel()
		if err := h.conn.(warehouse.ColumnReader).ReadColumns(canceled, warehouse.Statement{SQL: h.w.Slow}, none); !errors.Is(err, context.Canceled) {
			h.Errorf("%v, want canceled", err)
		}
	})
}

package warehousetest

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/engine-build/engine/engine/warehouse"
)

// make creates a relation of the kind with one row that holds n.
func (h *harness) makeKind(kind warehouse.Kind, name string, n int) {
	h.Helper()
	query := fmt.Sprintf("select %d as n", n)
	if kind == warehouse.View {
		h.do(warehouse.CreateViewAs{Target: h.rel(name), Query: query})
	} else {
		h.do(warehouse.CreateTableAs{Target: h.rel(name), Query: query})
	}
}

func testSwap(h *harness) {
	kinds := []warehouse.Kind{warehouse.Table, warehouse.View}
	for _, old := range append(kinds, warehouse.None) {
		for _, kind := range kinds {
			from := string(old)
			if old == warehouse.None {
				from = "nothing"
			}
			name := from + " to " + string(kind)
			h.sub(name, func(h *harness) {
				target, staged := "target "+name, "new "+name
				if old != warehouse.None {
					h.makeKind(old, target, 1)
				}
				h.makeKind(kind, staged, 2)
				h.do(warehouse.Swap{New: h.rel(staged), NewKind: kind, Target: h.rel(target), Old: old})
				h.wantRows(target, "n", "2")
				for name, want := range map[string]warehouse.Kind{target: kind, staged: warehouse.None} {
					if r, err := h.inspect(h.conn)(h.rel(name)); err != nil || r.Kind != want {
						h.Errorf("%s is %q, %v; want %q", name, r.Kind, err, want)
					}
				}
			})
		}
	}
	h.sub("comments stay", func(h *harness) {
		h.makeKind(warehouse.Table, "commented", 1)
		h.makeKind(warehouse.Table, "new commented", 2)
		h.do(warehouse.Comment{Relation: h.rel("new commented"), Kind: warehouse.Table, Text: "new"},
			warehouse.Swap{New: h.rel("new commented"), NewKind: warehouse.Table, Target: h.rel("commented"), Old: warehouse.Table})
		if r, _ := h.inspect(h.conn)(h.rel("commented")); r.Comment != "new" {
			h.Errorf("comment is %q", r.Comment)
		}
	})
	h.sub("dependent view", func(h *harness) {
		h.makeKind(warehouse.Table, "base", 1)
		h.do(warehouse.CreateViewAs{Target: h.rel("on base"), Query: "select n from " + h.q("base")},
			warehouse.CreateTableAs{Target: h.rel("new base"), Query: "select 'x' as extra, 2 as n"},
			warehouse.Swap{New: h.rel("new base"), NewKind: warehouse.Table, Target: h.rel("base"), Old: warehouse.Table})
		h.wantRows("on base", "n", "2")
	})
	h.sub("keep", func(h *harness) {
		h.makeKind(warehouse.Table, "keeper", 1)
		h.makeKind(warehouse.Table, "new keeper", 2)
		h.do(warehouse.CreateViewAs{Target: h.rel("on keeper"), Query: "select n from " + h.q("keeper")},
			warehouse.Swap{New: h.rel("new keeper"), NewKind: warehouse.Table, Target: h.rel("keeper"), Old: warehouse.Table, Keep: h.rel("_engine_old__keeper")})
		h.wantRows("keeper", "n", "2")
		h.wantRows("on keeper", "n", "2")
		h.wantRows("_engine_old__keeper", "n", "1")
		// And back again.
		h.do(warehouse.Swap{New: h.rel("_engine_old__keeper"), NewKind: warehouse.Table, Target: h.rel("keeper"), Old: warehouse.Table, Keep: h.rel("_engine_old__keeper2")})
		h.wantRows("keeper", "n", "1")
		h.wantRows("on keeper", "n", "1")
		h.wantRows("_engine_old__keeper2", "n", "2")
	})
	h.sub("definition", func(h *harness) {
		h.makeKind(warehouse.Table, "defined base", 1)
		h.do(warehouse.CreateViewAs{Target: h.rel("defined"), Query: "select n, n + 1 as m from " + h.q("defined base")})
		query, err := warehouse.Definition(h.ctx, h.conn, h.rel("defined"))
		if err != nil {
			h.Fatal(err)
		}
		h.do(warehouse.CreateViewAs{Target: h.rel("defined again"), Query: query})
		h.wantRows("defined again", "m", "2")
		h.do(warehouse.CreateViewAs{Target: h.rel("defined again"), Query: "select n, n + 2 as m from " + h.q("defined base"), Replace: true})
		h.wantRows("defined again", "m", "3")
		if text, err := warehouse.Definition(h.ctx, h.conn, h.rel("defined base")); err == nil {
			h.Errorf("a table has the query %q", text)
		}
	})
	h.sub("missing new", func(h *harness) {
		h.makeKind(warehouse.Table, "kept", 1)
		_ = h.fails(warehouse.Swap{New: h.rel("not there"), NewKind: warehouse.Table, Target: h.rel("kept"), Old: warehouse.Table})
		if h.d.Caps().TransactionalDDL {
			h.wantRows("kept", "n", "1")
		}
	})
}

// testSwapReaders: readers never miss the relation and never see a mixture.
func testSwapReaders(h *harness) {
	const rows, swaps = 500, 25
	version := func(name string, n int) warehouse.Op {
		op := warehouse.InsertValues{Target: h.rel(name), Columns: []warehouse.Column{{Name: "n", Type: h.w.Types.Int}}}
		for range rows {
			op.Rows = append(op.Rows, []any{int64(n)})
		}
		return op
	}
	create := func(name string, n int) {
		h.do(warehouse.CreateTable{Target: h.rel(name), Columns: []warehouse.Column{{Name: "n", Type: h.w.Types.Int}}}, version(name, n))
	}
	create("t", 0)
	h.do(warehouse.CreateViewAs{Target: h.rel("v"), Query: "select n from " + h.q("t")})
	var done atomic.Bool
	var reads atomic.Int64
	var readers sync.WaitGroup
	for _, name := range []string{"t", "v"} {
		readers.Go(func() {
			last := int64(0)
			for !done.Load() {
				got, err := h.values(h.conn, "select count(*), min(n), max(n) from "+h.q(name))
				if err != nil {
					h.Errorf("read %s: %v", name, err)
					return
				}
				count, low, high := got[0][0].(int64), got[0][1].(int64), got[0][2].(int64)
				if count != rows || low != high || low < last {
					h.Errorf("%s has %d rows from %d to %d after %d", name, count, low, high, last)
				}
				last = low
				reads.Add(1)
			}
		})
	}
	for n := 1; n <= swaps; n++ {
		create("new", n)
		h.do(warehouse.Swap{New: h.rel("new"), NewKind: warehouse.Table, Target: h.rel("t"), Old: warehouse.Table})
	}
	done.Store(true)
	readers.Wait()
	if reads.Load() == 0 {
		h.Error("nothing was read meanwhile")
	}
	h.wantRows("t", "max(n)", fmt.Sprint(swaps))
}

// testSwapAtOnce: publishing different relations of one schema at the same time works.
func testSwapAtOnce(h *harness) {
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			target, staged := fmt.Sprintf("t%d", w), fmt.Sprintf("new%d", w)
			old := warehouse.None
			for n := range 20 {
				err := h.try(h.conn,
					warehouse.CreateTableAs{Target: h.rel(staged), Query: fmt.Sprintf("select %d as n", n)},
					warehouse.Swap{New: h.rel(staged), NewKind: warehouse.Table, Target: h.rel(target), Old: old})
				if err != nil {
					h.Error(err)
					return
				}
				old = warehouse.Table
			}
		})
	}
	wg.Wait()
	for w := range 4 {
		h.wantRows(fmt.Sprintf("t%d", w), "n", "19")
	}
}

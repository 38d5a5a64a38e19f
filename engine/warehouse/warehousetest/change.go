package warehousetest

import (
	"errors"
	"strings"

	"github.com/engine-build/engine/engine/warehouse"
)

func testInsert(h *harness) {
	h.table("t", "1|a")
	h.do(warehouse.CreateTableAs{Target: h.rel("s"), Query: "select 'x' as name, 2 as id, 'more' as extra"})
	h.sub("found columns", func(h *harness) {
		h.do(warehouse.InsertSelect{Target: h.rel("t"), From: h.rel("s")})
		h.wantRows("t", "id, name", "1|a", "2|x")
	})
	h.sub("given columns", func(h *harness) {
		h.do(warehouse.InsertSelect{Target: h.rel("t"), From: h.rel("s"), Columns: []string{"name"}})
		h.wantRows("t", "id, name", "1|a", "2|x", "NULL|x")
	})
	h.sub("missing target", func(h *harness) {
		_ = h.fails(warehouse.InsertSelect{Target: h.rel("no"), From: h.rel("s")})
	})
	h.sub("no rows", func(h *harness) {
		h.do(warehouse.InsertValues{Target: h.rel("t"), Columns: []warehouse.Column{{Name: "id", Type: h.w.Types.Int}}})
		h.wantRows("t", "count(*)", "3")
	})
	h.sub("many rows", func(h *harness) {
		op := warehouse.InsertValues{Target: h.rel("t"), Columns: []warehouse.Column{{Name: "id", Type: h.w.Types.Int}, {Name: "name", Type: h.w.Types.Text}}}
		for i := range int64(1203) {
			op.Rows = append(op.Rows, []any{100 + i, "many"})
		}
		h.do(op)
		h.wantRows("t", "count(*), min(id), max(id)", "1206|1|1302")
	})
}

func testMerge(h *harness) {
	if !h.d.Caps().Merge {
		h.Skip("no MERGE")
	}
	target, from := h.rel("t"), h.rel("s")
	base := func(h *harness, rows ...string) {
		h.table("t", "1|a", "2|b", "NULL|n")
		h.table("s", rows...)
	}
	merge := warehouse.MergeInto{Target: target, From: from, Key: []string{"id"}}
	h.sub("update and insert", func(h *harness) {
		base(h, "2|B", "3|C", "NULL|N")
		h.do(merge)
		h.wantRows("t", "id, name", "1|a", "2|B", "3|C", "NULL|n", "NULL|N")
	})
	h.sub("nothing new", func(h *harness) {
		base(h)
		h.do(merge)
		h.wantRows("t", "id, name", "1|a", "2|b", "NULL|n")
	})
	h.sub("one key twice", func(h *harness) {
		base(h, "2|B", "2|BB")
		err := h.fails(merge)
		if !strings.Contains(err.Error(), "id = 2") {
			h.Logf("the error does not name the key: %v", err)
		}
		h.wantRows("t", "id, name", "1|a", "2|b", "NULL|n")
	})
	h.sub("update list", func(h *harness) {
		base(h, "2|B", "3|C")
		only := merge
		only.Update = []string{"id"}
		h.do(only)
		h.wantRows("t", "id, name", "1|a", "2|b", "3|C", "NULL|n")
	})
	h.sub("exclude", func(h *harness) {
		base(h, "2|B", "3|C")
		but := merge
		but.Exclude = []string{"NAME"}
		h.do(but)
		h.wantRows("t", "id, name", "1|a", "2|b", "3|C", "NULL|n")
	})
	h.sub("key of two", func(h *harness) {
		base(h, "2|b", "2|c")
		both := merge
		both.Key = []string{"id", "name"}
		h.do(both)
		h.wantRows("t", "id, name", "1|a", "2|b", "2|c", "NULL|n")
	})
	h.sub("predicates", func(h *harness) {
		base(h, "1|A", "2|B")
		some := merge
		some.Predicates = []string{"t.id > 1 -- recent", "s.id > 0 or s.id < -1"}
		h.do(some)
		h.wantRows("t", "id, name", "1|a", "1|A", "2|B", "NULL|n")
	})
	h.sub("fewer columns", func(h *harness) {
		base(h)
		h.do(warehouse.CreateTableAs{Target: h.rel("narrow"), Query: "select 2 as id, 'x' as unknown"})
		narrow := merge
		narrow.From = h.rel("narrow")
		h.do(narrow)
		h.wantRows("t", "id, name", "1|a", "2|b", "NULL|n")
	})
	h.sub("missing key", func(h *harness) {
		base(h)
		lost := merge
		lost.Key = []string{"nope"}
		var column *warehouse.ColumnError
		if err := h.fails(lost); !errors.As(err, &column) || column.Column != "nope" {
			h.Errorf("%v", err)
		}
	})
}

func testDelete(h *harness) {
	h.table("t", "1|a", "2|b", "2|bb", "3|c", "NULL|n")
	h.table("s", "2|B", "2|BB", "3|C", "4|D", "NULL|N")
	target, from := h.rel("t"), h.rel("s")
	h.do(warehouse.DeleteMatching{Target: target, From: from, Key: []string{"id"}, Predicates: []string{"t.id < 3 -- recent", "t.id > 0 or t.id < 0"}})
	h.wantRows("t", "id, name", "1|a", "3|c", "NULL|n")
	h.do(warehouse.DeleteMatching{Target: target, From: from, Key: []string{"id"}},
		warehouse.InsertSelect{Target: target, From: from})
	h.wantRows("t", "id, name", "1|a", "2|B", "2|BB", "3|C", "4|D", "NULL|n", "NULL|N")
	h.do(warehouse.DeleteMatching{Target: target, From: from, Key: []string{"id", "name"}})
	h.wantRows("t", "id, name", "1|a", "NULL|n", "NULL|N")
}

func testColumns(h *harness) {
	ty := h.w.Types
	h.table("t", "1|2")
	target := h.rel("t")
	h.do(warehouse.AddColumns{Target: target, Columns: []warehouse.Column{{Name: "new one", Type: ty.Numeric}, {Name: "at", Type: ty.Timestamp}}})
	equal(h, "added", []string{"id " + ty.Int, "name " + ty.Text, "new one " + ty.Numeric, "at " + ty.Timestamp}, h.columns("t"))
	h.wantRows("t", "*", "1|2|NULL|NULL")
	h.do(warehouse.DropColumns{Target: target, Columns: []string{"at", "id"}})
	equal(h, "dropped", []string{"name " + ty.Text, "new one " + ty.Numeric}, h.columns("t"))
	h.sub("retype", func(h *harness) {
		h.do(warehouse.RetypeColumns{Target: target, Columns: []warehouse.Column{{Name: "name", Type: ty.Int}, {Name: "new one", Type: ty.Float}}})
		equal(h, "retyped", []string{"name " + ty.Int, "new one " + ty.Float}, h.columns("t"))
		h.wantRows("t", "*", "2|NULL")
		h.table("words", "1|abc")
		_ = h.fails(warehouse.RetypeColumns{Target: h.rel("words"), Columns: []warehouse.Column{{Name: "name", Type: ty.Int}}})
		h.wantRows("words", "*", "1|abc")
	})
}

func testSyncColumns(h *harness) {
	ty := h.w.Types
	// A column comes back in another case, which is another column for some.
	id := "ID"
	if h.w.ExactColumns {
		id = "id"
	}
	old := []string{"id " + ty.Int, "name " + ty.Text}
	grown := []string{"id " + ty.Int, "name " + ty.Text, "at " + ty.Timestamp}
	synced := []string{"id " + ty.Text, "at " + ty.Timestamp}
	tests := []struct {
		policy string
		keep   []string
		want   []string
		fails  bool
	}{
		{policy: "ignore", want: old},
		{policy: "append_new_columns", want: grown},
		{policy: "sync_all_columns", want: synced},
		{policy: "sync_all_columns", keep: []string{"name"}, want: []string{"id " + ty.Text, "name " + ty.Text, "at " + ty.Timestamp}},
		{policy: "fail", want: old, fails: true},
	}
	for _, tt := range tests {
		h.sub(strings.Join(append([]string{tt.policy}, tt.keep...), " keeps "), func(h *harness) {
			h.table("t", "1|a")
			h.do(warehouse.Drop{Relation: h.rel("s"), Kind: warehouse.Table},
				warehouse.CreateTable{Target: h.rel("s"), Columns: []warehouse.Column{{Name: id, Type: ty.Text}, {Name: "at", Type: ty.Timestamp}}})
			sync := warehouse.SyncColumns{Target: h.rel("t"), From: h.rel("s"), Policy: tt.policy, Keep: tt.keep}
			if tt.fails {
				var change *warehouse.SchemaChangeError
				if err := h.fails(sync); !errors.As(err, &change) || len(change.Added) != 1 || len(change.Removed) != 1 || len(change.Retyped) != 1 {
					h.Errorf("%v", err)
				}
			} else {
				h.do(sync)
			}
			equal(h, "columns", tt.want, h.columns("t"))
			h.wantRows("t", "count(*)", "1")
			if !tt.fails && (!h.w.StrictInsert || tt.want[0] == "id "+ty.Text) {
				h.do(warehouse.InsertSelect{Target: h.rel("t"), From: h.rel("s")}, sync)
				equal(h, "columns, once more", tt.want, h.columns("t"))
			}
		})
	}
}

func testCloseRows(h *harness) {
	ty := h.w.Types
	at := h.d.Words().Cast("'2024-01-02 03:04:05'", ty.Timestamp)
	reset := func(h *harness) {
		h.table("t", "1|a", "2|b", "3|c")
		h.do(warehouse.AddColumns{Target: h.rel("t"), Columns: []warehouse.Column{{Name: "till", Type: ty.Timestamp}}},
			warehouse.SQL{Text: "update " + h.q("t") + " set till = " + h.d.Words().Cast("'2020-01-01 00:00:00'", ty.Timestamp) + " where id = 3"},
			warehouse.Drop{Relation: h.rel("s"), Kind: warehouse.Table},
			warehouse.CreateTableAs{Target: h.rel("s"), Query: "select 2 as id, " + at + " as since union all select 3, " + at})
	}
	h.sub("replaced", func(h *harness) {
		reset(h)
		h.do(warehouse.CloseRows{Target: h.rel("t"), From: h.rel("s"), Key: "id", To: "till", At: "since"})
		h.wantRows("t", "id, till", "1|NULL", "2|2024-01-02 03:04:05", "3|2020-01-01 00:00:00")
	})
	h.sub("missing", func(h *harness) {
		reset(h)
		h.do(warehouse.CloseRows{Target: h.rel("t"), From: h.rel("s"), Key: "id", To: "till", Missing: true})
		h.wantRows("t", "id", "1", "2", "3")
		equal(h, "closed now", []string{"1"}, h.rows("select id from "+h.q("t")+" where till > "+h.d.Words().Ago(1, "hour")+" and till <= "+h.d.Words().Now()))
		equal(h, "open", []string{"2"}, h.rows("select id from "+h.q("t")+" where till is null"))
	})
}

func testRequire(h *harness) {
	h.table("t", "1|a")
	h.do(warehouse.Require{Query: "select 'wrong' as message from " + h.q("t") + " where id = 2 -- none"})
	err := h.fails(warehouse.Require{Query: "select 'row 1 is wrong' as message from " + h.q("t")})
	if got := warehouse.Explain(h.d, err).Message; !strings.Contains(got, "row 1 is wrong") {
		h.Errorf("message %q", got)
	}
}

package warehousetest

import (
	"strings"

	"github.com/engine-build/engine/engine/warehouse"
)

// testReplacePartitions: the rows of whole partitions change places, whatever the warehouse
// knows of partitions. Warehouses without transactions do it on a table aside, which the
// suite's tables are.
func testReplacePartitions(h *harness) {
	ty := h.w.Types
	columns := []warehouse.Column{{Name: "id", Type: ty.Int}, {Name: "day", Type: ty.Date}, {Name: "at", Type: ty.Timestamp}, {Name: "name", Type: ty.Text}}
	// A row is «id day hour name»; «-» is NULL.
	fill := func(h *harness, name string, p warehouse.Partition, rows ...string) {
		op := warehouse.InsertValues{Target: h.rel(name), Columns: columns}
		for _, r := range rows {
			var cells []any
			for i, f := range strings.Fields(r) {
				switch {
				case f == "-":
					cells = append(cells, nil)
				case i == 2:
					cells = append(cells, strings.Replace(f, "T", " ", 1)+":00:00")
				default:
					cells = append(cells, f)
				}
			}
			op.Rows = append(op.Rows, cells)
		}
		table := warehouse.CreateTable{Target: h.rel(name), Columns: columns}
		if h.d.Caps().Partitions {
			table.Layout = &warehouse.Layout{Partition: &p}
		}
		h.do(warehouse.Drop{Relation: h.rel(name), Kind: warehouse.Table}, table, op)
	}
	days := warehouse.Partition{Column: "day", Type: "date", Granularity: warehouse.Day}
	months := warehouse.Partition{Column: "day", Type: "date", Granularity: warehouse.Month}
	numbers := warehouse.Partition{Column: "id", Type: "int64", Start: 0, End: 100, Interval: 10}
	tests := []struct {
		name      string
		partition warehouse.Partition
		only      []string
		from      []string
		want      []string
		fails     bool
	}{
		{"days that come", days, nil, []string{"7 2024-01-02 - new", "8 2024-01-02 - new"}, []string{"1|old", "3|old", "105|old", "NULL|old", "7|new", "8|new"}, false},
		{"no rows", days, nil, nil, []string{"1|old", "12|old", "3|old", "105|old", "NULL|old"}, false},
		{"a new day", days, nil, []string{"9 2025-05-05 - new"}, []string{"1|old", "12|old", "3|old", "105|old", "NULL|old", "9|new"}, false},
		{"rows without a day", days, nil, []string{"9 - - new"}, []string{"1|old", "12|old", "3|old", "9|new"}, false},
		{"months", months, nil, []string{"9 2024-01-31 - new"}, []string{"3|old", "105|old", "NULL|old", "9|new"}, false},
		{"given days", days, []string{"'2024-01-01'", "'2024-01-02'"}, []string{"9 2024-01-02 - new"}, []string{"3|old", "105|old", "NULL|old", "9|new"}, false},
		{"given days, no rows", days, []string{"'2024-01-01'"}, nil, []string{"12|old", "3|old", "105|old", "NULL|old"}, false},
		{"a row of another day", days, []string{"'2024-01-01'"}, []string{"9 2024-01-02 - new"}, nil, true},
		{"a row without a day", days, []string{"'2024-01-01'"}, []string{"9 - - new"}, nil, true},
		{"numbers", numbers, nil, []string{"4 - - new"}, []string{"12|old", "105|old", "NULL|old", "4|new"}, false},
		{"numbers beyond the range", numbers, nil, []string{"-7 - - new"}, []string{"1|old", "12|old", "3|old", "NULL|old", "-7|new"}, false},
		{"given numbers", numbers, []string{"0", "10"}, []string{"15 - - new"}, []string{"105|old", "NULL|old", "15|new"}, false},
		{"hours", warehouse.Partition{Column: "at", Type: "datetime", Granularity: warehouse.Hour}, nil, []string{"9 - 2024-01-01T10 new"}, []string{"12|old", "3|old", "105|old", "NULL|old", "9|new"}, false},
		{"years", warehouse.Partition{Column: "day", Type: "date", Granularity: warehouse.Year}, nil, []string{"9 2024-12-31 - new"}, []string{"105|old", "NULL|old", "9|new"}, false},
	}
	for _, tt := range tests {
		h.sub(tt.name, func(h *harness) {
			fill(h, "t", tt.partition, "1 2024-01-01 2024-01-01T10 old", "12 2024-01-02 2024-01-01T11 old", "3 2024-02-01 2024-01-02T10 old", "105 - - old", "- - - old")
			fill(h, "s", tt.partition, tt.from...)
			op := warehouse.ReplacePartitions{Target: h.rel("t"), From: h.rel("s"), Partition: tt.partition, Only: tt.only}
			if tt.fails {
				_ = h.fails(op)
				h.wantRows("t", "id, name", "1|old", "12|old", "3|old", "105|old", "NULL|old")
				return
			}
			h.do(op)
			h.wantRows("t", "id, name", tt.want...)
		})
	}
}

func testMaterializedViews(h *harness) {
	if !h.d.Caps().MaterializedViews {
		if _, err := h.d.Render(warehouse.CreateMaterializedViewAs{Target: h.rel("m"), Query: "select 1 as id"}); err == nil {
			h.Error("a materialized view was rendered")
		}
		return
	}
	h.table("t", "1|a")
	h.do(warehouse.CreateMaterializedViewAs{Target: h.rel("m"), Query: "select id from " + h.q("t") + " -- all"})
	h.wantRows("m", "id", "1")
	if r, err := h.inspect(h.conn)(h.rel("m")); err != nil || r.Kind != warehouse.MaterializedView || len(r.Columns) != 1 {
		h.Errorf("%+v, %v", r, err)
	}
	h.do(warehouse.InsertValues{Target: h.rel("t"), Columns: []warehouse.Column{{Name: "id", Type: h.w.Types.Int}}, Rows: [][]any{{int64(2)}}},
		warehouse.RefreshMaterializedView{Target: h.rel("m")})
	h.wantRows("m", "id", "1", "2")
	h.do(warehouse.Comment{Relation: h.rel("m"), Kind: warehouse.MaterializedView, Text: "kept"},
		warehouse.CreateMaterializedViewAs{Target: h.rel("new m"), Query: "select id + 1 as id from " + h.q("t")},
		warehouse.Swap{New: h.rel("new m"), NewKind: warehouse.MaterializedView, Target: h.rel("m"), Old: warehouse.MaterializedView, Query: "select id + 1 as id from " + h.q("t")})
	h.wantRows("m", "id", "2", "3")
	h.do(warehouse.CreateTableAs{Target: h.rel("new m"), Query: "select 7 as id"},
		warehouse.Swap{New: h.rel("new m"), NewKind: warehouse.Table, Target: h.rel("m"), Old: warehouse.MaterializedView})
	h.wantRows("m", "id", "7")
	h.do(warehouse.CreateMaterializedViewAs{Target: h.rel("gone"), Query: "select id from " + h.q("t")},
		warehouse.Drop{Relation: h.rel("gone"), Kind: warehouse.MaterializedView}, warehouse.Drop{Relation: h.rel("gone"), Kind: warehouse.MaterializedView})
	if r, _ := h.inspect(h.conn)(h.rel("gone")); r.Kind != warehouse.None {
		h.Errorf("%+v is left", r)
	}
}

// testLayout: what a warehouse has of a layout changes no rows, survives a swap, and
// constraints hold where they are enforced.
func testLayout(h *harness) {
	caps := h.d.Caps()
	layout := &warehouse.Layout{}
	if caps.Indexes {
		layout.Indexes = []warehouse.Index{{Columns: []string{"id"}}, {Columns: []string{"name", "id"}, Unique: true}}
	}
	if caps.Unlogged {
		layout.Unlogged = true
	}
	if caps.Constraints {
		layout.Constraints = []warehouse.Constraint{{Type: "not_null", Columns: []string{"name"}, Enforced: true}}
	}
	for n := range 2 {
		old := warehouse.None
		if n == 1 {
			old = warehouse.Table
		}
		h.do(warehouse.CreateTableAs{Target: h.rel("_engine_new__laid"), Query: "select " + h.d.Words().Cast("1", h.w.Types.Int) + " as id, 'a' as name", Layout: layout},
			warehouse.Swap{New: h.rel("_engine_new__laid"), NewKind: warehouse.Table, Target: h.rel("laid"), Old: old, Layout: layout})
		h.wantRows("laid", "id, name", "1|a")
	}
	row := warehouse.InsertValues{Target: h.rel("laid"), Columns: []warehouse.Column{{Name: "id", Type: h.w.Types.Int}, {Name: "name", Type: h.w.Types.Text}}}
	if caps.Constraints && h.w.Enforces {
		row.Rows = [][]any{{int64(2), nil}}
		_ = h.fails(row)
	}
	if caps.Indexes && h.w.Enforces {
		row.Rows = [][]any{{int64(1), "a"}}
		_ = h.fails(row)
	}
	row.Rows = [][]any{{int64(2), "a"}}
	h.do(row)
	h.wantRows("laid", "id, name", "1|a", "2|a")
}

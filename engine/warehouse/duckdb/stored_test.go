package duckdb

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// TestFillStored: values come as they are stored, the ends of their ranges too.
func TestFillStored(t *testing.T) {
	ctx := context.Background()
	c := open(t)
	columns := []warehouse.Column{
		{Name: "d", Type: "DATE"}, {Name: "t", Type: "TIMESTAMP"}, {Name: "z", Type: "TIMESTAMP WITH TIME ZONE"}, {Name: "c", Type: "TIME"}, {Name: "s", Type: "SMALLINT"}, {Name: "i", Type: "INTEGER"},
		{Name: "f", Type: "FLOAT"}, {Name: "n4", Type: "DECIMAL(4,2)"}, {Name: "n9", Type: "DECIMAL(9,2)"}, {Name: "n18", Type: "DECIMAL(18,9)"}, {Name: "n38", Type: "DECIMAL(38,9)"}, {Name: "b", Type: "BLOB"}, {Name: "j", Type: "JSON"},
	}
	ints := func(v ...int64) warehouse.Vector { return warehouse.Vector{Ints: v, Null: []bool{false, false, true}} }
	texts := func(v ...string) warehouse.Vector {
		return warehouse.Vector{Texts: v, Null: []bool{false, false, true}}
	}
	batch := &warehouse.Batch{Rows: 3, Columns: []warehouse.Vector{
		ints(-1, math.MaxInt32, 0), ints(1, math.MaxInt64, 0), ints(-1, -math.MaxInt64, 0), ints(0, 86_399_999_999, 0), ints(math.MinInt16, math.MaxInt16, 0), ints(math.MinInt32, math.MaxInt32, 0),
		{Floats: []float64{1.5, math.Inf(-1), 0}, Null: []bool{false, false, true}}, ints(-9999, 1, 0), ints(-999_999_999, 1, 0), ints(-999_999_999_999_999_999, 1, 0),
		texts("-12345678901234567890123456789.123456789", "0", ""), texts("\x00\xff", "\xfe longer than it fits inline", ""), texts(`{"a": 1}`, "null", ""),
	}}
	next := func() (*warehouse.Batch, error) { b := batch; batch = nil; return b, nil }
	target := addr.Relation{Schema: "main", Name: "stored"}
	stats, err := c.(warehouse.StoredFiller).FillStored(ctx, target, columns, nil, next)
	if err != nil || stats.Rows != 3 {
		t.Fatal(stats.Rows, err)
	}
	got := query(t, c, "select d::text, t::text, z::text, c::text, s, i, f, n4::text, n9::text, n18::text, n38::text, hex(b), j::text from stored order by s nulls last")
	want := "[[1969-12-31 1970-01-01 00:00:00.000001 1969-12-31 23:59:59.999999+00 00:00:00 -32768 -2147483648 1.5 -99.99 -9999999.99 -999999999.999999999 -12345678901234567890123456789.123456789 00FF {\"a\": 1}]" +
		" [infinity infinity -infinity 23:59:59.999999 32767 2147483647 -Inf 0.01 0.01 0.000000001 0.000000000 FE206C6F6E676572207468616E206974206669747320696E6C696E65 null]" +
		" [<nil> <nil> <nil> <nil> <nil> <nil> <nil> <nil> <nil> <nil> <nil> <nil> <nil>]]"
	if d := cmp.Diff(want, fmt.Sprint(got)); d != "" {
		t.Error(d)
	}
	// What Fill itself takes for such types stays as it was: texts.
	batch = &warehouse.Batch{Rows: 1, Columns: []warehouse.Vector{{Texts: []string{"2024-02-29"}}}}
	if _, err := c.(warehouse.Filler).Fill(ctx, addr.Relation{Schema: "main", Name: "texts"}, columns[:1], nil, next); err != nil {
		t.Error(err)
	}
}

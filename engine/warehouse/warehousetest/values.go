package warehousetest

import (
	"fmt"
	"math"
	"time"

	"github.com/engine-build/engine/engine/warehouse"
)

// testValues: a value goes through Literal, a typed column and Rows, and is the same.
func testValues(h *harness) {
	ty := h.w.Types
	at := time.Date(2024, 2, 29, 23, 59, 59, 123456000, time.UTC)
	tests := []struct {
		name, typ string
		in, want  any
	}{
		{"null", ty.Int, nil, nil},
		{"null text", ty.Text, nil, nil},
		{"zero", ty.Int, int64(0), int64(0)},
		{"largest", ty.Int, int64(math.MaxInt64), int64(math.MaxInt64)},
		{"smallest", ty.Int, int64(math.MinInt64), int64(math.MinInt64)},
		{"true", ty.Bool, true, true},
		{"false", ty.Bool, false, false},
		{"float", ty.Float, 0.1, 0.1},
		{"whole float", ty.Float, 3.0, 3.0},
		{"tiny", ty.Float, 5e-300, 5e-300},
		{"huge", ty.Float, -1.7976931348623157e308, -1.7976931348623157e308},
		{"infinity", ty.Float, math.Inf(1), math.Inf(1)},
		{"minus infinity", ty.Float, math.Inf(-1), math.Inf(-1)},
		{"not a number", ty.Float, math.NaN(), math.NaN()},
		{"numeric", ty.Numeric, "1.5", "1.500"},
		{"small numeric", ty.Numeric, "-0.05", "-0.050"},
		{"numeric from int", ty.Numeric, int64(7), "7.000"},
		{"text", ty.Text, "it's \"quoted\" \\ back\n-- ünï 🚀 %s $1 {{", "it's \"quoted\" \\ back\n-- ünï 🚀 %s $1 {{"},
		{"empty text", ty.Text, "", ""},
		{"timestamp", ty.Timestamp, at, at},
		{"old timestamp", ty.Timestamp, time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"timestamp of another zone", ty.Timestamp, at.In(time.FixedZone("x", 7200)), at},
		{"date", ty.Date, "2024-02-29", time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)},
		{"bytes", ty.Bytes, []byte{0, 1, 0xff, '\''}, []byte{0, 1, 0xff, '\''}},
	}
	for _, tt := range tests {
		h.sub(tt.name, func(h *harness) {
			name := "v " + tt.name
			columns := []warehouse.Column{{Name: "v", Type: tt.typ}}
			h.do(warehouse.CreateTable{Target: h.rel(name), Columns: columns},
				warehouse.InsertValues{Target: h.rel(name), Columns: columns, Rows: [][]any{{tt.in}}})
			got, err := h.values(h.conn, "select v from "+h.q(name))
			if err != nil {
				h.Fatal(err)
			}
			if f, ok := tt.want.(float64); ok && math.IsNaN(f) {
				if g, ok := got[0][0].(float64); !ok || !math.IsNaN(g) {
					h.Errorf("got %v", got[0][0])
				}
				return
			}
			equal(h, "value", [][]any{{tt.want}}, got)
		})
	}
	h.sub("columns of rows", func(h *harness) {
		r, err := h.conn.Query(h.ctx, warehouse.Statement{SQL: "select 1 as one, 'x' as " + h.d.Ident("Two Three")})
		if err != nil {
			h.Fatal(err)
		}
		defer r.Close()
		var names []string
		for _, c := range r.Columns() {
			names = append(names, c.Name)
			if c.Type == "" {
				h.Errorf("column %s has no type", c.Name)
			}
		}
		equal(h, "names", []string{"one", "Two Three"}, names)
	})
	h.sub("values are the caller's", func(h *harness) {
		r, err := h.conn.Query(h.ctx, warehouse.Statement{SQL: "select 1 as n union all select 2 order by 1"})
		if err != nil {
			h.Fatal(err)
		}
		defer r.Close()
		var all [][]any
		for r.Next() {
			v, err := r.Values()
			if err != nil {
				h.Fatal(err)
			}
			all = append(all, v)
		}
		equal(h, "rows", []string{"1", "2"}, lines(all))
	})
}

func testWords(h *harness) {
	w, ty := h.d.Words(), h.w.Types
	h.table("t", "1|abc", "2|b", "NULL|ünï")
	one := func(what, expr, want string) {
		h.Helper()
		equal(h, what, []string{want}, h.rows("select "+expr))
	}
	equal(h, "count if", []string{"1"}, h.rows("select "+w.CountIf("id > 1")+" from "+h.q("t")))
	equal(h, "count if nothing", []string{"0"}, h.rows("select "+w.CountIf("id > 1")+" from "+h.q("t")+" where 1 = 0"))
	equal(h, "regexp", []string{"1"}, h.rows("select id from "+h.q("t")+" where "+w.Regexp("name", `^a[b-d]+$`)))
	equal(h, "regexp with a quote", []string{}, append([]string{}, h.rows("select id from "+h.q("t")+" where "+w.Regexp("name", `it's \d+`))...))
	one("cast", w.Cast(w.Cast("'12'", ty.Int), ty.Text), "12")
	one("distinct, different", "case when "+w.Distinct("1", "2")+" then 'yes' else 'no' end", "yes")
	one("distinct, equal", "case when "+w.Distinct("1", "1")+" then 'yes' else 'no' end", "no")
	one("distinct, NULL", "case when "+w.Distinct("1", "null")+" then 'yes' else 'no' end", "yes")
	one("distinct, both NULL", "case when "+w.Distinct(w.Cast("null", ty.Int), w.Cast("null", ty.Int))+" then 'yes' else 'no' end", "no")
	for _, unit := range []string{"second", "minute", "hour", "day", "month", "quarter", "year"} {
		one("later "+unit, fmt.Sprintf("case when %s > %s and %s < %s then 'yes' else 'no' end", w.Later(w.Now(), 2, unit), w.Later(w.Now(), 1, unit), w.Later(w.Now(), -1, unit), w.Now()), "yes")
		one("ago "+unit, fmt.Sprintf("case when %s < %s and %s > %s then 'yes' else 'no' end", w.Ago(2, unit), w.Ago(1, unit), w.Ago(2, unit), w.Ago(3, unit)), "yes")
	}
	got, err := h.values(h.conn, "select "+w.Now())
	if err != nil {
		h.Fatal(err)
	}
	if now, ok := got[0][0].(time.Time); !ok || time.Since(now).Abs() > 10*time.Minute {
		h.Errorf("now is %v", got[0][0])
	}
	h.sub("hash", func(h *harness) {
		hashes := map[string]string{}
		for _, row := range [][]string{{"'a'", "'b'"}, {"'ab'", "''"}, {"''", "'ab'"}, {"null", "'ab'"}, {"'ab'", "null"}, {"null", "null"}, {"'a'", "'b'", "null"}, {"'a'", "'b'", "''"}, {"1"}, {"'a,b'"}, {"'NULL'", "'ab'"}} {
			exprs := make([]string, len(row))
			for i, e := range row {
				exprs[i] = w.Cast(e, w.Text())
			}
			got := h.rows("select " + w.Hash(exprs))[0]
			if got == "NULL" || got == "" {
				h.Errorf("hash of %v is %q", row, got)
			}
			if other, ok := hashes[got]; ok {
				h.Errorf("%v and %s have one hash", row, other)
			}
			hashes[got] = fmt.Sprint(row)
			equal(h, "same again", []string{got}, h.rows("select "+w.Hash(exprs)))
		}
	})
	h.sub("types", func(h *harness) {
		h.do(warehouse.CreateTable{Target: h.rel("typed"), Columns: []warehouse.Column{{Name: "a", Type: w.Text()}, {Name: "b", Type: w.Timestamp()}}},
			warehouse.CreateTableAs{Target: h.rel("now"), Query: "select " + w.Now() + " as b"})
		equal(h, "columns", []string{"a " + ty.Text, "b " + ty.Timestamp}, h.columns("typed"))
		equal(h, "type of now", []string{"b " + ty.Timestamp}, h.columns("now"))
	})
}

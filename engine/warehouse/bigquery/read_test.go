package bigquery

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	bq "google.golang.org/api/bigquery/v2"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// TestShortResult: rows that the service announced and does not give are an error.
func TestShortResult(t *testing.T) {
	s := newFake(t)
	c := s.connect(nil)
	total := "3"
	s.before = nil
	s.srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rows := func(vs ...string) (out []any) {
			for _, v := range vs {
				out = append(out, map[string]any{"f": []any{map[string]any{"v": v}}})
			}
			return out
		}
		ref := map[string]any{"projectId": "test-project", "jobId": "j"}
		fields := map[string]any{"fields": []any{field("n", "INTEGER")}}
		if r.Method == http.MethodPost {
			reply(w, 200, map[string]any{"jobComplete": true, "jobReference": ref, "schema": fields, "rows": rows("1"), "pageToken": "two", "totalRows": total})
			return
		}
		if r.URL.Query().Get("pageToken") != "two" {
			t.Errorf("request %s", r.URL)
		}
		reply(w, 200, map[string]any{"jobComplete": true, "jobReference": ref, "schema": fields, "rows": rows("2", "3"), "totalRows": total})
	})
	if got, err := rowsOf(c, "select 1"); err != nil || strings.Join(got, " ") != "1 2 3" {
		t.Errorf("%v, %v", got, err)
	}
	total = "4"
	if got, err := rowsOf(c, "select 1"); err == nil || !strings.Contains(err.Error(), "3 of 4 rows") {
		t.Errorf("%v, %v", got, err)
	}
}

// TestFewCalls: what a dataset holds is read with one call, however much that is.
func TestFewCalls(t *testing.T) {
	for _, n := range []int{100, 1000, 3000} {
		s := newFake(t)
		c := s.connect(nil)
		s.rows = func(sql string) (fields, rows []any) {
			fields = []any{field("table_name", "STRING"), field("table_type", "STRING"), field("row_count", "INTEGER"), field("size_bytes", "INTEGER"), field("last_modified_time", "INTEGER")}
			full := strings.Contains(sql, "COLUMN_FIELD_PATHS")
			if full {
				fields = append(fields, field("ddl", "STRING"), field("description", "STRING"), field("columns", "RECORD", "mode", "REPEATED", "fields",
					[]any{field("column_name", "STRING"), field("data_type", "STRING"), field("description", "STRING"), field("is_nullable", "STRING")}))
			}
			v := func(x any) map[string]any { return map[string]any{"v": x} }
			for i := range n {
				name := fmt.Sprintf("t%d", i)
				if full && strings.Contains(sql, "table_name in (") && !strings.Contains(sql, "'"+name+"'") {
					continue
				}
				row := []any{v(name), v("BASE TABLE"), v("7"), v("70"), v("1700000000000")}
				if full {
					columns := []any{v(map[string]any{"f": []any{v("id"), v("INT64"), v("the key"), v("NO")}})}
					row = append(row, v("CREATE TABLE `p.shop."+name+"`\n(\n  id INT64\n)\nPARTITION BY RANGE_BUCKET(id, GENERATE_ARRAY(0, 10, 5))\nCLUSTER BY id;"), v(`"it\"s"`), v(columns))
				}
				rows = append(rows, map[string]any{"f": row})
			}
			return fields, rows
		}
		ctx := context.Background()
		listed, err := c.List(ctx, "", "shop")
		if err != nil || len(listed) != n || listed[0].Rows != 7 || listed[0].Modified.IsZero() {
			t.Errorf("%d listed, %v", len(listed), err)
		}
		one, err := c.Inspect(ctx, []addr.Relation{rel("t42"), rel("none")})
		want := []warehouse.Relation{{
			Name: rel("t42"), Kind: warehouse.Table, Rows: 7, Bytes: 70, Comment: `it"s`, Modified: listed[0].Modified,
			Columns: []warehouse.Column{{Name: "id", Type: "INT64", Comment: "the key"}},
			Layout:  &warehouse.Layout{Partition: &warehouse.Partition{Column: "id", Type: "int64", End: 10, Interval: 5}, Cluster: []string{"id"}},
		}}
		if d := cmp.Diff(want, one); d != "" || err != nil {
			t.Error(d, err)
		}
		var all []addr.Relation
		for i := range n {
			all = append(all, rel(fmt.Sprintf("t%d", i)))
		}
		found, err := c.Inspect(ctx, all)
		if err != nil || len(found) != n {
			t.Errorf("%d found, %v", len(found), err)
		}
		if calls := len(s.calls()); calls != 3 {
			t.Errorf("%d calls for %d tables, want one each to list, to inspect one and to inspect all", calls, n)
		}
		t.Logf("%d tables: %d calls", n, len(s.calls()))
	}
}

// TestReadDefinition: the layout of a table is read from the text that the service writes.
func TestReadDefinition(t *testing.T) {
	columns := []warehouse.Column{{Name: "d", Type: "DATE"}, {Name: "ts", Type: "TIMESTAMP"}, {Name: "dt", Type: "DATETIME"}}
	tests := []struct {
		ddl  string
		want warehouse.Layout
	}{
		{"CREATE TABLE `p.d.t`\n(\n  d DATE OPTIONS(description=\"x\\nPARTITION BY y\")\n);", warehouse.Layout{}},
		{"PARTITION BY d\nCLUSTER BY a, `b c`\nOPTIONS(\n  partition_expiration_days=1.5,\n  require_partition_filter=true,\n  labels=[(\"k\", \"v\\\"\"), (\"a\", \"\")]\n);",
			warehouse.Layout{Partition: &warehouse.Partition{Column: "d", Type: "date", Granularity: "day"}, Cluster: []string{"a", "b c"}, PartitionDays: 1.5, RequirePartitionFilter: true, Labels: map[string]string{"k": `v"`, "a": ""}}},
		{"PARTITION BY DATE_TRUNC(d, MONTH);", warehouse.Layout{Partition: &warehouse.Partition{Column: "d", Type: "date", Granularity: "month"}}},
		{"PARTITION BY DATE(ts)", warehouse.Layout{Partition: &warehouse.Partition{Column: "ts", Type: "timestamp", Granularity: "day"}}},
		{"PARTITION BY TIMESTAMP_TRUNC(`ts`, HOUR)", warehouse.Layout{Partition: &warehouse.Partition{Column: "ts", Type: "timestamp", Granularity: "hour"}}},
		{"PARTITION BY DATETIME_TRUNC(dt, YEAR)", warehouse.Layout{Partition: &warehouse.Partition{Column: "dt", Type: "datetime", Granularity: "year"}}},
		{"PARTITION BY _PARTITIONDATE", warehouse.Layout{Partition: &warehouse.Partition{Type: "timestamp", Granularity: "day"}}},
		{"PARTITION BY DATE(_PARTITIONTIME)", warehouse.Layout{Partition: &warehouse.Partition{Type: "timestamp", Granularity: "day"}}},
		{"PARTITION BY TIMESTAMP_TRUNC(_PARTITIONTIME, HOUR)", warehouse.Layout{Partition: &warehouse.Partition{Type: "timestamp", Granularity: "hour"}}},
		{"PARTITION BY RANGE_BUCKET(i, GENERATE_ARRAY(-10, 100, 10))\nOPTIONS(\n  kms_key_name=\"k\"\n)", warehouse.Layout{KMSKey: "k", Partition: &warehouse.Partition{Column: "i", Type: "int64", Start: -10, End: 100, Interval: 10}}},
	}
	for _, tt := range tests {
		got, err := readDefinition(tt.ddl, columns)
		if err != nil || cmp.Diff(&tt.want, got) != "" {
			t.Errorf("%s: %v\n%s", tt.ddl, err, cmp.Diff(&tt.want, got))
		}
	}
	if _, err := readDefinition("PARTITION BY SOMETHING(new, 1)", nil); err == nil {
		t.Error("an unknown expression is taken for none")
	}
}

// TestMessages: an error is taken apart into place, name, proposals and the rest.
func TestMessages(t *testing.T) {
	tests := []struct {
		text string
		want Error
	}{
		{"Unrecognized name: nmae; Did you mean name? at [3:12]", Error{Message: "Unrecognized name: nmae", Word: "nmae", Candidates: []string{"name"}, Line: 3, Column: 12}},
		{"Syntax error: Unexpected end of script at [1:9]", Error{Message: "Syntax error: Unexpected end of script", Line: 1, Column: 9}},
		{"Function not found: no_such at [1:8]", Error{Message: "Function not found: no_such", Word: "no_such", Line: 1, Column: 8}},
		{"Not found: Table p:d.t was not found in location EU", Error{Message: "Not found: Table p:d.t was not found in location EU"}},
		{"Invalid view p:d.v: Unrecognized name: x at [7:1]", Error{Message: "Invalid view p:d.v: Unrecognized name: x"}},
		{"Query exceeded limit.\nmore about it\n", Error{Message: "Query exceeded limit", Detail: "more about it"}},
		{"", Error{Message: "the service gave no reason"}},
	}
	for _, tt := range tests {
		var got Error
		got.read(tt.text)
		if d := cmp.Diff(tt.want, got, cmp.AllowUnexported(Error{})); d != "" {
			t.Errorf("%q:\n%s", tt.text, d)
		}
	}
}

// TestPlace: columns count code points, and a tab leads to the next multiple of eight.
func TestPlace(t *testing.T) {
	sql := "select 'ü🚀',\r\n\tnmae,\n  `a b`.c"
	for _, tt := range []struct {
		line, column int
		want         string
	}{{1, 8, "'ü🚀'"}, {1, 12, ","}, {2, 9, "nmae"}, {3, 3, "`a b`.c"}, {3, 9, "c"}} {
		offset, length, ok := Dialect{}.ErrorAt(warehouse.Statement{SQL: sql}, &Error{Line: tt.line, Column: tt.column})
		if !ok || sql[offset:offset+length] != tt.want {
			t.Errorf("[%d:%d] is %q (%v), want %q", tt.line, tt.column, sql[offset:min(offset+length, len(sql))], ok, tt.want)
		}
	}
	for _, at := range [][2]int{{9, 1}, {3, 99}, {0, 0}, {1, -1}} {
		if _, _, ok := (Dialect{}).ErrorAt(warehouse.Statement{SQL: sql}, &Error{Line: at[0], Column: at[1]}); ok {
			t.Errorf("a place for %v", at)
		}
	}
}

// TestFirstWord: comments and parentheses come before the first word, and alone are nothing.
func TestFirstWord(t *testing.T) {
	for in, want := range map[string]string{"": "", " -- x": "", "# x\n/* y */": "", "/* open": "", "( -- a\n (Select 1))": "select", "/*a*/with x": "with", "`x`": ""} {
		if got := firstWord(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
		if blank(in) != (in == "" || in == " -- x" || in == "# x\n/* y */") {
			t.Errorf("%q is blank: %v", in, blank(in))
		}
	}
}

// TestTypes: what SQL spells is read into a schema and written again.
func TestTypes(t *testing.T) {
	for in, want := range map[string]string{
		"int64": "INT64", "Integer": "INT64", "NUMERIC(18,3)": "NUMERIC(18, 3)", "bigdecimal(5)": "BIGNUMERIC(5)", "STRING(10)": "STRING(10)",
		"array<struct<a int64, `b c` array<string>>>": "ARRAY<STRUCT<a INT64, `b c` ARRAY<STRING>>>", "RANGE<DATE>": "RANGE<DATE>", " JSON ": "JSON",
	} {
		f, err := parseType("x", in)
		if err != nil || typeOf(f) != want {
			t.Errorf("%s: %v, %v", in, f, err)
		}
	}
	for _, bad := range []string{"", "TEXT", "ARRAY", "ARRAY<", "ARRAY<ARRAY<INT64>>", "STRUCT<>x", "STRUCT<a>", "STRUCT<a INT64", "STRUCT<a INT64 b INT64>", "INT64(1)", "NUMERIC(1,2,3)", "STRING(x)", "INT64 INT64", "RANGE<INT64>", "STRUCT<`a INT64>"} {
		if f, err := parseType("x", bad); err == nil {
			t.Errorf("%q is read as %s", bad, typeOf(f))
		}
	}
}

// TestScalars: special values of the service's JSON form.
func TestScalars(t *testing.T) {
	for _, tt := range []struct {
		typ, in string
		want    any
	}{
		{"FLOAT", "NaN", math.NaN()}, {"FLOAT", "Infinity", math.Inf(1)}, {"FLOAT", "-Infinity", math.Inf(-1)}, {"FLOAT", "1e300", 1e300},
		{"NUMERIC", "1.5", "1.500"}, {"NUMERIC", "-7", "-7.000"}, {"INTEGER", "-9223372036854775808", int64(math.MinInt64)},
	} {
		got, err := scalar(tt.in, &bq.TableFieldSchema{Type: tt.typ, Scale: 3})
		if fmt.Sprint(got) != fmt.Sprint(tt.want) || err != nil {
			t.Errorf("%s %s is %v, %v", tt.typ, tt.in, got, err)
		}
	}
	for _, text := range []string{"1700000000123456", "1.700000000123456E9", "1700000000.123456"} {
		if got, err := readTimestamp(text); err != nil || fmt.Sprint(got) != "2023-11-14 22:13:20.123456 +0000 UTC" {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
	for typ, bad := range map[string]string{"INTEGER": "x", "FLOAT": "x", "BOOLEAN": "x", "BYTES": "%", "TIMESTAMP": "x", "DATE": "2024-13-01", "DATETIME": "x"} {
		if got, err := scalar(bad, &bq.TableFieldSchema{Type: typ}); err == nil {
			t.Errorf("%s %s is %v", typ, bad, got)
		}
	}
	if _, err := value([]any{}, &bq.TableFieldSchema{Type: "INTEGER"}); err == nil {
		t.Error("a list is read as a number")
	}
	if _, err := value(map[string]any{"f": []any{}}, &bq.TableFieldSchema{Type: "RECORD", Fields: []*bq.TableFieldSchema{{}}}); err == nil {
		t.Error("a record without its fields is read")
	}
}

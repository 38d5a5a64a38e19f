package duckdb

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

func execAllOf(t *testing.T, c *conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := c.Exec(context.Background(), warehouse.Statement{SQL: s}); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func oneText(t *testing.T, c *conn, query string) string {
	t.Helper()
	r, err := c.Query(context.Background(), warehouse.Statement{SQL: query})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer r.Close()
	if !r.Next() {
		t.Fatalf("%s: no row, %v", query, r.Err())
	}
	v, err := r.Values()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(v[0])
}

// TestChecksumOfValues: rows that differ in any way that a reader could notice differ, also
// where DuckDB's hash() takes them for one.
func TestChecksumOfValues(t *testing.T) {
	c := open(t).(*conn)
	defer c.Close()
	sum := func(typ string, exprs ...string) string {
		t.Helper()
		execAllOf(t, c, "create or replace table t (a "+typ+")")
		for _, e := range exprs {
			execAllOf(t, c, "insert into t values ("+e+")")
		}
		found, err := c.Inspect(context.Background(), []addr.Relation{{Schema: "main", Name: "t"}})
		if err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		q, ok := Dialect{}.Checksum(found[0].Name, found[0].Columns)
		if !ok {
			t.Fatalf("%s has no checksum", found[0].Columns[0].Type)
		}
		return oneText(t, c, q)
	}
	for typ, list := range map[string][]string{
		"varchar":                  {"null", "''", "'NULL'", "'a'", "'a '", "'A'"},
		"varchar collate nocase":   {"'a'", "'A'"},
		"integer":                  {"null", "0", "1", "-1"},
		"hugeint":                  {"0", "170141183460469231731687303715884105727", "null"},
		"double":                   {"null", "0", "'-0.0'", "'nan'", "'inf'", "'-inf'", "0.1", "0.1::float"},
		"float":                    {"0", "'-0.0'", "'nan'"},
		"decimal(18,3)":            {"null", "1", "1.001"},
		"blob":                     {`''`, `'\x00'`, `'\x00\x00'`, "null"},
		"boolean":                  {"true", "false", "null"},
		"interval":                 {"interval '1 month'", "interval '30 days'", "interval '720 hours'", "null"},
		"time with time zone":      {"'12:00:00+00'", "'13:00:00+01'"},
		"enum('NULL', '', 'a')":    {"null", "'NULL'", "''", "'a'"},
		"json":                     {`'{"a":1}'`, `'{"a": 1}'`, "'null'", "null", `'"null"'`},
		"int[]":                    {"null", "[]", "[null]", "[null,null]", "[1,2]", "[2,1]"},
		"int[2]":                   {"null", "[null,null]", "[1,2]", "[2,1]"},
		"int[][]":                  {"[[1],[2]]", "[[1,2]]", "[[1,2],[]]", "[[1,2],null]", "[[],[1,2]]"},
		"varchar[]":                {"null", "[]", "[null]", "['NULL']", "['null']", "['']", "['a,b']", "['a','b']", "['a, b']", "[' a']", `['\']`, `['''']`, `['[']`},
		"double[]":                 {"[0]", "['-0.0'::double]", "['nan'::double]"},
		"struct(a int, b varchar)": {"null", "{'a':null,'b':null}", "{'a':1,'b':'1'}", "{'a':null,'b':'NULL'}", "{'a':null,'b':''}", `{'a':1,'b':'x, ''c'': 1'}`},
		"map(varchar, int)":        {"null", "map {}", "map {'a': 1}", "map {'a': null}", "map {'a=1': 1}", "map {'a': 1, 'b': 2}", "map {'b': 2, 'a': 1}"},
		"interval[]":               {"[interval '1 month']", "[interval '30 days']"},
		"timestamp":                {"'infinity'", "'-infinity'", "'2024-01-01'", "null"},
		"timestamp_ns":             {"'2024-01-01 00:00:00.000000001'", "'2024-01-01'"},
	} {
		seen := map[string]string{sum(typ): "no row"}
		for _, e := range list {
			for _, rows := range [][]string{{e}, {e, e}, {e, e, e}} {
				s := sum(typ, rows...)
				if other, ok := seen[s]; ok {
					t.Errorf("%s: %v has the checksum of %s", typ, rows, other)
				}
				seen[s] = fmt.Sprint(rows)
			}
		}
	}
	zoned := sum("timestamptz", "'2024-06-01 12:00:00+00'")
	execAllOf(t, c, "set global timezone = 'Asia/Tokyo'")
	if again := sum("timestamptz", "'2024-06-01 12:00:00+00'"); again != zoned {
		t.Errorf("in another zone %s, not %s", again, zoned)
	}
	if !strings.Contains(zoned, " "+oneText(t, c, "select version()")+" ") {
		t.Errorf("%s does not name the version of hash()", zoned)
	}
	for typ, want := range map[string]bool{
		"BIGINT": true, `STRUCT(a INTEGER, "b c" DECIMAL(10,2)[])[]`: true, "MAP(VARCHAR, STRUCT(x DOUBLE))": true, "DECIMAL(10,2)[3]": true,
		"UNION(a INTEGER)": false, "GEOMETRY": false, "TIMESTAMP WITH TIME ZONE[]": false, "STRUCT(a UNION(x INTEGER))": false, "MAP(VARCHAR, GEOMETRY)": false,
		"STRUCT(a ENUM('x, b VARCHAR', ')'))": false, "mood": false, "": false, "[]": false, "STRUCT(": false, "STRUCT()": false, "MAP(": false, `STRUCT("`: false,
	} {
		if _, ok := (Dialect{}).Checksum(addr.Relation{Name: "t"}, []warehouse.Column{{Name: "a", Type: typ}}); ok != want {
			t.Errorf("%q has a checksum: %t", typ, ok)
		}
	}
}

// TestTextsOfNestedValues: no two lists, structs or maps of nasty texts are printed alike.
func TestTextsOfNestedValues(t *testing.T) {
	c := open(t).(*conn)
	defer c.Close()
	execAllOf(t, c, `create table w as select unnest(['a','',' ','''','"','\','\\',',','[',']','{','}','=',':','NULL','null','a, b','\''', chr(10), '(', ')', 'a''b', '\"', ''', ''']) as w union all select null`)
	for _, query := range []string{
		"select [a.w, b.w, c.w] as v from w a, w b, w c union all select [a.w, b.w] from w a, w b union all select [w] from w union all select []",
		"select {'a': a.w, 'b': b.w, 'c': [c.w]} as v from w a, w b, w c",
		"select map {a.w: b.w, 'zz' || coalesce(c.w, '-'): c.w} as v from w a, w b, w c where a.w is not null",
		"select [[a.w], [b.w, c.w]] as v from w a, w b, w c union all select [[a.w, b.w], [c.w]] from w a, w b, w c union all select [[a.w, b.w, c.w], null] from w a, w b, w c",
		"select [encode(a.w), encode(b.w), encode(c.w)] as v from w a, w b, w c",
	} {
		got := oneText(t, c, "select count(distinct v) || ' ' || count(distinct cast(v as varchar)) from ("+query+")")
		if values, texts, _ := strings.Cut(got, " "); values != texts || len(values) < 4 {
			t.Errorf("%s\n%s values have %s texts", query, values, texts)
		}
	}
}

// TestVersionsOfManyTables: one query for many, the largest of which stay unknown.
func TestVersionsOfManyTables(t *testing.T) {
	c := open(t).(*conn)
	defer c.Close()
	var relations []addr.Relation
	for i := range 150 {
		execAllOf(t, c, fmt.Sprintf("create table main.t%d as select range as a, range %% 7 as b from range(%d)", i, i*10))
		relations = append(relations, addr.Relation{Schema: "main", Name: fmt.Sprintf("t%d", i)})
	}
	execAllOf(t, c, "create table main.odd (g union(a int, b text))")
	odd := addr.Relation{Schema: "main", Name: "odd"}
	all, err := c.versions(context.Background(), append(relations, odd), 2*10*(100*99/2))
	if err != nil {
		t.Fatal(err)
	}
	tokens := map[string]bool{}
	for i, r := range relations {
		v := all[r]
		if (v.Token != "") != (i < 100) {
			t.Errorf("t%d: %+v", i, v)
		}
		if v.Token != "" {
			tokens[v.Token] = true
		} else if !strings.Contains(v.Unknown, "too many") {
			t.Errorf("t%d: %q", i, v.Unknown)
		}
	}
	if len(tokens) != 100 {
		t.Errorf("%d tokens", len(tokens))
	}
	if !strings.Contains(all[odd].Unknown, "column g has type UNION") {
		t.Errorf("%+v", all[odd])
	}
}

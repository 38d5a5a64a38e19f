package duckdb_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	driver "github.com/duckdb/duckdb-go/v2"

	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/transpile"
	"github.com/engine-build/engine/engine/transpile/duckdb"
	warehouse "github.com/engine-build/engine/engine/warehouse/duckdb"
)

// textRunner runs GoogleSQL expressions on a DuckDB in memory.
type textRunner struct {
	session *googlesql.Session
	conn    *sql.Conn
}

func newTextRunner(t *testing.T) *textRunner {
	t.Helper()
	ctx := context.Background()
	s, err := googlesql.Open(googlesql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	connector, err := driver.NewConnector(":memory:", nil)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { db.Close() })
	if err := warehouse.RegisterFunctions(ctx, db); err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	r := &textRunner{s, conn}
	setup := []string{"set TimeZone = 'UTC'", "create schema _engine"}
	for _, m := range duckdb.Macros() {
		setup = append(setup, m.SQL)
	}
	for _, q := range setup {
		if _, err := conn.ExecContext(ctx, q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	return r
}

// eval gives an expression's value as text, or the error as text after "ERROR: ".
func (r *textRunner) eval(query string) string {
	a, err := r.session.Analyze(query)
	if err != nil {
		return "ANALYZE: " + err.Error()
	}
	res, err := duckdb.Statement(a.Stmt, transpile.Options{})
	if err != nil {
		return "REFUSED: " + err.Error()
	}
	var v any
	if err := r.conn.QueryRowContext(context.Background(), "SELECT CASE WHEN v IS NOT NULL THEN CAST(v AS VARCHAR) END FROM ("+res.SQL+") AS t(v)").Scan(&v); err != nil {
		return "ERROR: " + err.Error()
	}
	if v == nil {
		return "NULL"
	}
	return fmt.Sprint(v)
}

// Each expression is computed of constants and, through a NULL that DuckDB cannot fold
// away, of a column: rules write both differently.
func TestTextFunctions(t *testing.T) {
	r := newTextRunner(t)
	for _, c := range []struct{ expr, want string }{
		{`UPPER('straße ﬁn')`, "STRASSE FIN"},
		{`LOWER('ΑΣ ΣΑΣ İ')`, "ας σας i̇"},
		{`UPPER(b'aé')`, `A\xC3\xA9`},
		{`REVERSE('ab🎉')`, "🎉ba"},
		{`SUBSTR('apple', 2)`, "pple"},
		{`SUBSTR('apple', 0, 2)`, "ap"},
		{`SUBSTR('apple', -2)`, "le"},
		{`SUBSTR('apple', -9, 2)`, "ap"},
		{`SUBSTR('apple', 123)`, ""},
		{`SUBSTR('apple', 1, -1)`, "ERROR: Invalid Input Error: Third argument in SUBSTR() cannot be negative"},
		{`SAFE.SUBSTR('apple', 1, -1)`, "NULL"},
		{`SUBSTR(b'apple', -3, 2)`, "pl"},
		{`LEFT('éa', 1)`, "é"},
		{`SAFE.RIGHT('a', -1)`, "NULL"},
		{`LEFT(b'abc', 2)`, "ab"},
		{`LENGTH('é')`, "1"},
		{`LENGTH(b'é')`, "2"},
		{`BYTE_LENGTH('é')`, "2"},
		{`STRPOS('foo@example.com', '@')`, "4"},
		{`INSTR('banana', 'an', -1)`, "4"},
		{`TRIM('\u00a0 x \t')`, "x"},
		{`TRIM('***apple***', '*')`, "apple"},
		{`LTRIM('xyzApplexyz', 'xyz')`, "Applexyz"},
		{`RTRIM(b'applexz', b'xyz')`, "apple"},
		{`LPAD('例子', 7, '中文')`, "中文中文中例子"},
		{`RPAD('a', 3)`, "a  "},
		{`LPAD(b'ab', 4)`, "  ab"},
		{`REPEAT('ab', 2)`, "abab"},
		{`REPLACE('cherry', 'r', '')`, "chey"},
		{`SPLIT('b,c,d')[OFFSET(1)]`, "c"},
		{`ARRAY_LENGTH(SPLIT('', ''))`, "1"},
		{`SPLIT('x', NULL) IS NULL`, "true"},
		{`CONCAT('a', NULL)`, "NULL"},
		{`CONCAT(b'a', b'b')`, "ab"},
		{`STARTS_WITH('bar', 'b') AND ENDS_WITH(b'bar', b'r')`, "true"},
		{`'a_b' LIKE r'a\_b'`, "true"},
		{`'axb' LIKE r'a\_b'`, "false"},
		{`b'a' LIKE b'_'`, "true"},
		{`ASCII('abc')`, "97"},
		{`UNICODE('')`, "0"},
		{`TO_HEX(b'\x00\xff')`, "00ff"},
		{`TO_HEX(MD5('hello'))`, "5d41402abc4b2a76b9719d911017c592"},
		{`TO_BASE64(SHA1('hello'))`, "qvTGHdzF6KLavt4PO0gs2a6pQ00="},
		{`FROM_HEX('0g')`, "ERROR"},
		{`NORMALIZE('e\u0302')`, "ê"},
		{`CONTAINS_SUBSTR((1, 'Blue'), 'bLUE')`, "true"},
		{`REGEXP_CONTAINS('abc', r'^a')`, "true"},
		{`REGEXP_EXTRACT('a=1', r'=(\d*)')`, "1"},
		{`REGEXP_EXTRACT('a=', r'=(\d*)')`, ""},
		{`REGEXP_EXTRACT('a', r'=(\d+)')`, "NULL"},
		{`ARRAY_TO_STRING(REGEXP_EXTRACT_ALL('a1b22', r'\d+'), ',')`, "1,22"},
		{`REGEXP_REPLACE('abc', r'b(.)', r'\1\\')`, `ac\`},
		{`REGEXP_INSTR('ab@cd-ef', '@[^-]*')`, "3"},
		{`NET.HOST('http://a.b:80/')`, "a.b"},
		{`NET.IP_TO_STRING(NET.IP_TRUNC(NET.IP_FROM_STRING('10.1.2.3'), 16))`, "10.1.0.0"},
		{`AEAD.DECRYPT_STRING(k, AEAD.ENCRYPT(k, 'text', 'more'), 'more') FROM (SELECT KEYS.NEW_KEYSET('AEAD_AES_GCM_256') AS k)`, "text"},
		{`COLLATE('a', 'und:ci')`, "a"},

		{`JSON_VALUE('{"a": {"b": "x"}}', '$.a.b')`, "x"},
		{`JSON_QUERY(JSON '{"a": [1, 2.50]}', '$.a')`, "[1,2.5]"},
		{`JSON_VALUE(JSON '"x"')`, "x"},
		{`(JSON '{"a": {"b": [1, 2]}}').a.b[1]`, "2"},
		{`(JSON '[1]')[5]`, "NULL"},
		{`PARSE_JSON('{"b":1,"a":1e20}')`, `{"a":1e+20,"b":1}`},
		{`SAFE.PARSE_JSON('{')`, "NULL"},
		{`TO_JSON(STRUCT(2 AS b, 'x"\n\u0001' AS a, [1.5, NULL] AS c))`, `{"a":"x\"\n\u0001","b":2,"c":[1.5,null]}`},
		{`TO_JSON(1e15)`, "1e+15"},
		{`TO_JSON(123456789012345.0)`, "123456789012345.0"},
		{`TO_JSON(CAST('nan' AS FLOAT64))`, `"NaN"`},
		{`TO_JSON(9007199254740993, stringify_wide_numbers => TRUE)`, `"9007199254740993"`},
		{`TO_JSON(CAST(NULL AS INT64))`, "null"},
		{`TO_JSON_STRING(STRUCT(9007199254740993 AS b, 1.0 AS a, b'a' AS c, NUMERIC '1.5' AS d))`, `{"b":"9007199254740993","a":1,"c":"YQ==","d":"1.5"}`},
		{`TO_JSON_STRING(STRUCT(DATE '2024-01-02' AS a, TIMESTAMP '2024-01-02 03:04:05.5+00' AS b, DATETIME '2024-01-02 03:04:05' AS c, TIME '03:04:05' AS d))`, `{"a":"2024-01-02","b":"2024-01-02T03:04:05.500Z","c":"2024-01-02T03:04:05","d":"03:04:05"}`},
		{`TO_JSON_STRING([STRUCT(1 AS x), NULL], TRUE)`, "[\n  {\n    \"x\": 1\n  },\n  null\n]"},
		{`JSON_OBJECT('b', 1, 'a', JSON 'null')`, `{"a":null,"b":1}`},
		{`JSON_ARRAY(1, 'x', NULL)`, `[1,"x",null]`},
		{`JSON_SET(JSON '{"a":1}', '$.b', [1, 2])`, `{"a":1,"b":[1,2]}`},
		{`JSON_ARRAY_APPEND(JSON '[1]', '$', [2, 3], append_each_element => FALSE)`, "[1,[2,3]]"},
		{`JSON_STRIP_NULLS(JSON '{"a":null,"b":{}}', remove_empty => TRUE)`, "null"},
		{`JSON_REMOVE(JSON '{"a":1,"b":2}', '$.a')`, `{"b":2}`},
		{`INT64(JSON '10.1')`, "ERROR"},
		{`LAX_INT64(JSON '"10.1"')`, "10"},
		{`STRING(JSON '"x"')`, "x"},
		{`FLOAT64(JSON '1')`, "1.0"},
	} {
		got := r.eval("SELECT " + c.expr)
		if got != c.want && !(strings.HasPrefix(c.want, "ERROR") || strings.HasPrefix(c.want, "REFUSED")) || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s\n got  %q\n want %q", c.expr, got, c.want)
		}
	}
}

// Every function that takes one text and gives a value is NULL of NULL.
func TestTextFunctionsOfNull(t *testing.T) {
	r := newTextRunner(t)
	for _, f := range []string{
		"UPPER(s)", "LOWER(s)", "REVERSE(s)", "SUBSTR(s, 2)", "SUBSTR(s, -1, 1)", "SUBSTR('abc', 1, n)", "LEFT(s, 1)", "RIGHT('a', n)", "LENGTH(s)",
		"TRIM(s)", "LTRIM(s, 'a')", "TRIM('a', s)", "SPLIT(s, ',')", "SPLIT('a', s)", "REPLACE(s, 'a', 'b')", "REPLACE('a', s, 'b')", "LPAD(s, 3)", "LPAD('a', n)",
		"REPEAT(s, 2)", "REPEAT('a', n)", "ASCII(s)", "UNICODE(s)", "INITCAP(s)", "INSTR(s, 'a')", "STRPOS('a', s)", "s LIKE 'a%'", "'a' LIKE s",
		"REGEXP_CONTAINS(s, 'a')", "REGEXP_CONTAINS('a', s)", "REGEXP_EXTRACT(s, 'a')", "REGEXP_EXTRACT_ALL(s, 'a')", "REGEXP_REPLACE(s, 'a', 'b')", "REGEXP_REPLACE('a', 'a', s)",
		"MD5(s)", "TO_HEX(SHA256(s))", "FARM_FINGERPRINT(s)", "TO_BASE64(CAST(s AS BYTES))", "NORMALIZE(s)", "CONCAT(s, 'a')", "STARTS_WITH(s, 'a')",
		"JSON_VALUE(s, '$.a')", "PARSE_JSON(s)", "TO_CODE_POINTS(s)", "NET.HOST(s)", "SOUNDEX(s)", "TRANSLATE(s, 'a', 'b')", "EDIT_DISTANCE(s, 'a')",
	} {
		q := "SELECT " + f + " FROM (SELECT CAST(NULL AS STRING) AS s, CAST(NULL AS INT64) AS n)"
		if got := r.eval(q); got != "NULL" {
			t.Errorf("%s = %q", f, got)
		}
	}
}

package duckdb_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The expectations are those of the documentation where it has the example.
func TestFunctionsOfBigQuery(t *testing.T) {
	r := newTextRunner(t)
	const series = "(SELECT DATETIME '2023-11-01 09:34:01' AS time, 74 AS signal, 'A' AS state UNION ALL SELECT '2023-11-01 09:36:00', 77, 'B' UNION ALL SELECT '2023-11-01 09:38:01', 80, NULL)"
	const ranges = "(SELECT 1 AS id, RANGE<DATE> '[2010-01-10, 2010-03-10)' AS d UNION ALL SELECT 1, RANGE<DATE> '[2010-03-10, 2010-07-15)' UNION ALL SELECT 1, RANGE<DATE> '[2010-06-15, UNBOUNDED)' UNION ALL SELECT 2, NULL)"
	for _, c := range []struct{ sql, want string }{
		{"SELECT SEARCH('foobar-example', 'foobar example')", "true"},
		{"SELECT SEARCH('foobar-example', 'foobarexample')", "false"},
		{`SELECT SEARCH('foobar-example', r'foobar\&example')`, "true"},
		{"SELECT SEARCH('foobar-example', '`foobar&example`')", "false"},
		{"SELECT SEARCH('foobar-example', '`Foobar`')", "false"},
		{"SELECT SEARCH('`foobar-example`', '`foobar-example`')", "false"},
		{"SELECT SEARCH('foobar@example.com', '`example.com`')", "true"},
		{"SELECT SEARCH(['foobar', 'example'], 'foobar example')", "false"},
		{"SELECT SEARCH('foobar.example', '`foobar.`')", "false"},
		{"SELECT SEARCH('foobar..example', '`foobar.`')", "true"},
		{"SELECT SEARCH('foo', 'foo AND (bar OR baz)')", "false"},
		{"SELECT SEARCH('foo', 'foo OR bar')", "true"},
		{`SELECT SEARCH('foo bar baz', '"foo bar"')`, "true"},
		{`SELECT SEARCH('foo else bar', '"foo bar"')`, "false"},
		{"SELECT SEARCH('foo bar baz', '\"`foo bar`\"')", "false"},
		{`SELECT SEARCH('read the book now', '"read the book"', analyzer_options => '{"token_filters": [{"stop_words": ["the"]}]}')`, "true"},
		{`SELECT SEARCH('abcdef', '"c d"', analyzer => 'PATTERN_ANALYZER', analyzer_options => '{"patterns": ["(?:cd)|[a-z]"]}')`, "false"},
		{"SELECT SEARCH(STRUCT(1 AS a, CAST(NULL AS STRING) AS b), 'x')", "NULL"},
		{`SELECT SEARCH(JSON '{"alpha": {"beta": "x y"}}', 'y')`, "true"},
		{`SELECT SEARCH(JSON '{"alpha": {"beta": "x y"}}', 'beta', json_scope => 'JSON_KEYS')`, "true"},
		{"SELECT SAFE.SEARCH('a', 'a-b')", "NULL"},
		{"SELECT ARRAY_TO_STRING(TEXT_ANALYZE('I like pie, you like-pie, they like 2 PIEs.'), '|')", "i|like|pie|you|like|pie|they|like|2|pies"},
		{"SELECT ARRAY_TO_STRING(TEXT_ANALYZE('I like pie, you like-pie, they like 2 PIEs.', analyzer => 'PATTERN_ANALYZER'), '|')", "like|pie|you|like|pie|they|like|pies"},
		{`SELECT ARRAY_TO_STRING(TEXT_ANALYZE('I like ❶ ② pies, you like Ño PIEs', analyzer_options => '{"token_filters": [{"normalizer": {"mode": "ICU_NORMALIZE"}}, {"stop_words": ["pies", "2"]}]}'), '|')`, "i|like|❶|you|like|ño"},
		{"SELECT TO_JSON_STRING(BAG_OF_WORDS(['I', 'like', 'pie', 'pie', 'pie', NULL]))", `[{"term":null,"count":1},{"term":"I","count":1},{"term":"like","count":1},{"term":"pie","count":3}]`},
		{`SELECT CONTAINS_SUBSTR(JSON '{"lunch": "Soup"}', 'soup')`, "true"},
		{`SELECT CONTAINS_SUBSTR(JSON '{"lunch": "soup"}', 'lunch')`, "false"},
		{`SELECT CONTAINS_SUBSTR(JSON '{"lunch": "soup"}', 'lunch', json_scope => 'JSON_KEYS_AND_VALUES')`, "true"},
		{
			"SELECT STRING_AGG(FORMAT('%t %t %t', time, signal, state), '; ' ORDER BY time) FROM GAP_FILL(" + series + ", ts_column => 'time', bucket_width => INTERVAL 1 MINUTE, value_columns => [('signal', 'linear'), ('state', 'locf')])",
			"2023-11-01 09:35:00 75 A; 2023-11-01 09:36:00 77 B; 2023-11-01 09:37:00 78 B; 2023-11-01 09:38:00 80 B",
		},
		{
			"SELECT STRING_AGG(FORMAT('%t %t', time, signal), '; ' ORDER BY time) FROM GAP_FILL(" + series + ", 'time', INTERVAL 2 MINUTE)",
			"2023-11-01 09:36:00 77; 2023-11-01 09:38:00 NULL",
		},
		{
			"SELECT STRING_AGG(FORMAT('%t %t %t', id, RANGE_START(session_range), RANGE_END(session_range)), '; ' ORDER BY id, RANGE_START(d)) FROM RANGE_SESSIONIZE(" + ranges + ", 'd', ['id'], 'OVERLAPS')",
			"1 2010-01-10 2010-03-10; 1 2010-03-10 NULL; 1 2010-03-10 NULL; 2 NULL NULL",
		},
		{
			"SELECT COUNT(DISTINCT session_range) FROM RANGE_SESSIONIZE(" + ranges + ", 'd', ['id'])", "1",
		},
		{"SELECT ARRAY_TO_STRING(ARRAY(SELECT CAST(e AS STRING) FROM UNNEST(ARRAY_SLICE([1, 2, 3, 4, 5], 1, 3)) AS e), ',')", "2,3,4"},
		{"SELECT STRING_AGG(table_name, ',' ORDER BY table_name) FROM main.INFORMATION_SCHEMA.TABLES", "NULL"},
	} {
		if diff := cmp.Diff(c.want, r.eval(c.sql)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.sql, diff)
		}
	}
}

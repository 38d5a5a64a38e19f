package duckdb_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"

	warehouse "github.com/engine-build/engine/engine/warehouse/duckdb"

	"github.com/google/go-cmp/cmp"
)

// Where a cheaper text is chosen, the rows are those of the plain one.
func TestShortcutRows(t *testing.T) {
	b := newBed(t)
	if err := warehouse.RegisterFunctions(t.Context(), b.db); err != nil {
		t.Fatal(err)
	}
	const floats = "UNNEST([1.5, CAST('nan' AS FLOAT64), -2, CAST('inf' AS FLOAT64), CAST('-inf' AS FLOAT64), NULL]) AS x"
	for _, c := range []struct {
		name, sql string
		want      []string
	}{
		{"order of floats", "SELECT x FROM " + floats + " ORDER BY x", []string{"<nil>", "NaN", "-Inf", "-2", "1.5", "+Inf"}},
		{"descending", "SELECT x FROM " + floats + " ORDER BY x DESC", []string{"+Inf", "1.5", "-2", "-Inf", "NaN", "<nil>"}},
		{"NULLs elsewhere", "SELECT x FROM " + floats + " ORDER BY x DESC NULLS FIRST LIMIT 2", []string{"<nil>", "+Inf"}},
		{"NULLs last", "SELECT x FROM " + floats + " ORDER BY x NULLS LAST LIMIT 2", []string{"NaN", "-Inf"}},
		{"zeros are equal", "SELECT x, y FROM UNNEST([STRUCT(0.0 AS x, 2 AS y), (0.0 * -1, 1), (0.0, 3)]) ORDER BY x, y", []string{"-0 | 1", "0 | 2", "0 | 3"}},
		{"in a window", "SELECT x, ROW_NUMBER() OVER (ORDER BY x) AS n FROM " + floats + " ORDER BY n", []string{"<nil> | 1", "NaN | 2", "-Inf | 3", "-2 | 4", "1.5 | 5", "+Inf | 6"}},
		{"in an aggregate", "SELECT ARRAY_AGG(x IGNORE NULLS ORDER BY x DESC) FROM " + floats, []string{"[+Inf 1.5 -2 -Inf NaN]"}},
		{"a name that a table has too", "SELECT id, amount * -1 AS amount FROM orders ORDER BY amount", []string{"<nil> | <nil>", "2 | NaN", "1 | -1.5", "3 | 2"}},
		{"of an expression of NaN", "SELECT IF(id = 1, CAST('nan' AS FLOAT64), id) AS amount FROM orders WHERE id > 0 ORDER BY amount DESC", []string{"3", "2", "NaN"}},
		{"of an aggregate", "SELECT customer, SUM(-amount) AS amount FROM orders GROUP BY customer ORDER BY amount DESC, customer", []string{"ann | 0.5", "bob | NaN", "<nil> | <nil>"}},
		{"of an aggregate of a long text", "SELECT customer, MAX(IF(amount > 0, amount + 1000, amount - 1000) * -1) AS amount, COUNT(*) AS id FROM orders GROUP BY customer ORDER BY amount DESC, id LIMIT 2", []string{"ann | 1002 | 2", "bob | NaN | 1"}},
		{"of a wide number", "SELECT id, CAST(-price AS BIGNUMERIC) AS price FROM orders ORDER BY price", []string{"<nil> | <nil>", "1 | -10.25", "2 | -2.5", "3 | -0.000000001"}},
		{"of random numbers", "SELECT COUNTIF(r < before) FROM (SELECT r, LAG(r) OVER (ORDER BY n) AS before FROM (SELECT r, ROW_NUMBER() OVER () AS n FROM (SELECT RAND() + x AS r FROM UNNEST(GENERATE_ARRAY(1, 100)) AS x ORDER BY r)))", []string{"0"}},

		{"BETWEEN and NaN", "SELECT x BETWEEN -2 AND 5, x BETWEEN NULL AND 5, x BETWEEN -2 AND NULL, NOT x BETWEEN 0 AND 5 FROM " + floats + " ORDER BY x", []string{
			"<nil> | <nil> | <nil> | <nil>", "false | false | false | true", "false | <nil> | false | true", "true | <nil> | <nil> | true", "true | <nil> | <nil> | false", "false | false | <nil> | true",
		}},
		{"BETWEEN a bound that is NaN", "SELECT x BETWEEN CAST('nan' AS FLOAT64) AND 5, x BETWEEN 0 AND CAST('nan' AS FLOAT64) FROM UNNEST([1.5, CAST('nan' AS FLOAT64)]) AS x ORDER BY x", []string{"false | false", "false | false"}},

		{"mean beside sum", "SELECT AVG(x), SUM(x), AVG(x + 1) FROM UNNEST([1.5, NULL, 2]) AS x", []string{"1.75 | 3.5 | 2.75"}},
		{"mean beside sum of nothing", "SELECT AVG(x), SUM(x), COUNT(x) FROM UNNEST([CAST(NULL AS FLOAT64)]) AS x", []string{"<nil> | <nil> | 0"}},
		{"of values that are not finite", "SELECT AVG(x), SUM(x) FROM UNNEST([1, CAST('inf' AS FLOAT64)]) AS x", []string{"+Inf | +Inf"}},
		{"of both infinities", "SELECT AVG(x), SUM(x) FROM UNNEST([CAST('-inf' AS FLOAT64), CAST('inf' AS FLOAT64)]) AS x", []string{"NaN | NaN"}},
		{"the mean of values whose sum overflows", "SELECT IF(AVG(x) = 1.5e308, 'fits', 'no'), SAFE.SUM(x) FROM UNNEST([1.5e308, 1.5e308]) AS x", []string{"fits | <nil>"}},
		{"beside a sum on the way that overflows", "SELECT AVG(x), SUM(x) FROM UNNEST([1.5e308, 1.5e308, -1.5e308]) AS x", []string{"5e+307 | 1.5e+308"}},
		{"beside another mean", "SELECT AVG(DISTINCT x), AVG(x), SUM(x) FROM UNNEST([1.0, 1, 4]) AS x", []string{"2.5 | 2 | 6"}},
		{"running sums", "SELECT x, SUM(x) OVER (ORDER BY x), AVG(x) OVER (ORDER BY x) FROM UNNEST([NULL, -1.5, 2.5]) AS x ORDER BY x", []string{"<nil> | <nil> | <nil>", "-1.5 | -1.5 | -1.5", "2.5 | 1 | 0.5"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := b.rows(t, c.sql)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("%s\n%s", c.sql, d)
			}
		})
	}
}

// TRIM over texts with every kind of white space at every place is that of Unicode, however
// the argument is written.
func TestTrimShortcuts(t *testing.T) {
	b := newBed(t)
	var texts []string
	for _, core := range []string{"", "a", "a b", "é", "aé", "éa", "~", "!", "\x01", "ß x", "Σας"} {
		for _, white := range []string{"", " ", "\t", "\n\v", "\f\r ", "\u0085", "\u00a0", "\u2003 ", "\u3000", "\u200b", "\x1f", "\x7f"} {
			texts = append(texts, core, white+core, core+white, white+core+white, " "+core+white, white+core+" ")
		}
	}
	space := func(r rune) bool { return unicode.Is(unicode.White_Space, r) }
	for _, c := range []struct {
		sql  string
		want func(s string) string
	}{
		{"TRIM(s)", func(s string) string { return strings.TrimFunc(s, space) }},
		{"LTRIM(s)", func(s string) string { return strings.TrimLeftFunc(s, space) }},
		{"RTRIM(s)", func(s string) string { return strings.TrimRightFunc(s, space) }},
		{"TRIM(UPPER(s))", func(s string) string { return strings.TrimFunc(upper(s), space) }},
		{"LTRIM(UPPER(s))", func(s string) string { return strings.TrimLeftFunc(upper(s), space) }},
		{"RTRIM(UPPER(s))", func(s string) string { return strings.TrimRightFunc(upper(s), space) }},
		{"UPPER(TRIM(s))", func(s string) string { return upper(strings.TrimFunc(s, space)) }},
		{"LOWER(CONCAT(TRIM(s), s))", func(s string) string { return strings.ToLower(strings.TrimFunc(s, space) + s) }},
		{"UPPER(COALESCE(NULLIF(TRIM(s), ''), 'none'))", func(s string) string {
			if s = strings.TrimFunc(s, space); s == "" {
				s = "none"
			}
			return upper(s)
		}},
		{"UPPER(REPLACE(s, 'a', 'ß'))", func(s string) string { return upper(strings.ReplaceAll(s, "a", "ß")) }},
		{"TRIM(CONCAT(' ', s))", func(s string) string { return strings.TrimFunc(s, space) }},
	} {
		quoted := make([]string, len(texts))
		var want []string
		for i, s := range texts {
			quoted[i] = quote(s)
			want = append(want, c.want(s))
		}
		got, err := b.rows(t, "SELECT "+c.sql+" FROM UNNEST(["+strings.Join(quoted, ", ")+"]) AS s WITH OFFSET o ORDER BY o")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s\n%s", c.sql, d)
		}
	}
}

// upper is GoogleSQL's UPPER of the letters of the test.
func upper(s string) string { return strings.ReplaceAll(strings.ToUpper(s), "ß", "SS") }

// quote is a GoogleSQL string literal.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for _, r := range s {
		if r < ' ' || r > '~' || r == '\'' || r == '\\' {
			fmt.Fprintf(&b, `\U%08X`, r)
			continue
		}
		b.WriteRune(r)
	}
	b.WriteByte('\'')
	return b.String()
}

package duckdb_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/ir"
	warehouse "github.com/engine-build/engine/engine/warehouse/duckdb"
)

// newCollatedBed has a table whose column ci has the collation und:ci.
func newCollatedBed(t *testing.T) *bed {
	b := newBed(t)
	if err := warehouse.RegisterFunctions(t.Context(), b.db); err != nil {
		t.Fatal(err)
	}
	b.exec(t, "CREATE TABLE words (id BIGINT, ci VARCHAR, plain VARCHAR)")
	b.exec(t, "INSERT INTO words VALUES (1, 'a', 'a'), (2, 'A', 'A'), (3, 'b', 'b'), (4, 'B', 'B'), (5, 'é', 'é'), (6, NULL, NULL)")
	text := ir.TypeOf(ir.String)
	err := b.session.Declare(googlesql.Table{Name: "words", Columns: []googlesql.Column{
		{Name: "id", Type: ir.TypeOf(ir.Int64)}, {Name: "ci", Type: text, Collation: "und:ci"}, {Name: "plain", Type: text},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCollation(t *testing.T) {
	b := newCollatedBed(t)
	for _, c := range []struct {
		name, sql string
		want      []string
	}{
		{"comparison", "SELECT COLLATE('a', 'und:ci') = 'A', COLLATE('a', 'und:ci') < 'B', COLLATE('e', 'und:ci') = 'É', COLLATE('a', 'binary') = 'A'", []string{"true | true | false | false"}},
		{"of a column", "SELECT id FROM words WHERE ci = 'A' ORDER BY id", []string{"1", "2"}},
		{"of a column without one", "SELECT id FROM words WHERE plain = 'A'", []string{"2"}},
		{"IN and BETWEEN", "SELECT id FROM words WHERE ci IN ('A', 'x') OR ci BETWEEN 'B' AND 'b' ORDER BY id", []string{"1", "2", "3", "4"}},
		{"IN of a subquery", "SELECT id FROM words WHERE ci IN (SELECT 'B') ORDER BY id", []string{"3", "4"}},
		{"IN of an array", "SELECT ci IN UNNEST(['B']) FROM words ORDER BY id", []string{"false", "false", "true", "true", "false", "<nil>"}},
		{"join", "SELECT x.id, y.id FROM words x JOIN words y ON x.ci = y.ci AND x.id < y.id ORDER BY 1", []string{"1 | 2", "3 | 4"}},
		{"CASE and NULLIF", "SELECT CASE ci WHEN 'A' THEN 'first' ELSE 'other' END, NULLIF(ci, 'A') FROM words WHERE id < 4 ORDER BY id", []string{"first | <nil>", "first | <nil>", "other | b"}},
		{"ORDER BY", "SELECT id FROM words ORDER BY ci DESC, id DESC", []string{"5", "4", "3", "2", "1", "6"}},
		{"ORDER BY … COLLATE", "SELECT plain FROM words WHERE id < 5 ORDER BY plain COLLATE 'und:ci', id", []string{"a", "A", "b", "B"}},
		{"a language", "SELECT w FROM UNNEST(['b', 'A', 'a', 'B']) w ORDER BY w COLLATE 'en_US'", []string{"a", "A", "b", "B"}},
		{"numbers within", "SELECT w FROM UNNEST(['a12b', 'a1b']) w ORDER BY w COLLATE 'en-us-u-kn-true'", []string{"a1b", "a12b"}},
		{"GROUP BY", "SELECT UPPER(ci), COUNT(*) FROM words GROUP BY ci ORDER BY ci", []string{"<nil> | 1", "A | 2", "B | 2", "É | 1"}},
		{"of an expression", "SELECT UPPER(k), n FROM (SELECT CONCAT(ci, 'x') k, COUNT(*) n FROM words GROUP BY k) ORDER BY 1", []string{"<nil> | 1", "AX | 2", "BX | 2", "ÉX | 1"}},
		{"ROLLUP", "SELECT UPPER(ci), COUNT(*) n FROM words WHERE id < 5 GROUP BY ROLLUP(ci) ORDER BY 2, 1", []string{"A | 2", "B | 2", "<nil> | 4"}},
		{"aggregates", "SELECT UPPER(MIN(ci)), UPPER(MAX(ci)), COUNT(DISTINCT ci), COUNT(DISTINCT plain) FROM words WHERE id < 5", []string{"A | B | 2 | 4"}},
		{"DISTINCT", "SELECT COUNT(*) FROM (SELECT DISTINCT ci FROM words)", []string{"4"}},
		{"UNION DISTINCT", "SELECT COUNT(*) FROM (SELECT ci FROM words UNION DISTINCT SELECT 'B')", []string{"4"}},
		{"windows", "SELECT id, COUNT(*) OVER (PARTITION BY ci), RANK() OVER (ORDER BY ci) FROM words ORDER BY id",
			[]string{"1 | 2 | 2", "2 | 2 | 2", "3 | 2 | 4", "4 | 2 | 4", "5 | 1 | 6", "6 | 1 | 1"}},
		{"structs", "SELECT (COLLATE('a', 'und:ci'), 1) = ('A', 1), (COLLATE('a', 'und:ci'), 1) IN (('A', 2))", []string{"true | false"}},
		{"LIKE by parts", `SELECT COLLATE('GooGle', 'und:ci') LIKE 'goo%', COLLATE('GooGle', 'und:ci') LIKE '%OG%E', COLLATE('GooGle', 'und:ci') LIKE '%e%e', COLLATE('a%b', 'und:ci') LIKE 'A\\%B'`, []string{"true | true | false | true"}},
		{"search", "SELECT STRPOS(COLLATE('xAbC', 'und:ci'), 'bc'), STARTS_WITH(COLLATE('AbC', 'und:ci'), 'ab'), ENDS_WITH(COLLATE('AbC', 'und:ci'), 'BC'), INSTR(COLLATE('aAa', 'und:ci'), 'A', 1, 3)", []string{"3 | true | true | 3"}},
		{"marks belong to their letter", "SELECT STRPOS(COLLATE('cafe\\u0301', 'und:ci'), 'E'), REPLACE(COLLATE('Cafe\\u0301', 'und:ci'), 'FÉ', 'b')", []string{"0 | Cab"}},
		{"SPLIT", "SELECT ARRAY_TO_STRING(SPLIT(COLLATE('aXbxc', 'und:ci'), 'X'), '-')", []string{"a-b-c"}},
		{"distinct elements without a collation", "SELECT ARRAY_IS_DISTINCT([plain, 'A']), ARRAY_IS_DISTINCT([id, 2]) FROM words WHERE id < 3 ORDER BY id", []string{"true | true", "false | false"}},
		{"extremes of arrays", "SELECT ARRAY_MIN([COLLATE('b', 'und:ci'), 'A', 'C']), ARRAY_MAX(ARRAY_AGG(ci)), ARRAY_MIN(l) FROM words CROSS JOIN (SELECT [COLLATE('b', 'und:ci'), 'B', 'a'] AS l) GROUP BY l", []string{"A | é | a"}},
		{"GREATEST", "SELECT GREATEST(COLLATE('a', 'und:ci'), 'B'), LEAST(COLLATE('B', 'und:ci'), 'a', 'A'), GREATEST(COLLATE('a', 'und:ci'), NULL)", []string{"B | a | <nil>"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := b.rows(t, c.sql)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
	for _, c := range []struct{ sql, want string }{
		{"SELECT COLLATE('ab', 'und:ci') LIKE 'a_'", "which is not allowed when its operands have collation"},
		{"SELECT w FROM UNNEST(['b', 'A']) w ORDER BY w COLLATE 'some_collate'", "COLLATE has invalid collation name 'some_collate'"},
		{"SELECT ci FROM words EXCEPT DISTINCT SELECT 'b'", "EXCEPT compare by code points there"},
		{"SELECT ANY_VALUE(id HAVING MAX ci) FROM words", "ANY_VALUE compares by code points there"},
		{"SELECT ARRAY_IS_DISTINCT([COLLATE('a', 'und:ci'), 'A'])", "ARRAY_IS_DISTINCT compares by code points there"},
		{"SELECT ARRAY_IS_DISTINCT(l) FROM (SELECT ARRAY_AGG(ci) AS l FROM words)", "ARRAY_IS_DISTINCT compares by code points there"},
		{"SELECT ARRAY_IS_DISTINCT(ARRAY(SELECT ci FROM words))", "ARRAY_IS_DISTINCT compares by code points there"},
		{"SELECT ARRAY_AGG(DISTINCT ci) FROM words", "ARRAY_AGG compares by code points there"},
	} {
		if _, err := b.rows(t, c.sql); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", c.sql, err, c.want)
		}
	}
	// Where no collation plays a part the text does not change.
	r, err := b.transpile(t, "SELECT plain, COUNT(*) FROM words WHERE plain = 'a' GROUP BY plain ORDER BY plain")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(r.SQL, "collation") || len(r.Needs) > 0 {
		t.Error(r.SQL)
	}
}

func TestCaughtErrors(t *testing.T) {
	b := newBed(t)
	for _, c := range []struct {
		name, sql string
		want      []string
	}{
		{"a lambda that fails", "SELECT SAFE.ARRAY_TRANSFORM([1, 0], e -> DIV(1, e)) IS NULL, SAFE.ARRAY_TRANSFORM([1, 2], (e, i) -> e + i)[OFFSET(1)]", []string{"true | 3"}},
		{"a filter that fails", "SELECT ARRAY_LENGTH(SAFE.ARRAY_FILTER([1, 2], e -> DIV(2, e) = 2)), SAFE.ARRAY_FILTER([1, 0], e -> DIV(1, e) > 0) IS NULL", []string{"1 | true"}},
		{"a NULL array", "SELECT SAFE.ARRAY_TRANSFORM(tags, e -> e || 'x') IS NULL FROM orders ORDER BY id", []string{"false", "false", "false", "true"}},
		{"arrays of unequal length", "SELECT SAFE.ARRAY_ZIP([1, 2], [3]) IS NULL, ARRAY_LENGTH(SAFE.ARRAY_ZIP([1, 2], [3, 4]))", []string{"true | 2"}},
		{"ERROR in a branch", "SELECT IFERROR(IF(id = 1, ERROR('no'), id), -1) FROM orders ORDER BY id", []string{"<nil>", "-1", "2", "3"}},
		{"in an untaken branch", "SELECT NULLIFERROR(CASE WHEN id = 1 THEN 1 WHEN id = 2 THEN DIV(1, id - 2) ELSE id END) FROM orders ORDER BY id", []string{"<nil>", "1", "<nil>", "3"}},
		{"over the keys of a group", "SELECT IFERROR(DIV(6, id - 1), 0) FROM orders WHERE id IS NOT NULL GROUP BY id ORDER BY id", []string{"0", "6", "3"}},
		{"SAFE over the keys of a group", "SELECT SAFE.DIV(6, id - 1) FROM orders WHERE id IS NOT NULL GROUP BY id ORDER BY id", []string{"<nil>", "6", "3"}},
		{"ISERROR", "SELECT ISERROR(ARRAY_TRANSFORM([1, 0], e -> DIV(1, e))), ISERROR(ARRAY_TRANSFORM([1], e -> DIV(1, e)))", []string{"true | false"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := b.rows(t, c.sql)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

package shim

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	bigquery "google.golang.org/api/bigquery/v2"
)

func TestLex(t *testing.T) {
	for src, want := range map[string]string{
		"select 'it\\'s' -- c\n, \"\"\"a\"b\"\"\", r'\\\\', b\"x\"": `i:select s:'it\'s' p:, s:"""a"b""" p:, s:r'\\' p:, s:b"x"`,
		"a.`b.c`.1d /* x */ # y\n+ .5e-3 1.":                        "i:a p:. q:b.c p:. n:1d p:+ n:.5e-3 n:1.",
		"rb'x' raw br":                                              "s:rb'x' i:raw i:br",
		"@p @@error.message ü":                                      "i:@p i:@@error p:. i:message i:ü",
		"'open":                                                     "s:'open",
		"/* open":                                                   "",
		"`open":                                                     "q:open",
		"x|>limit 1;":                                               "i:x p:| p:> i:limit n:1 p:;",
		"from t1.2a":                                                "i:from i:t1 p:. n:2a",
	} {
		var parts []string
		for _, tok := range lex(src) {
			parts = append(parts, string(tok.kind)+":"+tok.text)
		}
		if got := strings.Join(parts, " "); got != want {
			t.Errorf("%q\n got %s\nwant %s", src, got, want)
		}
	}
}

func TestLiterals(t *testing.T) {
	for _, s := range []string{"", "it's", `back\slash`, "line\nend\r", "ü\x00", `"quoted"`} {
		if got := unquote(literal(s)); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
	for lit, want := range map[string]string{`"""a"b"""`: `a"b`, `r'\n'`: `\n`, `'\x41\u00e9\n'`: "Aé\n", `'\x4'`: "4", `"`: ""} {
		if got := unquote(lit); got != want {
			t.Errorf("%s is %q, want %q", lit, got, want)
		}
	}
}

// A position in rewritten text is that of the text that the client sent.
func TestPositions(t *testing.T) {
	src := "create table x as\n\tselect ü, nope\nfrom ds.t where a"
	at := func(part string) int { return strings.Index(src, part) }
	e := apply(src, []edit{
		{0, at("select"), "CREATE TABLE `a`.`b`.`c` AS "},
		{at("ds.t"), at("ds.t") + 4, "`p`.`ds`.`t`"},
		limit(src),
	})
	if want := "CREATE TABLE `a`.`b`.`c` AS select ü, nope\nfrom `p`.`ds`.`t` where a\n|> LIMIT 0"; e.out != want {
		t.Fatalf("text %q", e.out)
	}
	for _, tc := range []struct{ in, want string }{
		{"nope [at 1:39]", "nope at [2:19]"}, // a tab reaches to column 9
		{"table [at 2:10]", "table at [3:6]"},
		{"a [at 2:25]", "a at [3:17]"},
		{"head [at 1:3]", "head at [1:1]"},
		{"far [at 99:1]", "far at [3:18]"},
		{"none", "none"},
	} {
		if got := e.relocate(tc.in); got != tc.want {
			t.Errorf("%s became %s, want %s", tc.in, got, tc.want)
		}
	}
	for off := range src {
		if l, c := lineCol(src, off); offsetOf(src, l, c) != off {
			t.Errorf("offset %d is %d:%d, which is offset %d", off, l, c, offsetOf(src, l, c))
		}
	}
}

func TestStatementTypes(t *testing.T) {
	for src, want := range map[string]string{
		"with a as (select 1) select * from a":          "SELECT",
		"-- x\ncreate or replace table a.b as select 1": "CREATE_TABLE_AS_SELECT",
		"create table a.b (x int64)":                    "CREATE_TABLE",
		"create view my-proj.a.b as select 1":           "CREATE_VIEW",
		"create materialized view a.b as select 1":      "CREATE_MATERIALIZED_VIEW",
		"create snapshot table a.b clone a.c":           "CREATE_SNAPSHOT_TABLE",
		"insert a.b values (1)":                         "INSERT",
		"delete a.b where true":                         "DELETE",
		"truncate table a.b":                            "TRUNCATE_TABLE",
		"drop table if exists a.b":                      "DROP_TABLE",
		"alter table a.b set options(description='x')":  "ALTER_TABLE",
		"create schema x":                               "CREATE_SCHEMA",
		"create function a.f(x int64) as (x)":           "CREATE_FUNCTION",
	} {
		st, err := parse(src)
		if err != nil || st.kind != want {
			t.Errorf("%s: %v %v", src, st, err)
		}
	}
	st, err := parse("create view `my-proj`.a.b as select 1")
	if err != nil || cmp.Diff([]string{"my-proj", "a", "b"}, st.path) != "" {
		t.Errorf("path %v %v", st, err)
	}
	for src, want := range map[string]string{
		"create table a.b (x nope)":                        "Type not found: nope at [1:21]",
		"create table a.b partition\nby x foo":             "PARTITION BY",
		"create table a.b (x int64":                        `Expected ")" but got end of input at [1:26]`,
		"create table a.b (x int64) garbage":               `Expected end of statement but got "garbage" at [1:28]`,
		"alter table a.b add column x array<array<int64>>": "nested arrays are not supported",
		"create view a.b":                                  "Expected AS",
	} {
		st, err := parse(src)
		if err == nil && st.partition != nil {
			_, _, err = partitionSpec(st.src, st.partition)
		}
		if err == nil || !strings.Contains(err.message, want) {
			t.Errorf("%s: %v, want %s", src, err, want)
		}
	}
}

func TestSplitStatements(t *testing.T) {
	got := splitStatements("select ';'; -- a;b\nselect 2;\n ;")
	want := []string{"select ';'", strings.Repeat(" ", 11) + " -- a;b\nselect 2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// «1 MB, rounded up, at least 10 MB» is tested through the API; here what a column weighs.
func TestConvert(t *testing.T) {
	old := &bigquery.TableFieldSchema{Name: "s", Type: "RECORD", Mode: "REPEATED", Fields: []*bigquery.TableFieldSchema{{Name: "x", Type: "INTEGER"}}}
	neu := &bigquery.TableFieldSchema{Name: "s", Type: "RECORD", Mode: "REPEATED", Fields: []*bigquery.TableFieldSchema{{Name: "x", Type: "FLOAT"}, {Name: "y", Type: "STRING"}}}
	want := "ARRAY(SELECT AS STRUCT CAST(e0.`x` AS FLOAT64) AS `x`, CAST(NULL AS STRING) AS `y` FROM UNNEST(`s`) AS e0)"
	if got := convert("`s`", old, neu, 0); got != want {
		t.Errorf("got %s", got)
	}
}

func TestCSV(t *testing.T) {
	got, err := csvRecords("a,\"b \"\"x\"\"\",\r\n\"\",,c\n\nlast", ",", `"`, false)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]csvCell{{{"a", false}, {`b "x"`, true}, {"", false}}, {{"", true}, {"", false}, {"c", false}}, {{"last", false}}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(csvCell{})); diff != "" {
		t.Error(diff)
	}
	if _, err := csvRecords("\"a\nb\"", ",", `"`, false); err == nil {
		t.Error("a line break in quotes needs allowQuotedNewlines")
	}
	if got, err := csvRecords("\"a\nb\"", ",", `"`, true); err != nil || got[0][0].text != "a\nb" {
		t.Errorf("%v %v", got, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"create or replace table `a.b` (x array<struct<y int64>> options(description='d')) partition by range_bucket(x, generate_array(0,1)) as select 1", "merge a.b t using (select 1) s on false when not matched then insert row", "alter table a.b add column x int64, drop column y", "update a.b set x = 1 where true", "`", "'\\", "create table a.b options(", "x.", "create table - - .", "a-b.c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		for _, part := range splitStatements(src) {
			st, err := parse(part)
			if err != nil {
				continue
			}
			if st.partition != nil {
				_, _, _ = partitionSpec(st.src, st.partition) // must not panic
			}
			if when := clauseAt(st.toks, 0, "WHEN"); when >= 0 {
				mergeClauses(st.src, st.toks, when)
			}
		}
	})
}

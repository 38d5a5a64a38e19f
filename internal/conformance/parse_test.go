package conformance

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const sample = `# A comment.
[default required_features=PIPES]
[default_time_zone=Asia/Tokyo]
[prepare_database]
CREATE TABLE T AS SELECT 1 AS a
--
ARRAY<STRUCT<a INT64>>[{1}]
==
[name=first]
[parameters=[1, 2] as arr,
            "]" as bracket]
[labels=x, y]
SELECT @arr -- not a separator
--
ARRAY<STRUCT<ARRAY<>>>[{ARRAY<INT64>[1, 2]}]

NOTE: Reference implementation reports non-determinism.
==
# Before the options.
[required_features=FEATURE_A,B]
[name=second]
SELECT '
\--
\==
'
--
# after the separator
ERROR: generic::out_of_range: Bad: thing
==
[default required_features=]
==
[name=third]
[primary_key_mode=first_column_is_primary_key]
[forbidden_features=C]
SELECT 1
--
ARRAY<STRUCT<INT64>>[{1}]
`

func TestParseFile(t *testing.T) {
	got, err := ParseFile("googlesql", "x.test", sample)
	if err != nil {
		t.Fatal(err)
	}
	want := &File{
		Suite: "googlesql", Path: "x.test", Zone: "Asia/Tokyo",
		Prepare: []Preparation{{Line: 4, SQL: "CREATE TABLE T AS SELECT 1 AS a", Required: []string{"PIPES"}, Want: "ARRAY<STRUCT<a INT64>>[{1}]"}},
		Cases: []Case{
			{
				Suite: "googlesql", File: "x.test", Line: 13, Name: "first", SQL: "SELECT @arr -- not a separator", Zone: "Asia/Tokyo",
				Parameters: "[1, 2] as arr,\n            \"]\" as bracket", Labels: []string{"x", "y"}, Required: []string{"PIPES"},
				Want: Want{Text: "ARRAY<STRUCT<ARRAY<>>>[{ARRAY<INT64>[1, 2]}]", Unstable: true},
			},
			{
				Suite: "googlesql", File: "x.test", Line: 22, Name: "second", SQL: "SELECT '\n--\n==\n'", Zone: "Asia/Tokyo", Required: []string{"A", "B"},
				Want: Want{Text: "ERROR: generic::out_of_range: Bad: thing", Error: "out_of_range", Message: "Bad: thing"},
			},
			{
				Suite: "googlesql", File: "x.test", Line: 35, Name: "third", SQL: "SELECT 1", Zone: "Asia/Tokyo", PrimaryKey: true, Forbidden: []string{"C"},
				Want: Want{Text: "ARRAY<STRUCT<INT64>>[{1}]"},
			},
		},
	}
	for i := range want.Cases {
		got.Cases[i].Line = want.Cases[i].Line // checked by TestParseFileLines
	}
	got.Prepare[0].Line = want.Prepare[0].Line
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("ParseFile (-want +got):\n%s", d)
	}
}

// A case's line is that of its statement.
func TestParseFileLines(t *testing.T) {
	f, err := ParseFile("googlesql", "x.test", sample)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(sample, "\n")
	for _, c := range f.Cases {
		first, _, _ := strings.Cut(c.SQL, "\n")
		if got := lines[c.Line-1]; got != first {
			t.Errorf("line %d of case %s is %q, want %q", c.Line, c.Name, got, first)
		}
	}
	if got := lines[f.Prepare[0].Line-1]; !strings.HasPrefix(got, "CREATE TABLE") {
		t.Errorf("line %d of the preparation is %q", f.Prepare[0].Line, got)
	}
}

func TestParseFileRefusesOpenOption(t *testing.T) {
	if _, err := ParseFile("googlesql", "x.test", "[parameters=[1\nSELECT 1\n--\nx\n"); err == nil {
		t.Error("an option without its end is no error")
	}
}

func TestParseSpec(t *testing.T) {
	f, err := ParseSpec("specs", "x.yaml", `
dialect: bigquery
cases:
  - desc: numbers keep their digits
    setup: [CREATE TABLE t (a INT64)]
    sql: "SELECT 1 "
    nondeterministic: true
    expected:
      unordered: true
      rows:
        - [1.0, 12345678901234567890, 'x', null, true, [1, 2]]
  - desc: an error
    sql: SELECT 1/0
    expected: {error: {contains: zero}}
`)
	if err != nil {
		t.Fatal(err)
	}
	want := []Case{
		{
			Suite: "specs", File: "x.yaml", Line: 1, Name: "numbers keep their digits", SQL: "SELECT 1", Setup: []string{"CREATE TABLE t (a INT64)"},
			Labels: []string{"dialect:bigquery"}, Zone: "UTC", External: true,
			Want: Want{
				Text: "[1.0 12345678901234567890 x <nil> true [1 2]]", Unstable: true, Unordered: true,
				Rows: [][]any{{number("1.0"), number("12345678901234567890"), "x", nil, true, []any{number("1"), number("2")}}},
			},
		},
		{
			Suite: "specs", File: "x.yaml", Line: 2, Name: "an error", SQL: "SELECT 1/0", Labels: []string{"dialect:bigquery"}, Zone: "UTC", External: true,
			Want: Want{Error: "any", Message: "zero"},
		},
	}
	if d := cmp.Diff(want, f.Cases); d != "" {
		t.Errorf("ParseSpec (-want +got):\n%s", d)
	}
}

// Values print as they were read, apart from what has no meaning.
func TestParseValue(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{`ARRAY<STRUCT<INT64>>[{NULL}]`, `ARRAY<STRUCT<INT64>>[{NULL}]`},
		{`ARRAY<STRUCT<a INT64, STRING>>[unknown order:{1, "x\n\"y\""}, {2, NULL}]`, `ARRAY<STRUCT<a INT64, STRING>>[unknown order:{1, "x\n\"y\""}, {2, NULL}]`},
		{`ARRAY<STRUCT<ARRAY<>>>[{ARRAY<INT64>(NULL)}]`, `ARRAY<STRUCT<ARRAY<UNKNOWN>>>[{ARRAY<INT64>(NULL)}]`},
		{`ARRAY<STRUCT<DOUBLE, FLOAT>>[{nan, -inf}]`, `ARRAY<STRUCT<FLOAT64, FLOAT32>>[{nan, -inf}]`},
		{`ARRAY<STRUCT<DOUBLE>>[known order:{1e+20}, {0.5}]`, `ARRAY<STRUCT<FLOAT64>>[known order:{1e+20}, {0.5}]`},
		{`ARRAY<STRUCT<JSON, INT64>>[{{"a":[1,"}"]}, 3}]`, `ARRAY<STRUCT<JSON, INT64>>[{{"a":[1,"}"]}, 3}]`},
		{"ARRAY<STRUCT<RANGE<DATE>>>[{[\n NULL,\n 2020-12-31\n)}]", `ARRAY<STRUCT<RANGE<DATE>>>[{[NULL, 2020-12-31)}]`},
		{`ARRAY<STRUCT<TIMESTAMP, DATETIME>>[{2020-01-01 00:00:00.120+00, 2020-01-01 01:02:03}]`, `ARRAY<STRUCT<TIMESTAMP, DATETIME>>[{2020-01-01 00:00:00.12+00, 2020-01-01 01:02:03}]`},
		{`ARRAY<STRUCT<BYTES>>[{b"\xe2\x00a"}]`, `ARRAY<STRUCT<BYTES>>[{b"\xe2\x00a"}]`},
		{`ARRAY<INT64>[]`, `ARRAY<INT64>[]`},
		{`STRUCT<n INT64, all_rows ARRAY<>>{1, ARRAY<STRUCT<a NUMERIC>>[{1.50}]}`, `STRUCT<n INT64, all_rows ARRAY<UNKNOWN>>{1, ARRAY<STRUCT<a NUMERIC>>[{1.5}]}`},
		{"ARRAY<PROTO<a.B>>[{x: 1 y: \"]\"}, NULL]", "ARRAY<PROTO<a.B>>[known order:{x: 1 y: \"]\"}, NULL]"},
		{`ARRAY<STRUCT<INTERVAL, TIME, UUID>>[{-1-2 3 -4:5:6.700, 12:00:00, ABCDEF00-0000-0000-0000-000000000000}]`, `ARRAY<STRUCT<INTERVAL, TIME, UUID>>[{-1-2 3 -4:5:6.7, 12:00:00, abcdef00-0000-0000-0000-000000000000}]`},
	} {
		v, err := ParseValue(tt.in)
		if err != nil {
			t.Errorf("ParseValue(%s): %v", tt.in, err)
			continue
		}
		if got := v.String(); got != tt.want {
			t.Errorf("ParseValue(%s)\n got %s\nwant %s", tt.in, got, tt.want)
		}
	}
	for _, in := range []string{"", "ARRAY<INT64>", "ARRAY<INT64>[1", "ARRAY<STRUCT<INT64>>[{1, 2}]", "ARRAY<INT64>[1] x", "ARRAY<STRING>[x]", "STRUCT<BOOL>{1}", "ARRAY<"} {
		if v, err := ParseValue(in); err == nil {
			t.Errorf("ParseValue(%q) = %s, want an error", in, v)
		}
	}
}

func FuzzParseValue(f *testing.F) {
	f.Add(`ARRAY<STRUCT<a INT64, JSON>>[unknown order:{1, {"a":1}}]`)
	f.Add(`STRUCT<RANGE<DATE>>{[NULL, 2020-01-01)}`)
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseValue(s)
		if err == nil {
			_ = v.String()
		}
	})
}

func TestDiffer(t *testing.T) {
	for _, tt := range []struct {
		name, want, got string
		same            bool
	}{
		{"bag", `ARRAY<INT64>[unknown order:1, 2, 2]`, `ARRAY<INT64>[known order:2, 1, 2]`, true},
		{"bag counts", `ARRAY<INT64>[unknown order:1, 2, 2]`, `ARRAY<INT64>[known order:1, 1, 2]`, false},
		{"order", `ARRAY<INT64>[known order:1, 2]`, `ARRAY<INT64>[known order:2, 1]`, false},
		{"nested bag", `ARRAY<STRUCT<ARRAY<>>>[{ARRAY<INT64>[unknown order:1, 2]}]`, `ARRAY<STRUCT<ARRAY<INT64>>>[{[2, 1]}]`, true},
		{"nested order", `ARRAY<STRUCT<ARRAY<>>>[{ARRAY<INT64>[known order:1, 2]}]`, `ARRAY<STRUCT<ARRAY<INT64>>>[{[2, 1]}]`, false},
		{"within the tolerance", `ARRAY<DOUBLE>[0.1]`, `ARRAY<DOUBLE>[0.1000000000000001]`, true},
		{"outside of it", `ARRAY<DOUBLE>[0.1]`, `ARRAY<DOUBLE>[0.10000000000001]`, false},
		{"near zero", `ARRAY<DOUBLE>[0]`, `ARRAY<DOUBLE>[1e-15]`, true},
		{"not near", `ARRAY<DOUBLE>[0]`, `ARRAY<DOUBLE>[1e-14]`, false},
		{"float32", `ARRAY<FLOAT>[0.1]`, `ARRAY<FLOAT>[0.10000001]`, true},
		{"nan", `ARRAY<DOUBLE>[nan]`, `ARRAY<DOUBLE>[nan]`, true},
		{"inf", `ARRAY<DOUBLE>[inf]`, `ARRAY<DOUBLE>[-inf]`, false},
		{"null", `ARRAY<INT64>[NULL]`, `ARRAY<INT64>[0]`, false},
		{"null array", `ARRAY<STRUCT<ARRAY<>>>[{ARRAY<INT64>(NULL)}]`, `ARRAY<STRUCT<ARRAY<INT64>>>[{[]}]`, false},
		{"type", `ARRAY<INT64>[1]`, `ARRAY<UINT64>[1]`, false},
		{"name", `ARRAY<STRUCT<a INT64>>[{1}]`, `ARRAY<STRUCT<b INT64>>[{1}]`, false},
		{"no name", `ARRAY<STRUCT<INT64>>[{1}]`, `ARRAY<STRUCT<b INT64>>[{1}]`, true},
		{"json order", `ARRAY<JSON>[{"a":1,"b":2.0}]`, `ARRAY<JSON>[{"b":2.0,"a":1}]`, true},
		{"json kinds of numbers", `ARRAY<JSON>[1]`, `ARRAY<JSON>[1.0]`, false},
		{"range", `ARRAY<RANGE<DATE>>[[NULL, 2020-01-01)]`, `ARRAY<RANGE<DATE>>[[2019-01-01, 2020-01-01)]`, false},
		{"numeric", `ARRAY<NUMERIC>[1.5]`, `ARRAY<NUMERIC>[1.500000000]`, true},
	} {
		want, err := ParseValue(tt.want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseValue(tt.got)
		if err != nil {
			t.Fatal(err)
		}
		if d := Differ(want, got); (d == "") != tt.same {
			t.Errorf("%s: Differ = %q, want same %v", tt.name, d, tt.same)
		}
	}
}

func TestRowsDiffer(t *testing.T) {
	for _, tt := range []struct {
		name string
		want [][]any
		got  string
		bag  bool
		same bool
	}{
		{"numbers", [][]any{{number("1.0"), number("2"), "25"}}, `ARRAY<STRUCT<DOUBLE, NUMERIC, INT64>>[{1, 2, 25}]`, false, true},
		{"texts", [][]any{{"2020-01-02T00:00:00", "2020-01-02 00:00:00", "x"}}, `ARRAY<STRUCT<DATETIME, DATETIME, STRING>>[{2020-01-02 00:00:00, 2020-01-02 00:00:00, "x"}]`, false, true},
		{"a text is no date", [][]any{{"2020-01-02T00:00:00"}}, `ARRAY<STRUCT<STRING>>[{"2020-01-02 00:00:00"}]`, false, false},
		{"struct", [][]any{{"{abc, [1, 2], NULL}"}}, `ARRAY<STRUCT<STRUCT<STRING, ARRAY<INT64>, INT64>>>[{{"abc", [1, 2], NULL}}]`, false, true},
		{"range", [][]any{{"[2022-02-01, UNBOUNDED)"}}, `ARRAY<STRUCT<RANGE<DATE>>>[{[2022-02-01, NULL)}]`, false, true},
		{"order", [][]any{{number("1")}, {number("2")}}, `ARRAY<STRUCT<INT64>>[known order:{2}, {1}]`, false, false},
		{"any order", [][]any{{number("1")}, {number("2")}}, `ARRAY<STRUCT<INT64>>[known order:{2}, {1}]`, true, true},
		{"null", [][]any{{nil}}, `ARRAY<STRUCT<INT64>>[{0}]`, false, false},
		{"bool", [][]any{{true}}, `ARRAY<STRUCT<BOOL>>[{false}]`, false, false},
		{"value table", [][]any{{"{a, 1}"}}, `ARRAY<STRUCT<STRING, INT64>>[{"a", 1}]`, false, true},
		{"rows", [][]any{}, `ARRAY<STRUCT<INT64>>[{0}]`, false, false},
	} {
		got, err := ParseValue(tt.got)
		if err != nil {
			t.Fatal(err)
		}
		if d := RowsDiffer(tt.want, got, tt.bag); (d == "") != tt.same {
			t.Errorf("%s: RowsDiffer = %q, want same %v", tt.name, d, tt.same)
		}
	}
}

func TestReadInterval(t *testing.T) {
	for in, want := range map[string]string{
		"00:00:00":                            "0-0 0 0:0:0",
		"1 year 2 months 3 days 04:05:06.7":   "1-2 3 4:5:6.7",
		"-1 years -2 months 3 days -04:05:06": "-1-2 3 -4:5:6",
		"10000 years":                         "10000-0 0 0:0:0",
		"720:00:00":                           "0-0 0 720:0:0",
		"-00:00:00.000001":                    "0-0 0 -0:0:0.000001",
	} {
		if got, ok := readInterval(in); !ok || got != want {
			t.Errorf("readInterval(%q) = %q, %v, want %q", in, got, ok, want)
		}
	}
	if got, ok := readInterval("3 weeks"); ok {
		t.Errorf("readInterval(3 weeks) = %q, want nothing", got)
	}
}

func TestAlone(t *testing.T) {
	for in, want := range map[string]bool{
		"SELECT ';'; -- a;\n": true, "SELECT 1": true, "# x\nWITH a AS (SELECT 1) SELECT 2": true,
		"SELECT 1; SELECT 2": false, "BEGIN SELECT 1; END": false, "CREATE TABLE t (a INT64)": false,
	} {
		if got := alone(in); got != want {
			t.Errorf("alone(%q) = %v", in, got)
		}
	}
}

func TestExcludedCase(t *testing.T) {
	for _, tt := range []struct {
		c    Case
		want string
	}{
		{Case{SQL: "SELECT 1", Required: []string{"PROTO_MAPS"}}, "protocol buffers"},
		{Case{SQL: "SELECT 1", Required: []string{"SQL_GRAPH_PATH_MODE"}}, "graph queries"},
		{Case{SQL: "SELECT ST_X(g) FROM t"}, "GEOGRAPHY"},
		{Case{SQL: "SELECT 'ST_X(g)' -- st_x(\n"}, ""},
		{Case{SQL: "SELECT 1", Required: []string{"RANGE_TYPE", "BIGNUMERIC_TYPE", "INTERVAL_TYPE", "COLLATION_SUPPORT", "PIPES"}}, ""},
		{Case{SQL: "DELETE t WHERE true", PrimaryKey: true}, "enforced primary keys"},
	} {
		if got := excludedCase(Exclusions(), &tt.c, nil); got != tt.want {
			t.Errorf("excludedCase(%s, %v) = %q, want %q", tt.c.SQL, tt.c.Required, got, tt.want)
		}
	}
}

func TestSQLLiteralAndWithout(t *testing.T) {
	v, err := ParseValue(`ARRAY<STRUCT<a INT64, e ENUM<x.Y>, b ARRAY<>, c BYTES>>[{1, ONE, ARRAY<STRING>["it's"], b"\x00'"}]`)
	if err != nil {
		t.Fatal(err)
	}
	kept, dropped := without(Exclusions(), v)
	if d := cmp.Diff(map[string]string{"e": "enums"}, dropped); d != "" {
		t.Errorf("dropped columns (-want +got):\n%s", d)
	}
	want := "ARRAY<STRUCT<`a` INT64, `b` ARRAY<STRING>, `c` BYTES>>[STRUCT<`a` INT64, `b` ARRAY<STRING>, `c` BYTES>(1, ARRAY<STRING>['it\\'s'], b'\\x00\\'')]"
	if got := sqlLiteral(kept); got != want {
		t.Errorf("literal\n got %s\nwant %s", got, want)
	}
}

func TestBlur(t *testing.T) {
	if got, want := blur("Binder Error: column \"c12\" of 'T' at 17\nmore"), "Binder Error: column … of … at #"; got != want {
		t.Errorf("blur = %q, want %q", got, want)
	}
}

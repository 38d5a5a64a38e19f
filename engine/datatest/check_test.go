package datatest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/google"
)

// written makes a test entry whose spans point into a file, as project.Load does.
func written(kind, column string, args map[string]any) *project.Test {
	f := source.NewFile("models/schema.yml", []byte("kind value"))
	t := &project.Test{Kind: project.Value[string]{V: kind, At: f.Span(0, 4)}, Column: column, At: f.Whole(), Args: map[string]project.Value[any]{}}
	for name, v := range args {
		t.Args[name] = project.Value[any]{V: v, At: f.Span(5, 10)}
	}
	return t
}

func TestCheckNormalizes(t *testing.T) {
	for _, c := range []struct {
		name, kind, column string
		args               map[string]any
		want               map[string]any
	}{
		{"no arguments", "unique", "id", nil, map[string]any{}},
		{"column_name on the relation", "not_null", "", map[string]any{"column_name": "a || b"}, map[string]any{"column_name": "a || b"}},
		{"list", "accepted_values", "s", map[string]any{"values": []any{"a", int64(1), nil}, "quote": false}, map[string]any{"values": []any{"a", int64(1), nil}, "quote": false}},
		{"one name for a list", "dbt_utils.unique_combination_of_columns", "", map[string]any{"combination_of_columns": "id"}, map[string]any{"combination_of_columns": []string{"id"}}},
		{"number as expression", "expression", "a", map[string]any{"expression": true}, map[string]any{"expression": "true"}},
		{"renamed and negated", "dbt_expectations.expect_column_values_to_be_between", "a", map[string]any{"min_value": int64(0), "strictly": true}, map[string]any{"min_value": int64(0), "inclusive": false}},
		{"implied argument", "dbt_expectations.expect_column_values_to_not_match_regex", "a", map[string]any{"regex": "x"}, map[string]any{"pattern": "x", "not": true}},
		{"date part in plural", "recency", "", map[string]any{"field": "at", "datepart": "Days", "interval": int64(2)}, map[string]any{"field": "at", "datepart": "day", "interval": int64(2)}},
		{"whole float", "row_count", "", map[string]any{"min": 3.0}, map[string]any{"min": int64(3)}},
		{"custom", "positive", "a", map[string]any{"anything": []any{int64(1)}}, map[string]any{"anything": []any{int64(1)}}},
		{"custom wins", "range", "a", map[string]any{"x": int64(1)}, map[string]any{"x": int64(1)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ds := Check(written(c.kind, c.column, c.args), []string{"positive", "range"})
			if len(ds) > 0 {
				t.Fatalf("unexpected diagnostics: %v", ds)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// badCases trigger every code of the catalogue; text is what At must span.
var badCases = []struct {
	name, kind, column string
	args               map[string]any
	code               diag.Code
	text, message      string
	help               string
}{
	{"kind", "unqiue", "id", nil, codeKindUnknown, "kind", `no data test named "unqiue"`, `did you mean "unique"?`},
	{"custom kind", "positve", "id", nil, codeKindUnknown, "kind", `no data test named "positve"`, `did you mean "positive"?`},
	{"argument", "accepted_values", "s", map[string]any{"values": []any{"a"}, "qoute": false}, codeArgUnknown, "value", `test "accepted_values" has no argument "qoute"`, `did you mean "quote"?`},
	{"argument of none", "unique", "s", map[string]any{"zzz": 1}, codeArgUnknown, "value", `test "unique" has no argument "zzz"`, "it takes none; severity, where and the like stand under config:"},
	{"missing", "relationships", "s", map[string]any{"to": "ref('x')"}, codeArgMissing, "kind", `test "relationships" needs "field"`, "add field: its column"},
	{"missing one of", "range", "s", nil, codeArgMissing, "kind", `test "range" has no bounds`, "add min_value or max_value"},
	{"type", "accepted_values", "s", map[string]any{"values": "open"}, codeArgType, "value", `"values" of test "accepted_values" is not a list`, "values is the accepted values"},
	{"reference", "relationships", "s", map[string]any{"to": "orders", "field": "id"}, codeArgType, "value", `"to" of test "relationships" is not a reference to a model`, "to is the other model: ref('x') or source('a', 'b')"},
	{"fraction", "row_count", "", map[string]any{"min": 1.5}, codeArgType, "value", `"min" of test "row_count" is not a whole number`, "min is at least so many"},
	{"pattern", "regex", "s", map[string]any{"pattern": "(["}, codeArgValue, "value", "", "write the pattern in RE2 syntax"},
	{"nested value", "accepted_values", "s", map[string]any{"values": []any{[]any{}}}, codeArgValue, "value", "", "list numbers, texts, true or false"},
	{"only null", "accepted_values", "s", map[string]any{"values": []any{nil}}, codeArgValue, "value", "", "list the accepted values"},
	{"date part", "recency", "", map[string]any{"field": "at", "datepart": "fortnight", "interval": int64(1)}, codeArgValue, "value", `"datepart" of test "recency": "fortnight" is not a date part`, "use second, minute, hour, day, week, month, quarter or year"},
	{"interval", "recency", "", map[string]any{"field": "at", "datepart": "day", "interval": int64(-1)}, codeArgValue, "value", "", "write a number from 0 to 1000000"},
	{"relation test below a column", "row_count", "id", map[string]any{"min": int64(1)}, codeMisplaced, "kind", `test "row_count" is about the whole relation`, `move it from column "id" to the data_tests of the model`},
	{"column test on a relation", "unique", "", nil, codeMisplaced, "kind", `test "unique" has no column`, "write it below a column, or add column_name"},
	{"column twice", "unique", "id", map[string]any{"column_name": "x"}, codeMisplaced, "value", `test "unique" stands below column "id" and has column_name too`, "remove column_name"},
}

func TestCheckFinds(t *testing.T) {
	emitted := map[diag.Code]bool{}
	for _, c := range badCases {
		t.Run(c.name, func(t *testing.T) {
			args, ds := Check(written(c.kind, c.column, c.args), []string{"positive"})
			if len(ds) != 1 || args != nil {
				t.Fatalf("got %v and args %v, want one diagnostic", ds, args)
			}
			d := ds[0]
			emitted[d.Code] = true
			if d.Code != c.code || d.At.Text() != c.text || d.Help != c.help || c.message != "" && d.Message != c.message {
				t.Errorf("got code %s at %q: %s; help: %s", d.Code, d.At.Text(), d.Message, d.Help)
			}
			if strings.HasSuffix(d.Message, ".") || strings.Contains(d.Message, "\n") {
				t.Errorf("message is not one line without a full stop: %q", d.Message)
			}
		})
	}
	_, ds := Render(&Test{Kind: "column_exists", Column: "id", Node: addr.Node{Kind: addr.Model, Name: "orders"}}, In{Dialect: google.Spelling{}, Read: func(addr.Node) string { return "orders" }})
	if len(ds) != 1 || ds[0].Message != `test "column_exists" needs the columns of orders, which are not known` {
		t.Errorf("columns that nobody knows: %v", ds)
	}
	for _, d := range ds {
		emitted[d.Code] = true
	}
	for _, e := range Codes {
		if !emitted[e.Code] {
			t.Errorf("no case triggers %s", e.Code)
		}
		if e.Title == "" || e.Explain == "" || e.Bad == "" || e.Good == "" {
			t.Errorf("entry %s is incomplete", e.Code)
		}
		delete(emitted, e.Code)
	}
	if len(emitted) > 0 {
		t.Errorf("codes without an entry: %v", emitted)
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	_, ds := Check(written("accepted_values", "s", map[string]any{"values": "a", "foo": int64(1), "quote": "yes"}), nil)
	if len(ds) != 3 {
		t.Errorf("got %d diagnostics, want 3: %v", len(ds), ds)
	}
}

func TestKindsAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Kinds {
		all := []string{k.Name}
		for _, a := range k.Aliases {
			all = append(all, a.Name)
			for _, to := range a.Rename {
				if _, ok := k.arg(to, a); !ok {
					t.Errorf("alias %s renames to %q, which %s does not take", a.Name, to, k.Name)
				}
			}
		}
		for _, name := range all {
			if seen[name] {
				t.Errorf("name %q is taken twice", name)
			}
			seen[name] = true
			if got := Canonical(name); got != k.Name {
				t.Errorf("Canonical(%q) = %q, want %q", name, got, k.Name)
			}
		}
		if k.Help == "" || k.render == nil {
			t.Errorf("kind %s is incomplete", k.Name)
		}
	}
	if got := Canonical("mine"); got != "mine" {
		t.Errorf("Canonical of a custom test = %q", got)
	}
}

func TestParseRef(t *testing.T) {
	type result struct {
		Fn   string
		Args []string
	}
	for _, c := range []struct {
		in   string
		want result
	}{
		{"ref('x')", result{"ref", []string{"x"}}},
		{`ref("x")`, result{"ref", []string{"x"}}},
		{`ref "x"`, result{"ref", []string{"x"}}},
		{" ref ( 'p' , 'x' ) ", result{"ref", []string{"p", "x"}}},
		{`ref "p" "x"`, result{"ref", []string{"p", "x"}}},
		{"source('a', 'b c')", result{"source", []string{"a", "b c"}}},
		{`source "a" "b"`, result{"source", []string{"a", "b"}}},
		{`{{ ref "x" }}`, result{"ref", []string{"x"}}},
		{"ref('x', v=1)", result{"ref", []string{"x", "v", "1"}}},
		{"ref('p', 'x', version = '1.5')", result{"ref", []string{"p", "x", "v", "1.5"}}},
		{"ref('x', 2)", result{"ref", []string{"x", "v", "2"}}},
		{`ref "x" 2`, result{"ref", []string{"x", "v", "2"}}},
		{`{{ ref "x" "v" "2" }}`, result{"ref", []string{"x", "v", "2"}}},
		{"ref('x', v=)", result{}}, {"ref(v=1)", result{}}, {"source('a', v=1)", result{}}, {"ref('x', v=1, 2)", result{}}, {"source('a', 'b', v=1)", result{}},
		{"{{- ref('it''s') -}}", result{}},
		{"{{ ref('x') }}", result{"ref", []string{"x"}}},
		{"", result{}}, {"x", result{}}, {"ref", result{}}, {"ref()", result{}}, {"ref('')", result{}}, {"ref('x'", result{}},
		{"ref('x',)", result{}}, {"ref('a','b','c')", result{}}, {"source('a')", result{}}, {"ref(x)", result{}}, {"{{ ref('x')", result{}},
		{"refs('x')", result{}}, {"ref('x') + 1", result{}},
	} {
		fn, args, err := ParseRef(c.in)
		if (err != nil) != (c.want.Fn == "") {
			t.Errorf("ParseRef(%q): error %v", c.in, err)
		}
		if err == nil {
			if d := cmp.Diff(c.want, result{fn, args}); d != "" {
				t.Errorf("ParseRef(%q):\n%s", c.in, d)
			}
		}
	}
}

func TestThresholds(t *testing.T) {
	for text, want := range map[string]string{ // which of 0…5 the threshold holds for
		"!= 0": "12345", "<>0": "12345", "> 2": "345", ">=2": "2345", "<2": "01", "<= 2": "012", "= 3": "3", "==3": "3",
		"between 1 and 3": "123", " BETWEEN 2 AND 2 ": "2", "> -1": "012345",
	} {
		f, err := ParseThreshold(text)
		if err != nil {
			t.Errorf("ParseThreshold(%q): %v", text, err)
			continue
		}
		got := ""
		for n := range int64(6) {
			if f(n) {
				got += string(rune('0' + n))
			}
		}
		if got != want {
			t.Errorf("%q holds for %s, want %s", text, got, want)
		}
	}
	for _, bad := range []string{"", "0", "many", "> ten", "!! 3", "> 1.5", ">", "between 1", "> 99999999999999999999", "between 1 and 99999999999999999999"} {
		if _, err := ParseThreshold(bad); err == nil {
			t.Errorf("ParseThreshold(%q) gave no error", bad)
		}
	}
}

func TestOutcome(t *testing.T) {
	for _, c := range []struct {
		severity, warnIf, errorIf string
		failures                  int64
		want                      Status
	}{
		{"error", "!= 0", "!= 0", 0, Pass},
		{"error", "!= 0", "!= 0", 1, Fail},
		{"warn", "!= 0", "!= 0", 1, Warn},
		{"error", "> 0", "> 10", 5, Warn},
		{"error", "> 0", "> 10", 11, Fail},
		{"warn", "> 5", "> 1", 3, Pass}, // severity warn does not look at error_if
		{"", "!= 0", "!= 0", 1, Fail},
	} {
		got, err := Outcome(c.failures, Query{Severity: c.severity, WarnIf: c.warnIf, ErrorIf: c.errorIf})
		if err != nil || got != c.want {
			t.Errorf("%+v: got %v, %v", c, got, err)
		}
	}
	for _, q := range []Query{{WarnIf: "x", ErrorIf: "> 1"}, {WarnIf: "> 1", ErrorIf: "x"}} {
		if _, err := Outcome(1, q); err == nil {
			t.Errorf("%+v: no error", q)
		}
	}
}

func TestBatch(t *testing.T) {
	q := func(scan string) Query {
		if scan == "" {
			return Query{Rows: "select 1", FailCalc: "count(*)"}
		}
		return Query{Count: "count(*)", Scan: scan}
	}
	tests := []Query{q("a"), q(""), q("b"), q("a"), q(""), q("a")}
	if d := cmp.Diff([][]int{{0, 3, 5}, {1}, {2}, {4}}, Batch(tests)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([][]int(nil), Batch(nil)); d != "" {
		t.Error(d)
	}
	want := "select\n  count(*) as t0,\n  count(*) as t1\nfrom a"
	if d := cmp.Diff(want, BatchQuery([]Query{tests[0], tests[3]})); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff("select count(*) as t0\nfrom (\nselect 1\n) as failing", BatchQuery([]Query{tests[1]})); d != "" {
		t.Error(d)
	}
}

func TestDiff(t *testing.T) {
	cols := []warehouse.Column{{Name: "id", Type: "INTEGER"}, {Name: "x", Type: "DECIMAL(10,2)"}, {Name: "s", Type: "VARCHAR"}}
	row := func(v ...any) []any { return v }
	type result struct{ Missing, Surplus [][]any }
	for _, c := range []struct {
		name           string
		actual, expect [][]any
		want           result
	}{
		{"equal in another order", [][]any{row(int64(1), "1.00", "a"), row(int64(2), nil, nil)}, [][]any{row(int64(2), nil, nil), row(int64(1), "1.0", "a")}, result{}},
		{"numbers by value, text by letter", [][]any{row(int64(1), "2.50", "1.0")}, [][]any{row(1.0, 2.5, "1")}, result{[][]any{row(1.0, 2.5, "1")}, [][]any{row(int64(1), "2.50", "1.0")}}},
		{"multiplicity", [][]any{row(int64(1)), row(int64(1)), row(int64(2))}, [][]any{row(int64(1)), row(int64(3))}, result{[][]any{row(int64(3))}, [][]any{row(int64(1)), row(int64(2))}}},
		{"null is not the empty text", [][]any{row(int64(1), nil, nil)}, [][]any{row(int64(1), nil, "")}, result{[][]any{row(int64(1), nil, "")}, [][]any{row(int64(1), nil, nil)}}},
		{"cells do not run together", [][]any{row("a", "b")}, [][]any{row(`a""b`, "")}, result{[][]any{row(`a""b`, "")}, [][]any{row("a", "b")}}},
		{"nothing", nil, nil, result{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			missing, surplus := Diff(cols, c.actual, c.expect)
			if d := cmp.Diff(c.want, result{missing, surplus}); d != "" {
				t.Error(d)
			}
		})
	}
}

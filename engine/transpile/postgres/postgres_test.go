package postgres

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// A pattern is written anew only if PostgreSQL reads it alike; what matches is sure only
// if one path goes on at every character.
func TestTranslate(t *testing.T) {
	for _, tt := range []struct {
		in, want string
		ok, sure bool
	}{
		{`abc`, `abc`, true, true},
		{`^a.c$`, `\Aa[^\n]c\Z`, true, true},
		{`(\d+)-(\w*)`, `([0-9]+)\-([0-9A-Z\U0000005fa-z]*)`, true, true},
		{`[^,]+`, `[^\U0000002c]+`, true, true},
		{`(?i)ab`, `[aA][bB]`, true, true},
		{`(a|b)*`, `([a-b])*`, true, true},
		{`a{2,3}b`, `a{2,3}b`, true, true},
		{`ab|ac`, `a[b-c]`, true, true},
		{`a|ab`, `a(?:(?:)|b)`, true, false}, // the first alternative, there the longest
		{`a*?b`, `a*b`, true, false},
		{`a*a`, `a*a`, true, true},
		{`a*a*`, `a*a*`, true, false},
		{`(.*)-(a*)$`, `([^\n]*)\-(a*)\Z`, true, true},
		{`(a*a*)b$`, `(a*a*)b\Z`, true, false},
		{`(a)*b$`, `(a)*b\Z`, true, true},
		{`(.*)a*`, `([^\n]*)a*`, true, false},
		{`(a?)(ab)?`, `(a?)(ab)?`, true, false},
		{`\ba`, `(?:(?<=[0-9A-Za-z_])(?![0-9A-Za-z_])|(?<![0-9A-Za-z_])(?=[0-9A-Za-z_]))a`, true, false},
		{`a(^b)`, "", false, false},
		{`(?m)^a$`, `(?<![^\n])a(?![^\n])`, true, false},
		{`x*(`, "", false, false},
	} {
		got, ok := translate(tt.in)
		if ok != tt.ok {
			t.Errorf("%s: ok is %v, want %v (%s)", tt.in, ok, tt.ok, got.text)
			continue
		}
		if ok && (got.text != tt.want || got.sure != tt.sure) {
			t.Errorf("%s: %s, sure %v; want %s, sure %v", tt.in, got.text, got.sure, tt.want, tt.sure)
		}
	}
}

func TestRewriteText(t *testing.T) {
	for _, tt := range []struct {
		in, want string
		groups   int
		ok       bool
	}{
		{`x\0y\1\\&`, `x\&y\1\\&`, 1, true},
		{`\2`, "", 1, false},
		{`\`, "", 0, false},
	} {
		got, ok := rewriteText(tt.in, tt.groups)
		if ok != tt.ok || got != tt.want {
			t.Errorf("rewriteText(%q) = %q, %v", tt.in, got, ok)
		}
	}
}

// Functions come after those they need, types before those that hold them, and a need
// that is closed already stays as it is.
func TestClose(t *testing.T) {
	inner := &ir.Type{Kind: ir.Struct, Fields: []ir.Field{{Name: "x", Type: ir.TypeOf(ir.Int64)}}}
	outer := &ir.Type{Kind: ir.Struct, Fields: []ir.Field{{Name: "in", Type: inner}, {Name: "s", Type: ir.TypeOf(ir.String)}}}
	g := &generator{needs: map[string]bool{}}
	g.typ(outer, ir.Span{})
	g.needs["_engine.text_datetime"] = true
	var types, functions []string
	for _, f := range Close(g.needed()) {
		if strings.HasPrefix(f.SQL, "DO") {
			types = append(types, f.SQL[strings.Index(f.SQL, "CREATE TYPE"):strings.Index(f.SQL, "; END IF")])
			continue
		}
		functions = append(functions, f.Name)
	}
	hash := regexp.MustCompile(`struct_[0-9a-f]+`)
	for i := range types {
		types[i] = hash.ReplaceAllString(types[i], "struct_#")
	}
	want := []string{"CREATE TYPE _engine.struct_# AS (x bigint)", `CREATE TYPE _engine.struct_# AS ("in" _engine.struct_#, s text)`}
	if d := cmp.Diff(want, types); d != "" {
		t.Errorf("types (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"refused", "text_datetime"}, functions); d != "" {
		t.Errorf("functions (-want +got):\n%s", d)
	}
}

func TestFunctionsAreOrdered(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Functions() {
		for _, n := range f.Needs {
			n = strings.TrimPrefix(n, Schema+".")
			if !seen[n] && n != f.Name {
				t.Errorf("%s comes before %s, which it needs", f.Name, n)
			}
		}
		seen[f.Name] = true
	}
}

func lit(k ir.Kind, v ir.Value) ir.Expr {
	v.Type = ir.TypeOf(k)
	return &ir.Literal{Of: ir.Of{Type: v.Type}, Value: v}
}

// query is SELECT e over one row.
func query(e ir.Expr) *ir.Query {
	c := ir.Column{ID: 1, Name: "x", Type: e.T()}
	return &ir.Query{
		Output: []ir.Output{{Name: "x", Column: c}},
		Scan:   &ir.Project{Base: ir.Base{Columns: []ir.Column{c}}, Input: &ir.SingleRow{}, Exprs: []ir.Computed{{Column: c, Expr: e}}},
	}
}

func call(name string, result ir.Kind, args ...ir.Expr) *ir.Call {
	c := &ir.Call{Of: ir.Of{Type: ir.TypeOf(result)}, Name: name, Group: "GoogleSQL"}
	for _, a := range args {
		c.Args = append(c.Args, ir.Arg{Expr: a})
	}
	return c
}

func TestStatement(t *testing.T) {
	one, two := lit(ir.Int64, ir.Value{Int: 1}), lit(ir.Int64, ir.Value{Int: 2})
	text := lit(ir.String, ir.Value{Text: "it's 100%\x01"})
	safe := call("$add", ir.Int64, call("length", ir.Int64, text), two)
	safe.Safe = true
	for _, tt := range []struct {
		name string
		expr ir.Expr
		want string
	}{
		{"literals keep their type", one, "SELECT 1::bigint AS x"},
		{"control characters are escaped", text, `SELECT E'it''s 100%\x01'::text AS x`},
		{"strings compare by code points", call("$less", ir.Bool, text, lit(ir.String, ir.Value{Text: "b"})), `SELECT E'it''s 100%\x01'::text < 'b'::text COLLATE "C" AS x`},
		{"a SAFE call computes its arguments outside", safe, "SELECT\n  _engine.try(format('SELECT ((%1$L::bigint)) + 2', char_length(E'it''s 100%\\x01'::text)::bigint), NULL::bigint) AS x"},
		{"what is tried holds percent signs", call("nulliferror", ir.String, call("error", ir.String, text)), "SELECT\n  _engine.try('SELECT _engine.fail(E''it''''s 100%\\x01''::text, NULL::text)', NULL::text) AS x"},
	} {
		got, err := Statement(query(tt.expr), transpile.Options{})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if d := cmp.Diff(tt.want, got.SQL); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		expr ir.Expr
		want string
	}{
		{call("hll_count.extract", ir.Int64, lit(ir.Bytes, ir.Value{})), "HLL_COUNT.EXTRACT is not available on postgres"},
		{lit(ir.String, ir.Value{Text: "a\x00"}), "a STRING literal is not available on postgres: it is not valid UTF-8, or holds a zero byte"},
		{call("$unary_minus", ir.Int64, lit(ir.Uint64, ir.Value{Int: 1})), "operator UNARY MINUS is not available on postgres: there is no negation of UINT64"},
	} {
		_, err := Statement(query(tt.expr), transpile.Options{})
		if err == nil || err.Error() != tt.want {
			t.Errorf("the error is %v, want %s", err, tt.want)
		}
	}
}

func TestIdent(t *testing.T) {
	for in, want := range map[string]string{"a_1": "a_1", "Select": `"Select"`, "select": `"select"`, `a"b`: `"a""b"`, "": `""`, "é": `"é"`} {
		if got := ident(in); got != want {
			t.Errorf("ident(%q) = %s, want %s", in, got, want)
		}
	}
}

package conformance

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/ir"
	pgsql "github.com/engine-build/engine/engine/transpile/postgres"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// postgresServerOrSkip starts a server for a test, or skips it.
func postgresServerOrSkip(t *testing.T) *Postgres {
	t.Helper()
	if _, err := pg.Find(); err != nil {
		t.Skipf("needs %v (Debian: package postgresql)", err)
	}
	p := &Postgres{}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// All functions of the run time exist, and run: PL/pgSQL reads most of a body only then.
func TestPostgresRuntime(t *testing.T) {
	p := postgresServerOrSkip(t)
	db, err := p.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var needs []string
	for _, f := range pgsql.Functions() {
		needs = append(needs, pgsql.Schema+"."+f.Name)
	}
	if err := p.server.prepare(t.Context(), needs); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ sql, want string }{
		{"_engine.float64_text(0.1)", "0.1"},
		{"_engine.float64_text(0.1::float8 + 0.2)", "0.30000000000000004"},
		{"_engine.float64_text(1e20)", "1e+20"},
		{"_engine.float64_text(123456789012345680)", "1.2345678901234568e+17"},
		{"_engine.float64_text(5e-324)", "4.94065645841247e-324"},
		{"_engine.float64_text(1.7976931348623157e308)", "1.7976931348623157e+308"},
		{"_engine.float64_text(-0.000012345678901234567)", "-1.2345678901234568e-05"},
		{"trim_scale(_engine.exact(0.1))::text", "0.1000000000000000055511151231257827021181583404541015625"},
		{"_engine.exact(-1e22)::text", "-10000000000000000000000"},
		{"_engine.text_int64(' -0x1F ')::text", "-31"},
		{"_engine.numeric_divide(1, 3)::numeric(38,9)::text", "0.333333333"},
		{"_engine.numeric_divide(-0.000000001, 2)::numeric(38,9)::text", "-0.000000001"},
		{"_engine.bignumeric_divide(2, 3)::numeric(77,38)::text", "0.66666666666666666666666666666666666667"},
		{"_engine.json_canonical('{\"b\": 1e2, \"a\": [1.50, \"x\\n\"], \"b\": 2}')", `{"a":[1.5,"x\n"],"b":100.0}`},
		{"_engine.shift_right(-1, 60)::text", "15"},
		// NULL comes before the check of the other argument.
		{"coalesce(_engine.divide(NULL, 0)::text, 'NULL')", "NULL"},
		{"coalesce(_engine.left(NULL, -1), 'NULL')", "NULL"},
		{"_engine.micros(_engine.of_micros(-62135596799999999))::text", "-62135596799999999"},
		{"_engine.micros(_engine.of_micros(253402300799999999))::text", "253402300799999999"},
		// 01:30 was twice that day: the first is the summer time.
		{"_engine.zone_instant('2024-11-03 01:30', 'America/New_York')::text", "2024-11-03 05:30:00+00"},
	} {
		res, err := p.server.admin.Exec(t.Context(), "set timezone to 'UTC'; select "+tt.sql).ReadAll()
		if err != nil {
			t.Errorf("%s: %v", tt.sql, err)
			continue
		}
		if got := string(res[len(res)-1].Rows[0][0]); got != tt.want {
			t.Errorf("%s = %s, want %s", tt.sql, got, tt.want)
		}
	}
}

func TestPostgresSample(t *testing.T) {
	postgresServerOrSkip(t)
	dir, err := filepath.Abs("testdata/sample")
	if err != nil {
		t.Fatal(err)
	}
	r := runAll(t, dir, "postgres")
	passed := 0
	for _, res := range r.Results {
		switch res.Verdict {
		case Passed:
			passed++
		case Wrong:
			// These two say what is not so.
			if res.Name != "not_this_value" && res.Name != "not_an_error" {
				t.Errorf("%s:%d %s: %s\n%s\ngot %s", res.File, res.Line, res.Name, res.Reason, res.Generated, res.Got)
			}
		}
	}
	if passed < 5 {
		t.Errorf("%d cases passed", passed)
	}
}

// No case of the outside suites that the baseline knows is worse than it says.
func TestPostgresOutside(t *testing.T) {
	if testing.Short() {
		t.Skip("the suites take minutes")
	}
	postgresServerOrSkip(t)
	dir, err := filepath.Abs(outside)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skip("needs the conformance data beside the repository, see docs/conformance.md")
	}
	if err := CheckBaseline("testdata/baseline.json", []*Report{runAll(t, dir, "postgres")}); err != nil {
		t.Error(err)
	}
}

func TestPostgresParts(t *testing.T) {
	for _, tt := range []struct {
		text string
		typ  *ir.Type
		want string
	}{
		{`{1,NULL,3}`, &ir.Type{Kind: ir.Array, Elem: ir.TypeOf(ir.Int64)}, `ARRAY<INT64>[known order:1, NULL, 3]`},
		{`{}`, &ir.Type{Kind: ir.Array, Elem: ir.TypeOf(ir.Int64)}, `ARRAY<INT64>[]`},
		{`{"a,\"b\\",NULL,"NULL",""}`, &ir.Type{Kind: ir.Array, Elem: ir.TypeOf(ir.String)}, `ARRAY<STRING>[known order:"a,\"b\\", NULL, "NULL", ""]`},
		{`(1,,"")`, &ir.Type{Kind: ir.Struct, Fields: []ir.Field{{Type: ir.TypeOf(ir.Int64)}, {Type: ir.TypeOf(ir.String)}, {Type: ir.TypeOf(ir.String)}}}, `STRUCT<INT64, STRING, STRING>{1, NULL, ""}`},
		{`("{1,2}","(a ""b"",t)")`, &ir.Type{Kind: ir.Struct, Fields: []ir.Field{
			{Type: &ir.Type{Kind: ir.Array, Elem: ir.TypeOf(ir.Int64)}},
			{Type: &ir.Type{Kind: ir.Struct, Fields: []ir.Field{{Type: ir.TypeOf(ir.String)}, {Type: ir.TypeOf(ir.Bool)}}}},
		}}, `STRUCT<ARRAY<INT64>, STRUCT<STRING, BOOL>>{ARRAY<INT64>[known order:1, 2], {"a b", true}}`},
		{`[2024-01-01,)`, &ir.Type{Kind: ir.Range, Elem: ir.TypeOf(ir.Date)}, `[2024-01-01, NULL)`},
	} {
		v, err := postgresValue([]byte(tt.text), tt.typ)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if d := cmp.Diff(tt.want, v.String()); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.text, d)
		}
	}
}

// A server whose process is gone leaves nothing behind.
func TestPostgresStops(t *testing.T) {
	p := postgresServerOrSkip(t)
	db, err := p.Open(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	dir := p.server.dir
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder %s is still there: %v", dir, err)
	}
}

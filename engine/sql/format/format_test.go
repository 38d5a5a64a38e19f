package format

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
	"github.com/engine-build/engine/internal/golden"
)

// TestGolden: in.sql becomes out/<style>.sql in each style that the case names in its file
// «styles», else in the default one; refused files give out/refused.
func TestGolden(t *testing.T) {
	golden.Run(t, "testdata/*.txtar", "", func(t *testing.T, c *golden.Case) map[string]string {
		out := map[string]string{}
		in := c.Input(t, "in.sql")
		names := []string{"default"}
		if list, ok := c.Inputs()["styles"]; ok {
			names = strings.Fields(string(list))
		}
		for _, name := range names {
			o := Defaults()
			for _, word := range strings.Split(name, "-") {
				switch word {
				case "standard":
					o.Lexis = sql.Standard
				case "upper":
					o.Keywords = Upper
				case "leading":
					o.Commas = Leading
				case "narrow":
					o.LineLength, o.Indent = 40, 2
				}
			}
			text, ds := File(source.NewFile("in.sql", in), o)
			if ds.HasErrors() {
				out["refused"] = frames(t, ds)
				continue
			}
			check(t, c.Name, in, o)
			out[name+".sql"] = string(text)
		}
		return out
	})
}

func frames(t *testing.T, ds diag.List) string {
	t.Helper()
	var b bytes.Buffer
	if err := diag.Render(&b, ds, diag.RenderOptions{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestSame: the comparison finds what a formatter could do wrong.
func TestSame(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"select a, b", "SELECT a,\n    b", true},
		{"select a -- x\n, b", "select a, -- x\nb", true},
		{"select a", "select A", false},
		{"select Date from t", "select date from t", false},
		{"select t.Select from t", "select t.select from t", false},
		{"select 'a  b'", "select 'a b'", false},
		{"select a b", "select ab", false},
		{"select a, b", "select a b", false},
		{"select - -1", "select --1", false},
		{"select a > > b", "select a >> b", false},
		{"select a -- x\n, b", "select a, b", false},
		{"select a -- x\n, b", "select a, -- x b", false},
		{"select 1 -- x\n-- y\n", "select 1 -- y\n-- x\n", false},
		{"select {{ .a }} {{ .b }}", "select {{ .a }}{{ .b }}", false},
		{"select {{ .a }}_b", "select {{ .a }} _b", false},
		{"select ({{ .a }} )", "select ({{ .a }})", true},
		{"select x {{- .a }}", "select x\n  {{- .a }}", true},
		{"select {{ .a }}", "select {{.a}}", false},
		{"select {{ .a }}\nfrom t", "select {{ .a }} from t", false},
		{"select {{ ref \"a\" }}\nfrom t", "select {{ ref \"a\" }} from t", true},
		{"from a-b.c", "from a - b.c", false},
		{"select a-b.c", "select a - b.c", true},
	} {
		if why := same(source.NewFile("a.sql", []byte(c.a)), []byte(c.b), sql.GoogleSQL); (why == "") != c.same {
			t.Errorf("%q and %q: %q", c.a, c.b, why)
		}
	}
	if same(source.NewFile("a.sql", []byte("select 'a'\n'b'")), []byte("select 'a' 'b'"), sql.Standard) == "" {
		t.Error("strings on one line are not those on two")
	}
}

// TestLineEnds: a file keeps the way it ends its lines.
func TestLineEnds(t *testing.T) {
	out, ds := File(source.NewFile("a.sql", []byte("select a,b\r\nfrom t\r\n")), Defaults())
	if string(out) != "select a, b\r\nfrom t\r\n" || len(ds) > 0 {
		t.Errorf("%q %v", out, ds)
	}
}

// TestDepth: no nesting is dangerous.
func TestDepth(t *testing.T) {
	for _, text := range []string{
		"select " + strings.Repeat("(", 100_000) + "1" + strings.Repeat(")", 100_000),
		"select " + strings.Repeat("case when a then ", 50_000) + "1" + strings.Repeat(" end", 50_000),
		"select " + strings.Repeat("f(a, ", 300) + "1" + strings.Repeat(")", 300),
		"select 1" + strings.Repeat(" + 1", 100_000),
		"select 1" + strings.Repeat(", a", 100_000),
		"select 1" + strings.Repeat(" union all select 1", 20_000),
		strings.Repeat("{{ if .x }}", 2000) + "select 1" + strings.Repeat("\n{{ end }}", 2000),
	} {
		check(t, fmt.Sprintf("%.30q…", text), []byte(text), Defaults())
	}
}

func FuzzFormat(f *testing.F) {
	for _, s := range []string{
		"select a, b -- c\nfrom t where x and y or z;", "{{ if .a }}\n, b\n{{ else -}}\n, c\n{{ end }}",
		"select case when a then b else c end, f(x order by y) over (partition by z)", "'{{ .x }}' || \"\"\"a\"\"\" r'\\'' `q`",
		"with recursive a as (select 1) select * except (b) from a-b.c, d where e in (1, 2)", "a -- b\n{{- end }}", "|> where a |> aggregate b group by c",
		"select array<struct<a int64>>[(1)], - -1, a::b, $$x$$, {'a': 1}, @p, 'a'\n'b'", "/* a */ -- b\n;; # c\n)", "{{- range . }}{{ . -}}\n{{ end -}} x",
	} {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, text string, standard bool) {
		l := sql.GoogleSQL
		if standard {
			l = sql.Standard
		}
		for _, o := range styles(l) {
			check(t, "fuzz.sql", []byte(text), o)
		}
	})
}

// BenchmarkFile formats a model of about 1 KB that is not in order.
func BenchmarkFile(b *testing.B) {
	f := source.NewFile("m.sql", []byte("{{ config \"materialized\" \"table\" }}\n-- orders\nwith a as (\n    select * from {{ ref \"x\" }} where b IN (1,2,3)\n)\nselect\n"+strings.Repeat("    a.column_1 AS renamed_column, -- a note\n", 15)+"    case when a.x is null then 1 else sum(a.y) end as y\nfrom a left join {{ ref \"b\" }} as b on a.id = b.id and a.z>b.z\nGROUP BY 1,2"))
	b.ReportAllocs()
	b.SetBytes(int64(len(f.Data)))
	for b.Loop() {
		if _, ds := File(f, Defaults()); ds.HasErrors() {
			b.Fatal(ds)
		}
	}
}

// BenchmarkFormatted is the usual case: the file is in order already.
func BenchmarkFormatted(b *testing.B) {
	f := source.NewFile("m.sql", []byte("{{ config \"materialized\" \"table\" }}\n-- orders\nwith a as (\n    select * from {{ ref \"x\" }} where b in (1, 2, 3)\n)\n\nselect\n"+strings.Repeat("    a.column_1 as renamed_column, -- a note\n", 15)+"    case when a.x is null then 1 else sum(a.y) end as y\nfrom a\nleft join {{ ref \"b\" }} as b on a.id = b.id and a.z > b.z\ngroup by 1, 2\n"))
	out, _ := File(f, Defaults())
	if !bytes.Equal(out, f.Data) {
		b.Fatalf("not in order:\n%s", out)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(f.Data)))
	for b.Loop() {
		File(f, Defaults())
	}
}

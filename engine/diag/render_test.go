package diag

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/source"
)

// spanOf is the span of the nth (from 1) occurrence of text in f.
func spanOf(f *source.File, text string, nth int) source.Span {
	off := -1
	for range nth {
		i := strings.Index(string(f.Data[off+1:]), text)
		if i < 0 {
			panic(text + " is not in the file")
		}
		off += 1 + i
	}
	return f.Span(off, off+len(text))
}

func render(t *testing.T, o RenderOptions, ds ...Diagnostic) string {
	t.Helper()
	var b strings.Builder
	if err := Render(&b, ds, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRender(t *testing.T) {
	orders := source.NewFile("models/core/orders.sql", []byte("select\n  o.id,\n  1\nfrom {{ ref \"stg_order\" }} as o\njoin {{ ref \"stg_order\" }} as p\n"))
	other := source.NewFile("models/b.yml", []byte("models:\n  - name: b\n"))
	tabs := source.NewFile("t.sql", []byte("\tselect\tx,\t世界, ü from\x1b[31m t\n"))
	many := source.NewFile("m.sql", []byte("one\n  two\n  three\n  four\n  five\n  six\n  seven\neight\n"))
	long := source.NewFile("l.sql", []byte(strings.Repeat("a, ", 1000)+"wrong, "+strings.Repeat("b, ", 1000)+"\n"))
	seed := source.NewFile("seeds/x.csv", nil)

	tests := []struct {
		name string
		opt  RenderOptions
		d    Diagnostic
		want string
	}{
		{"design", RenderOptions{}, Diagnostic{
			Code: "ref-unknown", Message: `no model named "stg_order"`, At: spanOf(orders, `"stg_order"`, 1),
			AtText: "not found among 214 models", Help: `did you mean "stg_orders"? (models/staging/stg_orders.sql)`,
		}, `error[ref-unknown]: no model named "stg_order"
  --> models/core/orders.sql:4:13
  |
4 | from {{ ref "stg_order" }} as o
  |             ^^^^^^^^^^^ not found among 214 models
  = help: did you mean "stg_orders"? (models/staging/stg_orders.sql)
`},
		{"no place", RenderOptions{}, Diagnostic{
			Severity: Warning, Code: "x", Message: "something", AtText: "look", Notes: []string{"one\ntwo"}, Help: "do it", Cause: errors.New("io"),
		}, `warning[x]: something
  = look
  = note: one
          two
  = help: do it
`},
		{"cause", RenderOptions{Causes: true}, Diagnostic{Severity: Internal, Message: "bug", Cause: errors.New("io")}, `internal error: bug
  = cause: io
`},
		{"labels", RenderOptions{}, Diagnostic{
			Code: "dup", Message: "twice", At: spanOf(orders, `"stg_order"`, 2), AtText: "again",
			Labels: []Label{{spanOf(orders, "o.id", 1), "used here"}, {spanOf(other, "b", 1), "named here"}, {spanOf(orders, "p", 1), "alias"}},
		}, `error[dup]: twice
  --> models/core/orders.sql:5:13
  |
2 |   o.id,
  |   ---- used here
...
5 | join {{ ref "stg_order" }} as p
  |             ^^^^^^^^^^^ again
  |                               - alias
  ::: models/b.yml:2:11
  |
2 |   - name: b
  |           - named here
`},
		{"context", RenderOptions{Context: 1}, Diagnostic{Message: "m", At: spanOf(orders, "1", 1)}, `error: m
  --> models/core/orders.sql:3:3
  |
2 |   o.id,
3 |   1
  |   ^
4 | from {{ ref "stg_order" }} as o
`},
		{"tabs, wide runes and escapes", RenderOptions{}, Diagnostic{Message: "m", At: spanOf(tabs, "ü", 1), AtText: "umlaut"}, "error: m\n" +
			"  --> t.sql:1:16\n  |\n1 |     select  x,  世界, ü from\uFFFD[31m t\n  |                       ^ umlaut\n"},
		{"two lines", RenderOptions{}, Diagnostic{Message: "m", At: spanOf(many, "wo\n  three", 1), AtText: "here"}, `error: m
  --> m.sql:2:4
  |
2 |   two
  |    ^^
3 |   three
  |   ^^^^^ here
`},
		{"many lines, ending with a break", RenderOptions{}, Diagnostic{Message: "m", At: many.Span(0, len(many.Data)), AtText: "all"}, `error: m
  --> m.sql:1:1
  |
1 | one
  | ^^^
2 |   two
3 |   three
4 |   four
...
8 | eight
  | ^^^^^ all
`},
		{"end of file", RenderOptions{}, Diagnostic{Message: "m", At: other.Span(99, 99), AtText: "end"}, `error: m
  --> models/b.yml:3:1
  |
3 |
  | ^ end
`},
		{"without text", RenderOptions{}, Diagnostic{Message: "m", At: seed.Whole(), AtText: "empty"}, `error: m
  --> seeds/x.csv
  = empty
`},
		{"cut", RenderOptions{Width: 40}, Diagnostic{Message: "m", At: spanOf(long, "wrong", 1), AtText: "this"}, `error: m
  --> l.sql:1:3001
  |
1 | …, a, a, a, wrong, b, b, b, b, b, b…
  |             ^^^^^ this
`},
		{"edit", RenderOptions{}, Diagnostic{Message: "m", At: spanOf(orders, `"stg_order"`, 1), Edits: []source.Edit{{At: spanOf(orders, `stg_order`, 1), New: "stg_orders"}}}, `error: m
  --> models/core/orders.sql:4:13
  |
4 | from {{ ref "stg_order" }} as o
  |             ^^^^^^^^^^^
  = edit: models/core/orders.sql:4
4 - from {{ ref "stg_order" }} as o
4 + from {{ ref "stg_orders" }} as o
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, render(t, tt.opt, tt.d)); diff != "" {
				t.Errorf("frame (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRenderColour(t *testing.T) {
	f := source.NewFile("a.sql", []byte("x\n"))
	d := Diagnostic{Message: "m", At: f.Span(0, 1), Help: "h", Notes: []string{"n"}}
	plain, coloured := render(t, RenderOptions{}, d), render(t, RenderOptions{Color: true}, d)
	if !strings.Contains(coloured, "\x1b[1;31merror\x1b[0m") {
		t.Errorf("the severity is not red: %q", coloured)
	}
	for coloured != "" && strings.Contains(coloured, "\x1b[") {
		before, rest, _ := strings.Cut(coloured, "\x1b[")
		_, after, _ := strings.Cut(rest, "m")
		coloured = before + after
	}
	if diff := cmp.Diff(plain, coloured); diff != "" {
		t.Errorf("colour changes more than colour:\n%s", diff)
	}
}

func TestRenderSeparatesAndSorts(t *testing.T) {
	f := source.NewFile("a.sql", []byte("x\ny\n"))
	got := render(t, RenderOptions{}, Diagnostic{Message: "second", At: f.Span(2, 3)}, Diagnostic{Message: "first", At: f.Span(0, 1)})
	want := "error: first\n  --> a.sql:1:1\n  |\n1 | x\n  | ^\n\nerror: second\n  --> a.sql:2:1\n  |\n2 | y\n  | ^\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzRender(f *testing.F) {
	f.Add("select 1\n\tfrom x\r\n世界\xff", 3, 12, 40, 1, "new\ntext")
	f.Add("", 0, 0, 0, 0, "")
	f.Add(strings.Repeat("a\t", 600), 900, 901, 10, 2, "x")
	f.Fuzz(func(t *testing.T, text string, start, end, width, context int, repl string) {
		file := source.NewFile("a.sql", []byte(text))
		at := file.Span(start, end)
		d := Diagnostic{
			Message: text, At: at, AtText: repl, Help: repl, Notes: []string{text}, Model: addr.Node{Kind: addr.Model, Name: repl},
			Labels: []Label{{file.Span(end, start), "label"}, {file.Span(end, end+1), repl}, {source.NewFile("b", nil).Whole(), "b"}},
			Edits:  []source.Edit{{At: at, New: repl}},
		}
		var b strings.Builder
		if err := Render(&b, List{d}, RenderOptions{Width: width, Context: context}); err != nil {
			t.Fatal(err)
		}
		if !utf8.ValidString(b.String()) || strings.ContainsAny(b.String(), "\x1b\r\x00") {
			t.Errorf("output is not safe for a terminal: %q", b.String())
		}
		if a := d.Annotation(); strings.ContainsAny(a, "\r\n") {
			t.Errorf("annotation has more than one line: %q", a)
		}
	})
}

func BenchmarkRender10k(b *testing.B) {
	l := make(List, 0, 10_000)
	for i := range 10_000 {
		f := source.NewFile(fmt.Sprintf("models/m%05d.sql", i), []byte(strings.Repeat("select 1 as a\n", 30)))
		l.Add(Diagnostic{Code: "x", Message: "m", At: f.Span(100, 110), Help: "help"})
	}
	for b.Loop() {
		if err := Render(io.Discard, l, RenderOptions{Width: 100, Context: 1}); err != nil {
			b.Fatal(err)
		}
	}
}

package jinja

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/source"
)

func parts(t testing.TB, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(data), "\n%%%%\n")
}

// TestTrees: what Jinja2 reads has the same tree, and what it refuses is refused. The trees are
// Jinja2's own, see testdata/dump.py.
func TestTrees(t *testing.T) {
	texts, want := parts(t, "testdata/templates.txt"), parts(t, "testdata/trees.txt")
	if len(texts) != len(want) || len(texts) < 700 {
		t.Fatalf("%d templates and %d trees", len(texts), len(want))
	}
	refused := 0
	for i, text := range texts {
		tree, list := Parse(source.NewFile("x.sql", []byte(text)))
		got := "error"
		if list == nil {
			got = dumped(tree.Body)
		} else {
			refused++
		}
		if got != want[i] {
			t.Errorf("%q\n%v\n%s", text, list, cmp.Diff(want[i], got))
		}
	}
	if refused < 100 || refused > len(texts)-100 {
		t.Errorf("%d of %d refused", refused, len(texts))
	}
}

// TestMistakes: a mistake is told where it is, with what is open.
func TestMistakes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"select\n{% if a %}\nx", `x.sql:2:1: error: "if" is not closed`},
		{"{% for a in b %}{% endif %}", `x.sql:1:20: error: unexpected "endif": "for" is not closed`},
		{"{% endfor %}", `x.sql:1:4: error: unexpected "endfor": no block is open`},
		{"{{ ref('a' }}", `x.sql:1:12: error: unexpected "}" for "("`},
		{"{{ ref('a) }}", `x.sql:1:8: error: the text in quotes is not closed`},
		{"{{ ref(", `x.sql:1:7: error: the bracket is not closed`},
		{"a {{ b", `x.sql:1:3: error: the tag is not closed`},
		{"{% fro a in b %}", `x.sql:1:4: error: unknown tag "fro"`},
		{"{{ a b }}", `x.sql:1:6: error: unexpected "b", want }}`},
		{"{{ a ? b }}", `x.sql:1:6: error: unexpected character "?"`},
		{"{% macro f(a=1, b) %}{% endmacro %}", `x.sql:1:17: error: a parameter without default follows one with a default`},
		{"{% set none = 1 %}", `x.sql:1:8: error: this cannot be assigned to`},
		{"{% call a %}{% endcall %}", `x.sql:1:9: error: call needs a call`},
		{"{# a", `x.sql:1:1: error: the comment is not closed`},
		{"{% raw %}", `x.sql:1:1: error: raw is not closed`},
		{"{% docs a %}b", `x.sql:1:1: error: docs is not closed`},
		{`{{ "\x4" }}`, `x.sql:1:4: error: the escape \x4 is not whole`},
		{strings.Repeat("{{ (", 1) + strings.Repeat("(", 300), `x.sql:1:304: error: the bracket is not closed`},
		{"{{ " + strings.Repeat("(", 300) + strings.Repeat(")", 300) + " }}", `x.sql:1:70: error: more than 200 levels are inside each other`},
		{"{{ " + strings.Repeat("not ", 300) + "a }}", `x.sql:1:796: error: more than 200 levels are inside each other`},
	} {
		_, list := Parse(source.NewFile("x.sql", []byte(c.text)))
		got := ""
		if len(list) == 1 {
			got = strings.TrimSuffix(list[0].Line(), " [jinja-syntax]")
		}
		if got != c.want {
			t.Errorf("%.40q\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

// TestSpans: nodes and expressions say where they stand.
func TestSpans(t *testing.T) {
	const text = "a{{ ref( 'x' ).y|f(1) }}{%- if a is not none %}b{% endif %}"
	f := source.NewFile("x.sql", []byte(text))
	tree, list := Parse(f)
	if list != nil {
		t.Fatal(list)
	}
	at := func(s source.Span) string { return text[s.Start:s.End] }
	out, branch := tree.Body[1].(*Output), tree.Body[2].(*If)
	filter := out.X.(*Filter)
	attr := filter.X.(*Attr)
	test := branch.Arms[0].When.(*Test)
	got := []string{at(out.At), at(filter.At), at(filter.Name.At), at(attr.At), at(attr.X.Span()), at(attr.X.(*Call).Args[0].Span()), at(branch.At), at(branch.Arms[0].At), at(test.At)}
	want := []string{"{{ ref( 'x' ).y|f(1) }}", "ref( 'x' ).y|f(1)", "f", "ref( 'x' ).y", "ref( 'x' )", "'x'", "{%- if a is not none %}b{% endif %}", "{%- if a is not none %}", "a is not none"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// FuzzParse: no input makes it panic, and every span lies in the file.
func FuzzParse(f *testing.F) {
	for _, text := range parts(f, "testdata/templates.txt")[:60] {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tree, list := Parse(source.NewFile("x.sql", []byte(text)))
		if tree == nil && len(list) == 0 {
			t.Fatal("neither a tree nor a mistake")
		}
	})
}

package tmpl

import (
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/source"
)

// TestPython: the functions of imported templates give Python's text.
func TestPython(t *testing.T) {
	lib, ds := Macros([]*source.File{source.NewFile("macros/m.tmpl", []byte(`{{ define "pay" }}not seen {{ return (py_list "card" "bank") }} nor this{{ end }}
{{- define "twice" }}{{ $n := py_arg . "n" 2 }}{{ py_str (py_mul (py_arg . "x") $n) }}{{ end }}
{{- define "deep" }}{{ return (include "pay" (dict)) }}{{ end }}`))})
	if ds != nil {
		t.Fatal(ds)
	}
	for _, c := range []struct{ text, want string }{
		{`{{ py_str true }} {{ py_str (py_list 1 "a" (py_none)) }} {{ py_str (py_div 1 2) }}`, "True [1, 'a', None] 0.5"},
		{`{{ range $i, $m := py_iter (include "pay" (dict)) }}{{ if $i }},{{ end }}{{ $m }}{{ end }}`, "card,bank"},
		{`{{ range py_iter (include "deep" (dict)) }}[{{ . }}]{{ end }}`, "[card][bank]"},
		{`{{ include "twice" (dict "x" "ab") }} {{ include "twice" (dict "x" 3 "n" 5) }}`, "abab 15"},
		{`{{ $l := py_list }}{{ $_ := py_call $l "append" "x" }}{{ py_str $l }}`, "['x']"},
		{`{{ $d := py_dict "b" 1 "a" 2 }}{{ range py_iter (py_call $d "items") }}{{ py_item . 0 }}={{ py_item . 1 }};{{ end }}`, "b=1;a=2;"},
		{`{{ py_filter "join" (py_filter "map" (py_list (py_dict "a" 1)) (py_kw "attribute" "a")) "," }}`, "1"},
		{`{{ if py_true (py_list) }}x{{ else }}y{{ end }}{{ py_or "" (py_list) 3 }}{{ py_and 1 0 2 }}{{ py_if "" 1 2 }}`, "y302"},
		{`{{ py_test "none" (py_none) }} {{ py_in "a" "abc" }} {{ py_concat "a" 1 (py_none) }} {{ py_slice "abc" 1 (py_none) (py_none) }}`, "true true a1None bc"},
	} {
		tm, ds := Parse(source.NewFile("m.sql", []byte(c.text)), lib)
		if ds != nil {
			t.Errorf("%s: %v", c.text, ds)
			continue
		}
		out, ds := tm.Render(Env{})
		if ds != nil || out.Body != c.want {
			t.Errorf("%s\n got %q %v\nwant %q", c.text, out.Body, ds, c.want)
		}
	}
	for text, want := range map[string]string{
		`{{ return 1 }}`:        "return belongs into a macro",
		`{{ py_add 1 "a" }}`:    "int + str cannot be computed",
		`{{ py_call 1 "x" }}`:   "int has no method x",
		`{{ py_mul "a" 2e9 }}`:  "cannot be computed",
		`{{ py_strr 1 }}`:       "py_str",
		`{{ py_filter "x" 1 }}`: "there is no such filter",
	} {
		tm, ds := Parse(source.NewFile("m.sql", []byte(text)), lib)
		if ds == nil {
			_, ds = tm.Render(Env{})
		}
		said := ""
		for _, d := range ds {
			said += d.Message + d.Help + strings.Join(d.Notes, "")
		}
		if !strings.Contains(said, want) {
			t.Errorf("%s says %q, want %q", text, said, want)
		}
	}
}

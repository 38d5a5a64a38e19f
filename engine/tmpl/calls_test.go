package tmpl

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/source"
)

// show is a call as «fn «span» arg=value …», unknown values as ?.
func show(c Call) string {
	s := fmt.Sprintf("%s «%s»", c.Fn, c.Span.Text())
	for _, a := range c.Args {
		v := "?"
		if a.Known {
			v = fmt.Sprintf("%T %v", a.Value, a.Value)
		}
		s += fmt.Sprintf(" [«%s» %s]", a.Span.Text(), v)
	}
	if !c.Static {
		s += " dynamic"
	}
	if !c.Via.IsZero() {
		s += fmt.Sprintf(" in %s via «%s»", c.Span.File.Path, c.Via.Text())
	}
	return s
}

func shown(calls []Call) []string {
	var out []string
	for _, c := range calls {
		out = append(out, show(c))
	}
	return out
}

func TestCalls(t *testing.T) {
	lib, ds := Macros([]*source.File{
		source.NewFile("macros/latest.tmpl", []byte("(select max(x) from {{ ref \"calendar\" }}{{ include \"deep\" . }})\n")),
		source.NewFile("macros/helpers.tmpl", []byte("{{ define \"deep\" }}{{ if .z }}{{ source \"app\" .z }}{{ end }}{{ end }}\n")),
	})
	if len(ds) > 0 {
		t.Fatal(lines(ds))
	}
	for _, tt := range []struct {
		text string
		want []string
	}{
		{`select 1`, nil},
		{`{{ ref "a" }}`, []string{`ref «ref "a"» [«"a"» string a]`}},
		{"{{- ref   `a b` -}}", []string{"ref «ref   `a b`» [«`a b`» string a b]"}},
		{`{{ if false }}{{ ref "a" }}{{ else if is_incremental }}{{ ref "b" 2 }}{{ else }}{{ ref "p" "c" }}{{ end }}`, []string{
			`ref «ref "a"» [«"a"» string a]`, `is_incremental «is_incremental»`,
			`ref «ref "b" 2» [«"b"» string b] [«2» int64 2]`, `ref «ref "p" "c"» [«"p"» string p] [«"c"» string c]`,
		}},
		{`{{ range .l }}{{ ref "a" }}{{ else }}{{ ref "b" }}{{ end }}{{ with ref "c" }}{{ . }}{{ end }}`, []string{
			`ref «ref "a"» [«"a"» string a]`, `ref «ref "b"» [«"b"» string b]`, `ref «ref "c"» [«"c"» string c]`,
		}},
		{`{{ define "x" }}{{ ref "a" }}{{ end }}{{ ref "b" }}{{ template "x" }}{{ block "y" (ref "c") }}{{ ref "d" }}{{ end }}`, []string{
			`ref «ref "a"» [«"a"» string a]`, `ref «ref "b"» [«"b"» string b]`,
			`ref «ref "c"» [«"c"» string c]`, `ref «ref "d"» [«"d"» string d]`,
		}},
		{`{{ "a" | ref }}`, []string{`ref «ref» [«"a"» string a]`}},
		{`{{ "A" | lower | ref "p" | quote }}`, []string{`ref «ref "p"» [«"p"» string p] [«"A" | lower» string a]`}},
		{`{{ (ref "a") | upper }}{{ upper (ref (print "x" "y")) }}`, []string{
			`ref «ref "a"» [«"a"» string a]`, `ref «ref (print "x" "y")» [«(print "x" "y")» string xy]`,
		}},
		{`{{ $x := ref "a" }}{{ ref $x }}{{ ref .y }}{{ ref (print $x "b") }}`, []string{
			`ref «ref "a"» [«"a"» string a]`, `ref «ref $x» [«$x» ?] dynamic`, `ref «ref .y» [«.y» ?] dynamic`,
			`ref «ref (print $x "b")» [«(print $x "b")» ?] dynamic`,
		}},
		{`{{ ref (var "x") }}`, []string{`ref «ref (var "x")» [«(var "x")» ?] dynamic`, `var «var "x"» [«"x"» string x]`}},
		{`{{ config "tags" (list "a" 1 true nil) "meta" (dict "k" (list 1.5)) "enabled" false "n" 0x10 "f" 1e3 }}`, []string{
			`config «config "tags" (list "a" 1 true nil) "meta" (dict "k" (list 1.5)) "enabled" false "n" 0x10 "f" 1e3»` +
				` [«"tags"» string tags] [«(list "a" 1 true nil)» []interface {} [a 1 true <nil>]]` +
				` [«"meta"» string meta] [«(dict "k" (list 1.5))» map[string]interface {} map[k:[1.5]]]` +
				` [«"enabled"» string enabled] [«false» bool false] [«"n"» string n] [«0x10» int64 16] [«"f"» string f] [«1e3» float64 1000]`,
		}},
		{`{{ config "tags" ("a b" | splitList " ") }}`, []string{
			`config «config "tags" ("a b" | splitList " ")» [«"tags"» string tags] [«("a b" | splitList " ")» []interface {} [a b]]`,
		}},
		{`{{ list "a" | config "tags" }}`, []string{`config «config "tags"» [«"tags"» string tags] [«list "a"» []interface {} [a]]`}},
		{`{{ ref (fail "no") }}`, []string{`ref «ref (fail "no")» [«(fail "no")» ?] dynamic`}},
		{`{{ this }}{{ quote this }}{{ if not is_incremental }}{{ end }}`, []string{
			`this «this»`, `this «this»`, `is_incremental «is_incremental»`,
		}},
		{`{{ target.schema }}{{ (target).name }}{{ target "type" }}{{ ( target ).a.b }}{{ with target }}{{ .name }}{{ end }}`, []string{
			`target «target.schema» [«schema» string schema]`, `target «(target).name» [«name» string name]`,
			`target «target "type"» [«"type"» string type]`, `target «( target ).a.b» [«a» string a]`, `target «target»`,
		}},
		{`{{/* {{ ref "no" }} */}}{{ "{{ ref }}" }}`, nil},
		{`{{ include "latest" (dict "z" "orders") }}{{ ref "b" }}`, []string{
			`include «include "latest" (dict "z" "orders")» [«"latest"» string latest] [«(dict "z" "orders")» map[string]interface {} map[z:orders]]`,
			`ref «ref "calendar"» [«"calendar"» string calendar] in macros/latest.tmpl via «include "latest" (dict "z" "orders")»`,
			`include «include "deep" .» [«"deep"» string deep] [«.» ?] dynamic in macros/latest.tmpl via «include "latest" (dict "z" "orders")»`,
			`source «source "app" .z» [«"app"» string app] [«.z» ?] dynamic in macros/helpers.tmpl via «include "latest" (dict "z" "orders")»`,
			`ref «ref "b"» [«"b"» string b]`,
		}},
		{`{{ template "deep" }}`, []string{`source «source "app" .z» [«"app"» string app] [«.z» ?] dynamic in macros/helpers.tmpl via «template "deep"»`}},
		{`{{ include .name }}`, []string{`include «include .name» [«.name» ?] dynamic`}},
	} {
		tm, ds := Parse(source.NewFile("m.sql", []byte(tt.text)), lib)
		if strings.Contains(tt.text, " }} */}}") {
			// Comments do not nest.
			ds = nil
		}
		if len(ds) > 0 {
			t.Errorf("%s: %q", tt.text, lines(ds))
		}
		if diff := cmp.Diff(tt.want, shown(tm.Calls())); diff != "" {
			t.Errorf("calls of %s (-want +got):\n%s", tt.text, diff)
		}
	}
}

func TestMacros(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		names []string
		want  []string
	}{
		{"files and definitions", map[string]string{
			"macros/a.tmpl": "a", "macros/sub/b.tmpl": " \n{{/* doc */}}{{ define \"c\" }}c{{ end }}{{ define \"d\" }}d{{ end }}\n", "macros/empty.tmpl": "",
		}, []string{"a", "c", "d", "empty"}, nil},
		{"duplicates", map[string]string{"macros/a.tmpl": "a", "macros/b.tmpl": "{{ define \"a\" }}x{{ end }}", "macros/x/a.tmpl": "b"},
			[]string{"a"}, []string{
				`1:11 macro-duplicate «"a"»: macro "a" exists twice; rename one of them`,
				`1:1 macro-duplicate «»: macro "a" exists twice; rename one of them`,
			}},
		{"unknown and broken", map[string]string{"macros/cents.tmpl": "{{ include \"cent\" . }}{{ include \"bad\" }}", "macros/bad.tmpl": "{{ if }}"},
			[]string{"bad", "cents"}, []string{
				`1:1 template-block «{{ if }}»: "if" has no end; close it with {{ end }}`,
				`1:4 template-syntax «if»: "if" needs a value`,
				`1:12 macro-unknown «"cent"»: no macro named "cent"; did you mean "cents"?`,
			}},
		{"recursion", map[string]string{
			"macros/a.tmpl": "{{ include \"b\" . }}", "macros/b.tmpl": "{{ template \"c\" . }}",
			"macros/c.tmpl": "{{ if true }}{{ include \"a\" . }}{{ end }}", "macros/self.tmpl": "{{ include \"self\" }}",
		}, []string{"a", "b", "c", "self"}, []string{
			`1:4 macro-recursion «include "b" .»: macros call each other in a circle: a → b → c → a`,
			`1:4 macro-recursion «include "self"»: macro "self" calls itself`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lib, ds := Macros(files(tt.files))
			if diff := cmp.Diff(tt.want, lines(ds)); diff != "" {
				t.Errorf("diagnostics (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.names, lib.Names()); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
		})
	}
}

// A model is not blamed for the broken file of a macro, and may not take a macro's name.
func TestModelsAndMacros(t *testing.T) {
	lib, _ := Macros(files(map[string]string{"macros/bad.tmpl": "{{ if }}", "macros/good.tmpl": "x"}))
	_, ds := Parse(source.NewFile("m.sql", []byte(`{{ include "bad" }}{{ define "good" }}y{{ end }}{{ include "god" }}`)), lib)
	want := []string{
		`1:30 macro-duplicate «"good"»: macro "good" exists twice; rename one of them`,
		`1:60 macro-unknown «"god"»: no macro named "god"; did you mean "good"?`,
	}
	if diff := cmp.Diff(want, lines(ds)); diff != "" {
		t.Error(diff)
	}
}

func files(texts map[string]string) []*source.File {
	var out []*source.File
	for _, path := range sortedKeys(texts) {
		out = append(out, source.NewFile(path, []byte(texts[path])))
	}
	return out
}

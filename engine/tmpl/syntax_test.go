package tmpl

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// line shows a diagnostic as «line:col code "text": message; help».
func line(d diag.Diagnostic) string {
	p := d.At.Position()
	s := fmt.Sprintf("%d:%d %s «%s»: %s", p.Line, p.Column, d.Code, d.At.Text(), d.Message)
	if d.AtText != "" {
		s += " (" + d.AtText + ")"
	}
	if d.Help != "" {
		s += "; " + d.Help
	}
	return s
}

func lines(ds diag.List) []string {
	var out []string
	for _, d := range ds.Sorted() {
		out = append(out, line(d))
	}
	return out
}

// apply makes all edits of a list.
func apply(f *source.File, ds diag.List) string {
	text := string(f.Data)
	var edits []source.Edit
	for _, d := range ds.Sorted() {
		edits = append(edits, d.Edits...)
	}
	for i := len(edits) - 1; i >= 0; i-- {
		e := edits[i]
		text = text[:e.At.Start] + e.New + text[e.At.End:]
	}
	return text
}

func TestSyntaxMistakes(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
		fixed      string // the text after all edits, if there are edits
	}{
		{"jinja ref", `select * from {{ ref('orders') }}`,
			[]string{`1:18 template-jinja «ref('orders')»: "ref" is called without parentheses and commas; write {{ ref "orders" }}`},
			`select * from {{ ref "orders" }}`},
		{"jinja config", "{{\n  config(\n    materialized='incremental',\n    tags=['a', \"b\"],\n    meta={'x': 1, 'y': None},\n    enabled=True\n  )\n}}",
			[]string{`2:3 template-jinja «config(
    materialized='incremental',
    tags=['a', "b"],
    meta={'x': 1, 'y': None},
    enabled=True
  )»: "config" is called without parentheses and commas; write {{ config "materialized" "incremental" "tags" (list "a" "b") "meta" (dict "x" 1 "y" nil) "enabled" true }}`},
			"{{\n  config \"materialized\" \"incremental\" \"tags\" (list \"a\" \"b\") \"meta\" (dict \"x\" 1 \"y\" nil) \"enabled\" true\n}}"},
		{"jinja nested and piped", `{{ var('x', env_var('Y')) | upper }}`,
			[]string{`1:4 template-jinja «var('x', env_var('Y'))»: "var" is called without parentheses and commas; write {{ var "x" (env_var "Y") }}`},
			`{{ var "x" (env_var "Y") | upper }}`},
		{"jinja versioned ref", `{{ ref("a", v=2) }}`,
			[]string{`1:4 template-jinja «ref("a", v=2)»: "ref" is called without parentheses and commas; write {{ ref "a" 2 }}`},
			`{{ ref "a" 2 }}`},
		{"jinja without a mechanical answer", `{{ ref('a' ~ x) }}`,
			[]string{`1:4 template-jinja «ref('a' ~ x)»: "ref" is called without parentheses and commas; write {{ ref "model" }}`}, ""},
		{"jinja statements", "{% if is_incremental() %}\na\n{%- else -%}\nb\n{% endif %} {% set x = 1 %}",
			[]string{
				"1:1 template-jinja «{% if is_incremental() %}»: {% if %} is Jinja; templates are Go templates; write {{ if … }} … {{ end }}",
				"3:1 template-jinja «{%- else -%}»: {% else %} is Jinja; templates are Go templates; write {{ else }}",
				"5:1 template-jinja «{% endif %}»: {% endif %} is Jinja; templates are Go templates; write {{ end }}",
				"5:13 template-jinja «{% set x = 1 %}»: {% set %} is Jinja; templates are Go templates; write {{ $x := … }}",
			}, "{{ if is_incremental }}\na\n{{- else -}}\nb\n{{ end }} {% set x = 1 %}"},
		{"jinja comment hides", "{# see {{ ref('a') }} #}\nselect 1",
			[]string{"1:1 template-jinja «{# see {{ ref('a') }} #}»: {# #} is a Jinja comment; templates are Go templates; write {{/* … */}}"},
			"{{/* see {{ ref('a') }} */}}\nselect 1"},
		{"single quotes", `{{ ref 'orders' }} {{ ref 'x' }}`,
			[]string{
				`1:8 template-jinja «'orders'»: text in templates stands in double quotes; write "orders"`,
				`1:27 template-jinja «'x'»: text in templates stands in double quotes; write "x"`,
			}, `{{ ref "orders" }} {{ ref "x" }}`},
		{"one rune in single quotes parses and is reported", `{{ ref 'x' }}`,
			[]string{`1:8 template-jinja «'x'»: text in templates stands in double quotes; write "x"`}, `{{ ref "x" }}`},
		{"comma", `{{ source "a", "b" }}`,
			[]string{`1:14 template-syntax «,»: arguments are separated by spaces; remove the comma`}, `{{ source "a" "b" }}`},
		{"several at once", "{{ ref( \"a\") }}\n{{ if eq target.name == \"x\" }}\n{{ reff \"b\" }}\n{{ ref \"c }}\n{{ end }}\n{{ end }}",
			[]string{
				`1:4 template-jinja «ref( "a")»: "ref" is called without parentheses and commas; write {{ ref "a" }}`,
				`2:22 template-syntax «==»: templates have no operator "=="; write eq A B`,
				`3:4 function-unknown «reff»: no template function named "reff"; did you mean "ref"?`,
				`4:8 template-unclosed «"c»: the text is not closed; close it with "`,
				`6:1 template-block «{{ end }}»: nothing to end: no block is open; remove it`,
			}, "{{ ref \"a\" }}\n{{ if eq target.name == \"x\" }}\n{{ ref \"b\" }}\n{{ ref \"c\" }}\n{{ end }}\n{{ end }}"},
		{"unclosed action", "select {{ ref \"a\" }\nfrom {{ ref \"b\" }}",
			[]string{`1:8 template-unclosed «{{ ref "a" }»: the action is not closed (one } is missing); close it with }}`},
			"select {{ ref \"a\" }}\nfrom {{ ref \"b\" }}"},
		{"unclosed at the end", "select {{ ref \"a\"\nfrom x where y = 'it''s'",
			[]string{`1:8 template-unclosed «{{ ref "a"»: the action is not closed; close it with }}`}, ""},
		{"unclosed comment", "{{/* a", []string{"1:1 template-unclosed «{{/* a»: the comment is not closed; close it with */}}"}, ""},
		{"comment end", "{{/* a */ x }}", []string{"1:8 template-syntax «*/»: a comment ends with */}}; let }} follow directly, or with a space and -"}, ""},
		{"missing end", "{{ range until 3 }}\n{{ if true }}x{{ end }}",
			[]string{`1:1 template-block «{{ range until 3 }}»: "range" has no end; close it with {{ end }}`}, ""},
		{"else outside", "a {{ else }} b", []string{`1:3 template-block «{{ else }}»: "else" outside of a block; remove it`}, ""},
		{"two elses", "{{ if true }}{{ else }}{{ else }}{{ end }}",
			[]string{`1:24 template-block «{{ else }}»: "if" has an "else" already`}, ""},
		{"else if in range", "{{ range .x }}{{ else if true }}{{ end }}",
			[]string{`1:15 template-block «{{ else if true }}»: "else if" inside of "range"; write {{ else }}{{ if … }}`}, ""},
		{"break outside", "{{ break }}", []string{`1:1 template-block «{{ break }}»: "break" outside of a range`}, ""},
		{"empty action", "{{ }}", []string{"1:1 template-syntax «{{ }}»: an action without anything in it; write a function and its arguments, or remove it"}, ""},
		{"if without condition", "{{ if }}{{ end }}", []string{`1:4 template-syntax «if»: "if" needs a value`}, ""},
		{"unknown variable", "{{ $days := 1 }}{{ $dys | }}",
			[]string{
				`1:20 template-variable «$dys»: no variable "$dys" in this place; did you mean "$days"?`,
				`1:25 template-syntax «|»: nothing stands behind the pipe; name a function there`,
			}, "{{ $days := 1 }}{{ $days | }}"},
		{"only an unknown variable", "{{ $x }}",
			[]string{`1:4 template-variable «$x»: no variable "$x" in this place; set it before: {{ $x := … }}`}, ""},
		{"literal behind a pipe", `{{ "a" | "b" }}`,
			[]string{`1:10 template-syntax «"b"»: "b" behind | is not a function; a pipe hands its value to a function`}, ""},
		{"parentheses", `{{ upper (ref "a" }} {{ ref "b") }}`,
			[]string{
				`1:10 template-unclosed «(»: the parenthesis is not closed; close it with )`,
				`1:32 template-syntax «)»: no parenthesis is open; remove it`,
			}, ""},
		{"smart quotes", "{{ ref “orders” }}", []string{`1:8 template-syntax «“»: “ is not a quotation mark of templates; write "`}, ""},
		{"glued", `{{ ref"x" }}`, []string{`1:7 template-syntax «"»: "\"" stands directly behind a name; separate them by a space`}, ""},
		{"operator between names", `{{ $a := 1 }}{{ $a+1 }}`, []string{`1:19 template-syntax «+»: templates have no operator "+"; write add A B`}, ""},
		{"bad number and bad escape", `{{ add 1x 2 }}{{ print "\d" }}`,
			[]string{
				`1:8 template-syntax «1x»: "1x" is not a number`,
				"1:24 template-syntax «\"\\d\"»: a backslash that means nothing in text; write \\\\ for a backslash, or put the text between ` and `",
			}, ""},
		{"keyword inside", `{{ ref if }}`, []string{`1:8 template-syntax «if»: "if" stands only at the beginning of an action`}, ""},
		{"define in a block", `{{ if true }}{{ define "x" }}{{ end }}{{ end }}`,
			[]string{`1:14 template-block «{{ define "x" }}»: a definition inside a block; move it to the top level`}, ""},
		{"template without name", `{{ template foo }}`,
			[]string{`1:13 template-syntax «foo»: "template" needs a name in quotes; write {{ template "name" . }}`}, ""},
		{"end with more", `{{ if true }}{{ end if }}`, []string{`1:21 template-syntax «if»: "end" takes nothing more`}, ""},
		{"text in a line comment is text", "select 1 -- {% if x %} {# y #}", nil, ""},
		{"percent and hash in SQL", "select '{%s}', '{#' from t where a like '{%'", nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := source.NewFile("models/m.sql", []byte(tt.text))
			_, ds := Parse(f, nil)
			if diff := cmp.Diff(tt.want, lines(ds)); diff != "" {
				t.Errorf("diagnostics of %s (-want +got):\n%s", tt.text, diff)
			}
			fixed := apply(f, ds)
			if tt.fixed == "" {
				tt.fixed = tt.text
			}
			if diff := cmp.Diff(tt.fixed, fixed); diff != "" {
				t.Errorf("after the edits (-want +got):\n%s", diff)
			}
		})
	}
}

// Mistakes that do not break the syntax are found in all branches, too.
func TestMistakesInGoodSyntax(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"unknown functions", `{{ if false }}{{ upppercase "x" | sqote }}{{ end }}{{ run_query "x" }}`,
			[]string{
				`1:18 function-unknown «upppercase»: no template function named "upppercase"`,
				`1:35 function-unknown «sqote»: no template function named "sqote"; did you mean "squote"?`,
				`1:55 function-unknown «run_query»: no template function named "run_query"; templates run without a warehouse: nothing can be queried`,
			}},
		{"removed functions", `{{ now }}{{ env "HOME" }}{{ uuidv4 }}{{ now | date "2006" }}`,
			[]string{
				`1:4 function-removed «now»: "now" is not a template function here: it reads the clock; use current_timestamp in SQL`,
				`1:13 function-removed «env»: "env" is not a template function here: it reads the environment behind the engine's back; use {{ env_var "NAME" }}, which is a declared input`,
				`1:29 function-removed «uuidv4»: "uuidv4" is not a template function here: it gives another value in every run; use a function of the warehouse in SQL`,
				`1:41 function-removed «now»: "now" is not a template function here: it reads the clock; use current_timestamp in SQL`,
			}},
		{"argument counts", `{{ ref }}{{ source "a" }}{{ config "a" }}{{ config }}{{ var }}{{ this 1 }}{{ ref "a" "b" "c" }}`,
			[]string{
				`1:4 call-arguments «ref»: "ref" needs the name of a model; write {{ ref "model" }}`,
				`1:13 call-arguments «source "a"»: "source" takes 2 arguments, not 1; write {{ source "name" "table" }}`,
				`1:29 call-arguments «config "a"»: "config" takes pairs of key and value (1 arguments: a key or a value is missing); write {{ config "key" "value" }}`,
				`1:45 call-arguments «config»: "config" takes pairs of key and value; write {{ config "key" "value" }}`,
				`1:57 call-arguments «var»: "var" takes 1 or 2 arguments, not 0; write {{ var "name" }} or {{ var "name" "default" }}`,
				`1:66 call-arguments «this 1»: "this" takes no arguments, not 1; write {{ this }}`,
				`1:78 call-arguments «ref "a" "b" "c"»: "ref" takes 1 or 2 arguments, not 3; write {{ ref "model" }}`,
			}},
		{"argument types", `{{ ref 3 }}{{ 3 | ref }}{{ source "a" (list 1) }}{{ config 1 2 }}{{ ref "a" 1.5 }}`,
			[]string{
				`1:8 call-arguments «3»: argument 1 of "ref" is a number where text is expected; write {{ ref "model" }}`,
				`1:15 call-arguments «3»: argument 1 of "ref" is a number where text is expected; write {{ ref "model" }}`,
				`1:39 call-arguments «(list 1)»: argument 2 of "source" is a list where text is expected; write {{ source "name" "table" }}`,
				`1:60 call-arguments «1»: argument 1 of "config" is a number where text is expected; write {{ config "key" "value" }}`,
			}},
		{"a name as operand is a call", `{{ quote ref }}`,
			[]string{`1:10 call-arguments «ref»: "ref" needs the name of a model; write {{ ref "model" }}`}},
		{"field of this", `{{ this.schema }}`,
			[]string{`1:4 call-arguments «this.schema»: "this" is text and has no field "schema"; {{ this }} is the whole quoted name; the schema is {{ target.schema }}`}},
		{"unknown macro", `{{ include "nix" }}{{ template "nix" }}`,
			[]string{
				`1:12 macro-unknown «"nix"»: no macro named "nix"; put its text into macros/nix.tmpl`,
				`1:32 macro-unknown «"nix"»: no macro named "nix"; put its text into macros/nix.tmpl`,
			}},
		{"defined twice", `{{ define "x" }}{{ end }}{{ define "x" }}y{{ end }}`,
			[]string{`1:36 macro-duplicate «"x"»: macro "x" exists twice; rename one of them`}},
		{"local recursion", `{{ define "a" }}{{ template "b" . }}{{ end }}{{ define "b" }}{{ include "a" . }}{{ end }}`,
			[]string{`1:20 macro-recursion «template "b" .»: macros call each other in a circle: a → b → a`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tm, ds := Parse(source.NewFile("m.sql", []byte(tt.text)), nil)
			if diff := cmp.Diff(tt.want, lines(ds)); diff != "" {
				t.Errorf("diagnostics of %s (-want +got):\n%s", tt.text, diff)
			}
			if tm == nil {
				t.Fatal("no template although the syntax is fine")
			}
			for _, c := range tm.Calls() {
				if d, bad := checkArgs(c); bad {
					t.Errorf("a malformed call is listed: %s", line(d))
				}
			}
			if text, again := tm.Render(testEnv()); text.Body != "" || len(again) != len(ds) {
				t.Errorf("render gives %q and %d diagnostics, want nothing and %d", text.Body, len(again), len(ds))
			}
		})
	}
}

// Positions count lines of CRLF files and runes.
func TestMistakePositions(t *testing.T) {
	_, ds := Parse(source.NewFile("m.sql", []byte("-- größe\r\nselect 'ä', {{ reff \"x\" }}\r\n")), nil)
	want := []string{`2:16 function-unknown «reff»: no template function named "reff"; did you mean "ref"?`}
	if diff := cmp.Diff(want, lines(ds)); diff != "" {
		t.Error(diff)
	}
}

func TestEveryCodeIsExplained(t *testing.T) {
	seen := map[diag.Code]bool{}
	for _, e := range Codes {
		if seen[e.Code] {
			t.Errorf("%s is listed twice", e.Code)
		}
		seen[e.Code] = true
		if e.Title == "" || e.Explain == "" || strings.HasSuffix(e.Title, ".") {
			t.Errorf("%s: title %q, explanation %q", e.Code, e.Title, e.Explain)
		}
	}
	if len(seen) != 19 {
		t.Errorf("%d codes", len(seen))
	}
}

// FuzzSyntax: whatever the text, Parse does not panic, says something whenever
// text/template would, never in the words of text/template, and stays inside the file.
func FuzzSyntax(f *testing.F) {
	for _, s := range []string{
		"{{ ref \"a\" }}", "{{- /* x */ -}}", "{{ if a }}b{{ else if c }}{{ else }}{{ end }}",
		"{{ range $i, $x := list 1 2 }}{{ break }}{{ end }}", "{{ $x := 1 }}{{ $x = 2 }}", "{{ (target).name.x }}",
		"{{ 'a' }}", "{{ ref(\"x\") }", "{% if %}{# #}", "{{ define \"a\" }}{{ end }}{{ block \"b\" . }}{{ end }}",
		"{{ 1.5e3 | printf \"%v\" }}", "{{ `raw", "{{ \"x\\", "{{ . | . }}", "{{ with .a.b }}{{ . }}{{ end }}", "{{ nil }}", "{{ true.x }}", "{{ 1+2i }}",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := source.NewFile("m.sql", []byte(text))
		tm, ds := Parse(file, nil)
		if tm == nil && !ds.HasErrors() {
			t.Fatalf("no template and no mistake: %q", text)
		}
		for _, d := range ds {
			if strings.Contains(d.Message, "template:") || strings.Contains(d.Message, rootName) {
				t.Errorf("%q: raw message %q", text, d.Message)
			}
			if d.At.Start < 0 || d.At.End < d.At.Start || d.At.End > len(text) || d.At.File != file {
				t.Errorf("%q: span %d..%d of %q", text, d.At.Start, d.At.End, d.Message)
			}
			if d.Cause != nil {
				t.Errorf("%q: the parser says %v and the checker nothing", text, d.Cause)
			}
		}
		for _, c := range tm.Calls() {
			if !strings.Contains(c.Span.Text(), c.Fn) {
				t.Errorf("%q: call of %s at %q", text, c.Fn, c.Span.Text())
			}
		}
		tm.Render(testEnv())
	})
}

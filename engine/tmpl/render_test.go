package tmpl

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/template"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

var testMacros = map[string]string{
	"macros/cents.tmpl":   "({{ . }} / 100)\n",
	"macros/wrap.tmpl":    "[{{ include \"cents\" .x }} of {{ ref .r }}]\r\n",
	"macros/helpers.tmpl": "{{ define \"none\" }}{{ .nix }}{{ end }}{{ define \"idx\" }}\n{{ index . 9 }}{{ end }}{{ define \"call\" }}{{ ref \"missing\" }}{{ end }}",
}

// sections shows a map as text: verbatim parts as they are, generated ones as
// ⟨output←source⟩, text without source as ⟨output⟩.
func sections(t *testing.T, text Text) string {
	t.Helper()
	var b strings.Builder
	at := 0
	for _, s := range text.Map.Segments() {
		if s.Start > at {
			fmt.Fprintf(&b, "⟨%s⟩", text.Body[at:s.Start])
		}
		out := text.Body[s.Start:s.End]
		switch {
		case s.Verbatim && out != s.Src.Text():
			t.Errorf("verbatim %q comes from %q", out, s.Src.Text())
		case s.Verbatim:
			b.WriteString(out)
		default:
			fmt.Fprintf(&b, "⟨%s←%s⟩", out, s.Src.Text())
		}
		at = s.End
	}
	if at < len(text.Body) {
		fmt.Fprintf(&b, "⟨%s⟩", text.Body[at:])
	}
	return b.String()
}

func TestRender(t *testing.T) {
	lib, ds := Macros(files(testMacros))
	if len(ds) > 0 {
		t.Fatal(lines(ds))
	}
	for _, tt := range []struct {
		text, want string
	}{
		{"", ""},
		{"select 1\n", "select 1\n"},
		{"\uFEFFselect 1", "select 1"},
		{`a {{ ref "x" }} b`, `a ⟨"s"."x"←{{ ref "x" }}⟩ b`},
		{"a \n {{- ref \"x\" -}} \n b", `a⟨"s"."x"←{{- ref "x" -}}⟩b`},
		{`{{ ref "x" }}{{ source "a" "b" }}`, `⟨"s"."x"←{{ ref "x" }}⟩⟨"a"."b"←{{ source "a" "b" }}⟩`},
		{`{{ if is_incremental }}yes {{ this }}{{ else }}no{{ end }}!`, `yes ⟨"s"."me"←{{ this }}⟩!`},
		{`{{ range list 1 2 }}<{{ . }}>{{ end }}`, `<⟨1←{{ . }}⟩><⟨2←{{ . }}⟩>`},
		{`{{ range until 3 }}{{ . }}{{ end }}`, `⟨012←{{ . }}⟩`},
		{`{{ config "a" "b" }}x{{/* c */}}y`, `xy`},
		{`{{ target.schema }} {{ (target).name }} {{ target "type" }} {{ with target }}{{ .name }}{{ end }}`,
			`⟨s←{{ target.schema }}⟩ ⟨dev←{{ (target).name }}⟩ ⟨duckdb←{{ target "type" }}⟩ ⟨dev←{{ .name }}⟩`},
		{`{{ var "x" 3 }}{{ env_var "Y" }}`, `⟨3←{{ var "x" 3 }}⟩⟨env:Y←{{ env_var "Y" }}⟩`},
		{`{{ include "cents" "a" }}`, `⟨(a / 100)←{{ include "cents" "a" }}⟩`},
		{`x{{ include "wrap" (dict "x" "a" "r" "m") }}y`, `x⟨[(a / 100) of "s"."m"]←{{ include "wrap" (dict "x" "a" "r" "m") }}⟩y`},
		{`x{{ template "cents" "a" }}y`, `x⟨(a / 100)←{{ template "cents" "a" }}⟩y`},
		{`{{ define "l" }}in {{ . }}{{ end }}{{ template "l" 1 }}, {{ include "l" 2 }}`, `in ⟨1←{{ . }}⟩, ⟨in 2←{{ include "l" 2 }}⟩`},
		{`{{ block "b" "v" }}in {{ . }}{{ end }}`, `in ⟨v←{{ . }}⟩`},
		{`{{ $x := "v" }}{{ $x = upper $x }}{{ $x | quote }}`, `⟨"V"←{{ $x | quote }}⟩`},
		{`{{ "stg_x" | ref | upper }}`, `⟨"S"."STG_X"←{{ "stg_x" | ref | upper }}⟩`},
		{`{{ date "Jan 2" (toDate "2006-01-02" "2026-01-31") }}`, `⟨Jan 31←{{ date "Jan 2" (toDate "2006-01-02" "2026-01-31") }}⟩`},
		{`{{ keys (dict "b" 1 "a" 2 "c" 3) }}{{ values (dict "b" 1 "a" 2 "c" 3) }}`,
			`⟨[a b c]←{{ keys (dict "b" 1 "a" 2 "c" 3) }}⟩⟨[2 1 3]←{{ values (dict "b" 1 "a" 2 "c" 3) }}⟩`},
	} {
		tm, ds := Parse(source.NewFile("m.sql", []byte(tt.text)), lib)
		if len(ds) > 0 {
			t.Errorf("%s: %q", tt.text, lines(ds))
			continue
		}
		for range 2 { // the second run takes a used runner
			text, ds := tm.Render(testEnv())
			if len(ds) > 0 {
				t.Errorf("%s: %q", tt.text, lines(ds))
			} else if got := sections(t, text); got != tt.want {
				t.Errorf("%s\n got %s\nwant %s", tt.text, got, tt.want)
			}
		}
	}
}

func TestRenderReportsCalls(t *testing.T) {
	lib, _ := Macros(files(testMacros))
	tm, ds := Parse(source.NewFile("m.sql", []byte(
		`{{ range list "a" "b" }}{{ ref . }}{{ end }}{{ if false }}{{ ref "no" }}{{ end }}{{ include "wrap" (dict "x" 1 "r" "z") }}{{ template "cents" 2 }}`)), lib)
	if len(ds) > 0 {
		t.Fatal(lines(ds))
	}
	text, ds := tm.Render(testEnv())
	if len(ds) > 0 {
		t.Fatal(lines(ds))
	}
	want := []string{
		`ref «ref .» [«.» string a] dynamic`,
		`ref «ref .» [«.» string b] dynamic`,
		`include «include "wrap" (dict "x" 1 "r" "z")» [«"wrap"» string wrap] [«(dict "x" 1 "r" "z")» map[string]interface {} map[r:z x:1]]`,
		`include «include "cents" .x» [«"cents"» string cents] [«.x» int64 1] dynamic in macros/wrap.tmpl via «include "wrap" (dict "x" 1 "r" "z")»`,
		`ref «ref .r» [«.r» string z] dynamic in macros/wrap.tmpl via «include "wrap" (dict "x" 1 "r" "z")»`,
	}
	if diff := cmp.Diff(want, shown(text.Calls)); diff != "" {
		t.Error(diff)
	}
}

func TestRunTimeMistakes(t *testing.T) {
	lib, ds := Macros(files(testMacros))
	if len(ds) > 0 {
		t.Fatal(lines(ds))
	}
	elsewhere := source.NewFile("x.yml", []byte("abc"))
	for _, tt := range []struct {
		text, want, label string
	}{
		{`{{ if true }}  {{ ref "missing" }}{{ end }}`, `1:19 ref-unknown «ref "missing"»: no model named "missing"`, ""},
		{`{{ ref "plain" }}`, `1:4 call-error «ref "plain"»: nothing here`, ""},
		{`{{ ref "placed" }}`, `1:1 ref-unknown «abc»: placed`, ""},
		{`{{ $x := 3 }}{{ ref $x }}`, `1:21 call-arguments «$x»: argument 1 of "ref" is a number where text is expected; write {{ ref "model" }}`, ""},
		{`{{ ref .nix }}`, `1:8 call-arguments «.nix»: argument 1 of "ref" is nil where text is expected; write {{ ref "model" }}`, ""},
		{`{{ target.schem }}`, `1:11 target-key «schem»: the target has no field "schem"; did you mean "schema"?`, ""},
		{`{{ if eq (target).nam "x" }}{{ end }}`, `1:19 target-key «nam»: the target has no field "nam"; did you mean "name"?`, ""},
		{`{{ .a.b }}`, `1:4 template-value «.a.b»: ".a.b" has no value to print; give it one, or write {{ .a.b | default … }}`, ""},
		{`{{- nil | default nil -}}`, `1:5 template-error «nil»: nil is not a command`, ""},
		{`x {{ index (list 1 2) 5 }}`, `1:6 template-error «index (list 1 2) 5»: "index": index out of range: 5`, ""},
		{`{{ upper 3 }}`, `1:10 template-error «3»: 3 stands where a value of type string is expected`, ""},
		{`{{ 3 | upper }}`, `1:8 template-error «upper»: the value is of type int where string is expected`, ""},
		{`{{ upper "a" "b" }}`, `1:4 template-error «upper "a" "b"»: "upper" takes 1 argument, not 2`, ""},
		{`{{ $s := "a" }}{{ $s.b }}`, `1:19 template-error «$s.b»: a value of type string has no field "b"`, ""},
		{`{{ range true }}{{ end }}`, `1:10 template-error «true»: range needs a list, a dictionary or a number, not true`, ""},
		{`{{ fail "not in production" }}`, `1:4 template-fail «fail "not in production"»: not in production`, ""},
		{`{{ substr 3 1 "abc" }}`, `1:4 template-error «substr 3 1 "abc"»: "substr": it does not take these values (slice bounds out of range [3:1])`, ""},
		{`{{ div 1 0 }}`, `1:4 template-error «div 1 0»: "div": it does not take these values (integer divide by zero)`, ""},
		{`{{ until 100000000 }}`, `1:4 template-error «until 100000000»: "until": 100000000 elements are more than the limit of 100000`, ""},
		{`{{ seq 1 100000000 }}`, `1:4 template-error «seq 1 100000000»: "seq": 99999999 elements are more than the limit of 100000`, ""},
		{`{{ repeat 100000000 "abc" }}`, `1:4 template-error «repeat 100000000 "abc"»: "repeat": 100000000 times 3 bytes is more than the limit of 1048576`, ""},
		{`{{ $d := dict }}{{ $d = set $d "a" (list $d) }}`, `1:25 template-error «set $d "a" (list $d)»: "set": a dictionary cannot contain itself`, ""},
		{`{{ $d := dict }}{{ $x := merge $d (dict "a" $d) }}`, `1:26 template-error «merge $d (dict "a" $d)»: "merge": a dictionary cannot contain itself`, ""},
		{`{{ range 1000000000 }}{{ end }}`, `1:4 template-runaway «range 1000000000»: the template takes more than 10,000,000 steps`, ""},
		{`{{ $s := repeat 1000000 "x" }}{{ range 100 }}{{ $s }}{{ end }}`, `1:49 template-runaway «$s»: the text is longer than 64 MB`, ""},
		{`{{ date "2006" "x" }}`, `1:4 template-error «date "2006" "x"»: "date": x is not a date: make one with toDate "2006-01-02" "2026-01-31"`, ""},
		{`{{ include "none" (dict "a" 1) }}`, `1:23 template-value «.nix»: ".nix" has no value to print; give it one, or write {{ .nix | default … }}`, `include "none" (dict "a" 1)`},
		{`{{ include "call" }}`, `2:47 ref-unknown «ref "missing"»: no model named "missing"`, `include "call"`},
		{`{{ include "idx" (list 1) }}`, `2:4 template-error «index . 9»: "index": index out of range: 9`, `include "idx" (list 1)`},
		{"\n\n\n{{ template \"idx\" (list 1) }}", `2:4 template-error «index . 9»: "index": index out of range: 9`, `template "idx" (list 1)`},
		{`{{ $n := "nix" }}{{ include $n }}`, `1:29 macro-unknown «$n»: no macro named "nix" (not found among 5 macros)`, ""},
		{`{{ define "r" }}{{ include . . }}{{ end }}{{ $r := "r" }}{{ include $r $r }}`, `1:20 template-runaway «include . .»: macros are nested more than 100 deep`, ""},
	} {
		f := source.NewFile("m.sql", []byte(tt.text))
		tm, ds := Parse(f, lib)
		if len(ds) > 0 {
			t.Errorf("%s: %q", tt.text, lines(ds))
			continue
		}
		env := testEnv()
		env.Data = map[string]any{}
		env.Ref = func(args []any) (string, error) {
			switch args[0] {
			case "missing":
				return "", diag.Diagnostic{Code: "ref-unknown", Message: `no model named "missing"`}
			case "placed":
				return "", &diag.Diagnostic{Code: "ref-unknown", Message: "placed", At: elsewhere.Span(0, 3)}
			}
			return "", errors.New("nothing here")
		}
		text, ds := tm.Render(env)
		if len(ds) != 1 {
			t.Errorf("%s: %d diagnostics, text %q", tt.text, len(ds), text.Body)
			continue
		}
		if diff := cmp.Diff(tt.want, line(ds[0])); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.text, diff)
		}
		label := ""
		if len(ds[0].Labels) > 0 {
			label = ds[0].Labels[0].At.Text()
		}
		if label != tt.label {
			t.Errorf("%s: label %q, want %q", tt.text, label, tt.label)
		}
		if text.Body != "" {
			t.Errorf("%s: text %q next to a mistake", tt.text, text.Body)
		}
	}
}

func TestFunctionsWithoutMeaning(t *testing.T) {
	for _, text := range []string{`{{ ref "a" }}`, `{{ source "a" "b" }}`, `{{ var "a" }}`, `{{ env_var "a" }}`, `{{ this }}`, `{{ target.name }}`} {
		tm, _ := Parse(source.NewFile("m.sql", []byte(text)), nil)
		_, ds := tm.Render(Env{})
		if len(ds) != 1 || ds[0].Code != codeUnavailable || ds[0].At != tm.Calls()[0].Span {
			t.Errorf("%s: %q", text, lines(ds))
		}
	}
	tm, _ := Parse(source.NewFile("m.sql", []byte(`{{ config "a" 1 }}{{ is_incremental }}`)), nil)
	if text, ds := tm.Render(Env{}); text.Body != "false" || len(ds) > 0 {
		t.Errorf("%q %q", text.Body, lines(ds))
	}
}

// What a template does to a value stays in that render.
func TestValuesAreNotShared(t *testing.T) {
	vars := map[string]any{"m": map[string]any{"a": int64(1)}}
	env := testEnv()
	env.Var = func(name string, _ []any) (any, error) { return vars[name], nil }
	env.Data = vars
	tm, ds := Parse(source.NewFile("m.sql", []byte(
		`{{ $_ := set (var "m") "a" 2 }}{{ $_ := set target "name" "x" }}{{ $_ := set .m "a" 3 }}{{ (var "m").a }}{{ target.name }}`)), nil)
	if len(ds) > 0 {
		t.Fatal(lines(ds))
	}
	for range 2 {
		if text, ds := tm.Render(env); text.Body != "1dev" {
			t.Fatalf("%q %q", text.Body, lines(ds))
		}
	}
}

func TestRenderIsConcurrent(t *testing.T) {
	lib, _ := Macros(files(testMacros))
	tm, ds := Parse(source.NewFile("m.sql", []byte(`{{ define "l" }}{{ ref "x" }}{{ end }}{{ include "l" }} {{ include "wrap" (dict "x" 1 "r" "z") }}`)), lib)
	if len(ds) > 0 {
		t.Fatal(lines(ds))
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			env := testEnv()
			env.Ref = func(args []any) (string, error) { return fmt.Sprintf("%v%d", args[0], i), nil }
			want := fmt.Sprintf("x%d [(1 / 100) of z%d]", i, i)
			for range 200 {
				if text, ds := tm.Render(env); text.Body != want {
					t.Errorf("got %q %q, want %q", text.Body, lines(ds), want)
					return
				}
			}
		})
	}
	wg.Wait()
}

// reference executes a template without any of our machinery: no numbered calls, no markers,
// no recorder, no pool.
func reference(text string, macros map[string]string, env Env) (string, error) {
	t := template.New("\x01reference")
	t.Funcs(pureFuncs()).Funcs(template.FuncMap{
		"ref":    func(args ...any) (string, error) { return env.Ref(args) },
		"source": env.Source,
		"config": func(...any) string { return "" },
		"var":    func(name string, def ...any) (any, error) { return env.Var(name, def) },
		"env_var": func(name string, def ...any) (string, error) {
			return env.EnvVar(name, def)
		},
		"this": env.This,
		"target": func(key ...string) any {
			if len(key) > 0 {
				return env.Target[key[0]]
			}
			return env.Target
		},
		"is_incremental": env.IsIncremental,
		"include": func(name string, dot ...any) (string, error) {
			var b strings.Builder
			var d any
			if len(dot) > 0 {
				d = dot[0]
			}
			err := t.ExecuteTemplate(&b, name, d)
			return b.String(), err
		},
	})
	for path, macro := range macros {
		macro = strings.TrimSuffix(strings.TrimSuffix(macro, "\n"), "\r")
		if _, err := t.New(strings.TrimSuffix(path[len("macros/"):], ".tmpl")).Parse(macro); err != nil {
			return "", err
		}
	}
	if _, err := t.Parse(strings.TrimPrefix(text, "\uFEFF")); err != nil {
		return "", err
	}
	var b strings.Builder
	err := t.Execute(&b, env.Data)
	return b.String(), err
}

// FuzzRender: the text is what text/template alone gives, and the map covers it all
// in order, verbatim parts being true copies.
func FuzzRender(f *testing.F) {
	for _, s := range []string{
		"a {{- ref \"x\" -}} b", "{{ range $i, $x := list 1 2 }}{{ if $i }}, {{ end }}{{ $x }}{{ end }}",
		"{{ if and is_incremental (eq target.name \"dev\") }}{{ this }}{{ else }}b{{ end }}", "{{ \"a\" | ref | quote }}",
		"{{ include \"cents\" 3 }} {{ template \"cents\" (var \"x\" 1) }}", "{{ define \"q\" }}{{ . }}{{ end }}{{ template \"q\" \"x\" }}{{ include \"q\" 1 }}",
		"{{ with target }}{{ .name }}{{ .schema }}{{ end }} {{ (target).type }}", "{{ block \"z\" . }}zz{{ . }}{{ end }}", "{{/* c */ -}} x {{- /* d */}}",
		"{{ range until 3 }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ . }}{{ end }}", "\xef\xbb\xbf{{ printf \"%v\" (dict \"a\" this) }}\r\n", "{{ source \"a\" \"b\" | upper | lower }}",
		"{{ $x := 1 }}{{ range list 1 2 3 }}{{ $x = add $x . }}{{ end }}{{ $x }}", "{{ not is_incremental }}{{ quote this }}{{ len target }}",
	} {
		f.Add(s)
	}
	lib, ds := Macros(files(testMacros))
	if len(ds) > 0 {
		f.Fatal(lines(ds))
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "range") && strings.ContainsAny(text, "56789") {
			return // do not wait for long loops
		}
		tm, ds := Parse(source.NewFile("m.sql", []byte(text)), lib)
		if len(ds) > 0 {
			return
		}
		env := testEnv()
		got, ds := tm.Render(env)
		if len(ds) > 0 {
			return
		}
		want, err := reference(text, testMacros, env)
		if err != nil {
			t.Fatalf("%q renders %q, text/template says %v", text, got.Body, err)
		}
		if got.Body != want {
			t.Fatalf("%q renders\n%q, text/template\n%q", text, got.Body, want)
		}
		at := 0
		for _, s := range got.Map.Segments() {
			if s.Start != at || s.End <= s.Start {
				t.Fatalf("%q: segment %d..%d behind %d", text, s.Start, s.End, at)
			}
			if s.Verbatim && s.Src.Text() != got.Body[s.Start:s.End] {
				t.Fatalf("%q: %q is said to be %q", text, got.Body[s.Start:s.End], s.Src.Text())
			}
			if !s.Verbatim && !strings.HasPrefix(s.Src.Text(), "{{") {
				t.Fatalf("%q: generated by %q", text, s.Src.Text())
			}
			at = s.End
		}
		if at != len(got.Body) {
			t.Fatalf("%q: the map ends at %d of %d", text, at, len(got.Body))
		}
	})
}

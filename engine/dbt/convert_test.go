package dbt

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/jinja"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/tmpl"
)

func parts(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n%%%%\n")
}

var vars = map[string]any{"start": "2024-01-01", "days": int64(7), "full": false, "methods": []any{"card", "bank"}, "nested": map[string]any{"a": int64(1)}}

// converted is a template with its macros in Go's language.
func converted(t *testing.T, text string) (model, macros string) {
	t.Helper()
	c := &Context{Project: "shop", Adapter: "duckdb", Vars: vars, Macro: func(string, string) (Macro, bool) { return Macro{}, false }}
	before, body, ok := strings.Cut(text, "\n====\n")
	if ok {
		tree, list := jinja.Parse(source.NewFile("macros/m.sql", []byte(before)))
		if list != nil {
			t.Fatal(list)
		}
		known := Signatures("", tree)
		c.Macro = func(pkg, name string) (Macro, bool) { m, ok := known[name]; return m, ok }
		if macros, list = c.MacroFile(tree); len(list) > 0 {
			t.Errorf("%s: %v", before, list)
		}
	} else {
		body = text
	}
	tree, list := jinja.Parse(source.NewFile("models/m.sql", []byte(body)))
	if list != nil {
		t.Fatal(list)
	}
	if model, list = c.Template(tree); len(list) > 0 {
		t.Errorf("%s: %v", body, list)
	}
	return model, macros
}

func rendered(t *testing.T, model, macros string, incremental bool) string {
	t.Helper()
	var files []*source.File
	if macros != "" {
		files = append(files, source.NewFile("macros/m.tmpl", []byte(macros)))
	}
	lib, ds := tmpl.Macros(files)
	if ds != nil {
		t.Fatalf("%s\n%v", macros, ds)
	}
	tm, ds := tmpl.Parse(source.NewFile("models/m.sql", []byte(model)), lib)
	if ds.HasErrors() {
		t.Errorf("%s\n%v", model, ds)
		return "error"
	}
	out, ds := tm.Render(tmpl.Env{
		Ref: func(args []any) (string, error) {
			name := args[0].(string)
			if len(args) == 3 {
				return "wh." + name + "_v2", nil
			}
			return "wh." + name, nil
		},
		Source: func(a, b string) (string, error) { return "raw." + a + "_" + b, nil },
		Var: func(name string, def []any) (any, error) {
			if v, ok := vars[name]; ok || len(def) == 0 {
				return v, nil
			}
			return def[0], nil
		},
		EnvVar:        func(_ string, def []any) (string, error) { return def[0].(string), nil },
		This:          func() string { return "wh.this" },
		Target:        map[string]any{"name": "dev", "schema": "main", "database": "db", "type": "duckdb"},
		IsIncremental: func() bool { return incremental },
		Config:        func([]any) error { return nil },
	})
	if ds != nil {
		t.Errorf("%s\n%v", model, ds)
		return "error"
	}
	return strings.TrimSuffix(out.Body, "\n")
}

// TestConverted: what Jinja2 renders of a template is what its counterpart renders, byte by byte.
func TestConverted(t *testing.T) {
	texts, want := parts(t, "testdata/templates.txt"), parts(t, "testdata/rendered.txt")
	if len(texts) != len(want) {
		t.Fatalf("%d templates, %d results", len(texts), len(want))
	}
	for i, text := range texts {
		full, incremental, _ := strings.Cut(want[i], "\n----\n")
		model, macros := converted(t, text)
		for mode, want := range map[bool]string{false: full, true: incremental} {
			if got := rendered(t, model, macros, mode); got != strings.TrimSuffix(want, "\n") {
				t.Errorf("%s\nbecame\n%s%s\n(-Jinja +Go)\n%s", text, macros, model, cmp.Diff(want, got))
			}
		}
	}
}

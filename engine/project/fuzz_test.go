package project

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"golang.org/x/tools/txtar"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

func writeFile(t testing.TB, dir, name, text string) {
	t.Helper()
	abs := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(abs), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(abs, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// FuzzLoad reads arbitrary bytes as engine.yml, as properties and as Markdown. Nothing
// panics, and every diagnostic can be shown.
func FuzzLoad(f *testing.F) {
	files, _ := filepath.Glob("testdata/*/*.txtar")
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var settings, md string
		for _, x := range a.Files {
			switch {
			case x.Name == "engine.yml":
				settings = string(unescape(x.Data))
			case strings.HasSuffix(x.Name, ".md"):
				md = string(x.Data)
			}
		}
		for _, x := range a.Files {
			if strings.HasSuffix(x.Name, "l") {
				f.Add(settings, string(unescape(x.Data)), md)
			}
		}
	}
	dir := f.TempDir()
	writeFile(f, dir, "models/staging/a.sql", "select 1")
	f.Fuzz(func(t *testing.T, settings, props, md string) {
		writeFile(t, dir, "engine.yml", settings)
		writeFile(t, dir, "models/a.yml", props)
		writeFile(t, dir, "models/a.md", md)
		p, list := Load(dir, envOf())
		if p.Settings.File == nil || len(p.Settings.Targets) == 0 {
			t.Fatal("there are no settings")
		}
		for _, target := range p.Settings.Targets {
			_, more := p.Settings.Target(target.Name, envOf())
			list = append(list, more...)
		}
		for _, d := range list {
			if d.Code == "" || d.Message == "" {
				t.Errorf("incomplete: %+v", d)
			}
			if d.At.File != nil && (d.At.Start < 0 || d.At.End < d.At.Start || d.At.End > len(d.At.File.Data)) {
				t.Errorf("the place is outside of the file: %+v", d)
			}
		}
		if err := diag.Render(io.Discard, list, diag.RenderOptions{Width: 80}); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzYAMLSpans holds the spans of scalars to their text: a plain scalar on one line is
// spelled as its value.
func FuzzYAMLSpans(f *testing.F) {
	for _, s := range []string{"a: b", "é: [x, 'y', \"z\"]", "a: &x b\nc: *x", "? a\n: b", "a: |\n  x\nb: >-\n  y\n\n  z\n", "- !!str a b\n- {c: d e,}", "a: b\r\nc: d\u0085e: f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, ok := fuzzFile(text)
		if !ok {
			return
		}
		d, _ := parseYAML(file)
		if d.root != nil {
			checkSpans(t, d, d.root)
		}
	})
}

func fuzzFile(text string) (*source.File, bool) {
	if !utf8.ValidString(text) || strings.HasPrefix(text, "\uFEFF") {
		return nil, false // Load reports these before parsing
	}
	return source.NewFile("a.yml", []byte(text)), true
}

func checkSpans(t *testing.T, d *document, n *yaml.Node) {
	at := d.span(n)
	if n.Kind == yaml.ScalarNode && n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0 &&
		!strings.ContainsAny(n.Value, " \n\u0085\u2028\u2029") && at.Text() != n.Value {
		t.Errorf("the span of %q at %d:%d is %q", n.Value, n.Line, n.Column, at.Text())
	}
	if text := at.Text(); n.Kind == yaml.ScalarNode && n.Style&yaml.DoubleQuotedStyle != 0 && (len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"') {
		t.Errorf("the span of quoted %q is %q", n.Value, text)
	}
	for _, c := range n.Content {
		checkSpans(t, d, c)
	}
}

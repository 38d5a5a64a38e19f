package docs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

const root = "../.."

// region is a generated part of a page: from its marker to the next end marker.
var region = regexp.MustCompile(`(?s)(<!-- generated: ([a-z -]+) -->\n)(.*?)(<!-- end -->\n)`)

// TestGeneratedParts compares the generated parts of every page with what the program
// says. ENGINE_UPDATE=1 renews them, and fails so that an update never looks like a pass.
func TestGeneratedParts(t *testing.T) {
	parts := generated()
	used := map[string]bool{}
	for _, page := range pages(t) {
		text := read(t, page)
		renewed := region.ReplaceAllStringFunc(text, func(part string) string {
			m := region.FindStringSubmatch(part)
			body, ok := parts[m[2]]
			if !ok {
				t.Errorf("%s: nothing generates %q", page, m[2])
				return part
			}
			used[m[2]] = true
			return m[1] + "\n" + body + "\n" + m[4]
		})
		if text == renewed {
			continue
		}
		if os.Getenv("ENGINE_UPDATE") != "" {
			if err := os.WriteFile(filepath.Join(root, page), []byte(renewed), 0o644); err != nil {
				t.Fatal(err)
			}
			t.Errorf("%s was written: run again without ENGINE_UPDATE", page)
			continue
		}
		t.Errorf("%s is not what the program says (-page +program); ENGINE_UPDATE=1 renews it:\n%s", page, cmp.Diff(text, renewed))
	}
	for name := range parts {
		if !used[name] {
			t.Errorf("no page has the part %q", name)
		}
	}
}

// pages are the README and all of docs/, relative to the repository.
func pages(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(files) == 0 {
		t.Fatal("no pages", err)
	}
	out := []string{"README.md"}
	for _, f := range files {
		out = append(out, "docs/"+filepath.Base(f))
	}
	return out
}

func read(t *testing.T, page string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(page)))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var (
	fence   = regexp.MustCompile("(?ms)^```.*?^```[ \t]*$")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} (.+)$`)
)

// TestLinks: every link inside the repository leads to a file, and to a heading of it.
func TestLinks(t *testing.T) {
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(read(t, page), ""), -1) {
			target := m[1]
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			name, anchor, _ := strings.Cut(target, "#")
			path := page
			if name != "" {
				path = filepath.ToSlash(filepath.Join(filepath.Dir(page), name))
			}
			if _, err := os.Stat(filepath.Join(root, path)); err != nil {
				t.Errorf("%s: link to %s leads nowhere", page, target)
				continue
			}
			if anchor != "" && !slices.Contains(anchors(read(t, path)), anchor) {
				t.Errorf("%s: %s has no heading for #%s", page, path, anchor)
			}
		}
	}
}

// anchors are the headings as GitHub names them.
func anchors(text string) []string {
	var out []string
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		out = append(out, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
				return r
			}
			return -1
		}, strings.ToLower(m[1])))
	}
	return out
}

// example is a fenced block whose first line names the file it stands for: «```sql models/a.sql».
var example = regexp.MustCompile("(?ms)^```[a-z]+ ([A-Za-z0-9_./]+)\n(.*?)^```[ \t]*$")

// TestExamples makes a project of the marked examples of each page and compiles it: it has
// no mistakes, not even warnings.
func TestExamples(t *testing.T) {
	some := 0
	for _, page := range pages(t) {
		files := map[string]string{}
		for _, m := range example.FindAllStringSubmatch(read(t, page), -1) {
			if files[m[1]] != "" {
				t.Errorf("%s: two examples are %s", page, m[1])
			}
			files[m[1]] = m[2]
		}
		if len(files) == 0 {
			continue
		}
		some++
		t.Run(page, func(t *testing.T) {
			if files["engine.yml"] == "" {
				files["engine.yml"] = "name: shop\ndialect: duckdb\n"
			}
			o, list := load(t, files)
			_ = o
			if len(list) > 0 {
				var out strings.Builder
				if err := diag.Render(&out, list, diag.RenderOptions{}); err != nil {
					t.Fatal(err)
				}
				t.Errorf("the examples have mistakes:\n%s", out.String())
			}
		})
	}
	if some < 3 {
		t.Errorf("only %d pages have examples", some)
	}
}

// load writes a project, compiles it and answers all that is said about it.
func load(t *testing.T, files map[string]string) (engine.Options, diag.List) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	env := func(name string) (string, bool) { return "x", name == "ENGINE_ENV" }
	o := engine.Options{Dir: dir, Env: env, Drivers: []warehouse.Driver{duckdb.Driver{}}, Jobs: 1}
	p, list := engine.Load(o)
	_, more := engine.Compile(context.Background(), p, o)
	return o, append(list, more...)
}

// table writes a Markdown table.
func table(head []string, rows [][]string) string {
	var b strings.Builder
	line := func(cells []string) {
		b.WriteString("|")
		for _, c := range cells {
			fmt.Fprintf(&b, " %s |", strings.NewReplacer("|", `\|`, "\n", " ").Replace(c))
		}
		b.WriteString("\n")
	}
	line(head)
	b.WriteString(strings.Repeat("|---", len(head)) + "|\n")
	for _, r := range rows {
		line(r)
	}
	return b.String()
}

func code(words ...string) string {
	var out []string
	for _, w := range words {
		if w != "" {
			out = append(out, "`"+w+"`")
		}
	}
	return strings.Join(out, ", ")
}

package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/cmd/engine/view"
)

// snippets are the blocks of docs/ci.md that are marked as checked, by their name.
func snippets(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "ci.md"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, m := range regexp.MustCompile("(?s)<!-- checked: (\\w+) -->\n\n```\\w+\n(.*?)```\n").FindAllStringSubmatch(string(text), -1) {
		out[m[1]] = m[2]
	}
	return out
}

// commandLines are the shell scripts of a workflow, wherever they stand in it.
func commandLines(v any) []string {
	var out []string
	switch v := v.(type) {
	case map[string]any:
		for key, x := range v {
			text, isText := x.(string)
			list, isList := x.([]any)
			switch {
			case key == "run" && isText:
				out = append(out, text)
			case key == "script" && isList:
				for _, line := range list {
					if text, ok := line.(string); ok {
						out = append(out, text)
					}
				}
			default:
				out = append(out, commandLines(x)...)
			}
		}
	case []any:
		for _, x := range v {
			out = append(out, commandLines(x)...)
		}
	}
	return out
}

// TestWorkflows: each script of the workflows, ours and those that docs/ci.md offers, is one
// that a shell reads, and calls the engine with flags that it has.
func TestWorkflows(t *testing.T) {
	texts := snippets(t)
	for _, path := range []string{".github/workflows/ci.yml", ".github/workflows/release.yml", ".github/workflows/published.yml", "action.yml"} {
		text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(path)))
		if err != nil {
			t.Fatal(err)
		}
		texts[path] = string(text)
	}
	for _, want := range []string{"github", "gitlab", "duckdb"} {
		if texts[want] == "" {
			t.Errorf("docs/ci.md has no checked block %q", want)
		}
	}
	expression := regexp.MustCompile(`\$\{\{.*?\}\}`)
	flag := regexp.MustCompile(`--[a-z][a-z-]*`)
	calls := 0
	for name, text := range texts {
		scripts := []string{text}
		if name != "duckdb" {
			var doc any
			if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			scripts = commandLines(doc)
		}
		if len(scripts) == 0 {
			t.Errorf("%s has no script", name)
		}
		for _, script := range scripts {
			script = expression.ReplaceAllString(script, "x")
			cmd := exec.Command("bash", "-n")
			cmd.Stdin = strings.NewReader(script)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s\n%s", name, err, out, script)
			}
			for line := range strings.Lines(script) {
				words := strings.Fields(line)
				if len(words) < 2 || filepath.Base(words[0]) != "engine" {
					continue
				}
				calls++
				root := (&app{env: func(string) (string, bool) { return "", false }, drivers: drivers}).rootCommand()
				cmd, _, err := root.Find(words[1:2])
				if err != nil {
					t.Errorf("%s: %v in %s", name, err, line)
					continue
				}
				for _, f := range flag.FindAllString(line, -1) {
					if known := strings.TrimPrefix(f, "--"); cmd.Flags().Lookup(known) == nil && cmd.InheritedFlags().Lookup(known) == nil {
						t.Errorf("%s: engine %s has no flag %s: %s", name, words[1], f, line)
					}
				}
			}
		}
	}
	if calls < 8 {
		t.Errorf("only %d calls of the engine were found", calls)
	}
}

// TestDocsDuckDB runs what docs/ci.md says of a project that needs no warehouse: a copy of the
// reference project, with a branch and a commit.
func TestDocsDuckDB(t *testing.T) {
	script := snippets(t)["duckdb"]
	root := t.TempDir()
	dir := filepath.Join(root, "shop")
	for _, name := range []string{"engine.yml", "models", "seeds", "snapshots", "tests", "macros"} {
		copyAll(t, filepath.Join("..", "..", name), filepath.Join(dir, name))
	}
	bin := filepath.Join(root, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The test's own binary is the engine where it is called by that name.
	if err := os.Symlink(self, filepath.Join(bin, "engine")); err != nil {
		t.Fatal(err)
	}
	prepare := `set -e
git init -q -b main
printf '/target/\n' > .gitignore
git add -A
git -c user.name=a -c user.email=a@example.org commit -q -m base
git checkout -q -b change
sed -i.bak 's/sale.currency,/upper(sale.currency) as currency,/' models/core/fct_sales.sql
rm models/core/fct_sales.sql.bak
git -c user.name=a -c user.email=a@example.org commit -q -a -m change
`
	for _, text := range []string{prepare, "set -e\n" + script} {
		cmd := exec.Command("bash")
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(text)
		cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "BASE=main", "HOME="+root)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s\n%s", err, text, out)
		}
	}
	report, err := os.ReadFile(filepath.Join(dir, "report.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# manufacturing: passed", "- 1 node changed, 0 gone", "| fct\\_sales | direct | values | currency expression |", "## Data compared with target prod"} {
		if !strings.Contains(string(report), want) {
			t.Errorf("no %q in\n%s", want, report)
		}
	}
	if regexp.MustCompile(`tests? (added|removed)`).Match(report) {
		t.Errorf("tests seem to have changed:\n%s", report)
	}
	if _, err := os.Stat(filepath.Join(dir, "junit.xml")); err != nil {
		t.Error(err)
	}
	if len(report) > view.CommentBytes {
		t.Errorf("the report has %d bytes", len(report))
	}
}

func copyAll(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		dest := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(dest, 0o755)
		}
		if err := os.MkdirAll(filepath.Dir(dest), 0o755); err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(dest, data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

package format

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
)

// check formats a text and holds it to the promises: the same SQL, and nothing to do the
// second time. It reports whether the text could be formatted.
func check(t *testing.T, name string, text []byte, o Options) bool {
	t.Helper()
	f := source.NewFile(name, text)
	once, ds := File(f, o)
	if ds.HasErrors() {
		for _, d := range ds {
			if d.Code == codeChanged {
				t.Errorf("%s: %s\n%s", name, d.Message, text)
			}
		}
		return false
	}
	twice, ds := File(source.NewFile(name, once), o)
	if ds.HasErrors() {
		t.Errorf("%s: what was formatted is refused: %s\n%s", name, ds[0].Message, once)
	} else if !bytes.Equal(once, twice) {
		t.Errorf("%s: the second time is different\n--- once\n%s\n--- twice\n%s", name, once, twice)
	}
	return true
}

// styles are options that differ in everything.
func styles(l sql.Lexis) []Options {
	a, b := Defaults(), Options{LineLength: 40, Indent: 2, Keywords: Upper, Commas: Leading}
	a.Lexis, b.Lexis = l, l
	return []Options{a, b}
}

// TestRepository formats every SQL file of the repository.
func TestRepository(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	files := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root {
			return filepath.SkipDir
		}
		if d.IsDir() && d.Name() == "target" {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".sql" {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		for _, o := range append(styles(sql.GoogleSQL), styles(sql.Standard)...) {
			if !check(t, path, data, o) && !strings.Contains(path, "testdata") {
				t.Errorf("%s is refused", path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 40 {
		t.Errorf("only %d files", files)
	}
}

// outside are the statements of the conformance data, which are not part of the repository.
func outside(t testing.TB) map[string][]string {
	t.Helper()
	root := filepath.Join("..", "..", "..", "..", "shared", "conformance")
	if _, err := os.Stat(root); err != nil {
		t.Skipf("needs the conformance data beside the repository, in %s", root)
	}
	option := regexp.MustCompile(`(?m)^(\[[^\n]*\]|#[^\n]*)\n`)
	out := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		switch filepath.Ext(path) {
		case ".test":
			for _, c := range strings.Split(string(data), "\n==\n") {
				statement, _, _ := strings.Cut(c, "\n--\n")
				out[name] = append(out[name], option.ReplaceAllString(statement, ""))
			}
		case ".yaml":
			var doc struct {
				Cases []struct {
					Setup any    `yaml:"setup"`
					SQL   string `yaml:"sql"`
				} `yaml:"cases"`
			}
			if err := yaml.Unmarshal(data, &doc); err != nil {
				t.Logf("%s: %v", name, err)
				return nil
			}
			for _, c := range doc.Cases {
				out[name] = append(out[name], c.SQL)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestOutside formats the statements of the conformance data.
func TestOutside(t *testing.T) {
	good, all := 0, 0
	for name, statements := range outside(t) {
		for _, s := range statements {
			all++
			whole := true
			for _, o := range styles(sql.GoogleSQL) {
				whole = check(t, name, []byte(s), o) && whole
			}
			if whole {
				good++
			}
		}
	}
	t.Logf("%d of %d statements", good, all)
	if good*100 < all*98 {
		t.Errorf("only %d of %d statements can be formatted", good, all)
	}
}

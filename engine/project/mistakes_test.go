package project

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/engine-build/engine/engine/diag"
)

// write makes a project folder of an archive. A file whose name ends in «@» is a link to
// its content.
func write(t testing.TB, a *txtar.Archive) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range a.Files {
		if f.Name == "want" {
			continue
		}
		name, isLink := strings.CutSuffix(f.Name, "@")
		abs := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(abs), 0o755); err != nil {
			t.Fatal(err)
		}
		if isLink {
			if err := os.Symlink(strings.TrimSpace(string(f.Data)), abs); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(abs, unescape(f.Data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// unescape lets archives hold bytes that text files should not.
func unescape(data []byte) []byte {
	return []byte(strings.NewReplacer("«TAB»", "\t", "«BOM»", "\xEF\xBB\xBF", "«FF»", "\xFF", "«01»", "\x01", "«CR»", "\r", "«NOTHING»\n", "").Replace(string(data)))
}

func envOf(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

// TestMistakes loads every archive of the corpus and compares all that is said about it.
func TestMistakes(t *testing.T) {
	update := os.Getenv("ENGINE_UPDATE") != ""
	files, err := filepath.Glob("testdata/mistakes/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no corpus", err)
	}
	emitted := map[diag.Code]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			dir := write(t, a)
			p, list := Load(dir, envOf())
			if p.Settings.File != nil {
				_, more := p.Settings.Target("", envOf())
				list = append(list, more...)
			}
			for _, d := range list {
				emitted[d.Code] = true
				if d.Message == "" || strings.HasSuffix(d.Message, ".") || strings.Contains(d.Message, "\n") {
					t.Errorf("badly worded: %q", d.Message)
				}
			}
			var b strings.Builder
			if err := diag.Render(&b, list, diag.RenderOptions{}); err != nil {
				t.Fatal(err)
			}
			got := strings.ReplaceAll(b.String(), dir, "$DIR")
			i := slices.IndexFunc(a.Files, func(f txtar.File) bool { return f.Name == "want" })
			if i < 0 {
				a.Files = append(a.Files, txtar.File{Name: "want"})
				i = len(a.Files) - 1
			}
			diff := cmp.Diff(string(a.Files[i].Data), got)
			if diff == "" {
				return
			}
			t.Errorf("diagnostics (-want +got):\n%s", diff)
			if update {
				a.Files[i].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	// Needs a file system that archives cannot describe: see load_test.go.
	for _, c := range []diag.Code{codeProjectMissing, codeFileUnreadable, codeFileLarge, codeFileSpecial} {
		emitted[c] = true
	}
	catalogued := map[diag.Code]bool{}
	for _, e := range Codes {
		if catalogued[e.Code] {
			t.Errorf("code %s has two entries", e.Code)
		}
		catalogued[e.Code] = true
		if e.Title == "" || e.Explain == "" || e.Bad == "" || e.Good == "" {
			t.Errorf("the entry of %s is not complete", e.Code)
		}
		if !emitted[e.Code] {
			t.Errorf("no case of the corpus has %s", e.Code)
		}
	}
	for c := range emitted {
		if !catalogued[c] {
			t.Errorf("code %s has no entry", c)
		}
	}
}

package dbt

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/engine-build/engine/engine/source"
)

// TestImport: whole projects against what they became. ENGINE_UPDATE=1 writes the files anew.
func TestImport(t *testing.T) {
	all, err := filepath.Glob("testdata/import/*.txtar")
	if err != nil || len(all) == 0 {
		t.Fatal("no projects", err)
	}
	for _, name := range all {
		t.Run(filepath.Base(name), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			dir, o := fstest.MapFS{}, Options{}
			want := ""
			for _, f := range a.Files {
				switch f.Name {
				case "want":
					want = string(f.Data)
				case "profiles.yml":
					o.Profiles = source.NewFile(f.Name, f.Data)
				default:
					dir[f.Name] = &fstest.MapFile{Data: f.Data}
				}
			}
			p, err := Import(dir, o)
			if err != nil {
				t.Fatal(err)
			}
			got := imported(p)
			if os.Getenv("ENGINE_UPDATE") == "1" && got != want {
				a.Files = slices.DeleteFunc(a.Files, func(f txtar.File) bool { return f.Name == "want" })
				a.Files = append(a.Files, txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				t.Errorf("%s was rewritten", name)
				return
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// imported prints an import; file names stand behind two signs, for txtar would take them for its own.
func imported(p *Project) string {
	var b strings.Builder
	var names []string
	for name := range p.Files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b.WriteString("== " + name + "\n" + strings.TrimRight(string(p.Files[name]), "\n") + "\n")
	}
	b.WriteString("== notes\n")
	for _, d := range p.Notes {
		b.WriteString(d.Line() + "\n")
	}
	return b.String()
}

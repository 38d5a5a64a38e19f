package golden

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/engine-build/engine/internal/atomicfile"
)

// Prefix starts the names of expected texts in a case; all other files are inputs.
const Prefix = "out/"

// Case is one archive.
type Case struct {
	Name    string // file name without extension
	Comment string // what stands above the first file: what the case is about
	Path    string
	archive *txtar.Archive
}

// Input is the text of an input file; it fails the test if there is none.
func (c *Case) Input(t testing.TB, name string) []byte {
	t.Helper()
	for _, f := range c.archive.Files {
		if f.Name == name {
			return f.Data
		}
	}
	t.Fatalf("%s has no file %s", c.Path, name)
	return nil
}

// Inputs lists the input files by name.
func (c *Case) Inputs() map[string][]byte {
	out := map[string][]byte{}
	for _, f := range c.archive.Files {
		if !strings.HasPrefix(f.Name, Prefix) {
			out[f.Name] = f.Data
		}
	}
	return out
}

// Unpack writes the inputs below dir.
func (c *Case) Unpack(t testing.TB, dir string) {
	t.Helper()
	for name, data := range c.Inputs() {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Run gives every case that matches pattern («testdata/*.txtar») to stage as a parallel
// subtest, and compares the texts it returns, by name without Prefix, with the archive.
// A text that is expected and not returned is a difference too, except those that another
// stage owns: several stages may share a corpus when each names its texts below a folder
// of its own, given as owns («compile/»; empty: all).
func Run(t *testing.T, pattern, owns string, stage func(*testing.T, *Case) map[string]string) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Fatalf("no case matches %s", pattern)
	}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c := &Case{
			Name: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), Comment: strings.TrimSpace(string(archive.Comment)),
			Path: path, archive: archive,
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			report(t, c, owns, stage(t, c))
		})
	}
}

func report(t *testing.T, c *Case, owns string, got map[string]string) {
	t.Helper()
	diffs := compare(c.archive, owns, got)
	if len(diffs) == 0 {
		return
	}
	if updating() {
		if err := update(c, owns, got); err != nil {
			t.Fatal(err)
		}
		t.Errorf("%s rewritten: look at the difference, then run again without ENGINE_UPDATE", c.Path)
		return
	}
	for _, d := range diffs {
		t.Errorf("%s: %s", c.Path, d)
	}
	t.Logf("to accept: ENGINE_UPDATE=1 go test -run '%s' .", t.Name())
}

func updating() bool { return os.Getenv("ENGINE_UPDATE") == "1" }

// compare describes every difference between the archive's texts and got.
func compare(a *txtar.Archive, owns string, got map[string]string) []string {
	var out []string
	want := map[string]string{}
	for _, f := range a.Files {
		if name, ok := strings.CutPrefix(f.Name, Prefix); ok && strings.HasPrefix(name, owns) {
			want[name] = string(f.Data)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		text := normal(got[name])
		if w, ok := want[name]; !ok {
			out = append(out, fmt.Sprintf("%s%s is new:\n%s", Prefix, name, text))
		} else if diff := cmp.Diff(w, text); diff != "" {
			out = append(out, fmt.Sprintf("%s%s (-want +got):\n%s", Prefix, name, diff))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if _, ok := got[name]; !ok {
			out = append(out, fmt.Sprintf("%s%s is expected and was not made", Prefix, name))
		}
	}
	return out
}

// normal ends a text with a line break, as txtar keeps it.
func normal(s string) string {
	if s == "" || strings.HasSuffix(s, "\n") {
		return s
	}
	return s + "\n"
}

// update rewrites the texts that owns covers and leaves the rest of the archive, comment
// and order included, as it is.
func update(c *Case, owns string, got map[string]string) error {
	rest := maps.Clone(got)
	next := &txtar.Archive{Comment: c.archive.Comment}
	for _, f := range c.archive.Files {
		name, isText := strings.CutPrefix(f.Name, Prefix)
		if !isText || !strings.HasPrefix(name, owns) {
			next.Files = append(next.Files, f)
			continue
		}
		if text, ok := rest[name]; ok {
			next.Files = append(next.Files, txtar.File{Name: f.Name, Data: []byte(normal(text))})
			delete(rest, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rest)) {
		next.Files = append(next.Files, txtar.File{Name: Prefix + name, Data: []byte(normal(rest[name]))})
	}
	data := txtar.Format(next)
	if again := txtar.Parse(data); !bytes.Equal(txtar.Format(again), data) || len(again.Files) != len(next.Files) {
		return fmt.Errorf("%s: a text has a line that looks like a file marker", c.Path)
	}
	return atomicfile.Write(c.Path, data)
}

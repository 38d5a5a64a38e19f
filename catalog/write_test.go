package catalog

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/content/contenttest"
)

func nothing() *content.Catalog {
	return &content.Catalog{Project: "empty", Flow: content.Flow{First: []int32{0}}}
}

// on lists the files below a directory.
func on(t *testing.T, dir string) []string {
	t.Helper()
	var have []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, p)
			have = append(have, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(have)
	return have
}

func listed(s *Site) []string {
	want := append([]string{listName}, s.Paths()...)
	slices.Sort(want)
	return want
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	first := Build(contenttest.Large(40), Options{})
	if err := first.Write(dir); err != nil {
		t.Fatal(err)
	}
	for p, want := range made(first) {
		got, err := os.ReadFile(filepath.Join(dir, p))
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%s: %v", p, err)
		}
	}
	if d := cmp.Diff(listed(first), on(t, dir)); d != "" {
		t.Error(d)
	}
	// A stranger's file survives.
	mine := filepath.Join(dir, "model", "notes.txt")
	if err := os.WriteFile(mine, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	second := Build(contenttest.Small(), Options{})
	if err := second.Write(dir); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(mine); err != nil || string(b) != "mine" {
		t.Errorf("a foreign file is gone: %v", err)
	}
	want := append(listed(second), "model/notes.txt")
	slices.Sort(want)
	if d := cmp.Diff(want, on(t, dir)); d != "" {
		t.Error(d)
	}
	// What has not changed is not written again.
	old := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, p := range second.Paths() {
		if err := os.Chtimes(filepath.Join(dir, p), old, old); err != nil {
			t.Fatal(err)
		}
	}
	changed := contenttest.Small()
	changed.Nodes[0].Description = "Changed."
	if err := Build(changed, Options{}).Write(dir); err != nil {
		t.Fatal(err)
	}
	again := 0
	for _, p := range second.Paths() {
		info, err := os.Stat(filepath.Join(dir, p))
		if err != nil {
			t.Fatal(err)
		}
		if !info.ModTime().Equal(old) {
			again++
		} else if p == nodePath(changed.Nodes[0]) {
			t.Errorf("%s was not written", p)
		}
	}
	if again == 0 || again > len(second.Paths())/2 {
		t.Errorf("%d of %d files were written again", again, len(second.Paths()))
	}
}

func TestWriteRefusesForeignFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte("my home page"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := Build(nothing(), Options{}).Write(dir)
	if e := (*ForeignFileError)(nil); !errors.As(err, &e) || e.Path != "index.html" {
		t.Fatalf("got %v", err)
	}
	if names := on(t, dir); len(names) != 1 {
		t.Errorf("something was written: %v", names)
	}
}

func TestWriteTrustsNoList(t *testing.T) {
	base := t.TempDir()
	outside := filepath.Join(base, "outside.txt")
	dir := filepath.Join(base, "site")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for p, s := range map[string]string{outside: "keep", filepath.Join(dir, listName): "../outside.txt\n/etc/hosts\n\n# x\n"} {
		if err := os.WriteFile(p, []byte(s), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := Build(nothing(), Options{}).Write(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(outside); err != nil {
		t.Errorf("a file outside was removed: %v", err)
	}
}

func TestWriteFollowsNoLinkOut(t *testing.T) {
	base := t.TempDir()
	dir, outside := filepath.Join(base, "site"), filepath.Join(base, "outside")
	for _, d := range []string{dir, outside} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	if err := Build(nothing(), Options{}).Write(dir); err == nil {
		t.Error("a site was written through a link that leads out")
	}
	if names := on(t, outside); len(names) > 0 {
		t.Errorf("outside: %v", names)
	}
}

func TestWriteAfterInterruption(t *testing.T) {
	dir := t.TempDir()
	if err := Build(contenttest.Large(30), Options{}).Write(dir); err != nil {
		t.Fatal(err)
	}
	// As after a crash: half of the new site is there, files are begun, the list names both.
	small := Build(nothing(), Options{})
	index, _ := small.File("index.html")
	for p, b := range map[string][]byte{"index.html": index, tempName + "0": []byte("half"), tempName + "17": nil} {
		if err := os.WriteFile(filepath.Join(dir, p), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := small.Write(dir); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(listed(small), on(t, dir)); d != "" {
		t.Error(d)
	}
}

// TestWriteKeepsTheOldSiteWhole stops a write in its middle, by a directory in the way of a page,
// and looks at what a reader meets then: every page that is there has its parts.
func TestWriteKeepsTheOldSiteWhole(t *testing.T) {
	dir := t.TempDir()
	site := Build(contenttest.Small(), Options{})
	if err := os.MkdirAll(filepath.Join(dir, "lineage.html", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := site.Write(dir); err == nil || !strings.Contains(err.Error(), "lineage.html") {
		t.Fatalf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "index.html")); err == nil {
		t.Error("the entrance is there before the rest")
	}
	if err := os.RemoveAll(filepath.Join(dir, "lineage.html")); err != nil {
		t.Fatal(err)
	}
	if err := site.Write(dir); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(listed(site), on(t, dir)); d != "" {
		t.Error(d)
	}
}

func TestSingleFileHasALimit(t *testing.T) {
	s := Build(contenttest.Small(), Options{})
	s.most = 100_000
	_, err := s.SingleFile()
	if e := (*TooLargeError)(nil); !errors.As(err, &e) || !strings.Contains(err.Error(), "write it as a folder") {
		t.Errorf("got %v", err)
	}
	if err := s.WriteFile(filepath.Join(t.TempDir(), "x.html")); err == nil {
		t.Error("a file was written")
	}
}

func BenchmarkWrite10000(b *testing.B) {
	c := contenttest.Large(10_000)
	runtime.GC()
	for b.Loop() {
		dir := b.TempDir()
		if err := Build(c, Options{}).Write(dir); err != nil {
			b.Fatal(err)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.Sys>>20), "MB-sys")
	}
}

// TestTwoProcessesWrite: whoever writes first or last, every page is whole and is its own.
func TestTwoProcessesWrite(t *testing.T) {
	site := func() *Site { return Build(contenttest.Large(60), Options{}) }
	if dir := os.Getenv("CATALOG_TEST_WRITE"); dir != "" {
		if err := site().Write(dir); err != nil {
			t.Fatal(err)
		}
		return
	}
	dir := filepath.Join(t.TempDir(), "site")
	var all []*exec.Cmd
	for range 4 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestTwoProcessesWrite$")
		cmd.Env = append(os.Environ(), "CATALOG_TEST_WRITE="+dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, cmd)
	}
	for _, cmd := range all {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	s := site()
	for p, want := range made(s) {
		if got, err := os.ReadFile(filepath.Join(dir, p)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v", p, err)
		}
	}
	if d := cmp.Diff(listed(s), on(t, dir)); d != "" {
		t.Error(d)
	}
}

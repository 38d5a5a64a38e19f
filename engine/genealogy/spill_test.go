package genealogy

import (
	"os"
	"runtime"
	"testing"
)

// TestTemporary: a file for lists does not outlive the process, however that ends.
func TestTemporary(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	f, err := temporary()
	if err != nil {
		t.Fatal(err)
	}
	left := func() int {
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	if n := left(); n != 0 && runtime.GOOS != "windows" {
		t.Errorf("%d files while it is used", n)
	}
	if _, err := f.WriteAt([]byte("lists"), 7); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	if _, err := f.ReadAt(got, 7); err != nil || string(got) != "lists" {
		t.Errorf("%q, %v", got, err)
	}
	if err := f.Close(); err != nil || left() != 0 {
		t.Errorf("%v, %d files are left", err, left())
	}
}

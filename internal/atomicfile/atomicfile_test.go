package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWriteReplacesWholeFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "file.json")
	for _, want := range []string{"first", "2"} {
		if err := Write(path, []byte(want)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Error(diff)
		}
	}
	onlyFile(t, path)
}

func TestFailedWriteLeavesTheOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.json")
	if err := Write(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	err := WriteTo(path, func(w io.Writer) error {
		if _, err := io.WriteString(w, "half"); err != nil {
			t.Fatal(err)
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Errorf("got error %v, want one that wraps %v", err, boom)
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != "old" {
		t.Errorf("got %q, %v; want the old content", got, err)
	}
	onlyFile(t, path)
}

func TestWriteIntoAFileAsFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := Write(path, nil); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(path, "below"), nil); err == nil {
		t.Error("got no error for a folder that is a file")
	}
}

// onlyFile checks that no temporary file stays behind.
func onlyFile(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("got %d entries beside %s, want it alone: %v", len(entries), path, entries)
	}
}

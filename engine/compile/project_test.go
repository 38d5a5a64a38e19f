package compile_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/engine-build/engine/engine"
)

// mu guards what parallel cases collect.
var mu sync.Mutex

// project writes files to a folder of its own.
func project(t *testing.T, files map[string]string) engine.Options {
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
	return options(dir)
}

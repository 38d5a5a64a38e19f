package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOwn: what others have put into a folder is never deleted.
func TestOwn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tools", "x")
	if err := own(dir, true); err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(dir, "half")
	if err := os.WriteFile(half, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := own(dir, false); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(half); err != nil {
		t.Error("deleted without being asked to")
	}
	if err := own(dir, true); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(half); err == nil {
		t.Error("half of an installation is still there")
	}
	theirs := t.TempDir()
	if err := os.WriteFile(filepath.Join(theirs, "precious"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := own(theirs, true); err == nil || !strings.Contains(err.Error(), "-tools") {
		t.Errorf("somebody's folder is taken: %v", err)
	}
	if _, err := os.Stat(filepath.Join(theirs, "precious")); err != nil {
		t.Error("somebody's file is gone")
	}
}

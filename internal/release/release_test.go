package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

var built = &debug.BuildInfo{
	GoVersion: "go1.26.8",
	Main:      debug.Module{Path: "github.com/engine-build/engine", Version: "(devel)"},
	Deps: []*debug.Module{
		{Path: "github.com/b/two/v2", Version: "v2.0.0+incompatible", Sum: "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
		{Path: "github.com/a/One", Version: "v1.0.0", Replace: &debug.Module{Path: "github.com/c/fork", Version: "v1.0.1", Sum: "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}},
	},
	Settings: []debug.BuildSetting{{Key: "GOOS", Value: "linux"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}},
}

// TestSBOM: the bill names what is linked in, and says the same twice.
func TestSBOM(t *testing.T) {
	at, err := moment("", built)
	if err != nil {
		t.Fatal(err)
	}
	var first, again bytes.Buffer
	for _, out := range []*bytes.Buffer{&first, &again} {
		if err := writeSBOM(out, built, []byte("binary"), "v1.2.3", at); err != nil {
			t.Fatal(err)
		}
	}
	if first.String() != again.String() {
		t.Error("two bills of one binary differ")
	}
	var doc sbom
	if err := json.Unmarshal(first.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	var refs []string
	for _, c := range doc.Components {
		refs = append(refs, c.PURL)
	}
	want := "pkg:golang/github.com/b/two/v2@v2.0.0%2Bincompatible pkg:golang/github.com/c/fork@v1.0.1 pkg:golang/std@1.26.8"
	if got := strings.Join(refs, " "); got != want {
		t.Errorf("components\n%s\nwant\n%s", got, want)
	}
	if m := doc.Metadata; m.Component.Version != "v1.2.3" || m.Timestamp != "2026-01-02T03:04:05Z" || len(m.Component.Hashes) != 1 {
		t.Errorf("metadata %+v", m)
	}
	if _, err := moment("", &debug.BuildInfo{}); err == nil {
		t.Error("a binary without a time has one")
	}
	if at, err := moment("2026-02-03T04:05:06+01:00", built); err != nil || at.Format(time.RFC3339) != "2026-02-03T03:05:06Z" {
		t.Errorf("a given time is %v, %v", at, err)
	}
}

// TestNotices: each module's licence is there, and a module without one stops the release.
func TestNotices(t *testing.T) {
	root := t.TempDir()
	put := func(path, text string) {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("two/v2/LICENSE", "two's words\r\n")
	put("two/v2/license.go", "package two")
	put("One/LICENSES/MIT.txt", "one's words")
	put("One/NOTICE", "one's notice")
	folder := func(m *debug.Module) (string, error) {
		_, name, _ := strings.Cut(strings.TrimPrefix(m.Path, "github.com/"), "/")
		return filepath.Join(root, name), nil
	}
	var out bytes.Buffer
	if err := writeNotices(&out, built, folder); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"github.com/a/One v1.0.0 (LICENSES/MIT.txt)", "one's words", "one's notice", "github.com/b/two/v2 v2.0.0+incompatible\n", "two's words\n", "Go 1.26.8"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "package two") || strings.Contains(out.String(), "\r") {
		t.Errorf("what is no licence is told:\n%s", &out)
	}
	if err := os.Remove(filepath.Join(root, "two/v2/LICENSE")); err != nil {
		t.Fatal(err)
	}
	if err := writeNotices(&out, built, folder); err == nil || !strings.Contains(err.Error(), "two/v2 v2.0.0+incompatible has no file with a licence") {
		t.Errorf("a module without a licence: %v", err)
	}
}

// compiler stands in for Go: the binary that it makes prints the flags that it was made with.
const compiler = `#!/bin/sh
case "$1 $2" in
"env GOOS") echo linux ;;
"env GOARCH") echo amd64 ;;
"env GOEXE") echo ;;
build*)
	all="$*"
	while [ "$1" != -o ]; do shift; done
	printf '#!/bin/sh\necho "%s"\n' "$all" > "$2"
	chmod +x "$2"
	;;
esac
`

// TestBinaryVersion: a binary says so where its source was not what the commit has.
func TestBinaryVersion(t *testing.T) {
	for _, tool := range []string{"bash", "git"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs " + tool)
		}
	}
	script, err := os.ReadFile(filepath.Join("..", "..", ".ci", "binary"))
	if err != nil {
		t.Fatal(err)
	}
	root, bin := t.TempDir(), t.TempDir()
	for path, text := range map[string]string{filepath.Join(root, ".ci", "binary"): string(script), filepath.Join(root, ".gitignore"): "/bin/\n", filepath.Join(bin, "go"): compiler} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	run := func(command string) string {
		t.Helper()
		cmd := exec.Command("bash", "-c", command)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
		return string(out)
	}
	run("git init -q . && git add -A && git -c user.name=a -c user.email=a@example.org commit -q -m first")
	const build = "VERSION=v1.2.3 .ci/binary"
	if out := run(build); !strings.Contains(out, "-X main.version=v1.2.3 ") {
		t.Errorf("a tree as committed: %s", out)
	}
	if out := run("echo x > new.go && " + build); !strings.Contains(out, "-X main.version=v1.2.3+changes ") {
		t.Errorf("a tree with a new file: %s", out)
	}
	if out := run(".ci/binary"); strings.Contains(out, "main.version") {
		t.Errorf("no version was given: %s", out)
	}
}

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// count runs go test -json on one package made of files and feeds the stream to a counter.
func count(t *testing.T, files map[string]string) (string, bool) {
	t.Helper()
	dir := t.TempDir()
	files["go.mod"] = "module example.test\n\ngo 1.26\n"
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "test", "-json", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	stream, _ := cmd.Output() // the exit code is what the counter must find out
	var out bytes.Buffer
	c := newCounter(&out)
	if err := c.read(bytes.NewReader(stream)); err != nil {
		t.Fatal(err)
	}
	ok := c.close()
	return out.String(), ok
}

func TestCounts(t *testing.T) {
	const head = "package x\nimport \"testing\"\n"
	for _, c := range []struct {
		name string
		file string
		ok   bool
		want []string
		not  []string
	}{
		{"pass", head + `func TestA(t *testing.T) { t.Run("one", func(*testing.T) {}); t.Run("two", func(*testing.T) {}) }
func TestB(t *testing.T) { t.Log("quiet") }`, true, []string{"3 passed, 0 failed, 0 skipped"}, []string{"quiet"}},
		{"fail", head + `func TestA(t *testing.T) { t.Run("sub", func(t *testing.T) { t.Error("loud") }) }
func TestB(t *testing.T) {}`, false, []string{"loud", "TestA/sub", "1 passed, 1 failed, 0 skipped"}, nil},
		{"skip", head + `func TestA(t *testing.T) { t.Skip("needs a moon") }
func TestB(t *testing.T) {}`, true, []string{"TestA: needs a moon", "1 passed, 0 failed, 1 skipped"}, nil},
		{"skip after a subtest", head + `func TestA(t *testing.T) { t.Run("one", func(*testing.T) {}); t.Skip("needs a sun") }
func TestB(t *testing.T) { t.Run("two", func(t *testing.T) { t.Skip("needs a star") }) }`, true, []string{"TestA: needs a sun", "TestB/two: needs a star", "1 passed, 0 failed, 2 skipped"}, nil},
		{"panic", head + `func TestA(t *testing.T) { panic("kaboom") }`, false, []string{"kaboom", "0 passed, 1 failed"}, nil},
		{"build", head + `func TestA(t *testing.T) { undefinedThing() }`, false, []string{"undefinedThing", "0 passed, 1 failed"}, nil},
		{"exit", head + "import \"os\"\n" + `func TestMain(m *testing.M) { os.Exit(3) }
func TestA(t *testing.T) {}`, false, []string{"0 passed, 1 failed"}, nil},
		{"none", "package x", false, []string{"0 passed, 0 failed"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out, ok := count(t, map[string]string{"x_test.go": c.file})
			if ok != c.ok {
				t.Errorf("ok is %v, want %v:\n%s", ok, c.ok, out)
			}
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("%q is not in\n%s", want, out)
				}
			}
			for _, not := range c.not {
				if strings.Contains(out, not) {
					t.Errorf("%q is in\n%s", not, out)
				}
			}
		})
	}
}

func TestNothingIsAFailure(t *testing.T) {
	c := newCounter(&bytes.Buffer{})
	if err := c.read(strings.NewReader("go: cannot find main module\n")); err != nil {
		t.Fatal(err)
	}
	if c.close() {
		t.Error("an empty stream passed")
	}
}

func TestStrictExcusesOnlyWhatCannotBeInstalled(t *testing.T) {
	for reason, want := range map[string]bool{
		"needs ENGINE_CATALOG_DIR, a directory to write to": true,
		"needs a user other than root: root may do all":     true,
		"needs leave to mount a tmpfs: mount: denied":       true,
		"needs the conformance data beside the repository":  true,
		"duckdb: it has no leases":                          true,
		"postgres: it has no clones":                        true,
		"bigquery: it has no transactions":                  true,
		"needs PostgreSQL":                                  false,
		"needs ENGINE_":                                     false,
		"needs a user":                                      false,
		"needs leave":                                       false,
		"needs the conformance data":                        false,
		"sqlite: it has no leases":                          false,
		"as duckdb: it has no leases":                       false,
		"no reason given":                                   false,
		"it needs ENGINE_X":                                 false,
		"needs ENGINE_GIVEN, which is set":                  false,
	} {
		for _, strict := range []bool{false, true} {
			var out bytes.Buffer
			c := newCounter(&out)
			c.strict, c.packages, c.passed, c.skipped = strict, 1, 1, 1
			c.given["ENGINE_GIVEN"] = true
			c.skips = []skip{{key{"p", "TestA"}, reason}}
			if got := c.close(); got != (want || !strict) {
				t.Errorf("strict %v, %q: ok is %v\n%s", strict, reason, got, out.String())
			}
		}
	}
}

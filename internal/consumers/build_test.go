package consumers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/engine-build/engine/catalog/browse"

	// The packages of the binary, so that the cache of test results knows of them.
	_ "github.com/engine-build/engine/engine"
	_ "github.com/engine-build/engine/engine/artifact"
)

var chromium browse.Chromium

// folder is where the binary is, once a test has asked for it.
var folder atomic.Value

var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "consumers")
	if err != nil {
		return "", err
	}
	folder.Store(dir)
	bin := filepath.Join(dir, "engine")
	if out, err := exec.Command("go", "build", "-o", bin, "../../cmd/engine").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the binary: %w\n%s", err, out)
	}
	return bin, os.Symlink(bin, filepath.Join(dir, "dbt"))
})

func TestMain(m *testing.M) {
	code := m.Run()
	chromium.Close()
	if dir, ok := folder.Load().(string); ok {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// binary is the program under the name engine or dbt, built once for all tests.
func binary(t *testing.T, name string) string {
	t.Helper()
	bin, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(filepath.Dir(bin), name)
}

// python is the Python that has the programs.
func python(t *testing.T) string {
	t.Helper()
	program := os.Getenv("ENGINE_CONSUMERS")
	if program == "" {
		t.Skip("needs ENGINE_CONSUMERS, a Python with the packages of internal/consumers/testdata/requirements.txt: artifacts are NOT shown to the programs that read them")
	}
	return program
}

// copied is a copy of a project.
func copied(t *testing.T, from string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), filepath.Base(from))
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// engine runs the program in dir, and fails unless it ends with the code.
func engine(t *testing.T, dir string, code int, args ...string) string {
	t.Helper()
	cmd := exec.Command(binary(t, "engine"), args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "DBT_ENV_CUSTOM_ENV_TEAM=core")
	out, err := cmd.CombinedOutput()
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		t.Fatal(err)
	}
	if got != code {
		t.Fatalf("engine %v: exit %d, want %d:\n%s", args, got, code, out)
	}
	return string(out)
}

// ask runs a script of testdata and decodes its answer.
func ask[T any](t *testing.T, script string, args ...string) T {
	t.Helper()
	program := python(t)
	path, err := filepath.Abs(filepath.Join("testdata", script))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, append([]string{path}, args...)...)
	cmd.Dir = t.TempDir()
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %v: %v\n%s%s", script, args, err, out.String(), said.String())
	}
	var answer T
	if err := json.Unmarshal(out.Bytes(), &answer); err != nil {
		t.Fatalf("%s %v: %v\n%s", script, args, err, out.String())
	}
	return answer
}

// load decodes a file of the target folder.
func load(t *testing.T, dir, name string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "target", name))
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return out
}

var schemas = map[string]string{
	"manifest.json": "manifest-v12.json", "run_results.json": "run-results-v6.json", "catalog.json": "catalog-v1.json", "sources.json": "sources-v3.json",
}

var compiled sync.Map

// validate holds the artifacts of a project against dbt's schemas; a file that is not there is
// passed over unless it is wanted.
func validate(t *testing.T, dir string, wanted ...string) {
	t.Helper()
	for file, name := range schemas {
		data, err := os.Open(filepath.Join(dir, "target", file))
		if errors.Is(err, fs.ErrNotExist) {
			for _, w := range wanted {
				if w == file {
					t.Errorf("%s was not written", file)
				}
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(data)
		_ = data.Close()
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		s, ok := compiled.Load(name)
		if !ok {
			made, err := jsonschema.NewCompiler().Compile(filepath.Join("..", "..", "engine", "artifact", "testdata", "schemas", name))
			if err != nil {
				t.Fatal(err)
			}
			compiled.Store(name, made)
			s = made
		}
		if err := s.(*jsonschema.Schema).Validate(doc); err != nil {
			t.Errorf("%s of %s: %v", file, filepath.Base(dir), err)
		}
	}
}

package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/engine-build/engine/internal/testpeer/bqpeer"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// folder is a project of a test, in a folder of its own, with commands that work on it.
type folder struct {
	t   *testing.T
	dir string
}

func newFolder(t *testing.T) folder { return folder{t, t.TempDir()} }

// write puts a text into a file of the project.
func (f folder) write(name, text string) {
	f.t.Helper()
	path := filepath.Join(f.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

// read is the text of a file of the project.
func (f folder) read(name string) string {
	f.t.Helper()
	text, err := os.ReadFile(filepath.Join(f.dir, filepath.FromSlash(name)))
	if err != nil {
		f.t.Fatal(err)
	}
	return string(text)
}

// engine runs a command in the folder: its exit code, and what it says on both streams.
func (f folder) engine(args ...string) (code int, said string) {
	f.t.Helper()
	a, out, errs := world(f.t, map[string]string{"LANG": "C.UTF-8"})
	a.getwd = func() (string, error) { return f.dir, nil }
	a.now = time.Now
	code = a.execute(append(args, "--no-color"))
	return code, out.String() + errs.String()
}

// ends runs a command that has to end with a code, and is what it says.
func (f folder) ends(want int, args ...string) string {
	f.t.Helper()
	code, said := f.engine(args...)
	if code != want {
		f.t.Fatalf("engine %s: exit code %d, want %d\n%s", strings.Join(args, " "), code, want, said)
	}
	return said
}

// done runs a command that has to succeed and to say want.
func (f folder) done(want string, args ...string) string {
	f.t.Helper()
	said := f.ends(exitDone, args...)
	if !strings.Contains(said, want) {
		f.t.Fatalf("engine %s: want %q in\n%s", strings.Join(args, " "), want, said)
	}
	return said
}

// contains fails the test for each part that is not in a text.
func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("want %q in:\n%s", part, text)
		}
	}
}

// onPostgres is a target, as YAML in one line.
func onPostgres(server *pg.Server, database, schema string) string {
	fields := server.Fields(database)
	var b strings.Builder
	b.WriteString("{type: postgres, schema: " + schema)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		fmt.Fprintf(&b, ", %s: %q", name, fields[name])
	}
	return b.String() + "}"
}

// onBigQuery is a target, as YAML in one line.
func onBigQuery(peer *bqpeer.Peer, schema string) string {
	return fmt.Sprintf("{type: bigquery, project: %s, schema: %s, location: EU, api_endpoint: %q}", peer.Project, schema, peer.URL)
}

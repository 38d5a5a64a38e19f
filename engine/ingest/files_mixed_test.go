package ingest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/project"
)

// TestTextsBesideObjects: a text among arrays and objects stays the JSON that it is, whether
// the values or the lock make the column one.
func TestTextsBesideObjects(t *testing.T) {
	dir, conn := t.TempDir(), openDuckDB(t)
	put(t, dir, "data/a.ndjson", "{\"id\": 1, \"v\": {\"a\": 1}}\n{\"id\": 2, \"v\": \"[1]\"}\n{\"id\": 3, \"v\": \"s \\\"q\\\"\"}\n{\"id\": 4, \"v\": null}\n{\"id\": 5, \"v\": 7}\n")
	w := filesAt(project.FilesReplace, func(s *project.Source) {
		s.Ingest.Files.Path = []project.Value[string]{value("data/*.ndjson")}
	})
	check := func(want string) {
		t.Helper()
		if _, err := landFiles(t.Context(), conn, dir, w, true); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, contents(t, conn, "select id, cast(v as varchar), json_type(v) from raw.t order by id")); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
	}
	check("1 {\"a\":1} OBJECT\n2 \"[1]\" VARCHAR\n3 \"s \\\"q\\\"\" VARCHAR\n4 <nil> <nil>\n5 7 UBIGINT\n")
	put(t, dir, "data/a.ndjson", "{\"id\": 1, \"v\": \"x\"}\n")
	w.Locked = &project.LockedSource{
		Columns: []project.LockedColumn{{Name: "id", Native: "BIGINT"}, {Name: "v", Native: "JSON"}},
		Remote:  &project.LockedTable{Name: "t", Columns: []project.RemoteColumn{{Name: "id", Type: "text", Taken: true}, {Name: "v", Type: "text", Taken: true}}},
	}
	check("1 \"x\" VARCHAR\n")
}

// TestStagingFiles: a run leaves no staging file, removes those of runs that were killed long
// ago, and leaves alone that of one that may be under way.
func TestStagingFiles(t *testing.T) {
	dir, conn := t.TempDir(), openDuckDB(t)
	put(t, dir, "data/a.csv", "id\n1\n")
	put(t, dir, "target/ingest/raw.t.dead.csv", "x")
	put(t, dir, "target/ingest/raw.t.other.csv", "x")
	long := time.Now().Add(-2 * leftFor)
	if err := os.Chtimes(filepath.Join(dir, "target", "ingest", "raw.t.dead.csv"), long, long); err != nil {
		t.Fatal(err)
	}
	if _, err := landFiles(t.Context(), conn, dir, filesAt(project.FilesReplace), false); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(dir, "target", "ingest", "*.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{filepath.Join(dir, "target", "ingest", "raw.t.other.csv")}, found); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

// TestParquetTypesDrift: the types with which columns have landed do not hide that those of
// the files are others now.
func TestParquetTypesDrift(t *testing.T) {
	w := filesAt(project.FilesReplace)
	w.Locked = &project.LockedSource{
		Columns: []project.LockedColumn{{Name: "n", Native: "BIGINT"}},
		Remote:  &project.LockedTable{Name: "t", Columns: []project.RemoteColumn{{Name: "n", Type: "INT64", Taken: true}}},
	}
	remote := Remote{Tables: []Table{{Name: "t", Columns: []Column{{Name: "n", Type: "FLOAT64", Base: "FLOAT64"}}}}}
	got := DriftOfSource("raw", []Wanted{w}, remote, nil, openDuckDB(t).Dialect())
	if len(got) != 1 || got[0].Kind != TypeChanged || got[0].Level != Refusal {
		t.Errorf("%+v", got)
	}
}

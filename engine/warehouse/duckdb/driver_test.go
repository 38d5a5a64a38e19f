package duckdb

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

func openPath(dir string, fields map[string]string) (warehouse.Conn, error) {
	return Driver{}.Open(context.Background(), warehouse.Config{Dir: dir, Fields: fields})
}

func mustExec(t testing.TB, c warehouse.Conn, sql ...string) {
	t.Helper()
	for _, s := range sql {
		if _, err := c.Exec(context.Background(), warehouse.Statement{SQL: s}); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func query(t testing.TB, c warehouse.Conn, sql string) [][]any {
	t.Helper()
	r, err := c.Query(context.Background(), warehouse.Statement{SQL: sql})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer r.Close()
	var out [][]any
	for r.Next() {
		v, err := r.Values()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// withVersion writes a database file whose header claims a format version, with the
// checksum that belongs to it.
func withVersion(t *testing.T, good []byte, version uint64) []byte {
	t.Helper()
	b := append([]byte(nil), good...)
	binary.LittleEndian.PutUint64(b[12:], version)
	sum := uint64(5381)
	for i := 8; i+8 <= 4096; i += 8 {
		sum ^= binary.LittleEndian.Uint64(b[i:]) * 0xbf58476d1ce4e5b9
	}
	binary.LittleEndian.PutUint64(b[:8], sum)
	return b
}

func TestOpenMakesAnEmptyFileAnew(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "empty.db"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	c, err := openPath(dir, map[string]string{"path": "empty.db"})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	c, err := openPath(dir, map[string]string{"path": "good.db"})
	if err != nil {
		t.Fatal(err)
	}
	mustExec(t, c, "create table t as select 1 as a")
	c.Close()
	good, err := os.ReadFile(filepath.Join(dir, "good.db"))
	if err != nil {
		t.Fatal(err)
	}
	write("newer.db", withVersion(t, good, 200))
	write("cut.db", good[:5000])
	damaged := append([]byte(nil), good...)
	damaged[100] ^= 0xff
	write("damaged.db", damaged)
	write("text.db", []byte(strings.Repeat("just a text\n", 100)))
	write("empty.db", nil)
	write("sqlite.db", []byte("SQLite format 3\x00"+strings.Repeat("x", 200)))
	if err := os.MkdirAll(filepath.Join(dir, "folder"), 0o777); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		fields map[string]string
		want   string
	}{
		{map[string]string{"path": "newer.db"}, "the database file newer.db was written by a newer DuckDB (its format is 200, this program reads up to 68)"},
		{map[string]string{"path": "cut.db"}, "the database file cut.db is damaged"},
		{map[string]string{"path": "damaged.db"}, "the database file damaged.db is damaged"},
		{map[string]string{"path": "text.db"}, "text.db is not a DuckDB database"},
		{map[string]string{"path": "empty.db", "read_only": "true"}, "empty.db is not a DuckDB database"},
		{map[string]string{"path": "sqlite.db"}, "sqlite.db is not a DuckDB database"},
		{map[string]string{"path": "folder"}, "folder is a directory, not a database file"},
		{map[string]string{"path": "text.db/x/y.db"}, "text.db/x/y.db cannot be made: a part of its path is a file"},
		{map[string]string{"path": "none.db", "read_only": "true"}, "the database file none.db does not exist"},
		{map[string]string{"read_only": "perhaps"}, `read_only is "perhaps"`},
		{map[string]string{"query_threads": "0"}, `query_threads is "0"`},
		{map[string]string{"memory_limit": "lots"}, `DuckDB refuses memory_limit: Memory must have a number (e.g. 1GB)`},
		{map[string]string{"path": "what?.db"}, `the path of the database file what?.db has a «?»`},
		{map[string]string{"path": "/proc/engine.duckdb"}, "the database file /proc/engine.duckdb cannot be opened: Cannot open file \"/proc/engine.duckdb\": No such file or directory"},
		{map[string]string{"path": "/dev/full/x"}, "/dev/full/x cannot be made: a part of its path is a file"},
	}
	for _, tt := range tests {
		c, err := openPath(dir, tt.fields)
		if err == nil {
			c.Close()
			t.Errorf("%v was opened", tt.fields)
			continue
		}
		var open *warehouse.OpenError
		if !errors.As(err, &open) || open.Help == "" {
			t.Errorf("%v: %#v", tt.fields, err)
			continue
		}
		if d := cmp.Diff(tt.want, open.Reason); d != "" {
			t.Errorf("%v:\n%s", tt.fields, d)
		}
	}
}

// TestOddPath: a path that is no URL works all the same, on every connection of the pool.
func TestOddPath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "100% it's #1 ünï")
	for round := range 2 {
		c, err := openPath(dir, map[string]string{"path": "a%zz b.db", "read_only": fmt.Sprint(round == 1)})
		if err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			mustExec(t, c, "create schema s", "create table s.t as select 1 as a")
		}
		tx, err := warehouse.Begin(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		for _, conn := range []warehouse.Conn{c, tx} {
			found, err := conn.Inspect(context.Background(), []addr.Relation{{Schema: "s", Name: "t"}})
			if err != nil || len(found) != 1 || len(query(t, conn, "select a from s.t")) != 1 {
				t.Errorf("%v, %v", found, err)
			}
		}
		if err := errors.Join(tx.Close(), c.Close()); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "a%zz b.db")); err != nil {
		t.Error(err)
	}
}

// TestNewestStorage keeps the constant equal to what the linked DuckDB reads.
func TestNewestStorage(t *testing.T) {
	dir := t.TempDir()
	c, err := openPath(dir, map[string]string{"path": "good.db"})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	good, err := os.ReadFile(filepath.Join(dir, "good.db"))
	if err != nil {
		t.Fatal(err)
	}
	mem, err := openPath(dir, map[string]string{"path": ":memory:"})
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	for version, readable := range map[uint64]bool{newestStorage: true, newestStorage + 1: false} {
		path := filepath.Join(dir, "v.db")
		if err := os.WriteFile(path, withVersion(t, good, version), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := mem.Exec(context.Background(), warehouse.Statement{SQL: "attach '" + path + "' as v"})
		newer := err != nil && fileVersion.MatchString(err.Error())
		if newer == readable {
			t.Errorf("version %d: %v", version, err)
		}
		if err == nil {
			mustExec(t, mem, "detach v")
		}
	}
}

func TestOpenNoPermission(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("needs a user other than root: root may write everywhere")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "locked.db"), nil, 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "closed"), 0o555); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"locked.db", "closed/x.db", "closed/deep/x.db"} {
		var open *warehouse.OpenError
		if _, err := openPath(dir, map[string]string{"path": path}); !errors.As(err, &open) || !strings.Contains(open.Reason, "may not be read and written") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestOpenLocked lets a second process try: within one process DuckDB shares the database.
func TestOpenLocked(t *testing.T) {
	if dir := os.Getenv("DUCKDB_TEST_OPEN"); dir != "" {
		_, err := openPath(dir, nil)
		var open *warehouse.OpenError
		if !errors.As(err, &open) {
			t.Fatalf("%v", err)
		}
		os.Stdout.WriteString("REASON " + open.Reason + "\nHELP " + open.Help + "\n")
		return
	}
	dir := t.TempDir()
	c, err := openPath(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	mustExec(t, c, "create table t as select 1 as a")
	cmd := exec.Command(os.Args[0], "-test.run=^TestOpenLocked$")
	cmd.Env = append(os.Environ(), "DUCKDB_TEST_OPEN="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "REASON the database file target/engine.duckdb is locked by process ") || !strings.Contains(string(out), "duckdb.test") {
		t.Errorf("%s", out)
	}
	again, err := openPath(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := query(t, again, "select a from t"); len(got) != 1 {
		t.Errorf("the second connection sees %v", got)
	}
}

func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	c, err := openPath(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	mustExec(t, c, "create table t as select 1 as a")
	c.Close()
	c, err = openPath(dir, map[string]string{"read_only": "true", "query_threads": "1", "memory_limit": "500MB", "temp_directory": "spill"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if d := cmp.Diff([][]any{{int64(1), "1", filepath.Join(dir, "spill"), "UTC"}}, query(t, c, "select a, cast(current_setting('threads') as varchar), current_setting('temp_directory'), current_setting('TimeZone') from t")); d != "" {
		t.Error(d)
	}
	if _, err := c.Exec(context.Background(), warehouse.Statement{SQL: "create table u as select 1 as a"}); err == nil {
		t.Error("a table was made")
	}
}

// TestDiskFull fills a small file system, where one can be mounted.
func TestDiskFull(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "small")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("needs leave to mount a tmpfs: %s", out)
	}
	defer exec.Command("umount", dir).Run()
	c, err := openPath(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Exec(context.Background(), warehouse.Statement{SQL: "create table t as select i, hash(i) as h from range(2000000) as r(i)"})
	if got := Classify(err); got != Disk {
		t.Errorf("kind %q of %v", got, err)
	}
	if r, err := c.Inspect(context.Background(), []addr.Relation{{Schema: "main", Name: "t"}}); err != nil || len(r) != 0 {
		t.Errorf("left: %v, %v", r, err)
	}
	c.Close()
}

package crash

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	// What the binary under test is made of: without these imports go test would take the
	// result of an older binary for this one's.
	_ "github.com/engine-build/engine/engine"
	_ "github.com/engine-build/engine/engine/example"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

// kills is how often builds are killed; ENGINE_KILLS sets another number.
func kills(t *testing.T, otherwise int) int {
	if s := os.Getenv("ENGINE_KILLS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return otherwise
}

// folder is where the binary is, once a test has asked for it.
var folder atomic.Value

var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "crash")
	if err != nil {
		return "", err
	}
	folder.Store(dir)
	bin := filepath.Join(dir, "engine")
	if out, err := exec.Command("go", "build", "-o", bin, "../../cmd/engine").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the binary: %w\n%s", err, out)
	}
	return bin, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, ok := folder.Load().(string); ok {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// binary is the program, built once for all tests.
func binary(t *testing.T) string {
	t.Helper()
	bin, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// result is how a run of the program ended.
type result struct {
	code   int
	output string
}

// launch starts the program; end waits for it.
func launch(t *testing.T, args ...string) (cmd *exec.Cmd, end func() result) {
	t.Helper()
	cmd = exec.Command(binary(t), args...)
	cmd.Env = environ()
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, func() result {
		err := cmd.Wait()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return result{cmd.ProcessState.ExitCode(), out.String()}
	}
}

// try runs the program to its end, within five minutes.
func try(t *testing.T, args ...string) result {
	t.Helper()
	cmd, end := launch(t, args...)
	late := time.AfterFunc(5*time.Minute, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	return end()
}

// engine runs the program, which must go well.
func engine(t *testing.T, args ...string) string {
	t.Helper()
	r := try(t, args...)
	if r.code != 0 {
		t.Fatalf("engine %s: exit code %d\n%s", strings.Join(args, " "), r.code, r.output)
	}
	return r.output
}

// environ fixes the developer's schema.
func environ() []string { return append(os.Environ(), "USER=crash", "LC_ALL=C.UTF-8") }

// killAfter starts a build and kills it at that moment. It reports whether the build was
// still at work.
func killAfter(t *testing.T, after time.Duration, args ...string) bool {
	t.Helper()
	cmd, end := launch(t, args...)
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	return end().code < 0
}

// begun starts a build and calls f once it has a plan and begins to do what is in it. end
// waits for it.
func begun(t *testing.T, f func(*os.Process), args ...string) (end func() result) {
	t.Helper()
	cmd := exec.Command(binary(t), append(args, "--log-format", "json")...)
	cmd.Env = environ()
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		lines := bufio.NewScanner(pipe)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			out.Write(append(lines.Bytes(), '\n'))
			if strings.Contains(lines.Text(), `"run_started"`) {
				f(cmd.Process)
			}
		}
	}()
	return func() result {
		<-read
		_ = cmd.Wait() // its exit code is what is asked for
		return result{cmd.ProcessState.ExitCode(), out.String()}
	}
}

// duckTargets is the target of a project on DuckDB.
const duckTargets = "targets:\n  dev: {type: duckdb, schema: core}\n"

// openDuck opens a database file as the program leaves it. A file of a killed process is
// looked at in a copy, so that its log is still there for the next build.
func openDuck(t *testing.T, dir string, dead bool) (db *sql.DB, done func()) {
	t.Helper()
	path := filepath.Join(dir, "target", "engine.duckdb")
	remove := func() {}
	if dead {
		aside, err := os.MkdirTemp("", "crash")
		if err != nil {
			t.Fatal(err)
		}
		remove = func() { _ = os.RemoveAll(aside) }
		copied := filepath.Join(aside, "engine.duckdb")
		for _, end := range []string{"", ".wal"} {
			text, err := os.ReadFile(path + end)
			if os.IsNotExist(err) {
				continue
			}
			if err == nil {
				err = os.WriteFile(copied+end, text, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		path = copied
	} else {
		path += "?access_mode=read_only"
	}
	db, err := sql.Open("duckdb", path)
	if err != nil {
		t.Fatal(err)
	}
	// Views of translated models use functions of the engine's own.
	if err := duckdb.RegisterFunctions(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	return db, func() { _ = db.Close(); remove() }
}

// factoryDuck are the rows of the factory's relations that a DuckDB file has. What has the
// name of a staging object is listed in aside.
func factoryDuck(t *testing.T, dir string, dead bool) (found map[string]string, aside []string) {
	t.Helper()
	found = map[string]string{}
	if info, err := os.Stat(filepath.Join(dir, "target", "engine.duckdb")); err != nil || info.Size() == 0 {
		return found, nil
	}
	db, done := openDuck(t, dir, dead)
	defer done()
	for _, name := range column(t, db, `select table_name from information_schema.tables where table_schema = 'core' order by 1`) {
		if strings.HasPrefix(name, "_engine_") {
			aside = append(aside, name)
			continue
		}
		if _, ours := relations[name]; ours {
			found[name] = rows(column(t, db, query("core", name, "varchar")))
		}
	}
	return found, aside
}

// factoryFresh are the rows that the factory has when it is built from nothing, on DuckDB.
// With a broken seed what does not pass its tests is missing.
func factoryFresh(t *testing.T, f *factory, dir string) map[string]string {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(dir, "target", "engine.duckdb")); err != nil {
		t.Fatal(err)
	}
	f.write(t, dir, duckTargets)
	want := 0
	if f.broken {
		want = 1
	}
	if r := try(t, "build", "--project-dir", dir, "--no-catalog"); r.code != want {
		t.Fatalf("the build from nothing ended with exit code %d, want %d\n%s", r.code, want, r.output)
	}
	found, _ := factoryDuck(t, dir, false)
	return found
}

// killer kills builds at random moments.
type killer struct {
	r     *rand.Rand
	whole time.Duration // of a build
	run   time.Duration // of the part of it that works in the warehouse
}

// newKiller measures an undisturbed build.
func newKiller(t *testing.T, seed uint64, dir string) *killer {
	t.Helper()
	k := &killer{r: rand.New(rand.NewPCG(3, seed))}
	start := time.Now()
	var began time.Time
	if r := begun(t, func(*os.Process) { began = time.Now() }, "build", "--project-dir", dir, "--no-catalog", "--full")(); r.code != 0 || began.IsZero() {
		t.Fatalf("the undisturbed build ended with exit code %d\n%s", r.code, r.output)
	}
	k.whole, k.run = time.Since(start), time.Since(began)
	return k
}

// kill starts a build and kills it, mostly while it works in the warehouse, now and then
// before. It reports whether the build was still at work.
func (k *killer) kill(t *testing.T, args ...string) (killed bool, at string) {
	t.Helper()
	if k.r.IntN(6) == 0 {
		after := time.Duration(k.r.Int64N(int64(k.whole)))
		return killAfter(t, after, args...), fmt.Sprintf("%v after its start", after)
	}
	after := time.Duration(k.r.Int64N(int64(k.run)))
	var began time.Time
	end := begun(t, func(p *os.Process) {
		began = time.Now()
		time.AfterFunc(after, func() { _ = p.Kill() })
	}, args...)
	killed = end().code < 0
	// The machine has other things to do, too: the measure follows what builds take now.
	if took := time.Since(began); killed {
		k.run += k.run / 50
	} else if !began.IsZero() {
		k.run = max((k.run+took)/2, 10*time.Millisecond)
	}
	return killed, fmt.Sprintf("%v after the first statement", after)
}

// whole checks that every table that was found has the rows it had before or is to have.
func whole(t *testing.T, when string, found, before, after map[string]string) {
	t.Helper()
	for _, name := range stored() {
		got, there := found[name]
		old, was := before[name]
		if !there && !was || there && (was && got == old || got == after[name]) {
			continue
		}
		if want, ok := after[name]; !ok || got != want {
			t.Fatalf("%s: %s has neither the rows of before nor those of after:\n%s\nbefore:\n%s\nafter:\n%s", when, name, got, old, after[name])
		}
	}
}

// TestKilledAndEdited kills builds at random moments and edits the project before each. In
// between every table has the rows of before or of after, and after the next build those of
// a build from nothing, with nothing left over.
func TestKilledAndEdited(t *testing.T) {
	t.Parallel()
	calm, stormy := t.TempDir(), t.TempDir()
	f := newFactory()
	f.write(t, stormy, duckTargets)
	engine(t, "build", "--project-dir", stormy)
	k := newKiller(t, 1, stormy)
	before, _ := factoryDuck(t, stormy, false)
	if len(before) != len(relations) {
		t.Fatalf("the first build made %d relations, want %d", len(before), len(relations))
	}
	died, reported, orphans, broken := 0, 0, 0, 0
	n := kills(t, 50)
	for i := range n {
		f.edit(k.r)
		f.broken = i%7 == 3
		after := factoryFresh(t, f, calm)
		f.write(t, stormy, duckTargets)
		args := []string{"build", "--project-dir", stormy, "--no-catalog"}
		if k.r.IntN(2) == 0 {
			args = append(args, "--full")
		}
		killed, at := k.kill(t, args...)
		found, aside := factoryDuck(t, stormy, true)
		whole(t, fmt.Sprintf("round %d, killed %s", i, at), found, before, after)
		if strings.Contains(found["checked"], "NULL") || strings.Contains(found["c"], "NULL") {
			t.Fatalf("round %d: rows that failed their test were published", i)
		}
		if f.broken {
			broken++
			f.broken = false
			if k.r.IntN(2) == 0 {
				f.edit(k.r)
			}
			after = factoryFresh(t, f, calm)
			f.write(t, stormy, duckTargets)
		}
		out := engine(t, "build", "--project-dir", stormy, "--no-catalog")
		if killed {
			died++
		}
		if strings.Contains(out, "did not end") {
			reported++
			if !killed {
				t.Errorf("round %d: a run is said not to have ended that did:\n%s", i, out)
			}
		}
		if len(aside) > 0 {
			orphans++
		}
		got, left := factoryDuck(t, stormy, false)
		if diff := cmp.Diff(after, got); diff != "" {
			t.Fatalf("round %d, killed %s: the next build left other tables (-from nothing +repaired):\n%s\n%s", i, at, diff, out)
		}
		if len(left) > 0 {
			t.Fatalf("round %d: staging objects are left over: %v", i, left)
		}
		before = got
	}
	t.Logf("%d of %d builds were killed while they ran, %d with objects aside, %d of them reported by the next; %d rounds with rows that fail a test", died, n, orphans, reported, broken)
	if died < n/2 || reported < died/3 {
		t.Errorf("of %d builds %d were killed while they ran and %d reported: the test tests too little", n, died, reported)
	}
}

// TestKilledBuildsAreRepaired kills builds of the example at random moments. After the next
// build the tables must be those of an undisturbed build, with nothing left over.
func TestKilledBuildsAreRepaired(t *testing.T) {
	t.Parallel()
	calm, stormy := filepath.Join(t.TempDir(), "p"), filepath.Join(t.TempDir(), "p")
	for _, dir := range []string{calm, stormy} {
		engine(t, "init", "--example", "manufacturing", "--materials", "200", dir)
	}
	start := time.Now()
	engine(t, "build", "--project-dir", calm)
	whole := time.Since(start)
	want := dump(t, calm)
	if len(want) < 40 {
		t.Fatalf("the undisturbed build made %d relations only", len(want))
	}

	r := rand.New(rand.NewPCG(3, 1))
	died, n := 0, max(kills(t, 50)/5, 1)
	for i := range n {
		// Every third round begins with no database at all, the others rebuild everything.
		if i%3 == 0 {
			if err := os.RemoveAll(filepath.Join(stormy, "target")); err != nil {
				t.Fatal(err)
			}
		}
		after := time.Duration(r.Int64N(int64(whole)))
		if killAfter(t, after, "build", "--project-dir", stormy, "--full") {
			died++
		}
		engine(t, "build", "--project-dir", stormy)
		if diff := cmp.Diff(want, dump(t, stormy)); diff != "" {
			t.Fatalf("killed after %v (round %d): the next build left other tables (-undisturbed +repaired):\n%s", after, i, diff)
		}
	}
	t.Logf("%d of %d builds were killed while they ran; an undisturbed build takes %v", died, n, whole)
	if died == 0 {
		t.Error("no build was killed while it ran: the test tests nothing")
	}
}

// dump is a hash of the sorted rows of every relation outside the engine's own schema.
// Columns that hold the time of the build are left out.
func dump(t *testing.T, dir string) map[string]string {
	t.Helper()
	db, done := openDuck(t, dir, false)
	defer done()
	names := column(t, db, `select table_schema || '.' || table_name from information_schema.tables where table_schema <> '_engine' order by 1`)
	out := map[string]string{}
	for _, name := range names {
		schema, table, _ := strings.Cut(name, ".")
		from := fmt.Sprintf("%q.%q", schema, table)
		if strings.HasSuffix(table, "_snapshot") {
			// A snapshot that compares columns dates its rows by the build; whether a row is current must agree.
			from = "(select * exclude (dbt_scd_id, dbt_updated_at, dbt_valid_from, dbt_valid_to), dbt_valid_to is null from " + from + ")"
		}
		rows := column(t, db, fmt.Sprintf(`select md5(coalesce(string_agg(r, chr(10) order by r), '')) || ' ' || count(*) from (select t::varchar as r from %s as t)`, from))
		out[name] = strings.Join(rows, "")
	}
	if slices.ContainsFunc(names, func(n string) bool { return strings.Contains(n, "._engine_") }) {
		t.Errorf("staging objects are left over: %v", names)
	}
	return out
}

func column(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(context.Background(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

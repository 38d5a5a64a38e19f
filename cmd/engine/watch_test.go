package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

// shown is what a command has written so far; safe for concurrent use.
type shown struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *shown) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *shown) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// watcher is an engine watch at work in a folder of its own, driven by its keys.
type watcher struct {
	t    *testing.T
	dir  string
	out  *shown
	keys io.WriteCloser
	from int // what was written before has been looked at
	code chan int
}

func watchProject(t *testing.T, files map[string]string, args ...string) *watcher {
	t.Helper()
	return watchAt(t, time.Now, files, args...)
}

// watchAt is watchProject with a clock.
func watchAt(t *testing.T, now func() time.Time, files map[string]string, args ...string) *watcher {
	t.Helper()
	w := &watcher{t: t, dir: t.TempDir(), out: &shown{}, code: make(chan int, 1)}
	for name, text := range files {
		w.write(name, text)
	}
	in, keys := io.Pipe()
	w.keys = keys
	a, _, _ := world(t, nil)
	a.out, a.err, a.in, a.inTTY = w.out, w.out, in, true
	a.keyboard = func() (func(), bool) { return func() {}, true }
	a.now, a.getwd = now, func() (string, error) { return w.dir, nil }
	go func() { w.code <- a.execute(append([]string{"watch"}, args...)) }()
	t.Cleanup(func() { _ = keys.Close() })
	return w
}

func (w *watcher) write(name, text string) {
	w.t.Helper()
	path := filepath.Join(w.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// waits until something new is written that matches, and gives what is new up to it.
func (w *watcher) waits(pattern string) string {
	w.t.Helper()
	want := regexp.MustCompile(pattern)
	for start := time.Now(); time.Since(start) < 60*time.Second; time.Sleep(10 * time.Millisecond) {
		text := w.out.text()
		if at := want.FindStringIndex(text[w.from:]); at != nil {
			got := text[w.from : w.from+at[1]]
			w.from += at[1]
			return got
		}
	}
	w.t.Fatalf("no %q in:\n%s", pattern, w.out.text())
	return ""
}

func (w *watcher) press(key byte) {
	w.t.Helper()
	if _, err := w.keys.Write([]byte{key}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *watcher) quits() {
	w.t.Helper()
	w.press('q')
	select {
	case code := <-w.code:
		if code != exitDone {
			w.t.Errorf("exit code %d", code)
		}
	case <-time.After(60 * time.Second):
		w.t.Fatal("it does not end")
	}
}

const watched = "; r again, f everything, t tests, q quit, \\? help\n"

// asks queries the database as another program does.
func (w *watcher) asks(query string) string {
	w.t.Helper()
	ctx := context.Background()
	c, err := duckdb.Driver{}.Open(ctx, warehouse.Config{Dir: w.dir, Fields: map[string]string{"path": "w.duckdb", "read_only": "true"}})
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	rows, err := readRows(ctx, c, warehouse.Statement{SQL: query}, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprint(rows.Values)
}

var shopFiles = map[string]string{
	"engine.yml":        "name: p\ntargets: {dev: {type: duckdb, path: w.duckdb, schema: main}}\nmodels: {+materialized: table}\n",
	"models/a.sql":      "select 1 as id",
	"models/b.sql":      "select id + 1 as id from {{ ref \"a\" }}",
	"models/other.sql":  "select 5 as id",
	"models/models.yml": "models: [{name: b, columns: [{name: id, data_tests: [{accepted_values: {values: [2]}}]}]}]\n",
}

func TestWatch(t *testing.T) {
	w := watchProject(t, shopFiles)
	w.waits(`3 built, 1 test passed`)
	w.waits(watched)
	if got := w.asks("select id from main.b"); got != "[[2]]" {
		t.Errorf("b is %s", got)
	}

	// Taken back, there is nothing to do, and nothing fails any more.
	w.write("models/b.sql", "select id + 7 as id from {{ ref \"a\" }}")
	w.waits("failed: ")
	w.waits(watched)
	w.write("models/b.sql", shopFiles["models/b.sql"])
	w.waits("nothing to do")
	if got := w.waits(watched); strings.Contains(got, "failing") {
		t.Errorf("it is taken back:\n%s", got)
	}

	// A mistake, at its place; nothing is built; mended, what changed and what reads it is built.
	w.write("models/a.sql", "select 1 as id, from from")
	if got := w.waits("nothing is built before they are mended\n"); !strings.Contains(got, "models/a.sql:1:") {
		t.Errorf("the mistake has no place:\n%s", got)
	}
	w.waits(watched)
	w.write("models/a.sql", "select 2 as id")
	w.waits("mended: no mistakes any more")
	w.waits(`test accepted_values_b_id`)
	w.waits("failed: .*1 built")
	w.waits(watched)
	if got := w.asks("select (select id from main.a), (select id from main.b)"); got != "[[2 2]]" {
		t.Errorf("a and the good b are %s", got)
	}

	// What failed stays on the screen while other things are built, and is not tried again.
	w.write("models/other.sql", "select 6 as id")
	got := w.waits(watched)
	for _, part := range []string{"1 to do with 0 tests", "still failing:", `"id" of b`} {
		if !strings.Contains(got, part) {
			t.Errorf("no %q in:\n%s", part, got)
		}
	}
	w.press('r')
	w.waits("again")
	w.waits("1 to do with 1 test")
	w.waits("failed: ")
	w.waits(watched)
	w.write("models/models.yml", strings.Replace(shopFiles["models/models.yml"], "[2]", "[3]", 1))
	if got := w.waits(watched); strings.Contains(got, "failing") || !strings.Contains(got, "1 built") {
		t.Errorf("it is mended:\n%s", got)
	}

	// A new folder, a rename as editors save, a file that goes, files that are none of ours.
	w.write("models/new/deep/c.sql", "select id from {{ ref \"b\" }}")
	w.waits("models/new/deep/c.sql\n")
	w.waits("1 built")
	w.waits(watched)
	w.write("models/new/deep/.c.sql.swp", "x")
	w.write("models/new/deep/c.sql~", "x")
	w.write("target/models/x.sql", "x")
	w.write("models/new/deep/4913", "x")
	if err := os.Rename(filepath.Join(w.dir, "models/new/deep/4913"), filepath.Join(w.dir, "models/new/deep/c.sql")); err != nil {
		t.Fatal(err)
	}
	w.waits(`models/new/deep/c.sql\n`)
	w.waits("mended")
	w.waits(watched)
	if err := os.Remove(filepath.Join(w.dir, "models/new/deep/c.sql")); err != nil {
		t.Fatal(err)
	}
	w.waits(`models/new/deep/c.sql\n`)
	w.waits("nothing to do, 3 unchanged")
	w.waits(watched)

	// Keys.
	w.press('f')
	w.waits("everything selected")
	w.waits("3 built, 1 test passed")
	w.waits(watched)
	w.press('t')
	w.waits("tests only")
	w.waits("done: 1 test passed")
	w.waits(watched)
	w.press('?')
	w.quits()
	if !strings.HasSuffix(w.out.text(), "rounds\n") {
		t.Errorf("the end:\n%s", w.out.text())
	}
}

// TestWatchOneRound: what changes together is one round, new folders and git's lock included.
// TestWatchSample: a span before now moves on with the clock, and not with every round.
func TestWatchSample(t *testing.T) {
	var clock atomic.Int64 // time of day on the first day, in minutes
	now := func() time.Time {
		return time.Date(2026, 3, 2, 12, int(clock.Load()), 0, 0, time.UTC)
	}
	w := watchAt(t, now, map[string]string{
		"engine.yml":       "name: p\ntargets: {dev: {type: duckdb, path: w.duckdb, schema: main}}\nmodels: {+materialized: table}\n",
		"seeds/raw.csv":    "id,made_at\n1,2026-03-01 11:00:00\n2,2026-03-02 11:00:00\n3,2026-03-02 12:20:00\n4,2026-03-03 11:00:00\n",
		"seeds/raw.yml":    "seeds: [{name: raw, config: {event_time: made_at}}]\n",
		"models/seen.sql":  "select id from {{ ref \"raw\" }}",
		"models/other.sql": "select 5 as id",
	}, "--sample", "1 day")
	has := func(want string) {
		t.Helper()
		if got := w.asks("select string_agg(id, ' ' order by id) from main.seen"); got != want {
			t.Errorf("seen has %s, want %s", got, want)
		}
	}
	w.waits("3 built")
	w.waits(watched)
	has("[[2]]")
	clock.Store(23)
	w.press('r')
	w.waits("nothing to do, 3 unchanged")
	w.waits(watched)
	clock.Store(30)
	w.write("models/other.sql", "select 6 as id")
	w.waits("2 built")
	w.waits(watched)
	has("[[2 3]]")
	clock.Store(24 * 60)
	w.press('r')
	w.waits("1 built")
	w.waits(watched)
	has("[[3 4]]")
	clock.Add(1)
	w.press('f')
	w.waits("3 built")
	w.waits(watched)
	w.quits()
}

func TestWatchOneRound(t *testing.T) {
	files := map[string]string{"engine.yml": shopFiles["engine.yml"], "models/m000.sql": "select 0 as x"}
	w := watchProject(t, files, "--check")
	w.waits(watched)
	lock := filepath.Join(w.dir, ".git", "index.lock")
	w.write(".git/HEAD", "ref: refs/heads/main\n")
	if err := os.WriteFile(lock, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for i := range 500 {
		if i%100 == 0 {
			time.Sleep(3 * quiet) // git is slow
		}
		w.write(fmt.Sprintf("models/f%d/m%03d.sql", i%7, i+1), "select 1 as x")
	}
	time.Sleep(3 * quiet)
	if strings.Contains(w.out.text()[w.from:], "round") {
		t.Errorf("a round while git is at work:\n%s", w.out.text())
	}
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	if got := w.waits(watched); !strings.Contains(got, "round 2") || !strings.Contains(got, "checked 501 models") {
		t.Errorf("want one round:\n%s", got)
	}
	// A folder of models elsewhere counts from the moment when engine.yml names it.
	w.write("more/late.sql", "select 1 as x")
	w.write("engine.yml", shopFiles["engine.yml"]+"model-paths: [models, more]\n")
	w.waits("checked 502 models")
	w.waits(watched)
	time.Sleep(5 * quiet)
	w.write("more/later.sql", "select 1 as x")
	w.waits("checked 503 models")
	w.waits(watched)
	// engine.yml may be wrong for a while, or gone.
	w.write("engine.yml", "name: [")
	w.waits("mended\n")
	if err := os.Remove(filepath.Join(w.dir, "engine.yml")); err != nil {
		t.Fatal(err)
	}
	w.waits("engine.yml")
	w.write("engine.yml", shopFiles["engine.yml"])
	w.waits("checked 501 models")
	w.waits(watched)
	w.quits()
}

// TestWatchNewerChange: what is built and not what the project says any more is canceled; a
// change elsewhere waits for its end.
func TestWatchNewerChange(t *testing.T) {
	const slow = `{{ config "dialect" "duckdb" }}select count(*) as n, %d as v from range(%d) a, range(30000) b where hash(a.range, b.range) %% 7 = 1`
	files := map[string]string{"engine.yml": shopFiles["engine.yml"], "models/slow.sql": fmt.Sprintf(slow, 1, 300000), "models/other.sql": "select 1 as id"}
	w := watchProject(t, files, "--jobs", "1")
	w.waits("2 to do")
	time.Sleep(time.Second)
	w.write("models/slow.sql", fmt.Sprintf(slow, 2, 10))
	w.waits("canceled: ")
	w.waits("round 2")
	w.waits("done: .*built")
	w.waits(watched)
	if got := w.asks("select v from main.slow"); got != "[[2]]" {
		t.Errorf("slow is %s", got)
	}
	w.write("models/slow.sql", fmt.Sprintf(slow, 3, 3000))
	w.waits("1 to do")
	w.write("models/other.sql", "select 2 as id")
	if got := w.waits("done: 1 built"); strings.Contains(got, "canceled") {
		t.Errorf("a round that is not affected was canceled:\n%s", got)
	}
	w.waits("models/other.sql\n")
	w.waits("done: 1 built")
	w.waits(watched)
	if got := w.asks("select (select v from main.slow), (select id from main.other)"); got != "[[3 2]]" {
		t.Errorf("slow and other are %s", got)
	}
	w.write("models/slow.sql", fmt.Sprintf(slow, 4, 300000))
	w.waits("1 to do")
	time.Sleep(500 * time.Millisecond)
	w.quits()
	if got := w.asks("select v from main.slow"); got != "[[3]]" {
		t.Errorf("after the end slow is %s", got)
	}
}

// TestWatchLog: for programs every round is a pair of lines around those of its run.
func TestWatchLog(t *testing.T) {
	w := watchProject(t, shopFiles, "--log-format", "json", "--poll", "a")
	w.waits(`"event":"round_ended".*\n`)
	w.write("models/a.sql", "select x as id")
	w.waits(`"event":"diagnostic".*\n`)
	w.waits(`"event":"round_ended".*"status":"invalid".*\n`)
	w.quits()
	events := regexp.MustCompile(`"event":"(\w+)"`).FindAllStringSubmatch(w.out.text(), -1)
	var got []string
	for _, e := range events {
		got = append(got, e[1])
	}
	want := []string{"watch_started", "round_started", "run_started", "node_started", "node_ended", "run_ended", "round_ended", "round_started", "diagnostic", "round_ended", "watch_ended"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s\n%s", d, w.out.text())
	}
}

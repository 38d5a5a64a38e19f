package editor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/check"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

// write puts the files of a project into a folder.
func write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func options(dir string) engine.Options {
	return engine.Options{Dir: dir, Env: func(name string) (string, bool) { return "from the environment", name == "ENGINE_TEST" }, Drivers: []warehouse.Driver{duckdb.Driver{}}, Jobs: 1}
}

// told collects the paths that Published was called with.
type told struct {
	mu    sync.Mutex
	paths []string
}

func (l *told) add(paths []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.paths = append(l.paths, paths...)
}

// take is what was told since the last call.
func (l *told) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.paths
	l.paths = nil
	return out
}

// opened is a Workspace after its first whole check. Whole checks begin after pause.
func opened(t testing.TB, dir string, pause time.Duration) (*Workspace, *told) {
	t.Helper()
	l := &told{}
	w, err := Open(context.Background(), dir, Options{Options: options(dir), Published: l.add, Pause: pause})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	settle(t, w)
	return w, l
}

func settle(t testing.TB, w *Workspace) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := w.Settled(ctx); err != nil {
		t.Fatal(err)
	}
}

// looked waits until every file that was set has been looked at by itself.
func looked(t testing.TB, w *Workspace) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.queue) > 0 || w.busy > 0 {
		w.idle.Wait()
	}
}

// lines say what is wrong in a file, one «line:column severity code: message» each.
func lines(list diag.List) []string {
	out := []string{}
	for _, d := range list {
		line := ""
		if d.At.File != nil {
			p := d.At.Position()
			line = fmt.Sprintf("%d:%d-%d ", p.Line, p.Column, d.At.End-d.At.Start)
		}
		out = append(out, fmt.Sprintf("%s%s %s: %s", line, d.Severity, d.Code, d.Message))
	}
	return out
}

// whole is what the command finds in a project on disk, by path.
func whole(t testing.TB, dir string) map[string][]string {
	t.Helper()
	o := options(dir)
	p, list := engine.Load(o)
	program, more := engine.Compile(context.Background(), p, o)
	list = append(list, more...)
	if program != nil {
		list = append(list, check.Run(program, check.Options{Partial: list.HasErrors()})...)
	}
	out := map[string][]string{}
	for path, list := range byPath(list.Sorted()) {
		out[path] = lines(list)
	}
	return out
}

// shown is what a View says, by path.
func shown(v *View) map[string][]string {
	out := map[string][]string{}
	for _, path := range v.Paths() {
		out[path] = lines(v.Diagnostics(path))
	}
	return out
}

var shop = map[string]string{
	"engine.yml":               "name: shop\ntargets: {dev: {type: duckdb, schema: dev}}\n",
	"models/raw.sql":           "select 1 as id, 2 as amount, 'a' as name",
	"models/orders.sql":        "select id, amount from {{ ref \"raw\" }}",
	"models/totals.sql":        "select sum(amount) as total from {{ ref \"orders\" }}",
	"models/props.yml":         "models:\n  - name: orders\n    columns:\n      - name: id\n        data_tests: [unique]\n",
	"macros/m.tmpl":            "{{ define \"one\" }}1{{ end }}",
	"tests/none_negative.sql":  "select id from {{ ref \"orders\" }} where amount < 0",
	"docs/not_of_the_engine.x": "x",
}

const never = time.Hour

// TestQuickThenWhole: a broken column shows at once where it is written, then in its readers.
func TestQuickThenWhole(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, shop)
	w, l := opened(t, dir, 20*time.Millisecond)
	if got := shown(w.View()); len(got) > 0 {
		t.Fatalf("a good project has mistakes: %v", got)
	}
	l.take()
	w.Set("models/orders.sql", []byte("select id, amount as price from {{ ref \"raw\" }}"))
	if f, ok := w.View().File("models/orders.sql"); !ok || !strings.Contains(string(f.Data), "price") {
		t.Error("the View has not the text that was set")
	}
	settle(t, w)
	want := map[string][]string{
		"models/totals.sql":       {`1:12-6 error column-missing: unrecognized name: amount`},
		"tests/none_negative.sql": {`1:41-6 error test-sql: unrecognized name: amount`},
	}
	if diff := cmp.Diff(want, shown(w.View())); diff != "" {
		t.Errorf("after a column is renamed (-want +got):\n%s", diff)
	}
	if got := l.take(); !slices.Contains(got, "models/orders.sql") || !slices.Contains(got, "models/totals.sql") {
		t.Errorf("told of %v", got)
	}
	w.Set("models/raw.sql", []byte("select 1 as id, 2 as amount,, 'a' as name"))
	looked(t, w)
	if got := shown(w.View())["models/raw.sql"]; len(got) != 1 || !strings.Contains(got[0], "1:29") {
		t.Errorf("at once: %v", got)
	}
	if n, ok := w.View().LastGood("models/raw.sql"); !ok || len(n.Columns) != 3 {
		t.Error("the last good raw is lost")
	}
	settle(t, w)
	if got := shown(w.View()); len(got) != 1 || len(got["models/raw.sql"]) != 1 {
		t.Errorf("consequences are told: %v", got)
	}
	if n, ok := w.View().LastGood("models/raw.sql"); !ok || len(n.Columns) != 3 {
		t.Error("the last good raw is lost")
	}
	w.Drop("models/raw.sql")
	w.Drop("models/orders.sql")
	settle(t, w)
	if got := shown(w.View()); len(got) > 0 {
		t.Errorf("buffers are closed, and there are mistakes: %v", got)
	}
}

// TestQuickReadsWhatWasTyped: one buffer reads the columns of another at once.
func TestQuickReadsWhatWasTyped(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, shop)
	w, _ := opened(t, dir, never)
	w.Set("models/raw.sql", []byte("select 1 as id, 2 as amount, 3 as fresh"))
	w.Set("models/orders.sql", []byte("select id, fresh as amount from {{ ref \"raw\" }}"))
	looked(t, w)
	if got := shown(w.View()); len(got) > 0 {
		t.Errorf("%v", got)
	}
	w.Set("models/orders.sql", []byte("select id, name as amount from {{ ref \"raw\" }}"))
	looked(t, w)
	if got := shown(w.View())["models/orders.sql"]; len(got) != 1 || !strings.Contains(got[0], "name") {
		t.Errorf("%v", got)
	}
	n, _ := w.View().Node("models/raw.sql")
	if len(n.Columns) != 3 || n.Columns[2].Name != "fresh" {
		t.Errorf("columns of raw: %v", n.Columns)
	}
}

// TestFilesComeAndGo: files that are new, gone or only buffers, and configuration.
func TestFilesComeAndGo(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, shop)
	w, _ := opened(t, dir, 10*time.Millisecond)
	w.Set("models/deep/new.sql", []byte("select total from {{ ref \"totals\" }}"))
	settle(t, w)
	if n, ok := w.View().Node("models/deep/new.sql"); !ok || len(n.Columns) != 1 {
		t.Fatal("a model that is a buffer only is not compiled")
	}
	w.Set("models/totals.sql", []byte("select sum(amount) as grand from {{ ref \"orders\" }}"))
	settle(t, w)
	if got := shown(w.View())["models/deep/new.sql"]; len(got) != 1 {
		t.Errorf("%v", got)
	}
	w.Drop("models/deep/new.sql")
	w.Drop("models/totals.sql")
	settle(t, w)
	if _, ok := w.View().Node("models/deep/new.sql"); ok {
		t.Error("the buffer is closed, its model is still there")
	}
	write(t, dir, map[string]string{"models/raw.sql": "select 1 as id, 2 as price"})
	w.Touched("models/raw.sql")
	settle(t, w)
	if diff := cmp.Diff(whole(t, dir), shown(w.View())); diff != "" {
		t.Errorf("(-command +editor):\n%s", diff)
	}
	if err := os.Remove(filepath.Join(dir, "models/raw.sql")); err != nil {
		t.Fatal(err)
	}
	w.Touched()
	settle(t, w)
	if diff := cmp.Diff(whole(t, dir), shown(w.View())); diff != "" {
		t.Errorf("(-command +editor):\n%s", diff)
	}
	write(t, dir, shop)
	w.Touched()
	w.Set("engine.yml", []byte("name: shop\ntargets: {dev: {type: duckbd}}\n"))
	settle(t, w)
	if got := shown(w.View())["engine.yml"]; len(got) != 1 || !strings.Contains(got[0], "duckbd") {
		t.Errorf("%v", got)
	}
	if w.View().Program == nil {
		t.Error("a target that cannot be takes the last program away")
	}
	w.Set("engine.yml", []byte("name: shop\ntargets: {dev: {type: duckdb, schema: dev}}\nmodles: 1\n"))
	looked(t, w)
	if got := shown(w.View())["engine.yml"]; len(got) != 1 || !strings.Contains(got[0], "modles") {
		t.Errorf("%v", got)
	}
	w.Drop("engine.yml")
	settle(t, w)
	if got := shown(w.View()); len(got) > 0 {
		t.Errorf("%v", got)
	}
}

// TestNoProject: a folder that is none says so, and becomes one.
func TestNoProject(t *testing.T) {
	dir := t.TempDir()
	w, _ := opened(t, dir, 10*time.Millisecond)
	if got := w.View().Paths(); len(got) != 1 {
		t.Errorf("%v", got)
	}
	write(t, dir, shop)
	w.Touched()
	settle(t, w)
	if got := shown(w.View()); len(got) > 0 {
		t.Errorf("%v", got)
	}
}

// TestOpenFilesFirst: where the whole project takes long, what is open is known before.
func TestOpenFilesFirst(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, shop)
	write(t, dir, map[string]string{"models/other.sql": "select nothing from {{ ref \"raw\" }}", "models/other_reader.sql": "select a from {{ ref \"other\" }}"})
	w, _ := opened(t, dir, never) // so that nothing but the test works
	text := []byte("select amoun from {{ ref \"raw\" }}")
	r := &result{}
	r.project, r.found = w.desk.Load(map[string][]byte{"models/orders.sql": text})
	w.lookAtOpen(w.ctx, r, map[string][]byte{"models/orders.sql": text})
	v := w.View()
	if diff := cmp.Diff(map[string][]string{"models/orders.sql": {"1:8-5 error column-missing: unrecognized name: amoun"}}, shown(v)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for path, known := range map[string]bool{"models/raw.sql": true, "models/totals.sql": false, "models/other.sql": false} {
		if n, ok := v.Node(path); !ok || (n.Unanalyzed == "") != known || len(n.Refs) == 0 && path != "models/raw.sql" {
			t.Errorf("%s: %v", path, n)
		}
	}
	w.Set("models/totals.sql", []byte("select sum(amount) as total from {{ ref \"other\" }}"))
	looked(t, w)
	if got := w.View().Diagnostics("models/totals.sql"); len(got) > 0 {
		t.Errorf("what is not looked at yet is a mistake: %v", lines(got))
	}
	w.Set("models/totals.sql", []byte("select sum(amoun) as total from {{ ref \"raw\" }}"))
	looked(t, w)
	if got := w.View().Diagnostics("models/totals.sql"); len(got) != 1 {
		t.Errorf("%v", lines(got))
	}
}

// TestManyAtOnce: keystrokes, closed buffers and questions from many goroutines end in what
// the last of them say, and nothing is left running.
func TestManyAtOnce(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, shop)
	before := runtime.NumGoroutine()
	l := &told{}
	w, err := Open(context.Background(), dir, Options{Options: options(dir), Published: l.add, Pause: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	for i, path := range []string{"models/raw.sql", "models/orders.sql", "models/props.yml", "macros/m.tmpl", "tests/none_negative.sql"} {
		work.Go(func() {
			text := shop[path]
			for n := range 40 {
				switch (n + i) % 4 {
				case 0:
					w.Set(path, []byte(text[:len(text)*n/40]))
				case 1:
					w.Drop(path)
				case 2:
					w.Touched(path)
				default:
					w.Set(path, []byte(text+"\n"))
				}
				v := w.View()
				for _, p := range v.Paths() {
					v.Diagnostics(p)
				}
				v.Node(path)
				v.LastGood(path)
			}
			w.Set(path, []byte(text))
		})
	}
	work.Wait()
	settle(t, w)
	if got := shown(w.View()); len(got) > 0 {
		t.Errorf("%v", got)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if now := runtime.NumGoroutine(); now > before {
		buf := make([]byte, 1<<16)
		t.Errorf("%d goroutines more than before:\n%s", now-before, buf[:runtime.Stack(buf, true)])
	}
	if err := w.Settled(context.Background()); err == nil {
		t.Log("settled before it was closed")
	}
}

// TestCloseAtOnce: closing does not wait for the first check to end.
func TestCloseAtOnce(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, shop)
	for range 5 {
		w, err := Open(context.Background(), dir, Options{Options: options(dir)})
		if err != nil {
			t.Fatal(err)
		}
		w.Set("models/raw.sql", []byte("select"))
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		if err := w.Settled(ctx); err == nil || ctx.Err() != nil {
			t.Errorf("a closed workspace: %v", err)
		}
		cancel()
	}
}

// TestMemoryIsBounded: what was typed and is gone takes no room.
func TestMemoryIsBounded(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, shop)
	w, _ := opened(t, dir, never)
	const path = "models/orders.sql"
	typed := func(from, to int) uint64 {
		for n := from; n < to; n++ {
			w.Set(path, fmt.Appendf(nil, "select id, amount, %d as n from {{ ref \"raw\" }}\n-- %s", n, strings.Repeat("x", 10_000)))
			looked(t, w)
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	first := typed(0, 200)
	second := typed(200, 1_000)
	if grown := int64(second) - int64(first); grown > 4<<20 {
		t.Errorf("800 keystrokes take %d MB", grown>>20)
	}
}

// TestOwnMistakeIsContained: a panic becomes a diagnostic, and the next text is looked at.
func TestOwnMistakeIsContained(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, shop)
	w, _ := opened(t, dir, never)
	f, _ := w.View().File("models/props.yml")
	q := quick{}
	func() {
		defer func() {
			if r := recover(); r != nil {
				t.Errorf("a panic gets out: %v", r)
			}
		}()
		q = w.quickly(nil, nil, nil, f) // a View that there is not
	}()
	if len(q.found) != 1 || q.found[0].Severity != diag.Internal {
		t.Errorf("%v", q.found)
	}
}

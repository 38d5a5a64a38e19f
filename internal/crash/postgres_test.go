package crash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/engine-build/engine/internal/testpeer/pg"
)

// pgTargets is the target of a project in a database of a server; changes replaces fields.
func pgTargets(s *pg.Server, database string, changes map[string]string) string {
	fields := s.Fields(database)
	maps.Copy(fields, changes)
	out := "targets:\n  dev:\n    type: postgres\n    schema: core\n"
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		out += fmt.Sprintf("    %s: %q\n", k, fields[k])
	}
	return out
}

// asker sends statements to a database, without the engine.
type asker struct {
	t *testing.T
	c *pgconn.PgConn
}

func newAsker(t *testing.T, s *pg.Server, database string) *asker {
	t.Helper()
	c, err := s.Dial(context.Background(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return &asker{t, c}
}

// lines is the first column of a query's rows. A relation that is not there has none.
func (a *asker) lines(sql string) (out []string, there bool, err error) {
	r := a.c.ExecParams(context.Background(), sql, nil, nil, nil, nil)
	for r.NextRow() {
		out = append(out, string(r.Values()[0]))
	}
	_, err = r.Close()
	var refused *pgconn.PgError
	if err != nil && errors.As(err, &refused) && (refused.Code == "42P01" || refused.Code == "3F000") {
		return nil, false, nil
	}
	return out, err == nil, err
}

func (a *asker) must(sql string) []string {
	a.t.Helper()
	out, _, err := a.lines(sql)
	if err != nil {
		a.t.Fatalf("%s: %v", sql, err)
	}
	return out
}

// factory are the rows of the factory's relations, and the names of staging objects.
func (a *asker) factory() (found map[string]string, aside []string) {
	a.t.Helper()
	found = map[string]string{}
	for name := range relations {
		lines, there, err := a.lines(query("core", name, "text"))
		if err != nil {
			a.t.Fatal(err)
		}
		if there {
			found[name] = rows(lines)
		}
	}
	return found, a.must(`select table_schema || '.' || table_name from information_schema.tables where table_name like '\_engine\_%'`)
}

// watcher reads all tables over and over while builds are killed.
type watcher struct {
	mu      sync.Mutex
	allowed map[string][]string // rows that a table may have now
	wrong   []string
	reads   int
	stop    chan struct{}
	done    chan struct{}
}

func watch(t *testing.T, s *pg.Server, database string, now map[string]string) *watcher {
	t.Helper()
	w := &watcher{stop: make(chan struct{}), done: make(chan struct{})}
	w.allow(now)
	a := newAsker(t, s, database)
	go func() {
		defer close(w.done)
		for {
			for _, name := range stored() {
				select {
				case <-w.stop:
					return
				default:
				}
				// What may be there is set before anything changes, so it is read first and last.
				before := w.may(name)
				lines, there, err := a.lines(query("core", name, "text"))
				got := rows(lines)
				after := w.may(name)
				w.mu.Lock()
				w.reads++
				switch {
				case err != nil:
					w.wrong = append(w.wrong, name+": "+err.Error())
				case !there:
					w.wrong = append(w.wrong, name+" is gone")
				case !slices.Contains(before, got) && !slices.Contains(after, got):
					w.wrong = append(w.wrong, fmt.Sprintf("%s has rows of no version:\n%s", name, got))
				case name == "checked" && strings.Contains(got, "NULL"):
					w.wrong = append(w.wrong, "rows that failed their test were published")
				}
				w.mu.Unlock()
				time.Sleep(2 * time.Millisecond)
			}
		}
	}()
	t.Cleanup(func() { close(w.stop); <-w.done })
	return w
}

func (w *watcher) may(name string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.allowed[name]
}

// looks is how many tables were read so far.
func (w *watcher) looks() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reads
}

// allow says which versions tables may have from now on.
func (w *watcher) allow(versions ...map[string]string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.allowed = map[string][]string{}
	for _, v := range versions {
		for name, rows := range v {
			w.allowed[name] = append(w.allowed[name], rows)
		}
	}
}

func (w *watcher) check(t *testing.T, when string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.wrong) > 0 {
		t.Fatalf("%s: a reader saw: %s", when, w.wrong[0])
	}
}

// factoryOn is a factory that is built in a database of its own, and one that is built from
// nothing in each round; without lists models that it has not.
type factoryOn struct {
	t            *testing.T
	f            *factory
	dir, calm    string
	targets      string
	before, next map[string]string
}

func newFactoryOn(t *testing.T, targets string, without ...string) *factoryOn {
	t.Helper()
	x := &factoryOn{t: t, f: newFactory(), dir: t.TempDir(), calm: t.TempDir(), targets: targets}
	for _, name := range without {
		delete(x.f.models, name)
	}
	x.f.write(t, x.dir, targets)
	engine(t, "build", "--project-dir", x.dir, "--no-catalog")
	x.before = factoryFresh(t, x.f, x.calm)
	return x
}

// turn edits the project, with rows that fail a test if broken is set.
func (x *factoryOn) turn(r *rand.Rand, broken bool) {
	x.t.Helper()
	x.f.edit(r)
	x.f.broken = broken
	x.next = factoryFresh(x.t, x.f, x.calm)
	x.f.write(x.t, x.dir, x.targets)
}

func (x *factoryOn) build(more ...string) []string {
	return append([]string{"build", "--project-dir", x.dir, "--no-catalog"}, more...)
}

// TestKilledOnPostgres kills builds on a server, while another session reads all tables.
func TestKilledOnPostgres(t *testing.T) {
	t.Parallel()
	s := pg.Shared(t)
	database := s.Database(t)
	x := newFactoryOn(t, pgTargets(s, database, nil))
	a, w := newAsker(t, s, database), watch(t, s, database, x.before)
	k := newKiller(t, 2, x.dir)
	died, reported, orphans := 0, 0, 0
	n := kills(t, 20)
	for i := range n {
		x.turn(k.r, i%7 == 3)
		w.allow(x.before, x.next)
		more := []string{}
		if k.r.IntN(2) == 0 {
			more = append(more, "--full")
		}
		killed, at := k.kill(t, x.build(more...)...)
		found, aside := a.factory()
		when := fmt.Sprintf("round %d, killed %s", i, at)
		whole(t, when, found, x.before, x.next)
		w.check(t, when)
		if x.f.broken {
			x.f.broken = false
			x.next = factoryFresh(t, x.f, x.calm)
			x.f.write(t, x.dir, x.targets)
			w.allow(x.before, found, x.next)
		}
		out := engine(t, x.build()...)
		if killed {
			died++
		}
		if len(aside) > 0 {
			orphans++
		}
		if strings.Contains(out, "did not end") {
			reported++
		}
		got, left := a.factory()
		if diff := cmp.Diff(x.next, got); diff != "" {
			t.Fatalf("%s: the next build left other tables (-from nothing +repaired):\n%s\n%s", when, diff, out)
		}
		if len(left) > 0 {
			t.Fatalf("%s: staging objects are left over: %v", when, left)
		}
		w.check(t, when)
		x.before = got
	}
	reads := w.looks()
	t.Logf("%d of %d builds were killed while they ran, %d with objects aside, %d of them reported by the next; the reader looked at %d tables", died, n, orphans, reported, reads)
	if reads < n {
		t.Errorf("the reader looked at %d tables in %d rounds: too few to say anything", reads, n)
	}
	if died < n/2 || reported < died/3 {
		t.Errorf("of %d builds %d were killed while they ran and %d reported: the test tests too little", n, died, reported)
	}
}

// cutter passes connections on to a server's socket, and cuts them.
type cutter struct {
	l      net.Listener
	socket string
	refuse atomic.Bool
	mu     sync.Mutex
	open   map[net.Conn]bool
}

func newCutter(t *testing.T, s *pg.Server, port string) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{l: l, socket: filepath.Join(s.Host, ".s.PGSQL."+port), open: map[net.Conn]bool{}}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			if c.refuse.Load() {
				_ = in.Close()
				continue
			}
			out, err := net.Dial("unix", c.socket)
			if err != nil {
				_ = in.Close()
				continue
			}
			c.mu.Lock()
			c.open[in], c.open[out] = true, true
			c.mu.Unlock()
			pass := func(to, from net.Conn) {
				_, _ = io.Copy(to, from) // it ends when one of them is closed
				_ = to.Close()
				_ = from.Close()
				c.mu.Lock()
				delete(c.open, from)
				c.mu.Unlock()
			}
			go pass(in, out)
			go pass(out, in)
		}
	}()
	t.Cleanup(func() { _ = l.Close(); c.sever() })
	return c
}

// sever cuts all connections and says how many.
func (c *cutter) sever() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.open)
	for conn := range c.open {
		_ = conn.Close()
	}
	return n
}

// TestLostConnection cuts the connections to a server at random moments of a build; in every
// second round the server stays away. The next build repairs what there is to repair.
func TestLostConnection(t *testing.T) {
	t.Parallel()
	s := pg.Shared(t)
	database := s.Database(t)
	cut := newCutter(t, s, s.Fields(database)["port"])
	host, port, err := net.SplitHostPort(cut.l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	x := newFactoryOn(t, pgTargets(s, database, map[string]string{"host": host, "port": port, "connect_timeout": "2"}))
	a, w := newAsker(t, s, database), watch(t, s, database, x.before)
	k := newKiller(t, 4, x.dir)
	failed, severed := 0, 0
	n := max(kills(t, 20), 1)
	for i := range n {
		x.turn(k.r, false)
		w.allow(x.before, x.next)
		after := time.Duration(k.r.Int64N(int64(k.run)))
		end := begun(t, func(*os.Process) {
			time.Sleep(after)
			cut.refuse.Store(i%2 == 1)
			severed += cut.sever()
		}, x.build("--full")...)
		r := end()
		cut.refuse.Store(false)
		when := fmt.Sprintf("round %d, cut after %v", i, after)
		if r.code != 0 && r.code != 1 {
			t.Fatalf("%s: exit code %d\n%s", when, r.code, r.output)
		}
		if r.code == 1 {
			failed++
		}
		found, _ := a.factory()
		whole(t, when, found, x.before, x.next)
		w.check(t, when)
		out := engine(t, x.build()...)
		got, left := a.factory()
		if diff := cmp.Diff(x.next, got); diff != "" {
			t.Fatalf("%s: the next build left other tables (-from nothing +repaired):\n%s\n%s", when, diff, out)
		}
		if len(left) > 0 {
			t.Fatalf("%s: staging objects are left over: %v", when, left)
		}
		w.check(t, when)
		x.before = got
	}
	t.Logf("%d of %d builds failed when their connections, %d in all, were cut", failed, n, severed/2)
	if failed < n/3 {
		t.Errorf("of %d builds %d failed: the test tests too little", n, failed)
	}
}

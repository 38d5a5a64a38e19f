package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/timetable"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/engine/warehouse/postgres"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// machineClock is the real one: leases are kept by a real warehouse.
type machineClock struct{}

func (machineClock) Now() time.Time                         { return time.Now() }
func (machineClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// quick lets waiting for other instances be quick.
type quick struct{ machineClock }

func (quick) After(d time.Duration) <-chan time.Time { return time.After(min(d, 20*time.Millisecond)) }

// warehouses are those whose leases are tried.
func warehouses(t *testing.T) map[string]func(context.Context) (warehouse.Conn, error) {
	t.Helper()
	server := pg.Shared(t)
	fields := server.Fields(server.Database(t))
	file := filepath.Join(t.TempDir(), "w.duckdb")
	return map[string]func(context.Context) (warehouse.Conn, error){
		"duckdb": func(ctx context.Context) (warehouse.Conn, error) {
			return duckdb.Driver{}.Open(ctx, warehouse.Config{Dir: ".", Fields: map[string]string{"path": file}})
		},
		"postgres": func(ctx context.Context) (warehouse.Conn, error) {
			return postgres.Driver{}.Open(ctx, warehouse.Config{Fields: fields})
		},
	}
}

func leases(open func(context.Context) (warehouse.Conn, error), pid int, dead func(warehouse.Holder) bool) *Leases {
	return &Leases{
		Open: func(ctx context.Context, _ string) (warehouse.Conn, state.Scope, error) {
			c, err := open(ctx)
			return c, state.Scope{Project: "shop", Schema: "dev"}, err
		},
		Holder: warehouse.Holder{Host: "here", PID: pid}, Dead: dead, Clock: quick{}, TTL: 2 * time.Second, Beat: 100 * time.Millisecond,
	}
}

func TestClaims(t *testing.T) {
	for name, open := range warehouses(t) {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			job := &Job{Name: "hourly", Target: "dev", Deadline: time.Minute}
			ten, eleven := time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC), time.Date(2026, 1, 1, 11, 0, 0, 0, time.UTC)
			gone := map[int]bool{}
			dead := func(h warehouse.Holder) bool { return gone[h.PID] }
			a, b := leases(open, 1, dead), leases(open, 2, dead)
			// A machine that is busy takes its time; only who stands by is to give up.
			within := func(d time.Duration, l *Leases, run string, due time.Time) (Held, error) {
				soon, stop := context.WithTimeout(ctx, d)
				defer stop()
				return l.Claim(soon, Request{Job: job, Run: run, Due: due})
			}
			claim := func(l *Leases, run string, due time.Time) (Held, error) {
				return within(time.Minute, l, run, due)
			}
			taken := func(err error, by string, done bool) {
				t.Helper()
				var e *takenError
				if !errors.As(err, &e) || e.By.Run != by || e.Done != done {
					t.Fatalf("want a run taken by %s (done: %t), got %v", by, done, err)
				}
			}
			held, err := claim(a, "a10", ten)
			if err != nil {
				t.Fatal(err)
			}
			// The other instance stands by for the same time, and leaves out a later one.
			if _, err := within(time.Second, b, "b10", ten); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			_, err = claim(b, "b11", eleven)
			taken(err, "a10", false)
			_, err = claim(b, "basked", time.Time{})
			taken(err, "a10", false)
			if err := held.End(ctx, true); err != nil {
				t.Fatal(err)
			}
			// What is done is done once; the next time is free for both, and an earlier one is not.
			_, err = claim(b, "b10", ten)
			taken(err, "a10", true)
			_, err = claim(b, "b09", ten.Add(-time.Hour))
			taken(err, "a10", true)
			if held, err = claim(b, "basked", time.Time{}); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(held.End(ctx, true), held.End(ctx, true)); err != nil {
				t.Fatal(err)
			}
			// A run that somebody asked for stands for no due time.
			_, err = claim(a, "a10 again", ten)
			taken(err, "basked", true)
			if held, err = claim(b, "b11", eleven); err != nil {
				t.Fatal(err)
			}
			// Interrupted, it is anybody's.
			if err := held.End(ctx, false); err != nil {
				t.Fatal(err)
			}
			if held, err = claim(a, "a11", eleven); err != nil {
				t.Fatal(err)
			}
			// A process that died has nothing any more.
			twelve := eleven.Add(time.Hour)
			gone[1] = true
			second, err := claim(b, "b12", twelve)
			if err != nil {
				t.Fatal(err)
			}
			if name == "postgres" { // a file is closed meanwhile, and nobody listens
				select {
				case <-held.Lost():
				case <-time.After(5 * time.Second):
					t.Fatal("the lease was taken, and its run is not told")
				}
			}
			if err := errors.Join(held.End(ctx, true), second.End(ctx, true)); err != nil {
				t.Fatal(err)
			}
			_, err = claim(a, "a12", twelve)
			taken(err, "b12", true)
		})
	}
}

// TestClaimsAtOnce: of many that want a due time, one gets it. A DuckDB file has one process at
// a time, which a script tries with processes (serve.txtar).
func TestClaimsAtOnce(t *testing.T) {
	for name, open := range warehouses(t) {
		if name == "duckdb" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			job := &Job{Name: "j", Deadline: time.Minute}
			due := time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC)
			var mu sync.Mutex
			var got []string
			var group sync.WaitGroup
			for i := range 6 {
				group.Go(func() {
					l := leases(open, i+1, nil)
					held, err := l.Claim(t.Context(), Request{Job: job, Run: fmt.Sprint("r", i), Due: due})
					var e *takenError
					if errors.As(err, &e) && e.Done {
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					got = append(got, fmt.Sprint("r", i))
					mu.Unlock()
					time.Sleep(50 * time.Millisecond)
					if err := held.End(context.Background(), true); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			if len(got) != 1 {
				t.Errorf("run by %q", got)
			}
		})
	}
}

// TestTwoInstances: two servers, each with records of its own, do every due time once, one at
// a time, and when one of them is killed in the middle of a run the other does it.
func TestTwoInstances(t *testing.T) {
	for name, open := range warehouses(t) {
		if name == "duckdb" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			working := 0
			var done []time.Time
			dead := map[int]bool{}
			killed := make(chan struct{})
			isDead := func(h warehouse.Holder) bool { mu.Lock(); defer mu.Unlock(); return dead[h.PID] }
			instance := func(pid int, kill bool) (*Server, Options) {
				l := leases(open, pid, isDead)
				o := Options{
					Project: "shop", Clock: machineClock{}, Store: Store{t.TempDir()}, Claims: l, Holder: l.Holder, Gone: isDead, Post: Webhook,
					Jobs: []Job{{Name: "j", Target: "dev", Phases: []string{"build"}, When: timetable.Schedule{Every: time.Second}, Overlap: timetable.QueueOne, CatchUp: time.Minute, Deadline: time.Minute}},
					Say:  func(string) {}, NewID: func(now time.Time) string { return fmt.Sprintf("%d-%d", now.UnixNano(), pid) },
				}
				runs := 0
				o.Phase = func(ctx context.Context, task Task, _ io.Writer) Outcome {
					mu.Lock()
					if runs++; kill && runs == 2 {
						dead[pid] = true
						mu.Unlock()
						close(killed)
						select {} // it never says anything again
					}
					if working++; working > 1 {
						t.Error("two instances are at work")
					}
					mu.Unlock()
					time.Sleep(100 * time.Millisecond)
					mu.Lock()
					defer mu.Unlock()
					working--
					r, err := o.Store.Run(task.Run)
					if err != nil {
						t.Error(err)
						return Outcome{}
					}
					done = append(done, r.Due)
					return Outcome{OK: true}
				}
				s, err := New(o)
				if err != nil {
					t.Fatal(err)
				}
				return s, o
			}
			one, _ := instance(1, true)
			two, _ := instance(2, false)
			go func() { _ = one.Run(context.Background()) }() // it is killed, and does not end
			ctx, stop := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- two.Run(ctx) }()
			select {
			case <-killed:
			case <-time.After(30 * time.Second):
				t.Fatal("the first instance never came to its second run")
			}
			time.Sleep(3500 * time.Millisecond)
			stop()
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if len(done) < 3 {
				t.Errorf("only %d runs", len(done))
			}
			once := slices.Compact(slices.SortedFunc(slices.Values(done), time.Time.Compare))
			if d := cmp.Diff(once, done); d != "" {
				t.Errorf("due times were done twice or out of order (-once +done):\n%s", d)
			}
		})
	}
}

// TestClaimRowIsOne: a schedule leaves one row, however often it runs.
func TestClaimRowIsOne(t *testing.T) {
	open := warehouses(t)["duckdb"]
	l := leases(open, 1, nil)
	for i := range 5 {
		held, err := l.Claim(t.Context(), Request{Job: &Job{Name: "j"}, Run: fmt.Sprint("r", i), Due: time.Unix(int64(i)*3600, 0)})
		if err != nil {
			t.Fatal(err)
		}
		if err := held.End(t.Context(), true); err != nil {
			t.Fatal(err)
		}
	}
	c, err := open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	rows, err := c.Query(t.Context(), warehouse.Statement{SQL: "select count(*) from " + c.Dialect().Quote(addr.Relation{Schema: state.Schema, Name: "leases"})})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		if v, err := rows.Values(); err != nil || fmt.Sprint(v[0]) != "1" {
			t.Errorf("%v rows, %v", v, err)
		}
	}
}

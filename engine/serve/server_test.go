package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/timetable"
	"github.com/engine-build/engine/engine/warehouse"
)

// moved is the time of a synctest bubble, moved to begin at another moment.
type moved struct{ base, start time.Time }

func (c *moved) Now() time.Time                         { return c.base.Add(time.Since(c.start)) }
func (c *moved) After(d time.Duration) <-chan time.Time { return time.After(d) }

// free lets every run go ahead: there is one instance.
type free struct{}

func (free) Claim(context.Context, Request) (Held, error) { return granted{}, nil }

// stumbling stumbles over everything.
type stumbling struct{}

func (stumbling) Claim(context.Context, Request) (Held, error) { panic("oh") }

type granted struct{}

func (granted) Lost() <-chan struct{}           { return nil }
func (granted) End(context.Context, bool) error { return nil }

// world is what a server under test lives in; it outlives servers.
type world struct {
	t     *testing.T
	clock *moved
	dir   string
	jobs  []Job
	phase Phase
	pid   int

	claims Claims

	mu     sync.Mutex
	said   []string
	alerts []Alert
	ids    int
	alive  map[int]bool
	post   func() error
}

func begin(t *testing.T, at string, jobs ...Job) *world {
	t.Helper()
	base, err := time.Parse(time.RFC3339, at)
	if err != nil {
		t.Fatal(err)
	}
	for i := range jobs {
		j := &jobs[i]
		if j.Phases == nil {
			j.Phases = []string{"build"}
		}
		if j.Deadline == 0 {
			j.Deadline = 24 * time.Hour
		}
		if j.Overlap == "" {
			j.Overlap = timetable.Skip
		}
		j.Target = "prod"
	}
	return &world{t: t, clock: &moved{base, time.Now()}, dir: t.TempDir(), jobs: jobs, claims: free{}, alive: map[int]bool{},
		phase: func(context.Context, Task, io.Writer) Outcome { return Outcome{OK: true} }}
}

func (w *world) options() Options {
	w.pid++
	pid := w.pid
	w.alive[pid] = true
	return Options{
		Project: "shop", Jobs: slices.Clone(w.jobs), Clock: w.clock, Store: Store{w.dir}, Claims: w.claims, Phase: func(ctx context.Context, t Task, log io.Writer) Outcome { return w.phase(ctx, t, log) },
		NewID: func(now time.Time) string {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.ids++
			return fmt.Sprintf("%s-%06d", now.UTC().Format("20060102T150405Z"), w.ids)
		},
		Holder: warehouse.Holder{Host: "vm", PID: pid}, Gone: func(h warehouse.Holder) bool { return !w.alive[h.PID] },
		Say: func(text string) { w.mu.Lock(); defer w.mu.Unlock(); w.said = append(w.said, text) },
		Post: func(_ context.Context, _ string, body []byte) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.post != nil {
				if err := w.post(); err != nil {
					return err
				}
			}
			var a Alert
			if err := json.Unmarshal(body, &a); err != nil {
				w.t.Error(err)
			}
			w.alerts = append(w.alerts, a)
			return nil
		},
		Grace: 30 * time.Second, Token: "open sesame",
	}
}

// serve runs a server for so long, and stops it.
func (w *world) serve(d time.Duration, during ...func(*Server)) {
	w.t.Helper()
	o := w.options()
	s, err := New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(w.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	for _, f := range during {
		f(s)
	}
	time.Sleep(d)
	synctest.Wait()
	stop()
	if err := <-ended; err != nil {
		w.t.Error(err)
	}
	w.alive[o.Holder.PID] = false
}

// history is one word a run, the oldest first: schedule, due time in a zone, status.
func (w *world) history(zone string) []string {
	w.t.Helper()
	z, err := time.LoadLocation(zone)
	if err != nil {
		w.t.Fatal(err)
	}
	list, err := (Store{w.dir}).List(0)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, r := range slices.Backward(list) {
		due := string(r.Trigger)
		if !r.Due.IsZero() {
			due = r.Due.In(z).Format("02 15:04 MST")
		}
		if r.Missed > 0 {
			due += fmt.Sprintf(" +%d", r.Missed)
		}
		out = append(out, fmt.Sprintf("%s %s %s", r.Schedule, due, r.Status))
	}
	return out
}

func (w *world) is(what string, got, want []string) {
	w.t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		w.t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func line(t *testing.T, text, zone string) timetable.Schedule {
	t.Helper()
	c, err := timetable.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	z, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	return timetable.Schedule{Cron: c, Zone: z}
}

func every(d time.Duration) timetable.Schedule { return timetable.Schedule{Every: d} }

func TestClockIsPutForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, "2026-03-28T21:30:00Z", Job{Name: "nightly", When: line(t, "30 2 * * *", "Europe/Berlin")}, Job{Name: "hourly", When: line(t, "0 * * * *", "Europe/Berlin")})
		w.serve(5 * time.Hour)
		w.is("runs", w.history("Europe/Berlin"), []string{
			"hourly 28 23:00 CET done", "hourly 29 00:00 CET done", "hourly 29 01:00 CET done",
			"nightly 29 03:00 CEST done", "hourly 29 03:00 CEST done", "hourly 29 04:00 CEST done",
		})
	})
}

func TestClockIsPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, "2026-10-24T22:30:00Z", Job{Name: "nightly", When: line(t, "30 2 * * *", "Europe/Berlin")}, Job{Name: "hourly", When: line(t, "0 * * * *", "Europe/Berlin")})
		w.serve(4 * time.Hour)
		w.is("runs", w.history("Europe/Berlin"), []string{
			"hourly 25 01:00 CEST done", "hourly 25 02:00 CEST done", "nightly 25 02:30 CEST done",
			"hourly 25 02:00 CET done", "hourly 25 03:00 CET done",
		})
	})
}

func TestRestartDuringTheRepeatedHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, "2026-10-24T23:30:00Z", Job{Name: "nightly", When: line(t, "30 2 * * *", "Europe/Berlin"), CatchUp: 3 * time.Hour})
		w.serve(70 * time.Minute) // until 02:40 CEST
		time.Sleep(30 * time.Minute)
		w.serve(2 * time.Hour) // from 02:10 CET, past 02:30 CET
		w.is("runs", w.history("Europe/Berlin"), []string{"nightly 25 02:30 CEST done"})
	})
}

func TestDowntimeIsMadeUpForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, "2026-01-01T00:30:00Z", Job{Name: "hourly", When: line(t, "0 * * * *", "UTC"), CatchUp: 12 * time.Hour}, Job{Name: "daily", When: line(t, "0 2 * * *", "UTC"), CatchUp: time.Hour})
		w.serve(time.Hour)
		time.Sleep(9 * time.Hour)
		w.serve(45 * time.Minute) // from 10:30
		w.is("runs", w.history("UTC"), []string{
			"hourly 01 01:00 UTC done",
			"hourly 01 10:00 UTC +8 done", "daily 01 02:00 UTC skipped",
			"hourly 01 11:00 UTC done",
		})
	})
}

func TestNewScheduleMakesUpForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, "2026-01-01T00:30:00Z", Job{Name: "hourly", When: line(t, "0 * * * *", "UTC"), CatchUp: 24 * time.Hour})
		w.serve(10 * time.Minute)
		time.Sleep(5 * time.Hour)
		w.jobs[0].When = line(t, "15 * * * *", "UTC") // another schedule by the same name
		w.serve(10 * time.Minute)
		w.is("runs", w.history("UTC"), nil)
	})
}

// slow is a phase that takes its time unless it is canceled.
func slow(d time.Duration) Phase {
	return func(ctx context.Context, _ Task, log io.Writer) Outcome {
		select {
		case <-time.After(d):
			return Outcome{OK: true}
		case <-ctx.Done():
			_, _ = io.WriteString(log, "canceled\n")
			return Outcome{Message: "canceled"}
		}
	}
}

func TestOverlaps(t *testing.T) {
	for policy, want := range map[timetable.Overlap][]string{
		timetable.Skip:           {"j 01 00:10 UTC done", "j 01 00:20 UTC skipped", "j 01 00:30 UTC skipped", "j 01 00:40 UTC done"},
		timetable.QueueOne:       {"j 01 00:10 UTC done", "j 01 00:20 UTC skipped", "j 01 00:30 UTC done", "j 01 00:40 UTC interrupted"},
		timetable.CancelPrevious: {"j 01 00:10 UTC canceled", "j 01 00:20 UTC canceled", "j 01 00:30 UTC canceled", "j 01 00:40 UTC done"},
	} {
		t.Run(string(policy), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := begin(t, "2026-01-01T00:05:00Z", Job{Name: "j", When: every(10 * time.Minute), Overlap: policy, CatchUp: time.Hour})
				w.phase = slow(25 * time.Minute)
				running, most := 0, 0
				inner := w.phase
				w.phase = func(ctx context.Context, t Task, log io.Writer) Outcome {
					running++
					most = max(most, running)
					defer func() { running-- }()
					return inner(ctx, t, log)
				}
				var extra []string
				w.serve(44*time.Minute+59*time.Second, func(s *Server) { s.o.Grace = time.Hour })
				got := w.history("UTC")
				w.is("runs", append(got, extra...), want)
				if most != 1 {
					t.Errorf("%d runs at once", most)
				}
			})
		})
	}
}

func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, "2026-01-01T00:05:00Z", Job{Name: "j", When: line(t, "10 0 * * *", "UTC"), Deadline: 20 * time.Minute, Phases: []string{"build", "publish"}, Retry: true, RetryDelay: time.Minute})
		w.phase = slow(15 * time.Minute)
		w.serve(time.Hour)
		list, _ := (Store{w.dir}).List(0)
		if len(list) != 1 {
			t.Fatalf("%d runs", len(list))
		}
		r := list[0]
		if r.Status != Failed || r.Why != "it took longer than its deadline of 20m" || r.End.Sub(r.Start) != 20*time.Minute || len(r.Steps) != 2 || r.Steps[1].Status != Canceled {
			t.Errorf("%+v", r)
		}
	})
}

func TestRetryFromTheFailedPhase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, "2026-01-01T00:05:00Z", Job{Name: "j", When: line(t, "10 0 * * *", "UTC"), Phases: []string{"build", "publish"}, Retry: true, RetryDelay: 5 * time.Minute})
		var phases []string
		w.phase = func(_ context.Context, t Task, _ io.Writer) Outcome {
			phases = append(phases, w.clock.Now().Format("15:04 ")+t.Phase)
			return Outcome{OK: len(phases) != 2, Message: "no connection"}
		}
		w.serve(time.Hour)
		w.is("phases", phases, []string{"00:10 build", "00:10 publish", "00:15 publish"})
		w.is("runs", w.history("UTC"), []string{"j 01 00:10 UTC done"})
		// A mistake of the project stays one.
		phases = nil
		w.phase = func(_ context.Context, t Task, _ io.Writer) Outcome {
			phases = append(phases, t.Phase)
			return Outcome{Final: true, Message: "no such model"}
		}
		w.serve(24 * time.Hour)
		w.is("phases", phases, []string{"build"})
	})
}

func TestSchedulesThatFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, "2026-01-01T00:05:00Z", Job{Name: "a", When: line(t, "*/10 * * * *", "UTC")}, Job{Name: "b", After: "a"}, Job{Name: "c", After: "b"})
		w.phase = func(_ context.Context, t Task, _ io.Writer) Outcome {
			return Outcome{OK: t.Job.Name != "a" || w.clock.Now().Minute() != 20}
		}
		w.serve(20 * time.Minute)
		w.is("runs", w.history("UTC"), []string{"a 01 00:10 UTC done", "b after done", "c after done", "a 01 00:20 UTC failed"})
	})
}

// TestFollowersAreMadeUpFor: what has to follow a success does so after the next start, whether
// the process was stopped during it, before it, or killed between the two.
func TestFollowersAreMadeUpFor(t *testing.T) {
	jobs := func(t *testing.T, window time.Duration) []Job {
		return []Job{{Name: "a", When: line(t, "10 0 * * *", "UTC")}, {Name: "b", After: "a", CatchUp: window}}
	}
	t.Run("interrupted", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := begin(t, "2026-01-01T00:05:00Z", jobs(t, time.Hour)...)
			w.phase = slow(10 * time.Minute)
			w.serve(20 * time.Minute) // a has ended, b is at work
			w.is("runs", w.history("UTC"), []string{"a 01 00:10 UTC done", "b after interrupted"})
			w.serve(20 * time.Minute)
			w.is("runs", w.history("UTC"), []string{"a 01 00:10 UTC done", "b after interrupted", "b after done"})
			w.serve(20 * time.Minute)
			w.is("runs", w.history("UTC"), []string{"a 01 00:10 UTC done", "b after interrupted", "b after done"})
		})
	})
	t.Run("not begun", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := begin(t, "2026-01-01T00:05:00Z", jobs(t, time.Hour)...)
			w.phase = slow(10 * time.Minute)
			w.serve(14*time.Minute + 45*time.Second) // a ends within the grace
			w.is("runs", w.history("UTC"), []string{"a 01 00:10 UTC done"})
			w.serve(20 * time.Minute)
			w.is("runs", w.history("UTC"), []string{"a 01 00:10 UTC done", "b after done"})
			w.serve(20 * time.Minute)
			w.is("runs", w.history("UTC"), []string{"a 01 00:10 UTC done", "b after done"})
		})
	})
	t.Run("too old", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := begin(t, "2026-01-01T00:05:00Z", jobs(t, 30*time.Minute)...)
			w.phase = slow(10 * time.Minute)
			w.serve(14*time.Minute + 45*time.Second)
			time.Sleep(time.Hour)
			w.serve(20 * time.Minute)
			w.is("runs", w.history("UTC"), []string{"a 01 00:10 UTC done"})
		})
	})
	t.Run("new", func(t *testing.T) { // what was before the schedule is not its business
		synctest.Test(t, func(t *testing.T) {
			w := begin(t, "2026-01-01T00:05:00Z", jobs(t, time.Hour)[:1]...)
			w.serve(10 * time.Minute)
			w.jobs = begin(t, "2026-01-01T00:05:00Z", jobs(t, time.Hour)...).jobs
			w.serve(10 * time.Minute)
			w.is("runs", w.history("UTC"), []string{"a 01 00:10 UTC done"})
		})
	})
}

func TestStopInterruptsAndTheNextStartMakesUpForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, "2026-01-01T00:05:00Z", Job{Name: "j", When: line(t, "10 0 * * *", "UTC"), CatchUp: time.Hour})
		w.phase = slow(10 * time.Minute)
		begun := time.Now()
		w.serve(6 * time.Minute)
		if took := time.Since(begun); took != 6*time.Minute+30*time.Second {
			t.Errorf("stopping took %s, the grace is 30s", took-6*time.Minute)
		}
		w.is("runs", w.history("UTC"), []string{"j 01 00:10 UTC interrupted"})
		w.serve(20 * time.Minute)
		w.is("runs", w.history("UTC"), []string{"j 01 00:10 UTC interrupted", "j 01 00:10 UTC done"})
		w.serve(20 * time.Minute)
		w.is("runs", w.history("UTC"), []string{"j 01 00:10 UTC interrupted", "j 01 00:10 UTC done"})
	})
}

func TestKilledProcessIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, "2026-01-01T00:30:00Z", Job{Name: "j", When: line(t, "10 0 * * *", "UTC"), CatchUp: time.Hour})
		store := Store{w.dir}
		due := w.clock.base.Add(-20 * time.Minute)
		dead := &Run{ID: "20260101T001000Z-x", Schedule: "j", Trigger: Scheduled, Due: due, Made: due, Start: due, Status: Running, Holder: warehouse.Holder{PID: 99}, Steps: []Step{{Phase: "build", Start: due, Status: Running}}}
		if err := errors.Join(store.save(dead), store.remember("j", memory{When: w.jobs[0].due(), Last: due})); err != nil {
			t.Fatal(err)
		}
		w.serve(time.Hour)
		w.is("runs", w.history("UTC"), []string{"j 01 00:10 UTC interrupted", "j 01 00:10 UTC done"})
		// One whose process lives is another instance's business.
		w.alive[98] = true
		dead.ID, dead.Status, dead.Holder.PID, dead.End = "20260101T002000Z-y", Running, 98, time.Time{}
		if err := store.save(dead); err != nil {
			t.Fatal(err)
		}
		w.serve(time.Minute)
		if r, err := store.Run(dead.ID); err != nil || r.Status != Running {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestAlerts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, "2026-01-01T00:30:00Z", Job{Name: "j", When: line(t, "0 * * * *", "UTC"), LateAfter: 150 * time.Minute, Webhook: "https://hooks.example.com/secret"})
		bad := map[int]Outcome{
			2: {Message: "1 failure", Failures: []Failure{{Node: "model.orders", Message: "2 rows are wrong"}}},
			3: {Message: "1 failure", Failures: []Failure{{Node: "model.orders", Message: "3 rows are wrong"}}},
			4: {Message: "1 failure", Failures: []Failure{{Customer: "acme", Message: "a proof failed"}}},
		}
		w.phase = func(context.Context, Task, io.Writer) Outcome {
			if o, ok := bad[w.clock.Now().Hour()]; ok {
				return o
			}
			return Outcome{OK: true}
		}
		w.serve(8 * time.Hour)
		var got []string
		for _, a := range w.alerts {
			got = append(got, a.At.Format("15:04 ")+a.Text)
		}
		w.is("alerts", got, []string{
			"02:00 failure: schedule j of shop on prod: build failed: 1 failure\nmodel.orders: 2 rows are wrong",
			"04:00 failure: schedule j of shop on prod: build failed: 1 failure\ncustomer acme: a proof failed",
			"04:30 late: schedule j of shop on prod: no run has succeeded within 2h30m since it was due at 2026-01-01T02:00:00Z",
			"05:00 recovery: schedule j of shop on prod: it works again",
		})
		if a := w.alerts[0]; a.Event != EventFailure || a.Phase != "build" || a.Project != "shop" || a.Run == "" || len(a.Failures) != 1 {
			t.Errorf("%+v", a)
		}
	})
}

func TestAlertsSurviveRestartsAndAnswersOfTheWebhook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, "2026-01-01T00:30:00Z", Job{Name: "j", When: line(t, "0 * * * *", "UTC"), Webhook: "https://hooks.example.com/secret"})
		w.phase = func(context.Context, Task, io.Writer) Outcome { return Outcome{Message: "no"} }
		tries := 0
		w.post = func() error {
			if tries++; tries < 4 {
				return &refusedError{503}
			}
			return nil
		}
		w.serve(time.Hour)
		w.phase = func(context.Context, Task, io.Writer) Outcome { return Outcome{OK: true} }
		w.serve(time.Hour)
		if len(w.alerts) != 2 || w.alerts[0].Event != EventFailure || w.alerts[1].Event != EventRecovery || tries != 5 {
			t.Errorf("%d tries: %+v", tries, w.alerts)
		}
		// What is refused for good is not sent again, and said.
		w.alerts, tries = nil, 0
		w.post = func() error { tries++; return &refusedError{404} }
		w.phase = func(context.Context, Task, io.Writer) Outcome { return Outcome{Message: "no"} }
		w.serve(time.Hour)
		if tries != 1 || !slices.ContainsFunc(w.said, func(s string) bool {
			return s == "the alert about the failure of schedule j was not delivered: the webhook answered 404 Not Found"
		}) {
			t.Errorf("%d tries, said %q", tries, w.said)
		}
	})
}

func TestPanicEndsTheRunOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, "2026-01-01T00:30:00Z", Job{Name: "j", When: line(t, "0 * * * *", "UTC")})
		w.phase = func(context.Context, Task, io.Writer) Outcome { panic("oh") }
		w.serve(2 * time.Hour)
		w.is("runs", w.history("UTC"), []string{"j 01 01:00 UTC failed", "j 01 02:00 UTC failed"})
	})
}

// TestPanicOfTheClaimEndsTheRunOnly: also what is around the phases must not end the process.
func TestPanicOfTheClaimEndsTheRunOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, "2026-01-01T00:30:00Z", Job{Name: "j", When: line(t, "0 * * * *", "UTC")})
		w.claims = stumbling{}
		w.serve(2 * time.Hour)
		w.is("runs", w.history("UTC"), []string{"j 01 01:00 UTC failed", "j 01 02:00 UTC failed"})
	})
}

// TestAlertsThatWereNotTaken: what the webhook has not taken is told again, after a restart too.
func TestAlertsThatWereNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, "2026-01-01T00:30:00Z", Job{Name: "j", When: line(t, "0 * * * *", "UTC"), LateAfter: 90 * time.Minute, Webhook: "https://hooks.example.com/secret"})
		w.phase = func(context.Context, Task, io.Writer) Outcome { return Outcome{Message: "no"} }
		w.post = func() error { return &refusedError{503} }
		w.serve(31 * time.Minute) // stopped while it is being told
		if len(w.alerts) != 0 {
			t.Fatalf("%+v", w.alerts)
		}
		w.post = nil
		told := func(want ...string) {
			t.Helper()
			var got []string
			for _, a := range w.alerts {
				got = append(got, a.At.Format("15:04 ")+string(a.Event))
			}
			w.is("alerts", got, want)
		}
		w.serve(time.Hour)
		told("02:00 failure")
		w.post = func() error { return &refusedError{404} }
		w.serve(31 * time.Minute) // late, and the webhook is gone
		told("02:00 failure")
		w.post = nil
		w.serve(10 * time.Minute)
		told("02:00 failure", "02:32 late")
		w.serve(10 * time.Minute)
		told("02:00 failure", "02:32 late")
		w.phase = func(context.Context, Task, io.Writer) Outcome { return Outcome{OK: true} }
		w.post = func() error { return &refusedError{404} }
		w.serve(time.Hour)
		w.post = nil
		w.serve(time.Hour)
		told("02:00 failure", "02:32 late", "04:00 recovery")
	})
}

func TestHistoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, "2026-01-01T00:30:00Z", Job{Name: "j", When: every(time.Minute)})
		w.serve(time.Hour, func(s *Server) { s.o.Keep = 5 })
		if got := w.history("UTC"); len(got) != 5 || got[4] != "j 01 01:30 UTC done" {
			t.Errorf("%q", got)
		}
	})
}

func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, "2026-01-01T00:30:00Z", Job{Name: "j", When: line(t, "0 * * * *", "UTC")}, Job{Name: "k", After: "j"})
		w.phase = slow(time.Minute)
		s, err := New(w.options())
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Once(t.Context(), "j")
		if err != nil || r.Status != Done || r.End.Sub(r.Start) != time.Minute {
			t.Errorf("%+v, %v", r, err)
		}
		var unknown *unknownError
		if s, err = New(w.options()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Once(t.Context(), "x"); !errors.As(err, &unknown) {
			t.Error(err)
		}
		if s, err = New(w.options()); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if r, err = s.Once(ctx, "j"); err != nil || r.Status != Interrupted {
			t.Errorf("%+v, %v", r, err)
		}
		w.is("runs", w.history("UTC"), []string{"j once done", "j once interrupted"})
	})
}

func TestBrokenRecordsHideNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, "2026-01-01T00:30:00Z", Job{Name: "j", When: line(t, "0 * * * *", "UTC")})
		store := Store{w.dir}
		if err := errors.Join(store.write(store.runs()+"/20250101T000000Z-a.json", "no record"), store.write(store.memoryPath("j"), []int{1})); err != nil {
			t.Fatal(err)
		}
		w.serve(time.Hour)
		if got := w.history("UTC"); len(got) != 1 || !strings.HasSuffix(got[0], "done") {
			t.Errorf("%q", got)
		}
	})
}

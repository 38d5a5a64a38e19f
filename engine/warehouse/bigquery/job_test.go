package bigquery

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/auth"
	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

var onBehalf = warehouse.Job{
	Run: "run:1", Project: "Shop ü", Target: "prod", Node: addr.Node{Kind: addr.Model, Name: "Orders"},
	MaxBytes: 1 << 30, Timeout: 90 * time.Second, Priority: "batch", Reservation: "projects/p/locations/eu/reservations/r", Labels: map[string]string{"Cost Center": "42"},
}

// TestJobRequests: what is sent for a statement, a result, a dry run and a copy.
func TestJobRequests(t *testing.T) {
	s := newFake(t)
	c := s.connect(map[string]string{"execution_project": "paying-project", "location": "EU", "labels": "team=core,run=mine", "maximum_bytes_billed": "5_000_000_000"})
	ctx := warehouse.WithJob(context.Background(), onBehalf)
	merge := warehouse.Statement{SQL: "merge into t using s on false when not matched then insert row"}
	stats, err := c.Exec(ctx, merge)
	if err != nil {
		t.Fatal(err)
	}
	want := warehouse.JobStats{JobID: "run_1-model_Orders-x1-1", Rows: 3, Bytes: 1000, Billed: 10485760, SlotMillis: 77, Project: "paying-project", Location: "EU"}
	if d := cmp.Diff(want, stats, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Duration" }, cmp.Ignore())); d != "" {
		t.Error(d)
	}
	r, err := c.Query(ctx, warehouse.Statement{SQL: "select 1"})
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if e, err := c.DryRun(ctx, merge); err != nil || e.Bytes != 12345 || e.Upper || len(e.Columns) != 1 {
		t.Errorf("%+v, %v", e, err)
	}
	s.tables["shop/_engine_new__o"] = map[string]any{"etag": "a", "schema": map[string]any{}}
	if _, _, _, err := c.Perform(ctx, warehouse.Swap{New: rel("_engine_new__o"), NewKind: warehouse.Table, Target: rel("o")}); err != nil {
		t.Error(err)
	}
	if _, err := c.Exec(context.Background(), warehouse.Statement{SQL: "select 2"}); err != nil {
		t.Error(err)
	}
	golden(t, "jobs.txt", strings.Join(s.calls(), "\n")+"\n")
}

// TestUnclearAnswers: whatever happens to the call that makes a job, one job is made.
func TestUnclearAnswers(t *testing.T) {
	first := func(f fault, times int) func(int, *http.Request) *fault {
		left := times
		return func(_ int, r *http.Request) *fault {
			if r.Method != http.MethodPost || left == 0 {
				return nil
			}
			left--
			return &f
		}
	}
	tests := []struct {
		name     string
		before   func(int, *http.Request) *fault
		requests int // to make the job
		reasons  []string
		fails    string
	}{
		{"none", nil, 1, nil, ""},
		{"reset before", first(fault{reset: true}, 2), 3, []string{"network", "network"}, ""},
		{"reset after", first(fault{reset: true, carried: true}, 1), 1, []string{"network"}, ""},
		{"503 after it was carried out", first(fault{status: 503, reason: "backendError", carried: true}, 1), 1, []string{"backendError"}, ""},
		{"500 twice", first(fault{status: 500, reason: "internalError"}, 2), 3, []string{"internalError", "internalError"}, ""},
		{"rate limit", first(fault{status: 403, reason: "rateLimitExceeded"}, 3), 4, []string{"rateLimitExceeded", "rateLimitExceeded", "rateLimitExceeded"}, ""},
		{"429 with Retry-After", first(fault{status: 429, reason: "tooMany", header: map[string]string{"Retry-After": "1"}}, 1), 2, []string{"tooMany"}, ""},
		{"quota", first(fault{status: 403, reason: "quotaExceeded"}, 1), 1, nil, "quotaExceeded"},
		{"denied", first(fault{status: 403, reason: "accessDenied"}, 1), 1, nil, "accessDenied"},
		{"for ever", first(fault{status: 503, reason: "backendError"}, -1), -1, nil, "backendError"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newFake(t)
			c := s.connect(map[string]string{"job_retry_deadline": "2"})
			s.before = tt.before
			start := time.Now()
			var throttled []string
			ctx := warehouse.WithThrottled(context.Background(), func(r warehouse.Retry) { throttled = append(throttled, r.Reason) })
			stats, err := c.Exec(ctx, warehouse.Statement{SQL: "insert into t values (1)"})
			// Who sends is told at once of what asks for less, and of nothing else.
			if want := slices.DeleteFunc(slices.Clone(tt.reasons), func(r string) bool { return r != "rateLimitExceeded" && r != "tooMany" }); !slices.Equal(want, throttled) {
				t.Errorf("throttled: %q, want %q", throttled, want)
			}
			var e *Error
			if tt.fails == "" && err != nil || tt.fails != "" && (!errors.As(err, &e) || e.Reason != tt.fails) {
				t.Fatalf("error %v", err)
			}
			if took := time.Since(start); took > 4*time.Second || strings.Contains(tt.name, "Retry-After") && took < time.Second {
				t.Errorf("it took %v", took)
			}
			if n := count(s.verbs(), "POST"); n != tt.requests && tt.requests > 0 {
				t.Errorf("%d requests to make the job, want %d:\n%s", n, tt.requests, strings.Join(s.verbs(), "\n"))
			}
			if tt.fails == "" && s.inserted != 1 || tt.fails != "" && s.inserted != 0 {
				t.Errorf("%d jobs were made", s.inserted)
			}
			if tt.fails == "backendError" && len(e.Retries) < 3 {
				t.Errorf("the error has %d retries", len(e.Retries))
			}
			var reasons []string
			for _, r := range stats.Retries {
				reasons = append(reasons, r.Reason)
				if r.Resubmitted {
					t.Errorf("a call counts as another job: %+v", r)
				}
			}
			if d := cmp.Diff(tt.reasons, reasons); d != "" && tt.fails == "" {
				t.Error(d)
			}
		})
	}
}

// TestEndedJobs: a job that ended for no fault of its statement is run again as another
// job, a script and a mistake never.
func TestEndedJobs(t *testing.T) {
	ours := warehouse.Statement{SQL: "merge into t using s on false when not matched then insert row"}
	theirs := func(sql string) warehouse.Statement { return warehouse.Statement{SQL: sql, BodyEnd: len(sql)} }
	tests := []struct {
		name   string
		stmt   warehouse.Statement
		fate   func(sql string, n int) (string, string, string)
		jobs   int
		reason string // of the error, empty if it goes well
	}{
		{"backendError once", ours, ends("backendError", 1), 2, ""},
		{"jobInternalError twice", ours, ends("jobInternalError", 2), 3, ""},
		{"rate limit", ours, ends("jobRateLimitExceeded", 1), 2, ""},
		{"for ever", ours, ends("backendError", 99), 4, "backendError"},
		{"a mistake", ours, ends("invalidQuery", 1), 1, "invalidQuery"},
		{"resources", ours, ends("resourcesExceeded", 1), 1, "resourcesExceeded"},
		{"too many bytes", ours, ends("bytesBilledLimitExceeded", 1), 1, "bytesBilledLimitExceeded"},
		{"quota", ours, ends("quotaExceeded", 1), 1, "quotaExceeded"},
		{"a conflict", ours, func(_ string, n int) (string, string, string) {
			if n <= 5 {
				return "DONE", "invalidQuery", "Could not serialize access to table p:d.t due to concurrent update"
			}
			return "DONE", "", ""
		}, 6, ""},
		{"user's statement", theirs("delete from t where true"), ends("backendError", 1), 2, ""},
		{"user's script", theirs("begin select 1; end"), ends("backendError", 1), 1, "backendError"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newFake(t)
			c := s.connect(map[string]string{"job_retry_deadline": "5"})
			s.fate = tt.fate
			stats, err := c.Exec(context.Background(), tt.stmt)
			var e *Error
			if tt.reason == "" && err != nil || tt.reason != "" && (!errors.As(err, &e) || e.Reason != tt.reason || e.JobID == "") {
				t.Fatalf("error %v", err)
			}
			if s.inserted != tt.jobs || len(s.jobs) != tt.jobs {
				t.Errorf("%d jobs were made with %d ids, want %d", s.inserted, len(s.jobs), tt.jobs)
			}
			if len(stats.Retries) != tt.jobs-1 {
				t.Errorf("%d retries of %d jobs", len(stats.Retries), tt.jobs)
			}
			for _, r := range stats.Retries {
				if !r.Resubmitted {
					t.Errorf("another job counts as a call: %+v", r)
				}
			}
		})
	}
}

func ends(reason string, times int) func(string, int) (string, string, string) {
	return func(_ string, n int) (string, string, string) {
		if n <= times {
			return "DONE", reason, "it ended"
		}
		return "DONE", "", ""
	}
}

// TestCancel: the end of the context cancels the job on the server, in every state.
func TestCancel(t *testing.T) {
	running := func(string, int) (string, string, string) { return "RUNNING", "", "" }
	stmt := warehouse.Statement{SQL: "select 1"}
	t.Run("running", func(t *testing.T) {
		s := newFake(t)
		c := s.connect(nil)
		s.fate = running
		ctx, stop := context.WithTimeout(context.Background(), 150*time.Millisecond)
		defer stop()
		if _, err := c.Exec(ctx, stmt); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if len(s.canceled) != 1 {
			t.Errorf("canceled %v", s.canceled)
		}
	})
	t.Run("while it is sent", func(t *testing.T) {
		s := newFake(t)
		c := s.connect(nil)
		s.fate = running
		s.before = func(n int, r *http.Request) *fault {
			if n == 1 {
				return &fault{wait: 300 * time.Millisecond}
			}
			return nil
		}
		ctx, stop := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer stop()
		if _, err := c.Exec(ctx, stmt); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		c.Close()
		if len(s.canceled) != 1 || s.inserted != 1 {
			t.Errorf("canceled %v of %d", s.canceled, s.inserted)
		}
	})
	t.Run("too long", func(t *testing.T) {
		s := newFake(t)
		c := s.connect(nil)
		s.fate = running
		var e *Error
		c.execution = 100*time.Millisecond - spareTime
		if _, err := c.Exec(context.Background(), stmt); !errors.As(err, &e) || e.Reason != reasonTimeout || e.JobID == "" || len(s.canceled) == 0 {
			t.Errorf("%v, canceled %v", err, s.canceled)
		}
	})
	t.Run("own limit", func(t *testing.T) {
		s := newFake(t)
		c := s.connect(nil)
		ctx := warehouse.WithJob(context.Background(), warehouse.Job{Timeout: time.Second})
		if _, err := c.Exec(ctx, stmt); err != nil {
			t.Fatal(err)
		}
		if count(s.calls(), `"jobTimeoutMs":"1000"`) != 1 {
			t.Error(s.calls())
		}
	})
}

// TestWrongCredentials: a refused token is no network that may come back.
func TestWrongCredentials(t *testing.T) {
	s := newFake(t)
	c := s.connect(nil)
	c.service.BasePath = "https://bigquery.invalid/"
	refused := &auth.Error{Response: &http.Response{StatusCode: 400}, Body: []byte("secret")}
	client := &http.Client{Transport: failing{refused}}
	service, err := newService(client, "")
	if err != nil {
		t.Fatal(err)
	}
	c.service, c.http = service, client
	start := time.Now()
	_, err = c.Exec(context.Background(), warehouse.Statement{SQL: "select 1"})
	var e *Error
	if !errors.As(err, &e) || e.Reason != "authError" || strings.Contains(e.Error(), "secret") || time.Since(start) > time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

// TestSharedBackOff: a rate limit halves the jobs at once and lets all of them wait, and
// what goes well brings them back one by one.
func TestSharedBackOff(t *testing.T) {
	l := newLimiter(8)
	l.slow(30 * time.Millisecond)
	l.slow(10 * time.Millisecond) // the same event
	if got := l.allowed(); got != 4 {
		t.Errorf("%d jobs allowed, want 4", got)
	}
	start := time.Now()
	release, err := l.acquire(context.Background())
	if err != nil || time.Since(start) < 20*time.Millisecond {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	release()
	release() // once more is nothing
	for range 40 {
		l.went()
	}
	if got := l.allowed(); got != 8 {
		t.Errorf("%d jobs allowed, want 8 again", got)
	}
	var all []func()
	for range 8 {
		release, err := l.acquire(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, release)
	}
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer stop()
	if _, err := l.acquire(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a ninth job: %v", err)
	}
	for _, release := range all {
		release()
	}
}

// TestNames: ids and labels take few characters, and lengths.
func TestNamesOfJobs(t *testing.T) {
	c := &conn{token: "abc_", labels: map[string]string{"a": "b"}}
	own := warehouse.Job{Run: strings.Repeat("rün/", 400), Node: addr.Node{Kind: addr.Source, Name: "app.x"}}
	id := c.jobID(warehouse.WithJob(context.Background(), own), 7, 2)
	if len(id) > 1024 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" || !strings.HasSuffix(id, "-abc_7-2") {
		t.Errorf("id %q", id)
	}
	labels := c.labelsOf(own)
	for k, v := range labels {
		if len(v) > 63 || v != labelText(v) {
			t.Errorf("label %s=%q", k, v)
		}
	}
	if labels["node"] != "source_app_x" || labels["a"] != "b" {
		t.Errorf("labels %v", labels)
	}
}

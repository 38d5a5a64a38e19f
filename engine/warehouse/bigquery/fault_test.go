package bigquery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/internal/testpeer/bqpeer"
)

// storm is a proxy in front of the emulator that lets a part of the requests go wrong, in
// every way that a network and a busy service have.
type storm struct {
	t      *testing.T
	to     *httputil.ReverseProxy
	mu     sync.Mutex
	random *rand.Rand
	share  float64 // of requests that go wrong
	kinds  []string
	counts map[string]int
	ended  map[string]map[string]any // jobs that ended on the service's side, which never ran
}

func newStorm(t *testing.T, peer *bqpeer.Peer, share float64, kinds ...string) (*storm, string) {
	target, err := url.Parse(peer.URL)
	if err != nil {
		t.Fatal(err)
	}
	s := &storm{t: t, to: httputil.NewSingleHostReverseProxy(target), random: rand.New(rand.NewPCG(7, 11)), share: share, kinds: kinds, counts: map[string]int{}, ended: map[string]map[string]any{}}
	s.to.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return s, srv.URL
}

// choose picks what goes wrong with a request, if anything.
func (s *storm) choose(r *http.Request, in map[string]any) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.random.Float64() >= s.share {
		return ""
	}
	kind := s.kinds[s.random.IntN(len(s.kinds))]
	config, _ := in["configuration"].(map[string]any)
	// What can happen to few sorts of requests happens to those more often.
	if rare := map[string]string{http.MethodPost: "job ends with backendError", http.MethodPatch: "412"}[r.Method]; rare != "" && s.random.IntN(3) == 0 && slices.Contains(s.kinds, rare) {
		kind = rare
	}
	switch {
	case kind == "job ends with backendError" && (r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/jobs") || strings.HasPrefix(r.URL.Path, "/upload") || config == nil || config["dryRun"] == true),
		kind == "412" && (r.Method != http.MethodPatch || r.Header.Get("If-Match") == ""):
		return "" // not for this request
	}
	s.counts[kind]++
	return kind
}

func (s *storm) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var in map[string]any
	_ = json.Unmarshal(body, &in) // uploads are no JSON
	if s.lookUp(w, r) {
		return
	}
	reset := func() {
		if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
			c.Close()
		}
	}
	switch kind := s.choose(r, in); kind {
	case "":
		s.to.ServeHTTP(w, r)
	case "slow":
		time.Sleep(400 * time.Millisecond)
		s.to.ServeHTTP(w, r)
	case "reset before":
		reset()
	case "reset after":
		s.to.ServeHTTP(httptest.NewRecorder(), r)
		reset()
	case "503 after":
		s.to.ServeHTTP(httptest.NewRecorder(), r)
		refuse(w, 503, "backendError", "injected")
	case "503":
		refuse(w, 503, "backendError", "injected")
	case "500":
		refuse(w, 500, "internalError", "injected")
	case "502":
		w.WriteHeader(http.StatusBadGateway)
		io.WriteString(w, "<html>bad gateway</html>")
	case "rate limit":
		refuse(w, 403, "rateLimitExceeded", "injected")
	case "429":
		w.Header().Set("Retry-After", "1")
		refuse(w, 429, "rateLimitExceeded", "injected")
	case "412":
		refuse(w, 412, "conditionNotMet", "injected")
	case "job ends with backendError":
		ref := in["jobReference"].(map[string]any)
		job := map[string]any{"jobReference": ref, "configuration": in["configuration"], "statistics": map[string]any{},
			"status": map[string]any{"state": "DONE", "errorResult": map[string]any{"reason": "backendError", "message": "injected"}}}
		s.mu.Lock()
		s.ended[ref["jobId"].(string)] = job
		s.mu.Unlock()
		reply(w, 200, job)
	default:
		s.t.Errorf("unknown fault %s", kind)
	}
}

// lookUp answers for jobs that ended here.
func (s *storm) lookUp(w http.ResponseWriter, r *http.Request) bool {
	id := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	s.mu.Lock()
	job := s.ended[id]
	s.mu.Unlock()
	if job != nil {
		reply(w, 200, job)
	}
	return job != nil
}

func (s *storm) injected() (total int, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(s.counts)) {
		total += s.counts[k]
		parts = append(parts, fmt.Sprintf("%s %d", k, s.counts[k]))
	}
	return total, strings.Join(parts, ", ")
}

var allFaults = []string{"slow", "reset before", "reset after", "503 after", "503", "500", "502", "rate limit", "429", "412", "job ends with backendError"}

// TestFaults: while a third of all requests goes wrong, tables are built, published, loaded,
// merged and appended to. Nothing runs twice, nothing is lost, and it ends in time.
func TestFaults(t *testing.T) {
	const workers, rounds = 4, 4
	peer := bqpeer.Start(t)
	s, address := newStorm(t, peer, 0, allFaults...)
	c := open(t, address, map[string]string{"max_concurrent_jobs": "4", "job_retries": "6"})
	defer c.Close()
	r := &rig{t, c, peer}
	r.do(warehouse.CreateSchema{Schema: "shop"},
		warehouse.CreateTable{Target: rel("log"), Columns: []warehouse.Column{{Name: "w", Type: "INT64"}, {Name: "n", Type: "INT64"}}})
	s.mu.Lock()
	s.share = 1.0 / 3
	s.mu.Unlock()
	start := time.Now()
	var wg sync.WaitGroup
	var resent, resubmitted sync.Map
	note := func(got warehouse.JobStats) {
		for _, retry := range got.Retries {
			resent.Store(fmt.Sprint(got.JobID, retry.At), true)
			if retry.Resubmitted {
				resubmitted.Store(fmt.Sprint(got.JobID, retry.At), true)
			}
		}
	}
	for w := range workers {
		wg.Go(func() {
			ctx := warehouse.WithJob(context.Background(), warehouse.Job{Run: "storm", Node: addr.Node{Kind: addr.Model, Name: fmt.Sprint("m", w)}})
			for n := range rounds {
				staged, target := rel(fmt.Sprintf("_engine_new__m%d", w)), rel(fmt.Sprintf("m%d", w))
				old := warehouse.Table
				if n == 0 {
					old = warehouse.None
				}
				steps := []warehouse.Op{
					warehouse.CreateTableAs{Target: staged, Query: fmt.Sprintf("select id, %d as n from unnest(generate_array(1, 20)) as id", n)},
					warehouse.Comment{Relation: staged, Kind: warehouse.Table, Text: fmt.Sprint("round ", n)},
					warehouse.Swap{New: staged, NewKind: warehouse.Table, Target: target, Old: old},
					warehouse.InsertValues{Target: rel("log"), Columns: []warehouse.Column{{Name: "w"}, {Name: "n"}}, Rows: [][]any{{int64(w), int64(n)}}},
				}
				for _, op := range steps {
					stats, stmt, done, err := c.Perform(ctx, op)
					if err == nil && !done {
						stats, stmt, err = c.render(ctx, op)
					}
					note(stats)
					if err != nil {
						t.Errorf("%s %s: %v", warehouse.OpName(op), stmt.SQL, err)
						return
					}
				}
				load := rel(fmt.Sprintf("seed%d_%d", w, n))
				stats, err := c.Load(ctx, load, nil, csv(t, "id,name\n1,a\n2,b\n", 0))
				if note(stats); err != nil {
					t.Errorf("load: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	s.mu.Lock()
	s.share = 0
	s.mu.Unlock()
	lost := 0
	if got := r.rows("select count(*), count(distinct w * 100 + n) from shop.log"); got[0] != fmt.Sprintf("%d|%[1]d", workers*rounds) {
		t.Errorf("the log has %s rows and different ones, want %d", got[0], workers*rounds)
		lost++
	}
	for w := range workers {
		if got := r.rows(fmt.Sprintf("select count(*), min(n), max(n) from shop.m%d", w)); got[0] != fmt.Sprintf("20|%d|%[1]d", rounds-1) {
			t.Errorf("m%d has %s", w, got[0])
			lost++
		}
		for n := range rounds {
			if got := r.rows(fmt.Sprintf("select count(*), min(id), max(id) from shop.seed%d_%d", w, n)); got[0] != "2|1|2" {
				t.Errorf("seed%d_%d has %s", w, n, got[0])
				lost++
			}
		}
	}
	left, err := c.List(context.Background(), "", "shop")
	if err != nil || len(left) != 1+workers+workers*rounds {
		t.Errorf("%d relations, want %d: %v, %v", len(left), 1+workers+workers*rounds, left, err)
	}
	jobs, twice := peer.Log(t).Jobs, 0
	for _, j := range jobs {
		if j.Executed > 1 {
			twice++
			t.Errorf("job %s ran %d times", j.ID, j.Executed)
		}
	}
	total, text := s.injected()
	if total < 50 {
		t.Errorf("only %d faults", total)
	}
	if took > 2*time.Minute {
		t.Errorf("it took %v", took)
	}
	count := func(m *sync.Map) (n int) { m.Range(func(any, any) bool { n++; return true }); return n }
	t.Logf("%d faults (%s); %d jobs submitted, %d more ended on the service's side and were submitted anew; %d retries reported, %d of them as new jobs; jobs run twice %d; rows lost %d; %v",
		total, text, len(jobs), len(s.ended), count(&resent), count(&resubmitted), twice, lost, took.Round(time.Millisecond))
}

// TestFaultsForEver: when nothing comes through any more, every call ends within the
// deadline and says why; a quota and a missing right end it at once.
func TestFaultsForEver(t *testing.T) {
	peer := bqpeer.Start(t)
	for kind, within := range map[string][2]time.Duration{
		"503": {1500 * time.Millisecond, 6 * time.Second}, "reset before": {1500 * time.Millisecond, 6 * time.Second}, "rate limit": {1500 * time.Millisecond, 6 * time.Second},
	} {
		t.Run(kind, func(t *testing.T) {
			s, address := newStorm(t, peer, 0, kind)
			c := open(t, address, map[string]string{"job_retry_deadline": "2"})
			defer c.Close()
			s.share = 1
			ctx := context.Background()
			for what, try := range map[string]func() error{
				"exec": func() error {
					_, err := c.Exec(ctx, warehouse.Statement{SQL: "create table x as (select 1 as a)"})
					return err
				},
				"query":  func() error { _, err := c.Query(ctx, warehouse.Statement{SQL: "select 1"}); return err },
				"list":   func() error { _, err := c.List(ctx, "", "shop"); return err },
				"probe":  func() error { _, err := c.Probe(ctx, rel("x")); return err },
				"schema": func() error { _, _, _, err := c.Perform(ctx, warehouse.CreateSchema{Schema: "shop"}); return err },
				"load":   func() error { _, err := c.Load(ctx, rel("x"), nil, csv(t, "a\n1\n", 0)); return err },
			} {
				start := time.Now()
				err := try()
				took := time.Since(start)
				var e *Error
				if !errors.As(err, &e) || len(e.Retries) < 3 || took < within[0] || took > within[1] {
					t.Errorf("%s: %v after %v", what, err, took)
				}
			}
		})
	}
}

package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// recorded is a server that remembers what it was asked.
type recorded struct {
	mu     sync.Mutex
	bodies []string
}

func (s *recorded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	s.bodies = append(s.bodies, string(raw))
	s.mu.Unlock()
	w.Header().Set("X-Server", "yes")
	fmt.Fprint(w, `{"status":{"state":"DONE"},"padding":"`+strings.Repeat("x", 2000)+`"}`)
}

func ask(t *testing.T, method, url, body string) (int, string, http.Header, error) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	// Without the transport's own retry of idempotent requests on a used connection.
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	res, err := c.Do(req)
	if err != nil {
		return 0, "", nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	return res.StatusCode, string(raw), res.Header, err
}

func TestKinds(t *testing.T) {
	for _, tc := range []struct {
		rule     Rule
		code     int
		broken   bool // the client gets no whole answer
		upstream int
		contains string
	}{
		{Rule{Kind: Answer, Code: 403, Reason: "rateLimitExceeded", RetryAfter: 1500 * time.Millisecond}, 403, false, 0, `"reason":"rateLimitExceeded"`},
		{Rule{Kind: Answer, Code: 412, Reason: "conditionNotMet"}, 412, false, 0, "conditionNotMet"},
		{Rule{Kind: AnswerAfter, Code: 500, Reason: "internalError"}, 500, false, 1, "internalError"},
		{Rule{Kind: ResetBefore}, 0, true, 0, ""},
		{Rule{Kind: ResetAfter}, 0, true, 1, ""},
		{Rule{Kind: Truncate}, 200, true, 1, ""},
		{Rule{Kind: Slow, Delay: 150 * time.Millisecond}, 200, false, 1, "DONE"},
		{Rule{Kind: SlowAnswer, Delay: 150 * time.Millisecond}, 200, false, 1, "DONE"},
	} {
		t.Run(tc.rule.name(), func(t *testing.T) {
			server := &recorded{}
			up := httptest.NewServer(server)
			defer up.Close()
			p := Start(t, up.URL, 1, tc.rule)
			start := time.Now()
			code, body, header, err := ask(t, "POST", p.URL+"/projects/p/jobs?x=1", "body")
			if (err != nil) != tc.broken {
				t.Errorf("error %v", err)
			}
			if code != tc.code || !strings.Contains(body, tc.contains) {
				t.Errorf("answer %d %.100s", code, body)
			}
			if tc.rule.RetryAfter > 0 && header.Get("Retry-After") != "2" {
				t.Errorf("Retry-After %q", header.Get("Retry-After"))
			}
			if took := time.Since(start); took < tc.rule.Delay {
				t.Errorf("answered after %s", took)
			}
			if len(server.bodies) != tc.upstream {
				t.Errorf("the server handled %d requests, want %d", len(server.bodies), tc.upstream)
			}
			want := Counts{Injected: map[string]int{tc.rule.name(): 1}, Total: 1, Upstream: tc.upstream}
			if diff := cmp.Diff(want, p.Counts()); diff != "" {
				t.Error(diff)
			}
			p.SetRules()
			if code, body, header, err := ask(t, "GET", p.URL+"/y", ""); code != 200 || err != nil || len(body) < 2000 || header.Get("X-Server") != "yes" {
				t.Errorf("without a rule: %d %v", code, err)
			}
		})
	}
}

func TestMatching(t *testing.T) {
	server := &recorded{}
	up := httptest.NewServer(server)
	defer up.Close()
	p := Start(t, up.URL, 7,
		Rule{Name: "third", Method: "POST", Path: regexp.MustCompile(`/jobs$`), Skip: 2, Times: 1, Kind: Answer, Code: 503, Reason: "backendError"},
		Rule{Name: "other", Body: regexp.MustCompile("merge"), Every: 2, Kind: Answer, Code: 500, Reason: "internalError"},
	)
	var codes []int
	for range 5 {
		code, _, _, _ := ask(t, "POST", p.URL+"/jobs", "select")
		codes = append(codes, code)
	}
	for range 4 {
		code, _, _, _ := ask(t, "PUT", p.URL+"/jobs", "merge")
		codes = append(codes, code)
	}
	if diff := cmp.Diff([]int{200, 200, 503, 200, 200, 500, 200, 500, 200}, codes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Counts{Injected: map[string]int{"third": 1, "other": 2}, Total: 3, Passed: 6, Upstream: 6}, p.Counts()); diff != "" {
		t.Error(diff)
	}
	series := func() (out []int) {
		q := Start(t, up.URL, 42, Rule{Kind: Answer, Code: 503, Reason: "backendError", Probability: 0.3})
		for range 30 {
			code, _, _, _ := ask(t, "GET", q.URL+"/", "")
			out = append(out, code)
		}
		return out
	}
	first := series()
	if diff := cmp.Diff(first, series()); diff != "" {
		t.Errorf("the same seed gave another series: %s", diff)
	}
	if n := strings.Count(fmt.Sprint(first), "503"); n == 0 || n == 30 {
		t.Errorf("%d of 30 requests were hit", n)
	}
}

func TestJobFails(t *testing.T) {
	server := &recorded{}
	up := httptest.NewServer(server)
	defer up.Close()
	p := Start(t, up.URL, 1, Rule{Kind: JobFails, Reason: "backendError", Times: 1})
	insert := func(id string) string {
		_, body, _, err := ask(t, "POST", p.URL+"/bigquery/v2/projects/p/jobs", `{"jobReference":{"jobId":"`+id+`"},"configuration":{"labels":{"a":"b"},"query":{"query":"drop table t"}}}`)
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	reason := func(body string) string {
		var job struct {
			Status struct {
				ErrorResult struct {
					Reason string `json:"reason"`
				} `json:"errorResult"`
			} `json:"status"`
		}
		if err := json.Unmarshal([]byte(body), &job); err != nil {
			t.Fatal(err)
		}
		return job.Status.ErrorResult.Reason
	}
	if got := reason(insert("one")); got != "backendError" {
		t.Errorf("the inserted job has reason %q", got)
	}
	if strings.Contains(server.bodies[0], "drop table") || !strings.Contains(server.bodies[0], `"labels":{"a":"b"}`) || !strings.Contains(server.bodies[0], `"jobId":"one"`) {
		t.Errorf("the server got %s", server.bodies[0])
	}
	if got := reason(insert("two")); got != "" || !strings.Contains(server.bodies[1], "drop table") {
		t.Errorf("the second job has reason %q", got)
	}
	for id, want := range map[string]string{"one": "backendError", "two": ""} {
		_, body, _, err := ask(t, "GET", p.URL+"/bigquery/v2/projects/p/jobs/"+id, "")
		if err != nil || reason(body) != want {
			t.Errorf("job %s has reason %q, want %q (%v)", id, reason(body), want, err)
		}
	}
	if code, body, _, _ := ask(t, "GET", p.URL+"/bigquery/v2/projects/p/queries/one", ""); code != 503 || !strings.Contains(body, "backendError") {
		t.Errorf("results of the failed job: %d %s", code, body)
	}
}

func TestClientGoesAway(t *testing.T) {
	server := &recorded{}
	up := httptest.NewServer(server)
	defer up.Close()
	p := Start(t, up.URL, 1, Rule{Kind: Slow, Delay: time.Minute})
	c := &http.Client{Timeout: 100 * time.Millisecond}
	if _, err := c.Get(p.URL); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("error %v", err)
	}
	if len(server.bodies) != 0 {
		t.Error("a request whose client went away reached the server")
	}
}

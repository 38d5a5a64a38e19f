package fault

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Kind is what a rule does to a request that it hits.
type Kind int

const (
	// Answer replies with Rule.Code and Rule.Reason; the server never sees the request.
	Answer Kind = iota
	// ResetBefore closes the connection without an answer; the server never sees the request.
	ResetBefore
	// ResetAfter lets the server handle the request and closes the connection without an answer.
	ResetAfter
	// AnswerAfter lets the server handle the request and replies with Code and Reason.
	AnswerAfter
	// Truncate lets the server handle the request and cuts the answer's body in the middle.
	Truncate
	// Slow waits Rule.Delay before the request is handed on.
	Slow
	// SlowAnswer hands the request on at once and waits Rule.Delay before the answer.
	SlowAnswer
	// JobFails lets a job be inserted as a job that ends with Rule.Reason: the server gets a
	// statement that fails instead of the job's own, and every later answer about that job
	// shows status.errorResult with the reason. The job's own work is not done, as documented
	// for backendError: «the job failed. You can safely retry the job without concerns about
	// data consistency».
	JobFails
)

func (k Kind) String() string {
	return [...]string{"Answer", "ResetBefore", "ResetAfter", "AnswerAfter", "Truncate", "Slow", "SlowAnswer", "JobFails"}[k]
}

// Rule says which requests are hit and what happens to them. A request is hit by the first
// rule that matches and is not used up.
type Rule struct {
	// Name names the rule in Counts; empty means Kind and Reason.
	Name string
	// Method must be equal if set; Path must match the URL's path, Body the body, if set.
	Method string
	Path   *regexp.Regexp
	Body   *regexp.Regexp
	// Skip lets that many matching requests pass first; Times is how many are hit after that
	// (0: all). Every hits one of so many of those (0 and 1: each).
	Skip, Times, Every int
	// Probability in (0, 1) hits at random by the proxy's seed; 0 means always.
	Probability float64

	Kind   Kind
	Code   int    // Answer, AnswerAfter
	Reason string // Answer, AnswerAfter, JobFails
	// Message is the error's text; empty means one that names the reason.
	Message string
	// RetryAfter is sent as the header Retry-After in seconds if above 0.
	RetryAfter time.Duration
	Delay      time.Duration // Slow, SlowAnswer
}

func (r *Rule) name() string {
	switch {
	case r.Name != "":
		return r.Name
	case r.Reason != "":
		return r.Kind.String() + " " + r.Reason
	case r.Code != 0:
		return r.Kind.String() + " " + strconv.Itoa(r.Code)
	}
	return r.Kind.String()
}

// Counts is what the proxy did so far.
type Counts struct {
	Injected map[string]int // hits by rule
	Total    int            // all hits
	Passed   int            // requests handed on without a fault
	Upstream int            // requests that the server handled
}

type state struct {
	rule    Rule
	matched int // matching requests after Skip
	skipped int
	hits    int
}

// Proxy stands between a client and a server. It is safe for concurrent use.
type Proxy struct {
	// URL is the proxy's address, without a path.
	URL string

	target *url.URL
	client *http.Client
	server *httptest.Server

	mu       sync.Mutex
	random   *rand.Rand
	rules    []*state
	injected map[string]int
	passed   int
	upstream int
	failed   map[string]Rule // job id → how it ends
}

// Start runs a proxy in front of target until the test ends. seed makes Probability
// repeatable, as far as the order of the requests is.
func Start(t testing.TB, target string, seed uint64, rules ...Rule) *Proxy {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatalf("address of the server: %v", err)
	}
	p := &Proxy{
		target: u, client: &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		random: rand.New(rand.NewPCG(seed, seed)), injected: map[string]int{}, failed: map[string]Rule{},
	}
	p.SetRules(rules...)
	p.server = httptest.NewServer(http.HandlerFunc(p.serve))
	p.URL = p.server.URL
	t.Cleanup(func() {
		p.server.CloseClientConnections()
		p.server.Close()
		p.client.CloseIdleConnections()
	})
	return p
}

// SetRules replaces the rules; counts and failed jobs stay.
func (p *Proxy) SetRules(rules ...Rule) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = nil
	for _, r := range rules {
		p.rules = append(p.rules, &state{rule: r})
	}
}

// Counts returns a copy of the counts.
func (p *Proxy) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := Counts{Injected: map[string]int{}, Passed: p.passed, Upstream: p.upstream}
	for k, n := range p.injected {
		c.Injected[k] = n
		c.Total += n
	}
	return c
}

// pick returns the rule that hits a request, or nil.
func (p *Proxy) pick(r *http.Request, body []byte) *Rule {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.rules {
		rule := &s.rule
		if rule.Method != "" && rule.Method != r.Method || rule.Path != nil && !rule.Path.MatchString(r.URL.Path) || rule.Body != nil && !rule.Body.Match(body) {
			continue
		}
		if rule.Kind == JobFails && !insertsJob(r, body) {
			continue
		}
		if s.skipped < rule.Skip {
			s.skipped++
			continue
		}
		if rule.Times > 0 && s.hits >= rule.Times {
			continue
		}
		s.matched++
		if rule.Every > 1 && (s.matched-1)%rule.Every != 0 {
			continue
		}
		if rule.Probability > 0 && p.random.Float64() >= rule.Probability {
			continue
		}
		s.hits++
		p.injected[rule.name()]++
		return rule
	}
	p.passed++
	return nil
}

var (
	jobsPath = regexp.MustCompile(`/projects/[^/]+/jobs$`)
	jobPath  = regexp.MustCompile(`/projects/[^/]+/(?:jobs|queries)/([^/]+)$`)
)

// insertsJob reports whether a request is a jobs.insert with a query, whose statement can be
// replaced.
func insertsJob(r *http.Request, body []byte) bool {
	return r.Method == http.MethodPost && jobsPath.MatchString(r.URL.Path) && !strings.HasPrefix(r.URL.Path, "/upload") && bytes.Contains(body, []byte(`"jobId"`))
}

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client went away
	}
	rule := p.pick(r, body)
	if rule == nil {
		p.pass(w, r, body)
		return
	}
	switch rule.Kind {
	case Answer:
		rule.write(w)
	case ResetBefore:
		hangUp(w)
	case Slow:
		if sleep(r, rule.Delay) {
			p.pass(w, r, body)
		}
	case JobFails:
		p.failJob(w, r, body, *rule)
	default:
		res, answer, err := p.forward(r, body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		switch rule.Kind {
		case ResetAfter:
			hangUp(w)
		case AnswerAfter:
			rule.write(w)
		case Truncate:
			copyHeader(w, res)
			w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
			w.WriteHeader(res.StatusCode)
			_, _ = w.Write(answer[:len(answer)/2]) // the rest never comes
			hangUp(w)
		case SlowAnswer:
			if sleep(r, rule.Delay) {
				p.answer(w, r, res, answer)
			}
		}
	}
}

// sleep waits and reports whether the client is still there.
func sleep(r *http.Request, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

func (r *Rule) write(w http.ResponseWriter) {
	message := r.Message
	if message == "" {
		message = "injected fault: " + r.Reason
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	if r.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((r.RetryAfter+time.Second-1)/time.Second)))
	}
	code := r.Code
	if code == 0 {
		code = http.StatusServiceUnavailable
	}
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{ // a client that hung up has its fault
		"code": code, "message": message,
		"errors": []map[string]any{{"reason": r.Reason, "domain": "global", "message": message}},
	}})
}

// hangUp closes the client's connection without finishing the answer.
func hangUp(w http.ResponseWriter) {
	h, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	if f, ok := w.(http.Flusher); ok && w.Header().Get("Content-Length") != "" {
		f.Flush() // the half that was written goes out first
	}
	conn, _, err := h.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_ = conn.Close()
}

func copyHeader(w http.ResponseWriter, res *http.Response) {
	for k, vs := range res.Header {
		for _, v := range vs {
			w.Header().Add(k, v)
		}
	}
}

// forward asks the server; the request is finished even when the client goes away, as it
// would be behind a real front end.
func (p *Proxy) forward(r *http.Request, body []byte) (*http.Response, []byte, error) {
	u := *r.URL
	u.Scheme, u.Host = p.target.Scheme, p.target.Host
	req, err := http.NewRequest(r.Method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	req.Header = r.Header.Clone()
	req.Host = r.Host // links in answers lead back to the proxy
	res, err := p.client.Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("ask the server: %w", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("read the server's answer: %w", err)
	}
	p.mu.Lock()
	p.upstream++
	p.mu.Unlock()
	return res, answer, nil
}

func (p *Proxy) pass(w http.ResponseWriter, r *http.Request, body []byte) {
	res, answer, err := p.forward(r, body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	p.answer(w, r, res, answer)
}

// answer hands the server's answer on; a job that was made to fail shows its reason.
func (p *Proxy) answer(w http.ResponseWriter, r *http.Request, res *http.Response, answer []byte) {
	if g := jobPath.FindStringSubmatch(r.URL.Path); g != nil && r.Method == http.MethodGet {
		p.mu.Lock()
		rule, failed := p.failed[g[1]]
		p.mu.Unlock()
		if failed {
			if strings.Contains(r.URL.Path, "/queries/") {
				rule.Code = map[string]int{"backendError": 503, "internalError": 500, "rateLimitExceeded": 403, "quotaExceeded": 403}[rule.Reason]
				if rule.Code == 0 {
					rule.Code = http.StatusBadRequest
				}
				rule.write(w)
				return
			}
			answer = rule.ended(answer)
		}
	}
	copyHeader(w, res)
	w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	w.WriteHeader(res.StatusCode)
	_, _ = w.Write(answer) // the client hung up: nobody to tell
}

// ended rewrites a job's status once the job is done.
func (r *Rule) ended(answer []byte) []byte {
	var job map[string]any
	if json.Unmarshal(answer, &job) != nil {
		return answer
	}
	status, _ := job["status"].(map[string]any) // an answer without one is handed on
	if status == nil || status["state"] != "DONE" {
		return answer
	}
	message := r.Message
	if message == "" {
		message = "injected fault: " + r.Reason
	}
	proto := map[string]any{"reason": r.Reason, "message": message}
	status["errorResult"], status["errors"] = proto, []any{proto}
	out, err := json.Marshal(job)
	if err != nil {
		return answer
	}
	return out
}

// failJob inserts, under the client's job id, a job that does nothing.
func (p *Proxy) failJob(w http.ResponseWriter, r *http.Request, body []byte, rule Rule) {
	var job struct {
		JobReference  map[string]any `json:"jobReference"`
		Configuration map[string]any `json:"configuration"`
	}
	if err := json.Unmarshal(body, &job); err != nil {
		p.pass(w, r, body)
		return
	}
	id, _ := job.JobReference["jobId"].(string) // checked by insertsJob
	harmless := map[string]any{"query": map[string]any{"query": "SELECT 1 AS injected_fault", "useLegacySql": false}}
	if labels, ok := job.Configuration["labels"]; ok {
		harmless["labels"] = labels
	}
	neu, err := json.Marshal(map[string]any{"jobReference": job.JobReference, "configuration": harmless})
	if err != nil {
		p.pass(w, r, body)
		return
	}
	r.Header.Del("Content-Length")
	r.Header.Del("Content-Encoding")
	res, answer, err := p.forward(r, neu)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	if res.StatusCode < 300 {
		p.mu.Lock()
		p.failed[id] = rule
		p.mu.Unlock()
		answer = rule.ended(answer)
	}
	copyHeader(w, res)
	w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	w.WriteHeader(res.StatusCode)
	_, _ = w.Write(answer) // the client hung up: nobody to tell
}

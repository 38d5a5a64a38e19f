package bigquery

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// service is a scripted stand-in for the REST interface: it keeps jobs and tables as JSON,
// runs nothing, and answers queries with given rows. It shows what is sent; what BigQuery
// makes of it the emulator shows.
type service struct {
	t   *testing.T
	srv *httptest.Server

	mu       sync.Mutex
	lines    []string // «METHOD path?query body»
	jobs     map[string]map[string]any
	tables   map[string]map[string]any // «dataset/table»
	datasets map[string]map[string]any
	policies map[string]map[string]any
	rows     func(sql string) (fields []any, rows []any)
	fate     func(sql string, n int) (state, reason, message string) // of the n-th job, from 1
	before   func(n int, r *http.Request) *fault                     // what happens to the n-th request instead, from 1
	etag     int
	requests int
	inserted int
	canceled []string
}

// fault is what happens to a request.
type fault struct {
	status  int
	reason  string
	header  map[string]string
	reset   bool // the connection ends without an answer
	carried bool // … after the request was carried out
	wait    time.Duration
}

func newFake(t *testing.T) *service {
	s := &service{t: t, jobs: map[string]map[string]any{}, tables: map[string]map[string]any{}, datasets: map[string]map[string]any{}, policies: map[string]map[string]any{}}
	s.srv = httptest.NewServer(s)
	t.Cleanup(s.srv.Close)
	return s
}

// connect opens a connection and forgets what that took.
func (s *service) connect(fields map[string]string) *conn {
	c := open(s.t, s.srv.URL, fields)
	c.token = "x"
	s.t.Cleanup(func() { c.Close() })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines, s.requests, s.inserted = nil, 0, 0
	return c
}

// calls lists «METHOD path», without the project.
func (s *service) calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]string, len(s.lines))
	for i, l := range s.lines {
		out[i] = l
	}
	return out
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, reason, message string) {
	reply(w, status, map[string]any{"error": map[string]any{"code": status, "message": message, "errors": []any{map[string]any{"reason": reason, "message": message}}}})
}

var version = regexp.MustCompile(`^(/upload)?/bigquery/v2/projects/`)

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.mu.Lock()
	s.requests++
	n := s.requests
	q := r.URL.Query()
	for _, k := range []string{"alt", "prettyPrint"} {
		q.Del(k)
	}
	line := r.Method + " " + version.ReplaceAllString(r.URL.Path, "$1")
	if len(q) > 0 {
		line += "?" + q.Encode()
	}
	if etag := r.Header.Get("If-Match"); etag != "" {
		line += " If-Match " + etag
	}
	if len(bytes.TrimSpace(body)) > 0 {
		line += " " + strings.TrimSpace(string(body))
	}
	s.lines = append(s.lines, line)
	var f *fault
	if s.before != nil {
		f = s.before(n, r)
	}
	s.mu.Unlock()
	if f == nil {
		s.serve(w, r, body)
		return
	}
	time.Sleep(f.wait)
	if f.carried {
		s.serve(httptest.NewRecorder(), r, body)
	}
	if f.reset {
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			c.Close()
		}
		return
	}
	if f.status == 0 {
		s.serve(w, r, body)
		return
	}
	for k, v := range f.header {
		w.Header().Set(k, v)
	}
	refuse(w, f.status, f.reason, "injected "+f.reason)
}

func (s *service) serve(w http.ResponseWriter, r *http.Request, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	parts := strings.Split(strings.TrimPrefix(version.ReplaceAllString(r.URL.Path, ""), "/"), "/")
	var in map[string]any
	if len(body) > 0 && strings.HasPrefix(strings.TrimSpace(string(body)), "{") {
		if err := json.Unmarshal(body, &in); err != nil {
			refuse(w, 400, "parseError", err.Error())
			return
		}
	}
	kind := strings.Join(parts[1:min(len(parts), 2)], "")
	switch {
	case kind == "jobs" && len(parts) == 2 && r.Method == "POST":
		if strings.HasPrefix(r.URL.Path, "/upload") {
			in = firstPart(body)
		}
		s.insert(w, parts[0], in)
	case kind == "jobs" && len(parts) == 3:
		s.job(w, parts[2])
	case kind == "jobs" && len(parts) == 4 && parts[3] == "cancel":
		s.canceled = append(s.canceled, parts[2])
		if j := s.jobs[parts[2]]; j != nil {
			j["status"] = map[string]any{"state": "DONE", "errorResult": map[string]any{"reason": "stopped", "message": "Job execution was cancelled"}}
			reply(w, 200, map[string]any{"job": j})
			return
		}
		refuse(w, 404, "notFound", "Not found: Job")
	case kind == "queries" && len(parts) == 2:
		fields, rows := s.answer(fmt.Sprint(in["query"]))
		reply(w, 200, map[string]any{"jobComplete": true, "schema": map[string]any{"fields": fields}, "rows": rows, "totalRows": fmt.Sprint(len(rows)),
			"jobReference": map[string]any{"projectId": parts[0], "jobId": "q", "location": in["location"]}})
	case kind == "queries":
		j := s.jobs[parts[2]]
		if j == nil {
			refuse(w, 404, "notFound", "Not found: Job")
			return
		}
		reply(w, 200, map[string]any{"jobComplete": j["status"].(map[string]any)["state"] == "DONE", "jobReference": j["jobReference"]})
	case kind == "datasets" && len(parts) == 2 && r.Method == "POST":
		id := in["datasetReference"].(map[string]any)["datasetId"].(string)
		if s.datasets[id] != nil {
			refuse(w, 409, "duplicate", "Already Exists: Dataset")
			return
		}
		s.datasets[id] = in
		reply(w, 200, in)
	case kind == "datasets" && len(parts) == 3:
		s.thing(w, r, s.datasets, parts[2], in)
	case kind == "datasets" && len(parts) == 5 && strings.Contains(parts[4], ":"):
		id, verb, _ := strings.Cut(parts[2]+"/"+parts[4], ":")
		if verb == "setIamPolicy" {
			policy := in["policy"].(map[string]any)
			if have := s.policies[id]; have != nil && have["etag"] != policy["etag"] {
				refuse(w, 409, "aborted", "the policy changed")
				return
			}
			s.etag++
			policy["etag"] = fmt.Sprint(s.etag)
			s.policies[id] = policy
		}
		if s.policies[id] == nil {
			s.policies[id] = map[string]any{"etag": "0"}
		}
		reply(w, 200, s.policies[id])
	case kind == "datasets" && len(parts) == 5:
		s.thing(w, r, s.tables, parts[2]+"/"+parts[4], in)
	default:
		refuse(w, 501, "notImplemented", r.Method+" "+r.URL.Path)
	}
}

// firstPart is the job in a multipart upload.
func firstPart(body []byte) map[string]any {
	start, end := bytes.IndexByte(body, '{'), bytes.Index(body, []byte("}\n\r\n"))
	if end < 0 {
		end = bytes.Index(body, []byte("}\r\n"))
	}
	var in map[string]any
	if start < 0 || end < start || json.Unmarshal(body[start:end+1], &in) != nil {
		return nil
	}
	return in
}

func (s *service) answer(sql string) (fields, rows []any) {
	if s.rows == nil {
		return []any{map[string]any{"name": "x", "type": "INTEGER"}}, []any{}
	}
	return s.rows(sql)
}

// thing serves GET, PATCH with If-Match, and DELETE.
func (s *service) thing(w http.ResponseWriter, r *http.Request, in map[string]map[string]any, id string, body map[string]any) {
	have := in[id]
	if have == nil {
		refuse(w, 404, "notFound", "Not found: "+id)
		return
	}
	switch r.Method {
	case "PATCH":
		if etag := r.Header.Get("If-Match"); etag != "" && etag != have["etag"] {
			refuse(w, 412, "conditionNotMet", "Precondition Failed")
			return
		}
		for k, v := range body {
			if v == nil {
				delete(have, k)
			} else {
				have[k] = v
			}
		}
		s.etag++
		have["etag"] = fmt.Sprint(s.etag)
	case "DELETE":
		delete(in, id)
		w.WriteHeader(204)
		return
	}
	reply(w, 200, have)
}

func (s *service) insert(w http.ResponseWriter, project string, in map[string]any) {
	config, _ := in["configuration"].(map[string]any)
	sql := ""
	if q, ok := config["query"].(map[string]any); ok {
		sql, _ = q["query"].(string)
	}
	if config["dryRun"] == true {
		fields, _ := s.answer(sql)
		reply(w, 200, map[string]any{"configuration": config, "status": map[string]any{"state": "DONE"}, "statistics": map[string]any{
			"totalBytesProcessed": "12345", "query": map[string]any{"totalBytesProcessed": "12345", "totalBytesProcessedAccuracy": "PRECISE", "schema": map[string]any{"fields": fields}}}})
		return
	}
	ref := in["jobReference"].(map[string]any)
	id := ref["jobId"].(string)
	if s.jobs[id] != nil {
		refuse(w, 409, "duplicate", "Already Exists: Job "+id)
		return
	}
	s.inserted++
	state, reason, message := "DONE", "", ""
	if s.fate != nil {
		state, reason, message = s.fate(sql, s.inserted)
	}
	status := map[string]any{"state": state}
	if reason != "" {
		status["errorResult"] = map[string]any{"reason": reason, "message": message}
	}
	job := map[string]any{"jobReference": ref, "configuration": config, "status": status, "statistics": map[string]any{
		"totalSlotMs": "77", "query": map[string]any{"statementType": strings.ToUpper(firstWord(sql)), "totalBytesProcessed": "1000", "totalBytesBilled": "10485760", "numDmlAffectedRows": "3"}}}
	if c, ok := config["copy"].(map[string]any); ok {
		from, to := c["sourceTable"].(map[string]any), c["destinationTable"].(map[string]any)
		job["statistics"] = map[string]any{"copy": map[string]any{"copied_rows": "5"}}
		source := s.tables[fmt.Sprint(from["datasetId"], "/", from["tableId"])]
		id := fmt.Sprint(to["datasetId"], "/", to["tableId"])
		if source != nil && reason == "" {
			target := s.tables[id]
			if target == nil {
				target = map[string]any{}
			}
			s.etag++
			target["etag"], target["schema"] = fmt.Sprint(s.etag), bareSchema(source["schema"])
			s.tables[id] = target
		}
	}
	s.jobs[id] = job
	reply(w, 200, job)
}

// bareSchema is a schema without descriptions, as a copy may leave it.
func bareSchema(v any) any {
	var out map[string]any
	b, _ := json.Marshal(v)
	json.Unmarshal(b, &out)
	for _, f := range resource(out).list("fields") {
		delete(f, "description")
		delete(f, "policyTags")
	}
	return out
}

func (s *service) job(w http.ResponseWriter, id string) {
	if j := s.jobs[id]; j != nil {
		reply(w, 200, j)
		return
	}
	refuse(w, 404, "notFound", "Not found: Job "+id)
}

// verbs are the calls without bodies and queries.
func (s *service) verbs() []string {
	var out []string
	for _, l := range s.calls() {
		words := strings.SplitN(l, " ", 3)
		path, _, _ := strings.Cut(words[1], "?")
		out = append(out, words[0]+" "+path)
	}
	return out
}

func count(list []string, part string) int {
	n := 0
	for _, l := range list {
		if strings.Contains(l, part) {
			n++
		}
	}
	return n
}

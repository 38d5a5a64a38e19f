package shim

import (
	"net/http"
	"strings"
	"time"

	bigquery "google.golang.org/api/bigquery/v2"
)

// LogEntry is one request as a test reads it from GET /_shim/log.
type LogEntry struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Query  string `json:"query,omitempty"`
	Code   int    `json:"code"`
	Micros int64  `json:"micros"`
}

// JobEntry is one job of GET /_shim/log, in the order of acceptance.
type JobEntry struct {
	Project       string            `json:"project"`
	ID            string            `json:"id"`
	Type          string            `json:"type"`
	StatementType string            `json:"statementType,omitempty"`
	State         string            `json:"state"`
	Reason        string            `json:"reason,omitempty"`
	Labels        map[string]string `json:"labels,omitempty"`
	// Executed counts how often the work really ran: 0 if the job was cancelled before.
	Executed int    `json:"executed"`
	SQL      string `json:"sql,omitempty"`
}

// Delay slows jobs down: those whose SQL or job id contains Match wait Millis, Count times
// (0: always), in state RUNNING, or PENDING if Pending is set.
type Delay struct {
	Match   string `json:"match"`
	Millis  int64  `json:"millis"`
	Count   int    `json:"count"`
	Pending bool   `json:"pending"`
}

type waiting struct {
	time    time.Duration
	pending bool
}

func (s *Server) delay(j *job) waiting {
	s.mu.Lock()
	defer s.mu.Unlock()
	sql := j.res.JobReference.JobId
	if q := j.res.Configuration.Query; q != nil {
		sql += "\n" + q.Query
	}
	for i := range s.delays {
		d := &s.delays[i]
		if d.Count < 0 || !strings.Contains(sql, d.Match) {
			continue
		}
		if d.Count > 0 {
			d.Count--
			if d.Count == 0 {
				d.Count = -1 // used up
			}
		}
		return waiting{time.Duration(d.Millis) * time.Millisecond, d.Pending}
	}
	return waiting{}
}

func (s *Server) note(r *http.Request, code int, took time.Duration) {
	if strings.HasPrefix(r.URL.Path, "/_shim/") {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, LogEntry{r.Method, r.URL.Path, r.URL.RawQuery, code, took.Microseconds()})
}

type routeFunc func(pattern string, fn func(w http.ResponseWriter, r *http.Request) (any, *apiError))

// hooks adds what only tests use; no client of BigQuery knows these paths.
func (s *Server) hooks(route routeFunc) {
	route("GET /_shim/log", func(_ http.ResponseWriter, _ *http.Request) (any, *apiError) {
		s.mu.Lock()
		requests := append([]LogEntry{}, s.log...)
		jobs := append([]*job{}, s.jobOrder...)
		s.mu.Unlock()
		out := make([]JobEntry, 0, len(jobs))
		for _, j := range jobs {
			res := j.snapshot()
			e := JobEntry{Project: res.JobReference.ProjectId, ID: res.JobReference.JobId, Type: res.Configuration.JobType, State: res.Status.State, Labels: res.Configuration.Labels}
			if res.Status.ErrorResult != nil {
				e.Reason = res.Status.ErrorResult.Reason
			}
			if res.Configuration.Query != nil {
				e.SQL = res.Configuration.Query.Query
			}
			if res.Statistics.Query != nil {
				e.StatementType = res.Statistics.Query.StatementType
			}
			j.mu.Lock()
			e.Executed = j.executed
			j.mu.Unlock()
			out = append(out, e)
		}
		return map[string]any{"requests": requests, "jobs": out}, nil
	})
	route("DELETE /_shim/log", func(_ http.ResponseWriter, _ *http.Request) (any, *apiError) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.log = nil
		return nil, nil
	})
	route("POST /_shim/delays", func(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
		d, err := decode[[]Delay](r)
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.delays = *d
		return map[string]any{}, nil
	})
	route("POST /_shim/bytes", func(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
		set, err := decode[struct {
			Project string `json:"project"`
			Dataset string `json:"dataset"`
			Table   string `json:"table"`
			Bytes   int64  `json:"bytes"`
		}](r)
		if err != nil {
			return nil, err
		}
		ref := &bigquery.TableReference{ProjectId: set.Project, DatasetId: set.Dataset, TableId: set.Table}
		s.mu.Lock()
		defer s.mu.Unlock()
		t := s.tableLocked(ref)
		if t == nil {
			return nil, notFound("Not found: Table %s", refText(ref))
		}
		t.forced = &set.Bytes
		return map[string]any{}, nil
	})
}

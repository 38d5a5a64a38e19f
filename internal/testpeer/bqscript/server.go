package bqscript

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Column is one column of a table; Type is GoogleSQL's name of the type.
type Column struct {
	Name, Type, Description string
	Required                bool
}

// Table is one table or view of the catalogue.
type Table struct {
	Name        string
	Type        string // TABLE if empty
	Description string
	Rows, Bytes int64
	Modified    time.Time
	Columns     []Column
	PartitionBy string // column of a daily partitioning, or empty
	ClusterBy   []string
	Labels      map[string]string
}

// Field is one column of a scripted result; Type is that of the REST API (INTEGER, STRING, …).
// A repeated record has Mode REPEATED and Fields.
type Field struct {
	Name   string  `json:"name"`
	Type   string  `json:"type"`
	Mode   string  `json:"mode,omitempty"`
	Fields []Field `json:"fields,omitempty"`
}

// Script answers the queries whose text Match finds; the first that matches answers.
type Script struct {
	Match *regexp.Regexp
	// Fields and Rows are the result. A cell is nil, a string, an int64, a bool, a []any
	// (repeated) or a map by field name (record).
	Fields []Field
	Rows   func(sql string) [][]any
	// Bytes is what the statement processes; below 0: the sum of the tables that it names.
	Bytes int64
	// Reason, if set, is how the statement fails, with Message.
	Reason, Message string
}

// Calls counts requests by API method («tables.get») and queries by what they read: a query
// on INFORMATION_SCHEMA or __TABLES__ counts as «catalogue query» too, a dry run as «dry run».
type Calls map[string]int

// Metadata is the number of calls that ask for metadata.
func (c Calls) Metadata() int {
	n := 0
	for _, k := range []string{"datasets.get", "datasets.list", "tables.get", "tables.list", "catalogue query"} {
		n += c[k]
	}
	return n
}

// Server is a running fake. It is safe for concurrent use.
type Server struct {
	// URL is the endpoint for a client, without a path.
	URL string
	// Project is the one project.
	Project string

	mu       sync.Mutex
	datasets map[string]map[string]Table
	scripts  []Script
	calls    Calls
	jobs     map[string]*job
	queries  []string
	latency  time.Duration
}

type job struct {
	id, sql       string
	labels        map[string]string
	fields        []Field
	rows          [][]any
	bytes         int64
	dry           bool
	reason, error string
}

// Start runs a fake until the test ends.
func Start(t testing.TB, project string, scripts ...Script) *Server {
	t.Helper()
	s := &Server{Project: project, datasets: map[string]map[string]Table{}, scripts: scripts, calls: Calls{}, jobs: map[string]*job{}}
	srv := httptest.NewServer(s)
	s.URL = srv.URL
	t.Cleanup(srv.Close)
	return s
}

// AddDataset puts a dataset with its tables into the catalogue.
func (s *Server) AddDataset(id string, tables ...Table) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := map[string]Table{}
	for _, t := range tables {
		if t.Type == "" {
			t.Type = "TABLE"
		}
		d[t.Name] = t
	}
	s.datasets[id] = d
}

// Tables returns the tables of a dataset by name.
func (s *Server) Tables(dataset string) []Table {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Table
	for _, name := range slices.Sorted(maps.Keys(s.datasets[dataset])) {
		out = append(out, s.datasets[dataset][name])
	}
	return out
}

// SetLatency makes every answer wait.
func (s *Server) SetLatency(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latency = d
}

// Calls returns a copy of the counts; Reset sets them to zero.
func (s *Server) Calls() Calls {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// Reset forgets counts and queries.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls, s.queries = Calls{}, nil
}

// Queries returns the statements that were inserted, dry runs with the prefix «dry run: ».
func (s *Server) Queries() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.queries)
}

type failure struct {
	code            int
	reason, message string
}

func notFound(format string, args ...any) *failure {
	return &failure{http.StatusNotFound, "notFound", fmt.Sprintf(format, args...)}
}

// codes are the HTTP codes of reasons; source: «Error messages».
var codes = map[string]int{
	"accessDenied": 403, "quotaExceeded": 403, "rateLimitExceeded": 403, "notFound": 404, "duplicate": 409,
	"internalError": 500, "backendError": 503,
}

var routes = []struct {
	method string
	path   *regexp.Regexp
	name   string
}{
	{"GET", regexp.MustCompile(`^/projects/([^/]+)/datasets$`), "datasets.list"},
	{"GET", regexp.MustCompile(`^/projects/([^/]+)/datasets/([^/]+)$`), "datasets.get"},
	{"POST", regexp.MustCompile(`^/projects/([^/]+)/datasets$`), "datasets.insert"},
	{"GET", regexp.MustCompile(`^/projects/([^/]+)/datasets/([^/]+)/tables$`), "tables.list"},
	{"GET", regexp.MustCompile(`^/projects/([^/]+)/datasets/([^/]+)/tables/([^/]+)$`), "tables.get"},
	{"POST", regexp.MustCompile(`^/projects/([^/]+)/jobs$`), "jobs.insert"},
	{"GET", regexp.MustCompile(`^/projects/([^/]+)/jobs/([^/]+)$`), "jobs.get"},
	{"GET", regexp.MustCompile(`^/projects/([^/]+)/queries/([^/]+)$`), "jobs.getQueryResults"},
	{"POST", regexp.MustCompile(`^/projects/([^/]+)/queries$`), "jobs.query"},
}

// ServeHTTP answers a request of the REST API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.Replace(r.URL.Path, "/bigquery/v2/", "/", 1)
	s.mu.Lock()
	wait := s.latency
	s.mu.Unlock()
	time.Sleep(wait)
	for _, route := range routes {
		g := route.path.FindStringSubmatch(path)
		if g == nil || route.method != r.Method {
			continue
		}
		s.mu.Lock()
		s.calls[route.name]++
		body, failed := s.handle(route.name, g[1:], r)
		s.mu.Unlock()
		if failed != nil {
			failed.write(w)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		_ = json.NewEncoder(w).Encode(body) // the client hung up: nobody to tell
		return
	}
	s.mu.Lock()
	s.calls["other"]++
	s.mu.Unlock()
	(&failure{http.StatusNotImplemented, "notImplemented", "scripted fake: " + r.Method + " " + path + " has no script"}).write(w)
}

func (f *failure) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(f.code)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": f.code, "message": f.message, "errors": []any{map[string]any{"reason": f.reason, "message": f.message, "domain": "global"}}}})
}

// handle answers one method; the caller holds the lock.
func (s *Server) handle(name string, args []string, r *http.Request) (any, *failure) {
	if args[0] != s.Project {
		return nil, notFound("Not found: Project %s", args[0])
	}
	switch name {
	case "datasets.list":
		all := slices.Sorted(maps.Keys(s.datasets))
		part, token := page(all, r)
		items := make([]any, len(part))
		for i, id := range part {
			items[i] = map[string]any{"id": s.Project + ":" + id, "location": "US", "datasetReference": s.datasetRef(id)}
		}
		return map[string]any{"datasets": items, "nextPageToken": token}, nil
	case "datasets.insert":
		var req struct {
			Ref struct {
				ID string `json:"datasetId"`
			} `json:"datasetReference"`
		}
		if err := json.NewDecoder(r.Body).Decode(&req); err != nil || req.Ref.ID == "" {
			return nil, &failure{http.StatusBadRequest, "invalid", "Required parameter is missing: datasetId"}
		}
		if s.datasets[req.Ref.ID] != nil {
			return nil, &failure{http.StatusConflict, "duplicate", "Already Exists: Dataset " + s.Project + ":" + req.Ref.ID}
		}
		s.datasets[req.Ref.ID] = map[string]Table{}
		return map[string]any{"id": s.Project + ":" + req.Ref.ID, "location": "US", "datasetReference": s.datasetRef(req.Ref.ID)}, nil
	case "jobs.insert", "jobs.query":
		return s.insert(name, r)
	case "jobs.get", "jobs.getQueryResults":
		j := s.jobs[args[1]]
		if j == nil {
			return nil, notFound("Not found: Job %s:US.%s", s.Project, args[1])
		}
		if name == "jobs.get" {
			return s.resource(j), nil
		}
		return s.results(j, r)
	}
	tables, ok := s.datasets[args[1]]
	if !ok {
		return nil, notFound("Not found: Dataset %s:%s", s.Project, args[1])
	}
	switch name {
	case "datasets.get":
		return map[string]any{"id": s.Project + ":" + args[1], "etag": "e1", "location": "US", "datasetReference": s.datasetRef(args[1])}, nil
	case "tables.list":
		part, token := page(slices.Sorted(maps.Keys(tables)), r)
		items := make([]any, len(part))
		for i, id := range part {
			items[i] = s.table(args[1], tables[id], false)
		}
		return map[string]any{"tables": items, "nextPageToken": token, "totalItems": len(tables)}, nil
	default:
		t, ok := tables[args[2]]
		if !ok {
			return nil, notFound("Not found: Table %s:%s.%s", s.Project, args[1], args[2])
		}
		return s.table(args[1], t, true), nil
	}
}

func (s *Server) datasetRef(id string) map[string]any {
	return map[string]any{"projectId": s.Project, "datasetId": id}
}

// page cuts one page, 50 entries unless the request says otherwise.
func page(all []string, r *http.Request) ([]string, string) {
	start, _ := strconv.Atoi(r.URL.Query().Get("pageToken")) // none: 0
	size, err := strconv.Atoi(r.URL.Query().Get("maxResults"))
	if err != nil || size <= 0 {
		size = 50
	}
	start = min(max(start, 0), len(all))
	end := min(start+size, len(all))
	token := ""
	if end < len(all) {
		token = strconv.Itoa(end)
	}
	return all[start:end], token
}

var restTypes = map[string]string{"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}

func (s *Server) table(dataset string, t Table, whole bool) map[string]any {
	out := map[string]any{
		"id": s.Project + ":" + dataset + "." + t.Name, "type": t.Type, "labels": t.Labels,
		"tableReference": map[string]any{"projectId": s.Project, "datasetId": dataset, "tableId": t.Name},
	}
	if t.PartitionBy != "" {
		out["timePartitioning"] = map[string]any{"type": "DAY", "field": t.PartitionBy}
	}
	if len(t.ClusterBy) > 0 {
		out["clustering"] = map[string]any{"fields": t.ClusterBy}
	}
	if !whole {
		return out
	}
	fields := make([]any, len(t.Columns))
	for i, c := range t.Columns {
		typ := c.Type
		if rest := restTypes[typ]; rest != "" {
			typ = rest
		}
		mode := "NULLABLE"
		if c.Required {
			mode = "REQUIRED"
		}
		fields[i] = map[string]any{"name": c.Name, "type": typ, "mode": mode, "description": c.Description}
	}
	out["etag"], out["description"], out["location"] = "e1", t.Description, "US"
	out["numRows"], out["numBytes"] = strconv.FormatInt(t.Rows, 10), strconv.FormatInt(t.Bytes, 10)
	if !t.Modified.IsZero() {
		out["lastModifiedTime"] = strconv.FormatInt(t.Modified.UnixMilli(), 10)
	}
	out["schema"] = map[string]any{"fields": fields}
	return out
}

var pathPattern = regexp.MustCompile("(?:`?([a-z][a-z0-9-]*)`?\\.)?`?([A-Za-z_][A-Za-z0-9_]*)`?\\.`?([A-Za-z0-9_]+)`?")

// named returns the tables of the catalogue that a statement names, and the first name in a
// known dataset that is no table.
func (s *Server) named(sql string) (size int64, refs []any, missing string) {
	seen := map[string]bool{}
	for _, g := range pathPattern.FindAllStringSubmatch(sql, -1) {
		d, ok := s.datasets[g[2]]
		if !ok || seen[g[2]+"."+g[3]] || g[3] == "INFORMATION_SCHEMA" || g[3] == "__TABLES__" {
			continue
		}
		seen[g[2]+"."+g[3]] = true
		t, ok := d[g[3]]
		if !ok {
			if missing == "" {
				missing = s.Project + ":" + g[2] + "." + g[3]
			}
			continue
		}
		size += t.Bytes
		refs = append(refs, map[string]any{"projectId": s.Project, "datasetId": g[2], "tableId": g[3]})
	}
	return size, refs, missing
}

func (s *Server) insert(name string, r *http.Request) (any, *failure) {
	var req struct {
		Query     string `json:"query"` // jobs.query
		DryRun    bool   `json:"dryRun"`
		Reference struct {
			ID string `json:"jobId"`
		} `json:"jobReference"`
		Configuration struct {
			DryRun bool              `json:"dryRun"`
			Labels map[string]string `json:"labels"`
			Query  *struct {
				Query string `json:"query"`
			} `json:"query"`
		} `json:"configuration"`
	}
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		return nil, &failure{http.StatusBadRequest, "parseError", err.Error()}
	}
	j := &job{id: req.Reference.ID, sql: req.Query, dry: req.DryRun || req.Configuration.DryRun, labels: req.Configuration.Labels}
	if q := req.Configuration.Query; q != nil {
		j.sql = q.Query
	}
	if j.sql == "" {
		return nil, &failure{http.StatusNotImplemented, "notImplemented", "scripted fake: only query jobs"}
	}
	if j.id == "" {
		j.id = fmt.Sprintf("job_%d", len(s.jobs)+1)
	}
	if s.jobs[j.id] != nil {
		return nil, &failure{http.StatusConflict, "duplicate", "Already Exists: Job " + s.Project + ":US." + j.id}
	}
	prefix := ""
	if j.dry {
		prefix = "dry run: "
		s.calls["dry run"]++
	}
	s.queries = append(s.queries, prefix+j.sql)
	if strings.Contains(strings.ToUpper(j.sql), "INFORMATION_SCHEMA") || strings.Contains(j.sql, "__TABLES__") {
		s.calls["catalogue query"]++
	}
	size, _, missing := s.named(j.sql)
	found := slices.IndexFunc(s.scripts, func(c Script) bool { return c.Match.MatchString(j.sql) })
	switch {
	case found >= 0:
		c := s.scripts[found]
		if j.bytes = c.Bytes; c.Bytes < 0 {
			j.bytes = size
		}
		j.fields, j.reason, j.error = c.Fields, c.Reason, c.Message
		if c.Rows != nil && !j.dry {
			j.rows = c.Rows(j.sql)
		}
	case missing != "" && j.dry:
		return nil, notFound("Not found: Table %s was not found in location US", missing)
	case j.dry:
		j.bytes = size
	default:
		return nil, &failure{http.StatusNotImplemented, "notImplemented", "scripted fake: this query has no script: " + j.sql}
	}
	if j.dry {
		if j.reason != "" {
			return nil, j.failed()
		}
	} else {
		s.jobs[j.id] = j
	}
	if name == "jobs.query" {
		return s.results(j, r)
	}
	return s.resource(j), nil
}

func (j *job) failed() *failure {
	code := codes[j.reason]
	if code == 0 {
		code = http.StatusBadRequest
	}
	return &failure{code, j.reason, j.error}
}

var verbs = regexp.MustCompile(`(?i)^\s*(?:--[^\n]*\n\s*)*(select|with|insert|update|delete|merge|create|drop|alter|truncate)`)

// statementType names the kind of a statement roughly: enough for a report.
func statementType(sql string) string {
	g := verbs.FindStringSubmatch(sql)
	if g == nil {
		return "SELECT"
	}
	switch verb := strings.ToUpper(g[1]); verb {
	case "WITH":
		return "SELECT"
	case "CREATE":
		return "CREATE_TABLE_AS_SELECT"
	case "DROP", "ALTER", "TRUNCATE":
		return verb + "_TABLE"
	default:
		return verb
	}
}

func (s *Server) resource(j *job) map[string]any {
	status := map[string]any{"state": "DONE"}
	if j.reason != "" {
		status["errorResult"] = map[string]any{"reason": j.reason, "message": j.error}
	}
	_, refs, _ := s.named(j.sql)
	now := strconv.FormatInt(time.Now().UnixMilli(), 10)
	size := strconv.FormatInt(j.bytes, 10)
	query := map[string]any{"statementType": statementType(j.sql), "totalBytesProcessed": size, "referencedTables": refs, "schema": map[string]any{"fields": j.fields}}
	if !j.dry {
		query["totalBytesBilled"], query["totalSlotMs"] = size, "1"
	}
	return map[string]any{
		"id": s.Project + ":US." + j.id, "jobReference": map[string]any{"projectId": s.Project, "jobId": j.id, "location": "US"}, "status": status,
		"configuration": map[string]any{"jobType": "QUERY", "dryRun": j.dry, "labels": j.labels, "query": map[string]any{"query": j.sql}},
		"statistics":    map[string]any{"creationTime": now, "startTime": now, "endTime": now, "totalBytesProcessed": size, "query": query},
	}
}

func (s *Server) results(j *job, r *http.Request) (any, *failure) {
	if j.reason != "" {
		return nil, j.failed()
	}
	start, _ := strconv.Atoi(r.URL.Query().Get("pageToken")) // none: 0
	size, err := strconv.Atoi(r.URL.Query().Get("maxResults"))
	if err != nil {
		size = 10000
	}
	start = min(max(start, 0), len(j.rows))
	end := min(start+max(size, 0), len(j.rows))
	rows := make([]any, 0, end-start)
	for _, row := range j.rows[start:end] {
		cells := make([]any, len(row))
		for i, v := range row {
			cells[i] = map[string]any{"v": cell(v, j.fields[i])}
		}
		rows = append(rows, map[string]any{"f": cells})
	}
	out := map[string]any{
		"jobReference": map[string]any{"projectId": s.Project, "jobId": j.id, "location": "US"}, "jobComplete": true,
		"schema": map[string]any{"fields": j.fields}, "totalRows": strconv.Itoa(len(j.rows)), "rows": rows, "totalBytesProcessed": strconv.FormatInt(j.bytes, 10),
	}
	if end < len(j.rows) {
		out["pageToken"] = strconv.Itoa(end)
	}
	return out, nil
}

// cell writes a value as the REST API does: scalars as text, records as {"f":[{"v":…}]},
// repeated ones as [{"v":…}].
func cell(v any, f Field) any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		one := f
		one.Mode = ""
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = map[string]any{"v": cell(e, one)}
		}
		return out
	case map[string]any:
		cells := make([]any, len(f.Fields))
		for i, sub := range f.Fields {
			cells[i] = map[string]any{"v": cell(v[sub.Name], sub)}
		}
		return map[string]any{"f": cells}
	}
	return fmt.Sprint(v)
}

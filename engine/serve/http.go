package serve

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-json"
)

// pageSize is how many runs the history shows at once.
const pageSize = 100

//go:embed pages.html
var pagesText string

// templates are made anew for each server: package variables do not hold what can fail.
func templates() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"when": func(t time.Time) string {
			if t.IsZero() {
				return "–"
			}
			return t.UTC().Format("2006-01-02 15:04:05")
		},
		"took": took,
	}).Parse(pagesText))
}

// took is how long something lasted, empty where it has not ended.
func took(start, end time.Time) string {
	if start.IsZero() || end.IsZero() {
		return ""
	}
	d := end.Sub(start)
	if d < time.Minute {
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	}
	return d.Round(time.Second).String()
}

// Handler answers HTTP: the catalog below /, the history, metrics, health, and POST /runs.
func (s *Server) Handler() http.Handler {
	pages := templates()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /metrics", s.metrics)
	mux.HandleFunc("GET /runs", func(w http.ResponseWriter, r *http.Request) { s.history(w, r, pages) })
	mux.HandleFunc("GET /runs/{id}", func(w http.ResponseWriter, r *http.Request) { s.oneRun(w, r, pages) })
	mux.HandleFunc("GET /runs/{id}/log", s.logOf)
	mux.HandleFunc("POST /runs", s.post)
	mux.HandleFunc("GET /", s.site)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !Hosted(r.Host, s.o.Hosts) {
			http.Error(w, "engine serve is not known by this name: --allow-host NAME lets it answer", http.StatusMisdirectedRequest)
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("X-Frame-Options", "SAMEORIGIN")
		mux.ServeHTTP(w, r)
	})
}

// Hosted says whether a request may be meant for this process, by the Host that it names:
// localhost, an address, or one of the names. Another name is that of somebody's site, which has
// been made to lead to this address so that a page of it can read what is answered here. A request
// without Host comes from no browser.
func Hosted(host string, names []string) bool {
	name := host
	if alone, _, err := net.SplitHostPort(host); err == nil {
		name = alone
	}
	name = strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(name, "["), "]"), "."))
	if name == "" || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return slices.ContainsFunc(names, func(known string) bool { return strings.EqualFold(strings.TrimSuffix(known, "."), name) })
}

func answer(w http.ResponseWriter, code int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "the answer cannot be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = w.Write(append(b, '\n'))
}

type problem struct {
	Error string `json:"error"`
}

// health is 200 while runs are begun, 503 once the process is stopping.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	state, code := "ok", http.StatusOK
	if s.stopping {
		state, code = "stopping", http.StatusServiceUnavailable
	}
	doc := struct {
		Status    string `json:"status"`
		Project   string `json:"project"`
		Schedules int    `json:"schedules"`
		Active    int    `json:"active"`
	}{state, s.o.Project, len(s.jobs), len(s.active)}
	s.mu.Unlock()
	answer(w, code, doc)
}

// scheduleRow is a schedule on the history page.
type scheduleRow struct {
	Name, Due, Target, Phases, State string
	Next                             time.Time
}

func (s *Server) rows(now time.Time) []scheduleRow {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []scheduleRow
	for _, name := range s.names() {
		l := s.jobs[name]
		row := scheduleRow{Name: name, Due: l.job.due(), Target: l.job.Target, Phases: strings.Join(l.job.Phases, ", "), Next: l.job.When.Next(now), State: "fine"}
		switch {
		case l.late:
			row.State = "late"
		case l.failing:
			row.State = "failing"
		}
		if l.runs.Running != "" {
			row.State += ", at work"
		}
		out = append(out, row)
	}
	return out
}

func (s *Server) history(w http.ResponseWriter, r *http.Request, pages *template.Template) {
	list, err := s.o.Store.List(pageSize)
	if err != nil {
		s.o.Say(err.Error())
		http.Error(w, "the history cannot be read", http.StatusInternalServerError)
		return
	}
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		if list == nil {
			list = []*Run{}
		}
		answer(w, http.StatusOK, list)
		return
	}
	s.page(w, pages, "history", struct {
		Project   string
		Schedules []scheduleRow
		Runs      []*Run
	}{s.o.Project, s.rows(s.o.Clock.Now()), list})
}

func (s *Server) oneRun(w http.ResponseWriter, r *http.Request, pages *template.Template) {
	run, ok := s.found(w, r)
	if !ok {
		return
	}
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		answer(w, http.StatusOK, run)
		return
	}
	s.page(w, pages, "run", struct {
		Project string
		Run     *Run
	}{s.o.Project, run})
}

// found is the run that an address names.
func (s *Server) found(w http.ResponseWriter, r *http.Request) (*Run, bool) {
	run, err := s.o.Store.Run(r.PathValue("id"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		http.Error(w, "there is no such run", http.StatusNotFound)
	case err != nil:
		s.o.Say(err.Error())
		http.Error(w, "the record of the run cannot be read", http.StatusInternalServerError)
	}
	return run, err == nil
}

func (s *Server) page(w http.ResponseWriter, pages *template.Template, name string, data any) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		s.o.Say(fmt.Sprintf("page %s: %v", name, err))
		http.Error(w, "the page cannot be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(b.Bytes())
}

// logOf is the log of a run so far, as text.
func (s *Server) logOf(w http.ResponseWriter, r *http.Request) {
	run, ok := s.found(w, r)
	if !ok {
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'")
	w.Header().Set("Cache-Control", "no-store")
	f, err := os.Open(s.o.Store.logPath(run.ID))
	if err != nil {
		return // nothing was begun
	}
	defer f.Close()
	_, _ = io.Copy(w, f)
}

// mostBody bounds what POST /runs reads.
const mostBody = 64 << 10

// post is POST /runs: {"schedule": "hourly"} with the token begins a run.
func (s *Server) post(w http.ResponseWriter, r *http.Request) {
	if s.o.Token == "" {
		answer(w, http.StatusForbidden, problem{"POST /runs is off: no token was given to engine serve"})
		return
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	// Hashes have one length, so that the time says nothing of the token's.
	given, want := sha256.Sum256([]byte(strings.TrimSpace(token))), sha256.Sum256([]byte(s.o.Token))
	if same := subtle.ConstantTimeCompare(given[:], want[:]) == 1; !same || !strings.EqualFold(scheme, "Bearer") {
		w.Header().Set("WWW-Authenticate", `Bearer realm="engine serve"`)
		answer(w, http.StatusUnauthorized, problem{"the token is missing or wrong: Authorization: Bearer …"})
		return
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		answer(w, http.StatusUnsupportedMediaType, problem{"want Content-Type: application/json"})
		return
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if err != nil {
		answer(w, http.StatusRequestEntityTooLarge, problem{"the request is too long"})
		return
	}
	var asked struct {
		Schedule string `json:"schedule"`
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	err = d.Decode(&asked)
	if err == nil {
		var rest json.RawMessage
		if d.Decode(&rest) != io.EOF {
			err = errors.New("something follows")
		}
	}
	if err != nil || asked.Schedule == "" {
		answer(w, http.StatusBadRequest, problem{`want {"schedule": "name"}`})
		return
	}
	run, err := s.Trigger(asked.Schedule, Requested)
	var unknown *unknownError
	var busy *BusyError
	switch {
	case errors.As(err, &unknown):
		answer(w, http.StatusNotFound, problem{err.Error()})
	case errors.As(err, &busy):
		answer(w, http.StatusConflict, problem{err.Error()})
	case err != nil:
		answer(w, http.StatusServiceUnavailable, problem{err.Error()})
	default:
		w.Header().Set("Location", "/runs/"+run.ID)
		answer(w, http.StatusAccepted, run)
	}
}

// site serves the files of the catalog, as the last run has written them.
func (s *Server) site(w http.ResponseWriter, r *http.Request) {
	root, err := os.OpenRoot(s.o.Catalog)
	if err != nil {
		if r.URL.Path == "/" {
			http.Redirect(w, r, "/runs", http.StatusFound)
			return
		}
		http.NotFound(w, r)
		return
	}
	defer root.Close()
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" || strings.HasSuffix(name, "/") {
		name += "index.html"
	}
	f, err := root.Open(name)
	if err != nil {
		if r.URL.Path == "/" {
			http.Redirect(w, r, "/runs", http.StatusFound)
			return
		}
		http.NotFound(w, r)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		http.NotFound(w, r)
		return
	}
	http.ServeContent(w, r, name, info.ModTime(), f)
}

// metrics are in Prometheus' text format.
func (s *Server) metrics(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	now := s.o.Clock.Now()
	var b strings.Builder
	family := func(name, kind, help string, each func(l *lane, labels string)) {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
		for _, n := range s.names() {
			each(s.jobs[n], `schedule="`+n+`"`)
		}
	}
	gauge := func(name, help string, value func(*lane) (float64, bool)) {
		family(name, "gauge", help, func(l *lane, labels string) {
			if v, ok := value(l); ok {
				fmt.Fprintf(&b, "%s{%s} %s\n", name, labels, strconv.FormatFloat(v, 'f', -1, 64))
			}
		})
	}
	stamp := func(t time.Time) (float64, bool) { return float64(t.UnixMilli()) / 1000, !t.IsZero() }
	truth := func(v bool) (float64, bool) {
		if v {
			return 1, true
		}
		return 0, true
	}
	family("engine_schedule_runs_total", "counter", "Runs that have ended since the process began, by outcome.", func(l *lane, labels string) {
		for _, status := range Statuses {
			if status.Over() {
				fmt.Fprintf(&b, "engine_schedule_runs_total{%s,status=\"%s\"} %d\n", labels, status, s.counts[count{l.job.Name, status}])
			}
		}
	})
	gauge("engine_schedule_running", "Whether a run is at work.", func(l *lane) (float64, bool) { return truth(l.runs.Running != "") })
	gauge("engine_schedule_queued", "Whether a run waits for the one at work.", func(l *lane) (float64, bool) { return truth(l.runs.Queued != "") })
	gauge("engine_schedule_failing", "Whether the last run that came to its end failed.", func(l *lane) (float64, bool) { return truth(l.failing) })
	gauge("engine_schedule_late", "Whether no run has succeeded in time.", func(l *lane) (float64, bool) {
		return truth(l.late || l.job.LateAfter > 0 && !l.memory.Expect.IsZero() && now.Sub(l.memory.Expect) > l.job.LateAfter)
	})
	gauge("engine_schedule_last_success_timestamp_seconds", "When a run last succeeded, in seconds since 1970.", func(l *lane) (float64, bool) { return stamp(l.lastSuccess) })
	gauge("engine_schedule_last_end_timestamp_seconds", "When a run last ended, in seconds since 1970.", func(l *lane) (float64, bool) { return stamp(l.lastEnd) })
	gauge("engine_schedule_last_duration_seconds", "How long the last run took.", func(l *lane) (float64, bool) { return l.lastSeconds, !l.lastEnd.IsZero() })
	gauge("engine_schedule_next_timestamp_seconds", "When it is due next, in seconds since 1970.", func(l *lane) (float64, bool) { return stamp(l.job.When.Next(now)) })
	s.mu.Unlock()
	s.alerts.mu.Lock()
	fmt.Fprintf(&b, "# HELP engine_alerts_total Alerts since the process began.\n# TYPE engine_alerts_total counter\nengine_alerts_total{outcome=\"delivered\"} %d\nengine_alerts_total{outcome=\"failed\"} %d\n", s.alerts.sent, s.alerts.failed)
	s.alerts.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = io.WriteString(w, b.String())
}

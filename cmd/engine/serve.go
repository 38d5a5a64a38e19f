package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-json"
	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/distribute"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/serve"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/lineage"
)

const (
	codeNoSchedules    diag.Code = "schedules-missing"
	codeSchedule       diag.Code = "schedule-unknown"
	codeListen         diag.Code = "listen-failed"
	codeScheduleSelect diag.Code = "schedule-select"
)

// serveCodes are those of engine serve.
var serveCodes = []diag.Entry{
	{Code: codeNoSchedules, Title: "a project without schedules", Explain: "engine serve does what the list schedules of engine.yml says. Without it there is nothing to serve.", Bad: "engine serve # no schedules in engine.yml", Good: "schedules:\n  - {name: hourly, every: 1h, phases: [build]}"},
	{Code: codeSchedule, Title: "an unknown schedule", Explain: "--once takes the name of one of the schedules in engine.yml.", Bad: "engine serve --once hourli", Good: "engine serve --once hourly"},
	{Code: codeScheduleSelect, Title: "a schedule that selects nothing", Explain: "A selector of a schedule in engine.yml that matches nothing would leave its runs without work, or without a part of it, and nobody would see. One below exclude that matches nothing is a warning. Selectors that compare with an earlier state are looked at in the run.", Bad: "schedules:\n  - {name: hourly, every: 1h, phases: [build], select: [tag:huorly]}", Good: "schedules:\n  - {name: hourly, every: 1h, phases: [build], select: [tag:hourly]}"},
	{Code: codeListen, Title: "an address that cannot be listened at", Explain: "engine serve answers HTTP at --listen. Another process may have the port, or the machine has no such address.", Bad: "engine serve --listen :80", Good: "engine serve --listen 127.0.0.1:8080"},
}

// tokenVariable has the secret of POST /runs.
const tokenVariable = "ENGINE_SERVE_TOKEN"

// patience is how long a child process has to end by itself after an interrupt.
const patience = 30 * time.Second

type serveFlags struct {
	listen string
	hosts  []string
	once   string
	grace  span
	keep   int
}

func (a *app) serveCommand() *cobra.Command {
	f := &serveFlags{}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "run schedules, and answer HTTP",
		Long: text(`
Runs the schedules of engine.yml until it is stopped: what is due when, in which time zone,
and what each of them does, one phase after the other. What was due while nothing ran is made
up for once, if it is not too old. Each phase is a process of its own, engine build for
example, whose output is the log of the run.

Several instances may serve one project: a lease in each schedule's target decides which of
them does a run, and another one does it if that instance dies.

It answers HTTP at --listen: the catalog at /, the history at /runs, Prometheus metrics at
/metrics, /healthz for load balancers. POST /runs {"schedule": "hourly"} begins a run, with
the token of ENGINE_SERVE_TOKEN as Authorization: Bearer; without that variable it is off.
The rest is open to whoever reaches the address. Requests that call it by a name other than
localhost, an address or the name in --listen are refused; --allow-host adds names.

Failures, recoveries and lateness are told to the webhook in alerts of the schedule.

On SIGTERM and Ctrl-C nothing more is begun; what runs may go on for --grace, and is then
interrupted, to be made up for after the next start.

--once does one run of one schedule and ends, for cron, CI and job runners: under the same
lease, with the same record. Exit code 0 also if another run of it is at work and the schedule
says overlap: skip.`),
		Example: `  engine serve
  engine serve --listen :8080 --target prod
  engine serve --listen :8080 --allow-host engine.example.com
  engine serve --once nightly             from cron
  ENGINE_SERVE_TOKEN=$SECRET engine serve
  curl -X POST -H "Authorization: Bearer $SECRET" -H "Content-Type: application/json" -d '{"schedule": "nightly"}' localhost:8080/runs`,
	}
	fl := cmd.Flags()
	fl.StringVar(&f.listen, "listen", "127.0.0.1:8080", "`address` to answer HTTP at, host:port; none for no HTTP")
	fl.StringArrayVar(&f.hosts, "allow-host", nil, "answer requests for this `name` of the machine or of a proxy; may be repeated")
	fl.StringVar(&f.once, "once", "", "do one run of this `schedule` and end")
	must(cmd.RegisterFlagCompletionFunc("once", a.completeSchedule))
	f.grace.open = noBound
	fl.Var(&f.grace, "grace", "`duration` for which runs may go on when the process is to end, as 10m; none interrupts them at once")
	fl.IntVar(&f.keep, "keep", serve.DefaultKeep, "`number` of runs that the history has")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := unexpected(cmd, args); err != nil {
			return err
		}
		if f.keep < 1 {
			return mistake(diag.Diagnostic{Code: codeFlag, Message: "--keep is less than 1", Help: "the history has at least the last run"})
		}
		s, err := a.settled()
		if err != nil {
			return err
		}
		o, err := s.serving(f)
		if err != nil {
			return err
		}
		server, err := serve.New(o)
		if err != nil {
			return err
		}
		if f.once != "" {
			return s.serveOnce(cmd.Context(), server, f.once)
		}
		return s.serve(cmd.Context(), server, f.listen)
	}
	return cmd
}

// completeSchedule offers the names of schedules.
func (a *app) completeSchedule(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	if a.fromEnvironment(cmd) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	s, err := a.load()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return scheduleNames(s.project), cobra.ShellCompDirectiveNoFileComp
}

func scheduleNames(p *project.Project) []string {
	var names []string
	for _, d := range p.Settings.Schedules {
		names = append(names, d.Name.V)
	}
	return names
}

// systemClock is the machine's.
type systemClock struct{ now func() time.Time }

func (c systemClock) Now() time.Time                         { return c.now() }
func (c systemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// serving is what the project, the flags and the environment make of serve's options.
func (s *session) serving(f *serveFlags) (serve.Options, error) {
	a := s.app
	all := s.project.Settings.Schedules
	if len(all) == 0 {
		return serve.Options{}, mistake(diag.Diagnostic{Code: codeNoSchedules, Message: "there is nothing to serve: engine.yml has no \"schedules\"", Help: "add schedules: [{name: hourly, every: 1h}], see docs/serve.md"})
	}
	jobs, secrets, err := s.jobsOf(all, f.once)
	if err != nil {
		return serve.Options{}, err
	}
	path, err := os.Executable()
	if err != nil {
		return serve.Options{}, fmt.Errorf("find the program itself: %w", err)
	}
	grace := f.grace.d
	if f.grace.text == "" {
		grace = 10 * time.Second
	}
	token := strings.TrimSpace(a.variable(tokenVariable))
	secrets = append(secrets, token)
	process := &serve.Process{
		Path: path, Args: s.phaseArgs, Dir: s.dir, Kill: patience, Secrets: secrets, Read: readPhase,
		Env: slices.DeleteFunc(a.environ(), func(v string) bool { return strings.HasPrefix(v, tokenVariable+"=") }),
	}
	phase := process.Do
	if f.once != "" && !a.global.quiet {
		phase = func(ctx context.Context, t serve.Task, log io.Writer) serve.Outcome {
			return process.Do(ctx, t, io.MultiWriter(log, a.err))
		}
	}
	holder := a.holder("", "serve")
	clock := systemClock{a.now}
	return serve.Options{
		Project: s.project.Settings.Name.V, Jobs: jobs, Clock: clock, Store: serve.Store{Dir: filepath.Join(s.target(), "serve")},
		Claims: &serve.Leases{Open: s.openTarget, Holder: holder, Dead: a.gone, Clock: clock},
		Phase:  phase, Holder: holder, Gone: a.gone, Post: serve.Webhook, Grace: grace, Keep: f.keep, Hosts: append(f.hosts, listenName(f.listen)...),
		Catalog: filepath.Join(s.target(), "catalog"), Token: token,
		NewID: func(now time.Time) string {
			id := newRunID(now)
			// Runs of one second are in order, too.
			return fmt.Sprintf("%s-%03d%s", id[:len("20060102T150405Z")], now.UTC().Nanosecond()/int(time.Millisecond), id[len("20060102T150405Z"):])
		},
		Say: func(text string) {
			if !a.global.quiet {
				a.say(a.now().UTC().Format(time.RFC3339) + " " + text)
			}
		},
	}, nil
}

// listenName is the host of an address to listen at.
func listenName(address string) []string {
	if host, _, err := net.SplitHostPort(address); err == nil && host != "" {
		return []string{host}
	}
	return nil
}

// selectionsMissed are the selectors of schedules that match nothing: mistakes where they choose
// what is built, remarks where they leave something out.
func (s *session) selectionsMissed() (found diag.List) {
	for _, d := range s.project.Settings.Schedules {
		for i, v := range slices.Concat(d.Select, d.Exclude) {
			q := lineage.Query{Select: []string{v.V}}
			if q.NeedsPast(s.project) {
				continue // what has changed is not known before the run
			}
			_, wrong := lineage.Select(s.program, q)
			for _, w := range wrong {
				if w.Severity == diag.Remark {
					continue
				}
				out := diag.Diagnostic{Severity: diag.Error, Code: codeScheduleSelect, Message: fmt.Sprintf("schedule %q: %s", d.Name.V, w.Message), At: v.At, AtText: w.AtText, Help: w.Help}
				if w.Severity == diag.Warning && i >= len(d.Select) {
					out.Severity = diag.Warning
				}
				found.Add(out)
			}
		}
	}
	return found
}

// secretName is the name of a variable whose value is never written.
var secretName = regexp.MustCompile(`(?i)pass|pwd|secret|token|key|cred|auth|dsn|url|uri|hook|alert`)

// jobsOf are the schedules, with what the environment has to say; where only one is to run,
// the others' variables need not be set. secrets are words that do not belong into logs.
func (s *session) jobsOf(all []*project.Schedule, only string) (jobs []serve.Job, secrets []string, err error) {
	names := scheduleNames(s.project)
	if only != "" && !slices.Contains(names, only) {
		d := diag.Diagnostic{Code: codeSchedule, Message: fmt.Sprintf("there is no schedule %q", only), Notes: []string{"schedules are " + strings.Join(names, ", ")}}
		if near, ok := diag.Suggest(only, names); ok {
			d.Help = fmt.Sprintf("did you mean %q?", near)
		}
		return nil, nil, mistake(d)
	}
	var found diag.List
	said := map[diag.Code]map[string]bool{}
	for _, d := range all {
		if only != "" && d.Name.V != only {
			continue
		}
		target := s.options.Target
		if d.Target.IsSet() {
			target = d.Target.V
		}
		settings, wrong := s.project.Settings.Target(target, s.options.Env)
		address, more := d.AlertAddress(s.options.Env)
		for _, w := range append(wrong, more...) {
			if key := w.Line(); !said[w.Code][key] { // several schedules on one target
				if said[w.Code] == nil {
					said[w.Code] = map[string]bool{}
				}
				said[w.Code][key] = true
				found.Add(w)
			}
		}
		if found.HasErrors() {
			continue
		}
		for name, v := range settings.Fields {
			if secretName.MatchString(name) {
				secrets = append(secrets, v.V)
			}
		}
		secrets = append(secrets, address)
		j := serve.Job{
			Name: d.Name.V, When: d.When, After: d.After.V, Target: settings.Name, Overlap: d.Overlap.V, CatchUp: d.CatchUp.V, Deadline: d.Deadline.V,
			LateAfter: d.LateAfter.V, Retry: d.Retry.V == project.RetryFromFailed, RetryDelay: d.RetryDelay.V, Webhook: address,
		}
		for _, list := range []struct {
			from []project.Value[string]
			to   *[]string
		}{{d.Phases, &j.Phases}, {d.Select, &j.Select}, {d.Exclude, &j.Exclude}} {
			for _, v := range list.from {
				*list.to = append(*list.to, v.V)
			}
		}
		jobs = append(jobs, j)
	}
	if found.HasErrors() {
		return nil, nil, &mistakes{found, exitMistake}
	}
	for name, v := range s.environment.all() {
		if secretName.MatchString(name) {
			secrets = append(secrets, v)
		}
	}
	return jobs, secrets, nil
}

// all are the variables that were asked for.
func (e *environment) all() map[string]string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.asked)
}

// openTarget connects to a target by its name.
func (s *session) openTarget(ctx context.Context, target string) (warehouse.Conn, state.Scope, error) {
	scope, err := s.scopeOf(target)
	if err != nil {
		return nil, scope, err
	}
	o := s.options
	o.Target = target
	cfg, driver, found := engine.TargetConfig(s.project, o)
	if found.HasErrors() {
		return nil, scope, &mistakes{found, exitMistake}
	}
	conn, err := driver.Open(ctx, cfg)
	if err != nil {
		return nil, scope, fmt.Errorf("open target %s: %w", target, err)
	}
	return conn, scope, nil
}

// withParents begins a selector that takes parents, too: +orders, 2+orders, @orders.
var withParents = regexp.MustCompile(`^(\+|@|\d+\+)`)

// sourcesOf makes a selector choose what its nodes read, too: each part of it by itself. Of
// parts that all have to hold that is what the parts have in common, which may be more than
// their nodes read, and never less.
func sourcesOf(selector string) string {
	union := strings.Fields(selector)
	for i, token := range union {
		parts := strings.Split(token, ",")
		for j, part := range parts {
			if part != "" && !withParents.MatchString(part) {
				parts[j] = "+" + part
			}
		}
		union[i] = strings.Join(parts, ",")
	}
	return strings.Join(union, " ")
}

// phaseArgs is the command line of a phase.
func (s *session) phaseArgs(t serve.Task) []string {
	left := t.Left.Round(time.Millisecond).String()
	args := []string{t.Phase, "--project-dir", s.dir, "--target", t.Job.Target, "--output", "json", "--no-color"}
	if t.Phase == project.PhaseMetabase {
		args = slices.Insert(args, 1, "sync")
	}
	args = append(args, "--wait="+left)
	for _, v := range s.app.global.vars {
		args = append(args, "--vars", v)
	}
	if s.app.global.jobs > 0 {
		args = append(args, "--jobs", fmt.Sprint(s.app.global.jobs))
	}
	if t.Phase != project.PhaseBuild && t.Phase != project.PhaseIngest {
		return args
	}
	args = append(args, "--deadline", left)
	if t.Phase == project.PhaseBuild && slices.Contains(t.Job.Phases, project.PhasePublish) {
		args = append(args, "--no-distribute") // it is a phase of its own
	}
	for _, sel := range t.Job.Select {
		if t.Phase == project.PhaseIngest {
			sel = sourcesOf(sel)
		}
		args = append(args, "--select", sel)
	}
	for _, sel := range t.Job.Exclude {
		args = append(args, "--exclude", sel)
	}
	return args
}

// phaseDocument is what of the answers of build and publish tells of failures.
type phaseDocument struct {
	Status string `json:"status"`
	Nodes  []struct {
		Node        string      `json:"node"`
		Status      string      `json:"status"`
		Message     string      `json:"message"`
		Diagnostics []diag.JSON `json:"diagnostics"`
		Tests       []struct {
			Test     string `json:"test"`
			Status   string `json:"status"`
			Sentence string `json:"sentence"`
		} `json:"tests"`
	} `json:"nodes"`
	Customers []struct {
		Customer    string      `json:"customer"`
		Status      string      `json:"status"`
		Diagnostics []diag.JSON `json:"diagnostics"`
	} `json:"customers"`
	Distribution *phaseDocument `json:"distribution"`
	Diagnostics  []diag.JSON    `json:"diagnostics"`
}

// mistakeIn is the message of the first diagnostic that is no warning or remark.
func mistakeIn(list []diag.JSON) (message string, wrong bool) {
	for _, d := range list {
		if d.Severity == diag.Error.String() || d.Severity == diag.Internal.String() {
			return d.Message, true
		}
	}
	return "", false
}

// failures are the nodes and customers that went wrong themselves.
func (d *phaseDocument) failures() []serve.Failure {
	var out []serve.Failure
	for _, n := range d.Nodes {
		f := serve.Failure{Node: n.Node, Message: n.Message}
		wrong := n.Status == string(run.Failed) || n.Status == string(run.Errored)
		for _, t := range n.Tests {
			if t.Status == string(run.Failed) || t.Status == string(run.Errored) {
				wrong = true
				if t.Sentence != "" {
					f.Message = t.Sentence
				}
			}
		}
		if f.Message == "" {
			f.Message, _ = mistakeIn(n.Diagnostics)
		}
		if wrong {
			out = append(out, f)
		}
	}
	for _, c := range d.Customers {
		message, wrong := mistakeIn(c.Diagnostics)
		if wrong || c.Status == string(distribute.Failed) {
			out = append(out, serve.Failure{Customer: c.Customer, Message: message})
		}
	}
	if d.Distribution != nil {
		out = append(out, d.Distribution.failures()...)
	}
	return out
}

// readPhase makes an outcome of what a phase answered.
func readPhase(t serve.Task, code int, printed []byte, last string) serve.Outcome {
	o := serve.Outcome{OK: code == exitDone, Final: code == exitMistake}
	if o.OK {
		return o
	}
	var d phaseDocument
	if json.Unmarshal(bytes.TrimSpace(printed), &d) == nil {
		o.Failures = d.failures()
		o.Message, _ = mistakeIn(d.Diagnostics)
	}
	switch lines := strings.Split(strings.TrimSpace(last), "\n"); {
	case o.Message != "":
	case len(o.Failures) > 0:
		o.Message = view.Number(len(o.Failures), "failure")
	case code < 0:
		o.Message = fmt.Sprintf("engine %s was killed", t.Phase)
	case lines[len(lines)-1] != "":
		o.Message = lines[len(lines)-1]
	default:
		o.Message = fmt.Sprintf("engine %s ended with exit code %d", t.Phase, code)
	}
	return o
}

// serveOnce does one run and shows how it went.
func (s *session) serveOnce(ctx context.Context, server *serve.Server, name string) error {
	r, err := server.Once(ctx, name)
	var busy *serve.BusyError
	if errors.As(err, &busy) {
		return nil // said already
	}
	if err != nil {
		return err
	}
	switch r.Status {
	case serve.Done, serve.Skipped:
		return nil
	}
	return reported(exitFailed)
}

// serve runs schedules and answers HTTP until ctx ends.
func (s *session) serve(ctx context.Context, server *serve.Server, listen string) error {
	a := s.app
	where := "no HTTP"
	var site *http.Server
	ended := make(chan error, 1)
	if listen != noBound {
		l, err := net.Listen("tcp", listen)
		if err != nil {
			return failure(diag.Diagnostic{Code: codeListen, Message: fmt.Sprintf("nothing can listen at %s: %v", listen, err), Help: "give another address with --listen, as 127.0.0.1:8090, or --listen none", Cause: err})
		}
		site = &http.Server{
			Handler: server.Handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
			WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		}
		where = "http://" + l.Addr().String()
		go func() { ended <- site.Serve(l) }()
	}
	if !a.global.quiet {
		names := scheduleNames(s.project)
		a.say(fmt.Sprintf("serving %s: %s (%s), %s", s.project.Settings.Name.V, view.Number(len(names), "schedule"), strings.Join(names, ", "), where))
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	var broken error
	go func() {
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			broken = fmt.Errorf("answer HTTP: %w", err)
			stop()
		}
	}()
	err := server.Run(running)
	if site != nil {
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if serr := site.Shutdown(within); serr != nil {
			_ = site.Close() // connections that do not end
		}
	}
	if err != nil {
		return err
	}
	if ctx.Err() == nil {
		return broken
	}
	return nil
}

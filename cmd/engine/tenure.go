package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

const (
	codeBusy       diag.Code = "target-busy"
	codeTaken      diag.Code = "target-taken"
	codeUnfinished diag.Code = "run-unfinished"
)

// tenureCodes are those of runs that meet each other.
var tenureCodes = []diag.Entry{
	{Code: codeBusy, Title: "another run is at work in the target", Explain: "Two runs that build in one target's schema would get in each other's way, so one at a time has a lease of it, which is kept in the warehouse. A run that dies leaves a lease that ends by itself two minutes after its last heartbeat, or at once when the next run is on the same machine. A DuckDB file can be open in one process only.", Bad: "engine build & engine build", Good: "engine build & engine build --wait"},
	{Code: codeTaken, Title: "a target that was taken from another run", Explain: "--steal ends the run that is at work in the target, if it is still alive: it publishes nothing any more.", Bad: "engine build --steal", Good: "engine build --wait"},
	{Code: codeUnfinished, Title: "an earlier run that did not end", Explain: "A run was killed, or its machine or network went away. What it had published is whole and stays; what it had made aside is removed, and the rest is built now.", Bad: "", Good: ""},
}

// tenureFlags say what to do when another run is at work in the target.
type tenureFlags struct {
	wait  span
	steal bool
}

func (t *tenureFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	t.registerWait(cmd, "another run that is at work in the target")
	f.BoolVar(&t.steal, "steal", false, "take the target from another run, which publishes nothing any more")
}

// registerWait is for what waits and never takes the target from anybody.
func (t *tenureFlags) registerWait(cmd *cobra.Command, what string) {
	f := cmd.Flags()
	t.wait.open = "forever"
	f.Var(&t.wait, "wait", "wait for "+what+", as --wait, or no longer than `duration`, as --wait=10m")
	f.Lookup("wait").NoOptDefVal = t.wait.open
}

// waiting is how long to wait: 0 not at all, negative without end.
func (t *tenureFlags) waiting() time.Duration {
	if t.wait.text != "" && t.wait.text == t.wait.open {
		return -1
	}
	return t.wait.d
}

// span is a flag with a length of time, or the word open for one without end.
type span struct {
	text string
	d    time.Duration
	open string
}

var _ pflag.Value = (*span)(nil)

func (s *span) String() string { return s.text }
func (*span) Type() string     { return "duration" }
func (s *span) Set(v string) error {
	var d time.Duration
	if v != s.open {
		var err error
		if d, err = time.ParseDuration(v); err != nil || d <= 0 {
			return errors.New("want a number with a unit, for example 90s, 45m or 2h30m")
		}
	}
	s.text, s.d = v, d
	return nil
}

func (s *span) register(cmd *cobra.Command) {
	s.open = noBound
	cmd.Flags().Var(s, "deadline", "`duration` after which what runs is canceled and nothing else begins, as 45m; none lifts the target's deadline")
}

// deadline is that of the flag, or else of the target.
func (s *session) deadline(flag span) time.Duration {
	if flag.text != "" {
		return flag.d
	}
	settings, found := s.project.Settings.Target(s.options.Target, s.options.Env)
	if found.HasErrors() {
		return 0 // the project would not have compiled
	}
	return settings.Deadline.V
}

// scope is whose records and whose lease the session is about.
func (s *session) scope() state.Scope {
	return state.Scope{Database: s.program.Target.Database, Project: s.project.Settings.Name.V, Schema: s.program.Target.Schema}
}

// occupy opens the target and, for what builds, takes its lease: before the state is read
// for the plan, so that the plan is not of yesterday when its turn comes.
func (s *session) occupy(ctx context.Context, o order, id string) (warehouse.Conn, *run.Lease, error) {
	start := s.app.now()
	conn, err := s.awaited(ctx, o)
	if err != nil || o.selection.TestsOnly {
		return conn, nil, err
	}
	wait := o.tenure.waiting()
	if wait > 0 {
		wait = max(wait-s.app.now().Sub(start), time.Nanosecond)
	}
	target := s.program.Target.Name
	lease, err := run.Hold(warehouse.WithJob(ctx, warehouse.Job{Run: id, Project: s.project.Settings.Name.V, Target: target}), conn, s.scope(), run.Tenure{
		Holder: s.app.holder(id, o.which), Wait: wait, Steal: o.tenure.steal, Dead: s.app.gone, Now: s.app.now,
		Waiting: func(l warehouse.Lease) {
			s.app.say(fmt.Sprintf("waiting for target %q: run %s of %s is at work there since %s, last heartbeat %s ago",
				target, l.Holder.Run, l.Holder.Who(), moment(l.Holder.Start), view.Seconds(l.Now.Sub(l.Renewed))))
		},
		Stealing: func(l warehouse.Lease, grace time.Duration) {
			s.app.report(diag.List{stolen(target, l, grace)}, false)
		},
	})
	if err == nil {
		return conn, lease, nil
	}
	conn.Close()
	var held *warehouse.HeldError
	switch {
	case ctx.Err() != nil:
		return nil, nil, ctx.Err()
	case errors.As(err, &held):
		return nil, nil, failure(busy(target, held.Lease, s.app.now()))
	}
	if refused := (*warehouse.OpenError)(nil); errors.As(err, &refused) {
		return nil, nil, failure(openRefused(target, refused)) // it can be read, and not written
	}
	return nil, nil, err
}

// awaited opens the target. A file that another process has open is waited for like a lease.
func (s *session) awaited(ctx context.Context, o order) (warehouse.Conn, error) {
	return s.patiently(ctx, o.tenure.waiting(), s.connect)
}

// patiently opens the target by open, again and again while another process has its file: up to
// wait, without end if that is negative.
func (s *session) patiently(ctx context.Context, wait time.Duration, open func(context.Context) (warehouse.Conn, error)) (warehouse.Conn, error) {
	told := false
	for start := s.app.now(); ; {
		conn, err := open(ctx)
		locked := lockedBy(err)
		if locked == nil || wait == 0 || wait > 0 && s.app.now().Sub(start) >= wait {
			return conn, err
		}
		if !told {
			told = true
			line := fmt.Sprintf("waiting for target %q: %s open", s.program.Target.Name, locked)
			if at := processStart(locked.PID); !at.IsZero() {
				line += " since " + moment(at)
			}
			s.app.say(line)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// lockedBy is the process that has the target's file, nil if that is not why it cannot be
// opened.
func lockedBy(err error) (locked *warehouse.BusyError) {
	var m *mistakes
	if errors.As(err, &m) {
		for _, d := range m.list {
			if errors.As(d.Cause, &locked) {
				return locked
			}
		}
	}
	return nil
}

// idle makes sure that no process has the database file open that is to be removed. One that
// cannot be opened for another reason may go.
func (s *session) idle(ctx context.Context, file string) error {
	if _, err := os.Stat(file); err != nil {
		return nil
	}
	cfg, driver, found := engine.TargetConfig(s.project, s.options)
	if found.HasErrors() {
		return nil // reported when the project was loaded
	}
	conn, err := driver.Open(ctx, cfg)
	if err == nil {
		return conn.Close()
	}
	var known *warehouse.OpenError
	var locked *warehouse.BusyError
	if errors.As(err, &known) && errors.As(known.Err, &locked) {
		name := s.options.Target
		if settings, found := s.project.Settings.Target(name, s.options.Env); !found.HasErrors() {
			name = settings.Name
		}
		return failure(fileBusy(name, known.Reason, locked))
	}
	return nil
}

// vacate gives the lease back. One that cannot be given back ends by itself.
func (s *session) vacate(ctx context.Context, l *run.Lease) {
	if err := l.Release(ctx); err != nil {
		d := plainError(err)
		d.Severity, d.Help = diag.Warning, "it ends by itself in "+view.Seconds(run.LeaseTTL)
		s.app.report(diag.List{d}, false)
	}
}

// unfinished tells of a run that did not end and of what it left.
func (s *session) unfinished(l *run.Lease, p *plan.Plan) {
	before, how := l.Before()
	if before == nil || how == run.TakenStolen {
		return
	}
	d := diag.Diagnostic{Severity: diag.Warning, Code: codeUnfinished, Message: fmt.Sprintf("run %s of %s did not end", before.Holder.Run, before.Holder.Who())}
	if n := len(p.Orphans); n > 0 {
		d.Message += "; " + view.Number(n, "staging object") + " removed"
	}
	d.Help = "what it had published is kept, the rest is built now"
	s.warnings.Add(d)
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func stolen(target string, l warehouse.Lease, grace time.Duration) diag.Diagnostic {
	d := diag.Diagnostic{Severity: diag.Warning, Code: codeTaken, Message: fmt.Sprintf("target %q is taken from run %s of %s", target, l.Holder.Run, l.Holder.Who())}
	d.Notes = append(d.Notes, fmt.Sprintf("it is at work since %s, last heartbeat %s ago", moment(l.Holder.Start), view.Seconds(l.Now.Sub(l.Renewed))))
	if grace > 0 {
		d.Notes = append(d.Notes, "this run begins in "+view.Seconds(grace)+", when the other one has noticed")
	}
	return d
}

// busy says who has the target.
func busy(target string, l warehouse.Lease, now time.Time) diag.Diagnostic {
	d := diag.Diagnostic{
		Code: codeBusy, Message: fmt.Sprintf("target %q is busy: run %s of %s is at work there", target, l.Holder.Run, l.Holder.Who()),
		Help: fmt.Sprintf("wait for it with --wait; if it is dead, its lease ends %s after its last heartbeat, or --steal takes it now", view.Seconds(run.LeaseTTL)),
	}
	if l.Holder.Run == "" {
		d.Message = fmt.Sprintf("target %q is busy: other runs take turns there", target)
		return d
	}
	note := fmt.Sprintf("since %s, last heartbeat %s ago", moment(l.Holder.Start), view.Seconds(max(l.Now.Sub(l.Renewed), 0)))
	if l.Holder.Engine != "" {
		note += ", engine " + l.Holder.Engine
	}
	d.Notes = append(d.Notes, note)
	return d
}

// fileBusy says which process has the database file.
func fileBusy(target, reason string, locked *warehouse.BusyError) diag.Diagnostic {
	d := diag.Diagnostic{
		Code: codeBusy, Message: fmt.Sprintf("target %q is busy: %s", target, reason),
		Help: "end that program, or wait for it: what builds has --wait; DuckDB lets one process write at a time", Cause: locked,
	}
	if at := processStart(locked.PID); !at.IsZero() {
		d.Notes = append(d.Notes, "it runs since "+moment(at))
	}
	return d
}

// holder is this process, for others that want the target.
func (a *app) holder(id, command string) warehouse.Holder {
	h := warehouse.Holder{Run: id, Command: command, PID: os.Getpid(), Engine: versionText(), Start: a.now().UTC().Truncate(time.Millisecond), Machine: machine(), Process: processMark(os.Getpid())}
	h.Host, _ = os.Hostname()
	for _, name := range []string{"USER", "LOGNAME", "USERNAME"} {
		if h.User = a.variable(name); h.User != "" {
			return h
		}
	}
	if u, err := user.Current(); err == nil {
		h.User = u.Username
	}
	return h
}

// gone reports whether a holder's process is certainly no more: it was on this machine, and
// there is none with its number now, or a later one.
func (a *app) gone(h warehouse.Holder) bool {
	host, err := os.Hostname()
	if err != nil || h.PID <= 0 || h.Host != host || h.Machine != machine() {
		return false
	}
	p, err := os.FindProcess(h.PID)
	if err != nil {
		return true
	}
	err = p.Signal(syscall.Signal(0))
	_ = p.Release()
	if errors.Is(err, os.ErrProcessDone) || errors.Is(err, syscall.ESRCH) {
		return true
	}
	now := processMark(h.PID)
	return h.Process != "" && now != "" && now != h.Process
}

// machine is the same for all processes that see each other's numbers, and for no others:
// since when the machine runs, and the name space of process numbers. Empty where the system
// does not say; the host's name has to do there.
func machine() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	space, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(boot)) + " " + space
}

// processMark tells a process from others that have, or had, its number: when it began, in
// ticks since the machine did. Empty where the system does not say, and for one that is dead
// and only not yet taken leave of.
func processMark(pid int) string {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return ""
	}
	// The name, in parentheses, may hold anything (proc(5)): what follows it is counted.
	_, rest, ok := strings.Cut(string(text), ") ")
	for ok && strings.Contains(rest, ") ") {
		_, rest, _ = strings.Cut(rest, ") ")
	}
	fields := strings.Fields(rest)
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return ""
	}
	return fields[19] // starttime
}

// processStart is when a process began, zero if that is not known.
func processStart(pid int) time.Time {
	const perSecond = 100 // USER_HZ, which is the same on all of Linux's platforms for userland
	ticks, err := strconv.ParseInt(processMark(pid), 10, 64)
	if err != nil {
		return time.Time{}
	}
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}
	}
	for line := range strings.Lines(string(text)) {
		if boot, ok := strings.CutPrefix(line, "btime "); ok {
			if at, err := strconv.ParseInt(strings.TrimSpace(boot), 10, 64); err == nil {
				return time.Unix(at+ticks/perSecond, 0).UTC()
			}
		}
	}
	return time.Time{}
}

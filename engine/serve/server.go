package serve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/engine-build/engine/engine/timetable"
)

// Server runs schedules. Made by New, it works while Run does. Its methods are safe for
// concurrent use.
type Server struct {
	o      Options
	alerts *alerts
	work   sync.WaitGroup // runs that are at work
	wake   chan struct{}  // what is due may have changed

	mu       sync.Mutex
	jobs     map[string]*lane
	active   map[string]*active // by run
	counts   map[count]int
	stopping bool
	// base is the context of all runs: it ends when they have to.
	base context.Context
	halt context.CancelCauseFunc
}

// lane is one schedule at work.
type lane struct {
	job    *Job
	memory memory
	runs   timetable.Lane
	// telling is the failure that was told last, or is being told: memory.Failing follows when
	// the webhook has taken it. late is the same for memory.Told.
	telling string
	late    bool
	failing bool // the last run that came to its end failed
	// last are the ends of its runs, for metrics.
	lastSuccess, lastEnd time.Time
	lastSeconds          float64
}

// active is a run that is not over.
type active struct {
	run    *Run
	cancel context.CancelCauseFunc // nil before it is begun
	over   chan struct{}           // closed when it is
}

type count struct {
	schedule string
	status   Status
}

var (
	errReplaced = errors.New("the next run takes its place")
	errStopped  = errors.New("engine serve is stopping")
	errLost     = errors.New("another instance has taken its lease")
)

// unknownError is that of a schedule that there is none of.
type unknownError struct {
	Name  string
	Known []string
}

func (e *unknownError) Error() string { return fmt.Sprintf("there is no schedule %q", e.Name) }

// BusyError is that of a run that is not begun because the one before it is at work.
type BusyError struct{ Run string }

func (e *BusyError) Error() string { return fmt.Sprintf("run %s is at work", e.Run) }

// New reads what is remembered, and settles the records of runs whose process is no more.
func New(o Options) (*Server, error) {
	if o.Keep <= 0 {
		o.Keep = DefaultKeep
	}
	s := &Server{o: o, wake: make(chan struct{}, 1), jobs: map[string]*lane{}, active: map[string]*active{}, counts: map[count]int{}}
	s.alerts = newAlerts(o.Post, o.Clock, o.Say)
	s.base, s.halt = context.WithCancelCause(context.Background())
	now := o.Clock.Now()
	for i := range o.Jobs {
		j := &s.o.Jobs[i]
		m, err := o.Store.recall(j, now)
		if err != nil {
			return nil, err
		}
		s.jobs[j.Name] = &lane{job: j, memory: m, telling: m.Failing, late: m.Told, failing: m.Failing != ""}
	}
	return s, nil
}

// settle ends the records of dead processes, and gives those that are to be made up for: of
// each schedule the last one, if nothing has come to its end since and it is not too old; and
// one of each schedule that has to follow a success and did not, because the process ended.
func (s *Server) settle(now time.Time) ([]*Run, error) {
	list, err := s.o.Store.List(0)
	if err != nil {
		return nil, err
	}
	var again []*Run
	seen := map[string]bool{}
	succeeded := map[string]*Run{} // the last ones that others follow
	for _, r := range list {
		l := s.jobs[r.Schedule]
		if !r.Status.Over() && s.o.Gone(r.Holder) {
			r.Status, r.End, r.Why = Interrupted, now, "the process that did it is no more"
			for i := range r.Steps {
				if st := &r.Steps[i]; st.Status == Running {
					st.Status, st.End = Canceled, now
				}
			}
			if err := s.o.Store.save(r); err != nil {
				return nil, err
			}
			s.o.Say(fmt.Sprintf("%s: run %s did not end: %s", r.Schedule, r.ID, r.Why))
		}
		if l == nil {
			continue
		}
		if r.Status == Done && l.lastSuccess.IsZero() {
			l.lastSuccess = r.End
		}
		if r.Status == Done && r.Trigger != Once && succeeded[r.Schedule] == nil {
			succeeded[r.Schedule] = r
		}
		if r.Status == Skipped || seen[r.Schedule] {
			continue
		}
		seen[r.Schedule] = true
		if l.lastEnd.IsZero() && r.Status.Over() && !r.Start.IsZero() {
			l.lastEnd, l.lastSeconds = r.End, r.End.Sub(r.Start).Seconds()
			l.failing = l.failing || r.Status == Failed
		}
		if owed := r.owed(); r.Status == Interrupted && !owed.IsZero() && now.Sub(owed) <= max(l.job.CatchUp, timetable.Grace) {
			again = append(again, r)
		}
	}
	for _, name := range s.names() {
		l := s.jobs[name]
		before := succeeded[l.job.After]
		if before == nil || !before.End.After(l.memory.Last) {
			continue
		}
		l.memory.Last = before.End
		s.expect(l, before.End)
		if now.Sub(before.End) <= max(l.job.CatchUp, timetable.Grace) && !slices.ContainsFunc(again, func(r *Run) bool { return r.Schedule == name }) {
			again = append(again, &Run{Schedule: name, Trigger: Followed, Made: before.End, Why: followed(before)})
		}
	}
	return again, nil
}

// owed is the time at which a run should have been, zero for one that nobody has to make up
// for: whoever asked for it may ask again.
func (r *Run) owed() time.Time {
	switch r.Trigger {
	case Scheduled:
		return r.Due
	case Followed:
		return r.Made
	}
	return time.Time{}
}

func followed(r *Run) string { return "run " + r.ID + " has succeeded" }

// longestNap bounds how long the clock is not looked at: it may be set, and machines sleep.
const longestNap = 15 * time.Second

// Run runs schedules until ctx ends, then lets what is at work go on for Options.Grace, ends
// it, and returns when it has ended and alerts are sent.
func (s *Server) Run(ctx context.Context) error {
	now := s.o.Clock.Now()
	again, err := s.settle(now)
	if err != nil {
		return err
	}
	s.mu.Lock()
	for _, r := range again {
		l := s.jobs[r.Schedule]
		if m := l.job.When.Due(l.memory.Last, now, l.job.CatchUp); m.At.IsZero() || m.Late { // otherwise a later one is begun at once
			s.expect(l, r.owed())
			run := s.made(l.job, r.Trigger, r.Due, now)
			run.Why = r.Why
			s.arrive(l, run, now)
		}
	}
	for _, name := range s.names() {
		s.remember(s.jobs[name])
	}
	s.mu.Unlock()
	for {
		nap := s.tick(s.o.Clock.Now())
		select {
		case <-ctx.Done():
			return s.stop()
		case <-s.wake:
		case <-s.o.Clock.After(nap):
		}
	}
}

// stop ends what is at work.
func (s *Server) stop() error {
	s.mu.Lock()
	s.stopping = true
	now := s.o.Clock.Now()
	for _, name := range s.names() {
		l := s.jobs[name]
		var moves []timetable.Move
		l.runs, moves = l.runs.Stop()
		for _, m := range moves {
			s.finish(s.active[m.Run], Interrupted, errStopped.Error(), now)
		}
	}
	left := len(s.active)
	s.mu.Unlock()
	if left > 0 {
		s.o.Say(fmt.Sprintf("stopping: %d at work, for %s at most", left, s.o.Grace))
	}
	ended := make(chan struct{})
	go func() { s.work.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-s.o.Clock.After(s.o.Grace):
		s.halt(errStopped)
		<-ended
	}
	s.alerts.close()
	return nil
}

// names are those of the schedules, as they are configured.
func (s *Server) names() []string {
	var out []string
	for i := range s.o.Jobs {
		out = append(out, s.o.Jobs[i].Name)
	}
	return out
}

// tick begins what is due, and says how long nothing will be.
func (s *Server) tick(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	nap := longestNap
	for _, name := range s.names() {
		l := s.jobs[name]
		j, before := l.job, l.memory
		if m := j.When.Due(l.memory.Last, now, j.CatchUp); !m.At.IsZero() {
			l.memory.Last = now
			s.expect(l, m.At)
			run := s.made(j, Scheduled, m.At, now)
			run.Missed = m.Before
			if m.Late {
				run.Status, run.End = Skipped, now
				run.Why = fmt.Sprintf("it was due longer ago than its catchup_window of %s", timetable.FormatInterval(j.CatchUp))
				s.keep(run)
				s.say(run, run.Why)
				s.tellLate(l, run, run.Why+", while nothing ran schedules")
			} else {
				s.arrive(l, run, now)
			}
		}
		nap = min(nap, s.late(l, now))
		if next := j.When.Next(now); !next.IsZero() {
			nap = min(nap, next.Sub(now))
		}
		if l.memory != before {
			s.remember(l)
		}
	}
	return max(nap, 10*time.Millisecond)
}

// intime notes that a run has succeeded.
func (l *lane) intime() { l.memory.Expect, l.memory.Told, l.late = time.Time{}, false, false }

// expect notes that a run has to succeed.
func (s *Server) expect(l *lane, due time.Time) {
	if l.memory.Expect.IsZero() {
		l.memory.Expect = due
	}
}

// late tells that no run has succeeded in time, once, and says when to look again.
func (s *Server) late(l *lane, now time.Time) time.Duration {
	m := &l.memory
	if l.job.LateAfter == 0 || m.Expect.IsZero() || l.late {
		return longestNap
	}
	if left := m.Expect.Add(l.job.LateAfter).Sub(now); left > 0 {
		return left
	}
	run := &Run{Schedule: l.job.Name, Target: l.job.Target, Trigger: Scheduled, Due: m.Expect}
	if a := s.active[l.runs.Running]; a != nil {
		run = a.run
	}
	s.tellLate(l, run, fmt.Sprintf("no run has succeeded within %s since it was due at %s", timetable.FormatInterval(l.job.LateAfter), m.Expect.UTC().Format(time.RFC3339)))
	return longestNap
}

// made is a new run.
func (s *Server) made(j *Job, t Trigger, due, now time.Time) *Run {
	h := s.o.Holder
	r := &Run{ID: s.o.NewID(now), Schedule: j.Name, Target: j.Target, Trigger: t, Phases: slices.Clone(j.Phases), Due: due, Made: now.UTC(), Status: Waiting, Holder: h}
	r.Holder.Run, r.Holder.Command = r.ID, "serve"
	return r
}

// Trigger begins a run that somebody asks for. *unknownError, *BusyError, or an error because
// the process is stopping.
func (s *Server) Trigger(name string, t Trigger) (Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.jobs[name]
	switch {
	case l == nil:
		return Run{}, &unknownError{name, s.names()}
	case s.stopping:
		return Run{}, errStopped
	case l.runs.Running != "" && l.job.Overlap == timetable.Skip:
		return Run{}, &BusyError{l.runs.Running}
	}
	now := s.o.Clock.Now()
	r := s.made(l.job, t, time.Time{}, now)
	s.arrive(l, r, now)
	return *r, nil
}

// Once does one run of a schedule now, and gives its record.
func (s *Server) Once(ctx context.Context, name string) (Run, error) {
	if _, err := s.settle(s.o.Clock.Now()); err != nil {
		return Run{}, err
	}
	r, err := s.Trigger(name, Once)
	if err != nil {
		return r, err
	}
	ended := make(chan struct{})
	go func() { s.work.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-ctx.Done():
		s.mu.Lock()
		s.stopping = true
		s.mu.Unlock()
		s.halt(errStopped)
		<-ended
	}
	s.alerts.close()
	done, err := s.o.Store.Run(r.ID)
	if err != nil {
		return r, err
	}
	return *done, nil
}

// arrive lets a run in. The lock is held.
func (s *Server) arrive(l *lane, r *Run, now time.Time) {
	s.active[r.ID] = &active{run: r, over: make(chan struct{})}
	s.keep(r)
	var moves []timetable.Move
	l.runs, moves = l.runs.Arrive(r.ID, l.job.Overlap)
	s.move(l, moves, now)
}

// move does what the lane says. The lock is held.
func (s *Server) move(l *lane, moves []timetable.Move, now time.Time) {
	for _, m := range moves {
		a := s.active[m.Run]
		switch m.Step {
		case timetable.Start:
			s.begin(l, a)
		case timetable.Wait:
			a.run.Why = "run " + l.runs.Running + " is at work"
			s.keep(a.run)
			s.say(a.run, "waits: "+a.run.Why)
		case timetable.Drop:
			why := "run " + l.runs.Running + " is at work"
			if l.runs.Queued != "" && l.runs.Queued != m.Run {
				why = "a later one waits in its place"
			}
			s.finish(a, Skipped, why, now)
		case timetable.Cancel:
			s.say(a.run, "is canceled: "+errReplaced.Error())
			a.cancel(errReplaced)
		}
	}
}

// begin starts the work of a run. The lock is held.
func (s *Server) begin(l *lane, a *active) {
	ctx, cancel := context.WithCancelCause(s.base)
	a.cancel = cancel
	a.run.Why = ""
	s.work.Go(func() {
		status, why := guarded(func() (Status, string) { return s.do(ctx, l, a) })
		cancel(nil)
		s.mu.Lock()
		defer s.mu.Unlock()
		now := s.o.Clock.Now()
		s.finish(a, status, why, now)
		var moves []timetable.Move
		l.runs, moves = l.runs.Ended(a.run.ID)
		s.move(l, moves, now)
		if status == Done {
			s.follow(l.job.Name, a.run, now)
		}
		select {
		case s.wake <- struct{}{}:
		default:
		}
	})
}

// follow begins the schedules that come after one. While the process is stopping it leaves
// that to the next start: what has not followed is seen in memory.Last. The lock is held.
func (s *Server) follow(name string, r *Run, now time.Time) {
	if s.stopping || r.Trigger == Once {
		return
	}
	for _, other := range s.names() {
		if l := s.jobs[other]; l.job.After == name {
			s.expect(l, now)
			l.memory.Last = now
			next := s.made(l.job, Followed, time.Time{}, now)
			next.Why = followed(r)
			s.arrive(l, next, now)
			s.remember(l)
		}
	}
}

// finish ends a run. The lock is held.
func (s *Server) finish(a *active, status Status, why string, now time.Time) {
	r := a.run
	l := s.jobs[r.Schedule]
	r.Status, r.Why, r.End = status, why, now.UTC()
	delete(s.active, r.ID)
	defer close(a.over)
	s.keep(r)
	s.counts[count{r.Schedule, status}]++
	line := string(status)
	if why != "" {
		line += ": " + why
	}
	s.say(r, line)
	before := l.memory
	switch status {
	case Done:
		l.intime()
		l.failing = false
		if l.telling != "" {
			s.tellState(l, r, EventRecovery, "", "it works again", nil)
		}
	case Failed:
		l.failing = true
		phase, failures := r.failed()
		if mark := signature(phase, why, failures); mark != l.telling {
			s.tellState(l, r, EventFailure, mark, why, failures)
		}
	}
	if !r.Start.IsZero() {
		l.lastEnd, l.lastSeconds = now, now.Sub(r.Start).Seconds()
		if status == Done {
			l.lastSuccess = now
		}
	}
	if l.memory != before {
		s.remember(l)
	}
	if err := s.o.Store.prune(s.o.Keep); err != nil {
		s.o.Say(err.Error())
	}
}

// failed is the last phase and what failed in it.
func (r *Run) failed() (phase string, failures []Failure) {
	if n := len(r.Steps); n > 0 {
		return r.Steps[n-1].Phase, r.Steps[n-1].Failures
	}
	return "", nil
}

// keep writes a record. One that cannot be written does not keep the run from running.
func (s *Server) keep(r *Run) {
	if err := s.o.Store.save(r); err != nil {
		s.o.Say(err.Error())
	}
}

func (s *Server) remember(l *lane) {
	if err := s.o.Store.remember(l.job.Name, l.memory); err != nil {
		s.o.Say(err.Error())
	}
}

func (s *Server) say(r *Run, text string) {
	s.o.Say(fmt.Sprintf("%s: run %s: %s", r.Schedule, r.ID, text))
}

package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/engine-build/engine/engine/timetable"
)

// do does a run: it claims it, does its phases, and gives the claim back.
func (s *Server) do(ctx context.Context, l *lane, a *active) (Status, string) {
	j, r := l.job, a.run
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := fmt.Errorf("it took longer than its deadline of %s", timetable.FormatInterval(j.Deadline))
	end := s.o.Clock.Now().Add(j.Deadline)
	stopped := make(chan struct{})
	defer close(stopped)
	deadline := s.o.Clock.After(j.Deadline)
	go func() {
		select {
		case <-deadline:
			cancel(late)
		case <-stopped:
		}
	}()
	held, err := s.o.Claims.Claim(ctx, Request{Job: j, Run: r.ID, Due: r.Due, Wait: j.Overlap != timetable.Skip})
	if err != nil {
		return s.unclaimed(ctx, l, err, late)
	}
	go func() {
		select {
		case <-held.Lost():
			cancel(errLost)
		case <-stopped:
		}
	}()
	status, why := guarded(func() (Status, string) { return s.phases(ctx, j, r, end) }) // so that the claim is given back
	switch cause := context.Cause(ctx); {
	case status == Done:
	case errors.Is(cause, errStopped):
		status, why = Interrupted, errStopped.Error()
	case errors.Is(cause, errReplaced):
		status, why = Canceled, errReplaced.Error()
	case errors.Is(cause, errLost):
		status, why = Interrupted, errLost.Error()
	case errors.Is(cause, late):
		status, why = Failed, late.Error()
	}
	if err := held.End(ctx, status != Interrupted); err != nil {
		s.say(r, fmt.Sprintf("its lease cannot be given back and ends by itself: %v", err))
	}
	return status, why
}

// unclaimed is the end of a run that could not be claimed.
func (s *Server) unclaimed(ctx context.Context, l *lane, err, late error) (Status, string) {
	var taken *takenError
	cause := context.Cause(ctx)
	switch {
	case errors.As(err, &taken):
		if taken.Done {
			// That instance tells of it if it fails.
			s.mu.Lock()
			l.intime()
			s.remember(l)
			s.mu.Unlock()
		}
		return Skipped, taken.Error()
	case errors.Is(cause, errStopped):
		return Interrupted, errStopped.Error()
	case errors.Is(cause, errReplaced):
		return Canceled, errReplaced.Error()
	case errors.Is(cause, late):
		return Failed, "its turn did not come: " + late.Error()
	}
	return Failed, err.Error()
}

// phases does the phases one after the other.
func (s *Server) phases(ctx context.Context, j *Job, r *Run, end time.Time) (Status, string) {
	log, err := s.o.Store.log(r.ID)
	if err != nil {
		return Failed, err.Error()
	}
	defer log.Close()
	s.update(r, func() { r.Status, r.Start = Running, s.o.Clock.Now().UTC() })
	s.say(r, "begun, "+string(r.Trigger))
	tried := false
	for i := 0; i < len(j.Phases); {
		phase := j.Phases[i]
		s.update(r, func() {
			r.Steps = append(r.Steps, Step{Phase: phase, Start: s.o.Clock.Now().UTC(), Status: Running})
		})
		left := end.Sub(s.o.Clock.Now())
		_, _ = fmt.Fprintf(log, "== %s %s\n", s.o.Clock.Now().UTC().Format(time.RFC3339), phase)
		o := s.attempt(ctx, Task{Job: j, Run: r.ID, Phase: phase, Left: max(left, time.Millisecond)}, log)
		s.update(r, func() {
			st := &r.Steps[len(r.Steps)-1]
			st.End, st.Status, st.Message, st.Failures = s.o.Clock.Now().UTC(), Done, o.Message, o.Failures
			switch {
			case o.OK:
			case ctx.Err() != nil:
				st.Status = Canceled
			default:
				st.Status = Failed
			}
		})
		switch {
		case o.OK:
			i, tried = i+1, false
			continue
		case ctx.Err() != nil:
			return Failed, context.Cause(ctx).Error()
		case !j.Retry || tried || o.Final:
			why := phase + " failed"
			if o.Message != "" {
				why += ": " + o.Message
			}
			return Failed, why
		}
		tried = true
		s.say(r, fmt.Sprintf("%s failed, it is tried again in %s", phase, timetable.FormatInterval(j.RetryDelay)))
		select {
		case <-ctx.Done():
			return Failed, context.Cause(ctx).Error()
		case <-s.o.Clock.After(j.RetryDelay):
		}
	}
	return Done, ""
}

// guarded is f, whose panics are a failure of the run.
func guarded(f func() (Status, string)) (status Status, why string) {
	defer func() {
		if r := recover(); r != nil {
			status, why = Failed, stumbled(r)
		}
	}()
	return f()
}

func stumbled(with any) string { return fmt.Sprintf("engine itself went wrong: %v", with) }

// attempt does one phase. What goes wrong in us must not end the process, with all the other
// schedules.
func (s *Server) attempt(ctx context.Context, t Task, log io.Writer) (o Outcome) {
	defer func() {
		if r := recover(); r != nil {
			o = Outcome{Final: true, Message: stumbled(r)}
		}
	}()
	return s.o.Phase(ctx, t, log)
}

// update changes a record and writes it.
func (s *Server) update(r *Run, change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	s.keep(r)
}

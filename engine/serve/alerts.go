package serve

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/goccy/go-json"
)

// Event is what an alert is about.
type Event string

const (
	EventFailure  Event = "failure"  // a run failed, otherwise than the one before it
	EventRecovery Event = "recovery" // the first that succeeds after that
	EventLate     Event = "late"     // none has succeeded in time
)

// Alert is what a webhook gets, as JSON. Text says it in words: what chat programs show.
type Alert struct {
	Text     string    `json:"text"`
	Event    Event     `json:"event"`
	Project  string    `json:"project"`
	Schedule string    `json:"schedule"`
	Target   string    `json:"target"`
	Run      string    `json:"run,omitempty"`
	Due      time.Time `json:"due,omitzero"`
	At       time.Time `json:"at"`
	Phase    string    `json:"phase,omitempty"`
	Message  string    `json:"message"`
	Failures []Failure `json:"failures,omitempty"`
}

// mostNamed is how many failures the text of an alert names; the list has all.
const mostNamed = 5

func (a *Alert) word() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: schedule %s of %s on %s: %s", a.Event, a.Schedule, a.Project, a.Target, a.Message)
	for i, f := range a.Failures {
		if i == mostNamed {
			fmt.Fprintf(&b, "\n… and %d more", len(a.Failures)-i)
			break
		}
		what := f.Node
		if f.Customer != "" {
			what = "customer " + f.Customer
		}
		fmt.Fprintf(&b, "\n%s", what)
		if f.Message != "" {
			b.WriteString(": " + f.Message)
		}
	}
	return b.String()
}

// signature tells failures apart: which phase, and which nodes and customers.
func signature(phase, why string, failures []Failure) string {
	var names []string
	for _, f := range failures {
		names = append(names, f.Node+"\x00"+f.Customer)
	}
	slices.Sort(names)
	if len(names) == 0 {
		names = []string{why}
	}
	sum := sha256.Sum256([]byte(phase + "\x00" + strings.Join(names, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// tellState tells of a failure with a mark, or of a recovery with none. It is remembered when
// the webhook has taken it: what was not delivered is told by the next run, or after the next
// start. The lock is held.
func (s *Server) tellState(l *lane, r *Run, e Event, mark, message string, failures []Failure) {
	l.telling = mark
	if l.job.Webhook == "" {
		l.memory.Failing = mark
		return
	}
	s.tell(l, r, e, message, failures, func(taken bool) {
		switch {
		case l.telling != mark: // there is something newer to tell
		case taken:
			l.memory.Failing = mark
			s.remember(l)
		default:
			l.telling = l.memory.Failing
		}
	})
}

// tellLate tells that no run has succeeded in time; what the webhook does not take is told
// again after the next start. The lock is held.
func (s *Server) tellLate(l *lane, r *Run, message string) {
	l.late = true
	if l.job.Webhook == "" {
		l.memory.Told = true
		return
	}
	since := l.memory.Expect
	s.tell(l, r, EventLate, message, nil, func(taken bool) {
		if taken && l.late && l.memory.Expect.Equal(since) {
			l.memory.Told = true
			s.remember(l)
		}
	})
}

// tell sends an alert; done is called, with the lock held, when it was delivered or given up.
// The lock is held.
func (s *Server) tell(l *lane, r *Run, e Event, message string, failures []Failure, done func(taken bool)) {
	a := &Alert{Event: e, Project: s.o.Project, Schedule: l.job.Name, Target: l.job.Target, Run: r.ID, Due: r.Due, At: s.o.Clock.Now().UTC(), Message: message, Failures: failures}
	if e == EventFailure {
		a.Phase, _ = r.failed()
	}
	a.Text = a.word()
	s.alerts.send(l.job.Webhook, a, func(taken bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		done(taken)
	})
}

// pauses are how long to wait before an alert is sent again.
var pauses = []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute}

// alerts sends alerts side by side, each until it is taken or all tries are used up.
type alerts struct {
	post  func(context.Context, string, []byte) error
	clock Clock
	say   func(string)

	work sync.WaitGroup
	ctx  context.Context
	end  context.CancelFunc

	mu           sync.Mutex
	sent, failed int
}

func newAlerts(post func(context.Context, string, []byte) error, clock Clock, say func(string)) *alerts {
	a := &alerts{post: post, clock: clock, say: say}
	a.ctx, a.end = context.WithCancel(context.Background())
	return a
}

// send returns at once; done is called from another goroutine.
func (a *alerts) send(address string, alert *Alert, done func(taken bool)) {
	body, err := json.Marshal(alert)
	if err != nil {
		a.say(fmt.Sprintf("an alert of schedule %s cannot be written: %v", alert.Schedule, err))
		return
	}
	a.work.Go(func() {
		for try := 0; ; try++ {
			err := a.post(a.ctx, address, body)
			if err == nil {
				a.mu.Lock()
				a.sent++
				a.mu.Unlock()
				done(true)
				return
			}
			var refused *refusedError
			if errors.As(err, &refused) && !refused.Again() || try == len(pauses) || a.ctx.Err() != nil {
				a.mu.Lock()
				a.failed++
				a.mu.Unlock()
				a.say(fmt.Sprintf("the alert about the %s of schedule %s was not delivered: %v", alert.Event, alert.Schedule, err))
				done(false)
				return
			}
			select {
			case <-a.ctx.Done():
			case <-a.clock.After(pauses[try]):
			}
		}
	})
}

// lastWords is how long alerts may take when the process ends.
const lastWords = 10 * time.Second

// close waits for what is being sent, not for long.
func (a *alerts) close() {
	ended := make(chan struct{})
	go func() { a.work.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-a.clock.After(lastWords):
		a.end()
		<-ended
	}
	a.end()
}

// refusedError is the answer of a webhook that did not take an alert. It does not have the
// address, which is a secret.
type refusedError struct{ Status int }

func (e *refusedError) Error() string {
	return fmt.Sprintf("the webhook answered %d %s", e.Status, http.StatusText(e.Status))
}

// Again reports whether to send it once more may help.
func (e *refusedError) Again() bool {
	return e.Status == http.StatusRequestTimeout || e.Status == http.StatusTooManyRequests || e.Status >= 500
}

// postTime bounds one try.
const postTime = 15 * time.Second

// Webhook sends bodies by POST. Redirects are not followed.
func Webhook(ctx context.Context, address string, body []byte) error {
	ctx, stop := context.WithTimeout(ctx, postTime)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return errors.New("the address of the webhook is none")
	}
	req.Header.Set("Content-Type", "application/json")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(req)
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the address
	}
	if err != nil {
		return fmt.Errorf("the webhook cannot be reached: %w", err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection can be used again
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return &refusedError{answer.StatusCode}
	}
	return nil
}

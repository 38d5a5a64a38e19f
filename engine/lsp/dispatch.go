package lsp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/creachadair/jrpc2"
)

// Error codes of the protocol («ErrorCodes»).
const (
	serverNotInitialized jrpc2.Code = -32002
	requestFailed        jrpc2.Code = -32803
	requestCancelled     jrpc2.Code = -32800
	contentModified      jrpc2.Code = -32801
)

// method is how one message is answered. Notifications run one after the other, in their
// order. A request first looks (while no later edit is applied) and then answers,
// beside others, from what it saw.
type method struct {
	// notify is set for notifications.
	notify func(ctx context.Context, params json.RawMessage) error
	// look is set for requests.
	look func(params json.RawMessage) (answer, error)
}

// answer is the second half of a request.
type answer func(ctx context.Context) (any, error)

// request decodes the parameters of a request.
func request[P any](look func(P) (answer, error)) method {
	return method{look: func(params json.RawMessage) (answer, error) {
		p, err := decode[P](params)
		if err != nil {
			return nil, err
		}
		return look(p)
	}}
}

// notification decodes the parameters of a notification.
func notification[P any](do func(context.Context, P) error) method {
	return method{notify: func(ctx context.Context, params json.RawMessage) error {
		p, err := decode[P](params)
		if err != nil {
			return err
		}
		return do(ctx, p)
	}}
}

func decode[P any](params json.RawMessage) (P, error) {
	var p P
	if len(params) == 0 {
		return p, nil
	}
	if err := json.Unmarshal(params, &p); err != nil {
		// The text of the error may have a piece of what the user wrote; the kind is enough.
		return p, jrpc2.Errorf(jrpc2.InvalidParams, "the parameters are not those of the protocol")
	}
	return p, nil
}

// dispatcher gives messages to methods. It keeps what jrpc2 does not: a request that was sent
// before an edit sees the text before it, however long it waits for its turn.
type dispatcher struct {
	methods map[string]method
	// admit says why a message cannot be taken in this phase of the server's life. It is asked in
	// the order of the messages, so that what was sent before shutdown is still answered.
	admit func(name string) error
	log   func(format string, args ...any)
	now   func() time.Time
	// slots bound how many answers are made at a time.
	slots chan struct{}

	mu sync.Mutex
	// looking are requests that have been sent and have not yet looked.
	looking map[*pending]bool
	// calls are requests without an answer, by their id as it was sent.
	calls map[string]context.CancelFunc
}

// pending is a request between the stream and its look.
type pending struct{ looked chan struct{} }

// Assign is called by jrpc2 in the order of the messages.
func (d *dispatcher) Assign(ctx context.Context, name string) jrpc2.Handler {
	m, ok := d.methods[name]
	if !ok {
		return nil
	}
	req := jrpc2.InboundRequest(ctx)
	refused := d.admit(name)
	if m.notify != nil {
		before := d.before()
		return func(ctx context.Context, req *jrpc2.Request) (any, error) {
			for _, p := range before {
				select {
				case <-p.looked:
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}
			return nil, d.guard(name, func() error { return d.notify(ctx, name, m, refused, raw(req)) })
		}
	}
	p := &pending{looked: make(chan struct{})}
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	id := req.ID()
	d.mu.Lock()
	d.looking[p] = true
	d.calls[id] = cancel
	d.mu.Unlock()
	// jrpc2 gives up on a request only where the connection ends.
	stop := context.AfterFunc(ctx, func() { cancel(); d.looked(p) })
	return func(_ context.Context, req *jrpc2.Request) (any, error) {
		defer func() {
			stop()
			cancel()
			d.looked(p)
			d.mu.Lock()
			delete(d.calls, id)
			d.mu.Unlock()
		}()
		var result any
		start := d.now()
		err := d.guard(name, func() (err error) {
			if refused != nil {
				return refused
			}
			result, err = d.call(own, m, p, raw(req))
			return err
		})
		d.log("%s %s in %s%s", name, id, d.now().Sub(start).Round(time.Microsecond), outcome(err))
		if err != nil {
			return nil, wireError(own, err)
		}
		return result, nil
	}
}

func raw(req *jrpc2.Request) json.RawMessage {
	return json.RawMessage(req.ParamString())
}

// before are the requests that have not looked yet.
func (d *dispatcher) before() []*pending {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []*pending
	for p := range d.looking {
		out = append(out, p)
	}
	return out
}

func (d *dispatcher) looked(p *pending) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.looking[p] {
		delete(d.looking, p)
		close(p.looked)
	}
}

func (d *dispatcher) notify(ctx context.Context, name string, m method, refused error, params json.RawMessage) error {
	// Where the server was not initialized yet when it was sent, it may be by now.
	if refused != nil && d.admit(name) != nil {
		return nil // dropped without a word: nobody waits for an answer
	}
	err := m.notify(ctx, params)
	if err != nil {
		d.log("%s%s", name, outcome(err))
	}
	return err
}

func (d *dispatcher) call(ctx context.Context, m method, p *pending, params json.RawMessage) (any, error) {
	then, err := m.look(params)
	d.looked(p)
	if err != nil {
		return nil, err
	}
	own := &slot{slots: d.slots}
	defer own.leave()
	if err := own.take(ctx); err != nil {
		return nil, err
	}
	return then(context.WithValue(ctx, slotKey{}, own))
}

// slot is one of those in which answers are made. It belongs to one goroutine.
type slot struct {
	slots chan struct{}
	held  bool
}

// slotKey is where an answer's context has its slot.
type slotKey struct{}

func (s *slot) take(ctx context.Context) error {
	select {
	case s.slots <- struct{}{}:
		s.held = true
	case <-ctx.Done():
	}
	return ctx.Err()
}

func (s *slot) leave() {
	if s.held {
		s.held = false
		<-s.slots
	}
}

// aside waits for something that is done elsewhere. Other answers have the slot meanwhile: a
// project that is being read, or a query that takes long, must not keep an editor from
// completing.
func aside(ctx context.Context, wait func() error) error {
	own, _ := ctx.Value(slotKey{}).(*slot)
	if own == nil {
		return wait()
	}
	own.leave()
	if err := wait(); err != nil {
		return err
	}
	return own.take(ctx)
}

// cancel ends a request that has no answer yet.
func (d *dispatcher) cancel(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if cancel := d.calls[id]; cancel != nil {
		cancel()
	}
}

// guard makes an error of a panic: one request fails, and the server goes on.
func (d *dispatcher) guard(name string, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			d.log("%s panicked: %T\n%s", name, r, debug.Stack())
			err = jrpc2.Errorf(jrpc2.InternalError, "%s failed by a mistake of the engine; its log has the details", name)
		}
	}()
	return f()
}

// outcome is how a message ended, without its words, which may be the user's.
func outcome(err error) string {
	var known *jrpc2.Error
	switch {
	case err == nil:
		return ""
	case errors.Is(err, context.Canceled):
		return ": cancelled"
	case errors.As(err, &known):
		return ": error " + strconv.Itoa(int(known.Code))
	}
	return fmt.Sprintf(": failed (%T)", err)
}

// wireError gives an error the protocol's code.
func wireError(ctx context.Context, err error) error {
	var known *jrpc2.Error
	switch {
	case ctx.Err() != nil || errors.Is(err, context.Canceled):
		return jrpc2.Errorf(requestCancelled, "the request was cancelled")
	case errors.As(err, &known):
		return known
	}
	return jrpc2.Errorf(requestFailed, "%s", err.Error())
}

package googlesql

import (
	"fmt"
	"sync"
)

// Pool shares sessions among goroutines. Sessions are opened when needed, up
// to the pool's size, by the function the pool was made with.
type Pool struct {
	open func() (*Session, error)
	free chan *Session
	room chan struct{} // one element for each session that may still be opened

	mu     sync.Mutex
	closed bool
}

// NewPool makes a pool of at most n sessions.
func NewPool(n int, open func() (*Session, error)) *Pool {
	n = max(n, 1)
	p := &Pool{open: open, free: make(chan *Session, n), room: make(chan struct{}, n)}
	for range n {
		p.room <- struct{}{}
	}
	return p
}

// Get takes a session, waiting for one if all are out. It must go back with Put.
func (p *Pool) Get() (*Session, error) {
	select {
	case s := <-p.free:
		return s, nil
	default:
	}
	select {
	case s := <-p.free:
		return s, nil
	case <-p.room:
	}
	p.mu.Lock()
	closed := p.closed
	p.mu.Unlock()
	if closed {
		p.room <- struct{}{}
		return nil, fmt.Errorf("get a GoogleSQL session: the pool is closed")
	}
	s, err := p.open()
	if err != nil {
		p.room <- struct{}{}
		return nil, err
	}
	return s, nil
}

// Put gives a session back.
func (p *Pool) Put(s *Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		s.Close()
		p.room <- struct{}{}
		return
	}
	p.free <- s
}

// Do runs f with a session.
func (p *Pool) Do(f func(*Session) error) error {
	s, err := p.Get()
	if err != nil {
		return err
	}
	defer p.Put(s)
	return f(s)
}

// Close closes the sessions that are not out; the others close when they come back.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for {
		select {
		case s := <-p.free:
			s.Close()
			p.room <- struct{}{}
		default:
			return
		}
	}
}

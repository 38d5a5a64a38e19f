package metabase

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Parallel is how many requests are under way at once.
const Parallel = 4

// Apply sends the writes of a plan, and notes at each whether it was done. One that fails
// leaves the others alone; only where the server lets us in no more, and when ctx ends, the
// rest is left out. The error is that reason.
func (s *Server) Apply(ctx context.Context, p *Plan) error {
	all := make([][]*Write, stages)
	for _, t := range p.Tables {
		for _, w := range t.Writes {
			all[w.stage] = append(all[w.stage], w)
		}
	}
	var mu sync.Mutex
	var ended error
	for _, list := range all {
		slices.SortStableFunc(list, (*Write).before)
		next := make(chan *Write)
		var wg sync.WaitGroup
		for range min(Parallel, len(list)) {
			wg.Go(func() {
				for w := range next {
					mu.Lock()
					why := ended
					mu.Unlock()
					if why != nil {
						w.Error = "not sent: " + why.Error()
						continue
					}
					err := s.send(ctx, w)
					w.Done = err == nil
					if err == nil {
						continue
					}
					w.Error = err.Error()
					if fatal(err) || ctx.Err() != nil {
						mu.Lock()
						ended = errors.Join(ctx.Err(), err)
						if ctx.Err() != nil {
							ended = ctx.Err()
						}
						mu.Unlock()
					}
				}
			})
		}
		for _, w := range list {
			next <- w
		}
		close(next)
		wg.Wait()
	}
	return ended
}

// fatal reports whether no further request can succeed.
func fatal(err error) bool { return statusOf(err) == http.StatusUnauthorized }

func (s *Server) send(ctx context.Context, w *Write) error {
	path := fmt.Sprintf("/api/%s/%d", w.Kind, w.ID)
	if w.Kind == orderKey {
		path = fmt.Sprintf("/api/table/%d/fields/order", w.ID)
	}
	return s.call(ctx, http.MethodPut, path, w.Body, nil)
}

// Look reads the metadata of a database. Where something of tables is not there, Metabase is
// asked to look for it, and asked again until it has it, or until timeout has passed; 0: it is
// not asked.
func (s *Server) Look(ctx context.Context, base Base, tables []Table, timeout time.Duration) (*Found, error) {
	f, err := s.Metadata(ctx, base)
	if err != nil || timeout <= 0 || Complete(tables, f) {
		return f, err
	}
	if err := s.Sync(ctx, base.ID); err != nil {
		return nil, err
	}
	pause := time.Second
	for waited := time.Duration(0); waited < timeout; waited += pause {
		pause = min(max(waited/2, time.Second), 5*time.Second, timeout-waited)
		if err := s.wait(ctx, pause); err != nil {
			return nil, err
		}
		if f, err = s.Metadata(ctx, base); err != nil || Complete(tables, f) {
			return f, err
		}
	}
	return f, nil
}

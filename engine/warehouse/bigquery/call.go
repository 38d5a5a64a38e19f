package bigquery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/goccy/go-json"
	"google.golang.org/api/googleapi"

	"github.com/engine-build/engine/engine/warehouse"
)

// pacing says how long calls take and wait at most.
type pacing struct {
	call     time.Duration // one call
	insert   time.Duration // one call that makes a job
	upload   time.Duration // one call that sends a file
	first    time.Duration // wait after a first failure, doubled after each further one
	longest  time.Duration
	deadline time.Duration // from the first failure in a row to giving up
	poll     time.Duration // how long the service holds an answer back for a job to end
}

// trail keeps the retries of one statement.
type trail struct {
	retries []warehouse.Retry
	failing time.Time // since when nothing has gone well
	row     int       // failures in a row
}

// well ends a row of failures.
func (t *trail) well() { t.row, t.failing = 0, time.Time{} }

// again waits before another try after e. It is false when the time for that is over, and
// then nothing was waited.
func (c *conn) again(ctx context.Context, t *trail, e *Error, resubmitted bool) (bool, error) {
	now := time.Now()
	if t.row == 0 {
		t.failing = now
	}
	t.row++
	wait := min(c.pace.first<<min(t.row-1, 16), c.pace.longest)
	wait = wait/2 + rand.N(wait/2+1) // the jobs of a run do not come back all at once
	wait = max(wait, e.after)
	if now.Add(wait).Sub(t.failing) > c.pace.deadline {
		return false, nil
	}
	retry := warehouse.Retry{At: now, Reason: e.Reason, Wait: wait, Resubmitted: resubmitted}
	if e.limited() {
		c.limit.slow(wait)
		warehouse.Throttled(ctx, retry)
	}
	t.retries = append(t.retries, retry)
	if err := waitFor(ctx, wait, nil); err != nil {
		return false, stopped(err)
	}
	return true, nil
}

func stopped(err error) error { return fmt.Errorf("stopped: %w", err) }

// call makes a call whose repetition changes nothing, until it goes well, is refused, or
// the time for retries is over. Every try has a deadline of its own.
func (c *conn) call(ctx context.Context, t *trail, f func(context.Context) error) error {
	return c.callWithin(ctx, t, c.pace.call, f)
}

func (c *conn) callWithin(ctx context.Context, t *trail, limit time.Duration, f func(context.Context) error) error {
	for {
		if err := c.limit.calm(ctx); err != nil {
			return stopped(err)
		}
		err := c.try(ctx, limit, f)
		if err == nil {
			t.well()
			return nil
		}
		var e *Error
		if !errors.As(err, &e) || !e.transient() {
			return err
		}
		again, waited := c.again(ctx, t, e, false)
		if waited != nil {
			return waited
		}
		if !again {
			e.Retries = t.retries
			return e
		}
	}
}

// try makes a call once.
func (c *conn) try(ctx context.Context, limit time.Duration, f func(context.Context) error) error {
	within, stop := context.WithTimeout(ctx, limit)
	defer stop()
	err := f(within)
	var sent *failed
	if errors.As(err, &sent) {
		err = sent.cause
	}
	return callError(ctx, err)
}

// request makes a call that the generated client does not fit: one whose body must come
// back with everything that it had, fields unknown here included, or with a condition. in
// and out are JSON values; etag, if given, is what the thing must still be.
func (c *conn) request(ctx context.Context, t *trail, method, path string, query url.Values, etag string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.MarshalWithOption(in, json.DisableHTMLEscape()); err != nil {
			return fmt.Errorf("write the request: %w", err)
		}
	}
	address := c.service.BasePath + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	return c.call(ctx, t, func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
		if err != nil {
			return err
		}
		if in != nil {
			r.Header.Set("Content-Type", "application/json")
		}
		if etag != "" {
			r.Header.Set("If-Match", etag)
		}
		r.Header.Set("User-Agent", userAgent)
		answer, err := c.http.Do(r)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		c.noteClock(answer)
		if err := googleapi.CheckResponse(answer); err != nil {
			return err
		}
		text, err := io.ReadAll(answer.Body)
		if err != nil || out == nil || len(bytes.TrimSpace(text)) == 0 {
			return err
		}
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(out); err != nil {
			return &Error{Reason: "invalidAnswer", Message: "the service's answer cannot be read: " + oneLine(err.Error()), Err: err}
		}
		return nil
	})
}

// place joins path segments, each escaped.
func place(segments ...string) string {
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	return strings.Join(segments, "/")
}
